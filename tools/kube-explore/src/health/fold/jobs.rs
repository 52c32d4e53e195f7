//! Jobs with their pods, and cron jobs with the jobs of theirs that failed.

use std::collections::BTreeMap;

use super::{
    super::{Cause, Level, group::stem, seen::JobSeen, tell::tell, workload::Job},
    Fold, Key,
};

impl Fold {
    /// The causes that are jobs, with what their pods say.
    pub(super) fn jobs(&mut self, jobs: &[JobSeen]) -> Vec<Cause> {
        let mut causes: BTreeMap<Key, Cause> = BTreeMap::new();
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
                        cause.facts.push(format!("failed ×{failed}, and is tried again"));
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
            cause.affected = cause.affected.max(seen.count);
            let name = match &seen.cron_job {
                Some(cron_job) => {
                    cause.kind = String::from("cronjob");
                    cause.name.clone_from(cron_job);
                    cause.facts.insert(0, format!("job/{}", seen.name));
                    if seen.count > 1 {
                        cause.facts.insert(0, format!("{} runs", seen.count));
                    }
                    cron_job
                }
                None => {
                    if seen.count > 1 {
                        cause.facts.push(format!("and {} more jobs of that name", seen.count - 1));
                    }
                    &seen.name
                }
            };
            causes.entry((seen.namespace.clone(), cause.kind.clone(), name.clone())).or_insert(cause);
        }
        // Pods of runs before are told with their cron job.
        self.owners.retain(|(namespace, kind, name), _| {
            kind != "job" || !causes.contains_key(&(namespace.clone(), "cronjob".into(), stem(name).to_owned()))
        });
        causes.into_values().collect()
    }
}
