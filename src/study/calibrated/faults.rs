//! A server's outages, and the shares of its calls that fail beside them, by kind.

use crate::calibrate::{Call, Estimated, Failures, Outage, failures, proportion};
use crate::distribution::Distribution;
use crate::scenario::{Server, spelled_distribution, spelled_share};
use crate::units::{Probability, SimTime};

use super::super::fitted::{rounded, to_four};
use super::observed::{Ended, ServerCall};
use super::{Findings, count, service};

/// Fewer outages say too little of how often they come.
const FEWEST_OUTAGES: usize = 3;
/// Calls of which a share can be told.
const FEWEST_CALLS: usize = 10;
/// Kinds of failures, as `errors` has them.
const KINDS: [(&str, Ended); 3] = [("soft", Ended::Soft), ("protocol", Ended::Protocol), ("connection", Ended::Connection)];

pub fn calibrate(server: &Server, calls: &[ServerCall], found: &mut Findings) {
    let key = found.key.named(&server.name);
    let timed: Vec<Call> = calls
        .iter()
        .filter(|call| call.ended != Ended::Unknown)
        .filter_map(|call| Some(Call { at: call.at?, failed: call.ended != Ended::Well }))
        .collect();
    let observed = failures(timed, key.named("outages")).ok();
    let during = observed.as_ref().map_or(&[][..], |of| &of.outages);
    if let Some(observed) = &observed {
        outages(server, observed, found);
    }
    let met = |call: &ServerCall| call.at.is_some_and(|at| during.iter().any(|outage: &Outage| (outage.from..=outage.to).contains(&at)));
    let beside: Vec<ServerCall> = calls.iter().filter(|call| !met(call)).copied().collect();
    let hangs = service::calibrate(server, &beside, found);
    errors(server, &beside, hangs, found);
}

fn outages(server: &Server, observed: &Failures, found: &mut Findings) {
    let path = ["servers", &server.name, "outages"];
    let seen = observed.outages.len();
    let Failures { between, repair: Some(repair), .. } = observed else {
        let why = match (seen, observed.between.interval) {
            (0, Some((least, _))) => format!("no outage: with 95 % they are at least {} apart on average", rounded(least).rounded()),
            (0, None) => "no outage".to_owned(),
            _ => format!("{} that did not end", count(seen, "outage")),
        };
        return found.keeps(&path, why);
    };
    let of_others = server.depends_on.iter().filter_map(|id| {
        let dependency = &found.scenario.dependencies[id.index()];
        dependency.outages.as_ref().map(|_| dependency.name.as_str())
    });
    if let Some(names) = of_others.map(str::to_owned).reduce(|a, b| format!("{a}, {b}")) {
        return found.keeps(&path, format!("{}, which cannot be told from those of {names}", count(seen, "outage")));
    }
    if seen < FEWEST_OUTAGES || !between.value.is_finite() {
        return found.keeps(&path, format!("{}, fewer than {FEWEST_OUTAGES}: too few to say how often they come", count(seen, "outage")));
    }
    let mean = |of: &Estimated, n: usize, what: &str| {
        let interval = of.interval.map(|(low, high)| [rounded(low).to_string(), rounded(high).to_string()]);
        let figure = found.measured(Distribution::Exponential { mean: rounded(of.value) }, n as u64, interval, what);
        spelled_distribution(&figure)
    };
    let ended = observed.outages.iter().filter(|outage| outage.ended).count();
    let [every, lasts] = [mean(between, seen, "between outages"), mean(repair, ended, "outages' lengths")];
    let recovery = if found.scenario.recovery.is_some() { "; as long as they lasted with the watchdog that there was" } else { "" };
    found.states(&path, format!("{{ every = {every}, lasts = {lasts} }}"), format!("{} found{recovery}", count(seen, "outage")));
}

/// `hangs`: calls that nobody answered, where the latency does not explain them.
fn errors(server: &Server, beside: &[ServerCall], hangs: Option<usize>, found: &mut Findings) {
    let told = beside.iter().filter(|call| call.ended != Ended::Unknown);
    // Whether an answer is an error is known of those that came.
    let answered = told.clone().filter(|call| call.ended != Ended::TimedOut).count();
    let path = |kind: &'static str| ["servers", server.name.as_str(), "errors", kind];
    if answered < FEWEST_CALLS {
        let why = format!("{answered} calls with a known end, fewer than {FEWEST_CALLS}");
        return found.keeps(&["servers", &server.name, "errors"], why);
    }
    for (kind, ended) in KINDS {
        let failed = told.clone().filter(|call| call.ended == ended).count();
        share(&path(kind), failed, answered, found);
    }
    match hangs {
        Some(hangs) => share(&path("unanswered"), hangs, answered + hangs, found),
        None => found.keeps(&path("unanswered"), "time-outs are counted as calls that would have taken longer"),
    }
    if server.errors.stall.value.get() > 0.0 {
        found.keeps(&path("stall"), "a trace does not tell a stall from another error: its share is among the soft ones, too");
    }
}

fn share(path: &[&str], failed: usize, n: usize, found: &mut Findings) {
    let Some(share) = proportion(failed as u64, n as u64) else { return };
    let (low, high) = share.interval;
    let what = format!("{failed} of {n} calls beside outages");
    let value = Probability::new(to_four(share.value)).expect("a share");
    let figure = found.measured(value, n as u64, Some([to_four(low).to_string(), to_four(high).to_string()]), &what);
    found.states(path, spelled_share(&figure), what);
}

/// A time-out that is so far beyond what the others took that next to none of them would reach it.
pub(super) const SELDOM: f64 = 1e-3;

/// For messages.
pub(super) fn seconds(value: f64) -> SimTime {
    rounded(value)
}
