//! Where a request may go, and where credentials may: the rules, without a socket.

use reqwest::Url;

use crate::reference::is_loopback;

/// What is followed at most.
pub(super) const REDIRECTS_MAX: usize = 5;

/// Whether two addresses are served by one and the same: scheme, host and port. Only then does one's authorization go to the other.
pub(super) fn same(one: &Url, other: &Url) -> bool {
    one.origin() == other.origin()
}

/// `scheme://host:port` of an address: enough to know where, and nothing that could be a secret, as signed addresses are.
pub(super) fn place(url: &Url) -> String {
    let host = url.host_str().unwrap_or("no host");
    match url.port() {
        Some(port) => format!("{}://{host}:{port}", url.scheme()),
        None => format!("{}://{host}", url.scheme()),
    }
}

/// Where a `Location` that came as an answer of `from` leads.
pub(super) fn follow(from: &Url, location: &str) -> Result<Url, String> {
    let target = from.join(location).map_err(|_| "it leads to what is not an address".to_owned())?;
    if !target.username().is_empty() || target.password().is_some() {
        return Err("it leads to an address with a user name or password in it".to_owned());
    }
    match (from.scheme(), target.scheme()) {
        ("https" | "http", "https") | ("http", "http") => Ok(target),
        ("https", "http") => Err(format!(
            "it leads from https to {}; if the registry is behind a proxy that ends TLS, it has to be told its own address",
            place(&target)
        )),
        _ => Err("it leads to something else than http".to_owned()),
    }
}

/// The token service a registry names. Credentials go there, so it must be https, unless the registry is not itself: then its own host, or this machine.
pub(super) fn realm(registry: &Url, realm: &str) -> Result<Url, String> {
    let url = Url::parse(realm).map_err(|_| "the registry names a token service that is no address".to_owned())?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err("the registry names a token service with a user name or password in its address".to_owned());
    }
    let here = url.host_str().is_some_and(is_loopback) || url.host_str() == registry.host_str();
    match url.scheme() {
        "https" => Ok(url),
        "http" if registry.scheme() == "http" && here => Ok(url),
        _ => Err(format!("the registry names the token service {}: credentials go over https only", place(&url))),
    }
}

/// The address of the next page that a `Link` header names: on the same origin and beneath the same path, or it is refused.
pub(super) fn next(from: &Url, link: &str) -> Result<Option<Url>, String> {
    for part in link.split(',') {
        let Some((target, parameters)) = part.trim().strip_prefix('<').and_then(|rest| rest.split_once('>')) else {
            continue;
        };
        let is_next = parameters.split(';').any(|parameter| {
            let parameter = parameter.trim().to_ascii_lowercase();
            matches!(parameter.as_str(), "rel=next" | "rel=\"next\"")
        });
        if !is_next {
            continue;
        }
        let url = from.join(target).map_err(|_| "its next page is not an address".to_owned())?;
        if !same(from, &url) || url.path() != from.path() || !url.username().is_empty() {
            return Err(format!("its next page is elsewhere ({})", place(&url)));
        }
        if url == *from {
            return Err("its next page is the same page".to_owned());
        }
        return Ok(Some(url));
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    #[test]
    fn an_origin_is_scheme_host_and_port() {
        for (one, other, expected) in [
            ("https://h/a", "https://h/b?c", true),
            ("https://h/", "https://h:443/", true),
            ("https://h/", "https://h:444/", false),
            ("https://h/", "http://h/", false),
            ("https://h/", "https://h.evil/", false),
            ("https://h/", "https://sub.h/", false),
        ] {
            assert_eq!(same(&url(one), &url(other)), expected, "{one} {other}");
        }
    }

    #[test]
    fn redirects_keep_to_https_and_carry_no_password() {
        for (from, location, expected) in [
            ("https://h/v2/x", "/y", Some("https://h/y")),
            ("https://h/v2/x", "y?z", Some("https://h/v2/y?z")),
            ("https://h/v2/x", "//o/y", Some("https://o/y")),
            ("https://h/v2/x", "https://o/y", Some("https://o/y")),
            ("http://h/v2/x", "http://o/y", Some("http://o/y")),
            ("http://h/v2/x", "https://o/y", Some("https://o/y")),
            ("https://h/v2/x", "http://h/y", None),
            ("https://h/v2/x", "http://127.0.0.1/y", None),
            ("https://h/v2/x", "https://u:p@h/y", None),
            ("https://h/v2/x", "file:///etc/passwd", None),
            ("http://h/v2/x", "ftp://h/y", None),
            ("https://h/v2/x", "https://", None),
        ] {
            assert_eq!(follow(&url(from), location).ok(), expected.map(url), "{from} {location}");
        }
    }

    #[test]
    fn a_realm_is_https_or_beside_a_registry_that_is_not() {
        for (registry, service, good) in [
            ("https://h/", "https://auth.o/token", true),
            ("https://h/", "http://h/token", false),
            ("https://h/", "http://localhost/token", false),
            ("http://localhost:5000/", "http://localhost:5001/token", true),
            ("http://localhost:5000/", "http://127.0.0.1:5001/token", true),
            ("http://localhost:5000/", "http://evil/token", false),
            ("http://h:5000/", "http://h:5001/token", true),
            ("http://h:5000/", "http://o/token", false),
            ("https://h/", "https://u:p@h/token", false),
            ("https://h/", "/token", false),
            ("https://h/", "file:///x", false),
        ] {
            assert_eq!(realm(&url(registry), service).is_ok(), good, "{registry} {service}");
        }
    }

    #[test]
    fn pages_stay_where_they_are() {
        let from = url("https://h/v2/a/tags/list?n=2");
        let page = |link: &str| next(&from, link);
        assert_eq!(
            page("</v2/a/tags/list?n=2&last=b>; rel=\"next\""),
            Ok(Some(url("https://h/v2/a/tags/list?n=2&last=b")))
        );
        assert_eq!(page("<?n=2&last=b>; rel=next"), Ok(Some(url("https://h/v2/a/tags/list?n=2&last=b"))));
        assert_eq!(
            page("<https://h/v2/a/tags/list?x>; a=b; REL=\"next\""),
            Ok(Some(url("https://h/v2/a/tags/list?x")))
        );
        for nothing in ["", "<x>; rel=prev", "x; rel=next", "<x"] {
            assert_eq!(page(nothing), Ok(None), "{nothing}");
        }
        for bad in
            ["https://evil/v2/a/tags/list", "http://h/v2/a/tags/list?x", "/v2/b/tags/list", "/v2/a/tags/list?n=2"]
        {
            assert!(page(&format!("<{bad}>; rel=next")).is_err(), "{bad}");
        }
    }
}
