//! The settings of libgit2 that only its C interface has, or that git2 marks unsafe: who may own a repository, where configuration is looked
//! for, and writing through to the disk. The only file of the vault with unsafe code; it never does anything else.
#![allow(unsafe_code)]

use std::ffi::{OsStr, c_int};
use std::path::Path;
use std::sync::{Mutex, Once, PoisonError};

use git2::RepositoryOpenFlags;

use super::Access;

/// The settings are global to the process, so that opening with one and with another must not meet.
static SETTINGS: Mutex<()> = Mutex::new(());

/// Opens a repository under the settings that `access` asks for.
pub(super) fn open(path: &Path, flags: RepositoryOpenFlags, access: Access) -> Result<git2::Repository, git2::Error> {
    with_settings(access, || git2::Repository::open_ext(path, flags, [] as [&OsStr; 0]))
}

/// Makes a repository under the settings of a writer.
pub(super) fn init(path: &Path, options: &git2::RepositoryInitOptions) -> Result<git2::Repository, git2::Error> {
    with_settings(Access::Write, || git2::Repository::init_opts(path, options))
}

fn with_settings(
    access: Access,
    open: impl FnOnce() -> Result<git2::Repository, git2::Error>,
) -> Result<git2::Repository, git2::Error> {
    let _one_at_a_time = SETTINGS.lock().unwrap_or_else(PoisonError::into_inner);
    // Reading runs nothing that a repository names and believes nothing it says, so that its owner
    // does not matter: a resolver reads clones that another user keeps up to date.
    // SAFETY: writes a plain global of libgit2. It is read only while a repository is opened, and
    // this process opens repositories only here, under the lock.
    unsafe { git2::opts::set_verify_owner_validation(access == Access::Write)? };
    look_for_config(access)?;
    if access == Access::Read {
        trust_object_names();
        return open();
    }
    // References and their logs are to be on disk before a command is done, in the right order,
    // which only libgit2 can do. It decides when it opens them: here. Objects it would sync one by
    // one, directory and all, each time it writes one; those are synced by us, all at once.
    write_through(true);
    let opened = open().and_then(|repository| repository.refdb().map(drop).map(|()| repository));
    write_through(false);
    opened
}

/// A reader takes nothing from the configuration of the user or the system, and saves looking for it each time a tool is called; a writer
/// finds there who commits, and how.
fn look_for_config(access: Access) -> Result<(), git2::Error> {
    use git2::ConfigLevel::{Global, ProgramData, System, XDG};
    for level in [ProgramData, System, XDG, Global] {
        // SAFETY: writes a plain global of libgit2, read only while a repository is opened, which this process does only under the lock.
        unsafe {
            match access {
                Access::Read => git2::opts::set_search_path(level, "")?,
                Access::Write => git2::opts::reset_search_path(level)?,
            }
        }
    }
    Ok(())
}

/// Says whether what libgit2 writes is synced to disk, as git itself does by default not.
fn write_through(on: bool) {
    libgit2_sys::init();
    // SAFETY: libgit2 is initialised, and this option takes exactly one int. It writes a plain
    // global; a thread that writes meanwhile syncs more than it must, or leaves it to us.
    unsafe { libgit2_sys::git_libgit2_opts(libgit2_sys::GIT_OPT_ENABLE_FSYNC_GITDIR as c_int, c_int::from(on)) };
}

/// Leaves out the comparison of each object's hash with its name. It finds damage, not forgery
/// (whoever can write an object can name it right), and every file read is checked against its
/// signature; for a tree of 10,000 entries it is a third of the time.
fn trust_object_names() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| git2::opts::strict_hash_verification(false));
}
