//! What others see of the resolver and its command: their arguments, environments, descriptors, memory and core files.
#![cfg(target_os = "linux")]

use std::{
    fs,
    io::{Read, Seek, SeekFrom},
    os::{fd::AsRawFd, unix::fs::MetadataExt},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use crate::{
    Runs, TOKEN, fleet,
    support::{Fleet, has, run, skip},
};

/// Starts `run` and waits until its command has made a file `started`.
fn started(fleet: &Fleet, mut command: Command) -> Child {
    let child = command.stdin(Stdio::null()).stdout(Stdio::null()).spawn().unwrap();
    let start = Instant::now();
    while !fleet.path("started").exists() {
        assert!(start.elapsed() < Duration::from_secs(20), "it did not start");
        std::thread::sleep(Duration::from_millis(5));
    }
    child
}

fn holds(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

#[test]
fn no_value_stands_in_what_the_system_shows_of_the_resolver() {
    let fleet = fleet();
    let args = [
        "run",
        "--env",
        "T=<<secure.token>>",
        "--stdin",
        "<<secure.token>>",
        "--",
    ];
    let mut command = fleet.resolver_command("dev", &args);
    command.args(["sh", "-c", "touch started; exec sleep 60"]);
    let mut child = started(&fleet, command);
    let resolver = format!("/proc/{}", child.id());
    for file in ["cmdline", "environ", "comm"] {
        let shown = fs::read(format!("{resolver}/{file}")).unwrap();
        assert!(!holds(&shown, TOKEN.as_bytes()), "{file}");
    }
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn a_shell_has_no_value_in_its_arguments_and_its_commands_none_in_their_environment() {
    let fleet = fleet();
    let line = "tr '\\0' '\\n' < /proc/$$/cmdline > cmdline; env > env; export -p > exported; printf %s <<secure.token>> > value";
    fleet.run(&["--shell", line]).ok();
    assert_eq!(fleet.written("value"), TOKEN);
    for name in ["cmdline", "env", "exported"] {
        let shown = fleet.written(name);
        assert!(!shown.contains(TOKEN) && !shown.is_empty(), "{name}: {shown}");
    }
    assert!(!fleet.written("env").contains("FLEETVAULT"));
}

#[test]
fn another_process_of_the_same_user_cannot_look_into_it() {
    let fleet = fleet();
    let mut command = fleet.resolver_command("dev", &["run", "--env", "T=<<secure.token>>", "--"]);
    command.args(["sh", "-c", "touch started; exec sleep 60"]);
    if rustix::process::geteuid().is_root() {
        // As somebody who is not root: everything of the fleet is theirs.
        let nobody = 65534;
        fleet
            .command("chown", "dev")
            .args(["-R", &nobody.to_string()])
            .arg(fleet.path(""))
            .status()
            .unwrap();
        std::os::unix::process::CommandExt::uid(&mut command, nobody);
        command.env("HOME", fleet.path("home"));
    }
    let mut child = started(&fleet, command);
    let meta = |what: &str| fs::metadata(format!("/proc/{}/{what}", child.id())).unwrap();
    // What is not dumpable belongs to root: nobody else may open its memory, environment or descriptors, or trace it.
    assert_eq!(meta("environ").uid(), 0);
    assert_eq!(meta("mem").uid(), 0);
    let limits = fs::read_to_string(format!("/proc/{}/limits", child.id())).unwrap();
    let core = limits
        .lines()
        .find(|line| line.starts_with("Max core file size"))
        .unwrap();
    assert_eq!(core.split_whitespace().nth(4), Some("0"), "{core}");
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn a_command_leaves_no_core_file() {
    let fleet = fleet();
    let mut command = fleet.command("sh", "dev");
    let resolver = fleet.resolver_command(
        "dev",
        &[
            "run",
            "--",
            "sh",
            "-c",
            "ulimit -c; kill -SEGV $$",
            "sh",
            "<<secure.token>>",
        ],
    );
    command
        .args(["-c", "ulimit -c unlimited; exec \"$0\" \"$@\""])
        .arg(resolver.get_program())
        .args(resolver.get_args());
    command.current_dir(fleet.path(""));
    command.envs(resolver.get_envs().filter_map(|(key, value)| Some((key, value?))));
    run(command, b"").fails(139).prints("0\n");
    let left = fs::read_dir(fleet.path("")).unwrap().filter(|entry| {
        entry
            .as_ref()
            .is_ok_and(|entry| entry.file_name().to_string_lossy().starts_with("core"))
    });
    assert_eq!(left.count(), 0);
}

#[test]
fn settings_and_descriptors_are_not_inherited() {
    let fleet = fleet();
    let identity = fs::File::open(fleet.identity("dev")).unwrap();
    // Passed on to the resolver on purpose, as `--identity fd:9` is.
    let script = format!(
        "exec 9<&{} 8>&1; exec \"$0\" --identity fd:9 run -- sh -c 'ls /proc/self/fd; env' sh '<<secure.token>>'",
        identity.as_raw_fd()
    );
    let resolver = fleet.resolver_command("dev", &[]);
    let mut command = fleet.command("sh", "dev");
    command
        .args(["-c", &script])
        .arg(resolver.get_program())
        .current_dir(fleet.path(""));
    command.envs(resolver.get_envs().filter_map(|(key, value)| Some((key, value?))));
    command
        .env_remove("FLEETVAULT_IDENTITY")
        .env("FLEETVAULT_MEMBER", "dev")
        .env("FLEETVAULT_OTHER", "x")
        .env("KEPT", "y");
    rustix::io::fcntl_setfd(&identity, rustix::io::FdFlags::empty()).unwrap();
    let out = run(command, b"").ok().out();
    let descriptors: Vec<&str> = out.lines().take_while(|line| line.parse::<u32>().is_ok()).collect();
    // The fourth is the directory that `ls` reads.
    assert_eq!(descriptors, ["0", "1", "2", "3"], "{out}");
    assert!(out.contains("KEPT=y") && !out.contains("FLEETVAULT_"), "{out}");
}

#[test]
fn what_is_asked_inherits_no_descriptor_either() {
    use std::os::unix::fs::PermissionsExt;

    let fleet = fleet();
    let hook = fleet.path("hook");
    fs::write(
        &hook,
        format!("#!/bin/sh\nls /proc/self/fd > {}\n", fleet.path("fds").display()),
    )
    .unwrap();
    fs::set_permissions(&hook, fs::Permissions::from_mode(0o755)).unwrap();
    let resolver = fleet.resolver_command("dev", &[]);
    let mut command = fleet.command("sh", "dev");
    let script = "exec 9<\"$FLEETVAULT_IDENTITY\" 8>&1; unset FLEETVAULT_IDENTITY; exec \"$0\" --identity fd:9 --pre-resolve hook expand";
    command
        .args(["-c", script])
        .arg(resolver.get_program())
        .current_dir(fleet.path(""));
    command.envs(resolver.get_envs().filter_map(|(key, value)| Some((key, value?))));
    run(command, b"<<secure.token>>").ok().prints(TOKEN);
    // The fourth is the directory that `ls` reads.
    assert_eq!(fleet.written("fds"), "0\n1\n2\n3\n");
}

#[test]
fn memory_is_wiped_when_it_is_given_back() {
    let fleet = fleet();
    if !rustix::process::geteuid().is_root() {
        skip("only root can read the memory of a process that is not dumpable");
        return;
    }
    // What the masker looks for is in memory as long as the command runs. Copies that were made on the way are not, whoever made them: the
    // standard library has some of all arguments and variables.
    let value = "a-marker-that-is-looked-for-in-memory";
    fleet.set("marker", value, "dev");
    let count = |args: &[&str]| {
        let _ = fs::remove_file(fleet.path("started"));
        let mut command = fleet.resolver_command("dev", &[&["run"], args].concat());
        command.args(["--", "sh", "-c", "touch started; exec sleep 60"]);
        let mut child = started(&fleet, command);
        // It runs before what was made for it is given back.
        std::thread::sleep(Duration::from_millis(300));
        let found = occurrences(child.id(), value.as_bytes());
        child.kill().unwrap();
        child.wait().unwrap();
        found
    };
    let in_use = count(&["--env", "T=<<secure.marker>>"]);
    let many: Vec<String> = (0..20)
        .flat_map(|number| ["--env".to_owned(), format!("T{number}=x<<secure.marker>>")])
        .collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let found = count(&many);
    assert_eq!((in_use, found), (1, 1), "copies with one use, and with twenty");
}

/// How often bytes stand in the writable memory of a process.
fn occurrences(process: u32, wanted: &[u8]) -> usize {
    let maps = fs::read_to_string(format!("/proc/{process}/maps")).unwrap();
    let mut memory = fs::File::open(format!("/proc/{process}/mem")).unwrap();
    let mut found = 0;
    for line in maps.lines().filter(|line| {
        line.split_whitespace()
            .nth(1)
            .is_some_and(|mode| mode.starts_with("rw"))
    }) {
        let (start, end) = line.split_whitespace().next().unwrap().split_once('-').unwrap();
        let (start, end) = (
            u64::from_str_radix(start, 16).unwrap(),
            u64::from_str_radix(end, 16).unwrap(),
        );
        let mut bytes = vec![0; usize::try_from(end - start).unwrap()];
        if memory.seek(SeekFrom::Start(start)).is_ok() && memory.read_exact(&mut bytes).is_ok() {
            found += bytes.windows(wanted.len()).filter(|window| *window == wanted).count();
        }
    }
    found
}

#[test]
fn a_tracer_of_the_same_user_is_refused() {
    let fleet = fleet();
    if !rustix::process::geteuid().is_root() || !has("python3") {
        skip("needs root to become two processes of one user");
        return;
    }
    fleet
        .command("chown", "dev")
        .args(["-R", "65534"])
        .arg(fleet.path(""))
        .status()
        .unwrap();
    let mut command = fleet.resolver_command("dev", &["run", "--env", "T=<<secure.token>>", "--"]);
    command.args(["sh", "-c", "touch started; exec sleep 60"]);
    std::os::unix::process::CommandExt::uid(&mut command, 65534);
    let mut child = started(&fleet, command);
    let script = format!(
        "import ctypes\nlibc = ctypes.CDLL(None)\nprint(libc.ptrace(16, {0}, 0, 0))\ntry:\n open('/proc/{0}/environ'); print('open')\nexcept PermissionError: print('closed')",
        child.id()
    );
    let mut tracer = fleet.command("python3", "dev");
    tracer.args(["-c", &script]).current_dir("/");
    std::os::unix::process::CommandExt::uid(&mut tracer, 65534);
    let traced = run(tracer, b"");
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(traced.ok().out(), "-1\nclosed\n");
}
