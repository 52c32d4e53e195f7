//! The parts of SPDX 2.3 that are written, in the order in which they are written. Structs and not `json!`, whose order depends on the features
//! that other crates ask of serde_json.

use serde::Serialize;

/// What is not known and not claimed.
pub const UNKNOWN: &str = "NOASSERTION";
/// The document.
pub const DOCUMENT: &str = "SPDXRef-DOCUMENT";
/// The server that the document is about.
pub const SERVER: &str = "SPDXRef-Server";

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Document {
    pub spdx_version: &'static str,
    pub data_license: &'static str,
    #[serde(rename = "SPDXID")]
    pub id: &'static str,
    pub name: String,
    pub document_namespace: String,
    pub creation_info: CreationInfo,
    pub packages: Vec<Package>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<File>,
    pub relationships: Vec<Relationship>,
}

#[derive(Serialize)]
pub struct CreationInfo {
    pub created: String,
    pub creators: Vec<&'static str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Package {
    pub name: String,
    #[serde(rename = "SPDXID")]
    pub id: String,
    pub version_info: String,
    pub primary_package_purpose: &'static str,
    pub download_location: String,
    pub files_analyzed: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub package_verification_code: Option<VerificationCode>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub checksums: Vec<Checksum>,
    pub license_concluded: &'static str,
    pub license_declared: String,
    pub copyright_text: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_info: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub external_refs: Vec<ExternalRef>,
}

impl Package {
    /// A library of which nothing more is known.
    pub fn new(name: &str, version: &str, id: String) -> Self {
        Self {
            name: name.to_owned(),
            id,
            version_info: version.to_owned(),
            primary_package_purpose: "LIBRARY",
            download_location: UNKNOWN.to_owned(),
            files_analyzed: false,
            package_verification_code: None,
            checksums: Vec::new(),
            license_concluded: UNKNOWN,
            license_declared: UNKNOWN.to_owned(),
            copyright_text: UNKNOWN,
            source_info: None,
            comment: None,
            external_refs: Vec::new(),
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct VerificationCode {
    pub package_verification_code_value: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ExternalRef {
    pub reference_category: &'static str,
    pub reference_type: &'static str,
    pub reference_locator: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Checksum {
    pub algorithm: &'static str,
    pub checksum_value: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct File {
    pub file_name: String,
    #[serde(rename = "SPDXID")]
    pub id: String,
    pub checksums: Vec<Checksum>,
    pub file_types: Vec<&'static str>,
    pub license_concluded: &'static str,
    pub copyright_text: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Relationship {
    pub spdx_element_id: String,
    pub relationship_type: &'static str,
    pub related_spdx_element: String,
}

pub fn relationship(from: &str, kind: &'static str, to: &str) -> Relationship {
    Relationship { spdx_element_id: from.to_owned(), relationship_type: kind, related_spdx_element: to.to_owned() }
}

pub fn checksum(algorithm: &'static str, value: &str) -> Checksum {
    Checksum { algorithm, checksum_value: value.to_owned() }
}
