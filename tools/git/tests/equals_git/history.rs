//! Repositories with a past: what `git fast-import` makes of a stream that a seed has written.

use std::{
    fs,
    path::{Path, PathBuf},
    rc::Rc,
};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    population::Random,
    support::{git, git_fed, git_tries, json as call, json_tries},
};

const NAMES: &[&[u8]] = &[
    b"main",
    b"feature/a",
    b"feature/b/c",
    "ünï/ko".as_bytes(),
    "日本".as_bytes(),
    b"fix-1",
    b"UPPER",
    b"v1",
    b"origin/main",
    b"quo\"te'd",
    b"raw\xff",
    b"stale",
];
const REMOTE_NAMES: &[&[u8]] = &[b"origin/main", b"origin/feature/a", b"origin/only/there", b"up/main", b"up/raw\xfe"];
/// Names of files that a history changes.
pub const PATHS: &[&[u8]] = &[
    b"src/a.rs",
    b"src/b.rs",
    b"src/deep/c.rs",
    b"docs/x.md",
    "with space/ünï.txt".as_bytes(),
    b"top",
    b"raw\xff.bin",
    b"ctl\x07\x1b[1m\ttab",
    b"quo\"te",
    b"new\nline",
];
const PEOPLE: &[&[u8]] = &[
    b"Ada Lovelace <ada@example.com>",
    b"Ada Lovelace <ada@example.com>",
    "Größe Ünï <UNI@example.com>".as_bytes(),
    b"<nameless@example.com>",
    b"No Mail <>",
    b"A. \"Quote\" O'Neil, Jr. <a b@example.com>",
    b"Lat\xe9n <latin@example.com>",
    "日本 <nihon@example.jp>".as_bytes(),
];
const ZONES: &[&str] = &["+0000", "-0000", "+0100", "-0330", "+0545", "+1400", "-1200", "+0001", "-0001"];
const MESSAGES: &[&[u8]] = &[
    b"",
    b"\n",
    b"a subject",
    b"a subject\n",
    b"a subject\n\nand a body\n",
    b"a subject in\ntwo lines\n\nbody\n\nsecond paragraph\n",
    b"\n\n  \nblank lines first\n\n\n\nbody late\n\n\n",
    b"crlf subject\r\n\r\ncrlf body\r\nmore\r\n",
    b"crlf in\r\ntwo lines\r\n\r\nbody\r\n",
    b"latin \xe9 subject\n\nb\xffody\n",
    b"ctl \x1b[31mred\x1b[0m \x07bell\x08\n\n\x1b]0;title\x07body\n",
    "bidi \u{202e}evil\u{202c} zero\u{200b}width\n\nbody \u{2066}x\n".as_bytes(),
    b"quote \" ' ` \\ backslash \\n\n",
    b"   indented\n   continued   \n\n   body indented\n\ttab\n",
    b"tab\tin the subject \n \t \nbody after a line of spaces\n",
    b"carriage\rreturn\n\nin\rbody\n",
    "Größe GRÖSSE größe\n\nFIX Me in the body\n".as_bytes(),
    b"fix: something (#12)\n\nCo-authored-by: Ada <ada@example.com>\n",
    b"long\n\n1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n11\n12\n13\n14\n\n16\n",
    b"twelve\n\n1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n11\n12\n",
];

/// A workspace and one repository in it.
pub struct World {
    pub dir: Rc<TempDir>,
    /// Directory of the repository in the workspace.
    pub repo: &'static str,
    /// Ids of the commits, oldest first.
    pub commits: Vec<String>,
}

impl World {
    pub fn root(&self) -> PathBuf {
        self.dir.path().join(self.repo)
    }

    pub fn git(&self, arguments: &[&str]) -> Vec<u8> {
        git(&self.root(), arguments)
    }

    /// A clone of the last `depth` commits of main.
    pub fn shallow(&self, depth: usize) -> Self {
        let url = format!("file://{}", self.root().display());
        self.git(&["clone", "-q", "--no-checkout", "--branch=main", &format!("--depth={depth}"), &url, "../shallow"]);
        Self { dir: self.dir.clone(), repo: "shallow", commits: Vec::new() }
    }

    /// Another work tree of the same repository, on a branch of its own.
    pub fn linked(&self) -> Self {
        self.git(&["worktree", "add", "-q", "--no-checkout", "-b", "elsewhere", "../linked", &self.commits[20]]);
        Self { dir: self.dir.clone(), repo: "linked", commits: self.commits.clone() }
    }

    /// One line of git's answer, when it has one.
    pub fn git_tries(&self, arguments: &[&str]) -> Option<String> {
        git_tries(&self.root(), arguments).then(|| self.word(arguments))
    }

    /// One line of git's answer.
    pub fn word(&self, arguments: &[&str]) -> String {
        String::from_utf8(self.git(arguments)).unwrap().trim_end().to_owned()
    }

    /// The answer of a tool about this repository.
    pub fn call(&self, tool: &str, mut arguments: Value) -> Value {
        arguments["cwd"] = json!(self.repo);
        arguments["budget"] = json!(25_000);
        call(self.dir.path(), tool, arguments)
    }

    /// The answer, when the tool has one.
    pub fn tries(&self, tool: &str, mut arguments: Value) -> Option<Value> {
        arguments["cwd"] = json!(self.repo);
        json_tries(self.dir.path(), tool, arguments)
    }

    /// All items of a list of the answer, page by page.
    pub fn items(&self, tool: &str, mut arguments: Value, list: &str) -> Vec<Value> {
        let mut items = Vec::new();
        loop {
            let mut answer = self.call(tool, arguments.clone());
            let list = answer.pointer_mut(list).unwrap();
            items.extend(list["items"].as_array().unwrap().iter().cloned());
            match list.get("cursor") {
                Some(cursor) => arguments["cursor"] = cursor.clone(),
                None => return items,
            }
        }
    }
}

fn quoted(name: &[u8]) -> Vec<u8> {
    let octal = |byte: &u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'.' | b' ' => vec![*byte],
        byte => format!("\\{byte:03o}").into_bytes(),
    };
    [b"\"".to_vec(), name.iter().flat_map(octal).collect(), b"\"".to_vec()].concat()
}

/// The stream in the making.
struct Stream<'r> {
    bytes: Vec<u8>,
    random: &'r mut Random,
    time: i64,
    /// Whether clocks go wrong. Where they do so by days, git gives up looking too early and shows what a range leaves out.
    skewed: bool,
}

impl Stream<'_> {
    fn line(&mut self, parts: &[&[u8]]) {
        parts.iter().for_each(|part| self.bytes.extend_from_slice(part));
        self.bytes.push(b'\n');
    }

    fn data(&mut self, content: &[u8]) {
        self.line(&[b"data ", content.len().to_string().as_bytes()]);
        self.line(&[content]);
    }

    fn pick<'a>(&mut self, of: &[&'a [u8]]) -> &'a [u8] {
        of[self.random.below(of.len())]
    }

    fn person(&mut self, role: &str, time: i64) {
        let (who, zone) = (self.pick(PEOPLE), self.random.one_of(ZONES));
        self.line(&[role.as_bytes(), b" ", who, format!(" {time} {zone}").as_bytes()]);
    }

    fn commit(&mut self, mark: usize) {
        self.time += [0, 0, 1, 60, 3_600, 3 * 86_400][self.random.below(6)];
        if self.skewed && self.random.below(8) == 0 {
            self.time -= 9_000;
        }
        let root = mark == 1 || self.random.below(25) == 0;
        if root {
            self.line(&[b"reset refs/heads/main\n"]);
        }
        self.line(&[b"commit refs/heads/main\nmark :", mark.to_string().as_bytes()]);
        let authored = match self.random.below(8) {
            // git itself gives up on what is before 1970 in its zone.
            0 => [50_400, 86_399, 1_000_000, 2_147_483_648, 4_102_444_800, 33_000_000_000][self.random.below(6)],
            _ => self.time - self.random.below(100_000) as i64,
        };
        // Author and committer are often one.
        if self.random.below(3) == 0 {
            let at = self.bytes.len();
            self.person("author", self.time);
            let same = [&b"committer"[..], &self.bytes[at + 6..]].concat();
            self.bytes.extend(same);
        } else {
            self.person("author", authored);
            self.person("committer", self.time);
        }
        if self.random.below(12) == 0 {
            self.line(&[b"encoding ISO-8859-1"]);
        }
        let mut message = self.pick(MESSAGES).to_vec();
        if self.random.below(4) == 0 {
            message = [self.random.line().trim().as_bytes(), b"\n\n", &message].concat();
        }
        self.data(&message);
        if !root {
            let (parents, span) = ([1, 1, 1, 1, 1, 2, 2, 3, 4][self.random.below(9)], (mark - 1).min(6));
            let mut chosen = Vec::new();
            for _ in 0..parents {
                let parent = mark - 1 - self.random.below(span);
                if !chosen.contains(&parent) {
                    self.line(&[
                        if chosen.is_empty() { &b"from :"[..] } else { b"merge :" },
                        parent.to_string().as_bytes(),
                    ]);
                    chosen.push(parent);
                }
            }
        }
        for _ in 0..self.random.below(3) + usize::from(root) {
            let path = quoted(self.pick(PATHS));
            match self.random.below(12) {
                0 => self.line(&[b"D ", &path]),
                1 => {
                    let id = [b'1' + self.random.below(8) as u8; 40];
                    self.line(&[b"M 160000 ", &id, b" sub"]);
                }
                2 => {
                    self.line(&[b"M 120000 inline link"]);
                    let target = format!("target{}", self.random.below(3));
                    self.data(target.as_bytes());
                }
                kind => {
                    self.line(&[if kind == 3 { &b"M 100755 inline "[..] } else { b"M 100644 inline " }, &path]);
                    // Few contents, so that a merge has what one of its parents has.
                    let content = match self.random.below(6) {
                        0 => b"\x00\xff\x01binary".to_vec(),
                        1 => b"crlf\r\nno newline".to_vec(),
                        some => format!("content {some}\nsecond line\n").into_bytes(),
                    };
                    self.data(&content);
                }
            }
        }
        self.line(&[b""]);
    }
}

/// A repository of `count` commits with branches, tags, notes and upstreams. Nothing is checked out.
pub fn world(seed: u64, count: usize) -> World {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("repo");
    fs::create_dir(&root).unwrap();
    git(&root, &["init", "-q", "-b", "main"]);
    let mut random = Random(seed);
    let skewed = seed.is_multiple_of(3);
    let mut stream = Stream { bytes: Vec::new(), random: &mut random, time: 1_500_000_000, skewed };
    (1..=count).for_each(|mark| stream.commit(mark));
    for (space, names) in [("refs/heads/", NAMES), ("refs/remotes/", REMOTE_NAMES)] {
        for name in names.iter().filter(|name| space != "refs/heads/" || **name != b"main") {
            let mark = count - stream.random.below(count.min(30));
            stream.line(&[b"reset ", space.as_bytes(), name, format!("\nfrom :{mark}\n").as_bytes()]);
        }
    }
    for (at, name) in ["v1", "release/2", "tägged"].iter().enumerate() {
        let mark = count - stream.random.below(count.min(30));
        stream.line(&[format!("tag {name}\nfrom :{mark}").as_bytes()]);
        if at != 2 {
            stream.person("tagger", 1_600_000_000);
        }
        let message = stream.pick(MESSAGES);
        stream.data(message);
    }
    stream.line(&[b"reset refs/tags/light\nfrom :", count.to_string().as_bytes(), b"\n"]);
    stream.line(&[b"commit refs/notes/commits\ncommitter N <n@example.com> 1600000000 +0000\ndata 0\n"]);
    for mark in (1..=count).step_by(7) {
        stream.line(&[b"N inline :", mark.to_string().as_bytes()]);
        let note = stream.pick(MESSAGES);
        stream.data(note);
    }
    let bytes = std::mem::take(&mut stream.bytes);
    let marks = dir.path().join("marks");
    git_fed(&root, &["fast-import", "--quiet", "--force", &format!("--export-marks={}", marks.display())], &bytes);
    let mut commits = vec![String::new(); count];
    for line in fs::read_to_string(&marks).unwrap().lines() {
        let (mark, id) = line.split_once(' ').unwrap();
        commits[mark[1..].parse::<usize>().unwrap() - 1] = id.to_owned();
    }
    let world = World { dir: Rc::new(dir), repo: "repo", commits };
    world.git(&["tag", "-a", "-m", "a tag of a tag\n\nwith a body", "outer", "v1"]);
    world.git(&["tag", "-a", "-m", "three deep", "outermost", "outer"]);
    world.git(&["tag", "-a", "-m", "of a tree", "treeish", "main^{tree}"]);
    world.git(&["symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/main"]);
    upstreams(&root, &mut random);
    world
}

fn upstreams(root: &Path, random: &mut Random) {
    let mut config = Vec::new();
    for remote in ["origin", "up"] {
        config.extend(
            format!("[remote \"{remote}\"]\n\turl = https://example.com/x.git\n\tfetch = +refs/heads/*:refs/remotes/{remote}/*\n")
                .into_bytes(),
        );
    }
    for name in NAMES {
        let (remote, merge) = match random.below(7) {
            0 => continue,
            1 => ("origin", &b"gone"[..]),
            2 => (".", &b"main"[..]),
            3 => ("nosuch", &b"main"[..]),
            4 => ("up", &b"main"[..]),
            5 => ("origin", &b"feature/a"[..]),
            _ => ("origin", &b"main"[..]),
        };
        // What a branch follows whose name is not UTF-8 cannot be asked for through libgit2's binding.
        let Ok(name) = str::from_utf8(name) else { continue };
        let name = name.replace('"', "\\\"").into_bytes();
        config.extend(
            [
                &b"[branch \""[..],
                &name,
                b"\"]\n\tremote = ",
                remote.as_bytes(),
                b"\n\tmerge = refs/heads/",
                merge,
                b"\n",
            ]
            .concat(),
        );
    }
    let path = root.join(".git/config");
    let there = fs::read(&path).unwrap();
    fs::write(path, [there, config].concat()).unwrap();
}

/// Forms a repository can have that a reader must see through. By its seed: refs loose or packed, HEAD on a branch, detached or
/// unborn, a replaced commit.
pub fn disguise(world: &World, seed: u64) {
    if seed.is_multiple_of(2) {
        world.git(&["pack-refs", "--all"]);
        world.git(&["update-ref", "refs/heads/stale", &world.commits[3]]);
    }
    match seed % 4 {
        1 => drop(world.git(&["update-ref", "--no-deref", "HEAD", &world.commits[world.commits.len() / 2]])),
        2 => drop(world.git(&["symbolic-ref", "HEAD", "refs/heads/feature/a"])),
        _ => {}
    }
    if seed % 4 == 3 {
        let count = world.commits.len();
        assert!(git_tries(&world.root(), &["replace", &world.commits[count - 3], &world.commits[count / 2]]));
    }
}
