//! New keys of a group, as a reviewer without any key sees them: those that follow when somebody leaves, and those that open something for whoever
//! made them.

use vault_format::{Grant, Group, HolderName, Identity, Parsed, SealedTo, SigningKey};

use crate::{
    authors::with_bob,
    support::{Fleet, Run, run},
    world::{Attack, redrafted, signed, signing_key, world},
};

fn parsed<K: vault_format::Entry>(fleet: &Fleet, path: &str) -> Parsed<K> {
    let place = vault_format::FilePath::parse(path).unwrap();
    Parsed::parse(fleet.read(path).as_bytes(), &place).unwrap_or_else(|error| panic!("{error}"))
}

/// Rewrites a file of the vault as an author would, and commits it.
fn rewrite<K: vault_format::Entry>(
    fleet: &Fleet,
    path: &str,
    (key, author): (&SigningKey, &str),
    change: impl FnOnce(&mut K),
) {
    let next = redrafted(&parsed::<K>(fleet, path), |head| {
        head.serial += 1;
        change(head.body.as_mut().unwrap());
    });
    fleet.forge(path, signed(next, key, author, K::NAMESPACE).as_bytes());
}

/// Puts a group at another epoch, as the one that it is sealed to.
fn at_epoch(group: &mut Group, name: &str, epoch: u64) {
    let mut holders = group.sealed_to.holders().to_vec();
    let own = HolderName::Group(name.parse().unwrap());
    holders
        .iter_mut()
        .filter(|holder| holder.name == own)
        .for_each(|holder| holder.epoch = epoch);
    group.epoch = epoch;
    group.sealed_to = SealedTo::new(holders).unwrap();
}

fn review(fleet: &Fleet) -> Run {
    fleet.fleetvault(&["review", "base"])
}

#[track_caller]
fn tells(fleet: &Fleet, line: &str) {
    let text = review(fleet).out();
    assert!(text.contains(line), "expected {line:?} in\n{text}");
}

#[test]
fn who_leaves_is_told_as_that_and_a_newcomer_beside_it_stands_out() {
    let fleet = world();
    fleet
        .fleetvault(&["group", "add", "team", "fleet-dev", "fleet-rev"])
        .ok();
    fleet.fleetvault(&["rm", "rev_pat"]).ok();
    fleet.member("newcomer");
    fleet.git(&["branch", "base"]);
    fleet.fleetvault(&["member", "remove", "fleet-rev"]).ok();
    let json = fleet.fleetvault(&["review", "base", "--format", "json"]).ok().json();
    let risks = |json: &serde_json::Value| -> Vec<String> {
        let items = json["items"].as_array().unwrap().iter();
        let loud = items.filter(|item| ["widening", "error"].contains(&item["risk"].as_str().unwrap()));
        loud.map(|item| item["path"].as_str().unwrap().to_owned()).collect()
    };
    assert!(risks(&json).is_empty(), "{json}");
    tells(&fleet, "new key, epoch 1 → 2, made by alice");
    tells(&fleet, "member removed");
    fleet.fleetvault(&["group", "grant", "team", "newcomer"]).ok();
    let json = fleet.fleetvault(&["review", "base", "--format", "json"]).ok().json();
    assert_eq!(risks(&json), ["grants/team/newcomer.toml"]);
}

/// An author who is no keeper cannot take a group's keys over unseen: whoever makes new ones knows them.
#[test]
fn new_keys_by_an_author_who_had_none_are_a_widening() {
    let fleet = with_bob();
    fleet.fleetvault(&["group", "add", "team", "fleet-dev"]).ok();
    fleet.git(&["branch", "base"]);
    let bob = signing_key(&fleet.path("bob/fleetvault/signing_key"));
    for name in ["team", "keepers"] {
        let key = Identity::generate();
        rewrite(
            &fleet,
            &format!("groups/{name}.toml"),
            (&bob, "bob"),
            |group: &mut Group| {
                at_epoch(group, name, 2);
                group.recipient = key.recipient().clone();
            },
        );
        tells(
            &fleet,
            "made by bob without having had it: who made it opens what is set from now on",
        );
    }
    // Of what is for everyone he has the key, as everybody does.
    fleet.git(&["reset", "-q", "--hard", "base"]);
    let key = Identity::generate();
    rewrite(&fleet, "groups/all.toml", (&bob, "bob"), |group: &mut Group| {
        at_epoch(group, "all", 2);
        group.recipient = key.recipient().clone();
    });
    tells(&fleet, "new key, epoch 1 → 2, made by bob\n");
}

/// What gives keys back to those who lost them, although serials rise and an author signed.
#[test]
fn epochs_that_go_back_or_bring_nothing_new_are_errors() {
    let fleet = world();
    fleet
        .fleetvault(&["group", "add", "team", "fleet-dev", "fleet-rev"])
        .ok();
    let first: Parsed<Group> = parsed(&fleet, "groups/team.toml");
    let first = first.head().body.clone().unwrap();
    fleet.fleetvault(&["group", "revoke", "team", "fleet-rev"]).ok();
    fleet.git(&["branch", "base"]);
    let alice = fleet.alice();
    let says = |change: &dyn Fn(&mut Group), text: &str| {
        fleet.git(&["reset", "-q", "--hard", "base"]);
        rewrite(&fleet, "groups/team.toml", (&alice, "alice"), |group| change(group));
        review(&fleet).fails(6);
        tells(&fleet, text);
    };
    says(
        &|group| {
            at_epoch(group, "team", 1);
            group.recipient = first.recipient.clone();
        },
        "its epoch goes back: who had lost it opens what is set from now on (2 → 1)",
    );
    says(
        &|group| at_epoch(group, "team", 3),
        "a new epoch with the key of before",
    );
    says(
        &|group| group.recipient = first.recipient.clone(),
        "another key at the same epoch",
    );
    fleet.git(&["reset", "-q", "--hard", "base"]);
    let other = Identity::generate().recipient().clone();
    rewrite(
        &fleet,
        "members/fleet-dev.toml",
        (&alice, "alice"),
        |member: &mut vault_format::Member| member.recipients = vec![other.clone()],
    );
    review(&fleet).fails(6);
    tells(&fleet, "other keys without a higher epoch");
    // A grant under a tombstone is one for somebody new.
    fleet.git(&["reset", "-q", "--hard", "base"]);
    fleet.fleetvault(&["group", "grant", "team", "fleet-rev"]).ok();
    tells(&fleet, "fleet-rev can open what is for @team");
    let grant: Parsed<Grant> = parsed(&fleet, "grants/team/fleet-rev.toml");
    assert_eq!(grant.head().body.as_ref().unwrap().epoch, 2);
}

/// A value that was set by somebody who had not seen the removal opens for who left. Whoever can push adds a line of commits in which it was there
/// before the new epoch began, older than all others by its dates, and merges it: `verify` tells all the same.
#[test]
fn a_line_of_commits_beside_the_others_makes_nothing_older() {
    let fleet = world();
    let id = fleet.id();
    fleet.fleetvault(&["rm", "rev_pat"]).ok();
    let base = fleet.git(&["rev-parse", "HEAD"]).trim().to_owned();
    fleet.git(&["switch", "-q", "-c", "behind"]);
    let mut behind = fleet.fleetvault_command(&["trust", "accept", "--yes", "--root", &id]);
    behind.env("XDG_STATE_HOME", fleet.path("elsewhere"));
    run(behind, b"").ok();
    let mut behind = fleet.fleetvault_command(&["set", "late", "--members", "*"]);
    behind.env("XDG_STATE_HOME", fleet.path("elsewhere"));
    run(behind, b"value-of-late").ok();
    fleet.git(&["switch", "-q", "main"]);
    fleet.fleetvault(&["member", "remove", "fleet-rev"]).ok();
    let removed = fleet.git(&["rev-parse", "HEAD"]).trim().to_owned();
    fleet.git(&["merge", "-q", "--no-edit", "behind"]);
    let stale = "credentials/late.toml: stale: sealed to @all#1";
    fleet.fleetvault(&["verify"]).fails(6).prints(stale);

    let epoch_zero = |args: &[&str]| {
        let mut command = fleet.command("git", "alice");
        command.args(args).current_dir(fleet.vault());
        command.env("GIT_COMMITTER_DATE", "1970-01-02T00:00:00Z");
        run(command, b"").ok();
    };
    fleet.git(&["switch", "-q", "-c", "crafted", &base]);
    fleet.git(&["checkout", "-q", "behind", "--", "credentials/late.toml"]);
    epoch_zero(&["commit", "-q", "-m", "it was there"]);
    fleet.git(&["checkout", "-q", &removed, "--", "groups"]);
    epoch_zero(&["commit", "-q", "-m", "before the epoch began"]);
    fleet.git(&["switch", "-q", "main"]);
    fleet.git(&["merge", "-q", "--no-edit", "-s", "ours", "crafted"]);
    fleet.fleetvault(&["verify"]).fails(6).prints(stale);
    fleet.fleetvault(&["reseal"]).ok();
    fleet.fleetvault(&["verify"]).ok();
}
