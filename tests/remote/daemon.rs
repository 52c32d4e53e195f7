//! The git daemon's protocol, against git's own.

use std::path::Path;
use std::process::{Command, Stdio};

use shared::Code;

use crate::network::Client;
use harness::repository::{bare, tip};

/// Serves the repositories below `root`, one `git daemon --inetd` for each connection, and returns the port.
fn serve(root: &Path) -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("port");
    let port = listener.local_addr().expect("address").port();
    let base = format!("--base-path={}", root.display());
    std::thread::spawn(move || {
        while let Ok((stream, _)) = listener.accept() {
            let socket: std::os::fd::OwnedFd = stream.into();
            let output = socket.try_clone().expect("socket");
            let mut command = Command::new("git");
            command
                .args(["daemon", "--inetd", "--export-all", &base])
                .stdin(socket)
                .stdout(output)
                .stderr(Stdio::null());
            command.spawn().expect("git daemon").wait().ok();
        }
    });
    port
}

#[test]
fn clone_over_the_git_protocol() {
    let root = tempfile::tempdir().expect("directory");
    let remote = bare(root.path(), "r.git", 3);
    let url = |name: &str| format!("git://127.0.0.1:{}/{name}", serve(root.path()));
    let client = Client::new(&[("GIT_ALLOW_PROTOCOLS", "git")]);
    let to = root.path().join("clone");
    client.clone_to(&url("r.git"), &to, Some(2)).expect("clone");
    assert_eq!(tip(&to, "HEAD"), tip(&remote, "main"));
    let error = client.clone_to(&url("missing.git"), &root.path().join("b"), None).err().expect("missing");
    assert_eq!(error.code(), Code::Unavailable, "{error}");
    assert!(error.said().is_some_and(|said| said.contains("access denied")), "{error:?}");
    let error = Client::new(&[]).clone_to(&url("r.git"), &root.path().join("c"), None).err().expect("not allowed");
    assert_eq!(error.code(), Code::Forbidden);
}
