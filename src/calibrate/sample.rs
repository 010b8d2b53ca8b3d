//! What was measured: durations, and time-outs that hide how long it would have taken.

use crate::units::SimTime;

/// Fewer events than this say too little of a distribution's form.
pub const FEWEST: usize = 10;

/// Values closer together than this share of the largest are the same time, read from a clock.
const NO_SPREAD: f64 = 1e-9;

/// Why nothing can be fitted.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum SampleError {
    #[error("{value} s is no duration to fit: it has to be from 1 ns to 100 years; a zero is mostly a clock that is too coarse")]
    NoDuration { value: f64 },
    #[error("too few samples to fit: {events} ended ({censored} timed out), at least {FEWEST} are needed")]
    TooFew { events: usize, censored: usize },
    #[error("all {events} samples are {value} s: there is no spread to fit; write it as a constant")]
    Constant { value: f64, events: usize },
}

/// Durations in seconds. Events ended; of the censored it is only known that they took longer (right censoring).
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    events: Vec<f64>,
    censored: Vec<Censored>,
}

/// So many samples that were given up at the same time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Censored {
    pub at: f64,
    pub count: usize,
}

impl Sample {
    /// `events`: seconds that calls took; `censored`: seconds after which others were given up.
    pub fn new(events: Vec<f64>, censored: Vec<f64>) -> Result<Sample, SampleError> {
        let possible = 1e-9..=SimTime::LONGEST.as_secs();
        if let Some(value) = events.iter().chain(&censored).find(|x| !possible.contains(*x)) {
            return Err(SampleError::NoDuration { value: *value });
        }
        if events.len() < FEWEST {
            return Err(SampleError::TooFew { events: events.len(), censored: censored.len() });
        }
        let sample = Sample::of(events, censored);
        let (least, most) = (sample.events[0], sample.events[sample.events.len() - 1]);
        match most - least <= NO_SPREAD * most {
            true => Err(SampleError::Constant { value: most, events: sample.events.len() }),
            false => Ok(sample),
        }
    }

    /// Unchecked: what is drawn from a law that was fitted.
    pub(super) fn of(mut events: Vec<f64>, mut censored: Vec<f64>) -> Sample {
        events.sort_by(f64::total_cmp);
        censored.sort_by(f64::total_cmp);
        let censored = censored.chunk_by(|a, b| a == b).map(|same| Censored { at: same[0], count: same.len() }).collect();
        Sample { events, censored }
    }

    /// Ascending.
    pub fn events(&self) -> &[f64] {
        &self.events
    }

    /// Ascending.
    pub fn censored(&self) -> &[Censored] {
        &self.censored
    }

    pub fn censored_count(&self) -> usize {
        self.censored.iter().map(|c| c.count).sum()
    }

    /// Events and censored.
    pub fn len(&self) -> usize {
        self.events.len() + self.censored_count()
    }

    /// Never, as [`FEWEST`] are needed; beside `len` by convention.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Every duration, censored or not, as a share of the total number of samples like it.
    pub(super) fn exposures(&self) -> impl Iterator<Item = (f64, f64)> {
        self.events.iter().map(|x| (*x, 1.0)).chain(self.censored.iter().map(|c| (c.at, c.count as f64)))
    }

    /// The same beyond a shift. What was given up before it says nothing.
    pub(super) fn beyond(&self, shift: f64) -> Sample {
        Sample {
            events: self.events.iter().map(|x| x - shift).collect(),
            censored: self.censored.iter().filter(|c| c.at > shift).map(|c| Censored { at: c.at - shift, ..*c }).collect(),
        }
    }

    /// The estimate of Kaplan & Meier (1958): at each event, the share that has ended before it and with it.
    pub(super) fn kaplan_meier(&self) -> Vec<(f64, f64)> {
        let (mut at_risk, mut survival, mut ended) = (self.len(), 1.0, Vec::with_capacity(self.events.len()));
        let mut censored = self.censored.iter().peekable();
        for same in self.events.chunk_by(|a, b| a == b) {
            // At a tie the event came first, as usual.
            while let Some(before) = censored.next_if(|c| c.at < same[0]) {
                at_risk -= before.count;
            }
            survival *= 1.0 - same.len() as f64 / at_risk as f64;
            at_risk -= same.len();
            ended.push((same[0], 1.0 - survival));
        }
        ended
    }
}
