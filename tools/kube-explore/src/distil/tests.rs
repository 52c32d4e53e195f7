//! What a distiller makes of whole logs.

use super::*;

fn options() -> Options {
    Options { stamped: false, grep: None, last: 100 }
}

fn distil(options: Options, lines: &[(u16, &str)]) -> Digest {
    let mut distiller = Distiller::new(options);
    for (source, line) in lines {
        distiller.line(*source, Line::whole(line.as_bytes()));
    }
    distiller.finish()
}

fn of_one(text: &str) -> Digest {
    let lines: Vec<(u16, &str)> = text.lines().map(|line| (0, line)).collect();
    distil(options(), &lines)
}

/// Through the serialiser: the words have no other door here.
fn text(words: &shared::Untrusted) -> String {
    serde_json::from_value(serde_json::to_value(words).unwrap()).unwrap()
}

#[test]
fn an_error_has_its_context_and_its_trace() {
    let digest = of_one(
        "one\ntwo\nthree\nfour\nERROR it broke\njava.lang.IllegalStateException: no\n\tat a.B.c(B.java:1)\nfive\nsix\nseven",
    );
    let [error] = &digest.errors[..] else { panic!("{digest:?}") };
    assert_eq!(text(&error.before), "two\nthree\nfour\n");
    assert_eq!(text(&error.text), "ERROR it broke\njava.lang.IllegalStateException: no\n\tat a.B.c(B.java:1)\n");
    assert_eq!(text(&error.after), "five\nsix\n");
    let counts = Counts { read: 10, lines: 10, errors: 1, traces: 2, ..Counts::default() };
    assert_eq!(digest.counts, counts);
}

#[test]
fn a_trace_without_a_word_for_failing_is_one_too() {
    let digest = of_one("before\ncom.acme.Oops: it\n    at f (/a.js:1:2)\n    at g (/a.js:3:4)\nafter");
    let [error] = &digest.errors[..] else { panic!("{digest:?}") };
    assert_eq!(text(&error.before), "before\n");
    assert_eq!(text(&error.text), "com.acme.Oops: it\n    at f (/a.js:1:2)\n    at g (/a.js:3:4)\n");
    assert_eq!(digest.counts, Counts { read: 5, lines: 5, errors: 1, traces: 2, ..Counts::default() });
    // It is not a line of a template any more.
    assert_eq!(digest.folded.iter().map(|folded| folded.seen.count).sum::<u64>(), 2);
}

#[test]
fn alike_traces_are_one_and_others_are_not() {
    let trace = |n: u32, line: u32| {
        format!("Traceback (most recent call last):\n  File \"a.py\", line {line}, in f\nValueError: bad id {n}\nok")
    };
    let digest = of_one(&[trace(1, 7), trace(2, 7), trace(3, 8)].join("\n"));
    let counts: Vec<u64> = digest.errors.iter().map(|error| error.seen.count).collect();
    assert_eq!((digest.counts.errors, digest.counts.traces, counts), (3, 6, vec![1, 2]));
}

#[test]
fn sources_are_apart_and_their_times_are_known() {
    let mut options = options();
    options.stamped = true;
    let digest = distil(
        options,
        &[
            (0, "2026-01-01T00:00:03Z ERROR it 1"),
            (1, "2026-01-01T00:00:02Z fine"),
            (0, "2026-01-01T00:00:04Z   at x(y)"),
            (1, "2026-01-01T00:00:01Z ERROR it 2"),
            (1, "no time"),
        ],
    );
    let counts: Vec<(u64, usize)> =
        digest.errors.iter().map(|error| (error.seen.count, text(&error.text).lines().count())).collect();
    // One has a trace, the other none.
    assert_eq!(counts, [(1, 2), (1, 1)]);
    assert_eq!(
        (digest.first.unwrap().short(false), digest.last.unwrap().short(false)),
        ("00:00:01".into(), "00:00:04".into())
    );
    assert_eq!(text(&digest.tails[1].lines[0]), "fine");
}

#[test]
fn what_a_terminal_would_hide_is_no_obstacle() {
    let digest = of_one("\u{1b}[1;31mERROR\u{1b}[0m it\r\n\n   \n\u{1b}[2Kok\0\u{fffd}");
    assert_eq!(digest.counts, Counts { read: 4, lines: 4, errors: 1, empty: 2, ..Counts::default() });
    assert_eq!(text(&digest.errors[0].text), "ERROR it\n");
    let digest = distil(options(), &[]);
    assert_eq!(digest.counts, Counts::default());
    let mut distiller = Distiller::new(options());
    distiller.line(0, Line::whole(b"\xff\xfe error \xf0\x9f"));
    distiller.line(65_535, Line { bytes: b"x", omitted: 100 << 20 });
    let digest = distiller.finish();
    assert_eq!((digest.counts.errors, digest.counts.long), (1, 1));
    assert_eq!(text(&digest.tails[65_535].lines[0]), format!("x…(+{} bytes)", 100 << 20));
}

#[test]
fn grep_is_before_everything_but_secrets() {
    let mut options = options();
    options.grep = Some(Grep::new("NEEDLE").unwrap());
    let lines = ["a needle", "ERROR", "-----BEGIN PRIVATE KEY-----", "needle", "-----END PRIVATE KEY-----", "Needle"];
    let lines: Vec<(u16, &str)> = lines.into_iter().map(|line| (0, line)).collect();
    let digest = distil(options, &lines);
    assert_eq!((digest.counts.read, digest.counts.lines, digest.counts.errors), (6, 2, 0));
}

#[test]
fn no_more_lines_are_kept_than_are_asked_for() {
    let digest = distil(Options { last: 1, ..options() }, &[(0, "a"), (0, "b"), (0, "ERROR"), (1, "c")]);
    let tails: Vec<_> = digest.tails.iter().map(|tail| (tail.of, tail.kept, text(&tail.lines[0]))).collect();
    assert_eq!(tails, [(3, 1, "ERROR".to_owned()), (1, 1, "c".to_owned())]);
    assert_eq!(text(&digest.errors[0].before), "a\nb\n");
}

#[test]
fn no_secret_leaves_in_pieces() {
    let digest = of_one(
        "login password=hunter2x from 1\nlogin password=hunter3y from 2\n\
         -----BEGIN RSA PRIVATE KEY-----\nMIIEow2c2VjcmV0\nc2VjcmV0c2VjcmV0\n-----END RSA PRIVATE KEY-----",
    );
    let mut all = String::new();
    for folded in &digest.folded {
        all += &text(&folded.text);
        all += &folded.values.as_ref().map(text).unwrap_or_default();
    }
    all.extend(digest.tails.iter().flat_map(|tail| tail.lines.iter().map(text)));
    assert!(all.contains("login password=[redacted"), "{all}");
    assert!(!all.contains("hunter") && !all.contains("c2VjcmV0"), "{all}");
}

#[test]
fn every_line_is_in_one_count() {
    let mut distiller = Distiller::new(options());
    for n in 0..20_000_u32 {
        let word: String = n.to_string().bytes().map(|digit| char::from(b'a' + digit - b'0')).collect();
        let line = match n % 5 {
            0 => format!("{word} {word}x {word}y"),
            1 => format!("ERROR {word} {word}z"),
            2 => format!("request {n} took {n}ms"),
            3 => String::from("  at f (a.js:1:2)"),
            _ => String::new(),
        };
        distiller.line((n % 7) as u16, Line::whole(line.as_bytes()));
    }
    let digest = distiller.finish();
    let folded: u64 = digest.folded.iter().map(|folded| folded.seen.count).sum();
    let grouped: u64 = digest.errors.iter().map(|error| error.seen.count).sum();
    let counts = digest.counts;
    assert_eq!(counts.read, 20_000);
    assert_eq!(grouped + digest.lost_errors, counts.errors);
    assert!(digest.unfolded > 0 && digest.lost_errors > 0);
    // Errors that are in no group are in a template, or among those without one; and so is each line of another sort.
    assert!(folded + grouped + digest.unfolded + counts.traces + counts.empty >= counts.lines);
    assert!(digest.errors.len() <= GROUPS_MAX && digest.folded.len() <= TEMPLATES_MAX);
}

#[test]
fn what_is_held_is_bounded_by_what_is_kept() {
    // Lines that are all different, long, and errors as often as not, from more sources than any workload has pods.
    let mut distiller = Distiller::new(Options { stamped: false, grep: None, last: 10_000 });
    let filler = "x y ".repeat(600);
    for n in 0..6_000_u32 {
        let words: String = n.to_string().bytes().map(|digit| char::from(b'a' + digit - b'0')).collect();
        let line = format!("{} {words} {filler}", if n % 2 == 0 { "ERROR" } else { words.as_str() });
        distiller.line((n % 200) as u16, Line::whole(line.as_bytes()));
    }
    let tails: usize = (0..200).flat_map(|source| distiller.recent.of(source)).map(|line| line.bytes.capacity()).sum();
    assert!(tails < 2 << 20, "{tails}");
    let digest = distiller.finish();
    assert_eq!(digest.counts.read, 6_000);
    let errors: usize =
        digest.errors.iter().map(|error| error.text.len() + error.before.len() + error.after.len()).sum();
    assert!(errors < 2 << 20 && digest.folded.len() <= TEMPLATES_MAX, "{errors}");
}
