use proptest::prelude::*;
use serde_json::json;
use watchfire_crypto::{
    jwk::Curve,
    mac::HmacSha256,
    signing::{NewKey, PrivateKey},
};

use super::*;

const NOW: i64 = 1_756_390_000;
const URL: &str = "https://id.example/oauth2/v1/token";

struct Case {
    key: PrivateKey,
    urls: Vec<String>,
    nonces: Nonces,
}

impl Case {
    fn new() -> Self {
        Self {
            key: PrivateKey::generate(NewKey::Ec(Curve::P256)).unwrap().with_kid(None),
            urls: vec![URL.to_owned()],
            nonces: Nonces::new(HmacSha256::new(b"nonce key")),
        }
    }

    fn now(&self) -> Timestamp {
        Timestamp::from_seconds(NOW)
    }

    fn expected(&self) -> Expected<'_> {
        Expected {
            method: "POST",
            urls: &self.urls,
            nonces: Some(&self.nonces),
            token: None,
            now: self.now(),
        }
    }

    fn claims(&self) -> Value {
        json!({"htm": "POST", "htu": URL, "iat": NOW, "jti": "one", "nonce": self.nonces.current(self.now())})
    }

    fn header(&self) -> Value {
        json!({"typ": "dpop+jwt", "jwk": self.key.public_jwk()})
    }

    fn sign(&self, header: &Value, claims: &Value) -> String {
        self.key
            .sign_compact(header.as_object().unwrap(), claims.to_string().as_bytes())
            .unwrap()
    }

    fn with(&self, name: &str, value: Value) -> Result<VerifiedProof, DpopError> {
        let mut claims = self.claims();
        claims[name] = value;
        verify(&self.sign(&self.header(), &claims), &self.expected())
    }

    fn with_header(&self, name: &str, value: Value) -> Result<VerifiedProof, DpopError> {
        let mut header = self.header();
        header[name] = value;
        verify(&self.sign(&header, &self.claims()), &self.expected())
    }
}

#[test]
fn takes_a_proof_and_gives_its_thumbprint() {
    let case = Case::new();
    let proof = verify(&case.sign(&case.header(), &case.claims()), &case.expected()).unwrap();
    assert_eq!((proof.jkt(), proof.jti()), (case.key.thumbprint(), "one"));
    assert_eq!(proof.expires_at(), Timestamp::from_seconds(NOW + 300));
}

/// RFC 9449 section 4.3.
#[test]
fn takes_every_permitted_form() {
    let case = Case::new();
    for (name, value) in [
        ("htu", json!("https://ID.example:443/oauth2/v1/token?x=1#y")),
        ("iat", json!(NOW - 300)),
        ("iat", json!(NOW + 60)),
        ("iat", json!(1_756_390_000.5)),
        ("unknown", json!({})),
    ] {
        assert!(case.with(name, value.clone()).is_ok(), "{name} {value}");
    }
    let mut jwk = case.key.public_jwk();
    jwk["kid"] = json!("node sends one");
    assert!(case.with_header("jwk", jwk).is_ok());
}

/// okta.md 1.5.
#[test]
fn refuses_claims_with_the_reason() {
    use DpopError as E;
    let case = Case::new();
    for (name, value, want) in [
        ("htm", json!("GET"), E::Method),
        ("htm", json!("post"), E::Method),
        ("htm", json!(null), E::Method),
        ("htu", json!("https://id.example/oauth2/v1/keys"), E::Url),
        ("htu", json!("http://id.example/oauth2/v1/token"), E::Url),
        ("htu", json!("https://other.example/oauth2/v1/token"), E::Url),
        ("htu", json!("/oauth2/v1/token"), E::Url),
        ("htu", json!(null), E::Url),
        ("iat", json!(null), E::IssuedAt),
        ("iat", json!("1756390000"), E::IssuedAt),
        ("iat", json!(NOW + 61), E::IssuedInFuture),
        ("iat", json!(NOW - 301), E::TooOld),
        ("exp", json!(NOW), E::Expired),
        ("jti", json!(null), E::Jti),
        ("jti", json!(7), E::Jti),
        ("jti", json!("j".repeat(257)), E::Jti),
        ("nonce", json!(null), E::UseNonce),
        ("nonce", json!("stale"), E::UseNonce),
    ] {
        assert_eq!(case.with(name, value.clone()).unwrap_err(), want, "{name} {value}");
    }
}

/// okta.md 1.5, JWT-02, JWT-03, JWT-04.
#[test]
fn refuses_headers_with_the_reason() {
    use DpopError as E;
    let case = Case::new();
    let other = PrivateKey::generate(NewKey::Ec(Curve::P256)).unwrap();
    let rsa = PrivateKey::generate(NewKey::Rsa2048).unwrap();
    let ed25519 = PrivateKey::generate(NewKey::Ed25519).unwrap();
    for (name, value, want) in [
        ("typ", json!("JWT"), E::Type),
        ("typ", json!(null), E::Type),
        ("jwk", json!(null), E::Invalid),
        ("jwk", json!("text"), E::Invalid),
        ("jwk", case.key.to_private_jwk().unwrap(), E::Invalid),
        ("jwk", json!({"kty": "oct", "k": "AAAA"}), E::Invalid),
        ("jwk", ed25519.public_jwk(), E::Invalid),
        ("jwk", rsa.public_jwk(), E::Algorithm),
        ("jwk", other.public_jwk(), E::Signature),
        ("alg", json!("none"), E::Algorithm),
        ("alg", json!("HS256"), E::Algorithm),
        ("alg", json!("PS256"), E::Algorithm),
        ("crit", json!(["b64"]), E::Unparsable),
    ] {
        assert_eq!(case.with_header(name, value.clone()).unwrap_err(), want, "{name} {value}");
    }
    assert_eq!(verify("junk", &case.expected()).unwrap_err(), E::Unparsable);
}

/// okta.md 1.5: at a resource, `ath` and the binding count and a nonce does not.
#[test]
fn binds_a_resource_request_to_its_token() {
    use DpopError as E;
    let case = Case::new();
    let token = "header.payload.signature";
    let resource = |jkt| Expected {
        nonces: None,
        token: Some(PresentedToken { token, jkt }),
        ..case.expected()
    };
    let mut claims = case.claims();
    claims["nonce"] = json!("whatever");
    assert_eq!(
        verify(&case.sign(&case.header(), &claims), &resource(case.key.thumbprint())),
        Err(E::AccessTokenHash)
    );
    claims["ath"] = json!(digest::sha256_base64url(token));
    let proof = case.sign(&case.header(), &claims);
    assert!(verify(&proof, &resource(case.key.thumbprint())).is_ok());
    assert_eq!(verify(&proof, &resource("another")), Err(E::NotBound));
    claims["ath"] = json!(digest::sha256_base64url("another token"));
    assert_eq!(
        verify(&case.sign(&case.header(), &claims), &resource(case.key.thumbprint())),
        Err(E::AccessTokenHash)
    );
}

#[test]
fn takes_one_header() {
    assert_eq!(single([]), Ok(None));
    assert_eq!(single(["a"]), Ok(Some("a")));
    assert_eq!(single(["a", "a"]), Err(DpopError::Multiple));
}

/// okta.md 1.5.
#[test]
fn says_what_the_contract_says() {
    use DpopError as E;
    for (error, code, description) in [
        (E::Missing, "invalid_dpop_proof", "The DPoP proof JWT header is missing."),
        (E::Invalid, "invalid_dpop_proof", "The DPoP proof JWT is invalid."),
        (
            E::Multiple,
            "invalid_dpop_proof",
            "Multiple DPoP proof JWT headers are not allowed.",
        ),
        (
            E::Type,
            "invalid_dpop_proof",
            "'typ' must be 'dpop+jwt' in the DPoP proof JWT.",
        ),
        (
            E::Algorithm,
            "invalid_dpop_proof",
            "The DPoP proof JWT signature algorithm is invalid.",
        ),
        (E::Unparsable, "invalid_dpop_proof", "The DPoP proof JWT cannot be parsed."),
        (E::Signature, "invalid_dpop_proof", "The DPoP proof JWT signature is invalid."),
        (
            E::Method,
            "invalid_dpop_proof",
            "'htm' claim in the DPoP proof JWT is invalid.",
        ),
        (E::Url, "invalid_dpop_proof", "'htu' claim in the DPoP proof JWT is invalid."),
        (
            E::IssuedAt,
            "invalid_dpop_proof",
            "'iat' claim in the DPoP proof JWT is invalid.",
        ),
        (
            E::IssuedInFuture,
            "invalid_dpop_proof",
            "The DPoP proof JWT is issued in the future.",
        ),
        (
            E::TooOld,
            "invalid_dpop_proof",
            "The DPoP proof JWT is issued more than five minutes in the past.",
        ),
        (E::Expired, "invalid_dpop_proof", "The DPoP proof JWT is expired."),
        (E::Jti, "invalid_dpop_proof", "'jti' claim in the DPoP proof JWT is invalid."),
        (E::Replayed, "invalid_dpop_proof", "The DPoP proof JWT has already been used."),
        (
            E::AccessTokenHash,
            "invalid_dpop_proof",
            "'ath' claim in the DPoP proof does not match the presented access_token.",
        ),
        (
            E::NotBound,
            "invalid_dpop_proof",
            "The access_token is not bound to the provided DPoP proof.",
        ),
        (
            E::UseNonce,
            "use_dpop_nonce",
            "Authorization server requires nonce in DPoP proof.",
        ),
        (
            E::ResourceNeedsProof,
            "invalid_request",
            "The resource request requires a DPoP proof.",
        ),
        (
            E::ResourceNeedsScheme,
            "invalid_request",
            "The resource request must use the DPoP authentication scheme when using a DPoP bound token.",
        ),
    ] {
        let got = OAuthError::from(error);
        assert_eq!((got.status, got.error, &*got.description), (400, code, description));
    }
}

proptest! {
    #[test]
    fn verify_never_panics(text in ".{0,200}") {
        let case = Case::new();
        let _ = verify(&text, &case.expected());
    }
}
