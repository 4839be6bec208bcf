//! Who the authors are: successors of the root, proposals that more than one author must sign, and new signatures on the files of those who go.
//!
//! A root that lacks signatures is a file to hand over, and never stands in the vault: there it would stop every reader.

mod change;
mod error;
mod proposal;
mod resign;

use vault_format::{AuthorName, FilePath, GroupName, Member, MemberName, ROOT_FILE};

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
    let before = desk.vault.authority();
    let mut summary = write(&mut desk, proposal)?;
    let after = proposal.root().head().body.as_ref();
    let gone = before.root().author_names().into_iter().filter(|name| {
        let stays = after.is_some_and(|after| after.author_names().contains(name));
        !stays
    });
    for name in gone {
        summary.extend(member_stays(&desk, name)?);
    }
    let subject = after.map(|after| change::subject(before.root(), after));
    desk.finish(&subject.unwrap_or_default(), summary)
}

/// Takes away an author in the change that removes the member of that name, where the one who makes it is enough. Returns what a person should
/// be told; nothing where no author has the name.
///
/// # Errors
/// [`RootError::Unsound`]; those of signing.
pub(super) fn remove_along(desk: &mut Desk<'_, '_, '_>, member: &MemberName) -> Result<Vec<String>, AuthorError> {
    let root = desk.vault.authority().root();
    let author = root.authors.iter().map(|line| &line.author);
    let Some(author) = { author }.find(|name| name.as_str() == member.as_str()) else {
        return Ok(Vec::new());
    };
    if author == desk.author() {
        return Ok(vec![format!(
            "{author} stays an author: who signs here is removed by another author"
        )]);
    }
    if root.threshold > 1 {
        return Ok(vec![format!(
            "{author} stays an author until {} authors agree: fleetvault author remove {author}",
            root.threshold
        )]);
    }
    let change = RootChange::Remove {
        author: author.clone(),
        key: None,
    };
    let proposal = Proposal::make(desk, &change)?;
    write(desk, &proposal)
}

/// Writes the next root, and what is to be signed anew under it.
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

/// Says that somebody who writes no more still reads.
fn member_stays(desk: &Desk<'_, '_, '_>, author: &AuthorName) -> Result<Option<String>, AuthorError> {
    let Ok(name) = author.as_str().parse::<MemberName>() else {
        return Ok(None);
    };
    let member = desk.vault.look_at::<Member>(&FilePath::Member(name.clone()))?;
    if member.is_none_or(|member| member.body().is_none()) {
        return Ok(None);
    }
    let keeper = match desk.vault.is_granted(&GroupName::keepers(), &name)? {
        true => " and a keeper",
        false => "",
    };
    Ok(Some(format!(
        "{name} is still a member{keeper}: fleetvault member remove {name}"
    )))
}
