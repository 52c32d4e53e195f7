//! `kubectl_api_resources`: the kinds a cluster serves.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use shared::{
    Annotations, Answer, Call, List, Read, Result, Text, Tool, ToolError, Untrusted,
    exec::{Argv, Capture},
};

use crate::{
    Kubectl, argv,
    run::Request,
    scope::{Place, Reach, Scope},
    table::{LINE_MAX, Reader, Table},
};

/// The tool.
pub struct ApiResources;

/// Parameters.
#[derive(Deserialize, JsonSchema)]
pub struct Params {
    /// true: only namespaced kinds; false: only the others.
    namespaced: Option<bool>,
    /// Only kinds with these verbs: `list,watch`.
    verbs: Option<String>,
    /// Only this API group; `core` is the one without a name.
    api_group: Option<String>,
    /// Kubeconfig context.
    context: Option<String>,
}

/// The answer.
#[derive(Serialize, JsonSchema)]
pub struct Kinds {
    /// Where they are served.
    scope: Place,
    /// API groups that could not be read, in the words of kubectl; their kinds are missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    unread: Option<Untrusted>,
    /// The kinds.
    kinds: Table,
}

impl Answer for Kinds {
    fn text(&self, text: &mut Text<'_>) {
        text.line(format_args!("{}: kinds", self.scope.shown()));
        if self.kinds.is_empty() {
            text.line("no kind matches");
        }
        self.kinds.write(text);
        if let Some(unread) = &self.unread {
            text.line("could not look into every API group, so kinds are missing:");
            text.framed(|inside| unread.inside(inside).to_owned());
        }
    }

    fn lists(&mut self) -> Vec<&mut dyn List> {
        vec![self.kinds.list()]
    }
}

impl Tool for ApiResources {
    const NAME: &'static str = "kubectl_api_resources";
    const TITLE: &'static str = "List kinds";
    const DESCRIPTION: &'static str = "Kinds the cluster serves, with short names and API version.";
    const EXAMPLE: &'static str = "namespaced=true";
    const ANNOTATIONS: Annotations = Annotations::READ_REMOTE;
    const PAGED: bool = true;
    const ALIASES: &'static [(&'static str, &'static str)] = &[("apiGroup", "api_group")];

    type Access = Read;
    type Server = Kubectl;
    type Params = Params;
    type Output = Kinds;

    async fn run(server: Arc<Kubectl>, params: Params, call: Call) -> Result<Kinds> {
        let scope = Scope::new(params.context.as_deref(), None, false)?;
        let mut reader = Reader::new(call.page(b"")?);
        let request =
            Request::new(argv(&params, &scope)?, &scope).stdout(Capture::lines(LINE_MAX, |line| reader.line(line)));
        let done = server.attempt(request, &call).await?;
        let said = done.stderr();
        // kubectl prints what it got and fails when one group of many could not be read.
        if !done.outcome.success() && reader.seen() == 0 {
            return Err(server.explain(&said, &done.place, &scope, None, &call).await);
        }
        let unread = (!done.outcome.success()).then(|| Untrusted::line(&said));
        Ok(Kinds { scope: done.place.cluster_wide(), unread, kinds: reader.finish("kinds")? })
    }
}

fn argv(params: &Params, scope: &Scope) -> Result<Argv> {
    let mut argv = argv::verb("api-resources", scope, Reach::Cluster)?;
    argv = match params.namespaced {
        Some(true) => argv.literal("--namespaced=true"),
        Some(false) => argv.literal("--namespaced=false"),
        None => argv,
    };
    if let Some(verbs) = params.verbs.as_deref()
        && !verbs.chars().all(|c| c.is_ascii_lowercase() || c == ',')
    {
        return Err(ToolError::invalid("verbs is not a list of verbs").hint("for example list,watch"));
    }
    argv = argv::optional(argv, "--verbs", "verbs", params.verbs.as_deref())?;
    match params.api_group.as_deref() {
        // The group without a name is asked for with an empty one.
        Some("core") => argv.flag_value("--api-group", ""),
        group => argv::optional(argv, "--api-group", "api_group", group),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::argv::tests::words;

    fn words_of(params: Params) -> Vec<String> {
        let scope = Scope::new(params.context.as_deref(), None, false).unwrap();
        words(&argv(&params, &scope).unwrap())
    }

    #[test]
    fn its_arguments() {
        let none = || Params { namespaced: None, verbs: None, api_group: None, context: None };
        for (params, expected) in [
            (none(), &["api-resources"][..]),
            (Params { namespaced: Some(true), ..none() }, &["api-resources", "--namespaced=true"]),
            (
                Params { namespaced: Some(false), context: Some("c".into()), ..none() },
                &["api-resources", "--context=c", "--namespaced=false"],
            ),
            (
                Params { verbs: Some("list,get".into()), api_group: Some("core".into()), ..none() },
                &["api-resources", "--verbs=list,get", "--api-group="],
            ),
            (Params { api_group: Some("--raw=/".into()), ..none() }, &["api-resources", "--api-group=--raw=/"]),
        ] {
            assert_eq!(words_of(params), expected);
        }
    }

    #[test]
    fn verbs_are_verbs() {
        let params = Params { namespaced: None, verbs: Some("list --raw".into()), api_group: None, context: None };
        assert!(argv(&params, &Scope::new(None, None, false).unwrap()).is_err());
    }
}
