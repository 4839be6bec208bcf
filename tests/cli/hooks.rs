//! The hooks in real git: what is committed, pushed and shown with them, and how they live beside others.

use std::{fs, os::unix::fs::PermissionsExt, path::PathBuf};

use crate::support::{Fleet, Run};

/// A fleet with the hook for commits.
fn hooked() -> Fleet {
    let fleet = Fleet::new();
    fleet.member("dev");
    fleet.set("token", "value-of-token", "dev");
    fleet.fleetvault(&["hooks", "install"]).ok();
    fleet
}

fn commit(fleet: &Fleet, path: &str, contents: &str) -> Run {
    let file = fleet.vault().join(path);
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(file, contents).unwrap();
    fleet.git(&["add", "-A"]);
    fleet.git_in(&fleet.vault(), &["commit", "-q", "-m", "by hand"])
}

/// A bare repository with the hook for pushes, in which the vault is.
fn served(fleet: &Fleet, hook: &str) -> PathBuf {
    let bare = fleet.path("forge.git");
    fleet.git(&["init", "-q", "--bare", "-b", "main", bare.to_str().unwrap()]);
    fleet.git(&["remote", "add", "origin", bare.to_str().unwrap()]);
    fleet.git(&["push", "-q", "origin", "main"]);
    let args = ["-C", bare.to_str().unwrap(), "hooks", "install", hook];
    fleet.fleetvault(&args).ok().prints(&format!("{hook} installed"));
    bare
}

fn push(fleet: &Fleet, args: &[&str]) -> Run {
    fleet.git_in(&fleet.vault(), &[&["push", "-q", "origin"], args].concat())
}

#[test]
fn what_must_not_be_committed_is_refused_and_anything_else_is_not() {
    let fleet = hooked();
    commit(&fleet, "README.md", "hello\n").ok();
    fleet.fleetvault(&["touch", "token"]).ok();
    let forged = fleet.read("credentials/token.toml").replace("serial = 2", "serial = 3");
    commit(&fleet, "credentials/token.toml", &forged)
        .fails(1)
        .says("not committed: errors in 1 file");
    fleet.git(&["reset", "-q", "--hard"]);
    let plain = commit(&fleet, "credentials/plain.toml", "value = \"s3cret\"\n").fails(1);
    let said = format!("{}{}", plain.out(), plain.stderr);
    assert!(
        said.contains("it is not sealed, and may hold a value in plain text"),
        "{said}"
    );
    fleet.git(&["reset", "-q", "--hard"]);
    let token = format!("key: ghp_{}\n", "a1B2".repeat(10));
    let secret = commit(&fleet, "notes.txt", &token).fails(1);
    assert!(format!("{}{}", secret.out(), secret.stderr).contains("looks like a GitHub token"));
    fleet.git(&["reset", "-q", "--hard"]);
    // Only what is staged counts, also where git makes an index for the one commit.
    fs::write(fleet.vault().join("notes.txt"), &token).unwrap();
    fs::write(fleet.vault().join("README.md"), "more\n").unwrap();
    fleet.git(&["commit", "-q", "-m", "one file", "README.md"]);
    // A vault's own commands go on.
    fleet.set("other", "value-of-other", "dev");
    assert_eq!(
        fleet
            .git(&["fsck", "--unreachable", "--no-reflogs"])
            .lines()
            .filter(|line| line.contains("commit"))
            .count(),
        0
    );
}

#[test]
fn the_first_commit_and_a_vault_below_the_top() {
    let fleet = Fleet::without_vault();
    fs::create_dir(fleet.vault()).unwrap();
    fleet.git(&["init", "-q"]);
    fleet.fleetvault(&["hooks", "install"]).ok();
    commit(&fleet, "a.txt", &format!("glpat-{}\n", "x1".repeat(10))).fails(1);
    fleet.git(&["rm", "-q", "-f", "a.txt"]);
    commit(&fleet, "README.md", "hello\n").ok();
    fleet.fleetvault(&["init", "team/a", "--author", "alice"]).ok();
    let refused = commit(&fleet, "team/a/credentials/x.toml", "x").fails(1);
    assert!(format!("{}{}", refused.out(), refused.stderr).contains("not sealed"));
    fleet.git(&["reset", "-q", "--hard"]);
    commit(&fleet, "team/b/credentials/x.toml", "no vault\n").ok();
}

#[test]
fn a_push_is_judged_before_it_is_accepted() {
    let fleet = hooked();
    fleet.fleetvault(&["hooks", "remove"]).ok();
    let bare = served(&fleet, "pre-receive");
    let tip = || fleet.git_in(&bare, &["rev-parse", "main"]).ok().out();
    fleet.fleetvault(&["touch", "token"]).ok();
    push(&fleet, &["main"]).ok();
    let before = tip();
    // Forged, on the branch and on a new one.
    let forged = fleet.read("credentials/token.toml").replace("serial = 2", "serial = 3");
    fleet.forge("credentials/token.toml", forged);
    push(&fleet, &["main"]).fails(1).says("not accepted: errors in 1 file");
    push(&fleet, &["main:refs/heads/topic"])
        .fails(1)
        .says("refs/heads/topic:");
    assert_eq!(tip(), before);
    fleet.git(&["reset", "-q", "--hard", "HEAD~1"]);
    // A secret that a later commit removes is there all the same.
    fleet.forge("notes.txt", format!("ghp_{}\n", "a1B2".repeat(10)));
    fs::remove_file(fleet.vault().join("notes.txt")).unwrap();
    fleet.commit_all("removed again");
    push(&fleet, &["main"])
        .fails(1)
        .says("this looks like a GitHub token in plain text; a later commit does not undo that");
    fleet.git(&["reset", "-q", "--hard", "HEAD~2"]);
    // What is good passes: a new branch, its rebase, its deletion, a tag.
    fleet.git(&["checkout", "-q", "-b", "topic"]);
    fleet.set("new", "value-of-new", "dev");
    push(&fleet, &["topic"]).ok();
    fleet.git(&["tag", "v1"]);
    push(&fleet, &["v1"]).ok();
    fleet.git(&["commit", "-q", "--amend", "-m", "again"]);
    push(&fleet, &["--force", "topic"]).ok();
    push(&fleet, &[":topic"]).ok();
    // The branch that everybody reads does not go back.
    push(&fleet, &["--force", "main~1:main"])
        .fails(1)
        .says("its serial does not rise: 2 before, 1 now");
    assert_eq!(tip(), before);
}

#[test]
fn the_update_hook_refuses_one_reference_and_a_new_vault_passes() {
    let fleet = Fleet::new();
    let bare = fleet.path("forge.git");
    fleet.git(&["init", "-q", "--bare", "-b", "main", bare.to_str().unwrap()]);
    fleet.git(&["remote", "add", "origin", bare.to_str().unwrap()]);
    fleet
        .fleetvault(&["-C", bare.to_str().unwrap(), "hooks", "install", "update"])
        .ok();
    push(&fleet, &["main"]).ok().says("a new vault, SHA256:");
    fleet.git(&["checkout", "-q", "-b", "bad"]);
    fleet.forge("credentials/plain.toml", "value = 1\n");
    push(&fleet, &["bad", "main:refs/heads/good"])
        .fails(1)
        .says("plain text");
    assert_eq!(
        fleet.git_in(&bare, &["branch", "--format=%(refname:short)"]).out(),
        "good\nmain\n"
    );
}

#[test]
fn what_cannot_be_judged_is_refused() {
    let fleet = hooked();
    fleet
        .fleetvault(&["hooks", "check", "--staged", "--timeout", "0"])
        .fails(1)
        .says("within 0 seconds");
    let line = |new: &str| format!("{} {new} refs/heads/x\n", "0".repeat(40));
    let check = |lines: &str| fleet.fleetvault_with(&["hooks", "check", "--received"], lines.as_bytes());
    check(&line(&"1".repeat(40))).fails(6).says("leads to no commit");
    check("nonsense\n").fails(2).says("expected 'OLD NEW REF'");
    check(&line(&"0".repeat(40))).ok().silent();
    let other = format!("SHA256:{}", "A".repeat(43));
    fleet.fleetvault(&["touch", "token"]).ok();
    let line = format!(
        "{} {} refs/heads/x\n",
        fleet.git(&["rev-parse", "HEAD~1"]).trim(),
        fleet.git(&["rev-parse", "HEAD"]).trim()
    );
    check(&line).ok();
    fleet
        .fleetvault_with(&["--root", &other, "hooks", "check", "--received"], line.as_bytes())
        .fails(6)
        .prints("another vault");
}

#[test]
fn a_log_shows_headers_only() {
    let fleet = hooked();
    fleet.fleetvault(&["scope", "token", "--members", "*"]).ok();
    let text = fleet.git(&["log", "-p", "--", "credentials"]);
    for part in [
        "+serial = 2",
        "-  \"dev\",",
        "+  \"*\",",
        "signed by alice",
        "+sealed payload sha256:",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(
        !text.contains("-----BEGIN") && !text.contains("[[signature]]"),
        "{text}"
    );
    fleet.fleetvault(&["hooks", "remove"]).ok();
    fleet.forge("credentials/odd.toml", "value = \"odd-plain-text\"\n");
    fleet.fleetvault(&["hooks", "install"]).ok();
    let text = fleet.git(&["show"]);
    assert!(
        text.contains("no file of a vault: 25 bytes") && !text.contains("odd-plain-text"),
        "{text}"
    );
}

fn script(path: &std::path::Path, text: &str) {
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn a_hook_that_is_there_is_kept_and_comes_back() {
    let fleet = Fleet::new();
    let hook = fleet.vault().join(".git/hooks/pre-commit");
    fs::create_dir_all(hook.parent().unwrap()).unwrap();
    let own = "#!/bin/sh\necho ran >>ran.txt\n! test -e stop\n";
    script(&hook, own);
    fleet
        .fleetvault(&["hooks", "install"])
        .fails(1)
        .says("there is another pre-commit hook")
        .says("fleetvault hooks check --staged || exit");
    assert_eq!(fs::read_to_string(&hook).unwrap(), own);
    fleet.fleetvault(&["hooks", "install", "--chain", "--dry-run"]).ok();
    assert_eq!(fs::read_to_string(&hook).unwrap(), own);
    fleet
        .fleetvault(&["hooks", "install", "--chain"])
        .ok()
        .prints("called first");
    fleet
        .fleetvault(&["hooks", "install"])
        .ok()
        .prints("pre-commit is installed");
    fleet
        .fleetvault(&["hooks", "status"])
        .ok()
        .prints("after the hook that was there before");
    commit(&fleet, "a.txt", "a\n").ok();
    assert_eq!(fleet.read("ran.txt"), "ran\n");
    commit(&fleet, "stop", "").fails(1);
    fs::remove_file(fleet.vault().join("stop")).unwrap();
    commit(&fleet, "credentials/x.toml", "x\n").fails(1);
    fleet.fleetvault(&["hooks", "remove"]).ok().prints("is back");
    assert_eq!(fs::read_to_string(&hook).unwrap(), own);
    fleet
        .fleetvault(&["hooks", "remove"])
        .ok()
        .prints("there is no hook of fleetvault here");
    let status = fleet.fleetvault(&["hooks", "status", "--json"]).ok().json();
    assert_eq!(
        (&status["hooks"]["pre-commit"], &status["textconv"]),
        (&"other".into(), &serde_json::Value::Null)
    );
}

#[test]
fn other_places_and_programs_that_write_hooks() {
    let fleet = Fleet::new();
    fleet.git(&["config", "core.hooksPath", "my hooks"]);
    fleet.fleetvault(&["hooks", "install"]).ok();
    assert!(fleet.vault().join("my hooks/pre-commit").exists());
    commit(&fleet, "credentials/x.toml", "x\n").fails(1);
    fleet.fleetvault(&["hooks", "remove"]).ok();
    fleet.git(&["config", "--unset", "core.hooksPath"]);
    for (file, part) in [
        (".pre-commit-config.yaml", "language: system"),
        (".husky/pre-commit", ".husky/pre-commit"),
        ("lefthook.yml", "run: fleetvault hooks check --staged"),
    ] {
        let path = fleet.vault().join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, "").unwrap();
        fleet.fleetvault(&["hooks", "install"]).fails(1).says(part);
        fs::remove_file(path).unwrap();
        let _ = fs::remove_dir(fleet.vault().join(".husky"));
    }
    fleet.git(&[
        "config",
        "--global",
        "core.hooksPath",
        fleet.path("shared").to_str().unwrap(),
    ]);
    fleet
        .fleetvault(&["hooks", "install"])
        .fails(1)
        .says("core.hooksPath is set for all repositories");
    assert!(!fleet.path("shared").exists());
}

#[test]
fn linked_work_trees_directories_below_the_top_and_shallow_clones() {
    let fleet = hooked();
    let linked = fleet.path("linked");
    fleet.git(&["worktree", "add", "-q", linked.to_str().unwrap(), "-b", "linked"]);
    fs::write(linked.join("credentials/plain.toml"), "x\n").unwrap();
    fleet.git_in(&linked, &["add", "-A"]).ok();
    fleet.git_in(&linked, &["commit", "-q", "-m", "plain"]).fails(1);
    fleet.git_in(&linked, &["reset", "-q", "--hard"]).ok();
    let below = linked.join("below");
    fs::create_dir(&below).unwrap();
    fs::write(below.join("a.txt"), "a\n").unwrap();
    fleet.git_in(&below, &["add", "a.txt"]).ok();
    fleet.git_in(&below, &["commit", "-q", "-m", "a file"]).ok();
    fs::write(below.join("a.txt"), "b\n").unwrap();
    fleet.git_in(&below, &["commit", "-q", "-a", "-m", "changed"]).ok();
    let bare = served(&fleet, "pre-receive");
    let url = format!("file://{}", bare.display());
    let shallow = fleet.path("shallow");
    fleet.git(&["clone", "-q", "--depth", "1", &url, shallow.to_str().unwrap()]);
    fs::write(shallow.join("a.txt"), "a\n").unwrap();
    fleet.git_in(&shallow, &["add", "-A"]).ok();
    fleet.git_in(&shallow, &["commit", "-q", "-m", "a file"]).ok();
    fleet.git_in(&shallow, &["push", "-q"]).ok();
}
