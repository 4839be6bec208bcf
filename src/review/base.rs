//! Compares two commits by the rule of floors (SPEC.md, section 16): nothing may get older, change under the same serial, or go without a
//! tombstone. There is no rule about ancestry: whole trees are compared, so that squashes and rebases are nothing special.

use std::collections::HashMap;

use vault_format::{FilePath, ROOT_FILE};

use super::{finding::Finding, verify::list};
use crate::vault::{BlobId, FileError, Vault};

/// Compares `head` with `base`, which was accepted before. A file that is broken on either side is for `verify` to report.
///
/// # Errors
/// [`FileError`] where one of the trees cannot be listed.
pub fn compare(base: &Vault<'_>, head: &Vault<'_>) -> Result<Vec<Finding>, FileError> {
    let at = base.snapshot().commit().short();
    let mut findings = Vec::new();
    let mut report = |path: &str, problem: String| {
        findings.push(Finding {
            path: path.into(),
            problem,
        });
    };
    if base.id() != head.id() {
        report(
            ROOT_FILE,
            format!("another vault than at {at}: {} instead of {}", head.id(), base.id()),
        );
        return Ok(findings);
    }
    let before = base.authority().serial();
    if !head.follows(base.authority()) {
        report(
            ROOT_FILE,
            format!("the root of {at}, serial {before}, is not among its roots"),
        );
    }
    let present = files(head)?;
    for (path, id) in files(base)? {
        if present.get(&path) == Some(&id) {
            continue;
        }
        let Ok(Some((before, digest))) = base.state_of(&path) else {
            continue;
        };
        match head.state_of(&path) {
            Ok(None) => report(
                &path.to_string(),
                format!("it is gone without a tombstone: serial {before} at {at}"),
            ),
            Ok(Some((now, _))) if now < before => {
                report(
                    &path.to_string(),
                    format!("it was rolled back: serial {before} at {at}, serial {now} now"),
                );
            }
            Ok(Some((now, other))) if now == before && other != digest => {
                report(
                    &path.to_string(),
                    format!("serial {now} as at {at}, with other contents"),
                );
            }
            Ok(Some(_)) | Err(_) => {}
        }
    }
    findings.sort();
    Ok(findings)
}

/// The files that authors sign, with the ids of their contents.
fn files(vault: &Vault<'_>) -> Result<HashMap<FilePath, BlobId>, FileError> {
    let files = list(vault)?.into_iter();
    Ok(files
        .filter_map(|file| FilePath::parse(&file.path).map(|path| (path, file.id)))
        .filter(|(path, _)| !matches!(path, FilePath::Root(_)))
        .collect())
}
