//! `kubectl_describe`: objects with what belongs to them, as kubectl tells it.

use std::{fmt::Write as _, sync::Arc};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use shared::{
    Annotations, Answer, Call, Lines, List, Read, Result, Text, Tool, ToolError, Untrusted,
    exec::{Argv, Capture},
    kubernetes::mask,
};

use crate::{
    Kubectl, argv,
    items::{self, Items},
    passage::{LINE_MAX, Passage},
    resource::Resource,
    run::Request,
    scope::{Place, Reach, Scope},
};

/// The tool.
pub struct Describe;

/// Parameters.
#[derive(Deserialize, JsonSchema)]
pub struct Params {
    /// Kind, or kind/name.
    resource: String,
    /// Object, or how its name begins.
    name: Option<String>,
    /// Default: the context's own.
    namespace: Option<String>,
    /// Label selector.
    selector: Option<String>,
    /// Kubeconfig context.
    context: Option<String>,
}

/// The answer.
#[derive(Serialize, JsonSchema)]
pub struct Described {
    /// Where was looked.
    scope: Place,
    /// What was asked for.
    resource: String,
    /// Why there is nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    empty: Option<String>,
    /// What could not be read, in kubectl's words.
    #[serde(skip_serializing_if = "Option::is_none")]
    unread: Option<Untrusted>,
    /// The description.
    description: Lines,
}

impl Answer for Described {
    fn text(&self, text: &mut Text<'_>) {
        text.line(format_args!("{}: {}", self.scope.shown(), self.resource));
        if let Some(empty) = &self.empty {
            text.line(empty);
        }
        text.lines(&self.description);
        if let Some(unread) = &self.unread {
            text.line("could not look everywhere:");
            text.framed(|inside| unread.inside(inside).to_owned());
        }
    }

    fn lists(&mut self) -> Vec<&mut dyn List> {
        vec![&mut self.description]
    }
}

impl Tool for Describe {
    const NAME: &'static str = "kubectl_describe";
    const TITLE: &'static str = "Describe objects";
    const DESCRIPTION: &'static str = "Details of objects with their events.";
    const EXAMPLE: &'static str = "resource=pod/web-0";
    const ANNOTATIONS: Annotations = Annotations::READ_REMOTE;
    const PAGED: bool = true;
    const ALIASES: &'static [(&'static str, &'static str)] = &[("labelSelector", "selector"), ("ns", "namespace")];

    type Access = Read;
    type Server = Kubectl;
    type Params = Params;
    type Output = Described;

    async fn run(server: Arc<Kubectl>, params: Params, call: Call) -> Result<Described> {
        let scope = Scope::new(params.context.as_deref(), params.namespace.as_deref(), false)?;
        let resource = Resource::new(&params.resource, params.name.as_deref())?;
        let mut passage = Passage::new(call.page(b"")?);
        let request = Request::new(argv(&params, &scope, &resource)?, &scope).about(&resource);
        let done = if resource.has_secrets() {
            let mut items = Items::new(|value| {
                let gap = if passage.seen() > 0 { "\n" } else { "" };
                format!("{gap}{}", secret(&value)).lines().for_each(|line| passage.take(line.as_bytes(), 0));
            });
            let done =
                server.attempt(request.stdout(Capture::lines(items::LINE_MAX, |line| items.line(line))), &call).await?;
            if done.outcome.success() {
                items.finish()?;
            }
            done
        } else {
            let sink = Capture::lines(LINE_MAX, |line| match environment(line.bytes) {
                Some(masked) => passage.take(masked.as_bytes(), line.omitted),
                None => passage.line(line),
            });
            server.attempt(request.stdout(sink), &call).await?
        };
        let said = done.stderr();
        let ok = done.outcome.success();
        if !ok && passage.seen() == 0 {
            return Err(server.explain(&said, &done.place, &scope, Some(&resource), &call).await);
        }
        let empty = if passage.seen() == 0 {
            let narrowed = params.selector.is_some();
            Some(server.nothing(&resource.kinds(), narrowed, &scope, &done.place, &call).await?)
        } else {
            None
        };
        let unread = (!ok).then(|| Untrusted::line(&said));
        Ok(Described { scope: done.place, resource: resource.shown(), empty, unread, description: passage.finish() })
    }
}

/// kubectl describes everything but Secrets: it would print tokens and copies of values in annotations.
fn argv(params: &Params, scope: &Scope, resource: &Resource) -> Result<Argv> {
    let secrets = resource.has_secrets();
    if secrets && resource.kind().is_none() {
        return Err(ToolError::invalid("secrets are described by themselves").hint("describe one kind at a time"));
    }
    let mut argv = argv::verb(if secrets { "get" } else { "describe" }, scope, Reach::All)?;
    if secrets {
        argv = argv.literal("--output=json");
    }
    resource.on(argv::optional(argv, "--selector", "selector", params.selector.as_deref())?)
}

/// A line of kubectl's about an environment variable whose value should not be seen, without it: `      API_TOKEN:   abc`.
fn environment(line: &[u8]) -> Option<String> {
    let line = std::str::from_utf8(line).ok().filter(|line| line.starts_with("      "))?;
    let (name, value) = line.split_once(':')?;
    let plain = value.trim_start();
    if plain.is_empty() || name.trim_start().contains(char::is_whitespace) {
        return None;
    }
    let masked = mask::variable(name.trim_start(), plain)?;
    Some(format!("{name}:{}{masked}", &value[..value.len() - plain.len()]))
}

/// A masked Secret in the manner of kubectl.
fn secret(value: &Value) -> String {
    let mut out = String::new();
    let at = |path: &str| value.pointer(path).and_then(Value::as_str).unwrap_or("<none>");
    for (label, path) in [("Name", "/metadata/name"), ("Namespace", "/metadata/namespace"), ("Type", "/type")] {
        let _ = writeln!(out, "{label}: {}", at(path));
    }
    let age = at("/metadata/creationTimestamp");
    let _ = writeln!(out, "Created: {age}");
    for (label, path) in [("Labels", "/metadata/labels"), ("Annotations", "/metadata/annotations"), ("Data", "/data")] {
        let Some(Value::Object(fields)) = value.pointer(path) else { continue };
        let _ = writeln!(out, "{label}:");
        for (key, value) in fields {
            let _ = writeln!(out, "  {key}: {}", value.as_str().unwrap_or_default());
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::argv::tests::words;

    fn words_of(params: Value) -> Result<Vec<String>> {
        let params: Params = serde_json::from_value(params).unwrap();
        let scope = Scope::new(params.context.as_deref(), params.namespace.as_deref(), false)?;
        let resource = Resource::new(&params.resource, params.name.as_deref())?;
        argv(&params, &scope, &resource).map(|argv| words(&argv))
    }

    #[test]
    fn its_arguments() {
        for (params, expected) in [
            (serde_json::json!({"resource": "pod/web"}), "describe pod web"),
            (
                serde_json::json!({"resource": "pods", "namespace": "*", "selector": "a=b"}),
                "describe --all-namespaces --selector=a=b pods",
            ),
            (serde_json::json!({"resource": "nodes", "name": "n", "context": "c"}), "describe --context=c nodes n"),
            (serde_json::json!({"resource": "secret/x", "namespace": "n"}), "get --namespace=n --output=json secret x"),
            (serde_json::json!({"resource": "SECRETS.v1."}), "get --output=json SECRETS.v1."),
        ] {
            assert_eq!(words_of(params).unwrap().join(" "), expected);
        }
        assert!(words_of(serde_json::json!({"resource": "pods,secrets"})).is_err());
    }

    #[test]
    fn variables_that_are_named_as_secrets_are_masked() {
        let masked = environment(b"      API_TOKEN:              tok3ntok3n99").unwrap();
        assert!(masked.starts_with("      API_TOKEN:              [") && !masked.contains("tok3n"), "{masked}");
        for line in ["      MODE:  fast", "      API_TOKEN:", "Name: x", "      Limits:"] {
            assert_eq!(environment(line.as_bytes()), None, "{line}");
        }
    }

    #[test]
    fn a_secret_is_described_by_its_keys() {
        let mut object = serde_json::json!({
            "kind": "Secret", "type": "Opaque", "metadata": {"name": "s", "namespace": "n", "labels": {"a": "b"}},
            "data": {"token": "aHVudGVyMg=="}
        });
        mask::clean(&mut object);
        let text = secret(&object);
        assert!(text.contains("Name: s\n") && text.contains("Data:\n  token: [masked: 7 bytes]\n"), "{text}");
    }
}
