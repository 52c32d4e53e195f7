//! Which logs of a pod are read, and what its containers' states say of them.

use jiff::Timestamp;
use serde_json::Value;
use shared::{Untrusted, kubernetes::age};

/// The most logs that are read at once for one answer.
pub const SOURCES_MAX: usize = 120;
/// How long after a crash the log of the run before is read unasked, in seconds.
const LATELY: i64 = 3_600;
/// The most characters of a message.
const MESSAGE: usize = 240;
/// The annotation that says which container is the main one.
const DEFAULT: &str = "kubectl.kubernetes.io/default-container";

/// Which containers are meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which<'a> {
    /// The main one, and those that are in trouble.
    Usual,
    /// One by its name.
    One(&'a str),
    /// All.
    All,
}

/// One log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// The pod.
    pub pod: String,
    /// The container in it.
    pub container: String,
    /// Whether it is of the run before the last restart.
    pub previous: bool,
}

impl Source {
    /// `web-1/app`, `web-1/app (previous run)`.
    pub fn shown(&self) -> String {
        format!("{}/{}{}", self.pod, self.container, if self.previous { " (previous run)" } else { "" })
    }
}

/// What a container's state says of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// The containers of which it is true, as `pod/container`.
    pub of: Vec<String>,
    /// What is true of them.
    pub text: Untrusted,
}

/// What is to be read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// The logs.
    pub sources: Vec<Source>,
    /// Logs beyond [`SOURCES_MAX`].
    pub beyond: usize,
    /// What the states of the containers say.
    pub notes: Vec<Note>,
    /// Names of containers that are not read.
    pub passed_over: Vec<String>,
    /// Names of all containers.
    pub names: Vec<String>,
}

/// How a run ended.
struct End<'a> {
    code: Option<i64>,
    signal: i64,
    reason: &'a str,
    finished: Option<Timestamp>,
}

impl<'a> End<'a> {
    fn read(terminated: &'a Value) -> Self {
        let number = |field: &str| terminated.get(field).and_then(Value::as_i64);
        Self {
            code: number("exitCode"),
            signal: number("signal").unwrap_or_default(),
            reason: text(terminated, "reason"),
            finished: text(terminated, "finishedAt").parse().ok(),
        }
    }

    fn failed(&self) -> bool {
        self.code != Some(0) || self.signal != 0
    }

    fn shown(&self) -> String {
        let mut shown = match self.code {
            Some(code) => format!("exit code {code}"),
            None => String::from("an unknown exit code"),
        };
        // What a shell makes of a signal.
        let signal = if self.signal > 0 { self.signal } else { self.code.unwrap_or_default().saturating_sub(128) };
        if let Some(name) = [(6, "SIGABRT"), (7, "SIGBUS"), (9, "SIGKILL"), (11, "SIGSEGV"), (15, "SIGTERM")]
            .iter()
            .find_map(|(number, name)| (*number == signal).then_some(name))
        {
            shown = format!("{shown} ({name})");
        }
        if !matches!(self.reason, "" | "Error") {
            shown = format!("{shown}, {}", self.reason);
        }
        shown
    }
}

/// The state of a container.
struct State<'a> {
    waiting: Option<&'a Value>,
    running: bool,
    ended: Option<End<'a>>,
    last: Option<End<'a>>,
    restarts: i64,
}

impl<'a> State<'a> {
    fn read(status: &'a Value) -> Self {
        let part = |path: &str| status.pointer(path).filter(|state| state.is_object());
        Self {
            waiting: part("/state/waiting"),
            running: part("/state/running").is_some(),
            ended: part("/state/terminated").map(End::read),
            last: part("/lastState/terminated").map(End::read),
            restarts: status.get("restartCount").and_then(Value::as_i64).unwrap_or_default(),
        }
    }

    /// Whether the run before failed not long ago.
    fn crashed(&self, now: Timestamp) -> bool {
        self.last.as_ref().is_some_and(|last| {
            let ago = last.finished.map_or(0, |finished| now.as_second().saturating_sub(finished.as_second()));
            last.failed() && ago <= LATELY
        })
    }

    /// Whether something is wrong with it that its log may explain.
    fn troubled(&self, now: Timestamp) -> bool {
        let kept = self
            .waiting
            .is_some_and(|waiting| !matches!(text(waiting, "reason"), "PodInitializing" | "ContainerCreating"));
        kept || self.crashed(now) || self.ended.as_ref().is_some_and(End::failed)
    }

    /// What is worth saying of it.
    fn note(&self, now: Timestamp) -> Option<String> {
        let ago = |end: &End<'_>| {
            end.finished.map(|finished| format!(" {} ago", age::shown(finished, now))).unwrap_or_default()
        };
        let mut parts = Vec::new();
        if let Some(waiting) = self.waiting {
            let (reason, message) = (text(waiting, "reason"), text(waiting, "message"));
            let reason = if reason.is_empty() { "no reason given" } else { reason };
            // Of a crash loop it says only how long it still waits.
            parts.push(if message.is_empty() || reason == "CrashLoopBackOff" {
                format!("waiting: {reason}")
            } else {
                format!("waiting: {reason}: {}", clipped(message))
            });
        }
        if let Some(end) = self.ended.as_ref().filter(|end| end.failed()) {
            parts.push(format!("ended with {}{}", end.shown(), ago(end)));
        }
        match &self.last {
            Some(last) if last.failed() && self.running => {
                parts.push(format!("running; the run before ended with {}{}", last.shown(), ago(last)));
            }
            Some(last) if !self.running => {
                parts.push(format!("the run before ended with {}{}", last.shown(), ago(last)))
            }
            _ => {}
        }
        if !parts.is_empty() && self.restarts > 0 {
            parts.push(format!("{} restart{}", self.restarts, if self.restarts == 1 { "" } else { "s" }));
        }
        (!parts.is_empty()).then(|| parts.join("; "))
    }
}

/// What is to be read of `pods`. `previous`: the run before the last restart, and only that.
pub fn plan(pods: &[Value], which: Which<'_>, previous: bool, now: Timestamp) -> Plan {
    let mut plan = Plan::default();
    for pod in pods {
        of_pod(pod, which, previous, now, &mut plan);
    }
    plan.beyond = plan.sources.len().saturating_sub(SOURCES_MAX);
    plan.sources.truncate(SOURCES_MAX);
    plan.passed_over.retain(|name| !plan.sources.iter().any(|source| source.container == *name));
    plan
}

fn of_pod(pod: &Value, which: Which<'_>, previous: bool, now: Timestamp, plan: &mut Plan) {
    let pod_name = pod.pointer("/metadata/name").and_then(Value::as_str).unwrap_or_default();
    let main = pod.get("metadata").and_then(|metadata| metadata.get("annotations")?.get(DEFAULT)?.as_str());
    let containers = || {
        let of = |field: &'static str| each(pod, "spec", field).map(move |container| (field, container));
        of("initContainers").chain(of("containers")).chain(of("ephemeralContainers"))
    };
    let first = || each(pod, "spec", "containers").next().map(|container| text(container, "name"));
    let exists = |name: &&str| containers().any(|(_, container)| text(container, "name") == *name);
    let main = main.filter(exists).or_else(first).unwrap_or_default();
    let waits = unscheduled(pod);
    if let Some(why) = &waits {
        plan.note(pod_name.to_owned(), why);
    }
    for (field, container) in containers() {
        let name = text(container, "name");
        add(&mut plan.names, name);
        let statuses = ["initContainerStatuses", "containerStatuses", "ephemeralContainerStatuses"];
        let of_name = |status: &&Value| text(status, "name") == name;
        let status = statuses.iter().find_map(|list| each(pod, "status", list).find(of_name));
        let state = State::read(status.unwrap_or(&Value::Null));
        // One that goes on beside the others is a sidecar.
        let starts = field == "initContainers" && state.running && text(container, "restartPolicy") != "Always";
        let wanted = match which {
            Which::All => true,
            Which::One(wanted) => name == wanted,
            Which::Usual => name == main || starts || state.troubled(now),
        };
        if !wanted {
            add(&mut plan.passed_over, name);
            continue;
        }
        let of = format!("{pod_name}/{name}");
        let note = state.note(now);
        if let Some(note) = &note {
            plan.note(of.clone(), note);
        }
        let source = |previous| Source { pod: pod_name.to_owned(), container: name.to_owned(), previous };
        let current = state.running || state.ended.is_some();
        match (previous, state.last.is_some()) {
            (true, true) => plan.sources.push(source(true)),
            (true, false) => plan.note(of, "has no run before this one"),
            (false, last) => {
                // While it waits, its log is that of the run before; by this name it stays so if it is started meanwhile.
                if last && (!current || state.running && state.crashed(now)) {
                    plan.sources.push(source(true));
                }
                if current {
                    plan.sources.push(source(false));
                } else if !last && note.is_none() && waits.is_none() {
                    plan.note(of, "has not been started, so that there is no log");
                }
            }
        }
    }
}

impl Plan {
    /// What is true of several containers is said once.
    fn note(&mut self, of: String, text: &str) {
        let text = Untrusted::line(text);
        match self.notes.iter_mut().find(|note| note.text == text) {
            Some(note) => note.of.push(of),
            None => self.notes.push(Note { of: vec![of], text }),
        }
    }
}

/// Why no node has taken the pod.
fn unscheduled(pod: &Value) -> Option<String> {
    let condition = each(pod, "status", "conditions")
        .find(|condition| text(condition, "type") == "PodScheduled" && text(condition, "status") == "False")?;
    Some(format!("not on a node: {}: {}", text(condition, "reason"), clipped(text(condition, "message"))))
}

fn text<'v>(value: &'v Value, field: &str) -> &'v str {
    value.get(field).and_then(Value::as_str).unwrap_or_default()
}

fn each<'v>(object: &'v Value, part: &str, list: &str) -> impl Iterator<Item = &'v Value> {
    object.get(part).and_then(|part| part.get(list)).and_then(Value::as_array).into_iter().flatten()
}

fn add(names: &mut Vec<String>, name: &str) {
    if !names.iter().any(|known| known == name) {
        names.push(name.to_owned());
    }
}

/// The beginning and the end of a long message: it begins with what was attempted, and ends with why it failed.
fn clipped(message: &str) -> String {
    let half = |(at, _): (usize, char)| at;
    let (head, tail) =
        (message.char_indices().nth(MESSAGE / 2).map(half), message.char_indices().nth_back(MESSAGE / 2 - 1).map(half));
    match (head, tail) {
        (Some(head), Some(tail)) if head < tail => {
            format!("{} … {}", message.get(..head).unwrap_or_default(), message.get(tail..).unwrap_or_default())
        }
        _ => message.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn shown(pods: &[Value], which: Which<'_>, previous: bool) -> String {
        let plan = plan(pods, which, previous, "2026-01-31T08:00:00Z".parse().unwrap());
        let mut shown: Vec<String> = plan.sources.iter().map(Source::shown).collect();
        for note in &plan.notes {
            shown.push(format!("[{}: {}]", note.of.join(" "), note.text.quoted().to_string().replace('`', "")));
        }
        if !plan.passed_over.is_empty() {
            shown.push(format!("not {}", plan.passed_over.join(" ")));
        }
        shown.join(" + ")
    }

    fn pod(containers: &[&str], statuses: Value) -> Value {
        let containers: Vec<Value> = containers.iter().map(|name| json!({ "name": name })).collect();
        json!({"metadata": {"name": "p"}, "spec": {"containers": containers}, "status": {"containerStatuses": statuses}})
    }

    #[test]
    fn the_states_decide_what_is_read() {
        let running = json!({"running": {}});
        let ended = |code: i64, reason: &str, at: &str| json!({"terminated": {"exitCode": code, "reason": reason, "finishedAt": at}});
        let status = |name: &str, state: &Value, last: &Value, restarts: i64| json!({"name": name, "state": state, "lastState": last, "restartCount": restarts});
        let crash_loop = json!({"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 5m0s"}});
        for (pod, expected) in [
            (pod(&["a"], json!([status("a", &running, &Value::Null, 0)])), "p/a"),
            (
                pod(
                    &["a", "b"],
                    json!([status("a", &running, &Value::Null, 0), status("b", &running, &Value::Null, 0)]),
                ),
                "p/a + not b",
            ),
            (
                pod(&["a"], json!([status("a", &crash_loop, &ended(3, "Error", "2026-01-31T07:59:00Z"), 5)])),
                "p/a (previous run) + [p/a: waiting: CrashLoopBackOff; the run before ended with exit code 3 60s ago; 5 restarts]",
            ),
            (
                pod(
                    &["a", "b"],
                    json!([
                        status("a", &running, &Value::Null, 0),
                        status("b", &running, &ended(137, "OOMKilled", "2026-01-31T07:50:00Z"), 1)
                    ]),
                ),
                "p/a + p/b (previous run) + p/b + [p/b: running; the run before ended with exit code 137 (SIGKILL), OOMKilled 10m ago; 1 restart]",
            ),
            // A crash of yesterday is said; its log is to be asked for.
            (
                pod(&["a"], json!([status("a", &running, &ended(1, "Error", "2026-01-30T07:50:00Z"), 1)])),
                "p/a + [p/a: running; the run before ended with exit code 1 24h ago; 1 restart]",
            ),
            (
                pod(
                    &["a"],
                    json!([status(
                        "a",
                        &json!({"waiting": {"reason": "ImagePullBackOff", "message": "no such image"}}),
                        &Value::Null,
                        0
                    )]),
                ),
                "[p/a: waiting: ImagePullBackOff: no such image]",
            ),
            (pod(&["a"], json!([status("a", &ended(0, "Completed", ""), &Value::Null, 0)])), "p/a"),
            (
                pod(&["a"], json!([status("a", &ended(1, "Error", ""), &Value::Null, 0)])),
                "p/a + [p/a: ended with exit code 1]",
            ),
            (pod(&["a"], json!(null)), "[p/a: has not been started, so that there is no log]"),
            (json!({}), ""),
            (
                json!({"metadata": 1, "spec": {"containers": [1, {"name": 2}]}, "status": []}),
                "[/ /: has not been started, so that there is no log]",
            ),
        ] {
            assert_eq!(shown(std::slice::from_ref(&pod), Which::Usual, false), expected, "{pod}");
        }
    }

    #[test]
    fn of_a_long_message_the_cause_is_kept() {
        assert_eq!(clipped("short"), "short");
        assert_eq!(clipped(&"ä".repeat(MESSAGE)), "ä".repeat(MESSAGE));
        let long = format!("failed to pull image: {}: connection refused", "ä".repeat(1_000));
        let kept = clipped(&long);
        assert!(kept.starts_with("failed to pull") && kept.ends_with(": connection refused"), "{kept}");
        assert_eq!(kept.chars().count(), MESSAGE + 3);
    }

    #[test]
    fn containers_are_chosen() {
        let mut pod = pod(
            &["a", "b"],
            json!([{"name": "a", "state": {"running": {}}}, {"name": "b", "state": {"running": {}}, "lastState": {"terminated": {"exitCode": 0}}}]),
        );
        assert_eq!(shown(&[pod.clone()], Which::All, false), "p/a + p/b");
        assert_eq!(shown(&[pod.clone()], Which::One("b"), false), "p/b + not a");
        assert_eq!(shown(&[pod.clone()], Which::One("b"), true), "p/b (previous run) + not a");
        assert_eq!(shown(&[pod.clone()], Which::All, true), "p/b (previous run) + [p/a: has no run before this one]");
        pod["metadata"]["annotations"] = json!({DEFAULT: "b"});
        assert_eq!(shown(&[pod.clone()], Which::Usual, false), "p/b + not a");
        pod["metadata"]["annotations"] = json!({DEFAULT: "gone"});
        assert_eq!(shown(&[pod], Which::Usual, false), "p/a + not b");
    }

    #[test]
    fn what_starts_before_the_others_is_read_while_they_wait() {
        let pod = json!({"metadata": {"name": "p"},
            "spec": {"initContainers": [{"name": "done"}, {"name": "i"}, {"name": "side", "restartPolicy": "Always"}], "containers": [{"name": "a"}]},
            "status": {"initContainerStatuses": [{"name": "done", "state": {"terminated": {"exitCode": 0}}}, {"name": "i", "state": {"running": {}}}, {"name": "side", "state": {"running": {}}}],
                "containerStatuses": [{"name": "a", "state": {"waiting": {"reason": "PodInitializing"}}}]}});
        assert_eq!(shown(&[pod], Which::Usual, false), "p/i + [p/a: waiting: PodInitializing] + not done side");
        let pending = json!({"metadata": {"name": "p"}, "spec": {"containers": [{"name": "a"}]},
            "status": {"conditions": [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/1 nodes"}]}});
        assert_eq!(shown(&[pending], Which::Usual, false), "[p: not on a node: Unschedulable: 0/1 nodes]");
    }

    #[test]
    fn many_are_bounded_and_alike_ones_said_once() {
        let pods: Vec<Value> = (0..200)
            .map(|n| json!({"metadata": {"name": format!("p{n}")}, "spec": {"containers": [{"name": "a"}]}, "status": {"containerStatuses": [{"name": "a", "state": {"terminated": {"exitCode": 9}}}]}}))
            .collect();
        let plan = plan(&pods, Which::Usual, false, Timestamp::UNIX_EPOCH);
        assert_eq!(
            (plan.sources.len(), plan.beyond, plan.notes.len(), plan.notes[0].of.len()),
            (SOURCES_MAX, 80, 1, 200)
        );
    }
}
