//! The terminal while a command runs: lent to the command's process group, or made raw and put before a pseudo-terminal.
//!
//! Whatever is changed is put back when the value that stands for it is dropped.

use std::io;

use rustix::{
    process::{Pid, Signal, getpgrp, getpid, kill_process, kill_process_group},
    stdio::{stdin, stdout},
    termios::{OptionalActions, Termios, isatty, tcgetattr, tcgetpgrp, tcgetwinsize, tcsetattr, tcsetpgrp},
};

use super::system::block_sigttou;

/// The terminal on our standard input, lent to another process group.
pub(super) struct Lent {
    group: Pid,
}

impl Lent {
    /// Makes `group` the one that the terminal reads for and whose programs Ctrl-C and Ctrl-Z reach; `None` where there is no terminal, or
    /// where it is not ours to lend.
    pub(super) fn to(group: Pid) -> Option<Self> {
        let ours = isatty(stdin()) && tcgetpgrp(stdin()).is_ok_and(|foreground| foreground == getpgrp());
        if !ours {
            return None;
        }
        block_sigttou();
        let lent = Self { group };
        lent.lend().ok()?;
        Some(lent)
    }

    /// Goes along with a command that was stopped, as a shell's jobs do: gives the terminal back, stops, and lends it again when continued.
    pub(super) fn stop_too(&self, signal: i32) {
        let by_reading = [libc::SIGTTIN, libc::SIGTTOU].contains(&signal);
        // A command that asked for the terminal before it was lent is let on.
        if !(by_reading && tcgetpgrp(stdin()).is_ok_and(|foreground| foreground == self.group)) {
            let _ = tcsetpgrp(stdin(), getpgrp());
            let _ = kill_process(getpid(), Signal::STOP);
        }
        let _ = self.lend();
    }

    fn lend(&self) -> io::Result<()> {
        tcsetpgrp(stdin(), self.group)?;
        Ok(kill_process_group(self.group, Signal::CONT)?)
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        // If it cannot be had back it is gone, and there is nobody to tell.
        let _ = tcsetpgrp(stdin(), getpgrp());
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
