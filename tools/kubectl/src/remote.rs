//! Calls that reach into a pod: what they reach, and how they end.

use shared::{
    Code, Result, ToolError,
    exec::{Argv, Captured, Outcome},
};

use crate::{resource::Resource, scope::Place};

/// Reads the parameter `pod`: a name, or kind/name of what has pods (`deployment/web`). kubectl gets it as kind/name.
pub fn pod(pod: &str) -> Result<Resource> {
    let resource = if pod.contains('/') { Resource::new(pod, None)? } else { Resource::new("pod", Some(pod))? };
    if resource.name().is_none() || resource.kind().is_none() {
        return Err(ToolError::invalid("pod is not the name of a pod")
            .hint("pass a pod's name, or kind/name of what has pods: deployment/web"));
    }
    Ok(resource)
}

/// A name of a container, joined to its flag.
pub fn container(argv: Argv, container: Option<&str>) -> Result<Argv> {
    match container.filter(|container| !container.is_empty()) {
        None => Ok(argv),
        Some(name) => argv.flag_value("--container", crate::resource::object_name("container", name)?),
    }
}

/// How long kubectl waits for a pod of a workload to run, in its spelling.
pub const RUNNING: &str = "5s";

/// Whether kubectl has waited for that in vain.
pub fn is_not_running(said: &str) -> bool {
    said.lines().next_back().is_some_and(|line| line == "error: timed out waiting for the condition")
}

/// The error for that.
pub fn not_running(pod: &Resource, place: &Place) -> ToolError {
    ToolError::new(Code::Unavailable, format!("no pod of {} runs in {}; nothing was done", pod.shown(), place.shown()))
        .hint("see kubectl_get resource=pods and kubectl_describe for why")
}

/// Which container kubectl chose, and of which, where it was left to it: `Defaulted container "a" out of: a, b`.
pub fn defaulted(line: &str) -> Option<(&str, &str)> {
    let (name, rest) = line.strip_prefix("Defaulted container \"")?.split_once("\" out of: ")?;
    Some((name, rest.trim()))
}

/// The exit code of the command in the container, where kubectl got as far as running it. kubectl ends with the same code, and with 1
/// when it could not get there; what tells the two apart is how its words end. That is kubectl's own, whatever the command wrote before it,
/// and stands behind it in the same line when the command ended its own with no line feed.
pub fn exit_code(outcome: &Outcome) -> Option<i32> {
    use shared::exec::{Ended, Exit};
    let (Ended::Exited, Exit::Code(code)) = (outcome.ended, outcome.exit) else { return None };
    if code == 0 {
        return Some(0);
    }
    let end = if outcome.stderr.tail.is_empty() { &outcome.stderr.head } else { &outcome.stderr.tail };
    end.ends_with(last_line(code).as_bytes()).then_some(code)
}

/// What kubectl says in the end.
fn last_line(code: i32) -> String {
    format!("command terminated with exit code {code}\n")
}

/// A command's stderr without what kubectl added to it, and what that says about the container kubectl chose. `left`: the choice was left
/// to it; otherwise such words are the command's.
pub fn own_words(mut stderr: Captured, left: bool, exit_code: Option<i32>) -> (Option<String>, Captured) {
    let head = String::from_utf8_lossy(&stderr.head).into_owned();
    let first = head.split_inclusive('\n').next().unwrap_or_default();
    let chosen = defaulted(first.trim_end()).filter(|_| left).map(|(name, all)| format!("{name} of {all}"));
    if chosen.is_some() {
        stderr.head.drain(..first.len().min(stderr.head.len()));
        stderr.bytes -= first.len() as u64;
        stderr.lines -= 1;
    }
    if let Some(code) = exit_code {
        let last = last_line(code);
        let end = if stderr.tail.is_empty() { &mut stderr.head } else { &mut stderr.tail };
        if end.ends_with(last.as_bytes()) {
            end.truncate(end.len() - last.len());
            let apart = end.is_empty() || end.ends_with(b"\n");
            stderr.bytes -= last.len() as u64;
            stderr.lines -= u64::from(apart);
        }
    }
    (chosen, stderr)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use shared::exec::{Ended, Exit};

    use super::*;

    fn ended(code: i32, stderr: &str) -> Outcome {
        Outcome {
            program: "kubectl".into(),
            exit: Exit::Code(code),
            ended: Ended::Exited,
            stdout: Captured::default(),
            stderr: Captured { head: stderr.into(), bytes: stderr.len() as u64, ..Captured::default() },
            wall: Duration::ZERO,
        }
    }

    #[test]
    fn a_command_s_exit_code_is_told_apart_from_kubectl_s() {
        assert_eq!(exit_code(&ended(0, "")), Some(0));
        assert_eq!(exit_code(&ended(3, "oops\ncommand terminated with exit code 3\n")), Some(3));
        assert_eq!(exit_code(&ended(3, "oopscommand terminated with exit code 3\n")), Some(3));
        assert_eq!(exit_code(&ended(1, "Error from server (NotFound): pods \"a\" not found\n")), None);
        // What a command says of itself does not count.
        assert_eq!(exit_code(&ended(1, "command terminated with exit code 1\nerror: Timeout occurred\n")), None);
        assert_eq!(exit_code(&ended(1, "command terminated with exit code 7\n")), None);
    }

    #[test]
    fn what_kubectl_adds_is_taken_off() {
        let said = "Defaulted container \"a\" out of: a, b\noops\ncommand terminated with exit code 3\n";
        let stderr = |text: &str| Captured { lines: 3, ..ended(3, text).stderr };
        let (chosen, left) = own_words(stderr(said), true, Some(3));
        assert_eq!((chosen.as_deref(), left.head.as_slice(), left.bytes), (Some("a of a, b"), &b"oops\n"[..], 5));
        let (_, left) = own_words(stderr("oopscommand terminated with exit code 3\n"), true, Some(3));
        assert_eq!((left.head.as_slice(), left.bytes, left.lines), (&b"oops"[..], 4, 3));
        let (chosen, left) = own_words(stderr("oops\n"), true, None);
        assert_eq!((chosen, left.head.as_slice()), (None, &b"oops\n"[..]));
        let (chosen, left) = own_words(stderr(said), false, Some(3));
        assert!(chosen.is_none() && left.head.starts_with(b"Defaulted"));
    }

    #[test]
    fn pods_are_named_directly_or_by_what_has_them() {
        assert_eq!(pod("web-0").unwrap().shown(), "pod/web-0");
        assert_eq!(pod("deploy/web").unwrap().shown(), "deploy/web");
        for wrong in ["", "-x", "--all", "pods/", "a,b", "a/b/c", "a b", "pod,deploy/x", "/x"] {
            assert!(pod(wrong).is_err(), "{wrong}");
        }
        assert!(container(Argv::new(), Some("-x")).is_err());
        assert_eq!(defaulted("Defaulted container \"a\" out of: a, b (init)"), Some(("a", "a, b (init)")));
    }
}
