//! The control group of a cluster's pods: made in every hierarchy before its kubelet wants it, and removed when nothing is left in it.

use std::{
    fs, io,
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use crate::run::Result;

const MOUNTED: &str = "/sys/fs/cgroup";

/// How long the last processes of a cluster may take to end.
const PATIENCE: Duration = Duration::from_secs(30);

/// Makes the group `name`.
pub fn create(name: &str) -> Result<()> {
    for hierarchy in hierarchies(Path::new(MOUNTED)) {
        let group = hierarchy.join(name);
        let made = fs::create_dir_all(&group).and_then(|()| ready(&hierarchy, &group));
        made.map_err(|error| {
            format!(
                "the control group {} could not be made: {error}; the node needs a writable cgroup file system",
                group.display()
            )
        })?;
    }
    Ok(())
}

/// Removes the group `name` with all groups in it.
pub fn remove(name: &str) -> Result<()> {
    let started = Instant::now();
    for hierarchy in hierarchies(Path::new(MOUNTED)) {
        let group = hierarchy.join(name);
        while group.exists() {
            match remove_tree(&group) {
                // What was killed is still ending.
                Err(_) if started.elapsed() < PATIENCE => thread::sleep(Duration::from_millis(50)),
                Err(error) => {
                    return Err(format!("the control group {} could not be removed: {error}", group.display()));
                }
                Ok(()) => {}
            }
        }
    }
    Ok(())
}

/// Version 2 has one hierarchy, version 1 one for each controller; a machine may have both.
fn hierarchies(mounted: &Path) -> Vec<PathBuf> {
    if mounted.join("cgroup.controllers").exists() {
        return vec![mounted.to_owned()];
    }
    let entries = fs::read_dir(mounted).into_iter().flatten().flatten().filter(|entry| !entry.path().is_symlink());
    entries.map(|entry| entry.path()).filter(|path| path.join("cgroup.procs").exists()).collect()
}

/// A group is ready for pods when it may use processors and memory banks, and its controllers are on.
fn ready(hierarchy: &Path, group: &Path) -> io::Result<()> {
    for file in ["cpuset.cpus", "cpuset.mems"] {
        // Version 2 inherits them, and has no such file at its root.
        if hierarchy.join(file).exists() {
            fs::write(group.join(file), fs::read(hierarchy.join(file))?)?;
        }
    }
    let controllers = fs::read_to_string(group.join("cgroup.controllers")).ok();
    if controllers.is_some() {
        for controller in fs::read_to_string(hierarchy.join("cgroup.controllers"))?.split_whitespace() {
            fs::write(hierarchy.join("cgroup.subtree_control"), format!("+{controller}"))?;
        }
    }
    Ok(())
}

/// Groups are directories that hold nothing which could be removed but other groups.
fn remove_tree(group: &Path) -> io::Result<()> {
    for entry in fs::read_dir(group)?.flatten() {
        if entry.file_type()?.is_dir() {
            remove_tree(&entry.path())?;
        }
    }
    fs::remove_dir(group)
}
