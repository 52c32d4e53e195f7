//! `kube_topology`: what hangs together with an object.

use std::{collections::BTreeSet, sync::Arc};

use futures_util::{StreamExt as _, stream};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use shared::{Annotations, Answer, Call, Code, Lines, List, Read, Records, Result, Text, Tool, ToolError, Untrusted};

use crate::{
    Explore,
    cluster::Cluster,
    graph::{Graph, Id, Thing, build, draw},
    kinds::{self, Kind, Kinds},
    path::Path,
    scope::{self, Place},
    target::{Named, Target, others},
    unread::{self, Unread},
};

/// How many steps are gone from the object when the caller does not say.
const DEPTH: usize = 4;
/// The most.
const DEPTH_MAX: usize = 8;
/// How many kinds are read at once.
const AT_ONCE: usize = 8;
/// How many objects outside of the namespace are looked up.
const ENDS_MAX: usize = 12;

/// The tool.
pub struct Topology;

/// Parameters.
#[derive(Deserialize, JsonSchema)]
pub struct Params {
    /// Name or part of it; `deploy/web`.
    name: String,
    /// Kind.
    kind: Option<String>,
    /// Default: any.
    namespace: Option<String>,
    /// Steps from the object: default 4, maximum 8.
    depth: Option<u8>,
    /// Default: tree.
    format: Option<Format>,
    /// Kubeconfig context.
    context: Option<String>,
}

#[derive(Clone, Copy, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum Format {
    Tree,
    Mermaid,
}

/// The answer.
#[derive(Serialize, JsonSchema)]
pub struct Around {
    /// Where was looked.
    scope: Place,
    /// The object it is about.
    of: Untrusted,
    /// What else the name could have meant.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    others: Vec<Untrusted>,
    /// Objects that are left out because there are too many.
    #[serde(skip_serializing_if = "is_zero")]
    left_out: usize,
    /// The objects, the one it is about first.
    nodes: Records<Node>,
    /// What ties them.
    edges: Records<Edge>,
    /// The same as text.
    #[serde(skip)]
    drawing: Lines,
    /// What could not be looked at.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    unread: Vec<Unread>,
}

/// An object.
#[derive(Clone, Serialize, JsonSchema)]
struct Node {
    /// `deployment/web`.
    object: Untrusted,
    /// Its namespace; empty for cluster-wide kinds.
    namespace: Untrusted,
    /// How it is.
    note: Untrusted,
    /// Whether something refers to it and it is not there.
    missing: bool,
}

/// A tie.
#[derive(Clone, Serialize, JsonSchema)]
struct Edge {
    /// From which object.
    from: Untrusted,
    /// To which.
    to: Untrusted,
    /// owns, routes to, uses, guards, runs on, grants.
    tie: &'static str,
    /// How.
    how: Untrusted,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference")]
fn is_zero(count: &usize) -> bool {
    *count == 0
}

impl Answer for Around {
    fn text(&self, text: &mut Text<'_>) {
        text.line(format_args!("{}: {}", self.scope.shown(), self.of.quoted()));
        others(&self.others, text);
        text.lines(&self.drawing);
        if self.left_out > 0 {
            text.line(format_args!(
                "{} more objects hang on it: ask for less depth, or for one of them",
                self.left_out
            ));
        }
        unread::write(&self.unread, text);
    }

    fn lists(&mut self) -> Vec<&mut dyn List> {
        vec![&mut self.nodes, &mut self.edges, &mut self.drawing]
    }
}

impl Tool for Topology {
    const NAME: &'static str = "kube_topology";
    const TITLE: &'static str = "Show what hangs together";
    const DESCRIPTION: &'static str = "What hangs on an object: owners, children, routes to it, config it uses, what guards it; what is missing is marked.";
    const EXAMPLE: &'static str = "name=deploy/web format=mermaid";
    const ANNOTATIONS: Annotations = Annotations::READ_REMOTE;
    const ALIASES: &'static [(&'static str, &'static str)] =
        &[("ns", "namespace"), ("resource", "name"), ("output", "format")];

    type Access = Read;
    type Server = Explore;
    type Params = Params;
    type Output = Around;

    async fn run(_: Arc<Explore>, params: Params, call: Call) -> Result<Around> {
        let depth = match params.depth.map(usize::from) {
            None => DEPTH,
            Some(depth) if (1..=DEPTH_MAX).contains(&depth) => depth,
            Some(depth) => {
                return Err(ToolError::invalid(format!("depth is {depth} and has to be between 1 and {DEPTH_MAX}")));
            }
        };
        let namespace = scope::namespace(params.namespace.as_deref())?;
        let cluster = Cluster::connect(params.context.as_deref(), &call).await?;
        let named = Named { name: &params.name, kind: params.kind.as_deref(), namespace };
        let served = cluster.kinds().await?;
        let target = cluster.target(&named, &served, None).await?;
        let (graph, id, unread) = around(&cluster, &target, &served, depth).await;
        call.check()?;
        let lines = match params.format.unwrap_or(Format::Tree) {
            Format::Tree => draw::tree(&graph, &id),
            Format::Mermaid => draw::mermaid(&graph, &id),
        };
        let mut unread = unread;
        unread.extend(target.unread.clone());
        unread.sort();
        unread.dedup();
        let scope = cluster.place(target.namespace.as_deref());
        Ok(answer(scope, &target, &graph, &lines, unread))
    }
}

fn answer(scope: Place, target: &Target, graph: &Graph, lines: &[String], unread: Vec<Unread>) -> Around {
    let node = |node: &crate::graph::Node| Node {
        object: Untrusted::line(&node.id.shown()),
        namespace: Untrusted::line(&node.id.namespace),
        note: Untrusted::line(&node.note),
        missing: node.missing,
    };
    let edge = |edge: &crate::graph::Edge| Edge {
        from: Untrusted::line(&edge.from.shown()),
        to: Untrusted::line(&edge.to.shown()),
        tie: edge.tie.shown(),
        how: Untrusted::line(&edge.how),
    };
    Around {
        scope,
        of: Untrusted::line(&target.shown()),
        others: target.others.iter().map(|other| Untrusted::line(other)).collect(),
        left_out: graph.left_out,
        nodes: Records::all("objects", graph.nodes.iter().map(node).collect()),
        edges: Records::all("ties", graph.edges.iter().map(edge).collect()),
        drawing: Lines::all("lines", lines.join("\n").as_bytes()),
        unread,
    }
}

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

/// What is around `target`.
pub async fn around(cluster: &Cluster, target: &Target, served: &Kinds, depth: usize) -> (Graph, Id, Vec<Unread>) {
    let mut object = target.object.clone();
    if let Some(fields) = object.as_object_mut() {
        fields.entry("kind").or_insert_with(|| target.kind.kind.clone().into());
    }
    let own = Thing::read(&object);
    let id = own.id.clone();
    let mut things = vec![own];
    let (mut looked, mut unread) = (BTreeSet::new(), Vec::new());
    let keep = |object: Value| Some(Thing::read(&object));
    match target.namespace.as_deref() {
        Some(namespace) => {
            let mut lists = stream::iter(telling(served))
                .map(|kind: Kind| async move {
                    let listed = cluster.objects(&kind, Some(namespace), None, None, keep).await;
                    (kind, listed)
                })
                .buffer_unordered(AT_ONCE);
            while let Some((kind, listed)) = lists.next().await {
                if listed.unread.is_empty() {
                    looked.insert(kind.kind);
                }
                things.extend(listed.items);
                unread.extend(listed.unread);
            }
            for kind in silent() {
                let listed = cluster
                    .rows(&kind, Some(namespace), None, |columns, row, _| columns.cell(row, "name").map(str::to_owned))
                    .await;
                if listed.unread.is_empty() {
                    looked.insert(kind.kind.clone());
                }
                let named = |name: &String| Thing { id: Id::new(&kind.kind, namespace, name), ..Thing::default() };
                things.extend(listed.items.iter().map(named));
                unread.extend(listed.unread);
            }
        }
        None if target.kind.plural == "nodes" => {
            let on = format!("spec.nodeName={}", target.name);
            let listed = cluster.objects(&kinds::pods(), None, Some(&on), None, keep).await;
            things.extend(listed.items);
            unread.extend(listed.unread);
        }
        None => {
            let listed = cluster.objects(&kinds::volume_claims(), None, None, None, keep).await;
            things.extend(listed.items);
            unread.extend(listed.unread);
        }
    }
    // The target is among what was read, too.
    things.dedup_by(|a, b| a.id == b.id);
    let graph = build(&id, &things, &looked, depth);
    (ends(cluster, graph, &mut unread).await, id, unread)
}

/// Looks up what the graph refers to beyond the namespace.
async fn ends(cluster: &Cluster, mut graph: Graph, unread: &mut Vec<Unread>) -> Graph {
    let wide = |id: &Id| match id.kind.as_str() {
        "Node" => Some(kinds::nodes()),
        "PersistentVolume" => Some(kinds::volumes()),
        "StorageClass" => Some(kinds::storage_classes()),
        _ => None,
    };
    let ends: Vec<(usize, Path)> = graph
        .nodes
        .iter()
        .enumerate()
        .filter(|(_, node)| node.note.is_empty() && node.id.namespace.is_empty())
        .filter_map(|(at, node)| Some((at, Path::object(&wide(&node.id)?, None, &node.id.name))))
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
            Ok(object) => node.note = Thing::read(&object).note,
            Err(failure) if failure.code == Code::NotFound => node.missing = true,
            Err(failure) => unread.push(failure.unread(&node.id.shown())),
        }
    }
    graph
}
