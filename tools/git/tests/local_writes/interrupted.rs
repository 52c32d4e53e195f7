//! A process that is killed: the repository is as before or as after, and the same call again succeeds.

use std::{fs, process::Stdio};

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::{moments, world::World};

/// Kills the call at `rounds` moments spread over the time it takes. `prepare` makes the world as before; `check` looks at what has become of
/// it, once the locks are gone.
fn killed(rounds: u32, prepare: impl Fn() -> World, tool: &str, arguments: &Value, check: impl Fn(&World)) {
    let start = |world: &World| {
        let mut command = world.call_command(tool, arguments.clone());
        command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    };
    moments::ended(rounds, Signal::KILL, prepare, start, |world| {
        // What git tells everybody to do about it.
        for lock in ["index.lock", "index.lock.lock", "HEAD.lock", "refs/heads/main.lock"] {
            fs::remove_file(world.path(".git").join(lock)).ok();
        }
        check(world);
        world.sound_after_kill();
    });
}

impl World {
    /// Objects that were being written may be left as temporary files; everything else is in order.
    fn sound_after_kill(&self) {
        let output = self.git_at(&self.root(), &["fsck", "--strict", "--full"], None);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
}

fn many(world: &World, content: &str) {
    for n in 0..200 {
        world.write(&format!("d{}/f{n}", n % 20), format!("{content} {n}\n").repeat(20));
    }
}

#[test]
fn a_killed_switch_loses_nothing_and_can_be_repeated() {
    let source = World::with(&[("first", "f")]);
    many(&source, "main");
    source.commit(&[], "main");
    source.git(&["switch", "-q", "-c", "other"]);
    many(&source, "other");
    source.commit(&[("new/file", "n")], "other");
    source.git(&["switch", "-q", "main"]);
    source.git(&["gc", "-q"]);
    let arguments = json!({"name": "other"});
    let prepare = || {
        let world = source.twin();
        world.write("mine", "uncommitted");
        world.write("staged", "staged");
        world.git(&["add", "staged"]);
        world
    };
    killed(8, prepare, "git_branch", &arguments, |world| {
        let on = world.git(&["symbolic-ref", "HEAD"]);
        if on == "refs/heads/other" {
            // HEAD comes last: whoever is there has all of it.
            assert_eq!(world.git(&["status", "--porcelain", "-uno"]), "A  staged");
        } else {
            assert_eq!(on, "refs/heads/main");
        }
        assert_eq!(world.read("mine"), "uncommitted");
        assert_eq!(world.git(&["cat-file", "-p", ":staged"]), "staged");
        let ran = world.call("git_branch", arguments.clone());
        if !ran.ok {
            // Only the file that was being written can be in the way, and what it has is the beginning of what it was to have.
            let said = ran.json["said"].as_str().unwrap().to_owned();
            let names: Vec<&str> = said.lines().filter(|line| !line.contains("untrusted-")).collect();
            assert_eq!(names.len(), 1, "{}", ran.text);
            assert!(
                world.git(&["show", &format!("other:{}", names[0])]).starts_with(&world.read(names[0])),
                "{}",
                ran.text
            );
            fs::remove_file(world.path(names[0])).unwrap();
            world.call("git_branch", arguments.clone()).fine();
        }
        assert_eq!(world.git(&["symbolic-ref", "HEAD"]), "refs/heads/other");
        assert_eq!(world.git(&["status", "--porcelain", "-uno"]), "A  staged");
        assert_eq!(world.read("mine"), "uncommitted");
    });
}

#[test]
fn a_killed_staging_leaves_the_index_as_before_or_after() {
    let source = World::with(&[("first", "f")]);
    many(&source, "new");
    let before = source.git(&["ls-files", "-s"]);
    let twin = source.twin();
    twin.git(&["add", "-A"]);
    let after = twin.git(&["ls-files", "-s"]);
    let arguments = json!({"files": "."});
    killed(
        6,
        || source.twin(),
        "git_add",
        &arguments,
        |world| {
            let index = world.git(&["ls-files", "-s"]);
            assert!(index == before || index == after, "{} entries", index.lines().count());
            world.call("git_add", arguments.clone()).fine();
            assert_eq!(world.git(&["ls-files", "-s"]), after);
        },
    );
}

#[test]
fn a_killed_commit_is_made_or_not() {
    let source = World::with(&[("first", "f")]);
    many(&source, "new");
    source.git(&["add", "-A"]);
    let before = source.git(&["rev-parse", "HEAD"]);
    killed(
        6,
        || source.twin(),
        "git_commit",
        &json!({"message": "killed"}),
        |world| {
            let head = world.git(&["rev-parse", "HEAD"]);
            if head == before {
                assert_eq!(world.git(&["diff", "--cached", "--name-only"]).lines().count(), 200);
            } else {
                assert_eq!(world.git(&["log", "-1", "--format=%s %P"]), format!("killed {before}"));
                assert_eq!(world.status(), "");
            }
        },
    );
}

/// A failure in the middle of the checkout: what the server reports is what is there.
#[test]
fn a_switch_that_fails_says_so_and_head_stays() {
    use std::os::unix::fs::PermissionsExt;
    let world = World::with(&[("d/f", "main\n")]);
    world.git(&["switch", "-q", "-c", "other"]);
    world.commit(&[("d/f", "other\n")], "other");
    world.git(&["switch", "-q", "main"]);
    fs::write(world.path(".git/HEAD.lock"), "").unwrap();
    world.call("git_branch", json!({"name": "other"})).refused("conflict", &["lock"]);
    fs::remove_file(world.path(".git/HEAD.lock")).unwrap();
    assert_eq!(world.git(&["symbolic-ref", "HEAD"]), "refs/heads/main");
    world.call("git_branch", json!({"name": "other"})).fine();
    assert_eq!(world.status(), "");
    world.git(&["switch", "-q", "main"]);
    // Root writes everywhere, so this is only a test for others.
    fs::set_permissions(world.path("d"), fs::Permissions::from_mode(0o555)).unwrap();
    let ran = world.call("git_branch", json!({"name": "other"}));
    fs::set_permissions(world.path("d"), fs::Permissions::from_mode(0o755)).unwrap();
    assert_eq!(world.git(&["symbolic-ref", "--short", "HEAD"]) == "other", ran.ok, "{}", ran.text);
}
