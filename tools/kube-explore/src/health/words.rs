//! Messages of a cluster, short enough for a line.
//!
//! They are masked before they are cut: half a token would not be known as one.

use shared::{redact::redact, sanitize};

/// The most bytes of a message in a line.
const MOST: usize = 170;
/// The most bytes that are looked at.
const LOOKED_AT: usize = 8 << 10;

/// Words that a line of a log has which says why it is the last.
const TELLING: [&str; 9] = ["fatal", "panic", "error", "exception", "failed", "cannot", "can't", "refused", "denied"];

/// A message in one line, its middle left out if it is long: what was tried stands at the beginning, the cause at the end.
pub fn brief(message: &str) -> String {
    let words = whole(message, LOOKED_AT).split_whitespace().collect::<Vec<_>>().join(" ");
    let clean = sanitize::clean(&words);
    let line = redact(&clean);
    if line.len() <= MOST {
        return line.into_owned();
    }
    let head = line.get(..line.floor_char_boundary(MOST / 3)).unwrap_or_default();
    let tail = line.get(line.ceil_char_boundary(line.len().saturating_sub(MOST * 2 / 3))..).unwrap_or_default();
    // Whole words only.
    let head = head.rsplit_once(' ').map_or(head, |(head, _)| head);
    let tail = tail.split_once(' ').map_or(tail, |(_, tail)| tail);
    format!("{head} … {tail}")
}

/// The beginning of a text of at most so many bytes, its last word whole.
pub fn whole(text: &str, most: usize) -> &str {
    if text.len() < most {
        return text;
    }
    let head = text.get(..text.floor_char_boundary(most)).unwrap_or_default();
    head.rsplit_once(char::is_whitespace).map_or("", |(head, _)| head)
}

/// The scheduler's words without what it tells of preemption and claims each time.
pub fn scheduler(message: &str) -> String {
    let without = message.split("preemption:").next().unwrap_or_default();
    let without = without.replace("no new claims to deallocate,", "").replace(" are available:", ":");
    brief(without.trim().trim_end_matches([',', '.', ' ']))
}

/// What kubelet says of an image, without the image, which is said already.
pub fn pulling(message: &str, image: &str) -> String {
    let message = message.replace(&format!("Back-off pulling image \"{image}\""), "");
    let message = message.trim_start_matches([':', ' ']);
    let message = message.strip_prefix("ErrImagePull: ").unwrap_or(message);
    brief(message.trim_start_matches("rpc error: code = "))
}

/// The line of a log that says most: the last with a word of trouble in it, else the last.
pub fn telling(log: &str) -> Option<String> {
    let lines = || log.lines().rev().map(str::trim).filter(|line| !line.is_empty());
    let told = lines().find(|line| {
        let line = line.to_lowercase();
        TELLING.iter().any(|word| line.contains(word))
    });
    told.or_else(|| lines().next()).map(brief)
}

/// What stands between `before` and the next of `ends` in a message.
pub fn between<'m>(message: &'m str, before: &str, ends: &[char]) -> Option<&'m str> {
    let (_, rest) = message.split_once(before)?;
    let found = rest.split(ends).next().unwrap_or_default().trim();
    (!found.is_empty()).then_some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_message_keeps_its_end() {
        let pull = "failed to pull and unpack image \"127.0.0.1:9/team/shop:v2\": failed to resolve reference \"127.0.0.1:9/team/shop:v2\": failed to do request: Head \"https://127.0.0.1:9/v2/team/shop/manifests/v2\": dial tcp 127.0.0.1:9: connect: connection refused";
        let short = brief(pull);
        assert!(short.len() <= MOST + 8 && short.starts_with("failed to pull"), "{short}");
        assert!(short.ends_with("dial tcp 127.0.0.1:9: connect: connection refused"), "{short}");
        assert_eq!(brief(" a\n\tb  c\u{1b}[31m "), "a b c");
        assert!(brief(&"ä".repeat(4_000)).len() < 400);
        assert_eq!((whole("ab cd", 9), whole("ab cd", 5), whole("abcde", 3)), ("ab cd", "ab", ""));
    }

    #[test]
    fn a_secret_is_masked_before_it_is_cut() {
        let said = format!("{} https://user:hunter2hunter2@db.internal/{}", "x ".repeat(20), "y/".repeat(200));
        assert!(!brief(&said).contains("hunter2"), "{}", brief(&said));
    }

    #[test]
    fn the_scheduler_is_brief() {
        for (said, expected) in [
            (
                "0/1 nodes are available: 1 Insufficient cpu. no new claims to deallocate, preemption: 0/1 nodes are available: 1 Preemption is not helpful for scheduling.",
                "0/1 nodes: 1 Insufficient cpu",
            ),
            (
                "0/2 nodes are available: 1 node(s) didn't match Pod's node affinity/selector, 1 node(s) had untolerated taint(s). preemption: x",
                "0/2 nodes: 1 node(s) didn't match Pod's node affinity/selector, 1 node(s) had untolerated taint(s)",
            ),
            ("pod has unbound immediate PersistentVolumeClaims", "pod has unbound immediate PersistentVolumeClaims"),
            ("", ""),
        ] {
            assert_eq!(scheduler(said), expected);
        }
    }

    #[test]
    fn the_telling_line_of_a_log() {
        for (log, expected) in [
            (
                "starting\nFATAL: relation \"orders\" does not exist\n",
                Some("FATAL: relation \"orders\" does not exist"),
            ),
            ("panic: no db\n\ngoroutine 1:\nmain.go:5\n", Some("panic: no db")),
            ("one\ntwo\n\n", Some("two")),
            ("\n \n", None),
        ] {
            assert_eq!(telling(log).as_deref(), expected);
        }
    }

    #[test]
    fn the_image_is_said_once() {
        let said = "Back-off pulling image \"a/b:1\": ErrImagePull: not found";
        assert_eq!(pulling(said, "a/b:1"), "not found");
        assert_eq!(pulling("Back-off pulling image \"a/b:1\"", "a/b:1"), "");
    }
}
