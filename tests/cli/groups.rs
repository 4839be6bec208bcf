//! `group`: who has it, what it opens, and what is left when somebody loses it.

use serde_json::json;

use crate::support::Fleet;

fn fleet() -> Fleet {
    let fleet = Fleet::new();
    for name in ["dev", "rev", "ops"] {
        fleet.member(name);
    }
    fleet
        .fleetvault(&["group", "add", "team", "dev", "rev"])
        .ok()
        .prints("added group team: dev, rev\n");
    fleet.set("team_key", "value-of-team-1", "@team");
    fleet
}

#[test]
fn a_scope_that_names_a_group_reaches_its_members_and_nobody_else() {
    let fleet = fleet();
    for member in ["dev", "rev"] {
        assert_eq!(
            fleet.expand(member, "<<secure.team_key>>").ok().out(),
            "value-of-team-1"
        );
    }
    fleet
        .expand("ops", "<<secure.team_key>>")
        .fails(3)
        .says("Credential 'team_key' is not accessible to member 'ops'. Allowed: @team");
    let shown = fleet.fleetvault(&["group", "show", "team", "--json"]).ok().json();
    assert_eq!(shown["members"], json!(["dev", "rev"]));
    assert_eq!(shown["credentials"], json!(["team_key"]));
    let list = fleet.fleetvault(&["group", "list"]).ok().out();
    assert!(list.contains("team     1      dev, rev"), "{list}");
    assert!(list.contains("keepers  1      alice"), "{list}");
}

#[test]
fn a_grant_is_one_file_and_opens_what_was_set_before() {
    let fleet = fleet();
    fleet.fleetvault(&["group", "grant", "team", "ops"]).ok();
    let changed = fleet.git(&["show", "--format=", "--name-status", "HEAD"]);
    assert_eq!(changed.trim(), "A\tgrants/team/ops.toml");
    assert_eq!(fleet.expand("ops", "<<secure.team_key>>").ok().out(), "value-of-team-1");
    fleet
        .fleetvault(&["group", "grant", "team", "ops"])
        .fails(1)
        .says("nothing would change");
    fleet.fleetvault(&["verify"]).ok();
}

#[test]
fn who_lost_a_group_opens_nothing_of_it_and_those_who_stay_everything() {
    let fleet = fleet();
    let told = fleet
        .fleetvault(&["group", "revoke", "team", "dev", "--json"])
        .ok()
        .json();
    assert_eq!(told["rotate"], json!(["team_key"]));
    assert_eq!(
        told["files"],
        json!(["grants/team/dev.toml", "grants/team/rev.toml", "groups/team.toml"])
    );
    fleet.expand("dev", "<<secure.team_key>>").fails(3);
    assert_eq!(fleet.expand("rev", "<<secure.team_key>>").ok().out(), "value-of-team-1");
    fleet.fleetvault(&["verify"]).ok();
    let shown = fleet.fleetvault(&["group", "show", "team"]).ok().out();
    assert!(shown.contains("epoch        2\nmembers      rev\n"), "{shown}");
    fleet
        .fleetvault(&["rotate", "--exposed", "--generate"])
        .ok()
        .prints("rotated team_key; still for @team\n");
    fleet.expand("rev", "<<secure.team_key>>").ok();
    fleet
        .fleetvault(&["group", "revoke", "team", "dev"])
        .fails(1)
        .says("member 'dev' does not have the group 'team'");
    // Given back, it opens everything again.
    fleet.fleetvault(&["group", "grant", "team", "dev"]).ok();
    fleet.expand("dev", "<<secure.team_key>>").ok();
    fleet.fleetvault(&["verify"]).ok();
}

#[test]
fn a_keeper_that_goes_takes_the_keys_of_all_groups_along() {
    let fleet = fleet();
    fleet
        .fleetvault(&["group", "grant", "keepers", "ops"])
        .ok()
        .prints("ops is a keeper now");
    fleet
        .fleetvault(&["group", "revoke", "keepers", "ops"])
        .ok()
        .prints("group keepers has new keys, epoch 2, for the one who stays\n")
        .prints("group all has new keys, epoch 2, for 4 who stay\n")
        .prints("group team has new keys, epoch 2, for 2 who stay\n")
        .prints("  team_key\n");
    fleet.fleetvault(&["verify"]).ok();
    fleet
        .fleetvault(&["review", "HEAD~2..HEAD"])
        .ok()
        .prints("routine   a tombstone, where nothing was before\n");
    // Alice opens what was sealed to the keepers of before, and what is sealed to those of now.
    assert_eq!(fleet.fleetvault(&["get", "team_key"]).ok().out(), "value-of-team-1");
    fleet.set("later", "value-of-later", "@team");
    assert_eq!(
        fleet.expand("dev", "<<secure.later>> <<secure.team_key>>").ok().out(),
        "value-of-later value-of-team-1"
    );
    fleet
        .fleetvault(&["group", "revoke", "keepers", "alice"])
        .fails(1)
        .says("the last keeper cannot go");
}

#[test]
fn a_group_goes_when_no_scope_names_it_and_its_name_with_it() {
    let fleet = fleet();
    fleet
        .fleetvault(&["group", "remove", "team"])
        .fails(1)
        .says("group 'team' is named by team_key")
        .says("fleetvault scope NAME --drop @team");
    fleet.fleetvault(&["scope", "team_key", "--members", "dev"]).ok();
    fleet.fleetvault(&["group", "remove", "team"]).ok();
    fleet.fleetvault(&["verify"]).ok();
    fleet.fleetvault(&["group", "show", "team"]).fails(4);
    fleet
        .fleetvault(&["group", "add", "team", "ops"])
        .fails(1)
        .says("which was removed");
    fleet
        .fleetvault_with(&["set", "x", "--members", "@team"], b"value-of-x")
        .fails(4)
        .says("there is no group 'team'")
        .says("'fleetvault group list' shows which there are");
}

#[test]
fn groups_that_cannot_be_are_refused() {
    let fleet = fleet();
    let before = fleet.git(&["rev-parse", "HEAD"]);
    for (args, code, text) in [
        (&["group", "add", "team"][..], 1, "group 'team' exists already"),
        (&["group", "add", "TEAM"], 1, "the names differ only by case"),
        (&["group", "add", "all"], 1, "group 'all' exists already"),
        (&["group", "add", "other", "nobody"], 4, "there is no member 'nobody'"),
        (&["group", "grant", "nothing", "dev"], 4, "there is no group 'nothing'"),
        (&["group", "grant", "team", "deb"], 4, "did you mean 'dev'?"),
        (
            &["group", "revoke", "all", "dev"],
            1,
            "every member has the group 'all'",
        ),
        (&["group", "remove", "all"], 1, "one that every vault has"),
        (&["group", "remove", "keepers"], 1, "one that every vault has"),
        (&["group", "add", "../x"], 2, "../x"),
    ] {
        fleet.fleetvault(args).fails(code).silent().says(text);
    }
    assert_eq!(fleet.git(&["rev-parse", "HEAD"]), before);
}
