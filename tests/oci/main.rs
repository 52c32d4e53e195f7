//! Real registries, the clients everybody has, and registries that misbehave: what the harness promises of them, and what our client and command do with them.

#![expect(clippy::expect_used, reason = "a test that meets what it did not expect fails")]

mod clients;
mod command;
mod faults;
mod fetch;
mod flipped;
mod kit;
mod logins;
mod ours_and_theirs;
mod pull_faults;
mod push_faults;
mod releases;
mod strange;
mod trials;
mod uploads;

use std::path::Path;
use std::process::Output;

use harness::registry::Registry;

/// What a client wrote to stdout; it has to have succeeded.
fn said(output: &Output) -> String {
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{out}{err}");
    out.trim_end().to_owned()
}

/// What a client wrote to stderr; it has to have failed.
fn refused(output: &Output) -> String {
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(!output.status.success(), "{out}{err}");
    err.trim_end().to_owned()
}

/// Pushes one layer, `text` in a file called `file`, with crane; the digest of the layer.
fn push(registry: &Registry, reference: &str, text: &[u8]) -> String {
    let layer = layer(registry.tools().home(), text);
    said(&registry.crane(&["append", "--new_tag", reference, "--new_layer", &layer]));
    let manifest = said(&registry.crane(&["manifest", reference]));
    let manifest: serde_json::Value = serde_json::from_str(&manifest).expect("JSON");
    manifest["layers"][0]["digest"].as_str().expect("a digest").to_owned()
}

/// A tar file in `directory` that holds a file.
fn layer(directory: &Path, text: &[u8]) -> String {
    std::fs::write(directory.join("file"), text).expect("write");
    let path = directory.join("layer.tar").display().to_string();
    let output = std::process::Command::new("tar").args(["-cf", &path, "-C"]).arg(directory).arg("file").output();
    said(&output.expect("tar"));
    path
}
