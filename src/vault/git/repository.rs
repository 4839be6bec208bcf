//! A git repository: found from a directory, opened, asked for its head and its commits.
//! Never changes one, but for making a new one.

use std::fs;
use std::path::{Component, Path, PathBuf};

use git2::{ErrorCode, RepositoryOpenFlags};

use super::error::{RepositoryError, SnapshotError};
use super::id::CommitId;
use super::reference::HeadState;
use super::{Access, libgit2, planted, reference};

/// A git repository, and where in it one stands.
pub struct Repository {
    git: git2::Repository,
    /// The directory that was opened, from the top of the tree, with `/`; "" is the top itself.
    start: String,
    access: Access,
    /// Where else objects are, beside the repository's own.
    objects: Vec<PathBuf>,
}

impl Repository {
    /// Finds the git repository that `dir` is in: a work tree or a directory below it, a linked
    /// work tree, a bare repository, or a directory that exists only in the tree of a bare one
    /// (`vaults.git/team/a`).
    ///
    /// # Errors
    /// No such directory; no repository; for writing, a repository of another user.
    pub fn open(dir: &Path, access: Access) -> Result<Self, RepositoryError> {
        let (existing, missing) = split_existing(dir)?;
        let git = libgit2::open(&existing, RepositoryOpenFlags::empty(), access)
            .map_err(|error| open_error(&existing, error))?;
        if let Some(top) = planted::tracked_in(&git) {
            let path = git.path().to_owned();
            return Err(RepositoryError::Planted { path, top });
        }
        let top = match git.workdir() {
            Some(_) if !missing.as_os_str().is_empty() => {
                return Err(RepositoryError::NoSuchDirectory(dir.to_owned()));
            }
            Some(top) => top.to_owned(),
            None => git.path().to_owned(),
        };
        let start = below(&top, &existing.join(&missing))?;
        let objects = Vec::new();
        Ok(Self {
            git,
            start,
            access,
            objects,
        })
    }

    /// Opens the same repository once more, for another thread.
    ///
    /// # Errors
    /// As [`Repository::open`], if it has gone in the meantime.
    pub fn reopen(&self) -> Result<Self, RepositoryError> {
        self.reopen_in(&self.start)
    }

    /// Opens the same repository once more, as if started in another directory of it, which need not exist in a work tree.
    ///
    /// # Errors
    /// As [`Repository::open`], if it has gone in the meantime.
    pub fn reopen_in(&self, start: &str) -> Result<Self, RepositoryError> {
        Self::open_git_dir(self.git.path(), start.to_owned(), self.access, &self.objects)
    }

    /// Opens the same repository once more, with objects that it does not have itself: what was pushed and is not accepted yet lies in a
    /// directory of its own.
    ///
    /// # Errors
    /// As [`Repository::open`], or objects that cannot be read.
    pub fn with_objects(&self, objects: &[PathBuf]) -> Result<Self, RepositoryError> {
        Self::open_git_dir(self.git.path(), self.start.clone(), self.access, objects)
    }

    pub(super) fn open_git_dir(
        git_dir: &Path,
        start: String,
        access: Access,
        objects: &[PathBuf],
    ) -> Result<Self, RepositoryError> {
        let flags = RepositoryOpenFlags::NO_SEARCH | RepositoryOpenFlags::NO_DOTGIT;
        let git = libgit2::open(git_dir, flags, access).map_err(|error| open_error(git_dir, error))?;
        // libgit2 does not look at git's variables for these, and it is not for a library to do so.
        for directory in objects {
            let path = directory
                .to_str()
                .ok_or_else(|| RepositoryError::NotUtf8(directory.clone()))?;
            let added = git.odb().and_then(|odb| odb.add_disk_alternate(path));
            added.map_err(|error| open_error(directory, error))?;
        }
        Ok(Self {
            git,
            start,
            access,
            objects: objects.to_vec(),
        })
    }

    /// Returns git's own directory: `.git`, that of a linked work tree, or the bare repository.
    pub fn git_dir(&self) -> &Path {
        self.git.path()
    }

    /// Returns the top of the work tree; a bare repository has none.
    pub fn work_dir(&self) -> Option<&Path> {
        self.git.workdir()
    }

    /// Returns every directory whose contents come with the repository, as far as it knows of them: its work tree, that of the repository a
    /// linked one belongs to, all linked ones, and git's own.
    pub fn directories(&self) -> Vec<PathBuf> {
        let common = self.common_dir();
        let main = common
            .parent()
            .filter(|_| common.file_name().is_some_and(|name| name == ".git"));
        let all = [self.work_dir(), main, Some(self.git_dir()), Some(common)];
        let all = all.into_iter().flatten().map(Path::to_owned);
        all.chain(linked_work_trees(common)).collect()
    }

    /// Tells whether there is no work tree.
    pub fn is_bare(&self) -> bool {
        self.git.workdir().is_none()
    }

    /// Returns the directory that was opened, from the top of the tree; "" is the top itself.
    pub fn start(&self) -> &str {
        &self.start
    }

    /// Returns what HEAD is.
    pub fn head(&self) -> HeadState {
        reference::head(&self.git)
    }

    /// Returns the commit that a reference names now; written as for [`Repository::snapshot`].
    ///
    /// # Errors
    /// No such reference, or no commit.
    pub fn commit(&self, reference: &str) -> Result<CommitId, SnapshotError> {
        reference::resolve(&self.git, reference).map(CommitId::from)
    }

    /// Counts the commits the current branch has and its upstream has not, and the other way
    /// round. `None` without a branch, without an upstream, or when that was never fetched.
    pub fn ahead_behind_upstream(&self) -> Option<(usize, usize)> {
        let HeadState::Branch(name) = self.head() else {
            return None;
        };
        let name = format!("refs/heads/{name}");
        let upstream = self.git.branch_upstream_name(&name).ok()?;
        let upstream = self.git.refname_to_id(upstream.as_str().ok()?).ok()?;
        let local = self.git.refname_to_id(&name).ok()?;
        if local == upstream {
            return Some((0, 0));
        }
        self.git.graph_ahead_behind(local, upstream).ok()
    }

    /// Refuses a handle whose owner was not asked about, and which syncs nothing to disk.
    pub(super) fn expect_writable(&self) -> Result<(), RepositoryError> {
        match self.access {
            Access::Write => Ok(()),
            Access::Read => Err(RepositoryError::ReadOnly(self.git_dir().to_owned())),
        }
    }

    /// Where else objects are read from.
    pub(super) fn objects(&self) -> &[PathBuf] {
        &self.objects
    }

    pub(super) fn git(&self) -> &git2::Repository {
        &self.git
    }

    /// The directory that all linked work trees share.
    pub(super) fn common_dir(&self) -> &Path {
        self.git.commondir()
    }
}

/// Makes a git repository in `dir` (and `dir` itself), its first branch called as the user's
/// `init.defaultBranch` says, else `main`.
///
/// # Errors
/// There is one already, or the directory cannot be written.
pub fn init_repository(dir: &Path) -> Result<Repository, RepositoryError> {
    let branch = default_branch().unwrap_or_else(|| "main".to_owned());
    let mut options = git2::RepositoryInitOptions::new();
    options.no_reinit(true).mkdir(true).mkpath(true).initial_head(&branch);
    let git = libgit2::init(dir, &options).map_err(|error| open_error(dir, error))?;
    Ok(Repository {
        git,
        start: String::new(),
        access: Access::Write,
        objects: Vec::new(),
    })
}

fn default_branch() -> Option<String> {
    let config = match std::env::var_os("GIT_CONFIG_GLOBAL") {
        Some(path) => git2::Config::open(Path::new(&path)),
        None => git2::Config::open_default(),
    };
    let name = config.ok()?.get_string("init.defaultBranch").ok()?;
    git2::Branch::name_is_valid(&name).ok()?.then_some(name)
}

/// Splits a path into the part that exists, made absolute and free of links, and the rest.
fn split_existing(dir: &Path) -> Result<(PathBuf, PathBuf), RepositoryError> {
    let mut existing = dir;
    loop {
        let asked = if existing.as_os_str().is_empty() {
            Path::new(".")
        } else {
            existing
        };
        if let Ok(found) = asked.canonicalize() {
            let missing = dir.strip_prefix(existing).unwrap_or(Path::new(""));
            let plain = missing.components().all(|part| matches!(part, Component::Normal(_)));
            if !plain || (!missing.as_os_str().is_empty() && !found.is_dir()) {
                return Err(RepositoryError::NoSuchDirectory(dir.to_owned()));
            }
            return Ok((found, missing.to_owned()));
        }
        existing = existing
            .parent()
            .ok_or_else(|| RepositoryError::NoSuchDirectory(dir.to_owned()))?;
    }
}

/// Writes `path` relative to `top`, as git writes paths. What is not below it starts at the top.
fn below(top: &Path, path: &Path) -> Result<String, RepositoryError> {
    let top = top.canonicalize().unwrap_or_else(|_| top.to_owned());
    let Ok(rest) = path.strip_prefix(&top) else {
        return Ok(String::new());
    };
    let mut segments = Vec::new();
    for part in rest.components() {
        let segment = part
            .as_os_str()
            .to_str()
            .ok_or_else(|| RepositoryError::NotUtf8(path.to_owned()))?;
        segments.push(segment);
    }
    Ok(segments.join("/"))
}

/// The linked work trees that a repository has noted: `worktrees/NAME/gitdir` holds the path of the `.git` file at the top of each.
fn linked_work_trees(common: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(common.join("worktrees")) else {
        return Vec::new();
    };
    let top = |entry: fs::DirEntry| {
        let noted = fs::read(entry.path().join("gitdir")).ok()?;
        // A relative path starts where it is noted.
        let git_file = entry.path().join(path_of(noted.trim_ascii_end())?);
        Some(git_file.parent()?.to_owned())
    };
    entries.flatten().filter_map(top).collect()
}

#[cfg(unix)]
fn path_of(bytes: &[u8]) -> Option<&Path> {
    use std::os::unix::ffi::OsStrExt;

    Some(Path::new(std::ffi::OsStr::from_bytes(bytes)))
}

#[cfg(not(unix))]
fn path_of(bytes: &[u8]) -> Option<&Path> {
    std::str::from_utf8(bytes).ok().map(Path::new)
}

fn open_error(path: &Path, error: git2::Error) -> RepositoryError {
    let path = path.to_owned();
    match error.code() {
        ErrorCode::NotFound => RepositoryError::NotARepository(path),
        ErrorCode::Owner => RepositoryError::OtherOwner(path),
        _ => RepositoryError::Git {
            path,
            error: error.into(),
        },
    }
}
