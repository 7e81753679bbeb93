use serde_json::json;
use watchfire_crypto::{
    jwk::{Algorithm, Curve},
    signing::{NewKey, PrivateKey},
};

use super::*;

const ISSUER: &str = "https://idp.example";
const NOW: i64 = 1_800_000_000;

fn key() -> PrivateKey {
    PrivateKey::generate(NewKey::Ec(Curve::P256)).unwrap()
}

fn keys(of: &PrivateKey) -> KeySet {
    KeySet::from_jwks([&of.public_jwk()], Algorithm::ALL)
}

fn claims() -> Value {
    json!({
        "iss": ISSUER, "sub": "jo-1", "aud": "watchfire", "exp": NOW + 300, "iat": NOW, "nonce": "n-1",
        "email": "jo@example.com", "email_verified": true, "acr": "phr", "amr": ["pwd", "mfa"],
        "at_hash": half_hash_base64url(Algorithm::Es256, "access"),
    })
}

fn expected() -> Expected<'static> {
    Expected {
        issuer: ISSUER,
        client_id: "watchfire",
        nonce: "n-1",
        access_token: Some("access"),
        now: Timestamp::from_seconds(NOW),
        skew: Duration::from_secs(60),
    }
}

fn verify(key: &PrivateKey, claims: &Value) -> Result<IdToken, IdTokenError> {
    let token = key.sign_compact(&Map::new(), claims.to_string().as_bytes()).unwrap();
    UnverifiedIdToken::parse(&token)?.verify(&keys(key), &expected())
}

#[test]
fn a_good_token_says_who() {
    let token = verify(&key(), &claims()).unwrap();
    assert_eq!(
        (token.subject.as_str(), token.verified_email()),
        ("jo-1", Some("jo@example.com"))
    );
    assert_eq!((token.acr.as_deref(), token.amr.len()), (Some("phr"), 2));
}

#[test]
fn each_wrong_claim_is_refused() {
    let key = key();
    for (member, value, error) in [
        ("iss", json!("https://idp.example/"), IdTokenError::Issuer),
        ("iss", json!(null), IdTokenError::Issuer),
        ("aud", json!("other"), IdTokenError::Audience),
        ("aud", json!(["other"]), IdTokenError::Audience),
        ("aud", json!(["watchfire", "other"]), IdTokenError::Audience),
        ("azp", json!("other"), IdTokenError::Audience),
        ("azp", json!(5), IdTokenError::Audience),
        ("exp", json!(NOW - 60), IdTokenError::Expired),
        ("exp", json!("soon"), IdTokenError::Expired),
        ("exp", json!(null), IdTokenError::Expired),
        ("iat", json!(NOW + 61), IdTokenError::IssuedAt),
        ("iat", json!(NOW - 661), IdTokenError::IssuedAt),
        ("iat", json!(null), IdTokenError::IssuedAt),
        ("nbf", json!(NOW + 61), IdTokenError::IssuedAt),
        ("nbf", json!("x"), IdTokenError::IssuedAt),
        ("nonce", json!("n-2"), IdTokenError::Nonce),
        ("nonce", json!(null), IdTokenError::Nonce),
        ("at_hash", json!("AAAA"), IdTokenError::AccessTokenHash),
        ("sub", json!(""), IdTokenError::Subject),
        ("sub", json!(null), IdTokenError::Subject),
        ("sub", json!("a\nb"), IdTokenError::Subject),
        ("sub", json!("x".repeat(256)), IdTokenError::Subject),
    ] {
        let mut claims = claims();
        claims[member] = value.clone();
        assert_eq!(verify(&key, &claims), Err(error), "{member}: {value}");
    }
}

#[test]
fn what_is_within_the_rules_is_taken() {
    let key = key();
    for (member, value) in [
        ("exp", json!(NOW - 59)),
        ("iat", json!(NOW + 60)),
        ("iat", json!(NOW - 660)),
        ("at_hash", json!(null)),
        ("azp", json!("watchfire")),
        ("aud", json!(["watchfire"])),
    ] {
        let mut claims = claims();
        claims[member] = value.clone();
        assert!(verify(&key, &claims).is_ok(), "{member}: {value}");
    }
    let mut shared = claims();
    shared["aud"] = json!(["watchfire", "other"]);
    shared["azp"] = json!("watchfire");
    assert!(verify(&key, &shared).is_ok());
}

#[test]
fn the_signature_must_be_the_providers_and_asymmetric() {
    let (mine, other) = (key(), key());
    let sign = |key: &PrivateKey, kid: Option<&str>| {
        let key = PrivateKey::from_pkcs8(key.to_pkcs8())
            .unwrap()
            .with_kid(kid.map(str::to_owned));
        key.sign_compact(&Map::new(), claims().to_string().as_bytes()).unwrap()
    };
    let verify = |token: &str| UnverifiedIdToken::parse(token)?.verify(&keys(&mine), &expected());
    assert!(verify(&sign(&mine, mine.kid())).is_ok());
    assert_eq!(verify(&sign(&other, mine.kid())), Err(IdTokenError::Signature));
    assert_eq!(verify(&sign(&other, other.kid())), Err(IdTokenError::UnknownKey));
    let body = watchfire_crypto::base64url::encode(claims().to_string());
    let with_header = |header: Value| format!("{}.{body}.AAAA", watchfire_crypto::base64url::encode(header.to_string()));
    assert_eq!(verify(&with_header(json!({"alg": "HS256"}))), Err(IdTokenError::Algorithm));
    assert_eq!(verify(&with_header(json!({"alg": "none"}))), Err(IdTokenError::Algorithm));
    let bare = watchfire_crypto::base64url::encode(json!({"alg": "none"}).to_string());
    assert_eq!(verify(&format!("{bare}.{body}.")), Err(IdTokenError::Algorithm));
    assert_eq!(verify("a.b"), Err(IdTokenError::Unparsable));
    // RS256 is not among what this provider's key is for.
    let rsa = with_header(json!({"alg": "RS256", "kid": mine.kid()}));
    assert_eq!(verify(&rsa), Err(IdTokenError::Algorithm));
}

#[test]
fn an_address_counts_only_when_the_provider_says_true() {
    let key = key();
    for verified in [json!(false), json!("true"), json!(1), json!(null)] {
        let mut claims = claims();
        claims["email_verified"] = verified.clone();
        assert_eq!(verify(&key, &claims).unwrap().verified_email(), None, "{verified}");
    }
}

#[test]
fn userinfo_fills_in_only_for_the_same_subject() {
    let mut bare = claims();
    bare["email"] = json!(null);
    bare["email_verified"] = json!(null);
    let token = verify(&key(), &bare).unwrap();
    let about = |sub: &str| json!({"sub": sub, "email": "jo@example.com", "email_verified": true});
    assert_eq!(token.clone().with_userinfo(&about("other")).verified_email(), None);
    assert_eq!(token.with_userinfo(&about("jo-1")).verified_email(), Some("jo@example.com"));
    let full = verify(&key(), &claims()).unwrap();
    let another = json!({"sub": "jo-1", "email": "root@example.com", "email_verified": true});
    assert_eq!(full.with_userinfo(&another).verified_email(), Some("jo@example.com"));
}

/// Core 1.0 section 3.1.3.6, by the algorithm of the token.
#[test]
fn at_hash_is_the_left_half_of_the_hash_of_the_tokens_algorithm() {
    for (algorithm, chars) in [
        (Algorithm::Es256, 22),
        (Algorithm::Rs384, 32),
        (Algorithm::Ps512, 43),
        (Algorithm::EdDsa, 43),
    ] {
        assert_eq!(half_hash_base64url(algorithm, "access").len(), chars, "{algorithm}");
    }
    // The example of Core 1.0, appendix A.3.
    assert_eq!(
        half_hash_base64url(Algorithm::Rs256, "jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y"),
        "77QmUPtjPfzWtF2AnpK9RQ"
    );
}
