//! `kube_diff`: what would change, or what has changed since it was applied.

use std::sync::Arc;

use futures_util::StreamExt as _;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use shared::{Annotations, Answer, Call, Code, List, Read, Records, Result, Text, Tool, ToolError, Untrusted};

use crate::{
    Explore,
    applying::{self, Aim, Brought},
    cluster::{Cluster, quoted},
    drift,
    kinds::Kinds,
    manifest::{self, Document},
    outcome::{self, Done, Item, Outcome, Row},
    path::Path,
    scope::{self, Place},
    target::{Named, Target},
    unread::{self, Unread},
};

/// How many documents are tried at once.
const AT_ONCE: usize = 6;

/// The tool.
pub struct Diff;

/// Parameters.
#[derive(Deserialize, JsonSchema)]
pub struct Params {
    /// `web`, `deploy/web`: what became of it since it was last applied. With source: only this document.
    name: Option<String>,
    /// Its kind.
    kind: Option<String>,
    /// Default: any; for documents that name none, the context's.
    namespace: Option<String>,
    /// YAML or JSON, several documents: what applying would change.
    source: Option<String>,
    /// Kubeconfig context.
    context: Option<String>,
}

/// The answer.
#[derive(Serialize, JsonSchema)]
pub struct Differences {
    /// Where was looked.
    scope: Place,
    /// With what it was compared, and what came of it.
    compared: String,
    /// What else the name could have meant.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    others: Vec<Untrusted>,
    /// Each document; absent where there was none.
    #[serde(skip_serializing_if = "Option::is_none")]
    objects: Option<Records<Item>>,
    /// Fields that change, or have changed.
    changes: Records<Row>,
    /// What could not be looked at.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    unread: Vec<Unread>,
}

impl Answer for Differences {
    fn text(&self, text: &mut Text<'_>) {
        text.line(format_args!("{}: {}", self.scope.shown(), self.compared));
        if !self.others.is_empty() {
            let others: Vec<String> = self.others.iter().map(|other| other.quoted().to_string()).collect();
            text.line(format_args!("not meant: {}", others.join(", ")));
        }
        match &self.objects {
            Some(objects) => outcome::write(objects, &self.changes, true, text),
            None => outcome::rows_of(&self.changes, text),
        }
        unread::write(&self.unread, text);
    }

    fn lists(&mut self) -> Vec<&mut dyn List> {
        let objects = self.objects.as_mut().map(|objects| objects as &mut dyn List);
        objects.into_iter().chain([&mut self.changes as &mut dyn List]).collect()
    }
}

impl Tool for Diff {
    const NAME: &'static str = "kube_diff";
    const TITLE: &'static str = "Compare with what is live";
    const DESCRIPTION: &'static str = "What would change, field by field with owners: `source` by server-side dry run against live. Without it: what changed in an object since it was applied, and by whom.";
    const EXAMPLE: &'static str = "name=deploy/web";
    const ANNOTATIONS: Annotations = Annotations::READ_REMOTE;
    const ALIASES: &'static [(&'static str, &'static str)] =
        &[("yaml", "source"), ("manifest", "source"), ("ns", "namespace")];

    type Access = Read;
    type Server = Explore;
    type Params = Params;
    type Output = Differences;

    async fn run(_: Arc<Explore>, params: Params, call: Call) -> Result<Differences> {
        let given = |text: Option<String>| text.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
        let (name, kind) = (given(params.name), given(params.kind));
        let Some(source) = params.source else {
            let Some(name) = name else {
                return Err(ToolError::invalid("there is nothing to compare")
                    .hint("pass source (YAML), or the name of an object: name=deploy/web"));
            };
            let namespace = scope::namespace(params.namespace.as_deref())?;
            let cluster = Cluster::connect(params.context.as_deref(), &call).await?;
            let named = Named { name: &name, kind: kind.as_deref(), namespace };
            let target = cluster.target(&named, &cluster.kinds().await?, None).await?;
            return applied_since(&cluster, target).await;
        };
        let documents = call.blocking(move || manifest::read(&source)).await?;
        let namespace = applying::namespace(params.namespace.as_deref(), &documents)?;
        let cluster = Cluster::connect(params.context.as_deref(), &call).await?;
        let kinds = cluster.kinds().await?;
        let wanted = wanted(&documents, name.as_deref(), kind.as_deref(), &kinds)?;
        let look = Look {
            namespace: namespace.unwrap_or_else(|| cluster.namespace()).to_owned(),
            brought: Brought::of(&documents),
            cluster,
            kinds,
        };
        let mut looking = Vec::with_capacity(wanted.len());
        for document in wanted {
            looking.push(look.document(document));
        }
        let done: Vec<Done> = futures_util::stream::iter(looking).buffered(AT_ONCE).collect().await;
        call.check()?;
        let scope = look.cluster.place(Some(&look.namespace));
        let compared = format!("source against live by server-side dry run, nothing was changed; {}", counted(&done));
        let (objects, changes) = outcome::lists(done, Some(&look.namespace));
        Ok(Differences { scope, compared, others: Vec::new(), objects: Some(objects), changes, unread: Vec::new() })
    }
}

/// The documents that are asked for.
fn wanted<'d>(
    documents: &'d [Document],
    name: Option<&str>,
    kind: Option<&str>,
    kinds: &Kinds,
) -> Result<Vec<&'d Document>> {
    let (kind, name) = match name.and_then(|name| name.split_once('/')) {
        Some((kind, name)) => (Some(kind), Some(name)),
        None => (kind, name),
    };
    let kind = kind.map(|kind| kinds.named(kind)).transpose()?;
    let is = |document: &&Document| {
        name.is_none_or(|name| name == document.name)
            && kind.is_none_or(|kind| kinds.of(&document.api_version, &document.kind) == Some(kind))
    };
    let wanted: Vec<&Document> = documents.iter().filter(is).collect();
    if wanted.is_empty() {
        return Err(ToolError::new(Code::NotFound, format!("none of {} documents is that object", documents.len()))
            .hint("leave name and kind out to compare all of them"));
    }
    Ok(wanted)
}

/// `2 new, 1 changes, 3 no change`.
fn counted(done: &[Done]) -> String {
    let count = |outcome: Outcome| done.iter().filter(|done| done.item.outcome == outcome).count();
    let documents = if done.len() == 1 { String::from("1 document") } else { format!("{} documents", done.len()) };
    let parts = [
        (count(Outcome::Created), "new"),
        (count(Outcome::Configured), "would change"),
        (count(Outcome::Unchanged), "no change"),
        (count(Outcome::Applied), "not known"),
        (count(Outcome::Failed), "FAILED"),
    ];
    let parts: Vec<String> =
        parts.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}")).collect();
    format!("{documents}: {}", parts.join(", "))
}

struct Look {
    cluster: Cluster,
    kinds: Kinds,
    brought: Brought,
    namespace: String,
}

impl Look {
    async fn document(&self, document: &Document) -> Done {
        let Some(aim) = Aim::of(document, &self.kinds, &self.namespace) else {
            return self.unknown(document);
        };
        let done = |outcome| Done::new(document, aim.namespace.as_deref(), outcome);
        let mut rounds = applying::ROUNDS;
        let (live, tried, conflicts) = loop {
            let live = match self.cluster.object(&aim.path()).await {
                Ok(live) => Some(live),
                Err(failure) if failure.code == Code::NotFound && applying::lacks_kind(&failure) => {
                    return done(Outcome::Failed).note(&applying::reason(&failure, document));
                }
                Err(failure) if failure.code == Code::NotFound => None,
                Err(failure) => {
                    let why = format!("live could not be read: {}", applying::reason(&failure, document));
                    return done(Outcome::Failed).note(&why);
                }
            };
            let mut conflicts = Vec::new();
            let tried = match self.cluster.tried(&aim, false).await {
                Err(failure) => {
                    conflicts = applying::conflicts(&failure);
                    // What it would be is asked for again where only its owners stand against it.
                    if conflicts.is_empty() { Err(failure) } else { self.cluster.tried(&aim, true).await }
                }
                tried => tried,
            };
            rounds = rounds.saturating_sub(1);
            let moved =
                matches!((&live, &tried), (Some(live), Ok(tried)) if applying::moved(live, tried)) && rounds > 0;
            if !moved {
                break (live, tried, conflicts);
            }
        };
        match (live, tried) {
            (Some(live), Ok(tried)) => {
                let done = Done::became(document, aim.namespace.as_deref(), &live, &tried).conflicts(&conflicts);
                if conflicts.is_empty() { done } else { done.note("applying it needs force_conflicts=true") }
            }
            (None, Ok(_)) => done(Outcome::Created),
            (None, Err(failure)) if applying::lacks_namespace(&failure) => {
                let name = aim.namespace.as_deref().unwrap_or_default();
                let comes = if self.brought.has_namespace(name) { "comes with this source" } else { "is not there" };
                done(Outcome::Created).note(&format!("not tried: its namespace {name} {comes}"))
            }
            (live, Err(failure)) if failure.code == Code::Forbidden => {
                let note = "not tried, patching is forbidden";
                match live {
                    None => done(Outcome::Created).note(note),
                    Some(live) => {
                        Done::differs(document, aim.namespace.as_deref(), drift::against(&live, &document.value))
                            .note(&format!("{note}: compared as written, without what webhooks and defaults do"))
                    }
                }
            }
            (_, Err(failure)) => done(Outcome::Failed).note(&applying::reason(&failure, document)),
        }
    }

    fn unknown(&self, document: &Document) -> Done {
        let done = |outcome| Done::new(document, document.namespace.as_deref(), outcome);
        if self.brought.has_kind(document) {
            return done(Outcome::Created).note("not tried: its kind comes with this source");
        }
        let version = Untrusted::line(&document.api_version);
        let silent = self.kinds.unread.iter().any(|unread| unread.what == version);
        let why = if silent { ", whose API server does not answer" } else { "" };
        let what = format!("the cluster has no kind {} in {}{why}", document.kind, document.api_version);
        done(Outcome::Failed).note(&what)
    }
}

/// What became of an object since it was applied.
async fn applied_since(cluster: &Cluster, target: Target) -> Result<Differences> {
    let Target { mut kind, namespace, name, mut object, others, unread, .. } = target;
    // What was applied in another version is compared in that one.
    let group = kind.group.as_str();
    if let Some(version) = drift::applied_version(&object) {
        let (of, version) = version.rsplit_once('/').unwrap_or(("", version.as_str()));
        if of == group && version != kind.version {
            let version = version.to_owned();
            kind.version = version;
            if let Ok(other) = cluster.object(&Path::object(&kind, namespace.as_deref(), &name)).await {
                object = other;
            }
        }
    }
    let since = drift::since(&object);
    let text = |path: &str| object.pointer(path).and_then(Value::as_str).unwrap_or_default().to_owned();
    let document = Document {
        position: manifest::Position { document: 1, item: None },
        api_version: text("/apiVersion"),
        kind: text("/kind"),
        name,
        namespace: namespace.clone(),
        value: Value::Null,
    };
    let compared = format!("{} {}", quoted(&document.shown()), since.said());
    let done = Done::new(&document, namespace.as_deref(), Outcome::Configured).changes(since.changes);
    let (_, changes) = outcome::lists(vec![done], namespace.as_deref());
    let scope = cluster.place(namespace.as_deref());
    let others = others.iter().map(|other| Untrusted::line(other)).collect();
    Ok(Differences { scope, compared, others, objects: None, changes, unread })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds;

    #[test]
    fn a_name_picks_a_document() {
        let text = "apiVersion: v1\nkind: Pod\nmetadata: {name: web}\n---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\n";
        let documents = manifest::read(text).unwrap();
        let kinds = Kinds { all: vec![kinds::pods(), kinds::deployments()], unread: Vec::new() };
        let picked = |name, kind| {
            wanted(&documents, name, kind, &kinds)
                .map(|wanted| wanted.iter().map(|one| one.kind.as_str()).collect::<Vec<_>>().join(" "))
                .map_err(|error| error.code())
        };
        assert_eq!(picked(None, None).unwrap(), "Pod Deployment");
        assert_eq!(picked(Some("web"), None).unwrap(), "Pod Deployment");
        assert_eq!(picked(Some("deploy/web"), None).unwrap(), "Deployment");
        assert_eq!(picked(Some("web"), Some("po")).unwrap(), "Pod");
        assert_eq!(picked(Some("other"), None), Err(Code::NotFound));
    }

    #[test]
    fn outcomes_are_counted() {
        let document = manifest::read("apiVersion: v1\nkind: Pod\nmetadata: {name: web}\n").unwrap().remove(0);
        let done = |outcome| Done::new(&document, None, outcome);
        let all = [done(Outcome::Created), done(Outcome::Unchanged), done(Outcome::Unchanged), done(Outcome::Failed)];
        assert_eq!(counted(&all), "4 documents: 1 new, 2 no change, 1 FAILED");
    }
}
