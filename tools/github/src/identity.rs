//! Who asks: a token, an installation of an App, or nobody.

use http::HeaderValue;
use shared::{
    Code, Result, ToolError,
    environment::{Environment, read_text},
    http::client::Client,
    redact,
};

use crate::app::App;

/// The variables a token is looked for in.
const VARIABLES: [&str; 2] = ["GITHUB_TOKEN", "GH_TOKEN"];
/// The variable that names a file which holds one.
const FILE: &str = "GITHUB_TOKEN_FILE";

/// Who asks.
#[derive(Debug)]
pub enum Identity {
    /// Nobody in particular: public repositories, 60 requests an hour.
    Nobody,
    /// Whoever owns a token.
    Token {
        /// `Bearer …`, marked as a secret.
        authorization: HeaderValue,
        /// The variable it came from.
        variable: &'static str,
    },
    /// An installation of an App, whose tokens live for an hour.
    App(Box<App>),
}

impl Identity {
    /// The identity that the environment gives: a token first, then an App.
    ///
    /// # Errors
    /// For credentials that are there and cannot be used: nobody goes on as somebody else.
    pub fn read(environment: &Environment) -> Result<Self> {
        for variable in VARIABLES {
            if let Some(token) = environment.text(variable)? {
                return Self::token(variable, &token);
            }
        }
        if let Some(file) = environment.path(FILE) {
            // An empty one is no token and not the same as none: nobody goes on as nobody.
            return Self::token(FILE, &read_text(FILE, &file)?);
        }
        Ok(App::read(environment)?.map_or(Self::Nobody, |app| Self::App(Box::new(app))))
    }

    fn token(variable: &'static str, token: &str) -> Result<Self> {
        let token = token.trim();
        redact::register(token);
        Ok(Self::Token { authorization: bearer(variable, token)?, variable })
    }

    /// What a request is signed with; nothing for nobody.
    ///
    /// # Errors
    /// When an App gets no token.
    pub async fn authorization(&self, client: &Client) -> Result<Option<HeaderValue>> {
        match self {
            Self::Nobody => Ok(None),
            Self::Token { authorization, .. } => Ok(Some(authorization.clone())),
            Self::App(app) => app.authorization(client).await.map(Some),
        }
    }

    /// The server did not take what [`Self::authorization`] gave: whether asking for another makes sense.
    pub fn refused(&self) -> bool {
        match self {
            Self::App(app) => app.forget(),
            _ => false,
        }
    }

    /// Whether there is one at all.
    pub fn is_somebody(&self) -> bool {
        !matches!(self, Self::Nobody)
    }
}

/// `Bearer token` as a header that is never shown.
pub(crate) fn bearer(variable: &str, token: &str) -> Result<HeaderValue> {
    let visible = !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_graphic());
    let value = visible.then(|| HeaderValue::from_str(&format!("Bearer {token}")).ok()).flatten();
    let mut value = value.ok_or_else(|| {
        ToolError::new(Code::Unauthenticated, format!("{variable} holds what cannot be a token"))
            .hint(format!("set {variable} to the token alone, without quotes, blanks or line breaks"))
    })?;
    value.set_sensitive(true);
    Ok(value)
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    fn read(pairs: &[(&'static str, &str)]) -> Result<Identity> {
        let pairs: HashMap<_, _> = pairs.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        Identity::read(&Environment::from_fn(move |name| pairs.get(name).map(Into::into)))
    }

    #[test]
    fn the_order_is_the_contracts() {
        let directory = std::env::temp_dir().join(format!("mcp-github-token-{}", std::process::id()));
        std::fs::write(&directory, "fromfile\n").unwrap();
        let file = directory.to_str().unwrap();
        let of = |pairs: &[(&'static str, &str)]| match read(pairs).unwrap() {
            Identity::Token { variable, authorization } => (variable, authorization.to_str().unwrap().to_owned()),
            other => panic!("{other:?}"),
        };
        let all = [("GITHUB_TOKEN", "one"), ("GH_TOKEN", "two"), ("GITHUB_TOKEN_FILE", file)];
        assert_eq!(of(&all), ("GITHUB_TOKEN", "Bearer one".into()));
        assert_eq!(of(&all[1..]), ("GH_TOKEN", "Bearer two".into()));
        assert_eq!(of(&all[2..]), ("GITHUB_TOKEN_FILE", "Bearer fromfile".into()));
        assert!(matches!(read(&[]).unwrap(), Identity::Nobody));
        std::fs::write(&directory, "\n").unwrap();
        assert!(read(&all[2..]).is_err(), "a file without a token is not the same as no token");
        std::fs::remove_file(&directory).unwrap();
        assert!(read(&all[2..]).is_err(), "a file that is not there is not the same as no token");
    }

    #[test]
    fn a_token_is_one_word_and_shown_nowhere() {
        for wrong in ["two words", "tok\nen", "tök", "a\u{7f}"] {
            let error = read(&[("GITHUB_TOKEN", wrong)]).unwrap_err().to_string();
            assert!(error.contains("GITHUB_TOKEN") && !error.contains(wrong), "{error}");
        }
        let shown = format!("{:?}", read(&[("GITHUB_TOKEN", "ghp_secretsecret")]).unwrap());
        assert!(!shown.contains("secretsecret"), "{shown}");
    }
}
