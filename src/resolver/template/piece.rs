//! What a template is made of: bytes that pass, and references.

use std::ops::Range;

use vault_format::CredentialName;

use crate::resolver::template::filter::Filter;

/// Is one part of a template, in the order of the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece<'a> {
    /// Bytes that pass as they are.
    Literal(&'a [u8]),
    /// A place where a value goes.
    Reference(Reference),
}

/// Names a credential at a place of a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    /// The credential.
    pub name: CredentialName,
    /// What its value goes through, first filter first.
    pub filters: Vec<Filter>,
    /// The bytes of the template it replaces, brackets included.
    pub range: Range<usize>,
}
