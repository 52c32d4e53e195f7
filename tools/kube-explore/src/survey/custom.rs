//! Custom resources that say of themselves that they are not well, in the columns their makers chose.

use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::{StreamExt as _, stream};

use super::{AT_ONCE, Looking, Part, customs};
use crate::{
    health::{Cause, Level, conditions},
    kinds::{Kind, Kinds},
    listing::Listed,
    unread::Unread,
};

/// Namespaces and names of those that are not well.
type Names = Listed<(String, String)>;

/// The most kinds that are looked through.
const KINDS: usize = 200;
/// The most objects that are read whole.
const MOST: usize = 24;

impl Looking<'_> {
    pub(super) async fn custom(&self, kinds: &Kinds) -> Part {
        let mut part = Part { unread: kinds.unread.clone(), ..Part::default() };
        let customs = customs(kinds, self.namespace.is_some());
        if customs.len() > KINDS {
            let more = customs.len() - KINDS;
            part.unread
                .push(Unread::new(&format!("{more} more kinds of custom resources"), "too many to look at each"));
        }
        let listed: Vec<(Kind, bool, Names)> = stream::iter(customs.into_iter().take(KINDS))
            .map(|kind: Kind| async move {
                let tells = AtomicBool::new(false);
                let rows = self.rows(kind.clone(), |columns, row, namespace| {
                    tells.fetch_or(conditions::tells(columns), Ordering::Relaxed);
                    let name = columns.cell(row, "Name").filter(|_| conditions::is_unwell(columns, row))?;
                    Some((namespace.unwrap_or_default().to_owned(), name.to_owned()))
                });
                let rows = rows.await;
                (kind, tells.into_inner(), rows)
            })
            .buffered(AT_ONCE)
            .collect()
            .await;
        let (mut fine, mut silent, mut left) = (0_u64, 0_u64, MOST);
        for (kind, tells, listed) in listed {
            let (mut unwell, seen) = part.took(listed, false);
            // A kind whose columns say nothing of how its objects are is neither fine nor not.
            let others = if tells { &mut fine } else { &mut silent };
            *others = others.saturating_add(seen.saturating_sub(unwell.len() as u64));
            let word = kind.kind.to_lowercase();
            unwell.sort();
            let rest = unwell.split_off(unwell.len().min(left));
            left -= unwell.len();
            for (_, _, object) in self.whole(&kind, unwell, &mut part.unread).await {
                part.seen.customs.extend(object.and_then(|object| conditions::custom(&object, &word, self.now)));
            }
            let unlooked = |(namespace, name): (String, String)| {
                Cause::new(Level::Degraded, (&namespace, &word, &name), "says it is not well")
            };
            part.seen.customs.extend(rest.into_iter().map(unlooked));
        }
        part.fine.push(("custom resources", fine));
        part.fine.push(("custom resources without a state", silent));
        part
    }
}
