//! What went wrong, read from kubectl's words.

/// What went wrong, with the names it is about. They are untrusted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The identity may not do it.
    Forbidden {
        /// Who was refused.
        user: String,
        /// What was attempted.
        verb: String,
        /// On which resource, with a subresource behind a slash.
        resource: String,
        /// Of which API group; empty for the core.
        group: String,
        /// Where; `None` at the cluster scope.
        namespace: Option<String>,
    },
    /// Refused, in words that do not say what.
    Refused,
    /// There is no object of that name.
    NotFound {
        /// Its resource: `deployments.apps`.
        resource: String,
        /// Its name.
        name: String,
    },
    /// The server has no such kind.
    NoKind(String),
    /// The credentials are missing, expired or refused.
    Unauthenticated,
    /// A credential plug-in failed.
    Plugin,
    /// Nobody answers at the API server's address.
    Unreachable,
    /// The API server's certificate is not trusted.
    Certificate,
    /// The API server has no metrics (yet).
    Metrics,
    /// The request means nothing to the API server or to kubectl.
    Invalid,
    /// The state of the object stands against it.
    Conflict,
    /// A label or an annotation has another value.
    Set,
    /// The container does not run, or not yet.
    NotStarted,
    /// There is no container before the present one.
    NoPrevious,
    /// The node has removed the log.
    LogGone,
    /// It exists already.
    Exists,
    /// The object or the answer is too large.
    TooLarge,
    /// Too many requests.
    Busy,
    /// It took too long.
    Timeout,
    /// The API server or something behind it is not available.
    Unavailable,
    /// kubectl does not have this command or flag.
    Unsupported,
    /// Something else.
    Other,
}

impl Fault {
    /// Reads kubectl's words.
    pub fn read(words: &str) -> Self {
        words.lines().rev().find_map(line).unwrap_or(Self::Other)
    }
}

fn line(line: &str) -> Option<Fault> {
    let line = line.trim();
    if let Some(kind) = line.split_once("the server doesn't have a resource type \"").and_then(|(_, rest)| quoted(rest))
    {
        return Some(Fault::NoKind(kind));
    }
    // "error: error from server (…" is how kubectl logs says it.
    if let Some(rest) = line.split_once("rror from server (").map(|(_, rest)| rest) {
        let (reason, message) = rest.split_once("): ")?;
        return Some(server(reason, message));
    }
    let has = |words: &[&str]| words.iter().any(|word| line.contains(word));
    Some(match () {
        () if has(&["getting credentials: exec", "exec plugin", "exec: executable"]) => Fault::Plugin,
        () if has(&[
            "You must be logged in to the server",
            "the server has asked for the client to provide credentials",
            "Unauthorized",
        ]) =>
        {
            Fault::Unauthenticated
        }
        () if has(&["x509:", "tls: failed to verify"]) => Fault::Certificate,
        () if has(&["Metrics API not available", "metrics not available yet", "metrics.k8s.io"]) => Fault::Metrics,
        () if has(&[
            "context deadline exceeded",
            "Client.Timeout",
            "i/o timeout",
            "timed out waiting for the condition",
        ]) && !has(&["Unable to connect", "dial tcp"]) =>
        {
            Fault::Timeout
        }
        () if has(&[
            "Unable to connect to the server",
            "The connection to the server",
            "connection refused",
            "no route to host",
            "no such host",
            "i/o timeout",
            "network is unreachable",
            "TLS handshake timeout",
        ]) =>
        {
            Fault::Unreachable
        }
        () if has(&["' already has a value"]) => Fault::Set,
        () if line.starts_with("error: ") && has(&["Expected replicas to be "]) => Fault::Conflict,
        () if has(&["unable to retrieve container logs for "]) => Fault::LogGone,
        () if has(&["container not found (\""]) => Fault::NotStarted,
        () if line.starts_with("The ") && has(&["\" is invalid:"]) => Fault::Invalid,
        () if has(&["unknown flag:", "unknown command", "unknown shorthand flag"]) => Fault::Unsupported,
        () if line.starts_with("error: ") && has(&["is forbidden", "forbidden:"]) => Fault::Refused,
        () if has(&["Error from server: "]) => Fault::Other,
        () if line.starts_with("error: ")
            && has(&[
                "invalid",
                "is not valid",
                "unable to parse",
                "must be",
                "cannot be",
                "may not",
                "expected",
                "does not exist",
                "couldn't find any field",
                "error parsing ",
                "has been implemented for",
            ]) =>
        {
            Fault::Invalid
        }
        () => return None,
    })
}

/// The reason and message of a status the API server answered with.
fn server(reason: &str, message: &str) -> Fault {
    match reason {
        "Forbidden" => forbidden(message).unwrap_or(Fault::Refused),
        "NotFound" => not_found(message).unwrap_or(Fault::NoKind(String::new())),
        "Unauthorized" => Fault::Unauthenticated,
        "BadRequest" if message.contains("is waiting to start") => Fault::NotStarted,
        "BadRequest" if message.starts_with("previous terminated container ") => Fault::NoPrevious,
        "InternalError" if message.contains("container not found (\"") => Fault::NotStarted,
        "BadRequest" | "Invalid" | "MethodNotAllowed" | "NotAcceptable" | "UnsupportedMediaType" => Fault::Invalid,
        "Conflict" => Fault::Conflict,
        "AlreadyExists" => Fault::Exists,
        "Expired" | "Gone" => Fault::Conflict,
        "RequestEntityTooLarge" => Fault::TooLarge,
        "TooManyRequests" => Fault::Busy,
        "Timeout" | "ServerTimeout" => Fault::Timeout,
        "ServiceUnavailable" | "InternalError" => Fault::Unavailable,
        _ => Fault::Other,
    }
}

/// `pods "x" is forbidden: User "u" cannot get resource "pods/log" in API group "" in the namespace "default"`
fn forbidden(message: &str) -> Option<Fault> {
    let (_, rest) = message.split_once("User \"")?;
    let (user, rest) = rest.split_once("\" cannot ")?;
    let (verb, rest) = rest.split_once(" resource \"")?;
    let (resource, rest) = rest.split_once("\" in API group \"")?;
    let (group, rest) = rest.split_once('"')?;
    let namespace = rest.split_once("in the namespace \"").and_then(|(_, rest)| quoted(rest));
    Some(Fault::Forbidden {
        user: user.to_owned(),
        verb: verb.to_owned(),
        resource: resource.to_owned(),
        group: group.to_owned(),
        namespace,
    })
}

/// `deployments.apps "web" not found`
fn not_found(message: &str) -> Option<Fault> {
    let (before, _) = message.rsplit_once("\" not found")?;
    let (before, name) = before.rsplit_once('"')?;
    let resource = before.split_whitespace().next_back()?;
    Some(Fault::NotFound { resource: resource.to_owned(), name: name.to_owned() })
}

/// The text up to the closing quotation mark.
fn quoted(rest: &str) -> Option<String> {
    rest.split_once('"').map(|(inner, _)| inner.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kubectl_s_sentences_are_understood() {
        let forbidden = |resource: &str, group: &str, namespace: Option<&str>| Fault::Forbidden {
            user: "system:serviceaccount:a:b".into(),
            verb: "list".into(),
            resource: resource.into(),
            group: group.into(),
            namespace: namespace.map(str::to_owned),
        };
        for (words, expected) in [
            (
                "Error from server (Forbidden): pods is forbidden: User \"system:serviceaccount:a:b\" cannot list resource \"pods\" in API group \"\" in the namespace \"default\"",
                forbidden("pods", "", Some("default")),
            ),
            (
                "Error from server (Forbidden): deployments.apps is forbidden: User \"system:serviceaccount:a:b\" cannot list resource \"deployments\" in API group \"apps\" at the cluster scope",
                forbidden("deployments", "apps", None),
            ),
            ("Error from server (Forbidden): admission webhook says no", Fault::Refused),
            (
                "Error from server (NotFound): deployments.apps \"web\" not found",
                Fault::NotFound { resource: "deployments.apps".into(), name: "web".into() },
            ),
            (
                "Warning: something\nError from server (NotFound): error when deleting \"STDIN\": pods \"a\" not found",
                Fault::NotFound { resource: "pods".into(), name: "a".into() },
            ),
            (
                "error: error from server (NotFound): pods \"a\" not found in namespace \"n\"",
                Fault::NotFound { resource: "pods".into(), name: "a".into() },
            ),
            ("error: 'a' already has a value (b), and --overwrite is false", Fault::Set),
            (
                "Error from server (BadRequest): container \"a\" in pod \"p\" is waiting to start: PodInitializing",
                Fault::NotStarted,
            ),
            (
                "Error from server (BadRequest): previous terminated container \"a\" in pod \"p\" not found",
                Fault::NoPrevious,
            ),
            (
                "error: Internal error occurred: unable to upgrade connection: container not found (\"a\")",
                Fault::NotStarted,
            ),
            ("The Pod \"P\" is invalid: \n* metadata.name: Invalid value: \"P\"", Fault::Invalid),
            ("error: error parsing STDIN: error converting YAML to JSON: yaml: line 1: x", Fault::Invalid),
            ("error: Expected replicas to be 5, was 1", Fault::Conflict),
            ("The ConfigMap \"A\" is invalid: metadata.name: Invalid value: \"A\"", Fault::Invalid),
            ("error: container c is not valid for pod two out of: a, b", Fault::Invalid),
            ("error: the server doesn't have a resource type \"podz\"", Fault::NoKind("podz".into())),
            ("error: You must be logged in to the server (Unauthorized)", Fault::Unauthenticated),
            (
                "error: You must be logged in to the server (the server has asked for the client to provide credentials)",
                Fault::Unauthenticated,
            ),
            (
                "The connection to the server 127.0.0.1:1 was refused - did you specify the right host or port?",
                Fault::Unreachable,
            ),
            ("Unable to connect to the server: dial tcp 10.0.0.1:443: i/o timeout", Fault::Unreachable),
            ("Unable to connect to the server: net/http: TLS handshake timeout", Fault::Unreachable),
            ("Unable to connect to the server: dial tcp: lookup nowhere.invalid: no such host", Fault::Unreachable),
            (
                "Unable to connect to the server: tls: failed to verify certificate: x509: certificate signed by unknown authority",
                Fault::Certificate,
            ),
            ("Unable to connect to the server: getting credentials: exec: executable aws not found", Fault::Plugin),
            ("error: Metrics API not available", Fault::Metrics),
            ("Error from server (TooManyRequests): slow down", Fault::Busy),
            ("Error from server (Conflict): Operation cannot be fulfilled", Fault::Conflict),
            ("Error from server (AlreadyExists): pods \"a\" already exists", Fault::Exists),
            ("Error from server (BadRequest): unable to parse requirement", Fault::Invalid),
            ("error: timed out waiting for the condition", Fault::Timeout),
            ("error: unknown flag: --x\nSee 'kubectl get --help' for usage.", Fault::Unsupported),
            (
                "Error from server (Forbidden): no\nerror: the server doesn't have a resource type \"a\"",
                Fault::NoKind("a".into()),
            ),
            ("something nobody has seen", Fault::Other),
            ("", Fault::Other),
        ] {
            assert_eq!(Fault::read(words), expected, "{words}");
        }
    }
}
