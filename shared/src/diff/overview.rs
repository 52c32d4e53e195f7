//! The files of a change as an answer shows them: those that matter first, the noise folded, and what is missing counted.

use super::{
    Body, File, FileDiff, Folded, Totals, looks,
    ranking::{self, Rank},
};

/// What the service says of the whole change, which can be more than it lists.
#[derive(Clone, Copy, Debug, Default)]
pub struct Known {
    /// Changed files.
    pub files: Option<u64>,
    /// Added lines.
    pub additions: Option<u64>,
    /// Deleted lines.
    pub deletions: Option<u64>,
}

/// A file in its place.
struct Entry<'a> {
    file: FileDiff<'a>,
    folded: Option<Folded>,
}

/// The files of a change in the order of the answer.
pub struct Overview<'a> {
    entries: Vec<Entry<'a>>,
    /// How much changed in the files that are here.
    pub totals: Totals,
    /// Files of the change that lie outside the paths asked for.
    pub outside: u64,
    /// The paths asked for at which nothing changed.
    pub unmatched: Vec<String>,
    /// What the service says is part of the change and did not list, in words.
    pub missing: Option<String>,
}

impl<'a> Overview<'a> {
    /// Ranks `files`, all that the service sent, and leaves out those outside `paths`: literal files and directories; none means all.
    pub fn of(files: Vec<FileDiff<'a>>, paths: &[String], known: Known) -> Self {
        let paths: Vec<String> = paths.iter().map(|path| path.trim_end_matches('/').to_owned()).collect();
        let all = paths.is_empty() || paths.iter().any(|path| path.is_empty() || path == ".");
        let listed = sum(files.iter());
        let at = |path: &str, file: &FileDiff<'_>| {
            [&file.old_path, &file.new_path].into_iter().flatten().any(|one| beneath(path.as_bytes(), one))
        };
        let unmatched = paths.iter().filter(|path| !all && !files.iter().any(|file| at(path, file))).cloned().collect();
        let mut entries: Vec<(Rank, Entry<'a>)> = files
            .into_iter()
            .filter(|file| all || paths.iter().any(|path| at(path, file)))
            .map(|file| {
                let folded = folded(&file, &paths);
                let rank = match ranking::rank(file.path()) {
                    // Noise is noise, whichever kind, unless it was asked for.
                    _ if folded.is_some() => Rank::Noise(""),
                    Rank::Noise(_) => Rank::Support,
                    rank => rank,
                };
                (rank, Entry { file, folded })
            })
            .collect();
        entries.sort_by(|(a, one), (b, other)| (a, one.file.path()).cmp(&(b, other.file.path())));
        let entries: Vec<Entry<'a>> = entries.into_iter().map(|(_, entry)| entry).collect();
        let totals = sum(entries.iter().map(|entry| &entry.file));
        Self { outside: listed.files - totals.files, missing: missing(listed, known, !all), entries, totals, unmatched }
    }

    /// At most `most` rows of the table, from row number `from` on.
    pub fn rows(&self, from: u64, most: usize) -> Vec<File> {
        let from = usize::try_from(from).unwrap_or(usize::MAX);
        let mut rows: Vec<File> =
            self.entries.iter().skip(from).take(most).map(|entry| File::of(&entry.file, entry.folded)).collect();
        let unfolds = |at: usize| self.entries.get(from + at).and_then(|entry| entry.folded).is_some_and(|f| f.unfolds);
        if let Some(row) = (0..rows.len()).find(|at| unfolds(*at)).and_then(|at| rows.get_mut(at)) {
            row.says_how = true;
        }
        rows
    }

    /// The patch: the text of the files that have one and are not folded.
    pub fn body(&self) -> Body<'_> {
        Body::of(self.entries.iter().filter(|entry| entry.folded.is_none()).map(|entry| &entry.file))
    }

    /// The files, in their order.
    pub fn files(&self) -> impl Iterator<Item = &FileDiff<'a>> {
        self.entries.iter().map(|entry| &entry.file)
    }

    /// Files whose text is folded.
    pub fn folded(&self) -> u64 {
        self.entries.iter().filter(|entry| entry.folded.is_some()).count() as u64
    }
}

/// Whether `path` is `directory`, or beneath it.
fn beneath(directory: &[u8], path: &[u8]) -> bool {
    path.strip_prefix(directory).is_some_and(|rest| rest.is_empty() || rest.starts_with(b"/"))
}

fn folded(file: &FileDiff<'_>, paths: &[String]) -> Option<Folded> {
    if file.text_lines() == 0 {
        return None;
    }
    if looks::holds_key(file) {
        return Some(Folded { reason: "holds a private key", unfolds: false });
    }
    let by_name = match ranking::rank(file.path()) {
        Rank::Noise(reason) => Some(reason),
        _ => None,
    };
    let reason = by_name.or_else(|| looks::folded(file))?;
    (!ranking::named(paths, file.path())).then_some(Folded { reason, unfolds: true })
}

fn sum<'f, 'a: 'f>(files: impl Iterator<Item = &'f FileDiff<'a>>) -> Totals {
    files.fold(Totals::default(), |sum, file| Totals {
        files: sum.files + 1,
        added: sum.added + file.additions,
        deleted: sum.deleted + file.deletions,
    })
}

/// What `known` has that is not `listed`.
fn missing(listed: Totals, known: Known, narrowed: bool) -> Option<String> {
    let (files, all) = (known.files?.saturating_sub(listed.files), known.files?);
    if files == 0 {
        return None;
    }
    let lines = match (known.additions, known.deletions) {
        (Some(added), Some(deleted)) => {
            format!(", with +{} -{}", added.saturating_sub(listed.added), deleted.saturating_sub(listed.deleted))
        }
        _ => String::new(),
    };
    let verb = if files == 1 { "is" } else { "are" };
    let doubt = if narrowed { ", `paths` may name some of them" } else { "" };
    Some(format!("{files} of {all} changed files{lines} {verb} missing: the service lists {}{doubt}", listed.files))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        diff::{Listed, unified},
        untrusted::Tag,
    };

    fn change(paths: &[&str]) -> String {
        paths
            .iter()
            .map(|path| {
                format!("diff --git a/{path} b/{path}\n--- a/{path}\n+++ b/{path}\n@@ -1 +1,2 @@\n-a\n+b\n+c\n")
            })
            .collect()
    }

    fn overview<'a>(text: &'a str, paths: &[&str], known: Known) -> Overview<'a> {
        let paths: Vec<String> = paths.iter().map(|path| (*path).to_owned()).collect();
        Overview::of(unified::read(text.as_bytes()).files, &paths, known)
    }

    fn rows(overview: &Overview<'_>) -> Vec<String> {
        let tag = Tag::random();
        overview.rows(0, 100).iter().map(|row| row.row(tag.inside())).collect()
    }

    #[test]
    fn what_matters_comes_first_and_noise_is_one_line() {
        let text = change(&["Cargo.lock", "README.md", "src/z.rs", "src/a.rs", "vendor/x.c"]);
        let seen = overview(&text, &[], Known::default());
        assert_eq!(
            rows(&seen),
            [
                "M src/a.rs +2 -1",
                "M src/z.rs +2 -1",
                "M README.md +2 -1",
                "M Cargo.lock +2 -1 (lock file, folded; name it in `paths` to see it)",
                "M vendor/x.c +2 -1 (vendored, folded)",
            ]
        );
        assert_eq!(seen.totals.shown(), "5 files, +10 -5");
        // Header and hunk of three files.
        assert_eq!((seen.body().total(), seen.folded()), (3 * 7, 2));
    }

    #[test]
    fn paths_are_literal_whole_components_and_unfold_what_they_name() {
        let text = change(&["Cargo.lock", "src/a.rs", "src-more/b.rs", "vendor/x.c", "web/package-lock.json"]);
        for (paths, files, folded, outside, unmatched) in [
            (&["src"][..], 1, 0, 4, &[][..]),
            (&["src/"], 1, 0, 4, &[]),
            (&["src/a.rs", "Cargo.lock"], 2, 0, 3, &[]),
            (&["vendor"], 1, 0, 4, &[]),
            (&["web"], 1, 1, 4, &[]),
            (&["sr", "src/a"], 0, 0, 5, &["sr", "src/a"]),
            (&["*.rs"], 0, 0, 5, &["*.rs"]),
            (&["."], 5, 3, 0, &[]),
        ] {
            let seen = overview(&text, paths, Known::default());
            let found = (seen.totals.files, seen.folded(), seen.outside, seen.unmatched.as_slice());
            let expected: Vec<String> = unmatched.iter().map(|path: &&str| (*path).to_owned()).collect();
            assert_eq!(found, (files, folded, outside, expected.as_slice()), "{paths:?}");
        }
    }

    #[test]
    fn a_renamed_file_is_found_by_either_path() {
        let text =
            "diff --git a/old/x.rs b/new/x.rs\nsimilarity index 100%\nrename from old/x.rs\nrename to new/x.rs\n";
        for path in ["old", "new/x.rs"] {
            assert_eq!(rows(&overview(text, &[path], Known::default())), ["R100 old/x.rs -> new/x.rs +0 -0"]);
        }
    }

    #[test]
    fn what_is_not_listed_is_counted() {
        let text = change(&["a.rs", "b.rs"]);
        let known = |files| Known { files: Some(files), additions: Some(104), deletions: Some(7) };
        assert_eq!(overview(&text, &[], known(2)).missing, None);
        let missing = overview(&text, &[], known(200)).missing;
        assert_eq!(missing.as_deref(), Some("198 of 200 changed files, with +100 -5 are missing: the service lists 2"));
        let missing = overview(&text, &["a.rs"], Known { files: Some(3), ..Known::default() }).missing;
        assert_eq!(
            missing.as_deref(),
            Some("1 of 3 changed files is missing: the service lists 2, `paths` may name some of them")
        );
    }

    #[test]
    fn files_without_text_stay_in_the_table() {
        let binary = Listed { filename: "logo.png", status: "added", said: Some((0, 0)), ..Listed::default() };
        let large = Listed { filename: "big.sql", status: "modified", said: Some((90_000, 1)), ..Listed::default() };
        let seen = Overview::of(vec![binary.read(), large.read()], &[], Known::default());
        assert_eq!(
            rows(&seen),
            [
                "M big.sql +90000 -1 (too large, the service sends no patch)",
                "A logo.png +0 -0 (binary or empty, the service sends no patch)"
            ]
        );
        assert_eq!(seen.body().total(), 0);
    }

    #[test]
    fn what_the_text_tells_folds_too_and_a_key_never_unfolds() {
        let long = "x".repeat(6_000);
        let key = format!(
            "-----BEGIN RSA {}-----\n+{}\n+{}",
            "PRIVATE KEY",
            "MIIEpAIBAAKCAQEA1x".repeat(3),
            "Zq9".repeat(20)
        );
        let file = |path: &str, lines: &str, count: usize| {
            format!("diff --git a/{path} b/{path}\n--- a/{path}\n+++ b/{path}\n@@ -0,0 +1,{count} @@\n+{lines}\n")
        };
        let text = [
            file("a.js", &long, 1),
            file("b.go", "// Code generated by x. DO NOT EDIT.", 1),
            file("c.cfg", &key, 3),
            file("d.rs", "let mark = \"-----BEGIN PRIVATE KEY-----\";", 1),
        ]
        .concat();
        let seen = overview(&text, &[], Known::default());
        let shown = rows(&seen).join("\n");
        assert!(shown.starts_with("M d.rs +1 -0\nM a.js +1 -0 (very long lines, folded; name it"), "{shown}");
        assert!(shown.contains("b.go +1 -0 (generated, folded)"), "{shown}");
        assert!(shown.contains("c.cfg +3 -0 (holds a private key, folded)"), "{shown}");
        let seen = overview(&text, &["a.js", "c.cfg"], Known::default());
        assert_eq!((seen.totals.files, seen.folded()), (2, 1));
    }
}
