//! git_show: what it says besides the diff, which `diff` compares.
//!
//! On purpose: refs/replace is not followed (`--no-replace-objects`) and a mailmap is not read, for an id and a name are to be what the
//! object holds; of a tag everything is said that leads to the object, and of a tag's message not the signature.

use serde_json::{Value, json};

use crate::{
    block,
    history::{PATHS, World, disguise, world},
    line,
    population::Random,
    records, rfc3339,
    support::{git_fed, page_lines},
};

const FORMAT: &str =
    "--format=tformat:%H%x02%P%x02%an%x02%ae%x02%ad%x02%aI%x02%cn%x02%ce%x02%cd%x02%cI%x02%B%x02%N%x02%x03";
const DATE: &str = "--date=format:%Y-%m-%d %H:%M %z";

#[derive(Default, Debug)]
struct Seen {
    commits: usize,
    merges: usize,
    committers: usize,
    notes: usize,
    empty: usize,
    signed: usize,
    tags: usize,
    untagged: usize,
    trees: usize,
    submodules: usize,
    links: usize,
    blobs: usize,
    binary: usize,
    spellings: usize,
    refused: usize,
}

fn words(bytes: &[u8]) -> String {
    str::from_utf8(bytes).unwrap().to_owned()
}

/// The lines of a text as an answer has them.
fn lines(bytes: &[u8]) -> Vec<String> {
    block(bytes).as_str().unwrap().lines().map(str::to_owned).collect()
}

fn person(fields: &[&[u8]]) -> Value {
    json!({"name": line(fields[0]), "email": line(fields[1]), "date": words(fields[2]), "time": rfc3339(fields[3])})
}

fn commit(world: &World, seen: &mut Seen, what: &str, fields: &[&[u8]]) {
    let id = words(fields[0]);
    let answer = world.call("git_show", json!({"ref": id, "patch": false}));
    let object = &answer["object"];
    let (author, committer) = (person(&fields[2..6]), person(&fields[6..10]));
    let parents: Vec<String> = words(fields[1]).split_whitespace().map(str::to_owned).collect();
    assert_eq!((&answer["id"], &object["kind"]), (&json!(id), &json!("commit")), "{what}");
    assert_eq!(object["parents"], json!(parents), "{what}");
    assert_eq!(object["author"], author, "{what}");
    // One person at one time is said once.
    let theirs = if author == committer { &Value::Null } else { &committer };
    assert_eq!(object.get("committer").unwrap_or(&Value::Null), theirs, "{what}");
    assert_eq!(page_lines(&object["message"]), lines(fields[10]), "{what}");
    // %N has one blank line less than the note that ends in blank lines.
    let trimmed = |mut lines: Vec<String>| {
        while lines.pop_if(|line| line.is_empty()).is_some() {}
        lines
    };
    let note = trimmed(object.get("note").map(page_lines).unwrap_or_default());
    assert_eq!(note, trimmed(lines(fields[11])), "{what}");
    let raw = world.git(&["--no-replace-objects", "cat-file", "commit", &id]);
    let header = raw.split(|byte| *byte == b'\n').take_while(|line| !line.is_empty());
    let signed = header.into_iter().any(|line| line.starts_with(b"gpgsig "));
    assert_eq!(object["signed"], json!(signed), "{what}");
    seen.commits += 1;
    seen.merges += usize::from(parents.len() > 1);
    seen.committers += usize::from(author != committer);
    seen.notes += usize::from(!note.is_empty());
    seen.empty += usize::from(fields[10].trim_ascii().is_empty());
    seen.signed += usize::from(signed);
}

fn tag(world: &World, seen: &mut Seen, what: &str, name: &str) {
    let answer = world.call("git_show", json!({"ref": format!("refs/tags/{name}"), "patch": false}));
    let mut object = world.word(&["rev-parse", &format!("refs/tags/{name}")]);
    for shown in answer["tags"].as_array().unwrap() {
        assert_eq!(shown["id"], json!(object), "{what}");
        let raw = world.git(&["cat-file", "tag", &object]);
        let (header, message) = raw.split_at(raw.windows(2).position(|pair| pair == b"\n\n").unwrap() + 1);
        let field = |name: &[u8]| {
            let mut fields = header.split(|byte| *byte == b'\n');
            fields.find_map(|line| line.strip_prefix(name)?.strip_prefix(b" ")).map(<[u8]>::to_vec)
        };
        let signature = message.windows(10).position(|part| part == b"-----BEGIN");
        assert_eq!(shown["name"], line(&field(b"tag").unwrap()), "{what}");
        assert_eq!(page_lines(&shown["message"]), lines(&message[1..signature.unwrap_or(message.len())]), "{what}");
        assert_eq!(shown["signed"], json!(signature.is_some()), "{what}");
        seen.signed += usize::from(signature.is_some());
        seen.tags += 1;
        match field(b"tagger") {
            None => {
                assert!(shown.get("tagger").is_none(), "{what}");
                seen.untagged += 1;
            }
            Some(_) => {
                let format = "--format=%(taggername)%02%(taggeremail:trim)%02%(taggerdate:format:%Y-%m-%d %H:%M %z)%02\
                              %(taggerdate:iso-strict)%02%(objectname)%02%03";
                let output = world.git(&["for-each-ref", format, "refs/tags"]);
                let found = records(&output);
                let fields = found.iter().find(|fields| words(fields[4]) == object).unwrap();
                assert_eq!(shown["tagger"], person(fields), "{what}");
            }
        }
        object = words(&field(b"object").unwrap());
    }
    assert_eq!(answer["id"], json!(object), "{what}");
    assert_eq!(world.word(&["cat-file", "-t", &object]), answer["object"]["kind"].as_str().unwrap(), "{what}");
}

fn tree(world: &World, seen: &mut Seen, what: &str, name: &str, path: Option<&str>) {
    let mut arguments = json!({"ref": name});
    let mut treeish = name.to_owned();
    if let Some(path) = path {
        arguments["path"] = json!(path);
        treeish = format!("{}:{path}", name.strip_suffix("^{tree}").unwrap());
    }
    let Some(answer) = world.tries("git_show", arguments) else {
        assert_eq!(world.git(&["ls-tree", "main", "--", path.unwrap()]), b"", "{what}");
        return;
    };
    let expected: Vec<Value> = world
        .git(&["ls-tree", "-l", "-z", &treeish])
        .split(|byte| *byte == 0)
        .filter(|row| !row.is_empty())
        .map(|row| {
            let (facts, name) = row.split_at(row.iter().position(|byte| *byte == b'\t').unwrap());
            let facts = words(facts);
            let [mode, kind, id, size] = facts.split_whitespace().collect::<Vec<_>>()[..] else { panic!("{facts}") };
            let kind = match (mode, kind) {
                ("120000", _) => "symlink",
                (_, "tree") => "directory",
                (_, "commit") => "submodule",
                _ => "file",
            };
            seen.links += usize::from(kind == "symlink");
            let mut entry = json!({"mode": mode, "kind": kind, "name": line(&name[1..])});
            if let Ok(size) = size.parse::<u64>() {
                entry["size"] = json!(size);
            }
            if kind == "submodule" {
                entry["commit"] = json!(id);
                seen.submodules += 1;
            }
            entry
        })
        .collect();
    assert_eq!(answer["object"]["entries"]["items"], json!(expected), "{what}");
    seen.trees += 1;
}

fn blob(world: &World, seen: &mut Seen, what: &str, path: &str) {
    let name = format!("main:{path}");
    let Some(answer) = world.tries("git_show", json!({"ref": name})) else {
        assert_eq!(world.git(&["ls-tree", "main", "--", path]), b"", "{what}: {path}");
        return;
    };
    let content = world.git(&["cat-file", "blob", &name]);
    let object = &answer["object"];
    assert_eq!(answer["id"], json!(world.word(&["rev-parse", &name])), "{what}");
    assert_eq!(object["size"], json!(content.len()), "{what}");
    seen.blobs += 1;
    if content.contains(&0) {
        assert!(object.get("text").is_none() && object["what"].as_str().unwrap().starts_with("binary"), "{what}");
        seen.binary += 1;
    } else {
        assert_eq!(page_lines(&object["text"]), lines(&content), "{what}");
    }
}

/// What a name stands for, tags followed; git and the tool agree as well that there is no such thing.
fn spelling(world: &World, seen: &mut Seen, what: &str, name: &str) {
    let mut command = vec!["--no-replace-objects", "rev-parse", "-q", "--verify"];
    let peeled = format!("{name}^{{}}");
    command.push(if name.contains(':') { name } else { &peeled });
    let expected = world.git_tries(&command);
    let answer = world.tries("git_show", json!({"ref": name, "patch": false}));
    let ours = answer.map(|answer| answer["id"].as_str().unwrap().to_owned());
    assert_eq!(ours, expected, "{what}: {name}");
    seen.spellings += usize::from(expected.is_some());
    seen.refused += usize::from(expected.is_none());
}

/// Commits and tags that nobody's key has signed, in the form of those that somebody's has.
fn sign(world: &World) -> String {
    let raw = String::from_utf8(world.git(&["cat-file", "commit", "light"])).ok();
    let signature = "-----BEGIN PGP SIGNATURE-----\n \n iQEz\n -----END PGP SIGNATURE-----";
    let raw = raw.filter(|raw| raw.contains("\n\n")).unwrap_or_else(|| {
        let tree = world.word(&["rev-parse", "light^{tree}"]);
        format!("tree {tree}\nauthor A <a@example.com> 1 +0000\ncommitter A <a@example.com> 1 +0000\n\nsigned\n")
    });
    let raw = raw.replacen("\n\n", &format!("\ngpgsig {signature}\n\n"), 1);
    let id = git_fed(&world.root(), &["hash-object", "-t", "commit", "-w", "--stdin"], raw.as_bytes());
    let id = words(id.trim_ascii());
    let tag = format!(
        "object {id}\ntype commit\ntag signed\ntagger A <a@example.com> 1700000000 +0100\n\nsigned\n\nbody\n{}\n",
        signature.replace("\n ", "\n")
    );
    let tag = git_fed(&world.root(), &["mktag"], tag.as_bytes());
    world.git(&["update-ref", "refs/tags/signed", &words(tag.trim_ascii())]);
    id
}

#[test]
fn objects_are_gits() {
    let mut seen = Seen::default();
    for seed in 1..=4 {
        let world = world(seed + 100, 50);
        let signed = sign(&world);
        disguise(&world, seed);
        let random = &mut Random(seed);
        let mut ids: Vec<&str> = (0..12).map(|_| world.commits[random.below(50)].as_str()).collect();
        ids.push(&signed);
        let log = ["--no-replace-objects", "log", "--no-mailmap", "--no-walk=unsorted", "--notes", DATE, FORMAT];
        for fields in records(&world.git(&[&log[..], &ids].concat())) {
            commit(&world, &mut seen, &format!("seed {seed}, {}", words(fields[0])), &fields);
        }
        for name in ["v1", "release/2", "tägged", "outer", "outermost", "treeish", "signed"] {
            tag(&world, &mut seen, &format!("seed {seed}, tag {name}"), name);
        }
        for (name, path) in [
            ("main^{tree}", None),
            ("main^{tree}", Some("src")),
            ("main^{tree}", Some("with space")),
            ("treeish", None),
        ] {
            tree(&world, &mut seen, &format!("seed {seed}, {name} {path:?}"), name, path);
        }
        for path in
            PATHS.iter().filter_map(|path| str::from_utf8(path).ok()).filter(|path| !path.contains(char::is_control))
        {
            blob(&world, &mut seen, &format!("seed {seed}"), path);
        }
        let id = &world.commits[30];
        for name in [
            "HEAD",
            "@",
            "main",
            "main~2",
            "main^",
            "main^2",
            "main^3",
            "main~1^2~1",
            "main^0",
            "main^{commit}",
            "main^{tree}",
            "outermost^{}",
            "outermost^{commit}",
            "outermost^{tree}",
            "outermost~1",
            "v1",
            "heads/v1",
            "tags/v1",
            "refs/tags/v1",
            "origin",
            "origin/main",
            "remotes/origin/main",
            "refs/heads/origin/main",
            "up/main",
            "main@{upstream}",
            "main@{u}",
            "feature/a",
            "ünï/ko",
            "日本",
            "nothing",
            "main~900",
            "treeish^{commit}",
            "main:src",
            "main:nothing",
            "main:",
            "main^{/nowhere to be found}",
            &id[..10],
            &id[..4],
            id,
            "0000000000000000000000000000000000000000",
            "light-3-gdeadbeef",
            &format!("light-0-g{}", &id[..12]),
            "refs/notes/commits",
            "release/2^{blob}",
            "main^{tag}",
            "main^-1",
        ] {
            spelling(&world, &mut seen, &format!("seed {seed}"), name);
        }
    }
    let world = world(7, 40);
    for other in [world.shallow(2), world.linked()] {
        // All of a shallow clone, and in it the commits whose parents are not there.
        let log = ["log", "--no-mailmap", "--notes", DATE, FORMAT, "-n10", "HEAD"];
        let found = other.git(&log);
        let found = records(&found);
        assert!(found.len() > 1, "{}", other.repo);
        found.iter().for_each(|fields| commit(&other, &mut seen, other.repo, fields));
    }
    println!("{seen:?}");
    assert!(seen.commits > 40 && seen.merges > 10 && seen.committers > 20 && seen.notes > 2, "{seen:?}");
    assert!(seen.empty > 2 && seen.signed > 6 && seen.tags > 30 && seen.untagged > 2, "{seen:?}");
    assert!(seen.trees > 10 && seen.submodules > 3 && seen.links > 3 && seen.blobs > 10 && seen.binary > 2, "{seen:?}");
    assert!(seen.spellings > 100 && seen.refused > 40, "{seen:?}");
}
