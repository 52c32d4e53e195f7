//! Lists of one kind, wherever the identity may look.
//!
//! The whole cluster is asked first. Where that is forbidden, the namespaces are asked one by one that the identity may see, and what it may not
//! see is a part of the result.

use std::sync::{Mutex, PoisonError};

use futures_util::{StreamExt as _, stream};
use serde_json::Value;
use shared::Code;

use crate::{
    cluster::{Cluster, Opened, Step, TABLE},
    failure::Failure,
    kinds::Kind,
    names::Names,
    path::Path,
    table::{Columns, Row},
    unread::Unread,
    whose::Whose,
};

mod objects;

/// How many namespaces of one kind are asked at once.
const AT_ONCE: usize = 8;
/// How many whole objects the API server puts into one answer.
const CHUNK: &str = "500";
/// The same of a table with metadata, each row of which costs as much as twenty without.
const FEW: &str = "50";
/// The most pages of one list: whoever has more to say says it without an end.
const PAGES_MAX: u32 = 1_000;
/// How often a list that expires while it is read is begun anew.
const ANEW: u32 = 2;

/// What a list gave.
#[derive(Debug)]
pub struct Listed<T> {
    /// What was kept.
    pub items: Vec<T>,
    /// How many there were.
    pub seen: u64,
    /// What could not be looked at.
    pub unread: Vec<Unread>,
}

/// What narrows a list, by the API server.
#[derive(Clone, Copy, Debug, Default)]
pub struct Narrow<'a> {
    /// Label selector.
    pub selector: Option<&'a str>,
    /// Field selector.
    pub fields: Option<&'a str>,
}

impl Narrow<'_> {
    fn on(&self, path: Path) -> Path {
        path.optional("labelSelector", self.selector).optional("fieldSelector", self.fields)
    }
}

impl<T> Default for Listed<T> {
    fn default() -> Self {
        Self { items: Vec::new(), seen: 0, unread: Vec::new() }
    }
}

/// What makes something of a row, and says where it is kept.
type KeepRow<'k> = &'k (dyn Fn(&Columns, &Row, Option<&str>) -> Option<usize> + Sync);
/// The same of an object.
type KeepObject<'k> = &'k (dyn Fn(Value) -> Option<usize> + Sync);

/// What a caller makes of rows and objects, by number: lists are read by code that knows the numbers alone, and is there once and not once for
/// each of its many callers.
struct Kept<T>(Mutex<Vec<Option<T>>>);

impl<T> Default for Kept<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T> Kept<T> {
    fn keep(&self, item: T) -> Option<usize> {
        let mut items = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        items.push(Some(item));
        Some(items.len() - 1)
    }

    /// What was kept and not made void by reading anew.
    fn listed(self, listed: Listed<usize>) -> Listed<T> {
        let mut items = self.0.into_inner().unwrap_or_else(PoisonError::into_inner);
        let of = |at: usize| items.get_mut(at).and_then(Option::take);
        Listed { items: listed.items.into_iter().filter_map(of).collect(), seen: listed.seen, unread: listed.unread }
    }
}

impl<T> Listed<T> {
    fn add(&mut self, (items, seen): (Vec<T>, u64)) {
        self.items.extend(items);
        self.seen += seen;
    }
}

impl Cluster {
    /// Rows of the table of `kind` that `keep` makes something of.
    pub async fn rows<T: Send>(
        &self,
        kind: &Kind,
        namespace: Option<&str>,
        selector: Option<&str>,
        keep: impl Fn(&Columns, &Row, Option<&str>) -> Option<T> + Sync,
    ) -> Listed<T> {
        let kept = Kept::default();
        let keep = |columns: &Columns, row: &Row, namespace: Option<&str>| kept.keep(keep(columns, row, namespace)?);
        let listed = self.rows_kept(kind, namespace, selector, &keep).await;
        kept.listed(listed)
    }

    async fn rows_kept(
        &self,
        kind: &Kind,
        namespace: Option<&str>,
        selector: Option<&str>,
        keep: KeepRow<'_>,
    ) -> Listed<usize> {
        let narrow = Narrow { selector, fields: None };
        self.everywhere(kind, namespace, |place| self.rows_of(kind, place, narrow, keep)).await
    }

    /// Objects of `kind` that `keep` makes something of.
    pub async fn objects<T: Send>(
        &self,
        kind: &Kind,
        namespace: Option<&str>,
        fields: Option<&str>,
        selector: Option<&str>,
        keep: impl Fn(Value) -> Option<T> + Sync,
    ) -> Listed<T> {
        let kept = Kept::default();
        let keep = |object: Value| kept.keep(keep(object)?);
        let listed = self.objects_kept(kind, namespace, Narrow { selector, fields }, &keep).await;
        kept.listed(listed)
    }

    async fn objects_kept(
        &self,
        kind: &Kind,
        namespace: Option<&str>,
        narrow: Narrow<'_>,
        keep: KeepObject<'_>,
    ) -> Listed<usize> {
        self.everywhere(kind, namespace, |place| self.objects_of(kind, place, narrow, keep)).await
    }

    /// Asks `one` for the whole scope, and where that is forbidden for each namespace in sight.
    async fn everywhere<F>(
        &self,
        kind: &Kind,
        namespace: Option<&str>,
        one: impl Fn(Option<String>) -> F,
    ) -> Listed<usize>
    where
        F: Future<Output = Result<(Vec<usize>, u64), Failure>>,
    {
        let mut listed = Listed::default();
        let failure = match one(namespace.map(str::to_owned)).await {
            Ok(found) => {
                listed.add(found);
                return listed;
            }
            Err(failure) => failure,
        };
        let what = match namespace.filter(|_| kind.namespaced) {
            Some(namespace) => format!("{} in {namespace}", kind.full()),
            None => kind.full(),
        };
        if failure.code != Code::Forbidden || namespace.is_some() || !kind.namespaced {
            listed.unread.push(failure.unread(&what));
            return listed;
        }
        let sight = self.sight().await;
        let open = sight.namespaces.iter().filter(|(_, rules)| rules.may_list(kind));
        let open: Vec<String> = open.map(|(name, _)| name.clone()).collect();
        if open.is_empty() {
            listed.unread.push(failure.unread(&what));
            return listed;
        }
        let hidden = sight.namespaces.len() - open.len();
        let parts: Vec<_> = stream::iter(open)
            .map(|name: String| {
                let part = one(Some(name.clone()));
                async move { (name, part.await) }
            })
            .buffered(AT_ONCE)
            .collect()
            .await;
        for (name, part) in parts {
            match part {
                Ok(found) => listed.add(found),
                Err(failure) => listed.unread.push(failure.unread(&format!("{} in {name}", kind.full()))),
            }
        }
        if hidden > 0 {
            listed.unread.push(Unread::new(&format!("{what} in {hidden} other namespaces"), &failure.why));
        }
        listed.unread.extend(sight.unread.clone());
        listed
    }

    async fn rows_of(
        &self,
        kind: &Kind,
        place: Option<String>,
        narrow: Narrow<'_>,
        keep: KeepRow<'_>,
    ) -> Result<(Vec<usize>, u64), Failure> {
        let path = narrow.on(Path::list(kind, place.as_deref()));
        if let Some(place) = place.as_deref().filter(|_| kind.namespaced) {
            let path = path.query("includeObject", "None");
            let part = self.table(kind, Source::Path(&path), Whose::One(place), keep).await?;
            return Ok((part.items, part.seen));
        }
        if !kind.namespaced {
            let part =
                self.table(kind, Source::Path(&path.query("includeObject", "None")), Whose::Nobody, keep).await?;
            return Ok((part.items, part.seen));
        }
        // Most kinds have few objects: those come with their metadata, in one answer.
        let first = path.clone().query("includeObject", "Metadata").query("limit", FEW);
        let first = self.table(kind, Source::Path(&first), Whose::Own, keep).await?;
        if first.next.is_none() {
            return Ok((first.items, first.seen));
        }
        match self.paired(kind, &path, keep).await {
            Err(failure) if failure.code == Code::Unsupported => self.pages(kind, &path, first, keep).await,
            paired => paired,
        }
    }

    /// A long list: its names, and its table, asked for at the same time: as good as one list, if each row has the name that is expected there.
    /// Else the table is asked for again, at a revision that is not older than that of the names. Exactly the same one is asked for last: it is
    /// read from the store, at ten times the cost.
    async fn paired(&self, kind: &Kind, path: &Path, keep: KeepRow<'_>) -> Result<(Vec<usize>, u64), Failure> {
        let bare = path.clone().query("includeObject", "None");
        let whole = |part: &Part, names: &Names| part.placeless == 0 && part.seen == names.len() as u64;
        // What went wrong here is tried again below, and told then.
        if let Ok((names, table)) = self.named_table(path, &bare).await
            && let Ok(part) = self.table(kind, Source::Opened(table), Whose::Listed(&names), keep).await
            && whole(&part, &names)
        {
            return Ok((part.items, part.seen));
        }
        let mut last = Failure::expired();
        for round in 0..ANEW {
            let names = self.names(path).await?;
            let exact = round + 1 == ANEW;
            let bare = bare.clone().query("resourceVersion", names.revision());
            let bare = bare.query("resourceVersionMatch", if exact { "Exact" } else { "NotOlderThan" });
            match self.table(kind, Source::Path(&bare), Whose::Listed(&names), keep).await {
                Ok(part) if whole(&part, &names) => return Ok((part.items, part.seen)),
                Ok(_) if exact => return Err(Failure::new(Code::Unsupported, "its list is not in one order")),
                Ok(_) => {}
                Err(failure) if failure.status == 410 => last = failure,
                Err(failure) => return Err(failure),
            }
        }
        Err(last)
    }

    /// A long list of an API server that can do no better: in pages, with metadata.
    async fn pages(
        &self,
        kind: &Kind,
        path: &Path,
        mut all: Part,
        keep: KeepRow<'_>,
    ) -> Result<(Vec<usize>, u64), Failure> {
        let mut left = PAGES_MAX;
        while let Some(token) = all.next.take() {
            left = left.checked_sub(1).ok_or_else(Failure::endless)?;
            let path = path.clone().query("includeObject", "Metadata").query("limit", CHUNK).query("continue", &token);
            let part = self.table(kind, Source::Path(&path), Whose::Own, keep).await?;
            all.items.extend(part.items);
            all.seen += part.seen;
            if part.next.as_ref() == Some(&token) {
                return Err(circle());
            }
            all.next = part.next;
        }
        Ok((all.items, all.seen))
    }

    /// One answer's table.
    async fn table(&self, kind: &Kind, from: Source<'_>, whose: Whose<'_>, keep: KeepRow<'_>) -> Result<Part, Failure> {
        let (mut part, mut columns) = (Part::default(), None);
        let mut take = |step: Step<'_>| {
            match step {
                Step::Begin => part = Part::default(),
                Step::Element(head, row) => {
                    let columns = columns.get_or_insert_with(|| Columns::read(&head.head_so_far()).unwrap_or_default());
                    let row: Row = serde_json::from_slice(row).map_err(|error| unread(kind, &error))?;
                    let name = columns.cell(&row, "Name").unwrap_or_default();
                    let namespace = whose.of(usize::try_from(part.seen).unwrap_or(usize::MAX), &row, name);
                    part.seen += 1;
                    // One of a namespace that nobody knows is nothing to go on; the list is read another way then.
                    if kind.namespaced && namespace.is_none() {
                        part.placeless += 1;
                    } else {
                        part.items.extend(keep(columns, &row, namespace));
                    }
                }
            }
            Ok(())
        };
        let head = match from {
            Source::Path(path) => self.list(path, TABLE, "rows", take).await?,
            Source::Opened(opened) => self.elements(opened, "rows", &mut take).await?,
        };
        // An API server that cannot print answers with the objects, and nothing would have been seen.
        let head: Value = serde_json::from_slice(&head).unwrap_or_default();
        if head.get("kind").and_then(Value::as_str) != Some("Table") {
            return Err(Failure::new(Code::Unsupported, "its API server prints no tables"));
        }
        part.next = next(&head);
        Ok(part)
    }
}

/// Where a table comes from.
enum Source<'f> {
    /// It is to be asked for.
    Path(&'f Path),
    /// It has been.
    Opened(Opened<'f>),
}

/// What one answer's table gave.
#[derive(Default)]
struct Part {
    items: Vec<usize>,
    seen: u64,
    /// Rows of which nobody knows the namespace.
    placeless: u64,
    /// Where the next page begins.
    next: Option<String>,
}

fn next(head: &Value) -> Option<String> {
    head.pointer("/metadata/continue").and_then(Value::as_str).filter(|token| !token.is_empty()).map(str::to_owned)
}

/// A page that leads to itself would never end, and what is behind it is not known.
fn circle() -> Failure {
    Failure::new(Code::Unsupported, "its pages lead in a circle")
}

fn unread(kind: &Kind, error: &serde_json::Error) -> Failure {
    Failure::new(Code::Unsupported, format!("one of {} is not understood: {error}", kind.full()))
}
