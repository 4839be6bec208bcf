//! A person's yes by way of the client. In the older era the server asks; in the newer one it answers with its question, and the call comes again.

use std::fs;

use serde_json::{Value, json};

use crate::{
    TOKEN, configure, fleet,
    pipe::{Called, Peer, Serves},
    script,
    support::Fleet,
};

fn careful() -> Fleet {
    let fleet = fleet();
    fleet.fleetvault(&["scope", "token", "--network", "confirm"]).ok();
    fleet
}

fn touch() -> Value {
    json!({ "argv": ["touch", "ran", "<<secure.token>>"] })
}

/// What a person could answer, a yes first.
fn answers() -> Vec<Value> {
    vec![
        json!({ "action": "accept", "content": { "agree": true } }),
        json!({ "action": "accept", "content": { "agree": false } }),
        json!({ "action": "accept", "content": { "agree": "true" } }),
        json!({ "action": "accept", "content": {} }),
        json!({ "action": "accept" }),
        json!({ "action": "decline" }),
        json!({ "action": "decline", "content": { "agree": true } }),
        json!({ "action": "cancel" }),
    ]
}

#[track_caller]
fn not_agreed(called: Called) {
    called.says("credential 'token' was not used: the person who was asked by way of the client did not agree");
}

#[track_caller]
fn has_run(fleet: &Fleet) -> bool {
    fs::remove_file(fleet.path("ran")).is_ok()
}

/// Demands that a question shows the whole command and asks for a yes and nothing else.
#[track_caller]
fn is_the_question(params: &Value, fleet: &Fleet) {
    let here = fleet.path("").canonicalize().unwrap();
    assert_eq!(
        params["message"],
        format!(
            "member 'dev' wants to use 'token' to run this command:\n\
             \u{20} | touch ran '<<secure.token>>'\n\
             \u{20} | in {}\n\
             That is all of it, these 2 lines marked with '|'.\n\
             It would let member 'dev' use 'token' to run this command.\n\
             Agree?",
            here.display()
        )
    );
    let schema = &params["requestedSchema"];
    assert_eq!(schema["required"], json!(["agree"]));
    assert_eq!(schema["properties"].as_object().unwrap().len(), 1);
    assert_eq!(schema["properties"]["agree"]["type"], "boolean");
}

#[test]
fn in_the_older_era_it_asks_and_waits() {
    let fleet = careful();
    let mut peer = fleet.peer(fleet.server_command(&[]));
    peer.initialize("2025-06-18", json!({ "elicitation": {} }));
    for (index, answer) in answers().into_iter().enumerate() {
        let id = peer.ask_tool("run_command", &touch());
        let question = peer.message(|message| message["method"] == "elicitation/create");
        is_the_question(&question["params"], &fleet);
        // Others are served meanwhile.
        peer.call("check_template", json!({ "template": "<<secure.token>>" }))
            .ok();
        assert!(!has_run(&fleet));
        peer.send(&json!({ "jsonrpc": "2.0", "id": question["id"], "result": answer }));
        let called = peer.called(id);
        match index {
            0 => drop(called.ok()),
            _ => not_agreed(called),
        }
        assert_eq!(has_run(&fleet), index == 0, "{answer}");
    }
    let id = peer.ask_tool("run_command", &touch());
    let question = peer.message(|message| message["method"] == "elicitation/create");
    let error = json!({ "code": -32603, "message": "no window" });
    peer.send(&json!({ "jsonrpc": "2.0", "id": question["id"], "error": error }));
    not_agreed(peer.called(id));
    // A question about a call that is cancelled is one about nothing.
    let id = peer.ask_tool("run_command", &touch());
    let question = peer.message(|message| message["method"] == "elicitation/create");
    peer.notify("notifications/cancelled", json!({ "requestId": id }));
    peer.request("ping", json!({}));
    peer.send(&json!({ "jsonrpc": "2.0", "id": question["id"], "result": answers()[0] }));
    peer.silence(std::time::Duration::from_millis(200), |message| message["id"] == id);
    assert!(!has_run(&fleet));
    peer.finish();
}

#[test]
fn where_the_client_cannot_ask_anybody_it_is_refused() {
    let fleet = careful();
    let mut modern = fleet.peer(fleet.server_command(&[]));
    modern.be_modern(json!({}));
    let mut by_link = fleet.peer(fleet.server_command(&[]));
    by_link.be_modern(json!({ "elicitation": { "url": {} } }));
    for mut peer in [fleet.server(&[]), modern, by_link] {
        let refused = peer.call("run_command", touch()).refused();
        assert_eq!(
            refused,
            "fleetvault: error: credential 'token' needs a person's yes for each use (network = \"confirm\"), and there is nobody to ask\n\
             fleetvault: hint: use a client that can ask (MCP elicitation), or name a program that asks somebody as 'approver' in resolver.toml"
        );
        peer.finish();
    }
    assert!(!has_run(&fleet));
}

/// Asks, and returns the state that comes with the question.
#[track_caller]
fn question(peer: &mut Peer, arguments: &Value) -> (Value, Value) {
    let answer = peer.request("tools/call", json!({ "name": "run_command", "arguments": arguments }));
    let result = answer["result"].clone();
    assert_eq!(result["resultType"], "input_required", "{answer}");
    assert_eq!(result["inputRequests"]["confirm"]["method"], "elicitation/create");
    (
        result["requestState"].clone(),
        result["inputRequests"]["confirm"]["params"].clone(),
    )
}

fn retry(peer: &mut Peer, arguments: &Value, state: &Value, answer: &Value) -> Value {
    let mut params = json!({ "name": "run_command", "arguments": arguments, "inputResponses": { "confirm": answer } });
    if !state.is_null() {
        params["requestState"] = state.clone();
    }
    peer.request("tools/call", params)["result"].clone()
}

#[test]
fn in_the_newer_era_the_call_comes_again_with_the_answer() {
    let fleet = careful();
    let mut peer = fleet.modern_server(&[]);
    for (index, answer) in answers().into_iter().enumerate() {
        let (state, asked) = question(&mut peer, &touch());
        is_the_question(&asked, &fleet);
        assert!(!state.as_str().unwrap().is_empty() && !has_run(&fleet));
        let called = Called(retry(&mut peer, &touch(), &state, &answer));
        match index {
            0 => drop(called.ok()),
            _ => not_agreed(called),
        }
        assert_eq!(has_run(&fleet), index == 0, "{answer}");
    }
    peer.finish();
}

#[test]
fn an_answer_is_good_for_one_call_and_nothing_else() {
    let fleet = careful();
    let mut peer = fleet.modern_server(&[]);
    let yes = answers()[0].clone();
    let (state, _) = question(&mut peer, &touch());
    Called(retry(&mut peer, &touch(), &state, &yes)).ok();
    assert!(has_run(&fleet));
    let asks_again = |result: Value, what: &str| {
        assert_eq!(result["resultType"], "input_required", "{what}: {result}");
        assert!(!fleet.path("ran").exists(), "{what}");
    };
    asks_again(retry(&mut peer, &touch(), &state, &yes), "a yes that was used");
    asks_again(retry(&mut peer, &touch(), &Value::Null, &yes), "a yes to no question");
    for forged in ["", "x", "00000000000000000000000000000000"] {
        asks_again(
            retry(&mut peer, &touch(), &json!(forged), &yes),
            "a question that nobody asked",
        );
    }
    // A question about one command, and the yes with another.
    for other in [
        json!({ "argv": ["touch", "ran", "<<secure.token>>", "more"] }),
        json!({ "argv": ["touch", "ran", "<<secure.token>> "] }),
        json!({ "argv": ["touch", "ran", "<<secure.token>>"], "env": {} }),
        json!({ "shell": "touch ran; echo <<secure.token>>" }),
    ] {
        let (state, _) = question(&mut peer, &touch());
        asks_again(retry(&mut peer, &other, &state, &yes), "another command");
        // And that attempt has used it up.
        asks_again(retry(&mut peer, &touch(), &state, &yes), "after another command");
    }
    // An answer that is none, or to another question.
    let (state, _) = question(&mut peer, &touch());
    let params = json!({
        "name": "run_command", "arguments": touch(), "requestState": state, "inputResponses": { "other": yes },
    });
    asks_again(peer.request("tools/call", params)["result"].clone(), "another question");
    let (state, _) = question(&mut peer, &touch());
    let params = json!({ "name": "run_command", "arguments": touch(), "requestState": state });
    asks_again(peer.request("tools/call", params)["result"].clone(), "no answer at all");
    // Only so many questions are kept: the oldest are forgotten, never answered for.
    let (state, _) = question(&mut peer, &touch());
    for _ in 0..256 {
        question(&mut peer, &touch());
    }
    asks_again(
        retry(&mut peer, &touch(), &state, &yes),
        "a question that was forgotten",
    );
    // Of two servers of one launch, each knows its own questions only.
    let (state, _) = question(&mut peer, &touch());
    let mut second = fleet.modern_server(&[]);
    asks_again(retry(&mut second, &touch(), &state, &yes), "another process");
    second.finish();
    peer.finish();
}

#[test]
fn what_changes_between_question_and_answer_is_asked_about_again() {
    let fleet = careful();
    let mut peer = fleet.modern_server(&[]);
    let yes = answers()[0].clone();
    let (state, _) = question(&mut peer, &touch());
    fleet
        .fleetvault_with(&["rotate", "token"], b"s3cr3t-of-another-day")
        .ok();
    let again = retry(&mut peer, &touch(), &state, &yes);
    assert_eq!(again["resultType"], "input_required", "{again}");
    assert!(!has_run(&fleet));
    Called(retry(&mut peer, &touch(), &again["requestState"], &yes)).ok();
    assert!(has_run(&fleet));
    let (state, _) = question(&mut peer, &touch());
    fleet.fleetvault(&["scope", "token", "--members", "alice"]).ok();
    Called(retry(&mut peer, &touch(), &state, &yes)).says("not accessible to member 'dev'. Allowed: alice");
    assert!(!has_run(&fleet));
    peer.finish();
    // In the older era the question stands while it changes.
    let fleet = careful();
    let mut peer = fleet.peer(fleet.server_command(&[]));
    peer.initialize("2025-06-18", json!({ "elicitation": {} }));
    let id = peer.ask_tool("run_command", &touch());
    let question = peer.message(|message| message["method"] == "elicitation/create");
    fleet
        .fleetvault_with(&["rotate", "token"], b"s3cr3t-of-another-day")
        .ok();
    peer.send(&json!({ "jsonrpc": "2.0", "id": question["id"], "result": yes }));
    assert_eq!(
        peer.called(id).refused(),
        "fleetvault: error: the vault has changed while it was asked about\nfleetvault: hint: nothing was opened; call again"
    );
    assert!(!has_run(&fleet));
    peer.finish();
}

#[test]
fn the_approver_is_asked_in_place_of_the_client() {
    let fleet = careful();
    let asked = fleet.path("asked");
    let approver = script(&fleet.path("approver"), &format!("cat >> {}", asked.display()));
    configure(&fleet, &format!("approver = {:?}\n", approver.to_str().unwrap()));
    for modern in [false, true] {
        let mut peer = if modern {
            fleet.modern_server(&[])
        } else {
            fleet.server(&[])
        };
        peer.call("run_command", touch()).ok();
        assert!(has_run(&fleet));
        let question: Value = serde_json::from_str(&fs::read_to_string(&asked).unwrap()).unwrap();
        assert_eq!(question["credentials"], json!(["token"]));
        assert_eq!(question["command"], touch()["argv"]);
        assert!(!question.to_string().contains(TOKEN));
        fs::remove_file(&asked).unwrap();
        // One that needs no yes asks nobody.
        peer.call("run_command", json!({ "argv": ["true", "<<secure.other>>"] }))
            .ok();
        assert!(!asked.exists());
        peer.finish();
    }
    script(&approver, "echo 'not today' >&2; exit 1");
    let mut peer = fleet.modern_server(&[]);
    peer.call("run_command", touch())
        .says("credential 'token' was not used: the approver ");
    // No answer of the client's counts, since nothing was asked of it.
    let forged = retry(&mut peer, &touch(), &json!("x"), &answers()[0]);
    Called(forged).says("not today");
    assert!(!has_run(&fleet));
    peer.finish();
}
