//! `trust show` and `trust accept`: what this machine believes of a vault, and how that is changed on purpose.

use std::process::Command;

use serde_json::json;

use crate::support::{Fleet, Run, run};

/// A person with no keys, who cloned the vault.
fn stranger(fleet: &Fleet, args: &[&str]) -> Run {
    let mut command: Command = fleet.command(env!("CARGO_BIN_EXE_fleetvault"), "stranger");
    command.args(args).current_dir(fleet.vault());
    run(command, b"")
}

#[test]
fn show_tells_who_vouches() {
    let fleet = Fleet::new();
    fleet.set("token", "value-of-token", "*");
    let id = fleet.id();
    let shown = fleet.fleetvault(&["trust", "show"]).ok().out();
    for line in [
        &format!("vault    {id}\n"),
        "trusted  the anchor in the identity file\n",
        "root     serial 1, threshold 1\n",
        "author   alice SHA256:",
        "         credentials/token.toml serial 1\n",
    ] {
        assert!(shown.contains(line), "{line:?} in\n{shown}");
    }
    let shown = fleet
        .fleetvault(&["--root", &id, "trust", "show", "--json"])
        .ok()
        .json();
    assert_eq!(
        shown["trusted_by"],
        json!(["--root", "the anchor in the identity file"])
    );
    assert_eq!((&shown["root_serial"], &shown["threshold"]), (&json!(1), &json!(1)));
    assert!(
        shown["floors"]
            .as_array()
            .unwrap()
            .contains(&json!({"path": "credentials/token.toml", "serial": 1}))
    );
    stranger(&fleet, &["trust", "show"])
        .ok()
        .prints("trusted  nobody vouches for it here\n")
        .prints("floors   0 files");
}

#[test]
fn a_vault_is_accepted_once_by_a_person() {
    let fleet = Fleet::new();
    fleet.set("token", "value-of-token", "*");
    let id = fleet.id();
    let key = fleet.path("x.txt");
    // Writing and opening ask for trust first; without a terminal there is nobody to ask.
    let refused = stranger(&fleet, &["keygen", "-o", key.to_str().unwrap()])
        .fails(6)
        .silent();
    assert!(!key.exists());
    refused
        .says(&format!("fleetvault: error: this machine does not know the vault {id}"))
        .says(&format!(
            "compare the id with one you have from an author, then: fleetvault trust accept, or --root {id}"
        ));
    stranger(&fleet, &["trust", "accept"])
        .fails(7)
        .silent()
        .says("nobody can be asked: there is no terminal")
        .says("--yes accepts without asking");
    stranger(&fleet, &["trust", "accept", "--yes"])
        .ok()
        .prints(&format!("accepted {id} at "));
    stranger(&fleet, &["list"]).ok().says_exactly("");
    stranger(&fleet, &["trust", "show"])
        .ok()
        .prints("trusted  accepted on this machine\n");
    stranger(&fleet, &["keygen", "-o", key.to_str().unwrap()]).ok();
    let other = "SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    for command in [
        &["trust", "accept", "--yes"][..],
        &["list"],
        &["verify"],
        &["get", "token"],
    ] {
        stranger(&fleet, &[&["--root", other], command].concat())
            .fails(6)
            .silent()
            .says(&format!("another vault: launched for {other}, found {id}"))
            .says("nothing was opened");
    }
}

#[test]
fn a_file_that_went_back_is_accepted_by_name() {
    let fleet = Fleet::new();
    fleet.member("dev");
    fleet.set("token", "value-of-token", "dev");
    fleet.fleetvault_with(&["rotate", "token"], b"second-value").ok();
    fleet.git(&["reset", "-q", "--hard", "HEAD^"]);
    let path = "credentials/token.toml";
    fleet
        .fleetvault(&["get", "token"])
        .fails(6)
        .silent()
        .says("credentials/token.toml (commit ")
        .says("it was rolled back: serial 2 was seen here before, found serial 1")
        .says("'fleetvault touch token' overtakes it with a new serial, or 'fleetvault trust accept credentials/token.toml'");
    fleet
        .fleetvault(&["trust", "accept", path])
        .fails(7)
        .says("nobody can be asked");
    fleet
        .fleetvault(&["trust", "accept", "token", "--yes"])
        .fails(2)
        .says("'token' is no file of a vault");
    fleet
        .fleetvault(&["trust", "accept", path, "--yes"])
        .ok()
        .prints("accepted credentials/token.toml as serial 1\n");
    assert_eq!(fleet.fleetvault(&["get", "token"]).ok().out(), "value-of-token");
    // Gone is the same: with the word of a person only.
    fleet.git(&["reset", "-q", "--hard", "HEAD^"]);
    fleet
        .fleetvault(&["get", "token"])
        .fails(6)
        .says("it is gone without a tombstone: serial 1 was seen here before")
        .says("fleetvault trust accept credentials/token.toml");
    fleet
        .fleetvault(&["trust", "accept", path, "--yes"])
        .ok()
        .prints("accepted credentials/token.toml as gone\n");
    fleet.fleetvault(&["get", "token"]).fails(4);
    fleet
        .fleetvault(&["trust", "accept", "fleetvault.toml", "--yes"])
        .ok()
        .prints("accepted fleetvault.toml as serial 1");
    fleet
        .fleetvault(&["trust", "accept", "roots/2.toml", "--yes"])
        .fails(2)
        .says("the roots have one floor");
}

#[test]
fn what_was_only_proposed_on_a_branch_does_not_count() {
    let fleet = Fleet::new();
    fleet.member("dev");
    fleet.set("token", "value-of-token", "dev");
    fleet
        .fleetvault_with(&["rotate", "token", "--branch", "proposal"], b"proposed-value")
        .ok();
    fleet
        .fleetvault_with(&["set", "other", "--branch", "proposal"], b"proposed-value")
        .ok();
    // Until it is merged, and also if it never is, the present branch is as good as before.
    assert_eq!(fleet.fleetvault(&["get", "token"]).ok().out(), "value-of-token");
    fleet.fleetvault(&["get", "other"]).fails(4);
    fleet.fleetvault(&["touch", "token"]).ok();
    fleet.set("other", "other-value", "*");
    assert_eq!(
        fleet.expand("dev", "<<secure.token>> <<secure.other>>").ok().out(),
        "value-of-token other-value"
    );
    // On the present branch it does.
    fleet.git(&["reset", "-q", "--hard", "HEAD^"]);
    fleet
        .fleetvault(&["get", "other"])
        .fails(6)
        .says("it is gone without a tombstone");
}
