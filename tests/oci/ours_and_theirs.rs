//! What we push the others read, and what the others push we read: the same bytes, in every direction.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::Path;
use std::process::Command;

use artifacts::Kind;
use artifacts::layout::Layout;
use artifacts::oci::{Descriptor, Manifest, media};
use artifacts::registry::Access;
use artifacts::sign;
use artifacts::transfer::{self, Options as How, Place};
use harness::faults::FaultProxy;
use harness::registry::{Login, Options, PASSWORD, Registry, USER, lacking};
use harness::{block_on, skip};
use serde_json::Value;

use super::kit::{Released, VERSION, repository};
use super::said;

/// A registry, what our client is to know of it, and a release.
struct Desk {
    registry: Registry,
    settings: Vec<(&'static str, OsString)>,
    released: Released,
}

impl Desk {
    fn new(options: Options) -> Self {
        let registry = Registry::start(options);
        let mut settings = vec![("DOCKER_CONFIG", registry.tools().docker_config().into())];
        if options.tls {
            settings.push(("SSL_CERT_FILE", registry.ca().into()));
        }
        registry.log_in(USER, PASSWORD);
        Self { registry, settings, released: Released::new() }
    }

    fn reference(&self, tag: &str) -> String {
        self.registry.reference("team/mcp-git", tag)
    }

    fn place(&self, access: Access) -> Place {
        Place::Repository(repository(&self.reference(VERSION), access, &self.settings))
    }

    fn push(&self) {
        let repository = repository(&self.reference(VERSION), Access::Push, &self.settings);
        let layout = &self.released.layout;
        let pushed = block_on(transfer::push_layout(layout, &repository, &BTreeSet::new(), false, &How::default()));
        let tags: BTreeSet<String> = pushed.expect("a push").tags.into_iter().map(|(tag, _)| tag).collect();
        assert_eq!(tags, self.released.tags().into_iter().collect());
    }

    /// The bytes of `name` that came to a layout of ours, with all it is made of, from a repository.
    fn pull(&self, name: &str) -> (tempfile::TempDir, Layout) {
        let place = tempfile::tempdir().expect("directory");
        let layout = Layout::create(place.path()).expect("a layout");
        let to = Place::Layout(layout.clone());
        let from = self.place(Access::Pull);
        block_on(transfer::copy(&from, name, &to, Some(name), &How::default())).expect("a pull");
        (place, layout)
    }

    fn bytes(&self, descriptor: &Descriptor) -> Vec<u8> {
        std::fs::read(self.released.layout.path(&descriptor.digest)).expect("a blob")
    }

    /// What `oras discover` lists, by artifact type.
    fn discovered(&self, reference: &str, flags: &[&str]) -> Vec<String> {
        let arguments = [&["discover", "--format", "json"], flags, &[reference]].concat();
        let found: Value = serde_json::from_str(&said(&self.registry.oras(&arguments))).expect("JSON");
        let list = found["referrers"].as_array().or(found["manifests"].as_array()).cloned().unwrap_or_default();
        let mut kinds: Vec<String> =
            list.iter().map(|entry| entry["artifactType"].as_str().unwrap_or_default().to_owned()).collect();
        kinds.sort();
        kinds
    }

    /// What is in a tar file, by name.
    fn names(&self, archive: &Path) -> Vec<String> {
        let output = Command::new("tar").arg("-tf").arg(archive).output().expect("tar");
        said(&output).lines().map(str::to_owned).collect()
    }

    /// Reads everything that was pushed with the other clients; `oras` are the flags it takes.
    fn read_by_others(&self, oras: &[&str]) {
        let home = self.registry.tools().home();
        for tag in self.released.tags() {
            let descriptor = self.released.layout.resolve(&tag).expect("a tag");
            let output = self.registry.crane(&["manifest", &self.reference(&tag)]);
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            assert_eq!(output.stdout, self.bytes(&descriptor), "{tag}");
        }
        let platform = format!("{VERSION}-linux-arm64");
        let image = format!("{VERSION}-image");
        let server = ["manifest.json", "mcp-git"];
        for (tag, expected) in [(VERSION, 2), (platform.as_str(), 2), (image.as_str(), 12)] {
            said(&self.registry.crane(&["export", &self.reference(tag), "out.tar"]));
            let names = self.names(&home.join("out.tar"));
            assert!(server.iter().all(|name| names.iter().any(|there| there == name)), "{tag}: {names:?}");
            assert_eq!(names.len(), expected, "{tag}: {names:?}");
        }
        let part = &self.released.release.parts[1];
        let layer = part.layer.descriptor(media::TOOL);
        let blob = format!("{}@{}", self.reference("x").trim_end_matches(":x"), layer.digest);
        assert_eq!(self.registry.crane(&["blob", &blob]).stdout, self.bytes(&layer));
        let reference = self.reference(&platform);
        said(&self.registry.oras(&[&["pull", "-o", "pulled"], oras, &[&reference]].concat()));
        assert_eq!(std::fs::read(home.join("pulled/mcp-git.tar.gz")).expect("a file"), self.bytes(&layer));
        let (catalogue, signature) = (media::CATALOGUE.to_owned(), sign::ARTIFACT.to_owned());
        assert_eq!(self.discovered(&self.reference(VERSION), oras), [catalogue.clone(), signature.clone()]);
        let all = [media::SPDX.to_owned(), catalogue, signature];
        assert_eq!(self.discovered(&reference, oras), all);
    }

    /// Copies with skopeo from the registry to a layout and back, under another name, and with oras and crane; and reads all of it again.
    fn brought_by_others(&self, skopeo: bool, oras: &str) {
        let home = self.registry.tools().home();
        let verified = |flag: &str| {
            if skopeo { format!("--{flag}-tls-verify=true") } else { format!("--{flag}-tls-verify=false") }
        };
        let docker = |tag: &str| format!("docker://{}", self.reference(tag));
        let index = &self.released.release.index;
        let ours = self.released.layout.root().display().to_string();

        // Not the index of artifacts: skopeo writes no artifactType of its parts, so that its digest could not stay.
        let copy = ["copy", "--all", "--preserve-digests"];
        for (name, to) in
            [(format!("{VERSION}-image"), "by-skopeo"), (format!("{VERSION}-linux-arm64"), "by-skopeo-one")]
        {
            let (from, there) = (docker(&name), format!("oci:theirs:{to}"));
            said(&self.registry.skopeo(&[&copy[..], &[&verified("src"), &from, &there]].concat()));
            let theirs = Layout::open(&home.join("theirs")).expect("a layout");
            let expected = self.released.layout.resolve(&name).expect("a tag").digest;
            assert_eq!(theirs.resolve(to).expect("a tag").digest, expected);
            let (from, there) = (format!("oci:{ours}:{name}"), docker(to));
            said(&self.registry.skopeo(&[&copy[..], &[&verified("dest"), &from, &there]].concat()));
            assert_eq!(said(&self.registry.crane(&["digest", &self.reference(to)])), expected.to_string());
        }
        let (from, to) = (format!("{ours}:{VERSION}-image"), self.reference("by-oras"));
        said(&self.registry.oras(&["cp", "-r", "--from-oci-layout", oras, &from, &to]));
        // crane takes a layout that holds one thing.
        let one = home.join("one");
        let to = Place::Layout(Layout::create(&one).expect("a layout"));
        let how = How { referrers: false, ..How::default() };
        let from = Place::Layout(self.released.layout.clone());
        block_on(transfer::copy(&from, VERSION, &to, Some("1"), &how)).expect("a copy");
        said(&self.registry.crane(&["push", "one", &self.reference("by-crane")]));

        let image = &self.released.release.image_index;
        for (tag, expected) in [("by-skopeo", image), ("by-crane", index), ("by-oras", image)] {
            let (_place, layout) = self.pull(tag);
            assert_eq!(layout.resolve(tag).expect("a tag").digest, expected.digest, "{tag}");
            for part in &self.released.release.parts {
                let document = if expected == image { &part.image } else { &part.artifact };
                let bytes = layout.document(document).expect("a manifest");
                assert_eq!(bytes, self.bytes(document), "{tag}");
                for layer in Manifest::parse(&bytes).expect("a manifest").layers {
                    assert_eq!(std::fs::read(layout.path(&layer.digest)).expect("a layer"), self.bytes(&layer));
                }
            }
            // What refers to it came with it, whoever brought that.
            let subject = &self.released.release.parts[0];
            let subject = if expected == image { &subject.image } else { &subject.artifact };
            assert_eq!(layout.referrers(&subject.digest).expect("referrers").len(), 3, "{tag}");
        }
    }
}

#[test]
fn over_tls_and_with_a_password_everybody_reads_what_anybody_pushed() {
    if let Some(reason) = lacking(&["registry", "crane", "oras", "skopeo"]) {
        return skip("over_tls_and_with_a_password_everybody_reads_what_anybody_pushed", &reason);
    }
    let desk = Desk::new(Options { tls: true, login: Login::Basic, ..Options::default() });
    desk.push();
    desk.read_by_others(&[]);
    desk.brought_by_others(true, "--to-plain-http=false");
}

#[test]
fn with_tokens_everybody_reads_what_anybody_pushed() {
    if let Some(reason) = lacking(&["registry", "crane", "oras", "skopeo"]) {
        return skip("with_tokens_everybody_reads_what_anybody_pushed", &reason);
    }
    let desk = Desk::new(Options { login: Login::Token, ..Options::default() });
    desk.push();
    // Ours asked for what it needs, with its password, and for nothing else.
    for asked in desk.registry.tokens().asked() {
        assert_eq!(asked.scopes, ["repository:team/mcp-git:pull,push"], "{asked:?}");
        assert_eq!((asked.status, asked.authorization.is_some()), (200, true), "{asked:?}");
    }
    desk.read_by_others(&["--plain-http"]);
    desk.brought_by_others(false, "--to-plain-http");
    // A token that has expired meanwhile is asked for again, once.
    desk.registry.tokens().expired(1);
    desk.pull(VERSION);
}

#[test]
fn a_wrong_password_is_an_error_and_nobody_goes_on_without_one() {
    if let Some(reason) = lacking(&["registry"]) {
        return skip("a_wrong_password_is_an_error_and_nobody_goes_on_without_one", &reason);
    }
    for login in [Login::Basic, Login::Token] {
        let desk = Desk::new(Options { login, ..Options::default() });
        let proxy = FaultProxy::start(&desk.registry.address().replace("localhost", "127.0.0.1"), []);
        desk.registry.tools().log_in(&proxy.address(), USER, "wrong-password");
        for access in [Access::Pull, Access::Push] {
            let before = proxy.seen().len();
            let repository = repository(&proxy.reference("team/mcp-git", "1"), access, &desk.settings);
            let error = block_on(repository.manifest("1")).expect_err("a refusal");
            assert_eq!(error.kind, Kind::Unauthenticated, "{error}");
            assert!(!error.message.contains("wrong-password"), "{error}");
            let seen = proxy.seen().split_off(before);
            let first = seen.iter().position(|seen| seen.authorized()).unwrap_or(seen.len());
            assert!(seen[first..].iter().all(|seen| seen.authorized()), "{seen:?}");
            // What comes before is the question how one proves who one is, which names nothing.
            assert!(seen[..first].iter().all(|seen| seen.target == "/v2/"), "{seen:?}");
        }
        if login == Login::Token {
            let asked = desk.registry.tokens().asked();
            assert!(!asked.is_empty() && asked.iter().all(|asked| asked.status == 401), "{asked:?}");
        }
    }
}
