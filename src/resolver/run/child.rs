//! A command as a child: started, fed, watched, its output masked, until it and its output have come to an end.
//!
//! The child is the leader of a process group (with a pseudo-terminal: of a session), which gets the signals that this process gets and is
//! ended as a whole where its time is up. It inherits no descriptor but its standard three, and none of the resolver's settings.

use std::{
    fs::File,
    io::{self, Read, Write},
    os::fd::AsFd,
    process::Child,
    sync::{
        Arc,
        mpsc::{Sender, channel},
    },
    time::Instant,
};

use pty_process::blocking::Pty;
use rustix::{
    process::Pid,
    termios::{SpecialCodeIndex, tcgetattr},
};
use zeroize::Zeroizing;

use super::{
    Control, RunError,
    error::system,
    signals::Forwarding,
    start::{Job, START_THREAD, resize, start, start_on_terminal},
    supervisor::{Ended, Supervisor},
    terminal,
    watch::{Event, drain, watch},
};
use crate::resolver::{
    mask::{self, Masker},
    worker::Worker,
};

/// Runs a command to its end. What it prints goes to `out` and `err`, masked; with a pseudo-terminal all of it to `out`.
///
/// Waits until its output has come to an end, also where something that it left running in the background holds it open: what that prints is
/// masked as well.
///
/// # Errors
/// [`RunError`]: it was not started, or what it printed could not be written.
pub fn run(
    mut job: Job,
    masker: &Masker,
    control: Control,
    out: impl Write + Send + 'static,
    err: impl Write + Send + 'static,
) -> Result<Ended, RunError> {
    // Started before the command, which must not run where there is no thread left to watch it.
    let worker = || Worker::start().map_err(system(START_THREAD));
    if let Control::Stop(stop) = &control
        && stop.is_stopped()
    {
        return Ok(Ended::Stopped);
    }
    let (forwarder, feeder, reader, watcher) = (worker()?, worker()?, worker()?, worker()?);
    let (events_to, events) = channel();
    let deadline = job.timeout.and_then(|timeout| Instant::now().checked_add(timeout));
    if job.tty {
        let raw = terminal::Raw::start().map_err(system("set the terminal"))?;
        let (pty, child) = start_on_terminal(&job, raw.as_ref())?;
        // The child has what it needs of the values.
        drop(job);
        let group = group_of(&child)?;
        let pty = Arc::new(pty);
        let resized = Arc::clone(&pty);
        let _forwarding = obey(control, forwarder, group, &events_to, move || resize(&resized));
        feed_terminal(feeder, Arc::clone(&pty), raw.is_some());
        let mut stream = masker.stream();
        drain(reader, events_to.clone(), move || {
            mask::copy(Terminal(pty), out, &mut stream)
        });
        watch(watcher, group, events_to);
        return Supervisor::new(group, 1, deadline).supervise(&events);
    }
    let error_reader = worker()?;
    let mut child = start(&job)?;
    let input = job.command.stdin.take();
    drop(job);
    let group = group_of(&child)?;
    let _forwarding = obey(control, forwarder, group, &events_to, || {});
    feed(feeder, child.stdin.take(), input);
    let mut streams = 0;
    if let Some(stdout) = child.stdout.take() {
        let mut stream = masker.stream();
        drain(reader, events_to.clone(), move || mask::copy(stdout, out, &mut stream));
        streams += 1;
    }
    if let Some(stderr) = child.stderr.take() {
        let mut stream = masker.stream();
        drain(error_reader, events_to.clone(), move || {
            mask::copy(stderr, err, &mut stream)
        });
        streams += 1;
    }
    watch(watcher, group, events_to);
    Supervisor::new(group, streams, deadline).supervise(&events)
}

/// Has the command ended when it is to be; until what is returned is dropped.
fn obey(
    control: Control,
    forwarder: Worker,
    group: Pid,
    events: &Sender<Event>,
    resized: impl Fn() + Send + 'static,
) -> Option<Forwarding> {
    match control {
        Control::Signals(signals) => Some(signals.forward(forwarder, group, resized)),
        Control::Stop(stop) => {
            stop.tell(events.clone());
            None
        }
    }
}

/// Gives the child its standard input: a text, or what we get where it must not have ours.
fn feed(worker: Worker, to: Option<std::process::ChildStdin>, text: Option<Zeroizing<Vec<u8>>>) {
    let Some(mut to) = to else { return };
    // A child that does not read it to the end has seen enough.
    worker.give(move || match text {
        Some(text) => drop(to.write_all(&text)),
        None => drop(io::copy(&mut io::stdin(), &mut to)),
    });
}

/// Passes on what is typed, or fed in, to a pseudo-terminal.
fn feed_terminal(worker: Worker, pty: Arc<Pty>, typed: bool) {
    worker.give(move || {
        let Ok(mut from) = io::stdin().as_fd().try_clone_to_owned().map(File::from) else {
            return;
        };
        let mut to = &*pty;
        let mut buffer = Zeroizing::new([0; 4096]);
        let mut line_ended = true;
        loop {
            match from.read(buffer.as_mut_slice()) {
                Ok(0) => break,
                Ok(length) => {
                    line_ended = buffer[length - 1] == b'\n';
                    if to.write_all(&buffer[..length]).is_err() {
                        return;
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => break,
            }
        }
        // The end of what is fed in is the key for it; the first one in a line only passes the line on.
        let end = tcgetattr(&*pty).map_or(4, |modes| modes.special_codes[SpecialCodeIndex::VEOF]);
        if !typed {
            let ends = [end; 2];
            let _ = to.write_all(if line_ended { &ends[..1] } else { &ends });
        }
    });
}

/// The programs' side of a pseudo-terminal has closed: the end, not an error.
struct Terminal(Arc<Pty>);

impl Read for Terminal {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match (&*self.0).read(buffer) {
            Err(error) if error.raw_os_error() == Some(libc::EIO) => Ok(0),
            read => read,
        }
    }
}

fn group_of(child: &Child) -> Result<Pid, RunError> {
    let number = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    number.ok_or_else(|| system("start the command")(io::ErrorKind::Other.into()))
}
