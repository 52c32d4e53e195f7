//! A real server on trial: what is said of it and what it does have to be one.

use artifacts::trial::Trial;
use serde_json::Value;

use super::kit::CATALOGUE;

/// What the trial of mcp-git says when its catalogue and version are changed.
fn tried(change: impl FnOnce(&mut Value), version: &str) -> Result<usize, String> {
    let mut catalogue = serde_json::from_slice(CATALOGUE).expect("JSON");
    change(&mut catalogue);
    let program = std::path::Path::new(env!("CARGO_BIN_EXE_git-server"));
    let workspace = tempfile::tempdir().expect("directory");
    let trial = Trial {
        place: program.parent().expect("a directory").to_owned(),
        program: program.file_name().expect("a name").to_string_lossy().into_owned(),
        workspace: workspace.path().to_owned(),
        confined: false,
    };
    trial.compare(&catalogue, Some(version)).map_err(|error| error.message)
}

#[test]
fn a_server_lists_what_its_catalogue_promises_and_says_the_version_it_has() {
    let version = env!("CARGO_PKG_VERSION");
    assert_eq!(tried(|_| {}, version), Ok(12));
    for (result, words) in [
        (tried(|_| {}, "9.9.9"), "annotated is \"9.9.9\""),
        (tried(|all| all["tools"][3]["description"] = "Harmless".into(), version), "description of tool 4"),
        (tried(|all| all["tools"][3]["inputSchema"]["required"] = Value::Null, version), "inputSchema of tool 4"),
        (tried(|all| drop(all["tools"].as_array_mut().map(Vec::pop)), version), "which the catalogue does not have"),
        (tried(|all| all["default_mode"] = "readonly".into(), version), "without MODE"),
        (tried(|all| all["tools"][0]["access"] = "write".into(), version), "in readonly mode"),
    ] {
        let said = result.expect_err(words);
        assert!(said.contains(words), "{said} lacks {words:?}");
    }
}
