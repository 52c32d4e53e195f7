//! A copy of the workspace, for verbs that write into it or have to be run somewhere else.
//!
//! The copy lies below the target directory at a place that stays the same, so that what it compiles is there the next time. Its target
//! directory is its own: cargo knows a package by its path inside its workspace, and would take the copy's build for this one's.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Command, Output},
};

/// The workspace this was compiled in.
pub fn original() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// A copy of the workspace as git sees it.
pub struct Copy {
    /// Where it is.
    pub root: PathBuf,
    /// Where it is built.
    pub target: PathBuf,
    /// Held while the test runs: two runs at once would build in the same place.
    _lock: File,
}

impl Copy {
    /// The copy that is called `name`.
    pub fn of_this_workspace(name: &str) -> Self {
        let place = Path::new(env!("CARGO_TARGET_TMPDIR"));
        let lock = File::create(place.join(format!("{name}.lock"))).unwrap();
        lock.lock().unwrap();
        let original = original();
        let root = place.join(name);
        let listed = Command::new("git")
            .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
            .current_dir(original)
            .output()
            .unwrap();
        assert!(listed.status.success(), "{}", String::from_utf8_lossy(&listed.stderr));
        let files: Vec<PathBuf> = String::from_utf8(listed.stdout)
            .unwrap()
            .split_terminator('\0')
            .map(PathBuf::from)
            .filter(|path| original.join(path).is_file())
            .collect();
        assert!(files.contains(&PathBuf::from("Cargo.toml")), "{files:?}");
        remove_others(&root, &root, &files);
        for path in &files {
            let (from, to) = (original.join(path), root.join(path));
            let text = fs::read(&from).unwrap();
            // A file that is the same keeps its time, and what was compiled from it stays good.
            if fs::read(&to).ok().as_ref() != Some(&text) {
                fs::create_dir_all(to.parent().unwrap()).unwrap();
                fs::write(&to, text).unwrap();
            }
        }
        Self { root, target: place.join(format!("{name}-target")), _lock: lock }
    }

    /// Runs `program` in the copy.
    pub fn run(&self, program: &str, arguments: &[&str]) -> Output {
        let mut command = Command::new(program);
        command
            .args(arguments)
            .current_dir(&self.root)
            .env("CARGO_TARGET_DIR", &self.target)
            .env("CARGO_PROFILE_DEV_DEBUG", "false")
            .env("CARGO_TERM_COLOR", "never");
        command.output().unwrap()
    }

    /// Runs what has to succeed and gives its stdout.
    pub fn ok(&self, program: &str, arguments: &[&str]) -> String {
        let output = self.run(program, arguments);
        let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{program} {arguments:?}\n{stdout}\n{stderr}");
        stdout.into_owned()
    }

    /// A verb that has to succeed.
    pub fn xtask(&self, arguments: &[&str]) -> String {
        self.ok(env!("CARGO_BIN_EXE_xtask"), arguments)
    }

    /// cargo, which has to succeed.
    pub fn cargo(&self, arguments: &[&str]) -> String {
        self.ok(env!("CARGO"), arguments)
    }

    /// A file of the copy.
    pub fn read(&self, path: &str) -> String {
        fs::read_to_string(self.root.join(path)).unwrap()
    }

    /// Changes a file of the copy.
    pub fn change(&self, path: &str, change: impl FnOnce(String) -> String) {
        fs::write(self.root.join(path), change(self.read(path))).unwrap();
    }
}

/// Removes what an earlier run left and the workspace does not have.
fn remove_others(directory: &Path, root: &Path, files: &[PathBuf]) {
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        let path = entry.path();
        if entry.file_type().unwrap().is_dir() {
            remove_others(&path, root, files);
            let _ = fs::remove_dir(&path);
        } else if !files.iter().any(|file| root.join(file) == path) {
            fs::remove_file(&path).unwrap();
        }
    }
}
