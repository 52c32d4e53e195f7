//! `kubectl_get`: objects as a table, as YAML or JSON, by name, by path.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use shared::{
    Annotations, Answer, Call, Code, Lines, List, Read, Records, Result, Text, Tool, ToolError, Untrusted,
    exec::{Argv, Capture},
};

use crate::{
    Kubectl, argv,
    document::{Document, Gathering, member_of},
    form::Form,
    items::{self, End, Items},
    jsonpath::Template,
    names::Names,
    order,
    resource::Resource,
    run::{Done, Request},
    scope::{Place, Reach, Scope},
    table::{LINE_MAX, Reader, Table},
};

/// The most JSON, masked, that a template is evaluated on.
const TEMPLATE_MAX: usize = 1 << 20;
/// The tool.
pub struct Get;

/// Parameters.
#[derive(Clone, Deserialize, JsonSchema)]
pub struct Params {
    /// Kind, kinds with commas, or kind/name.
    resource: String,
    /// One object.
    name: Option<String>,
    /// Default: the context's own.
    namespace: Option<String>,
    /// Every namespace.
    #[serde(default)]
    all_namespaces: bool,
    /// Label selector.
    selector: Option<String>,
    /// Field selector: `status.phase=Pending`.
    field_selector: Option<String>,
    /// wide (default), yaml, json, name, jsonpath=…, custom-columns=….
    output: Option<String>,
    /// JSONPath to sort by: `.metadata.creationTimestamp`.
    sort_by: Option<String>,
    /// Kubeconfig context.
    context: Option<String>,
}

/// The answer.
#[derive(Serialize, JsonSchema)]
pub struct Found {
    /// Where was looked.
    scope: Place,
    /// What was asked for.
    resource: String,
    /// Why there is nothing, where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    empty: Option<String>,
    /// What could not be read, in kubectl's words; the rest is below.
    #[serde(skip_serializing_if = "Option::is_none")]
    unread: Option<Untrusted>,
    /// Objects that are missing because they are nested too deep to be read.
    #[serde(skip_serializing_if = "is_zero")]
    too_deep: u64,
    /// Warnings of the API server.
    #[serde(skip_serializing_if = "Option::is_none")]
    warnings: Option<Untrusted>,
    /// What was found, in the form asked for.
    #[serde(flatten)]
    result: Objects,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Objects {
    /// A table.
    Rows(Table),
    /// Names with their kind.
    Names(Records<Untrusted>),
    /// The objects.
    Whole(Document),
    /// What the template printed.
    Text(Lines),
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference")]
fn is_zero(count: &u64) -> bool {
    *count == 0
}

impl Answer for Found {
    fn text(&self, text: &mut Text<'_>) {
        text.line(format_args!("{}: {}", self.scope.shown(), self.resource));
        match (&self.empty, &self.result) {
            (Some(empty), _) => text.line(empty),
            (None, Objects::Rows(table)) => table.write(text),
            (None, Objects::Names(names)) => text.records(names, |name, inside| name.inside(inside).to_owned()),
            (None, Objects::Whole(document)) => document.text(text),
            (None, Objects::Text(lines)) => text.lines(lines),
        }
        if let Some(unread) = &self.unread {
            text.line("could not look everywhere:");
            text.framed(|inside| unread.inside(inside).to_owned());
        }
        if self.too_deep > 0 {
            text.line(format_args!(
                "{} more objects are nested too deep to be read here: see output wide or name, or kubectl_describe",
                self.too_deep
            ));
        }
        if let Some(warnings) = &self.warnings {
            text.framed(|inside| warnings.inside(inside).to_owned());
        }
    }

    fn lists(&mut self) -> Vec<&mut dyn List> {
        vec![match &mut self.result {
            Objects::Rows(table) => table.list(),
            Objects::Names(names) => names,
            Objects::Whole(document) => document,
            Objects::Text(lines) => lines,
        }]
    }
}

impl Tool for Get {
    const NAME: &'static str = "kubectl_get";
    const TITLE: &'static str = "Get objects";
    const DESCRIPTION: &'static str =
        "Objects of a kind as table, YAML, JSON, names or paths. Values of Secrets are masked.";
    const EXAMPLE: &'static str = "resource=pods all_namespaces=true";
    const ANNOTATIONS: Annotations = Annotations::READ_REMOTE;
    const PAGED: bool = true;
    const ALIASES: &'static [(&'static str, &'static str)] = &[
        ("allNamespaces", "all_namespaces"),
        ("labelSelector", "selector"),
        ("label_selector", "selector"),
        ("fieldSelector", "field_selector"),
        ("sortBy", "sort_by"),
        ("ns", "namespace"),
    ];

    type Access = Read;
    type Server = Kubectl;
    type Params = Params;
    type Output = Found;

    async fn run(server: Arc<Kubectl>, params: Params, call: Call) -> Result<Found> {
        let asked = Asked::read(&params)?;
        let Fetched { done, seen, too_deep, result } = asked.fetch(&server, &call).await?;
        let said = done.stderr();
        // With several kinds, kubectl prints those it got and fails for the others.
        let seen = seen + too_deep;
        if !done.outcome.success() && seen == 0 {
            return Err(server.explain(&said, &done.place, &asked.scope, Some(&asked.resource), &call).await);
        }
        let unread = (!done.outcome.success()).then(|| Untrusted::line(&said));
        if seen == 0 && params.sort_by.is_some() {
            let unsorted = Params { sort_by: None, ..params.clone() };
            let argv = argv(&unsorted, &asked.scope, &asked.resource, &Form::Name)?;
            order::fits(&server, Request::new(argv, &asked.scope).about(&asked.resource), &call).await?;
        }
        let empty = if seen == 0 {
            Some(server.nothing(&asked.resource.kinds(), narrowed(&params), &asked.scope, &done.place, &call).await?)
        } else {
            None
        };
        let warnings: Vec<&str> = said.lines().filter(|line| line.starts_with("Warning:")).collect();
        let warnings = (unread.is_none() && !warnings.is_empty()).then(|| Untrusted::line(&warnings.join(" ")));
        Ok(Found { scope: done.place, resource: asked.resource.shown(), empty, unread, too_deep, warnings, result })
    }
}

/// What was fetched.
struct Fetched {
    done: Done,
    /// Objects that were read.
    seen: u64,
    /// Objects that were not.
    too_deep: u64,
    result: Objects,
}

/// The parameters, read.
struct Asked {
    scope: Scope,
    resource: Resource,
    form: Form,
    argv: Argv,
}

impl Asked {
    fn read(params: &Params) -> Result<Self> {
        let scope = Scope::new(params.context.as_deref(), params.namespace.as_deref(), params.all_namespaces)?;
        let resource = Resource::new(&params.resource, params.name.as_deref())?;
        if resource.name().is_some() && params.all_namespaces {
            return Err(ToolError::invalid("a name goes with one namespace")
                .hint("to look for a name everywhere, pass field_selector=metadata.name=NAME and no name"));
        }
        let form = Form::read(params.output.as_deref())?;
        let argv = argv(params, &scope, &resource, &form)?;
        Ok(Self { scope, resource, form, argv })
    }

    /// Calls kubectl and reads what it prints: how many objects there were, and those of the page.
    async fn fetch(&self, server: &Kubectl, call: &Call) -> Result<Fetched> {
        let page = call.page_following()?;
        let request = Request::new(self.argv.clone(), &self.scope).about(&self.resource);
        match &self.form {
            Form::Wide => {
                let mut reader = Reader::new(page);
                let done =
                    server.attempt(request.stdout(Capture::lines(LINE_MAX, |line| reader.line(line))), call).await?;
                Ok(Fetched { done, seen: reader.seen(), too_deep: 0, result: Objects::Rows(reader.finish("rows")?) })
            }
            Form::Name => {
                let mut names = Names::new(page);
                let sink = Capture::lines(LINE_MAX, |line| names.line(line.bytes));
                let done = server.attempt(request.stdout(sink), call).await?;
                let seen = names.seen();
                Ok(Fetched { done, seen, too_deep: 0, result: Objects::Names(names.finish()?) })
            }
            Form::Objects(notation) => {
                let mut gathering = Gathering::new(page);
                let (done, End { single, deep }) =
                    objects(server, request, call, |value| gathering.take(value)).await?;
                let seen = gathering.seen();
                Ok(Fetched { done, seen, too_deep: deep, result: Objects::Whole(gathering.finish(*notation, single)?) })
            }
            Form::Columns(columns) => {
                let mut reader = Reader::columns(page, columns.iter().map(|(name, _)| name.clone()).collect());
                let mut wrong = None;
                let (done, end) = objects(server, request, call, |value| {
                    let cells = || columns.iter().map(|(_, path)| path.print(&value)).collect();
                    if let Err(error) = reader.row(member_of(&value), cells) {
                        wrong.get_or_insert(error);
                    }
                })
                .await?;
                match wrong {
                    Some(error) => Err(error),
                    None => {
                        let (seen, rows) = (reader.seen(), Objects::Rows(reader.finish("rows")?));
                        Ok(Fetched { done, seen, too_deep: end.deep, result: rows })
                    }
                }
            }
            Form::Template(template) => self.template(template, server, request, call).await,
        }
    }

    async fn template(
        &self,
        template: &Template,
        server: &Kubectl,
        request: Request<'_>,
        call: &Call,
    ) -> Result<Fetched> {
        if let Some(mut by_item) = template.by_item().filter(|_| self.resource.name().is_none()) {
            let (mut seen, mut wrong) = (0_u64, None);
            let (done, end) = objects(server, request, call, |value| {
                seen += 1;
                if wrong.is_none() {
                    wrong = by_item.item(value).err();
                }
            })
            .await?;
            return match wrong {
                Some(error) => Err(error),
                None => {
                    let result = printed(&by_item.finish(), seen, call)?;
                    Ok(Fetched { done, seen, too_deep: end.deep, result })
                }
            };
        }
        let (mut all, mut size, mut seen) = (Vec::new(), 0, 0_u64);
        let (done, End { single, deep }) = objects(server, request, call, |value| {
            seen += 1;
            size += value.to_string().len();
            if size <= TEMPLATE_MAX {
                all.push(value);
            } else {
                all = Vec::new();
            }
        })
        .await?;
        if size > TEMPLATE_MAX {
            return Err(ToolError::new(
                Code::TooLarge,
                format!("{seen} objects of {} KiB are more than this template is evaluated on", size >> 10),
            )
            .hint("look at each item by itself ({range .items[*]}…{end}, or custom-columns), which takes any number, or narrow it by selector"));
        }
        let value = match (single, all.pop()) {
            (true, Some(object)) => object,
            (_, last) => {
                all.extend(last);
                serde_json::json!({ "apiVersion": "v1", "items": all, "kind": "List", "metadata": { "resourceVersion": "" } })
            }
        };
        let text = if seen == 0 { String::new() } else { template.print(&value)? };
        Ok(Fetched { done, seen, too_deep: deep, result: printed(&text, seen, call)? })
    }
}

/// What a template printed, from the page's place on; nothing of nothing.
fn printed(text: &str, seen: u64, call: &Call) -> Result<Objects> {
    let text = if seen == 0 { "" } else { text };
    Ok(Objects::Text(Lines::paged("lines", text.as_bytes(), call.page(b"")?)))
}

/// Calls kubectl and hands on the objects it prints, masked.
async fn objects(
    server: &Kubectl,
    request: Request<'_>,
    call: &Call,
    take: impl FnMut(serde_json::Value) + Send,
) -> Result<(Done, End)> {
    let mut items = Items::new(take);
    let done = server.attempt(request.stdout(Capture::lines(items::LINE_MAX, |line| items.line(line))), call).await?;
    let end = items.finish();
    // What a call printed that failed need not be whole.
    let end = if done.outcome.success() { end? } else { end.unwrap_or(End { single: false, deep: 0 }) };
    Ok((done, end))
}

fn argv(params: &Params, scope: &Scope, resource: &Resource, form: &Form) -> Result<Argv> {
    let mut argv = argv::verb("get", scope, Reach::All)?.literal(form.flag());
    argv = argv::optional(argv, "--selector", "selector", params.selector.as_deref())?;
    argv = argv::optional(argv, "--field-selector", "field_selector", params.field_selector.as_deref())?;
    if let Some(sort) = params.sort_by.as_deref().filter(|sort| !sort.is_empty()) {
        argv = argv.flag_value("--sort-by", order::read(sort, resource)?)?;
    }
    resource.on(argv)
}

fn narrowed(params: &Params) -> bool {
    params.selector.is_some() || params.field_selector.is_some()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::argv::tests::words;

    fn params(resource: &str) -> Params {
        serde_json::from_value(serde_json::json!({ "resource": resource })).unwrap()
    }

    fn words_of(params: &Params) -> Result<Vec<String>> {
        Asked::read(params).map(|asked| words(&asked.argv))
    }

    #[test]
    fn its_arguments() {
        let all = Params {
            namespace: Some("n".into()),
            selector: Some("a=b".into()),
            field_selector: Some("--raw=/".into()),
            output: Some("json".into()),
            sort_by: Some(".metadata.name".into()),
            context: Some("c".into()),
            ..params("pod/web")
        };
        let expected = "get --context=c --namespace=n --output=json --selector=a=b --field-selector=--raw=/ --sort-by=.metadata.name pod web";
        assert_eq!(words_of(&all).unwrap().join(" "), expected);
        let everywhere = Params { all_namespaces: true, ..params("pods,services") };
        assert_eq!(words_of(&everywhere).unwrap(), ["get", "--all-namespaces", "--output=wide", "pods,services"]);
        // What is evaluated here is asked for as JSON.
        for output in ["yaml", "jsonpath={.kind}", "custom-columns=A:.kind"] {
            let form = Params { output: Some(output.into()), ..params("secrets") };
            assert_eq!(words_of(&form).unwrap(), ["get", "--output=json", "secrets"], "{output}");
        }
        let name = Params { output: Some("name".into()), ..params("pods") };
        assert_eq!(words_of(&name).unwrap(), ["get", "--output=name", "pods"]);
    }

    #[test]
    fn what_is_sorted_by_is_one_line() {
        for sort in [".metadata.name\n--all", ".a\u{1b}"] {
            assert!(words_of(&Params { sort_by: Some(sort.into()), ..params("pods") }).is_err(), "{sort:?}");
        }
    }

    #[test]
    fn a_name_is_not_looked_for_everywhere() {
        assert!(words_of(&Params { all_namespaces: true, ..params("pod/web") }).is_err());
    }
}
