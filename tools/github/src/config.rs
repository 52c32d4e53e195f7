//! Which GitHub, and which repositories of it: what the environment says.

use shared::{Result, ToolError, environment::Environment};
use url::{Host, Url};

use crate::allow::Allowed;

/// The API when `GITHUB_API_URL` says nothing.
const DEFAULT: &str = "https://api.github.com";

/// What an operator has set.
#[derive(Clone, Debug)]
pub struct Config {
    /// The REST API, without a slash at its end.
    pub api: Url,
    /// The GraphQL API.
    pub graphql: Url,
    /// Whether the API is the operator's own and not github.com's.
    pub own: bool,
    /// The repositories this server may speak of.
    pub allowed: Allowed,
}

impl Config {
    /// Reads `GITHUB_API_URL` and `GITHUB_REPOS`.
    ///
    /// # Errors
    /// [`shared::Code::InvalidArgument`] for a value that could not be meant; nothing is asked with half a configuration.
    pub fn read(environment: &Environment) -> Result<Self> {
        let given = environment.text("GITHUB_API_URL")?;
        let api = api(given.as_deref().unwrap_or(DEFAULT))?;
        let graphql = graphql(&api);
        let allowed = Allowed::read(environment.text("GITHUB_REPOS")?.as_deref())?;
        Ok(Self { own: api.host_str() != Some("api.github.com"), api, graphql, allowed })
    }

    /// The host as an answer names it.
    pub fn host(&self) -> String {
        let host = self.api.host_str().unwrap_or_default();
        match self.api.port() {
            Some(port) => format!("{host}:{port}"),
            None => host.strip_prefix("api.").unwrap_or(host).to_owned(),
        }
    }
}

fn api(given: &str) -> Result<Url> {
    let wrong = |why: &str| {
        ToolError::invalid(format!("GITHUB_API_URL {why}"))
            .hint("set it to https://api.github.com, or https://HOST/api/v3 of an Enterprise Server, or unset it")
    };
    // What is wrong is not repeated: an address may hold a password.
    let mut url = Url::parse(given.trim()).map_err(|_| wrong("is not an address"))?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(wrong("holds a user name or password; tokens go into GITHUB_TOKEN"));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(wrong("holds a query or fragment"));
    }
    let loopback = match url.host() {
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => return Err(wrong("names no host")),
    };
    match url.scheme() {
        "https" => {}
        "http" if loopback => {}
        _ => return Err(wrong("has to be https; http is for this machine only")),
    }
    if matches!(url.host_str(), Some("github.com" | "www.github.com")) {
        return Err(wrong("is the website and not the API"));
    }
    let path = url.path().trim_end_matches('/').to_owned();
    url.set_path(&path);
    Ok(url)
}

/// Beside an Enterprise Server's `/api/v3` lies `/api/graphql`.
fn graphql(api: &Url) -> Url {
    let mut url = api.clone();
    let path = api.path().trim_end_matches('/');
    let path = match path.strip_suffix("/v3") {
        Some(parent) => format!("{parent}/graphql"),
        None => format!("{path}/graphql"),
    };
    url.set_path(&path);
    url
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(address: &'static str) -> Result<Config> {
        Config::read(&Environment::from_fn(move |name| (name == "GITHUB_API_URL").then(|| address.into())))
    }

    #[test]
    fn an_api_is_https_or_on_this_machine() {
        for (address, expected) in [
            ("https://api.github.com", Some(("https://api.github.com/graphql", "github.com"))),
            ("https://ghe.acme.test/api/v3/", Some(("https://ghe.acme.test/api/graphql", "ghe.acme.test"))),
            ("https://api.acme.ghe.com", Some(("https://api.acme.ghe.com/graphql", "acme.ghe.com"))),
            ("http://127.0.0.1:8080", Some(("http://127.0.0.1:8080/graphql", "127.0.0.1:8080"))),
            ("http://localhost:1/api/v3", Some(("http://localhost:1/api/graphql", "localhost:1"))),
            ("http://[::1]:1", Some(("http://[::1]:1/graphql", "[::1]:1"))),
            ("http://ghe.acme.test/api/v3", None),
            ("http://localhost.evil.test", None),
            ("https://u:hunter2@api.github.com", None),
            ("https://api.github.com?x=1", None),
            ("https://github.com", None),
            ("file:///etc", None),
            ("hunter2", None),
        ] {
            let found = config(address);
            match expected {
                Some((graphql, host)) => {
                    let found = found.unwrap();
                    assert_eq!((found.graphql.as_str(), found.host().as_str()), (graphql, host), "{address}");
                }
                None => {
                    let error = found.unwrap_err().to_string();
                    assert!(error.contains("GITHUB_API_URL") && !error.contains("hunter2"), "{error}");
                }
            }
        }
    }
}
