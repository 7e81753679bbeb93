//! `/api/v1/org` (okta.md 11.2).

use std::collections::BTreeMap;

use axum::{Json, extract::State};
use serde_json::{Map, Value, json};
use watchfire_app::{App, Error};
use watchfire_model::object::Org;

use crate::{
    body::JsonBody,
    caller::Caller,
    error::{OktaError, okta::ErrorObject},
    links::Links,
};

/// Retrieve the organisation
#[utoipa::path(get, path = "/api/v1/org", tag = "Org", security(("apiToken" = []), ("oauth2" = ["okta.orgs.read"])),
    responses((status = 200, body = Object), (status = 403, body = ErrorObject)))]
pub(super) async fn get(State(app): State<App>, caller: Caller, links: Links) -> Result<Json<Value>, OktaError> {
    Ok(Json(object(&app.org(&caller.principal)?, &links)))
}

/// Update the organisation
#[utoipa::path(post, path = "/api/v1/org", tag = "Org", request_body = Object,
    security(("apiToken" = []), ("oauth2" = ["okta.orgs.manage"])),
    responses((status = 200, body = Object), (status = 400, body = ErrorObject), (status = 403, body = ErrorObject)))]
pub(super) async fn update(
    State(app): State<App>,
    caller: Caller,
    links: Links,
    JsonBody(body): JsonBody<Map<String, Value>>,
) -> Result<Json<Value>, OktaError> {
    let org = app.update_org(&caller.principal, members(&body)?, false).await?;
    Ok(Json(object(&org, &links)))
}

/// Replace the organisation
#[utoipa::path(put, path = "/api/v1/org", tag = "Org", request_body = Object,
    security(("apiToken" = []), ("oauth2" = ["okta.orgs.manage"])),
    responses((status = 200, body = Object), (status = 400, body = ErrorObject), (status = 403, body = ErrorObject)))]
pub(super) async fn replace(
    State(app): State<App>,
    caller: Caller,
    links: Links,
    JsonBody(body): JsonBody<Map<String, Value>>,
) -> Result<Json<Value>, OktaError> {
    let org = app.update_org(&caller.principal, members(&body)?, true).await?;
    Ok(Json(object(&org, &links)))
}

/// Retrieve the organisation's introduction: what kind of org this is (okta.md 11.1)
#[utoipa::path(get, path = "/.well-known/okta-organization", tag = "Org", responses((status = 200, body = Object)))]
pub(super) async fn introduction(State(app): State<App>, links: Links) -> Result<Json<Value>, OktaError> {
    let directory = app.state().directory();
    let org = directory.org().ok_or_else(|| Error::internal("there is no organisation"))?;
    Ok(Json(json!({
        "id": org.id.as_str(),
        "cell": "op1",
        "_links": {"organization": {"href": links.org_url()}},
        // Terraform's ITP resources expect an Identity Engine.
        "pipeline": "idx",
        "settings": {
            "analyticsCollectionEnabled": false,
            "bugReportingEnabled": true,
            "omEnabled": false,
            "pssoEnabled": false,
            "desktopMFAEnabled": false,
            "itpEnabled": true,
        },
    })))
}

/// The members of the profile that a body names; others are read-only or unknown and ignored.
fn members(body: &Map<String, Value>) -> Result<BTreeMap<String, Option<String>>, Error> {
    let mut members = BTreeMap::new();
    for name in Org::PROFILE {
        match body.get(name) {
            None => {}
            Some(Value::Null) => drop(members.insert(name.to_owned(), None)),
            Some(Value::String(text)) => drop(members.insert(name.to_owned(), Some(text.clone()))),
            Some(_) => return Err(Error::invalid(name, "The field must be a string")),
        }
    }
    Ok(members)
}

fn object(org: &Org, links: &Links) -> Value {
    let mut object = Map::new();
    object.insert("id".to_owned(), org.id.as_str().into());
    object.insert("subdomain".to_owned(), subdomain(links.org_url()).into());
    object.insert("status".to_owned(), "ACTIVE".into());
    for name in Org::PROFILE {
        object.insert(
            name.to_owned(),
            org.profile.get(name).map_or(Value::Null, |text| text.as_str().into()),
        );
    }
    object.insert("created".to_owned(), org.created.to_string().into());
    object.insert("lastUpdated".to_owned(), org.last_updated.to_string().into());
    object.insert("expiresAt".to_owned(), Value::Null);
    object.insert(
        "_links".to_owned(),
        json!({"self": {"href": links.to("/api/v1/org"), "hints": {"allow": ["GET", "POST", "PUT"]}}}),
    );
    Value::Object(object)
}

/// The first label of the org URL's host name; an address is given whole.
fn subdomain(org_url: &str) -> String {
    let host = url::Url::parse(org_url)
        .ok()
        .and_then(|url| url.host().map(|host| host.to_owned()));
    match host {
        Some(url::Host::Domain(name)) => name.split('.').next().unwrap_or_default().to_owned(),
        Some(address) => address.to_string(),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_subdomain_is_the_first_label() {
        assert_eq!(subdomain("https://acme.example.com"), "acme");
        assert_eq!(subdomain("http://127.0.0.1:8080"), "127.0.0.1");
    }

    #[test]
    fn a_member_of_the_wrong_type_is_named() {
        let body = json!({"city": 7, "id": "00oX"});
        let Err(Error::Invalid { causes, .. }) = members(body.as_object().unwrap()) else {
            panic!("taken")
        };
        assert_eq!(causes, ["city: The field must be a string"]);
    }
}
