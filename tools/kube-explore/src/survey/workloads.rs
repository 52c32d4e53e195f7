//! Workloads that are short of replicas, jobs that failed, and cron jobs.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::atomic::{AtomicU64, Ordering},
};

use futures_util::join;
use serde_json::Value;

use super::{Looking, Part};
use crate::{
    field,
    health::{
        columns::{self, Short},
        event,
        group::stem,
        seen::JobSeen,
        workload::{self, Job, Refusal, Workload},
    },
    kinds::{self, Kind},
    path::Path,
    unread::Unread,
};

/// The most workloads that are read whole.
const MOST: usize = 40;
/// The most of those without pods whose refusals are looked for.
const REFUSALS: usize = 10;

/// In how many namespaces it is made sure that a quota is there that is said to refuse pods.
const QUOTAS: usize = 20;

/// The most jobs without a pod that are told.
const PODLESS: u64 = 200;

/// A job that failed, or that may have no pod, by its row.
struct Row {
    namespace: String,
    name: String,
    age: i64,
    failed: bool,
}

impl Looking<'_> {
    pub(super) async fn workloads(&self) -> Part {
        let mut part = Part::default();
        let (deployments, stateful, daemons, replicas, jobs, cron_jobs, controllers) = join!(
            self.short("deployment", kinds::deployments()),
            self.short("statefulset", kinds::stateful_sets()),
            self.short("daemonset", kinds::daemon_sets()),
            self.short("replicaset", kinds::replica_sets()),
            self.rows(kinds::jobs(), |columns, row, namespace| {
                let failed = columns::job_failed(columns, row);
                (failed || columns::job_waits(columns, row)).then(|| Row {
                    namespace: namespace.unwrap_or_default().to_owned(),
                    name: columns.cell(row, "Name").unwrap_or_default().to_owned(),
                    age: columns.cell(row, "Age").and_then(columns::seconds).unwrap_or(i64::MAX),
                    failed,
                })
            }),
            self.objects(kinds::cron_jobs(), |object| workload::cron_job(&object, self.now)),
            self.short("replicationcontroller", kinds::replication_controllers()),
        );
        let mut short: Vec<Short> = Vec::new();
        for (name, listed) in [("deployments", deployments), ("statefulsets", stateful), ("daemonsets", daemons)] {
            let (items, seen) = part.took(listed, true);
            part.fine.push((name, seen.saturating_sub(items.len() as u64)));
            short.extend(items);
        }
        let (replicas, _) = part.took(replicas, false);
        let (controllers, seen) = part.took(controllers, false);
        part.fine.push(("replicationcontrollers", seen.saturating_sub(controllers.len() as u64)));
        short.extend(controllers);
        let known: BTreeSet<(String, String)> = short
            .iter()
            .filter(|short| short.kind == "deployment")
            .map(|short| (short.namespace.clone(), short.name.clone()))
            .collect();
        // Those of a deployment that is short itself say nothing new.
        short.extend(
            replicas.into_iter().filter(|one| !known.contains(&(one.namespace.clone(), stem(&one.name).to_owned()))),
        );
        part.seen.workloads = self.judged(short, &mut part.unread).await;
        let (suspended, seen) = part.took(cron_jobs, false);
        part.fine.push(("cronjobs", seen.saturating_sub(suspended.len() as u64)));
        part.seen.others.extend(suspended);
        let (jobs, seen) = part.took(jobs, false);
        let (failed, waiting): (Vec<Row>, Vec<Row>) = jobs.into_iter().partition(|job| job.failed);
        let podless = if waiting.is_empty() { 0 } else { self.podless(&mut part).await };
        part.fine.push(("jobs", seen.saturating_sub(failed.len() as u64).saturating_sub(podless)));
        self.failed(failed, &mut part).await;
        part
    }

    async fn short(&self, name: &'static str, kind: Kind) -> crate::listing::Listed<Short> {
        self.rows(kind, |columns, row, namespace| columns::workload(name, columns, row, namespace)).await
    }

    async fn judged(&self, mut short: Vec<Short>, unread: &mut Vec<Unread>) -> Vec<Workload> {
        short.sort_by(|a, b| (a.ready > 0, &a.namespace, &a.name).cmp(&(b.ready > 0, &b.namespace, &b.name)));
        let rest = short.split_off(short.len().min(MOST));
        let mut found = Vec::new();
        for kind in [
            kinds::deployments(),
            kinds::stateful_sets(),
            kinds::daemon_sets(),
            kinds::replica_sets(),
            kinds::replication_controllers(),
        ] {
            let word = kind.kind.to_lowercase();
            let of_kind = || short.iter().filter(|short| short.kind == word);
            let names: Vec<_> = of_kind().map(|short| (short.namespace.clone(), short.name.clone())).collect();
            let mut objects: BTreeMap<_, _> = self
                .whole(&kind, names, unread)
                .await
                .into_iter()
                .map(|(ns, name, object)| ((ns, name), object))
                .collect();
            for short in of_kind() {
                // One that is gone by now is no trouble.
                if let Some(object) = objects.remove(&(short.namespace.clone(), short.name.clone())) {
                    found.extend(workload::judge(short.clone(), object.as_ref(), self.now));
                }
            }
        }
        // Replica sets that nobody has looked at may be a deployment's.
        found.extend(
            rest.into_iter()
                .filter(|one| one.kind != "replicaset")
                .filter_map(|one| workload::judge(one, None, self.now)),
        );
        found
    }

    /// Jobs that run and have no pod, and how many they are. Most that run have one: they are told apart in one list.
    async fn podless(&self, part: &mut Part) -> u64 {
        let kept = AtomicU64::new(0);
        let kind = kinds::jobs();
        let namespace = self.namespace;
        let found = self.cluster.objects(&kind, namespace, Some("status.successful=0"), None, |object| {
            let found = workload::podless(&object, self.now)?;
            // The others are counted: a list may be begun anew.
            Some((kept.fetch_add(1, Ordering::Relaxed) < PODLESS).then(|| Box::new(found)))
        });
        let (found, _) = part.took(found.await, false);
        let count = found.len() as u64;
        let found: Vec<Workload> = found.into_iter().flatten().map(|found| *found).collect();
        let more = count.saturating_sub(found.len() as u64);
        if more > 0 {
            part.unread.push(Unread::new(&format!("{more} more jobs without a pod"), "too many to look at each"));
        }
        part.seen.workloads.extend(found);
        count
    }

    /// Looks at jobs that failed, the youngest first: of those that are called alike one at first, and others while there is room. What they have
    /// in common is known when they were looked at.
    async fn failed(&self, mut rows: Vec<Row>, part: &mut Part) {
        rows.sort_by(|a, b| (a.age, &a.namespace, &a.name).cmp(&(b.age, &b.namespace, &b.name)));
        let mut alike: BTreeMap<(String, String), usize> = BTreeMap::new();
        let mut ranked: Vec<(usize, usize, Row)> = Vec::new();
        for (at, row) in rows.into_iter().enumerate() {
            let before = alike.entry((row.namespace.clone(), stem(&row.name).to_owned())).or_default();
            ranked.push((*before, at, row));
            *before += 1;
        }
        ranked.sort_by_key(|(before, at, _)| (*before, *at));
        let more = ranked.len().saturating_sub(MOST);
        if more > 0 {
            part.unread.push(Unread::new(&format!("{more} more jobs that failed"), "too many to look at each"));
        }
        ranked.truncate(MOST);
        ranked.sort_by_key(|(_, at, _)| *at);
        let names = ranked.into_iter().map(|(.., row)| (row.namespace, row.name)).collect();
        let jobs = self.seen_jobs(names, &mut part.unread).await;
        part.seen.jobs.extend(jobs);
    }

    /// Reads jobs, and the cron jobs that made those that failed.
    async fn seen_jobs(&self, names: Vec<(String, String)>, unread: &mut Vec<Unread>) -> Vec<JobSeen> {
        let objects = self.whole(&kinds::jobs(), names, unread).await;
        let objects: Vec<(String, String, Value)> =
            objects.into_iter().filter_map(|(ns, name, object)| Some((ns, name, object?))).collect();
        let made_by =
            |object: &Value| field::controller(object).filter(|(kind, _)| kind == "cronjob").map(|(_, name)| name);
        let makers: BTreeSet<(String, String)> = objects
            .iter()
            .filter(|(_, _, object)| matches!(workload::job(object, self.now), Job::Failed(_)))
            .filter_map(|(namespace, _, object)| Some((namespace.clone(), made_by(object)?)))
            .collect();
        let makers: BTreeMap<(String, String), Option<Value>> = self
            .whole(&kinds::cron_jobs(), makers, unread)
            .await
            .into_iter()
            .map(|(namespace, name, object)| ((namespace, name), object))
            .collect();
        let seen = |(namespace, name, object): (String, String, Value)| {
            let cron_job = made_by(&object);
            let maker = cron_job.as_ref().and_then(|name| makers.get(&(namespace.clone(), name.clone()))?.as_ref());
            let recovered = maker.is_some_and(|maker| workload::has_recovered(maker, workload::began(&object)));
            JobSeen { job: workload::job(&object, self.now), namespace, name, cron_job, recovered }
        };
        objects.into_iter().map(seen).collect()
    }

    /// The jobs of pods that are not well: a pod of one that has done its work in spite of it is no trouble.
    pub(super) async fn jobs_of_pods(&self, part: &mut Part) {
        let known: BTreeSet<(String, String)> =
            part.seen.jobs.iter().map(|job| (job.namespace.clone(), job.name.clone())).collect();
        let owners = part.seen.groups.iter().filter_map(|(group, pod)| {
            let (kind, name) = pod.as_ref()?.owner.as_ref()?;
            (kind == "job").then(|| (group.namespace.clone(), name.clone()))
        });
        let asked: BTreeSet<(String, String)> = owners.filter(|owner| !known.contains(owner)).take(MOST).collect();
        let jobs = self.seen_jobs(asked.into_iter().collect(), &mut part.unread).await;
        part.seen.jobs.extend(jobs);
    }

    /// Why those have no pods that do not say it themselves: their controllers tell it in warnings.
    pub(super) async fn refusals(&self, part: &mut Part) {
        let mut with_pods: BTreeSet<(String, &str, String)> = BTreeSet::new();
        for (group, pod) in &part.seen.groups {
            let owner = pod.as_ref().map(|pod| pod.owner.as_ref());
            match owner {
                Some(Some((kind, name))) => with_pods.insert((group.namespace.clone(), kind, name.clone())),
                Some(None) => false,
                // Nobody looked whose they are.
                None => with_pods.insert((group.namespace.clone(), "", group.stem.clone())),
            };
        }
        let silent = part.seen.workloads.iter_mut().filter(|workload| {
            let short = &workload.short;
            workload.refused.is_none()
                && short.kind != "deployment"
                && short.ready < short.wanted
                && [short.kind, ""]
                    .iter()
                    .all(|kind| !with_pods.contains(&(short.namespace.clone(), *kind, short.name.clone())))
        });
        for workload in silent.take(REFUSALS) {
            let fields = format!("{},reason=FailedCreate", workload.about().selector());
            let path = Path::list(&kinds::events(), Some(&workload.short.namespace))
                .query("fieldSelector", &fields)
                .query("limit", "50");
            if let Ok(events) = self.cluster.object(&path).await {
                let warnings = field::each(&events, "/items").filter_map(event::read).collect();
                workload.refused = event::telling(warnings).map(|warning| warning.message);
            }
        }
        self.quotas(part).await;
    }

    /// The quotas of the namespaces in which one is said to refuse pods.
    async fn quotas(&self, part: &mut Part) {
        let refused = |workload: &Workload| {
            let by = workload.refused.as_deref().and_then(workload::refusal);
            matches!(by, Some(Refusal::Quota(..))).then(|| workload.short.namespace.clone())
        };
        let places: BTreeSet<String> = part.seen.workloads.iter().filter_map(refused).take(QUOTAS).collect();
        let kind = kinds::quotas();
        for place in places {
            let listed = self
                .cluster
                .rows(&kind, Some(&place), None, |columns, row, _| columns.cell(row, "Name").map(str::to_owned));
            let listed = listed.await;
            if listed.unread.is_empty() {
                part.seen.refusers.quotas.insert(place, listed.items.into_iter().collect());
            }
        }
    }
}
