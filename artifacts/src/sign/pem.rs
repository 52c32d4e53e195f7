//! Keys as text: the blocks of a PEM file.

use base64::{Engine, engine::general_purpose::STANDARD};
use zeroize::Zeroizing;

use crate::{Error, Kind, Result};

/// No key is longer than this.
const MAX: usize = 64 << 10;

/// The first block of `text` with one of `labels`, decoded. Others may stand around it: `openssl ecparam -genkey` writes the curve first.
pub fn find<'labels>(text: &str, labels: &[&'labels str]) -> Result<(&'labels str, Zeroizing<Vec<u8>>)> {
    let wrong = |what: &str| Err(Error::new(Kind::Usage, what.to_owned()));
    if text.len() > MAX {
        return wrong("the file is too large to be a key");
    }
    let mut lines = text.lines().map(str::trim);
    let mut others = Vec::new();
    while let Some(line) = lines.next() {
        let Some(label) = line.strip_prefix("-----BEGIN ").and_then(|rest| rest.strip_suffix("-----")) else {
            continue;
        };
        let Some(wanted) = labels.iter().find(|wanted| **wanted == label) else {
            others.push(label);
            continue;
        };
        let end = format!("-----END {label}-----");
        let mut encoded = Zeroizing::new(String::with_capacity(text.len()));
        loop {
            match lines.next() {
                Some(line) if line == end => break,
                Some(line) if line.contains(':') => {
                    return wrong(
                        "the key is encrypted in OpenSSL's own way, give it as openssl pkcs8 -topk8 -nocrypt writes it",
                    );
                }
                Some(line) => encoded.push_str(line),
                None => return wrong("the key has no end, the file is cut off"),
            }
        }
        return match STANDARD.decode(encoded.as_bytes()) {
            Ok(bytes) => Ok((wanted, Zeroizing::new(bytes))),
            // What base64 says quotes a byte of the key.
            Err(_) => wrong("the key is not base64 between its first and last line"),
        };
    }
    if others.is_empty() {
        return wrong("this is not a key in PEM form (-----BEGIN …-----)");
    }
    Err(Error::new(
        Kind::Usage,
        format!("the file holds {} where {} is needed", others.join(", "), labels.join(" or ")),
    ))
}
