//! `fleetvault merge` in the middle of each operation of git that can end in a conflict, wherever that is, and killed.

use std::fs;
use std::time::Duration;

use super::merging::{VALUE, conflict, diverge, elsewhere, fleet, gets, sides, sound, unmerged};
use crate::fleet::{Fleet, run};

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
fn a_merge_that_is_rebased_names_the_branch_as_it_is_by_now() {
    let fleet = fleet();
    fleet.git(&["switch", "-q", "-c", "side"]);
    elsewhere(&fleet, &["scope", "pat", "--note", "by side"], "").ok();
    fleet.git(&["switch", "-q", "-c", "topic", "main"]);
    fleet.fleetvault(&["scope", "pat", "--network", "confirm"]).ok();
    fleet.git_in(&fleet.vault(), &["merge", "-q", "side"]).fails(1);
    fleet.fleetvault(&["merge"]).ok();
    fleet.git(&["commit", "-q", "-m", "the merge of both"]);
    fleet.git(&["switch", "-q", "main"]);
    elsewhere(&fleet, &["touch", "pat"], "").ok();
    fleet.git(&["switch", "-q", "topic"]);
    let rebase = |args: &[&str]| fleet.git_in(&fleet.vault(), &[&["-c", "core.editor=true", "rebase"], args].concat());
    rebase(&["-q", "--rebase-merges", "main"]).fails(1);
    for _ in 0..2 {
        fleet.fleetvault(&["merge"]).ok();
        rebase(&["--continue"]).fails(1);
    }
    let merged = fleet.fleetvault(&["merge"]).ok();
    let other = fleet.git(&["rev-parse", "--short=10", "MERGE_HEAD"]);
    merged.prints(&format!("{} 'fleetvault: scope pat'", other.trim()));
    rebase(&["--continue"]).ok();
    sound(&fleet);
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
        .prints("credentials/pat.toml: network from ours (deny, not allow), note from theirs; serial 3")
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
