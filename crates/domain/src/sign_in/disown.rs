//! A sign-in was somebody else's: what it has taught is taken back, and taught again when that turns out to
//! be wrong.

use watchfire_engine::model::{Delta, Profile};
use watchfire_model::{
    object::{Kind, Lesson, SignInProfile, SignInRecord, SignInState},
    row::Decision,
    slice::Slice,
    time::Timestamp,
};

use super::{
    history::{recorded_delta, teach},
    sighting::profile,
};
use crate::command::Context;

/// The sign-in was somebody else's: what it has taught is taken back.
pub(crate) fn disown(mut record: SignInRecord, slice: &Slice, decision: &mut Decision, context: &Context<'_>) -> SignInRecord {
    record.state = SignInState::NotMe;
    record.ended_at = Some(context.now);
    let delta = recorded_delta(&record);
    let lesson = record.lesson.take().filter(|lesson| lesson.learnt_at.is_some());
    record.lesson = lesson.zip(delta).map(|(lesson, delta)| {
        let left = unlearnt(&profile(slice, &record.user_id), &lesson, &delta);
        if left.is_empty() {
            decision.delete(Kind::SignInProfile, record.user_id.as_str());
        } else {
            decision.put(SignInProfile {
                user_id: record.user_id.clone(),
                profile: left.to_text(),
            });
        }
        Lesson {
            taken_back_at: Some(context.now.as_printed()),
            ..lesson
        }
    });
    record
}

/// It was the user's own after all: it ended as it had, and teaches again what was taken back.
pub(crate) fn own_again(
    mut record: SignInRecord,
    (state, ended_at): (SignInState, Option<Timestamp>),
    (slice, decision): (&Slice, &mut Decision),
    context: &Context<'_>,
) -> SignInRecord {
    record.state = state;
    record.ended_at = ended_at;
    let delta = recorded_delta(&record);
    let lesson = record.lesson.take().filter(|lesson| lesson.taken_back_at.is_some());
    let lesson = lesson.zip(delta);
    record.lesson = lesson.and_then(|(lesson, delta)| teach(&record.user_id, lesson, delta, (slice, decision), context));
    record
}

/// What was known before, where nothing was learnt since; else the counts without this sign-in's.
fn unlearnt(now: &Profile, lesson: &Lesson, delta: &Delta) -> Profile {
    let before = lesson
        .profile_before
        .as_deref()
        .map_or(Ok(Profile::default()), Profile::from_text);
    if let Ok(before) = before {
        let mut after = before.clone();
        after.apply(delta);
        if after.to_bytes() == now.to_bytes() {
            return before;
        }
    }
    let mut left = now.clone();
    left.remove(delta);
    left
}
