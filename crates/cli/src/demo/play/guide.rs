//! The guide's steps, as administrator and as provider (documents 001 and 002).

use anyhow::{Context as _, Result};
use serde_json::Value;
use watchfire_app::Clock as _;
use watchfire_crypto::{jws::UnverifiedJws, random, signing::NewKey};

use crate::{
    api::{Api, text},
    app,
    demo::{cast::Provider, made::Made, narrator::Narrator},
    key::Assertion,
    keygen::KeyPair,
    provider::{self, RISK_EVENTS_SCOPE},
    system::SystemClock,
};

const NAME: &str = "Risk Provider Example";

/// Key pair, service app, grant, provider.
pub(super) async fn set_up(api: &Api, narrator: &mut Narrator, made: &mut Made) -> Result<Provider> {
    narrator.act("3. The guide: a risk provider is set up", "administrator")?;
    let providers = provider::list(api).await?;
    let name = unused_name(&providers)?;
    narrator.call("watchfire keygen")?;
    let pair = tokio::task::spawn_blocking(|| KeyPair::generate(NewKey::Rsa2048, None)).await??;
    let client_id = service_app(api, narrator, &name, &pair).await?;
    made.object("/oauth2/v1/clients", &client_id);

    narrator.call(format!("POST /api/v1/apps/{client_id}/grants"))?;
    app::grant(api, &client_id, RISK_EVENTS_SCOPE).await?;
    let scopes = app::granted_scopes(api, &client_id).await?;
    narrator.line(
        "The app may send risk events",
        scopes.iter().any(|scope| scope == RISK_EVENTS_SCOPE),
        scopes.join(" "),
    )?;

    let wanted = provider::Provider {
        name: name.clone(),
        client_id: client_id.clone(),
        action: "enforce_and_log".to_owned(),
    };
    let id = enforce(api, narrator, &providers, &wanted, made).await?;
    Ok(Provider {
        id,
        name,
        client_id,
        key: pair.key,
    })
}

async fn service_app(api: &Api, narrator: &Narrator, name: &str, pair: &KeyPair) -> Result<String> {
    narrator.call("POST /oauth2/v1/clients")?;
    let created = app::create(api, name, app::Keys::Inline(pair.jwks())).await?;
    let client_id = text(&created, "client_id").to_owned();
    let listed = api.list("/oauth2/v1/clients?limit=200").await?;
    let own = listed.iter().find(|client| text(client, "client_id") == client_id);
    let kid = own
        .and_then(|client| client.pointer("/jwks/keys/0/kid"))
        .and_then(Value::as_str)
        .unwrap_or_default();
    let holds = !kid.is_empty() && Some(kid) == pair.key.kid();
    narrator.line(
        "The list of apps has the provider's, with its public key",
        holds,
        format!("{client_id}, kid {kid}"),
    )?;
    Ok(client_id)
}

async fn enforce(
    api: &Api,
    narrator: &Narrator,
    providers: &[Value],
    wanted: &provider::Provider,
    made: &mut Made,
) -> Result<String> {
    narrator.call("GET /api/v1/risk/providers")?;
    let id = match providers.iter().find(|provider| text(provider, "clientId") == "null") {
        Some(idle) => {
            let found = format!("{}, '{}', {}", text(idle, "id"), text(idle, "name"), text(idle, "action"));
            narrator.line("A provider has no app yet", true, found)?;
            narrator.call("PUT /api/v1/risk/providers/{id}")?;
            made.changed(format!("/api/v1/risk/providers/{}", text(idle, "id")), idle.clone());
            text(&provider::replace(api, text(idle, "id"), wanted).await?, "id").to_owned()
        }
        // A server that has been set up already: up to three providers are possible.
        None => {
            narrator.call("POST /api/v1/risk/providers")?;
            let created = provider::create(api, wanted).await?;
            made.object("/api/v1/risk/providers", text(&created, "id"));
            text(&created, "id").to_owned()
        }
    };
    let read = api.get(&format!("/api/v1/risk/providers/{id}")).await?;
    let found = format!(
        "'{}', {}, {}",
        text(&read, "name"),
        text(&read, "clientId"),
        text(&read, "action")
    );
    let members = [
        ("name", &wanted.name),
        ("clientId", &wanted.client_id),
        ("action", &wanted.action),
    ];
    let holds = members.iter().all(|(member, value)| text(&read, member) == value.as_str());
    narrator.line("The provider is ours, and its signals are enforced", holds, found)?;
    Ok(id)
}

/// The guide's name, or one like it where the server has it already.
fn unused_name(providers: &[Value]) -> Result<String> {
    if providers
        .iter()
        .any(|provider| text(provider, "name").eq_ignore_ascii_case(NAME))
    {
        return Ok(format!("{NAME} {}", random::base62(4)?));
    }
    Ok(NAME.to_owned())
}

/// Seconds that the demo's assertion lives.
const ASSERTION_LIFE: i64 = 300;

/// Client assertion and access token, as the provider.
pub(super) async fn access_token(api: &Api, narrator: &Narrator, provider: &Provider) -> Result<String> {
    let audience = provider::issuer_endpoint(api).await;
    narrator.call(format!(
        "watchfire jwt assertion --key provider.json --client-id {} --url {}",
        provider.client_id,
        api.base()
    ))?;
    let assertion = Assertion {
        client_id: &provider.client_id,
        audience: &audience,
        now: SystemClock.now().as_seconds(),
        expires_in: ASSERTION_LIFE,
        with_jti: true,
    };
    let signed = assertion.sign(&provider.key)?;
    narrator.call("POST /oauth2/v1/token")?;
    let token = provider::request_token(&api.anonymous(), &signed).await?;
    let access_token = text(&token, "access_token").to_owned();
    let claims = UnverifiedJws::parse(&access_token)
        .ok()
        .and_then(|jws| jws.unverified_claims().ok());
    let claims = claims.context("the access token is no JWT")?;
    let cid = claims.get("cid").and_then(Value::as_str).unwrap_or_default();
    let holds = cid == provider.client_id && text(&token, "scope") == RISK_EVENTS_SCOPE;
    narrator.line(
        "The provider's key gets it an access token",
        holds,
        format!("cid {cid}, scope {}", text(&token, "scope")),
    )?;
    Ok(access_token)
}
