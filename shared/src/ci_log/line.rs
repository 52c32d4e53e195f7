//! One line of a job's log: without its time, the markers of the runner read, as a terminal would show it.

use crate::{redact, sanitize};

/// Bytes of a line that are looked at. What is longer was not written to be read.
pub(super) const LOOKED_AT: usize = 8 << 10;
/// Bytes of a line that are cleaned to be shown, and those that are shown: a secret is masked before its line is cut.
const CLEANED: usize = 64 << 10;
const SHOWN: usize = 2 << 10;

/// What the runner says a line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mark {
    /// Nothing: output of a program.
    Plain,
    /// `##[error]`.
    Error,
    /// `##[warning]`, `##[notice]`, `##[debug]`: no error, whatever it says.
    Remark,
    /// `##[group]`.
    Group,
    /// `##[endgroup]`.
    End,
    /// `##[command]`, `[command]`, or the `$ …` in green before the output of a GitLab script: what is run, not what it says.
    Command,
}

const MARKS: &[(&str, Mark, &str)] = &[
    ("##[error]", Mark::Error, "error: "),
    ("##[warning]", Mark::Remark, "warning: "),
    ("##[notice]", Mark::Remark, "notice: "),
    ("##[debug]", Mark::Remark, "debug: "),
    ("##[group]", Mark::Group, ""),
    ("##[endgroup]", Mark::End, ""),
    ("##[command]", Mark::Command, "$ "),
    ("[command]", Mark::Command, "$ "),
    ("##[section]", Mark::Remark, ""),
];
/// How GitLab's runner shows a line of the script before it runs it.
const SCRIPT: &[u8] = b"\x1b[32;1m$ ";

/// `line` without the time it was written at, and GitLab's mark of the stream behind that.
pub(super) fn untimed(line: &[u8]) -> &[u8] {
    let digits = |at: std::ops::Range<usize>| line.get(at).is_some_and(|part| part.iter().all(u8::is_ascii_digit));
    let is = |at: usize, byte: u8| line.get(at) == Some(&byte);
    let day = digits(0..4) && is(4, b'-') && digits(5..7) && is(7, b'-') && digits(8..10) && is(10, b'T');
    let time = digits(11..13) && is(13, b':') && digits(14..16) && is(16, b':') && digits(17..19);
    if !(day && time) {
        return line;
    }
    let fraction =
        line.get(19..).unwrap_or_default().iter().take_while(|byte| matches!(byte, b'.' | b'0'..=b'9')).count();
    let rest = match line.get(19 + fraction..) {
        Some([b'Z']) => &[],
        Some([b'Z', b' ', rest @ ..]) => rest,
        _ => return line,
    };
    match rest {
        [a, b, b'O' | b'E', b' ' | b'+', rest @ ..] if a.is_ascii_hexdigit() && b.is_ascii_hexdigit() => rest,
        _ => rest,
    }
}

/// What a terminal shows of `line`: what stands behind the last return of the carriage.
pub(super) fn visible(line: &[u8]) -> &[u8] {
    let end = line.iter().rposition(|byte| *byte != b'\r').map_or(0, |at| at + 1);
    let line = line.get(..end).unwrap_or_default();
    line.iter().rposition(|byte| *byte == b'\r').and_then(|at| line.get(at + 1..)).unwrap_or(line)
}

/// The last section that GitLab's runner begins on `line`, which may end others first.
pub(super) fn section(line: &[u8]) -> Option<&str> {
    let mut rest = line;
    let mut begun = None;
    loop {
        while let Some(behind) = rest.strip_prefix(b"\x1b[0K").or_else(|| rest.strip_prefix(b"\r")) {
            rest = behind;
        }
        let (start, marker) = match (rest.strip_prefix(b"section_start:"), rest.strip_prefix(b"section_end:")) {
            (Some(marker), _) => (true, marker),
            (_, Some(marker)) => (false, marker),
            _ => return begun,
        };
        let time = marker.iter().position(|byte| *byte == b':')?;
        let name = marker.get(time + 1..)?;
        let end = name
            .iter()
            .take(200)
            .position(|byte| matches!(byte, b'\r' | b'[' | b'\x1b'))
            .unwrap_or(name.len().min(200));
        begun = std::str::from_utf8(name.get(..end)?).ok().filter(|_| start).or(begun);
        // Options stand in brackets behind the name.
        let behind = name.get(end..)?;
        let line_end = behind.iter().take(200).position(|byte| *byte == b'\r').unwrap_or(0);
        if end == 0 && line_end == 0 {
            return begun;
        }
        rest = behind.get(line_end..)?;
    }
}

/// The mark of a line as [`visible`] gives it, and its cleaned text behind that.
pub(super) fn read(line: &[u8]) -> (Mark, String) {
    let script = line.starts_with(SCRIPT) || line.strip_prefix(b"\x1b[0K").is_some_and(|line| line.starts_with(SCRIPT));
    let text = sanitize::block(line.get(..LOOKED_AT).unwrap_or(line));
    if script {
        return (Mark::Command, text);
    }
    match MARKS.iter().find_map(|(word, mark, _)| Some((*mark, text.strip_prefix(word)?.to_owned()))) {
        Some(read) => read,
        None => (Mark::Plain, text),
    }
}

/// A line as it is shown: markers in words, secrets masked, no longer than a reader can use. Nothing for one that says nothing.
pub(super) fn shown(line: &[u8]) -> Option<String> {
    let clipped = line.get(..CLEANED).unwrap_or(line);
    let text = sanitize::block(clipped);
    let text = redact::redact(&text);
    let mut out = match MARKS.iter().find_map(|(word, mark, plain)| Some((*mark, *plain, text.strip_prefix(word)?))) {
        Some((Mark::End, ..)) => return None,
        // The message often says itself what it is.
        Some((Mark::Error, _, rest)) if rest.get(..5).is_some_and(|word| word.eq_ignore_ascii_case("error")) => {
            rest.to_owned()
        }
        Some((_, plain, rest)) => format!("{plain}{rest}"),
        None => text.into_owned(),
    };
    let left = line.len() - clipped.len() + out.len().saturating_sub(SHOWN);
    if left > 0 {
        out.truncate(out.floor_char_boundary(SHOWN));
        out.push_str(&format!("…(+{left} bytes)"));
    }
    out.truncate(out.trim_end().len());
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_go_and_what_only_looks_like_one_stays() {
        for (line, expected) in [
            ("2024-05-01T10:00:00.1234567Z hello", "hello"),
            ("2024-05-01T10:00:00Z hello", "hello"),
            ("2024-05-01T10:00:00.123456Z 00O hello", "hello"),
            ("2024-05-01T10:00:00.123456Z 01E+more", "more"),
            ("2024-05-01T10:00:00.1234567Z", ""),
            ("2024-05-01T10:00:00.1Z   indented", "  indented"),
            ("2024-05-01 10:00:00 hello", "2024-05-01 10:00:00 hello"),
            ("2024-05-01T10:00:00+02:00 hello", "2024-05-01T10:00:00+02:00 hello"),
            ("", ""),
        ] {
            assert_eq!(untimed(line.as_bytes()), expected.as_bytes(), "{line}");
        }
    }

    #[test]
    fn a_terminal_shows_what_was_written_last() {
        for (line, expected) in [("10%\r50%\rdone", "done"), ("done\r\r", "done"), ("\r", ""), ("a", "a")] {
            assert_eq!(visible(line.as_bytes()), expected.as_bytes(), "{line:?}");
        }
    }

    #[test]
    fn sections_of_gitlab_are_read() {
        let both = "section_end:1600000000:prepare_script\r\x1b[0Ksection_start:1600000001:step_script\r\x1b[0K\x1b[36;1mExecuting";
        for (line, expected) in [
            ("section_start:1600000000:get_sources\r\x1b[0KGetting", Some("get_sources")),
            ("\x1b[0Ksection_start:1600000000:my_part[collapsed=true]\r\x1b[0Kx", Some("my_part")),
            (both, Some("step_script")),
            ("section_end:1600000000:step_script\r\x1b[0K", None),
            ("section_start:", None),
            ("section_start:1:", Some("")),
            ("text section_start:1:x\r", None),
        ] {
            assert_eq!(section(line.as_bytes()), expected, "{line:?}");
        }
    }

    #[test]
    fn markers_become_words() {
        for (line, expected) in [
            ("##[error]it broke", Some("error: it broke")),
            ("##[error]Error: it broke", Some("Error: it broke")),
            ("##[warning]careful", Some("warning: careful")),
            ("##[group]Run npm test", Some("Run npm test")),
            ("##[endgroup]", None),
            ("[command]/usr/bin/git version", Some("$ /usr/bin/git version")),
            ("\x1b[31;1merror\x1b[0m: red  ", Some("error: red")),
        ] {
            assert_eq!(shown(line.as_bytes()).as_deref(), expected, "{line}");
        }
        let long = shown(&vec![b'x'; 3 << 20]).unwrap();
        assert_eq!(long, format!("{}…(+{} bytes)", "x".repeat(SHOWN), (3 << 20) - SHOWN));
    }
}
