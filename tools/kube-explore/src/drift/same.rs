//! Values that mean the same although they are written in two ways.

use serde_json::{Number, Value};

use super::path::Step;

/// Maps whose values are quantities.
const QUANTITY_MAPS: [&str; 13] = [
    "limits",
    "requests",
    "capacity",
    "allocatable",
    "allocatedResources",
    "hard",
    "used",
    "podFixed",
    "default",
    "defaultRequest",
    "min",
    "max",
    "maxLimitRequestRatio",
];
/// Fields that are quantities.
const QUANTITIES: [&str; 5] = ["sizeLimit", "divisor", "averageValue", "storage", "value"];
/// Maps whose values are words of whoever wrote them, and mean what they say.
const WORDS: [&str; 6] = ["annotations", "labels", "matchLabels", "data", "stringData", "nodeSelector"];

/// Whether two values that are no lists and no maps mean the same at `path`.
pub fn same(path: &[Step], one: &Value, other: &Value) -> bool {
    if one == other {
        return true;
    }
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => equal(one, other),
        _ if is_words(path) => false,
        (Value::Number(number), Value::String(text)) | (Value::String(text), Value::Number(number)) => {
            number.to_string() == *text || is_quantity(path) && equal_quantities(&number.to_string(), text)
        }
        (Value::String(one), Value::String(other)) => is_quantity(path) && equal_quantities(one, other),
        _ => false,
    }
}

/// Integers and floats of one value.
fn equal(one: &Number, other: &Number) -> bool {
    let exact = |number: &Number| number.as_i64().map(i128::from).or_else(|| number.as_u64().map(i128::from));
    match (exact(one), exact(other)) {
        (Some(one), Some(other)) => one == other,
        // Floats are compared exactly: they were read from the same decimal digits, or they differ.
        _ => matches!((one.as_f64(), other.as_f64()), (Some(one), Some(other)) if one.to_bits() == other.to_bits()),
    }
}

fn name(step: &Step) -> Option<&str> {
    match step {
        Step::Field(name) => Some(name),
        Step::Key(_) | Step::Value(_) | Step::Index(_) => None,
    }
}

fn is_words(path: &[Step]) -> bool {
    path.iter().filter_map(name).any(|name| WORDS.contains(&name))
}

fn is_quantity(path: &[Step]) -> bool {
    let mut names = path.iter().rev().map(name);
    let (last, parent) = (names.next().flatten(), names.next().flatten());
    let of_map = parent.is_some_and(|parent| QUANTITY_MAPS.contains(&parent));
    // `value` is one in the metric of an autoscaler only.
    of_map || last.is_some_and(|last| QUANTITIES.contains(&last) && (last != "value" || parent == Some("target")))
}

fn equal_quantities(one: &str, other: &str) -> bool {
    matches!((Quantity::read(one), Quantity::read(other)), (Some(one), Some(other)) if one == other)
}

/// A number as digits × 10^tens, with no ten left in the digits.
#[derive(PartialEq, Eq, Debug)]
struct Quantity {
    digits: i128,
    tens: i32,
}

impl Quantity {
    /// `1.5Gi`, `1500m`, `12e3`.
    fn read(text: &str) -> Option<Self> {
        let end = text.find(|c: char| !(c.is_ascii_digit() || matches!(c, '.' | '+' | '-'))).unwrap_or(text.len());
        let (number, suffix) = text.split_at_checked(end)?;
        let (tens, twos) = match suffix {
            "" => (0, 0),
            "n" => (-9, 0),
            "u" => (-6, 0),
            "m" => (-3, 0),
            "k" => (3, 0),
            "M" => (6, 0),
            "G" => (9, 0),
            "T" => (12, 0),
            "P" => (15, 0),
            "E" => (18, 0),
            "Ki" => (0, 10),
            "Mi" => (0, 20),
            "Gi" => (0, 30),
            "Ti" => (0, 40),
            "Pi" => (0, 50),
            "Ei" => (0, 60),
            exponent => (exponent.strip_prefix(['e', 'E'])?.parse::<i8>().ok()?.into(), 0),
        };
        let (sign, number) = match number.strip_prefix('-') {
            Some(number) => (-1, number),
            None => (1, number.strip_prefix('+').unwrap_or(number)),
        };
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        let digits = format!("{whole}{fraction}");
        // More digits than a quantity can have: two such are not compared by value.
        if digits.is_empty() || digits.len() > 18 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let fraction = i32::try_from(fraction.len()).ok()?;
        let mut digits = digits.parse::<i128>().ok()?.checked_mul(sign)?.checked_mul(1 << twos)?;
        let mut tens = tens - fraction;
        while digits != 0 && digits % 10 == 0 {
            digits /= 10;
            tens += 1;
        }
        Some(Self { digits, tens: if digits == 0 { 0 } else { tens } })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{super::path::tests::path, *};

    #[test]
    fn quantities_are_equal_by_value() {
        for (one, other) in [
            ("1000m", "1"),
            ("1Gi", "1024Mi"),
            ("0.5", "500m"),
            ("1.5Gi", "1536Mi"),
            ("1e3", "1k"),
            ("1E3", "1000"),
            ("+1", "1.0"),
            ("100000u", "0.1"),
            ("0", "0Ki"),
            ("1024", "1Ki"),
            ("1Ei", "1024Pi"),
        ] {
            assert!(equal_quantities(one, other), "{one} {other}");
        }
        for (one, other) in [
            ("1000m", "1.001"),
            ("1Gi", "1G"),
            ("1", "-1"),
            ("1M", "1m"),
            ("", ""),
            ("x", "x"),
            ("1.1.1", "1.1.1"),
            ("1e999", "1e999"),
            ("1-1", "1-1"),
            ("9999999999999999999999", "9999999999999999999999"),
            ("é", "é"),
        ] {
            assert!(!equal_quantities(one, other), "{one} {other}");
        }
    }

    #[test]
    fn spelling_is_no_difference_where_it_has_no_meaning() {
        let cpu = "f:spec f:resources f:limits f:cpu";
        for (at, one, other, expected) in [
            (cpu, json!("1000m"), json!("1"), true),
            (cpu, json!(1), json!("1000m"), true),
            (cpu, json!(0.5), json!("500m"), true),
            ("f:data f:cpu", json!("1000m"), json!("1"), false),
            ("f:data f:limits f:cpu", json!("1000m"), json!("1"), false),
            ("f:metadata f:annotations f:limits f:x", json!("1000m"), json!("1"), false),
            ("f:metadata f:labels f:version", json!("1"), json!(1), false),
            (r#"f:env k:{"name":"A"} f:value"#, json!("1000m"), json!("1"), false),
            (r#"f:env k:{"name":"A"} f:valueFrom f:resourceFieldRef f:divisor"#, json!("0"), json!("0m"), true),
            ("f:metrics i:0 f:resource f:target f:averageValue", json!("1Gi"), json!("1024Mi"), true),
            ("f:spec f:targetPort", json!(80), json!("80"), true),
            ("f:spec f:targetPort", json!("http"), json!(80), false),
            ("f:spec f:x", json!(1), json!(1.0), true),
            ("f:spec f:x", json!(1.5), json!(1.5), true),
            ("f:spec f:x", json!(1), json!(2), false),
            ("f:spec f:x", json!(u64::MAX), json!(-1), false),
            ("f:spec f:x", json!(true), json!("true"), false),
            ("f:spec f:x", json!("1000m"), json!("1"), false),
        ] {
            assert_eq!(same(&path(at), &one, &other), expected, "{at} {one} {other}");
            assert_eq!(same(&path(at), &other, &one), expected, "{at} {other} {one}");
        }
    }
}
