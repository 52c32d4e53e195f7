//! What the server holds of what is large: little, whatever passes through it.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use harness::{
    Client,
    cluster::{Cluster, Namespace},
};
use serde_json::{Value, json};

use crate::{admin, ask, framed, ok};

/// The most memory the server may have had, in KiB: some more than it has after its start, and far less than what it is given to read.
const SERVER: u64 = 32 << 10;
/// The most that its kubectl may have had when it passed on many lines.
const KUBECTL: u64 = 256 << 10;
/// How long half a gigabyte may take to pass, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(180);

/// A container that has said all it has to say when it is ready.
const TALKER: &str = r#"
apiVersion: v1
kind: Pod
metadata: {name: talker}
spec:
  terminationGracePeriodSeconds: 0
  containers:
  - name: main
    image: "{{image}}"
    imagePullPolicy: Never
    command: [sh, -c, "{{said}}; touch /done; sleep 100000"]
    readinessProbe: {exec: {command: [test, -e, /done]}, periodSeconds: 1}
"#;

fn talker(said: &str) -> Namespace<'static> {
    let namespace = Cluster::get().namespace("memory");
    namespace.apply(&TALKER.replace("{{said}}", said));
    namespace.wait(&["--for=condition=Ready", "pod/talker"]);
    namespace
}

/// The most memory a process has had, in KiB; none of one that is gone.
fn peak(id: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.split_ascii_whitespace().next()?.parse().ok()).unwrap_or(0)
}

fn children(id: u32) -> Vec<u32> {
    let threads = std::fs::read_dir(format!("/proc/{id}/task")).into_iter().flatten().flatten();
    let lists = threads.map(|thread| std::fs::read_to_string(thread.path().join("children")).unwrap_or_default());
    lists.flat_map(|list| list.split_ascii_whitespace().flat_map(str::parse).collect::<Vec<_>>()).collect()
}

/// The text of an answer that may take its time, and the most memory that kubectl has had meanwhile.
async fn logs(client: &mut Client, arguments: Value) -> (String, u64) {
    let most = Arc::new(AtomicU64::new(0));
    let (server, seen) = (client.process(), most.clone());
    let watch = tokio::spawn(async move {
        loop {
            let now = children(server).into_iter().map(peak).max().unwrap_or(0);
            seen.fetch_max(now, Ordering::Relaxed);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    let id = client.ask("tools/call", json!({"name": "kubectl_logs", "arguments": arguments})).await;
    let answer = client.next(PATIENCE).await.expect("an answer");
    watch.abort();
    assert!(answer["id"] == id && answer["result"]["isError"] != true, "{answer}");
    (harness::text(&answer["result"]).to_owned(), most.load(Ordering::Relaxed))
}

fn words(text: &str) -> Vec<&str> {
    framed(text).lines().filter_map(|line| line.split(' ').next()).collect()
}

#[tokio::test]
async fn half_a_gigabyte_of_log_is_searched_and_counted_without_being_held() {
    // 62,500 lines of 8,000 bytes and their number; every second one matches.
    let namespace = talker(
        r"p=$(head -c 8000 /dev/zero | tr '\\0' x); for i in $(seq 31250); do echo line-$((2 * i - 1)) $p; echo line-$((2 * i)) $p ERROR; done",
    );
    let mut client = admin().await;
    let of = |more: Value| {
        let mut arguments = json!({"pod": "talker", "namespace": namespace.name(), "tail": 3});
        arguments.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        arguments
    };
    let (text, kubectl) = logs(&mut client, of(json!({"grep": "error"}))).await;
    assert!(text.contains("the last 3 of 31250 lines with `error` among 62500"), "{text}");
    assert_eq!(words(&text), ["line-62496", "line-62498", "line-62500"]);
    assert!(text.contains("[3 lines are longer than") && text.contains("…(+5969 bytes)"), "{text}");
    let (text, _) = logs(&mut client, of(json!({}))).await;
    assert_eq!(words(&text), ["line-62498", "line-62499", "line-62500"]);

    let server = peak(client.process());
    assert!(0 < server && server <= SERVER, "the server had {server} KiB");
    assert!(0 < kubectl && kubectl <= KUBECTL, "kubectl had {kubectl} KiB");
}

#[tokio::test]
async fn a_line_of_a_hundred_megabytes_is_cut_and_said() {
    let namespace = talker(r"echo before; head -c 100000000 /dev/zero | tr '\\0' x; echo; echo after");
    let mut client = admin().await;
    let arguments = json!({"pod": "talker", "namespace": namespace.name(), "grep": "xxx"});
    let (text, _) = logs(&mut client, arguments).await;
    assert!(text.contains("the last 1 of 1 lines with `xxx` among 3"), "{text}");
    assert!(framed(&text).ends_with(&format!("xxx…(+{} bytes)", 100_000_000 - 2048)), "{text}");
    assert!(text.contains("[1 lines are longer than is shown of them: …(+N bytes)]"), "{text}");
    // It lies there in thousands of pieces, and is one line all the same.
    let arguments = json!({"pod": "talker", "namespace": namespace.name(), "tail": 2});
    let (text, _) = logs(&mut client, arguments).await;
    let lines: Vec<&str> = framed(&text).lines().collect();
    assert!(lines.len() == 2 && lines[0].starts_with("xxx") && lines[1] == "after", "{text}");
    assert!(lines[0].ends_with(&format!("xxx…(+{} bytes)", 100_000_000 - 2048)), "{text}");
    let server = peak(client.process());
    assert!(0 < server && server <= SERVER, "the server had {server} KiB");
}

#[tokio::test]
async fn objects_are_held_one_at_a_time_in_every_form() {
    const OBJECTS: usize = 40;
    let namespace = Cluster::get().namespace("memory");
    let value = "x".repeat(100_000);
    let data: serde_json::Map<String, Value> = (0..8).map(|key| (format!("k{key}"), json!(value))).collect();
    let map = |number| {
        let labels = json!({"name": format!("large-{number:02}"), "labels": {"large": "yes"}});
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": labels, "data": data})
    };
    let list = json!({"apiVersion": "v1", "kind": "List", "items": (0..OBJECTS).map(map).collect::<Vec<_>>()});
    let file = tempfile::NamedTempFile::new().expect("file");
    std::fs::write(file.path(), list.to_string()).expect("write");
    // Not applied: that would want an annotation as large as the object.
    namespace.ask(&["create", "--filename", &file.path().display().to_string()]);

    let mut client = admin().await;
    let of = |output: &str| json!({"resource": "configmaps", "namespace": namespace.name(), "selector": "large=yes", "output": output});
    let text = ok(&mut client, "kubectl_get", of("jsonpath={range .items[*]}{.metadata.name}{\"\\n\"}{end}")).await;
    assert_eq!(framed(&text).lines().count(), OBJECTS);
    let text = ok(&mut client, "kubectl_get", of("jsonpath={.items[*].metadata.name}")).await;
    assert_eq!(framed(&text).split(' ').count(), OBJECTS);
    let text =
        ok(&mut client, "kubectl_get", of("custom-columns=NAME:.metadata.name,LARGE:.metadata.labels.large")).await;
    assert!(text.contains("large-00") && text.contains("large-39"), "{text}");
    for output in ["yaml", "json"] {
        let text = ok(&mut client, "kubectl_get", of(output)).await;
        assert!(text.contains("of 40"), "{text}");
    }
    // What wants all of them at once is refused, not tried.
    let (text, error) = ask(&mut client, "kubectl_get", of("jsonpath={.items[0].metadata.name}")).await;
    assert!(error && text.starts_with("too_large: 40 objects"), "{text}");

    let server = peak(client.process());
    assert!(0 < server && server <= SERVER, "the server had {server} KiB");
}
