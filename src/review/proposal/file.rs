//! One changed file of a vault: read, checked by the root that was there before, and told as meaning.

use vault_format::{AuthorName, Authority, Entry, FilePath, Parsed, Root};

use super::{
    item::{Risk, Statement},
    others, resigned, secrets,
};
use crate::{
    review::{keys::Keys, stale},
    vault::{Difference, EntryKind, MAX_FILE, Repository, Side},
};

/// What a file means, and who signed it.
pub(super) type Told = Result<(Vec<Statement>, Vec<String>), String>;

/// How a file came to be what it is now.
pub(super) struct Making {
    /// Its payload is another one than before.
    pub resealed: bool,
    /// Whose signatures it has.
    pub authors: Vec<AuthorName>,
}

/// One changed file.
pub(super) struct File<'f> {
    pub repository: &'f Repository,
    pub authority: &'f Authority,
    pub keys: &'f Keys,
    pub path: &'f FilePath,
    pub difference: &'f Difference,
}

impl File<'_> {
    fn bytes(&self, side: Side) -> Result<Vec<u8>, String> {
        if side.kind != EntryKind::File {
            return Err(format!("it is {}, expected {}", side.kind, EntryKind::File));
        }
        let contents = self
            .repository
            .contents(side.id, MAX_FILE)
            .map_err(|error| error.to_string())?;
        contents.ok_or_else(|| "it is larger than any file of a vault can be".into())
    }

    /// The file as it was, if it was one that could be read.
    fn before<K: Entry>(&self) -> Option<Parsed<K>> {
        let bytes = self.bytes(self.difference.before?).ok()?;
        Parsed::parse(&bytes, self.path).ok()
    }

    /// What it means, as `meaning` says of its contents before and after.
    pub fn told<K: Entry>(
        &self,
        meaning: impl FnOnce(&K::Subject, Option<&K>, Option<&K>, &Making) -> Vec<Statement>,
    ) -> Told {
        let before = self.before::<K>();
        let Some(side) = self.difference.after else {
            return match before {
                Some(before) => Err(format!(
                    "it is gone without a tombstone: serial {} was there; 'fleetvault rm' leaves one",
                    before.head().serial
                )),
                None => Ok((Vec::new(), Vec::new())),
            };
        };
        let bytes = self.bytes(side)?;
        let parsed = Parsed::<K>::parse(&bytes, self.path).map_err(|error| match is_sealed(&bytes) {
            true => error.to_string(),
            false => format!("it is not sealed, and may hold a value in plain text: {error}"),
        })?;
        let file = self.authority.verify(parsed).map_err(|error| error.to_string())?;
        let document = file.document();
        let authors: Vec<String> = file.authors().map(ToString::to_string).collect();
        if let Some(before) = &before
            && let Some(resigned) = resigned::told(self.authority, before, &file)
        {
            let mut statements = vec![resigned.statement];
            if resigned.is_news {
                let making = Making {
                    resealed: true,
                    authors: file.authors().cloned().collect(),
                };
                statements.extend(meaning(file.subject(), None, file.body(), &making));
            }
            return Ok((statements, authors));
        }
        let mut statements = Vec::new();
        // A note is for everybody to read.
        let known = before.as_ref().map_or(&[][..], Parsed::signed_bytes);
        statements.extend(secrets::find(known, header(&bytes)).iter().map(others::plain));
        let mut wrong = |problem: String| statements.push(Statement::new(Risk::Error, problem));
        if let (Some(sealed_to), Some(payload)) = (file.body().and_then(K::sealed_to), document.payload()) {
            match self.keys.check(sealed_to, payload) {
                Ok(over) => over
                    .iter()
                    .for_each(|(holder, now)| wrong(stale::problem(holder, *now))),
                Err(problem) => wrong(problem.to_string()),
            }
        }
        let mut resealed = true;
        if let Some(before) = &before {
            let (was, is) = (before.head().serial, file.serial());
            if is <= was {
                wrong(format!("its serial does not rise: {was} before, {is} now"));
            }
            resealed = before.payload() != document.payload();
            if !resealed && document.payload().is_some() && before.signed_bytes() != document.signed_bytes() {
                wrong("its header was changed without sealing it again: nobody can open it".into());
            }
        }
        let old = before.as_ref().and_then(|before| before.head().body.as_ref());
        let making = Making {
            resealed,
            authors: file.authors().cloned().collect(),
        };
        statements.extend(meaning(file.subject(), old, file.body(), &making));
        // Nothing that was changed goes without a word.
        if statements.is_empty() {
            let text = match before {
                Some(_) => "signed again; it says the same",
                None => "a tombstone, where nothing was before",
            };
            statements.push(Statement::new(Risk::Routine, text));
        }
        Ok((statements, authors))
    }

    /// A root is judged by its chain, which was read already; here only that the first one stays as it is.
    pub fn root(&self, serial: u64) -> Told {
        if self.difference.after.is_none() {
            return Err("a root is gone: what it said would count no more".into());
        }
        if self.difference.before.is_some() {
            return Err("a root was changed: its successor says what is new, never itself".into());
        }
        let bytes = self
            .difference
            .after
            .map(|side| self.bytes(side))
            .transpose()?
            .unwrap_or_default();
        let parsed = Parsed::<Root>::parse(&bytes, self.path).map_err(|error| error.to_string())?;
        let authors = parsed.claimed_authors().map(ToString::to_string).collect();
        Ok((
            vec![Statement::new(Risk::Root, format!("root {serial} is new"))],
            authors,
        ))
    }
}

/// The part of a file before what is sealed.
fn header(bytes: &[u8]) -> &[u8] {
    let end = memchr::memmem::find(bytes, b"\npayload = ");
    end.map_or(bytes, |end| &bytes[..end])
}

/// Tells whether a file holds what age makes.
pub(super) fn is_sealed(bytes: &[u8]) -> bool {
    memchr::memmem::find(bytes, b"-----BEGIN AGE ENCRYPTED FILE-----").is_some()
}
