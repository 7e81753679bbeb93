//! Private keys as PEM (RFC 7468).

use aws_lc_rs::signature::{EcdsaKeyPair, RsaKeyPair};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use zeroize::Zeroizing;

use super::{Pair, PrivateKey, SigningError, ecdsa};
use crate::jwk::Curve;

const PKCS8: &str = "PRIVATE KEY";
const LINE: usize = 64;

pub(super) fn read(text: &str) -> Result<PrivateKey, SigningError> {
    let (label, body) = first_block(text).ok_or(SigningError::Malformed)?;
    // PKCS#1 and SEC 1 files say in a line of their own that they are encrypted.
    if label == "ENCRYPTED PRIVATE KEY" || body.contains("ENCRYPTED") {
        return Err(SigningError::Encrypted);
    }
    let base64: Zeroizing<String> = Zeroizing::new(body.split_ascii_whitespace().collect());
    let der = STANDARD.decode(base64.as_bytes()).map_err(|_| SigningError::Malformed)?;
    let der = Zeroizing::new(der);
    match label {
        PKCS8 => PrivateKey::from_pkcs8(&der),
        "RSA PRIVATE KEY" => {
            let pair = RsaKeyPair::from_der(&der).map_err(|_| SigningError::Rejected)?;
            PrivateKey::from_pair(Pair::Rsa(pair))
        }
        "EC PRIVATE KEY" => PrivateKey::from_pair(read_sec1(&der)?),
        "PUBLIC KEY" | "RSA PUBLIC KEY" | "CERTIFICATE" => Err(SigningError::PublicOnly),
        _ => Err(SigningError::Malformed),
    }
}

pub(super) fn write(pkcs8: &[u8]) -> Zeroizing<String> {
    let base64 = Zeroizing::new(STANDARD.encode(pkcs8));
    let mut text = Zeroizing::new(format!("-----BEGIN {PKCS8}-----\n"));
    let mut rest = base64.as_str();
    while !rest.is_empty() {
        let (line, after) = rest.split_at_checked(LINE).unwrap_or((rest, ""));
        text.push_str(line);
        text.push('\n');
        rest = after;
    }
    text.push_str("-----END PRIVATE KEY-----\n");
    text
}

fn read_sec1(der: &[u8]) -> Result<Pair, SigningError> {
    let mut pairs = Curve::ALL
        .iter()
        .map(|curve| (*curve, EcdsaKeyPair::from_private_key_der(ecdsa(*curve), der)));
    let pair = pairs.find_map(|(curve, pair)| Some(Pair::Ec(curve, pair.ok()?)));
    pair.ok_or(SigningError::Rejected)
}

/// The label and the body of the first block that is a key; openssl writes `EC PARAMETERS` before it.
fn first_block(text: &str) -> Option<(&str, &str)> {
    let mut rest = text;
    loop {
        let (_, after) = rest.split_once("-----BEGIN ")?;
        let (label, after) = after.split_once("-----")?;
        let (body, after) = after.split_once("-----END ")?;
        if label != "EC PARAMETERS" {
            return Some((label, body));
        }
        rest = after;
    }
}
