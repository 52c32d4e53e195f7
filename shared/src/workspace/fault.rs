//! Why a path could not be resolved, before it is known which parameter it came from.

use std::path::Path;

use rustix::io::Errno;

use crate::error::{Code, ToolError};

/// The outcome of a lookup that gave no handle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// It leads, or might have led, out of the workspace. Says nothing about what is there.
    Outside,
    NotFound,
    NotDirectory,
    /// The system does not let this process in.
    Denied,
    /// More symbolic links than [`super::walk::MAX_LINKS`].
    TooManyLinks,
    TooLong,
    /// It was moved or replaced while it was being looked at.
    Moved,
    Failed(Errno),
}

impl From<Errno> for Fault {
    fn from(errno: Errno) -> Self {
        match errno {
            Errno::NOENT => Self::NotFound,
            Errno::NOTDIR => Self::NotDirectory,
            Errno::ACCESS | Errno::PERM => Self::Denied,
            Errno::LOOP => Self::TooManyLinks,
            Errno::NAMETOOLONG => Self::TooLong,
            other => Self::Failed(other),
        }
    }
}

impl Fault {
    /// The same outcome as seen by a caller who may not learn what lies outside. Exhausted resources are ours to tell.
    pub(super) fn seen_from_outside(self) -> Self {
        match self {
            Self::Failed(Errno::MFILE | Errno::NFILE | Errno::NOMEM) => self,
            _ => Self::Outside,
        }
    }

    pub(super) fn explain(self, param: &str, input: &str, root: &Path) -> ToolError {
        let what = if input.is_empty() { param.to_owned() } else { format!("{param} {}", quote(input)) };
        let error = |code, said: &str| ToolError::new(code, format!("{what} {said}"));
        match self {
            Self::Outside => error(Code::Forbidden, "leads outside the workspace")
                .hint(format!("give a path relative to {root:?}, or an absolute one inside it")),
            Self::NotFound => error(Code::NotFound, "does not exist in the workspace")
                .hint(format!("check the spelling; paths are relative to {root:?}")),
            Self::NotDirectory => {
                error(Code::InvalidArgument, "goes through something that is not a directory").hint("check the path")
            }
            Self::Denied => error(Code::Forbidden, "may not be entered by the user this server runs as")
                .hint("have its permissions changed, or choose another path"),
            Self::TooManyLinks => error(Code::InvalidArgument, "goes through too many symbolic links")
                .hint("it is probably a loop of links: give the path without them"),
            Self::TooLong => {
                error(Code::InvalidArgument, "is too long for the file system").hint("choose a shorter path")
            }
            Self::Moved => {
                error(Code::Conflict, "was moved or replaced while it was being looked up").hint("try again")
            }
            Self::Failed(errno) => error(Code::Unavailable, &format!("cannot be looked up: {}", words(errno)))
                .hint("try again; if it persists the machine or its file system needs attention"),
        }
    }
}

/// The words of the system for an error number, without the number.
pub(super) fn words(errno: Errno) -> String {
    plain(&std::io::Error::from(errno))
}

/// The words of the system for an error, without the number that std appends.
pub(super) fn plain(error: &std::io::Error) -> String {
    let text = error.to_string();
    match text.split_once(" (os error") {
        Some((words, _)) => words.to_lowercase(),
        None => text,
    }
}

/// `text` in quotes with everything unprintable escaped, shortened to a length fit for an error.
pub(super) fn quote(text: &str) -> String {
    const SHOWN: usize = 200;
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{:?}…", text.get(..end).unwrap_or_default()),
        None => format!("{text:?}"),
    }
}
