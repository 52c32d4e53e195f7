//! `kube_inspect`: one object in full, with what happened to it and what hangs on it.

use std::sync::Arc;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use shared::{Annotations, Answer, Call, Code, Lines, List, Read, Result, Text, Tool, Untrusted, kubernetes::mask};

use crate::{
    Explore,
    cluster::Cluster,
    field::text as field,
    inspect::{self, containers, events, manager, related::related, spec, tail},
    kinds::{self, Kinds},
    path::Path,
    scope::{self, Place},
    target::{Named, Target, others},
    tools::topology::around,
    unread::{self, Unread},
};

/// How many owners are followed upwards.
const OWNERS_MAX: usize = 6;
/// How many lines of a container's log are shown.
const LOG_LINES: &str = "12";
/// The most bytes of them that are read.
const LOG_BYTES: &str = "16384";
/// How far related objects are looked for.
const NEAR: usize = 3;

/// The tool.
pub struct Inspect;

/// Parameters.
#[derive(Deserialize, JsonSchema)]
pub struct Params {
    /// Name or part of it; `deploy/web`.
    name: String,
    /// Kind.
    kind: Option<String>,
    /// Default: any.
    namespace: Option<String>,
    /// Kubeconfig context.
    context: Option<String>,
}

/// The answer.
#[derive(Serialize, JsonSchema)]
pub struct Inspected {
    /// Where it is.
    scope: Place,
    /// `deployment/web`.
    object: Untrusted,
    /// Its API version and kind.
    kind: Untrusted,
    /// Its age.
    #[serde(skip_serializing_if = "Option::is_none")]
    age: Option<String>,
    /// Since when it is being deleted.
    #[serde(skip_serializing_if = "Option::is_none")]
    terminating: Option<String>,
    /// Who manages it from outside of the cluster.
    #[serde(skip_serializing_if = "Option::is_none")]
    manager: Option<Untrusted>,
    /// Its owners, the nearest first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    owners: Vec<Untrusted>,
    /// What else the name could have meant.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    others: Vec<Untrusted>,
    /// How it is.
    status: Lines,
    /// What happened to it.
    events: Lines,
    /// What its containers wrote last.
    logs: Lines,
    /// What hangs on it.
    related: Lines,
    /// What it is made of.
    spec: Lines,
    /// What could not be looked at.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    unread: Vec<Unread>,
}

impl Answer for Inspected {
    fn text(&self, text: &mut Text<'_>) {
        let age = self.age.as_deref().map(|age| format!(", {age} old")).unwrap_or_default();
        text.line(format_args!("{}: {} ({}{age})", self.scope.shown(), self.object.quoted(), self.kind.quoted()));
        others(&self.others, text);
        if let Some(since) = &self.terminating {
            text.line(format_args!("being deleted for {since}"));
        }
        if let Some(manager) = &self.manager {
            text.line(format_args!("managed by {}: what is changed here is changed back", manager.quoted()));
        }
        if !self.owners.is_empty() {
            let owners: Vec<String> = self.owners.iter().map(|owner| owner.quoted().to_string()).collect();
            text.line(format_args!("owned by {}", owners.join(", owned by ")));
        }
        for (title, lines) in [
            ("status:", &self.status),
            ("events:", &self.events),
            ("last lines of the log:", &self.logs),
            ("related:", &self.related),
            ("made of:", &self.spec),
        ] {
            if !lines.is_empty() {
                text.line(title);
                text.lines(lines);
            }
        }
        unread::write(&self.unread, text);
    }

    fn lists(&mut self) -> Vec<&mut dyn List> {
        vec![&mut self.status, &mut self.events, &mut self.logs, &mut self.related, &mut self.spec]
    }
}

impl Tool for Inspect {
    const NAME: &'static str = "kube_inspect";
    const TITLE: &'static str = "Inspect an object";
    const DESCRIPTION: &'static str =
        "One object in full: status, conditions, containers, owners, events, log lines, related objects, spec.";
    const EXAMPLE: &'static str = "name=web-7f";
    const ANNOTATIONS: Annotations = Annotations::READ_REMOTE;
    const ALIASES: &'static [(&'static str, &'static str)] = &[("ns", "namespace"), ("resource", "name")];

    type Access = Read;
    type Server = Explore;
    type Params = Params;
    type Output = Inspected;

    async fn run(_: Arc<Explore>, params: Params, call: Call) -> Result<Inspected> {
        let namespace = scope::namespace(params.namespace.as_deref())?;
        let cluster = Cluster::connect(params.context.as_deref(), &call).await?;
        let named = Named { name: &params.name, kind: params.kind.as_deref(), namespace };
        let served = cluster.kinds().await?;
        let mut target = cluster.target(&named, &served, None).await?;
        mask::clean(&mut target.object);
        let answer = inspected(&cluster, &target, &served, Timestamp::now()).await;
        call.check()?;
        answer
    }
}

async fn inspected(cluster: &Cluster, target: &Target, served: &Kinds, now: Timestamp) -> Result<Inspected> {
    let object = &target.object;
    let mut unread = target.unread.clone();
    let (owners, happened, logs, graph) = futures_util::join!(
        owners(cluster, target, served),
        happened(cluster, target, now),
        logs(cluster, target),
        around(cluster, target, served, NEAR),
    );
    let happened = happened.unwrap_or_else(|missed| {
        unread.push(missed);
        Vec::new()
    });
    let (logs, silent) = logs;
    unread.extend(silent);
    let (graph, id, blind) = graph;
    let related = related(&graph, &id);
    unread.extend(blind);
    unread.sort();
    unread.dedup();

    let mut status = inspect::conditions(object, now);
    if target.kind.plural == "pods" && target.kind.group.is_empty() {
        let phase = format!("{} {}", field(object, "/status/phase"), field(object, "/status/reason"));
        status.insert(0, phase.trim().to_owned());
        status.extend(containers::lines(object, now));
        let message = field(object, "/status/message");
        if !message.is_empty() {
            status.push(inspect::cut(message, 300));
        }
    } else {
        status.extend(numbers(object));
        status.extend(used(object));
    }
    // What says nothing of itself is as what hangs on it shows: a service that no pod answers for.
    if status.is_empty() {
        let note = graph.nodes.iter().find(|node| node.id == id).map(|node| node.note.clone());
        status.extend(note.filter(|note| !note.is_empty() && note != field(object, "/spec/type")));
    }
    let (mut made, more) = spec::lines(object);
    if more > 0 {
        made.push(format!("and {more} more fields"));
    }
    let lines = |lines: &[String]| Lines::all("lines", lines.join("\n").as_bytes());
    Ok(Inspected {
        scope: cluster.place(target.namespace.as_deref()),
        object: Untrusted::line(&target.shown()),
        kind: Untrusted::line(&format!("{} {}", target.kind.api_version(), target.kind.kind)),
        age: inspect::ago(object, "/metadata/creationTimestamp", now),
        terminating: inspect::ago(object, "/metadata/deletionTimestamp", now),
        manager: manager::of(object).as_deref().map(Untrusted::line),
        owners: owners.iter().map(|owner| Untrusted::line(owner)).collect(),
        others: target.others.iter().map(|other| Untrusted::line(other)).collect(),
        status: lines(&status),
        events: lines(&happened),
        logs: Lines::all("lines", &logs),
        related: lines(&related),
        spec: lines(&made),
        unread,
    })
}

/// The numbers and words of a status that are no conditions.
fn numbers(object: &Value) -> Vec<String> {
    let status = object.get("status").and_then(Value::as_object).into_iter().flatten();
    let mut words = Vec::new();
    for (name, value) in status.filter(|(name, _)| *name != "observedGeneration") {
        match value {
            Value::Number(number) => words.push(format!("{name} {number}")),
            Value::Bool(value) => words.push(format!("{name} {value}")),
            Value::String(text) => words.push(format!("{name} {}", inspect::cut(text, 120))),
            Value::Array(_) | Value::Object(_) | Value::Null => {}
        }
    }
    let observed = object.pointer("/status/observedGeneration").and_then(Value::as_i64);
    let wanted = object.pointer("/metadata/generation").and_then(Value::as_i64);
    if let (Some(observed), Some(wanted)) = (observed, wanted)
        && observed < wanted
    {
        words.push(format!("its controller has not seen the newest change yet (generation {observed} of {wanted})"));
    }
    if words.is_empty() { Vec::new() } else { vec![words.join(", ")] }
}

/// What of a quota is used.
fn used(object: &Value) -> Vec<String> {
    let part = |name: &str| object.pointer(&format!("/status/{name}")).and_then(Value::as_object);
    let (Some(hard), Some(used)) = (part("hard"), part("used")) else { return Vec::new() };
    let quantity = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let line = |(name, most): (&String, &Value)| {
        Some(format!("{name}: {} of {} used", quantity(used.get(name)?), quantity(most)))
    };
    hard.iter().filter_map(line).collect()
}

/// The owners upwards, as far as they can be read.
async fn owners(cluster: &Cluster, target: &Target, served: &Kinds) -> Vec<String> {
    let mut owners = Vec::new();
    let mut object = target.object.clone();
    while let Some((version, kind, name)) = manager::controller(&object).filter(|_| owners.len() < OWNERS_MAX) {
        let shown = format!("{}/{name}", kind.to_lowercase());
        if owners.contains(&shown) {
            break;
        }
        owners.push(shown);
        let Some(kind) = served.of(version, kind) else { break };
        match cluster.object(&Path::object(kind, target.namespace.as_deref(), name)).await {
            Ok(owner) => object = owner,
            Err(failure) => {
                if failure.code == Code::NotFound
                    && let Some(last) = owners.last_mut()
                {
                    last.push_str(" (gone)");
                }
                break;
            }
        }
    }
    if let Some(manager) = manager::of(&object).filter(|_| !owners.is_empty()) {
        owners.push(manager);
    }
    owners
}

/// The events of that very object: one that had its name before has another uid.
async fn happened(cluster: &Cluster, target: &Target, now: Timestamp) -> Result<Vec<String>, Unread> {
    let uid = field(&target.object, "/metadata/uid");
    if uid.is_empty() {
        return Ok(Vec::new());
    }
    let of = format!("involvedObject.uid={uid}");
    let namespace = target.namespace.as_deref().unwrap_or("default");
    let listed = cluster
        .objects(&kinds::events(), Some(namespace), Some(&of), None, |event| Some(events::Event::read(&event)))
        .await;
    if let Some(missed) = listed.unread.into_iter().next() {
        return Err(missed);
    }
    Ok(events::fold(listed.items).iter().map(|event| event.shown(now)).collect())
}

/// The last lines of the containers that are in trouble; of a pod that is well, of its first one.
async fn logs(cluster: &Cluster, target: &Target) -> (Vec<u8>, Vec<Unread>) {
    let (mut all, mut unread) = (Vec::new(), Vec::new());
    if target.kind.plural != "pods" || !target.kind.group.is_empty() {
        return (all, unread);
    }
    for (container, previous) in tail::wanted(&target.object) {
        let path = Path::object(&kinds::pods(), target.namespace.as_deref(), &target.name).segment("log");
        let path = path.query("container", &container).query("tailLines", LOG_LINES).query("limitBytes", LOG_BYTES);
        let path = if previous { path.query("previous", "true") } else { path };
        let which = if previous { ", before it began anew" } else { "" };
        match cluster.whole(&path, "*/*").await {
            Ok(log) if log.is_empty() => all.extend(format!("{container}{which}: nothing written\n").into_bytes()),
            Ok(log) => {
                all.extend(format!("{container}{which}:\n").into_bytes());
                all.extend(log);
                if all.last() != Some(&b'\n') {
                    all.push(b'\n');
                }
            }
            Err(failure) => unread.push(failure.unread(&format!("log of {container}"))),
        }
    }
    (all, unread)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_status_is_also_its_numbers() {
        let object = json!({"metadata": {"generation": 3}, "status": {"replicas": 2, "observedGeneration": 2, "phase": "Bound", "conditions": []}});
        assert_eq!(
            numbers(&object),
            ["phase Bound, replicas 2, its controller has not seen the newest change yet (generation 2 of 3)"]
        );
        assert!(numbers(&json!({})).is_empty());
        let quota = json!({"status": {"hard": {"pods": "2", "services": "5"}, "used": {"pods": "1"}}});
        assert_eq!(used(&quota), ["pods: 1 of 2 used"]);
        assert!(used(&json!({"status": {"hard": {"pods": "2"}}})).is_empty());
    }
}
