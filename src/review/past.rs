//! The history of a vault that is being judged.

use crate::vault::{FileError, FileProblem, History, Repository, Vault};

/// Has something done with the commits that lead to the one that is judged.
///
/// # Errors
/// [`FileError`] where they cannot be read at all, and what `work` returns.
pub(super) fn with_history<T>(
    vault: &Vault<'_>,
    work: impl FnOnce(&Repository, &History<'_, '_>) -> Result<T, FileError>,
) -> Result<T, FileError> {
    let failed = |error: String| vault.error("", FileProblem::Contradiction(error));
    let place = vault.snapshot().place();
    let repository = place.open().map_err(|error| failed(error.to_string()))?;
    let snapshot = repository
        .snapshot_at(&place)
        .map_err(|error| failed(error.to_string()))?;
    let history = History::of(&repository, &snapshot, false).map_err(|error| failed(error.to_string()))?;
    work(&repository, &history)
}
