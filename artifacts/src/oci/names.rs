//! The names that documents are known by: formats, and keys of annotations.

/// Formats.
pub mod media {
    /// The layer of an artifact, and the artifact type of its manifest.
    pub const TOOL: &str = "application/vnd.agents.io.mcp-tool.v1";
    /// The layer of artifacts made by earlier packers; read, never written.
    pub const TOOL_OLDER: &str = "application/vnd.agents.io.mcp-tool.code.v1.tar+gzip";
    /// The catalogue of a server's tools.
    pub const CATALOGUE: &str = "application/vnd.agents.io.mcp-tool.catalogue.v1+json";
    /// A software bill of materials in SPDX's JSON form.
    pub const SPDX: &str = "application/spdx+json";
    /// A manifest.
    pub const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
    /// An index of manifests.
    pub const INDEX: &str = "application/vnd.oci.image.index.v1+json";
    /// The configuration of what has none: `{}`.
    pub const EMPTY: &str = "application/vnd.oci.empty.v1+json";
    /// The configuration of a container image.
    pub const IMAGE_CONFIG: &str = "application/vnd.oci.image.config.v1+json";
    /// A layer of a container image.
    pub const IMAGE_LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
    /// A manifest as Docker wrote it before the specification; read, never written.
    pub const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
    /// An index as Docker wrote it before the specification; read, never written.
    pub const DOCKER_LIST: &str = "application/vnd.docker.distribution.manifest.list.v2+json";
}

/// Keys of annotations.
pub mod annotation {
    /// When it was made, RFC 3339.
    pub const CREATED: &str = "org.opencontainers.image.created";
    /// A name for people.
    pub const TITLE: &str = "org.opencontainers.image.title";
    /// One sentence.
    pub const DESCRIPTION: &str = "org.opencontainers.image.description";
    /// The version.
    pub const VERSION: &str = "org.opencontainers.image.version";
    /// The commit.
    pub const REVISION: &str = "org.opencontainers.image.revision";
    /// Where the source is.
    pub const SOURCE: &str = "org.opencontainers.image.source";
    /// The licences, as an SPDX expression.
    pub const LICENSES: &str = "org.opencontainers.image.licenses";
    /// The name of a reference, in a layout's index.
    pub const REF_NAME: &str = "org.opencontainers.image.ref.name";
    /// The digest of the catalogue, a blob of the same repository.
    pub const CATALOGUE: &str = "io.agents.mcp-tool.catalogue";
    /// The server's name.
    pub const SERVER: &str = "io.agents.mcp-tool.server";
    /// A bundled CLI: the key ends in its name, the value is `<version> <digest of the file>`, and `(local)` behind it when no pinned download was packed.
    pub const CLI_PREFIX: &str = "io.agents.mcp-tool.cli.";
}
