//! How things end: a call that is cancelled, a client that goes, a server that is asked to. No command outlives whoever wanted it.

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    os::{fd::OwnedFd, unix::net::UnixStream},
    process::{Child, ChildStdin, ChildStdout, Stdio},
    time::{Duration, Instant},
};

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::{
    fleet,
    pipe::{Peer, Serves},
    process, runs,
    support::Fleet,
    wait_for,
};

/// Writes down the process, its child, and waits; the second does not mind being asked to end.
const WAITS: &str = "sleep 60 & echo $! > child; echo $$ > leader; wait";
const STUBBORN: &str = "trap '' TERM INT HUP; echo $$ > stubborn; while :; do sleep 0.1; done";

fn cancel(peer: &mut Peer, id: u64) {
    peer.notify(
        "notifications/cancelled",
        json!({ "requestId": id, "reason": "no longer wanted" }),
    );
}

/// A server with two commands.
struct Busy {
    peer: Peer,
    ids: [u64; 2],
    processes: Vec<String>,
    fleet: Fleet,
}

fn busy(modern: bool) -> Busy {
    let fleet = fleet();
    let mut peer = if modern {
        fleet.modern_server(&[])
    } else {
        fleet.server(&[])
    };
    Busy {
        ids: [WAITS, STUBBORN].map(|script| peer.start_script(script)),
        processes: started(&fleet),
        peer,
        fleet,
    }
}

/// The processes of the two scripts.
fn started(fleet: &Fleet) -> Vec<String> {
    ["child", "leader", "stubborn"]
        .iter()
        .map(|name| process(&fleet.path(name)))
        .collect()
}

#[track_caller]
fn are_gone(processes: &[String]) {
    wait_for("the commands to end", || !processes.iter().any(|process| runs(process)));
}

#[test]
fn a_cancelled_call_ends_its_group_and_is_not_answered() {
    let mut all = [false, true].map(busy);
    for busy in &mut all {
        for id in busy.ids {
            cancel(&mut busy.peer, id);
        }
    }
    for Busy {
        peer, ids, processes, ..
    } in &mut all
    {
        are_gone(processes);
        peer.silence(Duration::from_millis(300), |message| {
            ids.iter().any(|id| message["id"] == *id)
        });
        // It lives on, and what is cancelled late or was never asked does no harm.
        cancel(peer, ids[0]);
        cancel(peer, 999);
        peer.notify("notifications/cancelled", json!({ "requestId": "none" }));
        assert_eq!(peer.script("echo on").prints(), "on\n");
    }
    for busy in all {
        busy.peer.finish();
    }
}

#[test]
fn a_call_that_was_cancelled_while_it_waited_is_never_run() {
    let fleet = fleet();
    let mut peer = fleet.server(&[]);
    // As many as run at a time.
    let running: Vec<u64> = (0..16)
        .map(|_| peer.start_script("echo x >> started; while ! [ -e go ]; do sleep 0.05; done"))
        .collect();
    let started = || fs::read_to_string(fleet.path("started")).map_or(0, |text| text.lines().count());
    let begun = Instant::now();
    while started() < 16 {
        assert!(
            begun.elapsed() < Duration::from_secs(20),
            "{} of 16 have started",
            started()
        );
        std::thread::sleep(Duration::from_millis(20));
    }
    let waiting: Vec<u64> = (0..20).map(|_| peer.start_script("echo x >> ran")).collect();
    peer.silence(Duration::from_millis(300), |_| true);
    for &id in &waiting {
        cancel(&mut peer, id);
    }
    assert_eq!(peer.request("ping", json!({}))["result"], json!({}));
    fs::write(fleet.path("go"), "").unwrap();
    for id in running {
        peer.called(id).ok();
    }
    assert_eq!(peer.script("echo after").prints(), "after\n");
    assert!(!fleet.path("ran").exists(), "a cancelled command was run");
    peer.silence(Duration::from_millis(100), |message| {
        waiting.iter().any(|&id| message["id"] == id)
    });
    peer.finish();
}

#[test]
fn the_end_of_its_input_ends_the_server_and_its_commands() {
    let busy = busy(false);
    let start = Instant::now();
    busy.peer.finish();
    assert!(start.elapsed() < Duration::from_secs(8), "{:?}", start.elapsed());
    are_gone(&busy.processes);
    let fleet = busy.fleet;
    // Without anything to end it is at once, whatever came before.
    for prepare in [
        |_: &mut Peer| {},
        |peer: &mut Peer| drop(peer.initialize("2025-11-25", json!({}))),
    ] {
        let mut peer = fleet.peer(fleet.server_command(&[]));
        prepare(&mut peer);
        let start = Instant::now();
        peer.finish();
        assert!(start.elapsed() < Duration::from_secs(3));
    }
}

#[test]
fn what_waits_for_its_turn_at_the_end_is_never_run() {
    let fleet = fleet();
    let mut peer = fleet.server(&[]);
    for _ in 0..16 {
        peer.start_script("trap '' TERM; echo $$ >> all; while :; do sleep 0.1; done");
    }
    let all = || fs::read_to_string(fleet.path("all")).unwrap_or_default();
    wait_for("sixteen commands", || all().lines().count() == 16);
    for _ in 0..200 {
        peer.start_script("trap '' TERM; echo $$ >> late; while :; do sleep 0.1; done");
    }
    assert_eq!(peer.request("ping", json!({}))["result"], json!({}));
    let start = Instant::now();
    peer.finish();
    assert!(start.elapsed() < Duration::from_secs(9), "{:?}", start.elapsed());
    are_gone(&all().lines().map(str::to_owned).collect::<Vec<_>>());
    let late = fs::read_to_string(fleet.path("late")).unwrap_or_default();
    assert_eq!(
        late, "",
        "commands were started although nobody waited for them any more"
    );
}

#[test]
fn signals_end_the_server_and_its_commands() {
    let mut all = [Signal::TERM, Signal::INT, Signal::HUP].map(|signal| (signal, busy(false)));
    let start = Instant::now();
    for (signal, busy) in &all {
        busy.peer.signal(*signal);
    }
    for (_, busy) in &mut all {
        assert!(busy.peer.ended().success());
        are_gone(&busy.processes);
    }
    assert!(start.elapsed() < Duration::from_secs(8), "{:?}", start.elapsed());
    let fleet = fleet();
    // Before it was greeted, and in the middle of a question.
    let mut peer = fleet.peer(fleet.server_command(&[]));
    peer.write(b"{\"jsonrpc\":");
    std::thread::sleep(Duration::from_millis(300));
    peer.signal(Signal::TERM);
    assert!(peer.ended().success());
}

/// A client that is killed says nothing any more; its pipes close.
#[test]
fn a_client_that_vanishes_takes_its_commands_along() {
    let fleet = fleet();
    let client = "import os, subprocess, sys, time
server = subprocess.Popen(sys.argv[2:], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
server.stdin.write(sys.argv[1].encode())
server.stdin.flush()
open('server', 'w').write(f'{server.pid}\\n')
time.sleep(60)";
    let script = |script: &str| json!({ "argv": ["sh", "-c", script, "sh", "<<secure.token>>"] });
    let greeting =
        json!({ "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": { "name": "x", "version": "1" } });
    let request = |id: u64, method: &str, params: Value| json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params });
    let messages = [
        request(1, "initialize", greeting),
        json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }),
        request(
            2,
            "tools/call",
            json!({ "name": "run_command", "arguments": script(WAITS) }),
        ),
        request(
            3,
            "tools/call",
            json!({ "name": "run_command", "arguments": script(STUBBORN) }),
        ),
    ];
    let text: String = messages.iter().map(|message| format!("{message}\n")).collect();
    if !crate::support::has("python3") {
        return;
    }
    let server = fleet.server_command(&[]);
    let mut command = fleet.command("python3", "dev");
    command
        .envs(server.get_envs().filter_map(|(name, value)| Some((name, value?))))
        .args(["-c", client, &text])
        .arg(server.get_program())
        .args(server.get_args())
        .current_dir(fleet.path(""))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let mut client = command.spawn().unwrap();
    let mut processes = started(&fleet);
    processes.push(process(&fleet.path("server")));
    client.kill().unwrap();
    client.wait().unwrap();
    are_gone(&processes);
}

/// Five seconds of it. A client that does not even read how far its command is can cancel it all the same.
#[test]
fn a_long_command_tells_how_far_it_is_where_that_is_wanted() {
    let (quiet, fleet) = (fleet(), fleet());
    let mut deaf = Deaf::start(&quiet);
    let mut peer = fleet.server(&[]);
    let argv = |script: &str| json!({ "argv": ["sh", "-c", script, "sh", "<<secure.token>>"] });
    let params = |script: &str, token: Value| json!({ "name": "run_command", "arguments": argv(script), "_meta": { "progressToken": token } });
    let told = peer.ask("tools/call", params("echo $1; sleep 5.5", json!("a token")));
    let untold = peer.start_script("sleep 5.5");
    let progress = peer.message(|message| message["method"] == "notifications/progress");
    assert_eq!(progress["params"]["progressToken"], "a token");
    assert_eq!(progress["params"]["message"], "running for 5 s, 17 bytes printed");
    assert!(progress["params"]["progress"].as_f64().unwrap() >= 5.0, "{progress}");
    peer.called(told).ok();
    peer.called(untold).ok();
    peer.silence(Duration::from_millis(50), |message| {
        message["method"] == "notifications/progress"
    });
    peer.finish();
    assert!(runs(&deaf.leader));
    let cancel = json!({ "jsonrpc": "2.0", "method": "notifications/cancelled", "params": { "requestId": 2 } });
    writeln!(deaf.stdin, "{cancel}").unwrap();
    are_gone(&[deaf.leader]);
    drop((deaf.stdin, deaf.stdout));
    wait_for("the server to end", || deaf.server.try_wait().unwrap().is_some());
}

/// A client with a long command, and with so many answers that it does not read that its server can write no more.
struct Deaf {
    server: Child,
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
    leader: String,
}

impl Deaf {
    fn start(fleet: &Fleet) -> Self {
        let mut command = fleet.server_command(&[]);
        let command = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        let mut server = command.spawn().unwrap();
        let mut deaf = Self {
            stdin: server.stdin.take().unwrap(),
            stdout: BufReader::new(server.stdout.take().unwrap()),
            leader: String::new(),
            server,
        };
        let client = json!({ "name": "x", "version": "1" });
        deaf.ask(
            "initialize",
            1,
            json!({ "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": client }),
        );
        deaf.stdout.read_line(&mut String::new()).unwrap();
        let arguments = json!({ "argv": ["sh", "-c", WAITS, "sh", "<<secure.token>>"] });
        deaf.ask(
            "tools/call",
            2,
            json!({ "name": "run_command", "arguments": arguments, "_meta": { "progressToken": 1 } }),
        );
        deaf.leader = process(&fleet.path("leader"));
        for id in 3..100 {
            deaf.ask("tools/list", id, json!({}));
        }
        deaf
    }

    fn ask(&mut self, method: &str, id: u64, params: Value) {
        let message = json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params });
        writeln!(self.stdin, "{message}").unwrap();
    }
}

/// Some clients give sockets in the place of pipes, which are read in another way.
#[test]
fn sockets_in_the_place_of_pipes() {
    for end in [true, false] {
        let fleet = fleet();
        let (mut ours, theirs) = UnixStream::pair().unwrap();
        let mut command = fleet.server_command(&[]);
        command
            .stdin(OwnedFd::from(theirs.try_clone().unwrap()))
            .stdout(OwnedFd::from(theirs))
            .stderr(Stdio::null());
        let mut server = command.spawn().unwrap();
        // Holds the other end of the pair for as long as it lives.
        drop(command);
        let client = json!({ "name": "x", "version": "1" });
        let params = json!({ "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": client });
        let greeting = json!({ "jsonrpc": "2.0", "id": 1, "method": "initialize", "params": params });
        let arguments = json!({ "argv": ["sh", "-c", WAITS, "sh", "<<secure.token>>"] });
        let params = json!({ "name": "run_command", "arguments": arguments });
        let call = json!({ "jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": params });
        write!(ours, "{greeting}\n{call}\n").unwrap();
        let processes = ["leader", "child"].map(|name| process(&fleet.path(name)));
        let start = Instant::now();
        match end {
            true => drop(ours),
            false => rustix::process::kill_process(rustix::process::Pid::from_child(&server), Signal::TERM).unwrap(),
        }
        wait_for("the server to end", || server.try_wait().unwrap().is_some());
        assert!(start.elapsed() < Duration::from_secs(8), "{:?}", start.elapsed());
        are_gone(&processes);
    }
}

#[test]
fn a_question_that_nobody_will_answer_any_more() {
    let fleet = fleet();
    fleet.fleetvault(&["scope", "token", "--network", "confirm"]).ok();
    let mut peer = fleet.peer(fleet.server_command(&[]));
    peer.initialize("2025-06-18", json!({ "elicitation": {} }));
    peer.start_script("touch ran");
    peer.message(|message| message["method"] == "elicitation/create");
    let start = Instant::now();
    peer.finish();
    assert!(start.elapsed() < Duration::from_secs(3), "{:?}", start.elapsed());
    assert!(!fleet.path("ran").exists());
}
