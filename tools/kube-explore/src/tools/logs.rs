//! `kube_logs`: what the logs of a pod or a workload say, errors first when there is much of it.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use shared::{Annotations, Answer, Call, Code, List, Read, Records, Result, Text, Tool, ToolError, Untrusted};

use crate::{
    Explore,
    cluster::{Cluster, quoted},
    distil::Grep,
    logs::{self, Last, Names, Note, SOURCES_MAX, Since, View, Want, Which},
    pods::PODS_MAX,
    scope::{self, Place},
    target::Named,
    unread::{self, Unread},
};

/// Lines when the caller does not say.
const LINES: u32 = 100;
/// The most lines.
const LINES_MAX: u32 = 10_000;
/// How long logs may take to read.
const READ: Duration = Duration::from_secs(100);

/// The most states that are shown: few enough for the view of the lines to be tried as a whole first.
const STATES: usize = 12;
/// The most reasons why sources could not be read that are told, and the most sources named for each.
const REASONS: usize = 2;
const OF_ONE: usize = 3;

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
    #[schemars(range(min = 1, max = 10_000))]
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
    others: Names,
    /// The logs that were read.
    logs: Names,
    /// Logs that were not, because there are too many.
    beyond: usize,
    /// Containers that were not read.
    not_read: Names,
    /// What the states of containers say.
    states: Records<State>,
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
    of: Names,
    /// What is true of them.
    state: Untrusted,
}

impl From<Note> for State {
    fn from(note: Note) -> Self {
        Self { of: Names::new(note.of), state: note.text }
    }
}

impl Answer for Log {
    fn text(&self, text: &mut Text<'_>) {
        let logs = match self.logs.count() {
            0 => String::from("no log read"),
            1 => format!("log of {}", self.logs),
            many => format!("{many} logs"),
        };
        text.line(format_args!("{}: {}, {}: {logs}, {}", self.scope.shown(), self.of, self.pods, self.said.summary()));
        if self.others.count() > 0 {
            text.line(format_args!("[the name fits others, too: {}]", self.others));
        }
        text.records(&self.states, |state, inside| format!("{}: {}", state.of, state.state.inside(inside)));
        if self.logs.count() > 1 && !self.said.plain() {
            text.line(format_args!("read: {}", self.logs));
        }
        if self.beyond > 0 {
            text.line(format_args!(
                "[{} more logs not read: {SOURCES_MAX} at most; name a pod or a container]",
                self.beyond
            ));
        }
        if self.not_read.count() > 0 {
            text.line(format_args!("[containers not read: {}; pass container or all_containers]", self.not_read));
        }
        unread::write(&self.unread, text);
        self.said.write(text);
    }

    fn lists(&mut self) -> Vec<&mut dyn List> {
        vec![&mut self.states, &mut self.said]
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
        let mut pods = cluster.pods(&Named { name: &params.name, kind, namespace }).await?;
        let attempted = format!("the pods of {} could not be listed", pods.of);
        let forbidden = "name a pod with its namespace: getting one may be allowed where listing is not";
        if pods.pods.is_empty()
            && let Some(error) = unread::nothing(&pods.unread, &attempted, forbidden)
        {
            return Err(error);
        }
        let plan = logs::plan(&pods.pods, which, params.previous, Timestamp::now());
        if let Which::One(name) = which
            && !plan.names.is_empty()
            && !plan.names.iter().any(|known| known == name)
        {
            return Err(ToolError::new(Code::NotFound, format!("{} has no container {}", pods.of, quoted(name)))
                .hint(format!("its containers: {}", plan.names.join(", "))));
        }
        // Fifty whole pods are not held while their logs are read.
        let found = std::mem::take(&mut pods.pods).len() as u64;
        let read = logs::read(&cluster, &pods.namespace, &plan.sources, &want, READ, &call).await;
        call.check()?;
        if let Some(failure) = &read.failure
            && read.digest.counts.read == 0
            && read.unread.len() == plan.sources.len()
        {
            return Err(failure.error(&format!("reading the log of {}", pods.of)));
        }
        let total = pods.total;
        let shown = match (found, total) {
            (0, 0) => String::from("which has no pods"),
            (1, 1) => String::from("1 pod"),
            (count, total) if count < total => format!("the {count} newest of {total} pods ({PODS_MAX} at most)"),
            (count, _) => format!("{count} pods"),
        };
        let was_read = |number: &u16| !read.missing.contains(number);
        let logs = plan.sources.iter().zip(0_u16..).filter(|(_, number)| was_read(number));
        let logs = Names::new(logs.map(|(source, _)| source.shown()));
        let (count, states) = (plan.notes.len() as u64, plan.notes.into_iter().take(STATES).map(State::from).collect());
        Ok(Log {
            scope: cluster.place(Some(&pods.namespace)),
            of: pods.of,
            pods: shown,
            others: Names::new(pods.others),
            logs,
            beyond: plan.beyond,
            not_read: Names::new(plan.passed_over),
            states: Records::head("states", states, count).narrower("name a pod"),
            unread: few([pods.unread, read.unread].concat()),
            said: View::new(read.digest, plan.sources, params.grep.as_deref().filter(|grep| !grep.is_empty()))
                .only(last(&want)),
        })
    }
}

/// Of each of the first reasons the first sources, and how many more: a hundred logs may fail, each with words of its own.
fn few(unread: Vec<Unread>) -> Vec<Unread> {
    let mut reasons: Vec<(Untrusted, Vec<Unread>)> = Vec::new();
    for one in unread {
        match reasons.iter_mut().find(|(why, _)| *why == one.why) {
            Some((_, sources)) => sources.push(one),
            None => reasons.push((one.why.clone(), vec![one])),
        }
    }
    let rest: usize = reasons.iter().skip(REASONS).map(|(_, sources)| sources.len()).sum();
    let mut few = Vec::new();
    for (why, mut sources) in reasons.into_iter().take(REASONS) {
        let more = sources.len().saturating_sub(OF_ONE);
        sources.truncate(OF_ONE);
        few.append(&mut sources);
        if more > 0 {
            few.push(Unread { what: Untrusted::line(&format!("{more} more")), why, code: None });
        }
    }
    if rest > 0 {
        few.push(Unread::new(&format!("{rest} more"), "for other reasons; name a pod to see them"));
    }
    few
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

/// That only the end of each log was asked for, and what would read more.
fn last(want: &Want) -> Option<Last> {
    let lines = want.tail?;
    let more = match (&want.since, lines) {
        (Some(_), _) => "leave lines out",
        (None, LINES_MAX) => "since=24h, or grep",
        (None, _) => "since=24h or lines=10000",
    };
    Some(Last { lines, more })
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
    use shared::{
        output::{Budget, fit},
        settings::Results,
    };

    use super::*;
    use crate::distil::{Distiller, Line, Options};

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
            assert_eq!(super::last(&want).map(|last| last.lines), tail, "{params}");
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

    #[test]
    fn sources_that_could_not_be_read_are_told_by_reason() {
        let unread = |n: usize, why: &str| Unread::new(&format!("p{n}/app"), why);
        let many = (0..50).map(|n| unread(n, "forbidden")).chain([unread(50, "gone")]);
        let shown = few(many.chain((51..60).map(|n| unread(n, &n.to_string()))).collect());
        let expected = [
            unread(0, "forbidden"),
            unread(1, "forbidden"),
            unread(2, "forbidden"),
            Unread::new("47 more", "forbidden"),
            unread(50, "gone"),
            Unread::new("9 more", "for other reasons; name a pod to see them"),
        ];
        assert_eq!(shown, expected);
        assert_eq!(few(vec![unread(1, "x")]), [unread(1, "x")]);
    }

    #[test]
    fn small_budgets_hold_the_worst_answer() {
        let names = |what: &str| Names::new((0..120).map(|n| format!("web-7fcfc594bc-{what}{n}/app")));
        let state = |n: usize| State { of: names("x"), state: Untrusted::line(&format!("{n} {}", "long ".repeat(60))) };
        let states = Records::head("states", (0..STATES).map(state).collect(), 50).narrower("name a pod");
        let unread =
            (0..120).map(|n| Unread::new(&format!("web-7fcfc594bc-{n}/app"), &format!("{n} {}", "x".repeat(300))));
        let mut distiller = Distiller::new(Options { stamped: false, grep: None, last: 100 });
        for n in 0..20_000_u32 {
            let line = format!("{} {n} {}", if n % 3 == 0 { "ERROR" } else { "fine" }, "text ".repeat(n as usize % 90));
            distiller.line((n % 120) as u16, Line::whole(line.as_bytes()));
        }
        let source = |n: usize| logs::Source { pod: format!("web-{n}"), container: "app".to_owned(), previous: false };
        let mut log = Log {
            scope: Place::new(Some("prod"), Some("shop")),
            of: "deployment/web".to_owned(),
            pods: "the 50 newest of 200 pods (50 at most)".to_owned(),
            others: names("o"),
            logs: names("l"),
            beyond: 80,
            not_read: names("n"),
            states,
            unread: few(unread.collect()),
            said: View::new(distiller.finish(), (0..120).map(source).collect(), None),
        };
        for (tokens, results) in
            [(450, Results::Text), (800, Results::Both), (4_000, Results::Both), (25_000, Results::Both)]
        {
            let rendered = fit(&mut log, Budget::tokens(tokens), results).unwrap();
            let text = rendered.text.unwrap_or_default();
            let json = rendered.json.map(|json| json.to_string()).unwrap_or_default();
            assert!(text.contains("6667 error lines") && text.len() <= Budget::tokens(tokens).bytes(), "{text}");
            assert!(json.len() <= Budget::tokens(tokens).bytes(), "{}", json.len());
        }
    }
}
