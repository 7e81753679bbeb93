use serde_json::json;

use super::*;

/// RFC 7638 section 3.1.
const RFC7638: &str = r#"{"kty":"RSA","n":"0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw","e":"AQAB","alg":"RS256","kid":"2011-04-29"}"#;
/// RFC 7515 appendix A.3.
const P256: &str = r#"{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}"#;
/// RFC 8037 appendix A.2.
const ED25519: &str = r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;

fn jwk(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

fn rfc7638_with(name: &str, value: Value) -> Value {
    let mut it = jwk(RFC7638);
    it[name] = value;
    it
}

fn p256_with(name: &str, value: Value) -> Value {
    let mut it = jwk(P256);
    it[name] = value;
    it
}

fn verification(jwk: &Value) -> Result<Vec<Algorithm>, JwkError> {
    VerificationKey::from_jwk(jwk, Algorithm::ALL).map(|key| key.algorithms().collect())
}

#[test]
fn makes_the_rfc_7638_thumbprint() {
    assert_eq!(
        thumbprint(&jwk(RFC7638)).as_deref(),
        Ok("NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs")
    );
}

/// RFC 8037 appendix A.3.
#[test]
fn makes_the_rfc_8037_thumbprint() {
    assert_eq!(
        thumbprint(&jwk(ED25519)).as_deref(),
        Ok("kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k")
    );
}

#[test]
fn makes_the_thumbprint_of_an_ec_key_from_its_required_members_only() {
    let plain = thumbprint(&jwk(P256)).unwrap();
    assert_eq!(
        plain,
        digest_of(
            r#"{"crv":"P-256","kty":"EC","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}"#
        )
    );
    assert_eq!(thumbprint(&p256_with("kid", json!("x"))), Ok(plain));
}

fn digest_of(text: &str) -> String {
    crate::digest::sha256_base64url(text)
}

/// JWT-01, JWT-02.
#[test]
fn binds_a_key_to_its_algorithms() {
    use Algorithm::*;
    let rsa = json!({"kty": "RSA", "n": jwk(RFC7638)["n"], "e": "AQAB"});
    assert_eq!(verification(&rsa), Ok(vec![Rs256, Rs384, Rs512, Ps256, Ps384, Ps512]));
    assert_eq!(verification(&jwk(RFC7638)), Ok(vec![Rs256]));
    assert_eq!(verification(&jwk(P256)), Ok(vec![Es256]));
    assert_eq!(verification(&jwk(ED25519)), Ok(vec![EdDsa]));
    let okta = VerificationKey::from_jwk(&rsa, Algorithm::OKTA).unwrap();
    assert_eq!(okta.algorithms().collect::<Vec<_>>(), [Rs256, Rs384, Rs512]);
}

#[test]
fn takes_null_for_absent() {
    for name in ["kid", "use", "alg", "key_ops"] {
        let key = VerificationKey::from_jwk(&p256_with(name, Value::Null), Algorithm::ALL).unwrap();
        assert_eq!(key.kid(), None, "{name}");
    }
    assert!(verification(&p256_with("key_ops", json!(["verify"]))).is_ok());
    assert!(verification(&p256_with("use", json!("sig"))).is_ok());
}

/// JWT-02, JWT-03, JWT-04.
#[test]
fn refuses_keys_with_the_reason() {
    // 1024 bits: the first half of a longer modulus would do as well, only its length counts.
    let short = crate::base64url::encode([0xff; 128]);
    let just_short = crate::base64url::encode([&[0x7f][..], &[0xff; 255]].concat());
    let long = crate::base64url::encode([0xff; 1025]);
    let even = crate::base64url::encode([&[0xff; 255][..], &[0xfe]].concat());
    for (key, want) in [
        (json!([]), JwkError::NotAnObject),
        (json!({}), JwkError::MissingMember("kty")),
        (json!({"kty": 1}), JwkError::MalformedMember("kty")),
        (json!({"kty": "oct", "k": "AAAA"}), JwkError::Symmetric),
        (json!({"kty": "rsa"}), JwkError::UnsupportedKeyType),
        (json!({"kty": "RSA", "e": "AQAB"}), JwkError::MissingMember("n")),
        (rfc7638_with("n", json!("AQAB=")), JwkError::MalformedMember("n")),
        (rfc7638_with("n", json!(short)), JwkError::RsaTooShort { bits: 1024 }),
        (rfc7638_with("n", json!(just_short)), JwkError::RsaTooShort { bits: 2047 }),
        (rfc7638_with("n", json!(long)), JwkError::RsaTooLong { bits: 8200 }),
        (rfc7638_with("n", json!(even)), JwkError::InvalidRsaKey),
        (rfc7638_with("e", json!("AQ")), JwkError::InvalidRsaKey),
        (rfc7638_with("e", json!("AA")), JwkError::InvalidRsaKey),
        (rfc7638_with("e", json!("")), JwkError::InvalidRsaKey),
        (rfc7638_with("e", json!("AQAA")), JwkError::InvalidRsaKey),
        (rfc7638_with("e", json!("AQAAAAAB")), JwkError::InvalidRsaKey),
        (rfc7638_with("d", json!("AQAB")), JwkError::PrivateKey),
        (rfc7638_with("p", Value::Null), JwkError::PrivateKey),
        (rfc7638_with("kid", json!(7)), JwkError::MalformedMember("kid")),
        (rfc7638_with("use", json!("enc")), JwkError::NotForVerification),
        (rfc7638_with("key_ops", json!(["sign"])), JwkError::NotForVerification),
        (rfc7638_with("key_ops", json!("verify")), JwkError::MalformedMember("key_ops")),
        (rfc7638_with("alg", json!("HS256")), JwkError::AlgorithmNotAllowed),
        (rfc7638_with("alg", json!("none")), JwkError::AlgorithmNotAllowed),
        (rfc7638_with("alg", json!("ES256")), JwkError::AlgorithmNotAllowed),
        (rfc7638_with("alg", json!("rs256")), JwkError::AlgorithmNotAllowed),
        (rfc7638_with("alg", json!(256)), JwkError::MalformedMember("alg")),
        (p256_with("d", json!("AAAA")), JwkError::PrivateKey),
        (p256_with("crv", json!("P-384")), JwkError::InvalidPoint),
        (p256_with("crv", json!("secp256k1")), JwkError::UnsupportedKeyType),
        (p256_with("crv", Value::Null), JwkError::MissingMember("crv")),
        (p256_with("y", jwk(P256)["x"].clone()), JwkError::InvalidPoint),
        (p256_with("x", json!("AAAA")), JwkError::InvalidPoint),
        (p256_with("alg", json!("ES384")), JwkError::AlgorithmNotAllowed),
        (
            json!({"kty": "OKP", "crv": "X25519", "x": jwk(ED25519)["x"]}),
            JwkError::UnsupportedKeyType,
        ),
        (json!({"kty": "OKP", "crv": "Ed25519", "x": "AAAA"}), JwkError::InvalidPoint),
    ] {
        assert_eq!(verification(&key), Err(want), "{key}");
    }
}

#[test]
fn takes_an_exponent_of_three_and_a_sign_byte_before_the_modulus() {
    assert!(verification(&rfc7638_with("e", json!("Aw"))).is_ok());
    let n = crate::base64url::decode(jwk(RFC7638)["n"].as_str().unwrap()).unwrap();
    let signed = rfc7638_with("n", json!(crate::base64url::encode([&[0][..], &n].concat())));
    assert_eq!(thumbprint(&signed), thumbprint(&jwk(RFC7638)));
}

#[test]
fn checks_a_key_for_encryption_as_a_key() {
    let key = PublicKey::from_jwk(&rfc7638_with("use", json!("enc"))).unwrap();
    assert_eq!((key.kid(), key.key_type()), (Some("2011-04-29"), KeyType::Rsa));
}

#[test]
fn keeps_the_good_keys_of_a_set_and_lists_the_others() {
    let set = json!({"keys": [jwk(RFC7638), {"kty": "oct", "k": "AA", "kid": "shared"}, 5, jwk(P256)]});
    let set = KeySet::parse(&set, Algorithm::ALL).unwrap();
    assert_eq!(set.keys().len(), 2);
    let rejected: Vec<_> = set
        .rejected()
        .iter()
        .map(|it| (it.index, it.kid.as_deref(), &it.reason))
        .collect();
    assert_eq!(
        rejected,
        [(1, Some("shared"), &JwkError::Symmetric), (2, None, &JwkError::NotAnObject)]
    );
}

#[test]
fn refuses_what_is_no_set() {
    for document in [json!({}), json!([]), json!({"keys": {}}), json!(null)] {
        assert_eq!(KeySet::parse(&document, Algorithm::ALL).unwrap_err(), KeySetError::NotASet);
    }
    let many = json!({"keys": vec![json!({}); 101]});
    assert_eq!(KeySet::parse(&many, Algorithm::ALL).unwrap_err(), KeySetError::TooManyKeys);
}

/// SET-06, okta.md 1.3.2.
#[test]
fn selects_by_kid_or_else_by_algorithm() {
    let set = json!({"keys": [rfc7638_with("kid", json!("a")), p256_with("kid", json!("b")), jwk(P256)]});
    let set = KeySet::parse(&set, Algorithm::ALL).unwrap();
    let count = |kid, algorithm| set.candidates(kid, algorithm).map(|keys| keys.len());
    assert_eq!(count(Some("a"), Algorithm::Rs256), Ok(1));
    assert_eq!(count(None, Algorithm::Es256), Ok(2));
    assert_eq!(count(Some("c"), Algorithm::Rs256), Err(NoKey::UnknownKid));
    assert_eq!(count(Some("a"), Algorithm::Es256), Err(NoKey::WrongAlgorithm));
    assert_eq!(count(None, Algorithm::EdDsa), Err(NoKey::WrongAlgorithm));
    let empty = KeySet::default();
    assert_eq!(empty.candidates(None, Algorithm::Rs256).unwrap_err(), NoKey::WrongAlgorithm);
    assert!(empty.is_empty());
}
