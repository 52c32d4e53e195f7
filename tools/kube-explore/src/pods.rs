//! The pods a caller means: one, or those of a workload. Labels are anybody's to set, so that a workload's are those that it owns.

use serde_json::Value;
use shared::{Code, Result, ToolError};

use crate::{
    cluster::Cluster,
    kinds::{self, Kind},
    path::Path,
    rank::Fit,
    target::{Named, Target},
    unread::Unread,
};

/// The most pods of a workload that are fetched.
pub const PODS_MAX: usize = 200;
/// Kinds whose objects have pods, and that people name. Replica sets are their deployments'.
const WITH_PODS: &[fn() -> Kind] =
    &[kinds::pods, kinds::deployments, kinds::stateful_sets, kinds::daemon_sets, kinds::jobs, kinds::services];

/// The pods that are meant.
#[derive(Clone, Debug)]
pub struct Pods {
    /// Where they are.
    pub namespace: String,
    /// What they are of: `deployment/web`, `pod/web-1`.
    pub of: String,
    /// The pods, no more than [`PODS_MAX`].
    pub pods: Vec<Value>,
    /// How many there are.
    pub total: u64,
    /// What else the name could have meant.
    pub others: Vec<String>,
    /// What could not be looked at.
    pub unread: Vec<Unread>,
    /// How the name fits.
    pub fit: Fit,
    /// Whether there are more that fit than are named.
    pub more: bool,
}

impl Cluster {
    /// The pods that `named` means: one, or those of a workload.
    pub async fn pods(&self, named: &Named<'_>) -> Result<Pods> {
        let among: Vec<Kind> = WITH_PODS.iter().map(|kind| kind()).collect();
        let mut target = self.target(named, &self.kinds().await?, Some(&among)).await?;
        let namespace = target.namespace.clone().unwrap_or_default();
        let of = format!("{}/{}", target.kind.kind.to_lowercase(), target.name);
        let pods = |target: Target, pods: Vec<Value>, total: u64, unread: Vec<Unread>| Pods {
            namespace: namespace.clone(),
            of: of.clone(),
            pods,
            total,
            fit: target.fit,
            more: target.others_total > target.others.len() as u64,
            others: target.others,
            unread: [target.unread, unread].concat(),
        };
        if target.kind.plural == "pods" && target.kind.group.is_empty() {
            if let Some(family) = self.family(&target).await {
                return Ok(family);
            }
            let object = std::mem::take(&mut target.object);
            return Ok(pods(target, vec![object], 1, Vec::new()));
        }
        let Some(selector) = selector(&target.object) else {
            return Err(ToolError::new(Code::Unsupported, format!("{of} has no pods of its own"))
                .hint("name a pod, or a workload: a deployment, stateful set, daemon set, job"));
        };
        let mut listed = self.objects(&kinds::pods(), Some(&namespace), None, Some(&selector), Some).await;
        // Labels are anybody's to set: its own are those that it owns. A service owns none, it sends to all of them.
        if let Some(owners) = self.owners(&target, &selector).await {
            listed
                .items
                .retain(|pod| controller(pod).is_some_and(|(_, _, uid)| owners.iter().any(|owner| owner == uid)));
        }
        let total = listed.items.len() as u64;
        // Those that run before those that do not, and the newest first: of many, those say what is now.
        let runs = |pod: &Value| pod.pointer("/status/phase").and_then(Value::as_str) == Some("Running");
        listed.items.sort_by(|a, b| {
            runs(b).cmp(&runs(a)).then_with(|| created(b).cmp(created(a))).then_with(|| name_of(a).cmp(name_of(b)))
        });
        let cut = target.others_total > target.others.len() as u64;
        // Its own pods have names like its own: they are no others.
        let own: Vec<String> = listed.items.iter().map(|pod| format!("pod/{} in {namespace}", name_of(pod))).collect();
        let service = format!("service/{} in {namespace}", target.name);
        target.others.retain(|other| !own.contains(other) && *other != service);
        target.others_total = target.others.len() as u64 + u64::from(cut);
        listed.items.truncate(PODS_MAX);
        Ok(pods(target, listed.items, total, listed.unread))
    }

    /// The uids of what owns the pods of `target`: itself, or the replica sets of a deployment. Nothing where that cannot be told.
    async fn owners(&self, target: &Target, selector: &str) -> Option<Vec<String>> {
        let uid = |object: &Value| object.pointer("/metadata/uid").and_then(Value::as_str).map(str::to_owned);
        let own = uid(&target.object)?;
        match target.kind.plural.as_str() {
            "services" => None,
            "deployments" => {
                let kept = |set: Value| {
                    controller(&set).is_some_and(|(_, _, owner)| owner == own).then(|| uid(&set)).flatten()
                };
                let sets =
                    self.objects(&kinds::replica_sets(), target.namespace.as_deref(), None, Some(selector), kept).await;
                sets.unread.is_empty().then_some(sets.items)
            }
            _ => Some(vec![own]),
        }
    }

    /// The pods that a part of a name fits, where all of them are of one owner: that owner's are meant, then.
    async fn family(&self, target: &Target) -> Option<Pods> {
        if target.fit == Fit::Exact || target.others.is_empty() || target.others_total != target.others.len() as u64 {
            return None;
        }
        let namespace = target.namespace.clone()?;
        let owner = controller(&target.object)?;
        let here = format!(" in {namespace}");
        let name = |other: &String| Some(other.strip_prefix("pod/")?.strip_suffix(&here)?.to_owned());
        let names: Vec<String> = target.others.iter().map(name).collect::<Option<_>>()?;
        let mut pods = vec![target.object.clone()];
        for name in names {
            pods.push(self.object(&Path::object(&kinds::pods(), Some(&namespace), &name)).await.ok()?);
        }
        let same = pods.iter().all(|pod| controller(pod) == Some(owner));
        same.then(|| Pods {
            of: format!("{}/{}", owner.0.to_lowercase(), owner.1),
            total: pods.len() as u64,
            pods: pods.clone(),
            others: Vec::new(),
            unread: target.unread.clone(),
            fit: target.fit,
            more: false,
            namespace,
        })
    }
}

/// The label selector of what belongs to `object`, as the API server takes it.
pub fn selector(object: &Value) -> Option<String> {
    let labels = |labels: &Value| -> Vec<String> {
        let pairs = labels.as_object().into_iter().flatten();
        pairs.filter_map(|(key, value)| Some(format!("{key}={}", value.as_str()?))).collect()
    };
    let selector = object.pointer("/spec/selector")?;
    let structured = selector.get("matchLabels").is_some() || selector.get("matchExpressions").is_some();
    let mut parts = labels(if structured { selector.get("matchLabels").unwrap_or(&Value::Null) } else { selector });
    for expression in selector.get("matchExpressions").and_then(Value::as_array).into_iter().flatten() {
        let key = expression.get("key").and_then(Value::as_str)?;
        let values: Vec<&str> = expression
            .get("values")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        parts.push(match expression.get("operator").and_then(Value::as_str)? {
            "In" => format!("{key} in ({})", values.join(",")),
            "NotIn" => format!("{key} notin ({})", values.join(",")),
            "Exists" => key.to_owned(),
            "DoesNotExist" => format!("!{key}"),
            _ => return None,
        });
    }
    (!parts.is_empty()).then(|| parts.join(","))
}

/// Kind, name and uid of the owner that controls an object.
fn controller(object: &Value) -> Option<(&str, &str, &str)> {
    let owners = object.pointer("/metadata/ownerReferences")?.as_array()?;
    let owner = owners.iter().find(|owner| owner.get("controller").and_then(Value::as_bool) == Some(true))?;
    let text = |field: &str| owner.get(field).and_then(Value::as_str);
    Some((text("kind")?, text("name")?, text("uid")?))
}

fn created(object: &Value) -> &str {
    object.pointer("/metadata/creationTimestamp").and_then(Value::as_str).unwrap_or_default()
}

fn name_of(object: &Value) -> &str {
    object.pointer("/metadata/name").and_then(Value::as_str).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn selectors_of_every_form_become_one_text() {
        for (spec, expected) in [
            (json!({"selector": {"matchLabels": {"app": "web"}}}), Some("app=web")),
            (json!({"selector": {"app": "web", "tier": "x"}}), Some("app=web,tier=x")),
            (
                json!({"selector": {"matchLabels": {"a": "b"}, "matchExpressions": [
                    {"key": "c", "operator": "In", "values": ["d", "e"]}, {"key": "f", "operator": "DoesNotExist"}]}}),
                Some("a=b,c in (d,e),!f"),
            ),
            (json!({"selector": {"matchExpressions": [{"key": "c", "operator": "Odd"}]}}), None),
            (json!({"selector": {}}), None),
            (json!({"selector": null}), None),
            (json!({"selector": "x"}), None),
            (json!({}), None),
        ] {
            assert_eq!(selector(&json!({ "spec": spec })).as_deref(), expected, "{spec}");
        }
    }
}
