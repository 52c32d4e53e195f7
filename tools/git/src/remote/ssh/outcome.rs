//! How a conversation over ssh ended, in our terms.

use shared::{Code, Result, ToolError};

/// Judges the end of the remote command's output by its exit status, by whether the output ended in order, and by what it `said` on
/// standard error.
///
/// # Errors
/// [`Code::NotFound`], [`Code::Forbidden`] or [`Code::Unavailable`] for a failed command, with its words.
pub(super) fn ended(place: &str, exit: Option<u32>, eof: bool, said: Option<String>) -> Result<()> {
    let error = match (exit, eof) {
        (Some(0), _) | (None, true) => return Ok(()),
        (Some(status), _) => {
            let (code, what, hint) = verdict(said.as_deref().unwrap_or_default());
            let what = what.map_or_else(|| format!("the remote command ended with status {status}"), str::to_owned);
            ToolError::new(code, format!("use the repository at {place}: {what}")).hint(hint)
        }
        (None, false) => ToolError::new(Code::Unavailable, format!("transfer with {place}: the connection broke off"))
            .hint("try again"),
    };
    Err(match said {
        Some(said) => error.with_said(said),
        None => error,
    })
}

/// What the words of a failed command mean, where servers agree on them. They only choose the code and our own sentence.
fn verdict(words: &str) -> (Code, Option<&'static str>, &'static str) {
    let words = words.to_ascii_lowercase();
    let any = |needles: &[&str]| needles.iter().any(|needle| words.contains(needle));
    if any(&[
        "not found",
        "does not appear to be a git repository",
        "no such file",
        "does not exist",
        "not a git repository",
    ]) {
        return (
            Code::NotFound,
            Some("there is none at this address"),
            "check the address, and whether this key may see the repository",
        );
    }
    if any(&["denied", "not allowed", "forbidden", "not authorized", "unauthorized", "protected"]) {
        return (Code::Forbidden, Some("the server does not allow it"), "check what this key is allowed to do");
    }
    (Code::Unavailable, None, "read what the server said, or try again")
}

/// Why the ssh connection failed.
pub(super) fn broken(place: &str, error: &russh::Error) -> ToolError {
    match error {
        russh::Error::NoCommonAlgo { kind, .. } => ToolError::new(
            Code::Unsupported,
            format!("connect to {place}: it offers no {kind:?} algorithm that is supported here"),
        )
        .hint("the host needs an ed25519 or ecdsa host key and current algorithms; https may work instead"),
        russh::Error::Version => {
            ToolError::new(Code::Unavailable, format!("connect to {place}: it does not speak ssh"))
                .hint("check the host and port")
        }
        russh::Error::Disconnect | russh::Error::HUP | russh::Error::SendError | russh::Error::RecvError => {
            ToolError::new(Code::Unavailable, format!("transfer with {place}: the server closed the connection"))
                .hint("try again")
        }
        russh::Error::IO(error) => ToolError::new(
            Code::Unavailable,
            format!("transfer with {place}: the connection broke off: {}", error.kind()),
        )
        .hint("check that this is an ssh server, or try again"),
        russh::Error::KeepaliveTimeout | russh::Error::InactivityTimeout | russh::Error::ConnectionTimeout => {
            ToolError::new(Code::Timeout, format!("transfer with {place}: the server no longer answers"))
                .hint("try again")
        }
        // Other texts of the library speak of its own state, never of the connection's content.
        error => ToolError::new(Code::Unavailable, format!("transfer with {place}: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_well_known_servers() {
        for (said, code) in [
            ("ERROR: Repository not found.\nfatal: Could not read from remote repository.", Code::NotFound),
            ("fatal: '/r.git' does not appear to be a git repository", Code::NotFound),
            ("remote: ERROR: You are not allowed to push code to this project.", Code::Forbidden),
            ("ERROR: Permission to o/r.git denied to someone.", Code::Forbidden),
            ("fatal: out of memory", Code::Unavailable),
        ] {
            let error = ended("host", Some(1), true, Some(said.to_owned())).expect_err(said);
            assert_eq!((error.code(), error.said()), (code, Some(said)));
        }
        ended("host", Some(0), true, Some("a greeting".to_owned())).expect("success");
        ended("host", None, true, None).expect("an end without a status");
        assert_eq!(ended("host", None, false, None).expect_err("cut").code(), Code::Unavailable);
    }
}
