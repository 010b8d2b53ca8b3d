//! What of a mapping matters most, once it keeps its limits and its planned KPIs.

use super::Scenario;

/// What the objective is a weighted sum of; `docs/optimiser.md` has the formulas.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Term {
    Response,
    Error,
    Imbalance,
    Changes,
    Affinity,
}

impl Term {
    pub const ALL: [Term; 5] = [Term::Response, Term::Error, Term::Imbalance, Term::Changes, Term::Affinity];
}

impl Scenario {
    /// Without priorities response and error count alike, and moving everything costs a hundredth of a KPI's worth: enough never to move for
    /// nothing, too little to forgo a gain. With them each term weighs a hundredth of the one before it: an order in practice, and one program.
    pub fn weight(&self, term: Term) -> f64 {
        let at = |position: usize| 1.0 / 100_f64.powi(position as i32);
        let Some(priorities) = &self.priorities else {
            return match term {
                Term::Response | Term::Error => 1.0,
                Term::Changes => at(1),
                Term::Imbalance | Term::Affinity => 0.0,
            };
        };
        match priorities.iter().position(|listed| *listed == term) {
            Some(position) => at(position),
            None if term == Term::Changes => at(priorities.len()),
            None => 0.0,
        }
    }
}
