//! A real server on trial: what is said of it and what it does have to be one.

use std::{
    path::Path,
    process::{Command, Stdio},
};

use artifacts::trial::{self, Trial};
use harness::skip;
use serde_json::Value;

use super::kit::CATALOGUE;

/// What the trial of mcp-git says when its catalogue and version are changed.
fn tried(change: impl FnOnce(&mut Value), version: &str) -> Result<usize, String> {
    let mut catalogue = serde_json::from_slice(CATALOGUE).expect("JSON");
    change(&mut catalogue);
    let program = Path::new(env!("CARGO_BIN_EXE_git-server"));
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

/// A server that answers what it was not asked, and goes on in a session of its own without holding a pipe.
const SURVIVOR: &str = r#"
#include <stdio.h>
#include <unistd.h>
int main(void) {
    puts("{\"id\":2}"); fflush(stdout);
    setsid(); close(0); close(1); close(2);
    for (;;) sleep(1);
}
"#;

#[test]
fn nothing_a_server_starts_outlives_its_trial() {
    let name = "nothing_a_server_starts_outlives_its_trial";
    let apart = ["--pid", "--net", "--fork", "true"];
    let able = Command::new("unshare").args(apart).stderr(Stdio::null()).status().is_ok_and(|done| done.success());
    if !rustix::process::geteuid().is_root() || !able {
        return skip(name, "only root may give a server a namespace of its own");
    }
    let place = tempfile::tempdir().expect("directory");
    std::fs::set_permissions(place.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).expect("mode");
    let program = format!("survivor-{}", std::process::id());
    std::fs::write(place.path().join("survivor.c"), SURVIVOR).expect("write");
    let built = Command::new("cc").args(["-static", "-o", &program, "survivor.c"]).current_dir(place.path()).output();
    let built = built.expect("a C compiler");
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    let catalogue = serde_json::from_slice(CATALOGUE).expect("JSON");
    let error = trial::try_out(place.path(), &program, Some(&catalogue), None).expect_err("it lists no tools");
    assert!(error.message.contains("with an error"), "{error}");
    // Its end comes with that of its namespace, which the kernel brings about when it gets to it.
    let left = || {
        let processes = std::fs::read_dir("/proc").expect("processes").flatten();
        processes
            .filter(|entry| {
                std::fs::read_to_string(entry.path().join("cmdline")).is_ok_and(|line| line.contains(&program))
            })
            .count()
    };
    let patience = std::time::Instant::now();
    while left() > 0 && patience.elapsed().as_secs() < 30 {
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    assert_eq!(left(), 0, "processes of the server are still there");
}
