//! A file of which nothing but its signatures has changed: what is left behind by an author who goes. The serial stays then, and so do the floors.

use vault_format::{Authority, Entry, Parsed, Verified};

use super::item::{Risk, Statement};

/// What a file with the signed bytes that it had before means; `None` where they are others.
pub(super) fn told<K: Entry>(authority: &Authority, before: &Parsed<K>, file: &Verified<K>) -> Option<Resigned> {
    if before.signed_bytes() != file.document().signed_bytes() {
        return None;
    }
    if authority.verify(before.clone()).is_err() {
        // Whoever signs it now has made it good: what it says is news to every reader.
        let text = "no author had signed what stands there: it counts from now on";
        return Some(Resigned {
            statement: Statement::new(Risk::Attention, text),
            is_news: true,
        });
    }
    let names = |file: &Parsed<K>| Vec::from_iter(file.claimed_authors().map(|author| author.as_str())).join(", ");
    let (was, is) = (names(before), names(file.document()));
    let text = match was == is {
        true => format!("signed anew by {is}; its contents stay"),
        false => format!("signed by {is} instead of {was}; its contents stay"),
    };
    Some(Resigned {
        statement: Statement::new(Risk::Routine, text),
        is_news: false,
    })
}

/// A file that was signed anew.
pub(super) struct Resigned {
    /// What that means.
    pub statement: Statement,
    /// Whether its contents are to be told as if the file had not been there.
    pub is_news: bool,
}
