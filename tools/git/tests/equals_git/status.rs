//! git_status against `git status --porcelain=v2 --branch`, and for what that does not tell against what it says to people.
//!
//! On purpose: a directory with untracked files where a tracked file was is listed, which git leaves out although `git add` would take it.
//! Known: a file that is added and assumed unchanged before its first commit is not in libgit2's difference between HEAD and the index.

use std::collections::{BTreeMap, HashSet};

use serde_json::{Value, json};

use crate::{
    history::World,
    line,
    situations::{OPERATIONS, situation},
};

/// How often something occurred.
type Seen = BTreeMap<String, usize>;

fn see(seen: &mut Seen, what: impl Into<String>) {
    *seen.entry(what.into()).or_default() += 1;
}

/// git's rows as ours are, and its headers.
fn theirs(output: &[u8]) -> (Vec<Value>, BTreeMap<String, Vec<u8>>) {
    let mut parts = output.split(|byte| *byte == 0).filter(|part| !part.is_empty());
    let (mut rows, mut headers) = (Vec::new(), BTreeMap::new());
    while let Some(part) = parts.next() {
        // So many fields stand before the path.
        let fields = match part[0] {
            b'#' => 2,
            b'1' => 8,
            b'2' => 9,
            b'u' => 10,
            b'?' => 1,
            other => panic!("{other}"),
        };
        let found: Vec<&[u8]> = part.splitn(fields + 1, |byte| *byte == b' ').collect();
        let path = found[fields];
        let code = String::from_utf8_lossy(found[1]).into_owned();
        match part[0] {
            b'#' => {
                headers.insert(code, path.to_vec());
            }
            b'?' => rows.push(json!({"code": "??", "path": line(path)})),
            b'2' => rows.push(json!({"code": code, "path": line(path), "from": line(parts.next().unwrap())})),
            _ => rows.push(json!({"code": code, "path": line(path)})),
        }
    }
    rows.sort_by_key(Value::to_string);
    (rows, headers)
}

fn compare(world: &World, seen: &mut Seen, what: &str) {
    let command = ["--no-optional-locks", "status", "--porcelain=v2", "--branch", "-z"];
    let (rows, headers) = theirs(&world.git(&command));
    let answer = world.call("git_status", json!({}));
    let mut ours = world.items("git_status", json!({}), "/files");
    ours.sort_by_key(Value::to_string);
    let names = |rows: &[Value], wanted: fn(&str) -> bool| -> HashSet<String> {
        let rows = rows.iter().filter(|row| wanted(row["code"].as_str().unwrap()));
        rows.map(|row| row["path"].as_str().unwrap().trim_end_matches('/').to_owned()).collect()
    };
    let gone = names(&rows, |code| code.ends_with('D'));
    let mut covered_ones = 0;
    ours.retain(|row| {
        let covered = row["code"] == "??" && gone.contains(row["path"].as_str().unwrap().trim_end_matches('/'));
        if covered {
            covered_ones += 1;
            see(seen, "a directory where a file was");
        }
        !covered
    });
    let only = |some: &[Value], others: &[Value]| {
        some.iter().filter(|row| !others.contains(row)).map(Value::to_string).collect::<Vec<_>>()
    };
    let (surplus, missing) = (only(&ours, &rows), only(&rows, &ours));
    assert!(surplus.is_empty() && missing.is_empty(), "{what}\nonly ours: {surplus:#?}\nonly git's: {missing:#?}");
    assert_eq!(ours.len(), rows.len(), "{what}: the same path twice");

    let code = |row: &Value| row["code"].as_str().unwrap().to_owned();
    let conflict = |row: &&Value| code(row).contains('U') || ["AA", "DD"].contains(&code(row).as_str());
    let changed: Vec<&Value> = rows.iter().filter(|row| code(row) != "??" && !conflict(row)).collect();
    let count = |wanted: &dyn Fn(&str) -> bool| changed.iter().filter(|row| wanted(&code(row))).count();
    assert_eq!(answer["staged"], json!(count(&|code| !code.starts_with('.'))), "{what}");
    assert_eq!(answer["unstaged"], json!(count(&|code| !code.ends_with('.'))), "{what}");
    let untracked = rows.iter().filter(|row| code(row) == "??").count() + covered_ones;
    assert_eq!(answer["untracked"], json!(untracked), "{what}");
    assert_eq!(answer["conflicted"], json!(rows.iter().filter(conflict).count()), "{what}");
    for row in &rows {
        see(seen, code(row));
        if row["path"].as_str().unwrap().ends_with('/') {
            see(seen, "untracked directory");
        }
        let place = world.root().join(row["path"].as_str().unwrap());
        if std::fs::read(place).is_ok_and(|content| content == b"brought back\n") {
            see(seen, "brought back");
        }
        if row["path"].as_str().unwrap().starts_with("sub/") {
            see(seen, "submodule");
        }
    }

    let said = |value: Option<Vec<u8>>| value.map_or(Value::Null, |value| line(&value));
    let header = |name: &str| headers.get(name).cloned();
    let branch = said(header("branch.head").filter(|name| name != b"(detached)"));
    let head = said(header("branch.oid").filter(|id| id != b"(initial)"));
    assert_eq!((&answer["branch"], &answer["head"]), (&branch, &head), "{what}");
    see(seen, if branch.is_null() { "detached" } else { "on a branch" });
    see(seen, if head.is_null() { "unborn" } else { "born" });
    let upstream = header("branch.upstream").map_or(Value::Null, |name| {
        let apart = header("branch.ab").map(|apart| String::from_utf8(apart).unwrap());
        see(seen, apart.as_deref().map_or("upstream gone".to_owned(), |apart| format!("upstream {apart}")));
        let (ahead, behind) = apart.as_deref().map_or((0, 0), |apart| {
            let (ahead, behind) = apart.split_once(' ').unwrap();
            (ahead[1..].parse().unwrap(), behind[1..].parse::<u64>().unwrap())
        });
        let ahead: u64 = ahead;
        json!({"name": line(&name), "gone": apart.is_none(), "ahead": ahead, "behind": behind})
    });
    assert_eq!(answer["upstream"], upstream, "{what}");

    let told = String::from_utf8_lossy(&world.git(&["--no-optional-locks", "status"])).into_owned();
    let operation = [
        ("rebase", &["rebase in progress", "are currently rebasing"][..]),
        ("mailbox", &["in the middle of an am session"]),
        (
            "merge",
            &[
                "you are still merging",
                "You have unmerged paths.\n  (fix conflicts and run \"git commit\")\n  (use \"git merge --abort\"",
            ],
        ),
        ("cherry-pick", &["are currently cherry-picking", "Cherry-pick currently in progress"]),
        ("revert", &["are currently reverting", "Revert currently in progress"]),
        ("bisect", &["are currently bisecting"]),
    ]
    .into_iter()
    .find_map(|(name, words)| words.iter().any(|words| told.contains(words)).then_some(name));
    assert_eq!(answer["operation"], json!(operation), "{what}: {told}");
    see(seen, format!("operation {operation:?}"));
    let sparse = told.contains("You are in a sparse checkout");
    assert_eq!(answer["sparse"], json!(sparse), "{what}");
    see(seen, format!("sparse {sparse}"));
}

#[test]
fn states_are_gits() {
    let mut seen = Seen::new();
    // Each operation twice, each kind of repository three times.
    for seed in (0..7).chain([7, 9, 11, 14, 15, 19, 21, 22, 24]) {
        let world = situation(seed);
        let operation = OPERATIONS[(seed % 7) as usize];
        compare(&world, &mut seen, &format!("seed {seed}, {operation} at {}", world.root().display()));
    }
    println!("{seen:?}");
    for what in [
        ".A",
        ".D",
        ".M",
        ".R",
        ".T",
        "??",
        "A.",
        "AD",
        "AM",
        "D.",
        "DA",
        "M.",
        "MD",
        "MM",
        "R.",
        "RD",
        "RM",
        "T.",
        "AA",
        "AU",
        "DD",
        "DU",
        "UA",
        "UD",
        "UU",
        "detached",
        "on a branch",
        "unborn",
        "born",
        "sparse true",
        "sparse false",
        "brought back",
        "submodule",
        "untracked directory",
        "a directory where a file was",
        "upstream +0 -0",
        "upstream +1 -0",
        "upstream +1 -1",
        "upstream gone",
    ] {
        assert!(seen.contains_key(what), "{what}: {seen:?}");
    }
    for operation in OPERATIONS {
        let operation = Some(operation).filter(|name| !name.is_empty());
        assert!(seen.contains_key(&format!("operation {operation:?}")), "{operation:?}: {seen:?}");
    }
}
