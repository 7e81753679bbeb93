//! The play. Whatever a line claims, the server is asked for it.

mod guide;
mod sign_in;

use anyhow::{Context as _, Result};
use http::StatusCode;
use serde_json::{Value, json};
use watchfire_app::Clock as _;
use watchfire_crypto::{random, totp};
use watchfire_model::time::Timestamp;

use self::sign_in::{Attempt, newest_event, sign_in};
use super::{
    cast::{Cast, Provider, User},
    narrator::Narrator,
};
use crate::{
    api::{Api, text},
    policy, provider,
    system::SystemClock,
    user,
};

/// Where the user lives: an address for documentation (RFC 5737).
const HOME: &str = "203.0.113.7";
/// Sign-ins that make a history.
const HISTORY: usize = 3;

/// Plays everything, or up to the first line that does not hold.
pub(super) async fn play(api: &Api, narrator: &mut Narrator) -> Result<Cast> {
    let began = SystemClock.now();
    let user = a_user_appears(api, narrator).await?;
    let address = an_honest_history(api, narrator, &user, began).await?;
    let provider = guide::set_up(api, narrator).await?;
    risk_is_made_to_count(api, narrator, &user).await?;
    let attempt = Attempt::from_home(&user);
    let before = sign_in(api, &attempt).await?;
    narrator.call(format!("POST /api/v1/authn as {} from {HOME}", user.login))?;
    narrator.line(
        "With the rule in place, an honest sign-in still goes through",
        before.status == "SUCCESS",
        &before.status,
    )?;
    the_provider_reports(api, narrator, &provider, &address).await?;
    the_sign_in_is_challenged(api, narrator, &user, &provider).await?;
    Ok(Cast { user, provider })
}

async fn a_user_appears(api: &Api, narrator: &mut Narrator) -> Result<User> {
    narrator.act("1. Somebody to protect", "administrator")?;
    let org = api.anonymous().get("/.well-known/okta-organization").await?;
    let org_url = org
        .pointer("/_links/organization/href")
        .and_then(Value::as_str)
        .unwrap_or_default();
    narrator.line("A server answers", !org_url.is_empty(), org_url)?;

    let login = format!("jo.lin.{}@example.com", random::base62(6)?.to_lowercase());
    let password = format!("Aa1-{}", random::base62(20)?);
    let secret = password.clone().into();
    let new = user::NewUser {
        login: &login,
        email: &login,
        first_name: "Jo",
        last_name: "Lin",
        password: Some(&secret),
    };
    narrator.call("POST /api/v1/users?activate=true")?;
    let created = user::create(api, &new, true).await?;
    let id = text(&created, "id").to_owned();
    let read = api.get(&format!("/api/v1/users/{id}")).await?;
    narrator.line(
        "Jo Lin can sign in",
        text(&read, "status") == "ACTIVE",
        format!("{login} is {}", text(&read, "status")),
    )?;

    let factor = user::start_enrolment(api, &id).await?;
    let totp_secret = user::shared_secret(&factor)?.to_owned();
    // The code of the step before this one: that of this step is wanted for the sign-in, and a code
    // works once (RFC 6238 section 5.2).
    let code = code_at(&totp_secret, totp::step_at(SystemClock.now().as_seconds()) - 1)?;
    narrator.call("POST /api/v1/users/{id}/factors, …/lifecycle/activate")?;
    user::activate(api, &id, text(&factor, "id"), &code).await?;
    let factors = api.list(&format!("/api/v1/users/{id}/factors")).await?;
    let active = factors.iter().find(|factor| text(factor, "status") == "ACTIVE");
    let kind = active.map_or("no factor", |factor| text(factor, "factorType"));
    narrator.line(
        "Jo has an authenticator as second factor",
        kind == "token:software:totp",
        kind,
    )?;
    Ok(User {
        id,
        login,
        password,
        totp_secret,
    })
}

/// Gives the address that the server saw: behind a proxy that it does not trust, that is the proxy's.
async fn an_honest_history(api: &Api, narrator: &mut Narrator, user: &User, began: Timestamp) -> Result<String> {
    narrator.act("2. A short, honest history", "user")?;
    let attempt = Attempt::from_home(user);
    let mut address = HOME.to_owned();
    for number in 1..=HISTORY {
        let answer = sign_in(api, &attempt).await?;
        let event = newest_event(api, "user.session.start", &user.id, began).await?;
        let risk = debug_data(&event, "risk").to_owned();
        event
            .pointer("/client/ipAddress")
            .and_then(Value::as_str)
            .unwrap_or(HOME)
            .clone_into(&mut address);
        let line = format!("Sign-in {number} from {address} goes through");
        narrator.line(&line, answer.status == "SUCCESS", format!("{}, risk {risk}", answer.status))?;
    }
    sign_in(api, &attempt).await?;
    let event = newest_event(api, "user.session.start", &user.id, began).await?;
    let risk = debug_data(&event, "risk");
    let is_calm = !risk.is_empty() && !risk.contains("level=HIGH");
    narrator.line("By now the server knows Jo, and sees no high risk", is_calm, risk)?;
    Ok(address)
}

async fn risk_is_made_to_count(api: &Api, narrator: &mut Narrator, user: &User) -> Result<()> {
    narrator.act("4. Risk is made to count", "administrator")?;
    narrator.tell("As in Okta, the default policy lets everybody in at every level of risk; a rule changes that.")?;
    narrator.call("watchfire policy recommend")?;
    let recommended = policy::recommend(api, None).await?;
    let rules = policy::rules(api, text(&recommended.policy, "id")).await?;
    let rule = rules.iter().find(|rule| policy::answers_high_risk(rule));
    let found = rule.map_or_else(
        || "no such rule".to_owned(),
        |rule| {
            let at = |pointer: &str| rule.pointer(pointer).cloned().unwrap_or_default();
            format!(
                "priority {}, riskScore {}, requireFactor {}",
                at("/priority"),
                at("/conditions/riskScore/level"),
                at("/actions/signon/requireFactor")
            )
        },
    );
    narrator.line(
        "A sign-on rule asks for a second factor when the risk is HIGH",
        rule.is_some(),
        found,
    )?;
    let applies = api.get(&format!("/api/v1/users/{}", user.id)).await?;
    narrator.line(
        "It is for Jo as for everybody",
        text(&applies, "status") == "ACTIVE",
        text(&applies, "status"),
    )
}

async fn the_provider_reports(api: &Api, narrator: &mut Narrator, provider: &Provider, address: &str) -> Result<()> {
    narrator.act("5. The provider reports an address", "provider")?;
    let token = guide::access_token(api, narrator, provider).await?;
    let now = SystemClock.now();
    let expires_at = now.plus(SIGNAL_LIFE).to_string();
    let events = json!([{
        "timestamp": now.to_string(),
        "expiresAt": expires_at,
        "subjects": [
            {"ip": "6.7.6.7", "riskLevel": "LOW", "message": "none"},
            {"ip": address, "riskLevel": "HIGH", "message": "Detected Attack tooling and suspicious activity"},
        ],
    }]);
    narrator.call("POST /api/v1/risk/events/ip")?;
    let answer = provider::post_events(&api.with_bearer(&token), &events).await?;
    let status = answer.status;
    answer.accepted()?;
    narrator.line(
        &format!("{address} is reported as HIGH"),
        status == StatusCode::ACCEPTED,
        status,
    )?;
    let event = newest_event(api, "security.risk.signal.consume", &provider.id, now).await?;
    narrator.event(&event)?;
    let reported = debug_data(&event, "riskSignalList");
    let holds = reported.contains(address) && debug_data(&event, "riskSignalProviderId") == provider.id;
    narrator.line("The System Log shows what was received", holds, reported)
}

/// So that the demo leaves no mark on a running server for a whole day.
const SIGNAL_LIFE: std::time::Duration = std::time::Duration::from_secs(15 * 60);

async fn the_sign_in_is_challenged(api: &Api, narrator: &mut Narrator, user: &User, provider: &Provider) -> Result<()> {
    narrator.act("6. The same sign-in, a moment later", "user")?;
    let began = SystemClock.now();
    narrator.call(format!("POST /api/v1/authn as {} from {HOME}", user.login))?;
    let answer = sign_in(api, &Attempt::from_home(user)).await?;
    narrator.line(
        "Jo is asked for the second factor",
        answer.status == "MFA_REQUIRED",
        &answer.status,
    )?;
    let factor = answer
        .json
        .pointer("/_embedded/factors/0/id")
        .and_then(Value::as_str)
        .context("the answer names no factor")?;
    narrator.call("POST /api/v1/authn/factors/{id}/verify")?;
    let code = code_at(&user.totp_secret, totp::step_at(SystemClock.now().as_seconds()))?;
    let body = json!({"stateToken": text(&answer.json, "stateToken"), "passCode": code});
    let verified = Attempt::from_home(user)
        .client(api)?
        .post(&format!("/api/v1/authn/factors/{factor}/verify"), &body)
        .await?;
    narrator.line(
        "With it, Jo is in; somebody with the password alone is not",
        text(&verified, "status") == "SUCCESS",
        text(&verified, "status"),
    )?;
    let event = newest_event(api, "user.session.start", &user.id, began).await?;
    narrator.event(&event)?;
    let (risk, partner) = (debug_data(&event, "risk"), debug_data(&event, "partnerRisk"));
    narrator.line(
        "The System Log shows the risk of that sign-in",
        risk.contains("level=HIGH"),
        risk,
    )?;
    let names_provider = partner.contains(&provider.name) && partner.contains("level=HIGH");
    narrator.line(
        "and who reported it",
        names_provider,
        if partner.is_empty() { "no partnerRisk" } else { partner },
    )
}

fn debug_data<'a>(event: &'a Value, key: &str) -> &'a str {
    event.pointer("/debugContext/debugData").map_or("", |data| text(data, key))
}

fn code_at(secret: &str, step: i64) -> Result<String> {
    Ok(totp::code_at_step(&totp::decode_secret(secret)?, step))
}
