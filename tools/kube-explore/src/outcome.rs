//! What became of documents, or would: one line for each, and the fields that change.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;
use shared::{Records, Text, Untrusted};

use crate::{
    applying::Conflict,
    drift::{self, Change, Changes},
    manifest::Document,
};

/// The most conflicts of one object that are named.
const NAMED: usize = 10;

/// What became of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// It was not there before.
    Created,
    /// Fields of it changed.
    Configured,
    /// It is as it was.
    Unchanged,
    /// It was applied; what it was before could not be read.
    Applied,
    /// It is as it was, or not known how it is.
    Failed,
}

impl Outcome {
    fn word(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Configured => "configured",
            Self::Unchanged => "unchanged",
            Self::Applied => "applied",
            Self::Failed => "failed",
        }
    }

    /// The same of what has not been done.
    fn trial(self) -> &'static str {
        match self {
            Self::Created => "(new)",
            Self::Configured => "changes",
            Self::Unchanged => "no change",
            Self::Applied => "not known",
            Self::Failed => "failed",
        }
    }
}

/// An object.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Item {
    /// As kind/name.
    pub object: Untrusted,
    /// Where it is; absent for cluster-wide kinds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<Untrusted>,
    /// What became of it, or would.
    pub outcome: Outcome,
    /// How many fields change.
    pub fields: usize,
    /// Why it failed, or what else there is to say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<Untrusted>,
    /// Fields of others that an apply has to take by force.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub conflicts: Vec<Untrusted>,
    /// Whether its namespace has to be said.
    #[serde(skip)]
    pub elsewhere: bool,
}

/// A field that changes.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Row {
    /// Of which object.
    pub object: Untrusted,
    /// What changes.
    #[serde(flatten)]
    pub change: Change,
    /// Whether it is the first one of its object, and there are several objects.
    #[serde(skip)]
    pub head: bool,
}

/// What became of a document: what it came to, its changes.
#[derive(Clone, Debug)]
pub struct Done {
    /// The line of it.
    pub item: Item,
    /// The fields.
    pub changes: Changes,
    notes: Vec<String>,
}

impl Done {
    /// A document in `namespace`.
    pub fn new(document: &Document, namespace: Option<&str>, outcome: Outcome) -> Self {
        Self {
            item: Item {
                object: Untrusted::line(&document.shown()),
                namespace: namespace.map(Untrusted::line),
                outcome,
                fields: 0,
                note: None,
                conflicts: Vec::new(),
                elsewhere: false,
            },
            changes: Changes::default(),
            notes: Vec::new(),
        }
    }

    /// A document whose object was `before`, and is or would be `after`, as the API server printed both.
    pub fn became(document: &Document, namespace: Option<&str>, before: &Value, after: &Value) -> Self {
        let done = Self::differs(document, namespace, drift::compare(before, after));
        match drift::counted(before, after).filter(|_| done.changes.total == 0) {
            Some((from, to)) => Self { item: Item { outcome: Outcome::Configured, ..done.item }, ..done }
                .note(&format!("the API server counts a change (generation {from} → {to}) that no field shows")),
            None => done,
        }
    }

    /// A document whose object has these changes, or none.
    pub fn differs(document: &Document, namespace: Option<&str>, changes: Changes) -> Self {
        let outcome = if changes.total == 0 { Outcome::Unchanged } else { Outcome::Configured };
        Self::new(document, namespace, outcome).changes(changes)
    }

    /// With something to say, after what is said already.
    #[must_use]
    pub fn note(mut self, note: &str) -> Self {
        self.notes.push(note.to_owned());
        self.item.note = Some(Untrusted::line(&self.notes.join("; ")));
        self
    }

    /// With what changes.
    #[must_use]
    pub fn changes(mut self, changes: Changes) -> Self {
        self.item.fields = changes.total;
        self.changes = changes;
        self
    }

    /// With what stands against it.
    #[must_use]
    pub fn conflicts(mut self, conflicts: &[Conflict]) -> Self {
        self.item.conflicts = conflicting(conflicts).iter().map(|line| Untrusted::line(line)).collect();
        self
    }

    /// Whether it failed.
    pub fn failed(&self) -> bool {
        self.item.outcome == Outcome::Failed
    }
}

/// Conflicts, an owner a line: `hpa: .spec.replicas`.
pub fn conflicting(conflicts: &[Conflict]) -> Vec<String> {
    let mut lines: Vec<(&str, Vec<&str>)> = Vec::new();
    for Conflict { field, owner } in conflicts {
        match lines.iter_mut().find(|(of, _)| of == owner) {
            Some((_, fields)) => fields.push(field),
            None => lines.push((owner, vec![field])),
        }
    }
    let line = |(owner, fields): &(&str, Vec<&str>)| {
        let named: Vec<&str> = fields.iter().take(NAMED).copied().collect();
        let more = match fields.len().saturating_sub(NAMED) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        format!("{owner}: {}{more}", named.join(", "))
    };
    lines.iter().map(line).collect()
}

/// Outcomes as the two lists of an answer. `own` is the namespace that need not be said.
pub fn lists(done: Vec<Done>, own: Option<&str>) -> (Records<Item>, Records<Row>) {
    let several = done.len() > 1;
    let own = own.map(Untrusted::line);
    let (mut items, mut rows, mut total) = (Vec::new(), Vec::new(), 0_u64);
    for Done { mut item, changes, .. } in done {
        item.elsewhere = item.namespace.is_some() && item.namespace != own;
        total += changes.total as u64;
        let object = item.object.clone();
        let row = |(at, change)| Row { object: object.clone(), change, head: several && at == 0 };
        rows.extend(changes.list.into_iter().enumerate().map(row));
        items.push(item);
    }
    (Records::all("objects", items), Records::head("changes", rows, total))
}

/// Writes the outcomes. `trial`: nothing was done.
pub fn write(items: &Records<Item>, rows: &Records<Row>, trial: bool, text: &mut Text<'_>) {
    items_of(items, trial, text);
    rows_of(rows, text);
}

fn items_of(items: &Records<Item>, trial: bool, text: &mut Text<'_>) {
    text.records(items, |item, inside| {
        let word = if trial { item.outcome.trial() } else { item.outcome.word() };
        let place = match item.namespace.as_ref().filter(|_| item.elsewhere) {
            Some(namespace) => format!(" in {}", namespace.inside(inside)),
            None => String::new(),
        };
        let fields = match item.fields {
            0 => String::new(),
            1 => String::from(" in 1 field"),
            fields => format!(" in {fields} fields"),
        };
        let note = item.note.as_ref().map(|note| format!(": {}", note.inside(inside))).unwrap_or_default();
        let mut line = format!("{}{place} {word}{fields}{note}", item.object.inside(inside));
        for conflict in &item.conflicts {
            line.push_str("\n  conflict with ");
            line.push_str(conflict.inside(inside));
        }
        line
    });
}

/// Writes the fields that change.
pub fn rows_of(rows: &Records<Row>, text: &mut Text<'_>) {
    text.records(rows, |row, inside| {
        let head = if row.head { format!("{}:\n", row.object.inside(inside)) } else { String::new() };
        format!("{head}  {}", row.change.line(inside))
    });
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::manifest;

    #[test]
    fn what_the_api_server_counts_is_never_called_no_change() {
        let document =
            manifest::read("apiVersion: example.org/v1\nkind: Foo\nmetadata: {name: f}\n").unwrap().remove(0);
        let object = |generation: Value, spec: u8| json!({"apiVersion": "example.org/v1", "kind": "Foo", "metadata": {"generation": generation}, "spec": spec});
        let counts = Some("the API server counts a change (generation 1 → 2) that no field shows");
        for (before, after, outcome, fields, note) in [
            (object(json!(1), 1), object(json!(1), 1), Outcome::Unchanged, 0, None),
            (object(json!(1), 1), object(json!(2), 1), Outcome::Configured, 0, counts),
            (object(json!(1), 1), object(json!(2), 2), Outcome::Configured, 1, None),
            (object(json!(1), 1), object(json!(null), 1), Outcome::Unchanged, 0, None),
            (object(json!(null), 1), object(json!("2"), 1), Outcome::Unchanged, 0, None),
        ] {
            let done = Done::became(&document, None, &before, &after);
            assert_eq!((done.item.outcome, done.item.fields), (outcome, fields), "{before} {after}");
            assert_eq!(done.item.note, note.map(Untrusted::line), "{before} {after}");
        }
        let done = Done::became(&document, None, &object(json!(1), 1), &object(json!(2), 1)).note("more");
        assert_eq!(done.item.note, counts.map(|note| Untrusted::line(&format!("{note}; more"))));
    }

    #[test]
    fn conflicts_are_told_by_owner_and_not_without_end() {
        let conflict = |field: String, owner: &str| Conflict { field, owner: owner.into() };
        let mut conflicts = vec![conflict(".spec.replicas".into(), "hpa"), conflict(".data.x".into(), "helm")];
        conflicts.extend((0..12).map(|n| conflict(format!(".a{n}"), "hpa")));
        let lines = conflicting(&conflicts);
        assert_eq!(lines.len(), 2);
        assert!(
            lines[0].starts_with("hpa: .spec.replicas, .a0, ") && lines[0].ends_with(".a8 and 3 more"),
            "{}",
            lines[0]
        );
        assert_eq!(lines[1], "helm: .data.x");
    }
}
