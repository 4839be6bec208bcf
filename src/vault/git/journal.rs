//! What a run is about to change, on disk before it changes anything, so that the next one can
//! finish or undo it. Holds paths and object ids; never contents.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use git2::Oid;

use super::error::{Doing, WriteFailure};
use super::id::full_oid;
use super::lock::{StateDir, remove_if_there};
use super::path::check_path;

const NAME: &str = "journal";
const FIRST_LINE: &str = "fleetvault journal 1";
const LAST_LINE: &[u8] = b"\nend\n";

/// One run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Journal {
    /// git's directory of the work tree, from the common directory; "" for the main one.
    pub git_dir: String,
    /// The branch it moves, `refs/heads/…`; "" where it moves none and ends with the index, as the end of a conflict does.
    pub reference: String,
    /// The commit it makes; without one, an id that no other run has.
    pub commit: Oid,
    /// The directories it makes in the work tree, outermost first.
    pub directories: Vec<String>,
    /// The files it writes in the work tree.
    pub files: Vec<JournalFile>,
}

/// One file, by its path in the repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct JournalFile {
    pub path: String,
    pub old: Option<Oid>,
    pub new: Oid,
    /// Only in the index: the work tree leaves this file out (sparse checkout).
    pub index_only: bool,
}

impl Journal {
    /// Puts the journal in place, and returns where it is: it must be synced to disk before anything of the user's is replaced.
    pub fn write(&self, state: &StateDir) -> Result<PathBuf, WriteFailure> {
        let new = state.file("journal.new");
        let write = || {
            let mut file = File::create(&new)?;
            file.write_all(self.to_text().as_bytes())?;
            fs::rename(&new, state.file(NAME))
        };
        if let Err(error) = write() {
            let _ = fs::remove_file(&new);
            return Err(error).doing("write", &new);
        }
        Ok(state.file(NAME))
    }

    /// Reads the journal of an interrupted run, if there is one. One that was cut off counts for
    /// none: its run has replaced nothing.
    pub fn read(state_dir: &Path) -> Result<Option<Self>, WriteFailure> {
        let path = state_dir.join(NAME);
        match fs::read(&path) {
            // The power failed before all of it was on disk, and therefore before any file was
            // replaced and the branch was locked.
            Ok(bytes) if !bytes.ends_with(LAST_LINE) => Ok(None),
            Ok(bytes) => std::str::from_utf8(&bytes)
                .map_err(|_| "it is not UTF-8")
                .and_then(Self::from_text)
                .map(Some)
                .map_err(|reason| WriteFailure::BadJournal { path, reason }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).doing("read", &path),
        }
    }

    /// Removes the journal: its run is finished, or undone. Not synced: read again, it finds
    /// nothing left to do.
    pub fn remove(state: &StateDir) -> Result<(), WriteFailure> {
        remove_if_there(&state.file(NAME))
    }

    /// Returns where a file's new contents wait for their place, next to it.
    pub fn waiting(&self, top: &Path, number: usize) -> PathBuf {
        self.beside(top, number, "new")
    }

    /// Returns where a file's old contents are kept until the branch has moved, next to it.
    pub fn kept(&self, top: &Path, number: usize) -> PathBuf {
        self.beside(top, number, "old")
    }

    fn beside(&self, top: &Path, number: usize, what: &str) -> PathBuf {
        let commit = self.commit.to_string();
        let name = format!(".fleetvault-{}-{number}.{what}", &commit[..12]);
        top.join(&self.files[number].path).with_file_name(name)
    }

    fn to_text(&self) -> String {
        let mut text = format!(
            "{FIRST_LINE}\ngit-dir {}\nreference {}\ncommit {}\n",
            self.git_dir, self.reference, self.commit
        );
        for directory in &self.directories {
            let _ = writeln!(text, "directory {directory}");
        }
        for file in &self.files {
            let old = file.old.map_or("none".to_owned(), |old| old.to_string());
            let kind = if file.index_only { "entry" } else { "file" };
            let _ = writeln!(text, "{kind} {old} {} {}", file.new, file.path);
        }
        text.push_str("end\n");
        text
    }

    fn from_text(text: &str) -> Result<Self, &'static str> {
        let mut lines = text.lines();
        if lines.next() != Some(FIRST_LINE) {
            return Err("its first line is not that of a journal this version knows");
        }
        let mut keyed = |key: &str| lines.next()?.strip_prefix(key)?.strip_prefix(' ');
        let git_dir = keyed("git-dir").ok_or("it has no git-dir")?.to_owned();
        let reference = keyed("reference").ok_or("it has no reference")?.to_owned();
        let commit = keyed("commit").and_then(full_oid).ok_or("it has no commit")?;
        let mut journal = Self {
            git_dir,
            reference,
            commit,
            directories: Vec::new(),
            files: Vec::new(),
        };
        for line in lines {
            if line == "end" {
                return Ok(journal);
            }
            let (kind, rest) = line.split_once(' ').ok_or("a line has no value")?;
            match kind {
                "directory" => {
                    check_path(rest).map_err(|_| "a directory is no path")?;
                    journal.directories.push(rest.to_owned());
                }
                "file" | "entry" => journal.files.push(JournalFile::from_text(kind, rest)?),
                _ => return Err("a line is of no known kind"),
            }
        }
        Err("it has no end")
    }
}

impl JournalFile {
    fn from_text(kind: &str, rest: &str) -> Result<Self, &'static str> {
        let mut parts = rest.splitn(3, ' ');
        let old = match parts.next() {
            Some("none") => None,
            Some(id) => Some(full_oid(id).ok_or("a file has no old id")?),
            None => return Err("a file has no old id"),
        };
        let new = parts.next().and_then(full_oid).ok_or("a file has no new id")?;
        let path = parts.next().ok_or("a file has no path")?;
        check_path(path).map_err(|_| "a file has no path")?;
        Ok(Self {
            path: path.to_owned(),
            old,
            new,
            index_only: kind == "entry",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn journal() -> Journal {
        let id = |n: u8| Oid::from_bytes(&[n; 20]).unwrap();
        Journal {
            git_dir: "worktrees/other tree".into(),
            reference: "refs/heads/a b".into(),
            commit: id(1),
            directories: vec!["credentials".into()],
            files: vec![
                JournalFile {
                    path: "credentials/a b.toml".into(),
                    old: None,
                    new: id(2),
                    index_only: false,
                },
                JournalFile {
                    path: "b.toml".into(),
                    old: Some(id(3)),
                    new: id(4),
                    index_only: true,
                },
            ],
        }
    }

    #[test]
    fn reads_what_it_wrote() {
        let journal = journal();
        assert_eq!(Journal::from_text(&journal.to_text()), Ok(journal));
    }

    #[test]
    fn a_journal_that_was_cut_off_is_none() {
        let dir = tempfile::tempdir().unwrap();
        let text = journal().to_text();
        for end in 0..text.len() {
            fs::write(dir.path().join(NAME), &text[..end]).unwrap();
            assert_eq!(Journal::read(dir.path()).unwrap(), None, "{end}");
        }
        // As some file systems leave what they had no time to write.
        fs::write(dir.path().join(NAME), vec![0; text.len()]).unwrap();
        assert_eq!(Journal::read(dir.path()).unwrap(), None);
        fs::write(dir.path().join(NAME), &text).unwrap();
        assert_eq!(Journal::read(dir.path()).unwrap(), Some(journal()));
    }

    #[test]
    fn refuses_a_whole_journal_that_is_not_understood() {
        let dir = tempfile::tempdir().unwrap();
        let text = journal().to_text();
        for (from, to) in [
            ("journal 1", "journal 2"),
            ("commit 01", "commit 0"),
            ("directory ", "what "),
        ] {
            fs::write(dir.path().join(NAME), text.replacen(from, to, 1)).unwrap();
            let error = Journal::read(dir.path()).unwrap_err();
            assert!(matches!(error, WriteFailure::BadJournal { .. }), "{error}");
        }
        fs::write(dir.path().join(NAME), b"\xff\nend\n").unwrap();
        let error = Journal::read(dir.path()).unwrap_err();
        assert!(matches!(error, WriteFailure::BadJournal { .. }), "{error}");
    }

    #[test]
    fn refuses_paths_that_lead_out_of_the_repository() {
        let text = journal().to_text().replace("b.toml\n", "../b.toml\n");
        assert_eq!(Journal::from_text(&text), Err("a file has no path"));
    }
}
