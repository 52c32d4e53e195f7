//! What is read for a graph: the namespace of the object, and what its graph then turns out to lead to.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::{StreamExt as _, stream};
use serde_json::Value;
use shared::Code;

use crate::{
    cluster::Cluster,
    graph::{Graph, Id, Thing, Whom, build},
    kinds::{self, Kind, Kinds},
    path::Path,
    target::Target,
    unread::Unread,
};

/// How many kinds are read at once.
const AT_ONCE: usize = 8;
/// How many objects outside of the namespace are looked up.
const ENDS_MAX: usize = 12;
/// How many config maps are read for their keys.
const KEYED_MAX: usize = 8;

/// Kinds of a namespace whose objects are read whole, because they say what they are tied to.
fn telling(served: &Kinds) -> Vec<Kind> {
    let mut kinds = vec![
        kinds::pods(),
        kinds::deployments(),
        kinds::replica_sets(),
        kinds::stateful_sets(),
        kinds::daemon_sets(),
        kinds::jobs(),
        kinds::cron_jobs(),
        kinds::services(),
        kinds::endpoint_slices(),
        kinds::ingresses(),
        kinds::network_policies(),
        kinds::volume_claims(),
        kinds::autoscalers(),
        kinds::disruption_budgets(),
        kinds::role_bindings(),
    ];
    let gateways = served
        .all
        .iter()
        .filter(|kind| kind.group == "gateway.networking.k8s.io" && kind.namespaced && kind.can("list"));
    kinds.extend(gateways.cloned());
    kinds
}

/// Kinds of a namespace that others refer to, and of which the name is enough.
fn silent() -> [Kind; 3] {
    [kinds::config_maps(), kinds::secrets(), kinds::service_accounts()]
}

/// What has been read.
#[derive(Default)]
struct Read {
    things: Vec<Thing>,
    /// The kinds of which all is known that is in the namespace.
    looked: BTreeSet<String>,
    unread: Vec<Unread>,
}

/// What is around `target`.
pub async fn around(cluster: &Cluster, target: &Target, served: &Kinds, depth: usize) -> (Graph, Id, Vec<Unread>) {
    let mut object = target.object.clone();
    if let Some(fields) = object.as_object_mut() {
        fields.entry("kind").or_insert_with(|| target.kind.kind.clone().into());
        fields.entry("apiVersion").or_insert_with(|| target.kind.api_version().into());
    }
    let own = Thing::read(&object);
    let id = own.id.clone();
    let mut read = Read { things: vec![own], ..Read::default() };
    match target.namespace.as_deref() {
        Some(namespace) => read.namespace(cluster, namespace, served).await,
        None if id.is("Node") => {
            let on = format!("spec.nodeName={}", target.name);
            read.list(cluster, &kinds::pods(), None, Some(&on), |_| true).await;
        }
        None if id.is("ClusterRole") => {
            let of = |binding: &Value| {
                binding.pointer("/roleRef/kind").and_then(Value::as_str) == Some("ClusterRole")
                    && binding.pointer("/roleRef/name").and_then(Value::as_str) == Some(target.name.as_str())
            };
            read.list(cluster, &kinds::cluster_role_bindings(), None, None, of).await;
            read.list(cluster, &kinds::role_bindings(), None, None, of).await;
        }
        None => read.list(cluster, &kinds::volume_claims(), None, None, |_| true).await,
    }
    read.once();
    let mut graph = build(&id, &read.things, &read.looked, depth);
    if target.namespace.is_some() {
        let (rights, keys) = (read.rights(cluster, &id, &graph).await, read.keys(cluster, &graph).await);
        if rights || keys {
            read.once();
            graph = build(&id, &read.things, &read.looked, depth);
        }
    }
    (ends(cluster, graph, served, &mut read.unread).await, id, read.unread)
}

impl Read {
    /// Reads a kind, and keeps what `is` wanted.
    async fn list(
        &mut self,
        cluster: &Cluster,
        kind: &Kind,
        namespace: Option<&str>,
        fields: Option<&str>,
        is: impl Fn(&Value) -> bool + Sync,
    ) {
        let keep = |object: Value| is(&object).then(|| Thing::read(&object));
        let listed = cluster.objects(kind, namespace, fields, None, keep).await;
        self.things.extend(listed.items);
        self.unread.extend(listed.unread);
    }

    /// Reads what is in a namespace.
    async fn namespace(&mut self, cluster: &Cluster, namespace: &str, served: &Kinds) {
        let mut lists = stream::iter(telling(served))
            .map(|kind: Kind| async move {
                let keep = |object: Value| Some(Thing::read(&object));
                let listed = cluster.objects(&kind, Some(namespace), None, None, keep).await;
                (kind, listed)
            })
            .buffer_unordered(AT_ONCE);
        while let Some((kind, listed)) = lists.next().await {
            if listed.unread.is_empty() {
                self.looked.insert(kind.kind);
            }
            self.things.extend(listed.items);
            self.unread.extend(listed.unread);
        }
        for kind in silent() {
            let listed = cluster
                .rows(&kind, Some(namespace), None, |columns, row, _| columns.cell(row, "name").map(str::to_owned))
                .await;
            if listed.unread.is_empty() {
                self.looked.insert(kind.kind.clone());
            }
            let named = |name: &String| Thing { id: Id::new(&kind.kind, namespace, name), ..Thing::default() };
            self.things.extend(listed.items.iter().map(named));
            self.unread.extend(listed.unread);
        }
    }

    /// Each thing once: the target is among what was read, too, and says more where only names are read.
    fn once(&mut self) {
        let mut seen: BTreeSet<Id> = BTreeSet::new();
        self.things.retain(|thing| seen.insert(thing.id.clone()));
    }

    /// Reads what gives rights, beyond the namespace, to the accounts of a graph. Whether anything came of it.
    async fn rights(&mut self, cluster: &Cluster, target: &Id, graph: &Graph) -> bool {
        let accounts: Vec<&Id> = graph.nodes.iter().map(|node| &node.id).filter(|id| id.is("ServiceAccount")).collect();
        if accounts.is_empty() {
            return false;
        }
        let before = self.things.len();
        let theirs = |binding: &Value| {
            let whom = Whom::read(binding);
            accounts.iter().any(|account| whom.iter().any(|whom| whom.means(account).is_some()))
        };
        self.list(cluster, &kinds::cluster_role_bindings(), None, None, theirs).await;
        // In other namespaces an account has rights, too; who asks for something else asks for what is near it.
        if target.is("ServiceAccount") {
            self.list(cluster, &kinds::role_bindings(), None, None, theirs).await;
        }
        self.things.len() > before
    }

    /// Reads which keys the config maps of a graph have, of those of which keys are needed. Whether anything came of it.
    async fn keys(&mut self, cluster: &Cluster, graph: &Graph) -> bool {
        let there: BTreeSet<&Id> = graph.nodes.iter().filter(|node| !node.missing).map(|node| &node.id).collect();
        let needing = self.things.iter().filter(|thing| there.contains(&thing.id));
        let needed =
            needing.flat_map(|thing| &thing.refers).filter(|refers| refers.key.is_some()).map(|refers| &refers.to);
        let maps: BTreeSet<Id> = needed.filter(|id| id.is("ConfigMap") && there.contains(id)).cloned().collect();
        // What cannot be read is not said to be missing: that it cannot is no news to whoever may list it or not.
        let found: BTreeMap<Id, BTreeSet<String>> = stream::iter(maps.into_iter().take(KEYED_MAX))
            .map(|id: Id| async move {
                let path = Path::object(&kinds::config_maps(), Some(&id.namespace), &id.name);
                let object = cluster.object(&path).await.ok()?;
                let data = ["data", "binaryData"].into_iter().filter_map(|field| object.get(field)?.as_object());
                let keys = data.flat_map(|data| data.keys().cloned()).collect();
                Some((id, keys))
            })
            .buffered(AT_ONCE)
            .filter_map(|found| async move { found })
            .collect()
            .await;
        let some = !found.is_empty();
        for (id, keys) in found {
            if let Some(thing) = self.things.iter_mut().find(|thing| thing.id == id) {
                thing.keys = Some(keys);
            }
        }
        some
    }
}

/// Looks up what the graph refers to beyond the kinds that were read.
async fn ends(cluster: &Cluster, mut graph: Graph, served: &Kinds, unread: &mut Vec<Unread>) -> Graph {
    let of = |id: &Id| match id.kind.as_str() {
        _ if !id.group.is_empty() => None,
        "Node" => Some(kinds::nodes()),
        "PersistentVolume" => Some(kinds::volumes()),
        "StorageClass" => Some(kinds::storage_classes()),
        "Role" | "ClusterRole" => served.of("rbac.authorization.k8s.io/v1", &id.kind).cloned(),
        "IngressClass" => served.of("networking.k8s.io/v1", &id.kind).cloned(),
        _ => None,
    };
    let path = |id: &Id| {
        let namespace = Some(id.namespace.as_str()).filter(|namespace| !namespace.is_empty());
        Some(Path::object(&of(id)?, namespace, &id.name))
    };
    // The one it is about is there.
    let ends: Vec<(usize, Path)> = graph
        .nodes
        .iter()
        .enumerate()
        .skip(1)
        .filter(|(_, node)| node.note.is_empty())
        .filter_map(|(at, node)| Some((at, path(&node.id)?)))
        .take(ENDS_MAX)
        .collect();
    let found: Vec<_> = stream::iter(ends)
        .map(|(at, path): (usize, Path)| async move { (at, cluster.object(&path).await) })
        .buffered(AT_ONCE)
        .collect()
        .await;
    for (at, found) in found {
        let Some(node) = graph.nodes.get_mut(at) else { continue };
        match found {
            Ok(mut object) => {
                if let Some(fields) = object.as_object_mut() {
                    fields.entry("kind").or_insert_with(|| node.id.kind.clone().into());
                }
                let thing = Thing::read(&object);
                (node.note, node.bad) = (thing.note, thing.bad);
            }
            Err(failure) if failure.code == Code::NotFound => node.missing = true,
            Err(failure) => unread.push(failure.unread(&node.id.shown())),
        }
    }
    graph
}
