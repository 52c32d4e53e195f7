//! `kubectl_annotate`: annotations of one object.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::Deserialize;
use shared::{Annotations, Call, Result, Tool, Write, exec::Argv};

use crate::{Kubectl, changed::Changed, pairs::Pairs, resource::Resource, run::Request, scope::Scope};

/// The tool.
pub struct Annotate;

/// Parameters.
#[derive(Deserialize, JsonSchema)]
pub struct Params {
    /// Kind.
    resource: String,
    /// Object.
    name: String,
    /// "k=v k2-", or an array.
    annotations: Pairs,
    /// Default: the context's own.
    namespace: Option<String>,
    /// Change what is set.
    #[serde(default)]
    overwrite: bool,
    /// Kubeconfig context.
    context: Option<String>,
}

impl Tool for Annotate {
    const NAME: &'static str = "kubectl_annotate";
    const TITLE: &'static str = "Set annotations";
    const DESCRIPTION: &'static str = "Sets or removes annotations of an object.";
    const EXAMPLE: &'static str = "resource=pod name=web-0 annotations='tier=front old-'";
    const ANNOTATIONS: Annotations = Annotations { destructive: true, idempotent: true, open_world: true };
    const ALIASES: &'static [(&'static str, &'static str)] = &[("ns", "namespace")];

    type Access = Write;
    type Server = Kubectl;
    type Params = Params;
    type Output = Changed;

    async fn run(server: Arc<Kubectl>, params: Params, call: Call) -> Result<Changed> {
        let scope = Scope::new(params.context.as_deref(), params.namespace.as_deref(), false)?;
        let resource = Resource::new(&params.resource, Some(&params.name))?;
        let request = Request::new(argv(&params, &scope, &resource)?, &scope);
        server.change(request, &scope, &resource, &call).await
    }
}

fn argv(params: &Params, scope: &Scope, resource: &Resource) -> Result<Argv> {
    params.annotations.argv("annotate", "annotations", params.overwrite, scope, resource)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::argv::tests::words;

    fn words_of(params: serde_json::Value) -> Result<Vec<String>> {
        let params: Params = serde_json::from_value(params).unwrap();
        let scope = Scope::new(params.context.as_deref(), params.namespace.as_deref(), false)?;
        argv(&params, &scope, &Resource::new(&params.resource, Some(&params.name))?).map(|argv| words(&argv))
    }

    #[test]
    fn its_arguments() {
        for (params, expected) in [
            (
                json!({"resource": "pod", "name": "a", "annotations": "k=v k2-"}),
                &["annotate", "pod/a", "--", "k=v", "k2-"][..],
            ),
            (
                json!({"resource": "deploy/a", "name": "a", "annotations": ["k=two words"], "namespace": "n", "context": "c", "overwrite": true}),
                &["annotate", "--context=c", "--namespace=n", "--overwrite", "deploy/a", "--", "k=two words"],
            ),
        ] {
            assert_eq!(words_of(params).unwrap(), expected);
        }
        for params in [
            json!({"resource": "pod", "name": "a", "annotations": "--all"}),
            json!({"resource": "pod", "name": "a", "annotations": ["--overwrite=true"]}),
            json!({"resource": "pod", "name": "a", "annotations": ""}),
            json!({"resource": "pod", "name": "", "annotations": "a=b"}),
            json!({"resource": "pod", "name": "a=b", "annotations": "a=b"}),
            json!({"resource": "pod", "name": "a-", "annotations": "a=b"}),
            json!({"resource": "pods,cm", "name": "a", "annotations": "a=b"}),
            json!({"resource": "pod", "name": "--all", "annotations": "a=b"}),
            json!({"resource": "pod", "name": "a", "annotations": "a=b", "namespace": "*"}),
        ] {
            assert!(words_of(params.clone()).is_err(), "{params}");
        }
    }
}
