//! An identity that is handed over by a descriptor (`fd:N`): it is read once, and no program that is started gets it. Nor does a core file.

use std::process::Command;

use crate::{
    clones::Clones,
    support::{Fleet, Run, has, run},
};

/// A program with alice's identity as descriptor 7, and the descriptor named.
fn with_descriptor(fleet: &Fleet, inner: &Command) -> Command {
    let mut command = fleet.command("sh", "alice");
    command
        .args(["-c", "exec \"$@\" 7<\"$FILE\"", "sh"])
        .arg(inner.get_program())
        .args(["--identity", "fd:7"])
        .args(inner.get_args())
        .envs(inner.get_envs().filter_map(|(name, value)| Some((name, value?))))
        .env("FILE", fleet.identity("alice"))
        .current_dir(inner.get_current_dir().unwrap());
    command
}

fn fleetvault(fleet: &Fleet, args: &[&str]) -> Run {
    run(with_descriptor(fleet, &fleet.fleetvault_command(args)), b"")
}

/// What the program that `fleetvault` starts says of descriptor 7.
const LOOK: &str = "if { true <&7; } 2>/dev/null; then echo inherited; else echo closed; fi";

#[cfg(unix)]
#[test]
fn an_editor_and_git_do_not_get_the_identity() {
    use std::{fs, os::unix::fs::PermissionsExt};

    let clones = Clones::new();
    let fleet = &clones.fleet;
    fleet.set("token", "value-of-token", "*");
    let seen = fleet.path("seen");
    let mut edit = fleet.fleetvault_command(&["edit", "token"]);
    edit.env("EDITOR", format!("({LOOK}) >'{}'; :", seen.display()));
    run(with_descriptor(fleet, &edit), b"").fails(1).says("was not changed");
    assert_eq!(fs::read_to_string(&seen).unwrap(), "closed\n");

    // What git starts is as good as git: a hook of the repository, or a program for ssh.
    let hook = fleet.vault().join(".git/hooks/pre-push");
    fs::write(&hook, format!("#!/bin/sh\n({LOOK}) >'{}'\n", seen.display())).unwrap();
    fs::set_permissions(&hook, fs::Permissions::from_mode(0o700)).unwrap();
    fs::remove_file(&seen).unwrap();
    fleetvault(fleet, &["sync"]).ok().prints("pushed");
    assert_eq!(fs::read_to_string(&seen).unwrap(), "closed\n");
}

#[test]
fn a_descriptor_that_is_closed_or_a_standard_stream_is_told() {
    if !has("sh") {
        return;
    }
    let fleet = Fleet::new();
    fleet.set("token", "value-of-token", "*");
    fleetvault(&fleet, &["get", "token"]).ok().prints("value-of-token");
    fleet
        .fleetvault(&["--identity", "fd:9", "get", "token"])
        .fails(1)
        .silent()
        .says("cannot read the identity fd:9: ")
        .says("in a shell: 9<FILE behind the command");
    // A command that is run would find it in its own standard input.
    fleet
        .fleetvault(&["--identity", "fd:0", "get", "token"])
        .fails(1)
        .silent()
        .says("the descriptors 0 to 2 are for what commands read and print, expected 3 or more");
}

#[cfg(target_os = "linux")]
#[test]
fn what_is_in_memory_goes_to_no_core_file() {
    let fleet = Fleet::new();
    fleet.set("token", "value-of-token", "*");
    let seen = fleet.path("seen");
    let mut edit = fleet.fleetvault_command(&["edit", "token"]);
    edit.env(
        "EDITOR",
        format!("grep '^Max core' /proc/$PPID/limits >'{}'; :", seen.display()),
    );
    let mut command = fleet.command("sh", "alice");
    command
        .args(["-c", "ulimit -S -c \"$(ulimit -H -c)\"; exec \"$@\"", "sh"])
        .arg(edit.get_program())
        .args(edit.get_args())
        .envs(edit.get_envs().filter_map(|(name, value)| Some((name, value?))))
        .current_dir(fleet.vault());
    run(command, b"").fails(1).says("was not changed");
    let limit = std::fs::read_to_string(&seen).unwrap();
    assert_eq!(limit.split_whitespace().nth(4), Some("0"), "{limit}");
}
