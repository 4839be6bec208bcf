//! Who lost a group, and puts its old grant back into the repository: authors with a fresh clone, whose machines remember nothing, do not give it
//! the keys of now.

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
    let mut command = fleet.fleetvault_command(args);
    let state = tempfile::tempdir().unwrap();
    command.env("XDG_STATE_HOME", state.path());
    run(command, b"")
}

/// What opens for a member, whose machine remembers nothing either.
fn opens(fleet: &Fleet, member: &str, name: &str) -> bool {
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
