//! A security events provider on the wire (okta.md 5.1).

use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;
use watchfire_app::{
    Error,
    intake::security_events_providers::{ProviderRequest, ProviderSettings},
};
use watchfire_model::object::{SecurityEventsProvider, Status};

use crate::links::{Link, Links};

/// A security events provider. It has no dates on the wire.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ProviderBody {
    /// `sse…`
    id: String,
    /// Unique, at most 100 characters.
    name: String,
    /// What kind of product it is; free text.
    r#type: String,
    /// `ACTIVE` or `INACTIVE`.
    #[schema(value_type = String)]
    status: Status,
    /// Who it is, and where its keys are.
    settings: SettingsBody,
    /// Where it is, and what can be done with it.
    #[serde(rename = "_links")]
    links: ProviderLinks,
}

/// The settings of a provider as they are.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct SettingsBody {
    /// Where its metadata is; absent when the others were given by hand.
    #[serde(skip_serializing_if = "Option::is_none")]
    well_known_url: Option<String>,
    /// `iss` of its tokens.
    issuer: String,
    /// Where its keys are.
    jwks_url: String,
}

/// The links of a provider.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ProviderLinks {
    /// Itself.
    #[serde(rename = "self")]
    this: Link,
    /// On an inactive provider.
    #[serde(skip_serializing_if = "Option::is_none")]
    activate: Option<Link>,
    /// On an active one.
    #[serde(skip_serializing_if = "Option::is_none")]
    deactivate: Option<Link>,
}

/// What an administrator says of a provider; what was read may be sent back as it is (okta.md 5.2).
#[derive(Debug, ToSchema)]
#[expect(
    dead_code,
    reason = "only its schema is used; the body is read member by member for exact errors"
)]
pub(super) struct ProviderRequestBody {
    /// Unique, at most 100 characters.
    #[schema(max_length = 100)]
    name: String,
    /// What kind of product it is; free text.
    #[schema(max_length = 255, example = "acme-edr")]
    r#type: String,
    /// Either `well_known_url`, or `issuer` and `jwks_url`; the first counts when there is all.
    settings: SettingsRequestBody,
}

/// Who a provider is, and where its keys are.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "only its schema is used")]
pub(super) struct SettingsRequestBody {
    /// Where its metadata is: fetched at once.
    #[schema(max_length = 1000)]
    well_known_url: Option<String>,
    /// `iss` of its tokens, to the letter.
    #[schema(max_length = 700)]
    issuer: Option<String>,
    /// Where its keys are: fetched when the first token comes.
    #[schema(max_length = 1000)]
    jwks_url: Option<String>,
}

pub(super) fn render(provider: &SecurityEventsProvider, links: &Links) -> ProviderBody {
    let path = format!("/api/v1/security-events-providers/{}", provider.id);
    let lifecycle = |step: &str| Link::new(links.to(&format!("{path}/lifecycle/{step}")), &["POST"]);
    let is_active = provider.status == Status::Active;
    ProviderBody {
        id: provider.id.to_string(),
        name: provider.name.clone(),
        r#type: provider.product.clone(),
        status: provider.status,
        settings: SettingsBody {
            well_known_url: provider.well_known_url.clone(),
            issuer: provider.issuer.clone(),
            jwks_url: provider.jwks_url.clone(),
        },
        links: ProviderLinks {
            this: Link::new(links.to(&path), &["GET", "PUT", "DELETE"]),
            activate: (!is_active).then(|| lifecycle("activate")),
            deactivate: is_active.then(|| lifecycle("deactivate")),
        },
    }
}

/// Reads what the caller says; lengths and the rules between providers are the domain's.
pub(super) fn parse(body: &Map<String, Value>) -> Result<ProviderRequest, Error> {
    let name = text(body, "name", "name")?.ok_or_else(|| Error::invalid("name", BLANK))?;
    let product = text(body, "type", "type")?.ok_or_else(|| Error::invalid("type", BLANK))?;
    let settings = settings(body)?;
    Ok(ProviderRequest { name, product, settings })
}

/// Reads `settings`.
pub(crate) fn settings(body: &Map<String, Value>) -> Result<ProviderSettings, Error> {
    match body.get("settings") {
        None | Some(Value::Null) => Err(Error::invalid("settings", BLANK)),
        Some(Value::Object(settings)) => parse_settings(settings),
        Some(_) => Err(Error::invalid("settings", "The field must be an object")),
    }
}

const BLANK: &str = "The field cannot be left blank";

/// Spellings that are in use elsewhere and would be left out without a word (okta.md 5.1).
const MISSPELT: [(&str, &str); 4] = [
    ("wellKnownUrl", "well_known_url"),
    ("jwksUrl", "jwks_url"),
    ("jwksUri", "jwks_url"),
    ("jwks_uri", "jwks_url"),
];

fn parse_settings(settings: &Map<String, Value>) -> Result<ProviderSettings, Error> {
    for (wrong, right) in MISSPELT {
        if settings.contains_key(wrong) {
            return Err(in_settings(wrong, &format!("The field is not known. It is spelt {right}")));
        }
    }
    if let Some(url) = text(settings, "well_known_url", "settings")?.filter(|url| !url.trim().is_empty()) {
        return Ok(ProviderSettings::WellKnown(url));
    }
    let issuer = text(settings, "issuer", "settings")?;
    let jwks_url = text(settings, "jwks_url", "settings")?;
    match (issuer, jwks_url) {
        (Some(issuer), Some(jwks_url)) => Ok(ProviderSettings::Keys { issuer, jwks_url }),
        (Some(_), None) => Err(in_settings("jwks_url", BLANK)),
        (None, Some(_)) => Err(in_settings("issuer", BLANK)),
        (None, None) => Err(in_settings("well_known_url", BLANK)),
    }
}

/// A text, if it is there; `field` is what the error's summary names.
fn text(members: &Map<String, Value>, member: &str, field: &str) -> Result<Option<String>, Error> {
    match members.get(member) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(fault(field, member, "The field must be a string")),
    }
}

fn in_settings(member: &str, message: &str) -> Error {
    fault("settings", member, message)
}

fn fault(field: &str, member: &str, message: &str) -> Error {
    Error::Invalid {
        field: field.to_owned(),
        causes: vec![format!("{member}: {message}")],
    }
}
