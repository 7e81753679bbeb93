//! Keeping searches of the System Log. Whose they are is whoever asks; nobody sees another's.

use watchfire_model::{
    id::{SavedSearchId, UserId},
    log::{LogQuery, LogQueryParams},
    object::{Kind, LogSearch, SavedSearch},
    row::Decision,
    slice::{Need, Slice},
};

use crate::{
    Rejection,
    command::{Command, Context, Decided},
};

/// Searches that one administrator may keep.
pub const MAX_SEARCHES: usize = 100;
/// Characters of a name.
pub const MAX_NAME_CHARS: usize = 80;

/// The type in an unknown search's error text (okta.md 11.6).
const KIND: &str = "SavedSearch";

/// Keeps a search under a name; one of this name is replaced.
#[derive(Clone, Debug)]
pub struct SaveSearch {
    /// Whose it is.
    pub user_id: UserId,
    /// What it is called.
    pub name: String,
    /// What is looked for.
    pub search: LogSearch,
}

impl Command for SaveSearch {
    type Outcome = SavedSearch;

    fn needs(&self) -> Vec<Need> {
        vec![Need::children::<SavedSearch>(self.user_id.as_str())]
    }

    fn decide(&self, slice: &Slice, context: &mut Context<'_>) -> Decided<SavedSearch> {
        self.try_decide(slice, context).into()
    }
}

impl SaveSearch {
    fn try_decide(&self, slice: &Slice, context: &mut Context<'_>) -> Result<(Decision, SavedSearch), Rejection> {
        let name = self.name.trim();
        if name.is_empty() {
            return Err(Rejection::invalid("name", "The field cannot be left blank"));
        }
        if name.chars().count() > MAX_NAME_CHARS || name.chars().any(char::is_control) {
            return Err(Rejection::invalid(
                "name",
                &format!("The field must have at most {MAX_NAME_CHARS} characters, and none that control"),
            ));
        }
        // What is kept can be asked again.
        let params = LogQueryParams {
            filter: Some(&self.search.filter),
            q: Some(&self.search.q),
            ..LogQueryParams::default()
        };
        if let Err(error) = LogQuery::parse(&params, context.now) {
            return Err(Rejection::invalid("filter", &error.summary()));
        }
        let own = slice.children::<SavedSearch>(self.user_id.as_str());
        let key = SavedSearch::key(&self.user_id, name);
        let old = own.iter().find(|it| SavedSearch::key(&it.user_id, &it.name) == key);
        if old.is_none() && own.len() >= MAX_SEARCHES {
            return Err(Rejection::invalid(
                "name",
                &format!("Maximum number of saved searches ({MAX_SEARCHES}) reached"),
            ));
        }
        let saved = SavedSearch {
            id: old.map_or_else(|| SavedSearchId::generate(context.ids), |old| old.id.clone()),
            user_id: self.user_id.clone(),
            name: name.to_owned(),
            search: self.search.clone(),
            created: old.map_or(context.now, |old| old.created),
            last_updated: context.now,
        };
        let mut decision = Decision::new();
        decision.put(saved.clone());
        Ok((decision, saved))
    }
}

/// Forgets a search.
#[derive(Clone, Debug)]
pub struct DeleteSavedSearch {
    /// Whose it is.
    pub user_id: UserId,
    /// Which one.
    pub id: SavedSearchId,
}

impl Command for DeleteSavedSearch {
    type Outcome = ();

    fn needs(&self) -> Vec<Need> {
        vec![Need::object::<SavedSearch>(self.id.as_str())]
    }

    fn decide(&self, slice: &Slice, _: &mut Context<'_>) -> Decided<()> {
        let own = slice
            .get::<SavedSearch>(self.id.as_str())
            .filter(|it| it.user_id == self.user_id);
        if own.is_none() {
            return Decided::rejected(Rejection::NotFound {
                id: self.id.to_string(),
                kind: KIND,
            });
        }
        let mut decision = Decision::new();
        decision.delete(Kind::SavedSearch, self.id.as_str());
        Decided::done(decision, ())
    }
}
