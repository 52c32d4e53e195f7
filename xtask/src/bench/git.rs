//! status, log, diff and show on a repository of 100,000 files and 5,000 commits: a call through MCP beside the git CLI's whole process,
//! and beside mcp-server-git.

use std::{
    io::{BufWriter, Write},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use serde_json::{Value, json};

use super::{
    Bench,
    client::{Client, Program},
    table::Row,
    turns::{median, millis, timed},
};

const FILES: usize = 100_000;
const COMMITS: usize = 5_000;
const RUNS: usize = 9;
/// How many times faster than mcp-server-git ours is to be.
const FASTER: f64 = 5.0;

/// A name, the git command, our call, mcp-server-git's where it has one, and how much of git's time ours may take.
type Case<'a> = (&'a str, &'a [&'a str], &'a str, Value, Option<(&'a str, Value)>, f64);

pub(super) fn run(bench: &Bench) -> Result<Vec<Row>, String> {
    let repo = repository(&bench.home)?;
    let path = repo.display().to_string();
    let mut us = Client::start(&Program::new([bench.built("mcp-git", "mcp-git")?]), &repo)?;
    let mut them = Client::start(&bench.python()?.git(), &repo)?;
    let cases: [Case<'_>; 5] = [
        ("status", &["status"], "git_status", json!({}), Some(("git_status", json!({"repo_path": path}))), 1.2),
        (
            "log -20",
            &["log", "-20"],
            "git_log",
            json!({"count": 20}),
            Some(("git_log", json!({"repo_path": path, "max_count": 20}))),
            1.0,
        ),
        ("log -20 of a path", &["log", "-20", "--", "d7"], "git_log", json!({"count": 20, "paths": ["d7"]}), None, 1.0),
        ("diff", &["diff"], "git_diff", json!({}), Some(("git_diff_unstaged", json!({"repo_path": path}))), 1.0),
        (
            "show",
            &["show"],
            "git_show",
            json!({}),
            Some(("git_show", json!({"repo_path": path, "revision": "HEAD"}))),
            1.0,
        ),
    ];
    let mut rows = Vec::new();
    for (name, arguments, tool, ours, theirs, goal) in cases {
        us.call(tool, &ours)?;
        let mine = median(RUNS, || timed(|| us.call(tool, &ours)))?;
        let cli = median(RUNS, || timed(|| git(&repo, arguments)))?;
        let ratio = mine.as_secs_f64() / cli.as_secs_f64();
        rows.push(Row {
            what: format!("{name}, {FILES} files, {COMMITS} commits"),
            ours: millis(mine),
            peer: format!("git {}", millis(cli)),
            ratio: format!("{ratio:.2} of its time"),
            goal: format!("{goal:.1}"),
            met: ratio <= goal,
        });
        if let Some((tool, theirs)) = theirs {
            them.call(tool, &theirs)?;
            let peer = median(RUNS, || timed(|| them.call(tool, &theirs)))?;
            let faster = peer.as_secs_f64() / mine.as_secs_f64();
            rows.push(Row {
                what: format!("{name}, the same"),
                ours: millis(mine),
                peer: format!("mcp-server-git {}", millis(peer)),
                ratio: format!("{faster:.1}x faster"),
                goal: format!("{FASTER:.0}x"),
                met: faster >= FASTER,
            });
        }
    }
    Ok(rows)
}

fn git(repo: &Path, arguments: &[&str]) -> Result<(), String> {
    let mut command = Command::new("git");
    command.arg("-C").arg(repo).args(arguments).env("GIT_PAGER", "cat").stdout(Stdio::null());
    let status = command.status().map_err(|error| format!("git: {error}"))?;
    if status.success() { Ok(()) } else { Err(format!("git {} failed", arguments.join(" "))) }
}

/// Makes the repository once and keeps it under `home`.
fn repository(home: &Path) -> Result<PathBuf, String> {
    let repo = home.join("repository");
    let marker = home.join("repository-made");
    let say = |error: std::io::Error| format!("the repository could not be made: {error}");
    if !marker.exists() {
        crate::run::out("making the repository");
        let _ = std::fs::remove_dir_all(&repo);
        std::fs::create_dir_all(&repo).map_err(say)?;
        git(&repo, &["init", "--quiet", "--initial-branch=main"])?;
        let mut import = Command::new("git")
            .args(["fast-import", "--quiet"])
            .current_dir(&repo)
            .stdin(Stdio::piped())
            .spawn()
            .map_err(say)?;
        let mut stream = BufWriter::new(import.stdin.take().ok_or("no stdin")?);
        history(&mut stream).map_err(say)?;
        drop(stream);
        import.wait().map_err(say)?;
        git(&repo, &["reset", "--hard", "--quiet"])?;
        for file in 0..20 {
            std::fs::write(repo.join(path(file * 997)), format!("changed {file}\n")).map_err(say)?;
        }
        // A racily clean index would make every status read every file of the first second again.
        git(&repo, &["update-index", "-q", "--refresh"]).or(Ok::<(), String>(()))?;
        std::fs::write(&marker, "").map_err(say)?;
    }
    Ok(repo)
}

fn path(file: usize) -> String {
    format!("d{}/s{}/file{file}.txt", file % 100, file / 100 % 25)
}

fn history(out: &mut impl Write) -> std::io::Result<()> {
    for commit in 0..COMMITS {
        let message = format!("change number {commit}\n\nwhy it was made\n");
        let time = 1_600_000_000 + commit * 600;
        write!(
            out,
            "commit refs/heads/main\ncommitter Ada <ada@example.com> {time} +0000\ndata {}\n{message}",
            message.len()
        )?;
        let files: Box<dyn Iterator<Item = usize>> = if commit == 0 {
            Box::new(0..FILES)
        } else {
            Box::new((0..3).map(move |n| (commit * 31 + n * 7919) % FILES))
        };
        for file in files {
            let content = format!("line one of {file}\nline two\nversion {commit}\n");
            write!(out, "M 100644 inline {}\ndata {}\n{content}\n", path(file), content.len())?;
        }
        writeln!(out)?;
    }
    Ok(())
}
