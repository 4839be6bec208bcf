//! A vault as typed files: each one is parsed, checked against the root's authors and against its floor before anybody sees it.
//!
//! Decides nothing about which vault to trust; that is compared with [`Vault::id`] by the caller, who holds the anchor.

use std::{
    io,
    path::{Path, PathBuf},
    rc::Rc,
};

use thiserror::Error;
use vault_format::{
    Authority, Credential, CredentialName, Digest, Entry, FilePath, FormatError, Grant, Group, GroupName, Member,
    MemberName, OpenError, Parsed, ROOT_FILE, Scope, StanzaError, VaultId, Verified, VerifyError,
};

use super::{
    CommitId, ReadError, Snapshot,
    trust::{FloorError, Floors, Places},
};

/// One commit of a vault, with the authors that its root names.
pub struct Vault<'r> {
    snapshot: Snapshot<'r>,
    authority: Authority,
    /// The digests of all roots, the first one first.
    roots: Vec<Digest>,
    floors: Floors,
    /// Whether what is below its floor is refused.
    heeds_floors: bool,
    places: Rc<Places>,
}

/// A file that cannot be used, with the place where it was found.
#[derive(Debug, Error)]
#[error("{path} (commit {}): {problem}", .commit.short())]
pub struct FileError {
    /// The path inside the vault.
    pub path: String,
    /// The commit that was read.
    pub commit: CommitId,
    /// What is wrong.
    pub problem: Box<FileProblem>,
}

/// What can be wrong with a file of a vault.
#[derive(Debug, Error)]
pub enum FileProblem {
    /// git cannot give it, or it is no regular file.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// It does not keep the format.
    #[error(transparent)]
    Format(#[from] FormatError),
    /// Its signatures do not make it part of this vault.
    #[error(transparent)]
    Verify(#[from] VerifyError),
    /// Its payload does not open.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// Its stanzas are not those of its holders.
    #[error(transparent)]
    Stanzas(#[from] StanzaError),
    /// It is older or other than what was used here.
    #[error(transparent)]
    Floor(#[from] FloorError),
    /// Another file needs it, and it is not there, or was removed.
    #[error("it is needed, and it is not there")]
    Missing,
    /// It contradicts another file.
    #[error("{0}")]
    Contradiction(String),
}

impl<'r> Vault<'r> {
    /// Reads the roots of a commit. `state` is the directory in which this machine remembers; floors are kept in it by vault.
    ///
    /// # Errors
    /// [`FileError`] where a root is missing, broken, not signed as the one before it asks, or below its floor.
    pub fn load(snapshot: Snapshot<'r>, state: Option<&Path>) -> Result<Self, FileError> {
        let vault = Self::load_on_the_way(snapshot, state)?;
        vault.check_roots()?;
        Ok(Self {
            heeds_floors: true,
            ..vault
        })
    }

    /// The same for a state between two others, as commits that are made anew one by one have it: later ones have been used here already. So
    /// it is held against no floor. Whoever reads it holds what comes of it against them.
    ///
    /// # Errors
    /// As [`Vault::load`], but for floors.
    pub fn load_on_the_way(snapshot: Snapshot<'r>, state: Option<&Path>) -> Result<Self, FileError> {
        let commit = snapshot.commit();
        let fail = |path: String, problem: FileProblem| FileError {
            path,
            commit,
            problem: Box::new(problem),
        };
        let root = |path: &FilePath| -> Result<Option<Parsed<_>>, FileError> {
            let text = path.to_string();
            let bytes = snapshot.read(&text).map_err(|e| fail(text.clone(), e.into()))?;
            bytes
                .map(|bytes| Parsed::parse(&bytes, path).map_err(|e| fail(text.clone(), e.into())))
                .transpose()
        };
        let first = root(&FilePath::Root(1))?.ok_or_else(|| fail(ROOT_FILE.into(), FileProblem::Missing))?;
        let mut authority = Authority::first(&first).map_err(|e| fail(ROOT_FILE.into(), e.into()))?;
        let mut roots = vec![authority.digest()];
        loop {
            let path = FilePath::Root(authority.serial() + 1);
            let Some(next) = root(&path)? else { break };
            authority = authority.succeed(&next).map_err(|e| fail(path.to_string(), e.into()))?;
            roots.push(authority.digest());
        }
        let places = state.map(|state| state.join(authority.vault().to_hex()).join("places"));
        let mut vault = Self {
            heeds_floors: false,
            floors: Floors::new(state.map(|state| floors_directory(state, authority.vault()))),
            places: Rc::new(Places::new(places)),
            snapshot,
            authority,
            roots,
        };
        vault.snapshot.remember(vault.places.clone());
        Ok(vault)
    }

    /// Checks the chain of roots against its floor.
    ///
    /// # Errors
    /// [`FileError`] where it does not pass through the root that was seen here.
    pub(super) fn check_roots(&self) -> Result<(), FileError> {
        // One floor for all its files: its length and the digest of its end, through which every later chain must pass.
        let checked = self.floors.check_chain(ROOT_FILE, &self.roots);
        checked.map_err(|error| self.error(ROOT_FILE, error))
    }

    /// The vault's id: the hash of its first root.
    pub fn id(&self) -> VaultId {
        self.authority.vault()
    }

    /// Who may write.
    pub fn authority(&self) -> &Authority {
        &self.authority
    }

    /// Tells whether the chain of roots passes through the root that another chain ends with.
    pub fn follows(&self, earlier: &Authority) -> bool {
        self.root_at(earlier.serial()) == Some(earlier.digest())
    }

    /// The digest of the root that has this serial in the chain.
    pub fn root_at(&self, serial: u64) -> Option<Digest> {
        let at = usize::try_from(serial.checked_sub(1)?).ok()?;
        self.roots.get(at).copied()
    }

    /// The commit's files as paths and bytes.
    pub fn snapshot(&self) -> &Snapshot<'r> {
        &self.snapshot
    }

    /// What this machine remembers of the vault.
    pub fn floors(&self) -> &Floors {
        &self.floors
    }

    /// Writes the floors of the root and of every file that was used, now that all checks are through.
    ///
    /// # Errors
    /// Those of the file system: a machine whose state cannot be written has no protection against rollback beyond its anchor.
    pub fn save_floors(&self) -> io::Result<()> {
        self.floors
            .raise(ROOT_FILE, self.authority.serial(), || self.authority.digest());
        self.places.save();
        self.floors.save()
    }

    /// Lets go of the commit and keeps what is to be remembered of it, the root included.
    pub fn into_floors(self) -> Floors {
        self.floors
            .raise(ROOT_FILE, self.authority.serial(), || self.authority.digest());
        self.floors
    }

    /// Reads a file that is going to be used: checked, and noted for its floor.
    ///
    /// # Errors
    /// [`FileError`]; also where the file is gone although it was used here before.
    pub fn find<K: Entry>(&self, path: &FilePath) -> Result<Option<Verified<K>>, FileError> {
        let found = self.look_at(path)?;
        if let Some(file) = &found {
            let document: &Parsed<K> = file.document();
            self.floors
                .raise(&path.to_string(), file.serial(), || document.digest());
        }
        Ok(found)
    }

    /// Reads a file to list or show it: checked, but not noted as used.
    ///
    /// # Errors
    /// As [`Vault::find`].
    pub fn look_at<K: Entry>(&self, path: &FilePath) -> Result<Option<Verified<K>>, FileError> {
        let text = path.to_string();
        let check = || -> Result<Option<Verified<K>>, FileProblem> {
            let found = self.verified::<K>(path)?;
            match &found {
                _ if !self.heeds_floors => {}
                None => self.floors.check_absent(&text)?,
                Some(file) => self.floors.check(&text, file.serial(), || file.document().digest())?,
            }
            Ok(found)
        };
        check().map_err(|problem| self.error(text.clone(), problem))
    }

    /// Reads a credential that an author names to overtake what was used here: checked in everything but its floor, whose serial is returned
    /// where it is higher or the file is another or gone.
    ///
    /// # Errors
    /// As [`Vault::find`], but for files that are older than, other than, or missing although they were used here.
    pub fn credential_to_overtake(
        &self,
        name: &CredentialName,
    ) -> Result<(Option<Verified<Credential>>, Option<u64>), FileError> {
        let path = FilePath::Credential(name.clone());
        let text = path.to_string();
        let check = || -> Result<_, FileProblem> {
            let found = self.verified::<Credential>(&path)?;
            let passes = match &found {
                None => self.floors.check_absent(&text),
                Some(file) => self.floors.check(&text, file.serial(), || file.document().digest()),
            };
            let overtaken = if passes.is_ok() {
                None
            } else {
                self.floors.highest(&text)?
            };
            Ok((found, overtaken))
        };
        check().map_err(|problem| self.error(text.clone(), problem))
    }

    /// Reads a file and checks all that this commit alone can show.
    fn verified<K: Entry>(&self, path: &FilePath) -> Result<Option<Verified<K>>, FileProblem> {
        let Some(bytes) = self.snapshot.read(&path.to_string())? else {
            return Ok(None);
        };
        Ok(Some(self.authority.verify(Parsed::parse(&bytes, path)?)?))
    }

    /// A credential, living or removed.
    ///
    /// # Errors
    /// As [`Vault::find`].
    pub fn credential(&self, name: &CredentialName) -> Result<Option<Verified<Credential>>, FileError> {
        self.find(&FilePath::Credential(name.clone()))
    }

    /// A member, living or removed.
    ///
    /// # Errors
    /// As [`Vault::find`].
    pub fn member(&self, name: &MemberName) -> Result<Option<Verified<Member>>, FileError> {
        self.find(&FilePath::Member(name.clone()))
    }

    /// A group, living or removed.
    ///
    /// # Errors
    /// As [`Vault::find`].
    pub fn group(&self, name: &GroupName) -> Result<Option<Verified<Group>>, FileError> {
        self.find(&FilePath::Group(name.clone()))
    }

    /// A grant, living or removed.
    ///
    /// # Errors
    /// As [`Vault::find`].
    pub fn grant(&self, group: &GroupName, member: &MemberName) -> Result<Option<Verified<Grant>>, FileError> {
        self.find(&FilePath::Grant(group.clone(), member.clone()))
    }

    /// The serial and digest of a file of any kind, checked in everything but its floor; for a root, those of the whole chain.
    ///
    /// # Errors
    /// As [`Vault::find`].
    pub fn state_of(&self, path: &FilePath) -> Result<Option<(u64, Digest)>, FileError> {
        fn of<K: Entry>(vault: &Vault<'_>, path: &FilePath) -> Result<Option<(u64, Digest)>, FileError> {
            let file = vault
                .verified::<K>(path)
                .map_err(|problem| vault.error(path.to_string(), problem))?;
            Ok(file.map(|file| (file.serial(), Parsed::digest(file.document()))))
        }
        match path {
            FilePath::Credential(_) => of::<Credential>(self, path),
            FilePath::Member(_) => of::<Member>(self, path),
            FilePath::Group(_) => of::<Group>(self, path),
            FilePath::Grant(..) => of::<Grant>(self, path),
            FilePath::Root(_) => Ok(Some((self.authority.serial(), self.authority.digest()))),
        }
    }

    /// Tells whether a member was granted a group's key, without opening anything.
    ///
    /// # Errors
    /// [`FileError`] where the grant is not to be trusted.
    pub fn is_granted(&self, group: &GroupName, member: &MemberName) -> Result<bool, FileError> {
        let grant = self.grant(group, member)?;
        Ok(grant.is_some_and(|grant| grant.body().is_some()))
    }

    /// Tells whether a scope reaches a member of this vault: as everyone, by name, or through a group that was granted to it.
    ///
    /// # Errors
    /// [`FileError`] where a grant is not to be trusted.
    pub fn reaches(&self, scope: &Scope, member: &MemberName) -> Result<bool, FileError> {
        if scope == &Scope::Everyone || scope.names(member) {
            return Ok(true);
        }
        for group in scope.groups() {
            if self.is_granted(&group, member)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The paths of all files in one of the vault's folders, sorted. What has no place in a vault is left out: that is for `verify` to report,
    /// and must not keep the rest from being listed.
    ///
    /// # Errors
    /// [`FileError`] where the tree cannot be read.
    pub fn paths(&self, folder: &str) -> Result<Vec<FilePath>, FileError> {
        let files = self.snapshot.files(&[folder]).map_err(|e| self.error(folder, e))?;
        let inside = |path: &str| path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'));
        let mut paths: Vec<FilePath> = files
            .iter()
            .filter(|file| file.raw_path.is_none() && inside(&file.path))
            .filter_map(|file| FilePath::parse(&file.path))
            .collect();
        paths.sort();
        Ok(paths)
    }

    /// The names of all credentials, sorted, removed ones included.
    ///
    /// # Errors
    /// [`FileError`] where a folder cannot be read.
    pub fn credential_names(&self) -> Result<Vec<CredentialName>, FileError> {
        let paths = self.paths("credentials")?.into_iter();
        Ok(paths
            .filter_map(|path| match path {
                FilePath::Credential(name) => Some(name),
                _ => None,
            })
            .collect())
    }

    /// The names of all members, sorted, removed ones included.
    ///
    /// # Errors
    /// [`FileError`] where a folder cannot be read.
    pub fn member_names(&self) -> Result<Vec<MemberName>, FileError> {
        let paths = self.paths("members")?.into_iter();
        Ok(paths
            .filter_map(|path| match path {
                FilePath::Member(name) => Some(name),
                _ => None,
            })
            .collect())
    }

    /// An error about one file of this commit.
    pub fn error(&self, path: impl Into<String>, problem: impl Into<FileProblem>) -> FileError {
        FileError {
            path: path.into(),
            commit: self.snapshot.commit(),
            problem: Box::new(problem.into()),
        }
    }
}

/// Where a machine keeps the floors of one vault.
pub fn floors_directory(state: &Path, vault: VaultId) -> PathBuf {
    state.join(vault.to_hex()).join("floors")
}
