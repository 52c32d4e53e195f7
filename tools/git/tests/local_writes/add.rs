//! Staging: the index has to be what git's own `git add` makes of the same tree.

use std::{fs, os::unix::fs::PermissionsExt, os::unix::fs::symlink};

use serde_json::json;

use crate::world::World;

/// Stages with the tool here and with `git add -A` in a copy; index and status have to be the same.
#[track_caller]
fn as_git_does(world: &World, files: &serde_json::Value, args: &[&str]) {
    let twin = world.twin();
    let output = twin.git_at(&twin.root(), args, None);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    world.call("git_add", json!({"files": files})).fine();
    assert_eq!(world.git(&["ls-files", "-s"]), twin.git(&["ls-files", "-s"]));
    assert_eq!(world.status(), twin.status());
    world.sound();
}

fn tree() -> World {
    let world = World::with(&[
        ("keep", "k"),
        ("edit", "old"),
        ("gone", "g"),
        ("dir/a", "a"),
        ("dir/sub/b", "b"),
        ("was-file", "x"),
        ("was-dir/x", "x"),
        ("mode", "m"),
    ]);
    world.write("edit", "new content");
    fs::remove_file(world.path("gone")).unwrap();
    fs::remove_file(world.path("was-file")).unwrap();
    world.write("was-file/now/dir", "d");
    fs::remove_dir_all(world.path("was-dir")).unwrap();
    world.write("was-dir", "f");
    fs::set_permissions(world.path("mode"), fs::Permissions::from_mode(0o755)).unwrap();
    world.write("dir/new file", "n");
    world.write("dir/ünïcode", "u");
    world.write("dir/*.txt", "star");
    world.write("dir/other.txt", "other");
    world.write("empty", "");
    symlink("/etc/passwd", world.path("link")).unwrap();
    symlink("dir", world.path("dirlink")).unwrap();
    world.write(".gitignore", "*.log\nignored/\n");
    world.write("x.log", "l");
    world.write("ignored/y", "y");
    world
}

#[test]
fn a_whole_tree_is_staged_as_git_stages_it() {
    as_git_does(&tree(), &json!("."), &["add", "-A"]);
    let world = tree();
    let twin = world.twin();
    twin.git(&["add", "-A"]);
    world.call("git_add", json!({"files": "", "all": true})).fine();
    assert_eq!(world.git(&["ls-files", "-s"]), twin.git(&["ls-files", "-s"]));
}

#[test]
fn single_paths_are_staged_as_git_stages_them_and_literally() {
    as_git_does(&tree(), &json!("edit gone"), &["--literal-pathspecs", "add", "edit", "gone"]);
    as_git_does(&tree(), &json!(["dir/*.txt"]), &["--literal-pathspecs", "add", "dir/*.txt"]);
    as_git_does(&tree(), &json!(["dir", "link", "was-dir"]), &["--literal-pathspecs", "add", "dir", "link", "was-dir"]);
    as_git_does(&tree(), &json!(["was-file"]), &["--literal-pathspecs", "add", "was-file"]);
    as_git_does(&tree(), &json!(["was-file/now", "mode"]), &["--literal-pathspecs", "add", "was-file/now", "mode"]);
    as_git_does(&tree(), &json!(["gone"]), &["--literal-pathspecs", "add", "gone"]);
}

#[test]
fn the_first_file_of_a_repository_is_staged() {
    let world = World::empty();
    world.write("a", "a");
    let ran = world.call("git_add", json!({"files": "a"})).fine();
    assert_eq!(ran.json["added"], 1);
    assert_eq!(world.git(&["diff", "--cached", "--name-status"]), "A\ta");
    world.sound();
}

#[test]
fn line_endings_are_converted_as_git_does() {
    let world = World::with(&[(".gitattributes", "* text=auto\n*.bat eol=crlf\n*.bin -text\n*.id ident\n")]);
    world.write("a.txt", "a\r\nb\r\n");
    world.write("a.bat", "a\r\nb\r\n");
    world.write("a.bin", "a\r\nb\r\n");
    world.write("nul", b"a\r\n\0\r\n");
    world.write("a.id", "$Id: 0000 $\n");
    as_git_does(&world, &json!("."), &["add", "-A"]);
}

#[test]
fn the_answer_says_what_was_staged_and_what_is_left() {
    let world = tree();
    let arguments = json!({"files": ["edit", "gone", "keep", "dir/new file"], "cwd": "r"});
    let ran = world.call("git_add", arguments.clone()).fine();
    for (name, count) in [("added", 1), ("modified", 1), ("deleted", 1), ("unchanged", 1), ("renamed", 0)] {
        assert_eq!(ran.json[name], count, "{name}: {}", ran.text);
    }
    let left = world.status();
    let lines = |wanted: &str| left.lines().filter(|line| line.starts_with(wanted)).count();
    assert_eq!(ran.json["left"]["unstaged"], 3 - usize::from(lines("1 .") == 0), "{left}");
    let again = world.text("git_add", &arguments);
    assert!(again.contains("nothing to stage: 3 unchanged") || again.contains("nothing to stage"), "{again}");
}

#[test]
fn a_file_that_moved_is_called_renamed() {
    let world = World::with(&[("old name", "some content\n")]);
    fs::rename(world.path("old name"), world.path("new name")).unwrap();
    let ran = world.call("git_add", json!({"files": "."})).fine();
    assert_eq!((&ran.json["renamed"], &ran.json["files"]["items"][0]["from"]), (&json!(1), &json!("old name")));
    assert_eq!(ran.json["deleted"], 0);
}

#[test]
fn a_string_that_is_a_file_is_one_and_otherwise_it_is_split() {
    let world = World::with(&[("x", "x")]);
    for name in ["a b", "a", "b", "c"] {
        world.write(name, "1");
    }
    world.call("git_add", json!({"files": "a b"})).fine();
    assert_eq!(world.git(&["diff", "--cached", "--name-only"]), "a b");
    world.call("git_add", json!({"files": " a \t b\n"})).fine();
    assert_eq!(world.git(&["diff", "--cached", "--name-only"]), "a\na b\nb");
    let absolute = world.path("c").display().to_string();
    world.call("git_add", json!({"files": absolute})).fine();
    assert!(world.git(&["diff", "--cached", "--name-only"]).contains('c'));
}

#[test]
fn nothing_is_staged_when_one_path_is_wrong() {
    let world = tree();
    let outside = world.base().join("outside");
    fs::create_dir(&outside).unwrap();
    fs::write(outside.join("secret"), "s").unwrap();
    symlink(&outside, world.path("out")).unwrap();
    fs::create_dir(world.path("emb")).unwrap();
    world.git(&["init", "-q", "emb"]);
    rustix_fifo(&world.path("pipe"));
    let before = (world.git(&["ls-files", "-s"]), fs::read(world.path(".git/index")).unwrap());
    for (wrong, code, word) in [
        ("nothing", "not_found", "nothing"),
        ("*.txt", "not_found", "literal"),
        (":/", "not_found", "literal"),
        ("-A", "not_found", "literal"),
        ("x.log", "invalid_argument", "ignored"),
        ("ignored/y", "invalid_argument", "ignored"),
        ("ignored", "invalid_argument", "ignored"),
        ("out/secret", "invalid_argument", "beyond the symbolic link"),
        ("dirlink/a", "invalid_argument", "beyond the symbolic link"),
        ("../outside/secret", "invalid_argument", "leads up"),
        ("/etc/passwd", "invalid_argument", "absolute"),
        (".git/config", "invalid_argument", ".git"),
        ("dir/.GIT/x", "invalid_argument", ".git"),
        ("emb", "invalid_argument", "repository of its own"),
        ("emb/x", "not_found", "emb/x"),
        ("pipe", "invalid_argument", "pipe"),
        ("keep/below", "not_found", "keep/below"),
    ] {
        world.call("git_add", json!({"files": ["edit", wrong]})).refused(code, &[word]);
        assert_eq!(before, (world.git(&["ls-files", "-s"]), fs::read(world.path(".git/index")).unwrap()), "{wrong}");
    }
    // Found below a directory rather than named.
    world.call("git_add", json!({"files": "."})).refused("invalid_argument", &["emb", "repository of its own"]);
    world.call("git_add", json!({"files": [], "all": false})).refused("invalid_argument", &["empty"]);
    world.call("git_add", json!({"files": "edit", "all": true})).refused("invalid_argument", &["`all`"]);
    assert_eq!(before.0, world.git(&["ls-files", "-s"]));
    world.sound();
}

fn rustix_fifo(path: &std::path::Path) {
    assert!(std::process::Command::new("mkfifo").arg(path).status().unwrap().success());
}

#[test]
fn a_link_is_staged_as_a_link_and_what_it_leads_to_is_never_read() {
    let world = World::with(&[("x", "x")]);
    let outside = world.base().join("secret");
    fs::write(&outside, "secret").unwrap();
    symlink(&outside, world.path("link")).unwrap();
    world.call("git_add", json!({"files": "."})).fine();
    assert!(world.git(&["ls-files", "-s", "link"]).starts_with("120000"));
    assert_eq!(world.git(&["cat-file", "-p", ":link"]), outside.display().to_string());
    // A tracked directory that has become a link is gone, as far as its files are concerned.
    let world = World::with(&[("d/f", "f")]);
    fs::remove_dir_all(world.path("d")).unwrap();
    let outside = world.base().join("elsewhere");
    fs::create_dir(&outside).unwrap();
    fs::write(outside.join("f"), "not ours").unwrap();
    symlink(&outside, world.path("d")).unwrap();
    as_git_does(&world, &json!("."), &["add", "-A"]);
}

#[test]
fn a_file_under_a_filter_is_refused_and_no_filter_runs() {
    let world = World::with(&[("x", "x")]);
    let mark = world.base().join("ran");
    let run = format!("sh -c 'echo clean >> \"{}\"; cat'", mark.display());
    world.write(
        ".gitattributes",
        "*.bin filter=lfs diff=lfs merge=lfs -text\n*.utf16 working-tree-encoding=UTF-16\n*.ok -filter\n",
    );
    world.git(&["add", ".gitattributes"]);
    world.git(&["config", "filter.lfs.clean", &run]);
    world.git(&["config", "filter.lfs.smudge", &run]);
    world.git(&["config", "filter.lfs.process", &run]);
    world.write("big.bin", "content");
    world.write("text.utf16", "content");
    world.write("fine.ok", "content");
    world.call("git_add", json!({"files": ["x", "big.bin"]})).refused("unsupported", &["filter=lfs", "big.bin"]);
    world.call("git_add", json!({"files": "text.utf16"})).refused("unsupported", &["working-tree-encoding=UTF-16"]);
    world.call("git_add", json!({"files": "."})).refused("unsupported", &["filter=lfs"]);
    world.call("git_add", json!({"files": "fine.ok"})).fine();
    assert_eq!(world.marks(), "");
    // The control: git itself runs it.
    world.git(&["config", "--unset", "filter.lfs.process"]);
    world.git(&["add", "big.bin"]);
    assert!(world.marks().contains("clean"));
    // What git staged is in order, whatever its time says.
    world.git(&["commit", "-q", "-m", "lfs"]);
    let file = fs::File::options().write(true).open(world.path("big.bin")).unwrap();
    file.set_modified(std::time::SystemTime::now() + std::time::Duration::from_secs(5)).unwrap();
    world.call("git_add", json!({"files": "big.bin"})).fine();
    assert_eq!(world.git(&["diff", "--cached", "--name-only"]), "fine.ok".replace("fine.ok", ""));
}

#[test]
fn staging_a_conflict_resolves_it_and_says_so() {
    let world = World::with(&[("f", "base\n"), ("g", "base\n"), ("h", "base\n")]);
    world.git(&["switch", "-q", "-c", "side"]);
    world.commit(&[("f", "side\n"), ("g", "side\n"), ("h", "side\n")], "side");
    world.git(&["switch", "-q", "main"]);
    world.commit(&[("f", "main\n"), ("g", "main\n"), ("h", "main\n")], "main");
    assert!(!world.git_at(&world.root(), &["merge", "side"], None).status.success());
    world.write("f", "both\n");
    fs::remove_file(world.path("h")).unwrap();
    let ran = world.call("git_add", json!({"files": "f g h"})).fine();
    assert_eq!(ran.json["resolved"], 3, "{}", ran.text);
    let items = ran.json["files"]["items"].as_array().unwrap();
    assert_eq!(items[1]["conflict_markers"], true, "{}", ran.text);
    assert!(items[0].get("conflict_markers").is_none());
    assert_eq!(world.git(&["ls-files", "-u"]), "");
    assert_eq!(world.git(&["ls-files"]), "f\ng");
    world.sound();
}

#[test]
fn a_submodule_is_staged_as_its_commit() {
    let world = World::with(&[("x", "x")]);
    let source = world.base().join("ws/source");
    fs::create_dir(&source).unwrap();
    world.git_at(&source, &["init", "-q"], None);
    world.git_at(
        &source,
        &["-c", "user.name=a", "-c", "user.email=a@b", "commit", "-q", "--allow-empty", "-m", "one"],
        None,
    );
    world.git(&["submodule", "add", "-q", "../source", "sub"]);
    world.git(&["commit", "-q", "-m", "sub"]);
    let sub = world.path("sub");
    world.git_at(
        &sub,
        &["-c", "user.name=a", "-c", "user.email=a@b", "commit", "-q", "--allow-empty", "-m", "two"],
        None,
    );
    fs::write(sub.join("own"), "own").unwrap();
    as_git_does(&world, &json!("."), &["add", "-A"]);
    world.call("git_add", json!({"files": "sub/own"})).refused("invalid_argument", &["inside the submodule"]);
}

#[test]
fn an_index_locked_by_another_process_is_a_conflict() {
    let world = World::with(&[("a", "a")]);
    world.write("a", "b");
    fs::write(world.path(".git/index.lock"), "").unwrap();
    world.call("git_add", json!({"files": "a"})).refused("conflict", &["locked", "index.lock"]);
    assert!(world.path(".git/index.lock").exists());
    fs::remove_file(world.path(".git/index.lock")).unwrap();
    world.call("git_add", json!({"files": "a"})).fine();
    world.sound();
}

/// Many processes at once, git among them: whatever one of them was told is staged is in the index.
#[test]
fn what_several_processes_stage_is_never_lost() {
    use std::process::Stdio;
    let world = World::with(&[("x", "x")]);
    for n in 0..16 {
        world.write(&format!("file{n}"), n.to_string());
    }
    let children: Vec<_> = (0..16)
        .map(|n| {
            let name = format!("file{n}");
            let mut command = world.call_command("git_add", json!({"files": name}));
            (name, command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap())
        })
        .collect();
    let mut staged = Vec::new();
    for n in 16..24 {
        let name = format!("git{n}");
        world.write(&name, "g");
        if world.git_at(&world.root(), &["add", &name], None).status.success() {
            staged.push(name);
        }
    }
    for (name, child) in children {
        let output = child.wait_with_output().unwrap();
        if output.status.success() {
            staged.push(name);
        } else {
            let text = String::from_utf8_lossy(&output.stdout).into_owned();
            assert!(text.contains("\"conflict\"") || text.contains("\"forbidden\""), "{text}");
        }
    }
    let index = world.git(&["ls-files"]);
    let lost: Vec<_> = staged.iter().filter(|name| !index.lines().any(|line| line == **name)).collect();
    assert!(lost.is_empty() && !staged.is_empty(), "{lost:?} of {}", staged.len());
    world.sound();
}

#[test]
fn announced_files_and_skipped_ones_are_as_with_git() {
    let world = World::with(&[("a", "a"), ("skipped", "s")]);
    world.write("announced", "");
    world.git(&["add", "-N", "announced"]);
    world.git(&["update-index", "--skip-worktree", "skipped"]);
    fs::remove_file(world.path("skipped")).unwrap();
    as_git_does(&world, &json!("."), &["add", "-A"]);
    world.call("git_add", json!({"files": "skipped"})).refused("invalid_argument", &["sparse"]);
}

/// A file changed in the very moment it was staged, to another content of the same size, has to be seen as changed later on.
#[test]
fn a_file_changed_within_one_tick_of_the_clock_is_still_seen() {
    let world = World::with(&[("x", "x")]);
    world.write("racy", "aaaa");
    world.write("other", "o");
    world.git(&["add", "racy"]);
    // The file's own time is the index's, and long ago: made so, because the clock is too fine to meet it.
    let index = std::time::SystemTime::now() - std::time::Duration::from_secs(100);
    let file = fs::File::options().write(true).open(world.path("racy")).unwrap();
    file.set_modified(index).unwrap();
    world.git(&["add", "racy"]);
    fs::File::options().write(true).open(world.path(".git/index")).unwrap().set_modified(index).unwrap();
    fs::write(world.path("racy"), "bbbb").unwrap();
    file.set_modified(index).unwrap();
    world.git(&["config", "core.trustctime", "false"]);
    assert!(world.status().contains("1 AM"), "git itself has to see it: {}", world.status());
    world.call("git_add", json!({"files": "other"})).fine();
    assert!(world.status().contains("1 AM"), "{}", world.status());
}

#[test]
fn a_large_file_is_never_in_memory_whole() {
    let world = World::with(&[("x", "x")]);
    let file = fs::File::create(world.path("large")).unwrap();
    file.set_len(100 << 20).unwrap();
    let limited = |arguments: serde_json::Value| {
        let inner = world.call_command("git_add", arguments);
        let mut command = std::process::Command::new("sh");
        command.args(["-c", "ulimit -d 80000; exec \"$@\"", "sh"]).arg(inner.get_program()).args(inner.get_args());
        command.env_clear().envs(inner.get_envs().filter_map(|(key, value)| Some((key, value?))));
        command.current_dir(world.base());
        command.output().unwrap()
    };
    let output = limited(json!({"files": "large"}));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(world.git(&["cat-file", "-s", ":large"]), (100 << 20).to_string());
    // What asks for a conversion in memory is refused before it is tried.
    world.write(".gitattributes", "* text\n");
    file.set_len(101 << 20).unwrap();
    world.call("git_add", json!({"files": "large"})).refused("too_large", &["-text"]);
    world.write(".gitattributes", "* text=auto\n");
    world.call("git_add", json!({"files": "large"})).fine();
}

#[test]
fn a_bare_repository_has_nothing_to_stage_in() {
    let world = World::with(&[("x", "x")]);
    world.git(&["clone", "-q", "--bare", ".", "../bare.git"]);
    for (tool, arguments) in [
        ("git_add", json!({"files": ".", "cwd": "bare.git"})),
        ("git_commit", json!({"message": "m", "cwd": "bare.git"})),
        ("git_branch", json!({"name": "main", "cwd": "bare.git"})),
    ] {
        world.call(tool, arguments).refused("unsupported", &["bare"]);
    }
}
