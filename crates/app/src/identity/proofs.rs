//! DPoP proofs, at the token endpoint and at resources (okta.md 1.5).

use watchfire_domain::token::{Binding, OneTime, Use, UseOnce};
use watchfire_model::object::Client;
use watchfire_oauth::dpop::{self, DpopError, Expected, PresentedToken, VerifiedProof};

use crate::{App, Challenge, Error, Result, intake::risk_events::dedupe_key};

/// The `DPoP` header of a request.
#[derive(Clone, Copy, Debug)]
pub enum ProofHeader<'a> {
    /// None was sent.
    Absent,
    /// The compact proof.
    Present(&'a str),
    /// More than one was sent.
    Repeated,
}

impl App {
    /// How a token for `client` is to be bound. The proof of an app that did not ask for bound tokens
    /// is not even looked at (okta.md 13, row 40).
    pub(super) fn binding(&self, client: &Client, header: ProofHeader<'_>, path: &str) -> Binding {
        if !client.metadata.dpop_bound_access_tokens {
            return Binding::None;
        }
        let proof = match header {
            ProofHeader::Absent => Err(DpopError::Missing),
            ProofHeader::Repeated => Err(DpopError::Multiple),
            ProofHeader::Present(proof) => dpop::verify(
                proof,
                &Expected {
                    method: "POST",
                    urls: &self.urls_of(path),
                    nonces: Some(&self.nonces),
                    token: None,
                    now: self.clock.now(),
                },
            ),
        };
        match proof {
            Ok(proof) => Binding::Key {
                proof: one_time(&proof),
                jkt: proof.jkt().to_owned(),
            },
            Err(error) => Binding::Refused(error),
        }
    }

    /// Checks the proof beside a bound token, and uses it up.
    pub(crate) async fn use_proof(
        &self,
        header: ProofHeader<'_>,
        method: &str,
        path: &str,
        token: PresentedToken<'_>,
    ) -> Result<()> {
        let proof = match header {
            ProofHeader::Absent => {
                return Err(Error::Unauthenticated(Challenge::DpopRequired(
                    DpopError::ResourceNeedsProof.description(),
                )));
            }
            ProofHeader::Repeated => return Err(refused(DpopError::Multiple)),
            ProofHeader::Present(proof) => proof,
        };
        let expected = Expected {
            method,
            urls: &self.urls_of(path),
            nonces: None,
            token: Some(token),
            now: self.clock.now(),
        };
        let proof = dpop::verify(proof, &expected).map_err(refused)?;
        match self.commands.run(UseOnce::from(one_time(&proof))).await? {
            Use::First => Ok(()),
            Use::Repeated => Err(refused(DpopError::Replayed)),
        }
    }

    /// The URLs that mean `path` here. The slash at its end is lost on the way in, so both forms count.
    fn urls_of(&self, path: &str) -> Vec<String> {
        let both = |url: &String| [format!("{url}{path}"), format!("{url}{path}/")];
        self.org_urls().iter().flat_map(both).collect()
    }
}

fn one_time(proof: &VerifiedProof) -> OneTime {
    OneTime {
        key: dedupe_key("dpop-proof", proof.jkt(), proof.jti()),
        // A second past it, so that the last instant at which it is taken is covered.
        expires_at: proof.expires_at().plus(std::time::Duration::from_secs(1)),
    }
}

const fn refused(error: DpopError) -> Error {
    Error::Unauthenticated(Challenge::InvalidProof(error.description()))
}
