//! Servers as OCI artifacts: packed, laid out, shipped, unpacked and checked.
//!
//! Most of it is pure: bytes in, bytes out, the same everywhere and always. [`oci`] holds the documents, [`layer`] the archive of an artifact in
//! both directions, [`layout`] a directory that holds artifacts. Only [`registry`] opens sockets. Nothing here knows a server: a directory with a `manifest.json`
//! is one.

pub mod base;
pub mod binary;
pub mod bundles;
pub mod catalogue;
#[cfg(feature = "registry")]
pub mod cli;
#[cfg(feature = "registry")]
pub mod credentials;
pub mod directory;
#[cfg(feature = "registry")]
pub mod environment;
pub mod error;
mod file;
pub mod image;
pub mod inspect;
pub mod layer;
pub mod layout;
pub mod mcpb;
pub mod oci;
pub mod pack;
pub mod reference;
#[cfg(feature = "registry")]
pub mod registry;
pub mod sbom;
pub mod server_json;
pub mod setting;
pub mod sign;
pub mod time;
pub mod tool_manifest;
#[cfg(feature = "registry")]
pub mod transfer;
pub mod trial;
pub mod verify;
mod words;

pub use error::{Error, Kind, Result};
