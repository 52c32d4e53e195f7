//! `kube_exec`: a command in a container of the one pod that is meant.

use std::{sync::Arc, time::Duration};

use k8s_openapi::{api::core::v1::Pod, apimachinery::pkg::apis::meta::v1::Status};
use kube::{
    Api,
    api::{AttachParams, AttachedProcess},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use shared::{
    Annotations, Answer, Call, Code, List, Result, Text, Tool, ToolError, Untrusted, Write,
    exec::{Collector, Ends},
    kubernetes::Printed,
};
use tokio::io::{AsyncRead, AsyncReadExt as _};

use crate::{
    Explore, choice,
    cluster::{Cluster, quoted},
    failure::Failure,
    field::text as field,
    scope::{self, Place},
    target::Named,
};

/// Seconds when the caller does not say.
const SECONDS: u32 = 30;
/// The most seconds.
const SECONDS_MAX: u32 = 300;
/// How many bytes are read at once.
const CHUNK: usize = 16 << 10;

/// The tool.
pub struct Exec;

/// Parameters.
#[derive(Deserialize, JsonSchema)]
pub struct Params {
    /// Name or part of it, of one pod or workload.
    pod: String,
    /// For sh -c; or argv.
    command: Option<String>,
    /// Program and arguments, without a shell.
    argv: Option<Vec<String>>,
    /// Default: any.
    namespace: Option<String>,
    /// Default: the pod's main one.
    container: Option<String>,
    /// Seconds; default 30, maximum 300.
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
    pod: Untrusted,
    /// In which container.
    container: Untrusted,
    /// What the pod was chosen from.
    #[serde(skip_serializing_if = "Option::is_none")]
    chosen: Option<String>,
    /// How it ended, and what it printed.
    #[serde(flatten)]
    printed: Printed,
}

impl Answer for Ran {
    fn text(&self, text: &mut Text<'_>) {
        let how = self.printed.how();
        let chosen = self.chosen.as_deref().map(|chosen| format!(" ({chosen})")).unwrap_or_default();
        let (pod, container) = (self.pod.quoted(), self.container.quoted());
        text.line(format_args!("{}: pod {pod}{chosen}, container {container}: {how}", self.scope.shown()));
        self.printed.write(text);
    }

    fn lists(&mut self) -> Vec<&mut dyn List> {
        self.printed.lists()
    }
}

impl Tool for Exec {
    const NAME: &'static str = "kube_exec";
    const TITLE: &'static str = "Run a command in a container";
    const DESCRIPTION: &'static str = "Runs a command in a container, without input. Only when one pod fits, or those of one workload: then in a ready one.";
    const EXAMPLE: &'static str = "pod=web command='df -h'";
    const ANNOTATIONS: Annotations = Annotations { destructive: true, idempotent: false, open_world: true };
    const TIMEOUT: Duration = Duration::from_secs(SECONDS_MAX as u64 + 30);
    const ALIASES: &'static [(&'static str, &'static str)] =
        &[("name", "pod"), ("ns", "namespace"), ("args", "argv"), ("cmd", "command")];

    type Access = Write;
    type Server = Explore;
    type Params = Params;
    type Output = Ran;

    async fn run(_: Arc<Explore>, params: Params, call: Call) -> Result<Ran> {
        let command = command(&params)?;
        let seconds = match params.timeout {
            None => SECONDS,
            Some(seconds) if (1..=SECONDS_MAX).contains(&seconds) => seconds,
            Some(seconds) => {
                return Err(ToolError::invalid(format!(
                    "timeout is {seconds} and has to be between 1 and {SECONDS_MAX} seconds"
                )));
            }
        };
        let namespace = scope::namespace(params.namespace.as_deref())?;
        let cluster = Cluster::connect(params.context.as_deref(), &call).await?;
        let pods = cluster.pods(&Named { name: &params.pod, kind: None, namespace }).await?;
        let (pod, chosen) = choice::one(&pods)?;
        let name = field(pod, "/metadata/name").to_owned();
        let container = choice::container(pod, params.container.as_deref())?;
        let scope = cluster.place(Some(&pods.namespace));
        let run = Run { cluster: &cluster, namespace: &pods.namespace, pod: &name, container: &container, command };
        let Done { exit_code, stdout, stderr } = run.within(Duration::from_secs(seconds.into()), &call).await?;
        Ok(Ran {
            scope,
            pod: Untrusted::line(&name),
            container: Untrusted::line(&container),
            chosen,
            printed: Printed::new(exit_code, seconds, stdout, stderr),
        })
    }
}

fn command(params: &Params) -> Result<Vec<String>> {
    match (params.command.as_deref(), params.argv.as_deref()) {
        (Some(command), None | Some([])) if !command.trim().is_empty() => {
            Ok(["sh", "-c", command].map(str::to_owned).to_vec())
        }
        (None | Some(""), Some(words)) if words.first().is_some_and(|program| !program.is_empty()) => {
            Ok(words.to_vec())
        }
        (Some(_), Some(_)) => Err(ToolError::invalid("command and argv exclude each other").hint("pass one of them")),
        _ => Err(ToolError::invalid("there is no command")
            .hint("pass command, a line for sh -c, or argv, a program and its arguments")),
    }
}

/// A command that is to be run.
struct Run<'a> {
    cluster: &'a Cluster,
    namespace: &'a str,
    pod: &'a str,
    container: &'a str,
    command: Vec<String>,
}

/// How it ended. Without an exit code its time ran out.
struct Done {
    exit_code: Option<i32>,
    stdout: Ends,
    stderr: Ends,
}

impl Run<'_> {
    async fn within(self, limit: Duration, call: &Call) -> Result<Done> {
        let attempted = format!("running in pod {}", quoted(self.pod));
        let end = tokio::time::Instant::now() + limit;
        let api: Api<Pod> = Api::namespaced(self.cluster.client().clone(), self.namespace);
        let streams = AttachParams {
            container: Some(self.container.to_owned()),
            stdin: false,
            stdout: true,
            stderr: true,
            ..AttachParams::default()
        };
        let started = self.cluster.within(end, api.exec(self.pod, self.command, &streams)).await;
        let started = started.map_err(|failure| failure.error(&attempted))?;
        let mut process = started.map_err(|error| refused(&error).error(&attempted))?;
        let (mut out, mut err) = (Collector::new(Ends::capture(false)), Collector::new(Ends::capture(true)));
        let status = process.take_status();
        // By their full names: what writes to this process's own is looked for by the short one.
        let streams = AttachedProcess::stdout(&mut process);
        let streams = (streams, AttachedProcess::stderr(&mut process));
        let ended = tokio::select! {
            status = async {
                futures_util::join!(drain(streams.0, &mut out), drain(streams.1, &mut err));
                match status { Some(status) => status.await, None => None }
            } => Some(status),
            () = tokio::time::sleep_until(end) => None,
            () = call.cancellation().cancelled() => return Err(call.stopped()),
        };
        let (stdout, stderr) = (Ends::new(&out.finish()), Ends::new(&err.finish()));
        let exit_code = match ended {
            None => None,
            Some(status) => Some(code_of(status).map_err(|failure| failure.error(&attempted))?),
        };
        Ok(Done { exit_code, stdout, stderr })
    }
}

/// Takes in a stream to its end.
async fn drain(stream: Option<impl AsyncRead + Unpin>, into: &mut Collector<'_>) {
    let Some(mut stream) = stream else { return };
    let mut chunk = vec![0; CHUNK];
    while let Ok(read) = stream.read(&mut chunk).await {
        if read == 0 {
            break;
        }
        // Of both ends any length is kept.
        let _ = into.take(chunk.get(..read).unwrap_or_default());
    }
}

/// The exit code, as the kubelet's status tells it; a failure where the command did not run to its end.
fn code_of(status: Option<Status>) -> Result<i32, Failure> {
    let Some(status) = status else {
        return Err(Failure::new(
            Code::Unavailable,
            "the connection broke off before the command ended; it may have run",
        ));
    };
    if status.status.as_deref() == Some("Success") {
        return Ok(0);
    }
    let causes = status.details.as_ref().and_then(|details| details.causes.as_ref());
    let code = causes.into_iter().flatten().find(|cause| cause.reason.as_deref() == Some("ExitCode"));
    if let Some(code) = code.and_then(|cause| cause.message.as_deref()).and_then(|code| code.parse().ok()) {
        return Ok(code);
    }
    let said = status.message.unwrap_or_default();
    let missing = said.contains("executable file not found") || said.contains("no such file or directory");
    let mut failure = if missing {
        Failure::new(Code::NotFound, "the container has no such program, or no shell: try argv with a program it has")
    } else {
        Failure::new(Code::Unavailable, "the command could not be started")
    };
    failure.said = said;
    Err(failure)
}

/// Why there was no connection to the container.
fn refused(error: &kube::Error) -> Failure {
    match error {
        kube::Error::Api(status) => {
            let body = serde_json::to_vec(status).unwrap_or_default();
            let mut failure = Failure::answered(status.code, None, &body);
            // The kubelet's words for one that is between two runs; its status is that of a defect.
            if status.code == 500 && status.message.contains("container not found") {
                failure.why = String::from("the container does not run now; kube_inspect says why");
            }
            failure
        }
        error => crate::failure::unreachable(error),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn params(value: Value) -> Params {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn a_command_is_a_line_or_words() {
        assert_eq!(command(&params(json!({"pod": "a", "command": "ls | wc"}))).unwrap(), ["sh", "-c", "ls | wc"]);
        assert_eq!(command(&params(json!({"pod": "a", "argv": ["ls", "-l", ""]}))).unwrap(), ["ls", "-l", ""]);
        for wrong in [
            json!({"pod": "a"}),
            json!({"pod": "a", "command": " "}),
            json!({"pod": "a", "argv": []}),
            json!({"pod": "a", "argv": [""]}),
            json!({"pod": "a", "command": "ls", "argv": ["ls"]}),
        ] {
            assert_eq!(command(&params(wrong.clone())).unwrap_err().code(), Code::InvalidArgument, "{wrong}");
        }
    }

    #[test]
    fn an_exit_code_is_told_apart_from_not_getting_there() {
        let status = |value: Value| serde_json::from_value::<Status>(value).unwrap();
        let ended = json!({"status": "Failure", "reason": "NonZeroExitCode", "details": {"causes": [{"reason": "ExitCode", "message": "3"}]}});
        assert_eq!(code_of(Some(status(ended))).unwrap(), 3);
        assert_eq!(code_of(Some(status(json!({"status": "Success"})))).unwrap(), 0);
        let missing = json!({"status": "Failure", "message": "exec: \"x\": executable file not found in $PATH"});
        assert_eq!(code_of(Some(status(missing))).unwrap_err().code, Code::NotFound);
        assert_eq!(code_of(None).unwrap_err().code, Code::Unavailable);
    }
}
