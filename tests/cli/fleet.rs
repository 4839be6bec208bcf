//! A fleet at random: on three clones of one repository members come and go, groups and scopes change, clones stay behind and catch up. After each step
//! the vault says what a naive model says, and in the end nobody who left opens anything that was set afterwards.
//!
//! `FLEET_SEEDS=7` or `FLEET_SEEDS=1..50`, with `FLEET_STEPS=100`, chooses what the long run plays:
//! `FLEET_SEEDS=1..50 cargo test --test cli fleet -- --ignored --nocapture`.

mod model;
mod opened;
mod proposals;
mod syncs;

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use serde_json::Value;
use vault_format::SigningKey;

use crate::{
    clones::Clones,
    support::{Run, run},
};
use model::{Knowledge, Names, State};
use opened::{History, private_keys};

const CLONES: [&str; 3] = ["a", "b", "c"];

#[test]
fn a_fleet_at_random() {
    for seed in [1, 2] {
        play(seed, 20);
    }
}

#[test]
#[ignore = "as long as one likes: see the top of this file"]
fn a_fleet_at_random_for_long() {
    let number = |name: &str| std::env::var(name).ok();
    let seeds = number("FLEET_SEEDS").unwrap_or("1..20".into());
    let (from, to) = seeds.split_once("..").unwrap_or((&seeds, &seeds));
    let steps = number("FLEET_STEPS").map_or(60, |steps| steps.parse().unwrap());
    for seed in from.parse::<u64>().unwrap()..=to.parse().unwrap() {
        let told = play(seed, steps);
        eprintln!("seed {seed}: {told}");
    }
}

fn play(seed: u64, steps: usize) -> String {
    let mut play = Play::new(seed);
    for step in 0..steps {
        play.step();
        if step % 6 == 5 {
            play.check_members(CLONES[step / 6 % 3]);
        }
    }
    for clone in ["a", "b", "c", "a", "b"] {
        play.sync(clone);
    }
    play.check_members("b");
    play.check_history();
    let done = play.count.iter().map(|(what, times)| format!("{what} {times}"));
    Vec::from_iter(done).join(", ")
}

/// Numbers that are the same for the same seed (splitmix64).
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % limit as u64) as usize
    }

    fn one_in(&mut self, many: usize) -> bool {
        self.below(many) == 0
    }

    fn of<T: Clone>(&mut self, all: &[T]) -> T {
        all[self.below(all.len())].clone()
    }
}

/// A commit of a clone that is not published yet.
#[derive(Clone)]
struct Own {
    before: State,
    after: State,
    commit: String,
    what: String,
}

/// A member's key file, of now or of then.
#[derive(Clone)]
struct Key {
    whose: String,
    file: PathBuf,
    public: String,
}

/// A clone: which published state it has seen, and what it has done since.
#[derive(Clone, Default)]
struct Local {
    base: usize,
    own: Vec<Own>,
    /// Whether its own commits are joined by merge commits.
    joined: bool,
}

struct Play {
    seed: u64,
    dice: Dice,
    clones: Clones,
    published: Vec<State>,
    knowledge: Knowledge,
    local: BTreeMap<&'static str, Local>,
    keys: Vec<Key>,
    /// Each value, with the credential and the time that it was set for: two that clones set within one second are one to `exposure`.
    values: BTreeMap<String, Option<(String, String)>>,
    stamp: u64,
    log: Vec<String>,
    count: BTreeMap<&'static str, usize>,
}

impl Drop for Play {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("seed {} failed after:\n{}", self.seed, self.log.join("\n"));
            if let Ok(directory) = std::env::var("FLEET_KEEP") {
                let from = self.clones.path(".");
                drop(
                    std::process::Command::new("cp")
                        .arg("-r")
                        .arg(from)
                        .arg(directory)
                        .status(),
                );
            }
        }
    }
}

impl Play {
    fn new(seed: u64) -> Self {
        let clones = Clones::new();
        for clone in CLONES {
            clones.clone(clone);
            clones.run(clone, &["trust", "accept", "--yes"]).ok();
        }
        let mut play = Self {
            seed,
            dice: Dice(seed),
            keys: Vec::new(),
            clones,
            published: Vec::new(),
            knowledge: Knowledge::default(),
            local: CLONES.map(|clone| (clone, Local::default())).into(),
            values: BTreeMap::new(),
            stamp: 0,
            log: Vec::new(),
            count: BTreeMap::new(),
        };
        let alice = play.clones.run("a", &["member", "show", "alice", "--json"]).ok().json();
        play.keys.push(Key {
            whose: "alice".into(),
            file: play.clones.fleet.identity("alice"),
            public: alice["recipients"][0].as_str().unwrap().into(),
        });
        let mut state = play.observed("a");
        state.serials.insert("alice".into(), 1);
        play.publish(state);
        play.begin();
        play
    }

    fn step(&mut self) {
        let clone = self.dice.of(&CLONES);
        match self.dice.below(20) {
            0..=3 => self.sync(clone),
            4..=5 => self.join_by_git(clone),
            6 => self.branch_and_join(clone),
            _ => self.act(clone),
        }
    }

    fn publish(&mut self, state: State) {
        self.knowledge.learn(&state);
        self.published.push(state);
    }

    fn state(&self, clone: &str) -> State {
        let local = &self.local[clone];
        let own = local.own.last().map(|own| &own.after);
        own.unwrap_or(&self.published[local.base]).clone()
    }

    fn is_up_to_date(&self, clone: &str) -> bool {
        self.local[clone].own.is_empty() && self.local[clone].base + 1 == self.published.len()
    }

    fn count(&mut self, what: &'static str) {
        *self.count.entry(what).or_default() += 1;
    }

    fn next_stamp(&mut self) -> u64 {
        self.stamp += 1;
        self.stamp
    }

    fn new_value(&mut self) -> String {
        let value = format!("value-{}-of-seed-{}.", self.values.len(), self.seed);
        self.clones.fleet.remember(value.as_bytes());
        self.values.insert(value.clone(), None);
        value
    }

    /// A key file, and its public half.
    fn new_key(&mut self, whose: &str) -> (usize, String) {
        let number = self.keys.len();
        let file = self.clones.path(&format!("key-{number}.txt"));
        let args = ["keygen", "--member", whose, "-o", file.to_str().unwrap()];
        let public = self.clones.run("a", &args).ok().out().trim().to_owned();
        self.keys.push(Key {
            whose: whose.to_owned(),
            file,
            public: public.clone(),
        });
        (number, public)
    }

    fn signing_key(&self, author: &str) -> (PathBuf, String) {
        let file = self.clones.path(&format!("signing-{author}"));
        if !file.exists() {
            let key = SigningKey::generate().unwrap();
            fs::write(&file, key.to_openssh("").unwrap().as_bytes()).unwrap();
            fs::write(file.with_extension("pub"), key.signer().unwrap().to_string()).unwrap();
        }
        let public = fs::read_to_string(file.with_extension("pub")).unwrap();
        (file, public)
    }

    /// Runs `fleetvault` as an author, whose identity is that of the member of the same name if there is one.
    fn run(&mut self, clone: &str, who: &str, args: &[&str], stdin: &str) -> Run {
        let mut command = self.clones.command(clone, args);
        if who != "alice" {
            let state = self.state(clone);
            let key = state
                .members
                .get(who)
                .map(|epoch| state.keys[&format!("{who}#{epoch}")]);
            let identity = key.map_or(self.clones.path("nobody.txt"), |key| self.keys[key].file.clone());
            command
                .env("FLEETVAULT_IDENTITY", identity)
                .env("FLEETVAULT_SIGNING_KEY", self.signing_key(who).0);
        }
        let done = run(command, stdin.as_bytes());
        let input = if stdin.is_empty() {
            String::new()
        } else {
            format!("printf '{stdin}' | ")
        };
        let line = format!(
            "{clone}$ {input}fleetvault {}   # as {who}: {}",
            args.join(" "),
            done.code
        );
        self.log.push(line);
        done
    }

    /// Runs git in a clone, whatever comes of it.
    fn git(&mut self, clone: &str, args: &[&str]) -> Run {
        let done = self.clones.fleet.git_in(&self.clones.path(clone), args);
        self.log
            .push(format!("{clone}$ git {}   # {}", args.join(" "), done.code));
        done
    }

    /// What the vault says in a clone, as far as it tells: values, keys and serials it does not.
    fn observed(&self, clone: &str) -> State {
        let json = |args: &[&str]| self.clones.run(clone, args).ok().json();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let texts = |value: &Value| -> Names { value.as_array().unwrap().iter().map(text).collect() };
        let mut state = State::default();
        for member in json(&["member", "list", "--json"]).as_array().unwrap() {
            let (name, epoch) = (text(&member["name"]), member["epoch"].as_u64().unwrap());
            let public = member["recipients"][0].as_str();
            let key = self.keys.iter().position(|key| Some(key.public.as_str()) == public);
            state.keys.insert(format!("{name}#{epoch}"), key.unwrap());
            state.members.insert(name, epoch);
        }
        for group in json(&["group", "list", "--json"]).as_array().unwrap() {
            let (name, epoch) = (text(&group["name"]), group["epoch"].as_u64().unwrap());
            let grants = texts(&group["members"]).into_iter();
            state
                .grants
                .extend(grants.map(|member| ((name.clone(), member), epoch)));
            state.groups.insert(name, epoch);
        }
        for it in json(&["list", "--json"]).as_array().unwrap() {
            let (scope, sealed) = (texts(&it["members"]), texts(&it["sealed_to"]));
            let (value, stamp) = (String::new(), 0);
            let credential = model::Credential {
                scope,
                value,
                sealed,
                stamp,
            };
            state.credentials.insert(text(&it["name"]), credential);
        }
        let authors = json(&["author", "list", "--json"]);
        let authors = authors["authors"].as_array().unwrap().iter();
        state.authors = authors.map(|author| text(&author["name"])).collect();
        state
    }

    /// The vault says what the model says, and is sound.
    #[track_caller]
    fn check(&mut self, clone: &str) {
        self.run(clone, "alice", &["verify"], "").ok();
        let (observed, mut expected) = (self.observed(clone), self.state(clone));
        (expected.serials, expected.removed_groups, expected.removed) = Default::default();
        let living: Names = expected
            .members
            .iter()
            .map(|(name, epoch)| format!("{name}#{epoch}"))
            .collect();
        expected.keys.retain(|key, _| living.contains(key));
        for credential in expected.credentials.values_mut() {
            (credential.value, credential.stamp) = Default::default();
        }
        assert_eq!(observed, expected, "clone {clone}");
    }

    /// A refused command leaves everything as it was.
    #[track_caller]
    fn check_unchanged(&self, clone: &str, head: &str) {
        assert_eq!(self.clones.head(clone), head);
        assert_eq!(self.clones.git(clone, &["status", "--porcelain"]), "");
    }

    /// Each member expands what its scopes give it and is refused the rest; a key that was given up is refused.
    fn check_members(&mut self, clone: &str) {
        let state = self.state(clone);
        self.count("members checked");
        for (member, epoch) in &state.members {
            let key = state.keys[&format!("{member}#{epoch}")];
            let may = |it: &model::Credential| state.may_use(member, &it.scope);
            let (given, refused): (Vec<_>, Vec<_>) = state.credentials.iter().partition(|(_, it)| may(it));
            let template = |all: &[(&String, &model::Credential)]| -> String {
                all.iter()
                    .map(|(name, _)| format!("{name}=<<secure.{name}>>\n"))
                    .collect()
            };
            let values: String = given
                .iter()
                .map(|(name, it)| format!("{name}={}\n", it.value))
                .collect();
            self.log.push(format!("# {member} expands in {clone}, with key {key}"));
            assert_eq!(self.expand(clone, key, &template(&given)).ok().out(), values);
            for one in &refused {
                self.expand(clone, key, &template(&[*one])).fails(3).silent();
            }
        }
        for key in 0..self.keys.len() {
            let living = state
                .members
                .iter()
                .any(|(name, epoch)| state.keys[&format!("{name}#{epoch}")] == key);
            if let (false, Some(name)) = (living, state.credentials.keys().next()) {
                self.log.push(format!("# key {key} expands {name} in {clone}"));
                self.expand(clone, key, &format!("<<secure.{name}>>")).fails(6).silent();
            }
        }
        for (name, it) in &state.credentials {
            assert_eq!(
                self.clones.run(clone, &["get", name]).ok().out().trim(),
                it.value,
                "{name}"
            );
        }
    }

    fn expand(&self, clone: &str, key: usize, template: &str) -> Run {
        let who = format!("{clone}-key-{key}");
        let mut command = self
            .clones
            .fleet
            .command(env!("CARGO_BIN_EXE_fleetvault-resolver"), &who);
        command
            .args(["expand", "--allow-keeper"])
            .current_dir(self.clones.path("."))
            .env("FLEETVAULT_VAULT", self.clones.path(clone))
            .env("FLEETVAULT_IDENTITY", &self.keys[key].file);
        run(command, template.as_bytes())
    }

    /// `exposure` names those who know a current value and may neither use nor keep it, in a clone that has all there is.
    fn check_exposure(&mut self, clone: &str) {
        let state = self.state(clone);
        let mut expected: BTreeMap<String, Names> = BTreeMap::new();
        for (number, Key { whose: member, .. }) in self.keys.iter().enumerate() {
            let known = self.with_twins(self.knowledge.of(number));
            for (name, it) in &state.credentials {
                let keeps = state.members.contains_key(member) && state.has("keepers", member);
                if known.contains(&it.value) && !keeps && !state.may_use(member, &it.scope) {
                    expected.entry(name.clone()).or_default().insert(member.clone());
                }
            }
        }
        let json = self.run(clone, "alice", &["exposure", "--json"], "").ok().json();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let knowers = |it: &Value| {
            it["known_to"]
                .as_array()
                .unwrap()
                .iter()
                .map(|who| text(&who["member"]))
                .collect()
        };
        let rotate = json["rotate"].as_array().unwrap().iter();
        let told: BTreeMap<String, Names> = rotate.map(|it| (text(&it["name"]), knowers(it))).collect();
        assert_eq!(told, expected, "exposure in {clone}");
    }

    /// Values, and those that were set for the same credential within the same second.
    fn with_twins(&self, mut known: Names) -> Names {
        let set: Vec<_> = known
            .iter()
            .filter_map(|value| self.values.get(value)?.clone())
            .collect();
        let twins = self
            .values
            .iter()
            .filter(|(_, of)| of.as_ref().is_some_and(|of| set.contains(of)));
        known.extend(twins.map(|(value, _)| value.clone()));
        known
    }

    /// Remembers when the present value of a credential was set.
    fn note_time(&mut self, clone: &str, name: &str, value: &str) {
        let shown = self.clones.run(clone, &["show", name, "--json"]).ok().json();
        let time = shown["value_set"].as_str().unwrap().to_owned();
        self.values.insert(value.to_owned(), Some((name.to_owned(), time)));
    }

    /// Each key that ever was opens what it was given, in any version of any file, and nothing else.
    fn check_history(&mut self) {
        let mut history = History::read(&self.clones.fleet, Path::new(&self.clones.bare()));
        for (
            number,
            Key {
                whose: member, file, ..
            },
        ) in self.keys.clone().iter().enumerate()
        {
            let secret = private_keys(&fs::read_to_string(file).unwrap()).remove(0);
            let texts = history.opened_by(&secret);
            let holds = |value: &&String| texts.iter().any(|text| text.contains(value.as_str()));
            let opened: Names = self.values.keys().filter(holds).cloned().collect();
            let given = self.knowledge.of(number);
            let too_many: Vec<_> = opened.difference(&given).collect();
            assert!(too_many.is_empty(), "key {number} of {member} opens {too_many:?}");
            assert_eq!(opened, given, "key {number} of {member}");
        }
    }
}
