//! What could not be looked at, and why: listed in every answer, because it is not the same as nothing there.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;
use shared::{Code, Text, ToolError, Untrusted};

use crate::failure;

/// The most names of one reason that are written out.
const NAMED: usize = 6;

/// A source that could not be read.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
pub struct Unread {
    /// What: a kind, a namespace, a group.
    pub what: Untrusted,
    /// Why not.
    pub why: Untrusted,
    /// What kind of failure it was, where a request failed.
    #[serde(skip)]
    pub code: Option<Code>,
}

impl Unread {
    /// A source and the reason.
    pub fn new(what: &str, why: &str) -> Self {
        Self { what: Untrusted::line(what), why: Untrusted::line(why), code: None }
    }
}

/// Nothing could be looked at: the error of a call, if any of `unread` says why. What may pass comes before what will stay: an identity that
/// may look is not to ask for a role because a server was slow. `forbidden` says what to do where it may not.
pub fn nothing(unread: &[Unread], attempted: &str, forbidden: &str) -> Option<ToolError> {
    let stays = |unread: &&Unread| !matches!(unread.code, None | Some(Code::Forbidden));
    let first = unread.iter().find(stays).or_else(|| unread.first())?;
    let code = first.code.unwrap_or(Code::Forbidden);
    let error = ToolError::new(code, format!("{attempted}: {}", first.why.quoted()));
    Some(match code {
        Code::Forbidden => error.hint(forbidden),
        code => match failure::hint(code) {
            Some(hint) => error.hint(hint),
            None => error,
        },
    })
}

/// Writes them: a line for each reason, with what it holds for.
pub fn write(unread: &[Unread], text: &mut Text<'_>) {
    let mut reasons: BTreeMap<&Untrusted, Vec<&Untrusted>> = BTreeMap::new();
    for one in unread {
        let names = reasons.entry(&one.why).or_default();
        if !names.contains(&&one.what) {
            names.push(&one.what);
        }
    }
    if reasons.is_empty() {
        return;
    }
    text.line("could not look at:");
    for (why, names) in reasons {
        text.framed(|inside| {
            let shown: Vec<&str> = names.iter().take(NAMED).map(|name| name.inside(inside)).collect();
            let more = names.len().saturating_sub(NAMED);
            let tail = if more > 0 { format!(" and {more} more") } else { String::new() };
            format!("{}{tail}: {}", shown.join(", "), why.inside(inside))
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_pass_is_told_before_what_is_forbidden() {
        let of = |code: Code, why: &str| Unread { code: Some(code), ..Unread::new("pods", why) };
        let told = |unread: &[Unread]| {
            let error = nothing(unread, "looking", "ask for a role").unwrap();
            (error.code(), error.message().to_owned(), error.next_step().unwrap_or_default().to_owned())
        };
        let (forbidden, slow) = (of(Code::Forbidden, "forbidden"), of(Code::Timeout, "no answer"));
        assert_eq!(
            told(std::slice::from_ref(&forbidden)),
            (Code::Forbidden, "looking: `forbidden`".into(), "ask for a role".into())
        );
        let (code, message, hint) = told(&[forbidden, slow]);
        assert_eq!((code, message.as_str()), (Code::Timeout, "looking: `no answer`"));
        assert!(hint.starts_with("try again"), "{hint}");
        assert!(nothing(&[], "looking", "").is_none());
    }
}
