//! `run_command`: a command with its credentials, to its end or until nobody waits for it any more.

use std::{
    collections::BTreeSet,
    sync::Arc,
    time::{Duration, Instant},
};

use rmcp::model::{CallToolResponse, ProgressNotificationParam};
use tokio::sync::{Semaphore, TryAcquireError};
use vault_format::Network;

use super::{
    confirm::Call,
    desk::{Desk, Got, Wanted},
    messages::{RunArguments, RunResult, done},
    options::Options,
    output::Kept,
};
use crate::{
    cli::{Failure, approval},
    resolver::{
        policy::Purpose,
        run::{self, Action, Control, Ended, Input, Job, NetworkAccess, Stop},
    },
    terminal::report::Report,
};

/// How many commands run at a time; the others wait for their turn.
const RUNNING_MAX: u32 = 16;

/// How many commands wait; more are refused.
const WAITING_MAX: u32 = 240;

/// The longest shell line, in bytes: no system of ours starts a shell with a longer one, so a longer one is not even read.
const LINE_MAX: usize = 128 << 10;

/// How often a client is told that a command is still running.
const PROGRESS_EVERY: Duration = Duration::from_secs(5);

/// Up to which length a command is taken apart at once, in bytes.
const SHORT: usize = 4 << 10;

/// How long commands are waited for that were asked to end.
const PATIENCE: Duration = Duration::from_secs(6);

/// The exit code where the time was up, as of `timeout`.
const TIMED_OUT: i32 = 124;

/// The commands of this server.
pub(super) struct Commands {
    running: Arc<Semaphore>,
    waiting: Semaphore,
}

impl Default for Commands {
    fn default() -> Self {
        Self {
            running: Arc::new(Semaphore::new(RUNNING_MAX as usize)),
            waiting: Semaphore::new((RUNNING_MAX + WAITING_MAX) as usize),
        }
    }
}

impl Commands {
    /// Waits for all of them to end, for as long as those take that must be made to.
    pub(super) async fn have_ended(&self) {
        let all = self.running.acquire_many(RUNNING_MAX);
        let _ = tokio::time::timeout(PATIENCE, all).await;
    }

    /// Runs a command.
    pub(super) async fn run(
        &self,
        arguments: RunArguments,
        desk: &Desk,
        options: &Options,
        call: &Call<'_>,
    ) -> Result<CallToolResponse, Failure> {
        let limit = timeout(&arguments, options)?;
        let wanted = Arc::new(wanted(arguments, options)?);
        // Lines can be long, and taking them apart must keep nobody else waiting.
        let names = aside(&wanted, |wanted| {
            let templates = wanted.templates()?;
            Ok(templates.names().into_iter().cloned().collect::<BTreeSet<_>>())
        })
        .await?;
        if names.is_empty() {
            return Err(Report::new(
                2,
                "no_reference",
                "this command uses no credential: it has no <<secure.NAME>>",
            )
            .hint("run it with your ordinary shell tool")
            .into());
        }
        let place = match self.waiting.try_acquire() {
            Err(TryAcquireError::NoPermits) => {
                return Err(
                    Report::new(1, "busy", format!("{WAITING_MAX} commands are waiting already"))
                        .hint("wait for some of them, then call again")
                        .into(),
                );
            }
            place => place,
        };
        let command = wanted.words();
        let with = with(&wanted, options);
        let shown = [&[run::quoted_line(&command)][..], &with].concat();
        let asked = Wanted {
            names,
            purpose: Purpose::Run,
            command,
            with,
            shown,
        };
        let (values, permitted) = match desk.get(asked, call).await? {
            Got::Values(values, permitted) => (values, permitted),
            Got::Question(question) => return Ok(question.into()),
        };
        let command = aside(&wanted, move |wanted| Ok(wanted.templates()?.render(&values)?)).await?;
        for (name, text) in &command.filtered {
            desk.masker.add(name.as_str(), text);
        }
        let network = match approval::with(&permitted, Network::Deny).is_empty() {
            true => NetworkAccess::Open,
            false => NetworkAccess::Denied {
                local: options.allow_unix,
            },
        };
        // Whoever has gone while it waited gets nothing run: this is looked at first.
        let turn = tokio::select! {
            biased;
            () = unwanted(options, call) => return Err(cancelled()),
            turn = Arc::clone(&self.running).acquire_owned() => turn,
        };
        let job = Job {
            command,
            directory: Some(options.directory.clone()),
            timeout: Some(limit),
            tty: false,
            network,
            input: Input::Nothing,
        };
        let result = follow(job, desk, options, call).await;
        drop((turn, place));
        result
    }
}

/// Starts the command in a thread of its own, tells how far it is, and ends it where the call is cancelled or the client has gone.
async fn follow(job: Job, desk: &Desk, options: &Options, call: &Call<'_>) -> Result<CallToolResponse, Failure> {
    let stop = Stop::default();
    let (out, err) = (Kept::at_most(options.output_max), Kept::at_most(options.output_max));
    let (control, masker, sinks) = (
        Control::Stop(stop.clone()),
        desk.masker.clone(),
        (out.clone(), err.clone()),
    );
    let mut running = tokio::task::spawn_blocking(move || run::run(job, &masker, control, sinks.0, sinks.1));
    let started = Instant::now();
    let mut ticks = tokio::time::interval_at((started + PROGRESS_EVERY).into(), PROGRESS_EVERY);
    let ended = loop {
        tokio::select! {
            ended = &mut running => break ended,
            () = unwanted(options, call) => stop.stop(),
            _ = ticks.tick() => tokio::select! {
                // A client that does not read what it is told may still cancel.
                () = unwanted(options, call) => stop.stop(),
                () = tell_progress(call, started.elapsed(), out.total() + err.total()) => {}
            },
        }
        if stop.is_stopped() {
            break running.await;
        }
    };
    let ended = ended.map_err(|_| Report::new(1, "internal", "the thread that ran the command has died"))??;
    let (code, timed_out) = match ended {
        Ended::Code(code) => (code, false),
        Ended::Signal(signal) => (128 + signal, false),
        Ended::TimedOut => (TIMED_OUT, true),
        Ended::Stopped => return Err(cancelled()),
    };
    let ((stdout, stdout_omitted), (stderr, stderr_omitted)) = (out.text(), err.text());
    let result = RunResult {
        exit_code: code,
        timed_out,
        stdout,
        stderr,
        stdout_omitted,
        stderr_omitted,
    };
    done(&result, text(&result))
}

/// Has something done with a command, in another thread where that may take long: short ones keep the order in which they came.
async fn aside<T: Send + 'static>(
    wanted: &Arc<run::Wanted>,
    work: impl FnOnce(&run::Wanted) -> Result<T, Failure> + Send + 'static,
) -> Result<T, Failure> {
    if size(wanted) <= SHORT {
        return work(wanted);
    }
    let wanted = Arc::clone(wanted);
    let done = tokio::task::spawn_blocking(move || work(&wanted)).await;
    done.unwrap_or_else(|_| Err(Report::new(1, "internal", "the command could not be taken apart").into()))
}

/// How long a command is as it was written, in bytes.
fn size(wanted: &run::Wanted) -> usize {
    match &wanted.action {
        Action::Direct(words) => words.iter().map(Vec::len).sum(),
        Action::Shell { line, .. } => line.len(),
    }
}

/// Waits until nobody wants the command any more: its call was cancelled, or the client has gone.
async fn unwanted(options: &Options, call: &Call<'_>) {
    tokio::select! {
        () = call.context.ct.cancelled() => {}
        () = options.shutdown.cancelled() => {}
    }
}

fn cancelled() -> Failure {
    Report::new(1, "cancelled", "the command was ended before its time").into()
}

/// Says that a command is still running, where the client wants to know.
async fn tell_progress(call: &Call<'_>, elapsed: Duration, printed: u64) {
    if let Some(token) = call.context.meta.get_progress_token() {
        let message = format!("running for {} s, {printed} bytes printed", elapsed.as_secs());
        let progress = ProgressNotificationParam::new(token, elapsed.as_secs_f64()).with_message(message);
        // Whoever does not listen any more is noticed elsewhere.
        let _ = call.context.peer.notify_progress(progress).await;
    }
}

/// What the arguments ask for, where this launch allows it.
fn wanted(arguments: RunArguments, options: &Options) -> Result<run::Wanted, Failure> {
    let usage = |message: &str| Failure::from(Report::new(2, "usage", message));
    let narrowed = !options.allowed.is_all();
    for name in arguments.env.keys() {
        run::check_name(name).map_err(|problem| usage(&format!("env: {problem}")))?;
        if narrowed && !options.allowed_env.contains(name) {
            return Err(Report::new(7, "not_allowed", format!("the variable {name} may not be set here"))
                .hint("variables can change what a command does; those that may be set are named at launch: --allow-env NAME")
                .into());
        }
    }
    let action = match (arguments.shell, arguments.argv) {
        (Some(line), argv) if argv.is_empty() => {
            if narrowed {
                return Err(Report::new(7, "not_allowed", "a shell line may not be run here")
                    .hint(format!("give argv; it may begin with {}", options.allowed.list()))
                    .into());
            }
            if line.len() >= LINE_MAX {
                return Err(
                    Report::new(2, "usage", format!("a shell line must have less than {LINE_MAX} bytes"))
                        .hint("put what is long into a file or into stdin")
                        .into(),
                );
            }
            Action::Shell {
                shell: options.shell.clone(),
                line: line.into_bytes(),
            }
        }
        (None, argv) if !argv.is_empty() => {
            if !options.allowed.allows(&argv) {
                return Err(Report::new(7, "not_allowed", "this command may not be run here")
                    .hint(format!("argv may begin with {}", options.allowed.list()))
                    .into());
            }
            Action::Direct(argv.into_iter().map(String::into_bytes).collect())
        }
        _ => return Err(usage("give either argv, with the program first, or shell")),
    };
    Ok(run::Wanted {
        action,
        env: arguments
            .env
            .into_iter()
            .map(|(name, text)| (name, text.into_bytes()))
            .collect(),
        files: Vec::new(),
        stdin: arguments.stdin.map(String::into_bytes),
    })
}

/// What the command gets beside its arguments.
fn with(wanted: &run::Wanted, options: &Options) -> Vec<String> {
    let env = wanted
        .env
        .iter()
        .map(|(name, text)| format!("with the variable {name}={}", run::readable(text)));
    let stdin = wanted
        .stdin
        .iter()
        .map(|text| format!("with standard input: {}", run::readable(text)));
    let directory = [format!("in {}", options.directory.display())];
    env.chain(stdin).chain(directory).collect()
}

fn timeout(arguments: &RunArguments, options: &Options) -> Result<Duration, Failure> {
    match arguments.timeout_seconds.map(Duration::from_secs) {
        None => Ok(options.timeout),
        Some(asked) if asked.is_zero() => Err(Report::new(2, "usage", "timeout_seconds must be at least 1").into()),
        Some(asked) => Ok(asked.min(options.timeout)),
    }
}

/// The result for a reader.
fn text(result: &RunResult) -> String {
    let mut text = match result.timed_out {
        true => "its time was up, and it was ended".into(),
        false => format!("exit code {}", result.exit_code),
    };
    for (name, stream) in [("stdout", &result.stdout), ("stderr", &result.stderr)] {
        if !stream.is_empty() {
            text.push_str(&format!("\n--- {name}\n{stream}"));
        }
    }
    text
}
