//! `cargo xtask release`, really: the server is built as it is shipped, twice and in two places, and comes out the same; what is packed runs; and
//! every byte of it counts.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

#[expect(dead_code, reason = "this test runs other programs in the copy")]
#[path = "../common/mod.rs"]
mod common;

mod containerd;

use std::{
    fs::{self, File},
    path::Path,
    process::{Command, Output},
    time::{Duration, SystemTime},
};

use artifacts::{
    layer,
    layout::Layout,
    oci::{Index, Manifest, Platform, annotation, media},
    sign::SigningKey,
    verify,
};
use common::{Copy, original};

/// For tests, and known to everyone.
const KEY: &str = "\
-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgya+p2EW6dRZrXCFX
Z7HWk05Qw9s26JsSe4piKxIPZyGhRANCAARg/tS6JVqdMclh63TGNW1owEm4kjth
+mzmaWIuYPKftnkD/hAIuLyZpBrp6VYovGTy8bIMLX6fUXejwpTURiKZ
-----END PRIVATE KEY-----
";

/// The time of the source, which no clock here shows.
const EPOCH: &str = "1234567890";

fn release(root: &Path, target: Option<&Path>, output: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_xtask"));
    command.args(["release", "--only", "git", "--platform", &Platform::host().to_string(), "--output"]).arg(output);
    command.args(arguments).current_dir(root).env("SOURCE_DATE_EPOCH", EPOCH).env("CARGO_TERM_COLOR", "never");
    // The commit may move while this runs, as it does for a person who works on.
    command.env("GIT_DIR", "/nonexistent");
    // What a person may have set must not reach what is shipped.
    command.env("RUSTFLAGS", "-Cdebuginfo=2").env("CFLAGS", "-g3");
    if let Some(target) = target {
        command.env("CARGO_TARGET_DIR", target);
    }
    command.output().unwrap()
}

fn succeeded(output: Output) -> String {
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{stdout}\n{stderr}");
    stdout.into_owned()
}

/// What a layout calls what.
fn digests(layout: &Layout) -> Vec<(String, String)> {
    let tags = layout.tags().unwrap().into_iter();
    tags.map(|tag| (layout.resolve(&tag).unwrap().digest.to_string(), tag)).collect()
}

#[test]
fn a_release_is_whole_and_the_same_from_two_directories() {
    let place = tempfile::tempdir().unwrap();
    let (here, there) = (place.path().join("here"), place.path().join("there"));
    let key = place.path().join("key.pem");
    fs::write(&key, KEY).unwrap();
    let key = key.to_str().unwrap();

    let table = succeeded(release(original(), None, &here, &["--sign", key, "--source", "https://example.com/x"]));
    assert!(table.contains("verified, git_status called"), "{table}");
    let layout = Layout::open(&here.join("mcp-git")).unwrap();
    what_is_in(&layout, &here);
    containerd::runs(&layout, &format!("{}-image", env!("CARGO_PKG_VERSION")));
    every_byte_counts(&layout);

    // Elsewhere, from files of another time.
    let copy = Copy::of_this_workspace("release elsewhere");
    let long_ago = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
    for file in ["tools/git/src/lib.rs", "artifacts/git/manifest.json", "Cargo.toml"] {
        File::options().write(true).open(copy.root.join(file)).unwrap().set_modified(long_ago).unwrap();
    }
    let arguments = ["--sign", key, "--source", "https://example.com/x"];
    succeeded(release(&copy.root, Some(&copy.target), &there, &arguments));
    assert_eq!(digests(&layout), digests(&Layout::open(&there.join("mcp-git")).unwrap()));
    let bundle = |place: &Path| {
        let mut bundles = fs::read_dir(place).unwrap().flatten().map(|entry| entry.path());
        fs::read(bundles.find(|path| path.extension().is_some_and(|kind| kind == "mcpb")).unwrap()).unwrap()
    };
    assert!(bundle(&here) == bundle(&there), "the bundles differ");

    // What is there is compared, and nothing is written.
    let checked = release(&copy.root, Some(&copy.target), &here, &[&arguments[..], &["--check"]].concat());
    succeeded(checked);
    let other = release(&copy.root, Some(&copy.target), &here, &["--check", "--source", "https://example.com/y"]);
    let said = String::from_utf8_lossy(&other.stdout).into_owned();
    assert!(!other.status.success() && said.contains("this source makes sha256:"), "{said}");
    assert_eq!(fs::read_dir(&there).unwrap().count(), fs::read_dir(&here).unwrap().count());

    a_cli_lies_beside(&copy, &layout, place.path());
}

/// The artifact, the image, and what is said about them.
fn what_is_in(layout: &Layout, output: &Path) {
    let host = Platform::host();
    let version = env!("CARGO_PKG_VERSION");
    let tags = layout.tags().unwrap();
    for tag in ["", "-image", &format!("-{}", host.dashed()), &format!("-image-{}", host.dashed())] {
        assert!(tags.contains(&format!("{version}{tag}")), "{tags:?}");
    }
    let index = layout.resolve(version).unwrap();
    let index = Index::parse(&layout.document(&index).unwrap()).unwrap();
    let entry = index.choose(&host).unwrap();
    let manifest = Manifest::parse(&layout.document(entry).unwrap()).unwrap();
    assert_eq!(manifest.annotations[annotation::CREATED], "2009-02-13T23:31:30Z");
    assert_eq!(manifest.annotations[annotation::SOURCE], "https://example.com/x");
    let [tool] = manifest.layers.as_slice() else { unreachable!("one layer: {manifest:?}") };
    assert!((tool.media_type.as_str(), manifest.artifact_type.as_deref()) == (media::TOOL, Some(media::TOOL)));
    let referrers: Vec<String> =
        layout.referrers(&entry.digest).unwrap().into_iter().filter_map(|referrer| referrer.artifact_type).collect();
    for kind in [media::CATALOGUE, media::SPDX, artifacts::sign::ARTIFACT] {
        assert!(referrers.iter().any(|there| there == kind), "{referrers:?} lacks {kind}");
    }

    let place = tempfile::tempdir().unwrap();
    let unpacked =
        layer::unpack(layout.blob(tool).unwrap(), media::TOOL, &place.path().join("git"), Some(&host)).unwrap();
    assert_eq!(unpacked.files, ["manifest.json", "mcp-git"]);
    let size = fs::metadata(&unpacked.program).unwrap().len();
    assert!(size <= 12_000_000 && tool.size <= 6_000_000, "{size} bytes, {} packed", tool.size);
    let program = fs::read(&unpacked.program).unwrap();
    let home = std::env::var("HOME").unwrap_or_default() + "/";
    for path in [original().to_str().unwrap(), home.as_str()] {
        assert!(!program.windows(path.len()).any(|bytes| bytes == path.as_bytes()), "the program names {path}");
    }
    assert!(output.join(format!("mcp-git-{version}-{}.mcpb", host.dashed())).is_file());
    assert!(output.join("cosign.pub").is_file());
}

/// A flipped byte in any blob is found, and the blob is named.
fn every_byte_counts(layout: &Layout) {
    let place = tempfile::tempdir().unwrap();
    let copy = place.path().join("copy");
    let copied = Command::new("cp").arg("-r").arg(layout.root()).arg(&copy).status().unwrap();
    assert!(copied.success());
    let copy = Layout::open(&copy).unwrap();
    let key = SigningKey::from_pem(KEY, None).unwrap().verifying();
    let verify = || {
        let tags = [env!("CARGO_PKG_VERSION").to_owned(), format!("{}-image", env!("CARGO_PKG_VERSION"))];
        let options = verify::Options { key: Some(&key), run: false };
        tags.iter().try_for_each(|tag| verify::verify(&copy, tag, &options).map(drop))
    };
    verify().unwrap();
    for blob in fs::read_dir(copy.root().join("blobs/sha256")).unwrap().flatten() {
        let whole = fs::read(blob.path()).unwrap();
        let digest = blob.file_name().into_string().unwrap();
        for at in [0, whole.len() / 2, whole.len() - 1] {
            let mut flipped = whole.clone();
            flipped[at] ^= 1;
            fs::write(blob.path(), &flipped).unwrap();
            let error = verify().unwrap_err();
            assert!(error.message.contains(&digest), "byte {at} of {digest}: {error}");
        }
        fs::remove_file(blob.path()).unwrap();
        let error = verify().unwrap_err();
        assert!(error.message.contains(&digest), "{digest} is gone: {error}");
        fs::write(blob.path(), &whole).unwrap();
    }
    verify().unwrap();
}

/// A CLI is packed beside a server only if it is the pinned one or one that was named, and what was named is said.
fn a_cli_lies_beside(copy: &Copy, layout: &Layout, place: &Path) {
    let host = Platform::host();
    let output = place.join("bundled");
    copy.change("artifacts/bundles.toml", |pins| {
        let pin = format!(
            "\n[[cli]]\nname = \"tool\"\nserver = \"git\"\nversion = \"1.0\"\nlicense = \"MIT\"\nlicense_file = \"LICENSE\"\n\
             [cli.platform.\"{host}\"]\nurl = \"http://127.0.0.1:1/tool\"\nsha256 = \"{:064}\"\n",
            0
        );
        pins + &pin
    });
    let failed = release(&copy.root, Some(&copy.target), &output, &[]);
    let said = String::from_utf8_lossy(&failed.stderr).into_owned();
    assert!(!failed.status.success() && said.contains("--cli tool=PATH"), "{said}");
    assert!(!output.join("mcp-git").exists());

    // Any program of this platform will do.
    let index = layout.resolve(env!("CARGO_PKG_VERSION")).unwrap();
    let index = Index::parse(&layout.document(&index).unwrap()).unwrap();
    let manifest = Manifest::parse(&layout.document(index.choose(&host).unwrap()).unwrap()).unwrap();
    let unpacked = layer::unpack(layout.blob(&manifest.layers[0]).unwrap(), media::TOOL, &place.join("unpacked"), None);
    let cli = format!("tool={}", unpacked.unwrap().program.display());
    succeeded(release(&copy.root, Some(&copy.target), &output, &["--cli", &cli]));
    let layout = Layout::open(&output.join("mcp-git")).unwrap();
    let found = artifacts::inspect::inspect(&layout, env!("CARGO_PKG_VERSION")).unwrap();
    let clis: Vec<&String> = found.platforms.iter().flat_map(|part| &part.clis).collect();
    assert!(clis.len() == 1 && clis[0].starts_with("tool unknown sha256:") && clis[0].ends_with("(local)"), "{clis:?}");
    let page = place.join("page");
    fs::write(&page, "<!DOCTYPE html><title>404</title>").unwrap();
    let failed = release(&copy.root, Some(&copy.target), &output, &["--cli", &format!("tool={}", page.display())]);
    let said = String::from_utf8_lossy(&failed.stderr).into_owned();
    assert!(!failed.status.success() && said.contains("an HTML"), "{said}");
}
