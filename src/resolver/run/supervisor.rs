//! Waiting for a child until it and its output have come to an end, or its time is up.

use std::{
    io,
    sync::mpsc::{Receiver, RecvTimeoutError},
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, WaitStatus, kill_process_group};

use super::{RunError, error::system, terminal, watch::Event};

/// How long a group has to end by itself once it was asked to.
const GRACE: Duration = Duration::from_secs(2);

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// By itself, with this exit code.
    Code(i32),
    /// By this signal.
    Signal(i32),
    /// By us, since its time was up.
    TimedOut,
    /// By us, since [`super::Stop`] said so.
    Stopped,
}

/// Waits for a child and for its streams, and ends its group where its time is up.
pub(super) struct Supervisor {
    group: Pid,
    streams: usize,
    deadline: Option<Instant>,
    asked_to_end: bool,
    stopped: bool,
    killed: bool,
    loan: terminal::Loan,
    status: Option<WaitStatus>,
    output: io::Result<()>,
}

impl Supervisor {
    pub(super) fn new(group: Pid, streams: usize, deadline: Option<Instant>) -> Self {
        Self {
            group,
            streams,
            deadline,
            asked_to_end: false,
            stopped: false,
            killed: false,
            loan: terminal::Loan::to(group),
            status: None,
            output: Ok(()),
        }
    }

    pub(super) fn supervise(mut self, events: &Receiver<Event>) -> Result<Ended, RunError> {
        while self.status.is_none() || self.streams > 0 {
            match self.next(events) {
                Ok(Event::Ended(status)) => self.status = Some(status),
                Ok(Event::Stopped(signal)) => self.loan.stopped(signal),
                Ok(Event::Drained(result)) => {
                    self.streams -= 1;
                    match result {
                        // A reader that has seen enough: the child learns it from its own pipe.
                        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {}
                        Err(error) => self.output = Err(error),
                        Ok(()) => {}
                    }
                }
                Ok(Event::Stop) if self.asked_to_end => {}
                Ok(Event::Stop) => {
                    self.stopped = true;
                    self.end_group();
                }
                Ok(Event::Lost(error)) => return Err(system("wait for the command")(error)),
                Err(RecvTimeoutError::Timeout) if self.killed => break,
                Err(RecvTimeoutError::Timeout) => self.end_group(),
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        if self.stopped {
            return Ok(Ended::Stopped);
        }
        if self.asked_to_end {
            return Ok(Ended::TimedOut);
        }
        self.output.map_err(RunError::Output)?;
        let status = self.status;
        let code = status.and_then(WaitStatus::exit_status).map(Ended::Code);
        let signal = status.and_then(WaitStatus::terminating_signal).map(Ended::Signal);
        code.or(signal)
            .ok_or_else(|| system("wait for the command")(io::ErrorKind::Other.into()))
    }

    fn next(&self, events: &Receiver<Event>) -> Result<Event, RecvTimeoutError> {
        match self.deadline {
            Some(deadline) => events.recv_timeout(deadline.saturating_duration_since(Instant::now())),
            None => events.recv().map_err(|_| RecvTimeoutError::Disconnected),
        }
    }

    /// Asks the group to end, and the next time makes it. What then still holds a stream open has left the group, and is not waited for.
    fn end_group(&mut self) {
        let signal = if self.asked_to_end { Signal::KILL } else { Signal::TERM };
        let _ = kill_process_group(self.group, signal);
        if self.asked_to_end {
            self.killed = true;
        } else {
            // A stopped group does not see that it is asked to end.
            let _ = kill_process_group(self.group, Signal::CONT);
        }
        self.asked_to_end = true;
        self.deadline = Some(Instant::now() + GRACE);
    }
}
