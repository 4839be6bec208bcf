//! A machine that is out of threads and processes: a command runs and is watched, or does not run at all.
#![cfg(target_os = "linux")]

use std::{fs, os::unix::fs::PermissionsExt};

use crate::{
    fleet,
    support::{Fleet, Run, has, run, skip},
};

/// A user that has no process. Limits do not hold for root.
const SOMEBODY: &str = "54321";

/// `run` of a command that makes the file `ran`, where its user may have so many threads and processes at once.
fn limited(fleet: &Fleet, most: usize, options: &[&str]) -> Run {
    let resolver = fleet.resolver_command("dev", &[]);
    let mut command = fleet.command("prlimit", "dev");
    command.arg(format!("--nproc={most}"));
    command.args(["setpriv", "--reuid", SOMEBODY, "--regid", SOMEBODY, "--clear-groups"]);
    command.arg(resolver.get_program()).arg("run").args(options);
    command.args(["--", "touch", "ran", "<<secure.other>>"]);
    command.current_dir(fleet.path("work"));
    command.envs(resolver.get_envs().filter_map(|(key, value)| Some((key, value?))));
    run(command, b"")
}

#[test]
fn without_a_thread_to_watch_it_no_command_runs() {
    if !rustix::process::geteuid().is_root() || !has("setpriv") || !has("prlimit") {
        return skip("a limit of threads: needs root, setpriv and prlimit");
    }
    let fleet = fleet();
    fleet.fleetvault(&["scope", "token", "--network", "deny"]).ok();
    let hook = fleet.path("hook");
    fs::write(&hook, "#!/bin/sh\nexit 0\n").unwrap();
    fs::create_dir(fleet.path("work")).unwrap();
    for path in [&hook, &fleet.path("")] {
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    }
    let mut owned = fleet.command("chown", "dev");
    owned.args(["-R", SOMEBODY]).arg(fleet.path(""));
    run(owned, b"").ok();

    let hooked = ["--pre-resolve", hook.to_str().unwrap()];
    for options in [&[][..], &["--tty"], &["--env", "A=<<secure.token>>"], &hooked] {
        let (mut refused, mut done) = (0, 0);
        for most in 1..=12 {
            let ended = limited(&fleet, most, options);
            let ran = fleet.path("work/ran").exists();
            match ended.code {
                0 => {
                    assert!(ran, "{most} {options:?}");
                    done += 1;
                }
                125 | 126 => {
                    assert!(!ran, "{most} {options:?}: {}", ended.stderr);
                    ended.says("Resource temporarily unavailable");
                    refused += 1;
                }
                other => panic!("{most} {options:?}: exit code {other}: {}", ended.stderr),
            }
            for file in fs::read_dir(fleet.path("work")).unwrap() {
                fs::remove_file(file.unwrap().path()).unwrap();
            }
        }
        assert!(refused > 0 && done > 0, "{options:?}: {refused} refused, {done} done");
    }
    let refusal = limited(&fleet, 2, &[]);
    refusal
        .fails(125)
        .says("cannot start a thread: Resource temporarily unavailable");
}
