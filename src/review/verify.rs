//! Checks every file of a commit without a key: format, signatures, places, stanzas, and what only several files together show.
//!
//! Reports everything it finds, and stops at nothing: a broken file hides no other one.

use std::collections::{BTreeMap, HashMap};

use vault_format::{
    Authority, Credential, Entry, FilePath, Grant, Group, GroupName, Holder, HolderName, Member, Parsed, Recipient,
    SealedTo, check_stanzas,
};

use super::parallel::each;
use crate::vault::{EntryKind, FileError, FileProblem, Place, Snapshot, TreeFile, Vault};

/// One thing that is not as it must be.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// The path inside the vault.
    pub path: String,
    /// What is wrong with it, a line.
    pub problem: String,
}

impl Finding {
    /// Tells whether it is about a file that is sound, but sealed to keys that are no longer current.
    pub fn is_stale(&self) -> bool {
        self.problem.starts_with("stale: ")
    }
}

/// What was looked at, and what was found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Verdict {
    /// How many files were checked.
    pub files: usize,
    /// Sorted by path; empty where all is well.
    pub findings: Vec<Finding>,
}

/// The public keys of everybody at their current epochs: what stanzas are compared with.
#[derive(Default)]
pub(super) struct Keys(HashMap<HolderName, (u64, Vec<Recipient>)>);

/// What a file says that other files must agree with.
enum Said {
    Credential,
    Member(Option<Member>),
    Group(Option<Group>),
    Grant(Option<Grant>),
}

/// Checks a whole vault on all processors. `progress` is called with the number of files done since the last call.
///
/// # Errors
/// [`FileError`] where the tree cannot be listed at all; everything else is a finding.
pub fn verify(vault: &Vault<'_>, progress: &(dyn Fn(usize) + Sync)) -> Result<Verdict, FileError> {
    let files = list(vault)?;
    let mut findings = Vec::new();
    let mut known = Vec::new();
    for file in &files {
        match place(file) {
            Ok(Some(path)) => known.push((file, path)),
            Ok(None) => {}
            Err(problem) => findings.push(finding(&file.path, problem)),
        }
    }
    findings.extend(collisions(&files));
    // Keys first: stanzas can only be judged against them.
    let (keyed, rest): (Vec<_>, Vec<_>) = known
        .iter()
        .filter(|(_, path)| !matches!(path, FilePath::Root(_)))
        .partition(|(_, path)| matches!(path, FilePath::Member(_) | FilePath::Group(_)));
    let place = vault.snapshot().place();
    let authority = vault.authority();
    let mut keys = Keys::default();
    let mut said = check_all(&place, authority, &keyed, None, progress, &mut findings);
    keys.learn(&said, &mut findings);
    said.extend(check_all(
        &place,
        authority,
        &rest,
        Some(&keys),
        progress,
        &mut findings,
    ));
    findings.extend(check_groups(vault, &keyed, &keys, &said));
    findings.extend(check_roots(authority, &known));
    findings.sort();
    findings.dedup();
    Ok(Verdict {
        files: known.len(),
        findings,
    })
}

/// Lists what [`verify`] looks at: the vault's own directory and everything below its folders.
///
/// # Errors
/// [`FileError`] where the tree cannot be listed.
pub fn list(vault: &Vault<'_>) -> Result<Vec<TreeFile>, FileError> {
    let files = vault.snapshot().files(&vault_format::FOLDERS);
    files.map_err(|error| vault.error("", error))
}

type Known<'f> = (&'f TreeFile, FilePath);

/// Checks files one by one on all processors, and returns what they say.
fn check_all(
    place: &Place,
    authority: &Authority,
    files: &[&Known<'_>],
    keys: Option<&Keys>,
    progress: &(dyn Fn(usize) + Sync),
    findings: &mut Vec<Finding>,
) -> Vec<(FilePath, Said)> {
    let checked = each(place, files, progress, |_, snapshot, (file, path)| {
        check_file(snapshot, authority, file, path, keys)
            .map(|what| (path.clone(), what))
            .map_err(|problem| finding(&file.path, problem))
    });
    let mut all = Vec::new();
    for result in checked.unwrap_or_else(|problem| vec![Err(finding("", problem))]) {
        match result {
            Ok(said) => all.push(said),
            Err(found) => findings.push(found),
        }
    }
    all
}

/// Everything that one file, with the keys of others, can show.
fn check_file(
    snapshot: &Snapshot<'_>,
    authority: &Authority,
    file: &TreeFile,
    path: &FilePath,
    keys: Option<&Keys>,
) -> Result<Said, FileProblem> {
    let bytes = snapshot.read_blob(file)?;
    match path {
        FilePath::Credential(_) => check::<Credential>(authority, &bytes, path, keys).map(|_| Said::Credential),
        FilePath::Member(_) => check(authority, &bytes, path, keys).map(Said::Member),
        FilePath::Group(_) => check(authority, &bytes, path, keys).map(Said::Group),
        FilePath::Grant(..) => check(authority, &bytes, path, keys).map(Said::Grant),
        FilePath::Root(_) => Err(FileProblem::Contradiction("a root is no file of an author".into())),
    }
}

fn check<K: Entry>(
    authority: &Authority,
    bytes: &[u8],
    path: &FilePath,
    keys: Option<&Keys>,
) -> Result<Option<K>, FileProblem> {
    let file = authority.verify(Parsed::<K>::parse(bytes, path)?)?;
    let document = file.document();
    if let (Some(keys), Some(sealed_to), Some(payload)) = (keys, file.body().and_then(K::sealed_to), document.payload())
    {
        keys.check(sealed_to, payload)?;
    }
    Ok(file.body().cloned())
}

impl Keys {
    /// Those of all members and groups of a vault whose files are sound.
    ///
    /// # Errors
    /// [`FileError`] where the tree cannot be listed.
    pub(super) fn of(vault: &Vault<'_>) -> Result<Self, FileError> {
        let mut keys = Self::default();
        for name in vault.member_names()? {
            if let Ok(Some(member)) = vault.look_at::<Member>(&FilePath::Member(name.clone()))
                && let Some(body) = member.body()
            {
                keys.0
                    .insert(HolderName::Member(name), (body.epoch, body.recipients.clone()));
            }
        }
        for path in vault.paths("groups")? {
            if let FilePath::Group(name) = &path
                && let Ok(Some(group)) = vault.look_at::<Group>(&path)
                && let Some(body) = group.body()
            {
                keys.0.insert(
                    HolderName::Group(name.clone()),
                    (body.epoch, vec![body.recipient.clone()]),
                );
            }
        }
        Ok(keys)
    }

    /// Takes in the members and groups, and reports keys that two members share.
    fn learn(&mut self, said: &[(FilePath, Said)], findings: &mut Vec<Finding>) {
        let mut owners: BTreeMap<&str, &FilePath> = BTreeMap::new();
        for (path, said) in said {
            match (path, said) {
                (FilePath::Member(name), Said::Member(Some(member))) => {
                    for key in &member.recipients {
                        if let Some(other) = owners.insert(key.as_str(), path) {
                            let problem = format!("its key is also that of {other}; one key belongs to one member");
                            findings.push(finding(&path.to_string(), problem));
                        }
                    }
                    let keys = (member.epoch, member.recipients.clone());
                    self.0.insert(HolderName::Member(name.clone()), keys);
                }
                (FilePath::Group(name), Said::Group(Some(group))) => {
                    let keys = (group.epoch, vec![group.recipient.clone()]);
                    self.0.insert(HolderName::Group(name.clone()), keys);
                }
                _ => {}
            }
        }
    }

    /// Compares the stanzas of a payload with the keys of its holders.
    pub(super) fn check(&self, sealed_to: &SealedTo, payload: &str) -> Result<(), FileProblem> {
        let mut expected: Vec<(&Holder, &Recipient)> = Vec::new();
        for holder in sealed_to.holders() {
            let Some((epoch, keys)) = self.0.get(&holder.name) else {
                return Err(FileProblem::Contradiction(format!(
                    "sealed to {holder}, whose keys are not in this vault"
                )));
            };
            match holder.epoch.cmp(epoch) {
                std::cmp::Ordering::Equal => expected.extend(keys.iter().map(|key| (holder, key))),
                std::cmp::Ordering::Less => {
                    let problem = format!("stale: sealed to {holder}, whose keys are at epoch {epoch} now");
                    return Err(FileProblem::Contradiction(problem));
                }
                std::cmp::Ordering::Greater => {
                    let problem = format!("sealed to {holder}, whose keys are only at epoch {epoch}");
                    return Err(FileProblem::Contradiction(problem));
                }
            }
        }
        Ok(check_stanzas(payload, &expected)?)
    }
}

/// The stanzas of the groups' own payloads, the two groups every vault has, and grants of epochs that are over.
fn check_groups(vault: &Vault<'_>, keyed: &[&Known<'_>], keys: &Keys, said: &[(FilePath, Said)]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for group in [GroupName::all(), GroupName::keepers()] {
        let path = FilePath::Group(group);
        if !keyed.iter().any(|(_, known)| known == &path) {
            findings.push(finding(
                &path.to_string(),
                "every vault has this group, and it is not there",
            ));
        }
    }
    for (file, path) in keyed.iter().filter(|(_, path)| matches!(path, FilePath::Group(_))) {
        // Its format and signature were reported before; here only its stanzas are new.
        if !said.iter().any(|(known, _)| known == path) {
            continue;
        }
        if let Err(problem) = check_file(vault.snapshot(), vault.authority(), file, path, Some(keys)) {
            findings.push(finding(&file.path, problem));
        }
    }
    let mut members_granted = std::collections::HashSet::new();
    for (path, said) in said {
        let (FilePath::Grant(group, member), Said::Grant(Some(grant))) = (path, said) else {
            continue;
        };
        let problem = match keys.0.get(&HolderName::Group(group.clone())) {
            None => format!("it grants the group '{group}', which is not in this vault"),
            Some((epoch, _)) if grant.epoch < *epoch => {
                format!(
                    "stale: it grants epoch {} of '{group}', which is at epoch {epoch} now",
                    grant.epoch
                )
            }
            Some((epoch, _)) if grant.epoch > *epoch => {
                format!(
                    "it grants epoch {} of '{group}', which is only at epoch {epoch}",
                    grant.epoch
                )
            }
            Some(_) => {
                if group == &GroupName::all() {
                    members_granted.insert(member);
                }
                continue;
            }
        };
        findings.push(finding(&path.to_string(), problem));
    }
    for (path, said) in said {
        if let (FilePath::Member(member), Said::Member(Some(_))) = (path, said)
            && !members_granted.contains(member)
        {
            findings.push(finding(
                &path.to_string(),
                "no current grant of 'all': what is for everyone does not open for it",
            ));
        }
    }
    findings
}

/// Roots beyond the chain: a gap keeps what follows from ever being looked at.
fn check_roots(authority: &Authority, known: &[Known<'_>]) -> Vec<Finding> {
    known
        .iter()
        .filter(|(_, path)| matches!(path, FilePath::Root(serial) if *serial > authority.serial()))
        .map(|(file, _)| finding(&file.path, "a root is missing before it, so it does not count"))
        .collect()
}

/// Where a file belongs; `None` for those that may stand beside the vault's own.
fn place(file: &TreeFile) -> Result<Option<FilePath>, String> {
    let top = file.path.split('/').next().unwrap_or_default();
    let ours = vault_format::FOLDERS.contains(&top) && file.path.contains('/');
    let path = FilePath::parse(&file.path).filter(|_| file.raw_path.is_none());
    if vault_format::FOLDERS.contains(&file.path.as_str()) {
        return match file.kind {
            EntryKind::Directory => Ok(None),
            other => Err(format!("it is {other}, expected {}", EntryKind::Directory)),
        };
    }
    match path {
        Some(_) if file.kind != EntryKind::File => Err(format!("it is {}, expected {}", file.kind, EntryKind::File)),
        Some(path) => Ok(Some(path)),
        None if ours => Err("no file of a vault can have this name".into()),
        None if vault_format::FOLDERS
            .iter()
            .any(|folder| top.eq_ignore_ascii_case(folder)) =>
        {
            Err("only by case another name than a folder of the vault".into())
        }
        None if file.path.eq_ignore_ascii_case(vault_format::ROOT_FILE) => {
            Err("only by case another name than the first root".into())
        }
        None => Ok(None),
    }
}

/// Names that a file system or a person would take for one another.
pub(super) fn collisions(files: &[TreeFile]) -> Vec<Finding> {
    let mut lower: HashMap<String, &str> = HashMap::new();
    let mut findings = Vec::new();
    let ours = |path: &str| vault_format::FOLDERS.iter().any(|folder| path.starts_with(folder));
    for file in files.iter().filter(|file| ours(&file.path)) {
        // Each folder on the way counts as a name, with a mark that sets it apart from a file.
        let folders = file.path.match_indices('/').map(|(at, _)| &file.path[..at]);
        let name = file.path.strip_suffix(".toml").unwrap_or(&file.path);
        for path in folders.chain([name]) {
            let other = *lower.entry(path.to_ascii_lowercase()).or_insert(path);
            if other != path {
                findings.push(finding(&file.path, format!("differs from {other} only by case")));
            }
        }
    }
    let mut names: Vec<&str> = files
        .iter()
        .filter(|file| file.path.starts_with("credentials/"))
        .filter_map(|file| file.path.strip_suffix(".toml"))
        .collect();
    names.sort_unstable();
    for name in &names {
        let folder = format!("{name}/");
        let at = names.partition_point(|other| *other < folder.as_str());
        if names.get(at).is_some_and(|other| other.starts_with(&folder)) {
            findings.push(finding(
                &format!("{name}.toml"),
                "it is a credential and a folder at once",
            ));
        }
    }
    findings
}

fn finding(path: &str, problem: impl ToString) -> Finding {
    Finding {
        path: path.into(),
        problem: problem.to_string(),
    }
}
