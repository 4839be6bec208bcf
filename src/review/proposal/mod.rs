//! `review`: what a proposed change means, judged without any key by the root that was there before it.
//!
//! Two trees are compared, whatever lies between them: squashes, merges and rebases are nothing special. Everything is told, the worst first; a
//! broken file hides no other one.

mod directory;
mod error;
mod file;
mod holders;
mod item;
mod meaning;
mod others;
mod resigned;
mod secrets;
mod vault;
mod whole;

pub use error::ReviewError;
pub use item::{Item, Proposal, Risk, Statement};
pub use whole::{Change, review_all, touched_vaults};

use crate::vault::{CommitId, Repository, Vault};

/// Judges the change from `base` to `head` by the root of `judge`, which is the target's. `progress` is called with the number of files done.
///
/// # Errors
/// [`ReviewError`]; everything that is wrong with the change itself is an item.
pub fn review(
    repository: &Repository,
    base: &Vault<'_>,
    judge: &Vault<'_>,
    head: CommitId,
    progress: &(dyn Fn(usize) + Sync),
) -> Result<Proposal, ReviewError> {
    let from = base.snapshot().commit();
    let differences = repository.differences(from, head)?;
    let directory = base.snapshot().directory();
    let (mut items, now_in) = vault::proposed(repository, base, judge, head, &differences, progress)?;
    let change = Change {
        from: Some(from),
        judge: Some(judge.snapshot().commit()),
        head,
        each_commit: false,
        expected: None,
    };
    let mut vaults = vec![directory.to_owned(), now_in];
    // Whoever reviews one vault sees what the same change does to another: nobody else may be looking at that.
    items.extend(whole::vaults(repository, &change, &differences, &mut vaults)?);
    let vaults: Vec<&str> = vaults.iter().map(String::as_str).collect();
    items.extend(others::items(repository, &vaults, &differences, &|done| progress(done)));
    Ok(Proposal::new(from, head, items))
}
