//! The object a caller means by a name that need not be whole.
//!
//! An exact name wins; among equals the context's own namespace does, then what people deploy before what runs of it. What was not chosen is named.

use serde_json::Value;
use shared::{Code, Result, Text, ToolError, Untrusted};

use crate::{
    cluster::{Cluster, quoted},
    kinds::{Kind, Kinds},
    path::Path,
    rank::Fit,
    search::{Ask, Hits, Match, usual},
    unread::{self, Unread},
};

/// How many candidates are looked at.
const CANDIDATES: usize = 40;
/// What a caller names.
#[derive(Clone, Debug, Default)]
pub struct Named<'a> {
    /// A name, `kind/name`, or a part of a name.
    pub name: &'a str,
    /// Its kind.
    pub kind: Option<&'a str>,
    /// Its namespace; nothing for any.
    pub namespace: Option<&'a str>,
}

/// The object that is meant.
#[derive(Clone, Debug)]
pub struct Target {
    /// Its kind.
    pub kind: Kind,
    /// Its namespace; nothing for cluster-wide kinds.
    pub namespace: Option<String>,
    /// Its name.
    pub name: String,
    /// The object.
    pub object: Value,
    /// What else the name could have meant.
    pub others: Vec<String>,
    /// How many others there are.
    pub others_total: u64,
    /// Where could not be looked for it.
    pub unread: Vec<Unread>,
    /// How the name fits.
    pub fit: Fit,
}

impl Target {
    /// `deployment/web`.
    pub fn shown(&self) -> String {
        format!("{}/{}", self.kind.kind.to_lowercase(), self.name)
    }
}

/// Says what else a name could have meant.
pub fn others(others: &[Untrusted], text: &mut Text<'_>) {
    if others.is_empty() {
        return;
    }
    let names: Vec<String> = others.iter().map(|other| other.quoted().to_string()).collect();
    text.line(format_args!("the name also fits {}: pass kind and namespace for one of these", names.join(", ")));
}

impl<'a> Named<'a> {
    /// Takes `kind/name` apart.
    fn split(&self, kinds: &Kinds) -> Result<(Option<Kind>, &'a str)> {
        let name = self.name.trim();
        let (kind, name) = match (self.kind.map(str::trim).filter(|kind| !kind.is_empty()), name.split_once('/')) {
            (Some(kind), None) => (Some(kind), name),
            (None, Some((kind, name))) => (Some(kind), name),
            (Some(kind), Some((prefix, rest))) => {
                // Said twice is fine, said differently is not.
                let same = kinds.named(kind)?.full() == kinds.named(prefix)?.full();
                if !same {
                    return Err(ToolError::invalid(format!(
                        "kind is {} and the name begins with {}",
                        quoted(kind),
                        quoted(prefix)
                    ))
                    .hint("leave one of them out"));
                }
                (Some(kind), rest)
            }
            (None, None) => (None, name),
        };
        if name.is_empty() || name.contains(['/', '\n', '\0']) || name.len() > 253 {
            return Err(ToolError::invalid(format!("{} cannot be a name", quoted(self.name)))
                .hint("pass name=web or name=deploy/web; kube_find lists what there is"));
        }
        Ok((kind.map(|kind| kinds.named(kind)).transpose()?.cloned(), name))
    }
}

impl Cluster {
    /// The object that `named` means, of any of the `kinds` that are served or of those in `among`.
    pub async fn target(&self, named: &Named<'_>, kinds: &Kinds, among: Option<&[Kind]>) -> Result<Target> {
        let (kind, name) = named.split(kinds)?;
        // One request where everything is said; and the one that also works for who may get and not list.
        let said = kind.as_ref().filter(|kind| named.namespace.is_some() || !kind.namespaced);
        if let Some(kind) = said {
            let namespace = named.namespace.unwrap_or_else(|| self.namespace());
            let namespace = kind.namespaced.then(|| namespace.to_owned());
            match self.object(&Path::object(kind, namespace.as_deref(), name)).await {
                Ok(object) => {
                    return Ok(Target {
                        kind: kind.clone(),
                        namespace,
                        name: name.to_owned(),
                        object,
                        others: Vec::new(),
                        others_total: 0,
                        unread: Vec::new(),
                        fit: Fit::Exact,
                    });
                }
                Err(failure) if matches!(failure.code, Code::NotFound | Code::Forbidden | Code::InvalidArgument) => {}
                Err(failure) => return Err(failure.error(&format!("getting {}/{}", kind.plural, name))),
            }
        }
        let ask = Ask {
            terms: vec![name.to_lowercase()],
            namespace: named.namespace.map(str::to_owned),
            limit: CANDIDATES,
            ..Ask::default()
        };
        let looked = match (kind.clone(), among) {
            (Some(kind), _) => vec![kind],
            (None, Some(among)) => among.to_vec(),
            (None, None) => usual(kinds),
        };
        let mut hits = self.search(&ask, looked).await;
        let mut best = std::mem::take(&mut hits.best);
        let Some(first) = best.first().map(|first| first.place.fit) else {
            // Where nothing may be listed, the context's own namespace may still be asked.
            if let Some(kind) = kind.filter(|_| hits.blind > 0 && named.namespace.is_none()) {
                let own = Some(self.namespace().to_owned());
                if let Ok(object) = self.object(&Path::object(&kind, own.as_deref(), name)).await {
                    return Ok(Target {
                        kind,
                        namespace: own,
                        name: name.to_owned(),
                        object,
                        others: Vec::new(),
                        others_total: 0,
                        unread: hits.unread,
                        fit: Fit::Exact,
                    });
                }
            }
            return Err(self.missing(named, name, &hits));
        };
        // Beyond the candidates that were kept, there may be more that fit as well as the first.
        let cut = hits.total > best.len() as u64 && best.last().is_some_and(|last| last.place.fit == first);
        best.sort_by_key(|found| {
            let own = found.namespace.as_deref() == Some(self.namespace());
            (found.place.fit, if first == Fit::Exact { found.place.weight } else { 0 }, !own)
        });
        let chosen = best.remove(0);
        let rivals = best.iter().filter(|found| found.place.fit == first);
        let others: Vec<String> = rivals.map(Match::shown).collect();
        let others_total = if cut { hits.total.saturating_sub(1) } else { others.len() as u64 };
        let path = Path::object(&chosen.kind, chosen.namespace.as_deref(), &chosen.name);
        let object = self
            .object(&path)
            .await
            .map_err(|failure| failure.error(&format!("getting {}/{}", chosen.kind.plural, chosen.name)))?;
        Ok(Target {
            kind: chosen.kind,
            namespace: chosen.namespace,
            name: chosen.name,
            object,
            others,
            others_total,
            unread: hits.unread,
            fit: first,
        })
    }

    fn missing(&self, named: &Named<'_>, name: &str, hits: &Hits) -> ToolError {
        let what = match named.kind {
            Some(kind) => format!("{} {}", quoted(kind), quoted(name)),
            None => quoted(name),
        };
        let place = named.namespace.map_or("any namespace".to_owned(), |place| format!("namespace {}", quoted(place)));
        let attempted = format!("{what} could not be looked for in {place}");
        let forbidden = "name its kind and namespace: getting one object may be allowed where listing is not";
        if hits.seen == 0
            && let Some(error) = unread::nothing(&hits.unread, &attempted, forbidden)
        {
            return error;
        }
        let looked = format!("{} objects of {} kinds", hits.seen, hits.kinds);
        let said = if hits.unread.is_empty() {
            format!("nothing named like {what} in {place}; {looked} were looked at")
        } else {
            let blind = format!("{} sources could not be read, kube_find says which", hits.unread.len());
            format!("nothing named like {what} in what could be looked at in {place}, {looked}; {blind}")
        };
        ToolError::new(Code::NotFound, said).hint("look with kube_find by a shorter part of the name")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds;

    #[test]
    fn a_name_may_bring_its_kind() {
        let kinds = Kinds { all: vec![kinds::pods(), kinds::deployments()], unread: Vec::new() };
        let split = |name, kind| {
            let named = Named { name, kind, namespace: None };
            named
                .split(&kinds)
                .map(|(kind, name)| (kind.map(|kind| kind.plural), name.to_owned()))
                .map_err(|e| e.code())
        };
        let of = |kind: &str, name: &str| Ok((Some(kind.to_owned()), name.to_owned()));
        assert_eq!(split("web", None), Ok((None, "web".to_owned())));
        assert_eq!(split("deploy/web", None), of("deployments", "web"));
        assert_eq!(split("web", Some("deployment")), of("deployments", "web"));
        assert_eq!(split("deploy/web", Some("deployments.apps")), of("deployments", "web"));
        assert_eq!(split("pod/web", Some("deploy")), Err(Code::InvalidArgument));
        let long = "x".repeat(300);
        for bad in ["", " ", "pod/", "a\nb", "pod/a/b", &long] {
            assert_eq!(split(bad, None), Err(Code::InvalidArgument), "{bad:?}");
        }
        assert_eq!(split("nosuch/web", None), Err(Code::NotFound));
    }
}
