//! git_diff and the diffs of git_show: counts and patches.

use std::{collections::BTreeMap, fs, path::Path};

use serde_json::{Value, json};

use crate::{
    line,
    population::{Random, add, edit},
    situations::situation,
    support::{git, json as call, whole_patch},
};

const REPOSITORIES: u64 = 8;
/// Populations that once made a difference: a type change and a mode change that were staged, and undone in the work tree.
const MET: [u64; 2] = [11, 55];

/// A patch by file: hunks only, as far as both programs mean to say the same.
fn by_file(lines: impl Iterator<Item = String>) -> BTreeMap<String, Vec<String>> {
    let mut sections: Vec<Vec<String>> = Vec::new();
    for line in lines {
        if line.starts_with("diff --git ") {
            sections.push(Vec::new());
        }
        let line = line.strip_suffix('\r').unwrap_or(&line).to_owned();
        // Ids are not shown. The percentage is of another count where the last line has no newline.
        if line.starts_with("index ") || line.starts_with("similarity index ") {
            continue;
        }
        sections.last_mut().unwrap().push(line);
    }
    let mut files: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for section in sections.into_iter().filter(|section| section.iter().any(|line| line.starts_with("@@"))) {
        files.entry(section[0].clone()).or_default().extend(section);
    }
    files
}

/// Path, where it came from, added and deleted lines (none: binary).
type Count = (String, Option<String>, Option<(u64, u64)>);

fn gits_counts(output: &[u8]) -> Vec<Count> {
    let text = String::from_utf8(output.to_vec()).unwrap();
    let mut parts = text.split('\0');
    let mut counts = Vec::new();
    while let Some(part) = parts.next().filter(|part| !part.is_empty()) {
        let fields: Vec<&str> = part.splitn(3, '\t').collect();
        let lines = fields[0].parse().ok().zip(fields[1].parse().ok());
        counts.push(match fields[2] {
            "" => {
                let (old, new) = (parts.next().unwrap(), parts.next().unwrap());
                (new.to_owned(), Some(old.to_owned()), lines)
            }
            path => (path.to_owned(), None, lines),
        });
    }
    counts.sort();
    counts
}

fn our_counts(files: &Value) -> Vec<Count> {
    let items = files["items"].as_array().unwrap();
    assert_eq!(items.len() as u64, files["total"].as_u64().unwrap());
    let mut counts: Vec<Count> = items
        .iter()
        .map(|file| {
            let lines = (file["added"].as_u64().unwrap(), file["deleted"].as_u64().unwrap());
            let from = file["from"].as_str().map(str::to_owned);
            (file["path"].as_str().unwrap().to_owned(), from, (file["binary"] != json!(true)).then_some(lines))
        })
        .collect();
    counts.sort();
    counts
}

/// What the comparison was made of, so that it cannot be of nothing.
#[derive(Default, Debug)]
struct Seen {
    files: usize,
    renames: usize,
    binary: usize,
    hunks: usize,
}

fn compare(
    root: &Path,
    seen: &mut Seen,
    what: &str,
    (tool, mut arguments, prefix): (&str, Value, &str),
    command: &[&str],
) {
    let options = ["-c", "core.quotePath=false", "-c", "core.autocrlf=false"];
    let plain = ["--no-color", "--no-ext-diff", "--no-textconv", "-M"];
    let run = |extra: &[&str]| git(root, &[&options[..], &command[..1], &plain, extra, &command[1..]].concat());
    let theirs = gits_counts(&run(&["--numstat", "-z"]));
    arguments["budget"] = json!(25_000);
    let mut table = arguments.clone();
    table[if tool == "git_show" { "patch" } else { "stat" }] = json!(tool != "git_show");
    let answer = call(root, tool, table);
    let files = answer.pointer(&format!("{prefix}/files")).cloned().unwrap_or_else(|| json!({"items": [], "total": 0}));
    let mut ours = our_counts(&files);
    // A file that was only moved is not read, so whether it is binary is not said.
    for (our, their) in ours.iter_mut().zip(&theirs) {
        let moved = files["items"]
            .as_array()
            .unwrap()
            .iter()
            .any(|file| file["path"] == json!(our.0) && file["status"] == "R100");
        if moved && their.2.is_none() && our.2 == Some((0, 0)) {
            our.2 = None;
        }
    }
    assert_eq!(ours, theirs, "{what}: numstat");
    let sum = |pick: fn((u64, u64)) -> u64| theirs.iter().filter_map(|count| count.2).map(pick).sum::<u64>();
    let totals = answer.pointer(&format!("{prefix}/totals")).unwrap();
    assert_eq!(
        (totals["added"].as_u64(), totals["deleted"].as_u64()),
        (Some(sum(|c| c.0)), Some(sum(|c| c.1))),
        "{what}"
    );

    let theirs_patch = by_file(String::from_utf8_lossy(&run(&["-p"])).split_terminator('\n').map(str::to_owned));
    let ours_patch = by_file(whole_patch(root, tool, &arguments, &format!("{prefix}/patch")).into_iter());
    for (file, lines) in &theirs_patch {
        assert_eq!(ours_patch.get(file).map(|lines| lines.join("\n")), Some(lines.join("\n")), "{what}: {file}");
        seen.hunks += lines.iter().filter(|line| line.starts_with("@@")).count();
    }
    assert_eq!(ours_patch.len(), theirs_patch.len(), "{what}");
    seen.files += theirs.len();
    seen.renames += theirs.iter().filter(|count| count.1.is_some()).count();
    seen.binary += theirs.iter().filter(|count| count.2.is_none()).count();
}

#[test]
fn counts_and_patches_are_gits() {
    let mut seen = Seen::default();
    for seed in (1..=REPOSITORIES).chain(MET) {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("repo");
        fs::create_dir(&root).unwrap();
        let random = &mut Random(seed);
        git(&root, &["init", "-q", "-b", "main"]);
        for _ in 0..12 {
            add(&root, random);
        }
        git(&root, &["add", "-A"]);
        compare(
            &root,
            &mut seen,
            &format!("seed {seed}, unborn"),
            ("git_diff", json!({"staged": true}), ""),
            &["diff", "--cached"],
        );
        git(&root, &["commit", "-q", "-m", "first"]);
        for step in 0..3 {
            for _ in 0..random.below(8) + 3 {
                edit(&root, random);
            }
            add(&root, random);
            git(&root, &["add", "-A"]);
            git(&root, &["commit", "-q", "--allow-empty", "-m", &format!("step {step}")]);
        }
        // Something staged, then something more in the work tree.
        for _ in 0..5 {
            edit(&root, random);
        }
        add(&root, random);
        git(&root, &["add", "-A"]);
        for _ in 0..5 {
            edit(&root, random);
        }
        for (arguments, command) in [
            (json!({}), &["diff"][..]),
            (json!({"context_lines": 0}), &["diff", "-U0"]),
            (json!({"staged": true}), &["diff", "--cached"]),
            (json!({"staged": true, "ref": "HEAD~2"}), &["diff", "--cached", "HEAD~2"]),
            (json!({"ref": "HEAD"}), &["diff", "HEAD"]),
            (json!({"ref": "HEAD~3..HEAD", "context_lines": 10}), &["diff", "-U10", "HEAD~3..HEAD"]),
            (json!({"ref": "HEAD...HEAD~1"}), &["diff", "HEAD...HEAD~1"]),
            (
                json!({"ref": "HEAD~3..HEAD", "paths": ["src", "tests"]}),
                &["diff", "HEAD~3..HEAD", "--", "src", "tests"],
            ),
        ] {
            compare(&root, &mut seen, &format!("seed {seed}, {command:?}"), ("git_diff", arguments, ""), command);
        }
        for commit in ["HEAD", "HEAD~1", "HEAD~3"] {
            let command = ["show", "--format=", commit];
            let arguments = json!({"ref": commit});
            compare(
                &root,
                &mut seen,
                &format!("seed {seed}, {command:?}"),
                ("git_show", arguments, "/object"),
                &command,
            );
        }
    }
    assert!(seen.files > 500 && seen.renames > 30 && seen.binary > 20 && seen.hunks > 500, "{seen:?}");
    println!("{seen:?}");
}

/// Announced files, sparse checkouts, links for files and files for directories: which files differ, by their letters.
#[test]
fn changed_files_of_odd_states_are_gits() {
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    for seed in [0, 5, 21] {
        let world = situation(seed);
        for (arguments, command) in [
            (json!({"stat": true}), &["diff"][..]),
            (json!({"stat": true, "staged": true}), &["diff", "--cached"]),
            (json!({"stat": true, "ref": "HEAD"}), &["diff", "HEAD"]),
        ] {
            let output = world.git(&[command, &["-M", "--name-status", "-z"]].concat());
            let mut parts = output.split(|byte| *byte == 0).filter(|part| !part.is_empty());
            let mut theirs = Vec::new();
            while let Some(letter) = parts.next() {
                // How alike the two are is counted in another way, and compared nowhere.
                let letter = String::from_utf8_lossy(&letter[..1]).into_owned();
                let from = (letter == "R").then(|| line(parts.next().unwrap()));
                *seen.entry(letter.clone()).or_default() += 1;
                theirs.push(json!([letter, from, line(parts.next().unwrap())]));
            }
            let mut ours: Vec<Value> = world
                .items("git_diff", arguments, "/files")
                .iter()
                .map(|file| json!([file["status"].as_str().unwrap()[..1], file.get("from"), file["path"]]))
                .collect();
            theirs.sort_by_key(Value::to_string);
            ours.sort_by_key(Value::to_string);
            let only = |some: &[Value], others: &[Value]| {
                some.iter().filter(|row| !others.contains(row)).map(Value::to_string).collect::<Vec<_>>()
            };
            let (surplus, missing) = (only(&ours, &theirs), only(&theirs, &ours));
            let what = format!("seed {seed}, {command:?}");
            assert!(
                surplus.is_empty() && missing.is_empty(),
                "{what}\nonly ours: {surplus:#?}\nonly git's: {missing:#?}"
            );
        }
    }
    for letter in ["A", "D", "M", "R", "T"] {
        assert!(seen[letter] > 2, "{seen:?}");
    }
}
