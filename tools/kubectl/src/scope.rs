//! Where a call looks: context and namespace.

use schemars::JsonSchema;
use serde::Serialize;
use shared::{Result, ToolError, Untrusted, exec::Argv};

/// What a caller said about namespaces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Namespace {
    /// Nothing: the context's own.
    Own,
    /// This one.
    Named(String),
    /// All of them.
    All,
}

/// What the command that is called knows of namespaces. A flag it has not is never added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// It takes `--namespace` and `--all-namespaces`.
    All,
    /// It takes `--namespace` only.
    One,
    /// Namespaces mean nothing to it.
    Cluster,
}

/// Context and namespace as the caller gave them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scope {
    context: Option<String>,
    namespace: Namespace,
}

impl Scope {
    /// Reads the parameters `context`, `namespace` and `all_namespaces`.
    pub fn new(context: Option<&str>, namespace: Option<&str>, all: bool) -> Result<Self> {
        let namespace = match namespace {
            Some("-A" | "*" | "--all-namespaces") => Namespace::All,
            None | Some("") if all => Namespace::All,
            None | Some("") => Namespace::Own,
            Some(_) if all => {
                return Err(
                    ToolError::invalid("namespace and all_namespaces exclude each other").hint("pass one of them")
                );
            }
            Some(name) => Namespace::Named(label(name)?),
        };
        let context = context.filter(|context| !context.is_empty()).map(str::to_owned);
        if context.as_deref().is_some_and(|context| context.chars().any(char::is_control)) {
            return Err(ToolError::invalid("context holds a control character").hint("pass the name of a context"));
        }
        Ok(Self { context, namespace })
    }

    /// What the caller said about namespaces.
    pub fn namespace(&self) -> &Namespace {
        &self.namespace
    }

    /// The context the caller named.
    pub fn context(&self) -> Option<&str> {
        self.context.as_deref()
    }

    /// The same context, whatever namespace.
    #[must_use]
    pub fn everywhere(&self) -> Self {
        Self { context: self.context.clone(), namespace: Namespace::All }
    }

    /// Adds its flags to `argv`, as far as the command has them.
    pub fn on(&self, argv: Argv, reach: Reach) -> Result<Argv> {
        let argv = match &self.context {
            Some(context) => argv.flag_value("--context", context)?,
            None => argv,
        };
        match (&self.namespace, reach) {
            (Namespace::Own, _) | (_, Reach::Cluster) => Ok(argv),
            (Namespace::Named(name), _) => argv.flag_value("--namespace", name),
            (Namespace::All, Reach::All) => Ok(argv.literal("--all-namespaces")),
            (Namespace::All, Reach::One) => Err(ToolError::invalid("this works in one namespace at a time")
                .hint("pass the name of a namespace, or leave it out for the context's own")),
        }
    }
}

/// The name of a namespace: a DNS label.
fn label(name: &str) -> Result<String> {
    let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let fits = name.len() <= 63
        && name.starts_with(inner)
        && name.ends_with(inner)
        && name.chars().all(|c| inner(c) || c == '-');
    if fits {
        return Ok(name.to_owned());
    }
    Err(ToolError::invalid("namespace is not the name of a namespace")
        .hint("pass lowercase letters, digits and dashes; all namespaces are all_namespaces=true"))
}

/// The scope that was really used: the first thing every answer says.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Place {
    /// The context; absent in a pod with its service account.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub context: Option<Untrusted>,
    /// The namespace; absent when all were looked into or it means nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<Untrusted>,
    /// Whether all namespaces were looked into.
    pub all_namespaces: bool,
}

impl Place {
    /// In a line of ours.
    pub fn shown(&self) -> String {
        let context = match &self.context {
            Some(context) => format!("context {}", context.quoted()),
            None => String::from("the pod's service account"),
        };
        match &self.namespace {
            _ if self.all_namespaces => format!("{context}, all namespaces"),
            Some(namespace) => format!("{context}, namespace {}", namespace.quoted()),
            None => context,
        }
    }

    /// The same without a namespace, for what has none.
    #[must_use]
    pub fn cluster_wide(self) -> Self {
        Self { namespace: None, all_namespaces: false, ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flags(context: Option<&str>, namespace: Option<&str>, all: bool, reach: Reach) -> Result<Vec<String>> {
        let argv = Scope::new(context, namespace, all)?.on(Argv::new(), reach)?;
        Ok(argv.args().into_iter().map(|word| word.into_string().unwrap()).collect())
    }

    #[test]
    fn each_scope_has_its_flags_and_no_command_gets_one_it_has_not() {
        for (context, namespace, all, reach, expected) in [
            (None, None, false, Reach::All, &[][..]),
            (None, Some(""), false, Reach::All, &[]),
            (Some("c"), Some("n"), false, Reach::All, &["--context=c", "--namespace=n"]),
            (Some("-x"), None, false, Reach::One, &["--context=-x"]),
            (None, None, true, Reach::All, &["--all-namespaces"]),
            (None, Some("-A"), false, Reach::All, &["--all-namespaces"]),
            (None, Some("*"), true, Reach::All, &["--all-namespaces"]),
            (None, None, true, Reach::Cluster, &[]),
            (None, Some("n"), false, Reach::Cluster, &[]),
        ] {
            assert_eq!(flags(context, namespace, all, reach).unwrap(), expected, "{context:?} {namespace:?} {all}");
        }
        for (context, namespace, all, reach) in [
            (None, Some("n"), true, Reach::All),
            (None, None, true, Reach::One),
            (None, Some("*"), false, Reach::One),
            (None, Some("-n"), false, Reach::All),
            (None, Some("n-"), false, Reach::All),
            (None, Some(&"n".repeat(64)), false, Reach::All),
            (None, Some("a b"), false, Reach::All),
            (None, Some("N"), false, Reach::All),
            (None, Some("n\n"), false, Reach::All),
            (Some("a\nb"), None, false, Reach::All),
            (Some("a\0b"), None, false, Reach::All),
        ] {
            assert!(flags(context, namespace, all, reach).is_err(), "{context:?} {namespace:?} {all}");
        }
    }
}
