//! `WWW-Authenticate`: how a registry wants to be convinced (RFC 9110, section 11).

/// One way that is known here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Challenge {
    /// A name and a password with each request.
    Basic,
    /// A token of a service.
    Bearer {
        /// The service's address.
        realm: String,
        /// What the service calls the registry.
        service: Option<String>,
        /// What the registry found missing; ours is asked for too.
        scope: Option<String>,
        /// Why a token was not good enough: `insufficient_scope`.
        error: Option<String>,
    },
}

/// The best of the challenges in these header values: a token before a password.
pub(super) fn best<'a>(values: impl Iterator<Item = &'a str>) -> Option<Challenge> {
    let mut found = None;
    for value in values {
        for (scheme, parameters) in parse(value) {
            let get = |name: &str| parameters.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone());
            match scheme.as_str() {
                "bearer" => {
                    if let Some(realm) = get("realm") {
                        let (service, scope, error) = (get("service"), get("scope"), get("error"));
                        return Some(Challenge::Bearer { realm, service, scope, error });
                    }
                }
                "basic" => found = Some(Challenge::Basic),
                _ => {}
            }
        }
    }
    found
}

type Parameters = Vec<(String, String)>;

/// Schemes in lower case with their parameters; what cannot be read ends the list.
fn parse(value: &str) -> Vec<(String, Parameters)> {
    let mut challenges: Vec<(String, Parameters)> = Vec::new();
    let mut rest = value;
    loop {
        rest = rest.trim_start_matches([' ', '\t', ',']);
        let end = rest.find(|letter: char| !is_token(letter)).unwrap_or(rest.len());
        if end == 0 {
            return challenges;
        }
        let (word, after) = rest.split_at(end);
        let after = after.trim_start_matches([' ', '\t']);
        match (after.strip_prefix('='), challenges.last_mut()) {
            (Some(after), Some((_, parameters))) => {
                let after = after.trim_start_matches([' ', '\t']);
                let Some((value, after)) = text(after) else { return challenges };
                parameters.push((word.to_ascii_lowercase(), value));
                rest = after;
            }
            (Some(_), None) => return challenges,
            (None, _) => {
                challenges.push((word.to_ascii_lowercase(), Parameters::new()));
                rest = after;
            }
        }
    }
}

/// A token or a quoted string, and what follows it.
fn text(from: &str) -> Option<(String, &str)> {
    let Some(quoted) = from.strip_prefix('"') else {
        let end = from.find(|letter: char| letter == ',' || letter.is_whitespace()).unwrap_or(from.len());
        return Some((from[..end].to_owned(), &from[end..]));
    };
    let mut value = String::new();
    let mut letters = quoted.char_indices();
    while let Some((at, letter)) = letters.next() {
        match letter {
            '"' => return Some((value, &quoted[at + 1..])),
            '\\' => value.push(letters.next()?.1),
            _ => value.push(letter),
        }
    }
    None
}

fn is_token(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(letter)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bearer(realm: &str, service: Option<&str>, scope: Option<&str>, error: Option<&str>) -> Option<Challenge> {
        let owned = |text: Option<&str>| text.map(str::to_owned);
        let (service, scope, error) = (owned(service), owned(scope), owned(error));
        Some(Challenge::Bearer { realm: realm.to_owned(), service, scope, error })
    }

    #[test]
    fn challenges_of_registries_are_read() {
        let one = |value: &'static str| best([value].into_iter());
        assert_eq!(
            one(
                r#"Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:a/b:pull,push""#
            ),
            bearer("https://auth.docker.io/token", Some("registry.docker.io"), Some("repository:a/b:pull,push"), None)
        );
        assert_eq!(
            one(r#"bearer realm="r" , error="insufficient_scope""#),
            bearer("r", None, None, Some("insufficient_scope"))
        );
        assert_eq!(one(r#"Bearer realm=r,service=s"#), bearer("r", Some("s"), None, None));
        assert_eq!(one(r#"Bearer realm="a\"b""#), bearer("a\"b", None, None, None));
        assert_eq!(one(r#"Basic realm="Registry""#), Some(Challenge::Basic));
        assert_eq!(one("BASIC"), Some(Challenge::Basic));
        assert_eq!(one(r#"Basic realm="x", Bearer realm="r""#), bearer("r", None, None, None));
        assert_eq!(best(["Basic realm=x", "Bearer realm=\"r\""].into_iter()), bearer("r", None, None, None));
    }

    #[test]
    fn what_is_none_is_none() {
        for value in ["", ",", "Bearer", "Bearer realm=\"open", "Negotiate", "realm=\"x\"", "=", "Digest a=b", "é"] {
            assert_eq!(best([value].into_iter()), None, "{value}");
        }
    }
}
