//! Admission webhooks that fail closed: where nobody answers them, nothing is admitted.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Cause, Level, calls::Calls, words};
use crate::field::{each, name, text};

/// Where a webhook is called.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Target {
    /// A service: namespace and name.
    Service(String, String),
    /// An address, which only the API server can try.
    Url(String),
}

/// A webhook that fails closed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Webhook {
    /// `validatingwebhookconfiguration`, …
    pub kind: &'static str,
    /// The configuration it is in.
    pub configuration: String,
    /// Its own name.
    pub name: String,
    /// Where it is called.
    pub target: Target,
    /// What it judges: `create, update of deployments`.
    pub judges: String,
    selector: Value,
    /// Whether it judges some of those objects only.
    narrowed: bool,
}

/// The label of a namespace that is its name.
const NAME: &str = "kubernetes.io/metadata.name";
/// How many namespaces are named.
const PLACES: usize = 3;

/// The webhooks of a configuration that fail closed.
pub fn closed(kind: &'static str, configuration: &Value) -> Vec<Webhook> {
    let closed = each(configuration, "/webhooks").filter(|webhook| text(webhook, "/failurePolicy") != "Ignore");
    closed
        .filter_map(|webhook| {
            let (service, url) = (webhook.pointer("/clientConfig/service"), text(webhook, "/clientConfig/url"));
            let target = match service {
                Some(service) => Target::Service(text(service, "/namespace").into(), text(service, "/name").into()),
                None if url.is_empty() => return None,
                None => Target::Url(url.to_owned()),
            };
            Some(Webhook {
                kind,
                configuration: name(configuration).to_owned(),
                name: text(webhook, "/name").to_owned(),
                target,
                judges: judges(webhook),
                selector: webhook.get("namespaceSelector").cloned().unwrap_or_default(),
                narrowed: ["/objectSelector/matchLabels", "/objectSelector/matchExpressions", "/matchConditions"]
                    .iter()
                    .any(|path| webhook.pointer(path).is_some_and(is_some)),
            })
        })
        .take(100)
        .collect()
}

/// Whether there is something in a list or a map.
fn is_some(value: &Value) -> bool {
    value.as_array().is_some_and(|list| !list.is_empty()) || value.as_object().is_some_and(|map| !map.is_empty())
}

fn judges(webhook: &Value) -> String {
    let (mut verbs, mut resources): (Vec<String>, Vec<&str>) = (Vec::new(), Vec::new());
    for rule in each(webhook, "/rules") {
        for verb in each(rule, "/operations").filter_map(Value::as_str).map(str::to_lowercase) {
            if !verbs.contains(&verb) {
                verbs.push(verb);
            }
        }
        for resource in each(rule, "/resources").filter_map(Value::as_str) {
            if !resources.contains(&resource) {
                resources.push(resource);
            }
        }
    }
    let more = if resources.len() > 4 { ", …" } else { "" };
    resources.truncate(4);
    words::brief(&format!("{} of {}{more}", verbs.join(", "), resources.join(", ")))
}

impl Webhook {
    /// Whether it judges what is in a namespace with these labels.
    pub fn concerns(&self, labels: &BTreeMap<String, String>) -> bool {
        let equal = self.selector.get("matchLabels").and_then(Value::as_object).into_iter().flatten();
        let mut equal = equal.map(|(key, value)| labels.get(key).map(String::as_str) == value.as_str());
        equal.all(|holds| holds)
            && each(&self.selector, "/matchExpressions").all(|expression| {
                let value = labels.get(text(expression, "/key"));
                let listed = value
                    .is_some_and(|value| each(expression, "/values").any(|one| one.as_str() == Some(value.as_str())));
                match text(expression, "/operator") {
                    "In" => listed,
                    "NotIn" => !listed,
                    "Exists" => value.is_some(),
                    "DoesNotExist" => value.is_none(),
                    _ => true,
                }
            })
    }

    /// It is down.
    pub fn down(&self, why: &str) -> Cause {
        self.cause(Level::Critical, "fails closed and is down").fact(words::brief(why)).fact(self.refuses())
    }

    /// It is where only the API server can try it: what is known is how its calls went, since the API server began. Nothing where it answers.
    pub fn elsewhere(&self, calls: Calls) -> Option<Cause> {
        let at = match &self.target {
            Target::Url(url) => format!("{} at {url}", self.name),
            Target::Service(namespace, name) => format!("{} at service {namespace}/{name}", self.name),
        };
        let at = words::brief(&at);
        let Calls { all, failed } = calls;
        match (failed, all.saturating_sub(failed)) {
            (0, 1..) => None,
            (0, 0) => Some(
                self.cause(Level::Note, "fails closed, and cannot be tried from here")
                    .fact(at)
                    .fact(format!("it judges {}", self.judges())),
            ),
            (_, 0) => Some(
                self.cause(Level::Critical, "fails closed and does not answer")
                    .fact(at)
                    .fact(if failed == 1 {
                        String::from("the one call failed")
                    } else {
                        format!("all {failed} calls failed")
                    })
                    .fact(self.refuses()),
            ),
            (_, _) => Some(
                self.cause(Level::Note, "fails closed, and did not always answer")
                    .fact(at)
                    .fact(format!("{failed} of {all} calls failed since the API server began")),
            ),
        }
    }

    fn refuses(&self) -> String {
        format!("without it no {}", self.judges())
    }

    /// What it judges, and where, since most judge a part only.
    fn judges(&self) -> String {
        let of = if self.narrowed { " that it selects" } else { "" };
        words::brief(&format!("{}{of}{}", self.judges, self.places()))
    }

    /// ` in namespace payments`; nothing where it judges all.
    fn places(&self) -> String {
        let expressions = || each(&self.selector, "/matchExpressions");
        let labels = self.selector.get("matchLabels").and_then(Value::as_object);
        let label = labels.and_then(|labels| labels.get(NAME)).and_then(Value::as_str);
        let of = |operator: &'static str| {
            let of = move |one: &&Value| text(one, "/key") == NAME && text(one, "/operator") == operator;
            expressions().find(of).map(|one| each(one, "/values").filter_map(Value::as_str).collect::<Vec<_>>())
        };
        let named = |names: &[&str]| {
            let more = if names.len() > PLACES { ", …" } else { "" };
            let some: Vec<&str> = names.iter().copied().take(PLACES).collect();
            format!("namespace{} {}{more}", if names.len() == 1 { "" } else { "s" }, some.join(", "))
        };
        if let Some(names) = label.map(|name| vec![name]).or_else(|| of("In")) {
            return format!(" in {}", named(&names));
        }
        let all = labels.map_or(0, serde_json::Map::len) + expressions().count();
        match of("NotIn") {
            _ if all == 0 => String::new(),
            Some(names) if all == 1 => format!(" outside of {}", named(&names)),
            _ => String::from(" in namespaces with its labels"),
        }
    }

    fn cause(&self, level: Level, reason: &str) -> Cause {
        Cause::new(level, ("", self.kind, &self.configuration), reason)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_fails_open_is_no_trouble() {
        let rules = json!([{"operations": ["CREATE", "UPDATE"], "resources": ["deployments"]}]);
        let configuration = json!({"metadata": {"name": "policy"}, "webhooks": [
            {"name": "a.io", "failurePolicy": "Ignore", "clientConfig": {"url": "https://x"}},
            {"name": "b.io", "failurePolicy": "Fail", "clientConfig": {"service": {"namespace": "p", "name": "w"}}, "rules": rules,
                "namespaceSelector": {"matchLabels": {"team": "a"}, "matchExpressions": [{"key": "skip", "operator": "DoesNotExist"}]}},
            {"name": "c.io", "clientConfig": {"url": "https://127.0.0.1:9/validate"}, "rules": rules},
            {"name": "d.io", "clientConfig": {}}, 5]});
        let found = closed("validatingwebhookconfiguration", &configuration);
        assert_eq!(found.iter().map(|webhook| webhook.name.as_str()).collect::<Vec<_>>(), ["b.io", "c.io"]);
        assert_eq!(
            found[0].down("service p/w has no ready endpoint").told(),
            "fails closed and is down, service p/w has no ready endpoint, without it no create, update of deployments in namespaces with its labels"
        );
        let told =
            |all: u64, failed: u64| found[1].elsewhere(Calls { all, failed }).map(|cause| (cause.level, cause.told()));
        assert_eq!(told(9, 0), None);
        assert_eq!(
            told(0, 0).unwrap(),
            (Level::Note, "fails closed, and cannot be tried from here, c.io at https://127.0.0.1:9/validate, it judges create, update of deployments".into())
        );
        assert_eq!(
            told(2, 2).unwrap(),
            (Level::Critical, "fails closed and does not answer, c.io at https://127.0.0.1:9/validate, all 2 calls failed, without it no create, update of deployments".into())
        );
        assert_eq!(told(9, 2).unwrap().0, Level::Note);
        let judges = |narrow: Value| {
            let mut webhook = json!({"name": "a.io", "clientConfig": {"url": "https://x"}, "rules": rules});
            webhook.as_object_mut().unwrap().extend(narrow.as_object().unwrap().clone());
            closed("v", &json!({ "webhooks": [webhook] })).remove(0).judges()
        };
        let by = |operator: &str, names: &[&str]| {
            let name = json!({"key": NAME, "operator": operator, "values": names});
            judges(json!({"namespaceSelector": {"matchExpressions": [name]}}))
        };
        let all = "create, update of deployments";
        assert_eq!(judges(json!({"namespaceSelector": {}, "objectSelector": {}})), all);
        assert_eq!(
            judges(json!({"namespaceSelector": {"matchLabels": {NAME: "pay"}}})),
            format!("{all} in namespace pay")
        );
        assert_eq!(by("In", &["a", "b", "c", "d"]), format!("{all} in namespaces a, b, c, …"));
        assert_eq!(by("NotIn", &["kube-system"]), format!("{all} outside of namespace kube-system"));
        assert_eq!(judges(json!({"objectSelector": {"matchLabels": {"a": "b"}}})), format!("{all} that it selects"));
        let labels = |pairs: &[(&str, &str)]| pairs.iter().map(|&(k, v)| (k.to_owned(), v.to_owned())).collect();
        assert!(found[0].concerns(&labels(&[("team", "a")])) && found[1].concerns(&labels(&[])));
        assert!(
            !found[0].concerns(&labels(&[("team", "b")]))
                && !found[0].concerns(&labels(&[("team", "a"), ("skip", "1")]))
        );
    }
}
