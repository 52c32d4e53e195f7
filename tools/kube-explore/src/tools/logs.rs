//! `kube_logs`: what the logs of a pod or a workload say, errors first when there is much of it.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use shared::{Annotations, Answer, Call, Code, List, Read, Result, Text, Tool, ToolError, Untrusted};

use crate::{
    Explore,
    cluster::{Cluster, quoted},
    distil::Grep,
    logs::{self, Note, SOURCES_MAX, Since, View, Want, Which, named},
    scope::{self, Place},
    target::{Named, PODS_MAX},
    unread::{self, Unread},
};

/// Lines when the caller does not say.
const LINES: u32 = 100;
/// The most lines.
const LINES_MAX: u32 = 10_000;
/// How long logs may take to read.
const READ: Duration = Duration::from_secs(100);

/// The tool.
pub struct Logs;

/// Parameters.
#[derive(Deserialize, JsonSchema)]
pub struct Params {
    /// Pod or workload: (part of) a name, or kind/name.
    name: String,
    /// Its kind.
    kind: Option<String>,
    /// Default: any.
    namespace: Option<String>,
    /// Default: the main one and those in trouble.
    container: Option<String>,
    /// Init ones, too.
    #[serde(default)]
    all_containers: bool,
    /// Last lines per container; default 100 (with since or grep: all), max 10000.
    lines: Option<u32>,
    /// Not older: 10m, 2h, or RFC 3339.
    since: Option<String>,
    /// The run before the last restart.
    #[serde(default)]
    previous: bool,
    /// Only lines with this text, any case.
    grep: Option<String>,
    /// Kubeconfig context.
    context: Option<String>,
}

/// The answer.
#[derive(Serialize, JsonSchema)]
pub struct Log {
    /// Where was looked.
    scope: Place,
    /// What the logs are of.
    of: String,
    /// How many pods were read of how many.
    pods: String,
    /// What the name could have meant, too.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    others: Vec<String>,
    /// The logs that were read.
    logs: Vec<String>,
    /// Logs that were not, because there are too many.
    beyond: usize,
    /// Containers that were not read.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    not_read: Vec<String>,
    /// What the states of containers say.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    states: Vec<State>,
    /// What could not be looked at.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    unread: Vec<Unread>,
    /// What the lines say.
    said: View,
}

/// What is true of some containers.
#[derive(Serialize, JsonSchema)]
pub struct State {
    /// The containers, as pod/container.
    of: Vec<String>,
    /// What is true of them.
    state: Untrusted,
}

impl From<Note> for State {
    fn from(note: Note) -> Self {
        Self { of: note.of, state: note.text }
    }
}

impl Answer for Log {
    fn text(&self, text: &mut Text<'_>) {
        let logs = match &self.logs[..] {
            [] => String::from("no log to read"),
            [one] => format!("log of {one}"),
            many => format!("{} logs", many.len()),
        };
        text.line(format_args!("{}: {}, {}: {logs}, {}", self.scope.shown(), self.of, self.pods, self.said.summary()));
        if !self.others.is_empty() {
            text.line(format_args!("[the name fits others, too: {}]", named(&self.others)));
        }
        for state in &self.states {
            text.framed(|inside| format!("{}: {}\n", named(&state.of), state.state.inside(inside)));
        }
        if self.logs.len() > 1 && !self.said.plain() {
            text.line(format_args!("read: {}", named(&self.logs)));
        }
        if self.beyond > 0 {
            text.line(format_args!(
                "[{} more logs not read: {SOURCES_MAX} at most; name a pod or a container]",
                self.beyond
            ));
        }
        if !self.not_read.is_empty() {
            text.line(format_args!(
                "[containers not read: {}; pass container or all_containers]",
                named(&self.not_read)
            ));
        }
        unread::write(&self.unread, text);
        self.said.write(text);
    }

    fn lists(&mut self) -> Vec<&mut dyn List> {
        vec![&mut self.said]
    }
}

impl Tool for Logs {
    const NAME: &'static str = "kube_logs";
    const TITLE: &'static str = "Read logs";
    const DESCRIPTION: &'static str = "Logs of a pod or a workload's pods, with the run before a crash. Many lines become errors with context, then templates with counts.";
    const EXAMPLE: &'static str = "name=deploy/web since=1h";
    const ANNOTATIONS: Annotations = Annotations::READ_REMOTE;
    const TIMEOUT: Duration = Duration::from_secs(120);
    const ALIASES: &'static [(&'static str, &'static str)] =
        &[("pod", "name"), ("tail", "lines"), ("allContainers", "all_containers"), ("ns", "namespace")];

    type Access = Read;
    type Server = Explore;
    type Params = Params;
    type Output = Log;

    async fn run(_: Arc<Explore>, params: Params, call: Call) -> Result<Log> {
        let want = want(&params)?;
        let which = which(&params)?;
        let namespace = scope::namespace(params.namespace.as_deref())?;
        let cluster = Cluster::connect(params.context.as_deref(), &call).await?;
        let kind = params.kind.as_deref();
        let pods = cluster.pods(&Named { name: &params.name, kind, namespace }).await?;
        if pods.pods.is_empty() && !pods.unread.is_empty() {
            let why = pods.unread.first().map(|unread| unread.why.quoted().to_string()).unwrap_or_default();
            return Err(ToolError::new(Code::Forbidden, format!("the pods of {} could not be listed: {why}", pods.of))
                .hint("name a pod with its namespace: getting one may be allowed where listing is not"));
        }
        let plan = logs::plan(&pods.pods, which, params.previous, Timestamp::now());
        if let Which::One(name) = which
            && !plan.names.is_empty()
            && !plan.names.iter().any(|known| known == name)
        {
            return Err(ToolError::new(Code::NotFound, format!("{} has no container {}", pods.of, quoted(name)))
                .hint(format!("its containers: {}", plan.names.join(", "))));
        }
        let read = logs::read(&cluster, &pods.namespace, &plan.sources, &want, READ, &call).await;
        call.check()?;
        if let Some(failure) = &read.failure
            && read.digest.counts.read == 0
            && read.unread.len() == plan.sources.len()
        {
            return Err(failure.error(&format!("reading the log of {}", pods.of)));
        }
        let (count, total) = (pods.pods.len() as u64, pods.total);
        let shown = match (count, total) {
            (0, 0) => String::from("which has no pods"),
            (1, 1) => String::from("1 pod"),
            (count, total) if count < total => format!("the {count} newest of {total} pods ({PODS_MAX} at most)"),
            (count, _) => format!("{count} pods"),
        };
        let logs = plan.sources.iter().map(logs::Source::shown).collect();
        Ok(Log {
            scope: cluster.place(Some(&pods.namespace)),
            of: pods.of,
            pods: shown,
            others: pods.others,
            logs,
            beyond: plan.beyond,
            not_read: plan.passed_over,
            states: plan.notes.into_iter().map(State::from).collect(),
            unread: [pods.unread, read.unread].concat(),
            said: View::new(read.digest, plan.sources, params.grep.as_deref().filter(|grep| !grep.is_empty())),
        })
    }
}

/// What is read of each log.
fn want(params: &Params) -> Result<Want> {
    let given = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
    let lines = match params.lines {
        lines @ (None | Some(1..=LINES_MAX)) => lines,
        Some(_) => {
            return Err(ToolError::invalid(format!("lines is not between 1 and {LINES_MAX}"))
                .hint("with since or grep all lines are read: leave lines out"));
        }
    };
    let since = given(&params.since).map(|since| Since::read(&since)).transpose()?;
    let grep = given(&params.grep).map(|grep| Grep::new(&grep)).transpose()?;
    let tail = match (&grep, lines, &since) {
        // What grep leaves out does not count, so that the API server cannot count.
        (Some(_), ..) => None,
        (None, None, Some(_)) => None,
        (None, lines, _) => Some(lines.unwrap_or(LINES)),
    };
    let last = lines.or(tail).map_or(usize::MAX, |lines| lines as usize);
    Ok(Want { tail, since, grep, last })
}

fn which(params: &Params) -> Result<Which<'_>> {
    match (params.container.as_deref().map(str::trim).filter(|name| !name.is_empty()), params.all_containers) {
        (Some(_), true) => {
            Err(ToolError::invalid("container and all_containers exclude each other").hint("pass one of them"))
        }
        (Some(name), false) => Ok(Which::One(name)),
        (None, true) => Ok(Which::All),
        (None, false) => Ok(Which::Usual),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn of(params: serde_json::Value) -> Params {
        serde_json::from_value(params).unwrap()
    }

    #[test]
    fn how_much_is_read_follows_from_what_is_asked() {
        for (params, tail, last) in [
            (json!({"name": "web"}), Some(100), 100),
            (json!({"name": "web", "lines": 7}), Some(7), 7),
            (json!({"name": "web", "since": "1h"}), None, usize::MAX),
            (json!({"name": "web", "since": "1h", "lines": 7}), Some(7), 7),
            (json!({"name": "web", "grep": "x"}), None, usize::MAX),
            (json!({"name": "web", "grep": "x", "lines": 7}), None, 7),
            (json!({"name": "web", "grep": "", "since": ""}), Some(100), 100),
        ] {
            let want = want(&of(params.clone())).unwrap();
            assert_eq!((want.tail, want.last), (tail, last), "{params}");
        }
        for params in [
            json!({"name": "web", "lines": 0}),
            json!({"name": "web", "lines": 10_001}),
            json!({"name": "web", "since": "yesterday"}),
            json!({"name": "web", "grep": "a\nb"}),
        ] {
            assert_eq!(want(&of(params.clone())).unwrap_err().code(), Code::InvalidArgument, "{params}");
        }
    }

    #[test]
    fn one_container_or_all() {
        assert_eq!(which(&of(json!({"name": "web"}))).unwrap(), Which::Usual);
        assert_eq!(which(&of(json!({"name": "web", "container": " app "}))).unwrap(), Which::One("app"));
        assert_eq!(which(&of(json!({"name": "web", "all_containers": true}))).unwrap(), Which::All);
        assert!(which(&of(json!({"name": "web", "container": "app", "all_containers": true}))).is_err());
    }

    #[test]
    fn it_costs_little() {
        let schema = shared::schema::input::<Params>(true, false);
        let cost = (Logs::NAME.len() + Logs::DESCRIPTION.len() + serde_json::to_string(&schema).unwrap().len()) / 4;
        assert!(cost <= 300, "{cost}");
    }
}
