//! What makes a directory a server: its `manifest.json`.

use std::path::Path;

use serde::Deserialize;

use crate::{Error, Result, catalogue, file};

/// It is a few lines.
const SIZE_MAX: u64 = 1 << 16;

/// How a client talks to a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Transport {
    /// Over stdin and stdout.
    Stdio,
}

/// `manifest.json`. Fields of later versions are passed over.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct ToolManifest {
    /// The server's name: `git`.
    pub name: String,
    /// The program, beside the manifest: `mcp-git`, or `bin/mcp-git`.
    pub command: String,
    /// How it is talked to.
    pub transport: Transport,
    /// What it is for. Earlier packers left it out.
    #[serde(default)]
    pub description: String,
}

impl ToolManifest {
    /// The name of the file.
    pub const FILE: &'static str = "manifest.json";

    /// Reads the `manifest.json` of the directory `place`.
    pub fn read(place: &Path) -> Result<Self> {
        let bytes = file::read(&place.join(Self::FILE), SIZE_MAX)
            .map_err(|error| error.while_doing("no manifest of a server can be read"))?;
        Self::parse(&bytes)
    }

    /// Reads `manifest.json`.
    pub fn parse(bytes: &[u8]) -> Result<Self> {
        let manifest: Self = serde_json::from_slice(bytes)
            .map_err(|error| Error::refused(format!("this is not the manifest of a server: {error}")))?;
        manifest.check().map_err(|error| error.while_doing("this manifest of a server is not acceptable"))?;
        Ok(manifest)
    }

    fn check(&self) -> Result<()> {
        catalogue::server_name(&self.name)?;
        catalogue::plain("the description", &self.description)?;
        if !is_file_name(self.program()) {
            return Err(Error::refused(format!(
                "the command {:?} is neither the name of a file nor bin/ and one (of a-z, A-Z, 0-9 and ._+-, neither . nor - first)",
                self.command
            )));
        }
        Ok(())
    }

    /// The command without the directory it is in.
    pub fn program(&self) -> &str {
        self.command.strip_prefix("bin/").unwrap_or(&self.command)
    }
}

/// Whether `name` is one file in one directory, and no shell, terminal or option parser can take it for something else.
pub(crate) fn is_file_name(name: &str) -> bool {
    let good = |byte: u8| byte.is_ascii_alphanumeric() || b"._+-".contains(&byte);
    (1..=128).contains(&name.len()) && !name.starts_with(['.', '-']) && name.bytes().all(good)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(name: &str, command: &str, transport: &str) -> Result<ToolManifest> {
        let text = serde_json::json!({
            "name": name, "command": command, "transport": transport, "description": "Shows", "later": [1],
        });
        ToolManifest::parse(text.to_string().as_bytes())
    }

    #[test]
    fn the_manifest_of_a_real_server_is_read() {
        let manifest = ToolManifest::parse(include_bytes!("../git/manifest.json")).unwrap();
        assert_eq!((manifest.name.as_str(), manifest.command.as_str()), ("git", "mcp-git"));
    }

    #[test]
    fn a_command_is_a_file_beside_the_manifest_or_in_bin() {
        for (command, program) in [("mcp-demo", "mcp-demo"), ("bin/mcp-demo", "mcp-demo"), ("a.B_c+1", "a.B_c+1")] {
            assert_eq!(parse("demo", command, "stdio").unwrap().program(), program);
        }
        for command in [
            "",
            "bin/",
            ".",
            "..",
            "bin/..",
            "/bin/sh",
            "../x",
            "a/b",
            "bin/a/b",
            "bin/bin/x",
            "-x",
            ".x",
            "a b",
            "a\0",
            "a\n",
            "C:\\x",
            "a;b",
            "$(a)",
            "ü",
            &"a".repeat(129),
        ] {
            let error = parse("demo", command, "stdio").unwrap_err();
            assert!(error.message.contains("is neither the name of a file nor bin/ and one"), "{command:?}: {error}");
        }
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (name, transport, said) in [
            ("", "stdio", "\"\" is not the name of a server"),
            ("Demo", "stdio", "\"Demo\" is not the name of a server"),
            ("a/b", "stdio", "\"a/b\" is not the name of a server"),
            ("demo", "http", "unknown variant `http`, expected `stdio`"),
        ] {
            let error = parse(name, "mcp-demo", transport).unwrap_err();
            assert!(error.message.contains(said), "{error}");
        }
        for bytes in [&b""[..], b"{}", b"[]", b"<html>", b"\xff", br#"{"name":"a","name":"b"}"#] {
            assert!(
                ToolManifest::parse(bytes).is_err_and(|error| error.message.contains("not the manifest of a server"))
            );
        }
    }
}
