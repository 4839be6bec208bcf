//! Files whose signatures will not count under the next root, signed by the author who stays. Nothing is opened or sealed: the signed bytes, and so
//! the serial and the digest, stay as they are.

use std::collections::BTreeSet;

use vault_format::{
    AuthorName, Authority, Credential, Draft, Entry, FilePath, Grant, Group, Member, Parsed, SshSignature,
};

use super::{
    super::{desk::Desk, error::AuthorError, reading::finish},
    error::RootError,
};
use crate::vault::{FileError, FileProblem};

/// The folders of what authors sign.
const FOLDERS: [&str; 4] = ["credentials", "grants", "groups", "members"];

/// Signs anew whatever would lose a signature, tombstones included, and returns how many files that are.
///
/// # Errors
/// [`RootError::Unsound`] with all files that claim such a signature and are not as they must be: a signature on them would make good what was
/// forged or rolled back.
pub(super) fn resign(desk: &mut Desk<'_, '_, '_>, next: &Authority) -> Result<usize, AuthorError> {
    let (mut count, mut unsound) = (0, Vec::new());
    let losers = losers(desk.vault.authority(), next);
    if losers.is_empty() {
        return Ok(0);
    }
    // What the same change writes is signed by who makes it.
    let written = desk.written();
    for folder in FOLDERS {
        for path in desk.vault.paths(folder)? {
            if written.contains(&path.to_string()) {
                continue;
            }
            let resigned = match &path {
                FilePath::Credential(_) => resign_file::<Credential>(desk, next, &losers, &path),
                FilePath::Grant(..) => resign_file::<Grant>(desk, next, &losers, &path),
                FilePath::Group(_) => resign_file::<Group>(desk, next, &losers, &path),
                FilePath::Member(_) => resign_file::<Member>(desk, next, &losers, &path),
                FilePath::Root(_) => Ok(false),
            };
            match resigned {
                Ok(true) => count += 1,
                Ok(false) => {}
                Err(AuthorError::File(error)) => unsound.push(error),
                Err(error) => return Err(error),
            }
        }
    }
    match unsound.is_empty() {
        true => Ok(count),
        false => Err(RootError::Unsound(unsound).into()),
    }
}

/// Signs one file anew where it loses a signature. One that is broken for everybody, before and after, stays as it is.
fn resign_file<K: Entry>(
    desk: &mut Desk<'_, '_, '_>,
    next: &Authority,
    losers: &BTreeSet<AuthorName>,
    path: &FilePath,
) -> Result<bool, AuthorError> {
    if !loses_signature::<K>(desk, next, losers, path)? {
        return Ok(false);
    }
    let missing = || desk.vault.error(path.to_string(), FileProblem::Missing);
    // Under the current root, and above its floor.
    let file = desk.vault.look_at::<K>(path)?.ok_or_else(missing)?;
    let counts = |author: &_, signature: &SshSignature| {
        let signer = signature.signer();
        signer.is_ok_and(|key| next.lists(author, &key))
    };
    let mut draft = Draft::again(file.document(), counts);
    // Where another author has signed it as well, that one's word stands.
    if !draft.is_signed() {
        let signature = desk.signer().sign(K::NAMESPACE, draft.signed_bytes())?;
        draft = draft.signed_by(desk.author().clone(), signature);
    }
    let file = next.verify(finish(draft)?);
    let file = file.map_err(|error| desk.signer().refused(error))?;
    desk.put(file.document());
    Ok(true)
}

/// The authors that lose a key or all of them.
fn losers(before: &Authority, next: &Authority) -> BTreeSet<AuthorName> {
    let lines = before.root().authors.iter();
    let lost = lines.filter(|line| !next.lists(&line.author, &line.key));
    lost.map(|line| line.author.clone()).collect()
}

/// Tells whether a file claims to be signed by one of `losers`, with a key that will be none of that author's. What does not even keep the format
/// is used by nobody.
fn loses_signature<K: Entry>(
    desk: &Desk<'_, '_, '_>,
    next: &Authority,
    losers: &BTreeSet<AuthorName>,
    path: &FilePath,
) -> Result<bool, FileError> {
    let text = path.to_string();
    let bytes = desk.vault.snapshot().read(&text);
    let Some(bytes) = bytes.map_err(|error| desk.vault.error(text, error))? else {
        return Ok(false);
    };
    let Ok(file) = Parsed::<K>::parse(&bytes, path) else {
        return Ok(false);
    };
    let mut signatures = file.signatures();
    Ok(signatures.any(|(author, signature)| {
        let signer = signature.signer();
        losers.contains(author) && !signer.is_ok_and(|key| next.lists(author, &key))
    }))
}
