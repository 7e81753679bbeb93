//! What the operator decides about the risk of sign-ins and their records.

use super::{Section, Setting};

pub(super) const SETTINGS: &[Setting] = &[
    Setting::limit(
        "sign-in-retention",
        "TIME",
        "90d",
        "How long the record of a sign-in is kept, with the numbers of its verdict",
    ),
    Setting::limit(
        "sign-in-outcome-time",
        "TIME",
        "1h",
        "How long after it was asked for the outcome of a sign-in at another identity provider may be told",
    ),
    Setting::limit(
        "sign-in-answer-time",
        "TIME",
        "2s",
        "How long another identity provider waits for the risk of a sign-in; past it the answer is to challenge",
    ),
    Setting::limit(
        "sign-in-statistics-interval",
        "TIME",
        "30m",
        "How often the statistics of everybody's sign-ins are kept; at the end they always are",
    ),
    Setting::one(
        Section::Server,
        "sign-in-shadow-users",
        "BOOL",
        "true",
        "Whether a login that nobody has becomes a user without a password when the risk of its sign-in is asked for",
    ),
    Setting::limit(
        "policy-expression-steps",
        "N",
        "50000",
        "Steps that the expressions of all rules that one sign-in asks may take together; past it they are unknown",
    ),
    Setting::limit(
        "sign-in-rules-kept",
        "N",
        "20",
        "Rules whose outcomes the record of a sign-in keeps, the last that were asked; all are computed again from their policies",
    ),
    Setting::limit("risk-medium-score", "N", "40", "From this score on a sign-in is MEDIUM"),
    Setting::limit("risk-high-score", "N", "70", "From this score on a sign-in is HIGH"),
    Setting::one(
        Section::Server,
        "risk-cold-start-level",
        "LEVEL",
        "HIGH",
        "Level of a user's first sign-in: LOW, MEDIUM or HIGH",
    ),
    Setting::limit(
        "risk-cold-start-sign-ins",
        "N",
        "3",
        "Below so many accepted sign-ins, from 0 to 10, a user is at least MEDIUM",
    ),
    Setting::limit(
        "simulations-at-once",
        "N",
        "2",
        "Simulations that run at one time; past it the answer is 429",
    ),
    Setting::limit(
        "simulations-kept",
        "N",
        "50",
        "Simulations that are kept at one time; the oldest that is over goes first",
    ),
    Setting::limit(
        "simulation-retention",
        "TIME",
        "1h",
        "How long the result of a simulation is kept",
    ),
    Setting::limit(
        "simulation-users",
        "N",
        "10000",
        "Users whose changed sign-ins a simulation counts each; those of the others are counted together",
    ),
    Setting::limit(
        "simulation-examples",
        "N",
        "1000",
        "Changed sign-ins and users that a simulation tells at the most",
    ),
    Setting::limit(
        "simulation-drafts",
        "N",
        "100",
        "Policies, rules and zones that a draft may have, of each kind",
    ),
    Setting::limit(
        "simulation-page",
        "N",
        "200",
        "Records of sign-ins that a simulation holds in memory at one time",
    ),
    Setting::limit(
        "simulation-policies",
        "N",
        "8",
        "Sets of policies of one time that a simulation holds in memory at one time",
    ),
    Setting::limit(
        "simulation-answer-time",
        "TIME",
        "500ms",
        "How long a simulation is waited for before the answer is how far it is",
    ),
];
