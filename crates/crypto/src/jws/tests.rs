use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::{
    jwk::Curve,
    signing::{NewKey, PrivateKey},
};

/// RFC 7515 appendix A.2.
const A2: &str = "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw";
const A2_KEY: &str = r#"{"kty":"RSA","n":"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ","e":"AQAB"}"#;
/// RFC 7515 appendix A.3.
const A3: &str = "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";
const A3_KEY: &str = r#"{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}"#;
/// RFC 7515 appendix A.4.
const A4: &str = "eyJhbGciOiJFUzUxMiJ9.UGF5bG9hZA.AdwMgeerwtHoh-l192l60hp9wAHZFVJbLfD_UxMi70cwnZOYaRI1bKPWROc-mZZqwqT2SI-KGDKB34XO0aw_7XdtAG8GaSwFKdCAPZgoXD2YBJZCPEX3xKpRwcdOO8KpEHwJjyqOgzDO7iKvU8vcnwNrmxYbSW9ERBXukOXolLzeO_Jn";
const A4_KEY: &str = r#"{"kty":"EC","crv":"P-521","x":"AekpBQ8ST8a8VcfVOTNl353vSrDCLLJXmPk06wTjxrrjcBpXp5EOnYG_NjFZ6OvLFV1jSfS9tsz4qUxcWceqwQGk","y":"ADSmRA43Z1DSNx_RvcLI87cdL07l6jQyyBXMoxVg_l2Th-x3S1WDhjDly79ajL4Kkd0AZMaZmh9ubmf63e3kyMj2"}"#;
/// RFC 7520 section 4.1, with the key of section 3.3.
const RFC7520: &str = "eyJhbGciOiJSUzI1NiIsImtpZCI6ImJpbGJvLmJhZ2dpbnNAaG9iYml0b24uZXhhbXBsZSJ9.SXTigJlzIGEgZGFuZ2Vyb3VzIGJ1c2luZXNzLCBGcm9kbywgZ29pbmcgb3V0IHlvdXIgZG9vci4gWW91IHN0ZXAgb250byB0aGUgcm9hZCwgYW5kIGlmIHlvdSBkb24ndCBrZWVwIHlvdXIgZmVldCwgdGhlcmXigJlzIG5vIGtub3dpbmcgd2hlcmUgeW91IG1pZ2h0IGJlIHN3ZXB0IG9mZiB0by4.MRjdkly7_-oTPTS3AXP41iQIGKa80A0ZmTuV5MEaHoxnW2e5CZ5NlKtainoFmKZopdHM1O2U4mwzJdQx996ivp83xuglII7PNDi84wnB-BDkoBwA78185hX-Es4JIwmDLJK3lfWRa-XtL0RnltuYv746iYTh_qHRD68BNt1uSNCrUCTJDt5aAE6x8wW1Kt9eRo4QPocSadnHXFxnt8Is9UzpERV0ePPQdLuW3IS_de3xyIrDaLGdjluPxUAhb6L2aXic1U12podGU0KLUQSE_oI-ZnmKJ3F4uOZDnd6QZWJushZ41Axf_fcIe8u9ipH84ogoree7vjbU5y18kDquDg";
const RFC7520_KEY: &str = r#"{"kty":"RSA","kid":"bilbo.baggins@hobbiton.example","use":"sig","n":"n4EPtAOCc9AlkeQHPzHStgAbgs7bTZLwUBZdR8_KuKPEHLd4rHVTeT-O-XV2jRojdNhxJWTDvNd7nqQ0VEiZQHz_AJmSCpMaJMRBSFKrKb2wqVwGU_NsYOYL-QtiWN2lbzcEe6XC0dApr5ydQLrHqkHHig3RBordaZ6Aj-oBHqFEHYpPe7Tpe-OfVfHd1E6cS6M1FZcD1NNLYD5lFHpPI9bTwJlsde3uhGqC0ZCuEHg8lhzwOHrtIQbS0FVbb9k3-tVTU4fg_3L_vniUFAKwuCLqKnS2BYwdq_mzSnbLY7h_qixoR7jig3__kRhuaxwUkRz5iaiQkqgc5gHdrNP5zw","e":"AQAB"}"#;
/// RFC 8037 appendix A.4.
const RFC8037: &str = "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";
const RFC8037_KEY: &str = r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;
/// RFC 7515 appendix A.1, an HMAC.
const A1: &str = "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
/// RFC 7515 appendix A.5.
const A5: &str =
    "eyJhbGciOiJub25lIn0.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.";

fn set(keys: &[&str]) -> KeySet {
    let keys: Vec<Value> = keys.iter().map(|it| serde_json::from_str(it).unwrap()).collect();
    let set = KeySet::from_jwks(&keys, Algorithm::ALL);
    assert_eq!(set.rejected(), []);
    set
}

fn verify(token: &str, keys: &KeySet) -> Result<Vec<u8>, VerifyError> {
    let jws = UnverifiedJws::parse(token).unwrap();
    jws.verify(keys).map(|it| it.payload().to_vec())
}

/// A token with this header, signed by nobody.
fn with_header(header: &str) -> String {
    format!("{}.e30.AAAA", base64url::encode(header))
}

#[test]
fn verifies_the_examples_of_the_rfcs() {
    for (token, key, start) in [
        (A2, A2_KEY, "{\"iss\":\"joe\",\r\n"),
        (A3, A3_KEY, "{\"iss\":\"joe\",\r\n"),
        (A4, A4_KEY, "Payload"),
        (RFC7520, RFC7520_KEY, "It\u{2019}s a dangerous business"),
        (RFC8037, RFC8037_KEY, "Example of Ed25519 signing"),
    ] {
        let payload = verify(token, &set(&[key])).unwrap();
        assert!(payload.starts_with(start.as_bytes()), "{token}");
        // all keys are tried where the token names none
        assert!(verify(token, &set(&[A4_KEY, RFC8037_KEY, A3_KEY, RFC7520_KEY, A2_KEY])).is_ok());
    }
}

#[test]
fn reads_the_header_and_the_claims() {
    let jws = UnverifiedJws::parse(A2).unwrap();
    assert_eq!(
        (jws.header().alg(), jws.header().kid(), jws.header().typ()),
        ("RS256", None, None)
    );
    assert_eq!(jws.unverified_claims().unwrap()["iss"], json!("joe"));
    let keys = set(&[A2_KEY]);
    let verified = jws.verify(&keys).unwrap();
    assert_eq!(verified.claims().unwrap()["exp"], json!(1_300_819_380));
    assert_eq!(verified.key().thumbprint(), keys.keys()[0].thumbprint());
    let named = UnverifiedJws::parse(RFC7520).unwrap();
    assert_eq!(named.header().kid(), Some("bilbo.baggins@hobbiton.example"));
    assert!(named.unverified_claims().is_err(), "not JSON");
}

/// SET-04, JWT-01: neither HMAC nor `none`, whatever the keys.
#[test]
fn refuses_hmac_and_none() {
    assert_eq!(verify(A1, &set(&[A2_KEY])), Err(VerifyError::UnsupportedAlgorithm));
    assert_eq!(UnverifiedJws::parse(A5).unwrap_err(), JwsError::Unsigned);
    for alg in ["none", "None", "HS256", "HS512", "RS1", "rs256", ""] {
        let token = with_header(&json!({ "alg": alg }).to_string());
        assert_eq!(
            verify(&token, &set(&[A2_KEY])),
            Err(VerifyError::UnsupportedAlgorithm),
            "{alg}"
        );
    }
}

/// The classic confusion: HMAC keyed with the text of the public key.
#[test]
fn refuses_an_hmac_made_with_the_public_key() {
    let input = format!("{}.e30", base64url::encode(r#"{"alg":"HS256"}"#));
    let tag = crate::mac::HmacSha256::new(A2_KEY.as_bytes()).sign(&input);
    let token = format!("{input}.{}", base64url::encode(tag));
    assert_eq!(verify(&token, &set(&[A2_KEY])), Err(VerifyError::UnsupportedAlgorithm));
}

/// JWT-01, JWT-02: the key's `alg` decides, and the header's must agree.
#[test]
fn refuses_an_algorithm_that_the_key_is_not_bound_to() {
    let bound = A2_KEY.replace(r#""e":"#, r#""alg":"RS512","e":"#);
    assert_eq!(verify(A2, &set(&[&bound])), Err(VerifyError::NoKey(NoKey::WrongAlgorithm)));
    assert_eq!(verify(A3, &set(&[A2_KEY])), Err(VerifyError::NoKey(NoKey::WrongAlgorithm)));
    let one = VerificationKey::from_jwk(&serde_json::from_str(&bound).unwrap(), Algorithm::ALL).unwrap();
    let jws = UnverifiedJws::parse(A2).unwrap();
    assert_eq!(jws.verify_with(&one).unwrap_err(), VerifyError::NoKey(NoKey::WrongAlgorithm));
}

#[test]
fn refuses_an_unknown_kid_and_takes_null_for_none() {
    let key = PrivateKey::generate(NewKey::Ec(Curve::P256)).unwrap();
    let keys = KeySet::from_jwks([&key.public_jwk()], Algorithm::ALL);
    let named = key.with_kid(Some("other".into()));
    let token = named.sign_compact(&Map::new(), b"{}").unwrap();
    assert_eq!(verify(&token, &keys), Err(VerifyError::NoKey(NoKey::UnknownKid)));
    let mut null = Map::new();
    null.insert("kid".into(), Value::Null);
    let token = named.with_kid(None).sign_compact(&null, b"{}").unwrap();
    assert!(token.starts_with(&base64url::encode(r#"{"alg":"ES256","kid":null}"#)));
    assert_eq!(verify(&token, &keys), Ok(b"{}".to_vec()));
}

#[test]
fn refuses_every_change_of_a_signed_byte() {
    let keys = set(&[A3_KEY]);
    let payload_at = A3.find('.').unwrap() + 1;
    for index in (payload_at..A3.len()).filter(|index| A3.as_bytes()[*index] != b'.') {
        let mut changed = A3.as_bytes().to_vec();
        changed[index] = if changed[index] == b'A' { b'B' } else { b'A' };
        let changed = String::from_utf8(changed).unwrap();
        if let Ok(jws) = UnverifiedJws::parse(&changed) {
            assert_eq!(jws.verify(&keys).unwrap_err(), VerifyError::BadSignature, "{index}");
        }
    }
}

/// JWT-04: r and s at their full length, not as DER.
#[test]
fn refuses_a_der_signature() {
    let (input, signature) = A3.rsplit_once('.').unwrap();
    let raw = base64url::decode(signature).unwrap();
    let integer = |half: &[u8]| {
        let mut body = half.to_vec();
        if body[0] >= 0x80 {
            body.insert(0, 0);
        }
        [&[2, u8::try_from(body.len()).unwrap()][..], &body].concat()
    };
    let body = [integer(&raw[..32]), integer(&raw[32..])].concat();
    let der = [&[0x30, u8::try_from(body.len()).unwrap()][..], &body].concat();
    let keys = set(&[A3_KEY]);
    for bytes in [der, raw[..63].to_vec(), [&raw[..], &[0]].concat(), vec![0; 64]] {
        let token = format!("{input}.{}", base64url::encode(bytes));
        assert_eq!(verify(&token, &keys), Err(VerifyError::BadSignature));
    }
}

/// SET-07, SET-08, SET-10, JWT-08, JWT-09, JWT-11, JWT-17.
#[test]
fn refuses_shapes_with_the_reason() {
    let (header, rest) = A3.split_once('.').unwrap();
    let long_header = format!(r#"{{"alg":"RS256","x":"{}"}}"#, "a".repeat(4096));
    for (token, want) in [
        (String::new(), JwsError::NotCompact),
        ("a.b".into(), JwsError::NotCompact),
        ("a.b.c.d".into(), JwsError::NotCompact),
        ("a.b.c.d.e".into(), JwsError::Encrypted),
        ("..".into(), JwsError::NotCompact),
        (format!("{header}.e30."), JwsError::NotCompact),
        (format!("{header}..AAAA"), JwsError::NotCompact),
        (format!("{A3}="), JwsError::Encoding),
        (format!("{A3}\n"), JwsError::Encoding),
        (format!(" {A3}"), JwsError::Encoding),
        // the last character's unused bits set
        (A3.replace("U1Q", "U1R"), JwsError::Encoding),
        (format!("{header}=.{rest}"), JwsError::Encoding),
        (r#"{"payload":"","signatures":[]}"#.into(), JwsError::NotCompact),
        ("a".repeat(MAX_TOKEN_BYTES + 1), JwsError::TooLong(MAX_TOKEN_BYTES)),
        (with_header("[]"), JwsError::Header(StrictJsonError::NotAnObject)),
        (with_header("{}"), JwsError::HeaderMember("alg")),
        (with_header(r#"{"alg":null}"#), JwsError::HeaderMember("alg")),
        (with_header(r#"{"alg":5}"#), JwsError::HeaderMember("alg")),
        (with_header(r#"{"alg":"RS256","kid":5}"#), JwsError::HeaderMember("kid")),
        (with_header(r#"{"alg":"RS256","typ":[]}"#), JwsError::HeaderMember("typ")),
        (
            with_header(r#"{"alg":"RS256","alg":"RS256"}"#),
            JwsError::Header(StrictJsonError::DuplicateMember("alg".into())),
        ),
        (with_header(&long_header), JwsError::Header(StrictJsonError::TooLong(4096))),
        (
            with_header(r#"{"alg":"RS256","crit":["exp"],"exp":1}"#),
            JwsError::UnsupportedMember("crit"),
        ),
        (
            with_header(r#"{"alg":"RS256","crit":[]}"#),
            JwsError::UnsupportedMember("crit"),
        ),
        (
            with_header(r#"{"alg":"RS256","crit":null}"#),
            JwsError::UnsupportedMember("crit"),
        ),
        (
            with_header(r#"{"alg":"RS256","b64":false}"#),
            JwsError::UnsupportedMember("b64"),
        ),
        (
            with_header(r#"{"alg":"RS256","zip":"DEF"}"#),
            JwsError::UnsupportedMember("zip"),
        ),
        (with_header(r#"{"alg":"RS256","cty":"jwt"}"#), JwsError::Nested),
        (with_header(r#"{"alg":"RS256","cty":"application/JWT"}"#), JwsError::Nested),
    ] {
        assert_eq!(UnverifiedJws::parse(&token).unwrap_err(), want, "{token}");
    }
}

#[test]
fn refuses_claims_with_duplicate_members_though_signed() {
    let key = PrivateKey::generate(NewKey::Ec(Curve::P256)).unwrap();
    let keys = KeySet::from_jwks([&key.public_jwk()], Algorithm::ALL);
    let token = key.sign_compact(&Map::new(), br#"{"jti":"a","jti":"b"}"#).unwrap();
    let jws = UnverifiedJws::parse(&token).unwrap();
    let claims = jws.verify(&keys).unwrap().claims();
    assert_eq!(claims, Err(StrictJsonError::DuplicateMember("jti".into())));
}

/// SET-09: a key in the header is data.
#[test]
fn does_not_trust_a_key_in_the_header() {
    let key = PrivateKey::generate(NewKey::Ec(Curve::P256)).unwrap().with_kid(None);
    let mut header = Map::new();
    header.insert("jwk".into(), key.public_jwk());
    header.insert("jku".into(), "https://attacker.example/keys".into());
    let token = key.sign_compact(&header, b"{}").unwrap();
    assert_eq!(verify(&token, &set(&[A3_KEY])), Err(VerifyError::BadSignature));
    assert_eq!(UnverifiedJws::parse(&token).unwrap().header().jwk(), Some(&key.public_jwk()));
}

proptest! {
    #[test]
    fn parse_never_panics(token in ".{0,200}") {
        let _ = UnverifiedJws::parse(&token);
    }

    #[test]
    fn parse_never_panics_on_any_header(header in proptest::collection::vec(any::<u8>(), 0..100)) {
        let _ = UnverifiedJws::parse(&format!("{}.e30.AAAA", base64url::encode(header)));
    }

    #[test]
    fn no_other_signature_verifies(signature in proptest::collection::vec(any::<u8>(), 1..80)) {
        let (input, _) = A3.rsplit_once('.').unwrap();
        let token = format!("{input}.{}", base64url::encode(signature));
        prop_assert_eq!(verify(&token, &set(&[A3_KEY])), Err(VerifyError::BadSignature));
    }
}
