use serde_json::json;

use super::*;
use crate::jwk::{KeySet, VerificationKey};
use crate::jws::UnverifiedJws;

/// RFC 7515 appendix A.2, in the order of mkjwk.org.
const A2: &str = r#"{"p":"4BzEEOtIpmVdVEZNCqS7baC4crd0pqnRH_5IB3jw3bcxGn6QLvnEtfdUdiYrqBdss1l58BQ3KhooKeQTa9AB0Hw_Py5PJdTJNPY8cQn7ouZ2KKDcmnPGBY5t7yLc1QlQ5xHdwW1VhvKn-nXqhJTBgIPgtldC-KDV5z-y2XDwGUc","kty":"RSA","q":"uQPEfgmVtjL0Uyyx88GZFF1fOunH3-7cepKmtH4pxhtCoHqpWmT8YAmZxaewHgHAjLYsp1ZSe7zFYHj7C6ul7TjeLQeZD_YwD66t62wDmpe_HlB-TnBA-njbglfIsRLtXlnDzQkv5dTltRJ11BKBBypeeF6689rjcJIDEz9RWdc","d":"Eq5xpGnNCivDflJsRQBXHx1hdR1k6Ulwe2JZD50LpXyWPEAeP88vLNO97IjlA7_GQ5sLKMgvfTeXZx9SE-7YwVol2NXOoAJe46sui395IW_GO-pWJ1O0BkTGoVEn2bKVRUCgu-GjBVaYLU6f3l9kJfFNS3E0QbVdxzubSu3Mkqzjkn439X0M_V51gfpRLI9JYanrC4D4qAdGcopV_0ZHHzQlBjudU2QvXt4ehNYTCBr6XCLQUShb1juUO1ZdiYoFaFQT5Tw8bGUl_x_jTj3ccPDVZFD9pIuhLhBOneufuBiB4cS98l2SR_RQyGWSeWjnczT0QU91p1DhOVRuOopznQ","e":"AQAB","use":"sig","kid":"a2","qi":"IYd7DHOhrWvxkwPQsRM2tOgrjbcrfvtQJipd-DlcxyVuuM9sQLdgjVk2oy26F0EmpScGLq2MowX7fhd_QJQ3ydy5cY7YIBi87w93IKLEdfnbJtoOPLUW0ITrJReOgo1cq9SbsxYawBgfp_gh6A5603k2-ZQwVK0JKSHuLFkuQ3U","dp":"BwKfV3Akq5_MFZDFZCnW-wzl-CCo83WoZvnLQwCTeDv8uzluRSnm71I3QCLdhrqE2e9YkxvuxdBfpT_PI7Yz-FOKnu1R6HsJeDCjn12Sk3vmAktV2zb34MCdy7cpdTh_YVr7tss2u6vneTwrA86rZtu5Mbr1C1XsmvkxHQAdYo0","alg":"RS256","dq":"h_96-mK1R_7glhsum81dZxjTnYynPbZpHziZjeeHcXYsXaaMwkOlODsWa7I9xXDoRwbKgB719rrmI2oKr6N3Do9U0ajaHF-NKJnwgjMd2w9cjz3_-kyNlxAr2v4IKhGNpmM5iIgOS1VZnOZ68m6_pbLBSp3nssTdlqvd0tIiTHU","n":"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ"}"#;
const A2_PAYLOAD: &[u8] = b"{\"iss\":\"joe\",\r\n \"exp\":1300819380,\r\n \"http://example.com/is_root\":true}";
const A2_TOKEN: &str = "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw";
/// RFC 8037 appendix A.1.
const ED25519: &str = r#"{"kty":"OKP","crv":"Ed25519","d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;

fn private(text: &str) -> PrivateKey {
    PrivateKey::from_private_jwk(&serde_json::from_str(text).unwrap()).unwrap()
}

fn round_trips(key: &PrivateKey) {
    let token = key.sign_compact(&Map::new(), b"{}").unwrap();
    let keys = KeySet::from(VerificationKey::from_jwk(&key.public_jwk(), Algorithm::ALL).unwrap());
    assert!(UnverifiedJws::parse(&token).unwrap().verify(&keys).is_ok(), "{key:?}");
}

#[test]
fn makes_the_signature_of_rfc_7515_a2() {
    let token = private(A2).with_kid(None).sign_compact(&Map::new(), A2_PAYLOAD).unwrap();
    assert_eq!(token, A2_TOKEN);
}

#[test]
fn makes_the_signature_of_rfc_8037_a4() {
    let token = private(ED25519)
        .sign_compact(&Map::new(), b"Example of Ed25519 signing")
        .unwrap();
    assert_eq!(
        token,
        "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg"
    );
}

#[test]
fn writes_a_private_jwk_as_it_was_read() {
    assert_eq!(private(A2).to_private_jwk().unwrap().to_string(), A2);
    let mut ed25519 = private(ED25519).to_private_jwk().unwrap();
    assert_eq!(ed25519["alg"], json!("EdDSA"));
    for added in ["alg", "use"] {
        ed25519.as_object_mut().unwrap().shift_remove(added);
    }
    assert_eq!(ed25519, serde_json::from_str::<Value>(ED25519).unwrap());
}

#[test]
fn reads_back_what_it_generates_in_every_form() {
    for kind in [
        NewKey::Rsa2048,
        NewKey::Ec(Curve::P256),
        NewKey::Ec(Curve::P384),
        NewKey::Ec(Curve::P521),
        NewKey::Ed25519,
    ] {
        let key = PrivateKey::generate(kind).unwrap();
        assert_eq!(key.kid(), Some(key.thumbprint()));
        round_trips(&key);
        let jwk = PrivateKey::from_private_jwk(&key.to_private_jwk().unwrap()).unwrap();
        let pem = PrivateKey::from_pem(&key.to_pem()).unwrap();
        let der = PrivateKey::from_pkcs8(key.to_pkcs8()).unwrap();
        for other in [jwk, pem, der] {
            assert_eq!(other.public_jwk(), key.public_jwk(), "{kind:?}");
            round_trips(&other);
        }
    }
}

#[test]
fn signs_with_every_algorithm_of_rsa() {
    use Algorithm::*;
    for algorithm in [Rs256, Rs384, Rs512, Ps256, Ps384, Ps512] {
        let key = private(A2).with_algorithm(algorithm).unwrap();
        assert_eq!(key.public_jwk()["alg"], json!(algorithm.as_str()));
        round_trips(&key);
    }
    assert_eq!(private(A2).with_algorithm(Es256).unwrap_err(), SigningError::WrongAlgorithm);
}

#[test]
fn publishes_the_members_of_the_key_document() {
    let jwk = private(A2).public_jwk();
    let names: Vec<_> = jwk.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(names, ["kty", "alg", "kid", "use", "e", "n"], "okta.md 1.6");
    assert_eq!(jwk["kid"], json!("a2"));
    assert!(private(A2).with_kid(None).public_jwk().get("kid").is_none());
}

#[test]
fn puts_kid_first_and_then_alg_and_the_rest() {
    let mut members = Map::new();
    members.insert("typ".into(), "secevent+jwt".into());
    let token = private(A2).sign_compact(&members, b"{}").unwrap();
    let header = base64url::decode(token.split('.').next().unwrap()).unwrap();
    assert_eq!(header, br#"{"kid":"a2","alg":"RS256","typ":"secevent+jwt"}"#);
}

#[test]
fn refuses_what_is_no_private_key() {
    let mut cases = vec![
        (json!({}), SigningError::Malformed),
        (json!("x"), SigningError::Malformed),
        (json!({"kty": "oct", "k": "AA"}), SigningError::Malformed),
        (private(A2).public_jwk(), SigningError::PublicOnly),
        (private(ED25519).public_jwk(), SigningError::PublicOnly),
    ];
    for (name, value, error) in [
        ("p", json!("AQAB"), SigningError::Rejected),
        ("d", json!("AQAB"), SigningError::Rejected),
        ("n", json!("AQAB"), SigningError::Rejected),
        ("alg", json!("ES256"), SigningError::WrongAlgorithm),
        ("alg", json!("HS256"), SigningError::WrongAlgorithm),
        ("kid", json!(1), SigningError::Malformed),
    ] {
        let mut jwk: Value = serde_json::from_str(A2).unwrap();
        jwk[name] = value;
        cases.push((jwk, error));
    }
    for (jwk, error) in cases {
        assert_eq!(PrivateKey::from_private_jwk(&jwk).unwrap_err(), error, "{jwk}");
    }
}

#[test]
fn refuses_pem_with_the_reason() {
    for (text, error) in [
        ("", SigningError::Malformed),
        (
            "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----",
            SigningError::Malformed,
        ),
        (
            "-----BEGIN PRIVATE KEY-----\n!\n-----END PRIVATE KEY-----",
            SigningError::Malformed,
        ),
        (
            "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----",
            SigningError::Encrypted,
        ),
        (
            "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\nAAAA\n-----END RSA PRIVATE KEY-----",
            SigningError::Encrypted,
        ),
        (
            "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----",
            SigningError::PublicOnly,
        ),
    ] {
        assert_eq!(PrivateKey::from_pem(text).unwrap_err(), error, "{text}");
    }
}

/// What `openssl ecparam -name prime256v1 -genkey` writes: parameters, then SEC 1.
#[test]
fn reads_sec1_after_its_parameters() {
    let key = PrivateKey::from_pem(SEC1).unwrap();
    assert_eq!(key.key_type(), KeyType::Ec(Curve::P256));
    round_trips(&key);
}

/// What `openssl genrsa -traditional 2048` writes.
#[test]
fn reads_pkcs1() {
    let key = PrivateKey::from_pem(PKCS1).unwrap();
    assert_eq!(key.algorithm(), Algorithm::Rs256);
    round_trips(&key);
}

#[test]
fn shows_nothing_private() {
    let key = private(A2);
    let shown = format!("{key:?}");
    assert_eq!(
        shown,
        format!(
            "PrivateKey {{ kid: Some(\"a2\"), algorithm: Rs256, thumbprint: {:?}, .. }}",
            key.thumbprint()
        )
    );
}

const SEC1: &str = "\
-----BEGIN EC PARAMETERS-----
BggqhkjOPQMBBw==
-----END EC PARAMETERS-----
-----BEGIN EC PRIVATE KEY-----
MHcCAQEEIM7S0WfBer/9wjVwlPAV4olulz+9i+R54W9uiWsj/njVoAoGCCqGSM49
AwEHoUQDQgAEnXDlTyPHkFNGPL6tfHYKND3O8jHqS9eXgTFqQv9Plv9Qf98pnO0d
ZCZ1L6CU7DLGnRSWvsanA91YbAVdjb723w==
-----END EC PRIVATE KEY-----
";
const PKCS1: &str = "\
-----BEGIN RSA PRIVATE KEY-----
MIIEowIBAAKCAQEAvVWZWYRraby+oyRzeG6oUpl3+wDnJtWQC24SZO191wdONyd2
rzrRe3aGRnse0wmPB20O9Hg1WutbYqGbyY/2O3F8sQF0YJFHHfgCG02BgusGt/gf
Lg8V7KT2Sc7XzA4u1m9YmCaKNYQDveU978AEbv/I/qOdMzBQW4f6T7VoFFNNsEXz
oO/Wlm2G6vC1iqpFtC91+5n4NE+eb5+jbgIIJiFuBjs2QYClhYPIBgTd5CffzIMZ
LGPagL6wBjI2r4ZdgH9ACEAbFVX31UtB6fb8gAOxpwg/yKxGWlmrCutZfCLyyvqz
4JqpQ79Vk2flt0ogIjop/ILVvilFou1wPxDjjQIDAQABAoIBABXR1Voua1WUebDh
/Me6kv3v71aXQExmrNLQZODKSOgc0KwFCYXAxM8Sdf+N5VvDXH8p16EfcGCxwoaf
os1MIL+xgMICbafKXlSLFi0Q1dXhYZUWjHtZpDhxO2v+oTqEQOwYCXEBcgigVfEO
yABHFAu5wS9taiqxzPT7ewKwIJZE3ziafMtLk3GT10je4Rm9R8WrjFKL3PSm+iNK
sFmKh88Ul1zuW/fv7boJiZS7MqK/8uriVc2BomAFxVojN66ID7lsvKAQb9lH0dDx
9EAi/LoDTulOh0ma8gYOCyAv4wOe6avlJp4SHEfNOl0olEPgYYnFs+WXIKtFlnop
+997ebkCgYEA++1i8yNLAQIpTKqG0biKK3W5dR8TbYxO6IZzbavE6aO/qFoBxB0t
U7zaX/C6keIxnTG/tn2Zm6IHR5l232RGy+RO+rtc1InUXRsTlbDeO+AqUUsh4lrt
HVo9qFqWHH83uFAkwOPo1omVZhFuRLoGNswJ97cmQ7i7Ixd0uYcckgUCgYEAwGUr
Ku9DnZIwdFt5IplDH8MW5yPz7dLoVrmH38Jt4dM7s5siQbRXDy5yoNtHLt5GtEKL
B2ALtY5n6V07IYuJ7PUa0m29BQTG0rRT2YmY+0vqZOwkTgTXq5j9geWsuQSMNgVL
SwNhks3oRoUWP0wQ6TRRrchbMoRkVt68W7qPmekCgYAK1xge5jHgBTvJtLzAYXRw
kkw8oe2wFQ2AK+jjmzSJ6SXiFJ1m1uqQY9vxrOYaSOVhojZhn93wOHSfvBbFXgc9
1sEfQNipvJSKvROGqWmmoeqwPM9kcg0p6iwlBmDXMRIwuCIcurHWKW1oSu+3vVlv
GjCDnDnlSBmlVOkM4qd0EQKBgC5vvK2ONlmv0TYkZeZt63+dDMgZK2T5hM551Uuy
l+brnvtItEn7hw/I/C3K/zFWwOX9MaVED09w4a+3qu/7x/yDZEfp6LdvYbW1hI96
4Iu21Qoq3NBf5tYqBPX3Q2scp+LaAERIuqI+RJPQx3/bkjFXSWeSdkCJJ9a3x+qz
6rkRAoGBANSVa9m6ZQSG0IeLgJL+ovOp5U/55+gy+i+3jznw29cf/1bCjOtZZtcp
O2rrLa7nWsFsgJVgz8qCsCSrXTIf05rS+vC49RQvnPEld2iTXCrz2TywxMAkVBc5
MmZCOwb6HxWN21rD7kEClrgQZXsf+FNKNydFXO38f1frMv4AtoBn
-----END RSA PRIVATE KEY-----
";
