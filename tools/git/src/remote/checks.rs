//! What the network side has been given, looked at before the first call: the `doctor` command.
//!
//! Nothing is connected to but the agent's socket on this machine, and no secret is part of what is said. A variable that is set and
//! cannot be used fails the check; one that is not set only limits what works.

use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;

use shared::http::{origin, proxy, tls};
use shared::{Environment, Result, ToolError, doctor::Check};

use super::credentials::{Credentials, SshIdentity};
use super::known_hosts;
use super::url::{Protocols, Scheme};
use super::{operation, ssh};

/// The variables of tokens, and where each goes.
const TOKENS: [(&str, &str); 3] =
    [("GIT_TOKEN", "the hosts of GIT_TOKEN_HOSTS"), ("GITHUB_TOKEN", "github.com"), ("GITLAB_TOKEN", "gitlab.com")];

/// Every check of the network side.
pub fn checks(environment: &Environment) -> Vec<Check> {
    let credentials = Credentials::new(environment.clone(), |secret| {
        shared::redact::register(secret);
    });
    let mut checks = vec![protocols(environment)];
    checks.extend(tokens(environment, &credentials));
    checks.extend([
        key(environment, &credentials),
        agent(environment),
        hosts(environment),
        proxy(environment),
        certificates(environment),
    ]);
    checks
}

/// What failed, with what to do about it, as one line.
fn words(error: &ToolError) -> String {
    match error.next_step() {
        Some(hint) => format!("{}; {hint}", error.message()),
        None => error.message().to_owned(),
    }
}

/// A check of something that is unusable when it fails.
fn checked(name: &'static str, result: Result<Check>) -> Check {
    result.unwrap_or_else(|error| Check::missing(name, words(&error)))
}

fn protocols(environment: &Environment) -> Check {
    const NAME: &str = "protocols";
    let found = || {
        let protocols = Protocols::from_environment(environment)?;
        let all = [Scheme::Https, Scheme::Ssh, Scheme::Http, Scheme::Git, Scheme::File];
        let allowed: Vec<&str> =
            all.into_iter().filter(|scheme| protocols.allows(*scheme)).map(Scheme::as_str).collect();
        let mut found = allowed.join(", ");
        if let Some(timeout) = operation::timeout(environment)? {
            let most = timeout.min(crate::transfer::TIMEOUT);
            found.push_str(&format!("; transfers end after {} s", most.as_secs()));
        }
        Ok(Check::fine(NAME, found))
    };
    checked(NAME, found())
}

fn tokens(environment: &Environment, credentials: &Credentials) -> Vec<Check> {
    let mut checks = Vec::new();
    for (variable, place) in TOKENS {
        match credentials.inspect(variable) {
            Ok(None) => {}
            Ok(Some(from)) if variable == "GIT_TOKEN" => checks.push(general(environment, &from)),
            Ok(Some(from)) => checks.push(Check::fine("token", format!("{variable} ({from}), given to {place}"))),
            Err(error) => checks.push(Check::missing("token", words(&error))),
        }
    }
    if checks.is_empty() {
        let without = "none: repositories that ask for a login over https cannot be reached; set GIT_TOKEN or GIT_TOKEN_FILE, \
                       GITHUB_TOKEN or GITLAB_TOKEN";
        checks.push(Check::limited("token", without));
    }
    checks
}

/// The token for every host, which should be for some.
fn general(environment: &Environment, from: &str) -> Check {
    let hosts = match environment.text("GIT_TOKEN_HOSTS") {
        Ok(hosts) => hosts,
        Err(error) => return Check::missing("token", words(&error)),
    };
    let Some(hosts) = hosts else {
        let warning = format!(
            "GIT_TOKEN ({from}) is given to any https host that an agent names and that asks for it; set GIT_TOKEN_HOSTS to the \
             hosts it is for"
        );
        return Check::limited("token", warning);
    };
    let entries: Vec<&str> = hosts.split(',').map(str::trim).filter(|entry| !entry.is_empty()).collect();
    let is_host = |entry: &&&str| !entry.contains(['/', '@', '*']) && !entry.chars().any(char::is_whitespace);
    if entries.is_empty() || !entries.iter().all(|entry| is_host(&entry)) {
        let remedy = "GIT_TOKEN_HOSTS has an entry that is no host, so the token goes nowhere it is meant to; name hosts, or host:port, \
                      between commas";
        return Check::missing("token", remedy);
    }
    Check::fine("token", format!("GIT_TOKEN ({from}), given to {}", entries.join(", ")))
}

fn key(environment: &Environment, credentials: &Credentials) -> Check {
    const NAME: &str = "ssh key";
    let Some(path) = environment.path("GIT_SSH_KEY_FILE") else {
        return match environment.path("SSH_AUTH_SOCK") {
            Some(_) => Check::fine(NAME, "none; the agent's are used"),
            None => Check::limited(
                NAME,
                "none: repositories over ssh cannot be reached; set GIT_SSH_KEY_FILE, or SSH_AUTH_SOCK to an agent's socket",
            ),
        };
    };
    let found = || {
        let identity: SshIdentity = credentials.ssh()?;
        let kind = ssh::check_key(&identity)?.unwrap_or_default();
        // Who may not look at the file may not be told; it was read just now.
        let mode = std::fs::metadata(&path).map_or(0, |file| file.permissions().mode() & 0o777);
        Ok(if mode & 0o077 == 0 {
            Check::fine(NAME, format!("{} ({kind})", path.display()))
        } else {
            let path = path.display();
            Check::limited(
                NAME,
                format!("{path} ({kind}) may be used by others (mode {mode:04o}); run chmod 600 {path}"),
            )
        })
    };
    checked(NAME, found())
}

fn agent(environment: &Environment) -> Check {
    const NAME: &str = "ssh agent";
    let Some(socket) = environment.path("SSH_AUTH_SOCK") else {
        return Check::fine(NAME, "none; SSH_AUTH_SOCK is not set");
    };
    match UnixStream::connect(&socket) {
        Ok(_) => Check::fine(NAME, socket.display().to_string()),
        Err(error) => Check::missing(
            NAME,
            format!(
                "cannot be reached at SSH_AUTH_SOCK ({}): {}; start ssh-agent and pass its socket on, or unset the variable",
                socket.display(),
                error.kind()
            ),
        ),
    }
}

fn hosts(environment: &Environment) -> Check {
    const NAME: &str = "known hosts";
    let found = || {
        let (count, files) = known_hosts::count(environment)?;
        let files = files.iter().map(|file| file.display().to_string()).collect::<Vec<_>>().join(" and ");
        Ok(match count {
            0 => Check::limited(
                NAME,
                format!(
                    "none in {files}: every ssh host is unknown and refused; have its key added there, or set GIT_SSH_KNOWN_HOSTS_FILE"
                ),
            ),
            count => Check::fine(NAME, format!("{count} in {files}")),
        })
    };
    checked(NAME, found())
}

fn proxy(environment: &Environment) -> Check {
    const NAME: &str = "proxy";
    let found = || {
        let proxies = proxy::proxies(environment)?;
        if proxies.is_empty() {
            return Ok(Check::fine(NAME, "none"));
        }
        let mut found: Vec<String> =
            proxies.iter().map(|(scheme, url)| format!("{scheme} by {}", origin::place(url))).collect();
        if let Some(exceptions) = environment.first_text(&["NO_PROXY", "no_proxy"])? {
            found.push(format!("not for {exceptions}"));
        }
        Ok(Check::fine(NAME, found.join(", ")))
    };
    checked(NAME, found())
}

fn certificates(environment: &Environment) -> Check {
    const NAME: &str = "certificates";
    let named: Vec<PathBuf> =
        ["SSL_CERT_FILE", "SSL_CERT_DIR"].iter().filter_map(|name| environment.path(name)).collect();
    let found = || {
        let count = tls::extra(environment)?;
        let (count, from) = match named.as_slice() {
            [] => (count, "this machine's".to_owned()),
            named => (count, named.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(" and ")),
        };
        Ok(Check::fine(NAME, format!("the compiled-in roots and {count} of {from}")))
    };
    checked(NAME, found())
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::path::Path;

    use super::*;

    /// The lines of the checks called `name`, in an environment of `pairs`.
    fn lines(name: &str, pairs: &[(&str, &str)]) -> String {
        let map: HashMap<String, String> = pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        let environment = Environment::from_fn(move |name| map.get(name).map(Into::into));
        let all: Vec<String> = checks(&environment).iter().map(ToString::to_string).collect();
        all.iter().filter(|line| line[9..].starts_with(name)).cloned().collect::<Vec<_>>().join("\n")
    }

    #[track_caller]
    fn says(name: &str, pairs: &[(&str, &str)], mark: &str, words: &[&str]) {
        let lines = lines(name, pairs);
        assert!(lines.starts_with(mark), "{lines}");
        for word in words {
            assert!(lines.contains(word), "{word:?} is not in {lines}");
        }
    }

    fn file(directory: &Path, name: &str, content: &str) -> String {
        let path = directory.join(name);
        std::fs::write(&path, content).unwrap();
        path.to_str().unwrap().to_owned()
    }

    #[test]
    fn an_empty_environment_limits_and_fails_nothing() {
        let environment = Environment::from_fn(|_| None);
        assert!(checks(&environment).iter().all(Check::passes));
        says("protocols", &[], "ok", &["https, ssh"]);
        says("token", &[], "limited", &["none", "GIT_TOKEN_FILE"]);
        says("ssh key", &[], "limited", &["GIT_SSH_KEY_FILE"]);
        says("proxy", &[], "ok", &["none"]);
        says("certificates", &[], "ok", &["compiled-in"]);
    }

    #[test]
    fn protocols_and_time() {
        says(
            "protocols",
            &[("GIT_ALLOW_PROTOCOLS", "http,file"), ("GIT_TIMEOUT", "30")],
            "ok",
            &["http, file", "30 s"],
        );
        says("protocols", &[("GIT_ALLOW_PROTOCOLS", "ftp")], "missing", &["file, http and git"]);
        for wrong in ["soon", "0", "-1", "1.5"] {
            says("protocols", &[("GIT_TIMEOUT", wrong)], "missing", &["GIT_TIMEOUT", "such as 120"]);
        }
    }

    #[test]
    fn tokens_are_told_of_and_never_told() {
        let directory = tempfile::tempdir().unwrap();
        let (full, empty) = (file(directory.path(), "t", "s3cret-v4lue\n"), file(directory.path(), "e", "\n"));
        says("token", &[("GIT_TOKEN", "s3cret-v4lue")], "limited", &["GIT_TOKEN_HOSTS", "any https host"]);
        let hosts = ("GIT_TOKEN_HOSTS", "git.example, h:8443");
        says("token", &[("GIT_TOKEN_FILE", &full), hosts], "ok", &["GIT_TOKEN_FILE", "given to git.example, h:8443"]);
        for wrong in ["https://git.example", "*.example", "a b", ","] {
            says("token", &[("GIT_TOKEN", "s3cret-v4lue"), ("GIT_TOKEN_HOSTS", wrong)], "missing", &["host:port"]);
        }
        says("token", &[("GITHUB_TOKEN", "s3cret-v4lue")], "ok", &["github.com"]);
        says("token", &[("GITLAB_TOKEN_FILE", &full)], "ok", &["gitlab.com"]);
        says("token", &[("GIT_TOKEN_FILE", "/nonexistent")], "missing", &["GIT_TOKEN_FILE names a readable file"]);
        says("token", &[("GIT_TOKEN_FILE", &empty)], "missing", &["GIT_TOKEN_FILE", "empty"]);
        says("token", &[("GIT_TOKEN", "s3cret-v4lue\nx")], "missing", &["control characters"]);
        says("token", &[("GIT_TOKEN", "s3cret-v4lue"), ("GIT_USERNAME", "a:b")], "missing", &["GIT_USERNAME"]);
        for pairs in [[("GIT_TOKEN", "s3cret-v4lue")], [("GIT_TOKEN_FILE", &full)], [("GIT_TOKEN", "s3cret-v4lue\nx")]]
        {
            assert!(!lines("", &pairs).contains("s3cret"), "{}", lines("", &pairs));
        }
    }

    #[test]
    fn keys_agents_and_hosts() {
        let directory = tempfile::tempdir().unwrap();
        let bad = file(directory.path(), "bad", "not a key s3cret-v4lue");
        says("ssh key", &[("GIT_SSH_KEY_FILE", &bad)], "missing", &["private half"]);
        assert!(!lines("", &[("GIT_SSH_KEY_FILE", &bad)]).contains("s3cret"));
        says(
            "ssh key",
            &[("GIT_SSH_KEY_FILE", "/nonexistent")],
            "missing",
            &["GIT_SSH_KEY_FILE names a readable file"],
        );
        let socket = directory.path().join("s");
        let nobody = ("SSH_AUTH_SOCK", socket.to_str().unwrap());
        says("ssh agent", &[nobody], "missing", &["SSH_AUTH_SOCK", "ssh-agent"]);
        let _agent = std::os::unix::net::UnixListener::bind(&socket).unwrap();
        says("ssh agent", &[nobody], "ok", &["/s"]);
        says("ssh key", &[nobody], "ok", &["the agent's"]);
        let line = "git.example ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJdD7y3aLq454yWBdwLWbieU1ebz9/cu7/QEXn9OIeZJ\n";
        let (known, none) =
            (file(directory.path(), "known", line), file(directory.path(), "none", "# nobody\nbroken\n"));
        says("known hosts", &[("GIT_SSH_KNOWN_HOSTS_FILE", &known)], "ok", &["1 in "]);
        says("known hosts", &[("GIT_SSH_KNOWN_HOSTS_FILE", &none)], "limited", &["unknown and refused"]);
        says("known hosts", &[("GIT_SSH_KNOWN_HOSTS_FILE", "/nonexistent")], "missing", &["readable known_hosts"]);
    }

    #[test]
    fn proxies_and_certificates() {
        let proxy = [("HTTPS_PROXY", "http://me:s3cret-v4lue@proxy.example:3128"), ("NO_PROXY", "localhost")];
        says("proxy", &proxy, "ok", &["https by http://proxy.example:3128", "not for localhost"]);
        assert!(!lines("", &proxy).contains("s3cret"));
        says("proxy", &[("HTTPS_PROXY", "socks5://h:1")], "missing", &["HTTPS_PROXY", "http://host:port"]);
        let directory = tempfile::tempdir().unwrap();
        let empty = file(directory.path(), "ca.pem", "nothing");
        says("certificates", &[("SSL_CERT_FILE", &empty)], "missing", &["SSL_CERT_FILE", "PEM"]);
    }
}
