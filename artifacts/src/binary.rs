//! What a program is, read from its first bytes without running it.

use std::{
    io::{self, Read},
    os::unix::fs::PermissionsExt,
    path::Path,
};

use crate::{Error, Result, file, oci::Platform};

/// A program for Linux.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Program {
    /// What it was built for.
    pub platform: Platform,
}

impl Program {
    /// Whether it runs on `platform`, whatever the variant.
    pub fn runs_on(&self, platform: &Platform) -> bool {
        self.platform.os == platform.os && self.platform.architecture == platform.architecture
    }
}

/// Looks at the file at `path`, which the caller calls `name`: it must be a program for Linux, and its owner may run it (packing lets everyone).
///
/// # Errors
///
/// What it is instead: an HTML page, a script, a library, an empty file; or a program without its run bit.
pub fn program(path: &Path, name: &str) -> Result<Program> {
    let failed = |error: io::Error| Error::io(path, &error);
    let file = file::open(path)?;
    let mode = file.metadata().map_err(failed)?.permissions().mode();
    let mut head = Vec::new();
    file.take(512).read_to_end(&mut head).map_err(failed)?;
    let program = read(&head).map_err(|what| Error::refused(format!("{name} is no program for Linux but {what}")))?;
    if mode & 0o100 == 0 {
        return Err(Error::refused(format!("{name} has no run bit (mode {:04o})", mode & 0o7777)));
    }
    Ok(program)
}

/// Reads the head of an ELF file (System V ABI, chapter 4); else says what the bytes look like.
fn read(head: &[u8]) -> std::result::Result<Program, String> {
    let text = String::from_utf8_lossy(head).trim_start_matches('\u{feff}').trim_start().to_ascii_lowercase();
    if head.is_empty() {
        return Err("an empty file".to_owned());
    }
    if text.starts_with("<!doctype") || text.starts_with("<html") || text.starts_with("<?xml") {
        return Err("an HTML or XML page, as servers send it in place of a file".to_owned());
    }
    if text.starts_with('{') {
        return Err("a JSON document, as servers send it in place of a file".to_owned());
    }
    if text.starts_with("#!") {
        return Err("a script".to_owned());
    }
    if head.starts_with(b"MZ") {
        return Err("a program for Windows".to_owned());
    }
    if matches!(head.get(..4), Some([0xcf | 0xce, 0xfa, 0xed, 0xfe] | [0xca, 0xfe, 0xba, 0xbe])) {
        return Err("a program for macOS".to_owned());
    }
    if !head.starts_with(b"\x7fELF") {
        return Err("something else".to_owned());
    }
    let (Some(&class), Some(&order), Some(&[kind_low, kind_high, machine_low, machine_high])) =
        (head.get(4), head.get(5), head.get(16..20).and_then(|bytes| bytes.first_chunk::<4>()))
    else {
        return Err("the beginning of one".to_owned());
    };
    if order != 1 {
        return Err("one for big-endian machines".to_owned());
    }
    let (kind, machine) = (u16::from_le_bytes([kind_low, kind_high]), u16::from_le_bytes([machine_low, machine_high]));
    let architecture = match (machine, class) {
        (62, 2) => "amd64",
        (183, 2) => "arm64",
        (3, 1) => "386",
        (40, 1) => "arm",
        (243, 2) => "riscv64",
        (21, 2) => "ppc64le",
        _ => return Err(format!("one for a machine nobody here knows (ELF machine {machine})")),
    };
    // 2: at a fixed address; 3: anywhere, as programs are built today (and libraries, which look the same here).
    if !matches!(kind, 2 | 3) {
        return Err(format!("an ELF file that is not linked (type {kind})"));
    }
    Ok(Program { platform: Platform::linux(architecture) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn elf(class: u8, order: u8, kind: u16, machine: u16) -> Vec<u8> {
        let mut head = vec![0; 64];
        head[..4].copy_from_slice(b"\x7fELF");
        (head[4], head[5]) = (class, order);
        head[16..18].copy_from_slice(&kind.to_le_bytes());
        head[18..20].copy_from_slice(&machine.to_le_bytes());
        head
    }

    #[test]
    fn the_architecture_is_the_one_of_the_header() {
        let platform = |head: &[u8]| read(head).map(|program| program.platform.to_string());
        assert_eq!(platform(&elf(2, 1, 3, 62)), Ok("linux/amd64".into()));
        assert_eq!(platform(&elf(2, 1, 2, 183)), Ok("linux/arm64".into()));
        assert_eq!(platform(&elf(1, 1, 2, 3)), Ok("linux/386".into()));
    }

    #[test]
    fn what_is_no_program_is_called_what_it_is() {
        let cases: &[(&[u8], &str)] = &[
            (b"", "an empty file"),
            (b"<!DOCTYPE html><html>404</html>", "HTML"),
            (b"\xef\xbb\xbf\n <HTML>", "HTML"),
            (b"<?xml version='1.0'?><Error>", "XML"),
            (b"{\"errors\":[]}", "JSON"),
            (b"#!/bin/sh\n", "a script"),
            (b"MZ\x90\0", "Windows"),
            (b"\xcf\xfa\xed\xfe\x07", "macOS"),
            (b"Not Found", "something else"),
            (b"\x7fELF\x02\x01", "the beginning of one"),
            (&elf(2, 2, 3, 62), "big-endian"),
            (&elf(1, 1, 3, 62), "machine 62"),
            (&elf(2, 1, 1, 62), "not linked"),
        ];
        for (head, words) in cases {
            let said = read(head).expect_err(words);
            assert!(said.contains(words), "{said} lacks {words}");
        }
    }
}
