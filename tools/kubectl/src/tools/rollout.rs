//! `kubectl_rollout`: how a workload goes over to a new version, and what is done about it.

use std::{sync::Arc, time::Duration};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use shared::{
    Annotations, Answer, Call, List, Result, Text, Tool, ToolError, Untrusted, Write,
    exec::{Argv, Ends},
};

use crate::{
    Kubectl, argv,
    failure::{self, Fault},
    resource::Resource,
    run::{LOOK, Request},
    scope::{Place, Reach, Scope},
};

/// Seconds when the caller does not say.
const SECONDS: u32 = 60;
/// The most seconds.
const SECONDS_MAX: u32 = 600;
/// How much longer kubectl itself gets.
const GRACE: u32 = 5;

/// The tool.
pub struct Rollout;

/// Parameters.
#[derive(Deserialize, JsonSchema)]
pub struct Params {
    /// status waits.
    action: Action,
    /// kind/name: deployment/web.
    resource: String,
    /// Default: the context's own.
    namespace: Option<String>,
    /// Of history or undo.
    revision: Option<u32>,
    /// Seconds for status; default 60, max 600.
    timeout: Option<u32>,
    /// Kubeconfig context.
    context: Option<String>,
}

#[derive(Clone, Copy, Deserialize, Serialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum Action {
    Status,
    History,
    Undo,
    Restart,
    Pause,
    Resume,
}

impl Action {
    fn word(self) -> &'static str {
        match self {
            Self::Status => "status",
            Self::History => "history",
            Self::Undo => "undo",
            Self::Restart => "restart",
            Self::Pause => "pause",
            Self::Resume => "resume",
        }
    }
}

/// The answer.
#[derive(Serialize, JsonSchema)]
pub struct Rolled {
    /// Where.
    scope: Place,
    /// What.
    resource: String,
    /// What was done.
    action: Action,
    /// For status: whether it is rolled out.
    #[serde(skip_serializing_if = "Option::is_none")]
    complete: Option<bool>,
    /// What kubectl printed.
    printed: Ends,
    /// Why kubectl stopped waiting.
    #[serde(skip_serializing_if = "Option::is_none")]
    stopped: Option<Untrusted>,
    /// What keeps it from being rolled out.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    causes: Vec<Untrusted>,
}

impl Answer for Rolled {
    fn text(&self, text: &mut Text<'_>) {
        let how = match self.complete {
            Some(true) => ": rolled out",
            Some(false) => ": NOT rolled out",
            None => "",
        };
        text.line(format_args!("{}: rollout {} of {}{how}", self.scope.shown(), self.action.word(), self.resource));
        self.printed.write(text);
        if let Some(stopped) = &self.stopped {
            text.line(format_args!("kubectl says: {}", stopped.quoted()));
        }
        if !self.causes.is_empty() {
            text.line("cause:");
            for cause in &self.causes {
                text.framed(|inside| format!("{}\n", cause.inside(inside)));
            }
        } else if self.complete == Some(false) {
            text.line("its pods show no cause: see kubectl_describe and kubectl_events");
        }
    }

    fn lists(&mut self) -> Vec<&mut dyn List> {
        self.printed.lists().into_iter().collect()
    }
}

impl Tool for Rollout {
    const NAME: &'static str = "kubectl_rollout";
    const TITLE: &'static str = "Manage a rollout";
    const DESCRIPTION: &'static str = "Watches, restarts or reverts a rollout; a failing status ends with the cause.";
    const EXAMPLE: &'static str = "action=status resource=deployment/web";
    const ANNOTATIONS: Annotations = Annotations { destructive: true, idempotent: false, open_world: true };
    const TIMEOUT: Duration = Duration::from_secs(SECONDS_MAX as u64 + 60);
    const ALIASES: &'static [(&'static str, &'static str)] = &[("to_revision", "revision"), ("ns", "namespace")];

    type Access = Write;
    type Server = Kubectl;
    type Params = Params;
    type Output = Rolled;

    async fn run(server: Arc<Kubectl>, params: Params, call: Call) -> Result<Rolled> {
        let scope = Scope::new(params.context.as_deref(), params.namespace.as_deref(), false)?;
        let resource = Resource::new(&params.resource, None)?;
        let mut request = Request::new(argv(&params, &scope, &resource)?, &scope)
            .about(&resource)
            .stdout(Ends::capture(false))
            .timeout(LOOK);
        let status = params.action == Action::Status;
        if status {
            let seconds = argv::seconds(params.timeout, SECONDS, SECONDS_MAX)?;
            request = request.streaming().timeout(Duration::from_secs((seconds + GRACE).into()));
        }
        let done = server.attempt(request, &call).await?;
        let ok = done.outcome.success();
        let said = failure::words(&done.outcome);
        // A rollout that is not complete in time is an answer; everything else that fails is an error.
        let incomplete = status
            && !ok
            && (said.contains("timed out waiting") || said.contains("progress deadline"))
            && !matches!(Fault::read(&said), Fault::Unreachable);
        if !ok && !incomplete {
            return Err(server.explain(&said, &done.place, &scope, Some(&resource), &call).await);
        }
        let causes = if incomplete { server.causes(&resource, &scope, &call).await } else { Vec::new() };
        Ok(Rolled {
            scope: done.place,
            resource: resource.shown(),
            action: params.action,
            complete: status.then_some(ok),
            printed: Ends::new(&done.outcome.stdout),
            stopped: Some(said).filter(|said| !said.is_empty()).map(|said| Untrusted::line(&said)),
            causes,
        })
    }
}

fn argv(params: &Params, scope: &Scope, resource: &Resource) -> Result<Argv> {
    // The action is a command of its own and comes first.
    let mut argv = scope.on(Argv::new().literal("rollout").literal(params.action.word()), Reach::One)?;
    argv = match (params.revision, params.action) {
        (None, _) => argv,
        (Some(revision), Action::Undo) => argv.flag_value("--to-revision", revision.to_string())?,
        (Some(revision), Action::History | Action::Status) => argv.flag_value("--revision", revision.to_string())?,
        (Some(_), _) => {
            return Err(ToolError::invalid("revision goes with history, undo and status only").hint("leave it out"));
        }
    };
    if params.action == Action::Status {
        let seconds = argv::seconds(params.timeout, SECONDS, SECONDS_MAX)?;
        argv = argv.flag_value("--timeout", format!("{seconds}s"))?;
    } else if params.timeout.is_some() {
        return Err(ToolError::invalid("timeout goes with status only").hint("leave it out"));
    }
    resource.joined_on(argv)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::argv::tests::words;

    fn words_of(params: serde_json::Value) -> Result<String> {
        let params: Params = serde_json::from_value(params).unwrap();
        let scope = Scope::new(params.context.as_deref(), params.namespace.as_deref(), false)?;
        argv(&params, &scope, &Resource::new(&params.resource, None)?).map(|argv| words(&argv).join(" "))
    }

    #[test]
    fn its_arguments() {
        for (params, expected) in [
            (json!({"action": "status", "resource": "deploy/a"}), "rollout status --timeout=60s deploy/a"),
            (
                json!({"action": "undo", "resource": "deploy/a", "revision": 3, "namespace": "n", "context": "c"}),
                "rollout undo --context=c --namespace=n --to-revision=3 deploy/a",
            ),
            (json!({"action": "history", "resource": "ds/a", "revision": 2}), "rollout history --revision=2 ds/a"),
            (json!({"action": "restart", "resource": "sts/a"}), "rollout restart sts/a"),
            (json!({"action": "pause", "resource": "deploy/a"}), "rollout pause deploy/a"),
            (json!({"action": "resume", "resource": "deploy/a"}), "rollout resume deploy/a"),
        ] {
            assert_eq!(words_of(params).unwrap(), expected);
        }
        for params in [
            json!({"action": "restart", "resource": "deployments"}),
            json!({"action": "restart", "resource": "deploy/a", "revision": 1}),
            json!({"action": "restart", "resource": "deploy/a", "timeout": 1}),
            json!({"action": "status", "resource": "deploy/a", "timeout": 601}),
            json!({"action": "status", "resource": "--all"}),
            json!({"action": "status", "resource": "deploy/a", "namespace": "*"}),
        ] {
            assert!(words_of(params.clone()).is_err(), "{params}");
        }
    }
}
