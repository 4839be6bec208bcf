//! Own commits that cannot be put behind those of others, and the way out: to take them back, with what this machine remembers of them, and to
//! make them again. `git reset` alone is not enough: what was written here once is the least that is accepted here.

use std::collections::BTreeSet;

use fleetvault::{
    cli::Failure,
    review::Finding,
    vault::{CommitId, Parting, Vault},
};
use vault_format::{FilePath, ROOT_FILE};

use super::{
    judge::{expect_sound, refuse},
    rebase::Rebase,
};

/// How many commits are named that are to be made again.
const NAMED_MAX: usize = 20;

impl Rebase<'_> {
    /// Says how to take back own commits, from one on to the last, and to go on from there. `base` is what the first of them stands on.
    pub(super) fn way_out(&self, base: CommitId, commits: &[CommitId]) -> Result<String, Failure> {
        let subjects = commits.iter().map(|commit| self.repository.subject(*commit));
        let mut again = Vec::from_iter(subjects.take(NAMED_MAX)).join("', '");
        if commits.len() > NAMED_MAX {
            again.push_str("', '…");
        }
        let mut steps = vec![
            "nothing has changed here; take back what cannot be put behind the others, and make it again".to_owned(),
            format!("git reset --keep {}", base.short()),
        ];
        if let Some(last) = commits.last() {
            let remembered = self.remembered(base, *last)?;
            if !remembered.is_empty() {
                steps.push(format!(
                    "fleetvault trust accept {}",
                    Vec::from_iter(remembered).join(" ")
                ));
            }
        }
        steps.push("fleetvault sync".to_owned());
        steps.push(format!("then make again: '{again}'"));
        Ok(steps.join("\n"))
    }

    /// The way out where own commits take away an author of files that came meanwhile; `None` where none of them changes who the authors are.
    pub(super) fn without_change_of_authors(
        &self,
        fork: CommitId,
        commits: &[CommitId],
    ) -> Result<Option<String>, Failure> {
        let mut base = fork;
        for (number, commit) in commits.iter().enumerate() {
            let changed = self.repository.differences(base, *commit)?;
            let mut paths = changed
                .iter()
                .filter_map(|change| FilePath::parse(self.below(&change.path)?));
            if paths.any(|path| matches!(path, FilePath::Root(_))) {
                return self.way_out(base, &commits[number..]).map(Some);
            }
            base = *commit;
        }
        Ok(None)
    }

    /// Refuses own commits that take away an author of files that came meanwhile: whether those are to be signed anew, a person is to say.
    pub(super) fn expect_authors_of(
        &self,
        refused: &[Finding],
        parting: &Parting,
        incoming: CommitId,
    ) -> Result<(), Failure> {
        let (Some(fork), Some(head), false) = (parting.fork, parting.own.last(), parting.branched) else {
            return Ok(());
        };
        let changed = self.repository.differences(fork, *head)?;
        let own: BTreeSet<&str> = changed.iter().filter_map(|change| self.below(&change.path)).collect();
        if refused.iter().all(|finding| own.contains(finding.path.as_str())) {
            return Ok(());
        }
        let Some(way_out) = self.without_change_of_authors(fork, &parting.own)? else {
            return Ok(());
        };
        let summary = format!(
            "your commits take away an author whose files came with {} at {}, so nothing was pushed and nothing changed here",
            self.upstream,
            incoming.short()
        );
        Err(refuse(refused, "own_unsound", summary, way_out))
    }

    /// Refuses own commits that do not verify behind the others, of an author who was removed meanwhile for example.
    pub(super) fn expect_own_sound(
        &self,
        refused: &[Finding],
        parting: &Parting,
        incoming: CommitId,
    ) -> Result<(), Failure> {
        match parting.fork {
            Some(fork) if !refused.is_empty() && !parting.branched => {
                let summary =
                    "your own commits do not verify, so nothing was pushed and nothing changed here".to_owned();
                Err(refuse(
                    refused,
                    "own_unsound",
                    summary,
                    self.way_out(fork, &parting.own)?,
                ))
            }
            _ => expect_sound(refused, &self.upstream, incoming),
        }
    }

    /// The files that commits changed and that this machine remembers, as `trust accept` wants them.
    fn remembered(&self, base: CommitId, last: CommitId) -> Result<BTreeSet<String>, Failure> {
        let here = self.repository.reopen_in(self.directory)?;
        let vault: Vault<'_> = self.context.load(here.snapshot(&last.to_string())?)?;
        let known: BTreeSet<String> = match vault.floors().list() {
            Ok(floors) => floors.into_iter().map(|(path, _)| path).collect(),
            // Where it cannot be read, everything else says so.
            Err(_) => BTreeSet::new(),
        };
        let changed = self.repository.differences(base, last)?;
        let files = changed
            .iter()
            .filter_map(|change| FilePath::parse(self.below(&change.path)?));
        let named = files.map(|path| match path {
            FilePath::Root(_) => ROOT_FILE.to_owned(),
            other => other.to_string(),
        });
        Ok(named.filter(|path| known.contains(path)).collect())
    }
}
