//! `kill -9` at any point of `sync`, of it alone and of every git that it has started too, as when a service or a machine ends: HEAD and the host's
//! branch are valid, both repositories are sound, and the same command run again succeeds, with the values of both sides.
//!
//! Some rounds are always run; `KILLS=200 cargo test --test cli killing_sync` runs as many as one likes.

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use crate::{clones::Clones, support::Fleet};

const ROUNDS: u32 = 16;

/// What each side has set, by name.
const VALUES: [(&str, &str); 6] = [
    ("of_a", "value-of-clone-a-here"),
    ("of_a_too", "value-of-clone-a-too"),
    ("of_b", "value-of-clone-b-here"),
    ("of_b_too", "value-of-clone-b-too"),
    ("shared", "value-of-shared-here"),
    ("before", "value-that-was-there-before"),
];

#[test]
fn a_kill_at_any_point_of_a_sync_loses_nothing_of_either_side() {
    let rounds = std::env::var("KILLS").map_or(ROUNDS, |rounds| rounds.parse().unwrap());
    let clones = prepared();
    let mut usual = Duration::from_millis(300);
    let (mut before, mut between, mut after) = (0, 0, 0);
    let start = Instant::now();
    for round in 0..rounds {
        copy(&clones.fleet, true);
        let (head, host) = (clones.head("b"), clones.git("origin.git", &["rev-parse", "main"]));
        // Spread over the whole command by a cheap hash.
        let share = f64::from(round.wrapping_mul(2_654_435_761)) / f64::from(u32::MAX);
        let with_children = round % 2 == 1;
        killed(&clones, usual.mul_f64(share), with_children);
        let what = format!("round {round}, git killed too: {with_children}");
        for (repository, branch) in [("b", "HEAD"), ("origin.git", "main")] {
            clones.git(repository, &["rev-parse", "--verify", &format!("{branch}^{{tree}}")]);
        }
        // What git leaves half received it calls a `tmp_` file and removes itself.
        sound(&clones, "b", &what);
        match (
            clones.head("b") != head,
            clones.git("origin.git", &["rev-parse", "main"]) != host,
        ) {
            (false, false) => before += 1,
            (false, true) => between += 1,
            (true, _) => after += 1,
        }
        let again = Instant::now();
        let done = clones.sync("b", &[]);
        assert_eq!(done.code, 0, "{what}: {}{}", done.out(), done.stderr);
        if clones.head("b") != head && done.out().contains("pushed") {
            usual = again.elapsed().min(Duration::from_secs(2));
        }
        whole(&clones, &what);
    }
    println!(
        "{rounds} kills in {:.0} s: {before} before the push, {between} behind it and before the branch moved, {after} after that",
        start.elapsed().as_secs_f64()
    );
}

#[test]
fn killed_with_its_git_while_files_are_checked_out() {
    for set_first in [false, true] {
        killed_in_the_middle(set_first);
    }
}

/// Files are written, and the index does not follow. The next command is `sync`, or one that knows nothing of it.
fn killed_in_the_middle(set_first: bool) {
    let clones = Clones::new();
    fs::write(clones.fleet.vault().join(".gitattributes"), "NOTES* filter=slow\n").unwrap();
    for (name, text) in [("NOTES-changed", "before\n"), ("NOTES-removed", "before\n")] {
        fs::write(clones.fleet.vault().join(name), text).unwrap();
    }
    clones.fleet.commit_all("notes");
    clones.fleet.git(&["push", "-q"]);
    clones.clone("b");
    clones.git("b", &["config", "filter.slow.smudge", "sleep 1; cat"]);
    for name in ["NOTES-changed", "NOTES-new", "NOTES-newer"] {
        fs::write(clones.fleet.vault().join(name), "after\n").unwrap();
    }
    fs::remove_file(clones.fleet.vault().join("NOTES-removed")).unwrap();
    clones.fleet.commit_all("other notes");
    clones.fleet.git(&["push", "-q"]);
    clones.set("b", "of_b", "value-of-clone-b-here");
    fs::write(clones.path("b").join("UNTRACKED"), "stays\n").unwrap();

    let mut child = clones.command("b", &["sync"]).stdout(Stdio::null()).spawn().unwrap();
    // The next file takes a second.
    let waited = Instant::now();
    while !clones.path("b").join("NOTES-new").exists() {
        assert!(
            waited.elapsed() < Duration::from_secs(30),
            "it never checked anything out"
        );
        std::thread::sleep(Duration::from_millis(5));
    }
    end_all(&mut child);
    assert!(!clones.path("b").join("NOTES-newer").exists());
    if set_first {
        clones.set("b", "first", "a-value-set-before-it");
    }
    clones.sync("b", &[]).ok();
    assert_eq!(clones.git("b", &["status", "--porcelain"]), "?? UNTRACKED");
    assert_eq!(clones.head("b"), clones.git("origin.git", &["rev-parse", "main"]));
    assert_eq!(clones.read("b", "NOTES-new"), "after\n");
    assert!(leftovers(&clones.path("b")).is_empty());
    clones.set("b", "next", "a-value-set-after-it");
    clones.run("b", &["verify"]).ok();
}

#[test]
fn what_a_killed_git_left_over_is_cleared_away_or_named() {
    let clones = Clones::new();
    clones.clone("b");
    let folder = clones.path("b").join(".git/refs/fleetvault");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("incoming.lock"), "").unwrap();
    clones.set("b", "of_b", "value-of-clone-b-here");
    let lock = clones.bare().join("refs/heads/main.lock");
    fs::write(&lock, "").unwrap();
    let waited = Instant::now();
    clones
        .sync("b", &[])
        .fails(1)
        .says("origin takes no push, though nobody else has pushed meanwhile")
        .says("a lock may be left over there");
    assert!(waited.elapsed() < Duration::from_secs(60));
    fs::remove_file(lock).unwrap();
    clones.sync("b", &[]).ok().prints("pushed 1 commit");
    assert!(leftovers(&clones.path("b")).is_empty());
}

/// Two clones with commits of their own, some in the same file, and with a member gone whom the second one does not know to be.
fn prepared() -> Clones {
    let clones = Clones::new();
    for member in ["dev", "rev", "ops", "gone"] {
        clones.fleet.member(member);
    }
    clones.fleet.set("before", "value-that-was-there-before", "*");
    clones.fleet.set("shared", "value-of-shared-here", "dev");
    clones.fleet.git(&["push", "-q"]);
    clones.clone("a");
    clones.clone("b");
    clones.set("a", "of_a", "value-of-clone-a-here");
    clones.run("a", &["scope", "shared", "--add", "rev"]).ok();
    clones.run("a", &["member", "remove", "gone"]).ok();
    clones.set("a", "of_a_too", "value-of-clone-a-too");
    fs::write(clones.path("a").join("NOTES"), "of a\n").unwrap();
    clones.git("a", &["add", "NOTES"]);
    clones.git("a", &["commit", "-q", "-m", "notes"]);
    clones.sync("a", &[]).ok();
    clones.set("b", "of_b", "value-of-clone-b-here");
    clones.run("b", &["scope", "shared", "--add", "ops"]).ok();
    clones.set("b", "of_b_too", "value-of-clone-b-too");
    copy(&clones.fleet, false);
    clones
}

/// Keeps the clone, its memory and the host's repository, or brings them back.
fn copy(fleet: &Fleet, back: bool) {
    for part in ["b", "b-state", "origin.git"] {
        let (here, kept) = (fleet.path(part), fleet.path(&format!("kept-{part}")));
        let (from, to) = if back { (kept, here) } else { (here, kept) };
        let _ = fs::remove_dir_all(&to);
        let copied = Command::new("cp").arg("-a").arg(from).arg(to).status();
        assert!(copied.unwrap().success());
    }
}

fn killed(clones: &Clones, after: Duration, with_children: bool) {
    let mut child = clones
        .command("b", &["sync"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    std::thread::sleep(after);
    let started = descendants(child.id());
    match with_children {
        true => end_all(&mut child),
        false => {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }
    let waited = Instant::now();
    while started.iter().any(|id| is_running(*id)) && waited.elapsed() < Duration::from_secs(20) {
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Ends a process, and everything that it has started.
fn end_all(child: &mut std::process::Child) {
    let started = descendants(child.id());
    child.kill().unwrap();
    let ids = started.iter().map(ToString::to_string);
    // Some have ended by themselves.
    let _ = Command::new("kill").arg("-9").args(ids).stderr(Stdio::null()).status();
    child.wait().unwrap();
}

/// Everything that a process has started, and what that has. What the host runs is not on this machine, elsewhere than in a test.
fn descendants(of: u32) -> Vec<u32> {
    let children = fs::read_to_string(format!("/proc/{of}/task/{of}/children")).unwrap_or_default();
    let children = children.split_whitespace().filter_map(|id| id.parse().ok());
    let here = |id: &u32| {
        let command = fs::read_to_string(format!("/proc/{id}/cmdline")).unwrap_or_default();
        !["receive-pack", "upload-pack"]
            .iter()
            .any(|name| command.contains(name))
    };
    let here = children.filter(here);
    here.flat_map(|id| [vec![id], descendants(id)].concat()).collect()
}

fn is_running(id: u32) -> bool {
    let status = fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
    status
        .rsplit(')')
        .next()
        .and_then(|rest| rest.trim().chars().next())
        .is_some_and(|state| state != 'Z')
}

fn sound(clones: &Clones, repository: &str, what: &str) {
    let fsck = ["fsck", "--full", "--strict", "--no-dangling"];
    let fsck = clones.fleet.git_in(&clones.path(repository), &fsck);
    assert_eq!(
        (fsck.code, fsck.out().as_str()),
        (0, ""),
        "{what}, {repository}: {}",
        fsck.stderr
    );
}

/// Everything as after a sync that nobody disturbed, and the next command works.
fn whole(clones: &Clones, what: &str) {
    assert_eq!(
        clones.head("b"),
        clones.git("origin.git", &["rev-parse", "main"]),
        "{what}"
    );
    assert_eq!(clones.git("b", &["status", "--porcelain"]), "", "{what}");
    assert_eq!(clones.git("b", &["for-each-ref", "refs/fleetvault"]), "", "{what}");
    assert_eq!(clones.read("b", "NOTES"), "of a\n", "{what}");
    sound(clones, "b", what);
    sound(clones, "origin.git", what);
    let left = leftovers(&clones.path("b"));
    assert!(left.is_empty(), "{what}: {left:?}");
    let verify = clones.run("b", &["verify"]);
    assert_eq!(verify.code, 0, "{what}: {}{}", verify.out(), verify.stderr);
    for (name, value) in VALUES {
        assert_eq!(clones.get("b", name), value, "{what}");
    }
    let shown = clones.run("b", &["show", "shared", "--json"]).ok().json();
    assert_eq!(shown["members"], serde_json::json!(["dev", "ops", "rev"]), "{what}");
    clones.set("b", "next", "a-value-set-after-it");
    clones.sync("b", &[]).ok();
}

/// Locks, journals, notes and half-written files of a repository and its work tree.
fn leftovers(directory: &Path) -> Vec<String> {
    let mut left = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let own = directory.ends_with(".git/fleetvault") || directory.ends_with(".git/fleetvault/sync");
        if path.is_dir() {
            left.extend(leftovers(&path));
        } else if name.ends_with(".lock")
            || name.starts_with(".fleetvault-")
            || (own && name != "lock" && !name.ends_with("-at-work"))
        {
            left.push(path.display().to_string());
        }
    }
    left
}
