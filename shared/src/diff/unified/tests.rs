use proptest::prelude::*;

use super::*;

/// What a file is, in one line.
fn told(file: &FileDiff<'_>) -> String {
    let path =
        |path: &Option<Vec<u8>>| path.as_ref().map_or("-".into(), |path| String::from_utf8_lossy(path).into_owned());
    let mut out = format!("{} {} {}", file.status.letter(), path(&file.old_path), path(&file.new_path));
    out.push_str(&format!(" +{} -{}", file.additions, file.deletions));
    if file.binary {
        out.push_str(" binary");
    }
    if let (Some(old), Some(new)) = (file.modes.old, file.modes.new) {
        out.push_str(&format!(" {old:o}>{new:o}"));
    }
    if let Some(percent) = file.similarity {
        out.push_str(&format!(" {percent}%"));
    }
    for remark in &file.remarks {
        out.push_str(&format!(" ({remark})"));
    }
    out
}

fn files(text: &str) -> Vec<String> {
    let parsed = read(text.as_bytes());
    assert_eq!(parsed.stray, b"", "{text}");
    parsed.files.iter().map(told).collect()
}

#[test]
fn every_kind_of_change_is_told() {
    for (text, expected) in [
        (
            "diff --git a/x.rs b/x.rs\nindex 1..2 100644\n--- a/x.rs\n+++ b/x.rs\n@@ -1,2 +1,3 @@ fn\n a\n-b\n+c\n+d\n",
            "M x.rs x.rs +2 -1",
        ),
        (
            "diff --git a/x b/x\nnew file mode 100755\nindex 0..2\n--- /dev/null\n+++ b/x\n@@ -0,0 +1 @@\n+a\n",
            "A - x +1 -0",
        ),
        (
            "diff --git a/x b/x\ndeleted file mode 100644\nindex 1..0\n--- a/x\n+++ /dev/null\n@@ -1 +0,0 @@\n-a\n",
            "D x - +0 -1",
        ),
        ("diff --git a/empty b/empty\nnew file mode 100644\nindex 0..e\n", "A - empty +0 -0"),
        ("diff --git a/empty b/empty\ndeleted file mode 100644\nindex e..0\n", "D empty - +0 -0"),
        ("diff --git a/x y b/x y\nold mode 100644\nnew mode 100755\n", "M x y x y +0 -0 100644>100755"),
        (
            "diff --git a/old name b/new b/name\nsimilarity index 91%\nrename from old name\nrename to new b/name\n\
             index 1..2 100644\n--- a/old name\t\n+++ b/new b/name\t\n@@ -1 +1 @@\n-a\n+b\n",
            "R old name new b/name +1 -1 91%",
        ),
        ("diff --git a/a b/b\nsimilarity index 100%\nrename from a\nrename to b\n", "R a b +0 -0 100%"),
        ("diff --git a/a b/b\nsimilarity index 100%\ncopy from a\ncopy to b\n", "C a b +0 -0 100%"),
        (
            "diff --git a/l.png b/l.png\nindex 1..2 100644\nBinary files a/l.png and b/l.png differ\n",
            "M l.png l.png +0 -0 binary",
        ),
        (
            "diff --git a/l b/l\nindex 1..2 100644\nGIT binary patch\nliteral 3\nKcmZQzU|?i`U|?WiU;qFB0RR91\n\nliteral 2\nJcmb\n\n",
            "M l l +0 -0 binary",
        ),
        (
            "diff --git \"a/na\\303\\257ve\\t1\" \"b/na\\303\\257ve\\t1\"\n--- \"a/na\\303\\257ve\\t1\"\n+++ \"b/na\\303\\257ve\\t1\"\n@@ -1 +1 @@\n-a\n+b\n",
            "M naïve\t1 naïve\t1 +1 -1",
        ),
        ("diff --git a/x b/y b/x b/y\nold mode 100644\nnew mode 100755\n", "M x b/y x b/y +0 -0 100644>100755"),
        (
            "diff --git a/sub b/sub\nindex 1..2 160000\n--- a/sub\n+++ b/sub\n@@ -1 +1 @@\n-Subproject commit 1\n+Subproject commit 2\n",
            "M sub sub +1 -1 (submodule)",
        ),
        (
            "diff --git a/l b/l\nnew file mode 120000\nindex 0..2\n--- /dev/null\n+++ b/l\n@@ -0,0 +1 @@\n+to\n\\ No newline at end of file\n",
            "A - l +1 -0 (symbolic link)",
        ),
        (
            "diff --cc x.rs\nindex 1,2..3\n--- a/x.rs\n+++ b/x.rs\n@@@ -1,2 -1,2 +1,2 @@@ f\n  a\n- b\n -c\n++d\n",
            "M x.rs x.rs +1 -2",
        ),
        ("--- a/x.c\t2024-01-01\n+++ b/x.c\t2024-01-02\n@@ -1 +1 @@\n-a\n+b\n", "M x.c x.c +1 -1"),
        ("diff --git a/x b/x\r\n--- a/x\r\n+++ b/x\r\n@@ -1 +1 @@\r\n-a\r\n+b\r\n", "M x x +1 -1"),
    ] {
        assert_eq!(files(text), [expected], "{text}");
    }
}

#[test]
fn content_that_looks_like_a_header_is_content() {
    let text = "diff --git a/x.patch b/x.patch\n--- a/x.patch\n+++ b/x.patch\n@@ -1,4 +1,5 @@\n diff --git a/y b/y\n--- a/y\n+++ b/y\n\
                +@@ -1 +1 @@\n-diff --git a/z b/z\n+GIT binary patch\n \ndiff --git a/q b/q\nold mode 100644\nnew mode 100755\n";
    assert_eq!(files(text), ["M x.patch x.patch +3 -2", "M q q +0 -0 100644>100755"]);
}

#[test]
fn several_files_of_every_kind_follow_each_other() {
    let text = "diff --git a/a b/a\nGIT binary patch\nliteral 1\nIcmb\n\ndiff --git a/b b/b\n--- a/b\n+++ b/b\n@@ -1 +1 @@\n-1\n+2\n\
                @@ -9 +9 @@\n-3\n+4\n--- a/c\n+++ b/c\n@@ -1 +1 @@\n-5\n+6\n";
    let parsed = read(text.as_bytes());
    assert_eq!(parsed.files.iter().map(told).collect::<Vec<_>>(), ["M a a +0 -0 binary", "M b b +2 -2", "M c c +1 -1"]);
    let hunks = &parsed.files[1].hunks;
    assert_eq!(
        hunks.iter().map(|hunk| (hunk.at, hunk.lines, hunk.old_start)).collect::<Vec<_>>(),
        [(0, 2, 1), (3, 2, 9)]
    );
    assert_eq!((parsed.files[1].lines, parsed.files[1].text_lines(), parsed.files[0].text_lines()), (6, 9, 0));
}

#[test]
fn line_endings_of_the_content_stay() {
    let text = "diff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -1,2 +1,2 @@\n-a\r\n+b\r\n \r\n";
    let parsed = read(text.as_bytes());
    assert_eq!(parsed.files[0].hunks[0].text, b"-a\r\n+b\r\n \r\n");
    assert!(!parsed.files[0].hunks[0].cut);
}

#[test]
fn what_is_not_understood_is_kept_and_said() {
    let head = "diff --git a/x b/x\n--- a/x\n+++ b/x\n";
    for (text, expected, body) in [
        (
            format!("{head}@@ -1,2 +1,2 @@\n a\n*** what\n-b\n"),
            "M x x +0 -0 (2 lines of the patch not understood) (a hunk ends before the lines it counts)",
            "@@ -1,2 +1,2 @@\n a\n*** what\n-b\n",
        ),
        (
            format!("{head}@@ broken @@\n-a\n+b\n"),
            "M x x +0 -0 (3 lines of the patch not understood)",
            "@@ broken @@\n-a\n+b\n",
        ),
        (
            format!("{head}@@ -1 +1 @@\n-a\n"),
            "M x x +0 -1 (a hunk ends before the lines it counts)",
            "@@ -1 +1 @@\n-a\n",
        ),
        (
            String::from("diff --git a/one b/other\nold mode 100644\nnew mode 100755\n"),
            "M - a/one b/other +0 -0 100644>100755 (old and new path cannot be told apart)",
            "",
        ),
        (
            String::from("diff --git a/x b/x\nfuture header 1\n--- a/x\n"),
            "M x x +0 -0 (2 lines of the patch not understood)",
            "future header 1\n--- a/x\n",
        ),
    ] {
        let parsed = read(text.as_bytes());
        assert_eq!(parsed.files.iter().map(told).collect::<Vec<_>>(), [expected], "{text}");
        assert_eq!(String::from_utf8_lossy(parsed.files[0].body), body);
    }
    let parsed = read(b"From 1234 Mon Sep 17 00:00:00 2001\nSubject: x\n\ndiff --git a/x b/x\nold mode 100644\n");
    assert_eq!(parsed.stray, b"From 1234 Mon Sep 17 00:00:00 2001\nSubject: x\n\n");
    assert_eq!(parsed.files.len(), 1);
    assert_eq!(read(b"just text").stray, b"just text");
    assert_eq!(read(b""), Parsed::default());
}

/// Pieces of diffs, whole and broken.
fn pieces() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        prop::sample::select(vec![
            "diff --git a/x b/x\n",
            "diff --git \"a/\\303\" \"b/\\303\n",
            "diff --cc \"\n",
            "--- a/x\n",
            "+++ b/x\n",
            "--- /dev/null\n",
            "@@ -1,3 +1,2 @@\n",
            "@@@ -1,2 -1 +1 @@@ f\n",
            "@@ -0,0 +1,18446744073709551615 @@\n",
            "-a\n",
            "+b\r\n",
            " c\n",
            "\n",
            "\\ No newline at end of file\n",
            "rename from x\n",
            "copy to \"y\\n\"\n",
            "Binary files a/x and b/x differ\n",
            "GIT binary patch\n",
            "index 1..2 100644\n",
            "new file mode 999999999\n",
            "similarity index 300%\n",
        ])
        .prop_map(|piece| piece.as_bytes().to_vec()),
        prop::collection::vec(any::<u8>(), 0..12),
    ];
    prop::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn whatever_comes_is_read_and_counted(text in pieces()) {
        let parsed = read(&text);
        for file in &parsed.files {
            prop_assert_eq!(file.lines, crate::diff::line::all(file.body).count() as u64);
            for hunk in &file.hunks {
                let header = crate::diff::line::all(file.body).nth(hunk.at as usize).unwrap_or_default();
                prop_assert_eq!(header, hunk.header);
                prop_assert_eq!(hunk.lines, crate::diff::line::all(hunk.text).count() as u64);
            }
            prop_assert!(file.lines >= file.hunks.iter().map(|hunk| hunk.lines + 1).sum::<u64>());
        }
        let overview = crate::diff::Overview::of(parsed.files, &[], crate::diff::Known::default());
        let body = overview.body();
        let whole = body.window(0).bytes;
        prop_assert_eq!(crate::diff::line::all(&whole).count() as u64, body.total());
    }
}
