//! Who lost a group, and puts its old grant back into the repository: authors with a fresh clone, whose machines remember nothing, do not give it
//! the keys of now.

use tempfile::TempDir;
use vault_format::SigningKey;

use crate::support::{Fleet, Run, run};

/// A group `ops` that `mallory` lost and `dev` and `web` have, with the grant of `mallory` put back.
fn fleet() -> Fleet {
    let fleet = Fleet::new();
    for name in ["dev", "mallory", "web"] {
        fleet.member(name);
    }
    fleet.fleetvault(&["group", "add", "ops", "dev", "mallory", "web"]).ok();
    fleet.set("before", "value-of-before", "@ops");
    fleet.git(&["tag", "before"]);
    fleet.fleetvault(&["group", "revoke", "ops", "mallory"]).ok();
    fleet.set("after", "value-of-after", "@ops");
    fleet.git(&["checkout", "-q", "before", "--", "grants/ops/mallory.toml"]);
    fleet.commit_all("tidy");
    fleet
}

/// `fleetvault` as alice on a machine that remembers nothing.
fn fresh(fleet: &Fleet, args: &[&str]) -> Run {
    on(&tempfile::tempdir().unwrap(), fleet, args, "")
}

/// `fleetvault` as alice on a machine that remembers what it has seen itself.
pub fn on(state: &TempDir, fleet: &Fleet, args: &[&str], input: &str) -> Run {
    let mut command = fleet.fleetvault_command(args);
    command.env("XDG_STATE_HOME", state.path());
    run(command, input.as_bytes())
}

/// What opens for a member, whose machine remembers nothing either.
pub fn opens(fleet: &Fleet, member: &str, name: &str) -> bool {
    let state = tempfile::tempdir().unwrap();
    let mut command = fleet.resolver_command(member, &["expand"]);
    command.env("XDG_STATE_HOME", state.path());
    run(command, format!("<<secure.{name}>>").as_bytes()).code == 0
}

#[test]
fn a_grant_that_was_put_back_is_not_sealed_anew() {
    let fleet = fleet();
    let took = fleet.git(&["rev-parse", "HEAD~2"]);
    let took = &took[..10];
    fresh(&fleet, &["verify"]).fails(6).prints(&format!(
        "grants/ops/mallory.toml: put back: serial 2 in commit {took}, serial 1 now; \
             'git checkout {took} -- grants/ops/mallory.toml' and a commit bring the later one"
    ));
    let resealed = fresh(&fleet, &["reseal"]);
    assert_ne!(resealed.code, 0, "{}", resealed.out());
    fresh(&fleet, &["reseal", "--all"]).ok();
    assert!(!opens(&fleet, "mallory", "after") && opens(&fleet, "web", "after"));
    // What the message says is the way out.
    fleet.git(&["checkout", "-q", took, "--", "grants/ops/mallory.toml"]);
    fleet.commit_all("bring it back");
    fresh(&fleet, &["verify"]).ok();
}

#[test]
fn new_keys_of_a_group_are_not_for_whose_grant_is_of_an_epoch_that_is_over() {
    for args in [&["group", "revoke", "ops", "web"][..], &["member", "remove", "web"]] {
        let fleet = fleet();
        fresh(&fleet, args)
            .ok()
            .prints("group ops has new keys, epoch 3, for the one who stays")
            .prints("not for mallory, whose grant is of an epoch that was over: 'fleetvault verify' says what to do");
        fleet.set("later", "value-of-later", "@ops");
        for name in ["after", "later"] {
            assert!(
                !opens(&fleet, "mallory", name) && opens(&fleet, "dev", name),
                "{args:?} {name}"
            );
        }
    }
}

#[test]
fn a_keeper_that_was_put_back_is_none_who_stays() {
    let fleet = Fleet::new();
    fleet.member("dev");
    fleet.fleetvault(&["group", "grant", "keepers", "dev"]).ok();
    fleet.git(&["tag", "before"]);
    fleet.fleetvault(&["group", "revoke", "keepers", "dev"]).ok();
    fleet.git(&["checkout", "-q", "before", "--", "grants/keepers/dev.toml"]);
    fleet.commit_all("tidy");
    fresh(&fleet, &["group", "revoke", "keepers", "alice"])
        .fails(1)
        .says("keeper");
    let doctor = fresh(&fleet, &["doctor"]).out();
    assert!(doctor.contains("risk  1 of 2 keepers"), "{doctor}");
}

/// What an author's machine that has not seen the removal is asked for first makes no difference to what it seals then.
#[test]
fn who_was_removed_and_is_back_by_a_revert_gets_nothing_from_an_author_on_a_new_machine() {
    let fleet = Fleet::new();
    for name in ["dev", "mallory"] {
        fleet.member(name);
    }
    fleet.set("before", "value-of-before", "*");
    fleet.fleetvault(&["member", "remove", "mallory"]).ok();
    let removal = fleet.git(&["rev-parse", "HEAD"]);
    let removal = &removal[..10];
    fleet.git(&["revert", "--no-edit", "HEAD"]);
    let reverted = fleet.git(&["rev-parse", "HEAD"]);
    for first in [&["list"][..], &["get", "before"], &["show", "before"], &["verify"]] {
        let state = tempfile::tempdir().unwrap();
        on(&state, &fleet, first, "");
        on(&state, &fleet, &["set", "after", "--members", "*"], "value-of-after")
            .fails(6)
            .says("groups/all.toml (commit")
            .says("rolled back")
            .says(&format!(
                "groups/all.toml was put back: serial 2 in commit {removal}, serial 1 now; \
                 'git checkout {removal} -- groups/all.toml' and a commit bring the later one"
            ));
        on(
            &state,
            &fleet,
            &["set", "after", "--members", "mallory"],
            "value-of-after",
        )
        .fails(6)
        .says("members/mallory.toml (commit")
        .says("rolled back");
        assert_eq!(fleet.git(&["rev-parse", "HEAD"]), reverted);
        // What does not depend on it goes on.
        on(
            &state,
            &fleet,
            &["set", "own", "--members", "dev", "--dry-run"],
            "value",
        )
        .ok();
    }
    // The way out that is named, for each of the files.
    let state = tempfile::tempdir().unwrap();
    let said = on(&state, &fleet, &["set", "after", "--members", "*"], "value-of-after")
        .fails(6)
        .stderr;
    let files: Vec<&str> = { said.lines() }
        .filter_map(|line| line.split_once(" was put back")?.0.rsplit(' ').next())
        .collect();
    assert_eq!(files, ["members/mallory.toml", "groups/all.toml"], "{said}");
    fleet.git(&["checkout", "-q", removal, "--", "groups", "members", "grants"]);
    fleet.commit_all("bring it back");
    on(&state, &fleet, &["set", "after", "--members", "*"], "value-of-after").ok();
    assert!(!opens(&fleet, "mallory", "after") && opens(&fleet, "dev", "after"));
}

/// The machine has written before, and has never used what is put back then.
#[test]
fn what_is_put_back_later_is_noticed_although_it_was_never_used_here() {
    let fleet = Fleet::new();
    for name in ["dev", "mallory"] {
        fleet.member(name);
    }
    fleet.fleetvault(&["group", "add", "ops", "dev", "mallory"]).ok();
    fleet.fleetvault(&["group", "revoke", "ops", "mallory"]).ok();
    let state = tempfile::tempdir().unwrap();
    on(&state, &fleet, &["set", "one", "--members", "dev"], "value-of-one").ok();
    // Merged from a line beside, which began before what the machine has seen.
    fleet.git(&["checkout", "-q", "-b", "beside", "HEAD~2"]);
    fleet.git(&["commit", "-q", "--allow-empty", "-m", "tidy"]);
    fleet.git(&["checkout", "-q", "main"]);
    fleet.git(&["merge", "-q", "--no-commit", "--no-ff", "beside"]);
    fleet.git(&["checkout", "-q", "beside", "--", "groups/ops.toml", "grants/ops"]);
    fleet.commit_all("tidy");
    on(
        &state,
        &fleet,
        &["set", "after", "--members", "@ops", "--dry-run"],
        "value-of-after",
    )
    .fails(6)
    .says("rolled back");
    for first in [true, false] {
        on(&state, &fleet, &["set", "after", "--members", "@ops"], "value-of-after")
            .fails(6)
            .says("groups/ops.toml (commit")
            .says("rolled back");
        on(
            &state,
            &fleet,
            &["set", "two", "--members", "dev"],
            &format!("value-of-two-{first}"),
        )
        .ok();
    }
    // Accepting it is for a person to decide, once.
    on(&state, &fleet, &["trust", "accept", "--yes", "groups/ops.toml"], "").ok();
    on(&state, &fleet, &["set", "after", "--members", "@ops"], "value-of-after").ok();
    fleet.git(&["commit", "-q", "--allow-empty", "-m", "go on"]);
    on(&state, &fleet, &["set", "after", "--members", "@ops"], "value-of-after").ok();
}

/// Who was an author before a root is put back could sign whatever this machine is to believe.
#[test]
fn a_root_that_was_taken_away_is_known_from_the_history() {
    let fleet = Fleet::new();
    fleet.set("before", "value-of-before", "*");
    let key = fleet.path("mallory.pub");
    std::fs::write(&key, SigningKey::generate().unwrap().signer().unwrap().to_string()).unwrap();
    let key = key.to_str().unwrap();
    fleet.fleetvault(&["author", "add", "mallory", "--key-file", key]).ok();
    fleet.fleetvault(&["author", "remove", "mallory"]).ok();
    fleet.git(&["rm", "-q", "roots/3.toml"]);
    fleet.commit_all("tidy");
    let state = tempfile::tempdir().unwrap();
    on(&state, &fleet, &["get", "before"], "").ok();
    for _ in 0..2 {
        on(&state, &fleet, &["set", "after", "--members", "*"], "value-of-after")
            .fails(6)
            .says("serial 3 was seen here before, found serial 2")
            .says("ask the authors first");
    }
}
