//! The vault of `tests/golden/version-1`, which the first release wrote and nothing has changed since: what was written once is read, judged and
//! written on by every later version.

use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use crate::support::{Fleet, Run, run};

/// Everything that the vault holds: name, members who may use it, value.
const VALUES: [(&str, &[&str], &[u8]); 9] = [
    ("bytes", &["dev", "rev"], b"\0\x01\xffbytes"),
    ("dev_only", &["dev"], b"for dev, without a network"),
    ("from_bob", &["dev"], b"signed by bob"),
    ("host/token", &["host"], b"for the host"),
    (
        "lines",
        &["dev", "host"],
        "several\nlines, tabs\tand ünïcode\n".as_bytes(),
    ),
    ("prod/db/password", &["dev"], b"for the team"),
    ("shared/first", &MEMBERS, b"for everyone, from the first epoch"),
    ("shared/second", &MEMBERS, b"for everyone, from the second epoch"),
    ("two", &["two-keys"], b"for one with two keys"),
];

const MEMBERS: [&str; 5] = ["alice", "dev", "rev", "host", "two-keys"];

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/version-1")
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        match entry.file_type().unwrap().is_dir() {
            true => copy(&entry.path(), &to),
            false => drop(fs::copy(entry.path(), to).unwrap()),
        }
    }
}

/// The vault in a repository of its own, with alice's keys where hers are.
fn golden() -> Fleet {
    let fleet = Fleet::without_vault();
    copy(&directory().join("vault"), &fleet.vault());
    fleet.git(&["init", "-q"]);
    fleet.git(&["add", "-A"]);
    fleet.git(&["commit", "-q", "-m", "as it was"]);
    let own = fleet.path("alice/fleetvault");
    fs::create_dir_all(&own).unwrap();
    fs::copy(key(&fleet, "alice.txt"), own.join("identity.txt")).unwrap();
    fs::copy(key(&fleet, "alice_signing_key"), own.join("signing_key")).unwrap();
    fleet
}

/// A private key, where nobody else can read it: git does not keep that.
fn key(fleet: &Fleet, name: &str) -> PathBuf {
    let path = fleet.path(name);
    fs::copy(directory().join(name), &path).unwrap();
    fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
    path
}

/// What a member's resolver says to a template, with the keys that the member has now.
fn expand(fleet: &Fleet, member: &str, template: &str) -> Run {
    let file = match member {
        "two-keys" => "two-keys.new.txt".to_owned(),
        "host" => "host_key".to_owned(),
        _ => format!("{member}.txt"),
    };
    let id = fleet.id();
    let mut command = fleet.resolver_command(member, &["--root", &id, "--member", member, "--allow-keeper"]);
    command.arg("expand").arg("--identity").arg(key(fleet, &file));
    run(command, template.as_bytes())
}

#[test]
fn what_the_first_release_wrote_is_read() {
    let fleet = golden();
    let verify = fleet.fleetvault(&["verify"]).ok().out();
    assert!(verify.starts_with("39 files of commit "), "{verify}");
    for (name, members, value) in VALUES {
        assert_eq!(fleet.fleetvault(&["get", name]).ok().stdout, value, "{name}");
        for member in MEMBERS {
            let expanded = expand(&fleet, member, &format!("<<secure.{name}>>"));
            match name {
                _ if !members.contains(&member) => drop(expanded.fails(3).silent()),
                // Policy, which is asked behind the scope.
                "dev_only" | "lines" => drop(expanded.fails(7).silent()),
                _ => assert_eq!(expanded.ok().stdout, value, "{name} for {member}"),
            }
        }
    }
    fleet.fleetvault(&["get", "taken_away"]).fails(4);
    // Who left, and the keys that were given up.
    expand(&fleet, "gone", "<<secure.shared/first>>")
        .fails(6)
        .silent()
        .says("member 'gone' was removed from this vault");
    let mut old = fleet.resolver_command("two-keys", &["expand", "--identity"]);
    old.arg(key(&fleet, "two-keys.txt"));
    run(old, b"<<secure.two>>")
        .fails(6)
        .silent()
        .says("the identity is not a key of member 'two-keys'");
    let anchor = fs::read_to_string(directory().join("two-keys.new.txt")).unwrap();
    assert!(anchor.contains(" root=5@sha256:"), "{anchor}");
}

/// Each kind of file is written again, by the authors of then, and the vault goes on.
#[test]
fn what_the_first_release_wrote_is_written_on() {
    let fleet = golden();
    let plugins = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/plugins");
    let path = format!("{}:{}", plugins.display(), std::env::var("PATH").unwrap());
    let bob = key(&fleet, "bob_signing_key");
    let keygen = ["keygen", "--member", "new", "-o", "new.txt"];
    let recipient = fleet.fleetvault(&keygen).ok().out();
    for args in [
        &["member", "add", "new", "--recipient", recipient.trim(), "--like", "dev"][..],
        &["group", "grant", "team", "rev"],
        &["scope", "shared/first", "--members", "@team"],
        &["touch", "bytes"],
        &["member", "remove", "dev"],
        &["author", "threshold", "1", "--proposal", "root.proposal"],
        &[
            "author",
            "sign",
            "root.proposal",
            "--yes",
            "--signing-key",
            bob.to_str().unwrap(),
        ],
        &["author", "remove", "bob"],
    ] {
        // A grant to `hardware` is sealed by its plugin.
        let mut command = fleet.fleetvault_command(args);
        command.env("PATH", &path);
        run(command, b"").ok();
        fleet.fleetvault(&["verify"]).ok();
    }
    fleet.set("prod/db/password", "value-of-now", "@team");
    let now = expand(&fleet, "rev", "<<secure.prod/db/password>> <<secure.shared/first>>");
    assert_eq!(now.ok().out(), "value-of-now for everyone, from the first epoch");
    fleet.fleetvault(&["author", "list"]).ok().prints("root 7;");
}
