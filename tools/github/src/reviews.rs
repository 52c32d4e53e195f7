//! Reviews: what each person said last, and what was asked and is not settled.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use shared::{Code, ToolError, Untrusted};

use crate::{
    failure::Refusal,
    prose::Comment,
    repo::Repo,
    repository::Repository,
    words::{User, or_default, person, when, without_null, word},
};

/// A review as GitHub sends it, oldest first.
#[derive(Clone, Debug, Deserialize)]
pub struct Review {
    user: Option<User>,
    state: Option<String>,
    submitted_at: Option<String>,
    commit_id: Option<String>,
    author_association: Option<String>,
    #[serde(default, deserialize_with = "or_default")]
    body: String,
}

/// What one person thinks by now.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Opinion {
    /// Who.
    pub reviewer: Untrusted,
    /// approved, `changes_requested`, dismissed, commented.
    pub state: String,
    /// When, in UTC.
    pub at: String,
    /// What the reviewer is to the repository, where that is no owner, member or collaborator: such a review does not count.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub association: Option<String>,
    /// Whether it was about an older commit than the one there is now.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub outdated: bool,
    /// What was written with it.
    #[serde(skip_serializing_if = "Untrusted::is_empty")]
    pub body: Untrusted,
}

/// The most bytes of what was written with a review.
const BODY_MAX: usize = 600;

/// The latest opinion of each person, in the order they first spoke. A comment takes no approval back; a dismissal does.
pub fn latest(reviews: &[Review], head: Option<&str>) -> Vec<Opinion> {
    let mut latest: Vec<(Option<String>, &Review)> = Vec::new();
    for review in reviews {
        let state = word(review.state.as_deref());
        // Written and not sent: only its author sees it.
        if state == "pending" {
            continue;
        }
        // Accounts that were deleted cannot be told apart, so none of them takes another's word back.
        let name = review.user.as_ref().map(|user| user.login.clone());
        match latest.iter_mut().find(|(known, _)| name.is_some() && *known == name) {
            None => latest.push((name, review)),
            Some((_, known)) if state == "commented" && word(known.state.as_deref()) != "commented" => {}
            Some((_, known)) => *known = review,
        }
    }
    let opinion = |review: &Review| Opinion {
        reviewer: person(review.user.as_ref()),
        state: word(review.state.as_deref()),
        at: when(review.submitted_at.as_deref()),
        association: match word(review.author_association.as_deref()) {
            known if ["owner", "member", "collaborator", "unknown"].contains(&known.as_str()) => None,
            other => Some(other),
        },
        outdated: head.is_some() && review.commit_id.as_deref() != head,
        body: Untrusted::line(&clipped(&crate::prose::visible(review.body.trim()))),
    };
    latest.into_iter().map(|(_, review)| opinion(review)).collect()
}

fn clipped(text: &str) -> String {
    let kept = text.floor_char_boundary(BODY_MAX);
    if kept == text.len() { text.to_owned() } else { format!("{}…({} more bytes)", &text[..kept], text.len() - kept) }
}

/// A conversation about a place in a file that nobody has closed.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Thread {
    /// The file.
    pub path: Untrusted,
    /// The line, where it still exists.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<u64>,
    /// Whether the lines it is about have changed since.
    pub outdated: bool,
    /// Comments in it.
    pub comments: u64,
    /// How it began.
    pub first: Comment,
}

/// The threads of a pull request.
#[derive(Debug)]
pub struct Threads {
    /// Those nobody has closed.
    pub unresolved: Vec<Thread>,
    /// All there are.
    pub total: u64,
    /// How many of them were looked at.
    pub seen: u64,
}

/// The question. REST does not tell whether a thread is resolved.
pub const QUERY: &str = "query ReviewThreads($owner: String!, $repo: String!, $number: Int!, $after: String) {
  repository(owner: $owner, name: $repo) {
    nameWithOwner
    pullRequest(number: $number) {
      reviewThreads(first: 100, after: $after) {
        totalCount
        pageInfo { hasNextPage endCursor }
        nodes {
          isResolved isOutdated path line originalLine
          comments(first: 1) { totalCount nodes { author { login } body createdAt } }
        }
      }
    }
  }
}";

/// Pages of a hundred threads that are read.
const PAGES: usize = 5;

#[derive(Deserialize)]
struct Data {
    repository: Option<InRepository>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct InRepository {
    name_with_owner: String,
    pull_request: Option<InPull>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct InPull {
    review_threads: Sent,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Sent {
    total_count: u64,
    page_info: PageInfo,
    #[serde(default, deserialize_with = "without_null")]
    nodes: Vec<SentThread>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PageInfo {
    has_next_page: bool,
    end_cursor: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SentThread {
    #[serde(default, deserialize_with = "or_default")]
    is_resolved: bool,
    #[serde(default, deserialize_with = "or_default")]
    is_outdated: bool,
    #[serde(default, deserialize_with = "or_default")]
    path: String,
    line: Option<u64>,
    original_line: Option<u64>,
    comments: Option<SentComments>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SentComments {
    #[serde(default, deserialize_with = "or_default")]
    total_count: u64,
    #[serde(default, deserialize_with = "without_null")]
    nodes: Vec<SentComment>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SentComment {
    author: Option<User>,
    #[serde(default, deserialize_with = "or_default")]
    body: String,
    created_at: Option<String>,
}

/// Asks for the threads of pull request `number`.
///
/// # Errors
/// When GraphQL does not tell, which without a token it never does.
pub async fn threads(repo: &Repo, number: u64) -> Result<Threads, Refusal> {
    let doing = format!("read the review threads of #{number}");
    let mut threads = Threads { unresolved: Vec::new(), total: 0, seen: 0 };
    let mut after = Value::Null;
    for _ in 0..PAGES {
        let data: Data = repo.graphql(&doing, QUERY, json!({"number": number, "after": after})).await?;
        let nothing =
            || ToolError::new(Code::NotFound, format!("{doing}: there is none, or this token may not see it"));
        let found = data.repository.ok_or_else(nothing)?;
        // GraphQL follows renames by itself.
        let name = Repository::from_full_name(&found.name_with_owner).map_err(|_| nothing())?;
        repo.api().config.allowed.check(&name)?;
        let page = found.pull_request.ok_or_else(nothing)?.review_threads;
        threads.total = page.total_count;
        threads.seen += page.nodes.len() as u64;
        threads.unresolved.extend(page.nodes.into_iter().filter(|thread| !thread.is_resolved).map(thread));
        match page.page_info.end_cursor.filter(|_| page.page_info.has_next_page) {
            Some(cursor) => after = cursor.into(),
            None => break,
        }
        repo.call().check()?;
    }
    Ok(threads)
}

fn thread(sent: SentThread) -> Thread {
    let (comments, first) = match sent.comments {
        Some(comments) => (comments.total_count, comments.nodes.into_iter().next()),
        None => (0, None),
    };
    let first = match first {
        Some(first) => {
            Comment::new(person(first.author.as_ref()), when(first.created_at.as_deref()), &clipped(&first.body))
        }
        None => Comment::new(person(None), when(None), ""),
    };
    Thread {
        path: Untrusted::line(&sent.path),
        line: sent.line.or(sent.original_line),
        outdated: sent.is_outdated,
        comments,
        first,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_word_counts_and_a_comment_is_none() {
        let review = |login: Value, state: &str, commit: &str| json!({"user": login, "state": state, "commit_id": commit, "submitted_at": "2026-01-01T00:00:00Z"});
        let named = |login: &str| json!({"login": login});
        let reviews: Vec<Review> = serde_json::from_value(json!([
            review(named("ada"), "CHANGES_REQUESTED", "old"),
            review(named("bob"), "COMMENTED", "new"),
            review(named("ada"), "APPROVED", "new"),
            review(named("ada"), "COMMENTED", "new"),
            review(named("cleo"), "APPROVED", "old"),
            review(named("cleo"), "DISMISSED", "old"),
            review(named("dan"), "PENDING", "new"),
            review(Value::Null, "APPROVED", "old"),
            review(named("eve"), "BLESSED", "new"),
        ]))
        .unwrap();
        let found: Vec<(Untrusted, String, bool)> = latest(&reviews, Some("new"))
            .into_iter()
            .map(|opinion| (opinion.reviewer, opinion.state, opinion.outdated))
            .collect();
        let expected = [
            ("ada", "approved", false),
            ("bob", "commented", false),
            ("cleo", "dismissed", true),
            ("ghost", "approved", true),
            ("eve", "blessed", false),
        ];
        assert_eq!(found, expected.map(|(who, state, outdated)| (Untrusted::line(who), state.to_owned(), outdated)));
    }
}
