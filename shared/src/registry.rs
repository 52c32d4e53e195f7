//! The tools that exist in one process, and the one way to call them.
//!
//! Everything that must hold for every call is applied here, once, around the tool: the gate of the mode, argument checks, panic,
//! timeout, cancellation, budget, redaction, framing, tracing.

use std::{
    any::Any,
    sync::{Arc, OnceLock},
    time::{Duration, Instant},
};

use serde_json::{Map, Value};
use tokio::sync::Semaphore;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::Instrument;

use crate::{
    Access, Mode, Server, arguments,
    call::{Call, Progress, Work},
    cursor::Digest,
    erased::{AnyTool, Spec},
    error::{Code, Result, ToolError},
    output::{self, Budget, Rendered},
    schema::Schema,
    settings::{Results, Settings},
    tool::{Face, Toolset},
};

/// After a timeout or a cancellation a tool has this long to end by itself, so that a write can still say what became of it.
const GRACE: Duration = Duration::from_millis(900);
/// How much longer the end of the process waits than its calls do, so that what they say at the end of their grace is still said.
const SLACK: Duration = Duration::from_millis(100);
/// How long the end of the process waits for what has to be done after calls.
const AFTERWARDS: Duration = Duration::from_secs(8);

/// A server's registered tools.
pub struct Registry<S> {
    server: OnceLock<Arc<S>>,
    face: Face,
    settings: Settings,
    registered: Vec<Arc<dyn AnyTool<S>>>,
    /// Tools that exist but not here, with why.
    withheld: Vec<(&'static str, Withheld)>,
    lanes: Arc<Semaphore>,
    /// What calls have begun and not ended, blocking work included: a thread goes on when nobody waits for it any more.
    running: TaskTracker,
    /// What has to be done after calls, whatever became of them.
    afterwards: TaskTracker,
    /// Cancelled when the process is about to end.
    ending: CancellationToken,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Withheld {
    Readonly,
    Excluded,
}

/// Why there is no tool of a name.
#[derive(Debug)]
pub enum Missing {
    /// No server of this kind has such a tool: a mistake of the caller's, `-32602` on the wire.
    Unknown(String),
    /// The tool exists and this process is set up without it.
    Refused(ToolError),
}

/// What a call came to.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The answer or the error, within budget.
    pub rendered: Rendered,
    /// Whether it is an error.
    pub error: Option<Code>,
}

impl<S: Server> Registry<S> {
    /// The registry of `S` under `settings`. Fails on a tool name in `TOOLS` or `TOOLS_EXCLUDE` that no tool has.
    pub fn new(settings: Settings, face: Face) -> std::result::Result<Self, String> {
        let mut all = Toolset::new();
        S::tools(&mut all);
        let names: Vec<&'static str> = all.tools.iter().map(|tool| tool.name()).collect();
        let only = settings.only.iter().flatten().map(|name| ("TOOLS", name));
        let excluded = settings.exclude.iter().map(|name| ("TOOLS_EXCLUDE", name));
        for (variable, name) in only.chain(excluded) {
            if !names.contains(&name.as_str()) {
                let near = arguments::nearest(name, &names).map(|near| format!("; did you mean {near}?"));
                return Err(format!(
                    "{variable} names {name:?}, which is not a tool of mcp-{}{}; tools: {}",
                    S::NAME,
                    near.unwrap_or_default(),
                    names.join(", ")
                ));
            }
        }
        let wanted = |name: &str| {
            settings.only.as_ref().is_none_or(|only| only.iter().any(|one| one == name))
                && !settings.exclude.iter().any(|one| one == name)
        };
        let mut registered = Vec::new();
        let mut withheld = Vec::new();
        for tool in all.tools {
            match tool.access() {
                Access::Write if settings.mode == Mode::Readonly => withheld.push((tool.name(), Withheld::Readonly)),
                _ if !wanted(tool.name()) => withheld.push((tool.name(), Withheld::Excluded)),
                _ => registered.push(tool),
            }
        }
        let cores = std::thread::available_parallelism().map_or(2, usize::from);
        let lanes = Arc::new(Semaphore::new((cores * 4).max(8)));
        let (running, afterwards, ending) = (TaskTracker::new(), TaskTracker::new(), CancellationToken::new());
        Ok(Self { server: OnceLock::new(), face, settings, registered, withheld, lanes, running, afterwards, ending })
    }

    /// The settings in force.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The tools' specifications, in their order.
    pub fn specs(&self) -> impl Iterator<Item = &Spec> {
        self.registered.iter().map(|tool| tool.spec())
    }

    /// The schema of a tool's structured value.
    pub fn output_schema(&self, name: &str) -> Option<&Arc<Schema>> {
        self.find(name).ok().map(|tool| tool.output())
    }

    /// A tool's specification, or why there is none.
    pub fn spec(&self, name: &str) -> std::result::Result<&Spec, Missing> {
        self.find(name).map(|tool| tool.spec())
    }

    /// The server's state, made at first use.
    pub fn server(&self) -> &Arc<S> {
        self.server.get_or_init(|| Arc::new(S::new(self.face)))
    }

    fn find(&self, name: &str) -> std::result::Result<&Arc<dyn AnyTool<S>>, Missing> {
        if let Some(tool) = self.registered.iter().find(|tool| tool.name() == name) {
            return Ok(tool);
        }
        let registered = || self.registered.iter().map(|tool| tool.name()).collect::<Vec<_>>();
        match self.withheld.iter().find(|(withheld, _)| *withheld == name) {
            Some((name, Withheld::Readonly)) => Err(Missing::Refused(
                ToolError::new(
                    Code::Readonly,
                    format!("{name} changes something, and this server runs with MODE=readonly"),
                )
                .hint("report what you would change, or ask the operator for MODE=readwrite"),
            )),
            Some((name, Withheld::Excluded)) => Err(Missing::Refused(
                ToolError::new(Code::Forbidden, format!("{name} is switched off here by TOOLS or TOOLS_EXCLUDE"))
                    .hint(format!("available: {}", registered().join(", "))),
            )),
            None => {
                let known = registered();
                let shown: String = name.chars().take(80).collect();
                let near = arguments::nearest(name, &known).map(|near| format!("; did you mean {near}?"));
                Err(Missing::Unknown(format!(
                    "unknown tool {shown:?}{}; tools: {}",
                    near.unwrap_or_default(),
                    known.join(", ")
                )))
            }
        }
    }

    /// Ends every call: cancels those that run, begins no other, and answers when all of their work has ended or the grace is over, and
    /// what they have to do afterwards is done. With nothing running that is at once.
    pub async fn end(&self) {
        self.ending.cancel();
        self.running.close();
        if tokio::time::timeout(GRACE + SLACK, self.running.wait()).await.is_err() {
            tracing::warn!(unfinished = self.running.len(), "ending although calls have not ended");
        }
        self.afterwards.close();
        if tokio::time::timeout(AFTERWARDS, self.afterwards.wait()).await.is_err() {
            tracing::warn!(
                unfinished = self.afterwards.len(),
                "ending although what calls have made is not taken away"
            );
        }
    }

    /// Runs one call to its end. `Err` only for a name no tool has. A caller that drops this future has cancelled the call, which then still
    /// has its grace.
    pub async fn call(
        &self,
        name: &str,
        arguments: Map<String, Value>,
        cancel: CancellationToken,
        progress: Progress,
        trace: Option<&str>,
    ) -> std::result::Result<Outcome, String> {
        let results = self.settings.results;
        crate::own_secrets::learn();
        let tool = match self.find(name) {
            Ok(tool) => tool,
            Err(Missing::Unknown(message)) => return Err(message),
            Err(Missing::Refused(error)) => return Ok(failed(&error, Budget::default(), results)),
        };
        let span = tracing::info_span!("call", tool = tool.name(), traceparent = trace.unwrap_or_default());
        Ok(self.run(tool, arguments, cancel, progress, results).instrument(span).await)
    }

    async fn run(
        &self,
        tool: &Arc<dyn AnyTool<S>>,
        arguments: Map<String, Value>,
        cancel: CancellationToken,
        progress: Progress,
        results: Results,
    ) -> Outcome {
        let started = Instant::now();
        // The registry cannot hold it; should that ever break, the call still does not happen.
        if tool.access() == Access::Write && self.settings.mode == Mode::Readonly {
            return failed(
                &ToolError::new(Code::Readonly, "this server runs with MODE=readonly"),
                Budget::default(),
                results,
            );
        }
        let spec = tool.spec();
        let mut arguments = match arguments::check(&spec.input, spec.aliases, arguments) {
            Ok(arguments) => arguments,
            Err(error) => return failed(&error, Budget::default(), results),
        };
        let budget = match arguments.remove("budget").as_ref().and_then(Value::as_u64) {
            Some(tokens) => Budget::tokens(u32::try_from(tokens).unwrap_or(Budget::MAX)),
            None if spec.takes("budget") => Budget::default(),
            None => Budget::fixed(),
        };
        let cursor = match arguments.remove("cursor") {
            Some(Value::String(cursor)) => Some(cursor),
            _ => None,
        };
        let query = Digest::of(format!("{} {}", spec.name, Value::Object(arguments.clone())).as_bytes());
        // A child, so that a timeout of this call does not look like a cancellation by its caller.
        let work =
            Work { lanes: self.lanes.clone(), running: self.running.clone(), afterwards: self.afterwards.clone() };
        let call = Call::new(cancel.child_token(), spec.timeout, query, cursor, progress, work);
        let result = self.finish(tool, arguments, &call).await;
        let outcome = match result {
            Ok(mut answer) => match output::fit(answer.as_mut(), budget, results) {
                Ok(rendered) => Outcome { rendered, error: None },
                Err(error) => failed(&error, budget, results),
            },
            Err(error) => failed(&error, budget, results),
        };
        let bytes = outcome.rendered.text.as_ref().map_or(0, String::len);
        let millis = started.elapsed().as_millis() as u64;
        match outcome.error {
            None => tracing::info!(millis, bytes, "call ended"),
            Some(code) => tracing::info!(millis, bytes, code = code.as_str(), "call failed"),
        }
        outcome
    }

    /// Drives the tool in a task of its own, where a panic or a stop is this call's and nobody else's.
    async fn finish(
        &self,
        tool: &Arc<dyn AnyTool<S>>,
        arguments: Map<String, Value>,
        call: &Call,
    ) -> Result<Box<dyn output::AnyAnswer>> {
        if self.ending.is_cancelled() {
            return Err(ToolError::new(Code::Unavailable, "the server is ending, and nothing was begun"));
        }
        let (tool, server, inner) = (tool.clone(), self.server().clone(), call.clone());
        let work = async move { tool.run(server, arguments, inner).await };
        // A caller that goes away cancels; the grace is kept in a task that does not go away with it.
        let _gone = call.cancellation().clone().drop_guard();
        let watched = watch(work, call.clone(), self.ending.clone()).instrument(tracing::Span::current());
        self.running.spawn(watched).await.unwrap_or_else(|_| Err(call.stopped()))
    }
}

/// Runs `work` until it ends, and no longer than its grace once it should stop.
async fn watch(
    work: impl Future<Output = Result<Box<dyn output::AnyAnswer>>> + Send + 'static,
    call: Call,
    ending: CancellationToken,
) -> Result<Box<dyn output::AnyAnswer>> {
    let mut task = tokio::spawn(work.instrument(tracing::Span::current()));
    tokio::select! {
        ended = &mut task => return joined(ended),
        () = tokio::time::sleep_until(call.deadline().into()) => call.time_out(),
        () = ending.cancelled() => call.cancellation().cancel(),
        () = call.cancellation().cancelled() => {}
    }
    match tokio::time::timeout(GRACE, &mut task).await {
        Ok(ended) => joined(ended),
        Err(_) => {
            task.abort();
            Err(call.stopped())
        }
    }
}

fn joined(
    ended: std::result::Result<Result<Box<dyn output::AnyAnswer>>, tokio::task::JoinError>,
) -> Result<Box<dyn output::AnyAnswer>> {
    match ended {
        Ok(result) => result,
        Err(error) if error.is_panic() => {
            tracing::error!(panic = panic_message(&*error.into_panic()), "tool panicked");
            Err(ToolError::internal("the tool failed in a way it should not; nothing is known about its effect")
                .hint("check the state before trying again, and report this with the arguments"))
        }
        Err(_) => Err(ToolError::new(Code::Cancelled, "the call was cancelled")),
    }
}

fn panic_message(panic: &(dyn Any + Send)) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("(no message)")
}

fn failed(error: &ToolError, budget: Budget, results: Results) -> Outcome {
    Outcome { rendered: output::render_error(error, budget, results), error: Some(error.code()) }
}
