//! Requests taken apart, and answers as GitHub puts them together: pages, links, errors.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

/// A request, taken apart.
#[derive(Clone)]
pub(super) struct Asked {
    pub(super) method: String,
    /// Path and query as they came.
    pub(super) target: String,
    /// The parts of the path, decoded.
    pub(super) path: Vec<String>,
    /// The query, decoded, in its order.
    pub(super) query: Vec<(String, String)>,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
}

impl Asked {
    pub(super) fn new(method: &str, target: &str, headers: Vec<(String, String)>, body: Vec<u8>) -> Self {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let pairs = query.split('&').filter(|pair| !pair.is_empty());
        let pairs = pairs.map(|pair| pair.split_once('=').unwrap_or((pair, "")));
        Self {
            method: method.to_owned(),
            target: target.to_owned(),
            path: path.split('/').filter(|part| !part.is_empty()).map(|part| decoded(part, false)).collect(),
            query: pairs.map(|(name, value)| (decoded(name, true), decoded(value, true))).collect(),
            headers,
            body,
        }
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub(super) fn parameter(&self, name: &str) -> Option<&str> {
        self.query.iter().rev().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The body as JSON; null when it is none.
    pub(super) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }

    /// How many to a page: GitHub takes more than a hundred for a hundred, and nonsense for what it would have given anyhow.
    fn per_page(&self) -> usize {
        let said = self.parameter("per_page").and_then(|text| text.parse::<usize>().ok()).filter(|count| *count > 0);
        said.unwrap_or(30).min(100)
    }

    fn page(&self) -> usize {
        self.parameter("page").and_then(|text| text.parse().ok()).filter(|page| *page > 0).unwrap_or(1)
    }
}

/// What a body is made of.
pub(super) enum Content {
    Nothing,
    Json(Value),
    Text(&'static str, Vec<u8>),
}

/// An answer before it is sent.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: Vec<(String, String)>,
    pub(super) content: Content,
}

impl Answer {
    pub(super) fn json(status: u16, value: Value) -> Self {
        Self { status, headers: Vec::new(), content: Content::Json(value) }
    }

    pub(super) fn text(kind: &'static str, text: impl Into<Vec<u8>>) -> Self {
        Self { status: 200, headers: Vec::new(), content: Content::Text(kind, text.into()) }
    }

    /// A refusal in GitHub's form.
    pub(super) fn error(status: u16, message: &str) -> Self {
        let about = "https://docs.github.com/rest";
        Self::json(status, json!({"message": message, "documentation_url": about, "status": status.to_string()}))
    }

    /// A refusal that says what is wrong with which field.
    pub(super) fn invalid(errors: &Value) -> Self {
        let about = "https://docs.github.com/rest/pulls/pulls#create-a-pull-request";
        let body =
            json!({"message": "Validation Failed", "errors": errors, "documentation_url": about, "status": "422"});
        Self::json(422, body)
    }

    pub(super) fn not_found() -> Self {
        Self::error(404, "Not Found")
    }

    /// Something that is elsewhere for good.
    pub(super) fn moved(method: &str, location: &str) -> Self {
        let (status, message) = if method == "GET" { (301, "Moved Permanently") } else { (307, "Temporary Redirect") };
        let about = "https://docs.github.com/rest/guides/best-practices-for-using-the-rest-api#follow-redirects";
        let body = json!({"message": message, "url": location, "documentation_url": about});
        Self::json(status, body).with("Location", location)
    }

    pub(super) fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }
}

/// A list of which a page is asked for.
pub(super) struct Pages<'a> {
    asked: &'a Asked,
    /// The address of the list by the number of its repository, which is where links lead.
    place: String,
    /// Cursors instead of a last page, as the list of issues has them.
    cursors: bool,
}

impl<'a> Pages<'a> {
    pub(super) fn new(asked: &'a Asked, place: String) -> Self {
        Self { asked, place, cursors: false }
    }

    pub(super) fn with_cursors(mut self) -> Self {
        self.cursors = true;
        self
    }

    /// Where the page begins and ends.
    fn range(&self, total: usize) -> (usize, usize) {
        let size = self.asked.per_page();
        let after = self.asked.parameter("after").filter(|_| self.cursors).and_then(place_of);
        let start = after.unwrap_or_else(|| (self.asked.page() - 1).saturating_mul(size)).min(total);
        (start, start.saturating_add(size).min(total))
    }

    /// The page of `items`, each as `render` has it, and the `Link` header that belongs to it.
    pub(super) fn of<T>(&self, items: &[T], render: impl FnMut(&T) -> Value) -> (Vec<Value>, Option<String>) {
        let (start, end) = self.range(items.len());
        let shown = items[start..end].iter().map(render).collect();
        (shown, self.links(start, end, items.len()))
    }

    /// The same as an answer that is a bare list.
    pub(super) fn answer<T>(&self, items: &[T], render: impl FnMut(&T) -> Value) -> Answer {
        let (shown, links) = self.of(items, render);
        Self::linked(Answer::json(200, Value::Array(shown)), links)
    }

    /// `answer` with the links of a page.
    pub(super) fn linked(answer: Answer, links: Option<String>) -> Answer {
        match links {
            Some(links) => answer.with("Link", links),
            None => answer,
        }
    }

    fn links(&self, start: usize, end: usize, total: usize) -> Option<String> {
        let size = self.asked.per_page();
        let page = start / size + 1;
        let last = total.div_ceil(size).max(1);
        let to = |page: usize, cursor: Option<String>, relation: &str| {
            let kept =
                self.asked.query.iter().filter(|(name, _)| !matches!(name.as_str(), "page" | "after" | "before"));
            let mut pairs: Vec<String> =
                kept.map(|(name, value)| format!("{}={}", encoded(name), encoded(value))).collect();
            pairs.extend(cursor);
            pairs.push(format!("page={page}"));
            format!("<{}?{}>; rel=\"{relation}\"", self.place, pairs.join("&"))
        };
        let cursor = |name: &str, at: usize| self.cursors.then(|| format!("{name}={}", encoded(&cursor_at(at))));
        let mut links = Vec::new();
        if start > 0 {
            links.push(to((page - 1).min(last).max(1), cursor("before", start), "prev"));
        }
        if end < total {
            links.push(to(page + 1, cursor("after", end), "next"));
        }
        if !self.cursors && end < total {
            links.push(to(last, None, "last"));
        }
        if !self.cursors && start > 0 {
            links.push(to(1, None, "first"));
        }
        (!links.is_empty()).then(|| links.join(", "))
    }
}

/// A cursor that says where to go on, to nobody but us.
pub(super) fn cursor_at(place: usize) -> String {
    format!("{}==", URL_SAFE_NO_PAD.encode(format!("cursor:v2:{place}")))
}

/// Where a cursor leads.
pub(super) fn place_of(cursor: &str) -> Option<usize> {
    let bytes = URL_SAFE_NO_PAD.decode(cursor.trim_end_matches('=')).ok()?;
    String::from_utf8(bytes).ok()?.strip_prefix("cursor:v2:")?.parse().ok()
}

/// A part of an address without its `%41`, and in a query without its `+`.
pub(super) fn decoded(text: &str, query: bool) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let [first, more @ ..] = rest {
        let hex = (*first == b'%').then(|| more.get(..2)).flatten().and_then(|hex| std::str::from_utf8(hex).ok());
        match hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = &more[2..];
            }
            None => {
                bytes.push(if *first == b'+' && query { b' ' } else { *first });
                rest = more;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// A value as it stands in a query.
fn encoded(text: &str) -> String {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~".contains(byte);
    text.bytes().map(|byte| if plain(&byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}
