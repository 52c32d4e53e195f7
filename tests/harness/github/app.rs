//! The key of an app, made by OpenSSH as GitHub hands it out: RSA in PKCS#1.

use std::process::{Command, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::signature::{KeyPair as _, RsaKeyPair};

/// A key of an app.
pub struct Key {
    /// The private key, as GITHUB_APP_PRIVATE_KEY_FILE holds it: `BEGIN RSA PRIVATE KEY`.
    pub pem: String,
    /// The DER of the public key in PKCS#1, for [`App::new`](super::App::new).
    pub public: Vec<u8>,
}

impl Key {
    /// A new key, or why there is none here.
    pub fn new() -> Result<Self, String> {
        let directory = tempfile::tempdir().map_err(|error| error.to_string())?;
        let path = directory.path().join("key");
        let mut command = Command::new("ssh-keygen");
        command.args(["-q", "-t", "rsa", "-b", "2048", "-m", "PEM", "-N", "", "-C", "", "-f"]).arg(&path);
        let output = command.stdin(Stdio::null()).output().map_err(|error| format!("no ssh-keygen: {error}"))?;
        if !output.status.success() {
            return Err(format!("ssh-keygen: {}", String::from_utf8_lossy(&output.stderr).trim_end()));
        }
        let pem = std::fs::read_to_string(&path).map_err(|error| error.to_string())?;
        let public = pair(&pem).public_key().as_ref().to_vec();
        Ok(Self { pem, public })
    }

    /// The key as ring has it.
    pub fn pair(&self) -> RsaKeyPair {
        pair(&self.pem)
    }
}

fn pair(pem: &str) -> RsaKeyPair {
    let text: String = pem.lines().filter(|line| !line.starts_with("-----")).collect();
    RsaKeyPair::from_der(&STANDARD.decode(text).expect("base64")).expect("an RSA key")
}
