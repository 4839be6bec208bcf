//! Members: keys and a note. Keys that both sides replaced are not blended: one of two re-keyings may be an answer to a theft.

use vault_format::{FilePath, Member};

use super::{
    super::{desk::Desk, error::AuthorError},
    error::Which,
    ruling::{Judge, Ruling},
    versions::{Conflicted, Verdict, Versions},
};

/// Merges a member.
pub(super) fn merge(desk: &mut Desk<'_, '_, '_>, file: &Conflicted, ruling: &Ruling) -> Result<String, AuthorError> {
    let versions = Versions::<Member>::read(desk.vault, file)?;
    let path = versions.path.to_string();
    let mut judge = Judge::new(ruling);
    let verdict = versions.judge(&mut judge, |_, side, base| side == base);
    let body = match (verdict, versions.living()) {
        (Verdict::Removed, _) => {
            judge.settle(&path)?;
            return versions.remove(desk);
        }
        (Verdict::Side(which), _) => versions.side(which).and_then(|side| side.body().cloned()),
        (Verdict::Both, living) => {
            living.map(|(ours, theirs)| merge_bodies(&mut judge, versions.base_body(), ours, theirs))
        }
    };
    let sources = judge.settle(&path)?;
    versions.refuse_old_keys(verdict, ruling.course)?;
    for which in [Which::Ours, Which::Theirs] {
        let same = versions.side(which).is_some_and(|side| side.body() == body.as_ref());
        if same && versions.can_stay(desk.vault, which) {
            return Ok(versions.keep(desk, which));
        }
    }
    match (body, &versions.path) {
        (Some(body), FilePath::Member(name)) => desk.write_member(name, Some(versions.before), body)?,
        _ => return versions.remove(desk),
    }
    Ok(versions.told(&sources))
}

fn merge_bodies(judge: &mut Judge<'_>, base: Option<&Member>, ours: &Member, theirs: &Member) -> Member {
    let keys = |member: &Member| member.recipients.clone();
    let recipients = judge.field("keys", base.map(keys).as_ref(), (&keys(ours), &keys(theirs)), |keys| {
        keys.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
    });
    let unchanged = |side: &Member| base.is_some_and(|base| base.recipients == side.recipients);
    let epoch = match ours.recipients == theirs.recipients {
        true => ours.epoch.max(theirs.epoch),
        false if unchanged(theirs) => ours.epoch,
        false if unchanged(ours) => theirs.epoch,
        // Under one epoch, other files are sealed to either of two sets of keys: with a new one all of them are known to be stale.
        false => ours.epoch.max(theirs.epoch) + 1,
    };
    let note = judge.field(
        "note",
        base.map(|base| &base.note),
        (&ours.note, &theirs.note),
        shown_note,
    );
    Member {
        epoch,
        recipients,
        note,
    }
}

/// How a note is shown beside another.
pub(super) fn shown_note(note: &Option<String>) -> String {
    note.as_ref().map_or_else(|| "none".into(), |note| format!("'{note}'"))
}
