//! Tokens that nobody takes. Each is one change away from a token that is taken, and names the rule
//! without which it would be taken too.

// Paths, because the tests of the HTTP surface send the same tokens.
#[path = "hostile/claims.rs"]
mod claims;
#[path = "hostile/encodings.rs"]
mod encodings;
#[path = "hostile/keys.rs"]
mod keys;
#[path = "hostile/payloads.rs"]
mod payloads;
#[path = "hostile/structure.rs"]
mod structure;
#[path = "hostile/subjects.rs"]
mod subjects;

use std::collections::BTreeSet;

use watchfire_model::object::DialectName;
use watchfire_ssf::{ErrorCode, EventKind};

use crate::attempt::Attempt;

/// What a case starts from: a token that is taken.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Base {
    Rs256(DialectName),
    Es256(DialectName),
    Event(EventKind, DialectName),
}

impl Base {
    fn attempt(self) -> Attempt {
        match self {
            Self::Rs256(dialect) => Attempt::new(dialect),
            Self::Es256(dialect) => Attempt::new(dialect).with_es256(),
            Self::Event(kind, dialect) => Attempt::of(kind, dialect),
        }
    }
}

/// The usual start.
pub(crate) const STANDARD: Base = Base::Rs256(DialectName::Standard);

/// One hostile token.
pub(crate) struct Case {
    pub(crate) name: String,
    rule: &'static str,
    base: Base,
    change: Box<dyn Fn(&mut Attempt)>,
    pub(crate) err: ErrorCode,
    /// What the description says, at least.
    says: String,
}

impl Case {
    pub(crate) fn new(
        name: impl Into<String>,
        rule: &'static str,
        (base, err): (Base, ErrorCode),
        change: impl Fn(&mut Attempt) + 'static,
    ) -> Self {
        let (name, change) = (name.into(), Box::new(change));
        let says = String::new();
        Self {
            name,
            rule,
            base,
            change,
            err,
            says,
        }
    }

    /// The hostile token.
    pub(crate) fn attempt(&self) -> Attempt {
        let mut attempt = self.base.attempt();
        (self.change)(&mut attempt);
        attempt
    }

    pub(crate) fn saying(mut self, says: impl Into<String>) -> Self {
        self.says = says.into();
        self
    }
}

/// All of them.
pub(crate) fn cases() -> Vec<Case> {
    let groups = [
        keys::cases(),
        structure::cases(),
        encodings::cases(),
        claims::cases(),
        payloads::cases(),
        subjects::cases(),
    ];
    groups.into_iter().flatten().collect()
}

#[test]
fn no_hostile_token_is_taken() {
    let cases = cases();
    assert!(cases.len() >= 200, "{} cases", cases.len());
    let mut names = BTreeSet::new();
    let twice = cases
        .iter()
        .filter(|case| !names.insert(&case.name))
        .map(|case| format!("two are called {}", case.name));
    let faults: Vec<String> = twice.chain(cases.iter().filter_map(|case| check(case).err())).collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    println!("{} hostile tokens", cases.len());
}

fn check(case: &Case) -> Result<(), String> {
    let Case { name, rule, base, .. } = case;
    if let Err(error) = base.attempt().send() {
        return Err(format!("{name}: the token that it starts from is refused: {error}"));
    }
    let error = match case.attempt().send() {
        Ok(set) => return Err(format!("{name}: taken in spite of {rule}: {:?}", set.normalisations)),
        Err(error) => error,
    };
    let is_well_told = error.description.contains(&case.says) && error.description.len() < 200;
    if error.code != case.err || !is_well_told || rule.is_empty() {
        return Err(format!("{name}: {error}, and not {:?} {:?}", case.err, case.says));
    }
    Ok(())
}
