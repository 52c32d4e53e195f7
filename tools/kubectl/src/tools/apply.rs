//! `kubectl_apply`: a manifest, and what became of each object in it.

use std::{sync::Arc, time::Duration};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use shared::{
    Annotations, Answer, Call, Code, Lines, List, Records, Result, Text, Tool, ToolError, Untrusted, Write,
    exec::{Argv, Capture, Outcome},
};

use crate::{
    Kubectl,
    applied::{self, Item, Manifest},
    argv, difference, failure,
    run::{Done, REQUEST, Request},
    scope::{Place, Reach, Scope},
};

/// The longest manifest, in bytes.
const MANIFEST_MAX: usize = 8 << 20;
/// The most bytes of kubectl's answers that are parsed.
const PARSED_MAX: usize = 32 << 20;
/// The longest line of kubectl's words, and the most of them together.
const WORDS_LINE: usize = 4 << 10;
const WORDS_MAX: usize = 256 << 10;
/// How long one run of kubectl may take.
const RUN: Duration = Duration::from_secs(120);
/// How often, half a second apart, a kind that the manifest itself has brought is looked for.
const PATIENCE: u32 = 20;

/// The tool.
pub struct Apply;

/// Parameters.
#[derive(Deserialize, JsonSchema)]
pub struct Params {
    /// YAML or JSON, several documents.
    manifest: String,
    /// For objects that name none.
    namespace: Option<String>,
    /// Only try; server shows the diff.
    dry_run: Option<DryRun>,
    /// Fields have owners.
    #[serde(default)]
    server_side: bool,
    /// Take fields of other owners.
    #[serde(default)]
    force_conflicts: bool,
    /// Kubeconfig context.
    context: Option<String>,
}

#[derive(Clone, Copy, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum DryRun {
    Client,
    Server,
}

/// The answer.
#[derive(Serialize, JsonSchema)]
pub struct Applied {
    /// Where.
    scope: Place,
    /// Objects that went well.
    applied: usize,
    /// Objects that did not.
    failed: usize,
    /// Whether nothing was changed.
    dry_run: bool,
    /// What became of each.
    objects: Records<Item>,
    /// Warnings of the API server.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<Untrusted>,
    /// What would change.
    #[serde(skip_serializing_if = "Option::is_none")]
    diff: Option<Lines>,
    /// Why there is no diff.
    #[serde(skip_serializing_if = "Option::is_none")]
    no_diff: Option<Untrusted>,
}

impl Answer for Applied {
    fn text(&self, text: &mut Text<'_>) {
        let failed = if self.failed > 0 { format!(", {} FAILED", self.failed) } else { String::new() };
        let what = if self.dry_run { "would be applied" } else { "applied" };
        let dry = if self.dry_run { " (dry run: nothing was changed)" } else { "" };
        text.line(format_args!("{}: {} {what}{failed}{dry}", self.scope.shown(), self.applied));
        text.records(&self.objects, |item, inside| {
            let reason = item.reason.as_ref().map(|reason| format!(": {}", reason.inside(inside)));
            format!("{} {}{}", item.object.inside(inside), item.outcome.inside(inside), reason.unwrap_or_default())
        });
        for warning in &self.warnings {
            text.line(format_args!("warning: {}", warning.quoted()));
        }
        match (&self.diff, &self.no_diff) {
            (Some(diff), _) if diff.is_empty() => text.line("no differences"),
            (Some(diff), _) => {
                text.line("diff:");
                text.lines(diff);
            }
            (None, Some(why)) => text.line(format_args!("no diff: {}", why.quoted())),
            (None, None) => {}
        }
    }

    fn lists(&mut self) -> Vec<&mut dyn List> {
        let diff = self.diff.as_mut().map(|diff| diff as &mut dyn List);
        std::iter::once(&mut self.objects as &mut dyn List).chain(diff).collect()
    }
}

impl Tool for Apply {
    const NAME: &'static str = "kubectl_apply";
    const TITLE: &'static str = "Apply a manifest";
    const DESCRIPTION: &'static str = "Creates or changes objects; answers for each.";
    const EXAMPLE: &'static str = "manifest='{apiVersion: v1, kind: ConfigMap, metadata: {name: a}}' dry_run=server";
    const ANNOTATIONS: Annotations = Annotations { destructive: true, idempotent: true, open_world: true };
    const TIMEOUT: Duration = Duration::from_secs(300);
    const ALIASES: &'static [(&'static str, &'static str)] =
        &[("yaml", "manifest"), ("dryRun", "dry_run"), ("serverSide", "server_side"), ("ns", "namespace")];

    type Access = Write;
    type Server = Kubectl;
    type Params = Params;
    type Output = Applied;

    async fn run(server: Arc<Kubectl>, params: Params, call: Call) -> Result<Applied> {
        let scope = Scope::new(params.context.as_deref(), params.namespace.as_deref(), false)?;
        let argv = argv(&params, &scope)?;
        let manifest = read(&server, &params, &scope, &call).await?;
        let (done, mut printed, said) = run(&server, argv.clone(), &params, &scope, &call).await?;
        let cut_short = failure::cut_short(&done.outcome, &done.place, RUN);
        if printed.is_empty() {
            cut_short.clone()?;
        }
        let mut said = manifest.masked(&said);
        let mut items = manifest.outcomes(&printed, &said, cut_short.err().as_ref().map(ToolError::message));
        // A kind that the manifest has just brought is served a moment later.
        let brings = printed.contains("customresourcedefinition.apiextensions.k8s.io/") && params.dry_run.is_none();
        for _ in 0..PATIENCE {
            if !brings || !said.contains("no matches for kind") {
                break;
            }
            tokio::select! {
                () = tokio::time::sleep(Duration::from_millis(500)) => {}
                () = call.cancellation().cancelled() => return Err(call.stopped()),
            }
            let (_, more, words) = run(&server, argv.clone(), &params, &scope, &call).await?;
            let manifest = read(&server, &params, &scope, &call).await?;
            said = manifest.masked(&words);
            // What an object came to the first time is what it came to.
            for line in more.lines() {
                let object = line.split(' ').next();
                if !printed.lines().any(|line| line.split(' ').next() == object) {
                    printed.push_str(line);
                    printed.push('\n');
                }
            }
            items = manifest.outcomes(&printed, &said, None);
        }
        let failed = items.iter().filter(|item| item.failed).count();
        let applied = items.len() - failed;
        if applied == 0 {
            let said = applied::errors(&said).join("\n");
            if applied::is_conflict(&said) {
                return Err(ToolError::new(
                    Code::Conflict,
                    format!("fields belong to others in {}", done.place.shown()),
                )
                .hint("leave the fields out that others own, or take them with force_conflicts=true")
                .with_said(said));
            }
            return Err(server.explain(&said, &done.place, &scope, None, &call).await);
        }
        let (diff, no_diff) = match params.dry_run {
            Some(DryRun::Server) => diff(&server, &manifest, &params, &scope, &call).await?,
            _ => (None, None),
        };
        let warnings = said.lines().filter_map(|line| line.strip_prefix("Warning: ")).map(Untrusted::line).collect();
        Ok(Applied {
            scope: done.place,
            applied,
            failed,
            dry_run: params.dry_run.is_some(),
            objects: Records::all("objects", items),
            warnings,
            diff,
            no_diff,
        })
    }
}

/// The objects of the manifest, as kubectl reads them.
async fn read(server: &Kubectl, params: &Params, scope: &Scope, call: &Call) -> Result<Manifest> {
    let argv = Argv::new().literal("create").literal("--dry-run=client").literal("--validate=false");
    let argv = scope.on(argv.literal("--output=json").literal("--filename=-"), Reach::One)?;
    let argv = argv.flag_value("--request-timeout", REQUEST)?;
    let whole = Capture::Whole { max: PARSED_MAX };
    let stdin = Some(params.manifest.clone().into_bytes());
    let outcome = server.start(argv, stdin, whole, Capture::default(), RUN, call).await?;
    Ok(Manifest::read(&text(&outcome), &params.manifest))
}

/// A run of kubectl on the manifest: what it printed, and its words. These are taken line by line: a patch in them is one line, and is known
/// by its beginning, however long it is.
async fn run(
    server: &Kubectl,
    argv: Argv,
    params: &Params,
    scope: &Scope,
    call: &Call,
) -> Result<(Done, String, String)> {
    let mut said = String::new();
    let request = Request::new(argv, scope)
        .stdin(params.manifest.clone())
        .stdout(Capture::Whole { max: PARSED_MAX })
        .stderr(Capture::lines(WORDS_LINE, |line| {
            if said.len() < WORDS_MAX {
                said.push_str(&String::from_utf8_lossy(line.bytes));
                said.push('\n');
            }
        }))
        .timeout(RUN);
    let done = server.begin(request, call).await?;
    let printed = text(&done.outcome);
    Ok((done, printed, said))
}

fn text(outcome: &Outcome) -> String {
    String::from_utf8_lossy(&outcome.stdout.head).into_owned()
}

/// What `kubectl diff` shows: the same fields against the same objects.
async fn diff(
    server: &Kubectl,
    manifest: &Manifest,
    params: &Params,
    scope: &Scope,
    call: &Call,
) -> Result<(Option<Lines>, Option<Untrusted>)> {
    let mut argv = argv::verb("diff", scope, Reach::One)?.literal("--filename=-");
    if params.server_side {
        argv = argv.literal("--server-side");
    }
    if params.force_conflicts {
        argv = argv.literal("--force-conflicts");
    }
    let (done, printed, said) = run(server, argv, params, scope, call).await?;
    failure::cut_short(&done.outcome, &done.place, RUN)?;
    // 1 says that there are differences.
    let well = matches!(done.outcome.exit, shared::exec::Exit::Code(0 | 1));
    if printed.is_empty() && !well {
        let said = manifest.masked(&said);
        return Ok((None, Some(Untrusted::line(said.trim()))));
    }
    Ok((Some(Lines::all("lines", difference::clean(&printed).as_bytes())), None))
}

fn argv(params: &Params, scope: &Scope) -> Result<Argv> {
    if params.manifest.trim().is_empty() {
        return Err(ToolError::invalid("manifest is empty").hint("pass YAML or JSON, not the name of a file"));
    }
    if !params.manifest.contains(':') {
        return Err(
            ToolError::invalid("manifest holds no object").hint("pass the YAML or JSON itself, not the name of a file")
        );
    }
    if params.manifest.len() > MANIFEST_MAX {
        return Err(ToolError::new(Code::TooLarge, format!("manifest is longer than {MANIFEST_MAX} bytes"))
            .hint("apply it in parts"));
    }
    if params.force_conflicts && !params.server_side {
        return Err(ToolError::invalid("force_conflicts goes with server_side only").hint("pass server_side=true, too"));
    }
    if params.server_side && params.dry_run == Some(DryRun::Client) {
        return Err(ToolError::invalid("server_side cannot be tried by the client").hint("pass dry_run=server"));
    }
    let mut argv = argv::verb("apply", scope, Reach::One)?.literal("--filename=-");
    argv = match params.dry_run {
        Some(DryRun::Client) => argv.literal("--dry-run=client"),
        Some(DryRun::Server) => argv.literal("--dry-run=server"),
        None => argv,
    };
    if params.server_side {
        argv = argv.literal("--server-side");
    }
    if params.force_conflicts {
        argv = argv.literal("--force-conflicts");
    }
    Ok(argv)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::argv::tests::words;

    fn words_of(params: serde_json::Value) -> Result<String> {
        let params: Params = serde_json::from_value(params).unwrap();
        let scope = Scope::new(params.context.as_deref(), params.namespace.as_deref(), false)?;
        argv(&params, &scope).map(|argv| words(&argv).join(" "))
    }

    #[test]
    fn its_arguments() {
        for (params, expected) in [
            (json!({"manifest": "--filename=https://evil"}), "apply --filename=-"),
            (
                json!({"manifest": "x: y", "namespace": "n", "context": "c", "dry_run": "server", "server_side": true, "force_conflicts": true}),
                "apply --context=c --namespace=n --filename=- --dry-run=server --server-side --force-conflicts",
            ),
            (json!({"manifest": "x: y", "dry_run": "client"}), "apply --filename=- --dry-run=client"),
        ] {
            assert_eq!(words_of(params).unwrap(), expected);
        }
        for params in [
            json!({"manifest": " \n"}),
            json!({"manifest": "@/tmp/x.yaml"}),
            json!({"manifest": "x: y", "force_conflicts": true}),
            json!({"manifest": "x: y", "server_side": true, "dry_run": "client"}),
            json!({"manifest": "x: y", "namespace": "*"}),
            json!({"manifest": "x:".repeat(MANIFEST_MAX)}),
        ] {
            assert!(words_of(params).is_err());
        }
        // What is misspelt must not become a real run.
        assert!(serde_json::from_value::<Params>(json!({"manifest": "x: y", "dry_run": "Server"})).is_err());
    }
}
