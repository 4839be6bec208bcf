//! Where the files of a vault stand: what belongs there, and names that a file system or a person would take for one another.

use std::collections::HashMap;

use vault_format::FilePath;

use super::finding::{Finding, finding};
use crate::vault::{EntryKind, TreeFile};

/// Where a file belongs; `None` for those that may stand beside the vault's own.
pub(super) fn place(file: &TreeFile) -> Result<Option<FilePath>, String> {
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
