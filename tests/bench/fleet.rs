//! Members that come and go: what it costs by the size of the fleet, and by the number of credentials that are for everyone.

use std::{
    collections::BTreeSet,
    fs,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use fleetvault::author::{Desk, Plan, remove_member};
use vault_format::Identity;

use crate::{
    timing::{Promise, median, print_figure},
    vaults::Fixture,
};

const SIZES: [usize; 4] = [10, 100, 1000, 10_000];

/// `member add` to 1,000 members and 10,000 credentials for everyone: the files it writes, and the time beside git's own commit of as many.
pub fn joining() {
    let fixture = fleet(1000, 10_000);
    let (mut ours, mut git) = (Vec::new(), Vec::new());
    let mut files = BTreeSet::new();
    for run in 0..22 {
        let key = Identity::generate().recipient().to_string();
        let name = format!("new{run}");
        let time = whole(fixture.fleetvault(&["member", "add", &name, "--recipient", &key]));
        files.insert(changed(&fixture));
        let commit = gits_commit(&fixture, run, changed(&fixture));
        if run > 0 {
            ours.push(time);
            git.push(commit);
        }
    }
    println!("member add to 1,000 members and 10,000 credentials: {files:?} files changed");
    let (ours, git) = (median(ours), median(git));
    print_figure("  the whole command", millis(ours), "ms", Promise::None);
    print_figure(
        "  git add + commit of as many files, synced",
        millis(git),
        "ms",
        Promise::None,
    );
    let beside = ours.saturating_sub(git);
    print_figure(
        "  besides git's own commit",
        millis(beside),
        "ms",
        Promise::AtMost(100.0),
    );
}

/// `member remove` by the number of members, by the number of credentials for everyone, and with many of both.
pub fn leaving() {
    println!("member remove, by members (10 credentials for everyone)");
    for members in &SIZES[..3] {
        removal(*members, 10);
    }
    println!("member remove, by credentials for everyone (10 members)");
    for credentials in SIZES {
        removal(10, credentials);
    }
    println!("member remove, in a large fleet");
    removal(1000, 10_000);
}

/// New grants for 1,000 members who stay, prepared in this process: opened, sealed, signed and checked, not yet committed.
pub fn renewing() {
    let fixture = fleet(1001, 1);
    let times = (0..9).map(|_| plan(&fixture, "m1")).collect();
    print_figure(
        "1,000 grants sealed and signed",
        millis(median(times)),
        "ms",
        Promise::AtMost(1000.0),
    );
}

fn removal(members: usize, credentials: usize) {
    let fixture = fleet(members, credentials);
    let planned = median((0..5).map(|_| plan(&fixture, "m1")).collect());
    let (mut whole_command, mut git, mut files) = (Vec::new(), Vec::new(), 0);
    for run in 1..=5 {
        whole_command.push(whole(fixture.fleetvault(&["member", "remove", &format!("m{run}")])));
        files = changed(&fixture);
        git.push(gits_commit(&fixture, run, files));
    }
    println!(
        "  {members:>5} members {credentials:>6} credentials: prepared {:>8.1} ms   command {:>8.1} ms   git's commit of {files:>4} files {:>8.1} ms",
        millis(planned),
        millis(median(whole_command)),
        millis(median(git))
    );
}

/// How long the files of a removal take, without a commit.
fn plan(fixture: &Fixture, member: &str) -> Duration {
    fixture.plan(|desk: Desk<'_, '_, '_>| {
        let start = Instant::now();
        let plan: Plan = remove_member(desk, &member.parse().unwrap()).unwrap();
        assert!(plan.request.files.len() > 3);
        start.elapsed()
    })
}

fn fleet(members: usize, credentials: usize) -> Fixture {
    let fixture = Fixture::new(members);
    fixture.credentials((0..credentials).map(|n| (format!("c{n}"), vec!["*".into()])));
    fixture.git(&["config", "gc.auto", "0"]);
    fixture
}

fn whole(mut command: Command) -> Duration {
    command.stdin(Stdio::null()).stdout(Stdio::null());
    let start = Instant::now();
    assert!(command.status().unwrap().success());
    start.elapsed()
}

/// How many files the last commit changed.
fn changed(fixture: &Fixture) -> usize {
    let mut git = Command::new("git");
    fixture.environment(&mut git);
    git.args(["show", "--format=", "--name-only", "HEAD"]);
    let output = git.current_dir(fixture.vault()).output().unwrap();
    String::from_utf8(output.stdout).unwrap().lines().count()
}

/// `git add` and `git commit` of as many files of the same size, synced to disk as ours are.
fn gits_commit(fixture: &Fixture, run: usize, files: usize) -> Duration {
    let folder = fixture.vault().join("beside");
    fs::create_dir_all(&folder).unwrap();
    for n in 0..files {
        let text = format!("{run} {n} {:?}\n", Instant::now());
        fs::write(folder.join(format!("f{n}")), text.repeat(30)).unwrap();
    }
    let mut shell = Command::new("sh");
    fixture.environment(&mut shell);
    shell.args([
        "-c",
        "git -c core.fsync=all add beside && git -c core.fsync=all commit -qm beside",
    ]);
    shell.current_dir(fixture.vault());
    whole(shell)
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
