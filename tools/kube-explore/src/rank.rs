//! How well a name fits a question, and which objects come first.

use std::cmp::Ordering;

use nucleo_matcher::{
    Config, Matcher, Utf32Str,
    pattern::{Atom, AtomKind, CaseMatching, Normalization},
};

/// How a name fits, the best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fit {
    /// It is the name.
    Exact,
    /// It begins with it.
    Prefix,
    /// It has it inside.
    Substring,
    /// It has its letters, in order and close together.
    Fuzzy,
}

impl Fit {
    /// For the answer that says why something was found.
    pub fn shown(self) -> &'static str {
        match self {
            Self::Exact => "name",
            Self::Prefix => "name begins so",
            Self::Substring => "in the name",
            Self::Fuzzy => "name is like it",
        }
    }
}

/// The fewest letters that are looked for one by one: fewer are in every name.
const FUZZY_MIN: usize = 3;

/// Fits names to terms.
pub struct Fitter {
    terms: Vec<(String, Atom)>,
    matcher: Matcher,
}

impl Fitter {
    /// For names that fit all of `terms`, which are lowercase.
    pub fn new(terms: &[String]) -> Self {
        let atom = |term: &String| {
            let fuzzy = Atom::new(term, CaseMatching::Ignore, Normalization::Smart, AtomKind::Fuzzy, false);
            (term.clone(), fuzzy)
        };
        Self { terms: terms.iter().map(atom).collect(), matcher: Matcher::new(Config::DEFAULT) }
    }

    /// How `name` fits: as its worst term does. Without terms every name fits exactly.
    pub fn fit(&mut self, name: &str) -> Option<Fit> {
        let lower = name.to_lowercase();
        let mut worst = Fit::Exact;
        let alone = self.terms.len() == 1;
        for (term, atom) in &self.terms {
            let fit = if lower == *term {
                Fit::Exact
            } else if lower.starts_with(term.as_str()) {
                Fit::Prefix
            } else if lower.contains(term.as_str()) {
                Fit::Substring
            } else if alone && close(atom, term, &lower, &mut self.matcher) {
                Fit::Fuzzy
            } else {
                return None;
            };
            worst = worst.max(fit);
        }
        Some(worst)
    }
}

/// Whether the letters of `term` are in `name` in order, the first of them at the start of a word, and not all over it.
fn close(atom: &Atom, term: &str, name: &str, matcher: &mut Matcher) -> bool {
    let letters = term.chars().count();
    if letters < FUZZY_MIN {
        return false;
    }
    let mut characters = Vec::new();
    let haystack = Utf32Str::new(name, &mut characters);
    let mut indices = Vec::new();
    if atom.indices(haystack, matcher, &mut indices).is_none() {
        return false;
    }
    let (Some(first), Some(last)) = (indices.iter().min(), indices.iter().max()) else { return false };
    let span = (last - first) as usize + 1;
    let begins = *first == 0 || haystack.get(first - 1).is_alphanumeric().eq(&false);
    begins && span <= letters * 2
}

/// What decides the order, the first first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// How the name fits.
    pub fit: Fit,
    /// Whether it is in trouble.
    pub ill: bool,
    /// Which kind: see [`weight`].
    pub weight: u8,
    /// Its kind, for those of one weight.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// Its namespace.
    pub namespace: String,
}

impl Ord for Place {
    fn cmp(&self, other: &Self) -> Ordering {
        let key = |place: &Self| (place.fit, !place.ill, place.weight);
        key(self)
            .cmp(&key(other))
            .then_with(|| self.name.cmp(&other.name))
            .then_with(|| self.namespace.cmp(&other.namespace))
            .then_with(|| self.kind.cmp(&other.kind))
    }
}

impl PartialOrd for Place {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// Which kinds people mean first when names are equal: what they deploy, what runs of it, what is around it.
pub fn weight(plural: &str, group: &str) -> u8 {
    match (plural, group) {
        ("deployments" | "statefulsets" | "daemonsets", "apps") | ("cronjobs" | "jobs", "batch") => 0,
        ("pods" | "nodes" | "namespaces", "") => 1,
        ("services", "") | ("ingresses", _) => 2,
        ("replicasets", "apps") | ("secrets" | "configmaps" | "serviceaccounts", "") => 4,
        _ => 3,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearer_name_fits_better() {
        let mut fitter = Fitter::new(&["web".to_owned()]);
        for (name, fit) in [
            ("web", Some(Fit::Exact)),
            ("Web", Some(Fit::Exact)),
            ("web-7f9c", Some(Fit::Prefix)),
            ("my-web", Some(Fit::Substring)),
            ("w-e-b", Some(Fit::Fuzzy)),
            ("my-w-eb", Some(Fit::Fuzzy)),
            ("workload-edge-bus", None),
            ("db", None),
            ("", None),
        ] {
            assert_eq!(fitter.fit(name), fit, "{name}");
        }
    }

    #[test]
    fn all_terms_have_to_fit() {
        let mut fitter = Fitter::new(&["web".to_owned(), "7f".to_owned()]);
        assert_eq!(fitter.fit("web-7f"), Some(Fit::Substring));
        assert_eq!(fitter.fit("web-8a"), None);
        assert_eq!(Fitter::new(&[]).fit("anything"), Some(Fit::Exact));
    }

    #[test]
    fn names_of_any_script_are_looked_at() {
        for (term, name) in [("äöü", "äöü-1"), ("日本", "x日本"), ("\u{0}", "a"), ("ß", "SS")] {
            let _ = Fitter::new(&[term.to_lowercase()]).fit(name);
        }
        assert_eq!(Fitter::new(&["äöü".to_owned()]).fit("ÄÖÜ-1"), Some(Fit::Prefix));
    }

    #[test]
    fn the_order_is_fit_then_trouble_then_kind() {
        let place = |fit, ill, plural: &str, name: &str| Place {
            fit,
            ill,
            weight: weight(plural, if plural == "deployments" { "apps" } else { "" }),
            kind: plural.into(),
            name: name.into(),
            namespace: "a".into(),
        };
        let mut places = [
            place(Fit::Prefix, true, "pods", "web-1"),
            place(Fit::Exact, false, "services", "web"),
            place(Fit::Exact, false, "deployments", "web"),
            place(Fit::Exact, true, "services", "web"),
            place(Fit::Prefix, false, "pods", "web-0"),
        ];
        places.sort();
        let order: Vec<_> = places.iter().map(|p| (p.kind.as_str(), p.name.as_str(), p.ill)).collect();
        assert_eq!(
            order,
            [
                ("services", "web", true),
                ("deployments", "web", false),
                ("services", "web", false),
                ("pods", "web-1", true),
                ("pods", "web-0", false)
            ]
        );
    }
}
