//! What a node needs of this machine.

use std::{
    path::Path,
    process::{Command, Stdio},
};

use super::{inside, places};

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
    hidden(&places::cache().ok()?)
}

/// The cluster has its own view of some directories; what it is made of must not lie there.
fn hidden(cache: &Path) -> Option<String> {
    let over = inside::OURS.iter().find(|directory| cache.starts_with(directory))?;
    Some(format!(
        "the cache {} is in {over}, which a cluster hides: set XDG_CACHE_HOME to a directory elsewhere",
        cache.display()
    ))
}

fn runs(program: &str, arguments: &[&str]) -> bool {
    let status = Command::new(program).args(arguments).stdout(Stdio::null()).stderr(Stdio::null()).status();
    status.is_ok_and(|status| status.success())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cache_that_would_be_hidden_is_named() {
        assert!(hidden(Path::new("/var/lib/ci/.cache")).unwrap().contains("set XDG_CACHE_HOME"));
        assert_eq!(hidden(Path::new("/root/.cache")), None);
    }
}
