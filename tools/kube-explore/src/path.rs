//! Paths of the API server. A caller's word is one segment of one, or one value of its query, whatever is in it.

use std::{
    fmt::{self, Write as _},
    time::Duration,
};

use crate::{cluster::LIMIT, kinds::Kind};

/// The same where another server may have to answer, which may be slow or gone: it holds up its own line, and not the answer.
const FOREIGN_LIMIT: Duration = Duration::from_secs(4);

/// A path with its query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Path {
    path: String,
    query: String,
    foreign: bool,
}

impl Path {
    /// A path of ours.
    pub fn literal(path: &'static str) -> Self {
        Self { path: path.to_owned(), query: String::new(), foreign: false }
    }

    /// Where the objects of `kind` are: of one namespace, or all of them.
    pub fn list(kind: &Kind, namespace: Option<&str>) -> Self {
        let mut path = Self::literal(if kind.group.is_empty() { "/api" } else { "/apis" });
        if !kind.group.is_empty() {
            path = path.segment(&kind.group);
        }
        path = path.segment(&kind.version);
        path.foreign = kind.is_foreign();
        if let Some(namespace) = namespace.filter(|_| kind.namespaced) {
            path = path.segment("namespaces").segment(namespace);
        }
        path.segment(&kind.plural)
    }

    /// Where one object of `kind` is.
    pub fn object(kind: &Kind, namespace: Option<&str>, name: &str) -> Self {
        Self::list(kind, namespace).segment(name)
    }

    /// Whether another server than the cluster's own may have to answer.
    pub fn is_foreign(&self) -> bool {
        self.foreign
    }

    /// How long a request for it may take.
    pub fn limit(&self) -> Duration {
        if self.foreign { FOREIGN_LIMIT } else { LIMIT }
    }

    /// One step below.
    #[must_use]
    pub fn segment(mut self, segment: &str) -> Self {
        self.path.push('/');
        match segment {
            // Alone, these would be taken for a way up.
            "." => self.path.push_str("%2E"),
            ".." => self.path.push_str("%2E%2E"),
            _ => encode(segment, &mut self.path),
        }
        self
    }

    /// With a parameter.
    #[must_use]
    pub fn query(mut self, key: &'static str, value: &str) -> Self {
        if !self.query.is_empty() {
            self.query.push('&');
        }
        self.query.push_str(key);
        self.query.push('=');
        encode(value, &mut self.query);
        self
    }

    /// With a parameter, where there is a value for it.
    #[must_use]
    pub fn optional(self, key: &'static str, value: Option<&str>) -> Self {
        match value {
            Some(value) => self.query(key, value),
            None => self,
        }
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.path)?;
        if self.query.is_empty() { Ok(()) } else { write!(f, "?{}", self.query) }
    }
}

/// What stands for itself in a segment and in a value: RFC 3986's unreserved characters.
fn encode(text: &str, out: &mut String) {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            // Writing to a String does not fail.
            let _ = write!(out, "%{byte:02X}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds;

    #[test]
    fn a_word_is_one_segment_or_one_value() {
        let pods = kinds::pods();
        for (namespace, name, expected) in [
            (Some("a"), "web", "/api/v1/namespaces/a/pods/web"),
            (None, "web", "/api/v1/pods/web"),
            (Some("../../secrets"), "..", "/api/v1/namespaces/..%2F..%2Fsecrets/pods/%2E%2E"),
            (Some("."), "a?limit=1#x", "/api/v1/namespaces/%2E/pods/a%3Flimit%3D1%23x"),
            (Some("a b"), "é\n\0", "/api/v1/namespaces/a%20b/pods/%C3%A9%0A%00"),
        ] {
            assert_eq!(Path::object(&pods, namespace, name).to_string(), expected);
        }
        let query =
            Path::list(&kinds::deployments(), None).query("labelSelector", "a=b&watch=true").query("limit", "5");
        assert_eq!(query.to_string(), "/apis/apps/v1/deployments?labelSelector=a%3Db%26watch%3Dtrue&limit=5");
    }

    #[test]
    fn a_cluster_wide_kind_has_no_namespace() {
        assert_eq!(Path::object(&kinds::nodes(), Some("a"), "n").to_string(), "/api/v1/nodes/n");
    }
}
