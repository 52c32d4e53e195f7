//! Where a service's traffic goes on a pod, and whether there is anything: a port that is not the pod's is no route.

use serde_json::Value;

use crate::field::{items, text};

/// A port of a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Port {
    name: String,
    from: String,
    /// Its target: a number, or the name of a port of the pod. Empty where it is the same.
    to: String,
    protocol: String,
}

/// A port that a container of a pod names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    name: String,
    number: String,
    protocol: String,
}

impl Named {
    /// `8080`, `53/UDP`.
    fn shown(&self) -> String {
        if self.protocol == TCP { self.number.clone() } else { format!("{}/{}", self.number, self.protocol) }
    }
}

const TCP: &str = "TCP";
/// What is said of a name that no port has.
const NO_PORT: &str = "is no port of it";
/// What is said of a number that no port has, before those that they have.
const OTHERS: &str = ", and its pods name ";
/// The most ports of a pod that are named.
const NAMED: usize = 4;

/// A port by its number or its name.
pub fn port(value: Option<&Value>) -> String {
    match value {
        Some(Value::String(name)) => name.clone(),
        Some(Value::Number(number)) => number.to_string(),
        _ => String::new(),
    }
}

fn protocol(of: &Value) -> String {
    Some(text(of, "/protocol")).filter(|protocol| !protocol.is_empty()).unwrap_or(TCP).to_owned()
}

/// The ports of a service.
pub fn of_service(object: &Value) -> Vec<Port> {
    let port = |one| Port {
        name: text(one, "/name").to_owned(),
        from: port(Value::get(one, "port")),
        to: port(one.get("targetPort")),
        protocol: protocol(one),
    };
    items(object.pointer("/spec/ports")).map(port).collect()
}

/// Whether a port of this number or name is among those of a service; of a service without ports it is not known.
pub fn have(ports: &[Port], wanted: &str) -> bool {
    ports.is_empty() || wanted.is_empty() || ports.iter().any(|port| port.from == wanted || port.name == wanted)
}

/// What is said of a port that the service does not have.
pub fn none(how: &str) -> String {
    format!("{how}, which {NO_PORT}")
}

/// The ports that the containers of a pod name.
pub fn of_pod(object: &Value) -> Vec<Named> {
    let containers =
        ["/spec/initContainers", "/spec/containers"].into_iter().flat_map(|list| items(object.pointer(list)));
    let ports = containers.flat_map(|container| items(container.get("ports")));
    ports
        .map(|one| Named {
            name: text(one, "/name").to_owned(),
            number: port(one.get("containerPort")),
            protocol: protocol(one),
        })
        .collect()
}

/// How a service sends to a pod: each port with its target. A name has to be that of a port; a number that no container names may be listened
/// on all the same, so that it is told only where others are named.
pub fn hows(ports: &[Port], named: &[Named]) -> Vec<String> {
    ports.iter().map(|port| how(port, named)).collect()
}

/// Whether it says that a port is not there.
pub fn is_bad(how: &str) -> bool {
    how.ends_with(NO_PORT) || how.contains(OTHERS)
}

fn how(port: &Port, named: &[Named]) -> String {
    let Port { from, to, protocol, .. } = port;
    let target = if to.is_empty() { from } else { to };
    let shown = if target == from { from.clone() } else { format!("{from} → {target}") };
    let same: Vec<&Named> = named.iter().filter(|named| named.protocol == *protocol).collect();
    let is_number = target.bytes().all(|byte| byte.is_ascii_digit());
    if !is_number {
        if same.iter().any(|named| named.name == *target) {
            return shown;
        }
        return format!("{shown}, targetPort {target} {NO_PORT}");
    }
    if named.is_empty() || same.iter().any(|named| named.number == *target) {
        return shown;
    }
    let mut others: Vec<String> = named.iter().map(Named::shown).collect();
    others.dedup();
    let more = others.len().saturating_sub(NAMED);
    others.truncate(NAMED);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let shown = if protocol == TCP { shown } else { format!("{shown}/{protocol}") };
    format!("{shown}{OTHERS}{}{more}", others.join(", "))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_port_that_is_not_the_pods_is_told() {
        let pod = json!({"spec": {"containers": [{"ports": [{"name": "http", "containerPort": 8080}, {"containerPort": 53, "protocol": "UDP"}]}]}});
        for (ports, expected) in [
            (json!({"port": 80, "targetPort": 8080}), "80 → 8080"),
            (json!({"port": 80, "targetPort": "http"}), "80 → http"),
            (json!({"port": 8080}), "8080"),
            (json!({"port": 80, "targetPort": "nosuch"}), "80 → nosuch, targetPort nosuch is no port of it"),
            (json!({"port": 80, "targetPort": 8081}), "80 → 8081, and its pods name 8080, 53/UDP"),
            (json!({"port": 53, "protocol": "UDP"}), "53"),
            (json!({"port": 8080, "protocol": "UDP"}), "8080/UDP, and its pods name 8080, 53/UDP"),
            (
                json!({"port": 80, "targetPort": "http", "protocol": "UDP"}),
                "80 → http, targetPort http is no port of it",
            ),
        ] {
            let service = json!({"spec": {"ports": [ports]}});
            assert_eq!(hows(&of_service(&service), &of_pod(&pod)), [expected], "{service}");
        }
        // One that names none may listen on any.
        let service = json!({"spec": {"ports": [{"port": 80, "targetPort": 8081}, 5]}});
        assert_eq!(hows(&of_service(&service), &[]), ["80 → 8081", ""]);
    }
}
