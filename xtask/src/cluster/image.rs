//! The images of the cluster, made here: busybox with its usual names, and the pause that holds a pod's namespaces. Nothing is pulled.

use std::{
    fs::{self, File},
    io::{self, Write},
    path::Path,
};

use artifacts::oci::{Descriptor, Digest, Index, Manifest, Platform, annotation, media};
use serde_json::json;
use tar::{Builder, EntryType, Header};

use crate::run::Result;

/// What pods of tests use, with `imagePullPolicy: Never`.
pub const BUSYBOX: &str = "docker.io/library/busybox:test";
/// What containerd holds a pod together with.
pub const PAUSE: &str = "docker.io/local/pause:1";

/// Where containerd looks for the full name of an image.
const NAME: &str = "io.containerd.image.name";
/// A layer that is not compressed: it goes no further than this machine.
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar";
/// The names busybox is called by.
const NAMES: &str = "arch awk base64 basename cat chmod chown cp cut date dd df dirname du echo env expr false find free grep gunzip gzip head hexdump \
    hostname httpd id kill less ln ls md5sum mkdir mkfifo mv nc nproc nslookup od pgrep pidof printenv printf ps pwd readlink realpath rm rmdir sed seq sh \
    sha256sum sleep sort split stat stty sync tail tar tee test timeout top touch tr true tty uname uniq uptime vi wc wget which whoami xargs yes";

/// Writes the OCI layout of both images as one archive, which `ctr images import` takes.
pub fn write(busybox: &Path, archive: &Path) -> Result<()> {
    let written = || -> io::Result<()> {
        let layer = layer(&fs::read(busybox)?)?;
        let mut layout = Builder::new(File::create(archive)?);
        let mut index = Index::default();
        let mut put = |name: &str, bytes: &[u8]| append(&mut layout, name, 0o644, EntryType::Regular, bytes);
        let blob = |bytes: &[u8]| format!("blobs/sha256/{}", Digest::of(bytes).hex());
        put(&blob(&layer), &layer)?;
        for (name, command) in [(BUSYBOX, &["sh"][..]), (PAUSE, &["sleep", "infinity"])] {
            let config = config(&layer, command);
            let manifest = Manifest {
                artifact_type: None,
                config: Descriptor::of(media::IMAGE_CONFIG, &config),
                ..Manifest::artifact("", vec![Descriptor::of(LAYER, &layer)])
            };
            let manifest = manifest.bytes();
            let mut entry = Descriptor::of(media::MANIFEST, &manifest);
            let tag = name.rsplit(':').next().unwrap_or(name);
            let names = [(NAME, name), (annotation::REF_NAME, tag)];
            entry.annotations.extend(names.map(|(key, value)| (key.to_owned(), value.to_owned())));
            index.manifests.push(entry);
            put(&blob(&config), &config)?;
            put(&blob(&manifest), &manifest)?;
        }
        put("index.json", &index.bytes())?;
        put("oci-layout", br#"{"imageLayoutVersion":"1.0.0"}"#)?;
        layout.into_inner()?.flush()
    };
    written().map_err(|error| format!("the images of the pods could not be made of {}: {error}", busybox.display()))
}

fn config(layer: &[u8], command: &[&str]) -> Vec<u8> {
    let platform = Platform::host();
    let config = json!({
        "architecture": platform.architecture,
        "os": platform.os,
        "config": {"Cmd": command, "Env": ["PATH=/bin"]},
        "rootfs": {"type": "layers", "diff_ids": [Digest::of(layer)]},
    });
    config.to_string().into_bytes()
}

/// The root of both images.
fn layer(busybox: &[u8]) -> io::Result<Vec<u8>> {
    let mut archive = Builder::new(Vec::new());
    for (name, mode) in [
        ("bin", 0o755),
        ("dev", 0o755),
        ("etc", 0o755),
        ("proc", 0o755),
        ("root", 0o755),
        ("sys", 0o755),
        ("tmp", 0o1777),
    ] {
        append(&mut archive, &format!("{name}/"), mode, EntryType::Directory, b"")?;
    }
    append(&mut archive, "etc/passwd", 0o644, EntryType::Regular, b"root:x:0:0:root:/root:/bin/sh\n")?;
    append(&mut archive, "bin/busybox", 0o755, EntryType::Regular, busybox)?;
    for name in NAMES.split_whitespace() {
        let mut header = header(0o777, EntryType::Symlink, 0);
        archive.append_link(&mut header, format!("bin/{name}"), "busybox")?;
    }
    archive.into_inner()
}

fn append(archive: &mut Builder<impl Write>, name: &str, mode: u32, kind: EntryType, bytes: &[u8]) -> io::Result<()> {
    archive.append_data(&mut header(mode, kind, bytes.len()), name, bytes)
}

fn header(mode: u32, kind: EntryType, size: usize) -> Header {
    let mut header = Header::new_ustar();
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_size(size as u64);
    header.set_mtime(0);
    header
}
