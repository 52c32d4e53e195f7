//! `kubectl_run`: a pod for one command.

use std::{
    hash::{BuildHasher, Hasher, RandomState},
    sync::Arc,
    time::{Duration, Instant},
};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use shared::{
    Annotations, Answer, Call, Code, List, Result, Text, Tool, ToolError, Untrusted, Write,
    exec::{Argv, Capture, Ended, Ends, Outcome},
};
use tokio::{sync::oneshot, task::JoinHandle};

use crate::{
    Kubectl, argv, cause, failure,
    items::{self, Items},
    resource::{self, Resource},
    run::{LOOK, Request},
    scope::{Place, Reach, Scope},
};

/// Seconds when the caller does not say.
const SECONDS: u32 = 60;
/// The most seconds.
const SECONDS_MAX: u32 = 600;
/// How much later than the call the kubelet ends the pod's containers by itself, in seconds: should nobody be left to remove it.
const LATER: u32 = 30;
/// How often the pod is looked at.
const STEP: Duration = Duration::from_millis(500);
/// What a pod waits for in vain.
const HOPELESS: &[&str] = &[
    "ImagePullBackOff",
    "InvalidImageName",
    "ErrImageNeverPull",
    "CreateContainerConfigError",
    "CreateContainerError",
];

/// The tool.
pub struct Run;

/// Parameters.
#[derive(Deserialize, JsonSchema)]
pub struct Params {
    /// Of the new pod.
    name: String,
    /// Container image.
    image: String,
    /// Default: the context's own.
    namespace: Option<String>,
    /// For sh -c, or an array; default: the image's own.
    command: Option<Words>,
    /// Remove the pod in the end.
    #[serde(default = "yes")]
    rm: bool,
    /// Seconds; default 60, max 600.
    timeout: Option<u32>,
    /// Kubeconfig context.
    context: Option<String>,
}

fn yes() -> bool {
    true
}

/// One string or several.
#[derive(Deserialize, JsonSchema)]
#[serde(untagged)]
enum Words {
    /// For a shell.
    #[schemars(description = "")]
    Line(String),
    /// Taken as they are.
    #[schemars(description = "")]
    Words(Vec<String>),
}

/// The answer.
#[derive(Serialize, JsonSchema)]
pub struct Ran {
    /// Where it ran.
    scope: Place,
    /// The pod.
    pod: String,
    /// The container's exit code; absent when it did not end.
    #[serde(skip_serializing_if = "Option::is_none")]
    exit_code: Option<i64>,
    /// Why it did not end.
    #[serde(skip_serializing_if = "Option::is_none")]
    unfinished: Option<String>,
    /// What keeps it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    causes: Vec<Untrusted>,
    /// Whether the pod is being removed: it is gone when its containers have ended.
    removed: bool,
    /// Why what it printed could not be read, in kubectl's words.
    #[serde(skip_serializing_if = "Option::is_none")]
    unread: Option<Untrusted>,
    /// What it printed.
    log: Ends,
}

impl Answer for Ran {
    fn text(&self, text: &mut Text<'_>) {
        let how = match (self.exit_code, &self.unfinished) {
            (Some(code), _) => format!("exit code {code}"),
            (None, unfinished) => format!("NOT finished: {}", unfinished.as_deref().unwrap_or("its end was not seen")),
        };
        let then = if self.removed { "it is being removed" } else { "the pod is still there" };
        text.line(format_args!("{}: pod {}, {how}; {then}", self.scope.shown(), self.pod));
        for cause in &self.causes {
            text.framed(|inside| format!("{}\n", cause.inside(inside)));
        }
        match &self.unread {
            Some(unread) => text.line(format_args!("its output could not be read: {}", unread.quoted())),
            None if self.log.is_empty() => text.line("no output"),
            None => {}
        }
        if !self.log.is_empty() {
            self.log.write(text);
        }
    }

    fn lists(&mut self) -> Vec<&mut dyn List> {
        self.log.lists().into_iter().collect()
    }
}

impl Tool for Run {
    const NAME: &'static str = "kubectl_run";
    const TITLE: &'static str = "Run a pod";
    const DESCRIPTION: &'static str = "Runs a command in a new pod and answers with its log.";
    const EXAMPLE: &'static str = "name=probe image=busybox command='nslookup web'";
    const ANNOTATIONS: Annotations = Annotations { destructive: false, idempotent: false, open_world: true };
    const TIMEOUT: Duration = Duration::from_secs(SECONDS_MAX as u64 + 120);
    const ALIASES: &'static [(&'static str, &'static str)] = &[("ns", "namespace"), ("args", "command")];

    type Access = Write;
    type Server = Kubectl;
    type Params = Params;
    type Output = Ran;

    async fn run(server: Arc<Kubectl>, params: Params, call: Call) -> Result<Ran> {
        let scope = Scope::new(params.context.as_deref(), params.namespace.as_deref(), false)?;
        let mark = mark();
        let argv = argv(&params, &scope, &mark)?;
        let pod = Resource::new("pod", Some(&params.name))?;
        let until = Instant::now() + Duration::from_secs(argv::seconds(params.timeout, SECONDS, SECONDS_MAX)?.into());
        let place = server.contexts(&call).await?.place(&scope)?;
        let mut life = Life::begin(&server, argv, params.rm.then(|| removal(&scope, &mark)).transpose()?, &call);
        let made = tokio::select! {
            made = &mut life.made => made.unwrap_or_else(|_| Err(call.stopped()))?,
            () = call.cancellation().cancelled() => return Err(call.stopped()),
        };
        if !made.success() {
            // It may have been made all the same.
            life.end().await;
            failure::cut_short(&made, &place, LOOK)?;
            return Err(server.explain(&failure::words(&made), &place, &scope, Some(&pod), &call).await);
        }
        let seen = watch(&server, &scope, &pod, until, &call).await;
        let (log, unread) = match &seen {
            Ok(seen) if seen.started => log(&server, &scope, &pod, &call).await,
            _ => Default::default(),
        };
        let removed = life.end().await;
        let Seen { exit_code, unfinished, causes, .. } = seen?;
        Ok(Ran { scope: place, pod: params.name, exit_code, unfinished, causes, removed, unread, log })
    }
}

/// How a pod ended, or did not.
struct Seen {
    /// Whether its container ever ran, so that there is something to read.
    started: bool,
    exit_code: Option<i64>,
    unfinished: Option<String>,
    causes: Vec<Untrusted>,
}

/// Looks at the pod until it has ended, is hopeless, or the time is up.
async fn watch(server: &Kubectl, scope: &Scope, pod: &Resource, until: Instant, call: &Call) -> Result<Seen> {
    loop {
        let object = look(server, scope, pod, call).await?;
        let phase = object.pointer("/status/phase").and_then(Value::as_str).unwrap_or_default();
        let status = object.pointer("/status/containerStatuses/0/state");
        let waiting = status.and_then(|state| state.pointer("/waiting/reason")).and_then(Value::as_str);
        let ended = matches!(phase, "Succeeded" | "Failed");
        let hopeless = waiting.is_some_and(|reason| HOPELESS.contains(&reason));
        let late = Instant::now() >= until;
        if ended || hopeless || late {
            let exit_code = status.and_then(|state| state.pointer("/terminated/exitCode")).and_then(Value::as_i64);
            let mut causes = Vec::new();
            if exit_code.is_none() {
                cause::of_pod(&object, &mut causes);
            }
            let unfinished = match exit_code {
                Some(_) => None,
                None if hopeless || ended => Some(String::from("it cannot run")),
                None => Some(String::from("its time was up")),
            };
            let causes = causes.iter().map(|cause| Untrusted::line(cause)).collect();
            let states = ["/state/running", "/state/terminated", "/lastState/terminated"];
            let container = object.pointer("/status/containerStatuses/0");
            let started =
                container.is_some_and(|container| states.iter().any(|state| container.pointer(state).is_some()));
            return Ok(Seen { started, exit_code, unfinished, causes });
        }
        tokio::select! {
            () = tokio::time::sleep(STEP) => {}
            () = call.cancellation().cancelled() => return Err(call.stopped()),
        }
    }
}

async fn look(server: &Kubectl, scope: &Scope, pod: &Resource, call: &Call) -> Result<Value> {
    let mut found = None;
    let mut items = Items::new(|value| found = Some(value));
    let argv = pod.on(scope.on(Argv::new().literal("get").literal("--output=json"), Reach::One)?)?;
    let lines = Capture::lines(items::LINE_MAX, |line| items.line(line));
    server.run(Request::new(argv, scope).about(pod).stdout(lines), call).await?;
    items.finish()?;
    found.ok_or_else(|| {
        ToolError::new(Code::NotFound, "the pod is gone before it ended").hint("somebody else removed it")
    })
}

/// What the pod printed, and why that could not be read, or not to its end.
async fn log(server: &Kubectl, scope: &Scope, pod: &Resource, call: &Call) -> (Ends, Option<Untrusted>) {
    let unread = |why: &str| Some(Untrusted::line(why));
    let argv = argv::verb("logs", scope, Reach::One).and_then(|argv| pod.joined_on(argv));
    let argv = match argv {
        Ok(argv) => argv,
        Err(error) => return (Ends::default(), unread(error.message())),
    };
    match server.start(argv, None, Ends::capture(false), Capture::default(), LOOK, call).await {
        Ok(outcome) => {
            let unread = match outcome.ended {
                Ended::TimedOut => unread("it took too long"),
                _ if outcome.success() => None,
                _ => unread(&failure::words(&outcome)),
            };
            (Ends::new(&outcome.stdout), unread)
        }
        Err(error) => (Ends::default(), unread(error.message())),
    }
}

/// A pod from before it is made until it is removed, in a task that the end of the call does not end: kubectl is let to its end when it makes
/// the pod, so that what is removed then is all there is.
struct Life {
    /// What making it came to.
    made: oneshot::Receiver<Result<Outcome>>,
    /// Kept as long as the pod is wanted.
    wanted: oneshot::Sender<()>,
    /// Whether it was removed.
    removed: JoinHandle<bool>,
}

impl Life {
    fn begin(server: &Arc<Kubectl>, create: Argv, remove: Option<Argv>, call: &Call) -> Self {
        let server = server.clone();
        let (say, made) = oneshot::channel();
        let (wanted, unwanted) = oneshot::channel::<()>();
        let removed = call.afterwards(async move {
            // Whoever does not wait for these any more wants the pod gone.
            let _ = say.send(server.unstoppable(create).await);
            let _ = unwanted.await;
            match remove {
                Some(argv) => server.unstoppable(argv).await.is_ok_and(|outcome| outcome.success()),
                None => false,
            }
        });
        Self { made, wanted, removed }
    }

    /// Removes it, if that is asked for; whether that went well.
    async fn end(self) -> bool {
        drop(self.wanted);
        self.removed.await.unwrap_or(false)
    }
}

/// What removes the pod of one call. It is known by a label of its own, so that a pod of somebody else's with the same name stays.
fn removal(scope: &Scope, mark: &str) -> Result<Argv> {
    let argv = Argv::new().literal("delete").literal("pods").flag_value("--selector", mark)?;
    scope.on(argv.literal("--wait=false").literal("--ignore-not-found").literal("--grace-period=1"), Reach::One)
}

/// A label of one call.
fn mark() -> String {
    // RandomState is seeded by the operating system; its keys step with every use.
    format!("mcp-kubectl/run={:016x}", RandomState::new().build_hasher().finish())
}

fn argv(params: &Params, scope: &Scope, mark: &str) -> Result<Argv> {
    let image = argv::plain("image", &params.image)?;
    if image.is_empty() || image.starts_with('-') || image.contains(char::is_whitespace) {
        return Err(ToolError::invalid("image is not the name of an image").hint("for example busybox:1.37"));
    }
    let seconds = argv::seconds(params.timeout, SECONDS, SECONDS_MAX)? + LATER;
    let argv = argv::verb("run", scope, Reach::One)?
        .literal("--restart=Never")
        .flag_value("--image", image)?
        .flag_value("--labels", mark)?;
    // Only a pod that is to be removed is ended by itself.
    let argv = match params.rm {
        true => argv.flag_value("--overrides", format!("{{\"spec\":{{\"activeDeadlineSeconds\":{seconds}}}}}"))?,
        false => argv,
    };
    let argv = argv.positional("name", resource::object_name("name", &params.name)?)?;
    match &params.command {
        None => Ok(argv),
        Some(Words::Line(line)) if line.trim().is_empty() => Ok(argv),
        Some(Words::Words(words)) if words.is_empty() => Ok(argv),
        Some(Words::Line(line)) => argv.literal("--command").after_separator("command", ["sh", "-c", line]),
        Some(Words::Words(words)) => argv.literal("--command").after_separator("command", words),
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
        argv(&params, &scope, "m=1").map(|argv| words(&argv))
    }

    #[test]
    fn its_arguments() {
        let deadline = |seconds: u32| format!("--overrides={{\"spec\":{{\"activeDeadlineSeconds\":{seconds}}}}}");
        assert_eq!(
            words_of(json!({"name": "a", "image": "busybox"})).unwrap(),
            ["run", "--restart=Never", "--image=busybox", "--labels=m=1", &deadline(90), "a"]
        );
        assert_eq!(
            words_of(
                json!({"name": "a", "image": "b", "command": "--x | y", "namespace": "n", "context": "c", "timeout": 5})
            )
            .unwrap(),
            [
                "run",
                "--context=c",
                "--namespace=n",
                "--restart=Never",
                "--image=b",
                "--labels=m=1",
                &deadline(35),
                "a",
                "--command",
                "--",
                "sh",
                "-c",
                "--x | y"
            ]
        );
        assert_eq!(
            words_of(json!({"name": "a", "image": "b", "command": ["--rm", ""], "rm": false})).unwrap(),
            ["run", "--restart=Never", "--image=b", "--labels=m=1", "a", "--command", "--", "--rm", ""]
        );
        for params in [
            json!({"name": "--attach", "image": "b"}),
            json!({"name": "a/b", "image": "b"}),
            json!({"name": "a", "image": "--privileged"}),
            json!({"name": "a", "image": "b c"}),
            json!({"name": "a", "image": ""}),
            json!({"name": "a", "image": "b", "timeout": 601}),
            json!({"name": "a", "image": "b", "namespace": "*"}),
            json!({"name": "a", "image": "b", "command": "x\u{0}"}),
        ] {
            assert!(words_of(params.clone()).is_err(), "{params}");
        }
    }
}
