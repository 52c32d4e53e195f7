//! The table at the end: what there is, and that it was verified.

/// One tag.
#[derive(Default)]
pub(super) struct Row {
    pub(super) server: String,
    /// A platform, or what an index is of.
    pub(super) what: String,
    pub(super) tag: String,
    /// Bytes of the program.
    pub(super) binary: Option<u64>,
    /// Bytes of the layer.
    pub(super) layer: Option<u64>,
    pub(super) tools: Option<usize>,
    pub(super) tokens: Option<u64>,
    pub(super) digest: String,
    pub(super) state: String,
}

/// The rows below each other, columns aligned.
pub(super) fn lines(rows: &[Row]) -> Vec<String> {
    let mut cells =
        vec![["server", "platform", "tag", "binary", "layer", "tools", "tokens", "digest", ""].map(String::from)];
    let number = |number: Option<u64>| number.map(|number| number.to_string()).unwrap_or_default();
    cells.extend(rows.iter().map(|row| {
        [
            row.server.clone(),
            row.what.clone(),
            row.tag.clone(),
            row.binary.map(megabytes).unwrap_or_default(),
            row.layer.map(megabytes).unwrap_or_default(),
            number(row.tools.map(|tools| tools as u64)),
            number(row.tokens),
            row.digest.clone(),
            row.state.clone(),
        ]
    }));
    let width = |column: usize| cells.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..9).map(width).collect();
    let line = |row: &[String; 9]| {
        let cells = row.iter().zip(&widths).enumerate().map(|(column, (cell, width))| {
            if (3..7).contains(&column) { format!("{cell:>width$}") } else { format!("{cell:<width$}") }
        });
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    cells.iter().map(line).collect()
}

fn megabytes(bytes: u64) -> String {
    format!("{}.{} MB", bytes / 1_000_000, bytes % 1_000_000 / 100_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned_and_sizes_are_megabytes() {
        let row = |server: &str, binary| Row { server: server.into(), binary, digest: "d".into(), ..Row::default() };
        let lines = lines(&[row("git", Some(11_099_999)), row("kube-explore", None)]);
        assert!(lines[1].contains("11.0 MB"), "{lines:?}");
        assert_eq!(lines[0].find("digest"), lines[1].rfind('d'));
        assert_eq!(lines[0].find("digest"), lines[2].rfind('d'));
    }
}
