use super::*;

/// Times may be the same: clocks stand still within a group of changes, and go back.
#[test]
fn a_revision_is_made_of_contents_and_not_of_times() {
    let world = || World::new(vec![policy("a", 1, &[])], vec![rule("a", "r1", 1, RuleConditions::default())]);
    let changed = |change: fn(&mut World)| {
        let mut world = world();
        change(&mut world);
        world.set().revision()
    };
    let unchanged = world().set().revision();
    assert_eq!(unchanged, changed(|it| it.zones.reverse()));
    let changes: [fn(&mut World); 7] = [
        |it| it.rules[0].action.access = Access::Deny,
        |it| it.rules[0].conditions.score_range.least = Some(40),
        |it| it.rules[0].mode = RuleMode::Monitor,
        |it| it.policies[0].groups.push(GroupId::new("00g1")),
        |it| it.zones[0].usage = ZoneUsage::Blocklist,
        |it| it.behaviors[0].name.push('s'),
        |it| it.behaviors.truncate(2),
    ];
    for (at, change) in changes.into_iter().enumerate() {
        assert_ne!(unchanged, changed(change), "{at}");
    }
}
