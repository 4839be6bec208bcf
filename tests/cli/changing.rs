//! `rotate`, `touch` and `rm`.

use crate::support::Fleet;

fn fleet() -> Fleet {
    let fleet = Fleet::new();
    fleet.member("dev");
    fleet.set("one", "value-of-one", "dev");
    fleet.set("two", "value-of-two", "*");
    fleet
}

#[test]
fn rotate_gives_a_new_value_and_keeps_the_rest() {
    let fleet = fleet();
    fleet
        .fleetvault(&["scope", "one", "--network", "deny", "--note", "kept"])
        .ok();
    fleet
        .fleetvault_with(&["rotate", "one"], b"new-value-one\n")
        .ok()
        .prints("rotated one; still for dev\ncommit ");
    assert_eq!(fleet.git(&["log", "-1", "--format=%s"]), "fleetvault: rotate one\n");
    assert_eq!(fleet.fleetvault(&["get", "one"]).ok().out(), "new-value-one");
    let shown = fleet.fleetvault(&["show", "one", "--json"]).ok().json();
    assert_eq!(
        (&shown["network"], &shown["note"], &shown["serial"]),
        (&"deny".into(), &"kept".into(), &3.into())
    );
    fleet
        .fleetvault_with(
            &["rotate", "two", "--ttl", "1y", "--network", "confirm"],
            b"new-value-two",
        )
        .ok()
        .prints("rotated two; still for everyone, now and later\n");
    let shown = fleet.fleetvault(&["show", "two", "--json"]).ok().json();
    assert_eq!(shown["network"], "confirm");
    assert!(shown["expires"].is_string());
}

#[test]
fn several_are_rotated_with_random_values_in_one_commit() {
    let fleet = fleet();
    let before = fleet.git(&["rev-parse", "HEAD"]);
    fleet
        .fleetvault_with(&["rotate", "one", "two"], b"new-value-for-both")
        .fails(2)
        .silent()
        .says("one value cannot be given to several credentials")
        .says("rotate them one by one, or with --generate, or type the values at the prompt");
    fleet
        .fleetvault(&["rotate", "one", "two", "--from-file", "../gitconfig"])
        .fails(2)
        .says("one value cannot be given to several credentials");
    fleet
        .fleetvault(&["rotate", "one", "twoo", "--generate"])
        .fails(4)
        .says("did you mean 'two'");
    assert_eq!(fleet.git(&["rev-parse", "HEAD"]), before);
    // `--generate` alone takes what follows for its number, so it stands last or gets one.
    fleet.fleetvault(&["rotate", "one", "two", "one", "--generate"]).ok();
    assert_eq!(fleet.git(&["rev-parse", "HEAD^"]), before);
    let values = fleet.expand("dev", "<<secure.one>> <<secure.two>>").ok().out();
    let (one, two) = values.split_once(' ').unwrap();
    assert!(one.len() == 32 && two.len() == 32 && one != two, "{values}");
}

#[test]
fn rotate_of_what_is_not_there() {
    let fleet = fleet();
    fleet
        .fleetvault_with(&["rotate", "onee"], b"new-value-one")
        .fails(4)
        .silent()
        .says_exactly("Credential 'onee' not found.\nfleetvault: hint: did you mean 'one'?\n");
    fleet
        .fleetvault_with(&["rotate", "zzzzzzzzzz"], b"new-value-one")
        .fails(4)
        .says("'fleetvault list' shows what there is");
    // A removed one is not there either, and no name to suggest.
    fleet.fleetvault(&["rm", "one"]).ok();
    for args in [
        &["rotate", "one"][..],
        &["rotate", "onee"],
        &["show", "onee"],
        &["get", "onee"],
    ] {
        let run = fleet.fleetvault_with(args, b"new-value-one").fails(4).silent();
        assert!(!run.stderr.contains("'one'?"), "{}", run.stderr);
    }
}

#[test]
fn touch_raises_the_serial_and_nothing_else() {
    let fleet = fleet();
    fleet
        .fleetvault(&["touch", "one", "t*"])
        .ok()
        .prints("touched one, now serial 2\ntouched two, now serial 2\ncommit ");
    assert_eq!(fleet.git(&["log", "-1", "--format=%s"]), "fleetvault: touch one, two\n");
    let header = |commit: &str| {
        let file = fleet.git(&["show", &format!("{commit}:credentials/one.toml")]);
        file.split("\npayload").next().unwrap().to_owned()
    };
    assert_eq!(header("HEAD"), header("HEAD^").replace("serial = 1\n", "serial = 2\n"));
    assert_eq!(fleet.expand("dev", "<<secure.one>>").ok().out(), "value-of-one");
    fleet
        .fleetvault(&["touch", "onee"])
        .fails(4)
        .silent()
        .says("did you mean 'one'?");
    fleet.fleetvault(&["touch"]).fails(2).says("<NAME|GLOB>...");
}

#[test]
fn rm_leaves_a_tombstone() {
    let fleet = fleet();
    fleet
        .fleetvault(&["rm", "one", "t?o"])
        .ok()
        .prints("removed one; it was for dev, who may still know its value\n")
        .prints("removed two; it was for everyone, who may still know its value\ncommit ");
    assert_eq!(fleet.git(&["log", "-1", "--format=%s"]), "fleetvault: rm one, two\n");
    let file = fleet.read("credentials/one.toml");
    assert!(file.contains("removed = true\n") && !file.contains("payload"), "{file}");
    assert_eq!(fleet.fleetvault(&["list"]).ok().out().lines().count(), 1);
    fleet
        .expand("dev", "<<secure.one>>")
        .fails(4)
        .silent()
        .says_exactly("Credential 'one' not found.\nfleetvault: hint: it was removed from the vault\n");
    fleet
        .fleetvault(&["rm", "one"])
        .fails(4)
        .says("Credential 'one' not found.");
    fleet
        .fleetvault(&["rm", "*"])
        .fails(4)
        .says("no credential fits the pattern '*'");
    for args in [
        &["get", "one"][..],
        &["show", "one"],
        &["touch", "one"],
        &["scope", "one", "--add", "dev"],
    ] {
        fleet
            .fleetvault(args)
            .fails(4)
            .silent()
            .says("Credential 'one' not found.");
    }
    fleet.fleetvault(&["verify"]).ok();
}

#[test]
fn an_expired_credential_is_renewed_by_rotating_it() {
    let fleet = fleet();
    fleet.fleetvault(&["scope", "one", "--ttl", "1s"]).ok();
    std::thread::sleep(std::time::Duration::from_secs(2));
    let list = fleet.fleetvault(&["list"]).ok().out();
    assert!(list.contains(" (expired)"), "{list}");
    fleet.fleetvault(&["show", "one"]).ok().prints("Z (expired)\n");
    fleet
        .fleetvault(&["doctor"])
        .ok()
        .prints("risk  one expired on 20")
        .prints("→ fleetvault rotate one --ttl 30d");
    let listed = fleet.resolver("dev", &["list", "--json"], b"").ok().json();
    assert_eq!(listed[0]["expired"], true);
    for command in ["expand", "check"] {
        let refused = fleet.resolver("dev", &[command], b"x <<secure.one>>").fails(5).silent();
        assert!(
            refused.stderr.starts_with("Credential 'one' expired on 20"),
            "{}",
            refused.stderr
        );
        let first = refused.stderr.lines().next().unwrap();
        assert_eq!(first.len(), "Credential 'one' expired on 2026-11-01.".len());
        refused.says(".\nfleetvault: hint: an author can renew it: fleetvault rotate one --ttl 30d\n");
    }
    fleet
        .resolver("dev", &["--json", "expand"], b"<<secure.one>>")
        .fails(5)
        .says(r#"{"code":"expired","message":"Credential 'one' expired on "#)
        .says(r#""credential":"one","member":null,"exit":5}"#);
    // Outside the scope comes first: whether it has expired is not a stranger's business.
    fleet.member("rev");
    fleet.expand("rev", "<<secure.one>>").fails(3);
    for args in [&["rotate", "one"][..], &["set", "one", "--members", "dev"]] {
        fleet
            .fleetvault_with(args, b"new-value-one")
            .fails(1)
            .says("credential 'one' expired on ")
            .says("a new value needs a new expiry")
            .says("say until when: fleetvault rotate one --ttl 30d, or --expires never");
    }
    fleet
        .fleetvault_with(&["rotate", "one", "--ttl", "30d"], b"new-value-one")
        .ok();
    assert_eq!(fleet.expand("dev", "<<secure.one>>").ok().out(), "new-value-one");
}
