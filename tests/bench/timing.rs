//! Two commands in turn, A B A B …, so that a machine whose speed drifts slows both; ratios of medians.

use std::{
    process::{Command, Stdio},
    time::{Duration, Instant},
};

/// Medians of both, and the median of the ratios pair by pair.
pub struct Comparison {
    ours: Duration,
    other: Duration,
    ratio: f64,
}

/// Runs both commands this many times, after a warm-up of each.
pub fn compare(runs: usize, ours: impl Fn() -> Command, other: impl Fn() -> Command) -> Comparison {
    let (mut first, mut second) = (Vec::new(), Vec::new());
    for run in 0..=runs {
        let pair = (time(ours()), time(other()));
        if run > 0 {
            first.push(pair.0);
            second.push(pair.1);
        }
    }
    ratios(first, second)
}

/// The same beside several commands, one after the other.
pub fn compare_sum(runs: usize, ours: impl Fn() -> Command, others: &[&dyn Fn() -> Command]) -> Comparison {
    let (mut first, mut second) = (Vec::new(), Vec::new());
    for run in 0..=runs {
        let pair = (time(ours()), others.iter().map(|other| time(other())).sum());
        if run > 0 {
            first.push(pair.0);
            second.push(pair.1);
        }
    }
    ratios(first, second)
}

/// Compares times that were measured in pairs.
pub fn ratios(ours: Vec<Duration>, other: Vec<Duration>) -> Comparison {
    let pairs = ours.iter().zip(&other).map(|(a, b)| a.as_secs_f64() / b.as_secs_f64());
    let mut ratios: Vec<f64> = pairs.collect();
    ratios.sort_by(f64::total_cmp);
    Comparison {
        ratio: ratios[ratios.len() / 2],
        ours: median(ours),
        other: median(other),
    }
}

/// What was promised of a figure.
#[derive(Clone, Copy)]
pub enum Promise {
    AtMost(f64),
    AtLeast(f64),
    None,
}

impl Promise {
    fn verdict(self, figure: f64) -> String {
        let (words, limit, kept) = match self {
            Self::AtMost(limit) => ("at most", limit, figure <= limit),
            Self::AtLeast(limit) => ("at least", limit, figure >= limit),
            Self::None => return String::new(),
        };
        format!("  ({words} {limit}: {})", if kept { "kept" } else { "MISSED" })
    }
}

/// Prints a figure that is no comparison beside what was promised.
pub fn print_figure(what: &str, figure: f64, unit: &str, promise: Promise) {
    println!("{what}: {figure:.2} {unit}{}", promise.verdict(figure));
}

/// Prints a comparison beside what was promised.
pub fn print(what: &str, promised: f64, comparison: &Comparison) {
    let Comparison { ours, other, ratio } = comparison;
    let promise = if promised.is_infinite() {
        Promise::None
    } else {
        Promise::AtMost(promised)
    };
    let verdict = promise.verdict(*ratio);
    let ms = |time: &Duration| time.as_secs_f64() * 1e3;
    println!("{what}: {ratio:.2}   {:.2} ms / {:.2} ms{verdict}", ms(ours), ms(other));
}

/// The largest resident set of a process, in KiB, by GNU time.
pub fn peak_memory(command: Command) -> String {
    let mut measured = Command::new("/usr/bin/time");
    measured
        .arg("-f")
        .arg("%M")
        .arg(command.get_program())
        .args(command.get_args());
    for (key, value) in command.get_envs() {
        match value {
            Some(value) => measured.env(key, value),
            None => measured.env_remove(key),
        };
    }
    measured.stdin(Stdio::null());
    match measured.output() {
        Ok(output) => String::from_utf8_lossy(&output.stderr)
            .lines()
            .last()
            .unwrap_or_default()
            .to_owned(),
        Err(error) => format!("not measured: /usr/bin/time: {error}"),
    }
}

fn time(mut command: Command) -> Duration {
    command.stdin(Stdio::null()).stdout(Stdio::null());
    let start = Instant::now();
    let status = command.status().unwrap();
    let elapsed = start.elapsed();
    assert!(status.success(), "{command:?}: {status}");
    elapsed
}

/// The one in the middle.
pub fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}
