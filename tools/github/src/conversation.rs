//! The comments of an issue or a pull request, newest first.

use serde::Deserialize;
use shared::{Code, Records, Result, ToolError};

use crate::{
    failure::Refusal,
    link,
    prose::Comment,
    repo::{Document, Repo},
    segment,
    words::{User, or_default, person, when},
};

/// Comments of a page.
const PAGE: u64 = 30;

/// Pages that are looked for behind the one that should be the last.
const NEWER_MAX: usize = 5;

/// A comment as GitHub sends it.
#[derive(Debug, Deserialize)]
struct Sent {
    user: Option<User>,
    #[serde(default, deserialize_with = "or_default")]
    body: String,
    created_at: Option<String>,
}

/// Reads comments of number `number`, of which there are `total`. GitHub lists them oldest first and pages from there, so the newest are on the last page, and
/// what is older stays where it is while new ones come.
///
/// # Errors
/// When GitHub does not tell, or for a cursor that leads nowhere.
pub async fn read(repo: &Repo, number: u64, total: u64) -> Result<Records<Comment>, Refusal> {
    let trail = repo.call().trail()?;
    let last = total.div_ceil(PAGE).max(1);
    let mut page = match link::pairs(&trail.page)?.first() {
        None => last,
        Some(("page", page)) => page.parse().unwrap_or(last),
        Some(_) => {
            return Err(ToolError::invalid("`cursor` is not one of comments")
                .hint("leave it out to start over")
                .into());
        }
    };
    if page == 0 {
        return Err(ToolError::new(Code::InvalidArgument, "`cursor` leads before the first comment").into());
    }
    let mut document = fetch(repo, number, page).await?;
    if trail.page.is_empty() {
        // The count may lag behind: what the last page names as its successor is newer.
        for _ in 0..NEWER_MAX {
            if document.next.is_none() {
                break;
            }
            page += 1;
            document = fetch(repo, number, page).await?;
        }
    }
    let (mut items, mut after) = (Vec::new(), Vec::new());
    let mut skip = trail.skip as usize;
    let mut end = None;
    // The last page is seldom full; one more makes a useful answer, and what is empty leads no further.
    for again in [true, false] {
        for (place, sent) in document.value.into_iter().rev().enumerate().skip(skip) {
            items.push(Comment::new(person(sent.user.as_ref()), when(sent.created_at.as_deref()), &sent.body));
            let seen = trail.offset.saturating_add(items.len() as u64);
            let place = u32::try_from(place + 1).unwrap_or(u32::MAX);
            after.push(trail.cursor(&format!("page={page}"), place, seen));
        }
        skip = 0;
        page -= 1;
        end = (page > 0)
            .then(|| trail.cursor(&format!("page={page}"), 0, trail.offset.saturating_add(items.len() as u64)));
        if !again || page == 0 || items.len() as u64 >= PAGE {
            break;
        }
        document = fetch(repo, number, page).await?;
    }
    let total = total.max(trail.offset.saturating_add(items.len() as u64));
    Ok(Records::linked("comments", items, after, end, trail.offset, Some(total)))
}

async fn fetch(repo: &Repo, number: u64, page: u64) -> Result<Document<Vec<Sent>>, Refusal> {
    let (size, at) = (PAGE.to_string(), page.to_string());
    let query = segment::query([("per_page", size.as_str()), ("page", at.as_str())]);
    let doing = format!("read the comments of #{number}");
    repo.read(&doing, &format!("issues/{number}/comments"), &query).await
}
