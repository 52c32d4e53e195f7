//! Who may what, and how much of it.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use harness::github::specification::Specification;
use harness::github::{Access, App, app};
use harness::skip;
use serde_json::{Value, json};

use crate::kit::{get, judged, post, send, shop};

#[test]
fn what_is_known_costs_nothing_and_what_is_spent_is_refused() {
    let github = shop();
    let first = get(&github, "/repos/acme/shop");
    assert_eq!(first.header("x-ratelimit-remaining").as_deref(), Some("4999"));
    assert_eq!(first.header("x-oauth-scopes").as_deref(), Some("repo"));
    let tag = first.header("etag").expect("a tag");
    assert!(tag.starts_with("W/\""), "{tag}");
    let known = [("Authorization", "Bearer secret"), ("If-None-Match", tag.as_str())];
    let again = send(&github.url(), "GET", "/repos/acme/shop", &known, "");
    assert_eq!((again.status, again.body.len()), (304, 0));
    assert_eq!(again.header("x-ratelimit-remaining").as_deref(), Some("4999"));
    github.repo("acme/shop", |repo| repo.json["description"] = json!("Another"));
    assert_eq!(send(&github.url(), "GET", "/repos/acme/shop", &known, "").status, 200);
    github.edit(|state| *state.remaining("secret") = 0);
    let refused = get(&github, "/repos/acme/shop");
    assert_eq!((refused.status, refused.header("x-ratelimit-remaining").as_deref()), (403, Some("0")));
    assert_eq!(get(&github, "/rate_limit").json()["rate"]["remaining"], 0);
}

#[test]
fn who_may_what() {
    let github = shop();
    github.repo("acme/private", |repo| {
        repo.private_now();
        repo.pull(json!({}));
        repo.issue(json!({}));
    });
    github.token("public", Access::classic("dev", &["public_repo"]));
    github.token("narrow", Access::fine_grained("dev").only(&["acme/private"]).without("checks").reads("issues"));
    let as_who = |token: &str, method: &str, target: &str, body: &str| {
        let bearer = format!("Bearer {token}");
        let headers = [("Authorization", bearer.as_str())];
        send(&github.url(), method, target, if token.is_empty() { &[] } else { &headers }, body)
    };
    let comment = r#"{"body": "x"}"#;
    for (token, method, target, body, status) in [
        ("", "GET", "/repos/acme/shop", "", 200),
        ("", "GET", "/repos/acme/private", "", 404),
        ("", "POST", "/repos/acme/shop/issues/2/comments", comment, 401),
        ("", "GET", "/user", "", 401),
        ("wrong", "GET", "/repos/acme/shop", "", 401),
        ("public", "GET", "/repos/acme/private", "", 404),
        ("public", "POST", "/repos/acme/shop/issues/2/comments", comment, 201),
        ("secret", "GET", "/repos/acme/private/pulls", "", 200),
        ("narrow", "GET", "/repos/acme/private/pulls", "", 200),
        ("narrow", "GET", "/repos/acme/private/commits/main/check-runs", "", 403),
        ("narrow", "GET", "/repos/acme/shop/commits/main/check-runs", "", 200),
        ("narrow", "POST", "/repos/acme/private/issues/2/comments", comment, 403),
        ("narrow", "POST", "/repos/acme/private/issues/1/comments", comment, 201),
        ("narrow", "POST", "/repos/acme/shop/issues/1/comments", comment, 403),
    ] {
        let reply = as_who(token, method, target, body);
        assert_eq!(reply.status, status, "{token} {method} {target}: {}", String::from_utf8_lossy(&reply.body));
        let says = reply.header("x-accepted-github-permissions").is_some();
        assert_eq!(says, status == 403, "{token} {method} {target}");
    }
    github.repo("acme/shop", |repo| repo.json["archived"] = json!(true));
    assert_eq!(as_who("secret", "POST", "/repos/acme/shop/issues/2/comments", comment).status, 403);
}

#[test]
fn a_renamed_repository_is_found_by_its_number() {
    let github = shop();
    github.edit(|state| state.rename("acme/shop", "acme/store"));
    let moved = get(&github, "/repos/acme/shop/pulls?state=all");
    let there = format!("{}/repositories/1001/pulls?state=all", github.url());
    assert_eq!((moved.status, moved.header("location")), (301, Some(there.clone())));
    assert_eq!(post(&github, "/repos/acme/shop/issues/2/comments", &json!({"body": "x"})).status, 307);
    assert_eq!(get(&github, there.strip_prefix(&github.url()).expect("here")).status, 200);
    assert_eq!(get(&github, "/repos/acme/store").json()["full_name"], "acme/store");
}

#[test]
fn an_installation_has_tokens_for_a_while() {
    let key = match app::Key::new() {
        Ok(key) => key,
        Err(reason) => return skip("an_installation_has_tokens_for_a_while", &reason),
    };
    let github = shop();
    github.app(App::new(7, 8, key.public.clone()).life(2));
    let word = |issuer: u64, life: i64| {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("a clock").as_secs() as i64;
        let part = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!(
            "{}.{}",
            part(json!({"alg": "RS256", "typ": "JWT"})),
            part(json!({"iss": issuer, "iat": now - 60, "exp": now + life}))
        );
        let pair = key.pair();
        let mut signature = vec![0; pair.public().modulus_len()];
        let random = ring::rand::SystemRandom::new();
        pair.sign(&ring::signature::RSA_PKCS1_SHA256, &random, signed.as_bytes(), &mut signature).expect("signed");
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    };
    let ask = |word: &str, installation: u64| {
        let bearer = format!("Bearer {word}");
        let target = format!("/app/installations/{installation}/access_tokens");
        send(&github.url(), "POST", &target, &[("Authorization", &bearer)], "")
    };
    assert_eq!(ask("a.b.c", 8).status, 401);
    assert_eq!(ask(&word(9, 300), 8).status, 401);
    assert_eq!(ask(&word(7, 3000), 8).status, 401);
    assert_eq!(ask(&word(7, -1), 8).status, 401);
    assert_eq!(ask(&word(7, 300), 9).status, 404);
    let given = ask(&word(7, 300), 8);
    assert_eq!(given.status, 201, "{}", String::from_utf8_lossy(&given.body));
    if let Ok(specification) = Specification::get() {
        judged(&github, specification, "POST", "/app/installations/8/access_tokens", &given);
    }
    let bearer = format!("Bearer {}", given.json()["token"].as_str().expect("a token"));
    let as_app = || send(&github.url(), "GET", "/repos/acme/shop", &[("Authorization", &bearer)], "").status;
    assert_eq!(as_app(), 200);
    std::thread::sleep(Duration::from_secs(2));
    assert_eq!(as_app(), 401);
}
