//! As a container runs it: an unprivileged user with no name, nothing in the environment but the workspace, and a root that cannot be written.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
};

use harness::{Client, GitRepo, Start, skip, start::mcp_git, text};
use serde_json::json;

use crate::demo;

/// Mounts what follows `--` read-write, everything else read-only, and becomes the user. Exits 77 if the root can still be written.
const CONTAINER: &str = r#"
set -e
mount --make-rprivate /
while [ "$1" != -- ]; do mount --bind "$1" "$1"; shift; done
shift
mount -o remount,bind,ro /
if touch /usr/canary-of-a-test 2>/dev/null; then rm -f /usr/canary-of-a-test; exit 77; fi
exec setpriv --reuid=65532 --regid=65532 --clear-groups --no-new-privs "$@"
"#;

fn program(name: &str) -> Option<PathBuf> {
    ["/usr/bin", "/bin", "/usr/sbin", "/sbin"]
        .into_iter()
        .map(|dir| Path::new(dir).join(name))
        .find(|path| path.exists())
}

/// What is missing to be another user here; nothing if all is there.
fn lacking() -> Option<&'static str> {
    match (rustix::process::getuid().is_root(), program("setpriv")) {
        (false, _) => Some("only root can become another user"),
        (true, None) => Some("there is no setpriv"),
        (true, Some(_)) => None,
    }
}

/// Gives `path` to that user.
fn give(path: &Path) {
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    assert!(Command::new("chown").args(["-R", "65532:65532"]).arg(path).status().unwrap().success());
}

/// A copy of a program where that user can reach it: the build may lie under a directory of root's own.
fn shelved(shelf: &Path, binary: &Path) -> PathBuf {
    fs::set_permissions(shelf, fs::Permissions::from_mode(0o755)).unwrap();
    let copy = shelf.join(binary.file_name().unwrap());
    fs::copy(binary, &copy).unwrap();
    copy
}

fn repository() -> GitRepo {
    let repo = GitRepo::new();
    repo.write("a.txt", "a\n");
    repo.commit("first");
    give(repo.workspace());
    repo
}

#[tokio::test]
async fn an_unprivileged_user_without_an_environment_is_served() {
    if let Some(lacking) = lacking() {
        return skip("an_unprivileged_user_without_an_environment_is_served", lacking);
    }
    let (repo, shelf) = (repository(), tempfile::tempdir().unwrap());
    let start = Start::new(program("setpriv").unwrap())
        .args(["--reuid=65532", "--regid=65532", "--clear-groups", "--no-new-privs"])
        .arg(shelved(shelf.path(), &mcp_git()))
        .env("WORKSPACE", repo.workspace());
    let mut client = Client::spawn(&start).ready().await;
    let result = client.call("git_log", json!({"cwd": "repo"})).await;
    assert!(text(&result).contains("first"), "{result}; {}", client.stderr());
    client.close().await;
    assert_eq!(client.ended().await.code(), Some(0));
}

#[tokio::test]
async fn a_root_that_cannot_be_written_is_enough() {
    let name = "a_root_that_cannot_be_written_is_enough";
    if let Some(lacking) = lacking() {
        return skip(name, lacking);
    }
    let (repo, shelf, temp) = (repository(), tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    give(temp.path());
    let mut probe = Command::new("unshare");
    if !probe.args(["--mount", "mount", "--make-rprivate", "/"]).output().is_ok_and(|done| done.status.success()) {
        return skip(name, "no mount namespace can be made here");
    }
    let contained = |binary: &Path| {
        Start::new(program("unshare").unwrap())
            .args(["--mount", "sh", "-c", CONTAINER, "sh"])
            .arg(repo.workspace())
            .arg(temp.path())
            .arg("--")
            .arg(shelved(shelf.path(), binary))
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
            .env("TMPDIR", temp.path())
    };
    let mut client = Client::spawn(&contained(&mcp_git()).env("WORKSPACE", repo.workspace())).ready().await;
    fs::write(repo.path().join("b.txt"), "b\n").unwrap();
    for (tool, arguments, said) in [
        ("git_add", json!({"cwd": "repo", "files": "b.txt"}), "b.txt"),
        ("git_commit", json!({"cwd": "repo", "message": "second"}), "second"),
        ("git_log", json!({"cwd": "repo"}), "second"),
    ] {
        let result = client.call(tool, arguments).await;
        assert!(text(&result).contains(said), "{tool}: {result}; {}", client.stderr());
        assert_ne!(result["isError"], true, "{tool}: {result}");
    }
    client.close().await;
    assert_eq!(client.ended().await.code(), Some(0), "{}", client.stderr());

    // And a server around a program.
    shelved(shelf.path(), Path::new(env!("CARGO_BIN_EXE_fake-program")));
    let mut client = Client::spawn(&contained(&demo().program)).ready().await;
    let result = client.call("demo_run", json!({"mode": "say"})).await;
    assert!(text(&result).contains("out"), "{result}; {}", client.stderr());
}
