//! Waiting for a child: that it ended or stopped, and that its output has come to an end.

use std::{io, sync::mpsc::Sender};

use rustix::{
    io::Errno,
    process::{Pid, WaitOptions, WaitStatus, waitpid},
};

use crate::resolver::worker::Worker;

/// Something that happened to a child.
pub(super) enum Event {
    /// It ended.
    Ended(WaitStatus),
    /// It was stopped by this signal.
    Stopped(i32),
    /// One of its streams has come to an end, or what it printed could not be written.
    Drained(io::Result<()>),
    /// It is to be ended.
    Stop,
    /// It cannot be waited for.
    Lost(io::Error),
}

/// Tells of everything that happens to a child until it has ended.
pub(super) fn watch(worker: Worker, child: Pid, events: Sender<Event>) {
    worker.give(move || {
        loop {
            let event = match waitpid(Some(child), WaitOptions::UNTRACED) {
                Ok(Some((_, status))) => match status.stopping_signal() {
                    Some(signal) => Event::Stopped(signal),
                    None => Event::Ended(status),
                },
                Ok(None) | Err(Errno::INTR) => continue,
                Err(error) => Event::Lost(error.into()),
            };
            let last = !matches!(event, Event::Stopped(_));
            // Nobody listens any more: this process is about to end.
            if events.send(event).is_err() || last {
                return;
            }
        }
    });
}

/// Lets a worker copy and tells of its end.
pub(super) fn drain(worker: Worker, events: Sender<Event>, copy: impl FnOnce() -> io::Result<()> + Send + 'static) {
    worker.give(move || drop(events.send(Event::Drained(copy()))));
}
