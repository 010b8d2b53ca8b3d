//! A progress bar on stderr, where that is a terminal.

use std::sync::Mutex;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use mcplab::experiment::Watch;

#[derive(Debug, Default)]
pub struct Progress(Mutex<Option<ProgressBar>>);

impl Progress {
    fn with(&self, f: impl FnOnce(&mut Option<ProgressBar>)) {
        f(&mut self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner));
    }
}

impl Watch for Progress {
    fn phase(&self, name: &str, steps: u64) {
        self.with(|slot| {
            if let Some(last) = slot.take() {
                last.finish_and_clear();
            }
            let style = ProgressStyle::with_template("{msg:24} {wide_bar} {pos}/{len} {eta}").expect("the template is correct");
            let bar = ProgressBar::new(steps).with_style(style).with_message(name.to_owned());
            bar.enable_steady_tick(Duration::from_millis(200));
            *slot = Some(bar);
        });
    }

    fn step(&self) {
        self.with(|slot| {
            if let Some(bar) = slot {
                bar.inc(1);
            }
        });
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.with(|slot| {
            if let Some(bar) = slot.take() {
                bar.finish_and_clear();
            }
        });
    }
}
