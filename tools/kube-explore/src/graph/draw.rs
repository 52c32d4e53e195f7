//! A graph as text: a tree of who owns whom, and the other ties by what they are; and as Mermaid.

use std::collections::{BTreeMap, BTreeSet};

use super::{Graph, Id, Node, Tie};

/// How many siblings of one kind are written out.
const SIBLINGS: usize = 3;
/// How many pods of a node that was asked for.
const ON_NODE: usize = 20;
/// How deep a tree is drawn.
const DEPTH: usize = 12;
/// The longest line, in bytes, of what could be several.
const LINE: usize = 200;

/// A drawing under way.
struct Drawing<'g> {
    graph: &'g Graph,
    target: &'g Id,
    nodes: BTreeMap<&'g Id, &'g Node>,
    drawn: BTreeSet<&'g Id>,
    lines: Vec<String>,
}

/// The lines of a drawing.
pub fn tree(graph: &Graph, target: &Id) -> Vec<String> {
    let nodes = graph.nodes.iter().map(|node| (&node.id, node)).collect();
    let mut drawing = Drawing { graph, target, nodes, drawn: BTreeSet::new(), lines: Vec::new() };
    for root in roots(graph, target) {
        drawing.branch(root, 0);
    }
    drawing.section(Tie::Routes, "routes:");
    drawing.section(Tie::Uses, "uses:");
    drawing.section(Tie::Scales, "scales:");
    drawing.section(Tie::Guards, "guards:");
    drawing.section(Tie::Filters, "filters:");
    drawing.places();
    drawing.rights();
    drawing.lines
}

/// Whether it gives rights: its role and its accounts are told together.
fn is_binding(id: &Id) -> bool {
    id.is("RoleBinding") || id.is("ClusterRoleBinding")
}

/// The topmost owners of the target.
fn roots<'g>(graph: &'g Graph, target: &'g Id) -> Vec<&'g Id> {
    let (mut tops, mut here, mut seen) = (Vec::new(), vec![target], BTreeSet::from([target]));
    while let Some(id) = here.pop() {
        let owners: Vec<&Id> =
            graph.edges.iter().filter(|edge| edge.tie == Tie::Owns && edge.to == *id).map(|edge| &edge.from).collect();
        if owners.is_empty() {
            tops.push(id);
        }
        here.extend(owners.into_iter().filter(|owner| seen.insert(owner)));
    }
    // Owners that own each other have no top.
    if tops.is_empty() { vec![target] } else { tops }
}

impl<'g> Drawing<'g> {
    fn note(&self, id: &Id) -> &'g str {
        self.nodes.get(id).map_or("", |node| node.note.as_str())
    }

    fn noted(&self, id: &Id) -> String {
        let name = id.shown_from(self.target);
        match self.nodes.get(id) {
            Some(node) if node.missing => format!("{name} IS NOT THERE"),
            Some(node) if !node.note.is_empty() => format!("{name} ({})", node.note),
            _ => name,
        }
    }

    /// An object and what it owns, deeper.
    fn branch(&mut self, id: &'g Id, depth: usize) {
        if depth > DEPTH || !self.drawn.insert(id) {
            return;
        }
        let mark = if id == self.target { " <- this" } else { "" };
        self.lines.push(format!("{}{}{mark}", "  ".repeat(depth), self.noted(id)));
        // By kind; the one that was asked for before all others, and those that are alike together.
        let mut groups: BTreeMap<(&str, bool, &str), Vec<&'g Id>> = BTreeMap::new();
        for edge in self.graph.edges.iter().filter(|edge| edge.tie == Tie::Owns && edge.from == *id) {
            let child = &edge.to;
            groups.entry((&child.kind, child != self.target, self.note(child))).or_default().push(child);
        }
        for ((kind, _, note), group) in groups {
            for child in group.iter().take(SIBLINGS) {
                self.branch(child, depth + 1);
            }
            let more = group.len().saturating_sub(SIBLINGS);
            if more > 0 {
                let kind = kind.to_lowercase();
                self.lines.push(format!("{}and {more} more of kind {kind} ({note})", "  ".repeat(depth + 1)));
            }
        }
    }

    /// The ties of one sort, those from one object in one line.
    fn section(&mut self, tie: Tie, title: &str) {
        let mut from: BTreeMap<&Id, BTreeMap<(&str, &str), Vec<&Id>>> = BTreeMap::new();
        for edge in self.graph.edges.iter().filter(|edge| edge.tie == tie && !is_binding(&edge.from)) {
            let groups = from.entry(&edge.from).or_default();
            groups.entry((edge.to.kind.as_str(), edge.how.as_str())).or_default().push(&edge.to);
        }
        let line = |(from, groups): (&Id, BTreeMap<(&str, &str), Vec<&Id>>)| {
            let parts = groups.into_iter().map(|((_, how), to)| {
                let how = if how.is_empty() { String::new() } else { format!(" [{how}]") };
                format!("{}{how}", self.few(&to, SIBLINGS))
            });
            let (from, parts) = (self.noted(from), parts.collect::<Vec<_>>());
            let one = format!("  {from} -> {}", parts.join("; "));
            // A line that is too long is cut wherever it is.
            if one.len() <= LINE || parts.len() < 2 {
                return vec![one];
            }
            let parts = parts.into_iter().map(|part| format!("    {part}"));
            std::iter::once(format!("  {from} ->")).chain(parts).collect()
        };
        let lines: Vec<String> = from.into_iter().flat_map(line).collect();
        if !lines.is_empty() {
            self.lines.push(title.to_owned());
            self.lines.extend(lines);
        }
    }

    /// Who may do what: a line for each binding, with its role.
    fn rights(&mut self) {
        let mut bindings: BTreeMap<&Id, (Vec<String>, Vec<String>)> = BTreeMap::new();
        for edge in self.graph.edges.iter().filter(|edge| is_binding(&edge.from)) {
            let (roles, accounts) = bindings.entry(&edge.from).or_default();
            match (edge.tie, edge.how.as_str()) {
                (Tie::Uses, _) => roles.push(self.noted(&edge.to)),
                (Tie::Grants, "") => accounts.push(self.noted(&edge.to)),
                (Tie::Grants, how) => accounts.push(format!("{} [{how}]", self.noted(&edge.to))),
                _ => {}
            }
        }
        let line = |(binding, (roles, mut accounts)): (&Id, (Vec<String>, Vec<String>))| {
            let more = accounts.len().saturating_sub(SIBLINGS);
            accounts.truncate(SIBLINGS);
            let (roles, mut accounts) = (roles.join(", "), accounts.join(", "));
            if more > 0 {
                accounts.push_str(&format!(" and {more} more"));
            }
            match (roles.as_str(), accounts.as_str()) {
                (roles, "") => format!("  {}: {roles}", self.noted(binding)),
                ("", accounts) => format!("  {} -> {accounts}", self.noted(binding)),
                (roles, accounts) => format!("  {}: {roles} -> {accounts}", self.noted(binding)),
            }
        };
        let lines: Vec<String> = bindings.into_iter().map(line).collect();
        if !lines.is_empty() {
            self.lines.push(String::from("rights:"));
            self.lines.extend(lines);
        }
    }

    /// Where it runs: a line for each node, with what is not well there first. Of a node that was asked for, a line for each pod.
    fn places(&mut self) {
        let mut nodes: BTreeMap<&Id, Vec<&Id>> = BTreeMap::new();
        for edge in self.graph.edges.iter().filter(|edge| edge.tie == Tie::Runs) {
            nodes.entry(&edge.to).or_default().push(&edge.from);
        }
        for pods in nodes.values_mut() {
            pods.sort_by_key(|pod| self.nodes.get(*pod).is_none_or(|node| !node.bad));
        }
        if let Some(pods) = nodes.remove(self.target) {
            self.lines.push(String::from("runs here:"));
            let lines: Vec<String> = pods.iter().take(ON_NODE).map(|pod| format!("  {}", self.noted(pod))).collect();
            self.lines.extend(lines);
            let more = pods.len().saturating_sub(ON_NODE);
            if more > 0 {
                let bad = pods.iter().skip(ON_NODE).filter(|pod| self.nodes.get(**pod).is_some_and(|node| node.bad));
                self.lines.push(match bad.count() {
                    0 => format!("  and {more} more, all well"),
                    bad => format!("  and {more} more, {bad} of them not well"),
                });
            }
        }
        let line = |(node, pods): (&Id, Vec<&Id>)| format!("  {}: {}", self.noted(node), self.few(&pods, SIBLINGS));
        let lines: Vec<String> = nodes.into_iter().map(line).collect();
        if !lines.is_empty() {
            self.lines.push(String::from("runs on:"));
            self.lines.extend(lines);
        }
    }

    fn few(&self, ids: &[&Id], most: usize) -> String {
        let names = ids.iter().take(most).map(|id| self.noted(id)).collect::<Vec<_>>().join(", ");
        let more = ids.len().saturating_sub(most);
        if more > 0 { format!("{names} and {more} more") } else { names }
    }
}

/// The lines of a Mermaid flowchart.
pub fn mermaid(graph: &Graph, target: &Id) -> Vec<String> {
    let number: BTreeMap<&Id, usize> = graph.nodes.iter().enumerate().map(|(at, node)| (&node.id, at)).collect();
    let mut lines = vec![String::from("flowchart LR")];
    for (at, node) in graph.nodes.iter().enumerate() {
        let note = if node.missing { "is not there" } else { node.note.as_str() };
        let note = if note.is_empty() { String::new() } else { format!("<br/>{}", label(note)) };
        lines.push(format!("  n{at}[\"{}{note}\"]", label(&node.id.shown_from(target))));
    }
    let (mut drawn, mut broken) = (0_usize, Vec::new());
    for edge in &graph.edges {
        if let (Some(from), Some(to)) = (number.get(&edge.from), number.get(&edge.to)) {
            let how = if edge.how.is_empty() {
                edge.tie.shown().to_owned()
            } else {
                format!("{}: {}", edge.tie.shown(), edge.how)
            };
            lines.push(format!("  n{from} -->|\"{}\"| n{to}", label(&how)));
            if edge.bad {
                broken.push(drawn.to_string());
            }
            drawn += 1;
        }
    }
    let class = |of: fn(&Node) -> bool| {
        let nodes = graph.nodes.iter().enumerate().filter(move |(_, node)| of(node));
        nodes.map(|(at, _)| format!("n{at}")).collect::<Vec<_>>().join(",")
    };
    let (missing, bad) = (class(|node| node.missing), class(|node| node.bad && !node.missing));
    if let Some(at) = number.get(target) {
        lines.push(format!("  style n{at} stroke-width:3px"));
    }
    if !broken.is_empty() {
        lines.push(format!("  linkStyle {} stroke:#d00", broken.join(",")));
    }
    if !missing.is_empty() {
        lines.push(String::from("  classDef missing stroke:#d00,stroke-dasharray:4"));
        lines.push(format!("  class {missing} missing"));
    }
    if !bad.is_empty() {
        lines.push(String::from("  classDef bad stroke:#d00,stroke-width:3px"));
        lines.push(format!("  class {bad} bad"));
    }
    lines
}

/// Text that Mermaid takes as text, whatever is in it.
fn label(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        match c {
            '"' => out.push_str("#quot;"),
            '#' => out.push_str("#35;"),
            '<' => out.push_str("#lt;"),
            '>' => out.push_str("#gt;"),
            '&' => out.push_str("#amp;"),
            '`' => out.push('\''),
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::{Value, json};

    use super::*;
    use crate::graph::{Thing, build};

    fn meta(name: &str, labels: Value, owner: Option<(&str, &str)>) -> Value {
        let owners: Vec<Value> = owner.into_iter().map(|(kind, name)| json!({"kind": kind, "name": name})).collect();
        json!({"name": name, "namespace": "shop", "labels": labels, "ownerReferences": owners})
    }

    fn pod(name: &str) -> Value {
        json!({"kind": "Pod", "metadata": meta(name, json!({"app": "web"}), Some(("ReplicaSet", "web-1"))),
            "spec": {"containers": [{}], "nodeName": "n1", "serviceAccountName": "web"},
            "status": {"phase": "Running", "containerStatuses": [{"ready": true, "state": {"running": {}}}]}})
    }

    fn shop(pods: usize) -> Vec<Value> {
        let mut all = vec![
            json!({"kind": "Deployment", "metadata": meta("web", json!({}), None), "spec": {"replicas": 2, "template": {"spec": {
                "serviceAccountName": "web", "containers": [{"env": [
                    {"name": "URL", "valueFrom": {"secretKeyRef": {"name": "db", "key": "url"}}},
                    {"name": "USER", "valueFrom": {"secretKeyRef": {"name": "db", "key": "user"}}}],
                    "envFrom": [{"configMapRef": {"name": "app"}}]}]}}}, "status": {"readyReplicas": 2}}),
            json!({"kind": "ReplicaSet", "metadata": meta("web-1", json!({}), Some(("Deployment", "web"))), "status": {"readyReplicas": 1}}),
            json!({"kind": "Service", "metadata": meta("web", json!({}), None), "spec": {"type": "ClusterIP", "selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": 8080}]}}),
            json!({"kind": "Ingress", "metadata": meta("web", json!({}), None), "spec": {"rules": [{"host": "shop.example.com", "http": {"paths": [{"path": "/", "backend": {"service": {"name": "web", "port": {"number": 80}}}}]}}]}}),
            json!({"kind": "ConfigMap", "metadata": meta("app", json!({}), None)}),
            json!({"kind": "ServiceAccount", "metadata": meta("web", json!({}), None)}),
            json!({"kind": "RoleBinding", "metadata": meta("web", json!({}), None), "roleRef": {"kind": "Role", "name": "reader"}, "subjects": [{"kind": "ServiceAccount", "name": "web"}]}),
            json!({"kind": "HorizontalPodAutoscaler", "metadata": meta("web", json!({}), None), "spec": {"scaleTargetRef": {"kind": "Deployment", "name": "web"}, "maxReplicas": 5}, "status": {"currentReplicas": 2}}),
            json!({"kind": "Deployment", "metadata": meta("other", json!({}), None), "spec": {"template": {"spec": {"serviceAccountName": "web", "containers": [{"envFrom": [{"configMapRef": {"name": "app"}}]}]}}}}),
        ];
        all.extend((0..pods).map(|n| pod(&format!("web-1-{n}"))));
        all
    }

    fn graph(target: &Id, objects: &[Value]) -> Graph {
        let things: Vec<Thing> = objects.iter().map(Thing::read).collect();
        let looked: BTreeSet<String> =
            ["Secret", "ConfigMap", "Service", "Pod"].into_iter().map(str::to_owned).collect();
        build(target, &things, &looked, 4)
    }

    #[test]
    fn a_deployment_with_all_that_hangs_on_it() {
        let target = Id::new("Deployment", "shop", "web");
        let lines = tree(&graph(&target, &shop(2)), &target);
        assert_eq!(
            lines.join("\n"),
            "deployment/web (2/2 ready) <- this
  replicaset/web-1 (1/1 ready)
    pod/web-1-0 (Running 1/1)
    pod/web-1-1 (Running 1/1)
routes:
  ingress/web -> service/web (ClusterIP) [shop.example.com/ port 80]
  service/web (ClusterIP) -> pod/web-1-0 (Running 1/1), pod/web-1-1 (Running 1/1) [80 → 8080]
uses:
  deployment/web (2/2 ready) -> configmap/app [all env]; secret/db IS NOT THERE [env URL, env USER]; serviceaccount/web [runs as]
scales:
  horizontalpodautoscaler/web (1 to 5 replicas, now 2) -> deployment/web (2/2 ready)
runs on:
  node/n1: pod/web-1-0 (Running 1/1), pod/web-1-1 (Running 1/1)
rights:
  rolebinding/web: role/reader -> serviceaccount/web"
        );
    }

    #[test]
    fn what_everything_shares_is_not_gone_through() {
        let target = Id::new("Pod", "shop", "web-1-0");
        let graph = graph(&target, &shop(2));
        let names: Vec<String> = graph.nodes.iter().map(|node| node.id.shown()).collect();
        assert!(!names.contains(&"deployment/other".to_owned()), "{names:?}");
        assert!(names.contains(&"deployment/web".to_owned()) && names.contains(&"ingress/web".to_owned()), "{names:?}");
        // Asked for itself, it says who uses it.
        let shared = Id::new("ConfigMap", "shop", "app");
        let graph = self::graph(&shared, &shop(0));
        assert!(graph.nodes.iter().any(|node| node.id.shown() == "deployment/other"));
    }

    #[test]
    fn many_of_a_kind_are_counted() {
        let target = Id::new("Deployment", "shop", "web");
        let lines = tree(&graph(&target, &shop(40)), &target).join("\n");
        assert!(lines.contains("    and 37 more of kind pod (Running 1/1)"), "{lines}");
        assert!(lines.len() < 4_000, "{lines}");
    }

    #[test]
    fn owners_that_own_each_other_are_drawn_once() {
        let one = json!({"kind": "A", "metadata": meta("a", json!({}), Some(("B", "b")))});
        let other = json!({"kind": "B", "metadata": meta("b", json!({}), Some(("A", "a")))});
        let target = Id::new("A", "shop", "a");
        let lines = tree(&graph(&target, &[one, other]), &target);
        assert_eq!(lines, ["a/a <- this", "  b/b"]);
    }

    #[test]
    fn mermaid_holds_whatever_a_name_says() {
        let odd = json!({"kind": "Backup", "metadata": meta("x\"]; click n0 \"javascript:1\" <b>", json!({}), None)});
        let target = Id::new("Backup", "shop", "x\"]; click n0 \"javascript:1\" <b>");
        let lines = mermaid(&graph(&target, &[odd]), &target);
        assert_eq!(lines[1], "  n0[\"backup/x#quot;]; click n0 #quot;javascript:1#quot; #lt;b#gt;\"]");
    }
}
