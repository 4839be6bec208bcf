//! Changes that are to pass a review unseen: behind a move, in another vault of the repository, in trees that no one can read, in a note.

use std::fs;

use vault_format::{Digest, FilePath, Kind, Member, Parsed, Root};

use crate::{
    authors::with_bob,
    support::Fleet,
    world::{Attack, redrafted, signed, world},
};

fn topic(fleet: &Fleet) {
    fleet.git(&["checkout", "-q", "-b", "topic"]);
}

#[test]
fn a_move_of_the_vault_hides_nothing() {
    let fleet = world();
    topic(&fleet);
    fleet.fleetvault(&["scope", "github_pat", "--members", "*"]).ok();
    let text = fleet.read("credentials/rev_pat.toml");
    fleet.forge("credentials/rev_pat.toml", text.replace("serial = 1", "serial = 2"));
    fs::remove_file(fleet.vault().join("credentials/shared_key.toml")).unwrap();
    fs::create_dir(fleet.vault().join("sub")).unwrap();
    for name in ["fleetvault.toml", "credentials", "members", "groups", "grants"] {
        fs::rename(fleet.vault().join(name), fleet.vault().join("sub").join(name)).unwrap();
    }
    fleet.commit_all("moved");
    let refused = fleet.fleetvault(&["-C", "sub", "review", "main"]).fails(6);
    let text = refused.out();
    for part in [
        "the vault moved from the top to sub",
        "fleet-dev → everyone, now and later",
        "its signature by 'alice' does not fit",
        "it is gone without a tombstone: serial 1 was there",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(!text.contains("pub_token"), "what only moved is not told: {text}");
}

#[test]
fn what_the_same_change_does_to_another_vault_is_told() {
    let fleet = Fleet::without_vault();
    fs::create_dir(fleet.vault()).unwrap();
    fleet.git(&["init", "-q", "-b", "main"]);
    for team in ["a", "b"] {
        fleet.fleetvault(&["init", team, "--author", "alice"]).ok();
        let args = ["-C", team, "set", "token", "--members", "alice", "--generate"];
        fleet.fleetvault(&args).ok();
    }
    topic(&fleet);
    fleet.fleetvault(&["-C", "b", "scope", "token", "--members", "*"]).ok();
    let text = fleet.fleetvault(&["-C", "a", "review", "main"]).ok().out();
    assert!(
        text.starts_with("b: token") && text.contains("alice → everyone"),
        "{text}"
    );
    fleet.forge("b/credentials/plain.toml", "value = 1\n");
    let text = fleet.fleetvault(&["-C", "a", "review", "main"]).fails(6).out();
    assert!(
        text.contains("b: plain") && text.contains("not sealed") && !text.contains("a: "),
        "{text}"
    );
    // One that was not there before is judged by nobody but itself.
    fleet.git(&["reset", "-q", "--hard", "main"]);
    let args = ["init", "c", "--author", "alice"];
    fleet.fleetvault(&args).ok();
    let text = fleet.fleetvault(&["-C", "a", "review", "main"]).ok().out();
    assert!(
        text.contains("c: the vault") && text.contains("a new vault, SHA256:"),
        "{text}"
    );
}

/// A commit on HEAD with one more entry at the top.
fn with_tree(fleet: &Fleet, name: &str, tree: &str) -> String {
    let top = fleet.git(&["ls-tree", "HEAD"]) + &format!("040000 tree {tree}\t{name}\n");
    let top = fleet.plumb(&["mktree"], top.as_bytes());
    fleet.plumb(&["commit-tree", "-p", "HEAD", "-m", "planted", &top], b"")
}

#[test]
fn trees_without_end_are_refused_at_once() {
    let fleet = world();
    // A few trees that stand for ten thousand million files.
    let blob = fleet.object(b"x");
    let (mut kind, mut id) = ("100644 blob", blob.clone());
    for _ in 0..10 {
        let tree: String = (0..10).map(|n| format!("{kind} {id}\tn{n}\n")).collect();
        id = fleet.plumb(&["mktree"], tree.as_bytes());
        kind = "040000 tree";
    }
    let many = with_tree(&fleet, "z", &id);
    // Deeper than git reads.
    let path = "credentials/".repeat(4000);
    let import = format!("commit refs/heads/deep\ncommitter a <a> 0 +0000\ndata 0\nM 100644 {blob} {path}a\n\n");
    fleet.plumb(&["fast-import", "--quiet"], import.as_bytes());
    let deep = fleet.git(&["rev-parse", "deep^{tree}"]);
    let deep = with_tree(&fleet, "z", deep.trim());
    let main = fleet.git(&["rev-parse", "main"]);
    for (commit, says) in [
        (many, "the change\" holds more than the 1000000 files"),
        (deep, "is nested too deeply"),
    ] {
        let refused = fleet.fleetvault(&["review", &format!("main..{commit}")]).fails(6);
        refused.says(says);
        let update = format!("{} {commit} refs/heads/main\n", main.trim());
        let args = ["hooks", "check", "--received"];
        fleet.fleetvault_with(&args, update.as_bytes()).fails(6).says(says);
    }
}

#[test]
fn a_secret_in_a_note_is_found() {
    let fleet = world();
    topic(&fleet);
    let note = format!("the same as ghp_{}", "a1B2".repeat(10));
    fleet.fleetvault(&["scope", "github_pat", "--note", &note]).ok();
    let refused = fleet.fleetvault(&["review", "main"]).fails(6);
    assert!(
        refused.out().contains("this looks like a GitHub token in plain text"),
        "{}",
        refused.out()
    );
}

#[test]
fn a_file_that_only_its_signature_changed_is_told() {
    let fleet = world();
    topic(&fleet);
    let path = FilePath::Member("fleet-dev".parse().unwrap());
    let text = fleet.read(&path.to_string());
    let member: Parsed<Member> = Parsed::parse(text.as_bytes(), &path).unwrap();
    let again = redrafted(&member, |head| head.serial += 1);
    let again = signed(again, &fleet.alice(), "alice", Member::NAMESPACE);
    fleet.forge(&path.to_string(), again.as_bytes());
    let text = fleet.fleetvault(&["review", "main"]).ok().out();
    assert!(text.contains("signed again; it says the same"), "{text}");
    // Another epoch under the same keys makes everything stale that is sealed to them.
    let again = redrafted(&again, |head| {
        head.serial += 1;
        head.body.as_mut().unwrap().epoch += 1;
    });
    let again = signed(again, &fleet.alice(), "alice", Member::NAMESPACE);
    fleet.forge(&path.to_string(), again.as_bytes());
    let text = fleet.fleetvault(&["review", "main"]).fails(6).out();
    assert!(text.contains("the same keys at another epoch: 1 → 2"), "{text}");
}

#[test]
fn files_of_an_author_who_goes_are_errors() {
    let fleet = with_bob();
    let mut set = fleet.command(env!("CARGO_BIN_EXE_fleetvault"), "bob");
    set.args(["set", "of_bob", "--members", "fleet-dev", "--generate"])
        .current_dir(fleet.vault());
    crate::support::run(set, b"").ok();
    topic(&fleet);
    let text = fleet.read("roots/2.toml");
    let second: Parsed<Root> = Parsed::parse(text.as_bytes(), &FilePath::Root(2)).unwrap();
    let third = redrafted(&second, |head| {
        head.serial = 3;
        let body = head.body.as_mut().unwrap();
        body.previous = Some(Digest::of(second.signed_bytes()));
        body.authors.retain(|author| author.author.as_str() == "alice");
    });
    let third = signed(third, &fleet.alice(), "alice", Root::NAMESPACE);
    fleet.forge("roots/3.toml", third.as_bytes());
    let refused = fleet.fleetvault(&["review", "main"]).fails(6);
    let text = refused.out();
    assert!(
        text.contains("- author bob") && text.contains("credentials/of_bob.toml"),
        "{text}"
    );
    // Nor does it become good by a commit that claims to be older than his removal.
    let exposure = fleet.fleetvault(&["exposure"]).fails(6);
    exposure
        .says("credentials/of_bob.toml")
        .says("who is no author of this vault");
}

#[test]
fn nobody_hides_from_the_worklist_who_knows_a_value() {
    let hidden = |hide: &dyn Fn(&Fleet), path: &str, says: &str| {
        let fleet = world();
        fleet.fleetvault(&["scope", "shared_key", "--drop", "fleet-rev"]).ok();
        hide(&fleet);
        let exposure = fleet.fleetvault(&["exposure"]).fails(6);
        exposure.says(path).says(says).prints("rotate shared_key: fleet-rev");
        let lost = fleet.fleetvault(&["exposure", "--member", "fleet-rev"]).fails(6);
        assert!(
            lost.out().contains("rev_pat") && lost.out().contains("shared_key"),
            "{}",
            lost.out()
        );
    };
    let path = "credentials/shared_key.toml";
    hidden(
        &|fleet| {
            fs::remove_file(fleet.vault().join(path)).unwrap();
            fleet.commit_all("gone");
        },
        path,
        "it is gone without a tombstone",
    );
    hidden(
        &|fleet| {
            let link = fleet.object(b"members");
            fleet.git(&["rm", "-q", "-r", "--cached", "credentials"]);
            fleet.plant("120000", &link, "credentials");
        },
        path,
        "it is gone without a tombstone",
    );
    // The same contents in another mode.
    hidden(
        &|fleet| {
            let same = fleet.git(&["rev-parse", &format!("HEAD:{path}")]);
            fleet.plant("100755", same.trim(), path);
        },
        path,
        "an executable file, expected a regular file",
    );
}
