//! Repositories in the middle of something, by a seed: operations that stopped, and every state a path can be in.

use std::{
    collections::HashSet,
    ffi::OsStr,
    fs,
    os::unix::{
        ffi::OsStrExt,
        fs::{PermissionsExt, symlink},
    },
    path::{Path, PathBuf},
    rc::Rc,
};

use crate::{
    history::World,
    population::{Random, add, edit, edit_one_of, files, write},
    support::{git, git_fed, git_tries},
};

/// Names that are tracked in every repository.
const AWKWARD: &[&[u8]] = &[
    b"ctl\x07bell",
    b"new\nline",
    b"tab\there",
    b"\xff\xferaw",
    b"quote\"d",
    b"back\\slash",
    b"trail ",
    b" lead",
    b"-dash",
    b":colon",
    b"star*",
    b"\xe2\x80\xaebidi",
    b"~tilde",
    b"#hash",
    b"rub\x7fout",
];

/// Directories that a sparse checkout leaves out; what is brought back there is not staged.
const SPARED: [&str; 3] = ["src/", "docs/", "tests/"];

fn path(root: &Path, name: &[u8]) -> PathBuf {
    root.join(OsStr::from_bytes(name))
}

fn commit(root: &Path, message: &str) {
    git(root, &["add", "-A"]);
    git(root, &["commit", "-q", "--allow-empty", "-m", message]);
}

/// What is on both sides of a conflict, and on one.
fn conflicting(root: &Path, theirs: bool) {
    let side = if theirs { "theirs" } else { "ours" };
    // Unlike one another: git takes what is in conflict for where a removed file went, and then loses the removal.
    let text = |name: &str| format!("{0}: first\n{name} of {side}\nthird of {0}\n", name.repeat(9));
    for name in ["both", "same"] {
        write(root, &format!("c/{name}"), text(name).as_bytes());
    }
    let (gone, kept) = if theirs { ("we-keep", "they-keep") } else { ("they-keep", "we-keep") };
    fs::remove_file(root.join("c").join(gone)).unwrap();
    write(root, &format!("c/{kept}"), text(kept).as_bytes());
    write(root, "c/added", text("added").as_bytes());
    fs::rename(root.join("c/moved"), root.join(format!("c/moved-by-{side}"))).unwrap();
    write(root, &format!("only-{side}"), side.repeat(20).as_bytes());
}

/// Begins the operation, which stops at a conflict.
fn begin(root: &Path, operation: &str) {
    match operation {
        "merge" => assert!(!git_tries(root, &["merge", "-q", "theirs"])),
        "rebase" => assert!(!git_tries(root, &["rebase", "-q", "theirs"])),
        "cherry-pick" => assert!(!git_tries(root, &["cherry-pick", "theirs"])),
        "revert" => {
            write(root, "c/both", b"both: not again\n");
            write(root, "c/added", b"added: not again\n");
            commit(root, "after");
            assert!(!git_tries(root, &["revert", "--no-edit", "HEAD~1"]));
        }
        "bisect" => {
            for _ in 0..4 {
                commit(root, "more");
            }
            git(root, &["bisect", "start", "-q", "HEAD", "HEAD~4"]);
        }
        "mailbox" => {
            let patch = git(root, &["format-patch", "--stdout", "-1", "theirs"]);
            fs::write(root.with_extension("mbox"), patch).unwrap();
            let mbox = root.with_extension("mbox");
            assert!(!git_tries(root, &["am", "-q", mbox.to_str().unwrap()]));
        }
        other => assert_eq!(other, ""),
    }
}

/// Stages some of what is not, and leaves conflicts but for one in three.
fn stage(root: &Path, random: &mut Random) {
    let list = |arguments: &[&str]| -> Vec<Vec<u8>> {
        let listed = git(root, &[&["ls-files", "-z"], arguments].concat());
        listed.split(|byte| *byte == 0).filter(|name| !name.is_empty()).map(<[u8]>::to_vec).collect()
    };
    let unmerged: HashSet<Vec<u8>> = list(&["-u"])
        .iter()
        .map(|row| row[row.iter().position(|byte| *byte == b'\t').unwrap() + 1..].to_vec())
        .collect();
    let mut names: Vec<Vec<u8>> = list(&["-m", "-o", "--exclude-standard"]);
    names.sort();
    names.dedup();
    if root.join(".git/info/sparse-checkout").exists() {
        names.retain(|name| !SPARED.iter().any(|spared| name.starts_with(spared.as_bytes())));
    }
    names.retain(|name| if unmerged.contains(name) { random.below(4) == 0 } else { random.below(4) != 0 });
    let add = ["--literal-pathspecs", "add", "-A", "--pathspec-from-file=-", "--pathspec-file-nul"];
    if !names.is_empty() {
        git_fed(root, &add, &names.join(&0));
    }
}

/// The states of a path that no edit makes.
fn odd(root: &Path, random: &mut Random) {
    // Announced: as it is, gone again, and a tracked file by another name.
    write(root, "announced/new.txt", b"announced\n");
    write(root, "announced/gone.txt", b"announced\n");
    write(root, "announced/empty.txt", b"");
    let moved = "announced/moved.txt";
    write(root, moved, &fs::read(root.join("fixed/to-move")).unwrap());
    fs::remove_file(root.join("fixed/to-move")).unwrap();
    git(root, &["add", "-N", "announced"]);
    fs::remove_file(root.join("announced/gone.txt")).unwrap();
    git(root, &["rm", "-q", "--cached", "fixed/again"]);
    git(root, &["add", "-N", "fixed/again"]);
    // Not to be looked at.
    git(root, &["update-index", "--skip-worktree", "fixed/skipped", "fixed/skipped-there"]);
    fs::remove_file(root.join("fixed/skipped")).unwrap();
    write(root, "fixed/skipped-there", b"edited\n");
    if git_tries(root, &["rev-parse", "-q", "--verify", "HEAD"]) {
        git(root, &["update-index", "--assume-unchanged", "fixed/assumed", "fixed/assumed-gone"]);
        write(root, "fixed/assumed", b"edited\n");
        fs::remove_file(root.join("fixed/assumed-gone")).unwrap();
    }
    // Removed from the index alone, and the other way round.
    git(root, &["rm", "-q", "--cached", "fixed/index-only"]);
    // A directory where a file was, and a file where a directory was.
    fs::remove_file(root.join("fixed/file")).unwrap();
    write(root, "fixed/file/inside", b"x\n");
    fs::remove_dir_all(root.join("fixed/directory")).unwrap();
    fs::write(root.join("fixed/directory"), "now a file\n").unwrap();
    // The same, staged.
    git(root, &["rm", "-q", "--cached", "fixed/staged-file"]);
    fs::remove_file(root.join("fixed/staged-file")).unwrap();
    write(root, "fixed/staged-file/inside", b"x\n");
    git(root, &["add", "fixed/staged-file/inside"]);
    // Type and mode, staged and not.
    for (name, staged) in [("fixed/to-link", true), ("fixed/to-link-later", false)] {
        fs::remove_file(root.join(name)).unwrap();
        symlink("elsewhere", root.join(name)).unwrap();
        if staged {
            git(root, &["add", name]);
        }
    }
    for (name, staged) in [("fixed/mode", true), ("fixed/mode-later", false)] {
        fs::set_permissions(root.join(name), fs::Permissions::from_mode(0o755)).unwrap();
        if staged {
            git(root, &["add", name]);
        }
    }
    // Staged, then undone in the work tree.
    git(root, &["mv", "fixed/renamed", "fixed/renamed-to"]);
    if random.below(2) == 0 {
        fs::remove_file(root.join("fixed/renamed-to")).unwrap();
    } else {
        write(root, "fixed/renamed-to", b"edited\n");
    }
    // Not tracked.
    write(root, "untracked/deep/er/file", b"x\n");
    write(root, "untracked2/ignored.log", b"x\n");
    write(root, "half/tracked", b"x\n");
    write(root, "half/build/out", b"x\n");
    write(root, "ignored.log", b"x\n");
    write(root, "kept/keep.log", b"x\n");
    fs::create_dir_all(root.join("empty/inside")).unwrap();
    symlink("/nowhere", root.join("dangling")).unwrap();
    for name in [&b"untracked\xff\n"[..], b"un\x1b[31mred", b"un\"quoted"] {
        fs::write(path(root, name), "x\n").unwrap();
    }
    for (name, empty) in [("nested", false), ("nested-empty", true)] {
        let nested = root.join(name);
        fs::create_dir(&nested).unwrap();
        git(&nested, &["init", "-q", "-b", "main"]);
        if !empty {
            fs::write(nested.join("file"), "x\n").unwrap();
            commit(&nested, "nested");
        }
    }
    for name in AWKWARD {
        match random.below(4) {
            0 => fs::write(path(root, name), "edited\n").unwrap(),
            1 => drop(fs::remove_file(path(root, name))),
            _ => {}
        }
    }
}

/// Submodules: as they should be, moved on, edited, with something new, not there, never fetched, and one that .gitmodules does not know.
fn submodules(root: &Path) {
    let from = root.with_file_name("from");
    fs::create_dir(&from).unwrap();
    git(&from, &["init", "-q", "-b", "main"]);
    write(&from, "file", b"x\n");
    commit(&from, "first");
    let mut modules = String::new();
    for name in ["clean", "moved", "edited", "new", "gone", "staged", "unlisted", "ignored"] {
        let target = format!("sub/{name}");
        git(root, &["clone", "-q", from.to_str().unwrap(), &target]);
        if name != "unlisted" {
            modules.push_str(&format!(
                "[submodule \"{name}\"]\n\tpath = {target}\n\turl = https://example.com/{name}.git\n"
            ));
        }
    }
    modules.push_str("\tignore = all\n");
    write(root, ".gitmodules", modules.as_bytes());
    git(root, &["-c", "advice.addEmbeddedRepo=false", "add", ".gitmodules", "sub"]);
    let id = String::from_utf8(git(&from, &["rev-parse", "HEAD"])).unwrap();
    git(root, &["update-index", "--add", "--cacheinfo", &format!("160000,{},sub/never", id.trim_end())]);
    git(root, &["commit", "-q", "-m", "submodules"]);
    for name in ["moved", "staged", "ignored"] {
        commit(&root.join("sub").join(name), "on");
    }
    git(root, &["add", "sub/staged"]);
    fs::write(root.join("sub/edited/file"), "edited\n").unwrap();
    fs::write(root.join("sub/new/another"), "new\n").unwrap();
    fs::remove_dir_all(root.join("sub/gone")).unwrap();
}

fn upstream(root: &Path, seed: u64) {
    let refs = match seed % 5 {
        0 => return,
        1 => Some("HEAD"),
        2 => Some("HEAD~1"),
        3 => git_tries(root, &["rev-parse", "theirs"]).then_some("theirs"),
        _ => None,
    };
    if let Some(at) = refs.filter(|at| git_tries(root, &["rev-parse", at])) {
        git(root, &["update-ref", "refs/remotes/origin/trunk", at]);
    }
    git(root, &["config", "remote.origin.url", "https://example.com/x.git"]);
    git(root, &["config", "remote.origin.fetch", "+refs/heads/*:refs/remotes/origin/*"]);
    git(root, &["config", "branch.main.remote", "origin"]);
    git(root, &["config", "branch.main.merge", "refs/heads/trunk"]);
}

pub const OPERATIONS: [&str; 7] = ["", "merge", "rebase", "cherry-pick", "revert", "bisect", "mailbox"];

/// A repository in a state that git has to be asked about. Every fourth is before its first commit, detached, sparse, or has submodules.
pub fn situation(seed: u64) -> World {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("repo");
    fs::create_dir(&root).unwrap();
    let random = &mut Random(seed);
    git(&root, &["init", "-q", "-b", "main"]);
    for _ in 0..8 {
        add(&root, random);
    }
    let long = |name: &str| (0..20).map(|line| format!("{name} {line}\n")).collect::<String>();
    for name in [
        "to-move",
        "skipped",
        "skipped-there",
        "assumed",
        "assumed-gone",
        "index-only",
        "file",
        "directory/one",
        "directory/two",
        "staged-file",
        "to-link",
        "to-link-later",
        "mode",
        "mode-later",
        "renamed",
        "again",
    ] {
        write(&root, &format!("fixed/{name}"), long(name).as_bytes());
    }
    write(&root, ".gitignore", b"*.log\nbuild/\n!keep.log\n");
    for name in AWKWARD {
        fs::write(path(&root, name), "awkward\n").unwrap();
    }
    for name in ["both", "same", "they-keep", "we-keep", "moved"] {
        write(&root, &format!("c/{name}"), format!("{0}: first\n{name}\nthird of {0}\n", name.repeat(9)).as_bytes());
    }
    let kind = seed / 7 % 4;
    let world = World { dir: Rc::new(dir), repo: "repo", commits: Vec::new() };
    git(&root, &["add", "-A"]);
    if seed.is_multiple_of(7) && kind == 1 {
        // Before the first commit, with something staged.
        upstream(&root, seed);
        fs::remove_file(root.join("c/both")).unwrap();
        odd(&root, random);
        return world;
    }
    git(&root, &["commit", "-q", "-m", "base"]);
    git(&root, &["checkout", "-q", "-b", "theirs"]);
    conflicting(&root, true);
    commit(&root, "theirs");
    git(&root, &["checkout", "-q", "main"]);
    conflicting(&root, false);
    for _ in 0..4 {
        edit(&root, random);
    }
    // What `odd` needs stays as it is.
    git(&root, &["checkout", "-q", "HEAD", "--", "fixed", ".gitignore"]);
    commit(&root, "ours");
    if kind == 2 {
        submodules(&root);
    }
    upstream(&root, seed);
    if kind == 3 {
        git(&root, &["sparse-checkout", "set", "--no-cone", "/*", "!/docs/", "!/tests/", "!/src/"]);
    }
    begin(&root, OPERATIONS[(seed % 7) as usize]);
    if kind == 1 {
        git(&root, &["update-ref", "--no-deref", "HEAD", "HEAD"]);
        if seed % 7 != 2 {
            let id = git(&root, &["rev-parse", "HEAD"]);
            fs::write(root.join(".git/HEAD"), id).unwrap();
        }
    }
    for _ in 0..6 {
        edit_freely(&root, random);
    }
    add(&root, random);
    stage(&root, random);
    for _ in 0..6 {
        edit_freely(&root, random);
    }
    add(&root, random);
    odd(&root, random);
    if kind == 3 {
        // Somebody brings one back by hand; whatever git writes after that knows of it.
        let left_out = git(&root, &["ls-files", "-t", "-z", "src", "tests"]);
        let mut left_out =
            left_out.split(|byte| *byte == 0).filter_map(|row| str::from_utf8(row.strip_prefix(b"S ")?).ok());
        if let Some(name) = left_out.next() {
            write(&root, name, b"brought back\n");
        }
    }
    world
}

/// An edit that leaves alone what has a part in something else.
fn edit_freely(root: &Path, random: &mut Random) {
    let mut files = files(root);
    files.retain(|name| !["fixed/", ".git", "sub/"].iter().any(|kept| name.starts_with(kept)));
    edit_one_of(root, random, &files);
}
