//! The answer of tools that change objects: what kubectl says it did, line by line.

use schemars::JsonSchema;
use serde::Serialize;
use shared::{Answer, Call, List, Records, Result, Text, Untrusted, exec::Capture, output::Budget};

use crate::{Kubectl, failure, resource::Resource, run::Request, scope::Place};

/// The answer.
#[derive(Serialize, JsonSchema)]
pub struct Changed {
    /// Where.
    pub scope: Place,
    /// Why nothing was done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nothing: Option<String>,
    /// Lines of kubectl: `deployment.apps/web scaled`.
    pub done: Records<Untrusted>,
    /// What failed beside that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failed: Option<Untrusted>,
    /// What else kubectl says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<Untrusted>,
}

impl Answer for Changed {
    fn text(&self, text: &mut Text<'_>) {
        if let Some(nothing) = &self.nothing {
            text.line(format_args!("{}: nothing was done: {nothing}", self.scope.shown()));
            return;
        }
        let failed = if self.failed.is_some() { ", NOT ALL" } else { "" };
        text.line(format_args!("{}: done{failed}", self.scope.shown()));
        text.records(&self.done, |line, inside| line.inside(inside).to_owned());
        if let Some(failed) = &self.failed {
            text.line(format_args!("failed: {}", failed.quoted()));
        }
        if let Some(note) = &self.note {
            text.line(format_args!("kubectl says: {}", note.quoted()));
        }
    }

    fn lists(&mut self) -> Vec<&mut dyn List> {
        vec![&mut self.done]
    }
}

/// What kubectl prints where there is nothing to change.
const NOTHING: &[u8] = b"No resources found";
/// The longest line that is kept.
const LINE_MAX: usize = 4 << 10;
/// The most bytes of lines that are kept: as much as the largest answer shows.
const KEPT: usize = Budget::BYTES_MAX;

impl Kubectl {
    /// Makes a call that changes something. Where kubectl did one part and could not do another, both are in the answer.
    pub async fn change(
        &self,
        request: Request<'_>,
        scope: &crate::scope::Scope,
        resource: &Resource,
        call: &Call,
    ) -> Result<Changed> {
        let (mut lines, mut kept, mut total) = (Vec::new(), 0, 0_u64);
        let timeout = request.time();
        let request = request.about(resource).stdout(Capture::lines(LINE_MAX, |line| {
            if line.bytes.iter().all(u8::is_ascii_whitespace) || line.bytes.starts_with(NOTHING) {
                return;
            }
            total += 1;
            if kept <= KEPT {
                kept += line.bytes.len();
                lines.push(Untrusted::line_bytes(line.bytes));
            }
        }));
        let done = self.begin(request, call).await?;
        let cut_short = failure::cut_short(&done.outcome, &done.place, timeout);
        let ok = done.outcome.success();
        let mut said = failure::words(&done.outcome);
        if lines.is_empty() {
            cut_short?;
            if !ok {
                return Err(self.explain(&said, &done.place, scope, Some(resource), call).await);
            }
        } else if let Err(error) = cut_short {
            // What it has done so far is known, and no more.
            said = format!("{}; objects that are not named here may be done or not. {said}", error.message());
        }
        // What matches nothing is no failure of kubectl's, and nothing that was done.
        let nothing = match lines.is_empty() {
            true => Some(self.nothing(&resource.kinds(), resource.name().is_none(), scope, &done.place, call).await?),
            false => None,
        };
        let said = Some(said).filter(|said| !said.is_empty()).map(|said| Untrusted::line(&said));
        let (failed, note) = if ok { (None, said) } else { (said, None) };
        Ok(Changed { scope: done.place, nothing, done: Records::head("objects", lines, total), failed, note })
    }
}
