//! What a successor of a root says: pure, from the root before and one change.

use std::collections::BTreeSet;

use vault_format::{AuthorKey, AuthorName, Authority, Root, SignerKey};

use super::error::RootError;

/// A change of the root.
#[derive(Clone)]
pub enum RootChange {
    /// A new author, or another key of one.
    Add {
        /// Who.
        author: AuthorName,
        /// The public signing key.
        key: Box<SignerKey>,
    },
    /// An author, or one key of one.
    Remove {
        /// Who.
        author: AuthorName,
        /// The fingerprint of the key; none means all of them.
        key: Option<String>,
    },
    /// How many authors sign the next root.
    Threshold(u64),
}

/// What the root after `authority` says.
///
/// # Errors
/// [`RootError`] where the change changes nothing, takes another's key, or leaves too few.
pub(super) fn successor(authority: &Authority, change: &RootChange) -> Result<Root, RootError> {
    let mut root = authority.root().clone();
    root.nonce = None;
    root.previous = Some(authority.digest());
    match change {
        RootChange::Add { author, key } => add(&mut root, authority, author, key)?,
        RootChange::Remove { author, key } => remove(&mut root, author, key.as_deref())?,
        RootChange::Threshold(threshold) => root.threshold = checked(*threshold, &root)?,
    }
    Ok(root)
}

fn add(root: &mut Root, authority: &Authority, author: &AuthorName, key: &SignerKey) -> Result<(), RootError> {
    if let Some(owner) = authority.author_of(key) {
        return Err(RootError::KeyTaken {
            fingerprint: key.fingerprint(),
            author: owner.clone(),
        });
    }
    let similar = |other: &&AuthorName| *other != author && other.as_str().eq_ignore_ascii_case(author.as_str());
    if let Some(other) = root.author_names().into_iter().find(similar) {
        return Err(RootError::SimilarName {
            name: author.clone(),
            other: other.clone(),
        });
    }
    root.authors.push(AuthorKey {
        author: author.clone(),
        key: key.clone(),
    });
    root.authors.sort_by_cached_key(ToString::to_string);
    Ok(())
}

fn remove(root: &mut Root, author: &AuthorName, fingerprint: Option<&str>) -> Result<(), RootError> {
    let names = root.author_names();
    if !names.contains(author) {
        return Err(RootError::NoSuchAuthor {
            name: author.clone(),
            authors: names.into_iter().cloned().collect(),
        });
    }
    let goes =
        |line: &AuthorKey| &line.author == author && fingerprint.is_none_or(|wanted| line.key.fingerprint() == wanted);
    let keys = root.authors.iter().filter(|line| &line.author == author);
    let keys: Vec<String> = keys.map(|line| line.key.fingerprint()).collect();
    if let Some(wanted) = fingerprint
        && !keys.iter().any(|key| key == wanted)
    {
        return Err(RootError::NoSuchKey {
            author: author.clone(),
            fingerprint: wanted.into(),
            keys,
        });
    }
    let mut left = root.authors.clone();
    left.retain(|line| !goes(line));
    if left.is_empty() {
        return Err(RootError::LastAuthor(author.clone()));
    }
    let count = left.iter().map(|line| &line.author).collect::<BTreeSet<_>>().len() as u64;
    if count < root.threshold {
        return Err(RootError::BelowThreshold {
            author: author.clone(),
            left: count,
            threshold: root.threshold,
        });
    }
    root.authors = left;
    Ok(())
}

fn checked(threshold: u64, root: &Root) -> Result<u64, RootError> {
    let authors = root.author_names().len() as u64;
    match threshold {
        same if same == root.threshold => Err(RootError::SameThreshold(same)),
        0 => Err(RootError::Threshold { threshold, authors }),
        many if many > authors => Err(RootError::Threshold { threshold, authors }),
        fine => Ok(fine),
    }
}

/// What became different, a line for each thing.
pub(super) fn meaning(before: &Root, after: &Root) -> Vec<String> {
    let mut lines = Vec::new();
    let was = before.author_names();
    let is = after.author_names();
    for line in after.authors.iter().filter(|line| !before.authors.contains(line)) {
        let what = if was.contains(&line.author) { "key of " } else { "" };
        lines.push(format!("+ {what}author {}", shown(line)));
    }
    for line in before.authors.iter().filter(|line| !after.authors.contains(line)) {
        let what = if is.contains(&line.author) { "key of " } else { "" };
        lines.push(format!("- {what}author {}", shown(line)));
    }
    if before.threshold != after.threshold {
        lines.push(format!(
            "authors who must sign the next root: {} → {} of {}",
            before.threshold,
            after.threshold,
            is.len()
        ));
    }
    if before.keepers != after.keepers {
        lines.push(format!(
            "keepers it should have: {} → {}",
            before.keepers, after.keepers
        ));
    }
    if before.encryption != after.encryption {
        lines.push(format!("encryption: {} → {}", before.encryption, after.encryption));
    }
    lines
}

/// The change as the subject of a commit.
pub(super) fn subject(before: &Root, after: &Root) -> String {
    let names = |these: &Root, others: &Root| {
        let lines = these.authors.iter().filter(|line| !others.authors.contains(line));
        let names: BTreeSet<&str> = lines.map(|line| line.author.as_str()).collect();
        Vec::from_iter(names).join(", ")
    };
    let (more, less) = (names(after, before), names(before, after));
    let mut parts = Vec::new();
    if !more.is_empty() {
        parts.push(format!("add {more}"));
    }
    if !less.is_empty() {
        parts.push(format!("remove {less}"));
    }
    if before.threshold != after.threshold {
        parts.push(format!("threshold {}", after.threshold));
    }
    match parts.is_empty() {
        true => "author: other settings".into(),
        false => format!("author {}", parts.join(", ")),
    }
}

fn shown(line: &AuthorKey) -> String {
    let kind = line.key.as_str().split(' ').next().unwrap_or_default();
    format!("{}, {} ({kind})", line.author, line.key.fingerprint())
}
