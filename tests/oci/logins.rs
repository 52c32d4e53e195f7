//! Who may do what.

use harness::registry::{Login, Options, PASSWORD, Registry, Tools, USER, lacking};
use harness::skip;

use super::{push, refused, said};

#[test]
fn basic_authentication_takes_the_right_password_only() {
    if let Some(reason) = lacking(&["registry", "crane", "oras", "skopeo"]) {
        return skip("basic_authentication_takes_the_right_password_only", &reason);
    }
    let registry = Registry::start(Options { login: Login::Basic, ..Options::default() });
    let reference = registry.reference("behind/a-password", "1");
    let image = format!("docker://{reference}");
    let all_refused = || {
        for output in [
            registry.crane(&["digest", &reference]),
            registry.oras(&["manifest", "fetch", "--plain-http", &reference]),
            registry.skopeo(&["inspect", "--tls-verify=false", &image]),
        ] {
            let refusal = refused(&output).to_lowercase();
            let reasons = ["unauthorized", "authentication required", "credential not found"];
            assert!(reasons.iter().any(|reason| refusal.contains(reason)), "{refusal}");
        }
    };
    all_refused();
    registry.log_in(USER, "wrong");
    all_refused();
    registry.log_in(USER, PASSWORD);
    push(&registry, &reference, b"behind a password\n");
    let digest = said(&registry.crane(&["digest", &reference]));
    assert!(said(&registry.oras(&["manifest", "fetch", "--plain-http", "--descriptor", &reference])).contains(&digest));
    assert_eq!(said(&registry.skopeo(&["inspect", "--tls-verify=false", "--format={{.Digest}}", &image])), digest);
}

#[test]
fn tokens_are_for_everybody_to_pull_and_for_the_user_to_push() {
    if let Some(reason) = lacking(&["registry", "crane", "oras", "skopeo"]) {
        return skip("tokens_are_for_everybody_to_pull_and_for_the_user_to_push", &reason);
    }
    let registry = Registry::start(Options { login: Login::Token, ..Options::default() });
    let reference = registry.reference("behind/a-token", "1");
    let image = format!("docker://{reference}");
    let layer = super::layer(registry.tools().home(), b"behind a token\n");
    let append = ["append", "--new_tag", &reference, "--new_layer", &layer];
    refused(&registry.crane(&append));
    registry.log_in(USER, "wrong");
    refused(&registry.crane(&append));
    assert!(registry.tokens().asked().iter().any(|asked| asked.status == 401));
    registry.log_in(USER, PASSWORD);
    said(&registry.crane(&append));
    let pushed = registry.tokens().asked();
    let pushes = |scope: &String| scope.starts_with("repository:behind/a-token:") && scope.contains("push");
    assert!(pushed.iter().any(|asked| asked.authorization.is_some() && asked.scopes.iter().any(pushes)), "{pushed:?}");
    // Anybody may read, with a token that nobody had to log in for.
    let anybody = Tools::new(None);
    let digest = said(&anybody.crane(&["digest", &reference]));
    let fetched = said(&anybody.oras(&["manifest", "fetch", "--plain-http", "--descriptor", &reference]));
    assert!(fetched.contains(&digest));
    assert_eq!(said(&anybody.skopeo(&["inspect", "--tls-verify=false", "--format={{.Digest}}", &image])), digest);
    assert!(registry.tokens().asked().len() > pushed.len());
}

#[test]
fn a_token_that_has_expired_is_refused() {
    if let Some(reason) = lacking(&["registry", "crane"]) {
        return skip("a_token_that_has_expired_is_refused", &reason);
    }
    let registry = Registry::start(Options { login: Login::Token, ..Options::default() });
    let reference = registry.reference("behind/a-token", "1");
    registry.log_in(USER, PASSWORD);
    push(&registry, &reference, b"behind a token\n");
    registry.tokens().expired(usize::MAX);
    refused(&registry.crane(&["digest", &reference]));
    registry.tokens().expired(0);
    said(&registry.crane(&["digest", &reference]));
}

#[test]
fn over_tls_the_token_server_speaks_tls_too() {
    if let Some(reason) = lacking(&["registry", "crane", "oras", "skopeo"]) {
        return skip("over_tls_the_token_server_speaks_tls_too", &reason);
    }
    let registry = Registry::start(Options { tls: true, login: Login::Token, ..Options::default() });
    let reference = registry.reference("behind/a-token", "1");
    registry.log_in(USER, PASSWORD);
    push(&registry, &reference, b"behind a token, over tls\n");
    let digest = said(&registry.crane(&["digest", &reference]));
    let fetch = ["manifest", "fetch", "--plain-http=false", "--descriptor", &reference];
    assert!(said(&registry.oras(&fetch)).contains(&digest));
    let image = format!("docker://{reference}");
    assert_eq!(said(&registry.skopeo(&["inspect", "--format={{.Digest}}", &image])), digest);
    assert!(registry.tokens().asked().iter().any(|asked| asked.authorization.is_some()));
}
