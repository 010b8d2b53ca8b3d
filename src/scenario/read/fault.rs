//! What goes wrong with a server: outages, freezes, slow periods, errors.

use super::figure::{any, required};
use super::{any_of, at_least_a_millisecond, at_least_once};
use crate::scenario::document::{Entry, Fields, Problems};
use crate::scenario::{CallErrors, Outages, SlowPeriods, defaults};

/// Outages or freezes.
pub(super) fn read_outages(entry: &Entry, what: &str, problems: &mut Problems) -> Option<Outages> {
    const HINT: &str = "as in { every = { exponential = \"4h\" }, lasts = { exponential = \"20min\" } }";
    let mut fields = Fields::of(&entry.node, what, &entry.key_span, problems)?;
    let every = required(&mut fields, "every", HINT, at_least_a_millisecond, problems);
    let lasts = required(&mut fields, "lasts", HINT, any, problems);
    fields.finish(problems);
    Some(Outages { every: every?, lasts: lasts? })
}

pub(super) fn read_slow(entry: &Entry, problems: &mut Problems) -> Option<SlowPeriods> {
    const HINT: &str = "as in { every = { exponential = \"1h\" }, lasts = { exponential = \"5min\" }, factor = 4 }";
    let mut fields = Fields::of(&entry.node, "`slow`", &entry.key_span, problems)?;
    let every = required(&mut fields, "every", HINT, at_least_a_millisecond, problems);
    let lasts = required(&mut fields, "lasts", HINT, any, problems);
    let factor = required(&mut fields, "factor", HINT, at_least_once, problems);
    fields.finish(problems);
    Some(SlowPeriods { every: every?, lasts: lasts?, factor: factor? })
}

pub(super) fn read_errors(entry: &Entry, problems: &mut Problems) -> CallErrors {
    let none = defaults::errors();
    let Some(mut fields) = Fields::of(&entry.node, "`errors`", &entry.key_span, problems) else { return none };
    let errors = CallErrors {
        soft: any_of(&mut fields, "soft", none.soft, problems),
        protocol: any_of(&mut fields, "protocol", none.protocol, problems),
        stall: any_of(&mut fields, "stall", none.stall, problems),
        stall_time: any_of(&mut fields, "stall_time", none.stall_time, problems),
        unanswered: any_of(&mut fields, "unanswered", none.unanswered, problems),
        connection: any_of(&mut fields, "connection", none.connection, problems),
    };
    fields.finish(problems);
    let sum: f64 =
        [&errors.soft, &errors.protocol, &errors.stall, &errors.unanswered, &errors.connection].iter().map(|p| p.value.get()).sum();
    // A sum of shares that is meant to be 1 may miss it by its rounding.
    if sum > 1.0 + 1e-9 {
        let hint = "a call goes wrong in at most one of these ways".to_owned();
        problems.error(&entry.key_span, format!("the errors' shares add up to {:.3}: at most 1", sum), "", hint);
    }
    errors
}
