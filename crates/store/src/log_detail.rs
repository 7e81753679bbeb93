//! What of an event is in no column of its row: its document without its time, its receipt, and what
//! `sql/log_row.rs` keeps in columns. It is written from the event as it is, without a copy.

use std::collections::BTreeMap;

use serde::Serialize;
use watchfire_model::{
    id::{ApiTokenId, ClientId},
    log::{
        Actor, AuthenticationContext, ClientContext, GeographicalContext, IpHop, LogEvent, Outcome, SecurityContext, Target,
        Transaction, TransactionType, UserAgent,
    },
};

/// The document, as JSON.
pub(crate) fn of(event: &LogEvent) -> serde_json::Result<String> {
    serde_json::to_string(&Detail::of(event))
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Detail<'a> {
    actor: ActorDetail<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    client: Option<ClientDetail<'a>>,
    #[serde(skip_serializing_if = "is_default")]
    authentication_context: &'a AuthenticationContext,
    outcome: OutcomeDetail<'a>,
    #[serde(skip_serializing_if = "is_default")]
    target: &'a Vec<Target>,
    transaction: TransactionDetail<'a>,
    #[serde(skip_serializing_if = "is_default")]
    debug_data: &'a BTreeMap<String, String>,
    #[serde(skip_serializing_if = "is_default")]
    security_context: &'a SecurityContext,
    #[serde(skip_serializing_if = "is_default")]
    ip_chain: &'a Vec<IpHop>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ActorDetail<'a> {
    #[serde(rename = "type")]
    kind: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    alternate_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    display_name: Option<&'a str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ClientDetail<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    user_agent: Option<&'a UserAgent>,
    #[serde(skip_serializing_if = "Option::is_none")]
    zone: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    device: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a ClientId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    geographical_context: Option<&'a GeographicalContext>,
}

#[derive(Serialize)]
struct OutcomeDetail<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct TransactionDetail<'a> {
    #[serde(rename = "type")]
    kind: TransactionType,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_api_token_id: Option<&'a ApiTokenId>,
}

impl<'a> Detail<'a> {
    /// Every member is named, so that a new one is not forgotten.
    fn of(event: &'a LogEvent) -> Self {
        let LogEvent {
            uuid: _,
            published: _,
            event_type: _,
            severity: _,
            receipt: _,
            actor,
            client,
            authentication_context,
            outcome,
            target,
            transaction,
            debug_data,
            security_context,
            ip_chain,
        } = event;
        Self {
            actor: ActorDetail::of(actor),
            client: client.as_ref().map(ClientDetail::of),
            authentication_context,
            outcome: OutcomeDetail::of(outcome),
            target,
            transaction: TransactionDetail::of(transaction),
            debug_data,
            security_context,
            ip_chain,
        }
    }
}

impl<'a> ActorDetail<'a> {
    fn of(actor: &'a Actor) -> Self {
        let Actor {
            id: _,
            kind,
            alternate_id,
            display_name,
        } = actor;
        Self {
            kind,
            alternate_id: alternate_id.as_deref(),
            display_name: display_name.as_deref(),
        }
    }
}

impl<'a> ClientDetail<'a> {
    fn of(client: &'a ClientContext) -> Self {
        let ClientContext {
            ip_address: _,
            user_agent,
            zone,
            device,
            id,
            geographical_context,
        } = client;
        Self {
            user_agent: user_agent.as_ref(),
            zone: zone.as_deref(),
            device: device.as_deref(),
            id: id.as_ref(),
            geographical_context: geographical_context.as_ref(),
        }
    }
}

impl<'a> OutcomeDetail<'a> {
    fn of(outcome: &'a Outcome) -> Self {
        let Outcome { result: _, reason } = outcome;
        Self {
            reason: reason.as_deref(),
        }
    }
}

impl<'a> TransactionDetail<'a> {
    fn of(transaction: &'a Transaction) -> Self {
        let Transaction {
            id: _,
            kind,
            request_api_token_id,
        } = transaction;
        Self {
            kind: *kind,
            request_api_token_id: request_api_token_id.as_ref(),
        }
    }
}

fn is_default<T: Default + PartialEq>(value: &&T) -> bool {
    **value == T::default()
}
