//! Own commits that were made before it was known here that a member had left, or had got other keys: who has left must not open what was set
//! afterwards. So each of them is made anew, with what it sets sealed to the keys that are current, before anybody else has it: what is once
//! pushed stays in the history, for whoever kept the keys of then.

use std::collections::BTreeMap;

use fleetvault::{
    author::{self, Desk, Plan},
    cli::{Asking, Failure, explain::Explain, plugins, time},
    review::incoming::is_sealed_to_less,
    vault::{BlobId, CommitId, FileChange, Parting, Replay, Snapshot, SnapshotError, Vault},
};
use vault_format::FilePath;

use super::{
    judge::in_vault,
    rebase::{Rebase, Rebased},
};
use crate::context::fail;

/// A file that is sealed anew wherever it stands as some commit made it.
struct Sealed {
    before: BlobId,
    contents: Vec<u8>,
}

impl Rebase<'_> {
    /// Makes the commits anew that set what is sealed to keys that are over, and those behind them. Tells whether there were any.
    pub(super) fn seal_along(
        &self,
        replay: &mut Replay<'_>,
        parting: &Parting,
        incoming: CommitId,
        rebased: &mut Rebased,
    ) -> Result<bool, Failure> {
        let here = self.repository.reopen_in(self.directory)?;
        let vault_at = |commit: CommitId| Vault::load(here.snapshot(&commit.to_string()).ok()?, None).ok();
        let (mut behind, mut behind_anew, mut earlier) = (incoming, incoming, vault_at(incoming));
        let mut sealed: BTreeMap<String, Sealed> = BTreeMap::new();
        for commit in &mut rebased.made {
            let made = *commit;
            // Its floors are those of the last commit; earlier ones are older than what was used here. What is broken is for the judge.
            let vault = vault_at(made);
            if let Some(vault) = &vault {
                for (file, before) in self.sealed_anew(vault, earlier.as_ref(), parting, (behind, made))? {
                    let (path, contents) = (file.path, file.contents);
                    sealed.insert(path, Sealed { before, contents });
                }
            }
            let snapshot = match sealed.is_empty() {
                true => None,
                false => Some(here.snapshot(&made.to_string())?),
            };
            behind_anew = match &snapshot {
                None => made,
                Some(snapshot) => replay.again(snapshot, &still_there(snapshot, &sealed)?, behind_anew)?,
            };
            (behind, *commit, earlier) = (made, behind_anew, vault);
        }
        if sealed.is_empty() {
            return Ok(false);
        }
        rebased.result = behind_anew;
        let told = sealed.keys().map(|path| format!("{path}: sealed to the current keys"));
        rebased.merged.extend(told);
        let vault = self.context.load(here.snapshot(&behind_anew.to_string())?)?;
        for path in sealed.keys().filter_map(|path| FilePath::parse(path)) {
            if let Some((serial, digest)) = vault.state_of(&path)? {
                vault.floors().raise(&path.to_string(), serial, || digest);
            }
        }
        rebased.floors.push(vault.into_floors());
        Ok(true)
    }

    /// Seals files to the keys of now in a commit of its own.
    pub(super) fn seal_behind(
        &self,
        replay: &mut Replay<'_>,
        parting: &Parting,
        files: &[FilePath],
        rebased: &mut Rebased,
    ) -> Result<(), Failure> {
        let here = self.repository.reopen_in(self.directory)?;
        let vault: Vault<'_> = self.context.load(here.snapshot(&rebased.result.to_string())?)?;
        let plan = self.sealed_again(&vault, parting, files)?;
        rebased.result = replay.add(
            vault.snapshot(),
            "fleetvault: seal to the current keys",
            &plan.request.trailers,
            &plan.request.files,
        )?;
        rebased.made.push(rebased.result);
        let told = files.iter().map(|path| match path {
            FilePath::Credential(name) => format!(
                "{path}: sealed to the current keys; who has left can still open it as your commits have it: fleetvault rotate {name}"
            ),
            _ => format!("{path}: sealed to the current keys"),
        });
        rebased.merged.extend(told);
        rebased.floors.push(vault.into_floors());
        Ok(())
    }

    /// What a commit wrote of the vault and sealed to keys that are over, sealed to those of now: files that are new, or have a higher serial than
    /// before. Where only who signs is another one, what was sealed is as old as it was.
    fn sealed_anew(
        &self,
        vault: &Vault<'_>,
        earlier: Option<&Vault<'_>>,
        parting: &Parting,
        (before, made): (CommitId, CommitId),
    ) -> Result<Vec<(FileChange, BlobId)>, Failure> {
        let serial = |vault: &Vault<'_>, path: &FilePath| Some(vault.state_of(path).ok()??.0);
        let mut stale = BTreeMap::new();
        for change in self.repository.differences(before, made)? {
            let path = self.below(&change.path).and_then(FilePath::parse);
            let (Some(path), Some(after)) = (path, change.after) else {
                continue;
            };
            let is_written = serial(vault, &path) > earlier.and_then(|earlier| serial(earlier, &path));
            if is_written && is_sealed_to_less(vault, &path).unwrap_or(false) {
                stale.insert(path, after.id);
            }
        }
        if stale.is_empty() {
            return Ok(Vec::new());
        }
        let plan = self.sealed_again(vault, parting, &Vec::from_iter(stale.keys().cloned()))?;
        let before = |file: &FileChange| stale.get(&FilePath::parse(&file.path)?).copied();
        let files = plan.request.files.into_iter();
        Ok(files.filter_map(|file| before(&file).map(|id| (file, id))).collect())
    }

    pub(super) fn below<'p>(&self, path: &'p str) -> Option<&'p str> {
        in_vault(self.directory, path)
    }

    fn sealed_again(&self, vault: &Vault<'_>, parting: &Parting, files: &[FilePath]) -> Result<Plan, Failure> {
        let signer = self.context.signer()?;
        let keyring = self.context.keyring(vault, self.context.keys_at_hand()?)?;
        let desk = Desk::new(vault, &signer, keyring.as_ref(), time::now()).map_err(fail)?;
        let desk = desk.with_plugins(plugins(Asking::AtTerminal));
        author::reseal(desk, files).map_err(|error| {
            let report = error.explain();
            let way_out = parting.fork.and_then(|fork| self.way_out(fork, &parting.own).ok());
            let why = "it was set before it was known here that somebody had left";
            report.hint(format!("{why}; {}", way_out.unwrap_or_default())).into()
        })
    }
}

/// Those of the files that a commit has as they were before: changed by a later one, a file is that one's.
fn still_there(snapshot: &Snapshot<'_>, sealed: &BTreeMap<String, Sealed>) -> Result<Vec<FileChange>, Failure> {
    let mut files = Vec::new();
    for (path, file) in sealed {
        let found = snapshot.blob_id(path).map_err(SnapshotError::from)?;
        if found == Some(file.before) {
            files.push(FileChange {
                path: path.clone(),
                contents: file.contents.clone(),
            });
        }
    }
    Ok(files)
}
