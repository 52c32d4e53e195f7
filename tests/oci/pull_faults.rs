//! Whatever breaks a pull: what comes is what was pushed, or nothing comes and nothing is left.

use std::collections::BTreeSet;
use std::time::Duration;

use artifacts::oci::media;
use artifacts::registry::Access;
use artifacts::transfer::{self, Options as How};
use harness::faults::{Elsewhere, Fault, FaultProxy, Rule, Seen};
use harness::registry::{Login, Options, PASSWORD, Registry, USER, lacking};
use harness::{block_on, skip};

use super::kit::{Agent, Released, VERSION, program, repository};

const REPOSITORY: &str = "team/mcp-git";
const BLOB: &str = "/v2/team/mcp-git/blobs/*";
const MANIFEST: &str = "/v2/team/mcp-git/manifests/*";
const PAGE: &str = "<!DOCTYPE html><html><body>Log in to the hotel</body></html>";

/// A registry with a release, and a proxy that breaks it.
struct Desk {
    registry: Registry,
    proxy: FaultProxy,
    released: Released,
    login: Login,
}

impl Desk {
    fn new(login: Login, rules: impl IntoIterator<Item = Rule>) -> Self {
        let registry = Registry::start(Options { login, ..Options::default() });
        let released = Released::new();
        let settings = [("AGENT_TOOLS_USERNAME", USER.into()), ("AGENT_TOOLS_PASSWORD", PASSWORD.into())];
        let to = repository(&registry.reference(REPOSITORY, VERSION), Access::Push, &settings);
        block_on(transfer::push_layout(&released.layout, &to, &BTreeSet::new(), false, &How::default()))
            .expect("a push");
        let proxy = FaultProxy::start(&registry.address(), rules);
        Self { registry, proxy, released, login }
    }

    fn agent(&self) -> Agent {
        let agent = Agent::new();
        if self.login == Login::None {
            return agent;
        }
        agent.with("AGENT_TOOLS_USERNAME", USER).with("AGENT_TOOLS_PASSWORD", PASSWORD)
    }

    /// A pull through the proxy under `rules`, which has to bring what was pushed.
    fn good(&self, rules: impl IntoIterator<Item = Rule>) -> Vec<Seen> {
        let before = self.proxy.seen().len();
        self.proxy.rules(rules);
        pulled(&self.agent(), &self.proxy.reference(REPOSITORY, VERSION));
        self.proxy.seen().split_off(before)
    }

    /// A pull through the proxy under `rule`, which has to fail and to leave nothing; what it said.
    fn bad(&self, rule: Rule) -> String {
        self.proxy.rules([rule]);
        refused(&self.agent(), &self.proxy.reference(REPOSITORY, VERSION))
    }

    /// The digest of the layer that is pulled.
    fn layer(&self) -> String {
        self.released.release.parts[0].layer.digest.to_string()
    }
}

/// Pulls and looks at what came.
fn pulled(agent: &Agent, reference: &str) {
    std::fs::create_dir(agent.path("here")).expect("directory");
    agent.said(&["pull", reference, "-o", "here/git", "--platform", "linux/amd64"]);
    assert_eq!(agent.list("here"), ["git"]);
    assert_eq!(agent.list("here/git"), ["manifest.json", "mcp-git"]);
    let bytes = std::fs::read(agent.path("here/git/mcp-git")).expect("a program");
    assert!(bytes == program("amd64", bytes.len()), "another program");
}

/// Pulls, fails and looks whether anything is left; what was said.
fn refused(agent: &Agent, reference: &str) -> String {
    std::fs::create_dir(agent.path("here")).expect("directory");
    let error = agent.failed(1, &["pull", reference, "-o", "here/git", "--platform", "linux/amd64"]);
    assert_eq!(agent.list("here"), [""; 0], "{error}");
    // The command's home is its place for temporary files too.
    assert_eq!(agent.list("."), ["here"], "{error}");
    error
}

fn page(status: u16) -> Fault {
    Fault::Status(status, vec![("content-type", "text/html; charset=utf-8".to_owned())], PAGE.to_owned())
}

#[test]
fn a_blob_that_is_cut_goes_on_where_it_was_cut() {
    if let Some(reason) = lacking(&["registry"]) {
        return skip("a_blob_that_is_cut_goes_on_where_it_was_cut", &reason);
    }
    let desk = Desk::new(Login::None, []);
    for (fault, times) in
        [(Fault::CutResponse(9000), 1), (Fault::CutResponse(500), 3), (Fault::TruncateResponse(9000), 1)]
    {
        let seen = desk.good([Rule::new("GET", BLOB, fault).first(times)]);
        let ranges: Vec<Option<&str>> = seen
            .iter()
            .filter(|seen| seen.method == "GET" && seen.target.contains("/blobs/"))
            .map(|seen| seen.header("range"))
            .collect();
        assert_eq!(ranges.len(), times + 1, "{ranges:?}");
        assert_eq!(ranges[0], None);
        let from = |range: &Option<&str>| -> u64 {
            let range = range.and_then(|range| range.strip_prefix("bytes=")?.strip_suffix('-'));
            range.and_then(|from| from.parse().ok()).expect("bytes=N-")
        };
        assert!(ranges[1..].iter().all(|range| from(range) > 0), "{ranges:?}");
    }
}

#[test]
fn what_passes_is_waited_for() {
    if let Some(reason) = lacking(&["registry"]) {
        return skip("what_passes_is_waited_for", &reason);
    }
    let desk = Desk::new(Login::None, []);
    let busy = |code, header| Fault::Status(code, header, String::new());
    for fault in [
        busy(429, vec![("retry-after", "0".to_owned())]),
        busy(500, Vec::new()),
        Fault::CutBeforeResponse,
        Fault::TrickleResponse(1000, Duration::from_millis(1)),
    ] {
        let seen = desk.good([MANIFEST, BLOB].map(|path| Rule::new("GET", path, fault.clone()).once()));
        assert_eq!(seen.iter().filter(|seen| seen.met).count(), 2, "{fault:?}: {seen:?}");
    }
    desk.good([Rule::new("GET", MANIFEST, Fault::CutResponse(100)).once()]);
}

#[test]
fn what_does_not_pass_is_an_error_and_nothing_is_left() {
    if let Some(reason) = lacking(&["registry"]) {
        return skip("what_does_not_pass_is_an_error_and_nothing_is_left", &reason);
    }
    let desk = Desk::new(Login::None, []);
    let index = desk.released.release.index.digest.to_string();
    let wrong = format!("sha256:{:064}", 0);
    let denied = |code| {
        let body = r#"{"errors":[{"code":"DENIED","message":"\u001b[31mgo away"}]}"#.to_owned();
        Fault::Status(code, vec![("content-type", "application/json".to_owned())], body)
    };
    // Where, what, and what the error must say.
    let cases: Vec<(&str, Fault, String)> = vec![
        (BLOB, Fault::FlipResponse(0), desk.layer()),
        (BLOB, Fault::FlipResponse(15_000), desk.layer()),
        (MANIFEST, Fault::FlipResponse(0), index.clone()),
        (MANIFEST, Fault::FlipResponse(600), index),
        (MANIFEST, Fault::Header("docker-content-digest", wrong.clone()), wrong),
        (MANIFEST, Fault::Header("content-type", media::MANIFEST.to_owned()), media::MANIFEST.to_owned()),
        (MANIFEST, page(200), "page".to_owned()),
        (BLOB, page(200), "page".to_owned()),
        (MANIFEST, page(403), "403".to_owned()),
        (MANIFEST, denied(403), "go away".to_owned()),
        (BLOB, denied(403), "go away".to_owned()),
        (MANIFEST, denied(401), "docker login".to_owned()),
        (MANIFEST, denied(404), "404".to_owned()),
        (BLOB, denied(404), desk.layer()),
    ];
    for (path, fault, expected) in cases {
        let error = desk.bad(Rule::new("GET", path, fault.clone()));
        assert!(error.contains(&expected), "{fault:?} of {path}: {error}");
        assert!(!error.contains(['\u{1b}', '<']), "{fault:?} of {path}: {error}");
    }
    let nothing = desk.proxy.reference(REPOSITORY, "nothing");
    desk.proxy.rules([]);
    assert!(refused(&desk.agent(), &nothing).contains("nothing"));
}

#[test]
fn what_never_ends_well_is_given_up() {
    if let Some(reason) = lacking(&["registry"]) {
        return skip("what_never_ends_well_is_given_up", &reason);
    }
    let desk = Desk::new(Login::None, []);
    let cases = [
        (BLOB, Fault::CutResponse(0)),
        (BLOB, Fault::TruncateResponse(0)),
        (BLOB, Fault::Status(503, Vec::new(), String::new())),
        (MANIFEST, Fault::CutResponse(10)),
        (MANIFEST, Fault::Status(500, Vec::new(), String::new())),
    ];
    std::thread::scope(|scope| {
        for (path, fault) in cases {
            let desk = &desk;
            scope.spawn(move || {
                let proxy = FaultProxy::start(&desk.registry.address(), [Rule::new("GET", path, fault.clone())]);
                let error = refused(&desk.agent(), &proxy.reference(REPOSITORY, VERSION));
                assert!(error.contains("tried 5 times"), "{fault:?} of {path}: {error}");
                assert_eq!(proxy.seen().iter().filter(|seen| seen.met).count(), 5, "{fault:?} of {path}");
            });
        }
    });
    // Longer than anybody waits without being asked.
    let busy = Fault::Status(429, vec![("retry-after", "3600".to_owned())], String::new());
    assert!(desk.bad(Rule::new("GET", MANIFEST, busy)).contains("429"));
}

#[test]
fn a_redirect_to_another_host_takes_no_credentials_with_it() {
    if let Some(reason) = lacking(&["registry"]) {
        return skip("a_redirect_to_another_host_takes_no_credentials_with_it", &reason);
    }
    let desk = Desk::new(Login::Basic, []);
    let elsewhere = Elsewhere::start(&desk.registry.storage());
    for code in [301, 302, 303, 307, 308] {
        let before = elsewhere.seen().len();
        let seen = desk.good([Rule::new("GET", BLOB, Fault::Redirect(code, elsewhere.url()))]);
        assert!(seen.iter().filter(|seen| seen.target != "/v2/").all(|seen| seen.authorized()), "{code}: {seen:?}");
        let there = elsewhere.seen().split_off(before);
        assert!(!there.is_empty() && there.iter().all(|seen| !seen.authorized()), "{code}: {there:?}");
    }
    // Around and around.
    let error = desk.bad(Rule::new("GET", BLOB, Fault::Redirect(307, desk.proxy.url())));
    assert!(error.contains("redirects") && !error.contains(PASSWORD), "{error}");
}

#[test]
fn from_https_nothing_leads_to_http() {
    if let Some(reason) = lacking(&["registry"]) {
        return skip("from_https_nothing_leads_to_http", &reason);
    }
    let desk = Desk::new(Login::None, []);
    let elsewhere = Elsewhere::start(&desk.registry.storage());
    let directory = tempfile::tempdir().expect("directory");
    let proxy = FaultProxy::start_tls(&desk.registry.address(), directory.path(), []);
    let agent = || Agent::new().with("SSL_CERT_FILE", directory.path().join("ca.pem"));
    let reference = proxy.reference(REPOSITORY, VERSION);
    pulled(&agent(), &reference);
    for path in [BLOB, MANIFEST] {
        proxy.rules([Rule::new("GET", path, Fault::Redirect(307, elsewhere.url()))]);
        let error = refused(&agent(), &reference);
        assert!(error.contains("https to http"), "{error}");
    }
    // The registry believes it speaks http, and would have the upload go on there.
    let layout = desk.released.layout.root().display().to_string();
    proxy.rules([Rule::new("POST", "*/uploads/", Fault::Location(elsewhere.url()))]);
    let error = agent().failed(1, &["push", &layout, &proxy.reference("other/place", VERSION)]);
    assert!(error.contains("https to http"), "{error}");
    assert!(elsewhere.seen().is_empty(), "{:?}", elsewhere.seen());
    // Whoever does not know its authority does not speak with it at all.
    let error = refused(&Agent::new(), &reference);
    assert!(error.contains("certificate"), "{error}");
}
