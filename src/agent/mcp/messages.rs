//! What tools are given and give back. Fields are described for models in `tools`; a test there holds the two together.

use std::collections::BTreeMap;

use rmcp::model::{CallToolResponse, CallToolResult, ContentBlock, JsonObject};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::{
    cli::Failure,
    terminal::{escape, report::Report},
};

#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
pub(super) struct ListArguments {
    #[serde(default)]
    pub pattern: Option<String>,
}

#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
pub(super) struct TemplateArguments {
    pub template: String,
}

#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
pub(super) struct RunArguments {
    #[serde(default)]
    pub argv: Vec<String>,
    #[serde(default)]
    pub shell: Option<String>,
    #[serde(default)]
    pub env: BTreeMap<String, String>,
    #[serde(default)]
    pub stdin: Option<String>,
    #[serde(default)]
    pub timeout_seconds: Option<u64>,
}

#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
pub(super) struct RenderArguments {
    pub template: String,
    pub path: String,
}

#[derive(Serialize)]
pub(super) struct ListResult {
    pub credentials: Vec<ListedCredential>,
    pub omitted: usize,
    pub untrusted: usize,
}

impl ListResult {
    /// The list for a reader.
    pub(super) fn text(&self) -> String {
        let mut lines: Vec<String> = self.credentials.iter().map(ListedCredential::line).collect();
        if lines.is_empty() {
            lines.push("no credential that you may use".into());
        }
        if self.omitted > 0 {
            lines.push(format!("… and {} more: narrow the pattern", self.omitted));
        }
        if self.untrusted > 0 {
            lines.push(format!(
                "{} files are not to be trusted and left out; 'fleetvault verify' tells which",
                self.untrusted
            ));
        }
        lines.join("\n")
    }
}

#[derive(Serialize)]
pub(super) struct ListedCredential {
    pub name: String,
    pub network: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires: Option<String>,
    pub expired: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

impl ListedCredential {
    fn line(&self) -> String {
        let mut line = self.name.clone();
        match self.network.as_str() {
            "confirm" => line.push_str(" (a person is asked for each use)"),
            "deny" => line.push_str(" (for commands without the network)"),
            _ => {}
        }
        match (&self.expires, self.expired) {
            (Some(on), true) => line.push_str(&format!(", expired on {on}")),
            (Some(on), false) => line.push_str(&format!(", expires on {on}")),
            (None, _) => {}
        }
        if let Some(note) = &self.note {
            line.push_str(&format!(": {}", escape(note)));
        }
        line
    }
}

#[derive(Serialize)]
pub(super) struct CheckResult {
    pub credentials: Vec<String>,
}

#[derive(Serialize)]
pub(super) struct RunResult {
    pub exit_code: i32,
    pub timed_out: bool,
    pub stdout: String,
    pub stderr: String,
    pub stdout_omitted: u64,
    pub stderr_omitted: u64,
}

#[derive(Serialize)]
pub(super) struct ResolveResult {
    pub text: String,
}

#[derive(Serialize)]
pub(super) struct RenderResult {
    pub path: String,
    pub bytes: usize,
}

/// Reads the arguments of a tool.
///
/// # Errors
/// What is wrong with them, an argument that the tool does not have included.
pub(super) fn arguments<A: DeserializeOwned>(given: Option<JsonObject>) -> Result<A, String> {
    let given = Value::Object(given.unwrap_or_default());
    serde_json::from_value(given).map_err(|error| error.to_string())
}

/// A result for programs, and the same for readers.
pub(super) fn done(result: &impl Serialize, text: String) -> Result<CallToolResponse, Failure> {
    let structured = serde_json::to_value(result)
        .map_err(|error| Report::new(1, "internal", format!("the result cannot be written: {error}")))?;
    let mut response = CallToolResult::structured(structured);
    response.content = vec![ContentBlock::text(text)];
    Ok(response.into())
}
