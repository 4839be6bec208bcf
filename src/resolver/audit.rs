//! The audit log: one line of JSON for each credential that was opened or refused. Never a value, never a command.
//!
//! Lines are only ever appended, under a lock, so that many resolvers can write at once. A log that has grown too large is renamed, and the
//! oldest of its predecessors goes.

use std::{
    ffi::OsString,
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
    thread::sleep,
    time::{Duration, Instant},
};

use serde::{Deserialize, Serialize};

use super::same_file::is_at;
use crate::vault::trust::create_private_directory;

/// How many rotated logs are kept beside the current one.
const KEPT: usize = 5;

/// How often a log is opened again because another process rotated it meanwhile.
const ATTEMPTS: usize = 16;

/// How long the lock is waited for. Others hold it for one write; whoever holds it longer is stopped, or means to be in the way.
const PATIENCE: Duration = Duration::from_secs(2);

/// How long it takes to see that it is free.
const LOOK_AGAIN: Duration = Duration::from_millis(5);

/// One line of the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// When, in UTC.
    pub time: String,
    /// The vault's id.
    pub vault: String,
    /// The commit that was read.
    pub commit: String,
    /// The member that the resolver was launched for.
    pub member: String,
    /// The credential.
    pub credential: String,
    /// Its serial, where it was read.
    pub serial: Option<u64>,
    /// `expand`, `run` or `mask`.
    pub purpose: String,
    /// `opened` or `refused`.
    pub outcome: String,
    /// Why it was refused, as in the JSON form of errors.
    pub code: Option<String>,
}

/// A log that can be written and read.
pub struct AuditLog {
    path: PathBuf,
    rotate_at: u64,
}

impl AuditLog {
    /// The log at this path, rotated before it grows beyond `rotate_at` bytes.
    pub fn new(path: PathBuf, rotate_at: u64) -> Self {
        Self { path, rotate_at }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Appends entries, all or none.
    ///
    /// # Errors
    /// Those of the file system; something else than a regular file at the path; a lock that another process does not give back.
    pub fn append(&self, entries: &[Entry]) -> io::Result<()> {
        let mut lines = Vec::new();
        for entry in entries {
            serde_json::to_writer(&mut lines, entry)?;
            lines.push(b'\n');
        }
        let mut file = match (self.open_locked(), self.path.parent()) {
            (Err(error), Some(directory)) if error.kind() == io::ErrorKind::NotFound => {
                create_private_directory(directory)?;
                self.open_locked()?
            }
            (opened, _) => opened?,
        };
        let mut size = file.metadata()?.len();
        if size > 0 && size + lines.len() as u64 > self.rotate_at && self.rotate().is_ok() {
            file = self.open_locked()?;
            size = file.metadata()?.len();
        }
        if !ends_a_line(&mut file, size)? {
            // Another process was killed in the middle of a line: that line is lost, ours is not.
            lines.insert(0, b'\n');
        }
        file.write_all(&lines).inspect_err(|_| {
            // A full disk: no half line stays. If even that fails, the next writer closes the line.
            let _ = file.set_len(size);
        })
    }

    /// Reads all entries, those of rotated logs first. What is no entry is counted and passed over.
    ///
    /// # Errors
    /// Those of the file system; something else than a regular file at a path. A log that does not exist has no entries.
    pub fn read(&self) -> io::Result<(Vec<Entry>, usize)> {
        let (mut entries, mut broken) = (Vec::new(), 0);
        for path in (1..=KEPT)
            .rev()
            .map(|number| self.rotated(number))
            .chain([self.path.clone()])
        {
            let mut text = Vec::new();
            match open_regular(OpenOptions::new().read(true), &path) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                opened => opened?.read_to_end(&mut text)?,
            };
            for line in text.split(|&byte| byte == b'\n').filter(|line| !line.is_empty()) {
                match serde_json::from_slice(line) {
                    Ok(entry) => entries.push(entry),
                    Err(_) => broken += 1,
                }
            }
        }
        Ok((entries, broken))
    }

    /// Opens the file that is at the path now and locks it. Closing it releases the lock.
    fn open_locked(&self) -> io::Result<File> {
        let start = Instant::now();
        for _ in 0..ATTEMPTS {
            let file = self.open()?;
            lock(&file, start)?;
            if is_at(&file, &self.path) {
                return Ok(file);
            }
        }
        Err(io::Error::new(
            io::ErrorKind::ResourceBusy,
            "it is being rotated all the time",
        ))
    }

    fn open(&self) -> io::Result<File> {
        let mut options = OpenOptions::new();
        options.read(true).append(true).create(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        open_regular(&mut options, &self.path)
    }

    /// Renames the log and its predecessors. The caller holds the lock.
    fn rotate(&self) -> io::Result<()> {
        for number in (1..KEPT).rev() {
            match fs::rename(self.rotated(number), self.rotated(number + 1)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        fs::rename(&self.path, self.rotated(1))
    }

    fn rotated(&self, number: usize) -> PathBuf {
        let mut name = OsString::from(&self.path);
        name.push(format!(".{number}"));
        name.into()
    }
}

/// Opens a regular file and nothing else.
fn open_regular(options: &mut OpenOptions, path: &Path) -> io::Result<File> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        // A link would let whoever can write in that directory choose what is appended to; a pipe would be waited for.
        let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
        options.custom_flags(flags.bits().cast_signed());
    }
    let file = options.open(path)?;
    match file.metadata()?.is_file() {
        true => Ok(file),
        false => Err(io::Error::new(io::ErrorKind::InvalidInput, "it is no regular file")),
    }
}

/// Waits for the lock, but not forever.
fn lock(file: &File, start: Instant) -> io::Result<()> {
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(()),
            Err(TryLockError::Error(error)) => return Err(error),
            Err(TryLockError::WouldBlock) if start.elapsed() < PATIENCE => sleep(LOOK_AGAIN),
            Err(TryLockError::WouldBlock) => {
                let reason = format!("another process has locked it for {} s", PATIENCE.as_secs());
                return Err(io::Error::new(io::ErrorKind::TimedOut, reason));
            }
        }
    }
}

fn ends_a_line(file: &mut File, size: u64) -> io::Result<bool> {
    if size == 0 {
        return Ok(true);
    }
    let mut last = [0];
    file.seek(SeekFrom::Start(size - 1))?;
    file.read_exact(&mut last)?;
    Ok(last == *b"\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(credential: &str) -> Entry {
        Entry {
            time: "2026-11-24T10:00:00Z".into(),
            vault: "SHA256:x".into(),
            commit: "c".into(),
            member: "dev".into(),
            credential: credential.into(),
            serial: Some(1),
            purpose: "run".into(),
            outcome: "opened".into(),
            code: None,
        }
    }

    fn names(log: &AuditLog) -> Vec<String> {
        log.read()
            .unwrap()
            .0
            .into_iter()
            .map(|entry| entry.credential)
            .collect()
    }

    #[test]
    fn it_is_rotated_by_size_and_the_oldest_goes() {
        let directory = tempfile::tempdir().unwrap();
        let log = AuditLog::new(directory.path().join("log"), 400);
        for number in 0..40 {
            log.append(&[entry(&number.to_string())]).unwrap();
        }
        let kept = names(&log);
        assert_eq!(kept.last().map(String::as_str), Some("39"));
        assert!(kept.len() < 40, "{kept:?}");
        let first: usize = kept[0].parse().unwrap();
        assert_eq!(kept, (first..40).map(|number| number.to_string()).collect::<Vec<_>>());
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), KEPT + 1);
        for file in fs::read_dir(directory.path()).unwrap() {
            assert!(file.unwrap().metadata().unwrap().len() <= 400);
        }
    }

    #[test]
    fn many_writers_lose_nothing_while_it_rotates() {
        let directory = tempfile::tempdir().unwrap();
        // Large enough that nothing goes: 400 lines in at most 6 files.
        let path = directory.path().join("deep/er/log");
        std::thread::scope(|scope| {
            for writer in 0..8 {
                let log = AuditLog::new(path.clone(), 20_000);
                scope.spawn(move || {
                    for number in 0..50 {
                        log.append(&[entry(&format!("{writer}-{number}"))]).unwrap();
                    }
                });
            }
        });
        let log = AuditLog::new(path, 20_000);
        let (entries, broken) = log.read().unwrap();
        assert_eq!((entries.len(), broken), (400, 0));
        assert!(log.rotated(1).is_file());
    }

    #[test]
    fn a_torn_line_takes_no_other_with_it() {
        let directory = tempfile::tempdir().unwrap();
        let log = AuditLog::new(directory.path().join("log"), 10_000);
        log.append(&[entry("a")]).unwrap();
        let mut file = OpenOptions::new().append(true).open(log.path()).unwrap();
        file.write_all(b"{\"time\":\"2026").unwrap();
        log.append(&[entry("b")]).unwrap();
        assert_eq!(names(&log), ["a", "b"]);
        assert_eq!(log.read().unwrap().1, 1);
    }

    #[test]
    fn a_lock_that_is_never_given_back_is_not_waited_for() {
        let directory = tempfile::tempdir().unwrap();
        let log = AuditLog::new(directory.path().join("log"), 10_000);
        log.append(&[entry("a")]).unwrap();
        let holder = File::open(log.path()).unwrap();
        holder.lock().unwrap();
        let start = Instant::now();
        let error = log.append(&[entry("b")]).unwrap_err();
        assert_eq!(error.to_string(), "another process has locked it for 2 s");
        assert!(start.elapsed() < PATIENCE * 5);
        // It can be read all the same, and written again afterwards.
        assert_eq!(names(&log), ["a"]);
        drop(holder);
        log.append(&[entry("c")]).unwrap();
        assert_eq!(names(&log), ["a", "c"]);
    }

    #[cfg(unix)]
    #[test]
    fn it_is_its_owners_and_no_link_is_followed() {
        use std::os::unix::fs::{PermissionsExt, symlink};

        let directory = tempfile::tempdir().unwrap();
        let log = AuditLog::new(directory.path().join("log"), 10_000);
        log.append(&[entry("a")]).unwrap();
        assert_eq!(fs::metadata(log.path()).unwrap().permissions().mode() & 0o777, 0o600);
        let target = directory.path().join("target");
        fs::write(&target, "").unwrap();
        symlink(&target, directory.path().join("link")).unwrap();
        assert!(
            AuditLog::new(directory.path().join("link"), 10_000)
                .append(&[entry("a")])
                .is_err()
        );
        assert_eq!(fs::read(&target).unwrap(), b"");
        assert!(AuditLog::new("/dev/null".into(), 10_000).append(&[entry("a")]).is_err());
    }
}
