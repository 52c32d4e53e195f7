//! A workspace with one repository, the real git as judge, and the server's own binary.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use serde_json::Value;

pub struct World {
    dir: tempfile::TempDir,
}

/// What a call came to.
pub struct Ran {
    pub ok: bool,
    pub text: String,
    pub json: Value,
}

impl Ran {
    #[track_caller]
    pub fn fine(self) -> Self {
        assert!(self.ok, "{}", self.text);
        self
    }

    /// A failure with this code, whose whole text has these words.
    #[track_caller]
    pub fn refused(self, code: &str, words: &[&str]) -> Self {
        assert!(!self.ok, "{}", self.text);
        assert_eq!(self.json["code"], code, "{}", self.text);
        for word in words {
            assert!(self.text.contains(word), "{word:?} is not in {}", self.text);
        }
        self
    }
}

impl World {
    /// A repository `r` on branch main without commits.
    pub fn empty() -> Self {
        let world = Self { dir: tempfile::tempdir().unwrap() };
        for name in ["home", "ws/r"] {
            fs::create_dir_all(world.dir.path().join(name)).unwrap();
        }
        world.git(&["init", "-q", "--template=", "-b", "main"]);
        world.git(&["config", "user.name", "Test"]);
        world.git(&["config", "user.email", "test@example.com"]);
        world
    }

    /// The same with one commit that holds `files`.
    pub fn with(files: &[(&str, &str)]) -> Self {
        let world = Self::empty();
        world.commit(files, "first");
        world
    }

    pub fn base(&self) -> &Path {
        self.dir.path()
    }

    pub fn root(&self) -> PathBuf {
        self.dir.path().join("ws/r")
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.root().join(name)
    }

    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    pub fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    /// Writes `files` and commits everything with git itself.
    pub fn commit(&self, files: &[(&str, &str)], message: &str) -> String {
        for (name, content) in files {
            self.write(name, content);
        }
        self.git(&["add", "-A"]);
        self.git(&["commit", "-q", "--allow-empty", "-m", message]);
        self.git(&["rev-parse", "HEAD"])
    }

    fn isolated(&self, program: &str, place: &Path) -> Command {
        let mut command = Command::new(program);
        command
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.dir.path().join("home"))
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_TERMINAL_PROMPT", "0")
            .env("LC_ALL", "C")
            .current_dir(place)
            .stdin(Stdio::null());
        command
    }

    pub fn git_at(&self, place: &Path, args: &[&str], input: Option<&[u8]>) -> Output {
        use std::io::Write;
        let mut command = self.isolated("git", place);
        command.args(["-c", "protocol.file.allow=always"]).args(args).stdout(Stdio::piped()).stderr(Stdio::piped());
        if input.is_some() {
            command.stdin(Stdio::piped());
        }
        let mut child = command.spawn().unwrap();
        if let Some(input) = input {
            child.stdin.take().unwrap().write_all(input).unwrap();
        }
        child.wait_with_output().unwrap()
    }

    /// Runs git in the repository; its output without the last newline.
    #[track_caller]
    pub fn git(&self, args: &[&str]) -> String {
        self.git_with(args, None)
    }

    #[track_caller]
    pub fn git_with(&self, args: &[&str], input: Option<&[u8]>) -> String {
        let output = self.git_at(&self.root(), args, input);
        assert!(output.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).trim_end_matches('\n').to_owned()
    }

    /// The server's binary, not started yet.
    pub fn server(&self) -> Command {
        let mut command = self.isolated(env!("CARGO_BIN_EXE_mcp-git"), self.dir.path());
        command.env("WORKSPACE", self.dir.path().join("ws"));
        command
    }

    pub fn call_command(&self, tool: &str, mut arguments: Value) -> Command {
        if arguments.get("cwd").is_none() {
            arguments["cwd"] = "r".into();
        }
        let mut command = self.server();
        command.args(["call", tool, "--output", "json", "--json", &arguments.to_string()]);
        command
    }

    pub fn call(&self, tool: &str, arguments: Value) -> Ran {
        self.ran(self.call_command(tool, arguments))
    }

    pub fn ran(&self, mut command: Command) -> Ran {
        let output = command.output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let json = serde_json::from_str(&text).unwrap_or(Value::Null);
        assert!(!json.is_null(), "{text}{}", String::from_utf8_lossy(&output.stderr));
        Ran { ok: output.status.success(), text, json }
    }

    /// The text a model would see.
    pub fn text(&self, tool: &str, arguments: &Value) -> String {
        let output = self.server().args(["call", tool, "--json", &arguments.to_string()]).output().unwrap();
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    pub fn status(&self) -> String {
        self.git(&["--no-optional-locks", "status", "--porcelain=v2", "--untracked-files=all"])
    }

    /// The repository is sound, and nothing of ours is left in it.
    #[track_caller]
    pub fn sound(&self) {
        let output = self.git_at(&self.root(), &["fsck", "--strict", "--full"], None);
        let said = String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout);
        let bad: Vec<&str> =
            said.lines().filter(|line| !line.starts_with("dangling ") && !line.starts_with("notice:")).collect();
        assert!(output.status.success() && bad.is_empty(), "{said}");
        let mut locks = Vec::new();
        find(&self.path(".git"), &mut |path| {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if name.ends_with(".lock") || name.starts_with("streamed") {
                locks.push(path.to_owned());
            }
        });
        assert!(locks.is_empty(), "{locks:?}");
    }

    /// A copy of the whole workspace, for git to do the same in.
    pub fn twin(&self) -> World {
        let twin = World { dir: tempfile::tempdir().unwrap() };
        let status = Command::new("cp").arg("-a").arg(self.dir.path().join(".")).arg(twin.dir.path()).status().unwrap();
        assert!(status.success());
        twin
    }

    /// Makes a hook that leaves a mark when it runs.
    pub fn hook(&self, name: &str) {
        let path = self.path(".git/hooks").join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let mark = self.dir.path().join("ran");
        fs::write(&path, format!("#!/bin/sh\necho {name} >> '{}'\n", mark.display())).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// The hooks and filters that ran.
    pub fn marks(&self) -> String {
        fs::read_to_string(self.dir.path().join("ran")).unwrap_or_default()
    }
}

fn find(dir: &Path, each: &mut impl FnMut(&Path)) {
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        each(&entry.path());
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            find(&entry.path(), each);
        }
    }
}
