//! The template language: `<<secure.NAME>>` and `{{secure.NAME}}` in any bytes.
//!
//! Knows texts and values only: never looks a credential up, never opens one, never prints. This
//! directory is the only place that imports minijinja, and only for the filters.
//!
//! # The language
//!
//! A *reference* stands on one line and reads, with any number of spaces and tabs (`·`) inside the
//! brackets:
//!
//! ```text
//! << · secure.NAME · >>        << · secure.NAME · | · FILTER · | · FILTER · >>
//! {{ · secure.NAME · }}        {{ · secure.NAME · | · FILTER · }}
//! ```
//!
//! `NAME` is a credential's name, `FILTER` one of [`Filter`] (at most [`MAX_FILTERS`], without
//! arguments). Of three or more brackets in a row the innermost two count, so `<<<secure.X>>>` is
//! `<`, the value, `>`. All other bytes pass as they are; a value is never scanned again.
//!
//! # What is refused
//!
//! 1. *Broken references.* After `<<` or `{{`, spaces or tabs, and exactly `secure.`, a complete reference
//!    must follow on the same line, closed by the matching brackets. This holds for
//!    `cout << secure.x;` as well: passing a reference on unresolved would be worse.
//! 2. *Near misses*, which nobody writes without meaning a reference. They count only when closed by the matching
//!    brackets, with nothing but name-like characters (letters, digits, `_ - / . :`) and perhaps a filter
//!    up to there. `secure` is in any case here, and blanks may be line breaks and Unicode's:
//!    - `<<Secure.X>>`, `{{SECURE.X}}`: not lower case
//!    - `<< secure . X >>`: blanks around the dot (but `{{ secure .X }}` is a function call in Go
//!      templates, and passes)
//!    - `<<secure:X>>`, `<<secure/X>>`, `{{secure["X"]}}`: another separator right after the word
//!    - `<<secure X>>`, `<<secure-X>>`: no dot; only lower case, only in angle brackets and only with no blank
//!      next to them (`cat <<secure - >>log`, `{{secure-header}}` and `{{helper x}}` are other languages')
//!    - `{{- secure.X -}}`, `{{~secure.X~}}`: whitespace control
//!    - a reference across line breaks, or with a no-break space
//!
//! What is neither passes: `<<EOF`, `<<<word`, `cout << secure >> x`, `<<secure>>`, `{{ secure }}`,
//! `{{ .Values.secure }}`, `{{ secured.x }}`, `{{ user.secure.x }}`, `{{ secure ? 's' : '' }}`.

mod error;
mod filter;
mod piece;
mod scan;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use vault_format::CredentialName;
use zeroize::Zeroizing;

pub use crate::resolver::template::error::{Problem, RenderError, RenderErrors, TemplateError, TemplateErrors};
pub use crate::resolver::template::filter::{Filter, FilterFailure, MAX_FILTERS};
pub use crate::resolver::template::piece::{Piece, Reference};

use crate::resolver::template::filter::{Filters, Secret};
use crate::resolver::template::scan::{Lines, scan};

/// What a reference looks like, for hints.
pub const SYNTAX: &str = "write <<secure.NAME>> or <<secure.NAME | FILTER>>, on one line; {{ }} may stand for << >>";

/// Holds a text taken apart into literal bytes and references, all of them well-formed.
pub struct Template<'a> {
    source: &'a [u8],
    pieces: Vec<Piece<'a>>,
}

impl<'a> Template<'a> {
    /// Takes a text apart, in one pass.
    ///
    /// # Errors
    /// All broken references and near misses of the text, in its order.
    pub fn parse(source: &'a [u8]) -> Result<Self, TemplateErrors> {
        let pieces = scan(source)?;
        Ok(Self { source, pieces })
    }

    /// Returns the text it was parsed from.
    pub fn source(&self) -> &'a [u8] {
        self.source
    }

    /// Returns literals and references, in the order of the text.
    pub fn pieces(&self) -> &[Piece<'a>] {
        &self.pieces
    }

    /// Returns the references, in the order of the text.
    pub fn references(&self) -> impl Iterator<Item = &Reference> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Literal(_) => None,
            Piece::Reference(reference) => Some(reference),
        })
    }

    /// Returns the credentials it needs, each once.
    pub fn names(&self) -> BTreeSet<&CredentialName> {
        self.references().map(|reference| &reference.name).collect()
    }

    /// Says whether it has no reference, so that it renders as its own text.
    pub fn is_literal(&self) -> bool {
        self.references().next().is_none()
    }

    /// Returns line and column of an offset, both from 1, the column in bytes.
    pub fn position(&self, offset: usize) -> (usize, usize) {
        Lines::new(self.source).locate(offset)
    }

    /// Puts values in the places of the references: all of them, or nothing.
    ///
    /// The size is known before the first byte is written, so no outgrown buffer stays behind.
    ///
    /// # Errors
    /// Every credential without a value, and every value a filter cannot take.
    pub fn render<'v>(
        &self,
        lookup: impl Fn(&CredentialName) -> Option<&'v [u8]>,
    ) -> Result<Zeroizing<Vec<u8>>, RenderErrors> {
        let values = self.values(lookup)?;
        let mut size = 0_usize;
        for piece in &self.pieces {
            let length = match piece {
                Piece::Literal(bytes) => bytes.len(),
                Piece::Reference(reference) => values.get(&reference.key()).map_or(0, |v| v.bytes().len()),
            };
            size = size.checked_add(length).ok_or(RenderError::TooLarge)?;
        }
        let mut text = Zeroizing::new(Vec::new());
        text.try_reserve_exact(size).map_err(|_| RenderError::TooLarge)?;
        for piece in &self.pieces {
            match piece {
                Piece::Literal(bytes) => text.extend_from_slice(bytes),
                Piece::Reference(reference) => {
                    // `values` has an entry for every reference, or we would not be here.
                    if let Some(value) = values.get(&reference.key()) {
                        text.extend_from_slice(value.bytes());
                    }
                }
            }
        }
        Ok(text)
    }

    /// Finds and filters the value of every reference, each pair of name and filters once.
    fn values<'v>(
        &self,
        lookup: impl Fn(&CredentialName) -> Option<&'v [u8]>,
    ) -> Result<BTreeMap<Key<'_>, Filled<'v>>, RenderErrors> {
        let mut values = BTreeMap::new();
        let mut errors: Vec<RenderError> = Vec::new();
        let mut seen = BTreeSet::new();
        // Building minijinja's environment costs; most templates need none.
        let mut engine: Option<Filters> = None;
        for reference in self.references() {
            if !seen.insert(reference.key()) {
                continue;
            }
            let filled = match lookup(&reference.name) {
                None => Err(RenderError::Missing {
                    name: reference.name.clone(),
                }),
                Some(value) if reference.filters.is_empty() => Ok(Filled::Plain(value)),
                Some(value) => engine
                    .get_or_insert_with(Filters::new)
                    .apply(&reference.filters, value)
                    .map(Filled::Filtered)
                    .map_err(|failure| RenderError::Filter {
                        name: reference.name.clone(),
                        failure,
                    }),
            };
            match filled {
                Ok(filled) => {
                    values.insert(reference.key(), filled);
                }
                Err(error) if errors.contains(&error) => {}
                Err(error) => errors.push(error),
            }
        }
        if errors.is_empty() {
            Ok(values)
        } else {
            Err(RenderErrors(errors))
        }
    }
}

/// What decides which bytes a reference becomes.
type Key<'t> = (&'t CredentialName, &'t [Filter]);

impl Reference {
    fn key(&self) -> Key<'_> {
        (&self.name, &self.filters)
    }
}

/// A value in the form in which it is written.
enum Filled<'v> {
    Plain(&'v [u8]),
    Filtered(Secret),
}

impl Filled<'_> {
    fn bytes(&self) -> &[u8] {
        match self {
            Self::Plain(bytes) => bytes,
            Self::Filtered(secret) => secret.bytes(),
        }
    }
}
