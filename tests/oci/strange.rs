//! Registries that are not like distribution's: without parts or ranges, with pages, with what the others leave to their clients, and some that lie.

use artifacts::oci::{Descriptor, Index, Manifest, media};
use harness::faults::{Elsewhere, Fault, FaultProxy, Rule};
use harness::registry::{Options, Registry, lacking};
use harness::skip;

use super::kit::{Agent, Released, VERSION, noise, single};

const REPOSITORY: &str = "team/mcp-git";
const BLOB: &str = "/v2/team/mcp-git/blobs/*";

/// A registry with a release, and a proxy that makes it strange.
struct Desk {
    registry: Registry,
    proxy: FaultProxy,
    agent: Agent,
    released: Released,
}

impl Desk {
    fn new() -> Self {
        let registry = Registry::start(Options::default());
        let (agent, released) = (Agent::new(), Released::new());
        agent.said(&["push", &released.path("layout"), &format!("{}/{REPOSITORY}", registry.address())]);
        let proxy = FaultProxy::start(&registry.address(), []);
        Self { registry, proxy, agent, released }
    }

    /// `HOST/REPOSITORY`, through the proxy.
    fn place(&self) -> String {
        format!("{}/{REPOSITORY}", self.proxy.address())
    }

    fn reference(&self) -> String {
        self.proxy.reference(REPOSITORY, VERSION)
    }

    fn pull<'a>(reference: &'a str, to: &'a str) -> [&'a str; 6] {
        ["pull", reference, "-o", to, "--platform", "linux/amd64"]
    }
}

fn json(text: String, link: Option<&str>) -> Fault {
    let mut headers = vec![("content-type", media::INDEX.to_owned())];
    headers.extend(link.map(|link| ("link", format!("<{link}>; rel=\"next\""))));
    Fault::Status(200, headers, text)
}

fn list(manifests: Vec<Descriptor>) -> String {
    String::from_utf8(Index { manifests, ..Index::default() }.bytes()).expect("JSON")
}

#[test]
fn without_parts_or_with_larger_ones_a_large_blob_arrives_all_the_same() {
    if let Some(reason) = lacking(&["registry"]) {
        return skip("without_parts_or_with_larger_ones_a_large_blob_arrives_all_the_same", &reason);
    }
    let registry = Registry::start(Options::default());
    let agent = Agent::new();
    let size = (33 << 20) + 1;
    let (layout, manifest) = single(&agent.path("large"), &noise(size, 3));
    let from = format!("oci:{}:t", layout.root().display());
    let status = |code| Rule::new("PATCH", "*", Fault::Status(code, Vec::new(), String::new()));
    let least = |bytes: u64| Rule::new("POST", "*/uploads/", Fault::Header("oci-chunk-min-length", bytes.to_string()));
    for (name, rule, parts) in [
        ("as-it-is", None, 2),
        ("not-found", Some(status(404)), 0),
        ("not-allowed", Some(status(405)), 0),
        ("larger", Some(least(20 << 20)), 1),
        ("too-large", Some(least(600 << 20)), 0),
        ("tiny", Some(least(1)), 2),
    ] {
        let proxy = FaultProxy::start(&registry.address(), rule);
        let reference = proxy.reference(name, "t");
        let said = agent.said(&["copy", &from, &reference]);
        assert!(said.ends_with(&manifest.digest.to_string()), "{said}");
        let took = proxy.seen().iter().filter(|seen| seen.method == "PATCH" && seen.status == Some(202)).count();
        assert_eq!(took, parts, "{name}");
        let layer =
            Manifest::parse(&layout.document(&manifest).expect("a manifest")).expect("a manifest").layers[0].clone();
        assert_eq!(std::fs::metadata(registry.blob(&layer.digest.to_string())).expect("a blob").len(), size as u64);
    }
}

#[test]
fn without_ranges_a_blob_that_was_cut_comes_from_the_beginning() {
    if let Some(reason) = lacking(&["registry"]) {
        return skip("without_ranges_a_blob_that_was_cut_comes_from_the_beginning", &reason);
    }
    let desk = Desk::new();
    let elsewhere = Elsewhere::start(&desk.registry.storage());
    let redirect = || Rule::new("GET", BLOB, Fault::Redirect(307, elsewhere.url()));
    desk.proxy.rules([Rule::new("GET", BLOB, Fault::CutResponse(9000)).once(), redirect()]);
    desk.agent.said(&Desk::pull(&desk.reference(), "good"));
    assert!(elsewhere.seen().iter().any(|seen| seen.header("range").is_some() && seen.status == Some(200)));
    // The storage has something longer than was promised, and then nothing at all.
    let layer = desk.registry.blob(&desk.released.release.parts[0].layer.digest.to_string());
    let mut bytes = std::fs::read(&layer).expect("a blob");
    bytes.push(0);
    std::fs::write(&layer, &bytes).expect("write");
    desk.proxy.rules([redirect()]);
    let error = desk.agent.failed(1, &Desk::pull(&desk.reference(), "bad"));
    assert!(error.contains("larger than the"), "{error}");
    std::fs::remove_file(&layer).expect("a blob");
    assert!(desk.agent.failed(1, &Desk::pull(&desk.reference(), "bad")).contains("404"));
    assert_eq!(desk.agent.list("."), ["good"]);
}

#[test]
fn tags_come_in_pages_that_lead_nowhere_else() {
    if let Some(reason) = lacking(&["registry"]) {
        return skip("tags_come_in_pages_that_lead_nowhere_else", &reason);
    }
    let desk = Desk::new();
    let path = format!("/v2/{REPOSITORY}/tags/list");
    let page = |number: usize, tags: &str, link: Option<&str>| {
        Rule::new("GET", &path, json(format!("{{\"name\":\"x\",\"tags\":{tags}}}"), link)).nth(number)
    };
    let next = |number: usize| format!("{path}?n=1000&last={number}");
    desk.proxy.rules([
        page(1, "[\"c\",\"no tag\"]", Some(&next(1))),
        page(1, "[\"a\"]", Some(&next(2))),
        page(1, "null", Some(&next(3))),
        page(1, "[\"b\",\"a\"]", None),
    ]);
    assert_eq!(desk.agent.said(&["list", &desk.place()]), "a\nb\nc");
    let elsewhere = Elsewhere::start(&desk.registry.storage());
    for link in [format!("{}{path}", elsewhere.url()), "/v2/other/tags/list".to_owned()] {
        desk.proxy.rules([page(1, "[\"a\"]", Some(&link))]);
        assert!(desk.agent.failed(1, &["list", &desk.place()]).contains("elsewhere"), "{link}");
    }
    desk.proxy.rules([Rule::new("GET", &path, json("{\"tags\":[\"a\"]}".to_owned(), Some(&next(1))))]);
    assert!(desk.agent.failed(1, &["list", &desk.place()]).contains("the same page"));
    assert!(elsewhere.seen().is_empty());
}

#[test]
fn a_registry_that_keeps_referrers_is_asked_for_them_and_not_believed() {
    if let Some(reason) = lacking(&["registry"]) {
        return skip("a_registry_that_keeps_referrers_is_asked_for_them_and_not_believed", &reason);
    }
    let desk = Desk::new();
    let index = &desk.released.release.index.digest;
    let known = desk.released.layout.referrers(index).expect("referrers");
    let (of_index, others) = (format!("/v2/{REPOSITORY}/referrers/{index}"), format!("/v2/{REPOSITORY}/referrers/*"));
    let page = |at: usize, link: Option<&str>| json(list(vec![known[at].bare()]), link);
    let next = format!("{of_index}?page=2");
    let nothing = || Rule::new("GET", &others, json(list(Vec::new()), None));
    desk.proxy.rules([
        Rule::new("GET", &of_index, page(0, Some(&next))).once(),
        Rule::new("GET", &of_index, page(1, None)),
        nothing(),
    ]);
    let said = desk.agent.said(&["copy", &desk.reference(), "oci:pages:1", "--output", "json"]);
    let copied: serde_json::Value = serde_json::from_str(&said).expect("JSON");
    assert_eq!((known.len(), &copied["referrers"]), (2, &2.into()), "{copied}");
    // What it lists there refers to something else.
    desk.proxy.rules([Rule::new("GET", &others, page(0, None))]);
    let other = format!("{}-linux-amd64", desk.reference());
    let error = desk.agent.failed(1, &["copy", &other, "oci:liar:1"]);
    assert!(error.contains("refers to something else"), "{error}");
    // One that keeps the list itself, and says so, has no list under a tag.
    let rule = Rule::new("PUT", "*/manifests/*", Fault::Header("oci-subject", index.to_string()));
    desk.proxy.rules([rule]);
    let place = format!("{}/keeps/them", desk.proxy.address());
    desk.agent.said(&["push", &desk.released.path("layout"), &place]);
    let tags = desk.agent.said(&["list", &place, "--all"]);
    assert!(tags.lines().all(|tag| !tag.starts_with("sha256-") || tag.ends_with(".sig")), "{tags}");
}

#[test]
fn a_document_without_end_is_not_read() {
    if let Some(reason) = lacking(&["registry"]) {
        return skip("a_document_without_end_is_not_read", &reason);
    }
    let desk = Desk::new();
    let large = format!("{{\"mediaType\":\"{}\",\"x\":\"{}\"}}", media::INDEX, "x".repeat(5 << 20));
    desk.proxy.rules([Rule::new("GET", "*/manifests/*", json(large, None))]);
    let error = desk.agent.failed(1, &Desk::pull(&desk.reference(), "bad"));
    assert!(error.contains("larger than"), "{error}");
    assert_eq!(desk.agent.list("."), [""; 0]);
}

#[test]
fn a_proxy_is_asked_where_there_is_one() {
    if let Some(reason) = lacking(&["registry"]) {
        return skip("a_proxy_is_asked_where_there_is_one", &reason);
    }
    let desk = Desk::new();
    let address = format!("http://somebody:a-secret@{}", desk.proxy.address());
    let agent = Agent::new().with("HTTP_PROXY", address);
    let output = agent.run(&["list", &format!("registry.invalid/{REPOSITORY}"), "--plain-http"]);
    assert!(super::said(&output).lines().any(|tag| tag == VERSION));
    assert!(!String::from_utf8_lossy(&output.stderr).contains("a-secret"));
    let seen = desk.proxy.seen();
    assert!(!seen.is_empty() && seen.iter().all(|seen| seen.target.starts_with("http://registry.invalid/v2/")));
    assert!(seen.iter().all(|seen| seen.header("proxy-authorization").is_some() && !seen.authorized()), "{seen:?}");
    // This machine is never asked of a proxy.
    let before = desk.proxy.seen().len();
    agent.said(&["list", &format!("{}/{REPOSITORY}", desk.registry.address())]);
    assert_eq!(desk.proxy.seen().len(), before);
}
