//! `kube_health`: what is wrong, and why.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use shared::{Annotations, Answer, Call, Code, List, Read, Records, Result, Text, Tool, ToolError, Untrusted};

use crate::{
    Explore,
    cluster::Cluster,
    health::{Cause, Level, Verdict},
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
    let nothing = seen == 0 && survey.causes.is_empty() && survey.starting == 0;
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
            let kind = if *count == 1 { kind.strip_suffix('s').unwrap_or(kind) } else { kind };
            format!("{count} {kind}")
        })
        .collect();
    if survey.starting > 0 {
        parts.push(format!("{} just starting", survey.starting));
    }
    parts.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn survey(level: Option<Level>, blind: bool) -> Survey {
        Survey {
            causes: level.map(|level| Cause::new(level, ("a", "pod", "p"), "x")).into_iter().collect(),
            fine: vec![("nodes", 1), ("pods", 3), ("jobs", 0)],
            starting: 2,
            unread: if blind { vec![Unread::new("pods in b", "forbidden")] } else { Vec::new() },
            blind,
        }
    }

    #[test]
    fn what_is_fine_is_a_line() {
        assert_eq!(fine(&survey(None, false)), "1 node, 3 pods, 2 just starting");
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
