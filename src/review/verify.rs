//! Checks every file of a commit without a key: format, signatures, places, stanzas, and what only several files together show.
//!
//! Reports everything it finds, and stops at nothing: a broken file hides no other one.

use std::collections::{BTreeMap, BTreeSet};

use vault_format::{Authority, Credential, Entry, FilePath, Grant, Group, GroupName, Member, Parsed};

use super::{
    finding::{Finding, finding},
    keys::{Keys, Over},
    places::{collisions, place},
    put_back::put_back,
    stale::{Outdated, stale},
};
use crate::vault::{BlobId, FileError, FileProblem, Place, Snapshot, TreeFile, Vault, in_parallel};

/// What was looked at, and what was found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Verdict {
    /// How many files were checked.
    pub files: usize,
    /// Sorted by path; empty where all is well.
    pub findings: Vec<Finding>,
    /// Those of the findings that sealing anew mends.
    pub stale: BTreeSet<FilePath>,
    /// What is sealed to an epoch that is over, stale or not.
    pub outdated: BTreeSet<FilePath>,
}

/// What a file says that other files must agree with.
enum Said {
    Credential,
    Member(Option<Member>),
    Group(Option<Group>),
    Grant(Option<Grant>),
}

/// What a file says, and to which epochs that are over it is sealed.
struct Checked {
    path: FilePath,
    said: Said,
    over: Over,
    id: BlobId,
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
    findings.extend(planted(vault)?);
    // Keys first: stanzas can only be judged against them.
    let (keyed, rest): (Vec<_>, Vec<_>) = known
        .iter()
        .filter(|(_, path)| !matches!(path, FilePath::Root(_)))
        .partition(|(_, path)| matches!(path, FilePath::Member(_) | FilePath::Group(_)));
    let place = vault.snapshot().place();
    let authority = vault.authority();
    let mut keys = Keys::default();
    let mut said = check_all(&place, authority, &keyed, None, progress, &mut findings);
    learn(&mut keys, &said, &mut findings);
    said.extend(check_all(
        &place,
        authority,
        &rest,
        Some(&keys),
        progress,
        &mut findings,
    ));
    said.extend(check_groups(vault, &keyed, &keys, &said, &mut findings));
    let outdated = outdated(&said);
    let mut stale = stale(vault, &outdated)?;
    stale.extend(check_grants(&keys, &said, &mut findings));
    findings.extend(check_roots(authority, &known));
    let files = |findings: &[Finding]| -> BTreeSet<FilePath> {
        findings
            .iter()
            .filter_map(|found| FilePath::parse(&found.path))
            .collect()
    };
    let mut back = put_back(vault, &files(&stale))?;
    let back_files = files(&back);
    stale.retain(|found| !back.iter().any(|back| back.path == found.path));
    findings.append(&mut back);
    let stale_files = files(&stale);
    let outdated = outdated.into_iter().map(|file| file.path).chain(stale_files.clone());
    let outdated = outdated.filter(|path| !back_files.contains(path));
    findings.append(&mut stale);
    findings.sort();
    findings.dedup();
    Ok(Verdict {
        files: known.len(),
        findings,
        outdated: outdated.collect(),
        stale: stale_files,
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

/// Directories that git would take for repositories of their own, with a configuration that whoever pushes writes.
fn planted(vault: &Vault<'_>) -> Result<Vec<Finding>, FileError> {
    let own = vault.snapshot().directory();
    let planted = vault.snapshot().planted().map_err(|error| vault.error("", error))?;
    let found = planted.into_iter().map(|directory| {
        let path = if directory == own { "HEAD" } else { "" };
        let problem =
            format!("git takes '{directory}' for a repository of its own, and would run what its 'config' says");
        finding(path, problem)
    });
    Ok(found.collect())
}

type Known<'f> = (&'f TreeFile, FilePath);

fn outdated(said: &[Checked]) -> Vec<Outdated> {
    let over = said
        .iter()
        .flat_map(|file| file.over.iter().map(move |over| (file, over)));
    over.map(|(file, (holder, now))| Outdated {
        path: file.path.clone(),
        id: file.id,
        holder: holder.clone(),
        now: *now,
    })
    .collect()
}

/// Checks files one by one on all processors, and returns what they say.
fn check_all(
    place: &Place,
    authority: &Authority,
    files: &[&Known<'_>],
    keys: Option<&Keys>,
    progress: &(dyn Fn(usize) + Sync),
    findings: &mut Vec<Finding>,
) -> Vec<Checked> {
    let checked = in_parallel(place, files, progress, |_, snapshot, (file, path)| {
        check_file(snapshot, authority, file, path, keys).map_err(|problem| finding(&file.path, problem))
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
) -> Result<Checked, FileProblem> {
    let bytes = snapshot.read_blob(file)?;
    let (said, over) = match path {
        FilePath::Credential(_) => {
            let (_, over) = check::<Credential>(authority, &bytes, path, keys)?;
            (Said::Credential, over)
        }
        FilePath::Member(_) => said(check(authority, &bytes, path, keys)?, Said::Member),
        FilePath::Group(_) => said(check(authority, &bytes, path, keys)?, Said::Group),
        FilePath::Grant(..) => said(check(authority, &bytes, path, keys)?, Said::Grant),
        FilePath::Root(_) => return Err(FileProblem::Contradiction("a root is no file of an author".into())),
    };
    Ok(Checked {
        path: path.clone(),
        said,
        over,
        id: file.id,
    })
}

fn said<K>((body, over): (Option<K>, Over), said: impl FnOnce(Option<K>) -> Said) -> (Said, Over) {
    (said(body), over)
}

fn check<K: Entry>(
    authority: &Authority,
    bytes: &[u8],
    path: &FilePath,
    keys: Option<&Keys>,
) -> Result<(Option<K>, Over), FileProblem> {
    let file = authority.verify(Parsed::<K>::parse(bytes, path)?)?;
    let document = file.document();
    let over = match (keys, file.body().and_then(K::sealed_to), document.payload()) {
        (Some(keys), Some(sealed_to), Some(payload)) => keys.check(sealed_to, payload)?,
        _ => Over::new(),
    };
    Ok((file.body().cloned(), over))
}

/// Takes in the keys of members and groups, and reports those that two members share.
fn learn(keys: &mut Keys, said: &[Checked], findings: &mut Vec<Finding>) {
    let mut owners: BTreeMap<&str, &FilePath> = BTreeMap::new();
    for Checked { path, said, .. } in said {
        match (path, said) {
            (FilePath::Member(name), Said::Member(Some(member))) => {
                for key in &member.recipients {
                    if let Some(other) = owners.insert(key.as_str(), path) {
                        let problem = format!("its key is also that of {other}; one key belongs to one member");
                        findings.push(finding(&path.to_string(), problem));
                    }
                }
                keys.add_member(name.clone(), member);
            }
            (FilePath::Group(name), Said::Group(Some(group))) => keys.add_group(name.clone(), group),
            _ => {}
        }
    }
}

/// The stanzas of the groups' own payloads, and the two groups every vault has.
fn check_groups(
    vault: &Vault<'_>,
    keyed: &[&Known<'_>],
    keys: &Keys,
    said: &[Checked],
    findings: &mut Vec<Finding>,
) -> Vec<Checked> {
    let mut checked = Vec::new();
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
        if !said.iter().any(|known| &known.path == path) {
            continue;
        }
        match check_file(vault.snapshot(), vault.authority(), file, path, Some(keys)) {
            Ok(found) => checked.push(found),
            Err(problem) => findings.push(finding(&file.path, problem)),
        }
    }
    checked
}

/// Grants of epochs that are over, which sealing anew mends, and of what is not there; members without what is for everyone.
fn check_grants(keys: &Keys, said: &[Checked], findings: &mut Vec<Finding>) -> Vec<Finding> {
    let mut stale = Vec::new();
    let mut members_granted = std::collections::HashSet::new();
    for Checked { path, said, .. } in said {
        let (FilePath::Grant(group, member), Said::Grant(Some(grant))) = (path, said) else {
            continue;
        };
        let problem = match keys.epoch_of(group) {
            None => format!("it grants the group '{group}', which is not in this vault"),
            Some(epoch) if grant.epoch < epoch => {
                let problem = format!(
                    "stale: it grants epoch {} of '{group}', which is at epoch {epoch} now; 'fleetvault reseal' mends it",
                    grant.epoch
                );
                stale.push(finding(&path.to_string(), problem));
                if group == &GroupName::all() {
                    members_granted.insert(member);
                }
                continue;
            }
            Some(epoch) if grant.epoch > epoch => {
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
    for Checked { path, said, .. } in said {
        if let (FilePath::Member(member), Said::Member(Some(_))) = (path, said)
            && !members_granted.contains(member)
        {
            findings.push(finding(
                &path.to_string(),
                "no grant of 'all': what is for everyone does not open for it",
            ));
        }
    }
    stale
}

/// Roots beyond the chain: a gap keeps what follows from ever being looked at.
fn check_roots(authority: &Authority, known: &[Known<'_>]) -> Vec<Finding> {
    known
        .iter()
        .filter(|(_, path)| matches!(path, FilePath::Root(serial) if *serial > authority.serial()))
        .map(|(file, _)| finding(&file.path, "a root is missing before it, so it does not count"))
        .collect()
}
