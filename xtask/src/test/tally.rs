//! Sums over the output of many test binaries.

/// What the binaries said so far.
#[derive(Debug, Default)]
pub struct Tally {
    passed: u64,
    failed: u64,
    ignored: u64,
    /// A binary has said how many tests it runs, and not yet what came of them.
    running: bool,
}

impl Tally {
    /// Takes note of a line of `cargo test`.
    pub fn line(&mut self, line: &str) {
        if line.strip_prefix("running ").is_some_and(|rest| rest.ends_with(" tests") || rest.ends_with(" test")) {
            self.died();
            self.running = true;
        } else if let Some(sums) = line.strip_prefix("test result: ") {
            self.running = false;
            self.passed += number_before(sums, " passed");
            self.failed += number_before(sums, " failed");
            self.ignored += number_before(sums, " ignored");
        }
    }

    /// Takes note of `tests` that were not even started: they count as skipped.
    pub fn never_ran(&mut self, tests: usize) {
        self.ignored += tests as u64;
    }

    /// A binary that ends without a result has crashed: that is one failure at least.
    fn died(&mut self) {
        if std::mem::take(&mut self.running) {
            self.failed += 1;
        }
    }

    /// Whether no test ran.
    pub fn is_empty(&self) -> bool {
        self.passed + self.failed + self.ignored == 0 && !self.running
    }

    /// The last line. A test that skips returns early, which the harness counts as passed: it is counted as what it is.
    pub fn finish(mut self, skips: &[(&str, &str)]) -> String {
        self.died();
        let mut tests: Vec<&str> = skips.iter().map(|(test, _)| *test).collect();
        tests.sort_unstable();
        tests.dedup();
        let skipped = tests.len() as u64;
        let passed = self.passed.saturating_sub(skipped);
        format!("{passed} passed, {} failed, {} skipped", self.failed, self.ignored + skipped)
    }
}

fn number_before(text: &str, word: &str) -> u64 {
    let Some((before, _)) = text.split_once(word) else { return 0 };
    let digits = before.rsplit(|c: char| !c.is_ascii_digit()).next().unwrap_or_default();
    digits.parse().unwrap_or(0)
}

/// Test and reason of every line `skipped: <test>: <reason>`. Module paths keep their `::`.
pub fn skips(notes: &str) -> Vec<(&str, &str)> {
    notes.lines().filter_map(|line| line.strip_prefix("skipped: ")?.split_once(": ")).collect()
}

/// Whether `text` has one of `words` as a word of its own.
pub fn names_one(text: &str, words: &[&str]) -> bool {
    text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').any(|one| words.contains(&one))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally(output: &str) -> Tally {
        let mut tally = Tally::default();
        output.lines().for_each(|line| tally.line(line));
        tally
    }

    const TWO: &str = "\
running 3 tests
test a ... ok
test b ... FAILED
test result: FAILED. 2 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s

running 12 tests
test result: ok. 11 passed; 0 failed; 1 ignored; 0 measured; 4 filtered out; finished in 1.20s
";

    #[test]
    fn results_of_all_binaries_are_summed() {
        assert_eq!(tally(TWO).finish(&[]), "13 passed, 1 failed, 1 skipped");
        assert_eq!(tally("").finish(&[]), "0 passed, 0 failed, 0 skipped");
    }

    #[test]
    fn a_binary_that_dies_is_a_failure() {
        let crash = format!("running 1 test\n{TWO}");
        assert_eq!(tally(&crash).finish(&[]), "13 passed, 2 failed, 1 skipped");
        assert_eq!(tally("running 5 tests\ntest a ... ok\n").finish(&[]), "0 passed, 1 failed, 0 skipped");
    }

    #[test]
    fn a_skipped_test_has_not_passed() {
        let notes =
            "skipped: it::ssh::clone: no sshd: AGENT_TOOLS_SSHD is not set\nnoise\nskipped: a: x\nskipped: a: y\n";
        let skips = skips(notes);
        assert_eq!(skips[0], ("it::ssh::clone", "no sshd: AGENT_TOOLS_SSHD is not set"));
        assert_eq!(tally(TWO).finish(&skips), "11 passed, 1 failed, 3 skipped");
    }

    #[test]
    fn what_was_not_started_is_skipped_and_takes_nothing_from_what_passed() {
        let mut tally = tally(TWO);
        tally.never_ran(4);
        assert_eq!(tally.finish(&[]), "13 passed, 1 failed, 5 skipped");
    }

    #[test]
    fn reasons_are_matched_by_word() {
        assert!(names_one("no sshd here", &["sshd"]));
        assert!(names_one("AGENT_TOOLS_SSHD is not set", &["AGENT_TOOLS_SSHD"]));
        assert!(!names_one("this kernel has no openat2 for libgit2", &["git", "sshd"]));
    }
}
