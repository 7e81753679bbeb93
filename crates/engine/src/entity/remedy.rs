//! What ends a cause before it has faded (risk-engine.md 5.7, ssf.md annex B).

use serde::Serialize;
use watchfire_model::object::{Cause, CauseKind};

use super::HIGH_MILLINATS;

/// Something that ends causes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Remedy {
    /// An administrator says so, by clearing it or by an override.
    Administrator,
    /// The same provider takes it back: a lower level, compliance, an account enabled again.
    SameProvider,
    /// The user signs in with a second factor.
    SecondFactor,
    /// The user signs in with a second factor twice, without a wrong code and not at HIGH risk.
    TwoCleanStepUps,
    /// A credential of the user has been changed.
    CredentialChange,
    /// A credential has been changed and all sessions have been ended, in either order.
    CredentialChangeAndSessionsEnded,
}

/// What ends `cause`, beside time.
pub fn remedies(cause: &Cause) -> &'static [Remedy] {
    match cause.kind {
        CauseKind::SessionRevoked | CauseKind::RecoveryActivated => &[Remedy::SecondFactor, Remedy::Administrator],
        CauseKind::CredentialChangeRequired => &[Remedy::CredentialChange, Remedy::Administrator],
        CauseKind::CredentialCompromise | CauseKind::NotMe => &[Remedy::CredentialChangeAndSessionsEnded, Remedy::Administrator],
        CauseKind::RiskLevel | CauseKind::UserRisk if cause.millinats >= HIGH_MILLINATS => &[
            Remedy::SameProvider,
            Remedy::CredentialChangeAndSessionsEnded,
            Remedy::Administrator,
        ],
        CauseKind::RiskLevel | CauseKind::UserRisk => &[Remedy::SameProvider, Remedy::TwoCleanStepUps, Remedy::Administrator],
        CauseKind::AssuranceDecrease | CauseKind::DeviceNotCompliant | CauseKind::AccountDisabled | CauseKind::DeviceRisk => {
            &[Remedy::SameProvider, Remedy::Administrator]
        }
        CauseKind::CredentialChange
        | CauseKind::IdentifierChanged
        | CauseKind::IdentifierRecycled
        | CauseKind::RecoveryInformationChanged
        | CauseKind::IpChange
        | CauseKind::AdminOverride
        | CauseKind::SignIn => &[Remedy::Administrator],
    }
}
