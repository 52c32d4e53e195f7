//! `kubectl_explain`: the fields of a kind, with their documentation.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use shared::{
    Annotations, Answer, Call, Lines, List, Read, Result, Text, Tool,
    exec::{Argv, Capture},
};

use crate::{
    Kubectl, argv,
    passage::{LINE_MAX, Passage},
    resource::Resource,
    run::Request,
    scope::{Place, Reach, Scope},
};

/// The tool.
pub struct Explain;

/// Parameters.
#[derive(Deserialize, JsonSchema)]
pub struct Params {
    /// Kind and path of a field: `pod.spec.containers`.
    resource: String,
    /// All fields below, without their documentation.
    #[serde(default)]
    recursive: bool,
    /// `group/version`, where there are several.
    api_version: Option<String>,
    /// Kubeconfig context.
    context: Option<String>,
}

/// The answer.
#[derive(Serialize, JsonSchema)]
pub struct Fields {
    /// Where it is served.
    scope: Place,
    /// The documentation.
    documentation: Lines,
}

impl Answer for Fields {
    fn text(&self, text: &mut Text<'_>) {
        text.line(format_args!("{}: documentation", self.scope.shown()));
        text.lines(&self.documentation);
    }

    fn lists(&mut self) -> Vec<&mut dyn List> {
        vec![&mut self.documentation]
    }
}

impl Tool for Explain {
    const NAME: &'static str = "kubectl_explain";
    const TITLE: &'static str = "Explain a kind";
    const DESCRIPTION: &'static str = "Fields of a kind and what they mean.";
    const EXAMPLE: &'static str = "resource=deployment.spec.strategy";
    const ANNOTATIONS: Annotations = Annotations::READ_REMOTE;
    const PAGED: bool = true;
    const ALIASES: &'static [(&'static str, &'static str)] = &[("apiVersion", "api_version")];

    type Access = Read;
    type Server = Kubectl;
    type Params = Params;
    type Output = Fields;

    async fn run(server: Arc<Kubectl>, params: Params, call: Call) -> Result<Fields> {
        let scope = Scope::new(params.context.as_deref(), None, false)?;
        let resource = Resource::new(&params.resource, None)?;
        let mut passage = Passage::new(call.page(b"")?);
        let request = Request::new(argv(&params, &scope, &resource)?, &scope).about(&resource);
        let done = server.run(request.stdout(Capture::lines(LINE_MAX, |line| passage.line(line))), &call).await?;
        Ok(Fields { scope: done.place.cluster_wide(), documentation: passage.finish() })
    }
}

fn argv(params: &Params, scope: &Scope, resource: &Resource) -> Result<Argv> {
    let mut argv = argv::verb("explain", scope, Reach::Cluster)?;
    if params.recursive {
        argv = argv.literal("--recursive");
    }
    argv = argv::optional(argv, "--api-version", "api_version", params.api_version.as_deref())?;
    resource.on(argv)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::argv::tests::words;

    #[test]
    fn its_arguments() {
        for (params, expected) in [
            (serde_json::json!({"resource": "pod.spec"}), "explain pod.spec"),
            (
                serde_json::json!({"resource": "x", "recursive": true, "api_version": "-g/v1", "context": "c"}),
                "explain --context=c --recursive --api-version=-g/v1 x",
            ),
        ] {
            let params: Params = serde_json::from_value(params).unwrap();
            let scope = Scope::new(params.context.as_deref(), None, false).unwrap();
            let resource = Resource::new(&params.resource, None).unwrap();
            assert_eq!(words(&argv(&params, &scope, &resource).unwrap()).join(" "), expected);
        }
    }
}
