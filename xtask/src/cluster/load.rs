//! `cargo xtask cluster load`: very many pods, for measuring what looks at them.

use std::{
    io::{BufRead, BufReader, Read, Write},
    os::unix::net::UnixStream,
    path::Path,
    process::{Child, Stdio},
    sync::atomic::{AtomicUsize, Ordering},
    thread,
    time::{Duration, Instant},
};

use serde_json::json;

use super::{image, kubectl::Kubectl};
use crate::run::{self, Result};

/// How many requests are made at once.
const CONNECTIONS: usize = 8;
/// How long the namespaces may take to be ready for pods.
const PATIENCE: Duration = Duration::from_secs(180);
/// What stands in the template for the name of a pod.
const NAME: &str = "{{name}}";
/// What stands in it for the name of its app.
const APP: &str = "{{app}}";

/// Makes `pods` pods in `namespaces` namespaces and says how long it took.
pub fn run(kubectl: &Kubectl, pods: usize, namespaces: usize) -> Result<()> {
    let started = Instant::now();
    let names: Vec<String> = (0..namespaces).map(|number| format!("load-{number:03}")).collect();
    fill(kubectl, pods, &names)?;
    run::out(&format!("{pods} pods in {namespaces} namespaces, after {:.1} s", started.elapsed().as_secs_f32()));
    Ok(())
}

/// Makes `pods` pods, shared out among the namespaces `names`. No scheduler knows them, so they stay pending and no node has work with them.
pub fn fill(kubectl: &Kubectl, pods: usize, names: &[String]) -> Result<()> {
    if names.is_empty() {
        return Err("pods are in a namespace, at least one".to_owned());
    }
    let objects: Vec<_> = names
        .iter()
        .map(|name| json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": {"load": "pods"}}}))
        .collect();
    kubectl.feed(
        &["apply", "--filename", "-"],
        &json!({"apiVersion": "v1", "kind": "List", "items": objects}).to_string(),
    )?;
    wait_for_accounts(kubectl, names)?;

    let socket = tempfile::tempdir().map_err(|error| format!("a directory for a socket: {error}"))?;
    let socket = socket.path().join("api");
    let _proxy = Proxy::start(kubectl, &socket)?;
    let (next, template) = (AtomicUsize::new(0), template());
    let results: Vec<Result<()>> = thread::scope(|scope| {
        let work = || {
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= pods {
                    return Ok(());
                }
                post(&socket, &names[number % names.len()], number, &template)?;
            }
        };
        let threads: Vec<_> = (0..CONNECTIONS).map(|_| scope.spawn(work)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap_or_else(|_| Err("it panicked".to_owned()))).collect()
    });
    results.into_iter().collect()
}

/// Pods are refused in a namespace that has no account yet.
fn wait_for_accounts(kubectl: &Kubectl, names: &[String]) -> Result<()> {
    let started = Instant::now();
    loop {
        let list = ["get", "serviceaccounts", "--all-namespaces", "--no-headers"];
        let said = kubectl.ask(&list)?;
        let ready: Vec<&str> = said.lines().filter_map(|line| line.split_whitespace().next()).collect();
        match names.iter().find(|name| !ready.contains(&name.as_str())) {
            None => return Ok(()),
            Some(name) if started.elapsed() > PATIENCE => {
                return Err(format!("waited in vain for the default service account of namespace {name}"));
            }
            Some(_) => thread::sleep(Duration::from_millis(200)),
        }
    }
}

/// kubectl as the bearer of our credentials: it speaks TLS, we do not have to.
struct Proxy(Child);

impl Proxy {
    fn start(kubectl: &Kubectl, socket: &Path) -> Result<Self> {
        let mut command = kubectl.command();
        command.arg("proxy").arg("--unix-socket").arg(socket).stdout(Stdio::piped());
        let mut child = command.spawn().map_err(|error| format!("kubectl could not be started: {error}"))?;
        let output = child.stdout.take();
        let proxy = Self(child);
        // It says where it listens when it does.
        let said = output.and_then(|output| BufReader::new(output).lines().next()?.ok());
        said.map(|_| proxy).ok_or_else(|| "kubectl proxy did not start".to_owned())
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let _ = self.0.kill().and_then(|()| self.0.wait());
    }
}

/// A pod's JSON. It is made once: the machine's time is the API server's.
fn template() -> String {
    let container = |name: &str| {
        json!({
            "name": name,
            "image": image::BUSYBOX,
            "imagePullPolicy": "Never",
            "command": ["sleep", "infinity"],
            "resources": {"requests": {"cpu": "10m", "memory": "16Mi"}, "limits": {"memory": "64Mi"}},
            "env": [{"name": "POD", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}],
        })
    };
    let pod = json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": NAME, "labels": {"app": APP, "load": "pods"}},
        "spec": {"schedulerName": "none", "containers": [container("main"), container("side")]},
    });
    pod.to_string()
}

fn post(socket: &Path, namespace: &str, number: usize, template: &str) -> Result<()> {
    let app = format!("app-{}", number % 97);
    let body = template.replace(NAME, &format!("{app}-{number:05}")).replace(APP, &app);
    let request = format!(
        "POST /api/v1/namespaces/{namespace}/pods HTTP/1.0\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut answer = String::new();
    let asked = UnixStream::connect(socket).and_then(|mut stream| {
        stream.write_all(request.as_bytes())?;
        stream.read_to_string(&mut answer)
    });
    asked.map_err(|error| format!("pod {number} could not be asked for: {error}"))?;
    let status = answer.split(' ').nth(1).unwrap_or_default();
    // One that is there already was made by a load before.
    if matches!(status, "201" | "409") {
        return Ok(());
    }
    Err(format!("pod {number} was refused: {}", answer.lines().last().unwrap_or_default()))
}
