//! Whether a file that was opened is still the one at its path, or another process has put something else there.

use std::{fs::File, path::Path};

/// Tells whether this is the file at the path now; a link to it is not.
#[cfg(unix)]
pub(super) fn is_at(file: &File, path: &Path) -> bool {
    use std::{fs::Metadata, os::unix::fs::MetadataExt};

    let same = |(ours, there): (Metadata, Metadata)| (ours.dev(), ours.ino()) == (there.dev(), there.ino());
    file.metadata()
        .ok()
        .zip(std::fs::symlink_metadata(path).ok())
        .is_some_and(same)
}

/// Elsewhere a file that is open cannot be replaced.
#[cfg(not(unix))]
pub(super) fn is_at(_: &File, path: &Path) -> bool {
    path.is_file()
}
