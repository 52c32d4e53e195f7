//! Whom a binding gives rights to, as far as they are service accounts: by kind and name, by the name of the user that each of them is, and by
//! the groups that it is in.

use serde_json::Value;

use super::Id;
use crate::field::{items, text};

/// The user name of an account begins with it.
const USER: &str = "system:serviceaccount:";
/// The group of all accounts, and with a namespace after it that of the accounts there.
const GROUP: &str = "system:serviceaccounts";
/// The group of whoever has shown who they are.
const EVERYBODY: &str = "system:authenticated";

/// A subject of a binding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Whom {
    /// An account.
    One(Id, String),
    /// All accounts of a namespace.
    Of(String, String),
    /// All accounts.
    All(String),
}

impl Whom {
    /// The subjects of a binding. What the cluster gives everybody by default says nothing of anybody.
    pub fn read(binding: &Value) -> Vec<Self> {
        let own = text(binding, "/metadata/namespace");
        let by_default = binding
            .pointer("/metadata/labels")
            .is_some_and(|labels| labels.get("kubernetes.io/bootstrapping").is_some());
        let whom = |subject: &Value| {
            let name = text(subject, "/name");
            match text(subject, "/kind") {
                "ServiceAccount" => {
                    let place = Some(text(subject, "/namespace")).filter(|place| !place.is_empty()).unwrap_or(own);
                    Some(Self::One(Id::new("ServiceAccount", place, name), String::new()))
                }
                "User" => {
                    let (place, account) = name.strip_prefix(USER)?.split_once(':')?;
                    Some(Self::One(Id::new("ServiceAccount", place, account), String::from("by its user name")))
                }
                "Group" if name == GROUP || name == EVERYBODY => {
                    (!by_default).then(|| Self::All(format!("through group {name}")))
                }
                "Group" => {
                    let place = name.strip_prefix(GROUP)?.strip_prefix(':')?;
                    Some(Self::Of(place.to_owned(), format!("through group {name}")))
                }
                _ => None,
            }
        };
        items(binding.pointer("/subjects"))
            .filter_map(whom)
            .filter(|whom| !matches!(whom, Self::One(id, _) if id.name.is_empty()))
            .collect()
    }

    /// Whether `account` is meant, and how.
    pub fn means(&self, account: &Id) -> Option<&str> {
        let (meant, how) = match self {
            Self::One(id, how) => (id == account, how),
            Self::Of(place, how) => (*place == account.namespace, how),
            Self::All(how) => (true, how),
        };
        meant.then_some(how)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_account_is_named_in_four_ways() {
        let account = Id::new("ServiceAccount", "shop", "robot");
        let defaults = json!({"kubernetes.io/bootstrapping": "rbac-defaults"});
        for (kind, name, namespace, labels, how) in [
            ("ServiceAccount", "robot", "shop", json!({}), Some("")),
            // Without a namespace it is the binding's own.
            ("ServiceAccount", "robot", "", json!({}), None),
            ("ServiceAccount", "robot", "other", json!({}), None),
            ("User", "system:serviceaccount:shop:robot", "", json!({}), Some("by its user name")),
            ("User", "system:serviceaccount:shop", "", json!({}), None),
            ("User", "robot", "", json!({}), None),
            ("Group", "system:serviceaccounts:shop", "", json!({}), Some("through group system:serviceaccounts:shop")),
            ("Group", "system:serviceaccounts:other", "", json!({}), None),
            ("Group", "system:serviceaccounts", "", json!({}), Some("through group system:serviceaccounts")),
            ("Group", "system:serviceaccounts", "", defaults.clone(), None),
            ("Group", "system:authenticated", "", json!({}), Some("through group system:authenticated")),
            ("Group", "system:authenticated", "", defaults, None),
            ("Group", "system:masters", "", json!({}), None),
        ] {
            let binding = json!({"metadata": {"namespace": "b", "labels": labels},
                "subjects": [{"kind": kind, "name": name, "namespace": namespace}]});
            let whom = Whom::read(&binding);
            assert_eq!(whom.iter().find_map(|whom| whom.means(&account)), how, "{binding}");
        }
        assert!(Whom::read(&json!({"subjects": [{"kind": "ServiceAccount"}, 5, {"kind": "User", "name": "system:serviceaccount:a:"}]})).is_empty());
    }
}
