//! Waiting for a child: that it ended or stopped, and that its output has come to an end.

use std::{io, sync::mpsc::Sender, thread};

use rustix::{
    io::Errno,
    process::{Pid, WaitOptions, WaitStatus, waitpid},
};

/// Something that happened to a child.
pub(super) enum Event {
    /// It ended.
    Ended(WaitStatus),
    /// It was stopped by this signal.
    Stopped(i32),
    /// One of its streams has come to an end, or what it printed could not be written.
    Drained(io::Result<()>),
    /// It cannot be waited for.
    Lost(io::Error),
}

/// Tells of everything that happens to a child until it has ended.
pub(super) fn watch(child: Pid, events: Sender<Event>) {
    thread::spawn(move || {
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

/// Runs a copy in a thread of its own and tells of its end.
pub(super) fn drain(events: Sender<Event>, copy: impl FnOnce() -> io::Result<()> + Send + 'static) {
    thread::spawn(move || drop(events.send(Event::Drained(copy()))));
}
