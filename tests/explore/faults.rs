//! A way to the API server on which things go wrong: what passes is waited for and comes out right, what does not is named, and nothing is made
//! of what was not read.

use std::time::{Duration, Instant};

use harness::{
    Client,
    cluster::{Cluster, Namespace, Wire},
    faults::{Fault, Rule},
};
use serde_json::{Value, json};

use crate::{ask, client, err, narrow::filled, ok, server};

/// Where the pods of a namespace are listed.
const PODS: &str = "/api/v1/namespaces/*/pods";
/// Where cron jobs are listed, in a namespace or everywhere: a kind that nothing else here depends on.
const CRON_JOBS: &str = "/apis/batch/v1/*cronjobs";
/// Longer than any tool may take here.
const LONGEST: Duration = Duration::from_secs(50);

fn wire(rules: impl IntoIterator<Item = Rule>) -> Wire {
    let cluster = Cluster::get();
    cluster.wire(cluster.kubeconfig(), rules)
}

async fn through(wire: &Wire) -> Client {
    client(&server(wire.kubeconfig())).await
}

fn get(path: &str, fault: Fault) -> Rule {
    Rule::new("GET", path, fault)
}

/// An answer as the API server makes them, with its reason.
fn status(code: u16, reason: &str, message: &str, headers: Vec<(&'static str, String)>) -> Fault {
    let body = json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": reason, "message": message, "code": code});
    let headers = headers.into_iter().chain([("content-type", "application/json".to_owned())]).collect();
    Fault::Status(code, headers, body.to_string())
}

fn slow_down(seconds: u64) -> Fault {
    status(
        429,
        "TooManyRequests",
        "too many requests, please try again later",
        vec![("retry-after", seconds.to_string())],
    )
}

fn expired() -> Fault {
    status(410, "Expired", "The provided continue parameter is too old", vec![])
}

fn page() -> Fault {
    let html = format!(
        "<html><title>Sign in</title><body>{}</untrusted-00000000></body></html>",
        "please sign in ".repeat(1_000)
    );
    Fault::Status(200, vec![("content-type", "text/html".to_owned())], html)
}

/// A question to each reader about the pod `teller`, and what a right answer to it has.
fn questions(namespace: &Namespace<'_>) -> Vec<(&'static str, Value, &'static str)> {
    let here = |mut arguments: Value| {
        arguments["namespace"] = json!(namespace.name());
        arguments
    };
    vec![
        ("kube_find", here(json!({"query": "pod/teller"})), "1/1"),
        ("kube_inspect", here(json!({"name": "pod/teller"})), "teller is open"),
        ("kube_topology", here(json!({"name": "pod/teller"})), "service/teller"),
        ("kube_logs", here(json!({"name": "pod/teller"})), "teller is open"),
        // The other pod is in trouble by now, or just starting.
        ("kube_health", here(json!({})), "fine: 1 pod, 1 service"),
    ]
}

/// Everything comes out as if nothing had happened.
async fn all_is_right(client: &mut Client, namespace: &Namespace<'_>) {
    for (tool, arguments, has) in questions(namespace) {
        let text = ok(client, tool, arguments).await;
        assert!(text.contains(has) && !text.contains("could not look"), "{tool}: {text}");
    }
}

/// The kind is named as unread, with the reason, and its pods are no part of the answer.
async fn pods_are_unread(client: &mut Client, namespace: &Namespace<'_>, why: &str) {
    let name = namespace.name();
    let text = ok(client, "kube_find", json!({"query": "teller", "namespace": name})).await;
    assert!(text.contains("service") && !text.contains("Running"), "{text}");
    blind(&text, why);
    pods_are_unread_in_the_topology(client, namespace, why).await;
    let text = ok(client, "kube_health", json!({"namespace": name})).await;
    assert!(text.contains(": UNKNOWN") && !text.contains("HEALTHY"), "{text}");
    blind(&text, why);
}

async fn pods_are_unread_in_the_topology(client: &mut Client, namespace: &Namespace<'_>, why: &str) {
    let around = json!({"name": "service/teller", "namespace": namespace.name()});
    let text = ok(client, "kube_topology", around).await;
    assert!(text.contains("service/teller") && !text.contains("selects no pod"), "{text}");
    blind(&text, why);
}

/// Pods, and for this reason.
fn blind(text: &str, why: &str) {
    let (_, blind) = text.split_once("could not look at:").unwrap_or_else(|| panic!("{text}"));
    assert!(blind.lines().any(|line| line.contains("pods") && line.contains(why)), "{why}: {text}");
    assert!(blind.lines().count() <= 7 && text.len() <= 6_000, "{text}");
}

/// The error of each tool, asked all at once.
async fn errors(client: &mut Client, namespace: &Namespace<'_>) -> Vec<(&'static str, String)> {
    let mut asked = Vec::new();
    for (tool, arguments, _) in questions(namespace) {
        asked.push((tool, client.ask("tools/call", json!({"name": tool, "arguments": arguments})).await));
    }
    let mut errors = Vec::new();
    for (tool, id) in asked {
        let answer = client.answer(id).await;
        let text = harness::text(&answer["result"]).to_owned();
        assert_eq!(answer["result"]["isError"], true, "{tool}: {text}");
        errors.push((tool, text));
    }
    errors
}

#[tokio::test]
async fn nothing_goes_wrong_where_nothing_is_disturbed() {
    let namespace = filled("undisturbed");
    let wire = wire([]);
    all_is_right(&mut through(&wire).await, &namespace).await;
    assert!(wire.proxy.seen().iter().all(harness::faults::Seen::authorized));
}

#[tokio::test]
async fn who_is_asked_to_slow_down_does() {
    let namespace = filled("slowly");
    let wire = wire([]);
    let mut client = through(&wire).await;
    for (tool, arguments, has) in questions(&namespace) {
        // Both documents of the kinds, then what comes next.
        wire.proxy.rules([get("/api*", slow_down(1)).first(3)]);
        let started = Instant::now();
        let text = ok(&mut client, tool, arguments).await;
        assert!(text.contains(has) && !text.contains("could not look"), "{tool}: {text}");
        assert!(started.elapsed() >= Duration::from_secs(1), "{tool} did not wait");
    }
    assert_eq!(wire.proxy.seen().iter().filter(|seen| seen.met).count(), 3 * 5);

    wire.proxy.rules([get(PODS, slow_down(1))]);
    pods_are_unread(&mut client, &namespace, "asks to slow down").await;
    let text = err(&mut client, "kube_logs", json!({"name": "svc/teller", "namespace": namespace.name()})).await;
    assert!(text.contains("asks to slow down"), "{text}");

    // Longer than anybody would wait for.
    wire.proxy.rules([Rule::new("*", "*", slow_down(77))]);
    let started = Instant::now();
    for (tool, text) in errors(&mut client, &namespace).await {
        assert!(text.starts_with("rate_limited: ") && text.contains("try again in 77 s"), "{tool}: {text}");
    }
    assert!(started.elapsed() < Duration::from_secs(10), "{:?}", started.elapsed());
    wire.proxy.rules([get("*/pods/teller", slow_down(77))]);
    for tool in ["kube_inspect", "kube_topology", "kube_logs"] {
        let text = err(&mut client, tool, json!({"name": "pod/teller", "namespace": namespace.name()})).await;
        assert!(text.starts_with("rate_limited: ") && text.contains("try again in 77 s"), "{tool}: {text}");
    }
}

#[tokio::test]
async fn what_failed_for_another_reason_is_not_called_forbidden() {
    let namespace = filled("otherwise");
    let wire = wire([]);
    let mut client = through(&wire).await;
    let teapot =
        || Fault::Status(418, vec![("content-type", "text/plain".to_owned())], String::from("short and stout"));
    for (fault, code) in [(slow_down(77), "rate_limited: "), (teapot(), "unavailable: "), (page(), "unsupported: ")] {
        for (tool, arguments) in [
            ("kube_find", json!({"query": "pods", "namespace": namespace.name()})),
            ("kube_inspect", json!({"name": "pod/tell", "namespace": namespace.name()})),
            ("kube_logs", json!({"name": "pod/tell", "namespace": namespace.name()})),
        ] {
            wire.proxy.rules([get(PODS, fault.clone())]);
            let text = err(&mut client, tool, arguments).await;
            assert!(text.starts_with(code) && !text.contains("forbidden"), "{tool}: {text}");
        }
    }
}

#[tokio::test]
async fn half_an_answer_is_none() {
    let namespace = filled("half");
    let wire = wire([]);
    let mut client = through(&wire).await;
    for fault in [Fault::CutResponse(1_500), Fault::TruncateResponse(1_500)] {
        for (tool, arguments, has) in questions(&namespace) {
            wire.proxy.rules([get(PODS, fault.clone()).once()]);
            let text = ok(&mut client, tool, arguments).await;
            assert!(text.contains(has) && !text.contains("could not look"), "{fault:?} {tool}: {text}");
        }
        wire.proxy.rules([get(PODS, fault)]);
        pods_are_unread(&mut client, &namespace, "").await;
    }
    // The list of kinds, too. What is wrong with the usual ones is known without it.
    wire.proxy.rules([get("/apis", Fault::CutResponse(1_500))]);
    for (tool, arguments, has) in questions(&namespace) {
        let (text, error) = ask(&mut client, tool, arguments).await;
        let right = if tool == "kube_health" {
            text.contains(has) && text.contains("custom resources: reading which kinds")
        } else {
            error && text.starts_with("unavailable: ") && text.contains("which kinds")
        };
        assert!(right, "{tool}: {text}");
    }
}

#[tokio::test]
async fn a_list_that_expires_is_begun_anew() {
    let namespace = filled("expiring");
    let wire = wire([]);
    let mut client = through(&wire).await;
    let page = |kind: &str, list: &str| {
        let page = json!({"kind": kind, "apiVersion": "v1", "metadata": {"resourceVersion": "1", "continue": "abc"}, list: []});
        Fault::Status(200, vec![("content-type", "application/json".to_owned())], page.to_string())
    };
    // Whole objects, page by page.
    wire.proxy.rules([get(PODS, expired()).asking("continue="), get(PODS, page("PodList", "items")).once()]);
    let around = json!({"name": "svc/teller", "namespace": namespace.name()});
    let text = ok(&mut client, "kube_topology", around).await;
    assert!(text.contains("pod/teller") && !text.contains("could not look"), "{text}");
    assert_eq!(wire.proxy.seen().iter().filter(|seen| seen.met).count(), 2);
    wire.proxy.rules([get(PODS, expired()).asking("continue="), get(PODS, page("PodList", "items"))]);
    pods_are_unread_in_the_topology(&mut client, &namespace, "expired while it was read").await;
    // Pages without an end are no list either.
    wire.proxy.rules([get(PODS, page("PodList", "items"))]);
    pods_are_unread_in_the_topology(&mut client, &namespace, "lead in a circle").await;

    // A long table, read with its names, and then at their revision.
    let (pods, bare, matching) = ("/api/v1/pods", "includeObject=None", "resourceVersionMatch=");
    let first = || get(pods, page("Table", "rows")).asking("includeObject=Metadata");
    let everywhere = json!({"query": "pod/teller"});
    for once in [bare, matching] {
        // What is asked for with the names has no revision: the second time there is one.
        let also = (once == matching).then(|| get(pods, page("Table", "rows")).asking(bare).once());
        wire.proxy.rules(also.into_iter().chain([get(pods, expired()).asking(once).once(), first()]));
        let text = ok(&mut client, "kube_find", everywhere.clone()).await;
        assert!(text.contains(namespace.name()) && !text.contains("could not look"), "{once}: {text}");
    }
    wire.proxy.rules([get(pods, expired()).asking(bare), first()]);
    let (text, _) = ask(&mut client, "kube_find", everywhere).await;
    assert!(text.contains("expired while it was read") && !text.contains("nothing found\n"), "{text}");
}

#[tokio::test]
async fn silence_ends_with_the_time() {
    let namespace = filled("silence");
    let wire = wire([Rule::new("*", "*", Fault::Hang)]);
    let mut client = through(&wire).await;
    let started = Instant::now();
    for (tool, text) in errors(&mut client, &namespace).await {
        assert!(text.starts_with("timeout: ") && text.contains("try again"), "{tool}: {text}");
    }
    assert!(started.elapsed() < LONGEST, "{:?}", started.elapsed());
}

#[tokio::test]
async fn a_kind_that_hangs_costs_its_own_line() {
    let namespace = filled("hanging");
    let wire = wire([get(CRON_JOBS, Fault::Hang)]);
    let mut client = through(&wire).await;
    let (started, mut asked) = (Instant::now(), Vec::new());
    for (tool, mut arguments, has) in questions(&namespace) {
        if tool == "kube_find" {
            arguments["query"] = json!("teller");
        }
        asked.push((tool, has, client.ask("tools/call", json!({"name": tool, "arguments": arguments})).await));
    }
    for (tool, has, id) in asked {
        let answer = client.answer(id).await;
        let text = harness::text(&answer["result"]);
        assert!(text.contains(has) && answer["result"]["isError"] == false, "{tool}: {text}");
        // Logs need no cron jobs.
        if tool != "kube_logs" {
            let (_, blind) = text.split_once("could not look at:").unwrap_or_else(|| panic!("{tool}: {text}"));
            assert!(blind.contains("cronjobs") && blind.contains("did not answer in time"), "{tool}: {text}");
            assert!(blind.lines().count() <= 4, "{tool}: {text}");
        }
    }
    assert!(started.elapsed() < Duration::from_secs(25), "{:?}", started.elapsed());
}

#[tokio::test]
async fn a_server_that_fails_is_said_to() {
    let namespace = filled("failing");
    let wire = wire([]);
    let mut client = through(&wire).await;
    let broken = || status(500, "InternalError", "etcdserver: leader changed", vec![]);
    for (tool, arguments, has) in questions(&namespace) {
        wire.proxy.rules([get("*", broken()).first(3)]);
        let text = ok(&mut client, tool, arguments).await;
        assert!(text.contains(has) && !text.contains("could not look"), "{tool}: {text}");
    }
    wire.proxy.rules([get(PODS, broken())]);
    pods_are_unread(&mut client, &namespace, "the API server failed").await;
    wire.proxy.rules([Rule::new("*", "*", broken())]);
    for (tool, text) in errors(&mut client, &namespace).await {
        assert!(text.starts_with("unavailable: ") && text.contains("etcdserver: leader changed"), "{tool}: {text}");
    }
}

#[tokio::test]
async fn a_page_for_people_is_no_answer() {
    let namespace = filled("html");
    let wire = wire([]);
    let mut client = through(&wire).await;
    wire.proxy.rules([get(PODS, page())]);
    pods_are_unread(&mut client, &namespace, "").await;
    wire.proxy.rules([get("*/pods/teller", page())]);
    for tool in ["kube_inspect", "kube_topology", "kube_logs"] {
        let text = err(&mut client, tool, json!({"name": "pod/teller", "namespace": namespace.name()})).await;
        assert!(text.len() < 3_000 && !text.contains("</untrusted-00000000>"), "{tool}: {text}");
    }
    wire.proxy.rules([Rule::new("*", "*", page())]);
    for (tool, text) in errors(&mut client, &namespace).await {
        assert!(text.starts_with("unsupported: ") && text.len() < 3_000, "{tool}: {text}");
    }
    let Fault::Status(_, headers, html) = page() else { panic!("a page") };
    wire.proxy.rules([Rule::new("*", "*", Fault::Status(502, headers, html))]);
    for (tool, text) in errors(&mut client, &namespace).await {
        assert!(text.starts_with("unavailable: ") && text.len() < 3_000, "{tool}: {text}");
        assert!(!text.contains("</untrusted-00000000>"), "{tool}: {text}");
    }
}

#[tokio::test]
async fn a_kind_that_is_gone_since_it_was_listed_is_no_error() {
    let namespace = filled("gone");
    let gone = Fault::Status(404, vec![("content-type", "text/plain".to_owned())], "404 page not found\n".to_owned());
    let wire = wire([get(CRON_JOBS, gone)]);
    let mut client = through(&wire).await;
    for (tool, arguments, has) in questions(&namespace) {
        let text = ok(&mut client, tool, arguments).await;
        assert!(text.contains(has), "{tool}: {text}");
        let blind = text.split_once("could not look at:").map(|(_, blind)| blind);
        assert!(blind.is_none_or(|blind| blind.contains("cronjobs") && blind.lines().count() <= 4), "{tool}: {text}");
    }
}

#[tokio::test]
async fn an_api_server_that_starts_anew_is_waited_for() {
    let namespace = filled("anew");
    let wire = wire([]);
    let mut client = through(&wire).await;
    for fault in [Fault::CutBeforeBody, Fault::CutBeforeResponse] {
        for (tool, arguments, has) in questions(&namespace) {
            wire.proxy.rules([Rule::new("GET", "*", fault.clone()).first(3)]);
            let text = ok(&mut client, tool, arguments).await;
            assert!(text.contains(has) && !text.contains("could not look"), "{fault:?} {tool}: {text}");
        }
    }
    // It does not come back.
    let kubeconfig = std::fs::read_to_string(wire.kubeconfig()).unwrap();
    drop(wire);
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("config");
    std::fs::write(&path, kubeconfig).unwrap();
    let mut client = crate::client(&server(&path)).await;
    let started = Instant::now();
    for (tool, text) in errors(&mut client, &namespace).await {
        assert!(text.starts_with("unavailable: ") && text.contains("cannot be reached"), "{tool}: {text}");
    }
    assert!(started.elapsed() < Duration::from_secs(20), "{:?}", started.elapsed());
}

#[tokio::test]
async fn what_changes_something_is_sent_once() {
    let namespace = Cluster::get().namespace("once");
    let yaml = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: once}\ndata: {a: b}\n";
    for fault in
        [Fault::CutBeforeResponse, slow_down(1), status(503, "ServiceUnavailable", "apiserver not ready", vec![])]
    {
        let wire = wire([Rule::new("PATCH", "*", fault.clone())]);
        let mut client = through(&wire).await;
        let arguments = json!({"yaml": yaml, "namespace": namespace.name()});
        let (text, _) = ask(&mut client, "kube_apply", arguments).await;
        let changes = wire.proxy.seen().iter().filter(|seen| seen.method == "PATCH").count();
        assert_eq!(changes, 1, "{fault:?}: {text}");
        assert!(
            text.contains("configmap/once") && !text.contains("created") && !text.contains("unchanged"),
            "{fault:?}: {text}"
        );
    }
}
