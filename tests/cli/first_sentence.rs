//! The sentence this project began with.

use crate::support::Fleet;

#[test]
fn one_both_and_everyone() {
    let fleet = Fleet::new();
    fleet.member("fleet-dev");
    fleet.member("fleet-rev");
    fleet
        .fleetvault_with(&["set", "github_pat", "--members", "fleet-dev"], b"pat-value\n")
        .ok();
    fleet
        .fleetvault_with(
            &["set", "shared_key", "--members", "fleet-dev,fleet-rev"],
            b"key-value\n",
        )
        .ok();
    fleet.fleetvault_with(&["set", "pub_token"], b"pub-value\n").ok();

    let refused = fleet.expand("fleet-rev", "x <<secure.github_pat>>\n").fails(3).silent();
    let first = refused.stderr.lines().next();
    assert_eq!(
        first,
        Some("Credential 'github_pat' is not accessible to member 'fleet-rev'. Allowed: fleet-dev")
    );

    let template = "<<secure.github_pat>> {{secure.shared_key}} <<secure.pub_token>>\n";
    assert_eq!(
        fleet.expand("fleet-dev", template).ok().out(),
        "pat-value key-value pub-value\n"
    );
    assert_eq!(
        fleet
            .expand("fleet-rev", "<<secure.shared_key>> <<secure.pub_token>>")
            .ok()
            .out(),
        "key-value pub-value"
    );

    let list = fleet.fleetvault(&["list"]).ok().out();
    for line in [
        "github_pat  fleet-dev ",
        "shared_key  fleet-dev, fleet-rev ",
        "pub_token   * ",
    ] {
        assert!(list.contains(line), "{line:?} in\n{list}");
    }

    // `set` on an existing name replaces the scope too.
    fleet
        .fleetvault_with(&["set", "github_pat", "--members", "fleet-rev"], b"other-value")
        .ok();
    fleet.expand("fleet-dev", "<<secure.github_pat>>").fails(3).silent();
    assert_eq!(
        fleet.expand("fleet-rev", "<<secure.github_pat>>").ok().out(),
        "other-value"
    );
}

#[test]
fn everyone_includes_members_added_later_and_no_credential_changes() {
    let fleet = Fleet::new();
    fleet.set("pub_token", "pub-value", "*");
    let before = fleet.git(&["rev-parse", "HEAD:credentials"]);
    fleet.member("newcomer");
    assert_eq!(fleet.expand("newcomer", "<<secure.pub_token>>").ok().out(), "pub-value");
    assert_eq!(fleet.git(&["rev-parse", "HEAD:credentials"]), before);
}
