//! The object a caller means by a name that need not be whole.
//!
//! An exact name wins; among equals the context's own namespace does, then what people deploy before what runs of it. What was not chosen is named.

use serde_json::Value;
use shared::{Code, Result, Text, ToolError, Untrusted};

use crate::{
    cluster::{Cluster, quoted},
    kinds::{self, Kind, Kinds},
    path::Path,
    rank::Fit,
    search::{Ask, Hits, Match, usual},
    unread::Unread,
};

/// How many candidates are looked at.
const CANDIDATES: usize = 40;
/// The most pods of a workload that are fetched.
pub const PODS_MAX: usize = 200;
/// Kinds whose objects have pods, and that people name. Replica sets are their deployments'.
const WITH_PODS: &[fn() -> Kind] =
    &[kinds::pods, kinds::deployments, kinds::stateful_sets, kinds::daemon_sets, kinds::jobs, kinds::services];

/// What a caller names.
#[derive(Clone, Debug, Default)]
pub struct Named<'a> {
    /// A name, `kind/name`, or a part of a name.
    pub name: &'a str,
    /// Its kind.
    pub kind: Option<&'a str>,
    /// Its namespace; nothing for any.
    pub namespace: Option<&'a str>,
}

/// The object that is meant.
#[derive(Clone, Debug)]
pub struct Target {
    /// Its kind.
    pub kind: Kind,
    /// Its namespace; nothing for cluster-wide kinds.
    pub namespace: Option<String>,
    /// Its name.
    pub name: String,
    /// The object.
    pub object: Value,
    /// What else the name could have meant.
    pub others: Vec<String>,
    /// How many others there are.
    pub others_total: u64,
    /// Where could not be looked for it.
    pub unread: Vec<Unread>,
    /// How the name fits.
    pub fit: Fit,
}

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

impl Target {
    /// `deployment/web`.
    pub fn shown(&self) -> String {
        format!("{}/{}", self.kind.kind.to_lowercase(), self.name)
    }
}

/// Says what else a name could have meant.
pub fn others(others: &[Untrusted], text: &mut Text<'_>) {
    if others.is_empty() {
        return;
    }
    let names: Vec<String> = others.iter().map(|other| other.quoted().to_string()).collect();
    text.line(format_args!("the name also fits {}: pass kind and namespace for one of these", names.join(", ")));
}

impl<'a> Named<'a> {
    /// Takes `kind/name` apart.
    fn split(&self, kinds: &Kinds) -> Result<(Option<Kind>, &'a str)> {
        let name = self.name.trim();
        let (kind, name) = match (self.kind.map(str::trim).filter(|kind| !kind.is_empty()), name.split_once('/')) {
            (Some(kind), None) => (Some(kind), name),
            (None, Some((kind, name))) => (Some(kind), name),
            (Some(kind), Some((prefix, rest))) => {
                // Said twice is fine, said differently is not.
                let same = kinds.named(kind)?.full() == kinds.named(prefix)?.full();
                if !same {
                    return Err(ToolError::invalid(format!(
                        "kind is {} and the name begins with {}",
                        quoted(kind),
                        quoted(prefix)
                    ))
                    .hint("leave one of them out"));
                }
                (Some(kind), rest)
            }
            (None, None) => (None, name),
        };
        if name.is_empty() || name.contains(['/', '\n', '\0']) || name.len() > 253 {
            return Err(ToolError::invalid(format!("{} cannot be a name", quoted(self.name)))
                .hint("pass name=web or name=deploy/web; kube_find lists what there is"));
        }
        Ok((kind.map(|kind| kinds.named(kind)).transpose()?.cloned(), name))
    }
}

impl Cluster {
    /// The object that `named` means, of any kind or of those in `among`.
    pub async fn target(&self, named: &Named<'_>, among: Option<&[Kind]>) -> Result<Target> {
        let kinds = self.kinds().await?;
        let (kind, name) = named.split(&kinds)?;
        // One request where everything is said; and the one that also works for who may get and not list.
        let said = kind.as_ref().filter(|kind| named.namespace.is_some() || !kind.namespaced);
        if let Some(kind) = said {
            let namespace = named.namespace.unwrap_or_else(|| self.namespace());
            let namespace = kind.namespaced.then(|| namespace.to_owned());
            match self.object(&Path::object(kind, namespace.as_deref(), name)).await {
                Ok(object) => {
                    return Ok(Target {
                        kind: kind.clone(),
                        namespace,
                        name: name.to_owned(),
                        object,
                        others: Vec::new(),
                        others_total: 0,
                        unread: Vec::new(),
                        fit: Fit::Exact,
                    });
                }
                Err(failure) if matches!(failure.code, Code::NotFound | Code::Forbidden | Code::InvalidArgument) => {}
                Err(failure) => return Err(failure.error(&format!("getting {}/{}", kind.plural, name))),
            }
        }
        let ask = Ask {
            terms: vec![name.to_lowercase()],
            namespace: named.namespace.map(str::to_owned),
            limit: CANDIDATES,
            ..Ask::default()
        };
        let looked = match (kind.clone(), among) {
            (Some(kind), _) => vec![kind],
            (None, Some(among)) => among.to_vec(),
            (None, None) => usual(&kinds),
        };
        let mut hits = self.search(&ask, looked).await;
        let mut best = std::mem::take(&mut hits.best);
        let Some(first) = best.first().map(|first| first.place.fit) else {
            // Where nothing may be listed, the context's own namespace may still be asked.
            if let Some(kind) = kind.filter(|_| hits.blind > 0 && named.namespace.is_none()) {
                let own = Some(self.namespace().to_owned());
                if let Ok(object) = self.object(&Path::object(&kind, own.as_deref(), name)).await {
                    return Ok(Target {
                        kind,
                        namespace: own,
                        name: name.to_owned(),
                        object,
                        others: Vec::new(),
                        others_total: 0,
                        unread: hits.unread,
                        fit: Fit::Exact,
                    });
                }
            }
            return Err(self.missing(named, name, &hits));
        };
        // Beyond the candidates that were kept, there may be more that fit as well as the first.
        let cut = hits.total > best.len() as u64 && best.last().is_some_and(|last| last.place.fit == first);
        best.sort_by_key(|found| {
            let own = found.namespace.as_deref() == Some(self.namespace());
            (found.place.fit, if first == Fit::Exact { found.place.weight } else { 0 }, !own)
        });
        let chosen = best.remove(0);
        let rivals = best.iter().filter(|found| found.place.fit == first);
        let others: Vec<String> = rivals.map(Match::shown).collect();
        let others_total = if cut { hits.total.saturating_sub(1) } else { others.len() as u64 };
        let path = Path::object(&chosen.kind, chosen.namespace.as_deref(), &chosen.name);
        let object = self
            .object(&path)
            .await
            .map_err(|failure| failure.error(&format!("getting {}/{}", chosen.kind.plural, chosen.name)))?;
        Ok(Target {
            kind: chosen.kind,
            namespace: chosen.namespace,
            name: chosen.name,
            object,
            others,
            others_total,
            unread: hits.unread,
            fit: first,
        })
    }

    /// The pods that `named` means: one, or those of a workload.
    pub async fn pods(&self, named: &Named<'_>) -> Result<Pods> {
        let among: Vec<Kind> = WITH_PODS.iter().map(|kind| kind()).collect();
        let mut target = self.target(named, Some(&among)).await?;
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

    fn missing(&self, named: &Named<'_>, name: &str, hits: &Hits) -> ToolError {
        let what = match named.kind {
            Some(kind) => format!("{} {}", quoted(kind), quoted(name)),
            None => quoted(name),
        };
        let place = match named.namespace {
            Some(namespace) => format!("namespace {}", quoted(namespace)),
            None => "any namespace".to_owned(),
        };
        if hits.seen == 0 && !hits.unread.is_empty() {
            let why = hits.unread.first().map(|unread| unread.why.quoted().to_string()).unwrap_or_default();
            return ToolError::new(Code::Forbidden, format!("{what} could not be looked for in {place}: {why}"))
                .hint("name its kind and namespace: getting one object may be allowed where listing is not");
        }
        let looked = format!("{} objects of {} kinds", hits.seen, hits.kinds);
        let said = if hits.unread.is_empty() {
            format!("nothing named like {what} in {place}; {looked} were looked at")
        } else {
            let blind = format!("{} sources could not be read, kube_find says which", hits.unread.len());
            format!("nothing named like {what} in what could be looked at in {place}, {looked}; {blind}")
        };
        ToolError::new(Code::NotFound, said).hint("look with kube_find by a shorter part of the name")
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

    #[test]
    fn a_name_may_bring_its_kind() {
        let kinds = Kinds { all: vec![kinds::pods(), kinds::deployments()], unread: Vec::new() };
        let split = |name, kind| {
            let named = Named { name, kind, namespace: None };
            named
                .split(&kinds)
                .map(|(kind, name)| (kind.map(|kind| kind.plural), name.to_owned()))
                .map_err(|e| e.code())
        };
        let of = |kind: &str, name: &str| Ok((Some(kind.to_owned()), name.to_owned()));
        assert_eq!(split("web", None), Ok((None, "web".to_owned())));
        assert_eq!(split("deploy/web", None), of("deployments", "web"));
        assert_eq!(split("web", Some("deployment")), of("deployments", "web"));
        assert_eq!(split("deploy/web", Some("deployments.apps")), of("deployments", "web"));
        assert_eq!(split("pod/web", Some("deploy")), Err(Code::InvalidArgument));
        let long = "x".repeat(300);
        for bad in ["", " ", "pod/", "a\nb", "pod/a/b", &long] {
            assert_eq!(split(bad, None), Err(Code::InvalidArgument), "{bad:?}");
        }
        assert_eq!(split("nosuch/web", None), Err(Code::NotFound));
    }
}
