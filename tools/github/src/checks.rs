//! What `doctor` looks at: the settings, who the token is, what it may, when it ends, and how many requests are left.

use std::{sync::Arc, time::Duration};

use http::{HeaderMap, Method, StatusCode};
use serde_json::Value;
use shared::{Untrusted, doctor::Check, environment::Environment, http::bounds::Bounds};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::{
    api::{Api, JSON},
    failure::{self, Attempt},
    identity::Identity,
    words::when,
};

/// How long one question may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Every check, as far as those before it let it be made. On a thread of its own, because the command that shows them is already on a runtime.
pub fn all(environment: &Environment) -> Vec<Check> {
    let environment = environment.clone();
    let worker = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.map(|runtime| runtime.block_on(checks(&environment)))
    });
    match worker.join() {
        Ok(Ok(checks)) => checks,
        _ => vec![Check::missing("github", "the checks could not be run: try again when fewer processes run")],
    }
}

async fn checks(environment: &Environment) -> Vec<Check> {
    let api = match Api::new(environment) {
        Ok(api) => Arc::new(api),
        Err(error) => return vec![Check::missing("settings", error.to_string())],
    };
    let mut checks = vec![
        Check::fine("api", api.config.api.as_str().trim_end_matches('/')),
        Check::fine("repositories", api.config.allowed.shown()),
        credentials(api.identity()),
    ];
    checks.extend(ignored(api.identity(), environment));
    let bounds = || Bounds::new(Instant::now() + PATIENCE, CancellationToken::new());
    match api.send(Method::GET, "/rate_limit", JSON, None, bounds()).await {
        Ok(response) if response.status().is_success() => checks.push(rate(response.body())),
        // An Enterprise Server may have its limits turned off, and says so in JSON.
        Ok(response) if response.status() == StatusCode::NOT_FOUND && is_json(response.body()) => {
            checks.push(Check::fine("rate", "no limits"));
        }
        Ok(response) if response.status() == StatusCode::NOT_FOUND => {
            let remedy = "the answer is not GitHub's: the API of an Enterprise Server is https://HOST/api/v3";
            checks.push(Check::missing("github", remedy));
            return checks;
        }
        Ok(response) if response.status() == StatusCode::UNAUTHORIZED => {
            checks
                .push(Check::missing("token", "GitHub does not take it: it has expired, was revoked, or is not whole"));
            return checks;
        }
        Ok(response) => {
            let attempt =
                Attempt { doing: "ask GitHub", somebody: api.identity().is_somebody(), base: &api.config.api };
            checks.push(Check::missing("github", failure::of(&attempt, &response).error.to_string()));
            return checks;
        }
        Err(failure) => {
            checks.push(Check::missing("github", failure.to_string()));
            return checks;
        }
    }
    if matches!(api.identity(), Identity::Token { .. })
        && let Ok(response) = api.send(Method::GET, "/user", JSON, None, bounds()).await
    {
        checks.extend(who(response.status(), response.headers(), response.body()));
    }
    checks
}

fn is_json(body: &[u8]) -> bool {
    serde_json::from_slice::<Value>(body).is_ok_and(|value| value.is_object())
}

/// What is set and not used, because something else comes first.
fn ignored(identity: &Identity, environment: &Environment) -> Option<Check> {
    let Identity::Token { variable, .. } = identity else { return None };
    let others = ["GH_TOKEN", "GITHUB_TOKEN_FILE", "GITHUB_APP_ID"];
    let others: Vec<&str> =
        others.into_iter().filter(|name| name != variable && environment.path(name).is_some()).collect();
    (!others.is_empty()).then(|| {
        Check::limited("token", format!("{} is set as well and not used: {variable} comes first", others.join(", ")))
    })
}

fn credentials(identity: &Identity) -> Check {
    match identity {
        Identity::Nobody => Check::limited(
            "token",
            "none: only public repositories, 60 requests an hour, no required checks, no threads, perhaps no logs; set GITHUB_TOKEN",
        ),
        Identity::Token { variable, .. } => Check::fine("token", format!("from {variable}")),
        Identity::App(app) => Check::fine("token", format!("{app:?}")),
    }
}

fn rate(body: &[u8]) -> Check {
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    let of = |resource: &str| {
        let number = |name: &str| body.pointer(&format!("/resources/{resource}/{name}"))?.as_i64();
        Some((number("remaining")?, number("limit")?, number("reset")?))
    };
    let Some((remaining, limit, reset)) = of("core") else {
        return Check::limited("rate", "the answer is not GitHub's: check GITHUB_API_URL and the proxy");
    };
    let reset = jiff::Timestamp::from_second(reset).map(|time| time.to_string()).unwrap_or_default();
    let graphql =
        of("graphql").map(|(remaining, limit, _)| format!("; GraphQL {remaining} of {limit}")).unwrap_or_default();
    let text = format!("{remaining} of {limit} requests left until {reset}{graphql}");
    if remaining == 0 { Check::limited("rate", text) } else { Check::fine("rate", text) }
}

fn who(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Vec<Check> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    let mut checks = Vec::new();
    match body.get("login").and_then(Value::as_str).filter(|_| status.is_success()) {
        Some(login) => checks.push(Check::fine("user", format!("{}", Untrusted::line(login).quoted()))),
        None => checks.push(Check::limited("user", "the token does not say whose it is, as those of installations")),
    }
    let scopes = match headers.get("x-oauth-scopes") {
        Some(_) if text("x-oauth-scopes").is_empty() => "classic, without scopes: public repositories only".to_owned(),
        Some(_) => format!("classic, scopes {}", text("x-oauth-scopes")),
        None => "fine-grained: GitHub tells its permissions only where one is missing".to_owned(),
    };
    checks.push(Check::fine("scopes", scopes));
    let expiry = text("github-authentication-token-expiration");
    // GitHub writes it as `2027-01-31 00:00:00 UTC`.
    let expiry = expiry.strip_suffix(" UTC").map_or(expiry.to_owned(), |time| format!("{}Z", time.replace(' ', "T")));
    let told = when(Some(&expiry));
    checks.push(Check::fine("expiry", if told == "-" { "none that GitHub tells".to_owned() } else { told }));
    checks
}
