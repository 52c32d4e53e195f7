//! `kubectl_events`: what happened, the newest last.

use std::{borrow::Cow, cmp::Reverse, collections::BinaryHeap, sync::Arc};

use jiff::Timestamp;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize, Serializer};
use serde_json::{Value, json};
use shared::{
    Annotations, Answer, Call, List, Read, Result, Text, Tool, ToolError, Untrusted,
    exec::{Argv, Capture},
};

use crate::{
    Kubectl, age, argv,
    items::{self, Items},
    resource::Resource,
    run::Request,
    scope::{Place, Reach, Scope},
};

/// The most events that are kept: the newest, more than the largest answer shows.
const KEPT: usize = 2000;

/// The tool.
pub struct Events;

/// Parameters.
#[derive(Deserialize, JsonSchema)]
pub struct Params {
    /// Default: the context's own; `*` is all.
    namespace: Option<String>,
    /// Only of this object, as kind/name.
    r#for: Option<String>,
    /// Only of this type.
    types: Option<Kind>,
    /// Kubeconfig context.
    context: Option<String>,
}

#[derive(Clone, Copy, Deserialize, JsonSchema)]
enum Kind {
    Normal,
    Warning,
}

/// The answer.
#[derive(Serialize, JsonSchema)]
pub struct Happened {
    /// Where was looked.
    scope: Place,
    /// Why there is nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    empty: Option<String>,
    /// The events, the newest last.
    events: Latest,
}

/// One event, or one that was seen several times.
#[derive(Clone, Debug, Serialize, JsonSchema)]
struct Event {
    /// When it was last seen.
    last_seen: String,
    /// How long ago that is.
    age: String,
    /// How often it was seen.
    count: u64,
    /// How long ago it was first seen, if more than once.
    #[serde(skip_serializing_if = "Option::is_none")]
    since: Option<String>,
    /// Normal or Warning.
    r#type: Untrusted,
    /// In a word.
    reason: Untrusted,
    /// The namespace, where all were looked into.
    #[serde(skip_serializing_if = "Option::is_none")]
    namespace: Option<Untrusted>,
    /// Of what, as kind/name.
    object: Untrusted,
    /// In a sentence.
    message: Untrusted,
}

/// The newest events, of which the oldest are left out first.
#[derive(Clone, Debug, Default)]
struct Latest {
    /// The oldest first.
    events: Vec<Event>,
    total: u64,
    keep: usize,
}

impl Latest {
    fn shown(&self) -> &[Event] {
        self.events.get(self.events.len().saturating_sub(self.keep)..).unwrap_or_default()
    }
}

impl List for Latest {
    fn units(&self) -> usize {
        self.events.len()
    }

    fn keep(&mut self, units: usize) {
        self.keep = units;
    }
}

impl Serialize for Latest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let shown = self.shown();
        json!({ "items": shown, "total": self.total, "omitted": self.total - shown.len() as u64 }).serialize(serializer)
    }
}

impl JsonSchema for Latest {
    fn schema_name() -> Cow<'static, str> {
        "Latest".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "object",
            "properties": {
                "items": Vec::<Event>::json_schema(generator),
                "total": { "type": "integer", "description": "Events in all." },
                "omitted": { "type": "integer", "description": "Older events that are left out." },
            },
            "required": ["items", "total", "omitted"],
        })
    }
}

impl Answer for Happened {
    fn text(&self, text: &mut Text<'_>) {
        let shown = self.events.shown();
        let of = self.events.total;
        text.line(format_args!("{}: {of} events, newest last", self.scope.shown()));
        if let Some(empty) = &self.empty {
            text.line(empty);
            return;
        }
        let left = of - shown.len() as u64;
        if left > 0 {
            text.line(format_args!(
                "[{left} older ones left out; name an object with for, a type with types, or raise budget]"
            ));
        }
        for event in shown {
            text.framed(|inside| {
                let count = match (&event.since, event.count) {
                    (Some(since), count) => format!(" (x{count} over {since})"),
                    (None, 0 | 1) => String::new(),
                    (None, count) => format!(" (x{count})"),
                };
                let namespace = event.namespace.as_ref().map(|name| format!("{}/", name.inside(inside)));
                format!(
                    "{}{count} {} {} {}{}: {}\n",
                    event.age,
                    event.r#type.inside(inside),
                    event.reason.inside(inside),
                    namespace.unwrap_or_default(),
                    event.object.inside(inside),
                    event.message.inside(inside)
                )
            });
        }
    }

    fn lists(&mut self) -> Vec<&mut dyn List> {
        vec![&mut self.events]
    }
}

impl Tool for Events {
    const NAME: &'static str = "kubectl_events";
    const TITLE: &'static str = "List events";
    const DESCRIPTION: &'static str = "Events, newest last, repeated ones with their count.";
    const EXAMPLE: &'static str = "for=pod/web-0";
    const ANNOTATIONS: Annotations = Annotations::READ_REMOTE;
    const ALIASES: &'static [(&'static str, &'static str)] = &[("type", "types"), ("ns", "namespace")];

    type Access = Read;
    type Server = Kubectl;
    type Params = Params;
    type Output = Happened;

    async fn run(server: Arc<Kubectl>, params: Params, call: Call) -> Result<Happened> {
        let scope = Scope::new(params.context.as_deref(), params.namespace.as_deref(), false)?;
        let of = params.r#for.as_deref().filter(|of| !of.is_empty()).map(object).transpose()?;
        let mut newest: BinaryHeap<Reverse<Dated>> = BinaryHeap::new();
        let (mut total, now) = (0_u64, Timestamp::now());
        let mut items = Items::new(|value| {
            if of.as_ref().is_some_and(|of| !is_of(&value, of)) {
                return;
            }
            total += 1;
            newest.push(Reverse(Dated::new(value, total)));
            if newest.len() > KEPT {
                newest.pop();
            }
        });
        let request = Request::new(argv(&params, &scope, of.as_ref())?, &scope)
            .stdout(Capture::lines(items::LINE_MAX, |line| items.line(line)));
        let done = server.run(request, &call).await?;
        items.finish()?;
        let mut dated: Vec<Dated> = newest.into_iter().map(|Reverse(dated)| dated).collect();
        dated.sort();
        let all = done.place.all_namespaces;
        let events: Vec<Event> = dated.iter().map(|dated| dated.event(now, all)).collect();
        let empty = if total == 0 {
            Some(server.nothing("events", of.is_some() || params.types.is_some(), &scope, &done.place, &call).await?)
        } else {
            None
        };
        Ok(Happened { scope: done.place, empty, events: Latest { keep: events.len(), events, total } })
    }
}

/// What `for` names.
fn object(of: &str) -> Result<Resource> {
    let of = Resource::new(of, None)?;
    if of.name().is_none() {
        return Err(ToolError::invalid("for is not kind/name").hint("for example for=pod/web-0"));
    }
    Ok(of)
}

fn argv(params: &Params, scope: &Scope, of: Option<&Resource>) -> Result<Argv> {
    let argv = argv::verb("get", scope, Reach::All)?.literal("events").literal("--output=json");
    let mut fields = Vec::new();
    match params.types {
        Some(Kind::Normal) => fields.push(String::from("type=Normal")),
        Some(Kind::Warning) => fields.push(String::from("type=Warning")),
        None => {}
    }
    if let Some(name) = of.and_then(Resource::name) {
        // What means something in a selector is escaped in it.
        let name: String = name.chars().flat_map(|c| matches!(c, '=').then_some('\\').into_iter().chain([c])).collect();
        fields.push(format!("involvedObject.name={name}"));
    }
    let fields = fields.join(",");
    argv::optional(argv, "--field-selector", "for", Some(&fields))
}

/// Short names of kinds that have events.
const SHORT: &[(&str, &str)] = &[
    ("po", "pod"),
    ("deploy", "deployment"),
    ("rs", "replicaset"),
    ("sts", "statefulset"),
    ("ds", "daemonset"),
    ("svc", "service"),
    ("no", "node"),
    ("pvc", "persistentvolumeclaim"),
    ("pv", "persistentvolume"),
    ("cj", "cronjob"),
    ("ing", "ingress"),
    ("hpa", "horizontalpodautoscaler"),
    ("pdb", "poddisruptionbudget"),
    ("ns", "namespace"),
    ("cm", "configmap"),
    ("sa", "serviceaccount"),
    ("ep", "endpoints"),
    ("rc", "replicationcontroller"),
];

/// Whether the event is of that kind and name.
fn is_of(event: &Value, of: &Resource) -> bool {
    let text = |path: &str| event.pointer(path).and_then(Value::as_str).unwrap_or_default();
    let kind = text("/involvedObject/kind").to_lowercase();
    let asked = of.kind().unwrap_or_default().to_lowercase();
    let asked = asked.split('.').next().unwrap_or_default();
    let asked = SHORT.iter().find(|(short, _)| *short == asked).map_or(asked, |(_, long)| *long);
    let plural = [format!("{kind}s"), format!("{kind}es"), format!("{}ies", kind.trim_end_matches('y'))];
    of.name() == Some(text("/involvedObject/name")) && (kind == asked || plural.iter().any(|plural| plural == asked))
}

/// An event with its time; the number keeps the order of those of one second.
#[derive(Debug)]
struct Dated {
    last: Timestamp,
    number: u64,
    event: Value,
}

impl Dated {
    fn new(event: Value, number: u64) -> Self {
        let time = |path: &str| event.pointer(path).and_then(Value::as_str).and_then(|text| text.parse().ok());
        let places = [
            "/series/lastObservedTime",
            "/lastTimestamp",
            "/eventTime",
            "/firstTimestamp",
            "/metadata/creationTimestamp",
        ];
        let last = places.iter().find_map(|place| time(place)).unwrap_or(Timestamp::UNIX_EPOCH);
        Self { last, number, event }
    }

    fn event(&self, now: Timestamp, all: bool) -> Event {
        let text = |path: &str| Untrusted::line(self.event.pointer(path).and_then(Value::as_str).unwrap_or_default());
        let plain = |path: &str| self.event.pointer(path).and_then(Value::as_str).unwrap_or_default();
        let number = |path: &str| self.event.pointer(path).and_then(Value::as_u64);
        let count = number("/series/count").or_else(|| number("/count")).unwrap_or(1).max(1);
        let first: Option<Timestamp> = plain("/firstTimestamp").parse().ok();
        let kind = plain("/involvedObject/kind").to_lowercase();
        Event {
            last_seen: self.last.to_string(),
            age: age::shown(self.last, now),
            count,
            since: first.filter(|_| count > 1).map(|first| age::shown(first, now)),
            r#type: text("/type"),
            reason: text("/reason"),
            namespace: all.then(|| text("/metadata/namespace")),
            object: Untrusted::line(&format!("{kind}/{}", plain("/involvedObject/name"))),
            message: Untrusted::line(plain("/message").trim()),
        }
    }
}

impl PartialEq for Dated {
    fn eq(&self, other: &Self) -> bool {
        (self.last, self.number) == (other.last, other.number)
    }
}

impl Eq for Dated {}

impl PartialOrd for Dated {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Dated {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.last, self.number).cmp(&(other.last, other.number))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::argv::tests::words;

    #[test]
    fn its_arguments() {
        for (params, expected) in [
            (json!({}), "get events --output=json"),
            (
                json!({"namespace": "*", "for": "pod/web-0", "types": "Warning", "context": "c"}),
                "get --context=c --all-namespaces events --output=json --field-selector=type=Warning,involvedObject.name=web-0",
            ),
        ] {
            let params: Params = serde_json::from_value(params).unwrap();
            let scope = Scope::new(params.context.as_deref(), params.namespace.as_deref(), false).unwrap();
            let of = params.r#for.as_deref().map(object).transpose().unwrap();
            assert_eq!(words(&argv(&params, &scope, of.as_ref()).unwrap()).join(" "), expected);
        }
        for of in ["pods", "a/b/c", "-x/y", "pod/a,involvedObject.kind=Node"] {
            assert!(object(of).is_err(), "{of}");
        }
    }

    #[test]
    fn kinds_are_known_by_every_name() {
        let event = json!({"involvedObject": {"kind": "Ingress", "name": "a"}});
        for (of, expected) in [
            ("ingress/a", true),
            ("ing/a", true),
            ("Ingresses/a", true),
            ("ingresses.networking.k8s.io/a", true),
            ("pod/a", false),
            ("ingress/b", false),
        ] {
            assert_eq!(is_of(&event, &object(of).unwrap()), expected, "{of}");
        }
    }

    #[test]
    fn the_last_time_counts_and_counts_are_kept() {
        let now = "2026-01-01T01:00:00Z".parse().unwrap();
        let event = json!({
            "type": "Warning", "reason": "BackOff", "message": "back off\n", "count": 12,
            "firstTimestamp": "2026-01-01T00:00:00Z", "lastTimestamp": "2026-01-01T00:55:00Z",
            "involvedObject": {"kind": "Pod", "name": "a"}, "metadata": {"namespace": "n"}
        });
        let dated = Dated::new(event, 1);
        let shown = dated.event(now, false);
        assert_eq!((shown.age.as_str(), shown.count, shown.since.as_deref()), ("5m", 12, Some("60m")));
        let newer = Dated::new(json!({"eventTime": "2026-01-01T00:56:00.123456Z", "lastTimestamp": null}), 0);
        assert!(dated < newer);
    }
}
