//! `kubectl_delete`: one object, or those a selector matches.

use std::{sync::Arc, time::Duration};

use schemars::JsonSchema;
use serde::Deserialize;
use shared::{Annotations, Call, Result, Tool, ToolError, Write, exec::Argv};

use crate::{
    Kubectl, argv,
    changed::Changed,
    resource::Resource,
    run::Request,
    scope::{Reach, Scope},
};

/// How long deleting may take.
const SHORT: Duration = Duration::from_secs(60);
/// How long objects may take to be gone.
const LONG: Duration = Duration::from_secs(300);

/// The tool.
pub struct Delete;

/// Parameters.
#[derive(Deserialize, JsonSchema)]
pub struct Params {
    /// Kind, or kind/name.
    resource: String,
    /// Object; or selector.
    name: Option<String>,
    /// Default: the context's own.
    namespace: Option<String>,
    /// Label selector.
    selector: Option<String>,
    /// Do not wait for the kubelet.
    #[serde(default)]
    force: bool,
    /// Until they are gone, at most 300 s.
    #[serde(default)]
    wait: bool,
    /// Seconds to end in.
    grace_period: Option<u32>,
    /// Kubeconfig context.
    context: Option<String>,
}

impl Tool for Delete {
    const NAME: &'static str = "kubectl_delete";
    const TITLE: &'static str = "Delete objects";
    const DESCRIPTION: &'static str = "Deletes one object, or those of a selector.";
    const EXAMPLE: &'static str = "resource=pod/web-0";
    const ANNOTATIONS: Annotations = Annotations { destructive: true, idempotent: true, open_world: true };
    const TIMEOUT: Duration = Duration::from_secs(320);
    const ALIASES: &'static [(&'static str, &'static str)] =
        &[("labelSelector", "selector"), ("gracePeriod", "grace_period"), ("ns", "namespace")];

    type Access = Write;
    type Server = Kubectl;
    type Params = Params;
    type Output = Changed;

    async fn run(server: Arc<Kubectl>, params: Params, call: Call) -> Result<Changed> {
        let scope = Scope::new(params.context.as_deref(), params.namespace.as_deref(), false)?;
        let resource = Resource::new(&params.resource, params.name.as_deref())?;
        let mut request = Request::new(argv(&params, &scope, &resource)?, &scope);
        request = request.timeout(if params.wait { LONG } else { SHORT });
        // kubectl waits with one request that lasts.
        if params.wait {
            request = request.streaming();
        }
        server.change(request, &scope, &resource, &call).await
    }
}

fn argv(params: &Params, scope: &Scope, resource: &Resource) -> Result<Argv> {
    let selector = params.selector.as_deref().filter(|selector| !selector.trim().is_empty());
    match (resource.name(), selector) {
        (None, None) => {
            return Err(ToolError::invalid("it is not said which objects to delete")
                .hint("pass name or selector; all objects of a kind are never deleted at once"));
        }
        (Some(_), Some(_)) => {
            return Err(ToolError::invalid("name and selector exclude each other").hint("pass one of them"));
        }
        _ => {}
    }
    let mut argv = argv::optional(argv::verb("delete", scope, Reach::One)?, "--selector", "selector", selector)?;
    argv = argv.literal(if params.wait { "--wait=true" } else { "--wait=false" });
    if params.force {
        argv = argv.literal("--force");
    }
    if let Some(seconds) = params.grace_period {
        argv = argv.flag_value("--grace-period", seconds.to_string())?;
    }
    resource.on(argv)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::argv::tests::words;

    fn words_of(params: serde_json::Value) -> Result<String> {
        let params: Params = serde_json::from_value(params).unwrap();
        let scope = Scope::new(params.context.as_deref(), params.namespace.as_deref(), false)?;
        let resource = Resource::new(&params.resource, params.name.as_deref())?;
        argv(&params, &scope, &resource).map(|argv| words(&argv).join(" "))
    }

    #[test]
    fn its_arguments() {
        for (params, expected) in [
            (json!({"resource": "pod/a"}), "delete --wait=false pod a"),
            (
                json!({"resource": "pods,cm", "selector": "--all", "namespace": "n", "context": "c", "wait": true, "force": true, "grace_period": 0}),
                "delete --context=c --namespace=n --selector=--all --wait=true --force --grace-period=0 pods,cm",
            ),
        ] {
            assert_eq!(words_of(params).unwrap(), expected);
        }
        for params in [
            json!({"resource": "pods"}),
            json!({"resource": "pods", "selector": " "}),
            json!({"resource": "pods", "name": ""}),
            json!({"resource": "pods", "name": "--all"}),
            json!({"resource": "--all"}),
            json!({"resource": "pods", "name": "a", "selector": "b"}),
            json!({"resource": "pods", "name": "a", "namespace": "-A"}),
        ] {
            assert!(words_of(params.clone()).is_err(), "{params}");
        }
    }
}
