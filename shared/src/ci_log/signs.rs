//! Whether a line of output tells of an error.
//!
//! No line says so for certain. What compilers, test runners and shells write is known by its form, never by a word alone: "0 errors",
//! `--fail-on-error` and `error_test.go` hold the word and tell of nothing.

use std::sync::OnceLock;

use aho_corasick::{AhoCorasick, AhoCorasickKind};

/// How much a line tells of an error.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Sign {
    /// Not at all.
    #[default]
    None,
    /// It may: words that are in logs of what went well, too.
    Weak,
    /// Something failed, and this line names it.
    Named,
    /// This is the error: what a compiler, an assertion or the system says.
    Told,
}

/// Without one of these a line is not looked at any further.
const WORDS: &[&str] = &[
    "error",
    "fail",
    "panic",
    "traceback",
    "exception",
    "✕",
    "✗",
    "✘",
    "✖",
    "×",
    "●",
    "not ok",
    "err!",
    "fatal",
    "critical",
    "kill",
    "no space left",
    "out of memory",
    "allocate memory",
    "enospc",
    "exit",
    "non-zero code",
    ".go:",
    "segmentation",
    "sigsegv",
    "core dumped",
    "command not found",
    "undefined reference",
    "denied",
    "timed out",
    "no such file",
    "*** ",
    "##[",
    "post job cleanup",
    "caused by",
];

/// Whether `line` may be worth a closer look.
pub(super) fn may_tell(line: &[u8]) -> bool {
    static AUTOMATON: OnceLock<Option<AhoCorasick>> = OnceLock::new();
    let automaton = AUTOMATON.get_or_init(|| {
        AhoCorasick::builder().ascii_case_insensitive(true).kind(Some(AhoCorasickKind::DFA)).build(WORDS).ok()
    });
    // Colours come before the E with which pytest explains itself.
    line.starts_with(b"E   ")
        || line.starts_with(b"\x1b")
        || automaton.as_ref().is_none_or(|words| words.is_match(line))
}

/// Beginnings of lines that tell what is run, what is well, or no more than a warning.
const CALM: &[&str] = &[
    "ok ",
    "ok\t",
    "pass ",
    "pass:",
    "passed",
    "--- pass",
    "✓",
    "√",
    "✔",
    "+ ",
    "++ ",
    "$ ",
    "shell: ",
    "warning",
    "warn ",
    "warn:",
    "[warn",
    "npm warn",
    "[info",
    "[debug",
    "info ",
    "info:",
    "debug ",
    "debug:",
    "compiling ",
    "downloading ",
    "downloaded ",
    "collecting ",
    "installing ",
    "=== run",
];
/// Ends of such lines.
const CALM_ENDS: &[&str] = &[" ok", " passed", "\tok", " pass"];
/// Words of the system that nothing else uses.
const SYSTEM: &[&str] = &[
    "no space left on device",
    "heap out of memory",
    "out of memory:",
    "out of memory (",
    "oomkilled",
    "enospc",
    "cannot allocate memory",
    "segmentation fault",
    "(core dumped)",
    "sigsegv",
    "signal: killed",
    "sigkill",
    ": command not found",
    "undefined reference to",
];
/// Beginnings of lines that name what failed.
const NAMING: &[&str] = &[
    "FAIL ",
    "FAIL\t",
    "FAIL:",
    "--- FAIL",
    "FAILED",
    "FAILURE",
    "not ok ",
    "npm ERR!",
    "npm error",
    "fatal: ",
    "ERROR: ",
    "ERROR ",
    "[ERROR]",
    "[FATAL]",
    "make: *** ",
    "Caused by: ",
    "FATAL",
    "error ",
    "✕ ",
    "✗ ",
    "✘ ",
    "✖ ",
    "× ",
    "> Task ",
];
/// The same, where they are words of their own anywhere in a line.
const NAMING_WORDS: &[&str] = &["FAILED", "FAIL", "FAILURE"];
const WEAK_WORDS: &[&str] = &["ERROR", "FATAL", "CRITICAL"];
const CALM_WORDS: &[&str] = &["INFO", "DEBUG", "TRACE", "WARN", "WARNING"];
const WEAK: &[&str] = &[
    "failed to ",
    "failed with",
    "failed:",
    "command failed",
    "build failed",
    "level=error",
    "level=fatal",
    "\"level\":\"error\"",
    "timed out",
    "permission denied",
    "no such file or directory",
    "returned a non-zero code",
];

/// How much `text`, a cleaned line, tells of an error.
pub(super) fn of(text: &str) -> Sign {
    let text = bare(text);
    let line = text.trim();
    let lower = line.to_ascii_lowercase();
    let failed = counts(&lower).any(|count| count > 0);
    let calm = CALM.iter().any(|start| lower.starts_with(start))
        || (CALM_ENDS.iter().any(|end| lower.ends_with(end)) && !failed);
    if line.is_empty() || calm || has_word(line, &["PASSED"]) {
        return Sign::None;
    }
    if told(text, line, &lower) {
        return Sign::Told;
    }
    if counts_nothing(&lower) {
        return Sign::None;
    }
    let code = exit_code(&lower);
    let task = !line.starts_with("> Task ") || line.ends_with("FAILED");
    // npm shows with `> ` what it runs.
    let echo = line.starts_with("> ") && !line.starts_with("> Task ");
    let todo = line.starts_with("not ok ") && (line.contains("# TODO") || line.contains("# SKIP"));
    if echo || todo {
        return Sign::None;
    }
    if (NAMING.iter().any(|start| line.starts_with(start)) && task)
        || has_word(line, NAMING_WORDS)
        || line.contains(": *** ")
        || (line.starts_with("● ") && (line.contains(" › ") || lower.ends_with("failed to run")))
        || code.is_some_and(is_signal)
    {
        return Sign::Named;
    }
    let weak = has_word(line, WEAK_WORDS)
        || WEAK.iter().any(|words| lower.contains(words))
        || colon_error(&lower)
        || code.is_some_and(|code| code != 0)
        || failed;
    if weak && !has_word(line, CALM_WORDS) { Sign::Weak } else { Sign::None }
}

/// `text` without what builders and tools draw at its left.
pub(super) fn bare(text: &str) -> &str {
    let mut text = text;
    for frame in ["│ ", "┃ ", "| "] {
        text = text.strip_prefix(frame).unwrap_or(text);
    }
    // BuildKit: the number of the step, and the seconds since it began.
    let word = |text: &str| text.split_once(' ').map(|(word, rest)| (word.to_owned(), rest.len()));
    if let Some((step, rest)) = word(text)
        && step.strip_prefix('#').is_some_and(|number| !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()))
    {
        text = text.get(text.len() - rest..).unwrap_or(text);
        if let Some((time, rest)) = word(text)
            && time.contains('.')
            && time.bytes().all(|b| b.is_ascii_digit() || b == b'.')
        {
            text = text.get(text.len() - rest..).unwrap_or(text);
        }
    }
    text
}

fn told(text: &str, line: &str, lower: &str) -> bool {
    text.starts_with("E   ")
        || lower.contains("panicked at ")
        || line.starts_with("panic: ")
        || line.contains("Traceback (most recent call last)")
        || line.contains("AssertionError")
        || line.starts_with("✘ [ERROR]")
        || line.starts_with("Exception in thread ")
        || (line.starts_with("[ERROR]") && (line.contains(".java:[") || line.contains(".kt:")))
        || SYSTEM.iter().any(|words| lower.contains(words))
        || line == "Killed"
        || line.ends_with(" Killed")
        || line.contains(" Killed  ")
        || diagnostic(line, lower)
        || exception(line)
        || stylish(line)
        || go(line, lower)
}

/// `error: …`, `x.c:1:2: error: …`, `x.ts(1,2): error TS1: …`, `error[E1]: …`: the word where a compiler puts it, and something behind it.
fn diagnostic(line: &str, lower: &str) -> bool {
    lower.match_indices("error").any(|(at, word)| {
        let (before, behind) = (lower.get(..at).unwrap_or_default(), lower.get(at + word.len()..).unwrap_or_default());
        let before = before.strip_suffix("fatal ").unwrap_or(before);
        let before = before.strip_suffix("internal ").unwrap_or(before);
        if !(before.is_empty() || before.ends_with(": ") || before.ends_with(" - ")) {
            return false;
        }
        // In capitals at the beginning it is the word of a log, and names rather than tells.
        if before.is_empty() && line.starts_with("ERROR") {
            return false;
        }
        let code = |text: &str| {
            let letters = text.bytes().take_while(u8::is_ascii_lowercase).count();
            let digits = text.bytes().skip(letters).take_while(u8::is_ascii_digit).count();
            letters > 0 && digits > 0
        };
        match behind.strip_prefix(':') {
            Some(rest) => something(rest),
            None => behind.starts_with('[') || behind.strip_prefix(' ').is_some_and(code),
        }
    })
}

/// Whether what stands behind `error:` is an error.
fn something(rest: &str) -> bool {
    let rest = rest.trim_start();
    let word = rest.split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default();
    !rest.is_empty() && !matches!(word, "0" | "none" | "null" | "nil" | "false" | "undefined" | "no") && rest != "\"\""
}

/// `ModuleNotFoundError: …`, `java.lang.IllegalStateException: …`, `Error: …`.
fn exception(line: &str) -> bool {
    let line = line.strip_prefix("Uncaught ").unwrap_or(line);
    let end = line.find(|c: char| !(c.is_alphanumeric() || matches!(c, '.' | '_' | '$'))).unwrap_or(line.len());
    let (name, rest) = line.split_at_checked(end).unwrap_or((line, ""));
    let last = name.rsplit('.').next().unwrap_or(name);
    let named =
        (last.ends_with("Error") || last.ends_with("Exception")) && last.starts_with(|c: char| c.is_uppercase());
    named && (rest.is_empty() && name.len() > "Exception".len() || rest.strip_prefix(':').is_some_and(something))
}

/// eslint: `3:5  error  'x' is not defined`.
fn stylish(line: &str) -> bool {
    let mut words = line.split_whitespace();
    let place = words.next().and_then(|place| place.split_once(':'));
    let number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    place.is_some_and(|(a, b)| number(a) && number(b)) && words.next() == Some("error") && words.next().is_some()
}

/// Go's compiler and vet: `./main.go:10:2: undefined: x`.
fn go(line: &str, lower: &str) -> bool {
    line.match_indices(".go:").any(|(at, mark)| {
        let mut parts = line.get(at + mark.len()..).unwrap_or_default().splitn(3, ':');
        let number =
            |part: Option<&str>| part.is_some_and(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit()));
        number(parts.next()) && number(parts.next()) && parts.next().is_some_and(|rest| rest.starts_with(' '))
    }) && !lower.contains("warning")
}

/// Whether one of `words` stands in `line` by itself.
fn has_word(line: &str, words: &[&str]) -> bool {
    let inside = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '/');
    words.iter().any(|word| {
        line.match_indices(word).any(|(at, word)| {
            let before = line.get(..at).and_then(|before| before.chars().next_back());
            let after = line.get(at + word.len()..).and_then(|after| after.chars().next());
            !before.is_some_and(inside) && !after.is_some_and(|c| inside(c) || c == '=')
        })
    })
}

/// `error:` in the middle of a line, as a word of its own and with something behind it.
fn colon_error(lower: &str) -> bool {
    lower.match_indices("error:").any(|(at, word)| {
        let before = lower.get(..at).and_then(|before| before.chars().next_back());
        let rest = lower.get(at + word.len()..).unwrap_or_default();
        before.is_none_or(|c| c == ' ' || c == '[' || c == '(') && something(rest)
    })
}

const COUNTED: &[&str] = &["error", "errors", "failure", "failures", "failed", "fail", "failing"];

/// How many errors or failures `lower` counts, each time it does: `3 failed`, `errors: 0`, `errors=0`, `no errors`.
fn counts(lower: &str) -> impl Iterator<Item = u64> {
    let mut counts = Vec::new();
    let words: Vec<(usize, &str)> = lower
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(|word| (word.as_ptr() as usize - lower.as_ptr() as usize, word))
        .collect();
    for pair in words.windows(2) {
        let [(at, one), (next, other)] = pair else { continue };
        let between = lower.get(at + one.len()..*next).unwrap_or_default();
        // The seconds of a time count nothing.
        let alone = lower.get(..*at).and_then(|before| before.chars().next_back()).is_none_or(|c| " ([,\t".contains(c));
        let number = |word: &str| match word {
            "no" | "without" => Some(0),
            word => word.parse().ok().filter(|_| alone),
        };
        if COUNTED.contains(other) && between == " " {
            counts.extend(number(one));
        } else if COUNTED.contains(one) && matches!(between, ": " | ":" | "=" | ":  " | " = ") {
            counts.extend(other.parse::<u64>().ok());
        }
    }
    counts.into_iter()
}

/// Whether `lower` counts errors, and every count is zero.
fn counts_nothing(lower: &str) -> bool {
    let mut counts = counts(lower).peekable();
    counts.peek().is_some() && counts.all(|count| count == 0)
}

/// The exit code a line ends with or names.
pub(super) fn exit_code(lower: &str) -> Option<u32> {
    ["exit code", "exit status", "exited with code", "non-zero code", "error code"].iter().find_map(|words| {
        let rest = lower.get(lower.find(words)? + words.len()..)?.trim_start_matches([':', ' ', '=']);
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        rest.get(..digits)?.parse().ok()
    })
}

/// Whether a process with `code` was ended from outside or by a fault of its own.
pub(super) fn is_signal(code: u32) -> bool {
    matches!(code, 134..=139 | 143)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_known_by_their_form() {
        for line in [
            "error[E0308]: mismatched types",
            "error: expected one of `!` or `::`",
            "src/main.c:3:5: error: expected ';' before '}' token",
            "x.cc:1:10: fatal error: foo.h: No such file or directory",
            "src/a.ts(3,5): error TS2304: Cannot find name 'x'.",
            "src/a.ts:3:5 - error TS2304: Cannot find name 'x'.",
            "Program.cs(5,9): error CS1002: ; expected [/src/a.csproj]",
            "./main.go:10:2: undefined: foo",
            "thread 'tests::adds' panicked at src/lib.rs:7:9:",
            "panic: runtime error: index out of range",
            "Traceback (most recent call last):",
            "E       assert 3 == 4",
            "tests/test_a.py:5: AssertionError",
            "ModuleNotFoundError: No module named 'x'",
            "java.lang.IllegalStateException: bad",
            "TypeError: x is not a function",
            "  3:5  error  'x' is not defined  no-undef",
            "[ERROR] /src/main/java/A.java:[10,5] cannot find symbol",
            "│ Error: Invalid reference",
            "tar: write error: No space left on device",
            "FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory",
            "bash: line 1:  1234 Killed                  node build.js",
            "Killed",
            "Segmentation fault (core dumped)",
            "/home/x.sh: line 3: foo: command not found",
            "#12 4.512 E: error: unable to fetch",
        ] {
            assert_eq!(of(line), Sign::Told, "{line}");
        }
        for line in [
            "test tests::adds ... FAILED",
            "--- FAIL: TestAdd (0.00s)",
            "FAIL\texample.com/pkg\t0.01s",
            " FAIL  src/a.test.js",
            "  ● sum › adds",
            "  ✕ adds (3 ms)",
            "not ok 3 - adds",
            "npm ERR! code E404",
            "#12 4.512 npm ERR! code E404",
            "fatal: not a git repository (or any of the parent directories): .git",
            "[ERROR] Tests run: 3, Failures: 1, Errors: 0, Skipped: 0",
            "> Task :compileJava FAILED",
            "make: *** [Makefile:3: test] Error 2",
            "ERROR: failed to solve: process \"/bin/sh -c npm ci\" did not complete successfully: exit code: 1",
            "test result: FAILED. 1 passed; 1 failed; 0 ignored",
            "Process exited with code 137",
        ] {
            assert_eq!(of(line), Sign::Named, "{line}");
        }
        for line in [
            "2024-05-01 10:00:00 ERROR [main] bad thing",
            "level=error msg=x",
            "Failed to compile.",
            "Tests: 1 failed, 2 passed",
        ] {
            assert_eq!(of(line), Sign::Weak, "{line}");
        }
    }

    #[test]
    fn words_alone_are_no_error() {
        for line in [
            "0 errors",
            "Found 0 errors. Watching for file changes.",
            "error: 0",
            "errors=0 warnings=3",
            "no errors found",
            "Done without errors",
            "Tests run: 3, Failures: 0, Errors: 0, Skipped: 0",
            "test result: ok. 5 passed; 0 failed; 0 ignored",
            "# FAIL:  0",
            "> eslint --fail-on-error .",
            "+ grep -q error: build.log",
            "$ ./run --fail-on-error",
            "ok  \texample.com/errors\t0.01s",
            "test parse_error ... ok",
            "tests/test_error.py::test_fail PASSED [ 50%]",
            "--- PASS: TestFAIL (0.00s)",
            "✓ throws error: bad input",
            "   Compiling thiserror v1.0.50",
            "error_test.go ok",
            "warning: error: is deprecated",
            "npm WARN deprecated error@1.0.0",
            "✖ 3 problems (0 errors, 3 warnings)",
            "10:00 INFO retry after error: connection reset",
            "  continue-on-error: true",
            "exit code: 0",
            "error: none",
            "not ok 3 - later # TODO not done",
            "> Task :compileJava",
            "main.go:10: a message of a test",
            "",
        ] {
            assert_eq!(of(line), Sign::None, "{line}");
        }
    }
}
