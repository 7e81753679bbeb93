//! Private keys as JWK (RFC 7518 section 6, RFC 8037 section 2).

use aws_lc_rs::{
    encoding::{AsBigEndian, EcPrivateKeyBin},
    rsa::{KeyPairComponents, PublicKeyComponents},
    signature::{EcdsaKeyPair, Ed25519KeyPair, RsaKeyPair},
};
use serde_json::{Map, Value, json};
use zeroize::Zeroizing;

use super::{Pair, PrivateKey, SigningError, ecdsa};
use crate::{
    base64url,
    der::{RsaNumbers, without_leading_zeros},
    jwk::{Algorithm, Curve},
};

pub(super) fn read(jwk: &Value) -> Result<PrivateKey, SigningError> {
    let members = jwk.as_object().ok_or(SigningError::Malformed)?;
    let pair = match text(members, "kty")? {
        "RSA" => read_rsa(members)?,
        "EC" => read_ec(members)?,
        "OKP" => read_okp(members)?,
        _ => return Err(SigningError::Malformed),
    };
    let key = PrivateKey::from_pair(pair)?.with_kid(optional_text(members, "kid")?.map(str::to_owned));
    match optional_text(members, "alg")? {
        None => Ok(key),
        Some(name) => key.with_algorithm(Algorithm::from_name(name).ok_or(SigningError::WrongAlgorithm)?),
    }
}

pub(super) fn write(key: &PrivateKey) -> Result<Value, SigningError> {
    let (kid, alg) = (key.kid(), key.algorithm().as_str());
    let public = |name: &str| key.public_jwk.get(name).cloned().unwrap_or_default();
    let mut jwk = match &key.pair {
        Pair::Rsa(_) => {
            let it = RsaNumbers::from_pkcs8(&key.pkcs8).ok_or(SigningError::Failed)?;
            let text = |number: &[u8]| base64url::encode(number);
            json!({
                "p": text(&it.p), "kty": "RSA", "q": text(&it.q), "d": text(&it.d), "e": text(&it.e), "use": "sig",
                "kid": kid, "qi": text(&it.qi), "dp": text(&it.dp), "alg": alg, "dq": text(&it.dq), "n": text(&it.n),
            })
        }
        Pair::Ec(curve, pair) => {
            let d: EcPrivateKeyBin<'_> = pair.private_key().as_be_bytes().map_err(|_| SigningError::Failed)?;
            json!({
                "kty": "EC", "d": base64url::encode(d.as_ref()), "use": "sig", "crv": curve.as_str(),
                "kid": kid, "x": public("x"), "y": public("y"), "alg": alg,
            })
        }
        Pair::Ed25519(pair) => {
            let seed = pair.seed().map_err(|_| SigningError::Failed)?;
            let d: aws_lc_rs::encoding::Curve25519SeedBin<'_> = seed.as_be_bytes().map_err(|_| SigningError::Failed)?;
            json!({
                "kty": "OKP", "d": base64url::encode(d.as_ref()), "use": "sig", "crv": "Ed25519",
                "kid": kid, "x": public("x"), "alg": alg,
            })
        }
    };
    if let (None, Some(members)) = (kid, jwk.as_object_mut()) {
        members.shift_remove("kid");
    }
    Ok(jwk)
}

fn read_rsa(members: &Map<String, Value>) -> Result<Pair, SigningError> {
    let private = |name| secret(members, name);
    let (n, e) = (bytes(members, "n")?, bytes(members, "e")?);
    let components = KeyPairComponents {
        public_key: PublicKeyComponents {
            n: Zeroizing::new(without_leading_zeros(&n).to_vec()),
            e: Zeroizing::new(without_leading_zeros(&e).to_vec()),
        },
        d: private("d")?,
        p: private("p")?,
        q: private("q")?,
        dP: private("dp")?,
        dQ: private("dq")?,
        qInv: private("qi")?,
    };
    RsaKeyPair::from_components(&components)
        .map(Pair::Rsa)
        .map_err(|_| SigningError::Rejected)
}

fn read_ec(members: &Map<String, Value>) -> Result<Pair, SigningError> {
    let name = text(members, "crv")?;
    let curve = Curve::ALL
        .iter()
        .copied()
        .find(|curve| curve.as_str() == name)
        .ok_or(SigningError::Rejected)?;
    let (d, x, y) = (secret(members, "d")?, bytes(members, "x")?, bytes(members, "y")?);
    if [d.len(), x.len(), y.len()]
        .iter()
        .any(|length| *length != curve.coordinate_len())
    {
        return Err(SigningError::Rejected);
    }
    let point = [&[4], x.as_slice(), y.as_slice()].concat();
    EcdsaKeyPair::from_private_key_and_public_key(ecdsa(curve), &d, &point)
        .map(|pair| Pair::Ec(curve, pair))
        .map_err(|_| SigningError::Rejected)
}

fn read_okp(members: &Map<String, Value>) -> Result<Pair, SigningError> {
    if text(members, "crv")? != "Ed25519" {
        return Err(SigningError::Rejected);
    }
    let (d, x) = (secret(members, "d")?, bytes(members, "x")?);
    // aws-lc takes a longer seed and uses its beginning.
    if d.len() != 32 {
        return Err(SigningError::Rejected);
    }
    Ed25519KeyPair::from_seed_and_public_key(&d, &x)
        .map(Pair::Ed25519)
        .map_err(|_| SigningError::Rejected)
}

/// A private member; without it the key is a public one.
fn secret(members: &Map<String, Value>, name: &str) -> Result<Zeroizing<Vec<u8>>, SigningError> {
    if !members.contains_key(name) {
        return Err(SigningError::PublicOnly);
    }
    bytes(members, name).map(Zeroizing::new)
}

fn bytes(members: &Map<String, Value>, name: &str) -> Result<Vec<u8>, SigningError> {
    base64url::decode(text(members, name)?).map_err(|_| SigningError::Malformed)
}

fn text<'a>(members: &'a Map<String, Value>, name: &str) -> Result<&'a str, SigningError> {
    optional_text(members, name)?.ok_or(SigningError::Malformed)
}

fn optional_text<'a>(members: &'a Map<String, Value>, name: &str) -> Result<Option<&'a str>, SigningError> {
    match members.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(SigningError::Malformed),
    }
}
