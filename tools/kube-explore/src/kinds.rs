//! The kinds a cluster serves, as its aggregated discovery tells, and the words people call them by.

use serde::Deserialize;
use shared::{Code, Result, ToolError, Untrusted, near};

use crate::unread::Unread;

/// One kind of object.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Kind {
    /// `apps`; empty for the core.
    pub group: String,
    /// `v1`.
    pub version: String,
    /// `Deployment`.
    pub kind: String,
    /// `deployments`.
    pub plural: String,
    /// Other words for it: the singular, short names.
    pub words: Vec<String>,
    /// Whether its objects are in namespaces.
    pub namespaced: bool,
    /// What may be done with it: `list`, `get`, …
    pub verbs: Vec<String>,
}

impl Kind {
    /// A kind every cluster has.
    fn known(group: &str, version: &str, kind: &str, plural: &str, words: &[&str], namespaced: bool) -> Self {
        let words = std::iter::once(kind.to_lowercase()).chain(words.iter().map(|&word| word.to_owned()));
        Self {
            group: group.to_owned(),
            version: version.to_owned(),
            kind: kind.to_owned(),
            plural: plural.to_owned(),
            words: words.collect(),
            namespaced,
            verbs: vec!["get".to_owned(), "list".to_owned()],
        }
    }

    /// `deployments.apps`, `pods`: unmistakable.
    pub fn full(&self) -> String {
        if self.group.is_empty() { self.plural.clone() } else { format!("{}.{}", self.plural, self.group) }
    }

    /// `apps/v1`, `v1`.
    pub fn api_version(&self) -> String {
        if self.group.is_empty() { self.version.clone() } else { format!("{}/{}", self.group, self.version) }
    }

    /// Whether another server may stand behind it: aggregated APIs are of groups that are not Kubernetes' own, but for the metrics.
    pub fn is_foreign(&self) -> bool {
        let own = !self.group.contains('.') || self.group.ends_with(".k8s.io");
        !own || self.group.ends_with("metrics.k8s.io")
    }

    /// Whether `verb` is served for it.
    pub fn can(&self, verb: &str) -> bool {
        self.verbs.iter().any(|known| known == verb)
    }

    /// Whether `word` (lowercase) names it: `deploy`, `deployments`, `Deployment`, `deployments.apps`, `deployment.v1.apps`.
    fn is(&self, word: &str) -> bool {
        let (name, group) = word.split_once('.').map_or((word, None), |(name, group)| (name, Some(group)));
        let named = self.plural == name || self.words.iter().any(|known| known == name);
        let grouped = group.is_none_or(|group| {
            let without = group.strip_prefix(&self.version).and_then(|rest| rest.strip_prefix('.'));
            self.group == group || without == Some(self.group.as_str())
        });
        named && grouped
    }
}

macro_rules! known {
    ($($name:ident: $group:literal, $version:literal, $kind:literal, $plural:literal, $words:expr, $namespaced:literal;)+) => {
        $(
            #[doc = concat!("`", $plural, "`, which every cluster serves.")]
            pub fn $name() -> Kind {
                Kind::known($group, $version, $kind, $plural, &$words, $namespaced)
            }
        )+
    };
}

known! {
    pods: "", "v1", "Pod", "pods", ["po"], true;
    nodes: "", "v1", "Node", "nodes", ["no"], false;
    namespaces: "", "v1", "Namespace", "namespaces", ["ns"], false;
    services: "", "v1", "Service", "services", ["svc"], true;
    events: "", "v1", "Event", "events", ["ev"], true;
    secrets: "", "v1", "Secret", "secrets", [], true;
    config_maps: "", "v1", "ConfigMap", "configmaps", ["cm"], true;
    service_accounts: "", "v1", "ServiceAccount", "serviceaccounts", ["sa"], true;
    volume_claims: "", "v1", "PersistentVolumeClaim", "persistentvolumeclaims", ["pvc"], true;
    volumes: "", "v1", "PersistentVolume", "persistentvolumes", ["pv"], false;
    quotas: "", "v1", "ResourceQuota", "resourcequotas", ["quota"], true;
    deployments: "apps", "v1", "Deployment", "deployments", ["deploy"], true;
    replica_sets: "apps", "v1", "ReplicaSet", "replicasets", ["rs"], true;
    replication_controllers: "", "v1", "ReplicationController", "replicationcontrollers", ["rc"], true;
    stateful_sets: "apps", "v1", "StatefulSet", "statefulsets", ["sts"], true;
    daemon_sets: "apps", "v1", "DaemonSet", "daemonsets", ["ds"], true;
    jobs: "batch", "v1", "Job", "jobs", [], true;
    cron_jobs: "batch", "v1", "CronJob", "cronjobs", ["cj"], true;
    ingresses: "networking.k8s.io", "v1", "Ingress", "ingresses", ["ing"], true;
    network_policies: "networking.k8s.io", "v1", "NetworkPolicy", "networkpolicies", ["netpol"], true;
    endpoint_slices: "discovery.k8s.io", "v1", "EndpointSlice", "endpointslices", [], true;
    storage_classes: "storage.k8s.io", "v1", "StorageClass", "storageclasses", ["sc"], false;
    autoscalers: "autoscaling", "v2", "HorizontalPodAutoscaler", "horizontalpodautoscalers", ["hpa"], true;
    disruption_budgets: "policy", "v1", "PodDisruptionBudget", "poddisruptionbudgets", ["pdb"], true;
    validating_webhooks: "admissionregistration.k8s.io", "v1", "ValidatingWebhookConfiguration", "validatingwebhookconfigurations", [], false;
    mutating_webhooks: "admissionregistration.k8s.io", "v1", "MutatingWebhookConfiguration", "mutatingwebhookconfigurations", [], false;
    api_services: "apiregistration.k8s.io", "v1", "APIService", "apiservices", [], false;
    role_bindings: "rbac.authorization.k8s.io", "v1", "RoleBinding", "rolebindings", [], true;
    cluster_role_bindings: "rbac.authorization.k8s.io", "v1", "ClusterRoleBinding", "clusterrolebindings", [], false;
}

/// What a cluster serves.
#[derive(Clone, Debug, Default)]
pub struct Kinds {
    /// Each kind once, in the version the cluster prefers.
    pub all: Vec<Kind>,
    /// Groups that are registered and whose server does not answer.
    pub unread: Vec<Unread>,
}

impl Kinds {
    /// The kind that `word` names: a plural, a singular, a short name, a kind, with its group where that matters. The core and the built-in
    /// groups come first, as with kubectl.
    ///
    /// # Errors
    /// [`Code::NotFound`] with the nearest words.
    pub fn named(&self, word: &str) -> Result<&Kind> {
        let wanted = word.trim().to_lowercase();
        if let Some(found) = self.all.iter().find(|kind| kind.is(&wanted)) {
            return Ok(found);
        }
        let words = self.all.iter().flat_map(|kind| std::iter::once(&kind.plural).chain(&kind.words));
        let near = near::names(&wanted, words.map(String::as_str));
        let error =
            ToolError::new(Code::NotFound, format!("the cluster has no kind {}", Untrusted::line(word).quoted()));
        Err(match near.first() {
            Some(near) => error.hint(format!("did you mean {}?", Untrusted::line(near).quoted())),
            None => error
                .hint("name a kind by its plural, singular or short name: pods, deploy, ingresses.networking.k8s.io"),
        })
    }

    /// The kind of an object, by what it says of itself.
    pub fn of(&self, api_version: &str, kind: &str) -> Option<&Kind> {
        let (group, version) = api_version.rsplit_once('/').unwrap_or(("", api_version));
        let of_kind = || self.all.iter().filter(|known| known.kind == kind && known.group == group);
        of_kind().find(|known| known.version == version).or_else(|| of_kind().next())
    }
}

#[derive(Deserialize)]
struct Groups {
    #[serde(default)]
    items: Vec<Group>,
}

#[derive(Deserialize)]
struct Group {
    #[serde(default)]
    metadata: Name,
    #[serde(default)]
    versions: Vec<Version>,
}

#[derive(Default, Deserialize)]
struct Name {
    #[serde(default)]
    name: String,
}

#[derive(Deserialize)]
struct Version {
    #[serde(default)]
    version: String,
    #[serde(default)]
    freshness: String,
    #[serde(default)]
    resources: Vec<Resource>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Resource {
    resource: String,
    #[serde(default)]
    response_kind: Option<ResponseKind>,
    #[serde(default)]
    scope: String,
    #[serde(default)]
    singular_resource: String,
    #[serde(default)]
    short_names: Vec<String>,
    #[serde(default)]
    verbs: Vec<String>,
}

#[derive(Deserialize)]
struct ResponseKind {
    #[serde(default)]
    kind: String,
}

impl Kinds {
    /// Adds what a document of aggregated discovery (`APIGroupDiscoveryList`) lists.
    ///
    /// # Errors
    /// [`Code::Unsupported`] if it is none: API servers before Kubernetes 1.27 have none.
    pub fn read(&mut self, document: &[u8]) -> Result<()> {
        let groups: Groups = serde_json::from_slice(document).map_err(|_| {
            ToolError::new(Code::Unsupported, "the API server's list of kinds is not understood")
                .hint("this server needs aggregated discovery: Kubernetes 1.27 or newer")
        })?;
        for group in groups.items {
            let name = group.metadata.name;
            let mut seen: Vec<String> = Vec::new();
            for version in group.versions {
                if version.freshness == "Stale" {
                    let what = format!("{name}/{}", version.version);
                    self.unread.push(Unread::new(&what, "its API server does not answer"));
                }
                for resource in version.resources {
                    if seen.contains(&resource.resource) {
                        continue;
                    }
                    seen.push(resource.resource.clone());
                    self.all.push(kind(&name, &version.version, resource));
                }
            }
        }
        Ok(())
    }
}

fn kind(group: &str, version: &str, resource: Resource) -> Kind {
    let kind = resource.response_kind.map(|kind| kind.kind).unwrap_or_default();
    let mut words = Vec::new();
    for word in [kind.to_lowercase(), resource.singular_resource].into_iter().chain(resource.short_names) {
        if !word.is_empty() && !words.contains(&word) {
            words.push(word);
        }
    }
    Kind {
        group: group.to_owned(),
        version: version.to_owned(),
        kind,
        plural: resource.resource,
        words,
        namespaced: resource.scope == "Namespaced",
        verbs: resource.verbs,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds() -> Kinds {
        let mut kinds = Kinds::default();
        let document = serde_json::json!({"items": [
            {"metadata": {"name": ""}, "versions": [{"version": "v1", "freshness": "Current", "resources": [
                {"resource": "pods", "responseKind": {"kind": "Pod"}, "scope": "Namespaced", "singularResource": "pod", "shortNames": ["po"], "verbs": ["get", "list"]},
                {"resource": "events", "responseKind": {"kind": "Event"}, "scope": "Namespaced", "verbs": ["list"]}]}]},
            {"metadata": {"name": "events.k8s.io"}, "versions": [{"version": "v1", "resources": [
                {"resource": "events", "responseKind": {"kind": "Event"}, "scope": "Namespaced", "verbs": ["list"]}]}]},
            {"metadata": {"name": "autoscaling"}, "versions": [
                {"version": "v2", "resources": [{"resource": "horizontalpodautoscalers", "responseKind": {"kind": "HorizontalPodAutoscaler"}, "scope": "Namespaced", "shortNames": ["hpa"], "verbs": []}]},
                {"version": "v1", "resources": [{"resource": "horizontalpodautoscalers", "responseKind": {"kind": "HorizontalPodAutoscaler"}, "scope": "Namespaced", "shortNames": ["hpa"], "verbs": []}, {"resource": "old", "verbs": []}]}]},
            {"metadata": {"name": "metrics.k8s.io"}, "versions": [{"version": "v1beta1", "freshness": "Stale"}]},
            {}
        ]});
        kinds.read(document.to_string().as_bytes()).unwrap();
        kinds
    }

    #[test]
    fn a_kind_has_many_names() {
        let kinds = kinds();
        for word in ["pods", "Pod", "po", "PODS", " pod "] {
            assert_eq!(kinds.named(word).unwrap().full(), "pods", "{word}");
        }
        // As with kubectl, a dot alone is the core's group.
        assert_eq!(kinds.named("events.").unwrap().group, "");
        for word in ["hpa", "horizontalpodautoscalers.autoscaling", "hpa.v2.autoscaling"] {
            assert_eq!(kinds.named(word).unwrap().api_version(), "autoscaling/v2", "{word}");
        }
        assert_eq!(kinds.named("events").unwrap().group, "");
        assert_eq!(kinds.named("events.events.k8s.io").unwrap().group, "events.k8s.io");
        assert_eq!(kinds.named("old").unwrap().api_version(), "autoscaling/v1");
    }

    #[test]
    fn an_unknown_one_is_answered_with_the_nearest() {
        let error = kinds().named("pofs").unwrap_err();
        assert_eq!((error.code(), error.next_step()), (Code::NotFound, Some("did you mean `pods`?")));
        for word in ["", ".", "pods.apps", "../secrets", "hpa.v2"] {
            assert!(kinds().named(word).is_err(), "{word}");
        }
    }

    #[test]
    fn a_group_whose_server_is_down_is_told() {
        assert_eq!(kinds().unread.len(), 1);
        assert!(Kinds::default().read(b"404 page not found").is_err());
    }

    #[test]
    fn an_object_s_own_words_find_its_kind() {
        let kinds = kinds();
        assert_eq!(kinds.of("autoscaling/v1", "HorizontalPodAutoscaler").unwrap().version, "v2");
        assert_eq!(kinds.of("v1", "Pod").unwrap().plural, "pods");
        assert!(kinds.of("apps/v1", "Pod").is_none());
    }
}
