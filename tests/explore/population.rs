//! Equality with kubectl: on pods of every sort, made up by a generator on a node that does not exist, `kube_find` says of each what kubectl
//! prints, finds as many objects as kubectl lists, and names the owners that the objects name.

use std::collections::BTreeMap;

use harness::{
    Client,
    cluster::{Cluster, Namespace},
};
use serde_json::{Value, json};

use crate::{client, server};

/// How many pods.
const PODS: u64 = 60;
/// How often is compared until a moment comes in which nothing changes between the two looks.
const LOOKS: usize = 10;

/// Numbers that are chance of a sort, and the same each time.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }

    fn one_of<'a>(&mut self, all: &[&'a str]) -> &'a str {
        all[usize::try_from(self.roll(all.len() as u64)).unwrap()]
    }

    /// Within the last three hours, or a little in the future: the clock of a node may be ahead.
    fn time(&mut self) -> String {
        let ago = i64::try_from(self.roll(10_800)).unwrap() - 300;
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
        jiff::Timestamp::from_second(i64::try_from(now).unwrap() - ago).unwrap().to_string()
    }

    fn state(&mut self) -> Value {
        match self.roll(6) {
            0..=2 => json!({"running": {"startedAt": self.time()}}),
            3 => {
                json!({"waiting": {"reason": self.one_of(&["CrashLoopBackOff", "ImagePullBackOff", "ContainerCreating", "CreateContainerConfigError"])}})
            }
            _ => self.ended(),
        }
    }

    fn ended(&mut self) -> Value {
        let (code, reason) = [(0, "Completed"), (1, "Error"), (137, "OOMKilled"), (143, ""), (3, "Error")]
            [usize::try_from(self.roll(5)).unwrap()];
        json!({"terminated": {"exitCode": code, "reason": reason, "startedAt": self.time(), "finishedAt": self.time()}})
    }

    fn container(&mut self, name: &str) -> Value {
        let state = self.state();
        let restarts = [0, 0, 1, 4, 117][usize::try_from(self.roll(5)).unwrap()];
        let last = if restarts > 0 && self.roll(4) > 0 { self.ended() } else { json!({}) };
        let ready = state.get("running").is_some() && self.roll(3) > 0;
        json!({"name": name, "image": "x", "imageID": "", "ready": ready, "restartCount": restarts, "state": state, "lastState": last})
    }
}

/// A pod of any sort, and its status.
fn pod(dice: &mut Dice, number: u64, node: &str) -> (Value, Value) {
    let names = |kind: &str, count: u64| (0..count).map(|number| format!("{kind}{number}")).collect::<Vec<_>>();
    let (main, init) = (names("main", 1 + dice.roll(3)), names("init", dice.roll(3)));
    let specs = |names: &[String]| names.iter().map(|name| json!({"name": name, "image": "x"})).collect::<Vec<_>>();
    let mut spec =
        json!({"containers": specs(&main), "initContainers": specs(&init), "terminationGracePeriodSeconds": 600});
    if dice.roll(10) > 0 {
        spec["nodeName"] = node.into();
    } else {
        spec["nodeSelector"] = json!({"no-such": "node"});
    }
    if dice.roll(4) == 0 {
        spec["readinessGates"] = json!([{"conditionType": "example.com/in"}]);
    }
    let object = json!({"apiVersion": "v1", "kind": "Pod", "spec": spec,
        "metadata": {"name": format!("pod-{number}"), "labels": {"made": "up"}}});
    let mut status =
        json!({"phase": dice.one_of(&["Running", "Running", "Running", "Pending", "Failed", "Succeeded"])});
    // Some say nothing of their containers yet.
    if dice.roll(8) > 0 {
        status["containerStatuses"] = main.iter().map(|name| dice.container(name)).collect();
        status["initContainerStatuses"] = init.iter().map(|name| dice.container(name)).collect();
    }
    if dice.roll(6) == 0 {
        status["reason"] = dice.one_of(&["Evicted", "NodeLost", "Shutdown"]).into();
    }
    let made =
        json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": format!("pod-{number}")}, "status": status});
    (object, made)
}

fn list(items: &[Value]) -> String {
    json!({"apiVersion": "v1", "kind": "List", "items": items}).to_string()
}

/// Makes them all, and whatever else is to be found.
fn populate(namespace: &Namespace<'_>, node: &str) {
    let cluster = Cluster::get();
    cluster.apply(
        namespace.name(),
        &json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": node}, "spec": {"taints": [{"key": "made-up", "effect": "NoSchedule"}]}})
            .to_string(),
    );
    let mut dice = Dice(7);
    let (objects, statuses): (Vec<Value>, Vec<Value>) = (0..PODS).map(|number| pod(&mut dice, number, node)).unzip();
    namespace.apply(&list(&objects));
    namespace.feed(
        &["apply", "--server-side", "--subresource=status", "--force-conflicts", "--filename=-"],
        &list(&statuses),
    );
    namespace.kubectl(&["delete", "pod", "pod-3", "pod-8", "--wait=false"]);
    let labels = json!({"made": "up"});
    let template = json!({"metadata": {"labels": labels}, "spec": {"nodeSelector": {"no-such": "node"}, "containers": [{"name": "a", "image": "x"}]}});
    let owned = (0..4).map(|replicas| {
        json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": format!("web-{replicas}"), "labels": labels},
            "spec": {"replicas": replicas, "selector": {"matchLabels": {"made": "up"}}, "template": template}})
    });
    let plain = ["ConfigMap", "Secret", "ServiceAccount"]
        .map(|kind| json!({"apiVersion": "v1", "kind": kind, "metadata": {"name": "plain", "labels": labels}}));
    namespace.apply(&list(&owned.chain(plain).collect::<Vec<_>>()));
    namespace.wait(&["--for=jsonpath={.status.replicas}=3", "deployment/web-3"]);
}

/// What kubectl prints of the objects of a kind: name, and the other columns.
fn printed(namespace: &Namespace<'_>, kind: &str) -> BTreeMap<String, Vec<String>> {
    let text = namespace.ask(&["get", kind, "--no-headers", "--output=wide"]);
    text.lines()
        .map(|line| {
            let mut cells = line.split("   ").map(str::trim).filter(|cell| !cell.is_empty()).map(str::to_owned);
            (cells.next().unwrap(), cells.collect())
        })
        .collect()
}

/// What `kube_find` says of the same.
async fn found(client: &mut Client, arguments: Value) -> (BTreeMap<String, Value>, u64) {
    let answer = client.call("kube_find", arguments).await["structuredContent"].clone();
    let objects = answer["objects"]["items"].as_array().unwrap_or_else(|| panic!("{answer}"));
    let named = objects.iter().map(|object| (object["name"].as_str().unwrap().to_owned(), object.clone()));
    (named.collect(), answer["objects"]["total"].as_u64().unwrap())
}

/// What differs between the two, in the columns they share.
fn difference(
    printed: &BTreeMap<String, Vec<String>>,
    found: &BTreeMap<String, Value>,
    columns: &[(&str, usize)],
) -> Vec<String> {
    let mut wrong = Vec::new();
    if printed.keys().ne(found.keys()) {
        wrong.push(format!("kubectl lists {:?}, and found are {:?}", printed.keys(), found.keys()));
    }
    for (name, cells) in printed {
        for (column, at) in columns {
            let said = found.get(name).and_then(|object| object[*column].as_str());
            let cell =
                Some(cells[*at].as_str()).filter(|cell| *cell != "<none>" && (*column, *cell) != ("restarts", "0"));
            if said != cell {
                wrong.push(format!("{column} of {name} is {cell:?}, and said is {said:?}"));
            }
        }
    }
    wrong
}

#[tokio::test]
async fn of_every_sort_of_pod_the_same_is_said_as_kubectl_prints() {
    let cluster = Cluster::get();
    let namespace = cluster.namespace("population");
    let node = format!("{}-ghost", namespace.name());
    populate(&namespace, &node);
    let mut client = client(&server(cluster.kubeconfig()).env("RESULTS", "structured")).await;
    let here = |kind: &str| json!({"kind": kind, "namespace": namespace.name(), "selector": "made=up", "limit": 200, "budget": 25_000});

    for (kind, columns) in [
        ("pods", &[("ready", 0), ("status", 1), ("restarts", 2), ("age", 3), ("node", 5)][..]),
        ("deployments", &[("ready", 0), ("age", 3)]),
    ] {
        let mut wrong = Vec::new();
        for _ in 0..LOOKS {
            // What is the same before and after has not changed between.
            let before = printed(&namespace, kind);
            let (objects, total) = found(&mut client, here(kind)).await;
            let after = printed(&namespace, kind);
            assert!(before.len() as u64 >= if kind == "pods" { PODS } else { 4 }, "{before:?}");
            wrong = difference(&after, &objects, columns);
            if total != after.len() as u64 {
                wrong.push(format!("{total} are said to be there, and {} are", after.len()));
            }
            if wrong.is_empty() || difference(&before, &objects, columns).is_empty() {
                wrong.clear();
                break;
            }
        }
        assert!(wrong.is_empty(), "{kind}: {wrong:#?}");
    }

    // All kinds, counted.
    let kinds = cluster.ask(&["api-resources", "--verbs=list", "--namespaced", "--output=name"]);
    let kinds: Vec<&str> = kinds.lines().filter(|kind| !kind.starts_with("event")).collect();
    let listed = namespace.ask(&["get", &kinds.join(","), "--selector=made=up", "--output=name"]).lines().count();
    let (_, total) =
        found(&mut client, json!({"selector": "made=up", "namespace": namespace.name(), "limit": 200})).await;
    assert_eq!(total, listed as u64);

    // Owners.
    let owners = "--output=jsonpath={range .items[?(@.metadata.ownerReferences)]}{.metadata.name}{\" \"}{.metadata.ownerReferences[0].name}{\"\\n\"}{end}";
    let (pods, sets) = (namespace.ask(&["get", "pods", owners]), namespace.ask(&["get", "replicasets", owners]));
    let of = |sets: &str, name: &str| {
        sets.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ').map(str::to_owned)).unwrap()
    };
    assert_eq!(pods.lines().count(), 6, "{pods}");
    for line in pods.lines() {
        let (pod, set) = line.split_once(' ').unwrap();
        let answer =
            client.call("kube_inspect", json!({"name": pod, "kind": "pod", "namespace": namespace.name()})).await;
        let owners = answer["structuredContent"]["owners"].clone();
        assert_eq!(owners, json!([format!("replicaset/{set}"), format!("deployment/{}", of(&sets, set))]), "{answer}");
    }
    // Nobody confirms the end of pods of a node that is not there.
    namespace.kubectl(&["delete", "pods", "--all", "--force", "--wait=false"]);
    cluster.kubectl(&["delete", "node", &node]);
}
