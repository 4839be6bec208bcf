//! Ending a command from outside: by the signals of this process, or because nobody waits for it any more.

use std::sync::{Arc, Mutex, PoisonError, mpsc::Sender};

use super::{HeldSignals, watch::Event};

/// What ends a command before its time.
pub enum Control {
    /// The signals that this process gets are the command's.
    Signals(HeldSignals),
    /// Another thread says so.
    Stop(Stop),
}

/// Ends one command, whether it has started already or not. Cloning shares it.
#[derive(Clone, Default)]
pub struct Stop(Arc<Mutex<State>>);

#[derive(Default)]
enum State {
    #[default]
    Early,
    Running(Sender<Event>),
    Stopped,
}

impl Stop {
    /// Asks the command and its process group to end, and makes them a little later. Returns at once.
    pub fn stop(&self) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let State::Running(events) = std::mem::replace(&mut *state, State::Stopped) {
            // A command that has ended need not be stopped.
            let _ = events.send(Event::Stop);
        }
    }

    /// Tells whether it was asked to.
    pub fn is_stopped(&self) -> bool {
        matches!(*self.0.lock().unwrap_or_else(PoisonError::into_inner), State::Stopped)
    }

    /// Lets a command that is about to start hear of it. It is told at once where it should not start at all.
    pub(super) fn tell(&self, events: Sender<Event>) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match *state {
            State::Stopped => drop(events.send(Event::Stop)),
            _ => *state = State::Running(events),
        }
    }
}
