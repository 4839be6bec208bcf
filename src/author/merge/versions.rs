//! The three sides of one file, checked; and what can be decided without knowing what its kind says: which side is there, removed, or the same.

use vault_format::{Entry, FilePath, Parsed, Verified};

use super::{
    super::{desk::Desk, error::AuthorError},
    error::{MergeError, Which},
    ruling::{Course, Judge},
};
use crate::vault::{FileChange, FileProblem, Vault};

/// A file in conflict, with its three sides as git has them.
pub struct Conflicted {
    /// Where it stands.
    pub path: FilePath,
    /// What both sides began with.
    pub base: Option<Vec<u8>>,
    /// HEAD's side.
    pub ours: Option<Vec<u8>>,
    /// The side that is taken over.
    pub theirs: Option<Vec<u8>>,
    /// The side that is no change, since the other one's history has had it already: it came before what stands there now.
    pub outdated: Option<Which>,
}

/// The sides of one file, checked.
pub(super) struct Versions<K: Entry> {
    pub path: FilePath,
    /// `None` too where no author of the current root vouches for it: then everything that differs is asked about.
    pub base: Option<Verified<K>>,
    pub ours: Option<Verified<K>>,
    pub theirs: Option<Verified<K>>,
    /// The highest serial that is known of the file: of the sides, and of what was used here.
    pub before: u64,
    had_base: bool,
    /// The side that the other one's history has had.
    pub outdated: Option<Which>,
}

/// What the sides come to.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// What this side says.
    Side(Which),
    /// It is removed.
    Removed,
    /// Both live, and are to be merged field by field.
    Both,
}

impl<K: Entry> Versions<K> {
    /// Checks the sides against the authors of the current root.
    ///
    /// # Errors
    /// [`MergeError::Side`] naming the file and the side.
    pub fn read(vault: &Vault<'_>, file: &Conflicted) -> Result<Self, AuthorError> {
        let check = |bytes: &Option<Vec<u8>>| -> Result<Option<Verified<K>>, FileProblem> {
            let Some(bytes) = bytes else { return Ok(None) };
            let parsed = Parsed::parse(bytes, &file.path)?;
            Ok(Some(vault.authority().verify(parsed)?))
        };
        let side = |which: Which, bytes: &Option<Vec<u8>>| {
            check(bytes).map_err(|problem| MergeError::Side {
                path: file.path.to_string(),
                which,
                problem: Box::new(problem),
            })
        };
        let (ours, theirs) = (side(Which::Ours, &file.ours)?, side(Which::Theirs, &file.theirs)?);
        // Where an author has gone, the base is signed by somebody who is none any more; and by another author on the side where that was done.
        let resigned = || {
            let base = Parsed::<K>::parse(file.base.as_deref()?, &file.path).ok()?;
            let mut sides = [&ours, &theirs].into_iter().flatten();
            sides
                .find(|side| side.document().signed_bytes() == base.signed_bytes())
                .cloned()
        };
        let base = check(&file.base).ok().flatten().or_else(resigned);
        let used = vault.floors().highest(&file.path.to_string());
        let used = used.map_err(|problem| vault.error(file.path.to_string(), problem))?;
        let serials = [&base, &ours, &theirs].into_iter().flatten().map(Verified::serial);
        Ok(Self {
            path: file.path.clone(),
            before: serials.chain(used).max().unwrap_or(0),
            had_base: file.base.is_some(),
            outdated: file.outdated,
            base,
            ours,
            theirs,
        })
    }

    pub fn side(&self, which: Which) -> Option<&Verified<K>> {
        match which {
            Which::Ours => self.ours.as_ref(),
            Which::Theirs => self.theirs.as_ref(),
        }
    }

    /// The living sides, where both live.
    pub fn living(&self) -> Option<(&K, &K)> {
        Some((self.ours.as_ref()?.body()?, self.theirs.as_ref()?.body()?))
    }

    /// What the base says.
    pub fn base_body(&self) -> Option<&K> {
        self.base.as_ref().and_then(Verified::body)
    }

    /// Judges the sides. `unchanged` tells whether a side says the same as the base.
    pub fn judge(&self, judge: &mut Judge<'_>, unchanged: impl Fn(Which, &K, &K) -> bool) -> Verdict {
        let verdict = self.verdict(judge, unchanged);
        if let Verdict::Side(which) = verdict {
            judge.took_all(self.as_side(which));
        }
        verdict
    }

    /// Tells whether a side is an older file that was put back. Where git makes a change once more, HEAD may be older than that change; where
    /// it takes one back, both are.
    pub fn is_rolled_back(&self, which: Which, course: Course) -> bool {
        let (Some(side), Some(base)) = (self.side(which), &self.base) else {
            return false;
        };
        let looked_at = match which {
            Which::Ours => course == Course::Join,
            Which::Theirs => course != Course::TakeBack,
        };
        looked_at && side.serial() <= base.serial() && side.document().signed_bytes() != base.document().signed_bytes()
    }

    /// Refuses a verdict for keys that were put back: they may be stolen ones that were replaced for that.
    pub fn refuse_old_keys(&self, verdict: Verdict, course: Course) -> Result<(), MergeError> {
        match verdict {
            Verdict::Side(which) if self.is_rolled_back(which, course) => Err(MergeError::OldKeys {
                path: self.path.to_string(),
                which,
            }),
            _ => Ok(()),
        }
    }

    fn verdict(&self, judge: &mut Judge<'_>, unchanged: impl Fn(Which, &K, &K) -> bool) -> Verdict {
        let (ours, theirs) = match (&self.ours, &self.theirs) {
            (Some(ours), Some(theirs)) => (ours, theirs),
            // Deleted without a tombstone: nobody has signed that, and only a person can say that it was meant.
            (Some(side), None) => return self.one_side(judge, Which::Ours, side),
            (None, Some(side)) => return self.one_side(judge, Which::Theirs, side),
            (None, None) => {
                let gone = || "deleted without a tombstone".to_owned();
                judge.choose("the file", gone(), gone());
                return Verdict::Removed;
            }
        };
        let same = |a: &Verified<K>, b: &Verified<K>| a.document().signed_bytes() == b.document().signed_bytes();
        if same(ours, theirs) {
            return Verdict::Side(Which::Ours);
        }
        let rolled_back = |which| self.is_rolled_back(which, judge.course());
        let is_outdated = |which| self.outdated == Some(which);
        match (rolled_back(Which::Ours), rolled_back(Which::Theirs)) {
            (false, _) if is_outdated(Which::Theirs) => return Verdict::Side(Which::Ours),
            (false, false) if is_outdated(Which::Ours) && theirs.serial() > ours.serial() => {
                return Verdict::Side(Which::Theirs);
            }
            (false, false) => {}
            (by_ours, by_theirs) => {
                let (ours, theirs) = (self.shown(ours, by_ours), self.shown(theirs, by_theirs));
                return Verdict::Side(judge.choose("the version", ours, theirs));
            }
        }
        match &self.base {
            Some(base) if same(base, ours) && theirs.serial() > base.serial() => return Verdict::Side(Which::Theirs),
            Some(base) if same(base, theirs) && ours.serial() > base.serial() => return Verdict::Side(Which::Ours),
            _ => {}
        }
        let (living, which) = match (ours.body(), theirs.body()) {
            (Some(_), Some(_)) => return Verdict::Both,
            (None, None) => return Verdict::Removed,
            (Some(living), None) => (living, Which::Ours),
            (None, Some(living)) => (living, Which::Theirs),
        };
        match &self.base {
            // The side that removed it, or left it removed, has done nothing else; the other one may have.
            Some(base) if base.body().is_none() => Verdict::Side(which),
            Some(base) if base.body().is_some_and(|base| unchanged(which, living, base)) => Verdict::Removed,
            _ => {
                let (kept, removed) = ("changed".to_owned(), "removed".to_owned());
                let chosen = match which {
                    Which::Ours => judge.choose("the file", kept, removed),
                    Which::Theirs => judge.choose("the file", removed, kept),
                };
                match chosen == which {
                    true => Verdict::Side(which),
                    false => Verdict::Removed,
                }
            }
        }
    }

    fn shown(&self, side: &Verified<K>, is_rolled_back: bool) -> String {
        let base = self.base.as_ref().map_or(0, Verified::serial);
        match is_rolled_back {
            true => format!(
                "put back to serial {}, where both began with serial {base}",
                side.serial()
            ),
            false => format!("serial {}", side.serial()),
        }
    }

    fn one_side(&self, judge: &mut Judge<'_>, which: Which, side: &Verified<K>) -> Verdict {
        if !self.had_base || side.body().is_none() {
            return Verdict::Side(which);
        }
        let kept = match self.is_rolled_back(which, judge.course()) {
            true => self.shown(side, true),
            false => "changed".to_owned(),
        };
        let deleted = "deleted without a tombstone".to_owned();
        let chosen = match which {
            Which::Ours => judge.choose("the file", kept, deleted),
            Which::Theirs => judge.choose("the file", deleted, kept),
        };
        match chosen == which {
            true => Verdict::Side(which),
            false => Verdict::Removed,
        }
    }

    /// Tells whether a side can stand as it is: it must be the newer one, for machines that have used the other, and for this one.
    pub fn can_stay(&self, vault: &Vault<'_>, which: Which) -> bool {
        let (side, other) = match which {
            Which::Ours => (&self.ours, &self.theirs),
            Which::Theirs => (&self.theirs, &self.ours),
        };
        let Some(side) = side else { return false };
        let newer = match other {
            Some(other) if other.document().signed_bytes() == side.document().signed_bytes() => true,
            Some(other) => side.serial() > other.serial(),
            None => true,
        };
        let path = self.path.to_string();
        let floor = vault.floors().check(&path, side.serial(), || side.document().digest());
        newer && floor.is_ok()
    }

    /// Takes a side as it is.
    pub fn keep(&self, desk: &mut Desk<'_, '_, '_>, which: Which) -> String {
        if let Some(side) = self.side(which) {
            desk.take_over(side);
        }
        format!("{}: {}", self.path, self.as_side(which))
    }

    fn as_side(&self, which: Which) -> String {
        match self.outdated {
            Some(other) if other != which => format!("as {which} has it ({other} has an earlier version of that)"),
            _ => format!("as {which} has it"),
        }
    }

    /// Writes a tombstone, where neither side has one that can stay.
    pub fn remove(&self, desk: &mut Desk<'_, '_, '_>) -> Result<String, AuthorError> {
        for which in [Which::Ours, Which::Theirs] {
            let is_tombstone = self.side(which).is_some_and(|side| side.body().is_none());
            if is_tombstone && self.can_stay(desk.vault, which) {
                self.keep(desk, which);
                return Ok(format!("{}: removed", self.path));
            }
        }
        let any = [&self.ours, &self.theirs, &self.base].into_iter().flatten().next();
        let Some(any) = any else {
            return Err(AuthorError::NothingToDo);
        };
        let head = desk.head::<K>(any.subject().clone(), Some(self.before), None);
        desk.write_plain(head)?;
        Ok(format!("{}: removed; serial {}", self.path, self.before + 1))
    }

    /// The bytes of a side, for the next step of the merge.
    pub fn as_change(&self, which: Which) -> Option<FileChange> {
        self.side(which).map(|side| FileChange {
            path: self.path.to_string(),
            contents: side.document().as_bytes().to_vec(),
        })
    }

    /// How a person is told of a file that was written anew.
    pub fn told(&self, sources: &[String]) -> String {
        let what = match sources.is_empty() {
            true => "the same on both sides".to_owned(),
            false => sources.join(", "),
        };
        format!("{}: {what}; serial {}", self.path, self.before + 1)
    }
}
