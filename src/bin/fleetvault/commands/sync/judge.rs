//! Whether commits may become the branch, or be pushed: every vault that they touch, not only the one that is worked in.

use std::collections::BTreeSet;

use fleetvault::{
    cli::Failure,
    review::{
        Finding,
        base::compare,
        incoming::{Judgement, below_floors, judge, sealed_to},
        proposal::touched_vaults,
    },
    terminal::{progress::Progress, report::Report},
    vault::{CommitId, FileError, FileProblem, Repository, Vault},
};
use vault_format::FilePath;

use crate::context::Context;

/// How many findings are named one by one.
const SHOWN: usize = 50;

/// What is said of a vault that is not there any more.
const GONE: &str = "the vault is gone: its first root was removed";

/// What is checked, and in whose name.
pub struct Judge<'j> {
    pub context: &'j Context,
    pub repository: &'j Repository,
    /// The vault that is worked in.
    pub directory: &'j str,
}

/// What is older than it was.
#[derive(Default)]
pub struct RolledBack {
    /// What keeps a commit from becoming the branch.
    pub refused: Vec<Finding>,
    /// The files among it that are not older than at the branch, but than what this machine has used.
    pub used: Vec<String>,
    /// The files that are older than what this machine has used, and are so at the branch too.
    pub as_before: Vec<String>,
}

impl<'j> Judge<'j> {
    /// Judges all vaults of a commit that is to follow another one.
    pub fn all(&self, before: CommitId, new: CommitId) -> Result<Judgement, Failure> {
        let mut all = Judgement::default();
        let mut directories = touched_vaults(self.repository, before, new)?;
        if !directories.iter().any(|directory| directory == self.directory) {
            directories.push(self.directory.to_owned());
        }
        for directory in &directories {
            let one = self.one(directory, before, new)?;
            all.refused.extend(one.refused);
            all.stale.extend(one.stale);
            all.known.extend(one.known);
        }
        Ok(all)
    }

    /// What is older at one commit than at another, or than what this machine has used. Where something was sealed on the way, its keys must not be.
    pub fn rolled_back(&self, before: CommitId, new: CommitId, was_sealed: bool) -> Result<RolledBack, Failure> {
        let here = self.repository.reopen_in(self.directory)?;
        let old = Vault::load(here.snapshot(&before.to_string())?, None)?;
        let new = self.context.load(here.snapshot(&new.to_string())?)?;
        if was_sealed {
            new.learn_from_history(&here, false)?;
        }
        let mut found = RolledBack {
            refused: compare(&old, &new)?,
            ..RolledBack::default()
        };
        for finding in below_floors(&new)? {
            // The branch has stood there before: made on another branch, or given up with git. Who reads the file is refused all the same.
            let blob = |vault: &Vault<'_>| vault.snapshot().blob_id(&finding.path).ok();
            let (was, is) = (blob(&old), blob(&new));
            // To what is gone nothing is sealed.
            let is_sealed_to = was_sealed
                && is.is_some_and(|is| is.is_some())
                && (finding.path.starts_with("groups/") || finding.path.starts_with("members/"));
            if was == is && !is_sealed_to {
                found.as_before.push(finding.path);
            } else if !found.refused.iter().any(|refused| refused.path == finding.path) {
                found.used.push(finding.path.clone());
                found.refused.push(finding);
            }
        }
        found.refused.sort();
        Ok(found)
    }

    /// Before own commits go behind what came: to whom they are sealed may have been put back there.
    pub fn learn(&self, incoming: CommitId, keep: bool) -> Result<(), Failure> {
        let here = self.repository.reopen_in(self.directory)?;
        // Own commits may have what it has not, a root for example; what is broken is for the judge.
        let Ok(vault) = self.context.load_on_the_way(here.snapshot(&incoming.to_string())?) else {
            return Ok(());
        };
        self.context.learn(&here, &vault, keep)
    }

    /// The members and groups that are older than what is known here, and to whom something is sealed that differs between two commits.
    pub fn sealed_to_older(&self, before: CommitId, new: CommitId) -> Result<Vec<Finding>, Failure> {
        let here = self.repository.reopen_in(self.directory)?;
        let vault = self.context.load(here.snapshot(&new.to_string())?)?;
        vault.learn_from_history(&here, false)?;
        let mut older = below_floors(&vault)?;
        if older.is_empty() {
            return Ok(older);
        }
        let mut holders = BTreeSet::new();
        for change in self.repository.differences(before, new)? {
            let path = in_vault(self.directory, &change.path).and_then(FilePath::parse);
            if let (Some(path), Some(_)) = (path, change.after) {
                holders.extend(sealed_to(&vault, &path)?);
            }
        }
        older.retain(|finding| FilePath::parse(&finding.path).is_some_and(|path| holders.contains(&path)));
        Ok(older)
    }

    fn one(&self, directory: &str, before: CommitId, new: CommitId) -> Result<Judgement, Failure> {
        let here = self.repository.reopen_in(directory)?;
        let in_place = |mut findings: Vec<Finding>| {
            // Named from the vault that is worked in, as everywhere; another one by its directory.
            if directory != self.directory {
                for finding in &mut findings {
                    finding.path = format!("{directory}/{}", finding.path);
                }
            }
            findings
        };
        let root = match directory {
            "" => vault_format::ROOT_FILE.to_owned(),
            _ => format!("{directory}/{}", vault_format::ROOT_FILE),
        };
        let loaded = |commit: CommitId| -> Result<Option<Result<Vault<'_>, FileError>>, Failure> {
            if !self.repository.has_entry(commit, &root)? {
                return Ok(None);
            }
            Ok(Some(Vault::load(here.snapshot(&commit.to_string())?, None)))
        };
        let earlier = loaded(before)?;
        let after = loaded(new)?.unwrap_or_else(|| {
            Err(FileError {
                path: vault_format::ROOT_FILE.to_owned(),
                commit: new,
                problem: Box::new(FileProblem::Contradiction(GONE.to_owned())),
            })
        });
        let (after, earlier) = match (after, earlier) {
            (Ok(after), Some(Ok(earlier))) => (after, earlier),
            // A vault that is new, or could not be used before, is judged by itself.
            (Ok(after), _) => (after, Vault::load(here.snapshot(&new.to_string())?, None)?),
            (Err(broken), earlier) => {
                let (path, problem) = (broken.path, broken.problem.to_string());
                let found = in_place(vec![Finding { path, problem }]);
                let mut judgement = Judgement::default();
                match earlier {
                    Some(Err(_)) => judgement.known = found,
                    _ => judgement.refused = found,
                }
                return Ok(judgement);
            }
        };
        let progress = Progress::new("verifying", fleetvault::review::verify::list(&after)?.len());
        let judgement = judge(&earlier, &after, &|done| progress.advance(done))?;
        Ok(Judgement {
            refused: in_place(judgement.refused),
            stale: in_place(judgement.stale),
            known: in_place(judgement.known),
        })
    }
}

/// Refuses own commits that bring what is found.
pub fn expect_sound(found: &[Finding], upstream: &str, incoming: CommitId) -> Result<(), Failure> {
    if found.is_empty() {
        return Ok(());
    }
    let hint = format!(
        "what is in your commits and not at {upstream} is wrong: change it back or make it anew; 'fleetvault review {}..HEAD' tells more",
        incoming.short()
    );
    let summary = "your own commits do not verify, so nothing was pushed and nothing changed here".to_owned();
    Err(refuse(found, "own_unsound", summary, hint))
}

/// The findings as errors, and what to do about all of them as the last one.
pub fn refuse(findings: &[Finding], code: &'static str, summary: String, hint: String) -> Failure {
    let one = |finding: &Finding| {
        let at = match finding.path.is_empty() {
            true => String::new(),
            false => format!("{}: ", finding.path),
        };
        Report::new(6, code, format!("{at}{}", finding.problem))
    };
    let mut reports: Vec<Report> = findings.iter().take(SHOWN).map(one).collect();
    if findings.len() > SHOWN {
        reports.push(Report::new(
            6,
            code,
            format!("{} more are not shown", findings.len() - SHOWN),
        ));
    }
    reports.push(Report::new(6, code, summary).hint(hint));
    Failure(reports)
}

/// A path below a vault's directory.
pub fn in_vault<'p>(directory: &str, path: &'p str) -> Option<&'p str> {
    match directory {
        "" => Some(path),
        directory => path.strip_prefix(directory)?.strip_prefix('/'),
    }
}
