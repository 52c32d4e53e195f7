//! Where a path really leads, and files read so that nothing about them can surprise.

use std::fs::{self, File, Metadata};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};

use rustix::fs::{Mode, OFlags};

use shared::{Code, Result, ToolError};

/// The largest HEAD, commondir, alternates or configuration file that is read, in bytes.
const SMALL_FILE_MAX: u64 = 1 << 20;
/// How many dangling symlinks in a row are followed, as the kernel's own bound.
const LINKS_MAX: u32 = 40;

/// Device and inode: two paths with the same identity are the same file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Identity(u64, u64);

impl Identity {
    pub(crate) fn of(meta: &Metadata) -> Self {
        Self(meta.dev(), meta.ino())
    }

    /// The identity of what `path` leads to, symlinks followed.
    pub(crate) fn at(path: &Path) -> io::Result<Self> {
        fs::metadata(path).map(|meta| Self::of(&meta))
    }
}

/// Where a path leads once every symlink in it is followed.
#[derive(Debug)]
pub(crate) enum Leads {
    /// To something that exists inside the workspace, at this canonical path.
    Inside(PathBuf),
    /// To nothing, but the place where it would be is inside.
    MissingInside,
    /// To something that exists outside.
    Outside,
    /// To nothing, at a place outside.
    MissingOutside,
    /// It cannot be told (a loop, no permission, `..` after a missing directory).
    Unknown,
}

/// The state of a file that was judged, to notice that it was exchanged while libgit2 opened the repository.
#[derive(Debug)]
struct Stamp {
    path: PathBuf,
    /// Kept open so that the inode number of a file that is replaced cannot be given to its successor.
    _held: Option<File>,
    /// Whether files coming or going in a directory count as a change.
    entries: bool,
    state: Option<State>,
}

/// The workspace, and everything judged inside it so far.
#[derive(Debug)]
pub(crate) struct Workspace {
    root: PathBuf,
    stamps: Vec<Stamp>,
}

impl Workspace {
    /// `root` has to be canonical.
    pub(crate) fn new(root: &Path) -> Result<Self> {
        let real = fs::canonicalize(root).map_err(|e| {
            ToolError::new(Code::Unavailable, format!("the workspace cannot be read: {}", e.kind()))
                .hint("set WORKSPACE to a directory that exists")
        })?;
        if real != root {
            return Err(ToolError::internal("the workspace path is not canonical"));
        }
        Ok(Self { root: real, stamps: Vec::new() })
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// Whether a canonical path is the workspace or below it, by whole components.
    pub(crate) fn holds(&self, canonical: &Path) -> bool {
        canonical.starts_with(&self.root)
    }

    /// How a path is named to the caller: relative to the workspace, control characters escaped.
    pub(crate) fn shown(&self, path: &Path) -> String {
        let relative = path.strip_prefix(&self.root).unwrap_or(path);
        if relative.as_os_str().is_empty() { ".".to_owned() } else { shown_text(&relative.to_string_lossy()) }
    }

    /// Where `path` leads; it has to be absolute.
    pub(crate) fn leads(&self, path: &Path) -> Leads {
        match self.real(path, 0) {
            Some((real, true)) if self.holds(&real) => Leads::Inside(real),
            Some((_, true)) => Leads::Outside,
            Some((real, false)) if self.holds(&real) => Leads::MissingInside,
            Some((_, false)) => Leads::MissingOutside,
            None => Leads::Unknown,
        }
    }

    /// The canonical form of a path and whether it exists. A missing tail is kept as it is written, which is only sound
    /// without `..` in it; such a path has no answer.
    fn real(&self, path: &Path, links: u32) -> Option<(PathBuf, bool)> {
        match fs::canonicalize(path) {
            Ok(real) => return Some((real, true)),
            Err(e) if e.kind() == io::ErrorKind::NotFound => {}
            Err(_) => return None,
        }
        if links > LINKS_MAX {
            return None;
        }
        let parent = path.parent()?;
        if let Ok(target) = fs::read_link(path) {
            return self.real(&parent.join(target), links + 1);
        }
        let Some(Component::Normal(name)) = path.components().next_back() else {
            return None;
        };
        let (base, _) = self.real(parent, links + 1)?;
        Some((base.join(name), false))
    }

    /// Reads a small metadata file. `None` when there is none.
    ///
    /// Refused: one that leads outside, that has a second hard link (its other name may be outside), that is not a
    /// regular file (opening a FIFO would hang), or that is too large to be what its name says.
    pub(crate) fn read_small(&mut self, path: &Path) -> Result<Option<Vec<u8>>> {
        let real = match self.leads(path) {
            Leads::Inside(real) => real,
            Leads::MissingInside => {
                self.stamps.push(Stamp { path: path.to_owned(), _held: None, entries: false, state: None });
                return Ok(None);
            }
            Leads::Outside | Leads::MissingOutside => return Err(self.outside(path)),
            Leads::Unknown => return Err(self.unclear(path)),
        };
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NOCTTY;
        let file = rustix::fs::open(&real, flags, Mode::empty()).map(File::from).map_err(|_| self.unclear(path))?;
        let meta = file.metadata().map_err(|_| self.unclear(path))?;
        self.check_file(path, &meta)?;
        if meta.len() > SMALL_FILE_MAX {
            return Err(ToolError::new(
                Code::TooLarge,
                format!("{} is larger than {SMALL_FILE_MAX} bytes, too large to be what it is named", self.shown(path)),
            ));
        }
        // The state is that of before the reading: a change in the middle of it shows too.
        let state = Some(state(&meta, false));
        let mut bytes = Vec::new();
        (&file).take(SMALL_FILE_MAX + 1).read_to_end(&mut bytes).map_err(|_| self.unclear(path))?;
        self.stamps.push(Stamp { path: path.to_owned(), _held: Some(file), entries: false, state });
        Ok(Some(bytes))
    }

    /// Refuses a file of the metadata that is not an ordinary file of its own.
    pub(crate) fn check_file(&self, path: &Path, meta: &Metadata) -> Result<()> {
        use std::os::unix::fs::FileTypeExt;
        let kind = meta.file_type();
        if kind.is_file() {
            return if meta.nlink() > 1 && !being_made(path, meta) {
                Err(forbidden(format!(
                    "{} has a second hard link, which may be outside the workspace",
                    self.shown(path)
                ))
                .hint("replace it by a copy of itself"))
            } else {
                Ok(())
            };
        }
        // A socket is what the file system monitor of git leaves; it cannot be opened as a file, so it cannot hang us.
        if kind.is_socket() {
            return Ok(());
        }
        Err(forbidden(format!("{} is not a regular file", self.shown(path))))
    }

    /// Remembers the state of a path for [`Self::unchanged`].
    pub(crate) fn stamp(&mut self, path: &Path) {
        self.stamps.push(Stamp { path: path.to_owned(), _held: None, entries: false, state: state_of(path, false) });
    }

    /// As [`Self::stamp`], for a directory in which nothing may come or go meanwhile.
    pub(crate) fn stamp_entries(&mut self, dir: &Path) {
        let state = state_of(dir, true);
        self.stamps.push(Stamp { path: dir.to_owned(), _held: None, entries: true, state });
    }

    /// Whether everything that was judged is still what it was.
    pub(crate) fn unchanged(&self) -> Result<()> {
        match self.stamps.iter().find(|stamp| state_of(&stamp.path, stamp.entries) != stamp.state) {
            None => Ok(()),
            Some(stamp) => Err(ToolError::new(
                Code::Conflict,
                format!("{} was changed while the repository was being opened", self.shown(&stamp.path)),
            )
            .hint("try again when nothing else writes to the repository")),
        }
    }

    pub(crate) fn outside(&self, path: &Path) -> ToolError {
        forbidden(format!("{} leads outside the workspace", self.shown(path)))
            .hint("remove it, or move what it leads to into the workspace")
    }

    pub(crate) fn unclear(&self, path: &Path) -> ToolError {
        forbidden(format!("{} cannot be read, so where it leads is not known", self.shown(path)))
    }
}

/// Identity, size, and seconds and nanoseconds of the last change.
type State = (Identity, u64, i64, i64);

fn state_of(path: &Path, entries: bool) -> Option<State> {
    fs::metadata(path).ok().map(|meta| state(&meta, entries))
}

fn state(meta: &Metadata, entries: bool) -> State {
    if meta.is_dir() && !entries {
        // Files come and go in the directories of a repository that is in use.
        return (Identity::of(meta), 0, 0, 0);
    }
    // The change time cannot be set back by the owner, so an exchange shows even when inode and size are the same.
    (Identity::of(meta), meta.len(), meta.ctime(), meta.ctime_nsec())
}

pub(crate) fn forbidden(message: impl Into<String>) -> ToolError {
    ToolError::new(Code::Forbidden, message)
}

/// Text of strangers for a message: control, invisible and direction characters escaped, at most 120 characters.
pub(crate) fn shown_text(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars().take(120) {
        if c.is_alphanumeric() || c.is_ascii_graphic() || c == ' ' {
            out.push(c);
        } else {
            out.extend(c.escape_unicode());
        }
    }
    if text.chars().nth(120).is_some() {
        out.push('…');
    }
    out
}

/// Whether a name is, or on some file system could be, `.git`.
pub(crate) fn names_dot_git(name: &[u8]) -> bool {
    let text: String = String::from_utf8_lossy(name)
        .chars()
        // HFS+ ignores these, so `.g\u{200c}it` is `.git` there.
        .filter(
            |c| !matches!(c, '\u{200c}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{206a}'..='\u{206f}' | '\u{feff}'),
        )
        .collect();
    // NTFS ignores final dots and spaces and reads `:` as the start of a stream name.
    let text = text.split(':').next().unwrap_or_default().trim_end_matches([' ', '.']).to_ascii_lowercase();
    text == ".git" || text == "git~1"
}

/// Whether the second name of a file is its own lock: libgit2 makes a new ref by linking `NAME.lock` to `NAME` and then removing the lock, and
/// a process killed in between leaves both. Two links, both beside each other, lead nowhere.
fn being_made(path: &Path, meta: &Metadata) -> bool {
    let mut lock = path.as_os_str().to_owned();
    lock.push(".lock");
    let twin = std::fs::symlink_metadata(Path::new(&lock));
    meta.nlink() == 2 && twin.is_ok_and(|twin| twin.dev() == meta.dev() && twin.ino() == meta.ino())
}
