//! Tables of what is cleaned and how, and properties of every result.

use std::borrow::Cow;
use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::*;

#[test]
fn block_cleans_by_table() {
    let table: &[(&[u8], &str)] = &[
        (b"plain text\n\twith tab", "plain text\n\twith tab"),
        ("größe 日本語 🎉".as_bytes(), "größe 日本語 🎉"),
        (b"bad \xff\xfe utf8 \xc3", "bad \u{fffd}\u{fffd} utf8 \u{fffd}"),
        (b"raw c1 \x9b31m", "raw c1 \u{fffd}31m"),
        // Line ends.
        (b"a\r\nb\r\n", "a\nb\n"),
        (b"a\r\r\nb", "a\nb"),
        (b"10%\r20%\r", "10%\\r20%\\r"),
        // CSI.
        (b"\x1b[31mred\x1b[0m", "red"),
        (b"\x1b[38;2;1;2;3mx\x1b[m", "x"),
        (b"\x1b[?25l\x1b[2J\x1b[1;1Hx", "x"),
        (b"\x1b[0 qx", "x"),
        ("\u{9b}31mred".as_bytes(), "red"),
        // OSC, links and titles, both terminators.
        (b"\x1b]0;title\x07x", "x"),
        (b"\x1b]8;;https://evil.example\x1b\\text\x1b]8;;\x1b\\", "text"),
        ("\u{9d}0;t\u{9c}x".as_bytes(), "x"),
        ("\x1b]0;t\u{9c}x".as_bytes(), "x"),
        (b"\x1b]52;c;ZXZpbA==\x07x", "x"),
        // DCS, SOS, PM, APC.
        (b"\x1bPq#0\x1b\\x", "x"),
        (b"\x1bXsos\x1b\\x\x1b^pm\x1b\\y\x1b_apc\x1b\\z", "xyz"),
        // Two-byte and charset escapes.
        (b"\x1b(Bx\x1b)0y\x1b7z\x1bc\x1b=", "xyz"),
        // Unterminated or broken: only the introducer goes.
        (b"\x1b]0;no end", "]0;no end"),
        (b"\x1b]0;a\nb\x07", "]0;a\nb"),
        (b"\x1b[31", "[31"),
        ("\x1b[31ü".as_bytes(), "[31ü"),
        (b"\x1b", ""),
        // The selector does not belong to the end of a sequence.
        ("\x1b7\u{fe0f}".as_bytes(), "\\u{fe0f}"),
        (b"\x1b\x1b[31mx", "x"),
        (b"\x1b]0;a\x1b[31mx", "]0;ax"),
        // Other controls.
        (b"a\x00b\x07c\x08d\x0be\x0cf\x7fg\x0e", "abcdefg"),
        ("a\u{85}b\u{84}c".as_bytes(), "abc"),
        // Invisible and reordering characters.
        ("a\u{202e}b\u{2066}c\u{2069}".as_bytes(), "a\\u{202e}b\\u{2066}c\\u{2069}"),
        ("\u{200e}\u{200f}\u{61c}".as_bytes(), "\\u{200e}\\u{200f}\\u{61c}"),
        ("\u{feff}x\u{200b}\u{200c}\u{200d}\u{2060}".as_bytes(), "\\u{feff}x\\u{200b}\\u{200c}\\u{200d}\\u{2060}"),
        ("\u{2028}\u{2029}\u{ad}\u{3164}".as_bytes(), "\\u{2028}\\u{2029}\\u{ad}\\u{3164}"),
        ("\u{e0041}\u{e007f}\u{e0100}".as_bytes(), "\\u{e0041}\\u{e007f}\\u{e0100}"),
        ("\u{fe00}\u{180e}\u{fff9}".as_bytes(), "\\u{fe00}\\u{180e}\\u{fff9}"),
        // One emoji variation selector is ordinary, a train of them carries a message.
        ("❤\u{fe0f} 1\u{fe0f}".as_bytes(), "❤\u{fe0f} 1\u{fe0f}"),
        ("❤\u{fe0f}\u{fe0f}\u{fe0e}".as_bytes(), "❤\u{fe0f}\\u{fe0f}\\u{fe0e}"),
        ("a\u{fe0f}".as_bytes(), "a\\u{fe0f}"),
        ("👩\u{200d}💻".as_bytes(), "👩\\u{200d}💻"),
    ];
    for (input, expected) in table {
        assert_eq!(&block(input), expected, "{}", input.escape_ascii());
    }
}

#[test]
fn inline_cleans_and_cuts_by_table() {
    let table: &[(&str, usize, &str)] = &[
        ("", 0, ""),
        ("abc", 3, "abc"),
        ("abcd", 3, "abc…(+1 chars)"),
        ("abc", 0, "…(+3 chars)"),
        ("a\nb\tc\r\nd\re", 100, "a\\nb\\tc\\nd\\re"),
        ("日本語", 2, "日本…(+1 chars)"),
        ("\x1b[31mred\x1b[0m", 3, "red"),
        // An escape is kept whole or left out.
        ("ab\u{202e}c", 5, "ab…(+9 chars)"),
        ("ab\u{202e}c", 10, "ab\\u{202e}…(+1 chars)"),
        ("ab\ncd", 3, "ab…(+4 chars)"),
        ("a\\u{zz}", 4, "a\\u{…(+3 chars)"),
    ];
    for (input, max, expected) in table {
        assert_eq!(&inline(input, *max), expected, "{input:?} {max}");
    }
}

#[test]
fn clean_text_is_borrowed() {
    assert!(matches!(clean("plain\n\ttext ü 🎉 ❤\u{fe0f}"), Cow::Borrowed(_)));
    assert!(matches!(block_cow(b"plain"), Cow::Borrowed(_)));
    assert!(matches!(clean("a\r\n"), Cow::Owned(_)));
}

/// A sequence nobody ends costs its introducer, not the rest of the log.
#[test]
fn unterminated_sequences_swallow_nothing() {
    for intro in ["\x1b]8;;", "\x1bP", "\x1b_", "\x1b[", "\u{9d}", "\u{9b}", "\x1b("] {
        let body = "1".repeat(1 << 20);
        let shown = clean(&format!("{intro}{body}m\x07")).into_owned();
        assert!(shown.len() >= body.len() - 2 * CONTROL_MAX, "{intro:?} left {}", shown.len());
    }
}

/// Openers without end, repeated: the work stays linear, so this ends at once.
#[test]
fn repeated_openers_are_linear() {
    for intro in ["\x1b]", "\x1b[", "\x1bP0", "\u{9d}", "\x1b ", "\r"] {
        let text = intro.repeat(1 << 18);
        let clock = Instant::now();
        let _ = clean(&text);
        assert!(clock.elapsed() < Duration::from_secs(20), "{intro:?}: {:?}", clock.elapsed());
    }
}

/// Characters that matter to the cleaner, often.
fn hostile() -> impl Strategy<Value = String> {
    let special = prop::sample::select(vec![
        "\x1b",
        "\x1b[",
        "\x1b]",
        "\x1b\\",
        "\x07",
        "\r",
        "\n",
        "\r\n",
        "\t",
        "\u{9b}",
        "\u{9c}",
        "\u{9d}",
        "\u{90}",
        "[",
        "31",
        "m",
        ";",
        "\\",
        "u{202e}",
        "\u{202e}",
        "\u{fe0f}",
        "\u{200d}",
        "❤",
        "\u{e0041}",
        "\0",
        "x",
        "\u{85}",
        " ",
        "ü",
    ]);
    prop::collection::vec(
        prop_oneof![4 => special.prop_map(str::to_owned), 1 => any::<char>().prop_map(String::from)],
        0..40,
    )
    .prop_map(|v| v.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_hostile_is_left(text in hostile(), max in 0_usize..60) {
        let once = block(text.as_bytes());
        prop_assert!(!once.chars().any(|c| c.is_control() && c != '\n' && c != '\t'), "{:?}", once);
        prop_assert!(!once.chars().any(|c| invisible(c) && !matches!(c, '\u{fe0e}' | '\u{fe0f}')), "{:?}", once);
        prop_assert_eq!(&block(once.as_bytes()), &once);
        let line = inline(&text, max);
        prop_assert!(!line.chars().any(char::is_control), "{:?}", line);
        let kept = line.rsplit_once("…(+").map_or(line.as_str(), |(kept, _)| kept);
        prop_assert!(kept.chars().count() <= max);
        let whole = inline(&text, usize::MAX);
        prop_assert_eq!(&inline(&whole, usize::MAX), &whole);
    }

    #[test]
    fn any_bytes_are_safe(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let once = block(&bytes);
        prop_assert!(!once.chars().any(|c| c.is_control() && c != '\n' && c != '\t'));
        prop_assert_eq!(&block(once.as_bytes()), &once);
    }

    #[test]
    fn printable_ascii_survives(bytes in prop::collection::vec(prop_oneof![b' '..=b'~', Just(b'\n'), Just(b'\t')], 0..300)) {
        let shown = block(&bytes);
        prop_assert_eq!(shown.as_bytes(), &bytes[..]);
    }

    #[test]
    fn the_cut_counts_what_it_left(text in "[a-zü🎉]{0,40}", max in 0_usize..50) {
        let line = inline(&text, max);
        let total = text.chars().count();
        if total <= max {
            prop_assert_eq!(line, text);
        } else {
            let kept: String = text.chars().take(max).collect();
            prop_assert_eq!(line, format!("{}…(+{} chars)", kept, total - max));
        }
    }
}
