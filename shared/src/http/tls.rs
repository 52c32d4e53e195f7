//! The one TLS configuration: rustls with ring.
//!
//! Trust is the compiled-in Mozilla roots, so that an image without certificates works, plus the machine's own store or what
//! `SSL_CERT_FILE` and `SSL_CERT_DIR` name, so that a company's authority works. Loading them takes some milliseconds and happens
//! at the first network call, not at the start.

use std::path::Path;
use std::sync::Arc;

use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;

use crate::environment::Environment;
use crate::error::{Code, Result, ToolError};

pub use rustls::ClientConfig;

/// Builds the client configuration.
///
/// # Errors
/// [`Code::Unavailable`] when `SSL_CERT_FILE` or `SSL_CERT_DIR` is set and yields no certificate.
pub fn client_config(environment: &Environment) -> Result<ClientConfig> {
    let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    roots.add_parsable_certificates(extra_roots(environment)?);
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| ToolError::internal(format!("set up TLS: {error}")))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(config)
}

/// How many certificates there are besides those compiled in.
///
/// # Errors
/// As [`client_config`].
pub fn extra(environment: &Environment) -> Result<usize> {
    extra_roots(environment).map(|certificates| certificates.len())
}

fn extra_roots(environment: &Environment) -> Result<Vec<CertificateDer<'static>>> {
    let (file, directories) = (environment.path("SSL_CERT_FILE"), environment.path("SSL_CERT_DIR"));
    if file.is_none() && directories.is_none() {
        // A machine without a store is no error: the compiled-in roots remain.
        return Ok(rustls_native_certs::load_native_certs().certs);
    }
    let mut certificates = Vec::new();
    if let Some(file) = &file {
        certificates.extend(from_paths("SSL_CERT_FILE", Some(file), None)?);
    }
    for directory in directories.iter().flat_map(std::env::split_paths) {
        certificates.extend(from_paths("SSL_CERT_DIR", None, Some(&directory))?);
    }
    Ok(certificates)
}

fn from_paths(variable: &str, file: Option<&Path>, directory: Option<&Path>) -> Result<Vec<CertificateDer<'static>>> {
    let found = rustls_native_certs::load_certs_from_paths(file, directory);
    if found.certs.is_empty() {
        let reason = found.errors.first().map_or("no certificate in it".to_owned(), ToString::to_string);
        return Err(ToolError::new(Code::Unavailable, format!("read the certificates named by {variable}: {reason}"))
            .hint(format!("point {variable} at PEM certificates or unset it")));
    }
    Ok(found.certs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_named_file_without_certificates_is_an_error() {
        let directory = tempfile::tempdir().expect("directory");
        for name in ["empty.pem", "missing.pem"] {
            let path = directory.path().join(name);
            if name == "empty.pem" {
                std::fs::write(&path, "nothing").expect("write");
            }
            let environment = Environment::from_fn(move |name| (name == "SSL_CERT_FILE").then(|| path.clone().into()));
            assert_eq!(client_config(&environment).expect_err(name).code(), Code::Unavailable);
        }
    }
}
