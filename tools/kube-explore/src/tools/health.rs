//! `kube_health`: what is wrong, and why.

use std::sync::Arc;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use shared::{
    Annotations, Answer, Call, Code, List, Read, Records, Result, Text, Tool, ToolError, Untrusted, kubernetes::age,
};

use crate::{
    Explore,
    cluster::Cluster,
    health::{Cause, Level, Verdict, fold::Starting},
    scope::{self, Place},
    survey::Survey,
    unread::{self, Unread},
};

/// The tool.
pub struct Health;

/// Parameters.
#[derive(Deserialize, JsonSchema)]
pub struct Params {
    /// Default: all, with nodes and the rest of the cluster.
    namespace: Option<String>,
    /// Kubeconfig context.
    context: Option<String>,
}

/// The answer.
#[derive(Serialize, JsonSchema)]
pub struct Report {
    /// Where was looked.
    scope: Place,
    /// How it is.
    verdict: Verdict,
    /// Whether that is of only what could be read.
    partial: bool,
    /// What is wrong, the worst first.
    causes: Records<Line>,
    /// What is fine.
    fine: String,
    /// What could not be looked at.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    unread: Vec<Unread>,
    /// How many causes of each level there are.
    #[serde(skip)]
    counts: String,
}

/// Something that is wrong.
#[derive(Clone, Serialize, JsonSchema)]
pub struct Line {
    /// How bad it is.
    level: Level,
    /// Its object, as namespace/kind/name.
    object: Untrusted,
    /// In a word.
    reason: Untrusted,
    /// With all that is known, in a line.
    told: Untrusted,
    /// How many objects are affected.
    affected: u64,
}

impl Line {
    fn new(cause: &Cause) -> Self {
        Self {
            level: cause.level,
            object: Untrusted::line(&cause.object()),
            reason: Untrusted::line(&cause.reason),
            told: Untrusted::line(&cause.told()),
            affected: cause.affected,
        }
    }
}

impl Answer for Report {
    fn text(&self, text: &mut Text<'_>) {
        let of = if self.partial { " of what could be read" } else { "" };
        text.line(format_args!("{}: {}{of}{}", self.scope.shown(), self.verdict.word(), self.counts));
        text.records(&self.causes, |line, inside| {
            format!("{} {}: {}", line.level.word(), line.object.inside(inside), line.told.inside(inside))
        });
        if !self.fine.is_empty() {
            text.line(format_args!("fine: {}", self.fine));
        }
        unread::write(&self.unread, text);
    }

    fn lists(&mut self) -> Vec<&mut dyn List> {
        vec![&mut self.causes]
    }
}

impl Tool for Health {
    const NAME: &'static str = "kube_health";
    const TITLE: &'static str = "What is wrong";
    const DESCRIPTION: &'static str = "Verdict with ranked causes, one line each with its evidence: nodes, pods, workloads, jobs, volumes, quotas, webhooks, API services, custom resources.";
    const EXAMPLE: &'static str = "namespace=payments";
    const ANNOTATIONS: Annotations = Annotations::READ_REMOTE;
    const ALIASES: &'static [(&'static str, &'static str)] = &[("ns", "namespace")];

    type Access = Read;
    type Server = Explore;
    type Params = Params;
    type Output = Report;

    async fn run(_: Arc<Explore>, params: Params, call: Call) -> Result<Report> {
        let namespace = scope::namespace(params.namespace.as_deref())?;
        let cluster = Cluster::connect(params.context.as_deref(), &call).await?;
        let survey = cluster.survey(namespace).await?;
        call.check()?;
        report(survey, cluster.place(namespace))
    }
}

fn report(survey: Survey, scope: Place) -> Result<Report> {
    let seen: u64 = survey.fine.iter().map(|(_, count)| count).sum();
    let nothing = seen == 0 && survey.causes.is_empty() && survey.starting.count == 0;
    if let Some(first) = survey.unread.first().filter(|_| nothing && !survey.blind) {
        return Err(ToolError::new(Code::Unavailable, format!("nothing could be read: {}", first.why.quoted())));
    }
    let verdict = Verdict::of(&survey.causes, survey.blind);
    // Nothing is known, then: that is no part of a verdict.
    let partial = !survey.unread.is_empty() && verdict != Verdict::Unknown;
    let counts = counts(&survey);
    let causes: Vec<Line> = survey.causes.iter().map(Line::new).collect();
    Ok(Report {
        scope,
        verdict,
        partial,
        causes: Records::all("causes", causes).narrower("name a namespace"),
        fine: fine(&survey),
        unread: survey.unread,
        counts,
    })
}

/// `: 1 critical, 2 degraded, 1 note`.
fn counts(survey: &Survey) -> String {
    let of = |level: Level| survey.causes.iter().filter(|cause| cause.level == level).count();
    let notes = of(Level::Note);
    let parts = [
        (of(Level::Critical), "critical"),
        (of(Level::Degraded), "degraded"),
        (notes, if notes == 1 { "note" } else { "notes" }),
    ];
    let parts: Vec<String> =
        parts.iter().filter(|(count, _)| *count > 0).map(|(count, word)| format!("{count} {word}")).collect();
    let mut counts = if parts.is_empty() { String::new() } else { format!("; {}", parts.join(", ")) };
    if survey.blind && survey.causes.iter().all(|cause| cause.level == Level::Note) {
        counts.push_str("; nothing is wrong in what could be read");
    }
    counts
}

/// `3 nodes, 40 pods, 12 deployments`.
fn fine(survey: &Survey) -> String {
    let mut parts: Vec<String> = survey
        .fine
        .iter()
        .filter(|(_, count)| *count > 0)
        .map(|(kind, count)| {
            let kind = if *count == 1 { one(kind) } else { (*kind).to_owned() };
            format!("{count} {kind}")
        })
        .collect();
    let Starting { count, slow, named } = &survey.starting;
    if *count > 0 {
        let mut starting = format!("{count} just starting");
        // One that has been at it for a while is worth a look, and many of them are a rollout.
        if !named.is_empty() && usize::try_from(*slow).is_ok_and(|slow| slow == named.len()) {
            let named: Vec<String> = named.iter().map(|one| slow_one(one, survey.within)).collect();
            starting.push_str(&format!(" ({})", named.join("; ")));
        }
        parts.push(starting);
    }
    parts.join(", ")
}

/// `worker, 45s`, with its namespace where that is not said before.
fn slow_one((namespace, name, seconds): &(String, String, i64), within: bool) -> String {
    let age = Timestamp::from_second(*seconds).map(|now| age::shown(Timestamp::UNIX_EPOCH, now)).unwrap_or_default();
    if within { format!("{name}, {age}") } else { format!("{namespace}/{name}, {age}") }
}

/// One of what `kinds` are many of: `ingress`, `custom resource without a state`.
fn one(kinds: &str) -> String {
    let (noun, rest) = match kinds.split_once("resources") {
        Some((before, rest)) => (format!("{before}resources"), rest),
        None => (kinds.to_owned(), ""),
    };
    let one = noun.strip_suffix("sses").map(|stem| format!("{stem}ss"));
    let one = one.or_else(|| noun.strip_suffix('s').map(str::to_owned)).unwrap_or(noun);
    format!("{one}{rest}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn survey(level: Option<Level>, blind: bool) -> Survey {
        Survey {
            causes: level.map(|level| Cause::new(level, ("a", "pod", "p"), "x")).into_iter().collect(),
            fine: vec![("nodes", 1), ("pods", 3), ("jobs", 0)],
            starting: Starting { count: 2, ..Starting::default() },
            within: true,
            unread: if blind { vec![Unread::new("pods in b", "forbidden")] } else { Vec::new() },
            blind,
        }
    }

    #[test]
    fn what_is_fine_is_a_line() {
        assert_eq!(fine(&survey(None, false)), "1 node, 3 pods, 2 just starting");
        for (kinds, expected) in [
            ("ingresses", "ingress"),
            ("pods", "pod"),
            ("custom resources", "custom resource"),
            ("custom resources without a state", "custom resource without a state"),
        ] {
            assert_eq!(one(kinds), expected);
        }
    }

    #[test]
    fn who_takes_long_to_start_is_named() {
        let told = |slow: u64, within: bool, named: &[(&str, i64)]| {
            let named = named.iter().map(|&(name, age)| (String::from("pay"), name.to_owned(), age)).collect();
            let starting = Starting { count: 3, slow, named };
            fine(&Survey { starting, within, ..Survey::default() })
        };
        assert_eq!(told(1, true, &[("worker", 45)]), "3 just starting (worker, 45s)");
        assert_eq!(told(2, false, &[("worker", 45), ("api", 120)]), "3 just starting (pay/worker, 45s; pay/api, 2m)");
        assert_eq!(told(3, true, &[("worker", 45), ("api", 120)]), "3 just starting");
        assert_eq!(told(0, true, &[]), "3 just starting");
    }

    #[test]
    fn a_verdict_is_of_what_could_be_read() {
        for (level, blind, verdict, partial, counts) in [
            (None, false, Verdict::Healthy, false, ""),
            (None, true, Verdict::Unknown, false, "; nothing is wrong in what could be read"),
            (Some(Level::Critical), true, Verdict::Critical, true, "; 1 critical"),
            (Some(Level::Note), false, Verdict::Healthy, false, "; 1 note"),
        ] {
            let report = report(survey(level, blind), Place::new(None, None)).unwrap();
            assert_eq!((report.verdict, report.partial, report.counts.as_str()), (verdict, partial, counts));
        }
    }
}
