//! Services that send to nobody.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::{StreamExt as _, join, stream};
use serde_json::Value;

use super::{AT_ONCE, Looking, Part};
use crate::{
    field,
    health::{
        Cause, columns,
        finding::STARTING,
        service::{self, Behind},
    },
    kinds,
    path::Path,
    unread::Unread,
};

/// The most services without endpoints that are looked at.
const MOST: usize = 30;
/// Up to how many services their ports are compared with those their pods name: a small thing, and a request each.
const PORTS: usize = 20;

/// A service by its row.
struct Listed {
    namespace: String,
    name: String,
    ports: String,
    /// What pods it selects, if it does, and how old it is.
    selecting: Option<(String, i64)>,
    waits: Option<Cause>,
}

/// A service that selects pods.
struct Selecting {
    namespace: String,
    name: String,
    selector: String,
    age: i64,
}

impl Looking<'_> {
    pub(super) async fn services(&self) -> Part {
        let mut part = Part::default();
        let (services, slices, routes) = join!(
            self.rows(kinds::services(), |columns, row, namespace| {
                let age = columns.cell(row, "Age").and_then(columns::seconds).unwrap_or(i64::MAX);
                Some(Listed {
                    namespace: namespace.unwrap_or_default().to_owned(),
                    name: columns.cell(row, "Name")?.to_owned(),
                    ports: columns.cell(row, "Port(s)").unwrap_or_default().to_owned(),
                    selecting: service::selector(columns, row).map(|selector| (selector, age)),
                    waits: service::without_address(columns, row, namespace.unwrap_or_default()),
                })
            }),
            self.rows(kinds::endpoint_slices(), |columns, row, namespace| {
                let service = service::of_slice(columns, row)?;
                Some((namespace.unwrap_or_default().to_owned(), service.to_owned()))
            }),
            self.objects(kinds::ingresses(), Some),
        );
        let all_known = services.unread.is_empty();
        let (listed, seen) = part.took(services, false);
        let (routes, routes_seen) = part.took(routes, false);
        let lost = if all_known { ingresses(&routes, &listed) } else { Vec::new() };
        part.fine.push(("ingresses", routes_seen.saturating_sub(lost.len() as u64)));
        part.seen.others.extend(lost);
        let mut services = Vec::new();
        for Listed { namespace, name, selecting, waits, .. } in listed {
            part.seen.others.extend(waits);
            services.extend(selecting.map(|(selector, age)| Selecting { namespace, name, selector, age }));
        }
        let known = slices.unread.is_empty();
        let (slices, _) = part.took(slices, false);
        let slices: BTreeSet<(String, String)> = slices.into_iter().collect();
        let (with, without): (Vec<Selecting>, Vec<Selecting>) = services
            .into_iter()
            .partition(|service| slices.contains(&(service.namespace.clone(), service.name.clone())));
        part.fine.push(("services", seen.saturating_sub(if known { without.len() as u64 } else { 0 })));
        if known {
            self.sending_to_nobody(without, &mut part).await;
        }
        if with.len() <= PORTS || self.namespace.is_some() {
            self.ports(with, &mut part).await;
        }
        part
    }

    async fn sending_to_nobody(&self, mut services: Vec<Selecting>, part: &mut Part) {
        services.retain(|service| service.age >= STARTING || self.namespace.is_some());
        let more = services.len().saturating_sub(MOST);
        if more > 0 {
            part.unread
                .push(Unread::new(&format!("{more} more services without endpoints"), "too many to look at each"));
        }
        services.truncate(MOST);
        let services: Vec<_> = stream::iter(services)
            .map(|service| async move {
                let pods = self.first_pod(&service).await;
                (service, pods)
            })
            .buffered(AT_ONCE)
            .collect()
            .await;
        let mut workloads: BTreeMap<String, Vec<Behind>> = BTreeMap::new();
        for (service, pod) in services {
            // Pods without an address are in trouble themselves.
            if !matches!(pod, Ok(None)) {
                continue;
            }
            if !workloads.contains_key(&service.namespace) {
                let all = self.behind(&service.namespace, part).await;
                workloads.insert(service.namespace.clone(), all);
            }
            let here = workloads.get(&service.namespace).map_or(&[][..], Vec::as_slice);
            part.seen.others.extend(service::selects_nothing(
                &service.namespace,
                &service.name,
                &service.selector,
                here,
            ));
        }
    }

    async fn behind(&self, namespace: &str, part: &mut Part) -> Vec<Behind> {
        let mut all = Vec::new();
        for (word, kind) in [("deployment", kinds::deployments()), ("statefulset", kinds::stateful_sets())] {
            let listed =
                self.cluster.objects(&kind, Some(namespace), None, None, |object| Some(Behind::read(word, &object)));
            let (items, _) = part.took(listed.await, false);
            all.extend(items);
        }
        all
    }

    /// A pod that a service selects.
    async fn first_pod(&self, service: &Selecting) -> Result<Option<Value>, crate::failure::Failure> {
        let path = Path::list(&kinds::pods(), Some(&service.namespace));
        let mut pods = self.cluster.object(&path.query("labelSelector", &service.selector).query("limit", "1")).await?;
        Ok(pods.pointer_mut("/items/0").map(Value::take))
    }

    /// Compares the ports of services with those their pods name. A note at most: what cannot be read here is not missed.
    async fn ports(&self, services: Vec<Selecting>, part: &mut Part) {
        let found: Vec<Option<Cause>> = stream::iter(services.into_iter().take(PORTS))
            .map(|service| async move {
                let path = Path::object(&kinds::services(), Some(&service.namespace), &service.name);
                let object = self.cluster.object(&path).await.ok()?;
                let pod = self.first_pod(&service).await.ok()??;
                service::wrong_port(&object, &pod)
            })
            .buffered(AT_ONCE)
            .collect()
            .await;
        part.seen.others.extend(found.into_iter().flatten());
    }
}

/// Those that send to what is not there.
fn ingresses(routes: &[Value], services: &[Listed]) -> Vec<Cause> {
    let ports: BTreeMap<(&str, &str), &str> =
        services.iter().map(|one| ((one.namespace.as_str(), one.name.as_str()), one.ports.as_str())).collect();
    let judged = |route: &Value| {
        service::leads_nowhere(route, |service| ports.get(&(field::namespace(route), service)).copied())
    };
    routes.iter().filter_map(judged).collect()
}
