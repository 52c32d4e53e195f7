//! `kube_topology`: what hangs together with an object.

mod read;

use std::sync::Arc;

pub use read::around;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use shared::{Annotations, Answer, Call, Lines, List, Read, Records, Result, Text, Tool, ToolError, Untrusted};

use crate::{
    Explore,
    cluster::Cluster,
    graph::{Graph, draw},
    scope::{self, Place},
    target::{Named, Target, others},
    unread::{self, Unread},
};

/// How many steps are gone from the object when the caller does not say.
const DEPTH: usize = 4;
/// The most.
const DEPTH_MAX: usize = 8;

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
    #[schemars(range(min = 1, max = 8))]
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
    /// Whether it is not as it should be.
    bad: bool,
}

/// A tie.
#[derive(Clone, Serialize, JsonSchema)]
struct Edge {
    /// From which object.
    from: Untrusted,
    /// To which.
    to: Untrusted,
    /// owns, routes to, uses, scales, guards, filters, runs on, grants.
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
        bad: node.bad,
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
