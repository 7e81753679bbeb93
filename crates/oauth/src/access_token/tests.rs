use watchfire_crypto::{
    jwk::{Algorithm, Curve},
    signing::NewKey,
};

use super::*;

const NOW: i64 = 1_756_390_000;
const ORG: &str = "https://id.example";
const CLIENT: &str = "0oa8h2kq7RtZVm3xW0h7";

fn key() -> (PrivateKey, KeySet) {
    let key = PrivateKey::generate(NewKey::Ec(Curve::P256)).unwrap();
    let keys = KeySet::from_jwks([&key.public_jwk()], Algorithm::ALL);
    (key, keys)
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_seconds(seconds)
}

fn new(client_id: &ClientId) -> NewAccessToken<'_> {
    NewAccessToken {
        org_url: ORG,
        client_id,
        scopes: &["okta.riskEvents.manage", "okta.logs.read"],
        jkt: None,
        entropy: [0; 32],
        now: at(NOW),
    }
}

/// okta.md 1.3.3.
#[test]
fn says_what_the_guide_decodes() {
    let (key, _) = key();
    let client_id = ClientId::new(CLIENT);
    let token = new(&client_id).sign(&key).unwrap();
    let jws = UnverifiedJws::parse(&token).unwrap();
    let names: Vec<_> = jws.header().members().keys().map(String::as_str).collect();
    assert_eq!(names, ["kid", "alg"]);
    assert_eq!(
        Value::Object(jws.unverified_claims().unwrap()),
        json!({
            "ver": 1, "jti": "AT.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "iss": ORG, "aud": ORG, "sub": CLIENT,
            "iat": NOW, "exp": NOW + 3600, "cid": CLIENT, "scp": ["okta.riskEvents.manage", "okta.logs.read"],
        })
    );
}

#[test]
fn verifies_what_it_signs() {
    let (key, keys) = key();
    let client_id = ClientId::new(CLIENT);
    let bound = NewAccessToken {
        jkt: Some("thumb"),
        ..new(&client_id)
    };
    let token = bound.sign(&key).unwrap();
    let verified = VerifiedAccessToken::verify(&token, &keys, ORG, at(NOW + 3599)).unwrap();
    assert_eq!(verified.client_id(), &client_id);
    assert_eq!((verified.jti(), verified.jkt()), (&*bound.jti(), Some("thumb")));
    assert!(verified.has_scope("okta.logs.read") && !verified.has_scope("okta.logs"));
    assert_eq!(verified.expires_at(), at(NOW + 3600));
    assert_eq!(verified.introspection()["cnf"], json!({"jkt": "thumb"}));
}

/// okta.md 1.7.
#[test]
fn introspects() {
    let (key, keys) = key();
    let client_id = ClientId::new(CLIENT);
    let token = new(&client_id).sign(&key).unwrap();
    let verified = VerifiedAccessToken::verify(&token, &keys, ORG, at(NOW)).unwrap();
    assert_eq!(
        verified.introspection(),
        json!({
            "active": true, "token_type": "Bearer", "scope": "okta.riskEvents.manage okta.logs.read", "client_id": CLIENT,
            "sub": CLIENT, "aud": ORG, "iss": ORG, "jti": "AT.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
            "exp": NOW + 3600, "iat": NOW,
        })
    );
}

/// okta.md 1.1.
#[test]
fn refuses_tokens_with_the_reason() {
    use AccessTokenError as E;
    let (key, keys) = key();
    let good = json!({
        "ver": 1, "jti": "AT.x", "iss": ORG, "aud": ORG, "sub": CLIENT, "iat": NOW, "exp": NOW + 3600, "cid": CLIENT, "scp": [],
    });
    let verify = |claims: &Value, now| {
        let token = key.sign_compact(&Map::new(), claims.to_string().as_bytes()).unwrap();
        VerifiedAccessToken::verify(&token, &keys, ORG, at(now))
    };
    assert!(verify(&good, NOW).is_ok());
    assert_eq!(verify(&good, NOW + 3600), Err(E::Expired));
    assert_eq!(verify(&good, NOW - 61), Err(E::Timestamp));
    for (name, value, want) in [
        ("iss", json!("https://other.example"), E::Issuer),
        ("aud", json!("https://other.example"), E::Audience),
        ("iss", json!(5), E::Invalid),
        ("exp", json!("never"), E::Timestamp),
        ("iat", json!(null), E::Timestamp),
        ("ver", json!(2), E::Invalid),
        ("cid", json!(null), E::Invalid),
        ("jti", json!(null), E::Invalid),
        ("scp", json!("okta.logs.read"), E::Invalid),
        ("scp", json!([1]), E::Invalid),
        ("cnf", json!({}), E::Invalid),
        ("cnf", json!(null), E::Invalid),
    ] {
        let mut claims = good.clone();
        claims[name] = value;
        assert_eq!(verify(&claims, NOW), Err(want), "{claims}");
    }
    let client_id = ClientId::new(CLIENT);
    let foreign = PrivateKey::generate(NewKey::Ec(Curve::P256)).unwrap();
    // okta-node sends this after a refused token request (clients.md 4)
    for token in [
        "undefined",
        "",
        &new(&client_id).sign(&foreign).unwrap(),
        &new(&client_id).sign(&foreign.with_kid(None)).unwrap(),
    ] {
        assert_eq!(VerifiedAccessToken::verify(token, &keys, ORG, at(NOW)), Err(E::Invalid));
    }
}

/// okta.md 1.1.
#[test]
fn says_what_the_contract_says() {
    use AccessTokenError as E;
    for (error, code, description) in [
        (E::Missing, "invalid_request", "The access token is missing."),
        (E::Invalid, "invalid_token", "The access token is invalid."),
        (E::Expired, "invalid_token", "The token has expired."),
        (E::Revoked, "invalid_token", "The access token has been revoked."),
        (
            E::Audience,
            "invalid_token",
            "The access token provided is not intended for Okta.",
        ),
        (E::Issuer, "invalid_token", "The access token provided has an invalid issuer."),
        (E::Timestamp, "invalid_token", "The token timestamp is invalid."),
        (
            E::NotDpopBound,
            "invalid_token",
            "The presented access_token is not DPoP bound.",
        ),
    ] {
        let got = OAuthError::from(error);
        assert_eq!((got.status, got.error, &*got.description), (401, code, description));
    }
}
