//! `kubectl_exec`: a command in a container.

use std::{fmt::Write as _, sync::Arc, time::Duration};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use shared::{
    Annotations, Answer, Call, Code, List, Result, Text, Tool, ToolError, Untrusted, Write,
    exec::{Argv, Ended, Ends, Exit},
    kubernetes::Printed,
};

use crate::{
    Kubectl, argv, failure, remote,
    resource::Resource,
    run::{Done, Request},
    scope::{Place, Reach, Scope},
};

/// Seconds when the caller does not say.
const SECONDS: u32 = 30;
/// The most seconds.
const SECONDS_MAX: u32 = 300;

/// The tool.
pub struct Exec;

/// Parameters.
#[derive(Deserialize, JsonSchema)]
pub struct Params {
    /// Pod, or kind/name.
    pod: String,
    /// For sh -c; or argv.
    command: Option<String>,
    /// Program and arguments, without a shell.
    argv: Option<Vec<String>>,
    /// Default: the context's own.
    namespace: Option<String>,
    /// Default: the pod's main one.
    container: Option<String>,
    /// Seconds; default 30, max 300.
    timeout: Option<u32>,
    /// Kubeconfig context.
    context: Option<String>,
}

/// The answer.
#[derive(Serialize, JsonSchema)]
pub struct Ran {
    /// Where it ran.
    scope: Place,
    /// In which pod.
    pod: String,
    /// Which container kubectl chose, where there are several.
    #[serde(skip_serializing_if = "Option::is_none")]
    chosen: Option<Untrusted>,
    /// How it ended, and what it printed.
    #[serde(flatten)]
    printed: Printed,
}

impl Answer for Ran {
    fn text(&self, text: &mut Text<'_>) {
        let mut how = self.printed.how();
        if let Some(chosen) = &self.chosen {
            let _ = write!(how, "; container {}", chosen.quoted());
        }
        text.line(format_args!("{}: {}, {how}", self.scope.shown(), self.pod));
        self.printed.write(text);
    }

    fn lists(&mut self) -> Vec<&mut dyn List> {
        self.printed.lists()
    }
}

impl Tool for Exec {
    const NAME: &'static str = "kubectl_exec";
    const TITLE: &'static str = "Run a command in a container";
    const DESCRIPTION: &'static str = "Runs a command in a container, without input.";
    const EXAMPLE: &'static str = "pod=web-0 command='df -h'";
    const ANNOTATIONS: Annotations = Annotations { destructive: true, idempotent: false, open_world: true };
    const TIMEOUT: Duration = Duration::from_secs(SECONDS_MAX as u64 + 20);
    const ALIASES: &'static [(&'static str, &'static str)] =
        &[("name", "pod"), ("ns", "namespace"), ("args", "argv"), ("cmd", "command")];

    type Access = Write;
    type Server = Kubectl;
    type Params = Params;
    type Output = Ran;

    async fn run(server: Arc<Kubectl>, params: Params, call: Call) -> Result<Ran> {
        let scope = Scope::new(params.context.as_deref(), params.namespace.as_deref(), false)?;
        let pod = remote::pod(&params.pod)?;
        let argv = argv(&params, &scope, &pod)?;
        let seconds = argv::seconds(params.timeout, SECONDS, SECONDS_MAX)?;
        let timeout = Duration::from_secs(seconds.into());
        let request = Request::new(argv, &scope).streaming().timeout(timeout);
        let request = request.stdout(Ends::capture(false)).stderr(Ends::capture(true));
        let Done { place, outcome } = server.begin(request, &call).await?;
        let timed_out = outcome.ended == Ended::TimedOut;
        let exit_code = remote::exit_code(&outcome);
        if exit_code.is_none() && !timed_out {
            let said = failure::words(&outcome);
            if let Exit::Signal(signal) = outcome.exit {
                let printed = Ends::new(&outcome.stdout);
                let error = failure::killed(signal);
                return Err(if printed.is_empty() { error } else { error.with_said(outcome.stdout_end()) });
            }
            if said.contains("executable file not found") || said.contains("OCI runtime exec failed") {
                return Err(ToolError::new(
                    Code::NotFound,
                    format!("the program could not be started in {}", pod.shown()),
                )
                .hint("the image may have neither it nor a shell: try argv with a program it has")
                .with_said(said));
            }
            if remote::is_not_running(&said) {
                return Err(remote::not_running(&pod, &place));
            }
            return Err(server.explain(&said, &place, &scope, Some(&pod), &call).await);
        }
        let left = params.container.as_deref().is_none_or(str::is_empty);
        let (chosen, stderr) = remote::own_words(outcome.stderr, left, exit_code);
        Ok(Ran {
            scope: place,
            pod: pod.shown(),
            chosen: chosen.as_deref().map(Untrusted::line),
            printed: Printed::new(exit_code, seconds, Ends::new(&outcome.stdout), Ends::new(&stderr)),
        })
    }
}

fn argv(params: &Params, scope: &Scope, pod: &Resource) -> Result<Argv> {
    let argv = argv::verb("exec", scope, Reach::One)?.flag_value("--pod-running-timeout", remote::RUNNING)?;
    let argv = pod.joined_on(remote::container(argv, params.container.as_deref())?)?;
    match (params.command.as_deref(), params.argv.as_deref()) {
        (Some(command), None | Some([])) if !command.trim().is_empty() => {
            argv.after_separator("command", ["sh", "-c", command])
        }
        (None | Some(""), Some(words)) if words.first().is_some_and(|program| !program.is_empty()) => {
            argv.after_separator("argv", words)
        }
        (Some(_), Some(_)) => Err(ToolError::invalid("command and argv exclude each other").hint("pass one of them")),
        _ => Err(ToolError::invalid("there is no command")
            .hint("pass command, a line for sh -c, or argv, a program and its arguments")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::argv::tests::words;

    fn words_of(params: serde_json::Value) -> Result<Vec<String>> {
        let params: Params = serde_json::from_value(params).unwrap();
        let scope = Scope::new(params.context.as_deref(), params.namespace.as_deref(), false)?;
        argv(&params, &scope, &remote::pod(&params.pod)?).map(|argv| words(&argv))
    }

    #[test]
    fn its_arguments() {
        for (params, expected) in [
            (
                json!({"pod": "a", "command": "ls -l\n|wc"}),
                &["exec", "--pod-running-timeout=5s", "pod/a", "--", "sh", "-c", "ls -l\n|wc"][..],
            ),
            (
                json!({"pod": "deploy/a", "argv": ["--x", "", "-- y"], "namespace": "n", "container": "c", "context": "k"}),
                &[
                    "exec",
                    "--context=k",
                    "--namespace=n",
                    "--pod-running-timeout=5s",
                    "--container=c",
                    "deploy/a",
                    "--",
                    "--x",
                    "",
                    "-- y",
                ],
            ),
            (
                json!({"pod": "a", "command": "--stdin", "argv": []}),
                &["exec", "--pod-running-timeout=5s", "pod/a", "--", "sh", "-c", "--stdin"],
            ),
        ] {
            assert_eq!(words_of(params).unwrap(), expected);
        }
        for params in [
            json!({"pod": "a"}),
            json!({"pod": "a", "command": " "}),
            json!({"pod": "a", "argv": []}),
            json!({"pod": "a", "argv": [""]}),
            json!({"pod": "a", "command": "x", "argv": ["y"]}),
            json!({"pod": "-it", "command": "x"}),
            json!({"pod": "a", "command": "x", "container": "--tty"}),
            json!({"pod": "a", "command": "x\u{0}"}),
        ] {
            assert!(words_of(params.clone()).is_err(), "{params}");
        }
    }
}
