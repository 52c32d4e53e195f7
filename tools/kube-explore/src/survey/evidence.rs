//! What logs and warnings say of the worst causes: a small request each.

use std::time::Duration;

use futures_util::{StreamExt as _, stream};
use shared::Code;
use tokio::time::timeout;

use super::{AT_ONCE, Looking, Survey};
use crate::{
    failure::Failure,
    field,
    health::{About, Evidence, Level, event, finding::Log, words},
    kinds,
    path::Path,
    unread::Unread,
};

/// For how many causes more is asked.
const MOST: usize = 12;
/// How long one of them may take: a node that does not answer is waited for by the API server.
const LIMIT: Duration = Duration::from_secs(4);

/// The most bytes of a log.
const LOG_MAX: usize = 8 << 10;

/// What was found for a cause.
#[derive(Default)]
struct More {
    fact: Option<String>,
    said: Option<String>,
    unread: Option<Unread>,
}

impl Looking<'_> {
    pub(super) async fn evidence(&self, survey: &mut Survey) {
        let asked =
            survey.causes.iter().enumerate().filter(|(_, cause)| cause.level > Level::Note && cause.said.is_none());
        let asked: Vec<(usize, String, Evidence)> = asked
            .filter_map(|(at, cause)| Some((at, cause.namespace.clone(), cause.evidence.clone()?)))
            .take(MOST)
            .collect();
        let found: Vec<(usize, More)> = stream::iter(asked)
            .map(|(at, namespace, evidence)| async move {
                let more = async {
                    match &evidence {
                        Evidence::Log { pod, log } => match self.log(&namespace, &pod.name, log).await {
                            More { said: None, unread: None, .. } => self.events(&namespace, pod).await,
                            more => more,
                        },
                        Evidence::Events(about) => self.events(&namespace, about).await,
                    }
                };
                (at, timeout(LIMIT, more).await.unwrap_or_default())
            })
            .buffered(AT_ONCE)
            .collect()
            .await;
        for (at, more) in found {
            if let Some(cause) = survey.causes.get_mut(at) {
                cause.facts.extend(more.fact);
                cause.said = more.said;
            }
            survey.unread.extend(more.unread.filter(|unread| !survey.unread.contains(unread)));
        }
    }

    /// The line of a log that says most.
    async fn log(&self, namespace: &str, pod: &str, log: &Log) -> More {
        let path = |previous: bool| {
            let path = Path::object(&kinds::pods(), Some(namespace), pod).segment("log");
            let path = path
                .query("container", &log.container)
                .query("tailLines", "10")
                .query("limitBytes", &LOG_MAX.to_string());
            if previous { path.query("previous", "true") } else { path }
        };
        let mut read = self.cluster.whole(&path(log.previous), "*/*").await;
        // The run before is forgotten when its container is removed.
        if log.previous && matches!(&read, Err(failure) if failure.status == 400) {
            read = self.cluster.whole(&path(false), "*/*").await;
        }
        match read {
            Ok(bytes) => {
                let log = String::from_utf8_lossy(&bytes);
                More { said: words::telling(words::whole(&log, LOG_MAX)), ..More::default() }
            }
            Err(failure) => More { unread: refused(&failure, "logs"), ..More::default() },
        }
    }

    /// The warning about an object that says most.
    async fn events(&self, namespace: &str, about: &About) -> More {
        let fields = format!("{},type=Warning", about.selector());
        let path = Path::list(&kinds::events(), Some(namespace)).query("fieldSelector", &fields).query("limit", "50");
        match self.cluster.object(&path).await {
            Ok(events) => match event::telling(field::each(&events, "/items").filter_map(event::read).collect()) {
                Some(warning) => {
                    let (fact, said) = warning.told();
                    More { fact: Some(fact), said: Some(said).filter(|said| !said.is_empty()), unread: None }
                }
                None => More::default(),
            },
            Err(failure) => More { unread: refused(&failure, "events"), ..More::default() },
        }
    }
}

/// What may not be read is said; what is not there is not missed.
fn refused(failure: &Failure, what: &str) -> Option<Unread> {
    matches!(failure.code, Code::Forbidden | Code::Unauthenticated).then(|| failure.unread(what))
}
