//! The terminal while a command runs: lent to the command's process group once that asks for it, or made raw and put before a pseudo-terminal.
//!
//! Whatever is changed is put back when the value that stands for it is dropped.

use std::{
    fs::{File, OpenOptions},
    io, thread,
    time::Duration,
};

use rustix::{
    process::{Pid, Signal, getpgrp, getpid, kill_process, kill_process_group},
    stdio::{stdin, stdout},
    termios::{OptionalActions, Termios, isatty, tcgetattr, tcgetpgrp, tcgetwinsize, tcsetattr, tcsetpgrp},
};

use super::system::block_sigttou;

/// How long it takes to see that the terminal is still another's.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// The controlling terminal, and the process group of a command that may want it.
///
/// It is not lent before the command asks for it, by reading from it, say: in `run … | less` it is the pager that needs the keys.
pub(super) struct Loan {
    group: Pid,
    lent: Option<File>,
}

impl Loan {
    pub(super) fn to(group: Pid) -> Self {
        Self { group, lent: None }
    }

    /// Deals with a command that was stopped by a signal, as a shell's jobs do.
    pub(super) fn stopped(&mut self, signal: i32) {
        match signal {
            libc::SIGTTIN | libc::SIGTTOU => {
                // In the background we are as much in the way as the command: all of us wait to be brought to the front, as the kernel has it
                // for whoever reads there. Where nobody is left to do that, it stops nobody.
                while !self.lend() {
                    let _ = kill_process_group(getpgrp(), Signal::TTIN);
                    thread::sleep(LOOK_AGAIN);
                }
            }
            libc::SIGTSTP => {
                let was_lent = self.take_back();
                let _ = kill_process(getpid(), Signal::STOP);
                if was_lent {
                    self.lend();
                }
            }
            // Somebody stopped it from outside, and will let it go on.
            _ => return,
        }
        // It may have ended meanwhile.
        let _ = kill_process_group(self.group, Signal::CONT);
    }

    /// Makes the command's group the one that the terminal reads for, if we are the one now.
    fn lend(&mut self) -> bool {
        let Ok(terminal) = OpenOptions::new().read(true).write(true).open("/dev/tty") else {
            // Then there is nothing to wait for: the command gets an error where it asks.
            return true;
        };
        let foreground = tcgetpgrp(&terminal).ok();
        if foreground != Some(self.group) {
            if foreground != Some(getpgrp()) {
                return false;
            }
            block_sigttou();
            if tcsetpgrp(&terminal, self.group).is_err() {
                return true;
            }
        }
        self.lent = Some(terminal);
        true
    }

    /// Takes the terminal back, and tells whether it was lent.
    fn take_back(&mut self) -> bool {
        let Some(terminal) = self.lent.take() else {
            return false;
        };
        // If it cannot be had back it is gone, and there is nobody to tell.
        let _ = tcsetpgrp(&terminal, getpgrp());
        true
    }
}

impl Drop for Loan {
    fn drop(&mut self) {
        self.take_back();
    }
}

/// The terminal on our standard input, which passes on every key as it is.
pub(super) struct Raw {
    before: Termios,
}

impl Raw {
    /// Makes the terminal raw; `None` where standard input is none.
    pub(super) fn start() -> io::Result<Option<Self>> {
        if !isatty(stdin()) {
            return Ok(None);
        }
        let before = tcgetattr(stdin())?;
        let mut raw = before.clone();
        raw.make_raw();
        tcsetattr(stdin(), OptionalActions::Drain, &raw)?;
        Ok(Some(Self { before }))
    }

    /// How the terminal was before.
    pub(super) fn before(&self) -> &Termios {
        &self.before
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        let _ = tcsetattr(stdin(), OptionalActions::Drain, &self.before);
    }
}

/// The size of our terminal, rows and columns; the classic one where there is none.
pub(super) fn size() -> (u16, u16) {
    let known = tcgetwinsize(stdout()).or_else(|_| tcgetwinsize(stdin()));
    known
        .map(|size| (size.ws_row, size.ws_col))
        .ok()
        .filter(|(rows, columns)| *rows > 0 && *columns > 0)
        .unwrap_or((24, 80))
}
