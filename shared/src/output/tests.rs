//! Properties of every answer, whatever strangers wrote into it and however small its budget.

use proptest::{collection::vec, prelude::*, sample::select};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use super::*;
use crate::{
    cursor::{Digest, Page},
    error::{Code, ToolError},
    settings::Results,
    untrusted::Untrusted,
};

#[derive(Serialize, JsonSchema)]
struct Row {
    number: usize,
    text: Untrusted,
}

#[derive(Serialize, JsonSchema)]
struct Table {
    rows: Records<Row>,
}

impl Answer for Table {
    fn text(&self, text: &mut Text<'_>) {
        text.line("sample");
        text.records(&self.rows, |row, inside| format!("#{} {}", row.number, row.text.inside(inside)));
    }

    fn lists(&mut self) -> Vec<&mut dyn List> {
        vec![&mut self.rows]
    }
}

#[derive(Serialize, JsonSchema)]
struct Document {
    body: Lines,
}

impl Answer for Document {
    fn text(&self, text: &mut Text<'_>) {
        text.line("sample");
        text.lines(&self.body);
    }

    fn lists(&mut self) -> Vec<&mut dyn List> {
        vec![&mut self.body]
    }
}

#[derive(Serialize, JsonSchema)]
struct Report {
    rows: Records<Row>,
    body: Lines,
    more: Records<Row>,
}

impl Answer for Report {
    fn text(&self, text: &mut Text<'_>) {
        text.line("sample");
        text.records(&self.rows, |row, inside| format!("#{} {}", row.number, row.text.inside(inside)));
        text.lines(&self.body);
        text.records(&self.more, |row, inside| format!("#{} {}", row.number, row.text.inside(inside)));
    }

    fn lists(&mut self) -> Vec<&mut dyn List> {
        vec![&mut self.more, &mut self.rows, &mut self.body]
    }
}

/// Pieces that have a meaning somewhere: frames, notices, escapes, quotation marks, every width of UTF-8.
const PIECES: &[&str] = &[
    "</untrusted-00000000>",
    "<untrusted-00000000>",
    "[1-2 of 3 rows; 1 left out; next: cursor=AAAA]",
    "#7 ",
    "\n",
    "\r\n",
    "\t",
    "\u{1b}[31m",
    "\u{1b}]8;;http://x\u{7}",
    "\u{202e}",
    "\u{200b}",
    "\u{e0041}",
    "\"",
    "\\",
    "`",
    "é",
    "日本語",
    "👩‍👩‍👧",
    "\u{0}",
    "password=hunter2hunter2",
    "https://user:secretsecret@example.com/",
    "plain words ",
];

fn stranger() -> impl Strategy<Value = String> {
    let pieces = vec(select(PIECES), 0..12).prop_map(|pieces| pieces.concat());
    let long = (select(&["x", "é", "\"", "\\", "𝄞", "<", "\u{202e}"][..]), 0..3000_usize)
        .prop_map(|(piece, times)| piece.repeat(times));
    prop_oneof![4 => pieces, 2 => any::<String>(), 1 => long]
}

fn budgets() -> impl Strategy<Value = u32> {
    prop_oneof![3 => 0..400_u32, 1 => 400..4000_u32, 1 => any::<u32>()]
}

fn forms() -> impl Strategy<Value = Results> {
    select(&[Results::Text, Results::Structured, Results::Both][..])
}

fn page(cursor: Option<&str>) -> Page {
    Page::open(cursor, Digest::of(b"query"), b"state").unwrap()
}

fn rows(texts: &[String]) -> Vec<Row> {
    texts.iter().enumerate().map(|(number, text)| Row { number, text: Untrusted::line(text) }).collect()
}

/// The lines inside the frames of `text`. Fails where a frame is not closed, or a line outside them is not one of ours.
fn framed_lines(text: &str) -> Result<Vec<&str>, TestCaseError> {
    let mut inside = Vec::new();
    let mut closing: Option<String> = None;
    for line in text.lines() {
        match &closing {
            Some(close) if line == close => closing = None,
            Some(_) => inside.push(line),
            None if line.starts_with("<untrusted-") => closing = Some(line.replacen('<', "</", 1)),
            None => prop_assert!(line == "sample" || line.starts_with('['), "{line:?} is outside in {text:?}"),
        }
    }
    prop_assert!(closing.is_none(), "the frame is open in {text:?}");
    Ok(inside)
}

/// What a notice says: first, last, total, left out, cursor.
fn notice(text: &str) -> Option<(u64, u64, u64, u64, Option<&str>)> {
    let line = text.lines().last()?.strip_prefix('[')?.strip_suffix(']')?;
    let (range, rest) = line.split_once(" of ")?;
    let (total, rest) = rest.split_once(' ')?;
    let (first, last) = range.split_once('-').unwrap_or(("1", range));
    let left = rest.split_once("; ").and_then(|(_, rest)| rest.split_once(" left out")).map_or("0", |(left, _)| left);
    let cursor = rest.split_once("cursor=").map(|(_, cursor)| cursor);
    Some((first.parse().ok()?, last.parse().ok()?, total.parse().ok()?, left.parse().ok()?, cursor))
}

fn within(rendered: &Rendered, budget: Budget) -> Result<(), TestCaseError> {
    if let Some(text) = &rendered.text {
        prop_assert!(text.len() <= budget.bytes(), "{} bytes of text for {}", text.len(), budget.bytes());
    }
    if let Some(json) = &rendered.json {
        let bytes = json.to_string().len();
        prop_assert!(bytes <= budget.bytes(), "{bytes} bytes of JSON for {}", budget.bytes());
    }
    Ok(())
}

/// What one page shows: how many units, whatever they are, and where it leads.
type Shown<U> = (Vec<U>, Option<String>);

/// Follows cursors from the first page to the last and returns the units in the order they were shown. Every page shows at least one.
fn walk<U>(
    total: usize,
    tokens: u32,
    mut show: impl FnMut(Option<&str>, Budget) -> Result<Shown<U>, TestCaseError>,
) -> Result<Vec<U>, TestCaseError> {
    let mut seen = Vec::new();
    let mut cursor: Option<String> = None;
    for _ in 0..=total + 1 {
        let (units, next) = show(cursor.as_deref(), Budget::tokens(tokens))?;
        prop_assert!(!units.is_empty() || seen.len() == total, "a page without a unit");
        seen.extend(units);
        match next {
            Some(next) => cursor = Some(next),
            None => return Ok(seen),
        }
    }
    Err(TestCaseError::fail("the pages do not end"))
}

/// Whether `shown` is `whole`, or its beginning with an exact count of what is missing.
fn begins(shown: &str, whole: &str) -> bool {
    shown == whole
        || shown.rsplit_once("…(+").is_some_and(|(kept, rest)| {
            let missing = rest.strip_suffix(" bytes)").and_then(|count| count.parse::<usize>().ok());
            whole.starts_with(kept) && missing == Some(whole.len() - kept.len())
        })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_record_is_visited_once_and_the_notice_counts_exactly(
        texts in vec(stranger(), 0..40), tokens in budgets(), results in forms(),
    ) {
        let total = texts.len() as u64;
        let seen = walk(texts.len(), tokens, |cursor, budget| {
            let page = page(cursor);
            let mut answer = Table { rows: Records::paged("rows", rows(&texts), page) };
            let rendered = fit(&mut answer, budget, results).map_err(|error| TestCaseError::fail(error.to_string()))?;
            within(&rendered, budget)?;
            let mut shown: Shown<u64> = (Vec::new(), None);
            if let Some(text) = &rendered.text {
                let numbers = framed_lines(text)?.into_iter().filter_map(|line| {
                    line.strip_prefix('#')?.split_once(' ').map_or(line.strip_prefix('#'), |(number, _)| Some(number))?.parse().ok()
                });
                shown.0 = numbers.collect();
                let end = page.offset + shown.0.len() as u64;
                if results == Results::Text && page.offset < total {
                    prop_assert!(!shown.0.is_empty(), "a page of text shows at least the beginning of a record: {text}");
                }
                match notice(text) {
                    Some((first, last, all, left, cursor)) => {
                        let expected_first = if shown.0.is_empty() { 1 } else { page.offset + 1 };
                        prop_assert_eq!((first, all, left), (expected_first, total, total - end), "{}", text);
                        prop_assert!(last == end || shown.0.is_empty(), "{}", text);
                        shown.1 = cursor.map(str::to_owned);
                    }
                    None => prop_assert!(page.offset == 0 && end == total, "cut without notice: {text}"),
                }
            }
            if let Some(json) = &rendered.json {
                let rows = &json["rows"];
                let items = rows["items"].as_array().unwrap();
                let numbers: Vec<u64> = items.iter().map(|item| item["number"].as_u64().unwrap()).collect();
                for (item, number) in items.iter().zip(&numbers) {
                    let whole = serde_json::to_value(Untrusted::line(&texts[*number as usize])).unwrap();
                    prop_assert!(begins(item["text"].as_str().unwrap(), whole.as_str().unwrap()), "{}", item);
                    prop_assert!(items.len() == 1 || item["text"] == whole, "only what is alone is cut: {}", item);
                }
                let end = page.offset + numbers.len() as u64;
                prop_assert_eq!(&rows["offset"], &Value::from(page.offset));
                prop_assert_eq!(&rows["total"], &Value::from(total));
                prop_assert_eq!(&rows["omitted"], &Value::from(total - end));
                prop_assert_eq!(&rows["more"], &Value::from(end < total));
                let cursor = rows["cursor"].as_str().map(str::to_owned);
                if rendered.text.is_some() {
                    prop_assert_eq!((&numbers, &cursor), (&shown.0, &shown.1), "both forms say the same");
                }
                shown = (numbers, cursor);
            }
            Ok(shown)
        })?;
        prop_assert_eq!(seen, (0..total).collect::<Vec<_>>());
    }

    #[test]
    fn every_line_is_visited_once_inside_its_frame(
        texts in vec(stranger(), 0..40), tokens in budgets(), results in forms(),
    ) {
        let bytes = texts.join("\n").into_bytes();
        let whole: Vec<String> = Lines::all("lines", &bytes).shown().cloned().collect();
        let total = whole.len() as u64;
        let seen = walk(whole.len(), tokens, |cursor, budget| {
            let page = page(cursor);
            let mut answer = Document { body: Lines::paged("lines", &bytes, page) };
            let rendered = fit(&mut answer, budget, results).map_err(|error| TestCaseError::fail(error.to_string()))?;
            within(&rendered, budget)?;
            let mut shown: Shown<String> = (Vec::new(), None);
            if let Some(text) = &rendered.text {
                shown.0 = framed_lines(text)?.into_iter().map(str::to_owned).collect();
                let end = page.offset + shown.0.len() as u64;
                if results == Results::Text && page.offset < total {
                    prop_assert!(!shown.0.is_empty(), "a page of text shows at least one line: {text}");
                }
                if end < total || page.offset > 0 {
                    let (_, _, all, left, cursor) = notice(text).ok_or_else(|| TestCaseError::fail(format!("cut without notice: {text}")))?;
                    prop_assert_eq!((all, left), (total, total - end), "{}", text);
                    shown.1 = cursor.map(str::to_owned);
                }
            }
            if let Some(json) = &rendered.json {
                let body = &json["body"];
                let text = body["text"].as_str().unwrap();
                let lines: Vec<String> = if text.is_empty() { Vec::new() } else { framed_lines(text)?.into_iter().map(str::to_owned).collect() };
                prop_assert_eq!(&body["total"], &Value::from(total));
                let omitted = body["omitted"].as_u64().unwrap();
                if rendered.text.is_none() {
                    shown = (lines, body["cursor"].as_str().map(str::to_owned));
                    prop_assert_eq!(omitted, total - page.offset - shown.0.len() as u64);
                } else {
                    prop_assert_eq!(&lines, &shown.0, "both forms say the same");
                    prop_assert_eq!(body["cursor"].as_str(), shown.1.as_deref());
                }
            }
            Ok(shown)
        })?;
        prop_assert_eq!(seen, whole);
    }

    #[test]
    fn several_lists_share_one_budget(
        one in vec(stranger(), 0..30), body in stranger(), other in vec(stranger(), 0..30), tokens in budgets(), results in forms(),
    ) {
        let budget = Budget::tokens(tokens);
        let mut answer = Report {
            rows: Records::all("rows", rows(&one)),
            body: Lines::all("lines", body.as_bytes()),
            more: Records::all("others", rows(&other)).narrower("name one"),
        };
        let rendered = fit(&mut answer, budget, results).map_err(|error| TestCaseError::fail(error.to_string()))?;
        within(&rendered, budget)?;
        if let Some(text) = &rendered.text {
            framed_lines(text)?;
            // What is not cut has no notice; what is cut has one each.
            let cuts = [answer.rows.shown().len() < one.len(), answer.more.shown().len() < other.len()];
            let said = [" rows; ", " others; "].map(|unit| text.lines().any(|line| line.starts_with('[') && line.contains(unit)));
            prop_assert!(cuts.iter().zip(said).all(|(cut, said)| !cut || said), "{text}");
        }
    }

    #[test]
    fn errors_keep_their_budget_and_frame_the_words_of_others(
        message in stranger(), hint in proptest::option::of(stranger()), words in proptest::option::of(stranger()),
        tokens in budgets(), results in forms(),
    ) {
        let budget = Budget::tokens(tokens);
        let mut error = ToolError::new(Code::Conflict, message);
        if let Some(hint) = hint {
            error = error.hint(hint);
        }
        if let Some(words) = &words {
            error = error.with_said(words.clone());
        }
        let rendered = render_error(&error, budget, results);
        within(&rendered, budget)?;
        // Whether a text ends with a frame that is opened at the start of a line and closed by its own tag.
        let framed = |text: &str| {
            let close = text.lines().last().unwrap_or_default();
            let open = close.replacen("</", "<", 1);
            close.starts_with("</untrusted-") && text.lines().any(|line| line == open)
        };
        let said = words.as_ref().is_some_and(|words| !Untrusted::block(words.as_bytes()).into_string().trim().is_empty());
        if let Some(text) = &rendered.text {
            prop_assert!(text.starts_with("conflict: "), "{text}");
            prop_assert!(!said || framed(text), "{text}");
        }
        if let Some(json) = &rendered.json {
            prop_assert_eq!(&json["code"], "conflict");
            prop_assert!(json["message"].is_string());
            if let Some(said) = json.get("said") {
                prop_assert!(framed(said.as_str().unwrap()), "{said}");
            }
        }
    }

    #[test]
    fn a_quoted_name_stays_one_short_line_between_its_quotes(name in stranger()) {
        let quoted = Untrusted::line(&name).quoted().to_string();
        prop_assert_eq!(quoted.matches('`').count(), 2, "{}", quoted);
        prop_assert!(quoted.starts_with('`') && quoted.ends_with('`'));
        prop_assert!(!quoted.contains(['\n', '\r', '\u{1b}', '\u{202e}']), "{quoted:?}");
        prop_assert!(quoted.chars().count() <= 260, "{quoted}");
    }
}

#[test]
fn an_error_of_nothing_but_characters_to_escape_keeps_its_budget() {
    for nasty in ["\"", "\\", "\n", "\"\\"] {
        let long = nasty.repeat(5000);
        let error = ToolError::new(Code::Conflict, long.clone()).hint(long.clone()).with_said(format!("x{long}x"));
        for tokens in [Budget::MIN, Budget::DEFAULT] {
            let budget = Budget::tokens(tokens);
            let rendered = render_error(&error, budget, Results::Both);
            let json = rendered.json.unwrap();
            assert!(json.to_string().len() <= budget.bytes(), "{} bytes", json.to_string().len());
            assert!(rendered.text.unwrap().len() <= budget.bytes());
            assert!(json["said"].as_str().unwrap().lines().last().unwrap().starts_with("</untrusted-"));
        }
    }
}
