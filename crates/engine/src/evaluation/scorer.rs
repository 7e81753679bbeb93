//! What is compared: our model and the baselines, behind one trait.

mod booleans;
mod dirichlet;
mod freeman;
mod history;
mod ip_list;
mod watchfire;

use std::fmt;

use super::row::Row;

/// Something that scores sign-ins in the order of time.
pub trait Scorer: fmt::Debug {
    /// How suspicious the attempt is; the higher, the more. `None` when the user has no accepted
    /// sign-in yet. Changes nothing that is known.
    fn score(&mut self, row: &Row<'_>) -> Option<f64>;

    /// The honest sign-in that was scored last was accepted.
    fn learn(&mut self, row: &Row<'_>);

    /// An attempt with a wrong password, whosever.
    fn failed(&mut self, _row: &Row<'_>) {}

    /// An attempt was an attack, as a list of addresses would come to know.
    fn attacked(&mut self, _row: &Row<'_>) {}
}

/// The scorers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Model {
    /// Ours.
    #[default]
    Watchfire,
    /// Freeman et al. 2016, as the public reference implementation has it.
    Freeman,
    /// Naive Bayes over flat features with a Dirichlet prior of weight 5.
    Dirichlet,
    /// The number of things that are new.
    Booleans,
    /// Whether the address is on a list.
    IpList,
}

impl Model {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Watchfire, Self::Freeman, Self::Dirichlet, Self::Booleans, Self::IpList];

    /// Its name on the command line and in reports.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Watchfire => "watchfire",
            Self::Freeman => "freeman",
            Self::Dirichlet => "dirichlet",
            Self::Booleans => "booleans",
            Self::IpList => "ip-list",
        }
    }

    /// A scorer that knows nothing yet.
    pub fn scorer(self) -> Box<dyn Scorer> {
        match self {
            Self::Watchfire => Box::<watchfire::Watchfire>::default(),
            Self::Freeman => Box::<freeman::Freeman>::default(),
            Self::Dirichlet => Box::<dirichlet::Dirichlet>::default(),
            Self::Booleans => Box::<booleans::Booleans>::default(),
            Self::IpList => Box::<ip_list::IpList>::default(),
        }
    }
}
