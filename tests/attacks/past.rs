//! What an author's machine is told by the history, and in which steps, beside which other commits, somebody with push rights puts back what was
//! over: the machine has learned before, but not that.

use std::io::Write;

use tempfile::TempDir;

use crate::put_back::{on, opens};
use crate::support::Fleet;

/// `mallory` was in the group `ops`. Before and after the loss are tagged.
fn fleet() -> Fleet {
    let fleet = Fleet::new();
    for name in ["dev", "mallory"] {
        fleet.member(name);
    }
    fleet.fleetvault(&["group", "add", "ops", "dev", "mallory"]).ok();
    fleet.git(&["tag", "before"]);
    fleet
}

fn revoke(fleet: &Fleet) {
    fleet.fleetvault(&["group", "revoke", "ops", "mallory"]).ok();
}

fn put_back(fleet: &Fleet) {
    fleet.git(&["checkout", "-q", "before", "--", "groups/ops.toml", "grants/ops"]);
    fleet.commit_all("tidy");
}

fn set(state: &TempDir, fleet: &Fleet, name: &str, scope: &str) -> crate::support::Run {
    on(state, fleet, &["set", name, "--members", scope], "value-that-is-new")
}

#[track_caller]
fn assert_refused(state: &TempDir, fleet: &Fleet) {
    set(state, fleet, "after", "@ops")
        .fails(6)
        .says("groups/ops.toml (commit")
        .says("rolled back");
    assert!(!opens(fleet, "mallory", "after"));
}

#[test]
fn a_file_that_was_gone_or_broken_for_a_while_is_no_new_one() {
    for breaks in [false, true] {
        let fleet = fleet();
        revoke(&fleet);
        match breaks {
            true => fleet.forge("groups/ops.toml", "nonsense"),
            false => {
                fleet.git(&["rm", "-q", "groups/ops.toml"]);
                fleet.commit_all("tidy");
            }
        }
        let state = tempfile::tempdir().unwrap();
        // It stops who needs it, and nobody else.
        set(&state, &fleet, "one", "dev").ok();
        assert_ne!(set(&state, &fleet, "after", "@ops").code, 0);
        put_back(&fleet);
        assert_refused(&state, &fleet);
        set(&state, &fleet, "two", "dev").ok();
    }
}

/// The branch was squashed when it was merged: what the machine has asked last is none of the commits that lead to the present one.
#[test]
fn what_is_put_back_on_another_branch_than_was_asked_last_is_noticed() {
    let fleet = fleet();
    let state = tempfile::tempdir().unwrap();
    set(&state, &fleet, "zero", "@ops").ok();
    fleet.git(&["checkout", "-q", "-b", "feature"]);
    for name in ["one", "two"] {
        set(&state, &fleet, name, "dev").ok();
    }
    fleet.git(&["checkout", "-q", "main"]);
    fleet.git(&["merge", "-q", "--squash", "feature"]);
    fleet.commit_all("feature");
    revoke(&fleet);
    put_back(&fleet);
    assert_refused(&state, &fleet);
    // Accepted once, it is accepted, whatever is asked in between.
    on(&state, &fleet, &["trust", "accept", "--yes", "groups/ops.toml"], "").ok();
    for branch in ["main", "feature", "main"] {
        fleet.git(&["checkout", "-q", branch]);
        set(&state, &fleet, &format!("on_{branch}"), "dev").ok();
        set(&state, &fleet, &format!("for_ops_on_{branch}"), "@ops").ok();
    }
    std::fs::remove_file(noted(&state)).unwrap();
    set(&state, &fleet, "again", "@ops").ok();
    // What comes later is news.
    let files = ["groups/ops.toml", "grants/ops/mallory.toml", "grants/ops/dev.toml"];
    fleet
        .fleetvault(&[&["trust", "accept", "--yes"], &files[..]].concat())
        .ok();
    fleet.git(&["tag", "-f", "before"]);
    revoke(&fleet);
    put_back(&fleet);
    assert_refused(&state, &fleet);
}

/// The note of the commit up to which the history was asked.
fn noted(state: &TempDir) -> std::path::PathBuf {
    fn find(directory: &std::path::Path) -> Option<std::path::PathBuf> {
        std::fs::read_dir(directory).unwrap().find_map(|entry| {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => find(&path),
                false => path.ends_with("learned").then_some(path),
            }
        })
    }
    find(state.path()).expect("a note of what was asked")
}

#[test]
fn a_note_that_names_no_commit_is_none() {
    let fleet = fleet();
    revoke(&fleet);
    put_back(&fleet);
    for note in ["", "nonsense", "HEAD:members", "before^{tree}", "HEAD:fleetvault.toml"] {
        let state = tempfile::tempdir().unwrap();
        set(&state, &fleet, "one", "dev").ok();
        std::fs::remove_dir_all(noted(&state).parent().unwrap().join("groups")).unwrap();
        let text = match note {
            "" | "nonsense" => note.to_owned(),
            object => fleet.git(&["rev-parse", object]),
        };
        std::fs::write(noted(&state), text).unwrap();
        assert_refused(&state, &fleet);
    }
}

/// The same machine has a clone first that lacks commits or contents, and all of the history later.
#[test]
fn what_a_shallow_or_partial_clone_could_not_tell_is_asked_again() {
    let fleet = fleet();
    revoke(&fleet);
    put_back(&fleet);
    fleet.git(&["config", "uploadpack.allowFilter", "true"]);
    let url = format!("file://{}", fleet.vault().display());
    for part in ["--depth=1", "--filter=blob:none"] {
        let state = tempfile::tempdir().unwrap();
        let clone = fleet.path(part);
        let args = ["clone", "-q", part, &url, clone.to_str().unwrap()];
        fleet.git_in(&fleet.path("."), &args).ok();
        let mut command = fleet.fleetvault_command(&["set", "one", "--members", "dev"]);
        command.env("XDG_STATE_HOME", state.path()).current_dir(&clone);
        crate::support::run(command, b"value-of-one").ok();
        assert_refused(&state, &fleet);
    }
}

/// A few small objects that name one another are as many paths as somebody likes, and stay in the history after they were reverted.
#[test]
fn no_number_of_files_beside_the_vaults_own_stops_an_author() {
    let fleet = fleet();
    revoke(&fleet);
    put_back(&fleet);
    let tree = |lines: &str| {
        let mut command = fleet.command("git", "alice");
        command.args(["mktree"]).current_dir(fleet.vault());
        command
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::piped());
        let mut child = command.spawn().unwrap();
        child.stdin.take().unwrap().write_all(lines.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success());
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    };
    let file = fleet.git(&["rev-parse", "HEAD:members/dev.toml"]);
    let many = |line: &dyn Fn(usize) -> String| (0..130).map(line).collect::<String>();
    let mut bomb = tree(&many(&|n| format!("100644 blob {}\tf{n}.toml\n", file.trim())));
    for _ in 0..3 {
        bomb = tree(&many(&|n| format!("040000 tree {bomb}\td{n}\n")));
    }
    let members = fleet.git(&["ls-tree", "HEAD:members"]);
    let members = tree(&format!("{members}040000 tree {bomb}\tzz\n"));
    let top = fleet.git(&["ls-tree", "HEAD"]);
    let top: String = { top.lines() }
        .filter(|line| !line.ends_with("\tmembers"))
        .map(|line| format!("{line}\n"))
        .collect();
    let top = tree(&format!("{top}040000 tree {members}\tmembers\n"));
    let bomb = fleet.git(&["commit-tree", "-p", "HEAD", "-m", "more", &top]);
    let reverted = fleet.git(&["commit-tree", "-p", bomb.trim(), "-m", "less", "HEAD^{tree}"]);
    fleet.git(&["reset", "-q", "--hard", reverted.trim()]);
    let state = tempfile::tempdir().unwrap();
    set(&state, &fleet, "one", "dev").ok();
    assert_refused(&state, &fleet);
}

/// Contents are read once, wherever they stand first.
#[test]
fn what_stands_in_the_wrong_place_first_counts_in_its_own() {
    let fleet = fleet();
    revoke(&fleet);
    let after = fleet.git(&["rev-parse", "HEAD:groups/ops.toml"]);
    put_back(&fleet);
    for path in ["groups/aaa.toml", "members/ops.toml"] {
        fleet.git(&[
            "update-index",
            "--add",
            "--cacheinfo",
            &format!("100644,{},{path}", after.trim()),
        ]);
    }
    fleet.git(&["commit", "-q", "-m", "more"]);
    fleet.git(&["reset", "-q", "--hard"]);
    fleet.git(&["revert", "--no-edit", "HEAD"]);
    assert_refused(&tempfile::tempdir().unwrap(), &fleet);
}
