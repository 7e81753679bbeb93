//! Password hashes: argon2id, off the request threads, a few at a time.

use std::sync::Arc;

use argon2::{Argon2, PasswordHash, PasswordVerifier, password_hash::PasswordHasher as _};
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::Semaphore;

use crate::{Entropy, Error, Result};

/// Bytes of a salt (RFC 9106 section 3.1).
const SALT_BYTES: usize = 16;

/// Makes and checks password hashes. Each takes 19 MiB and some 20 ms, so only as many run at one time
/// as the settings say; the rest wait.
#[derive(Debug)]
pub(crate) struct Passwords {
    running: Arc<Semaphore>,
    /// What the password of an unknown login is compared with, so that the answer takes as long.
    dummy: String,
}

impl Passwords {
    /// `at_one_time` hashes run together; 0 counts as 1.
    pub(crate) fn new(at_one_time: usize, entropy: &dyn Entropy) -> Result<Self> {
        let nobodys = crate::entropy::url_safe(entropy, 32);
        Ok(Self {
            running: Arc::new(Semaphore::new(at_one_time.max(1))),
            dummy: hash(&nobodys, &salt(entropy))?,
        })
    }

    /// The PHC string of `password` under a fresh salt.
    pub(crate) async fn hash(&self, password: SecretString, entropy: &dyn Entropy) -> Result<String> {
        let salt = salt(entropy);
        self.run(move || hash(password.expose_secret(), &salt)).await?
    }

    /// Whether `password` is the one behind `stored`. Nobody's hash takes as long as somebody's.
    pub(crate) async fn verify(&self, password: SecretString, stored: Option<String>) -> Result<bool> {
        let known = stored.is_some();
        let phc = stored.unwrap_or_else(|| self.dummy.clone());
        let matches = self.run(move || verify(password.expose_secret(), &phc)).await??;
        Ok(known && matches)
    }

    async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
        let permit = Arc::clone(&self.running).acquire_owned().await.map_err(Error::internal)?;
        let work = move || {
            let done = work();
            drop(permit);
            done
        };
        tokio::task::spawn_blocking(work).await.map_err(Error::internal)
    }
}

fn salt(entropy: &dyn Entropy) -> [u8; SALT_BYTES] {
    let mut salt = [0; SALT_BYTES];
    entropy.fill(&mut salt);
    salt
}

fn hash(password: &str, salt: &[u8]) -> Result<String> {
    let hash: PasswordHash = Argon2::default()
        .hash_password_with_salt(password.as_bytes(), salt)
        .map_err(|error| Error::internal(error.to_string()))?;
    Ok(hash.to_string())
}

fn verify(password: &str, phc: &str) -> Result<bool> {
    let stored = PasswordHash::new(phc).map_err(|error| Error::internal(error.to_string()))?;
    Ok(Argon2::default().verify_password(password.as_bytes(), &stored).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Counted;

    impl Entropy for Counted {
        fn fill(&self, out: &mut [u8]) {
            out.iter_mut().zip(1..).for_each(|(byte, n)| *byte = n);
        }
    }

    #[tokio::test]
    async fn only_the_password_itself_verifies() {
        let passwords = Passwords::new(1, &Counted).expect("a dummy");
        let stored = passwords.hash("correct horse".into(), &Counted).await.expect("a hash");
        assert!(stored.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{stored}");
        let verify = |password: &str, stored: Option<String>| passwords.verify(password.into(), stored);
        assert!(verify("correct horse", Some(stored.clone())).await.expect("verified"));
        assert!(!verify("Correct horse", Some(stored)).await.expect("verified"));
        assert!(!verify("correct horse", None).await.expect("verified"));
        assert!(verify("correct horse", Some("no hash".to_owned())).await.is_err());
    }
}
