//! The CLIs that are packed beside servers, pinned: `bundles.toml`.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::{
    Error, Result,
    oci::{Digest, Platform},
};

/// All of them.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bundles {
    /// In the order of the file.
    #[serde(default)]
    pub cli: Vec<Bundle>,
}

/// One CLI.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bundle {
    /// Its name, and that of its file.
    pub name: String,
    /// The server it lies beside.
    pub server: String,
    /// Its version.
    pub version: String,
    /// Its licence, as an SPDX expression.
    pub license: String,
    /// The text of that licence, relative to the root of the workspace.
    pub license_file: String,
    /// Where it is had from, by platform (`linux/amd64`).
    pub platform: BTreeMap<String, Download>,
}

/// One file of a publisher.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Download {
    /// Where it is.
    pub url: String,
    /// The SHA-256 of what is downloaded: 64 hexadecimal digits, as publishers write it.
    pub sha256: String,
    /// The file to take out of it, if it is an archive (`.tar.gz`).
    #[serde(default)]
    pub member: Option<String>,
}

impl Download {
    /// The digest of what is downloaded.
    ///
    /// # Errors
    ///
    /// It is no SHA-256.
    pub fn digest(&self) -> Result<Digest> {
        format!("sha256:{}", self.sha256).parse()
    }
}

impl Bundles {
    /// Reads `bundles.toml`.
    ///
    /// # Errors
    ///
    /// It is no TOML of this shape; a name, platform, digest or address in it is not one.
    pub fn parse(text: &str) -> Result<Self> {
        let bundles: Self = toml::from_str(text)
            .map_err(|error| Error::refused(format!("bundles.toml: {}", error.to_string().trim())))?;
        for bundle in &bundles.cli {
            let named = |error: Error| error.while_doing(format!("bundles.toml: {}", bundle.name));
            let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
            if bundle.name.is_empty() || !bundle.name.bytes().all(plain) {
                return Err(named(Error::refused("the name is not made of a-z, 0-9 and -")));
            }
            // It becomes part of a file's name.
            let word = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'+');
            if bundle.version.is_empty() || bundle.version.starts_with('.') || !bundle.version.bytes().all(word) {
                return Err(named(Error::refused(format!("{:?} is no version", bundle.version))));
            }
            for (platform, download) in &bundle.platform {
                platform.parse::<Platform>().map_err(named)?;
                download.digest().map_err(named)?;
            }
        }
        Ok(bundles)
    }

    /// Those of `server`.
    pub fn of(&self, server: &str) -> impl Iterator<Item = &Bundle> {
        self.cli.iter().filter(move |bundle| bundle.server == server)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PINNED: &str = include_str!("../bundles.toml");

    #[test]
    fn the_pinned_clis_are_there_for_both_platforms_over_https() {
        let bundles = Bundles::parse(PINNED).expect("is right");
        assert_eq!(bundles.of("kubectl").count(), 1);
        for bundle in &bundles.cli {
            assert_eq!(bundle.platform.keys().collect::<Vec<_>>(), ["linux/amd64", "linux/arm64"], "{}", bundle.name);
            for download in bundle.platform.values() {
                assert!(
                    download.url.starts_with("https://") && download.url.contains(&bundle.version),
                    "{}",
                    download.url
                );
            }
        }
    }

    #[test]
    fn what_is_not_pinned_is_refused() {
        for (from, to) in [
            ("sha256 = \"8b", "sha256 = \"zz"),
            ("[cli.platform.\"linux/amd64\"]", "[cli.platform.\"linux\"]"),
            ("name = \"kubectl\"", "name = \"../kubectl\""),
            ("version =", "verison ="),
            ("version = \"1.36.4\"", "version = \"1/../../x\""),
        ] {
            let text = PINNED.replacen(from, to, 1);
            assert_ne!(text, PINNED);
            assert!(Bundles::parse(&text).is_err_and(|error| error.message.contains("bundles.toml")), "{to}");
        }
    }
}
