//! The event types (okta.md 8.6), their display messages, severities and old names.

use serde::{Deserialize, Serialize};

use super::OutcomeResult;

/// How loud an event is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Severity {
    /// For whoever looks for a fault.
    Debug,
    /// What happens every day.
    Info,
    /// Worth a look.
    Warn,
    /// Something is broken.
    Error,
}

impl Severity {
    /// Every severity.
    pub const ALL: [Self; 4] = [Self::Debug, Self::Info, Self::Warn, Self::Error];

    /// The severity as it is stored and goes over the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Debug => "DEBUG",
            Self::Info => "INFO",
            Self::Warn => "WARN",
            Self::Error => "ERROR",
        }
    }
}

macro_rules! event_types {
    ($($(#[$doc:meta])* $name:ident = $wire:literal, $severity:ident, $message:literal;)*) => {
        /// What can happen. A name that has been stored is never taken out of this table.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum EventType { $($(#[$doc])* #[doc = concat!("`", $wire, "`")] #[serde(rename = $wire)] $name,)* }

        impl EventType {
            /// Every event type.
            pub const ALL: &'static [EventType] = &[$(Self::$name,)*];

            /// `eventType`, as it is stored and goes over the wire.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $wire,)* }
            }

            /// `displayMessage`.
            pub const fn display_message(self) -> &'static str {
                match self { $(Self::$name => $message,)* }
            }

            /// The severity of an event that says nothing else.
            pub const fn default_severity(self) -> Severity {
                match self { $(Self::$name => Severity::$severity,)* }
            }

            /// Reads a stored name.
            pub fn parse(text: &str) -> Option<Self> {
                match text { $($wire => Some(Self::$name),)* _ => None }
            }
        }
    };
}

event_types! {
    UserReportSuspiciousActivity = "user.account.report_suspicious_activity_by_enduser", Warn, "User report suspicious activity";
    UserSessionStart = "user.session.start", Info, "User login to Okta";
    UserSessionEnd = "user.session.end", Info, "User logout from Okta";
    UserSessionClear = "user.session.clear", Info, "Clear user session";
    UserSessionAccessAdminApp = "user.session.access_admin_app", Info, "User accessing Okta admin app";
    PolicyEvaluateSignOn = "policy.evaluate_sign_on", Info, "Evaluation of sign-on policy";
    SecurityRiskSignalConsume = "security.risk.signal.consume", Info, "Consume risk signal";
    SecurityRequestBlocked = "security.request.blocked", Warn, "Request from blocked network zone";
    /// Ours: the contract documents no event for risk providers.
    SecurityRiskProviderCreate = "security.risk.provider.create", Info, "Create risk provider";
    /// Ours: the contract documents no event for risk providers.
    SecurityRiskProviderUpdate = "security.risk.provider.update", Info, "Update risk provider";
    /// Ours: the contract documents no event for risk providers.
    SecurityRiskProviderDelete = "security.risk.provider.delete", Info, "Delete risk provider";

    FeedbackProvide = "analytics.feedback.provide", Info, "Provide feedback on a detection";
    /// Ours: the contract documents no event for feedback that is taken back.
    FeedbackWithdraw = "analytics.feedback.withdraw", Info, "Withdraw feedback on a detection";
    /// Ours: the contract documents no event for how evidence is weighed.
    RiskTuningUpdate = "security.risk.settings.update", Info, "Update risk settings";

    ApplicationLifecycleCreate = "application.lifecycle.create", Info, "Create application";
    ApplicationLifecycleUpdate = "application.lifecycle.update", Info, "Update application";
    ApplicationLifecycleDelete = "application.lifecycle.delete", Info, "Delete application";
    ApplicationLifecycleActivate = "application.lifecycle.activate", Info, "Activate application";
    ApplicationLifecycleDeactivate = "application.lifecycle.deactivate", Info, "Deactivate application";
    OAuthClientCreate = "app.oauth2.client.lifecycle.create", Info, "Create OAuth client";
    OAuthClientUpdate = "app.oauth2.client.lifecycle.update", Info, "Update OAuth client";
    OAuthClientDelete = "app.oauth2.client.lifecycle.delete", Info, "Delete OAuth client";
    OAuthClientActivate = "app.oauth2.client.lifecycle.activate", Info, "Activate OAuth client";
    OAuthClientDeactivate = "app.oauth2.client.lifecycle.deactivate", Info, "Deactivate OAuth client";
    OAuthTokenGrant = "app.oauth2.token.grant", Info, "OAuth2 token request";
    OAuthAccessTokenGrant = "app.oauth2.token.grant.access_token", Info, "OAuth2 access token is granted";
    OAuthTokenRevoke = "app.oauth2.token.revoke", Info, "OAuth2 token revocation request";
    OAuthConsentGrant = "app.oauth2.as.consent.grant", Info, "Grant consent for an app";
    OAuthConsentRevoke = "app.oauth2.as.consent.revoke", Info, "Revoke consent for an app";
    OAuthKeyRollover = "app.oauth2.as.key.rollover", Info, "OAuth2 authorization server key rollover";

    /// Ours: the store comes from a backup.
    SystemRestore = "system.restore", Warn, "Restored from a backup";
    ApiTokenCreate = "system.api_token.create", Info, "Create API token";
    ApiTokenUpdate = "system.api_token.update", Info, "Update API token";
    ApiTokenRevoke = "system.api_token.revoke", Info, "Revoke API token";
    ApiTokenOutsideAllowedRange = "system.api_token.request_outside_allowed_range", Warn, "API token used from outside its allowed range";
    OrgRateLimitWarning = "system.org.rate_limit.warning", Warn, "Rate limit warning";
    OrgRateLimitViolation = "system.org.rate_limit.violation", Warn, "Rate limit violation";

    ZoneCreate = "zone.create", Info, "Create network zone";
    ZoneUpdate = "zone.update", Info, "Update network zone";
    ZoneDelete = "zone.delete", Info, "Delete network zone";
    ZoneActivate = "zone.activate", Info, "Activate network zone";
    ZoneDeactivate = "zone.deactivate", Info, "Deactivate network zone";
    ZoneMakeBlacklist = "zone.make_blacklist", Info, "Network zone marked as a blocklist";
    ZoneRemoveBlacklist = "zone.remove_blacklist", Info, "Network zone unmarked as a blocklist";

    BehaviorCreate = "security.behavior.settings.create", Info, "Create behavior settings";
    BehaviorUpdate = "security.behavior.settings.update", Info, "Update behavior settings";
    BehaviorDelete = "security.behavior.settings.delete", Info, "Delete behavior settings";

    PolicyCreate = "policy.lifecycle.create", Info, "Create policy";
    PolicyUpdate = "policy.lifecycle.update", Info, "Update policy";
    PolicyDelete = "policy.lifecycle.delete", Info, "Delete policy";
    PolicyActivate = "policy.lifecycle.activate", Info, "Activate policy";
    PolicyDeactivate = "policy.lifecycle.deactivate", Info, "Deactivate policy";
    PolicyRuleAdd = "policy.rule.add", Info, "Add policy rule";
    PolicyRuleUpdate = "policy.rule.update", Info, "Update policy rule";
    PolicyRuleDelete = "policy.rule.delete", Info, "Delete policy rule";
    PolicyRuleActivate = "policy.rule.activate", Info, "Activate policy rule";
    PolicyRuleDeactivate = "policy.rule.deactivate", Info, "Deactivate policy rule";

    UserCreate = "user.lifecycle.create", Info, "Create Okta user";
    UserActivate = "user.lifecycle.activate", Info, "Activate Okta user";
    UserDeactivate = "user.lifecycle.deactivate", Info, "Deactivate Okta user";
    UserReactivate = "user.lifecycle.reactivate", Info, "Reactivate Okta user";
    UserSuspend = "user.lifecycle.suspend", Info, "Suspend Okta user";
    UserUnsuspend = "user.lifecycle.unsuspend", Info, "Unsuspend Okta user";
    UserDeleteInitiated = "user.lifecycle.delete.initiated", Info, "Delete Okta user";
    UserAccountLock = "user.account.lock", Warn, "Max sign in attempts exceeded";
    UserAccountUnlock = "user.account.unlock", Info, "Unlock user account";
    UserResetPassword = "user.account.reset_password", Info, "User reset password for Okta";
    UserUpdatePassword = "user.account.update_password", Info, "User update password for Okta";
    UserExpirePassword = "user.account.expire_password", Info, "User's Okta password is expired";
    UserUpdateProfile = "user.account.update_profile", Info, "Update user profile for Okta";
    UserPrivilegeGrant = "user.account.privilege.grant", Info, "Grant user privilege";
    UserPrivilegeRevoke = "user.account.privilege.revoke", Info, "Revoke user privilege";
    FactorActivate = "user.mfa.factor.activate", Info, "Activate factor for user";
    FactorDeactivate = "user.mfa.factor.deactivate", Info, "Reset factor for user";
    FactorUpdate = "user.mfa.factor.update", Info, "Update factor for user";
    FactorResetAll = "user.mfa.factor.reset_all", Info, "Reset all factors for user";
    AuthViaMfa = "user.authentication.auth_via_mfa", Info, "Authentication of user via MFA";
    AuthViaIdp = "user.authentication.auth_via_IDP", Info, "Authenticate user via IDP";
    /// Ours: an administrator is known by a name of another identity provider from now on.
    IdentityLinkCreate = "user.identity_link.create", Info, "Link user to an identity provider";
    /// Ours.
    IdentityLinkDelete = "user.identity_link.delete", Info, "Unlink user from an identity provider";
    /// Ours: the ways into the Admin Console.
    ConsoleSignInUpdate = "security.console_sign_in.update", Info, "Update sign-in to the Admin Console";
    AuthVerify = "user.authentication.verify", Info, "Verify user identity";

    GroupCreate = "group.lifecycle.create", Info, "Create Okta group";
    GroupDelete = "group.lifecycle.delete", Info, "Delete Okta group";
    GroupUpdate = "group.profile.update", Info, "Update Okta group";
    GroupUserAdd = "group.user_membership.add", Info, "Add user to group membership";
    GroupUserRemove = "group.user_membership.remove", Info, "Remove user from group membership";

    SecurityEventsProviderCreate = "security.events.provider.create", Info, "Create security events provider";
    SecurityEventsProviderUpdate = "security.events.provider.update", Info, "Update security events provider";
    SecurityEventsProviderDelete = "security.events.provider.delete", Info, "Delete security events provider";
    SecurityEventsProviderActivate = "security.events.provider.activate", Info, "Activate security events provider";
    SecurityEventsProviderDeactivate = "security.events.provider.deactivate", Info, "Deactivate security events provider";
    SecurityEventsProviderReceiveEvent = "security.events.provider.receive_event", Info, "Security Events Provider Reported Risk";
    /// Ours: one `jti` with two contents (SET-23).
    SecurityEventsProviderConflict = "security.events.provider.conflict", Warn, "Security events provider reused a token identifier";
    /// Ours: the contract documents no events for streams of a receiver.
    SecurityEventsStreamCreate = "security.events.stream.create", Info, "Create incoming stream";
    /// Ours.
    SecurityEventsStreamUpdate = "security.events.stream.update", Info, "Update incoming stream";
    /// Ours.
    SecurityEventsStreamDelete = "security.events.stream.delete", Info, "Delete incoming stream";
    /// Ours: its state at the transmitter has changed (STRM-37).
    SecurityEventsStreamStatus = "security.events.stream.status", Warn, "Incoming stream changed its status";
    /// Ours: a verification event has come (EVT-04).
    SecurityEventsStreamVerify = "security.events.stream.verify", Info, "Incoming stream verified";

    UserRiskDetect = "user.risk.detect", Info, "User risk detected";
    /// Ours: an administrator has cleared what spoke against an entity.
    EntityRiskClear = "security.entity_risk.clear", Info, "Clear entity risk";
    PolicyEntityRiskEvaluate = "policy.entity_risk.evaluate", Info, "Evaluation of entity risk policy";
    PolicyEntityRiskAction = "policy.entity_risk.action", Info, "Entity risk policy action";
    UserUniversalLogout = "user.authentication.universal_logout", Info, "Universal logout of user";
    UserUniversalLogoutScheduled = "user.authentication.universal_logout.scheduled", Info, "Universal logout of user scheduled";
    EventHookCreate = "event_hook.created", Info, "Event hook created";
    EventHookUpdate = "event_hook.updated", Info, "Event hook updated";
    EventHookDelete = "event_hook.deleted", Info, "Event hook deleted";
    EventHookActivate = "event_hook.activated", Info, "Event hook activated";
    EventHookDeactivate = "event_hook.deactivated", Info, "Event hook deactivated";
    EventHookVerify = "event_hook.verified", Info, "Event hook verified";
    EventHookDelivery = "event_hook.delivery", Info, "Event hook delivery";
    /// Ours: what is done outside, its approvals and its failures.
    SecurityActionRequest = "security.action.approval.request", Warn, "Action waits for approval";
    /// Ours.
    SecurityActionApprove = "security.action.approve", Info, "Action approved";
    /// Ours.
    SecurityActionReject = "security.action.reject", Info, "Action rejected";
    /// Ours.
    SecurityActionFail = "security.action.dead_letter", Error, "Action given up";
    /// Ours.
    SecurityActionRedrive = "security.action.redrive", Info, "Action tried again by hand";
    LogStreamCreate = "system.log_stream.lifecycle.create", Info, "Create log stream";
    LogStreamUpdate = "system.log_stream.lifecycle.update", Info, "Update log stream";
    LogStreamDelete = "system.log_stream.lifecycle.delete", Info, "Delete log stream";
    LogStreamActivate = "system.log_stream.lifecycle.activate", Info, "Activate log stream";
    LogStreamDeactivate = "system.log_stream.lifecycle.deactivate", Info, "Deactivate log stream";
    /// Ours: a stream of the log has sent nothing for long.
    LogStreamFail = "system.log_stream.delivery.failure", Warn, "Log stream does not reach its target";
    /// Ours: it goes on.
    LogStreamRecover = "system.log_stream.delivery.recover", Info, "Log stream reaches its target again";
    /// Ours: what an administrator keeps for actions (webhooks, logout endpoints).
    SecurityActionTargetCreate = "security.action.target.create", Info, "Create action target";
    /// Ours.
    SecurityActionTargetUpdate = "security.action.target.update", Info, "Update action target";
    /// Ours.
    SecurityActionTargetDelete = "security.action.target.delete", Info, "Delete action target";
}

impl EventType {
    /// What the console calls it where that is not `displayMessage`; a search finds it (okta.md 13, 25).
    pub const fn console_message(self) -> Option<&'static str> {
        match self {
            Self::SecurityEventsProviderReceiveEvent => Some("Partner reported risk"),
            _ => None,
        }
    }

    /// `legacyEventType`, where one is known.
    pub const fn legacy(self, result: OutcomeResult) -> Option<&'static str> {
        let failed = matches!(result, OutcomeResult::Failure);
        Some(match self {
            Self::UserSessionStart if failed => "core.user_auth.login_failed",
            Self::UserSessionStart => "core.user_auth.login_success",
            Self::UserSessionEnd => "core.user_auth.logout_success",
            Self::UserAccountLock => "core.user_auth.account_locked",
            Self::UserCreate => "core.user.config.user_creation.success",
            Self::UserActivate => "core.user.config.user_activated",
            Self::UserDeactivate => "core.user.config.user_deactivated",
            Self::UserSuspend => "core.user.config.user_suspended",
            Self::UserUnsuspend => "core.user.config.user_unsuspended",
            Self::AuthViaMfa if failed => "core.user.factor.attempt_fail",
            Self::AuthViaMfa => "core.user.factor.attempt_success",
            Self::GroupUserAdd => "core.user_group_member.user_add",
            Self::GroupUserRemove => "core.user_group_member.user_remove",
            Self::ApiTokenCreate => "api.token.create",
            Self::ApiTokenRevoke => "api.token.revoke",
            _ => return None,
        })
    }
}
