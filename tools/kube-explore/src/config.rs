//! Which cluster is meant, and as whom: the service account of a pod first, then the usual kubeconfig rules.

use std::{
    env,
    path::{Path, PathBuf},
    time::Duration,
};

use kube::{
    Config,
    config::{AuthInfo, ExecInteractiveMode, KubeConfigOptions, Kubeconfig},
};
use serde_json::Value;
use shared::{Code, Result, ToolError, Untrusted, near, redact};

/// Where a pod finds the token of its service account.
const TOKEN: &str = "/var/run/secrets/kubernetes.io/serviceaccount/token";
/// How long a connection may take to be made.
const CONNECT: Duration = Duration::from_secs(5);
/// How long writing to a connection may stand still.
const WRITE: Duration = Duration::from_secs(15);
/// The most contexts an error lists.
const LISTED: usize = 20;
/// What a credential plug-in may know of our environment, besides what the kubeconfig sets for it. Whole families, since each cloud has its own.
const PLUGIN_MAY_KNOW: &[&str] = &[
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "TMPDIR",
    "TZ",
    "LANG",
    "LC_ALL",
    "KUBECONFIG",
    "HTTPS_PROXY",
    "HTTP_PROXY",
    "NO_PROXY",
    "https_proxy",
    "http_proxy",
    "no_proxy",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
];
/// Beginnings of the names of variables that belong to credential plug-ins.
const PLUGIN_FAMILIES: &[&str] =
    &["AWS_", "AZURE_", "AAD_", "GOOGLE_", "CLOUDSDK_", "GKE_", "OCI_", "DIGITALOCEAN_", "XDG_"];

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
    let mut chosen = if context.is_none() && in_pod() { pod()? } else { kubeconfig(context).await? };
    chosen.config.connect_timeout = Some(CONNECT);
    chosen.config.write_timeout = Some(WRITE);
    // What may be tried again, and for how long, is decided where it is known what was asked.
    chosen.config.default_retry = false;
    // On this machine's own loopback, compressing costs more than it saves.
    chosen.config.disable_compression |=
        matches!(chosen.config.cluster_url.host(), Some("localhost" | "127.0.0.1" | "[::1]"));
    learn(&chosen.config.auth_info);
    Ok(chosen)
}

fn pod() -> Result<Chosen> {
    let config = Config::incluster().map_err(|error| {
        ToolError::new(Code::Unavailable, "the service account of this pod cannot be used")
            .hint("mount its token and certificate, or pass context with a kubeconfig")
            .with_said(error.to_string())
    })?;
    Ok(Chosen { config, context: None, siblings: Vec::new() })
}

/// The kubeconfig as kubectl merges it.
pub async fn read() -> Result<Kubeconfig> {
    let read = tokio::task::spawn_blocking(|| {
        Kubeconfig::read().map_err(|error| {
            let missing = files().iter().all(|file| !file.exists());
            let hint = if missing {
                "have the operator set KUBECONFIG to a kubeconfig file, or put one at ~/.kube/config"
            } else {
                "have the operator correct the file that KUBECONFIG names, or ~/.kube/config"
            };
            let message =
                if missing { "there is no kubeconfig, and this is no pod" } else { "the kubeconfig cannot be read" };
            let error = if missing { String::new() } else { error.to_string() };
            let wrong = ToolError::new(Code::Unavailable, message).hint(hint);
            if error.is_empty() { wrong } else { wrong.with_said(error) }
        })
    });
    read.await.map_err(|_| ToolError::internal("the kubeconfig could not be read"))?
}

fn files() -> Vec<PathBuf> {
    match env::var_os("KUBECONFIG").filter(|value| !value.is_empty()) {
        Some(list) => env::split_paths(&list).filter(|path| !path.as_os_str().is_empty()).collect(),
        None => env::var_os("HOME").map(|home| PathBuf::from(home).join(".kube/config")).into_iter().collect(),
    }
}

async fn kubeconfig(context: Option<&str>) -> Result<Chosen> {
    let kubeconfig = read().await?;
    let name = match (context, &kubeconfig.current_context) {
        (Some(name), _) => name.to_owned(),
        (None, Some(current)) if !current.is_empty() => current.clone(),
        (None, _) => {
            return Err(ToolError::new(Code::Unavailable, "the kubeconfig has no current context")
                .hint(format!("pass context, one of {}", listed(&kubeconfig))));
        }
    };
    let Some(named) = kubeconfig.contexts.iter().find(|known| known.name == name) else {
        return Err(unknown(&name, &kubeconfig));
    };
    let siblings = siblings(named.context.as_ref(), &kubeconfig);
    let options = KubeConfigOptions { context: Some(name.clone()), ..KubeConfigOptions::default() };
    let mut config = Config::from_custom_kubeconfig(kubeconfig, &options).await.map_err(|error| {
        ToolError::new(Code::Unavailable, format!("context {} cannot be used", Untrusted::line(&name).quoted()))
            .hint("have the operator correct its cluster and user in the kubeconfig")
            .with_said(error.to_string())
    })?;
    plugin(&mut config.auth_info);
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

/// A credential plug-in has no terminal here: it would read the protocol. And it gets no more of the environment than is its own.
fn plugin(auth: &mut AuthInfo) {
    let Some(exec) = &mut auth.exec else { return };
    exec.interactive_mode = Some(ExecInteractiveMode::Never);
    let set: Vec<&String> = exec.env.iter().flatten().filter_map(|pair| pair.get("name")).collect();
    let ours = env::vars_os().filter_map(|(name, _)| name.into_string().ok());
    let foreign = ours.filter(|name| {
        !PLUGIN_MAY_KNOW.contains(&name.as_str())
            && !PLUGIN_FAMILIES.iter().any(|family| name.starts_with(family))
            && !set.contains(&name)
    });
    exec.drop_env = Some(foreign.collect());
}

/// Tells the redaction what must never leave. The kubeconfig's own form is asked, which is where secrets have no wrapper.
fn learn(auth: &AuthInfo) {
    let auth = serde_json::to_value(auth).unwrap_or_default();
    for secret in ["token", "password", "client-key-data"] {
        if let Some(secret) = auth.get(secret).and_then(Value::as_str) {
            redact::register(secret);
        }
    }
    if let Some(file) = auth.get("tokenFile").and_then(Value::as_str)
        && let Ok(token) = std::fs::read_to_string(file)
    {
        redact::register(token.trim());
    }
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

    #[test]
    fn a_plug_in_has_no_terminal_and_no_foreign_secret() {
        let mut auth: AuthInfo = serde_json::from_value(serde_json::json!({"exec": {
            "apiVersion": "client.authentication.k8s.io/v1", "command": "x", "interactiveMode": "IfAvailable",
            "env": [{"name": "CARGO_PKG_NAME", "value": "mine"}]}}))
        .unwrap();
        plugin(&mut auth);
        let exec = auth.exec.unwrap();
        assert_eq!(exec.interactive_mode, Some(ExecInteractiveMode::Never));
        let dropped = exec.drop_env.unwrap();
        assert!(dropped.iter().any(|name| name == "CARGO_PKG_VERSION"), "{dropped:?}");
        assert!(!dropped.iter().any(|name| name == "PATH" || name == "CARGO_PKG_NAME"), "{dropped:?}");
    }
}
