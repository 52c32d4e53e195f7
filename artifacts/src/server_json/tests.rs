use std::collections::BTreeSet;

use super::*;
use crate::setting::tests::{token, workspace};

fn entry() -> Entry {
    Entry {
        name: "com.example/mcp-demo".to_owned(),
        title: Some("Demo".to_owned()),
        description: "Shows.".to_owned(),
        version: "0.1.0".to_owned(),
        repository: Some(Repository {
            url: "https://example.com/agent-tools".to_owned(),
            source: "github".to_owned(),
            subfolder: Some("tools/demo".to_owned()),
        }),
        images: vec!["registry.example/tools/mcp-demo:0.1.0-image".to_owned()],
        bundles: vec![Download { url: "https://example.com/mcp-demo.mcpb".to_owned(), sha256: Digest::of(b"x") }],
        settings: vec![workspace(), token()],
    }
}

#[test]
fn an_image_is_run_by_docker_and_a_bundle_as_it_is() {
    let document: serde_json::Value = serde_json::from_slice(&entry().bytes().unwrap()).unwrap();
    let token = serde_json::json!({
        "name": "DEMO_TOKEN", "description": "For private places.", "format": "string", "isRequired": false, "isSecret": true,
    });
    let asked = serde_json::json!({
        "description": "The directory the server works in.", "format": "filepath", "isRequired": true, "isSecret": false,
    });
    let mut named = asked.clone();
    named["name"] = "WORKSPACE".into();
    assert_eq!(
        document,
        serde_json::json!({
            "$schema": SCHEMA, "name": "com.example/mcp-demo", "title": "Demo", "description": "Shows.", "version": "0.1.0",
            "repository": {"url": "https://example.com/agent-tools", "source": "github", "subfolder": "tools/demo"},
            "packages": [
                {
                    "registryType": "oci", "identifier": "registry.example/tools/mcp-demo:0.1.0-image", "runtimeHint": "docker",
                    "transport": {"type": "stdio"},
                    "runtimeArguments": [{
                        "type": "named", "name": "--mount", "value": "type=bind,src={workspace},dst=/workspace",
                        "isRequired": true, "variables": {"workspace": asked},
                    }],
                    "environmentVariables": [{
                        "name": "WORKSPACE", "description": "The directory the server works in.", "value": "/workspace",
                        "isRequired": true, "isSecret": false,
                    }, token],
                },
                {
                    "registryType": "mcpb", "identifier": "https://example.com/mcp-demo.mcpb",
                    "fileSha256": Digest::of(b"x").hex(), "transport": {"type": "stdio"},
                    "environmentVariables": [named, token],
                },
            ],
        })
    );
    assert_eq!(entry().bytes(), entry().bytes());
}

#[test]
fn a_file_is_mounted_to_be_read_and_one_that_may_be_left_out_is() {
    for required in [true, false] {
        let kubeconfig = Setting { variable: "KUBECONFIG".to_owned(), shape: Shape::File, required, ..workspace() };
        let bytes = Entry { settings: vec![kubeconfig], bundles: vec![], ..entry() }.bytes().unwrap();
        let text = String::from_utf8(bytes).unwrap();
        let mount = "type=bind,src={kubeconfig},dst=/run/settings/kubeconfig,readonly";
        assert_eq!((text.contains(mount), text.contains("KUBECONFIG")), (required, required), "{text}");
    }
}

#[test]
fn what_is_not_given_is_not_there() {
    let bare = Entry { title: None, repository: None, images: vec![], bundles: vec![], settings: vec![], ..entry() };
    let document: serde_json::Value = serde_json::from_slice(&bare.bytes().unwrap()).unwrap();
    let keys: BTreeSet<&str> = document.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(keys, ["$schema", "description", "name", "version"].into());
}

#[test]
fn a_description_that_is_too_long_is_cut_between_words() {
    for (text, expected) in [
        ("short".to_owned(), "short".to_owned()),
        ("a".repeat(100), "a".repeat(100)),
        ("a".repeat(101), format!("{}…", "a".repeat(99))),
        (format!("{} bc", "a".repeat(98)), format!("{}…", "a".repeat(98))),
        (format!("{} bc", "a".repeat(99)), format!("{}…", "a".repeat(99))),
        (format!("{}, bcd", "ü".repeat(97)), format!("{}…", "ü".repeat(97))),
    ] {
        let cut = shorten(&text);
        assert_eq!(cut, expected);
        assert!(cut.chars().count() <= DESCRIPTION_MAX);
    }
}

#[test]
fn what_a_registry_would_refuse_is_named() {
    type Change = fn(&mut Entry);
    let cases: [(Change, &str); 15] = [
        (|entry| entry.name = "mcp-demo".to_owned(), "is not a name such as"),
        (|entry| entry.name = "a/b/c".to_owned(), "is not a name such as"),
        (|entry| entry.name = "a/".to_owned(), "is not a name such as"),
        (|entry| entry.name = "a_b/c".to_owned(), "is not a name such as"),
        (|entry| entry.name = format!("a/{}", "b".repeat(199)), "is not a name such as"),
        (|entry| entry.description = " ".to_owned(), "there is no description"),
        (|entry| entry.version = "latest".to_owned(), "\"latest\" is not one version"),
        (|entry| entry.version = "^1.0".to_owned(), "is not one version"),
        (|entry| entry.title = Some("a".repeat(101)), "the title is not 1 to 100"),
        (|entry| entry.images = vec!["registry.example:5000/x".to_owned()], "is not the reference of an image"),
        (|entry| entry.images = vec!["registry.example/x:latest".to_owned()], "is not the reference of an image"),
        (|entry| entry.images = vec!["https://registry.example/x:1".to_owned()], "is not the reference of an image"),
        (|entry| entry.bundles[0].url = "http://example.com/mcp.mcpb".to_owned(), "is not an https URL"),
        (|entry| entry.bundles[0].url = "https://example.com/m cp".to_owned(), "is not an https URL"),
        (|entry| entry.settings[0].variable = "a b".to_owned(), "is not the name of a variable"),
    ];
    for (change, said) in cases {
        let mut changed = entry();
        change(&mut changed);
        let error = changed.bytes().unwrap_err();
        assert!(error.kind == Kind::Usage && error.message.starts_with("no server.json: "), "{error}");
        assert!(error.message.contains(said), "{error}");
    }
}
