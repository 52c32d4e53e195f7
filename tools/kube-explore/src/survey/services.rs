//! Services that send to nobody.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::{StreamExt as _, join, stream};
use serde_json::Value;

use super::{AT_ONCE, Looking, Part};
use crate::{
    failure::Failure,
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
        let mut lost = if known { without.len() as u64 } else { 0 };
        let mut nobody = if known { self.sending_to_nobody(without, &mut part).await } else { Vec::new() };
        if with.len() <= PORTS || self.namespace.is_some() {
            let ended = self.ports(with, &mut part).await;
            lost = lost.saturating_add(ended.len() as u64);
            nobody.extend(ended);
        }
        part.fine.push(("services", seen.saturating_sub(lost)));
        self.why_nobody(nobody, &mut part).await;
        part
    }

    /// Looks at services without endpoints, and returns those that no pod is behind, with the pods that were.
    async fn sending_to_nobody(
        &self,
        mut services: Vec<Selecting>,
        part: &mut Part,
    ) -> Vec<(Selecting, Option<Value>)> {
        services.retain(|service| service.age >= STARTING || self.namespace.is_some());
        let more = services.len().saturating_sub(MOST);
        if more > 0 {
            part.unread
                .push(Unread::new(&format!("{more} more services without endpoints"), "too many to look at each"));
        }
        services.truncate(MOST);
        let looked: Vec<(Selecting, Option<Found>)> = stream::iter(services)
            .map(|service| async move {
                let found = self.found(&service).await.ok();
                (service, found)
            })
            .buffered(AT_ONCE)
            .collect()
            .await;
        let mut nobody = Vec::new();
        for (service, found) in looked {
            match found {
                Some(Found::Nobody(ended)) => nobody.push((service, ended)),
                // Pods without an address are in trouble themselves, unless it is their ports that are looked for in vain.
                Some(Found::Somebody(pod)) => {
                    let object = self.service(&service).await;
                    part.seen.others.extend(object.and_then(|object| service::without_port(&object, &pod)));
                }
                None => {}
            }
        }
        nobody
    }

    /// Says of services that send to nobody what their namespace has instead.
    async fn why_nobody(&self, services: Vec<(Selecting, Option<Value>)>, part: &mut Part) {
        let mut workloads: BTreeMap<String, Vec<Behind>> = BTreeMap::new();
        for (service, ended) in services {
            if !workloads.contains_key(&service.namespace) {
                let all = self.behind(&service.namespace, part).await;
                workloads.insert(service.namespace.clone(), all);
            }
            let here = workloads.get(&service.namespace).map_or(&[][..], Vec::as_slice);
            part.seen.others.extend(service::selects_nothing(
                (&service.namespace, &service.name),
                &service.selector,
                here,
                ended.as_ref().map(field::name),
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

    /// Who is behind a service: a pod that has ended is nobody.
    async fn found(&self, service: &Selecting) -> Result<Found, Failure> {
        let first = async |fields: Option<&str>| {
            let path = Path::list(&kinds::pods(), Some(&service.namespace)).query("labelSelector", &service.selector);
            let mut pods = self.cluster.object(&path.query("limit", "1").optional("fieldSelector", fields)).await?;
            Ok::<_, Failure>(pods.pointer_mut("/items/0").map(Value::take))
        };
        Ok(match first(None).await? {
            Some(pod) if field::has_ended(&pod) => {
                match first(Some("status.phase!=Succeeded,status.phase!=Failed")).await? {
                    Some(alive) => Found::Somebody(alive),
                    None => Found::Nobody(Some(pod)),
                }
            }
            Some(pod) => Found::Somebody(pod),
            None => Found::Nobody(None),
        })
    }

    async fn service(&self, service: &Selecting) -> Option<Value> {
        self.cluster.object(&Path::object(&kinds::services(), Some(&service.namespace), &service.name)).await.ok()
    }

    /// Compares the ports of services with those their pods name: a note at most, and what cannot be read here is not missed. Returns those whose
    /// pods have all ended, which keep their address.
    async fn ports(&self, services: Vec<Selecting>, part: &mut Part) -> Vec<(Selecting, Option<Value>)> {
        let looked: Vec<(Selecting, Option<Found>, Option<Cause>)> = stream::iter(services.into_iter().take(PORTS))
            .map(|service| async move {
                let found = self.found(&service).await.ok();
                let wrong = match &found {
                    Some(Found::Somebody(pod)) => {
                        self.service(&service).await.and_then(|object| service::wrong_port(&object, pod))
                    }
                    _ => None,
                };
                (service, found, wrong)
            })
            .buffered(AT_ONCE)
            .collect()
            .await;
        let mut ended = Vec::new();
        for (service, found, wrong) in looked {
            part.seen.others.extend(wrong);
            if let Some(Found::Nobody(Some(pod))) = found {
                ended.push((service, Some(pod)));
            }
        }
        ended
    }
}

/// Who is behind a service.
enum Found {
    /// A pod.
    Somebody(Value),
    /// No pod, or only such as this one, which has ended.
    Nobody(Option<Value>),
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
