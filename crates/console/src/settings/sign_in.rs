//! Settings > Sign-in: the team's own OpenID provider as a way into the console.

use axum::{Router, response::Response, routing::get};
use http::StatusCode;
use serde_json::{Value, json};
use watchfire_app::App;
use watchfire_model::object::AdminRole;

use crate::{
    failure::Failure,
    fields::{Fields, Form},
    form::{Choice, Input, Sheet},
    set_up::{Cell, Part, SetUp, or_form, see_other, text_at},
    visitor::Visitor,
};

const PATH: &str = "/admin/settings/sign-in";
const API: &str = "/watchfire/v1/console-sign-in";
const TITLE: &str = "Sign-in";
const METHODS: &[(&str, &str)] = &[
    ("CLIENT_SECRET", "A client secret"),
    ("PRIVATE_KEY_JWT", "A private key (private_key_jwt)"),
];
const FACTORS: &[(&str, &str)] = &[
    ("ASK", "Ask for it always"),
    ("ASK_UNLESS_TRUSTED", "Ask unless the ID token names a method that is trusted"),
    ("TRUST", "Never ask: the provider does"),
];

pub(super) fn router() -> Router<App> {
    Router::new().route(PATH, get(show).post(replace))
}

fn sheet() -> Sheet {
    let statuses = [("ACTIVE", "Offered on the sign-in page"), ("INACTIVE", "Switched off")];
    let inputs = vec![
        Input::choice("status", "Provider", Choice::pairs(&statuses)).at("/oidc/status"),
        Input::text("name", "Name").at("/oidc/name").hint("What its button says."),
        Input::code("issuer", "Issuer")
            .at("/oidc/issuer")
            .hint("Exactly as its discovery document writes it: https://login.example.com. Left empty, there is no provider."),
        Input::code("client", "Client ID").at("/oidc/clientId"),
        Input::choice("method", "We show it who we are by", Choice::pairs(METHODS)).at("/oidc/authentication"),
        Input::secret("secret", "Client secret")
            .at("/oidc/clientSecret")
            .hint("Never shown again. Left empty, the one that is kept stays."),
        Input::lines("scopes", "Scopes")
            .at("/oidc/scopes")
            .hint("Beside openid, one a line. Left empty: email and profile."),
        Input::part(
            "Second factor",
            "The first sign-in there links an administrator whose address the provider has verified.",
        ),
        Input::choice("factor", "Our own code", Choice::pairs(FACTORS)).at("/oidc/ownFactor"),
        Input::lines("amr", "Trusted methods (amr)")
            .at("/oidc/trustedAmr")
            .hint("One a line: mfa, hwk."),
        Input::lines("acr", "Trusted levels (acr)")
            .at("/oidc/trustedAcr")
            .hint("One a line. They are asked for."),
        Input::part("Passwords", ""),
        Input::switch("password", "Passwords of the console are taken beside the provider")
            .at("/password")
            .hint("Without them an invitation is the way in when the provider fails: watchfire admin invite."),
    ];
    Sheet::new(PATH, "Save", inputs).titled(
        "Identity provider",
        "It is asked for its metadata and keys before this is kept.",
    )
}

/// Everything here is for super administrators: the API says the same.
fn check_role(visitor: &Visitor) -> Result<(), Failure> {
    if visitor.session.role == AdminRole::SuperAdmin {
        return Ok(());
    }
    Err(Failure::new(
        StatusCode::FORBIDDEN,
        "Your role does not allow this. Ask a super administrator.",
    ))
}

async fn show(visitor: Visitor, query: Fields) -> Result<Response, Failure> {
    check_role(&visitor)?;
    let settings = visitor.api.get(API).await?;
    let sheet = sheet().filled(&settings);
    Ok(page(&visitor, &settings, sheet).done(&query).into_page())
}

async fn replace(visitor: Visitor, Form(form): Form) -> Result<Response, Failure> {
    visitor.check(&form)?;
    check_role(&visitor)?;
    let sheet = sheet().typed(&form);
    let mut body = sheet.body(json!({}));
    if sheet.value("issuer").trim().is_empty()
        && let Some(members) = body.as_object_mut()
    {
        members.shift_remove("oidc");
    }
    match or_form(visitor.api.put(API, &body).await, sheet)? {
        Ok(_) => Ok(see_other(PATH, "saved")),
        Err(sheet) => {
            let settings = visitor.api.get(API).await?;
            Ok(page(&visitor, &settings, sheet).into_page())
        }
    }
}

fn page(visitor: &Visitor, settings: &Value, sheet: Sheet) -> SetUp {
    let status = text_at(settings, "/oidc/status");
    let mut facts = vec![
        (
            "Provider",
            if status.is_empty() {
                Cell::text("none")
            } else {
                Cell::status(status)
            },
        ),
        ("Redirect URI", Cell::code(text_at(settings, "/redirectUri"))),
    ];
    if let Some(key) = settings.pointer("/oidc/publicKey") {
        facts.push(("Our public key", Cell::Block(key.to_string())));
    }
    if !status.is_empty() {
        facts.push(("Changed", Cell::time_at(settings, "/lastUpdated")));
    }
    SetUp::new(visitor, TITLE, PATH)
        .intro("Administrators sign in with a password and an authenticator app, or at your own identity provider by OpenID Connect.")
        .part(Part::Facts(facts))
        .part(Part::Sheet(sheet))
}
