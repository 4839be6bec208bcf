//! One sync: fetch, verify, put own commits behind what came, move the branch, push; again where another was faster.

use std::{
    hash::{BuildHasher, RandomState},
    path::Path,
    thread::sleep,
    time::Duration,
};

use fleetvault::{
    cli::Failure,
    review::Finding,
    terminal::report::Report,
    vault::{
        Access, Advance, CommitId, Operation, Parting, Pushed, Remote, RemoteError, RemoteOptions, Repository,
        SyncLock, Upstream, advance, put_back_interrupted, trust::Floors,
    },
};

use super::{
    args::SyncArgs,
    judge::{Judge, refuse},
    rebase::{Rebase, Rebased, unrelated},
};
use crate::{
    context::Context,
    output::{note, remembered},
    trust::Strictness,
};

/// How often it is tried because another was faster: each time something of others has landed. With eight clones that push all the time, one in
/// eight tries lands; of one that has something to merge each time, and takes longer for it, fewer than one in two hundred.
const TRIES: u32 = 1000;

/// How often a push may come too late although nobody else's has arrived: then it is no race, and the other side has something left over.
const TRIES_ALONE: u32 = 20;

/// The longest pause before the second try.
const PAUSE_MAX: Duration = Duration::from_millis(600);

/// How long another sync of this repository is waited for.
const LOCK_WAIT: Duration = Duration::from_secs(60);

/// What a sync did.
pub struct Outcome {
    pub upstream: String,
    pub branch: String,
    /// Where the branch was, and where it is.
    pub before: CommitId,
    pub after: CommitId,
    /// How many commits of others came.
    pub fetched: usize,
    /// How many own commits were put behind them.
    pub rebased: usize,
    /// How many own commits were pushed.
    pub pushed: usize,
    /// How many own commits are still to be pushed.
    pub unpushed: usize,
    pub merged: Vec<String>,
    /// Files that are sealed to keys that are not current.
    pub stale: Vec<Finding>,
    /// Files that are older than what this machine has used, as they were before.
    pub older: Vec<String>,
}

/// What is to become of the branch.
struct Step {
    head: CommitId,
    result: CommitId,
    own: usize,
    behind: usize,
    rebased: usize,
    merged: Vec<String>,
    stale: Vec<Finding>,
    older: Vec<String>,
    floors: Vec<Floors>,
}

/// The work of one command.
struct Round<'a> {
    args: &'a SyncArgs,
    context: &'a Context,
    repository: &'a Repository,
    upstream: &'a Upstream,
    remote: Remote<'a>,
    directory: String,
}

/// Syncs once.
pub fn round(args: &SyncArgs, context: &Context, options: &RemoteOptions) -> Result<Outcome, Failure> {
    let repository = Repository::open(Path::new("."), Access::Write)?;
    let upstream = repository.followed()?;
    expect_idle(&repository)?;
    let _one_at_a_time = SyncLock::take(&repository, LOCK_WAIT)?;
    let directory = {
        let vault = context.load(repository.snapshot("HEAD")?)?;
        context.check_trust(&repository, &vault, Strictness::Noted)?;
        vault.snapshot().directory().to_owned()
    };
    let round = Round {
        args,
        context,
        repository: &repository,
        upstream: &upstream,
        remote: Remote::new(&repository, &upstream, options.clone()),
        directory,
    };
    let outcome = round.run();
    round.remote.forget_fetched();
    outcome
}

impl Round<'_> {
    fn run(&self) -> Result<Outcome, Failure> {
        if !self.args.dry_run {
            put_back_interrupted(self.repository, |from, to, index| {
                self.remote.check_out(from, to, index)
            })?;
        }
        let before = self.repository.commit("HEAD")?;
        let mut outcome = Outcome {
            upstream: self.upstream.name(),
            branch: self.upstream.local.clone(),
            before,
            after: before,
            fetched: 0,
            rebased: 0,
            pushed: 0,
            unpushed: 0,
            merged: Vec::new(),
            stale: Vec::new(),
            older: Vec::new(),
        };
        let mut why = String::new();
        let (mut seen, mut alone) = (None, 0);
        for number in 0..TRIES {
            if number > 0 {
                sleep(pause(number));
            }
            let incoming = self.remote.fetch(number > 0)?;
            alone = if seen == Some(incoming) { alone + 1 } else { 0 };
            seen = Some(incoming);
            let step = self.plan(incoming)?;
            outcome.fetched += step.behind;
            outcome.rebased = outcome.rebased.max(step.rebased);
            outcome.unpushed = step.own;
            outcome.merged.clone_from(&step.merged);
            outcome.stale.clone_from(&step.stale);
            outcome.older.clone_from(&step.older);
            outcome.after = step.result;
            if self.args.dry_run {
                return Ok(outcome);
            }
            // Pushed before the branch and its files follow: that takes time, in which another would be faster. Killed in between, the next run
            // finds its own commits at the upstream, under other names, and nothing left of them to put behind.
            if step.own > 0 && !self.args.no_push {
                if number == 0 {
                    self.expect_room(&step)?;
                }
                if let Pushed::Overtaken(said) = self.push(step.result)? {
                    if alone >= TRIES_ALONE {
                        return Err(stuck(&self.upstream.remote, &said).into());
                    }
                    why = said;
                    continue;
                }
                outcome.pushed += step.own;
                outcome.unpushed = 0;
            }
            if self.move_branch(&step)? {
                let known = if outcome.unpushed == 0 { step.result } else { incoming };
                self.remote.note_state(known)?;
                return Ok(outcome);
            }
            why = "the branch moved here".to_owned();
        }
        let what = format!("others were faster {TRIES} times: {why}");
        Err(Report::new(1, "overtaken", what)
            .hint("your commits are here, behind what was fetched: run this again")
            .into())
    }

    /// Decides what becomes of the branch, and whether it may.
    fn plan(&self, incoming: CommitId) -> Result<Step, Failure> {
        let head = self.repository.commit("HEAD")?;
        let parting = self.repository.parting(self.upstream, head, incoming)?;
        let mut step = Step {
            head,
            result: head,
            own: parting.own.len(),
            behind: parting.behind,
            rebased: 0,
            merged: Vec::new(),
            stale: Vec::new(),
            older: Vec::new(),
            floors: Vec::new(),
        };
        if step.own > 0 {
            self.judge().learn(incoming, !self.args.dry_run)?;
        }
        // Where the upstream was set back, what it lost must not come back with the own commits as if nothing had happened.
        if parting.lost == 0 && self.repository.is_or_follows(head, incoming)? {
            if step.own > 0 && !self.args.no_push {
                let made = self.rebasing().stay(&parting, head, incoming)?;
                self.take(&mut step, made);
            }
            return match step.result == head {
                true => self.expect_sealed_to_latest(step, &parting, incoming),
                false => self.expect_none_older(step, &parting, incoming),
            };
        }
        let Some(fork) = parting.fork else {
            return Err(unrelated(&self.upstream.name()).into());
        };
        self.tell_of_rewriting(&parting);
        let judgement = self.judge().all(fork, incoming)?;
        if !judgement.refused.is_empty() {
            return Err(self.refuse_incoming(&judgement.refused, &[], &parting, incoming));
        }
        step.stale = judgement.stale;
        if parting.own.is_empty() {
            step.result = incoming;
        } else {
            let made = self.rebasing().run(&parting, head, incoming)?;
            self.take(&mut step, made);
        }
        self.expect_none_older(step, &parting, incoming)
    }

    fn expect_none_older(&self, mut step: Step, parting: &Parting, incoming: CommitId) -> Result<Step, Failure> {
        let was_sealed = !parting.own.is_empty();
        let older = self.judge().rolled_back(step.head, step.result, was_sealed)?;
        if !older.refused.is_empty() {
            return Err(self.refuse_incoming(&older.refused, &older.used, parting, incoming));
        }
        step.older = older.as_before;
        Ok(step)
    }

    /// Own commits that stay as they are may have got behind what was put back by git alone.
    fn expect_sealed_to_latest(&self, step: Step, parting: &Parting, incoming: CommitId) -> Result<Step, Failure> {
        if step.own == 0 || self.args.no_push {
            return Ok(step);
        }
        let older = self.judge().sealed_to_older(incoming, step.result)?;
        if older.is_empty() {
            return Ok(step);
        }
        let used: Vec<String> = older.iter().map(|finding| finding.path.clone()).collect();
        Err(self.refuse_incoming(&older, &used, parting, incoming))
    }

    fn rebasing(&self) -> Rebase<'_> {
        Rebase {
            context: self.context,
            repository: self.repository,
            directory: &self.directory,
            upstream: self.upstream.name(),
            keep: self.args.keep,
        }
    }

    /// What is to become of the branch, with own commits that were made anew.
    fn take(&self, step: &mut Step, made: Rebased) {
        (step.result, step.own) = (made.result, made.made.len());
        step.rebased = if made.result == step.head { 0 } else { step.own };
        (step.merged, step.floors) = (made.merged, made.floors);
    }

    /// `used` are the files among the refused that are older than what this machine has used, and not than the branch.
    fn refuse_incoming(&self, refused: &[Finding], used: &[String], parting: &Parting, incoming: CommitId) -> Failure {
        let name = self.upstream.name();
        let hint = match parting.lost {
            0 if !used.is_empty() => format!(
                "was it made here, on another branch or in commits that were given up? then: fleetvault trust accept {}\nelse {name} was set back: whoever pushed that must mend it, or an author",
                used.join(" ")
            ),
            0 => format!(
                "'fleetvault review HEAD..{}' tells more; whoever pushed that must mend it, or an author",
                incoming.short()
            ),
            _ => format!(
                "{name} was rewritten and has lost what this clone had; if nobody meant that, bring it back: git push --force-with-lease {} HEAD:{}\nif an author meant it: git fetch, git reset --keep {name}, and 'fleetvault trust accept FILE' for what was used here",
                self.upstream.remote, self.upstream.branch
            ),
        };
        let summary = format!(
            "{name} at {} is refused; this branch stays where it is",
            incoming.short()
        );
        refuse(refused, "untrusted", summary, hint)
    }

    /// A history that was replaced is followed where nothing in it is older than it was; that it was replaced is said.
    fn tell_of_rewriting(&self, parting: &Parting) {
        if parting.lost == 0 {
            return;
        }
        let shown: Vec<String> = parting
            .lost_shown
            .iter()
            .map(|(commit, subject)| format!("{} '{subject}'", commit.short()))
            .collect();
        let more = if parting.lost > shown.len() { ", …" } else { "" };
        note(&format!(
            "{} was rewritten: {} gone from it: {}{more}",
            self.upstream.name(),
            match parting.lost {
                1 => "1 commit that it had is".to_owned(),
                many => format!("{many} commits that it had are"),
            },
            shown.join(", ")
        ));
    }

    /// Refuses what could not be checked out, before others get it.
    fn expect_room(&self, step: &Step) -> Result<(), Failure> {
        match self.repository.is_bare() || step.result == step.head {
            true => Ok(()),
            false => Ok(self.remote.try_check_out(step.head, step.result)?),
        }
    }

    /// Moves the branch, its files with it; false where it has moved meanwhile.
    fn move_branch(&self, step: &Step) -> Result<bool, Failure> {
        if step.result == step.head {
            return Ok(true);
        }
        self.expect_room(step)?;
        let message = format!("fleetvault sync: {}", self.upstream.name());
        let moved = advance(
            self.repository,
            step.head,
            step.result,
            &message,
            |from, to, index| -> Result<(), RemoteError> { self.remote.check_out(from, to, index) },
        )?;
        if moved == Advance::Moved {
            return Ok(false);
        }
        for floors in &step.floors {
            remembered(floors.save());
        }
        Ok(true)
    }

    /// Pushes, and where the connection broke finds out whether it arrived.
    fn push(&self, commit: CommitId) -> Result<Pushed, Failure> {
        let error = match self.remote.push(commit) {
            Ok(pushed) => return Ok(pushed),
            Err(error) => error,
        };
        if let RemoteError::Failed { .. } = error
            && let Ok(now) = self.remote.fetch(true)
            && self.repository.is_or_follows(now, commit)?
        {
            return Ok(Pushed::Done);
        }
        Err(error.into())
    }

    fn judge(&self) -> Judge<'_> {
        Judge {
            context: self.context,
            repository: self.repository,
            directory: &self.directory,
        }
    }
}

/// In the middle of a merge or a rebase the branch is not to be moved.
fn expect_idle(repository: &Repository) -> Result<(), Failure> {
    match repository.in_progress().operation {
        Operation::Nothing => Ok(()),
        _ => Err(Report::new(
            1,
            "in_progress",
            "git is in the middle of a merge, a rebase or the like",
        )
        .hint("finish or abort it first: 'git status' says how")
        .into()),
    }
}

/// What is pushed is refused as if another were faster, and none is.
fn stuck(remote: &str, said: &str) -> Report {
    let what = format!("{remote} takes no push, though nobody else has pushed meanwhile: {said}");
    Report::new(1, "remote", what).hint(
        "a lock may be left over there, or somebody pushes and takes back; your commits are here, behind what was fetched: run this again later",
    )
}

/// Never the same for two clones, and shorter with every try: who has lost often goes before who has just come.
fn pause(number: u32) -> Duration {
    let random = RandomState::new().hash_one(number) % 1000;
    (PAUSE_MAX / number.max(1)).mul_f64(random as f64 / 1000.0)
}
