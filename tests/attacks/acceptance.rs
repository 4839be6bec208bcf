//! `fleetvault` itself before a vault that nobody vouches for, or one that stands where another was accepted.

use std::fs;

use crate::{
    support::{Fleet, Run, run},
    world::{DEV, clean, contents, no_root, world},
};

/// `fleetvault` as somebody with alice's keys but no anchor, and a state of their own.
fn as_stranger(fleet: &Fleet, args: &[&str], stdin: &[u8]) -> Run {
    let folder = fleet.path("stranger/fleetvault");
    fs::create_dir_all(&folder).unwrap();
    let own = fs::read_to_string(fleet.identity("alice")).unwrap();
    let bare: String = own
        .lines()
        .filter(|line| !line.contains("vault="))
        .map(|line| format!("{line}\n"))
        .collect();
    fs::write(folder.join("identity.txt"), bare).unwrap();
    fs::copy(fleet.path("alice/fleetvault/signing_key"), folder.join("signing_key")).unwrap();
    let mut command = fleet.command("setsid", "stranger");
    // Without a controlling terminal, wherever this test runs.
    command
        .arg("-w")
        .arg(env!("CARGO_BIN_EXE_fleetvault"))
        .args(args)
        .current_dir(fleet.vault());
    run(command, stdin)
}

#[test]
fn an_unknown_vault_is_looked_at_with_a_note_and_not_used() {
    let fleet = world();
    let before = contents(&fleet.vault());
    for args in [
        vec!["get", "github_pat"],
        vec!["set", "github_pat", "--members", "*"],
        vec!["set", "fresh"],
        vec!["rotate", "github_pat"],
        vec!["scope", "github_pat", "--members", "*"],
        vec!["touch", "github_pat"],
        vec!["rm", "github_pat"],
        vec!["keygen", "-o", "new.txt"],
    ] {
        let run = clean(as_stranger(&fleet, &args, b"s3cr3t-new").fails(6).silent());
        run.says("this machine does not know the vault SHA256:")
            .says("fleetvault trust accept");
    }
    for args in [
        vec!["list"],
        vec!["verify"],
        vec!["show", "github_pat"],
        vec!["member", "list"],
    ] {
        clean(as_stranger(&fleet, &args, b"").ok()).says("nobody on this machine vouches for this vault");
    }
    assert!(contents(&fleet.vault()) == before, "something was written");
    clean(as_stranger(&fleet, &["trust", "accept"], b"y\n").fails(7).silent()).says("--yes");
    as_stranger(&fleet, &["get", "github_pat"], b"").fails(6);
    as_stranger(&fleet, &["get", "github_pat", "--root", &fleet.id()], b"").ok();
    as_stranger(&fleet, &["get", "github_pat"], b"").fails(6);
    as_stranger(&fleet, &["trust", "accept", "--yes"], b"").ok();
    assert_eq!(as_stranger(&fleet, &["get", "github_pat"], b"").ok().out(), DEV);
}

/// The attacker's vault, which knows the victim's keys, in place of the one that was accepted.
#[test]
fn a_vault_in_place_of_the_accepted_one_is_neither_read_nor_written() {
    let fleet = world();
    as_stranger(&fleet, &["trust", "accept", "--yes"], b"").ok();
    let evil = Fleet::new();
    evil.set("github_pat", "s3cr3t-of-evil", "*");
    fleet.git(&["fetch", "-q", evil.vault().to_str().unwrap(), "main"]);
    fleet.git(&["reset", "-q", "--hard", "FETCH_HEAD"]);
    let before = contents(&fleet.vault());
    for args in [
        vec!["list"],
        vec!["verify"],
        vec!["show", "github_pat"],
        vec!["member", "list"],
        vec!["get", "github_pat"],
        vec!["set", "prod_key", "--members", "alice"],
        vec!["touch", "github_pat"],
        vec!["rm", "github_pat"],
    ] {
        let run = clean(as_stranger(&fleet, &args, b"s3cr3t-mine").fails(6).silent());
        run.says("another vault: launched for SHA256:")
            .says("which was accepted at");
    }
    // An anchor for the attacker's vault, of which the victim may be a member too, does not make it this one.
    let identity = fleet.path("both.txt");
    let own = fs::read_to_string(fleet.path("stranger/fleetvault/identity.txt")).unwrap();
    fs::write(&identity, format!("# fleetvault: vault={}\n{own}", evil.id())).unwrap();
    let args = [
        "set",
        "prod_key",
        "--members",
        "alice",
        "--identity",
        identity.to_str().unwrap(),
    ];
    clean(as_stranger(&fleet, &args, b"s3cr3t-mine").fails(6).silent()).says("another vault");
    assert!(contents(&fleet.vault()) == before, "something was written");
}

/// What alice made herself is known by the anchor in her identity, and no other vault is.
#[test]
fn who_made_a_vault_is_not_taken_in_by_another() {
    let fleet = world();
    let evil = Fleet::new();
    evil.set("github_pat", "s3cr3t-of-evil", "*");
    fleet.git(&["fetch", "-q", evil.vault().to_str().unwrap(), "main"]);
    fleet.git(&["reset", "-q", "--hard", "FETCH_HEAD"]);
    for args in [vec!["get", "github_pat"], vec!["set", "prod_key"]] {
        clean(fleet.fleetvault_with(&args, b"s3cr3t-mine").fails(6).silent());
    }
}

#[test]
fn a_damaged_memory_of_vaults_is_no_vault_known() {
    let fleet = world();
    as_stranger(&fleet, &["trust", "accept", "--yes"], b"").ok();
    let known = fleet.path("stranger-state/fleetvault/known_vaults");
    fs::write(&known, "nonsense\n").unwrap();
    let run = clean(as_stranger(&fleet, &["get", "github_pat"], b"").silent());
    assert!(
        run.code != 0 && run.stderr.contains("known_vaults is damaged"),
        "{}",
        run.stderr
    );
}

/// A root below the anchor's is too old, also where the id is named again.
#[test]
fn an_anchors_lowest_root_holds_for_fleetvault_too() {
    let fleet = world();
    let file = fleet.identity("alice");
    let own = fs::read_to_string(&file).unwrap();
    let id = fleet.id();
    fs::write(
        &file,
        own.replace("member=alice", &format!("member=alice root={}", no_root(2))),
    )
    .unwrap();
    for args in [vec!["get", "github_pat"], vec!["get", "github_pat", "--root", &id]] {
        clean(fleet.fleetvault(&args).fails(6).silent()).says("accepts serial 2 and later, found 1");
    }
}
