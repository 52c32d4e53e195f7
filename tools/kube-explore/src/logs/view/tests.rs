//! What answers show of digests.

use shared::{
    Answer,
    output::{Budget, fit},
    settings::Results,
};

use super::*;
use crate::distil::{Distiller, Grep, Line, Options};

#[derive(Serialize, JsonSchema)]
struct Only {
    said: View,
}

impl Answer for Only {
    fn text(&self, text: &mut Text<'_>) {
        text.line(self.said.summary());
        self.said.write(text);
    }

    fn lists(&mut self) -> Vec<&mut dyn List> {
        vec![&mut self.said]
    }
}

fn source(pod: &str, previous: bool) -> Source {
    Source { pod: pod.to_owned(), container: "app".to_owned(), previous }
}

fn view(sources: Vec<Source>, grep: Option<&str>, last: usize, lines: impl Iterator<Item = (u16, String)>) -> View {
    let options = Options { stamped: true, grep: grep.map(|grep| Grep::new(grep).unwrap()), last };
    let mut distiller = Distiller::new(options);
    for (source, line) in lines {
        distiller.line(source, Line::whole(line.as_bytes()));
    }
    View::new(distiller.finish(), sources, grep)
}

/// The answer, without the tags of its frames.
fn shown(view: View, tokens: u32) -> String {
    let rendered = fit(&mut Only { said: view }, Budget::tokens(tokens), Results::Text).unwrap().text.unwrap();
    assert!(rendered.len() <= Budget::tokens(tokens).bytes());
    rendered.lines().filter(|line| !line.contains("untrusted-")).collect::<Vec<_>>().join("\n")
}

fn lines(text: &str) -> impl Iterator<Item = (u16, String)> {
    text.lines().enumerate().map(|(n, line)| (0, format!("2026-01-31T08:00:{:02}Z {line}", n % 60)))
}

#[test]
fn few_lines_are_shown_as_they_are() {
    let view = view(vec![source("web-1", false)], None, 100, lines("one 1\none 2\nERROR it\none 3"));
    assert_eq!(
        shown(view, 200),
        "4 lines, 2026-01-31T08:00:00Z to 08:00:03Z: 1 error line of 1 kind\nweb-1/app:\none 1\none 2\nERROR it\none 3"
    );
}

#[test]
fn several_logs_are_told_apart() {
    let sources = vec![source("web-1", true), source("web-1", false), source("web-2", false)];
    let text = shown(view(sources, None, 100, [(1, "b".to_owned()), (0, "a".to_owned())].into_iter()), 200);
    assert_eq!(text, "2 lines: 0 error lines\nno lines: web-2/app\nweb-1/app (previous run):\na\nweb-1/app:\nb");
}

#[test]
fn the_last_matches_are_shown_and_the_others_counted() {
    let view = view(vec![source("web-1", false)], Some("ONE"), 3, lines("one 1\ntwo\none 2\none 3\none 4\none 5"));
    let text = shown(view, 200);
    assert!(text.starts_with("5 of 6 lines have `ONE`"), "{text}");
    assert!(text.ends_with("[2 older lines left out: raise lines]\none 3\none 4\none 5"), "{text}");
}

#[test]
fn of_many_lines_errors_come_first_then_templates_then_the_end() {
    let many = (0..5_000_u64).map(|n| {
        let time = format!("2026-01-31T08:{:02}:{:02}Z", n / 60 % 60, n % 60);
        let line = match n {
            4_000 => format!("{time} ERROR cannot reach db\n{time} \tat a.b(C.java:1)"),
            _ if n % 100 == 7 => format!("{time} WARN slow request {n}"),
            _ => format!("{time} request {n} took {}ms", n % 50),
        };
        ((n % 2) as u16, line)
    });
    let many = many.flat_map(|(source, text)| text.lines().map(|line| (source, line.to_owned())).collect::<Vec<_>>());
    let text = shown(view(vec![source("web-1", false), source("web-2", false)], None, 100, many), 400);
    let expected = "5001 lines, 2026-01-31T08:00:00Z to 08:59:59Z: 1 error line of 1 kind with 1 line of traces, 50 warnings\n\
        errors, alike ones once:\n[error 08:06:40 in web-1/app]\n  request 3994 took 44ms\n  request 3996 took 46ms\n  request 3998 took 48ms\n\
        > ERROR cannot reach db\n> \tat a.b(C.java:1)\n  request 4002 took 2ms\n  request 4004 took 4ms\n\
        other lines, <*> for what varies, and what stood there first:\n\
        ×50 08:00:07 to 08:58:27 in web-2/app: WARN slow request <*>  (7)\n\
        ×4949 08:00:00 to 08:59:59 in 2 of 2 pods: request <*> took <*>  (0, 0ms)\n\
        the last ";
    assert!(text.starts_with(expected), "{text}");
    assert!(text.ends_with("request 4999 took 49ms"), "{text}");
}

#[test]
fn whatever_the_budget_what_is_left_out_is_counted() {
    let word = |n: u64| n.to_string().bytes().map(|digit| char::from(b'a' + digit - b'0')).collect::<String>();
    let make = || {
        let lines = (0..3_000_u64).map(|n| match n % 3 {
            0 => (0, format!("ERROR {} {} {}", word(n), "long ".repeat(20), word(n * 7))),
            1 => (0, format!("{} {} done", word(n), word(n * 3))),
            _ => (0, format!("panic: {n}\u{1b}[0m")),
        });
        view(vec![source("web-1", false)], None, 100, lines)
    };
    for tokens in [200, 300, 1_000, 4_000, 25_000] {
        let text = shown(make(), tokens);
        assert!(text.contains("2000 error lines"), "{tokens}: {text}");
        assert!(text.contains("error lines left out; raise budget"), "{tokens}: {text}");
        assert!(text.contains("lines in no template"), "{tokens}: {text}");
        // The room is used.
        assert!(text.len() > tokens as usize * 2, "{tokens}: {}", text.len());
    }
    let json = serde_json::to_value(Only { said: make() }).unwrap();
    assert_eq!((&json["said"]["errors"], &json["said"]["plain"]), (&2_000.into(), &false.into()));
    let groups: u64 = json["said"]["error_groups"]
        .as_array()
        .unwrap()
        .iter()
        .map(|group| group["seen"]["count"].as_u64().unwrap())
        .sum();
    assert_eq!(groups + json["said"]["errors_left_out"].as_u64().unwrap(), 2_000);
}

#[test]
fn a_trace_too_long_for_the_budget_is_cut_and_counted() {
    let trace: String =
        (0..58).map(|n| format!("\n\tat com.acme.very.long.package.name.Type.method{n}(Type.java:{n})")).collect();
    let text =
        shown(view(vec![source("web-1", false)], None, 100, lines(&format!("before\nERROR it{trace}\nafter"))), 300);
    assert!(text.contains("> ERROR it\n> \tat com.acme"), "{text}");
    assert!(text.contains("\n> …(+"), "{text}");
    // Where it fits it is whole.
    let text =
        shown(view(vec![source("web-1", false)], None, 100, lines(&format!("x\nERROR it{trace}\nafter"))), 4_000);
    assert!(text.contains("method57"), "{text}");
}

#[test]
fn nothing_is_nothing_and_a_long_line_is_said() {
    assert_eq!(shown(view(vec![source("web-1", false)], None, 100, std::iter::empty()), 200), "0 lines");
    let mut distiller = Distiller::new(Options { stamped: false, grep: None, last: 5 });
    distiller.line(0, Line { bytes: b"begin", omitted: 100 << 20 });
    let text = shown(View::new(distiller.finish(), vec![source("web-1", false)], None), 200);
    assert!(
        text.contains("[1 line longer than 256 KiB, read only so far]\nweb-1/app:\nbegin…(+104857600 bytes)"),
        "{text}"
    );
}

#[test]
fn many_names_are_counted() {
    let names = |count: usize| Names::new((0..count).map(|n| n.to_string()));
    assert_eq!((names(0).to_string(), names(4).to_string()), (String::new(), "0, 1, 2, 3".to_owned()));
    assert_eq!((names(6).to_string(), names(6).count()), ("0, 1, 2, 3 and 2 more".to_owned(), 6));
}

#[test]
fn the_largest_step_is_the_largest_answer() {
    let mut view = view(vec![source("web-1", false)], None, 100, lines("a"));
    view.keep(STEPS);
    assert!(view.room() >= Budget::BYTES_MAX);
}

#[test]
fn what_is_only_the_end_of_a_log_says_so() {
    let last = |lines| Some(Last { lines, more: "since=24h or lines=10000" });
    let many = |source: u16, count: u32| (0..count).map(move |n| (source, format!("INFO {n}")));
    let one = || vec![source("web-1", false)];
    let of = |sources: Vec<Source>, most, lines: Vec<(u16, String)>, tokens| {
        shown(view(sources, None, 100, lines.into_iter()).only(last(most)), tokens)
    };
    let text = of(one(), 100, many(0, 100).collect(), 4_000);
    assert!(
        text.starts_with(
            "the last 100 lines of it (older ones not read: since=24h or lines=10000): in these, 0 error lines\nweb-1/app:\nINFO 0\n"
        ),
        "{text}"
    );
    // As a digest, too.
    let text = of(one(), 100, many(0, 100).collect(), 200);
    assert!(text.contains("(older ones not read") && text.contains(" of the 100 read of web-1/app:"), "{text}");
    // All there is.
    let text = of(one(), 100, many(0, 99).collect(), 4_000);
    assert!(text.starts_with("99 lines: 0 error lines\n"), "{text}");
    assert!(of(one(), 1, many(0, 1).collect(), 400).starts_with("the last line of it (older ones"));
    // The node counts the pieces of a long line.
    let long = many(0, 97).chain([(0, "x".repeat(40_000))]).collect();
    assert!(of(one(), 100, long, 400).starts_with("the last 98 lines of it (older"));

    let two = || vec![source("web-1", false), source("web-2", false)];
    let text = of(two(), 3, many(0, 3).chain(many(1, 2)).collect(), 400);
    assert_eq!(
        text,
        "5 lines: only the last 3 lines of 1 of them (older ones not read: since=24h or lines=10000): in these, 0 error lines\n\
         web-1/app, only the last 3 lines:\nINFO 0\nINFO 1\nINFO 2\nweb-2/app:\nINFO 0\nINFO 1"
    );
    let text = of(two(), 80, many(0, 80).chain(many(1, 79)).collect(), 250);
    assert!(text.contains("[only the last 80 lines read of: web-1/app]\n"), "{text}");
    let text = of(two(), 2, many(0, 2).chain(many(1, 2)).collect(), 400);
    assert!(text.starts_with("4 lines: only the last 2 lines of each (older"), "{text}");
    let json = serde_json::to_value(Only { said: view(two(), None, 9, many(0, 3)).only(last(3)) }).unwrap();
    assert_eq!(json["said"]["tails"][0]["older_not_read"], true, "{json}");
    let json = serde_json::to_value(Only { said: view(two(), None, 9, many(0, 3)) }).unwrap();
    assert!(json["said"]["older_not_read"].is_null(), "{json}");
}
