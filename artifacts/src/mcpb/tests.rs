use super::*;
use crate::{
    oci::Digest,
    setting::tests::{token, workspace},
};

fn bundle() -> Bundle {
    let file = |name: &str, bytes: &[u8], executable: bool| File {
        name: name.to_owned(),
        bytes: bytes.to_owned(),
        executable,
    };
    let catalogue = Catalogue::parse(
        br#"{"server": "demo", "description": "Shows", "default_mode": "readonly", "tokens": 9, "tools": [{
            "name": "demo_hello", "title": "Say hello", "description": "Greets.", "access": "read",
            "annotations": {"readOnlyHint": true, "destructiveHint": false, "idempotentHint": true, "openWorldHint": false},
            "tokens": 9, "inputSchema": {"type": "object"}}]}"#,
    )
    .unwrap();
    Bundle {
        manifest: ToolManifest::parse(
            br#"{"name":"demo","command":"mcp-demo","transport":"stdio","description":"Shows"}"#,
        )
        .unwrap(),
        version: "0.1.0".to_owned(),
        platform: Platform::linux("amd64"),
        author: "A. Author".to_owned(),
        repository: Some("https://example.com/agent-tools".to_owned()),
        licence: Some("Apache-2.0".to_owned()),
        settings: vec![workspace(), Setting::mode(&catalogue), token()],
        files: vec![file("mcp-demo", &b"program ".repeat(100), true), file("LICENSE", b"words", false)],
        catalogue,
    }
}

/// Two bytes of `archive` at `at`.
fn short(archive: &[u8], at: usize) -> usize {
    usize::from(u16::from_le_bytes([archive[at], archive[at + 1]]))
}

/// Four bytes of `archive` at `at`.
fn long(archive: &[u8], at: usize) -> usize {
    short(archive, at) | short(archive, at + 2) << 16
}

/// Name, mode and content of each file of `archive`, found as readers do: from the end.
fn read(archive: &[u8]) -> Vec<(String, usize, Vec<u8>)> {
    let end = archive.len() - 22;
    assert_eq!(&archive[end..end + 4], b"PK\x05\x06");
    let mut at = long(archive, end + 16);
    let mut files = Vec::new();
    for _ in 0..short(archive, end + 10) {
        assert_eq!(&archive[at..at + 4], b"PK\x01\x02");
        let (length, local) = (short(archive, at + 28), long(archive, at + 42));
        let name = String::from_utf8(archive[at + 46..at + 46 + length].to_owned()).unwrap();
        assert_eq!(&archive[local..local + 4], b"PK\x03\x04");
        // What both headers say, they say alike.
        assert_eq!(archive[local + 4..local + 30], archive[at + 6..at + 32]);
        let content = &archive[local + 30 + length..][..long(archive, at + 20)];
        let bytes = match short(archive, at + 10) {
            0 => content.to_owned(),
            _ => {
                let mut bytes = Vec::new();
                std::io::Read::read_to_end(&mut flate2::read::DeflateDecoder::new(content), &mut bytes).unwrap();
                bytes
            }
        };
        assert_eq!(bytes.len(), long(archive, at + 24));
        files.push((name, long(archive, at + 38) >> 16, bytes));
        at += 46 + length;
    }
    assert_eq!(at, end);
    files
}

#[test]
fn a_bundle_is_the_same_always() {
    let bytes = bundle().bytes().unwrap();
    let mut turned = bundle();
    turned.files.reverse();
    assert_eq!(turned.bytes().unwrap(), bytes);
    assert_eq!(Digest::of(&bytes).hex(), "7ad5918e4d7c90ae9d160c56d107f0afbe4fd0eb84089b85f090f77a614cecf2");
}

#[test]
fn the_program_can_be_run_and_the_manifest_comes_first() {
    let files = read(&bundle().bytes().unwrap());
    let listed: Vec<(&str, usize)> = files.iter().map(|(name, mode, _)| (name.as_str(), *mode)).collect();
    assert_eq!(listed, [("manifest.json", 0o100_644), ("server/LICENSE", 0o100_644), ("server/mcp-demo", 0o100_755)]);
    assert_eq!((files[1].2.as_slice(), files[2].2.len()), (&b"words"[..], 800));
}

#[test]
fn the_manifest_starts_the_program_and_asks_what_it_needs() {
    let files = read(&bundle().bytes().unwrap());
    let manifest: serde_json::Value = serde_json::from_slice(&files[0].2).unwrap();
    assert_eq!(
        manifest["server"],
        serde_json::json!({
            "type": "binary", "entry_point": "server/mcp-demo", "mcp_config": {
                "command": "${__dirname}/server/mcp-demo", "args": [], "env": {
                    "WORKSPACE": "${user_config.workspace}", "MODE": "${user_config.mode}",
                    "DEMO_TOKEN": "${user_config.demo_token}",
                },
            },
        })
    );
    assert_eq!(
        manifest["user_config"],
        serde_json::json!({
            "workspace": {
                "type": "directory", "title": "Workspace", "description": "The directory the server works in.", "required": true,
            },
            "mode": {
                "type": "string", "title": "Mode", "required": false, "default": "readonly",
                "description": "readonly: only the tools that read; readwrite: all of them. One of: readonly, readwrite.",
            },
            "demo_token": {
                "type": "string", "title": "Token", "description": "For private places.", "required": false,
                "sensitive": true, "default": "",
            },
        })
    );
    assert_eq!(manifest["tools"], serde_json::json!([{"name": "demo_hello", "description": "Greets."}]));
    assert_eq!(manifest["_meta"]["io.agents.mcp-tool"]["platform"], "linux/amd64");
}

#[test]
fn what_cannot_be_bundled_is_named() {
    type Change = fn(&mut Bundle);
    let cases: [(Change, &str); 9] = [
        (|bundle| bundle.files.clear(), "its program mcp-demo is not among its files"),
        (|bundle| bundle.files[0].executable = false, "its program mcp-demo may not be run"),
        (|bundle| bundle.files[1].name = "../x".to_owned(), "\"../x\" is neither"),
        (|bundle| bundle.files[1].name = "a/b".to_owned(), "\"a/b\" is neither"),
        (|bundle| bundle.files[1].name = "mcp-demo".to_owned(), "mcp-demo is there twice"),
        (|bundle| bundle.catalogue.server = "other".to_owned(), "of another server, other"),
        (|bundle| bundle.version.clear(), "it has no version"),
        (|bundle| bundle.author = " ".to_owned(), "it has no author"),
        (|bundle| bundle.settings[0].title.clear(), "has no title"),
    ];
    for (change, said) in cases {
        let mut changed = bundle();
        change(&mut changed);
        let error = changed.bytes().unwrap_err();
        assert!(error.message.starts_with("no bundle of demo: ") && error.message.contains(said), "{error}");
    }
}

#[test]
fn a_program_in_bin_stays_there() {
    let mut bundle = bundle();
    bundle.manifest.command = "bin/mcp-demo".to_owned();
    bundle.files[0].name = "bin/mcp-demo".to_owned();
    let files = read(&bundle.bytes().unwrap());
    assert_eq!(files[2].0, "server/bin/mcp-demo");
    assert!(String::from_utf8_lossy(&files[0].2).contains("${__dirname}/server/bin/mcp-demo"));
}
