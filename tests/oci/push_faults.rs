//! Whatever breaks a push, and wherever: the tag stands for the old or for the new, and what it stands for is whole.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::time::Duration;

use artifacts::layout::Layout;
use artifacts::oci::Descriptor;
use artifacts::registry::Access;
use artifacts::transfer::{self, Copied, Options as How, Place};
use artifacts::{Kind, Result};
use harness::faults::{Elsewhere, Fault, FaultProxy, Rule, Seen};
use harness::registry::{Login, Options, PASSWORD, Registry, USER, lacking};
use harness::{block_on, skip};

use super::kit::{noise, repository, single};
use super::said;

/// Where a push can be met: a name, the method, the path (with the repository for `~`), and how large a layer it takes.
type Stage = (&'static str, &'static str, &'static str, usize);

const SMALL: usize = 50_000;
/// More than one part, which is 16 MiB.
const LARGE: usize = (16 << 20) + SMALL;
const BYTES_BEFORE_CUT: u64 = 100;

const STAGES: [Stage; 6] = [
    ("head", "HEAD", "/v2/~/blobs/*", SMALL),
    ("post", "POST", "/v2/~/blobs/uploads/", SMALL),
    ("patch", "PATCH", "/v2/~/blobs/uploads/*", LARGE),
    ("put", "PUT", "/v2/~/blobs/uploads/*", SMALL),
    ("manifest", "PUT", "/v2/~/manifests/sha256:*", SMALL),
    ("tag", "PUT", "/v2/~/manifests/t", SMALL),
];

/// A registry, and two small artifacts and a large one to be pushed to it.
struct Desk {
    registry: Registry,
    settings: Vec<(&'static str, OsString)>,
    _place: tempfile::TempDir,
    old: (Layout, Descriptor),
    small: (Layout, Descriptor),
    large: (Layout, Descriptor),
}

/// What came of a push.
struct Pushed {
    result: Result<Copied>,
    seen: Vec<Seen>,
    /// Whether the tag stands for the new one now.
    new: bool,
}

impl Pushed {
    /// Everything went well in the end.
    fn good(&self, what: &str) {
        assert!(self.result.is_ok() && self.new, "{what}: {:?}", self.result);
        assert!(self.seen.iter().any(|seen| seen.met), "{what}: nothing broke: {:?}", self.seen);
    }

    /// It failed in this way, before the tag moved.
    fn bad(&self, what: &str, kind: Kind) {
        let error = self.result.as_ref().expect_err(what);
        assert_eq!(error.kind, kind, "{what}: {error}");
        assert!(!self.new, "{what}: {error}");
    }

    /// How often a rule met something.
    fn met(&self) -> usize {
        self.seen.iter().filter(|seen| seen.met).count()
    }
}

impl Desk {
    fn new(login: Login) -> Self {
        let registry = Registry::start(Options { login, ..Options::default() });
        registry.log_in(USER, PASSWORD);
        let place = tempfile::tempdir().expect("directory");
        let artifact = |name: &str, layer: &[u8]| single(&place.path().join(name), layer);
        Self {
            settings: match login {
                Login::None => Vec::new(),
                _ => vec![("AGENT_TOOLS_USERNAME", USER.into()), ("AGENT_TOOLS_PASSWORD", PASSWORD.into())],
            },
            old: artifact("old", b"the old one"),
            small: artifact("small", &noise(SMALL, 1)),
            large: artifact("large", &noise(LARGE, 2)),
            registry,
            _place: place,
        }
    }

    fn push_to(&self, layout: &Layout, reference: &str) -> Result<Copied> {
        let to = Place::Repository(repository(reference, Access::Push, &self.settings));
        block_on(transfer::copy(&Place::Layout(layout.clone()), "t", &to, Some("t"), &How::default()))
    }

    /// Pushes the old one to `name`, then a new one through a proxy with `rules`; looks with crane at what is there afterwards.
    fn push(&self, name: &str, size: usize, rules: Vec<Rule>) -> Pushed {
        let reference = self.registry.reference(name, "t");
        self.push_to(&self.old.0, &reference).expect("the old one");
        let proxy = FaultProxy::start(&self.registry.address(), rules);
        let (layout, new) = if size > SMALL { &self.large } else { &self.small };
        let result = self.push_to(layout, &proxy.reference(name, "t"));
        let there = said(&self.registry.crane(&["digest", &reference]));
        let old = self.old.1.digest.to_string();
        assert!(there == old || there == new.digest.to_string(), "{name}: {there}");
        // crane checks the digests of all it pulls.
        let place = format!("pulled-{}", name.replace('/', "-"));
        said(&self.registry.crane(&["pull", "--format=oci", &reference, &place]));
        std::fs::remove_dir_all(self.registry.tools().home().join(place)).expect("what was pulled");
        Pushed { result, seen: proxy.seen(), new: there != old }
    }

    /// The rule `make` makes for every stage, each in a repository of its own, and what comes of it; all at once.
    fn at_every_stage(
        &self,
        name: &str,
        make: impl Fn(Rule) -> Rule,
        fault: &Fault,
        check: impl Fn(&Stage, &Pushed) + Sync,
    ) {
        std::thread::scope(|scope| {
            for stage in &STAGES {
                let (at, method, path, size) = stage;
                let repository = format!("{name}/{at}");
                let rule = make(Rule::new(method, &path.replace('~', &repository), fault.clone()));
                let check = &check;
                scope.spawn(move || check(stage, &self.push(&repository, *size, vec![rule])));
            }
        });
    }
}

fn status(code: u16) -> Fault {
    let body = r#"{"errors":[{"code":"X","message":"as the test wants it"}]}"#.to_owned();
    Fault::Status(code, vec![("content-type", "application/json".to_owned()), ("retry-after", "0".to_owned())], body)
}

#[test]
fn what_breaks_once_at_any_stage_is_done_again() {
    if let Some(reason) = lacking(&["registry", "crane"]) {
        return skip("what_breaks_once_at_any_stage_is_done_again", &reason);
    }
    let desk = Desk::new(Login::None);
    for (name, fault) in [
        ("cut-before-body", Fault::CutBeforeBody),
        ("cut-before-response", Fault::CutBeforeResponse),
        ("busy", status(429)),
        ("failing", status(500)),
    ] {
        desk.at_every_stage(name, Rule::once, &fault, |(at, ..), pushed| {
            pushed.good(&format!("{name} at {at}"));
            assert_eq!(pushed.met(), 1);
        });
    }
}

#[test]
fn what_is_cut_in_the_body_is_sent_again() {
    if let Some(reason) = lacking(&["registry", "crane"]) {
        return skip("what_is_cut_in_the_body_is_sent_again", &reason);
    }
    let desk = Desk::new(Login::None);
    std::thread::scope(|scope| {
        for (at, method, path, size) in STAGES.into_iter().filter(|(at, ..)| !matches!(*at, "head" | "post")) {
            let (name, desk) = (format!("cut-in-body/{at}"), &desk);
            scope.spawn(move || {
                let rule = Rule::new(method, &path.replace('~', &name), Fault::CutRequest(BYTES_BEFORE_CUT)).once();
                let pushed = desk.push(&name, size, vec![rule]);
                pushed.good(&name);
                // The registry was asked how much of the part it has.
                let asked = pushed.seen.iter().any(|seen| seen.method == "GET" && seen.target.contains("/uploads/"));
                assert_eq!(asked, at == "patch", "{:?}", pushed.seen);
            });
        }
    });
}

#[test]
fn what_the_registry_decides_stands_and_so_does_the_tag() {
    if let Some(reason) = lacking(&["registry", "crane"]) {
        return skip("what_the_registry_decides_stands_and_so_does_the_tag", &reason);
    }
    let desk = Desk::new(Login::None);
    for (name, code, kind) in [("unknown", 401, Kind::Unauthenticated), ("forbidden", 403, Kind::Forbidden)] {
        desk.at_every_stage(
            name,
            |rule| rule,
            &status(code),
            |(at, ..), pushed| {
                pushed.bad(&format!("{name} at {at}"), kind);
                // Two blobs may ask at once; none of them asks again.
                let mut asked: Vec<&str> =
                    pushed.seen.iter().filter(|seen| seen.met).map(|seen| seen.target.as_str()).collect();
                asked.sort_unstable();
                assert!(
                    asked.len() <= 2 && (*at == "post" || asked.iter().collect::<BTreeSet<_>>().len() == asked.len()),
                    "{at}: {asked:?}"
                );
            },
        );
    }
}

#[test]
fn what_fails_always_fails_and_the_tag_stands() {
    if let Some(reason) = lacking(&["registry", "crane"]) {
        return skip("what_fails_always_fails_and_the_tag_stands", &reason);
    }
    let desk = Desk::new(Login::None);
    desk.at_every_stage(
        "always",
        |rule| rule,
        &status(500),
        |(at, ..), pushed| {
            pushed.bad(&format!("always at {at}"), Kind::Unavailable);
            assert!(pushed.met() >= 5, "{at}: {}", pushed.met());
        },
    );
}

#[test]
fn a_slow_upload_arrives() {
    if let Some(reason) = lacking(&["registry", "crane"]) {
        return skip("a_slow_upload_arrives", &reason);
    }
    let desk = Desk::new(Login::None);
    let slow = |step| Fault::TrickleRequest(step, Duration::from_millis(2));
    let rules = vec![Rule::new("PUT", "*", slow(1000)), Rule::new("PATCH", "*", slow(200_000))];
    desk.push("slow", LARGE, rules).good("slow");
}

#[test]
fn a_registry_that_stored_something_else_is_an_error() {
    if let Some(reason) = lacking(&["registry", "crane"]) {
        return skip("a_registry_that_stored_something_else_is_an_error", &reason);
    }
    let desk = Desk::new(Login::None);
    let wrong = Fault::Header("docker-content-digest", format!("sha256:{:064}", 0));
    desk.at_every_stage(
        "wrong",
        |rule| rule,
        &wrong,
        |(at, ..), pushed| match *at {
            "manifest" => pushed.bad(at, Kind::Corrupt),
            // The registry did what it was asked and says something else.
            "tag" => assert!(pushed.new && pushed.result.as_ref().is_err_and(|error| error.kind == Kind::Corrupt)),
            // Of a blob it is the registry that checks; the manifest would not be taken without it.
            _ => pushed.good(at),
        },
    );
}

#[test]
fn an_upload_that_leads_elsewhere_takes_no_credentials_with_it() {
    if let Some(reason) = lacking(&["registry", "crane"]) {
        return skip("an_upload_that_leads_elsewhere_takes_no_credentials_with_it", &reason);
    }
    let desk = Desk::new(Login::Basic);
    let elsewhere = Elsewhere::start(&desk.registry.storage());
    let rule = Rule::new("POST", "*/uploads/", Fault::Location(elsewhere.url()));
    let pushed = desk.push("elsewhere", SMALL, vec![rule]);
    // It says it has them, and the registry does not.
    let error = pushed.result.as_ref().expect_err("blobs are missing");
    assert!(!pushed.new && !error.message.contains(PASSWORD), "{error}");
    let seen = elsewhere.seen();
    assert!(seen.iter().any(|seen| seen.method == "PUT" && seen.body > 0), "{seen:?}");
    assert!(seen.iter().all(|seen| !seen.authorized()), "{seen:?}");
    // What leads back has them again.
    assert!(pushed.seen.iter().filter(|seen| seen.target != "/v2/").all(|seen| seen.authorized()), "{:?}", pushed.seen);
}
