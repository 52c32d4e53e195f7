//! The one place that turns what kubectl says into our errors.
//!
//! kubectl has one exit code for everything, so its words are read ([`fault`]); they are the API server's and kubectl's own sentences, which
//! have been the same for years. What is not recognised is passed on with kubectl's words, framed. Then the cluster is asked what would help
//! ([`explain`]): what is like the name, whether the namespace exists, which kinds there are.

mod explain;
mod fault;
mod namespace;

use shared::exec::Outcome;

pub use self::{fault::Fault, namespace::Presence};

/// What kubectl wrote to stderr, without the lines of its libraries' log unless there are no others. Untrusted.
pub fn words(outcome: &Outcome) -> String {
    let cut = outcome.stderr.at_lines();
    let all = [String::from_utf8_lossy(cut.head), String::from_utf8_lossy(cut.tail)].concat();
    let own: Vec<&str> = all.lines().filter(|line| !is_log(line) && !line.trim().is_empty()).collect();
    if own.is_empty() { all.trim().to_owned() } else { own.join("\n") }
}

/// `E1125 22:40:22.123456   12345 memcache.go:265] …`
fn is_log(line: &str) -> bool {
    let bytes = line.as_bytes();
    matches!(bytes.first(), Some(b'E' | b'W' | b'I' | b'F'))
        && bytes.get(1..5).is_some_and(|digits| digits.iter().all(u8::is_ascii_digit))
        && bytes.get(5) == Some(&b' ')
        && line.contains("] ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_the_log_are_known() {
        assert!(is_log("E1125 22:40:22.123456   12345 memcache.go:265] \"Unhandled Error\" err=\"x\""));
        assert!(!is_log("Error from server (NotFound): pods \"x\" not found"));
        assert!(!is_log("E1 short"));
    }
}
