//! How risky a sign-in is, why, and what the sign-on policies make of it.
//!
//! Everything here is a function of its arguments: no clock, no store, no network. What a sign-in
//! teaches is returned as a delta and applied by whoever writes it down.
//!
//! | module | holds |
//! |---|---|
//! | [`assess`](mod@assess) | the seam: what is known and an attempt in; assessment, numbers and delta out |
//! | [`assessment`] | score, level, reasons, factors, behaviours, partner risk, counterfactual |
//! | [`evaluation`] | scorers on files of sign-ins: rates, reliability, cost; the baselines |
//! | [`generate`](mod@generate) | sign-ins, honest and not, out of a seed: what scorers are compared on |
//! | [`debug_data`] | the texts of an assessment in the System Log (okta.md 8.6) |
//! | [`entity`] | the risk of users, devices and sessions over time, and the entity risk policy (okta.md 9.4) |
//! | [`learning`] | what labels teach of providers and thresholds |
//! | [`model`] | the risk model: nested novelty, its statistics, profiles and deltas |
//! | [`user_agent`] | devices out of `User-Agent` headers |
//! | [`policy`] | sign-on policies and rules by priority, with an explanation (okta.md 9.3) |
//! | [`zone`] | whether an address is in a network zone (okta.md 10.2) |

#![deny(missing_docs)]

pub mod assess;
pub mod assessment;
pub mod debug_data;
pub mod entity;
pub mod evaluation;
mod factors;
pub mod generate;
pub mod learning;
pub mod model;
mod number;
pub mod policy;
#[cfg(test)]
mod testing;
pub mod user_agent;
pub mod zone;

pub use self::{
    assess::{Against, Assessed, ProviderReport, assess, assessment as explain, signals, telling_zone},
    assessment::{
        Assessment, Behavior, BehaviorResult, Counterfactual, Factor, FactorName, FactorSource, Familiarity, PartnerRisk,
    },
};
