//! The members of a JWK that are the key itself.

use aws_lc_rs::signature::{self, ParsedPublicKey, RsaParameters, RsaPublicKeyComponents};
use serde_json::{Map, Value};

use super::{Algorithm, Curve, JwkError, KeyType, MAX_RSA_BITS, MIN_RSA_BITS};
use crate::{base64url, der::without_leading_zeros, digest};

const PRIVATE_MEMBERS: &[&str] = &["d", "p", "q", "dp", "dq", "qi", "oth", "k"];
/// aws-lc takes exponents of up to 33 bits.
const MAX_EXPONENT_LEN: usize = 4;
const ED25519_LEN: usize = 32;

#[derive(Clone, PartialEq, Eq)]
pub(super) enum Material {
    Rsa { n: Vec<u8>, e: Vec<u8> },
    Ec { curve: Curve, x: Vec<u8>, y: Vec<u8> },
    Ed25519 { x: Vec<u8> },
}

impl Material {
    pub(super) fn read(members: &Map<String, Value>) -> Result<Self, JwkError> {
        let key_type = string(members, "kty")?;
        if key_type == "oct" {
            return Err(JwkError::Symmetric);
        }
        if PRIVATE_MEMBERS.iter().any(|name| members.contains_key(*name)) {
            return Err(JwkError::PrivateKey);
        }
        match key_type {
            "RSA" => Self::read_rsa(members),
            "EC" => Self::read_ec(members),
            "OKP" => Self::read_okp(members),
            _ => Err(JwkError::UnsupportedKeyType),
        }
    }

    pub(super) const fn key_type(&self) -> KeyType {
        match self {
            Self::Rsa { .. } => KeyType::Rsa,
            Self::Ec { curve, .. } => KeyType::Ec(*curve),
            Self::Ed25519 { .. } => KeyType::Ed25519,
        }
    }

    /// RFC 7638 section 3: the required members only, in lexicographic order, without white space.
    pub(super) fn thumbprint(&self) -> String {
        let canonical = match self {
            Self::Rsa { n, e } => {
                let (n, e) = (base64url::encode(n), base64url::encode(e));
                format!(r#"{{"e":"{e}","kty":"RSA","n":"{n}"}}"#)
            }
            Self::Ec { curve, x, y } => {
                let (crv, x, y) = (curve.as_str(), base64url::encode(x), base64url::encode(y));
                format!(r#"{{"crv":"{crv}","kty":"EC","x":"{x}","y":"{y}"}}"#)
            }
            Self::Ed25519 { x } => {
                let x = base64url::encode(x);
                format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}"#)
            }
        };
        digest::sha256_base64url(canonical)
    }

    /// The parsed key for one algorithm of its type.
    pub(super) fn verifier(&self, algorithm: Algorithm) -> Result<ParsedPublicKey, JwkError> {
        match self {
            Self::Rsa { n, e } => RsaPublicKeyComponents { n, e }
                .to_parsed_public_key(rsa_parameters(algorithm).ok_or(JwkError::AlgorithmNotAllowed)?)
                .map_err(|_| JwkError::InvalidRsaKey),
            Self::Ec { curve, x, y } => parse_point(*curve, x, y),
            Self::Ed25519 { x } => ParsedPublicKey::new(&signature::ED25519, x).map_err(|_| JwkError::InvalidPoint),
        }
    }

    fn read_rsa(members: &Map<String, Value>) -> Result<Self, JwkError> {
        let (n, e) = (bytes(members, "n")?, bytes(members, "e")?);
        // Some encoders leave the sign byte of their big integers in. It changes nothing.
        let (n, e) = (without_leading_zeros(&n), without_leading_zeros(&e));
        let bits = bit_length(n);
        if bits < MIN_RSA_BITS {
            return Err(JwkError::RsaTooShort { bits });
        }
        if bits > MAX_RSA_BITS {
            return Err(JwkError::RsaTooLong { bits });
        }
        let is_odd = |number: &[u8]| number.last().is_some_and(|byte| byte & 1 == 1);
        if !is_odd(n) || !is_odd(e) || e == [1] || e.len() > MAX_EXPONENT_LEN {
            return Err(JwkError::InvalidRsaKey);
        }
        Ok(Self::Rsa {
            n: n.to_vec(),
            e: e.to_vec(),
        })
    }

    fn read_ec(members: &Map<String, Value>) -> Result<Self, JwkError> {
        let name = string(members, "crv")?;
        let curve = Curve::ALL.iter().copied().find(|it| it.as_str() == name);
        let curve = curve.ok_or(JwkError::UnsupportedKeyType)?;
        let (x, y) = (bytes(members, "x")?, bytes(members, "y")?);
        if x.len() != curve.coordinate_len() || y.len() != curve.coordinate_len() {
            return Err(JwkError::InvalidPoint);
        }
        parse_point(curve, &x, &y)?;
        Ok(Self::Ec { curve, x, y })
    }

    fn read_okp(members: &Map<String, Value>) -> Result<Self, JwkError> {
        if string(members, "crv")? != "Ed25519" {
            return Err(JwkError::UnsupportedKeyType);
        }
        let x = bytes(members, "x")?;
        if x.len() != ED25519_LEN {
            return Err(JwkError::InvalidPoint);
        }
        ParsedPublicKey::new(&signature::ED25519, &x).map_err(|_| JwkError::InvalidPoint)?;
        Ok(Self::Ed25519 { x })
    }
}

/// Fails when the point is not on the curve (JWT-04).
fn parse_point(curve: Curve, x: &[u8], y: &[u8]) -> Result<ParsedPublicKey, JwkError> {
    let algorithm = match curve {
        Curve::P256 => &signature::ECDSA_P256_SHA256_FIXED,
        Curve::P384 => &signature::ECDSA_P384_SHA384_FIXED,
        Curve::P521 => &signature::ECDSA_P521_SHA512_FIXED,
    };
    // SEC 1 section 2.3.3: uncompressed.
    let point = [&[4], x, y].concat();
    ParsedPublicKey::new(algorithm, point).map_err(|_| JwkError::InvalidPoint)
}

const fn rsa_parameters(algorithm: Algorithm) -> Option<&'static RsaParameters> {
    Some(match algorithm {
        Algorithm::Rs256 => &signature::RSA_PKCS1_2048_8192_SHA256,
        Algorithm::Rs384 => &signature::RSA_PKCS1_2048_8192_SHA384,
        Algorithm::Rs512 => &signature::RSA_PKCS1_2048_8192_SHA512,
        Algorithm::Ps256 => &signature::RSA_PSS_2048_8192_SHA256,
        Algorithm::Ps384 => &signature::RSA_PSS_2048_8192_SHA384,
        Algorithm::Ps512 => &signature::RSA_PSS_2048_8192_SHA512,
        Algorithm::Es256 | Algorithm::Es384 | Algorithm::Es512 | Algorithm::EdDsa => return None,
    })
}

fn bit_length(number: &[u8]) -> usize {
    let unused = number.first().map_or(0, |byte| byte.leading_zeros());
    (number.len() * 8).saturating_sub(usize::try_from(unused).unwrap_or(0))
}

fn string<'a>(members: &'a Map<String, Value>, name: &'static str) -> Result<&'a str, JwkError> {
    match members.get(name) {
        None | Some(Value::Null) => Err(JwkError::MissingMember(name)),
        Some(value) => value.as_str().ok_or(JwkError::MalformedMember(name)),
    }
}

fn bytes(members: &Map<String, Value>, name: &'static str) -> Result<Vec<u8>, JwkError> {
    base64url::decode(string(members, name)?).map_err(|_| JwkError::MalformedMember(name))
}
