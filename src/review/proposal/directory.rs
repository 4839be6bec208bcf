//! Paths inside a vault's directory, and from the top of the repository.

use vault_format::{FOLDERS, ROOT_FILE};

use crate::vault::Difference;

/// The path of a difference inside the vault; `None` where it is outside of it, or one of the files that may stand beside the vault's own.
pub(super) fn inside<'d>(vault: &str, difference: &'d Difference) -> Option<&'d str> {
    let below = match vault {
        "" => difference.path.as_str(),
        _ => difference.path.strip_prefix(vault)?.strip_prefix('/')?,
    };
    let top = below.split('/').next().unwrap_or_default();
    let ours = |name: &str| FOLDERS.iter().any(|folder| folder.eq_ignore_ascii_case(name));
    (ours(top) || below.eq_ignore_ascii_case(ROOT_FILE)).then_some(below)
}

/// The path of a file below a directory, from the top of the repository.
pub(super) fn joined(directory: &str, below: &str) -> String {
    match directory {
        "" => below.to_owned(),
        _ => format!("{directory}/{below}"),
    }
}

/// A directory as people are told of it.
pub(super) fn shown(directory: &str) -> &str {
    match directory {
        "" => "the top",
        directory => directory,
    }
}
