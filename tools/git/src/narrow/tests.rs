use std::{fs, os::unix::fs::symlink, path::PathBuf, process::Command};

use git2::Repository;
use proptest::prelude::*;

use super::{index_file::IndexFile, *};

struct World {
    dir: tempfile::TempDir,
}

impl World {
    fn new() -> Self {
        let world = Self { dir: tempfile::tempdir().unwrap() };
        world.git(&["init", "-q", "-b", "main"]);
        world
    }

    fn root(&self) -> PathBuf {
        self.dir.path().canonicalize().unwrap()
    }

    fn git(&self, arguments: &[&str]) -> Vec<u8> {
        let output = Command::new("git")
            .args(["-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "protocol.file.allow=always"])
            .args(arguments)
            .current_dir(self.dir.path())
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .output()
            .unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        output.stdout
    }

    fn write(&self, path: &str, content: &str) {
        let path = self.dir.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    fn commit(&self, files: &[&str]) {
        for file in files {
            self.write(file, file);
        }
        self.git(&["add", "-A"]);
        self.git(&["commit", "-q", "--allow-empty", "-m", "x"]);
        // Older than the next index, so that a file is not looked into only because it is young.
        self.git(&["update-index", "--refresh"]);
    }

    fn open(&self) -> (Repository, Narrow) {
        let git = Repository::open(self.dir.path()).unwrap();
        let narrow = Narrow::read(&git, &self.root()).expect("an index that is understood");
        (git, narrow)
    }

    fn index(&self) -> Vec<u8> {
        fs::read(self.dir.path().join(".git/index")).unwrap()
    }

    /// Paths and untracked paths.
    fn work(&self, paths: &[&str]) -> (Vec<String>, Vec<String>) {
        let (git, narrow) = self.open();
        let paths: Vec<String> = paths.iter().map(|path| (*path).to_owned()).collect();
        let work = narrow.work(&git, &paths, true, &|| Ok(())).unwrap().expect("not too much");
        (texts(work.paths), texts(work.untracked.paths))
    }

    fn staged(&self) -> Vec<String> {
        let (git, narrow) = self.open();
        let tree = git.head().unwrap().peel_to_tree().unwrap();
        texts(narrow.staged(&git, Some(&tree), &[], &|| Ok(())).unwrap().expect("not too much"))
    }
}

fn texts(paths: Vec<Vec<u8>>) -> Vec<String> {
    paths.into_iter().map(|path| String::from_utf8(path).unwrap()).collect()
}

fn directories(index: &IndexFile) -> Option<Vec<scan::Directory<'_>>> {
    scan::directories(index, std::slice::from_ref(&(0..index.len())))
}

/// What `git ls-files --stage` has of an index.
fn listed(index: &IndexFile) -> String {
    index
        .entries()
        .map(|entry| {
            let path = String::from_utf8_lossy(entry.path);
            format!("{:06o} {} {}\t{path}\0", entry.mode(), entry.id(), entry.stage())
        })
        .collect()
}

#[test]
fn every_version_of_the_index_is_read_as_git_reads_it() {
    let world = World::new();
    let long = format!("d/{}", "n".repeat(200));
    world.commit(&["a", "a.c", "a-b", "d/e/f", "d/e/g", "d/ö", &long]);
    world.write("announced", "x");
    world.git(&["add", "--intent-to-add", "announced"]);
    for version in ["2", "3", "4"] {
        world.git(&["update-index", "--index-version", version]);
        let gits = String::from_utf8(world.git(&["ls-files", "--stage", "-z"])).unwrap();
        assert_eq!(listed(&IndexFile::parse(world.index()).unwrap()), gits, "version {version}");
    }
    // A path longer than the flags can say.
    let deep = format!("{}/leaf", vec!["p".repeat(100); 45].join("/"));
    let (id, mode) = (world.git(&["hash-object", "-w", "a"]), "100644");
    let cache = format!("{mode},{},{deep}", String::from_utf8(id).unwrap().trim());
    for version in ["2", "4"] {
        world.git(&["update-index", "--index-version", version, "--add", "--cacheinfo", &cache]);
        let index = IndexFile::parse(world.index()).unwrap();
        assert!(index.entries().any(|entry| entry.path == deep.as_bytes()), "version {version}");
    }
}

#[test]
fn an_index_that_means_more_than_its_entries_is_left_to_libgit2() {
    let world = World::new();
    world.commit(&["a", "sub/b"]);
    world.git(&["update-index", "--split-index"]);
    assert!(IndexFile::parse(world.index()).is_none(), "split");
    world.git(&["update-index", "--no-split-index"]);
    assert!(IndexFile::parse(world.index()).is_some());
    world.git(&["sparse-checkout", "set", "--cone", "--sparse-index", "other"]);
    assert!(IndexFile::parse(world.index()).is_none(), "sparse");
}

#[test]
fn a_damaged_index_is_refused_and_never_read_beyond() {
    let world = World::new();
    world.commit(&["a", "b/c", "b/d"]);
    for version in ["2", "4"] {
        world.git(&["update-index", "--index-version", version]);
        let whole = world.index();
        for len in 0..whole.len() {
            // Some of the shortest ends fall between extensions; what is read is then still what is there.
            if let Some(index) = IndexFile::parse(whole[..len].to_vec()) {
                assert!(index.entries().count() <= 3);
            }
        }
        for at in 0..whole.len() {
            for bit in [1, 0x80] {
                let mut damaged = whole.clone();
                damaged[at] ^= bit;
                if let Some(index) = IndexFile::parse(damaged) {
                    let _ = (index.entries().count(), index.cached_trees(), directories(&index));
                }
            }
        }
    }
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(tail in proptest::collection::vec(any::<u8>(), 0..400), version in 2_u8..5, count in 0_u8..6) {
        let data = [b"DIRC\0\0\0", [version].as_slice(), &[0, 0, 0, count], &tail].concat();
        if let Some(index) = IndexFile::parse(data) {
            let _ = (index.entries().count(), index.cached_trees(), directories(&index));
        }
    }
}

#[test]
fn an_index_whose_order_is_another_is_left_to_libgit2() {
    let world = World::new();
    world.commit(&["aaa", "bbb"]);
    let mut forged = world.index();
    for (name, other) in [(b"aaa", b"xxx"), (b"bbb", b"aaa")] {
        let at = memchr::memmem::find(&forged, name).unwrap();
        forged[at..at + 3].copy_from_slice(other);
    }
    assert!(IndexFile::parse(forged).is_none());
}

#[test]
fn names_no_work_tree_can_have_are_left_to_libgit2() {
    let world = World::new();
    world.commit(&["abc/wxyz/file"]);
    let honest = world.index();
    for name in [&b".git"[..], b".GIT", b"../x", b"w//z", b"x/./"] {
        let forged: Vec<u8> = {
            let at = memchr::memmem::find(&honest, b"wxyz/file").unwrap();
            let mut bytes = honest.clone();
            bytes[at..at + name.len()].copy_from_slice(name);
            bytes
        };
        let index = IndexFile::parse(forged).expect("it is well formed");
        let refused = directories(&index).is_none();
        assert!(refused, "{}", String::from_utf8_lossy(name));
    }
}

#[test]
fn what_changed_is_found_and_nothing_else_once_the_index_is_older() {
    let world = World::new();
    world.commit(&[
        "kept",
        "edited",
        "gone",
        "retyped",
        "mode",
        "d/kept",
        "d/edited",
        "moved/a",
        "moved/deep/b",
        "into/file",
    ]);
    let index = world.dir.path().join(".git/index");
    let later = std::time::SystemTime::now() + std::time::Duration::from_secs(5);
    fs::File::options().append(true).open(&index).unwrap().set_modified(later).unwrap();
    assert_eq!(world.work(&[]), (vec![], vec![]));
    let root = world.dir.path();
    world.write("edited", "longer than before");
    world.write("d/edited", "d/EDITED");
    fs::remove_file(root.join("gone")).unwrap();
    fs::remove_file(root.join("retyped")).unwrap();
    symlink("kept", root.join("retyped")).unwrap();
    Command::new("chmod").args(["+x", "mode"]).current_dir(root).status().unwrap();
    // A directory that became a link to itself elsewhere: what is behind it is not the work tree's.
    fs::rename(root.join("moved"), root.join("elsewhere")).unwrap();
    symlink("elsewhere", root.join("moved")).unwrap();
    // A file that became a directory, and a directory that became a file.
    fs::remove_file(root.join("into/file")).unwrap();
    fs::remove_dir(root.join("into")).unwrap();
    world.write("into", "a file");
    let (paths, untracked) = world.work(&[]);
    assert_eq!(paths, ["d/edited", "edited", "gone", "into/file", "mode", "moved/a", "moved/deep/b", "retyped"]);
    assert_eq!(untracked, ["elsewhere/", "into", "moved"]);
    assert_eq!(world.work(&["d"]).0, ["d/edited"]);
    assert_eq!(world.work(&["d", "gone", "d/edited", "kep"]).0, ["d/edited", "gone"]);
    // What was written in the second of the index may be anything, whatever finer clock says; so may what git noted no size of.
    let noted = fs::metadata(root.join("kept")).unwrap().modified().unwrap();
    let later = noted + std::time::Duration::from_millis(1);
    fs::File::options().append(true).open(&index).unwrap().set_modified(later).unwrap();
    assert!(world.work(&[]).0.contains(&String::from("kept")));
    fs::File::options().append(true).open(&index).unwrap().set_modified(std::time::UNIX_EPOCH).unwrap();
    assert!(world.work(&[]).0.contains(&String::from("kept")));
}

#[test]
fn untracked_is_what_git_lists() {
    let world = World::new();
    // Siblings whose names begin alike stand in another order as directories than as the beginnings of paths.
    world.commit(&[
        "tracked/file",
        "d/tracked",
        "d-x/tracked",
        "d.x/y/tracked",
        "d+/tracked",
        "d /tracked",
        ".gitignore",
    ]);
    world.write(".gitignore", "*.log\nbuild/\n!keep.log\n/only-here\n");
    for file in [
        "new",
        "a.log",
        "keep.log",
        "d/new",
        "d/b.log",
        "logs/a.log",
        "logs/deeper/b.log",
        "mixed/a.log",
        "mixed/deep/er/file",
        "build/out",
        "tracked/build/out",
        "tracked/more/file",
        "only-here",
        "d/only-here",
        "with space/ö",
        "d-x/new",
        ".GIT/new",
    ] {
        world.write(file, "x");
    }
    let root = world.dir.path();
    fs::create_dir_all(root.join("empty/er")).unwrap();
    symlink("nowhere", root.join("dangling")).unwrap();
    symlink("tracked", root.join("link-to-directory")).unwrap();
    world.git(&["init", "-q", "nested"]);
    world.git(&["init", "-q", "logs/nested-in-ignored-only"]);
    rustix::fs::mknodat(rustix::fs::CWD, root.join("fifo"), rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
    let porcelain = String::from_utf8(world.git(&["status", "--porcelain", "-z"])).unwrap();
    let gits: Vec<&str> = porcelain.split('\0').filter_map(|line| line.strip_prefix("?? ")).collect();
    assert!(gits.len() >= 9, "{gits:?}");
    let mut sorted: Vec<&str> = gits.clone();
    sorted.sort_unstable();
    assert_eq!(world.work(&[]).1, sorted);
}

#[test]
fn what_libgit2_does_not_take_back_is_said() {
    let world = World::new();
    world.commit(&["sub/tracked", "other/tracked"]);
    world.write(".gitignore", "*.txt\n");
    world.write("sub/.gitignore", "# taken back\n!a.txt\n");
    for file in ["sub/a.txt", "sub/deep/b.txt", "other/c.txt"] {
        world.write(file, "x");
    }
    let (git, narrow) = world.open();
    let work = narrow.work(&git, &[], true, &|| Ok(())).unwrap().unwrap();
    assert_eq!(texts(work.untracked.taken_back), ["sub"]);
}

#[test]
fn staged_is_where_head_and_index_differ() {
    let world = World::new();
    world.commit(&["a", "a.c", "d/e/f", "d/e/g", "d/h", "gone/x/y", "z"]);
    assert_eq!(world.staged(), Vec::<String>::new());
    world.write("d/e/g", "changed");
    fs::remove_file(world.dir.path().join("z")).unwrap();
    world.write("zz", "new");
    fs::remove_dir_all(world.dir.path().join("gone")).unwrap();
    fs::remove_file(world.dir.path().join("a")).unwrap();
    world.write("a/b", "a directory where a file was");
    world.git(&["add", "-A"]);
    let names = String::from_utf8(world.git(&["diff", "--cached", "--no-renames", "--name-only", "-z"])).unwrap();
    let mut gits: Vec<&str> = names.split_terminator('\0').collect();
    gits.sort_unstable();
    let mut ours = world.staged();
    ours.sort_unstable();
    assert_eq!(ours, gits);
    // What is only announced is not staged, though it has the content of nothing, as HEAD's may.
    world.write("empty", "");
    world.commit(&[]);
    world.git(&["rm", "-q", "--cached", "empty"]);
    world.git(&["add", "--intent-to-add", "empty"]);
    assert_eq!(world.staged(), ["empty"]);
    // With and without the trees that git caches in the index.
    world.git(&["read-tree", "HEAD"]);
    assert_eq!(world.staged(), Vec::<String>::new());
    let (_, narrow) = world.open();
    assert!(narrow.index.cached_trees().is_some_and(|root| root.id.is_some()));
}

#[test]
fn trees_differ_where_git_says() {
    let world = World::new();
    world.commit(&["same/deep/file", "changed", "turns/into", "d/x", "d/y"]);
    fs::remove_dir_all(world.dir.path().join("turns")).unwrap();
    world.write("turns", "a file");
    world.write("changed", "now");
    fs::remove_file(world.dir.path().join("d/x")).unwrap();
    world.commit(&["d/z"]);
    let git = Repository::open(world.dir.path()).unwrap();
    let tree = |name: &str| git.revparse_single(name).unwrap().peel_to_tree().unwrap();
    let differ = |paths: &[String]| {
        let found = trees(&git, Some(&tree("HEAD~1")), &tree("HEAD"), paths, &|| Ok(())).unwrap().unwrap();
        texts(found)
    };
    assert_eq!(differ(&[]), ["changed", "d/x", "d/z", "turns", "turns/into"]);
    assert_eq!(differ(&[String::from("d")]), ["d/x", "d/z"]);
    assert_eq!(differ(&[String::from("d/z"), String::from("same")]), ["d/z"]);
    assert_eq!(differ(&[String::from("turn")]), Vec::<String>::new());
}

#[test]
fn too_much_is_left_to_libgit2() {
    let world = World::new();
    for at in 0..=PATHS_MAX {
        world.write(&format!("d{}/f{at}", at % 7), "x");
    }
    world.git(&["add", "-A"]);
    let (git, narrow) = world.open();
    assert!(narrow.staged(&git, None, &[], &|| Ok(())).unwrap().is_none());
    assert!(narrow.staged(&git, None, &[String::from("d3")], &|| Ok(())).unwrap().is_some());
    for at in 0..=PATHS_MAX {
        fs::remove_file(world.dir.path().join(format!("d{}/f{at}", at % 7))).unwrap();
    }
    assert!(narrow.work(&git, &[], false, &|| Ok(())).unwrap().is_none());
}

#[test]
fn a_call_that_ends_stops_the_walk() {
    let world = World::new();
    world.commit(&["a/b", "c/d"]);
    let (git, narrow) = world.open();
    let stopped = || Err(shared::ToolError::new(shared::Code::Cancelled, "stopped"));
    assert!(narrow.work(&git, &[], true, &stopped).is_err());
    assert!(narrow.staged(&git, None, &[], &stopped).is_err());
}

#[test]
fn giving_up_brings_the_whole_index_back_and_judges_its_submodules() {
    let world = World::new();
    world.commit(&["a", "b", "c"]);
    let (git, narrow) = world.open();
    narrow.stand_in(&git, &[b"b".to_vec()]).unwrap();
    assert_eq!(git.index().unwrap().len(), 1);
    narrow.give_up(&git).unwrap();
    assert_eq!(git.index().unwrap().len(), 3);

    let outside = World::new();
    outside.commit(&["secret"]);
    let head = String::from_utf8(outside.git(&["rev-parse", "HEAD"])).unwrap();
    world.git(&["update-index", "--add", "--cacheinfo", &format!("160000,{},sub", head.trim())]);
    world.write("sub/.git", &format!("gitdir: {}/.git\n", outside.root().display()));
    let (git, narrow) = world.open();
    assert_eq!(narrow.submodules().collect::<Vec<_>>(), [b"sub"]);
    assert_eq!(narrow.give_up(&git).unwrap_err().code(), shared::Code::Forbidden);
}
