//! Who trusts whom: one authority, the certificates it signs, the key of service accounts, and the tokens of the two users.

use std::{
    fs::{self, File},
    io::Read,
    path::Path,
};

use rcgen::{BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair};
use serde_json::json;

use super::places::Place;
use crate::run::{self, Result};

/// Writes all of it into the cluster's directory: `NAME.crt` and `NAME.key`, `admin.conf` and `node.conf`.
pub fn write(place: &Place, port: u16) -> Result<()> {
    let directory = place.path();
    certificates(&directory.join("keys")).map_err(|error| format!("the keys could not be made: {error}"))?;
    let (admin, node) = (token()?, token()?);
    let users = format!("{admin},admin,admin,\"system:masters\"\n{node},system:node:{NODE},node,\"system:nodes\"\n");
    run::write(&directory.join("keys/tokens.csv"), &users)?;
    for (file, user, token) in [("admin.conf", "admin", admin), ("node.conf", NODE, node)] {
        run::write(&directory.join(file), &kubeconfig(place, port, user, &token))?;
    }
    Ok(())
}

/// The name of the only node.
pub const NODE: &str = "node-1";

fn certificates(directory: &Path) -> std::result::Result<(), Box<dyn std::error::Error>> {
    fs::create_dir_all(directory)?;
    let put = |name: &str, text: String| fs::write(directory.join(name), text);

    let mut authority = params("agent-tools test authority", None, &[])?;
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate()?;
    put("ca.crt", authority.self_signed(&key)?.pem())?;
    let issuer = Issuer::new(authority, key);

    let names = ["localhost", "127.0.0.1", "10.96.0.1", "kubernetes.default.svc"];
    let clients = Some(ExtendedKeyUsagePurpose::ClientAuth);
    let server = Some(ExtendedKeyUsagePurpose::ServerAuth);
    for (name, organization, usage, names) in [
        ("apiserver", None, server, &names[..]),
        // As the API server reaches the kubelet, and the metrics API behind it.
        ("kubelet-client", Some("system:masters"), clients.clone(), &[]),
        ("front-proxy", None, clients, &[]),
    ] {
        let mut params = params(name, organization, names)?;
        params.extended_key_usages.extend(usage);
        let key = KeyPair::generate()?;
        put(&format!("{name}.crt"), params.signed_by(&key, &issuer)?.pem())?;
        put(&format!("{name}.key"), key.serialize_pem())?;
    }

    let accounts = KeyPair::generate()?;
    put("accounts.key", accounts.serialize_pem())?;
    put("accounts.pub", accounts.public_key_pem())?;
    Ok(())
}

fn params(
    name: &str,
    organization: Option<&str>,
    names: &[&str],
) -> std::result::Result<CertificateParams, rcgen::Error> {
    let mut params = CertificateParams::new(names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>())?;
    params.distinguished_name.push(DnType::CommonName, name);
    organization
        .into_iter()
        .for_each(|organization| params.distinguished_name.push(DnType::OrganizationName, organization));
    Ok(params)
}

/// 128 bits nobody can guess.
fn token() -> Result<String> {
    let mut bytes = [0; 16];
    let read = File::open("/dev/urandom").and_then(|mut file| file.read_exact(&mut bytes));
    read.map_err(|error| format!("/dev/urandom could not be read: {error}"))?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

fn kubeconfig(place: &Place, port: u16, user: &str, token: &str) -> String {
    let name = place.cgroup();
    let config = json!({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": name, "cluster": {
            "server": format!("https://127.0.0.1:{port}"),
            "certificate-authority": place.path().join("keys/ca.crt"),
        }}],
        "users": [{"name": user, "user": {"token": token}}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": user, "namespace": "default"}}],
        "current-context": name,
    });
    // JSON is YAML.
    format!("{config:#}\n")
}
