//! `kubectl_logs`: the last lines of a log, read through in bounded memory.

use std::{sync::Arc, time::Duration};

use aho_corasick::AhoCorasick;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use shared::{
    Annotations, Answer, Call, List, Read, Result, Text, Tool, ToolError, Untrusted,
    exec::{Argv, Capture},
};

use crate::{
    Kubectl, argv, failure, remote,
    resource::Resource,
    run::Request,
    scope::{Place, Reach, Scope},
    tail::{LINE_MAX, Latest, Tail},
};

/// Lines when the caller does not say.
const LINES: u32 = 100;
/// The most lines.
const LINES_MAX: u32 = 10_000;
/// How long a log may take to read.
const READ: Duration = Duration::from_secs(110);

/// The tool.
pub struct Logs;

/// Parameters.
#[derive(Deserialize, JsonSchema)]
pub struct Params {
    /// Pod, or kind/name: deployment/web.
    pod: String,
    /// Default: the context's own.
    namespace: Option<String>,
    /// One container.
    container: Option<String>,
    /// Each line with its container.
    #[serde(default)]
    all_containers: bool,
    /// Last lines, per container; default 100, max 10000.
    tail: Option<u32>,
    /// Not older: 10m, 2h, or a time in RFC 3339.
    since: Option<String>,
    /// Of the container before its last restart.
    #[serde(default)]
    previous: bool,
    /// Only lines with this text, any case; before tail.
    grep: Option<String>,
    /// Kubeconfig context.
    context: Option<String>,
}

/// The answer.
#[derive(Serialize, JsonSchema)]
pub struct Log {
    /// Where was looked.
    scope: Place,
    /// What was asked for.
    pod: String,
    /// The text lines were searched for.
    #[serde(skip_serializing_if = "Option::is_none")]
    grep: Option<Untrusted>,
    /// Lines that were read.
    read: u64,
    /// Lines of which only the beginning is shown.
    cut: u64,
    /// Lines without a match of which only the first MiB was searched.
    half_searched: u64,
    /// What kubectl chose: a container, a pod.
    #[serde(skip_serializing_if = "Option::is_none")]
    chosen: Option<Untrusted>,
    /// Why there is nothing.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    nothing: Vec<Untrusted>,
    /// Why the log may be incomplete.
    #[serde(skip_serializing_if = "Option::is_none")]
    incomplete: Option<Untrusted>,
    /// The lines, the newest last.
    lines: Latest,
}

impl Answer for Log {
    fn text(&self, text: &mut Text<'_>) {
        let (shown, read) = (self.lines.count() as u64, self.read);
        let what = match &self.grep {
            Some(grep) => {
                let matched = self.lines.matched();
                format!("the last {shown} of {matched} lines with {} among {read}", grep.quoted())
            }
            None => format!("the last {shown} lines"),
        };
        text.line(format_args!("{}: log of {}, {what}", self.scope.shown(), self.pod));
        if let Some(chosen) = &self.chosen {
            text.line(format_args!("kubectl chose: {}", chosen.quoted()));
        }
        for why in &self.nothing {
            text.line(format_args!("nothing was logged: {}", why.quoted()));
        }
        if let Some(incomplete) = &self.incomplete {
            text.line(format_args!("not all could be read: {}", incomplete.quoted()));
        }
        let left = self.lines.left_out();
        if left > 0 {
            text.line(format_args!("[{left} older lines left out; raise budget, or narrow with grep or since]"));
        }
        if self.half_searched > 0 {
            text.line(format_args!(
                "[{} lines without a match are longer than {} KiB, and were searched only so far]",
                self.half_searched,
                LINE_MAX >> 10
            ));
        }
        if self.cut > 0 {
            text.line(format_args!("[{} lines are longer than is shown of them: …(+N bytes)]", self.cut));
        }
        self.lines.write(text);
    }

    fn lists(&mut self) -> Vec<&mut dyn List> {
        vec![&mut self.lines]
    }
}

impl Tool for Logs {
    const NAME: &'static str = "kubectl_logs";
    const TITLE: &'static str = "Read logs";
    const DESCRIPTION: &'static str = "The last lines of containers' logs.";
    const EXAMPLE: &'static str = "pod=web-0 grep=error";
    const ANNOTATIONS: Annotations = Annotations::READ_REMOTE;
    const TIMEOUT: Duration = Duration::from_secs(120);
    const ALIASES: &'static [(&'static str, &'static str)] =
        &[("name", "pod"), ("lines", "tail"), ("allContainers", "all_containers"), ("ns", "namespace")];

    type Access = Read;
    type Server = Kubectl;
    type Params = Params;
    type Output = Log;

    async fn run(server: Arc<Kubectl>, params: Params, call: Call) -> Result<Log> {
        let scope = Scope::new(params.context.as_deref(), params.namespace.as_deref(), false)?;
        let pod = remote::pod(&params.pod)?;
        let grep = params.grep.as_deref().filter(|grep| !grep.is_empty());
        let search = grep.map(search).transpose()?;
        // What grep leaves out does not count, so that kubectl cannot count.
        let mut whole = search.is_some();
        let (done, tail) = loop {
            let search = search.clone();
            let wanted = move |line: &[u8]| search.as_ref().is_none_or(|search| search.is_match(line));
            let mut tail = Tail::new(lines(&params)? as usize, params.all_containers, wanted);
            let argv = argv(&params, &scope, &pod, whole)?;
            let request = Request::new(argv, &scope).about(&pod).streaming().timeout(READ);
            let done = server.attempt(request.stdout(Capture::lines(LINE_MAX, |line| tail.line(line))), &call).await?;
            if whole || !done.outcome.success() || tail.is_exact() {
                break (done, tail);
            }
            whole = true;
        };
        let mut said = failure::words(&done.outcome);
        let errors = tail.errors();
        // Of several containers, kubectl reads those it can and ends well.
        let ok = done.outcome.success() && errors.is_empty();
        if !errors.is_empty() {
            said = errors;
        }
        if !ok && tail.read() == 0 && remote::is_not_running(&said) {
            return Err(remote::not_running(&pod, &done.place));
        }
        if !ok && tail.read() == 0 {
            return Err(server.explain(&said, &done.place, &scope, Some(&pod), &call).await);
        }
        let read = tail.read();
        let lines = tail.finish();
        // Of a pod that was never started kubectl prints nothing, and is content.
        let nothing = if read == 0 && ok { server.causes(&pod, &scope, &call).await } else { Vec::new() };
        let said = Some(said).filter(|said| !said.is_empty()).map(|said| Untrusted::line(&said));
        let (chosen, incomplete) = if ok { (said, None) } else { (None, said) };
        Ok(Log {
            scope: done.place,
            pod: pod.shown(),
            grep: grep.map(Untrusted::line),
            read,
            cut: lines.cut(),
            half_searched: lines.half_searched(),
            chosen,
            nothing,
            incomplete,
            lines,
        })
    }
}

fn lines(params: &Params) -> Result<u32> {
    match params.tail {
        None => Ok(LINES),
        Some(lines @ 1..=LINES_MAX) => Ok(lines),
        Some(_) => Err(ToolError::invalid(format!("tail is not between 1 and {LINES_MAX}"))
            .hint("ask for fewer lines and narrow with grep or since")),
    }
}

fn search(text: &str) -> Result<AhoCorasick> {
    AhoCorasick::builder()
        .ascii_case_insensitive(true)
        .build([argv::plain("grep", text)?])
        .map_err(|_| ToolError::invalid("grep cannot be searched for").hint("pass a shorter text"))
}

fn argv(params: &Params, scope: &Scope, pod: &Resource, whole: bool) -> Result<Argv> {
    let mut argv = argv::verb("logs", scope, Reach::One)?.flag_value("--pod-running-timeout", remote::RUNNING)?;
    if params.all_containers {
        if params.container.as_deref().is_some_and(|name| !name.is_empty()) {
            return Err(ToolError::invalid("container and all_containers exclude each other").hint("pass one of them"));
        }
        argv = argv.literal("--all-containers").literal("--prefix").literal("--ignore-errors");
    }
    argv = remote::container(argv, params.container.as_deref())?;
    argv = match params.since.as_deref().filter(|since| !since.is_empty()) {
        // A time has a colon, an age has none.
        Some(time) if time.contains(':') => argv.flag_value("--since-time", argv::plain("since", time)?)?,
        Some(age) if !is_age(age) => {
            return Err(ToolError::invalid("since is neither an age nor a time")
                .hint("for example since=90s, 10m, 1h30m, or since=2026-01-31T08:00:00Z"));
        }
        since => argv::optional(argv, "--since", "since", since)?,
    };
    if params.previous {
        argv = argv.literal("--previous");
    }
    // One more, behind which the first that is wanted is whole.
    let tail = if whole { String::from("-1") } else { (lines(params)? + 1).to_string() };
    pod.joined_on(argv.flag_value("--tail", tail)?)
}

/// Numbers, each with a unit.
fn is_age(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_digit())
        && text.ends_with(['h', 'm', 's'])
        && text.chars().all(|c| c.is_ascii_digit() || matches!(c, 'h' | 'm' | 's' | '.'))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::argv::tests::words;

    fn words_of(params: serde_json::Value) -> Result<String> {
        let params: Params = serde_json::from_value(params).unwrap();
        let scope = Scope::new(params.context.as_deref(), params.namespace.as_deref(), false)?;
        let whole = params.grep.as_deref().is_some_and(|grep| !grep.is_empty());
        argv(&params, &scope, &remote::pod(&params.pod)?, whole).map(|argv| words(&argv).join(" "))
    }

    #[test]
    fn its_arguments() {
        for (params, expected) in [
            (json!({"pod": "web-0"}), "logs --pod-running-timeout=5s --tail=101 pod/web-0"),
            (
                json!({"pod": "deploy/web", "namespace": "n", "context": "-c", "container": "a", "tail": 7, "since": "5m", "previous": true}),
                "logs --context=-c --namespace=n --pod-running-timeout=5s --container=a --since=5m --previous --tail=8 deploy/web",
            ),
            (
                json!({"pod": "a", "all_containers": true, "grep": "--x", "since": "2026-01-01T00:00:00Z"}),
                "logs --pod-running-timeout=5s --all-containers --prefix --ignore-errors --since-time=2026-01-01T00:00:00Z --tail=-1 pod/a",
            ),
            (
                json!({"pod": "a", "since": "1h30m", "grep": ""}),
                "logs --pod-running-timeout=5s --since=1h30m --tail=101 pod/a",
            ),
        ] {
            assert_eq!(words_of(params).unwrap(), expected);
        }
        for params in [
            json!({"pod": "-f"}),
            json!({"pod": "a", "container": "--follow"}),
            json!({"pod": "a", "container": "b", "all_containers": true}),
            json!({"pod": "a", "since": "--follow"}),
            json!({"pod": "a", "since": "yesterday"}),
            json!({"pod": "a", "tail": 0}),
            json!({"pod": "a", "tail": 10_001}),
            json!({"pod": "a", "namespace": "*"}),
        ] {
            assert!(words_of(params.clone()).is_err(), "{params}");
        }
        for grep in ["a\nb", "\u{1b}", &"x".repeat(1 << 20)] {
            assert!(search(grep).is_err());
        }
    }
}
