//! What `sync` does not take over, with HEAD where it was: forged files, rollbacks, rewritten histories that lost something.

use std::fs;

use crate::clones::Clones;

fn pair() -> Clones {
    let clones = Clones::new();
    clones.set_first();
    clones.clone("a");
    clones.clone("b");
    clones
}

impl Clones {
    fn set_first(&self) {
        self.fleet.set("token", "first-value-of-it", "*");
        self.fleet.set("other", "other-value-of-it", "*");
        self.fleet.git(&["push", "-q"]);
    }

    fn push_by_git(&self, clone: &str, message: &str) {
        self.git(clone, &["add", "-A"]);
        self.git(clone, &["commit", "-q", "-m", message]);
        self.git(clone, &["push", "-q"]);
    }
}

#[test]
fn every_forged_file_is_named_and_nothing_is_taken() {
    let clones = pair();
    for name in ["token", "other"] {
        let text = clones.read("a", &format!("credentials/{name}.toml"));
        fs::write(
            clones.path("a").join(format!("credentials/{name}.toml")),
            text.replace("network = \"allow\"", "network = \"deny\""),
        )
        .unwrap();
    }
    clones.push_by_git("a", "forged");
    clones.set("b", "mine", "my-own-value-here");
    let head = clones.head("b");
    let tracking = clones.git("b", &["rev-parse", "origin/main"]);
    clones
        .sync("b", &[])
        .fails(6)
        .says("credentials/token.toml: ")
        .says("credentials/other.toml: ")
        .says("origin/main at ")
        .says("fleetvault review HEAD..");
    assert_eq!(clones.head("b"), head);
    assert_eq!(
        clones.git("b", &["rev-parse", "origin/main"]),
        tracking,
        "nobody reads what was refused"
    );
    clones.assert_clean("b");
}

#[test]
fn what_was_wrong_before_does_not_stop_what_comes_after() {
    let clones = pair();
    fs::write(clones.path("a").join("members/UNKNOWN.txt"), "?\n").unwrap();
    clones.push_by_git("a", "a file that does not belong");
    clones.git("b", &["pull", "-q"]);
    clones.run("b", &["verify"]).fails(6);
    clones.set("a", "more", "some-more-of-values");
    clones.git("a", &["push", "-q"]);
    clones.sync("b", &[]).ok();
    assert_eq!(clones.get("b", "more"), "some-more-of-values");
}

#[test]
fn a_branch_that_was_set_back_is_not_followed_and_what_is_lost_is_said() {
    let clones = pair();
    clones.set("a", "token", "second-value-of-it");
    clones.set("a", "late", "a-late-value-of-it");
    clones.sync("a", &[]).ok();
    clones.sync("b", &[]).ok();
    clones.git("a", &["push", "-q", "--force", "origin", "HEAD~2:main"]);
    let head = clones.head("b");
    for own in [false, true] {
        if own {
            clones.set("b", "mine", "my-own-value-here");
        }
        clones
            .sync("b", &[])
            .fails(6)
            .says("was rewritten: 2 commits that it had are gone from it")
            .says("fleetvault: set late")
            .says("credentials/token.toml: it was rolled back: serial 2")
            .says("credentials/late.toml: it is gone without a tombstone")
            .says("git push --force-with-lease origin HEAD:refs/heads/main");
    }
    assert_eq!(clones.git("b", &["rev-parse", "HEAD~1"]), head);
    // The way out that is named brings everything back.
    clones.git("b", &["fetch", "-q"]);
    clones.git(
        "b",
        &["push", "-q", "--force-with-lease", "origin", "HEAD:refs/heads/main"],
    );
    clones.sync("b", &[]).ok();
    clones.sync("a", &[]).ok();
    assert_eq!(clones.get("a", "mine"), "my-own-value-here");
}

#[test]
fn a_history_that_was_squashed_is_followed_and_old_commits_do_not_come_back() {
    let clones = pair();
    clones.set("a", "one", "value-number-one");
    clones.set("a", "two", "value-number-two");
    clones.sync("a", &[]).ok();
    clones.sync("b", &[]).ok();
    clones.set("b", "mine", "my-own-value-here");
    clones.git("a", &["reset", "-q", "--soft", "HEAD~2"]);
    clones.git("a", &["commit", "-q", "-m", "squashed"]);
    clones.git("a", &["push", "-q", "--force"]);
    clones
        .sync("b", &[])
        .ok()
        .says("was rewritten: 2 commits")
        .prints("pushed 1 commit");
    assert_eq!(
        clones.git("b", &["log", "-2", "--format=%s"]),
        "fleetvault: set mine\nsquashed"
    );
    clones.assert_clean("b");
}

#[test]
fn what_was_made_on_another_branch_or_given_up_stops_nothing_that_comes() {
    let clones = pair();
    clones.git("b", &["switch", "-q", "-c", "work"]);
    clones.set("b", "token", "second-value-of-it");
    clones.set("b", "fresh", "a-fresh-value-of-it");
    clones.git("b", &["switch", "-q", "main"]);
    clones.set("a", "other", "other-value-once-more");
    clones.sync("a", &[]).ok();
    clones
        .sync("b", &[])
        .ok()
        .prints("fetched 1 commit")
        .says("credentials/fresh.toml and 1 more are older here than what this machine has used")
        .says("fleetvault trust accept credentials/fresh.toml credentials/token.toml");
    assert_eq!(clones.get("b", "other"), "other-value-once-more");
    // What depends on them is refused as before, until the branch is merged.
    for name in ["token", "fresh"] {
        clones.run("b", &["get", name]).fails(6).says("was seen here before");
    }
    clones.git("b", &["merge", "-q", "--no-edit", "work"]);
    clones.sync("b", &[]).ok();
    assert_eq!(clones.get("b", "token"), "second-value-of-it");
    assert_eq!(clones.get("b", "fresh"), "a-fresh-value-of-it");
    clones.sync("a", &[]).ok();
    // Given up with git, and with what this machine remembers of it.
    clones.set("b", "token", "third-value-of-it");
    clones.git("b", &["reset", "-q", "--hard", "origin/main"]);
    clones
        .run("b", &["trust", "accept", "credentials/token.toml", "--yes"])
        .ok();
    clones.set("a", "other", "other-value-a-third-time");
    clones.sync("a", &[]).ok();
    let quiet = clones.sync("b", &[]).ok();
    assert!(!quiet.stderr.contains("older"), "{}", quiet.stderr);
}

#[test]
fn floors_count_where_the_branch_does_not() {
    let clones = pair();
    clones.git("b", &["switch", "-q", "-c", "work"]);
    clones.set("b", "token", "second-value-of-it");
    clones.set("b", "token", "third-value-of-it");
    clones.git("b", &["switch", "-q", "main"]);
    clones.set("a", "token", "another-value-of-it");
    clones.sync("a", &[]).ok();
    let head = clones.head("b");
    clones
        .sync("b", &[])
        .fails(6)
        .says("credentials/token.toml: it was rolled back: serial 3 was seen here before, found serial 2")
        .says("fleetvault trust accept credentials/token.toml");
    assert_eq!(clones.head("b"), head);
    // The way out that is named, where a person knows of the other branch.
    clones
        .run("b", &["trust", "accept", "credentials/token.toml", "--yes"])
        .ok();
    clones.sync("b", &[]).ok();
    assert_eq!(clones.get("b", "token"), "another-value-of-it");
}

#[test]
fn own_commits_that_do_not_verify_are_not_pushed() {
    let clones = pair();
    fs::write(clones.path("b").join("credentials/token.toml"), "by hand\n").unwrap();
    clones.git("b", &["commit", "-q", "-a", "-m", "by hand"]);
    let at = clones.git("origin.git", &["rev-parse", "main"]);
    clones
        .sync("b", &[])
        .fails(6)
        .says("credentials/token.toml: ")
        .says("your own commits do not verify");
    assert_eq!(clones.git("origin.git", &["rev-parse", "main"]), at);
}

#[test]
fn another_history_is_none() {
    let clones = pair();
    clones.git("a", &["checkout", "-q", "--orphan", "new"]);
    clones.git("a", &["commit", "-q", "-m", "all new"]);
    clones.git("a", &["push", "-q", "--force", "origin", "new:main"]);
    // Nothing in it is older: where nothing of one's own is to be put behind it, there is no rule about ancestry.
    clones.sync("b", &[]).ok().says("was rewritten");
    assert_eq!(clones.head("b"), clones.head("a"));
}

#[test]
fn a_root_that_cannot_be_read_is_refused_as_all_else_that_came() {
    let clones = pair();
    let head = clones.head("b");
    for (path, text) in [("roots/2.toml", "by hand\n"), ("other/fleetvault.toml", "format = 1\n")] {
        let file = clones.path("a").join(path);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(&file, text).unwrap();
        clones.push_by_git("a", "no root");
        let refused = clones
            .sync("b", &[])
            .fails(6)
            .says(&format!("error: {path}: line "))
            .says("is refused; this branch stays where it is")
            .says("fleetvault review HEAD..");
        assert!(
            !refused.stderr.contains("git restore"),
            "it is not here: {}",
            refused.stderr
        );
        assert_eq!(clones.head("b"), head);
        fs::remove_file(file).unwrap();
        clones.push_by_git("a", "as before");
        clones.git("a", &["push", "-q", "--force", "origin", &format!("{head}:main")]);
        clones.git("a", &["reset", "-q", "--hard", &head]);
    }
    clones.sync("b", &[]).ok();
}

#[test]
fn what_never_was_a_vault_is_no_vault_that_broke() {
    let clones = pair();
    let file = clones.path("a").join("docs/fleetvault.toml");
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(&file, "# an example\n").unwrap();
    clones.push_by_git("a", "an example");
    clones.git("b", &["pull", "-q"]);
    fs::write(&file, "# another example\n").unwrap();
    clones.push_by_git("a", "another example");
    clones.sync("b", &[]).ok();
    fs::remove_file(&file).unwrap();
    clones.push_by_git("a", "none");
    clones.sync("b", &[]).ok();
    assert_eq!(clones.head("b"), clones.head("a"));
}

#[test]
fn what_a_repository_says_to_take_for_a_commit_is_not_taken_for_it() {
    let clones = pair();
    fs::write(clones.path("a").join("NOTES"), "verified\n").unwrap();
    clones.push_by_git("a", "notes");
    clones.git("b", &["fetch", "-q"]);
    // As a mirror brings it, with all references of the host.
    let real = clones.git("b", &["rev-parse", "origin/main"]);
    let tree = clones.git("b", &["rev-parse", "HEAD^{tree}"]);
    let other = clones.git("b", &["commit-tree", "-m", "x", "-p", "HEAD", &tree]);
    clones.git("b", &["replace", &real, &other]);
    clones.sync("b", &[]).ok();
    assert_eq!(clones.head("b"), real);
    assert_eq!(clones.read("b", "NOTES"), "verified\n");
}

/// Somebody was removed and is back by a revert, both in one fetch: between what stood here and what comes nothing differs.
#[test]
fn own_commits_are_not_sealed_to_who_was_removed_and_put_back_meanwhile() {
    for by_git in [false, true] {
        let clones = Clones::new();
        for name in ["dev", "mallory"] {
            clones.fleet.member(name);
        }
        clones.fleet.git(&["push", "-q"]);
        clones.clone("a");
        clones.clone("b");
        clones.set("b", "mine", "my-own-value-here");
        clones.run("a", &["member", "remove", "mallory"]).ok();
        let removal = clones.head("a");
        clones.git("a", &["revert", "--no-edit", "HEAD"]);
        clones.git("a", &["push", "-q"]);
        if by_git {
            clones.git("b", &["pull", "-q", "--rebase"]);
        }
        let head = clones.head("b");
        for args in [&["--dry-run"][..], &[], &[]] {
            clones
                .sync("b", args)
                .fails(6)
                .says("groups/all.toml: it was rolled back: serial 2 was seen here before, found serial 1")
                .says("trust accept groups/all.toml");
        }
        assert_eq!(clones.head("b"), head);
        assert_eq!(
            clones.git("b", &["ls-remote", "origin", "main"])[..40],
            clones.head("a")
        );
        // A vault that is mended is gone on with, and what was set is for who is left.
        clones.git("a", &["checkout", "-q", &removal, "--", "groups", "members", "grants"]);
        clones.push_by_git("a", "bring it back");
        clones
            .sync("b", &[])
            .ok()
            .prints("credentials/mine.toml: sealed to the current keys");
        clones.assert_clean("b");
        assert_eq!(clones.get("b", "mine"), "my-own-value-here");
    }
}

/// A person has looked at it, and wants it so.
#[test]
fn who_was_put_back_can_be_accepted() {
    let clones = Clones::new();
    clones.fleet.member("mallory");
    clones.fleet.git(&["push", "-q"]);
    clones.clone("a");
    clones.clone("b");
    clones.set("b", "mine", "my-own-value-here");
    clones.run("a", &["member", "remove", "mallory"]).ok();
    clones.git("a", &["revert", "--no-edit", "HEAD"]);
    clones.git("a", &["push", "-q"]);
    let refused = clones.sync("b", &[]).fails(6).stderr;
    let accept = { refused.lines() }
        .find_map(|line| line.split_once("fleetvault trust accept "))
        .unwrap()
        .1;
    let accept: Vec<&str> = accept.split(' ').collect();
    clones
        .run("b", &[&["trust", "accept", "--yes"], &accept[..]].concat())
        .ok();
    clones.sync("b", &[]).ok();
    clones.set("b", "more", "more-own-value-here");
    clones.sync("b", &[]).ok().prints("pushed 1 commit");
}
