//! `sync` of a clone that did not know yet who had left: what it set meanwhile opens for nobody who left, not even in the history.

use std::{collections::BTreeSet, fs, path::PathBuf};

use crate::{
    clones::Clones,
    support::{has, run},
};

/// Two clones of a vault with `dev`, whom clone `a` removes and clone `b` does not know to be gone.
fn parted() -> Clones {
    let clones = Clones::new();
    for member in ["dev", "rev"] {
        clones.fleet.member(member);
    }
    clones.fleet.fleetvault(&["group", "grant", "keepers", "dev"]).ok();
    clones.fleet.set("token", "value-before-all-that", "*");
    clones.fleet.git(&["push", "-q"]);
    clones.clone("a");
    clones.clone("b");
    clones.run("a", &["member", "remove", "dev"]).ok();
    clones.sync("a", &[]).ok();
    clones
}

/// Everything that a private key, kept in files, opens in any commit of a clone: paths with plaintexts.
fn opened(clones: &Clones, clone: &str, identities: &[PathBuf]) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let objects = clones.git(clone, &["rev-list", "--objects", "HEAD"]);
    for line in objects.lines() {
        let Some((id, path)) = line.split_once(' ').filter(|(_, path)| path.ends_with(".toml")) else {
            continue;
        };
        let text = clones.git(clone, &["cat-file", "blob", id]);
        let Some(start) = text.find("-----BEGIN AGE") else {
            continue;
        };
        let mut age = clones.fleet.command("age", "alice");
        age.arg("-d");
        for identity in identities {
            age.arg("-i").arg(identity);
        }
        let done = run(age, text[start..].split("\"\"\"").next().unwrap().as_bytes());
        if done.code == 0 {
            found.push((path.to_owned(), done.out()));
        }
    }
    found
}

/// The keys that a member has: its own, and those that its grants and the groups' files hand on.
fn keys_of(clones: &Clones, clone: &str, member: &str) -> Vec<PathBuf> {
    let mut keys = vec![clones.fleet.identity(member)];
    loop {
        let opened = opened(clones, clone, &keys);
        let handed_on = opened.iter().filter(|(path, _)| !path.starts_with("credentials/"));
        let lines = handed_on.flat_map(|(_, text)| text.lines());
        let lines = lines.map(|line| line.trim_end_matches('\''));
        let secrets: BTreeSet<&str> = lines.filter(|line| line.starts_with("AGE-SECRET-KEY-1")).collect();
        if secrets.len() < keys.len() {
            return keys;
        }
        keys.truncate(1);
        for (number, secret) in secrets.iter().enumerate() {
            let file = clones.path(&format!("kept-{number}"));
            fs::write(&file, format!("{secret}\n")).unwrap();
            keys.push(file);
        }
    }
}

#[test]
fn who_left_opens_nothing_in_the_history_that_was_set_afterwards() {
    if !has("age") {
        return;
    }
    let clones = parted();
    clones.set("b", "later", "value-one-of-later");
    clones.set("b", "later", "value-two-of-later");
    clones.set("b", "token", "value-of-token-later");
    clones.set("b", "shortly", "value-that-goes-again");
    clones.run("b", &["rm", "shortly"]).ok();
    clones.run("b", &["group", "add", "team", "rev"]).ok();
    clones.run("b", &["scope", "later", "--members", "@team"]).ok();
    clones.sync("b", &["--dry-run"]).ok();
    let before = clones.git("b", &["log", "--format=%s", "-7"]);
    clones
        .sync("b", &[])
        .ok()
        .prints("credentials/later.toml: sealed to the current keys")
        .prints("credentials/shortly.toml: sealed to the current keys")
        .prints("groups/team.toml: sealed to the current keys")
        .prints("rebased 7 commits, pushed 7 commits");
    assert_eq!(
        clones.git("b", &["log", "--format=%s", "-7"]),
        before,
        "the commits are what they were"
    );
    clones.run("b", &["verify"]).ok();
    clones.assert_clean("b");
    clones.sync("a", &[]).ok();
    assert_eq!(clones.get("a", "later"), "value-two-of-later");
    assert_eq!(clones.get("a", "token"), "value-of-token-later");

    let keys = keys_of(&clones, "a", "dev");
    assert!(keys.len() > 2, "the member was a keeper");
    let known = opened(&clones, "a", &keys);
    let values: String = known.into_iter().map(|(_, text)| text).collect();
    assert!(values.contains("value-before-all-that"));
    for later in ["value-one", "value-two", "value-of-token-later", "value-that-goes"] {
        assert!(!values.contains(later), "{later}");
    }
    let told = clones.run("a", &["exposure", "--member", "dev", "--json"]).ok().out();
    assert!(!told.contains("\"later\"") && !told.contains("\"shortly\""), "{told}");
}

#[test]
fn where_own_commits_are_joined_as_they_are_it_is_said_who_can_open_them() {
    let clones = parted();
    clones.git("b", &["switch", "-q", "-c", "side"]);
    clones.set("b", "later", "value-one-of-later");
    clones.git("b", &["switch", "-q", "main"]);
    clones.set("b", "mine", "my-own-value-here");
    clones.git("b", &["merge", "-q", "--no-ff", "-m", "both", "side"]);
    clones
        .sync("b", &[])
        .ok()
        .prints("credentials/later.toml: sealed to the current keys; who has left can still open it as your commits have it: fleetvault rotate later");
    clones.run("b", &["verify"]).ok();
    let told = clones.run("b", &["exposure", "--member", "dev", "--json"]).ok().out();
    assert!(told.contains("\"later\""), "{told}");
}

#[test]
fn what_is_merged_is_told_by_the_names_of_the_sides() {
    let clones = parted();
    clones.run("a", &["rm", "token"]).ok();
    clones.sync("a", &[]).ok();
    clones.run("b", &["scope", "token", "--network", "deny"]).ok();
    clones
        .sync("b", &["--keep", "own"])
        .ok()
        .prints("credentials/token.toml: as your commit has it");
}

#[test]
fn what_was_rebased_with_git_alone_is_sealed_anew_all_the_same() {
    if !has("age") {
        return;
    }
    for resealed in [false, true] {
        let clones = parted();
        clones.set("b", "later", "value-one-of-later");
        clones.set("b", "later", "value-two-of-later");
        clones.git("b", &["pull", "-q", "--rebase"]);
        clones
            .run("b", &["verify"])
            .fails(6)
            .prints("'fleetvault reseal' mends it");
        if resealed {
            clones.run("b", &["reseal"]).ok();
            clones.run("b", &["verify"]).ok();
        }
        let before = clones.head("b");
        clones.sync("b", &["--dry-run"]).ok();
        assert_eq!(clones.head("b"), before);
        clones
            .sync("b", &[])
            .ok()
            .prints("credentials/later.toml: sealed to the current keys");
        clones.run("b", &["verify"]).ok();
        clones.assert_clean("b");
        clones.sync("a", &[]).ok();
        assert_eq!(clones.get("a", "later"), "value-two-of-later");

        let known = opened(&clones, "a", &keys_of(&clones, "a", "dev"));
        let values: String = known.into_iter().map(|(_, text)| text).collect();
        assert!(values.contains("value-before-all-that"));
        for later in ["value-one", "value-two"] {
            assert!(!values.contains(later), "{later}");
        }
        let told = clones.run("a", &["exposure", "--member", "dev", "--json"]).ok().out();
        assert!(!told.contains("\"later\""), "{told}");
        // Nothing is left to do.
        let head = clones.head("b");
        clones.sync("b", &[]).ok().prints("is up to date");
        assert_eq!(clones.head("b"), head);
    }
}

#[test]
fn what_was_pulled_with_a_merge_is_sealed_behind_it() {
    let clones = parted();
    clones.set("b", "later", "value-one-of-later");
    clones.git("b", &["pull", "-q", "--no-rebase", "--no-edit"]);
    clones
        .sync("b", &[])
        .ok()
        .prints("credentials/later.toml: sealed to the current keys; who has left can still open it as your commits have it: fleetvault rotate later")
        .prints("pushed 3 commits");
    clones.run("b", &["verify"]).ok();
    clones.assert_clean("b");
    clones.run("b", &["exposure", "later"]).ok().prints("rotate later: dev");
}

#[test]
fn what_was_pushed_before_it_was_sealed_anew_is_to_be_rotated() {
    let clones = parted();
    clones.set("b", "later", "value-one-of-later");
    clones.git("b", &["pull", "-q", "--rebase"]);
    clones.git("b", &["push", "-q"]);
    clones
        .run("b", &["reseal"])
        .ok()
        .prints("sealed credentials/later.toml to the keys of now")
        .prints("1 value is known to somebody who may not use it any more:\n  later\n")
        .prints("fleetvault rotate --exposed");
    clones.run("b", &["verify"]).ok();
    // What nobody else knows is not to be rotated.
    clones
        .run("b", &["rotate", "--exposed", "--generate"])
        .ok()
        .prints("rotated later");
    let all = clones.run("b", &["reseal", "later"]).ok().out();
    assert!(!all.contains("known to somebody"), "{all}");
}
