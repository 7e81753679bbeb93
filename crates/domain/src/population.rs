//! Keeps the statistics of everybody's sign-ins: part by part, so that no other command waits long, and
//! then says that the parts count.

use watchfire_model::{
    object::{Kind, PopulationPart, PopulationSnapshot},
    row::Decision,
    slice::{Need, Slice},
};

use crate::command::{Command, Context, Decided};

/// Writes a part. It counts once [`KeepPopulation`] says so.
#[derive(Clone, Debug)]
pub struct KeepPopulationPart(pub PopulationPart);

impl Command for KeepPopulationPart {
    type Outcome = ();

    fn needs(&self) -> Vec<Need> {
        Vec::new()
    }

    fn decide(&self, _: &Slice, _: &mut Context<'_>) -> Decided<()> {
        let mut decision = Decision::new();
        decision.put(self.0.clone());
        Decided::done(decision, ())
    }
}

/// From now on these parts count; those before them go.
#[derive(Clone, Debug)]
pub struct KeepPopulation(pub PopulationSnapshot);

impl Command for KeepPopulation {
    type Outcome = ();

    fn needs(&self) -> Vec<Need> {
        vec![Need::object::<PopulationSnapshot>(PopulationSnapshot::ID)]
    }

    fn decide(&self, slice: &Slice, _: &mut Context<'_>) -> Decided<()> {
        let mut decision = Decision::new();
        decision.put(self.0.clone());
        let before = slice.get::<PopulationSnapshot>(PopulationSnapshot::ID);
        if let Some(before) = before.filter(|before| before.slot != self.0.slot) {
            for number in 0..before.parts {
                decision.delete(Kind::PopulationPart, PopulationPart::id(before.slot, number));
            }
        }
        Decided::done(decision, ())
    }
}
