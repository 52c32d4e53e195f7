//! What one object says of its relations to others, and in a few words of its state.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Id, Tie, note::note};
use crate::field::{items, text};

/// What is kept of an object.
#[derive(Clone, Debug, Default)]
pub struct Thing {
    /// Which.
    pub id: Id,
    /// Its labels, for those who select it.
    pub labels: BTreeMap<String, String>,
    /// Who owns it.
    pub owners: Vec<Owner>,
    /// What it refers to.
    pub refers: Vec<Refers>,
    /// Which pods it selects, and what for.
    pub selects: Option<(Selector, Tie)>,
    /// What ties it to those.
    pub how: String,
    /// How it is.
    pub note: String,
}

impl Default for Id {
    fn default() -> Self {
        Self::new("", "", "")
    }
}

/// An owner reference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner {
    /// Its kind.
    pub kind: String,
    /// Its name.
    pub name: String,
}

/// A reference to another object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refers {
    /// To which.
    pub to: Id,
    /// What ties them.
    pub tie: Tie,
    /// How.
    pub how: String,
}

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

/// A port by its number or its name.
fn port(value: Option<&Value>) -> String {
    match value {
        Some(Value::String(name)) => name.clone(),
        Some(Value::Number(number)) => number.to_string(),
        _ => String::new(),
    }
}

impl Thing {
    /// Reads an object.
    pub fn read(object: &Value) -> Self {
        let kind = text(object, "/kind");
        let namespace = text(object, "/metadata/namespace");
        let id = Id::new(kind, namespace, text(object, "/metadata/name"));
        let labels = object.pointer("/metadata/labels").and_then(Value::as_object).into_iter().flatten();
        let labels = labels.filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned()))).collect();
        let owners = items(object.pointer("/metadata/ownerReferences"))
            .map(|owner| Owner { kind: text(owner, "/kind").to_owned(), name: text(owner, "/name").to_owned() })
            .collect();
        let mut thing = Self { id, labels, owners, ..Self::default() };
        thing.relations(object);
        thing.note = note(object);
        thing
    }

    fn refer(&mut self, kind: &str, namespace: &str, name: &str, tie: Tie, how: impl Into<String>) {
        if !name.is_empty() {
            self.refers.push(Refers { to: Id::new(kind, namespace, name), tie, how: how.into() });
        }
    }

    fn relations(&mut self, object: &Value) {
        let own = self.id.namespace.clone();
        match self.id.kind.as_str() {
            "Pod" => self.pod(object.pointer("/spec")),
            "Deployment" | "StatefulSet" | "DaemonSet" | "Job" => self.template(object.pointer("/spec/template/spec")),
            "CronJob" => self.template(object.pointer("/spec/jobTemplate/spec/template/spec")),
            "Service" => {
                self.selects =
                    Selector::read(object.pointer("/spec/selector"), false).map(|selector| (selector, Tie::Routes));
                let ports = items(object.pointer("/spec/ports")).map(|one| {
                    let (from, to) = (port(one.get("port")), port(one.get("targetPort")));
                    if to.is_empty() || from == to { from } else { format!("{from} → {to}") }
                });
                self.how = ports.collect::<Vec<_>>().join(", ");
            }
            // Most are owned by their service, which says it all.
            "EndpointSlice" if self.owners.is_empty() => {
                let service = self.labels.get("kubernetes.io/service-name").cloned().unwrap_or_default();
                self.refer("Service", &own, &service, Tie::Uses, "endpoints");
            }
            "Ingress" => self.ingress(object),
            "HTTPRoute" | "GRPCRoute" | "TCPRoute" | "TLSRoute" | "UDPRoute" => self.route(object),
            "HorizontalPodAutoscaler" => {
                let of = "/spec/scaleTargetRef";
                let (kind, name) = (text(object, &format!("{of}/kind")), text(object, &format!("{of}/name")));
                self.refer(kind, &own, name, Tie::Guards, "");
            }
            "PodDisruptionBudget" => {
                self.selects =
                    Selector::read(object.pointer("/spec/selector"), true).map(|selector| (selector, Tie::Guards));
            }
            "NetworkPolicy" => {
                self.selects =
                    Selector::read(object.pointer("/spec/podSelector"), true).map(|selector| (selector, Tie::Guards));
            }
            "PersistentVolumeClaim" => {
                self.refer("PersistentVolume", "", text(object, "/spec/volumeName"), Tie::Uses, "bound");
                self.refer("StorageClass", "", text(object, "/spec/storageClassName"), Tie::Uses, "class");
            }
            "RoleBinding" | "ClusterRoleBinding" => {
                let role = text(object, "/roleRef/kind");
                let place = if role == "ClusterRole" { "" } else { own.as_str() };
                self.refer(role, place, text(object, "/roleRef/name"), Tie::Uses, "role");
                for subject in
                    items(object.pointer("/subjects")).filter(|subject| text(subject, "/kind") == "ServiceAccount")
                {
                    let place = Some(text(subject, "/namespace")).filter(|place| !place.is_empty()).unwrap_or(&own);
                    self.refer("ServiceAccount", place, text(subject, "/name"), Tie::Grants, "");
                }
            }
            _ => {}
        }
    }

    /// A pod's own references: its workload says the rest, unless it has none.
    fn pod(&mut self, spec: Option<&Value>) {
        let Some(spec) = spec else { return };
        self.refer("Node", "", text(spec, "/nodeName"), Tie::Runs, "");
        let controlled = self
            .owners
            .iter()
            .any(|owner| matches!(owner.kind.as_str(), "ReplicaSet" | "StatefulSet" | "DaemonSet" | "Job"));
        if controlled {
            // Claims of a stateful set are the pod's own.
            self.claims(spec);
        } else {
            self.template(Some(spec));
        }
    }

    fn claims(&mut self, spec: &Value) {
        let own = self.id.namespace.clone();
        for volume in items(spec.get("volumes")) {
            let how = format!("volume {}", text(volume, "/name"));
            self.refer("PersistentVolumeClaim", &own, text(volume, "/persistentVolumeClaim/claimName"), Tie::Uses, how);
        }
    }

    fn template(&mut self, spec: Option<&Value>) {
        let Some(spec) = spec else { return };
        let own = self.id.namespace.clone();
        self.claims(spec);
        for volume in items(spec.get("volumes")) {
            // Every pod has this one, from the admission.
            if text(volume, "/name").starts_with("kube-api-access-") {
                continue;
            }
            let how = format!("volume {}", text(volume, "/name"));
            self.refer("ConfigMap", &own, text(volume, "/configMap/name"), Tie::Uses, how.as_str());
            self.refer("Secret", &own, text(volume, "/secret/secretName"), Tie::Uses, how.as_str());
            for source in items(volume.pointer("/projected/sources")) {
                self.refer("ConfigMap", &own, text(source, "/configMap/name"), Tie::Uses, how.as_str());
                self.refer("Secret", &own, text(source, "/secret/name"), Tie::Uses, how.as_str());
            }
        }
        let containers = ["initContainers", "containers"].into_iter().flat_map(|field| items(spec.get(field)));
        for container in containers {
            for variable in items(container.get("env")) {
                let how = format!("env {}", text(variable, "/name"));
                self.refer(
                    "ConfigMap",
                    &own,
                    text(variable, "/valueFrom/configMapKeyRef/name"),
                    Tie::Uses,
                    how.as_str(),
                );
                self.refer("Secret", &own, text(variable, "/valueFrom/secretKeyRef/name"), Tie::Uses, how.as_str());
            }
            for from in items(container.get("envFrom")) {
                self.refer("ConfigMap", &own, text(from, "/configMapRef/name"), Tie::Uses, "all env");
                self.refer("Secret", &own, text(from, "/secretRef/name"), Tie::Uses, "all env");
            }
        }
        for secret in items(spec.get("imagePullSecrets")) {
            self.refer("Secret", &own, text(secret, "/name"), Tie::Uses, "pulls images");
        }
        // What every pod runs as that says nothing tells nothing.
        let account = text(spec, "/serviceAccountName");
        if account != "default" {
            self.refer("ServiceAccount", &own, account, Tie::Uses, "runs as");
        }
    }

    fn ingress(&mut self, object: &Value) {
        let own = self.id.namespace.clone();
        let to = |backend: &Value| {
            let port = Some(port(backend.pointer("/service/port/number"))).filter(|port| !port.is_empty());
            let port = port.unwrap_or_else(|| text(backend, "/service/port/name").to_owned());
            (text(backend, "/service/name").to_owned(), port)
        };
        if let Some(backend) = object.pointer("/spec/defaultBackend") {
            let (service, port) = to(backend);
            self.refer("Service", &own, &service, Tie::Routes, format!("default, port {port}"));
        }
        for rule in items(object.pointer("/spec/rules")) {
            let host = Some(text(rule, "/host")).filter(|host| !host.is_empty()).unwrap_or("*");
            for path in items(rule.pointer("/http/paths")) {
                let (service, port) = to(path.get("backend").unwrap_or(&Value::Null));
                let how = format!("{host}{} port {port}", text(path, "/path"));
                self.refer("Service", &own, &service, Tie::Routes, how);
            }
        }
        for tls in items(object.pointer("/spec/tls")) {
            self.refer("Secret", &own, text(tls, "/secretName"), Tie::Uses, "TLS");
        }
        self.refer("IngressClass", "", text(object, "/spec/ingressClassName"), Tie::Uses, "class");
    }

    fn route(&mut self, object: &Value) {
        let own = self.id.namespace.clone();
        let hosts: Vec<&str> = items(object.pointer("/spec/hostnames")).filter_map(Value::as_str).collect();
        let place = |reference: &Value| {
            Some(text(reference, "/namespace")).filter(|name| !name.is_empty()).unwrap_or(&own).to_owned()
        };
        for parent in items(object.pointer("/spec/parentRefs")) {
            let kind = Some(text(parent, "/kind")).filter(|kind| !kind.is_empty()).unwrap_or("Gateway");
            let how = text(parent, "/sectionName");
            self.refer(kind, &place(parent), text(parent, "/name"), Tie::Uses, how);
        }
        for backend in items(object.pointer("/spec/rules")).flat_map(|rule| items(rule.get("backendRefs"))) {
            let kind = Some(text(backend, "/kind")).filter(|kind| !kind.is_empty()).unwrap_or("Service");
            let how = format!("{} port {}", hosts.join(","), port(backend.get("port")));
            self.refer(kind, &place(backend), text(backend, "/name"), Tie::Routes, how.trim());
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_node_is_as_its_conditions_say() {
        let of = |conditions: &[(&str, &str)], cordoned: bool| {
            let conditions: Vec<Value> =
                conditions.iter().map(|(kind, status)| json!({"type": kind, "status": status})).collect();
            note(&json!({"kind": "Node", "spec": {"unschedulable": cordoned}, "status": {"conditions": conditions}}))
        };
        assert_eq!(of(&[("Ready", "True"), ("DiskPressure", "False")], false), "Ready");
        assert_eq!(of(&[("Ready", "True"), ("DiskPressure", "True")], true), "Ready, DiskPressure, cordoned");
        assert_eq!(of(&[("Ready", "Unknown")], false), "NotReady");
    }
}
