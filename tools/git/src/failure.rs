//! What libgit2 says, in the codes of the contract.

use git2::{ErrorClass, ErrorCode};
use shared::{Code, ToolError};

/// Turns libgit2's error about `what` ("read the index") into ours.
pub fn because(what: &str, error: &git2::Error) -> ToolError {
    let message = format!("failed to {what}: {}", error.message().trim_end_matches('.'));
    match error.code() {
        // libgit2 says of every file it may not open that it is locked.
        _ if message.ends_with("Permission denied") => ToolError::new(Code::Forbidden, message)
            .hint("the server's user may not read it; ask the operator to change its mode or owner"),
        ErrorCode::NotFound | ErrorCode::UnbornBranch => ToolError::new(Code::NotFound, message),
        ErrorCode::Ambiguous => {
            ToolError::new(Code::Ambiguous, message).hint("use a longer object id or the full ref name")
        }
        ErrorCode::InvalidSpec | ErrorCode::Invalid => ToolError::new(Code::InvalidArgument, message),
        ErrorCode::Locked => ToolError::new(Code::Conflict, message)
            .hint("another git process is at work here; try again, and if none is, remove the stale .lock file"),
        ErrorCode::Conflict
        | ErrorCode::MergeConflict
        | ErrorCode::Unmerged
        | ErrorCode::Uncommitted
        | ErrorCode::IndexDirty => ToolError::new(Code::Conflict, message),
        ErrorCode::NotFastForward | ErrorCode::Modified | ErrorCode::Exists => ToolError::new(Code::Conflict, message),
        ErrorCode::Auth | ErrorCode::Certificate => ToolError::new(Code::Unauthenticated, message),
        ErrorCode::Timeout => ToolError::new(Code::Timeout, message),
        ErrorCode::User => ToolError::new(Code::Cancelled, message),
        _ if matches!(error.class(), ErrorClass::Net | ErrorClass::Http | ErrorClass::Ssh | ErrorClass::Ssl) => {
            ToolError::new(Code::Unavailable, message)
        }
        _ if error.class() == ErrorClass::Os => ToolError::new(Code::Unavailable, message),
        _ => ToolError::new(Code::Internal, message),
    }
}

/// `result.or_fail("read the index")?`
pub trait OrFail<T> {
    /// Says what was attempted when it failed.
    fn or_fail(self, what: &str) -> Result<T, ToolError>;
}

impl<T> OrFail<T> for Result<T, git2::Error> {
    fn or_fail(self, what: &str) -> Result<T, ToolError> {
        self.map_err(|error| because(what, &error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_not_be_opened_is_not_called_locked() {
        let said = "could not open 'd/.gitignore': Permission denied";
        let error = because("read what is ignored", &git2::Error::new(ErrorCode::Locked, ErrorClass::Os, said));
        assert_eq!(error.code(), Code::Forbidden);
        let locked = because("write", &git2::Error::new(ErrorCode::Locked, ErrorClass::Os, "the index is locked"));
        assert_eq!(locked.code(), Code::Conflict);
    }
}
