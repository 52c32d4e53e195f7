//! What a node needs of this machine.

use std::{
    path::Path,
    process::{Command, Stdio},
};

/// Why there can be no node here, and what would help; nothing if there can be one.
pub fn lacking() -> Option<String> {
    if !rustix::process::geteuid().is_root() {
        return Some("a node is root: run this as root (containers, network and mounts need it)".to_owned());
    }
    for (program, package) in
        [("unshare", "util-linux"), ("setpriv", "util-linux"), ("mount", "mount"), ("ip", "iproute2")]
    {
        if !runs(program, &["--version"]) && !runs(program, &["-V"]) {
            return Some(format!("no {program}: apt-get install {package}"));
        }
    }
    if !runs("unshare", &["--mount", "--pid", "--fork", "--mount-proc", "true"]) {
        return Some(
            "namespaces cannot be made here: in a container, they need --privileged or at least CAP_SYS_ADMIN"
                .to_owned(),
        );
    }
    if rustix::fs::access(Path::new("/sys/fs/cgroup"), rustix::fs::Access::WRITE_OK).is_err() {
        return Some("/sys/fs/cgroup is not writable: in a container, it needs --privileged".to_owned());
    }
    None
}

fn runs(program: &str, arguments: &[&str]) -> bool {
    let status = Command::new(program).args(arguments).stdout(Stdio::null()).stderr(Stdio::null()).status();
    status.is_ok_and(|status| status.success())
}
