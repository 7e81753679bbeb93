//! `/watchfire/v1/receipts`: what was received, and what became of it.

use axum::{
    Json,
    extract::{Path, State},
    response::IntoResponse,
};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use watchfire_app::{
    App, Error,
    insight::receipts::{Contents, EventNote, Handling, ReceiptQuery, SetNote, StoredReceipt},
};
use watchfire_model::{entity::Entity, time::Timestamp};

use crate::{
    caller::Caller,
    error::{OktaError, okta::ErrorObject},
    links::Links,
    pagination::{PageBounds, PageLinks, PageRequest},
    query::Query,
};

const PATH: &str = "/watchfire/v1/receipts";

/// Something that a provider sent and that was accepted.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct ReceiptBody {
    /// `rcp…`
    id: String,
    /// `security_events` or `risk_events`.
    kind: String,
    /// The id of who sent it.
    provider: String,
    /// When it was accepted.
    #[schema(value_type = String, format = DateTime)]
    received_at: Timestamp,
    /// What a Security Event Token said of itself and what became of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    set: Option<SetBody>,
    /// Its header, when it is a token; only of a single receipt.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    header: Option<Value>,
    /// Its claims, or the body as it came; only of a single receipt.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    claims: Option<Value>,
}

/// What became of a token.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct SetBody {
    /// `iss`
    issuer: String,
    /// `jti`
    jti: String,
    /// `txn`
    txn: Option<String>,
    /// The stream that it came by; null for the endpoint that all share.
    stream: Option<String>,
    /// SHA-256 of its claims as they were signed.
    digest: String,
    /// Each way in which it was not as SSF 1.0 has it, and was taken all the same.
    normalisations: Vec<String>,
    /// Its events.
    events: Vec<EventBody>,
}

/// What became of an event.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct EventBody {
    /// Its type, as it was sent.
    uri: String,
    /// `handled`, `unhandled`, `unbound`, `discarded_critical`, `not_permitted`, `opted_out` or `superseded`.
    handling: &'static str,
    /// What it was found to be about.
    entities: Vec<EntityBody>,
}

/// A user, a device or a session.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct EntityBody {
    /// `USER`, `DEVICE` or `SESSION`.
    #[serde(rename = "type")]
    kind: &'static str,
    /// Its id.
    id: String,
}

impl From<&Entity> for EntityBody {
    fn from(entity: &Entity) -> Self {
        Self {
            kind: entity.kind(),
            id: entity.id().to_owned(),
        }
    }
}

impl From<EventNote> for EventBody {
    fn from(note: EventNote) -> Self {
        Self {
            entities: note.entities.iter().map(EntityBody::from).collect(),
            uri: note.uri,
            handling: note.handling.as_str(),
        }
    }
}

impl From<SetNote> for SetBody {
    fn from(note: SetNote) -> Self {
        Self {
            issuer: note.issuer,
            jti: note.jti,
            txn: note.txn,
            stream: note.stream.map(String::from),
            digest: note.digest,
            normalisations: note.normalisations,
            events: note.events.into_iter().map(EventBody::from).collect(),
        }
    }
}

impl ReceiptBody {
    fn new(receipt: StoredReceipt, contents: Option<Contents>) -> Self {
        let (header, claims) = match contents {
            Some(Contents::Token { header, claims }) => (Some(header), Some(claims)),
            Some(Contents::Json(body)) => (None, Some(body)),
            None => (None, None),
        };
        Self {
            id: receipt.id,
            kind: receipt.kind,
            provider: receipt.provider,
            received_at: receipt.received_at,
            set: receipt.note.map(SetBody::from),
            header,
            claims,
        }
    }
}

/// List what was received, newest first
///
/// Tokens about nobody here are listed too, under `handling` `unbound`.
#[utoipa::path(get, path = "/watchfire/v1/receipts", tag = "Watchfire", security(("apiToken" = []), ("oauth2" = ["watchfire.read"])),
    params(
        ("provider" = Option<String>, Query, description = "Only this provider's, by its id"),
        ("handling" = Option<String>, Query, description = "Only tokens with an event of which this became"),
        ("since" = Option<String>, Query, description = "Received then or later, ISO 8601"),
        ("until" = Option<String>, Query, description = "Received before that, ISO 8601"),
        ("after" = Option<String>, Query, description = "From a `next` link"),
        ("limit" = Option<u32>, Query, description = "1 to 200, 50 when absent"),
    ),
    responses((status = 200, body = Vec<ReceiptBody>), (status = 400, body = ErrorObject), (status = 403, body = ErrorObject)))]
pub(super) async fn list(
    State(app): State<App>,
    caller: Caller,
    links: Links,
    query: Query,
) -> Result<impl IntoResponse + use<>, OktaError> {
    let page = PageRequest::parse(&query, PageBounds::OURS)?;
    let wanted = ReceiptQuery {
        provider: query.filled("provider").map(str::to_owned),
        handling: query.filled("handling").map(handling).transpose()?,
        since: query.instant("since")?,
        until: query.instant("until")?,
        after: None,
        limit: page.limit,
    };
    let listed = app.receipts(&caller.principal, page.after.as_deref(), wanted).await?;
    let body = |receipt| ReceiptBody::new(receipt, None);
    Ok(PageLinks::around(&links, (PATH, &query), listed, body))
}

/// Retrieve a receipt, with what its body says
#[utoipa::path(get, path = "/watchfire/v1/receipts/{id}", tag = "Watchfire", params(("id" = String, Path)),
    security(("apiToken" = []), ("oauth2" = ["watchfire.read"])),
    responses((status = 200, body = ReceiptBody), (status = 403, body = ErrorObject), (status = 404, body = ErrorObject)))]
pub(super) async fn get(State(app): State<App>, caller: Caller, Path(id): Path<String>) -> Result<Json<ReceiptBody>, OktaError> {
    let (receipt, contents) = app.receipt(&caller.principal, &id).await?;
    Ok(Json(ReceiptBody::new(receipt, Some(contents))))
}

fn handling(word: &str) -> Result<Handling, Error> {
    Handling::parse(word).ok_or_else(|| Error::invalid("handling", "The value is not one that there is"))
}
