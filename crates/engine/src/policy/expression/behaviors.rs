//! Which behaviours an expression calls by name: the texts that it compares with the names of
//! `security.behaviors`. Told from the tree, so that the same text compared with something else is none.

use std::collections::BTreeSet;

use cel::{
    IdedExpr,
    common::ast::{CallExpr, ComprehensionExpr, EntryExpr, Expr, LiteralValue, operators},
};

/// The member that holds the names of behaviours.
const BEHAVIORS: &str = "behaviors";

/// The names, whatever behaviours there are. The tree is one that its bounds have let through: it is not deep.
pub(super) fn named(root: &IdedExpr) -> BTreeSet<String> {
    let mut reading = Reading::default();
    reading.visit(root);
    reading.names.into_iter().map(str::to_owned).collect()
}

/// What the value of a part of the tree may be.
#[derive(Clone, Default)]
struct Content<'e> {
    /// A name of a behaviour that the sign-in shows.
    is_shown: bool,
    /// One of these texts.
    texts: BTreeSet<&'e str>,
    /// Not one of all that, but a list of it.
    is_list: bool,
}

impl<'e> Content<'e> {
    fn text(text: &'e str) -> Self {
        Self {
            texts: BTreeSet::from([text]),
            ..Self::default()
        }
    }

    fn member(name: &str) -> Self {
        let is_shown = name == BEHAVIORS;
        Self {
            is_shown,
            is_list: is_shown,
            ..Self::default()
        }
    }

    /// What any of `parts` may be.
    fn of_any(parts: impl IntoIterator<Item = Self>) -> Self {
        parts.into_iter().fold(Self::default(), |mut all, part| {
            all.is_shown |= part.is_shown;
            all.is_list |= part.is_list;
            all.texts.extend(part.texts);
            all
        })
    }

    fn listed(self, is_list: bool) -> Self {
        Self { is_list, ..self }
    }
}

#[derive(Default)]
struct Reading<'e> {
    /// What the variables of the loops around hold.
    bound: Vec<(&'e str, Content<'e>)>,
    names: BTreeSet<&'e str>,
}

impl<'e> Reading<'e> {
    fn visit(&mut self, node: &'e IdedExpr) -> Content<'e> {
        match &node.expr {
            Expr::Ident(name) => self.variable(name),
            Expr::Literal(LiteralValue::String(text)) => Content::text(text.inner()),
            Expr::Select(select) => {
                self.visit(&select.operand);
                Content::member(&select.field)
            }
            Expr::List(list) => {
                let elements: Vec<Content<'e>> = list.elements.iter().map(|it| self.visit(it)).collect();
                Content::of_any(elements).listed(true)
            }
            Expr::Map(map) => {
                let mut keys = Vec::new();
                for entry in &map.entries {
                    if let EntryExpr::MapEntry(entry) = &entry.expr {
                        keys.push(self.visit(&entry.key));
                        self.visit(&entry.value);
                    }
                }
                // What `in` looks through.
                Content::of_any(keys).listed(true)
            }
            Expr::Call(call) => self.call(call),
            Expr::Comprehension(comprehension) => self.comprehension(comprehension),
            Expr::Literal(_) | Expr::Struct(_) | Expr::Unspecified => Content::default(),
        }
    }

    fn variable(&self, name: &str) -> Content<'e> {
        let innermost = self.bound.iter().rev().find(|(bound, _)| *bound == name);
        innermost.map(|(_, content)| content.clone()).unwrap_or_default()
    }

    fn call(&mut self, call: &'e CallExpr) -> Content<'e> {
        let parts: Vec<&'e IdedExpr> = call.target.as_deref().into_iter().chain(&call.args).collect();
        let contents: Vec<Content<'e>> = parts.iter().map(|it| self.visit(it)).collect();
        match (call.func_name.as_str(), contents.as_slice()) {
            (operators::EQUALS | operators::NOT_EQUALS | operators::IN, [one, other]) => self.compare(one, other),
            (operators::CONDITIONAL, [_, yes, no]) => return Content::of_any([yes.clone(), no.clone()]),
            (operators::ADD, [one, other]) if one.is_list && other.is_list => {
                return Content::of_any([one.clone(), other.clone()]);
            }
            (operators::INDEX, [of, at]) => {
                return match at.texts.first() {
                    Some(name) => Content::member(name),
                    None => of.clone().listed(false),
                };
            }
            ("string", [same]) => return same.clone(),
            _ => {}
        }
        Content::default()
    }

    fn compare(&mut self, one: &Content<'e>, other: &Content<'e>) {
        for (shown, named) in [(one, other), (other, one)] {
            if shown.is_shown {
                self.names.extend(&named.texts);
            }
        }
    }

    /// A loop, as `exists`, `all`, `filter` and `map` are written out.
    fn comprehension(&mut self, it: &'e ComprehensionExpr) -> Content<'e> {
        let element = self.visit(&it.iter_range).listed(false);
        let first = self.visit(&it.accu_init);
        let around = self.bound.len();
        let variables = [Some(&it.iter_var), it.iter_var2.as_ref()];
        self.bound
            .extend(variables.into_iter().flatten().map(|name| (name.as_str(), element.clone())));
        self.bound.push((it.accu_var.as_str(), first));
        self.visit(&it.loop_cond);
        let gathered = self.visit(&it.loop_step);
        self.bound.truncate(around);
        self.bound.push((it.accu_var.as_str(), gathered));
        let result = self.visit(&it.result);
        self.bound.truncate(around);
        result
    }
}
