//! What `up --with flux` adds: the real kustomize-controller and the real flux. The source is played: an ExternalArtifact whose status this test writes,
//! of an archive that it serves.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use harness::cluster::{Cluster, Namespace};
use serde_json::json;

use crate::second::{Second, traces, xtask};

const OBJECT: &str = "
apiVersion: v1
kind: ConfigMap
metadata: {name: greeting}
data: {hello: from the source}
";

const KUSTOMIZATION: &str = "
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: greetings}
spec:
  interval: 1h
  path: ./
  prune: true
  targetNamespace: {{namespace}}
  sourceRef: {kind: ExternalArtifact, name: played}
---
apiVersion: source.toolkit.fluxcd.io/v1
kind: ExternalArtifact
metadata: {name: played}
spec: {sourceRef: {apiVersion: v1, kind: ConfigMap, name: nobody}}
";

/// A directory with every program of the shared cluster and those of Flux; why there is none, where there is no Flux.
fn programs(place: &Path) -> Result<PathBuf, String> {
    let flux = std::env::var_os("AGENT_TOOLS_FLUX").filter(|path| !path.is_empty());
    let flux = PathBuf::from(flux.ok_or("no flux: AGENT_TOOLS_FLUX is not set")?);
    let bin = place.join("bin");
    std::fs::create_dir(&bin).expect("directory");
    let names = ["flux", "kustomize-controller", "flux-kinds.yaml"].map(|name| flux.join(name));
    let shared = std::fs::read_dir(Cluster::get().bin()).expect("programs").flatten().map(|entry| entry.path());
    for path in shared.chain(names) {
        let link = bin.join(path.file_name().expect("a name"));
        // The shared cluster can have been started with Flux itself.
        if !link.exists() {
            symlink(path, link).expect("link");
        }
    }
    Ok(bin)
}

/// The real flux on `cluster`, and nothing of the environment the tests run in.
fn flux(cluster: &Cluster, arguments: &[&str]) -> String {
    let mut command = Command::new(cluster.bin().join("flux"));
    command.env_clear().env("HOME", cluster.directory()).env("KUBECONFIG", cluster.kubeconfig());
    let output = command.args(arguments).output().expect("flux");
    assert!(output.status.success(), "flux {arguments:?}: {output:?}");
    String::from_utf8(output.stdout).expect("text")
}

/// Serves `bytes` to everybody who asks, as long as this process lives; gives the address.
fn serve(bytes: Vec<u8>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("its address").to_string();
    std::thread::spawn(move || {
        for mut connection in listener.incoming().flatten() {
            let mut request = Vec::new();
            let mut piece = [0; 1024];
            while !request.ends_with(b"\r\n\r\n") {
                match connection.read(&mut piece) {
                    Ok(read @ 1..) => request.extend(piece.iter().take(read)),
                    _ => break,
                }
            }
            let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", bytes.len());
            // Whoever went away asks again.
            let _ = connection.write_all(head.as_bytes()).and_then(|()| connection.write_all(&bytes));
        }
    });
    address
}

/// What the controller of the source would do: make the archive, and say in the status where it is.
fn play_the_source(namespace: &Namespace<'_>, place: &Path) -> String {
    let (files, archive) = (place.join("files"), place.join("archive.tar.gz"));
    std::fs::create_dir(&files).expect("directory");
    std::fs::write(files.join("greeting.yaml"), OBJECT).expect("write");
    let path = |path: &Path| path.to_str().expect("text").to_owned();
    flux(namespace.cluster(), &["build", "artifact", "--path", &path(&files), "--output", &path(&archive)]);
    let bytes = std::fs::read(archive).expect("the archive");
    let digest = ring::digest::digest(&ring::digest::SHA256, &bytes);
    let digest: String = digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    let revision = format!("played@sha256:{digest}");
    let (size, now) = (bytes.len(), "2026-01-01T00:00:00Z");
    let status = json!({"status": {
        "artifact": {
            "digest": format!("sha256:{digest}"),
            "lastUpdateTime": now,
            "path": "archive.tar.gz",
            "revision": revision,
            "size": size,
            "url": format!("http://{}/archive.tar.gz", serve(bytes)),
        },
        "conditions": [{"type": "Ready", "status": "True", "reason": "Succeeded", "message": "played", "lastTransitionTime": now}],
    }});
    let patch = ["patch", "externalartifact", "played", "--subresource=status", "--type=merge", "--patch"];
    namespace.ask(&[&patch[..], &[&status.to_string()]].concat());
    revision
}

#[test]
fn a_real_kustomize_controller_applies_what_a_played_source_serves_and_ends_with_its_cluster() {
    let cache = tempfile::tempdir().expect("directory");
    let bin = match programs(cache.path()) {
        Ok(bin) => bin,
        Err(reason) => {
            return harness::skip(
                "flux::a_real_kustomize_controller_applies_what_a_played_source_serves_and_ends_with_its_cluster",
                &reason,
            );
        }
    };
    // As the controller of another cluster has it: one that starts removes what looks so from its temporary directory.
    let others = tempfile::Builder::new().prefix("kustomization-").tempdir().expect("directory");
    let mut command = xtask(cache.path());
    command.env("CLUSTER_BIN", bin);
    let mut second = Second::start_by(command, &["--with", "flux"]);
    let (name, directory) = (second.name(), second.directory.clone());
    let cluster = Cluster::at(&directory);
    let version = cluster.facts().flux.clone().expect("a version of flux");
    assert!(flux(&cluster, &["version", "--client"]).contains(&version), "{version}");
    let status = xtask(cache.path()).args(["cluster", "status"]).output().expect("xtask");
    assert!(String::from_utf8_lossy(&status.stdout).contains(&format!(" with Flux {version} at ")), "{status:?}");

    let namespace = cluster.namespace("flux");
    namespace.apply(&KUSTOMIZATION.replace("{{namespace}}", namespace.name()));
    // The controller waits for a source that nobody has fetched yet.
    namespace.wait(&["--for=condition=Ready=False", "kustomization/greetings"]);
    assert!(!namespace.kubectl(&["get", "configmap", "greeting"]).status.success(), "before there is a source");

    let revision = play_the_source(&namespace, cache.path());
    namespace.wait(&["--for=condition=Ready", "kustomization/greetings"]);
    assert_eq!(namespace.ask(&["get", "configmap", "greeting", "--output=jsonpath={.data.hello}"]), "from the source");
    assert!(others.path().exists(), "what another controller works in is removed");
    let shown = flux(&cluster, &["get", "kustomizations", "--namespace", namespace.name()]);
    let row = shown.lines().find(|line| line.starts_with("greetings")).unwrap_or_else(|| panic!("{shown}"));
    // Name, revision (shortened), suspended, ready, message.
    let columns: Vec<&str> = row.split('\t').map(str::trim).collect();
    let message = format!("Applied revision: {}", columns.get(1).unwrap_or(&"?"));
    assert_eq!(columns.get(2..5), Some(&["False", "True", &message][..]), "{shown}");
    let applied = "--output=jsonpath={.status.lastAppliedRevision}";
    assert_eq!(namespace.ask(&["get", "kustomization", "greetings", applied]), revision);

    let before = traces(&name, &directory);
    assert!(before.iter().any(|trace| trace.contains("kustomize-controller")), "{before:?}");
    drop(namespace);
    second.up.kill().expect("kill");
    second.up.wait().expect("wait");
    harness::block_on(harness::until("nothing is left of a cluster with Flux", || {
        traces(&name, &directory).is_empty()
    }));
}
