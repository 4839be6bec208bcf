//! One line on standard error that says how far long work has come.
//!
//! Shown only on a terminal and only after half a second; gone without a trace when dropped. Never fails the work.

use std::env;
use std::io::{self, IsTerminal as _, Write as _};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Instant;

use crate::terminal::escape;

/// How long work may take before it is worth a line, in milliseconds.
const PATIENCE: u64 = 500;

/// How often the line is drawn at most, in milliseconds.
const INTERVAL: u64 = 100;

/// Counts the steps of some work; any thread may advance it.
#[derive(Debug)]
pub struct Progress {
    label: String,
    total: usize,
    done: AtomicUsize,
    visible: bool,
    started: Instant,
    /// When the line was last drawn, in milliseconds since the start; 0 if it never was.
    drawn: AtomicU64,
}

impl Progress {
    /// Starts counting towards a total. The label is a verb: `verifying`.
    pub fn new(label: &str, total: usize) -> Self {
        let dumb = env::var_os("TERM").is_some_and(|term| term == "dumb");
        Self {
            label: escape(label).into_owned(),
            total,
            done: AtomicUsize::new(0),
            visible: io::stderr().is_terminal() && !dumb,
            started: Instant::now(),
            drawn: AtomicU64::new(0),
        }
    }

    /// Counts steps that are done.
    pub fn advance(&self, steps: usize) {
        let done = self.done.fetch_add(steps, Ordering::Relaxed) + steps;
        if !self.visible {
            return;
        }
        let now = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        let drawn = self.drawn.load(Ordering::Relaxed);
        // Whoever wins the exchange draws; the others have work to do.
        if due(now, drawn)
            && self
                .drawn
                .compare_exchange(drawn, now, Ordering::Relaxed, Ordering::Relaxed)
                .is_ok()
        {
            let _ = write!(io::stderr().lock(), "\r{}\x1b[K", line(&self.label, done, self.total));
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.drawn.load(Ordering::Relaxed) > 0 {
            let _ = write!(io::stderr().lock(), "\r\x1b[K");
        }
    }
}

fn due(now: u64, drawn: u64) -> bool {
    now >= PATIENCE && now.saturating_sub(drawn) >= INTERVAL
}

fn line(label: &str, done: usize, total: usize) -> String {
    let percent = done.min(total).saturating_mul(100).checked_div(total).unwrap_or(100);
    format!("{label} {done}/{total} ({percent} %)")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_waits_and_does_not_flicker() {
        assert!(!due(0, 0));
        assert!(!due(PATIENCE - 1, 0));
        assert!(due(PATIENCE, 0));
        assert!(!due(PATIENCE + INTERVAL - 1, PATIENCE));
        assert!(due(PATIENCE + INTERVAL, PATIENCE));
    }

    #[test]
    fn the_line_copes_with_any_total() {
        assert_eq!(line("verifying", 5, 20), "verifying 5/20 (25 %)");
        assert_eq!(line("verifying", 0, 0), "verifying 0/0 (100 %)");
        assert_eq!(line("verifying", 3, 2), "verifying 3/2 (100 %)");
    }

    #[test]
    fn threads_share_it() {
        let progress = Progress::new("counting", 400);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| (0..100).for_each(|_| progress.advance(1)));
            }
        });
        assert_eq!(progress.done.load(Ordering::Relaxed), 400);
    }
}
