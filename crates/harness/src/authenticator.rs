//! An authenticator of passkeys, as a browser shows it: Ed25519, no attestation (WebAuthn sections 6 and 8.7).

#![expect(
    clippy::indexing_slicing,
    reason = "it takes JSON apart in tests; a panic here is a failed test"
)]

use anyhow::{Context as _, Result};
use serde_json::{Value, json};
use watchfire_crypto::{
    base64url,
    digest::sha256,
    signing::{NewKey, PrivateKey},
};

const USER_PRESENT: u8 = 0x01;
const USER_VERIFIED: u8 = 0x04;
const ATTESTED: u8 = 0x40;

/// A device with one passkey.
#[derive(Debug)]
pub struct Authenticator {
    key: PrivateKey,
    credential_id: Vec<u8>,
    user_handle: Option<String>,
    /// The site that the browser is on.
    pub origin: String,
    /// The site to which the passkey belongs.
    pub rp_id: String,
    /// Whether it asks for a fingerprint or a PIN.
    pub verifies_user: bool,
    /// How often it was used; 0 for one that does not count.
    pub counter: u32,
}

impl Authenticator {
    /// A device whose browser is on this site; `seed` tells several apart.
    ///
    /// # Errors
    /// When no key can be made.
    pub fn new(origin: &str, seed: u8) -> Result<Self> {
        let rp_id = url::Url::parse(origin)?.host_str().context("no host")?.to_owned();
        Ok(Self {
            key: PrivateKey::generate(NewKey::Ed25519)?,
            credential_id: vec![seed; 32],
            user_handle: None,
            origin: origin.to_owned(),
            rp_id,
            verifies_user: true,
            counter: 0,
        })
    }

    /// `navigator.credentials.create()`, and what `toJSON()` gives.
    ///
    /// # Errors
    /// When the options are none.
    pub fn create(&mut self, options: &Value) -> Result<String> {
        let challenge = options["challenge"].as_str().context("no challenge")?;
        self.user_handle = options["user"]["id"].as_str().map(str::to_owned);
        let public = self.key.public_jwk();
        let x = base64url::decode(public["x"].as_str().context("no key")?)?;
        // {1: 1 (OKP), 3: -8 (EdDSA), -1: 6 (Ed25519), -2: x}
        let mut cose = vec![0xa4, 0x01, 0x01, 0x03, 0x27, 0x20, 0x06, 0x21, 0x58, 0x20];
        cose.extend(x);
        let mut data = self.data(ATTESTED);
        data.extend([0; 16]);
        data.extend(u16::try_from(self.credential_id.len())?.to_be_bytes());
        data.extend(&self.credential_id);
        data.extend(cose);
        // {"fmt": "none", "attStmt": {}, "authData": …}
        let mut object = b"\xa3\x63fmt\x64none\x67attStmt\xa0\x68authData\x58".to_vec();
        object.push(u8::try_from(data.len())?);
        object.extend(data);
        let response = json!({
            "clientDataJSON": self.client_data("webauthn.create", challenge),
            "attestationObject": base64url::encode(object),
            "transports": ["internal"],
        });
        Ok(self.credential(&response))
    }

    /// `navigator.credentials.get()`, and what `toJSON()` gives.
    ///
    /// # Errors
    /// When the options are none.
    pub fn get(&self, options: &Value) -> Result<String> {
        let challenge = options["challenge"].as_str().context("no challenge")?;
        let client_data = self.client_data("webauthn.get", challenge);
        let data = self.data(0);
        let mut signed = data.clone();
        signed.extend(sha256(base64url::decode(&client_data)?));
        let response = json!({
            "clientDataJSON": client_data,
            "authenticatorData": base64url::encode(data),
            "signature": base64url::encode(self.key.sign(&signed)?),
            "userHandle": self.user_handle,
        });
        Ok(self.credential(&response))
    }

    /// Says another user's handle from now on.
    pub fn claim(&mut self, user_id: &str) {
        self.user_handle = Some(base64url::encode(user_id));
    }

    fn data(&self, more: u8) -> Vec<u8> {
        let verified = if self.verifies_user { USER_VERIFIED } else { 0 };
        let mut data = sha256(&self.rp_id).to_vec();
        data.push(USER_PRESENT | verified | more);
        data.extend(self.counter.to_be_bytes());
        data
    }

    fn client_data(&self, kind: &str, challenge: &str) -> String {
        let data = json!({"type": kind, "challenge": challenge, "origin": self.origin, "crossOrigin": false});
        base64url::encode(data.to_string())
    }

    fn credential(&self, response: &Value) -> String {
        let id = base64url::encode(&self.credential_id);
        let credential = json!({
            "id": id, "rawId": id, "type": "public-key", "response": response, "clientExtensionResults": {},
            "authenticatorAttachment": "platform",
        });
        credential.to_string()
    }
}
