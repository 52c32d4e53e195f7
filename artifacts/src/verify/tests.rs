//! Releases that lie: each digest is right, and what they say is not.

use super::*;
use crate::{
    layer::{Content, Member},
    oci::{Annotations, media},
    pack::{self, Cli, Facts, Part, Release},
};

const CATALOGUE: &[u8] = include_bytes!("../../git/catalogue.json");
const MANIFEST: &[u8] = include_bytes!("../../git/manifest.json");

/// The head of a program for `machine` (62: amd64, 183: arm64).
fn program(machine: u8) -> Vec<u8> {
    let mut bytes = vec![7; 4096];
    bytes[..20].copy_from_slice(b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x03\0\x3e\0");
    bytes[18] = machine;
    bytes
}

/// A release whose layout can be rewritten.
struct Lie {
    _place: tempfile::TempDir,
    layout: Layout,
    release: Release,
}

impl Lie {
    /// For amd64 and arm64, each with `files` beside the program, annotated as `clis`.
    fn with(files: &[Member], clis: &[Cli]) -> Self {
        let place = tempfile::tempdir().expect("a directory");
        let layout = Layout::create(place.path()).expect("a layout");
        let facts = Facts {
            server: "git".into(),
            description: "A test".into(),
            version: "1.0.0".into(),
            revision: None,
            source: None,
            licenses: "MIT".into(),
            created: 0,
            catalogue: CATALOGUE.to_vec(),
            annotations: Annotations::new(),
        };
        let part = |architecture: &str, machine| {
            let mut members = files.to_vec();
            members.push(Member::program("mcp-git", Content::Bytes(program(machine))));
            members.push(Member::file("manifest.json", Content::Bytes(MANIFEST.to_vec())));
            let platform = Platform::linux(architecture);
            Part { platform, members, clis: clis.to_vec(), sbom: None, annotations: Annotations::new() }
        };
        let parts = vec![part("amd64", 62), part("arm64", 183)];
        let release = pack::release(&layout, &facts, parts).expect("a release");
        Self { _place: place, layout, release }
    }

    fn honest() -> Self {
        Self::with(&[], &[])
    }

    /// Gives the index of artifacts other contents, under the tag `lie`.
    fn index(&self, change: impl FnOnce(&mut Index)) {
        let mut index = Index::parse(&self.layout.document(&self.release.index).expect("is there")).expect("an index");
        // It promises no catalogue, so that it needs none.
        index.annotations.remove(annotation::CATALOGUE);
        change(&mut index);
        let entry = self.layout.put(media::INDEX, &index.bytes()).expect("stored");
        self.layout.enter(&entry, Some("lie")).expect("entered");
    }

    /// Gives the image for amd64 another configuration and other layers, under the tag `lie`.
    fn image(&self, change: impl FnOnce(&mut Value, &mut Vec<Descriptor>)) {
        let image = &self.release.parts[0].image;
        let mut manifest = Manifest::parse(&self.layout.document(image).expect("is there")).expect("a manifest");
        let config = self.layout.document(&manifest.config).expect("is there");
        let mut config: Value = serde_json::from_slice(&config).expect("JSON");
        change(&mut config, &mut manifest.layers);
        manifest.config = self.layout.put(media::IMAGE_CONFIG, config.to_string().as_bytes()).expect("stored");
        // It promises no catalogue, so that it needs none.
        manifest.annotations.remove(annotation::CATALOGUE);
        let entry = self.layout.put(media::MANIFEST, &manifest.bytes()).expect("stored");
        self.layout.enter(&entry, Some("lie")).expect("entered");
    }

    fn verified(&self) -> Result<Report> {
        verify(&self.layout, "lie", &Options::default())
    }

    fn refused(&self, words: &str) {
        let error = self.verified().expect_err(words);
        assert!(error.message.contains(words), "{error} lacks {words:?}");
    }
}

#[test]
fn what_is_honest_is_verified_under_another_name_too() {
    let lie = Lie::honest();
    lie.index(|_| {});
    assert_eq!(lie.verified().expect("is honest").manifests.len(), 2);
    lie.image(|_, _| {});
    assert_eq!(lie.verified().expect("is honest").manifests.len(), 1);
}

#[test]
fn an_index_shows_no_other_catalogue_than_its_parts() {
    let lie = Lie::honest();
    let other = lie.layout.put(media::CATALOGUE, b"{\"tools\":[]}").expect("stored");
    lie.index(|index| {
        index.annotations.insert(annotation::CATALOGUE.into(), other.digest.to_string());
    });
    let subject = lie.layout.resolve("lie").expect("is there");
    let mut manifest = Manifest::artifact(media::CATALOGUE, vec![other]);
    manifest.subject = Some(subject);
    let referrer = lie.layout.put(media::MANIFEST, &manifest.bytes()).expect("stored");
    lie.layout.enter(&referrer, None).expect("entered");
    lie.refused("the catalogue of the index is");
    let shown = crate::inspect::inspect(&lie.layout, "lie").expect_err("is not shown");
    assert!(shown.message.contains("another catalogue"), "{shown}");
}

#[test]
fn an_index_has_the_version_of_its_parts() {
    let lie = Lie::honest();
    lie.index(|index| {
        index.annotations.insert(annotation::VERSION.into(), "1.0.1".into());
    });
    lie.refused("the index says it is version \"1.0.1\"");
    // One that says nothing promises nothing.
    lie.index(|index| {
        index.annotations.remove(annotation::VERSION);
    });
    assert_eq!(lie.verified().expect("is honest").manifests[0].version.as_deref(), Some("1.0.0"));
}

#[test]
fn a_catalogue_says_what_its_tools_cost() {
    let said = |change: &dyn Fn(&mut Value)| {
        let mut value: Value = serde_json::from_slice(CATALOGUE).expect("JSON");
        change(&mut value);
        let catalogue = Catalogue::parse(value.to_string().as_bytes()).expect("a catalogue");
        contents::catalogue_is_of(&catalogue, &crate::tool_manifest::ToolManifest::parse(MANIFEST).expect("a manifest"))
    };
    assert_eq!(said(&|_| {}), Ok(()));
    assert!(said(&|value| value["tokens"] = 1.into()).is_err_and(|error| error.message.contains("says 1 tokens")));
    assert!(
        said(&|value| value["tools"][0]["tokens"] = 1.into()).is_err_and(|error| error.message.contains("git_status"))
    );
    assert!(said(&|value| value["server"] = "kubectl".into()).is_err());
    assert!(said(&|value| value["description"] = "Harmless".into()).is_err());
}

#[test]
fn an_index_names_each_part_once_and_for_what_it_is() {
    let lie = Lie::honest();
    lie.index(|index| index.manifests.push(index.manifests[0].clone()));
    lie.refused("twice");
    lie.index(|index| {
        let platform = index.manifests[0].platform.clone();
        index.manifests[0].platform = index.manifests[1].platform.clone();
        index.manifests[1].platform = platform;
    });
    lie.refused("is built for linux/amd64, not for linux/arm64");
    lie.index(|index| index.manifests.clear());
    lie.refused("the index is empty");
}

#[test]
fn an_index_lies_in_no_index_and_a_version_is_a_word() {
    let lie = Lie::honest();
    lie.index(|index| index.manifests[0] = lie.release.index.clone());
    lie.refused("is no manifest");
    let lie = Lie::honest();
    let part = &lie.release.parts[0].artifact;
    let mut manifest = Manifest::parse(&lie.layout.document(part).expect("is there")).expect("a manifest");
    manifest.annotations.remove(annotation::CATALOGUE);
    manifest.annotations.insert(annotation::VERSION.into(), "1\u{1b}[2J\nverified: 7 good signatures".into());
    let entry = lie.layout.put(media::MANIFEST, &manifest.bytes()).expect("stored");
    lie.layout.enter(&entry, Some("lie")).expect("entered");
    lie.refused("is none");
}

#[test]
fn what_only_looks_like_signatures_is_small_and_takes_nothing_away() {
    let lie = Lie::honest();
    let key = crate::sign::tests::key();
    pack::sign(&lie.layout, &lie.release, &key, "registry.example/x").expect("signed");
    let verifying = key.verifying();
    let options = Options { key: Some(&verifying), run: false };
    let subject = lie.release.index.clone();
    // Thousands of layers that all are one large blob, and one that is a signature of nothing.
    let large = lie.layout.put(crate::sign::PAYLOAD, &vec![b' '; 4 << 20]).expect("stored");
    let small = lie.layout.put(crate::sign::PAYLOAD, b"{}").expect("stored");
    for layers in [vec![large; 5000], vec![small.clone(); 33], vec![small]] {
        let mut manifest = Manifest::artifact(crate::sign::ARTIFACT, layers);
        manifest.subject = Some(subject.bare());
        let referrer = lie.layout.put(media::MANIFEST, &manifest.bytes()).expect("stored");
        lie.layout.enter(&referrer, None).expect("entered");
    }
    assert_eq!(verify(&lie.layout, "1.0.0", &options).expect("is signed").signatures, 3);
    let other = crate::sign::tests::other();
    let said = verify(&lie.layout, "1.0.0", &Options { key: Some(&other), run: false }).expect_err("by nobody");
    assert!(said.message.contains("more than signatures are made of"), "{said}");
}

#[test]
fn an_annotated_cli_is_there_and_is_what_is_annotated() {
    let cli =
        |bytes: &[u8]| [Cli { name: "kubectl".into(), version: "1".into(), digest: Digest::of(bytes), url: None }];
    let file = |bytes: &[u8]| [Member::program("kubectl", Content::Bytes(bytes.to_vec()))];
    let said = |files: &[Member], clis: &[Cli]| {
        let lie = Lie::with(files, clis);
        verify(&lie.layout, "1.0.0-linux-amd64", &Options::default()).map_err(|error| error.message)
    };
    let (amd64, arm64, page) = (program(62), program(183), b"<!DOCTYPE html>");
    assert!(said(&file(&amd64), &cli(&amd64)).is_ok());
    for (result, words) in [
        (said(&[], &cli(&amd64)), "kubectl is annotated and not there"),
        (said(&file(&amd64), &cli(b"other")), "kubectl hashes to"),
        (said(&file(page), &cli(page)), "kubectl is no program for Linux but an HTML"),
        (said(&file(&arm64), &cli(&arm64)), "kubectl is built for linux/arm64"),
    ] {
        let message = result.expect_err(words);
        assert!(message.contains(words), "{message} lacks {words:?}");
    }
}

#[test]
fn an_image_starts_its_server_and_nothing_else() {
    let lie = Lie::honest();
    let run = |key: &str, value: Value| lie.image(|config, _| config["config"][key] = value);
    run("Entrypoint", serde_json::json!(["/evil"]));
    lie.refused("the image starts [\"/evil\"]");
    run("Cmd", serde_json::json!(["-c", "evil"]));
    lie.refused("the image starts");
    run("Entrypoint", Value::Null);
    lie.refused("the image starts null");
    for user in
        ["0", "0:0", "root", "", "65532:0", "-0", "00", "0x0", " 0", "4294967296", "65532:wheel", "nobody", "1:2:3"]
    {
        run("User", Value::from(user));
        lie.refused("may be root");
    }
    run("Env", serde_json::json!(["PATH=/", "LD_PRELOAD=/evil.so"]));
    lie.refused("the image sets \"LD_PRELOAD=/evil.so\"");
    run("Env", serde_json::json!(["PATH=/evil"]));
    lie.refused("the image sets \"PATH=/evil\"");
    run("Env", serde_json::json!({"LD_PRELOAD": "/evil.so"}));
    lie.refused("the image has the environment");
    // Docker's reader takes them for what they look like.
    for (key, value) in [("user", "0"), ("entrypoint", "/bin/evil"), ("env", "LD_PRELOAD=/x")] {
        run(key, serde_json::json!(value));
        lie.refused("some readers take the key");
    }
    run("Healthcheck", serde_json::json!({"Test": ["CMD", "/evil"]}));
    lie.refused("the image sets \"Healthcheck\"");
}

#[test]
fn what_lies_beneath_the_server_is_no_program_and_no_link() {
    let beneath = |members: Vec<Member>, words: &str| {
        let lie = Lie::honest();
        let packed = lie.layout.store(|file| layer::pack(members, 0, file)).expect("packed");
        lie.image(|config, layers| {
            layers[0] = packed.descriptor(media::IMAGE_LAYER);
            config["rootfs"]["diff_ids"][0] = Value::from(packed.uncompressed.to_string());
        });
        lie.refused(words);
    };
    let file = |mode| vec![Member { name: "evil".into(), mode, owner: 0, content: Content::Bytes(vec![1]) }];
    beneath(file(0o755), "\"evil\" may be run");
    beneath(file(0o4644), "\"evil\" may be run");
}
