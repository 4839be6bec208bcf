//! One command in one clone: what it is, and what the model says comes of it.

use super::{
    Own, Play,
    model::{Names, State},
};

const MEMBERS: [&str; 5] = ["dev", "rev", "ops", "bob", "web"];
const GROUPS: [&str; 3] = ["team", "crew", "night"];
const AUTHORS: [&str; 3] = ["carol", "bob", "dan"];
const CREDENTIALS: [&str; 5] = ["pat", "db/password", "token", "deploy", "spare"];

/// A command with its input, and what the vault says afterwards; `None` where it must be refused.
struct Proposal {
    args: Vec<String>,
    stdin: String,
    then: Option<State>,
    /// Whether the author must be able to open things for it.
    opens: bool,
}

fn words(text: &str) -> Vec<String> {
    text.split(' ').map(str::to_owned).collect()
}

impl Play {
    pub fn act(&mut self, clone: &'static str) {
        let state = self.state(clone);
        let authors: Vec<String> = state.authors.iter().cloned().collect();
        let who = if self.dice.one_in(2) {
            "alice".into()
        } else {
            self.dice.of(&authors)
        };
        if self.dice.one_in(12) && self.is_up_to_date(clone) {
            return self.rotate_exposed(clone);
        }
        let proposal = self.proposal(&state, &who);
        self.carry_out(clone, &who, proposal);
    }

    /// Something to begin with: members, a group, and credentials for all kinds of scopes.
    pub fn begin(&mut self) {
        for name in ["dev", "rev", "ops"] {
            let state = self.state("a");
            let (key, public) = self.new_key(name);
            let args = words(&format!("member add {name} --recipient {public}"));
            let then = state.member_add(name, None, key, 0);
            assert!(then.is_some());
            self.begin_with(args, String::new(), then);
        }
        let members = Names::from(["dev".to_owned(), "rev".to_owned()]);
        let then = self.state("a").group_add("team", &members);
        let args = words("group add team dev rev");
        self.begin_with(args, String::new(), then);
        for (name, scope) in [("token", "*"), ("pat", "dev"), ("deploy", "@team")] {
            let (stdin, stamp) = (self.new_value(), self.next_stamp());
            let then = self
                .state("a")
                .set(name, &Names::from([scope.to_owned()]), &stdin, stamp);
            let args = words(&format!("set {name} --members {scope}"));
            self.begin_with(args, stdin, then);
        }
        for clone in super::CLONES {
            self.sync(clone);
        }
    }

    fn begin_with(&mut self, args: Vec<String>, stdin: String, then: Option<State>) {
        let opens = true;
        let proposal = Proposal {
            args,
            stdin,
            then,
            opens,
        };
        self.carry_out("a", "alice", proposal);
    }

    fn carry_out(&mut self, clone: &'static str, who: &str, proposal: Proposal) {
        let state = self.state(clone);
        let head = self.clones.head(clone);
        let args: Vec<&str> = proposal.args.iter().map(String::as_str).collect();
        let done = self.run(clone, who, &args, &proposal.stdin);
        let opens_all = who == "alice" || (state.members.contains_key(who) && state.has("keepers", who));
        let maybe = proposal.opens && !opens_all && done.code != 0;
        match proposal.then.filter(|_| !maybe) {
            Some(after) => {
                done.ok();
                assert_eq!(self.clones.git(clone, &["rev-parse", "HEAD^"]), head);
                let commit = self.clones.head(clone);
                let what = args.join(" ");
                for (name, it) in &after.credentials {
                    if self.values[&it.value].is_none() {
                        self.note_time(clone, name, &it.value);
                    }
                }
                let own = Own {
                    before: state,
                    after,
                    commit,
                    what,
                };
                self.local.get_mut(clone).unwrap().own.push(own);
                self.check(clone);
                self.count("done");
            }
            None => {
                assert!([1, 2, 4, 7].contains(&done.code), "{}: {}", done.code, done.stderr);
                self.check_unchanged(clone, &head);
                self.count("refused");
            }
        }
    }

    fn proposal(&mut self, state: &State, who: &str) -> Proposal {
        let stamp = self.next_stamp();
        let member = self.member(state);
        let group = self.group(state);
        let present: Vec<&str> = state.credentials.keys().map(String::as_str).collect();
        let name = match present.is_empty() || self.dice.one_in(4) {
            true => self.dice.of(&CREDENTIALS),
            false => self.dice.of(&present),
        };
        let mut stdin = String::new();
        let mut opens = true;
        let (args, then) = match self.dice.below(34) {
            0..=3 => {
                let (key, public) = self.new_key(&member);
                let like = self.dice.one_in(3).then(|| self.member(state));
                let mut args = words(&format!("member add {member} --recipient {public}"));
                if let Some(like) = &like {
                    args.extend(["--like".into(), like.clone()]);
                }
                (args, state.clone().member_add(&member, like.as_deref(), key, stamp))
            }
            4..=5 if member != who => (
                words(&format!("member remove {member}")),
                state.clone().member_remove(&member, stamp),
            ),
            6 if member != who && member != "alice" => {
                let (key, public) = self.new_key(&member);
                let destroyed = self.dice.one_in(2);
                let mut args = words(&format!("member rekey {member} --recipient {public}"));
                args.extend(destroyed.then(|| "--destroyed".to_owned()));
                (args, state.clone().member_rekey(&member, destroyed, key, stamp))
            }
            7 => {
                opens = false;
                let members: Names = (0..1 + self.dice.below(2)).map(|_| self.member(state)).collect();
                let mut args = words(&format!("group add {group}"));
                args.extend(members.clone());
                (args, state.clone().group_add(&group, &members))
            }
            8..=9 => (
                words(&format!("group grant {group} {member}")),
                state.clone().group_grant(&group, &member),
            ),
            // Alice, who looks everywhere, stays a keeper: asked only of the last one, which is refused.
            10 if member != "alice" || state.holders_of("keepers").len() == 1 => (
                words(&format!("group revoke {group} {member}")),
                state.clone().group_revoke(&group, &member),
            ),
            11 => (
                words(&format!("group remove {group}")),
                state.clone().group_remove(&group),
            ),
            12 => {
                opens = false;
                let author = self.dice.of(&AUTHORS);
                let (_, public) = self.signing_key(author);
                let mut args = words(&format!("author add {author} --key"));
                args.push(public);
                let mut after = state.clone();
                (args, after.authors.insert(author.into()).then_some(after))
            }
            13 => {
                opens = false;
                // Who syncs everywhere stays an author: asked only of herself, which is refused.
                let own = (who == "alice").then_some("alice");
                let author = self.dice.of(&Vec::from_iter(AUTHORS.into_iter().chain(own)));
                let mut after = state.clone();
                let then = (after.authors.remove(author) && author != who).then_some(after);
                (words(&format!("author remove {author}")), then)
            }
            14..=20 => {
                opens = false;
                stdin = self.new_value();
                let scope = self.scope(state);
                let listed = Vec::from_iter(scope.clone()).join(",");
                let args = vec!["set".into(), name.into(), "--members".into(), listed];
                (args, state.clone().set(name, &scope, &stdin, stamp))
            }
            21 => {
                opens = false;
                stdin = self.new_value();
                let present = state.credentials.get(name);
                let everyone = Names::from(["*".to_owned()]);
                let widens = present.is_some_and(|it| it.scope != everyone);
                let then = state.clone().set(name, &everyone, &stdin, stamp);
                (words(&format!("set {name}")), then.filter(|_| !widens))
            }
            22..=23 => {
                opens = false;
                stdin = self.new_value();
                (
                    words(&format!("rotate {name}")),
                    state.clone().change(name, None, Some(&stdin), stamp),
                )
            }
            24..=29 => self.rescope(state, name, stamp),
            30 => {
                opens = false;
                let mut after = state.clone();
                let was = after.credentials.remove(name);
                after.removed.insert(name.to_owned());
                (words(&format!("rm {name}")), was.map(|_| after))
            }
            31 => (words("reseal --all"), state.clone().sealed_anew(|_| true, stamp)),
            32 => (words("reseal"), None),
            _ => (
                words(&format!("touch {name}")),
                state.clone().change(name, None, None, stamp),
            ),
        };
        Proposal {
            args,
            stdin,
            then,
            opens,
        }
    }

    fn rescope(&mut self, state: &State, name: &str, stamp: u64) -> (Vec<String>, Option<State>) {
        let present = state
            .credentials
            .get(name)
            .map(|it| it.scope.clone())
            .unwrap_or_default();
        let entries = Vec::from_iter(present.clone());
        let everyone = present.contains("*");
        let (option, given, scope) = match self.dice.below(3) {
            0 => {
                let entry = self.entry(state);
                let added = &present | &Names::from([entry.clone()]);
                ("--add", entry, Some(added).filter(|_| !everyone))
            }
            1 => {
                let entry = if entries.is_empty() || everyone {
                    "dev".into()
                } else {
                    self.dice.of(&entries)
                };
                let left = &present - &Names::from([entry.clone()]);
                ("--drop", entry, Some(left).filter(|_| !everyone))
            }
            _ => {
                let scope = self.scope(state);
                ("--members", Vec::from_iter(scope.clone()).join(","), Some(scope))
            }
        };
        let scope = scope.filter(|scope| *scope != present);
        let args = vec!["scope".into(), name.into(), option.into(), given];
        (
            args,
            scope.and_then(|scope| state.clone().change(name, Some(scope), None, stamp)),
        )
    }

    /// All that somebody knows who should not gets a new value.
    fn rotate_exposed(&mut self, clone: &'static str) {
        self.check_exposure(clone);
        let json = self.run(clone, "alice", &["exposure", "--json"], "").ok().json();
        let names = json["rotate"]
            .as_array()
            .unwrap()
            .iter()
            .map(|it| it["name"].as_str().unwrap().to_owned());
        let names: Names = names.collect();
        let head = self.clones.head(clone);
        let done = self.run(clone, "alice", &["rotate", "--exposed", "--generate"], "");
        done.ok();
        if names.is_empty() {
            return self.check_unchanged(clone, &head);
        }
        let (before, stamp) = (self.state(clone), self.next_stamp());
        let mut after = before.clone();
        for name in &names {
            let value = self.clones.get(clone, name);
            self.note_time(clone, name, &value);
            after = after.change(name, None, Some(&value), stamp).unwrap();
        }
        let commit = self.clones.head(clone);
        let what = "rotate --exposed".into();
        let own = Own {
            before,
            after,
            commit,
            what,
        };
        self.local.get_mut(clone).unwrap().own.push(own);
        self.check(clone);
        self.count("exposed rotated");
    }

    /// A member, mostly one that there is.
    fn member(&mut self, state: &State) -> String {
        let living: Vec<String> = state.members.keys().cloned().collect();
        match self.dice.one_in(4) {
            true => self.dice.of(&MEMBERS).to_owned(),
            false => self.dice.of(&living),
        }
    }

    fn group(&mut self, state: &State) -> String {
        let living: Vec<String> = state.groups.keys().cloned().collect();
        match self.dice.one_in(2) {
            true => self.dice.of(&GROUPS).to_owned(),
            false => self.dice.of(&living),
        }
    }

    /// What can stand in a scope beside others; seldom somebody who is not there.
    fn entry(&mut self, state: &State) -> String {
        if self.dice.one_in(15) {
            return self.dice.of(&["nobody", "@nobody"]).to_owned();
        }
        let groups = state
            .groups
            .keys()
            .filter(|name| !["all", "keepers"].contains(&name.as_str()));
        let groups = groups.map(|name| format!("@{name}"));
        self.dice
            .of(&Vec::from_iter(state.members.keys().cloned().chain(groups)))
    }

    fn scope(&mut self, state: &State) -> Names {
        match self.dice.below(4) {
            0 => Names::from(["*".to_owned()]),
            many => (0..many).map(|_| self.entry(state)).collect(),
        }
    }

    /// Sets something on a branch of its own and something else beside it, and joins both.
    pub fn branch_and_join(&mut self, clone: &'static str) {
        if !self.local[clone].own.is_empty() {
            return;
        }
        let before = self.state(clone);
        self.git(clone, &["switch", "-q", "-c", "side"]).ok();
        let mut sides = Vec::new();
        for (side, name) in [("side", "of-side"), ("main", "beside")] {
            self.git(clone, &["switch", "-q", side]).ok();
            let (value, stamp, scope) = (self.new_value(), self.next_stamp(), self.scope(&before));
            let Some(after) = before.clone().set(name, &scope, &value, stamp) else {
                continue;
            };
            let listed = Vec::from_iter(scope).join(",");
            let done = self.run(clone, "alice", &["set", name, "--members", &listed], &value);
            done.ok();
            self.note_time(clone, name, &value);
            sides.push((side, name, after));
        }
        self.git(clone, &["switch", "-q", "main"]).ok();
        self.git(clone, &["merge", "-q", "--no-ff", "--no-edit", "side"]).ok();
        self.git(clone, &["branch", "-q", "-D", "side"]).ok();
        if sides.is_empty() {
            return;
        }
        let local = self.local.get_mut(clone).unwrap();
        let mut joined = before.clone();
        for (_, name, after) in &sides {
            joined
                .credentials
                .insert((*name).into(), after.credentials[*name].clone());
        }
        local.joined = sides.iter().any(|(side, ..)| *side == "side");
        let states = sides
            .into_iter()
            .map(|(_, name, after)| (after, name))
            .chain([(joined, "merge")]);
        for (after, what) in Vec::from_iter(states) {
            let (before, what) = (before.clone(), what.to_owned());
            let commit = self.clones.head(clone);
            self.local.get_mut(clone).unwrap().own.push(Own {
                before,
                after,
                commit,
                what,
            });
        }
        self.check(clone);
        self.count("branched");
    }
}
