//! Syncing again and again on a machine: says what changed and what fails, once, waits longer while it fails, and ends on SIGTERM.

use std::{
    io,
    sync::atomic::Ordering,
    thread::sleep,
    time::{Duration, Instant},
};

use fleetvault::{
    cli::Failure,
    terminal::{report::print, style::Style},
    vault::RemoteOptions,
};

use super::{args::SyncArgs, round::round, tell};
use crate::{context::Context, output};

/// The longest pause while it fails.
const PAUSE_MAX: Duration = Duration::from_secs(15 * 60);

/// How soon a request to end is noticed.
const STEP: Duration = Duration::from_millis(100);

pub fn watch(args: &SyncArgs, context: &Context, options: &RemoteOptions, every: Duration) -> Result<(), Failure> {
    #[cfg(unix)]
    for signal in [signal_hook::consts::SIGTERM, signal_hook::consts::SIGINT] {
        signal_hook::flag::register(signal, std::sync::Arc::clone(&options.stop)).map_err(|error| {
            fleetvault::terminal::report::Report::new(1, "system", format!("cannot be stopped: {error}"))
        })?;
    }
    let is_stopped = || options.stop.load(Ordering::SeqCst);
    let (mut failures, mut said) = (0u32, String::new());
    while !is_stopped() {
        match round(args, context, options) {
            Ok(outcome) => {
                if outcome.before != outcome.after || outcome.pushed > 0 || failures > 0 {
                    tell::tell(&outcome, context.globals.json, false)?;
                    output::finish()?;
                }
                failures = 0;
                said.clear();
            }
            // What was under way when the signal came is no failure.
            Err(_) if is_stopped() => break,
            Err(failure) => {
                failures = failures.saturating_add(1);
                // The same words every minute would bury everything else in the journal.
                let words: String = failure.0.iter().map(|report| report.message.as_str()).collect();
                if words != said {
                    let _ = print(
                        &failure.0,
                        context.globals.json,
                        Style::stderr(),
                        &mut io::stderr().lock(),
                    );
                    said = words;
                }
            }
        }
        let pause = every.saturating_mul(2u32.saturating_pow(failures.min(16)));
        let started = Instant::now();
        while !is_stopped() && started.elapsed() < pause.min(PAUSE_MAX.max(every)) {
            sleep(STEP.min(every));
        }
    }
    Ok(())
}
