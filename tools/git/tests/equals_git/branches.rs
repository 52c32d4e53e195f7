//! git_branch_list.
//!
//! On purpose: a remote's HEAD is left out, for it only repeats another branch.

use std::collections::HashMap;

use serde_json::{Value, json};

use crate::{
    history::{World, disguise, world},
    line, records,
};

const FORMAT: &str = "--format=%(refname)%02%(objectname)%02%(HEAD)%02%(committerdate:format:%Y-%m-%d %H:%M %z)%02\
                      %(upstream:short)%02%(upstream:track,nobracket)%02%(symref)%02%03";

#[derive(Default, Debug)]
struct Seen {
    branches: usize,
    remote: usize,
    ahead: usize,
    behind: usize,
    even: usize,
    gone: usize,
    current: usize,
    without: usize,
}

fn theirs(fields: &[&[u8]], subjects: &HashMap<Vec<u8>, Vec<u8>>, seen: &mut Seen) -> Option<Value> {
    let [name, id, head, date, upstream, track, symref] = fields else { panic!("{fields:?}") };
    let remote = name.strip_prefix(b"refs/remotes/");
    if remote.is_some() && !symref.is_empty() {
        return None;
    }
    let short = remote.or(name.strip_prefix(b"refs/heads/")).unwrap();
    let words = |bytes: &[u8]| str::from_utf8(bytes).unwrap().to_owned();
    let mut branch = json!({
        "name": line(short), "remote": remote.is_some(), "current": *head == b"*", "id": words(id),
        "date": words(date), "subject": line(&subjects[*id]),
    });
    if !upstream.is_empty() {
        let track = words(track);
        let count = |side: &str| {
            track.split(", ").find_map(|part| part.strip_prefix(side)?.trim().parse::<u64>().ok()).unwrap_or(0)
        };
        let (ahead, behind, gone) = (count("ahead "), count("behind "), track == "gone");
        seen.ahead += usize::from(ahead > 0);
        seen.behind += usize::from(behind > 0);
        seen.even += usize::from(track.is_empty());
        seen.gone += usize::from(gone);
        branch["upstream"] = json!({"name": line(upstream), "gone": gone, "ahead": ahead, "behind": behind});
    }
    seen.branches += 1;
    seen.remote += usize::from(remote.is_some());
    seen.current += usize::from(*head == b"*");
    seen.without += usize::from(upstream.is_empty() && remote.is_none());
    Some(branch)
}

fn compare(world: &World, seen: &mut Seen, what: &str, arguments: Value, command: &[&str]) {
    let output = world.git(&[&["--no-replace-objects", "for-each-ref", FORMAT], command].concat());
    // for-each-ref shows a subject in the encoding it was written in, and log in UTF-8.
    let log = ["--no-replace-objects", "log", "--no-walk", "--branches", "--remotes", "--format=%H%x02%s%x02%x03"];
    let subjects: HashMap<Vec<u8>, Vec<u8>> =
        records(&world.git(&log)).iter().map(|fields| (fields[0].to_vec(), fields[1].to_vec())).collect();
    let mut expected: Vec<Value> =
        records(&output).iter().filter_map(|fields| theirs(fields, &subjects, seen)).collect();
    expected.sort_by_key(|branch| (branch["remote"].as_bool(), branch["name"].as_str().map(str::to_owned)));
    let ours = world.items("git_branch_list", arguments, "/branches");
    assert_eq!(ours.len(), expected.len(), "{what}: {ours:?}");
    for (our, their) in ours.iter().zip(&expected) {
        assert_eq!(our, their, "{what}");
    }
}

#[test]
fn branches_are_gits() {
    let mut seen = Seen::default();
    for seed in (1..=6).chain([35]) {
        let world = world(seed, 40);
        disguise(&world, seed);
        world.git(&["symbolic-ref", "refs/heads/alias", "refs/heads/stale"]);
        compare(&world, &mut seen, &format!("seed {seed}"), json!({}), &["refs/heads"]);
        compare(&world, &mut seen, &format!("seed {seed}, all"), json!({"all": true}), &["refs/heads", "refs/remotes"]);
        for at in [0, 15, 25, 33, 39] {
            let id = &world.commits[at];
            let contains = format!("--contains={id}");
            let arguments = json!({"all": true, "contains": id});
            compare(
                &world,
                &mut seen,
                &format!("seed {seed}, {at}"),
                arguments,
                &[&contains, "refs/heads", "refs/remotes"],
            );
        }
    }
    let world = world(7, 40);
    for other in [world.shallow(3), world.linked()] {
        compare(&other, &mut seen, other.repo, json!({"all": true}), &["refs/heads", "refs/remotes"]);
    }
    println!("{seen:?}");
    assert!(seen.branches > 300 && seen.remote > 100 && seen.current > 8 && seen.without > 20, "{seen:?}");
    assert!(seen.ahead > 20 && seen.behind > 20 && seen.even > 5 && seen.gone > 5, "{seen:?}");
}
