//! SCIM filter expressions as Okta's lists take them (okta.md 8.3): one parser and one evaluator for
//! the System Log, for users and for zones; a [`Dialect`] says which fields and operators there are.
//!
//! # What a comparison means
//! Truth has two values, never a third:
//! - an attribute that is absent or `null` makes every comparison false, but `ne` true and `pr` false;
//! - `eq null` is `not (… pr)`, and `ne null` is `pr`;
//! - an attribute of several values (`target`, `request.ipChain`) makes a test true when any one value
//!   does, `ne` included, so that two tests joined by `and` may be met by different elements;
//! - `eq` and `ne` are exact; `co`, `sw` and `ew` ignore the case of ASCII letters; `gt`, `ge`, `lt` and
//!   `le` compare texts byte by byte, dates as instants and numbers as numbers;
//! - a value of another type than the literal makes `ne` true and everything else false.

mod dialect;
mod evaluate;
mod parse;
mod print;

#[cfg(test)]
mod tests;

pub use self::dialect::{Dialect, Field, FieldKind};

use serde_json::{Number, Value};

/// The longest filter that is read, in bytes. Okta names no bound; this is what fits a request line.
pub const MAX_FILTER_BYTES: usize = 4_096;

/// How deep parentheses may be nested.
pub const MAX_FILTER_DEPTH: usize = 32;

/// A filter that was read and whose every field and operator its dialect knows.
#[derive(Clone, Debug, PartialEq)]
pub struct Filter {
    expr: Expr,
}

impl Filter {
    /// Reads a filter.
    ///
    /// # Errors
    /// [`FilterError`]; the whole text is read before any field is looked up, as Okta does.
    pub fn parse(text: &str, dialect: &Dialect) -> Result<Self, FilterError> {
        let mut expr = parse::parse(text, dialect)?;
        dialect.check(&mut expr)?;
        Ok(Self { expr })
    }

    /// The expression.
    pub const fn expr(&self) -> &Expr {
        &self.expr
    }

    /// Whether the filter holds for an object in its wire form.
    pub fn matches(&self, object: &Value) -> bool {
        self.expr.holds(object)
    }
}

/// A filter expression.
#[derive(Clone, Debug, PartialEq)]
pub enum Expr {
    /// At least one holds. Has two members or more.
    Or(Vec<Expr>),
    /// All hold. Has two members or more.
    And(Vec<Expr>),
    /// It does not hold.
    Not(Box<Expr>),
    /// A test of one attribute.
    Atom(Atom),
}

impl Expr {
    /// Whether the expression holds for an object in its wire form.
    pub fn holds(&self, object: &Value) -> bool {
        evaluate::holds(self, object)
    }
}

/// A test of one attribute.
#[derive(Clone, Debug, PartialEq)]
pub struct Atom {
    /// Which attribute, such as `outcome.result`.
    pub path: String,
    /// What its values are.
    pub kind: FieldKind,
    /// What is asked of it.
    pub test: Test,
}

/// What is asked of an attribute.
#[derive(Clone, Debug, PartialEq)]
pub enum Test {
    /// `pr`: that it is there.
    Present,
    /// How it compares with a value.
    Compare(Comparison, Literal),
}

/// A comparison operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Comparison {
    /// Equal.
    Eq,
    /// Not equal.
    Ne,
    /// Contains.
    Co,
    /// Starts with.
    Sw,
    /// Ends with.
    Ew,
    /// Greater.
    Gt,
    /// Greater or equal.
    Ge,
    /// Less.
    Lt,
    /// Less or equal.
    Le,
}

impl Comparison {
    /// Every comparison.
    pub const ALL: &'static [Self] = &[
        Self::Eq,
        Self::Ne,
        Self::Co,
        Self::Sw,
        Self::Ew,
        Self::Gt,
        Self::Ge,
        Self::Lt,
        Self::Le,
    ];

    /// The operator's word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Eq => "eq",
            Self::Ne => "ne",
            Self::Co => "co",
            Self::Sw => "sw",
            Self::Ew => "ew",
            Self::Gt => "gt",
            Self::Ge => "ge",
            Self::Lt => "lt",
            Self::Le => "le",
        }
    }
}

/// What an attribute is compared with.
#[derive(Clone, Debug, PartialEq)]
pub enum Literal {
    /// A text or a date, in double quotes.
    Text(String),
    /// A number.
    Number(Number),
    /// `true` or `false`.
    Boolean(bool),
    /// `null`, with `eq` and `ne` only.
    Null,
}

/// Why a filter was refused. `Display` is the summary that goes to the client.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FilterError {
    /// It is no filter.
    #[error("Invalid filter '{filter}': {reason}")]
    Syntax {
        /// The filter as it came.
        filter: String,
        /// What is wrong, and at which character, counted from 0.
        reason: String,
    },
    /// It is longer than [`MAX_FILTER_BYTES`].
    #[error("Invalid filter: it is longer than {MAX_FILTER_BYTES} bytes.")]
    TooLong,
    /// The dialect has no such field.
    #[error("field is not valid: {field}")]
    UnknownField {
        /// The field.
        field: String,
    },
    /// The field cannot be asked in this way.
    #[error("The supplied combination of operator and field is not currently supported. Operator: {}, Field: {field}", operator.as_str())]
    UnsupportedCombination {
        /// The operator.
        operator: Comparison,
        /// The field.
        field: String,
    },
}

impl FilterError {
    /// The code that goes with the summary.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::UnsupportedCombination { .. } => "E0000031",
            Self::Syntax { .. } | Self::TooLong | Self::UnknownField { .. } => "E0000053",
        }
    }
}
