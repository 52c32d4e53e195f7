//! A request on its way through the double: remembered, judged, answered, and made to suffer.

use std::io;
use std::pin::Pin;

use http_body::Body as _;
use hyper::body::Incoming;
use hyper::{Request, Response};
use serde_json::Value;

use super::access::now;
use super::checks::signature;
use super::faults::Fault;
use super::reply::{Reply, bomb};
use super::routes::{exceeded, reset};
use super::wire::{Answer, Asked, Content};
use super::{Host, Inner, Seen};

impl Inner {
    /// What the API answers; an error cuts the connection.
    pub(super) async fn api(&self, request: Request<Incoming>) -> io::Result<Response<Reply>> {
        let asked = taken(request).await?;
        let fault = self.rules.lock().expect("lock").iter_mut().find_map(|rule| rule.meets(&asked));
        let place = self.remember(Host::Api, &asked, fault.is_some());
        let response = self.suffering(&asked, fault).await?;
        self.seen.lock().expect("lock")[place].status = Some(response.status().as_u16());
        Ok(response)
    }

    /// What the storage answers: the log, to whoever has its address.
    pub(super) async fn storage(&self, request: Request<Incoming>) -> io::Result<Response<Reply>> {
        let asked = taken(request).await?;
        let place = self.remember(Host::Storage, &asked, false);
        let path: Vec<&str> = asked.path.iter().map(String::as_str).collect();
        let number = |text: &str| text.trim_end_matches(".txt").parse::<u64>().unwrap_or_default();
        let state = self.state.lock().expect("lock");
        let answer = match path[..] {
            ["logs", repository, job] => {
                let (repository, job) = (number(repository), number(job));
                let right =
                    asked.parameter("sig").is_some_and(|sig| sig.trim_end_matches('=') == signature(repository, job));
                let log = state.repositories.get(&repository).and_then(|known| known.logs.get(&job));
                match log.filter(|_| right) {
                    Some(log) => Answer::text("text/plain", log.clone()),
                    None => refused(403, "AuthenticationFailed"),
                }
            }
            _ => refused(404, "ResourceNotFound"),
        };
        drop(state);
        self.seen.lock().expect("lock")[place].status = Some(answer.status);
        Ok(sent(answer))
    }

    fn remember(&self, host: Host, asked: &Asked, met: bool) -> usize {
        let mut seen = self.seen.lock().expect("lock");
        let (method, target) = (asked.method.clone(), asked.target.clone());
        let (headers, body) = (asked.headers.clone(), asked.body.clone());
        seen.push(Seen { host, method, target, headers, body, met, status: None });
        seen.len() - 1
    }

    /// What GitHub would answer, after the request was judged.
    fn answer(&self, asked: &Asked) -> Answer {
        let doubt = super::specification::Specification::ready().and_then(|specification| {
            specification.check_request(&asked.method, &asked.target, &asked.headers, &asked.body).err()
        });
        let mut state = self.state.lock().expect("lock");
        state.violations.extend(doubt.map(|doubt| format!("{} {}: {doubt}", asked.method, asked.target)));
        state.answer(asked)
    }

    async fn suffering(&self, asked: &Asked, fault: Option<Fault>) -> io::Result<Response<Reply>> {
        let cut = || Err(io::Error::other("cut, as the test wants it"));
        let Some(fault) = fault else { return Ok(sent(self.answer(asked))) };
        // First what is answered instead of what was asked.
        let instead = match &fault {
            Fault::Cut => return cut(),
            Fault::Hang => std::future::pending().await,
            Fault::Status(status, headers, body) => {
                let mut answer = Answer::text("application/json; charset=utf-8", body.clone());
                answer.status = *status;
                headers.iter().for_each(|(name, value)| answer.headers.push(((*name).to_owned(), value.clone())));
                Some(answer)
            }
            Fault::Primary(seconds) => Some(limited(exceeded(true), 0, now() + seconds)),
            Fault::Secondary(status, after) => {
                let message =
                    "You have exceeded a secondary rate limit. Please wait a few minutes before you try again.";
                let answer = limited(Answer::error(*status, message), 4000, reset());
                Some(match after {
                    Some(seconds) => answer.with("Retry-After", seconds.to_string()),
                    None => answer,
                })
            }
            Fault::Renamed(status) => {
                let state = self.state.lock().expect("lock");
                let mut parts = asked.target.trim_start_matches('/').splitn(4, '/').skip(1);
                let name = format!("{}/{}", parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
                let below = parts.next().map(|below| format!("/{below}")).unwrap_or_default();
                let known = state.repositories.values().find(|known| known.full_name().eq_ignore_ascii_case(&name));
                let id = known.map_or(1, super::Repository::id);
                let mut answer = Answer::moved("GET", &format!("{}/repositories/{id}{below}", state.base));
                answer.status = *status;
                Some(answer)
            }
            Fault::Elsewhere(status, base) => {
                let mut answer = Answer::moved("GET", &format!("{base}{}", asked.target));
                answer.status = *status;
                Some(answer)
            }
            Fault::SingleSignOn => {
                let message = "Resource protected by organization SAML enforcement. You must grant your Personal Access \
                               token access to this organization.";
                let url = "required; url=https://github.com/orgs/acme/sso?authorization_request=abc";
                Some(Answer::error(403, message).with("X-GitHub-SSO", url))
            }
            Fault::Html => {
                let page = "<!DOCTYPE html><html><body><h1>Log in to the network</h1></body></html>";
                Some(Answer::text("text/html; charset=utf-8", page))
            }
            Fault::Delay(time) => {
                tokio::time::sleep(*time).await;
                None
            }
            _ => None,
        };
        if let Some(answer) = instead {
            return Ok(sent(answer));
        }
        // Then what becomes of the right answer.
        let mut answer = if fault.alters() {
            let mut asked = asked.clone();
            asked.headers.retain(|(name, _)| name != "if-none-match");
            let mut answer = self.answer(&asked);
            answer.headers.retain(|(name, _)| name != "ETag");
            answer
        } else {
            self.answer(asked)
        };
        match &fault {
            Fault::DoneAndCut => return cut(),
            Fault::DoneBut(status) => answer = Answer::error(*status, "Server Error"),
            Fault::Replaced(pointer, value) => replace(&mut answer, pointer, value),
            Fault::Header(name, value) => {
                answer.headers.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
                answer = answer.with(name, value.clone());
            }
            Fault::Close => answer = answer.with("Connection", "close"),
            _ => {}
        }
        let (status, headers, kind, bytes) = unfolded(answer);
        let head = builder(status, &headers);
        let typed = |head: hyper::http::response::Builder| head.header("Content-Type", &kind);
        let response = match fault {
            Fault::CutBody(after) => typed(head).header("Content-Length", bytes.len()).body(Reply::cut(&bytes, after)),
            Fault::Shortened(after) => typed(head).body(Reply::whole(bytes[..after.min(bytes.len())].to_vec())),
            Fault::Trickle(step, pause) => typed(head).body(Reply::trickling(bytes, step, pause)),
            Fault::Endless => typed(head).body(Reply::endless(&bytes)),
            Fault::Bomb(size) => typed(head).header("Content-Encoding", "gzip").body(Reply::whole(bomb(size))),
            Fault::ContentType(kind) => head.header("Content-Type", kind).body(Reply::whole(bytes)),
            _ => typed(head).body(Reply::whole(bytes)),
        };
        Ok(response.expect("a response"))
    }
}

/// The request with its body.
async fn taken(request: Request<Incoming>) -> io::Result<Asked> {
    let (head, mut body) = request.into_parts();
    let mut bytes = Vec::new();
    while let Some(frame) = std::future::poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await {
        bytes.extend(frame.map_err(io::Error::other)?.into_data().unwrap_or_default());
    }
    let text = |value: &hyper::header::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let headers = head.headers.iter().map(|(name, value)| (name.to_string(), text(value))).collect();
    Ok(Asked::new(head.method.as_str(), &head.uri.to_string(), headers, bytes))
}

/// An answer that says how few requests are left, and until when.
fn limited(answer: Answer, remaining: u64, reset: u64) -> Answer {
    let used = 5000 - remaining;
    let figures = [("Limit", 5000), ("Remaining", remaining), ("Used", used), ("Reset", reset)];
    let answer = figures
        .iter()
        .fold(answer, |answer, (name, figure)| answer.with(&format!("X-RateLimit-{name}"), figure.to_string()));
    answer.with("X-RateLimit-Resource", "core").with("X-GitHub-Request-Id", "ABCD:123456:7890AB")
}

fn replace(answer: &mut Answer, pointer: &str, value: &Value) {
    let Content::Json(body) = &mut answer.content else { panic!("no JSON to replace {pointer} in") };
    *body.pointer_mut(pointer).unwrap_or_else(|| panic!("there is no {pointer} in the answer")) = value.clone();
}

/// A refusal of the storage, which speaks XML.
fn refused(status: u16, code: &str) -> Answer {
    let body = format!("<?xml version=\"1.0\" encoding=\"utf-8\"?><Error><Code>{code}</Code></Error>");
    let mut answer = Answer::text("application/xml", body);
    answer.status = status;
    answer
}

fn unfolded(answer: Answer) -> (u16, Vec<(String, String)>, String, Vec<u8>) {
    let (kind, bytes) = match answer.content {
        Content::Nothing => (String::new(), Vec::new()),
        Content::Json(value) => ("application/json; charset=utf-8".to_owned(), value.to_string().into_bytes()),
        Content::Text(kind, bytes) => (kind.to_owned(), bytes),
    };
    (answer.status, answer.headers, kind, bytes)
}

fn builder(status: u16, headers: &[(String, String)]) -> hyper::http::response::Builder {
    headers.iter().fold(Response::builder().status(status), |head, (name, value)| head.header(name, value))
}

fn sent(answer: Answer) -> Response<Reply> {
    let (status, headers, kind, bytes) = unfolded(answer);
    let typed = headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type"));
    let mut head = builder(status, &headers);
    if !kind.is_empty() && !typed {
        head = head.header("Content-Type", kind);
    }
    head.body(Reply::whole(bytes)).expect("a response")
}
