//! The message as it is committed.

use shared::{Code, Result, ToolError};

use crate::failure::OrFail;

/// The longest message taken, in bytes.
const MESSAGE_MAX: usize = 1 << 20;

/// The message as git keeps it: no white space at the ends of lines, no empty lines at the ends of the text. Comments stay.
pub(super) fn message(text: &str) -> Result<String> {
    if text.contains('\0') {
        return Err(ToolError::invalid("`message` has a NUL character, which a commit cannot hold"));
    }
    if text.len() > MESSAGE_MAX {
        return Err(ToolError::new(
            Code::TooLarge,
            format!("`message` has {} bytes, at most {MESSAGE_MAX} are taken", text.len()),
        ));
    }
    let message = git2::message_prettify(text, None).or_fail("tidy the message")?;
    if message.trim().is_empty() {
        return Err(ToolError::invalid("`message` is empty").hint("say in a line what the commit does"));
    }
    Ok(message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_tidied_and_empty_ones_refused() {
        assert_eq!(message("Fix  \n\n\n\n# not a comment\t\nb\n\n").unwrap(), "Fix\n\n# not a comment\nb\n");
        assert_eq!(message("Fix").unwrap(), "Fix\n");
        for bad in ["", " \n\t\n", "a\0b"] {
            assert_eq!(message(bad).unwrap_err().code(), Code::InvalidArgument, "{bad:?}");
        }
        assert_eq!(message(&"x".repeat(MESSAGE_MAX + 1)).unwrap_err().code(), Code::TooLarge);
    }
}
