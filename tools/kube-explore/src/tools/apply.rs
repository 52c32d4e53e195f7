//! `kube_apply`: documents, and what became of each.

use std::{sync::Arc, time::Duration};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use shared::{Annotations, Answer, Call, Code, List, Records, Result, Text, Tool, ToolError, Write};
use tokio::time::Instant;

use crate::{
    Explore,
    applying::{self, Aim, Brought},
    cluster::Cluster,
    drift,
    failure::Failure,
    kinds::Kinds,
    manifest::{self, Document},
    outcome::{self, Done, Item, Outcome, Row},
    scope::Place,
};

/// How often, half a second apart, a kind that the documents themselves have brought is looked for.
const PATIENCE: u32 = 20;
/// The most objects an error of all of them names.
const NAMED: usize = 20;

/// The tool.
pub struct Apply;

/// Parameters.
#[derive(Deserialize, JsonSchema)]
pub struct Params {
    /// YAML or JSON, several documents.
    yaml: String,
    /// For documents that name none; default: the context's.
    namespace: Option<String>,
    /// Only try, and show the field diff.
    #[serde(default)]
    dry_run: bool,
    /// Take fields other managers own.
    #[serde(default)]
    force_conflicts: bool,
    /// Kubeconfig context.
    context: Option<String>,
}

/// The answer.
#[derive(Serialize, JsonSchema)]
pub struct Applied {
    /// Where documents went that name no namespace.
    scope: Place,
    /// Objects that went well.
    applied: usize,
    /// Objects that did not.
    failed: usize,
    /// Whether nothing was changed.
    dry_run: bool,
    /// What became of each.
    objects: Records<Item>,
    /// What would change.
    changes: Records<Row>,
}

impl Answer for Applied {
    fn text(&self, text: &mut Text<'_>) {
        let failed = if self.failed > 0 { format!(", {} FAILED", self.failed) } else { String::new() };
        let what = if self.dry_run { "would be applied" } else { "applied" };
        let dry = if self.dry_run { " (dry run: nothing was changed)" } else { "" };
        text.line(format_args!("{}: {} {what}{failed}{dry}", self.scope.shown(), self.applied));
        outcome::write(&self.objects, &self.changes, self.dry_run, text);
    }

    fn lists(&mut self) -> Vec<&mut dyn List> {
        vec![&mut self.objects, &mut self.changes]
    }
}

impl Tool for Apply {
    const NAME: &'static str = "kube_apply";
    const TITLE: &'static str = "Apply documents";
    const DESCRIPTION: &'static str =
        "Creates or changes objects by server-side apply, in order; answers for each. Conflicts name field and owner.";
    const EXAMPLE: &'static str = "yaml='{apiVersion: v1, kind: ConfigMap, metadata: {name: a}}' dry_run=true";
    const ANNOTATIONS: Annotations = Annotations { destructive: true, idempotent: true, open_world: true };
    const TIMEOUT: Duration = Duration::from_secs(300);
    const BUDGETED: bool = true;
    const ALIASES: &'static [(&'static str, &'static str)] = &[
        ("manifest", "yaml"),
        ("source", "yaml"),
        ("ns", "namespace"),
        ("dryRun", "dry_run"),
        ("force", "force_conflicts"),
        ("forceConflicts", "force_conflicts"),
    ];

    type Access = Write;
    type Server = Explore;
    type Params = Params;
    type Output = Applied;

    async fn run(_: Arc<Explore>, params: Params, call: Call) -> Result<Applied> {
        let text = params.yaml;
        let documents = call.blocking(move || manifest::read(&text)).await?;
        let given = applying::namespace(params.namespace.as_deref(), &documents)?;
        let cluster = Cluster::connect(params.context.as_deref(), &call).await?;
        let namespace = given.unwrap_or_else(|| cluster.namespace()).to_owned();
        let mut work = Work {
            kinds: cluster.kinds().await?,
            all: Brought::of(&documents),
            brought: Brought::default(),
            dry_run: params.dry_run,
            force: params.force_conflicts,
            namespace: &namespace,
            cluster: &cluster,
        };
        let mut done = Vec::with_capacity(documents.len());
        let mut codes = Vec::new();
        for (at, document) in documents.iter().enumerate() {
            call.check()?;
            call.progress().report(at as u64, documents.len() as u64, &document.shown());
            let one = work.document(document).await;
            codes.extend(one.code);
            done.push(one.done);
        }
        let failed = done.iter().filter(|done| done.failed()).count();
        let applied = done.len() - failed;
        if applied == 0 {
            return Err(refused(&done, &codes, &cluster.place(Some(&namespace))));
        }
        if !params.dry_run {
            // How many fields changed is said with the outcome; which ones, whoever asked for it knows.
            done.iter_mut().for_each(|done| done.changes = drift::Changes::default());
        }
        let (objects, changes) = outcome::lists(done, Some(&namespace));
        let scope = cluster.place(Some(&namespace));
        Ok(Applied { scope, applied, failed, dry_run: params.dry_run, objects, changes })
    }
}

/// Where nothing at all was applied, that is an error, with what is wrong with each.
fn refused(done: &[Done], codes: &[Code], scope: &Place) -> ToolError {
    let code = codes.first().copied().unwrap_or(Code::Unavailable);
    let what = if done.len() == 1 {
        String::from("it was not applied")
    } else {
        format!("none of {} documents was applied", done.len())
    };
    let mut said: Vec<String> = done.iter().take(NAMED).map(line).collect();
    if done.len() > NAMED {
        said.push(format!("and {} more", done.len() - NAMED));
    }
    let error = ToolError::new(code, format!("{what} in {}", scope.shown())).with_said(said.join("\n"));
    match code {
        Code::Conflict => error.hint("leave out the fields that others own, or take them with force_conflicts=true"),
        Code::NotFound => error.hint("create what is missing first, its namespace or its kind, or put it before it"),
        Code::Forbidden => error.hint("ask for a role that may patch these kinds, or name another namespace"),
        Code::Timeout => error.hint("look with kube_inspect what became of it before it is applied again"),
        _ => error.hint("correct the document; dry_run=true tries it without changing anything"),
    }
}

fn line(done: &Done) -> String {
    // Whatever is said here is framed as a stranger's.
    let json = serde_json::to_value(&done.item).unwrap_or_default();
    let text = |field: &str| json.get(field).and_then(Value::as_str).unwrap_or_default().to_owned();
    let conflicts = json.get("conflicts").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
    let conflicts: String = conflicts.map(|conflict| format!("\n  conflict with {conflict}")).collect();
    format!("{}: {}{conflicts}", text("object"), text("note"))
}

/// A document's end, and what kind of failure it was.
struct One {
    done: Done,
    code: Option<Code>,
}

struct Work<'c> {
    cluster: &'c Cluster,
    kinds: Kinds,
    /// What all documents bring, and what has been brought.
    all: Brought,
    brought: Brought,
    dry_run: bool,
    force: bool,
    namespace: &'c str,
}

impl Work<'_> {
    async fn document(&mut self, document: &Document) -> One {
        let failed = |code: Code, note: &str| One {
            done: Done::new(document, document.namespace.as_deref(), Outcome::Failed).note(note),
            code: Some(code),
        };
        if self.cluster.end(Duration::from_secs(1)) <= Instant::now() {
            return failed(Code::Timeout, "not tried: the time of the call was up before");
        }
        let mut left = if self.brought.has_kind(document) { PATIENCE } else { 0 };
        loop {
            let end = match Aim::of(document, &self.kinds, self.namespace) {
                Some(aim) => self.aimed(&aim).await,
                None => Err(None),
            };
            match end {
                Ok(done) => {
                    if !self.dry_run {
                        self.brought.add(document);
                    }
                    return One { done, code: None };
                }
                // A kind that has just come is served a moment later. Nothing was done: a path that is not there does nothing.
                Err(failure) if left > 0 && failure.as_ref().is_none_or(applying::lacks_kind) => {
                    left -= 1;
                    let pause = tokio::time::sleep(Duration::from_millis(500));
                    if self.cluster.within(self.cluster.end(Duration::from_secs(1)), pause).await.is_err() {
                        left = 0;
                    }
                    if let Ok(kinds) = self.cluster.kinds().await {
                        self.kinds = kinds;
                    }
                }
                Err(None) if self.dry_run && self.all.has_kind(document) => {
                    return failed(
                        Code::NotFound,
                        "its kind comes with this text: it can be tried once that is applied",
                    );
                }
                Err(None) => {
                    let note = format!("the cluster has no kind {} in {}", document.kind, document.api_version);
                    return failed(Code::NotFound, &note);
                }
                Err(Some(failure)) => return self.failed(document, &failure),
            }
        }
    }

    async fn aimed(&self, aim: &Aim<'_>) -> Result<Done, Option<Failure>> {
        let mut rounds = applying::ROUNDS;
        loop {
            let before = match self.cluster.object(&aim.path()).await {
                Ok(before) => Some(Some(before)),
                Err(failure) if failure.code == Code::NotFound => Some(None),
                Err(_) => None,
            };
            let after = match self.dry_run {
                true => self.cluster.tried(aim, self.force).await,
                false => self.cluster.applied(aim, self.force).await,
            };
            let after = after.map_err(Some)?;
            rounds = rounds.saturating_sub(1);
            let (document, namespace) = (aim.document, aim.namespace.as_deref());
            return Ok(match before {
                None => Done::new(document, namespace, Outcome::Applied).note("what it was before could not be read"),
                Some(None) => Done::new(document, namespace, Outcome::Created),
                // Only what was tried can be done again.
                Some(Some(before)) if self.dry_run && rounds > 0 && applying::moved(&before, &after) => continue,
                Some(Some(before)) => Done::became(document, namespace, &before, &after),
            });
        }
    }

    fn failed(&self, document: &Document, failure: &Failure) -> One {
        let namespace = document.namespace.as_deref().or(Some(self.namespace));
        let done = Done::new(document, namespace, Outcome::Failed);
        let conflicts = applying::conflicts(failure);
        let done = if !conflicts.is_empty() {
            done.note("fields belong to others; force_conflicts=true takes them").conflicts(&conflicts)
        } else if self.dry_run
            && applying::lacks_namespace(failure)
            && namespace.is_some_and(|name| self.all.has_namespace(name))
        {
            done.note("its namespace comes with this text: it can be tried once that is applied")
        } else if !self.dry_run && failure.status == 0 {
            done.note(&format!("not known: {}", failure.why))
        } else {
            done.note(&applying::reason(failure, document))
        };
        One { done, code: Some(applying::code(failure)) }
    }
}
