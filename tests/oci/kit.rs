//! What the tests of our own client and command share: a small release that is like a real one, the client as a library, and the command in a
//! home of its own.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use artifacts::credentials::{Credentials, Given};
use artifacts::environment::Environment;
use artifacts::layer::{Content, Member};
use artifacts::layout::Layout;
use artifacts::oci::{Annotations, Descriptor, Digest, Manifest, Platform, media};
use artifacts::pack::{self, Facts, Part, Release};
use artifacts::reference::Reference;
use artifacts::registry::{Access, Client, Repository};
use artifacts::sign::SigningKey;

/// The catalogue of mcp-git as it is released.
pub const CATALOGUE: &[u8] = include_bytes!("../../artifacts/git/catalogue.json");
/// Its manifest.
pub const MANIFEST: &[u8] = include_bytes!("../../artifacts/git/manifest.json");
/// The version of every release here.
pub const VERSION: &str = "1.2.3";

/// Bytes that do not become small, the same each time.
pub fn noise(count: usize, seed: u32) -> Vec<u8> {
    let next = |n: &u32| Some(n.wrapping_mul(1_664_525).wrapping_add(1_013_904_223));
    std::iter::successors(Some(seed), next).map(|n| n.to_be_bytes()[0]).take(count).collect()
}

/// The head of a program for linux/`architecture`, and a body of noise.
pub fn program(architecture: &str, size: usize) -> Vec<u8> {
    let mut bytes = noise(size, 7);
    bytes[..20].copy_from_slice(b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x03\0\x3e\0");
    if architecture == "arm64" {
        bytes[18] = 183;
    }
    bytes
}

/// A signed release of two platforms in a layout.
pub struct Released {
    /// Holds `layout`, `signing.pub` and `other.pub`, a key that has signed nothing.
    pub place: tempfile::TempDir,
    pub layout: Layout,
    pub release: Release,
}

impl Released {
    /// Packs and signs it, with keys made for it alone.
    pub fn new() -> Self {
        let place = tempfile::tempdir().expect("directory");
        let layout = Layout::create(&place.path().join("layout")).expect("a layout");
        let facts = Facts {
            server: "git".to_owned(),
            description: "A test".to_owned(),
            version: VERSION.to_owned(),
            revision: Some("0123456789012345678901234567890123456789".to_owned()),
            source: Some("https://example.org/agent-tools".to_owned()),
            licenses: "MIT".to_owned(),
            created: 1_700_000_000,
            catalogue: CATALOGUE.to_vec(),
            annotations: Annotations::new(),
        };
        let part = |architecture| Part {
            platform: Platform::linux(architecture),
            members: vec![
                Member::program("mcp-git", Content::Bytes(program(architecture, 20_000))),
                Member::file("manifest.json", Content::Bytes(MANIFEST.to_vec())),
            ],
            clis: Vec::new(),
            sbom: Some(format!("{{\"spdxVersion\":\"SPDX-2.3\",\"name\":\"{architecture}\"}}").into_bytes()),
            annotations: artifacts::oci::Annotations::new(),
        };
        let release = pack::release(&layout, &facts, vec![part("amd64"), part("arm64")]).expect("a release");
        let [key, other] = [(); 2].map(|()| {
            let pem = rcgen::KeyPair::generate().expect("a key").serialize_pem();
            SigningKey::from_pem(&pem, None).expect("a key")
        });
        pack::sign(&layout, &release, &key, "registry.example/team/mcp-git").expect("signatures");
        std::fs::write(place.path().join("signing.pub"), key.public_pem()).expect("write");
        std::fs::write(place.path().join("other.pub"), other.public_pem()).expect("write");
        Self { place, layout, release }
    }

    /// A path in its place, as text.
    pub fn path(&self, name: &str) -> String {
        self.place.path().join(name).display().to_string()
    }

    /// The tags a push of all of it sets.
    pub fn tags(&self) -> Vec<String> {
        self.layout.tags().expect("tags")
    }
}

/// A layout that holds one artifact with one layer under the tag `t`.
pub fn single(place: &Path, layer: &[u8]) -> (Layout, Descriptor) {
    let layout = Layout::create(place).expect("a layout");
    layout.put(media::EMPTY, artifacts::oci::EMPTY).expect("a blob");
    let layer = layout.put(media::TOOL, layer).expect("a blob");
    let manifest = layout.put(media::MANIFEST, &Manifest::artifact(media::TOOL, vec![layer]).bytes()).expect("a blob");
    layout.enter(&manifest, Some("t")).expect("a tag");
    (layout, manifest)
}

/// The repository of `reference` as our client opens it, with nothing but `settings` around it.
pub fn repository(reference: &str, access: Access, settings: &[(&'static str, OsString)]) -> Repository {
    let reference: Reference = reference.parse().expect("a reference");
    let name = reference.repository().expect("a repository");
    let settings = settings.to_vec();
    let lookup = move |asked: &str| settings.iter().find(|(name, _)| *name == asked).map(|(_, value)| value.clone());
    let environment = Environment::from_fn(lookup);
    let credentials =
        Credentials::new(&Given::default(), environment.clone(), &[name.host.as_str()]).expect("credentials");
    Client::new(&environment, credentials, false).expect("a client").repository(name, access)
}

/// The command, with nothing of the user's around it.
pub struct Agent {
    home: tempfile::TempDir,
    settings: Vec<(String, OsString)>,
}

impl Agent {
    /// A command that knows nobody.
    pub fn new() -> Self {
        Self { home: tempfile::tempdir().expect("directory"), settings: Vec::new() }
    }

    /// The same with an environment variable.
    pub fn with(mut self, name: &str, value: impl Into<OsString>) -> Self {
        self.settings.push((name.to_owned(), value.into()));
        self
    }

    /// A path in its home, where it also runs.
    pub fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    /// What lies in a directory of its home, by name.
    pub fn list(&self, name: &str) -> Vec<String> {
        let entries = std::fs::read_dir(self.path(name)).expect("a directory");
        let mut names: Vec<String> =
            entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    /// It, about to start.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_agent-tools-command"));
        command
            .args(arguments)
            .current_dir(self.home.path())
            .env_clear()
            .env("HOME", self.home.path())
            .env("TMPDIR", self.home.path())
            .env("PATH", "/usr/bin:/bin")
            .envs(self.settings.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null());
        command
    }

    /// Runs it to its end.
    pub fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().expect("agent-tools")
    }

    /// What it wrote to stdout; it has to have succeeded.
    pub fn said(&self, arguments: &[&str]) -> String {
        super::said(&self.run(arguments))
    }

    /// What it wrote to stderr; it has to have failed with `code`, and to have written no result.
    pub fn failed(&self, code: i32, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {out}{err}");
        assert_eq!(out, "", "{arguments:?}: {err}");
        err.into_owned()
    }
}

/// The digest of bytes, as text.
pub fn digest(bytes: &[u8]) -> String {
    Digest::of(bytes).to_string()
}
