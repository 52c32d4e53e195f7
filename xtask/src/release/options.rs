//! What `cargo xtask release` can be told.

use std::{collections::BTreeMap, path::PathBuf};

use artifacts::{oci::Platform, reference::RepositoryName};

use crate::run::Result;

/// Shown for a wrong argument.
pub(super) const HELP: &str = "\
cargo xtask release [--only SERVER] [--platform linux/ARCH] [--output DIR] [--cli NAME=PATH]… [--source URL]
                    [--namespace NAME] [--sign KEY] [--registry PREFIX [--plain-http] [--latest] [--replace]] [--check]

  --only SERVER      this server alone
  --platform P       this platform alone: linux/amd64 or linux/arm64
  --output DIR       where the layouts go; dist if not said
  --cli NAME=PATH    pack this file as the bundled CLI instead of the pinned download; once for each platform that is released
  --source URL       where the source is, for the annotations; the repository of Cargo.toml if not said
  --namespace NAME   the reverse-DNS name of the publisher in an MCP registry, such as io.github.me: makes server.json (with --registry)
  --sign KEY         an ECDSA P-256 private key in PEM (cosign's too, with its password in COSIGN_PASSWORD): sign everything that can be pulled
  --registry PREFIX  push to PREFIX/mcp-SERVER when all is verified, and verify what came to lie there
  --latest           move the tag latest there as well
  --replace          give a version that is there already another digest; without it that is refused
  --check            write nothing: compare with the layouts that lie in the output already, and fail if they differ
";

/// The arguments.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Options {
    pub(super) only: Option<String>,
    pub(super) platform: Option<Platform>,
    pub(super) output: PathBuf,
    pub(super) clis: BTreeMap<String, Vec<PathBuf>>,
    pub(super) source: Option<String>,
    pub(super) namespace: Option<String>,
    pub(super) sign: Option<PathBuf>,
    pub(super) registry: Option<String>,
    pub(super) plain_http: bool,
    pub(super) latest: bool,
    pub(super) replace: bool,
    pub(super) check: bool,
}

impl Options {
    pub(super) fn parse(arguments: &[&str]) -> Result<Self> {
        let mut options = Self { output: PathBuf::from("dist"), ..Self::default() };
        let mut arguments = arguments.iter();
        while let Some(argument) = arguments.next() {
            let (name, attached) =
                argument.split_once('=').map_or((*argument, None), |(name, value)| (name, Some(value)));
            let mut value = || {
                let value = attached.or_else(|| arguments.next().copied()).filter(|value| !value.is_empty());
                value.ok_or_else(|| format!("{name} needs a value\n\n{HELP}"))
            };
            match name {
                "--only" => options.only = Some(value()?.to_owned()),
                "--platform" => options.platform = Some(value()?.parse().map_err(|error| format!("{error}"))?),
                "--output" => options.output = value()?.into(),
                "--cli" => {
                    let value = value()?;
                    let (cli, path) =
                        value.split_once('=').ok_or_else(|| format!("--cli {value:?} is not NAME=PATH"))?;
                    options.clis.entry(cli.to_owned()).or_default().push(path.into());
                }
                "--source" => options.source = Some(value()?.to_owned()),
                "--namespace" => options.namespace = Some(value()?.to_owned()),
                "--sign" => options.sign = Some(value()?.into()),
                "--registry" => options.registry = Some(value()?.trim_end_matches('/').to_owned()),
                "--plain-http" if attached.is_none() => options.plain_http = true,
                "--latest" if attached.is_none() => options.latest = true,
                "--replace" if attached.is_none() => options.replace = true,
                "--check" if attached.is_none() => options.check = true,
                _ => return Err(format!("{argument:?} is no argument of release\n\n{HELP}")),
            }
        }
        if options.namespace.is_some() && options.registry.is_none() {
            return Err(
                "--namespace makes server.json, which names the image in a registry: it needs --registry".to_owned()
            );
        }
        let about_registry =
            [("--latest", options.latest), ("--plain-http", options.plain_http), ("--replace", options.replace)];
        if let (Some((name, _)), None) = (about_registry.iter().find(|(_, given)| *given), &options.registry) {
            return Err(format!("{name} is about a registry: it needs --registry"));
        }
        // Before a build of minutes, not after it.
        if let Some(repository) = options.repository("server") {
            RepositoryName::parse(&repository).map_err(|error| format!("--registry: {error}"))?;
        }
        if options.source.as_ref().is_some_and(|source| !source.starts_with("https://")) {
            return Err("--source is not an address that begins with https://".to_owned());
        }
        Ok(options)
    }

    /// Where `server` goes in the registry.
    pub(super) fn repository(&self, server: &str) -> Option<String> {
        self.registry.as_ref().map(|registry| format!("{registry}/mcp-{server}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_attached_or_follow() {
        let options =
            Options::parse(&["--only", "git", "--cli=kubectl=/opt/kubectl", "--platform", "linux/arm64", "--check"]);
        let options = options.expect("is right");
        assert_eq!((options.only.as_deref(), options.check), (Some("git"), true));
        assert_eq!(options.clis.get("kubectl"), Some(&vec![PathBuf::from("/opt/kubectl")]));
        assert_eq!(options.platform, Some(Platform::linux("arm64")));
        assert_eq!(options.output, PathBuf::from("dist"));
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (arguments, words) in [
            (&["--onyl", "git"][..], "no argument of release"),
            (&["--only"], "needs a value"),
            (&["--output="], "needs a value"),
            (&["--cli", "kubectl"], "NAME=PATH"),
            (&["--platform", "arm64"], "not a platform"),
            (&["--check=yes"], "no argument"),
            (&["--latest"], "needs --registry"),
            (&["--namespace", "com.example"], "needs --registry"),
            (&["--replace"], "needs --registry"),
            (&["--registry", "acme"], "--registry: "),
            (&["--source", "github.com/me/x"], "https://"),
        ] {
            let said = Options::parse(arguments).expect_err(words);
            assert!(said.contains(words), "{said}");
        }
    }
}
