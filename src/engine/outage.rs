//! Outages: of a server itself, or of a dependency that takes every server on it down. Up and down times alternate, whatever the
//! load. The watchdog on the host may end a server's own outage before its repair would; a dependency is out of its reach.

use crate::distribution::Distribution;
use crate::scenario::RecoveryPolicy;

use super::luck::Purpose;
use super::model::CauseModel;
use super::*;

/// The shortest time between two outages: without it, an `every` of zero would stop the clock.
const UP_SHORTEST: SimTime = SimTime::from_millis(1);

/// Restarts beyond this number are not tried: a watchdog that fails so often in a row never succeeds.
const TRIES_MOST: u32 = 10_000;

impl Simulation<'_> {
    pub fn schedule_first_outages(&mut self) {
        (0..self.model.causes.len() as u32).for_each(|cause| self.schedule_outage(cause));
    }

    fn schedule_outage(&mut self, cause: u32) {
        let up = self.model.causes[cause as usize].up_time(self.outage_counts[cause as usize]);
        self.calendar.schedule(self.now + up, Event::OutageStarts(cause));
    }

    pub fn outage_starts(&mut self, cause: u32) {
        let model = &self.model.causes[cause as usize];
        let end = self.now + model.down_time(self.outage_counts[cause as usize], self.now);
        self.calendar.schedule(end, Event::OutageEnds(cause));
        for index in 0..model.servers.len() {
            self.goes_down(self.model.causes[cause as usize].servers[index]);
        }
    }

    pub fn outage_ends(&mut self, cause: u32) {
        self.outage_counts[cause as usize] += 1;
        for server in &self.model.causes[cause as usize].servers {
            let state = &mut self.servers[server.index()];
            if state.down_causes == 1 {
                state.down_before += self.model.within_window(state.down_since, self.now);
            }
            state.down_causes -= 1;
        }
        self.schedule_outage(cause);
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
}

impl CauseModel<'_> {
    /// Before outage `number`.
    fn up_time(&self, number: u64) -> SimTime {
        self.every.sample(&mut self.key.with(2 * number).generator()).max(UP_SHORTEST)
    }

    /// Of outage `number` that starts now: until its natural repair, or until the watchdog's restart.
    fn down_time(&self, number: u64, start: SimTime) -> SimTime {
        let natural = self.lasts.sample(&mut self.key.with(2 * number + 1).generator());
        let Some((policy, connect_time)) = self.recovery else { return natural };
        self.restarted_after(policy, connect_time, Outage { number, start, natural })
    }

    /// The watchdog notices at its next check, `timeout` later; before try k it waits k times `backoff`; a try takes the connect
    /// time, and one that would take longer than `limit` is given up then.
    fn restarted_after(&self, policy: &RecoveryPolicy, connect_time: &Distribution, outage: Outage) -> SimTime {
        let every = policy.every.value.0.max(1);
        let next_check = SimTime((outage.start.0 / every + 1).saturating_mul(every));
        let mut elapsed = next_check.saturating_sub(outage.start) + policy.timeout.value;
        for attempt in 1..=policy.tries.value.min(TRIES_MOST) {
            elapsed += SimTime(policy.backoff.value.0.saturating_mul(u64::from(attempt)));
            if elapsed >= outage.natural {
                break;
            }
            let key = self.key.with(Purpose::Restart as u64).with(outage.number).with(u64::from(attempt));
            let takes = connect_time.sample(&mut key.generator());
            elapsed += takes.min(policy.limit.value);
            if takes <= policy.limit.value && key.uniform() < policy.success.value.get() {
                return elapsed.min(outage.natural);
            }
        }
        outage.natural
    }
}

#[derive(Debug, Clone, Copy)]
struct Outage {
    number: u64,
    start: SimTime,
    /// Until its natural repair.
    natural: SimTime,
}
