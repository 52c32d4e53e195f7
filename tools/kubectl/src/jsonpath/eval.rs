//! Following steps through a value.

use std::borrow::Cow;

use serde_json::Value;

use super::{Step, compare};

type Found<'v> = Vec<Cow<'v, Value>>;

/// The most values a path may lead to.
const VALUES_MAX: usize = 1_000_000;

/// What `steps` lead to from `value`.
pub(super) fn path<'v>(steps: &[Step], value: &'v Value) -> Result<Found<'v>, String> {
    from(steps, vec![Cow::Borrowed(value)])
}

fn from<'v>(steps: &[Step], start: Found<'v>) -> Result<Found<'v>, String> {
    let mut here = start;
    for step in steps {
        here = take(step, here)?;
        if here.len() > VALUES_MAX {
            return Err(format!("it leads to more than {VALUES_MAX} values"));
        }
    }
    Ok(here)
}

fn take<'v>(step: &Step, here: Found<'v>) -> Result<Found<'v>, String> {
    let mut found = Vec::new();
    match step {
        Step::Constant(constant) => return Ok(here.iter().map(|_| Cow::Owned(constant.clone())).take(1).collect()),
        Step::Field(name) => here.into_iter().for_each(|value| found.extend(field(value, name))),
        Step::Key(literal, steps) => {
            for value in here {
                match field(value.clone(), literal) {
                    Some(inner) => found.push(inner),
                    None => found.extend(from(steps, vec![value])?),
                }
            }
        }
        Step::Wildcard => here.into_iter().for_each(|value| found.extend(children(value))),
        Step::Descend => here.into_iter().for_each(|value| descend(value, &mut found)),
        Step::Slice { from, to, step, index } => {
            for value in here {
                slice(value, (*from, *to, *step, *index), &mut found)?;
            }
        }
        Step::Union(parts) => {
            for part in parts {
                found.extend(from(part, here.clone())?);
            }
        }
        Step::Filter(left, comparison) => {
            for value in here {
                if !value.is_array() {
                    return Err(format!("{} cannot be filtered, only a list can", kind(&value)));
                }
                for item in children(value) {
                    let lefts = from(left, vec![item.clone()]);
                    let passes = match comparison {
                        None => lefts.is_ok_and(|lefts| !lefts.is_empty()),
                        Some((operator, right)) => {
                            let rights = from(right, vec![item.clone()])?;
                            compare::holds(*operator, &lefts?, &rights)?
                        }
                    };
                    if passes {
                        found.push(item);
                    }
                }
            }
        }
    }
    Ok(found)
}

fn field<'v>(value: Cow<'v, Value>, name: &str) -> Option<Cow<'v, Value>> {
    match value {
        Cow::Borrowed(value) => value.as_object()?.get(name).map(Cow::Borrowed),
        Cow::Owned(value) => value.as_object()?.get(name).cloned().map(Cow::Owned),
    }
}

fn children(value: Cow<'_, Value>) -> Found<'_> {
    match value {
        Cow::Borrowed(Value::Array(items)) => items.iter().map(Cow::Borrowed).collect(),
        Cow::Borrowed(Value::Object(fields)) => fields.values().map(Cow::Borrowed).collect(),
        // Only constants are owned, and they have no inside.
        Cow::Borrowed(_) | Cow::Owned(_) => Vec::new(),
    }
}

/// The value and all below it that have something below them.
fn descend<'v>(value: Cow<'v, Value>, found: &mut Found<'v>) {
    let below = children(value.clone());
    if !below.is_empty() {
        found.push(value);
        below.into_iter().for_each(|inner| descend(inner, found));
    }
}

fn slice<'v>(
    value: Cow<'v, Value>,
    (from, to, step, index): (Option<i64>, Option<i64>, Option<i64>, bool),
    found: &mut Found<'v>,
) -> Result<(), String> {
    if value.is_null() {
        return Ok(());
    }
    if !value.is_array() {
        return Err(format!("{} has no [n], only a list has", kind(&value)));
    }
    let items = children(value);
    let length = items.len() as i64;
    let start = from.map_or(0, |from| if from < 0 { from.saturating_add(length) } else { from });
    let end = match (index, to) {
        (true, _) => start.saturating_add(1),
        (false, None) => length,
        (false, Some(to)) if to < 0 => to.saturating_add(length),
        (false, Some(to)) => to,
    };
    if start == end {
        return Ok(());
    }
    for (at, outside) in [(start, start >= length || start < 0), (end - 1, end > length || end < 0)] {
        if outside {
            return Err(format!("index {at} is outside of a list of {length}"));
        }
    }
    if start > end {
        return Err(format!("a slice begins at {start}, behind its end {end}"));
    }
    let step = step.unwrap_or(1);
    if step <= 0 {
        return Err(String::from("the step of a slice has to be more than 0"));
    }
    let wanted = items.into_iter().skip(start as usize).take((end - start) as usize);
    found.extend(wanted.step_by(step as usize));
    Ok(())
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "a map",
    }
}
