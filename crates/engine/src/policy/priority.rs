//! The order in which policies, and the rules of a policy, are asked: 1 first, no gaps, the system's
//! own one always last. Putting one in its place moves those behind it down (okta.md 9.3).

use watchfire_model::object::{EntityRiskRule, Policy, Rule};

/// Something with a place in an order.
pub trait Ordered: Clone {
    /// Its id.
    fn id(&self) -> &str;
    /// Its place.
    fn priority(&self) -> u32;
    /// Whether it is the one that comes last.
    fn is_system(&self) -> bool;
    /// Gives it another place.
    fn set_priority(&mut self, priority: u32);
}

impl Ordered for Policy {
    fn id(&self) -> &str {
        self.id.as_str()
    }
    fn priority(&self) -> u32 {
        self.priority
    }
    fn is_system(&self) -> bool {
        self.system
    }
    fn set_priority(&mut self, priority: u32) {
        self.priority = priority;
    }
}

impl Ordered for Rule {
    fn id(&self) -> &str {
        self.id.as_str()
    }
    fn priority(&self) -> u32 {
        self.priority
    }
    fn is_system(&self) -> bool {
        self.system
    }
    fn set_priority(&mut self, priority: u32) {
        self.priority = priority;
    }
}

impl Ordered for EntityRiskRule {
    fn id(&self) -> &str {
        self.id.as_str()
    }
    fn priority(&self) -> u32 {
        self.priority
    }
    fn is_system(&self) -> bool {
        self.system
    }
    fn set_priority(&mut self, priority: u32) {
        self.priority = priority;
    }
}

/// All of them in order once `item` stands where `wished` says, whether it is new or was among
/// `existing`. `None` keeps the place of an old one and puts a new one last; a wish beyond the end
/// is the end, and nothing comes behind the system's own one.
pub fn place<T: Ordered>(existing: &[T], item: T, wished: Option<u32>) -> Vec<T> {
    let before = existing.iter().find(|other| other.id() == item.id()).map(T::priority);
    let mut others: Vec<T> = existing.iter().filter(|other| other.id() != item.id()).cloned().collect();
    sort(&mut others);
    let movable = others.iter().filter(|other| !other.is_system()).count();
    let index = if item.is_system() {
        others.len()
    } else {
        wished
            .or(before)
            .and_then(|place| usize::try_from(place).ok())
            .map_or(movable, |place| place.saturating_sub(1).min(movable))
    };
    others.insert(index, item);
    number(others)
}

/// All but the one with this id, in order, the gap closed.
pub fn without<T: Ordered>(existing: &[T], id: &str) -> Vec<T> {
    let mut rest: Vec<T> = existing.iter().filter(|other| other.id() != id).cloned().collect();
    sort(&mut rest);
    number(rest)
}

/// Those of `after` that `before` does not hold in the same form: what has to be written.
pub fn changed<T: Ordered + PartialEq>(before: &[T], after: Vec<T>) -> Vec<T> {
    after.into_iter().filter(|item| !before.contains(item)).collect()
}

fn sort<T: Ordered>(items: &mut [T]) {
    items.sort_by(|a, b| (a.is_system(), a.priority(), a.id()).cmp(&(b.is_system(), b.priority(), b.id())));
}

fn number<T: Ordered>(mut items: Vec<T>) -> Vec<T> {
    for (place, item) in (1..).zip(&mut items) {
        item.set_priority(place);
    }
    items
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[derive(Clone, Debug, PartialEq)]
    struct Item(&'static str, u32);

    impl Ordered for Item {
        fn id(&self) -> &str {
            self.0
        }
        fn priority(&self) -> u32 {
            self.1
        }
        fn is_system(&self) -> bool {
            self.0 == "system"
        }
        fn set_priority(&mut self, priority: u32) {
            self.1 = priority;
        }
    }

    const EXISTING: [Item; 4] = [Item("system", 4), Item("a", 1), Item("c", 3), Item("b", 2)];

    #[test]
    fn placing_one_moves_the_others_down() {
        for (id, wished, want) in [
            ("new", Some(1), "new a b c system"),
            ("new", Some(2), "a new b c system"),
            ("new", None, "a b c new system"),
            ("new", Some(4), "a b c new system"),
            ("new", Some(99), "a b c new system"),
            ("new", Some(0), "new a b c system"),
            ("c", Some(1), "c a b system"),
            ("a", Some(3), "b c a system"),
            ("b", None, "a b c system"),
            ("system", Some(1), "a b c system"),
        ] {
            let got = place(
                &EXISTING,
                Item(id, EXISTING.iter().find(|i| i.0 == id).map_or(0, |i| i.1)),
                wished,
            );
            assert_eq!(got.iter().map(|i| i.0).collect::<Vec<_>>().join(" "), want, "{id} {wished:?}");
            assert!(got.iter().map(|i| i.1).eq(1..=u32::try_from(got.len()).unwrap()));
        }
    }

    #[test]
    fn taking_one_away_closes_the_gap() {
        assert_eq!(without(&EXISTING, "a"), [Item("b", 1), Item("c", 2), Item("system", 3)]);
    }

    #[test]
    fn only_what_moved_is_written() {
        let after = place(&EXISTING, Item("new", 0), Some(3));
        assert_eq!(changed(&EXISTING, after), [Item("new", 3), Item("c", 4), Item("system", 5)]);
    }

    proptest! {
        #[test]
        fn the_system_one_stays_last(wishes in prop::collection::vec((0_usize..5, prop::option::of(0_u32..9)), 0..12)) {
            let names = ["a", "b", "c", "d", "e"];
            let mut all = vec![Item("system", 1)];
            for (name, wished) in wishes {
                let old = all.iter().find(|i| i.0 == names[name]).map_or(0, |i| i.1);
                all = place(&all, Item(names[name], old), wished);
                prop_assert_eq!(all.last().map(|i| i.0), Some("system"));
                prop_assert!(all.iter().map(|i| i.1).eq(1..=u32::try_from(all.len()).unwrap()));
            }
        }
    }
}
