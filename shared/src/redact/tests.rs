//! The corpus, the registry, and properties that hold for every text.

use std::borrow::Cow;
use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::*;

/// Numbers that look random and are the same in every run.
struct Source(u64);

impl Source {
    fn next(&mut self) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize
    }

    fn text(&mut self, alphabet: &str, len: usize) -> String {
        let letters: Vec<char> = alphabet.chars().collect();
        (0..len).map(|_| letters.get(self.next() % letters.len()).copied().unwrap_or('0')).collect()
    }
}

const LOWER: &str = "abcdefghijklmnopqrstuvwxyz";
const UPPER: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
const DIGITS: &str = "0123456789";

fn base64_text(bytes: &[u8]) -> String {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for chunk in bytes.chunks(3) {
        let word = chunk.iter().chain(&[0, 0]).take(3).fold(0_usize, |a, &b| (a << 8) | usize::from(b));
        for i in 0..4 {
            out.push(if i <= chunk.len() {
                ALPHABET.get((word >> (18 - 6 * i)) & 63).map_or('0', |&b| char::from(b))
            } else {
                '='
            });
        }
    }
    out
}

/// The generators of the corpus; `None` for braces that are just text.
fn generate(source: &mut Source, name: &str, arg: &str) -> Option<String> {
    let len = arg.parse().unwrap_or(0);
    let url64 = |s: String| base64_text(s.as_bytes()).trim_end_matches('=').replace('+', "-").replace('/', "_");
    let mut mixed = |alphabet: &str, len: usize| {
        // Every class of the alphabet within the first few places, as nearly every real value has.
        loop {
            let text = source.text(alphabet, len);
            let classes: [fn(&char) -> bool; 3] =
                [char::is_ascii_lowercase, char::is_ascii_uppercase, char::is_ascii_digit];
            if classes
                .iter()
                .all(|class| !alphabet.chars().any(|c| class(&c)) || text.chars().take(20).any(|c| class(&c)))
            {
                return text;
            }
        }
    };
    let all = [LOWER, UPPER, DIGITS].concat();
    let text = match name {
        "an" => mixed(&all, len),
        "hex" => source.text("0123456789abcdef", len),
        "low" => source.text(&[LOWER, DIGITS].concat(), len),
        "up" => mixed(&[UPPER, "234567"].concat(), len),
        "dig" => source.text(DIGITS, len),
        "b64" => mixed(&[&all, "+/"].concat(), len),
        "uuid" => [8, 4, 4, 4, 12].map(|n| source.text("0123456789abcdef", n)).join("-"),
        "basic" => base64_text(format!("user:{}", mixed(&all, 14)).as_bytes()),
        "jwt" => {
            let header = url64(r#"{"alg":"RS256","kid":"x"}"#.to_owned());
            let payload = url64(format!(r#"{{"sub":"{}"}}"#, mixed(&all, 20)));
            format!("{header}.{payload}.{}", mixed(&all, 86))
        }
        "jwe" => {
            let header = url64(r#"{"alg":"RSA-OAEP","enc":"A256GCM"}"#.to_owned());
            format!("{header}.{}.{}.{}.{}", mixed(&all, 342), mixed(&all, 16), mixed(&all, 80), mixed(&all, 22))
        }
        _ if name.starts_with("pem") => {
            let lines: Vec<String> = [64, 64, 64, 20].iter().map(|&n| mixed(&[&all, "+/"].concat(), n)).collect();
            let (begin, end) = (format!("-----BEGIN {arg}-----"), format!("-----END {arg}-----"));
            let join = |by: &str, close: bool| {
                let mut all = vec![begin.clone()];
                all.extend(lines.clone());
                all.extend(close.then(|| end.clone()));
                all.join(by)
            };
            match name {
                "pem" => join("\n", true),
                "pemopen" => join("\n", false),
                "pemjson" => join("\\n", true),
                "pemjson2" => join("\\\\n", true),
                "pemjsonopen" => join("\\n", false),
                "pemyaml" => join("\n  ", true),
                "pemlog" => join("\n2024-01-01 ", true),
                "pem64" => base64_text(join("\n", true).as_bytes()),
                _ => return None,
            }
        }
        _ => return None,
    };
    Some(text)
}

/// Makes the text a corpus line stands for.
fn expand(line: &str, seed: usize) -> String {
    let mut source = Source(seed as u64 * 7919 + 17);
    let mut out = String::new();
    let mut rest = line;
    while let Some(open) = rest.find('{') {
        let (before, from) = rest.split_at(open);
        out.push_str(before);
        let made = from.find('}').and_then(|close| {
            let (name, arg) = from[1..close].split_once(':').unwrap_or((&from[1..close], ""));
            generate(&mut source, name, arg).map(|text| (text, close + 1))
        });
        let (text, len) = made.unwrap_or(("{".to_owned(), 1));
        out.push_str(&text);
        rest = &from[len..];
    }
    out.push_str(rest);
    out.replace('^', "").replace('⏎', "\n")
}

fn lines(table: &str) -> impl Iterator<Item = (usize, &str)> {
    table.lines().enumerate().filter(|(_, line)| !line.is_empty() && !line.starts_with('#'))
}

struct Positive {
    line: usize,
    text: String,
    expected: String,
    secrets: Vec<String>,
}

fn positives() -> Vec<Positive> {
    let table = include_str!("corpus/positives.txt");
    lines(table)
        .map(|(n, line)| {
            let (kind, template) = line.split_once('\t').unwrap_or(("no tab", line));
            let marked = expand(template, n);
            let mut expected = String::new();
            let mut secrets = Vec::new();
            for (i, piece) in marked.split(['«', '»']).enumerate() {
                if i % 2 == 0 {
                    expected.push_str(piece);
                } else {
                    secrets.push(piece.to_owned());
                    expected.extend([MASK_OPEN, kind, "]"]);
                }
            }
            assert!(!secrets.is_empty(), "line {}: nothing is marked", n + 1);
            Positive { line: n + 1, text: marked.replace(['«', '»'], ""), expected, secrets }
        })
        .collect()
}

/// An 8-byte piece of `secret` that is left in `out`, unless the text around the secret has it too.
fn leak(out: &str, secret: &str, around: &[&str]) -> Option<String> {
    let mut pieces = secret.as_bytes().windows(8.min(secret.len()));
    let has = |text: &str, piece: &[u8]| text.as_bytes().windows(piece.len()).any(|w| w == piece);
    let found = pieces.find(|piece| has(out, piece) && !around.iter().any(|text| has(text, piece)));
    found.map(|piece| String::from_utf8_lossy(piece).into_owned())
}

#[test]
fn every_secret_of_the_corpus_is_masked_exactly() {
    let all = positives();
    assert!(all.len() > 120, "only {} lines", all.len());
    let mut wrong = Vec::new();
    for case in &all {
        let out = redact(&case.text);
        if out != case.expected {
            wrong.push(format!("line {}: {:?}\n  became {out:?}", case.line, case.text));
        }
        for secret in &case.secrets {
            if let Some(piece) = leak(&out, secret, &[&case.expected]) {
                wrong.push(format!("line {}: {piece:?} is left", case.line));
            }
        }
        assert_eq!(redact(&out), out, "line {}: not idempotent", case.line);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_look_alike_survives() {
    let mut wrong = Vec::new();
    let mut count = 0;
    for (n, line) in lines(include_str!("corpus/lookalikes.txt")) {
        count += 1;
        let text = expand(line, n);
        let out = redact(&text);
        if out != text {
            wrong.push(format!("line {}: {text:?}\n  became {out:?}", n + 1));
        }
        if let Cow::Owned(_) = out {
            wrong.push(format!("line {}: copied for nothing", n + 1));
        }
    }
    assert!(count > 150, "only {count} lines");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The source of this crate is code about secrets: the hardest text not to mangle.
#[test]
fn own_source_survives() {
    for text in [
        include_str!("assign.rs"),
        include_str!("header.rs"),
        include_str!("registry.rs"),
        include_str!("tokens.rs"),
        include_str!("pem.rs"),
        include_str!("url.rs"),
        include_str!("value.rs"),
        include_str!("jwt.rs"),
        include_str!("scan.rs"),
    ] {
        assert_eq!(mask_patterns(text), None);
    }
}

#[test]
fn the_mask_says_nothing_of_the_length() {
    let (short, long) = (["gh", "p_", &"aB3d".repeat(9)].concat(), ["gh", "p_", &"aB3d".repeat(60)].concat());
    assert_eq!(redact(&short), redact(&long));
    assert_eq!(redact(&short), "[redacted:github-token]");
}

#[test]
fn every_kind_fits_the_mask() {
    let kinds: Vec<String> = positives()
        .iter()
        .flat_map(|c| c.expected.match_indices(MASK_OPEN).map(|(i, _)| c.expected[i..].to_owned()).collect::<Vec<_>>())
        .collect();
    for mask in kinds {
        assert!(mask_end(mask.as_bytes(), 0).is_some(), "{mask}");
    }
    assert!(engine().is_some());
}

#[test]
fn registered_secrets_are_masked_in_every_form() {
    let secret = ["zw√ölf", "/+ \"q", "\\uoted%"].concat();
    assert!(!redact(&secret).contains("[redacted"));
    assert!(register(&format!("  {secret}\n")));
    let percent = |upper: bool| -> String {
        secret
            .bytes()
            .map(|b| match b {
                _ if b.is_ascii_alphanumeric() => char::from(b).to_string(),
                _ if upper => format!("%{b:02X}"),
                _ => format!("%{b:02x}"),
            })
            .collect()
    };
    let mut forms =
        vec![secret.clone(), percent(true), percent(false), secret.replace('\\', "\\\\").replace('"', "\\\"")];
    for user in ["", "u:", "us:", "use:", "user:"] {
        for tail in ["", "\n", "ab"] {
            let text = base64_text(format!("{user}{secret}{tail}").as_bytes());
            forms.push(text.replace('+', "-").replace('/', "_"));
            forms.push(text.trim_end_matches('=').to_owned());
            forms.push(text);
        }
    }
    for form in forms {
        let text = format!("a {form} b");
        assert_eq!(redact(&text), "a [redacted:own-credential] b", "{form}");
        assert_eq!(redact(&redact(&text)), redact(&text));
    }
}

#[test]
fn lines_of_a_registered_secret_are_masked_alone() {
    let line = ["LineOne", "OfASecretOfTwo", "Lines99"].concat();
    assert!(register(&format!("{line}\nother line that is long enough 77")));
    assert_eq!(redact(&format!("x {line} y")), "x [redacted:own-credential] y");
}

#[test]
fn short_values_are_not_registered() {
    assert!(!register(" a1b2c \n"));
    assert_eq!(redact("a1b2c"), "a1b2c");
}

/// A registered secret that spells a part of a mask must not break masks open.
#[test]
fn a_secret_that_spells_a_mask_stays_idempotent() {
    assert!(register("own-credential"));
    let once = redact("x own-credential y").into_owned();
    assert_eq!(once, "x [redacted:own-credential] y");
    assert_eq!(redact(&once), once);
}

#[test]
fn a_key_that_begins_inside_another_secret_is_masked_to_its_end() {
    let pem = expand("{pem:RSA PRIVATE KEY}", 1);
    let out = redact(&format!("password=hunter2{pem}\nafter")).into_owned();
    assert_eq!(out, "password=[redacted:private-key]\nafter");
}

/// Text made to be expensive: repeated beginnings that come to nothing.
#[test]
fn hostile_repetition_stays_linear() {
    let jwt = ["ey", "JhbGciOi"].concat();
    let begin = ["-----BEGIN ", "RSA PRIVATE KEY-----"].concat();
    let glpat = ["gl", "pat-"].concat();
    let pieces = [
        "token=",
        "token: ",
        "token=\"",
        "token='",
        "password=\\\"",
        "password=a&",
        "password",
        "://",
        "://a:b",
        "://a:b@",
        "https://a:b/",
        &jwt,
        &begin,
        "-----BEGIN ",
        &glpat,
        "sk-",
        "sk-ant-",
        "SG.",
        "xoxb-",
        "Authorization: Bearer ",
        "Authorization: ",
        "cookie: a=",
        "cookie: ",
        "[redacted:",
        "bearer ",
        "basic ",
        "name: password\n",
        "\\",
        "AKIA",
        "q8Q~",
        "\"auth\"",
        "\"auth\":\"",
        "@tcp(",
        "sig=",
        "--password ",
        "Private-Lines: 9999\n",
        "LS0tLS1CRUdJTi",
        "eyJ",
        "ab12",
        "ü",
        "\u{1b}[31m",
    ];
    for piece in pieces {
        let text = piece.repeat((1 << 18) / piece.len());
        let clock = Instant::now();
        let _ = redact(&text);
        let took = clock.elapsed();
        assert!(took < Duration::from_secs(20), "{piece:?}: {took:?}");
    }
}

/// Pieces that matter to the matchers, in any order.
fn hostile() -> impl Strategy<Value = String> {
    let special = prop::sample::select(vec![
        "password",
        "token",
        "secret",
        "api_key",
        "Authorization",
        "Cookie",
        "Bearer ",
        "Basic ",
        ": ",
        "=",
        "\"",
        "'",
        "\\",
        "\\n",
        "\n",
        " ",
        ",",
        "&",
        "?",
        "@",
        "://",
        "https",
        "user:",
        "[redacted:",
        "[redacted:token]",
        "]",
        "a1B2c3D4e5F6g7H8",
        "hunter2",
        "-----BEGIN ",
        "RSA PRIVATE KEY",
        "-----",
        "-----END ",
        "ghp_",
        "glpat-",
        "sk-",
        "AKIA",
        "eyJ",
        "hbGciOi",
        ".",
        "-",
        "_",
        "$",
        "{",
        "name: ",
        "value: ",
        "--",
        "ü",
        "日本",
        "K10",
        "::server:",
        "Q~",
        "8",
        "SG.",
        "xoxb-",
        "ABCDEFGHIJKLMNOP23",
    ]);
    prop::collection::vec(
        prop_oneof![6 => special.prop_map(str::to_owned), 1 => "\\PC{0,4}", 1 => "[A-Za-z0-9]{0,40}"],
        0..30,
    )
    .prop_map(|v| v.concat())
}

/// Secrets that have to be found without help from what is around them.
fn standalone() -> impl Strategy<Value = String> {
    let templates: Vec<&str> = vec![
        "gh^p_{an:36}",
        "gh^s_{an:36}",
        "github^_pat_{an:22}_{an:59}",
        "gl^pat-{an:20}",
        "gl^agent-{an:50}",
        "xo^xb-{dig:12}-{dig:12}-{an:24}",
        "dop^_v1_{hex:64}",
        "np^m_{an:36}",
        "h^f_{an:34}",
        "s^k-ant-api03-{an:90}-AA",
        "s^k-proj-{an:60}_{an:20}",
        "sk^_live_{an:24}",
        "S^G.{an:22}.{an:43}",
        "hv^s.CAESI{an:90}",
        "dckr^_pat_{an:27}",
        "AGE-SECRET-^KEY-1{up:58}",
        "ya^29.{an:40}",
        "{jwt}",
        "{pem:RSA PRIVATE KEY}",
        "{pem:OPENSSH PRIVATE KEY}",
        "{pemjson:PRIVATE KEY}",
        "{pem64:EC PRIVATE KEY}",
        " AK^IA{up:16} ",
        " AI^za{an:35} ",
        " s^k-{an:48} ",
        " https://user:{an:20}@host/ ",
        "\nAuthorization: Bearer {an:30}\n",
        "\nPRIVATE-TOKEN: {an:20}\n",
    ];
    (prop::sample::select(templates), any::<u16>()).prop_map(|(template, seed)| expand(template, usize::from(seed)))
}

/// What of a standalone text is secret.
fn secret_part(text: &str) -> &str {
    let text = text.trim();
    let text = text.rsplit_once(' ').filter(|_| text.contains(": ")).map_or(text, |(_, value)| value);
    let text = text.strip_prefix("https://user:").and_then(|t| t.strip_suffix("@host/")).unwrap_or(text);
    text.trim()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(256) })]

    #[test]
    fn redacting_twice_is_redacting_once(text in hostile()) {
        let once = redact(&text).into_owned();
        prop_assert_eq!(&redact(&once), &once);
    }

    #[test]
    fn any_bytes_are_safe(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let text = String::from_utf8_lossy(&bytes);
        let once = redact(&text).into_owned();
        prop_assert_eq!(&redact(&once), &once);
    }

    #[test]
    fn secrets_are_masked_wherever_they_stand(before in "\\PC{0,60}", secret in standalone(), after in "\\PC{0,60}") {
        let out = redact(&[before.as_str(), &secret, &after].concat()).into_owned();
        prop_assert_eq!(leak(&out, secret_part(&secret), &[&before, &after]), None, "{}", out);
    }

    #[test]
    fn secrets_are_masked_in_hostile_text(before in hostile(), secret in standalone(), after in hostile()) {
        let (before, after) = (format!("{before}\n"), format!("\n{after}"));
        let out = redact(&[before.as_str(), &secret, &after].concat()).into_owned();
        prop_assert_eq!(leak(&out, secret_part(&secret), &[&before, &after]), None, "{}", out);
    }

    #[test]
    fn neighbours_are_all_masked(secrets in prop::collection::vec(standalone(), 1..6), by in prop::sample::select(vec![" ", "\n", "\"", ", ", "\\n"])) {
        let text = secrets.join(by);
        let once = redact(&text).into_owned();
        for secret in &secrets {
            prop_assert_eq!(leak(&once, secret_part(secret), &[]), None, "{}", once);
        }
        prop_assert_eq!(&redact(&once), &once);
    }
}
