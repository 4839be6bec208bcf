//! opencode: what our plugin says and understands. It checks its permissions on what comes back, and a plugin cannot have a person asked.

use serde_json::{Value, json};

use super::call::{Call, Verdict, of_any_server, shell};

/// The tools of opencode itself; those of servers are called SERVER_TOOL.
const BUILT_IN: [&str; 16] = [
    "apply_patch",
    "bash",
    "batch",
    "codesearch",
    "edit",
    "glob",
    "grep",
    "list",
    "lsp",
    "multiedit",
    "patch",
    "question",
    "read",
    "skill",
    "webfetch",
    "write",
];

pub(super) fn read(request: &Value) -> Call {
    let (Some(tool), Some(input)) = (request.get("tool").and_then(Value::as_str), request.get("args")) else {
        return Call::Other;
    };
    match tool {
        "bash" => shell(input),
        _ if BUILT_IN.contains(&tool) => Call::Other,
        _ => of_any_server(tool, "_", input),
    }
}

pub(super) fn answer(verdict: Verdict) -> Option<Value> {
    match verdict {
        Verdict::Pass => None,
        Verdict::Replace(input) => Some(json!({ "args": input })),
        Verdict::Ask { reason, .. } | Verdict::Deny { reason } => Some(json!({ "deny": reason })),
    }
}
