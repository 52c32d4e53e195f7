//! What the API server's tables say of pods and workloads: enough to tell the well from those to be looked at.

use crate::table::{Columns, Row};

use super::{container::RECENT, workload::SETTLING};

/// What a row says of a pod that is to be looked at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PodRow {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Its status, as kubectl prints it.
    pub status: String,
    /// Its age in seconds.
    pub age: i64,
    /// The lost node it is on; empty for others.
    pub lost: String,
    /// What its row says beyond its status.
    pub sign: Sign,
}

/// What a row says beyond a status that says little: `Running` is what most are called that do not work, too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Sign {
    /// Nothing: the status says it.
    #[default]
    None,
    /// It runs and is ready, and was restarted once.
    Once,
    /// It runs and is ready, and was restarted again and again.
    Again,
    /// Not all of it is ready.
    Short,
}

/// A pod that is not well by its row, or is on a node that is `lost`.
pub fn pod(columns: &Columns, row: &Row, namespace: Option<&str>, lost: &dyn Fn(&str) -> bool) -> Option<PodRow> {
    let cell = |name: &str| columns.cell(row, name).unwrap_or_default();
    let (status, node, restarts) = (cell("Status"), cell("Node"), cell("Restarts"));
    let lost = !node.is_empty() && lost(node);
    let short = is_short(cell("Ready")) || is_short(cell("Readiness Gates"));
    let well = match status {
        // Done, unless it was begun again: then it is not meant to end.
        "Completed" | "Succeeded" => restarts.starts_with('0') || restarts.is_empty(),
        "Running" => !short && !lost && last_restart(restarts).is_none_or(|ago| ago > RECENT),
        _ => false,
    };
    if well {
        return None;
    }
    Some(PodRow {
        namespace: namespace.unwrap_or_default().to_owned(),
        name: cell("Name").to_owned(),
        status: status.to_owned(),
        age: seconds(cell("Age")).unwrap_or(i64::MAX),
        lost: if lost { node.to_owned() } else { String::new() },
        sign: match restarts.split(' ').next() {
            _ if status != "Running" || lost => Sign::None,
            _ if short => Sign::Short,
            Some("0" | "1") => Sign::Once,
            _ => Sign::Again,
        },
    })
}

/// What a row says of a workload that is short of something.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Short {
    /// Its namespace.
    pub namespace: String,
    /// Its kind: `deployment`, …
    pub kind: &'static str,
    /// Its name.
    pub name: String,
    /// How many pods it wants.
    pub wanted: u64,
    /// How many of them are ready.
    pub ready: u64,
    /// How many are of the newest release.
    pub updated: u64,
    /// Its age in seconds.
    pub age: i64,
}

/// A workload that has less than it wants.
pub fn workload(kind: &'static str, columns: &Columns, row: &Row, namespace: Option<&str>) -> Option<Short> {
    let cell = |name: &str| columns.cell(row, name);
    let number = |name: &str| cell(name).and_then(|cell| cell.parse::<u64>().ok());
    let (ready, wanted) = match cell("Ready").and_then(part) {
        Some(both) => both,
        None => (number("Ready")?, number("Desired")?),
    };
    let updated = number("Up-to-date").unwrap_or(wanted);
    let available = number("Available").unwrap_or(ready);
    if ready >= wanted && updated >= wanted && available >= wanted {
        return None;
    }
    Some(Short {
        namespace: namespace.unwrap_or_default().to_owned(),
        kind,
        name: cell("Name")?.to_owned(),
        wanted,
        ready: ready.min(available),
        updated,
        age: cell("Age").and_then(seconds).unwrap_or(i64::MAX),
    })
}

/// Whether a job has failed, or might have: API servers before 1.31 print no status.
pub fn job_failed(columns: &Columns, row: &Row) -> bool {
    match columns.cell(row, "Status") {
        Some(status) => matches!(status, "Failed" | "FailureTarget"),
        None => columns.cell(row, "Completions").is_some_and(is_short),
    }
}

/// Whether a job runs and has completed nothing for so long that it is to be looked at: it may have no pod at all.
pub fn job_waits(columns: &Columns, row: &Row) -> bool {
    let cell = |name: &str| columns.cell(row, name);
    cell("Status") == Some("Running")
        && cell("Completions").is_some_and(|cell| cell.starts_with("0/"))
        && cell("Age").and_then(seconds).is_none_or(|age| age >= SETTLING)
}

/// `1/3`.
fn part(cell: &str) -> Option<(u64, u64)> {
    let (part, whole) = cell.split_once('/')?;
    Some((part.parse().ok()?, whole.parse().ok()?))
}

fn is_short(cell: &str) -> bool {
    part(cell).is_some_and(|(part, whole)| part < whole)
}

/// How many seconds ago the last restart was: `5 (3m ago)`.
fn last_restart(cell: &str) -> Option<i64> {
    let (_, rest) = cell.split_once('(')?;
    seconds(rest.split(' ').next()?)
}

/// An age as kubectl prints it: `3d4h`, `5m45s`.
pub fn seconds(age: &str) -> Option<i64> {
    let (mut total, mut number, mut any) = (0_i64, 0_i64, false);
    for c in age.chars() {
        let unit = match c {
            '0'..='9' => {
                number = number.checked_mul(10)?.checked_add(i64::from(c.to_digit(10)?))?;
                continue;
            }
            's' => 1,
            'm' => 60,
            'h' => 3_600,
            'd' => 86_400,
            'y' => 31_536_000,
            _ => return None,
        };
        total = total.checked_add(number.checked_mul(unit)?)?;
        (number, any) = (0, true);
    }
    (any && number == 0).then_some(total)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::Cell;

    fn columns(names: &str) -> Columns {
        let definitions: Vec<_> = names.split(',').map(|name| serde_json::json!({"name": name})).collect();
        Columns::read(serde_json::json!({"columnDefinitions": definitions}).to_string().as_bytes()).unwrap()
    }

    fn row(cells: &str) -> Row {
        Row { cells: cells.split(',').map(|cell| Cell(cell.to_owned())).collect(), object: None }
    }

    #[test]
    fn ages_are_read_back() {
        for (age, expected) in [
            ("0s", Some(0)),
            ("119s", Some(119)),
            ("5m45s", Some(345)),
            ("3h20m", Some(12_000)),
            ("2d1h", Some(176_400)),
            ("2y1d", Some(63_158_400)),
            ("<unknown>", None),
            ("", None),
            ("5", None),
            ("99999999999999999999d", None),
        ] {
            assert_eq!(seconds(age), expected, "{age}");
        }
    }

    #[test]
    fn the_well_are_told_from_the_others() {
        let columns = columns("Name,Ready,Status,Restarts,Age,IP,Node,Nominated Node,Readiness Gates");
        for (cells, suspect) in [
            ("a,1/1,Running,0,5d,1.2.3.4,n,<none>,<none>", false),
            ("a,2/2,Running,7 (3d ago),5d,1.2.3.4,n,<none>,1/1", false),
            ("a,1/1,Running,1 (3m ago),5d,1.2.3.4,n,<none>,<none>", true),
            ("a,1/1,Running,0,5d,1.2.3.4,lost,<none>,<none>", true),
            ("a,1/1,Running,0,5d,1.2.3.4,n,<none>,0/1", true),
            ("a,1/2,Running,0,5d,1.2.3.4,n,<none>,<none>", true),
            ("a,0/1,Completed,0,5d,1.2.3.4,n,<none>,<none>", false),
            ("a,0/1,Completed,3 (10s ago),5d,1.2.3.4,n,<none>,<none>", true),
            ("a,0/1,CrashLoopBackOff,3 (10s ago),5d,1.2.3.4,n,<none>,<none>", true),
            ("a,0/1,Evicted,0,5d,<none>,n,<none>,<none>", true),
            ("a,1/1,Terminating,0,5d,<none>,n,<none>,<none>", true),
            ("a", true),
        ] {
            let found = pod(&columns, &row(cells), Some("ns"), &|node| node == "lost");
            assert_eq!(found.is_some(), suspect, "{cells}");
        }
        for (cells, sign) in [
            ("a,1/1,Running,1 (3m ago),5d,1.2.3.4,n", Sign::Once),
            ("a,1/1,Running,4 (3m ago),5d,1.2.3.4,n", Sign::Again),
            ("a,0/1,Running,4 (3m ago),5d,1.2.3.4,n", Sign::Short),
            ("a,0/1,CrashLoopBackOff,4 (3m ago),5d,1.2.3.4,n", Sign::None),
        ] {
            assert_eq!(pod(&columns, &row(cells), None, &|_| false).unwrap().sign, sign, "{cells}");
        }
    }

    #[test]
    fn who_is_short_of_what() {
        let deployments = columns("Name,Ready,Up-to-date,Available,Age");
        let short = workload("deployment", &deployments, &row("web,1/3,3,1,5m"), Some("a")).unwrap();
        assert_eq!((short.wanted, short.ready, short.updated, short.age), (3, 1, 3, 300));
        assert!(workload("deployment", &deployments, &row("web,2/2,2,2,5m"), None).is_none());
        assert!(workload("deployment", &deployments, &row("web,0/0,0,0,5m"), None).is_none());
        assert_eq!(workload("deployment", &deployments, &row("web,2/2,1,2,5m"), None).unwrap().updated, 1);
        let daemons = columns("Name,Desired,Current,Ready,Up-to-date,Available,Node Selector,Age");
        assert!(workload("daemonset", &daemons, &row("ds,3,3,2,3,2,<none>,1h"), None).is_some());
        assert!(workload("daemonset", &daemons, &row("ds,3,3,3,3,3,<none>,1h"), None).is_none());
        assert!(workload("daemonset", &daemons, &row("ds,x,3,3"), None).is_none());
    }

    #[test]
    fn a_job_without_a_status_is_suspected_while_it_is_not_complete() {
        let (new, old) = (columns("Name,Status,Completions"), columns("Name,Completions"));
        assert!(job_failed(&new, &row("a,Failed,0/1")) && !job_failed(&new, &row("a,Running,0/1")));
        assert!(job_failed(&old, &row("a,0/1")) && !job_failed(&old, &row("a,1/1")));
        let new = columns("Name,Status,Completions,Duration,Age");
        for (cells, waits) in [
            ("a,Running,0/1,5m,5m", true),
            ("a,Running,0/1 of 3,5m,5m", true),
            ("a,Running,0/1,5s,5s", false),
            ("a,Running,1/3,5m,5m", false),
            ("a,Suspended,0/1,,5m", false),
            ("a,Failed,0/1,5m,5m", false),
        ] {
            assert_eq!(job_waits(&new, &row(cells)), waits, "{cells}");
        }
    }
}
