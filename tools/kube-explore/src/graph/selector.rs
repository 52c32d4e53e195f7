//! Which labels are selected.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::field::{items, text};

/// A label selector.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selector {
    labels: Vec<(String, String)>,
    expressions: Vec<(String, String, Vec<String>)>,
}

impl Selector {
    /// Reads one of both forms: a map of labels (services), or a LabelSelector. An empty map of a service selects nothing, an empty LabelSelector
    /// everything: who asks says which with `everything`.
    pub fn read(selector: Option<&Value>, everything: bool) -> Option<Self> {
        let selector = selector?.as_object()?;
        let structured = selector.contains_key("matchLabels") || selector.contains_key("matchExpressions");
        let labels = if structured { selector.get("matchLabels").and_then(Value::as_object) } else { Some(selector) };
        let labels: Vec<(String, String)> = labels
            .into_iter()
            .flatten()
            .filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())))
            .collect();
        let expressions = items(selector.get("matchExpressions")).map(|expression| {
            let values = items(expression.get("values")).filter_map(Value::as_str).map(str::to_owned).collect();
            (text(expression, "/key").to_owned(), text(expression, "/operator").to_owned(), values)
        });
        let expressions: Vec<_> = expressions.collect();
        (everything || !labels.is_empty() || !expressions.is_empty()).then_some(Self { labels, expressions })
    }

    /// Whether `labels` fit.
    pub fn matches(&self, labels: &BTreeMap<String, String>) -> bool {
        let fits = |(key, operator, values): &(String, String, Vec<String>)| {
            let value = labels.get(key);
            match operator.as_str() {
                "In" => value.is_some_and(|value| values.contains(value)),
                "NotIn" => value.is_none_or(|value| !values.contains(value)),
                "Exists" => value.is_some(),
                "DoesNotExist" => value.is_none(),
                _ => false,
            }
        };
        self.labels.iter().all(|(key, value)| labels.get(key) == Some(value)) && self.expressions.iter().all(fits)
    }
}
