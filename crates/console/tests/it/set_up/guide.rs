use anyhow::Result;
use serde_json::json;
use watchfire_crypto::{
    jwk::Curve,
    signing::{NewKey, PrivateKey},
};
use watchfire_harness::TestServer;

use super::{done, fault, id_in, send};
use crate::browser::Browser;

const APPS: &str = "/admin/security/apps";
const PROVIDERS: &str = "/admin/security/risk-providers";

/// What a provider would paste.
fn jwk() -> Result<serde_json::Value> {
    let key = PrivateKey::generate(NewKey::Ec(Curve::P256))?;
    Ok(serde_json::to_value(key.public_jwk())?)
}

/// The third-party risk provider guide, from the app to the provider that is enforced.
#[tokio::test]
async fn the_guide_is_done_by_forms() -> Result<()> {
    let server = TestServer::start().await?;
    let browser = Browser::signed_in(&server).await?;
    let fields = [
        ("client_name", "Risk Provider Example"),
        ("jwks", &jwk()?.to_string()),
        ("scope", "okta.riskEvents.manage"),
    ];
    let app = id_in(&done(&browser, APPS, &fields).await?);
    let page = browser.get(&format!("{APPS}/{app}")).await?;
    assert!(page.text.contains("okta.riskEvents.manage") && page.text.contains("Risk Provider Example"));
    let fields = [("name", "Example"), ("client", &app), ("action", "log_only")];
    let provider = id_in(&done(&browser, PROVIDERS, &fields).await?);
    let path = format!("{PROVIDERS}/{provider}");
    let fields = [("name", "Example"), ("client", &app), ("action", "enforce_and_log")];
    done(&browser, &path, &fields).await?;
    let seen = server
        .call("GET", &format!("/api/v1/risk/providers/{provider}"))
        .send()
        .await?;
    assert_eq!(
        (seen.text_at("/action"), seen.text_at("/clientId")),
        ("enforce_and_log", app.as_str())
    );
    let client = server.call("GET", &format!("/oauth2/v1/clients/{app}")).send().await?;
    assert_eq!(client.text_at("/token_endpoint_auth_method"), "private_key_jwt");
    done(&browser, &format!("{path}/delete"), &[]).await?;
    assert!(!browser.get(PROVIDERS).await?.text.contains(&provider));
    Ok(())
}

#[tokio::test]
async fn keys_and_scopes_of_an_app_are_changed_one_by_one() -> Result<()> {
    let server = TestServer::start().await?;
    let browser = Browser::signed_in(&server).await?;
    let set = json!({"keys": [jwk()?]}).to_string();
    let app = id_in(&done(&browser, APPS, &[("client_name", "A"), ("jwks", &set)]).await?);
    let own = format!("{APPS}/{app}");
    assert!(browser.get(&own).await?.text.contains("No scope is granted"));
    done(&browser, &format!("{own}/grants"), &[("scope", "okta.logs.read")]).await?;
    let grants = server.call("GET", &format!("/api/v1/apps/{app}/grants")).send().await?;
    assert_eq!(grants.text_at("/0/scopeId"), "okta.logs.read");
    let grant = grants.text_at("/0/id").to_owned();
    done(&browser, &format!("{own}/grants/{grant}/revoke"), &[]).await?;
    assert!(browser.get(&own).await?.text.contains("No scope is granted"));

    let keys = || async {
        let path = format!("/api/v1/apps/{app}/credentials/jwks");
        server.call("GET", &path).send().await
    };
    let first = keys().await?.text_at("/0/id").to_owned();
    let bad = send(&browser, &format!("{own}/keys"), &[("key", "not a key")]).await?;
    assert_eq!(bad.status, 400);
    assert!(
        bad.text.contains("not a key") && bad.text.contains("Nothing was changed"),
        "{}",
        bad.text
    );
    done(&browser, &format!("{own}/keys/{first}/deactivate"), &[]).await?;
    assert_eq!(keys().await?.text_at("/0/status"), "INACTIVE");
    done(&browser, &format!("{own}/deactivate"), &[]).await?;
    assert!(browser.get(&own).await?.text.contains(">Inactive<"));
    done(&browser, &format!("{own}/delete"), &[]).await?;
    assert_eq!(browser.get(&own).await?.status, 404);
    Ok(())
}

#[tokio::test]
async fn bad_input_is_shown_at_its_field_with_what_was_typed() -> Result<()> {
    let server = TestServer::start().await?;
    let browser = Browser::signed_in(&server).await?;
    let answer = send(&browser, APPS, &[("client_name", "Mine"), ("jwks", "{\"keys\": 1}")]).await?;
    assert_eq!(answer.status, 400);
    assert!(!fault(&answer.text, "jwks").is_empty(), "{}", answer.text);
    assert!(answer.text.contains("value=\"Mine\"") && answer.text.contains("aria-invalid=\"true\""));
    let answer = send(
        &browser,
        PROVIDERS,
        &[("name", ""), ("client", "0oanobody"), ("action", "log_only")],
    )
    .await?;
    assert_eq!(
        (answer.status, fault(&answer.text, "name").as_str()),
        (400, "The field cannot be left blank")
    );
    let answer = send(
        &browser,
        PROVIDERS,
        &[("name", "A"), ("client", "0oanobody"), ("action", "log_only")],
    )
    .await?;
    assert_eq!(answer.status, 400);
    assert!(!fault(&answer.text, "client").is_empty(), "{}", answer.text);
    Ok(())
}

#[tokio::test]
async fn the_weight_of_a_providers_word_is_set_by_a_form() -> Result<()> {
    let server = TestServer::start().await?;
    let browser = Browser::signed_in(&server).await?;
    let provider = id_in(
        &done(
            &browser,
            PROVIDERS,
            &[("name", "Example"), ("client", "null"), ("action", "log_only")],
        )
        .await?,
    );
    let path = "/admin/security/risk-settings";
    assert!(browser.get(path).await?.text.contains("Example"));
    let own = format!("{path}/{provider}");
    let fields = [
        ("trust", "0.4"),
        ("learn", "yes"),
        ("least", "0.1"),
        ("most", "0.9"),
        ("floor", "OFF"),
    ];
    done(&browser, &own, &fields).await?;
    let kept = server.call("GET", "/watchfire/v1/risk-settings").send().await?;
    let kept = &kept.json["providers"][provider.as_str()];
    assert_eq!((&kept["trust"], &kept["levelFloor"]), (&json!(0.4), &json!("OFF")));
    let bad = send(&browser, &own, &[("trust", "a lot"), ("floor", "OFF")]).await?;
    assert_eq!(
        (bad.status, fault(&bad.text, "trust").as_str()),
        (400, "It must be a number from 0 to 1")
    );
    done(&browser, path, &[("learn", "yes"), ("medium", "0.06"), ("high", "0.02")]).await?;
    let kept = server.call("GET", "/watchfire/v1/risk-settings").send().await?;
    assert_eq!(
        (&kept.json["thresholds"]["learn"], &kept.json["thresholds"]["high"]),
        (&json!(true), &json!(0.02))
    );
    assert_eq!(kept.json["providers"][provider.as_str()]["trust"], 0.4);
    Ok(())
}
