//! Claude Code: `PreToolUse`. It checks its own permissions on what comes back, so that no decision is needed to go on; `allow` would skip them.

use serde_json::{Value, json};

use super::call::{Call, Verdict, of_server, shell, tool};

pub(super) fn read(request: &Value) -> Call {
    let Some((tool, input)) = tool(request) else {
        return Call::Other;
    };
    match tool {
        "Bash" => shell(input),
        _ => of_server(tool, "mcp__", "__", input),
    }
}

pub(super) fn answer(verdict: Verdict) -> Option<Value> {
    let mut said = json!({ "hookEventName": "PreToolUse" });
    match verdict {
        Verdict::Pass => return None,
        Verdict::Replace(input) => said["updatedInput"] = input,
        Verdict::Ask { input, reason } => {
            said["permissionDecision"] = "ask".into();
            said["permissionDecisionReason"] = reason.into();
            said["updatedInput"] = input;
        }
        Verdict::Deny { reason } => {
            said["permissionDecision"] = "deny".into();
            said["permissionDecisionReason"] = reason.into();
        }
    }
    Some(json!({ "hookSpecificOutput": said }))
}
