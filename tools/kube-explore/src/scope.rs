//! Where was looked, as an answer says it.

use schemars::JsonSchema;
use serde::Serialize;
use shared::{Result, ToolError, Untrusted};

/// Where was looked.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Place {
    /// The kubeconfig context; absent for a pod's service account.
    #[serde(skip_serializing_if = "Option::is_none")]
    context: Option<Untrusted>,
    /// The namespace; absent for all of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    namespace: Option<Untrusted>,
}

impl Place {
    /// Of a context, in one namespace or in all.
    pub fn new(context: Option<&str>, namespace: Option<&str>) -> Self {
        Self { context: context.map(Untrusted::line), namespace: namespace.map(Untrusted::line) }
    }

    /// ``context `prod`, namespace `shop` ``.
    pub fn shown(&self) -> String {
        let context = match &self.context {
            Some(context) => format!("context {}", context.quoted()),
            None => String::from("in-cluster"),
        };
        match &self.namespace {
            Some(namespace) => format!("{context}, namespace {}", namespace.quoted()),
            None => format!("{context}, all namespaces"),
        }
    }
}

/// The namespace a caller names; nothing for all of them.
///
/// # Errors
/// One that no namespace can have.
pub fn namespace(named: Option<&str>) -> Result<Option<&str>> {
    match named.map(str::trim) {
        None | Some("" | "*" | "-A" | "all") => Ok(None),
        Some(name) if is_label(name) => Ok(Some(name)),
        Some(name) => Err(ToolError::invalid(format!("{} cannot be a namespace", Untrusted::line(name).quoted()))
            .hint("pass one by its name, or leave it out for all")),
    }
}

/// Whether `name` is one that a namespace can have: an RFC 1123 label.
fn is_label(name: &str) -> bool {
    let letters = name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
    letters && name.len() <= 63 && !name.starts_with('-') && !name.ends_with('-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_was_looked_is_said() {
        assert_eq!(Place::new(Some("prod"), Some("shop")).shown(), "context `prod`, namespace `shop`");
        assert_eq!(Place::new(None, None).shown(), "in-cluster, all namespaces");
    }

    #[test]
    fn a_namespace_is_a_name_or_all_of_them() {
        assert_eq!(namespace(Some("shop")).unwrap(), Some("shop"));
        for all in [None, Some(""), Some("*"), Some("-A"), Some("all")] {
            assert_eq!(namespace(all).unwrap(), None);
        }
        for none in ["a/b", "../x", "A", "--all", "a b", "a\nb", "é", &"a".repeat(64)] {
            assert!(namespace(Some(none)).is_err(), "{none}");
        }
    }
}
