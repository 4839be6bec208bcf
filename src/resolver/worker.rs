//! Threads that are there before what they are needed for.
//!
//! A system that is out of threads must refuse before a program runs: afterwards it would run with nobody to watch it.

use std::{
    io,
    sync::mpsc::{Sender, channel},
    thread,
};

/// A thread that waits for the one thing it will do. Dropped without any, it ends.
pub(super) struct Worker(Sender<Box<dyn FnOnce() + Send>>);

impl Worker {
    /// Starts a thread.
    ///
    /// # Errors
    /// The system has none left.
    pub(super) fn start() -> io::Result<Self> {
        let (to, work) = channel::<Box<dyn FnOnce() + Send>>();
        thread::Builder::new().spawn(move || {
            if let Ok(work) = work.recv() {
                work();
            }
        })?;
        Ok(Self(to))
    }

    /// Lets it do something.
    pub(super) fn give(self, work: impl FnOnce() + Send + 'static) {
        // It waits for exactly this, so there is somebody to receive it.
        let _ = self.0.send(Box::new(work));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_does_one_thing() {
        let (done, seen) = channel();
        Worker::start().unwrap().give(move || done.send(1).unwrap());
        assert_eq!(seen.recv(), Ok(1));
        assert!(seen.recv().is_err());
        drop(Worker::start().unwrap());
    }
}
