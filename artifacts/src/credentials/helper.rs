//! `docker-credential-NAME get`: the program gets the server's name on stdin and answers a name and a secret on stdout.

use std::{
    io::{Read, Write},
    process::{Child, Command, Stdio},
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use serde::Deserialize;

use super::{Credential, Found, Secret, basic};
use crate::{Error, Kind, Result, environment::Environment, words};

/// How long a helper may take; some ask the keyring of a desktop, which may ask the person.
const PATIENCE: Duration = Duration::from_secs(30);
/// How much it may say.
const OUTPUT_MAX: u64 = 64 << 10;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    #[serde(default)]
    username: String,
    #[serde(default)]
    secret: String,
}

/// Asks the helper `name`, which the configuration at `source` names, about `server`. `None`: it knows none.
pub(super) fn get(name: &str, server: &str, source: &str, environment: &Environment) -> Result<Option<Found>> {
    get_within(name, server, source, environment, PATIENCE)
}

fn get_within(
    name: &str,
    server: &str,
    source: &str,
    environment: &Environment,
    patience: Duration,
) -> Result<Option<Found>> {
    let failed = |why: String| Error::new(Kind::Unauthenticated, format!("{source}: {why}"));
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    if name.is_empty() || name.len() > 64 || name.starts_with(['-', '.']) || !name.bytes().all(plain) {
        return Err(failed(format!("{name:?} is not the name of a credential helper")));
    }
    let program = format!("docker-credential-{name}");
    let failed = |why: String| failed(format!("{program}: {why}"));
    let mut command = Command::new(&program);
    command.arg("get").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    if let Some(path) = environment.path("PATH") {
        command.env("PATH", path);
    }
    // Its own group, so that a wrapper dies with what it started.
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    let mut child = command.spawn().map_err(|error| failed(format!("it cannot be started: {error}")))?;
    let (outcome, said, complaint) = converse(&mut child, server, patience).map_err(failed)?;
    let Some(success) = outcome else {
        return Err(failed(format!("it did not answer within {} s", patience.as_secs_f32())));
    };
    if !success {
        // The protocol says errors on stdout.
        let said = if said.is_empty() { complaint } else { said };
        let said = String::from_utf8_lossy(&said);
        if said.contains("credentials not found in native keychain") {
            return Ok(None);
        }
        return Err(failed(format!("it failed: {}", words::tame(&said, &[]))));
    }
    // What it said is not repeated: it may be the secret.
    let answer: Answer =
        serde_json::from_slice(&said).map_err(|_| failed("its answer is not what the protocol says".to_owned()))?;
    if answer.secret.is_empty() {
        return Err(failed("its answer holds no secret".to_owned()));
    }
    let secret = Secret::new(answer.secret);
    let source = format!("{program} ({source})");
    let credential = match answer.username.as_str() {
        "<token>" => Credential::Identity(secret),
        "" => return Err(failed("its answer holds no user name".to_owned())),
        _ => basic(answer.username, secret, &source)?,
    };
    Ok(Some(Found { credential, source }))
}

type Conversation = (Option<bool>, Vec<u8>, Vec<u8>);

/// Tells the child `server` and listens. No outcome: it took too long, and was killed.
fn converse(child: &mut Child, server: &str, patience: Duration) -> std::result::Result<Conversation, String> {
    let deadline = Instant::now() + patience;
    let (send, receive) = mpsc::channel();
    let listen = |pipe: Option<Box<dyn Read + Send>>, which: usize| {
        let send = send.clone();
        thread::spawn(move || {
            let mut heard = Vec::new();
            if let Some(pipe) = pipe {
                let _ = pipe.take(OUTPUT_MAX + 1).read_to_end(&mut heard);
            }
            let _ = send.send((which, heard));
        });
    };
    listen(child.stdout.take().map(|pipe| Box::new(pipe) as Box<dyn Read + Send>), 0);
    listen(child.stderr.take().map(|pipe| Box::new(pipe) as Box<dyn Read + Send>), 1);
    if let Some(mut stdin) = child.stdin.take() {
        // A helper that does not listen answers, or fails, all the same. The name is shorter than a pipe holds.
        let _ = stdin.write_all(server.as_bytes());
    }
    let mut heard = [Vec::new(), Vec::new()];
    let mut ended = None;
    for _ in 0..2 {
        match receive.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            Ok((which, bytes)) if bytes.len() as u64 <= OUTPUT_MAX => heard[which] = bytes,
            Ok(_) => {
                kill(child);
                return Err("it says too much".to_owned());
            }
            Err(_) => break,
        }
    }
    while Instant::now() < deadline {
        match child.try_wait() {
            Ok(Some(status)) => {
                ended = Some(status.success());
                break;
            }
            Ok(None) => thread::sleep(Duration::from_millis(2)),
            Err(error) => return Err(error.to_string()),
        }
    }
    if ended.is_none() {
        kill(child);
    }
    let [said, complaint] = heard;
    Ok((ended, said, complaint))
}

fn kill(child: &mut Child) {
    if let Some(group) = rustix::process::Pid::from_raw(child.id().cast_signed()) {
        let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
    }
    let _ = child.kill();
    let _ = child.wait();
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{ffi::OsString, fs, os::unix::fs::PermissionsExt};

    fn ask(script: &str, patience: u64) -> Result<Option<Found>> {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("docker-credential-test");
        fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        let mut search = OsString::from(place.path());
        search.push(":/bin:/usr/bin");
        let environment = Environment::from_fn(move |name| (name == "PATH").then(|| search.clone()));
        get_within("test", "h.example", "config.json", &environment, Duration::from_millis(patience))
    }

    #[test]
    fn the_protocol_is_spoken() {
        let found =
            ask(r#"test "$1" = get && read -r server; echo "{\"Username\":\"me\",\"Secret\":\"of $server\"}""#, 5000);
        let expected = Credential::Basic { username: "me".into(), password: Secret::new("of h.example") };
        assert_eq!(found.unwrap().unwrap().credential, expected);
        let found = ask(r#"echo '{"Username":"<token>","Secret":"t"}'"#, 5000);
        assert_eq!(found.unwrap().unwrap().credential, Credential::Identity(Secret::new("t")));
        assert_eq!(ask("echo credentials not found in native keychain; exit 1", 5000), Ok(None));
    }

    #[test]
    fn what_fails_is_an_error_and_says_nothing_it_should_not() {
        for (script, words) in [
            ("echo the keyring is locked >&2; exit 3", "it failed: the keyring is locked"),
            (r#"printf '\033[31mred'; exit 1"#, "it failed: [31mred"),
            ("echo hunter2", "not what the protocol says"),
            (r#"echo '{"Username":"hunter2"}'"#, "no secret"),
            (r#"echo '{"Secret":"hunter2"}'"#, "no user name"),
            ("sleep 60", "did not answer within"),
            ("yes", "says too much"),
        ] {
            let error = ask(script, if script == "sleep 60" { 300 } else { 10_000 }).unwrap_err();
            assert_eq!(error.kind, Kind::Unauthenticated);
            assert!(error.message.contains(words), "{} lacks {words}", error.message);
            assert!(!error.message.contains("hunter2"), "{}", error.message);
        }
    }

    #[test]
    fn a_name_is_neither_a_path_nor_a_flag() {
        let environment = Environment::from_fn(|_| None);
        for name in ["", "../x", "a/b", "-x", ".x", "a b", "a;b", "a\0b"] {
            let error = get(name, "h", "config.json", &environment).unwrap_err();
            assert!(error.message.contains("not the name of a credential helper"), "{}", error.message);
        }
    }
}
