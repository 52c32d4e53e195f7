//! What the server's user may not see: said, and never shown as clean, gone or locked.

use std::{fs, os::unix::fs::PermissionsExt, path::Path};

use harness::{Client, GitRepo, Start, skip, start::mcp_git, text};
use serde_json::{Value, json};

/// `mcp-git` as a user for whom modes count, or why it cannot be had.
fn start(workspace: &Path) -> Result<Start, &'static str> {
    if !rustix::process::getuid().is_root() {
        return Ok(Start::git(workspace));
    }
    let setpriv = ["/usr/bin/setpriv", "/bin/setpriv"].into_iter().find(|path| Path::new(path).exists());
    let setpriv = setpriv.ok_or("root sees everything, and there is no setpriv")?;
    let start = Start::new(setpriv).args(["--reuid=65532", "--regid=65532", "--clear-groups"]).arg(mcp_git());
    Ok(start.env("WORKSPACE", workspace))
}

fn mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[tokio::test]
async fn what_is_closed_is_said_and_not_deleted() {
    let repo = GitRepo::new();
    for file in ["open/a", "listed-not/b", "closed/c"] {
        repo.write(file, "one\n");
    }
    repo.commit("first");
    repo.write("untracked/d", "one\n");
    mode(repo.workspace(), 0o755);
    let place = |name: &str| repo.path().join(name);
    let mut client = match start(repo.workspace()) {
        Ok(start) => Client::spawn(&start).ready().await,
        Err(reason) => return skip("permissions::what_is_closed_is_said_and_not_deleted", reason),
    };
    let mut ask = async |tool: &str, arguments: Value| text(&client.call(tool, arguments).await).to_owned();

    mode(&place("listed-not"), 0o111);
    mode(&place("closed"), 0);
    mode(&place("untracked"), 0);
    let status = ask("git_status", json!({"cwd": "repo"})).await;
    for name in ["`listed-not`", "`closed`", "`untracked`"] {
        assert!(status.contains(name) && status.contains("permission denied"), "{name}: {status}");
    }
    assert!(!status.contains("clean") && !status.contains(".D"), "{status}");
    let diff = ask("git_diff", json!({"cwd": "repo"})).await;
    assert!(diff.contains("could not look into `closed`") && diff.contains("in what could be seen"), "{diff}");
    for name in ["listed-not", "closed", "untracked"] {
        mode(&place(name), 0o755);
    }
    let status = ask("git_status", json!({"cwd": "repo"})).await;
    assert!(status.contains("?? untracked/") && !status.contains("permission"), "{status}");
}
