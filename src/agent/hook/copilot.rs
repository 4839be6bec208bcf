//! GitHub Copilot CLI: `preToolUse`, in its own dialect and in the one that it shares with Claude Code; an event's name tells which. It checks
//! its permissions on what comes back; `allow` would skip them.

use serde_json::{Map, Value, json};

use super::{
    call::{Call, Verdict, of_any_server, shell},
    claude_code,
};

/// The tools of Copilot itself. Those of servers are called SERVER-TOOL.
const FOREIGN: &str = "-";

pub(super) fn read(request: &Value) -> Call {
    let Some(tool) = request.get("toolName").and_then(Value::as_str) else {
        return claude_code::read(request);
    };
    let Some(input) = input(request).map(Value::Object) else {
        return Call::Other;
    };
    match tool {
        "bash" => shell(&input),
        _ => of_any_server(tool, FOREIGN, &input),
    }
}

/// The arguments: an object, or its text, as older versions have it.
pub(super) fn input(request: &Value) -> Option<Map<String, Value>> {
    match request.get("toolArgs").or_else(|| request.get("tool_input"))? {
        Value::Object(input) => Some(input.clone()),
        Value::String(text) => serde_json::from_str(text).ok(),
        _ => None,
    }
}

pub(super) fn answer(request: &Value, verdict: Verdict) -> Option<Value> {
    if request.get("toolName").is_none() {
        return claude_code::answer(verdict);
    }
    match verdict {
        Verdict::Pass => None,
        Verdict::Replace(input) => Some(json!({ "modifiedArgs": input })),
        Verdict::Ask { input, reason } => Some(json!({
            "permissionDecision": "ask",
            "permissionDecisionReason": reason,
            "modifiedArgs": input,
        })),
        Verdict::Deny { reason } => Some(json!({
            "permissionDecision": "deny",
            "permissionDecisionReason": reason,
        })),
    }
}
