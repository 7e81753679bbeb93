//! Where a sign-in stands, on the wire (okta.md 9.1).

use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;
use watchfire_app::identity::sign_in::Authn;
use watchfire_model::{
    object::{Factor, User},
    time::Timestamp,
};

use crate::links::{Link, Links};

/// What is said to sign in.
#[derive(Debug, ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(
    dead_code,
    reason = "only its schema is used; the body is read member by member for exact errors"
)]
pub(super) struct AuthnRequest {
    /// The login.
    username: Option<String>,
    /// The password.
    password: Option<String>,
    /// Instead of both: the sign-in whose state is asked for.
    state_token: Option<String>,
    /// Given back at the end.
    #[schema(max_length = 2048)]
    relay_state: Option<String>,
    /// `{"deviceToken": …}`: counts only with an API token.
    #[schema(value_type = Option<Object>)]
    context: Option<Value>,
}

/// The sign-in that is meant.
#[derive(Debug, ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(
    dead_code,
    reason = "only its schema is used; the body is read member by member for exact errors"
)]
pub(super) struct StateRequest {
    /// Stands for the sign-in.
    state_token: String,
}

/// A code for a sign-in.
#[derive(Debug, ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(
    dead_code,
    reason = "only its schema is used; the body is read member by member for exact errors"
)]
pub(super) struct VerifyRequest {
    /// Stands for the sign-in.
    state_token: String,
    /// Six digits.
    pass_code: String,
}

/// Where a sign-in stands.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct AuthnResponse {
    /// Stands for this sign-in in the next call.
    #[serde(skip_serializing_if = "Option::is_none")]
    state_token: Option<String>,
    /// When the token stops working.
    #[schema(value_type = String, format = DateTime)]
    expires_at: Timestamp,
    /// `SUCCESS` or `MFA_REQUIRED`.
    status: &'static str,
    /// What the application wanted back.
    #[serde(skip_serializing_if = "Option::is_none")]
    relay_state: Option<String>,
    /// Once, within five minutes, it becomes a session.
    #[serde(skip_serializing_if = "Option::is_none")]
    session_token: Option<String>,
    /// The user, and the factors that will do.
    #[serde(rename = "_embedded")]
    #[schema(value_type = Object)]
    embedded: Value,
    /// What can be done next.
    #[serde(rename = "_links", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    links: Option<Value>,
}

impl AuthnResponse {
    pub(super) fn new(authn: Authn, links: &Links) -> Self {
        match authn {
            Authn::Success { done, session_token } => Self {
                state_token: None,
                expires_at: done.expires_at,
                status: "SUCCESS",
                relay_state: done.relay_state,
                session_token: Some(session_token),
                embedded: json!({"user": user(&done.user)}),
                links: None,
            },
            Authn::MfaRequired { challenged, state_token } => Self {
                state_token: Some(state_token),
                expires_at: challenged.expires_at,
                status: "MFA_REQUIRED",
                relay_state: challenged.relay_state,
                session_token: None,
                embedded: json!({
                    "user": user(&challenged.user),
                    "factors": challenged.factors.iter().map(|it| factor(it, &challenged.user, links)).collect::<Vec<_>>(),
                    // No device is remembered.
                    "policy": {"allowRememberDevice": false, "rememberDeviceLifetimeInMinutes": 0,
                        "rememberDeviceByDefault": false, "factorsPolicyInfo": {}},
                }),
                links: Some(json!({"cancel": Link::new(links.to("/api/v1/authn/cancel"), &["POST"])})),
            },
        }
    }
}

fn user(user: &User) -> Value {
    let text = |member: &str| user.profile_text(member);
    json!({
        "id": user.id,
        "passwordChanged": user.password_changed,
        "profile": {
            "login": user.login,
            "firstName": text("firstName"),
            "lastName": text("lastName"),
            "locale": text("locale").unwrap_or("en"),
            "timeZone": text("timezone").unwrap_or("America/Los_Angeles"),
        },
    })
}

fn factor(factor: &Factor, user: &User, links: &Links) -> Value {
    let verify = links.to(&format!("/api/v1/authn/factors/{}/verify", factor.id));
    json!({
        "id": factor.id,
        "factorType": factor.factor_type.as_str(),
        "provider": factor.provider,
        "vendorName": factor.provider,
        "profile": {"credentialId": user.login},
        "_links": {"verify": Link::new(verify, &["POST"])},
    })
}
