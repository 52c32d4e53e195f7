//! The forms of output, as kubectl spells them, and which of them are left to kubectl.

use shared::{Code, Result, ToolError};

use crate::{
    argv,
    document::Notation,
    jsonpath::{Path, Template},
};

/// The most columns of a table made here.
const COLUMNS_MAX: usize = 40;

/// A form of output.
#[derive(Clone, Debug, PartialEq)]
pub enum Form {
    /// The table the API server makes; no value of a Secret is in it.
    Wide,
    /// Kind and name.
    Name,
    /// The objects.
    Objects(Notation),
    /// What a template prints.
    Template(Template),
    /// A table of paths.
    Columns(Vec<(String, Path)>),
}

impl Form {
    /// Reads the parameter `output`.
    pub fn read(output: Option<&str>) -> Result<Self> {
        let output = output.unwrap_or_default();
        if let Some(template) = output.strip_prefix("jsonpath=") {
            return Template::read(argv::plain("output", template)?).map(Self::Template);
        }
        if let Some(columns) = output.strip_prefix("custom-columns=") {
            return columns_of(argv::plain("output", columns)?).map(Self::Columns);
        }
        Ok(match output {
            "" | "wide" => Self::Wide,
            "name" => Self::Name,
            "yaml" => Self::Objects(Notation::Yaml),
            "json" => Self::Objects(Notation::Json),
            _ => {
                return Err(ToolError::new(Code::Unsupported, "output is none of the forms there are here")
                    .hint("wide, yaml, json, name, jsonpath=TEMPLATE or custom-columns=NAME:.path,NAME:.path"));
            }
        })
    }

    /// What kubectl is asked for. Paths are followed here, on what is masked.
    pub fn flag(&self) -> &'static str {
        match self {
            Self::Wide => "--output=wide",
            Self::Name => "--output=name",
            Self::Objects(_) | Self::Template(_) | Self::Columns(_) => "--output=json",
        }
    }
}

fn columns_of(text: &str) -> Result<Vec<(String, Path)>> {
    let column = |part: &str| {
        let (name, path) =
            part.split_once(':').filter(|(name, path)| !name.is_empty() && !path.is_empty()).ok_or_else(|| {
                ToolError::invalid("custom-columns wants NAME:.path, several apart by commas")
                    .hint("for example custom-columns=NAME:.metadata.name,NODE:.spec.nodeName")
            })?;
        Ok((name.to_owned(), Path::read(path)?))
    };
    let columns: Vec<_> = text.split(',').map(column).collect::<Result<_>>()?;
    if columns.len() > COLUMNS_MAX {
        return Err(
            ToolError::invalid(format!("custom-columns has more than {COLUMNS_MAX} columns")).hint("ask for fewer")
        );
    }
    Ok(columns)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_and_programs_are_not_among_the_forms() {
        for output in [
            "jsonpath-file=/etc/passwd",
            "jsonpath-as-json={.a}",
            "custom-columns-file=/x",
            "go-template={{.}}",
            "go-template-file=/x",
            "template=x",
            "kyaml",
            "JSON",
            "json --raw=/",
            "=",
            "-",
        ] {
            assert_eq!(Form::read(Some(output)).unwrap_err().code(), Code::Unsupported, "{output}");
        }
        for output in [
            "custom-columns=",
            "custom-columns=A",
            "custom-columns=A:",
            "custom-columns=:.a",
            "jsonpath=",
            "jsonpath={.a\n}",
            "jsonpath={.a}\n",
            "custom-columns=A\u{1b}[31m:.a",
            &format!("custom-columns={}", ["A:.a"; COLUMNS_MAX + 1].join(",")),
        ] {
            assert_eq!(Form::read(Some(output)).unwrap_err().code(), Code::InvalidArgument, "{output}");
        }
    }

    #[test]
    fn columns_are_read() {
        let Form::Columns(columns) = Form::read(Some("custom-columns=A:.a.b,B:{.c}")).unwrap() else { unreachable!() };
        let value = serde_json::json!({"a": {"b": 1}, "c": "x"});
        let read: Vec<_> = columns.iter().map(|(name, path)| (name.as_str(), path.print(&value).unwrap())).collect();
        assert_eq!(read, [("A", "1".to_owned()), ("B", "x".to_owned())]);
    }
}
