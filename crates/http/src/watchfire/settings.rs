//! `/watchfire/v1/settings`: how the operator has set this server up.

use axum::{Json, extract::State};
use serde::Serialize;
use utoipa::ToSchema;
use watchfire_app::{App, settings::EffectiveSetting};

use crate::{
    caller::Caller,
    error::{OktaError, okta::ErrorObject},
};

/// A setting. Secrets are masked.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct SettingObject {
    /// Its name.
    name: &'static str,
    /// What it is about.
    about: &'static str,
    /// Its values; none where nothing is set.
    values: Vec<String>,
    /// `flag`, the variable or file that has it, or `default`.
    origin: String,
}

impl From<EffectiveSetting> for SettingObject {
    fn from(setting: EffectiveSetting) -> Self {
        Self {
            name: setting.name,
            about: setting.help,
            values: setting.values,
            origin: setting.origin,
        }
    }
}

/// List the effective settings and where each is from; secrets are masked
#[utoipa::path(get, path = "/watchfire/v1/settings", tag = "Watchfire",
    security(("apiToken" = []), ("oauth2" = ["watchfire.read"])),
    responses((status = 200, body = Vec<SettingObject>), (status = 403, body = ErrorObject)))]
pub(super) async fn list(State(app): State<App>, caller: Caller) -> Result<Json<Vec<SettingObject>>, OktaError> {
    let settings = app.effective_settings(&caller.principal)?;
    Ok(Json(settings.into_iter().map(SettingObject::from).collect()))
}
