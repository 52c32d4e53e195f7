//! `kubectl_events`: what happened, the newest last.

use std::{borrow::Cow, cmp::Reverse, collections::BinaryHeap, sync::Arc};

use jiff::Timestamp;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize, Serializer};
use serde_json::{Value, json};
use shared::{
    Annotations, Answer, Call, List, Read, Result, Text, Tool, ToolError, Untrusted,
    exec::{Argv, Capture},
    kubernetes::age,
};

use crate::{
    Kubectl, argv,
    items::{self, Items},
    resource::Resource,
    run::Request,
    scope::{Namespace, Place, Reach, Scope},
};

/// The most events that are kept: the newest, more than the largest answer shows.
const KEPT: usize = 2000;
/// The most bytes of a word or a message that are kept: the API server lets some be as long as an object.
const WORDS: usize = 4 << 10;

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
        let kind = match &of {
            Some(of) => server.kind_of(of, &scope, &call).await?,
            None => String::new(),
        };
        let (mut newest, now) = (Newest::default(), Timestamp::now());
        let all = *scope.namespace() == Namespace::All;
        let mut items = Items::new(|value| {
            if of.as_ref().is_none_or(|of| is_of(&value, &kind, of)) {
                newest.see(last_seen(&value), |last| Event::new(&value, last, now, all));
            }
        });
        let request = Request::new(argv(&params, &scope, of.as_ref())?, &scope)
            .stdout(Capture::lines(items::LINE_MAX, |line| items.line(line)));
        let done = server.run(request, &call).await?;
        items.finish()?;
        let (total, events) = (newest.total, newest.finish());
        let empty = if total == 0 {
            let what = of.map_or_else(|| String::from("events"), |of| format!("events of {}", of.shown()));
            Some(server.nothing(&what, params.types.is_some(), &scope, &done.place, &call).await?)
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

/// Whether the event is about an object of `kind` and of the name in `of`.
fn is_of(event: &Value, kind: &str, of: &Resource) -> bool {
    let text = |path: &str| event.pointer(path).and_then(Value::as_str).unwrap_or_default();
    of.name() == Some(text("/involvedObject/name")) && text("/involvedObject/kind").to_lowercase() == kind
}

/// When an event was last seen.
fn last_seen(event: &Value) -> Timestamp {
    let time = |path: &str| event.pointer(path).and_then(Value::as_str).and_then(|text| text.parse().ok());
    let places =
        ["/series/lastObservedTime", "/lastTimestamp", "/eventTime", "/firstTimestamp", "/metadata/creationTimestamp"];
    places.iter().find_map(|place| time(place)).unwrap_or(Timestamp::UNIX_EPOCH)
}

impl Event {
    /// What is shown of an event that was last seen at `last`; the namespace too where `all` are looked into.
    fn new(event: &Value, last: Timestamp, now: Timestamp, all: bool) -> Self {
        let plain = |path: &str| event.pointer(path).and_then(Value::as_str).unwrap_or_default();
        let text = |path: &str| words(plain(path));
        let number = |path: &str| event.pointer(path).and_then(Value::as_u64);
        let count = number("/series/count").or_else(|| number("/count")).unwrap_or(1).max(1);
        let first: Option<Timestamp> = plain("/firstTimestamp").parse().ok();
        let kind = plain("/involvedObject/kind").to_lowercase();
        Self {
            last_seen: last.to_string(),
            age: age::shown(last, now),
            count,
            since: first.filter(|_| count > 1).map(|first| age::shown(first, now)),
            r#type: text("/type"),
            reason: text("/reason"),
            namespace: all.then(|| text("/metadata/namespace")),
            object: words(&format!("{kind}/{}", plain("/involvedObject/name"))),
            message: words(plain("/message").trim()),
        }
    }
}

/// `text`, or its beginning.
fn words(text: &str) -> Untrusted {
    let (start, rest) = text.split_at(text.floor_char_boundary(WORDS));
    if rest.is_empty() {
        return Untrusted::line(text);
    }
    Untrusted::line(&format!("{start}…(+{} bytes)", rest.len()))
}

/// The newest of events that pass by in any order.
#[derive(Default)]
struct Newest {
    kept: BinaryHeap<Reverse<Dated>>,
    total: u64,
}

impl Newest {
    /// Takes an event that was last seen at `last`; what is shown of it is only made where it is one of the newest.
    fn see(&mut self, last: Timestamp, event: impl FnOnce(Timestamp) -> Event) {
        self.total += 1;
        let place = (last, self.total);
        if self.kept.len() >= KEPT {
            if self.kept.peek().is_some_and(|Reverse(oldest)| oldest.place > place) {
                return;
            }
            self.kept.pop();
        }
        self.kept.push(Reverse(Dated { place, event: event(last) }));
    }

    /// The oldest of them first.
    fn finish(self) -> Vec<Event> {
        // The order of what is reversed: the newest comes first.
        self.kept.into_sorted_vec().into_iter().rev().map(|Reverse(dated)| dated.event).collect()
    }
}

/// An event and its place among others: its time, and for those of one second their number.
#[derive(Debug)]
struct Dated {
    place: (Timestamp, u64),
    event: Event,
}

impl PartialEq for Dated {
    fn eq(&self, other: &Self) -> bool {
        self.place == other.place
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
        self.place.cmp(&other.place)
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
        // What means something in a selector is part of the name.
        let of = object("pod/a=b").unwrap();
        let params: Params = serde_json::from_value(json!({})).unwrap();
        let escaped = words(&argv(&params, &Scope::new(None, None, false).unwrap(), Some(&of)).unwrap());
        assert_eq!(escaped.last().unwrap(), "--field-selector=involvedObject.name=a\\=b");
        for of in ["pods", "a/b/c", "-x/y", "pod/a,involvedObject.kind=Node"] {
            assert!(object(of).is_err(), "{of}");
        }
    }

    #[test]
    fn the_newest_are_kept_and_all_are_counted() {
        let mut newest = Newest::default();
        let start: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
        for second in (0..KEPT as i64 + 10).rev() {
            let last = start + jiff::SignedDuration::from_secs(second);
            newest.see(last, |last| Event::new(&json!({}), last, last, false));
        }
        assert_eq!(newest.total, KEPT as u64 + 10);
        let kept = newest.finish();
        assert_eq!((kept.len(), kept[0].last_seen.as_str()), (KEPT, "2026-01-01T00:00:10Z"));
    }

    #[test]
    fn only_events_of_that_object_count() {
        let event = json!({"involvedObject": {"kind": "Ingress", "name": "a"}});
        for (kind, of, expected) in [
            ("ingress", "ing/a", true),
            ("ingress", "ingresses.networking.k8s.io/a", true),
            ("pod", "pod/a", false),
            ("ingress", "ingress/b", false),
        ] {
            assert_eq!(is_of(&event, kind, &object(of).unwrap()), expected, "{of}");
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
        let shown = Event::new(&event, last_seen(&event), now, false);
        assert_eq!((shown.age.as_str(), shown.count, shown.since.as_deref()), ("5m", 12, Some("60m")));
        let newer = json!({"eventTime": "2026-01-01T00:56:00.123456Z", "lastTimestamp": null});
        assert!(last_seen(&event) < last_seen(&newer));
    }

    #[test]
    fn a_message_as_long_as_an_object_is_cut_and_said() {
        let event = json!({"message": "é".repeat(WORDS)});
        let shown = serde_json::to_value(Event::new(&event, Timestamp::UNIX_EPOCH, Timestamp::now(), false)).unwrap();
        assert_eq!(shown["message"], format!("{}…(+{WORDS} bytes)", "é".repeat(WORDS / 2)));
    }
}
