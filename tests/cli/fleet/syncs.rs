//! What clones do with each other's commits: `sync`, its ways out, and plain git.

use std::fs;

use super::{
    Local, Own, Play,
    model::{Keep, Names, State, merge},
};
use crate::support::Run;

/// Own commits behind what is published: what each says there.
struct Replayed {
    states: Vec<State>,
    clash: bool,
    /// More than the model knows: it may be refused, and if not the vault is asked what came of it.
    hard: bool,
    /// It may be refused, for who is no author or no member any more.
    may_refuse: bool,
    dangling: bool,
}

impl Play {
    fn replayed(&self, local: &Local, keep: Option<Keep>, anew: bool) -> Replayed {
        let (fork, upstream) = (&self.published[local.base], self.published.last().unwrap());
        let mut all = Replayed {
            states: Vec::new(),
            clash: false,
            hard: false,
            may_refuse: false,
            dangling: false,
        };
        let mut onto = upstream.clone();
        let lined: Vec<(&State, &State)> = match local.joined {
            true => local.own.last().map(|last| (fork, &last.after)).into_iter().collect(),
            false => local.own.iter().map(|own| (&own.before, &own.after)).collect(),
        };
        for (before, after) in lined {
            let merged = merge(before, &onto, after, keep);
            (all.clash, all.hard) = (all.clash | merged.clash, all.hard | merged.hard);
            let mut state = merged.state;
            for name in after.written_since(before) {
                if anew && let Some(mut it) = state.credentials.remove(&name) {
                    it.sealed = state.sealed_to(&it.scope).unwrap_or(it.sealed);
                    state.credentials.insert(name, it);
                }
            }
            // Grants of epochs that are over are sealed anew, or are to be.
            for ((group, _), epoch) in &mut state.grants {
                *epoch = if anew {
                    state.groups.get(group).copied().unwrap_or(*epoch)
                } else {
                    *epoch
                };
            }
            let authors = [before, &onto, after].map(|side| &side.authors);
            all.may_refuse |= authors.iter().any(|authors| !authors.is_subset(&state.authors));
            // Also a state on the way that names nobody cannot be sealed to the keys of now.
            all.may_refuse |= state.is_dangling();
            all.states.push(state.clone());
            onto = state;
        }
        all.dangling = onto.is_dangling();
        all
    }

    pub fn sync(&mut self, clone: &'static str) {
        let local = self.local[clone].clone();
        let behind = local.base + 1 < self.published.len();
        let head = self.clones.head(clone);
        if !behind || local.own.is_empty() {
            self.run(clone, "alice", &["sync"], "").ok();
            let states = local.own.into_iter().map(|own| own.after);
            return self.arrived(clone, states.collect());
        }
        let expected = self.replayed(&local, None, true);
        let done = self.run(clone, "alice", &["sync"], "");
        let refusable = expected.hard || expected.may_refuse;
        if done.code == 0 {
            assert!(
                !expected.dangling && (!expected.clash || refusable),
                "a sync that decides by itself"
            );
            return self.landed(clone, &local, expected, &done);
        }
        let refused = expected.clash || expected.dangling || refusable;
        assert!(refused, "sync was refused for no reason:\n{}", done.stderr);
        self.check_unchanged(clone, &head);
        if !done.stderr.contains("--keep own") {
            return self.way_out(clone, local, &done);
        }
        assert!(
            expected.clash || refusable,
            "a question that nobody has:\n{}",
            done.stderr
        );
        let keep = self.dice.of(&[Keep::Own, Keep::Upstream]);
        let expected = self.replayed(&local, Some(keep), true);
        let word = if keep == Keep::Own { "own" } else { "upstream" };
        let done = self.run(clone, "alice", &["sync", "--keep", word], "");
        if done.code == 0 {
            assert!(!expected.dangling, "what names nobody is published");
            self.count("kept");
            return self.landed(clone, &local, expected, &done);
        }
        let refused = expected.dangling || expected.hard || expected.may_refuse;
        assert!(refused, "sync --keep was refused for no reason:\n{}", done.stderr);
        self.check_unchanged(clone, &head);
        self.way_out(clone, local, &done);
    }

    /// Own commits arrived behind others: what the vault says is compared with what was expected.
    fn landed(&mut self, clone: &'static str, local: &Local, expected: Replayed, done: &Run) {
        let mut states = expected.states;
        if local.joined {
            // They are joined as they are, and sealed anew behind that: said of each that can be opened so.
            let own: Vec<State> = local.own.iter().map(|own| own.after.clone()).collect();
            let (mine, last) = (own.last().unwrap(), states.last().unwrap());
            for name in mine.written_since(&self.published[local.base]) {
                let was = &mine.credentials[&name];
                let Some(is) = last.credentials.get(&name).filter(|is| is.value == was.value) else {
                    continue;
                };
                let over = last.sealed_to(&was.scope).is_some_and(|now| now != was.sealed);
                let said = format!("who has left can still open it as your commits have it: fleetvault rotate {name}");
                let told = done.out().contains(&said) || done.out().contains("may still know its value");
                assert!(!over || told, "{name}, {is:?}, {was:?}: {}", done.out());
            }
            states = own.into_iter().chain(states).collect();
        }
        let observed = self.observed(clone);
        let own = local
            .own
            .last()
            .map(|own| own.after.written_since(&self.published[local.base]));
        let own = own.unwrap_or_default();
        let last = states.last_mut().unwrap();
        if expected.hard {
            self.count("hard");
            (last.members, last.groups) = (observed.members.clone(), observed.groups.clone());
            (last.grants, last.authors) = (observed.grants.clone(), observed.authors.clone());
            last.keys.extend(observed.keys.clone());
        }
        for (name, is) in &observed.credentials {
            let Some(it) = last.credentials.get_mut(name) else {
                continue;
            };
            let now = Some(&is.sealed) == observed.sealed_to(&is.scope).as_ref() && !own.contains(name);
            assert!(
                now || is.sealed == it.sealed,
                "{name} is sealed to {:?} and not to {:?}",
                is.sealed,
                it.sealed
            );
            it.sealed.clone_from(&is.sealed);
        }
        self.arrived(clone, states);
        self.count("rebased");
    }

    /// A clone has all that is published, and what it had of its own is.
    fn arrived(&mut self, clone: &'static str, states: Vec<State>) {
        for state in states {
            self.publish(state);
        }
        let local = Local {
            base: self.published.len() - 1,
            ..Local::default()
        };
        self.local.insert(clone, local);
        let bare = self
            .clones
            .fleet
            .git_in(&self.clones.bare(), &["rev-parse", "main"])
            .ok()
            .out();
        assert_eq!(self.clones.head(clone), bare.trim());
        self.check(clone);
        self.check_exposure(clone);
        self.count("synced");
    }

    /// Does what the hints of a refused sync say, or where they say nothing of that takes a new clone.
    fn way_out(&mut self, clone: &'static str, mut local: Local, refused: &Run) {
        let hints = { refused.stderr.lines() }.filter_map(|line| line.strip_prefix("fleetvault: hint: "));
        let hints: Vec<Vec<&str>> = hints.map(|hint| hint.split(' ').collect()).collect();
        let back = hints.iter().find_map(|words| match words.as_slice() {
            ["git", "reset", "--keep", commit] => Some(*commit),
            _ => None,
        });
        for directory in fs::read_dir(self.clones.path(".")).unwrap() {
            let path = directory.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            if name.starts_with(&format!("{clone}-key-")) {
                fs::remove_dir_all(path).unwrap();
            }
        }
        let Some(back) = back else {
            self.log.push(format!("# no way out of:\n{}", refused.stderr));
            eprintln!("seed {}: no way out of:\n{}", self.seed, refused.stderr);
            self.count("cloned anew");
            fs::remove_dir_all(self.clones.path(clone)).unwrap();
            fs::remove_dir_all(self.clones.path(&format!("{clone}-state"))).unwrap();
            self.clones.clone(clone);
            self.clones.run(clone, &["trust", "accept", "--yes"]).ok();
            return self.arrived(clone, Vec::new());
        };
        let kept = local
            .own
            .iter()
            .position(|own| own.commit.starts_with(back))
            .map_or(0, |at| at + 1);
        local.own.truncate(kept);
        local.joined &= kept > 0;
        self.local.insert(clone, local);
        for words in &hints {
            match words.as_slice() {
                ["git", args @ ..] => drop(self.git(clone, args).ok()),
                ["fleetvault", "trust", args @ ..] => {
                    let args = [&["trust"], args, &["--yes"]].concat();
                    self.run(clone, "alice", &args, "").ok();
                }
                _ => {}
            }
        }
        self.count("taken back");
        self.sync(clone);
    }

    /// Takes over what others published by plain git: a merge, a rebase, or all own commits as one.
    pub fn join_by_git(&mut self, clone: &'static str) {
        let local = self.local[clone].clone();
        if local.own.is_empty() || local.joined || local.base + 1 == self.published.len() {
            return;
        }
        let head = self.clones.head(clone);
        self.git(clone, &["fetch", "-q"]).ok();
        let how = self.dice.of(&["merge", "rebase", "squash"]);
        let went = match how {
            "merge" => self.git(clone, &["merge", "-q", "--no-edit", "origin/main"]).code == 0,
            "rebase" => self.git(clone, &["rebase", "-q", "origin/main"]).code == 0,
            _ => {
                self.git(clone, &["reset", "-q", "--hard", "origin/main"]).ok();
                let merged = self.git(clone, &["merge", "-q", "--squash", &head]).code == 0;
                merged
                    && self
                        .git(clone, &["commit", "-q", "-m", "squashed", "--allow-empty"])
                        .code
                        == 0
            }
        };
        if !went {
            self.git(clone, &[if how == "rebase" { "rebase" } else { "merge" }, "--abort"]);
            self.git(clone, &["reset", "-q", "--hard", &head]).ok();
            return self.count("git gave up");
        }
        let expected = self.replayed(&local, None, false);
        assert!(!expected.clash && !expected.hard, "git merged what both changed");
        let verified = self.run(clone, "alice", &["verify"], "");
        let found = verified.out();
        let unsound = found
            .lines()
            .any(|line| verified.code != 0 && !line.contains(": stale"));
        if expected.dangling || (expected.may_refuse && unsound) {
            assert!(unsound, "what names nobody is found by nobody: {found}");
            self.git(clone, &["reset", "-q", "--hard", &head]).ok();
            return self.count("git went wrong");
        }
        assert!(!unsound, "{how}: {found}");
        self.published_by_git(clone, how, &local, expected.states, &found);
    }

    fn published_by_git(
        &mut self,
        clone: &'static str,
        how: &'static str,
        local: &Local,
        states: Vec<State>,
        found: &str,
    ) {
        let (fork, last) = (self.published[local.base].clone(), states.last().unwrap().clone());
        let own = last_written(local, &fork);
        // Sealed to what was the key of its side, and is none any more; in one commit with new keys, also to what was none before that.
        let (upstream, mine) = (self.published.last().unwrap(), &local.own.last().unwrap().after);
        let stale = |name: &String| {
            let it = &last.credentials[name];
            let now = last.sealed_to(&it.scope).unwrap();
            let then = |side: &State| side.sealed_to(&it.scope).unwrap_or_default();
            let over: Names = it.sealed.difference(&now).cloned().collect();
            let of_own = own.contains(name) && (how == "squash" || !over.is_disjoint(&then(mine)));
            let written = upstream.written_since(&fork).contains(name);
            // A member has no use for what is sealed to keys that it has given up, whenever that was.
            let of_member = over.iter().any(|holder| !holder.starts_with('@'));
            let of_upstream = written && how == "merge" && !over.is_disjoint(&then(upstream));
            !over.is_empty() && (of_member || of_own || of_upstream)
        };
        let expected: Vec<String> = last.credentials.keys().filter(|name| stale(name)).cloned().collect();
        let told = { found.lines() }.filter_map(|line| line.strip_prefix("credentials/")?.split_once(".toml: stale"));
        let mut told: Vec<String> = told.map(|(name, _)| name.to_owned()).collect();
        told.dedup();
        assert_eq!(
            told,
            expected,
            "{how} of {:?}: {found}",
            local.own.iter().map(|own| &own.what).collect::<Vec<_>>()
        );
        let mut all: Vec<State> = match how {
            // Own commits that stand on the others are made anew by sync, each sealed to the keys of now, whoever put them there.
            "rebase" => self.replayed(local, None, true).states,
            "squash" => self.replayed(local, None, true).states.split_off(states.len() - 1),
            _ => local
                .own
                .iter()
                .map(|own| own.after.clone())
                .chain([last.clone()])
                .collect(),
        };
        if found.contains(": stale") {
            self.run(clone, "alice", &["reseal"], "").ok();
            self.run(clone, "alice", &["verify"], "").ok();
            let stamp = self.next_stamp();
            let mut mended = last.clone();
            mended = mended
                .clone()
                .sealed_anew(|name| expected.iter().any(|it| it == name), stamp)
                .unwrap_or(mended);
            for ((group, _), epoch) in &mut mended.grants {
                *epoch = mended.groups[group];
            }
            all.push(mended);
            self.count("resealed");
        }
        let before = self.published.last().unwrap().clone();
        let commit = self.clones.head(clone);
        let own = all.into_iter().map(|after| {
            let (before, commit, what) = (before.clone(), commit.clone(), how.to_owned());
            Own {
                before,
                after,
                commit,
                what,
            }
        });
        let local = Local {
            base: self.published.len() - 1,
            own: own.collect(),
            joined: how == "merge",
        };
        self.local.insert(clone, local);
        self.check(clone);
        self.count(how);
        self.sync(clone);
    }
}

fn last_written(local: &Local, fork: &State) -> Names {
    local
        .own
        .last()
        .map(|own| own.after.written_since(fork))
        .unwrap_or_default()
}
