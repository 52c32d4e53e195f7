//! The log of a failed job, cut to its first error.
//!
//! A log of GitHub Actions or of GitLab CI is read twice: once until the failure is found, once for the lines around it and for the errors
//! behind them. Nothing but the excerpt is kept, and no line is looked at beyond its first bytes.
//!
//! What the runner marks as an error is believed. Where it only says that a step exited with a code, the error is looked for in that step:
//! the first line that has the form of one (`signs.rs`), a line that tells what went wrong before one that only names what failed.

mod gather;
mod line;
mod signs;
#[cfg(test)]
mod tests;

use line::Mark;
use signs::Sign;

/// A part of a log, and where it is in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Excerpt {
    /// The lines, without times, markers in words. They are strangers' words: frame them.
    pub lines: Vec<String>,
    /// The number in the log of the first of them, from 1; 0 when there is none.
    pub first_line: u64,
    /// Lines of the whole log.
    pub total_lines: u64,
    /// The number in the log of the line that is the error.
    pub error_line: Option<u64>,
    /// Whether an error was recognised. Otherwise the lines are the end of the step that failed, or of the log.
    pub recognised: bool,
    /// The step that failed, as the runner names it. A stranger's words, too.
    pub step: Option<String>,
    /// Lines behind the excerpt that name or tell an error as well.
    pub more_errors: u64,
}

impl Excerpt {
    /// What the lines are, in our words.
    pub fn told(&self) -> String {
        let more = match self.more_errors {
            0 => String::new(),
            more => format!(", {more} more lines behind these tell of errors"),
        };
        match self.error_line {
            _ if self.total_lines == 0 => String::from("the log is empty"),
            Some(line) => {
                format!("from line {} of {}, the error in line {line}{more}", self.first_line, self.total_lines)
            }
            None => format!(
                "no error recognised: the end of the failed step, from line {} of {}{more}",
                self.first_line, self.total_lines
            ),
        }
    }
}

/// The lines of `log` around its first error, at most `max_lines` of them.
pub fn excerpt(log: &[u8], max_lines: usize) -> Excerpt {
    let log = log.strip_prefix(b"\xef\xbb\xbf").unwrap_or(log);
    let found = find(log);
    let gathered = gather::gather(log, &found, max_lines.max(1));
    Excerpt {
        lines: gathered.lines,
        first_line: gathered.first_line,
        total_lines: log.iter().filter(|byte| **byte == b'\n').count() as u64
            + u64::from(log.last().is_some_and(|byte| *byte != b'\n')),
        error_line: gathered.error_line,
        recognised: gathered.error_line.is_some(),
        step: found.step.title,
        more_errors: gathered.more_errors,
    }
}

/// A line by its number, from 1, and its first byte.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct At {
    line: u64,
    byte: usize,
}

/// A step, as far as a log tells steps apart.
#[derive(Clone, Debug, Default)]
struct Step {
    title: Option<String>,
    /// Where its output begins.
    from: At,
    /// Its most telling line so far, and the first of those.
    best: (Sign, At),
    /// Whether its script is being shown.
    echo: bool,
    /// Whether that said which shell it is for, so that it is the runner's own.
    shell: bool,
    /// The most telling line of what may not be a script at all: programs make groups, too.
    inside: (Sign, At),
    /// Whether it cleans up after the others, so that the job did not fail in it.
    after: bool,
}

impl Step {
    /// What was shown before `at` was the script, unless it was the output of a program that calls its group as the runner does.
    fn end_echo(&mut self, at: At) {
        self.echo = false;
        let action = self.title.as_ref().is_some_and(|title| title.contains('@') || title.contains("./"));
        if self.shell || action {
            self.from = at;
        } else {
            self.best = self.inside;
        }
    }
}

/// What a log comes to.
#[derive(Clone, Debug, Default)]
struct Found {
    step: Step,
    error: Option<At>,
    /// Whether the job was stopped from outside: what came before matters, and nothing comes behind.
    stopped: bool,
    /// The line at which the step ended, where it was said.
    end: Option<At>,
}

/// Lines of a log with their places.
fn lines(log: &[u8], from: At) -> impl Iterator<Item = (At, &[u8])> {
    let mut at = from;
    log.get(from.byte..).unwrap_or_default().split_inclusive(|byte| *byte == b'\n').map(move |whole| {
        let here = at;
        at = At { line: at.line + 1, byte: at.byte + whole.len() };
        (here, line::untimed(whole.strip_suffix(b"\n").unwrap_or(whole)))
    })
}

/// Sections in which GitLab's runner does its own work behind the script.
const AFTER: &[&str] = &["after_script", "cleanup_file_variables", "cleanup"];
const AFTER_BEGINNINGS: &[&str] = &["upload_artifacts", "archive_cache"];
/// Those before it; any other section is one that the script made.
const BEFORE: &[&str] = &[
    "resolve_secrets",
    "prepare_executor",
    "prepare_script",
    "get_sources",
    "restore_cache",
    "download_artifacts",
    "build_script",
    "step_script",
    "release",
];
/// How GitHub's runner begins its own work behind the steps.
const POST: &[&str] = &["Post job cleanup.", "Cleaning up orphan processes"];
/// The title of a step is no longer.
const TITLE_MAX: usize = 200;

/// The title of the step that `line`, without its time, begins, and whether that one cleans up.
fn begun(line: &[u8]) -> Option<(String, bool)> {
    if let Some(name) = line::section(line) {
        let after = AFTER.contains(&name) || AFTER_BEGINNINGS.iter().any(|start| name.starts_with(start));
        let own = after || BEFORE.contains(&name) || name.starts_with("step_");
        return own.then(|| (name.to_owned(), after));
    }
    if let Some(title) = line.strip_prefix(b"##[group]").filter(|title| title.starts_with(b"Run ")) {
        let (_, mut title) = line::read(title);
        title.truncate(title.floor_char_boundary(TITLE_MAX));
        return Some((title, false));
    }
    let post = POST.iter().find(|post| line.starts_with(post.as_bytes()))?;
    Some(((*post).to_owned(), true))
}

/// What an error says that the runner marks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Marked {
    /// That the step exited with a code, and nothing else.
    Exit { signal: bool },
    /// That a program did, by its name.
    Program,
    /// That the job was stopped.
    Stopped,
    /// The error.
    Real,
}

/// What a line that is marked as an error says.
fn marked(text: &str) -> Marked {
    let lower = text.to_ascii_lowercase();
    let code = signs::exit_code(&lower);
    let signal = code.is_some_and(signs::is_signal);
    let has = |words: &[&str]| words.iter().any(|word| lower.contains(word));
    if lower.starts_with("process completed with exit code") {
        return Marked::Exit { signal };
    }
    let stopping = [
        "operation was canceled",
        "operation was cancelled",
        "has timed out after",
        "exceeded the maximum execution time",
        "shutdown signal",
        "lost communication",
        "execution took longer than",
        "job failed: canceled",
        "job failed: aborted",
    ];
    if has(&stopping) {
        return Marked::Stopped;
    }
    if lower.starts_with("error: job failed") {
        return if code.is_some() { Marked::Exit { signal } } else { Marked::Real };
    }
    // `Terraform exited with code 1.`, `The process '/usr/bin/git' failed with exit code 128`, `buildx failed with: …`
    let ends = lower.trim_end_matches(['.', '"', '\'', ')']).ends_with(|c: char| c.is_ascii_digit());
    if (code.is_some() && ends && text.len() < 400) || lower.starts_with("buildx failed with") {
        return Marked::Program;
    }
    Marked::Real
}

/// Reads `log` until the failure is found.
fn find(log: &[u8]) -> Found {
    let mut step = Step::default();
    // The last step that did not clean up, while one that does is read.
    let mut main: Option<Step> = None;
    step.from = At { line: 1, byte: 0 };
    for (at, raw) in lines(log, step.from) {
        if let Some((title, after)) = begun(raw) {
            let echo = raw.starts_with(b"##[group]");
            let old =
                std::mem::replace(&mut step, Step { title: Some(title), from: at, echo, after, ..Step::default() });
            if !old.after {
                main = Some(old);
            }
            continue;
        }
        let seen = line::visible(raw);
        step.shell |= step.echo && seen.starts_with(b"shell: ");
        let head = seen.get(..line::LOOKED_AT).unwrap_or(seen);
        if !signs::may_tell(head) {
            continue;
        }
        let (mark, text) = line::read(head);
        if mark == Mark::End && step.echo {
            step.end_echo(at);
        }
        let marked = match mark {
            Mark::Error => marked(&text),
            Mark::Plain if text.starts_with("ERROR: Job failed") => marked(&text),
            Mark::Plain => {
                let sign = signs::of(&text);
                let best = if step.echo { &mut step.inside } else { &mut step.best };
                if sign > best.0 {
                    *best = (sign, at);
                }
                continue;
            }
            _ => continue,
        };
        if step.echo {
            step.end_echo(step.from);
        }
        // GitLab's runner says it at the end, when it has cleaned up.
        let failed = if step.after && mark == Mark::Plain { main.take().unwrap_or(step) } else { step };
        let best = (failed.best.0 > Sign::None).then_some(failed.best.1);
        let error = match marked {
            Marked::Real | Marked::Stopped => Some(at),
            Marked::Program | Marked::Exit { signal: true } => best.or(Some(at)),
            Marked::Exit { signal: false } => best,
        };
        return Found { step: failed, error, stopped: marked == Marked::Stopped, end: Some(at) };
    }
    if step.echo {
        step.end_echo(step.from);
    }
    // Nobody said that it failed: the log ends where the job did.
    let step = if step.after { main.unwrap_or(step) } else { step };
    let error = (step.best.0 > Sign::None).then_some(step.best.1);
    Found { step, error, stopped: false, end: None }
}
