//! The play. Whatever a line claims, the server is asked for it.

mod guide;
mod own_policy;
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
    made::Made,
    narrator::Narrator,
    stage::Stage,
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
pub(super) async fn play(stage: &Stage, narrator: &mut Narrator, made: &mut Made) -> Result<Cast> {
    let (api, began) = (stage.api(), SystemClock.now());
    let mut user = a_user_appears(stage, narrator, made).await?;
    let policy = match stage.is_ours() {
        true => None,
        false => Some(own_policy::make(api, narrator, made, &user.id).await?),
    };
    an_honest_history(api, narrator, &mut user, began).await?;
    let provider = guide::set_up(api, narrator, made).await?;
    risk_is_made_to_count(api, narrator, policy.as_deref()).await?;
    narrator.call(format!("POST /api/v1/authn as {} from {}", user.login, user.address))?;
    let before = sign_in(api, &Attempt::from_home(&user)).await?;
    narrator.line(
        "With the rule in place, an honest sign-in still goes through",
        before.status == "SUCCESS",
        &before.status,
    )?;
    the_provider_reports(api, narrator, &provider, &user.address).await?;
    the_sign_in_is_challenged(api, narrator, &user, &provider).await?;
    Ok(Cast { user, provider })
}

/// Others may have been reported from [`HOME`] on a server that others use.
fn home(is_ours: bool) -> Result<String> {
    if is_ours {
        return Ok(HOME.to_owned());
    }
    let [network, host] = random::bytes::<2>()?;
    let networks = ["192.0.2", "198.51.100", "203.0.113"];
    let network = networks.get(usize::from(network % 3)).unwrap_or(&"203.0.113");
    Ok(format!("{network}.{}", host.clamp(1, 254)))
}

async fn a_user_appears(stage: &Stage, narrator: &mut Narrator, made: &mut Made) -> Result<User> {
    let api = stage.api();
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
    made.user(&id);
    let read = api.get(&format!("/api/v1/users/{id}")).await?;
    narrator.line(
        "Jo Lin can sign in",
        text(&read, "status") == "ACTIVE",
        format!("{login} is {}", text(&read, "status")),
    )?;

    let factor = user::start_enrolment(api, &id).await?;
    let totp_secret = user::shared_secret(&factor)?.to_owned();
    let factor_step = enrolment_step(SystemClock.now().as_seconds());
    let code = code_at(&totp_secret, factor_step)?;
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
        address: home(stage.is_ours())?,
        factor_step,
        totp_secret,
    })
}

async fn an_honest_history(api: &Api, narrator: &mut Narrator, user: &mut User, began: Timestamp) -> Result<()> {
    narrator.act("2. A short, honest history", "user")?;
    for number in 1..=HISTORY {
        let answer = sign_in(api, &Attempt::from_home(user)).await?;
        let event = newest_event(api, "user.session.start", &user.id, began).await?;
        // Behind a proxy that the server does not trust, Jo's address is the proxy's.
        let seen = event.pointer("/client/ipAddress").and_then(Value::as_str);
        seen.unwrap_or(HOME).clone_into(&mut user.address);
        let line = format!("Sign-in {number} from {} goes through", user.address);
        let found = format!("{}, risk {}", answer.status, debug_data(&event, "risk"));
        narrator.line(&line, answer.status == "SUCCESS", found)?;
    }
    sign_in(api, &Attempt::from_home(user)).await?;
    let event = newest_event(api, "user.session.start", &user.id, began).await?;
    let risk = debug_data(&event, "risk");
    let is_calm = !risk.is_empty() && !risk.contains("level=HIGH");
    narrator.line("By now the server knows Jo, and sees no high risk", is_calm, risk)
}

async fn risk_is_made_to_count(api: &Api, narrator: &mut Narrator, policy: Option<&str>) -> Result<()> {
    narrator.act("4. Risk is made to count", "administrator")?;
    narrator.tell("As in Okta, the default policy lets everybody in at every level of risk; a rule changes that.")?;
    narrator.call("watchfire policy recommend")?;
    let recommended = policy::recommend(api, policy).await?;
    let rules = policy::rules(api, text(&recommended.policy, "id")).await?;
    let rule = rules.iter().find(|rule| policy::answers_high_risk(rule));
    let at = |pointer: &str| {
        rule.and_then(|rule| rule.pointer(pointer))
            .map_or_else(|| "-".to_owned(), Value::to_string)
    };
    let found = format!(
        "priority {}, riskScore {}, requireFactor {}",
        at("/priority"),
        at("/conditions/riskScore/level"),
        at("/actions/signon/requireFactor")
    );
    narrator.line(
        "A sign-on rule asks for a second factor when the risk is HIGH",
        rule.is_some(),
        found,
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
    narrator.call(format!("POST /api/v1/authn as {} from {}", user.login, user.address))?;
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
    let step = totp::step_at(SystemClock.now().as_seconds()).max(user.factor_step + 1);
    let code = code_at(&user.totp_secret, step)?;
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

/// Seconds at a step's end in which the code of the step before may come too late.
const LATE: i64 = 3;

/// The step whose code ends the enrolment. A code works once, and only later ones after it (RFC 6238
/// section 5.2); servers take those of the steps beside the present one. So the one before is used,
/// and that of the present is left for the sign-in.
fn enrolment_step(now: i64) -> i64 {
    let step = totp::step_at(now);
    let is_late = totp::step_at(now + LATE) > step;
    if is_late { step } else { step - 1 }
}

fn debug_data<'a>(event: &'a Value, key: &str) -> &'a str {
    event.pointer("/debugContext/debugData").map_or("", |data| text(data, key))
}

fn code_at(secret: &str, step: i64) -> Result<String> {
    Ok(totp::code_at_step(&totp::decode_secret(secret)?, step))
}
