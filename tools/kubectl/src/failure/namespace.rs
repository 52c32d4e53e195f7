//! Whether the namespace that was looked into is there: nothing in a namespace and no such namespace are two answers.

use shared::{
    Call, Code, Result, ToolError,
    exec::{Argv, Capture},
    near::Near,
};

use super::{Fault, explain::listed, words};
use crate::{
    Kubectl,
    run::QUICK,
    scope::{Namespace, Place, Reach, Scope},
};

/// Whether a namespace is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Presence {
    /// It is.
    There,
    /// It is not; these are like it.
    Absent(Vec<String>),
    /// It could not be seen, for this identity or at this time.
    Unknown,
}

impl Kubectl {
    /// Whether the one namespace of `place` is there.
    pub async fn presence(&self, scope: &Scope, place: &Place, call: &Call) -> Presence {
        let name = match scope.namespace() {
            Namespace::Named(name) => name.clone(),
            Namespace::All => return Presence::Unknown,
            // The context's own, as the kubeconfig spells it.
            Namespace::Own => match self.own_namespace(scope, call).await {
                Some(name) => name,
                None => return Presence::Unknown,
            },
        };
        if place.namespace.is_none() {
            return Presence::Unknown;
        }
        let argv = Argv::new().literal("get").literal("namespaces").positional("namespace", &name);
        let Ok(argv) = argv.and_then(|argv| scope.on(argv.literal("--output=name"), Reach::Cluster)) else {
            return Presence::Unknown;
        };
        let Ok(outcome) = self.start(argv, None, Capture::default(), Capture::default(), QUICK, call).await else {
            return Presence::Unknown;
        };
        if outcome.success() {
            return Presence::There;
        }
        if !matches!(Fault::read(&words(&outcome)), Fault::NotFound { .. }) {
            return Presence::Unknown;
        }
        let mut near = Near::new(&name);
        let argv = scope.on(Argv::new().literal("get").literal("namespaces").literal("--output=name"), Reach::Cluster);
        if let Ok(argv) = argv {
            self.names(argv, call, |line| near.see(line.rsplit('/').next().unwrap_or(line))).await;
        }
        Presence::Absent(near.best())
    }

    /// Why nothing was found, as a line; an error where the namespace does not exist. `narrowed`: selectors were given.
    pub async fn nothing(
        &self,
        kinds: &str,
        narrowed: bool,
        scope: &Scope,
        place: &Place,
        call: &Call,
    ) -> Result<String> {
        let none = format!("no {kinds}{}", if narrowed { " that match the selectors" } else { "" });
        Ok(match self.presence(scope, place, call).await {
            Presence::Absent(near) => {
                return Err(ToolError::new(Code::NotFound, absent(place, &near))
                    .hint("kubectl_get resource=namespaces lists them"));
            }
            Presence::There => format!("{none}; the namespace exists"),
            Presence::Unknown if place.namespace.is_none() => none,
            Presence::Unknown => format!("{none}; whether the namespace exists could not be seen"),
        })
    }

    async fn own_namespace(&self, scope: &Scope, call: &Call) -> Option<String> {
        self.contexts(call).await.ok()?.own_namespace(scope)
    }
}

/// That the namespace of `place` does not exist.
pub(super) fn absent(place: &Place, near: &[String]) -> String {
    let name = place.namespace.as_ref().map(|name| name.quoted().to_string()).unwrap_or_default();
    let alike = if near.is_empty() { String::new() } else { format!(" (alike: {})", listed(near)) };
    format!("there is no namespace {name}{alike}")
}
