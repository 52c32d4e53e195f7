//! What a kind is called, whatever a caller calls it.

use shared::{Call, Code, Result, ToolError, exec::Argv};

use crate::{
    Kubectl,
    resource::Resource,
    scope::{Reach, Scope},
};

/// Kinds that most events are about, with the names a caller may give them: so that nobody is asked.
const USUAL: &[(&str, &[&str])] = &[
    ("pod", &["po", "pods"]),
    ("deployment", &["deploy", "deployments"]),
    ("replicaset", &["rs", "replicasets"]),
    ("statefulset", &["sts", "statefulsets"]),
    ("daemonset", &["ds", "daemonsets"]),
    ("job", &["jobs"]),
    ("cronjob", &["cj", "cronjobs"]),
    ("service", &["svc", "services"]),
    ("node", &["no", "nodes"]),
    ("persistentvolumeclaim", &["pvc", "persistentvolumeclaims"]),
    ("horizontalpodautoscaler", &["hpa", "horizontalpodautoscalers"]),
];

impl Kubectl {
    /// Hands the kinds that are served to `see`: plural name, short names with commas, kind. Whether all could be read; those that could were
    /// handed on in any case.
    pub(crate) async fn kinds(&self, scope: &Scope, call: &Call, mut see: impl FnMut(&str, &str, &str) + Send) -> bool {
        let argv = scope.on(Argv::new().literal("api-resources").literal("--no-headers"), Reach::Cluster);
        let Ok(argv) = argv else { return false };
        self.names(argv, call, |line| {
            // NAME, SHORTNAMES where there are some, APIVERSION, NAMESPACED, KIND
            let words: Vec<&str> = line.split_whitespace().collect();
            if let [name, short @ .., _, _, kind] = words.as_slice() {
                see(name, short.first().copied().unwrap_or_default(), kind);
            }
        })
        .await
    }

    /// The kind that `of` goes by in events, in lower case; the API server is asked about what is not usual.
    pub(crate) async fn kind_of(&self, of: &Resource, scope: &Scope, call: &Call) -> Result<String> {
        let asked = of.kind().unwrap_or_default().to_lowercase();
        let plain = asked.split('.').next().unwrap_or_default();
        if let Some((kind, _)) = USUAL.iter().find(|(kind, names)| *kind == plain || names.contains(&plain)) {
            return Ok((*kind).to_owned());
        }
        let mut found = None;
        let whole = self
            .kinds(scope, call, |name, short, kind| {
                let kind = kind.to_lowercase();
                if name == plain || kind == plain || short.split(',').any(|name| name == plain) {
                    found.get_or_insert(kind);
                }
            })
            .await;
        match found {
            Some(kind) => Ok(kind),
            None if whole => Err(self.no_kind(plain, &self.contexts(call).await?.place(scope)?, scope, call).await),
            None => Err(ToolError::new(Code::Unavailable, "which kind for means could not be asked for")
                .hint("pass the kind in full, for example for=networkpolicy/web, or look at all events")),
        }
    }
}
