//! One conversation with a plugin: stanzas to its standard input and from its standard output, each with a command, arguments and a body.

use std::{
    io::{self, BufRead, BufReader, Read, Write},
    process::{Child, ChildStdout, Command},
    sync::mpsc::{Receiver, RecvTimeoutError, Sender, SyncSender, channel, sync_channel},
    thread,
    time::{Duration, Instant},
};

use base64::{
    Engine,
    alphabet::STANDARD,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
    prelude::BASE64_STANDARD_NO_PAD,
};
use zeroize::Zeroizing;

/// The most that a plugin may say, in bytes.
const SAID_MAX: u64 = 1 << 20;

/// The columns of a body's full lines.
const COLUMNS: usize = 64;

/// How long a plugin that is done may take to end.
const GRACE: Duration = Duration::from_secs(1);

/// Something said by a plugin.
pub(super) struct Message {
    pub(super) command: String,
    pub(super) args: Vec<String>,
    pub(super) body: Zeroizing<Vec<u8>>,
}

/// A plugin that runs. It is ended with this, whatever it does.
pub(super) struct Talk {
    child: Child,
    /// Dropping it closes the plugin's standard input.
    to: Option<Sender<Zeroizing<Vec<u8>>>>,
    from: Receiver<Result<Message, String>>,
    deadline: Instant,
    time_max: Duration,
    /// Something was asked that nobody could answer.
    pub(super) unanswered: bool,
}

impl Talk {
    /// Starts the plugin, and two threads: it may read late, or never, and so may it write.
    pub(super) fn start(mut command: Command, time_max: Duration) -> Result<Self, String> {
        let mut child = command
            .spawn()
            .map_err(|error| format!("it cannot be started: {error}"))?;
        let (Some(mut stdin), Some(stdout)) = (child.stdin.take(), child.stdout.take()) else {
            return Err("it cannot be started".into());
        };
        let (to, sent) = channel::<Zeroizing<Vec<u8>>>();
        let (said, from) = sync_channel(4);
        // The thread that may ask a person meanwhile holds signals back; one of these would take them, and the terminal stay quiet.
        #[cfg(unix)]
        let _held = crate::terminal::signals::Held::start();
        thread::spawn(move || {
            // Whoever does not read what it is told ends early, and is heard to.
            while let Ok(bytes) = sent.recv() {
                if stdin.write_all(&bytes).is_err() {
                    return;
                }
            }
        });
        thread::spawn(move || read(stdout, &said));
        Ok(Self {
            child,
            to: Some(to),
            from,
            deadline: Instant::now() + time_max,
            time_max,
            unanswered: false,
        })
    }

    /// Says something. What the plugin does not hear any more is noticed when it is listened to.
    pub(super) fn send(&mut self, command: &str, args: &[&str], body: &[u8]) {
        let encoded = Zeroizing::new(BASE64_STANDARD_NO_PAD.encode(body));
        let mut bytes = Zeroizing::new(Vec::with_capacity(
            encoded.len() * 66 / 64 + command.len() + 128 + args.iter().map(|arg| arg.len() + 1).sum::<usize>(),
        ));
        bytes.extend_from_slice(b"-> ");
        bytes.extend_from_slice(command.as_bytes());
        for arg in args {
            bytes.push(b' ');
            bytes.extend_from_slice(arg.as_bytes());
        }
        bytes.push(b'\n');
        // A body ends in a line that is not full, which may be empty.
        for line in encoded.as_bytes().chunks(COLUMNS) {
            bytes.extend_from_slice(line);
            bytes.push(b'\n');
        }
        if encoded.len().is_multiple_of(COLUMNS) {
            bytes.push(b'\n');
        }
        if let Some(to) = &self.to {
            let _ = to.send(bytes);
        }
    }

    /// Waits for what the plugin says next.
    pub(super) fn receive(&mut self) -> Result<Message, String> {
        match self
            .from
            .recv_timeout(self.deadline.saturating_duration_since(Instant::now()))
        {
            Ok(message) => message,
            Err(RecvTimeoutError::Timeout) => Err(format!("it took longer than {:?}", self.time_max)),
            Err(RecvTimeoutError::Disconnected) if self.unanswered => {
                Err("it asked for something, and there is no terminal to ask at".into())
            }
            Err(RecvTimeoutError::Disconnected) => Err("it ended before it was done".into()),
        }
    }

    /// Does something while the plugin's time stands still.
    pub(super) fn pause<T>(&mut self, work: impl FnOnce() -> T) -> T {
        let start = Instant::now();
        let result = work();
        self.deadline += start.elapsed();
        result
    }

    /// Lets the plugin end by itself.
    pub(super) fn end(mut self) {
        self.to = None;
        let until = Instant::now() + GRACE;
        while Instant::now() < until && matches!(self.child.try_wait(), Ok(None)) {
            thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Talk {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A label of a button, as it stands in an argument.
pub(super) fn label(text: &str) -> Option<String> {
    String::from_utf8(decoded(text.as_bytes())?.to_vec()).ok()
}

fn read(stdout: ChildStdout, to: &SyncSender<Result<Message, String>>) {
    let mut stdout = BufReader::new(stdout.take(SAID_MAX));
    loop {
        let message = match read_message(&mut stdout) {
            Ok(Some(message)) => Ok(message),
            Ok(None) if stdout.get_ref().limit() > 0 => return,
            // The limit looks like an end of the file.
            _ if stdout.get_ref().limit() == 0 => Err(format!("it said more than {SAID_MAX} bytes")),
            _ => Err("what it says is not what a plugin of age says".into()),
        };
        let last = message.is_err();
        if to.send(message).is_err() || last {
            return;
        }
    }
}

/// Reads one message; `None` at the end.
fn read_message(from: &mut impl BufRead) -> io::Result<Option<Message>> {
    let malformed = || io::Error::from(io::ErrorKind::InvalidData);
    let Some(first) = read_line(from)? else { return Ok(None) };
    let text = std::str::from_utf8(&first).map_err(|_| malformed())?;
    let mut words = text
        .strip_prefix("-> ")
        .ok_or_else(malformed)?
        .split(' ')
        .map(str::to_owned);
    let command = words.next().ok_or_else(malformed)?;
    let args = words.collect();
    let mut encoded = Zeroizing::new(Vec::with_capacity(256));
    loop {
        let line = read_line(from)?.ok_or_else(malformed)?;
        if line.len() > COLUMNS {
            return Err(malformed());
        }
        encoded.extend_from_slice(&line);
        if line.len() < COLUMNS {
            break;
        }
    }
    let body = decoded(&encoded).ok_or_else(malformed)?;
    Ok(Some(Message { command, args, body }))
}

fn read_line(from: &mut impl BufRead) -> io::Result<Option<Zeroizing<Vec<u8>>>> {
    let mut line = Zeroizing::new(Vec::with_capacity(128));
    from.read_until(b'\n', &mut line)?;
    match line.pop() {
        None => Ok(None),
        Some(b'\n') => Ok(Some(line)),
        Some(_) => Err(io::ErrorKind::UnexpectedEof.into()),
    }
}

/// Unpadded, though many plugins pad what is in arguments.
fn decoded(text: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    const ENGINE: GeneralPurpose = GeneralPurpose::new(
        &STANDARD,
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
    );
    ENGINE.decode(text).ok().map(Zeroizing::new)
}
