//! Own commits behind those of others: with objects alone, so that whatever stops it the branch is where it was.

use std::collections::BTreeSet;

use fleetvault::{
    author::{self, Conflicted, Course, Ruling, Which},
    cli::Failure,
    review::incoming::Judgement,
    terminal::report::Report,
    vault::{CommitId, Conflict, FileChange, Like, Merging, Parting, Replay, Repository, Stage, trust::Floors},
};
use vault_format::FilePath;

use super::{
    super::merge::sides,
    args::Side,
    judge::{Judge, expect_sound},
};
use crate::context::{Context, fail};

/// What is put behind what.
pub struct Rebase<'r> {
    pub context: &'r Context,
    pub repository: &'r Repository,
    pub directory: &'r str,
    /// How the upstream is called.
    pub upstream: String,
    pub keep: Option<Side>,
}

/// What came of it.
pub struct Rebased {
    pub result: CommitId,
    /// The commits that were made, the oldest first.
    pub made: Vec<CommitId>,
    /// One line for each file that was merged or sealed again.
    pub merged: Vec<String>,
    /// To be written once the branch is there.
    pub floors: Vec<Floors>,
}

/// One commit to make anew.
struct Step<'o> {
    base: CommitId,
    theirs: CommitId,
    /// What was fetched.
    incoming: CommitId,
    parents: Vec<CommitId>,
    like: Like,
    /// All own commits, and the place of this one among them.
    own: &'o [CommitId],
    number: usize,
    /// What they stand on.
    fork: CommitId,
}

impl Rebase<'_> {
    /// Puts all own commits behind what was fetched. Where they do not stand in a line, one merge commit joins both sides.
    pub fn run(&self, parting: &Parting, head: CommitId, incoming: CommitId) -> Result<Rebased, Failure> {
        let Some(fork) = parting.fork else {
            return Err(unrelated(&self.upstream).into());
        };
        let mut replay = Replay::start(self.repository)?;
        let mut rebased = Rebased {
            result: incoming,
            made: Vec::new(),
            merged: Vec::new(),
            floors: Vec::new(),
        };
        let own: &[CommitId] = if parting.branched { &[head] } else { &parting.own };
        let mut base = fork;
        for (number, commit) in own.iter().enumerate() {
            let onto = rebased.result;
            let step = match parting.branched {
                true => Step {
                    base,
                    theirs: *commit,
                    incoming,
                    parents: vec![head, incoming],
                    like: Like::Message(format!("Merge {}", self.upstream)),
                    own,
                    number,
                    fork,
                },
                false => Step {
                    base,
                    theirs: *commit,
                    incoming,
                    parents: vec![onto],
                    like: Like::Commit(*commit),
                    own,
                    number,
                    fork,
                },
            };
            let merging = replay.merge(step.base, onto, step.theirs, is_taken_whole)?;
            let files = self.end_conflicts(&replay, &merging, onto, &step, &mut rebased)?;
            if let Some(made) = replay.commit(merging, &files, &step.like, &step.parents)? {
                rebased.result = made;
                rebased.made.push(made);
            }
            base = *commit;
        }
        if !rebased.made.is_empty() {
            self.judge(&mut replay, parting, incoming, &mut rebased)?;
        }
        replay.finish()?;
        Ok(rebased)
    }

    /// Leaves own commits that stand on what was fetched where they are, unless what they set is sealed to keys that are over: git puts commits
    /// behind a removal without a look at them.
    pub fn stay(&self, parting: &Parting, head: CommitId, incoming: CommitId) -> Result<Rebased, Failure> {
        let mut replay = Replay::start(self.repository)?;
        let mut rebased = Rebased {
            result: head,
            made: parting.own.clone(),
            merged: Vec::new(),
            floors: Vec::new(),
        };
        let judgement = self.judging().all(incoming, head)?;
        expect_sound(&judgement.refused, &self.upstream, incoming)?;
        self.seal(&mut replay, parting, incoming, &mut rebased, judgement)?;
        replay.finish()?;
        Ok(rebased)
    }

    fn end_conflicts(
        &self,
        replay: &Replay<'_>,
        merging: &Merging,
        onto: CommitId,
        step: &Step<'_>,
        rebased: &mut Rebased,
    ) -> Result<Vec<(Conflict, Vec<u8>)>, Failure> {
        if merging.conflicts().is_empty() {
            return Ok(Vec::new());
        }
        let look = |stand_ins: &[FileChange]| Ok(replay.look(merging, self.directory, stand_ins)?);
        let snapshot = look(&[])?;
        let mut files = Vec::new();
        // What upstream has had is no change of ours, whatever commit brings it.
        let sides = (Stage::Theirs, Stage::Ours);
        let upstream = step.incoming.to_string();
        let had = sides::had(self.repository, &upstream, merging.conflicts(), sides, self.directory)?;
        for (conflict, had) in merging.conflicts().iter().zip(had) {
            let Some(path) = conflict.below(self.directory).and_then(FilePath::parse) else {
                return Err(self.for_a_person(conflict, step).into());
            };
            let side = |stage| -> Result<_, Failure> {
                let read = conflict.read(stage, &snapshot);
                read.map_err(|error| Report::new(6, "untrusted", error.to_string()).into())
            };
            let file = Conflicted {
                base: side(Stage::Base).unwrap_or(None),
                ours: side(Stage::Ours)?,
                theirs: side(Stage::Theirs)?,
                outdated: had.then_some(Which::Theirs),
                path,
            };
            files.push((conflict.clone(), file));
        }
        let ruling = Ruling {
            course: match step.parents.len() {
                1 => Course::Replay,
                _ => Course::Join,
            },
            choice: self.keep.map(|side| match side {
                Side::Own => Which::Theirs,
                Side::Upstream => Which::Ours,
            }),
            ours: format!("{}, {}", self.upstream, self.described(onto)),
            theirs: format!("your commit {}", self.described(step.theirs)),
        };
        let selected: Vec<FilePath> = files.iter().map(|(_, file)| file.path.clone()).collect();
        author::check_selection(&selected, &[]).map_err(|error| self.reworded(fail(error), &ruling, step))?;
        let conflicted: Vec<&Conflicted> = files.iter().map(|(_, file)| file).collect();
        // Own commits further on have been used here; what comes of all is held against the floors in the end.
        let load = |snapshot| self.context.load_on_the_way(snapshot);
        let planned = super::super::merge::plan(
            self.context,
            load,
            self.repository,
            snapshot,
            look,
            &conflicted,
            &ruling,
        );
        let (plan, floors) = planned.map_err(|failure| self.reworded(failure, &ruling, step))?;
        // Here the sides have names of their own.
        let named = |line: &String| {
            line.replace(" from ours", " from upstream")
                .replace(" from theirs", " from your commit")
                .replace("as ours has", "as upstream has")
                .replace("as theirs has", "as your commit has")
        };
        rebased.merged.extend(plan.summary.iter().map(named));
        rebased.floors.push(floors);
        let merged = files.into_iter().filter_map(|(conflict, file)| {
            let path = file.path.to_string();
            let found = plan.files.iter().find(|found| found.path == path)?;
            Some((conflict, found.contents.clone()))
        });
        Ok(merged.collect())
    }

    /// Own commits that do not verify behind the others are not for anybody. What they sealed to keys that are over is sealed anew first.
    fn judge(
        &self,
        replay: &mut Replay<'_>,
        parting: &Parting,
        incoming: CommitId,
        rebased: &mut Rebased,
    ) -> Result<(), Failure> {
        let judgement = self.judging().all(incoming, rebased.result)?;
        self.expect_authors_of(&judgement.refused, parting, incoming)?;
        self.expect_own_sound(&judgement.refused, parting, incoming)?;
        self.seal(replay, parting, incoming, rebased, judgement)
    }

    fn seal(
        &self,
        replay: &mut Replay<'_>,
        parting: &Parting,
        incoming: CommitId,
        rebased: &mut Rebased,
        mut judgement: Judgement,
    ) -> Result<(), Failure> {
        // A merge commit joins own ones as they are.
        if !parting.branched && self.seal_along(replay, parting, incoming, rebased)? {
            judgement = self.judging().all(incoming, rebased.result)?;
        }
        let stale = judgement.stale.iter();
        // One that is sealed to two groups whose keys are over is found twice.
        let files: BTreeSet<FilePath> = stale.filter_map(|stale| FilePath::parse(&stale.path)).collect();
        if !files.is_empty() {
            let files = Vec::from_iter(files);
            self.seal_behind(replay, parting, &files, rebased)?;
            judgement = self.judging().all(incoming, rebased.result)?;
        }
        // What was sealed again is judged again, and what is stale in another vault is not sealed from here.
        judgement.refused.append(&mut judgement.stale);
        expect_sound(&judgement.refused, &self.upstream, incoming)
    }

    fn judging(&self) -> Judge<'_> {
        Judge {
            context: self.context,
            repository: self.repository,
            directory: self.directory,
        }
    }

    /// Adds how to take back own commits from this step on.
    fn with_way_out(&self, report: Report, step: &Step<'_>) -> Report {
        match self.way_out(step.base, &step.own[step.number..]) {
            Ok(way_out) => report.hint(way_out),
            Err(_) => report,
        }
    }

    fn described(&self, commit: CommitId) -> String {
        format!("{} '{}'", commit.short(), self.repository.subject(commit))
    }

    fn for_a_person(&self, conflict: &Conflict, step: &Step<'_>) -> Report {
        let what = format!(
            "{} was changed at {} and in your commit {}, and is no file of this vault: only a person can merge it",
            conflict.path,
            self.upstream,
            self.described(step.theirs)
        );
        Report::new(1, "conflict", what)
            .hint("git pull --rebase, end the conflict, then run this again; nothing has changed here")
    }

    /// Nothing is in conflict in the work tree: the way out is this command's own.
    fn reworded(&self, failure: Failure, ruling: &Ruling, step: &Step<'_>) -> Failure {
        // No choice ends what only one side can change: the rest is nothing to decide about yet.
        let diverged = failure.0.iter().any(|report| report.code == "diverged");
        let kept = failure
            .0
            .into_iter()
            .filter(|report| !diverged || report.code == "diverged");
        let reword = |report: Report| {
            match report.code {
            "both_changed" => report.hint(format!(
                "nothing has changed here; to take what differs from one side: fleetvault sync --keep own, or --keep upstream\nours (upstream) is {}\ntheirs (own) is {}",
                ruling.ours, ruling.theirs
            )),
            "diverged" => self.with_way_out(report, step),
            // What came was sound before the own commits: it is they who say that its author is none, or whose author is none.
            "untrusted" => match self.without_change_of_authors(step.fork, step.own) {
                Ok(Some(way_out)) => report.hint(way_out),
                Ok(None) => self.with_way_out(report, step),
                Err(_) => report,
            },
            // Whoever is no author any more writes nothing here: what others have is there to be taken.
            "not_an_author" => match self.way_out(step.fork, step.own) {
                Ok(way_out) => report.hint(way_out),
                Err(_) => report,
            },
            // Whom it is for is gone.
            "scope_change" => self.with_way_out(report, step),
            _ => report,
        }
        };
        Failure(kept.map(reword).collect())
    }
}

/// Files of a vault, of this one or of any other, are signed whole.
fn is_taken_whole(path: &str) -> bool {
    let starts = std::iter::once(0).chain(path.match_indices('/').map(|(at, _)| at + 1));
    starts
        .into_iter()
        .any(|start| FilePath::parse(&path[start..]).is_some())
}

/// Two histories that have nothing in common.
pub fn unrelated(upstream: &str) -> Report {
    Report::new(6, "unrelated", format!("{upstream} has no commit in common with this branch"))
        .hint("a shallow clone may lack them: git fetch --unshallow; else it is another repository, or its history was replaced")
}
