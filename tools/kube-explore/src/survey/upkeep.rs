//! What keeps a cluster going besides its pods: claims, autoscalers, disruption budgets, API services, namespaces.

use futures_util::join;
use serde_json::Value;

use super::{Looking, Part};
use crate::{
    health::{Level, conditions, volume},
    kinds::{self, Kind},
    listing::Listed,
    table::{Columns, Row},
};

/// The most objects of each kind that are read whole.
const MOST: usize = 20;

impl Looking<'_> {
    pub(super) async fn upkeep(&self, own: Option<&Value>) -> Part {
        let mut part = Part::default();
        let now = self.now;
        let (claims, budgets, services, namespaces, scalers) = join!(
            self.suspects(kinds::volume_claims(), |columns, row| {
                matches!(columns.cell(row, "Status"), Some("Pending" | "Lost" | "Terminating"))
            }),
            self.suspects(kinds::disruption_budgets(), |columns, row| columns.cell(row, "Allowed Disruptions")
                == Some("0")),
            self.suspects(kinds::api_services(), |columns, row| {
                columns.cell(row, "Available").is_some_and(|cell| !cell.starts_with("True"))
            }),
            async {
                match self.namespace {
                    Some(_) => Listed::default(),
                    None => {
                        let status = |columns: &Columns, row: &Row| columns.cell(row, "Status") == Some("Terminating");
                        self.suspects(kinds::namespaces(), status).await
                    }
                }
            },
            self.objects(kinds::autoscalers(), |object| { conditions::autoscaler(&object, now) }),
        );
        let (scalers, seen) = part.took(scalers, false);
        part.fine.push(("hpas", seen.saturating_sub(scalers.len() as u64)));
        part.seen.scalers = scalers;
        self.claims(claims, &mut part).await;
        let budgets = self.read(&kinds::disruption_budgets(), budgets, &mut part).await;
        part.seen.budgets = budgets.iter().filter_map(|budget| conditions::budget(budget, now)).collect();
        let services = self.read(&kinds::api_services(), services, &mut part).await;
        part.seen.others.extend(services.iter().filter_map(|service| conditions::api_service(service, now)));
        let mut ending = self.read(&kinds::namespaces(), namespaces, &mut part).await;
        ending.extend(own.cloned());
        part.seen.namespaces = ending.iter().filter_map(|namespace| conditions::ending(namespace, now)).collect();
        part
    }

    /// Objects whose row says that they are to be looked at, by namespace and name.
    async fn suspects(&self, kind: Kind, suspect: impl Fn(&Columns, &Row) -> bool + Sync) -> Listed<(String, String)> {
        self.rows(kind, |columns, row, namespace| {
            let name = columns.cell(row, "Name").filter(|_| suspect(columns, row))?;
            Some((namespace.unwrap_or_default().to_owned(), name.to_owned()))
        })
        .await
    }

    async fn read(&self, kind: &Kind, listed: Listed<(String, String)>, part: &mut Part) -> Vec<Value> {
        let (mut names, _) = part.took(listed, false);
        let more = names.len().saturating_sub(MOST);
        if more > 0 {
            let what = format!("{more} more {} that are not well", kind.full());
            part.unread.push(crate::unread::Unread::new(&what, "too many to look at each"));
        }
        names.truncate(MOST);
        let objects = self.whole(kind, names, &mut part.unread).await;
        objects.into_iter().filter_map(|(_, _, object)| object).collect()
    }

    async fn claims(&self, listed: Listed<(String, String)>, part: &mut Part) {
        let (seen, bad) = (listed.seen, listed.items.len() as u64);
        part.fine.push(("pvcs", seen.saturating_sub(bad)));
        let claims = self.read(&kinds::volume_claims(), listed, part).await;
        if claims.is_empty() {
            return;
        }
        let classes = self.objects(kinds::storage_classes(), |class| {
            Some((crate::field::name(&class).to_owned(), volume::waits(&class), volume::is_default(&class)))
        });
        let classes = classes.await;
        let known = classes.unread.is_empty();
        let (classes, _) = part.took(classes, false);
        let waits = |named: Option<&str>| {
            let class = classes.iter().find(|(name, _, default)| named.map_or(*default, |named| named == name));
            class.is_some_and(|(_, waits, _)| *waits)
        };
        part.seen.claims = claims.iter().filter_map(|claim| volume::claim(claim, &waits, self.now)).collect();
        if !known {
            // It may wait for a pod, as it should.
            part.seen.claims.iter_mut().for_each(|claim| claim.level = Level::Note);
        }
    }
}
