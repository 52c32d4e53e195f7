//! Names like a name that is not there.

/// The most names an error proposes.
const MOST: usize = 5;
/// How alike two names have to be, of 1.
const LIKE: f64 = 0.8;
/// The longest name that is compared, in bytes: comparing takes the product of both lengths, and what is longer was not mistyped.
const LONGEST: usize = 256;

/// How much `candidate` is like `name`, if it is at all.
pub fn likeness(name: &str, candidate: &str) -> Option<f64> {
    if name.len().max(candidate.len()) > LONGEST {
        return None;
    }
    let (name, candidate) = (name.to_lowercase(), candidate.to_lowercase());
    let within = name.len() >= 3 && (candidate.contains(&name) || name.contains(&candidate) && candidate.len() >= 3);
    let likeness = strsim::jaro_winkler(&name, &candidate).max(if within { LIKE + 0.1 } else { 0.0 });
    (likeness > LIKE).then_some(likeness)
}

/// The best so far of names that pass by.
#[derive(Debug)]
pub struct Near<'n> {
    name: &'n str,
    best: Vec<(f64, String)>,
}

impl<'n> Near<'n> {
    /// What is like `name`?
    pub fn new(name: &'n str) -> Self {
        Self { name, best: Vec::new() }
    }

    /// Looks at one.
    pub fn see(&mut self, candidate: &str) {
        if let Some(likeness) = likeness(self.name, candidate)
            && !self.best.iter().any(|(_, seen)| seen == candidate)
        {
            let at = self.best.partition_point(|(better, _)| *better >= likeness);
            if at < MOST {
                self.best.insert(at, (likeness, candidate.to_owned()));
                self.best.truncate(MOST);
            }
        }
    }

    /// The most alike, the best first.
    pub fn best(self) -> Vec<String> {
        self.best.into_iter().map(|(_, name)| name).collect()
    }
}

/// Those of `candidates` that are like `name`, the most alike first.
pub fn names<'c>(name: &str, candidates: impl Iterator<Item = &'c str>) -> Vec<String> {
    let mut near = Near::new(name);
    candidates.for_each(|candidate| near.see(candidate));
    near.best()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn likely_names_are_found_and_others_not() {
        let pods = ["web-7d9c5-abcde", "web-7d9c5-fghij", "db-0", "cache-0"];
        assert_eq!(names("web", pods.into_iter()), ["web-7d9c5-abcde", "web-7d9c5-fghij"]);
        assert_eq!(names("db-1", pods.into_iter()), ["db-0"]);
        assert!(names("zzz", pods.into_iter()).is_empty());
        assert_eq!(names("depoyment", ["pods", "deployments", "deploy"].into_iter()).first().unwrap(), "deployments");
        assert_eq!(names("a-x", (0..20).map(|_| "a-xy")).len(), 1);
        let many: Vec<String> = (0..20).map(|n| format!("a-x{n}")).collect();
        assert_eq!(names("a-x", many.iter().map(String::as_str)).len(), MOST);
        // However long a name is, and a part of it may well be one.
        let long = format!("web-{}", "x".repeat(1 << 24));
        assert!(names(&long, pods.into_iter()).is_empty() && names("web", [long.as_str()].into_iter()).is_empty());
    }
}
