//! What a caller names: one or several kinds, or one object.

use shared::{Result, ToolError, exec::Argv};

/// The most kinds in one call.
const KINDS_MAX: usize = 12;
/// The most bytes of a name; Kubernetes allows 253 for most.
const NAME_MAX: usize = 253;

/// Kinds that lie in no namespace, by their names.
#[rustfmt::skip]
const CLUSTER_WIDE: &[&str] = &[
    "node", "nodes", "no", "namespace", "namespaces", "ns", "persistentvolume", "persistentvolumes", "pv",
    "clusterrole", "clusterroles", "clusterrolebinding", "clusterrolebindings", "storageclass", "storageclasses", "sc",
    "customresourcedefinition", "customresourcedefinitions", "crd", "crds", "apiservice", "apiservices",
    "ingressclass", "ingressclasses", "priorityclass", "priorityclasses", "pc", "runtimeclass", "runtimeclasses",
    "validatingwebhookconfiguration", "validatingwebhookconfigurations", "mutatingwebhookconfiguration",
    "mutatingwebhookconfigurations", "certificatesigningrequest", "certificatesigningrequests", "csr",
    "volumeattachment", "volumeattachments", "csinode", "csinodes", "csidriver", "csidrivers",
];

/// Kinds and, where one object is meant, its name; both of a shape that is neither a flag nor a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resource {
    kinds: Vec<String>,
    name: Option<String>,
}

impl Resource {
    /// Reads the parameters `resource` (`pods`, `deploy`, `pods,services`, `certificates.cert-manager.io`, `pod/web-0`) and `name`.
    pub fn new(resource: &str, name: Option<&str>) -> Result<Self> {
        let (kinds, inner) = match resource.split_once('/') {
            Some((kind, name)) => (kind, Some(name)),
            None => (resource, None),
        };
        let name = match (inner, name.filter(|name| !name.is_empty())) {
            (Some(inner), Some(outer)) if inner != outer => {
                return Err(ToolError::invalid("resource and name both name an object").hint("pass the name once"));
            }
            (Some(name), _) | (None, Some(name)) => Some(object_name("name", name)?),
            (None, None) => None,
        };
        let kinds: Vec<String> = kinds.split(',').map(kind).collect::<Result<_>>()?;
        if kinds.len() > KINDS_MAX {
            return Err(ToolError::invalid(format!("resource names more than {KINDS_MAX} kinds")).hint("ask for fewer"));
        }
        if name.is_some() && kinds.len() > 1 {
            return Err(ToolError::invalid("a name goes with one kind, and resource has several")
                .hint("pass one kind with a name, or leave the name out"));
        }
        Ok(Self { kinds, name })
    }

    /// The kinds as kubectl takes them: `pods,services`.
    pub fn kinds(&self) -> String {
        self.kinds.join(",")
    }

    /// The one kind, if it is one.
    pub fn kind(&self) -> Option<&str> {
        match self.kinds.as_slice() {
            [kind] => Some(kind),
            _ => None,
        }
    }

    /// The name, if one object is meant.
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// Whether Secrets are among the kinds, in any spelling kubectl takes for them: `secret`, `Secrets`, `secrets.v1.`.
    pub fn has_secrets(&self) -> bool {
        self.kinds.iter().any(|kind| {
            let plain = kind.split('.').next().unwrap_or_default();
            plain.eq_ignore_ascii_case("secret") || plain.eq_ignore_ascii_case("secrets")
        })
    }

    /// Whether all of it is known to lie in no namespace. Of a custom resource that is not known here.
    pub fn is_cluster_wide(&self) -> bool {
        self.kinds.iter().all(|kind| {
            let plain = kind.split('.').next().unwrap_or_default();
            CLUSTER_WIDE.iter().any(|known| plain.eq_ignore_ascii_case(known))
        })
    }

    /// Adds it to `argv`: the kinds and the name as two arguments.
    pub fn on(&self, argv: Argv) -> Result<Argv> {
        let argv = argv.positional("resource", self.kinds())?;
        match &self.name {
            Some(name) => argv.positional("name", name),
            None => Ok(argv),
        }
    }

    /// Adds it to `argv` as `kind/name`, for commands that want one argument. A name is needed.
    pub fn joined_on(&self, argv: Argv) -> Result<Argv> {
        match (&self.name, self.kind()) {
            (Some(name), Some(kind)) => argv.positional("resource", format!("{kind}/{name}")),
            _ => Err(ToolError::invalid("this needs one object").hint("pass resource as kind/name: deployment/web")),
        }
    }

    /// In words of ours: `pods`, or `pods/web`.
    pub fn shown(&self) -> String {
        match &self.name {
            Some(name) => format!("{}/{name}", self.kinds()),
            None => self.kinds(),
        }
    }
}

fn kind(word: &str) -> Result<String> {
    let fits = word.starts_with(|c: char| c.is_ascii_alphanumeric())
        && word.len() <= NAME_MAX
        && word.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_'));
    if fits {
        return Ok(word.to_owned());
    }
    Err(ToolError::invalid("resource is not a kind, a list of kinds with commas, or kind/name")
        .hint("for example pods, deploy, pods,services, certificates.cert-manager.io or pod/web-0; kubectl_api_resources lists kinds"))
}

/// A name that is one: no path, no flag, no list. `parameter` is what the caller knows it by.
pub fn object_name(parameter: &str, name: &str) -> Result<String> {
    // Roles and certificates have names with colons and more; what no name can have is what makes a path of it.
    let fits = !name.is_empty()
        && name.len() <= NAME_MAX
        && !name.starts_with('-')
        && name != "."
        && name != ".."
        && name.chars().all(|c| !c.is_whitespace() && !c.is_control() && !matches!(c, '/' | '%' | ',' | '\\'));
    if fits {
        return Ok(name.to_owned());
    }
    Err(ToolError::invalid(format!("{parameter} is not the name of an object"))
        .hint(format!("pass one plain name as {parameter}; a list of objects is asked for with selector")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_are_understood() {
        for (resource, name, kinds, named) in [
            ("pods", None, "pods", None),
            ("pods", Some(""), "pods", None),
            ("pod", Some("web-0"), "pod", Some("web-0")),
            ("pod/web-0", None, "pod", Some("web-0")),
            ("pod/web-0", Some("web-0"), "pod", Some("web-0")),
            ("pods,services", None, "pods,services", None),
            ("certificates.cert-manager.io", None, "certificates.cert-manager.io", None),
            ("clusterrole", Some("system:node"), "clusterrole", Some("system:node")),
        ] {
            let read = Resource::new(resource, name).unwrap();
            assert_eq!((read.kinds().as_str(), read.name()), (kinds, named), "{resource} {name:?}");
        }
    }

    #[test]
    fn what_is_neither_a_kind_nor_a_name_is_refused() {
        for (resource, name) in [
            ("", None),
            ("-f", None),
            ("--all", None),
            ("pods ", None),
            ("pods web", None),
            ("pods,", None),
            ("pods/web/exec", None),
            ("pods/", None),
            ("pods/--all", None),
            ("pods", Some("-oyaml")),
            ("pods", Some("a b")),
            ("pods", Some("..")),
            ("pods", Some("a/b")),
            ("pods", Some("a%2fb")),
            ("pods", Some("a\nb")),
            ("pods", Some("a,b")),
            ("pods/a", Some("b")),
            ("pods,services", Some("a")),
            ("https://evil", None),
            ("pods\0", None),
            ("a,b,c,d,e,f,g,h,i,j,k,l,m", None),
            (&"k".repeat(NAME_MAX + 1), None),
            ("pods", Some(&"n".repeat(NAME_MAX + 1))),
            ("pods", Some(".")),
            ("pods", Some("a\u{7}b")),
            ("pods", Some("a\\b")),
        ] {
            let error = Resource::new(resource, name).expect_err(resource);
            assert_eq!(error.code(), shared::Code::InvalidArgument, "{resource} {name:?}");
        }
    }

    #[test]
    fn what_lies_in_no_namespace_is_known() {
        for (resource, expected) in
            [("nodes", true), ("NS", true), ("node/a", true), ("crd,pv", true), ("pods", false), ("nodes,pods", false)]
        {
            assert_eq!(Resource::new(resource, None).unwrap().is_cluster_wide(), expected, "{resource}");
        }
    }

    #[test]
    fn secrets_are_known_in_every_spelling() {
        for secret in
            ["secret", "Secrets", "SECRET", "secrets.v1", "secrets.v1.", "secrets.", "pods,secret", "secret/x"]
        {
            assert!(Resource::new(secret, None).unwrap().has_secrets(), "{secret}");
        }
        assert!(!Resource::new("secretstores", None).unwrap().has_secrets());
    }
}
