//! Names that are none, and names that cannot stand beside others.

use crate::support::Fleet;

const SEGMENT: &str = "only A-Z, a-z, 0-9, '_' and '-' in segments joined by '/'";

#[test]
fn what_is_no_name_is_refused_everywhere() {
    let fleet = Fleet::new();
    let head = fleet.git(&["rev-parse", "HEAD"]);
    let long = "x".repeat(65);
    for (name, rule) in [
        ("", "segments between '/' must not be empty"),
        ("a//b", "segments between '/' must not be empty"),
        ("/a", "segments between '/' must not be empty"),
        ("a/", "segments between '/' must not be empty"),
        ("..", SEGMENT),
        ("../../etc/passwd", SEGMENT),
        ("a b", SEGMENT),
        ("schlüssel", SEGMENT),
        ("a.toml", SEGMENT),
        ("a\\b", SEGMENT),
        ("a\nb", SEGMENT),
        (&long, "a segment has at most 64 characters"),
        ("a/b/c/d/e", "at most four segments joined by '/'"),
    ] {
        fleet
            .fleetvault_with(&["set", name], b"value-of-nothing")
            .fails(2)
            .silent()
            .says("is no credential name: ")
            .says(rule);
    }
    for command in ["get", "show", "edit", "rotate", "scope", "touch", "rm"] {
        let args: &[&str] = if command == "scope" {
            &[command, "a b", "--add", "x"]
        } else {
            &[command, "a b"]
        };
        let run = fleet.fleetvault_with(args, b"value-of-nothing").fails(2).silent();
        run.says("\"a b\" is no credential name");
    }
    assert_eq!(fleet.git(&["rev-parse", "HEAD"]), head);
    assert_eq!(fleet.git(&["status", "--porcelain"]), "");
}

#[test]
fn names_at_the_limits() {
    let fleet = Fleet::new();
    fleet.member("dev");
    let longest = ["x".repeat(64), "y".repeat(64), "z".repeat(64), "0".repeat(64)].join("/");
    for name in ["a", "0", "_", longest.as_str()] {
        fleet.set(name, "value-of-this", "*");
        assert_eq!(
            fleet.expand("dev", &format!("<<secure.{name}>>")).ok().out(),
            "value-of-this"
        );
    }
    // A leading dash is an option, unless it stands after --.
    fleet
        .fleetvault_with(&["set", "-x"], b"value-of-dash")
        .fails(2)
        .says("to pass '-x' as a value, use '-- -x'");
    fleet
        .fleetvault_with(&["set", "--", "-x"], b"value-of-dash")
        .ok()
        .prints("set -x for everyone");
    assert_eq!(fleet.fleetvault(&["get", "--", "-x"]).ok().out(), "value-of-dash");
    assert_eq!(fleet.expand("dev", "<<secure.-x>>").ok().out(), "value-of-dash");
    fleet.fleetvault(&["verify"]).ok();
}

#[test]
fn names_that_a_file_system_or_a_person_would_confuse() {
    let fleet = Fleet::new();
    fleet.set("prod/db", "value-of-db", "*");
    let head = fleet.git(&["rev-parse", "HEAD"]);
    let case = "the names differ only by case";
    let folder = "one would be a file and a folder at once";
    for (name, other, reason) in [
        ("prod/DB", "prod/db", case),
        ("Prod/other", "prod", case),
        ("PROD", "prod", case),
        ("prod", "prod", folder),
        ("prod/db/password", "prod/db", folder),
    ] {
        fleet
            .fleetvault_with(&["set", name], b"value-of-nothing")
            .fails(1)
            .silent()
            .says(&format!("'{name}' cannot stand beside '{other}': {reason}"))
            .says("choose a name that differs in more than case, and is no folder of another");
    }
    assert_eq!(fleet.git(&["rev-parse", "HEAD"]), head);
    fleet.set("prod/other", "value-of-other", "*");
}

#[test]
fn a_private_key_in_place_of_a_name_is_not_repeated() {
    let fleet = Fleet::new();
    let identity = std::fs::read_to_string(fleet.identity("alice")).unwrap();
    let key = identity.lines().last().unwrap();
    let lower = key.to_lowercase();
    for key in [key, &lower, &format!("{key} x")] {
        let done = fleet.fleetvault_with(
            &["set", "token", "--members", &format!("alice,{key}")],
            b"value-of-token",
        );
        assert_ne!(done.code, 0);
        let done = done.says("the private key given is no member name");
        assert!(!done.stderr.to_lowercase().contains(&lower));
    }
}
