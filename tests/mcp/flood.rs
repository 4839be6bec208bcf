//! Too much, too large, too deep, and what is no message at all: the server answers or passes over it, and goes on.

use serde_json::json;

use crate::{fleet, pipe::Serves};

#[test]
fn many_requests_at_once_are_all_answered() {
    let fleet = fleet();
    let mut peer = fleet.server(&[]);
    let ids: Vec<(u64, usize)> = (0..200)
        .map(|n| match n % 4 {
            0 => (peer.ask_tool("list_credentials", &json!({})), 0),
            1 => (
                peer.ask_tool("check_template", &json!({ "template": "<<secure.token>>" })),
                1,
            ),
            2 => (peer.start_script(&format!("echo {n} $1")), n),
            _ => (
                peer.ask_tool("run_command", &json!({ "argv": ["true", "<<secure.private>>"] })),
                3,
            ),
        })
        .collect();
    // Answers come in any order, each to its own question.
    for (id, n) in ids.into_iter().rev() {
        let called = peer.called(id);
        match n {
            0 => assert_eq!(called.text(), "other\ntoken"),
            1 => assert_eq!(called.text(), "usable: token"),
            3 => called.says("Credential 'private' is not accessible"),
            _ => assert_eq!(called.prints(), format!("{n} [REDACTED:token]\n")),
        }
    }
    peer.finish();
}

#[test]
fn ten_thousand_requests_are_answered_or_refused_within_bounds() {
    let fleet = fleet();
    let mut peer = fleet.server(&[]);
    let count = 10_000;
    let ids: Vec<u64> = (0..count)
        .map(|n| match n % 4 {
            0 => peer.ask_tool("list_credentials", &json!({})),
            1 => peer.ask_tool("check_template", &json!({ "template": "<<secure.token>>" })),
            _ => peer.ask_tool("run_command", &json!({ "argv": ["true", "<<secure.token>>"] })),
        })
        .collect();
    let mut most = 0;
    let (mut done, mut busy) = (0, 0);
    for id in ids {
        let called = peer.called(id);
        if called.0["isError"] == true {
            called.says("fleetvault: error: 240 commands are waiting already\nfleetvault: hint: wait for some of them");
            busy += 1;
        } else {
            done += 1;
        }
        if (done + busy) % 500 == 0 {
            most = most.max(peer.memory());
        }
    }
    assert_eq!(done + busy, count);
    assert!(done >= count / 2, "{done} were answered");
    assert!(most < 200 << 10, "{most} KiB");
    // And then it is as ever.
    assert_eq!(peer.script("echo $1").prints(), "[REDACTED:token]\n");
    peer.finish();
}

#[test]
fn a_message_that_is_too_long_is_passed_over() {
    let fleet = fleet();
    let mut peer = fleet.server(&[]);
    let idle = peer.memory();
    peer.ask_tool("check_template", &json!({ "template": "x".repeat(20 << 20) }));
    assert_eq!(peer.script("echo $1").prints(), "[REDACTED:token]\n");
    assert!(peer.memory() < idle + (40 << 10));
    // What is within the bound is read: a long input, and a long argument, which no system takes.
    let long = "y".repeat(3 << 20);
    let arguments = json!({ "argv": ["wc", "-c"], "stdin": format!("{long}<<secure.token>>") });
    assert_eq!(
        peer.call("run_command", arguments).prints().trim(),
        (long.len() + 19).to_string()
    );
    let refused = peer
        .call("run_command", json!({ "argv": ["true", "<<secure.token>>", long] }))
        .refused();
    assert!(
        refused.starts_with("fleetvault: error: ") && refused.len() < 2000,
        "{}",
        refused.len()
    );
    // Many references, one credential.
    let many = "<<secure.token>>".repeat(100_000);
    assert_eq!(
        peer.call("check_template", json!({ "template": many })).text(),
        "usable: token"
    );
    let unknown: String = (0..20_000).map(|n| format!("<<secure.n{n}>>")).collect();
    let refused = peer.call("check_template", json!({ "template": unknown })).refused();
    assert!(
        refused.starts_with("Credential 'n0' not found.\n") && refused.len() < 5000,
        "{refused}"
    );
    peer.finish();
}

#[test]
fn what_is_no_message_does_no_harm() {
    let fleet = fleet();
    let mut peer = fleet.peer(fleet.server_command(&[]));
    let nothing: [&[u8]; 13] = [
        b"",
        b"\r",
        b"hello",
        b"{",
        b"\xff\xfe\x00\x01binary",
        b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"",
        b"\xef\xbb\xbf{}",
        b"[]",
        b"null",
        b"{}",
        b"{\"jsonrpc\":\"1.0\",\"id\":1,\"method\":\"ping\"}",
        b"{\"jsonrpc\":\"2.0\",\"id\":{},\"method\":\"ping\"}",
        b"[{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}]",
    ];
    let garbage = |peer: &mut crate::pipe::Peer| {
        for bytes in nothing {
            peer.write(bytes);
            peer.write(b"\n");
        }
        for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
            peer.write(format!("{}{}\n", open.repeat(100_000), close.repeat(100_000)).as_bytes());
            let nested = format!("{}1{}", open.repeat(100_000), close.repeat(100_000));
            let call = format!(
                "{{\"jsonrpc\":\"2.0\",\"id\":\"deep\",\"method\":\"tools/call\",\"params\":{{\"name\":\"run_command\",\"arguments\":{nested}}}}}\n"
            );
            peer.write(call.as_bytes());
        }
    };
    garbage(&mut peer);
    peer.initialize("2025-11-25", json!({}));
    garbage(&mut peer);
    // Shapes of a call that are none.
    for params in [
        json!(null),
        json!("x"),
        json!([]),
        json!({}),
        json!({ "name": 1 }),
        json!({ "name": "run_command", "arguments": "x" }),
        json!({ "name": "run_command", "arguments": [] }),
        json!({ "name": "run_command", "arguments": 1 }),
        json!({ "arguments": {} }),
        json!({ "name": "", "arguments": {} }),
    ] {
        peer.send(&json!({ "jsonrpc": "2.0", "id": "shape", "method": "tools/call", "params": params }));
        let answer = peer
            .message(|message| message["id"] == "shape" || (message["id"].is_null() && message["error"].is_object()));
        assert!(answer["error"]["code"].is_i64(), "{params}: {answer}");
    }
    peer.send(&json!({ "jsonrpc": "2.0", "id": "none", "method": "tools/call", "params": { "name": "run_command" } }));
    let answer = peer.message(|message| message["id"] == "none");
    assert_eq!(answer["result"]["isError"], true, "{answer}");
    // Answers to nothing, and notifications that nobody knows.
    peer.send(&json!({ "jsonrpc": "2.0", "id": 77, "result": { "action": "accept", "content": { "agree": true } } }));
    peer.send(&json!({ "jsonrpc": "2.0", "id": 78, "error": { "code": 1, "message": "x" } }));
    peer.notify("notifications/cancelled", json!({}));
    peer.notify("notifications/nothing", json!({ "x": 1 }));
    peer.notify("notifications/initialized", json!({}));
    // Once greeted, it stays greeted.
    peer.initialize("2024-11-05", json!({}));
    assert_eq!(peer.script("echo $1").prints(), "[REDACTED:token]\n");
    peer.finish();
}

#[test]
fn numbers_and_texts_are_answered_as_they_came() {
    let fleet = fleet();
    let mut peer = fleet.server(&[]);
    for id in [
        json!(0),
        json!(-7),
        json!(9_007_199_254_740_993_u64),
        json!("text"),
        json!(""),
        json!("1"),
    ] {
        peer.send(&json!({ "jsonrpc": "2.0", "id": id, "method": "ping" }));
        assert_eq!(peer.message(|message| message["id"] == id)["result"], json!({}));
    }
    // One number for two calls: the client cannot tell them apart, but the server survives it, and no answer is anybody else's.
    for _ in 0..2 {
        let arguments = json!({ "argv": ["echo", "<<secure.token>>"] });
        let params = json!({ "name": "run_command", "arguments": arguments });
        peer.send(&json!({ "jsonrpc": "2.0", "id": "twice", "method": "tools/call", "params": params }));
    }
    peer.message(|message| message["id"] == "twice");
    assert_eq!(peer.script("echo on").prints(), "on\n");
    peer.finish();
}

#[test]
fn whoever_does_not_greet_is_no_client() {
    let fleet = fleet();
    for first in [
        json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }),
        json!({ "jsonrpc": "2.0", "method": "notifications/cancelled", "params": { "requestId": 1 } }),
        json!({ "jsonrpc": "2.0", "id": 1, "result": {} }),
    ] {
        let run = fleet.resolver("dev", &["mcp"], format!("{first}\n").as_bytes());
        run.fails(1)
            .silent()
            .says("fleetvault: error: the client did not begin as a client of this protocol does");
    }
    // A request that comes too early is told what is missing, and a greeting is still possible.
    let mut peer = fleet.peer(fleet.server_command(&[]));
    for method in ["tools/list", "tools/call", "server/discover", "x"] {
        let answer = peer.request(method, json!({ "name": "run_command", "arguments": {} }));
        assert_eq!(answer["error"]["code"], -32602, "{answer}");
    }
    assert_eq!(peer.request("ping", json!({}))["result"], json!({}));
    peer.initialize("2025-06-18", json!({}));
    assert_eq!(peer.script("echo $1").prints(), "[REDACTED:token]\n");
    peer.finish();
}

/// A little more than nothing where nothing is going on.
#[test]
fn an_idle_server_is_small() {
    let fleet = fleet();
    let mut peer = fleet.server(&[]);
    peer.call("list_credentials", json!({})).ok();
    peer.script("true").ok();
    let memory = peer.memory();
    assert!(memory < 30 << 10, "{memory} KiB");
    peer.finish();
}

/// Lines that are hard to read: the server is asked whether it is still there after each.
#[test]
fn lines_that_are_long_or_deep_are_refused_soon() {
    let fleet = fleet();
    let mut peer = fleet.server(&[]);
    for part in [
        "$(",
        "(",
        "`",
        "${a:-",
        "env ",
        "sudo -u x ",
        "nice -n 1 ",
        "case a in b) ",
    ] {
        for length in [100_000, 2_000_000] {
            let line = format!("{}touch ran <<secure.token>>", part.repeat(length / part.len()));
            let start = std::time::Instant::now();
            let refused = peer.call("run_command", json!({ "shell": line })).refused();
            assert!(
                refused.starts_with("fleetvault: error: ") && refused.len() < 2000,
                "{part}: {refused}"
            );
            assert!(start.elapsed().as_secs() < 5, "{part}");
        }
    }
    let line = format!("echo {}<<secure.token>>", "x".repeat(128 << 10));
    peer.call("run_command", json!({ "shell": line }))
        .says("a shell line must have less than 131072 bytes");
    let line = format!("echo {}<<secure.token>>", "x".repeat(100 << 10));
    peer.call("run_command", json!({ "shell": line })).ok();
    assert!(!fleet.path("ran").exists());
    peer.finish();
}
