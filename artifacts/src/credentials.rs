//! Who one is to a registry: what the command was given, else what docker and podman keep.
//!
//! What was configured and cannot be had is an error. Going on without it would pull something else than what was meant, or fail later with the
//! wrong reason.

mod config;
mod helper;

use std::{
    fmt, fs,
    io::Read,
    path::{Path, PathBuf},
};

use crate::{Error, Kind, Result, environment::Environment, reference::RepositoryName};

/// Settings and secrets are small; a larger file is a wrong path.
const FILE_MAX: u64 = 1 << 20;

/// A password or a token. It has no `Display`, and its `Debug` says nothing.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Hides `text`.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text, for the header it is meant for.
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("***")
    }
}

/// What proves who one is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Credential {
    /// A name and a password, or a personal token in the password's place.
    Basic {
        /// The name.
        username: String,
        /// The password.
        password: Secret,
    },
    /// A token that the registry's token service exchanges for another (`identitytoken`).
    Identity(Secret),
    /// A token that the registry takes as it is (`registrytoken`).
    Bearer(Secret),
}

/// A credential and where it was found, which errors may say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The credential.
    pub credential: Credential,
    /// Where it is from: `AGENT_TOOLS_USERNAME`, `/home/me/.docker/config.json`.
    pub source: String,
}

/// What the command line gave, besides the environment.
#[derive(Clone, Debug, Default)]
pub struct Given {
    /// `--username`.
    pub username: Option<String>,
    /// The first line of stdin, with `--password-stdin`.
    pub password: Option<Secret>,
    /// `--token-file`.
    pub token_file: Option<PathBuf>,
}

/// All sources of credentials of one command.
#[derive(Clone, Debug)]
pub struct Credentials {
    /// For the one host the command names, and no other.
    explicit: Option<(String, Found)>,
    environment: Environment,
}

impl Credentials {
    /// The sources of a command that names the registries `hosts`, each as it was written.
    ///
    /// # Errors
    ///
    /// [`Kind::Usage`] if what was given is incomplete, or could be meant for several hosts; [`Kind::Unauthenticated`] if a token's file cannot be read.
    pub fn new(given: &Given, environment: Environment, hosts: &[&str]) -> Result<Self> {
        let Some(found) = explicit(given, &environment)? else { return Ok(Self { explicit: None, environment }) };
        let named = environment.text("AGENT_TOOLS_REGISTRY")?;
        let mut distinct: Vec<&str> = hosts.to_vec();
        distinct.sort_unstable();
        distinct.dedup();
        let host = match (named, distinct.as_slice()) {
            (Some(named), hosts) => {
                let named = named.to_ascii_lowercase();
                if named.contains('/') {
                    let message =
                        format!("AGENT_TOOLS_REGISTRY is {named:?}: give it the host alone, as references have it");
                    return Err(Error::new(Kind::Usage, message));
                }
                // In an environment they may be for another command; on the command line they are for this one.
                let here = given.username.is_some() || given.password.is_some() || given.token_file.is_some();
                let is_it =
                    |host: &&str| is_same(&named, &RepositoryName { host: (*host).to_owned(), path: String::new() });
                if here && !hosts.iter().any(is_it) {
                    let hosts = hosts.join(" and ");
                    let message = format!(
                        "AGENT_TOOLS_REGISTRY is {named:?}, and the command is about {hosts}: nothing would use {}",
                        found.source
                    );
                    return Err(Error::new(Kind::Usage, message));
                }
                Some(named)
            }
            (None, []) => None,
            (None, [host]) => Some((*host).to_owned()),
            (None, several) => {
                return Err(Error::new(
                    Kind::Usage,
                    format!(
                        "{} could be meant for {}: set AGENT_TOOLS_REGISTRY to the one of them, and log in to the other with docker login",
                        found.source,
                        several.join(" or ")
                    ),
                ));
            }
        };
        Ok(Self { explicit: host.map(|host| (host, found)), environment })
    }

    /// What there is for `name`. `None`: nobody configured anything for its registry.
    ///
    /// # Errors
    ///
    /// [`Kind::Unauthenticated`] if something is configured that cannot be read or whose helper fails.
    pub fn find(&self, name: &RepositoryName) -> Result<Option<Found>> {
        if let Some((_, found)) = self.explicit.as_ref().filter(|(host, _)| is_same(host, name)) {
            return Ok(Some(found.clone()));
        }
        for path in self.files() {
            let named = |error: Error| error.while_doing(format!("credentials for {}", name.host));
            let Some(text) = read(&path).map_err(named)? else {
                if self.environment.path("REGISTRY_AUTH_FILE").is_some_and(|asked| asked == path) {
                    let message = format!("REGISTRY_AUTH_FILE names {}, which is not there", path.display());
                    return Err(named(Error::new(Kind::Unauthenticated, message)));
                }
                continue;
            };
            if let Some(found) = config::find(&text, &path, name, &self.environment).map_err(named)? {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    /// Where else credentials are looked for, for an error to say.
    pub(crate) fn places(&self) -> String {
        let mut places = vec!["AGENT_TOOLS_USERNAME and AGENT_TOOLS_PASSWORD, AGENT_TOOLS_TOKEN".to_owned()];
        places.extend(self.files().iter().map(|path| path.display().to_string()));
        places.join(", ")
    }

    fn files(&self) -> Vec<PathBuf> {
        let path = |name: &str| self.environment.path(name);
        let mut files = Vec::new();
        files.extend(path("REGISTRY_AUTH_FILE"));
        // The one stands for the other, as it does for docker.
        let docker = path("DOCKER_CONFIG").or_else(|| path("HOME").map(|home| home.join(".docker")));
        files.extend(docker.map(|place| place.join("config.json")));
        files.extend(path("XDG_RUNTIME_DIR").map(|place| place.join("containers/auth.json")));
        files.dedup();
        files
    }
}

/// Whether `host` is that of `name`; Docker's registry has three names.
fn is_same(host: &str, name: &RepositoryName) -> bool {
    let docker = |host: &str| RepositoryName { host: host.to_owned(), path: String::new() }.is_docker();
    host == name.host || docker(host) && name.is_docker()
}

/// What the command line or the environment gives outright.
fn explicit(given: &Given, environment: &Environment) -> Result<Option<Found>> {
    let username = match &given.username {
        Some(username) => Some(username.clone()),
        None => environment.text("AGENT_TOOLS_USERNAME")?,
    };
    let (secret, source, token) = if let Some(password) = &given.password {
        (password.clone(), "--password-stdin".to_owned(), false)
    } else if let Some(path) = &given.token_file {
        let text = read(path)?.ok_or_else(|| {
            Error::new(Kind::Unauthenticated, format!("--token-file {}: there is no such file", path.display()))
        })?;
        (Secret::new(text.trim()), format!("--token-file {}", path.display()), true)
    } else if let Some(password) = environment.text("AGENT_TOOLS_PASSWORD")? {
        (Secret::new(password), "AGENT_TOOLS_USERNAME and AGENT_TOOLS_PASSWORD".to_owned(), false)
    } else if let Some(token) = environment.text("AGENT_TOOLS_TOKEN")? {
        (Secret::new(token.trim()), "AGENT_TOOLS_TOKEN".to_owned(), true)
    } else if let Some(username) = username {
        return Err(Error::new(
            Kind::Usage,
            format!(
                "there is a user name ({username:?}) without a password: set AGENT_TOOLS_PASSWORD, or use --password-stdin or --token-file"
            ),
        ));
    } else {
        return Ok(None);
    };
    if secret.expose().is_empty() || secret.expose().chars().any(char::is_control) {
        return Err(Error::new(Kind::Usage, format!("{source} is empty or holds a line break")));
    }
    let credential = match username {
        Some(username) => basic(username, secret, &source)?,
        None if token => Credential::Bearer(secret),
        None => {
            return Err(Error::new(
                Kind::Usage,
                format!("{source} needs a user name: set AGENT_TOOLS_USERNAME or use --username"),
            ));
        }
    };
    Ok(Some(Found { credential, source }))
}

/// A name and password that can stand in a header.
fn basic(username: String, password: Secret, source: &str) -> Result<Credential> {
    if username.contains(':') || username.chars().any(char::is_control) {
        return Err(Error::new(
            Kind::Unauthenticated,
            format!("the user name in {source} holds a colon or a control character"),
        ));
    }
    Ok(Credential::Basic { username, password })
}

/// The text of a small file; `None` if there is none.
fn read(path: &Path) -> Result<Option<String>> {
    let failed =
        |why: &dyn fmt::Display| Error::new(Kind::Unauthenticated, format!("reading {}: {why}", path.display()));
    let file = match fs::File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(&error)),
    };
    let mut bytes = Vec::new();
    file.take(FILE_MAX + 1).read_to_end(&mut bytes).map_err(|error| failed(&error))?;
    if bytes.len() as u64 > FILE_MAX {
        return Err(failed(&format!("it is larger than {FILE_MAX} bytes")));
    }
    String::from_utf8(bytes).map(Some).map_err(|_| failed(&"it is not text"))
}

#[cfg(test)]
mod tests;
