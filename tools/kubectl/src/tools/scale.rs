//! `kubectl_scale`: how many replicas a workload has.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::Deserialize;
use shared::{Annotations, Call, Result, Tool, Write, exec::Argv};

use crate::{
    Kubectl, argv,
    changed::Changed,
    resource::Resource,
    run::Request,
    scope::{Reach, Scope},
};

/// The tool.
pub struct Scale;

/// Parameters.
#[derive(Deserialize, JsonSchema)]
pub struct Params {
    /// kind/name: deployment/web.
    resource: String,
    /// How many; 0 stops it.
    replicas: u32,
    /// Default: the context's own.
    namespace: Option<String>,
    /// Only if it has so many now.
    current_replicas: Option<u32>,
    /// Kubeconfig context.
    context: Option<String>,
}

impl Tool for Scale {
    const NAME: &'static str = "kubectl_scale";
    const TITLE: &'static str = "Scale a workload";
    const DESCRIPTION: &'static str = "Sets the replicas of a workload.";
    const EXAMPLE: &'static str = "resource=deployment/web replicas=3";
    const ANNOTATIONS: Annotations = Annotations { destructive: true, idempotent: true, open_world: true };
    const ALIASES: &'static [(&'static str, &'static str)] =
        &[("currentReplicas", "current_replicas"), ("ns", "namespace")];

    type Access = Write;
    type Server = Kubectl;
    type Params = Params;
    type Output = Changed;

    async fn run(server: Arc<Kubectl>, params: Params, call: Call) -> Result<Changed> {
        let scope = Scope::new(params.context.as_deref(), params.namespace.as_deref(), false)?;
        let resource = Resource::new(&params.resource, None)?;
        let request = Request::new(argv(&params, &scope, &resource)?, &scope);
        server.change(request, &scope, &resource, &call).await
    }
}

fn argv(params: &Params, scope: &Scope, resource: &Resource) -> Result<Argv> {
    let mut argv = argv::verb("scale", scope, Reach::One)?.flag_value("--replicas", params.replicas.to_string())?;
    if let Some(current) = params.current_replicas {
        argv = argv.flag_value("--current-replicas", current.to_string())?;
    }
    resource.joined_on(argv)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::argv::tests::words;

    fn words_of(params: serde_json::Value) -> Result<String> {
        let params: Params = serde_json::from_value(params).unwrap();
        let scope = Scope::new(params.context.as_deref(), params.namespace.as_deref(), false)?;
        argv(&params, &scope, &Resource::new(&params.resource, None)?).map(|argv| words(&argv).join(" "))
    }

    #[test]
    fn its_arguments() {
        for (params, expected) in [
            (json!({"resource": "deploy/a", "replicas": 0}), "scale --replicas=0 deploy/a"),
            (
                json!({"resource": "sts/a", "replicas": 3, "current_replicas": 2, "namespace": "n", "context": "c"}),
                "scale --context=c --namespace=n --replicas=3 --current-replicas=2 sts/a",
            ),
        ] {
            assert_eq!(words_of(params).unwrap(), expected);
        }
        for params in [
            json!({"resource": "deploy", "replicas": 1}),
            json!({"resource": "--all", "replicas": 1}),
            json!({"resource": "deploy/a", "replicas": 1, "namespace": "*"}),
        ] {
            assert!(words_of(params.clone()).is_err(), "{params}");
        }
        assert!(serde_json::from_value::<Params>(json!({"resource": "deploy/a", "replicas": -1})).is_err());
    }
}
