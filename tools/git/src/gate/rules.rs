//! Which settings of a repository are refused, and which are only reported.

use std::collections::{BTreeSet, HashSet};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use super::config::{self, Entry, Unclear};
use super::discover::looks_bare;
use super::paths::{Leads, Workspace, forbidden, names_dot_git, shown_text};
use shared::{Code, Result, ToolError};

/// How deep includes may nest; libgit2's own bound.
const INCLUDE_DEPTH_MAX: u32 = 10;
/// How many notes are kept; a hostile configuration could otherwise fill the answer.
const NOTES_MAX: usize = 40;

/// The judged configuration of one repository.
#[derive(Debug, Default)]
pub(crate) struct Judged {
    /// Name and value of every setting, of all files and whatever their conditions.
    pub settings: HashSet<(Vec<u8>, Option<Vec<u8>>)>,
    /// Every place core.worktree names, canonical and inside.
    pub work_trees: Vec<PathBuf>,
    /// Places core.hooksPath names, where they are inside.
    pub hook_dirs: Vec<PathBuf>,
    /// Settings that would run a program or redirect traffic under git and have no effect here.
    pub notes: BTreeSet<String>,
}

/// The repository a configuration belongs to.
#[derive(Clone, Copy)]
pub(crate) struct Owner<'a> {
    pub git_dir: &'a Path,
    pub work_root: Option<&'a Path>,
}

impl Judged {
    /// Judges one file and everything it includes. A file that does not exist has nothing to judge.
    pub(crate) fn file(&mut self, workspace: &mut Workspace, owner: Owner<'_>, path: &Path, depth: u32) -> Result<()> {
        if depth >= INCLUDE_DEPTH_MAX {
            return Err(forbidden(format!("{}: include.path nests too deeply", workspace.shown(path))));
        }
        let Some(bytes) = workspace.read_small(path)? else {
            return Ok(());
        };
        let entries = config::parse(&bytes).map_err(|unclear| not_certain(workspace, path, unclear))?;
        for entry in entries {
            self.entry(workspace, owner, path, &entry, depth)?;
            self.settings.insert((entry.name, entry.value));
        }
        Ok(())
    }

    fn entry(
        &mut self,
        workspace: &mut Workspace,
        owner: Owner<'_>,
        file: &Path,
        entry: &Entry,
        depth: u32,
    ) -> Result<()> {
        let name = String::from_utf8_lossy(&entry.name).into_owned();
        let place = Place { file, name: shown_text(&name), line: entry.line };
        let value = entry.value.as_deref().unwrap_or_default();
        if matches!(entry.section.as_slice(), b"include" | b"includeif") && entry.key == "path" {
            // Conditions are not evaluated: they can become true later, on another branch for instance.
            if let Some(target) = included(workspace, &place, value)? {
                self.file(workspace, owner, &target, depth + 1)?;
            }
            return Ok(());
        }
        match name.as_str() {
            "core.worktree" => {
                let tree = owner.git_dir.join(OsStr::from_bytes(value));
                self.work_trees.push(work_tree(workspace, &place, &tree)?);
            }
            "core.attributesfile" | "core.excludesfile" | "mailmap.file" => inside_file(workspace, &place, value)?,
            "core.hookspath" => {
                let base = owner.work_root.unwrap_or(owner.git_dir);
                if let Leads::Inside(dir) = workspace.leads(&base.join(OsStr::from_bytes(value))) {
                    self.hook_dirs.push(dir);
                }
                self.note("core.hooksPath is configured; not used");
            }
            "core.protectntfs" | "core.protecthfs" if !is_true(entry.value.as_deref()) => {
                return Err(place.forbidden(workspace, "switches off the protection of .git on checkout"));
            }
            _ => {}
        }
        format_rule(workspace, &place, &name, entry)?;
        if let Some(effect) = effect(&name, entry, value) {
            self.note(format!("{} is configured; {effect}", place.name));
        }
        Ok(())
    }

    fn note(&mut self, note: impl Into<String>) {
        if self.notes.len() < NOTES_MAX {
            self.notes.insert(note.into());
        }
    }
}

struct Place<'a> {
    file: &'a Path,
    name: String,
    line: usize,
}

impl Place<'_> {
    fn forbidden(&self, workspace: &Workspace, what: &str) -> ToolError {
        forbidden(format!("{} at line {} of {} {what}", self.name, self.line, workspace.shown(self.file)))
            .hint("remove the setting")
    }

    fn unsupported(&self, workspace: &Workspace, what: &str) -> ToolError {
        ToolError::new(
            Code::Unsupported,
            format!("{what} ({} at line {} of {})", self.name, self.line, workspace.shown(self.file)),
        )
    }
}

fn not_certain(workspace: &Workspace, file: &Path, unclear: Unclear) -> ToolError {
    forbidden(format!("line {} of {} cannot be read with certainty", unclear.0, workspace.shown(file)))
        .hint("rewrite the line in the form `git config` writes")
}

/// The file an include names, when it is inside and exists.
fn included(workspace: &Workspace, place: &Place<'_>, value: &[u8]) -> Result<Option<PathBuf>> {
    // `~` and `%(prefix)` depend on who asks; the home directory is the operator's anyway.
    if value.starts_with(b"~") || value.starts_with(b"%") {
        return Err(place.forbidden(workspace, "leads outside the workspace"));
    }
    let base = place.file.parent().unwrap_or(place.file);
    match workspace.leads(&base.join(OsStr::from_bytes(value))) {
        Leads::Inside(real) if real.is_dir() => Ok(None),
        Leads::Inside(real) => Ok(Some(real)),
        Leads::MissingInside => Ok(None),
        Leads::Outside | Leads::MissingOutside => Err(place.forbidden(workspace, "leads outside the workspace")),
        Leads::Unknown => Err(place.forbidden(workspace, "names a path that cannot be followed")),
    }
}

fn work_tree(workspace: &Workspace, place: &Place<'_>, tree: &Path) -> Result<PathBuf> {
    let real = match workspace.leads(tree) {
        Leads::Inside(real) => real,
        Leads::Outside | Leads::MissingOutside => return Err(place.forbidden(workspace, "leads outside the workspace")),
        _ => return Err(place.forbidden(workspace, "names no directory")),
    };
    let relative = real.strip_prefix(workspace.root()).unwrap_or(&real);
    if relative.components().any(|c| names_dot_git(c.as_os_str().as_bytes())) || looks_bare(&real) {
        return Err(place.forbidden(workspace, "makes the metadata of a repository a working tree"));
    }
    Ok(real)
}

/// A file libgit2 reads rules from. It takes a relative name from the directory the server was started in, which is
/// not what was meant and may be anywhere.
fn inside_file(workspace: &mut Workspace, place: &Place<'_>, value: &[u8]) -> Result<()> {
    let path = Path::new(OsStr::from_bytes(value));
    if value.is_empty() {
        return Ok(());
    }
    if !path.is_absolute() {
        return Err(place.forbidden(workspace, "is not an absolute path, so which file it names is not certain"));
    }
    match workspace.leads(path) {
        Leads::Inside(_) => workspace.read_small(path).map(|_| ()),
        Leads::MissingInside => Ok(()),
        Leads::Outside | Leads::MissingOutside => Err(place.forbidden(workspace, "leads outside the workspace")),
        Leads::Unknown => Err(place.forbidden(workspace, "names a path that cannot be followed")),
    }
}

/// Formats libgit2 1.9 cannot read. It knows the extensions objectFormat (SHA-1 only, as built here), worktreeConfig,
/// preciousObjects, relativeWorktrees and noop; in format 0 it ignores every other one, which for these is dangerous.
fn format_rule(workspace: &Workspace, place: &Place<'_>, name: &str, entry: &Entry) -> Result<()> {
    let value = String::from_utf8_lossy(entry.value.as_deref().unwrap_or_default()).to_ascii_lowercase();
    match name {
        "core.repositoryformatversion" if !matches!(value.as_str(), "0" | "1") => {
            Err(place.unsupported(workspace, "this repository format version is not supported"))
        }
        "extensions.objectformat" if value == "sha1" => Ok(()),
        "extensions.objectformat" | "extensions.compatobjectformat" => {
            Err(place.unsupported(workspace, "object formats other than SHA-1 are not supported"))
        }
        "extensions.refstorage" if value != "files" => {
            Err(place.unsupported(workspace, "the reftable format of references is not supported"))
        }
        "extensions.partialclone" => Err(partial(workspace, place)),
        "extensions.noop"
        | "extensions.worktreeconfig"
        | "extensions.preciousobjects"
        | "extensions.relativeworktrees"
        | "extensions.refstorage" => Ok(()),
        _ if entry.section == b"extensions" => {
            Err(place.unsupported(workspace, "this repository extension is not supported"))
        }
        _ if entry.section == b"remote" && entry.key == "promisor" && is_true(entry.value.as_deref()) => {
            Err(partial(workspace, place))
        }
        _ if entry.section == b"remote" && entry.key == "partialclonefilter" => Err(partial(workspace, place)),
        _ => Ok(()),
    }
}

fn partial(workspace: &Workspace, place: &Place<'_>) -> ToolError {
    place
        .unsupported(workspace, "this is a partial clone: objects may be absent and only git itself can fetch them")
        .hint("clone again without --filter")
}

fn is_true(value: Option<&[u8]>) -> bool {
    match value {
        None => true,
        Some(value) => matches!(value.to_ascii_lowercase().as_slice(), b"true" | b"yes" | b"on" | b"1"),
    }
}

/// What a setting would do under git, where it has no effect here: libgit2 runs no filter driver, textconv, external
/// diff, merge driver, hook, monitor, credential helper, pager, editor or signing program.
fn effect(name: &str, entry: &Entry, value: &[u8]) -> Option<&'static str> {
    const NOT_RUN: &str = "not run";
    let section = entry.section.as_slice();
    match (section, entry.key.as_str()) {
        (b"filter", "clean" | "smudge" | "process")
        | (b"diff", "textconv" | "command" | "external")
        | (b"merge", "driver")
        | (b"credential", "helper")
        | (b"gpg", "program")
        | (b"core", "sshcommand" | "askpass" | "gitproxy" | "alternaterefscommand" | "pager" | "editor")
        | (b"uploadpack", "packobjectshook")
        | (b"remote", "uploadpack" | "receivepack" | "vcs") => Some(NOT_RUN),
        (b"core", "fsmonitor") if !matches!(value, b"false" | b"") => Some(NOT_RUN),
        (b"submodule", "update") if value.starts_with(b"!") => Some(NOT_RUN),
        (b"url", "insteadof" | "pushinsteadof") => Some("a remote it would redirect is refused"),
        (b"remote", "proxy" | "proxyauthmethod") => Some("it must not be followed"),
        (
            b"http",
            "proxy" | "sslverify" | "sslcainfo" | "sslcapath" | "extraheader" | "cookiefile" | "followredirects",
        ) => Some("it must not be followed"),
        _ if name == "diff.external" => Some(NOT_RUN),
        _ => None,
    }
}

/// Judges `.gitmodules`, which libgit2 reads as a configuration file, includes and all. The paths of its submodules.
pub(crate) fn gitmodules(workspace: &mut Workspace, work_root: &Path) -> Result<Vec<Vec<u8>>> {
    let path = work_root.join(".gitmodules");
    let Some(bytes) = workspace.read_small(&path)? else {
        return Ok(Vec::new());
    };
    let entries = config::parse(&bytes).map_err(|unclear| not_certain(workspace, &path, unclear))?;
    if let Some(entry) = entries.iter().find(|e| matches!(e.section.as_slice(), b"include" | b"includeif")) {
        let place = Place { file: &path, name: shown_text(&String::from_utf8_lossy(&entry.name)), line: entry.line };
        return Err(place.forbidden(workspace, "includes another file, which has no place there"));
    }
    Ok(entries.into_iter().filter(|e| e.section == b"submodule" && e.key == "path").filter_map(|e| e.value).collect())
}
