//! Which cluster is meant, and as whom: the service account of a pod first, then the usual kubeconfig rules.

use std::{
    env,
    path::{Path, PathBuf},
    time::Duration,
};

use futures_util::FutureExt as _;
use kube::{
    Config,
    config::{AuthInfo, KubeConfigOptions, Kubeconfig},
};
use serde_json::Value;
use shared::{Code, Result, ToolError, Untrusted, near, redact};

/// Where a pod finds the token of its service account.
const TOKEN: &str = "/var/run/secrets/kubernetes.io/serviceaccount/token";
/// How long a connection may take to be made.
const CONNECT: Duration = Duration::from_secs(5);
/// How long writing to a connection may stand still.
const WRITE: Duration = Duration::from_secs(15);
/// Values shorter than this are words, and not secrets, wherever they stand.
const TELLING: usize = 6;
/// The most contexts an error lists.
const LISTED: usize = 20;
/// A cluster and an identity.
pub struct Chosen {
    /// What a client is made of.
    pub config: Config,
    /// The context; nothing in a pod.
    pub context: Option<String>,
    /// Namespaces that contexts of the same cluster and user name: where an identity that may not list namespaces will have something.
    pub siblings: Vec<String>,
}

/// Whether this is a pod with a service account.
pub fn in_pod() -> bool {
    env::var_os("KUBERNETES_SERVICE_HOST").is_some_and(|host| !host.is_empty()) && Path::new(TOKEN).exists()
}

/// The cluster that `context` names, or that is meant without one.
pub async fn choose(context: Option<&str>) -> Result<Chosen> {
    let context = context.filter(|name| !name.is_empty());
    let context = context.map(str::to_owned);
    let mut chosen =
        aside(move || if context.is_none() && in_pod() { pod() } else { kubeconfig(context.as_deref()) }).await?;
    chosen.config.connect_timeout = Some(CONNECT);
    chosen.config.write_timeout = Some(WRITE);
    // What may be tried again, and for how long, is decided where it is known what was asked.
    chosen.config.default_retry = false;
    // On this machine's own loopback, compressing costs more than it saves.
    chosen.config.disable_compression |=
        matches!(chosen.config.cluster_url.host(), Some("localhost" | "127.0.0.1" | "[::1]"));
    if chosen.config.cluster_url.scheme().is_none() || chosen.config.cluster_url.host().is_none() {
        return Err(ToolError::new(Code::Unavailable, "the server of this context is no address")
            .hint("have the operator correct it in the kubeconfig: https://HOST:PORT"));
    }
    Ok(chosen)
}

fn pod() -> Result<Chosen> {
    let mut config = Config::incluster().map_err(|error| {
        ToolError::new(Code::Unavailable, "the service account of this pod cannot be used")
            .hint("mount its token and certificate, or pass context with a kubeconfig")
            .with_said(error.to_string())
    })?;
    credentials(&mut config.auth_info)?;
    Ok(Chosen { config, context: None, siblings: Vec::new() })
}

/// Reading files is for a thread that may wait.
async fn aside<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|_| ToolError::internal("the kubeconfig could not be read"))?
}

/// The kubeconfig as kubectl merges it.
fn read() -> Result<Kubeconfig> {
    let files = files();
    if files.iter().all(|file| !file.exists()) {
        let set = env::var_os("KUBECONFIG").is_some_and(|value| !value.is_empty());
        let named: Vec<String> =
            files.iter().map(|file| Untrusted::line(&file.display().to_string()).quoted().to_string()).collect();
        let why = if set {
            format!("there is no kubeconfig at {}, which KUBECONFIG names", named.join(" or "))
        } else {
            String::from("there is no kubeconfig, and this is no pod")
        };
        return Err(ToolError::new(Code::Unavailable, why)
            .hint("have the operator set KUBECONFIG to a kubeconfig file, or put one at ~/.kube/config"));
    }
    for file in &files {
        plain(file)?;
    }
    // What is wrong with it is told with lines of it, and one of them is the token's.
    Kubeconfig::read().map_err(|_| {
        ToolError::new(Code::Unavailable, "the kubeconfig cannot be read, or is not valid YAML of its kind")
            .hint("have the operator correct the file that KUBECONFIG names, or ~/.kube/config; `kubectl config view` says where it is wrong")
    })
}

/// A file that is read has to be one: a pipe would be waited for without end.
fn plain(file: &Path) -> Result<()> {
    match std::fs::metadata(file) {
        Ok(meta) if !meta.is_file() => {
            let name = Untrusted::line(&file.display().to_string());
            Err(ToolError::new(Code::Unavailable, format!("{} is no file", name.quoted()))
                .hint("have the operator correct KUBECONFIG, or what the kubeconfig names"))
        }
        _ => Ok(()),
    }
}

fn files() -> Vec<PathBuf> {
    match env::var_os("KUBECONFIG").filter(|value| !value.is_empty()) {
        Some(list) => env::split_paths(&list).filter(|path| !path.as_os_str().is_empty()).collect(),
        None => env::var_os("HOME").map(|home| PathBuf::from(home).join(".kube/config")).into_iter().collect(),
    }
}

fn kubeconfig(context: Option<&str>) -> Result<Chosen> {
    let kubeconfig = read()?;
    let name = match (context, &kubeconfig.current_context) {
        (Some(name), _) => name.to_owned(),
        (None, Some(current)) if !current.is_empty() => current.clone(),
        (None, _) => {
            let error = ToolError::new(Code::Unavailable, "the kubeconfig has no current context");
            return Err(if kubeconfig.contexts.is_empty() {
                error.hint("it has none at all: have the operator correct KUBECONFIG")
            } else {
                error.hint(format!("pass context, one of {}", listed(&kubeconfig)))
            });
        }
    };
    let Some(named) = kubeconfig.contexts.iter().find(|known| known.name == name) else {
        return Err(unknown(&name, &kubeconfig));
    };
    let siblings = siblings(named.context.as_ref(), &kubeconfig);
    let options = KubeConfigOptions { context: Some(name.clone()), ..KubeConfigOptions::default() };
    let cluster = named.context.as_ref().map(|context| context.cluster.as_str());
    let cluster = kubeconfig.clusters.iter().find(|known| Some(known.name.as_str()) == cluster);
    let authority = cluster.and_then(|known| known.cluster.as_ref()?.certificate_authority.clone());
    if let Some(file) = authority {
        plain(Path::new(&file))?;
    }
    // It only reads files, which is what this thread is for.
    let config = Config::from_custom_kubeconfig(kubeconfig, &options).now_or_never();
    let config = config.ok_or_else(|| ToolError::internal("the kubeconfig could not be read"))?;
    let mut config = config.map_err(|_| {
        ToolError::new(Code::Unavailable, format!("context {} cannot be used", Untrusted::line(&name).quoted()))
            .hint("have the operator correct its cluster and user in the kubeconfig, and the certificates they name")
    })?;
    credentials(&mut config.auth_info)?;
    Ok(Chosen { config, context: Some(name), siblings })
}

fn siblings(of: Option<&kube::config::Context>, kubeconfig: &Kubeconfig) -> Vec<String> {
    let Some(of) = of else { return Vec::new() };
    let mut names: Vec<String> = Vec::new();
    for context in kubeconfig.contexts.iter().filter_map(|named| named.context.as_ref()) {
        if context.cluster == of.cluster
            && context.user == of.user
            && let Some(namespace) = context.namespace.as_ref().filter(|name| !name.is_empty())
            && !names.contains(namespace)
        {
            names.push(namespace.clone());
        }
    }
    names
}

/// Reads the credentials that stand in files, and tells the redaction what must never leave. The kubeconfig's own form is asked, which is where
/// secrets have no wrapper.
fn credentials(auth: &mut AuthInfo) -> Result<()> {
    for file in [&auth.client_certificate, &auth.client_key, &auth.token_file].into_iter().flatten() {
        plain(Path::new(file))?;
    }
    // A token in a file ends with a line feed more often than not, which no header takes. What stands in the kubeconfig comes first.
    if let Some(file) = auth.token_file.take().filter(|_| auth.token.is_none()) {
        let token = std::fs::read_to_string(&file).map_err(|error| {
            let name = Untrusted::line(&file);
            ToolError::new(Code::Unauthenticated, format!("the token in {} cannot be read: {error}", name.quoted()))
                .hint("have the operator correct tokenFile in the kubeconfig, or mount the token")
        })?;
        auth.token = Some(token.trim().to_owned().into());
    }
    let known = serde_json::to_value(&*auth).unwrap_or_default();
    let own = ["token", "password", "client-key-data"].map(|field| known.get(field));
    let provider = known.pointer("/auth-provider/config").and_then(Value::as_object);
    let variables = known.pointer("/exec/env").and_then(Value::as_array);
    let secrets = own
        .into_iter()
        .flatten()
        .chain(provider.into_iter().flat_map(serde_json::Map::values))
        .chain(variables.into_iter().flatten().filter_map(|variable| variable.get("value")));
    for secret in secrets.filter_map(Value::as_str).filter(|secret| secret.len() >= TELLING) {
        redact::register(secret);
    }
    let token = own_token(&known);
    if token.bytes().any(|byte| !(0x20..0x7f).contains(&byte)) {
        return Err(ToolError::new(
            Code::Unauthenticated,
            "the token of this context has characters that no header can carry",
        )
        .hint("have the operator correct it in the kubeconfig: one line, without quotes"));
    }
    Ok(())
}

fn own_token(auth: &Value) -> &str {
    auth.get("token").and_then(Value::as_str).unwrap_or_default()
}

fn listed(kubeconfig: &Kubeconfig) -> String {
    let names = kubeconfig.contexts.iter().map(|context| Untrusted::line(&context.name).quoted().to_string());
    let shown: Vec<String> = names.take(LISTED).collect();
    let more = kubeconfig.contexts.len().saturating_sub(LISTED);
    let tail = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{}{tail}", shown.join(", "))
}

fn unknown(name: &str, kubeconfig: &Kubeconfig) -> ToolError {
    let quoted = Untrusted::line(name).quoted().to_string();
    let error = ToolError::new(Code::NotFound, format!("the kubeconfig has no context {quoted}"));
    if kubeconfig.contexts.is_empty() {
        return error.hint("it has none at all: leave context out in a pod, or correct KUBECONFIG");
    }
    let near = near::names(name, kubeconfig.contexts.iter().map(|context| context.name.as_str()));
    let guess = match near.first() {
        Some(near) => format!("did you mean {}? ", Untrusted::line(near).quoted()),
        None => String::new(),
    };
    error.hint(format!("{guess}contexts: {}", listed(kubeconfig)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kubeconfig() -> Kubeconfig {
        Kubeconfig::from_yaml(
            "{current-context: prod, clusters: [{name: c, cluster: {server: 'https://127.0.0.1:1'}}], users: [{name: u, user: {token: tok3ntok3ntok3n}}],
              contexts: [{name: prod, context: {cluster: c, user: u, namespace: shop}}, {name: stage, context: {cluster: c, user: u, namespace: till}},
                {name: other, context: {cluster: c, user: v, namespace: foreign}}, {name: none, context: {cluster: c, user: u}}]}",
        )
        .unwrap()
    }

    #[test]
    fn an_unknown_context_is_answered_with_those_there_are() {
        let error = unknown("stagin", &kubeconfig());
        assert_eq!(error.code(), Code::NotFound);
        assert_eq!(error.next_step(), Some("did you mean `stage`? contexts: `prod`, `stage`, `other`, `none`"));
    }

    #[test]
    fn contexts_of_the_same_identity_say_where_it_may_have_something() {
        let kubeconfig = kubeconfig();
        assert_eq!(siblings(kubeconfig.contexts[3].context.as_ref(), &kubeconfig), ["shop", "till"]);
    }
}
