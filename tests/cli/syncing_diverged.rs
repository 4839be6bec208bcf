//! Own commits that `sync` cannot put behind those of others, and that the way out which it names leads to the end.

use std::{fs, path::PathBuf};

use vault_format::SigningKey;

use crate::{
    clones::Clones,
    support::{Run, run},
};

/// A signing key in a file, and its public half.
fn new_key(clones: &Clones, name: &str) -> (PathBuf, String) {
    let key = SigningKey::generate().unwrap();
    let file = clones.path(&format!("{name}-signing-key"));
    fs::write(&file, key.to_openssh("").unwrap().as_bytes()).unwrap();
    (file, key.signer().unwrap().to_string())
}

fn set_as(clones: &Clones, clone: &str, key: &std::path::Path, name: &str, value: &str) {
    clones.fleet.remember(value.as_bytes());
    let mut command = clones.command(clone, &["set", name, "--members", "*"]);
    command.env("FLEETVAULT_SIGNING_KEY", key);
    run(command, value.as_bytes()).ok();
}

/// Does what the hints say up to 'make again', in the clone.
#[track_caller]
fn follow(clones: &Clones, clone: &str, refused: &Run) {
    let hints = refused
        .stderr
        .lines()
        .filter_map(|line| line.strip_prefix("fleetvault: hint: "));
    let mut steps = 0;
    for hint in hints {
        let words: Vec<&str> = hint.split(' ').collect();
        match words.as_slice() {
            ["git", args @ ..] => drop(clones.git(clone, args)),
            ["fleetvault", "trust", args @ ..] => {
                clones.run(clone, &[&["trust"], args, &["--yes"]].concat()).ok();
            }
            ["fleetvault", "sync"] => drop(clones.sync(clone, &[]).ok()),
            _ => continue,
        }
        steps += 1;
    }
    assert_eq!(steps, 3, "{}", refused.stderr);
}

#[test]
fn two_successors_of_a_root_one_after_the_other() {
    let clones = Clones::new();
    clones.clone("a");
    clones.clone("b");
    let add = |clone: &str, name: &str| {
        let (_, public) = new_key(&clones, name);
        clones.run(clone, &["author", "add", name, "--key", &public]).ok();
    };
    add("a", "carol");
    clones.sync("a", &[]).ok();
    clones.set("b", "mine", "my-own-value-here");
    add("b", "dan");
    clones.set("b", "after", "a-value-set-behind-it");
    let head = clones.head("b");
    let refused = clones
        .sync("b", &[])
        .fails(7)
        .says("roots/2.toml is another root on each side")
        .says("then make again: 'fleetvault: author add dan', 'fleetvault: set after'");
    assert_eq!(clones.head("b"), head);
    follow(&clones, "b", &refused);
    assert_eq!(clones.get("b", "mine"), "my-own-value-here");
    add("b", "dan");
    clones.set("b", "after", "a-value-set-behind-it");
    clones.sync("b", &[]).ok().prints("pushed 2 commits");
    clones
        .run("b", &["author", "list"])
        .ok()
        .prints("the next one must be signed by 1 of 3");
    clones.run("b", &["verify"]).ok();
}

#[test]
fn two_members_removed_one_after_the_other() {
    let clones = Clones::new();
    for member in ["dev", "rev"] {
        clones.fleet.member(member);
    }
    clones.fleet.git(&["push", "-q"]);
    clones.clone("a");
    clones.clone("b");
    clones.run("a", &["member", "remove", "dev"]).ok();
    clones.sync("a", &[]).ok();
    clones.set("b", "mine", "my-own-value-here");
    clones.run("b", &["member", "remove", "rev"]).ok();
    let refused = clones
        .sync("b", &[])
        .fails(7)
        .says("groups/all.toml has other keys on each side")
        .says("then make again: 'fleetvault: member remove rev'");
    assert!(
        !refused.stderr.contains("--keep own"),
        "no choice ends it: {}",
        refused.stderr
    );
    follow(&clones, "b", &refused);
    clones.run("b", &["member", "remove", "rev"]).ok();
    clones.sync("b", &[]).ok();
    clones.sync("a", &[]).ok();
    assert_eq!(clones.get("a", "mine"), "my-own-value-here");
    clones.run("a", &["verify"]).ok();
}

#[test]
fn an_author_who_writes_on_while_being_removed() {
    for changes_what_it_had in [true, false] {
        let clones = Clones::new();
        let (key, public) = new_key(&clones, "mallory");
        clones
            .fleet
            .fleetvault(&["author", "add", "mallory", "--key", &public])
            .ok();
        clones.fleet.git(&["push", "-q"]);
        clones.clone("a");
        clones.clone("m");
        set_as(&clones, "m", &key, "theirs", "value-of-mallory");
        clones.git("m", &["push", "-q"]);
        clones.sync("a", &[]).ok();
        let next = if changes_what_it_had { "theirs" } else { "another" };
        set_as(&clones, "m", &key, next, "once-more-of-mallory");
        clones.git("m", &["push", "-q"]);
        clones.set("a", "mine", "my-own-value-here");
        clones.run("a", &["author", "remove", "mallory"]).ok();
        let head = clones.head("a");
        let refused = clones
            .sync("a", &[])
            .fails(6)
            .says("signed by 'mallory', who is no author of this vault")
            .says("then make again: 'fleetvault: author remove mallory'");
        assert_eq!(clones.head("a"), head);
        follow(&clones, "a", &refused);
        clones
            .run("a", &["author", "remove", "mallory"])
            .ok()
            .prints("signed by alice instead");
        clones.sync("a", &[]).ok();
        clones.run("a", &["verify"]).ok();
        assert_eq!(clones.get("a", next), "once-more-of-mallory");
        assert_eq!(clones.get("a", "mine"), "my-own-value-here");
    }
}

#[test]
fn an_author_who_was_removed_takes_own_commits_back() {
    let clones = Clones::new();
    let (key, public) = new_key(&clones, "carol");
    let add = ["author", "add", "carol", "--key", &public];
    clones.fleet.fleetvault(&add).ok();
    clones.fleet.git(&["push", "-q"]);
    clones.clone("a");
    clones.clone("c");
    set_as(&clones, "c", &key, "late", "value-of-carol");
    clones.run("a", &["author", "remove", "carol"]).ok();
    clones.sync("a", &[]).ok();
    let refused = clones
        .sync("c", &[])
        .fails(6)
        .says("credentials/late.toml: it is signed by 'carol', who is no author of this vault")
        .says("your own commits do not verify, so nothing was pushed and nothing changed here")
        .says("then make again: 'fleetvault: set late'");
    follow(&clones, "c", &refused);
    assert_eq!(clones.head("c"), clones.head("a"));
}

#[test]
fn an_author_who_was_removed_merges_nothing_and_takes_it_back() {
    let clones = Clones::new();
    let (key, public) = new_key(&clones, "carol");
    let add = ["author", "add", "carol", "--key", &public];
    clones.fleet.fleetvault(&add).ok();
    clones.fleet.set("token", "first-value-of-it", "*");
    clones.fleet.git(&["push", "-q"]);
    clones.clone("a");
    clones.clone("c");
    set_as(&clones, "c", &key, "token", "value-of-carol");
    clones.run("a", &["author", "remove", "carol"]).ok();
    clones.run("a", &["scope", "token", "--network", "deny"]).ok();
    clones.sync("a", &[]).ok();
    let mut sync = clones.command("c", &["sync"]);
    sync.env("FLEETVAULT_SIGNING_KEY", &key);
    let refused = run(sync, b"")
        .fails(7)
        .says("belongs to no author of this vault")
        .says("then make again: 'fleetvault: set token'");
    follow(&clones, "c", &refused);
    assert_eq!(clones.head("c"), clones.head("a"));
}

#[test]
fn who_can_open_nothing_sets_it_again() {
    let clones = Clones::new();
    clones.fleet.member("dev");
    clones.fleet.git(&["push", "-q"]);
    clones.clone("a");
    clones.clone("b");
    let blind = |args: &[&str], stdin: &[u8]| {
        let mut command = clones.command("b", args);
        command.env("FLEETVAULT_IDENTITY", clones.path("no-such-identity"));
        run(command, stdin)
    };
    let set = || {
        clones.fleet.remember(b"my-own-value-here");
        blind(&["set", "mine", "--members", "*"], b"my-own-value-here").ok();
    };
    clones.run("b", &["trust", "accept", "--yes"]).ok();
    clones.run("a", &["member", "remove", "dev"]).ok();
    clones.sync("a", &[]).ok();
    set();
    let refused = blind(&["sync"], b"");
    let refused = refused
        .fails(1)
        .says("it was set before it was known here that somebody had left; nothing has changed here")
        .says("then make again: 'fleetvault: set mine'");
    follow(&clones, "b", &refused);
    set();
    blind(&["sync"], b"").ok().prints("pushed 1 commit");
    clones.sync("a", &[]).ok();
    assert_eq!(clones.get("a", "mine"), "my-own-value-here");
}

/// The first own commit is in conflict while a later one has raised what the merged file is sealed to: this machine has used the later one already.
#[test]
fn a_conflict_before_new_keys_is_ended_like_any_other() {
    let clones = Clones::new();
    for member in ["dev", "ops"] {
        clones.fleet.member(member);
    }
    clones.fleet.set("token", "first-value-of-it", "*");
    clones.fleet.git(&["push", "-q"]);
    clones.clone("a");
    clones.clone("b");
    clones.set("a", "token", "value-of-token-at-a");
    clones.sync("a", &[]).ok();
    clones.set("b", "token", "value-of-token-at-b");
    clones.run("b", &["member", "remove", "ops"]).ok();
    let (_, public) = new_key(&clones, "carol");
    clones.run("b", &["author", "add", "carol", "--key", &public]).ok();
    clones.run("b", &["touch", "token"]).ok();
    clones.sync("b", &[]).fails(7).says("fleetvault sync --keep own");
    clones
        .sync("b", &["--keep", "own"])
        .ok()
        .prints("rebased 4 commits, pushed 4 commits");
    clones.run("b", &["verify"]).ok();
    clones.sync("a", &[]).ok();
    assert_eq!(clones.get("a", "token"), "value-of-token-at-b");
}

/// Both sides changed one credential, and the own side cannot stand: its author, or the only member that it is for, was removed meanwhile.
#[test]
fn an_own_change_in_conflict_that_cannot_stand_is_taken_back() {
    let clones = Clones::new();
    let (key, public) = new_key(&clones, "carol");
    clones.fleet.member("ops");
    clones
        .fleet
        .fleetvault(&["author", "add", "carol", "--key", &public])
        .ok();
    clones.fleet.set("token", "first-value-of-it", "*");
    clones.fleet.git(&["push", "-q"]);
    for clone in ["a", "b", "c"] {
        clones.clone(clone);
    }
    clones.set("a", "token", "value-of-token-at-a");
    clones.run("a", &["author", "remove", "carol"]).ok();
    clones.run("a", &["member", "remove", "ops"]).ok();
    clones.sync("a", &[]).ok();

    set_as(&clones, "c", &key, "token", "value-of-carol");
    let refused = clones
        .sync("c", &[])
        .fails(6)
        .says("it is signed by 'carol', who is no author of this vault")
        .says("then make again: 'fleetvault: set token'");
    follow(&clones, "c", &refused);
    assert_eq!(clones.head("c"), clones.head("a"));

    clones.run("b", &["scope", "token", "--members", "ops"]).ok();
    let refused = clones
        .sync("b", &[])
        .fails(1)
        .says("ops was removed, and nobody else is in it")
        .says("then make again: 'fleetvault: scope token'");
    follow(&clones, "b", &refused);
    assert_eq!(clones.get("b", "token"), "value-of-token-at-a");
}
