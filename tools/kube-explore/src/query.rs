//! What a caller's few words ask for: `crashing pods in payments`, `deploy/web`, `web-7f`.

use crate::{
    kinds::{Kind, Kinds},
    state::State,
};

/// A question, read.
#[derive(Clone, Debug, Default)]
pub struct Query {
    /// Parts of the name; all have to match.
    pub terms: Vec<String>,
    /// Only these kinds; empty is all.
    pub kinds: Vec<Kind>,
    /// Only this namespace.
    pub namespace: Option<String>,
    /// Only in this state.
    pub wanted: Vec<Wanted>,
}

/// A state that is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// In any trouble.
    Ill,
    /// Ending again and again.
    Crashing,
    /// Not there yet.
    Pending,
    /// Not ready.
    Unready,
    /// Restarted.
    Restarted,
    /// Well.
    Well,
    /// Done.
    Done,
    /// On its way out.
    Terminating,
    /// With this in its status, in lowercase.
    Saying(String),
}

impl Wanted {
    /// A word for a state, if it is one that people use.
    fn word(word: &str) -> Option<Self> {
        Some(match word {
            "failing" | "failed" | "broken" | "unhealthy" | "bad" | "ill" | "wrong" | "trouble" | "problem"
            | "problems" | "degraded" | "failures" => Self::Ill,
            "crashing" | "crashed" | "crash" | "crashloop" | "crashlooping" | "error" | "errors" | "erroring" => {
                Self::Crashing
            }
            "pending" | "stuck" | "starting" | "creating" | "waiting" => Self::Pending,
            "notready" | "unready" | "not-ready" => Self::Unready,
            "restarting" | "restarted" | "restarts" => Self::Restarted,
            "healthy" | "fine" => Self::Well,
            "completed" | "succeeded" | "finished" => Self::Done,
            "terminating" | "deleting" => Self::Terminating,
            "running" | "evicted" | "oomkilled" | "imagepullbackoff" | "errimagepull" | "crashloopbackoff"
            | "suspended" => Self::Saying(word.to_owned()),
            _ => return None,
        })
    }

    /// What the parameter `status` asks for: a word people use, or what the status has to say.
    pub fn status(text: &str) -> Self {
        let word = text.trim().to_lowercase().replace([' ', '_'], "");
        Self::word(&word).unwrap_or_else(|| Self::Saying(text.trim().to_lowercase()))
    }

    /// Whether `state` is so. `said` is its status in lowercase.
    pub fn fits(&self, state: &State, said: &str) -> bool {
        let signs = state.signs;
        match self {
            Self::Ill => signs.ill,
            Self::Crashing => signs.crashing,
            Self::Pending => signs.pending,
            Self::Unready => signs.unready,
            Self::Restarted => signs.restarted,
            Self::Well => !signs.ill && !signs.terminating,
            Self::Done => signs.done,
            Self::Terminating => signs.terminating,
            Self::Saying(word) => said.contains(word.as_str()),
        }
    }

    /// In a word, for the answer that says how the question was read.
    pub fn shown(&self) -> &str {
        match self {
            Self::Ill => "in trouble",
            Self::Crashing => "crashing",
            Self::Pending => "pending",
            Self::Unready => "not ready",
            Self::Restarted => "restarted",
            Self::Well => "healthy",
            Self::Done => "done",
            Self::Terminating => "terminating",
            Self::Saying(word) => word,
        }
    }
}

impl Query {
    /// Reads `text`. Words for kinds and states are only taken as such where `kinds` has the kind; `web` stays a name. What is quoted is a name.
    pub fn read(text: &str, kinds: &Kinds) -> Self {
        let mut query = Self::default();
        let mut words =
            text.split_whitespace().map(|word| word.trim_matches(|c| matches!(c, ',' | '?' | '.' | ';'))).peekable();
        while let Some(word) = words.next() {
            let lower = word.to_lowercase();
            if let Some(name) = quoted(word) {
                query.terms.push(name.to_lowercase());
                continue;
            }
            match lower.as_str() {
                "" | "the" | "all" | "any" | "which" | "what" | "are" | "is" | "with" | "and" | "of" | "that"
                | "find" | "show" | "list" | "where" => continue,
                "in" | "namespace" | "ns" => {
                    // `in the namespace x` and `namespace x` as well.
                    while words
                        .peek()
                        .is_some_and(|next| matches!(next.to_lowercase().as_str(), "namespace" | "ns" | "the"))
                    {
                        words.next();
                    }
                    match words.next() {
                        Some(name) => query.namespace = Some(name.to_lowercase()),
                        // Alone, it is the kind.
                        None => query.kinds.extend(kinds.named("namespaces").ok().cloned()),
                    }
                    continue;
                }
                "not"
                    if words.peek().is_some_and(|next| matches!(next.to_lowercase().as_str(), "ready" | "running")) =>
                {
                    words.next();
                    query.wanted.push(Wanted::Unready);
                    continue;
                }
                _ => {}
            }
            if let Some(wanted) = Wanted::word(&lower) {
                query.wanted.push(wanted);
                continue;
            }
            if let Some((kind, name)) = lower.split_once('/') {
                if kind.is_empty() || kind.starts_with('.') {
                    query.terms.extend((!name.is_empty()).then(|| name.to_owned()));
                    continue;
                }
                if let Ok(kind) = kinds.named(kind) {
                    query.kinds.push(kind.clone());
                } else {
                    // `namespace/name`, as other tools print it.
                    query.namespace = Some(kind.to_owned());
                }
                query.terms.extend((!name.is_empty()).then(|| name.to_owned()));
                continue;
            }
            match kinds.named(&lower) {
                Ok(kind) => query.kinds.push(kind.clone()),
                Err(_) => query.terms.push(lower),
            }
        }
        query
    }
}

fn quoted(word: &str) -> Option<&str> {
    let inner = word.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    inner.or_else(|| word.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\''))).filter(|inner| !inner.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds;

    fn read(text: &str) -> (Vec<String>, Vec<String>, Option<String>, Vec<Wanted>) {
        let all = vec![kinds::pods(), kinds::deployments(), kinds::nodes(), kinds::namespaces(), kinds::services()];
        let kinds = Kinds { all, unread: Vec::new() };
        let query = Query::read(text, &kinds);
        (query.terms, query.kinds.iter().map(Kind::full).collect(), query.namespace, query.wanted)
    }

    #[test]
    fn few_words_are_enough() {
        let words = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect::<Vec<_>>();
        for (text, terms, kinds, namespace, wanted) in [
            ("crashing pods in payments", &[][..], &["pods"][..], Some("payments"), vec![Wanted::Crashing]),
            ("deploy/web", &["web"], &["deployments.apps"], None, vec![]),
            ("payments/web", &["web"], &[], Some("payments"), vec![]),
            ("web-7f", &["web-7f"], &[], None, vec![]),
            ("which pods are not ready?", &[], &["pods"], None, vec![Wanted::Unready]),
            ("Web API", &["web", "api"], &[], None, vec![]),
            ("pending in namespace shop", &[], &[], Some("shop"), vec![Wanted::Pending]),
            ("ns", &[], &["namespaces"], None, vec![]),
            ("\"pods\"", &["pods"], &[], None, vec![]),
            ("OOMKilled", &[], &[], None, vec![Wanted::Saying("oomkilled".into())]),
            ("", &[], &[], None, vec![]),
            ("in", &[], &["namespaces"], None, vec![]),
            ("/", &[], &[], None, vec![]),
            ("../web", &["web"], &[], None, vec![]),
        ] {
            let expected = (words(terms), words(kinds), namespace.map(str::to_owned), wanted);
            assert_eq!(read(text), expected, "{text}");
        }
    }

    #[test]
    fn a_status_is_a_word_people_use_or_what_it_says() {
        assert_eq!(Wanted::status("Not Ready"), Wanted::Unready);
        assert_eq!(Wanted::status("BucketUnreachable"), Wanted::Saying("bucketunreachable".into()));
    }
}
