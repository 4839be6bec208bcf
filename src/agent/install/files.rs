//! Reading a client's configuration file, and replacing it in one step with a copy of the old one beside it.
//!
//! People keep such files as links into a repository of their own: what a link leads to is replaced, and the link kept. A project may be
//! somebody else's, so there a link must not lead out of it.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read, Write},
    path::{Path, PathBuf},
};

use tempfile::Builder;

use super::{
    error::{InstallError, Problem},
    place::{Directories, Scope},
};

/// The largest file that is read.
const MAX: u64 = 4 << 20;

/// The end of a backup's name.
const BACKUP: &str = "fleetvault-backup";

/// How many backups of a file there can be.
const BACKUPS_MAX: usize = 1000;

/// The mark of UTF-8 that some editors put first; parsers do not expect it.
const MARK: char = '\u{feff}';

/// Is a file as it was read, or one that is to be made.
#[derive(Debug)]
pub struct ConfigFile {
    path: PathBuf,
    /// What the path leads to.
    target: PathBuf,
    text: String,
    has_mark: bool,
    exists: bool,
    scope: Scope,
}

/// Is what became of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Written {
    /// It was not there before.
    Created,
    /// It was changed; the copy of the old one is here.
    Changed(PathBuf),
    /// It is gone; the copy is here.
    Removed(PathBuf),
    /// It is as it was.
    Unchanged,
}

impl ConfigFile {
    /// Reads a file; one that is not there is an empty one.
    ///
    /// # Errors
    /// A file that cannot be read, is not a regular one of text, or lies outside the project.
    pub fn read(path: PathBuf, directories: &Directories) -> Result<Self, InstallError> {
        let exists = path.symlink_metadata().is_ok();
        let target = match exists {
            true => real(&path, &path)?,
            false => path.clone(),
        };
        if let Some(boundary) = directories.boundary() {
            check_inside(&path, boundary)?;
        }
        let text = match exists {
            true => read(&path, &target)?,
            false => String::new(),
        };
        let without_mark = text.strip_prefix(MARK);
        Ok(Self {
            has_mark: without_mark.is_some(),
            text: without_mark.unwrap_or(&text).to_owned(),
            path,
            target,
            exists,
            scope: directories.scope(),
        })
    }

    /// Returns the path that it was read from.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns what stands in it.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Says where a problem is.
    pub fn problem(&self, problem: Problem) -> InstallError {
        InstallError::Contents {
            path: self.path.clone(),
            problem,
        }
    }

    /// Replaces the file, in one step. Its mode stays.
    ///
    /// # Errors
    /// What the system gives; the file is then as it was.
    pub fn write(&self, text: &str) -> Result<Written, InstallError> {
        if self.exists && text == self.text {
            return Ok(Written::Unchanged);
        }
        let backup = self.exists.then(|| self.back_up()).transpose()?;
        self.replace(text).map_err(|error| self.cannot("write", error))?;
        Ok(backup.map_or(Written::Created, Written::Changed))
    }

    /// Removes a file in which nothing is left. One that a link leads to is emptied instead: it has its place somewhere else.
    ///
    /// # Errors
    /// What the system gives; the file is then as it was.
    pub fn remove(&self, left: &str) -> Result<Written, InstallError> {
        if self.path.is_symlink() {
            return self.write(left);
        }
        let backup = self.back_up()?;
        fs::remove_file(&self.path).map_err(|error| self.cannot("remove", error))?;
        Ok(Written::Removed(backup))
    }

    fn replace(&self, text: &str) -> io::Result<()> {
        let directory = self.target.parent().unwrap_or(Path::new("."));
        fs::create_dir_all(directory)?;
        let mut builder = Builder::new();
        builder.prefix(".fleetvault-");
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(match self.scope {
            Scope::Project => 0o644,
            Scope::User => 0o600,
        }));
        // Its name says nothing to a person.
        let unnamed = |error: io::Error| io::Error::from(error.kind());
        let mut temporary = builder.tempfile_in(directory).map_err(unnamed)?;
        if self.has_mark {
            temporary.write_all(MARK.to_string().as_bytes())?;
        }
        temporary.write_all(text.as_bytes())?;
        if self.exists {
            let permissions = fs::metadata(&self.target)?.permissions();
            temporary.as_file().set_permissions(permissions)?;
        }
        temporary.as_file().sync_all()?;
        temporary.persist(&self.target).map_err(|error| error.error)?;
        #[cfg(unix)]
        File::open(directory)?.sync_all()?;
        Ok(())
    }

    /// Copies the file beside the path that the user knows. An older copy is never overwritten, and one that holds the same is enough.
    fn back_up(&self) -> Result<PathBuf, InstallError> {
        let old = fs::read(&self.target).map_err(|error| self.cannot("read", error))?;
        let permissions = fs::metadata(&self.target)
            .map_err(|error| self.cannot("read", error))?
            .permissions();
        for number in 1..=BACKUPS_MAX {
            let backup = self.backup_path(number);
            match OpenOptions::new().write(true).create_new(true).open(&backup) {
                Ok(mut file) => {
                    let written = file
                        .set_permissions(permissions)
                        .and_then(|()| file.write_all(&old))
                        .and_then(|()| file.sync_all());
                    written.map_err(|error| InstallError::Io {
                        what: "write",
                        path: backup.clone(),
                        error,
                    })?;
                    return Ok(backup);
                }
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                    if holds(&backup, &old) {
                        return Ok(backup);
                    }
                }
                Err(error) => {
                    return Err(InstallError::Io {
                        what: "write",
                        path: backup,
                        error,
                    });
                }
            }
        }
        Err(self.cannot("back up", io::ErrorKind::AlreadyExists.into()))
    }

    fn backup_path(&self, number: usize) -> PathBuf {
        let mut name = self.path.file_name().unwrap_or_default().to_owned();
        name.push(match number {
            1 => format!(".{BACKUP}"),
            _ => format!(".{BACKUP}.{number}"),
        });
        self.path.with_file_name(name)
    }

    fn cannot(&self, what: &'static str, error: io::Error) -> InstallError {
        let path = self.path.clone();
        InstallError::Io { what, path, error }
    }
}

fn read(path: &Path, target: &Path) -> Result<String, InstallError> {
    let cannot = |error| InstallError::Io {
        what: "read",
        path: path.to_owned(),
        error,
    };
    // Asked before it is opened: to open a pipe would wait for its other end.
    if !fs::metadata(target).map_err(cannot)?.is_file() {
        return Err(InstallError::NotAFile(path.to_owned()));
    }
    let mut bytes = Vec::new();
    let file = File::open(target).map_err(cannot)?;
    file.take(MAX + 1).read_to_end(&mut bytes).map_err(cannot)?;
    if bytes.len() as u64 > MAX {
        return Err(InstallError::TooLarge(path.to_owned()));
    }
    String::from_utf8(bytes).map_err(|_| InstallError::NotUtf8(path.to_owned()))
}

/// Refuses what lies outside a project, or in the part of it that is git's, by links of whatever level.
fn check_inside(path: &Path, boundary: &Path) -> Result<(), InstallError> {
    let there = path.ancestors().find(|ancestor| ancestor.symlink_metadata().is_ok());
    let real_path = real(there.unwrap_or(boundary), path)?;
    let inside = real(boundary, boundary)?;
    match real_path.strip_prefix(inside) {
        Ok(rest) if !rest.components().any(|component| component.as_os_str() == ".git") => Ok(()),
        _ => Err(InstallError::Outside(path.to_owned())),
    }
}

fn real(path: &Path, shown: &Path) -> Result<PathBuf, InstallError> {
    fs::canonicalize(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => InstallError::Dangling(shown.to_owned()),
        _ => InstallError::Io {
            what: "read",
            path: shown.to_owned(),
            error,
        },
    })
}

fn holds(path: &Path, bytes: &[u8]) -> bool {
    let is_file = path
        .symlink_metadata()
        .is_ok_and(|data| data.is_file() && data.len() == bytes.len() as u64);
    is_file && fs::read(path).is_ok_and(|found| found == bytes)
}
