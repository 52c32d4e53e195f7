//! Git addresses, parsed once.
//!
//! git accepts several spellings (`https://`, `ssh://`, `user@host:path`, a path, `ext::command`) and every layer that parses them
//! again may read them differently. Here an address becomes a [`GitUrl`] or is refused; what is left cannot be taken for a flag,
//! start a helper, or carry a password.
//!
//! Messages about a refused address never repeat it, because the reason for the refusal may be the secret inside.

use std::fmt;

use url::Url;

use shared::{Code, Environment, Result, ToolError};

/// Longer addresses are refused; no real one comes near.
const MAX_LENGTH: usize = 4096;

/// How a repository is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// Smart HTTP over TLS.
    Https,
    /// Smart HTTP without TLS.
    Http,
    /// ssh, as `ssh://` or `user@host:path`.
    Ssh,
    /// The unauthenticated git daemon.
    Git,
    /// `file://` or a plain path.
    File,
}

impl Scheme {
    /// The name used in addresses and in `GIT_ALLOW_PROTOCOLS`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Https => "https",
            Self::Http => "http",
            Self::Ssh => "ssh",
            Self::Git => "git",
            Self::File => "file",
        }
    }

    fn from_name(name: &str) -> Option<Self> {
        [Self::Https, Self::Http, Self::Ssh, Self::Git, Self::File]
            .into_iter()
            .find(|s| s.as_str().eq_ignore_ascii_case(name))
    }

    fn default_port(self) -> Option<u16> {
        match self {
            Self::Https => Some(443),
            Self::Http => Some(80),
            Self::Ssh => Some(22),
            Self::Git => Some(9418),
            Self::File => None,
        }
    }
}

/// An address that passed every rule but the protocol list; see [`Protocols::check`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GitUrl {
    scheme: Scheme,
    text: String,
    user: Option<String>,
    host: Option<String>,
    port: Option<u16>,
    path: String,
}

impl GitUrl {
    /// Parses `text`.
    ///
    /// # Errors
    /// [`Code::InvalidArgument`], without repeating the address.
    pub fn parse(text: &str) -> Result<Self> {
        if text.is_empty() {
            return Err(refused("it is empty"));
        }
        if text.len() > MAX_LENGTH {
            return Err(refused(format!("it is longer than {MAX_LENGTH} bytes")));
        }
        if text.starts_with('-') {
            return Err(refused("it begins with `-`"));
        }
        if text.chars().any(|c| c.is_whitespace() || c.is_control()) {
            return Err(refused("it contains white space or a control character"));
        }
        if let Some((scheme, rest)) = text.split_once("://") {
            return Self::with_scheme(text, scheme, rest);
        }
        let colon = text.find(':');
        let slash = text.find('/');
        match colon {
            Some(colon) if slash.is_none_or(|slash| colon < slash) => Self::scp_like(text),
            _ => Ok(Self {
                scheme: Scheme::File,
                text: text.to_owned(),
                user: None,
                host: None,
                port: None,
                path: text.to_owned(),
            }),
        }
    }

    fn with_scheme(text: &str, scheme: &str, rest: &str) -> Result<Self> {
        let scheme = Scheme::from_name(scheme).ok_or_else(unknown_scheme)?;
        let (authority, path) = match rest.find('/') {
            Some(slash) => rest.split_at(slash),
            None => (rest, ""),
        };
        match scheme {
            Scheme::Https | Scheme::Http => Self::web(scheme, text, authority),
            Scheme::Ssh => Self::ssh(text, authority, path),
            Scheme::Git => {
                if authority.contains('@') {
                    return Err(userinfo());
                }
                Self::located(scheme, text, None, authority, &decode(path)?)
            }
            Scheme::File => {
                if !matches!(authority, "" | "localhost") {
                    return Err(refused("a file address names no host: `file:///path`"));
                }
                let path = decode(path)?;
                Ok(Self { scheme, text: text.to_owned(), user: None, host: None, port: None, path })
            }
        }
    }

    fn web(scheme: Scheme, text: &str, authority: &str) -> Result<Self> {
        // A lone user name is refused as well: `https://TOKEN@host/` is how tokens most often get into addresses.
        if authority.contains('@') {
            return Err(userinfo());
        }
        // The URL standard forgives `https:///host` and backslashes; what it makes of them is not what was written.
        if authority.is_empty() || text.contains('\\') {
            return Err(refused("its host name is not one"));
        }
        let url = Url::parse(text).map_err(|error| refused(error.to_string()))?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(userinfo());
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(refused("a repository address has no `?` or `#` part"));
        }
        let host = url.host_str().unwrap_or_default();
        if host.is_empty() || host.starts_with('-') {
            return Err(refused("its host name is not one"));
        }
        let (host, path) = (host.trim_matches(['[', ']']).to_owned(), url.path().to_owned());
        Ok(Self { scheme, text: text.to_owned(), user: None, host: Some(host), port: url.port(), path })
    }

    fn ssh(text: &str, authority: &str, path: &str) -> Result<Self> {
        let (user, authority) = match authority.rsplit_once('@') {
            Some((user, _)) if user.contains(':') => return Err(userinfo()),
            Some((user, rest)) => (Some(decode(user)?), rest),
            None => (None, authority),
        };
        let path = decode(path)?;
        // `ssh://host/~user/repo` means `~user/repo`, as it does for git.
        let path = if path.starts_with("/~") { path[1..].to_owned() } else { path };
        Self::located(Scheme::Ssh, text, user, authority, &path)
    }

    fn scp_like(text: &str) -> Result<Self> {
        let (user, rest) = match text.split_once('@') {
            // `name:secret@host:path` is a password in git's eyes a path, in the writer's eyes a login.
            Some((before, _)) if before.contains(':') && !before.contains('[') => return Err(userinfo()),
            Some((user, rest)) => (Some(user.to_owned()), rest),
            None => (None, text),
        };
        let (host, path) = if let Some(inside) = rest.strip_prefix('[') {
            let (host, rest) = inside.split_once(']').ok_or_else(|| refused("its `[` is not closed"))?;
            let path = rest.strip_prefix(':').ok_or_else(|| refused("`]` is not followed by `:path`"))?;
            // `[host:port]:path` and `[v6]:path` share their brackets.
            (if host.matches(':').count() > 1 { format!("[{host}]") } else { host.to_owned() }, path)
        } else {
            let (host, path) = rest.split_once(':').ok_or_else(|| refused("it names no path"))?;
            (host.to_owned(), path)
        };
        if path.starts_with(':') {
            // `ext::command` and `fd::3` are how git names its remote helpers.
            return Err(unknown_scheme());
        }
        if path.starts_with("//") {
            return Err(unknown_scheme());
        }
        Self::located(Scheme::Ssh, text, user, &host, path)
    }

    fn located(scheme: Scheme, text: &str, user: Option<String>, authority: &str, path: &str) -> Result<Self> {
        let (host, port) = split_port(authority)?;
        if let Some(user) = &user
            && (user.is_empty()
                || user.starts_with('-')
                || !user.chars().all(|c| c.is_ascii_alphanumeric() || "._-+".contains(c)))
        {
            return Err(refused("its user name is not one"));
        }
        if path.is_empty() || path == "/" {
            return Err(refused("it names no path"));
        }
        if path.starts_with('-') || path.trim_start_matches('/').starts_with('-') {
            return Err(refused("its path begins with `-`"));
        }
        Ok(Self { scheme, text: text.to_owned(), user, host: Some(host), port, path: path.to_owned() })
    }

    /// How the repository is reached.
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// The address as libgit2 is to have it.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The ssh user, where the address names one.
    pub fn user(&self) -> Option<&str> {
        self.user.as_deref()
    }

    /// The host, lower case for web addresses, IPv6 without brackets; `None` for files.
    pub fn host(&self) -> Option<&str> {
        self.host.as_deref()
    }

    /// The port, given or usual for the scheme; `None` for files.
    pub fn port(&self) -> Option<u16> {
        self.port.or(self.scheme.default_port())
    }

    /// The path: for ssh what the server's shell is to see, unescaped.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Whether both are spellings of one address: a slash at the end and a port that goes without saying make no other one of it.
    pub fn same_as(&self, other: &Self) -> bool {
        let parts = |url: &Self| (url.scheme, url.user.clone(), url.host.clone(), url.port());
        parts(self) == parts(other) && self.path.trim_end_matches('/') == other.path.trim_end_matches('/')
    }
}

/// The address; there is no secret in it to hide.
impl fmt::Display for GitUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// The schemes this server may use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Protocols(Vec<Scheme>);

impl Default for Protocols {
    fn default() -> Self {
        Self(vec![Scheme::Https, Scheme::Ssh])
    }
}

impl Protocols {
    /// https and ssh, and what the comma separated `GIT_ALLOW_PROTOCOLS` adds: `file`, `http`, `git`.
    ///
    /// # Errors
    /// [`Code::InvalidArgument`] for a name that is none of them, so that a misspelt setting is noticed.
    pub fn from_environment(environment: &Environment) -> Result<Self> {
        let mut protocols = Self::default();
        for name in environment.text("GIT_ALLOW_PROTOCOLS")?.unwrap_or_default().split(',').map(str::trim) {
            if name.is_empty() {
                continue;
            }
            let scheme = Scheme::from_name(name).ok_or_else(|| {
                ToolError::invalid("read GIT_ALLOW_PROTOCOLS: it names an unknown protocol")
                    .hint("use a comma separated list of file, http and git")
            })?;
            if !protocols.0.contains(&scheme) {
                protocols.0.push(scheme);
            }
        }
        Ok(protocols)
    }

    /// Whether `scheme` may be used.
    pub fn allows(&self, scheme: Scheme) -> bool {
        self.0.contains(&scheme)
    }

    /// Parses `text` and holds it against this list.
    ///
    /// # Errors
    /// As [`GitUrl::parse`]; [`Code::Forbidden`] when the scheme is not in the list.
    pub fn check(&self, text: &str) -> Result<GitUrl> {
        let url = GitUrl::parse(text)?;
        if self.allows(url.scheme) {
            return Ok(url);
        }
        let name = url.scheme.as_str();
        let what = if url.scheme == Scheme::File {
            "local paths and file addresses are".into()
        } else {
            format!("{name}:// is")
        };
        Err(ToolError::new(Code::Forbidden, format!("use the repository address: {what} not allowed here"))
            .hint(format!("use an https or ssh address, or have the operator add {name} to GIT_ALLOW_PROTOCOLS")))
    }
}

fn refused(reason: impl fmt::Display) -> ToolError {
    ToolError::invalid(format!("parse the repository address: {reason}"))
        .hint("use https://host/path, ssh://user@host/path or user@host:path")
}

fn userinfo() -> ToolError {
    ToolError::invalid("parse the repository address: it carries a user name or password")
        .hint("take it out of the address and give the token to the server as GIT_TOKEN (and GIT_USERNAME)")
}

fn unknown_scheme() -> ToolError {
    refused("its scheme is none of https, ssh, http, git and file")
}

fn split_port(authority: &str) -> Result<(String, Option<u16>)> {
    let (host, port) = if let Some(inside) = authority.strip_prefix('[') {
        let (host, rest) = inside.split_once(']').ok_or_else(|| refused("its `[` is not closed"))?;
        if host.parse::<std::net::Ipv6Addr>().is_err() {
            return Err(refused("its host name is not one"));
        }
        match rest {
            "" => (host, None),
            rest => (host, Some(rest.strip_prefix(':').ok_or_else(|| refused("its port is not a number"))?)),
        }
    } else {
        let (host, port) = match authority.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (authority, None),
        };
        let fits = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
        if host.is_empty() || host.len() > 253 || host.starts_with('-') || !host.chars().all(fits) {
            return Err(refused("its host name is not one"));
        }
        (host, port)
    };
    let port = match port {
        None | Some("") => None,
        Some(port) if port.bytes().all(|b| b.is_ascii_digit()) => {
            Some(port.parse::<u16>().ok().filter(|port| *port > 0).ok_or_else(|| refused("its port is out of range"))?)
        }
        Some(_) => return Err(refused("its port is not a number")),
    };
    Ok((host.to_ascii_lowercase(), port))
}

/// Undoes percent encoding, and refuses what the encoding may have hidden from the first look.
fn decode(text: &str) -> Result<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let mut digit = || rest.next().and_then(|b| (b as char).to_digit(16)).and_then(|d| u8::try_from(d).ok());
        match (digit(), digit()) {
            (Some(high), Some(low)) => bytes.push(high * 16 + low),
            _ => return Err(refused("a `%` in it is not followed by two hexadecimal digits")),
        }
    }
    let text = String::from_utf8(bytes).map_err(|_| refused("it is not UTF-8 once decoded"))?;
    if text.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return Err(refused("it contains white space or a control character"));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_one_address() {
        let url = |text: &str| GitUrl::parse(text).expect(text);
        for (one, other, same) in [
            ("https://h/r.git", "HTTPS://H:443/r.git/", true),
            ("ssh://git@h/r", "ssh://git@h:22/r/", true),
            ("git@h:r", "git@h:r/", true),
            ("https://h/r.git", "https://h/r", false),
            ("https://h/r", "https://h/R", false),
            ("https://h/r", "https://h:8443/r", false),
            ("https://h/r", "http://h/r", false),
            ("ssh://git@h/r", "ssh://me@h/r", false),
            ("git@h:r", "ssh://git@h/r", false),
        ] {
            assert_eq!(url(one).same_as(&url(other)), same, "{one} {other}");
        }
    }

    #[test]
    fn accepted_spellings() {
        for (text, scheme, user, host, port, path) in [
            ("https://GitHub.com/o/r.git", Scheme::Https, None, Some("github.com"), Some(443), "/o/r.git"),
            ("https://h:8443/r", Scheme::Https, None, Some("h"), Some(8443), "/r"),
            ("http://127.1/r", Scheme::Http, None, Some("127.0.0.1"), Some(80), "/r"),
            ("https://[::1]:9/r", Scheme::Https, None, Some("::1"), Some(9), "/r"),
            ("ssh://git@Host:2222/a/b", Scheme::Ssh, Some("git"), Some("host"), Some(2222), "/a/b"),
            ("ssh://host/~me/b", Scheme::Ssh, None, Some("host"), Some(22), "~me/b"),
            ("ssh://host/a%27b", Scheme::Ssh, None, Some("host"), Some(22), "/a'b"),
            ("ssh://[::1]/b", Scheme::Ssh, None, Some("::1"), Some(22), "/b"),
            ("git@github.com:o/r.git", Scheme::Ssh, Some("git"), Some("github.com"), Some(22), "o/r.git"),
            ("host:r", Scheme::Ssh, None, Some("host"), Some(22), "r"),
            ("git@[::1]:r", Scheme::Ssh, Some("git"), Some("::1"), Some(22), "r"),
            ("git@[host:2200]:r", Scheme::Ssh, Some("git"), Some("host"), Some(2200), "r"),
            ("git://host/r", Scheme::Git, None, Some("host"), Some(9418), "/r"),
            ("file:///srv/r", Scheme::File, None, None, None, "/srv/r"),
            ("/srv/r", Scheme::File, None, None, None, "/srv/r"),
            ("../r", Scheme::File, None, None, None, "../r"),
            ("./odd:name", Scheme::File, None, None, None, "./odd:name"),
        ] {
            let url = GitUrl::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
            let got = (url.scheme(), url.user(), url.host(), url.port(), url.path());
            assert_eq!(got, (scheme, user, host, port, path), "{text}");
            assert_eq!(url.as_str(), text);
        }
    }

    #[test]
    fn refused_spellings() {
        for text in [
            "",
            "-uhttps://x/y",
            "--upload-pack=sh",
            "ext::sh -c id",
            "ext::sh",
            "fd::3",
            "ext://x/y",
            "javascript:alert(1)//",
            "ftp://h/r",
            "https://",
            "https:///r",
            "https:////x:y@h/r",
            "https://h/r\0",
            "https://h/r\n",
            "https://h/a b",
            "https://h/r?x=1",
            "https://h/r#x",
            "https://h\\@evil/r",
            "https://-h/r",
            "ssh://-oProxyCommand=id/r",
            "ssh://-l@h/r",
            "ssh://a b@h/r",
            "ssh://h/-r",
            "ssh://h/%2dr",
            "ssh://h/a%00b",
            "ssh://h/a%0ab",
            "ssh://h/%zz",
            "ssh://h",
            "ssh://h/",
            "ssh://h:0/r",
            "ssh://h:99999/r",
            "ssh://h:x/r",
            "ssh://$(id)/r",
            "-oProxyCommand=id:r",
            "git@-h:r",
            "-u@h:r",
            "h:-r",
            "h:",
            "git@h:",
            "[h:r",
            "git://-h/r",
            "file://host/r",
        ] {
            let result = GitUrl::parse(text);
            // `javascript:alert(1)//` is a host named `javascript` to git; everything else is refused outright.
            if text.starts_with("javascript") {
                assert_eq!(result.expect("an ssh address").scheme(), Scheme::Ssh);
                continue;
            }
            let error = result.expect_err(text);
            assert_eq!(error.code(), Code::InvalidArgument, "{text}");
        }
    }

    #[test]
    fn a_secret_in_an_address_is_refused_and_not_repeated() {
        for text in [
            "https://s3cr3t@github.com/o/r",
            "https://x:s3cr3t@github.com/o/r",
            "https://:s3cr3t@github.com/o/r",
            "http://x:s3cr3t@127.0.0.1/r",
            "ssh://git:s3cr3t@host/r",
            "git:s3cr3t@host:r",
            "git://s3cr3t@host/r",
            "https://x:s3cr3t@host\\@evil/r",
        ] {
            let error = GitUrl::parse(text).expect_err(text);
            assert_eq!(error.code(), Code::InvalidArgument);
            assert!(!format!("{error:?} {error}").contains("s3cr3t"), "{error:?}");
            assert!(error.next_step().is_some_and(|hint| hint.contains("GIT_TOKEN")), "{text}: {error:?}");
        }
    }

    #[test]
    fn protocols_are_a_list_of_what_is_allowed() {
        let protocols = |value: &'static str| {
            Protocols::from_environment(&Environment::from_fn(move |name| {
                (name == "GIT_ALLOW_PROTOCOLS").then(|| value.into())
            }))
        };
        let default = protocols("").expect("default");
        assert!(default.check("https://h/r").is_ok() && default.check("git@h:r").is_ok());
        for text in ["http://h/r", "git://h/r", "file:///r", "/r", "."] {
            assert_eq!(default.check(text).expect_err(text).code(), Code::Forbidden);
        }
        let more = protocols("file, HTTP").expect("two more");
        assert!(more.check("/r").is_ok() && more.check("http://h/r").is_ok());
        assert!(more.check("git://h/r").is_err());
        assert_eq!(protocols("file,ext").expect_err("ext").code(), Code::InvalidArgument);
    }
}
