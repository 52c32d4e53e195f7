//! `kubectl_label`: labels of one object.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::Deserialize;
use shared::{Annotations, Call, Result, Tool, Write, exec::Argv};

use crate::{Kubectl, changed::Changed, pairs::Pairs, resource::Resource, run::Request, scope::Scope};

/// The tool.
pub struct Label;

/// Parameters.
#[derive(Deserialize, JsonSchema)]
pub struct Params {
    /// Kind.
    resource: String,
    /// Object.
    name: String,
    /// "k=v k2-", or an array.
    labels: Pairs,
    /// Default: the context's own.
    namespace: Option<String>,
    /// Change what is set.
    #[serde(default)]
    overwrite: bool,
    /// Kubeconfig context.
    context: Option<String>,
}

impl Tool for Label {
    const NAME: &'static str = "kubectl_label";
    const TITLE: &'static str = "Set labels";
    const DESCRIPTION: &'static str = "Sets or removes labels of an object.";
    const EXAMPLE: &'static str = "resource=pod name=web-0 labels='tier=front old-'";
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
    params.labels.argv("label", "labels", params.overwrite, scope, resource)
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
            (json!({"resource": "pod", "name": "a", "labels": "k=v k2-"}), &["label", "pod/a", "--", "k=v", "k2-"][..]),
            (
                json!({"resource": "deploy/a", "name": "a", "labels": ["k=two words"], "namespace": "n", "context": "c", "overwrite": true}),
                &["label", "--context=c", "--namespace=n", "--overwrite", "deploy/a", "--", "k=two words"],
            ),
        ] {
            assert_eq!(words_of(params).unwrap(), expected);
        }
        for params in [
            json!({"resource": "pod", "name": "a", "labels": "--all"}),
            json!({"resource": "pod", "name": "a", "labels": ["--overwrite=true"]}),
            json!({"resource": "pod", "name": "a", "labels": ""}),
            json!({"resource": "pod", "name": "", "labels": "a=b"}),
            json!({"resource": "pod", "name": "a=b", "labels": "a=b"}),
            json!({"resource": "pod", "name": "a-", "labels": "a=b"}),
            json!({"resource": "pods,cm", "name": "a", "labels": "a=b"}),
            json!({"resource": "pod", "name": "--all", "labels": "a=b"}),
            json!({"resource": "pod", "name": "a", "labels": "a=b", "namespace": "*"}),
        ] {
            assert!(words_of(params.clone()).is_err(), "{params}");
        }
    }
}
