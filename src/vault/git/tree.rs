//! git's tree objects as bytes: one entry found without building the others, one entry replaced
//! without touching them. Knows the format of a tree and nothing of where it comes from.

use std::borrow::Cow;
use std::cell::{Cell, OnceCell};
use std::cmp::Ordering;
use std::collections::{HashMap, HashSet};

use git2::Oid;

use super::entry::{Entry, EntryKind, line, order, parse};

/// After this many searches in one tree an index of its names is made.
const SCANS: u32 = 6;

/// A tree object, unparsed.
#[derive(Default)]
pub(super) struct RawTree {
    bytes: Box<[u8]>,
    scans: Cell<u32>,
    /// Where each name's entry begins.
    names: OnceCell<HashMap<Box<[u8]>, usize>>,
}

impl RawTree {
    pub fn new(bytes: &[u8]) -> Self {
        Self {
            bytes: bytes.into(),
            ..Self::default()
        }
    }

    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Finds the entry called `name`.
    pub fn find(&self, name: &[u8]) -> Result<Option<Entry<'_>>, &'static str> {
        if self.scans.get() < SCANS {
            self.scans.set(self.scans.get() + 1);
            return self.scan(name);
        }
        let names = match self.names.get() {
            Some(names) => names,
            None => {
                let names = self.index()?;
                self.names.get_or_init(|| names)
            }
        };
        match names.get(name) {
            Some(&start) => Ok(parse(&self.bytes[start..])?.map(|(entry, _)| entry)),
            None => Ok(None),
        }
    }

    /// Searches for the name, which is quick, and walks over the entries before it only to see
    /// whether it is one: bytes of an object id can look like a name.
    fn scan(&self, name: &[u8]) -> Result<Option<Entry<'_>>, &'static str> {
        let wanted = [b" ", name, b"\0"].concat();
        let mut start = 0;
        for candidate in memchr::memmem::find_iter(&self.bytes, &wanted) {
            while start < candidate {
                let entry = &self.bytes[start..];
                let end = memchr::memchr(0, entry).ok_or("an entry has no end")?;
                if start + end > candidate
                    && let Some((entry, _)) = parse(entry)?
                    && entry.name == name
                {
                    return Ok(Some(entry));
                }
                start += end + 21;
            }
        }
        Ok(None)
    }

    fn index(&self) -> Result<HashMap<Box<[u8]>, usize>, &'static str> {
        let mut names = HashMap::with_capacity(self.bytes.len() / 40);
        let mut start = 0;
        while let Some((entry, length)) = parse(&self.bytes[start..])? {
            names.entry(entry.name.into()).or_insert(start);
            start += length;
        }
        Ok(names)
    }

    /// Walks over all entries in their order.
    pub fn entries(&self) -> Entries<'_> {
        Entries(&self.bytes)
    }

    /// Calls `each` with what is another entry, or only in one of the two: from this tree to `new`. What both have is compared as bytes and never
    /// taken apart, so that one changed name among thousands costs little.
    pub fn differences(
        &self,
        new: &Self,
        mut each: impl FnMut(Option<Entry<'_>>, Option<Entry<'_>>),
    ) -> Result<(), &'static str> {
        let (old, new) = (&*self.bytes, &*new.bytes);
        let same = common(old.chunks(CHUNK).zip(new.chunks(CHUNK)), old.iter().zip(new));
        let start = last_boundary(old, same)?;
        let (old, new) = (&old[start..], &new[start..]);
        let ending = common(
            old.rchunks(CHUNK).zip(new.rchunks(CHUNK)),
            old.iter().rev().zip(new.iter().rev()),
        );
        let (mut x, mut y) = (0, 0);
        while old.len() - x != new.len() - y || old.len() - x > ending {
            if let Some(line) = first_line(&old[x..]).filter(|line| new[y..].starts_with(line)) {
                (x, y) = (x + line.len(), y + line.len());
                continue;
            }
            let (a, b) = (parse(&old[x..])?, parse(&new[y..])?);
            let which = match (&a, &b) {
                (None, None) => break,
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (Some((a, _)), Some((b, _))) => order(a.name, a.kind, b.name, b.kind),
            };
            let a = a.filter(|_| which.is_le());
            let b = b.filter(|_| which.is_ge());
            x += a.as_ref().map_or(0, |(_, length)| *length);
            y += b.as_ref().map_or(0, |(_, length)| *length);
            let (a, b) = (a.map(|(entry, _)| entry), b.map(|(entry, _)| entry));
            if a != b {
                each(a, b);
            }
        }
        Ok(())
    }

    /// Returns the tree with these names set to files and directories, each where git sorts it to.
    /// No name may be given twice.
    pub fn with(&self, changes: &[(&[u8], EntryKind, Oid)]) -> Result<Vec<u8>, &'static str> {
        let changed: HashSet<&[u8]> = changes.iter().map(|(name, ..)| *name).collect();
        let mut lines: Vec<Line<'_>> = Vec::new();
        let mut start = 0;
        while let Some((entry, length)) = parse(&self.bytes[start..])? {
            if !changed.contains(entry.name) {
                let line = &self.bytes[start..start + length];
                lines.push((entry.name, entry.kind, Cow::Borrowed(line)));
            }
            start += length;
        }
        for (name, kind, id) in changes {
            lines.push((name, *kind, Cow::Owned(line(name, *kind, *id))));
        }
        // Almost sorted already, which this sort makes use of.
        lines.sort_by(|(a, a_kind, _), (b, b_kind, _)| order(a, *a_kind, b, *b_kind));
        let mut bytes = Vec::with_capacity(self.bytes.len() + 64 * changes.len());
        for (_, _, line) in &lines {
            bytes.extend_from_slice(line);
        }
        Ok(bytes)
    }
}

/// An entry as it stands in a tree, with what it is sorted by.
type Line<'t> = (&'t [u8], EntryKind, Cow<'t, [u8]>);

/// All entries of a tree; ends after the first damaged one.
pub(super) struct Entries<'t>(&'t [u8]);

impl<'t> Iterator for Entries<'t> {
    type Item = Result<Entry<'t>, &'static str>;

    fn next(&mut self) -> Option<Self::Item> {
        match parse(self.0) {
            Ok(Some((entry, length))) => {
                self.0 = &self.0[length..];
                Some(Ok(entry))
            }
            Ok(None) => None,
            Err(reason) => {
                self.0 = &[];
                Some(Err(reason))
            }
        }
    }
}

/// How many bytes are compared at once.
const CHUNK: usize = 256;

/// Counts how many bytes are the same: first by chunks, then one by one in the first chunk that is not.
fn common<'b>(
    mut chunks: impl Iterator<Item = (&'b [u8], &'b [u8])>,
    bytes: impl Iterator<Item = (&'b u8, &'b u8)>,
) -> usize {
    let whole = { &mut chunks }.take_while(|(a, b)| a.len() == CHUNK && a == b).count() * CHUNK;
    whole + bytes.skip(whole).take_while(|(a, b)| a == b).count()
}

/// The first entry as it stands there, sound or not.
fn first_line(bytes: &[u8]) -> Option<&[u8]> {
    bytes.get(..memchr::memchr(0, bytes)? + 21)
}

/// Finds where the last entry that ends at or before `limit` ends.
fn last_boundary(bytes: &[u8], limit: usize) -> Result<usize, &'static str> {
    let mut start = 0;
    loop {
        let Some(name) = memchr::memchr(0, &bytes[start..]) else {
            return match start == bytes.len() {
                true => Ok(start),
                false => Err("an entry has no end"),
            };
        };
        let end = start + name + 21;
        if end > limit || end > bytes.len() {
            return Ok(start);
        }
        start = end;
    }
}

#[cfg(test)]
mod tests {
    use super::super::entry::lossy;
    use super::*;

    fn id(n: u8) -> Oid {
        Oid::from_bytes(&[n; 20]).unwrap()
    }

    fn tree(entries: &[(&str, EntryKind)]) -> RawTree {
        entries
            .iter()
            .enumerate()
            .fold(RawTree::default(), |tree, (n, (name, kind))| {
                RawTree::new(&tree.with(&[(name.as_bytes(), *kind, id(n as u8))]).unwrap())
            })
    }

    fn names(tree: &RawTree) -> Vec<String> {
        tree.entries()
            .map(|entry| lossy(entry.unwrap().name).into_owned())
            .collect()
    }

    #[test]
    fn keeps_the_order_of_git() {
        let tree = tree(&[
            ("a", EntryKind::Directory),
            ("a.b", EntryKind::File),
            ("a0", EntryKind::File),
            ("Z", EntryKind::File),
            ("a-", EntryKind::File),
        ]);
        assert_eq!(names(&tree), ["Z", "a-", "a.b", "a", "a0"]);
    }

    #[test]
    fn replaces_in_place_and_finds_the_same_by_scan_and_by_index() {
        let tree = tree(&[("b", EntryKind::File), ("a", EntryKind::File), ("b", EntryKind::File)]);
        assert_eq!(names(&tree), ["a", "b"]);
        for _ in 0..2 * SCANS {
            assert_eq!(tree.find(b"b").unwrap().unwrap().id, id(2));
            assert_eq!(tree.find(b"c").unwrap(), None);
        }
    }

    #[test]
    fn a_name_inside_an_object_id_is_no_entry() {
        let mut bytes = b"100644 a\0".to_vec();
        bytes.extend_from_slice(b"xx100644 secret\0yyyy");
        bytes.extend_from_slice(b"100644 b\0");
        bytes.extend_from_slice(&[7; 20]);
        let tree = RawTree::new(&bytes);
        for _ in 0..2 * SCANS {
            assert_eq!(tree.find(b"secret").unwrap(), None);
            assert_eq!(tree.find(b"b").unwrap().unwrap().id, id(7));
        }
    }

    #[test]
    fn differences_are_those_of_taking_both_apart() {
        let name = |n: usize| format!("file-{n:02}");
        let make = |present: &dyn Fn(usize) -> Option<u8>| {
            let lines = (0..12)
                .filter_map(|n| present(n).map(|version| line(name(n).as_bytes(), EntryKind::File, id(version))));
            RawTree::new(&lines.collect::<Vec<_>>().concat())
        };
        let old = make(&|n| (n % 5 != 4).then_some(7));
        for changed in 0..12 {
            for version in [None, Some(7), Some(8)] {
                let new = make(&|n| {
                    if n == changed {
                        version
                    } else {
                        (n % 5 != 4).then_some(7)
                    }
                });
                let before = (changed % 5 != 4).then_some(7);
                let mut found = Vec::new();
                let mut note = |a: Option<Entry<'_>>, b: Option<Entry<'_>>| {
                    let name = a.or(b).unwrap().name;
                    found.push((lossy(name).into_owned(), a.map(|a| a.id), b.map(|b| b.id)));
                };
                old.differences(&new, &mut note).unwrap();
                let expected = match before == version {
                    true => vec![],
                    false => vec![(name(changed), before.map(id), version.map(id))],
                };
                assert_eq!(found, expected, "{changed} {version:?}");
            }
        }
        let mut all = 0;
        RawTree::default()
            .differences(&old, |a, b| all += usize::from(a.is_none() && b.is_some()))
            .unwrap();
        old.differences(&RawTree::default(), |a, b| {
            all += usize::from(a.is_some() && b.is_none())
        })
        .unwrap();
        assert_eq!(all, 20);
        assert!(RawTree::new(b"100644 a").differences(&old, |_, _| {}).is_err());
        // What both have is passed over, cut short or not.
        let cut = |version| {
            [
                line(b"a", EntryKind::File, id(version)),
                b"100644 b\0cut".to_vec(),
                vec![version],
            ]
            .concat()
        };
        assert!(
            RawTree::new(&cut(1))
                .differences(&RawTree::new(&cut(2)), |_, _| {})
                .is_err()
        );
        assert!(
            RawTree::new(&cut(1))
                .differences(&RawTree::new(&cut(1)), |_, _| {})
                .is_ok()
        );
    }

    #[test]
    fn damaged_trees_are_errors() {
        for bytes in [
            &b"100644"[..],
            b"100644 a",
            b"100644 a\0short",
            b"10x644 a\0aaaaaaaaaaaaaaaaaaaa",
            b"100644 \0aaaaaaaaaaaaaaaaaaaa",
            b"100644 a/b\0aaaaaaaaaaaaaaaaaaaa",
        ] {
            assert!(RawTree::new(bytes).entries().any(|entry| entry.is_err()));
            assert!(RawTree::new(bytes).index().is_err());
        }
    }
}
