//! Credentials that vendors mark by a prefix.

use super::scan::{Class, Hit, Scan, alnum, base64, dotted, token, upper_digit, word};

/// How much of a token is looked at to decide that it is one.
const WINDOW: usize = 96;

/// What the first bytes after a prefix must show.
#[derive(Clone, Copy)]
enum Need {
    /// Nothing beyond their number.
    Any,
    /// A digit or an upper-case letter, which words joined by hyphens lack.
    Mixed,
    /// A digit and an upper-case letter.
    Strong,
    /// A digit.
    Digit,
}

/// A vendor prefix and what follows it.
pub(super) struct Token {
    /// The prefix, matched with its case.
    pub(super) prefix: &'static str,
    kind: &'static str,
    /// Whether the prefix has to begin a word.
    bounded: bool,
    /// What the body consists of and how long it is at least.
    body: Class,
    min: usize,
    need: Need,
    /// What is masked with the body.
    tail: Class,
}

const fn t(prefix: &'static str, kind: &'static str, body: Class, min: usize, need: Need, tail: Class) -> Token {
    Token { prefix, kind, bounded: false, body, min, need, tail }
}

const fn bounded(prefix: &'static str, kind: &'static str, body: Class, min: usize, need: Need, tail: Class) -> Token {
    Token { prefix, kind, bounded: true, body, min, need, tail }
}

/// `[0-9a-f]` in either case
fn hex(b: u8) -> bool {
    b.is_ascii_hexdigit()
}

/// `[A-Za-z0-9+/=_-]`
fn any_base64(b: u8) -> bool {
    base64(b) || token(b)
}

const GITHUB: &str = "github-token";
const GITLAB: &str = "gitlab-token";
const STRIPE: &str = "stripe-key";

/// Every prefix whose body needs no more than a class and a length.
pub(super) const TOKENS: &[Token] = &[
    t("ghp_", GITHUB, alnum, 20, Need::Mixed, word),
    t("gho_", GITHUB, alnum, 20, Need::Mixed, word),
    t("ghu_", GITHUB, alnum, 20, Need::Mixed, word),
    t("ghs_", GITHUB, word, 20, Need::Mixed, word),
    t("ghr_", GITHUB, alnum, 20, Need::Mixed, word),
    t("github_pat_", GITHUB, alnum, 20, Need::Mixed, word),
    t("glpat-", GITLAB, token, 20, Need::Mixed, token),
    t("gldt-", GITLAB, token, 20, Need::Mixed, token),
    t("glrt-", GITLAB, token, 20, Need::Mixed, token),
    t("glrtr-", GITLAB, token, 20, Need::Mixed, token),
    t("glcbt-", GITLAB, token, 20, Need::Mixed, token),
    t("glptt-", GITLAB, token, 20, Need::Mixed, token),
    t("glft-", GITLAB, token, 20, Need::Mixed, token),
    t("glsoat-", GITLAB, token, 20, Need::Mixed, token),
    t("glimt-", GITLAB, token, 20, Need::Mixed, token),
    t("glagent-", GITLAB, token, 20, Need::Mixed, token),
    t("gloas-", GITLAB, token, 20, Need::Mixed, token),
    t("glffct-", GITLAB, token, 20, Need::Mixed, token),
    t("glwt-", GITLAB, token, 20, Need::Mixed, token),
    t("GR1348941", GITLAB, token, 20, Need::Mixed, token),
    t("xapp-", "slack-token", token, 20, Need::Digit, token),
    bounded("AIza", "google-api-key", token, 35, Need::Any, token),
    t("ya29.", "google-token", token, 20, Need::Strong, dotted),
    t("GOCSPX-", "google-secret", token, 24, Need::Any, token),
    t("AccountKey=", "azure-key", base64, 40, Need::Strong, base64),
    t("SharedAccessKey=", "azure-key", base64, 40, Need::Strong, base64),
    t("dop_v1_", "digitalocean-token", hex, 32, Need::Digit, alnum),
    t("doo_v1_", "digitalocean-token", hex, 32, Need::Digit, alnum),
    t("dor_v1_", "digitalocean-token", hex, 32, Need::Digit, alnum),
    t("npm_", "npm-token", alnum, 30, Need::Mixed, word),
    t("pypi-AgE", "pypi-token", token, 30, Need::Mixed, token),
    t("hf_", "huggingface-token", alnum, 30, Need::Mixed, word),
    t("sk_live_", STRIPE, alnum, 16, Need::Digit, word),
    t("rk_live_", STRIPE, alnum, 16, Need::Digit, word),
    t("sk_test_", STRIPE, alnum, 16, Need::Digit, word),
    t("rk_test_", STRIPE, alnum, 16, Need::Digit, word),
    t("whsec_", STRIPE, base64, 24, Need::Mixed, base64),
    t("hvs.", "vault-token", token, 24, Need::Strong, token),
    t("hvb.", "vault-token", token, 24, Need::Strong, token),
    t("hvr.", "vault-token", token, 24, Need::Strong, token),
    t("dckr_pat_", "docker-token", token, 20, Need::Mixed, token),
    t("dckr_oat_", "docker-token", token, 20, Need::Mixed, token),
    t("AGE-SECRET-KEY-", "age-key", token, 40, Need::Digit, token),
    t("age-secret-key-", "age-key", token, 40, Need::Digit, token),
    t("glsa_", "grafana-token", alnum, 30, Need::Mixed, word),
    t("glc_", "grafana-token", base64, 40, Need::Strong, base64),
    t("ATATT3", "atlassian-token", any_base64, 60, Need::Mixed, any_base64),
    t("shpat_", "shopify-token", hex, 32, Need::Digit, alnum),
    t("lin_api_", "linear-token", alnum, 32, Need::Mixed, alnum),
    bounded("dapi", "databricks-token", hex, 32, Need::Digit, token),
    t("rubygems_", "rubygems-token", hex, 40, Need::Digit, alnum),
    bounded("pul-", "pulumi-token", hex, 40, Need::Digit, alnum),
    t("sntrys_", "sentry-token", any_base64, 40, Need::Mixed, any_base64),
    t("tskey-", "tailscale-key", token, 20, Need::Mixed, token),
    bounded("gsk_", "groq-key", alnum, 40, Need::Mixed, alnum),
    t("dp.pt.", "doppler-token", alnum, 40, Need::Mixed, alnum),
];

impl Token {
    /// The hit at the prefix that begins at `start`, if it is followed by a body.
    pub(super) fn find(&self, scan: &Scan<'_>, start: usize) -> Option<Hit> {
        if !scan.starts_with(start, self.prefix.as_bytes()) || (self.bounded && !scan.boundary(start)) {
            return None;
        }
        let from = start + self.prefix.len();
        let to = scan.run_within(from, self.body, WINDOW);
        let body = scan.slice(from, to);
        if body.len() < self.min || !varied(body) {
            return None;
        }
        let digit = body.iter().any(u8::is_ascii_digit);
        let upper = body.iter().any(u8::is_ascii_uppercase);
        let met = match self.need {
            Need::Any => true,
            Need::Mixed => digit || upper,
            Need::Strong => digit && upper,
            Need::Digit => digit,
        };
        if !met {
            return None;
        }
        let end = scan.run(to, self.tail);
        let start = if self.kind == "azure-key" { from } else { start };
        Some(Hit { start, end: extend(scan, end, self.kind), kind: self.kind })
    }
}

/// Whether a body is more than a placeholder such as `xxxxxxxx`.
fn varied(body: &[u8]) -> bool {
    let mut seen = [0_u8; 4];
    let mut count = 0_usize;
    for &b in body {
        if seen.iter().take(count).all(|&s| s != b) {
            if count == 3 {
                return true;
            }
            if let Some(slot) = seen.get_mut(count) {
                *slot = b;
            }
            count += 1;
        }
    }
    false
}

/// Tokens that go on after a dot: those that carry a JWT, and the routable ones of GitLab (`….01.0a1b2c3d4`).
fn extend(scan: &Scan<'_>, mut end: usize, kind: &str) -> usize {
    if scan.starts_with(end, b".ey") {
        end = scan.run(end, dotted);
        while scan.before(end, 1) == b'.' {
            end -= 1;
        }
    }
    if kind == GITLAB {
        for _ in 0..2 {
            let part = scan.run_within(end + 1, |b| b.is_ascii_lowercase() || b.is_ascii_digit(), 12);
            if scan.at(end) != b'.' || !scan.at(end + 1).is_ascii_digit() || part < end + 3 {
                break;
            }
            end = part;
        }
    }
    end
}

/// The longest piece of letters and digits, as (length, digits in it, letters in it).
pub(super) fn longest_piece(text: &[u8]) -> (usize, usize, usize) {
    text.split(|&b| !alnum(b))
        .map(|piece| {
            let digits = piece.iter().filter(|b| b.is_ascii_digit()).count();
            (piece.len(), digits, piece.len() - digits)
        })
        .max()
        .unwrap_or_default()
}

/// At `sk-`: `OpenAI`, Anthropic, `OpenRouter` and others. CSS classes and words such as `task-` begin alike.
pub(super) fn sk(scan: &mut Scan<'_>, start: usize, end: usize) -> Option<Hit> {
    if !scan.starts_with(start, b"sk-") {
        return None;
    }
    let body = scan.slice(end, scan.run_within(end, token, WINDOW));
    let (piece, digits, letters) = longest_piece(body);
    let upper = body.iter().any(u8::is_ascii_uppercase);
    let mixed = upper && body.iter().any(u8::is_ascii_digit);
    let random_piece = letters >= 2 && ((piece >= 16 && digits >= 2) || (piece >= 32 && upper));
    let vendor = |names: &[&[u8]]| names.iter().any(|name| body.starts_with(name));
    let kind = if vendor(&[b"ant-"]) { "anthropic-key" } else { "openai-key" };
    let hit = if vendor(&[b"ant-", b"proj-", b"svcacct-", b"admin-", b"or-v1-", b"lf-", b"None-"]) {
        body.len() >= 24 && (mixed || random_piece)
    } else {
        let first = scan.before(start, 1);
        body.len() >= 20 && random_piece && scan.boundary(start) && !matches!(first, b'-' | b'_' | b'.')
    };
    hit.then(|| Hit { start, end: scan.run(end, token), kind })
}

/// At `SG.`: two parts of known length.
pub(super) fn sendgrid(scan: &mut Scan<'_>, start: usize, end: usize) -> Option<Hit> {
    let dot = scan.run_within(end, token, 40);
    let last = scan.run_within(dot + 1, token, WINDOW);
    let parts = (16..=32).contains(&(dot - end)) && scan.at(dot) == b'.' && last > dot + 30;
    (parts && scan.starts_with(start, b"SG.")).then(|| Hit { start, end: scan.run(last, token), kind: "sendgrid-key" })
}

/// At `xox`: every Slack token of that family.
pub(super) fn slack(scan: &mut Scan<'_>, start: usize, end: usize) -> Option<Hit> {
    fn class(b: u8) -> bool {
        token(b) || b == b'%'
    }
    if !scan.starts_with(start, b"xox") || !scan.at(end).is_ascii_lowercase() {
        return None;
    }
    let mut from = end + 2;
    if scan.starts_with(end + 1, b".xox") {
        from = end + 7;
    }
    if scan.before(from, 1) != b'-' {
        return None;
    }
    let body = scan.slice(from, scan.run_within(from, class, WINDOW));
    let found = body.len() >= 10 && body.iter().any(u8::is_ascii_digit) && varied(body);
    found.then(|| Hit { start, end: scan.run(from, class), kind: "slack-token" })
}

/// At `hooks.slack.com/services/`: the path is the credential.
pub(super) fn slack_webhook(scan: &mut Scan<'_>, _start: usize, end: usize) -> Option<Hit> {
    fn class(b: u8) -> bool {
        alnum(b) || b == b'/'
    }
    let path = scan.slice(end, scan.run_within(end, class, WINDOW));
    let found = path.len() >= 30 && path.first() == Some(&b'T') && path.split(|&b| b == b'/').count() > 2;
    (found && varied(path)).then(|| Hit { start: end, end: scan.run(end, class), kind: "slack-webhook" })
}

/// At `AKIA` and its kin: an access key id.
pub(super) fn aws_id(scan: &mut Scan<'_>, start: usize, end: usize) -> Option<Hit> {
    let anchor = scan.slice(start, end);
    let body = scan.slice(end, scan.run_within(end, upper_digit, 32));
    let upper = anchor.iter().all(u8::is_ascii_uppercase);
    if !upper || body.len() < 16 || !varied(body) || !scan.boundary(start) {
        return None;
    }
    // `ASIA` begins words; a temporary id without any digit is rare.
    if anchor != b"AKIA" && !body.iter().any(u8::is_ascii_digit) {
        return None;
    }
    Some(Hit { start, end: scan.run(end, upper_digit), kind: "aws-access-key-id" })
}

/// At `Q~`: a client secret of Microsoft Entra, three characters and a digit before, 31 or more after.
pub(super) fn azure_client_secret(scan: &mut Scan<'_>, start: usize, end: usize) -> Option<Hit> {
    fn class(b: u8) -> bool {
        dotted(b) || b == b'~'
    }
    let from = start.checked_sub(4)?;
    let head = scan.slice(from, start);
    let last = scan.run_within(end, class, WINDOW);
    let found = scan.starts_with(start, b"Q~")
        && head.iter().all(|&b| class(b))
        && scan.before(start, 1).is_ascii_digit()
        && last - end >= 31
        && varied(scan.slice(end, last));
    found.then(|| Hit { start: from, end: scan.run(last, class), kind: "azure-client-secret" })
}

/// At `::server:` or `::node:` of a k3s join token, `K10<sha256>::server:<secret>`.
pub(super) fn k3s(scan: &mut Scan<'_>, start: usize, end: usize) -> Option<Hit> {
    let from = scan.run_back(start, hex, 64);
    let found = start - from == 64 && scan.before(from, 3) == b'K' && scan.run_within(end, alnum, 16) - end >= 16;
    found.then(|| Hit { start: end, end: scan.run(end, alnum), kind: "k3s-token" })
}
