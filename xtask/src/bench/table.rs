//! What was measured, as a line for the terminal and a table for the documents.

use std::path::Path;

use crate::run::{self, Result};

/// One measure.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Row {
    /// What was measured, and how.
    pub(super) what: String,
    /// Ours.
    pub(super) ours: String,
    /// The peer's name and figure; empty where there is none.
    pub(super) peer: String,
    /// Ours in terms of the peer's.
    pub(super) ratio: String,
    /// What ours is to reach; empty where it is measured for comparison only.
    pub(super) goal: String,
    /// Whether it does.
    pub(super) met: bool,
}

impl Row {
    /// The row beside several peers, of each of which there is a figure or the reason why there is none. `figure` and `ratio` write it, and
    /// ours in terms of it.
    pub(super) fn beside<T>(
        mut self,
        peers: &[(&str, Result<T>)],
        figure: impl Fn(&T) -> String,
        ratio: impl Fn(&T) -> String,
    ) -> Self {
        let figures = peers.iter().map(|(name, found)| match found {
            Ok(found) => format!("{name} {}", figure(found)),
            Err(reason) => format!("{name}: {reason}"),
        });
        self.peer = figures.collect::<Vec<_>>().join("; ");
        self.ratio = peers
            .iter()
            .map(|(_, found)| found.as_ref().map_or_else(|_| "–".to_owned(), &ratio))
            .collect::<Vec<_>>()
            .join("; ");
        self
    }

    /// For the terminal.
    pub(super) fn line(&self) -> String {
        let goal = match (self.goal.as_str(), self.met) {
            ("", _) => String::new(),
            (goal, true) => format!(" | goal {goal}"),
            (goal, false) => format!(" | goal {goal} MISSED"),
        };
        format!("{}: {} | {} | {}{goal}", self.what, self.ours, self.peer, self.ratio)
    }

    fn markdown(&self) -> String {
        let met = match (self.goal.as_str(), self.met) {
            ("", _) => "",
            (_, true) => "yes",
            (_, false) => "**no**",
        };
        let cells = [&self.what, &self.ours, &self.peer, &self.ratio, &self.goal].map(|cell| cell.replace('|', "\\|"));
        format!("| {} | {met} |", cells.join(" | "))
    }
}

/// What stands in the table for a figure that could not be taken of `name`. The whole reason may name this machine: it is for the terminal.
pub(super) fn unmeasured(name: &str, reason: &str) -> String {
    eprintln!("{name}: {reason}");
    "not measured, it failed".to_owned()
}

/// Puts the table of a group of measures where `<!-- measures:GROUP -->` is in the documents.
pub(super) fn record(root: &Path, machine: &str, group: &str, rows: &[Row]) -> Result<()> {
    let mut table = vec![
        format!("`{group}`, on {machine}."),
        String::new(),
        String::from("| measure | ours | peer | ratio | goal | met |"),
        String::from("|---|---|---|---|---|---|"),
    ];
    table.extend(rows.iter().map(Row::markdown));
    for name in ["BENCHMARKS.md", "README.md"] {
        let path = root.join(name);
        let text = placed(&run::read(&path)?, group, &table.join("\n"));
        run::write(&path, &text.ok_or_else(|| format!("{name} has no place for the measures of {group}"))?)?;
    }
    Ok(())
}

/// `text` with `table` in the place of `group`; nothing if there is no such place.
fn placed(text: &str, group: &str, table: &str) -> Option<String> {
    let (open, close) = (format!("<!-- measures:{group} -->\n"), format!("\n<!-- /measures:{group} -->"));
    let (before, rest) = text.split_once(&open)?;
    let (_, after) = rest.split_once(&close)?;
    Some(format!("{before}{open}{table}{close}{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peer_that_could_not_be_measured_says_why_in_its_place() {
        let peers = [("one", Ok(20.0)), ("two", Err("not measured, there is no node here".to_owned()))];
        let row = Row { what: "start".into(), ours: "2 ms".into(), goal: "2.5 ms".into(), met: true, ..Row::default() };
        let row = row.beside(&peers, |peer| format!("{peer:.1} ms"), |peer| format!("{:.0}x faster", peer / 2.0));
        assert_eq!(
            row.markdown(),
            "| start | 2 ms | one 20.0 ms; two: not measured, there is no node here | 10x faster; – | 2.5 ms | yes |"
        );
        assert!(row.line().ends_with(" | 10x faster; – | goal 2.5 ms"), "{}", row.line());
    }

    #[test]
    fn a_group_has_a_place_of_its_own() {
        let text = "a\n<!-- measures:git -->\nold\n<!-- /measures:git -->\nb\n<!-- measures:pack -->\nkept\n<!-- /measures:pack -->\n";
        let expected = text.replace("old", "new");
        assert_eq!(placed(text, "git", "new"), Some(expected));
        assert_eq!(placed(text, "start", "new"), None);
    }

    #[test]
    fn without_a_goal_nothing_is_met_or_missed() {
        let row = |goal: &str| Row { what: "a|b".into(), goal: goal.into(), ..Row::default() };
        assert_eq!(row("").markdown(), "| a\\|b |  |  |  |  |  |");
        assert_eq!(
            (row("").line().as_str(), row("1.0").line().as_str()),
            ("a|b:  |  | ", "a|b:  |  |  | goal 1.0 MISSED")
        );
        assert!(row("1.0").markdown().ends_with("| 1.0 | **no** |"));
    }
}
