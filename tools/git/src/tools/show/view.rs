//! What git_show answers, and how it reads.

use schemars::JsonSchema;
use serde::Serialize;
use shared::{Answer, Lines, List, Records, Text, Untrusted};

use crate::{
    overview::{Table, Totals},
    repo::short,
};

/// The answer.
#[derive(Serialize, JsonSchema)]
pub struct Found {
    /// Repository, relative to the workspace.
    pub repository: Untrusted,
    /// What was asked for.
    pub name: Untrusted,
    /// Id of the object shown.
    pub id: String,
    /// Tags that lead to the object, outermost first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<TagView>,
    /// The object.
    pub object: View,
}

/// An annotated tag.
#[derive(Serialize, JsonSchema)]
pub struct TagView {
    /// Its name.
    pub name: Untrusted,
    /// Id of the tag object.
    pub id: String,
    /// Who made it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tagger: Option<Person>,
    /// Whether it carries a signature, which is not verified.
    pub signed: bool,
    /// Its message, without the signature.
    pub message: Lines,
}

/// Somebody at some time.
#[derive(Serialize, JsonSchema)]
pub struct Person {
    /// Name.
    pub name: Untrusted,
    /// Email.
    pub email: Untrusted,
    /// When, in the zone the person was in.
    pub date: String,
    /// The same, RFC 3339.
    pub time: String,
}

/// An object by its kind.
#[derive(Serialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum View {
    /// A commit.
    Commit(Box<CommitView>),
    /// A directory.
    Tree {
        /// Its entries.
        entries: Records<Entry>,
    },
    /// A file.
    Blob(BlobView),
}

/// A commit.
#[derive(Serialize, JsonSchema)]
pub struct CommitView {
    /// Ids of the parents.
    pub parents: Vec<String>,
    /// Who wrote it.
    pub author: Person,
    /// Who committed it, where that differs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub committer: Option<Person>,
    /// Whether it carries a signature, which is not verified.
    pub signed: bool,
    /// Whether this is a later page, with the patch only.
    pub continued: bool,
    /// The whole message.
    pub message: Lines,
    /// The note in refs/notes/commits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<Lines>,
    /// What the patch is taken against, in words.
    pub against: String,
    /// How much changed.
    pub totals: Totals,
    /// Bounds that were met.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub remarks: Vec<String>,
    /// The files.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub files: Option<Table>,
    /// Whether the text of a file was folded; naming it as path shows it.
    pub folded: bool,
    /// The patch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub patch: Option<Lines>,
}

/// An entry of a directory.
#[derive(Serialize, JsonSchema)]
pub struct Entry {
    /// Mode, as git has it.
    pub mode: String,
    /// file, directory, symlink or submodule.
    pub kind: &'static str,
    /// Bytes of a file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// Commit of a submodule.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// Name.
    pub name: Untrusted,
}

/// A file.
#[derive(Serialize, JsonSchema)]
pub struct BlobView {
    /// Bytes.
    pub size: u64,
    /// What it is, where it is not text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub what: Option<String>,
    /// Its text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<Lines>,
}

impl Answer for Found {
    fn text(&self, text: &mut Text<'_>) {
        let kind = match &self.object {
            View::Commit(_) => "commit",
            View::Tree { .. } => "tree",
            View::Blob(_) => "blob",
        };
        text.line(format_args!("{}: {} is {kind} {}", self.repository.quoted(), self.name.quoted(), self.id));
        for tag in &self.tags {
            text.line(format_args!("tag {} {}{}", tag.name.quoted(), short(&tag.id), signed(tag.signed)));
            if let Some(tagger) = &tag.tagger {
                person(text, "tagger", tagger);
            }
            text.lines(&tag.message);
        }
        match &self.object {
            View::Commit(commit) => commit.text(text),
            View::Tree { entries } => {
                if entries.is_empty() {
                    text.line("empty");
                }
                text.records(entries, |entry, inside| {
                    let facts = match (entry.size, &entry.commit) {
                        (Some(size), _) => size.to_string(),
                        (None, Some(commit)) => short(commit).to_owned(),
                        (None, None) => String::from("-"),
                    };
                    format!("{} {} {facts} {}", entry.mode, entry.kind, entry.name.inside(inside))
                });
            }
            View::Blob(blob) => {
                let what = blob.what.as_deref().map_or(String::new(), |what| format!(", {what}"));
                text.line(format_args!("{} bytes{what}", blob.size));
                if let Some(lines) = &blob.text {
                    text.lines(lines);
                }
            }
        }
    }

    fn lists(&mut self) -> Vec<&mut dyn List> {
        let mut lists: Vec<&mut dyn List> = self.tags.iter_mut().map(|tag| &mut tag.message as &mut dyn List).collect();
        match &mut self.object {
            View::Commit(commit) => {
                lists.push(&mut commit.message);
                lists.extend(commit.note.as_mut().map(|note| note as &mut dyn List));
                lists.extend(commit.files.as_mut().map(|files| files as &mut dyn List));
                lists.extend(commit.patch.as_mut().map(|patch| patch as &mut dyn List));
            }
            View::Tree { entries } => lists.push(entries),
            View::Blob(blob) => lists.extend(blob.text.as_mut().map(|text| text as &mut dyn List)),
        }
        lists
    }
}

impl CommitView {
    fn text(&self, text: &mut Text<'_>) {
        if !self.continued {
            person(text, "author", &self.author);
            if let Some(committer) = &self.committer {
                person(text, "committer", committer);
            }
            let parents: Vec<&str> = self.parents.iter().map(|id| short(id)).collect();
            let parents = if parents.is_empty() { String::from("none") } else { parents.join(" ") };
            text.line(format_args!("parents: {parents}{}", signed(self.signed)));
            text.lines(&self.message);
            if let Some(note) = &self.note {
                text.line("note:");
                text.lines(note);
            }
        }
        for remark in &self.remarks {
            text.line(remark);
        }
        text.line(format_args!("{}, {}", self.totals.shown(), self.against));
        if let Some(Table(files)) = &self.files {
            text.records(files, |file, inside| file.row(inside));
            if self.folded && self.patch.is_some() {
                text.line("folded: name the file as path to see its text");
            }
        }
        if let Some(patch) = &self.patch {
            text.lines(patch);
        }
    }
}

fn signed(signed: bool) -> &'static str {
    if signed { ", signed (not verified)" } else { "" }
}

fn person(text: &mut Text<'_>, role: &str, person: &Person) {
    text.framed(|inside| {
        format!("{role} {} <{}> {}", person.name.inside(inside), person.email.inside(inside), person.date)
    });
}
