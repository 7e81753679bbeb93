//! What an expression may be made of, and how long it may take. Told from its shape, before it ever runs.

use cel::{
    IdedExpr,
    common::ast::{EntryExpr, Expr},
};

use super::ExpressionError;

/// The names that there are, in the order in which the context gives them their values.
pub(super) const VARIABLES: [&str; 5] = ["security", "user", "device", "request", "app"];
/// Groups of a user that a loop goes through; of a user in more of them the expression fails.
pub(super) const MAX_GROUPS: usize = 500;
/// Behaviours that a loop goes through: as many as an organisation may have.
pub(super) const MAX_BEHAVIORS: usize = 50;
/// Nodes of the tree. Loops are written out in it, at about twelve nodes each.
const MAX_NODES: usize = 400;
/// Levels of the tree: its evaluation is recursive.
const MAX_DEPTH: usize = 32;
/// Nodes that are evaluated in all, loops counted out.
const MAX_STEPS: usize = 10_000;

/// Members of a list that cost as much as a step, wherever the list is looked through or copied.
const MEMBERS_OF_A_STEP: usize = 10;

/// Functions beside the operators, whose names are no words.
const FUNCTIONS: [&str; 7] = ["size", "contains", "startsWith", "endsWith", "int", "double", "string"];

/// The steps that the tree takes at the most, if it is made of what is allowed and ends in time.
pub(super) fn check(root: &IdedExpr) -> Result<u32, ExpressionError> {
    // No recursion here: it is the depth that is not known yet.
    let mut rest = vec![Visit {
        node: root,
        depth: 1,
        times: 1,
    }];
    let (mut nodes, mut steps) = (0_usize, 0_usize);
    let mut bound: Vec<&str> = Vec::new();
    // Names are looked at last, when all loops and what they bind are known.
    let mut names: Vec<&str> = Vec::new();
    while let Some(visit) = rest.pop() {
        nodes = nodes.saturating_add(1);
        steps = steps.saturating_add(visit.times);
        if nodes > MAX_NODES || visit.depth > MAX_DEPTH {
            return Err(ExpressionError::Cost("The expression is too large"));
        }
        let mut follow = |node, times| {
            rest.push(Visit {
                node,
                depth: visit.depth + 1,
                times,
            });
        };
        match &visit.node.expr {
            Expr::Ident(name) => names.push(name),
            Expr::Literal(_) => {}
            Expr::Select(select) => {
                follow(&select.operand, visit.times);
                let copied = list_length(visit.node).unwrap_or(0) / MEMBERS_OF_A_STEP;
                steps = steps.saturating_add(copied.saturating_mul(visit.times));
            }
            Expr::List(list) => list.elements.iter().for_each(|it| follow(it, visit.times)),
            Expr::Map(map) => {
                for entry in &map.entries {
                    if let EntryExpr::MapEntry(entry) = &entry.expr {
                        follow(&entry.key, visit.times);
                        follow(&entry.value, visit.times);
                    }
                }
            }
            Expr::Call(call) => {
                let is_operator = call.func_name.starts_with(|c: char| !c.is_alphabetic());
                if !is_operator && !FUNCTIONS.contains(&call.func_name.as_str()) {
                    return Err(ExpressionError::Unknown(format!("function {}", shown(&call.func_name))));
                }
                call.target.iter().for_each(|it| follow(it, visit.times));
                call.args.iter().for_each(|it| follow(it, visit.times));
            }
            Expr::Comprehension(it) => {
                if visit.times > 1 {
                    return Err(ExpressionError::Cost("One loop cannot be within another"));
                }
                let rounds = rounds(&it.iter_range)?;
                bound.extend([it.iter_var.as_str(), it.accu_var.as_str()]);
                bound.extend(it.iter_var2.as_deref());
                follow(&it.iter_range, 1);
                follow(&it.accu_init, 1);
                follow(&it.result, 1);
                // At least two, so that a loop inside is seen even where this one goes round once.
                follow(&it.loop_cond, rounds.max(2));
                follow(&it.loop_step, rounds.max(2));
            }
            Expr::Struct(_) | Expr::Unspecified => return Err(ExpressionError::Unknown("message type".to_owned())),
        }
        if steps > MAX_STEPS {
            return Err(ExpressionError::Cost("The expression would take too many steps"));
        }
    }
    let is_there = |name: &&&str| VARIABLES.contains(*name) || bound.contains(*name);
    match names.iter().find(|name| !is_there(name)) {
        Some(name) => Err(ExpressionError::Unknown(format!("variable {}", shown(name)))),
        None => Ok(u32::try_from(steps).unwrap_or(u32::MAX)),
    }
}

/// How often a loop goes round.
fn rounds(range: &IdedExpr) -> Result<usize, ExpressionError> {
    match &range.expr {
        Expr::List(list) => Ok(list.elements.len()),
        _ => list_length(range).ok_or(ExpressionError::Cost(UNBOUNDED)),
    }
}

/// How long the list may be that a member of a variable is.
fn list_length(node: &IdedExpr) -> Option<usize> {
    let Expr::Select(select) = &node.expr else { return None };
    match (&select.operand.expr, select.field.as_str()) {
        (Expr::Ident(name), "groups") if name == "user" => Some(MAX_GROUPS),
        (Expr::Ident(name), "behaviors") if name == "security" => Some(MAX_BEHAVIORS),
        _ => None,
    }
}

const UNBOUNDED: &str = "A loop can go over user.groups, security.behaviors or a list that is written out";

fn shown(name: &str) -> String {
    name.chars().take(40).collect()
}

#[derive(Clone, Copy)]
struct Visit<'e> {
    node: &'e IdedExpr,
    depth: usize,
    /// How often it is evaluated.
    times: usize,
}
