//! `edit`: a value in an editor, on a file that only its owner can read and that is gone afterwards.

#[cfg(unix)]
use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};
use std::{
    env,
    ffi::OsString,
    fs,
    io::{self, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
    process::Command,
    thread,
    time::Duration,
};

use clap::Args;
use clap_complete::ArgValueCandidates;
use fleetvault::{
    author::{self, PolicyChange},
    cli::Failure,
    terminal::report::Report,
};
#[cfg(unix)]
use signal_hook::{
    consts::signal::{SIGHUP, SIGINT, SIGQUIT, SIGTERM},
    flag,
};
use vault_format::{CredentialName, Secret, VALUE_MAX};
use zeroize::Zeroizing;

use crate::{
    commit::{Keys, ReadArgs, WriteArgs},
    complete,
    context::{Context, fail},
    trust::Strictness,
    value,
};

/// How often it is looked whether the editor has ended.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

#[derive(Args)]
#[command(
    after_help = "The editor is $VISUAL, else $EDITOR, else vi. The file lies in memory where the system offers that ($XDG_RUNTIME_DIR, /dev/shm)."
)]
pub struct EditArgs {
    /// The credential
    #[arg(add = ArgValueCandidates::new(complete::credentials))]
    name: CredentialName,
    #[command(flatten)]
    write: WriteArgs,
}

pub fn run(args: &EditArgs, context: &Context) -> Result<(), Failure> {
    let read = ReadArgs {
        reference: "HEAD".into(),
    };
    // Nobody edits what cannot be written.
    context.consider(&args.write, Keys::SigningOnly, |_| Ok(()))?;
    let before = context.read(&read, Strictness::Required, |vault| {
        let keyring = context.keyring(vault, Keys::Identity)?;
        let keyring = keyring.as_ref().ok_or_else(|| fail(author::AuthorError::NoIdentity))?;
        Ok((
            author::open(vault, keyring, &args.name)?,
            author::check_exists(vault, &args.name)?,
        ))
    })?;
    let (value, serial) = before;
    let edited = edit(&value)?;
    if edited.expose() == value.expose() {
        return Err(Report::new(1, "nothing_to_do", "the value was not changed; nothing was written").into());
    }
    value::check(edited.expose())?;
    let values = [(args.name.clone(), edited)];
    context.write(&args.write, Keys::SigningOnly, |desk| {
        // Somebody else's new value must not be overwritten by an edit of the old one.
        if author::check_exists(desk.vault, &args.name)? != serial {
            return Err(Report::new(
                1,
                "changed_meanwhile",
                format!("credential '{}' was changed while you edited it", args.name),
            )
            .hint("edit it again")
            .into());
        }
        Ok(author::rotate(desk, &values, &PolicyChange::default())?)
    })
}

fn edit(value: &Secret) -> Result<Secret, Failure> {
    let io_error = |what: &str| {
        let what = what.to_owned();
        move |error: std::io::Error| Report::new(1, "io", format!("cannot {what} the file to edit: {error}"))
    };
    // Before there is a file, and until it is wiped: dropped last.
    let signals =
        Signals::hold().map_err(|error| Report::new(1, "system", format!("cannot handle signals: {error}")))?;
    let mut builder = tempfile::Builder::new();
    // What an editor writes beside the file may be readable by others; the directory is not.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o700));
    let directory = builder
        .prefix("fleetvault-")
        .tempdir_in(private_directory())
        .map_err(io_error("make"))?;
    let mut file = tempfile::Builder::new()
        .prefix("value-")
        .tempfile_in(directory.path())
        .map_err(io_error("make"))?;
    file.write_all(value.expose()).map_err(io_error("write"))?;
    let edited = run_editor(file.path(), &signals).and_then(|()| {
        // Editors write a new file and rename it: read what stands at the path now, not what the handle points to.
        let mut bytes = Zeroizing::new(Vec::with_capacity(VALUE_MAX + 8));
        let now = fs::File::open(file.path()).map_err(io_error("read"))?;
        now.take(VALUE_MAX as u64 + 1)
            .read_to_end(&mut bytes)
            .map_err(io_error("read"))?;
        if bytes.last() == Some(&b'\n') && value.expose().last() != Some(&b'\n') {
            bytes.pop();
        }
        Ok(Secret::from(bytes))
    });
    wipe(&mut file, directory.path());
    edited
}

fn run_editor(path: &Path, signals: &Signals) -> Result<(), Failure> {
    let editor = ["VISUAL", "EDITOR"]
        .iter()
        .filter_map(env::var_os)
        .find(|editor| !editor.is_empty())
        .unwrap_or_else(|| OsString::from("vi"));
    let shown = editor.to_string_lossy().into_owned();
    // Editors are commands with arguments ("code --wait"), so a shell splits them, as git does; the path is an argument of its own.
    // The shell gives way to a plain command: a signal for the editor must not end a shell in between and leave the editor running.
    let gives_way = !shown.starts_with(':')
        && !shown.starts_with("exec ")
        && !shown.contains(['|', '&', ';', '<', '>', '(', ')', '{', '=', '\n']);
    let mut line = OsString::from(if gives_way { "exec " } else { "" });
    line.push(editor);
    line.push(" \"$@\"");
    let mut command = Command::new("sh");
    command.arg("-c").arg(line).arg("editor").arg(path);
    let status = command.spawn().and_then(|mut child| {
        loop {
            if let Some(status) = child.try_wait()? {
                return Ok(status);
            }
            if signals.asked_to_end() {
                child.kill()?;
                return child.wait();
            }
            thread::sleep(LOOK_AGAIN);
        }
    });
    if signals.asked_to_end() {
        return Err(Report::new(1, "editor", "asked to end while the editor ran; nothing was written").into());
    }
    match status {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(Report::new(
            1,
            "editor",
            format!("the editor '{shown}' ended with {status}; nothing was written"),
        )
        .into()),
        Err(error) => Err(
            Report::new(1, "editor", format!("the editor '{shown}' cannot be started: {error}"))
                .hint("set VISUAL or EDITOR")
                .into(),
        ),
    }
}

/// A directory in memory where there is one.
fn private_directory() -> PathBuf {
    let runtime = env::var_os("XDG_RUNTIME_DIR")
        .map(PathBuf::from)
        .filter(|path| path.is_absolute());
    [runtime, Some(PathBuf::from("/dev/shm"))]
        .into_iter()
        .flatten()
        .find(|path| path.is_dir())
        .unwrap_or_else(env::temp_dir)
}

/// Overwrites the file, and whatever copies an editor left beside it; the directory removes itself.
fn wipe(file: &mut tempfile::NamedTempFile, directory: &Path) {
    let zeros = |file: &mut fs::File| {
        let length = file.metadata().map_or(0, |meta| meta.len());
        let _ = file.seek(SeekFrom::Start(0));
        let _ = std::io::copy(&mut std::io::repeat(0).take(length), file);
    };
    zeros(file.as_file_mut());
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        if let Ok(mut left) = fs::OpenOptions::new().write(true).open(entry.path()) {
            zeros(&mut left);
        }
    }
}

/// As long as it lives, Ctrl-C is the editor's, and a request to end is noted and not followed: the value must be wiped first.
#[cfg(unix)]
struct Signals {
    asked: Arc<AtomicBool>,
    over: Arc<AtomicBool>,
}

#[cfg(unix)]
impl Signals {
    fn hold() -> io::Result<Self> {
        let (asked, over) = (Arc::default(), Arc::default());
        // What is typed at a terminal reaches every process of the group: the editor's to act on, as under git.
        for signal in [SIGINT, SIGQUIT, SIGTERM, SIGHUP] {
            // A signal without its default action is ignored; afterwards the default is back.
            flag::register_conditional_default(signal, Arc::clone(&over))?;
        }
        for signal in [SIGTERM, SIGHUP] {
            flag::register(signal, Arc::clone(&asked))?;
        }
        Ok(Self { asked, over })
    }

    fn asked_to_end(&self) -> bool {
        self.asked.load(Ordering::SeqCst)
    }
}

#[cfg(unix)]
impl Drop for Signals {
    fn drop(&mut self) {
        self.over.store(true, Ordering::SeqCst);
    }
}

/// Elsewhere the system ends whom it ends.
#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn hold() -> io::Result<Self> {
        Ok(Self)
    }

    fn asked_to_end(&self) -> bool {
        false
    }
}
