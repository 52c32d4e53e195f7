//! The configuration reader against libgit2's own, and the small judgements that need no repository.

use std::fs;
use std::path::PathBuf;

use proptest::prelude::*;

use super::config::{self, Entry};
use super::paths::names_dot_git;
use super::*;

fn read(text: &str) -> Option<Vec<(String, Option<String>)>> {
    let pair = |e: Entry| (String::from_utf8(e.name).unwrap(), e.value.map(|v| String::from_utf8(v).unwrap()));
    config::parse(text.as_bytes()).ok().map(|entries| entries.into_iter().map(pair).collect())
}

type Setting = (Vec<u8>, Option<Vec<u8>>);

/// What libgit2 makes of the same file; `None` when it refuses it.
fn libgit2_reads(bytes: &[u8]) -> Option<Vec<Setting>> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("config");
    fs::write(&path, bytes).unwrap();
    let config = git2::Config::open(&path).ok()?;
    let mut entries = config.entries(None).ok()?;
    let mut out = Vec::new();
    while let Some(entry) = entries.next() {
        let entry = entry.ok()?;
        out.push((entry.name_bytes().to_vec(), entry.has_value().then(|| entry.value_bytes().to_vec())));
    }
    Some(out)
}

fn agrees(bytes: &[u8]) -> bool {
    let Ok(ours) = config::parse(bytes) else { return true };
    let ours: Vec<_> = ours.into_iter().map(|e| (e.name, e.value)).collect();
    libgit2_reads(bytes).is_some_and(|theirs| theirs == ours)
}

#[test]
fn ordinary_files_are_read() {
    let some = |name: &str, value: &str| (name.to_owned(), Some(value.to_owned()));
    assert_eq!(
        read(
            "[core]\n\tbare = false\n[remote \"o/r\"] # c\n\turl = https://h/x ; c\n\tfetch = +refs/*:refs/*\r\n\tflag\n"
        ),
        Some(vec![
            some("core.bare", "false"),
            some("remote.o/r.url", "https://h/x"),
            some("remote.o/r.fetch", "+refs/*:refs/*"),
            ("remote.o/r.flag".into(), None),
        ])
    );
    assert_eq!(
        read("[ALIAS]\nX = \"!f() { echo \\\"a b\\\"; }; f\"\n"),
        Some(vec![some("alias.x", "!f() { echo \"a b\"; }; f")])
    );
    assert_eq!(read("[a \"B\\\"c\"]\nk = one \\\n two\n"), Some(vec![some("a.B\"c.k", "one  two")]));
}

#[test]
fn uncertain_files_have_no_answer() {
    for text in [
        "key = 1\n",
        "[include] path = /x\n",
        "[include\n] path = /x\n",
        "[ include]\npath = /x\n",
        "[include ]\npath = /x\n",
        "[a \"b\"] # \"]\npath = /x\n",
        "[a]\nk = \"open\n",
        "[a]\nk = x\\\\\"#\"\n",
        "[a]\nk = \\q\n",
        "[a]\nk = x \\\n# c\ny = 1\n",
        "[a]\nk # c\n",
        "[a]\n_k = 1\n",
        "[a]\u{b}\nk = 1\n",
        "[a]\nk = 1\r\r\n",
        "[a]\nk = \\",
    ] {
        assert_eq!(read(text), None, "{text:?}");
    }
}

#[test]
fn spellings_of_dot_git() {
    for name in [".git", ".GIT", ".Git", "git~1", "GIT~1", ".git.", ".git ", ".git::$INDEX_ALLOCATION", ".g\u{200c}it"]
    {
        assert!(names_dot_git(name.as_bytes()), "{name:?}");
    }
    for name in ["git", ".gitignore", "x.git", ".github", "git~2"] {
        assert!(!names_dot_git(name.as_bytes()), "{name:?}");
    }
}

fn repository() -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let ws = fs::canonicalize(dir.path()).unwrap();
    git2::Repository::init(ws.join("repo")).unwrap();
    (dir, ws)
}

#[test]
fn a_change_between_judging_and_opening_is_noticed() {
    let (_dir, ws) = repository();
    let mut workspace = Workspace::new(&ws).unwrap();
    let config = ws.join("repo/.git/config");
    let missing = ws.join("repo/.git/commondir");
    workspace.read_small(&config).unwrap();
    assert!(workspace.read_small(&missing).unwrap().is_none());
    workspace.unchanged().unwrap();
    fs::write(&missing, "x").unwrap();
    assert_eq!(workspace.unchanged().unwrap_err().code(), Code::Conflict);
    fs::remove_file(&missing).unwrap();
    workspace.unchanged().unwrap();
    let text = fs::read(&config).unwrap();
    fs::remove_file(&config).unwrap();
    fs::write(&config, text).unwrap();
    assert_eq!(workspace.unchanged().unwrap_err().code(), Code::Conflict);
}

#[test]
fn a_file_that_came_and_went_is_noticed() {
    let (_dir, ws) = repository();
    let info = ws.join("repo/.git/objects/info");
    let mut workspace = Workspace::new(&ws).unwrap();
    // Times of directories advance with the clock tick, which is 10 ms at most.
    let tick = std::time::Duration::from_millis(30);
    std::thread::sleep(tick);
    workspace.stamp_entries(&info);
    workspace.unchanged().unwrap();
    std::thread::sleep(tick);
    fs::write(info.join("alternates"), "x").unwrap();
    fs::remove_file(info.join("alternates")).unwrap();
    assert_eq!(workspace.unchanged().unwrap_err().code(), Code::Conflict);
}

#[test]
fn what_was_opened_is_what_was_judged() {
    let (_dir, ws) = repository();
    let mut workspace = Workspace::new(&ws).unwrap();
    let found = discover::at(&mut workspace, &ws.join("repo")).unwrap().unwrap();
    let mut judged = Judged::default();
    let owner = Owner { git_dir: &found.git_dir, work_root: found.work_root.as_deref() };
    judged.file(&mut workspace, owner, &found.common_dir.join("config"), 0).unwrap();
    let repo = open_exactly(&found).unwrap();
    verify_places(&repo, &found, &judged).unwrap();
    verify_settings(&repo, &judged).unwrap();
    // A setting that was not there when it was judged.
    repo.config().unwrap().open_level(ConfigLevel::Local).unwrap().set_str("core.worktree", "/").unwrap();
    assert_eq!(verify_settings(&repo, &judged).unwrap_err().code(), Code::Forbidden);
    // Directories exchanged for others of the same name.
    let other = git2::Repository::init(ws.join("other")).unwrap();
    assert_eq!(verify_places(&other, &found, &judged).unwrap_err().code(), Code::Conflict);
    let moved = Found { work_root: Some(ws.clone()), git_dir: found.git_dir, common_dir: found.common_dir };
    assert_eq!(verify_places(&repo, &moved, &judged).unwrap_err().code(), Code::Conflict);
}

/// Text made of the pieces readers of this format disagree about.
fn config_text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        4 => Just("\n"), 2 => Just("["), 2 => Just("]"), 3 => Just("\""), 3 => Just("\\"), 2 => Just("="), 2 => Just(" "),
        1 => Just("\t"), 1 => Just("\r"), 1 => Just("#"), 1 => Just(";"), 1 => Just("\u{b}"), 1 => Just("."), 1 => Just("-"),
        2 => Just("a"), 2 => Just("Path"), 1 => Just("n"), 1 => Just("é"), 3 => Just("[core]\n"), 2 => Just("[s \"u B\"]\n"),
        3 => Just("key = "), 1 => Just("\u{feff}"), 1 => Just("\\\n"), 1 => Just("\\\\"), 1 => Just("\\\""),
    ];
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_is_accepted_libgit2_reads_the_same_way(text in config_text()) {
        prop_assert!(agrees(text.as_bytes()), "ours {:?}, libgit2 {:?}", config::parse(text.as_bytes()), libgit2_reads(text.as_bytes()));
    }

    #[test]
    fn one_value_line_is_read_the_same_way(value in "[a \"\\\\#;nt=\\]\\[]{0,14}") {
        let text = format!("[core]\nkey ={value}\nnext = 1\n");
        prop_assert!(agrees(text.as_bytes()), "ours {:?}, libgit2 {:?}", config::parse(text.as_bytes()), libgit2_reads(text.as_bytes()));
    }

    #[test]
    fn one_header_line_is_read_the_same_way(header in "[aI \"\\\\#;.\\]\\[-]{0,12}") {
        let text = format!("[{header}\nkey = 1\n");
        prop_assert!(agrees(text.as_bytes()), "ours {:?}, libgit2 {:?}", config::parse(text.as_bytes()), libgit2_reads(text.as_bytes()));
    }

    #[test]
    fn bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = config::parse(&bytes);
    }
}
