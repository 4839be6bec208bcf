//! Gemini CLI: `BeforeTool`. It checks its policies on what comes back. Told to ask, it would wait for ever where nobody is there.

use serde_json::{Value, json};

use super::call::{Call, Verdict, of_server, shell, tool};

pub(super) fn read(request: &Value) -> Call {
    let Some((tool, input)) = tool(request) else {
        return Call::Other;
    };
    match tool {
        "run_shell_command" => shell(input),
        _ => of_server(tool, "mcp_", "_", input),
    }
}

pub(super) fn answer(verdict: Verdict) -> Option<Value> {
    match verdict {
        Verdict::Pass => None,
        Verdict::Replace(input) => {
            Some(json!({ "hookSpecificOutput": { "hookEventName": "BeforeTool", "tool_input": input } }))
        }
        Verdict::Ask { reason, .. } | Verdict::Deny { reason } => Some(json!({ "decision": "deny", "reason": reason })),
    }
}
