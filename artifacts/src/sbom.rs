//! What is in an artifact, as an SPDX 2.3 document: the binary, the crates it is linked from, the CLI beside it. The same input gives the same
//! bytes; the name of the document in the world is made from them.

use std::collections::BTreeSet;

use serde::Serialize;

use crate::{
    oci::{Digest, Platform},
    time,
};

mod spdx;

/// A file of the artifact.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct File {
    /// Its path in the artifact: `mcp-git`.
    pub name: String,
    /// Its digest.
    pub sha256: Digest,
    /// Its digest in the function that SPDX 2.3 insists on.
    sha1: String,
}

impl File {
    /// The file `name` that holds `bytes`.
    pub fn of(name: &str, bytes: &[u8]) -> Self {
        Self { name: name.to_owned(), sha256: Digest::of(bytes), sha1: sha1(bytes) }
    }
}

/// Something the binary is linked from.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Package {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// The digest of what was downloaded, if it was.
    pub sha256: Option<Digest>,
    /// Its licence, as an SPDX expression; Cargo's older form with `/` is understood.
    pub licence: Option<String>,
    /// Its package URL, if it is published somewhere.
    pub purl: Option<String>,
    /// What a reader should know besides.
    pub comment: Option<String>,
}

/// A program that is shipped beside the binary.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cli {
    /// Its name: `kubectl`.
    pub name: String,
    /// Its version.
    pub version: String,
    /// The digest of the program.
    pub sha256: Digest,
    /// Where it was downloaded, if it was.
    pub url: Option<String>,
}

/// All that is said about an artifact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sbom {
    /// The server's name: `git`.
    pub server: String,
    /// Its version.
    pub version: String,
    /// Its licence, as an SPDX expression.
    pub licence: Option<String>,
    /// The commit it was built from.
    pub revision: String,
    /// When, in seconds since 1970.
    pub created: u64,
    /// What it runs on.
    pub platform: Platform,
    /// The files of our own making: the binary.
    pub files: Vec<File>,
    /// What the binary is linked from.
    pub packages: Vec<Package>,
    /// What is shipped beside it.
    pub clis: Vec<Cli>,
}

impl Sbom {
    /// The document.
    pub fn bytes(&self) -> Vec<u8> {
        let name = format!("mcp-{}-{}-{}", self.server, self.version, self.platform.dashed());
        let mut document = self.document(&name);
        let digest = Digest::of(&json(&document)).hex();
        // No address of ours: this is where SPDX puts documents that are published nowhere in particular.
        document.document_namespace = format!("https://spdx.org/spdxdocs/{}-{digest}", identifier(&name));
        let mut bytes = json(&document);
        bytes.push(b'\n');
        bytes
    }

    fn document(&self, name: &str) -> spdx::Document {
        let mut relationships = vec![spdx::relationship(spdx::DOCUMENT, "DESCRIBES", spdx::SERVER)];
        let mut packages = vec![self.main()];
        let mut taken = BTreeSet::new();
        for package in BTreeSet::from_iter(&self.packages) {
            let id = unique(&mut taken, "Package", &[&package.name, &package.version]);
            relationships.push(spdx::relationship(spdx::SERVER, "DEPENDS_ON", &id));
            packages.push(library(package, id));
        }
        for cli in BTreeSet::from_iter(&self.clis) {
            let id = unique(&mut taken, "Cli", &[&cli.name, &cli.version]);
            relationships.push(spdx::relationship(spdx::SERVER, "CONTAINS", &id));
            packages.push(program(cli, id));
        }
        let mut files = Vec::new();
        for file in BTreeSet::from_iter(&self.files) {
            let id = unique(&mut taken, "File", &[&file.name]);
            relationships.push(spdx::relationship(spdx::SERVER, "CONTAINS", &id));
            files.push(spdx::File {
                file_name: format!("./{}", file.name),
                id,
                checksums: vec![spdx::checksum("SHA1", &file.sha1), spdx::checksum("SHA256", &file.sha256.hex())],
                file_types: vec!["BINARY"],
                license_concluded: spdx::UNKNOWN,
                copyright_text: spdx::UNKNOWN,
            });
        }
        spdx::Document {
            spdx_version: "SPDX-2.3",
            data_license: "CC0-1.0",
            id: spdx::DOCUMENT,
            name: name.to_owned(),
            document_namespace: String::new(),
            creation_info: spdx::CreationInfo {
                created: time::rfc3339(self.created),
                creators: vec!["Tool: agent-tools"],
            },
            packages,
            files,
            relationships,
        }
    }

    /// The server itself.
    fn main(&self) -> spdx::Package {
        let mut sums: Vec<&str> = BTreeSet::from_iter(&self.files).into_iter().map(|file| file.sha1.as_str()).collect();
        sums.sort_unstable();
        // SPDX: the digest of the digests, sorted and joined.
        let code = sha1(sums.concat().as_bytes());
        spdx::Package {
            files_analyzed: !sums.is_empty(),
            package_verification_code: (!sums.is_empty())
                .then_some(spdx::VerificationCode { package_verification_code_value: code }),
            license_declared: self.licence.as_deref().map_or(spdx::UNKNOWN.to_owned(), licence),
            primary_package_purpose: "APPLICATION",
            source_info: Some(format!("built for {} from the commit {}", self.platform, self.revision)),
            ..spdx::Package::new(&format!("mcp-{}", self.server), &self.version, spdx::SERVER.to_owned())
        }
    }
}

fn library(package: &Package, id: String) -> spdx::Package {
    let purl = |purl: &String| spdx::ExternalRef {
        reference_category: "PACKAGE-MANAGER",
        reference_type: "purl",
        reference_locator: purl.clone(),
    };
    spdx::Package {
        checksums: package.sha256.iter().map(|digest| spdx::checksum("SHA256", &digest.hex())).collect(),
        license_declared: package.licence.as_deref().map_or(spdx::UNKNOWN.to_owned(), licence),
        external_refs: package.purl.iter().map(purl).collect(),
        comment: package.comment.clone(),
        ..spdx::Package::new(&package.name, &package.version, id)
    }
}

fn program(cli: &Cli, id: String) -> spdx::Package {
    spdx::Package {
        checksums: vec![spdx::checksum("SHA256", &cli.sha256.hex())],
        download_location: cli.url.clone().unwrap_or_else(|| spdx::UNKNOWN.to_owned()),
        primary_package_purpose: "APPLICATION",
        comment: Some("the checksum is of the program as it is packed".to_owned()),
        ..spdx::Package::new(&cli.name, &cli.version, id)
    }
}

/// `text` as an SPDX expression, or that it is not known when it is none.
fn licence(text: &str) -> String {
    let text = text.replace('/', " OR ");
    let spaced = text.replace('(', " ( ").replace(')', " ) ");
    let word = |word: &str| {
        matches!(word, "(" | ")")
            || word.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'+'))
    };
    let mut depth = 0_i32;
    // Whether a licence may stand here, rather than something between two.
    let mut open = true;
    for found in spaced.split_whitespace() {
        let fits = match found {
            "(" => open,
            ")" | "AND" | "OR" | "WITH" => !open,
            _ => open && word(found),
        };
        depth += i32::from(found == "(") - i32::from(found == ")");
        if !fits || depth < 0 {
            return spdx::UNKNOWN.to_owned();
        }
        open = matches!(found, "(" | "AND" | "OR" | "WITH");
    }
    if open || depth != 0 { spdx::UNKNOWN.to_owned() } else { text.split_whitespace().collect::<Vec<_>>().join(" ") }
}

/// Only what may stand in an identifier of SPDX.
fn identifier(text: &str) -> String {
    text.chars().map(|one| if one.is_ascii_alphanumeric() || matches!(one, '.' | '-') { one } else { '-' }).collect()
}

/// An identifier that nothing else in the document has: where characters had to give way, a piece of a digest tells names apart.
fn unique(taken: &mut BTreeSet<String>, kind: &str, parts: &[&str]) -> String {
    let plain = parts.join("-");
    let mut id = format!("SPDXRef-{kind}-{}", identifier(&plain));
    let mut round = 0_u32;
    while (round == 0 && identifier(&plain) != plain) || taken.contains(&id) {
        let digest = Digest::of(format!("{round}\0{}", parts.join("\0")).as_bytes()).hex();
        id = format!("SPDXRef-{kind}-{}-{}", identifier(&plain), &digest[..8]);
        round += 1;
    }
    taken.insert(id.clone());
    id
}

fn sha1(bytes: &[u8]) -> String {
    let digest = ring::digest::digest(&ring::digest::SHA1_FOR_LEGACY_USE_ONLY, bytes);
    digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn json(document: &impl Serialize) -> Vec<u8> {
    // Structs of strings: there is no way for this to fail.
    serde_json::to_vec_pretty(document).unwrap_or_default()
}

#[cfg(test)]
mod tests;
