//! The answer of tools that change objects: what kubectl says it did, line by line.

use schemars::JsonSchema;
use serde::Serialize;
use shared::{Answer, Call, List, Records, Result, Text, Untrusted, exec::Outcome};

use crate::{Kubectl, failure, resource::Resource, run::Request, scope::Place};

/// The answer.
#[derive(Serialize, JsonSchema)]
pub struct Changed {
    /// Where.
    pub scope: Place,
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

/// The lines of stdout.
pub fn lines(outcome: &Outcome) -> Vec<Untrusted> {
    let cut = outcome.stdout.at_lines();
    let all = [String::from_utf8_lossy(cut.head), String::from_utf8_lossy(cut.tail)].concat();
    all.lines().filter(|line| !line.trim().is_empty()).map(Untrusted::line).collect()
}

impl Kubectl {
    /// Makes a call that changes something. Where kubectl did one part and could not do another, both are in the answer.
    pub async fn change(
        &self,
        request: Request<'_>,
        scope: &crate::scope::Scope,
        resource: &Resource,
        call: &Call,
    ) -> Result<Changed> {
        let done = self.attempt(request.about(resource), call).await?;
        let lines = lines(&done.outcome);
        let said = failure::words(&done.outcome);
        let ok = done.outcome.success();
        if !ok && lines.is_empty() {
            return Err(self.explain(&said, &done.place, scope, Some(resource), call).await);
        }
        let said = Some(said).filter(|said| !said.is_empty()).map(|said| Untrusted::line(&said));
        let (failed, note) = if ok { (None, said) } else { (said, None) };
        Ok(Changed { scope: done.place, done: Records::all("objects", lines), failed, note })
    }
}
