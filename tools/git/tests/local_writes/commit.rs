//! Commits: what git's log, status and reflog say about them.

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    process::Stdio,
};

use serde_json::{Value, json};

use crate::world::World;

const EVERY_HOOK: [&str; 8] = [
    "pre-commit",
    "prepare-commit-msg",
    "commit-msg",
    "post-commit",
    "post-rewrite",
    "post-checkout",
    "reference-transaction",
    "post-index-change",
];

fn staged() -> World {
    let world = World::with(&[("a", "a")]);
    world.write("a", "changed");
    world.write("b", "b");
    world.git(&["add", "-A"]);
    world
}

#[test]
fn a_commit_is_what_git_would_have_made() {
    let world = staged();
    let twin = world.twin();
    twin.git(&["commit", "-q", "-m", "Subject  \n\n\n# body\t\n\n"]);
    let ran = world.call("git_commit", json!({"message": "Subject  \n\n\n# body\t\n\n"})).fine();
    for format in ["%T", "%B", "%an <%ae> %cn <%ce>", "%P", "%G?"] {
        let log = |world: &World| world.git(&["log", "-1", &format!("--format={format}")]);
        assert_eq!(log(&world), log(&twin), "{format}");
    }
    assert_eq!(ran.json["id"], world.git(&["rev-parse", "main"]));
    assert_eq!((&ran.json["added"], &ran.json["modified"]), (&json!(1), &json!(1)));
    assert_eq!(world.status(), "");
    for name in ["HEAD", "main"] {
        let log = |world: &World| world.git(&["reflog", "-1", "--format=%gs|%gn|%ge", name]);
        assert_eq!(log(&world), log(&twin));
    }
    world.sound();
}

#[test]
fn the_first_commit_and_a_detached_one() {
    let world = World::empty();
    world.call("git_commit", json!({"message": "m"})).refused("conflict", &["nothing is staged"]);
    world.write("a", "a");
    world.git(&["add", "a"]);
    world.call("git_commit", json!({"message": "m", "amend": true})).refused("not_found", &["amend"]);
    let ran = world.call("git_commit", json!({"message": "first"})).fine();
    assert_eq!(ran.json["parents"], json!([]));
    assert_eq!(world.git(&["reflog", "-1", "--format=%gs"]), "commit (initial): first");
    world.git(&["switch", "-q", "--detach"]);
    let ran = world.call("git_commit", json!({"message": "loose", "allow_empty": true})).fine();
    assert!(ran.text.contains("no branch holds this commit") && ran.json.get("branch").is_none(), "{}", ran.text);
    assert_eq!(world.git(&["rev-parse", "HEAD"]), ran.json["id"]);
    assert_eq!(world.git(&["rev-list", "--count", "main"]), "1");
    assert!(world.git_at(&world.root(), &["symbolic-ref", "-q", "HEAD"], None).stdout.is_empty());
    assert_eq!(world.git(&["reflog", "-1", "--format=%gs"]), "commit: loose");
    world.sound();
}

#[test]
fn who_it_is_by() {
    let by = |world: &World, arguments: Value, environment: &[(&str, &str)]| {
        let mut command = world.call_command("git_commit", arguments);
        command.envs(environment.iter().copied());
        let ran = world.ran(command).fine();
        (world.git(&["log", "-1", "--format=%an <%ae>|%cn <%ce>"]), ran.text)
    };
    let world = staged();
    let empty = json!({"message": "m", "allow_empty": true});
    assert_eq!(by(&world, empty.clone(), &[]).0, "Test <test@example.com>|Test <test@example.com>");
    let said = json!({"message": "m", "allow_empty": true, "author_name": "Ada", "author_email": "ada@x"});
    assert_eq!(by(&world, said.clone(), &[]).0, "Ada <ada@x>|Test <test@example.com>");
    let environment = [("GIT_AUTHOR_NAME", "Env"), ("GIT_COMMITTER_EMAIL", "env@x")];
    assert_eq!(by(&world, empty.clone(), &environment).0, "Env <test@example.com>|Test <env@x>");
    world.git(&["config", "--unset", "user.name"]);
    world.git(&["config", "--unset", "user.email"]);
    let (line, text) = by(&world, empty.clone(), &[]);
    assert_eq!(line, "mcp-git <mcp-git@localhost>|mcp-git <mcp-git@localhost>");
    assert!(text.contains("no identity is configured"), "{text}");
    let (line, text) = by(&world, said, &[]);
    assert_eq!(line, "Ada <ada@x>|Ada <ada@x>");
    assert!(!text.contains("no identity"), "{text}");
    let head = world.git(&["rev-parse", "HEAD"]);
    for bad in ["a <b>", "a\nb", "", "a\u{0}b"] {
        world
            .call("git_commit", json!({"message": "m", "allow_empty": true, "author_name": bad}))
            .refused("invalid_argument", &["author_name"]);
    }
    assert_eq!(world.git(&["rev-parse", "HEAD"]), head);
}

#[test]
fn what_cannot_be_committed_is_refused_and_nothing_moves() {
    let world = World::with(&[("a", "a")]);
    world.write("a", "unstaged");
    world.write("new", "n");
    let head = world.git(&["rev-parse", "HEAD"]);
    world
        .call("git_commit", json!({"message": "m"}))
        .refused("conflict", &["nothing is staged", "1 paths have unstaged", "1 are untracked", "git_add"]);
    world.git(&["add", "-A"]);
    for bad in ["", " \n ", "a\u{0}b"] {
        world.call("git_commit", json!({"message": bad})).refused("invalid_argument", &["message"]);
    }
    world.git(&["bisect", "start"]);
    world.call("git_commit", json!({"message": "m"})).refused("conflict", &["bisect"]);
    assert_eq!(world.git(&["rev-parse", "HEAD"]), head);
    assert!(world.path(".git/BISECT_LOG").exists());
    world.sound();
}

fn conflicting(command: &[&str]) -> World {
    let world = World::with(&[("f", "base\n")]);
    world.git(&["switch", "-q", "-c", "side"]);
    world.commit(&[("f", "side\n")], "side");
    world.git(&["switch", "-q", "main"]);
    world.commit(&[("f", "main\n")], "main");
    assert!(!world.git_at(&world.root(), command, None).status.success());
    world
}

#[test]
fn a_merge_is_concluded_with_both_parents() {
    let world = conflicting(&["merge", "side"]);
    let both = [world.git(&["rev-parse", "HEAD"]), world.git(&["rev-parse", "side"])];
    world.call("git_commit", json!({"message": "m"})).refused("conflict", &["still in conflict", "f"]);
    world.write("f", "both\n");
    world.call("git_add", json!({"files": "f"})).fine();
    world.call("git_commit", json!({"message": "m", "amend": true})).refused("conflict", &["merge is in progress"]);
    let ran = world.call("git_commit", json!({"message": "merged"})).fine();
    assert_eq!((&ran.json["parents"], &ran.json["concluded"]), (&json!(both), &json!("merge")));
    assert_eq!(world.git(&["log", "-1", "--format=%P"]), both.join(" "));
    assert_eq!(world.git(&["reflog", "-1", "--format=%gs"]), "commit (merge): merged");
    assert!(!world.git(&["status"]).contains("merg"), "{}", world.git(&["status"]));
    for name in ["MERGE_HEAD", "MERGE_MSG", "MERGE_MODE"] {
        assert!(!world.path(".git").join(name).exists(), "{name}");
    }
    world.sound();
}

#[test]
fn a_merge_that_takes_our_side_is_still_a_merge() {
    let world = conflicting(&["merge", "side"]);
    world.write("f", "main\n");
    world.git(&["add", "f"]);
    let ran = world.call("git_commit", json!({"message": "ours"})).fine();
    assert_eq!(ran.json["parents"].as_array().unwrap().len(), 2);
}

#[test]
fn a_cherry_pick_and_a_revert_are_concluded_and_sequences_and_rebases_are_not() {
    for (command, left) in
        [(vec!["cherry-pick", "side"], "CHERRY_PICK_HEAD"), (vec!["revert", "--no-edit", "HEAD~0"], "REVERT_HEAD")]
    {
        let world = if left == "REVERT_HEAD" {
            let world = World::with(&[("f", "1\n")]);
            world.commit(&[("f", "2\n")], "two");
            world.commit(&[("f", "3\n")], "three");
            assert!(!world.git_at(&world.root(), &["revert", "--no-edit", "HEAD~1"], None).status.success());
            world
        } else {
            conflicting(&command)
        };
        assert!(world.path(".git").join(left).exists());
        world.write("f", "solved\n");
        world.git(&["add", "f"]);
        let ran = world.call("git_commit", json!({"message": "done"})).fine();
        assert_eq!(ran.json["parents"].as_array().unwrap().len(), 1);
        assert!(!world.path(".git").join(left).exists());
        world.sound();
    }
    for command in [vec!["cherry-pick", "side", "side~0", "main"], vec!["rebase", "side"]] {
        let world = conflicting(&command);
        world.write("f", "solved\n");
        world.git(&["add", "f"]);
        let head = world.git(&["rev-parse", "HEAD"]);
        let state = world.git(&["status"]);
        if command[0] == "cherry-pick" && !world.path(".git/sequencer").exists() {
            continue;
        }
        world.call("git_commit", json!({"message": "m"})).refused("conflict", &["in progress"]);
        assert_eq!((head, state), (world.git(&["rev-parse", "HEAD"]), world.git(&["status"])));
    }
}

#[test]
fn amend_keeps_author_and_parents_and_warns_when_pushed() {
    let world = World::with(&[("a", "a")]);
    world.git(&["clone", "-q", "--bare", ".", "../origin.git"]);
    world.git(&["remote", "add", "origin", "../origin.git"]);
    world.write("a", "b");
    world.git(&["-c", "user.name=Old", "commit", "-q", "-am", "second", "--date=2001-02-03T04:05:06+0100"]);
    world.git(&["fetch", "-q", "origin"]);
    world.git(&["branch", "-q", "-u", "origin/main"]);
    let before = world.git(&["rev-parse", "HEAD"]);
    world.write("c", "c");
    world.git(&["add", "c"]);
    let ran = world.call("git_commit", json!({"message": "better", "amend": true})).fine();
    assert_eq!(ran.json["replaced"], before);
    assert!(!ran.text.contains("already in"), "{}", ran.text);
    assert_eq!(
        world.git(&["log", "-1", "--format=%an %ad %cn", "--date=iso-strict"]),
        "Old 2001-02-03T04:05:06+01:00 Test"
    );
    assert_eq!(
        world.git(&["log", "-1", "--format=%s|%P"]),
        format!("better|{}", world.git(&["rev-parse", &format!("{before}^")]))
    );
    assert_eq!(world.git(&["show", "--name-only", "--format="]), "a\nc");
    assert_eq!(world.git(&["reflog", "-1", "--format=%gs"]), "commit (amend): better");
    world.git(&["push", "-q", "origin", "main"]);
    let ran = world.call("git_commit", json!({"message": "again", "amend": true})).fine();
    assert!(ran.text.contains("already in `origin/main`"), "{}", ran.text);
    // Taking back everything the commit did.
    world.git(&["rm", "-q", "--cached", "c"]);
    world.git(&["reset", "-q", "HEAD~1", "--", "a"]);
    world.call("git_commit", json!({"message": "none", "amend": true})).refused("conflict", &["empty"]);
    world.sound();
}

#[test]
fn announced_files_are_not_committed() {
    let world = staged();
    world.write("announced", "later");
    world.git(&["add", "-N", "announced"]);
    world.call("git_commit", json!({"message": "m"})).fine();
    assert_eq!(world.git(&["ls-tree", "-r", "--name-only", "HEAD"]), "a\nb");
    assert!(world.status().contains("announced"), "still announced: {}", world.status());
    world.sound();
}

#[test]
fn a_configured_signature_is_said_to_be_missing() {
    let world = staged();
    world.git(&["config", "commit.gpgsign", "true"]);
    world.git(&["config", "gpg.program", "/nonexistent"]);
    let ran = world.call("git_commit", json!({"message": "m"})).fine();
    assert!(ran.text.contains("not signed"), "{}", ran.text);
}

#[test]
fn no_hook_runs_and_those_that_would_have_are_named() {
    let world = staged();
    EVERY_HOOK.iter().for_each(|hook| world.hook(hook));
    world.write("c", "c");
    let added = world.call("git_add", json!({"files": "c"})).fine();
    assert_eq!(added.json["hooks_not_run"], json!(["post-index-change"]));
    let ran = world.call("git_commit", json!({"message": "m"})).fine();
    for hook in ["pre-commit", "prepare-commit-msg", "commit-msg", "post-commit", "reference-transaction"] {
        assert!(ran.json["hooks_not_run"].as_array().unwrap().contains(&json!(hook)), "{hook}: {}", ran.text);
    }
    assert!(!ran.json["hooks_not_run"].as_array().unwrap().contains(&json!("post-rewrite")));
    world.call("git_commit", json!({"message": "n", "amend": true})).fine();
    world.call("git_branch", json!({"name": "topic", "create": true, "start_point": "HEAD~1"})).fine();
    let ran = world.call("git_branch", json!({"name": "main"})).fine();
    assert!(ran.text.contains("post-checkout"), "{}", ran.text);
    world.call("git_branch", json!({"name": "topic", "delete": true})).fine();
    assert_eq!(world.marks(), "");
    // Also not from where the configuration says.
    fs::rename(world.path(".git/hooks"), world.path("hooks")).unwrap();
    world.git(&["config", "core.hooksPath", "hooks"]);
    fs::remove_file(world.base().join("ran")).ok();
    let ran = world.call("git_commit", json!({"message": "o", "allow_empty": true})).fine();
    assert!(ran.text.contains("pre-commit"), "{}", ran.text);
    assert_eq!(world.marks(), "");
    // The control: git runs them all.
    world.git(&["commit", "-q", "--allow-empty", "-m", "by git"]);
    for hook in ["pre-commit", "prepare-commit-msg", "commit-msg", "post-commit", "reference-transaction"] {
        assert!(world.marks().contains(hook), "{hook}");
    }
}

/// Many processes at once: whoever is told that it committed has, and nobody's commit is lost.
#[test]
fn commits_of_several_processes_are_never_lost() {
    let world = World::with(&[("a", "a")]);
    let children: Vec<_> = (0..12)
        .map(|n| {
            let arguments = json!({"message": format!("number {n}"), "allow_empty": true});
            world.call_command("git_commit", arguments).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap()
        })
        .collect();
    let mut committed = Vec::new();
    for child in children {
        let output = child.wait_with_output().unwrap();
        let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
        match answer.get("code") {
            None => committed.push(answer["id"].as_str().unwrap().to_owned()),
            // A gate that looks while another process writes may say so too.
            Some(code) => assert!(code == "conflict" || code == "forbidden", "{answer}"),
        }
    }
    assert!(!committed.is_empty());
    let log = world.git(&["log", "--format=%H"]);
    assert_eq!(log.lines().count(), committed.len() + 1);
    assert!(committed.iter().all(|id| log.contains(id)));
    world.sound();
}

/// Within one process nobody even conflicts: they take turns.
#[test]
fn calls_of_one_process_take_turns() {
    const CALLS: usize = 30;
    let world = World::with(&[("a", "a")]);
    for n in 0..CALLS {
        world.write(&format!("file{n}"), n.to_string());
    }
    let mut server =
        world.server().arg("serve").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut input = server.stdin.take().unwrap();
    let mut output = BufReader::new(server.stdout.take().unwrap());
    let mut send = |message: Value| writeln!(input, "{message}").unwrap();
    let mut line = String::new();
    send(json!({"jsonrpc": "2.0", "id": "i", "method": "initialize", "params": {
        "protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}}}));
    output.read_line(&mut line).unwrap();
    send(json!({"jsonrpc": "2.0", "method": "notifications/initialized"}));
    for n in 0..CALLS {
        let (name, arguments) = match n % 2 {
            0 => ("git_commit", json!({"cwd": "r", "message": format!("{n}"), "allow_empty": true})),
            _ => ("git_add", json!({"cwd": "r", "files": format!("file{n}")})),
        };
        send(
            json!({"jsonrpc": "2.0", "id": n, "method": "tools/call", "params": {"name": name, "arguments": arguments}}),
        );
    }
    let mut answered = 0;
    while answered < CALLS {
        line.clear();
        assert_ne!(output.read_line(&mut line).unwrap(), 0, "the server ended");
        let message: Value = serde_json::from_str(&line).unwrap();
        if message.get("id").is_some() {
            assert_ne!(message["result"]["isError"], true, "{line}");
            assert!(message.get("error").is_none(), "{line}");
            answered += 1;
        }
    }
    drop(input);
    server.wait().unwrap();
    assert_eq!(world.git(&["rev-list", "--count", "HEAD"]), (CALLS / 2 + 1).to_string());
    world.call("git_commit", json!({"message": "rest", "allow_empty": true})).fine();
    assert_eq!(world.git(&["ls-tree", "-r", "--name-only", "HEAD"]).lines().count(), CALLS / 2 + 1);
    world.sound();
}
