//! Commenting on an issue or a pull request: the same request to GitHub, and two tools, since one may be allowed without the other.

use serde::{Deserialize, de::IgnoredAny};
use serde_json::json;
use shared::{Code, Result, ToolError, Untrusted};

use crate::{
    api::parse,
    issue::Issue,
    repo::Repo,
    words::or_default,
    writing::{self, Written},
};

/// What GitHub answers.
#[derive(Deserialize)]
struct Made {
    #[serde(rename = "id")]
    _id: u64,
    /// Without it a list would pass for an object: its members would be taken in their order.
    #[serde(flatten)]
    _rest: IgnoredAny,
    #[serde(default, deserialize_with = "or_default")]
    html_url: String,
}

/// Writes `body` under number `number`, which has to be what `pull` says.
///
/// # Errors
/// When it is not, or GitHub refuses; nothing was written then, unless the error says that nobody knows.
pub async fn comment(repo: &Repo, number: u64, body: &str, pull: bool, dry_run: bool) -> Result<Written> {
    let body = writing::text("body", body, true)?;
    let tail = format!("issues/{number}");
    let doing = format!("comment on #{number}");
    let issue = repo.read::<Issue>(&format!("read #{number}"), &tail, "").await?.value;
    // Here as well, so that a dry run says it too.
    repo.unmoved(&doing)?;
    repo.answers_for(issue.repository())?;
    if issue.pull_request.is_some() != pull {
        let (is, other) =
            if pull { ("an issue", "github_add_issue_comment") } else { ("a pull request", "github_add_pr_comment") };
        return Err(ToolError::invalid(format!("#{number} of {} is {is}; nothing was written", repo.name()))
            .hint(format!("use {other}, or check the number")));
    }
    let (tail, request) = (format!("{tail}/comments"), json!({"body": body}));
    let kind = if pull { "pull request" } else { "issue" };
    if dry_run {
        return Ok(Written {
            repository: repo.scope(),
            dry_run,
            done: format!(
                "a comment on {kind} #{number} ({}{})",
                issue.state(),
                if issue.locked { ", locked" } else { "" }
            ),
            url: Untrusted::default(),
            troubles: Vec::new(),
            request: Some(writing::shown(&repo.name().path(&tail), &request)),
        });
    }
    let look = format!("github_get_issue number={number} shows the newest comments first");
    let response = repo.write(&doing, &tail, &request, &look).await?;
    let made: Made = parse(&doing, &response).map_err(|refusal| {
        // GitHub says that it made something; only the answer is unreadable.
        ToolError::new(Code::Unavailable, format!("{}; the comment was written", refusal.error.message()))
            .hint(format!("do not write it again; {look}"))
    })?;
    Ok(Written {
        repository: repo.scope(),
        dry_run,
        done: format!("commented on {kind} #{number}"),
        url: Untrusted::line(&made.html_url),
        troubles: Vec::new(),
        request: None,
    })
}
