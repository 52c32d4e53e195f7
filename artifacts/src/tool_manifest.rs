//! `manifest.json`: what an artifact says about itself to the runtime that spawns it.

use std::{fs, io::Read, path::Path};

use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// A manifest is a few lines.
const SIZE_MAX: u64 = 1 << 16;

/// The four fields of `manifest.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToolManifest {
    /// The server's name.
    pub name: String,
    /// The file to spawn, beside the manifest.
    pub command: String,
    /// How it speaks: `stdio`.
    pub transport: String,
    /// One sentence.
    #[serde(default)]
    pub description: String,
}

impl ToolManifest {
    /// Reads the one at `path`.
    ///
    /// # Errors
    ///
    /// As [`ToolManifest::parse`]; or the file is not there, or too large.
    pub fn read(path: &Path) -> Result<Self> {
        let failed = |error| Error::io(path, &error);
        let mut bytes = Vec::new();
        fs::File::open(path).map_err(failed)?.take(SIZE_MAX + 1).read_to_end(&mut bytes).map_err(failed)?;
        if bytes.len() as u64 > SIZE_MAX {
            return Err(Error::refused(format!("manifest.json is larger than {SIZE_MAX} bytes")));
        }
        Self::parse(&bytes)
    }

    /// Reads `bytes`. Fields it does not know are left alone.
    ///
    /// # Errors
    ///
    /// It is no JSON object with these fields; the name is not made of `a-z`, `0-9` and `-`; the command is no plain file name; the transport is not stdio.
    pub fn parse(bytes: &[u8]) -> Result<Self> {
        let manifest: Self = serde_json::from_slice(bytes)
            .map_err(|error| Error::refused(format!("manifest.json is not as it should be: {error}")))?;
        let letter = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        let name = manifest.name.as_bytes();
        if name.is_empty() || name.len() > 64 || !name.iter().all(|byte| letter(*byte)) || name.starts_with(b"-") {
            return Err(Error::refused(format!(
                "manifest.json: the name {:?} is not made of a-z, 0-9 and -",
                manifest.name
            )));
        }
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
        let command = manifest.command.strip_prefix("bin/").unwrap_or(&manifest.command).as_bytes();
        let first = command.first().copied().unwrap_or(b'-');
        if command.len() > 255 || !command.iter().all(|byte| plain(*byte)) || !first.is_ascii_alphanumeric() {
            return Err(Error::refused(format!(
                "manifest.json: the command {:?} is no plain file name",
                manifest.command
            )));
        }
        if manifest.transport != "stdio" {
            return Err(Error::refused(format!("manifest.json: the transport {:?} is not stdio", manifest.transport)));
        }
        Ok(manifest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest(name: &str, command: &str, transport: &str) -> Result<ToolManifest> {
        let value = serde_json::json!({"name": name, "command": command, "transport": transport, "later": 1});
        ToolManifest::parse(value.to_string().as_bytes())
    }

    #[test]
    fn a_manifest_names_one_plain_file() {
        for good in ["mcp-git", "bin/mcp-git", "mcp_git.2"] {
            assert!(manifest("git", good, "stdio").is_ok(), "{good}");
        }
        for bad in ["", "bin/", "../mcp-git", "/bin/sh", "a/b", "-rf", ".", "..", "sh -c", "mcp-git\0", "bin/../x"] {
            let error = manifest("git", bad, "stdio").expect_err(bad);
            assert!(error.message.contains("is no plain file name"), "{bad}: {error}");
        }
    }

    #[test]
    fn names_and_transports_are_those_of_the_contract() {
        for bad in ["", "Git", "a b", "-git", "git/x", &"g".repeat(65)] {
            assert!(manifest(bad, "mcp-git", "stdio").is_err(), "{bad}");
        }
        assert!(manifest("git", "mcp-git", "http").is_err_and(|error| error.message.contains("not stdio")));
        assert!(ToolManifest::parse(b"<html>").is_err());
        assert!(ToolManifest::parse(b"{}").is_err_and(|error| error.message.contains("name")));
    }
}
