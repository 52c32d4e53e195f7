//! A server tried out: spawned with nothing around it, asked what it offers, and compared with what its catalogue promises. Nothing else here starts a
//! program, and nothing starts one that was not asked to.

use std::{
    fs,
    io::{self, Write},
    os::unix::{fs::PermissionsExt, process::CommandExt},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::LazyLock,
};

use serde_json::{Value, json};

use crate::{Error, Kind, Result};

mod processes;

pub use processes::end_all;
use processes::{Kept, read};

/// What gives a server processes and networks of its own.
const APART: [&str; 4] = ["--pid", "--net", "--fork", "--kill-child"];

/// Whether the kernel does so.
static NAMESPACES: LazyLock<bool> = LazyLock::new(|| {
    let tried = Command::new("unshare").args(APART).arg("true").stderr(Stdio::null()).status();
    tried.is_ok_and(|done| done.success())
});

/// How a server is spawned.
#[derive(Clone, Debug)]
pub struct Trial {
    /// The directory it was unpacked to.
    pub place: PathBuf,
    /// The relative name of its program.
    pub program: String,
    /// What it may work on, inside `place` if it is confined.
    pub workspace: PathBuf,
    /// Whether `place` becomes its root directory and nobody (65532) its user. Needs root.
    pub confined: bool,
}

impl Trial {
    /// Compares what the server lists, in both modes, with `catalogue`, and the version it says it has with `version`. Gives the number of tools.
    ///
    /// # Errors
    ///
    /// It does not start, does not answer, or lists something else: the first difference is named.
    pub fn compare(&self, catalogue: &Value, version: Option<&str>) -> Result<usize> {
        let promised = catalogue["tools"].as_array().ok_or_else(|| Error::refused("the catalogue lists no tools"))?;
        let (found, listed) = self.list(Some("readwrite"))?;
        if let Some(version) = version.filter(|version| *version != found) {
            return Err(Error::corrupt(format!("the server says it is version {found:?}, annotated is {version:?}")));
        }
        for (index, promise) in promised.iter().enumerate() {
            let name = promise["name"].as_str().unwrap_or_default();
            let Some(tool) = listed.get(index) else {
                return Err(Error::corrupt(format!("the catalogue promises {name:?}, which the server does not list")));
            };
            for key in ["name", "title", "description", "annotations", "inputSchema", "outputSchema"] {
                if tool[key] != promise[key] {
                    let message = format!("{key} of tool {} ({name:?}) is not what the catalogue promises", index + 1);
                    return Err(Error::corrupt(message));
                }
            }
        }
        if let Some(more) = listed.get(promised.len()) {
            return Err(Error::corrupt(format!(
                "the server lists {}, which the catalogue does not have",
                more["name"]
            )));
        }
        let names = |tools: &[Value]| tools.iter().map(|tool| tool["name"].clone()).collect::<Vec<_>>();
        let reads: Vec<Value> = promised.iter().filter(|tool| tool["access"] == "read").cloned().collect();
        if names(&self.list(Some("readonly"))?.1) != names(&reads) {
            return Err(Error::corrupt("in readonly mode the server does not list exactly the tools that only read"));
        }
        let unset = if catalogue["default_mode"] == "readonly" { &reads } else { promised };
        if names(&self.list(None)?.1) != names(unset) {
            let mode = &catalogue["default_mode"];
            return Err(Error::corrupt(format!(
                "without MODE the server does not list the tools of {mode}, as the catalogue says"
            )));
        }
        Ok(listed.len())
    }

    /// Calls the first reading tool of `catalogue` with its example, and gives its name. A failure that the tool reports in its own words counts: there may be
    /// nothing here for it to read.
    ///
    /// # Errors
    ///
    /// The tool does not answer.
    pub fn call(&self, catalogue: &Value) -> Result<String> {
        let tools = catalogue["tools"].as_array().map(Vec::as_slice).unwrap_or_default();
        let Some(tool) = tools.iter().find(|tool| tool["access"] == "read") else {
            return Err(Error::refused("the catalogue has no tool that only reads"));
        };
        let name = tool["name"].as_str().unwrap_or_default().to_owned();
        let mut arguments = vec!["call", &name];
        arguments.extend(tool["example"].as_str().unwrap_or_default().split_whitespace());
        let mut child = Kept::spawn(self.command(Some("readonly"), &arguments).stdin(Stdio::null()))
            .map_err(|error| self.failed(&error))?;
        let answer = read(&mut child, |lines| lines.into_iter().collect::<Vec<_>>().join("\n"))?;
        let status = child.ended().map_err(|error| self.failed(&error))?;
        match status.code() {
            Some(0) => Ok(name),
            // `not_found: …`: its own word for it. Anything else did not come from the tool.
            Some(1)
                if answer
                    .split_once(": ")
                    .is_some_and(|(code, _)| code.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')) =>
            {
                Ok(name)
            }
            _ => Err(Error::corrupt(format!("{name} did not answer ({status})"))),
        }
    }

    /// The version the server says it has, and what it answers to `tools/list`.
    fn list(&self, mode: Option<&str>) -> Result<(String, Vec<Value>)> {
        let mut child =
            Kept::spawn(self.command(mode, &[]).stdin(Stdio::piped())).map_err(|error| self.failed(&error))?;
        let initialize = json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
            "protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "agent-tools", "version": env!("CARGO_PKG_VERSION")},
        }});
        let initialized = json!({"jsonrpc": "2.0", "method": "notifications/initialized"});
        let list = json!({"jsonrpc": "2.0", "id": 2, "method": "tools/list"});
        let mut stdin = child.0.stdin.take();
        if let Some(stdin) = &mut stdin {
            // A server that has ended already is told by its silence.
            let _ = stdin.write_all(format!("{initialize}\n{initialized}\n{list}\n").as_bytes());
        }
        let (version, answer) = read(&mut child, |lines| {
            let mut answers = lines.filter_map(|line| serde_json::from_str::<Value>(&line).ok());
            let mut version = String::new();
            let list = answers.find(|answer| {
                if let (true, Some(said)) = (answer["id"] == 1, answer["result"]["serverInfo"]["version"].as_str()) {
                    said.clone_into(&mut version);
                }
                answer["id"] == 2
            });
            (version, list)
        })?;
        // Its end of the conversation: it stops by itself, and if not, it is stopped.
        drop(stdin);
        match answer {
            Some(answer) if answer["result"]["tools"].is_array() => {
                Ok((version, answer["result"]["tools"].as_array().cloned().unwrap_or_default()))
            }
            Some(_) => Err(Error::corrupt(format!("{} answers tools/list with an error", self.program))),
            None => Err(Error::corrupt(format!("{} ended without answering tools/list", self.program))),
        }
    }

    /// The program with nothing but what it needs in its environment.
    fn command(&self, mode: Option<&str>, arguments: &[&str]) -> Command {
        let inside = Path::new("/").join(&self.program);
        let mut command = if self.confined {
            // In a process namespace of its own, where the kernel gives one: then nothing it starts outlives it.
            let mut command = if *NAMESPACES {
                let mut command = Command::new("unshare");
                // The first process of the namespace, with which all others end, is one of ours and stays in our group.
                command.args(APART).args(["unshare", "--fork", "chroot"]);
                command
            } else {
                Command::new("chroot")
            };
            command.arg("--userspec=65532:65532").arg(&self.place).arg(inside);
            command
        } else {
            Command::new(self.place.join(&self.program))
        };
        // The commands that confine are looked for; what they start is given by its path.
        let path = std::env::var_os("PATH").filter(|_| self.confined);
        command.args(arguments).env_clear().envs(path.map(|path| ("PATH", path))).process_group(0);
        command.envs(mode.map(|mode| ("MODE", mode)));
        // Then output schemas are listed as well.
        command.env("RESULTS", "both").env("WORKSPACE", &self.workspace).stdout(Stdio::piped()).stderr(Stdio::null());
        command
    }

    fn failed(&self, error: &std::io::Error) -> Error {
        Error::new(Kind::Io, format!("{} could not be run: {error}", self.program))
    }
}

/// Spawns the server in `place`, alone there if this process may arrange that, compares it with `catalogue` and `version`, and gives the name of a tool that
/// answered.
///
/// # Errors
///
/// As [`Trial::compare`] and [`Trial::call`]; [`Kind::NotFound`] without a catalogue.
pub fn try_out(place: &Path, program: &str, catalogue: Option<&Value>, version: Option<&str>) -> Result<String> {
    let Some(catalogue) = catalogue else {
        return Err(Error::new(Kind::NotFound, "there is no catalogue to compare the running server with"));
    };
    processes::keep_descriptors();
    let confined = rustix::process::geteuid().is_root();
    if confined && !program_there("chroot") {
        return Err(Error::new(
            Kind::Usage,
            "as root, a server is run in a root directory of its own: chroot is not in PATH",
        ));
    }
    let workspace = place.join("workspace");
    let failed = |error: io::Error| Error::io(place, &error);
    // An empty repository, as `git init` leaves one: something to look at for tools that look at one, and nothing to the others.
    fs::create_dir_all(workspace.join(".git/objects")).map_err(failed)?;
    fs::create_dir_all(workspace.join(".git/refs")).map_err(failed)?;
    fs::write(workspace.join(".git/HEAD"), "ref: refs/heads/main\n").map_err(failed)?;
    fs::create_dir_all(place.join("tmp")).map_err(failed)?;
    if confined {
        fs::set_permissions(place.join("tmp"), fs::Permissions::from_mode(0o1777)).map_err(failed)?;
        for path in
            ["workspace", "workspace/.git", "workspace/.git/objects", "workspace/.git/refs", "workspace/.git/HEAD"]
        {
            let owner = Some(crate::base::USER);
            std::os::unix::fs::chown(place.join(path), owner, owner).map_err(failed)?;
        }
    }
    let workspace = if confined { "/workspace".into() } else { workspace };
    let trial = Trial { place: place.to_owned(), program: program.to_owned(), workspace, confined };
    trial.compare(catalogue, version)?;
    trial.call(catalogue)
}

fn program_there(name: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|place| place.join(name).is_file())
}
