//! The directories in which resolved text may be written, opened at launch.
//!
//! The kernel resolves every path below the directory that was opened: no link, no `..` and no change of what lies above leads out of it.

use std::{
    io,
    path::{Component, Path, PathBuf},
};

use thiserror::Error;

/// The directories in which files may be written.
#[derive(Default)]
pub struct WritableDirectories(Vec<Directory>);

struct Directory {
    /// Where it is, absolute and without links.
    path: PathBuf,
    #[cfg(target_os = "linux")]
    opened: std::os::fd::OwnedFd,
}

/// Why a file is not written.
#[derive(Debug, Error)]
pub enum PlaceError {
    /// It lies in no directory that was allowed.
    #[error("{} is in none of the directories in which files may be written: {allowed}", .path.display())]
    Outside {
        /// The file.
        path: PathBuf,
        /// The directories.
        allowed: String,
    },
    /// Its path has `..` or names no file.
    #[error("{} names no file below an allowed directory: write it without '..'", .0.display())]
    NoFile(PathBuf),
    /// A link is in the way, or its directory is not there, or the system does not let it be written.
    #[error("cannot write {}: {error}", .path.display())]
    System {
        /// The file.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
}

impl WritableDirectories {
    /// Opens one more directory.
    ///
    /// # Errors
    /// It is not there, is no directory, or this system has no way to stay inside of it.
    pub fn add(&mut self, path: &Path) -> io::Result<()> {
        let path = path.canonicalize()?;
        self.0.push(open(path)?);
        Ok(())
    }

    /// Tells whether nothing may be written.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Finds where a file would be written. `base` is where relative paths start; absolute.
    ///
    /// # Errors
    /// [`PlaceError::Outside`], [`PlaceError::NoFile`].
    pub fn place(&self, base: &Path, path: &Path) -> Result<WritablePlace<'_>, PlaceError> {
        let whole = base.join(path);
        let plain = |part: Component<'_>| !matches!(part, Component::ParentDir | Component::CurDir);
        if !path.components().all(plain) || path.as_os_str().as_encoded_bytes().ends_with(b"/") {
            return Err(PlaceError::NoFile(whole));
        }
        // The innermost of them: what it stands for is nearest to what was allowed.
        let inside = self.0.iter().filter(|directory| whole.starts_with(&directory.path));
        let Some(directory) = inside.max_by_key(|directory| directory.path.components().count()) else {
            let allowed: Vec<String> = self.0.iter().map(|one| one.path.display().to_string()).collect();
            return Err(PlaceError::Outside {
                path: whole,
                allowed: allowed.join(", "),
            });
        };
        let below = whole.strip_prefix(&directory.path).unwrap_or(Path::new("")).to_owned();
        match below.file_name() {
            Some(_) => Ok(WritablePlace {
                directory,
                below,
                whole,
            }),
            None => Err(PlaceError::NoFile(whole)),
        }
    }
}

/// A place in one of the directories. What is there is found out when it is written.
pub struct WritablePlace<'d> {
    directory: &'d Directory,
    below: PathBuf,
    whole: PathBuf,
}

impl WritablePlace<'_> {
    /// Writes a file with mode 0600 in one step, in place of the one that may be there. Returns where it is.
    ///
    /// # Errors
    /// [`PlaceError::System`].
    pub fn write(self, contents: &[u8]) -> Result<PathBuf, PlaceError> {
        let parent = self.below.parent().unwrap_or(Path::new(""));
        let name = self.below.file_name().unwrap_or_default();
        match self.directory.replace(parent, name.as_ref(), contents) {
            Ok(()) => Ok(self.whole),
            Err(error) => Err(PlaceError::System {
                path: self.whole,
                error,
            }),
        }
    }
}

#[cfg(target_os = "linux")]
fn open(path: PathBuf) -> io::Result<Directory> {
    use rustix::fs::{Mode, OFlags};

    let flags = OFlags::DIRECTORY | OFlags::PATH | OFlags::CLOEXEC;
    let opened = rustix::fs::open(&path, flags, Mode::empty())?;
    Ok(Directory { path, opened })
}

#[cfg(not(target_os = "linux"))]
fn open(_: PathBuf) -> io::Result<Directory> {
    Err(io::Error::new(
        io::ErrorKind::Unsupported,
        "only Linux can keep a path inside of a directory",
    ))
}

impl Directory {
    #[cfg(target_os = "linux")]
    fn replace(&self, parent: &Path, name: &Path, contents: &[u8]) -> io::Result<()> {
        use std::{fs::File, io::Write};

        use rustix::fs::{AtFlags, Mode, OFlags, ResolveFlags, openat, openat2, renameat, unlinkat};

        let directory = OFlags::DIRECTORY | OFlags::PATH | OFlags::CLOEXEC;
        let inside = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
        let parent = match parent.as_os_str().is_empty() {
            true => Path::new("."),
            false => parent,
        };
        let parent = openat2(&self.opened, parent, directory, Mode::empty(), inside)?;
        let unique = getrandom::u64().map_err(|error| io::Error::other(error.to_string()))?;
        let temporary = format!(".fleetvault-{unique:016x}");
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = openat(&parent, &temporary, flags, Mode::RUSR | Mode::WUSR)?;
        let mut file = File::from(file);
        let written = file
            .write_all(contents)
            .and_then(|()| file.sync_all())
            // Takes the place of a link, rather than following it.
            .and_then(|()| Ok(renameat(&parent, &temporary, &parent, name)?));
        if written.is_err() {
            let _ = unlinkat(&parent, &temporary, AtFlags::empty());
        }
        written
    }

    #[cfg(not(target_os = "linux"))]
    fn replace(&self, _: &Path, _: &Path, _: &[u8]) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::{
        fs,
        os::unix::fs::{MetadataExt, symlink},
    };

    use super::*;

    fn allowed(directory: &Path) -> WritableDirectories {
        let mut directories = WritableDirectories::default();
        directories.add(directory).unwrap();
        directories
    }

    #[test]
    fn a_file_is_written_for_its_owner_only_and_replaced_in_one_step() {
        let base = tempfile::tempdir().unwrap();
        let inside = base.path().canonicalize().unwrap().join("inside");
        fs::create_dir_all(inside.join("deep")).unwrap();
        let directories = allowed(&inside);
        let write = |base: &Path, path: &Path, text: &[u8]| directories.place(base, path)?.write(text);
        let path = write(&inside, Path::new("deep/app.yaml"), b"one").unwrap();
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o644)).unwrap();
        write(Path::new("/"), &path, b"two").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(inside.join("deep")).unwrap().count(), 1);
    }

    #[test]
    fn nothing_leads_out() {
        let base = tempfile::tempdir().unwrap();
        let base = base.path().canonicalize().unwrap();
        let (inside, outside) = (base.join("inside"), base.join("outside"));
        fs::create_dir_all(&inside).unwrap();
        fs::create_dir_all(&outside).unwrap();
        fs::write(outside.join("target"), "kept").unwrap();
        symlink(&outside, inside.join("link")).unwrap();
        symlink(outside.join("target"), inside.join("file")).unwrap();
        let directories = allowed(&inside);
        let write = |path: &str| directories.place(&inside, Path::new(path))?.write(b"x");
        for path in [
            "../outside/target",
            "a/../../outside/target",
            ".",
            "",
            "sub/",
            "/etc/passwd",
            "/",
            "link/target",
            "link/../x",
        ] {
            assert!(write(path).is_err(), "{path}");
        }
        assert!(write(&format!("{}/target", outside.display())).is_err());
        // A link in the place of the file is replaced, and what it named is as it was.
        write("file").unwrap();
        assert_eq!(fs::read(outside.join("target")).unwrap(), b"kept");
        assert!(fs::symlink_metadata(inside.join("file")).unwrap().is_file());
    }

    #[test]
    fn what_was_opened_counts_and_not_what_its_name_means_later() {
        let base = tempfile::tempdir().unwrap();
        let base = base.path().canonicalize().unwrap();
        let (inside, outside) = (base.join("inside"), base.join("outside"));
        fs::create_dir(&inside).unwrap();
        fs::create_dir(&outside).unwrap();
        let directories = allowed(&inside);
        fs::rename(&inside, base.join("moved")).unwrap();
        symlink(&outside, &inside).unwrap();
        directories
            .place(&inside, Path::new("new"))
            .unwrap()
            .write(b"x")
            .unwrap();
        assert!(base.join("moved/new").exists());
        assert!(!outside.join("new").exists());
    }
}
