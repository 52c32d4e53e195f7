//! What the server needs, looked at before the first call: the `doctor` command.
//!
//! The checks are made one after the other on a thread of their own, because the command that shows them is already on a runtime.

use serde_json::Value;
use shared::{
    Code, Result, ToolError,
    doctor::Check,
    exec::{Argv, CancellationToken, Capture, Ended, Outcome, Program},
};

use crate::{
    contexts::{Contexts, in_pod},
    failure::{Fault, words},
    run::{QUICK, command},
};

/// How many minor versions kubectl and the API server may be apart.
const SKEW: i64 = 1;

/// What the tools ask for, as `kubectl auth can-i` takes it. Reading comes first.
const NEEDED: &[(&str, &str, &str)] = &[
    ("get", "pods", "kubectl_get and kubectl_describe of pods"),
    ("list", "pods", "kubectl_get of pods"),
    ("list", "events", "kubectl_events"),
    ("get", "pods/log", "kubectl_logs"),
    ("list", "pods.metrics.k8s.io", "kubectl_top"),
    ("list", "deployments.apps", "kubectl_get of deployments"),
    ("list", "secrets", "names and keys of secrets"),
    ("create", "pods/exec", "kubectl_exec and kubectl_cp"),
    ("create", "pods", "kubectl_run"),
    ("patch", "deployments.apps", "kubectl_apply, kubectl_rollout and kubectl_label"),
    ("patch", "deployments.apps/scale", "kubectl_scale"),
    ("delete", "pods", "kubectl_delete"),
];

/// Every check, as far as those before it let it be made.
pub fn all() -> Vec<Check> {
    let worker = std::thread::spawn(|| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.map(|runtime| runtime.block_on(checks()))
    });
    match worker.join() {
        Ok(Ok(checks)) => checks,
        _ => vec![Check::missing("kubectl", "the checks could not be run: try again when fewer processes run")],
    }
}

async fn checks() -> Vec<Check> {
    let program = match Program::find("kubectl") {
        Ok(program) => program,
        Err(error) => return vec![Check::missing("kubectl", error.next_step().unwrap_or(error.message()))],
    };
    let ask = |argv: Argv| ask(&program, argv);
    let at = program.path().display();
    // Without --client it reads the kubeconfig and says nothing of itself where that is broken.
    let own = Argv::new().literal("version").literal("--client").literal("--output=json");
    let client = match ask(own).await.and_then(|outcome| own_version(&outcome)) {
        Ok(client) => client,
        Err(error) => return vec![Check::missing("kubectl", format!("{at} does not run: {error}"))],
    };
    let mut checks = vec![Check::fine("kubectl", format!("{} at {at}", client.name))];

    let view = Argv::new().literal("config").literal("view").literal("--output=json");
    let contexts = match ask(view).await.and_then(|outcome| read_contexts(&outcome)) {
        Ok(contexts) => contexts,
        Err(error) => {
            checks.push(Check::missing("kubeconfig", error.to_string()));
            return checks;
        }
    };
    let count = contexts.names().count();
    if count == 0 && !in_pod() {
        checks.push(Check::missing(
            "kubeconfig",
            "no contexts: set KUBECONFIG to a kubeconfig, or put one at ~/.kube/config",
        ));
        return checks;
    }
    checks.push(match (count, contexts.current()) {
        (0, _) => Check::fine("kubeconfig", "none; the service account of this pod"),
        (count, "") => {
            let none = format!("{count} contexts, none of them current: calls have to name one");
            checks.push(Check::limited("kubeconfig", none));
            return checks;
        }
        (count, current) if !contexts.names().any(|name| name == current) => {
            let unknown = format!("the current context, {current}, is none of its {count}: correct current-context");
            checks.push(Check::missing("kubeconfig", unknown));
            return checks;
        }
        (count, current) => Check::fine("kubeconfig", format!("{count} contexts, {current} is current")),
    });

    let (server, said) = match ask(Argv::new().literal("version").literal("--output=json")).await {
        Ok(outcome) => (version(&outcome, "serverVersion"), words(&outcome)),
        Err(error) => (None, error.to_string()),
    };
    let Some(server) = server else {
        let remedy = match Fault::read(&said) {
            Fault::Unauthenticated | Fault::Plugin => {
                "the credentials are not taken: log in again, or renew the kubeconfig"
            }
            Fault::Certificate => "its certificate is not trusted: correct certificate-authority in the kubeconfig",
            _ => "not reached: check its address, the network, and whether the cluster is up",
        };
        checks.push(Check::missing("api server", format!("{remedy} ({})", said.lines().last().unwrap_or("no answer"))));
        return checks;
    };
    let apart = (client.minor - server.minor).abs();
    checks.push(if client.major == server.major && apart <= SKEW {
        Check::fine("api server", server.name.clone())
    } else {
        Check::limited(
            "api server",
            format!(
                "{} and kubectl {} are {apart} minor versions apart: bring kubectl within {SKEW}",
                server.name, client.name
            ),
        )
    });
    checks.push(identity(ask(Argv::new().literal("auth").literal("whoami").literal("--output=json")).await));
    checks.push(rights(&program).await);
    checks
}

struct Version {
    name: String,
    major: i64,
    minor: i64,
}

/// The version that `key` has in what `kubectl version` prints.
fn version(outcome: &Outcome, key: &str) -> Option<Version> {
    let value: Value = serde_json::from_slice(&outcome.stdout.head).ok()?;
    let number = |field: &str| {
        let text = value[key][field].as_str()?;
        text.trim_end_matches(|c: char| !c.is_ascii_digit()).parse().ok()
    };
    Some(Version {
        name: value[key]["gitVersion"].as_str()?.to_owned(),
        major: number("major")?,
        minor: number("minor")?,
    })
}

fn own_version(outcome: &Outcome) -> Result<Version> {
    let said = || match words(outcome) {
        said if said.is_empty() => String::from("it does not say its version"),
        said => said,
    };
    version(outcome, "clientVersion").ok_or_else(|| ToolError::new(Code::Unavailable, said()))
}

fn read_contexts(outcome: &Outcome) -> Result<Contexts> {
    if !outcome.success() {
        return Err(ToolError::new(Code::Unavailable, format!("cannot be read: {}", words(outcome))));
    }
    serde_json::from_slice(&outcome.stdout.head).map_err(|error| ToolError::internal(error.to_string()))
}

fn identity(outcome: Result<Outcome>) -> Check {
    const NAME: &str = "identity";
    match outcome {
        Ok(outcome) if outcome.success() => {
            let value: Value = serde_json::from_slice(&outcome.stdout.head).unwrap_or_default();
            let info = &value["status"]["userInfo"];
            let groups: Vec<&str> = info["groups"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
            Check::fine(NAME, format!("{} ({})", info["username"].as_str().unwrap_or("nobody"), groups.join(", ")))
        }
        Ok(outcome) => match Fault::read(&words(&outcome)) {
            Fault::Unauthenticated | Fault::Plugin => {
                Check::missing(NAME, "the credentials are not taken: log in again, or renew the kubeconfig")
            }
            _ => Check::limited(NAME, format!("the cluster does not tell: {}", words(&outcome))),
        },
        Err(error) => Check::limited(NAME, error.to_string()),
    }
}

/// What the identity may do in its own namespace of what the tools need.
async fn rights(program: &Program) -> Check {
    const NAME: &str = "rights";
    let mut refused = Vec::new();
    for (verb, resource, tool) in NEEDED {
        let argv = Argv::new().literal("auth").literal("can-i").literal(verb).literal(resource);
        match ask(program, argv).await {
            Ok(outcome) if outcome.success() => {}
            Ok(outcome) if String::from_utf8_lossy(&outcome.stdout.head).trim_start().starts_with("no") => {
                refused.push(format!("{verb} {resource} ({tool})"));
            }
            Ok(outcome) => return Check::limited(NAME, format!("could not be asked for: {}", words(&outcome))),
            Err(error) => return Check::limited(NAME, error.to_string()),
        }
    }
    if refused.is_empty() {
        return Check::fine(NAME, "all that the tools need in the context's namespace");
    }
    Check::limited(NAME, format!("may not, in the context's namespace: {}", refused.join(", ")))
}

async fn ask(program: &Program, argv: Argv) -> Result<Outcome> {
    let argv = argv.flag_value("--request-timeout", "5s")?;
    let command = command(program, argv, QUICK)?.stdout(Capture::Whole { max: 4 << 20 });
    let outcome = command.run(&CancellationToken::new()).await?;
    if outcome.ended == Ended::TimedOut {
        return Err(ToolError::new(Code::Timeout, format!("no answer within {} s", QUICK.as_secs())));
    }
    Ok(outcome)
}
