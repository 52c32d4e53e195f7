//! The comparisons of filters: only like with like, as in Go's templates.

use std::{borrow::Cow, cmp::Ordering};

use serde_json::Value;

use super::Operator;

/// Whether the comparison holds. Where one side is nothing, it does not.
pub(super) fn holds(operator: Operator, lefts: &[Cow<'_, Value>], rights: &[Cow<'_, Value>]) -> Result<bool, String> {
    let (left, right) = match (lefts, rights) {
        ([], _) | (_, []) => return Ok(false),
        ([left], [right]) => (left, right),
        _ => return Err(String::from("a filter compares one value with one value")),
    };
    let ordering = match (left.as_ref(), right.as_ref()) {
        (Value::String(left), Value::String(right)) => left.cmp(right),
        (Value::Bool(left), Value::Bool(right)) => match operator {
            Operator::Equal | Operator::NotEqual => left.cmp(right),
            _ => return Err(String::from("booleans have no order")),
        },
        (Value::Number(left), Value::Number(right)) => match (left.as_i64(), right.as_i64()) {
            (Some(left), Some(right)) => left.cmp(&right),
            (None, None) => left.as_f64().partial_cmp(&right.as_f64()).unwrap_or(Ordering::Equal),
            _ => return Err(String::from("a whole number is not compared with a fraction")),
        },
        _ => return Err(String::from("values of different types are not compared; text stands in quotation marks")),
    };
    Ok(match operator {
        Operator::Less => ordering.is_lt(),
        Operator::Greater => ordering.is_gt(),
        Operator::Equal => ordering.is_eq(),
        Operator::NotEqual => ordering.is_ne(),
        Operator::LessEqual => ordering.is_le(),
        Operator::GreaterEqual => ordering.is_ge(),
    })
}
