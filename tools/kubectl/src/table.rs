//! Tables as kubectl prints them, read line by line and shown without columns of pods that are empty.
//!
//! A cell is found by where its column's name stands in the header, because empty cells leave no other trace. Rows are counted all, and kept
//! only from the page's place on and as far as an answer can show them: the table of a large cluster passes through in little memory.

use std::{borrow::Cow, cell::Cell, sync::Arc};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Serialize, Serializer, ser::SerializeMap};
use shared::{Digest, Inside, List, Page, Records, Result, Text, Untrusted, exec::Line, output::Budget};

use crate::follow::{Follow, member};

/// The longest line of a table that is read.
pub const LINE_MAX: usize = 64 << 10;
/// The most bytes of rows that are kept: as much as the largest answer shows, and one row.
const KEPT: usize = Budget::BYTES_MAX;
/// Cells are padded to the widest of their column, up to this: one long name must not cost every row.
const PAD_MAX: usize = 40;
/// Columns that are left out where they are empty in every row. Others are not: that a service has no endpoints is what is wrong with it.
const SELDOM: &[&str] = &["NOMINATED NODE", "READINESS GATES", "IP", "NODE"];
/// What kubectl prints where there is nothing.
const NONE: &str = "<none>";

/// The header of a table.
#[derive(Debug, Default)]
struct Head {
    names: Vec<String>,
    /// Where each column begins, in characters.
    starts: Vec<usize>,
}

/// A row.
#[derive(Clone, Debug)]
pub struct Row {
    head: Arc<Shown>,
    cells: Vec<Untrusted>,
}

/// The columns that are shown of a table.
#[derive(Debug, Default)]
struct Shown {
    names: Vec<Untrusted>,
    /// The columns that are left out.
    empty: Vec<Untrusted>,
}

/// Rows of one or several tables.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(transparent)]
#[schemars(transparent)]
pub struct Table(Records<Row>);

impl Head {
    fn read(line: &str) -> Self {
        let mut head = Self::default();
        let mut spaces = 2;
        for (at, c) in line.chars().enumerate() {
            if c == ' ' {
                spaces += 1;
                continue;
            }
            // One space is within a name: NOMINATED NODE.
            if spaces >= 2 {
                head.starts.push(at);
                head.names.push(String::new());
            } else if spaces == 1
                && let Some(name) = head.names.last_mut()
            {
                name.push(' ');
            }
            if let Some(name) = head.names.last_mut() {
                name.push(c);
            }
            spaces = 0;
        }
        head
    }

    /// The cells of `line`; one of all its words where it does not stand under this header.
    fn cells(&self, line: &str) -> Vec<String> {
        let chars: Vec<char> = line.chars().collect();
        let bounds: Vec<usize> = self.starts.iter().skip(1).copied().chain([usize::MAX]).collect();
        let fits = self.starts.iter().skip(1).all(|start| {
            // A column begins after a space.
            start.checked_sub(1).and_then(|before| chars.get(before)).is_none_or(|c| *c == ' ')
        });
        if !fits {
            return vec![line.split_whitespace().collect::<Vec<_>>().join(" ")];
        }
        let cell = |(start, end): (&usize, &usize)| {
            let end = (*end).min(chars.len());
            let text: String = chars.get((*start).min(end)..end).unwrap_or_default().iter().collect();
            text.trim().to_owned()
        };
        self.starts.iter().zip(&bounds).map(cell).collect()
    }
}

impl Head {
    /// What a row is known by: the table it is in, its namespace and its name; all of it where it has no name.
    fn member(&self, table: usize, cells: &[String]) -> Digest {
        let named = |name: &str| {
            let at = self.names.iter().position(|known| known == name)?;
            cells.get(at).map(String::as_str)
        };
        match named("NAME") {
            Some(name) => member(&[&table.to_string(), named("NAMESPACE").unwrap_or_default(), name]),
            None => member(&cells.iter().map(String::as_str).collect::<Vec<_>>()),
        }
    }
}

/// Takes a table in line by line.
pub struct Reader {
    follow: Follow,
    head: Arc<Head>,
    heads: Vec<Arc<Head>>,
    rows: Vec<(usize, Vec<String>)>,
    members: Vec<Digest>,
    fresh: bool,
    kept: usize,
}

impl Reader {
    /// A reader that keeps rows from `page` on.
    pub fn new(page: Page) -> Self {
        let (head, heads, rows, members) = (Arc::default(), Vec::new(), Vec::new(), Vec::new());
        Self { follow: Follow::new(page), head, heads, rows, members, fresh: true, kept: 0 }
    }

    /// Takes rows whose columns are known beforehand.
    pub fn columns(page: Page, names: Vec<String>) -> Self {
        let head = Arc::new(Head { names, starts: Vec::new() });
        Self { head: head.clone(), heads: vec![head], fresh: false, ..Self::new(page) }
    }

    /// Takes a row of known columns, of the object that is known by `member`.
    pub fn row(&mut self, member: Digest, cells: impl FnOnce() -> Result<Vec<String>>) -> Result<()> {
        if self.follow.passes(|| member) && self.kept <= KEPT {
            let cells = cells()?;
            self.keep(member, cells);
        }
        Ok(())
    }

    fn keep(&mut self, member: Digest, cells: Vec<String>) {
        self.kept += cells.iter().map(|cell| cell.len() + 2).sum::<usize>();
        self.rows.push((self.heads.len() - 1, cells));
        self.members.push(member);
    }

    /// Takes a line. An empty one ends a table; the first of a table is its header.
    pub fn line(&mut self, line: Line<'_>) {
        if line.bytes.iter().all(u8::is_ascii_whitespace) && line.omitted == 0 {
            self.fresh = true;
            return;
        }
        if self.fresh {
            self.fresh = false;
            self.head = Arc::new(Head::read(&String::from_utf8_lossy(line.bytes)));
            self.heads.push(self.head.clone());
            return;
        }
        let (head, table) = (&self.head, self.heads.len());
        let text = String::from_utf8_lossy(line.bytes);
        if !self.follow.passes(|| head.member(table, &head.cells(&text))) || self.kept > KEPT {
            return;
        }
        let mut cells = head.cells(&text);
        let member = head.member(table, &cells);
        if line.omitted > 0
            && let Some(last) = cells.last_mut()
        {
            last.push_str(&format!("…(+{} bytes)", line.omitted));
        }
        self.keep(member, cells);
    }

    /// Rows that were seen, shown or not.
    pub fn seen(&self) -> u64 {
        self.follow.seen()
    }

    /// The table. `unit` is the plural noun its rows go by.
    pub fn finish(self, unit: &'static str) -> Result<Table> {
        let page = self.follow.page()?;
        let tables: Vec<(Arc<Shown>, Vec<usize>)> =
            self.heads.iter().enumerate().map(|(at, head)| shown(head, at, &self.rows)).collect();
        let rows = self.rows.iter().filter_map(|(at, cells)| {
            let (head, columns) = tables.get(*at)?;
            let cells = match cells.as_slice() {
                // A line that does not stand under the header.
                [whole] => vec![Untrusted::line(whole)],
                cells => columns.iter().map(|column| cell(cells, *column)).map(Untrusted::line).collect(),
            };
            Some(Row { head: head.clone(), cells })
        });
        let members = if page.follows() { self.members } else { Vec::new() };
        Ok(Table(Records::following(unit, rows.collect(), members, self.follow.seen(), page)))
    }
}

fn cell(cells: &[String], column: usize) -> &str {
    cells.get(column).map(String::as_str).filter(|cell| !cell.is_empty() && *cell != NONE).unwrap_or("-")
}

/// The columns of the table `at` that have something in them, and which they are.
fn shown(head: &Head, at: usize, rows: &[(usize, Vec<String>)]) -> (Arc<Shown>, Vec<usize>) {
    let (mut shown, mut columns) = (Shown::default(), Vec::new());
    for (column, name) in head.names.iter().enumerate() {
        let mut cells = rows.iter().filter(|(table, _)| *table == at).map(|(_, cells)| cell(cells, column));
        let seldom = SELDOM.contains(&name.as_str());
        let name = Untrusted::line(name);
        if seldom && cells.all(|cell| cell == "-") {
            shown.empty.push(name);
        } else {
            shown.names.push(name);
            columns.push(column);
        }
    }
    (Arc::new(shown), columns)
}

impl Table {
    /// Whether there is no row at all.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The list, for the spine to cut.
    pub fn list(&mut self) -> &mut dyn List {
        &mut self.0
    }

    /// Writes the rows on show under their headers.
    pub fn write(&self, text: &mut Text<'_>) {
        let shown = self.0.shown();
        let mut widths: Vec<usize> = Vec::new();
        let mut begun: Option<Arc<Shown>> = None;
        let begins =
            |row: &Row, begun: &Option<Arc<Shown>>| begun.as_ref().is_none_or(|head| !Arc::ptr_eq(head, &row.head));
        let mut layouts = Vec::new();
        for row in shown {
            if begins(row, &begun) {
                begun = Some(row.head.clone());
                widths = row.head.names.iter().map(Untrusted::len).collect();
                layouts.push(widths.clone());
            }
            if row.cells.len() == widths.len()
                && let Some(layout) = layouts.last_mut()
            {
                for (width, cell) in layout.iter_mut().zip(&row.cells) {
                    *width = (*width).max(cell.len().min(PAD_MAX));
                }
            }
        }
        let state = Cell::new((0_usize, None::<*const Shown>));
        text.records(&self.0, |row, inside| {
            let (mut table, last) = state.get();
            let this = Arc::as_ptr(&row.head);
            let first = last != Some(this);
            if first && last.is_some() {
                table += 1;
            }
            state.set((table, Some(this)));
            let layout = layouts.get(table).map(Vec::as_slice).unwrap_or_default();
            let body = laid_out(&row.cells, layout, inside);
            if !first {
                return body;
            }
            let head = laid_out(&row.head.names, layout, inside);
            let gap = if last.is_some() { "\n" } else { "" };
            format!("{gap}{head}\n{body}")
        });
        if let Some(row) = shown.first()
            && layouts.len() == 1
            && !row.head.empty.is_empty()
        {
            let names: Vec<String> = row.head.empty.iter().map(|name| name.quoted().to_string()).collect();
            text.line(format_args!("left out, empty in every row: {}", names.join(", ")));
        }
    }
}

/// Cells side by side, each as wide as its column.
fn laid_out(cells: &[Untrusted], layout: &[usize], inside: Inside<'_>) -> String {
    let mut line = String::new();
    for (at, cell) in cells.iter().enumerate() {
        line.push_str(cell.inside(inside));
        if at + 1 < cells.len() {
            let pad = layout.get(at).map_or(0, |width| width.saturating_sub(cell.len()));
            line.extend(std::iter::repeat_n(' ', pad + 2));
        }
    }
    line
}

/// A row is an object of its cells by column.
impl Serialize for Row {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.cells.len()))?;
        match (self.head.names.as_slice(), self.cells.as_slice()) {
            (names, cells) if names.len() == cells.len() => {
                for (name, cell) in names.iter().zip(cells) {
                    map.serialize_entry(name, cell)?;
                }
            }
            (_, cells) => {
                for cell in cells {
                    map.serialize_entry("line", cell)?;
                }
            }
        }
        map.end()
    }
}

impl JsonSchema for Row {
    fn schema_name() -> Cow<'static, str> {
        "Row".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "object", "description": "A row: its cells by column.", "additionalProperties": { "type": "string" } })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::OnceLock;

    use super::*;

    const PODS: &str = "\
NAMESPACE   NAME    READY   STATUS    RESTARTS       AGE   IP           NODE     NOMINATED NODE   READINESS GATES
shop        web-0   1/1     Running   3 (5m4s ago)   2d    10.244.0.5   node-1   <none>           <none>
shop        web-1   0/1     Pending   0              3s    <none>       <none>   <none>           <none>
";

    fn head() -> &'static Head {
        static HEAD: OnceLock<Head> = OnceLock::new();
        HEAD.get_or_init(|| Head::read(PODS.lines().next().unwrap()))
    }

    #[test]
    fn columns_are_where_the_header_says() {
        assert_eq!(head().names[..3], ["NAMESPACE", "NAME", "READY"]);
        assert_eq!(head().names[8..], ["NOMINATED NODE", "READINESS GATES"]);
        let row = head().cells(PODS.lines().nth(1).unwrap());
        assert_eq!(row[4..7], ["3 (5m4s ago)", "2d", "10.244.0.5"]);
    }

    #[test]
    fn an_empty_cell_is_not_lost() {
        let head = Head::read("NAME   STATUS    VOLUME   CAPACITY   STORAGECLASS");
        assert_eq!(head.cells("data   Pending                       fast"), ["data", "Pending", "", "", "fast"]);
        assert_eq!(head.cells("né     Bound     pv       1Gi        fast"), ["né", "Bound", "pv", "1Gi", "fast"]);
    }

    #[test]
    fn no_more_is_kept_than_an_answer_shows_and_what_is_cut_says_so() {
        let mut reader = Reader::new(Page::default());
        let mut feed = |text: &str, omitted| reader.line(Line { bytes: text.as_bytes(), omitted });
        feed("NAME   STATUS", 0);
        feed(&format!("a      {}", "x".repeat(1000)), 7);
        for _ in 0..1000 {
            feed(&format!("b      {}", "x".repeat(1000)), 0);
        }
        assert!(reader.rows[0].1[1].ends_with("xx…(+7 bytes)"), "{:?}", reader.rows[0]);
        assert!(reader.kept <= KEPT + 2000 && reader.rows.len() < 200, "{}", reader.kept);
        assert_eq!(reader.seen(), 1001);
    }

    #[test]
    fn a_line_that_does_not_fit_is_kept_whole() {
        let head = Head::read("NAME   STATUS");
        assert_eq!(head.cells("a-very-long-name that goes on"), ["a-very-long-name that goes on"]);
    }
}
