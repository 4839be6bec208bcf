//! What an agent tries that has nothing but its pipe to the server, and means no good.

use std::{
    fs,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::{
    OTHER, PRIVATE, TOKEN, fleet,
    pipe::{Peer, Serves},
    support::{has, run},
};

#[test]
fn by_naming_another_member() {
    let fleet = fleet();
    let private = json!({ "argv": ["touch", "ran", "<<secure.private>>"] });
    let refusal = "Credential 'private' is not accessible to member 'dev'. Allowed: alice";
    let mut peer = fleet.modern_server(&[]);
    for (name, value) in [
        ("member", json!("alice")),
        ("fleetvault/member", json!("alice")),
        (
            "fleetvault",
            json!({ "member": "alice", "identity": fleet.identity("alice") }),
        ),
        (
            "io.modelcontextprotocol/clientInfo",
            json!({ "name": "alice", "version": "1", "member": "alice" }),
        ),
        ("progressToken", json!("alice")),
        (
            "traceparent",
            json!("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
        ),
    ] {
        let params = json!({ "name": "run_command", "arguments": private, "_meta": { name: value } });
        let answer = peer.request("tools/call", params);
        let text = answer["result"]["content"][0]["text"].as_str().unwrap();
        assert_eq!(text.lines().next(), Some(refusal), "{name}");
    }
    // Beside the arguments, and as another kind of call.
    for (name, value) in [
        ("member", json!("alice")),
        ("task", json!({ "ttl": 1000 })),
        ("identity", json!("alice.txt")),
    ] {
        let mut params = json!({ "name": "run_command", "arguments": private });
        params[name] = value;
        let answer = peer.request("tools/call", params);
        assert!(
            answer.to_string().contains(refusal) || answer["error"].is_object(),
            "{answer}"
        );
    }
    // Names that look like another, and ways out of where names live.
    for reference in [
        "private ",
        " private",
        "PRIVATE",
        "./private",
        "../credentials/private",
        "private.toml",
        "alice:private",
        "private|tojson",
        "private | default('x')",
        "private\0",
        "priv\u{430}te",
        "*",
        "",
    ] {
        let arguments = json!({ "argv": ["touch", "ran", format!("<<secure.{reference}>>")] });
        peer.call("run_command", arguments).refused();
    }
    assert!(!fleet.path("ran").exists());
    assert!(!peer.finish().contains(PRIVATE));
}

#[test]
fn by_the_environment_of_the_server_and_of_a_command() {
    let fleet = fleet();
    let greeting =
        b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"initialize\",\"params\":{\"protocolVersion\":\"2025-06-18\",\
        \"capabilities\":{},\"clientInfo\":{\"name\":\"t\",\"version\":\"1\"}}}\n";
    let other = "SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    for (name, value) in [("FLEETVAULT_MEMBER", "alice"), ("FLEETVAULT_ROOT", other)] {
        let mut command = fleet.server_command(&[]);
        command.env(name, value);
        let refused = run(command, greeting).silent();
        assert_eq!(refused.code, 6, "{name}: {}", refused.stderr);
    }
    let mut command = fleet.server_command(&[]);
    command.env("FLEETVAULT_IDENTITY", "/dev/null");
    let refused = run(command, greeting).silent();
    assert_ne!(refused.code, 0);
    let mut peer = fleet.server(&[]);
    for name in ["MEMBER", "IDENTITY", "VAULT", "ROOT", "REF", "ANYTHING"] {
        let name = format!("FLEETVAULT_{name}");
        let arguments = json!({ "argv": ["touch", "ran", "<<secure.token>>"], "env": { &name: "alice" } });
        peer.call("run_command", arguments).says(&format!(
            "{name} is a setting of the resolver, which no command inherits"
        ));
    }
    assert!(!fleet.path("ran").exists());
    // What a command does with the environment is its own affair: the next request is served as ever.
    let arguments =
        json!({ "argv": ["true", "<<secure.token>>"], "env": { "HOME": "/none", "XDG_STATE_HOME": "/none" } });
    peer.call("run_command", arguments).ok();
    peer.script("echo on").prints();
    peer.finish();
}

#[test]
fn by_a_value_that_looks_like_a_reference() {
    let fleet = fleet();
    let mut peer = fleet.server(&[]);
    for arguments in [
        json!({ "argv": ["sh", "-c", "printf %s \"$1\" > got", "sh", "<<secure.other>>"] }),
        json!({ "shell": "printf %s <<secure.other>> > got" }),
        json!({ "shell": "cat > got", "stdin": "<<secure.other>>" }),
    ] {
        peer.call("run_command", arguments).ok();
        assert_eq!(fs::read_to_string(fleet.path("got")).unwrap(), OTHER);
    }
    // A reference that is put together by what stands beside it is none.
    let arguments =
        json!({ "argv": ["sh", "-c", "echo \"$1$2\"", "sh", "<<secure.", "private>>", "<<secure.token>>"] });
    peer.call("run_command", arguments).refused();
    peer.finish();
}

/// A command that prints its value in this way.
#[track_caller]
fn prints(peer: &mut Peer, script: &str) -> Value {
    peer.script(script).ok()
}

#[test]
fn by_printing_it_in_another_form() {
    let fleet = fleet();
    let mut peer = fleet.server(&[]);
    for (program, script) in [
        ("printf", "printf %s \"$1\""),
        ("base64", "printf %s \"$1\" | base64"),
        ("base64", "printf %s \"$1\" | base64 -w 5"),
        ("base64", "printf %s \"$1\" | base64 | tr '+/' '-_'"),
        ("xxd", "printf %s \"$1\" | xxd -p"),
        ("xxd", "printf %s \"$1\" | xxd -p -u"),
        ("od", "printf %s \"$1\" | od -An -v -tx1 | tr -d ' '"),
        ("rev", "printf %s \"$1\" | rev"),
        ("fold", "printf %s \"$1\" | fold -w 1"),
        (
            "python3",
            "python3 -c 'import sys,json; print(json.dumps(sys.argv[1])[1:-1])' \"$1\"",
        ),
        (
            "python3",
            "python3 -c 'import sys; print(sys.argv[1].encode().hex())' \"$1\"",
        ),
        ("sh", "printf s3cr3t-to; sleep 0.1; printf ken-of-dev"),
        (
            "sh",
            "printf %s \"${1%-of-dev}\"; echo x >&2; sleep 0.1; printf %s -of-dev",
        ),
        ("sh", "sh -xc \"true $1\" 2>&1 | sed 's/^+ true //'"),
    ] {
        if !has(program) && program != "printf" {
            continue;
        }
        let result = prints(&mut peer, script);
        assert_eq!(
            result["stdout"].as_str().unwrap().trim(),
            "[REDACTED:token]",
            "{script}"
        );
    }
    for script in [
        "echo \"$1\" >&2",
        "ls \"/none/$1\"",
        "cat --\"$1\"",
        "echo \"x$1\" | base64 >&2",
    ] {
        let result = prints(&mut peer, script);
        assert!(
            result["stderr"].as_str().unwrap().contains("[REDACTED:token]"),
            "{result}"
        );
    }
    // One that programs have to write in another way.
    for script in [
        "import sys,json; print(json.dumps(sys.argv[1])[1:-1])",
        "import sys,urllib.parse as u; print(u.quote(sys.argv[1], safe=\"\"))",
        "import sys,urllib.parse as u; print(u.quote_plus(sys.argv[1]))",
        "import sys; print(sys.argv[1][::-1])",
        "import sys; print(sys.argv[1].encode().hex())",
    ] {
        if has("python3") {
            let arguments = json!({ "argv": ["python3", "-c", script, "<<secure.other>>"] });
            assert_eq!(
                peer.call("run_command", arguments).prints(),
                "[REDACTED:other]\n",
                "{script}"
            );
        }
    }
    // With what stands around it, at each of the three places.
    for before in ["a", "ab", "abc", "user:"] {
        let result = prints(&mut peer, &format!("printf '{before}%s\\n\\n' \"$1\" | base64 -w0"));
        assert!(
            result["stdout"].as_str().unwrap().contains("[REDACTED:token]"),
            "{result}"
        );
    }
    // Its own command line and environment, as the system shows them; and the identity, which lies beside.
    let result = prints(
        &mut peer,
        "tr '\\0' '\\n' < /proc/$$/cmdline; tr '\\0' '\\n' < /proc/$$/environ; cat dev.txt",
    );
    let stdout = result["stdout"].as_str().unwrap();
    assert!(
        stdout.contains("[REDACTED:token]") && stdout.contains("[REDACTED:identity]"),
        "{stdout}"
    );
    let script = "cat /proc/$PPID/environ /proc/$PPID/cmdline 2>&1 | tr '\\0' '\\n'; grep -a -c s3cr3t /proc/$PPID/mem";
    prints(&mut peer, script);
    peer.finish();
}

#[test]
fn by_writing_it_now_and_reading_it_later() {
    let fleet = fleet();
    let mut peer = fleet.server(&[]);
    peer.script("printf %s \"$1\" > kept; printf %s \"$1\" | base64 > kept64")
        .prints();
    let read = json!({ "argv": ["sh", "-c", "cat kept kept64; echo $1", "sh", "<<secure.other>>"] });
    let printed = peer.call("run_command", read).prints();
    assert!(printed.starts_with("[REDACTED:token][REDACTED:token]"), "{printed}");
    // A command that was there before the value was first used, and prints it after.
    let reader = "while ! [ -e later ]; do sleep 0.05; done; cat later";
    peer.finish();
    let mut peer = fleet.server(&[]);
    let id = peer.start_script(reader);
    let write = "printf %s \"$1\" > later.new; mv later.new later";
    peer.call(
        "run_command",
        json!({ "argv": ["sh", "-c", write, "sh", "<<secure.other>>"] }),
    )
    .prints();
    assert_eq!(peer.called(id).prints(), "[REDACTED:other]");
    peer.finish();
}

#[test]
fn by_errors_that_quote_it() {
    let fleet = fleet();
    let mut peer = fleet.server(&[]);
    peer.script("true").ok();
    // The model got hold of it in some other way, and sees what comes back.
    for arguments in [
        json!({ "argv": [TOKEN, "<<secure.token>>"] }),
        json!({ "argv": [format!("/none/{TOKEN}"), "<<secure.token>>"] }),
        json!({ "argv": TOKEN }),
        json!({ "argv": ["true", "<<secure.token>>"], TOKEN: 1 }),
        json!({ "argv": ["true", "<<secure.token>>"], "timeout_seconds": TOKEN }),
        json!({ "argv": ["true", "<<secure.token>>"], "env": { format!("{TOKEN}="): "x" } }),
        json!({ "argv": ["true", "<<secure.token>>"], "stdin": [TOKEN] }),
        json!({ "argv": ["true", format!("<<secure.{TOKEN}>>")] }),
        json!({ "argv": ["true", format!("<<secure.token | {TOKEN}>>")] }),
        json!({ "argv": ["true", format!("<<secure.{TOKEN}")] }),
        json!({ "shell": format!("echo '{TOKEN} <<secure.token>>") }),
        json!({ "shell": format!("eval {TOKEN} <<secure.token>>") }),
    ] {
        let refused = peer.call("run_command", arguments.clone()).refused();
        assert!(!refused.contains(TOKEN), "{arguments}: {refused}");
    }
    peer.call("list_credentials", json!({ "pattern": format!("[{TOKEN}") }))
        .refused();
    peer.call("check_template", json!({ "template": format!("<<secure.{TOKEN}>>") }))
        .refused();
    for (method, params) in [
        ("tools/call", json!({ "name": TOKEN, "arguments": {} })),
        ("tools/call", json!({ "name": "run_command", "arguments": TOKEN })),
        ("tools/call", json!(TOKEN)),
        (TOKEN, json!({})),
        ("tools/list", json!({ "cursor": TOKEN })),
    ] {
        let message = json!({ "jsonrpc": "2.0", "id": "quoted", "method": method, "params": params });
        peer.send(&message);
        peer.message(|message| message["id"] == "quoted" || message["id"].is_null());
    }
    peer.finish();
}

#[test]
fn by_paths_that_quote_it() {
    let fleet = fleet();
    fs::create_dir(fleet.path("out")).unwrap();
    let mut peer = fleet.peer(fleet.server_command(&["--reveal", "--allow-write", "out"]));
    peer.initialize("2025-11-25", json!({}));
    peer.script("true").ok();
    for path in [format!("none/{TOKEN}"), format!("out/{TOKEN}/x"), format!("../{TOKEN}")] {
        peer.call("render_file", json!({ "template": "<<secure.token>>", "path": path }))
            .refused();
    }
    peer.finish();
}

#[test]
fn by_holding_all_places() {
    let fleet = fleet();
    let mut peer = fleet.server(&[]);
    let waits = "while ! [ -e go ]; do sleep 0.1; done";
    let ids: Vec<u64> = (0..300).map(|_| peer.start_script(waits)).collect();
    // Those that are too many are told so at once, and everything else goes on.
    for &id in &ids[256..] {
        peer.called(id).says("240 commands are waiting already");
    }
    let start = Instant::now();
    peer.call("list_credentials", json!({})).ok();
    peer.call("check_template", json!({ "template": "<<secure.token>>" }))
        .ok();
    assert!(start.elapsed() < Duration::from_secs(3));
    fs::write(fleet.path("go"), "").unwrap();
    for &id in &ids[..256] {
        peer.called(id).ok();
    }
    peer.finish();
}
