//! How often an API server called its webhooks, and how often nobody answered: for those that are where only it can try them.

use std::collections::BTreeMap;

/// Counts of refusals by reason.
const REFUSED: &str = "apiserver_admission_webhook_rejection_count{";
/// Counts of all calls.
const CALLED: &str = "apiserver_admission_webhook_request_total{";
/// The most webhooks that are counted.
const MOST: usize = 1_000;

/// The calls of one webhook.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Calls {
    /// All of them.
    pub all: u64,
    /// Those that nobody answered.
    pub failed: u64,
}

/// The calls of each webhook by its name, as an API server's metrics count them since it began.
#[derive(Clone, Debug, Default)]
pub struct Counts(BTreeMap<String, Calls>);

impl Counts {
    /// Takes a line of the metrics. Whether more of them may say something: they are sorted by name.
    pub fn line(&mut self, line: &str) -> bool {
        let line = line.trim();
        let (rest, refused) = match (line.strip_prefix(REFUSED), line.strip_prefix(CALLED)) {
            (Some(rest), _) => (rest, true),
            (None, Some(rest)) => (rest, false),
            (None, None) => {
                let name = line.strip_prefix("# HELP ").unwrap_or(line);
                let name = name.split([' ', '{']).next().unwrap_or_default();
                return line.starts_with('#') || name.is_empty() || name <= CALLED.trim_end_matches('{');
            }
        };
        if refused && label(rest, "error_type") != Some("calling_webhook_error") {
            return true;
        }
        let (Some(name), Some(count)) =
            (label(rest, "name"), rest.rsplit(' ').next().and_then(|n| n.parse::<f64>().ok()))
        else {
            return true;
        };
        if self.0.len() < MOST || self.0.contains_key(name) {
            let calls = self.0.entry(name.to_owned()).or_default();
            // A float of the metrics is a count here; what does not fit is as good as the largest.
            let count = count as u64;
            let which = if refused { &mut calls.failed } else { &mut calls.all };
            *which = which.saturating_add(count);
        }
        true
    }

    /// Those of a webhook.
    pub fn of(&self, name: &str) -> Calls {
        self.0.get(name).copied().unwrap_or_default()
    }
}

/// The value of a label.
fn label<'l>(labels: &'l str, name: &str) -> Option<&'l str> {
    let mut rest = labels;
    while let Some((key, after)) = rest.split_once("=\"") {
        let (value, after) = after.split_once('"')?;
        if key.trim_start_matches(',') == name {
            return Some(value);
        }
        rest = after;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_counted_until_nothing_more_is_said_of_them() {
        let mut counts = Counts::default();
        for (line, more) in [
            ("# TYPE apiserver_admission_webhook_rejection_count counter", true),
            ("aggregator_discovery_aggregation_count_total 3", true),
            (
                r#"apiserver_admission_webhook_rejection_count{error_type="calling_webhook_error",name="a.io",operation="CREATE",rejection_code="503",type="validating"} 2"#,
                true,
            ),
            (
                r#"apiserver_admission_webhook_rejection_count{error_type="no_error",name="a.io",operation="CREATE",rejection_code="403",type="validating"} 7"#,
                true,
            ),
            (r#"apiserver_admission_webhook_request_total{code="503",name="a.io",operation="CREATE"} 2"#, true),
            (r#"apiserver_admission_webhook_request_total{code="200",name="b.io",operation="CREATE"} 1e+06"#, true),
            (r#"apiserver_admission_webhook_request_total{broken"#, true),
            (r#"apiserver_audit_event_total 0"#, false),
        ] {
            assert_eq!(counts.line(line), more, "{line}");
        }
        assert_eq!(counts.of("a.io"), Calls { all: 2, failed: 2 });
        assert_eq!(counts.of("b.io"), Calls { all: 1_000_000, failed: 0 });
        assert_eq!(counts.of("c.io"), Calls::default());
    }
}
