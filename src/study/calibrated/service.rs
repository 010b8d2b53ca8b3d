//! How long a server's calls take, and on how many slots: from calls that found it idle, for the others may have waited.

use crate::calibrate::{Concurrency, Estimated, FEWEST, FEWEST_LEVELS, Sample, concurrency, fits, levels};
use crate::distribution::Distribution;
use crate::import::{Group, KEPT};
use crate::scenario::{CapabilityId, Figure, Server, Source, spelled_count, spelled_distribution};

use super::super::fitted::{fitted, rounded};
use super::faults::SELDOM;
use super::observed::{Ended, ServerCall};
use super::{Findings, count};

/// A part whose interval begins above this share of the whole is there.
const A_PART: f64 = 0.05;

/// One kind of calls: of a capability with service times of its own, or of all the others.
struct Kind<'s> {
    path: Vec<&'s str>,
    serial: &'s Figure<Distribution>,
    parallel: &'s Figure<Distribution>,
    capability: Option<CapabilityId>,
}

/// Of calls that no outage met. Which of them nobody answered, where the latency does not explain it.
pub fn calibrate(server: &Server, calls: &[ServerCall], found: &mut Findings) -> Option<usize> {
    let parts = slots(server, calls, found);
    let own = |call: &ServerCall| {
        server.provides.iter().find(|p| call.capability == Some(p.capability) && (p.serial.is_some() || p.parallel.is_some()))
    };
    let mut kinds: Vec<Kind> = Vec::new();
    for provision in server.provides.iter().filter(|p| p.serial.is_some() || p.parallel.is_some()) {
        kinds.push(Kind {
            path: vec!["servers", &server.name, "provides", found.scenario.capability(provision.capability)],
            serial: provision.serial.as_ref().unwrap_or(&server.serial),
            parallel: provision.parallel.as_ref().unwrap_or(&server.parallel),
            capability: Some(provision.capability),
        });
    }
    let is_mixed = !kinds.is_empty();
    if kinds.len() < server.provides.len() {
        kinds.push(Kind { path: vec!["servers", &server.name], serial: &server.serial, parallel: &server.parallel, capability: None });
    }
    let idle = found_idle(calls);
    let mut hangs = None;
    for kind in &kinds {
        let is_of_kind = |call: &ServerCall| match (own(call), kind.capability) {
            (own, Some(capability)) => own.is_some_and(|p| p.capability == capability),
            // Of which capability a call was has to be known where they differ.
            (own, None) => own.is_none() && (!is_mixed || call.capability.is_some()),
        };
        let of_kind: Vec<(ServerCall, bool)> =
            calls.iter().copied().zip(idle.iter().copied()).filter(|(call, _)| is_of_kind(call)).collect();
        let of_this = latency(kind, &of_kind, parts.as_ref().filter(|_| !is_mixed), found);
        hangs = match (hangs, of_this) {
            (Some(a), Some(b)) => Some(a + b),
            (a, b) => a.or(b),
        };
    }
    hangs
}

/// Whether each call found no other one under way; all of them where the trace has no times. Calls are in the order of their times.
fn found_idle(calls: &[ServerCall]) -> Vec<bool> {
    let mut busy_until = f64::NEG_INFINITY;
    let idle = |call: &ServerCall| {
        let Some(at) = call.at else { return true };
        let idle = at >= busy_until;
        busy_until = busy_until.max(at + call.took.unwrap_or(0.0));
        idle
    };
    calls.iter().map(idle).collect()
}

/// Slots, where calls met often enough to see them; both parts of the service time with them.
fn slots(server: &Server, calls: &[ServerCall], found: &mut Findings) -> Option<Concurrency> {
    let path = ["servers", server.name.as_str(), "slots"];
    let spans: Vec<(f64, f64)> =
        calls.iter().filter(|call| call.is_measured).filter_map(|call| Some((call.at?, call.at? + call.took?))).collect();
    let levels = levels(&spans);
    let fitted = match concurrency(&levels) {
        Ok(fitted) => fitted,
        Err(_) => {
            let most = levels.last().map_or(0, |level| level.clients);
            let why =
                format!("not seen: often enough there were at most {most} calls under way, and {FEWEST_LEVELS} numbers of them are needed");
            found.keeps(&path, why);
            return None;
        }
    };
    let (fewest, most) = fitted.slots_likely;
    let Some(most) = most else {
        found.keeps(&path, format!("at least {fewest}: nobody waited for more"));
        return None;
    };
    let n = spans.len();
    let interval = Some([fewest.to_string(), most.to_string()]);
    let what =
        format!("throughput at {} calls under way", levels.iter().map(|level| level.clients.to_string()).collect::<Vec<_>>().join(", "));
    let figure = found.measured(fitted.slots, n as u64, interval, &what);
    found.states(&path, spelled_count(&figure), what);
    Some(fitted)
}

fn latency(kind: &Kind, calls: &[(ServerCall, bool)], parts: Option<&Concurrency>, found: &mut Findings) -> Option<usize> {
    let (serial, parallel) = (kind.serial.value.mean() > 0.0, kind.parallel.value.mean() > 0.0);
    // What the scenario says that it is; a slot where it says nothing.
    let part = if parallel && !serial { "parallel" } else { "serial" };
    let path: Vec<&str> = kind.path.iter().copied().chain([part]).collect();
    let took = |ended: &dyn Fn(Ended) -> bool| -> Vec<f64> {
        let usable = calls.iter().filter(|(call, idle)| *idle && call.is_measured && ended(call.ended));
        usable.filter_map(|(call, _)| call.took.filter(|took| *took >= 1e-9)).collect()
    };
    let is_end = |ended| !matches!(ended, Ended::TimedOut | Ended::Connection);
    let (ended, late) = (took(&is_end), took(&|ended| ended == Ended::TimedOut));
    let all_late = calls.iter().filter(|(call, _)| call.ended == Ended::TimedOut).count();
    if ended.len() < FEWEST {
        too_few(kind, &path, part, calls, ended.len(), found);
        return None;
    }
    let hangs = late.iter().copied().reduce(f64::min).map_or(all_late > 0, |first| is_beyond(&ended, first));
    let given_up = if hangs { Vec::new() } else { late };
    let hung = (hangs || all_late == 0).then_some(all_late);
    if let Some(parts) = parts.filter(|parts| has_both(parts)) {
        both(kind, parts, ended.len(), found);
        return hung;
    }
    let waited = calls.iter().filter(|(call, idle)| !idle && call.is_measured).count();
    if serial && parallel {
        let mean = ended.iter().sum::<f64>() / ended.len() as f64;
        let why = format!(
            "only the sum of both parts shows: {} on average, and the scenario says {}",
            rounded(mean),
            rounded(kind.serial.value.mean() + kind.parallel.value.mean())
        );
        found.keeps(&path, why);
        return hung;
    }
    let (n, censored) = (ended.len() + given_up.len(), given_up.len());
    let group = Group {
        key: path.iter().map(|part| (*part).to_owned()).collect(),
        seen: n as u64,
        ended: thinned(ended),
        given_up: thinned(given_up),
    };
    let note = format!("{}{}", found.from, found.reading.kind_of_durations());
    match stated(group, &note, found.reading.seed) {
        Ok((figure, family)) => {
            let alone = if waited > 0 { format!("; {waited} that may have waited are left out") } else { String::new() };
            let timed_out = if censored > 0 { format!(", {censored} of them timed out") } else { String::new() };
            found.states(&path, spelled_distribution(&figure), format!("{family}, {n} calls{timed_out}{alone}"));
        }
        Err(why) => found.keeps(&path, why),
    }
    hung
}

/// The chosen distribution with the words for it: the likeliest family, or the sample itself where that is not like it.
pub(super) fn stated(group: Group, note: &str, seed: u64) -> Result<(Figure<Distribution>, String), String> {
    let n = group.ended.len() as f64;
    let sum: f64 = group.ended.iter().sum();
    let (mean, censored) = (sum / n, !group.given_up.is_empty());
    let squares: f64 = group.ended.iter().map(|x| (x - mean).powi(2)).sum();
    let fit = fitted(group, note, seed);
    let why = fit.unfit.unwrap_or_else(|| "no distribution fits".to_owned());
    let mut figure = fit.figures.into_iter().last().ok_or(why)?;
    let family = figure.provenance.as_ref().and_then(|p| p.note.clone()).unwrap_or_default();
    let family = family.rsplit(": ").next().unwrap_or_default().replace(", maximum likelihood", "");
    // Of the sample itself the mean is known as well as any mean is.
    if let (Distribution::Empirical(_), Some(provenance), false) = (&figure.value, &mut figure.provenance, censored) {
        let half = 1.959_964 * (squares / (n - 1.0) / n).sqrt();
        provenance.interval = Some([mean - half, mean + half].map(|end| rounded(end.max(0.0)).to_string()));
    }
    Ok((figure, family))
}

/// Evenly through the calls, as many as a fit needs.
pub(super) fn thinned(values: Vec<f64>) -> Vec<f64> {
    let step = values.len().div_ceil(KEPT).max(1);
    values.into_iter().step_by(step).collect()
}

/// Next to none of those that ended would take so long: what was given up then was not about to end.
fn is_beyond(ended: &[f64], given_up: f64) -> bool {
    let Ok(sample) = Sample::new(thinned(ended.to_vec()), Vec::new()) else {
        // All alike.
        return ended.iter().all(|took| *took < given_up);
    };
    let fits = fits(&sample);
    fits.first().is_some_and(|fit| fit.law.ln_survival(given_up) < SELDOM.ln())
}

fn has_both(parts: &Concurrency) -> bool {
    let least = |of: &Estimated| of.interval.map_or(0.0, |(low, _)| low);
    [&parts.serial, &parts.parallel].iter().all(|of| least(of) > A_PART * parts.total.value)
}

/// Both parts as the queueing model has them: exponential.
fn both(kind: &Kind, parts: &Concurrency, n: usize, found: &mut Findings) {
    for (part, of) in [("serial", &parts.serial), ("parallel", &parts.parallel)] {
        let interval = of.interval.map(|(low, high)| [rounded(low).to_string(), rounded(high).to_string()]);
        let what = "part of the service time, by throughput at several calls under way";
        let figure = found.measured(Distribution::Exponential { mean: rounded(of.value) }, n as u64, interval, what);
        let path: Vec<&str> = kind.path.iter().copied().chain([part]).collect();
        found.states(&path, spelled_distribution(&figure), what);
    }
}

/// Nothing is fitted: what is assumed gives way to what the catalogue knows.
fn too_few(kind: &Kind, path: &[&str], part: &str, calls: &[(ServerCall, bool)], ended: usize, found: &mut Findings) {
    let others = calls.iter().filter(|(call, _)| call.took.is_some() && !call.is_measured).count();
    let waited = calls.iter().filter(|(call, idle)| call.is_measured && !idle).count();
    let mut why = format!("{} that ended and did not wait, fewer than {FEWEST}", count(ended, "call"));
    if others > 0 {
        let which = if found.reading.measure == crate::trace::Measure::Exact { "at most so long (upper bounds)" } else { "exact" };
        why += &format!("; {others} durations are {which}, and not mixed in");
    }
    if waited > 0 {
        why += &format!("; {waited} may have waited");
    }
    let figure = if part == "serial" { kind.serial } else { kind.parallel };
    let known = found.catalogue.recognise(path[1], None).filter(|_| figure.is_assumed() && kind.capability.is_none());
    let Some((entry, _)) = known else { return found.keeps(path, why) };
    let server = found.catalogue.server(entry);
    let theirs = if part == "serial" { &server.serial } else { &server.parallel };
    if theirs.provenance.is_none() || theirs.is_assumed() {
        return found.keeps(path, why);
    }
    let mut figure = theirs.clone();
    if let Some(provenance) = &mut figure.provenance {
        provenance.source = Source::Catalogue;
    }
    let name = server.name.clone();
    found.states(path, spelled_distribution(&figure), format!("{why}; taken from the catalogue's {name}"));
}
