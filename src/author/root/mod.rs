//! Who the authors are: successors of the root, proposals that more than one author must sign, and new signatures on the files of those who go.
//!
//! A root that lacks signatures is a file to hand over, and never stands in the vault: there it would stop every reader.

mod change;
mod error;
mod proposal;
mod resign;

use vault_format::{AuthorName, ROOT_FILE};

use super::{
    desk::{Desk, Plan},
    error::AuthorError,
};

pub use change::RootChange;
pub use error::RootError;
pub use proposal::Proposal;

/// Makes a proposal that enough authors have signed the current root, with every file signed anew that would not count under it any more.
///
/// # Errors
/// [`RootError::Proposal`] where too few have signed; [`RootError::Unsound`] where a file is not as whoever goes has signed it.
pub fn adopt(mut desk: Desk<'_, '_, '_>, proposal: &Proposal) -> Result<Plan, AuthorError> {
    let summary = write(&mut desk, proposal)?;
    let subject = proposal.subject(desk.vault.authority());
    desk.finish(&subject, summary)
}

/// Removes an author as part of a change that one author alone may make, and tells what that means.
///
/// # Errors
/// Those of [`Proposal::make`] and [`adopt`].
pub(super) fn remove_author(desk: &mut Desk<'_, '_, '_>, author: &AuthorName) -> Result<Vec<String>, AuthorError> {
    let change = RootChange::Remove {
        author: author.clone(),
        key: None,
    };
    let proposal = Proposal::make(desk, &change)?;
    write(desk, &proposal)
}

fn write(desk: &mut Desk<'_, '_, '_>, proposal: &Proposal) -> Result<Vec<String>, AuthorError> {
    let before = desk.vault.authority();
    let next = before.succeed(proposal.root()).map_err(RootError::Proposal)?;
    proposal::check_stays(desk, next.root())?;
    let mut summary = proposal.meaning(before);
    let resigned = resign::resign(desk, &next)?;
    if resigned > 0 {
        let files = if resigned == 1 { "file" } else { "files" };
        summary.push(format!(
            "{resigned} {files} signed by {} instead, with the same contents",
            desk.author()
        ));
    }
    desk.put(proposal.root());
    desk.trailer("Fleetvault-Root", next.serial());
    let floors = desk.vault.floors();
    floors.raise(ROOT_FILE, next.serial(), || next.digest());
    Ok(summary)
}
