//! `sync` where the other side refuses, hangs or breaks off, where there is nothing to sync with, and where it is killed.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    process::Stdio,
    thread::sleep,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};

use crate::{clones::Clones, support::run};

fn pair() -> Clones {
    let clones = Clones::new();
    clones.clone("a");
    clones.clone("b");
    clones
}

/// Writes a program that stands between git and the other side.
fn program(clones: &Clones, name: &str, text: &str) -> String {
    let path = clones.path(name);
    fs::write(&path, text).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn without_an_upstream_there_is_nothing_to_sync_with() {
    let clones = pair();
    clones.git("a", &["branch", "--unset-upstream"]);
    clones
        .sync("a", &[])
        .fails(1)
        .says("the branch 'main' has no upstream")
        .says("git push -u origin main");
    clones.git("a", &["config", "branch.main.remote", "--upload-pack=touch pwned"]);
    clones.git("a", &["config", "branch.main.merge", "refs/heads/main"]);
    clones.sync("a", &[]).fails(1).says("is no name of a remote");
    clones.git("a", &["config", "branch.main.remote", "origin"]);
    clones.git("a", &["config", "branch.main.merge", "refs/heads/main:refs/heads/x"]);
    clones
        .sync("a", &[])
        .fails(1)
        .says("is no name of a remote or of its branch");
    clones.git("a", &["config", "branch.main.remote", "."]);
    clones.git("a", &["config", "branch.main.merge", "refs/heads/main"]);
    clones
        .sync("a", &[])
        .fails(1)
        .says("follows a branch of this repository");
    clones.git("b", &["checkout", "-q", "--detach"]);
    clones
        .sync("b", &[])
        .fails(1)
        .says("HEAD is no branch")
        .says("git switch BRANCH");
    assert!(!clones.path("a").join("pwned").exists());
}

#[test]
fn in_the_middle_of_a_merge_nothing_moves() {
    let clones = pair();
    clones.set("a", "one", "value-number-one");
    clones.git("a", &["switch", "-q", "-c", "side", "HEAD~1"]);
    clones.set("a", "two", "value-number-two");
    clones.git("a", &["switch", "-q", "main"]);
    clones.git("a", &["merge", "-q", "--no-commit", "side"]);
    clones.sync("a", &[]).fails(1).says("in the middle of a merge");
}

#[test]
fn a_remote_that_is_gone_or_refuses_says_why_and_nothing_is_lost() {
    let clones = pair();
    clones.set("a", "token", "first-value-of-it");
    let head = clones.head("a");
    let hook = clones.bare().join("hooks/pre-receive");
    fs::create_dir_all(hook.parent().unwrap()).unwrap();
    program(
        &clones,
        "origin.git/hooks/pre-receive",
        "#!/bin/sh\necho 'only on weekdays' >&2\nexit 1\n",
    );
    clones
        .sync("a", &[])
        .fails(1)
        .says("cannot push to origin: ")
        .says("only on weekdays")
        .says("pre-receive hook declined")
        .says("where that branch takes changes by pull requests alone: git push origin HEAD:refs/heads/NAME");
    assert_eq!(clones.head("a"), head);
    // The way that is named, where it is that branch alone.
    program(
        &clones,
        "origin.git/hooks/pre-receive",
        "#!/bin/sh\n! grep -q ' refs/heads/main$'\n",
    );
    clones.sync("a", &[]).fails(1).says("[remote rejected]");
    clones.git("a", &["push", "-q", "origin", "HEAD:refs/heads/NAME"]);
    fs::remove_file(hook).unwrap();
    fs::rename(clones.bare(), clones.path("away.git")).unwrap();
    clones
        .sync("a", &[])
        .fails(1)
        .says("cannot fetch from origin: ")
        .says("nothing is lost");
    clones.git(
        "a",
        &[
            "remote",
            "set-url",
            "origin",
            "https://bot:hunter2secret@127.0.0.1:1/v.git",
        ],
    );
    let run = clones.sync("a", &[]).fails(1).says("cannot fetch from origin");
    assert!(!run.stderr.contains("hunter2secret"), "{}", run.stderr);
    clones.git(
        "a",
        &["remote", "set-url", "origin", clones.path("away.git").to_str().unwrap()],
    );
    clones.sync("a", &[]).ok().prints("pushed 1 commit");
}

#[test]
fn a_remote_that_hangs_is_given_up_with_all_that_git_started() {
    let clones = pair();
    let pid = clones.path("ssh.pid");
    let ssh = program(
        &clones,
        "ssh",
        &format!("#!/bin/sh\necho $$ > {}\nexec sleep 600\n", pid.display()),
    );
    clones.git("a", &["remote", "set-url", "origin", "ssh://vault.example/v.git"]);
    let started = Instant::now();
    let mut command = clones.command("a", &["sync", "--timeout", "1"]);
    command.env("GIT_SSH", &ssh);
    run(command, b"")
        .fails(1)
        .says("no answer from the other side for 1 seconds")
        .says("--timeout");
    assert!(started.elapsed() < Duration::from_secs(8));
    let pid: i32 = fs::read_to_string(pid).unwrap().trim().parse().unwrap();
    let started = Instant::now();
    while rustix::process::test_kill_process(Pid::from_raw(pid).unwrap()).is_ok() {
        assert!(started.elapsed() < Duration::from_secs(5), "ssh was left behind");
        sleep(Duration::from_millis(20));
    }
    clones.assert_clean("a");
}

#[test]
fn a_push_that_breaks_off_is_lost_or_has_arrived() {
    for (hook, arrives) in [("post-receive", true), ("pre-receive", false)] {
        let clones = pair();
        clones.set("a", "token", "first-value-of-it");
        // The other side dies with its hook, before or after it has moved the branch.
        let path = program(
            &clones,
            &format!("origin.git/hooks/{hook}"),
            "#!/bin/sh\nkill -9 $PPID\n",
        );
        let run = clones.sync("a", &[]);
        let there = clones.git("origin.git", &["rev-parse", "main"]);
        match arrives {
            true => run.ok().prints("pushed 1 commit"),
            false => run.fails(1).says("cannot push to origin"),
        };
        assert_eq!(there == clones.head("a"), arrives);
        fs::remove_file(path).unwrap();
        clones.sync("a", &[]).ok();
        assert_eq!(clones.git("a", &["status", "-sb"]), "## main...origin/main");
        clones.sync("b", &[]).ok();
        assert_eq!(clones.get("b", "token"), "first-value-of-it");
        clones.assert_clean("a");
    }
}

#[test]
fn a_shallow_clone_syncs() {
    let clones = Clones::new();
    for number in 0..4 {
        clones.fleet.set(&format!("c{number}"), "one-of-several-values", "*");
    }
    clones.fleet.git(&["push", "-q"]);
    clones.clone("a");
    clones.clone_with("s", &["--depth", "1"]);
    clones.set("a", "token", "first-value-of-it");
    clones.sync("a", &[]).ok();
    clones.set("s", "mine", "my-own-value-here");
    clones
        .sync("s", &[])
        .ok()
        .prints("fetched 1 commit, rebased 1 commit, pushed 1 commit");
    clones.sync("a", &[]).ok();
    assert_eq!(clones.get("a", "mine"), "my-own-value-here");
    clones.assert_clean("s");
}

#[test]
fn killed_at_any_time_it_succeeds_when_run_again() {
    let clones = pair();
    for round in 0..12 {
        let name = format!("c{round}");
        clones.set("a", &name, "a-value-that-comes");
        clones.set("b", &format!("own{round}"), "a-value-that-goes");
        clones.sync("a", &[]).ok();
        let mut command = clones.command("b", &["sync"]);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        sleep(Duration::from_millis(17 * round));
        let _ = child.kill();
        child.wait().unwrap();
        // What it started may still be at work: it is waited for, or tried again.
        clones.git("b", &["rev-parse", "--verify", "HEAD^{tree}"]);
        clones.sync("b", &[]).ok();
        assert_eq!(clones.get("b", &name), "a-value-that-comes");
        clones.assert_clean("b");
        clones.sync("a", &[]).ok();
    }
    assert_eq!(clones.head("a"), clones.head("b"));
    clones.run("a", &["verify"]).ok();
    clones.run("b", &["get", "own3"]).ok();
}

#[test]
fn killed_after_the_push_it_finds_its_commits_at_the_upstream() {
    let clones = Clones::new();
    for member in ["dev", "rev", "ops"] {
        clones.fleet.member(member);
    }
    clones.fleet.set("token", "shared-value-here", "dev");
    clones.fleet.git(&["push", "-q"]);
    clones.clone("a");
    clones.clone("b");
    clones.run("a", &["scope", "token", "--add", "rev"]).ok();
    clones.sync("a", &[]).ok();
    clones.run("b", &["scope", "token", "--add", "ops"]).ok();
    clones.set("b", "mine", "my-own-value-here");
    // One whose branch is still where it was when what it made of it is pushed.
    let copied = std::process::Command::new("cp")
        .arg("-r")
        .args([clones.path("b"), clones.path("c")])
        .status();
    assert!(copied.unwrap().success());
    clones.sync("b", &[]).ok().prints("pushed 2 commits");
    clones.sync("c", &[]).ok();
    assert_eq!(clones.head("c"), clones.head("b"));
    clones.sync("c", &[]).ok().prints("is up to date");
    clones.assert_clean("c");
}

#[test]
fn files_that_moved_before_the_branch_did_are_put_back() {
    let clones = pair();
    clones.set("a", "token", "first-value-of-it");
    clones.sync("a", &[]).ok();
    // As a kill between the files and the branch leaves it.
    let from = clones.head("b");
    let to = clones.git("b", &["fetch", "-q"]) + &clones.git("b", &["rev-parse", "origin/main"]);
    clones.git("b", &["read-tree", "-m", "-u", &from, &to]);
    fs::create_dir_all(clones.path("b").join(".git/fleetvault/sync")).unwrap();
    fs::write(
        clones.path("b").join(".git/fleetvault/sync/moving"),
        format!("{from} {to}\n"),
    )
    .unwrap();
    // Meanwhile the same file has changed once more.
    clones.set("a", "token", "second-value-of-it");
    clones.sync("a", &[]).ok();
    clones.sync("b", &[]).ok();
    assert_eq!(clones.get("b", "token"), "second-value-of-it");
    assert!(!clones.path("b").join(".git/fleetvault/sync/moving").exists());
    clones.assert_clean("b");
}

#[test]
fn watching_follows_backs_off_and_ends_when_asked() {
    let clones = pair();
    let log = clones.path("log");
    let mut command = clones.command("b", &["sync", "--watch", "1"]);
    let out = fs::File::create(&log).unwrap();
    command
        .stdin(Stdio::null())
        .stdout(out.try_clone().unwrap())
        .stderr(out);
    let mut child = command.spawn().unwrap();
    clones.set("a", "token", "first-value-of-it");
    clones.sync("a", &[]).ok();
    let until = |what: &str, done: &dyn Fn() -> bool| {
        let started = Instant::now();
        while !done() {
            assert!(
                started.elapsed() < Duration::from_secs(20),
                "{what}: {}",
                fs::read_to_string(&log).unwrap()
            );
            sleep(Duration::from_millis(50));
        }
    };
    until("the commit", &|| clones.head("b") == clones.head("a"));
    fs::rename(clones.bare(), clones.path("away.git")).unwrap();
    let failures = || {
        fs::read_to_string(&log)
            .unwrap()
            .matches("cannot fetch from origin")
            .count()
    };
    until("a failure", &|| failures() > 0);
    sleep(Duration::from_millis(2500));
    assert_eq!(failures(), 1, "said once");
    fs::rename(clones.path("away.git"), clones.bare()).unwrap();
    until("all well again", &|| {
        fs::read_to_string(&log).unwrap().contains("is up to date with")
    });
    let started = Instant::now();
    kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
    assert!(child.wait().unwrap().success());
    assert!(started.elapsed() < Duration::from_secs(2));
    clones.assert_clean("b");
}

#[test]
fn the_units_for_systemd_start_what_there_is() {
    let clones = pair();
    clones.clone_with("mirror.git", &["--mirror"]);
    for (unit, installed, clone) in [
        (include_str!("../../hooks/sync/fleetvault-sync@.service"), "%f", "a"),
        (
            include_str!("../../hooks/agents/own-user/fleetvault-mirror.service"),
            "/var/lib/fleetvault-mirror/vault.git",
            "mirror.git",
        ),
    ] {
        let start = unit
            .lines()
            .find_map(|line| line.strip_prefix("ExecStart=/usr/local/bin/fleetvault "));
        let start = start.unwrap().replace(installed, clones.path(clone).to_str().unwrap());
        let args: Vec<&str> = start.split(' ').collect();
        clones.set("b", "token", &format!("a-value-for-{clone}"));
        clones.sync("b", &[]).ok();
        let mut child = clones.command("b", &args).stdout(Stdio::null()).spawn().unwrap();
        let started = Instant::now();
        while clones.head(clone) != clones.head("b") {
            assert!(started.elapsed() < Duration::from_secs(20), "{clone}");
            sleep(Duration::from_millis(50));
        }
        kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
        assert!(child.wait().unwrap().success());
    }
}

#[test]
fn another_sync_is_waited_for() {
    let clones = pair();
    for round in 0..3 {
        clones.set("a", &format!("c{round}"), "a-value-that-comes");
        clones.sync("a", &[]).ok();
        clones.set("b", &format!("own{round}"), "a-value-that-goes");
        let children = [0, 1, 2].map(|_| clones.command("b", &["sync"]).stdout(Stdio::null()).spawn().unwrap());
        for mut child in children {
            assert!(child.wait().unwrap().success());
        }
        clones.assert_clean("b");
        clones.sync("a", &[]).ok();
    }
    assert_eq!(clones.head("a"), clones.head("b"));
}
