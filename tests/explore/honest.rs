//! `kube_health` says of each object what is true of it: nobody speaks for others by a name alone, and a name is one of a kind and a group.

use std::time::{Duration, Instant};

use harness::{
    Client,
    cluster::{Cluster, Namespace},
};
use serde_json::json;

use crate::{admin, ok};

/// How long it may take until all is seen.
const PATIENCE: Duration = Duration::from_secs(150);
/// The most bytes of an answer: 800 tokens.
const MOST: usize = 800 * 4;

/// A pod that runs `command`.
fn pod(name: &str, spec: &str, command: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Pod\nmetadata: {{name: {name}, labels: {{app: {name}}}}}\nspec: {{terminationGracePeriodSeconds: 0, {}}}\n---\n",
        template(spec, command)
    )
}

/// What of a pod's spec makes it run `command`.
fn template(spec: &str, command: &str) -> String {
    let container =
        format!("name: main, image: '{{{{image}}}}', imagePullPolicy: Never, command: [sh, -c, '{command}']");
    let (own, rest) = spec.split_once('|').unwrap_or(("", spec));
    let own = if own.is_empty() { String::new() } else { format!(", {own}") };
    let rest = if rest.is_empty() { String::new() } else { format!(", {rest}") };
    format!("containers: [{{{container}{own}}}]{rest}")
}

/// A job that runs `command` once.
fn job(name: &str, spec: &str, command: &str) -> String {
    format!(
        "apiVersion: batch/v1\nkind: Job\nmetadata: {{name: {name}}}\nspec: {{backoffLimit: 0, template: {{spec: {{restartPolicy: Never, {}}}}}}}\n---\n",
        template(spec, command)
    )
}

/// Asks until every one of `lines` stands in the answer, each as how a line begins behind the namespace and what is in it.
async fn told(client: &mut Client, namespace: &Namespace<'_>, lines: &[(&str, &[&str])]) -> String {
    let end = Instant::now() + PATIENCE;
    loop {
        let text = ok(client, "kube_health", json!({"namespace": namespace.name()})).await;
        let missing = lines.iter().find(|(begins, has)| {
            let (level, object) = begins.split_once(' ').unwrap();
            let begins = format!("{level} {}/{object}: ", namespace.name());
            !text.lines().any(|line| line.starts_with(&begins) && has.iter().all(|has| line.contains(has)))
        });
        let Some((missing, has)) = missing else {
            assert!(text.len() <= MOST, "{text}");
            return text;
        };
        assert!(Instant::now() < end, "no {missing} with {has:?}: {text}");
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

#[tokio::test]
async fn nobody_speaks_for_a_pod_that_is_called_alike() {
    let namespace = Cluster::get().namespace("alike");
    let kept = "volumeMounts: [{name: v, mountPath: /v}]|volumes: [{name: v, emptyDir: {}}]";
    let never = "readinessProbe: {exec: {command: [\"false\"]}, periodSeconds: 1}|";
    namespace.apply(
        &[
            pod("api-one", kept, "test -e /v/x && exec sleep 3600; touch /v/x; exit 1"),
            pod("api-two", never, "exec sleep 3600"),
            pod("app-one", "", "echo FATAL: no disk; exit 3"),
            pod("app-two", "", "echo FATAL: no network; exit 7"),
        ]
        .concat(),
    );
    let mut client = admin().await;
    let text = told(
        &mut client,
        &namespace,
        &[
            ("note pod/api-one", &["restarts ×1", "exit 1"]),
            ("DEGRADED pod/api-two", &["not ready"]),
            ("DEGRADED pod/app-one", &["exit 3", "FATAL: no disk"]),
            ("DEGRADED pod/app-two", &["exit 7", "FATAL: no network"]),
        ],
    )
    .await;
    assert!(text.contains("; 3 degraded, 1 note"), "{text}");
}

#[tokio::test]
async fn a_job_of_another_group_is_not_the_job_of_that_name() {
    let cluster = Cluster::get();
    let namespace = cluster.namespace("owners");
    let group = format!("{}.example.com", namespace.name());
    cluster.apply(
        namespace.name(),
        &format!(
            "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {{name: jobs.{group}}}\nspec:\n  group: {group}\n  scope: Namespaced\n  names: {{kind: Job, plural: jobs, singular: job}}\n  versions: [{{name: v1, served: true, storage: true, schema: {{openAPIV3Schema: {{type: object, x-kubernetes-preserve-unknown-fields: true}}}}}}]\n"
        ),
    );
    namespace.wait(&["--for=condition=Established", &format!("crd/jobs.{group}")]);
    namespace.apply(&job("train", "", "true"));
    namespace.wait(&["--for=condition=Complete", "job/train"]);
    namespace.apply(&format!("apiVersion: {group}/v1\nkind: Job\nmetadata: {{name: train}}\n"));
    let uid = namespace.ask(&["get", &format!("jobs.{group}"), "train", "--output=jsonpath={.metadata.uid}"]);
    let owner =
        format!("ownerReferences: [{{apiVersion: {group}/v1, kind: Job, name: train, uid: {uid}, controller: true}}]");
    let crashing = pod("train-0", "", "echo diverged; exit 4");
    namespace.apply(&crashing.replace("labels: {app: train-0}", &owner));
    let mut client = admin().await;
    let line = format!("DEGRADED job.{group}/train");
    let text = told(&mut client, &namespace, &[(&line, &["exit 4", "diverged"])]).await;
    assert!(text.contains("1 custom resource without a state") && text.contains("1 job"), "{text}");
    cluster.kubectl(&["delete", "crd", &format!("jobs.{group}"), "--wait=false"]);
}

#[tokio::test]
async fn jobs_are_told_one_by_one_and_those_without_a_pod_too() {
    let namespace = Cluster::get().namespace("jobs");
    let stateful = format!(
        "apiVersion: apps/v1\nkind: StatefulSet\nmetadata: {{name: db}}\nspec: {{serviceName: db, selector: {{matchLabels: {{app: db}}}}, template: {{metadata: {{labels: {{app: db}}}}, spec: {{serviceAccountName: gone, {}}}}}}}\n---\n",
        template("", "sleep 3600")
    );
    // What somebody wrote who is no controller.
    let made_up = format!(
        "apiVersion: v1\nkind: Event\nmetadata: {{name: made-up}}\ntype: Warning\nreason: FailedCreate\nmessage: 'pods \"db-0\" is forbidden: exceeded quota: ghost, requested: pods=1'\ninvolvedObject: {{kind: StatefulSet, name: db, namespace: {}}}\nlastTimestamp: '2999-01-01T00:00:00Z'\nsource: {{component: nobody}}\n---\n",
        namespace.name()
    );
    namespace.apply(
        &[
            job("db-index", "", "echo index is broken; exit 3"),
            job("db-seed", "", "echo no seeds; exit 4"),
            job("db", "", "echo no database; exit 5"),
            job("nobody", "serviceAccountName: gone", "true"),
            stateful,
            made_up,
        ]
        .concat(),
    );
    let mut client = admin().await;
    let text = told(
        &mut client,
        &namespace,
        &[
            ("DEGRADED job/db-index", &["exit 3", "index is broken"]),
            ("DEGRADED job/db-seed", &["exit 4", "no seeds"]),
            ("DEGRADED job/db", &["exit 5", "no database"]),
            ("DEGRADED job/nobody", &["its pods are refused, none was made for ", "serviceaccount \"gone\" not found"]),
            ("CRITICAL statefulset/db", &["its pods are refused, 0/1 ready", "serviceaccount \"gone\" not found"]),
        ],
    )
    .await;
    assert!(!text.contains("ghost"), "{text}");
}

#[tokio::test]
async fn a_job_that_a_quota_keeps_from_its_pod_is_not_fine() {
    let namespace = Cluster::get().namespace("refused");
    namespace.apply("apiVersion: v1\nkind: ResourceQuota\nmetadata: {name: none}\nspec: {hard: {pods: '0'}}\n---\n");
    namespace.apply(&job("work", "", "true"));
    let mut client = admin().await;
    let line = ("DEGRADED quota/none", &["exceeded", "refuses pods of job/work", "limited: pods=0"][..]);
    let text = told(&mut client, &namespace, &[line]).await;
    assert!(!text.contains("fine:"), "{text}");
}

#[tokio::test]
async fn what_services_lead_to_and_what_goes_in_its_time() {
    let namespace = Cluster::get().namespace("leads");
    let service = |name: &str, app: &str, target: &str| {
        format!(
            "apiVersion: v1\nkind: Service\nmetadata: {{name: {name}}}\nspec: {{selector: {{app: {app}}}, ports: [{{port: 80{target}}}]}}\n---\n"
        )
    };
    namespace.apply(
        &[
            pod("web", "ports: [{name: http, containerPort: 8080}]|", "exec sleep 3600"),
            pod("over", "|restartPolicy: Never", "true"),
            pod("slow", "", "trap : TERM; while :; do sleep 1; done").replace("Seconds: 0", "Seconds: 300"),
            service("right", "web", ", targetPort: http"),
            service("wrong", "web", ", targetPort: htpp"),
            service("past", "over", ""),
        ]
        .concat(),
    );
    namespace.wait(&["--for=condition=Ready", "pod/web", "pod/slow"]);
    namespace.ask(&["delete", "pod", "slow", "--wait=false"]);
    let mut client = admin().await;
    let text = told(
        &mut client,
        &namespace,
        &[
            ("DEGRADED service/wrong", &["sends to nobody", "port 80 goes to htpp, and its pods name http"]),
            ("DEGRADED service/past", &["sends to nobody", "the pods it selects have ended, as pod/over"]),
        ],
    )
    .await;
    assert!(!text.contains("Terminating") && text.contains("1 service"), "{text}");
    namespace.kubectl(&["delete", "pod", "slow", "--force"]);
}

#[tokio::test]
async fn custom_resources_say_no_in_their_own_way() {
    let cluster = Cluster::get();
    let namespace = cluster.namespace("customs");
    let group = format!("{}.example.com", namespace.name());
    let definition = |plural: &str, kind: &str, columns: &str| {
        format!(
            "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {{name: {plural}.{group}}}\nspec:\n  group: {group}\n  scope: Namespaced\n  names: {{kind: {kind}, plural: {plural}}}\n  versions:\n  - name: v1\n    served: true\n    storage: true\n    additionalPrinterColumns: [{columns}]\n    schema: {{openAPIV3Schema: {{type: object, x-kubernetes-preserve-unknown-fields: true}}}}\n---\n"
        )
    };
    let ready = "{name: Ready, type: boolean, jsonPath: .status.ready}";
    namespace.apply(&[definition("lamps", "Lamp", ready), definition("mutes", "Mute", "")].concat());
    for plural in ["lamps", "mutes"] {
        namespace.wait(&["--for=condition=Established", &format!("crd/{plural}.{group}")]);
    }
    let object = |kind: &str, name: &str, status: &str| {
        format!("apiVersion: {group}/v1\nkind: {kind}\nmetadata: {{name: {name}}}\nstatus: {status}\n---\n")
    };
    let broken =
        "{conditions: [{type: Ready, status: 'False', reason: Broken, lastTransitionTime: '2026-01-01T00:00:00Z'}]}";
    namespace.apply(
        &[
            object("Lamp", "dark", "{ready: false}"),
            object("Lamp", "bright", "{ready: true}"),
            object("Mute", "sick", broken),
            object("Mute", "plain", "{}"),
        ]
        .concat(),
    );
    // A kind whose name is taken.
    namespace.apply(&definition("mutts", "Mute", ""));
    let mut client = admin().await;
    let text = told(
        &mut client,
        &namespace,
        &[("DEGRADED lamp/dark", &["ready=false"]), ("DEGRADED mute/sick", &["Ready=False", "Broken"])],
    )
    .await;
    assert!(text.contains("fine: 1 custom resource, 1 custom resource without a state"), "{text}");
    let line = format!("customresourcedefinition/mutts.{group}: its kind is not served, NamesAccepted=False");
    let end = Instant::now() + PATIENCE;
    loop {
        let all = ok(&mut client, "kube_health", json!({"budget": 25_000})).await;
        if all.contains(&line) {
            break;
        }
        assert!(Instant::now() < end, "{all}");
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    for plural in ["lamps", "mutes", "mutts"] {
        cluster.kubectl(&["delete", "crd", &format!("{plural}.{group}"), "--wait=false"]);
    }
}
