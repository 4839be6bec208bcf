//! One entry of git's tree objects: how it is read, written and sorted.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::fmt;

use git2::Oid;

/// What an entry of a tree is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EntryKind {
    /// A regular file, mode 100644. The only kind a vault holds.
    File,
    /// A file with the executable bit, mode 100755.
    Executable,
    /// A symbolic link, mode 120000.
    Link,
    /// A submodule, mode 160000.
    Submodule,
    /// A directory, mode 40000.
    Directory,
    /// Any other mode.
    Other(u32),
}

impl EntryKind {
    pub(super) fn from_mode(mode: u32) -> Self {
        match mode {
            0o100644 => Self::File,
            0o100755 => Self::Executable,
            0o120000 => Self::Link,
            0o160000 => Self::Submodule,
            0o040000 => Self::Directory,
            other => Self::Other(other),
        }
    }
}

impl fmt::Display for EntryKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File => f.write_str("a regular file"),
            Self::Executable => f.write_str("an executable file"),
            Self::Link => f.write_str("a symbolic link"),
            Self::Submodule => f.write_str("a submodule"),
            Self::Directory => f.write_str("a directory"),
            Self::Other(mode) => write!(f, "an entry of mode {mode:o}"),
        }
    }
}

/// One entry, borrowed from its tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Entry<'t> {
    pub kind: EntryKind,
    pub name: &'t [u8],
    pub id: Oid,
}

/// Reads `<octal mode> <name>\0<20 bytes>` and returns it with its length.
pub(super) fn parse(bytes: &[u8]) -> Result<Option<(Entry<'_>, usize)>, &'static str> {
    if bytes.is_empty() {
        return Ok(None);
    }
    let space = bytes
        .iter()
        .take(8)
        .position(|&byte| byte == b' ')
        .ok_or("an entry has no mode")?;
    let mut mode = 0;
    for &digit in &bytes[..space] {
        if !(b'0'..=b'7').contains(&digit) {
            return Err("an entry has no mode");
        }
        mode = mode * 8 + u32::from(digit - b'0');
    }
    let rest = &bytes[space + 1..];
    let end = memchr::memchr(0, rest).ok_or("an entry has no end")?;
    let name = &rest[..end];
    if name.is_empty() || name.contains(&b'/') {
        return Err("an entry has an empty name or one with '/'");
    }
    let id = rest.get(end + 1..end + 21).ok_or("an entry has no id")?;
    let id = Oid::from_bytes(id).map_err(|_| "an entry has no id")?;
    let kind = EntryKind::from_mode(mode);
    Ok(Some((Entry { kind, name, id }, space + 1 + end + 21)))
}

/// Writes one entry.
pub(super) fn line(name: &[u8], kind: EntryKind, id: Oid) -> Vec<u8> {
    let mode: &[u8] = match kind {
        EntryKind::Directory => b"40000 ",
        _ => b"100644 ",
    };
    [mode, name, b"\0", id.as_bytes()].concat()
}

/// Compares two entries as git sorts them: a directory as if its name ended in a slash.
pub(super) fn order(a: &[u8], a_kind: EntryKind, b: &[u8], b_kind: EntryKind) -> Ordering {
    let end = |kind| if kind == EntryKind::Directory { b'/' } else { 0 };
    let common = a.len().min(b.len());
    a[..common].cmp(&b[..common]).then_with(|| {
        let next = |name: &[u8], kind| name.get(common).copied().unwrap_or(end(kind));
        next(a, a_kind).cmp(&next(b, b_kind))
    })
}

/// Shows a name, with what is no UTF-8 replaced.
pub(super) fn lossy(name: &[u8]) -> Cow<'_, str> {
    String::from_utf8_lossy(name)
}
