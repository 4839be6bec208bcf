//! What a launch narrows: which commands and variables, for how long, and how much of their output is told.

use std::{fs, time::Instant};

use serde_json::{Value, json};

use crate::{fleet, pipe::Serves, process, runs, wait_for};

#[test]
fn only_the_commands_that_were_allowed() {
    let fleet = fleet();
    fs::write(fleet.path("touch"), "").unwrap();
    let mut peer = fleet.server(&[
        "--allow-command",
        "echo",
        "--allow-command",
        "git pu* --dry-run",
        "--allow-env",
        "LANG",
    ]);
    let mut call = |arguments: Value| peer.call("run_command", arguments);
    assert_eq!(
        call(json!({ "argv": ["echo", "<<secure.token>>"] })).prints(),
        "[REDACTED:token]\n"
    );
    for argv in [
        json!(["touch", "ran", "<<secure.token>>"]),
        json!(["/bin/echo", "<<secure.token>>"]),
        json!(["./echo", "<<secure.token>>"]),
        json!(["echo2", "<<secure.token>>"]),
        json!(["ECHO", "<<secure.token>>"]),
        json!(["echo <<secure.token>>"]),
        json!([" echo", "<<secure.token>>"]),
        json!(["env", "echo", "<<secure.token>>"]),
        json!(["git", "push", "<<secure.token>>"]),
        json!(["git", "-c", "x=y", "push", "--dry-run", "<<secure.token>>"]),
        json!(["<<secure.token>>"]),
    ] {
        let refused = call(json!({ "argv": argv })).refused();
        assert_eq!(
            refused,
            "fleetvault: error: this command may not be run here\n\
             fleetvault: hint: argv may begin with 'echo', 'git pu* --dry-run'",
            "{argv}"
        );
    }
    for line in ["touch ran <<secure.token>>", "echo <<secure.token>>"] {
        call(json!({ "shell": line })).says("a shell line may not be run here");
    }
    let with = |name: &str| json!({ "argv": ["echo", "<<secure.token>>"], "env": { name: "." } });
    call(with("LANG")).ok();
    for name in ["PATH", "LD_PRELOAD", "GIT_SSH_COMMAND", "lang"] {
        call(with(name)).says(&format!("the variable {name} may not be set here"));
    }
    call(with("FLEETVAULT_MEMBER")).says("FLEETVAULT_MEMBER is a setting of the resolver, which no command inherits");
    assert!(!fleet.path("ran").exists());
    peer.finish();
    // Nothing of it is silently meaningless.
    for (args, problem) in [
        (&["--allow-env", "LANG"][..], "--allow-command"),
        (&["--allow-command", " "], "expected the first words of a command"),
        (&["--allow-command", "a [b"], "'[b' is no pattern"),
        (&["--allow-command", "a", "--allow-env", "A=B"], "A=B"),
    ] {
        fleet
            .resolver("dev", &[&["mcp"], args].concat(), b"")
            .fails(2)
            .silent()
            .says(problem);
    }
}

#[test]
fn a_command_takes_as_long_as_it_may() {
    let fleet = fleet();
    let mut peer = fleet.server(&["--timeout", "1s"]);
    let start = Instant::now();
    let first = peer.start_script("echo before; sleep 60 & echo $! > background; sleep 60");
    // More than the launch allows is not given.
    let arguments = json!({ "argv": ["sleep", "60", "<<secure.token>>"], "timeout_seconds": 3600 });
    let second = peer.ask_tool("run_command", &arguments);
    let third = peer.start_script("trap '' TERM; echo $$ > stubborn; while :; do sleep 0.1; done");
    let result = peer.called(first);
    assert!(
        result
            .text()
            .starts_with("its time was up, and it was ended\n--- stdout\nbefore\n"),
        "{result:?}"
    );
    let result = result.ok();
    assert_eq!(
        (&result["exit_code"], &result["timed_out"]),
        (&json!(124), &json!(true))
    );
    // `sleep` does not understand its second argument; it is only about the time.
    peer.called(second).ok();
    assert_eq!(peer.called(third).ok()["timed_out"], true);
    assert!(start.elapsed().as_secs() < 15);
    let left = [process(&fleet.path("background")), process(&fleet.path("stubborn"))];
    wait_for("the groups to end", || left.iter().all(|process| !runs(process)));
    peer.finish();
    let mut peer = fleet.server(&[]);
    let arguments = json!({ "shell": "sleep 60; echo <<secure.token>>", "timeout_seconds": 1 });
    assert_eq!(peer.call("run_command", arguments).ok()["timed_out"], true);
    peer.finish();
}

#[test]
fn output_is_masked_first_and_cut_then_and_the_cut_is_said() {
    let fleet = fleet();
    let mut peer = fleet.server(&["--max-output", "1024"]);
    let printed = peer.script("seq 1 100000").prints();
    assert!(
        printed.starts_with("1\n2\n3\n") && printed.ends_with("\n99999\n100000\n"),
        "{printed}"
    );
    let result = peer.script("seq 1 100000; seq 1 100000 >&2").ok();
    assert_eq!(result["stdout_omitted"], 588_895 - 1024);
    assert_eq!(result["stderr_omitted"], 588_895 - 1024);
    assert!(
        result["stdout"]
            .as_str()
            .unwrap()
            .contains("\n[… 587871 bytes left out …]\n")
    );
    // A value that lies across each of the two cuts, at every place it can.
    for before in 490..513 {
        let script = format!(
            "head -c {before} /dev/zero | tr '\\0' a; printf %s $1; head -c 4000 /dev/zero | tr '\\0' b; printf %s $1; \
             head -c {before} /dev/zero | tr '\\0' c"
        );
        let result = peer.script(&script).ok();
        let text = result["stdout"].as_str().unwrap();
        for part in ["s3cr", "s3c", "-dev", "dev"] {
            assert!(!text.contains(part), "{text}");
        }
        assert!(text.starts_with("aaaa") && text.ends_with("cccc"));
    }
    peer.finish();
    fleet
        .resolver("dev", &["mcp", "--max-output", "1023"], b"")
        .fails(2)
        .says("1024 at least");
}

#[test]
fn what_a_launch_cannot_do_is_said_at_once() {
    let fleet = fleet();
    for (args, code, problem) in [
        (&["--timeout", "soon"][..], 2, "expected a time such as 30s"),
        (&["--timeout", "0s"], 2, "expected a time"),
        (&["--shell-program", "fish"], 2, "fish"),
        (
            &["--reveal", "--allow-write", "none"],
            1,
            "cannot let files be written in none",
        ),
        (&["--cwd", "/dev/null"], 1, "cannot run commands in /dev/null"),
    ] {
        fleet
            .resolver("dev", &[&["mcp"], args].concat(), b"")
            .fails(code)
            .silent()
            .says(problem);
    }
}

#[test]
fn output_without_an_end_takes_no_memory() {
    let fleet = fleet();
    let mut peer = fleet.server(&["--timeout", "1s"]);
    let ids: Vec<u64> = (0..4).map(|_| peer.start_script("yes \"$1\"")).collect();
    for id in ids {
        let result = peer.called(id).ok();
        assert_eq!(result["timed_out"], true, "{result}");
        assert!(result["stdout_omitted"].as_u64().unwrap() > 0, "{result}");
        assert!(result["stdout"].as_str().unwrap().len() < 70_000);
    }
    assert!(peer.memory() < 40 << 10, "{} KiB", peer.memory());
    peer.finish();
}
