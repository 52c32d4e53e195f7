//! What is written to GitHub: looked at before it is sent, and shown instead of sent when asked to.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;
use shared::{Answer, Code, Lines, List, Result, Text, ToolError, Untrusted, redact};

/// The most characters GitHub takes in a body.
const BODY_MAX: usize = 65_536;
/// The most characters GitHub takes in a title.
const TITLE_MAX: usize = 256;

/// What was written, or would be.
#[derive(Serialize, JsonSchema)]
pub struct Written {
    /// The repository.
    pub repository: String,
    /// Whether it was only tried.
    pub dry_run: bool,
    /// What was done, or would be.
    pub done: String,
    /// Where a person looks at it.
    #[serde(skip_serializing_if = "Untrusted::is_empty")]
    pub url: Untrusted,
    /// What did not go as asked after the rest was done.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub troubles: Vec<Trouble>,
    /// The request that would be sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request: Option<Lines>,
}

/// A part that failed after another was done.
#[derive(Serialize, JsonSchema)]
pub struct Trouble {
    /// What, and what to do.
    pub what: String,
    /// GitHub's own words.
    #[serde(skip_serializing_if = "Untrusted::is_empty")]
    pub said: Untrusted,
}

impl Trouble {
    /// A part and what refused it.
    pub fn new(error: &ToolError) -> Self {
        let hint = error.next_step().map(|hint| format!("; {hint}")).unwrap_or_default();
        Self {
            what: format!("{}: {}{hint}", error.code(), error.message()),
            said: Untrusted::line(error.said().unwrap_or_default()),
        }
    }
}

impl Answer for Written {
    fn text(&self, text: &mut Text<'_>) {
        let dry = if self.dry_run { " dry run, nothing was sent;" } else { "" };
        text.line(format_args!("{}:{dry} {}", self.repository, self.done));
        if !self.url.is_empty() {
            text.line(self.url.quoted());
        }
        for trouble in &self.troubles {
            let said = if trouble.said.is_empty() { String::new() } else { format!(" ({})", trouble.said.quoted()) };
            text.line(format_args!("but: {}{said}", trouble.what));
        }
        if let Some(request) = &self.request {
            text.line("would be sent:");
            text.lines(request);
        }
    }

    fn lists(&mut self) -> Vec<&mut dyn List> {
        self.request.iter_mut().map(|request| request as &mut dyn List).collect()
    }
}

/// A request as a dry run shows it: path, then the fields with texts as they are.
pub fn shown(path: &str, body: &Value) -> Lines {
    let mut lines = vec![format!("POST {path}")];
    for (name, value) in body.as_object().into_iter().flatten() {
        match value {
            Value::String(text) if text.contains('\n') => lines.push(format!("{name}:\n{text}")),
            Value::String(text) => lines.push(format!("{name}: {text}")),
            other => lines.push(format!("{name}: {other}")),
        }
    }
    Lines::all("lines of the request", lines.join("\n").as_bytes())
}

/// A text to be written as `parameter`.
///
/// # Errors
/// [`Code::InvalidArgument`] for what GitHub would not take, [`Code::Forbidden`] for a text that holds a secret of this server.
pub fn text<'a>(parameter: &str, text: &'a str, required: bool) -> Result<&'a str> {
    let max = if parameter == "title" { TITLE_MAX } else { BODY_MAX };
    let characters = text.chars().count();
    let why = match () {
        () if required && text.trim().is_empty() => "is empty".to_owned(),
        () if characters > max => format!("has {characters} characters, and GitHub takes {max}"),
        () if text.contains('\0') => "holds a NUL character".to_owned(),
        () if parameter == "title" && text.contains(['\n', '\r']) => "holds a line break".to_owned(),
        () if redact::holds_own(text) => {
            return Err(ToolError::new(Code::Forbidden, format!("{parameter} holds a credential of this server"))
                .hint("take it out: others would read it"));
        }
        () => return Ok(text),
    };
    Err(ToolError::invalid(format!("{parameter} {why}")).hint(format!("change {parameter}; nothing was sent")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_github_would_not_take_is_refused_before() {
        assert!(text("body", "fine\n", true).is_ok() && text("body", "", false).is_ok());
        for (parameter, wrong) in
            [("body", " \n"), ("body", "a\0"), ("title", "a\nb"), ("title", ""), ("body", &"é".repeat(65_537))]
        {
            assert_eq!(text(parameter, wrong, true).unwrap_err().code(), Code::InvalidArgument);
        }
        assert!(text("body", &"é".repeat(65_536), true).is_ok());
    }

    #[test]
    fn a_credential_of_this_server_is_not_written_anywhere() {
        redact::register("canary-of-writing-0123456789");
        let error = text("body", "look: canary-of-writing-0123456789", true).unwrap_err();
        assert_eq!(error.code(), Code::Forbidden);
        assert!(!error.to_string().contains("canary"));
    }
}
