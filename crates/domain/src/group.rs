//! Groups and who is in them (okta.md 10.1).

use watchfire_model::{
    id::{GroupId, UserId},
    log::{Actor, EventType, LogEvent, RequestOrigin, Target},
    object::{Group, GroupType, Kind, Membership, User, fold},
    row::Decision,
    slice::{Need, Slice},
};

use crate::{
    Rejection,
    command::{Command, Context, Decided},
    user,
};

/// Characters of a group's name at the most (okta.md 10.1).
pub const MAX_NAME_CHARS: usize = 255;
/// Characters of a description at the most.
pub const MAX_DESCRIPTION_CHARS: usize = 1_024;

const TAKEN: &str = "An object with this field already exists in the current organization";

/// What an administrator says of a group.
#[derive(Clone, Debug)]
pub struct GroupDraft {
    /// Its name.
    pub name: String,
    /// Its description.
    pub description: Option<String>,
}

/// Makes a group.
#[derive(Clone, Debug)]
pub struct CreateGroup {
    /// What it is to be.
    pub draft: GroupDraft,
    /// Who asks.
    pub actor: Actor,
    /// From where.
    pub origin: RequestOrigin,
}

impl Command for CreateGroup {
    type Outcome = Group;

    fn needs(&self) -> Vec<Need> {
        vec![Need::natural::<Group>(fold(&self.draft.name))]
    }

    fn decide(&self, slice: &Slice, context: &mut Context<'_>) -> Decided<Group> {
        self.try_decide(slice, context).into()
    }
}

impl CreateGroup {
    fn try_decide(&self, slice: &Slice, context: &mut Context<'_>) -> Result<(Decision, Group), Rejection> {
        check(&self.draft, None, slice)?;
        let group = Group {
            id: GroupId::generate(context.ids),
            name: self.draft.name.clone(),
            description: self.draft.description.clone(),
            group_type: GroupType::OktaGroup,
            created: context.now,
            last_updated: context.now,
            last_membership_updated: context.now,
        };
        let mut decision = Decision::new();
        decision.put(group.clone());
        let event = event(EventType::GroupCreate, &self.actor, &self.origin, &group);
        context.log(&mut decision, event);
        Ok((decision, group))
    }
}

/// Replaces what is said of a group.
#[derive(Clone, Debug)]
pub struct ReplaceGroup {
    /// Which one.
    pub id: GroupId,
    /// What it is to be.
    pub draft: GroupDraft,
    /// Who asks.
    pub actor: Actor,
    /// From where.
    pub origin: RequestOrigin,
}

impl Command for ReplaceGroup {
    type Outcome = Group;

    fn needs(&self) -> Vec<Need> {
        vec![
            Need::object::<Group>(self.id.as_str()),
            Need::natural::<Group>(fold(&self.draft.name)),
        ]
    }

    fn decide(&self, slice: &Slice, context: &mut Context<'_>) -> Decided<Group> {
        self.try_decide(slice, context).into()
    }
}

impl ReplaceGroup {
    fn try_decide(&self, slice: &Slice, context: &mut Context<'_>) -> Result<(Decision, Group), Rejection> {
        let old = find_own(slice, &self.id)?;
        check(&self.draft, Some(&self.id), slice)?;
        let group = Group {
            name: self.draft.name.clone(),
            description: self.draft.description.clone(),
            last_updated: context.now,
            ..old.clone()
        };
        let mut decision = Decision::new();
        decision.put(group.clone());
        let event = event(EventType::GroupUpdate, &self.actor, &self.origin, &group);
        context.log(&mut decision, event);
        Ok((decision, group))
    }
}

/// Removes a group. A policy that was for it alone is then for nobody.
#[derive(Clone, Debug)]
pub struct DeleteGroup {
    /// Which one.
    pub id: GroupId,
    /// Who asks.
    pub actor: Actor,
    /// From where.
    pub origin: RequestOrigin,
}

impl Command for DeleteGroup {
    type Outcome = ();

    fn needs(&self) -> Vec<Need> {
        vec![Need::object::<Group>(self.id.as_str()), Need::all::<Membership>()]
    }

    fn decide(&self, slice: &Slice, context: &mut Context<'_>) -> Decided<()> {
        let group = match find_own(slice, &self.id) {
            Ok(group) => group,
            Err(rejection) => return Decided::rejected(rejection),
        };
        let mut decision = Decision::new();
        for membership in slice.all::<Membership>() {
            if membership.group_id == self.id {
                decision.delete(Kind::Membership, Membership::id(&self.id, &membership.user_id));
            }
        }
        decision.delete(Kind::Group, self.id.as_str());
        context.log(&mut decision, event(EventType::GroupDelete, &self.actor, &self.origin, group));
        Decided::done(decision, ())
    }
}

/// Puts a user into a group or takes it out.
#[derive(Clone, Debug)]
pub struct SetMembership {
    /// The group.
    pub group_id: GroupId,
    /// The user.
    pub user_id: UserId,
    /// Whether it is to be in it.
    pub member: bool,
    /// Who asks.
    pub actor: Actor,
    /// From where.
    pub origin: RequestOrigin,
}

impl Command for SetMembership {
    type Outcome = ();

    fn needs(&self) -> Vec<Need> {
        vec![
            Need::object::<Group>(self.group_id.as_str()),
            Need::object::<User>(self.user_id.as_str()),
            Need::object::<Membership>(Membership::id(&self.group_id, &self.user_id)),
        ]
    }

    fn decide(&self, slice: &Slice, context: &mut Context<'_>) -> Decided<()> {
        self.try_decide(slice, context).into()
    }
}

impl SetMembership {
    fn try_decide(&self, slice: &Slice, context: &mut Context<'_>) -> Result<(Decision, ()), Rejection> {
        let group = find_own(slice, &self.group_id)?;
        let user = user::find(slice, &self.user_id)?;
        let id = Membership::id(&self.group_id, &self.user_id);
        let mut decision = Decision::new();
        if slice.get::<Membership>(&id).is_some() == self.member {
            return Ok((decision, ()));
        }
        let event_type = if self.member {
            decision.put(Membership {
                group_id: self.group_id.clone(),
                user_id: self.user_id.clone(),
                created: context.now,
            });
            EventType::GroupUserAdd
        } else {
            decision.delete(Kind::Membership, id);
            EventType::GroupUserRemove
        };
        decision.put(Group {
            last_membership_updated: context.now,
            ..group.clone()
        });
        let event = user::event(event_type, &self.actor, &self.origin, user).target(target(group));
        context.log(&mut decision, event);
        Ok((decision, ()))
    }
}

/// A group as the System Log names it.
pub(crate) fn target(group: &Group) -> Target {
    Target::new("UserGroup", group.id.as_str(), &group.name)
}

/// A group that administrators keep: `Everyone` is the server's.
fn find_own<'s>(slice: &'s Slice, id: &GroupId) -> Result<&'s Group, Rejection> {
    let group = slice.get::<Group>(id.as_str());
    let group = group.ok_or_else(|| Rejection::not_found(id.as_str(), "UserGroup"))?;
    match group.group_type {
        GroupType::OktaGroup => Ok(group),
        GroupType::BuiltIn => Err(Rejection::Forbidden),
    }
}

fn check(draft: &GroupDraft, own: Option<&GroupId>, slice: &Slice) -> Result<(), Rejection> {
    if draft.name.trim().is_empty() {
        return Err(Rejection::invalid("name", "The field cannot be left blank"));
    }
    if draft.name.chars().count() > MAX_NAME_CHARS {
        return Err(Rejection::invalid("name", "The field is too long"));
    }
    let description = draft.description.as_ref().map_or(0, |text| text.chars().count());
    if description > MAX_DESCRIPTION_CHARS {
        return Err(Rejection::invalid("description", "The field is too long"));
    }
    let other = slice.by_natural::<Group>(&fold(&draft.name));
    if other.is_some_and(|other| Some(&other.id) != own) {
        return Err(Rejection::invalid("name", TAKEN));
    }
    Ok(())
}

fn event(event_type: EventType, actor: &Actor, origin: &RequestOrigin, group: &Group) -> LogEvent {
    LogEvent::new(event_type, actor.clone())
        .from_request(origin)
        .target(target(group))
}
