use std::{fs, os::unix::fs::PermissionsExt as _, path::Path};

use serde_json::{Value, json};

use crate::program::{json as parsed, path, run, run_with_input, stderr, text};

fn keygen(arguments: &[&str]) -> Value {
    parsed(&run(&[&["keygen", "--json"], arguments].concat()))
}

#[test]
fn keygen_prints_one_object_with_all_three_forms() {
    let made = keygen(&[]);
    let public = &made["publicKey"];
    assert_eq!(public["kty"], "RSA");
    assert_eq!(
        (&public["alg"], &public["use"], &public["e"]),
        (&json!("RS256"), &json!("sig"), &json!("AQAB"))
    );
    assert_eq!(made["jwks"], json!({"keys": [public]}));
    assert_eq!(made["keyPair"]["n"], public["n"]);
    for member in ["d", "p", "q", "dp", "dq", "qi"] {
        assert!(
            made["keyPair"][member].is_string() && public.get(member).is_none(),
            "{member}"
        );
    }
    assert_eq!(made.as_object().unwrap().len(), 3);
}

/// RFC 7638: the thumbprint of the public key, which the crypto crate tests against the RFC.
#[test]
fn the_key_id_is_the_thumbprint_unless_another_is_given() {
    let made = keygen(&["--type", "ec"]);
    let thumbprint = watchfire_crypto::jwk::thumbprint(&made["publicKey"]).unwrap();
    assert_eq!(made["publicKey"]["kid"], thumbprint.as_str());
    assert_eq!(
        (&made["publicKey"]["crv"], &made["publicKey"]["alg"]),
        (&json!("P-256"), &json!("ES256"))
    );
    let named = keygen(&["--type", "ec", "--kid", "mine"]);
    assert_eq!(
        (&named["publicKey"]["kid"], &named["keyPair"]["kid"]),
        (&json!("mine"), &json!("mine"))
    );
}

#[test]
fn an_rsa_key_has_the_bits_that_were_asked_for() {
    for (size, characters) in [("2048", 342), ("3072", 512)] {
        let modulus = keygen(&["--size", size])["publicKey"]["n"].as_str().unwrap().len();
        assert_eq!(modulus, characters, "{size}");
    }
    for arguments in [
        ["--size", "1024"],
        ["--size", "2049"],
        ["--type", "oct"],
        ["--curve", "P-256"],
    ] {
        assert_eq!(
            run(&[&["keygen"], arguments.as_slice()].concat()).status.code(),
            Some(2),
            "{arguments:?}"
        );
    }
}

#[test]
fn private_files_are_their_owners_alone_and_never_replaced_by_accident() {
    let folder = tempfile::tempdir().unwrap();
    let base = folder.path().join("provider");
    let made = keygen(&["--type", "ec", "--out", path(&base)]);
    assert!(made.get("keyPair").is_none(), "the private key is in its file only");
    let mode = |name: &str| fs::metadata(folder.path().join(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode("provider.private.json"), mode("provider.private.pem")), (0o600, 0o600));
    let read = |name: &str| fs::read_to_string(folder.path().join(name)).unwrap();
    let public: Value = serde_json::from_str(&read("provider.public.json")).unwrap();
    assert_eq!(public, made["publicKey"]);
    assert_eq!(
        serde_json::from_str::<Value>(&read("provider.jwks.json")).unwrap(),
        made["jwks"]
    );

    fs::remove_file(folder.path().join("provider.public.json")).unwrap();
    let before = read("provider.private.json");
    let again = run(&["keygen", "--type", "ec", "--out", path(&base)]);
    assert_eq!(again.status.code(), Some(1));
    assert!(stderr(&again).contains("--force"), "{}", stderr(&again));
    assert_eq!(read("provider.private.json"), before);
    assert!(!folder.path().join("provider.public.json").exists(), "all or nothing");

    fs::set_permissions(folder.path().join("provider.private.json"), fs::Permissions::from_mode(0o644)).unwrap();
    text(&run(&["keygen", "--type", "ec", "--out", path(&base), "--force"]));
    assert_ne!(read("provider.private.json"), before);
    assert_eq!(mode("provider.private.json"), 0o600);
}

fn make_pair(folder: &Path) {
    text(&run(&["keygen", "--type", "ec", "--out", path(&folder.join("k"))]));
}

fn decoded(token: &str) -> Value {
    parsed(&run(&["jwt", "decode", "--json", token]))
}

/// okta.md 1.3.2: what the guides leave out is added.
#[test]
fn an_assertion_has_what_the_token_endpoint_asks_for() {
    let folder = tempfile::tempdir().unwrap();
    make_pair(folder.path());
    let sign = |key: &str, more: &[&str]| {
        let key = folder.path().join(key);
        let fixed = [
            "jwt",
            "assertion",
            "--key",
            path(&key),
            "--client-id",
            "0oa1",
            "--url",
            "https://risk.example.com/",
        ];
        text(&run(&[&fixed, more].concat())).trim().to_owned()
    };
    let token = sign("k.private.json", &[]);
    let shown = decoded(&token);
    let claims = &shown["claims"];
    assert_eq!(shown["verified"], false);
    assert_eq!(claims["aud"], "https://risk.example.com/oauth2/v1/token");
    assert_eq!((&claims["iss"], &claims["sub"]), (&json!("0oa1"), &json!("0oa1")));
    assert_eq!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(), 300);
    assert!(claims["jti"].as_str().unwrap().len() >= 22);
    let public: Value = serde_json::from_str(&fs::read_to_string(folder.path().join("k.public.json")).unwrap()).unwrap();
    assert_eq!(
        (&shown["header"]["kid"], &shown["header"]["alg"]),
        (&public["kid"], &json!("ES256"))
    );

    let bare = decoded(&sign("k.private.pem", &["--no-jti", "--no-kid", "--expires-in", "60"]));
    assert!(bare["claims"].get("jti").is_none() && bare["header"].get("kid").is_none());
    assert_eq!(
        bare["claims"]["exp"].as_i64().unwrap() - bare["claims"]["iat"].as_i64().unwrap(),
        60
    );
    assert_eq!(
        decoded(&sign("k.private.json", &["--kid", "other"]))["header"]["kid"],
        "other"
    );
    let reason = run(&[
        "jwt",
        "assertion",
        "--key",
        path(&folder.path().join("k.public.json")),
        "--client-id",
        "x",
        "--url",
        "http://x",
    ]);
    assert_eq!(reason.status.code(), Some(1));
}

#[test]
fn what_keygen_printed_is_a_key_too() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("all.json");
    fs::write(&file, keygen(&["--type", "ec"]).to_string()).unwrap();
    let token = text(&run(&[
        "jwt",
        "assertion",
        "--key",
        path(&file),
        "--client-id",
        "0oa1",
        "--url",
        "http://x",
    ]));
    assert_eq!(decoded(token.trim())["claims"]["iss"], "0oa1");
}

#[test]
fn a_token_is_verified_with_its_keys_and_its_claims() {
    let folder = tempfile::tempdir().unwrap();
    make_pair(folder.path());
    let key = folder.path().join("k.private.json");
    let fixed = [
        "jwt",
        "assertion",
        "--key",
        path(&key),
        "--client-id",
        "0oa1",
        "--url",
        "https://x",
    ];
    let token = text(&run(&fixed)).trim().to_owned();
    let old = text(&run(&[&fixed[..], &["--expires-in", "0"]].concat())).trim().to_owned();
    let (set, one) = (folder.path().join("k.jwks.json"), folder.path().join("k.public.json"));
    let other = tempfile::tempdir().unwrap();
    make_pair(other.path());
    let foreign = other.path().join("k.jwks.json");
    let forged = {
        let mut parts: Vec<&str> = token.split('.').collect();
        parts[1] = "eyJpc3MiOiJtYWxsb3J5In0";
        parts.join(".")
    };
    let table: &[(&str, &[&str], Option<&str>)] = &[
        (&token, &["--jwks", path(&set)], None),
        (
            &token,
            &["--jwk", path(&one), "--aud", "https://x/oauth2/v1/token", "--iss", "0oa1"],
            None,
        ),
        (&token, &["--jwks", path(&set), "--aud", "https://y"], Some("its aud is")),
        (&token, &["--jwks", path(&set), "--iss", "0oa2"], Some("its iss is")),
        (&token, &["--jwks", path(&foreign)], Some("no key")),
        (&forged, &["--jwks", path(&set)], Some("signature is not valid")),
        (&old, &["--jwks", path(&set), "--leeway", "0"], Some("expired")),
        ("abc", &["--jwks", path(&set)], Some("not a compact JWS")),
    ];
    for (token, arguments, refusal) in table {
        let output = run(&[&["jwt", "verify", "--json", *token], *arguments].concat());
        let verdict: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(verdict["verified"], refusal.is_none(), "{arguments:?} {verdict}");
        assert_eq!(output.status.code(), Some(i32::from(refusal.is_some())), "{arguments:?}");
        if let Some(reason) = refusal {
            assert!(verdict["reason"].as_str().unwrap().contains(reason), "{verdict}");
        }
    }
}

/// The guides' example answer, and the quotes that their troubleshooting tips warn of.
#[test]
fn decode_says_that_nothing_is_verified_and_takes_standard_input() {
    let token = "\"eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJ4In0.AA\"\n";
    let shown = text(&run_with_input(&["jwt", "decode"], token));
    assert!(shown.contains("UNVERIFIED") && shown.contains("\"iss\": \"x\""), "{shown}");
    assert_eq!(run_with_input(&["jwt", "decode"], "not a token").status.code(), Some(1));
}
