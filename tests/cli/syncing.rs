//! `sync` between real clones of one bare repository.

use std::fs;

use crate::{
    clones::Clones,
    support::{Fleet, run},
};

fn pair() -> Clones {
    let clones = Clones::new();
    clones.clone("a");
    clones.clone("b");
    clones
}

#[test]
fn what_one_clone_commits_the_other_gets() {
    let clones = pair();
    clones.set("a", "token", "first-value-of-it");
    clones.sync("a", &[]).ok().prints("pushed 1 commit (origin/main)");
    clones.sync("b", &[]).ok().prints("fetched 1 commit (origin/main)");
    assert_eq!(clones.get("b", "token"), "first-value-of-it");
    assert_eq!(clones.head("a"), clones.head("b"));
    clones.sync("b", &[]).ok().prints("is up to date with origin/main");
    // As people see it with git: nothing ahead, nothing behind.
    assert_eq!(clones.git("b", &["status", "-sb"]), "## main...origin/main");
    assert_eq!(clones.git("a", &["for-each-ref", "refs/fleetvault"]), "");
    clones.assert_clean("b");
}

#[test]
fn own_commits_go_behind_those_of_others_and_stay_who_they_are() {
    let clones = pair();
    clones.set("a", "one", "value-number-one");
    clones.sync("a", &[]).ok();
    clones.set("b", "two", "value-number-two");
    fs::write(clones.path("b").join("NOTES"), "mine\n").unwrap();
    clones.git("b", &["add", "NOTES"]);
    clones.git("b", &["-c", "user.name=Bob", "commit", "-q", "-m", "notes\n\nof mine"]);
    let told = clones.sync("b", &["--json"]).ok().json();
    assert_eq!(
        (&told["fetched"], &told["rebased"], &told["pushed"]),
        (&1.into(), &2.into(), &2.into())
    );
    assert_eq!(
        clones.git("b", &["log", "-1", "--format=%an %cn %B"]).trim(),
        "Bob Alice notes\n\nof mine"
    );
    assert_eq!(clones.git("b", &["log", "--merges", "--oneline"]), "");
    clones.sync("a", &[]).ok();
    assert_eq!(clones.get("a", "two"), "value-number-two");
    assert_eq!(clones.read("a", "NOTES"), "mine\n");
    clones.run("a", &["verify"]).ok();
    clones.assert_clean("a");
    clones.assert_clean("b");
}

#[test]
fn scopes_that_both_sides_changed_become_one() {
    let clones = Clones::new();
    for member in ["dev", "rev", "ops"] {
        clones.fleet.member(member);
    }
    clones.fleet.set("token", "shared-value-here", "dev");
    clones.fleet.git(&["push", "-q"]);
    clones.clone("a");
    clones.clone("b");
    clones.run("a", &["scope", "token", "--add", "rev"]).ok();
    clones.run("b", &["scope", "token", "--add", "ops"]).ok();
    clones.run("b", &["scope", "token", "--network", "deny"]).ok();
    clones.sync("a", &[]).ok();
    clones.sync("b", &[]).ok().prints("credentials/token.toml");
    clones.sync("a", &[]).ok();
    let shown = clones.run("a", &["show", "token", "--json"]).ok().json();
    assert_eq!(shown["members"], serde_json::json!(["dev", "ops", "rev"]));
    assert_eq!(shown["network"], "deny");
    assert_eq!(clones.get("a", "token"), "shared-value-here");
    clones.run("a", &["verify"]).ok();
    clones.assert_clean("b");
}

#[test]
fn two_values_need_a_choice_and_until_then_nothing_changes() {
    let clones = pair();
    clones.set("a", "token", "the-value-of-clone-a");
    clones.sync("a", &[]).ok();
    clones.set("b", "token", "the-value-of-clone-b");
    let head = clones.head("b");
    clones
        .sync("b", &[])
        .fails(7)
        .says("credentials/token.toml: both sides changed it to something else: value")
        .says("fleetvault sync --keep own, or --keep upstream")
        .says("origin/main");
    assert_eq!(clones.head("b"), head);
    clones.assert_clean("b");
    clones.sync("b", &["--keep", "own", "--dry-run"]).ok().prints("dry run");
    assert_eq!(clones.head("b"), head);
    clones.sync("b", &["--keep", "own"]).ok().prints("pushed 1 commit");
    clones.sync("a", &[]).ok();
    assert_eq!(clones.get("a", "token"), "the-value-of-clone-b");

    clones.set("a", "token", "once-more-of-clone-a");
    clones.sync("a", &[]).ok();
    clones.set("b", "token", "once-more-of-clone-b");
    clones.sync("b", &["--keep", "upstream"]).ok();
    assert_eq!(clones.get("b", "token"), "once-more-of-clone-a");
    clones.run("b", &["verify"]).ok();
    clones.assert_clean("b");
}

#[test]
fn changes_that_are_not_committed_stay() {
    let clones = pair();
    fs::write(clones.path("a").join("NOTES"), "committed\n").unwrap();
    fs::write(clones.path("a").join("OTHER"), "committed\n").unwrap();
    clones.git("a", &["add", "-A"]);
    clones.git("a", &["commit", "-q", "-m", "notes"]);
    clones.sync("a", &[]).ok();
    clones.sync("b", &[]).ok();
    clones.set("a", "token", "some-value-in-here");
    clones.sync("a", &[]).ok();

    fs::write(clones.path("b").join("NOTES"), "staged\n").unwrap();
    clones.git("b", &["add", "NOTES"]);
    fs::write(clones.path("b").join("OTHER"), "changed\n").unwrap();
    fs::write(clones.path("b").join("UNTRACKED"), "new\n").unwrap();
    clones.sync("b", &[]).ok();
    assert_eq!(
        clones.fleet.git_in(&clones.path("b"), &["status", "--porcelain"]).out(),
        "M  NOTES\n M OTHER\n?? UNTRACKED\n"
    );

    // In a file that comes, they are in the way: all or nothing.
    fs::write(clones.path("a").join("OTHER"), "newer\n").unwrap();
    clones.git("a", &["commit", "-q", "-a", "-m", "other"]);
    clones.set("a", "second", "another-value-here");
    clones.sync("a", &[]).ok();
    let head = clones.head("b");
    clones
        .sync("b", &[])
        .fails(1)
        .says("cannot change the files of the work tree")
        .says("OTHER")
        .says("commit or undo your changes");
    assert_eq!(clones.head("b"), head);
    assert!(!clones.path("b").join("credentials/second.toml").exists());
    assert_eq!(clones.read("b", "OTHER"), "changed\n");
    clones.git("b", &["restore", "OTHER"]);
    clones.sync("b", &[]).ok();
    assert_eq!(clones.read("b", "NOTES"), "staged\n");
}

#[test]
fn lines_of_other_files_merge_and_conflicts_in_them_are_for_a_person() {
    let clones = pair();
    fs::write(clones.path("a").join("NOTES"), "1\n2\n3\n4\n5\n").unwrap();
    clones.git("a", &["add", "-A"]);
    clones.git("a", &["commit", "-q", "-m", "notes"]);
    clones.sync("a", &[]).ok();
    clones.sync("b", &[]).ok();
    for (clone, text) in [("a", "one\n2\n3\n4\n5\n"), ("b", "1\n2\n3\n4\nfive\n")] {
        fs::write(clones.path(clone).join("NOTES"), text).unwrap();
        clones.git(clone, &["commit", "-q", "-a", "-m", "change"]);
        clones.sync(clone, &[]).ok();
    }
    assert_eq!(clones.read("b", "NOTES"), "one\n2\n3\n4\nfive\n");
    clones.sync("a", &[]).ok();
    for clone in ["a", "b"] {
        fs::write(clones.path(clone).join("NOTES"), format!("{clone}\n")).unwrap();
        clones.git(clone, &["commit", "-q", "-a", "-m", "clash"]);
    }
    clones.sync("a", &[]).ok();
    let head = clones.head("b");
    clones
        .sync("b", &[])
        .fails(1)
        .says("NOTES was changed at origin/main and in your commit")
        .says("git pull --rebase");
    assert_eq!(clones.head("b"), head);
    clones.assert_clean("b");
}

#[test]
fn merge_commits_among_the_own_ones_are_kept() {
    let clones = pair();
    clones.set("a", "one", "value-number-one");
    clones.sync("a", &[]).ok();
    clones.git("b", &["switch", "-q", "-c", "side"]);
    clones.set("b", "two", "value-number-two");
    clones.git("b", &["switch", "-q", "main"]);
    clones.set("b", "three", "value-number-three");
    clones.git("b", &["merge", "-q", "--no-edit", "side"]);
    clones.sync("b", &[]).ok();
    assert_eq!(clones.git("b", &["log", "-1", "--format=%s"]), "Merge origin/main");
    clones.sync("a", &[]).ok();
    for (name, value) in [
        ("one", "value-number-one"),
        ("two", "value-number-two"),
        ("three", "value-number-three"),
    ] {
        assert_eq!(clones.get("a", name), value);
    }
    clones.run("a", &["verify"]).ok();
}

#[test]
fn a_bare_mirror_follows_what_verifies() {
    let clones = pair();
    clones.clone_with("mirror.git", &["--mirror"]);
    clones.set("a", "token", "value-in-the-mirror");
    clones.sync("a", &[]).ok();
    let mut command = clones.command("mirror.git", &["sync"]);
    command.env("GIT_CONFIG_GLOBAL", "/dev/null");
    crate::support::run(command, b"").ok().prints("fetched 1 commit");
    assert_eq!(clones.head("mirror.git"), clones.head("a"));
    // What is no vault of ours any more is not followed.
    clones.git("b", &["pull", "-q"]);
    fs::write(clones.path("b").join("credentials/token.toml"), "forged\n").unwrap();
    clones.git("b", &["commit", "-q", "-a", "-m", "forged"]);
    clones.git("b", &["push", "-q"]);
    let head = clones.head("mirror.git");
    clones
        .sync("mirror.git", &[])
        .fails(6)
        .says("credentials/token.toml: ")
        .says("is refused; this branch stays where it is");
    assert_eq!(clones.head("mirror.git"), head);
}

#[test]
fn who_writes_behind_the_upstream_is_told() {
    let clones = pair();
    clones.set("a", "token", "first-value-of-it");
    clones.sync("a", &[]).ok();
    clones.git("b", &["fetch", "-q"]);
    let run = crate::support::run(clones.command("b", &["set", "other"]), b"another-value-of-it").ok();
    assert_eq!(
        run.stderr
            .lines()
            .filter(|line| line.contains("behind its upstream: 'fleetvault sync' first"))
            .count(),
        1
    );
}

/// A value, a scope and a newcomer of a clone that had not seen a removal: sealed to the keys of now before anybody gets them.
#[test]
fn what_was_sealed_before_a_member_left_is_sealed_anew() {
    let clones = Clones::new();
    for member in ["dev", "rev"] {
        clones.fleet.member(member);
    }
    clones.fleet.set("token", "value-of-token", "rev");
    clones.fleet.git(&["push", "-q"]);
    clones.clone("a");
    clones.clone("b");
    clones.run("a", &["member", "remove", "dev"]).ok();
    clones.sync("a", &[]).ok();
    clones.set("b", "later", "value-of-later");
    clones.run("b", &["scope", "token", "--members", "*"]).ok();
    let new = clones.path("new.txt");
    let key = clones
        .run("b", &["keygen", "--member", "new", "-o", new.to_str().unwrap()])
        .ok()
        .out();
    clones
        .run("b", &["member", "add", "new", "--recipient", key.trim()])
        .ok();
    clones
        .sync("b", &[])
        .ok()
        .prints("credentials/later.toml: sealed to the current keys")
        .prints("grants/all/new.toml: sealed to the current keys")
        .prints("pushed 3 commits");
    clones.run("b", &["verify"]).ok();
    clones.sync("a", &[]).ok();
    assert_eq!(clones.get("a", "later"), "value-of-later");
    let mut resolver = clones.fleet.resolver_command("new", &["expand"]);
    resolver.env("FLEETVAULT_VAULT", clones.bare());
    assert_eq!(
        run(resolver, b"<<secure.later>> <<secure.token>>").ok().out(),
        "value-of-later value-of-token"
    );
    clones.assert_clean("b");
}

/// What a clone that was behind wrote in another vault of the repository is not sealed from here, and goes to nobody.
#[test]
fn what_is_stale_in_another_vault_is_not_pushed() {
    let clones = Clones {
        fleet: Fleet::without_vault(),
    };
    let (fleet, bare) = (&clones.fleet, clones.bare());
    let bare = bare.to_str().unwrap();
    fs::create_dir(fleet.vault()).unwrap();
    fleet.git(&["init", "-q"]);
    for vault in ["mine", "team"] {
        fleet.fleetvault(&["init", vault, "--author", "alice"]).ok();
    }
    fleet.git(&["init", "-q", "--bare", "-b", "main", bare]);
    fleet.git(&["remote", "add", "origin", bare]);
    fleet.git(&["push", "-q", "-u", "origin", "main"]);
    let key = fleet
        .fleetvault(&["keygen", "-o", fleet.identity("dev").to_str().unwrap()])
        .ok()
        .out();
    fleet
        .fleetvault(&["-C", "team", "member", "add", "dev", "--recipient", key.trim()])
        .ok();
    fleet.git(&["push", "-q"]);
    for name in ["a", "b"] {
        clones.clone(name);
        for vault in ["mine", "team"] {
            clones.run(name, &["-C", vault, "trust", "accept", "--yes"]).ok();
        }
    }
    clones.run("a", &["-C", "team", "member", "remove", "dev"]).ok();
    clones.run("a", &["-C", "mine", "sync"]).ok();
    fleet.remember(b"value-of-later");
    run(clones.command("b", &["-C", "team", "set", "later"]), b"value-of-later").ok();
    let (head, upstream) = (clones.head("b"), clones.head("a"));
    clones
        .run("b", &["-C", "mine", "sync"])
        .fails(6)
        .says("team/credentials/later.toml: stale: sealed to @all#1")
        .says("your own commits do not verify, so nothing was pushed");
    assert_eq!(clones.head("b"), head);
    assert_eq!(
        fleet.git(&["ls-remote", "-q", "origin", "main"]).split('\t').next(),
        Some(&*upstream)
    );
    // From that vault it is sealed anew.
    clones
        .run("b", &["-C", "team", "sync"])
        .ok()
        .prints("credentials/later.toml: sealed to the current keys");
    clones.run("b", &["-C", "team", "verify"]).ok();
    clones.assert_clean("b");
}
