//! `cargo xtask new` on a copy of the workspace: the new server is built, tested, generated, extended by a tool, and called.
//!
//! The copy lies below the target directory at a place that stays the same, so that what it compiles is there the next time. Its target
//! directory is its own: cargo knows a package by its path inside its workspace, and would take the copy's build for this one's.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Command, Output},
};

/// A copy of the workspace as git sees it.
struct Copy {
    root: PathBuf,
    target: PathBuf,
    /// Held while the test runs: two runs at once would build in the same place.
    _lock: File,
}

impl Copy {
    fn of_this_workspace() -> Self {
        let place = Path::new(env!("CARGO_TARGET_TMPDIR"));
        let lock = File::create(place.join("new.lock")).unwrap();
        lock.lock().unwrap();
        let original = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let root = place.join("new");
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
        Self { root, target: place.join("new-target"), _lock: lock }
    }

    fn run(&self, program: &str, arguments: &[&str]) -> Output {
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
    fn ok(&self, program: &str, arguments: &[&str]) -> String {
        let output = self.run(program, arguments);
        let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{program} {arguments:?}\n{stdout}\n{stderr}");
        stdout.into_owned()
    }

    fn xtask(&self, arguments: &[&str]) -> String {
        self.ok(env!("CARGO_BIN_EXE_xtask"), arguments)
    }

    fn cargo(&self, arguments: &[&str]) -> String {
        self.ok(env!("CARGO"), arguments)
    }

    fn read(&self, path: &str) -> String {
        fs::read_to_string(self.root.join(path)).unwrap()
    }

    fn change(&self, path: &str, change: impl FnOnce(String) -> String) {
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

#[test]
fn a_new_server_is_whole_and_takes_a_second_tool() {
    let copy = Copy::of_this_workspace();
    copy.xtask(&["new", "demo"]);

    // It is everywhere it has to be.
    assert!(copy.read("Cargo.toml").contains("mcp-demo = { path = \"tools/demo\" }"));
    assert!(copy.read("README.md").contains("| `demo_hello` | RO | `name`*, `budget` | Greets someone by name. |"));
    assert!(copy.read("README.md").contains("[`mcp-demo`](tools/demo)"));
    assert!(copy.read("artifacts/demo/manifest.json").contains("\"mcp-demo\""));
    assert!(copy.read("artifacts/demo/catalogue.json").contains("\"demo_hello\""));
    assert!(copy.read("tools/demo/snapshots/demo_hello.json").contains("\"readOnlyHint\": true"));

    // It is written as the project writes, and nothing is stale.
    copy.cargo(&["fmt", "--check", "--package", "mcp-demo"]);
    copy.ok("rustfmt", &["--check", "tools/demo/src/tools/hello.rs"]);
    copy.xtask(&["codegen", "--check"]);
    let again = copy.run(env!("CARGO_BIN_EXE_xtask"), &["new", "demo"]);
    assert!(!again.status.success() && String::from_utf8_lossy(&again.stderr).contains("exists already"), "{again:?}");

    // Its own tests pass, and those among the end-to-end tests.
    let tests = copy.cargo(&[
        "test",
        "--package",
        "mcp-demo",
        "--package",
        "agent-tools-tests",
        "--lib",
        "--test",
        "it",
        "--",
        "hello",
        "demo::",
    ]);
    for test in [
        "tools::hello::tests::a_name_is_greeted_and_nobody_is_refused",
        "demo::hello_greets",
        "demo::hello_says_what_is_missing",
    ] {
        assert!(tests.contains(&format!("test {test} ... ok")), "{test} did not run:\n{tests}");
    }

    // A second tool is one file and one line.
    let hello = copy.read("tools/demo/src/tools/hello.rs");
    let second = hello.replace("Hello", "Goodbye").replace("hello", "goodbye");
    fs::write(copy.root.join("tools/demo/src/tools/goodbye.rs"), second).unwrap();
    let line = "    read goodbye::Goodbye,\n";
    copy.change("tools/demo/src/tools.rs", |list| {
        list.replace("    read hello::Hello,\n", &format!("{line}    read hello::Hello,\n"))
    });
    let check = copy.run(env!("CARGO_BIN_EXE_xtask"), &["codegen", "--check"]);
    let stale = String::from_utf8_lossy(&check.stdout).into_owned();
    assert!(!check.status.success(), "{stale}");
    for path in ["README.md", "artifacts/demo/catalogue.json", "tools/demo/snapshots/demo_goodbye.json"] {
        assert!(stale.contains(&format!("{path}: stale")), "{path} is not in:\n{stale}");
    }
    copy.xtask(&["codegen"]);
    copy.xtask(&["codegen", "--check"]);
    let binary = copy.target.join("debug/mcp-demo");
    let said = copy.ok(binary.to_str().unwrap(), &["call", "demo_goodbye", "name=Ada"]);
    assert_eq!(said.trim_end(), "goodbye `Ada`");
    // Its place in the list is its place for clients.
    let tools = copy.ok(binary.to_str().unwrap(), &["tools"]);
    let order: Vec<&str> = tools.lines().filter_map(|line| line.split(' ').next()).take(2).collect();
    assert_eq!(order, ["demo_goodbye", "demo_hello"]);
    // With the packages of before, and below by building: another selection or a mere check would compile every dependency anew.
    let tests =
        copy.cargo(&["test", "--package", "mcp-demo", "--package", "agent-tools-tests", "--lib", "--", "goodbye"]);
    let test = "tools::goodbye::tests::a_name_is_greeted_and_nobody_is_refused";
    assert!(tests.contains(&format!("test {test} ... ok")), "{tests}");

    // A tool that changes something is not listed among those that do not.
    copy.change("tools/demo/src/tools.rs", |list| list.replace(line, "    write goodbye::Goodbye,\n"));
    let wrong = copy
        .run(env!("CARGO"), &["test", "--package", "mcp-demo", "--package", "agent-tools-tests", "--lib", "--no-run"]);
    let said = String::from_utf8_lossy(&wrong.stderr);
    assert!(!wrong.status.success() && said.contains("type mismatch"), "{said}");
}
