//! Tokens that nobody takes. Each is one change away from a token that is taken, and names the rule
//! without which it would be taken too.

mod claims;
mod encodings;
mod keys;
mod payloads;
mod structure;
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
    name: String,
    rule: &'static str,
    base: Base,
    change: Box<dyn Fn(&mut Attempt)>,
    err: ErrorCode,
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

    pub(crate) fn saying(mut self, says: impl Into<String>) -> Self {
        self.says = says.into();
        self
    }
}

#[test]
fn no_hostile_token_is_taken() {
    let cases: Vec<Case> = [
        keys::cases(),
        structure::cases(),
        encodings::cases(),
        claims::cases(),
        payloads::cases(),
        subjects::cases(),
    ]
    .into_iter()
    .flatten()
    .collect();
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
    let mut attempt = base.attempt();
    if let Err(error) = attempt.send() {
        return Err(format!("{name}: the token that it starts from is refused: {error}"));
    }
    (case.change)(&mut attempt);
    let error = match attempt.send() {
        Ok(set) => return Err(format!("{name}: taken in spite of {rule}: {:?}", set.normalisations)),
        Err(error) => error,
    };
    let is_well_told = error.description.contains(&case.says) && error.description.len() < 200;
    if error.code != case.err || !is_well_told || rule.is_empty() {
        return Err(format!("{name}: {error}, and not {:?} {:?}", case.err, case.says));
    }
    Ok(())
}
