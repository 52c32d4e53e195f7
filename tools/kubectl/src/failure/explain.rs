//! A fault as an error: what was attempted, what went wrong, what to do next. Where the cluster can say what would help, it is asked.

use shared::{
    Call, Code, ToolError, Untrusted,
    exec::{Argv, Capture},
    near::Near,
};

use crate::{
    Kubectl,
    failure::{Fault, Presence, namespace::absent},
    resource::Resource,
    run::QUICK,
    scope::{Place, Reach, Scope},
};

/// The longest line of a list of names that is looked at.
const NAME_LINE: usize = 512;

fn quoted(name: &str) -> String {
    Untrusted::line(name).quoted().to_string()
}

pub(super) fn listed(names: &[String]) -> String {
    names.iter().map(|name| quoted(name)).collect::<Vec<_>>().join(", ")
}

impl Kubectl {
    /// The error for what kubectl said on stderr.
    pub async fn explain(
        &self,
        said: &str,
        place: &Place,
        scope: &Scope,
        resource: Option<&Resource>,
        call: &Call,
    ) -> ToolError {
        match Fault::read(said) {
            Fault::NotFound { resource: kind, name } => {
                let error = self.not_found(&kind, &name, place, scope, resource, call).await;
                // Of the object that was asked for, the words say nothing more.
                if resource.and_then(Resource::name) == Some(&name) { error } else { error.with_said(said) }
            }
            Fault::NoKind(kind) => {
                let kind = if kind.is_empty() { resource.map(Resource::kinds).unwrap_or_default() } else { kind };
                self.no_kind(&kind, place, scope, call).await
            }
            fault => plain(&fault, place).with_said(said),
        }
    }

    /// What to say about an object that is not there: what is like it, where else it is, whether its namespace exists.
    async fn not_found(
        &self,
        kind: &str,
        name: &str,
        place: &Place,
        scope: &Scope,
        resource: Option<&Resource>,
        call: &Call,
    ) -> ToolError {
        // The namespace of the call, not what was asked for in it.
        if kind == "namespaces" && resource.and_then(Resource::name) != Some(name) {
            return ToolError::new(Code::NotFound, format!("there is no namespace {}", quoted(name)))
                .hint("kubectl_get resource=namespaces lists them");
        }
        let what = format!("there is no {} {}", Untrusted::line(kind).quoted(), quoted(name));
        let error = ToolError::new(Code::NotFound, format!("{what} in {}", place.shown()));
        // Only an object that was asked for by name is looked for; the name comes from the caller, not from what was said.
        let Some((asked, named)) = resource.and_then(|resource| Some((resource, resource.name()?))) else {
            return error;
        };
        if name != named {
            return error;
        }
        let (presence, near, elsewhere) = tokio::join!(
            self.presence(scope, place, call),
            self.near_names(asked, scope, named, call),
            self.elsewhere(asked, scope, named, call),
        );
        let mut hints = Vec::new();
        if let Presence::Absent(near) = &presence {
            hints.push(absent(place, near));
        }
        if !elsewhere.is_empty() {
            hints.push(format!("one of that name is in namespace {}", listed(&elsewhere)));
        }
        if !near.is_empty() {
            hints.push(format!("alike: {}", listed(&near)));
        }
        if hints.is_empty() {
            hints.push(format!("kubectl_get resource={} lists what there is", asked.kinds()));
        }
        error.hint(hints.join("; "))
    }

    /// The error for a kind the server does not have.
    pub(crate) async fn no_kind(&self, kind: &str, place: &Place, scope: &Scope, call: &Call) -> ToolError {
        let cluster = place.clone().cluster_wide().shown();
        let error = ToolError::new(Code::NotFound, format!("{cluster} has no kind {}", quoted(kind)));
        // `widgets.example.org` is looked for as `widgets`, too.
        let plain = kind.split('.').next().unwrap_or(kind);
        let mut near = Near::new(plain);
        // Where a group could not be read, the others were.
        self.kinds(scope, call, |name, _, kind| {
            near.see(name);
            near.see(kind);
        })
        .await;
        match near.best().as_slice() {
            [] => error.hint("kubectl_api_resources lists the kinds there are"),
            near => error.hint(format!("did you mean {}?", listed(near))),
        }
    }

    /// Names of the kind in the same scope that are like `name`.
    async fn near_names(&self, resource: &Resource, scope: &Scope, name: &str, call: &Call) -> Vec<String> {
        let mut near = Near::new(name);
        let argv = Argv::new().literal("get").positional("resource", resource.kinds());
        if let Ok(argv) = argv.and_then(|argv| scope.on(argv.literal("--output=name"), Reach::All)) {
            self.names(argv, call, |line| near.see(line.rsplit('/').next().unwrap_or(line))).await;
        }
        near.best()
    }

    /// Other namespaces with an object of that kind and name.
    async fn elsewhere(&self, resource: &Resource, scope: &Scope, name: &str, call: &Call) -> Vec<String> {
        let mut found = Vec::new();
        let argv = Argv::new()
            .literal("get")
            .literal("--no-headers")
            .literal("--output=custom-columns=NAMESPACE:.metadata.namespace")
            .positional("resource", resource.kinds())
            .and_then(|argv| argv.flag_value("--field-selector", format!("metadata.name={name}")))
            .and_then(|argv| scope.everywhere().on(argv, Reach::All));
        if let Ok(argv) = argv {
            self.names(argv, call, |line| {
                if line != "<none>" && found.len() < 5 {
                    found.push(line.to_owned());
                }
            })
            .await;
        }
        found
    }

    /// Hands the lines of a call to `see`. Whether the call went well.
    pub(crate) async fn names(&self, argv: Argv, call: &Call, mut see: impl FnMut(&str) + Send) -> bool {
        let sink = Capture::lines(NAME_LINE, |line| see(String::from_utf8_lossy(line.bytes).trim()));
        self.start(argv, None, sink, Capture::default(), QUICK, call).await.is_ok_and(|outcome| outcome.success())
    }
}

/// What can be said without asking the cluster again.
fn plain(fault: &Fault, place: &Place) -> ToolError {
    let at = place.shown();
    match fault {
        Fault::Forbidden { user, verb, resource, group, namespace } => {
            let (resource, sub) = resource.split_once('/').map_or((resource.as_str(), None), |(r, s)| (r, Some(s)));
            let place = match namespace {
                Some(namespace) => format!("in namespace {}", quoted(namespace)),
                None => String::from("in the cluster as a whole"),
            };
            let full = match (group.as_str(), sub) {
                ("", None) => resource.to_owned(),
                ("", Some(sub)) => format!("{resource}/{sub}"),
                (group, None) => format!("{resource}.{group}"),
                (group, Some(sub)) => format!("{resource}.{group}/{sub}"),
            };
            let mut review = format!("verb: {verb}, group: \"{group}\", resource: {resource}");
            if let Some(sub) = sub {
                review.push_str(&format!(", subresource: {sub}"));
            }
            if let Some(namespace) = namespace {
                review.push_str(&format!(", namespace: {namespace}"));
            }
            let review = Untrusted::line(&format!("{{user: {user}, resourceAttributes: {{{review}}}}}"));
            ToolError::new(
                Code::Forbidden,
                format!("{} may not {} {} {place}", quoted(user), Untrusted::line(verb).quoted(), quoted(&full)),
            )
            .hint(format!(
                "ask for less (one namespace, one name) or have this granted; the SubjectAccessReview that shows it: {}",
                review.quoted()
            ))
        }
        Fault::Refused => ToolError::new(Code::Forbidden, format!("{at} refused it"))
            .hint("an admission rule or a quota may stand against it: read what was said"),
        Fault::Unauthenticated => {
            ToolError::new(Code::Unauthenticated, format!("the API server does not take the credentials of {at}"))
                .hint("they are missing, wrong or expired: have the operator log in again or renew the kubeconfig")
        }
        Fault::Plugin => ToolError::new(Code::Unauthenticated, format!("the credential plug-in of {at} failed"))
            .hint("have the operator check that the plug-in is in PATH and logged in"),
        Fault::Unreachable => ToolError::new(Code::Unavailable, format!("nobody answers at the API server of {at}"))
            .hint("the cluster may be down, its address wrong, or the network in between: try again, another context, or ask the operator"),
        Fault::Certificate => {
            ToolError::new(Code::Unavailable, format!("the certificate of the API server of {at} is not trusted"))
                .hint("have the operator correct certificate-authority in the kubeconfig")
        }
        Fault::Metrics => ToolError::new(Code::Unavailable, format!("{at} has no metrics for this"))
            .hint("metrics-server may be missing, or the pods may be younger than a minute"),
        Fault::Invalid => ToolError::invalid("kubectl or the API server does not take these arguments")
            .hint("read what was said and correct them"),
        Fault::Set => ToolError::new(Code::Conflict, "a key of these is set to something else")
            .hint("pass overwrite=true to replace it"),
        Fault::NotStarted => ToolError::new(Code::Unavailable, "the container does not run")
            .hint("kubectl_describe and kubectl_events say why; kubectl_logs shows another container with container=NAME, and the one before a restart with previous=true"),
        Fault::NoPrevious => ToolError::new(Code::NotFound, "no container has ended before the present one")
            .hint("leave previous out"),
        Fault::LogGone => ToolError::new(Code::NotFound, "the node has removed that log")
            .hint("leave previous out, which shows the last container also after its end, or see kubectl_events"),
        Fault::Conflict => ToolError::new(Code::Conflict, "the object has changed or somebody else holds the field")
            .hint("read its present state and try again"),
        Fault::Exists => ToolError::new(Code::Conflict, "an object of that name exists already")
            .hint("use another name, or apply"),
        Fault::TooLarge => ToolError::new(Code::TooLarge, "it is larger than the API server takes").hint("send less"),
        Fault::Busy => ToolError::new(Code::RateLimited, format!("{at} asks to slow down or may not do it now"))
            .hint("wait and try again"),
        Fault::Timeout => ToolError::new(Code::Timeout, format!("{at} took too long"))
            .hint("ask for less, or try again"),
        Fault::Unavailable => ToolError::new(Code::Unavailable, format!("{at} could not serve this"))
            .hint("something behind the API server may be down (a webhook, an aggregated API): read what was said"),
        Fault::Unsupported => ToolError::new(Code::Unsupported, "this kubectl does not know a flag that is needed")
            .hint("have the operator install a kubectl within one minor version of the API server"),
        Fault::NotFound { .. } | Fault::NoKind(_) | Fault::Other => {
            ToolError::new(Code::Unavailable, format!("kubectl failed on {at}")).hint("read what was said")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place() -> Place {
        Place { context: Some(Untrusted::line("c")), namespace: Some(Untrusted::line("n")), all_namespaces: false }
    }

    #[test]
    fn forbidden_says_what_would_have_to_be_granted() {
        let words = "Error from server (Forbidden): pods \"a\" is forbidden: User \"u\" cannot get resource \"pods/log\" in API group \"\" in the namespace \"n\"";
        let error = plain(&Fault::read(words), &place());
        assert_eq!(error.code(), Code::Forbidden);
        assert_eq!(error.message(), "`u` may not `get` `pods/log` in namespace `n`");
        let hint = error.next_step().unwrap();
        assert!(
            hint.ends_with("`{user: u, resourceAttributes: {verb: get, group: \"\", resource: pods, subresource: log, namespace: n}}`"),
            "{hint}"
        );
    }

    #[test]
    fn every_fault_has_a_next_step() {
        for fault in [
            Fault::Refused,
            Fault::Unauthenticated,
            Fault::Plugin,
            Fault::Unreachable,
            Fault::Certificate,
            Fault::Metrics,
            Fault::Invalid,
            Fault::Conflict,
            Fault::Set,
            Fault::NotStarted,
            Fault::NoPrevious,
            Fault::LogGone,
            Fault::Exists,
            Fault::TooLarge,
            Fault::Busy,
            Fault::Timeout,
            Fault::Unavailable,
            Fault::Unsupported,
            Fault::Other,
        ] {
            assert!(plain(&fault, &place()).next_step().is_some(), "{fault:?}");
        }
    }
}
