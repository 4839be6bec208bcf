//! A command at a terminal: with a pseudo-terminal of its own (`--tty`), and as a job of an interactive shell without one.

use std::process::Command;

use rustix::termios::{LocalModes, tcgetattr};

use crate::{
    TOKEN,
    console::Console,
    fleet,
    support::{Fleet, has},
};

fn resolver(fleet: &Fleet, args: &[&str]) -> Command {
    let mut command = fleet.resolver_command("dev", &[&["run"], args].concat());
    command.env("TERM", "dumb");
    command
}

#[test]
fn with_tty_the_command_has_a_terminal_that_is_masked() {
    let fleet = fleet();
    let script = "test -t 0 -a -t 1 -a -t 2 && echo three; stty size; echo $1; echo $1 >&2; exit 3";
    let console = Console::start(resolver(
        &fleet,
        &["--tty", "--", "sh", "-c", script, "sh", "<<secure.token>>"],
    ));
    let (status, screen) = console.end();
    assert_eq!(status.code(), Some(3));
    assert_eq!(screen, "three\r\n30 100\r\n[REDACTED:token]\r\n[REDACTED:token]\r\n");
}

#[test]
fn keys_reach_it_as_they_are_and_sizes_too() {
    let fleet = fleet();
    let script = "trap 'echo int' INT; stty -echo; echo ready; read line; echo \"got $line\"; \
                  read line; echo \"then $line\"; until stty size | grep '40 120'; do sleep 0.02; done";
    let mut console = Console::start(resolver(&fleet, &["--tty", "--", "bash", "-c", script]));
    console.expect("ready");
    console.press("hello\r");
    console.expect("got hello");
    // Ctrl-C is the command's, not the end of the resolver.
    console.press("\u{3}");
    console.expect("int");
    console.press("on\r");
    console.expect("then on");
    console.resize(40, 120);
    console.expect("40 120");
    let (status, _) = console.end();
    assert!(status.success());
}

#[test]
fn a_value_on_several_lines_is_masked_although_a_terminal_turns_their_ends() {
    let fleet = fleet();
    fleet.set("lines", "first-l\nsecond\nthird-l", "dev");
    let args = ["--tty", "--", "printf", "%s|", "<<secure.lines>>"];
    let (_, screen) = Console::start(resolver(&fleet, &args)).end();
    assert_eq!(screen, "[REDACTED:lines]|");
}

#[test]
fn what_is_piped_in_ends() {
    let fleet = fleet();
    let args = [
        "run",
        "--tty",
        "--",
        "sh",
        "-c",
        "cat; echo over $1",
        "sh",
        "<<secure.token>>",
    ];
    for text in ["line\n", "half a line", ""] {
        let out = fleet.resolver("dev", &args, text.as_bytes()).ok().out();
        let end = if text.ends_with('\n') { "\r\n" } else { "" };
        assert_eq!(
            out,
            format!("{}{end}over [REDACTED:token]\r\n", text.trim_end()),
            "{text}"
        );
    }
}

#[test]
fn the_terminal_is_given_back_as_it_was() {
    let fleet = fleet();
    let (pty, pts) = pty_process::blocking::open().unwrap();
    let before = tcgetattr(&pts).unwrap();
    let command = resolver(&fleet, &["--tty", "--", "sh", "-c", "sleep 0.2; kill -9 $$"]);
    let mut child = pty_process::blocking::Command::from(command)
        .spawn_borrowed(&pts)
        .unwrap();
    // Raw meanwhile: the keys are the command's.
    let raw = || !tcgetattr(&pts).unwrap().local_modes.contains(LocalModes::ICANON);
    let start = std::time::Instant::now();
    while !raw() {
        assert!(start.elapsed().as_secs() < 20);
    }
    assert_eq!(child.wait().unwrap().code(), Some(137));
    let after = tcgetattr(&pts).unwrap();
    assert_eq!(after.local_modes, before.local_modes);
    assert_eq!(after.input_modes, before.input_modes);
    assert_eq!(after.output_modes, before.output_modes);
    drop(pty);
}

/// An interactive shell with one command `r`, the resolver.
fn shell(fleet: &Fleet) -> Option<Console> {
    if !has("bash") {
        return None;
    }
    let resolver = resolver(fleet, &[]);
    let mut bash = fleet.command("bash", "dev");
    bash.args(["--norc", "--noprofile", "-i"]).current_dir(fleet.path(""));
    bash.envs(resolver.get_envs().filter_map(|(key, value)| Some((key, value?))));
    bash.env("RESOLVER", resolver.get_program())
        .env("PS1", "$ ")
        .env("HISTFILE", "/dev/null");
    let mut console = Console::start(bash);
    console.expect("$ ");
    console.press("stty -echo; bind 'set enable-bracketed-paste off'; r() { $RESOLVER run \"$@\"; }\r");
    console.expect("$ ");
    Some(console)
}

#[test]
fn as_a_job_of_a_shell_it_reads_stops_goes_on_and_is_interrupted() {
    let fleet = fleet();
    let Some(mut console) = shell(&fleet) else { return };
    console
        .press("r -- sh -c 'echo $1; while read line; do echo \"got $line\"; done; echo over' sh '<<secure.token>>'\r");
    console.expect("[REDACTED:token]");
    console.press("one\r");
    console.expect("got one");
    console.press("\u{1a}");
    console.expect("Stopped");
    console.expect("$ ");
    console.press("echo still here\r");
    console.expect("still here");
    console.press("fg\r");
    // What is typed before the shell has set the terminal for the job is not the job's.
    console.expect("$RESOLVER run");
    console.press("two\r");
    console.expect("got two");
    console.press("\u{4}");
    console.expect("over");
    console.expect("$ ");
    // Ctrl-C ends the command and nothing else.
    console.press("r -- sh -c 'echo wait; exec sleep 60'\r");
    console.expect("wait");
    console.press("\u{3}");
    console.expect("$ ");
    console.press("echo code $?\r");
    console.expect("code 130");
    // What follows in a script still has the terminal.
    console.press("sh -c '$RESOLVER run -- echo ran; read line; echo \"script got $line\"'\r");
    console.expect("ran");
    console.press("three\r");
    console.expect("script got three");
    console.press("exit\r");
    let (_, screen) = console.end();
    assert!(!screen.contains(TOKEN));
}

#[test]
fn a_pager_behind_it_keeps_the_terminal_until_the_command_asks_for_it() {
    let fleet = fleet();
    let Some(mut console) = shell(&fleet) else { return };
    // What stands for a pager reads its keys from the terminal, not from the pipe.
    let pager = "pager() { while read line; do echo \"page $line\"; done; read key </dev/tty; echo \"key $key\"; }";
    console.press(&format!("{pager}\r"));
    console.expect("$ ");
    console.press("r -- echo '<<secure.token>>' | pager\r");
    console.expect("page [REDACTED:token]");
    console.press("k\r");
    console.expect("key k");
    console.expect("$ ");
    // A command whose input is a file may still ask at the terminal, as ssh and sudo do.
    console.press("r -- sh -c 'echo ask; read answer </dev/tty; echo \"answered $answer\"' < /dev/null\r");
    console.expect("ask");
    console.press("yes\r");
    console.expect("answered yes");
    console.expect("$ ");
    // Ctrl-Z and Ctrl-C where it has not asked. Nothing is started behind "on": a `sh` whose vfork is stopped before it becomes another program
    // hangs, and is never seen to stop, whoever started it.
    console.press("r -- sh -c 'sleep 0.7 & echo on; wait; echo off; exec sleep 60' < /dev/null\r");
    console.expect("on");
    console.press("\u{1a}");
    console.expect("Stopped");
    console.expect("$ ");
    console.press("fg\r");
    console.expect("off");
    console.press("\u{3}");
    console.expect("$ ");
    console.press("echo code $?\r");
    console.expect("code 130");
    // In the background it waits for the terminal until it is brought to the front.
    console.press("r -- sh -c 'read line; echo \"front $line\"' &\r");
    console.expect("$ ");
    console.press("sleep 0.5; jobs\r");
    console.expect("Stopped");
    console.expect("$ ");
    console.press("fg\r");
    console.expect("r -- sh -c 'read line");
    console.press("here\r");
    console.expect("front here");
    console.press("exit\r");
    console.end();
}
