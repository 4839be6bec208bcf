//! Codex: `PreToolUse`, asked as Claude Code does. It takes another input with `allow` only, which skips none of its checks, and cannot be told to
//! ask; what it does not understand it passes over, and runs the original.

use serde_json::{Value, json};

use super::call::Verdict;

pub(super) fn answer(verdict: Verdict) -> Option<Value> {
    let mut said = json!({ "hookEventName": "PreToolUse" });
    match verdict {
        Verdict::Pass => return None,
        Verdict::Replace(input) => {
            said["permissionDecision"] = "allow".into();
            said["updatedInput"] = input;
        }
        Verdict::Ask { reason, .. } | Verdict::Deny { reason } => {
            said["permissionDecision"] = "deny".into();
            said["permissionDecisionReason"] = reason.into();
        }
    }
    Some(json!({ "hookSpecificOutput": said }))
}
