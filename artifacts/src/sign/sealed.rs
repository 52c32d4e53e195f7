//! Private keys as cosign keeps them: the password through scrypt, the key in NaCl's secretbox (XSalsa20 and Poly1305), both in JSON.

use base64::{Engine, engine::general_purpose::STANDARD};
use poly1305::{Poly1305, universal_hash::KeyInit};
use salsa20::{
    XSalsa20,
    cipher::{KeyIvInit, StreamCipher},
};
use serde::Deserialize;
use zeroize::Zeroizing;

use crate::{Error, Kind, Result};

/// The memory scrypt may be made to take: four times what cosign asks for.
const MEMORY_MAX: u64 = 256 << 20;
/// How often scrypt may be made to go over it.
const PASSES_MAX: u32 = 4;

const TAG: usize = 16;

#[derive(Deserialize)]
struct Sealed {
    kdf: Kdf,
    cipher: Cipher,
    ciphertext: String,
}

#[derive(Deserialize)]
struct Kdf {
    name: String,
    params: Cost,
    salt: String,
}

#[derive(Deserialize)]
struct Cost {
    #[serde(rename = "N")]
    n: u64,
    r: u32,
    p: u32,
}

#[derive(Deserialize)]
struct Cipher {
    name: String,
    nonce: String,
}

fn wrong(what: impl Into<String>) -> Error {
    Error::new(Kind::Usage, what)
}

/// What `sealed` holds, opened with `password`.
pub fn open(sealed: &[u8], password: &str) -> Result<Zeroizing<Vec<u8>>> {
    let sealed: Sealed =
        serde_json::from_slice(sealed).map_err(|_| wrong("the encrypted key is not one that cosign made"))?;
    if sealed.kdf.name != "scrypt" || sealed.cipher.name != "nacl/secretbox" {
        let (kdf, cipher) = (&sealed.kdf.name, &sealed.cipher.name);
        return Err(wrong(format!(
            "the key is encrypted with {kdf:?} and {cipher:?}, only scrypt and nacl/secretbox are known"
        )));
    }
    let decode = |what: &str, text: &str| {
        STANDARD.decode(text).map_err(|_| wrong(format!("the {what} of the encrypted key is not base64")))
    };
    let salt = decode("salt", &sealed.kdf.salt)?;
    let nonce = decode("nonce", &sealed.cipher.nonce)?;
    let nonce: [u8; 24] = nonce.try_into().map_err(|_| wrong("the nonce of the encrypted key is not 24 bytes"))?;
    let ciphertext = decode("ciphertext", &sealed.ciphertext)?;
    let key = derive(password, &salt, &sealed.kdf.params)?;
    unseal(&key, &nonce, &ciphertext).ok_or_else(|| wrong("the password does not open the key"))
}

fn derive(password: &str, salt: &[u8], cost: &Cost) -> Result<Zeroizing<[u8; 32]>> {
    let memory = u64::from(cost.r).checked_mul(128).and_then(|block| block.checked_mul(cost.n));
    if !cost.n.is_power_of_two() || cost.p > PASSES_MAX || memory.is_none_or(|memory| memory > MEMORY_MAX) {
        return Err(wrong("the encrypted key asks for more work than any that cosign made"));
    }
    let exponent = u8::try_from(cost.n.ilog2()).unwrap_or(u8::MAX);
    let params = scrypt::Params::new(exponent, cost.r, cost.p)
        .map_err(|_| wrong("the encrypted key asks for work that scrypt cannot do"))?;
    let mut key = Zeroizing::new([0; 32]);
    scrypt::scrypt(password.as_bytes(), salt, &params, key.as_mut())
        .map_err(|_| wrong("the encrypted key asks for work that scrypt cannot do"))?;
    Ok(key)
}

/// NaCl's crypto_secretbox_open: the first 32 bytes of the key stream authenticate, the others decrypt.
fn unseal(key: &[u8; 32], nonce: &[u8; 24], sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let (tag, ciphertext) = sealed.split_at_checked(TAG)?;
    let mut stream = XSalsa20::new(key.into(), nonce.into());
    let mut once = Zeroizing::new([0; 32]);
    stream.apply_keystream(once.as_mut());
    let found = Poly1305::new((&*once).into()).compute_unpadded(ciphertext);
    let differing = found.iter().zip(tag).fold(0, |differing, (a, b)| differing | (a ^ b));
    if differing != 0 {
        return None;
    }
    let mut opened = Zeroizing::new(ciphertext.to_vec());
    stream.apply_keystream(&mut opened);
    Some(opened)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(hex: &str) -> Vec<u8> {
        let hex: Vec<u8> = hex.bytes().filter(u8::is_ascii_hexdigit).collect();
        hex.chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
    }

    #[test]
    fn a_box_of_nacls_own_tests_opens_and_a_changed_one_does_not() {
        // tests/secretbox.c of NaCl.
        let key: [u8; 32] =
            bytes("1b27556473e985d462cd51197a9a46c76009549eac6474f206c4ee0844f68389").try_into().unwrap();
        let nonce: [u8; 24] = bytes("69696ee955b62b73cd62bda875fc73d68219e0036b7a0b37").try_into().unwrap();
        let sealed = bytes(
            "f3ffc7703f9400e52a7dfb4b3d3305d98e993b9f48681273c29650ba32fc76ce48332ea7164d96a4476fb8c531a1186ac0dfc17c98dce87b
             4da7f011ec48c97271d2c20f9b928fe2270d6fb863d51738b48eeee314a7cc8ab932164548e526ae90224368517acfeabd6bb3732bc0e9da
             99832b61ca01b6de56244a9e88d5f9b37973f622a43d14a6599b1f654cb45a74e355a5",
        );
        let opened = unseal(&key, &nonce, &sealed).unwrap();
        assert_eq!((opened.len(), &opened[..8]), (131, &bytes("be075fc53c81f2d5")[..]));
        for at in [0, TAG - 1, TAG, sealed.len() - 1] {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert!(unseal(&key, &nonce, &changed).is_none(), "{at}");
        }
        assert!(unseal(&key, &nonce, &sealed[..TAG - 1]).is_none());
        assert!(unseal(&key, &nonce, b"").is_none());
    }

    #[test]
    fn work_without_bound_is_refused_before_it_begins() {
        for (n, r, p, refused) in [
            (1 << 16, 8, 1, false),
            (1 << 40, 8, 1, true),
            (u64::MAX, 8, 1, true),
            (0, 8, 1, true),
            (3, 8, 1, true),
            (1 << 10, u32::MAX, 1, true),
            (1 << 10, 8, 1000, true),
            (1 << 10, 0, 1, true),
            (1 << 10, 8, 0, true),
        ] {
            let made = derive("x", b"salt", &Cost { n, r, p });
            assert_eq!(made.is_err(), refused, "{n} {r} {p}");
        }
    }
}
