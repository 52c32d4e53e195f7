//! What was measured, as a line for the terminal and a table for the documents.

use std::path::Path;

use crate::run::{self, Result};

/// One measure.
pub(super) struct Row {
    /// What was measured, and how.
    pub(super) what: String,
    /// Ours.
    pub(super) ours: String,
    /// The peer's name and figure; empty where there is none.
    pub(super) peer: String,
    /// Ours in terms of the peer's.
    pub(super) ratio: String,
    /// What ours is to reach.
    pub(super) goal: String,
    /// Whether it does.
    pub(super) met: bool,
}

impl Row {
    /// For the terminal.
    pub(super) fn line(&self) -> String {
        let missed = if self.met { "" } else { " MISSED" };
        format!("{}: {} | {} | {} | goal {}{missed}", self.what, self.ours, self.peer, self.ratio, self.goal)
    }

    fn markdown(&self) -> String {
        let met = if self.met { "yes" } else { "**no**" };
        format!("| {} | {} | {} | {} | {} | {met} |", self.what, self.ours, self.peer, self.ratio, self.goal)
    }
}

/// Puts the table where `<!-- measures -->` is in the documents.
pub(super) fn record(root: &Path, machine: &str, rows: &[Row]) -> Result<()> {
    let mut table = vec![
        format!("{machine}."),
        String::new(),
        String::from("| measure | ours | peer | ratio | goal | met |"),
        String::from("|---|---|---|---|---|---|"),
    ];
    table.extend(rows.iter().map(Row::markdown));
    let table = table.join("\n");
    for name in ["BENCHMARKS.md", "README.md"] {
        let path = root.join(name);
        let text = run::read(&path)?;
        let (open, close) = ("<!-- measures -->\n", "\n<!-- /measures -->");
        let parts = text.split_once(open).and_then(|(before, rest)| Some((before, rest.split_once(close)?.1)));
        let (before, after) = parts.ok_or_else(|| format!("{name} has no place for the measures"))?;
        run::write(&path, &format!("{before}{open}{table}{close}{after}"))?;
    }
    Ok(())
}
