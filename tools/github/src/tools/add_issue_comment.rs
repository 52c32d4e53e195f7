//! `github_add_issue_comment`: a comment in the conversation of an issue.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::Deserialize;
use shared::{Annotations, Call, Result, Tool, Write};

use crate::{Github, commenting::comment, writing::Written};

/// The tool.
pub struct AddIssueComment;

/// Parameters.
#[derive(Deserialize, JsonSchema)]
pub struct Params {
    /// User or organisation.
    owner: String,
    /// Repository name.
    repo: String,
    /// Number of the issue.
    #[schemars(range(min = 1, max = 9_999_999_999_u64))]
    number: u64,
    /// Markdown, at most 65536 characters.
    body: String,
    /// Show what would be sent.
    #[serde(default)]
    dry_run: bool,
}

impl Tool for AddIssueComment {
    const NAME: &'static str = "github_add_issue_comment";
    const TITLE: &'static str = "Comment on an issue";
    const DESCRIPTION: &'static str = "Writes one comment in the conversation of an issue. Sent once.";
    const EXAMPLE: &'static str = "owner=acme repo=shop number=12 body='Looks good.' dry_run=true";
    const ANNOTATIONS: Annotations = Annotations { destructive: false, idempotent: false, open_world: true };

    type Access = Write;
    type Server = Github;
    type Params = Params;
    type Output = Written;

    async fn run(server: Arc<Github>, params: Params, call: Call) -> Result<Written> {
        let repo = server.repo(&call, &params.owner, &params.repo)?;
        comment(&repo, params.number, &params.body, false, params.dry_run).await
    }
}
