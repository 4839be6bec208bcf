//! `set`: a new credential, a replaced one, its policy, and what would widen a scope silently.

use serde_json::json;

use crate::support::Fleet;

fn shown(fleet: &Fleet, name: &str) -> serde_json::Value {
    fleet.fleetvault(&["show", name, "--json"]).ok().json()
}

#[test]
fn set_says_what_it_did_and_so_does_the_commit() {
    let fleet = Fleet::new();
    fleet.member("dev");
    fleet
        .fleetvault_with(&["set", "prod/db", "--members", "dev,alice"], b"value-of-db")
        .ok()
        .prints("set prod/db for alice, dev\ncommit ")
        .prints(" on main\n");
    assert_eq!(
        fleet.git(&["log", "-1", "--format=%s|%(trailers:only,unfold)"]).trim(),
        "fleetvault: set prod/db|Fleetvault-Credential: prod/db\nFleetvault-Scope: alice, dev"
    );
    assert_eq!(
        fleet.git(&["show", "--name-status", "--format=", "HEAD"]),
        "A\tcredentials/prod/db.toml\n"
    );
    fleet
        .fleetvault_with(&["set", "prod/db", "--members", "dev"], b"other-value")
        .ok()
        .prints("replaced prod/db for dev\n");
    assert_eq!(shown(&fleet, "prod/db")["serial"], 2);
    assert!(!fleet.read("credentials/prod/db.toml").contains("other-value"));
    fleet
        .fleetvault_with(&["set", "free"], b"value-of-free")
        .ok()
        .prints("set free for everyone, now and later\n");
}

#[test]
fn a_scope_is_never_widened_silently() {
    let fleet = Fleet::new();
    fleet.member("dev");
    fleet.set("token", "value-of-token", "dev");
    let head = fleet.git(&["rev-parse", "HEAD"]);
    fleet
        .fleetvault_with(&["set", "token"], b"other-value")
        .fails(7)
        .silent()
        .says_exactly(
            "fleetvault: error: credential 'token' exists for dev only; setting it without --members would widen it to everyone\n\
             fleetvault: hint: to keep the scope: fleetvault rotate token\n\
             fleetvault: hint: to widen it: fleetvault set token --members '*'\n\
             fleetvault: hint: to name it: fleetvault set token --members dev\n",
        );
    assert_eq!(fleet.git(&["rev-parse", "HEAD"]), head);
    // Each of the three does what it says.
    fleet.fleetvault_with(&["rotate", "token"], b"value-two").ok();
    assert_eq!(shown(&fleet, "token")["members"], json!(["dev"]));
    fleet
        .fleetvault_with(&["set", "token", "--members", "dev"], b"value-three")
        .ok();
    assert_eq!(shown(&fleet, "token")["members"], json!(["dev"]));
    fleet
        .fleetvault_with(&["set", "token", "--members", "*"], b"value-four")
        .ok();
    assert_eq!(shown(&fleet, "token")["members"], json!(["*"]));
    // For everyone it stays so.
    fleet.fleetvault_with(&["set", "token"], b"value-five").ok();
    assert_eq!(shown(&fleet, "token")["members"], json!(["*"]));
    // On a branch of its own as well.
    fleet.set("token", "value-six", "dev");
    fleet
        .fleetvault_with(&["set", "token", "--branch", "b"], b"value-seven")
        .fails(7)
        .says("would widen it");
    fleet
        .fleetvault_with(&["set", "token", "--json"], b"value-eight")
        .fails(7)
        .says(r#"{"code":"would_widen","message":"credential 'token' exists for dev only"#)
        .says(r#""credential":"token","member":null,"exit":7}"#);
}

#[test]
fn policy_is_set_and_kept_by_what_does_not_name_it() {
    let fleet = Fleet::new();
    fleet.member("dev");
    let policy = ["--ttl", "30d", "--network", "deny", "--note", "CI token, read-only"];
    fleet
        .fleetvault_with(
            &[&["set", "token", "--members", "dev"], &policy[..]].concat(),
            b"value-of-token",
        )
        .ok();
    let first = shown(&fleet, "token");
    assert_eq!(first["network"], "deny");
    assert_eq!(first["note"], "CI token, read-only");
    assert_eq!(first["expired"], false);
    assert_eq!(first["sealed_to"], json!(["@keepers#1", "dev#1"]));
    let expires = first["expires"].as_str().unwrap();
    assert!(expires.len() == 20 && expires.ends_with('Z'), "{expires}");
    fleet.set("token", "other-value", "dev");
    let second = shown(&fleet, "token");
    for key in ["network", "note", "expires"] {
        assert_eq!(first[key], second[key], "{key}");
    }
    let other = ["--expires", "2999-01-01", "--network", "confirm", "--note", ""];
    fleet
        .fleetvault_with(
            &[&["set", "token", "--members", "dev"], &other[..]].concat(),
            b"third-value",
        )
        .ok();
    let third = shown(&fleet, "token");
    assert_eq!(third["expires"], "2999-01-01T00:00:00Z");
    assert_eq!((&third["network"], &third["note"]), (&json!("confirm"), &json!(null)));
    fleet
        .fleetvault_with(
            &["set", "token", "--members", "dev", "--expires", "2999-01-01T10:11:12Z"],
            b"fourth-value",
        )
        .ok();
    assert_eq!(shown(&fleet, "token")["expires"], "2999-01-01T10:11:12Z");
    fleet
        .fleetvault_with(
            &["set", "token", "--members", "dev", "--expires", "never"],
            b"fifth-value",
        )
        .ok();
    assert_eq!(shown(&fleet, "token")["expires"], json!(null));
    fleet.fleetvault(&["verify"]).ok();
}

#[test]
fn policy_that_is_none() {
    let fleet = Fleet::new();
    let head = fleet.git(&["rev-parse", "HEAD"]);
    for (policy, code, text) in [
        (
            &["--ttl", "3"][..],
            2,
            "'3' is no duration: write 90m, 12h, 30d, 2w or 1y",
        ),
        (&["--ttl", "-3d"], 2, "tip: to pass '-3' as a value"),
        (&["--ttl=-3d"], 2, "'-3d' must be longer than nothing"),
        (&["--ttl", "0d"], 2, "'0d' must be longer than nothing"),
        (
            &["--expires", "tomorrow"],
            2,
            "'tomorrow' is no date: write 2027-01-01 or 2027-01-01T00:00:00Z",
        ),
        (&["--expires", "2027-02-30"], 2, "'2027-02-30' is no date"),
        (
            &["--expires", "2020-01-01"],
            1,
            "the expiry 2020-01-01T00:00:00Z is in the past",
        ),
        (
            &["--ttl", "3d", "--expires", "never"],
            2,
            "'--ttl <TIME>' cannot be used with '--expires <DATE|never>'",
        ),
        (&["--network", "maybe"], 2, "network must be allow, confirm or deny"),
        (&["--note", "a\nb"], 1, "note must be one line of 1 to 500 characters"),
        (
            &["--note", "\u{202e}"],
            1,
            "without control or bidirectional characters",
        ),
    ] {
        let args = [&["set", "token"], policy].concat();
        fleet
            .fleetvault_with(&args, b"value-of-token")
            .fails(code)
            .silent()
            .says(text);
    }
    assert_eq!(fleet.git(&["rev-parse", "HEAD"]), head);
}

#[test]
fn a_removed_name_can_be_set_again() {
    let fleet = Fleet::new();
    fleet.member("dev");
    fleet.set("token", "value-of-token", "dev");
    fleet.fleetvault(&["rm", "token"]).ok();
    fleet
        .fleetvault_with(&["set", "token", "--members", "dev"], b"another-value")
        .ok()
        .prints("set token for dev\n");
    // Its serial goes on, so that no old file can take its place.
    assert_eq!(shown(&fleet, "token")["serial"], 3);
    assert_eq!(fleet.expand("dev", "<<secure.token>>").ok().out(), "another-value");
}
