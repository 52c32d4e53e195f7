//! Lists that GitHub pages.

use serde::de::DeserializeOwned;
use shared::{Code, Records, Result, ToolError};

use crate::{failure::Refusal, link, repo::Repo, segment};

/// Items of a list when the caller does not say.
pub const LIMIT: u8 = 30;
/// The most pages that are read for one answer, where most of what they hold is not wanted.
const PAGES_MAX: usize = 10;
/// Items of the largest page.
const PAGE_MAX: u8 = 100;

/// What is asked of a list.
pub struct Ask<'a> {
    /// "list pull requests".
    pub doing: &'a str,
    /// The path below the repository.
    pub tail: &'a str,
    /// The query, without the words that page.
    pub query: &'a [(&'a str, &'a str)],
    /// Items wanted.
    pub limit: Option<u8>,
}

/// Items that were read, and how the list goes on.
pub struct Listed<T> {
    items: Vec<T>,
    after: Vec<String>,
    end: Option<String>,
    offset: u64,
    total: Option<u64>,
}

/// A page as GitHub sends it: an array, or an object that holds one.
pub trait Page: DeserializeOwned {
    /// What it is a page of.
    type Item;
    /// Its items, and how many there are on all pages, where that is told.
    fn open(self) -> (Vec<Self::Item>, Option<u64>);
}

impl<T: DeserializeOwned> Page for Vec<T> {
    type Item = T;

    fn open(self) -> (Vec<T>, Option<u64>) {
        (self, None)
    }
}

/// Reads everything there is of a list that is short, up to `pages` pages of a hundred; the second value says whether that was all.
///
/// # Errors
/// Whatever refuses a page: a part of such a list is not it.
pub async fn all<P: Page>(repo: &Repo, ask: &Ask<'_>, pages: usize) -> Result<(Vec<P::Item>, bool), Refusal> {
    let (mut all, mut page) = (Vec::new(), String::new());
    let mut total = 0;
    let size = PAGE_MAX.to_string();
    for _ in 0..pages {
        let mut query: Vec<(&str, &str)> = ask.query.to_vec();
        query.push(("per_page", &size));
        query.extend(link::pairs(&page)?);
        let document = repo.read::<P>(ask.doing, ask.tail, &segment::query(query)).await?;
        let (items, told) = document.value.open();
        all.extend(items);
        total = told.unwrap_or_default().max(total);
        match document.next {
            // What is counted and not listed is missing, whatever the reason.
            None => {
                let whole = all.len() as u64 >= total;
                return Ok((all, whole));
            }
            Some(next) if next == page => break,
            Some(next) => page = next,
        }
        repo.call().check()?;
    }
    Ok((all, false))
}

/// Reads a page of a list from where the call begins. Of the items only those that `keep` says yes to are taken and counted; further pages are read until
/// there are enough.
///
/// # Errors
/// Whatever refuses the first page that cannot be read.
pub async fn read<P: Page>(repo: &Repo, ask: &Ask<'_>, keep: Option<fn(&P::Item) -> bool>) -> Result<Listed<P::Item>> {
    let trail = repo.call().trail()?;
    let limit = usize::from(ask.limit.unwrap_or(LIMIT));
    // Where some are left out, large pages spare requests.
    let size = if keep.is_some() { PAGE_MAX } else { ask.limit.unwrap_or(LIMIT) }.to_string();
    let mut listed = Listed { items: Vec::new(), after: Vec::new(), end: None, offset: trail.offset, total: None };
    let (mut page, mut skip) = (trail.page.clone(), trail.skip as usize);
    for _ in 0..PAGES_MAX {
        let mut query: Vec<(&str, &str)> = ask.query.to_vec();
        query.push(("per_page", &size));
        query.extend(link::pairs(&page)?);
        let document = repo.read::<P>(ask.doing, ask.tail, &segment::query(query)).await?;
        let (items, total) = document.value.open();
        listed.total = total.filter(|_| keep.is_none());
        let count = items.len();
        for (at, item) in items.into_iter().enumerate().skip(skip) {
            if keep.is_some_and(|keep| !keep(&item)) {
                continue;
            }
            listed.items.push(item);
            let seen = listed.seen();
            let place = u32::try_from(at + 1).unwrap_or(u32::MAX);
            listed.after.push(trail.cursor(&page, place, seen));
            if listed.items.len() == limit && at + 1 < count {
                listed.end = listed.after.last().cloned();
                return Ok(listed);
            }
        }
        let Some(next) = document.next else {
            listed.end = None;
            return Ok(listed);
        };
        if next == page {
            return Err(ToolError::new(Code::Unavailable, "GitHub names a page as its own successor")
                .hint("ask for a smaller part of the list"));
        }
        listed.end = Some(trail.cursor(&next, 0, listed.seen()));
        if listed.items.len() >= limit {
            return Ok(listed);
        }
        (page, skip) = (next, 0);
        repo.call().check()?;
    }
    Ok(listed)
}

impl<T> Listed<T> {
    /// Items shown on all pages so far.
    fn seen(&self) -> u64 {
        self.offset.saturating_add(self.items.len() as u64)
    }

    /// As a part of an answer.
    pub fn into_records<R>(self, unit: &'static str, shown: impl Fn(T) -> R) -> Records<R> {
        let items = self.items.into_iter().map(shown).collect();
        Records::linked(unit, items, self.after, self.end, self.offset, self.total)
    }

    /// What was read.
    pub fn items(&self) -> &[T] {
        &self.items
    }
}
