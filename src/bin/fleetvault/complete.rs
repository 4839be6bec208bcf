//! Completing names of credentials and members from the vault the user stands in. Never asks, never fails: no vault, no names.
//! Checks no signature: what is offered here is looked at again by the command itself.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
};

use clap_complete::CompletionCandidate;
use fleetvault::vault::{Access, Repository, Vault};
use vault_format::{Credential, Entry, FilePath, Group, Member, Parsed};

/// Up to how many names each file is read to leave the removed ones out: a person waits for the answer.
const READ_MAX: usize = 1000;

/// The credentials of the vault here.
pub fn credentials() -> Vec<CompletionCandidate> {
    candidates(living::<Credential>("credentials"))
}

/// The members of the vault here, also as the next ones of a list with commas.
pub fn members() -> Vec<CompletionCandidate> {
    let names = living::<Member>("members");
    let list = list_before(&current_word().unwrap_or_default());
    let given: Vec<&str> = list.split(',').collect();
    let left = names.iter().filter(|name| !given.contains(&name.as_str()));
    candidates(left.map(|name| format!("{list}{name}")).collect())
}

/// The groups of the vault here.
pub fn groups() -> Vec<CompletionCandidate> {
    candidates(living::<Group>("groups"))
}

/// The members and groups of the vault here, and `*`, which stands alone.
pub fn scopes() -> Vec<CompletionCandidate> {
    let mut names = members();
    let groups = living::<Group>("groups")
        .into_iter()
        .filter(|name| name != "all" && name != "keepers");
    names.extend(groups.map(|name| CompletionCandidate::new(format!("@{name}"))));
    names.push(CompletionCandidate::new("*"));
    names
}

/// The authors of the vault here.
pub fn authors() -> Vec<CompletionCandidate> {
    candidates(in_vault(|vault| {
        let names = vault.authority().root().author_names().into_iter();
        Some(names.map(ToString::to_string).collect())
    }))
}

fn candidates(names: Vec<String>) -> Vec<CompletionCandidate> {
    names.into_iter().map(CompletionCandidate::new).collect()
}

/// The names of the files in a folder of the vault, without those that are known to be removed.
fn living<K: Entry>(folder: &str) -> Vec<String> {
    in_vault(|vault| {
        let mut paths = vault.paths(folder).ok()?;
        if paths.len() <= READ_MAX {
            paths.retain(|path| !is_removed::<K>(vault, path));
        }
        Some(paths.iter().filter_map(name).collect())
    })
}

/// What is found in the vault here; nothing where there is none.
fn in_vault(find: impl FnOnce(&Vault<'_>) -> Option<Vec<String>>) -> Vec<String> {
    let found = || {
        let repository = Repository::open(Path::new(&directory()), Access::Read).ok()?;
        let vault = Vault::load(repository.snapshot("HEAD").ok()?, None).ok()?;
        find(&vault)
    };
    found().unwrap_or_default()
}

fn name(path: &FilePath) -> Option<String> {
    match path {
        FilePath::Credential(name) => Some(name.to_string()),
        FilePath::Member(name) => Some(name.to_string()),
        _ => None,
    }
}

fn is_removed<K: Entry>(vault: &Vault<'_>, path: &FilePath) -> bool {
    let Ok(Some(bytes)) = vault.snapshot().read(&path.to_string()) else {
        return false;
    };
    Parsed::<K>::parse(&bytes, path).is_ok_and(|file| file.head().body.is_none())
}

/// What stands before the last name of a list with commas, comma included; "" where the word is no list.
fn list_before(word: &str) -> String {
    let value = match word.split_once('=') {
        Some((option, value)) if option.starts_with("--") => value,
        _ => word,
    };
    value
        .rfind(',')
        .map_or_else(String::new, |comma| value[..=comma].to_owned())
}

/// The words of the line that is being completed, after the `--` that the shells' scripts put before them.
fn words() -> impl Iterator<Item = OsString> {
    // Not `args`, which panics where a word is no UTF-8.
    std::env::args_os().skip_while(|word| word != "--").skip(1)
}

/// The word that is being completed: the one whose number the shell's script gives, else the last.
fn current_word() -> Option<String> {
    let index = std::env::var("_CLAP_COMPLETE_INDEX").ok().and_then(|n| n.parse().ok());
    let word = match index {
        Some(index) => words().nth(index),
        None => words().last(),
    };
    word?.into_string().ok()
}

/// The `-C DIR` of the line that is being completed: clap does not parse it for a completer.
fn directory() -> PathBuf {
    let mut words = words();
    let named = words.find_map(|word| match word.to_str()?.strip_prefix("-C")? {
        "" => Some(None),
        attached => Some(Some(attached.into())),
    });
    match named {
        Some(Some(attached)) => attached,
        Some(None) => words.next().map_or_else(|| ".".into(), PathBuf::from),
        None => ".".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_what_stands_before_its_last_name() {
        for (word, list) in [
            ("", ""),
            ("al", ""),
            ("alice,", "alice,"),
            ("alice,dev,re", "alice,dev,"),
            ("--members=alice,d", "alice,"),
            ("--members=a", ""),
        ] {
            assert_eq!(list_before(word), list, "{word}");
        }
    }
}
