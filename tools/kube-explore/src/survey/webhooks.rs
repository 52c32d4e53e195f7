//! Admission webhooks behind which nobody is.

use std::{collections::BTreeMap, time::Duration};

use futures_util::{StreamExt as _, join, stream};
use http_body_util::BodyExt as _;
use serde_json::Value;
use shared::Code;

use super::{AT_ONCE, Looking, Part, labels};
use crate::{
    field,
    health::{
        calls::Counts,
        service,
        webhook::{self, Target, Webhook},
    },
    kinds,
    path::Path,
};

/// How long the API server may take to tell how its calls went.
const LIMIT: Duration = Duration::from_secs(4);
/// The most bytes of one line of that.
const LINE_MAX: usize = 64 << 10;

impl Looking<'_> {
    pub(super) async fn webhooks(&self, own: Option<&Value>) -> Part {
        let mut part = Part::default();
        let (validating, mutating) = (kinds::validating_webhooks(), kinds::mutating_webhooks());
        let (validating, mutating) = join!(
            self.objects(validating, |object| Some(webhook::closed("validatingwebhookconfiguration", &object))),
            self.objects(mutating, |object| Some(webhook::closed("mutatingwebhookconfiguration", &object))),
        );
        let mut webhooks: Vec<Webhook> = Vec::new();
        let all_known = validating.unread.is_empty() && mutating.unread.is_empty();
        for listed in [validating, mutating] {
            webhooks.extend(part.took(listed, false).0.into_iter().flatten());
        }
        part.seen.refusers.webhooks = all_known.then(|| webhooks.iter().map(|webhook| webhook.name.clone()).collect());
        if let Some(own) = own {
            let labels = labels(own);
            webhooks.retain(|webhook| webhook.concerns(&labels));
        }
        let mut targets: BTreeMap<Target, Vec<Webhook>> = BTreeMap::new();
        for webhook in webhooks {
            targets.entry(webhook.target.clone()).or_default().push(webhook);
        }
        let judged: Vec<_> = stream::iter(targets)
            .map(|(target, webhooks)| async move {
                let why = match &target {
                    Target::Service(namespace, name) => self.nobody_behind(namespace, name).await,
                    Target::Url(_) => Ok(None),
                };
                (target, webhooks, why)
            })
            .buffered(AT_ONCE)
            .collect()
            .await;
        let elsewhere = judged.iter().any(|(target, ..)| matches!(target, Target::Url(_)));
        let counts = if elsewhere { self.calls().await } else { Counts::default() };
        for (target, webhooks, why) in judged {
            let causes = webhooks.iter().map(|webhook| (webhook.name.clone(), webhook));
            match (target, why) {
                (_, Ok(Some(why))) => {
                    part.seen.webhooks.extend(causes.map(|(name, webhook)| (name, webhook.down(&why))))
                }
                (Target::Url(_), _) => {
                    let told =
                        causes.filter_map(|(name, webhook)| Some((name, webhook.elsewhere(counts.of(&webhook.name))?)));
                    part.seen.webhooks.extend(told);
                }
                (Target::Service(..), Ok(None)) => {}
                (Target::Service(namespace, name), Err(failure)) => {
                    part.unread.push(failure.unread(&format!("webhook service {namespace}/{name}")));
                }
            }
        }
        part
    }

    /// Why nobody answers at a service; nothing if somebody is ready there.
    async fn nobody_behind(&self, namespace: &str, name: &str) -> Result<Option<String>, crate::failure::Failure> {
        let of = format!("service {namespace}/{name}");
        let service = match self.cluster.object(&Path::object(&kinds::services(), Some(namespace), name)).await {
            Err(failure) if failure.code == Code::NotFound => return Ok(Some(format!("{of} does not exist"))),
            service => service?,
        };
        // One that is a name for something outside has no endpoints.
        if field::text(&service, "/spec/type") == "ExternalName" {
            return Ok(None);
        }
        let path = Path::list(&kinds::endpoint_slices(), Some(namespace));
        let selector = format!("kubernetes.io/service-name={name}");
        let slices = self.cluster.object(&path.query("labelSelector", &selector)).await?;
        let ready = field::each(&slices, "/items").any(service::is_ready);
        Ok((!ready).then(|| format!("{of} has no ready endpoint")))
    }

    /// How the API server's calls of its webhooks went. Who may not read that knows less, and is told so with each of them.
    async fn calls(&self) -> Counts {
        let mut counts = Counts::default();
        let Ok(response) = self.cluster.open(&Path::literal("/metrics"), LIMIT).await else { return counts };
        let (mut body, mut rest) = (response.into_body(), Vec::new());
        let end = self.cluster.end(LIMIT);
        while let Ok(Some(Ok(frame))) = self.cluster.within(end, body.frame()).await {
            rest.extend_from_slice(frame.data_ref().map_or(&[][..], |bytes| bytes));
            while let Some(at) = memchr::memchr(b'\n', &rest) {
                let line: Vec<u8> = rest.drain(..=at).collect();
                // They are sorted, and these are among the first.
                if !counts.line(&String::from_utf8_lossy(&line)) {
                    return counts;
                }
            }
            if rest.len() > LINE_MAX {
                return counts;
            }
        }
        counts
    }
}
