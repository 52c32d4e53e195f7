//! git_log.
//!
//! On purpose: `author` and `grep` are text of any case, not patterns (`-F -i`); refs/replace is not followed (`--no-replace-objects`)
//! and a mailmap is not read (`--no-mailmap`), for an id and a name are to be what the object holds.

use std::fs;

use serde_json::{Value, json};

use crate::{
    block,
    history::{World, disguise, world},
    line,
    population::Random,
    records, rfc3339,
};

const FORMAT: &str = "--format=tformat:%H%x02%P%x02%an%x02%ae%x02%ad%x02%aI%x02%s%x02%b%x02%D%x02%x03";
/// Lines of a body that git_log shows.
const BODY_LINES: usize = 12;

#[derive(Default, Debug)]
pub struct Seen {
    commits: usize,
    merges: usize,
    octopus: usize,
    bodies: usize,
    cut: usize,
    decorated: usize,
    /// Queries that left some and not all.
    filtered: usize,
}

/// What our `refs` are called in git's `%D`.
fn decorations(names: &[u8]) -> Vec<Value> {
    let names = names.split(|byte| *byte == b',').map(|name| name.strip_prefix(b" ").unwrap_or(name));
    let mut shown: Vec<Vec<u8>> = names
        .filter_map(|name| {
            let name = name.strip_prefix(b"HEAD -> ").unwrap_or(name);
            let tag = name.strip_prefix(b"tag: refs/tags/").map(|tag| [b"tag: ", tag].concat());
            let branch = [&b"refs/heads/"[..], b"refs/remotes/"].iter().find_map(|space| name.strip_prefix(*space));
            tag.or(branch.map(<[u8]>::to_vec)).or((name == b"HEAD").then(|| name.to_vec()))
        })
        .collect();
    shown.sort();
    shown.iter().map(|name| line(name)).collect()
}

fn theirs(fields: &[&[u8]], seen: &mut Seen) -> Value {
    let [id, parents, author, email, date, authored, subject, body, refs] = fields else {
        panic!("{fields:?}");
    };
    let words = |bytes: &[u8]| str::from_utf8(bytes).unwrap().to_owned();
    let parents: Vec<String> = words(parents).split_whitespace().map(str::to_owned).collect();
    // Blank lines that end a message are not worth a line of an answer.
    let body = body.trim_ascii_end();
    let lines: Vec<&[u8]> = body.split(|byte| *byte == b'\n').filter(|_| !body.is_empty()).collect();
    let kept = lines.iter().take(BODY_LINES).copied().collect::<Vec<_>>().join(&b'\n');
    let refs = decorations(refs);
    seen.commits += 1;
    seen.merges += usize::from(parents.len() > 1);
    seen.octopus += usize::from(parents.len() > 2);
    seen.bodies += usize::from(!lines.is_empty());
    seen.cut += usize::from(lines.len() > BODY_LINES);
    seen.decorated += usize::from(!refs.is_empty());
    let mut entry = json!({
        "id": words(id), "parents": parents, "author": line(author), "email": line(email),
        "date": words(date), "authored": rfc3339(authored), "subject": line(subject),
    });
    if block(&kept) != "" {
        entry["body"] = block(&kept);
    }
    if lines.len() > BODY_LINES {
        entry["body_omitted"] = json!(lines.len() - BODY_LINES);
    }
    if !refs.is_empty() {
        entry["refs"] = json!(refs);
    }
    entry
}

/// The ids among `items` in order, then each commit field by field.
fn compare(world: &World, seen: &mut Seen, what: &str, arguments: Value, command: &[&str]) -> usize {
    let plain =
        ["--no-replace-objects", "log", "--no-mailmap", "--decorate=full", "--date=format:%Y-%m-%d %H:%M %z", FORMAT];
    let output = world.git(&[&plain[..], command].concat());
    let expected: Vec<Value> = records(&output).iter().map(|fields| theirs(fields, seen)).collect();
    // A cursor goes on after `count`, and what is compared here is one answer.
    let mut ours = match arguments["count"].as_u64() {
        Some(1_000) => world.items("git_log", arguments, "/commits"),
        _ => world.call("git_log", arguments)["commits"]["items"].as_array().unwrap().clone(),
    };
    for entry in &mut ours {
        if let Some(refs) = entry.get_mut("refs").and_then(Value::as_array_mut) {
            refs.sort_by_key(|name| name.as_str().map(str::to_owned));
        }
    }
    let ids = |entries: &[Value]| entries.iter().map(|entry| entry["id"].clone()).collect::<Vec<_>>();
    assert_eq!(ids(&ours), ids(&expected), "{what}: the commits and their order");
    for (our, their) in ours.iter().zip(&expected) {
        assert_eq!(our, their, "{what}");
    }
    expected.len()
}

#[test]
fn commits_and_their_order_are_gits() {
    let mut seen = Seen::default();
    for seed in (1..=5).chain([16]) {
        let count = 70;
        let world = world(seed, count);
        disguise(&world, seed);
        // A mailmap would rename its people.
        fs::write(world.root().join(".mailmap"), "Another <another@example.com> <ada@example.com>\n").unwrap();
        let random = &mut Random(seed + 1_000);
        let mut id = |below: usize| world.commits[count - 1 - random.below(below)].clone();
        let (a, b, c) = (id(60), id(20), id(10));
        let times = ["@1500400000", "@1501000000"];
        let mut queries: Vec<(Value, Vec<String>)> = vec![
            (json!({}), vec![]),
            (json!({"ref": "outermost"}), vec!["outermost".into()]),
            (json!({"ref": "origin/only/there"}), vec!["origin/only/there".into()]),
            (json!({"ref": format!("{a}..{b}")}), vec![format!("{a}..{b}")]),
            (json!({"ref": format!("{b}..{a}")}), vec![format!("{b}..{a}")]),
            (json!({"ref": format!("{a}...{c}")}), vec![format!("{a}...{c}")]),
            (json!({"ref": format!("{b}.."), "paths": ["src"]}), vec![format!("{b}.."), "--".into(), "src".into()]),
            (json!({"ref": format!("{c}^0")}), vec![format!("{c}^0")]),
            (json!({"ref": "main", "count": 7}), vec!["-n7".into(), "main".into()]),
            (
                json!({"ref": "main", "author": "ADA"}),
                vec!["-i".into(), "-F".into(), "--author=ADA".into(), "main".into()],
            ),
            (
                json!({"ref": "main", "author": "uni@example.com>"}),
                vec!["-i".into(), "-F".into(), "--author=uni@example.com>".into(), "main".into()],
            ),
            (json!({"ref": "main", "grep": "fix"}), vec!["-i".into(), "-F".into(), "--grep=fix".into(), "main".into()]),
            (
                json!({"ref": "main", "grep": "[31m"}),
                vec!["-i".into(), "-F".into(), "--grep=[31m".into(), "main".into()],
            ),
            (json!({"ref": "main", "until": times[1]}), vec![format!("--until={}", times[1]), "main".into()]),
        ];
        for since in times {
            queries.push((json!({"ref": "main", "since": since}), vec![format!("--since={since}"), "main".into()]));
        }
        queries.push((
            json!({"ref": "main", "since": times[0], "until": times[1], "author": "example.com", "grep": "body", "count": 5}),
            ["-n5", "-i", "-F", "--since=@1500400000", "--until=@1501000000", "--author=example.com", "--grep=body", "--all-match", "main"]
                .map(String::from)
                .to_vec(),
        ));
        let paths =
            ["src", "src/deep/c.rs", "docs", "top", "link", "sub", "new\nline", "ctl\u{7}\u{1b}[1m\ttab", "with space"];
        for path in paths {
            queries.push((json!({"ref": "main", "paths": [path]}), ["main", "--", path].map(String::from).to_vec()));
        }
        queries.push((
            json!({"ref": "main", "paths": ["quo\"te", "docs/x.md"]}),
            ["main", "--", "quo\"te", "docs/x.md"].map(String::from).to_vec(),
        ));
        let whole =
            compare(&world, &mut seen, &format!("seed {seed}: main"), json!({"ref": "main", "count": 1000}), &["main"]);
        for (mut arguments, command) in queries {
            let what = format!("seed {seed}: {arguments} against {command:?}");
            if arguments.get("count").is_none() {
                arguments["count"] = json!(1_000);
            }
            let command: Vec<&str> = command.iter().map(String::as_str).collect();
            let found = compare(&world, &mut seen, &what, arguments, &command);
            seen.filtered += usize::from(found > 0 && found < whole);
        }
    }
    let world = world(7, 40);
    for other in [world.shallow(4), world.linked()] {
        for (arguments, command) in [
            (json!({"count": 1_000}), &["HEAD"][..]),
            (json!({"count": 1_000, "paths": ["src"]}), &["HEAD", "--", "src"]),
        ] {
            compare(&other, &mut seen, &format!("{}: {command:?}", other.repo), arguments, command);
        }
        let shallow = other.call("git_log", json!({}))["shallow"].clone();
        assert_eq!(shallow, json!(other.word(&["rev-parse", "--is-shallow-repository"]) == "true"), "{}", other.repo);
    }
    println!("{seen:?}");
    assert!(seen.commits > 1_500 && seen.merges > 500 && seen.octopus > 100 && seen.bodies > 1_000, "{seen:?}");
    assert!(seen.cut > 100 && seen.decorated > 200 && seen.filtered > 80, "{seen:?}");
}
