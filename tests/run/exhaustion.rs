//! A machine that is out of threads and processes: a command runs and is watched, or does not run at all.
#![cfg(target_os = "linux")]

use std::{fs, os::unix::fs::PermissionsExt, process::Command};

use crate::{
    fleet,
    support::{Fleet, Run, has, run, skip},
};

/// A program of the fleet, as a user who may have so many threads and processes at once.
fn limited(fleet: &Fleet, user: &str, most: usize, program: &Command) -> Run {
    let mut command = fleet.command("prlimit", "dev");
    command.arg(format!("--nproc={most}"));
    command.args(["setpriv", "--reuid", user, "--regid", user, "--clear-groups"]);
    command.arg(program.get_program()).args(program.get_args());
    command.envs(program.get_envs().filter_map(|(key, value)| Some((key, value?))));
    command.current_dir(program.get_current_dir().unwrap());
    run(command, b"s3cr3t-of-somebody")
}

/// A fleet that belongs to a user that has no process, with a directory `work`; `None` where nobody can be limited. Limits do not hold for
/// root, and are for all that a user runs.
fn of_user(user: &str) -> Option<Fleet> {
    if !rustix::process::geteuid().is_root() || !has("setpriv") || !has("prlimit") {
        skip("a limit of threads: needs root, setpriv and prlimit");
        return None;
    }
    let fleet = fleet();
    fleet.fleetvault(&["scope", "token", "--network", "deny"]).ok();
    fs::write(fleet.path("hook"), "#!/bin/sh\nexit 0\n").unwrap();
    fs::create_dir(fleet.path("work")).unwrap();
    for path in [fleet.path("hook"), fleet.path("")] {
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    }
    let mut owned = fleet.command("chown", "dev");
    owned.args(["-R", &format!("{user}:{user}")]).arg(fleet.path(""));
    run(owned, b"").ok();
    Some(fleet)
}

/// `run` of a command that makes the file `ran`.
fn touch(fleet: &Fleet, options: &[&str]) -> Command {
    let command = ["--", "touch", "ran", "<<secure.other>>"];
    let mut resolver = fleet.resolver_command("dev", &[&["run"][..], options, &command].concat());
    resolver.current_dir(fleet.path("work"));
    resolver
}

#[test]
fn without_a_thread_to_watch_it_no_command_runs() {
    let user = "54321";
    let Some(fleet) = of_user(user) else { return };
    let hook = fleet.path("hook");
    let hooked = ["--pre-resolve", hook.to_str().unwrap()];
    for options in [&[][..], &["--tty"], &["--env", "A=<<secure.token>>"], &hooked] {
        let (mut refused, mut done) = (0, 0);
        for most in 1..=12 {
            let ended = limited(&fleet, user, most, &touch(&fleet, options));
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
    let refusal = limited(&fleet, user, 2, &touch(&fleet, &[]));
    refusal
        .fails(125)
        .says("cannot start a thread: Resource temporarily unavailable");
}

#[test]
fn what_threads_only_make_faster_is_done_without() {
    let user = "54322";
    let Some(fleet) = of_user(user) else { return };
    limited(&fleet, user, 1, &fleet.fleetvault_command(&["verify"])).ok();
    limited(
        &fleet,
        user,
        1,
        &fleet.fleetvault_command(&["set", "new", "--members", "dev"]),
    )
    .ok();
    limited(&fleet, user, 1, &fleet.resolver_command("dev", &["list"])).ok();
}
