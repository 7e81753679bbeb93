//! What each profile tolerates (ssf.md annexes A and B), as data.

use watchfire_model::object::DialectName;

/// How a provider's tokens are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dialect {
    /// Its name.
    pub name: DialectName,
    /// `typ` may be absent or `JWT` (SET-02, AMB-19).
    pub allow_missing_typ: bool,
    /// `sub` is ignored instead of refused (SET-19, AMB-55).
    pub tolerate_sub: bool,
    /// `exp` is taken when it is not past, instead of refused (SET-20).
    pub tolerate_exp: bool,
    /// More than one event is taken (SET-25).
    pub several_events: bool,
    /// A subject inside the event stands for a missing `sub_id` (AMB-01).
    pub subject_in_event: bool,
    /// Event URIs may stand at the top level when there is no `events` (EVT-32).
    pub events_at_top_level: bool,
    /// `aud` with and without a slash at its end (AMB-04, okta.md 6.2).
    pub audience_slash: bool,
    /// The members that Okta demands of its six types are demanded (okta.md 6.3).
    pub okta_members: bool,
    /// Nothing but RS256 is taken (ITOP-16).
    pub rs256_only: bool,
    /// A session's end and a changed credential need a `reason_admin` (ITOP-23, ITOP-24).
    pub reason_admin_required: bool,
}

impl Dialect {
    /// The dialect of this name.
    pub const fn named(name: DialectName) -> &'static Self {
        match name {
            DialectName::Okta => &OKTA,
            DialectName::Standard => &STANDARD,
            DialectName::Interop => &INTEROP,
            DialectName::GoogleRisc => &GOOGLE_RISC,
            DialectName::LegacySse => &LEGACY_SSE,
            DialectName::Authentik => &AUTHENTIK,
            DialectName::CaepDev => &CAEP_DEV,
        }
    }
}

const INTEROP: Dialect = Dialect {
    name: DialectName::Interop,
    allow_missing_typ: false,
    tolerate_sub: false,
    tolerate_exp: false,
    several_events: false,
    subject_in_event: false,
    events_at_top_level: false,
    audience_slash: false,
    okta_members: false,
    rs256_only: true,
    reason_admin_required: true,
};

const STANDARD: Dialect = Dialect {
    name: DialectName::Standard,
    several_events: true,
    subject_in_event: true,
    rs256_only: false,
    reason_admin_required: false,
    ..INTEROP
};

const OKTA: Dialect = Dialect {
    name: DialectName::Okta,
    tolerate_sub: true,
    tolerate_exp: true,
    events_at_top_level: true,
    audience_slash: true,
    okta_members: true,
    ..STANDARD
};

const LEGACY_SSE: Dialect = Dialect {
    name: DialectName::LegacySse,
    tolerate_sub: true,
    tolerate_exp: true,
    ..STANDARD
};

const GOOGLE_RISC: Dialect = Dialect {
    name: DialectName::GoogleRisc,
    ..LEGACY_SSE
};

const AUTHENTIK: Dialect = Dialect {
    name: DialectName::Authentik,
    allow_missing_typ: true,
    ..STANDARD
};

const CAEP_DEV: Dialect = Dialect {
    name: DialectName::CaepDev,
    ..STANDARD
};
