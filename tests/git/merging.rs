//! What `fleetvault merge` makes of two sides, after a real `git merge` and before the `git commit` that ends it.

use std::fs;

use crate::fleet::{Fleet, Run, run};

pub const VALUE: &str = "the first value of it";

/// Members dev, rev and ops, and a credential `pat` for dev.
pub fn fleet() -> Fleet {
    let fleet = Fleet::new();
    for member in ["dev", "rev", "ops"] {
        fleet.member(member);
    }
    fleet.set("pat", VALUE, "dev");
    fleet
}

/// Runs `fleetvault` on another machine of alice's, which remembers nothing of this one.
pub fn elsewhere(fleet: &Fleet, args: &[&str], stdin: &str) -> Run {
    let mut command = fleet.fleetvault_command(args);
    command.env("XDG_STATE_HOME", fleet.path("elsewhere-state"));
    fleet.remember(stdin.as_bytes());
    run(command, stdin.as_bytes())
}

/// Makes the branch `other` with one change, and another change on `main`, each with its standard input.
pub fn diverge(fleet: &Fleet, ours: (&[&str], &str), theirs: (&[&str], &str)) {
    fleet.git(&["switch", "-q", "-c", "other"]);
    elsewhere(fleet, theirs.0, theirs.1).ok();
    fleet.git(&["switch", "-q", "main"]);
    fleet.fleetvault_with(ours.0, ours.1.as_bytes()).ok();
}

/// Merges `other`, and demands that git ends in a conflict, with no mark in any file.
pub fn conflict(fleet: &Fleet) {
    fleet.git_in(&fleet.vault(), &["merge", "-q", "other"]).fails(1);
    for path in unmerged(fleet) {
        let text = fs::read_to_string(fleet.vault().join(path)).unwrap_or_default();
        assert!(!text.contains("<<<<<<<"), "{text}");
    }
}

/// The paths in conflict.
pub fn unmerged(fleet: &Fleet) -> Vec<String> {
    let listed = fleet.git(&["diff", "--name-only", "--diff-filter=U"]);
    listed.lines().map(str::to_owned).collect()
}

/// The sides of every conflict, as the index has them.
pub fn sides(fleet: &Fleet) -> String {
    fleet.git(&["ls-files", "-u"])
}

/// Commits what was merged, and demands that all of it is sound.
pub fn commit(fleet: &Fleet) {
    fleet.git(&["commit", "-q", "--no-edit"]);
    sound(fleet);
}

pub fn sound(fleet: &Fleet) {
    assert_eq!(fleet.git(&["status", "--porcelain"]), "");
    fleet.fleetvault(&["verify"]).ok();
    let fsck = fleet.git_in(&fleet.vault(), &["fsck", "--full", "--strict", "--no-dangling"]);
    fsck.ok().silent();
    for entry in fs::read_dir(fleet.vault().join(".git/fleetvault")).unwrap() {
        assert_eq!(entry.unwrap().file_name(), "lock");
    }
    let there = fleet.git(&["ls-files", "--others"]);
    assert_eq!(there, "");
}

#[track_caller]
pub fn gets(fleet: &Fleet, member: &str, name: &str, value: &str) {
    let got = fleet.expand(member, &format!("<<secure.{name}>>")).ok();
    assert_eq!(got.out(), value, "{member}");
}

#[test]
fn two_scope_changes_are_merged_as_sets() {
    let fleet = fleet();
    diverge(
        &fleet,
        (&["scope", "pat", "--add", "rev"], ""),
        (&["scope", "pat", "--add", "ops"], ""),
    );
    conflict(&fleet);
    let dry = fleet.fleetvault(&["merge", "--dry-run"]).ok();
    dry.prints("credentials/pat.toml: scope from both sides; serial 3");
    assert_eq!(unmerged(&fleet), ["credentials/pat.toml"]);
    let merged = fleet.fleetvault(&["merge"]).ok();
    merged
        .prints("ours    main, ")
        .prints("theirs  other, ")
        .prints("next: git commit");
    assert_eq!(fleet.git(&["status", "--porcelain"]), "M  credentials/pat.toml\n");
    // Once more, it has nothing to do, and what was merged stays.
    let staged = fleet.git(&["ls-files", "-s"]);
    fleet
        .fleetvault(&["merge"])
        .ok()
        .prints("no file of the vault is in conflict");
    assert_eq!(fleet.git(&["ls-files", "-s"]), staged);
    commit(&fleet);
    for member in ["dev", "rev", "ops"] {
        gets(&fleet, member, "pat", VALUE);
    }
}

#[test]
fn a_scope_and_a_value_are_both_taken() {
    let fleet = fleet();
    diverge(
        &fleet,
        (&["scope", "pat", "--add", "rev", "--drop", "dev"], ""),
        (&["rotate", "pat"], "a value from elsewhere"),
    );
    conflict(&fleet);
    let merged = fleet.fleetvault(&["merge"]).ok();
    merged
        .prints("scope from ours, value from theirs; serial 3")
        .prints("dev may still know its value until it is rotated");
    commit(&fleet);
    gets(&fleet, "rev", "pat", "a value from elsewhere");
    fleet.expand("dev", "<<secure.pat>>").fails(3);
}

#[test]
fn a_note_and_a_network_are_both_taken() {
    let fleet = fleet();
    diverge(
        &fleet,
        (&["scope", "pat", "--note", "read-only"], ""),
        (&["scope", "pat", "--network", "deny"], ""),
    );
    conflict(&fleet);
    let json = fleet.fleetvault(&["merge", "--json"]).ok().json();
    assert_eq!(json["merged"][0], "credentials/pat.toml");
    assert_eq!(json["next"], "git commit");
    commit(&fleet);
    let text = fleet.read("credentials/pat.toml");
    assert!(
        text.contains("note = \"read-only\"") && text.contains("network = \"deny\""),
        "{text}"
    );
}

#[test]
fn the_same_new_value_on_both_sides_is_one() {
    let fleet = fleet();
    diverge(
        &fleet,
        (&["rotate", "pat"], "the same new value"),
        (&["rotate", "pat"], "the same new value"),
    );
    conflict(&fleet);
    fleet.fleetvault(&["merge"]).ok();
    commit(&fleet);
    gets(&fleet, "dev", "pat", "the same new value");
}

#[test]
fn who_knows_a_value_that_both_sides_set_is_not_forgotten() {
    for (ours_has_rev, branch) in [(true, "main"), (false, "other")] {
        let fleet = fleet();
        fleet.fleetvault(&["scope", "pat", "--add", "rev"]).ok();
        let narrowed: &[&str] = &["set", "pat", "--members", "dev"];
        let (ours, theirs) = match ours_has_rev {
            true => (&["rotate", "pat"][..], narrowed),
            false => (narrowed, &["rotate", "pat"][..]),
        };
        fleet.git(&["switch", "-q", "-c", "other"]);
        elsewhere(&fleet, theirs, "the second value of it").ok();
        fleet.git(&["switch", "-q", "main"]);
        // The times of values are in seconds, and one may be ahead by one, to be told apart from the value before.
        std::thread::sleep(std::time::Duration::from_millis(2300));
        fleet.fleetvault_with(ours, b"the second value of it").ok();
        conflict(&fleet);
        fleet
            .fleetvault(&["merge"])
            .ok()
            .prints("for dev; rev may still know its value until it is rotated");
        commit(&fleet);
        let exposed = fleet.fleetvault(&["exposure"]).ok().out();
        assert!(exposed.contains("rotate pat: rev "), "{branch}: {exposed}");
    }
}

#[test]
fn two_values_are_refused_until_somebody_decides() {
    for (flag, value) in [("--ours", "a value from here"), ("--theirs", "a value from elsewhere")] {
        let fleet = fleet();
        diverge(
            &fleet,
            (&["rotate", "pat", "--note", "x"], "a value from here"),
            (&["rotate", "pat", "--network", "deny"], "a value from elsewhere"),
        );
        // Policy that only one side changed is merged all the same.
        conflict(&fleet);
        let before = (sides(&fleet), fleet.read("credentials/pat.toml"));
        let refused = fleet.fleetvault(&["merge"]).fails(7).silent();
        refused
            .says("credentials/pat.toml: both sides changed it to something else: value (ours: set ")
            .says("fleetvault merge --ours credentials/pat.toml, or --theirs credentials/pat.toml")
            .says("hint: theirs is other, ");
        assert_eq!((sides(&fleet), fleet.read("credentials/pat.toml")), before);
        fleet.fleetvault(&["merge", flag, "credentials/pat.toml"]).ok();
        commit(&fleet);
        let text = fleet.read("credentials/pat.toml");
        assert!(
            text.contains("network = \"deny\"") && text.contains("note = \"x\""),
            "{text}"
        );
        assert_eq!(fleet.fleetvault(&["get", "pat"]).ok().out().trim_end(), value);
    }
}

#[test]
fn a_removal_stands_against_what_did_not_change() {
    let fleet = fleet();
    diverge(&fleet, (&["touch", "pat"], ""), (&["rm", "pat"], ""));
    conflict(&fleet);
    fleet
        .fleetvault(&["merge"])
        .ok()
        .prints("credentials/pat.toml: removed; serial 3");
    commit(&fleet);
    fleet.expand("dev", "<<secure.pat>>").fails(4);
}

#[test]
fn a_removal_against_a_change_is_refused_until_somebody_decides() {
    for (flag, code) in [("--ours", 4), ("--theirs", 0)] {
        let fleet = fleet();
        diverge(&fleet, (&["rm", "pat"], ""), (&["scope", "pat", "--add", "rev"], ""));
        conflict(&fleet);
        let refused = fleet.fleetvault(&["merge"]).fails(7).silent();
        refused.says("the file (ours: removed; theirs: changed)");
        fleet.fleetvault(&["merge", flag]).ok();
        commit(&fleet);
        fleet.expand("rev", "<<secure.pat>>").fails(code);
    }
}

#[test]
fn one_credential_that_both_sides_added() {
    let fleet = fleet();
    diverge(
        &fleet,
        (&["set", "fresh", "--members", "dev"], "a value from here"),
        (&["set", "fresh", "--members", "dev,rev"], "a value from elsewhere"),
    );
    conflict(&fleet);
    let refused = fleet.fleetvault(&["merge"]).fails(7);
    refused.says("scope (ours: dev; theirs: dev, rev); value (ours: ");
    fleet.fleetvault(&["merge", "--theirs"]).ok();
    commit(&fleet);
    gets(&fleet, "rev", "fresh", "a value from elsewhere");
}

#[test]
fn one_member_that_both_sides_added() {
    let fleet = fleet();
    fleet.set("for_all", "for everyone here", "*");
    fleet.git(&["switch", "-q", "-c", "other"]);
    let keygen = |state: &str, file: &str| {
        let path = fleet.path(file);
        let mut command = fleet.fleetvault_command(&["keygen", "--member", "twin", "-o", path.to_str().unwrap()]);
        command.env("XDG_STATE_HOME", fleet.path(state));
        run(command, b"").ok().out().trim().to_owned()
    };
    let (here, there) = (keygen("alice-state", "here.txt"), keygen("elsewhere-state", "twin.txt"));
    elsewhere(&fleet, &["member", "add", "twin", "--recipient", &there], "").ok();
    fleet.git(&["switch", "-q", "main"]);
    fleet.fleetvault(&["member", "add", "twin", "--recipient", &here]).ok();
    conflict(&fleet);
    assert_eq!(unmerged(&fleet), ["grants/all/twin.toml", "members/twin.toml"]);
    fleet
        .fleetvault(&["merge"])
        .fails(7)
        .says("members/twin.toml: both sides changed it to something else: keys (ours: age1");
    // What is sealed to the member waits for its keys.
    let grant = fleet.fleetvault(&["merge", "grants"]).fails(1);
    grant.says("members/twin.toml must be merged before what is sealed to their keys");
    fleet.fleetvault(&["merge", "--theirs"]).ok();
    commit(&fleet);
    gets(&fleet, "twin", "for_all", "for everyone here");
}

#[test]
fn a_member_that_came_with_the_other_side_is_sealed_to() {
    let fleet = fleet();
    fleet.git(&["switch", "-q", "-c", "other"]);
    let file = fleet.identity("late");
    let key = fleet
        .fleetvault(&["keygen", "--member", "late", "-o", file.to_str().unwrap()])
        .ok()
        .out();
    elsewhere(&fleet, &["member", "add", "late", "--recipient", key.trim()], "").ok();
    elsewhere(&fleet, &["scope", "pat", "--add", "late"], "").ok();
    fleet.git(&["switch", "-q", "main"]);
    fleet.fleetvault(&["scope", "pat", "--add", "rev"]).ok();
    conflict(&fleet);
    fleet.fleetvault(&["merge"]).ok();
    commit(&fleet);
    for member in ["late", "rev"] {
        gets(&fleet, member, "pat", VALUE);
    }
}
