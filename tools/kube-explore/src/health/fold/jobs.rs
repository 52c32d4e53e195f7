//! Jobs with their pods, and cron jobs with the jobs of theirs that failed: those they made, whatever others are called.

use std::collections::{BTreeMap, btree_map::Entry};

use super::{
    super::{Cause, Level, seen::JobSeen, tell::tell, workload::Job},
    Fold, Key,
};

impl Fold {
    /// The causes that are jobs, with what their pods say.
    pub(super) fn jobs(&mut self, jobs: &[JobSeen]) -> Vec<Cause> {
        let mut causes: BTreeMap<Key, (Cause, u64)> = BTreeMap::new();
        for seen in jobs {
            let mut pods = self.owners.remove(&(seen.namespace.clone(), "job".into(), seen.name.clone()));
            let mut cause = match &seen.job {
                Job::Complete => continue,
                _ if seen.recovered => continue,
                Job::Failed(cause) => cause.as_ref().clone(),
                Job::Active { failed } => {
                    let Some(pods) = pods.take() else { continue };
                    let mut cause = tell(pods, (&seen.namespace, "job", &seen.name), Level::Degraded, Vec::new());
                    if *failed > 0 {
                        cause.facts.push(format!("failed ×{failed} so far"));
                    }
                    cause
                }
            };
            if let Some(pods) = pods {
                let own = tell(pods, (&seen.namespace, "job", &seen.name), Level::Degraded, Vec::new());
                cause.facts.extend(own.facts.into_iter().filter(|fact| !fact.starts_with('×')));
                cause.evidence = own.evidence;
                if cause.said.is_none() {
                    cause.said = own.said;
                }
            }
            let key = |kind: &str, name: &str| (seen.namespace.clone(), kind.to_owned(), name.to_owned());
            let Some(cron_job) = &seen.cron_job else {
                causes.insert(key("job", &seen.name), (cause, 1));
                continue;
            };
            match causes.entry(key("cronjob", cron_job)) {
                Entry::Vacant(free) => {
                    cause.kind = String::from("cronjob");
                    cause.name.clone_from(cron_job);
                    cause.facts.insert(0, format!("job/{}", seen.name));
                    free.insert((cause, 1));
                }
                // The youngest of them says how it is, and the others how often.
                Entry::Occupied(mut known) => {
                    let (_, runs) = known.get_mut();
                    *runs = runs.saturating_add(1);
                }
            }
        }
        let told = |(mut cause, runs): (Cause, u64)| {
            if runs > 1 {
                cause.facts.insert(0, format!("{runs} runs"));
            }
            cause.affected = cause.affected.max(runs);
            cause
        };
        causes.into_values().map(told).collect()
    }
}
