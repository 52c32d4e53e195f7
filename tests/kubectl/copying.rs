//! `kubectl_cp`, between a container and a workspace.

use std::{fs, os::unix::fs::symlink};

use harness::cluster::Cluster;
use serde_json::json;

use crate::{client, err, ok, server};

#[tokio::test]
async fn files_and_directories_go_both_ways_and_stay_in_the_workspace() {
    let cluster = Cluster::get();
    let namespace = cluster.namespace("cp");
    namespace.apply(
        "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec:\n  terminationGracePeriodSeconds: 0\n  containers:\n  - {name: a, image: \"{{image}}\", imagePullPolicy: Never, command: [sleep, '100000']}",
    );
    namespace.wait(&["--for=condition=Ready", "pod/p"]);
    let outer = tempfile::tempdir().unwrap();
    let workspace = outer.path().join("ws");
    fs::create_dir_all(workspace.join("tree/deep")).unwrap();
    fs::write(outer.path().join("private"), "private").unwrap();
    fs::write(workspace.join("one"), "one\n").unwrap();
    fs::write(workspace.join("tree/deep/two"), "two\n").unwrap();
    symlink(outer.path(), workspace.join("out")).unwrap();
    let mut client = client(&server(cluster.kubeconfig()).env("WORKSPACE", &workspace)).await;
    let of = |src: &str, dst: &str| json!({"src": src, "dst": dst, "namespace": namespace.name()});

    let text = ok(&mut client, "kubectl_cp", of("one", "p:/tmp/one")).await;
    assert!(text.contains("copied a file of 4 bytes from `one` to `p:/tmp/one`"), "{text}");
    ok(&mut client, "kubectl_cp", of("tree", "p:/tmp/tree")).await;
    let text = ok(&mut client, "kubectl_cp", of("p:/tmp/one", "back")).await;
    assert!(text.contains("a file of 4 bytes from `p:/tmp/one` to `back`"), "{text}");
    assert_eq!(fs::read_to_string(workspace.join("back")).unwrap(), "one\n");
    // Into a directory that is there, under its own name.
    ok(&mut client, "kubectl_cp", of("p:/tmp/one", "tree")).await;
    assert_eq!(fs::read_to_string(workspace.join("tree/one")).unwrap(), "one\n");
    ok(&mut client, "kubectl_cp", of("p:/tmp/tree", "tree-back")).await;
    assert_eq!(fs::read_to_string(workspace.join("tree-back/deep/two")).unwrap(), "two\n");

    // A link in the container that leads to a file here is not made one here.
    namespace.ask(&[
        "exec",
        "p",
        "--",
        "sh",
        "-c",
        "mkdir /tmp/l && ln -s /etc/passwd /tmp/l/link && echo x > /tmp/l/file",
    ]);
    ok(&mut client, "kubectl_cp", of("p:/tmp/l", "links")).await;
    assert!(workspace.join("links/file").exists() && fs::symlink_metadata(workspace.join("links/link")).is_err());

    for (src, dst) in [
        ("../private", "p:/tmp/x"),
        ("out/private", "p:/tmp/x"),
        ("/etc/passwd", "p:/tmp/x"),
        ("p:/tmp/one", "../stolen"),
        ("p:/tmp/one", "out/stolen"),
        ("p:/tmp/one", "/tmp/stolen-by-kubectl-cp"),
    ] {
        let text = err(&mut client, "kubectl_cp", of(src, dst)).await;
        assert!(text.starts_with("forbidden: "), "{src} {dst}: {text}");
    }
    // What would hold kubectl for ever, or would be read as a place in a pod.
    rustix::fs::mkfifoat(rustix::fs::CWD, workspace.join("pipe"), rustix::fs::Mode::RUSR).unwrap();
    let text = err(&mut client, "kubectl_cp", of("pipe", "p:/tmp/x")).await;
    assert!(text.starts_with("invalid_argument: src is neither a file nor a directory"), "{text}");
    fs::remove_file(workspace.join("pipe")).unwrap();
    let text = err(&mut client, "kubectl_cp", of("p:/tmp/nowhere", "nothing")).await;
    assert!(text.starts_with("not_found: "), "{text}");
    let text = err(&mut client, "kubectl_cp", of("q:/tmp/one", "nothing")).await;
    assert!(text.starts_with("not_found: "), "{text}");
    let mut left: Vec<_> = fs::read_dir(&workspace).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    left.sort();
    assert_eq!(left, ["back", "links", "one", "out", "tree", "tree-back"]);
    assert_eq!(fs::read_dir(outer.path()).unwrap().count(), 2);
}
