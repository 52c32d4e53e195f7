//! `kubectl_top`: what pods and nodes use, from the metrics API.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use shared::{
    Annotations, Answer, Call, List, Read, Result, Text, Tool, ToolError,
    exec::{Argv, Capture, Line},
};

use crate::{
    Kubectl, argv,
    resource::Resource,
    run::Request,
    scope::{Namespace, Place, Reach, Scope},
    table::{LINE_MAX, Reader, Table},
};

/// The tool.
pub struct Top;

/// Parameters.
#[derive(Deserialize, JsonSchema)]
pub struct Params {
    /// Of what.
    resource: Of,
    /// One pod or node.
    name: Option<String>,
    /// Default: the context's own; `*` is all.
    namespace: Option<String>,
    /// Label selector.
    selector: Option<String>,
    /// Highest first.
    sort: Option<Sort>,
    /// Each container of the pods.
    #[serde(default)]
    containers: bool,
    /// Kubeconfig context.
    context: Option<String>,
}

#[derive(Clone, Copy, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum Of {
    Pods,
    Nodes,
}

#[derive(Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Sort {
    Cpu,
    Memory,
}

/// The answer.
#[derive(Serialize, JsonSchema)]
pub struct Usage {
    /// Where was looked.
    scope: Place,
    /// Why there is nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    empty: Option<String>,
    /// What they use.
    usage: Table,
}

impl Answer for Usage {
    fn text(&self, text: &mut Text<'_>) {
        text.line(format_args!("{}: usage", self.scope.shown()));
        if let Some(empty) = &self.empty {
            text.line(empty);
        }
        self.usage.write(text);
    }

    fn lists(&mut self) -> Vec<&mut dyn List> {
        vec![self.usage.list()]
    }
}

impl Tool for Top {
    const NAME: &'static str = "kubectl_top";
    const TITLE: &'static str = "Show usage";
    const DESCRIPTION: &'static str = "CPU and memory in use.";
    const EXAMPLE: &'static str = "resource=pods sort=memory";
    const ANNOTATIONS: Annotations = Annotations::READ_REMOTE;
    const PAGED: bool = true;
    const ALIASES: &'static [(&'static str, &'static str)] =
        &[("labelSelector", "selector"), ("sort_by", "sort"), ("ns", "namespace")];

    type Access = Read;
    type Server = Kubectl;
    type Params = Params;
    type Output = Usage;

    async fn run(server: Arc<Kubectl>, params: Params, call: Call) -> Result<Usage> {
        let scope = Scope::new(params.context.as_deref(), params.namespace.as_deref(), false)?;
        let argv = argv(&params, &scope)?;
        let nodes = params.resource == Of::Nodes;
        let resource = Resource::new(if nodes { "nodes" } else { "pods" }, params.name.as_deref())?;
        let mut reader = Reader::new(call.page(b"")?);
        let mut unmeasured: Vec<Vec<u8>> = Vec::new();
        let request = Request::new(argv, &scope).about(&resource);
        let sink = Capture::lines(LINE_MAX, |line| {
            if nodes && has_no_figures(line.bytes) { unmeasured.push(line.bytes.to_vec()) } else { reader.line(line) }
        });
        let done = server.run(request.stdout(sink), &call).await?;
        // kubectl prints these last, each time in another order, which no cursor could go by.
        unmeasured.sort_unstable();
        for bytes in &unmeasured {
            reader.line(Line { bytes, omitted: 0 });
        }
        let empty = if reader.seen() == 0 {
            let narrowed = params.selector.is_some();
            Some(server.nothing(&resource.kinds(), narrowed, &scope, &done.place, &call).await?)
        } else {
            None
        };
        let place = if nodes { done.place.cluster_wide() } else { done.place };
        Ok(Usage { scope: place, empty, usage: reader.finish("rows")? })
    }
}

/// Whether `line` is of a node the metrics API knows nothing of.
fn has_no_figures(line: &[u8]) -> bool {
    let mut words = line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty()).skip(1).peekable();
    words.peek().is_some() && words.all(|word| word == b"<unknown>")
}

fn argv(params: &Params, scope: &Scope) -> Result<Argv> {
    let nodes = params.resource == Of::Nodes;
    if nodes && (params.containers || *scope.namespace() != Namespace::Own) {
        return Err(ToolError::invalid("nodes have neither a namespace nor containers").hint("leave them out"));
    }
    // The kind is a command of its own and comes first.
    let argv = Argv::new().literal("top").literal(if nodes { "nodes" } else { "pods" });
    let mut argv = scope.on(argv, if nodes { Reach::Cluster } else { Reach::All })?;
    argv = argv::optional(argv, "--selector", "selector", params.selector.as_deref())?;
    argv = match params.sort {
        Some(Sort::Cpu) => argv.literal("--sort-by=cpu"),
        Some(Sort::Memory) => argv.literal("--sort-by=memory"),
        None => argv,
    };
    if params.containers {
        argv = argv.literal("--containers");
    }
    match params.name.as_deref().filter(|name| !name.is_empty()) {
        Some(name) => argv.positional("name", crate::resource::object_name("name", name)?),
        None => Ok(argv),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::argv::tests::words;

    fn words_of(params: serde_json::Value) -> Result<String> {
        let params: Params = serde_json::from_value(params).unwrap();
        let scope = Scope::new(params.context.as_deref(), params.namespace.as_deref(), false)?;
        argv(&params, &scope).map(|argv| words(&argv).join(" "))
    }

    #[test]
    fn a_node_without_figures_is_told_from_others() {
        for (line, without) in [
            ("lost   <unknown>  <unknown>  <unknown>  <unknown>", true),
            ("node-1 699m 34% 6510Mi 27%", false),
            ("node-2 699m <unknown> 6510Mi <unknown>", false),
            ("alone", false),
            ("", false),
        ] {
            assert_eq!(has_no_figures(line.as_bytes()), without, "{line}");
        }
    }

    #[test]
    fn its_arguments() {
        for (params, expected) in [
            (serde_json::json!({"resource": "pods"}), "top pods"),
            (serde_json::json!({"resource": "nodes", "name": "n", "sort": "cpu"}), "top nodes --sort-by=cpu n"),
            (
                serde_json::json!({"resource": "pods", "namespace": "-A", "selector": "-x", "sort": "memory", "containers": true}),
                "top pods --all-namespaces --selector=-x --sort-by=memory --containers",
            ),
        ] {
            assert_eq!(words_of(params).unwrap(), expected);
        }
        assert!(words_of(serde_json::json!({"resource": "nodes", "namespace": "x"})).is_err());
        assert!(words_of(serde_json::json!({"resource": "nodes", "containers": true})).is_err());
        for name in ["--raw", "a/b", "a b", ".."] {
            assert!(words_of(serde_json::json!({"resource": "pods", "name": name})).is_err(), "{name}");
        }
    }
}
