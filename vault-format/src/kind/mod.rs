//! The five kinds of files. One file each: its keys, their order, and the rules that it alone can break.

mod credential;
mod grant;
mod group;
mod member;
mod root;

pub use credential::{Credential, Network};
pub use grant::{Grant, GrantSubject};
pub use group::Group;
pub use member::Member;
pub use root::{AuthorKey, Encryption, Root};

use std::collections::BTreeSet;

use crate::{
    document::{Kind, contradiction},
    error::FormatError,
    sealed_to::{HolderName, SealedTo, is_epoch},
    shown::is_hidden,
};

/// The kinds that an author of the current root signs; all but the root itself.
pub trait Entry: Kind {}

impl Entry for Credential {}
impl Entry for Member {}
impl Entry for Group {}
impl Entry for Grant {}

const NOTE_MAX: usize = 500;
/// How many names a message lists: the whole scope of a large fleet helps nobody.
const SHOWN_MAX: usize = 10;

/// Checks a free text for people: one line, at most 500 characters, nothing that a terminal would act on.
fn check_note(note: &str) -> Result<(), String> {
    if note.is_empty() || note.chars().count() > NOTE_MAX || note.chars().any(is_hidden) {
        return Err("note must be one line of 1 to 500 characters without control or bidirectional characters".into());
    }
    Ok(())
}

/// Reads the body: nothing where the file is a tombstone, else what `body` makes of the fields.
fn living<T>(
    removed: Option<bool>,
    any: bool,
    body: impl FnOnce() -> Result<T, FormatError>,
) -> Result<Option<T>, FormatError> {
    match removed {
        None => body().map(Some),
        Some(true) if !any => Ok(None),
        Some(true) => Err(contradiction("nothing may follow 'removed = true'")),
        Some(false) => Err(contradiction("'removed' is true or absent")),
    }
}

fn required<T>(key: &str, value: Option<T>) -> Result<T, FormatError> {
    value.ok_or_else(|| contradiction(format!("the key '{key}' is missing")))
}

/// Checks that two ways of saying whose keys open a payload agree.
fn check_holders(expected: &BTreeSet<HolderName>, sealed_to: &SealedTo) -> Result<(), String> {
    sealed_to
        .holders()
        .iter()
        .try_for_each(|holder| check_epoch(holder.epoch))?;
    let found = sealed_to.names();
    if &found == expected {
        return Ok(());
    }
    let list = |names: &BTreeSet<HolderName>| {
        let first: Vec<String> = names.iter().take(SHOWN_MAX).map(ToString::to_string).collect();
        let more = if names.len() > SHOWN_MAX { ", …" } else { "" };
        format!("{}{more}", first.join(", "))
    };
    Err(format!(
        "sealed_to must name {}, found {}",
        list(expected),
        list(&found)
    ))
}

fn check_epoch(epoch: u64) -> Result<(), String> {
    if !is_epoch(epoch) {
        return Err("epoch must be from 1 to 9223372036854775807".into());
    }
    Ok(())
}
