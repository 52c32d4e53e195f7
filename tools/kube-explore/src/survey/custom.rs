//! Custom resources that say of themselves that they are not well, in the columns their makers chose, or else in their conditions.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::atomic::{AtomicBool, Ordering},
};

use futures_util::{StreamExt as _, stream};
use serde_json::Value;

use super::{AT_ONCE, Looking, Part, customs};
use crate::{
    cluster::{JSON, Step},
    health::{Cause, Level, conditions},
    kinds::{Kind, Kinds},
    listing::Listed,
    path::Path,
    unread::Unread,
};

/// One that is not well: namespace, name, and the column that says so with what it says.
type Unwell = (String, String, (&'static str, String));

/// The most kinds that are looked through.
const KINDS: usize = 200;
/// The most objects that are read whole.
const MOST: usize = 24;
/// Of how many kinds whose tables say nothing of how their objects are some objects are read.
const SILENT: usize = 8;
/// How many of each.
const SOME: &str = "50";
/// The most definitions that are looked at.
const DEFINITIONS: usize = 10;

/// What an object says of itself.
enum Said {
    /// It is well.
    Yes,
    /// It is not.
    No(Box<Cause>),
    /// Nothing.
    Nothing,
}

/// How many are how.
#[derive(Default)]
struct Counts {
    fine: u64,
    silent: u64,
    unlooked: u64,
}

impl Looking<'_> {
    pub(super) async fn custom(&self, kinds: &Kinds) -> Part {
        let mut part = Part { unread: kinds.unread.clone(), ..Part::default() };
        let customs = customs(kinds, self.namespace.is_some());
        if customs.len() > KINDS {
            let more = customs.len() - KINDS;
            part.unread
                .push(Unread::new(&format!("{more} more kinds of custom resources"), "too many to look at each"));
        }
        let listed: Vec<(Kind, bool, Listed<Unwell>)> = stream::iter(customs.into_iter().take(KINDS))
            .map(|kind: Kind| async move {
                let tells = AtomicBool::new(false);
                let rows = self.rows(kind.clone(), |columns, row, namespace| {
                    tells.fetch_or(conditions::tells(columns), Ordering::Relaxed);
                    let (column, cell) = conditions::unwell(columns, row)?;
                    let name = columns.cell(row, "Name")?;
                    Some((namespace.unwrap_or_default().to_owned(), name.to_owned(), (column, cell.to_owned())))
                });
                let rows = rows.await;
                (kind, tells.into_inner(), rows)
            })
            .buffered(AT_ONCE)
            .collect()
            .await;
        let (mut counts, mut left) = (Counts::default(), MOST);
        let mut silent: Vec<(Kind, u64)> = Vec::new();
        for (kind, tells, listed) in listed {
            let (mut unwell, seen) = part.took(listed, false);
            if !tells {
                silent.extend((seen > 0).then_some((kind, seen)));
                continue;
            }
            counts.fine = counts.fine.saturating_add(seen.saturating_sub(unwell.len() as u64));
            let word = kind.kind.to_lowercase();
            unwell.sort();
            let rest = unwell.split_off(unwell.len().min(left));
            left -= unwell.len();
            let says: BTreeMap<(String, String), (&str, String)> =
                unwell.into_iter().map(|(namespace, name, says)| ((namespace, name), says)).collect();
            let names: Vec<_> = says.keys().cloned().collect();
            for (namespace, name, object) in self.whole(&kind, names, &mut part.unread).await {
                let says = says.get(&(namespace, name)).map(|(column, cell)| (*column, cell.as_str()));
                part.seen.customs.extend(object.and_then(|object| conditions::custom(&object, &word, says, self.now)));
            }
            let unlooked = |(namespace, name, _): Unwell| {
                Cause::new(Level::Degraded, (&namespace, &word, &name), "says it is not well").fact("not looked at")
            };
            part.seen.customs.extend(rest.into_iter().map(unlooked));
        }
        self.silent(silent, &mut counts, &mut part).await;
        part.fine.push(("custom resources", counts.fine));
        part.fine.push(("custom resources without a state", counts.silent));
        part.fine.push(("custom resources not looked at", counts.unlooked));
        if self.namespace.is_none() {
            self.definitions(kinds, &mut part).await;
        }
        part
    }

    /// Kinds whose columns say nothing of how their objects are: some of those are asked themselves.
    async fn silent(&self, mut kinds: Vec<(Kind, u64)>, counts: &mut Counts, part: &mut Part) {
        for (_, seen) in kinds.split_off(kinds.len().min(SILENT)) {
            counts.unlooked = counts.unlooked.saturating_add(seen);
        }
        let read: Vec<(u64, Vec<Said>)> = stream::iter(kinds)
            .map(|(kind, seen)| async move { (seen, self.said(&kind).await) })
            .buffered(AT_ONCE)
            .collect()
            .await;
        for (seen, said) in read {
            counts.unlooked = counts.unlooked.saturating_add(seen.saturating_sub(said.len() as u64));
            for said in said {
                match said {
                    Said::No(cause) => part.seen.customs.push(*cause),
                    Said::Yes => counts.fine = counts.fine.saturating_add(1),
                    Said::Nothing => counts.silent = counts.silent.saturating_add(1),
                }
            }
        }
    }

    /// What some objects of a kind say of themselves, read one by one. Nothing where they may not be read: then nobody looked at them.
    async fn said(&self, kind: &Kind) -> Vec<Said> {
        let path = Path::list(kind, self.namespace.filter(|_| kind.namespaced)).query("limit", SOME);
        let word = kind.kind.to_lowercase();
        let mut said = Vec::new();
        let read = self.cluster.list(&path, JSON, "items", |step| {
            match step {
                Step::Begin => said.clear(),
                Step::Element(_, object) => {
                    let object: Value = serde_json::from_slice(object).unwrap_or_default();
                    said.push(match conditions::custom(&object, &word, None, self.now) {
                        Some(cause) => Said::No(Box::new(cause)),
                        None if conditions::has_state(&object) => Said::Yes,
                        None => Said::Nothing,
                    });
                }
            }
            Ok(())
        });
        if read.await.is_err() { Vec::new() } else { said }
    }

    /// Definitions whose kind is not among those that are served.
    async fn definitions(&self, kinds: &Kinds, part: &mut Part) {
        let of = |kind: &&Kind| kind.group == "apiextensions.k8s.io" && kind.plural == "customresourcedefinitions";
        let Some(kind) = kinds.all.iter().find(of) else { return };
        let served: BTreeSet<String> = kinds.all.iter().map(Kind::full).collect();
        let listed = self.rows(kind.clone(), |columns, row, _| {
            columns
                .cell(row, "Name")
                .filter(|name| !served.contains(*name))
                .map(|name| (String::new(), name.to_owned()))
        });
        let (mut names, _) = part.took(listed.await, false);
        let more = names.len().saturating_sub(DEFINITIONS);
        if more > 0 {
            let what = format!("{more} more definitions of kinds that are not served");
            part.unread.push(Unread::new(&what, "too many to look at each"));
        }
        names.truncate(DEFINITIONS);
        for (_, _, object) in self.whole(kind, names, &mut part.unread).await {
            part.seen.others.extend(object.and_then(|object| conditions::definition(&object, self.now)));
        }
    }
}
