//! The app object and the client behind it (okta.md 2.1).

use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value, json};
use watchfire_app::{Error, identity::apps::AppDraft};
use watchfire_model::{
    id::OrgId,
    object::{Client, KeySource, Status},
};

use crate::{
    links::Links,
    okta::members::{Faults, Members},
};

/// Members of `settings.oauthClient` that registration reads under the same name.
const REGISTERED: [&str; 15] = [
    "application_type",
    "grant_types",
    "response_types",
    "redirect_uris",
    "post_logout_redirect_uris",
    "jwks",
    "jwks_uri",
    "dpop_bound_access_tokens",
    "client_uri",
    "logo_uri",
    "policy_uri",
    "tos_uri",
    "initiate_login_uri",
    "frontchannel_logout_uri",
    "request_object_signing_alg",
];
/// Members of `settings.oauthClient` that are only kept and echoed, with what they are when absent.
const KEPT: [(&str, Kept); 5] = [
    ("consent_method", Kept::Text("TRUSTED")),
    ("issuer_mode", Kept::Text("ORG_URL")),
    ("idp_initiated_login", Kept::Login),
    ("wildcard_redirect", Kept::Text("DISABLED")),
    ("participate_slo", Kept::No),
];
const MAX_CHARS: usize = 100;

#[derive(Clone, Copy)]
enum Kept {
    Text(&'static str),
    Login,
    No,
}

impl Kept {
    fn value(self) -> Value {
        match self {
            Self::Text(text) => text.into(),
            Self::Login => json!({"mode": "DISABLED", "default_scope": []}),
            Self::No => false.into(),
        }
    }
}

/// Reads an app; `own` is the id of the one that it replaces.
pub(super) fn read(body: &Value, own: Option<&str>) -> Result<AppDraft, Error> {
    let members = Members::of(body)?;
    let mut faults = Faults::default();
    let label = members.required_text("label", MAX_CHARS, &mut faults);
    for (name, only) in [("name", "oidc_client"), ("signOnMode", "OPENID_CONNECT")] {
        if members.text(name, MAX_CHARS, &mut faults).is_some_and(|text| text != only) {
            faults.add(name, format!("Only '{only}' is supported"));
        }
    }
    let credentials = members.child("credentials", &mut faults).child("oauthClient", &mut faults);
    let client_id = credentials.text("client_id", MAX_CHARS, &mut faults);
    if client_id.as_deref().is_some_and(|id| Some(id) != own) {
        faults.add("credentials.oauthClient.client_id", "A client id cannot be chosen");
    }
    let method = credentials.text("token_endpoint_auth_method", MAX_CHARS, &mut faults);
    let settings = members.child("settings", &mut faults).child("oauthClient", &mut faults);
    settings.require("grant_types", &mut faults);
    faults.or(())?;

    let at = |pointer: &str| body.pointer(pointer).filter(|value| !value.is_null());
    let mut metadata = Map::new();
    metadata.insert("client_name".to_owned(), label.into());
    metadata.insert(
        "token_endpoint_auth_method".to_owned(),
        method.map_or(Value::Null, Value::from),
    );
    for name in REGISTERED {
        if let Some(value) = at(&format!("/settings/oauthClient/{name}")) {
            metadata.insert(name.to_owned(), value.clone());
        }
    }
    Ok(AppDraft {
        metadata: Value::Object(metadata),
        app: kept(&at),
    })
}

/// What is kept beside the client, under flat names.
fn kept<'v>(at: &impl Fn(&str) -> Option<&'v Value>) -> Map<String, Value> {
    let mut app = Map::new();
    let elsewhere = [
        ("visibility", "/visibility"),
        ("accessibility", "/accessibility"),
        ("profile", "/profile"),
        ("notes", "/settings/notes"),
        ("userNameTemplate", "/credentials/userNameTemplate"),
        ("autoKeyRotation", "/credentials/oauthClient/autoKeyRotation"),
        ("pkce_required", "/credentials/oauthClient/pkce_required"),
    ];
    for (name, pointer) in elsewhere {
        if let Some(value) = at(pointer) {
            app.insert(name.to_owned(), value.clone());
        }
    }
    for (name, _) in KEPT {
        if let Some(value) = at(&format!("/settings/oauthClient/{name}")) {
            app.insert(name.to_owned(), value.clone());
        }
    }
    app
}

/// What an app object shows beside the client.
pub(super) struct Surroundings<'a> {
    pub(super) org: &'a OrgId,
    pub(super) links: &'a Links,
    /// Whether it has registered where it takes Universal Logout calls (okta.md 9.8).
    pub(super) universal_logout: bool,
}

/// The app object.
pub(super) fn render(client: &Client, secret: Option<&SecretString>, around: &Surroundings<'_>) -> Value {
    let (org, links) = (around.org, around.links);
    let logout = if around.universal_logout { "ENABLED" } else { "DISABLED" };
    let id = client.id.as_str();
    let kept = |name: &str, otherwise: Value| client.app.get(name).cloned().unwrap_or(otherwise);
    let hide = json!({
        "autoLaunch": false, "autoSubmitToolbar": false, "hide": {"iOS": true, "web": true},
        "appLinks": {"oidc_client_link": true},
    });
    let open = json!({"selfService": false, "errorRedirectUrl": null, "loginRedirectUrl": null});
    let mut app = json!({
        "id": id,
        "orn": format!("orn:okta:idp:{org}:apps:oidc_client:{id}"),
        "name": "oidc_client",
        "label": client.metadata.client_name,
        "status": client.status.as_str(),
        "lastUpdated": client.last_updated,
        "created": client.created,
        "accessibility": kept("accessibility", open),
        "visibility": kept("visibility", hide),
        "features": [],
        "signOnMode": "OPENID_CONNECT",
        "credentials": {
            "userNameTemplate": kept("userNameTemplate", json!({"template": "${source.login}", "type": "BUILT_IN"})),
            "signing": {},
            "oauthClient": credentials(client, secret),
        },
        "universalLogout": {
            "status": logout, "supportType": "FULL", "identityStack": "NOT_SHARED",
            "protocol": "GLOBAL_TOKEN_REVOCATION",
        },
        "settings": {
            "app": {},
            "notifications": {"vpn": {"network": {"connection": "DISABLED"}, "message": null, "helpUrl": null}},
            "manualProvisioning": false,
            "implicitAssignment": false,
            "emOptInStatus": "NONE",
            "notes": kept("notes", json!({"admin": null, "enduser": null})),
            "oauthClient": settings(client),
        },
        "_links": app_links(client, links),
    });
    if let (Some(profile), Some(members)) = (client.app.get("profile"), app.as_object_mut()) {
        members.insert("profile".to_owned(), profile.clone());
    }
    app
}

/// A key as the apps API shows it: with its id, and `kid` and `use` as they were sent, or null.
pub(super) fn key(jwk: &Value) -> Value {
    let mut members = jwk.as_object().cloned().unwrap_or_default();
    for name in ["kid", "use"] {
        members.entry(name).or_insert(Value::Null);
    }
    Value::Object(members)
}

fn credentials(client: &Client, secret: Option<&SecretString>) -> Value {
    let kept = |name: &str, otherwise: bool| client.app.get(name).cloned().unwrap_or_else(|| otherwise.into());
    let mut oauth = json!({
        "autoKeyRotation": kept("autoKeyRotation", true),
        "client_id": client.id.as_str(),
        "token_endpoint_auth_method": client.metadata.token_endpoint_auth_method.as_str(),
        "pkce_required": kept("pkce_required", false),
    });
    if let (Some(secret), Some(members)) = (secret, oauth.as_object_mut()) {
        members.insert("client_secret".to_owned(), secret.expose_secret().into());
    }
    oauth
}

fn settings(client: &Client) -> Value {
    let metadata = &client.metadata;
    let mut oauth = Map::new();
    let mut put = |name: &str, value: Value| drop(oauth.insert(name.to_owned(), value));
    for name in ["client_uri", "logo_uri"] {
        put(name, metadata.other.get(name).cloned().unwrap_or_default());
    }
    put("redirect_uris", json!(metadata.redirect_uris));
    if !metadata.post_logout_redirect_uris.is_empty() {
        put("post_logout_redirect_uris", json!(metadata.post_logout_redirect_uris));
    }
    put("response_types", json!(metadata.response_types));
    put("grant_types", json!(metadata.grant_types));
    match &metadata.keys {
        Some(KeySource::Jwks(keys)) => put("jwks", json!({"keys": keys.iter().map(key).collect::<Vec<_>>()})),
        Some(KeySource::JwksUri(uri)) => put("jwks_uri", uri.as_str().into()),
        None => {}
    }
    put("application_type", metadata.application_type.as_str().into());
    for (name, otherwise) in KEPT {
        let own = (name == "consent_method").then(|| Value::from(client.consent_method.as_str()));
        let kept = client.app.get(name).cloned().or(own);
        put(name, kept.unwrap_or_else(|| otherwise.value()));
    }
    put("dpop_bound_access_tokens", metadata.dpop_bound_access_tokens.into());
    for (name, value) in &metadata.other {
        put(name, value.clone());
    }
    Value::Object(oauth)
}

fn app_links(client: &Client, links: &Links) -> Value {
    let own = links.to(&format!("{}/{}", super::PATH, client.id));
    let (name, path) = if client.metadata.token_endpoint_auth_method.has_secret() {
        ("secrets", "credentials/secrets")
    } else {
        ("jwks", "credentials/jwks")
    };
    let (change, verb) = match client.status {
        Status::Active => ("deactivate", "deactivate"),
        Status::Inactive => ("activate", "activate"),
    };
    let mut all = json!({
        "groups": {"href": format!("{own}/groups")},
        "users": {"href": format!("{own}/users")},
        "clientCredentials": [{"name": name, "href": format!("{own}/{path}")}],
    });
    if let Some(members) = all.as_object_mut() {
        members.insert(change.to_owned(), json!({"href": format!("{own}/lifecycle/{verb}")}));
    }
    all
}
