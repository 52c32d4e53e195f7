//! Where a request may go next, and where credentials may: rules, without a socket.

use url::Url;

use crate::error::{Code, Result, ToolError};

/// `scheme://host:port` of an address: enough to know where, nothing that could be a secret, as signed addresses are.
pub fn place(url: &Url) -> String {
    let host = url.host_str().unwrap_or("no host");
    match url.port() {
        Some(port) => format!("{}://{host}:{port}", url.scheme()),
        None => format!("{}://{host}", url.scheme()),
    }
}

/// Whether two addresses are served by one and the same: scheme, host and port. Only then does one's authorization go to the other.
pub fn same(one: &Url, other: &Url) -> bool {
    one.origin() == other.origin()
}

/// Where a `Location` that came as an answer of `from` leads. Whether to go there is the caller's to judge, with
/// [`Reach::Redirected`](super::address::Reach::Redirected) where it is another host.
///
/// # Errors
/// [`Code::Forbidden`] when it leads from https to http, [`Code::Unavailable`] when it leads to nothing that is asked over http, or to
/// an address with a user name or password. The hint can be replaced by one that names what is looked for.
pub fn follow(from: &Url, location: &str) -> Result<Url> {
    let astray =
        |code: Code, reason: &str| ToolError::new(code, format!("follow a redirect of {}: {reason}", place(from)));
    let bad = |reason: &str| astray(Code::Unavailable, reason).hint("use the final address");
    let target = from.join(location).map_err(|_| bad("its target is not an address"))?;
    match (from.scheme(), target.scheme()) {
        ("https" | "http", "https") | ("http", "http") => {}
        ("https", "http") => {
            let error = astray(Code::Forbidden, "it leads from https to http");
            return Err(error.hint("use the final https address"));
        }
        _ => return Err(bad("it leads to something else than http")),
    }
    if !target.username().is_empty() || target.password().is_some() {
        return Err(bad("its target carries a user name or password"));
    }
    Ok(target)
}

/// The address of the next page that a `Link` header of an answer of `from` names. It is the answer's word: whether it may be
/// asked, and with which authorization, is the caller's to judge.
///
/// # Errors
/// [`Code::Unavailable`] for what is no address.
pub fn next_link(from: &Url, link: &str) -> Result<Option<Url>> {
    let mut rest = link;
    // By angle brackets and not by commas, which an address may contain.
    while let Some((target, after)) = rest.split_once('<').and_then(|(_, rest)| rest.split_once('>')) {
        let parameters = after.split('<').next().unwrap_or_default();
        rest = after.get(parameters.len()..).unwrap_or_default();
        if parameters.split([';', ',']).any(is_next) {
            let next = from.join(target).map_err(|_| {
                ToolError::new(
                    Code::Unavailable,
                    format!("turn the page of {}: the next is not an address", place(from)),
                )
            })?;
            return Ok(Some(next));
        }
    }
    Ok(None)
}

/// Whether a parameter of a link is `rel` with `next` among its words.
fn is_next(parameter: &str) -> bool {
    parameter.split_once('=').is_some_and(|(name, value)| {
        name.trim().eq_ignore_ascii_case("rel")
            && value.trim().trim_matches('"').split_ascii_whitespace().any(|word| word.eq_ignore_ascii_case("next"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        Url::parse(text).expect(text)
    }

    #[test]
    fn a_place_holds_no_secret() {
        assert_eq!(place(&url("https://u:p@h/signed?sig=1#x")), "https://h");
        assert_eq!(place(&url("http://[::1]:8080/")), "http://[::1]:8080");
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
            ("https://h/v2/x", "/y", Ok("https://h/y")),
            ("https://h/v2/x", "y?z", Ok("https://h/v2/y?z")),
            ("https://h/v2/x", "//o/y", Ok("https://o/y")),
            ("https://h/v2/x", "https://o/y", Ok("https://o/y")),
            ("http://h/v2/x", "http://o/y", Ok("http://o/y")),
            ("http://h/v2/x", "https://o/y", Ok("https://o/y")),
            ("https://h/v2/x", "http://h/y", Err(Code::Forbidden)),
            ("https://h/v2/x", "http://127.0.0.1/y", Err(Code::Forbidden)),
            ("https://h/v2/x", "https://u:p@h/y", Err(Code::Unavailable)),
            ("https://h/v2/x", "file:///etc/passwd", Err(Code::Unavailable)),
            ("http://h/v2/x", "ftp://h/y", Err(Code::Unavailable)),
            ("https://h/v2/x", "https://", Err(Code::Unavailable)),
        ] {
            let followed = follow(&url(from), location).map_err(|error| error.code());
            assert_eq!(followed, expected.map(url), "{from} {location}");
        }
    }

    #[test]
    fn the_next_page_is_found_among_links() {
        let from = url("https://h/repositories/1/issues?page=1");
        let next =
            |link: &str| next_link(&from, link).map(|found| found.map(String::from)).map_err(|error| error.code());
        for (link, expected) in [
            ("<https://h/r?page=2>; rel=\"next\", <https://h/r?page=9>; rel=\"last\"", Some("https://h/r?page=2")),
            ("<https://h/r?page=0>; rel=\"prev\", <https://h/r?page=2>; rel=\"next\"", Some("https://h/r?page=2")),
            ("<https://h/r?a=1,2;3>;title=\"x\"; REL=next", Some("https://h/r?a=1,2;3")),
            ("<?page=2>; rel=\"last Next\"", Some("https://h/repositories/1/issues?page=2")),
            ("<//evil/r>; rel=next", Some("https://evil/r")),
            ("<https://h/r>; rel=\"prev\"", None),
            ("<https://h/r>; rel=\"nextish\"", None),
            ("", None),
            ("x; rel=next", None),
            ("<x", None),
        ] {
            assert_eq!(next(link), Ok(expected.map(str::to_owned)), "{link}");
        }
        assert_eq!(next("<https://>; rel=next"), Err(Code::Unavailable));
    }
}
