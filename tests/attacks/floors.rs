//! A host that serves an old or forked history, against a machine that remembers, and against one that does not.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    process::{Command, Stdio},
    thread,
};

use vault_format::{Credential, FilePath, Kind, Parsed};

use crate::{
    support::{Fleet, run},
    world::{ALL, Attack, BOTH, DEV, clean, memory, redrafted, signed, world},
};

const PATH: &str = "credentials/github_pat.toml";

fn head(fleet: &Fleet) -> String {
    fleet.git(&["rev-parse", "HEAD"]).trim().to_owned()
}

fn floor(fleet: &Fleet, member: &str, path: &str) -> Option<String> {
    let state = fleet.path(&format!("{member}-state"));
    let found = memory(&state).into_iter().find(|(file, _)| file.ends_with(path));
    found.map(|(_, text)| String::from_utf8(text).unwrap())
}

/// `fleetvault` with a member's own state, as on that member's machine.
fn as_member(fleet: &Fleet, member: &str, args: &[&str]) -> crate::support::Run {
    let mut command = fleet.command(env!("CARGO_BIN_EXE_fleetvault"), member);
    command.args(args).current_dir(fleet.vault());
    run(command, b"")
}

#[test]
fn an_old_file_is_refused_where_the_new_one_was_used() {
    let fleet = world();
    let old = head(&fleet);
    let old_text = fleet.read(PATH);
    fleet.set("github_pat", "s3cr3t-new", "fleet-dev");
    let new = head(&fleet);
    fleet.gets("fleet-dev", &[("github_pat", "s3cr3t-new"), ("shared_key", BOTH)]);
    let rolled = || {
        let run = fleet
            .refused("fleet-dev", "github_pat", 6)
            .says(&format!("{PATH} (commit "));
        run.says("serial 2 was seen here before, found serial 1")
            .says(&format!("trust accept {PATH}"));
        fleet.gets("fleet-dev", &[("shared_key", BOTH), ("pub_token", ALL)]);
    };
    fleet.forge(PATH, &old_text);
    rolled();
    fleet.finds_nothing();
    fleet.git(&["reset", "-q", "--hard", &new]);
    fleet.git(&["revert", "--no-edit", "HEAD"]);
    rolled();
    fleet.git(&["reset", "-q", "--hard", &old]);
    rolled();
    fleet.git(&["checkout", "-q", "--detach", &old]);
    rolled();
    let args = ["expand", "--ref", &old];
    clean(
        fleet
            .resolver("fleet-dev", &args, b"<<secure.github_pat>>")
            .fails(6)
            .silent(),
    );
    // Who never saw the new one cannot know: that is the honest limit of a machine without memory.
    let mut fresh = fleet.resolver_command("fleet-dev", &["expand"]);
    fresh.env("XDG_STATE_HOME", fleet.path("another-machine"));
    assert_eq!(run(fresh, b"<<secure.github_pat>>").ok().out(), DEV);
    // Accepted on purpose, on this machine.
    let refused = as_member(&fleet, "fleet-dev", &["trust", "accept", PATH]);
    clean(refused.fails(7).silent()).says("--yes");
    rolled();
    as_member(&fleet, "fleet-dev", &["trust", "accept", PATH, "--yes"]).ok();
    fleet.gets("fleet-dev", &[("github_pat", DEV)]);
}

#[test]
fn touch_overtakes_a_rollback_that_is_wanted() {
    let fleet = world();
    for value in ["s3cr3t-2", "s3cr3t-3", "s3cr3t-4"] {
        fleet.set("github_pat", value, "fleet-dev");
    }
    fleet.gets("fleet-dev", &[("github_pat", "s3cr3t-4")]);
    fleet.git(&["revert", "--no-edit", "HEAD", "HEAD~1"]);
    fleet
        .refused("fleet-dev", "github_pat", 6)
        .says("serial 4 was seen here before, found serial 2");
    // The author's machine remembers as well. A pattern must not bless what nobody looked at; the name does.
    clean(fleet.fleetvault(&["touch", "*"]).fails(6).silent()).says(PATH);
    let touched = clean(fleet.fleetvault(&["touch", "github_pat"]).ok());
    assert!(
        touched.out().contains("touched github_pat, now serial 5"),
        "{}",
        touched.out()
    );
    fleet.gets("fleet-dev", &[("github_pat", "s3cr3t-2")]);
}

#[test]
fn a_file_that_is_gone_is_refused_where_it_was_used_and_rm_makes_it_final() {
    let fleet = world();
    fleet.gets("fleet-dev", &[("github_pat", DEV)]);
    fleet.git(&["rm", "-q", PATH]);
    fleet.git(&["commit", "-q", "-m", "gone"]);
    let run = fleet
        .refused("fleet-dev", "github_pat", 6)
        .says(&format!("{PATH} (commit "));
    run.says("gone without a tombstone: serial 1 was seen here before")
        .says("fleetvault rm");
    fleet.gets("fleet-dev", &[("shared_key", BOTH)]);
    let mut fresh = fleet.resolver_command("fleet-dev", &["expand"]);
    fresh.env("XDG_STATE_HOME", fleet.path("another-machine"));
    clean(crate::support::run(fresh, b"<<secure.github_pat>>").fails(4).silent());
    fleet.fleetvault(&["rm", "github_pat"]).ok();
    fleet.finds_nothing();
    fleet.refused("fleet-dev", "github_pat", 4).says("removed");
    // The other way out.
    let fleet = world();
    fleet.gets("fleet-dev", &[("github_pat", DEV)]);
    fleet.git(&["rm", "-q", PATH]);
    fleet.git(&["commit", "-q", "-m", "gone"]);
    as_member(&fleet, "fleet-dev", &["trust", "accept", PATH, "--yes"]).ok();
    fleet.refused("fleet-dev", "github_pat", 4);
}

#[test]
fn what_was_removed_or_taken_away_does_not_come_back() {
    let fleet = world();
    let text = fleet.read(PATH);
    fleet.gets("fleet-dev", &[("github_pat", DEV)]);
    fleet.fleetvault(&["rm", "github_pat"]).ok();
    fleet.refused("fleet-dev", "github_pat", 4);
    fleet.forge(PATH, &text);
    fleet
        .refused("fleet-dev", "github_pat", 6)
        .says("serial 2 was seen here before, found serial 1");
    // Out of the scope, and back in by an old file.
    let fleet = world();
    let text = fleet.read("credentials/shared_key.toml");
    fleet.gets("fleet-rev", &[("shared_key", BOTH)]);
    fleet
        .fleetvault(&["scope", "shared_key", "--members", "fleet-dev"])
        .ok();
    fleet.refused("fleet-rev", "shared_key", 3);
    fleet.forge("credentials/shared_key.toml", &text);
    fleet
        .refused("fleet-rev", "shared_key", 6)
        .says("serial 2 was seen here before, found serial 1");
}

#[test]
fn the_same_serial_with_other_contents_is_refused() {
    let fleet = world();
    fleet.gets("fleet-dev", &[("github_pat", DEV)]);
    let noted = redrafted(&fleet.credential("github_pat"), |head| {
        head.body.as_mut().unwrap().note = Some("fork".into())
    });
    fleet.forge(
        PATH,
        signed(noted, &fleet.alice(), "alice", Credential::NAMESPACE).as_bytes(),
    );
    fleet
        .refused("fleet-dev", "github_pat", 6)
        .says("same serial, other contents");
}

#[test]
fn old_members_and_old_grants_are_refused() {
    fn newer<K: Kind>(fleet: &Fleet, path: &str) -> String {
        let place = FilePath::parse(path).unwrap();
        let file: Parsed<K> = Parsed::parse(fleet.read(path).as_bytes(), &place).unwrap_or_else(|e| panic!("{e}"));
        let old = fleet.read(path);
        let next = redrafted(&file, |head| head.serial += 1);
        fleet.forge(path, signed(next, &fleet.alice(), "alice", K::NAMESPACE).as_bytes());
        old
    }
    let fleet = world();
    let old = newer::<vault_format::Member>(&fleet, "members/fleet-dev.toml");
    fleet.gets("fleet-dev", &[("github_pat", DEV)]);
    fleet.forge("members/fleet-dev.toml", old);
    fleet
        .refused("fleet-dev", "github_pat", 6)
        .says("members/fleet-dev.toml (commit ")
        .says("serial 2 was seen");
    fleet.gets("fleet-rev", &[("shared_key", BOTH), ("pub_token", ALL)]);

    let fleet = world();
    fleet.gets("fleet-dev", &[("pub_token", ALL)]);
    let removed = {
        let place = FilePath::parse("grants/all/fleet-dev.toml").unwrap();
        let file: Parsed<vault_format::Grant> =
            Parsed::parse(fleet.read("grants/all/fleet-dev.toml").as_bytes(), &place).unwrap();
        let mut head = file.head().clone();
        head.serial = 2;
        head.body = None;
        signed(
            vault_format::Draft::plain(head).unwrap(),
            &fleet.alice(),
            "alice",
            "fleetvault-grant-v1",
        )
    };
    let old = fleet.read("grants/all/fleet-dev.toml");
    fleet.forge("grants/all/fleet-dev.toml", removed.as_bytes());
    fleet
        .refused("fleet-dev", "pub_token", 6)
        .says("none of its keys opens it");
    fleet.gets("fleet-dev", &[("github_pat", DEV)]);
    // A run that ended with 6 leaves no memory, so the old grant is still taken: its key was known anyway.
    fleet.forge("grants/all/fleet-dev.toml", old);
    fleet.gets("fleet-dev", &[("pub_token", ALL)]);
}

#[test]
fn a_refused_run_remembers_nothing() {
    let fleet = world();
    fleet.set("shared_key", "s3cr3t-newer", "fleet-dev,fleet-rev");
    fleet.forge(PATH, "nonsense");
    let mixed = "<<secure.shared_key>> <<secure.github_pat>>";
    let before = memory(&fleet.path("fleet-dev-state"));
    clean(fleet.expand("fleet-dev", mixed).fails(6).silent());
    clean(
        fleet
            .expand("fleet-dev", "<<secure.shared_key | nofilter>>")
            .fails(1)
            .silent(),
    );
    assert!(memory(&fleet.path("fleet-dev-state")) == before);
    assert_eq!(floor(&fleet, "fleet-dev", "credentials/shared_key.toml"), None);
    fleet.gets("fleet-dev", &[("shared_key", "s3cr3t-newer")]);
    assert!(
        floor(&fleet, "fleet-dev", "credentials/shared_key.toml")
            .unwrap()
            .starts_with("2 sha256:")
    );
    assert_eq!(floor(&fleet, "fleet-dev", PATH), None);
}

#[test]
fn what_git_does_every_day_is_not_refused() {
    let fleet = world();
    fleet.set("github_pat", "s3cr3t-new", "fleet-dev");
    fleet.gets("fleet-dev", &[("github_pat", "s3cr3t-new"), ("pub_token", ALL)]);
    let still = || fleet.gets("fleet-dev", &[("github_pat", "s3cr3t-new"), ("pub_token", ALL)]);
    fleet.git(&["commit", "-q", "--amend", "-m", "other words"]);
    still();
    fleet.git(&["switch", "-q", "-c", "same"]);
    still();
    fleet.git(&["switch", "-q", "-c", "work", "HEAD"]);
    fleet.set("fresh", "s3cr3t-fresh", "fleet-dev");
    fleet.gets("fleet-dev", &[("fresh", "s3cr3t-fresh")]);
    fleet.git(&["switch", "-q", "main"]);
    fleet.forge("README.md", "x");
    fleet.git(&["merge", "-q", "--squash", "work"]);
    fleet.git(&["commit", "-q", "-m", "squashed"]);
    still();
    fleet.git(&["rebase", "-q", "--force-rebase", "--root"]);
    still();
    fleet.gets("fleet-dev", &[("fresh", "s3cr3t-fresh")]);
    let shallow = fleet.path("shallow");
    let url = format!("file://{}", fleet.vault().display());
    fleet.git(&["clone", "-q", "--depth", "1", &url, shallow.to_str().unwrap()]);
    let args = ["expand", "--vault", shallow.to_str().unwrap()];
    assert_eq!(
        fleet.resolver("fleet-dev", &args, b"<<secure.github_pat>>").ok().out(),
        "s3cr3t-new"
    );
}

#[test]
fn a_memory_that_is_damaged_refuses_and_one_that_cannot_be_written_is_said() {
    let fleet = world();
    fleet.gets("fleet-dev", &[("github_pat", DEV), ("shared_key", BOTH)]);
    let state = fleet.path("fleet-dev-state");
    let file = memory(&state).into_keys().find(|path| path.ends_with(PATH)).unwrap();
    let good = fs::read(&file).unwrap();
    for bad in [
        &b""[..],
        b"x",
        b"1",
        b"1 sha256:00\n",
        b"-1 sha256:",
        b"\xff\xff",
        &[b'9'; 100],
    ] {
        fs::write(&file, bad).unwrap();
        fleet
            .refused("fleet-dev", "github_pat", 6)
            .says("floor file")
            .says("or remove it to forget this floor");
        fleet.gets("fleet-dev", &[("shared_key", BOTH)]);
    }
    fs::remove_file(&file).unwrap();
    fs::create_dir(&file).unwrap();
    fleet.refused("fleet-dev", "github_pat", 6).says("floor file");
    fs::remove_dir(&file).unwrap();
    fs::write(&file, good).unwrap();
    fleet.gets("fleet-dev", &[("github_pat", DEV)]);
    // Not writable: a file where the directory must be stops root as well.
    let blocked = fleet.path("blocked");
    fs::write(&blocked, "").unwrap();
    for broken in [blocked.join("state"), "/proc/nowhere".into()] {
        let mut command = fleet.resolver_command("fleet-dev", &["expand"]);
        command.env("XDG_STATE_HOME", broken);
        let run = run(command, b"<<secure.github_pat>>")
            .ok()
            .says("warning")
            .says("older files would not be noticed");
        assert_eq!(run.out(), DEV);
    }
    // Nowhere to remember at all is said, too: an environment must not switch floors off in silence.
    let mut command = fleet.resolver_command("fleet-dev", &["expand"]);
    command.env("XDG_STATE_HOME", "relative").env("HOME", "relative");
    let run = run(command, b"<<secure.github_pat>>")
        .ok()
        .says("warning")
        .says("older files would not be noticed");
    assert_eq!(run.out(), DEV);
}

#[test]
fn many_at_once_leave_one_valid_memory() {
    let fleet = world();
    fleet.set("github_pat", "s3cr3t-new", "fleet-dev");
    thread::scope(|scope| {
        for round in 0..8 {
            let fleet = &fleet;
            scope.spawn(move || {
                for _ in 0..3 {
                    let names = [("github_pat", "s3cr3t-new"), ("shared_key", BOTH), ("pub_token", ALL)];
                    fleet.gets("fleet-dev", &names[round % 3..=round % 3]);
                }
            });
        }
    });
    for (file, text) in memory(&fleet.path("fleet-dev-state")) {
        let text = String::from_utf8(text).unwrap();
        let lock = file.ends_with("lock");
        assert!(
            lock || (text.contains(" sha256:") && text.lines().count() == 1),
            "{}: {text:?}",
            file.display()
        );
        let mode = fs::metadata(&file).unwrap().permissions().mode();
        assert!(lock || mode & 0o077 == 0, "{} has mode {mode:o}", file.display());
    }
    assert!(floor(&fleet, "fleet-dev", PATH).unwrap().starts_with("2 "));
    // Two kill each other's half-written files as little as they read them.
    let mut running: Vec<_> = (0..6)
        .map(|_| {
            let mut command: Command = fleet.resolver_command("fleet-dev", &["check"]);
            command
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .unwrap()
        })
        .collect();
    running.iter_mut().for_each(|child| drop(child.kill()));
    running.iter_mut().for_each(|child| drop(child.wait()));
    fleet.gets("fleet-dev", &[("github_pat", "s3cr3t-new")]);
}
