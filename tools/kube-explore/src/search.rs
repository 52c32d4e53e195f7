//! Looking through many kinds at once, and keeping the best of what is found in little memory.

use std::sync::{Mutex, PoisonError};

use futures_util::{StreamExt as _, stream};

use crate::{
    cluster::Cluster,
    kinds::{Kind, Kinds},
    query::Wanted,
    rank::{Fitter, Place, weight},
    state::{self, State},
    table::{Columns, Row},
    unread::Unread,
};

/// How many kinds are looked through at once.
const AT_ONCE: usize = 12;
/// Kinds that are left out unless they are asked for: there are many of them, and nobody looks for them by name.
const NOISE: &[(&str, &str)] = &[
    ("", "events"),
    ("events.k8s.io", "events"),
    ("coordination.k8s.io", "leases"),
    ("coordination.k8s.io", "leasecandidates"),
    ("discovery.k8s.io", "endpointslices"),
    ("", "endpoints"),
    ("", "componentstatuses"),
    ("", "podtemplates"),
    ("apps", "controllerrevisions"),
    ("metrics.k8s.io", "pods"),
    ("metrics.k8s.io", "nodes"),
    ("flowcontrol.apiserver.k8s.io", "flowschemas"),
    ("flowcontrol.apiserver.k8s.io", "prioritylevelconfigurations"),
    ("storage.k8s.io", "csinodes"),
    ("storage.k8s.io", "csistoragecapacities"),
    ("certificates.k8s.io", "podcertificaterequests"),
    ("resource.k8s.io", "resourceslices"),
];

/// What is looked for.
#[derive(Clone, Debug, Default)]
pub struct Ask {
    /// Parts of the name, in lowercase; all have to fit.
    pub terms: Vec<String>,
    /// Only these kinds; all but the noise where there are none.
    pub kinds: Vec<Kind>,
    /// Only this namespace.
    pub namespace: Option<String>,
    /// In one of these states; in any where there are none.
    pub wanted: Vec<Wanted>,
    /// With these labels.
    pub selector: Option<String>,
    /// How many are kept.
    pub limit: usize,
}

/// An object that was found.
#[derive(Clone, Debug)]
pub struct Match {
    /// Its kind.
    pub kind: Kind,
    /// Its namespace; nothing for cluster-wide kinds.
    pub namespace: Option<String>,
    /// Its name.
    pub name: String,
    /// How it is.
    pub state: State,
    /// Where it stands in the order.
    pub place: Place,
}

impl Match {
    /// `deployments.apps/web`, `pods/web-1`; the shortest that kubectl and our own tools take.
    pub fn shown(&self) -> String {
        let name = format!("{}/{}", self.kind.kind.to_lowercase(), self.name);
        match &self.namespace {
            Some(namespace) => format!("{name} in {namespace}"),
            None => name,
        }
    }
}

/// What was found.
#[derive(Debug, Default)]
pub struct Hits {
    /// The best, in order.
    pub best: Vec<Match>,
    /// How many fit.
    pub total: u64,
    /// How many were looked at.
    pub seen: u64,
    /// How many kinds were looked through.
    pub kinds: usize,
    /// How many could not be, nowhere.
    pub blind: usize,
    /// What could not be looked at.
    pub unread: Vec<Unread>,
}

/// The best so far.
struct Best {
    limit: usize,
    kept: Vec<Match>,
}

impl Best {
    fn take(&mut self, place: Place, make: impl FnOnce(Place) -> Match) {
        let at = match self.kept.binary_search_by(|kept| kept.place.cmp(&place)) {
            // A list that was read anew.
            Ok(_) => return,
            Err(at) => at,
        };
        if at < self.limit {
            self.kept.insert(at, make(place));
            self.kept.truncate(self.limit);
        }
    }
}

/// The kinds that are looked through when none is named.
pub fn usual(kinds: &Kinds) -> Vec<Kind> {
    let noise = |kind: &Kind| NOISE.iter().any(|(group, plural)| kind.group == *group && kind.plural == *plural);
    kinds.all.iter().filter(|kind| kind.can("list") && !noise(kind)).cloned().collect()
}

impl Cluster {
    /// Looks for `ask` in `kinds`. Cluster-wide ones are in no namespace: where one is named they are left out, unless nothing else is asked for.
    pub async fn search(&self, ask: &Ask, mut kinds: Vec<Kind>) -> Hits {
        if ask.namespace.is_some() && kinds.iter().any(|kind| kind.namespaced) {
            kinds.retain(|kind| kind.namespaced);
        }
        let best = Mutex::new(Best { limit: ask.limit, kept: Vec::new() });
        let (all, mut hits) = (kinds.len(), Hits::default());
        let mut lists = stream::iter(kinds)
            .map(|kind: Kind| {
                let best = &best;
                async move { self.search_kind(ask, &kind, best).await }
            })
            .buffer_unordered(AT_ONCE);
        while let Some((total, seen, unread)) = lists.next().await {
            hits.total += total;
            hits.seen += seen;
            hits.blind += usize::from(seen == 0 && !unread.is_empty());
            hits.unread.extend(unread);
        }
        drop(lists);
        hits.kinds = all.saturating_sub(hits.blind);
        hits.best = best.into_inner().unwrap_or_else(PoisonError::into_inner).kept;
        hits.unread.sort();
        hits.unread.dedup();
        hits
    }

    async fn search_kind(&self, ask: &Ask, kind: &Kind, best: &Mutex<Best>) -> (u64, u64, Vec<Unread>) {
        let fitter = Mutex::new(Fitter::new(&ask.terms));
        let keep = |columns: &Columns, row: &Row, namespace: Option<&str>| {
            let name = columns
                .cell(row, "name")
                .or_else(|| row.object.as_ref().map(|object| object.metadata.name.as_str()))?;
            let fit = fitter.lock().unwrap_or_else(PoisonError::into_inner).fit(name)?;
            let state = state::read(columns, row);
            wanted(&ask.wanted, &state).then_some(())?;
            let place = Place {
                fit,
                ill: state.signs.ill,
                weight: weight(&kind.plural, &kind.group),
                kind: kind.full(),
                name: name.to_owned(),
                namespace: namespace.unwrap_or_default().to_owned(),
            };
            best.lock().unwrap_or_else(PoisonError::into_inner).take(place, |place| Match {
                kind: kind.clone(),
                namespace: namespace.map(str::to_owned),
                name: name.to_owned(),
                state,
                place,
            });
            Some(())
        };
        let listed = self.rows(kind, ask.namespace.as_deref(), ask.selector.as_deref(), keep).await;
        (listed.items.len() as u64, listed.seen, listed.unread)
    }
}

fn wanted(wanted: &[Wanted], state: &State) -> bool {
    wanted.is_empty() || {
        let said = state.status.as_ref().map(|status| status.quoted().to_string().to_lowercase()).unwrap_or_default();
        wanted.iter().any(|wanted| wanted.fits(state, &said))
    }
}

/// Why a match was found, in a few words.
pub fn why(ask: &Ask, found: &Match) -> String {
    let mut reasons = Vec::new();
    if !ask.terms.is_empty() {
        reasons.push(found.place.fit.shown());
    }
    if !ask.wanted.is_empty() {
        reasons.push("status");
    }
    if ask.selector.is_some() {
        reasons.push("labels");
    }
    if reasons.is_empty() {
        reasons.push("kind");
    }
    reasons.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{kinds, rank::Fit};

    fn found(name: &str, namespace: &str, fit: Fit) -> Match {
        let kind = kinds::pods();
        let place =
            Place { fit, ill: false, weight: 1, kind: kind.full(), name: name.into(), namespace: namespace.into() };
        Match { kind, namespace: Some(namespace.into()), name: name.into(), state: State::default(), place }
    }

    #[test]
    fn the_best_are_kept_and_no_more_and_none_twice() {
        let mut best = Best { limit: 2, kept: Vec::new() };
        for (name, fit) in
            [("c", Fit::Fuzzy), ("b", Fit::Exact), ("a", Fit::Prefix), ("b", Fit::Exact), ("d", Fit::Exact)]
        {
            let made = found(name, "x", fit);
            best.take(made.place.clone(), |_| made.clone());
        }
        let names: Vec<_> = best.kept.iter().map(|kept| kept.name.as_str()).collect();
        assert_eq!(names, ["b", "d"]);
    }

    #[test]
    fn a_match_says_why() {
        let ask = Ask { terms: vec!["web".into()], wanted: vec![Wanted::Ill], ..Ask::default() };
        assert_eq!(why(&ask, &found("web-1", "x", Fit::Prefix)), "name begins so, status");
        assert_eq!(why(&Ask::default(), &found("web-1", "x", Fit::Exact)), "kind");
        assert_eq!(found("web-1", "x", Fit::Prefix).shown(), "pod/web-1 in x");
    }

    #[test]
    fn noise_is_left_out() {
        let mut all = Kinds { all: vec![kinds::pods(), kinds::events(), kinds::endpoint_slices()], unread: Vec::new() };
        all.all.push(Kind { verbs: vec!["create".into()], ..kinds::deployments() });
        let usual: Vec<_> = usual(&all).iter().map(Kind::full).collect();
        assert_eq!(usual, ["pods"]);
    }
}
