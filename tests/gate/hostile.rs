//! Repositories that would run a program of their own. Each is first shown to do so under plain git.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::common::{Lab, everything};
use mcp_git::gate;
use shared::Code;

/// Builds the same repository twice: plain git has to run the program in one, and nothing may in the other.
#[track_caller]
fn runs_only_under_git(arm: impl Fn(&Lab, &Path, &str), control: &[&[&str]], note: &str) {
    let lab = Lab::new();
    let program = lab.program();
    let twin = lab.repo(&lab.outside.join("twin"));
    arm(&lab, &twin, &program);
    let _ = fs::remove_file(&lab.canary);
    for args in control {
        lab.try_git(&twin, args);
    }
    assert!(lab.canary.exists(), "plain git does not run it, so this shows nothing");

    let repo = lab.inner();
    arm(&lab, &repo, &program);
    let _ = fs::remove_file(&lab.canary);
    let opened = lab.opened(&repo);
    everything(&opened);
    assert!(!lab.canary.exists(), "a program of the repository ran");
    let told = opened.notes.iter().chain(&opened.hooks).any(|n| n.contains(note));
    assert!(told, "{note} is not reported: {:?} {:?}", opened.notes, opened.hooks);
}

fn attributes(repo: &Path, text: &str) {
    fs::create_dir_all(repo.join(".git/info")).unwrap();
    fs::write(repo.join(".git/info/attributes"), text).unwrap();
}

fn hook(dir: &Path, name: &str, program: &str) {
    fs::create_dir_all(dir).unwrap();
    fs::write(dir.join(name), format!("#!/bin/sh\nexec '{program}' </dev/null\n")).unwrap();
    fs::set_permissions(dir.join(name), fs::Permissions::from_mode(0o755)).unwrap();
}

const DIRTY: &[&str] = &["commit", "-q", "--allow-empty", "-m", "x"];

#[test]
fn fsmonitor() {
    runs_only_under_git(
        |lab, repo, program| drop(lab.git(repo, &["config", "core.fsmonitor", program])),
        &[&["status"]],
        "core.fsmonitor is configured; not run",
    );
}

#[test]
fn clean_filter() {
    runs_only_under_git(
        |lab, repo, program| {
            attributes(repo, "* filter=x\n");
            lab.git(repo, &["config", "filter.x.clean", program]);
            lab.git(repo, &["config", "filter.x.required", "true"]);
            fs::write(repo.join("new.txt"), "new").unwrap();
        },
        &[&["add", "-A"]],
        "filter.x.clean is configured; not run",
    );
}

#[test]
fn smudge_filter() {
    runs_only_under_git(
        |lab, repo, program| {
            attributes(repo, "* filter=x\n");
            lab.git(repo, &["config", "filter.x.smudge", program]);
        },
        &[&["checkout", "-f", "HEAD~1"]],
        "filter.x.smudge",
    );
}

#[test]
fn process_filter() {
    runs_only_under_git(
        |lab, repo, program| {
            attributes(repo, "* filter=x\n");
            lab.git(repo, &["config", "filter.x.process", program]);
            fs::write(repo.join("new.txt"), "new").unwrap();
        },
        &[&["add", "-A"]],
        "filter.x.process",
    );
}

#[test]
fn textconv() {
    runs_only_under_git(
        |lab, repo, program| {
            attributes(repo, "* diff=x\n");
            lab.git(repo, &["config", "diff.x.textconv", program]);
        },
        &[&["diff", "HEAD~1"]],
        "diff.x.textconv",
    );
}

#[test]
fn external_diff() {
    runs_only_under_git(
        |lab, repo, program| drop(lab.git(repo, &["config", "diff.external", program])),
        &[&["diff", "HEAD~1"]],
        "diff.external",
    );
}

#[test]
fn external_diff_by_attribute() {
    runs_only_under_git(
        |lab, repo, program| {
            attributes(repo, "* diff=x\n");
            lab.git(repo, &["config", "diff.x.command", program]);
        },
        &[&["diff", "HEAD~1"]],
        "diff.x.command",
    );
}

#[test]
fn merge_driver() {
    runs_only_under_git(
        |lab, repo, program| {
            attributes(repo, "* merge=x\n");
            lab.git(repo, &["config", "merge.x.driver", program]);
        },
        &[&["merge", "other"]],
        "merge.x.driver",
    );
}

#[test]
fn signing_program() {
    runs_only_under_git(
        |lab, repo, program| {
            lab.git(repo, &["config", "gpg.program", program]);
            lab.git(repo, &["config", "commit.gpgSign", "true"]);
        },
        &[DIRTY],
        "gpg.program",
    );
}

#[test]
fn editor() {
    runs_only_under_git(
        |lab, repo, program| drop(lab.git(repo, &["config", "core.editor", program])),
        &[&["commit", "--allow-empty"]],
        "core.editor",
    );
}

#[test]
fn hooks_path() {
    runs_only_under_git(
        |lab, repo, program| {
            hook(&repo.join("tools"), "pre-commit", program);
            lab.git(repo, &["config", "core.hooksPath", "tools"]);
        },
        &[DIRTY],
        "pre-commit",
    );
    runs_only_under_git(
        |lab, repo, program| {
            hook(&lab.outside.join("tools"), "pre-commit", program);
            lab.git(repo, &["config", "core.hooksPath", lab.outside.join("tools").to_str().unwrap()]);
        },
        &[DIRTY],
        "core.hooksPath is configured; not used",
    );
}

#[test]
fn every_hook() {
    let cases: [(&str, &[&[&str]]); 13] = [
        ("pre-commit", &[DIRTY]),
        ("prepare-commit-msg", &[DIRTY]),
        ("commit-msg", &[DIRTY]),
        ("post-commit", &[DIRTY]),
        ("reference-transaction", &[DIRTY]),
        ("post-rewrite", &[&["commit", "-q", "--amend", "-m", "x"]]),
        ("post-checkout", &[&["checkout", "-q", "other"]]),
        ("post-index-change", &[&["checkout", "-q", "other"]]),
        ("pre-merge-commit", &[&["merge", "-q", "-s", "ours", "--no-edit", "other"]]),
        ("post-merge", &[&["merge", "-q", "-s", "ours", "--no-edit", "other"]]),
        ("pre-rebase", &[&["rebase", "other"]]),
        ("pre-push", &[&["push", "-q", "origin", "main"]]),
        ("pre-auto-gc", &[&["-c", "gc.auto=1", "gc", "--auto"]]),
    ];
    for (name, control) in cases {
        runs_only_under_git(
            |lab, repo, program| {
                let remote = lab.ws.join("origin.git");
                if !remote.exists() {
                    lab.git(&lab.ws, &["init", "-q", "--bare", "origin.git"]);
                }
                lab.git(repo, &["remote", "add", "origin", remote.to_str().unwrap()]);
                if name == "pre-auto-gc" {
                    for n in 0..40 {
                        fs::write(repo.join(format!("f{n}")), format!("{n}")).unwrap();
                    }
                    // gc estimates the number of loose objects from one directory, so that one has to have two.
                    lab.git(repo, &["add", "-A"]);
                    let dir = repo.join(".git/objects/17");
                    fs::create_dir_all(&dir).unwrap();
                    for n in 0..3 {
                        fs::write(dir.join(format!("{n:038x}")), "").unwrap();
                    }
                }
                hook(&repo.join(".git/hooks"), name, program);
            },
            control,
            name,
        );
    }
}

#[test]
fn a_program_as_the_far_end() {
    runs_only_under_git(
        |lab, repo, program| {
            lab.git(&lab.ws, &["init", "-q", "--bare", "origin.git"]);
            lab.git(repo, &["remote", "add", "origin", lab.ws.join("origin.git").to_str().unwrap()]);
            lab.git(repo, &["config", "remote.origin.uploadpack", program]);
        },
        &[&["fetch", "origin"]],
        "remote.origin.uploadpack",
    );
}

#[test]
fn ssh_command() {
    runs_only_under_git(
        |lab, repo, program| {
            lab.git(repo, &["remote", "add", "origin", "ssh://host.invalid/x"]);
            lab.git(repo, &["config", "core.sshCommand", program]);
        },
        &[&["fetch", "origin"]],
        "core.sshcommand",
    );
}

#[test]
fn credential_helper() {
    let lab = Lab::new();
    let program = lab.program();
    let repo = lab.inner();
    lab.git(&repo, &["config", "credential.helper", &format!("!{program}")]);
    let mut fill = lab.command(&repo);
    let input = lab.outside.join("input");
    fs::write(&input, "protocol=https\nhost=host.invalid\n\n").unwrap();
    fill.args(["credential", "fill"]).stdin(fs::File::open(&input).unwrap()).output().unwrap();
    assert!(lab.canary.exists(), "plain git does not run it");
    fs::remove_file(&lab.canary).unwrap();

    lab.git(&repo, &["remote", "add", "origin", "https://host.invalid/x"]);
    let opened = lab.opened(&repo);
    everything(&opened);
    assert!(!lab.canary.exists());
    assert!(opened.notes.iter().any(|n| n == "credential.helper is configured; not run"), "{:?}", opened.notes);
}

#[test]
fn a_remote_that_is_a_program() {
    let lab = Lab::new();
    let program = lab.program();
    let repo = lab.inner();
    lab.git(&repo, &["remote", "add", "origin", &format!("ext::{program}")]);
    lab.try_git(&repo, &["fetch", "origin"]);
    assert!(lab.canary.exists(), "plain git does not run it");
    fs::remove_file(&lab.canary).unwrap();

    let opened = lab.opened(&repo);
    everything(&opened);
    assert!(!lab.canary.exists());
    let e = gate::effective_remote_url(&opened.repo, "origin").unwrap_err();
    assert_eq!(e.code(), Code::Forbidden);
}

#[test]
fn instead_of() {
    for (key, push_only) in [("insteadOf", false), ("pushInsteadOf", true)] {
        let lab = Lab::new();
        let repo = lab.inner();
        lab.git(&repo, &["remote", "add", "origin", "https://good.invalid/x"]);
        let clean = gate::effective_remote_url(&lab.opened(&repo).repo, "origin").unwrap();
        assert_eq!((clean.fetch.as_str(), clean.push.as_str()), ("https://good.invalid/x", "https://good.invalid/x"));

        lab.git(&repo, &["config", &format!("url.https://evil.invalid/.{key}"), "https://good.invalid/"]);
        let option: &[&str] =
            if push_only { &["remote", "get-url", "--push", "origin"] } else { &["remote", "get-url", "origin"] };
        assert_eq!(lab.git(&repo, option).trim(), "https://evil.invalid/x", "plain git does not follow it");
        let opened = lab.opened(&repo);
        let remote = opened.repo.find_remote("origin").unwrap();
        let followed = if push_only { remote.pushurl().unwrap().unwrap() } else { remote.url().unwrap() };
        assert_eq!(followed, "https://evil.invalid/x", "libgit2 does not follow it");

        let e = gate::effective_remote_url(&opened.repo, "origin").unwrap_err();
        assert_eq!(e.code(), Code::Forbidden);
        let e = gate::effective_url(&opened.repo, "https://good.invalid/y").unwrap_err();
        assert!(e.message().contains("insteadof"), "{e}");
        assert!(opened.notes.iter().any(|n| n.contains(&key.to_lowercase())), "{:?}", opened.notes);
        assert!(gate::effective_url(&opened.repo, "https://third.invalid/y").is_ok());
    }
}

/// The environment is the process's own, so the server's part is played by this test binary run again.
#[test]
fn environment() {
    const MARK: &str = "the probe ran to its end";
    if let Some(ws) = std::env::var_os("GATE_PROBE") {
        let ws = Path::new(&ws);
        let opened = gate::open(ws, &ws.join("repo")).unwrap();
        assert_eq!(opened.git_dir, ws.join("repo/.git"));
        assert_eq!(opened.repo.workdir().unwrap(), ws.join("repo"));
        everything(&opened);
        println!("{MARK}");
        return;
    }
    let lab = Lab::new();
    let program = lab.program();
    let repo = lab.inner();
    let secret = lab.secret_repo();
    let armed = |command: &mut std::process::Command| {
        command
            .env("GIT_CONFIG_COUNT", "1")
            .env("GIT_CONFIG_KEY_0", "core.fsmonitor")
            .env("GIT_CONFIG_VALUE_0", &program);
        command.env("GIT_CONFIG_PARAMETERS", format!("'core.fsmonitor={program}'")).env("GIT_EXTERNAL_DIFF", &program);
        command.env("GIT_ALTERNATE_OBJECT_DIRECTORIES", secret.join(".git/objects"));
    };
    let mut control = lab.command(&repo);
    armed(&mut control);
    control.arg("status").output().unwrap();
    assert!(lab.canary.exists(), "plain git does not run it");
    fs::remove_file(&lab.canary).unwrap();
    let mut control = lab.command(&repo);
    let log = control.env("GIT_DIR", secret.join(".git")).arg("log").output().unwrap();
    assert!(String::from_utf8_lossy(&log.stdout).contains(crate::common::SECRET), "plain git does not follow GIT_DIR");

    let mut probe = std::process::Command::new(std::env::current_exe().unwrap());
    armed(&mut probe);
    probe.args(["--exact", "hostile::environment", "--nocapture"]).env("GATE_PROBE", &lab.ws).env("HOME", lab.home());
    probe.env("GIT_DIR", secret.join(".git")).env("GIT_WORK_TREE", &secret).env("GIT_COMMON_DIR", secret.join(".git"));
    probe.env("GIT_INDEX_FILE", secret.join(".git/index")).env("GIT_OBJECT_DIRECTORY", secret.join(".git/objects"));
    probe
        .env("GIT_CONFIG_GLOBAL", secret.join(".git/config"))
        .env("GIT_NAMESPACE", "x")
        .env("GIT_SSH_COMMAND", &program);
    let out = probe.output().unwrap();
    let text = String::from_utf8_lossy(&out.stdout);
    assert!(out.status.success() && text.contains(MARK), "{text} {}", String::from_utf8_lossy(&out.stderr));
    assert!(!lab.canary.exists());
}
