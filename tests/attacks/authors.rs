//! What an author may not do: one without a signature that counts, and one who is no keeper.

use std::fs;

use vault_format::{AuthorKey, FilePath, Parsed, Root, SigningKey};

use crate::{
    support::{Fleet, Run, run},
    world::{ALL, Attack, BOTH, DEV, clean, contents, no_root, successor, world},
};

/// A second author, who signs alone and is a member like any other: root 2, signed by alice.
pub fn with_bob() -> Fleet {
    let fleet = world();
    fleet.member("bob");
    let key = SigningKey::generate().unwrap();
    let folder = fleet.path("bob/fleetvault");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("signing_key"), key.to_openssh("bob").unwrap().as_bytes()).unwrap();
    fs::copy(fleet.identity("bob"), folder.join("identity.txt")).unwrap();
    fleet.forge(
        "roots/2.toml",
        second_root(&fleet, &key, &fleet.alice(), "alice").as_bytes(),
    );
    fleet.finds_nothing();
    fleet
}

/// A second root that names bob's key beside alice's, signed by whom you like.
fn second_root(fleet: &Fleet, bob: &SigningKey, by: &SigningKey, author: &str) -> Parsed<Root> {
    let first: Parsed<Root> = Parsed::parse(fleet.read("fleetvault.toml").as_bytes(), &FilePath::Root(1)).unwrap();
    successor(fleet, &first, by, author, |body| {
        body.authors.push(AuthorKey {
            author: "bob".parse().unwrap(),
            key: bob.signer().unwrap(),
        });
    })
}

/// `fleetvault` as bob, on his own machine, in the same work tree.
pub fn as_bob(fleet: &Fleet, args: &[&str], stdin: &[u8]) -> Run {
    let mut command = fleet.command(env!("CARGO_BIN_EXE_fleetvault"), "bob");
    command.args(args).current_dir(fleet.vault());
    run(command, stdin)
}

#[test]
fn who_holds_no_authors_key_writes_nothing() {
    let fleet = world();
    let key = fleet.path("rogue_key");
    fs::write(
        &key,
        SigningKey::generate().unwrap().to_openssh("rogue").unwrap().as_bytes(),
    )
    .unwrap();
    let key = key.to_str().unwrap();
    let before = contents(&fleet.vault());
    for args in [
        vec!["set", "github_pat", "--members", "fleet-rev"],
        vec!["set", "fresh"],
        vec!["rotate", "rev_pat"],
        vec!["scope", "github_pat", "--add", "fleet-rev"],
        vec!["touch", "github_pat"],
        vec!["rm", "github_pat"],
        vec![
            "member",
            "add",
            "mallory",
            "--recipient",
            "age1lvyvwawkr0mcnnnncaghunadrqkmuf9e6507x9y920xxpp866cnql7dp2z",
        ],
    ] {
        let mut all = vec!["--signing-key", key];
        all.extend(args);
        let run = clean(fleet.fleetvault_with(&all, b"s3cr3t-new").fails(7).silent());
        run.says("SHA256:")
            .says("an author of this vault must make this change");
    }
    assert!(contents(&fleet.vault()) == before, "something was written");
}

#[test]
fn an_author_who_is_no_keeper_sets_and_rotates_and_opens_nothing() {
    let fleet = with_bob();
    as_bob(&fleet, &["rotate", "github_pat"], b"s3cr3t-rotated").ok();
    as_bob(&fleet, &["set", "fresh", "--members", "fleet-dev"], b"s3cr3t-fresh").ok();
    fleet.gets(
        "fleet-dev",
        &[("github_pat", "s3cr3t-rotated"), ("fresh", "s3cr3t-fresh")],
    );
    let before = contents(&fleet.vault());
    for args in [
        vec!["scope", "github_pat", "--add", "bob"],
        vec!["scope", "github_pat", "--members", "*"],
        vec!["scope", "fresh", "--network", "deny"],
        vec!["touch", "github_pat"],
        vec!["get", "github_pat"],
        vec!["get", "fresh"],
    ] {
        clean(as_bob(&fleet, &args, b"").fails(7).silent()).says("only keepers and those in its scope can");
    }
    assert!(contents(&fleet.vault()) == before, "something was written");
    assert_eq!(as_bob(&fleet, &["get", "pub_token"], b"").ok().out(), ALL);
    // The way of a write-only author: bob can replace a value he may not read, and all see who did.
    as_bob(&fleet, &["set", "shared_key", "--members", "bob"], b"s3cr3t-bobs").ok();
    assert_eq!(as_bob(&fleet, &["get", "shared_key"], b"").ok().out(), "s3cr3t-bobs");
    assert!(fleet.read("credentials/shared_key.toml").contains("author = \"bob\""));
    fleet.refused("fleet-dev", "shared_key", 3);
}

#[test]
fn nobody_makes_himself_an_author() {
    let base = world();
    let own = SigningKey::generate().unwrap();
    for (root, says) in [
        (second_root(&base, &own, &own, "bob"), "bob"),
        (second_root(&base, &own, &own, "alice"), "alice"),
    ] {
        let fleet = world();
        fleet.forge("roots/2.toml", root.as_bytes());
        for (member, name) in [("fleet-dev", "github_pat"), ("fleet-rev", "pub_token")] {
            fleet.refused(member, name, 6).says("roots/2.toml (commit ").says(says);
        }
        clean(fleet.fleetvault(&["verify"]).fails(6).silent()).says("roots/2.toml");
        clean(fleet.fleetvault_with(&["set", "x"], b"s3cr3t-x").fails(6).silent()).says("roots/2.toml");
    }
    // A root of another vault, signed by the same hand.
    let fleet = world();
    let other = Fleet::new();
    fleet.forge(
        "roots/2.toml",
        second_root(&other, &own, &other.alice(), "alice").as_bytes(),
    );
    fleet.refused("fleet-dev", "github_pat", 6).says("roots/2.toml");
}

/// A host's old root would bring back who was an author then.
#[test]
fn a_root_chain_that_was_shorter_before_is_refused_where_the_longer_one_was_used() {
    let fleet = with_bob();
    fleet.gets("fleet-dev", &[("github_pat", DEV)]);
    fleet.git(&["rm", "-q", "roots/2.toml"]);
    fleet.git(&["commit", "-q", "-m", "shorter"]);
    let run = fleet.refused("fleet-dev", "github_pat", 6);
    run.says("fleetvault.toml (commit ")
        .says("serial 2 was seen here before, found serial 1");
    // One that had not used it cannot know, unless its anchor says so.
    fleet.gets("fleet-rev", &[("shared_key", BOTH)]);
    let file = fleet.identity("fleet-rev");
    let own = fs::read_to_string(&file).unwrap();
    fs::write(
        &file,
        own.replace("member=fleet-rev", &format!("member=fleet-rev root={}", no_root(2))),
    )
    .unwrap();
    fleet
        .refused("fleet-rev", "shared_key", 6)
        .says("accepts serial 2 and later, found 1");
    // A person who means it.
    let mut accept = fleet.command(env!("CARGO_BIN_EXE_fleetvault"), "fleet-dev");
    accept
        .args(["trust", "accept", "fleetvault.toml", "--yes"])
        .current_dir(fleet.vault());
    run_ok(accept);
    fleet.gets("fleet-dev", &[("github_pat", DEV)]);
}

#[track_caller]
fn run_ok(command: std::process::Command) {
    run(command, b"").ok();
}

/// Two authors change one file on two laptops, and a merge that takes one side loses the other: same serial, other contents.
#[test]
fn a_laptop_that_was_behind_forks_a_file_and_touch_mends_it() {
    let fleet = with_bob();
    let behind = fleet.git(&["rev-parse", "HEAD"]);
    fleet.set("github_pat", "s3cr3t-first", "fleet-dev");
    fleet.gets("fleet-dev", &[("github_pat", "s3cr3t-first")]);
    fleet.git(&["reset", "-q", "--hard", behind.trim()]);
    as_bob(
        &fleet,
        &["set", "github_pat", "--members", "fleet-dev"],
        b"s3cr3t-second",
    )
    .ok();
    fleet
        .refused("fleet-dev", "github_pat", 6)
        .says("same serial, other contents")
        .says("fleetvault touch");
    // Alice has used the other one, too: she is told the same, and overtakes it by name.
    clean(fleet.fleetvault(&["get", "github_pat"]).fails(6).silent()).says("same serial");
    fleet.fleetvault(&["touch", "github_pat"]).ok();
    fleet.gets("fleet-dev", &[("github_pat", "s3cr3t-second")]);
}
