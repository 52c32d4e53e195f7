//! `config.json` of docker and `auth.json` of podman, which are one format: `auths` by registry, or by path in one; `credHelpers` by registry;
//! `credsStore` for all others.

use std::{collections::BTreeMap, path::Path};

use base64::{Engine, engine::general_purpose::STANDARD};
use serde::Deserialize;

use super::{Credential, Found, Secret, basic, helper};
use crate::{Error, Kind, Result, environment::Environment, reference::RepositoryName};

/// What docker calls its own registry.
const DOCKER: &str = "https://index.docker.io/v1/";

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Config {
    auths: BTreeMap<String, Entry>,
    cred_helpers: BTreeMap<String, String>,
    creds_store: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Entry {
    auth: String,
    username: String,
    password: String,
    identitytoken: String,
    registrytoken: String,
}

/// What the configuration `text` of the file at `path` holds for `name`.
pub(super) fn find(text: &str, path: &Path, name: &RepositoryName, environment: &Environment) -> Result<Option<Found>> {
    let config: Config = serde_json::from_str(text).map_err(|error| {
        // The words of serde_json can repeat a value, which may be a secret.
        let (line, column) = (error.line(), error.column());
        wrong(path, format!("it is not a configuration as docker writes it (line {line}, column {column})"))
    })?;
    let source = path.display().to_string();
    let keys = keys(name);
    if let Some((key, program)) = keys.iter().find_map(|key| config.cred_helpers.get_key_value(key)) {
        return helper::get(program, &as_server(key, name), &source, environment);
    }
    let entry = keys
        .iter()
        .find_map(|key| config.auths.iter().find(|(there, _)| normal(there) == normal(key)).map(|(_, entry)| entry));
    if let Some(credential) = entry.map(|entry| credential(entry, path)).transpose()?.flatten() {
        return Ok(Some(Found { credential, source }));
    }
    if config.creds_store.is_empty() {
        return Ok(None);
    }
    // Docker leaves an empty entry for what its store holds; an entry says that there must be one.
    let found = helper::get(&config.creds_store, &as_server(&name.host, name), &source, environment)?;
    if found.is_none() && entry.is_some() {
        return Err(wrong(
            path,
            format!("it has an entry for {} and docker-credential-{} has none", name.host, config.creds_store),
        ));
    }
    Ok(found)
}

fn wrong(path: &Path, message: String) -> Error {
    Error::new(Kind::Unauthenticated, format!("{}: {message}", path.display()))
}

/// The keys that fit, the most special first: `h:5000/a/b`, `h:5000/a`, `h:5000`.
fn keys(name: &RepositoryName) -> Vec<String> {
    let mut keys = Vec::new();
    let mut key = name.to_string();
    loop {
        keys.push(key.clone());
        match key.rsplit_once('/') {
            Some((before, _)) => key = before.to_owned(),
            None => break,
        }
    }
    if name.is_docker() {
        keys.extend([DOCKER, "docker.io", "index.docker.io", "registry-1.docker.io"].map(str::to_owned));
    }
    keys
}

/// The key without the decoration that old versions of docker wrote.
fn normal(key: &str) -> &str {
    let key = key.strip_prefix("https://").or_else(|| key.strip_prefix("http://")).unwrap_or(key);
    let key = key.trim_end_matches('/');
    key.strip_suffix("/v1").or_else(|| key.strip_suffix("/v2")).unwrap_or(key)
}

fn as_server(key: &str, name: &RepositoryName) -> String {
    if name.is_docker() { DOCKER.to_owned() } else { key.to_owned() }
}

fn credential(entry: &Entry, path: &Path) -> Result<Option<Credential>> {
    if !entry.registrytoken.is_empty() {
        return Ok(Some(Credential::Bearer(Secret::new(&entry.registrytoken))));
    }
    if !entry.identitytoken.is_empty() {
        return Ok(Some(Credential::Identity(Secret::new(&entry.identitytoken))));
    }
    if !entry.username.is_empty() {
        return basic(entry.username.clone(), Secret::new(&entry.password), &path.display().to_string()).map(Some);
    }
    if entry.auth.is_empty() {
        return Ok(None);
    }
    let broken = || wrong(path, "its \"auth\" is not base64 of name:password".to_owned());
    let decoded = STANDARD.decode(entry.auth.trim()).map_err(|_| broken())?;
    let decoded = String::from_utf8(decoded).map_err(|_| broken())?;
    let (username, password) = decoded.split_once(':').ok_or_else(broken)?;
    if username.is_empty() {
        return Err(broken());
    }
    // Docker once padded with NUL.
    basic(username.to_owned(), Secret::new(password.trim_end_matches('\0')), &path.display().to_string()).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_special_key_comes_first() {
        let name = RepositoryName::parse("h.example:5000/a/b").unwrap();
        assert_eq!(keys(&name), ["h.example:5000/a/b", "h.example:5000/a", "h.example:5000"]);
    }

    #[test]
    fn decoration_of_keys_is_nothing() {
        for key in ["https://h.example/v1/", "http://h.example", "h.example/", "h.example/v2"] {
            assert_eq!(normal(key), "h.example");
        }
    }
}
