//! What an empty store becomes at its first start (architecture section 4).

use watchfire_model::{
    id::{ApiTokenId, GroupId, OrgId, PolicyId, RiskProviderId, RuleId, UserId},
    log::{Actor, EventType, LogEvent, Target},
    object::{
        ApiToken, Group, GroupType, KeyState, Membership, Org, Policy, ProviderAction, RiskProvider, Rule, RuleConditions,
        RuleMode, SignOnAction, SigningKey, Status, TokenNetwork, User, UserStatus,
    },
    row::Decision,
    slice::{Need, Slice},
    time::Timestamp,
};

use crate::command::{Command, Context, Decided};

/// The default provider's name; the blank at its end is the contract's (okta.md 3.2).
pub const DEFAULT_PROVIDER_NAME: &str = "Default ";

/// Makes the organisation. On a store that has one it does nothing.
#[derive(Clone, Debug)]
pub struct Bootstrap {
    /// Hash of the first administrator's token.
    pub token_hash: String,
    /// The key that signs first.
    pub signing_key: NewSigningKey,
}

/// A signing key that was just made.
#[derive(Clone, Debug)]
pub struct NewSigningKey {
    /// Its thumbprint.
    pub kid: String,
    /// The public JWK.
    pub public_jwk: serde_json::Value,
    /// The sealed private key.
    pub sealed_private: String,
}

impl NewSigningKey {
    /// The key in this state.
    pub fn into_key(self, state: KeyState, now: Timestamp) -> SigningKey {
        SigningKey {
            kid: self.kid,
            state,
            public_jwk: self.public_jwk,
            sealed_private: self.sealed_private,
            created: now,
            retire_at: None,
        }
    }
}

/// Whether the organisation was made by this command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bootstrapped {
    /// It was there.
    Existing,
    /// It was made; the token whose hash was given works from now on.
    FirstStart,
}

impl Command for Bootstrap {
    type Outcome = Bootstrapped;

    fn needs(&self) -> Vec<Need> {
        vec![Need::all::<Org>()]
    }

    fn decide(&self, slice: &Slice, context: &mut Context<'_>) -> Decided<Bootstrapped> {
        if !slice.all::<Org>().is_empty() {
            return Decided::done(Decision::new(), Bootstrapped::Existing);
        }
        let mut decision = Decision::new();
        let org = OrgId::generate(context.ids);
        let name = [("companyName".to_owned(), "Watchfire".to_owned())];
        decision.put(Org {
            id: org.clone(),
            profile: name.into(),
            has_behaviors: false,
            created: context.now,
            last_updated: context.now,
        });
        decision.put(self.signing_key.clone().into_key(KeyState::Active, context.now));
        decision.put(default_provider(context));
        let everyone = everyone(context);
        let admin = administrator(context);
        decision.put(Membership {
            group_id: everyone.id.clone(),
            user_id: admin.id.clone(),
            created: context.now,
        });
        decision.put(everyone);
        let policy = default_policy(context);
        decision.put(default_rule(&policy, context));
        decision.put(policy);
        let token = self.token(&admin, context);
        let event = LogEvent::new(EventType::ApiTokenCreate, Actor::system(&org)).target(Target::new(
            "Token",
            token.id.as_str(),
            &token.name,
        ));
        context.log(&mut decision, event);
        decision.put(admin);
        decision.put(token);
        Decided::done(decision, Bootstrapped::FirstStart)
    }
}

impl Bootstrap {
    fn token(&self, admin: &User, context: &mut Context<'_>) -> ApiToken {
        ApiToken {
            id: ApiTokenId::generate(context.ids),
            name: "First administrator".to_owned(),
            user_id: admin.id.clone(),
            hash: self.token_hash.clone(),
            network: TokenNetwork::Anywhere,
            expires_at: None,
            window_seconds: None,
            created: context.now,
            last_updated: context.now,
        }
    }
}

fn default_provider(context: &mut Context<'_>) -> RiskProvider {
    RiskProvider {
        id: RiskProviderId::generate(context.ids),
        name: DEFAULT_PROVIDER_NAME.to_owned(),
        client_id: None,
        action: ProviderAction::LogOnly,
        created: context.now,
        last_updated: context.now,
    }
}

fn everyone(context: &mut Context<'_>) -> Group {
    Group {
        id: GroupId::generate(context.ids),
        name: "Everyone".to_owned(),
        description: Some("All users in your organization".to_owned()),
        group_type: GroupType::BuiltIn,
        created: context.now,
        last_updated: context.now,
        last_membership_updated: context.now,
    }
}

/// The one ACTIVE administrator, without a password: nobody signs in as it until it is given one.
fn administrator(context: &mut Context<'_>) -> User {
    let login = "admin@watchfire.local";
    let profile = serde_json::json!({"firstName": "First", "lastName": "Administrator", "login": login, "email": login});
    User {
        id: UserId::generate(context.ids),
        login: login.to_owned(),
        profile: profile.as_object().cloned().unwrap_or_default(),
        status: UserStatus::Active,
        password_hash: None,
        administrator: true,
        created: context.now,
        activated: Some(context.now),
        status_changed: Some(context.now),
        last_login: None,
        last_updated: context.now,
        password_changed: None,
    }
}

/// Allows at every risk level, as Okta's does: a risk-based rule is what an administrator adds.
fn default_policy(context: &mut Context<'_>) -> Policy {
    Policy {
        id: PolicyId::generate(context.ids),
        name: "Default Policy".to_owned(),
        description: Some("The default policy applies in all situations if no other policy applies.".to_owned()),
        status: Status::Active,
        priority: 1,
        system: true,
        groups: Vec::new(),
        created: context.now,
        last_updated: context.now,
    }
}

fn default_rule(policy: &Policy, context: &mut Context<'_>) -> Rule {
    Rule {
        id: RuleId::generate(context.ids),
        policy_id: policy.id.clone(),
        name: "Default Rule".to_owned(),
        status: Status::Active,
        priority: 1,
        system: true,
        conditions: RuleConditions::default(),
        action: SignOnAction::default(),
        mode: RuleMode::Enforce,
        created: context.now,
        last_updated: context.now,
    }
}
