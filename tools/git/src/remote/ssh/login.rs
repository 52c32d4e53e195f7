//! Logging in over ssh: the key file first, because somebody chose it for this, then the keys of the agent.

use std::sync::Arc;

use russh::client::AuthResult;
use russh::keys::agent::AgentIdentity;
use russh::keys::agent::client::AgentClient;
use russh::keys::{Error as KeyError, HashAlg, PrivateKey, PrivateKeyWithHashAlg, decode_secret_key};

use super::super::credentials::{self, Secret, SshIdentity};
use super::super::operation::Operation;
use super::{Session, broken};
use shared::{Code, Result, ToolError};

/// Servers count attempts (OpenSSH: six); offering every key of a full agent would end in a disconnect.
const MAX_AGENT_KEYS: usize = 5;

/// Authenticates `user`, or says what was tried.
///
/// # Errors
/// [`Code::Unauthenticated`] when nothing is set up or everything was refused; the errors of reading the key or asking the agent.
pub(super) async fn log_in(operation: &Operation, session: &mut Session, user: &str, place: &str) -> Result<()> {
    let identity = operation.network().credentials().ssh()?;
    let mut tried = Vec::new();
    if let Some(text) = &identity.key {
        let key = private_key(text, &identity)?;
        let key = PrivateKeyWithHashAlg::new(Arc::new(key), None);
        let result = session.authenticate_publickey(user, key).await.map_err(|error| broken(place, &error))?;
        if result.success() {
            return Ok(());
        }
        tried.push("the key of GIT_SSH_KEY_FILE".to_owned());
    }
    if let Some(socket) = &identity.agent {
        match with_agent(session, user, socket).await {
            Ok(Some(())) => return Ok(()),
            Ok(None) => tried.push("the keys of the ssh-agent".to_owned()),
            Err(reason) => tried.push(format!("the ssh-agent ({reason})")),
        }
    }
    if tried.is_empty() {
        // A public server may take anybody.
        let result = session.authenticate_none(user).await.map_err(|error| broken(place, &error))?;
        return if result.success() { Ok(()) } else { Err(credentials::none_for(&format!("{user}@{place}"), true)) };
    }
    Err(ToolError::new(
        Code::Unauthenticated,
        format!("log in to {user}@{place}: refused; tried {}", tried.join(" and ")),
    )
    .hint("check that the public key is registered there for this user"))
}

/// Whether the key of `identity` can be used: its kind; `None` when there is no key.
///
/// # Errors
/// Those of reading it; nothing of the key is part of them.
pub(in super::super) fn check_key(identity: &SshIdentity) -> Result<Option<String>> {
    let key = identity.key.as_ref().map(|text| private_key(text, identity)).transpose()?;
    Ok(key.map(|key| key.algorithm().to_string()))
}

fn private_key(text: &Secret, identity: &SshIdentity) -> Result<PrivateKey> {
    let passphrase = identity.passphrase.as_ref().map(Secret::reveal);
    let unusable =
        |reason: &str| ToolError::new(Code::Unauthenticated, format!("use the key of GIT_SSH_KEY_FILE: {reason}"));
    let rsa = || {
        unusable("it is an RSA key, which is only supported through an ssh-agent")
            .hint("use an ed25519 or ecdsa key, or an ssh-agent")
    };
    let key = decode_secret_key(text.reveal(), passphrase).map_err(|error| {
        if text.reveal().contains("BEGIN RSA PRIVATE KEY") {
            return rsa();
        }
        match (error, passphrase.is_some()) {
            (KeyError::KeyIsEncrypted, false) => {
                unusable("it is encrypted").hint("put its passphrase into a file and set GIT_SSH_KEY_PASSPHRASE_FILE")
            }
            (_, true) => unusable("it cannot be read with this passphrase").hint("check GIT_SSH_KEY_PASSPHRASE_FILE"),
            (_, false) => unusable("it is not a private key in a known format")
                .hint("use the private half, in OpenSSH or PEM format"),
        }
    })?;
    if key.algorithm().is_rsa() { Err(rsa()) } else { Ok(key) }
}

/// Tries the agent's keys; `None` when it has none that the server takes. The error is a reason in words of ours.
async fn with_agent(session: &mut Session, user: &str, socket: &std::path::Path) -> Result<Option<()>, &'static str> {
    let mut agent = AgentClient::connect_uds(socket).await.map_err(|_| "cannot be reached at SSH_AUTH_SOCK")?;
    let identities = agent.request_identities().await.map_err(|_| "does not list its keys")?;
    let mut refused = None;
    for identity in identities.into_iter().take(MAX_AGENT_KEYS) {
        let result: Result<AuthResult, _> = match identity {
            AgentIdentity::PublicKey { key, .. } => {
                let hash = if key.algorithm().is_rsa() { rsa_hash(session).await } else { None };
                session.authenticate_publickey_with(user, key, hash, &mut agent).await
            }
            AgentIdentity::Certificate { certificate, .. } => {
                let hash = if certificate.algorithm().is_rsa() { rsa_hash(session).await } else { None };
                session.authenticate_certificate_with(user, certificate, hash, &mut agent).await
            }
        };
        match result {
            Ok(AuthResult::Success) => return Ok(Some(())),
            Ok(AuthResult::Failure { .. }) => {}
            // One key that the agent cannot use does not stand for the others.
            Err(_) => refused = Some("could not sign"),
        }
        if session.is_closed() {
            return Err("offered keys until the server hung up");
        }
    }
    refused.map_or(Ok(None), Err)
}

/// The hash for an RSA signature; never SHA-1.
async fn rsa_hash(session: &Session) -> Option<HashAlg> {
    match session.best_supported_rsa_hash().await {
        Ok(Some(Some(hash))) => Some(hash),
        _ => Some(HashAlg::Sha512),
    }
}
