//! Which lines go on what the line before began: the traces of programs that end, which are worth nothing in parts.

/// What a trace is of, as far as it decides what belongs to it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sort {
    /// Java, Node, .NET, Ruby, and everything that indents its frames.
    #[default]
    Indented,
    /// Python: ends with the line that says what it is.
    Python,
    /// Python, after that line: another one may follow.
    PythonEnd,
    /// Go: functions are not indented, and an empty line is inside.
    Go,
    /// Rust: the message comes after the place.
    RustMessage,
}

const GO_ON: &[&[u8]] = &[
    b"Caused by",
    b"Suppressed:",
    b"Traceback (most recent call last)",
    b"During handling of the above exception",
    b"The above exception was the direct cause",
    b"stack backtrace:",
    b"Stack trace:",
    b"Stack Trace:",
    b"stacktrace:",
    b"note: run with ",
    b"note: Some details are omitted",
    b"goroutine ",
    b"created by ",
    b"[signal ",
    b"---> ",
    b"--- End of",
];

impl Sort {
    /// Of a trace that begins with `line`.
    pub fn of(line: &[u8]) -> Self {
        let has = |text: &str| memchr::memmem::find(line, text.as_bytes()).is_some();
        if has("Traceback (most recent call last)") {
            Self::Python
        } else if line.starts_with(b"panic: ") || line.starts_with(b"fatal error: ") || line.starts_with(b"goroutine ")
        {
            Self::Go
        } else if has("' panicked at ") || has(") panicked at ") {
            Self::RustMessage
        } else {
            Self::Indented
        }
    }

    /// Whether `line` belongs to the trace; `first`: nothing but its head came before.
    pub fn goes_on(&mut self, line: &[u8], first: bool) -> bool {
        let indented = line.starts_with(b"\t") || line.starts_with(b"  ") || is_frame(line);
        let named = GO_ON.iter().any(|start| line.starts_with(start));
        match self {
            Self::RustMessage => {
                // Whatever it is: unless the message stood beside the place, as it did before Rust 1.73.
                *self = Self::Indented;
                !line.is_empty()
            }
            Self::Python if indented || named || line.is_empty() => true,
            Self::Python => {
                *self = Self::PythonEnd;
                true
            }
            Self::PythonEnd => {
                if named {
                    *self = Self::Python;
                }
                named || indented || line.is_empty()
            }
            Self::Go => {
                let function = line.ends_with(b")") && memchr::memchr(b'(', line).is_some() && !line.starts_with(b"(");
                line.is_empty() || indented || named || function || line.starts_with(b"exit status ")
            }
            Self::Indented if named || indented && line.iter().any(|byte| !byte.is_ascii_whitespace()) => {
                if line.starts_with(b"Traceback") {
                    *self = Self::Python;
                } else if line.starts_with(b"goroutine ") {
                    *self = Self::Go;
                }
                true
            }
            Self::Indented => first && names_exception(line),
        }
    }
}

/// `   at a.b.C.d(C.java:12)`, `#0 /var/x.php(12)`: only a trace has such lines, so that the line before was its head.
pub fn is_frame(line: &[u8]) -> bool {
    let text = line.trim_ascii_start();
    let at = text.len() < line.len()
        && text.strip_prefix(b"at ").is_some_and(|rest| memchr::memchr2(b'(', b':', rest).is_some());
    let numbered = text.strip_prefix(b"#").and_then(<[u8]>::first).is_some_and(u8::is_ascii_digit)
        && memchr::memchr(b'(', text).is_some();
    at || numbered
}

/// `java.lang.IllegalStateException: no`, below the line of the logger that says where it was caught.
fn names_exception(line: &[u8]) -> bool {
    let end = line.iter().position(|byte| matches!(byte, b':' | b' ')).unwrap_or(line.len());
    let name = line.get(..end).unwrap_or_default();
    let path = name.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'$'));
    path && (name.ends_with(b"Exception") || name.ends_with(b"Error")) && name.iter().any(u8::is_ascii_uppercase)
}

/// Adds a line to the fingerprint of a trace: equal for those that differ in addresses only.
pub fn fingerprint(sum: u64, line: &[u8], hash: impl Fn(u64, &[u8]) -> u64) -> u64 {
    let mut sum = sum;
    let mut rest = line;
    // 0xc000123, +0x1d, and @1a2b3c of an object.
    while let Some(at) = memchr::memchr2(b'x', b'@', rest) {
        let (before, from) = rest.split_at(at);
        let from = from.get(1..).unwrap_or_default();
        let digits = from.iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
        let is_address = before.ends_with(b"0") || rest.get(at) == Some(&b'@');
        sum = hash(sum, before);
        rest = from.get(if is_address { digits } else { 0 }..).unwrap_or_default();
    }
    // goroutine 17 [running]:
    if rest.starts_with(b"goroutine ") {
        rest = rest.rsplit(|byte| *byte == b' ').next().unwrap_or_default();
    }
    hash(sum, rest)
}

#[cfg(test)]
mod tests {
    use super::{super::words::hash, *};

    /// How many lines after the head belong to it.
    fn length(text: &str) -> usize {
        let mut lines = text.lines();
        let mut sort = Sort::of(lines.next().unwrap().as_bytes());
        let mut first = true;
        lines.take_while(|line| sort.goes_on(line.as_bytes(), std::mem::take(&mut first))).count()
    }

    #[test]
    fn traces_end_where_they_end() {
        for (text, expected) in [
            (
                "java.lang.RuntimeException: x\n\tat a.B.c(B.java:1)\nCaused by: d.E: y\n\tat f.G.h(G.java:2)\n\t... 3 more\n2026 INFO next",
                4,
            ),
            ("2026 ERROR [main] a.B - it\njava.lang.RuntimeException: x\n\tat a.B.c(B.java:1)\n2026 INFO next", 2),
            (
                "Traceback (most recent call last):\n  File \"a.py\", line 1, in <module>\n    f()\nValueError: bad\nnext",
                3,
            ),
            (
                "Traceback (most recent call last):\n  File \"a\"\nKeyError: 1\n\nDuring handling of the above exception, another exception occurred:\n\nTraceback (most recent call last):\n  File \"b\"\nValueError: x\nnext",
                8,
            ),
            ("TypeError: x is not a function\n    at f (/app/a.js:1:2)\n    at node:internal/main:3:4\nnext", 2),
            (
                "panic: boom\n\ngoroutine 1 [running]:\nmain.f(...)\n\t/app/a.go:1\nmain.main()\n\t/app/a.go:2 +0x1d\nexit status 2\nnext",
                7,
            ),
            (
                "thread 'main' panicked at src/main.rs:2:5:\nboom\nnote: run with `RUST_BACKTRACE=1` environment variable to display a backtrace\nnext",
                2,
            ),
            (
                "thread 'main' panicked at src/main.rs:2:5:\nboom\nstack backtrace:\n   0: std::panicking\n             at /rustc/x\nnext",
                4,
            ),
            ("ERROR one\nERROR two", 0),
            ("ERROR one\n\nnext", 0),
        ] {
            assert_eq!(length(text), expected, "{text}");
        }
    }

    #[test]
    fn addresses_make_no_difference() {
        let print = |line: &str| fingerprint(1, line.as_bytes(), hash);
        assert_eq!(print("\t/a.go:1 +0x1d"), print("\t/a.go:1 +0xff"));
        assert_eq!(print("main.f(0xc0001, 0x2)"), print("main.f(0xc000f, 0x3)"));
        assert_eq!(print("goroutine 1 [running]:"), print("goroutine 17 [running]:"));
        assert_ne!(print("\t/a.go:1 +0x1d"), print("\t/a.go:2 +0x1d"));
    }
}
