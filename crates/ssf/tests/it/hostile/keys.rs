//! Algorithms, keys and signatures.

use aws_lc_rs::hmac;
use serde_json::{Value, json};
use watchfire_crypto::{base64url, jwk::Algorithm};
use watchfire_model::object::DialectName;
use watchfire_ssf::ErrorCode::{self, AuthenticationFailed, InvalidKey, InvalidRequest};

use super::{Base, Case, STANDARD};
use crate::attempt::{Attempt, KEYS, Signature};

const ES256: Base = Base::Es256(DialectName::Standard);

pub(super) fn cases() -> Vec<Case> {
    [algorithms(), key_ids(), key_sets(), header_keys(), signatures()]
        .into_iter()
        .flatten()
        .collect()
}

fn header(name: &str, rule: &'static str, err: ErrorCode, member: &'static str, value: Value) -> Case {
    Case::new(name, rule, (STANDARD, err), move |it| {
        it.edit_header(|header| {
            header.insert(member.to_owned(), value.clone());
        });
    })
}

fn algorithms() -> Vec<Case> {
    let alg = |value: &'static str| header(&format!("alg {value:?}"), "SET-04", InvalidKey, "alg", json!(value));
    let mut cases: Vec<Case> = ["RS1", "rs256", "RS256 ", "RS2560", "", "ES256K", "A128KW", "dir", "RSA-OAEP"]
        .map(alg)
        .into();
    for none in ["none", "None", "NONE", "nOnE"] {
        cases.push(Case::new(
            format!("unsigned, alg {none}"),
            "SET-30",
            (STANDARD, InvalidKey),
            move |it| {
                it.edit_header(|header| header["alg"] = json!(none));
                it.signature = Signature::Bytes(vec![]);
            },
        ));
        cases.push(header(
            &format!("alg {none} beside a signature"),
            "SET-04",
            InvalidKey,
            "alg",
            json!(none),
        ));
    }
    let macs = [
        ("HS256", hmac::HMAC_SHA256),
        ("HS384", hmac::HMAC_SHA384),
        ("HS512", hmac::HMAC_SHA512),
    ];
    for (alg, mac) in macs {
        cases.push(Case::new(
            format!("{alg} under the public key"),
            "JWT-01",
            (STANDARD, InvalidKey),
            move |it| {
                it.edit_header(|header| header["alg"] = json!(alg));
                it.signature = Signature::PublicKeyAsSecret(mac);
            },
        ));
    }
    for algorithm in [Algorithm::Ps256, Algorithm::Rs384, Algorithm::Rs512] {
        let name = format!("{algorithm}, which the provider may not use");
        cases.push(Case::new(name, "SET-04", (STANDARD, InvalidKey), move |it| {
            it.edit_header(|header| header["alg"] = json!(algorithm.as_str()));
            it.signature = Signature::Rsa(algorithm);
        }));
    }
    for value in [json!(null), json!(256), json!(["RS256"]), json!({"name": "RS256"})] {
        cases.push(header(
            &format!("alg is {value}"),
            "okta.md 6.5",
            InvalidRequest,
            "alg",
            value,
        ));
    }
    cases.push(Case::new("no alg", "okta.md 6.5", (STANDARD, InvalidRequest), |it| {
        it.edit_header(|header| {
            header.remove("alg");
        });
    }));
    cases.push(header(
        "ES256 under the RSA key's name",
        "JWT-02",
        InvalidKey,
        "alg",
        json!("ES256"),
    ));
    cases.push(header(
        "EdDSA under the RSA key's name",
        "JWT-02",
        InvalidKey,
        "alg",
        json!("EdDSA"),
    ));
    cases.push(Case::new(
        "RS256 under the EC key's name",
        "JWT-02",
        (ES256, InvalidKey),
        |it| {
            it.edit_header(|header| header["alg"] = json!("RS256"));
        },
    ));
    let interop = (Base::Rs256(DialectName::Interop), InvalidKey);
    cases.push(Case::new("ES256 where only RS256 is allowed", "ITOP-16", interop, |it| {
        it.header = br#"{"alg":"ES256","kid":"ec-1","typ":"secevent+jwt"}"#.to_vec();
        it.signature = Signature::Es256(&KEYS.ec);
    }));
    cases
}

fn key_ids() -> Vec<Case> {
    let mut cases = Vec::new();
    for kid in [
        "rsa-2",
        "",
        "RSA-1",
        "rsa-1 ",
        "rsa-1\u{0}",
        "../rsa-1",
        "' OR 1=1 --",
        "rsа-1",
    ] {
        cases.push(header(&format!("kid {kid:?}"), "SET-06", InvalidKey, "kid", json!(kid)));
    }
    for kid in [json!(1), json!(["rsa-1"]), json!({}), json!(true)] {
        cases.push(header(&format!("kid is {kid}"), "okta.md 6.5", InvalidRequest, "kid", kid));
    }
    let without_kid = |it: &mut Attempt| {
        it.edit_header(|header| {
            header.remove("kid");
        });
    };
    cases.push(Case::new(
        "no kid, two keys for the algorithm",
        "SET-06",
        (STANDARD, InvalidKey),
        move |it| {
            without_kid(it);
            it.jwks.push(KEYS.foreign.public_jwk());
        },
    ));
    cases.push(Case::new(
        "no kid, no key for the algorithm",
        "SET-06",
        (STANDARD, InvalidKey),
        move |it| {
            without_kid(it);
            it.jwks.remove(0);
        },
    ));
    cases.push(Case::new("two keys under one kid", "SET-06", (STANDARD, InvalidKey), |it| {
        it.jwks.push(KEYS.foreign.public_jwk());
    }));
    cases.push(Case::new("kid of the other key", "JWT-01", (STANDARD, InvalidKey), |it| {
        it.edit_header(|header| header["kid"] = json!("ec-1"));
    }));
    cases
}

fn key_sets() -> Vec<Case> {
    let key = |name: &str, rule, change: fn(&mut Value)| {
        Case::new(name, rule, (STANDARD, InvalidKey), move |it| change(&mut it.jwks[0]))
    };
    vec![
        Case::new("no keys at all", "JWT-06", (STANDARD, InvalidKey), |it| it.jwks.clear()),
        key("the key is for encryption", "JWT-02", |jwk| jwk["use"] = json!("enc")),
        key("the key's use is no text", "JWT-02", |jwk| jwk["use"] = json!(1)),
        key("the key may only sign", "JWT-02", |jwk| jwk["key_ops"] = json!(["sign"])),
        key("the key's operations are no list", "JWT-02", |jwk| {
            jwk["key_ops"] = json!("verify")
        }),
        key("the key is bound to PS256", "JWT-02", |jwk| jwk["alg"] = json!("PS256")),
        key("the key is bound to HS256", "JWT-02", |jwk| jwk["alg"] = json!("HS256")),
        key("the key's private exponent is public", "JWT-03", |jwk| {
            jwk["d"] = json!("AQAB")
        }),
        key("the key's prime is public", "JWT-03", |jwk| jwk["p"] = json!("AQAB")),
        key("the key is a shared secret", "JWT-03", |jwk| {
            *jwk = json!({"kty": "oct", "kid": "rsa-1", "alg": "RS256", "k": "AAAA"});
        }),
        key("the modulus has 1024 bits", "JWT-04", |jwk| {
            jwk["n"] = json!(base64url::encode([0xa5; 128]));
        }),
        key("the modulus is even", "JWT-04", |jwk| {
            let mut n = base64url::decode(jwk["n"].as_str().unwrap()).unwrap();
            n[255] &= 0xfe;
            jwk["n"] = json!(base64url::encode(n));
        }),
        key("the exponent is 1", "JWT-04", |jwk| jwk["e"] = json!("AQ")),
        key("the exponent is even", "JWT-04", |jwk| jwk["e"] = json!("AQAC")),
        key("the modulus is padded", "JWT-11", |jwk| {
            jwk["n"] = json!(format!("{}==", jwk["n"].as_str().unwrap()));
        }),
        Case::new("the point is not on its curve", "JWT-04", (ES256, InvalidKey), |it| {
            let y = it.jwks[1]["x"].clone();
            it.jwks[1]["y"] = y;
        }),
        Case::new("the curve is another", "JWT-02", (ES256, InvalidKey), |it| {
            it.jwks[1]["crv"] = json!("P-384")
        }),
        Case::new("the curve has no name", "JWT-02", (ES256, InvalidKey), |it| {
            it.jwks[1].as_object_mut().unwrap().remove("crv");
        }),
        Case::new("the provider may use no algorithm", "SET-04", (STANDARD, InvalidKey), |it| {
            it.algorithms.clear()
        }),
        Case::new("the key has gone", "JWT-06", (STANDARD, InvalidKey), |it| {
            it.jwks.remove(0);
        }),
    ]
}

/// SET-09: a stranger's key, vouched for by nothing but the token itself.
fn header_keys() -> Vec<Case> {
    type Member = (&'static str, fn() -> Value);
    let cases: [Member; 5] = [
        ("jwk", || KEYS.foreign.public_jwk()),
        ("jku", || json!("https://attacker.example/jwks")),
        ("x5u", || json!("https://attacker.example/cert.pem")),
        ("x5c", || json!(["MIIB"])),
        ("x5t", || json!("AAAA")),
    ];
    let case = |(member, value): Member| {
        let name = format!("a stranger's key in {member}");
        Case::new(name, "SET-09", (STANDARD, AuthenticationFailed), move |it| {
            it.edit_header(|header| {
                header.insert(member.to_owned(), value());
            });
            it.signature = Signature::Rs256(&KEYS.foreign);
        })
    };
    cases.map(case).into()
}

fn signatures() -> Vec<Case> {
    let spoilt = |name: &str, rule, base: Base, spoil: fn(Vec<u8>) -> Vec<u8>| {
        Case::new(name, rule, (base, AuthenticationFailed), move |it| {
            let right = std::mem::replace(&mut it.signature, Signature::Bytes(vec![]));
            it.signature = Signature::Spoilt(Box::new(right), spoil);
        })
        .saying("Could not verify message signature")
    };
    let of = |name: &str, other: fn(&str) -> String| {
        Case::new(name, "RFC 7515", (STANDARD, AuthenticationFailed), move |it| {
            it.signature = Signature::Of(Box::new(Signature::Rs256(&KEYS.rsa)), other);
        })
    };
    vec![
        Case::new(
            "signed by a stranger under our name",
            "AMB-17",
            (STANDARD, AuthenticationFailed),
            |it| {
                it.signature = Signature::Rs256(&KEYS.foreign);
            },
        ),
        Case::new(
            "signed with the other key",
            "JWT-01",
            (STANDARD, AuthenticationFailed),
            |it| {
                it.signature = Signature::Es256(&KEYS.ec);
            },
        ),
        Case::new("no signature", "SET-10", (STANDARD, InvalidRequest), |it| {
            it.signature = Signature::Bytes(vec![])
        }),
        spoilt("a bit of the signature is turned", "AMB-17", STANDARD, |mut it| {
            it[17] ^= 1;
            it
        }),
        spoilt("the signature is cut", "AMB-17", STANDARD, |mut it| {
            it.pop();
            it
        }),
        spoilt("the signature is longer", "AMB-17", STANDARD, |mut it| {
            it.push(0);
            it
        }),
        spoilt("the signature is zero", "AMB-17", STANDARD, |it| vec![0; it.len()]),
        spoilt("the signature is all ones", "AMB-17", STANDARD, |it| vec![0xff; it.len()]),
        spoilt("r and s are zero", "JWT-04", ES256, |it| vec![0; it.len()]),
        spoilt("r is zero", "JWT-04", ES256, |it| [vec![0; 32], it[32..].to_vec()].concat()),
        spoilt("s is zero", "JWT-04", ES256, |it| [it[..32].to_vec(), vec![0; 32]].concat()),
        spoilt("r and s are exchanged", "JWT-04", ES256, |it| [&it[32..], &it[..32]].concat()),
        spoilt("the signature is DER", "JWT-04", ES256, der),
        spoilt("r and s have 33 bytes", "JWT-04", ES256, |it| {
            [&[0], &it[..32], &[0], &it[32..]].concat()
        }),
        spoilt("the EC signature is cut", "JWT-04", ES256, |mut it| {
            it.pop();
            it
        }),
        of("the signature is of the payload alone", |it| {
            it.split('.').nth(1).unwrap().to_owned()
        }),
        of("the signature is of the header alone", |it| {
            it.split('.').next().unwrap().to_owned()
        }),
        of("the signature is of nothing", |_| String::new()),
        of("the signature is of the unencoded payload", |it| {
            let (header, payload) = it.split_once('.').unwrap();
            format!("{header}.{}", String::from_utf8(base64url::decode(payload).unwrap()).unwrap())
        }),
        of("the signature is of another token", |it| format!("{it}x")),
    ]
}

/// r and s as ASN.1, as most libraries give them.
fn der(signature: Vec<u8>) -> Vec<u8> {
    let integer = |half: &[u8]| [&[2, 33, 0], half].concat();
    let body = [integer(&signature[..32]), integer(&signature[32..])].concat();
    [vec![0x30, u8::try_from(body.len()).unwrap()], body].concat()
}
