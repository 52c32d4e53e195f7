//! The one place that turns what kubectl says into our errors.
//!
//! kubectl has one exit code for everything, so its words are read ([`fault`]); they are the API server's and kubectl's own sentences, which
//! have been the same for years. What is not recognised is passed on with kubectl's words, framed. Then the cluster is asked what would help
//! ([`explain`]): what is like the name, whether the namespace exists, which kinds there are.

mod explain;
mod fault;
mod namespace;

use std::time::Duration;

use shared::{
    Code, Result, ToolError,
    exec::{Ended, Exit, Outcome},
};

pub use self::{fault::Fault, namespace::Presence};
use crate::scope::Place;

/// After these words kubectl repeats the value of a label or an annotation, which of a Secret may be a copy of all that is in it.
const REPEATS: &str = "' already has a value (";

/// An error where kubectl was not let to its end: its time ran out, or somebody killed it.
///
/// # Errors
/// [`Code::Timeout`] or [`Code::Unavailable`], with what kubectl had said.
pub fn cut_short(outcome: &Outcome, place: &Place, timeout: Duration) -> Result<()> {
    let error = match (outcome.ended, outcome.exit) {
        (Ended::TimedOut, _) => ToolError::new(
            Code::Timeout,
            format!("kubectl had no whole answer from {} after {} s", place.shown(), timeout.as_secs()),
        )
        .hint(
            "ask for less or allow more time; if that does not help, check that the API server is reachable from here",
        ),
        (Ended::Exited, Exit::Signal(signal)) => killed(signal),
        _ => return Ok(()),
    };
    let said = words(outcome);
    Err(if said.is_empty() { error } else { error.with_said(said) })
}

/// The error for a kubectl that was ended by a signal nobody here has sent.
pub fn killed(signal: i32) -> ToolError {
    ToolError::new(
        Code::Unavailable,
        format!("kubectl was ended by signal {signal}; what it had begun may have been done, or not"),
    )
    .hint("look at the state first; then have the operator see whether memory runs out where this server runs")
}

/// What kubectl wrote to stderr, without the lines of its libraries' log unless there are no others. Untrusted.
pub fn words(outcome: &Outcome) -> String {
    let all = all_words(outcome);
    match all.split_once(REPEATS) {
        Some((before, _)) => format!("{before}' already has a value, and overwrite was not asked for"),
        None => all,
    }
}

fn all_words(outcome: &Outcome) -> String {
    let cut = outcome.stderr.at_lines();
    let all = [String::from_utf8_lossy(cut.head), String::from_utf8_lossy(cut.tail)].concat();
    let own: Vec<&str> = all.lines().filter(|line| !is_log(line) && !line.trim().is_empty()).collect();
    if own.is_empty() { all.trim().to_owned() } else { own.join("\n") }
}

/// `E1125 22:40:22.123456   12345 memcache.go:265] …`
fn is_log(line: &str) -> bool {
    let bytes = line.as_bytes();
    matches!(bytes.first(), Some(b'E' | b'W' | b'I' | b'F'))
        && bytes.get(1..5).is_some_and(|digits| digits.iter().all(u8::is_ascii_digit))
        && bytes.get(5) == Some(&b' ')
        && line.contains("] ")
}

#[cfg(test)]
mod tests {
    use shared::exec::Captured;

    use super::*;

    fn outcome(ended: Ended, exit: Exit, stderr: &str) -> Outcome {
        let stderr = Captured { head: stderr.into(), bytes: stderr.len() as u64, ..Captured::default() };
        let (program, stdout, wall) = ("kubectl".into(), Captured::default(), Duration::ZERO);
        Outcome { program, exit, ended, stdout, stderr, wall }
    }

    #[test]
    fn a_kubectl_that_was_not_let_to_its_end_is_said() {
        let place = Place { context: None, namespace: None, all_namespaces: true };
        let cut = |ended, exit| cut_short(&outcome(ended, exit, "so far"), &place, Duration::from_secs(7));
        assert!(cut(Ended::Exited, Exit::Code(1)).is_ok());
        assert_eq!(cut(Ended::TimedOut, Exit::Signal(9)).unwrap_err().code(), Code::Timeout);
        let killed = cut(Ended::Exited, Exit::Signal(9)).unwrap_err();
        assert!(killed.message().starts_with("kubectl was ended by signal 9;"), "{killed}");
    }

    #[test]
    fn a_value_that_is_in_the_way_is_not_repeated() {
        let said = "error: --overwrite is false but found the following declared annotation(s): 'copy' already has a value ({\"stringData\":\nx}); 'b' already has a value (x)";
        let said = words(&outcome(Ended::Exited, Exit::Code(1), said));
        assert!(said.ends_with("annotation(s): 'copy' already has a value, and overwrite was not asked for"), "{said}");
        assert_eq!(Fault::read(&said), Fault::Set);
    }

    #[test]
    fn the_log_of_libraries_is_left_out_where_there_are_other_words() {
        let log = "E1125 22:40:22.123456   12345 memcache.go:265] \"Unhandled Error\" err=\"x\"\n";
        let said = |stderr: &str| words(&outcome(Ended::Exited, Exit::Code(1), stderr));
        assert_eq!(said(&format!("{log}error: no\n{log}")), "error: no");
        assert_eq!(said(log), log.trim());
    }

    #[test]
    fn lines_of_the_log_are_known() {
        assert!(is_log("E1125 22:40:22.123456   12345 memcache.go:265] \"Unhandled Error\" err=\"x\""));
        assert!(!is_log("Error from server (NotFound): pods \"x\" not found"));
        assert!(!is_log("E1 short"));
    }
}
