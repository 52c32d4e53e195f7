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

use self::eval::Work;

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

    /// The template as a printer of one item of a List after the other, if it looks at each by itself and at nothing else.
    pub fn by_item(&self) -> Option<ByItem<'_>> {
        let alone = |steps: &[Step]| match steps {
            [
                Step::Field(items),
                Step::Slice { from: None, to: None, step: None, index: false } | Step::Filter(..),
                ..,
            ] => items == "items",
            _ => false,
        };
        let at = self.0.iter().position(|part| !matches!(part, Part::Text(_)))?;
        let (before, rest) = self.0.split_at(at);
        let (part, after) = rest.split_first()?;
        let fits = match part {
            Part::Path(steps) | Part::Range(steps, _) => alone(steps),
            Part::Text(_) => false,
        };
        let text = |parts: &[Part]| -> Option<String> {
            let words = parts.iter().map(|part| match part {
                Part::Text(text) => Some(text.as_str()),
                // `{"\n"}` after a path is as good as text.
                Part::Path(steps) => match steps.as_slice() {
                    [Step::Constant(Value::String(text))] => Some(text.as_str()),
                    _ => None,
                },
                Part::Range(..) => None,
            });
            words.collect()
        };
        let (out, after) = (text(before)?, text(after)?);
        fits.then_some(ByItem { part, out, after, any: false, work: Work::default() })
    }

    /// What the template prints of `value`.
    pub fn print(&self, value: &Value) -> Result<String> {
        let mut out = String::new();
        print::parts(&mut out, &self.0, value, PRINTED_MAX, &Work::default()).map_err(failed)?;
        Ok(out)
    }
}

/// A template that is printed item by item: no more than one has to be at hand.
pub struct ByItem<'t> {
    part: &'t Part,
    out: String,
    after: String,
    any: bool,
    work: Work,
}

impl ByItem<'_> {
    /// Prints an item.
    pub fn item(&mut self, item: Value) -> Result<()> {
        let list = serde_json::json!({ "items": [item] });
        if let Part::Path(steps) = self.part {
            if eval::path(steps, &list, &self.work).map_err(failed)?.is_empty() {
                return Ok(());
            }
            if self.any {
                self.out.push(' ');
            }
            self.any = true;
        }
        print::parts(&mut self.out, std::slice::from_ref(self.part), &list, PRINTED_MAX, &self.work).map_err(failed)
    }

    /// All that was printed.
    pub fn finish(self) -> String {
        self.out + &self.after
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
        let found = eval::path(&self.0, value, &Work::default()).map_err(failed)?;
        if found.is_empty() {
            return Ok(String::from("<none>"));
        }
        let mut out = String::new();
        for (at, value) in found.iter().enumerate() {
            if at > 0 {
                out.push(',');
            }
            out.push_str(&print::go(value));
            print::within(&out, PRINTED_MAX).map_err(failed)?;
        }
        Ok(out)
    }
}

fn failed(why: String) -> ToolError {
    ToolError::invalid(format!("the path does not fit the objects: {why}"))
        .hint("look at one object with output=yaml first")
}

#[cfg(test)]
mod tests;
