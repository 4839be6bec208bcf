//! A command as a child: started, fed, watched, its output masked, until it and its output have come to an end.
//!
//! The child is the leader of a process group (with a pseudo-terminal: of a session), which gets the signals that this process gets and is
//! ended as a whole where its time is up. It inherits no descriptor but its standard three, and none of the resolver's settings.

use std::{
    ffi::OsStr,
    fs::File,
    io::{self, Read, Write},
    os::{
        fd::{AsFd, OwnedFd},
        unix::{ffi::OsStrExt, fs::FileTypeExt, process::CommandExt},
    },
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::{
        Arc,
        mpsc::{Receiver, RecvTimeoutError, Sender, channel},
    },
    thread,
    time::{Duration, Instant},
};

use pty_process::{Size, blocking::Pty};
use rustix::{
    process::{Pid, Signal, WaitStatus, kill_process_group},
    termios::{LocalModes, OptionalActions, SpecialCodeIndex, tcgetattr, tcsetattr},
};
use zeroize::Zeroizing;

use super::{
    Control, NetworkAccess, Ready, RunError, network, readable,
    signals::Forwarding,
    terminal,
    watch::{Event, drain, watch},
};
use crate::resolver::{
    mask::{self, Masker},
    shell,
    worker::Worker,
};

/// What fails where the system has no thread left.
const START_THREAD: &str = "start a thread";

/// How long a group has to end by itself once it was asked to.
const GRACE: Duration = Duration::from_secs(2);

/// How a command is to be run.
pub struct Job {
    /// What is run.
    pub command: Ready,
    /// Where; else in our own directory.
    pub directory: Option<PathBuf>,
    /// After which time it is ended.
    pub timeout: Option<Duration>,
    /// Whether it gets a pseudo-terminal.
    pub tty: bool,
    /// Whether it gets the network.
    pub network: NetworkAccess,
    /// What it reads where it has no text of its own.
    pub input: Input,
}

/// What a command reads on standard input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Input {
    /// What we would.
    Ours,
    /// Nothing: what we read is not for it.
    Nothing,
}

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// By itself, with this exit code.
    Code(i32),
    /// By this signal.
    Signal(i32),
    /// By us, since its time was up.
    TimedOut,
    /// By us, since [`Stop`] said so.
    Stopped,
}

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

impl Job {
    fn command(&self) -> Command {
        let words = &self.command.argv;
        let word = |index: usize| OsStr::from_bytes(words.get(index).map_or(&[], |word| word.as_slice()));
        let mut command = Command::new(word(0));
        command.args((1..words.len()).map(word));
        let inherited = || std::env::vars_os().map(|(name, _)| name);
        for name in inherited().filter(|name| is_setting(name)) {
            command.env_remove(name);
        }
        if self.command.binds {
            for name in inherited().filter(|name| shell::is_scrubbed(name.as_encoded_bytes())) {
                command.env_remove(name);
            }
        }
        for (name, value) in &self.command.env {
            command.env(name, OsStr::from_bytes(value));
        }
        if let Some(directory) = &self.directory {
            command.current_dir(directory);
        }
        command
    }

    /// Runs something that starts the child in a thread that is filtered first, where the network is denied: the filter is inherited, and
    /// holds for no other thread.
    fn spawn<T: Send>(&self, start: impl FnOnce() -> io::Result<T> + Send) -> Result<T, RunError> {
        let failed = |error| RunError::Start {
            program: readable(self.command.argv.first().map_or(&[], |word| word.as_slice())),
            error,
        };
        let NetworkAccess::Denied { local } = self.network else {
            return start().map_err(failed);
        };
        let filtered = || {
            network::deny_for_this_thread(local).map_err(RunError::Network)?;
            start().map_err(failed)
        };
        thread::scope(|scope| {
            let filtering = thread::Builder::new()
                .spawn_scoped(scope, filtered)
                .map_err(system(START_THREAD))?;
            match filtering.join() {
                Ok(started) => started,
                Err(_) => Err(RunError::Network("the thread that starts the command died".into())),
            }
        })
    }
}

fn start(job: &Job) -> Result<Child, RunError> {
    let mut command = job.command();
    command.process_group(0).stdout(Stdio::piped()).stderr(Stdio::piped());
    // A socket that we were given is a way to the network that no filter sees.
    let carries_network = job.network != NetworkAccess::Open && is_socket(io::stdin());
    command.stdin(match job.input {
        _ if job.command.stdin.is_some() => Stdio::piped(),
        Input::Nothing => Stdio::null(),
        Input::Ours if carries_network => Stdio::piped(),
        Input::Ours => Stdio::inherit(),
    });
    job.spawn(|| command.spawn())
}

fn start_on_terminal(job: &Job, raw: Option<&terminal::Raw>) -> Result<(Pty, Child), RunError> {
    let open = || -> pty_process::Result<_> {
        let (pty, pts) = pty_process::blocking::open()?;
        resize(&pty);
        Ok((pty, pts))
    };
    let (pty, pts) = open().map_err(io_of).map_err(system("open a pseudo-terminal"))?;
    let modes = match raw {
        Some(raw) => Ok(raw.before().clone()),
        // Nobody types: what is fed in is not to be shown again.
        None => tcgetattr(&pts).map(|mut modes| {
            modes.local_modes &= !LocalModes::ECHO;
            modes
        }),
    };
    modes
        .and_then(|modes| tcsetattr(&pts, OptionalActions::Now, &modes))
        .map_err(|error| system("set the pseudo-terminal")(error.into()))?;
    let command = pty_process::blocking::Command::from(job.command());
    let child = job.spawn(move || command.spawn(pts).map_err(io_of))?;
    Ok((pty, child))
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

/// Waits for a child and for its streams, and ends its group where its time is up.
struct Supervisor {
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
    fn new(group: Pid, streams: usize, deadline: Option<Instant>) -> Self {
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

    fn supervise(mut self, events: &Receiver<Event>) -> Result<Ended, RunError> {
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

fn group_of(child: &Child) -> Result<Pid, RunError> {
    let number = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    number.ok_or_else(|| system("start the command")(io::ErrorKind::Other.into()))
}

/// Tells whether a variable is one of the resolver's own settings, which no command inherits.
fn is_setting(name: &OsStr) -> bool {
    name.as_bytes().starts_with(b"FLEETVAULT_")
}

fn resize(pty: &Pty) {
    let (rows, columns) = terminal::size();
    // A program that learns a wrong size draws less well.
    let _ = pty.resize(Size::new(rows, columns));
}

fn is_socket(descriptor: impl AsFd) -> bool {
    let file = descriptor
        .as_fd()
        .try_clone_to_owned()
        .map(|owned: OwnedFd| File::from(owned).metadata());
    file.flatten().is_ok_and(|meta| meta.file_type().is_socket())
}

fn io_of(error: pty_process::Error) -> io::Error {
    match error {
        pty_process::Error::Io(error) => error,
        pty_process::Error::Rustix(error) => error.into(),
    }
}

fn system(what: &'static str) -> impl Fn(io::Error) -> RunError {
    move |error| RunError::System { what, error }
}
