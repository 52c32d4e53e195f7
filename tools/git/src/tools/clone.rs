//! `git_clone`: a repository into the workspace, whole or not at all.

use std::{sync::Arc, time::Duration};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use shared::{Annotations, Answer, Call, Result, Text, Tool, Untrusted, Write};

use crate::{
    Git,
    cloning::{self, Cloned, Source},
    repo::short,
    transfer,
};

/// The tool.
pub struct Clone;

/// Parameters.
#[derive(Deserialize, JsonSchema)]
pub struct Params {
    /// https:// or ssh:// address, or user@host:path; no password or token in it.
    url: String,
    /// New directory, relative to the workspace. Default: the last name of the url.
    dir: Option<String>,
    /// Branch to check out. Default: the remote's.
    branch: Option<String>,
    /// Only this many commits of history.
    #[schemars(range(min = 1))]
    depth: Option<u32>,
}

/// The answer.
#[derive(Serialize, JsonSchema)]
pub struct Done {
    /// Where the clone is, relative to the workspace.
    repository: Untrusted,
    /// Branch checked out, or waited for when the remote is empty.
    #[serde(skip_serializing_if = "Option::is_none")]
    branch: Option<Untrusted>,
    /// Commit checked out; absent when the remote is empty.
    #[serde(skip_serializing_if = "Option::is_none")]
    head: Option<String>,
    /// Objects received.
    objects: u64,
    /// Bytes received.
    bytes: u64,
    /// What the reader should know.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    notes: Vec<String>,
}

impl From<Cloned> for Done {
    fn from(cloned: Cloned) -> Self {
        Self {
            repository: Untrusted::line(&cloned.directory),
            branch: cloned.branch,
            head: cloned.head,
            objects: cloned.objects,
            bytes: cloned.bytes,
            notes: cloned.notes,
        }
    }
}

impl Answer for Done {
    fn text(&self, text: &mut Text<'_>) {
        let place = match (&self.branch, &self.head) {
            (Some(branch), Some(head)) => format!("on {} at {}", branch.quoted(), short(head)),
            (None, Some(head)) => format!("HEAD detached at {}", short(head)),
            (Some(branch), None) => {
                format!("the remote has no commits yet; the first one goes to {}", branch.quoted())
            }
            (None, None) => String::from(
                "nothing is checked out, because the remote's HEAD names no branch it has; switch to one with git_branch \
                 (git_branch_list all=true shows them)",
            ),
        };
        text.line(format_args!(
            "cloned into {}: {place}; {} objects, {} bytes received",
            self.repository.quoted(),
            self.objects,
            self.bytes
        ));
        for note in &self.notes {
            text.line(note);
        }
    }
}

impl Tool for Clone {
    const NAME: &'static str = "git_clone";
    const TITLE: &'static str = "Clone a repository";
    const DESCRIPTION: &'static str = "Clone into a new directory of the workspace; on failure nothing is left.";
    const EXAMPLE: &'static str = "url=https://example.com/team/app.git depth=1";
    const ANNOTATIONS: Annotations = Annotations { destructive: false, idempotent: false, open_world: true };
    const TIMEOUT: Duration = transfer::TIMEOUT;

    type Access = Write;
    type Server = Git;
    type Params = Params;
    type Output = Done;

    async fn run(server: Arc<Git>, params: Params, call: Call) -> Result<Done> {
        let source = Source::new(&server, &params.url, params.branch, params.depth)?;
        let directory = params.dir.map_or_else(|| source.directory(), Ok)?;
        // Of two calls for one place the second learns at once that it is taken, and not after its transfer.
        let writing = server.exclusively(&server.workspace()?.root().join(&directory), &call).await?;
        let inner = call.clone();
        call.waiting(move || {
            let _writing = writing;
            cloning::clone(&server, &source, &directory, &inner).map(Done::from)
        })
        .await
    }
}
