//! A condition in the Common Expression Language, for what the typed ones cannot say
//! (docs/adr/0014-expressions-are-bounded-cel.md).
//!
//! Evaluation itself has no limit in any implementation that there is, so a source is accepted only when its
//! cost can be told from its shape: small, shallow, functions from a list, and one loop at a time, over
//! something whose length is known. The same source and facts always give the same answer.

mod behaviors;
mod bounds;

use std::{
    collections::{BTreeSet, HashMap},
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, LazyLock, Mutex, PoisonError},
};

use cel::{Context, Env, IdedExpr, Value, parser::pratt_parser::PrattParser};

/// The longest source, in bytes.
pub const MAX_SOURCE: usize = 2_048;
/// Brackets within brackets that the parser follows.
const MAX_NESTING: u16 = 24;
/// Sources whose parsed form is kept.
const MAX_KEPT: usize = 256;

/// How many steps the expressions of all rules that are asked about one sign-in may take together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Steps(u32);

impl Steps {
    /// So many.
    pub const fn new(steps: u32) -> Self {
        Self(steps)
    }

    /// Takes what an expression may need. Told from its shape and not measured, so that the same rules always
    /// come as far.
    fn take(&mut self, cost: u32) -> Result<(), String> {
        match self.0.checked_sub(cost) {
            Some(left) => {
                self.0 = left;
                Ok(())
            }
            None => Err("The expressions of the rules before have taken all steps".to_owned()),
        }
    }
}

/// What an expression may look at.
#[derive(Clone, Debug, PartialEq)]
pub struct Facts<'a> {
    /// `security.risk.level`
    pub level: &'a str,
    /// `security.risk.score`
    pub score: u8,
    /// `security.behaviors`: the names of those that a rule naming them would match.
    pub behaviors: Vec<&'a str>,
    /// `user.id`
    pub user: &'a str,
    /// `user.groups`: ids.
    pub groups: Vec<&'a str>,
    /// `device.known`
    pub device_known: bool,
    /// `request.ip`
    pub ip: String,
    /// `request.country`, empty where nobody knows.
    pub country: &'a str,
    /// `request.region`, empty where nobody knows.
    pub region: &'a str,
    /// `request.asn`, 0 where nobody knows.
    pub asn: u32,
    /// `app`, empty where the sign-in names none.
    pub application: &'a str,
}

/// An expression whose cost is bounded.
#[derive(Debug)]
pub struct Expression {
    root: IdedExpr,
    steps: u32,
}

/// Why a source is no condition.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ExpressionError {
    /// More than [`MAX_SOURCE`] bytes.
    #[error("The expression is longer than {MAX_SOURCE} bytes")]
    TooLong,
    /// It is no CEL.
    #[error("{message} at line {line}, column {column}")]
    Syntax {
        /// From 1.
        line: u32,
        /// From 1.
        column: u32,
        /// What the parser says.
        message: String,
    },
    /// It would take too long, or as long as it likes.
    #[error("{0}")]
    Cost(&'static str),
    /// It names something that there is not.
    #[error("There is no {0}")]
    Unknown(String),
    /// It fails on an ordinary sign-in.
    #[error("{0}")]
    Fails(String),
}

impl Expression {
    /// Reads a source, and tries it on an ordinary sign-in.
    ///
    /// # Errors
    /// [`ExpressionError`].
    pub fn compile(source: &str) -> Result<Self, ExpressionError> {
        let expression = Self::parse(source)?;
        match expression.evaluate(&ordinary()) {
            Ok(_) => Ok(expression),
            Err(why) => Err(ExpressionError::Fails(why)),
        }
    }

    fn parse(source: &str) -> Result<Self, ExpressionError> {
        if source.len() > MAX_SOURCE {
            return Err(ExpressionError::TooLong);
        }
        let parsed = contained(|| PrattParser::new().max_recursion_depth(MAX_NESTING).parse(source));
        let root = match parsed {
            Some(Ok(root)) => root,
            Some(Err(errors)) => return Err(syntax(errors.errors.first())),
            None => return Err(syntax(None)),
        };
        let steps = bounds::check(&root)?;
        Ok(Self { root, steps })
    }

    /// The names that it compares with those of the sign-in's behaviours.
    pub fn behaviors(&self) -> BTreeSet<String> {
        behaviors::named(&self.root)
    }

    /// The steps that it takes at the most, loops counted out.
    pub const fn steps(&self) -> u32 {
        self.steps
    }

    /// Whether the expression is true of `facts`.
    ///
    /// # Errors
    /// Why it is neither true nor false.
    pub fn evaluate(&self, facts: &Facts<'_>) -> Result<bool, String> {
        if facts.groups.len() > bounds::MAX_GROUPS || facts.behaviors.len() > bounds::MAX_BEHAVIORS {
            return Err("The user is in more groups than an expression may look at".to_owned());
        }
        let context = context(facts);
        match contained(|| Value::resolve(&self.root, &context)) {
            Some(Ok(Value::Bool(answer))) => Ok(answer),
            Some(Ok(other)) => Err(format!("The expression is {}, not true or false", other.type_of())),
            Some(Err(error)) => Err(error.to_string()),
            None => Err("The expression cannot be evaluated".to_owned()),
        }
    }
}

/// The answer of a source that was accepted once; its parsed form is kept, which changes nothing but the time.
pub(super) fn answer(source: &str, facts: &Facts<'_>, left: &mut Steps) -> Result<bool, String> {
    static KEPT: LazyLock<Mutex<HashMap<String, Arc<Expression>>>> = LazyLock::new(Mutex::default);
    let known = KEPT.lock().unwrap_or_else(PoisonError::into_inner).get(source).cloned();
    let expression = match known {
        Some(known) => known,
        None => {
            let parsed = Arc::new(Expression::parse(source).map_err(|error| error.to_string())?);
            let mut kept = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
            if kept.len() >= MAX_KEPT {
                kept.clear();
            }
            kept.insert(source.to_owned(), Arc::clone(&parsed));
            parsed
        }
    };
    left.take(expression.steps)?;
    expression.evaluate(facts)
}

/// The evaluator is not ours and runs where every decision is made: should it panic, that is one more
/// expression that fails.
fn contained<T>(act: impl FnOnce() -> T) -> Option<T> {
    catch_unwind(AssertUnwindSafe(act)).ok()
}

fn syntax(error: Option<&cel::ParseError>) -> ExpressionError {
    let place = |at: isize| u32::try_from(at).unwrap_or(0).max(1);
    let (line, column) = error.map_or((1, 1), |error| error.pos);
    let message = error.map_or("The expression cannot be read", |error| error.msg.as_str());
    ExpressionError::Syntax {
        line: place(line),
        column: place(column),
        message: message.chars().filter(|c| !c.is_control()).take(200).collect(),
    }
}

fn context(facts: &Facts<'_>) -> Context<'static, 'static> {
    static STANDARD: LazyLock<Arc<Env>> = LazyLock::new(|| Arc::new(Env::stdlib()));
    let map = |members: Vec<(&str, Value)>| {
        let members: HashMap<String, Value> = members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        Value::from(members)
    };
    let texts = |list: &[&str]| Value::from(list.iter().map(|it| Value::from(*it)).collect::<Vec<Value>>());
    let risk = map(vec![("level", facts.level.into()), ("score", i64::from(facts.score).into())]);
    let security = map(vec![("risk", risk), ("behaviors", texts(&facts.behaviors))]);
    let user = map(vec![("id", facts.user.into()), ("groups", texts(&facts.groups))]);
    let device = map(vec![("known", facts.device_known.into())]);
    let request = map(vec![
        ("ip", facts.ip.as_str().into()),
        ("country", facts.country.into()),
        ("region", facts.region.into()),
        ("asn", i64::from(facts.asn).into()),
    ]);
    let mut context = Context::with_env(Arc::clone(&STANDARD));
    for (name, value) in bounds::VARIABLES
        .into_iter()
        .zip([security, user, device, request, facts.application.into()])
    {
        context.add_variable_from_value(name, value);
    }
    context
}

/// What a source is tried on before it is accepted.
fn ordinary() -> Facts<'static> {
    Facts {
        level: "LOW",
        score: 12,
        behaviors: vec!["New IP"],
        user: "00u00000000000000001",
        groups: vec!["00g00000000000000001"],
        device_known: true,
        ip: "192.0.2.1".to_owned(),
        country: "NO",
        region: "NO-03",
        asn: 64_500,
        application: "app",
    }
}

#[cfg(test)]
mod tests;
