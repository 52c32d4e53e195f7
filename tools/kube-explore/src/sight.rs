//! Which namespaces an identity may look into. To most identities the cluster as a whole is forbidden.

use futures_util::{StreamExt as _, stream};
use http::Method;
use serde_json::{Value, json};
use shared::Code;

use crate::{
    cluster::{Cluster, Step},
    failure::Failure,
    kinds::{self, Kind},
    path::Path,
    table::{Columns, Row},
    unread::Unread,
};

/// The most namespaces that are asked about one by one.
pub const NAMESPACES_MAX: usize = 200;
/// How many of them are asked about at once.
const AT_ONCE: usize = 8;

/// What an identity may see where it may not see everything.
#[derive(Debug, Default)]
pub struct Sight {
    /// The namespaces it can be asked about, with what it may list there.
    pub namespaces: Vec<(String, Rules)>,
    /// Namespaces that are out of sight.
    pub unread: Option<Unread>,
}

/// What may be listed in a namespace.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rules {
    /// Pairs of group and plural, `*` for all.
    list: Vec<(String, String)>,
    /// The authorizer cannot tell everything: asking is the only way to know.
    incomplete: bool,
}

impl Rules {
    /// Reads a SelfSubjectRulesReview.
    fn read(review: &Value) -> Self {
        let mut rules = Self {
            incomplete: review.pointer("/status/incomplete").and_then(Value::as_bool).unwrap_or(true),
            list: Vec::new(),
        };
        let words = |rule: &Value, field: &str| -> Vec<String> {
            let all = rule.get(field).and_then(Value::as_array).into_iter().flatten();
            all.filter_map(Value::as_str).map(str::to_owned).collect()
        };
        for rule in review.pointer("/status/resourceRules").and_then(Value::as_array).into_iter().flatten() {
            let may_list = words(rule, "verbs").iter().any(|verb| verb == "list" || verb == "*");
            // Some names only: a list of all of them is refused.
            if !may_list || !words(rule, "resourceNames").is_empty() {
                continue;
            }
            let resources = words(rule, "resources");
            for group in words(rule, "apiGroups") {
                rules.list.extend(resources.iter().map(|resource| (group.clone(), resource.clone())));
            }
        }
        rules
    }

    /// Whether listing `kind` is worth asking for.
    pub fn may_list(&self, kind: &Kind) -> bool {
        let matches = |(group, resource): &(String, String)| {
            (group == "*" || *group == kind.group) && (resource == "*" || *resource == kind.plural)
        };
        self.incomplete || self.list.iter().any(matches)
    }
}

impl Cluster {
    /// The names of all namespaces, where they may be listed.
    pub async fn namespaces(&self) -> Result<Vec<String>, Failure> {
        let path = Path::list(&kinds::namespaces(), None).query("includeObject", "None");
        let mut names: Vec<String> = Vec::new();
        let mut columns = None;
        let head = self
            .list(&path, crate::cluster::TABLE, "rows", |step| {
                match step {
                    Step::Begin => names.clear(),
                    Step::Element(head, row) => {
                        let columns =
                            columns.get_or_insert_with(|| Columns::read(&head.head_so_far()).unwrap_or_default());
                        let row: Row = serde_json::from_slice(row).unwrap_or_default();
                        names.extend(columns.cell(&row, "name").map(str::to_owned));
                    }
                }
                Ok(())
            })
            .await?;
        let head: Value = serde_json::from_slice(&head).unwrap_or_default();
        if head.get("kind").and_then(Value::as_str) != Some("Table") {
            return Err(Failure::new(Code::Unsupported, "its API server prints no tables"));
        }
        Ok(names)
    }

    /// What can be seen namespace by namespace; found out once a call, by the first who is refused.
    pub async fn sight(&self) -> &Sight {
        self.seen().get_or_init(|| self.look()).await
    }

    async fn look(&self) -> Sight {
        let (names, unread) = match self.namespaces().await {
            Ok(mut names) => {
                let more = names.len().saturating_sub(NAMESPACES_MAX);
                let unread = (more > 0).then(|| {
                    let what = format!("{more} of {} namespaces", names.len());
                    Unread::new(&what, "more than are looked into one by one: name a namespace")
                });
                names.truncate(NAMESPACES_MAX);
                (names, unread)
            }
            Err(failure) => {
                let mut names = vec![self.namespace().to_owned()];
                for sibling in self.siblings() {
                    if !names.contains(sibling) {
                        names.push(sibling.clone());
                    }
                }
                let what = format!("namespaces other than {}", names.join(", "));
                // A reason of its own, so that it is a line of its own: it is about everything that is not said here.
                let unread = match failure.code {
                    Code::Forbidden => Unread::new(&what, "forbidden to list them; name one to look into it"),
                    _ => failure.unread(&what),
                };
                (names, Some(unread))
            }
        };
        let mut namespaces: Vec<(String, Rules)> = stream::iter(names)
            .map(|name| async move {
                let rules = self.rules(&name).await;
                (name, rules)
            })
            .buffered(AT_ONCE)
            .collect()
            .await;
        namespaces.sort_by(|a, b| a.0.cmp(&b.0));
        Sight { namespaces, unread }
    }

    /// What may be listed in `namespace`, as the API server says. It stores nothing of the question.
    async fn rules(&self, namespace: &str) -> Rules {
        let review = json!({"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectRulesReview", "spec": {"namespace": namespace}});
        let path = Path::literal("/apis/authorization.k8s.io/v1/selfsubjectrulesreviews");
        let content = ("application/json", review.to_string().into_bytes());
        match self.change(Method::POST, &path, content).await {
            Ok(review) => Rules::read(&review),
            Err(_) => Rules { incomplete: true, list: Vec::new() },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_tell_what_is_worth_asking_for() {
        let review = json!({"status": {"incomplete": false, "resourceRules": [
            {"verbs": ["get", "list"], "apiGroups": [""], "resources": ["pods"]},
            {"verbs": ["get"], "apiGroups": ["apps"], "resources": ["deployments"]},
            {"verbs": ["list"], "apiGroups": ["batch"], "resources": ["jobs"], "resourceNames": ["one"]},
            {"verbs": ["*"], "apiGroups": ["policy"], "resources": ["*"]}, {}
        ]}});
        let rules = Rules::read(&review);
        assert!(rules.may_list(&kinds::pods()) && rules.may_list(&kinds::disruption_budgets()));
        assert!(!rules.may_list(&kinds::deployments()) && !rules.may_list(&kinds::jobs()));
        assert!(!rules.may_list(&kinds::secrets()));
        // Nothing known is no refusal.
        assert!(Rules::read(&json!({})).may_list(&kinds::secrets()));
    }
}
