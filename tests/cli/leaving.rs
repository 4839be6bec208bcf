//! `member remove`, `member rekey` and `reseal`: what goes with a member, what stays, and what a clone that was behind leaves to mend.

use std::process::Command;

use serde_json::json;

use crate::{
    console::Console,
    support::{Fleet, run},
};

fn fleet() -> Fleet {
    let fleet = Fleet::new();
    for name in ["dev", "rev", "ops"] {
        fleet.member(name);
    }
    fleet.set("for_all", "value-of-for-all", "*");
    fleet.set("for_two", "value-of-for-two", "dev,rev");
    fleet.set("for_ops", "value-of-for-ops", "ops");
    fleet
}

fn tree(fleet: &Fleet, path: &str) -> String {
    fleet.git(&["rev-parse", &format!("HEAD:{path}")])
}

#[test]
fn a_member_goes_in_one_commit_and_what_it_knew_is_listed() {
    let fleet = fleet();
    let (before, everyone) = (
        fleet.git(&["rev-parse", "HEAD"]),
        tree(&fleet, "credentials/for_all.toml"),
    );
    let told = fleet.fleetvault(&["member", "remove", "dev", "--json"]).ok().json();
    assert_eq!(told["rotate"], json!(["for_all", "for_two"]));
    assert_eq!(fleet.git(&["rev-parse", "HEAD~1"]), before);
    assert_eq!(tree(&fleet, "credentials/for_all.toml"), everyone);
    fleet.fleetvault(&["verify"]).ok();
    fleet
        .expand("dev", "<<secure.for_all>>")
        .fails(6)
        .says("member 'dev' was removed from this vault");
    for (member, template, value) in [
        (
            "rev",
            "<<secure.for_two>> <<secure.for_all>>",
            "value-of-for-two value-of-for-all",
        ),
        (
            "ops",
            "<<secure.for_ops>> <<secure.for_all>>",
            "value-of-for-ops value-of-for-all",
        ),
    ] {
        assert_eq!(fleet.expand(member, template).ok().out(), value);
    }
    let shown = fleet.fleetvault(&["show", "for_two", "--json"]).ok().json();
    assert_eq!(shown["members"], json!(["rev"]));
    // The list gets shorter by working through it.
    fleet.fleetvault(&["rotate", "for_two", "--generate"]).ok();
    fleet
        .fleetvault(&["rotate", "--exposed", "--generate"])
        .ok()
        .prints("rotated for_all");
    fleet
        .fleetvault(&["rotate", "--exposed", "--generate"])
        .ok()
        .prints("nothing is to be rotated: whoever knows a current value may use or keep it");
    fleet.expand("rev", "<<secure.for_two>> <<secure.for_all>>").ok();
}

#[test]
fn a_member_that_alone_may_use_something_stays_until_that_is_decided() {
    let fleet = fleet();
    let before = fleet.git(&["rev-parse", "HEAD"]);
    fleet
        .fleetvault(&["member", "remove", "ops"])
        .fails(1)
        .silent()
        .says("member 'ops' is the only one that may use for_ops")
        .says("fleetvault rm for_ops");
    assert_eq!(fleet.git(&["rev-parse", "HEAD"]), before);
    fleet
        .fleetvault(&["member", "remove", "alice"])
        .fails(1)
        .says("the last keeper cannot go");
    fleet
        .fleetvault(&["member", "remove", "opps"])
        .fails(4)
        .says("did you mean 'ops'?");
    fleet.fleetvault(&["rm", "for_ops"]).ok();
    fleet.fleetvault(&["member", "remove", "ops"]).ok();
    fleet
        .fleetvault(&["member", "remove", "ops"])
        .fails(4)
        .says("there is no member 'ops'");
}

#[test]
fn a_name_that_is_used_again_gets_back_only_what_everyone_has() {
    let fleet = fleet();
    fleet.fleetvault(&["member", "remove", "dev"]).ok();
    std::fs::remove_file(fleet.identity("dev")).unwrap();
    let key = fleet
        .fleetvault(&[
            "keygen",
            "--member",
            "dev",
            "-o",
            fleet.identity("dev").to_str().unwrap(),
        ])
        .ok()
        .out();
    fleet
        .fleetvault(&["member", "add", "dev", "--recipient", key.trim()])
        .ok()
        .prints("dev was removed before: no scope that named it then names it now\n");
    assert_eq!(fleet.expand("dev", "<<secure.for_all>>").ok().out(), "value-of-for-all");
    fleet.expand("dev", "<<secure.for_two>>").fails(3);
    fleet.fleetvault(&["verify"]).ok();
}

#[test]
fn other_keys_open_what_the_old_ones_did_and_the_old_ones_nothing_new() {
    let fleet = fleet();
    let old = fleet.identity("dev");
    let kept = fleet.path("old.txt");
    std::fs::rename(&old, &kept).unwrap();
    let key = fleet
        .fleetvault(&["keygen", "--member", "dev", "-o", old.to_str().unwrap()])
        .ok()
        .out();
    fleet
        .fleetvault(&["member", "rekey", "dev", "--recipient", key.trim()])
        .ok()
        .prints("dev has other keys, epoch 2\ngroup all has new keys, epoch 2, for 4 who stay\nfor_two: sealed to the new keys\n");
    fleet.fleetvault(&["verify"]).ok();
    assert_eq!(
        fleet.expand("dev", "<<secure.for_two>> <<secure.for_all>>").ok().out(),
        "value-of-for-two value-of-for-all"
    );
    fleet
        .fleetvault(&["member", "rekey", "dev", "--recipient", key.trim()])
        .fails(1)
        .says("nothing would change");
    let other = fleet.fleetvault(&["member", "show", "rev", "--json"]).ok().json();
    let taken = other["recipients"][0].as_str().unwrap().to_owned();
    fleet
        .fleetvault(&["member", "rekey", "dev", "--recipient", &taken])
        .fails(1)
        .says("belongs to member 'rev' already");
    std::fs::rename(&kept, &old).unwrap();
    fleet.expand("dev", "<<secure.for_all>>").fails(6);
}

#[test]
fn destroyed_keys_leave_the_groups_as_they_are() {
    let fleet = fleet();
    let all = tree(&fleet, "groups/all.toml");
    std::fs::remove_file(fleet.identity("rev")).unwrap();
    let key = fleet
        .fleetvault(&[
            "keygen",
            "--member",
            "rev",
            "-o",
            fleet.identity("rev").to_str().unwrap(),
        ])
        .ok()
        .out();
    fleet
        .fleetvault(&["member", "rekey", "rev", "--recipient", key.trim(), "--destroyed"])
        .ok();
    assert_eq!(tree(&fleet, "groups/all.toml"), all);
    assert_eq!(
        fleet.expand("rev", "<<secure.for_two>> <<secure.for_all>>").ok().out(),
        "value-of-for-two value-of-for-all"
    );
    fleet.fleetvault(&["verify"]).ok();
}

/// A value set, and a scope widened, on a branch that has not seen a removal, and really merged: both found, both mended.
#[test]
fn what_a_clone_that_was_behind_wrote_is_found_and_sealed_anew() {
    for how in [
        &["merge", "--no-edit", "-q", "behind"][..],
        &["merge", "--squash", "-q", "behind"],
        &["rebase", "-q", "main", "behind"],
    ] {
        let fleet = fleet();
        let id = fleet.id();
        fleet.git(&["branch", "behind"]);
        fleet.fleetvault(&["member", "remove", "dev"]).ok();
        fleet.git(&["checkout", "-q", "behind"]);
        // Another machine of the author's, which has not seen the removal.
        let behind = |args: &[&str], stdin: &[u8]| {
            let mut command = fleet.fleetvault_command(args);
            command.env("XDG_STATE_HOME", fleet.path("other-state"));
            run(command, stdin)
        };
        behind(&["trust", "accept", "--yes", "--root", &id], b"").ok();
        behind(&["set", "written_behind"], b"value-of-written-behind").ok();
        behind(&["scope", "for_ops", "--members", "*"], b"").ok();
        // Also a newcomer, who is granted keys that are over.
        let new = fleet.identity("new");
        let key = behind(&["keygen", "--member", "new", "-o", new.to_str().unwrap()], b"")
            .ok()
            .out();
        behind(&["member", "add", "new", "--recipient", key.trim()], b"").ok();
        if how[0] != "rebase" {
            fleet.git(&["checkout", "-q", "main"]);
        }
        fleet.git(how);
        if how.contains(&"--squash") {
            fleet.git(&["commit", "-q", "-m", "squashed"]);
        }
        let found = fleet.fleetvault(&["verify"]).fails(6).out();
        let stale: Vec<&str> = found
            .lines()
            .filter_map(|line| line.split_once(": stale").map(|(path, _)| path))
            .collect();
        assert_eq!(
            stale,
            [
                "credentials/for_ops.toml",
                "credentials/written_behind.toml",
                "grants/all/new.toml"
            ],
            "{how:?}: {found}"
        );
        assert!(
            found.contains("sealed to @all#1, whose keys are at epoch 2 now; 'fleetvault reseal' mends it"),
            "{found}"
        );
        assert_eq!(found.lines().count(), 3, "{found}");
        // A review of the same change needs no history.
        let base = if how[0] == "rebase" { "main" } else { "HEAD~1" };
        let review = fleet.fleetvault(&["review", &format!("{base}..HEAD")]).fails(6).out();
        assert_eq!(review.matches("stale: ").count(), 3, "{review}");
        fleet
            .fleetvault(&["reseal"])
            .ok()
            .prints("sealed credentials/for_ops.toml to the keys of now\n");
        fleet.fleetvault(&["verify"]).ok();
        fleet.fleetvault(&["reseal"]).fails(1).says("nothing would change");
        assert_eq!(
            fleet
                .expand("new", "<<secure.written_behind>> <<secure.for_all>>")
                .ok()
                .out(),
            "value-of-written-behind value-of-for-all"
        );
    }
}

/// What was there when a member left is no finding, ever; a clone without the history says nothing it cannot know.
#[test]
fn what_was_there_before_stays_as_it_is() {
    let fleet = fleet();
    fleet.fleetvault(&["member", "remove", "dev"]).ok();
    fleet.set("later", "value-of-later", "*");
    fleet.fleetvault(&["verify"]).ok();
    let shallow = fleet.path("shallow");
    let url = format!("file://{}", fleet.vault().display());
    let mut clone = fleet.command("git", "alice");
    clone.args(["clone", "-q", "--depth=1", &url]).arg(&shallow);
    run(clone, b"").ok();
    fleet.fleetvault(&["-C", shallow.to_str().unwrap(), "verify"]).ok();
    fleet
        .fleetvault(&["reseal", "--all"])
        .ok()
        .prints("sealed credentials/for_all.toml to the keys of now\n");
    fleet.fleetvault(&["verify"]).ok();
    assert_eq!(fleet.expand("rev", "<<secure.for_all>>").ok().out(), "value-of-for-all");
}

/// The real `age`, with every key that the member ever had, on what is set after it left.
#[test]
fn no_key_of_a_removed_member_opens_what_is_set_later() {
    if !crate::support::has("age") {
        return;
    }
    let fleet = fleet();
    let grant = fleet.read("grants/all/dev.toml");
    let opened = age(&fleet, &fleet.identity("dev"), &grant).ok().out();
    let key = opened
        .split("AGE-SECRET-KEY-")
        .nth(1)
        .unwrap()
        .split('\'')
        .next()
        .unwrap();
    let old = fleet.path("old-group.txt");
    std::fs::write(&old, format!("AGE-SECRET-KEY-{}\n", key.trim())).unwrap();
    let before = fleet.read("credentials/for_all.toml");
    assert!(age(&fleet, &old, &before).ok().out().contains("value-of-for-all"));
    fleet.fleetvault(&["member", "remove", "dev"]).ok();
    fleet.fleetvault(&["rotate", "for_all", "--generate"]).ok();
    for path in ["credentials/for_all.toml", "groups/all.toml", "grants/all/rev.toml"] {
        for identity in [&old, &fleet.identity("dev")] {
            assert_ne!(
                age(&fleet, identity, &fleet.read(path)).code,
                0,
                "{path} opens with {}",
                identity.display()
            );
        }
    }
}

fn age(fleet: &Fleet, identity: &std::path::Path, file: &str) -> crate::support::Run {
    let begin = file.find("-----BEGIN AGE").unwrap();
    let end = file.find("-----END AGE ENCRYPTED FILE-----\n").unwrap() + "-----END AGE ENCRYPTED FILE-----\n".len();
    let mut command: Command = fleet.command("age", "alice");
    command.arg("-d").arg("-i").arg(identity);
    run(command, &file.as_bytes()[begin..end])
}

/// An author who is no keeper can remove whom it can, and is refused the rest before anything is written.
#[test]
fn an_author_who_is_no_keeper_removes_whom_no_sealed_scope_names() {
    let fleet = fleet();
    let before = fleet.git(&["rev-parse", "HEAD"]);
    let identity = fleet.identity("ops");
    let as_ops = |args: &[&str]| {
        let args = [&["--identity", identity.to_str().unwrap()], args].concat();
        fleet.fleetvault(&args)
    };
    as_ops(&["member", "remove", "rev"])
        .fails(7)
        .silent()
        .says("credential 'for_two' cannot be sealed anew: your keys do not open it");
    assert_eq!(fleet.git(&["rev-parse", "HEAD"]), before);
    // Before anything is to be removed or given to somebody else for it.
    fleet.set("for_rev", "value-for-rev-alone", "rev");
    as_ops(&["member", "remove", "rev"])
        .fails(7)
        .says("credential 'for_two' cannot be sealed anew: your keys do not open it");
    fleet.fleetvault(&["rm", "for_rev"]).ok();
    fleet.fleetvault(&["group", "add", "team", "rev"]).ok();
    fleet.set("for_rev", "value-for-rev-alone", "rev");
    fleet.fleetvault(&["scope", "for_two", "--drop", "rev"]).ok();
    as_ops(&["member", "remove", "rev"])
        .fails(7)
        .says("the group 'team' cannot be granted: your keys do not open it");
    fleet.fleetvault(&["group", "revoke", "team", "rev"]).ok();
    as_ops(&["member", "remove", "rev"])
        .fails(1)
        .says("member 'rev' is the only one that may use for_rev");
    fleet.fleetvault(&["rm", "for_rev"]).ok();
    as_ops(&["member", "remove", "rev"]).ok();
    as_ops(&["group", "grant", "keepers", "ops"])
        .fails(7)
        .says("the group 'keepers' cannot be granted");
    fleet.fleetvault(&["verify"]).ok();
}

/// Walks the worklist on a terminal, types a value for the first credential, and is interrupted at the next question.
fn walk(fleet: &Fleet, name: &str, place: &str) {
    let mut console = Console::start(fleet.fleetvault_command(&["rotate", "--exposed"]));
    console.expect(place);
    console.expect(&format!("value of {name}"));
    console.press("typed-at-a-terminal\n");
    console.expect("the same again");
    console.press("typed-at-a-terminal\n");
    console.expect(&format!("rotated {name}"));
    console.press("\u{3}");
    console.end();
}

#[test]
fn a_worklist_that_was_interrupted_goes_on_where_it_was() {
    let fleet = fleet();
    fleet.fleetvault(&["member", "remove", "dev"]).ok();
    walk(&fleet, "for_all", "1 of 2");
    assert_eq!(
        fleet.expand("rev", "<<secure.for_all>>").ok().out(),
        "typed-at-a-terminal"
    );
    assert_eq!(fleet.expand("rev", "<<secure.for_two>>").ok().out(), "value-of-for-two");
    walk(&fleet, "for_two", "1 of 1");
    // At its end.
    let told = fleet.fleetvault(&["rotate", "--exposed", "--json"]).ok().json();
    assert!(told["commit"].is_null() && told["files"].as_array().unwrap().is_empty());
    assert_eq!(
        fleet.expand("rev", "<<secure.for_two>>").ok().out(),
        "typed-at-a-terminal"
    );
    fleet.fleetvault(&["verify"]).ok();
}
