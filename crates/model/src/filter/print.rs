//! Expression to text: what is printed reads back as the same expression.

use std::fmt;

use super::{Atom, Expr, Filter, Literal, Test};

impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.expr().fmt(f)
    }
}

impl fmt::Display for Expr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Or(members) => joined(f, members, " or "),
            Self::And(members) => joined(f, members, " and "),
            Self::Not(inner) => write!(f, "not ({inner})"),
            Self::Atom(atom) => atom.fmt(f),
        }
    }
}

/// Members that are themselves `and` or `or` are put in parentheses, needed or not.
fn joined(f: &mut fmt::Formatter<'_>, members: &[Expr], word: &str) -> fmt::Result {
    for (at, member) in members.iter().enumerate() {
        if at > 0 {
            f.write_str(word)?;
        }
        match member {
            Expr::Or(_) | Expr::And(_) => write!(f, "({member})")?,
            Expr::Not(_) | Expr::Atom(_) => write!(f, "{member}")?,
        }
    }
    Ok(())
}

impl fmt::Display for Atom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.test {
            Test::Present => write!(f, "{} pr", self.path),
            Test::Compare(comparison, literal) => write!(f, "{} {} {literal}", self.path, comparison.as_str()),
        }
    }
}

impl fmt::Display for Literal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => serde_json::Value::from(text.as_str()).fmt(f),
            Self::Number(number) => number.fmt(f),
            Self::Boolean(value) => value.fmt(f),
            Self::Null => f.write_str("null"),
        }
    }
}
