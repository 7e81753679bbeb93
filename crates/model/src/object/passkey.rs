//! Passkeys of administrators.

use serde::{Deserialize, Serialize};

use super::{Keyed, Keys};
use crate::{
    id::{PasskeyId, UserId},
    time::Timestamp,
};

/// A passkey (WebAuthn) with which an administrator signs in to the Admin Console. Nothing of it is secret.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Passkey {
    /// Its id.
    pub id: PasskeyId,
    /// Whose it is.
    pub user_id: UserId,
    /// What its owner calls it.
    pub name: String,
    /// What the authenticator calls it, base64url.
    pub credential_id: String,
    /// How often it was used, as the authenticator counts; 0 where it does not.
    pub counter: u32,
    /// The public key and what else verification needs.
    pub credential: serde_json::Value,
    /// When it was made.
    pub created: Timestamp,
    /// When it was last used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_used: Option<Timestamp>,
}

impl Passkey {
    /// Whether a use with this count is one of the authenticator that was registered, as far as counting tells: a
    /// copy of it counts anew (WebAuthn section 6.1.1).
    pub const fn is_fresh(&self, counter: u32) -> bool {
        counter > self.counter || (counter == 0 && self.counter == 0)
    }
}

impl Keyed for Passkey {
    fn keys(&self) -> Keys {
        Keys {
            id: self.id.to_string(),
            parent: Some(self.user_id.to_string()),
            natural: Some(self.credential_id.clone()),
            expires_at: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_count_that_does_not_rise_is_a_copys() {
        let mut passkey = Passkey {
            id: PasskeyId::new("pky1"),
            user_id: UserId::new("00u1"),
            name: "Laptop".to_owned(),
            credential_id: "AAAA".to_owned(),
            counter: 5,
            credential: serde_json::Value::Null,
            created: Timestamp::default(),
            last_used: None,
        };
        for (counter, fresh) in [(6, true), (5, false), (4, false), (0, false)] {
            assert_eq!(passkey.is_fresh(counter), fresh, "{counter}");
        }
        passkey.counter = 0;
        assert!(passkey.is_fresh(0) && passkey.is_fresh(1));
    }
}
