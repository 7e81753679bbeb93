//! Which fields and operators a list's filter knows.

use super::{Comparison, Expr, FilterError, Literal, Test};
use crate::{filter::Atom, time::Timestamp};

/// The longest key under an open field.
const MAX_KEY_CHARS: usize = 100;

/// The filter language of one list.
#[derive(Clone, Copy, Debug)]
pub struct Dialect {
    /// What can be asked for.
    pub fields: &'static [Field],
    /// How; `pr` is always there.
    pub comparisons: &'static [Comparison],
}

/// A field, or all fields under a name.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    path: &'static str,
    kind: FieldKind,
    open: bool,
    refused: &'static [Comparison],
}

/// What a field's values are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FieldKind {
    /// Compared as they are.
    #[default]
    Plain,
    /// Date-times, compared as instants.
    DateTime,
}

impl Field {
    /// A field of texts, numbers or booleans.
    pub const fn plain(path: &'static str) -> Self {
        Self {
            path,
            kind: FieldKind::Plain,
            open: false,
            refused: &[],
        }
    }

    /// A field of date-times.
    pub const fn date_time(path: &'static str) -> Self {
        Self {
            kind: FieldKind::DateTime,
            ..Self::plain(path)
        }
    }

    /// All fields one step below `path`, whose keys are of `[A-Za-z0-9_-]`.
    pub const fn open(path: &'static str) -> Self {
        Self {
            open: true,
            ..Self::plain(path)
        }
    }

    /// The field without these comparisons.
    #[must_use]
    pub const fn refusing(mut self, refused: &'static [Comparison]) -> Self {
        self.refused = refused;
        self
    }

    /// Its path.
    pub const fn path(&self) -> &'static str {
        self.path
    }

    /// Whether it is all fields below its path.
    pub const fn is_open(&self) -> bool {
        self.open
    }

    fn is(&self, path: &str) -> bool {
        if !self.open {
            return self.path == path;
        }
        path.strip_prefix(self.path)
            .and_then(|rest| rest.strip_prefix('.'))
            .is_some_and(is_key)
    }
}

fn is_key(text: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    !text.is_empty() && text.len() <= MAX_KEY_CHARS && text.chars().all(fits)
}

impl Dialect {
    /// Looks up every field, and takes over what its values are.
    pub(super) fn check(&self, expr: &mut Expr) -> Result<(), FilterError> {
        match expr {
            Expr::Or(members) | Expr::And(members) => members.iter_mut().try_for_each(|member| self.check(member)),
            Expr::Not(inner) => self.check(inner),
            Expr::Atom(atom) => self.check_atom(atom),
        }
    }

    fn check_atom(&self, atom: &mut Atom) -> Result<(), FilterError> {
        // The first match counts, so that a table can single out a field of an open one.
        let Some(field) = self.fields.iter().find(|field| field.is(&atom.path)) else {
            return Err(FilterError::UnknownField {
                field: atom.path.clone(),
            });
        };
        atom.kind = field.kind;
        let Test::Compare(operator, literal) = &atom.test else {
            return Ok(());
        };
        let refused = field.refused.contains(operator) || !atom.kind.takes(*operator, literal);
        match refused {
            false => Ok(()),
            true => Err(FilterError::UnsupportedCombination {
                operator: *operator,
                field: atom.path.clone(),
            }),
        }
    }
}

impl FieldKind {
    /// A date-time compares with date-times only, and has no parts.
    fn takes(self, operator: Comparison, literal: &Literal) -> bool {
        let in_parts = matches!(operator, Comparison::Co | Comparison::Sw | Comparison::Ew);
        match (self, literal) {
            (Self::Plain, _) | (Self::DateTime, Literal::Null) => true,
            (Self::DateTime, Literal::Text(text)) => !in_parts && Timestamp::parse(text).is_ok(),
            (Self::DateTime, Literal::Number(_) | Literal::Boolean(_)) => false,
        }
    }
}
