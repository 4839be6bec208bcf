//! Changed files of the vault: checked by the root that was there before, and told as meaning.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use vault_format::{Authority, Credential, FOLDERS, FilePath, Grant, GrantSubject, Group, Member, ROOT_FILE};

use super::{
    ReviewError,
    directory::{inside, joined, shown},
    file::File,
    holders::Holders,
    item::{Item, Risk, Statement},
    meaning,
};
use crate::{
    review::{
        keys::Keys,
        places::collisions,
        verify::{list, verify},
    },
    vault::{CommitId, Difference, EntryKind, Repository, Side, Snapshot, SnapshotError, Vault, in_parallel},
};

/// Everything about the vault that a change was made in, and the directory where it stands afterwards.
pub(super) fn proposed(
    repository: &Repository,
    base: &Vault<'_>,
    judge: &Vault<'_>,
    head: CommitId,
    differences: &[Difference],
    progress: &(dyn Fn(usize) + Sync),
) -> Result<(Vec<Item>, String), ReviewError> {
    let before = base.snapshot().directory();
    let after = match repository.snapshot(&head.to_string()) {
        Ok(after) => after.directory().to_owned(),
        // That it is gone is an item.
        Err(_) => before.to_owned(),
    };
    if after == before {
        let items = items(repository, before, judge, head, differences, progress)?;
        return Ok((items, after));
    }
    let text = format!("the vault moved from {} to {}", shown(before), shown(&after));
    let mut moved = whole(&joined(&after, ROOT_FILE), String::new());
    moved.statements = vec![Statement::new(Risk::Attention, text)];
    // To git every file is another one now. What each means is told as if it stood where it was.
    let differences = between(base, &repository.snapshot(&head.to_string())?, &after)?;
    let mut items = items(repository, &after, judge, head, &differences, progress)?;
    items.push(moved);
    Ok((items, after))
}

/// What differs between the files of a vault and those of another directory in which it stands now.
fn between(base: &Vault<'_>, after: &Snapshot<'_>, directory: &str) -> Result<Vec<Difference>, SnapshotError> {
    let mut paths: BTreeMap<Vec<u8>, Difference> = BTreeMap::new();
    for (snapshot, is_after) in [(base.snapshot(), false), (after, true)] {
        for file in snapshot.files(&FOLDERS)? {
            if file.kind == EntryKind::Directory {
                continue;
            }
            let difference = paths.entry(file.path_bytes().to_vec()).or_insert_with(|| Difference {
                path: joined(directory, &file.path),
                is_text: file.raw_path.is_none(),
                before: None,
                after: None,
            });
            let side = Side {
                kind: file.kind,
                id: file.id,
            };
            match is_after {
                true => difference.after = Some(side),
                false => difference.before = Some(side),
            }
        }
    }
    let differ = |difference: &Difference| difference.before != difference.after;
    Ok(paths.into_values().filter(differ).collect())
}

/// Everything about the vault's files, where it stands in the same directory as before.
pub(super) fn items(
    repository: &Repository,
    directory: &str,
    judge: &Vault<'_>,
    head: CommitId,
    differences: &[Difference],
    progress: &(dyn Fn(usize) + Sync),
) -> Result<Vec<Item>, ReviewError> {
    let changed: Vec<(&Difference, &str)> = differences
        .iter()
        .filter_map(|difference| Some((difference, inside(directory, difference)?)))
        .collect();
    if changed.is_empty() {
        return Ok(Vec::new());
    }
    let after = match repository.snapshot(&head.to_string()) {
        Ok(after) => after,
        Err(SnapshotError::NoVault { .. }) => {
            return Ok(vec![whole(&joined(directory, ROOT_FILE), "the vault is gone".into())]);
        }
        Err(error) => return Err(error.into()),
    };
    let after = match Vault::load(after, None) {
        Ok(after) => after,
        // Without its root nothing of it can be judged.
        Err(error) => return Ok(vec![whole(&joined(directory, &error.path), error.problem.to_string())]),
    };
    if after.id() != judge.id() {
        return Ok(vec![whole(
            &joined(directory, ROOT_FILE),
            format!("another vault: {} instead of {}", after.id(), judge.id()),
        )]);
    }
    let keys = Keys::of(&after)?;
    let holders = Holders::of(judge, &changed);
    let authority = judge.authority();
    let items = in_parallel(
        &after.snapshot().place(),
        &changed,
        progress,
        |repository, _, (difference, below)| item(repository, authority, &keys, &holders, difference, below),
    );
    let mut items = items.map_err(ReviewError::Other)?;
    add_findings(&mut items, &after, &changed, directory)?;
    add_roots(&mut items, judge, &after, directory);
    Ok(items)
}

/// An error that is about the vault as a whole.
pub(super) fn whole(path: &str, problem: String) -> Item {
    Item {
        path: path.to_owned(),
        subject: "the vault".into(),
        statements: vec![Statement::new(Risk::Error, problem)],
        authors: Vec::new(),
        line: None,
    }
}

/// What only several files together show: names that collide, and, where keys or authors have changed, everything that this made stale or
/// left without a signature that counts.
fn add_findings(
    items: &mut Vec<Item>,
    after: &Vault<'_>,
    changed: &[(&Difference, &str)],
    directory: &str,
) -> Result<(), ReviewError> {
    let paths: BTreeSet<&str> = changed.iter().map(|(_, below)| *below).collect();
    let keyed = |below: &&str| {
        ["members/", "groups/", "grants/", "roots/"]
            .iter()
            .any(|folder| below.starts_with(folder))
    };
    let mut findings = Vec::new();
    // Names that were there before collide with no more than they did.
    if changed.iter().any(|(difference, _)| difference.before.is_none()) {
        findings.extend(collisions(&list(after)?));
        findings.retain(|finding| paths.contains(finding.path.as_str()));
    }
    if paths.iter().any(keyed) {
        findings.extend(verify(after, &|_| {})?.findings);
    }
    let mut places: HashMap<String, usize> = HashMap::new();
    for (place, item) in items.iter().enumerate() {
        places.entry(item.path.clone()).or_insert(place);
    }
    for finding in findings {
        let path = joined(directory, &finding.path);
        let statement = Statement::new(Risk::Error, finding.problem);
        match places.get(&path).and_then(|place| items.get_mut(*place)) {
            // The same may have been told with more words.
            Some(item) if item.statements.iter().any(|said| said.text.ends_with(&statement.text)) => {}
            Some(item) => item.statements.push(statement),
            None => {
                places.insert(path.clone(), items.len());
                items.push(Item {
                    subject: finding.path,
                    path,
                    statements: vec![statement],
                    authors: Vec::new(),
                    line: None,
                });
            }
        }
    }
    Ok(())
}

/// What new roots say.
fn add_roots(items: &mut Vec<Item>, judge: &Vault<'_>, after: &Vault<'_>, directory: &str) {
    let (before, now) = (judge.authority(), after.authority());
    if now.serial() == before.serial() && now.digest() == before.digest() {
        return;
    }
    // A branch that is behind has a shorter chain, and is judged by what it would be merged into; another chain is none of this vault's.
    if !after.follows(before) && !judge.follows(now) {
        let problem = format!(
            "its roots are not those that it is judged by, which end with root {}: who was an author once may have made them",
            before.serial()
        );
        items.push(whole(ROOT_FILE, problem));
    }
    let path = joined(directory, &FilePath::Root(now.serial()).to_string());
    if let Some(item) = items.iter_mut().find(|item| item.path == path) {
        item.statements.extend(meaning::root(before.root(), now.root()));
    }
}

fn item(
    repository: &Repository,
    authority: &Authority,
    keys: &Keys,
    holders: &Holders,
    difference: &Difference,
    below: &str,
) -> Item {
    let path = FilePath::parse(below).filter(|_| difference.is_text);
    let mut item = Item {
        path: difference.path.clone(),
        subject: path.as_ref().map_or(below.to_owned(), subject),
        statements: Vec::new(),
        authors: Vec::new(),
        line: None,
    };
    let Some(path) = path else {
        if difference.after.is_some() {
            item.statements
                .push(Statement::new(Risk::Error, "no file of a vault can have this name"));
        }
        return item;
    };
    let file = File {
        repository,
        authority,
        keys,
        path: &path,
        difference,
    };
    let told = match &path {
        FilePath::Credential(_) => {
            file.told(|_, before: Option<&Credential>, after, how| meaning::credential(before, after, how.resealed))
        }
        FilePath::Member(_) => file.told(|_, before: Option<&Member>, after, _| meaning::member(before, after)),
        FilePath::Group(name) => file.told(|_, before: Option<&Group>, after, how| {
            let held = how.authors.iter().all(|author| holders.had(name, author));
            meaning::group(before, after, &how.authors, held)
        }),
        FilePath::Grant(..) => {
            file.told(|subject: &GrantSubject, before: Option<&Grant>, after, _| meaning::grant(subject, before, after))
        }
        FilePath::Root(serial) => file.root(*serial),
    };
    match told {
        Ok((statements, authors)) => {
            item.statements = statements;
            item.authors = authors;
        }
        Err(problem) => item.statements.push(Statement::new(Risk::Error, problem)),
    }
    item
}

fn subject(path: &FilePath) -> String {
    match path {
        FilePath::Credential(name) => name.to_string(),
        FilePath::Member(name) => meaning::subject_of_member(name),
        FilePath::Group(name) => format!("group {name}"),
        FilePath::Grant(group, member) => format!("grant of {group} to {member}"),
        FilePath::Root(serial) => format!("root {serial}"),
    }
}
