use serde_json::json;
use watchfire_model::{id::ClientId, object::Status, time::Timestamp};

use super::*;

/// RFC 7638 section 3.1.
const N: &str = "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw";
/// 1024 bits.
const SHORT: &str = "__________________________________________________________________________________________________________________________________________________________________________8";
const X: &str = "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU";
const Y: &str = "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0";

struct Counter(u32);

impl IdSource for Counter {
    fn next_id(&mut self, prefix: &str) -> String {
        self.0 += 1;
        format!("{prefix}{:017}", self.0)
    }

    fn next_uuid(&mut self) -> String {
        String::new()
    }
}

/// The request of okta.md 1.2.3.
fn guide() -> Value {
    json!({
        "client_name": "Acme Risk Feed", "grant_types": ["client_credentials"], "response_types": ["token"],
        "redirect_uris": ["https://httpbin.org/get"], "token_endpoint_auth_method": "private_key_jwt",
        "application_type": "service", "jwks": {"keys": [rsa()]},
    })
}

fn rsa() -> Value {
    json!({"kty": "RSA", "alg": "RS256", "use": "sig", "e": "AQAB", "n": N})
}

fn rsa_with(name: &str, value: Value) -> Value {
    let mut key = rsa();
    key[name] = value;
    key
}

fn ec(kid: Value) -> Value {
    json!({"kty": "EC", "crv": "P-256", "kid": kid, "x": X, "y": Y})
}

fn guide_with(name: &str, value: Value) -> Value {
    let mut body = guide();
    body[name] = value;
    body
}

fn register(body: &Value) -> Result<ClientMetadata, RegistrationError> {
    create(body, Rules::default(), &mut Counter(0))
}

fn client(metadata: ClientMetadata) -> Client {
    Client {
        id: ClientId::new("0oa8h2kq7RtZVm3xW0h7"),
        metadata,
        secret_hash: None,
        status: Status::Active,
        consent_method: "REQUIRED".into(),
        app: Map::new(),
        created: Timestamp::from_seconds(1_756_390_012),
        last_updated: Timestamp::from_seconds(1_756_390_012),
    }
}

/// okta.md 1.2.3, byte for byte.
#[test]
fn answers_the_guide_as_the_contract_shows() {
    let object = document(&client(register(&guide()).unwrap()), None);
    assert_eq!(
        object,
        json!({
            "client_id": "0oa8h2kq7RtZVm3xW0h7", "client_id_issued_at": 1_756_390_012,
            "client_name": "Acme Risk Feed", "client_uri": null, "logo_uri": null,
            "redirect_uris": ["https://httpbin.org/get"], "response_types": ["token"],
            "grant_types": ["client_credentials"],
            "jwks": {"keys": [{"kty": "RSA", "alg": "RS256", "kid": null, "use": "sig", "e": "AQAB", "n": N}]},
            "token_endpoint_auth_method": "private_key_jwt", "application_type": "service",
        })
    );
    let names: Vec<_> = object.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(names[..4], ["client_id", "client_id_issued_at", "client_name", "client_uri"]);
}

#[test]
fn gives_keys_an_id_and_a_status() {
    let Some(KeySource::Jwks(keys)) = register(&guide()).unwrap().keys else {
        panic!("no keys")
    };
    assert_eq!(keys[0]["id"], "pks00000000000000001");
    assert_eq!(keys[0]["status"], "ACTIVE");
}

/// okta.md 1.2.1.
#[test]
fn fills_in_the_defaults() {
    let web = register(&json!({"client_name": "a", "redirect_uris": ["https://a.example/cb"]})).unwrap();
    assert_eq!(
        (
            web.application_type.as_str(),
            web.response_types.as_slice(),
            web.grant_types.as_slice()
        ),
        (
            "web",
            ["code".to_owned()].as_slice(),
            ["authorization_code".to_owned()].as_slice()
        )
    );
    assert_eq!(web.token_endpoint_auth_method, AuthMethod::ClientSecretBasic);
    let service = json!({"client_name": "a", "application_type": "service", "redirect_uris": null});
    let service = register(&service).unwrap();
    assert_eq!(
        (service.response_types, service.grant_types),
        (vec!["token".into()], vec!["client_credentials".into()])
    );
    assert_eq!(service.redirect_uris, Vec::<String>::new());
}

#[test]
fn shows_a_secret_once_and_never_to_clients_without_one() {
    let web = client(register(&json!({"client_name": "a", "redirect_uris": ["https://a.example/cb"]})).unwrap());
    let created = document(&web, Some("s3cret"));
    assert_eq!(
        (&created["client_secret"], &created["client_secret_expires_at"]),
        (&json!("s3cret"), &json!(0))
    );
    let read = document(&web, None);
    assert_eq!(
        (read.get("client_secret"), &read["client_secret_expires_at"]),
        (None, &json!(0))
    );
    let service = document(&client(register(&guide()).unwrap()), None);
    assert_eq!(service.get("client_secret_expires_at"), None);
}

#[test]
fn keeps_and_echoes_the_optional_members() {
    let mut body = guide();
    for (name, value) in [
        ("client_uri", json!("https://a.example")),
        ("tos_uri", json!("http://a.example/tos")),
        ("policy_uri", json!(null)),
        ("request_object_signing_alg", json!("RS256")),
        ("frontchannel_logout_session_required", json!(true)),
        ("dpop_bound_access_tokens", json!(true)),
        ("post_logout_redirect_uris", json!(["com.example:/out"])),
        ("software_id", json!("ignored")),
    ] {
        body[name] = value;
    }
    let object = document(&client(register(&body).unwrap()), None);
    assert_eq!(object["client_uri"], "https://a.example");
    assert_eq!(object["tos_uri"], "http://a.example/tos");
    assert_eq!(object["request_object_signing_alg"], "RS256");
    assert_eq!(object["frontchannel_logout_session_required"], true);
    assert_eq!(object["dpop_bound_access_tokens"], true);
    assert_eq!(object["post_logout_redirect_uris"], json!(["com.example:/out"]));
    assert_eq!((object.get("software_id"), object.get("policy_uri")), (None, None));
}

#[test]
fn takes_a_jwks_uri() {
    let mut body = guide_with("jwks_uri", json!("https://a.example/keys"));
    body["jwks"] = Value::Null;
    let metadata = register(&body).unwrap();
    assert_eq!(metadata.keys, Some(KeySource::JwksUri("https://a.example/keys".into())));
    let object = document(&client(metadata), None);
    assert_eq!(
        (object.get("jwks"), &object["jwks_uri"]),
        (None, &json!("https://a.example/keys"))
    );
    body["jwks_uri"] = json!("http://127.0.0.1:9/keys");
    assert!(register(&body).is_err());
    assert!(create(&body, Rules { allow_http: true }, &mut Counter(0)).is_ok());
}

/// okta.md 1.2.1, 1.2.2.
#[test]
fn refuses_metadata_with_member_and_reason() {
    let unkeyed = guide_with("jwks", Value::Null);
    for (body, description) in [
        (json!([]), "client_name: The field cannot be left blank"),
        (json!({}), "client_name: The field cannot be left blank"),
        (
            guide_with("client_name", json!("  ")),
            "client_name: The field cannot be left blank",
        ),
        (
            guide_with("client_name", json!(null)),
            "client_name: The field cannot be left blank",
        ),
        (guide_with("client_name", json!(5)), "client_name: The field must be a string"),
        (
            guide_with("client_name", json!("n".repeat(101))),
            "client_name: The field is too long",
        ),
        (
            guide_with("application_type", json!("daemon")),
            "application_type: 'daemon' is not a valid value. Valid values: [browser, native, service, web]",
        ),
        (
            guide_with("response_types", json!("token")),
            "response_types: The field must be an array of strings",
        ),
        (
            guide_with("response_types", json!(["tokens"])),
            "response_types: 'tokens' is not a valid value. Valid values: [code, id_token, none, token]",
        ),
        (
            guide_with("response_types", json!(["code"])),
            "response_types: Clients with an application_type of 'service' must use the 'token' response type only.",
        ),
        (
            guide_with("grant_types", json!([1])),
            "grant_types: The field must be an array of strings",
        ),
        (
            guide_with("grant_types", json!(["authorization_code", "client_credentials"])),
            "grant_types: Clients with an application_type of 'service' must use the 'client_credentials' grant type, and none that needs a user.",
        ),
        (
            guide_with("token_endpoint_auth_method", json!("none")),
            "token_endpoint_auth_method: Clients with an application_type of 'service' must authenticate.",
        ),
        (
            guide_with("token_endpoint_auth_method", json!("tls_client_auth")),
            "token_endpoint_auth_method: 'tls_client_auth' is not a valid value. Valid values: [none, client_secret_basic, client_secret_post, client_secret_jwt, private_key_jwt]",
        ),
        (
            unkeyed,
            "jwks: One of 'jwks' or 'jwks_uri' is required when the token_endpoint_auth_method is 'private_key_jwt'.",
        ),
        (
            guide_with("jwks_uri", json!("https://a.example")),
            "jwks: Only one of 'jwks' and 'jwks_uri' may be specified.",
        ),
        (
            guide_with("jwks_uri", json!("ftp://a.example")),
            "jwks_uri: The field must be a valid https URL",
        ),
        (
            guide_with("logo_uri", json!("logo.png")),
            "logo_uri: The field must be a valid http or https URL",
        ),
        (
            guide_with("logo_uri", json!("javascript:alert(1)")),
            "logo_uri: The field must be a valid http or https URL",
        ),
        (
            guide_with("dpop_bound_access_tokens", json!("true")),
            "dpop_bound_access_tokens: The field must be a boolean",
        ),
        (
            guide_with("frontchannel_logout_session_required", json!(1)),
            "frontchannel_logout_session_required: The field must be a boolean",
        ),
    ] {
        let got = OAuthError::from(register(&body).unwrap_err());
        assert_eq!(
            (got.status, got.error, &*got.description),
            (400, "invalid_client_metadata", description),
            "{body}"
        );
    }
}

/// okta.md 1.2.1, 1.2.2, RFC 6749 section 3.1.2.
#[test]
fn refuses_redirect_uris() {
    for uri in [
        "",
        "/cb",
        "https://a.example/cb#x",
        "https://a.example/cb#",
        "javascript:alert(1)",
        "data:,x",
        "https://",
        "no uri",
    ] {
        let error = register(&guide_with("redirect_uris", json!([uri]))).unwrap_err();
        assert_eq!(
            (error.code(), error.member()),
            ("invalid_redirect_uri", "redirect_uris"),
            "{uri}"
        );
    }
    let web = json!({"client_name": "a", "redirect_uris": []});
    assert_eq!(register(&web).unwrap_err().code(), "invalid_redirect_uri");
    let logout = register(&guide_with("post_logout_redirect_uris", json!(["/"]))).unwrap_err();
    assert_eq!(
        (logout.code(), logout.member()),
        ("invalid_redirect_uri", "post_logout_redirect_uris")
    );
    for uri in ["http://localhost:8080/cb", "com.example.app:/cb", "https://a.example/cb?x=1"] {
        assert!(register(&guide_with("redirect_uris", json!([uri]))).is_ok(), "{uri}");
    }
}

/// okta.md 1.2.1, "JWK rules"; JWT-02, JWT-03, JWT-04.
#[test]
fn refuses_keys_with_the_reason() {
    let message = |keys: Value| {
        register(&guide_with("jwks", json!({ "keys": keys })))
            .unwrap_err()
            .message()
            .to_owned()
    };
    let many: Vec<_> = (0..51).map(|n| ec(json!(n.to_string()))).collect();
    for (keys, want) in [
        (json!([]), "The JWKSet must contain at least one key."),
        (json!(many), "The JWKSet must contain at most 50 keys."),
        (
            json!([rsa_with("n", json!(SHORT))]),
            "RSA key length in the 'jwks' is less than '2,048' bits for the given key.",
        ),
        (
            json!([ec(json!("a")), rsa_with("kid", json!("a"))]),
            "All keys in the 'jwks' must have a unique `kid`.",
        ),
        (
            json!([ec(json!("a")), rsa()]),
            "Each key should have a unique kid when adding multiple keys.",
        ),
        (
            json!([ec(json!(null)), rsa()]),
            "Each key should have a unique kid when adding multiple keys.",
        ),
        (
            json!([rsa_with("d", json!("AQAB"))]),
            "A key in the 'jwks' is invalid: the key contains private members.",
        ),
        (
            json!([{"kty": "oct", "k": "AAAA"}]),
            "A key in the 'jwks' is invalid: symmetric keys are not accepted.",
        ),
        (
            json!([{"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]),
            "A key in the 'jwks' is invalid: the key type must be RSA or EC.",
        ),
        (
            json!([rsa_with("alg", json!("PS256"))]),
            "A key in the 'jwks' is invalid: the algorithm of the key is not accepted.",
        ),
        (
            json!([rsa_with("use", json!("other"))]),
            "A key in the 'jwks' is invalid: 'use' must be 'sig' or 'enc'.",
        ),
        (
            json!([rsa_with("use", json!(1))]),
            "A key in the 'jwks' is invalid: 'use' must be 'sig' or 'enc'.",
        ),
        (
            json!([rsa_with("status", json!("OFF"))]),
            "A key in the 'jwks' is invalid: 'status' must be 'ACTIVE' or 'INACTIVE'.",
        ),
        (
            json!([rsa_with("kid", json!(5))]),
            "A key in the 'jwks' is invalid: the member 'kid' is malformed.",
        ),
        (json!(["key"]), "A key in the 'jwks' is invalid: a JWK must be an object."),
        (
            json!([{"kty": "RSA", "e": "AQAB"}]),
            "A key in the 'jwks' is invalid: the member 'n' is missing.",
        ),
    ] {
        assert_eq!(message(keys), want);
    }
    for jwks in [json!([]), json!("x"), json!({}), json!({"keys": {}})] {
        assert_eq!(
            register(&guide_with("jwks", jwks)).unwrap_err().message(),
            "The field must be an object with an array 'keys'."
        );
    }
    for keys in [
        json!([ec(json!(null))]),
        json!([ec(json!("a")), rsa_with("kid", json!("b"))]),
        json!([rsa_with("use", json!("enc")),]),
        json!([rsa_with("x5t", json!("unknown members are kept"))]),
    ] {
        assert!(register(&guide_with("jwks", json!({ "keys": keys }))).is_ok(), "{keys}");
    }
}

/// okta.md 1.2.2 and 13 row 13.
#[test]
fn replaces_what_it_is_given_back() {
    let old = client(register(&guide()).unwrap());
    let mut body = document(&old, Some("ignored"));
    body["client_secret_expires_at"] = json!("ignored");
    body["client_name"] = json!("New name");
    let mut ids = Counter(100);
    let new = replace(&body, &old, Rules::default(), &mut ids).unwrap();
    assert_eq!(new.client_name, "New name");
    assert_eq!(new.keys.as_ref().map(|_| ()), Some(()));
    let (Some(KeySource::Jwks(before)), Some(KeySource::Jwks(after))) = (&old.metadata.keys, &new.keys) else {
        panic!()
    };
    assert_eq!(before[0]["id"], after[0]["id"], "the key stays, and so does its id");
    body["client_id"] = json!("0oaOther");
    let error = replace(&body, &old, Rules::default(), &mut ids).unwrap_err();
    assert_eq!((error.code(), error.member()), ("invalid_client_metadata", "client_id"));
}

#[test]
fn keeps_dpop_binding_unless_told_otherwise() {
    let old = client(register(&guide_with("dpop_bound_access_tokens", json!(true))).unwrap());
    let put = |body: &Value| {
        replace(body, &old, Rules::default(), &mut Counter(0))
            .unwrap()
            .dpop_bound_access_tokens
    };
    assert!(put(&guide()));
    assert!(!put(&guide_with("dpop_bound_access_tokens", json!(false))));
}

#[test]
fn shows_the_status_of_an_inactive_key() {
    let body = guide_with("jwks", json!({"keys": [rsa_with("status", json!("INACTIVE"))]}));
    let object = document(&client(register(&body).unwrap()), None);
    assert_eq!(object["jwks"]["keys"][0]["status"], "INACTIVE");
    assert_eq!(object["jwks"]["keys"][0].get("id"), None);
}
