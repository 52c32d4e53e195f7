//! A second cluster beside the one of the test run, and what is to be seen of one on this machine.

use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use harness::cluster::Cluster;

/// The xtask that started the cluster of this run, on another one, with a cache of its own for what runs and the same programs.
pub(crate) fn xtask(cache: &Path) -> Command {
    let cluster = Cluster::get();
    let mut command = Command::new(cluster.directory().join("xtask"));
    command
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
        .env("XDG_CACHE_HOME", cache)
        .env("CLUSTER_BIN", cluster.bin())
        .env_remove("AGENT_TOOLS_CLUSTER")
        .stdin(Stdio::null());
    command
}

/// A second cluster, and the process that wanted it.
pub(crate) struct Second {
    pub(crate) up: Child,
    pub(crate) directory: PathBuf,
}

impl Second {
    pub(crate) fn start(cache: &Path, options: &[&str]) -> Self {
        Self::start_by(xtask(cache), options)
    }

    /// The same, by an xtask of the caller's.
    pub(crate) fn start_by(mut command: Command, options: &[&str]) -> Self {
        let mut up = command
            .args(["cluster", "up"])
            .args(options)
            .stdout(Stdio::piped())
            .process_group(0)
            .spawn()
            .expect("xtask");
        let mut lines = BufReader::new(up.stdout.take().expect("its output")).lines();
        let place = lines.find_map(|line| {
            let line = line.ok()?;
            Some(PathBuf::from(line.strip_prefix("export AGENT_TOOLS_CLUSTER='")?.strip_suffix('\'')?))
        });
        // It writes a line more, and nobody has to read it.
        std::thread::spawn(move || lines.count());
        Self { directory: place.expect("cargo xtask cluster up says where it is"), up }
    }

    pub(crate) fn name(&self) -> String {
        self.directory.file_name().expect("a name").to_string_lossy().into_owned()
    }
}

impl Drop for Second {
    fn drop(&mut self) {
        self.up.kill().ok();
        self.up.wait().ok();
    }
}

/// Everything on this machine that has to do with the cluster `name` in `directory`: processes, mounts, links, control groups, files.
pub(crate) fn traces(name: &str, directory: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let directory_text = directory.display().to_string();
    for entry in std::fs::read_dir("/proc").expect("/proc").flatten() {
        let id = entry.file_name().to_string_lossy().into_owned();
        if !id.bytes().all(|byte| byte.is_ascii_digit()) {
            continue;
        }
        let command = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
        let command = String::from_utf8_lossy(&command).replace('\0', " ");
        let directory = std::fs::read_link(entry.path().join("cwd")).unwrap_or_default();
        let groups = std::fs::read_to_string(entry.path().join("cgroup")).unwrap_or_default();
        if command.contains(&directory_text)
            || directory.starts_with(&directory_text)
            || groups.contains(&format!("/agent-tools-{name}"))
        {
            found.push(format!("process {id}: {command}"));
        }
    }
    let mounts = std::fs::read_to_string("/proc/self/mountinfo").expect("mounts");
    found.extend(mounts.lines().filter(|line| line.contains(&directory_text)).map(|line| format!("mount {line}")));
    let group = format!("agent-tools-{name}");
    let hierarchies = std::fs::read_dir("/sys/fs/cgroup").expect("control groups").flatten().map(|entry| entry.path());
    let places = hierarchies.map(|path| path.join(&group)).chain([
        Path::new("/sys/fs/cgroup").join(&group),
        Path::new("/sys/class/net").join(format!("at-{name}")),
        directory.to_owned(),
    ]);
    found.extend(places.filter(|path| path.exists()).map(|path| path.display().to_string()));
    found
}
