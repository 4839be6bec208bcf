//! Scopes as they are named with `--members`, and as `scope` changes them.

use serde_json::json;

use crate::support::Fleet;

fn fleet() -> Fleet {
    let fleet = Fleet::new();
    fleet.member("fleet-dev");
    fleet.member("fleet-rev");
    fleet
}

fn members(fleet: &Fleet, name: &str) -> serde_json::Value {
    fleet.fleetvault(&["show", name, "--json"]).ok().json()["members"].clone()
}

#[test]
fn blanks_and_several_options_mean_the_same() {
    let fleet = fleet();
    let both = json!(["fleet-dev", "fleet-rev"]);
    for scope in [
        &["--members", "fleet-dev,fleet-rev"][..],
        &["--members", "fleet-rev, fleet-dev"],
        &["--members", " fleet-rev ,, fleet-dev , "],
        &["--members=fleet-rev", "--members", "fleet-dev"],
    ] {
        fleet
            .fleetvault_with(&[&["set", "token"], scope].concat(), b"value-of-token")
            .ok();
        assert_eq!(members(&fleet, "token"), both);
    }
    assert!(
        fleet
            .read("credentials/token.toml")
            .contains("members = [\n  \"fleet-dev\",\n  \"fleet-rev\",\n]\n")
    );
}

#[test]
fn what_is_no_scope_is_refused_before_a_value_is_read() {
    let fleet = fleet();
    let head = fleet.git(&["rev-parse", "HEAD"]);
    let hint = "--members a,b names members, --members '*' means everyone";
    for (scope, code, text, hint) in [
        (
            "",
            1,
            "the scope is empty: name at least one member, or '*' for everyone",
            hint,
        ),
        (" , ", 1, "the scope is empty", hint),
        (
            "fleet-dev,fleet-dev",
            1,
            "'fleet-dev' is named twice in the scope",
            hint,
        ),
        ("*,fleet-dev", 1, "'*' stands alone in a scope", hint),
        ("*,*", 1, "", hint),
        ("@all", 1, "'@all' cannot be part of a scope: write '*'", hint),
        ("@keepers", 1, "'@keepers' cannot be part of a scope", hint),
        ("a b", 1, "\"a b\" is no member name", hint),
        (
            "fleet-dve",
            4,
            "there is no member 'fleet-dve' in this vault",
            "did you mean 'fleet-dev'",
        ),
        (
            "qqqqqqqqq",
            4,
            "there is no member 'qqqqqqqqq'",
            "'fleetvault member list' shows who there is",
        ),
        (
            "fleet-dev,nobody-known",
            4,
            "there is no member 'nobody-known'",
            "hint: ",
        ),
        ("@reviewers", 4, "there is no group 'reviewers' in this vault", ""),
    ] {
        for command in [&["set", "token"][..], &["set", "token", "--branch", "b"]] {
            fleet
                .fleetvault_with(&[command, &["--members", scope]].concat(), b"value-of-token")
                .fails(code)
                .silent()
                .says(&format!("fleetvault: error: {text}"))
                .says(hint);
        }
    }
    assert_eq!(fleet.git(&["rev-parse", "HEAD"]), head);
    assert_eq!(fleet.git(&["branch", "--list", "b"]), "");
}

#[test]
fn adding_dropping_and_replacing() {
    let fleet = fleet();
    fleet.set("token", "value-of-token", "fleet-dev");
    fleet
        .fleetvault(&["scope", "token", "--add", "fleet-rev, alice"])
        .ok()
        .prints("token: fleet-dev → alice, fleet-dev, fleet-rev\n");
    assert_eq!(
        fleet.expand("fleet-rev", "<<secure.token>>").ok().out(),
        "value-of-token"
    );
    fleet
        .fleetvault(&["scope", "token", "--drop", "fleet-dev", "--drop", "alice"])
        .ok()
        .prints("token: alice, fleet-dev, fleet-rev → fleet-rev; alice, fleet-dev may still know its value until it is rotated\n");
    fleet.expand("fleet-dev", "<<secure.token>>").fails(3);
    fleet
        .fleetvault(&["scope", "token", "--add", "fleet-dev", "--drop", "fleet-rev"])
        .ok()
        .prints("token: fleet-rev → fleet-dev; fleet-rev may still know its value until it is rotated\n");
    let before = fleet.fleetvault(&["show", "token", "--json"]).ok().json()["value_set"].clone();
    std::thread::sleep(std::time::Duration::from_millis(1100));
    fleet
        .fleetvault(&["scope", "token", "--members", "*"])
        .ok()
        .prints("token: fleet-dev → everyone, now and later\n");
    assert_eq!(
        fleet.expand("fleet-rev", "<<secure.token>>").ok().out(),
        "value-of-token"
    );
    // The value is the same, and its age with it.
    let after = fleet.fleetvault(&["show", "token", "--json"]).ok().json()["value_set"].clone();
    assert_eq!(before, after);
    assert_eq!(
        fleet.git(&["log", "-1", "--format=%s|%(trailers:only,unfold)"]).trim(),
        "fleetvault: scope token|Fleetvault-Credential: token\nFleetvault-Scope: *"
    );
    fleet.fleetvault(&["verify"]).ok();
}

#[test]
fn several_at_once_are_one_commit() {
    let fleet = fleet();
    for name in ["one", "prod/a", "prod/b", "prod/deep/c", "production"] {
        fleet.set(name, "value-of-this", "fleet-dev");
    }
    let count = || {
        fleet
            .git(&["rev-list", "--count", "HEAD"])
            .trim()
            .parse::<u32>()
            .unwrap()
    };
    let before = count();
    fleet
        .fleetvault(&["scope", "prod/*", "one", "one", "--add", "fleet-rev"])
        .ok()
        .prints("one: fleet-dev → fleet-dev, fleet-rev\nprod/a: fleet-dev → fleet-dev, fleet-rev\nprod/b: ");
    assert_eq!(count(), before + 1);
    let scoped = |name: &str| members(&fleet, name) == json!(["fleet-dev", "fleet-rev"]);
    assert!(scoped("one") && scoped("prod/a") && scoped("prod/b"));
    assert!(!scoped("prod/deep/c") && !scoped("production"));
    // What is that way already is left alone, and the rest is done.
    fleet
        .fleetvault(&["scope", "prod/**", "--add", "fleet-rev"])
        .ok()
        .prints("prod/deep/c: fleet-dev → fleet-dev, fleet-rev\ncommit ");
    assert_eq!(
        fleet.git(&["show", "--name-only", "--format=", "HEAD"]),
        "credentials/prod/deep/c.toml\n"
    );
    fleet.fleetvault(&["scope", "*", "--network", "deny"]).ok();
    assert_eq!(
        fleet.git(&["log", "-1", "--format=%s"]),
        "fleetvault: scope one, production\n"
    );
    fleet.fleetvault(&["scope", "**", "--note", "all of them"]).ok();
    assert_eq!(
        fleet.git(&["log", "-1", "--format=%s"]),
        "fleetvault: scope 5 credentials\n"
    );
    // One that fails, and none is changed.
    let head = fleet.git(&["rev-parse", "HEAD"]);
    fleet
        .fleetvault(&["scope", "one", "nope", "--drop", "fleet-rev"])
        .fails(4);
    fleet
        .fleetvault(&["scope", "one", "production", "--drop", "fleet-rev"])
        .fails(1);
    assert_eq!(fleet.git(&["rev-parse", "HEAD"]), head);
}

#[test]
fn policy_alone() {
    let fleet = fleet();
    fleet.set("token", "value-of-token", "fleet-dev");
    fleet
        .fleetvault(&[
            "scope",
            "token",
            "--network",
            "deny",
            "--expires",
            "2999-01-01",
            "--note",
            "x",
        ])
        .ok()
        .prints("token: network: allow → deny; expires: never → 2999-01-01T00:00:00Z; note changed\n");
    fleet
        .fleetvault(&["scope", "token", "--expires", "never"])
        .ok()
        .prints("token: expires: 2999-01-01T00:00:00Z → never\n");
}

#[test]
fn changes_that_cannot_be() {
    let fleet = fleet();
    fleet.set("token", "value-of-token", "fleet-dev");
    fleet.set("free", "value-of-free", "*");
    let head = fleet.git(&["rev-parse", "HEAD"]);
    let cannot = "cannot be changed like that: ";
    for (args, code, text) in [
        (&["token"][..], 2, "nothing to change was given"),
        (
            &["token"],
            2,
            "--members, --add, --drop, --ttl, --expires, --network or --note",
        ),
        (
            &["token", "--add", "fleet-dev"],
            1,
            "fleetvault: error: nothing would change\n",
        ),
        (&["token", "--members", "fleet-dev"], 1, "nothing would change"),
        (&["token", "--network", "allow"], 1, "nothing would change"),
        (
            &["token", "--drop", "fleet-rev"],
            1,
            &format!("{cannot}'fleet-rev' is not in it"),
        ),
        (
            &["token", "--drop", "fleet-dev"],
            1,
            &format!("{cannot}nobody would be left; remove the credential with 'rm'"),
        ),
        (
            &["free", "--add", "fleet-dev"],
            1,
            &format!("{cannot}it is for everyone ('*'); say whom it is for with --members"),
        ),
        (&["token", "--add", "*"], 2, "'*' cannot be added or dropped"),
        (&["token", "--add", ","], 1, "the scope is empty"),
        (&["token", "--add", "fleet-dve"], 4, "did you mean 'fleet-dev'"),
        (&["token", "--members", "fleet-dve"], 4, "did you mean 'fleet-dev'"),
        (
            &["token", "--members", "*", "--add", "alice"],
            2,
            "cannot be used with '--add <a,b>'",
        ),
        (
            &["tokn", "--add", "alice"],
            4,
            "Credential 'tokn' not found.\nfleetvault: hint: did you mean 'token'",
        ),
        (
            &["none/*", "--add", "alice"],
            4,
            "no credential fits the pattern 'none/*'",
        ),
        (&["to[ken", "--add", "alice"], 2, "'to[ken' is no pattern"),
    ] {
        fleet
            .fleetvault(&[&["scope"], args].concat())
            .fails(code)
            .silent()
            .says(text);
    }
    assert_eq!(fleet.git(&["rev-parse", "HEAD"]), head);
}
