//! Why a check failed: the log of its job around the first error, or what it points at in files.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use shared::{
    Code, ToolError, Untrusted, ci_log,
    http::{
        body::Longer,
        bounds::{Bounds, Redirects},
        client::Cut,
    },
};
use tokio::{sync::Semaphore, time::Instant};

use crate::{
    api::JSON,
    failure::Refusal,
    list::{self, Ask},
    repo::Repo,
    statuses::Run,
    unread::Unread,
    words::word,
};

/// The most bytes of a log that are looked at.
const LOG_MAX: usize = 16 << 20;
/// How long one log may take.
const PATIENCE: Duration = Duration::from_secs(15);
/// What is left of a call's time for the answer without logs that do not come.
const RESERVE: Duration = Duration::from_secs(10);
/// Lines of a log that are shown.
const LINES: usize = 40;
/// Annotations that are shown.
const ANNOTATIONS: usize = 10;
/// Bytes of a check's own summary.
const SUMMARY_MAX: usize = 1200;

/// Logs that are read at once by all calls.
static ROOM: Semaphore = Semaphore::const_new(4);

/// Why one check failed.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Cause {
    /// The check.
    pub check: Untrusted,
    /// Where the words are from, with what is said of them: lines of a log, annotations, its own summary.
    pub from: String,
    /// The words.
    pub text: Untrusted,
}

/// A place in a file that a check points at.
#[derive(Debug, Deserialize)]
struct Annotation {
    path: Option<String>,
    start_line: Option<u64>,
    annotation_level: Option<String>,
    message: Option<String>,
    title: Option<String>,
}

/// Reads why `run` failed. What could not be read on the way goes to `unread`.
pub async fn cause(repo: &Repo, run: &Run, unread: &mut Vec<Unread>) -> Option<Cause> {
    let check = Untrusted::line(&run.name);
    if let Some(job) = run.job() {
        match log(repo, job).await {
            Ok((from, text)) => return Some(Cause { check, from, text }),
            Err(refusal) => unread.push(Unread::new(format!("the log of {}", check.quoted()), &refusal.error)),
        }
    }
    let output = run.output.as_ref();
    if output.is_some_and(|output| output.annotations_count > 0) || run.job().is_some() {
        match annotations(repo, run.id).await {
            Ok(Some((from, text))) => return Some(Cause { check, from, text }),
            Ok(None) => {}
            Err(refusal) => unread.push(Unread::new(format!("the annotations of {}", check.quoted()), &refusal.error)),
        }
    }
    let summary = output.and_then(|output| output.summary.as_deref()).map(str::trim).filter(|text| !text.is_empty())?;
    let summary = crate::prose::visible(summary);
    let kept = summary.floor_char_boundary(SUMMARY_MAX);
    let from = match summary.len() - kept {
        0 => "its own summary".to_owned(),
        more => format!("its own summary, {more} more bytes"),
    };
    Some(Cause { check, from, text: Untrusted::block(&summary.as_bytes()[..kept]) })
}

/// The log of a job around its first error. It lies on another host, which is asked without the token.
async fn log(repo: &Repo, job: u64) -> Result<(String, Untrusted), Refusal> {
    // What is downloaded at once has to fit into memory, however many calls there are.
    let _room = tokio::select! {
        room = ROOM.acquire() => room.map_err(|_| ToolError::internal("no log can be read any longer"))?,
        () = repo.call().cancellation().cancelled() => return Err(repo.call().stopped().into()),
    };
    let end = Instant::from_std(repo.call().deadline());
    let bounds = Bounds {
        deadline: (Instant::now() + PATIENCE).min(end.checked_sub(RESERVE).unwrap_or(end)),
        body_max: LOG_MAX,
        longer: Longer::Ends,
        redirects: Redirects::Elsewhere,
        ..Bounds::of(repo.call())
    };
    let response = repo
        .fetch(&format!("read the log of job {job}"), &format!("actions/jobs/{job}/logs"), "", JSON, bounds)
        .await?;
    let stated = response.headers().get(http::header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    if stated.is_some_and(|stated| stated.starts_with("text/html")) {
        let message = format!("read the log of job {job}: the answer is a web page and no log");
        return Err(ToolError::new(Code::Unavailable, message)
            .hint("check the proxy: some put a login page in between")
            .into());
    }
    let cut = response.extensions().get::<Cut>().is_some();
    let log = response.into_body();
    let found = repo.call().blocking(move || Ok(ci_log::excerpt(&log, LINES))).await?;
    let step =
        found.step.as_deref().map(|step| format!("step {}, ", Untrusted::line(step).quoted())).unwrap_or_default();
    let cut = if cut { format!("; only the first {} MiB of the log were read", LOG_MAX >> 20) } else { String::new() };
    Ok((format!("its log: {step}{}{cut}", found.told()), Untrusted::block(found.lines.join("\n").as_bytes())))
}

async fn annotations(repo: &Repo, run: u64) -> Result<Option<(String, Untrusted)>, Refusal> {
    let tail = format!("check-runs/{run}/annotations");
    let ask = Ask { doing: "read annotations", tail: &tail, query: &[], limit: None };
    let (all, whole) = list::all::<Vec<Annotation>>(repo, &ask, 1).await?;
    let fails = |one: &&Annotation| word(one.annotation_level.as_deref()) == "failure";
    let failures: Vec<&Annotation> = all.iter().filter(fails).collect();
    let chosen = if failures.is_empty() { all.iter().collect() } else { failures };
    if chosen.is_empty() {
        return Ok(None);
    }
    let shown: Vec<String> = chosen.iter().take(ANNOTATIONS).map(|one| line(one)).collect();
    let more = match chosen.len().saturating_sub(ANNOTATIONS) {
        0 if whole => String::new(),
        0 => ", there are more".to_owned(),
        more if whole => format!(", {more} more"),
        more => format!(", {more} more were read and there are others"),
    };
    Ok(Some((format!("its annotations{more}"), Untrusted::block(shown.join("\n").as_bytes()))))
}

fn line(annotation: &Annotation) -> String {
    let place = match (annotation.path.as_deref(), annotation.start_line) {
        (Some(path), Some(line)) => format!("{path}:{line}: "),
        (Some(path), None) => format!("{path}: "),
        _ => String::new(),
    };
    let title = annotation.title.as_deref().filter(|title| !title.is_empty()).map(|title| format!("{title}: "));
    let message = annotation.message.as_deref().unwrap_or_default().trim();
    format!("{place}{}{message}", title.unwrap_or_default())
}
