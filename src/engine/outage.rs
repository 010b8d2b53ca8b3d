//! Outages, freezes and slow periods: of a server itself, or of a dependency that takes every server on it down. They alternate with
//! normal times, whatever the load; a drill's outage comes once. The watchdog on the host may end a server's own outage before its repair would; a dependency is out of
//! its reach.

use crate::distribution::Sampler;
use crate::scenario::RecoveryPolicy;

use super::luck::Purpose;
use super::model::{CauseModel, Effect};
use super::server::Phase;
use super::*;

/// The shortest time between two outages: without it, an `every` of zero would stop the clock.
const UP_SHORTEST: SimTime = SimTime::from_millis(1);

/// Restarts beyond this number are not tried: a watchdog that fails so often in a row never succeeds.
const TRIES_MOST: u32 = 10_000;

impl<O: Observer> Simulation<'_, O> {
    pub fn schedule_first_causes(&mut self) {
        (0..self.model.causes.len() as u32).for_each(|cause| self.schedule_cause(cause));
    }

    fn schedule_cause(&mut self, cause: u32) {
        let up = self.model.causes[cause as usize].up_time(self.cause_counts[cause as usize]);
        self.calendar.schedule(self.now + up, Event::CauseBegins(cause));
    }

    pub fn cause_begins(&mut self, cause: u32) {
        let model = &self.model.causes[cause as usize];
        let ends = self.now + model.down_time(self.cause_counts[cause as usize], self.now);
        self.observer.outage_begins(&Outage { cause, begins: self.now, ends });
        self.calendar.schedule(ends, Event::CauseEnds(cause));
        let effect = model.effect;
        for index in 0..model.servers.len() {
            let server = self.model.causes[cause as usize].servers[index];
            match effect {
                Effect::Out => self.goes_down(server),
                Effect::Frozen => self.freezes(server),
                Effect::Slow(factor) => self.servers[server.index()].slow = factor,
            }
        }
    }

    pub fn cause_ends(&mut self, cause: u32) {
        self.cause_counts[cause as usize] += 1;
        let effect = self.model.causes[cause as usize].effect;
        for index in 0..self.model.causes[cause as usize].servers.len() {
            let server = self.model.causes[cause as usize].servers[index];
            match effect {
                Effect::Out => self.comes_back(server),
                Effect::Frozen => self.thaws(server),
                Effect::Slow(_) => self.servers[server.index()].slow = 1.0,
            }
        }
        if !self.model.causes[cause as usize].once {
            self.schedule_cause(cause);
        }
    }

    fn goes_down(&mut self, server: ServerId) {
        let state = &mut self.servers[server.index()];
        state.down_causes += 1;
        if state.down_causes == 1 {
            state.down_since = self.now;
            self.lose_sessions(server);
            self.break_attempts(server);
        }
    }

    fn comes_back(&mut self, server: ServerId) {
        let state = &mut self.servers[server.index()];
        if state.down_causes == 1 {
            state.down_before += self.model.within_window(state.down_since, self.now);
        }
        state.down_causes -= 1;
    }

    fn freezes(&mut self, server: ServerId) {
        self.update_share(server);
        self.servers[server.index()].frozen_since = Some(self.now);
        self.plan_share(server);
    }

    /// What was under way goes on where it stopped.
    fn thaws(&mut self, server: ServerId) {
        self.update_share(server);
        let state = &mut self.servers[server.index()];
        let Some(since) = state.frozen_since.take() else { return };
        state.frozen_total += self.now - since;
        state.frozen_before += self.model.within_window(since, self.now);
        let frozen_total = state.frozen_total;
        let mut parked = std::mem::take(&mut state.parked);
        for (id, left) in parked.drain(..) {
            let Some(attempt) = self.attempts.get_mut(id) else { continue };
            attempt.frozen_by_start = frozen_total;
            let event = if attempt.phase == Phase::Serial { Event::SerialDone(id) } else { Event::Answered(id) };
            self.calendar.schedule(self.now + left, event);
        }
        self.servers[server.index()].parked = parked;
        self.serve_waiting(server);
        self.plan_share(server);
    }

    /// What is due may have stood still while its server was frozen: true where there is still something to do, which is then due later.
    pub fn is_held(&mut self, id: Id<Attempt>) -> bool {
        let attempt = &mut self.attempts[id];
        let state = &mut self.servers[attempt.server.index()];
        let present = state.frozen_since.map_or(SimTime::ZERO, |since| self.now - since);
        let frozen = state.frozen_total + present;
        let left = frozen - attempt.frozen_by_start;
        if left == SimTime::ZERO {
            return false;
        }
        if state.is_frozen() {
            state.parked.push((id, left));
        } else {
            attempt.frozen_by_start = frozen;
            let event = if attempt.phase == Phase::Serial { Event::SerialDone(id) } else { Event::Answered(id) };
            self.calendar.schedule(self.now + left, event);
        }
        true
    }
}

impl ServerState {
    /// Within the window, up to now.
    pub fn down_time(&self, model: &Model, now: SimTime) -> SimTime {
        let present = if self.is_out() { model.within_window(self.down_since, now) } else { SimTime::ZERO };
        self.down_before + present
    }

    /// Within the window, up to now.
    pub fn frozen_time(&self, model: &Model, now: SimTime) -> SimTime {
        self.frozen_before + self.frozen_since.map_or(SimTime::ZERO, |since| model.within_window(since, now))
    }
}

impl CauseModel {
    /// Before outage `number`.
    fn up_time(&self, number: u64) -> SimTime {
        self.every.sample(self.key.at(2 * number).generator()).max(UP_SHORTEST)
    }

    /// Of outage `number` that starts now: until its natural repair, or until the watchdog's restart.
    fn down_time(&self, number: u64, start: SimTime) -> SimTime {
        let natural = self.lasts.sample(self.key.at(2 * number + 1).generator());
        let Some((policy, connect_time)) = &self.recovery else { return natural };
        self.restarted_after(policy, connect_time, Spell { number, start, natural })
    }

    /// The watchdog notices at its next check, `timeout` later; before try k it waits k times `backoff`; a try takes the connect
    /// time, and one that would take longer than `limit` is given up then.
    fn restarted_after(&self, policy: &RecoveryPolicy, connect_time: &Sampler, outage: Spell) -> SimTime {
        let every = policy.every.value.0.max(1);
        let next_check = SimTime((outage.start.0 / every + 1).saturating_mul(every));
        let mut elapsed = next_check.saturating_sub(outage.start) + policy.timeout.value;
        for attempt in 1..=policy.tries.value.min(TRIES_MOST) {
            elapsed += SimTime(policy.backoff.value.0.saturating_mul(u64::from(attempt)));
            if elapsed >= outage.natural {
                break;
            }
            let key = self.key.with(Purpose::Restart as u64).with(outage.number).with(u64::from(attempt));
            let takes = connect_time.sample(key.generator().part(1));
            elapsed += takes.min(policy.limit.value);
            if takes <= policy.limit.value && key.uniform() < policy.success.value.get() {
                return elapsed.min(outage.natural);
            }
        }
        outage.natural
    }
}

#[derive(Debug, Clone, Copy)]
struct Spell {
    number: u64,
    start: SimTime,
    /// Until its natural repair.
    natural: SimTime,
}
