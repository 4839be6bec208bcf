//! Standard output, also where nobody reads it to the end.
//!
//! A reader that has seen enough (`… | head`) closes the pipe. That stops nothing: the exit code still tells how the work went.

use std::{
    fmt,
    io::{self, Write},
    sync::Mutex,
};

/// The first line that could not be written, for reasons other than a closed pipe.
static FAILED: Mutex<Option<io::Error>> = Mutex::new(None);

/// Writes one line to standard output. What keeps it from being written is kept for [`failure`].
#[macro_export]
macro_rules! say {
    ($($arg:tt)*) => {
        $crate::terminal::say(format_args!($($arg)*))
    };
}

/// Writes one line to standard output; see the macro of the same name.
pub fn say(line: fmt::Arguments<'_>) {
    let written = whole(writeln!(io::stdout().lock(), "{line}"));
    if let (Err(error), Ok(mut failed)) = (written, FAILED.lock()) {
        failed.get_or_insert(error);
    }
}

/// Takes what kept a line from being written, a full disk say.
pub fn failure() -> Option<io::Error> {
    FAILED.lock().ok()?.take()
}

/// Takes a closed pipe for success.
///
/// # Errors
/// Every other one.
pub fn whole(written: io::Result<()>) -> io::Result<()> {
    match written {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written,
    }
}
