//! What `fleetvault merge` refuses, and that it leaves everything as it was then.

use std::fs;

use vault_format::{
    AuthorKey, Authority, Digest, Draft, FilePath, Grant, Group, GroupKeys, Head, Identity, IdentityFile, Kind, Member,
    Parsed, Root, SigningKey,
};

use super::merging::{VALUE, commit, conflict, diverge, elsewhere, fleet, gets, sides, unmerged};
use crate::fleet::{Fleet, Run, run};

/// Refuses with this code and text, and leaves index and work tree as they were.
#[track_caller]
pub fn refused(fleet: &Fleet, args: &[&str], code: i32, text: &str) {
    let state = || {
        (
            sides(fleet),
            fleet.git(&["status", "--porcelain"]),
            fleet.git(&["diff"]),
        )
    };
    let before = state();
    fleet.fleetvault(args).fails(code).silent().says(text);
    assert_eq!(state(), before);
}

#[test]
fn a_side_that_no_author_signed_is_never_taken_over() {
    let fleet = fleet();
    fleet.git(&["switch", "-q", "-c", "other"]);
    let forged = fleet
        .read("credentials/pat.toml")
        .replace("network = \"allow\"", "network = \"confirm\"");
    fleet.forge("credentials/pat.toml", forged);
    fleet.git(&["switch", "-q", "main"]);
    fleet.fleetvault(&["scope", "pat", "--add", "rev"]).ok();
    conflict(&fleet);
    for args in [&["merge"][..], &["merge", "--ours"], &["merge", "--theirs"]] {
        refused(&fleet, args, 6, "credentials/pat.toml (theirs): ");
    }
}

#[test]
fn a_base_that_no_author_signed_decides_nothing() {
    let fleet = fleet();
    let sound = fleet.read("credentials/pat.toml");
    // As if rev had always been in it: then a side that leaves it out would have dropped it.
    let forged = sound.replace("  \"dev\",\n]\nsealed_to", "  \"dev\",\n  \"rev\",\n]\nsealed_to");
    assert_ne!(sound, forged);
    fleet.forge("credentials/pat.toml", forged);
    fleet.git(&["switch", "-q", "-c", "other"]);
    fleet.forge("credentials/pat.toml", &sound);
    // Else it would be the same commit on both branches, and the base.
    fleet.git(&["commit", "-q", "--amend", "-m", "restored"]);
    elsewhere(&fleet, &["scope", "pat", "--add", "ops"], "").ok();
    fleet.git(&["switch", "-q", "main"]);
    fleet.forge("credentials/pat.toml", &sound);
    fleet.fleetvault(&["scope", "pat", "--add", "rev"]).ok();
    conflict(&fleet);
    refused(&fleet, &["merge"], 7, "scope (ours: dev, rev; theirs: dev, ops)");
    fleet.fleetvault(&["merge", "--ours"]).ok();
    commit(&fleet);
    gets(&fleet, "rev", "pat", VALUE);
}

#[test]
fn a_file_deleted_without_a_tombstone_needs_somebodys_word() {
    let fleet = fleet();
    fleet.git(&["switch", "-q", "-c", "other"]);
    fleet.git(&["rm", "-q", "credentials/pat.toml"]);
    fleet.git(&["commit", "-q", "-m", "gone"]);
    fleet.git(&["switch", "-q", "main"]);
    // Nothing but a new serial: a tombstone would win over that, a deletion that nobody signed does not.
    fleet.fleetvault(&["touch", "pat"]).ok();
    conflict(&fleet);
    refused(&fleet, &["merge"], 7, "theirs: deleted without a tombstone");
    fleet
        .fleetvault(&["merge", "--theirs"])
        .ok()
        .prints("credentials/pat.toml: removed; serial 3");
    commit(&fleet);
    fleet.expand("dev", "<<secure.pat>>").fails(4);
}

#[test]
fn a_link_is_named_with_its_side() {
    let fleet = fleet();
    let path = "credentials/pat.toml";
    fleet.git(&["switch", "-q", "-c", "other"]);
    fs::remove_file(fleet.vault().join(path)).unwrap();
    std::os::unix::fs::symlink("../fleetvault.toml", fleet.vault().join(path)).unwrap();
    fleet.commit_all("a link");
    fleet.git(&["switch", "-q", "main"]);
    fleet.fleetvault(&["scope", "pat", "--add", "rev"]).ok();
    conflict(&fleet);
    let text = "credentials/pat.toml is a symbolic link, expected a regular file, on the side of theirs";
    refused(&fleet, &["merge"], 6, text);
}

#[test]
fn roots_are_not_merged() {
    let fleet = fleet();
    fleet.git(&["switch", "-q", "-c", "other"]);
    fleet.forge("roots/2.toml", "theirs\n");
    fleet.git(&["switch", "-q", "main"]);
    fleet.forge("roots/2.toml", "ours\n");
    conflict(&fleet);
    refused(
        &fleet,
        &["merge", "--ours"],
        7,
        "roots/2.toml is another root on each side, and roots are not merged",
    );
}

#[test]
fn what_somebody_edits_during_a_conflict_is_not_overwritten() {
    let fleet = fleet();
    diverge(
        &fleet,
        (&["scope", "pat", "--add", "rev"], ""),
        (&["scope", "pat", "--add", "ops"], ""),
    );
    conflict(&fleet);
    fs::write(fleet.vault().join("credentials/pat.toml"), "by hand\n").unwrap();
    refused(
        &fleet,
        &["merge"],
        1,
        "credentials/pat.toml was edited since git left it in conflict",
    );
    assert_eq!(fleet.read("credentials/pat.toml"), "by hand\n");
    // As the hint says.
    fleet.git(&["checkout", "-q", "--merge", "--", "credentials/pat.toml"]);
    fleet.fleetvault(&["merge"]).ok();
    commit(&fleet);
}

#[test]
fn marks_of_git_are_no_edit() {
    let fleet = fleet();
    fleet.forge(".gitattributes", "");
    diverge(
        &fleet,
        (&["scope", "pat", "--add", "rev"], ""),
        (&["scope", "pat", "--add", "ops"], ""),
    );
    fleet.git_in(&fleet.vault(), &["merge", "-q", "other"]).fails(1);
    assert!(fleet.read("credentials/pat.toml").contains("<<<<<<< HEAD\n"));
    fleet.fleetvault(&["merge"]).ok();
    commit(&fleet);
    gets(&fleet, "ops", "pat", VALUE);
}

#[test]
fn paths_that_are_not_in_conflict_are_named() {
    let fleet = fleet();
    diverge(
        &fleet,
        (&["scope", "pat", "--add", "rev"], ""),
        (&["scope", "pat", "--add", "ops"], ""),
    );
    conflict(&fleet);
    refused(&fleet, &["merge", "members"], 4, "'members' is not in conflict");
    refused(&fleet, &["merge", "../../x"], 2, "'../../x' is not in this repository");
    assert_eq!(unmerged(&fleet), ["credentials/pat.toml"]);
}

#[test]
fn an_author_who_is_no_keeper_merges_what_need_not_be_opened() {
    let fleet = with_bob();
    fleet.set("shared", "a value for bob too", "bob,dev");
    fleet.git(&["switch", "-q", "-c", "other"]);
    elsewhere(&fleet, &["scope", "pat", "--add", "ops"], "").ok();
    elsewhere(&fleet, &["scope", "shared", "--add", "ops"], "").ok();
    fleet.git(&["switch", "-q", "main"]);
    fleet.fleetvault(&["scope", "pat", "--add", "rev"]).ok();
    fleet.fleetvault(&["scope", "shared", "--add", "rev"]).ok();
    conflict(&fleet);
    let cannot = as_bob(&fleet, &["merge"]).fails(7).silent();
    cannot
        .says("credentials/pat.toml cannot be merged: your keys do not open the value that it is to have")
        .says("keepers are 'alice'");
    assert_eq!(unmerged(&fleet), ["credentials/pat.toml", "credentials/shared.toml"]);
    // In its scope, he can.
    as_bob(&fleet, &["merge", "credentials/shared.toml"]).ok();
    assert_eq!(unmerged(&fleet), ["credentials/pat.toml"]);
    fleet.fleetvault(&["merge"]).ok();
    commit(&fleet);
    for (member, name, value) in [("ops", "pat", VALUE), ("rev", "shared", "a value for bob too")] {
        gets(&fleet, member, name, value);
    }
}

#[test]
fn who_is_no_author_merges_nothing() {
    let fleet = fleet();
    diverge(
        &fleet,
        (&["scope", "pat", "--add", "rev"], ""),
        (&["scope", "pat", "--add", "ops"], ""),
    );
    conflict(&fleet);
    let key = fleet.path("rogue_key");
    fs::write(
        &key,
        SigningKey::generate().unwrap().to_openssh("rogue").unwrap().as_bytes(),
    )
    .unwrap();
    refused(
        &fleet,
        &["merge", "--signing-key", key.to_str().unwrap()],
        7,
        "belongs to no author of this vault",
    );
}

/// A second author, a member like any other: root 2, signed by alice.
pub fn with_bob() -> Fleet {
    let fleet = fleet();
    fleet.member("bob");
    let key = SigningKey::generate().unwrap();
    let folder = fleet.path("bob/fleetvault");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("signing_key"), key.to_openssh("bob").unwrap().as_bytes()).unwrap();
    fs::copy(fleet.identity("bob"), folder.join("identity.txt")).unwrap();
    let first = parsed::<Root>(&fleet, "fleetvault.toml");
    let mut body = first.head().body.clone().unwrap();
    body.nonce = None;
    body.previous = Some(Digest::of(first.signed_bytes()));
    body.authors.push(AuthorKey {
        author: "bob".parse().unwrap(),
        key: key.signer().unwrap(),
    });
    let draft = Draft::plain(Head {
        vault: fleet.id().parse().ok(),
        subject: (),
        serial: 2,
        body: Some(body),
    })
    .unwrap();
    let root = by_alice(&fleet, draft);
    fleet.forge("roots/2.toml", root.as_bytes());
    fleet
}

pub fn as_bob(fleet: &Fleet, args: &[&str]) -> Run {
    let mut command = fleet.command(env!("CARGO_BIN_EXE_fleetvault"), "bob");
    command.args(args).current_dir(fleet.vault());
    run(command, b"")
}

/// Signs a file as a command of alice's would that there is none of yet.
pub fn by_alice<K: Kind>(fleet: &Fleet, draft: Draft<K>) -> Parsed<K> {
    let alice = fs::read(fleet.path("alice/fleetvault/signing_key")).unwrap();
    let alice = SigningKey::from_openssh(&alice).unwrap();
    let signature = alice.sign(K::NAMESPACE, draft.signed_bytes()).unwrap();
    draft.signed_by("alice".parse().unwrap(), signature).finish().unwrap()
}

/// Reads a file as it stands.
pub fn parsed<K: Kind>(fleet: &Fleet, path: &str) -> Parsed<K> {
    Parsed::parse(fleet.read(path).as_bytes(), &FilePath::parse(path).unwrap()).unwrap()
}

/// Writes the group `all` once more, with this key.
pub fn seal_group(fleet: &Fleet, key: Identity) {
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
    let recipients = [body.recipient.clone(), keepers.recipient];
    let keys = GroupKeys::default().with(body.epoch, key).to_secret();
    let file = by_alice(fleet, Draft::sealed(head, &keys, &recipients).unwrap());
    fleet.forge(path, file.as_bytes());
}

/// The key of the group `all`, from alice's grant.
pub fn group_key(fleet: &Fleet) -> Identity {
    let authority = Authority::first(&parsed::<Root>(fleet, "fleetvault.toml")).unwrap();
    let grant = authority
        .verify(parsed::<Grant>(fleet, "grants/all/alice.toml"))
        .unwrap();
    let identity = IdentityFile::parse(&fs::read(fleet.identity("alice")).unwrap()).unwrap();
    let opened = grant.open(&identity.identities, None).unwrap();
    Identity::from_line(opened.value().expose_text().unwrap()).unwrap()
}

#[test]
fn a_group_that_was_sealed_anew_on_both_sides_is_once_more() {
    let fleet = fleet();
    fleet.set("for_all", "for everyone here", "*");
    let key = group_key(&fleet);
    fleet.git(&["switch", "-q", "-c", "other"]);
    seal_group(&fleet, key.clone());
    fleet.git(&["commit", "-q", "--amend", "-m", "sealed there"]);
    fleet.git(&["switch", "-q", "main"]);
    seal_group(&fleet, key);
    conflict(&fleet);
    let merged = fleet.fleetvault(&["merge"]).ok();
    merged.prints("groups/all.toml: the same on both sides; serial 3");
    commit(&fleet);
    // A newcomer gets the key from it.
    fleet.member("late");
    gets(&fleet, "late", "for_all", "for everyone here");
}

#[test]
fn keys_of_a_group_are_not_merged() {
    let fleet = fleet();
    fleet.git(&["switch", "-q", "-c", "other"]);
    seal_group(&fleet, Identity::generate());
    fleet.git(&["switch", "-q", "main"]);
    seal_group(&fleet, Identity::generate());
    conflict(&fleet);
    for args in [&["merge"][..], &["merge", "--ours"], &["merge", "--theirs"]] {
        refused(
            &fleet,
            args,
            7,
            "groups/all.toml has other keys on each side, and keys are not merged",
        );
    }
}

#[test]
fn who_was_removed_on_one_side_is_in_no_merged_scope() {
    let fleet = fleet();
    fleet.git(&["switch", "-q", "-c", "other"]);
    elsewhere(&fleet, &["scope", "pat", "--add", "ops"], "").ok();
    fleet.git(&["switch", "-q", "main"]);
    let path = "members/ops.toml";
    let mut head = parsed::<Member>(&fleet, path).head().clone();
    head.serial += 1;
    head.body = None;
    let tombstone = by_alice(&fleet, Draft::plain(head).unwrap());
    fleet.forge(path, tombstone.as_bytes());
    fleet.fleetvault(&["scope", "pat", "--add", "rev"]).ok();
    conflict(&fleet);
    let merged = fleet.fleetvault(&["merge"]).ok();
    merged
        .prints("without ops, who was removed")
        .prints("ops may still know its value until it is rotated");
    assert!(
        fleet
            .read("credentials/pat.toml")
            .contains("members = [\n  \"dev\",\n  \"rev\",\n]")
    );
}
