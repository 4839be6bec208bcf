//! A signature is forever: what an author signed once, and somebody who is no author puts back, is not merged into what an author signs now.

use vault_format::{Draft, Group, GroupKeys, Holder, HolderName, Identity, Member, SealedTo};

use super::merging::{VALUE, commit, conflict, diverge, elsewhere, fleet, gets, sides};
use super::merging_refused::{by_alice, group_key, parsed, refused, with_bob};
use crate::fleet::{Fleet, Run, run};

const PAT: &str = "credentials/pat.toml";
const ROTATED: &str = "the second value of it";

/// Puts a file back to what it was in a commit, as anybody with push rights can.
fn put_back(fleet: &Fleet, from: &str, path: &str) {
    fleet.git(&["checkout", "-q", from, "--", path]);
    fleet.git(&["commit", "-q", "-m", "looks like nothing"]);
}

fn head(fleet: &Fleet) -> String {
    fleet.git(&["rev-parse", "HEAD"]).trim().to_owned()
}

/// Runs `fleetvault` on a machine that remembers nothing.
fn newly(fleet: &Fleet, args: &[&str]) -> Run {
    let mut command = fleet.fleetvault_command(args);
    command.env("XDG_STATE_HOME", fleet.path("new-state"));
    run(command, b"")
}

/// Writes dev once more, with other keys under the next epoch.
fn replace_keys(fleet: &Fleet) {
    let path = "members/dev.toml";
    let mut head = parsed::<Member>(fleet, path).head().clone();
    head.serial += 1;
    let body = head.body.as_mut().unwrap();
    body.epoch += 1;
    body.recipients = vec![Identity::generate().recipient().clone()];
    fleet.forge(path, by_alice(fleet, Draft::plain(head).unwrap()).as_bytes());
}

#[test]
fn what_our_history_has_had_is_no_change_of_theirs() {
    let fleet = fleet();
    let first = head(&fleet);
    fleet.fleetvault(&["scope", "pat", "--add", "rev"]).ok();
    let widened = head(&fleet);
    fleet.fleetvault(&["scope", "pat", "--drop", "rev"]).ok();
    fleet.fleetvault_with(&["rotate", "pat"], ROTATED.as_bytes()).ok();
    // A branch from before, on which rev is in the scope: by an author's signature, with a serial above the base's.
    fleet.git(&["switch", "-q", "-c", "other", &first]);
    put_back(&fleet, &widened, PAT);
    fleet.git(&["switch", "-q", "main"]);
    conflict(&fleet);
    let merged = fleet.fleetvault(&["merge"]).ok();
    merged.prints("credentials/pat.toml: as ours has it (theirs has an earlier version of that); for dev\n");
    commit(&fleet);
    gets(&fleet, "dev", "pat", ROTATED);
    fleet.expand("rev", "<<secure.pat>>").fails(3);
}

#[test]
fn what_their_history_has_had_is_no_change_of_ours() {
    let fleet = fleet();
    fleet.git(&["switch", "-q", "-c", "other"]);
    elsewhere(&fleet, &["scope", "pat", "--add", "rev"], "").ok();
    fleet.git(&["switch", "-q", "main"]);
    fleet.git(&["merge", "-q", "--squash", "other"]);
    fleet.git(&["commit", "-q", "-m", "squashed"]);
    fleet.git(&["switch", "-q", "other"]);
    elsewhere(&fleet, &["scope", "pat", "--drop", "rev"], "").ok();
    fleet.git(&["switch", "-q", "main"]);
    conflict(&fleet);
    // As sets, rev would be in it again: added by ours.
    let merged = fleet.fleetvault(&["merge"]).ok();
    merged
        .prints("as theirs has it (ours has an earlier version of that)")
        .prints("for dev");
    commit(&fleet);
    fleet.expand("rev", "<<secure.pat>>").fails(3);
}

#[test]
fn a_side_that_is_older_than_the_base_needs_somebodys_word() {
    let fleet = fleet();
    fleet.git(&["branch", "release"]);
    fleet.fleetvault(&["scope", "pat", "--add", "rev"]).ok();
    let widened = head(&fleet);
    fleet.fleetvault(&["scope", "pat", "--drop", "rev"]).ok();
    fleet.git(&["switch", "-q", "-c", "other"]);
    put_back(&fleet, &widened, PAT);
    fleet.git(&["switch", "-q", "release"]);
    elsewhere(&fleet, &["scope", "pat", "--note", "of the release"], "").ok();
    fleet.git_in(&fleet.vault(), &["cherry-pick", "other"]).fails(1);
    let clash = "the version (ours: serial 2; theirs: put back to serial 2, where both began with serial 3)";
    refused(&fleet, &["merge"], 7, clash);
    let merged = fleet.fleetvault(&["merge", "--theirs"]).ok();
    merged
        .prints("credentials/pat.toml: as theirs has it; serial ")
        .prints("for dev, rev; wider than ours by rev");
}

#[test]
fn a_main_that_was_put_back_is_not_taken_for_changed() {
    let fleet = fleet();
    fleet.fleetvault(&["scope", "pat", "--add", "rev"]).ok();
    let widened = head(&fleet);
    fleet.fleetvault(&["scope", "pat", "--drop", "rev"]).ok();
    fleet.git(&["switch", "-q", "-c", "other"]);
    fleet.fleetvault(&["scope", "pat", "--note", "by other"]).ok();
    fleet.git(&["switch", "-q", "main"]);
    put_back(&fleet, &widened, PAT);
    conflict(&fleet);
    refused(
        &fleet,
        &["merge"],
        7,
        "ours: put back to serial 2, where both began with serial 3",
    );
    fleet.fleetvault(&["merge", "--theirs"]).ok().prints("as theirs has it");
    commit(&fleet);
    fleet.expand("rev", "<<secure.pat>>").fails(3);
}

#[test]
fn nothing_is_sealed_to_keys_that_git_put_back_without_a_conflict() {
    let fleet = fleet();
    let first = head(&fleet);
    replace_keys(&fleet);
    fleet.git(&["switch", "-q", "-c", "other"]);
    elsewhere(&fleet, &["scope", "pat", "--add", "rev"], "").ok();
    put_back(&fleet, &first, "members/dev.toml");
    fleet.git(&["switch", "-q", "main"]);
    fleet.fleetvault(&["scope", "pat", "--add", "ops"]).ok();
    conflict(&fleet);
    // This machine would refuse the older keys by its floors. A new one has none.
    let before = sides(&fleet);
    let merged = newly(&fleet, &["merge"]).fails(6);
    merged
        .silent()
        .says("members/dev.toml: it was rolled back: serial 2 at ")
        .says("git restore --source=HEAD --staged --worktree -- members/dev.toml");
    assert_eq!(sides(&fleet), before);
    fleet.git(&[
        "restore",
        "--source=HEAD",
        "--staged",
        "--worktree",
        "--",
        "members/dev.toml",
    ]);
    newly(&fleet, &["merge"]).ok();
    assert!(fleet.read(PAT).contains("\"dev#2\""));
}

#[test]
fn nothing_is_judged_by_a_root_that_git_took_away() {
    let fleet = with_bob();
    fleet.git(&["switch", "-q", "-c", "other"]);
    elsewhere(&fleet, &["scope", "pat", "--add", "rev"], "").ok();
    fleet.git(&["rm", "-q", "roots/2.toml"]);
    fleet.git(&["commit", "-q", "-m", "looks like nothing"]);
    fleet.git(&["switch", "-q", "main"]);
    fleet.fleetvault(&["scope", "pat", "--add", "ops"]).ok();
    conflict(&fleet);
    let merged = newly(&fleet, &["merge"]);
    merged.fails(6).silent().says("is not among its roots");
}

#[test]
fn keys_that_were_put_back_are_taken_by_no_word() {
    let fleet = fleet();
    let group = "groups/all.toml";
    let (first, key) = (head(&fleet), Identity::generate());
    seal_epoch(&fleet, 2, &key);
    fleet.git(&["switch", "-q", "-c", "other"]);
    put_back(&fleet, &first, group);
    fleet.git(&["switch", "-q", "main"]);
    seal_epoch(&fleet, 2, &key);
    fleet.git_in(&fleet.vault(), &["cherry-pick", "other"]).fails(1);
    refused(
        &fleet,
        &["merge", "--theirs"],
        6,
        "groups/all.toml (theirs): keys that were replaced are not taken back",
    );
}

/// Writes the group `all` once more, with this key under this epoch.
fn seal_epoch(fleet: &Fleet, epoch: u64, key: &Identity) {
    let path = "groups/all.toml";
    let keepers = parsed::<Group>(fleet, "groups/keepers.toml")
        .head()
        .body
        .clone()
        .unwrap();
    let mut head = parsed::<Group>(fleet, path).head().clone();
    head.serial += 1;
    let body = head.body.as_mut().unwrap();
    body.recipient = key.recipient().clone();
    let keepers_epoch = keepers.epoch;
    body.epoch = epoch;
    let holders = [("all", epoch), ("keepers", keepers_epoch)].map(|(name, epoch)| Holder {
        name: HolderName::Group(name.parse().unwrap()),
        epoch,
    });
    body.sealed_to = SealedTo::new(holders.to_vec()).unwrap();
    let recipients = [body.recipient.clone(), keepers.recipient];
    let keys = GroupKeys::default()
        .with(1, group_key(fleet))
        .with(epoch, key.clone())
        .to_secret();
    let file = by_alice(fleet, Draft::sealed(head, &keys, &recipients).unwrap());
    fleet.forge(path, file.as_bytes());
}

#[test]
fn what_becomes_wider_or_looser_is_said() {
    let fleet = fleet();
    fleet.fleetvault(&["scope", "pat", "--network", "deny"]).ok();
    diverge(
        &fleet,
        (&["scope", "pat", "--add", "ops"], ""),
        (&["scope", "pat", "--add", "rev", "--network", "allow"], ""),
    );
    conflict(&fleet);
    let merged = fleet.fleetvault(&["merge"]).ok();
    merged
        .prints("scope from both sides, network from theirs (allow, not deny); serial 4; for dev, ops, rev")
        .prints("; wider than ours by rev; wider than theirs by ops");
    commit(&fleet);
    gets(&fleet, "rev", "pat", VALUE);
}
