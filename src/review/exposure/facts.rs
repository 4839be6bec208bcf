//! What a vault's history says for certain: every version of every file that an author of that time or of now has signed. Others are named and
//! say nothing.

use std::collections::BTreeMap;

use vault_format::{
    Authority, Credential, CredentialName, Entry, FilePath, Grant, GroupName, HolderName, Member, MemberName, Parsed,
    VerifyError,
};

use crate::vault::{FileError, FileProblem, FileVersion, Seen, Snapshot, Vault, Versions, in_parallel};

/// What is asked of a history; everything, where nothing is named. What nobody asks for is not opened.
#[derive(Debug, Clone, Copy, Default)]
pub struct Asked<'a> {
    /// Only these credentials.
    pub credentials: &'a [CredentialName],
    /// Only what these members know. Who of a thousand knows which of ten thousand values is ten million lines.
    pub members: &'a [MemberName],
    /// Only what calls for something: of current values, nobody who may use them and has the keys that it ever had.
    pub exposed: bool,
}

impl Asked<'_> {
    pub(super) fn about_credential(&self, name: &CredentialName) -> bool {
        self.credentials.is_empty() || self.credentials.contains(name)
    }

    pub(super) fn about_member(&self, name: &MemberName) -> bool {
        self.members.is_empty() || self.members.contains(name)
    }
}

/// One version of a file, and what it says; nothing where it is a tombstone.
#[derive(Clone)]
pub(super) struct Fact<T> {
    pub since: Seen,
    pub until: Option<Seen>,
    pub current: bool,
    pub serial: u64,
    pub said: Option<T>,
}

/// Which key of a group a member was given, and to which of its own keys.
#[derive(Clone, Copy)]
pub(super) struct Granted {
    pub epoch: u64,
    pub member_epoch: u64,
}

pub(super) type MemberEpoch = u64;

#[derive(Default)]
pub(super) struct Facts {
    pub credentials: BTreeMap<CredentialName, Vec<Fact<Credential>>>,
    pub members: BTreeMap<MemberName, Vec<Fact<MemberEpoch>>>,
    pub grants: BTreeMap<GroupName, BTreeMap<MemberName, Vec<Fact<Granted>>>>,
    pub ignored: Vec<(FileVersion, String)>,
    /// Credentials that are gone without a tombstone, and since when.
    pub gone: Vec<(FilePath, Seen)>,
}

enum Said {
    Credential(CredentialName, Option<Box<Credential>>),
    Member(MemberName, Option<MemberEpoch>),
    Grant(GroupName, MemberName, Option<Granted>),
}

/// An authority, and when the next one took its place.
type Reign = (Authority, Option<Seen>);

impl Facts {
    /// Reads the versions that are asked about on all processors; `progress` is called with the number of those done.
    pub fn read(
        vault: &Vault<'_>,
        versions: &Versions,
        asked: &Asked<'_>,
        progress: &(dyn Fn(usize) + Sync),
    ) -> Result<Self, FileError> {
        let reigns = reigns(vault, versions)?;
        let relevant = |version: &&FileVersion| match FilePath::parse(&version.file.path) {
            Some(FilePath::Credential(name)) => asked.about_credential(&name),
            Some(FilePath::Member(name) | FilePath::Grant(_, name)) => asked.about_member(&name),
            // What a group's file holds besides, its key, says nothing about who has it.
            Some(FilePath::Group(_) | FilePath::Root(_)) => false,
            None => true,
        };
        let files: Vec<&FileVersion> = versions.files.iter().filter(relevant).collect();
        let mut facts = Self::default();
        let read = in_parallel(&vault.snapshot().place(), &files, progress, |_, snapshot, version| {
            let read = read_one(snapshot, &reigns, version);
            (*version, read.map_err(|problem| problem.to_string()))
        });
        for (version, read) in read.map_err(|problem| vault.error("", FileProblem::Contradiction(problem)))? {
            match read {
                Ok((serial, said, doubt)) => {
                    facts.add(version, serial, said);
                    facts.ignored.extend(doubt.map(|doubt| (version.clone(), doubt)));
                }
                Err(problem) => facts.ignored.push((version.clone(), problem)),
            }
        }
        facts.arrange();
        Ok(facts)
    }

    fn add(&mut self, version: &FileVersion, serial: u64, said: Said) {
        fn fact<T>(version: &FileVersion, serial: u64, said: Option<T>) -> Fact<T> {
            Fact {
                since: version.since,
                until: version.until.filter(|_| !version.current),
                current: version.current,
                serial,
                said,
            }
        }
        match said {
            Said::Credential(name, said) => {
                let fact = fact(version, serial, said.map(|said| *said));
                self.credentials.entry(name).or_default().push(fact);
            }
            Said::Member(name, said) => {
                let fact = fact(version, serial, said);
                self.members.entry(name).or_default().push(fact);
            }
            Said::Grant(group, member, said) => {
                let fact = fact(version, serial, said);
                let members = self.grants.entry(group).or_default();
                members.entry(member).or_default().push(fact);
            }
        }
    }

    /// Sorts, and takes the newest sound version of a file for the current one where that is broken: what it said still holds.
    fn arrange(&mut self) {
        fn arrange<T>(facts: &mut [Fact<T>], broken: bool) {
            facts.sort_by_key(|fact| (fact.serial, fact.since));
            if let Some(last) = facts.last_mut().filter(|_| broken) {
                last.current = true;
                last.until = None;
            }
        }
        self.ignored
            .sort_by(|(a, _), (b, _)| (&a.file.path, a.since).cmp(&(&b.file.path, b.since)));
        let broken: Vec<FilePath> = { self.ignored.iter() }
            .filter(|(version, _)| version.current)
            .filter_map(|(version, _)| FilePath::parse(&version.file.path))
            .collect();
        for (name, facts) in &mut self.credentials {
            let path = FilePath::Credential(name.clone());
            let is_broken = broken.contains(&path);
            arrange(facts, is_broken);
            // Whoever can push can take a file away, and only authors can remove a credential: they leave a tombstone.
            if let Some(gone) = gone(facts) {
                arrange(facts, true);
                self.gone.push((path, gone));
            }
        }
        for (name, facts) in &mut self.members {
            arrange(facts, broken.contains(&FilePath::Member(name.clone())));
        }
        for (group, members) in &mut self.grants {
            for (member, facts) in members {
                arrange(facts, broken.contains(&FilePath::Grant(group.clone(), member.clone())));
            }
        }
    }

    /// The epoch of a member's keys now; `None` where it was removed, is gone, or never was.
    pub fn living(&self, member: &MemberName) -> Option<MemberEpoch> {
        let facts = self.members.get(member)?;
        facts.iter().find(|fact| fact.current)?.said
    }

    /// Tells whether a living member has a living grant now.
    pub fn is_granted(&self, group: &GroupName, member: &MemberName) -> bool {
        let facts = self.grants.get(group).and_then(|members| members.get(member));
        let granted = facts.is_some_and(|facts| facts.iter().any(|fact| fact.current && fact.said.is_some()));
        granted && self.living(member).is_some()
    }

    /// When a member was removed.
    pub fn removed(&self, member: &MemberName) -> Option<Seen> {
        let facts = self.members.get(member)?;
        match facts.iter().find(|fact| fact.current) {
            Some(fact) if fact.said.is_some() => None,
            Some(tombstone) => Some(tombstone.since),
            // Gone without a tombstone.
            None => facts.last()?.until,
        }
    }
}

/// When a credential went that nobody removed. What never stood where the commit that is read leads to has no end.
fn gone(facts: &[Fact<Credential>]) -> Option<Seen> {
    if facts.iter().any(|fact| fact.current || fact.until.is_none()) {
        return None;
    }
    let last = facts.last()?;
    last.said.as_ref().and(last.until)
}

/// The chain of roots as the commit that is read has it, each with the time up to which its authors were the authors.
fn reigns(vault: &Vault<'_>, versions: &Versions) -> Result<Vec<Reign>, FileError> {
    let end = |serial: u64| {
        let path = FilePath::Root(serial + 1).to_string();
        let next = versions.files.iter().filter(|version| version.file.path == path);
        next.map(|version| version.since).min()
    };
    let read = |serial: u64| -> Result<Parsed<vault_format::Root>, FileError> {
        let path = FilePath::Root(serial);
        let parse = || -> Result<_, FileProblem> {
            let bytes = vault.snapshot().read(&path.to_string())?.ok_or(FileProblem::Missing)?;
            Ok(Parsed::parse(&bytes, &path)?)
        };
        parse().map_err(|problem| vault.error(path.to_string(), problem))
    };
    let last = vault.authority();
    if last.serial() == 1 {
        return Ok(vec![(last.clone(), None)]);
    }
    let mut authority = Authority::first(&read(1)?).map_err(|e| vault.error(FilePath::Root(1).to_string(), e))?;
    let mut reigns = Vec::new();
    for serial in 2..=last.serial() {
        let next = authority
            .succeed(&read(serial)?)
            .map_err(|e| vault.error(FilePath::Root(serial).to_string(), e))?;
        reigns.push((authority, end(serial - 1)));
        authority = next;
    }
    reigns.push((authority, None));
    Ok(reigns)
}

/// What a version says with which serial, and what stands against it nevertheless.
type Believed<T> = (u64, T, Option<String>);

fn read_one(snapshot: &Snapshot<'_>, reigns: &[Reign], version: &FileVersion) -> Result<Believed<Said>, FileProblem> {
    let path = FilePath::parse(&version.file.path)
        .ok_or_else(|| FileProblem::Contradiction("no file of a vault can stand there".into()))?;
    let bytes = snapshot.read_blob(&version.file)?;
    match &path {
        FilePath::Credential(name) => {
            let (serial, said, doubt) = verified::<Credential>(&bytes, &path, reigns, version)?;
            Ok((serial, Said::Credential(name.clone(), said.map(Box::new)), doubt))
        }
        FilePath::Member(name) => {
            let (serial, said, doubt) = verified::<Member>(&bytes, &path, reigns, version)?;
            let said = said.map(|member| member.epoch);
            Ok((serial, Said::Member(name.clone(), said), doubt))
        }
        FilePath::Grant(group, member) => {
            let (serial, said, doubt) = verified::<Grant>(&bytes, &path, reigns, version)?;
            let said = said.map(|grant| Granted {
                epoch: grant.epoch,
                member_epoch: { grant.sealed_to.find(&HolderName::Member(member.clone())) }
                    .map_or(0, |(_, epoch)| epoch),
            });
            Ok((serial, Said::Grant(group.clone(), member.clone(), said), doubt))
        }
        FilePath::Group(_) | FilePath::Root(_) => Err(FileProblem::Contradiction("it says nothing here".into())),
    }
}

/// Checks a version against the authors of now, and where they did not sign it, against those of its time.
fn verified<K: Entry>(
    bytes: &[u8],
    path: &FilePath,
    reigns: &[Reign],
    version: &FileVersion,
) -> Result<Believed<Option<K>>, FileProblem> {
    let parsed = Parsed::<K>::parse(bytes, path)?;
    let mut refusal: Option<VerifyError> = None;
    for (authority, end) in reigns.iter().rev() {
        if end.is_some_and(|end| version.since > end) {
            break;
        }
        match authority.verify(parsed.clone()) {
            Ok(file) => {
                // What stands there now must be signed by an author of now: when it was made is only what its commit says.
                let doubt = refusal.filter(|_| version.current).map(|refusal| refusal.to_string());
                return Ok((file.serial(), file.body().cloned(), doubt));
            }
            Err(error) => refusal = refusal.or(Some(error)),
        }
    }
    match refusal {
        Some(refusal) => Err(refusal.into()),
        None => Err(FileProblem::Missing),
    }
}
