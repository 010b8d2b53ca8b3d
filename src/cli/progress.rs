//! What goes on, on stderr, once it takes longer than two seconds: a bar where that is a terminal, else a line every ten seconds.

use std::io::IsTerminal;
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use indicatif::{HumanBytes, ProgressBar, ProgressDrawTarget, ProgressStyle};
use mcplab::experiment::Watch;

use super::output;

/// Until something is said; what ends before needs no progress.
const FIRST: Duration = Duration::from_secs(2);
/// Between two lines.
const EVERY: Duration = Duration::from_secs(10);

#[derive(Debug)]
pub struct Progress {
    state: Arc<Mutex<State>>,
    /// Dropped, it ends the thread that tells.
    end: Option<Sender<()>>,
    teller: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct State {
    begun: Instant,
    /// Counts, also where it is not drawn.
    bar: ProgressBar,
    unit: Unit,
    drawn: bool,
}

#[derive(Debug, Clone, Copy)]
enum Unit {
    Steps,
    Bytes,
}

impl Default for Progress {
    fn default() -> Progress {
        let state = Arc::new(Mutex::new(State { begun: Instant::now(), bar: ProgressBar::hidden(), unit: Unit::Steps, drawn: false }));
        let (end, ended) = mpsc::channel();
        let told = Arc::clone(&state);
        let teller = std::thread::spawn(move || {
            let mut wait = FIRST;
            while ended.recv_timeout(wait) == Err(RecvTimeoutError::Timeout) {
                let mut state = lock(&told);
                if std::io::stderr().is_terminal() {
                    state.drawn = true;
                    state.bar.set_draw_target(ProgressDrawTarget::stderr());
                    return;
                }
                if let Some(line) = state.line() {
                    output::note(&line);
                }
                wait = EVERY;
            }
        });
        Progress { state, end: Some(end), teller: Some(teller) }
    }
}

impl Progress {
    /// Bytes of files are read, of so many where that is known.
    pub fn reading(&self, size: Option<u64>) {
        let bar = size.map_or_else(ProgressBar::no_length, ProgressBar::new);
        let template = if size.is_some() { "{msg} {wide_bar} {bytes}/{total_bytes} {eta}" } else { "{msg} {spinner} {bytes}" };
        lock(&self.state).begin(bar, "reading", template, Unit::Bytes);
    }

    pub fn add(&self, number: u64) {
        lock(&self.state).bar.inc(number);
    }
}

impl Watch for Progress {
    fn phase(&self, name: &str, steps: u64) {
        lock(&self.state).begin(ProgressBar::new(steps), name, "{msg:24} {wide_bar} {pos}/{len} {eta}", Unit::Steps);
    }

    fn step(&self) {
        self.add(1);
    }
}

impl State {
    fn begin(&mut self, bar: ProgressBar, name: &str, template: &str, unit: Unit) {
        self.bar.finish_and_clear();
        if !self.drawn {
            bar.set_draw_target(ProgressDrawTarget::hidden());
        }
        bar.set_style(ProgressStyle::with_template(template).expect("the template is correct"));
        bar.set_message(name.to_owned());
        bar.enable_steady_tick(Duration::from_millis(200));
        (self.bar, self.unit) = (bar, unit);
    }

    /// `simulating: 120 of 480; 12 s so far`; none before something has begun.
    fn line(&self) -> Option<String> {
        let name = self.bar.message();
        let show = |number: u64| match self.unit {
            Unit::Steps => number.to_string(),
            Unit::Bytes => HumanBytes(number).to_string(),
        };
        let done = show(self.bar.position());
        let far = match self.bar.length() {
            Some(0 | 1) => String::new(),
            Some(all) => format!(": {done} of {}", show(all)),
            None => format!(": {done}"),
        };
        (!name.is_empty()).then(|| format!("{name}{far}; {} s so far", self.begun.elapsed().as_secs()))
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Drop for Progress {
    fn drop(&mut self) {
        drop(self.end.take());
        if let Some(teller) = self.teller.take() {
            let _ = teller.join();
        }
        lock(&self.state).bar.finish_and_clear();
    }
}
