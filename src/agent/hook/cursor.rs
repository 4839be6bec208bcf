//! Cursor: `preToolUse`. Whether it asks when it is told to depends on its version, so that asking forbids.

use serde_json::{Value, json};

use super::call::{Call, Verdict, shell, tool};

/// What the names of servers' tools begin with.
const FOREIGN: &str = "MCP:";

/// The tools of our own server that take references.
const OWN: [&str; 4] = ["run_command", "check_template", "resolve_template", "render_file"];

pub(super) fn read(request: &Value) -> Call {
    let Some((tool, input)) = tool(request) else {
        return Call::Other;
    };
    match tool.strip_prefix(FOREIGN) {
        None if tool == "Shell" => shell(input),
        None => Call::Other,
        // The server is not named. A tool that is called as one of ours gets no more than the text.
        Some(name) if OWN.contains(&name) => Call::Own {
            tool: name.to_owned(),
            input: input.clone(),
        },
        Some(name) => Call::Foreign {
            tool: name.to_owned(),
            input: input.clone(),
        },
    }
}

pub(super) fn answer(verdict: Verdict) -> Option<Value> {
    match verdict {
        Verdict::Pass => None,
        Verdict::Replace(input) => Some(json!({ "updated_input": input })),
        Verdict::Ask { reason, .. } | Verdict::Deny { reason } => Some(json!({
            "permission": "deny",
            "user_message": reason,
            "agent_message": reason,
        })),
    }
}
