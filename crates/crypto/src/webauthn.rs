//! WebAuthn as a relying party: what an authenticator has made, and what it has signed (WebAuthn sections 7.1, 7.2).
//!
//! Attestation is not asked for and not looked at. User verification is always required.

mod cbor;
#[cfg(test)]
mod tests;

use serde_json::{Map, Value, json};

use self::cbor::Cbor;
use crate::{
    base64url,
    der::ecdsa_numbers,
    digest::sha256,
    jwk::{Algorithm, VerificationKey},
    mac::constant_time_eq,
    strict_json::{self, Limits},
};

/// What a passkey may sign with, best liked first, and its COSE number (RFC 9053).
pub const ALGORITHMS: [(Algorithm, i64); 3] = [(Algorithm::EdDsa, -8), (Algorithm::Es256, -7), (Algorithm::Rs256, -257)];

const USER_PRESENT: u8 = 0x01;
const USER_VERIFIED: u8 = 0x04;
const ATTESTED: u8 = 0x40;
/// Bytes of a credential id (WebAuthn section 7.1, step 25).
const MAX_ID_BYTES: usize = 1023;

/// Why it is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WebauthnError {
    /// A part cannot be read.
    #[error("the passkey's answer is not well-formed")]
    Malformed,
    /// It was made for something else, elsewhere, or for another challenge.
    #[error("the passkey's answer is for another request")]
    ClientData,
    /// It belongs to another site.
    #[error("the passkey belongs to another site")]
    Site,
    /// Nobody was asked for a fingerprint, a face or a PIN.
    #[error("the device did not verify its user")]
    UserNotVerified,
    /// Its key is of no kind that was asked for.
    #[error("the passkey's key is not supported")]
    Key,
    /// Its key did not sign this.
    #[error("the passkey's signature is not valid")]
    Signature,
}

/// Whose passkeys are taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RelyingParty {
    /// The host to which they belong.
    pub id: String,
    /// The origin of the page that asks.
    pub origin: String,
}

/// What was asked for, and what the browser gave.
#[derive(Clone, Copy, Debug)]
pub struct Ceremony<'a> {
    /// Who asks.
    pub party: &'a RelyingParty,
    /// The challenge, base64url.
    pub challenge: &'a str,
    /// `clientDataJSON`
    pub client_data: &'a [u8],
}

/// A passkey that was made.
#[derive(Clone, Debug, PartialEq)]
pub struct NewCredential {
    /// What the authenticator calls it.
    pub id: Vec<u8>,
    /// Its public key.
    pub public_jwk: Value,
    /// How often it was used.
    pub counter: u32,
}

/// The challenge that the browser says it answers, base64url: to find what was asked.
pub fn challenge_of(client_data: &[u8]) -> Option<String> {
    let members = strict_json::parse_object(client_data, &Limits::JWT).ok()?;
    members.get("challenge")?.as_str().map(str::to_owned)
}

impl Ceremony<'_> {
    /// Takes a passkey that was made.
    ///
    /// # Errors
    /// [`WebauthnError`].
    pub fn registered(&self, attestation_object: &[u8]) -> Result<NewCredential, WebauthnError> {
        self.check_client_data("webauthn.create")?;
        let object = Cbor::read(attestation_object).ok_or(WebauthnError::Malformed)?;
        let data = object
            .member("authData")
            .and_then(Cbor::bytes)
            .ok_or(WebauthnError::Malformed)?;
        let (flags, counter, rest) = self.check_data(data)?;
        if flags & ATTESTED == 0 {
            return Err(WebauthnError::Malformed);
        }
        let (id, key) = attested(rest).ok_or(WebauthnError::Malformed)?;
        let public_jwk = jwk(&key).ok_or(WebauthnError::Key)?;
        verification_key(&public_jwk)?;
        Ok(NewCredential {
            id: id.to_vec(),
            public_jwk,
            counter,
        })
    }

    /// Verifies what a passkey with this key has signed; gives its count.
    ///
    /// # Errors
    /// [`WebauthnError`].
    pub fn asserted(&self, data: &[u8], signature: &[u8], public_jwk: &Value) -> Result<u32, WebauthnError> {
        self.check_client_data("webauthn.get")?;
        let (_, counter, _) = self.check_data(data)?;
        let (algorithm, key) = verification_key(public_jwk)?;
        let mut signed = data.to_vec();
        signed.extend(sha256(self.client_data));
        let plain;
        let signature = if algorithm == Algorithm::Es256 {
            plain = plain_signature(signature).ok_or(WebauthnError::Signature)?;
            plain.as_slice()
        } else {
            signature
        };
        if key.verifies(algorithm, &signed, signature) {
            Ok(counter)
        } else {
            Err(WebauthnError::Signature)
        }
    }

    fn check_client_data(&self, kind: &str) -> Result<(), WebauthnError> {
        let members = strict_json::parse_object(self.client_data, &Limits::JWT).map_err(|_| WebauthnError::Malformed)?;
        let text = |name: &str| members.get(name).and_then(Value::as_str).unwrap_or_default();
        let is_framed = members.get("crossOrigin") == Some(&Value::Bool(true));
        let fits = text("type") == kind && text("origin") == self.party.origin && !is_framed;
        if fits && !self.challenge.is_empty() && constant_time_eq(text("challenge"), self.challenge) {
            Ok(())
        } else {
            Err(WebauthnError::ClientData)
        }
    }

    /// The flags, the count, and what follows them (WebAuthn section 6.1).
    fn check_data<'d>(&self, data: &'d [u8]) -> Result<(u8, u32, &'d [u8]), WebauthnError> {
        let split = || {
            let (site, rest) = data.split_at_checked(32)?;
            let (flags, rest) = rest.split_first()?;
            let (counter, rest) = rest.split_first_chunk::<4>()?;
            Some((site, *flags, u32::from_be_bytes(*counter), rest))
        };
        let (site, flags, counter, rest) = split().ok_or(WebauthnError::Malformed)?;
        if site != sha256(&self.party.id) {
            return Err(WebauthnError::Site);
        }
        if flags & USER_PRESENT == 0 || flags & USER_VERIFIED == 0 {
            return Err(WebauthnError::UserNotVerified);
        }
        Ok((flags, counter, rest))
    }
}

/// Attested credential data: the id and the COSE key (WebAuthn section 6.5.1).
fn attested(rest: &[u8]) -> Option<(&[u8], Cbor)> {
    let (_aaguid, rest) = rest.split_at_checked(16)?;
    let (length, rest) = rest.split_first_chunk::<2>()?;
    let length = usize::from(u16::from_be_bytes(*length));
    let (id, rest) = rest.split_at_checked(length)?;
    // What follows the key are extensions, which nobody has asked for.
    let (key, _) = Cbor::read_first(rest)?;
    (!id.is_empty() && id.len() <= MAX_ID_BYTES).then_some((id, key))
}

/// A COSE key as a JWK (RFC 9053 section 7, RFC 8230).
fn jwk(key: &Cbor) -> Option<Value> {
    let text = |label: i64| key.labelled(label).and_then(Cbor::bytes).map(base64url::encode);
    let number = |label: i64| key.labelled(label).and_then(Cbor::integer);
    match (number(1)?, number(3)?) {
        (1, -8) if number(-1)? == 6 => Some(json!({"kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "x": text(-2)?})),
        (2, -7) if number(-1)? == 1 => Some(json!({"kty": "EC", "crv": "P-256", "alg": "ES256", "x": text(-2)?, "y": text(-3)?})),
        (3, -257) => Some(json!({"kty": "RSA", "alg": "RS256", "n": text(-1)?, "e": text(-2)?})),
        _ => None,
    }
}

fn verification_key(public_jwk: &Value) -> Result<(Algorithm, VerificationKey), WebauthnError> {
    let allowed = ALGORITHMS.map(|(algorithm, _)| algorithm);
    let key = VerificationKey::from_jwk(public_jwk, &allowed).map_err(|_| WebauthnError::Key)?;
    let algorithm = key.algorithms().next().ok_or(WebauthnError::Key)?;
    Ok((algorithm, key))
}

/// An ECDSA signature as JWS has it, out of its DER form, for P-256.
fn plain_signature(der: &[u8]) -> Option<[u8; 64]> {
    let mut plain = [0; 64];
    let (left, right) = plain.split_at_mut_checked(32)?;
    let (r, s) = ecdsa_numbers(der)?;
    for (half, digits) in [(left, r), (right, s)] {
        let at = half.len().checked_sub(digits.len())?;
        half.get_mut(at..)?.copy_from_slice(&digits);
    }
    Some(plain)
}

/// What goes into the options of both ceremonies: `pubKeyCredParams`.
pub fn parameters() -> Value {
    let one = |(_, number): &(Algorithm, i64)| {
        let mut parameter = Map::new();
        parameter.insert("type".into(), "public-key".into());
        parameter.insert("alg".into(), (*number).into());
        Value::Object(parameter)
    };
    Value::Array(ALGORITHMS.iter().map(one).collect())
}
