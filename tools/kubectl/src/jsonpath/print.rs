//! Values as kubectl prints them.

use serde_json::Value;

use super::{Part, eval, eval::Work};

/// Prints `parts` of `value`; more than `max` bytes are an error.
pub(super) fn parts(out: &mut String, parts: &[Part], value: &Value, max: usize, work: &Work) -> Result<(), String> {
    for part in parts {
        match part {
            Part::Text(text) => out.push_str(text),
            Part::Path(steps) => {
                for (at, found) in eval::path(steps, value, work)?.iter().enumerate() {
                    if at > 0 {
                        out.push(' ');
                    }
                    out.push_str(&shown(found));
                    within(out, max)?;
                }
            }
            Part::Range(steps, body) => {
                for found in eval::path(steps, value, work)? {
                    self::parts(out, body, &found, max, work)?;
                }
            }
        }
        within(out, max)?;
    }
    Ok(())
}

pub(super) fn within(out: &str, max: usize) -> Result<(), String> {
    if out.len() > max { Err(format!("it prints more than {max} bytes")) } else { Ok(()) }
}

/// In a template: text as it is, maps and lists as JSON.
fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        Value::Number(number) => self::number(number),
        other => other.to_string(),
    }
}

/// In a column: as Go prints any value.
pub(super) fn go(value: &Value) -> String {
    match value {
        Value::Null => String::from("<nil>"),
        Value::Bool(flag) => flag.to_string(),
        Value::Number(number) => self::number(number),
        Value::String(text) => text.clone(),
        Value::Array(items) => format!("[{}]", items.iter().map(go).collect::<Vec<_>>().join(" ")),
        Value::Object(fields) => {
            let fields: Vec<String> = fields.iter().map(|(key, value)| format!("{key}:{}", go(value))).collect();
            format!("map[{}]", fields.join(" "))
        }
    }
}

/// A number as Go prints it: fractions with an exponent where they are very small or large.
fn number(number: &serde_json::Number) -> String {
    let Some(fraction) = number.as_f64().filter(|_| number.is_f64()) else { return number.to_string() };
    let size = fraction.abs();
    if size != 0.0 && !(1e-4..1e21).contains(&size) {
        let text = format!("{fraction:e}");
        return match text.split_once('e') {
            Some((digits, power)) => {
                let (sign, power) = power.strip_prefix('-').map_or(('+', power), |power| ('-', power));
                format!("{digits}e{sign}{power:0>2}")
            }
            None => text,
        };
    }
    fraction.to_string()
}
