//! Every way in which the harness breaks what is sent.

use std::time::Duration;

use harness::faults::{Elsewhere, Fault, FaultProxy, Rule};
use harness::http::{Request, Response};
use harness::registry::{Options, Registry, lacking};
use harness::{block_on, skip};
use tokio::io::AsyncReadExt as _;

/// An upload that has begun on a proxy, and where it goes on.
fn begun(proxy: &FaultProxy) -> String {
    let answer = ask(proxy, "POST", "/v2/some/thing/blobs/uploads/", b"").expect("an answer");
    let place = answer.header("location").expect("a location").to_owned();
    assert!(place.starts_with(&proxy.url()), "{place}");
    place[proxy.url().len()..].to_owned()
}

/// The answer to a request, if there was one.
fn ask(proxy: &FaultProxy, method: &'static str, target: &str, body: &[u8]) -> Option<Response> {
    let mut request = Request::to(proxy.address().parse().expect("an address"), method, target);
    request.body = body.to_owned();
    let request = request.header("content-type", "application/octet-stream");
    block_on(async {
        let mut stream = request.begin().await;
        let mut bytes = Vec::new();
        let _ = stream.read_to_end(&mut bytes).await;
        (!bytes.is_empty()).then(|| Response::parse(&bytes))
    })
}

fn patches(fault: Fault) -> [Rule; 1] {
    [Rule::new("PATCH", "/v2/some/thing/blobs/uploads/*", fault)]
}

#[test]
fn an_upload_is_cut_where_it_is_wanted() {
    if let Some(reason) = lacking(&["registry"]) {
        return skip("an_upload_is_cut_where_it_is_wanted", &reason);
    }
    let registry = Registry::start(Options::default());
    let proxy = FaultProxy::start(&registry.address(), []);
    let body = vec![b'a'; 50_000];

    let place = begun(&proxy);
    proxy.rules(patches(Fault::CutBeforeBody));
    assert!(ask(&proxy, "PATCH", &place, &body).is_none());
    assert_eq!(proxy.seen().last().map(|seen| seen.body), Some(0));

    let place = begun(&proxy);
    proxy.rules(patches(Fault::CutRequest(20_000)));
    assert!(ask(&proxy, "PATCH", &place, &body).is_none());
    assert!(proxy.seen().last().is_some_and(|seen| seen.body >= 20_000 && seen.status.is_none()));

    // The registry has all of it, and nobody was told.
    let place = begun(&proxy);
    proxy.rules(patches(Fault::CutBeforeResponse));
    assert!(ask(&proxy, "PATCH", &place, &body).is_none());
    let status = ask(&proxy, "GET", &place, b"").expect("an answer");
    assert_eq!((status.status, status.header("range")), (204, Some("0-49999")), "{status:?}");

    let place = begun(&proxy);
    proxy.rules(patches(Fault::TrickleRequest(10_000, Duration::from_millis(1))));
    let answer = ask(&proxy, "PATCH", &place, &body).expect("an answer");
    assert_eq!((answer.status, answer.header("range")), (202, Some("0-49999")), "{answer:?}");

    // An early refusal is heard although the body was not wanted.
    let place = begun(&proxy);
    proxy.rules(patches(Fault::Status(403, Vec::new(), "no".to_owned())));
    assert_eq!(ask(&proxy, "PATCH", &place, &body).map(|answer| answer.status), Some(403));
}

#[test]
fn an_upload_is_sent_elsewhere() {
    if let Some(reason) = lacking(&["registry"]) {
        return skip("an_upload_is_sent_elsewhere", &reason);
    }
    let registry = Registry::start(Options::default());
    let elsewhere = Elsewhere::start(&registry.storage());
    let rule = Rule::new("POST", "*/uploads/", Fault::Location(elsewhere.url()));
    let proxy = FaultProxy::start(&registry.address(), [rule]);
    let answer = ask(&proxy, "POST", "/v2/some/thing/blobs/uploads/", b"").expect("an answer");
    let place = answer.header("location").expect("a location");
    let target = place.strip_prefix(&elsewhere.url()).expect("a place elsewhere");
    assert!(target.starts_with("/v2/some/thing/blobs/uploads/"), "{place}");
    let mut request = Request::to(elsewhere.address().parse().expect("an address"), "PUT", target);
    request.body = b"all of it".to_vec();
    let request = request.header("authorization", "Basic bm90OmEtc2VjcmV0");
    assert_eq!(block_on(request.send()).status, 201);
    let seen = elsewhere.seen();
    assert!(seen.iter().any(|seen| seen.method == "PUT" && seen.body == 9 && seen.authorized()), "{seen:?}");
}
