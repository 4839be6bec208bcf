//! git as a child process: with a limit in time, with nobody asked where nobody is there, and for this repository alone.

use std::{
    io::Read,
    path::Path,
    process::{Child, Command, Stdio},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
        mpsc::{self, Receiver},
    },
    thread::{self, sleep},
    time::{Duration, Instant},
};

use super::{
    super::git::{Repository, Work},
    error::RemoteError,
};

/// How much of what git prints is kept.
const KEPT_MAX: u64 = 1024 * 1024;

/// How long a child that was asked to end may take, and how long its output is waited for once it has ended: what it left running in the
/// background (`ssh` with ControlPersist) may hold the pipe open for hours.
const GRACE: Duration = Duration::from_millis(500);

/// How git is run.
#[derive(Clone)]
pub struct RemoteOptions {
    /// How long the other side may take.
    pub limit: Duration,
    /// Whether a person is there who can be asked for a passphrase.
    pub interactive: bool,
    /// Ends what waits for the other side.
    pub stop: Arc<AtomicBool>,
}

/// What would send git to another repository, or to objects that are none of this one.
const MISLEADING: [&str; 10] = [
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_COMMON_DIR",
    "GIT_NAMESPACE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_QUARANTINE_PATH",
    "GIT_SHALLOW_FILE",
    "GIT_PREFIX",
];

/// git, for one repository.
pub(super) struct Git<'r> {
    repository: &'r Repository,
    places: Vec<std::ffi::OsString>,
    directory: std::path::PathBuf,
    options: RemoteOptions,
    own_ssh: bool,
}

/// What git answered.
pub(super) struct Answer {
    pub success: bool,
    pub stdout: String,
    pub stderr: String,
}

impl<'r> Git<'r> {
    pub fn new(repository: &'r Repository, options: RemoteOptions) -> Self {
        let mut places = vec!["--git-dir".into(), repository.git_dir().into()];
        if let Some(top) = repository.work_dir() {
            places.extend(["--work-tree".into(), top.into()]);
        }
        let variables = ["GIT_SSH_COMMAND", "GIT_SSH"];
        let own_ssh = variables.iter().any(|name| std::env::var_os(name).is_some());
        Self {
            repository,
            places,
            directory: repository.work_dir().unwrap_or(repository.git_dir()).to_owned(),
            own_ssh: own_ssh || repository.setting("core.sshCommand").is_some(),
            options,
        }
    }

    /// Runs git where it talks to the other side.
    pub fn over_the_network(&self, args: &[&str]) -> Result<Answer, RemoteError> {
        let mut command = self.command(args, Work::Remote)?;
        if !self.options.interactive {
            // Neither git nor ssh may ask at a terminal that happens to be there: it would wait for somebody until the limit.
            command.env("GIT_TERMINAL_PROMPT", "0");
            if !self.own_ssh {
                command.env("GIT_SSH_COMMAND", "ssh -o BatchMode=yes");
            }
            apart(&mut command);
        }
        let started = Instant::now();
        self.run(command, |_| match () {
            () if self.options.stop.load(Ordering::SeqCst) => Err(RemoteError::Stopped),
            () if started.elapsed() > self.options.limit => Err(RemoteError::TooLong(self.options.limit)),
            () => Ok(()),
        })
    }

    /// Runs git where it changes files, and this index: nothing stops it halfway, not even an interrupt from the keyboard.
    pub fn locally(&self, args: &[&str], index: &Path) -> Result<Answer, RemoteError> {
        let mut command = self.command(args, Work::Files)?;
        command.env("GIT_INDEX_FILE", index);
        apart(&mut command);
        self.run(command, |_| Ok(()))
    }

    fn command(&self, args: &[&str], work: Work) -> Result<Command, RemoteError> {
        let mut command = Command::new("git");
        command.args(&self.places).args(args).current_dir(&self.directory);
        for name in MISLEADING {
            command.env_remove(name);
        }
        // Its words are read, to tell a push that came too late from one that is refused.
        command.env("LC_ALL", "C").env_remove("LANGUAGE");
        // What is pushed and verified is what the objects are, not what the repository says to take for them.
        command.env("GIT_NO_REPLACE_OBJECTS", "1");
        // Empty, and held as long as it lives.
        command
            .stdin(self.repository.at_work(work)?)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        Ok(command)
    }

    fn run(
        &self,
        mut command: Command,
        go_on: impl Fn(&Child) -> Result<(), RemoteError>,
    ) -> Result<Answer, RemoteError> {
        let mut child = command.spawn().map_err(RemoteError::NoGit)?;
        let (stdout, stderr) = (Kept::of(child.stdout.take()), Kept::of(child.stderr.take()));
        let mut pause = Duration::from_millis(1);
        let status = loop {
            match child.try_wait() {
                Ok(Some(status)) => break status,
                Ok(None) => {}
                Err(error) => {
                    end(&mut child, !self.options.interactive);
                    return Err(RemoteError::NoGit(error));
                }
            }
            if let Err(error) = go_on(&child) {
                end(&mut child, !self.options.interactive);
                return Err(error);
            }
            sleep(pause);
            pause = (pause * 2).min(Duration::from_millis(20));
        };
        Ok(Answer {
            success: status.success(),
            stdout: stdout.text(),
            stderr: stderr.text(),
        })
    }
}

/// What a child writes, read by a thread so that it never waits for us.
struct Kept {
    bytes: Arc<Mutex<Vec<u8>>>,
    ended: Receiver<()>,
}

impl Kept {
    fn of(pipe: Option<impl Read + Send + 'static>) -> Self {
        let bytes = Arc::new(Mutex::new(Vec::new()));
        let (tell, ended) = mpsc::channel();
        let kept = Arc::clone(&bytes);
        thread::spawn(move || {
            if let Some(mut pipe) = pipe {
                let mut part = [0; 8192];
                while let Ok(count @ 1..) = pipe.read(&mut part) {
                    let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
                    // The rest is read and dropped.
                    if (kept.len() as u64) < KEPT_MAX {
                        kept.extend_from_slice(&part[..count]);
                    }
                }
            }
            let _ = tell.send(());
        });
        Self { bytes, ended }
    }

    fn text(self) -> String {
        let _ = self.ended.recv_timeout(GRACE);
        let bytes = self.bytes.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

/// Ends a child, and where it is a group of its own, all that it started: git leaves `ssh` behind otherwise.
fn end(child: &mut Child, group: bool) {
    ask_to_end(child, group);
    let started = Instant::now();
    while started.elapsed() < GRACE {
        if matches!(child.try_wait(), Ok(Some(_))) {
            break;
        }
        sleep(Duration::from_millis(10));
    }
    make_end(child, group);
    let _ = child.wait();
}

#[cfg(unix)]
fn apart(command: &mut Command) {
    use std::os::unix::process::CommandExt;

    command.process_group(0);
}

#[cfg(unix)]
fn ask_to_end(child: &mut Child, group: bool) {
    signal(child, group, rustix::process::Signal::TERM);
}

#[cfg(unix)]
fn make_end(child: &mut Child, group: bool) {
    signal(child, group, rustix::process::Signal::KILL);
}

#[cfg(unix)]
fn signal(child: &Child, group: bool, signal: rustix::process::Signal) {
    use rustix::process::{Pid, kill_process, kill_process_group};

    let Some(pid) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) else {
        return;
    };
    // One that has ended needs no signal.
    let _ = match group {
        true => kill_process_group(pid, signal),
        false => kill_process(pid, signal),
    };
}

#[cfg(not(unix))]
fn apart(_: &mut Command) {}

#[cfg(not(unix))]
fn ask_to_end(_: &mut Child, _: bool) {}

#[cfg(not(unix))]
fn make_end(child: &mut Child, _: bool) {
    let _ = child.kill();
}
