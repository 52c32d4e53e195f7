//! Every way in which the harness breaks an answer.

use std::time::Duration;

use harness::faults::{Elsewhere, Fault, FaultProxy, Rule};
use harness::http::Request;
use harness::registry::{Options, Registry, lacking};
use harness::{block_on, skip};
use tokio::io::AsyncReadExt as _;

use super::{push, refused, said};

const BLOBS: &str = "/v2/some/thing/blobs/*";

/// A registry with a layer, and a proxy that breaks it.
struct Broken {
    registry: Registry,
    proxy: FaultProxy,
    path: String,
    layer: Vec<u8>,
}

impl Broken {
    fn start(rules: impl IntoIterator<Item = Rule>) -> Self {
        let registry = Registry::start(Options::default());
        // Something that does not become small: crane compresses layers.
        let numbers =
            std::iter::successors(Some(1_u32), |n| Some(n.wrapping_mul(1_664_525).wrapping_add(1_013_904_223)));
        let noise: Vec<u8> = numbers.map(|n| n.to_be_bytes()[0]).take(3000).collect();
        let digest = push(&registry, &registry.reference("some/thing", "1"), &noise);
        let layer = std::fs::read(registry.blob(&digest)).expect("a blob");
        let proxy = FaultProxy::start(&registry.address(), rules);
        Self { registry, proxy, path: format!("/v2/some/thing/blobs/{digest}"), layer }
    }

    /// Head and body of the answer to a GET of the layer, as far as they came.
    fn get(&self) -> (String, Vec<u8>) {
        let address = self.proxy.address().parse().expect("an address");
        let bytes = block_on(async {
            let mut stream = Request::to(address, "GET", &self.path).begin().await;
            let mut bytes = Vec::new();
            let _ = stream.read_to_end(&mut bytes).await;
            bytes
        });
        let Some(at) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else { return (String::new(), bytes) };
        (String::from_utf8_lossy(&bytes[..at]).to_lowercase(), bytes[at + 4..].to_vec())
    }
}

fn blobs(fault: Fault) -> [Rule; 1] {
    [Rule::new("GET", BLOBS, fault)]
}

#[test]
fn without_rules_everything_passes() {
    if let Some(reason) = lacking(&["registry", "crane"]) {
        return skip("without_rules_everything_passes", &reason);
    }
    let broken = Broken::start([]);
    let (head, body) = broken.get();
    assert!(head.starts_with("http/1.1 200"), "{head}");
    assert_eq!(body, broken.layer);
    // An upload stays on the proxy: the registry names the host it was asked as.
    let reference = broken.proxy.reference("other/thing", "1");
    push(&broken.registry, &reference, b"through the proxy\n");
    let seen = broken.proxy.seen();
    for method in ["POST", "PATCH", "PUT"] {
        assert!(seen.iter().any(|seen| seen.method == method && seen.target.contains("/uploads/")), "{seen:?}");
    }
    assert!(seen.iter().any(|seen| seen.method == "PUT" && seen.target.ends_with("/manifests/1") && seen.body > 0));
    assert!(seen.iter().all(|seen| !seen.met && !seen.authorized()));
}

#[test]
fn statuses_come_as_often_as_they_are_wanted() {
    if let Some(reason) = lacking(&["registry", "crane"]) {
        return skip("statuses_come_as_often_as_they_are_wanted", &reason);
    }
    let busy = || Fault::Status(429, vec![("retry-after", "0".to_owned())], "slow down".to_owned());
    let broken = Broken::start([]);
    let statuses = |rule: Rule| {
        broken.proxy.rules([rule]);
        (0..4).map(|_| broken.get().0[9..12].to_owned()).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(statuses(Rule::new("GET", BLOBS, busy()).once()), "429 200 200 200");
    assert_eq!(statuses(Rule::new("*", "/v2/*", busy()).first(3)), "429 429 429 200");
    assert_eq!(statuses(Rule::new("GET", "*/blobs/*", busy()).nth(2)), "200 429 200 200");
    assert_eq!(statuses(Rule::new("GET", BLOBS, busy())), "429 429 429 429");
    assert_eq!(statuses(Rule::new("PUT", BLOBS, busy())), "200 200 200 200");
    assert_eq!(statuses(Rule::new("GET", "/v2/some/thing/manifests/*", busy())), "200 200 200 200");
    broken.proxy.rules(blobs(busy()));
    let (head, body) = broken.get();
    assert!(head.contains("retry-after: 0"), "{head}");
    assert_eq!(body, b"slow down");
    let seen = broken.proxy.seen();
    assert!(seen.last().is_some_and(|seen| seen.met && seen.status == Some(429)));
}

#[test]
fn a_client_fails_where_everything_fails() {
    if let Some(reason) = lacking(&["registry", "crane"]) {
        return skip("a_client_fails_where_everything_fails", &reason);
    }
    let broken = Broken::start([Rule::new("*", "*", Fault::Status(403, Vec::new(), String::new()))]);
    refused(&broken.registry.crane(&["digest", &broken.proxy.reference("some/thing", "1")]));
    let seen = broken.proxy.seen();
    assert!(!seen.is_empty() && seen.iter().all(|seen| seen.met), "{seen:?}");
}

#[test]
fn connections_are_cut_where_it_is_wanted() {
    if let Some(reason) = lacking(&["registry", "crane"]) {
        return skip("connections_are_cut_where_it_is_wanted", &reason);
    }
    let broken = Broken::start([]);
    for fault in [Fault::CutBeforeBody, Fault::CutBeforeResponse] {
        broken.proxy.rules(blobs(fault));
        assert_eq!(broken.get(), (String::new(), Vec::new()));
        assert_eq!(broken.proxy.seen().last().and_then(|seen| seen.status), None);
    }
    for after in [0, 1, 1000] {
        broken.proxy.rules(blobs(Fault::CutResponse(after)));
        let (head, body) = broken.get();
        assert!(head.contains(&format!("content-length: {}", broken.layer.len())), "{head}");
        assert_eq!(body, broken.layer[..usize::try_from(after).expect("a size")]);
    }
}

#[test]
fn bodies_are_changed_where_it_is_wanted() {
    if let Some(reason) = lacking(&["registry", "crane"]) {
        return skip("bodies_are_changed_where_it_is_wanted", &reason);
    }
    let broken = Broken::start(blobs(Fault::FlipResponse(600)));
    let mut flipped = broken.layer.clone();
    flipped[600] ^= 1;
    assert_eq!(broken.get().1, flipped);

    let reference = broken.proxy.reference("some/thing", "1");
    let refusal = refused(&broken.registry.crane(&["export", &reference, "out.tar"]));
    assert!(refusal.contains("verifying"), "{refusal}");

    broken.proxy.rules(blobs(Fault::TruncateResponse(700)));
    let (head, body) = broken.get();
    assert!(head.contains("content-length: 700"), "{head}");
    assert_eq!(body, broken.layer[..700]);

    broken.proxy.rules(blobs(Fault::Header("docker-content-digest", format!("sha256:{:064}", 0))));
    let (head, body) = broken.get();
    assert!(head.contains(&format!("docker-content-digest: sha256:{:064}", 0)), "{head}");
    assert_eq!(body, broken.layer);

    broken.proxy.rules(blobs(Fault::TrickleResponse(100, Duration::from_millis(1))));
    assert_eq!(broken.get().1, broken.layer);
    broken.proxy.rules(blobs(Fault::Delay(Duration::from_millis(1))));
    assert_eq!(broken.get().1, broken.layer);
}

#[test]
fn a_server_that_hangs_says_nothing() {
    if let Some(reason) = lacking(&["registry", "crane"]) {
        return skip("a_server_that_hangs_says_nothing", &reason);
    }
    let broken = Broken::start(blobs(Fault::Hang));
    let address = broken.proxy.address().parse().expect("an address");
    block_on(async {
        let mut stream = Request::to(address, "GET", &broken.path).begin().await;
        harness::until("the request", || broken.proxy.seen().len() == 1).await;
        let silence = tokio::time::timeout(Duration::from_millis(50), stream.read_u8()).await;
        assert!(silence.is_err(), "{silence:?}");
    });
}

#[test]
fn redirects_lead_elsewhere_without_credentials() {
    if let Some(reason) = lacking(&["registry", "crane"]) {
        return skip("redirects_lead_elsewhere_without_credentials", &reason);
    }
    let broken = Broken::start([]);
    let elsewhere = Elsewhere::start(&broken.registry.storage());
    broken.proxy.rules(blobs(Fault::Redirect(307, elsewhere.url())));
    let (head, _) = broken.get();
    assert!(head.contains(&format!("location: {}{}", elsewhere.url(), broken.path)), "{head}");
    let reference = broken.proxy.reference("some/thing", "1");
    said(&broken.registry.crane(&["export", &reference, "out.tar"]));
    let seen = elsewhere.seen();
    assert!(seen.iter().any(|seen| seen.target == broken.path && seen.status == Some(200)), "{seen:?}");
    assert!(seen.iter().all(|seen| !seen.authorized()));
}
