//! What a container image has beneath the files of the artifact: the authorities that TLS trusts, a user, a place for temporary files and a
//! workspace. No shell, no libraries.

use crate::layer::{Content, Member};

/// The user servers run as.
pub const USER: u32 = 65532;

/// Where programs look for the authorities first.
const CERTIFICATES: &str = "etc/ssl/certs/ca-certificates.crt";

/// The members of the base layer.
pub fn members() -> Vec<Member> {
    let directory =
        |name: &str, mode, owner| Member { name: name.to_owned(), mode, owner, content: Content::Directory };
    let file = |name: &str, text: String| Member::file(name, Content::Bytes(text.into_bytes()));
    vec![
        directory("etc", 0o755, 0),
        directory("etc/ssl", 0o755, 0),
        directory("etc/ssl/certs", 0o755, 0),
        file(CERTIFICATES, certificates()),
        // For what asks who it is, as ssh does.
        file("etc/group", format!("root:x:0:\nnonroot:x:{USER}:\n")),
        file(
            "etc/passwd",
            format!(
                "root:x:0:0:root:/root:/sbin/nologin\nnonroot:x:{USER}:{USER}:nonroot:/home/nonroot:/sbin/nologin\n"
            ),
        ),
        directory("home", 0o755, 0),
        directory("home/nonroot", 0o700, USER),
        directory("tmp", 0o1777, 0),
        directory("workspace", 0o755, USER),
    ]
}

/// The roots of Mozilla's programme as PEM, from a crate, so that they are pinned like every dependency.
fn certificates() -> String {
    use base64::{Engine, engine::general_purpose::STANDARD};
    let mut text = String::new();
    for certificate in webpki_root_certs::TLS_SERVER_ROOT_CERTS {
        text.push_str("-----BEGIN CERTIFICATE-----\n");
        let encoded = STANDARD.encode(certificate.as_ref());
        for line in encoded.as_bytes().chunks(64) {
            text.push_str(&String::from_utf8_lossy(line));
            text.push('\n');
        }
        text.push_str("-----END CERTIFICATE-----\n");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_authorities_in_the_form_programs_read() {
        let text = certificates();
        let begins = text.matches("-----BEGIN CERTIFICATE-----\n").count();
        assert!(begins > 50 && begins == text.matches("-----END CERTIFICATE-----\n").count());
        assert!(text.lines().all(|line| line.len() <= 64));
    }
}
