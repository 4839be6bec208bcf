//! Signals that this process gets while a command runs: the command's to act on. They are held from before its files are made, so that none
//! of them can end this process and leave a value behind.

use std::{
    fs, io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use rustix::process::{Pid, Signal, kill_process_group};
use signal_hook::{
    consts::signal::{
        SIGALRM, SIGCONT, SIGHUP, SIGINT, SIGIO, SIGPROF, SIGQUIT, SIGTERM, SIGTSTP, SIGUSR1, SIGUSR2, SIGVTALRM,
        SIGWINCH, SIGXCPU, SIGXFSZ,
    },
    iterator::Signals,
};

use crate::resolver::worker::Worker;

/// What is passed on to a command.
const PASSED_ON: [i32; 15] = [
    SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGCONT, SIGTSTP, SIGWINCH, SIGALRM, SIGVTALRM, SIGPROF, SIGIO,
    SIGXCPU, SIGXFSZ,
];

/// Signals that act on nothing until there is a command to pass them on to.
pub struct HeldSignals(Signals);

/// Passes signals on as long as it lives.
pub(super) struct Forwarding {
    over: Arc<AtomicBool>,
    handle: signal_hook::iterator::Handle,
}

impl HeldSignals {
    /// Holds all signals that a command would get, but for those that are ignored already, as `nohup` has it: the command ignores them too.
    ///
    /// # Errors
    /// The system refuses a handler.
    pub fn hold() -> io::Result<Self> {
        let ignored = ignored();
        let held = PASSED_ON
            .into_iter()
            .filter(|signal| ignored & (1 << (signal - 1)) == 0);
        Signals::new(held).map(Self)
    }

    /// Passes them on to a process group from now on, those that came meanwhile first. `resized` is told of a change of the terminal's size.
    pub(super) fn forward(self, worker: Worker, group: Pid, resized: impl Fn() + Send + 'static) -> Forwarding {
        let Self(mut signals) = self;
        let over = Arc::new(AtomicBool::new(false));
        let forwarding = Forwarding {
            over: Arc::clone(&over),
            handle: signals.handle(),
        };
        worker.give(move || {
            for number in signals.forever() {
                if number == SIGWINCH {
                    resized();
                }
                if over.load(Ordering::SeqCst) {
                    continue;
                }
                if let Some(signal) = Signal::from_named_raw(number) {
                    // A group that has just ended needs no signal.
                    let _ = kill_process_group(group, signal);
                }
            }
        });
        forwarding
    }
}

impl Drop for Forwarding {
    fn drop(&mut self) {
        // The group's number may be another's from now on. The handlers stay, so that what is left to be wiped is wiped.
        self.over.store(true, Ordering::SeqCst);
        self.handle.close();
    }
}

/// The signals this process ignores, a bit each. Where the system does not say so, none.
fn ignored() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok())
        .unwrap_or(0)
}
