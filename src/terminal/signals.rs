//! Signals that end this process, held back while the terminal is not as it was: dying at once would leave it so.
//!
//! Unsafe, for no crate here wraps the mask of a thread.

#![allow(unsafe_code)]

use std::{marker::PhantomData, mem::MaybeUninit, ptr};

const ENDING: [libc::c_int; 4] = [libc::SIGTERM, libc::SIGHUP, libc::SIGINT, libc::SIGQUIT];

/// Holds them back in this thread, and in those that it starts, as long as it lives. Then they do what they would have done.
pub struct Held {
    before: libc::sigset_t,
    /// A mask belongs to its thread.
    of_this_thread: PhantomData<*const ()>,
}

impl Held {
    /// Begins to hold them back.
    pub fn start() -> Self {
        // SAFETY: sets of signals are plain memory, which sigemptyset and pthread_sigmask write; only the mask of this thread is changed.
        let before = unsafe {
            let mut ending = MaybeUninit::uninit();
            let mut before = MaybeUninit::zeroed();
            libc::sigemptyset(ending.as_mut_ptr());
            for signal in ENDING {
                libc::sigaddset(ending.as_mut_ptr(), signal);
            }
            libc::pthread_sigmask(libc::SIG_BLOCK, ending.as_ptr(), before.as_mut_ptr());
            before.assume_init()
        };
        Self {
            before,
            of_this_thread: PhantomData,
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        // SAFETY: the mask is one that this thread had.
        unsafe {
            libc::pthread_sigmask(libc::SIG_SETMASK, &raw const self.before, ptr::null_mut());
        }
    }
}

/// Tells whether one of them is held back now.
pub fn is_one_waiting() -> bool {
    // SAFETY: the set is plain memory that sigpending writes.
    unsafe {
        let mut waiting = MaybeUninit::zeroed();
        libc::sigpending(waiting.as_mut_ptr()) == 0
            && ENDING
                .iter()
                .any(|signal| libc::sigismember(waiting.as_ptr(), *signal) == 1)
    }
}
