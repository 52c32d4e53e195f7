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
const QUANTITIES: [&str; 6] = ["sizeLimit", "divisor", "averageValue", "capacity", "maximumVolumeSize", "value"];
/// Fields that are numbers or words.
const INT_OR_STRING: [&str; 5] = ["targetPort", "port", "maxSurge", "maxUnavailable", "minAvailable"];
/// Maps whose values are words of whoever wrote them, and mean what they say.
const WORDS: [&str; 11] = [
    "annotations",
    "labels",
    "matchLabels",
    "selector",
    "nodeSelector",
    "data",
    "stringData",
    "binaryData",
    "parameters",
    "volumeAttributes",
    "options",
];

/// Whether two values are the same, in every kind of object.
pub fn same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => equal(one, other),
        _ => one == other,
    }
}

/// Whether `path` is a quantity in an object of one of Kubernetes' own kinds, and both values are the same one.
pub fn quantities(path: &[Step], one: &Value, other: &Value) -> bool {
    let text = |value: &Value| match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    };
    match (text(one), text(other)) {
        (Some(one), Some(other)) => !is_words(path) && is_quantity(path) && equal_quantities(&one, &other),
        _ => false,
    }
}

/// Whether `path` is a number or a word in an object of one of Kubernetes' own kinds, and the word is the number.
pub fn int_or_string(path: &[Step], one: &Value, other: &Value) -> bool {
    let known = path.last().and_then(name).is_some_and(|last| INT_OR_STRING.contains(&last)) && !is_words(path);
    match (one, other) {
        (Value::Number(number), Value::String(text)) | (Value::String(text), Value::Number(number)) => {
            known && number.to_string() == *text
        }
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
    fn only_what_is_known_to_be_one_is_a_quantity() {
        let cpu = "f:spec f:resources f:limits f:cpu";
        for (at, one, other, expected) in [
            (cpu, json!("1000m"), json!("1"), true),
            (cpu, json!(1), json!("1000m"), true),
            (cpu, json!(0.5), json!("500m"), true),
            (cpu, json!(true), json!("1"), false),
            ("f:data f:cpu", json!("1000m"), json!("1"), false),
            ("f:data f:limits f:cpu", json!("1000m"), json!("1"), false),
            ("f:metadata f:annotations f:limits f:x", json!("1000m"), json!("1"), false),
            ("f:metadata f:labels f:version", json!("1"), json!(1), false),
            ("f:spec f:selector f:capacity", json!("1000m"), json!("1"), false),
            ("f:parameters f:capacity", json!("1k"), json!("1000"), false),
            ("f:spec f:csi f:volumeAttributes f:storage", json!("1k"), json!("1000"), false),
            ("f:spec f:words f:storage", json!("1k"), json!("1000"), false),
            ("f:spec f:capacity f:storage", json!("1k"), json!("1000"), true),
            (r#"f:env k:{"name":"A"} f:value"#, json!("1000m"), json!("1"), false),
            (r#"f:env k:{"name":"A"} f:valueFrom f:resourceFieldRef f:divisor"#, json!("0"), json!("0m"), true),
            ("f:metrics i:0 f:resource f:target f:averageValue", json!("1Gi"), json!("1024Mi"), true),
            ("f:spec f:x", json!("1000m"), json!("1"), false),
        ] {
            assert_eq!(quantities(&path(at), &one, &other), expected, "{at} {one} {other}");
            assert_eq!(quantities(&path(at), &other, &one), expected, "{at} {other} {one}");
        }
    }

    #[test]
    fn a_number_may_be_a_word_where_that_is_known() {
        for (at, one, other, expected) in [
            ("f:spec f:targetPort", json!(80), json!("80"), true),
            ("f:spec f:targetPort", json!("http"), json!(80), false),
            ("f:spec f:selector f:port", json!("80"), json!(80), false),
            ("f:spec f:replicas", json!("3"), json!(3), false),
            ("f:spec i:0", json!("3"), json!(3), false),
        ] {
            assert_eq!(int_or_string(&path(at), &one, &other), expected, "{at} {one} {other}");
        }
    }

    #[test]
    fn numbers_are_the_same_by_value_and_nothing_else_is() {
        for (one, other, expected) in [
            (json!(1), json!(1.0), true),
            (json!(1.5), json!(1.5), true),
            (json!(1), json!(2), false),
            (json!(u64::MAX), json!(-1), false),
            (json!(true), json!("true"), false),
            (json!(1), json!("1"), false),
            (json!("1000m"), json!("1"), false),
            (json!(null), json!({}), false),
        ] {
            assert_eq!(same(&one, &other), expected, "{one} {other}");
        }
    }
}
