//! Who we are to a remote.
//!
//! Credentials come from the environment alone, are read when a server asks and not before, and are given only to the host they are
//! meant for. Whatever is read is told to the project's redaction before it is used.

use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use base64::Engine as _;

use super::url::{GitUrl, Scheme};
use shared::environment::{Environment, read_text};
use shared::{Code, Result, ToolError};

/// A secret string: printing it shows nothing of it.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// The secret itself, for the one place that sends it.
    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

/// A user name and its token, for HTTP basic authentication.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Login {
    /// The user name; most forges ignore it, some want a fixed one.
    pub user: String,
    /// The variable that the token came from, for messages.
    pub source: &'static str,
    token: Secret,
    basic: Secret,
}

impl Login {
    /// The value of the `Authorization` header.
    pub(crate) fn authorization(&self) -> String {
        format!("Basic {}", self.basic.reveal())
    }
}

/// What ssh authentication may use.
#[derive(Clone, Debug, Default)]
pub struct SshIdentity {
    /// `GIT_SSH_KEY_FILE`: the text of the private key.
    pub(crate) key: Option<Secret>,
    /// The first line of the file that `GIT_SSH_KEY_PASSPHRASE_FILE` names.
    pub(crate) passphrase: Option<Secret>,
    /// `SSH_AUTH_SOCK`.
    pub(crate) agent: Option<PathBuf>,
}

/// The credentials of this server's environment.
#[derive(Clone)]
pub struct Credentials {
    environment: Environment,
    learn: fn(&str),
    known: Arc<Mutex<Vec<String>>>,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials")
    }
}

impl Credentials {
    /// Credentials out of `environment`; every secret is passed to `learn` as soon as it is read.
    pub fn new(environment: Environment, learn: fn(&str)) -> Self {
        Self { environment, learn, known: Arc::default() }
    }

    /// The login for the web address `url`, or `None` when no variable is meant for it.
    ///
    /// `GITHUB_TOKEN` and `GITLAB_TOKEN` belong to `github.com` and `gitlab.com` and come first there; `GIT_TOKEN` belongs to every
    /// https host, or to those of `GIT_TOKEN_HOSTS`. Nothing is given to plain http but on the loopback interface.
    ///
    /// # Errors
    /// [`Code::InvalidArgument`] and [`Code::Unavailable`] when a variable or its file cannot be read or used.
    pub fn login(&self, url: &GitUrl) -> Result<Option<Login>> {
        let (Some(host), Some(port)) = (url.host(), url.port()) else { return Ok(None) };
        let loopback = host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback());
        if !(url.scheme() == Scheme::Https || (url.scheme() == Scheme::Http && loopback)) {
            return Ok(None);
        }
        let own = match (host, port) {
            ("github.com", 443) => Some(("GITHUB_TOKEN", "x-access-token")),
            ("gitlab.com", 443) => Some(("GITLAB_TOKEN", "oauth2")),
            _ => None,
        };
        if let Some((variable, user)) = own
            && let Some(token) = self.environment.text_or_file(variable)?
        {
            return self.made(variable, user.to_owned(), token).map(Some);
        }
        if !self.token_is_for(host, port)? {
            return Ok(None);
        }
        let Some(token) = self.environment.text_or_file("GIT_TOKEN")? else { return Ok(None) };
        let user = match self.environment.text_or_file("GIT_USERNAME")? {
            Some(user) => user,
            None => own.map_or("git", |(_, user)| user).to_owned(),
        };
        self.made("GIT_TOKEN", user, token).map(Some)
    }

    /// Where the token of `variable` comes from, once it is known to be usable; `None` when there is none.
    ///
    /// # Errors
    /// As [`Credentials::login`], and for a file that is empty.
    pub(crate) fn inspect(&self, variable: &'static str) -> Result<Option<String>> {
        let file = format!("{variable}_FILE");
        let direct = self.environment.text(variable)?.is_some();
        let Some(token) = self.environment.text_or_file(variable)? else {
            return match self.environment.path(&file) {
                Some(_) => {
                    Err(ToolError::new(Code::Unavailable, format!("read the file named by {file}: it is empty"))
                        .hint("write the token into it"))
                }
                None => Ok(None),
            };
        };
        let user = self.environment.text_or_file("GIT_USERNAME")?.filter(|_| variable == "GIT_TOKEN");
        self.made(variable, user.unwrap_or_default(), token)?;
        Ok(Some(if direct { String::from("set directly") } else { format!("from {file}") }))
    }

    /// `GIT_TOKEN_HOSTS` names hosts, or `host:port` where the port is not the usual one.
    fn token_is_for(&self, host: &str, port: u16) -> Result<bool> {
        let Some(list) = self.environment.text("GIT_TOKEN_HOSTS")? else { return Ok(true) };
        let with_port = if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") };
        Ok(list.split(',').map(str::trim).any(|entry| {
            entry.eq_ignore_ascii_case(&with_port)
                || (matches!(port, 443 | 80) && entry.trim_matches(['[', ']']).eq_ignore_ascii_case(host))
        }))
    }

    fn made(&self, source: &'static str, user: String, token: String) -> Result<Login> {
        self.learn(&token);
        if token.chars().chain(user.chars()).any(char::is_control) {
            return Err(ToolError::invalid(format!("use {source}: it or its user name contains control characters"))
                .hint(format!("set {source} to the bare token")));
        }
        if user.contains(':') {
            return Err(ToolError::invalid("use GIT_USERNAME: a user name cannot contain `:`"));
        }
        let basic = base64::engine::general_purpose::STANDARD.encode(format!("{user}:{token}"));
        self.learn(&basic);
        Ok(Login { user, source, token: Secret(token), basic: Secret(basic) })
    }

    /// What ssh authentication may use.
    ///
    /// # Errors
    /// [`Code::Unavailable`] when a named key or passphrase file cannot be read.
    pub fn ssh(&self) -> Result<SshIdentity> {
        let read = |variable: &str| -> Result<Option<Secret>> {
            let Some(path) = self.environment.path(variable) else { return Ok(None) };
            let text = read_text(variable, &path)?;
            self.learn(text.trim());
            Ok(Some(Secret(text)))
        };
        let key = read("GIT_SSH_KEY_FILE")?;
        let passphrase = read("GIT_SSH_KEY_PASSPHRASE_FILE")?.map(|text| {
            let line = text.0.lines().next().unwrap_or_default().to_owned();
            self.learn(&line);
            Secret(line)
        });
        Ok(SshIdentity { key, passphrase, agent: self.environment.path("SSH_AUTH_SOCK") })
    }

    /// Registers a secret that came some other way (the password inside a proxy address).
    pub(crate) fn learn(&self, secret: &str) {
        if secret.is_empty() {
            return;
        }
        (self.learn)(secret);
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if !known.iter().any(|have| have == secret) {
            known.push(secret.to_owned());
            // Longest first, so that a secret inside another does not leave the other's ends standing.
            known.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        }
    }

    /// `text` without any secret read so far: a server may send back what it was sent.
    pub(crate) fn scrub(&self, text: &str) -> String {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.iter().fold(text.to_owned(), |text, secret| text.replace(secret.as_str(), "[redacted]"))
    }
}

/// The error for a remote that wants credentials when none are set.
pub(crate) fn none_for(place: &str, ssh: bool) -> ToolError {
    let hint = if ssh {
        "give the server a key as GIT_SSH_KEY_FILE, or an ssh-agent as SSH_AUTH_SOCK"
    } else {
        "give the server a token for that host as GIT_TOKEN (GITHUB_TOKEN for github.com, GITLAB_TOKEN for gitlab.com); where \
         GIT_TOKEN_HOSTS is set, it has to name the host, with its port if that is not the usual one"
    };
    ToolError::new(Code::Unauthenticated, format!("log in to {place}: it asks for credentials and none are set for it"))
        .hint(hint)
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    fn credentials(pairs: &[(&str, &str)]) -> Credentials {
        let map: HashMap<String, String> = pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        Credentials::new(Environment::from_fn(move |name| map.get(name).map(Into::into)), |_| {})
    }

    fn login(pairs: &[(&str, &str)], url: &str) -> Option<(String, &'static str, String)> {
        let url = GitUrl::parse(url).expect(url);
        credentials(pairs).login(&url).expect("readable").map(|l| (l.user, l.source, l.token.0))
    }

    #[test]
    fn each_token_goes_to_its_own_hosts() {
        let all = [("GIT_TOKEN", "g"), ("GITHUB_TOKEN", "hub"), ("GITLAB_TOKEN", "lab")];
        let named = |user: &str, source, token: &str| Some((user.to_owned(), source, token.to_owned()));
        assert_eq!(login(&all, "https://github.com/o/r"), named("x-access-token", "GITHUB_TOKEN", "hub"));
        assert_eq!(login(&all, "https://GITLAB.com/o/r"), named("oauth2", "GITLAB_TOKEN", "lab"));
        assert_eq!(login(&all, "https://git.example/o/r"), named("git", "GIT_TOKEN", "g"));
        assert_eq!(login(&all[..1], "https://github.com/o/r"), named("x-access-token", "GIT_TOKEN", "g"));
        assert_eq!(login(&all[..1], "https://gitlab.com/o/r"), named("oauth2", "GIT_TOKEN", "g"));
        let own = &all[1..];
        for url in [
            "https://api.github.com/o/r",
            "https://github.com.evil.example/o/r",
            "https://evilgithub.com/o/r",
            "https://github.com:8443/o/r",
            "https://gitlab.example/o/r",
            "http://github.com/o/r",
            "git@github.com:o/r",
        ] {
            assert_eq!(login(own, url), None, "{url}");
        }
    }

    #[test]
    fn plain_http_gets_nothing_but_on_loopback() {
        let token = [("GIT_TOKEN", "g"), ("GIT_USERNAME", "me")];
        assert_eq!(login(&token, "http://git.example/r"), None);
        assert_eq!(login(&token, "http://192.168.0.1/r"), None);
        assert_eq!(login(&token, "http://localhost.evil.example/r"), None);
        for url in ["http://127.0.0.1:8080/r", "http://localhost/r", "http://[::1]/r"] {
            assert_eq!(login(&token, url).expect(url).0, "me");
        }
    }

    #[test]
    fn the_host_list_narrows_the_general_token() {
        let narrowed = [("GIT_TOKEN", "g"), ("GIT_TOKEN_HOSTS", "git.example, other.example:8443")];
        assert!(login(&narrowed, "https://git.example/r").is_some());
        assert!(login(&narrowed, "https://other.example:8443/r").is_some());
        assert!(login(&narrowed, "https://git.example:8443/r").is_none());
        assert!(login(&narrowed, "https://other.example/r").is_none());
        assert!(login(&narrowed, "https://evil.example/r").is_none());
    }

    #[test]
    fn tokens_come_from_files_too() {
        let directory = tempfile::tempdir().expect("directory");
        let path = directory.path().join("token");
        std::fs::write(&path, "from-file\n").expect("write");
        let path = path.to_str().expect("text");
        let url = "https://git.example/r";
        assert_eq!(login(&[("GIT_TOKEN_FILE", path)], url).expect("login").2, "from-file");
        assert_eq!(login(&[("GIT_TOKEN_FILE", path), ("GIT_TOKEN", "direct")], url).expect("login").2, "direct");
        let missing = credentials(&[("GIT_TOKEN_FILE", "/nonexistent/token")]);
        assert_eq!(missing.login(&GitUrl::parse(url).expect("url")).expect_err("missing").code(), Code::Unavailable);
    }

    #[test]
    fn secrets_do_not_show_and_are_scrubbed() {
        let credentials = credentials(&[("GIT_TOKEN", "s3cr3t-token")]);
        let login = credentials.login(&GitUrl::parse("https://h/r").expect("url")).expect("readable").expect("login");
        let basic = login.authorization().trim_start_matches("Basic ").to_owned();
        assert!(!format!("{login:?} {credentials:?}").contains("s3cr3t"));
        assert!(!format!("{login:?}").contains(&basic));
        assert_eq!(
            credentials.scrub(&format!("you sent s3cr3t-token as {basic}")),
            "you sent [redacted] as [redacted]"
        );
    }

    #[test]
    fn a_token_cannot_inject_a_header() {
        let credentials = credentials(&[("GIT_TOKEN", "a\r\nx-evil: 1")]);
        let error = credentials.login(&GitUrl::parse("https://h/r").expect("url")).expect_err("refused");
        assert_eq!(error.code(), Code::InvalidArgument);
        assert!(!format!("{error:?}").contains("x-evil"));
    }
}
