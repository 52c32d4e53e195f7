//! JSON values as YAML: block style, a string plain only where no reader of YAML could take it for something else.

use serde_json::Value;

/// `value` as YAML, each line indented by `indent` spaces.
pub fn print(out: &mut String, value: &Value, indent: usize) {
    match value {
        Value::Object(fields) if !fields.is_empty() => {
            for (key, value) in fields {
                pad(out, indent);
                scalar_string(out, key, indent);
                out.push(':');
                beside(out, value, indent);
            }
        }
        Value::Array(items) if !items.is_empty() => items.iter().for_each(|item| entry(out, item, indent)),
        other => {
            pad(out, indent);
            scalar(out, other, indent);
            out.push('\n');
        }
    }
}

/// One item of a sequence.
pub fn entry(out: &mut String, item: &Value, indent: usize) {
    pad(out, indent);
    out.push_str("- ");
    let begin = out.len();
    print(out, item, indent + 2);
    // The first line stands behind the dash already.
    let lead = out[begin..].len() - out[begin..].trim_start_matches(' ').len();
    out.replace_range(begin..begin + lead, "");
}

/// A value behind its key.
fn beside(out: &mut String, value: &Value, indent: usize) {
    match value {
        Value::Object(fields) if !fields.is_empty() => {
            out.push('\n');
            print(out, value, indent + 2);
        }
        // Sequences stand under their key, as kubectl prints them.
        Value::Array(items) if !items.is_empty() => {
            out.push('\n');
            print(out, value, indent);
        }
        other => {
            out.push(' ');
            scalar(out, other, indent + 2);
            out.push('\n');
        }
    }
}

fn scalar(out: &mut String, value: &Value, indent: usize) {
    match value {
        Value::String(text) => {
            if !literal(out, text, indent) {
                scalar_string(out, text, indent);
            }
        }
        other => out.push_str(&other.to_string()),
    }
}

fn scalar_string(out: &mut String, text: &str, _: usize) {
    if is_plain(text) {
        out.push_str(text);
    } else {
        out.push_str(&Value::from(text).to_string());
    }
}

/// A text of several lines as a block, where that is the same text. Without its last line feed; whether it was written.
fn literal(out: &mut String, text: &str, indent: usize) -> bool {
    let body = text.trim_end_matches('\n');
    let ends = text.len() - body.len();
    let fits = body.contains('\n')
        && ends <= 1
        && !body.starts_with([' ', '\n'])
        && text
            .chars()
            .all(|c| c == '\n' || (!c.is_control() && c != '\u{feff}' && c != '\u{2028}' && c != '\u{2029}'))
        && !body.lines().any(|line| line.trim().is_empty() && !line.is_empty());
    if !fits {
        return false;
    }
    out.push_str(if ends == 1 { "|" } else { "|-" });
    for line in body.split('\n') {
        out.push('\n');
        if !line.is_empty() {
            pad(out, indent);
            out.push_str(line);
        }
    }
    true
}

fn is_plain(text: &str) -> bool {
    let words = ["true", "false", "null", "yes", "no", "on", "off", "y", "n"];
    text.starts_with(|c: char| c.is_ascii_alphabetic() || matches!(c, '_' | '/'))
        && text.chars().all(|c| c.is_ascii_alphanumeric() || " _./:@%+=,-()*;".contains(c))
        && !text.contains(": ")
        && !text.ends_with([':', ' '])
        && !words.contains(&text.to_ascii_lowercase().as_str())
}

fn pad(out: &mut String, indent: usize) {
    out.extend(std::iter::repeat_n(' ', indent));
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn it_reads_as_kubectl_prints() {
        let value = json!({
            "a": {"b": [1, {"c": "x", "d": []}], "e": {}},
            "s": ["true", "1", "", "plain words", "a: b", "- x", "é", "x # y", null],
            "t": "line\n\n  two\n", "u": "line\ntwo", "v": "tab\there\nx", "w": [["n"]],
        });
        let mut out = String::new();
        print(&mut out, &value, 0);
        assert_eq!(
            out,
            "a:\n  b:\n  - 1\n  - c: x\n    d: []\n  e: {}\ns:\n- \"true\"\n- \"1\"\n- \"\"\n- plain words\n- \"a: b\"\n- \"- x\"\n- \"é\"\n\
             - \"x # y\"\n- null\nt: |\n  line\n\n    two\nu: |-\n  line\n  two\nv: \"tab\\there\\nx\"\nw:\n- - \"n\"\n"
        );
    }
}
