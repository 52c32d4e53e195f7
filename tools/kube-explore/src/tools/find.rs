//! `kube_find`: where something is, whatever kind it is of.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use shared::{Annotations, Answer, Call, Code, List, Read, Records, Result, Text, Tool, ToolError, Untrusted};

use crate::{
    Explore,
    cluster::{Cluster, quoted},
    kinds::{self, Kind},
    path::Path,
    query::{Query, Wanted},
    scope::{self, Place},
    search::{Ask, Hits, usual, why},
    state::State,
    unread::{self, Unread},
};

/// How many objects are shown when the caller does not say.
const LIMIT: usize = 25;
/// The most.
const LIMIT_MAX: usize = 200;
/// Names longer than this do not widen the column of all.
const PAD_MAX: usize = 40;

/// The tool.
pub struct Find;

/// Parameters.
#[derive(Deserialize, JsonSchema)]
pub struct Params {
    /// Part of a name, with words for kind, state and namespace: `crashing pods in payments`, `deploy/web`.
    query: Option<String>,
    /// Kind; default: every kind but events, leases and the like.
    kind: Option<String>,
    /// Default: all.
    namespace: Option<String>,
    /// failing, crashing, pending, not ready, restarting, healthy, terminating, or a word of the status.
    status: Option<String>,
    /// Label selector.
    selector: Option<String>,
    /// Objects shown: default 25, maximum 200.
    #[schemars(range(min = 1, max = 200))]
    limit: Option<u16>,
    /// Kubeconfig context.
    context: Option<String>,
}

/// The answer.
#[derive(Serialize, JsonSchema)]
pub struct Found {
    /// Where was looked.
    scope: Place,
    /// How the question was read.
    asked: String,
    /// How many objects of how many kinds were looked at.
    looked: String,
    /// The best first.
    objects: Records<Object>,
    /// What could not be looked at.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    unread: Vec<Unread>,
}

/// An object.
#[derive(Clone, Serialize, JsonSchema)]
pub struct Object {
    /// Its kind.
    kind: Untrusted,
    /// Its namespace; absent for cluster-wide kinds.
    #[serde(skip_serializing_if = "Option::is_none")]
    namespace: Option<Untrusted>,
    /// Its name.
    name: Untrusted,
    /// How it is.
    #[serde(flatten)]
    state: State,
    /// Why it was found.
    why: String,
}

impl Object {
    fn cells<'a>(&'a self, inside: shared::Inside<'_>) -> [&'a str; 9] {
        let cell = |cell: &'a Option<Untrusted>| cell.as_ref().map_or("-", |cell| cell.inside(inside));
        [
            self.kind.inside(inside),
            cell(&self.namespace),
            self.name.inside(inside),
            cell(&self.state.status),
            cell(&self.state.ready),
            cell(&self.state.restarts),
            cell(&self.state.age),
            cell(&self.state.node),
            &self.why,
        ]
    }
}

/// The columns of the table.
const COLUMNS: [&str; 9] = ["KIND", "NAMESPACE", "NAME", "STATUS", "READY", "RESTARTS", "AGE", "NODE", "WHY"];

impl Answer for Found {
    fn text(&self, text: &mut Text<'_>) {
        text.line(format_args!("{}: {}; {}", self.scope.shown(), self.asked, self.looked));
        if self.objects.is_empty() {
            let seen =
                if self.unread.is_empty() { "nothing found" } else { "nothing found in what could be looked at" };
            text.line(seen);
        }
        let mut widths = COLUMNS.map(str::len);
        let mut used = [true, false, true, false, false, false, true, false, true];
        text.framed(|inside| {
            for object in self.objects.shown() {
                for (at, cell) in object.cells(inside).iter().enumerate() {
                    if let (Some(width), Some(used)) = (widths.get_mut(at), used.get_mut(at)) {
                        *width = (*width).max(cell.chars().count().min(PAD_MAX));
                        *used |= *cell != "-";
                    }
                }
            }
            if self.objects.shown().is_empty() { String::new() } else { line(&COLUMNS, &widths, &used) }
        });
        text.records(&self.objects, |object, inside| line(&object.cells(inside), &widths, &used));
        unread::write(&self.unread, text);
    }

    fn lists(&mut self) -> Vec<&mut dyn List> {
        vec![&mut self.objects]
    }
}

/// The used cells of a row, padded.
fn line(cells: &[&str; 9], widths: &[usize; 9], used: &[bool; 9]) -> String {
    let mut line = String::new();
    for ((cell, width), used) in cells.iter().zip(widths).zip(used) {
        if *used {
            line.push_str(cell);
            let pad = width.saturating_sub(cell.chars().count()) + 2;
            line.extend(std::iter::repeat_n(' ', pad));
        }
    }
    line.truncate(line.trim_end().len());
    line
}

impl Tool for Find {
    const NAME: &'static str = "kube_find";
    const TITLE: &'static str = "Find objects";
    const DESCRIPTION: &'static str = "Where something is: fuzzy search over all kinds, custom ones too, with status, ready, age and node. Pass query, status or selector.";
    const EXAMPLE: &'static str = "query=crashing";
    const ANNOTATIONS: Annotations = Annotations::READ_REMOTE;
    const ALIASES: &'static [(&'static str, &'static str)] = &[
        ("name", "query"),
        ("labelSelector", "selector"),
        ("label_selector", "selector"),
        ("ns", "namespace"),
        ("q", "query"),
    ];

    type Access = Read;
    type Server = Explore;
    type Params = Params;
    type Output = Found;

    async fn run(_: Arc<Explore>, params: Params, call: Call) -> Result<Found> {
        let given =
            |text: &Option<String>| text.as_deref().map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned);
        let (query, status, selector) = (given(&params.query), given(&params.status), given(&params.selector));
        let kind = given(&params.kind);
        if query.is_none() && status.is_none() && selector.is_none() {
            return Err(ToolError::invalid("there is nothing to look for")
                .hint("pass query (`web`, `crashing pods in shop`), status=failing or selector=app=web"));
        }
        let limit = limit(params.limit)?;
        let namespace = scope::namespace(params.namespace.as_deref())?;
        let cluster = Cluster::connect(params.context.as_deref(), &call).await?;
        let kinds = cluster.kinds().await?;
        let mut asked = Query::read(query.as_deref().unwrap_or_default(), &kinds);
        if let Some(kind) = kind {
            asked.kinds = vec![kinds.named(&kind)?.clone()];
        }
        if let Some(status) = &status {
            asked.wanted = vec![Wanted::status(status)];
        }
        if let Some(namespace) = namespace {
            asked.namespace = Some(namespace.to_owned());
        }
        let namespace = asked.namespace.clone();
        if let Some(namespace) = &namespace {
            // In the query, too, it has to be one.
            scope::namespace(Some(namespace))?;
        }
        let nothing = asked.terms.is_empty() && asked.kinds.is_empty() && asked.wanted.is_empty();
        if nothing && asked.namespace.is_none() && selector.is_none() {
            return Err(ToolError::invalid("the query names nothing to look for")
                .hint("pass part of a name, a kind or a state: `web`, `pods`, `failing`"));
        }
        let looked = if asked.kinds.is_empty() { usual(&kinds) } else { asked.kinds.clone() };
        let read = shown(&asked, selector.as_deref());
        let ask = Ask { terms: asked.terms, kinds: asked.kinds, namespace, wanted: asked.wanted, selector, limit };
        let mut hits = cluster.search(&ask, looked).await;
        hits.unread.extend(kinds.unread);
        call.check()?;
        refused(&hits, &cluster)?;
        // Where only cluster-wide kinds were asked for, the namespace was of no account.
        let within =
            ask.namespace.as_deref().filter(|_| ask.kinds.is_empty() || ask.kinds.iter().any(|kind| kind.namespaced));
        if hits.total == 0 {
            there(&cluster, within).await?;
        }
        let scope = cluster.place(within);
        Ok(found(&ask, hits, scope, read))
    }
}

fn limit(given: Option<u16>) -> Result<usize> {
    match given.map(usize::from) {
        None => Ok(LIMIT),
        Some(limit) if (1..=LIMIT_MAX).contains(&limit) => Ok(limit),
        Some(limit) => Err(ToolError::invalid(format!("limit is {limit} and has to be between 1 and {LIMIT_MAX}"))
            .hint("narrow the query instead of asking for more")),
    }
}

/// Nothing in a namespace and no such namespace are two answers.
async fn there(cluster: &Cluster, namespace: Option<&str>) -> Result<()> {
    let Some(namespace) = namespace else { return Ok(()) };
    match cluster.object(&Path::object(&kinds::namespaces(), None, namespace)).await {
        Err(failure) if failure.status == 404 => {
            Err(ToolError::new(Code::NotFound, format!("there is no namespace {}", quoted(namespace)))
                .hint("kube_find query=namespaces lists them"))
        }
        _ => Ok(()),
    }
}

/// Where nothing at all could be read, that is the answer, and no empty list.
fn refused(hits: &Hits, cluster: &Cluster) -> Result<()> {
    if hits.kinds > 0 {
        return Ok(());
    }
    if let Some(invalid) = hits.unread.iter().find(|unread| unread.code == Some(Code::InvalidArgument)) {
        return Err(ToolError::invalid(format!("the API server finds the selector invalid: {}", invalid.why.quoted()))
            .hint("a label selector is app=web, app in (a,b), !canary"));
    }
    let attempted = format!("none of {} kinds could be looked at", hits.blind);
    let forbidden = format!(
        "pass a namespace this identity may read; {} was tried. `doctor` shows what it may do",
        quoted(cluster.namespace())
    );
    unread::nothing(&hits.unread, &attempted, &forbidden).map_or(Ok(()), Err)
}

fn found(ask: &Ask, hits: Hits, scope: Place, asked: String) -> Found {
    let object = |found: &crate::search::Match| Object {
        kind: Untrusted::line(&kind_shown(&found.kind)),
        namespace: found.namespace.as_deref().map(Untrusted::line),
        name: Untrusted::line(&found.name),
        state: found.state.clone(),
        why: why(ask, found),
    };
    let objects = Records::head("objects", hits.best.iter().map(object).collect(), hits.total)
        .narrower("narrow the query, or raise limit");
    let kinds = if hits.kinds == 1 { String::from("1 kind") } else { format!("{} kinds", hits.kinds) };
    let blind = match hits.blind {
        0 => String::new(),
        blind => format!("; {blind} more kinds could not be looked at"),
    };
    let looked = format!("{} of {} objects of {kinds}{blind}", hits.total, hits.seen);
    Found { scope, asked, looked, objects, unread: hits.unread }
}

/// A kind in its short spelling, with its group where it is not one of Kubernetes' own.
fn kind_shown(kind: &Kind) -> String {
    let own = kind.group.is_empty() || !kind.group.contains('.') || kind.group.ends_with(".k8s.io");
    let name = kind.kind.to_lowercase();
    if own { name } else { format!("{name}.{}", kind.group) }
}

/// How a question was read, so that whoever asked can correct it.
fn shown(query: &Query, selector: Option<&str>) -> String {
    let mut parts = Vec::new();
    if !query.terms.is_empty() {
        let terms: Vec<String> = query.terms.iter().map(|term| quoted(term)).collect();
        parts.push(format!("name like {}", terms.join(" and ")));
    }
    if !query.kinds.is_empty() {
        let kinds: Vec<String> = query.kinds.iter().map(|kind| quoted(&kind.full())).collect();
        parts.push(format!("kind {}", kinds.join(" or ")));
    }
    if !query.wanted.is_empty() {
        let states: Vec<String> = query.wanted.iter().map(|wanted| quoted(wanted.shown())).collect();
        parts.push(format!("status {}", states.join(" or ")));
    }
    if let Some(selector) = selector {
        parts.push(format!("labels {}", quoted(selector)));
    }
    parts.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_has_bounds() {
        assert_eq!(limit(None).unwrap(), LIMIT);
        assert_eq!(limit(Some(200)).unwrap(), 200);
        assert!(limit(Some(0)).is_err() && limit(Some(201)).is_err());
    }

    #[test]
    fn a_question_is_said_as_it_was_read() {
        let query = Query {
            terms: vec!["web".into(), "a`b".into()],
            kinds: vec![kinds::pods(), kinds::deployments()],
            namespace: None,
            wanted: vec![Wanted::Crashing],
        };
        assert_eq!(
            shown(&query, Some("app=web")),
            "name like `web` and `a'b`, kind `pods` or `deployments.apps`, status `crashing`, labels `app=web`"
        );
    }

    #[test]
    fn a_kind_is_said_shortly() {
        assert_eq!(kind_shown(&kinds::deployments()), "deployment");
        let custom = Kind { group: "example.com".into(), kind: "Backup".into(), ..kinds::pods() };
        assert_eq!(kind_shown(&custom), "backup.example.com");
    }
}
