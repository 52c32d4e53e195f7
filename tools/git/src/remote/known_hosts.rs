//! The host keys this machine trusts.
//!
//! Reads OpenSSH's `known_hosts` format: patterns with `*`, `?` and `!`, `[host]:port`, hashed names, `@revoked`. Certificate
//! authorities are not used: we never ask a server for a certificate, so it always shows a bare key. A line that cannot be parsed
//! is skipped, as OpenSSH does; it can only make a host unknown, never known.

use std::path::{Path, PathBuf};

use ring::hmac;
use russh::keys::ssh_key::known_hosts::{Entry, HostPatterns, Marker};
use russh::keys::{Algorithm, HashAlg, PublicKey};

use shared::{Code, Environment, Result, ToolError};

/// No sane file is larger; the bound keeps a wrong path from filling memory.
const MAX_FILE: u64 = 16 * 1024 * 1024;

/// What is known about one host.
#[derive(Debug, Default)]
pub(crate) struct KnownHost {
    name: String,
    trusted: Vec<(PublicKey, String)>,
    revoked: Vec<PublicKey>,
    files: Vec<PathBuf>,
}

impl KnownHost {
    /// Reads the entries of `host` from `GIT_SSH_KNOWN_HOSTS_FILE`, or from the user's and the machine's files.
    ///
    /// # Errors
    /// [`Code::Unavailable`] when the named file cannot be read; the usual files may be absent.
    pub(crate) fn load(environment: &Environment, host: &str, port: u16) -> Result<Self> {
        let name = if port == 22 { host.to_owned() } else { format!("[{host}]:{port}") };
        let mut known = Self { name, ..Self::default() };
        for (path, text) in files(environment)? {
            known.add(&text, &path);
        }
        Ok(known)
    }

    fn add(&mut self, text: &str, path: &Path) {
        self.files.push(path.to_owned());
        for (index, line) in text.lines().enumerate() {
            let Some(entry) = entry(line) else { continue };
            if !matches(entry.host_patterns(), &self.name) {
                continue;
            }
            match entry.marker() {
                None => self.trusted.push((entry.public_key().clone(), format!("{}:{}", path.display(), index + 1))),
                Some(Marker::Revoked) => self.revoked.push(entry.public_key().clone()),
                Some(Marker::CertAuthority) => {}
            }
        }
    }

    /// The algorithms to ask the server for: those of known keys first, so that a server with several keys shows the one we can check.
    pub(crate) fn preferred(&self, supported: &[Algorithm]) -> Vec<Algorithm> {
        let known = |algorithm: &Algorithm| self.trusted.iter().any(|(key, _)| key.algorithm() == *algorithm);
        let (first, rest): (Vec<_>, Vec<_>) = supported.iter().cloned().partition(known);
        first.into_iter().chain(rest).collect()
    }

    /// Whether `key` may speak for this host.
    ///
    /// # Errors
    /// [`Code::Forbidden`], with different words for a revoked, a changed and an unknown key, and the key's fingerprint.
    pub(crate) fn verify(&self, key: &PublicKey) -> Result<()> {
        let (name, fingerprint) = (&self.name, key.fingerprint(HashAlg::Sha256));
        let same = |known: &PublicKey| known.key_data() == key.key_data();
        if self.revoked.iter().any(same) {
            return Err(ToolError::new(
                Code::Forbidden,
                format!("verify the host key of {name}: the key {fingerprint} is marked as revoked"),
            )
            .hint("do not connect; ask the host's operator which key is right"));
        }
        if self.trusted.iter().any(|(known, _)| same(known)) {
            return Ok(());
        }
        let algorithm = key.algorithm();
        if let Some((known, place)) = self.trusted.iter().find(|(known, _)| known.algorithm() == algorithm) {
            let expected = known.fingerprint(HashAlg::Sha256);
            return Err(ToolError::new(
                Code::Forbidden,
                format!("verify the host key of {name}: it has changed: {place} has {expected}, the host shows {fingerprint}"),
            )
            .hint("somebody may be in between; if the host's operator confirms the new key, have it replaced in that file"));
        }
        let files = self.files.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(" and ");
        Err(ToolError::new(
            Code::Forbidden,
            format!("verify the host key of {name}: the host is unknown; it shows a {algorithm} key with fingerprint {fingerprint}"),
        )
        .hint(format!(
            "compare the fingerprint with the one the host's operator publishes and have the key added to {files}, or set GIT_SSH_KNOWN_HOSTS_FILE"
        )))
    }
}

/// The files that hold known hosts, with their text.
fn files(environment: &Environment) -> Result<Vec<(PathBuf, String)>> {
    if let Some(path) = environment.path("GIT_SSH_KNOWN_HOSTS_FILE") {
        let text = read(&path).map_err(|error| {
            ToolError::new(Code::Unavailable, format!("read GIT_SSH_KNOWN_HOSTS_FILE: {}", error.kind()))
                .hint("point GIT_SSH_KNOWN_HOSTS_FILE at a readable known_hosts file")
        })?;
        return Ok(vec![(path, text)]);
    }
    let user = environment.path("HOME").map(|home| home.join(".ssh/known_hosts"));
    let usual = user.into_iter().chain([PathBuf::from("/etc/ssh/ssh_known_hosts")]);
    // The usual files may be absent; messages name them all the same.
    Ok(usual.map(|path| (read(&path).unwrap_or_default(), path)).map(|(text, path)| (path, text)).collect())
}

/// How many entries there are for any host, and the files they were looked for in.
///
/// # Errors
/// As [`KnownHost::load`].
pub(crate) fn count(environment: &Environment) -> Result<(usize, Vec<PathBuf>)> {
    let files = files(environment)?;
    let entries = files.iter().flat_map(|(_, text)| text.lines()).filter_map(entry);
    Ok((entries.filter(|entry| entry.marker().is_none()).count(), files.into_iter().map(|(path, _)| path).collect()))
}

fn entry(line: &str) -> Option<Entry> {
    let line = line.trim().replace('\t', " ");
    if line.is_empty() || line.starts_with('#') { None } else { line.parse().ok() }
}

fn read(path: &Path) -> std::io::Result<String> {
    use std::io::Read as _;
    let mut bytes = Vec::new();
    std::fs::File::open(path)?.take(MAX_FILE).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn matches(patterns: &HostPatterns, name: &str) -> bool {
    match patterns {
        HostPatterns::HashedName { salt, hash } => {
            let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, salt);
            hmac::verify(&key, name.as_bytes(), hash).is_ok()
        }
        HostPatterns::Patterns(patterns) => {
            let mut found = false;
            for pattern in patterns {
                match pattern.strip_prefix('!') {
                    Some(negated) if glob(negated, name) => return false,
                    Some(_) => {}
                    None => found |= glob(pattern, name),
                }
            }
            found
        }
    }
}

/// `*` and `?` against a host name, without case. Linear backtracking: only the last star is retried.
fn glob(pattern: &str, name: &str) -> bool {
    let (pattern, name) = (pattern.to_ascii_lowercase().into_bytes(), name.to_ascii_lowercase().into_bytes());
    let (mut p, mut n) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while let Some(&byte) = name.get(n) {
        match pattern.get(p) {
            Some(b'*') => {
                star = Some((p, n));
                p += 1;
            }
            Some(&want) if want == b'?' || want == byte => {
                p += 1;
                n += 1;
            }
            _ => match star {
                Some((at, from)) => {
                    star = Some((at, from + 1));
                    p = at + 1;
                    n = from + 1;
                }
                None => return false,
            },
        }
    }
    pattern.get(p..).unwrap_or_default().iter().all(|byte| *byte == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJdD7y3aLq454yWBdwLWbieU1ebz9/cu7/QEXn9OIeZJ";
    const B: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAILIG2T/B0l0gaqj3puu510tu9N1OkQ4znY3LYuEm5zCF";

    fn known(text: &str, host: &str, port: u16) -> KnownHost {
        let directory = tempfile::tempdir().expect("directory");
        let path = directory.path().join("known_hosts");
        std::fs::write(&path, text).expect("write");
        let environment =
            Environment::from_fn(move |name| (name == "GIT_SSH_KNOWN_HOSTS_FILE").then(|| path.clone().into()));
        KnownHost::load(&environment, host, port).expect("readable")
    }

    fn key(text: &str) -> PublicKey {
        text.parse().expect("key")
    }

    #[test]
    fn known_keys_by_every_spelling() {
        for (line, host, port) in [
            (format!("git.example {A}"), "git.example", 22),
            (format!("GIT.example,10.0.0.1 {A} comment here"), "10.0.0.1", 22),
            (format!("other\tx\nbroken\n\n# note\n  git.example\t{A}"), "git.example", 22),
            (format!("[git.example]:2222 {A}"), "git.example", 2222),
            (format!("*.example,!bad.example {A}"), "git.example", 22),
            (format!("gi?.e*mple {A}"), "git.example", 22),
            (format!("|1|O33ESRMWPVkMYIwJ1Uw+n877jTo=|nuuC5vEqXlEZ/8BXQR7m619W6Ak= {A}"), "example.com", 22),
        ] {
            known(&line, host, port).verify(&key(A)).unwrap_or_else(|error| panic!("{line}: {error}"));
        }
    }

    #[test]
    fn unknown_hosts_are_refused_with_the_fingerprint() {
        for (line, host, port) in [
            (String::new(), "git.example", 22),
            (format!("other.example {A}"), "git.example", 22),
            (format!("*.example,!git.example {A}"), "git.example", 22),
            (format!("git.example {A}"), "git.example", 2222),
            (format!("[git.example]:2222 {A}"), "git.example", 22),
            (format!("#git.example {A}"), "git.example", 22),
            (format!("@cert-authority git.example {A}"), "git.example", 22),
            (format!("|1|O33ESRMWPVkMYIwJ1Uw+n877jTo=|nuuC5vEqXlEZ/8BXQR7m619W6Ak= {A}"), "example.org", 22),
        ] {
            let error = known(&line, host, port).verify(&key(A)).expect_err(&line);
            assert_eq!(error.code(), Code::Forbidden);
            assert!(error.message().contains("unknown") && error.message().contains("SHA256:"), "{error}");
        }
    }

    #[test]
    fn a_changed_key_is_not_an_unknown_one() {
        let error =
            known(&format!("# first\ngit.example {B}"), "git.example", 22).verify(&key(A)).expect_err("changed");
        assert_eq!(error.code(), Code::Forbidden);
        assert!(error.message().contains("has changed") && error.message().contains("known_hosts:2"), "{error}");
        assert_eq!(error.message().matches("SHA256:").count(), 2);
    }

    #[test]
    fn revoked_wins_over_known() {
        let error =
            known(&format!("git.example {A}\n@revoked * {A}"), "git.example", 22).verify(&key(A)).expect_err("revoked");
        assert!(error.message().contains("revoked"), "{error}");
    }

    #[test]
    fn known_algorithms_are_asked_for_first() {
        let p256 = Algorithm::Ecdsa { curve: russh::keys::EcdsaCurve::NistP256 };
        let order = known(&format!("h {A}"), "h", 22).preferred(&[p256.clone(), Algorithm::Ed25519]);
        assert_eq!(order, [Algorithm::Ed25519, p256]);
    }
}
