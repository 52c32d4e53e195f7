//! Following steps through a value.

use std::{borrow::Cow, cell::Cell};

use serde_json::Value;

use super::{Step, compare};

/// The most values one step may lead to.
const VALUES_MAX: usize = 1_000_000;
/// The most values all steps of a template may lead to, over all objects: a second of work, where no template that means something comes
/// near.
const WORK_MAX: usize = 8_000_000;

/// What is left of the work a template may make.
#[derive(Debug)]
pub(super) struct Work(Cell<usize>);

impl Default for Work {
    fn default() -> Self {
        Self(Cell::new(WORK_MAX))
    }
}

/// Values on the way, no more than may be.
struct Found<'v, 'w> {
    values: Vec<Cow<'v, Value>>,
    work: &'w Work,
}

impl<'v, 'w> Found<'v, 'w> {
    fn new(work: &'w Work) -> Self {
        Self { values: Vec::new(), work }
    }

    fn push(&mut self, value: Cow<'v, Value>) -> Result<(), String> {
        if self.values.len() >= VALUES_MAX {
            return Err(format!("it leads to more than {VALUES_MAX} values"));
        }
        match self.work.0.get().checked_sub(1) {
            Some(left) => self.work.0.set(left),
            None => return Err(format!("its steps lead to more than {WORK_MAX} values")),
        }
        self.values.push(value);
        Ok(())
    }

    fn extend(&mut self, values: impl IntoIterator<Item = Cow<'v, Value>>) -> Result<(), String> {
        values.into_iter().try_for_each(|value| self.push(value))
    }
}

/// What `steps` lead to from `value`.
pub(super) fn path<'v>(steps: &[Step], value: &'v Value, work: &Work) -> Result<Vec<Cow<'v, Value>>, String> {
    from(steps, vec![Cow::Borrowed(value)], work)
}

fn from<'v>(steps: &[Step], start: Vec<Cow<'v, Value>>, work: &Work) -> Result<Vec<Cow<'v, Value>>, String> {
    let mut here = start;
    for step in steps {
        let mut found = Found::new(work);
        take(step, here, &mut found)?;
        here = found.values;
    }
    Ok(here)
}

fn take<'v>(step: &Step, here: Vec<Cow<'v, Value>>, found: &mut Found<'v, '_>) -> Result<(), String> {
    let work = found.work;
    match step {
        Step::Constant(constant) => found.extend(here.iter().map(|_| Cow::Owned(constant.clone())).take(1))?,
        Step::Field(name) => found.extend(here.into_iter().filter_map(|value| field(value, name)))?,
        Step::Key(literal, steps) => {
            for value in here {
                match field(value.clone(), literal) {
                    Some(inner) => found.push(inner)?,
                    None => found.extend(from(steps, vec![value], work)?)?,
                }
            }
        }
        Step::Wildcard => found.extend(here.into_iter().flat_map(children))?,
        Step::Descend => here.into_iter().try_for_each(|value| descend(value, found))?,
        Step::Slice { from, to, step, index } => {
            for value in here {
                slice(value, (*from, *to, *step, *index), found)?;
            }
        }
        Step::Union(parts) => {
            for part in parts {
                found.extend(from(part, here.clone(), work)?)?;
            }
        }
        Step::Filter(left, comparison) => {
            for value in here {
                if !value.is_array() {
                    return Err(format!("{} cannot be filtered, only a list can", kind(&value)));
                }
                for item in children(value) {
                    let lefts = from(left, vec![item.clone()], work);
                    let passes = match comparison {
                        None => lefts.is_ok_and(|lefts| !lefts.is_empty()),
                        Some((operator, right)) => {
                            let rights = from(right, vec![item.clone()], work)?;
                            compare::holds(*operator, &lefts?, &rights)?
                        }
                    };
                    if passes {
                        found.push(item)?;
                    }
                }
            }
        }
    }
    Ok(())
}

fn field<'v>(value: Cow<'v, Value>, name: &str) -> Option<Cow<'v, Value>> {
    match value {
        Cow::Borrowed(value) => value.as_object()?.get(name).map(Cow::Borrowed),
        Cow::Owned(value) => value.as_object()?.get(name).cloned().map(Cow::Owned),
    }
}

fn children(value: Cow<'_, Value>) -> Vec<Cow<'_, Value>> {
    match value {
        Cow::Borrowed(Value::Array(items)) => items.iter().map(Cow::Borrowed).collect(),
        Cow::Borrowed(Value::Object(fields)) => fields.values().map(Cow::Borrowed).collect(),
        // Only constants are owned, and they have no inside.
        Cow::Borrowed(_) | Cow::Owned(_) => Vec::new(),
    }
}

/// The value and all below it that have something below them.
fn descend<'v>(value: Cow<'v, Value>, found: &mut Found<'v, '_>) -> Result<(), String> {
    let below = children(value.clone());
    if below.is_empty() {
        return Ok(());
    }
    found.push(value)?;
    below.into_iter().try_for_each(|inner| descend(inner, found))
}

fn slice<'v>(
    value: Cow<'v, Value>,
    (from, to, step, index): (Option<i64>, Option<i64>, Option<i64>, bool),
    found: &mut Found<'v, '_>,
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
    found.extend(wanted.step_by(step as usize))
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
