//! What a simulation of policies is asked.

use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;
use watchfire_app::{
    Error,
    response::policy_rehearsal::{ImaginedNetwork, ImaginedSignIn, ImaginedUser},
};
use watchfire_model::{
    id::{GroupId, UserId, ZoneId},
    signal::RiskLevel,
};

use super::{POLICY_TYPE, POLICY_TYPES_SIMULATED};
use crate::{
    okta::members::{Faults, Members},
    query::Query,
};

/// Sign-ins in one call.
const MOST: usize = 20;
/// Characters of a name or an id.
const MAX_NAME: usize = 256;
/// Ids in a list.
const MAX_IDS: usize = 500;
const INVALID: &str = "Invalid value";

/// A sign-in that is imagined.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = SimulatePolicy)]
#[expect(
    dead_code,
    reason = "only its schema is used; the body is read member by member for exact errors"
)]
pub(super) struct SimulatePolicyRequest {
    /// The application that it is for, by the name that conditions have.
    app_instance: Option<String>,
    /// `OKTA_SIGN_ON`, which is meant when there are none; of other types there are no policies here.
    policy_types: Option<Vec<String>>,
    /// `user: {id}` or `groups: {ids}`; `ip` or `zones: {ids}`; `risk: {level}`, ours `score` and `behaviors`, which
    /// deviate; `device: {registered}`, ours `known`, which means the same here.
    #[schema(value_type = Object)]
    policy_context: Value,
}

/// A sign-in and the types of policies that are asked about it.
pub(super) struct Asked {
    pub(super) sign_in: ImaginedSignIn,
    pub(super) types: Vec<&'static str>,
}

/// How much is told.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Expand {
    pub(super) evaluated: bool,
    pub(super) conditions: bool,
}

impl Expand {
    pub(super) fn of(query: &Query) -> Result<Self, Error> {
        let mut expand = Self::default();
        let values = query.pairs().iter().filter(|(name, _)| name == "expand");
        for word in values.flat_map(|(_, value)| value.split(',')).filter(|word| !word.is_empty()) {
            match word {
                "EVALUATED" => expand.evaluated = true,
                "RULE" => expand.conditions = true,
                _ => return Err(Error::invalid("expand", INVALID)),
            }
        }
        Ok(expand)
    }
}

/// Reads one or a list of them.
pub(super) fn read(body: &Value) -> Result<Vec<Asked>, Error> {
    match body.as_array() {
        None => Ok(vec![read_one(body)?]),
        Some(list) if list.is_empty() || list.len() > MOST => {
            let why = format!("Give 1 to {MOST} sign-ins");
            Err(Error::invalid("simulatePolicy", &why))
        }
        Some(list) => list.iter().map(read_one).collect(),
    }
}

fn read_one(body: &Value) -> Result<Asked, Error> {
    let members = Members::of(body)?;
    let faults = &mut Faults::default();
    members.require("policyContext", faults);
    let context = members.child("policyContext", faults);
    let risk = context.child("risk", faults);
    let device = context.child("device", faults);
    let levels = [RiskLevel::Low, RiskLevel::Medium, RiskLevel::High].map(|level| (level.as_str(), level));
    let who = who(&context, faults);
    let (registered, known) = (device.boolean("registered", faults), device.boolean("known", faults));
    if known.zip(registered).is_some_and(|(known, registered)| known != registered) {
        faults.add(device.path_of("known"), "It says the same as registered");
    }
    let sign_in = who.map(|who| ImaginedSignIn {
        who,
        network: network(&context, faults),
        application: members.text("appInstance", MAX_NAME, faults).filter(|name| !name.is_empty()),
        level: risk.choice("level", &levels, faults),
        score: risk
            .integer("score", 0..=100, faults)
            .and_then(|score| u8::try_from(score).ok()),
        behaviors: risk
            .value("behaviors")
            .map(|list| texts(list, &risk.path_of("behaviors"), faults)),
        device_known: known.or(registered),
    });
    let types = types(&members, faults);
    let sign_in = std::mem::take(faults).or(sign_in)?.ok_or(Error::Malformed)?;
    Ok(Asked { sign_in, types })
}

fn who(context: &Members<'_>, faults: &mut Faults) -> Option<ImaginedUser> {
    match (context.value("user"), context.value("groups")) {
        (Some(_), None) => {
            let id = context.child("user", faults).required_text("id", MAX_NAME, faults);
            Some(ImaginedUser::User(UserId::new(id)))
        }
        (None, Some(groups)) => {
            let ids = groups.get("ids").unwrap_or(groups);
            let ids = texts(ids, &context.path_of("groups"), faults);
            Some(ImaginedUser::InGroups(ids.into_iter().map(GroupId::new).collect()))
        }
        _ => {
            faults.add(context.path_of("user"), "Give either user or groups");
            None
        }
    }
}

fn network(context: &Members<'_>, faults: &mut Faults) -> ImaginedNetwork {
    match (context.text("ip", MAX_NAME, faults), context.value("zones")) {
        (None, None) => ImaginedNetwork::Open,
        (Some(ip), None) => ip.trim().parse().map_or_else(
            |_| {
                faults.add(context.path_of("ip"), INVALID);
                ImaginedNetwork::Open
            },
            ImaginedNetwork::Address,
        ),
        (None, Some(zones)) => {
            let ids = zones.get("ids").unwrap_or(zones);
            let ids = texts(ids, &context.path_of("zones.ids"), faults);
            ImaginedNetwork::Zones(ids.into_iter().map(ZoneId::new).collect())
        }
        (Some(_), Some(_)) => {
            faults.add(context.path_of("ip"), "Give either ip or zones");
            ImaginedNetwork::Open
        }
    }
}

fn types(members: &Members<'_>, faults: &mut Faults) -> Vec<&'static str> {
    let Some(asked) = members.value("policyTypes") else {
        return vec![POLICY_TYPE];
    };
    let asked = match asked.as_str() {
        Some(one) => vec![one.to_owned()],
        None => texts(asked, "policyTypes", faults),
    };
    if asked.is_empty() {
        return vec![POLICY_TYPE];
    }
    let mut types = Vec::new();
    for name in asked {
        match POLICY_TYPES_SIMULATED.iter().find(|it| **it == name) {
            Some(known) if !types.contains(known) => types.push(*known),
            Some(_) => {}
            None => faults.add("policyTypes", INVALID),
        }
    }
    types
}

fn texts(value: &Value, path: &str, faults: &mut Faults) -> Vec<String> {
    let list = value.as_array().filter(|list| list.len() <= MAX_IDS);
    let texts: Option<Vec<String>> = list.and_then(|list| list.iter().map(|it| Some(it.as_str()?.to_owned())).collect());
    texts.unwrap_or_else(|| {
        faults.add(path, INVALID);
        Vec::new()
    })
}
