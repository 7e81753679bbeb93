//! The `Authorization` and `DPoP` headers, read but not verified (okta.md 1.1, clients.md 2).

use std::{convert::Infallible, fmt};

use axum::extract::FromRequestParts;
use base64::{Engine, engine::general_purpose::STANDARD};
use http::{HeaderMap, HeaderName, header, request::Parts};
use secrecy::{ExposeSecret, SecretString};
use watchfire_app::identity::proofs::ProofHeader;

const DPOP: HeaderName = HeaderName::from_static("dpop");

/// What a client shows to say who it is. Nothing of it is known to be true.
#[derive(Clone, Debug)]
pub enum Credentials {
    /// No `Authorization` header.
    Absent,
    /// An administrator's API token.
    Ssws(SecretString),
    /// An access token.
    Bearer(SecretString),
    /// An access token bound to a key; the proof is in [`DpopProof`].
    Dpop(SecretString),
    /// A client id and its secret.
    Basic {
        /// The part before the colon.
        user: String,
        /// The part after it; may be empty (clients.md 4).
        password: SecretString,
    },
    /// A header that is none of these, or more than one of them.
    Unreadable,
}

/// The `DPoP` header (RFC 9449 section 4.3, check 1).
#[derive(Clone)]
pub enum DpopProof {
    /// None was sent.
    Absent,
    /// The compact proof.
    Present(String),
    /// More than one was sent.
    Repeated,
}

impl Credentials {
    /// Reads the header of a request.
    pub fn read(headers: &HeaderMap) -> Self {
        let mut lines = headers.get_all(header::AUTHORIZATION).iter();
        match (lines.next(), lines.next()) {
            (None, _) => Self::Absent,
            (Some(line), None) => line.to_str().ok().and_then(Self::parse).unwrap_or(Self::Unreadable),
            (Some(_), Some(_)) => Self::Unreadable,
        }
    }

    fn parse(line: &str) -> Option<Self> {
        let line = line.trim();
        if let Some(rest) = strip_scheme(line, "SSWS") {
            // okta-sdk-python 3 leaves the blank out.
            return token(rest).map(Self::Ssws);
        }
        if let Some(rest) = strip_scheme(line, "Bearer") {
            return token(rest).map(Self::Bearer);
        }
        if let Some(rest) = strip_scheme(line, "DPoP") {
            return token(rest).map(Self::Dpop);
        }
        strip_scheme(line, "Basic").and_then(basic)
    }
}

impl DpopProof {
    /// Reads the header of a request.
    pub fn read(headers: &HeaderMap) -> Self {
        let mut lines = headers.get_all(DPOP).iter();
        match (lines.next(), lines.next()) {
            (None, _) => Self::Absent,
            (Some(line), None) => Self::Present(String::from_utf8_lossy(line.as_bytes()).into_owned()),
            (Some(_), Some(_)) => Self::Repeated,
        }
    }

    /// For the use case that checks it.
    pub(crate) fn as_header(&self) -> ProofHeader<'_> {
        match self {
            Self::Absent => ProofHeader::Absent,
            Self::Present(proof) => ProofHeader::Present(proof),
            Self::Repeated => ProofHeader::Repeated,
        }
    }
}

impl fmt::Debug for DpopProof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Absent => "Absent",
            Self::Present(_) => "Present([REDACTED])",
            Self::Repeated => "Repeated",
        })
    }
}

impl<S: Sync> FromRequestParts<S> for Credentials {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self::read(&parts.headers))
    }
}

impl<S: Sync> FromRequestParts<S> for DpopProof {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self::read(&parts.headers))
    }
}

fn strip_scheme<'a>(line: &'a str, scheme: &str) -> Option<&'a str> {
    let (head, rest) = line.split_at_checked(scheme.len())?;
    head.eq_ignore_ascii_case(scheme).then(|| rest.trim_start())
}

fn token(text: &str) -> Option<SecretString> {
    let plausible = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
    plausible.then(|| text.into())
}

fn basic(text: &str) -> Option<Credentials> {
    let decoded = SecretString::from(String::from_utf8(STANDARD.decode(text).ok()?).ok()?);
    let (user, password) = decoded.expose_secret().split_once(':')?;
    Some(Credentials::Basic {
        user: user.to_owned(),
        password: password.into(),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn shown(credentials: &Credentials) -> String {
        match credentials {
            Credentials::Absent => "absent".to_owned(),
            Credentials::Ssws(token) => format!("ssws {}", token.expose_secret()),
            Credentials::Bearer(token) => format!("bearer {}", token.expose_secret()),
            Credentials::Dpop(token) => format!("dpop {}", token.expose_secret()),
            Credentials::Basic { user, password } => format!("basic {user} {}", password.expose_secret()),
            Credentials::Unreadable => "unreadable".to_owned(),
        }
    }

    fn read(lines: &[&str]) -> String {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(header::AUTHORIZATION, line.parse().expect("a header value"));
        }
        shown(&Credentials::read(&headers))
    }

    #[test]
    fn reads_what_clients_send() {
        for (line, expected) in [
            ("SSWS 00abc", "ssws 00abc"),
            ("SSWS00abc", "ssws 00abc"),
            ("ssws   00abc", "ssws 00abc"),
            ("Bearer eyJ.a.b", "bearer eyJ.a.b"),
            ("bearereyJ.a.b", "bearer eyJ.a.b"),
            ("Bearer undefined", "bearer undefined"),
            ("DPoP eyJ.a.b", "dpop eyJ.a.b"),
            ("dpop eyJ.a.b", "dpop eyJ.a.b"),
            ("Basic MG9hMTp4Onk=", "basic 0oa1 x:y"),
            ("Basic MG9hMTo=", "basic 0oa1 "),
        ] {
            assert_eq!(read(&[line]), expected, "{line}");
        }
        assert_eq!(read(&[]), "absent");
    }

    #[test]
    fn everything_else_is_unreadable() {
        for line in [
            "",
            "SSWS",
            "SSWS ",
            "Bearer a b",
            "Basic",
            "Basic %%%",
            "Basic bm9jb2xvbg==",
            "Digest x",
            "PrivateKey x",
            "Sé",
        ] {
            assert_eq!(read(&[line]), "unreadable", "{line}");
        }
        assert_eq!(read(&["SSWS 00abc", "SSWS 00abc"]), "unreadable");
    }

    #[test]
    fn a_secret_does_not_print() {
        let mut headers = HeaderMap::new();
        headers.insert(header::AUTHORIZATION, "SSWS 00topsecret".parse().expect("a header value"));
        headers.insert(DPOP, "topsecret".parse().expect("a header value"));
        let printed = format!("{:?} {:?}", Credentials::read(&headers), DpopProof::read(&headers));
        assert!(!printed.contains("topsecret"), "{printed}");
    }

    #[test]
    fn two_proofs_are_repeated() {
        let mut headers = HeaderMap::new();
        assert!(matches!(DpopProof::read(&headers), DpopProof::Absent));
        headers.append(DPOP, "a".parse().expect("a header value"));
        assert!(matches!(DpopProof::read(&headers), DpopProof::Present(proof) if proof == "a"));
        headers.append(DPOP, "a".parse().expect("a header value"));
        assert!(matches!(DpopProof::read(&headers), DpopProof::Repeated));
    }

    proptest! {
        #[test]
        fn no_line_panics(line in "\\PC{0,40}") {
            let _ = Credentials::parse(&line);
        }
    }
}
