//! kubectl's JSONPath, evaluated on masked objects: kubectl itself would evaluate it on what it must not show.
//!
//! The whole dialect is here: text and `{actions}`, fields with escaped dots, `[n]`, slices, `*`, `..`, unions, filters, quoted text, `range` and
//! `end`. What it does not know is an error that says so. A missing key is nothing, as in `kubectl get`. Four things differ, on purpose:
//! keys of a map come in order (kubectl's order is random), a range has to be ended, an empty array among others does not end the evaluation of those behind it, and
//! `['a.b']` finds a key with a dot also when the dot is not escaped.

mod compare;
mod eval;
mod parse;
mod print;

use serde_json::Value;
use shared::{Result, ToolError};

/// A step from values to values.
#[derive(Clone, Debug, PartialEq)]
enum Step {
    /// `"text"`: whatever came before, the text.
    Constant(Value),
    /// `.name`
    Field(String),
    /// `['name']`: the key as it is, or else the steps it reads as.
    Key(String, Vec<Step>),
    /// `*`
    Wildcard,
    /// `..`
    Descend,
    /// `[from:to:step]`; an index is a slice of one.
    Slice { from: Option<i64>, to: Option<i64>, step: Option<i64>, index: bool },
    /// `[a,b]`
    Union(Vec<Vec<Step>>),
    /// `[?(left op right)]`, or that `left` exists.
    Filter(Vec<Step>, Option<(Operator, Vec<Step>)>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operator {
    Less,
    Greater,
    Equal,
    NotEqual,
    LessEqual,
    GreaterEqual,
}

/// A part of a template.
#[derive(Clone, Debug, PartialEq)]
enum Part {
    Text(String),
    Path(Vec<Step>),
    Range(Vec<Step>, Vec<Part>),
}

/// A template.
#[derive(Clone, Debug, PartialEq)]
pub struct Template(Vec<Part>);

/// The most bytes a template may print before it is stopped.
const PRINTED_MAX: usize = 4 << 20;

impl Template {
    /// Reads the template of `jsonpath=…`.
    pub fn read(text: &str) -> Result<Self> {
        let wrong = |why: String| {
            ToolError::invalid(format!("the jsonpath is not understood: {why}")).hint(
                "for example jsonpath={.items[*].metadata.name}, or {range .items[*]}{.metadata.name}{\"\\n\"}{end}",
            )
        };
        if !text.contains('{') {
            return Err(wrong(String::from("it has no braces, and a path stands in braces")));
        }
        parse::template(text).map(Self).map_err(wrong)
    }

    /// What the template prints of `value`.
    pub fn print(&self, value: &Value) -> Result<String> {
        let mut out = String::new();
        print::parts(&mut out, &self.0, value, PRINTED_MAX).map_err(failed)?;
        Ok(out)
    }
}

/// A path of one column.
#[derive(Clone, Debug, PartialEq)]
pub struct Path(Vec<Step>);

impl Path {
    /// Reads a path in any of the spellings custom columns take: `.a.b`, `a.b`, `{.a.b}`, `{a.b}`.
    pub fn read(text: &str) -> Result<Self> {
        let inner = text.strip_prefix('{').and_then(|text| text.strip_suffix('}')).unwrap_or(text);
        let inner = inner.strip_prefix('.').unwrap_or(inner);
        let wrong = |why: String| {
            ToolError::invalid(format!("a path of custom-columns is not understood: {why}"))
                .hint("for example custom-columns=NAME:.metadata.name,NODE:.spec.nodeName")
        };
        match parse::template(&format!("{{.{inner}}}")).map_err(wrong)?.as_slice() {
            [Part::Path(steps)] => Ok(Self(steps.clone())),
            _ => Err(wrong(String::from("it is not one path"))),
        }
    }

    /// What a column shows of `value`.
    pub fn print(&self, value: &Value) -> Result<String> {
        let found = eval::path(&self.0, value).map_err(failed)?;
        if found.is_empty() {
            return Ok(String::from("<none>"));
        }
        Ok(found.iter().map(|value| print::go(value)).collect::<Vec<_>>().join(","))
    }
}

fn failed(why: String) -> ToolError {
    ToolError::invalid(format!("the path does not fit the objects: {why}"))
        .hint("look at one object with output=yaml first")
}

#[cfg(test)]
mod tests;
