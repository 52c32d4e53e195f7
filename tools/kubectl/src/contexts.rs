//! What the kubeconfig says about contexts, as kubectl itself merges it. Secrets are not in what is asked for.

use std::{env, ffi::OsString, path::PathBuf, sync::Arc, time::SystemTime};

use serde::Deserialize;
use shared::{
    Call, Code, Result, ToolError, Untrusted,
    exec::{Argv, Capture, Ended, Exit},
    near,
};
use tokio::sync::Mutex;

use crate::{
    Kubectl, failure,
    run::QUICK,
    scope::{Namespace, Place, Scope},
};

/// Where a pod finds the namespace of its service account.
const POD_NAMESPACE: &str = "/var/run/secrets/kubernetes.io/serviceaccount/namespace";
/// The most bytes of a kubeconfig that are read; certificates are left out of them.
const CONFIG_MAX: usize = 4 << 20;
/// The most contexts an error lists.
const LISTED: usize = 20;

/// The contexts of the kubeconfig.
#[derive(Debug, Default, Deserialize)]
pub struct Contexts {
    #[serde(rename = "current-context", default)]
    current: String,
    #[serde(default)]
    contexts: Option<Vec<Named>>,
}

#[derive(Debug, Deserialize)]
struct Named {
    name: String,
    #[serde(default)]
    context: Inner,
}

#[derive(Debug, Default, Deserialize)]
struct Inner {
    #[serde(default)]
    namespace: String,
}

/// The contexts as they were read last, and of which files. Whoever reads holds the lock: many calls at once wait for one reading.
#[derive(Default)]
pub struct Cache(Mutex<Option<(Stamp, Arc<Contexts>)>>);

/// The files of the kubeconfig and how they looked.
type Stamp = Vec<(PathBuf, Option<(SystemTime, u64)>)>;

impl Contexts {
    fn all(&self) -> &[Named] {
        self.contexts.as_deref().unwrap_or_default()
    }

    /// Where `scope` leads.
    pub fn place(&self, scope: &Scope) -> Result<Place> {
        let name = scope.context().unwrap_or(&self.current);
        let found = self.all().iter().find(|context| context.name == name);
        let Some(own) = self.own_namespace(scope) else {
            return Err(scope.context().map_or_else(|| self.nothing(), |name| self.unknown(name)));
        };
        Ok(Place {
            context: found.map(|found| Untrusted::line(&found.name)),
            namespace: match scope.namespace() {
                Namespace::Own => Some(Untrusted::line(&own)),
                Namespace::Named(name) => Some(Untrusted::line(name)),
                Namespace::All => None,
            },
            all_namespaces: *scope.namespace() == Namespace::All,
        })
    }

    /// The namespace of the context that `scope` leads to.
    pub fn own_namespace(&self, scope: &Scope) -> Option<String> {
        let name = scope.context().unwrap_or(&self.current);
        let own = match self.all().iter().find(|context| context.name == name) {
            Some(found) => found.context.namespace.clone(),
            None if scope.context().is_none() && in_pod() => pod_namespace().unwrap_or_default(),
            None => return None,
        };
        Some(if own.is_empty() { String::from("default") } else { own })
    }

    /// The names of all contexts.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.all().iter().map(|context| context.name.as_str())
    }

    /// The context that is used when none is named.
    pub fn current(&self) -> &str {
        &self.current
    }

    fn list(&self) -> String {
        let shown: Vec<String> =
            self.names().take(LISTED).map(|name| Untrusted::line(name).quoted().to_string()).collect();
        let more = self.all().len().saturating_sub(LISTED);
        let tail = if more > 0 { format!(" and {more} more") } else { String::new() };
        format!("{}{tail}", shown.join(", "))
    }

    fn unknown(&self, name: &str) -> ToolError {
        let error =
            ToolError::new(Code::NotFound, format!("the kubeconfig has no context {}", Untrusted::line(name).quoted()));
        if self.all().is_empty() {
            return error.hint("it has none at all: leave context out in a pod, or correct KUBECONFIG");
        }
        let near = near::names(name, self.names());
        let guess = match near.first() {
            Some(near) => format!("did you mean {}? ", Untrusted::line(near).quoted()),
            None => String::new(),
        };
        error.hint(format!("{guess}contexts: {}", self.list()))
    }

    fn nothing(&self) -> ToolError {
        if self.all().is_empty() {
            let error = ToolError::new(Code::Unavailable, "there is no kubeconfig with a context, and this is no pod");
            let files = files(env::var_os("KUBECONFIG"), None);
            if !files.is_empty() && !files.iter().any(|file| file.exists()) {
                return error.hint("KUBECONFIG is set and names no file that is there: have the operator correct it");
            }
            return error.hint("have the operator set KUBECONFIG to a kubeconfig file, or put one at ~/.kube/config");
        }
        ToolError::new(Code::Unavailable, "the kubeconfig names no current context that it has")
            .hint(format!("pass context, one of {}", self.list()))
    }
}

/// Whether kubectl would use the service account of a pod when there is no kubeconfig.
pub fn in_pod() -> bool {
    env::var_os("KUBERNETES_SERVICE_HOST").is_some_and(|host| !host.is_empty())
}

fn pod_namespace() -> Option<String> {
    let named = env::var("POD_NAMESPACE").ok().filter(|name| !name.is_empty());
    named.or_else(|| std::fs::read_to_string(POD_NAMESPACE).ok().map(|name| name.trim().to_owned()))
}

/// The files kubectl merges.
fn files(kubeconfig: Option<OsString>, home: Option<OsString>) -> Vec<PathBuf> {
    match kubeconfig.filter(|value| !value.is_empty()) {
        Some(list) => env::split_paths(&list).filter(|path| !path.as_os_str().is_empty()).collect(),
        None => home.map(|home| PathBuf::from(home).join(".kube/config")).into_iter().collect(),
    }
}

fn stamp() -> Stamp {
    let seen = |path: PathBuf| {
        let look = std::fs::metadata(&path).ok().and_then(|meta| Some((meta.modified().ok()?, meta.len())));
        (path, look)
    };
    files(env::var_os("KUBECONFIG"), env::var_os("HOME")).into_iter().map(seen).collect()
}

impl Kubectl {
    /// The contexts of the kubeconfig; read again only when one of its files has changed.
    pub async fn contexts(&self, call: &Call) -> Result<Arc<Contexts>> {
        let stamp = stamp();
        let mut cached = tokio::select! {
            cached = self.contexts.0.lock() => cached,
            () = call.cancellation().cancelled() => return Err(call.stopped()),
        };
        if let Some((seen, contexts)) = cached.as_ref()
            && *seen == stamp
        {
            return Ok(contexts.clone());
        }
        let argv = Argv::new().literal("config").literal("view").literal("--output=json");
        let outcome =
            self.start(argv, None, Capture::Whole { max: CONFIG_MAX }, Capture::default(), QUICK, call).await?;
        match (outcome.ended, outcome.exit) {
            (Ended::TimedOut, _) => {
                return Err(ToolError::new(
                    Code::Timeout,
                    format!("kubectl did not read the kubeconfig in {} s", QUICK.as_secs()),
                )
                .hint(
                    "too much may run where this server runs, or the file lies on a file system that hangs: try again",
                ));
            }
            (_, Exit::Signal(signal)) => return Err(failure::killed(signal)),
            _ => {}
        }
        if !outcome.success() {
            return Err(ToolError::new(Code::Unavailable, "the kubeconfig cannot be read")
                .hint("have the operator correct the file that KUBECONFIG names, or ~/.kube/config")
                .with_said(outcome.stderr_end()));
        }
        let contexts: Contexts = serde_json::from_slice(&outcome.stdout.head).map_err(|error| {
            ToolError::internal(format!("kubectl's view of the kubeconfig is not understood: {error}"))
        })?;
        let contexts = Arc::new(contexts);
        *cached = Some((stamp, contexts.clone()));
        Ok(contexts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contexts() -> Contexts {
        serde_json::from_str(
            r#"{"current-context": "prod", "clusters": null, "contexts": [
                {"name": "prod", "context": {"cluster": "c", "user": "u", "namespace": "shop"}},
                {"name": "stage", "context": {"cluster": "c", "user": "u"}}]}"#,
        )
        .unwrap()
    }

    fn place(context: Option<&str>, namespace: Option<&str>, all: bool) -> Result<String> {
        contexts().place(&Scope::new(context, namespace, all).unwrap()).map(|place| place.shown())
    }

    #[test]
    fn unset_is_the_context_s_own() {
        assert_eq!(place(None, None, false).unwrap(), "context `prod`, namespace `shop`");
        assert_eq!(place(Some("stage"), None, false).unwrap(), "context `stage`, namespace `default`");
        assert_eq!(place(None, Some("x"), false).unwrap(), "context `prod`, namespace `x`");
        assert_eq!(place(None, None, true).unwrap(), "context `prod`, all namespaces");
    }

    #[test]
    fn an_unknown_context_is_answered_with_those_there_are() {
        let error = place(Some("staging"), None, false).unwrap_err();
        assert_eq!(error.code(), Code::NotFound);
        assert_eq!(error.next_step(), Some("did you mean `stage`? contexts: `prod`, `stage`"));
    }

    #[test]
    fn no_more_contexts_are_listed_than_help() {
        let many: Vec<_> = (0..LISTED + 5).map(|n| serde_json::json!({"name": format!("c{n}")})).collect();
        let contexts: Contexts = serde_json::from_value(serde_json::json!({"contexts": many})).unwrap();
        let list = contexts.list();
        assert!(list.ends_with("`c19` and 5 more"), "{list}");
    }

    #[test]
    fn the_files_are_those_kubectl_reads() {
        assert_eq!(files(Some("/a:/b".into()), Some("/h".into())), [PathBuf::from("/a"), PathBuf::from("/b")]);
        assert_eq!(files(Some("".into()), Some("/h".into())), [PathBuf::from("/h/.kube/config")]);
        assert!(files(None, None).is_empty());
    }
}
