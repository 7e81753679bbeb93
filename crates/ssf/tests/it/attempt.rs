//! A token and the receiver that it is sent to, every part open to change.

use std::sync::LazyLock;

use aws_lc_rs::{
    hmac,
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, RSA_PKCS1_SHA256, RsaKeyPair},
};
use serde_json::{Map, Value, json};
use watchfire_crypto::{
    base64url,
    jwk::{Algorithm, Curve, KeySet},
    signing::{NewKey, PrivateKey},
};
use watchfire_model::{object::DialectName, time::Timestamp};
use watchfire_ssf::{Dialect, EventKind, Expected, SetError, UnverifiedSet, VerifiedSet, VerifyFailure, builder, set::ClockSkew};

pub(crate) const NOW: Timestamp = Timestamp::from_seconds(1_787_927_300);
pub(crate) const ISSUER: &str = "https://transmitter.example/t1";
pub(crate) const AUDIENCE: &str = "https://org.example";

/// The keys of all tests, made once.
pub(crate) struct Keys {
    pub(crate) rsa: PrivateKey,
    pub(crate) ec: PrivateKey,
    /// Somebody else's.
    pub(crate) foreign: PrivateKey,
}

pub(crate) static KEYS: LazyLock<Keys> = LazyLock::new(|| {
    let made = |kind, kid: &str| PrivateKey::generate(kind).unwrap().with_kid(Some(kid.to_owned()));
    Keys {
        rsa: made(NewKey::Rsa2048, "rsa-1"),
        ec: made(NewKey::Ec(Curve::P256), "ec-1"),
        foreign: made(NewKey::Rsa2048, "rsa-1"),
    }
});

/// Who signs, and how.
pub(crate) enum Signature {
    Rs256(&'static PrivateKey),
    Es256(&'static PrivateKey),
    /// The RSA key with the algorithm of this name, correctly.
    Rsa(Algorithm),
    /// HMAC under the text of the public key: the old confusion of algorithms.
    PublicKeyAsSecret(hmac::Algorithm),
    /// These bytes, whatever they are.
    Bytes(Vec<u8>),
    /// The right signature, spoilt.
    Spoilt(Box<Signature>, fn(Vec<u8>) -> Vec<u8>),
    /// The right signature of something else.
    Of(Box<Signature>, fn(&str) -> String),
}

impl Signature {
    fn sign(&self, input: &str) -> Vec<u8> {
        let random = SystemRandom::new();
        match self {
            Self::Rs256(key) => rsa_sign(key, &RSA_PKCS1_SHA256, input),
            Self::Es256(key) => {
                let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, key.to_pkcs8()).unwrap();
                pair.sign(&random, input.as_bytes()).unwrap().as_ref().to_vec()
            }
            Self::Rsa(algorithm) => {
                use aws_lc_rs::signature::{RSA_PKCS1_SHA384, RSA_PKCS1_SHA512, RSA_PSS_SHA256};
                match algorithm {
                    Algorithm::Rs384 => rsa_sign(&KEYS.rsa, &RSA_PKCS1_SHA384, input),
                    Algorithm::Rs512 => rsa_sign(&KEYS.rsa, &RSA_PKCS1_SHA512, input),
                    _ => rsa_sign(&KEYS.rsa, &RSA_PSS_SHA256, input),
                }
            }
            Self::PublicKeyAsSecret(algorithm) => {
                let secret = KEYS.rsa.public_jwk().to_string();
                hmac::sign(&hmac::Key::new(*algorithm, secret.as_bytes()), input.as_bytes())
                    .as_ref()
                    .to_vec()
            }
            Self::Bytes(bytes) => bytes.clone(),
            Self::Spoilt(signature, spoil) => spoil(signature.sign(input)),
            Self::Of(signature, other) => signature.sign(&other(input)),
        }
    }
}

fn rsa_sign(key: &PrivateKey, encoding: &'static dyn aws_lc_rs::signature::RsaEncoding, input: &str) -> Vec<u8> {
    let pair = RsaKeyPair::from_pkcs8(key.to_pkcs8()).unwrap();
    let mut signature = vec![0; pair.public_modulus_len()];
    pair.sign(encoding, &SystemRandom::new(), input.as_bytes(), &mut signature)
        .unwrap();
    signature
}

/// A token on its way, and who waits for it.
pub(crate) struct Attempt {
    pub(crate) header: Vec<u8>,
    pub(crate) payload: Vec<u8>,
    pub(crate) signature: Signature,
    /// What happens to the compact token before it is sent.
    pub(crate) transport: Box<dyn Fn(String) -> Vec<u8>>,
    pub(crate) jwks: Vec<Value>,
    pub(crate) algorithms: Vec<Algorithm>,
    pub(crate) dialect: DialectName,
    pub(crate) issuer: String,
    pub(crate) audiences: Vec<String>,
}

impl Attempt {
    /// A session's end, as this dialect has it, signed with RS256.
    pub(crate) fn new(dialect: DialectName) -> Self {
        Self::of(EventKind::SessionRevoked, dialect)
    }

    /// An event of this type.
    pub(crate) fn of(kind: EventKind, dialect: DialectName) -> Self {
        let mut event = builder::example(kind, Timestamp::from_seconds(1_787_927_290));
        let mut claims = json!({
            "iss": ISSUER, "jti": "jti-1", "iat": 1_787_927_295, "aud": AUDIENCE, "txn": "txn-1",
        });
        let user = json!({"format": "email", "email": "jo.lin@example.com"});
        if dialect == DialectName::Okta {
            event.insert("subject".to_owned(), json!({"user": user}));
        } else {
            claims["sub_id"] = user;
        }
        claims["events"] = json!({ kind.uri(): event });
        Self::claiming(&claims.to_string(), dialect)
    }

    /// These claims, for whoever they are meant.
    pub(crate) fn claiming(payload: &str, dialect: DialectName) -> Self {
        Self {
            header: br#"{"alg":"RS256","kid":"rsa-1","typ":"secevent+jwt"}"#.to_vec(),
            payload: payload.as_bytes().to_vec(),
            signature: Signature::Rs256(&KEYS.rsa),
            transport: Box::new(String::into_bytes),
            jwks: vec![KEYS.rsa.public_jwk(), KEYS.ec.public_jwk()],
            algorithms: vec![Algorithm::Rs256, Algorithm::Es256],
            dialect,
            issuer: ISSUER.to_owned(),
            audiences: vec![AUDIENCE.to_owned()],
        }
    }

    /// Signed with ES256 instead.
    pub(crate) fn with_es256(mut self) -> Self {
        self.header = br#"{"alg":"ES256","kid":"ec-1","typ":"secevent+jwt"}"#.to_vec();
        self.signature = Signature::Es256(&KEYS.ec);
        self
    }

    pub(crate) fn edit_header(&mut self, edit: impl Fn(&mut Map<String, Value>)) {
        edit_json(&mut self.header, edit);
    }

    pub(crate) fn edit_claims(&mut self, edit: impl Fn(&mut Map<String, Value>)) {
        edit_json(&mut self.payload, edit);
    }

    /// Changes the only event.
    pub(crate) fn edit_event(&mut self, edit: impl Fn(&mut Map<String, Value>)) {
        self.edit_claims(|claims| {
            let events = claims["events"].as_object_mut().unwrap();
            edit(events.values_mut().next().unwrap().as_object_mut().unwrap());
        });
    }

    /// Changes the text of the payload, which JSON of ours could not say.
    pub(crate) fn replace(&mut self, from: &str, to: &str) {
        let text = String::from_utf8(self.payload.clone()).unwrap();
        assert!(text.contains(from), "{from} is not in {text}");
        self.payload = text.replacen(from, to, 1).into_bytes();
    }

    pub(crate) fn token(&self) -> String {
        let input = format!("{}.{}", base64url::encode(&self.header), base64url::encode(&self.payload));
        let signature = self.signature.sign(&input);
        format!("{input}.{}", base64url::encode(signature))
    }

    pub(crate) fn body(&self) -> Vec<u8> {
        (self.transport)(self.token())
    }

    pub(crate) fn send(&self) -> Result<VerifiedSet, SetError> {
        self.try_send().map_err(VerifyFailure::into_error)
    }

    pub(crate) fn try_send(&self) -> Result<VerifiedSet, VerifyFailure> {
        let set = UnverifiedSet::parse(&self.body())?;
        let keys = KeySet::from_jwks(&self.jwks, &self.algorithms);
        let expected = Expected {
            dialect: Dialect::named(self.dialect),
            issuer: &self.issuer,
            audiences: &self.audiences,
            now: NOW,
            skew: ClockSkew::default(),
        };
        set.verify(&keys, &expected)
    }
}

fn edit_json(bytes: &mut Vec<u8>, edit: impl Fn(&mut Map<String, Value>)) {
    let mut object: Map<String, Value> = serde_json::from_slice(bytes).unwrap();
    edit(&mut object);
    *bytes = Value::Object(object).to_string().into_bytes();
}
