//! Private keys: made or read once, then kept parsed. Signing with a key that is parsed anew each
//! time costs more than twice as much.

mod pem;
mod private_jwk;
#[cfg(test)]
mod tests;

use std::fmt;

use aws_lc_rs::{
    encoding::AsDer as _,
    rand::SystemRandom,
    rsa::KeySize,
    signature::{self, EcdsaKeyPair, EcdsaSigningAlgorithm, Ed25519KeyPair, KeyPair as _, RsaEncoding, RsaKeyPair},
};
use serde_json::{Map, Value, json};
use zeroize::Zeroizing;

use crate::{
    base64url,
    der::RsaNumbers,
    jwk::{self, Algorithm, Curve, KeyType},
};

/// Why a private key is not taken, made or used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SigningError {
    /// Not a private key in a form that is known here.
    #[error("not a private key in a known form")]
    Malformed,
    /// A public key where a private one is needed.
    #[error("the key has no private part")]
    PublicOnly,
    /// The PEM is encrypted.
    #[error("encrypted private keys are not supported; decrypt it first")]
    Encrypted,
    /// An RSA modulus outside 2048 to 8192 bits, a wrong curve, or parts that do not belong together.
    #[error("the private key is not acceptable")]
    Rejected,
    /// The algorithm does not go with this key.
    #[error("the algorithm does not go with this key")]
    WrongAlgorithm,
    /// aws-lc could not do it.
    #[error("the cryptographic operation failed")]
    Failed,
}

/// What to generate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NewKey {
    /// RSA with 2048 bits.
    Rsa2048,
    /// RSA with 3072 bits.
    Rsa3072,
    /// RSA with 4096 bits.
    Rsa4096,
    /// A NIST curve.
    Ec(Curve),
    /// Ed25519.
    Ed25519,
}

/// A private key, parsed, with its `kid` and the algorithm that it signs with.
pub struct PrivateKey {
    pair: Pair,
    algorithm: Algorithm,
    kid: Option<String>,
    public_jwk: Map<String, Value>,
    thumbprint: String,
    pkcs8: Zeroizing<Vec<u8>>,
}

enum Pair {
    Rsa(RsaKeyPair),
    Ec(Curve, EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
}

impl PrivateKey {
    /// Makes a key. RSA takes between a tenth of a second and several seconds. Its `kid` is its
    /// RFC 7638 thumbprint.
    ///
    /// # Errors
    /// [`SigningError::Failed`].
    pub fn generate(kind: NewKey) -> Result<Self, SigningError> {
        let rsa = |size| RsaKeyPair::generate(size).map(Pair::Rsa);
        let pair = match kind {
            NewKey::Rsa2048 => rsa(KeySize::Rsa2048),
            NewKey::Rsa3072 => rsa(KeySize::Rsa3072),
            NewKey::Rsa4096 => rsa(KeySize::Rsa4096),
            NewKey::Ec(curve) => EcdsaKeyPair::generate(ecdsa(curve)).map(|pair| Pair::Ec(curve, pair)),
            NewKey::Ed25519 => Ed25519KeyPair::generate().map(Pair::Ed25519),
        };
        Self::from_pair(pair.map_err(|_| SigningError::Failed)?)
    }

    /// Reads a PKCS#8 document (DER). Its `kid` is its thumbprint.
    ///
    /// # Errors
    /// [`SigningError`].
    pub fn from_pkcs8(der: &[u8]) -> Result<Self, SigningError> {
        let rsa = || RsaKeyPair::from_pkcs8(der).map(Pair::Rsa).ok();
        let ec = || {
            let mut pairs = Curve::ALL
                .iter()
                .map(|curve| (*curve, EcdsaKeyPair::from_pkcs8(ecdsa(*curve), der)));
            pairs.find_map(|(curve, pair)| Some(Pair::Ec(curve, pair.ok()?)))
        };
        let ed25519 = || Ed25519KeyPair::from_pkcs8(der).map(Pair::Ed25519).ok();
        let pair = rsa().or_else(ec).or_else(ed25519);
        Self::from_pair(pair.ok_or(SigningError::Malformed)?)
    }

    /// Reads a PEM text with a PKCS#8, PKCS#1 or SEC 1 private key.
    ///
    /// # Errors
    /// [`SigningError`].
    pub fn from_pem(text: &str) -> Result<Self, SigningError> {
        pem::read(text)
    }

    /// Reads a private JWK, such as mkjwk.org makes. It keeps its `kid`, or has none.
    ///
    /// # Errors
    /// [`SigningError`].
    pub fn from_private_jwk(jwk: &Value) -> Result<Self, SigningError> {
        private_jwk::read(jwk)
    }

    /// Gives the key another `kid`, or none.
    #[must_use]
    pub fn with_kid(mut self, kid: Option<String>) -> Self {
        self.kid = kid;
        self
    }

    /// Makes the key sign with another algorithm of its type.
    ///
    /// # Errors
    /// [`SigningError::WrongAlgorithm`].
    pub fn with_algorithm(mut self, algorithm: Algorithm) -> Result<Self, SigningError> {
        if algorithm.key_type() != self.key_type() {
            return Err(SigningError::WrongAlgorithm);
        }
        self.algorithm = algorithm;
        Ok(self)
    }

    /// `kid`.
    pub fn kid(&self) -> Option<&str> {
        self.kid.as_deref()
    }

    /// The algorithm it signs with.
    pub const fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The type of key.
    pub const fn key_type(&self) -> KeyType {
        match &self.pair {
            Pair::Rsa(_) => KeyType::Rsa,
            Pair::Ec(curve, _) => KeyType::Ec(*curve),
            Pair::Ed25519(_) => KeyType::Ed25519,
        }
    }

    /// The RFC 7638 thumbprint of the public key.
    pub fn thumbprint(&self) -> &str {
        &self.thumbprint
    }

    /// The PKCS#8 document (DER).
    pub fn to_pkcs8(&self) -> &[u8] {
        &self.pkcs8
    }

    /// The PKCS#8 document as PEM.
    pub fn to_pem(&self) -> Zeroizing<String> {
        pem::write(&self.pkcs8)
    }

    /// The public JWK: `kty`, `alg`, `kid`, `use` and the key (okta.md 1.6).
    pub fn public_jwk(&self) -> Value {
        let mut jwk = Map::new();
        let mut numbers = self.public_jwk.iter();
        jwk.extend(numbers.next().map(|(name, value)| (name.clone(), value.clone())));
        jwk.insert("alg".into(), self.algorithm.as_str().into());
        if let Some(kid) = &self.kid {
            jwk.insert("kid".into(), kid.as_str().into());
        }
        jwk.insert("use".into(), "sig".into());
        jwk.extend(numbers.map(|(name, value)| (name.clone(), value.clone())));
        Value::Object(jwk)
    }

    /// The private JWK, members in the order of mkjwk.org.
    ///
    /// # Errors
    /// [`SigningError::Failed`].
    pub fn to_private_jwk(&self) -> Result<Value, SigningError> {
        private_jwk::write(self)
    }

    /// Makes a compact JWS of `payload`. The header has `kid` (where the key has one), `alg`, and
    /// then `members`.
    ///
    /// # Errors
    /// [`SigningError::Failed`].
    pub fn sign_compact(&self, members: &Map<String, Value>, payload: &[u8]) -> Result<String, SigningError> {
        let mut header = Map::new();
        if let Some(kid) = &self.kid {
            header.insert("kid".into(), kid.as_str().into());
        }
        header.insert("alg".into(), self.algorithm.as_str().into());
        header.extend(members.iter().map(|(name, value)| (name.clone(), value.clone())));
        let header = Value::Object(header).to_string();
        let input = format!("{}.{}", base64url::encode(header), base64url::encode(payload));
        let signature = self.sign(input.as_bytes())?;
        Ok(format!("{input}.{}", base64url::encode(signature)))
    }

    /// Signs bytes, in the form that JWS gives to signatures.
    ///
    /// # Errors
    /// [`SigningError::Failed`].
    pub fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SigningError> {
        let random = SystemRandom::new();
        match &self.pair {
            Pair::Rsa(pair) => {
                let encoding = rsa_encoding(self.algorithm).ok_or(SigningError::WrongAlgorithm)?;
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(encoding, &random, message, &mut signature).map(|()| signature)
            }
            Pair::Ec(_, pair) => pair.sign(&random, message).map(|signature| signature.as_ref().to_vec()),
            Pair::Ed25519(pair) => pair.try_sign(message).map(|signature| signature.as_ref().to_vec()),
        }
        .map_err(|_| SigningError::Failed)
    }

    fn from_pair(pair: Pair) -> Result<Self, SigningError> {
        let pkcs8 = pair.pkcs8()?;
        let (public_jwk, algorithm) = pair.public_members(&pkcs8)?;
        let whole = Value::Object(public_jwk.clone());
        let thumbprint = jwk::thumbprint(&whole).map_err(|_| SigningError::Rejected)?;
        Ok(Self {
            kid: Some(thumbprint.clone()),
            pair,
            algorithm,
            public_jwk,
            thumbprint,
            pkcs8,
        })
    }
}

impl Pair {
    fn pkcs8(&self) -> Result<Zeroizing<Vec<u8>>, SigningError> {
        let der = match self {
            Self::Rsa(pair) => pair.as_der().map(|der| der.as_ref().to_vec()),
            Self::Ec(_, pair) => pair.to_pkcs8v1().map(|der| der.as_ref().to_vec()),
            Self::Ed25519(pair) => pair.to_pkcs8v1().map(|der| der.as_ref().to_vec()),
        };
        der.map(Zeroizing::new).map_err(|_| SigningError::Failed)
    }

    /// `kty` and the public numbers, and the algorithm that such a key signs with by default.
    fn public_members(&self, pkcs8: &[u8]) -> Result<(Map<String, Value>, Algorithm), SigningError> {
        let (members, algorithm) = match self {
            Self::Rsa(_) => {
                let numbers = RsaNumbers::from_pkcs8(pkcs8).ok_or(SigningError::Failed)?;
                let (e, n) = (base64url::encode(numbers.e), base64url::encode(numbers.n));
                (json!({"kty": "RSA", "e": e, "n": n}), Algorithm::Rs256)
            }
            Self::Ec(curve, pair) => {
                let point = pair.public_key().as_ref();
                let coordinates = point
                    .split_first()
                    .map(|(_, both)| both.split_at_checked(curve.coordinate_len()));
                let (x, y) = coordinates.flatten().ok_or(SigningError::Failed)?;
                let (x, y) = (base64url::encode(x), base64url::encode(y));
                let members = json!({"kty": "EC", "crv": curve.as_str(), "x": x, "y": y});
                (members, curve.algorithm())
            }
            Self::Ed25519(pair) => {
                let x = base64url::encode(pair.public_key().as_ref());
                (json!({"kty": "OKP", "crv": "Ed25519", "x": x}), Algorithm::EdDsa)
            }
        };
        match members {
            Value::Object(members) => Ok((members, algorithm)),
            _ => Err(SigningError::Failed),
        }
    }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PrivateKey")
            .field("kid", &self.kid)
            .field("algorithm", &self.algorithm)
            .field("thumbprint", &self.thumbprint)
            .finish_non_exhaustive()
    }
}

const fn ecdsa(curve: Curve) -> &'static EcdsaSigningAlgorithm {
    match curve {
        Curve::P256 => &signature::ECDSA_P256_SHA256_FIXED_SIGNING,
        Curve::P384 => &signature::ECDSA_P384_SHA384_FIXED_SIGNING,
        Curve::P521 => &signature::ECDSA_P521_SHA512_FIXED_SIGNING,
    }
}

fn rsa_encoding(algorithm: Algorithm) -> Option<&'static dyn RsaEncoding> {
    Some(match algorithm {
        Algorithm::Rs256 => &signature::RSA_PKCS1_SHA256,
        Algorithm::Rs384 => &signature::RSA_PKCS1_SHA384,
        Algorithm::Rs512 => &signature::RSA_PKCS1_SHA512,
        Algorithm::Ps256 => &signature::RSA_PSS_SHA256,
        Algorithm::Ps384 => &signature::RSA_PSS_SHA384,
        Algorithm::Ps512 => &signature::RSA_PSS_SHA512,
        Algorithm::Es256 | Algorithm::Es384 | Algorithm::Es512 | Algorithm::EdDsa => return None,
    })
}
