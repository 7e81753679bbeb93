//! Changing what is said of the organisation (okta.md 11.2).

use std::collections::BTreeMap;

use watchfire_model::{
    object::Org,
    row::Decision,
    slice::{Need, Slice},
};

use crate::{
    Rejection,
    command::{Command, Context, Decided},
};

/// Characters of one member of the profile at the most.
pub const MAX_PROFILE_CHARS: usize = 255;

/// Changes the organisation's profile.
#[derive(Clone, Debug)]
pub struct UpdateOrg {
    /// What is said; `None` clears a member.
    pub members: BTreeMap<String, Option<String>>,
    /// Whether members that are not named are cleared too.
    pub replace: bool,
}

impl Command for UpdateOrg {
    type Outcome = Org;

    fn needs(&self) -> Vec<Need> {
        vec![Need::all::<Org>()]
    }

    fn decide(&self, slice: &Slice, context: &mut Context<'_>) -> Decided<Org> {
        self.try_decide(slice, context).into()
    }
}

impl UpdateOrg {
    fn try_decide(&self, slice: &Slice, context: &Context<'_>) -> Result<(Decision, Org), Rejection> {
        let mut org = slice
            .all::<Org>()
            .first()
            .map(|org| Org::clone(org))
            .ok_or(Rejection::Forbidden)?;
        if self.replace {
            org.profile.clear();
        }
        for (member, value) in &self.members {
            match value {
                Some(text) if text.chars().count() > MAX_PROFILE_CHARS => {
                    return Err(Rejection::invalid(member, "The field is too long"));
                }
                Some(text) => drop(org.profile.insert(member.clone(), text.clone())),
                None => drop(org.profile.remove(member)),
            }
        }
        if org.profile.get("companyName").is_none_or(|name| name.trim().is_empty()) {
            return Err(Rejection::invalid("companyName", "The field cannot be left blank"));
        }
        org.last_updated = context.now;
        let mut decision = Decision::new();
        decision.put(org.clone());
        Ok((decision, org))
    }
}
