//! Durations of a trace's calls, told apart by the names that a trace has.

use std::path::{Path, PathBuf};

use super::{Collector, End, POSSIBLE, Samples, SamplesError};
use crate::trace::{self, Call, Name, Names};

/// What tells a trace's calls apart.
#[derive(Debug, Clone, Copy)]
pub enum Part {
    Agent,
    Server,
    Tool,
    Capability,
}

impl Part {
    pub fn named(column: &str) -> Option<Part> {
        Some(match column {
            "agent" => Part::Agent,
            "server" => Part::Server,
            "tool" => Part::Tool,
            "capability" => Part::Capability,
            _ => return None,
        })
    }

    fn of(self, call: &Call) -> Option<Name> {
        match self {
            Part::Agent => call.agent,
            Part::Server => call.server,
            Part::Tool => call.tool,
            Part::Capability => call.capability,
        }
    }
}

pub(super) fn of_trace(path: &Path, mut collector: Collector) -> Result<Samples, SamplesError> {
    let by = &collector.columns.by;
    let parts = by
        .iter()
        .map(|column| Part::named(column).ok_or_else(|| SamplesError::By { file: collector.file.clone(), column: column.clone() }));
    let parts = parts.collect::<Result<Vec<Part>, _>>()?;
    let measure = collector.columns.measure;
    collector.of_trace = true;
    let mut wrong = None;
    let mut sink = |call: &Call, names: &Names| {
        let Some(duration) = call.duration else {
            collector.empty += 1;
            return;
        };
        let seconds = duration.time.as_secs();
        if duration.measure != measure {
            collector.left_out += 1;
        } else if !POSSIBLE.contains(&seconds) {
            // Zero milliseconds: the clock is too coarse.
            collector.empty += 1;
        } else if wrong.is_none() {
            let key = parts.iter().map(|part| part.of(call).map_or("(unknown)", |name| names.text(name)).to_owned()).collect();
            wrong = collector.sample(key, seconds, End::of_call(call, names)).err();
        }
    };
    trace::read(&[PathBuf::from(path)], None, &mut sink)?;
    match wrong {
        Some(error) => Err(error),
        None => Ok(collector.finish()),
    }
}
