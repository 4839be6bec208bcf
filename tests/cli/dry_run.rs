//! `--dry-run` on every command that writes: it says what would happen, and nothing whatsoever is different afterwards.

use std::{collections::BTreeMap, fs, path::Path};

use crate::support::{Fleet, run};

/// A signing key whose private half is nobody's.
const BOB: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOCagTPriDbhpv+sehLE6W0oJiwk2gSBuf/W06qk7wE8";

/// Every file below a directory, with its contents.
fn everything(directory: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut todo = vec![directory.to_owned()];
    while let Some(next) = todo.pop() {
        for entry in fs::read_dir(&next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                found.insert(path.display().to_string(), Vec::new());
                todo.push(path);
            } else {
                found.insert(path.display().to_string(), fs::read(&path).unwrap());
            }
        }
    }
    found
}

#[test]
fn nothing_changes() {
    let fleet = Fleet::new();
    let key = fleet.member("dev");
    fleet.set("one", "value-of-one", "dev");
    fleet.set("two", "value-of-two", "*");
    let other = key.replace("age1", "");
    assert!(!other.is_empty());
    let file = fleet.path("rev.txt");
    let rev = fleet.fleetvault(&["keygen", "-o", file.to_str().unwrap()]).ok().out();
    // Other work in progress, which must not be touched either.
    fs::write(fleet.vault().join("staged"), "staged").unwrap();
    fleet.git(&["add", "staged"]);
    fs::write(fleet.vault().join("untracked"), "untracked").unwrap();
    let before = everything(&fleet.path(""));
    let same = |what: &str| {
        let after = everything(&fleet.path(""));
        let differ: Vec<&String> = before
            .keys()
            .chain(after.keys())
            .filter(|path| before.get(*path) != after.get(*path))
            .collect();
        assert!(differ.is_empty(), "{what}: {differ:?}");
    };
    for (args, summary) in [
        (&["set", "new"][..], "set new for everyone"),
        (&["set", "one", "--members", "*"], "replaced one for everyone"),
        (&["set", "new", "--branch", "b"], "set new for everyone"),
        (&["rotate", "one"], "rotated one; still for dev"),
        (&["scope", "one", "--add", "alice"], "one: dev → alice, dev"),
        (&["touch", "one", "two"], "touched one, now serial 2"),
        (&["rm", "one"], "removed one; "),
        (
            &["member", "add", "rev", "--recipient", rev.trim(), "--like", "dev"],
            "added member rev",
        ),
        (&["author", "add", "bob", "--key", BOB], "+ author bob, SHA256:"),
    ] {
        fleet
            .fleetvault_with(&[args, &["--dry-run"]].concat(), b"value-not-set")
            .ok()
            .prints(summary)
            .prints("dry run, nothing is written; it would say:\n")
            .says_exactly("");
        same(&args.join(" "));
        // It ends as the real one would, without the value.
    }
    let mut command = fleet.fleetvault_command(&["edit", "one", "--dry-run"]);
    command.env("EDITOR", "sed -i s/value/secret/");
    run(command, b"").ok().prints("dry run, nothing is written");
    same("edit");
    fleet
        .fleetvault(&["init", "../sub", "--author", "alice", "--dry-run"])
        .ok()
        .prints("would make a git repository and a vault in ../sub");
    same("init");
    // What would be refused is refused.
    fleet
        .fleetvault_with(&["set", "one", "--dry-run"], b"value-not-set")
        .fails(7);
    fleet
        .fleetvault(&["scope", "one", "--add", "dev", "--dry-run"])
        .fails(1)
        .says("nothing would change");
    fleet.fleetvault(&["rm", "none", "--dry-run"]).fails(4);
    same("what is refused");
}
