//! The HTTP clients of an operation.

use std::sync::OnceLock;

use reqwest::Client;
use url::Url;

use super::super::Network;
use shared::Result;
use shared::http::address::{self, Reach};
use shared::http::{connect, proxy};

/// Some forges answer only to what calls itself git.
const USER_AGENT: &str = concat!("git/2.0 (agent-tools ", env!("CARGO_PKG_VERSION"), ")");

/// A client for hosts that were named and one, with stricter address rules, for hosts that a redirect led to.
#[derive(Default)]
pub(super) struct Clients {
    named: OnceLock<Client>,
    redirected: OnceLock<Client>,
}

impl Clients {
    /// The client for a request to `url`, once its host is known to be no forbidden address.
    pub(super) fn for_request(&self, network: &Network, url: &Url, reach: Reach) -> Result<Client> {
        address::check(url, reach)?;
        let slot = match reach {
            Reach::Named => &self.named,
            Reach::Redirected => &self.redirected,
        };
        if let Some(client) = slot.get() {
            return Ok(client.clone());
        }
        let client = build(network, reach)?;
        Ok(slot.get_or_init(|| client).clone())
    }
}

fn build(network: &Network, reach: Reach) -> Result<Client> {
    let environment = network.environment();
    // Known to redaction by now; what a remote says is held against the credentials' own list as well.
    for (_, url) in proxy::proxies(environment)? {
        network.credentials().learn(url.password().unwrap_or_default());
    }
    connect::built(connect::builder_with(network.tls()?, environment, USER_AGENT, reach)?)
}
