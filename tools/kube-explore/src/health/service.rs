//! Services that send to nobody.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{Cause, Level, columns::seconds, words};
use crate::{
    field::{each, labels, name, namespace, number, text},
    table::{Columns, Row},
};

/// How many seconds a load balancer may take to be made.
const BALANCED: i64 = 300;

/// A workload that might be behind a service.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Behind {
    /// Its kind in lower case.
    pub kind: &'static str,
    /// Its name.
    pub name: String,
    /// How many pods it wants.
    pub wanted: i64,
    /// The labels of its pods.
    pub labels: BTreeMap<String, String>,
}

impl Behind {
    /// Reads a workload.
    pub fn read(kind: &'static str, object: &Value) -> Self {
        Self {
            kind,
            name: name(object).to_owned(),
            wanted: object.pointer("/spec/replicas").and_then(Value::as_i64).unwrap_or(1),
            labels: labels(object, "/spec/template/metadata/labels"),
        }
    }
}

/// What a row says of a service that selects pods: its selector, if it has one that matters.
pub fn selector(columns: &Columns, row: &Row) -> Option<String> {
    let cell = |name: &str| columns.cell(row, name);
    // Those without an address of their own are often there for what other clusters have.
    let outside = cell("Type") == Some("ExternalName") || cell("Cluster-IP") == Some("None");
    cell("Selector").filter(|_| !outside).map(str::to_owned)
}

/// A service that waits for a load balancer for longer than one takes to make.
pub fn without_address(columns: &Columns, row: &Row, namespace: &str) -> Option<Cause> {
    let cell = |name: &str| columns.cell(row, name);
    let waits = cell("Type") == Some("LoadBalancer") && cell("External-IP") == Some("<pending>");
    let age = cell("Age").filter(|age| seconds(age).is_some_and(|age| age >= BALANCED))?;
    waits.then(|| {
        Cause::new(Level::Degraded, (namespace, "service", cell("Name").unwrap_or_default()), "has no external address")
            .fact(words::brief(&format!("no load balancer in {age}")))
    })
}

/// What an ingress sends to that is not there. `ports` is what the row of a service says of its ports, if there is such a service.
pub fn leads_nowhere<'p>(ingress: &Value, ports: impl Fn(&str) -> Option<&'p str>) -> Option<Cause> {
    let rules = each(ingress, "/spec/rules").flat_map(|rule| each(rule, "/http/paths")).map(|path| path.get("backend"));
    let backends = std::iter::once(ingress.pointer("/spec/defaultBackend")).chain(rules).flatten();
    let (mut wrong, mut right) = (BTreeSet::new(), false);
    for backend in backends {
        let service = text(backend, "/service/name");
        let port = number(backend, "/service/port/number");
        match ports(service) {
            // Something else than a service.
            _ if service.is_empty() => right = true,
            // What is not there at all is told first.
            None => {
                wrong.insert((0, format!("service/{service} is not there")));
            }
            // `80/TCP,30080:443/TCP`; names stand nowhere in it, and some services have none.
            Some(cell) if port > 0 && !cell.is_empty() => {
                let own = |part: &str| part.split(['/', ':']).next().and_then(|port| port.parse().ok()) == Some(port);
                if cell.split(',').any(own) {
                    right = true;
                } else {
                    wrong.insert((1, format!("service/{service} has no port {port}, but {cell}")));
                }
            }
            Some(_) => right = true,
        }
    }
    let (_, first) = wrong.first()?;
    let reason = if right { "leads nowhere in part" } else { "leads nowhere" };
    let mut cause = Cause::new(Level::Degraded, (namespace(ingress), "ingress", name(ingress)), reason);
    cause = cause.fact(words::brief(first));
    if wrong.len() > 1 {
        cause = cause.fact(format!("and {} more", wrong.len() - 1));
    }
    Some(cause)
}

/// The name of the service that a slice of endpoints belongs to, if it has any, and a port of theirs: the controller appends five
/// characters to it. (Very long names are cut, and looked at again.)
pub fn of_slice<'r>(columns: &Columns, row: &'r Row) -> Option<&'r str> {
    let set = |name: &str| columns.cell(row, name).is_some_and(|cell| cell != "<unset>");
    // A port that no pod names is none: then there are addresses, and nothing is sent to them.
    let some = set("Endpoints") && set("Ports");
    let (service, _) = columns.cell(row, "Name")?.rsplit_once('-')?;
    some.then_some(service)
}

/// A service whose selector no pod has, but for those that have `ended`. `workloads` are those of its namespace.
pub fn selects_nothing(
    (namespace, service): (&str, &str),
    selector: &str,
    workloads: &[Behind],
    ended: Option<&str>,
) -> Option<Cause> {
    let wanted: Vec<(&str, &str)> = selector.split(',').filter_map(|pair| pair.split_once('=')).collect();
    let of = (namespace, "service", service);
    let matching = |behind: &&Behind| {
        wanted.iter().all(|(key, value)| behind.labels.get(*key).map(String::as_str) == Some(*value))
    };
    if let Some(behind) = workloads.iter().find(matching) {
        // One that wants pods and has none is in trouble itself.
        return (behind.wanted == 0).then(|| {
            Cause::new(Level::Note, of, "sends to nobody")
                .fact(words::brief(&format!("{}/{} is scaled to zero", behind.kind, behind.name)))
        });
    }
    if let Some(ended) = ended {
        return Some(
            Cause::new(Level::Degraded, of, "sends to nobody")
                .fact(words::brief(&format!("the pods it selects have ended, as pod/{ended}"))),
        );
    }
    let near = workloads
        .iter()
        .find(|behind| behind.name == service)
        .or_else(|| workloads.iter().find(|behind| wanted.iter().any(|(key, _)| behind.labels.contains_key(*key))));
    let mut cause = Cause::new(Level::Degraded, of, "sends to nobody")
        .fact(words::brief(&format!("no pod has the labels it selects, {selector}")));
    if let Some(near) = near {
        let own: Vec<String> = wanted
            .iter()
            .map(|(key, _)| match near.labels.get(*key) {
                Some(value) => format!("{key}={value}"),
                None => format!("no {key}"),
            })
            .collect();
        cause = cause.fact(words::brief(&format!("those of {}/{} have {}", near.kind, near.name, own.join(","))));
    }
    Some(cause)
}

/// A service one of whose ports goes to one that its pods do not name. A number need not be named: where they name others, it is a note. A name
/// must be, but there may be other pods than this one.
pub fn wrong_port(service: &Value, pod: &Value) -> Option<Cause> {
    let containers = || each(pod, "/spec/containers").chain(each(pod, "/spec/initContainers"));
    let ports = || containers().flat_map(|container| each(container, "/ports"));
    let numbers: Vec<i64> = ports().map(|port| number(port, "/containerPort")).filter(|port| *port > 0).collect();
    let names: Vec<&str> = ports().map(|port| text(port, "/name")).filter(|name| !name.is_empty()).collect();
    let (port, target) = each(service, "/spec/ports").find_map(|port| {
        let (target, named) = (number(port, "/targetPort"), text(port, "/targetPort"));
        let wrong = if named.is_empty() {
            // Whoever names no port may listen on any.
            target > 0 && !numbers.is_empty() && !numbers.contains(&target)
        } else {
            !names.contains(&named)
        };
        wrong.then(|| (port, if named.is_empty() { target.to_string() } else { named.to_owned() }))
    })?;
    let own: Vec<String> = if text(port, "/targetPort").is_empty() {
        numbers.iter().take(5).map(i64::to_string).collect()
    } else {
        names.iter().take(5).map(|&name| name.to_owned()).collect()
    };
    let own = if own.is_empty() { String::from("no port") } else { own.join(", ") };
    let cause = Cause::new(Level::Note, (namespace(service), "service", name(service)), "may send to a wrong port");
    Some(
        cause.fact(words::brief(&format!("port {} goes to {target}, and its pods name {own}", number(port, "/port"),))),
    )
}

/// A service that has pods with an address, and no port of theirs.
pub fn without_port(service: &Value, pod: &Value) -> Option<Cause> {
    let named = each(service, "/spec/ports").any(|port| !text(port, "/targetPort").is_empty());
    let mut cause = wrong_port(service, pod).filter(|_| named)?;
    cause.level = Level::Degraded;
    cause.reason = String::from("sends to nobody");
    Some(cause)
}

/// Whether one of the endpoints of a slice is ready.
pub fn is_ready(slice: &Value) -> bool {
    each(slice, "/endpoints").any(|endpoint| {
        // Not said is ready.
        endpoint.pointer("/conditions/ready").and_then(Value::as_bool).unwrap_or(true)
            && !text(endpoint, "/addresses/0").is_empty()
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn services_without_the_address_they_wait_for() {
        let names = ["Name", "Type", "External-IP", "Age"];
        let definitions: Vec<_> = names.iter().map(|name| json!({ "name": name })).collect();
        let columns = Columns::read(json!({"columnDefinitions": definitions}).to_string().as_bytes()).unwrap();
        let told = |cells: [&str; 4]| {
            let row = Row { cells: cells.map(|cell| crate::table::Cell(cell.to_owned())).into(), object: None };
            without_address(&columns, &row, "a").map(|cause| cause.told())
        };
        assert_eq!(
            told(["web", "LoadBalancer", "<pending>", "7m"]).as_deref(),
            Some("has no external address, no load balancer in 7m")
        );
        assert_eq!(told(["web", "LoadBalancer", "<pending>", "2m"]), None);
        assert_eq!(told(["web", "LoadBalancer", "10.0.0.1", "7m"]), None);
        assert_eq!(told(["web", "ClusterIP", "<none>", "7m"]), None);
    }

    #[test]
    fn ingresses_that_lead_nowhere() {
        let ports = |service: &str| match service {
            "web" => Some("80/TCP,8443:30443/TCP"),
            "outside" => Some(""),
            _ => None,
        };
        let told = |spec: Value| {
            leads_nowhere(&json!({"metadata": {"name": "in", "namespace": "a"}, "spec": spec}), ports)
                .map(|cause| cause.told())
        };
        let to = |service: &str, port: Value| json!({"service": {"name": service, "port": port}});
        let ruled =
            |backend: Value| json!({"rules": [{"host": "x", "http": {"paths": [{"path": "/", "backend": backend}]}}]});
        for fine in [
            json!({}),
            ruled(to("web", json!({"number": 80}))),
            ruled(to("web", json!({"number": 8443}))),
            ruled(to("web", json!({"name": "http"}))),
            ruled(to("outside", json!({"number": 80}))),
            ruled(json!({"resource": {"kind": "Bucket", "name": "b"}})),
            json!({"defaultBackend": to("web", json!({"number": 80}))}),
        ] {
            assert_eq!(told(fine.clone()), None, "{fine}");
        }
        for (spec, expected) in [
            (
                json!({"defaultBackend": to("web", json!({"number": 80})), "rules": [{"http": {"paths": [
                    {"backend": to("web", json!({"number": 81}))}, {"backend": to("wep", json!({}))}]}}]}),
                "leads nowhere in part, service/wep is not there, and 1 more",
            ),
            (ruled(to("wep", json!({"number": 80}))), "leads nowhere, service/wep is not there"),
            (
                json!({"defaultBackend": to("gone", json!({"name": "http"}))}),
                "leads nowhere, service/gone is not there",
            ),
            (
                ruled(to("web", json!({"number": 30443}))),
                "leads nowhere, service/web has no port 30443, but 80/TCP,8443:30443/TCP",
            ),
            (
                json!({"defaultBackend": to("a", json!({})), "rules": [{"http": {"paths": [{"backend": to("b", json!({}))}]}}, {"host": "x"}]}),
                "leads nowhere, service/a is not there, and 1 more",
            ),
        ] {
            assert_eq!(told(spec.clone()).as_deref(), Some(expected), "{spec}");
        }
    }

    #[test]
    fn services_that_send_to_nobody() {
        let web = |wanted: i64| {
            Behind::read(
                "deployment",
                &json!({"metadata": {"name": "web"}, "spec": {"replicas": wanted, "template": {"metadata": {"labels": {"app": "web"}}}}}),
            )
        };
        let told = |selector: &str, workloads: &[Behind]| {
            selects_nothing(("a", "web"), selector, workloads, None).map(|cause| (cause.level, cause.told()))
        };
        assert_eq!(
            told("app=website", &[web(1)]).unwrap(),
            (
                Level::Degraded,
                "sends to nobody, no pod has the labels it selects, app=website, those of deployment/web have app=web"
                    .into()
            )
        );
        assert_eq!(told("app=web", &[web(1)]), None);
        assert_eq!(
            told("app=web", &[web(0)]).unwrap(),
            (Level::Note, "sends to nobody, deployment/web is scaled to zero".into())
        );
        assert_eq!(told("app=x", &[]).unwrap().0, Level::Degraded);
        let ended = selects_nothing(("a", "web"), "app=x", &[], Some("done")).unwrap();
        assert_eq!(ended.told(), "sends to nobody, the pods it selects have ended, as pod/done");
        assert_eq!(selects_nothing(("a", "web"), "app=web", &[web(0)], Some("done")).unwrap().level, Level::Note);
    }

    #[test]
    fn a_port_that_nobody_names() {
        let service = |target: Value| json!({"metadata": {"name": "web", "namespace": "a"}, "spec": {"ports": [{"port": 80, "targetPort": target}]}});
        let pod = json!({"spec": {"containers": [{"ports": [{"name": "http", "containerPort": 8080}]}]}});
        assert_eq!(
            wrong_port(&service(json!(8081)), &pod).unwrap().told(),
            "may send to a wrong port, port 80 goes to 8081, and its pods name 8080"
        );
        for target in [json!(8080), json!("http"), json!(null)] {
            assert_eq!(wrong_port(&service(target), &pod), None);
        }
        let bare = json!({"spec": {"containers": [{}]}});
        assert_eq!(wrong_port(&service(json!(8081)), &bare), None);
        assert_eq!(
            wrong_port(&service(json!("htpp")), &pod).unwrap().told(),
            "may send to a wrong port, port 80 goes to htpp, and its pods name http"
        );
        let nobody = without_port(&service(json!("http")), &bare).unwrap();
        assert_eq!(
            (nobody.level, nobody.told().as_str()),
            (Level::Degraded, "sends to nobody, port 80 goes to http, and its pods name no port")
        );
        assert_eq!(
            (without_port(&service(json!("http")), &pod), without_port(&service(json!(8081)), &pod)),
            (None, None)
        );
    }

    #[test]
    fn endpoints_are_ready_or_not() {
        let slice = |ready: Value| json!({"endpoints": [{"addresses": ["10.0.0.1"], "conditions": {"ready": ready}}]});
        assert!(is_ready(&slice(json!(true))) && is_ready(&slice(json!(null))));
        assert!(!is_ready(&slice(json!(false))) && !is_ready(&json!({"endpoints": null})));
    }
}
