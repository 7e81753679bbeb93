//! okta.md 1.3, 1.5.

use std::time::Duration;

use anyhow::Result;
use serde_json::{Map, Value, json};
use watchfire_app::{Clock as _, Settings};
use watchfire_harness::{
    Answer, ORG_URL, ServiceApp, TestServer,
    service_app::{DpopKey, JWT_BEARER, new_key},
};
use wiremock::{Mock, MockServer, ResponseTemplate, matchers::any};

use super::{events, refusal};

const PATH: &str = "/oauth2/v1/token";
const SCOPE: &str = "okta.riskEvents.manage";

async fn ask(server: &TestServer, form: &[(&str, String)]) -> Result<Answer> {
    server.call("POST", PATH).anonymous().form(form).send().await
}

fn claims_of(token: &str) -> Result<Value> {
    let payload = token.split('.').nth(1).unwrap_or_default();
    Ok(serde_json::from_slice(&watchfire_crypto::base64url::decode(payload)?)?)
}

#[tokio::test]
async fn a_token_says_what_oktas_say() -> Result<()> {
    let server = TestServer::start().await?;
    let app = ServiceApp::register(&server, &["okta.riskEvents.manage", "okta.logs.read"]).await?;
    let issued = app.request_token(&server, "okta.riskEvents.manage okta.logs.read").await?;
    let token = issued.text_at("/access_token");
    assert_eq!(
        (issued.status, &issued.json),
        (
            200,
            &json!({"token_type": "Bearer", "expires_in": 3600, "access_token": token, "scope": "okta.riskEvents.manage okta.logs.read"})
        )
    );
    assert_eq!(issued.headers["cache-control"], "no-cache, no-store");
    assert_eq!(issued.headers["pragma"], "no-cache");
    assert_eq!(issued.headers["content-type"], "application/json");
    let claims = claims_of(token)?;
    let jti = claims["jti"].as_str().unwrap_or_default();
    assert!(jti.starts_with("AT.") && jti.len() == 46, "{jti}");
    assert_eq!(
        claims,
        json!({
            "ver": 1, "jti": jti, "iss": ORG_URL, "aud": ORG_URL, "sub": app.id, "iat": 1_800_000_000,
            "exp": 1_800_003_600, "cid": app.id, "scp": ["okta.riskEvents.manage", "okta.logs.read"],
        })
    );
    assert_eq!(
        events(&server, "app.oauth2.token").await?,
        [
            "app.oauth2.token.grant SUCCESS -",
            "app.oauth2.token.grant.access_token SUCCESS -"
        ]
    );
    Ok(())
}

/// What a case makes of a good request.
type Change = fn(&mut Vec<(&'static str, String)>);

fn set(form: &mut Vec<(&'static str, String)>, name: &'static str, value: &str) {
    form.retain(|(known, _)| *known != name);
    form.push((name, value.to_owned()));
}

#[tokio::test]
async fn parameters_are_checked() -> Result<()> {
    let server = TestServer::start().await?;
    let app = ServiceApp::register(&server, &[SCOPE]).await?;
    let cases: &[(Change, u16, &str, &str)] = &[
        (|f| f.clear(), 401, "invalid_client", "No client credentials found."),
        (
            |f| f.retain(|(name, _)| *name == "grant_type"),
            401,
            "invalid_client",
            "No client credentials found.",
        ),
        (
            |f| f.retain(|(name, _)| *name != "grant_type"),
            400,
            "invalid_request",
            "The token request must specify a 'grant_type'. Valid values: [authorization_code, client_credentials, implicit, interaction_code, password, refresh_token]",
        ),
        (
            |f| set(f, "grant_type", "authorization_code"),
            400,
            "unsupported_grant_type",
            "The authorization grant type is not supported by the authorization server. Configured grant types: [client_credentials].",
        ),
        (
            |f| {
                set(
                    f,
                    "client_assertion_type",
                    "urn:ietf:params:oauth:client-assertion-type:saml2-bearer",
                )
            },
            400,
            "invalid_request",
            "The client_assertion_type is invalid.",
        ),
        (
            |f| f.push(("scope", "okta.logs.read".to_owned())),
            400,
            "invalid_request",
            "The request contained multiple parameters with the same name.",
        ),
        (
            |f| set(f, "client_secret", "s3cr3t"),
            401,
            "invalid_request",
            "Cannot supply multiple client credentials. Use one of the following: credentials in the Authorization header, credentials in the post body, or a client_assertion in the post body.",
        ),
        (
            |f| set(f, "client_id", "0oaNobody"),
            401,
            "invalid_client",
            "Invalid value for 'client_id' parameter.",
        ),
        (
            |f| set(f, "client_assertion", "a.b"),
            401,
            "invalid_client",
            "The parsing of the client_assertion failed.",
        ),
        (|f| set(f, "scope", ""), 400, "invalid_scope", "No scopes were requested."),
        (
            |f| set(f, "scope", "okta.everything.manage"),
            400,
            "invalid_scope",
            "One or more scopes are not configured for the authorization server resource.",
        ),
        (
            |f| set(f, "scope", "openid"),
            400,
            "invalid_scope",
            "Cannot request 'openid' scopes using client credentials.",
        ),
        (
            |f| set(f, "scope", "okta.riskEvents.manage okta.users.read"),
            400,
            "invalid_scope",
            "The following scopes are not allowed for this request: [okta.users.read].",
        ),
        (
            |f| set(f, "scope", "okta.users.read"),
            400,
            "consent_required",
            "You are not allowed any of the requested scopes.",
        ),
    ];
    for (change, status, error, description) in cases {
        let mut form = app.token_form(&server, SCOPE)?;
        change(&mut form);
        let refused = ask(&server, &form).await?;
        assert_eq!(refusal(&refused), (*status, *error, *description));
        assert_eq!(refused.headers["cache-control"], "no-cache, no-store", "{description}");
    }
    Ok(())
}

#[tokio::test]
async fn assertions_are_checked() -> Result<()> {
    let server = TestServer::start().await?;
    let app = ServiceApp::register(&server, &[SCOPE]).await?;
    let now = server.clock.now().as_seconds();
    let cases: &[(Value, &str)] = &[
        (
            json!({"iss": "0oaNobody"}),
            "The issuer claim for client_assertion is not a valid client_id.",
        ),
        (
            json!({"iss": null}),
            "The issuer claim for client_assertion is not a valid client_id.",
        ),
        (
            json!({"sub": "0oaNobody"}),
            "The subject claim for client_assertion is not a valid client_id.",
        ),
        (
            json!({"aud": "https://other.example/oauth2/v1/token"}),
            "The audience claim for client_assertion must be the endpoint invoked for the request.",
        ),
        (
            json!({"exp": null}),
            "The client_assertion must contain the 'exp' claim as seconds since epoch.",
        ),
        (json!({"exp": now - 61}), "The client_assertion token is expired."),
        (
            json!({"exp": now + 3_661}),
            "The client_assertion token has an expiration too far into the future.",
        ),
        (
            json!({"iat": now + 301}),
            "The client_assertion token must be issued before the current time.",
        ),
    ];
    for (members, description) in cases {
        let mut claims = app.claims(&server);
        for (name, value) in members.as_object().expect("an object") {
            claims[name] = value.clone();
        }
        claims.as_object_mut().expect("an object").retain(|_, value| !value.is_null());
        let mut form = app.token_form(&server, SCOPE)?;
        set(&mut form, "client_assertion", &app.sign(&claims)?);
        let refused = ask(&server, &form).await?;
        assert_eq!(refusal(&refused), (401, "invalid_client", *description));
    }

    let stranger = ServiceApp {
        id: app.id.clone(),
        key: new_key()?.with_kid(None),
    };
    let signed = stranger.sign(&app.claims(&server))?;
    let mut form = app.token_form(&server, SCOPE)?;
    set(&mut form, "client_assertion", &signed);
    let refused = ask(&server, &form).await?;
    assert_eq!(
        refused.text_at("/error_description"),
        "The client_assertion signature is invalid."
    );
    let stranger = ServiceApp {
        id: app.id.clone(),
        key: new_key()?,
    };
    set(&mut form, "client_assertion", &stranger.sign(&app.claims(&server))?);
    let refused = ask(&server, &form).await?;
    assert_eq!(
        refused.text_at("/error_description"),
        "The client_assertion JWT kid is invalid."
    );

    // The seven above that name the app, and these two; the two unknown issuers are nobody's.
    let failures = events(&server, "app.oauth2.token").await?;
    assert_eq!(failures, vec!["app.oauth2.token.grant FAILURE invalid_client"; 8]);
    Ok(())
}

#[tokio::test]
async fn every_spelling_of_the_audience_and_a_late_hour_are_taken() -> Result<()> {
    let server = TestServer::start().await?;
    let app = ServiceApp::register(&server, &[SCOPE]).await?;
    let now = server.clock.now().as_seconds();
    for members in [
        json!({"aud": "https://org.example"}),
        json!({"aud": "https://org.example/"}),
        json!({"aud": ["https://other.example", "https://org.example/oauth2/v1/token/"]}),
        json!({"exp": now + 3_600}),
        json!({"exp": (now + 300).to_string()}),
        json!({"exp": now - 30}),
    ] {
        let mut claims = app.claims(&server);
        claims
            .as_object_mut()
            .expect("an object")
            .extend(members.as_object().expect("an object").clone());
        let mut form = app.token_form(&server, SCOPE)?;
        set(&mut form, "client_assertion", &app.sign(&claims)?);
        let issued = ask(&server, &form).await?;
        assert_eq!(issued.status, 200, "{members} {}", issued.text);
    }
    Ok(())
}

#[tokio::test]
async fn a_jti_works_once_even_when_all_come_at_one_time() -> Result<()> {
    let server = TestServer::start().await?;
    let app = ServiceApp::register(&server, &[SCOPE]).await?;
    let mut claims = app.claims(&server);
    claims["jti"] = json!("once");
    let mut form = app.token_form(&server, SCOPE)?;
    set(&mut form, "client_assertion", &app.sign(&claims)?);
    let (a, b, c) = tokio::join!(ask(&server, &form), ask(&server, &form), ask(&server, &form));
    let mut statuses = [a?.status, b?.status, c?.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 401, 401]);
    // A restart does not forget it.
    let server = server.restart().await?;
    let again = ask(&server, &form).await?;
    let used = "The client_assertion token has already been used.";
    assert_eq!(refusal(&again), (401, "invalid_client", used));
    // Another client's is another one.
    let other = ServiceApp::register(&server, &[SCOPE]).await?;
    let mut claims = other.claims(&server);
    claims["jti"] = json!("once");
    set(&mut form, "client_assertion", &other.sign(&claims)?);
    assert_eq!(ask(&server, &form).await?.status, 200);
    Ok(())
}

#[tokio::test]
async fn a_bad_signature_does_not_use_a_jti_up() -> Result<()> {
    let server = TestServer::start().await?;
    let app = ServiceApp::register(&server, &[SCOPE]).await?;
    let mut claims = app.claims(&server);
    claims["jti"] = json!("wanted");
    let forged = ServiceApp {
        id: app.id.clone(),
        key: new_key()?.with_kid(None),
    };
    let mut form = app.token_form(&server, SCOPE)?;
    set(&mut form, "client_assertion", &forged.sign(&claims)?);
    assert_eq!(ask(&server, &form).await?.status, 401);
    set(&mut form, "client_assertion", &app.sign(&claims)?);
    assert_eq!(ask(&server, &form).await?.status, 200);
    Ok(())
}

#[tokio::test]
async fn clients_of_other_kinds_are_refused() -> Result<()> {
    let server = TestServer::start().await?;
    let web = json!({"application_type": "web", "redirect_uris": ["https://app.example/cb"]});
    let web_code = json!({
        "application_type": "web", "redirect_uris": ["https://app.example/cb"],
        "grant_types": ["authorization_code"], "response_types": ["code"],
    });
    let secret = json!({"token_endpoint_auth_method": "client_secret_basic", "jwks": null});
    let only = "Only clients with 'application_type' of 'service' may use the client_credentials 'grant_type' with the Org Authorization Server.";
    let must =
        "Client Credentials requests to the Org Authorization Server must use the private_key_jwt token_endpoint_auth_method.";
    for (members, description) in [(web, only), (web_code, only), (secret, must)] {
        let app = ServiceApp::register_with(&server, &[SCOPE], members).await?;
        let refused = app.request_token(&server, SCOPE).await?;
        assert_eq!(refusal(&refused), (401, "invalid_client", description));
    }
    Ok(())
}

#[tokio::test]
async fn old_sdks_may_use_the_query_and_its_values_stay_out_of_the_log() -> Result<()> {
    let server = TestServer::start().await?;
    let app = ServiceApp::register(&server, &[SCOPE]).await?;
    let form = app.token_form(&server, SCOPE)?;
    let query = form
        .iter()
        .map(|(name, value)| format!("{name}={}", value.replace(':', "%3A")))
        .collect::<Vec<_>>()
        .join("&");
    let issued = server.call("POST", &format!("{PATH}?{query}")).anonymous().send().await?;
    assert_eq!(issued.status, 200, "{}", issued.text);
    // Both at one time, as okta-sdk-python 3.0 does (clients.md 4).
    let both = server
        .call("POST", &format!("{PATH}?{query}"))
        .anonymous()
        .form(&form[3..])
        .send()
        .await?;
    assert_eq!(both.status, 200, "{}", both.text);
    let log = server.call("GET", "/api/v1/logs?limit=1000").send().await?;
    assert!(!log.text.contains(&form[3].1), "the assertion is in the log");
    let secret = server
        .call("POST", &format!("{PATH}?client_secret=x"))
        .anonymous()
        .send()
        .await?;
    assert_eq!(
        refusal(&secret),
        (
            400,
            "invalid_request",
            "Client credentials cannot be supplied via query parameters."
        )
    );
    Ok(())
}

#[tokio::test]
async fn a_proof_is_ignored_unless_the_app_asks_for_one() -> Result<()> {
    let server = TestServer::start().await?;
    let app = ServiceApp::register(&server, &[SCOPE]).await?;
    let form = app.token_form(&server, SCOPE)?;
    let issued = server
        .call("POST", PATH)
        .anonymous()
        .header("dpop", "garbage")
        .form(&form)
        .send()
        .await?;
    assert_eq!((issued.status, issued.text_at("/token_type")), (200, "Bearer"));
    Ok(())
}

#[tokio::test]
async fn a_bound_token_needs_a_proof_with_a_nonce() -> Result<()> {
    let server = TestServer::start().await?;
    let app = ServiceApp::register_with(&server, &[SCOPE], json!({"dpop_bound_access_tokens": true})).await?;
    let key = DpopKey::new()?;
    let mut claims = app.claims(&server);
    let mut ask = async |jti: &str, proof: Option<String>| -> Result<Answer> {
        claims["jti"] = json!(jti);
        let mut form = app.token_form(&server, SCOPE)?;
        set(&mut form, "client_assertion", &app.sign(&claims)?);
        let call = server.call("POST", PATH).anonymous().form(&form);
        match proof {
            Some(proof) => call.header("dpop", &proof).send().await,
            None => call.send().await,
        }
    };
    let missing = ask("1", None).await?;
    let text = "The DPoP proof JWT header is missing.";
    assert_eq!(refusal(&missing), (400, "invalid_dpop_proof", text));
    let plain = key.proof(&server, "POST", PATH, json!({}))?;
    let challenged = ask("2", Some(plain)).await?;
    let text = "Authorization server requires nonce in DPoP proof.";
    assert_eq!(refusal(&challenged), (400, "use_dpop_nonce", text));
    let nonce = challenged.headers["dpop-nonce"].to_str()?.to_owned();
    let good = key.proof(&server, "POST", PATH, json!({"nonce": nonce}))?;
    // The assertion beside a challenged proof is used up (okta.md 1.3.2).
    let reused = ask("2", Some(good.clone())).await?;
    assert_eq!(
        reused.text_at("/error_description"),
        "The client_assertion token has already been used."
    );
    let issued = ask("3", Some(good.clone())).await?;
    assert_eq!(
        (issued.status, issued.text_at("/token_type")),
        (200, "DPoP"),
        "{}",
        issued.text
    );
    let claims = claims_of(issued.text_at("/access_token"))?;
    assert_eq!(claims["cnf"], json!({"jkt": key.thumbprint()}));
    let replayed = ask("4", Some(good)).await?;
    let text = "The DPoP proof JWT has already been used.";
    assert_eq!(refusal(&replayed), (400, "invalid_dpop_proof", text));
    let other_url = key.proof(&server, "POST", "/oauth2/v1/revoke", json!({"nonce": nonce, "jti": "b"}))?;
    let text = "'htu' claim in the DPoP proof JWT is invalid.";
    assert_eq!(refusal(&ask("5", Some(other_url)).await?), (400, "invalid_dpop_proof", text));
    Ok(())
}

#[tokio::test]
async fn four_requests_a_second_and_client_are_enough() -> Result<()> {
    let server = TestServer::start_with(Settings::new(ORG_URL)).await?;
    let app = ServiceApp::register(&server, &[SCOPE]).await?;
    for remaining in ["3", "2", "1", "0"] {
        let issued = app.request_token(&server, SCOPE).await?;
        assert_eq!(
            (issued.status, &issued.headers["x-rate-limit-remaining"]),
            (200, &remaining.parse()?)
        );
    }
    let limited = app.request_token(&server, SCOPE).await?;
    assert_eq!((limited.status, limited.text_at("/errorCode")), (429, "E0000047"));
    assert_eq!(limited.headers["x-rate-limit-reset"], "1800000001");
    assert!(limited.headers.contains_key("date"));
    let form = app.token_form(&server, SCOPE)?;
    let elsewhere = server
        .call("POST", PATH)
        .anonymous()
        .from([198, 51, 100, 3])
        .form(&form)
        .send()
        .await?;
    assert_eq!(elsewhere.status, 200, "a stranger does not keep the client out");
    server.clock.advance(Duration::from_secs(1));
    assert_eq!(app.request_token(&server, SCOPE).await?.status, 200);
    Ok(())
}

#[tokio::test]
async fn keys_of_a_replaced_client_stop_working_at_once() -> Result<()> {
    let server = TestServer::start().await?;
    let app = ServiceApp::register(&server, &[SCOPE]).await?;
    assert_eq!(app.request_token(&server, SCOPE).await?.status, 200);
    let key = new_key()?;
    let path = format!("/oauth2/v1/clients/{}", app.id);
    let replaced = server.call("PUT", &path).json(&ServiceApp::metadata(&key)).send().await?;
    assert_eq!(replaced.status, 200, "{}", replaced.text);
    assert_eq!(app.request_token(&server, SCOPE).await?.status, 401);
    let app = ServiceApp { id: app.id, key };
    assert_eq!(app.request_token(&server, SCOPE).await?.status, 200);
    Ok(())
}

#[tokio::test]
async fn other_origins_are_told_which_method_they_may_use() -> Result<()> {
    let server = TestServer::start().await?;
    let told = server
        .call("OPTIONS", PATH)
        .anonymous()
        .header("origin", "https://app.example")
        .send()
        .await?;
    assert_eq!((told.status, told.text.as_str()), (204, ""));
    for (name, value) in [
        ("access-control-allow-methods", "POST"),
        ("access-control-max-age", "3600"),
        ("vary", "Origin"),
    ] {
        assert_eq!(told.headers[name], value);
    }
    let wrong = server.call("GET", PATH).anonymous().send().await?;
    assert_eq!(wrong.status, 405, "{}", wrong.text);
    Ok(())
}

#[tokio::test]
async fn an_unsigned_assertion_is_refused() -> Result<()> {
    let server = TestServer::start().await?;
    let app = ServiceApp::register(&server, &[SCOPE]).await?;
    let encode = watchfire_crypto::base64url::encode;
    let claims = app.claims(&server).to_string();
    let header = Value::Object(Map::from_iter([("alg".to_owned(), json!("none"))])).to_string();
    let unsigned = format!("{}.{}.", encode(header), encode(claims));
    let form = [
        ("grant_type", "client_credentials".to_owned()),
        ("scope", SCOPE.to_owned()),
        ("client_assertion_type", JWT_BEARER.to_owned()),
        ("client_assertion", unsigned),
    ];
    let refused = ask(&server, &form).await?;
    let text = "The client_assertion JWT signature algorithm is invalid.";
    assert_eq!(refusal(&refused), (401, "invalid_client", text));
    Ok(())
}

/// Serves `answer` from now on, and nothing else.
async fn serve(host: &MockServer, answer: ResponseTemplate) {
    host.reset().await;
    Mock::given(any()).respond_with(answer).mount(host).await;
}

#[tokio::test]
async fn keys_may_be_at_the_clients_own_address() -> Result<()> {
    let laptop = Settings {
        dev: true,
        token_calls_per_second: 0,
        ..Settings::new(ORG_URL)
    };
    let server = TestServer::start_with(laptop).await?;
    let host = MockServer::start().await;
    let document = |keys: &[Value]| ResponseTemplate::new(200).set_body_json(json!({ "keys": keys }));
    let members = json!({"jwks": null, "jwks_uri": format!("{}/keys", host.uri())});
    let mut app = ServiceApp::register_with(&server, &[SCOPE], members).await?;
    let first = app.key.public_jwk();
    serve(&host, document(std::slice::from_ref(&first))).await;
    assert_eq!(app.request_token(&server, SCOPE).await?.status, 200);
    assert_eq!(app.request_token(&server, SCOPE).await?.status, 200);
    let fetches = host.received_requests().await.unwrap_or_default().len();
    assert_eq!(fetches, 1, "fetched once");

    // A key that is not known yet makes it look again.
    app.key = new_key()?;
    serve(&host, document(&[first.clone(), app.key.public_jwk()])).await;
    server.clock.advance(Duration::from_secs(120));
    assert_eq!(app.request_token(&server, SCOPE).await?.status, 200);
    Ok(())
}

#[tokio::test]
async fn broken_documents_at_a_jwks_uri_are_told_apart() -> Result<()> {
    let server = TestServer::start_with(Settings {
        dev: true,
        ..Settings::new(ORG_URL)
    })
    .await?;
    let host = MockServer::start().await;
    let key = new_key()?.public_jwk();
    let of = |keys: Value| ResponseTemplate::new(200).set_body_json(json!({ "keys": keys }));
    for (answer, description) in [
        (
            ResponseTemplate::new(404),
            "Error retrieving the client JWKSet from jwks_uri.",
        ),
        (
            ResponseTemplate::new(200).set_body_string("<html>"),
            "Error retrieving the client JWKSet from jwks_uri.",
        ),
        (
            of(json!([])),
            "The client JWKSet from jwks_uri must contain at least one key.",
        ),
        (
            of(json!([key, key])),
            "All keys in the client JWKSet from jwks_uri must have a unique kid.",
        ),
    ] {
        serve(&host, answer).await;
        let members = json!({"jwks": null, "jwks_uri": format!("{}/keys", host.uri())});
        let app = ServiceApp::register_with(&server, &[SCOPE], members).await?;
        let refused = app.request_token(&server, SCOPE).await?;
        assert_eq!(refusal(&refused), (401, "invalid_client", description));
    }
    Ok(())
}
