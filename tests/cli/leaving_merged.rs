//! A removal that meets another change on a branch that had not seen it, merged by real git: what git takes without a conflict, and the way out.

use crate::support::{Fleet, run};

/// A fleet with `dev`, `rev` and `ops`, in which `ops` was removed on main, and something was done on another branch by the same author elsewhere.
fn merged(elsewhere: &[&str]) -> Fleet {
    let fleet = Fleet::new();
    for name in ["dev", "rev", "ops"] {
        fleet.member(name);
    }
    fleet.fleetvault(&["group", "add", "team", "dev", "rev"]).ok();
    fleet.set("for_team", "value-of-for-team", "@team");
    fleet.set("for_dev", "value-of-for-dev", "dev");
    let id = fleet.id();
    let other = |args: &[&str]| {
        let mut command = fleet.fleetvault_command(args);
        command.env("XDG_STATE_HOME", fleet.path("elsewhere"));
        run(command, b"").ok()
    };
    other(&["trust", "accept", "--yes", "--root", &id]);
    fleet.git(&["switch", "-q", "-c", "other"]);
    other(elsewhere);
    fleet.git(&["switch", "-q", "main"]);
    fleet.fleetvault(&["member", "remove", "ops"]).ok();
    fleet.git(&["merge", "-q", "--no-edit", "other"]);
    fleet
}

#[track_caller]
fn found_and_mended(fleet: &Fleet, path: &str, mend: &[&str]) {
    let found = fleet.fleetvault(&["verify"]).fails(6).out();
    let line = format!("{path}: sealed to ops#1, whose keys are not in this vault; ");
    assert!(found.contains(&line), "{found}");
    assert!(found.contains(&mend[..2].join(" ")), "{found}");
    fleet.fleetvault(&["review", "HEAD~1..HEAD"]).fails(6);
    fleet.fleetvault(mend).ok();
    fleet.fleetvault(&["verify"]).ok();
}

/// A keeper that is no member any more keeps nothing: the only real one must not be able to go.
#[test]
fn the_last_keeper_that_is_there_stays() {
    let fleet = merged(&["group", "grant", "keepers", "ops"]);
    let head = fleet.git(&["rev-parse", "HEAD"]);
    for args in [
        ["group", "revoke", "keepers", "alice"].as_slice(),
        &["member", "remove", "alice"],
    ] {
        fleet
            .fleetvault(args)
            .fails(1)
            .silent()
            .says("the last keeper cannot go");
    }
    assert_eq!(fleet.git(&["rev-parse", "HEAD"]), head);
    let doctor = fleet.fleetvault(&["doctor"]).out();
    assert!(doctor.contains("1 of 2 keepers"), "{doctor}");
    let mend = ["group", "revoke", "keepers", "ops"];
    found_and_mended(&fleet, "grants/keepers/ops.toml", &mend);
    assert!(
        fleet.read("groups/team.toml").contains("\nepoch = 2\n"),
        "the keepers' key opened it"
    );
    assert_eq!(fleet.fleetvault(&["get", "for_team"]).ok().out(), "value-of-for-team");
}

#[test]
fn what_was_given_to_somebody_who_is_gone_is_taken_back() {
    let fleet = merged(&["group", "grant", "team", "ops"]);
    found_and_mended(&fleet, "grants/team/ops.toml", &["group", "revoke", "team", "ops"]);
    assert!(fleet.read("groups/team.toml").contains("\nepoch = 2\n"));
    let fleet = merged(&["scope", "for_dev", "--add", "ops"]);
    // The words of the way out, with the credential's name.
    let found = fleet.fleetvault(&["verify"]).fails(6).out();
    assert!(found.contains("'scope NAME --drop ops'"), "{found}");
    fleet.fleetvault(&["scope", "for_dev", "--drop", "ops"]).ok();
    fleet.fleetvault(&["verify"]).ok();
    assert_eq!(fleet.expand("dev", "<<secure.for_dev>>").ok().out(), "value-of-for-dev");
}

/// Anybody with push rights can put a broken grant in the way of a removal. It is named, and so is the way past it.
#[test]
fn a_broken_grant_is_in_the_way_until_it_is_taken_out() {
    let fleet = merged(&["touch", "for_dev"]);
    let good = fleet.read("grants/all/rev.toml");
    let head = |fleet: &Fleet| fleet.git(&["rev-parse", "HEAD"]);
    for (path, text) in [
        ("grants/all/rev.toml", good.replacen("epoch = 2", "epoch = 1", 1)),
        ("grants/all/nobody.toml", good.clone()),
        ("grants/all/zzz.toml", "nonsense".into()),
    ] {
        fleet.forge(path, text);
        let before = head(&fleet);
        let refused = fleet.fleetvault(&["member", "rekey", "rev", "--recipient", &other_key()]);
        refused.fails(6).silent().says(&format!("{path} (commit "));
        assert_eq!(head(&fleet), before);
        match path == "grants/all/rev.toml" {
            true => drop(fleet.git(&["revert", "--no-edit", "HEAD"])),
            false => {
                fleet.git(&["rm", "-q", path]);
                fleet.git(&["commit", "-q", "-m", "out"]);
            }
        }
    }
    fleet
        .fleetvault(&["member", "rekey", "rev", "--recipient", &other_key()])
        .ok();
    fleet.fleetvault(&["verify"]).ok();
}

fn other_key() -> String {
    vault_format::Identity::generate().recipient().to_string()
}

/// Who is put into somebody's place learns that keeping is not part of it.
#[test]
fn a_member_like_a_keeper_is_none() {
    let fleet = Fleet::new();
    let file = fleet.identity("second");
    let key = fleet
        .fleetvault(&["keygen", "--member", "second", "-o", file.to_str().unwrap()])
        .ok()
        .out();
    fleet
        .fleetvault(&["member", "add", "second", "--recipient", key.trim(), "--like", "alice"])
        .ok()
        .prints("alice is a keeper and second is not: only 'group grant keepers second' would make it one\n");
    let shown = fleet.fleetvault(&["group", "show", "keepers", "--json"]).ok().json();
    assert_eq!(shown["members"], serde_json::json!(["alice"]));
}
