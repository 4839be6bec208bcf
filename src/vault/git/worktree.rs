//! The files of the work tree: looked at before they are replaced, replaced so that a kill leaves
//! the old or the new one, put back when something fails. Never follows a link.

use std::collections::BTreeSet;
use std::fs::{self, Metadata, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use git2::{ObjectType, Oid};

use super::MAX_FILE;
use super::error::{Doing, WriteFailure, git};
use super::journal::{Journal, JournalFile};
use super::lock::remove_if_there;
use super::path::parents;
use super::sync::sync_all;

/// What stands at a path of the work tree.
pub(super) enum Present {
    Nothing,
    File(Metadata),
    /// A link, a directory, …: in the text.
    Other(&'static str),
}

/// Looks at a path without following a link, its directories first.
pub(super) fn look(top: &Path, path: &str) -> Result<Present, WriteFailure> {
    let mut above: Vec<&str> = parents(path).collect();
    above.reverse();
    for parent in above {
        match look_at(&top.join(parent))? {
            (Present::Other("a directory"), _) => {}
            (Present::Nothing, _) => return Ok(Present::Nothing),
            (_, found) => {
                return Err(WriteFailure::InTheWay {
                    path: parent.to_owned(),
                    found,
                    expected: "a directory",
                });
            }
        }
    }
    look_at(&top.join(path)).map(|(present, _)| present)
}

fn look_at(path: &Path) -> Result<(Present, &'static str), WriteFailure> {
    let metadata = match fs::symlink_metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Ok((Present::Nothing, "nothing"));
        }
        Err(error) => return Err(error).doing("look at", path),
    };
    let kind = metadata.file_type();
    let name = if kind.is_symlink() {
        "a symbolic link"
    } else if kind.is_dir() {
        "a directory"
    } else if kind.is_file() {
        "a file"
    } else {
        "a device or socket"
    };
    if kind.is_file() {
        return Ok((Present::File(metadata), name));
    }
    Ok((Present::Other(name), name))
}

/// Refuses to replace a file that is not as the commit has it.
pub(super) fn check_unchanged(
    top: &Path,
    path: &str,
    committed: Option<Oid>,
    executable_counts: bool,
) -> Result<(), WriteFailure> {
    let dirty = |state| {
        Err(WriteFailure::Dirty {
            path: path.to_owned(),
            state,
        })
    };
    match (look(top, path)?, committed) {
        (Present::Nothing, None) => Ok(()),
        (Present::Nothing, Some(_)) => dirty("was deleted from the work tree"),
        (Present::Other(found), _) => Err(WriteFailure::InTheWay {
            path: path.to_owned(),
            found,
            expected: "a regular file",
        }),
        (Present::File(_), None) => dirty("is in the work tree, but not committed"),
        (Present::File(metadata), Some(id)) => {
            if executable_counts && is_executable(&metadata) {
                return dirty("was made executable");
            }
            if !has_contents(&top.join(path), &metadata, id)? {
                return dirty("has uncommitted changes");
            }
            Ok(())
        }
    }
}

/// Returns what git left of a file in conflict: its contents and whether somebody has worked on them since. Without contents there is no file.
pub(super) fn in_conflict(top: &Path, path: &str, sides: &[Oid]) -> Result<Option<(Vec<u8>, bool)>, WriteFailure> {
    match look(top, path)? {
        Present::Nothing => Ok(None),
        Present::Other(found) => Err(WriteFailure::InTheWay {
            path: path.to_owned(),
            found,
            expected: "a regular file",
        }),
        Present::File(metadata) => {
            // Three sides and the markers between them; more is nothing that git made of files of a vault.
            if metadata.len() > 4 * MAX_FILE as u64 {
                return Ok(Some((Vec::new(), true)));
            }
            let file = top.join(path);
            let contents = fs::read(&file).doing("read", &file)?;
            let id = Oid::hash_object(ObjectType::Blob, &contents).map_err(git("hash a file"))?;
            let edited = !sides.contains(&id) && !has_markers(&contents);
            Ok(Some((contents, edited)))
        }
    }
}

/// Tells whether git wrote its marks into a file, as it does where `.gitattributes` does not keep it from that.
fn has_markers(contents: &[u8]) -> bool {
    let mut lines = contents.split(|&byte| byte == b'\n');
    lines.any(|line| line.starts_with(b"<<<<<<< ")) && lines.any(|line| line.starts_with(b">>>>>>> "))
}

/// Tells whether a file has the contents of this blob.
pub(super) fn has_contents(path: &Path, metadata: &Metadata, id: Oid) -> Result<bool, WriteFailure> {
    if metadata.len() > MAX_FILE as u64 {
        return Ok(false);
    }
    let contents = fs::read(path).doing("read", path)?;
    let found = Oid::hash_object(ObjectType::Blob, &contents).map_err(git("hash a file"))?;
    Ok(found == id)
}

/// Returns the directories that new files need and that do not exist, each once and after those above it.
pub(super) fn missing_directories<'f>(top: &Path, files: impl Iterator<Item = &'f JournalFile>) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    for file in files {
        let mut missing: Vec<&str> = parents(&file.path)
            .take_while(|parent| fs::symlink_metadata(top.join(parent)).is_err())
            .collect();
        missing.reverse();
        for directory in missing {
            if !all.iter().any(|known| known == directory) {
                all.push(directory.to_owned());
            }
        }
    }
    all
}

/// Writes the files of the journal beside their places, and returns where: all of them must be synced to disk before the first one is
/// replaced, so that a full disk is noticed before.
pub(super) fn prepare(top: &Path, journal: &Journal, contents: &[&[u8]]) -> Result<Vec<PathBuf>, WriteFailure> {
    for directory in &journal.directories {
        let path = top.join(directory);
        match fs::create_dir(&path) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                return Err(error).doing("create the directory", &path);
            }
            _ => {}
        }
    }
    let mut waiting = Vec::new();
    for (number, file) in written(journal) {
        let path = journal.waiting(top, number);
        write_new(&path, &top.join(&file.path), contents[number])?;
        waiting.push(path);
    }
    Ok(waiting)
}

/// Puts the files in their places, each at once, and returns the directories that are to be synced to disk.
pub(super) fn place(top: &Path, journal: &Journal) -> Result<Vec<PathBuf>, WriteFailure> {
    for (number, file) in written(journal) {
        let target = top.join(&file.path);
        if file.old.is_some() {
            // Without hard links the old contents come from git, if they are needed again.
            let _ = fs::hard_link(&target, journal.kept(top, number));
        }
        fs::rename(journal.waiting(top, number), &target).doing("replace", &target)?;
    }
    Ok(directories(top, journal))
}

fn write_new(path: &Path, like: &Path, contents: &[u8]) -> Result<(), WriteFailure> {
    let write = || {
        let mut file = OpenOptions::new().write(true).create_new(true).open(path)?;
        if let Ok(before) = fs::symlink_metadata(like) {
            file.set_permissions(before.permissions())?;
        }
        file.write_all(contents)
    };
    write().doing("write", path)
}

/// The directories in which the journal's files stand, but for those that are gone again after an undo.
fn directories(top: &Path, journal: &Journal) -> Vec<PathBuf> {
    let files = written(journal).map(|(_, file)| file.path.as_str());
    let all = files.chain(journal.directories.iter().map(String::as_str));
    let directories: BTreeSet<PathBuf> = all.map(|path| top.join(parents(path).next().unwrap_or(""))).collect();
    directories.into_iter().filter(|directory| directory.is_dir()).collect()
}

/// The files that are in the work tree too, with their numbers.
fn written(journal: &Journal) -> impl DoubleEndedIterator<Item = (usize, &JournalFile)> {
    journal.files.iter().enumerate().filter(|(_, file)| !file.index_only)
}

/// Removes what was kept beside the files. What somebody wrote after the files were checked, and
/// before they were replaced, is only there: it stays, and is returned by its path.
pub(super) fn tidy(top: &Path, journal: &Journal) -> Result<Vec<String>, WriteFailure> {
    let mut left_alone = Vec::new();
    for (number, file) in written(journal) {
        if look(top, &file.path).is_err() {
            continue;
        }
        remove_if_there(&journal.waiting(top, number))?;
        let kept = journal.kept(top, number);
        match (fs::symlink_metadata(&kept), file.old) {
            (Err(_), _) => {}
            (Ok(metadata), Some(old)) if metadata.is_file() && has_contents(&kept, &metadata, old)? => {
                remove_if_there(&kept)?;
            }
            (Ok(_), _) => {
                let path = kept.strip_prefix(top).unwrap_or(&kept);
                left_alone.push(path.to_string_lossy().replace(std::path::MAIN_SEPARATOR, "/"));
            }
        }
    }
    Ok(left_alone)
}

/// Puts every file back that still is what the journal's run wrote, but for those in `committed`,
/// which somebody has committed since. Returns those that somebody has changed: left alone.
pub(super) fn put_back(
    repository: &git2::Repository,
    top: &Path,
    journal: &Journal,
    committed: &BTreeSet<String>,
) -> Result<Vec<String>, WriteFailure> {
    let mut left_alone = Vec::new();
    for (number, file) in written(journal) {
        if committed.contains(&file.path) {
            continue;
        }
        let target = top.join(&file.path);
        let present = match look(top, &file.path) {
            Ok(present) => present,
            Err(WriteFailure::InTheWay { .. }) => Present::Other("behind something else"),
            Err(error) => return Err(error),
        };
        match (present, file.old) {
            (Present::File(metadata), old) if has_contents(&target, &metadata, file.new)? => match old {
                Some(old) => {
                    if !restore(repository, top, journal, number, old)? {
                        left_alone.push(file.path.clone());
                    }
                }
                None => remove_if_there(&target)?,
            },
            (Present::File(metadata), Some(old)) if has_contents(&target, &metadata, old)? => {}
            (Present::Nothing, None) => {}
            _ => left_alone.push(file.path.clone()),
        }
    }
    left_alone.extend(tidy(top, journal)?);
    for directory in journal.directories.iter().rev() {
        // Somebody may have put something there.
        let _ = fs::remove_dir(top.join(directory));
    }
    sync_all(&directories(top, journal))?;
    Ok(left_alone)
}

/// Puts the old contents back. Returns false if that is not what was committed, but what somebody
/// wrote just before it was replaced.
fn restore(
    repository: &git2::Repository,
    top: &Path,
    journal: &Journal,
    number: usize,
    old: Oid,
) -> Result<bool, WriteFailure> {
    let target = top.join(&journal.files[number].path);
    let kept = journal.kept(top, number);
    if let Ok(metadata) = fs::symlink_metadata(&kept) {
        let is_old = metadata.is_file() && has_contents(&kept, &metadata, old)?;
        fs::rename(&kept, &target).doing("put back", &target)?;
        return Ok(is_old);
    }
    let waiting = journal.waiting(top, number);
    remove_if_there(&waiting)?;
    let odb = repository.odb().map_err(git("read the old contents"))?;
    let contents = odb.read(old).map_err(git("read the old contents"))?;
    write_new(&waiting, &target, contents.data())?;
    sync_all(std::slice::from_ref(&waiting))?;
    fs::rename(&waiting, &target).doing("put back", &target)?;
    Ok(true)
}

/// Returns a file's metadata, for the index.
pub(super) fn metadata(top: &Path, path: &str) -> Option<Metadata> {
    let metadata = fs::symlink_metadata(top.join(path)).ok()?;
    metadata.is_file().then_some(metadata)
}

#[cfg(unix)]
fn is_executable(metadata: &Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt;
    metadata.permissions().mode() & 0o100 != 0
}

#[cfg(not(unix))]
fn is_executable(_: &Metadata) -> bool {
    false
}
