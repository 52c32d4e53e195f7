//! What a row of a printed table says of its object's state: one reading for every kind, custom ones too.

use schemars::JsonSchema;
use serde::Serialize;
use shared::Untrusted;

use crate::table::{Columns, Row};

/// Columns that say in a word how it is, the most telling first.
const STATUS: &[&str] = &["Status", "Phase", "State", "Health Status", "Health", "Sync Status"];
/// Columns that say `True` where all is well.
const CONDITIONS: &[&str] = &["Ready", "Available", "Healthy", "Synced", "Established", "Approved"];
/// Words in a status that mean trouble.
const TROUBLE: &[&str] = &[
    "error",
    "fail",
    "backoff",
    "crash",
    "oomkilled",
    "unknown",
    "notready",
    "evicted",
    "lost",
    "invalid",
    "degraded",
    "stalled",
    "errimage",
    "unschedulable",
    "missing",
    "outofsync",
    "unhealthy",
    "pressure",
    "deadlineexceeded",
    "shutdown",
    "outof",
    "unexpectedadmission",
    "cannotrun",
];
/// Words in a status that mean it is not there yet.
const WAITING: &[&str] = &["pending", "init:", "creating", "podinitializing", "progressing", "provisioning", "waiting"];

/// How an object is, as far as its row tells.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct State {
    /// In a word.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<Untrusted>,
    /// `2/3`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ready: Option<Untrusted>,
    /// As printed: `4 (2m ago)`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub restarts: Option<Untrusted>,
    /// As printed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub age: Option<Untrusted>,
    /// Where it runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node: Option<Untrusted>,
    /// What it is.
    #[serde(skip)]
    pub signs: Signs,
}

/// What can be asked of a state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Signs {
    /// It is in trouble, or not as it is wanted.
    pub ill: bool,
    /// A container of it ends again and again, or ended in error.
    pub crashing: bool,
    /// It is not there yet.
    pub pending: bool,
    /// Something of it should be ready and is not.
    pub unready: bool,
    /// It has been restarted.
    pub restarted: bool,
    /// It has done what it was for.
    pub done: bool,
    /// It is on its way out.
    pub terminating: bool,
}

/// Reads a row.
pub fn read(columns: &Columns, row: &Row) -> State {
    let cell = |name: &str| columns.cell(row, name);
    let status = STATUS.iter().find_map(|name| cell(name));
    let condition = CONDITIONS.iter().find_map(|name| {
        let value = cell(name)?;
        matches!(value.split(' ').next(), Some("True" | "False" | "Unknown")).then_some((*name, value))
    });
    let ready = cell("Ready").filter(|ready| share(ready).is_some()).map(str::to_owned).or_else(|| {
        // Daemon sets and replica sets print the two numbers apart.
        let (ready, wanted) = (cell("Ready")?.parse::<u64>().ok()?, cell("Desired")?.parse::<u64>().ok()?);
        Some(format!("{ready}/{wanted}"))
    });
    let restarts = cell("Restarts").filter(|restarts| *restarts != "0");
    let word = status.map(str::to_lowercase).unwrap_or_default();
    let has = |words: &[&str]| words.iter().any(|known| word.contains(known));

    let done = matches!(word.as_str(), "completed" | "succeeded" | "complete");
    let lacking = ready.as_deref().and_then(share).is_some_and(|(ready, wanted)| ready < wanted);
    let refused = condition.is_some_and(|(_, value)| !value.starts_with("True"));
    let mut signs = Signs {
        crashing: ["crash", "error", "oomkilled"].iter().any(|known| word.contains(known)),
        pending: has(WAITING),
        unready: !done && (lacking || refused || word.starts_with("notready")),
        restarted: restarts.is_some(),
        terminating: word.contains("terminating"),
        done,
        ill: false,
    };
    signs.ill = !done && (has(TROUBLE) || signs.pending || signs.unready);

    let status = match (status, condition) {
        (Some(status), Some((name, value))) if !value.starts_with("True") && name != "Ready" => {
            Some(format!("{status}, {name}={value}"))
        }
        (Some(status), _) => Some(status.to_owned()),
        (None, Some((name, value))) => {
            // The reason stands beside it, if the kind prints one.
            let reason = cell("Reason").or_else(|| cell("Message")).filter(|_| !value.starts_with("True"));
            Some(reason.map_or_else(|| format!("{name}={value}"), |reason| format!("{name}={value}: {reason}")))
        }
        (None, None) => {
            cell("Suspend").filter(|suspend| suspend.eq_ignore_ascii_case("true")).map(|_| "Suspended".into())
        }
    };
    State {
        status: status.as_deref().map(Untrusted::line),
        ready: ready.as_deref().map(Untrusted::line),
        restarts: restarts.map(Untrusted::line),
        age: cell("Age").map(Untrusted::line),
        node: cell("Node").map(Untrusted::line),
        signs,
    }
}

/// `2/3` as two numbers.
pub fn share(text: &str) -> Option<(u64, u64)> {
    let (ready, wanted) = text.split_once('/')?;
    Some((ready.trim().parse().ok()?, wanted.trim().parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(cells: &[(&str, &str)]) -> State {
        let definitions: Vec<_> = cells.iter().map(|(name, _)| serde_json::json!({ "name": name })).collect();
        let head = serde_json::json!({ "columnDefinitions": definitions }).to_string();
        let values: Vec<_> = cells.iter().map(|(_, value)| *value).collect();
        let row: Row = serde_json::from_value(serde_json::json!({ "cells": values })).unwrap();
        read(&Columns::read(head.as_bytes()).unwrap(), &row)
    }

    fn said(state: &State) -> String {
        state.status.as_ref().map(|status| status.quoted().to_string()).unwrap_or_default()
    }

    #[test]
    fn trouble_is_told_from_what_is_well() {
        for (cells, ill) in [
            (&[("Ready", "1/1"), ("Status", "Running")][..], false),
            (&[("Ready", "0/1"), ("Status", "Running")], true),
            (&[("Ready", "0/1"), ("Status", "Completed")], false),
            (&[("Ready", "0/1"), ("Status", "CrashLoopBackOff")], true),
            (&[("Ready", "0/2"), ("Status", "Init:0/1")], true),
            (&[("Ready", "3/3")], false),
            (&[("Ready", "2/3")], true),
            (&[("Ready", "0/0")], false),
            (&[("Desired", "2"), ("Ready", "1")], true),
            (&[("Desired", "0"), ("Ready", "0")], false),
            (&[("Status", "Ready")], false),
            (&[("Status", "Ready,SchedulingDisabled")], false),
            (&[("Status", "NotReady")], true),
            (&[("Status", "Bound")], false),
            (&[("Status", "Pending")], true),
            (&[("Status", "Terminating")], false),
            (&[("Status", "Complete"), ("Completions", "1/1")], false),
            (&[("Status", "Failed"), ("Completions", "0/1")], true),
            (&[("Ready", "False"), ("Reason", "BucketUnreachable")], true),
            (&[("Ready", "True"), ("Status", "Applied revision: main")], false),
            (&[("Sync Status", "OutOfSync")], true),
            (&[("Type", "ClusterIP")], false),
            (&[("Available", "False (MissingEndpoints)")], true),
            (&[], false),
        ] {
            assert_eq!(state(cells).signs.ill, ill, "{cells:?}");
        }
    }

    #[test]
    fn a_state_is_said_in_the_words_of_its_kind() {
        assert_eq!(
            said(&state(&[("Ready", "False"), ("Reason", "BucketUnreachable")])),
            "`Ready=False: BucketUnreachable`"
        );
        assert_eq!(said(&state(&[("Status", "Ok"), ("Synced", "False")])), "`Ok, Synced=False`");
        assert_eq!(said(&state(&[("Suspend", "True")])), "`Suspended`");
        let daemons = state(&[("Desired", "3"), ("Ready", "2"), ("Age", "5d"), ("Node", "<none>")]);
        assert_eq!(daemons.ready, Some(Untrusted::line("2/3")));
        assert!(daemons.node.is_none() && daemons.signs.unready);
        let pod = state(&[("Ready", "1/1"), ("Status", "Running"), ("Restarts", "4 (2m ago)")]);
        assert!(pod.signs.restarted && !pod.signs.ill);
    }
}
