//! What comes out is what went in; and every way of a hostile archive is refused by name, leaving nothing.

use std::{fs, io::Write, os::unix::fs::PermissionsExt, path::Path};

use flate2::{Compression, write::GzEncoder};

use super::{Content, Limits, Member, pack, unpack, unpack_within};
use crate::{
    Kind,
    oci::{Platform, media},
};

const MANIFEST: &[u8] = br#"{"name":"demo","command":"mcp-demo","transport":"stdio","description":"A demo"}"#;

/// The head of a program for linux/amd64, and some body.
fn elf() -> Vec<u8> {
    let mut bytes = vec![7; 4096];
    bytes[..20].copy_from_slice(b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x03\0\x3e\0");
    bytes
}

fn good() -> Vec<Member> {
    vec![
        Member::program("mcp-demo", Content::Bytes(elf())),
        Member::file("manifest.json", Content::Bytes(MANIFEST.to_vec())),
    ]
}

fn packed(members: Vec<Member>) -> Vec<u8> {
    let mut out = Vec::new();
    pack(members, 1_700_000_000, &mut out).expect("packs");
    out
}

/// An archive no packer of ours would write.
#[derive(Default)]
struct Raw(Vec<u8>);

impl Raw {
    /// An artifact that is fine so far.
    fn good() -> Self {
        Self::default().file("manifest.json", 0o644, MANIFEST).file("mcp-demo", 0o755, &elf())
    }

    fn file(self, name: &str, mode: u32, content: &[u8]) -> Self {
        self.entry(name.as_bytes(), b'0', mode, content.len() as u64, content)
    }

    fn special(self, name: &str, kind: u8) -> Self {
        self.entry(name.as_bytes(), kind, 0o777, 0, b"")
    }

    fn entry(mut self, name: &[u8], kind: u8, mode: u32, size: u64, content: &[u8]) -> Self {
        let mut header = tar::Header::new_gnu();
        let bytes = header.as_mut_bytes();
        bytes[..name.len()].copy_from_slice(name);
        bytes[156] = kind;
        bytes[157..157 + 11].copy_from_slice(b"/etc/passwd");
        header.set_mode(mode);
        header.set_size(size);
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(0);
        header.set_cksum();
        self.0.extend_from_slice(header.as_bytes());
        self.0.extend_from_slice(content);
        self.0.resize(self.0.len().next_multiple_of(512), 0);
        self
    }

    fn layer(mut self) -> Vec<u8> {
        self.0.resize(self.0.len() + 1024, 0);
        gzip(&self.0)
    }
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).and_then(|()| encoder.finish()).expect("compresses")
}

/// Unpacks into a directory of its own; whatever happens, nothing may be left beside or outside it.
fn refusal(layer: &[u8]) -> String {
    let place = tempfile::tempdir().expect("a directory");
    let target = place.path().join("inner/tool");
    let error = unpack(layer, media::TOOL, &target, Some(&Platform::linux("amd64"))).expect_err("must be refused");
    assert_eq!(error.kind, Kind::Refused, "{error}");
    assert!(!target.exists(), "{error}");
    let inner = fs::read_dir(place.path().join("inner")).expect("is there").count();
    assert_eq!((inner, fs::read_dir(place.path()).expect("is there").count()), (0, 1), "something is left: {error}");
    error.message
}

#[test]
fn what_is_packed_comes_out_again_with_the_modes_of_the_format() {
    let place = tempfile::tempdir().expect("a directory");
    let target = place.path().join("tool");
    let unpacked = unpack(packed(good()).as_slice(), media::TOOL, &target, None).expect("unpacks");
    assert_eq!(unpacked.files, ["manifest.json", "mcp-demo"]);
    assert_eq!((unpacked.manifest.name.as_str(), unpacked.platform.to_string().as_str()), ("demo", "linux/amd64"));
    assert_eq!(fs::read(&unpacked.program).expect("is there"), elf());
    let mode = |name: &str| fs::metadata(target.join(name)).expect("is there").permissions().mode() & 0o7777;
    assert_eq!((mode(""), mode("manifest.json"), mode("mcp-demo")), (0o755, 0o644, 0o755));
}

#[test]
fn the_same_files_are_the_same_bytes_in_any_order_and_from_anywhere() {
    let place = tempfile::tempdir().expect("a directory");
    let path = place.path().join("program");
    fs::write(&path, elf()).expect("written");
    let mut other = good();
    other.reverse();
    other[1].content = Content::File(path);
    assert_eq!(packed(good()), packed(other));
}

/// The digest of a layer depends on the compressor. Whoever changes it changes every digest, and has to mean it.
#[test]
fn the_compressor_is_the_one_it_was() {
    let mut text = String::new();
    for line in 0..80_000_u64 {
        text.push_str(&format!("{line} {}\n", line * line % 1013));
    }
    let members = vec![Member::file("text", Content::Bytes(text.into_bytes()))];
    let packed = pack(members, 1_700_000_000, &mut Vec::new()).expect("packs");
    assert_eq!(packed.digest.to_string(), "sha256:495d70757cc67deaf9fc78ae12592a88ea43a128fa6a1ed0c8cd209ce151e67f");
}

#[test]
fn a_file_that_cannot_be_packed_is_named() {
    let file = |name: &str| vec![Member::file(name, Content::Bytes(vec![]))];
    for name in ["", "/etc/passwd", "../x", "a/../b", "a//b", "a\\b", "a\nb", &"n".repeat(101)] {
        let error = pack(file(name), 0, &mut Vec::new()).expect_err(name);
        assert!(error.message.contains("no plain relative name"), "{error}");
    }
    let twice = [file("a"), file("a")].concat();
    assert!(pack(twice, 0, &mut Vec::new()).is_err_and(|error| error.message.contains("twice")));
    let missing = vec![Member::file("a", Content::File("/does/not/exist".into()))];
    assert!(pack(missing, 0, &mut Vec::new()).is_err_and(|error| error.kind == Kind::NotFound));
}

#[test]
fn entries_that_lead_outside_or_are_no_files_are_refused_by_name() {
    let cases: Vec<(Raw, &str)> = vec![
        (Raw::good().file("../evil", 0o644, b"x"), "\"../evil\" is a name that leads outside"),
        (Raw::good().file("a/../../evil", 0o644, b"x"), "leads outside"),
        (Raw::good().file("/etc/cron.d/evil", 0o644, b"x"), "\"/etc/cron.d/evil\" is an absolute name"),
        (Raw::good().file(".//etc/evil", 0o644, b"x"), "empty parts"),
        (Raw::good().file("a//b", 0o644, b"x"), "empty parts"),
        (Raw::good().file("a\\..\\b", 0o644, b"x"), "backslashes"),
        (Raw::good().file("a\x1b[2Jb", 0o644, b"x"), "\"a\\u{1b}[2Jb\" is a name with control characters"),
        (Raw::good().entry(b"a\xff", b'0', 0o644, 0, b""), "not UTF-8"),
        (Raw::good().file(&"n".repeat(100), 0o644, b"x").entry(b"", b'0', 0o644, 0, b""), "file without a name"),
        (Raw::good().special("kubectl", b'2'), "\"kubectl\" is a link"),
        (Raw::good().special("kubectl", b'1'), "\"kubectl\" is a link"),
        (Raw::good().special("null", b'3'), "\"null\" is a device"),
        (Raw::good().special("sda", b'4'), "\"sda\" is a device"),
        (Raw::good().special("pipe", b'6'), "\"pipe\" is a pipe"),
        (Raw::good().special("odd", b'Z'), "\"odd\" is an entry of type 'Z'"),
        (Raw::good().file("mcp-demo", 0o755, &elf()), "\"mcp-demo\" is there twice"),
        (Raw::good().file("./mcp-demo", 0o755, &elf()), "\"mcp-demo\" is there twice"),
        (Raw::good().file("mcp-demo/x", 0o755, &elf()), "\"mcp-demo/x\" lies in something that is a file"),
        (Raw::good().file("d/x", 0o644, b"").file("d", 0o644, b""), "\"d\" is there twice"),
    ];
    for (raw, words) in cases {
        let said = refusal(&raw.layer());
        assert!(said.contains(words), "{said:?} lacks {words:?}");
    }
}

#[test]
fn a_link_before_a_file_of_its_name_does_not_carry_it_outside() {
    let outside = tempfile::tempdir().expect("a directory");
    let mut raw = Raw::good().special("d", b'2').0;
    let at = raw.len() - 512 + 157;
    let name = outside.path().as_os_str().as_encoded_bytes();
    raw[at..at + 100].fill(0);
    raw[at..at + name.len()].copy_from_slice(name);
    let layer = Raw(raw).file("d/evil", 0o644, b"x").layer();
    assert!(!refusal(&layer).is_empty());
    assert_eq!(fs::read_dir(outside.path()).expect("is there").count(), 0);
}

/// Readers disagree about what extensions mean, and an init container unpacks with another reader than this one.
#[test]
fn nothing_is_unpacked_that_another_reader_would_unpack_differently() {
    let pax = |records: &[(&str, &str)]| {
        let mut text = String::new();
        for (key, value) in records {
            let rest = format!(" {key}={value}\n");
            let length = (1..).find(|length| format!("{length}{rest}").len() == *length).expect("has a length");
            text.push_str(&format!("{length}{rest}"));
        }
        Raw::good().entry(b"pax", b'x', 0, text.len() as u64, text.as_bytes()).file("x", 0o755, b"#!/bin/sh\n")
    };
    // A member whose header has other bytes in some places.
    let with = |fields: &[(usize, &[u8])]| {
        let mut raw = Raw::good().file("x", 0o644, b"").0;
        let at = raw.len() - 512;
        for (place, bytes) in fields {
            raw[at + place..at + place + bytes.len()].copy_from_slice(bytes);
        }
        raw[at + 148..at + 156].fill(b' ');
        let sum: u32 = raw[at..at + 512].iter().map(|byte| u32::from(*byte)).sum();
        raw[at + 148..at + 156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        Raw(raw)
    };
    let sized = |size: &[u8]| with(&[(124, size)]);
    // Times, and a path behind as many bytes of them as a reader may be content with.
    let long = format!("4096 mtime=1.{}\n16 path=mcp-demo\n", "0".repeat(4096 - 14));
    let posix: (usize, &[u8]) = (257, b"ustar\x0000");
    let (star, gnu, odd): (&[u8], &[u8], &[u8]) = (b"tar\0", b"../../etc/cron.d", b"ustar\0xx");
    let cases: Vec<(Raw, &str)> = vec![
        (Raw::good().entry(b"././@LongLink", b'L', 0, 8, b"mcp-demo").file("x", 0o755, b"x"), "extension header"),
        (Raw::good().entry(b"././@LongLink", b'K', 0, 8, b"mcp-demo").file("x", 0o755, b"x"), "extension header"),
        (pax(&[("path", "mcp-demo")]), "says \"path\""),
        (pax(&[("path", "README"), ("path", "mcp-demo")]), "says \"path\""),
        (pax(&[("GNU.sparse.major", "1"), ("GNU.sparse.name", "mcp-demo")]), "says \"GNU.sparse.major\""),
        (pax(&[("mtime", "1.5"), ("size", "0")]), "says \"size\""),
        (pax(&[("linkpath", "/etc/passwd")]), "says \"linkpath\""),
        (Raw::good().entry(b"pax", b'x', 0, 9, b"99 mtime=").file("x", 0o644, b""), "malformed"),
        (
            Raw::good().entry(b"pax", b'x', 0, long.len() as u64, long.as_bytes()).file("x", 0o755, b""),
            "more than times take",
        ),
        (with(&[posix, (345, b"bin"), (508, star)]), "do not"),
        (with(&[(345, gnu)]), "do not"),
        (with(&[(257, odd), (345, b"evil")]), "do not"),
        (Raw::good().entry(b"pax", b'g', 0, 0, b"").file("x", 0o644, b""), "extension header"),
        (Raw::good().entry(b"d", b'5', 0o755, 512, &[0; 512]), "\"d\" is a directory with content"),
        (Raw::good().file("x/", 0o644, b""), "name is that of a directory"),
        (Raw::good().file(".wh.mcp-demo", 0o644, b""), "images remove files"),
        (Raw::good().entry(b"c", b'7', 0o644, 0, b""), "type '7'"),
        (sized(b"+0000000512"), "octal"),
        (sized(b"-0000000001"), "not a number"),
        (sized(b" 00000000000"), "octal"),
        (sized(&[0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]), "octal"),
    ];
    for (raw, words) in cases {
        let said = refusal(&raw.layer());
        assert!(said.contains(words), "{said:?} lacks {words:?}");
    }
    let place = tempfile::tempdir().expect("a directory");
    let times = pax(&[("mtime", "1700000000.5")]).layer();
    unpack(times.as_slice(), media::TOOL, &place.path().join("tool"), None).expect("times change nothing");
    let prefix = with(&[posix, (345, b"bin")]).layer();
    let unpacked =
        unpack(prefix.as_slice(), media::TOOL, &place.path().join("prefix"), None).expect("all read it alike");
    assert!(unpacked.files.contains(&"bin/x".to_owned()), "{:?}", unpacked.files);
}

#[test]
fn what_is_huge_is_refused_before_it_is_written() {
    let huge = Raw::good().entry(b"huge", b'0', 0o644, (1 << 33) - 1, b"");
    let said = refusal(&huge.layer());
    assert!(said.contains("\"huge\" has 8589934591 bytes"), "{said}");

    // 64 MiB of zeros are some sixty kilobytes.
    let bomb = Raw::good().file("bomb", 0o644, &vec![0; 64 << 20]);
    let said = refusal(&bomb.layer());
    assert!(said.contains("\"bomb\"") && said.contains("decompression bomb"), "{said}");

    let long = vec![b'n'; 64 << 20];
    let names = Raw::good().entry(b"pax", b'x', 0, long.len() as u64, &long).file("x", 0o644, b"");
    assert!(!refusal(&names.layer()).is_empty());

    let limits = Limits { entries: 3, total: 5000, ..Limits::default() };
    let place = tempfile::tempdir().expect("a directory");
    let refused = |raw: Raw| {
        let target = place.path().join("tool");
        unpack_within(raw.layer().as_slice(), media::TOOL, &target, None, &limits).expect_err("is refused").message
    };
    assert!(refused(Raw::good().file("a", 0o644, b"").file("b", 0o644, b"")).contains("\"b\" is entry 4"));
    assert!(refused(Raw::good().file("a", 0o644, &[1; 1000])).contains("\"a\" brings the archive above 5000 bytes"));
}

#[test]
fn what_is_no_archive_is_refused() {
    let whole = Raw::good().layer();
    let cut = &whole[..whole.len() / 2];
    let mut behind = Raw::good().0;
    behind.resize(behind.len() + 1024, 0);
    behind.extend_from_slice(&[1; 512]);
    let mut trailing = whole.clone();
    trailing.extend_from_slice(b"trailing");
    let mut checksum = Raw::good().0;
    checksum[0] ^= 1;
    let cases: Vec<Vec<u8>> = vec![
        b"".to_vec(),
        b"<!DOCTYPE html><html></html>".to_vec(),
        cut.to_vec(),
        gzip(b"not a tar"),
        gzip(&checksum),
        gzip(&behind),
        trailing,
    ];
    for layer in cases {
        assert!(!refusal(&layer).is_empty());
    }
}

/// The checksums of gzip and tar catch damage on the way, even where nobody looked at a digest.
#[test]
fn a_flipped_byte_anywhere_is_refused_or_changes_nothing() {
    let whole = packed(good());
    for at in 0..whole.len() {
        let mut flipped = whole.clone();
        flipped[at] ^= 0x10;
        let place = tempfile::tempdir().expect("a directory");
        if let Ok(unpacked) = unpack(flipped.as_slice(), media::TOOL, &place.path().join("tool"), None) {
            // Bytes of the gzip header that mean nothing to us: time, flags for speed, system.
            assert!(at < 10, "byte {at}");
            assert_eq!(fs::read(unpacked.program).expect("is there"), elf());
        }
    }
}

#[test]
fn what_is_inside_must_be_a_server_for_this_platform() {
    let with = |manifest: &[u8], mode: u32, program: &[u8]| {
        Raw::default().file("manifest.json", 0o644, manifest).file("mcp-demo", mode, program).layer()
    };
    let mut arm = elf();
    arm[18] = 183;
    let page = b"<!DOCTYPE html><title>404 Not Found</title>";
    let cases: Vec<(Vec<u8>, &str)> = vec![
        (with(MANIFEST, 0o755, page), "mcp-demo is no program for Linux but an HTML"),
        (with(MANIFEST, 0o755, b""), "mcp-demo is no program for Linux but an empty file"),
        (with(MANIFEST, 0o644, &elf()), "mcp-demo has no run bit (mode 0644)"),
        (with(MANIFEST, 0o755, &arm), "mcp-demo is built for linux/arm64, not for linux/amd64"),
        (with(b"{}", 0o755, &elf()), "not the manifest of a server"),
        (with(&[b' '; 70_000], 0o755, &elf()), "manifest.json is larger"),
        (
            with(br#"{"name":"demo","command":"../../bin/sh","transport":"stdio"}"#, 0o755, &elf()),
            "is neither the name of a file",
        ),
        (
            with(br#"{"name":"demo","command":"other","transport":"stdio"}"#, 0o755, &elf()),
            "\"other\", which is not there",
        ),
    ];
    for (layer, words) in cases {
        let said = refusal(&layer);
        assert!(said.contains(words), "{said:?} lacks {words:?}");
    }
    let none = Raw::default().file("mcp-demo", 0o755, &elf()).layer();
    let place = tempfile::tempdir().expect("a directory");
    let error = unpack(none.as_slice(), media::TOOL, &place.path().join("tool"), None).expect_err("is refused");
    assert!(error.message.contains("manifest.json"), "{error}");
}

#[test]
fn set_user_bits_and_private_modes_do_not_come_out() {
    let raw = Raw::default().file("manifest.json", 0o666, MANIFEST).file("mcp-demo", 0o6711, &elf());
    let place = tempfile::tempdir().expect("a directory");
    let target = place.path().join("tool");
    unpack(raw.layer().as_slice(), media::TOOL_OLDER, &target, None).expect("unpacks");
    let mode = |name: &str| fs::metadata(target.join(name)).expect("is there").permissions().mode() & 0o7777;
    assert_eq!((mode("manifest.json"), mode("mcp-demo")), (0o644, 0o755));
}

#[test]
fn archives_of_other_packers_are_read() {
    let raw = Raw::default()
        .special("./", b'5')
        .special("./bin/", b'5')
        .file("./bin/mcp-demo", 0o755, &elf())
        .special("bin", b'5')
        .file("./manifest.json", 0o644, MANIFEST);
    let place = tempfile::tempdir().expect("a directory");
    let target = place.path().join("tool");
    let unpacked = unpack(raw.layer().as_slice(), media::TOOL_OLDER, &target, None).expect("unpacks");
    assert_eq!(unpacked.program, target.join("bin/mcp-demo"));
    assert_eq!(unpacked.files, ["bin/mcp-demo", "manifest.json"]);
}

#[test]
fn a_place_that_holds_something_is_left_alone() {
    let place = tempfile::tempdir().expect("a directory");
    fs::write(place.path().join("mine"), "x").expect("written");
    let layer = packed(good());
    let error = unpack(layer.as_slice(), media::TOOL, place.path(), None).expect_err("is refused");
    assert_eq!(error.kind, Kind::Usage, "{error}");
    let file = place.path().join("mine");
    assert_eq!(unpack(layer.as_slice(), media::TOOL, &file, None).expect_err("is refused").kind, Kind::Usage);
    assert_eq!(fs::read_to_string(file).expect("is there"), "x");
    let empty = place.path().join("empty");
    fs::create_dir(&empty).expect("made");
    unpack(layer.as_slice(), media::TOOL, &empty, None).expect("an empty directory will do");
    assert!(
        unpack(layer.as_slice(), "text/plain", Path::new("/nowhere"), None)
            .is_err_and(|error| error.kind == Kind::Refused)
    );
}
