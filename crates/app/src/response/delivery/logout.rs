//! Universal Logout: Global Token Revocation calls to apps (okta.md 9.8).

use http::{HeaderValue, Method, header};
use serde_json::{Map, Value, json};
use watchfire_egress::{Purpose, Request};
use watchfire_model::{
    id::{ActionId, ClientId, UserId},
    object::{Action, LogoutEndpoint, User},
    time::Timestamp,
};

use super::call::{Judge, NotCallable, Prepared};
use crate::{App, Error, Result};

/// Seconds that the credential of one call works.
const LIFETIME_SECONDS: i64 = 300;
/// `typ` of the credential.
const TOKEN_TYPE: &str = "global-token-revocation+jwt";

impl App {
    pub(super) async fn logout_call(
        &self,
        action: &Action,
        app: &ClientId,
        user: &UserId,
    ) -> Result<Result<Prepared, NotCallable>> {
        let directory = self.state.directory();
        let Some(endpoint) = directory.logout_endpoints().find(|it| it.app == *app) else {
            return Ok(Err(NotCallable("the app has no logout endpoint")));
        };
        let Some(subject) = self.logout_subject(endpoint, user).await? else {
            return Ok(Err(NotCallable("the user has no email address")));
        };
        let token = self.logout_token(&action.id, endpoint, self.clock.now())?;
        let mut request = Request::new(Method::POST, endpoint.url.as_str());
        let mut bearer = HeaderValue::try_from(format!("Bearer {token}")).map_err(Error::internal)?;
        bearer.set_sensitive(true);
        request.headers.insert(header::AUTHORIZATION, bearer);
        let json = HeaderValue::from_static("application/json");
        request.headers.insert(header::CONTENT_TYPE, json);
        request.body = json!({ "sub_id": subject }).to_string().into();
        request.total = self.settings.delivery.timeout;
        Ok(Ok(Prepared {
            purpose: Purpose::Logout,
            request,
            judge: Judge::Backoff,
        }))
    }

    /// The user as the app wants it named.
    async fn logout_subject(&self, endpoint: &LogoutEndpoint, user: &UserId) -> Result<Option<Value>> {
        Ok(match endpoint.subject_format.as_str() {
            "email" => {
                let found: Option<User> = self.get(user.as_str()).await?;
                let email = found
                    .as_ref()
                    .and_then(|user| user.profile.get("email"))
                    .and_then(Value::as_str);
                email.map(|email| json!({"format": "email", "email": email}))
            }
            "opaque" => Some(json!({"format": "opaque", "id": user})),
            _ => Some(json!({"format": "iss_sub", "iss": self.settings.org_url, "sub": user})),
        })
    }

    /// The credential: signed by the organisation, for this app, under the action's id. It is signed anew
    /// for each try, because it is short-lived; its `jti` stays.
    fn logout_token(&self, id: &ActionId, endpoint: &LogoutEndpoint, now: Timestamp) -> Result<String> {
        let issued_at = now.as_seconds();
        let claims = json!({
            "iss": self.settings.org_url,
            "sub": self.settings.org_url,
            "aud": endpoint.audience.as_ref().unwrap_or(&endpoint.url),
            "iat": issued_at,
            "nbf": issued_at,
            "exp": issued_at.saturating_add(LIFETIME_SECONDS),
            "jti": id,
        });
        let members = Map::from_iter([("typ".to_owned(), TOKEN_TYPE.into())]);
        let keys = self.signing_keys()?;
        keys.active
            .sign_compact(&members, claims.to_string().as_bytes())
            .map_err(Error::internal)
    }
}
