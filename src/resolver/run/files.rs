//! Files that exist for one command: made new with mode 0600, wiped and removed when it has ended, however it ended.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
};

use crate::resolver::same_file::is_at;

/// The files of one command. [`TemporaryFiles::remove`] removes them; so does dropping this, without a word.
#[derive(Default)]
pub struct TemporaryFiles(Vec<TemporaryFile>);

struct TemporaryFile {
    path: PathBuf,
    file: File,
}

impl TemporaryFiles {
    /// Makes a file that only its owner can read. What is there already is not touched, nor is a link followed.
    ///
    /// # Errors
    /// Those of the file system; a file that exists.
    pub fn make(&mut self, path: &Path, contents: &[u8]) -> io::Result<()> {
        // A later change of directory must not make it another file.
        let path = std::path::absolute(path)?;
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(&path)?;
        let written = file.write_all(contents);
        // Kept before the error is looked at: half a file is removed like a whole one.
        self.0.push(TemporaryFile { path, file });
        written
    }

    /// Wipes and removes the files, and returns the paths where something is left all the same: the command has put another file there, which
    /// may hold the value, or the file cannot be removed.
    pub fn remove(mut self) -> Vec<PathBuf> {
        self.remove_all()
    }

    fn remove_all(&mut self) -> Vec<PathBuf> {
        let mut left = Vec::new();
        for TemporaryFile { path, mut file } in self.0.drain(..) {
            wipe(&mut file);
            // The command may have put another file in its place, which is not ours to remove.
            if is_at(&file, &path) {
                // Where it cannot be removed it is empty of the value at least.
                let _ = fs::remove_file(&path);
            }
            if path.symlink_metadata().is_ok() {
                left.push(path);
            }
        }
        left
    }
}

impl Drop for TemporaryFiles {
    fn drop(&mut self) {
        self.remove_all();
    }
}

fn wipe(file: &mut File) {
    let length = file.metadata().map_or(0, |meta| meta.len());
    let _ = file.seek(SeekFrom::Start(0));
    let _ = io::copy(&mut io::Read::take(io::repeat(0), length), file);
}
