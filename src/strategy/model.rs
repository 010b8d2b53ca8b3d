//! The objective as a linear program over needs and grants, outer-approximated: waiting and imbalance are convex, so tangents
//! bound them from below, and each incumbent adds those that it shows to be missing (Kelley 1960; Elhedhli 2006 for congestion).

use crate::scenario::{Process, ServerId};

use super::balance::balance_cut;
use super::congestion::UTILISATION_LIMIT;
use super::linear::{Affine, Column, Program};
use super::loads::{LoadModel, load_model};
use super::objective::{MEMORY, OVERLOAD, Objective};

#[derive(Debug, Clone)]
pub struct Model<'o, 'a> {
    pub objective: &'o Objective<'a>,
    pub loads: LoadModel,
    /// The load model's columns and rows, with costs, and what follows.
    pub program: Program,
    /// The part of the cost that no choice changes.
    pub constant: f64,
    queues: Vec<QueueColumn>,
    /// Score that each planned KPI has to reach; the scenario's target, unless it is lowered.
    pub targets: Vec<f64>,
}

/// A server whose calls depend on the choices.
#[derive(Debug, Clone)]
struct QueueColumn {
    server: ServerId,
    /// [calls/s]
    calls: Affine,
    /// Mean number of calls that wait there.
    waiting: usize,
}

/// Without any tangent yet.
pub fn model<'o, 'a>(objective: &'o Objective<'a>) -> Model<'o, 'a> {
    let scenario = objective.scenario;
    let loads = load_model(scenario);
    let mut program = loads.program.clone();
    let mut calls = vec![Affine::default(); scenario.servers.len()];
    let mut constant = 0.0;
    let mut movable = vec![false; scenario.needs.len()];
    for (choice, first) in loads.choices.movable.iter().zip(&loads.first) {
        movable[choice.need.index()] = true;
        for (k, server) in choice.servers.iter().enumerate() {
            program.columns[first + k].cost = objective.own_cost(choice.need, *server);
            calls[server.index()].terms.push((first + k, objective.needs[choice.need.index()].rate));
        }
    }
    for need in scenario.need_ids().filter(|need| !movable[need.index()]) {
        let server = loads.choices.start[need.index()];
        constant += objective.own_cost(need, server);
        calls[server.index()].constant += objective.needs[need.index()].rate;
    }
    let mut model =
        Model { objective, loads, program, constant, queues: Vec::new(), targets: objective.balances.iter().map(|b| b.target).collect() };
    for (server, calls) in scenario.server_ids().zip(calls) {
        model.add_server(server, calls);
    }
    model.add_memory();
    model.add_placement();
    model
}

impl<'o> Model<'o, '_> {
    fn add_server(&mut self, server: ServerId, calls: Affine) {
        if calls.terms.is_empty() {
            self.constant += self.objective.server_cost(server, calls.constant);
            return;
        }
        let s = self.objective.servers[server.index()];
        let most = calls.constant + calls.terms.iter().map(|(_, rate)| rate).sum::<f64>();
        // Work per slot, calls per call that the rate limit permits, and per call at which it is unsafe: each with a column for what is beyond.
        let limits = [
            Some((s.serial / s.queue.slots, UTILISATION_LIMIT)),
            s.rate_limit.map(|limit| (1.0 / limit, UTILISATION_LIMIT)),
            s.safe_rate.map(|limit| (1.0 / limit, 1.0)),
        ];
        for (share, allowed) in limits.into_iter().flatten().filter(|(share, allowed)| most * share > *allowed) {
            let beyond = self.program.add_column(Column { cost: OVERLOAD, lower: 0.0, upper: f64::INFINITY, integer: false });
            let mut row = Affine { constant: -allowed, terms: vec![(beyond, -1.0)] };
            row.add(share, &calls);
            self.program.add_row(row);
        }
        let cost = self.objective.per_waiting;
        let waiting = self.program.add_column(Column { cost, lower: 0.0, upper: f64::INFINITY, integer: false });
        self.queues.push(QueueColumn { server, calls, waiting });
    }

    /// A column for the memory beyond the host's, if there can be any: a shared process runs where any agent is granted the server, a
    /// process a session for each agent that is.
    fn add_memory(&mut self) {
        let Some(host) = self.objective.memory else { return };
        let scenario = self.objective.scenario;
        let mut used = Affine::default();
        for server in scenario.server_ids() {
            let cost = self.objective.servers[server.index()];
            let share = cost.memory / host;
            let grants: Vec<Affine> =
                self.loads.grants.iter().filter(|(_, s, _)| *s == server).map(|(_, _, grant)| grant.clone()).collect();
            match cost.process {
                Process::Session => grants.iter().for_each(|grant| used.add(share, grant)),
                Process::Shared if grants.iter().any(|g| g.terms.is_empty()) => used.constant += share,
                Process::Shared if grants.is_empty() => {}
                Process::Shared => {
                    let runs = self.program.add_column(Column { cost: 0.0, lower: 0.0, upper: 1.0, integer: false });
                    for grant in grants {
                        let mut row = grant;
                        row.terms.push((runs, -1.0));
                        self.program.add_row(row);
                    }
                    used.terms.push((runs, share));
                }
            }
        }
        if used.constant + used.terms.iter().map(|(_, share)| share).sum::<f64>() <= 1.0 {
            return;
        }
        let beyond = self.program.add_column(Column { cost: MEMORY, lower: 0.0, upper: f64::INFINITY, integer: false });
        used.constant -= 1.0;
        used.terms.push((beyond, -1.0));
        used.merge();
        self.program.add_row(used);
    }

    /// A column for the largest load of the servers that can share work, in units of today's mean; and what each grant costs.
    fn add_placement(&mut self) {
        if let Some(imbalance) = &self.objective.imbalance {
            let relative = |server: &ServerId| {
                let mut row = Affine::default();
                row.add(1.0 / imbalance.mean_today, &self.loads.loads[server.index()]);
                row
            };
            let rows: Vec<Affine> = imbalance.servers.iter().map(relative).collect();
            // What cannot move is there in any case.
            let lower = rows.iter().map(|row| row.constant).fold(0.0, f64::max);
            let largest = self.program.add_column(Column { cost: imbalance.weight, lower, upper: f64::INFINITY, integer: false });
            for mut row in rows.into_iter().filter(|row| !row.terms.is_empty()) {
                row.terms.push((largest, -1.0));
                row.merge();
                self.program.add_row(row);
            }
        }
        for (_, _, grant) in &self.loads.grants {
            self.constant += self.objective.per_grant * grant.constant;
            grant.terms.iter().for_each(|(column, factor)| self.program.columns[*column].cost += self.objective.per_grant * factor);
        }
    }

    /// Adds the tangents that these values show to be missing: of waiting, and of each balance below its target. Returns how many.
    pub fn tighten(&mut self, values: &[f64]) -> usize {
        let mut added = 0;
        for queue in &self.queues {
            let s = self.objective.servers[queue.server.index()];
            let work = queue.calls.value(values) * s.serial;
            let (waiting, slope) = s.queue.tangent(work);
            if (waiting - values[queue.waiting]) * self.objective.per_waiting > 1e-10 {
                // waiting column >= tangent(work)
                let mut row = Affine { constant: waiting - slope * work, terms: vec![(queue.waiting, -1.0)] };
                row.add(slope * s.serial, &queue.calls);
                row.merge();
                self.program.add_row(row);
                added += 1;
            }
        }
        for position in 0..self.targets.len() {
            let loads: Vec<f64> = self.balance_loads(position, values);
            if crate::mapping::balance_score(loads.iter().copied()) < self.targets[position] {
                added += usize::from(self.cut_balance(position, &loads));
            }
        }
        added
    }

    fn balance_loads(&self, position: usize, values: &[f64]) -> Vec<f64> {
        self.objective.balances[position].servers.iter().map(|s| self.loads.loads[s.index()].value(values)).collect()
    }

    pub fn cut_balance(&mut self, position: usize, loads: &[f64]) -> bool {
        let servers = &self.objective.balances[position].servers;
        let Some(row) = balance_cut(&self.loads, servers, self.targets[position], loads) else { return false };
        self.program.add_row(row);
        true
    }

    /// Rules out one choice, and nothing else: for points that the solver's tolerance lets pass.
    pub fn forbid(&mut self, primaries: &[ServerId]) {
        let columns: Vec<(usize, f64)> = self.loads.chosen(primaries).map(|column| (column, 1.0)).collect();
        self.program.add_row(Affine { constant: 1.0 - columns.len() as f64, terms: columns });
    }
}
