//! How it ends: the command's own exit code, signals, time-outs, and the codes of a refusal.

use std::{
    fs,
    io::Read,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};

use crate::{
    Runs, fleet,
    support::{Fleet, run},
};

#[test]
fn the_exit_code_is_the_commands() {
    let fleet = fleet();
    for code in [0, 1, 3, 124, 125, 126, 127, 255] {
        fleet.script(&format!("exit {code}")).fails(code);
    }
    for (signal, code) in [("TERM", 143), ("KILL", 137), ("SEGV", 139)] {
        fleet.script(&format!("kill -{signal} $$")).fails(code);
    }
}

#[test]
fn what_cannot_be_run_is_told_apart_as_shells_do() {
    let fleet = fleet();
    fleet
        .run(&["--", "no-such-program", "<<secure.token>>"])
        .fails(127)
        .says_exactly("fleetvault: error: cannot run 'no-such-program': No such file or directory (os error 2)\n");
    fs::write(fleet.path("plain"), "echo\n").unwrap();
    fleet
        .run(&["--", "./plain"])
        .fails(126)
        .says("cannot run './plain': Permission denied");
}

#[test]
fn a_refusal_is_125_and_its_json_tells_which() {
    let fleet = fleet();
    fleet.set("old", "an-expired-value", "dev");
    fleet.fleetvault(&["scope", "old", "--ttl", "1s"]).ok();
    std::thread::sleep(Duration::from_millis(1100));
    fleet.forge("credentials/broken.toml", "nonsense\n");
    for (reference, code, exit) in [
        ("private", "outside_scope", 3),
        ("nothing", "not_found", 4),
        ("old", "expired", 5),
        ("broken", "untrusted", 6),
    ] {
        let args = [
            "--json",
            "run",
            "--",
            "touch",
            "ran",
            &format!("<<secure.{reference}>>"),
        ];
        let refused = fleet.resolver("dev", &args, b"").fails(125).silent();
        let json: serde_json::Value = serde_json::from_str(refused.stderr.lines().next().unwrap()).unwrap();
        assert_eq!(json["code"], code, "{json}");
        assert_eq!(json["exit"], exit, "{json}");
        assert_eq!(json["credential"], reference);
        // The same with `expand` is that code itself.
        fleet.expand("dev", &format!("<<secure.{reference}>>")).fails(exit);
    }
    let keeper = fleet.resolver("alice", &["--json", "run", "--", "true", "<<secure.private>>"], b"");
    keeper.fails(125).says("\"exit\":7");
    fleet.run(&["--no-such-flag"]).fails(125).says("unexpected argument");
    fleet.run(&[]).fails(125).says("<--shell <LINE>|COMMAND>");
    fleet.run(&["--help"]).ok();
    fleet.resolver("dev", &["expand", "--no-such-flag"], b"").fails(2);
    assert!(!fleet.path("ran").exists());
}

fn started(fleet: &Fleet, args: &[&str]) -> Child {
    let mut command = fleet.resolver_command("dev", &[&["run"], args].concat());
    let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
    wait_for(fleet, "started");
    child
}

fn wait_for(fleet: &Fleet, name: &str) {
    let start = Instant::now();
    while !fleet.path(name).exists() {
        assert!(start.elapsed() < Duration::from_secs(20), "{name} did not come");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn signals_reach_the_whole_group() {
    let fleet = fleet();
    // A program, and another that it started: both must get it.
    let inner = "trap 'echo inner > inner; exit 5' USR1; touch started; while :; do sleep 0.02; done";
    let script = format!("trap 'wait; exit 6' USR1; sh -c \"{inner}\" & while :; do sleep 0.02; done");
    let mut child = started(&fleet, &["--", "sh", "-c", &script]);
    kill_process(Pid::from_child(&child), Signal::USR1).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(6));
    assert_eq!(fleet.written("inner"), "inner\n");
}

#[test]
fn what_nohup_ignores_stays_ignored() {
    let fleet = fleet();
    let mut command = Command::new("sh");
    let resolver = fleet.resolver_command(
        "dev",
        &["run", "--", "sh", "-c", "touch started; sleep 0.5; echo on > on"],
    );
    command
        .args(["-c", "trap '' HUP; exec \"$0\" \"$@\""])
        .arg(resolver.get_program())
        .args(resolver.get_args());
    command.current_dir(fleet.path("")).env_clear();
    command.envs(resolver.get_envs().filter_map(|(key, value)| Some((key, value?))));
    let mut child = command.stdin(Stdio::null()).spawn().unwrap();
    wait_for(&fleet, "started");
    kill_process(Pid::from_child(&child), Signal::HUP).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert_eq!(fleet.written("on"), "on\n");
}

#[test]
fn when_its_time_is_up_everything_it_started_ends() {
    let fleet = fleet();
    let start = Instant::now();
    // One that ends when asked, and one that does not hear.
    let script = "(trap '' TERM; while :; do echo on >> deaf; sleep 0.02; done) & sleep 60";
    fleet
        .run(&["--timeout", "300ms", "--", "sh", "-c", script])
        .fails(124)
        .says("warning: the command took longer than 0.3 s and was ended");
    assert!(start.elapsed() < Duration::from_secs(20));
    let lines = || fleet.written("deaf").len();
    let before = lines();
    std::thread::sleep(Duration::from_millis(300));
    assert_eq!(lines(), before, "it still runs");
    fleet.run(&["--timeout", "20s", "--", "sh", "-c", "exit 4"]).fails(4);
    fleet
        .run(&["--timeout", "soon", "--", "true"])
        .fails(125)
        .says("expected a time such as 30s or 5m");
}

#[test]
fn a_reader_that_has_seen_enough_ends_the_command() {
    let fleet = fleet();
    let mut child = started(
        &fleet,
        &["--", "sh", "-c", "touch started; exec yes '<<secure.token>>'"],
    );
    let mut out = child.stdout.take().unwrap();
    let mut some = [0; 40];
    out.read_exact(&mut some).unwrap();
    assert!(some.starts_with(b"[REDACTED:token]\n"));
    drop(out);
    // yes ends with SIGPIPE, or with an error of its own where that is ignored.
    assert!(matches!(child.wait().unwrap().code(), Some(141 | 1)));
}

#[test]
fn what_is_left_in_the_background_is_masked_to_its_end() {
    let fleet = fleet();
    let printed = fleet
        .script("(sleep 0.3; echo late $1) & echo early $1; exit 2")
        .fails(2);
    assert_eq!(printed.out(), "early [REDACTED:token]\nlate [REDACTED:token]\n");
}

#[test]
fn a_full_disk_is_said() {
    let fleet = fleet();
    let mut command = fleet.resolver_command("dev", &["run", "--", "sh", "-c", "echo out"]);
    command.stdout(fs::OpenOptions::new().write(true).open("/dev/full").unwrap());
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        said.contains("cannot write what the command prints: No space left on device"),
        "{said}"
    );
}

#[test]
fn standard_error_is_masked_by_itself() {
    let fleet = fleet();
    let mut command = fleet.resolver_command("dev", &["run", "--", "sh", "-c"]);
    command.args(["echo out $1; echo err $1 >&2; exit 1", "sh", "<<secure.token>>"]);
    run(command, b"")
        .fails(1)
        .prints("out [REDACTED:token]\n")
        .says("err [REDACTED:token]\n");
}
