//! Looking at a cluster for what is wrong: tables first, whole objects only of what looks bad, and of those no more than is worth it.
//!
//! Everything is asked at once; [`Cluster`] bounds how many requests are under way. What a table shows to be well is counted and let go. Of pods
//! that look alike some are read, so that ten thousand that crash cost no more than sixty. The judgement is in [`crate::health`].

use futures_util::{StreamExt as _, join, stream};
use jiff::Timestamp;
use serde_json::Value;
use shared::{Code, Result};

use crate::{
    cluster::{Cluster, quoted},
    failure::Failure,
    field, groups,
    health::{Cause, Level, fold, seen},
    kinds::{self, Kind, Kinds},
    listing::Listed,
    path::Path,
    table::{Columns, Row},
    unread::Unread,
};

mod custom;
mod evidence;
mod pods;
mod services;
mod upkeep;
mod webhooks;
mod workloads;

/// How many whole objects are under way at once.
const AT_ONCE: usize = 8;

/// What is wrong, and what was looked at.
#[derive(Default)]
pub struct Survey {
    /// The causes, the worst first.
    pub causes: Vec<Cause>,
    /// The pods that are just starting.
    pub starting: fold::Starting,
    /// Whether one namespace was looked at.
    pub within: bool,
    /// How many of what are well.
    pub fine: Vec<(&'static str, u64)>,
    /// What could not be looked at.
    pub unread: Vec<Unread>,
    /// Whether what would decide is among that.
    pub blind: bool,
}

/// What all parts of a survey need to know.
#[derive(Clone, Copy)]
struct Looking<'a> {
    cluster: &'a Cluster,
    /// The one namespace that is looked at.
    namespace: Option<&'a str>,
    now: Timestamp,
}

/// What a part of a survey gives.
#[derive(Default)]
struct Part {
    seen: seen::Seen,
    fine: Vec<(&'static str, u64)>,
    unread: Vec<Unread>,
    blind: bool,
}

impl Part {
    /// Takes what could not be read of a list and hands on what could. `decides` says that without it nothing can be called healthy.
    fn took<T>(&mut self, listed: Listed<T>, decides: bool) -> (Vec<T>, u64) {
        self.blind |= decides && !listed.unread.is_empty();
        self.unread.extend(listed.unread);
        (listed.items, listed.seen)
    }

    fn add(&mut self, other: Self) {
        self.seen.add(other.seen);
        self.fine.extend(other.fine);
        self.unread.extend(other.unread);
        self.blind |= other.blind;
    }
}

impl Cluster {
    /// Looks at one namespace, or at all there is.
    ///
    /// # Errors
    /// A namespace that is not there, and a cluster that cannot be reached.
    pub async fn survey(&self, namespace: Option<&str>) -> Result<Survey> {
        let looking = Looking { cluster: self, namespace, now: Timestamp::now() };
        let own = looking.own_namespace().await?;
        let (pods, workloads, services, webhooks, upkeep, kinds) = join!(
            looking.pods(),
            looking.workloads(),
            looking.services(),
            looking.webhooks(own.as_ref()),
            looking.upkeep(own.as_ref()),
            async {
                let kinds = self.kinds().await?;
                Ok(looking.custom(&kinds).await)
            },
        );
        let mut all = Part::default();
        for part in [pods, workloads, services, webhooks, upkeep] {
            all.add(part);
        }
        match kinds {
            Ok(custom) => all.add(custom),
            // Everybody may read the kinds: who cannot, reaches nothing.
            Err(error) if all.fine.iter().all(|(_, count)| *count == 0) => return Err(error),
            Err(error) => all.unread.push(Unread::new("custom resources", error.message())),
        }
        looking.jobs_of_pods(&mut all).await;
        looking.refusals(&mut all).await;
        let mut survey = Survey {
            fine: all.fine,
            unread: all.unread,
            blind: all.blind,
            within: namespace.is_some(),
            ..Survey::default()
        };
        let folded = fold::fold(all.seen);
        (survey.causes, survey.starting) = (folded.causes, folded.starting);
        if namespace.is_some() {
            // What is outside of the namespace counts if something in it comes of it.
            survey.causes.retain(|cause| {
                !matches!(cause.kind.as_str(), "node" | "apiservice") || cause.level > Level::Note && cause.affected > 1
            });
        }
        looking.evidence(&mut survey).await;
        Ok(survey)
    }
}

impl Looking<'_> {
    /// The namespace that is looked at, if it is one and may be read.
    async fn own_namespace(&self) -> Result<Option<Value>> {
        let Some(name) = self.namespace else { return Ok(None) };
        match self.cluster.object(&Path::object(&kinds::namespaces(), None, name)).await {
            Ok(namespace) => Ok(Some(namespace)),
            Err(failure) if failure.code == Code::NotFound => {
                let failure = Failure::new(Code::NotFound, "there is no such namespace");
                Err(failure.error(&format!("namespace {}", quoted(name))).hint("kube_find kind=namespace finds them"))
            }
            Err(failure) if failure.code == Code::Forbidden => Ok(None),
            Err(failure) => Err(failure.error("reading the namespace")),
        }
    }

    /// Rows of the namespace that is looked at, or of all.
    async fn rows<T: Send>(
        &self,
        kind: Kind,
        keep: impl Fn(&Columns, &Row, Option<&str>) -> Option<T> + Sync,
    ) -> Listed<T> {
        self.cluster.rows(&kind, self.namespace.filter(|_| kind.namespaced), None, keep).await
    }

    /// Whole objects of the namespace that is looked at, or of all.
    async fn objects<T: Send>(&self, kind: Kind, keep: impl Fn(Value) -> Option<T> + Sync) -> Listed<T> {
        self.cluster.objects(&kind, self.namespace.filter(|_| kind.namespaced), None, None, keep).await
    }

    /// Objects of a kind, by namespace and name, in that order. What is gone by now is left out; what cannot be read is said.
    async fn whole(
        &self,
        kind: &Kind,
        names: impl IntoIterator<Item = (String, String)>,
        unread: &mut Vec<Unread>,
    ) -> Vec<(String, String, Option<Value>)> {
        let reads: Vec<_> = stream::iter(names)
            .map(|(namespace, name)| async move {
                let within = Some(namespace.as_str()).filter(|namespace| !namespace.is_empty());
                let read = self.cluster.object(&Path::object(kind, within, &name)).await;
                (namespace, name, read)
            })
            .buffered(AT_ONCE)
            .collect()
            .await;
        let mut objects = Vec::new();
        for (namespace, name, read) in reads {
            match read {
                Ok(object) => objects.push((namespace, name, Some(object))),
                Err(failure) if failure.code == Code::NotFound => {}
                Err(failure) => {
                    let failure = failure.unread(&format!("single {}", kind.full()));
                    if !unread.contains(&failure) {
                        unread.push(failure);
                    }
                    objects.push((namespace, name, None));
                }
            }
        }
        objects
    }
}

/// Kinds that are not of Kubernetes itself, and that may be listed.
fn is_custom(kind: &Kind) -> bool {
    let own = groups::is_own(&kind.group) || kind.group.ends_with("metrics.k8s.io");
    !own && kind.can("list")
}

/// The custom kinds that are looked through.
fn customs(kinds: &Kinds, namespaced: bool) -> Vec<Kind> {
    kinds.all.iter().filter(|kind| is_custom(kind) && (kind.namespaced || !namespaced)).cloned().collect()
}

/// The labels of a namespace.
fn labels(namespace: &Value) -> std::collections::BTreeMap<String, String> {
    let mut labels = field::labels(namespace, "/metadata/labels");
    labels.entry("kubernetes.io/metadata.name".to_owned()).or_insert_with(|| field::name(namespace).to_owned());
    labels
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_custom() {
        for (group, expected) in [
            ("", false),
            ("apps", false),
            ("networking.k8s.io", false),
            ("metrics.k8s.io", false),
            ("custom.metrics.k8s.io", false),
            ("gateway.networking.k8s.io", true),
            ("example.com", true),
        ] {
            assert_eq!(is_custom(&Kind { group: group.into(), ..kinds::pods() }), expected, "{group}");
        }
    }
}
