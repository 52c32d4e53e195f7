//! The image under containerd, where there is one to start: with containerd, ctr and runc in PATH, as root.

use std::{
    fs::{self, OpenOptions},
    io::Write,
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use artifacts::layout::Layout;

/// What it is known by among the tests that could not run.
const NAME: &str = "release::containerd::runs";

/// A daemon that ends with its use, and what it started with it.
struct Daemon(Child);

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The image that `tag` names runs, as the user and with the entry point it is configured with.
pub fn runs(layout: &Layout, tag: &str) {
    let there = |program: &&&str| Command::new(**program).arg("--version").output().is_err();
    if let Some(missing) = ["containerd", "ctr", "runc"].iter().find(|program| there(program)) {
        return skip(&format!("{missing} is not in PATH"));
    }
    let place = tempfile::tempdir().unwrap();
    let path = |name: &str| place.path().join(name).display().to_string();
    let (config, socket) = (path("config.toml"), path("socket"));
    let text = format!(
        "version = 2\nroot = {:?}\nstate = {:?}\ndisabled_plugins = [\"io.containerd.grpc.v1.cri\"]\n[grpc]\naddress = {socket:?}\n",
        path("root"),
        path("state"),
    );
    fs::write(&config, text).unwrap();
    let mut daemon = Command::new("containerd");
    let daemon = daemon.args(["--config", &config]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let _daemon = Daemon(daemon);
    let started = Instant::now();
    while !Path::new(&socket).exists() {
        if started.elapsed() > Duration::from_secs(20) {
            return skip("containerd does not start for this user on this machine");
        }
        thread::sleep(Duration::from_millis(50));
    }
    let ctr = |arguments: &[&str]| {
        Command::new("timeout")
            .args(["60", "ctr", "--address", &socket])
            .args(arguments)
            .stdin(Stdio::null())
            .output()
            .unwrap()
    };
    let archive = path("image.tar");
    assert!(Command::new("tar").args(["-cf", &archive, "-C"]).arg(layout.root()).arg(".").status().unwrap().success());
    // The layout holds the artifact too, which no container runtime can unpack.
    let imported = ctr(&["images", "import", "--no-unpack", "--base-name", "mcp-git", &archive]);
    assert!(imported.status.success(), "{imported:?}");
    let image = format!("mcp-git:{tag}");
    let ran = ctr(&["run", "--rm", "--snapshotter", "native", &image, "agent-tools-test", "/mcp-git", "tools"]);
    let said = String::from_utf8_lossy(&ran.stdout).into_owned();
    if !ran.status.success() && String::from_utf8_lossy(&ran.stderr).contains("operation not permitted") {
        return skip("containers cannot be started by this user on this machine");
    }
    assert!(said.contains("git_status"), "{ran:?}");
}

fn skip(reason: &str) {
    let line = format!("skipped: {NAME}: {reason}\n");
    let _ = std::io::stdout().write_all(line.as_bytes());
    if let Some(path) = std::env::var_os("AGENT_TOOLS_SKIPPED").filter(|path| !path.is_empty()) {
        OpenOptions::new().create(true).append(true).open(path).unwrap().write_all(line.as_bytes()).unwrap();
    }
}
