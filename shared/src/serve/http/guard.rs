//! What a request must be before anything is decided by it: no header twice that something is decided by, and one host.

use axum::{
    extract::Request,
    http::{HeaderMap, StatusCode, Uri, header},
    middleware::Next,
    response::{IntoResponse, Response},
};

/// Headers something is decided by, here or in a proxy before us. Given twice, the two might decide by different ones.
const ONCE: &[&str] = &[
    "host",
    "origin",
    "authorization",
    "content-type",
    "mcp-session-id",
    "mcp-protocol-version",
    "mcp-method",
    "mcp-name",
];

/// Lets through what leaves no doubt about who asks whom for what.
pub(super) async fn unambiguous(request: Request, next: Next) -> Response {
    match doubt(request.uri(), request.headers()) {
        None => next.run(request).await,
        Some(doubt) => (StatusCode::BAD_REQUEST, format!("invalid_argument: {doubt}\n")).into_response(),
    }
}

fn doubt(target: &Uri, headers: &HeaderMap) -> Option<String> {
    if let Some(twice) = ONCE.iter().find(|name| headers.get_all(**name).iter().nth(1).is_some()) {
        return Some(format!("the header {twice} is given twice"));
    }
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    match (target.authority(), host) {
        (_, None) => Some(String::from("there is no header Host")),
        (Some(authority), Some(host)) if !authority.as_str().eq_ignore_ascii_case(host) => {
            Some(String::from("the target names another host than the header Host"))
        }
        _ => None,
    }
}

/// An allowed origin with its port: `https://app.example.com` is the page at port 443 and no other.
pub(super) fn origin(given: &str) -> Result<String, String> {
    let wrong = || format!("HTTP_ALLOWED_ORIGINS has {given:?}, which is no origin such as https://app.example.com");
    if given == "null" {
        // Every sandboxed page has this one, whoever wrote it.
        return Err(format!("{}; null is the origin of pages nobody vouches for", wrong()));
    }
    let (scheme, authority) = given.split_once("://").ok_or_else(wrong)?;
    let uri: Uri = given.parse().map_err(|_| wrong())?;
    let named = uri.authority().ok_or_else(wrong)?;
    if named.as_str() != authority || named.as_str().contains('@') || named.host().is_empty() {
        return Err(wrong());
    }
    match (named.port_u16(), scheme) {
        (Some(_), _) => Ok(given.to_owned()),
        // A colon behind the host that no number follows.
        (None, _) if named.as_str().len() != named.host().len() => Err(wrong()),
        (None, "https") => Ok(format!("{given}:443")),
        (None, "http") => Ok(format!("{given}:80")),
        (None, _) => Err(format!("{}; say its port", wrong())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_without_a_port_has_the_one_of_its_scheme() {
        for (given, meant) in [
            ("https://app.example.com", "https://app.example.com:443"),
            ("http://localhost", "http://localhost:80"),
            ("http://[::1]", "http://[::1]:80"),
            ("https://app.example.com:8443", "https://app.example.com:8443"),
            ("vscode://host:1", "vscode://host:1"),
        ] {
            assert_eq!(origin(given).as_deref(), Ok(meant));
        }
        for wrong in [
            "",
            "null",
            "app.example.com",
            "https://",
            "https://a/path",
            "https://a/",
            "https://a:*",
            "https://a:",
            "https://user@a",
            "vscode://host",
            "https://a b",
            "https://a:99999",
        ] {
            assert!(origin(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn doubts_are_named() {
        let headers = |hosts: &[&str]| -> HeaderMap {
            hosts.iter().filter_map(|host| Some((header::HOST, host.parse().ok()?))).collect()
        };
        let path = Uri::from_static("/mcp");
        assert_eq!(doubt(&path, &headers(&["a:1"])), None);
        assert_eq!(doubt(&Uri::from_static("http://A:1/mcp"), &headers(&["a:1"])), None);
        for (target, hosts) in [
            (&path, &[][..]),
            (&path, &["a:1", "a:1"]),
            (&Uri::from_static("http://b:1/mcp"), &["a:1"]),
            (&Uri::from_static("http://a:2/mcp"), &["a:1"]),
            (&Uri::from_static("http://x@a:1/mcp"), &["a:1"]),
        ] {
            assert!(doubt(target, &headers(hosts)).is_some(), "{target} {hosts:?}");
        }
    }
}
