//! Credential plug-ins: programs that a kubeconfig names, and that print a token or a certificate.
//!
//! The client could run them, and would wait for one that hangs for as long as it hangs. Here they are run as every other program is: ended with
//! the call and with all they started, without a terminal (they would read the protocol), and with no more of the environment than is theirs.
//! What they print is known to the redaction before anything else sees it.

use std::{collections::BTreeMap, env, time::Duration};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use kube::config::{AuthInfo, ExecConfig};
use serde::Deserialize;
use serde_json::json;
use shared::{
    Code, Result, ToolError, Untrusted,
    exec::{Argv, CancellationToken, Capture, Command, Ended, Program},
    redact,
};

/// The most bytes of what one prints: certificates of a long chain, and a key.
const PRINTED_MAX: usize = 256 << 10;
/// From how many bytes on a word of one that fails is not shown.
const WORD_MAX: usize = 24;
/// What one may know of our environment, besides what the kubeconfig sets for it and what every program knows.
const MAY_KNOW: &[&str] = &[
    "USER",
    "LOGNAME",
    "KUBECONFIG",
    "HTTPS_PROXY",
    "HTTP_PROXY",
    "NO_PROXY",
    "https_proxy",
    "http_proxy",
    "no_proxy",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
];
/// Beginnings of the names of more such variables. Whole families, since each cloud has its own.
const FAMILIES: &[&str] = &["AWS_", "AZURE_", "AAD_", "GOOGLE_", "CLOUDSDK_", "GKE_", "OCI_", "DIGITALOCEAN_", "XDG_"];

/// What a plug-in prints: `ExecCredential` of client.authentication.k8s.io.
#[derive(Deserialize)]
struct Printed {
    status: Option<Credentials>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Credentials {
    token: Option<String>,
    client_certificate_data: Option<String>,
    client_key_data: Option<String>,
}

/// Puts what the plug-in of `auth` prints, if it has one, in its place.
///
/// # Errors
/// A plug-in that is not there, fails, does not end within `limit`, or prints no credentials.
pub async fn run(auth: &mut AuthInfo, limit: Duration, cancel: &CancellationToken) -> Result<()> {
    let Some(exec) = auth.exec.take() else { return Ok(()) };
    let program = program(&exec)?;
    let command = command(&exec, &program)?.timeout(limit).stdout(Capture::Whole { max: PRINTED_MAX });
    let outcome = command.run(cancel).await.map_err(|error| installed(error, &exec))?;
    let name = Untrusted::line(program.name()).quoted().to_string();
    match outcome.ended {
        Ended::Cancelled => return Err(ToolError::new(Code::Cancelled, "the call was cancelled")),
        Ended::TimedOut => {
            return Err(ToolError::new(Code::Timeout, format!("the credential plug-in {name} did not end in time"))
                .hint("have the operator run it by hand: it may be waiting for somebody to log in"));
        }
        Ended::Exited => {}
    }
    if !outcome.success() {
        // One that fails may have printed its token all the same.
        for printed in [&outcome.stdout.head, &outcome.stderr.head] {
            take(&mut AuthInfo::default(), printed);
        }
        let error = ToolError::new(Code::Unauthenticated, format!("the credential plug-in {name} failed"))
            .hint("have the operator log in, or correct the user of this context in the kubeconfig");
        return Err(error.with_said(words(&outcome.stderr_end())));
    }
    take(auth, &outcome.stdout.head).ok_or_else(|| {
        // What it printed may be the very secret.
        ToolError::new(
            Code::Unauthenticated,
            format!("the credential plug-in {name} printed no credentials that are understood"),
        )
        .hint("have the operator run it by hand: an ExecCredential with a token, or a certificate and its key, is expected")
    })
}

/// What a plug-in says of its failure, without words that may be a token: nobody knows yet what its tokens look like.
fn words(said: &str) -> String {
    let word = |word: &str| {
        let place = ["/", "./", "~/", "http://", "https://"].iter().any(|start| word.starts_with(start));
        if word.len() < WORD_MAX || place { word.to_owned() } else { String::from("[redacted:long-word]") }
    };
    let line = |line: &str| line.split(' ').map(word).collect::<Vec<_>>().join(" ");
    said.lines().map(line).collect::<Vec<_>>().join("\n")
}

fn program(exec: &ExecConfig) -> Result<Program> {
    let Some(name) = exec.command.as_deref().filter(|name| !name.is_empty()) else {
        return Err(ToolError::new(Code::Unauthenticated, "the credential plug-in of this context has no command")
            .hint("have the operator correct its user in the kubeconfig"));
    };
    Program::configured(name).map_err(|error| installed(error, exec))
}

/// With what the kubeconfig says of where to get it.
fn installed(error: ToolError, exec: &ExecConfig) -> ToolError {
    match exec.install_hint.as_deref().filter(|hint| error.code() == Code::Unavailable && !hint.is_empty()) {
        Some(hint) => error.with_said(hint.to_owned()),
        None => error,
    }
}

fn command(exec: &ExecConfig, program: &Program) -> Result<Command<'static>> {
    let argv = Argv::new().configured(exec.args.iter().flatten())?;
    let mut spec = json!({"interactive": false});
    if exec.provide_cluster_info {
        spec["cluster"] = serde_json::to_value(&exec.cluster).unwrap_or_default();
    }
    let info = json!({"apiVersion": exec.api_version, "kind": "ExecCredential", "spec": spec});
    let mut variables: BTreeMap<String, String> = env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .filter(|(name, _)| MAY_KNOW.contains(&name.as_str()) || FAMILIES.iter().any(|family| name.starts_with(family)))
        .collect();
    let set = exec.env.iter().flatten().filter_map(|pair| Some((pair.get("name")?, pair.get("value")?)));
    variables.extend(set.map(|(name, value)| (name.clone(), value.clone())));
    variables.insert(String::from("KUBERNETES_EXEC_INFO"), info.to_string());
    let command = Command::new(program).argv(argv);
    variables.into_iter().try_fold(command, |command, (name, value)| command.configured_env(name, value))
}

/// Takes over what was printed; nothing if that is nothing.
fn take(auth: &mut AuthInfo, printed: &[u8]) -> Option<()> {
    let printed: Printed = serde_saphyr::from_slice(printed).ok()?;
    let Credentials { token, client_certificate_data, client_key_data } = printed.status?;
    let token = token.map(|token| token.trim().to_owned()).filter(|token| !token.is_empty());
    let pair = client_certificate_data.zip(client_key_data);
    if token.is_none() && pair.is_none() {
        return None;
    }
    if let Some(token) = token {
        redact::register(&token);
        if !token.bytes().all(|byte| (0x20..0x7f).contains(&byte)) {
            return None;
        }
        auth.token = Some(token.into());
    }
    if let Some((certificate, key)) = pair {
        redact::register(&key);
        auth.client_certificate_data = Some(STANDARD.encode(certificate));
        auth.client_key_data = Some(STANDARD.encode(key).into());
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_printed_is_taken_over() {
        let token = |printed: &str| {
            let mut auth = AuthInfo::default();
            take(&mut auth, printed.as_bytes())?;
            serde_json::to_value(&auth).unwrap()["token"].as_str().map(str::to_owned)
        };
        assert_eq!(token(r#"{"kind": "ExecCredential", "status": {"token": "abc\n"}}"#).as_deref(), Some("abc"));
        assert_eq!(token("kind: ExecCredential\nstatus: {token: abc}\n").as_deref(), Some("abc"));
        for printed in ["", "{}", "null", "{", r#"{"status": {}}"#, r#"{"status": {"token": " "}}"#, "\u{ff}"] {
            assert_eq!(token(printed), None, "{printed}");
        }
        assert_eq!(token(r#"{"status": {"token": "a\r\nb"}}"#), None);
        assert_eq!(token(r#"{"status": {"clientCertificateData": "c"}}"#), None);
        let mut auth = AuthInfo::default();
        take(&mut auth, br#"{"status": {"clientCertificateData": "cert", "clientKeyData": "key-of-it"}}"#).unwrap();
        let auth = serde_json::to_value(&auth).unwrap();
        assert_eq!(
            (&auth["client-certificate-data"], &auth["client-key-data"]),
            (&json!("Y2VydA=="), &json!("a2V5LW9mLWl0"))
        );
    }

    #[test]
    fn long_words_of_a_failure_are_not_shown() {
        assert_eq!(
            words(
                "error: session of /home/somebody/.cache/a-long-path expired\ngot SUPERSECRETTOKEN-zxcvbnm123456, run login"
            ),
            "error: session of /home/somebody/.cache/a-long-path expired\ngot [redacted:long-word] run login"
        );
    }

    #[test]
    fn it_knows_no_foreign_secret() {
        let exec: ExecConfig = serde_json::from_value(json!({
            "apiVersion": "client.authentication.k8s.io/v1", "command": "/bin/true", "args": ["--own", "-x"],
            "env": [{"name": "CARGO_PKG_NAME", "value": "mine"}]}))
        .unwrap();
        let command = command(&exec, &program(&exec).unwrap()).unwrap();
        assert_eq!(command.args(), ["--own", "-x"]);
        let shown = format!("{command:?}");
        assert!(shown.contains("CARGO_PKG_NAME") && shown.contains("KUBERNETES_EXEC_INFO"), "{shown}");
        assert!(!shown.contains("CARGO_PKG_VERSION") && !shown.contains("mine"), "{shown}");
    }
}
