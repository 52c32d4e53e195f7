//! Bringing an answer within its budget.
//!
//! The units of all lists stand in one row, the most important list first; the largest number of them whose rendering fits is found by
//! doubling and then halving, so that the work is bounded by the budget and not by the length of the result.

use serde_json::{Value, json};

use super::{AnyAnswer, Budget, Text, clip::shorten};
use crate::{
    error::{Code, ToolError},
    redact, sanitize,
    settings::Results,
    untrusted::{Tag, Untrusted},
};

/// An answer as it leaves: within budget, framed, redacted.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rendered {
    /// The text, when asked for.
    pub text: Option<String>,
    /// The structured value, when asked for.
    pub json: Option<Value>,
}

/// Renders `answer` within `budget`, in the forms `results` names.
pub fn fit(answer: &mut dyn AnyAnswer, budget: Budget, results: Results) -> Result<Rendered, ToolError> {
    let tag = Tag::random();
    let (limit, raise) = (budget.bytes(), budget.can_be_raised());
    let units = answer.lists().iter().map(|list| list.units()).sum::<usize>();

    let mut attempt = |keep: usize, clip: Clip| -> Result<(Rendered, usize), ToolError> {
        let mut left = keep;
        for list in answer.lists() {
            let here = left.min(list.units());
            list.keep(here);
            left -= here;
        }
        render(answer, &tag, results, clip)
    };

    let mut fitting: Option<(usize, Rendered)> = None;
    let mut too_many: Option<usize> = None;
    let mut probe = if units <= 64 { units } else { 16 };
    loop {
        let (rendered, size) = attempt(probe, Clip { raise, ..Clip::default() })?;
        if size <= limit {
            fitting = Some((probe, rendered));
        } else {
            too_many = Some(probe);
        }
        probe = match (fitting.as_ref().map(|(kept, _)| *kept), too_many) {
            (Some(kept), None) if kept == units => break,
            (Some(kept), None) => (kept * 2).min(units),
            (Some(kept), Some(over)) if over - kept <= 1 => break,
            (Some(kept), Some(over)) => kept.midpoint(over),
            (None, Some(0)) => break,
            (None, Some(over)) => over / 2,
            (None, None) => 0,
        };
    }
    // Not one unit fits whole: the beginning of the first is shown, and the next page goes on behind it.
    if units > 0
        && let Some((0, bare)) = &fitting
    {
        let taken = bare.text.as_ref().map_or(0, String::len) + tag.open().len() + tag.close().len();
        // The notice says "1-1 of" where the bare one said "0 of", and the clip counts what it cut.
        let text = Some(limit.saturating_sub(taken + 96));
        let mut clipped = None;
        let (mut fits, mut over) = (0_usize, if results.structured() { limit } else { 0 });
        for _ in 0..STEPS {
            let json = if clipped.is_none() { 0 } else { fits.midpoint(over) };
            let (rendered, size) = attempt(1, Clip { text, json: Some(json), raise })?;
            match (size <= limit, clipped.is_some()) {
                (true, _) => (fits, clipped) = (json, Some(rendered)),
                (false, true) => over = json,
                (false, false) => break,
            }
            if over <= fits + 1 {
                break;
            }
        }
        if let Some(clipped) = clipped {
            return Ok(clipped);
        }
    }
    fitting.map(|(_, rendered)| rendered).ok_or_else(|| {
        ToolError::new(Code::TooLarge, "the answer does not fit its budget even without its lists").hint(if raise {
            "raise budget, or ask for less"
        } else {
            "ask for less"
        })
    })
}

/// How one rendering is done: the most bytes one unit may take, for a unit that alone is longer than the budget.
#[derive(Clone, Copy, Default)]
struct Clip {
    text: Option<usize>,
    /// For each of its strings.
    json: Option<usize>,
    /// Whether a larger budget is a way to see more.
    raise: bool,
}

/// How often the size of the strings in a unit is halved towards the one that just fits.
const STEPS: usize = 8;

fn render(answer: &dyn AnyAnswer, tag: &Tag, results: Results, clip: Clip) -> Result<(Rendered, usize), ToolError> {
    let mut size = 0;
    let mut rendered = Rendered::default();
    if results.text() {
        let mut text = Text::new(tag, clip.text, clip.raise);
        answer.text(&mut text);
        let text = clean(&text.finish());
        size = text.len();
        rendered.text = Some(text);
    }
    if results.structured() {
        let mut value = answer
            .json(tag, clip.json)
            .map_err(|error| ToolError::internal(format!("the answer could not be serialised: {error}")))?;
        clean_json(&mut value);
        size = size.max(value.to_string().len());
        rendered.json = Some(value);
    }
    Ok((rendered, size))
}

/// The last look at a text before it leaves: what a tool's author let through is cleaned and redacted all the same.
fn clean(text: &str) -> String {
    redact::redact(&sanitize::block(text.as_bytes())).into_owned()
}

pub(super) fn clean_json(value: &mut Value) {
    match value {
        Value::String(text) => *text = clean(text),
        Value::Array(items) => items.iter_mut().for_each(clean_json),
        Value::Object(fields) => fields.values_mut().for_each(clean_json),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Renders an error within `budget`: its code as the first word, what to do next, and the words of whoever refused in a frame.
pub fn render_error(error: &ToolError, budget: Budget, results: Results) -> Rendered {
    let tag = Tag::random();
    let limit = budget.bytes();
    // Message and hint are ours but may quote an argument of any length.
    let own = shorten(&clean(&error.to_string()), limit / 2);
    let said = error.said().map(|words| Untrusted::block(words.as_bytes()).into_string());
    let said = said.as_deref().map(str::trim).filter(|words| !words.is_empty());
    // The words are shortened before they are framed: a cut must not take the end of the frame.
    let framed = |words: &str, room: usize| format!("{}\n{}\n{}", tag.open(), shorten(words, room), tag.close());
    let text = match said {
        Some(words) => format!("{own}\n{}", framed(words, limit.saturating_sub(own.len() + 120) / 2)),
        None => own,
    };
    let json = results.structured().then(|| {
        let whole = |part: usize| {
            let mut value = json!({
                "code": error.code().as_str(),
                "message": shorten(&clean(error.message()), part),
            });
            if let Some(hint) = error.next_step() {
                value["hint"] = shorten(&clean(hint), part).into();
            }
            if let Some(words) = said {
                value["said"] = framed(words, 2 * part).into();
            }
            value
        };
        // What has to be escaped takes twice its bytes.
        let mut fitting = [8, 12, 16, 24].into_iter().map(|share| whole(limit / share));
        fitting.find(|value| value.to_string().len() <= limit).unwrap_or_else(|| whole(limit / 32))
    });
    Rendered { text: results.text().then_some(text), json }
}
