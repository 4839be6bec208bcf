//! The two eras of the protocol: a greeting that holds for the connection, and since 2026-07-28 requests that say themselves who asks.

use serde_json::{Value, json};

use crate::{fleet, pipe::Serves};

/// The revisions in which a client greets.
const GREETED: [&str; 4] = ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"];

#[test]
fn every_revision_with_a_greeting() {
    let fleet = fleet();
    for version in GREETED {
        let mut peer = fleet.peer(fleet.server_command(&[]));
        let greeted = peer.initialize(version, json!({}));
        assert_eq!(greeted["protocolVersion"], version);
        assert_eq!(greeted["capabilities"], json!({ "tools": {} }));
        assert_eq!(greeted["serverInfo"]["name"], "fleetvault");
        assert_eq!(greeted["serverInfo"]["version"], env!("CARGO_PKG_VERSION"));
        assert_eq!(peer.request("ping", json!({}))["result"], json!({}));
        let tools = peer.request("tools/list", json!({}))["result"].clone();
        for newer in ["resultType", "ttlMs", "cacheScope"] {
            assert_eq!(tools[newer], Value::Null, "{version}");
        }
        assert_eq!(tools["tools"].as_array().unwrap().len(), 3);
        let called = peer.script("echo $1");
        assert_eq!(called.text(), "exit code 0\n--- stdout\n[REDACTED:token]\n");
        assert_eq!(called.0["resultType"], Value::Null);
        peer.finish();
    }
    // One that nobody knows, and one that has no greeting, get the newest that has.
    for version in ["1999-01-01", "2026-07-28", "2099-01-01", ""] {
        let mut peer = fleet.peer(fleet.server_command(&[]));
        assert_eq!(peer.initialize(version, json!({}))["protocolVersion"], "2025-11-25");
        peer.finish();
    }
}

#[test]
fn requests_that_say_who_asks() {
    let fleet = fleet();
    let mut peer = fleet.modern_server(&[]);
    let discovered = peer.request("server/discover", json!({}))["result"].clone();
    assert_eq!(discovered["resultType"], "complete");
    let versions: Vec<&str> = GREETED.into_iter().chain(["2026-07-28"]).collect();
    assert_eq!(discovered["supportedVersions"], json!(versions));
    assert_eq!(discovered["capabilities"], json!({ "tools": {} }));
    assert_eq!(
        discovered["_meta"]["io.modelcontextprotocol/serverInfo"]["name"],
        "fleetvault"
    );
    assert!(discovered["instructions"].as_str().unwrap().contains("member 'dev'"));
    let tools = peer.request("tools/list", json!({}))["result"].clone();
    for result in [&discovered, &tools] {
        assert!(
            result["ttlMs"].is_u64() && result["cacheScope"] == "private",
            "{result}"
        );
    }
    let called = peer.script("echo $1");
    assert_eq!(called.0["resultType"], "complete");
    assert_eq!(called.prints(), "[REDACTED:token]\n");
    peer.finish();
}

#[test]
fn no_discovery_is_needed_and_one_may_come_first_in_either_era() {
    let fleet = fleet();
    let mut peer = fleet.modern_server(&[]);
    peer.call("list_credentials", json!({})).ok();
    peer.finish();
    // A client that probes for the newer era, and then greets all the same.
    let mut peer = fleet.modern_server(&[]);
    peer.request("server/discover", json!({}));
    assert_eq!(
        peer.initialize("2025-11-25", json!({}))["protocolVersion"],
        "2025-11-25"
    );
    assert_eq!(peer.script("echo $1").prints(), "[REDACTED:token]\n");
    peer.finish();
}

#[test]
fn a_request_of_the_newer_era_must_say_who_asks() {
    let fleet = fleet();
    let mut peer = fleet.modern_server(&[]);
    peer.call("list_credentials", json!({})).ok();
    peer.send(
        &json!({ "jsonrpc": "2.0", "id": "x", "method": "tools/call", "params": { "name": "list_credentials" } }),
    );
    let answer = peer.message(|message| message["id"] == "x");
    assert_eq!(answer["error"]["code"], -32602, "{answer}");
    // A revision that it does not speak is refused by name.
    let meta = json!({ "io.modelcontextprotocol/protocolVersion": "2099-01-01" });
    let answer = peer.request("tools/list", json!({ "_meta": meta }));
    assert!(
        answer["error"]["data"]["supported"].to_string().contains("2026-07-28"),
        "{answer}"
    );
    peer.finish();
}

#[test]
fn what_it_does_not_offer_is_said_to_be_unknown() {
    let fleet = fleet();
    for modern in [false, true] {
        let mut peer = if modern {
            fleet.modern_server(&[])
        } else {
            fleet.server(&[])
        };
        for method in [
            "resources/list",
            "resources/templates/list",
            "prompts/list",
            "prompts/get",
            "x/y",
        ] {
            let answer = peer.request(method, json!({ "name": "x" }));
            assert_eq!(answer["error"]["code"], -32601, "{method}: {answer}");
        }
        let answer = peer.request("tools/call", json!({ "name": "read_secret", "arguments": {} }));
        assert_eq!(answer["error"]["code"], -32602, "{answer}");
        assert_eq!(answer["error"]["message"], "unknown tool: read_secret");
        peer.finish();
    }
}
