//! `--file`: a file that exists for one command.

use std::{
    fs,
    os::unix::fs::{PermissionsExt, symlink},
    process::Stdio,
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process};

use crate::{Runs, TOKEN, fleet, support::Fleet};

fn with_template() -> Fleet {
    let fleet = fleet();
    fs::write(fleet.path("template"), "token: <<secure.token>>\n").unwrap();
    fleet
}

#[test]
fn it_is_its_owners_alone_and_gone_afterwards() {
    let fleet = with_template();
    let script = "stat -c %a made > mode; cp made copy; exit 3";
    fleet
        .run(&["--file", "template:made", "--", "sh", "-c", script])
        .fails(3);
    assert_eq!(fleet.written("mode"), "600\n");
    assert_eq!(fleet.written("copy"), format!("token: {TOKEN}\n"));
    assert!(!fleet.path("made").exists());
    // Whatever the umask of the caller.
    fleet
        .run(&["--file", "template:a:b", "--", "true"])
        .fails(125)
        .says("cannot read template:a");
}

#[test]
fn it_is_gone_after_a_signal_and_when_time_is_up() {
    let fleet = with_template();
    for signal in [
        Signal::TERM,
        Signal::INT,
        Signal::HUP,
        Signal::QUIT,
        Signal::ALARM,
        Signal::XCPU,
    ] {
        if is_ignored(signal) {
            // As under nohup: then it is the command's to ignore, too.
            eprintln!("skipped: whoever started the tests ignores {signal:?}");
            continue;
        }
        let mut command = fleet.resolver_command("dev", &["run", "--file", "template:made", "--"]);
        command.args(["sh", "-c", "touch started; exec sleep 60"]);
        let mut child = command.stdout(Stdio::null()).spawn().unwrap();
        wait_for(&fleet, "started");
        assert!(fleet.path("made").exists());
        kill_process(Pid::from_child(&child), signal).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(128 + signal.as_raw()));
        assert!(!fleet.path("made").exists(), "{signal:?}");
        fs::remove_file(fleet.path("started")).unwrap();
    }
    fleet
        .run(&["--file", "template:made", "--timeout", "100ms", "--", "sleep", "60"])
        .fails(124);
    assert!(!fleet.path("made").exists());
    fleet
        .run(&["--file", "template:made", "--", "no-such-program"])
        .fails(127);
    assert!(!fleet.path("made").exists());
}

fn is_ignored(signal: Signal) -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:")).unwrap();
    u64::from_str_radix(mask.trim(), 16).unwrap() & (1 << (signal.as_raw() - 1)) != 0
}

fn wait_for(fleet: &Fleet, name: &str) {
    for _ in 0..1000 {
        if fleet.path(name).exists() {
            return;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    panic!("{name} did not come");
}

#[test]
fn what_is_there_already_is_not_touched() {
    let fleet = with_template();
    fs::write(fleet.path("made"), "precious").unwrap();
    fleet
        .run(&["--file", "template:made", "--", "touch", "ran"])
        .fails(125)
        .says("cannot make made: File exists")
        .says("hint: a file that is there already is never overwritten");
    assert_eq!(fleet.written("made"), "precious");
    symlink(fleet.path("target"), fleet.path("link")).unwrap();
    fleet.run(&["--file", "template:link", "--", "touch", "ran"]).fails(125);
    fleet
        .run(&["--file", "template:none/made", "--", "touch", "ran"])
        .fails(125)
        .says("cannot make none/made");
    // The first of two is removed when the second cannot be made.
    fleet
        .run(&[
            "--file",
            "template:first",
            "--file",
            "template:made",
            "--",
            "touch",
            "ran",
        ])
        .fails(125);
    for name in ["target", "ran", "first"] {
        assert!(!fleet.path(name).exists(), "{name}");
    }
}

#[test]
fn another_file_in_its_place_is_not_ours_to_remove() {
    let fleet = with_template();
    let script = "mv made kept && echo result > made";
    let ended = fleet.run(&["--file", "template:made", "--", "sh", "-c", script]).ok();
    assert_eq!(fleet.written("made"), "result\n");
    let said = "made was left: it is no longer the file that was made for the command, or cannot be removed; it may hold a value";
    ended.says(&format!(
        "warning: {}/{said}",
        fleet.path("").canonicalize().unwrap().display()
    ));
    fs::remove_file(fleet.path("made")).unwrap();
    // Where nothing is left, nothing is said.
    for script in ["true", "rm made", "sed -i s/token/x/ made; rm made"] {
        let ended = fleet.run(&["--file", "template:made", "--", "sh", "-c", script]).ok();
        assert_eq!(ended.stderr, "", "{script}");
    }
    // Editors replace a file rather than write to it.
    fleet
        .run(&["--file", "template:made", "--", "sed", "-i", "s/token/x/", "made"])
        .ok()
        .says(said);
    // And what the command moved away holds no value any more.
    let kept = fs::read(fleet.path("kept")).unwrap();
    assert!(kept.iter().all(|byte| *byte == 0), "{}", kept.len());
    assert_eq!(
        fs::metadata(fleet.path("kept")).unwrap().permissions().mode() & 0o777,
        0o600
    );
}
