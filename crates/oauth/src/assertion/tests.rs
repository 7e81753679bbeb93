use proptest::prelude::*;
use serde_json::json;
use watchfire_crypto::{
    jwk::{Algorithm, Curve},
    signing::{NewKey, PrivateKey},
};

use super::*;
use crate::client_keys;

const NOW: i64 = 1_756_390_000;
const CLIENT: &str = "0oa8h2kq7RtZVm3xW0h7";
const TOKEN_URL: &str = "https://id.example/oauth2/v1/token";

struct Case {
    key: PrivateKey,
    keys: KeySet,
    client_id: ClientId,
    audiences: Vec<String>,
}

impl Case {
    fn new() -> Self {
        let key = PrivateKey::generate(NewKey::Ec(Curve::P256)).unwrap();
        Self {
            keys: client_keys::registered(&[key.public_jwk()]),
            key,
            client_id: ClientId::new(CLIENT),
            audiences: audiences("https://id.example", "/oauth2/v1/token"),
        }
    }

    fn expected(&self) -> Expected<'_> {
        Expected {
            client_id: &self.client_id,
            audiences: &self.audiences,
            jwks_uri: None,
            now: Timestamp::from_seconds(NOW),
            skew: DEFAULT_SKEW,
        }
    }

    fn sign(&self, claims: &Value) -> String {
        self.key.sign_compact(&Map::new(), claims.to_string().as_bytes()).unwrap()
    }

    fn verify(&self, token: &str) -> Result<VerifiedAssertion, AssertionError> {
        UnverifiedAssertion::parse(token)?.verify(&self.keys, &self.expected())
    }

    /// Verifies the good claims with one of them changed; null takes it away.
    fn with(&self, name: &str, value: Value) -> Result<VerifiedAssertion, AssertionError> {
        let mut claims = good();
        if value.is_null() {
            claims.as_object_mut().unwrap().shift_remove(name);
        } else {
            claims[name] = value;
        }
        self.verify(&self.sign(&claims))
    }
}

fn good() -> Value {
    json!({"aud": TOKEN_URL, "iss": CLIENT, "sub": CLIENT, "exp": NOW + 300, "iat": NOW, "jti": "one"})
}

#[test]
fn takes_what_the_sdks_send() {
    let case = Case::new();
    let token = case.sign(&good());
    assert_eq!(UnverifiedAssertion::parse(&token).unwrap().client_id(), Ok(CLIENT));
    let verified = case.verify(&token).unwrap();
    assert_eq!(verified.client_id().as_str(), CLIENT);
    assert_eq!(verified.jti(), Some("one"));
    assert_eq!(verified.expires_at(), Timestamp::from_seconds(NOW + 360));
}

/// okta.md 1.3.2, 13 row 3, clients.md 4.
#[test]
fn takes_every_permitted_form() {
    let case = Case::new();
    for (name, value) in [
        ("jti", json!(null)),
        ("iat", json!(null)),
        ("exp", json!((NOW + 300).to_string())),
        ("exp", json!(NOW + 300).as_f64().map(|it| json!(it + 0.5)).unwrap()),
        ("exp", json!(NOW + 3660)),
        ("exp", json!(NOW - 59)),
        ("iat", json!(NOW + 299)),
        ("nbf", json!(NOW + 59)),
        ("aud", json!("https://id.example")),
        ("aud", json!("https://id.example/")),
        ("aud", json!("https://id.example/oauth2/v1/token/")),
        ("aud", json!(["https://elsewhere.example", TOKEN_URL])),
        ("unknown", json!({"a": []})),
    ] {
        assert!(case.with(name, value.clone()).is_ok(), "{name} {value}");
    }
}

/// okta.md 1.3.2, 1.3.4.
#[test]
fn refuses_claims_with_the_reason() {
    use AssertionError as E;
    let case = Case::new();
    for (name, value, want) in [
        ("iss", json!(null), E::Issuer),
        ("iss", json!("0oaOther"), E::Issuer),
        ("iss", json!([CLIENT]), E::Issuer),
        ("sub", json!(null), E::Subject),
        ("sub", json!("0oaOther"), E::Subject),
        ("aud", json!(null), E::Audience),
        ("aud", json!("https://id.example/oauth2/v1/introspect"), E::Audience),
        ("aud", json!("https://ID.example"), E::Audience),
        ("aud", json!([]), E::Audience),
        ("exp", json!(null), E::NoExpiry),
        ("exp", json!("tomorrow"), E::NoExpiry),
        ("exp", json!(""), E::NoExpiry),
        ("exp", json!(true), E::NoExpiry),
        ("exp", json!(1e300), E::NoExpiry),
        ("exp", json!(NOW - 60), E::Expired),
        ("exp", json!((NOW - 3600).to_string()), E::Expired),
        ("exp", json!(NOW + 3661), E::ExpiresTooLate),
        ("exp", json!((NOW + 300) * 1000), E::ExpiresTooLate),
        ("iat", json!(NOW + 301), E::IssuedInFuture),
        ("iat", json!("soon"), E::Unparsable),
        ("nbf", json!(NOW + 61), E::IssuedInFuture),
        ("jti", json!(5), E::Unparsable),
        ("jti", json!(""), E::Unparsable),
        ("jti", json!("j".repeat(257)), E::Unparsable),
    ] {
        assert_eq!(case.with(name, value.clone()).unwrap_err(), want, "{name} {value}");
    }
}

#[test]
fn takes_the_token_endpoint_and_its_own_address_at_other_endpoints() {
    let accepted = audiences("https://id.example/", "/oauth2/v1/introspect");
    for audience in [
        "https://id.example",
        TOKEN_URL,
        "https://id.example/oauth2/v1/introspect",
        "https://id.example/oauth2/v1/introspect/",
    ] {
        assert!(accepted.iter().any(|it| it == audience), "{audience}");
    }
    assert_eq!(audiences("https://id.example", "/oauth2/v1/token").len(), 4);
}

/// okta.md 1.3.2: a `kid` must match, none tries all, null is none.
#[test]
fn tries_all_keys_without_a_kid_and_one_with() {
    let mut case = Case::new();
    let other = PrivateKey::generate(NewKey::Ec(Curve::P256)).unwrap();
    case.keys = client_keys::registered(&[other.public_jwk(), case.key.public_jwk()]);
    case.key = case.key.with_kid(None);
    assert!(case.verify(&case.sign(&good())).is_ok());
    let mut null = Map::new();
    null.insert("kid".into(), Value::Null);
    let token = case.key.sign_compact(&null, good().to_string().as_bytes()).unwrap();
    assert!(case.verify(&token).is_ok());
    case.key = case.key.with_kid(Some("unknown".into()));
    assert_eq!(case.verify(&case.sign(&good())), Err(AssertionError::UnknownKid));
    case.key = case.key.with_kid(Some(other.thumbprint().to_owned()));
    assert_eq!(case.verify(&case.sign(&good())), Err(AssertionError::Signature));
}

#[test]
fn refuses_keys_and_algorithms_with_the_reason() {
    use AssertionError as E;
    let mut case = Case::new();
    let token = case.sign(&good());
    let rsa = PrivateKey::generate(NewKey::Rsa2048).unwrap().with_kid(None);
    let unknown_key = rsa.sign_compact(&Map::new(), good().to_string().as_bytes()).unwrap();
    assert_eq!(case.verify(&unknown_key), Err(E::Algorithm), "no RSA key");
    // {"alg":"none"} unsigned, {"alg":"HS256"}, and PS256 with a key that could
    assert_eq!(case.verify("eyJhbGciOiJub25lIn0.e30.").unwrap_err(), E::Algorithm);
    assert_eq!(case.verify("eyJhbGciOiJIUzI1NiJ9.e30.AAAA").unwrap_err(), E::Algorithm);
    case.keys = client_keys::registered(&[rsa.public_jwk()]);
    let pss = rsa.with_algorithm(Algorithm::Ps256).unwrap();
    let token_pss = pss.sign_compact(&Map::new(), good().to_string().as_bytes()).unwrap();
    assert_eq!(case.verify(&token_pss), Err(E::Algorithm));
    case.keys = client_keys::registered(&[]);
    assert_eq!(case.verify(&token), Err(E::NoKeys));
    case.keys = client_keys::registered(&[json!({"kty": "RSA"})]);
    assert_eq!(case.verify(&token), Err(E::KeySetInvalid));
    for junk in ["", "a.b.c", "eyJhbGciOiJSUzI1NiJ9.W10.AAAA", "eyJhbGciOiJSUzI1NiJ9.e30.AA=="] {
        assert_eq!(UnverifiedAssertion::parse(junk).unwrap_err(), E::Unparsable, "{junk}");
    }
    // {"alg":"ES256"} . {}
    let nobody = UnverifiedAssertion::parse("eyJhbGciOiJFUzI1NiJ9.e30.AAAA").unwrap();
    assert_eq!(nobody.client_id(), Err(E::Issuer));
}

#[test]
fn compares_jku_with_the_registered_address() {
    let case = Case::new();
    let mut header = Map::new();
    header.insert("jku".into(), json!("https://attacker.example/keys"));
    let token = case.key.sign_compact(&header, good().to_string().as_bytes()).unwrap();
    let assertion = UnverifiedAssertion::parse(&token).unwrap();
    assert!(
        assertion.verify(&case.keys, &case.expected()).is_ok(),
        "inline keys: jku says nothing"
    );
    let fetched = Expected {
        jwks_uri: Some("https://client.example/keys"),
        ..case.expected()
    };
    assert_eq!(assertion.verify(&case.keys, &fetched), Err(AssertionError::JkuMismatch));
    let same = Expected {
        jwks_uri: Some("https://attacker.example/keys"),
        ..case.expected()
    };
    assert!(assertion.verify(&case.keys, &same).is_ok());
}

/// okta.md 1.3.4.
#[test]
fn says_what_the_contract_says() {
    use AssertionError as E;
    for (error, description) in [
        (E::Issuer, "The issuer claim for client_assertion is not a valid client_id."),
        (E::Subject, "The subject claim for client_assertion is not a valid client_id."),
        (
            E::Audience,
            "The audience claim for client_assertion must be the endpoint invoked for the request.",
        ),
        (
            E::NoExpiry,
            "The client_assertion must contain the 'exp' claim as seconds since epoch.",
        ),
        (E::Expired, "The client_assertion token is expired."),
        (
            E::ExpiresTooLate,
            "The client_assertion token has an expiration too far into the future.",
        ),
        (
            E::IssuedInFuture,
            "The client_assertion token must be issued before the current time.",
        ),
        (E::Replayed, "The client_assertion token has already been used."),
        (E::Signature, "The client_assertion signature is invalid."),
        (E::Unparsable, "The parsing of the client_assertion failed."),
        (E::UnknownKid, "The client_assertion JWT kid is invalid."),
        (E::Algorithm, "The client_assertion JWT signature algorithm is invalid."),
        (
            E::NoKeys,
            "The client does not have a JWKSet configured, but the client_assertion requires one.",
        ),
        (E::KeySetInvalid, "The client JWKSet is invalid."),
        (E::JwksUriFailed, "Error retrieving the client JWKSet from jwks_uri."),
        (
            E::JwksUriEmpty,
            "The client JWKSet from jwks_uri must contain at least one key.",
        ),
        (
            E::JwksUriRepeatsKid,
            "All keys in the client JWKSet from jwks_uri must have a unique kid.",
        ),
        (E::JkuMismatch, "The 'jku' in JWT and 'jwks_uri' doesn't match."),
    ] {
        let got = OAuthError::from(error);
        assert_eq!(
            (got.status, got.error, &*got.description),
            (401, "invalid_client", description)
        );
        assert_eq!(error.to_string(), description);
    }
}

proptest! {
    #[test]
    fn parse_never_panics(text in ".{0,200}") {
        let _ = UnverifiedAssertion::parse(&text);
    }
}
