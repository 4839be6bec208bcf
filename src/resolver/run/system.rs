//! What no crate wraps safely: descriptors by their numbers, and the signal mask of a thread.
//!
//! Beside terminal/signals.rs the only unsafe code of the resolver.

#![allow(unsafe_code)]

use std::{
    fs::{self, File},
    io,
    os::fd::BorrowedFd,
};

use rustix::io::{Errno, FdFlags, fcntl_dupfd_cloexec, fcntl_getfd, fcntl_setfd};

/// Lets no descriptor but the standard three be inherited by what is started from now on, whatever this process itself was given.
///
/// # Errors
/// The descriptors cannot be listed.
pub fn close_on_exec() -> io::Result<()> {
    for entry in fs::read_dir("/dev/fd")? {
        let name = entry?.file_name();
        let Some(number) = name
            .to_str()
            .and_then(|name| name.parse::<i32>().ok())
            .filter(|number| *number > 2)
        else {
            continue;
        };
        // SAFETY: the descriptor is only asked for its flags and given one; if it was closed since it was listed, as the one of the listing
        // itself is, the kernel answers EBADF.
        let descriptor = unsafe { BorrowedFd::borrow_raw(number) };
        match fcntl_getfd(descriptor).and_then(|flags| fcntl_setfd(descriptor, flags | FdFlags::CLOEXEC)) {
            Err(Errno::BADF) | Ok(()) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// Takes a descriptor that this process was given. It need not be one that it could open itself: whoever started it may have had other rights.
///
/// It is nobody else's: `git`, its hooks or an editor could read a file from its beginning once more, so none of them inherits it. Of the standard
/// three that cannot be said.
///
/// # Errors
/// It is not open, or one of the standard three.
pub fn inherited(number: u32) -> io::Result<File> {
    if number < 3 {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "the descriptors 0 to 2 are for what commands read and print, expected 3 or more",
        ));
    }
    let number = i32::try_from(number).map_err(|_| io::Error::from(Errno::BADF))?;
    // SAFETY: the descriptor is only asked to be duplicated; if it is not open, the kernel answers EBADF.
    let descriptor = unsafe { BorrowedFd::borrow_raw(number) };
    fcntl_setfd(descriptor, fcntl_getfd(descriptor)? | FdFlags::CLOEXEC)?;
    Ok(fcntl_dupfd_cloexec(descriptor, 3)?.into())
}

/// Lets this thread take the terminal back while it is in the background, which would stop the process otherwise.
pub(super) fn block_sigttou() {
    // SAFETY: a set of signals is plain memory that sigemptyset fills, and the mask of this thread alone is changed.
    unsafe {
        let mut set = std::mem::MaybeUninit::<libc::sigset_t>::uninit();
        libc::sigemptyset(set.as_mut_ptr());
        libc::sigaddset(set.as_mut_ptr(), libc::SIGTTOU);
        libc::pthread_sigmask(libc::SIG_BLOCK, set.as_ptr(), std::ptr::null_mut());
    }
}
