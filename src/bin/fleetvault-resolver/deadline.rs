//! A limit of time for what may take for ever: rules as long as somebody wrote them, a file system that does not answer, a client that sends
//! nothing. Clients let a call go on whose hook is too slow, so that this one ends as a no before they lose patience.

use std::{
    io, process,
    sync::mpsc::{RecvTimeoutError, Sender, channel},
    thread,
    time::Duration,
};

use crate::launch::warn;

/// The exit code that every client takes for a no.
pub const BLOCKED: u8 = 2;

/// Holds until it is dropped; ends this process with [`BLOCKED`] if that takes too long.
pub struct Deadline {
    _lifted: Sender<()>,
}

impl Deadline {
    /// Begins to count.
    ///
    /// # Errors
    /// The system has no thread left.
    pub fn new(limit: Duration, told: &'static str) -> io::Result<Self> {
        let (lifted, waiting) = channel();
        thread::Builder::new().name("deadline".into()).spawn(move || {
            if waiting.recv_timeout(limit) == Err(RecvTimeoutError::Timeout) {
                warn(told);
                process::exit(i32::from(BLOCKED));
            }
        })?;
        Ok(Self { _lifted: lifted })
    }
}
