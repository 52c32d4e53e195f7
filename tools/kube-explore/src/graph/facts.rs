//! What one object says of its relations to others, and in a few words of its state.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{
    Id, Tie, foreign,
    note::{is_well, note},
    ports::{self, Named, Port, port},
    rights::Whom,
    selector::Selector,
};
use crate::field::{condition_is, has_ended, items, text, yes};

/// What is kept of an object.
#[derive(Clone, Debug, Default)]
pub struct Thing {
    /// Which.
    pub id: Id,
    /// Which of all that had, have and will have its name.
    pub uid: String,
    /// Its labels, for those who select it.
    pub labels: BTreeMap<String, String>,
    /// Who owns it.
    pub owners: Vec<Owner>,
    /// What it refers to.
    pub refers: Vec<Refers>,
    /// Which pods it selects, and what for.
    pub selects: Option<(Selector, Tie)>,
    /// The ports it sends to.
    pub ports: Vec<Port>,
    /// Whether it sends to pods that are not ready, too.
    pub sends_anyway: bool,
    /// The ports its containers name.
    pub named: Vec<Named>,
    /// Whether it is a pod of which nothing runs any more.
    pub ended: bool,
    /// Whether it is a pod that says it is not ready.
    pub unready: bool,
    /// Whom it gives rights to.
    pub grants: Vec<Whom>,
    /// The keys it has, where it was read for them.
    pub keys: Option<BTreeSet<String>>,
    /// Whether it is not as it should be.
    pub bad: bool,
    /// How it is.
    pub note: String,
}

/// Built-in kinds that make pods, and tell of them what they have in common.
const OWNERS_OF_PODS: [&str; 4] = ["ReplicaSet", "StatefulSet", "DaemonSet", "Job"];

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
    /// The group of that, as [`Id`] has it.
    pub group: String,
    /// Its name.
    pub name: String,
    /// Which of that name.
    pub uid: String,
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
    /// The key that has to be there.
    pub key: Option<String>,
    /// The port of a service that has to be there.
    pub port: Option<String>,
}

impl Thing {
    /// Reads an object.
    pub fn read(object: &Value) -> Self {
        let id = Id::of(object);
        let labels = object.pointer("/metadata/labels").and_then(Value::as_object).into_iter().flatten();
        let labels = labels.filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned()))).collect();
        let owners = items(object.pointer("/metadata/ownerReferences"))
            .map(|owner| Owner {
                kind: text(owner, "/kind").to_owned(),
                group: foreign(text(owner, "/apiVersion")).to_owned(),
                name: text(owner, "/name").to_owned(),
                uid: text(owner, "/uid").to_owned(),
            })
            .collect();
        let uid = text(object, "/metadata/uid").to_owned();
        let mut thing = Self { id, uid, labels, owners, ..Self::default() };
        if thing.id.group.is_empty() {
            thing.relations(object);
        } else if OWNERS_OF_PODS.contains(&thing.id.kind.as_str()) {
            // Others make workloads after the pattern of the built-in ones.
            thing.template(object.pointer("/spec/template/spec"));
        }
        thing.note = note(object);
        thing.bad = !is_well(object);
        thing
    }

    fn refer(&mut self, kind: &str, namespace: &str, name: &str, tie: Tie, how: impl Into<String>) {
        if !name.is_empty() {
            self.refers.push(Refers {
                to: Id::new(kind, namespace, name),
                tie,
                how: how.into(),
                key: None,
                port: None,
            });
        }
    }

    /// A reference to a config map or a secret, and the keys of it that are needed.
    fn reads<'k>(&mut self, kind: &str, source: &Value, how: &str, keys: impl Iterator<Item = &'k str>) {
        let name = if kind == "Secret" && source.get("secretName").is_some() { "/secretName" } else { "/name" };
        let own = self.id.namespace.clone();
        let optional = yes(source, "/optional");
        let how = if optional { format!("{how} (optional)") } else { how.to_owned() };
        let mut needed = keys.filter(|key| !key.is_empty() && !optional).peekable();
        if needed.peek().is_none() {
            self.refer(kind, &own, text(source, name), Tie::Uses, how.as_str());
        }
        for key in needed {
            let to = Id::new(kind, &own, text(source, name));
            self.refers.push(Refers { to, tie: Tie::Uses, how: how.clone(), key: Some(key.to_owned()), port: None });
        }
    }

    fn relations(&mut self, object: &Value) {
        let own = self.id.namespace.clone();
        match self.id.kind.as_str() {
            "Pod" => {
                self.named = ports::of_pod(object);
                self.ended = has_ended(object);
                self.unready = condition_is(object, "Ready", "False").is_some();
                self.pod(object.pointer("/spec"));
            }
            "Deployment" | "StatefulSet" | "DaemonSet" | "Job" => self.template(object.pointer("/spec/template/spec")),
            "CronJob" => self.template(object.pointer("/spec/jobTemplate/spec/template/spec")),
            // Of one that is another name for a host the selector says nothing.
            "Service" if text(object, "/spec/type") != "ExternalName" => {
                self.selects =
                    Selector::read(object.pointer("/spec/selector"), false).map(|selector| (selector, Tie::Routes));
                self.ports = ports::of_service(object);
                self.sends_anyway = yes(object, "/spec/publishNotReadyAddresses");
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
                let group = foreign(text(object, &format!("{of}/apiVersion"))).to_owned();
                let to = Id::new(kind, &own, name).of_group(&group);
                self.refers.push(Refers { to, tie: Tie::Scales, how: String::new(), key: None, port: None });
            }
            "PodDisruptionBudget" => {
                self.selects =
                    Selector::read(object.pointer("/spec/selector"), true).map(|selector| (selector, Tie::Guards));
            }
            "NetworkPolicy" => {
                self.selects =
                    Selector::read(object.pointer("/spec/podSelector"), true).map(|selector| (selector, Tie::Filters));
            }
            "PersistentVolumeClaim" => {
                self.refer("PersistentVolume", "", text(object, "/spec/volumeName"), Tie::Uses, "bound");
                self.refer("StorageClass", "", text(object, "/spec/storageClassName"), Tie::Uses, "class");
            }
            "RoleBinding" | "ClusterRoleBinding" => {
                let role = text(object, "/roleRef/kind");
                let place = if role == "ClusterRole" { "" } else { own.as_str() };
                self.refer(role, place, text(object, "/roleRef/name"), Tie::Uses, "role");
                self.grants = Whom::read(object);
            }
            _ => {}
        }
    }

    /// A pod's own references: its workload says the rest, unless it has none.
    fn pod(&mut self, spec: Option<&Value>) {
        let Some(spec) = spec else { return };
        self.refer("Node", "", text(spec, "/nodeName"), Tie::Runs, "");
        let controlled =
            self.owners.iter().any(|owner| owner.group.is_empty() && OWNERS_OF_PODS.contains(&owner.kind.as_str()));
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
            for source in std::iter::once(volume).chain(items(volume.pointer("/projected/sources"))) {
                for (kind, field) in [("ConfigMap", "configMap"), ("Secret", "secret")] {
                    let Some(source) = source.get(field) else { continue };
                    let keys = items(source.get("items")).map(|item| text(item, "/key"));
                    self.reads(kind, source, &how, keys);
                }
            }
        }
        let containers = ["initContainers", "containers"].into_iter().flat_map(|field| items(spec.get(field)));
        for container in containers {
            for variable in items(container.get("env")) {
                let how = format!("env {}", text(variable, "/name"));
                for (kind, field) in [("ConfigMap", "configMapKeyRef"), ("Secret", "secretKeyRef")] {
                    let Some(source) = variable.get("valueFrom").and_then(|from| from.get(field)) else { continue };
                    self.reads(kind, source, &how, std::iter::once(text(source, "/key")));
                }
            }
            for from in items(container.get("envFrom")) {
                for (kind, field) in [("ConfigMap", "configMapRef"), ("Secret", "secretRef")] {
                    let Some(source) = from.get(field) else { continue };
                    self.reads(kind, source, "all env", std::iter::empty());
                }
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

    /// To a port of a service of the same namespace.
    fn sends(&mut self, service: &str, how: String, port: String) {
        if !service.is_empty() {
            let to = Id::new("Service", &self.id.namespace, service);
            self.refers.push(Refers { to, tie: Tie::Routes, how, key: None, port: Some(port) });
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
            self.sends(&service, format!("default port {port}"), port);
        }
        for rule in items(object.pointer("/spec/rules")) {
            let host = Some(text(rule, "/host")).filter(|host| !host.is_empty()).unwrap_or("*");
            for path in items(rule.pointer("/http/paths")) {
                let (service, port) = to(path.get("backend").unwrap_or(&Value::Null));
                let how = format!("{host}{} port {port}", text(path, "/path"));
                self.sends(&service, how, port);
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
