//! Names of artifacts: `HOST[:PORT]/REPOSITORY[:TAG][@DIGEST]` in a registry, `oci:PATH[:TAG][@DIGEST]` in a layout on disk.
//!
//! The grammar is the one of the distribution specification. There is no default host: `team/git` could be meant for anyone's registry, and what is pulled by
//! mistake is run.

use std::{
    fmt,
    net::IpAddr,
    path::{Path, PathBuf},
    str::FromStr,
};

use crate::{Error, Kind, Result, oci::Digest};

/// The longest tag.
const TAG_MAX: usize = 128;
/// The longest name of a repository, its host included.
const NAME_MAX: usize = 255;

/// What a command line names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    /// Where it is.
    pub place: Location,
    /// The tag, if one was given.
    pub tag: Option<String>,
    /// The digest, if one was given. It decides; a tag beside it is only checked.
    pub digest: Option<Digest>,
}

/// Where artifacts are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Location {
    /// A repository of a registry.
    Repository(RepositoryName),
    /// A layout on disk.
    Layout(PathBuf),
}

/// A repository and the registry it is in.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RepositoryName {
    /// The host as it was written, with a port if there was one: `ghcr.io`, `localhost:5000`, `[::1]:5000`.
    pub host: String,
    /// The path: `team/mcp-git`.
    pub path: String,
}

impl RepositoryName {
    /// Reads `HOST[:PORT]/REPOSITORY`, without tag or digest.
    ///
    /// # Errors
    ///
    /// [`Kind::Usage`] with what is wrong, and never with a password that stood in it.
    pub fn parse(text: &str) -> Result<Self> {
        let reference: Reference = text.parse()?;
        match reference {
            Reference { place: Location::Repository(name), tag: None, digest: None } => Ok(name),
            _ => Err(usage(format!("{} is no plain repository: leave out the tag and the digest", quoted(text)))),
        }
    }

    /// The host that is connected to: Docker's registry answers under another name than the one people write.
    pub fn server(&self) -> &str {
        if self.is_docker() { "registry-1.docker.io" } else { &self.host }
    }

    /// Whether it is Docker's own registry, whose credentials are kept under a name of their own.
    pub fn is_docker(&self) -> bool {
        matches!(self.host.as_str(), "docker.io" | "index.docker.io" | "registry-1.docker.io")
    }

    /// Whether the host is this machine.
    pub fn is_loopback(&self) -> bool {
        is_loopback(host_alone(&self.host))
    }
}

impl fmt::Display for RepositoryName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.host, self.path)
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Location::Repository(name) => write!(formatter, "{name}")?,
            Location::Layout(path) => write!(formatter, "oci:{}", path.display())?,
        }
        if let Some(tag) = &self.tag {
            write!(formatter, ":{tag}")?;
        }
        self.digest.as_ref().map_or(Ok(()), |digest| write!(formatter, "@{digest}"))
    }
}

impl Reference {
    /// Reads a reference where a layout is as likely as a registry: a directory that holds a layout needs no `oci:` before it.
    ///
    /// # Errors
    ///
    /// As reading a reference otherwise.
    pub fn parse_or_layout(text: &str) -> Result<Self> {
        let is_layout = |path: &str| Path::new(path).join("oci-layout").is_file();
        let (before, _) = split_digest(text);
        let (before, _) = split_tag(before);
        if !text.starts_with("oci:") && (is_layout(before) || is_layout(text)) {
            return format!("oci:{text}").parse();
        }
        text.parse().map_err(|error| if Path::new(before).exists() {
            usage(format!("{before:?} is there and is no OCI image layout, which holds a file oci-layout; nor is it a name in a registry"))
        } else {
            error
        })
    }

    /// The name to ask the place for: the digest, else the tag, else `latest`.
    pub fn name(&self) -> String {
        match (&self.digest, &self.tag) {
            (Some(digest), _) => digest.to_string(),
            (None, Some(tag)) => tag.clone(),
            (None, None) => "latest".to_owned(),
        }
    }

    /// The repository, where only a registry will do.
    ///
    /// # Errors
    ///
    /// [`Kind::Usage`] if it is a layout.
    pub fn repository(&self) -> Result<&RepositoryName> {
        match &self.place {
            Location::Repository(name) => Ok(name),
            Location::Layout(path) => {
                Err(usage(format!("{} is a layout on disk: a registry is needed here", path.display())))
            }
        }
    }
}

impl FromStr for Reference {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        printable(text)?;
        if let Some(rest) = text.strip_prefix("oci:") {
            return layout(rest);
        }
        if let Some((scheme, rest)) = text.split_once("://") {
            let rest = rest.rsplit_once('@').map_or(rest, |(before, after)| {
                // A digest may stand behind an at-sign; a password in front of one.
                if after.parse::<Digest>().is_ok() && !before.contains('@') { rest } else { after }
            });
            return Err(usage(format!(
                "a reference has no scheme: leave out \"{}://\", as in {}",
                scheme.get(..scheme.len().min(12)).unwrap_or("https"),
                quoted(rest)
            )));
        }
        let (before, digest) = split_digest(text);
        if before.contains('@') {
            return Err(userinfo());
        }
        let digest = match digest.map(str::parse::<Digest>) {
            None => None,
            Some(Ok(digest)) => Some(digest),
            // What stands there may be a host, and then a password stood in front of it.
            Some(Err(_)) if digest.is_some_and(|after| !after.contains(':') || after.contains('/')) => {
                return Err(userinfo());
            }
            Some(Err(error)) => return Err(usage(error.message)),
        };
        let (name, tag) = split_tag(before);
        Ok(Self { place: Location::Repository(repository(name, text)?), tag: tag.map(check_tag).transpose()?, digest })
    }
}

/// The words for a user name or password in a reference, which is repeated nowhere.
fn userinfo() -> Error {
    usage(
        "a reference holds no user name and no password (nor an @ but in front of a digest such as sha256:…): they would show in process lists and logs. Set AGENT_TOOLS_USERNAME and AGENT_TOOLS_PASSWORD, or log in with docker login",
    )
}

fn usage(message: impl Into<String>) -> Error {
    Error::new(Kind::Usage, message)
}

/// A piece of a command line, short and in quotes.
fn quoted(text: &str) -> String {
    let short: String = text.chars().take(80).collect();
    if short.len() < text.len() { format!("{short:?}…") } else { format!("{short:?}") }
}

fn printable(text: &str) -> Result<()> {
    if text.is_empty() {
        return Err(usage("the reference is empty; one looks like ghcr.io/team/mcp-git:1.0.0"));
    }
    if text.chars().any(char::is_control) {
        return Err(usage("the reference holds a control character or a line break"));
    }
    Ok(())
}

fn split_digest(text: &str) -> (&str, Option<&str>) {
    text.rsplit_once('@').map_or((text, None), |(before, digest)| (before, Some(digest)))
}

/// A colon behind the last slash begins a tag; one before it a port.
fn split_tag(text: &str) -> (&str, Option<&str>) {
    match text.rsplit_once(':') {
        Some((before, tag)) if !tag.contains('/') => (before, Some(tag)),
        _ => (text, None),
    }
}

fn layout(text: &str) -> Result<Reference> {
    let (before, digest) = match split_digest(text) {
        // A directory may have an at-sign in its name; a digest is read only where one stands.
        (before, Some(after)) if after.starts_with("sha256:") => {
            (before, Some(after.parse().map_err(|error: Error| usage(error.message))?))
        }
        _ => (text, None),
    };
    let (path, tag) = split_tag(before);
    if path.is_empty() {
        return Err(usage("oci: needs the path of a layout, as in oci:dist:1.0.0"));
    }
    Ok(Reference { place: Location::Layout(path.into()), tag: tag.map(check_tag).transpose()?, digest })
}

fn check_tag(tag: &str) -> Result<String> {
    let mut bytes = tag.bytes();
    let first = bytes.next().is_some_and(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    let rest = bytes.all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-'));
    if first && rest && tag.len() <= TAG_MAX {
        return Ok(tag.to_owned());
    }
    Err(usage(format!(
        "{} is not a tag: letters, digits, _ . - (the last two not first), {TAG_MAX} at most",
        quoted(tag)
    )))
}

/// Whether `tag` may stand behind a repository.
#[cfg(feature = "registry")]
pub(crate) fn is_tag(tag: &str) -> bool {
    check_tag(tag).is_ok()
}

fn repository(name: &str, whole: &str) -> Result<RepositoryName> {
    let no_host = || {
        usage(format!(
            "{} names no registry: write it in front, as in ghcr.io/{name} or localhost:5000/{name}",
            quoted(whole)
        ))
    };
    let Some((host, path)) = name.split_once('/') else {
        return Err(if is_host(name) && name.contains(['.', ':']) {
            usage(format!("{} names a registry and no repository in it", quoted(whole)))
        } else {
            no_host()
        });
    };
    if !host.contains(['.', ':']) && host != "localhost" {
        return Err(if is_host(host) { no_host() } else { usage(format!("{} is not a host", quoted(host))) });
    }
    if !is_host(host) {
        return Err(usage(format!("{} is not a host with an optional port", quoted(host))));
    }
    let mut found = RepositoryName { host: host.to_ascii_lowercase(), path: path.to_owned() };
    if let Some(bad) = path.split('/').find(|component| !is_component(component)) {
        return Err(usage(format!(
            "{} is not part of a repository's name: lower-case letters and digits, single . or _ or __ or dashes between them",
            quoted(bad)
        )));
    }
    if found.to_string().len() > NAME_MAX {
        return Err(usage(format!("the repository's name is longer than {NAME_MAX} characters")));
    }
    if found.is_docker() && !path.contains('/') {
        found.path = format!("library/{path}");
    }
    Ok(found)
}

/// `[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*`
fn is_component(text: &str) -> bool {
    let alphanumeric = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let (Some(first), Some(last)) = (text.bytes().next(), text.bytes().last()) else { return false };
    alphanumeric(first)
        && alphanumeric(last)
        && text
            .split(|letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit())
            .all(|between| matches!(between, "" | "." | "_" | "__") || between.bytes().all(|byte| byte == b'-'))
}

/// A name or an address, with an optional port.
fn is_host(text: &str) -> bool {
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => match rest.split_once(']') {
            Some((address, port)) if address.parse::<std::net::Ipv6Addr>().is_ok() => {
                return port.is_empty() || port.strip_prefix(':').is_some_and(is_port);
            }
            _ => return false,
        },
        None => text.split_once(':').map_or((text, None), |(host, port)| (host, Some(port))),
    };
    let label = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    host.split('.').all(label) && port.is_none_or(is_port)
}

fn is_port(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit()) && text.parse::<u16>().is_ok_and(|port| port != 0)
}

/// The host without its port and brackets.
pub(crate) fn host_alone(host: &str) -> &str {
    match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or(rest),
        None => host.split(':').next().unwrap_or(host),
    }
}

/// Whether `host`, a name or an address without a port, is this machine. Names are not looked up.
pub(crate) fn is_loopback(host: &str) -> bool {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// Whether a tag is one of those that no person gave: `sha256-<64 digits>`, with or without an ending, as of cosign's signatures.
pub fn is_of_digest(tag: &str) -> bool {
    let Some(rest) = tag.strip_prefix("sha256-") else { return false };
    let digits = rest.split('.').next().unwrap_or_default();
    digits.len() == 64 && digits.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests;
