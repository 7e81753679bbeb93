//! Where apps take Global Token Revocation calls (okta.md 9.8).

use watchfire_model::{
    id::ClientId,
    log::{Actor, EventType, LogEvent, RequestOrigin, Target},
    object::{Client, Kind, LogoutEndpoint},
    row::Decision,
    slice::{Need, Slice},
};

use crate::{
    Rejection,
    command::{Command, Context, Decided},
};

/// The type's name in error texts.
pub const KIND: &str = "UniversalLogout";
/// How a user may be named to an app.
pub const SUBJECT_FORMATS: [&str; 3] = ["iss_sub", "email", "opaque"];

/// Registers an app's endpoint, or changes it.
#[derive(Clone, Debug)]
pub struct SetLogoutEndpoint {
    /// The app.
    pub app: ClientId,
    /// Its endpoint; checked already.
    pub url: String,
    /// `aud` of the calls; the endpoint's address when absent.
    pub audience: Option<String>,
    /// One of [`SUBJECT_FORMATS`].
    pub subject_format: String,
    /// Who asks.
    pub actor: Actor,
    /// From where.
    pub origin: RequestOrigin,
}

impl Command for SetLogoutEndpoint {
    type Outcome = LogoutEndpoint;

    fn needs(&self) -> Vec<Need> {
        needs(&self.app)
    }

    fn decide(&self, slice: &Slice, context: &mut Context<'_>) -> Decided<LogoutEndpoint> {
        self.try_decide(slice, context).into()
    }
}

impl SetLogoutEndpoint {
    fn try_decide(&self, slice: &Slice, context: &mut Context<'_>) -> Result<(Decision, LogoutEndpoint), Rejection> {
        let app = find_app(slice, &self.app)?;
        if !SUBJECT_FORMATS.contains(&self.subject_format.as_str()) {
            return Err(Rejection::invalid(
                "subjectFormat",
                "The value is not valid. Allowed values: iss_sub, email, opaque",
            ));
        }
        let old = slice.get::<LogoutEndpoint>(self.app.as_str());
        let endpoint = LogoutEndpoint {
            app: self.app.clone(),
            url: self.url.clone(),
            audience: self.audience.clone(),
            subject_format: self.subject_format.clone(),
            created: old.map_or(context.now, |old| old.created),
            last_updated: context.now,
        };
        let event_type = match old {
            Some(_) => EventType::SecurityActionTargetUpdate,
            None => EventType::SecurityActionTargetCreate,
        };
        let mut decision = Decision::new();
        decision.put(endpoint.clone());
        let event = event(event_type, (&self.actor, &self.origin), app, &endpoint);
        context.log(&mut decision, event);
        Ok((decision, endpoint))
    }
}

/// Takes an app's endpoint away.
#[derive(Clone, Debug)]
pub struct DeleteLogoutEndpoint {
    /// The app.
    pub app: ClientId,
    /// Who asks.
    pub actor: Actor,
    /// From where.
    pub origin: RequestOrigin,
}

impl Command for DeleteLogoutEndpoint {
    type Outcome = ();

    fn needs(&self) -> Vec<Need> {
        needs(&self.app)
    }

    fn decide(&self, slice: &Slice, context: &mut Context<'_>) -> Decided<()> {
        self.try_decide(slice, context).into()
    }
}

impl DeleteLogoutEndpoint {
    fn try_decide(&self, slice: &Slice, context: &mut Context<'_>) -> Result<(Decision, ()), Rejection> {
        let app = find_app(slice, &self.app)?;
        let endpoint = slice
            .get::<LogoutEndpoint>(self.app.as_str())
            .ok_or_else(|| Rejection::not_found(self.app.as_str(), KIND))?;
        let mut decision = Decision::new();
        decision.delete(Kind::LogoutEndpoint, self.app.as_str());
        let by = (&self.actor, &self.origin);
        context.log(&mut decision, event(EventType::SecurityActionTargetDelete, by, app, endpoint));
        Ok((decision, ()))
    }
}

fn needs(app: &ClientId) -> Vec<Need> {
    vec![
        Need::object::<Client>(app.as_str()),
        Need::object::<LogoutEndpoint>(app.as_str()),
    ]
}

fn find_app<'s>(slice: &'s Slice, id: &ClientId) -> Result<&'s Client, Rejection> {
    slice
        .get::<Client>(id.as_str())
        .ok_or_else(|| Rejection::not_found(id.as_str(), "AppInstance"))
}

fn event(event_type: EventType, by: (&Actor, &RequestOrigin), app: &Client, endpoint: &LogoutEndpoint) -> LogEvent {
    let target = Target::new("AppInstance", app.id.as_str(), &app.metadata.client_name)
        .detail("universalLogoutUrl", endpoint.url.as_str())
        .detail("subjectFormat", endpoint.subject_format.as_str());
    LogEvent::new(event_type, by.0.clone()).from_request(by.1).target(target)
}
