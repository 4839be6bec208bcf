//! Asking a program: JSON on its standard input, exit code 0 for yes, and everything else for no.
//!
//! Fails closed: a program that cannot be started, is killed, or takes too long has said no. Its standard output is ignored.

use std::{
    io::{self, Read, Write},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::mpsc,
    time::Duration,
};

use serde_json::Value;

use crate::resolver::worker::Worker;

/// Where a program that is asked finds others: the whole of its environment.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// The most that is read of what a program says, in bytes.
const SAID_MAX: u64 = 16 << 10;

/// The most that is shown of it, in characters.
const REASON_MAX: usize = 300;

/// How long what a program said is waited for once it has ended; something it left running may hold the pipe open.
const LAST_WORDS: Duration = Duration::from_millis(200);

/// A program to be asked, with its arguments and the time it has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program {
    path: PathBuf,
    args: Vec<String>,
    timeout: Duration,
}

/// What a program said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It ended with exit code 0.
    Yes,
    /// It said no, for this reason, or could not be asked.
    No(String),
}

impl Program {
    /// A program by its path, which is looked up nowhere.
    pub fn new(path: PathBuf, args: Vec<String>, timeout: Duration) -> Self {
        Self { path, args, timeout }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What of its command line may be a file: itself, and what an interpreter is given.
    pub fn files(&self) -> impl Iterator<Item = &Path> {
        std::iter::once(self.path()).chain(self.args.iter().map(Path::new))
    }

    /// Asks it.
    pub fn consult(&self, question: &Value) -> Verdict {
        self.ask(question)
            .unwrap_or_else(|error| Verdict::No(format!("it cannot be started: {error}")))
    }

    fn ask(&self, question: &Value) -> io::Result<Verdict> {
        // Started before the program, which must not run where there is no thread left to watch it.
        let (writer, reader, watcher) = (Worker::start()?, Worker::start()?, Worker::start()?);
        let child = self.start(question, writer)?;
        Ok(self.wait(child, reader, watcher))
    }

    fn start(&self, question: &Value, writer: Worker) -> io::Result<Child> {
        let mut command = Command::new(&self.path);
        command
            .args(&self.args)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        // Whoever starts the resolver must not decide what it does: not which interpreter it finds, which code that loads, or what time it is.
        command.env_clear().env("PATH", PATH).current_dir("/");
        // A group of its own, so that what it starts is killed with it.
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let mut child = command.spawn()?;
        if let Some(mut stdin) = child.stdin.take() {
            let mut line = question.to_string();
            line.push('\n');
            // In a thread of its own: a program that does not read must not hold us up beyond its time. That it does not is its own affair.
            writer.give(move || drop(stdin.write_all(line.as_bytes())));
        }
        Ok(child)
    }

    fn wait(&self, mut child: Child, reader: Worker, watcher: Worker) -> Verdict {
        let id = child.id();
        let (said_to, said) = mpsc::channel();
        if let Some(stderr) = child.stderr.take() {
            reader.give(move || {
                let mut text = Vec::new();
                // Whatever was read before an error is what it said.
                let _ = stderr.take(SAID_MAX).read_to_end(&mut text);
                let _ = said_to.send(text);
            });
        }
        let (ended_to, ended) = mpsc::channel();
        watcher.give(move || drop(ended_to.send(child.wait())));
        match ended.recv_timeout(self.timeout) {
            Ok(Ok(status)) if status.success() => Verdict::Yes,
            Ok(Ok(status)) => {
                let said = said.recv_timeout(LAST_WORDS).unwrap_or_default();
                Verdict::No(reason(&said, status))
            }
            Ok(Err(error)) => Verdict::No(format!("it cannot be waited for: {error}")),
            Err(_) => {
                kill(id);
                Verdict::No(format!("no answer within {} s", self.timeout.as_secs_f64()))
            }
        }
    }
}

/// The first line that a program wrote on standard error, or how it ended.
fn reason(said: &[u8], status: ExitStatus) -> String {
    let text = String::from_utf8_lossy(said);
    match text.lines().map(str::trim).find(|line| !line.is_empty()) {
        Some(line) => line.chars().take(REASON_MAX).collect(),
        None => format!("no reason given ({status})"),
    }
}

#[cfg(unix)]
fn kill(group: u32) {
    use rustix::process::{Pid, Signal, kill_process_group};

    if let Some(group) = i32::try_from(group).ok().and_then(Pid::from_raw) {
        // Where it has just ended there is nothing left to kill.
        let _ = kill_process_group(group, Signal::KILL);
    }
}

#[cfg(not(unix))]
fn kill(_: u32) {}
