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
];
