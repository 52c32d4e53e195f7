use super::*;
use crate::health::{
    Verdict,
    columns::{Short, Sign},
    finding::{Finding, Log, Pod},
    workload::Job,
};

fn crash() -> Finding {
    let mut finding = Finding::new(Class::Crash, "CrashLoopBackOff");
    finding.facts = vec!["exit 3".into(), "5 restarts".into()];
    finding.log = Some(Log { container: "main".into(), previous: true });
    finding
}

fn group(stem: &str, count: u64) -> Group {
    Group {
        namespace: "pay".into(),
        stem: stem.into(),
        count,
        settled: count,
        oldest: format!("{stem}-a"),
        ..Group::default()
    }
}

fn pod(finding: Finding, owner: Option<(&str, &str)>) -> Pod {
    let owner = owner.map(|(kind, name)| (kind.to_owned(), name.to_owned()));
    Pod { finding: Some(finding), owner, ..Pod::default() }
}

fn workload(name: &str, ready: u64, wanted: u64) -> Workload {
    let short = Short {
        namespace: "pay".into(),
        kind: "deployment",
        name: name.into(),
        wanted,
        ready,
        updated: wanted,
        age: 900,
    };
    Workload { short, settled: true, ..Workload::default() }
}

fn lines(seen: Seen) -> Vec<String> {
    let folded = fold(seen).causes;
    folded.iter().map(|cause| format!("{} {}: {}", cause.level.word(), cause.object(), cause.told())).collect()
}

#[test]
fn a_deployment_stands_for_its_pods() {
    let seen = Seen {
        groups: vec![
            (group("api-1", 3), Some(pod(crash(), Some(("deployment", "api"))))),
            (group("api-2", 1), Some(pod(Finding::new(Class::NotReady, "not ready"), Some(("deployment", "api"))))),
            (group("web-1", 1), Some(pod(crash(), Some(("deployment", "web"))))),
        ],
        workloads: vec![
            workload("api", 0, 3),
            workload("web", 1, 2),
            Workload { settled: false, ..workload("new", 0, 1) },
        ],
        ..Seen::default()
    };
    assert_eq!(
        lines(seen),
        [
            "CRITICAL pay/deployment/api: CrashLoopBackOff ×3 pods, 0/3 ready, exit 3, also not ready ×1",
            "DEGRADED pay/deployment/web: CrashLoopBackOff, 1/2 ready, exit 3, 5 restarts",
        ]
    );
}

#[test]
fn a_lost_node_stands_for_all_on_it() {
    let mut lost = group("api-7d9", 2);
    lost.lost = "n1".into();
    let seen = Seen {
        groups: vec![(lost, None)],
        workloads: vec![workload("api", 1, 3)],
        nodes: vec![Node { cause: Cause::new(Level::Critical, ("", "node", "n1"), "NotReady"), lost: true }],
        budgets: vec![Budget { cause: Cause::new(Level::Degraded, ("pay", "pdb", "api"), "few"), labels: Vec::new() }],
        ..Seen::default()
    };
    assert_eq!(lines(seen), ["CRITICAL node/n1: NotReady, 2 pods on it, pay/deployment/api is 1/3 ready"]);
}

#[test]
fn a_broken_budget_is_that_of_its_pods() {
    let mut web = pod(crash(), Some(("deployment", "web")));
    web.labels = BTreeMap::from([("app".into(), "web".into())]);
    let budget = |app: &str| Budget {
        cause: Cause::new(Level::Degraded, ("pay", "pdb", app), "few"),
        labels: vec![("app".into(), app.into())],
    };
    let seen = Seen {
        groups: vec![(group("web-1", 1), Some(web))],
        budgets: vec![budget("web"), budget("other")],
        ..Seen::default()
    };
    assert_eq!(
        lines(seen),
        ["DEGRADED pay/deployment/web: CrashLoopBackOff, exit 3, 5 restarts", "DEGRADED pay/pdb/other: few"]
    );
}

#[test]
fn a_claim_stands_for_those_that_wait_for_it() {
    let mut waits = pod(Finding::new(Class::Unscheduled, "Unschedulable"), Some(("statefulset", "db")));
    waits.claims = vec!["data".into()];
    let mut db = workload("db", 0, 1);
    db.short.kind = "statefulset";
    let seen = Seen {
        groups: vec![(group("db", 1), Some(waits))],
        workloads: vec![db],
        claims: vec![Cause::new(Level::Degraded, ("pay", "pvc", "data"), "Pending")],
        ..Seen::default()
    };
    assert_eq!(lines(seen), ["CRITICAL pay/pvc/data: Pending, statefulset/db waits for it"]);
}

#[test]
fn who_waits_for_a_claim_is_named_once() {
    let waits = |name: &str, owner: Option<(&str, &str)>| {
        let mut waits = pod(Finding::new(Class::Unscheduled, "Unschedulable"), owner);
        waits.claims = vec!["data".into()];
        (Group { oldest: name.into(), ..group(name, 1) }, Some(waits))
    };
    let told = |groups: Vec<(Group, Option<Pod>)>| {
        let claims = vec![Cause::new(Level::Degraded, ("pay", "pvc", "data"), "Pending")];
        lines(Seen { groups, claims, ..Seen::default() })
    };
    let of_web = ["a", "b", "c"].map(|name| waits(name, Some(("deployment", "web"))));
    assert_eq!(told(of_web.into()), ["DEGRADED pay/pvc/data: Pending, 3 pods of deployment/web wait for it"]);
    let bare = ["a", "b", "c", "d", "e"].map(|name| waits(name, None));
    assert_eq!(
        told(bare.into()),
        ["DEGRADED pay/pvc/data: Pending, pod/a waits for it, pod/b waits for it, pod/c waits for it, and 2 more do"]
    );
}

#[test]
fn pods_of_one_maker_that_end_otherwise_are_told_apart() {
    let ends = |code: &str| Finding { facts: vec![format!("exit {code}")], ..crash() };
    let of_db = |name: &str, code: &str| (group(name, 1), Some(pod(ends(code), Some(("statefulset", "db")))));
    let groups = vec![of_db("db-0", "3"), of_db("db-1", "7"), of_db("db-2", "3")];
    assert_eq!(
        lines(Seen { groups, ..Seen::default() }),
        ["DEGRADED pay/statefulset/db: CrashLoopBackOff ×2 pods, exit 3, also CrashLoopBackOff exit 7 ×1"]
    );
}

#[test]
fn who_refuses_stands_for_what_is_refused() {
    let refused = |name: &str, message: &str| Workload { refused: Some(message.into()), ..workload(name, 1, 3) };
    let quota = "pods \"b\" is forbidden: exceeded quota: team, requested: pods=1, used: pods=1, limited: pods=1";
    let webhook = "failed calling webhook \"policy.example.com\": no route";
    let seen = Seen {
        workloads: vec![
            refused("a", quota),
            refused("b", quota),
            refused("c", webhook),
            refused("d", "violates PodSecurity"),
        ],
        webhooks: vec![(
            "policy.example.com".into(),
            Cause::new(Level::Critical, ("", "validatingwebhookconfiguration", "policy"), "is down"),
        )],
        ..Seen::default()
    };
    assert_eq!(
        lines(seen),
        [
            "CRITICAL validatingwebhookconfiguration/policy: is down, refuses pods of deployment/c (1/3 ready)",
            "DEGRADED pay/quota/team: exceeded, refuses pods of deployment/a (1/3 ready), refuses pods of deployment/b (1/3 ready), \"requested: pods=1, used: pods=1, limited: pods=1\"",
            "DEGRADED pay/deployment/d: its pods are refused, 1/3 ready, \"violates PodSecurity\"",
        ]
    );
}

fn job(name: &str, job: Job, cron_job: Option<&str>) -> JobSeen {
    JobSeen { namespace: "pay".into(), name: name.into(), job, cron_job: cron_job.map(str::to_owned), recovered: false }
}

fn failed(name: &str) -> Job {
    let cause = Cause::new(Level::Degraded, ("pay", "job", name), "failed 2m ago");
    Job::Failed(Box::new(cause.fact("BackoffLimitExceeded")))
}

#[test]
fn jobs_and_their_pods_are_one() {
    let of_job = |name: &str| (group(name, 1), Some(pod(Finding::new(Class::Ended, "Error"), Some(("job", name)))));
    let told = |jobs: Vec<JobSeen>| {
        lines(Seen { groups: vec![of_job("report-29"), of_job("report-28")], jobs, ..Seen::default() })
    };
    let both = || {
        ["report-29", "report-28"].map(|name| job(name, failed(name), Some("report"))).into_iter().collect::<Vec<_>>()
    };
    assert_eq!(
        told(both()),
        ["DEGRADED pay/cronjob/report: failed 2m ago, 2 runs, job/report-29, BackoffLimitExceeded"]
    );
    let recovered = both().into_iter().map(|job| JobSeen { recovered: true, ..job }).collect();
    assert!(told(recovered).is_empty());
    assert_eq!(told(vec![job("report-29", Job::Complete, None)]), ["DEGRADED pay/job/report-28: Error"]);
}

#[test]
fn who_is_not_there_refuses_nothing() {
    let refused = |name: &str, message: &str| Workload { refused: Some(message.into()), ..workload(name, 1, 3) };
    let quota = "pods \"b\" is forbidden: exceeded quota: ghost, requested: pods=1";
    let told = |message: &str, refusers: Refusers| {
        lines(Seen { workloads: vec![refused("a", message)], refusers, ..Seen::default() }).remove(0)
    };
    let quotas = |name: &str| Refusers {
        quotas: BTreeMap::from([(String::from("pay"), BTreeSet::from([name.to_owned()]))]),
        ..Refusers::default()
    };
    assert!(told(quota, quotas("ghost")).starts_with("DEGRADED pay/quota/ghost: exceeded"));
    assert!(told(quota, quotas("team")).starts_with("DEGRADED pay/deployment/a: its pods are refused, 1/3 ready, \""));
    // Nobody may look.
    assert!(told(quota, Refusers::default()).starts_with("DEGRADED pay/quota/ghost: exceeded"));
    let webhook = "failed calling webhook \"x.example.com\": no route";
    let webhooks = |name: &str| Refusers { webhooks: Some(BTreeSet::from([name.to_owned()])), ..Refusers::default() };
    assert!(told(webhook, webhooks("x.example.com")).starts_with("CRITICAL webhook/x.example.com: "));
    assert!(told(webhook, webhooks("y.example.com")).starts_with("DEGRADED pay/deployment/a: its pods are refused"));
}

#[test]
fn a_job_is_hidden_by_none_that_is_called_alike() {
    let recovered = JobSeen { recovered: true, ..job("nightly-29", failed("nightly-29"), Some("nightly")) };
    let jobs = vec![
        recovered,
        job("nightly-cleanup", failed("nightly-cleanup"), None),
        job("db-index", failed("db-index"), None),
        job("db-seed", failed("db-seed"), None),
        job("db-29", failed("db-29"), Some("db")),
    ];
    let told = lines(Seen { jobs, ..Seen::default() });
    assert_eq!(
        told,
        [
            "DEGRADED pay/cronjob/db: failed 2m ago, job/db-29, BackoffLimitExceeded",
            "DEGRADED pay/job/db-index: failed 2m ago, BackoffLimitExceeded",
            "DEGRADED pay/job/db-seed: failed 2m ago, BackoffLimitExceeded",
            "DEGRADED pay/job/nightly-cleanup: failed 2m ago, BackoffLimitExceeded",
        ]
    );
    // Very many that say the same are one line.
    let jobs = (1..=7).map(|n| format!("j{n}")).map(|name| job(&name, failed(&name), None)).collect();
    let told = lines(Seen { jobs, ..Seen::default() });
    assert_eq!(told, ["DEGRADED pay/job/j1: failed 2m ago, BackoffLimitExceeded, also j2, j3, j4, j5 and 2 more"]);
}

#[test]
fn pods_that_nobody_made_are_told_by_their_reason() {
    let seen = Seen {
        groups: vec![
            (group("a", 1), Some(pod(crash(), None))),
            (group("b", 1), Some(pod(crash(), None))),
            (Group { status: "Evicted".into(), ..group("c", 4) }, None),
            (group("d", 1), Some(pod(Finding::new(Class::Starting, "ContainerCreating"), None))),
        ],
        ..Seen::default()
    };
    let folded = fold(seen);
    assert_eq!((folded.starting.count, folded.starting.slow), (1, 1));
    assert!(folded.starting.named.is_empty(), "its age is not known");
    let told: Vec<String> = folded.causes.iter().map(|cause| format!("{}: {}", cause.object(), cause.told())).collect();
    assert_eq!(
        told,
        [
            "pay/pod/c-a: Evicted ×4 pods, not looked at",
            "pay/pod/a-a: CrashLoopBackOff, exit 3, 5 restarts",
            "pay/pod/b-a: CrashLoopBackOff, exit 3, 5 restarts"
        ]
    );
    // Each may have a cause of its own; where there are many, nobody would read them all.
    let many = ["a", "b", "c", "d"].map(|stem| (group(stem, 1), Some(pod(crash(), None))));
    let told: Vec<String> = fold(Seen { groups: many.into(), ..Seen::default() })
        .causes
        .iter()
        .map(|cause| format!("{}: {}", cause.object(), cause.told()))
        .collect();
    assert_eq!(told, ["pay/pod/a-a: CrashLoopBackOff ×4 pods, also b-a, c-a and 1 more, exit 3"]);
}

#[test]
fn a_cron_job_is_told_by_its_jobs_or_by_itself() {
    let never = |name: &str| Cause::new(Level::Degraded, ("pay", "cronjob", name), super::NEVER);
    let failed = Cause::new(Level::Degraded, ("pay", "job", "report-1"), "failed 2m ago");
    let seen = Seen {
        jobs: vec![JobSeen {
            namespace: "pay".into(),
            name: "report-1".into(),
            job: Job::Failed(Box::new(failed)),
            cron_job: Some("report".into()),
            recovered: false,
        }],
        others: vec![never("report"), never("silent")],
        ..Seen::default()
    };
    let told: Vec<String> = fold(seen).causes.iter().map(Cause::object).collect();
    assert_eq!(told, ["pay/cronjob/report", "pay/cronjob/silent"]);
}

#[test]
fn what_has_been_replaced_is_a_note_unless_it_goes_on() {
    let evicted = |count: u64, age: i64| {
        let pod = pod(Finding::new(Class::Ended, "Evicted"), Some(("deployment", "api")));
        let some = vec![(String::from("api-1-a"), 90_000), (String::from("api-1-b"), age)];
        let groups = vec![(Group { some, age: 90_000, ..group("api-1", count) }, Some(pod))];
        fold(Seen { groups, ..Seen::default() }).causes
    };
    assert_eq!(Verdict::of(&evicted(58, 80_000), false), Verdict::Healthy);
    assert_eq!(evicted(2, 20)[0].level, Level::Note);
    assert_eq!(evicted(58, 20)[0].level, Level::Degraded);
}

#[test]
fn a_namespace_that_ends_stands_for_what_is_in_it() {
    let seen = Seen {
        groups: vec![(group("api-1", 3), Some(pod(crash(), Some(("deployment", "api")))))],
        namespaces: vec![Cause::new(Level::Degraded, ("", "namespace", "pay"), "Terminating")],
        ..Seen::default()
    };
    assert_eq!(lines(seen), ["DEGRADED namespace/pay: Terminating"]);
}

#[test]
fn an_autoscaler_waits_for_its_target_and_for_metrics() {
    let scaler = |name: &str| Scaler {
        cause: Cause::new(Level::Degraded, ("pay", "hpa", name), "ScalingActive=False").fact("FailedGetResourceMetric"),
        target: format!("deployment/{name}"),
    };
    let seen = |others: Vec<Cause>| Seen {
        groups: vec![(group("api-1", 1), Some(pod(crash(), Some(("deployment", "api")))))],
        scalers: vec![scaler("api"), scaler("web")],
        others,
        ..Seen::default()
    };
    assert_eq!(lines(seen(Vec::new())).len(), 2);
    let metrics = Cause::new(Level::Degraded, ("", "apiservice", "v1beta1.metrics.k8s.io"), "not available");
    let told = lines(seen(vec![metrics]));
    assert!(told.len() == 2 && told[0].contains("apiservice"), "{told:?}");
}

#[test]
fn many_notes_are_one_and_the_order_is_always_the_same() {
    let note = |name: &str| Cause::new(Level::Note, ("pay", "cronjob", name), "suspended");
    let others = ["d", "b", "a", "c"].map(note).to_vec();
    assert_eq!(lines(Seen { others, ..Seen::default() }), ["note pay/cronjob/a: suspended, also b, c, d"]);
}

#[test]
fn the_same_in_very_many_namespaces_is_one() {
    let of = |n: usize| (Group { namespace: format!("n{n}"), status: "Pending".into(), ..group("p", 2) }, None);
    let told = lines(Seen { groups: (0..9).map(of).collect(), ..Seen::default() });
    assert_eq!(
        told,
        ["DEGRADED n0/pod/p-a: Pending, not looked at, also n1/p-a, n2/p-a, n3/p-a, n4/p-a and 4 more: 18 in all"]
    );
}

#[test]
fn what_could_not_be_read_is_never_healthy() {
    let cause = |level| Cause::new(level, ("", "node", "n"), "x");
    assert_eq!(Verdict::of(&[], false), Verdict::Healthy);
    assert_eq!(Verdict::of(&[cause(Level::Note)], true), Verdict::Unknown);
    assert_eq!(Verdict::of(&[cause(Level::Note), cause(Level::Degraded)], true), Verdict::Degraded);
    assert_eq!(Verdict::of(&[cause(Level::Critical)], false), Verdict::Critical);
}

#[test]
fn nobody_speaks_for_others_of_that_name() {
    let bare = |name: &str, finding: Finding, beyond: u64| {
        (Group { beyond, oldest: name.into(), ..group(name, 1) }, Some(pod(finding, None)))
    };
    let exit = |code: &str| Finding { facts: vec![format!("exit {code}")], ..crash() };
    let told = |groups: Vec<(Group, Option<Pod>)>| lines(Seen { groups, ..Seen::default() });
    // One that is fine by now, and one that never was.
    let two = vec![
        bare("api-one", Finding::new(Class::Restarted, "restarts"), 0),
        bare("api-two", Finding::new(Class::NotReady, "not ready"), 0),
    ];
    assert_eq!(told(two), ["DEGRADED pay/pod/api-two: not ready", "note pay/pod/api-one: restarts"]);
    let two = vec![bare("app-one", exit("3"), 0), bare("app-two", exit("7"), 0)];
    assert_eq!(
        told(two),
        ["DEGRADED pay/pod/app-one: CrashLoopBackOff, exit 3", "DEGRADED pay/pod/app-two: CrashLoopBackOff, exit 7"]
    );
    let many = (1..=60).map(|n| bare(&format!("load-{n:06}"), exit("3"), if n == 1 { 9_940 } else { 0 })).collect();
    assert_eq!(
        told(many),
        [
            "DEGRADED pay/pod/load-000001: CrashLoopBackOff ×60 pods, also load-000002, load-000003 and 57 more, exit 3, 9940 more called load-* have this status and were not looked at"
        ]
    );
    // Nobody looked at those behind one that is fine.
    let behind = Group { status: "Running".into(), sign: Sign::Short, beyond: 9, ..group("web-1", 1) };
    let seen = vec![(behind, Some(pod(Finding::new(Class::Restarted, "restarts"), None)))];
    assert_eq!(
        told(seen),
        ["DEGRADED pay/pod/web-1-*: not ready ×9 pods, not looked at", "note pay/pod/web-1-a: restarts"]
    );
}

#[test]
fn a_pod_of_somebodys_own_kind_of_job_is_none_of_the_job_of_that_name() {
    let crashing = (group("train", 1), Some(pod(crash(), Some(("job.att.example.com", "train")))));
    let jobs = vec![job("train", Job::Complete, None)];
    let seen = Seen { groups: vec![crashing], jobs, ..Seen::default() };
    assert_eq!(lines(seen), ["DEGRADED pay/job.att.example.com/train: CrashLoopBackOff, exit 3, 5 restarts"]);
}
