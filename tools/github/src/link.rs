//! What a `Link` header says of the next page.
//!
//! Only the words that name a page are taken from it, and only those GitHub uses. Where the next page is asked for is ours to say: an address that came as an
//! answer is never followed with a token.

use http::{HeaderMap, header::LINK};
use shared::{Result, ToolError, http::origin};
use url::Url;

/// The parameters that name a page, and what they look like.
const NAMES: [&str; 4] = ["page", "after", "before", "cursor"];
/// The longest value of one.
const VALUE_MAX: usize = 400;

/// What the next page of the answer to `asked` is called; nothing on the last one. What cannot be understood is an error: a list that looks whole and is
/// not would be a lie.
///
/// # Errors
/// [`shared::Code::Unavailable`] when there is a next page and it has no name.
pub fn next(asked: &Url, headers: &HeaderMap) -> Result<Option<String>> {
    let unusable = || {
        ToolError::new(shared::Code::Unavailable, "GitHub names a next page in a way this server does not know")
            .hint("ask for a smaller part of the list")
    };
    let mut next = None;
    // There may be several, also of what is in between and not of GitHub.
    for link in headers.get_all(LINK) {
        let link = link.to_str().map_err(|_| unusable())?;
        next = next.or(origin::next_link(asked, link).map_err(|_| unusable())?);
    }
    let Some(url) = next else { return Ok(None) };
    let mut words: Vec<String> = Vec::new();
    for (name, value) in url.query_pairs() {
        if NAMES.contains(&name.as_ref()) {
            words.push(format!("{name}={value}"));
        }
    }
    let name = words.join("&");
    if words.is_empty() || self::pairs(&name).is_err() { Err(unusable()) } else { Ok(Some(name)) }
}

/// The query parameters of a page's name. It came back from a caller.
///
/// # Errors
/// [`shared::Code::InvalidArgument`] for anything but those GitHub uses.
pub fn pairs(name: &str) -> Result<Vec<(&str, &str)>> {
    let wrong = || {
        ToolError::invalid("`cursor` is not one this server made")
            .hint("pass the cursor of the last answer unchanged, or leave it out to start over")
    };
    let mut pairs = Vec::new();
    for word in name.split('&').filter(|word| !word.is_empty()) {
        let (name, value) = word.split_once('=').ok_or_else(wrong)?;
        let fits = value.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'&');
        let number = name != "page" || value.parse::<u32>().is_ok();
        if !NAMES.contains(&name) || value.is_empty() || value.len() > VALUE_MAX || !fits || !number {
            return Err(wrong());
        }
        pairs.push((name, value));
    }
    Ok(pairs)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn next(link: &str) -> Option<Option<String>> {
        let asked = Url::parse("https://api.github.com/repos/acme/shop/issues?per_page=2").unwrap();
        let mut headers = HeaderMap::from_iter([(LINK, "</style.css>; rel=preload".parse().unwrap())]);
        headers.append(LINK, link.parse().unwrap());
        super::next(&asked, &headers).ok()
    }

    #[test]
    fn only_the_name_of_a_page_is_taken() {
        assert_eq!(
            next(
                r#"<https://api.github.com/repositories/1/issues?per_page=2&page=2>; rel="next", <…>; rel="last""#
                    .replace('…', "x")
                    .as_str()
            ),
            Some(Some("page=2".into()))
        );
        assert_eq!(
            next(
                r#"<https://api.github.com/repositories/1/issues?per_page=2&after=Y3Vyc29yOnYy%3D%3D&page=2>; rel="next""#
            ),
            Some(Some("after=Y3Vyc29yOnYy==&page=2".into()))
        );
        assert_eq!(next(r#"<https://api.github.com/x?page=1>; rel="prev""#), Some(None));
        // Elsewhere does not matter: nobody goes there.
        assert_eq!(next(r#"<https://evil.test/x?page=2&state=all>; rel="next""#), Some(Some("page=2".into())));
        assert_eq!(next(r#"<https://api.github.com/x?offset=2>; rel="next""#), None);
        assert_eq!(next(r#"<https://api.github.com/x?page=two>; rel="next""#), None);
    }

    #[test]
    fn a_name_that_came_back_is_judged_again() {
        assert_eq!(pairs("after=Y3==&page=2").unwrap(), [("after", "Y3=="), ("page", "2")]);
        assert_eq!(pairs("").unwrap(), []);
        for bad in ["page", "page=x", "state=all", "page=", "after=a b", "after=ü", "page=1&state=all"] {
            assert!(pairs(bad).is_err(), "{bad}");
        }
    }
}
