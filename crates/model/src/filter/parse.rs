//! Text to expression. The grammar is okta.md 8.3; positions count characters from 0.

use serde_json::Number;

use super::{Atom, Comparison, Dialect, Expr, FieldKind, FilterError, Literal, MAX_FILTER_BYTES, MAX_FILTER_DEPTH, Test};

/// The list that Okta's message gives, whatever else is understood.
const OPERATORS: &str = "eq,co,sw,pr,gt,ge,lt,le";

pub(super) fn parse(text: &str, dialect: &Dialect) -> Result<Expr, FilterError> {
    if text.len() > MAX_FILTER_BYTES {
        return Err(FilterError::TooLong);
    }
    let mut parser = Parser {
        dialect,
        rest: text,
        position: 0,
        depth: 0,
    };
    parser.filter().map_err(|Fault(reason)| FilterError::Syntax {
        filter: text.to_owned(),
        reason,
    })
}

struct Parser<'a> {
    dialect: &'a Dialect,
    rest: &'a str,
    /// Of the first character of `rest`.
    position: usize,
    depth: usize,
}

/// The reason of a syntax error.
struct Fault(String);

enum Token<'a> {
    Open,
    Close,
    /// With its quotes.
    Quoted(&'a str),
    Word(&'a str),
    End,
}

impl<'a> Parser<'a> {
    fn filter(&mut self) -> Result<Expr, Fault> {
        let expr = self.disjunction()?;
        match self.next()? {
            (Token::End, _) => Ok(expr),
            (token, at) => Err(unexpected(&token, at, "and, or")),
        }
    }

    fn disjunction(&mut self) -> Result<Expr, Fault> {
        let mut members = vec![self.conjunction()?];
        while self.take_word("or")? {
            members.push(self.conjunction()?);
        }
        Ok(single_or(members, Expr::Or))
    }

    fn conjunction(&mut self) -> Result<Expr, Fault> {
        let mut members = vec![self.unary()?];
        while self.take_word("and")? {
            members.push(self.unary()?);
        }
        Ok(single_or(members, Expr::And))
    }

    fn unary(&mut self) -> Result<Expr, Fault> {
        match self.next()? {
            (Token::Open, at) => self.group(at),
            (Token::Word(word), _) => match self.peek()? {
                (Token::Open, at) if word.eq_ignore_ascii_case("not") => {
                    self.next()?;
                    Ok(Expr::Not(Box::new(self.group(at)?)))
                }
                _ => self.test(word),
            },
            (token, at) => Err(unexpected(&token, at, "attribute")),
        }
    }

    fn group(&mut self, at: usize) -> Result<Expr, Fault> {
        if self.depth == MAX_FILTER_DEPTH {
            return Err(Fault(format!("Parentheses nested too deep at position {at}")));
        }
        self.depth += 1;
        let expr = self.disjunction()?;
        self.depth -= 1;
        match self.next()? {
            (Token::Close, _) => Ok(expr),
            (token, at) => Err(unexpected(&token, at, ")")),
        }
    }

    fn test(&mut self, path: &str) -> Result<Expr, Fault> {
        let (operator, at) = match self.next()? {
            (Token::Word(word), at) => (word, at),
            (token, at) => return Err(unexpected(&token, at, OPERATORS)),
        };
        let test = if operator.eq_ignore_ascii_case("pr") {
            Test::Present
        } else {
            self.comparison(operator, at)?
        };
        Ok(Expr::Atom(Atom {
            path: path.to_owned(),
            kind: FieldKind::default(),
            test,
        }))
    }

    fn comparison(&mut self, operator: &str, at: usize) -> Result<Test, Fault> {
        let mut known = self.dialect.comparisons.iter();
        let Some(comparison) = known.find(|known| operator.eq_ignore_ascii_case(known.as_str())) else {
            let fault = format!("Unrecognized attribute operator '{operator}' at position {at}. Expected: {OPERATORS}");
            return Err(Fault(fault));
        };
        let (token, at) = self.next()?;
        let literal = match token {
            Token::Quoted(quoted) => serde_json::from_str(quoted).ok().map(Literal::Text),
            Token::Word("true") => Some(Literal::Boolean(true)),
            Token::Word("false") => Some(Literal::Boolean(false)),
            Token::Word("null") => matches!(comparison, Comparison::Eq | Comparison::Ne).then_some(Literal::Null),
            Token::Word(word) => serde_json::from_str::<Number>(word).ok().map(Literal::Number),
            Token::Open | Token::Close | Token::End => None,
        };
        match literal {
            Some(literal) => Ok(Test::Compare(*comparison, literal)),
            None => Err(unexpected(&token, at, "value")),
        }
    }

    /// Takes the next token if it is this word.
    fn take_word(&mut self, word: &str) -> Result<bool, Fault> {
        let found = matches!(self.peek()?, (Token::Word(next), _) if next.eq_ignore_ascii_case(word));
        if found {
            self.next()?;
        }
        Ok(found)
    }

    fn peek(&self) -> Result<(Token<'a>, usize), Fault> {
        Parser { ..*self }.next()
    }

    fn next(&mut self) -> Result<(Token<'a>, usize), Fault> {
        let blanks = self.rest.len() - self.rest.trim_start().len();
        self.advance(blanks);
        let at = self.position;
        let token = match self.rest.chars().next() {
            None => Token::End,
            Some('(') => self.advance_as(1, |_| Token::Open),
            Some(')') => self.advance_as(1, |_| Token::Close),
            Some('"') => match quoted_len(self.rest) {
                Some(len) => self.advance_as(len, Token::Quoted),
                None => return Err(Fault(format!("Unterminated string at position {at}"))),
            },
            Some(c @ ('[' | ']')) => {
                return Err(Fault(format!("Unsupported complex value filter '{c}' at position {at}")));
            }
            Some(_) => {
                let ends = |c: char| c.is_whitespace() || "()[]\"".contains(c);
                let len = self.rest.find(ends).unwrap_or(self.rest.len());
                self.advance_as(len, Token::Word)
            }
        };
        Ok((token, at))
    }

    fn advance_as(&mut self, bytes: usize, token: impl FnOnce(&'a str) -> Token<'a>) -> Token<'a> {
        token(self.advance(bytes))
    }

    fn advance(&mut self, bytes: usize) -> &'a str {
        let (taken, rest) = self.rest.split_at(bytes);
        self.position += taken.chars().count();
        self.rest = rest;
        taken
    }
}

/// The length of the string that `text` begins with, quotes included.
fn quoted_len(text: &str) -> Option<usize> {
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return Some(at + 1),
            _ => {}
        }
    }
    None
}

fn single_or(mut members: Vec<Expr>, many: fn(Vec<Expr>) -> Expr) -> Expr {
    match members.pop() {
        Some(only) if members.is_empty() => only,
        last => {
            members.extend(last);
            many(members)
        }
    }
}

fn unexpected(token: &Token<'_>, at: usize, expected: &str) -> Fault {
    let found = match token {
        Token::End => return Fault(format!("Unexpected end of filter at position {at}. Expected: {expected}")),
        Token::Open => "(",
        Token::Close => ")",
        Token::Quoted(text) | Token::Word(text) => text,
    };
    Fault(format!("Unexpected '{found}' at position {at}. Expected: {expected}"))
}
