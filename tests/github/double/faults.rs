//! It does what it is told to do wrong, and nothing else.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use harness::github::{Fault, Rule};
use serde_json::{Value, json};

use crate::kit::{get, post, shop};

#[test]
fn faults_are_met_by_those_they_are_meant_for() {
    let github = shop();
    let target = "/repos/acme/shop/issues/2/comments";
    let with = |method: &str, fault: Fault| {
        github.rules([Rule::new(method, "/repos/acme/shop", fault).once()]);
        if method == "GET" { get(&github, "/repos/acme/shop") } else { post(&github, target, &json!({"body": "x"})) }
    };
    let comments = || github.repo("acme/shop", |repo| repo.comments[&2].len());
    // Before it is done, and after.
    assert_eq!((with("POST", Fault::Status(502, vec![], "no".to_owned())).status, comments()), (502, 1));
    assert_eq!((with("POST", Fault::Cut).status, comments()), (0, 1));
    assert_eq!((with("POST", Fault::DoneBut(502)).status, comments()), (502, 2));
    assert_eq!((with("POST", Fault::DoneAndCut).status, comments()), (0, 3));
    assert_eq!(get(&github, "/repos/acme/shop").status, 200, "the rule was for once");
    let spent = with("GET", Fault::Primary(30));
    assert_eq!((spent.status, spent.header("x-ratelimit-remaining").as_deref()), (403, Some("0")));
    let slow = with("GET", Fault::Secondary(429, Some(7)));
    assert_eq!((slow.status, slow.header("retry-after").as_deref()), (429, Some("7")));
    let renamed = with("GET", Fault::Renamed(301));
    assert_eq!(renamed.header("location"), Some(format!("{}/repositories/1001", github.url())));
    let elsewhere = with("GET", Fault::Elsewhere(302, "http://127.0.0.1:9".to_owned()));
    assert_eq!(elsewhere.header("location").as_deref(), Some("http://127.0.0.1:9/repos/acme/shop"));
    assert!(with("GET", Fault::SingleSignOn).header("x-github-sso").expect("sso").starts_with("required; url="));
    let whole = get(&github, "/repos/acme/shop").body;
    let cut = with("GET", Fault::CutBody(100));
    assert_eq!((cut.body.as_slice(), cut.header("content-length")), (&whole[..100], Some(whole.len().to_string())));
    let short = with("GET", Fault::Shortened(100));
    assert_eq!((short.body.as_slice(), short.header("content-length").as_deref()), (&whole[..100], Some("100")));
    assert!(with("GET", Fault::Trickle(2000, Duration::from_millis(1))).body.len() > whole.len());
    let bomb = with("GET", Fault::Bomb(10));
    assert_eq!(bomb.header("content-encoding").as_deref(), Some("gzip"));
    assert!(bomb.body.len() < 20_000, "{}", bomb.body.len());
    let html = with("GET", Fault::Html);
    assert_eq!((html.status, html.header("content-type").as_deref()), (200, Some("text/html; charset=utf-8")));
    assert_eq!(with("GET", Fault::ContentType("text/plain")).header("content-type").as_deref(), Some("text/plain"));
    assert_eq!(with("GET", Fault::Replaced("/owner", Value::Null)).json()["owner"], Value::Null);
    assert_eq!(with("GET", Fault::Header("ETag", "x".to_owned())).header("etag").as_deref(), Some("x"));
    assert_eq!(with("GET", Fault::Delay(Duration::from_millis(1))).status, 200);
    // What never ends is left in the middle.
    for fault in [Fault::Endless, Fault::Hang] {
        github.rules([Rule::new("GET", "/repos/acme/shop", fault).once()]);
        let mut stream = TcpStream::connect(github.url().strip_prefix("http://").expect("http")).expect("a connection");
        stream.write_all(b"GET /repos/acme/shop HTTP/1.1\r\nHost: x\r\nUser-Agent: x\r\n\r\n").expect("write");
        stream.set_read_timeout(Some(Duration::from_millis(500))).expect("a socket");
        let mut sink = [0; 65_536];
        let came: usize = (0..40).map_while(|_| stream.read(&mut sink).ok()).sum();
        assert!(came == 0 || came > 500_000, "{came}");
    }
    assert_eq!(
        github.count("GET", "/repos/acme/shop"),
        github.seen().iter().filter(|seen| seen.method == "GET").count()
    );
}

#[test]
fn a_connection_stays_open_unless_it_is_closed_after_the_answer() {
    let github = shop();
    let answers = |fault: Option<Fault>| {
        github.rules(fault.map(|fault| Rule::new("GET", "/rate_limit", fault)));
        let mut stream = TcpStream::connect(github.url().strip_prefix("http://").expect("http")).expect("a connection");
        stream.set_read_timeout(Some(Duration::from_millis(500))).expect("a socket");
        let mut text = String::new();
        for _ in 0..2 {
            // Writing to what is closed may fail; what counts is what comes.
            stream.write_all(b"GET /rate_limit HTTP/1.1\r\nHost: x\r\nUser-Agent: x\r\n\r\n").ok();
            let mut bytes = vec![0; 65_536];
            let count = stream.read(&mut bytes).unwrap_or(0);
            text.push_str(&String::from_utf8_lossy(&bytes[..count]));
        }
        text.matches("HTTP/1.1 200 OK").count()
    };
    assert_eq!((answers(None), answers(Some(Fault::Close))), (2, 1));
}
