//! `fleetvault merge` between real `git merge`, `git rebase` and `git cherry-pick`, and what git makes of it afterwards.

use std::fs;
use std::time::Duration;

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

#[test]
fn a_rebase_says_whose_is_whose_and_goes_on() {
    let fleet = fleet();
    fleet.git(&["switch", "-q", "-c", "mine"]);
    fleet.fleetvault(&["scope", "pat", "--add", "rev"]).ok();
    fleet.fleetvault_with(&["rotate", "pat"], b"a value from here").ok();
    fleet.git(&["switch", "-q", "main"]);
    elsewhere(&fleet, &["scope", "pat", "--add", "ops"], "").ok();
    elsewhere(&fleet, &["rotate", "pat"], "a value from elsewhere").ok();
    fleet.git(&["switch", "-q", "mine"]);
    let git = |args: &[&str], code| {
        let mut command = fleet.command("git", "alice");
        command.args(args).current_dir(fleet.vault()).env("GIT_EDITOR", "true");
        run(command, b"").fails(code);
    };
    git(&["rebase", "-q", "main"], 1);
    let merged = fleet.fleetvault(&["merge"]).ok();
    merged
        .prints("ours    main, which is rebased onto, with what is rebased so far: main, ")
        .prints("theirs  the commit of mine that is rebased: ")
        .prints("'fleetvault: scope pat'")
        .prints("next: git rebase --continue");
    git(&["rebase", "--continue"], 1);
    fleet
        .fleetvault(&["merge"])
        .fails(7)
        .says("hint: theirs is the commit of mine that is rebased: ");
    // In a rebase, "theirs" is one's own.
    fleet.fleetvault(&["merge", "--theirs"]).ok();
    git(&["rebase", "--continue"], 0);
    sound(&fleet);
    assert_eq!(fleet.git(&["branch", "--show-current"]), "mine\n");
    for member in ["rev", "ops"] {
        gets(&fleet, member, "pat", "a value from here");
    }
    // This machine has used its own commits, and takes what became of them for newer.
    fleet.fleetvault(&["touch", "pat"]).ok();
}

#[test]
fn a_cherry_pick_goes_on() {
    let fleet = fleet();
    diverge(
        &fleet,
        (&["scope", "pat", "--add", "rev"], ""),
        (&["scope", "pat", "--add", "ops"], ""),
    );
    fleet.git_in(&fleet.vault(), &["cherry-pick", "other"]).fails(1);
    let merged = fleet.fleetvault(&["merge"]).ok();
    merged
        .prints("the commit that is picked: other, ")
        .prints("next: git cherry-pick --continue");
    fleet.git(&["-c", "core.editor=true", "cherry-pick", "--continue"]);
    sound(&fleet);
    gets(&fleet, "ops", "pat", VALUE);
}

#[test]
fn a_revert_takes_back_one_change_of_several() {
    let fleet = fleet();
    fleet.fleetvault(&["scope", "pat", "--add", "rev"]).ok();
    fleet.fleetvault(&["scope", "pat", "--add", "ops"]).ok();
    fleet.git_in(&fleet.vault(), &["revert", "HEAD^"]).fails(1);
    let merged = fleet.fleetvault(&["merge"]).ok();
    merged
        .prints("scope from both sides; serial 4")
        .prints("next: git revert --continue");
    fleet.git(&["-c", "core.editor=true", "revert", "--continue"]);
    sound(&fleet);
    gets(&fleet, "ops", "pat", VALUE);
    fleet.expand("rev", "<<secure.pat>>").fails(3);
}

#[test]
fn a_linked_work_tree_has_conflicts_of_its_own() {
    let fleet = fleet();
    diverge(
        &fleet,
        (&["scope", "pat", "--add", "rev"], ""),
        (&["scope", "pat", "--add", "ops"], ""),
    );
    let linked = fleet.path("linked");
    fleet.git(&["worktree", "add", "-q", linked.to_str().unwrap(), "other"]);
    fleet.git_in(&linked, &["merge", "-q", "main"]).fails(1);
    fleet
        .fleetvault(&["merge"])
        .ok()
        .prints("no file of the vault is in conflict");
    let there = |args: &[&str]| {
        let args: Vec<&str> = ["-C", linked.to_str().unwrap()].iter().chain(args).copied().collect();
        elsewhere(&fleet, &args, "")
    };
    there(&["merge"])
        .ok()
        .prints("ours    other, ")
        .prints("theirs  main, ");
    fleet.git_in(&linked, &["commit", "-q", "--no-edit"]).ok();
    there(&["verify"]).ok();
    fleet.git(&["merge", "-q", "--ff-only", "other"]);
    sound(&fleet);
    gets(&fleet, "ops", "pat", VALUE);
}

#[test]
fn a_vault_below_other_files_is_merged_from_anywhere_in_it() {
    let fleet = Fleet::without_vault();
    fs::create_dir(fleet.vault()).unwrap();
    fleet.git(&["init", "-q", "-b", "main"]);
    fs::write(fleet.vault().join("notes"), "one\n").unwrap();
    fleet.commit_all("first");
    fleet.fleetvault(&["init", "team/keys", "--author", "alice"]).ok();
    let below = |args: &[&str], stdin: &str| {
        let args: Vec<&str> = ["-C", "team/keys"].iter().chain(args).copied().collect();
        fleet.fleetvault_with(&args, stdin.as_bytes())
    };
    below(&["set", "pat", "--members", "alice"], VALUE).ok();
    fleet.git(&["switch", "-q", "-c", "other"]);
    elsewhere(&fleet, &["-C", "team/keys", "scope", "pat", "--note", "x"], "").ok();
    fs::write(fleet.vault().join("notes"), "theirs\n").unwrap();
    fleet.commit_all("theirs");
    fleet.git(&["switch", "-q", "main"]);
    below(&["scope", "pat", "--network", "deny"], "").ok();
    fs::write(fleet.vault().join("notes"), "ours\n").unwrap();
    fleet.commit_all("ours");
    fleet.git_in(&fleet.vault(), &["merge", "-q", "other"]).fails(1);
    fs::write(fleet.vault().join("staged"), "mine\n").unwrap();
    fleet.git(&["add", "staged"]);
    let merged = fleet
        .fleetvault(&["-C", "team/keys/credentials", "merge", "pat.toml"])
        .ok();
    merged
        .prints("credentials/pat.toml: network from ours, note from theirs; serial 3")
        .prints("still in conflict: notes");
    assert_eq!(
        fleet.git(&["status", "--porcelain"]),
        "UU notes\nA  staged\nM  team/keys/credentials/pat.toml\n"
    );
    let text = fs::read_to_string(fleet.vault().join("notes")).unwrap();
    assert!(text.contains("<<<<<<< HEAD\nours\n"), "{text}");
    fs::write(fleet.vault().join("notes"), "both\n").unwrap();
    fleet.git(&["add", "notes"]);
    fleet.git(&["commit", "-q", "--no-edit"]);
    below(&["verify"], "").ok();
}

#[test]
fn a_kill_at_any_point_loses_nothing() {
    let fleet = fleet();
    for name in ["a", "b", "c"] {
        fleet.set(name, VALUE, "dev");
    }
    fleet.git(&["switch", "-q", "-c", "other"]);
    elsewhere(&fleet, &["scope", "**", "--add", "ops"], "").ok();
    fleet.git(&["switch", "-q", "main"]);
    fleet.fleetvault(&["scope", "**", "--add", "rev"]).ok();
    let (mut whole, mut interrupted) = (0, 0);
    for round in 0..40_u64 {
        fleet.git(&["reset", "-q", "--hard", "main"]);
        conflict(&fleet);
        let before = sides(&fleet);
        let mut child = fleet
            .fleetvault_command(&["merge"])
            .stdout(std::process::Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(Duration::from_micros(2_000 + (round * 2_654_435_761) % 60_000));
        child.kill().unwrap();
        child.wait().unwrap();
        interrupted += u32::from(fleet.vault().join(".git/fleetvault/journal").exists());
        let after = sides(&fleet);
        // All in conflict, with every side, or none.
        assert!(after == before || after.is_empty(), "{after}");
        whole += u32::from(after.is_empty());
        fleet.fleetvault(&["merge"]).ok();
        assert_eq!(unmerged(&fleet), [""; 0]);
        assert_eq!(fleet.git(&["ls-files", "--others"]), "", "round {round}");
        fleet.git(&["commit", "-q", "--no-edit"]);
        fleet.git(&["fsck", "--strict", "--no-dangling"]);
        assert_eq!(fleet.git(&["status", "--porcelain"]), "", "round {round}");
        fleet.fleetvault(&["verify"]).ok();
        fleet.git(&["reset", "-q", "--hard", "HEAD^1"]);
    }
    assert!(interrupted > 0, "no kill hit the middle of a merge");
    println!("{whole} of 40 ended before the kill, {interrupted} left a journal");
}
