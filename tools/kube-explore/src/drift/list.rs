//! Which items of two lists belong together.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::{
    owners::ListType,
    path::{self, Step},
};

/// What the items of lists are known by where no owner tells: the lists of Kubernetes' own kinds.
const KEYS: [(&str, &[&str]); 20] = [
    ("containers", &["name"]),
    ("initContainers", &["name"]),
    ("ephemeralContainers", &["name"]),
    ("env", &["name"]),
    ("volumes", &["name"]),
    ("volumeMounts", &["mountPath"]),
    ("volumeDevices", &["devicePath"]),
    ("ports", &["containerPort", "protocol"]),
    ("ports", &["port", "protocol"]),
    ("imagePullSecrets", &["name"]),
    ("secrets", &["name"]),
    ("hostAliases", &["ip"]),
    ("conditions", &["type"]),
    ("ownerReferences", &["uid"]),
    ("topologySpreadConstraints", &["topologyKey", "whenUnsatisfiable"]),
    ("resourceClaims", &["name"]),
    ("schedulingGates", &["name"]),
    ("matchConditions", &["name"]),
    ("webhooks", &["name"]),
    ("listeners", &["name"]),
];

/// The most items that are named of an order.
const NAMED: usize = 6;

/// Items of two lists that belong together.
pub enum Paired {
    /// By what they are known by, in the order of their keys.
    Items(Vec<Pair>),
    /// Not at all: the list is one value.
    Whole,
}

/// An item: where it is in the one list and in the other.
pub type Pair = (Step, Option<usize>, Option<usize>);

/// Pairs the items of the list `name`. `told`: what its owners tell of it.
pub fn pair(name: &str, told: Option<ListType>, one: &[Value], other: &[Value]) -> Paired {
    let told = told.or_else(|| (name == "finalizers").then_some(ListType::Set));
    let paired = match told {
        Some(ListType::Map(names)) => by_key(&names, one, other),
        Some(ListType::Set) => set(one, other),
        Some(ListType::Atomic) => None,
        None => KEYS.iter().filter(|(of, _)| *of == name).find_map(|(_, names)| by_key(names, one, other)),
    };
    let scalars = |items: &[Value]| items.iter().all(|item| !item.is_object() && !item.is_array());
    match paired {
        Some(items) => Paired::Items(items),
        None if scalars(one) && scalars(other) => Paired::Whole,
        None => Paired::Items(by_place(one, other)),
    }
}

/// The order of items that are in both lists, before and after, where it is not the same: what is known by a name has a place all the same, of
/// which variables, ports and init containers depend. Only the part where the two orders differ is named.
pub fn order(items: &[Pair]) -> Option<(String, String)> {
    let mut both: Vec<(usize, usize, &Step)> =
        items.iter().filter_map(|(step, one, other)| Some(((*one)?, (*other)?, step))).collect();
    both.sort_by_key(|(before, _, _)| *before);
    if both.is_sorted_by_key(|(_, after, _)| *after) {
        return None;
    }
    let mut after = both.clone();
    after.sort_by_key(|(_, after, _)| *after);
    let differ = |(one, other): &(&(usize, usize, &Step), &(usize, usize, &Step))| one.0 != other.0;
    let begins = both.iter().zip(&after).position(|pair| differ(&pair))?;
    let ends = both.iter().zip(&after).rposition(|pair| differ(&pair))?;
    let named = |items: &[(usize, usize, &Step)]| {
        let part = items.get(begins..=ends).unwrap_or_default();
        let names = part.iter().take(NAMED).map(|(_, _, step)| step.called()).collect::<Option<Vec<_>>>()?;
        let more = part.len().saturating_sub(NAMED);
        let more = if more > 0 { format!(", …(+{more})") } else { String::new() };
        Some(format!("{}{more}", names.join(", ")))
    };
    Some((named(&both)?, named(&after)?))
}

/// By the fields they are known by; nothing where an item has none of them, or two items are known by the same.
fn by_key<N: AsRef<str>>(names: &[N], one: &[Value], other: &[Value]) -> Option<Vec<Pair>> {
    let part = |item: &Value, name: &N| Some((name.as_ref().to_owned(), path::field(item, name.as_ref())?));
    let key = |item: &Value| names.iter().map(|name| part(item, name)).collect::<Option<Map<_, _>>>();
    pairs(one, other, |item| key(item).filter(|_| item.is_object()).map(Step::Key))
}

/// Items that are there or not.
fn set(one: &[Value], other: &[Value]) -> Option<Vec<Pair>> {
    pairs(one, other, |item| Some(Step::Value(item.clone())))
}

fn pairs(one: &[Value], other: &[Value], step: impl Fn(&Value) -> Option<Step>) -> Option<Vec<Pair>> {
    let mut known: BTreeMap<String, Pair> = BTreeMap::new();
    for (at, item) in one.iter().enumerate() {
        let step = step(item)?;
        if known.insert(step.managed(), (step, Some(at), None)).is_some() {
            return None;
        }
    }
    for (at, item) in other.iter().enumerate() {
        let step = step(item)?;
        let (_, _, place) = known.entry(step.managed()).or_insert((step, None, None));
        if place.replace(at).is_some() {
            return None;
        }
    }
    Some(known.into_values().collect())
}

/// By their places, after what both lists begin with and before what both end with.
fn by_place(one: &[Value], other: &[Value]) -> Vec<Pair> {
    let begins = one.iter().zip(other).take_while(|(one, other)| one == other).count();
    let (rest_one, rest_other) = (one.get(begins..).unwrap_or_default(), other.get(begins..).unwrap_or_default());
    let ends = rest_one.iter().rev().zip(rest_other.iter().rev()).take_while(|(one, other)| one == other).count();
    let (one, other) = (one.len() - ends, other.len() - ends);
    let place = |at: usize, end: usize| (at < end).then_some(at);
    (begins..one.max(other)).map(|at| (Step::Index(at), place(at, one), place(at, other))).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn paired(name: &str, told: Option<ListType>, one: &Value, other: &Value) -> Vec<String> {
        let (one, other) = (one.as_array().unwrap(), other.as_array().unwrap());
        match pair(name, told, one, other) {
            Paired::Whole => vec!["whole".into()],
            Paired::Items(items) => items
                .iter()
                .map(|(step, one, other)| {
                    let has = |side: &Option<usize>| if side.is_some() { '+' } else { '-' };
                    format!("{}{}{}", path::shown(std::slice::from_ref(step)), has(one), has(other))
                })
                .collect(),
        }
    }

    #[test]
    fn items_belong_together_by_what_they_are_known_by() {
        let map = |names: &[&str]| Some(ListType::Map(names.iter().map(|&name| name.to_owned()).collect()));
        let (a, b) = (json!([{"name": "a"}, {"name": "b"}]), json!([{"name": "c"}, {"name": "a"}]));
        for (name, told, one, other, expected) in [
            ("containers", None, &a, &b, vec!["[name=a]++", "[name=b]+-", "[name=c]-+"]),
            ("things", map(&["name"]), &a, &b, vec!["[name=a]++", "[name=b]+-", "[name=c]-+"]),
            // Nobody tells: their order may matter.
            ("things", None, &a, &b, vec!["[0]++", "[1]++"]),
            ("containers", Some(ListType::Atomic), &a, &b, vec!["[0]++", "[1]++"]),
            (
                "ports",
                None,
                &json!([{"containerPort": 80}]),
                &json!([{"containerPort": 80, "protocol": "TCP"}]),
                vec!["[containerPort=80]++"],
            ),
            (
                "ports",
                None,
                &json!([{"port": 53, "protocol": "UDP"}]),
                &json!([{"port": 53}]),
                vec!["[port=53]-+", "[port=53,protocol=UDP]+-"],
            ),
            // Two of one name, or none: no map after all.
            ("env", None, &json!([{"name": "a"}, {"name": "a"}]), &json!([]), vec!["[0]+-", "[1]+-"]),
            ("env", None, &json!([{"value": "a"}]), &json!([5]), vec!["[0]++"]),
            ("finalizers", None, &json!(["a", "b"]), &json!(["b", "c"]), vec!["[\"a\"]+-", "[\"b\"]++", "[\"c\"]-+"]),
            ("set", Some(ListType::Set), &json!(["a", "b"]), &json!(["b", "a"]), vec!["[\"a\"]++", "[\"b\"]++"]),
            ("args", None, &json!(["a", "b"]), &json!(["b"]), vec!["whole"]),
            (
                "rules",
                None,
                &json!([{"a": 1}, {"b": 1}, {"c": 1}]),
                &json!([{"a": 1}, {"x": 1}, {"b": 1}, {"c": 1}]),
                vec!["[1]-+"],
            ),
        ] {
            assert_eq!(paired(name, told, one, other), expected, "{name}");
        }
    }

    #[test]
    fn an_order_is_told_where_it_differs() {
        let named = |names: &str| Value::from_iter(names.split_whitespace().map(|name| json!({"name": name})));
        for (one, other, expected) in [
            ("A B", "B A", Some(("A, B", "B, A"))),
            ("A B", "A B", None),
            // What comes or goes is no order.
            ("A B", "C A D B", None),
            ("A X B", "A B", None),
            ("A B", "B C A", Some(("A, B", "B, A"))),
            ("a b c d e", "a c b d e", Some(("b, c", "c, b"))),
            ("a b c d e f g h", "h a b c d e f g", Some(("a, b, c, d, e, f, …(+2)", "h, a, b, c, d, e, …(+2)"))),
            ("", "A", None),
        ] {
            let (one, other) = (named(one), named(other));
            let Paired::Items(items) = pair("env", None, one.as_array().unwrap(), other.as_array().unwrap()) else {
                panic!("{one} {other}")
            };
            let told = order(&items);
            let told = told.as_ref().map(|(before, after)| (before.as_str(), after.as_str()));
            assert_eq!(told, expected, "{one} {other}");
        }
        let port = |port: u16, protocol: &str| json!({"port": port, "protocol": protocol});
        let (one, other) = ([port(53, "UDP"), port(53, "TCP")], [port(53, "TCP"), port(53, "UDP")]);
        let Paired::Items(items) = pair("ports", None, &one, &other) else { panic!("ports") };
        assert_eq!(order(&items), Some(("53/UDP, 53".into(), "53, 53/UDP".into())));
        // Of one piece: its items are compared by their places.
        let (one, other) = ([json!({"a": 1}), json!({"b": 1})], [json!({"b": 1}), json!({"a": 1})]);
        let Paired::Items(items) = pair("rules", None, &one, &other) else { panic!("rules") };
        assert_eq!(order(&items), None);
    }
}
