//! Signatures of webhooks: Standard Webhooks 1.0, symmetric (`v1`).

use std::fmt;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use zeroize::Zeroizing;

use crate::mac::HmacSha256;

/// What a secret begins with.
const PREFIX: &str = "whsec_";
/// Bytes of a secret at the least.
const MIN_BYTES: usize = 24;
/// Bytes of a secret at the most.
const MAX_BYTES: usize = 64;

/// A secret that sender and receiver share.
#[derive(Clone)]
pub struct WebhookSecret(Zeroizing<Vec<u8>>);

/// A text that is no secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected whsec_ and the Base64 form of {MIN_BYTES} to {MAX_BYTES} bytes")]
pub struct InvalidWebhookSecret;

impl WebhookSecret {
    /// Reads `whsec_` and Base64.
    ///
    /// # Errors
    /// [`InvalidWebhookSecret`] for another form, or too few or too many bytes.
    pub fn parse(text: &str) -> Result<Self, InvalidWebhookSecret> {
        let encoded = text.strip_prefix(PREFIX).ok_or(InvalidWebhookSecret)?;
        let bytes = Zeroizing::new(STANDARD.decode(encoded).map_err(|_| InvalidWebhookSecret)?);
        Self::new(&bytes)
    }

    /// Takes random bytes.
    ///
    /// # Errors
    /// [`InvalidWebhookSecret`] for too few or too many.
    pub fn new(bytes: &[u8]) -> Result<Self, InvalidWebhookSecret> {
        if (MIN_BYTES..=MAX_BYTES).contains(&bytes.len()) {
            Ok(Self(Zeroizing::new(bytes.to_vec())))
        } else {
            Err(InvalidWebhookSecret)
        }
    }

    /// The text that is shown and configured at receivers.
    pub fn to_text(&self) -> Zeroizing<String> {
        Zeroizing::new(format!("{PREFIX}{}", STANDARD.encode(&*self.0)))
    }

    /// The bytes, for whoever seals them.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// One entry of `webhook-signature`: over the id, the seconds of `webhook-timestamp` and the body.
    pub fn sign(&self, id: &str, timestamp: i64, body: &[u8]) -> String {
        let mut message = format!("{id}.{timestamp}.").into_bytes();
        message.extend_from_slice(body);
        format!("v1,{}", STANDARD.encode(HmacSha256::new(&self.0).sign(message)))
    }
}

impl fmt::Debug for WebhookSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WebhookSecret(redacted)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the Standard Webhooks specification.
    #[test]
    fn signs_as_the_specification_does() {
        let secret = WebhookSecret::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").expect("a secret");
        let signature = secret.sign("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, br#"{"test": 2432232314}"#);
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
        assert_eq!(*secret.to_text(), "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
        assert!(!format!("{secret:?}").contains("MfKQ"));
    }

    #[test]
    fn refuses_what_is_no_secret() {
        let long = format!("whsec_{}", STANDARD.encode([7; 65]));
        for text in [
            "",
            "whsec_",
            "whsec_c2hvcnQ=",
            "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
            "whsec_!!!!",
            &long,
        ] {
            assert_eq!(WebhookSecret::parse(text).err(), Some(InvalidWebhookSecret), "{text}");
        }
    }
}
