//! The tools as a model meets them: names, descriptions, schemas.
//!
//! The schemas are written out rather than made from the types of `messages`: clients differ in what they understand, and plain ones work everywhere. A test
//! holds the two together.

use std::sync::Arc;

use rmcp::model::{JsonObject, Tool, ToolAnnotations};
use serde_json::{Value, json};

/// The tools, in the order in which they are listed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum ToolName {
    ListCredentials,
    CheckTemplate,
    RunCommand,
    ResolveTemplate,
    RenderFile,
}

impl ToolName {
    /// All of them.
    pub(super) const ALL: [Self; 5] = [
        Self::ListCredentials,
        Self::CheckTemplate,
        Self::RunCommand,
        Self::ResolveTemplate,
        Self::RenderFile,
    ];

    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::ListCredentials => "list_credentials",
            Self::CheckTemplate => "check_template",
            Self::RunCommand => "run_command",
            Self::ResolveTemplate => "resolve_template",
            Self::RenderFile => "render_file",
        }
    }

    /// Tells whether it gives values away, so that it exists only where the launch says so.
    pub(super) const fn reveals(self) -> bool {
        matches!(self, Self::ResolveTemplate | Self::RenderFile)
    }

    /// Describes it for the list of tools.
    pub(super) fn tool(self) -> Tool {
        let hints = ToolAnnotations::with_title(self.title());
        let hints = match self {
            Self::ListCredentials | Self::CheckTemplate => hints.read_only(true).open_world(false),
            Self::ResolveTemplate => hints.read_only(true).open_world(false),
            Self::RunCommand => hints
                .read_only(false)
                .destructive(true)
                .idempotent(false)
                .open_world(true),
            Self::RenderFile => hints
                .read_only(false)
                .destructive(true)
                .idempotent(true)
                .open_world(false),
        };
        Tool::new(self.as_str(), self.description(), object(self.input()))
            .with_title(self.title())
            .with_annotations(hints)
            .with_raw_output_schema(object(self.output()))
    }

    const fn title(self) -> &'static str {
        match self {
            Self::ListCredentials => "List usable credentials",
            Self::CheckTemplate => "Check references to credentials",
            Self::RunCommand => "Run a command with credentials",
            Self::ResolveTemplate => "Resolve a template to plaintext",
            Self::RenderFile => "Render a template into a file",
        }
    }

    const fn description(self) -> &'static str {
        match self {
            Self::ListCredentials => {
                "Lists the credentials you may use: name, network policy, expiry, note. Call it first to learn the exact names that go into \
                 <<secure.NAME>>. It shows no values, and other members' credentials are not listed."
            }
            Self::CheckTemplate => {
                "Tells whether every <<secure.NAME>> in a text may be used by you, without using any of them: nothing is opened, nothing is run. \
                 Call it before a long or irreversible command. On a refusal it names the reason for each reference."
            }
            Self::RunCommand => {
                "Runs a command that needs credentials. Write <<secure.NAME>> where a value belongs, in argv, shell, env or stdin; it is put in for \
                 this command only, and what the command prints comes back with values masked as [REDACTED:NAME]. Prefer argv, which needs no \
                 quoting. Use it only for commands with at least one reference: one without is refused, use your ordinary shell tool for it. \
                 Transforming output so that a value gets past the mask is not allowed."
            }
            Self::ResolveTemplate => {
                "Returns a text with the values of its <<secure.NAME>> references in plaintext. For programs that are not models; a model uses \
                 run_command, which shows no value."
            }
            Self::RenderFile => {
                "Writes a text with the values of its <<secure.NAME>> references to a file that only its owner can read (mode 0600), in one of the \
                 directories that were allowed at launch, replacing the file if there is one. Returns no value."
            }
        }
    }

    fn input(self) -> Value {
        let template = json!({
            "type": "string",
            "description": "Text with references such as <<secure.github_pat>> or <<secure.prod/db/password | urlencode>>. All other text is kept as it is.",
        });
        match self {
            Self::ListCredentials => schema(
                &[],
                json!({
                    "pattern": {
                        "type": "string",
                        "description": "Only names that match this pattern: * stands for anything within a name, such as prod/* or *github*. Default: all.",
                    },
                }),
            ),
            Self::CheckTemplate | Self::ResolveTemplate => schema(&["template"], json!({ "template": template })),
            Self::RunCommand => schema(
                &[],
                json!({
                    "argv": {
                        "type": "array",
                        "items": { "type": "string" },
                        "minItems": 1,
                        "description": "Program and arguments, one string each, started directly without a shell. References may stand in the arguments, not in the program. Give either argv or shell.",
                    },
                    "shell": {
                        "type": "string",
                        "description": "A line for sh, for pipes and redirections. A value is always one word and never code; a reference where that cannot be is refused with the rewrite to use. Give either argv or shell.",
                    },
                    "env": {
                        "type": "object",
                        "additionalProperties": { "type": "string" },
                        "description": "Environment variables for the command; their values may hold references.",
                    },
                    "stdin": {
                        "type": "string",
                        "description": "What the command reads on standard input; may hold references. Default: nothing.",
                    },
                    "timeout_seconds": {
                        "type": "integer",
                        "minimum": 1,
                        "description": "The command is ended after this time. Default, and at most: what the launch allows.",
                    },
                }),
            ),
            Self::RenderFile => schema(
                &["template", "path"],
                json!({
                    "template": template,
                    "path": {
                        "type": "string",
                        "description": "The file to write, in an allowed directory, without '..' and not through a link.",
                    },
                }),
            ),
        }
    }

    fn output(self) -> Value {
        let names = json!({ "type": "array", "items": { "type": "string" } });
        match self {
            Self::ListCredentials => schema(
                &["credentials", "omitted", "untrusted"],
                json!({
                    "credentials": {
                        "type": "array",
                        "items": schema(&["name", "network", "expired"], json!({
                            "name": { "type": "string" },
                            "network": { "type": "string", "enum": ["allow", "confirm", "deny"] },
                            "expires": { "type": "string" },
                            "expired": { "type": "boolean" },
                            "note": { "type": "string" },
                        })),
                    },
                    "omitted": { "type": "integer", "minimum": 0, "description": "How many more there are; narrow the pattern." },
                    "untrusted": { "type": "integer", "minimum": 0, "description": "How many files are left out since they are not to be trusted." },
                }),
            ),
            Self::CheckTemplate => schema(&["credentials"], json!({ "credentials": names })),
            Self::RunCommand => schema(
                &[
                    "exit_code",
                    "timed_out",
                    "stdout",
                    "stderr",
                    "stdout_omitted",
                    "stderr_omitted",
                ],
                json!({
                    "exit_code": { "type": "integer", "description": "128+N where signal N ended it, 124 where its time was up." },
                    "timed_out": { "type": "boolean" },
                    "stdout": { "type": "string" },
                    "stderr": { "type": "string" },
                    "stdout_omitted": { "type": "integer", "description": "Bytes left out of the middle of stdout." },
                    "stderr_omitted": { "type": "integer", "description": "Bytes left out of the middle of stderr." },
                }),
            ),
            Self::ResolveTemplate => schema(&["text"], json!({ "text": { "type": "string" } })),
            Self::RenderFile => schema(
                &["path", "bytes"],
                json!({
                    "path": { "type": "string" },
                    "bytes": { "type": "integer", "minimum": 0 },
                }),
            ),
        }
    }
}

fn schema(required: &[&str], properties: Value) -> Value {
    json!({
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": false,
    })
}

fn object(value: Value) -> Arc<JsonObject> {
    match value {
        Value::Object(object) => Arc::new(object),
        _ => Arc::default(),
    }
}

/// Finds a tool by its name, among those of this launch.
pub(super) fn named(name: &str, reveal: bool) -> Option<ToolName> {
    let offered = ToolName::ALL.into_iter().filter(|tool| reveal || !tool.reveals());
    offered.into_iter().find(|tool| tool.as_str() == name)
}

#[cfg(test)]
mod tests {
    use super::super::messages::{ListArguments, RenderArguments, RunArguments, TemplateArguments, arguments};
    use super::*;

    fn example(tool: ToolName) -> Value {
        match tool {
            ToolName::ListCredentials => json!({ "pattern": "*" }),
            ToolName::CheckTemplate | ToolName::ResolveTemplate => json!({ "template": "" }),
            ToolName::RunCommand => {
                json!({ "argv": ["a"], "shell": "b", "env": {}, "stdin": "", "timeout_seconds": 1 })
            }
            ToolName::RenderFile => json!({ "template": "", "path": "" }),
        }
    }

    fn read(tool: ToolName, given: Value) -> Result<(), String> {
        let Value::Object(given) = given else { unreachable!() };
        let given = Some(given);
        match tool {
            ToolName::ListCredentials => arguments::<ListArguments>(given).map(drop),
            ToolName::CheckTemplate | ToolName::ResolveTemplate => arguments::<TemplateArguments>(given).map(drop),
            ToolName::RunCommand => arguments::<RunArguments>(given).map(drop),
            ToolName::RenderFile => arguments::<RenderArguments>(given).map(drop),
        }
    }

    #[test]
    fn schemas_and_types_name_the_same_arguments() {
        for tool in ToolName::ALL {
            let described = tool.tool().input_schema;
            let all = example(tool);
            let names: Vec<&String> = all.as_object().unwrap().keys().collect();
            let properties = described["properties"].as_object().unwrap();
            assert_eq!(properties.keys().collect::<Vec<_>>(), names, "{tool:?}");
            read(tool, all.clone()).unwrap();
            for required in described["required"].as_array().unwrap() {
                let mut less = all.clone();
                less.as_object_mut().unwrap().remove(required.as_str().unwrap());
                assert!(read(tool, less).is_err(), "{tool:?} without {required}");
            }
        }
    }

    #[test]
    fn an_argument_that_a_tool_does_not_have_is_refused() {
        for tool in ToolName::ALL {
            assert_eq!(tool.tool().input_schema["additionalProperties"], false);
            let mut more = example(tool);
            more["member"] = json!("fleet-ops");
            let error = read(tool, more).unwrap_err();
            assert!(error.contains("unknown field `member`"), "{error}");
        }
    }

    #[test]
    fn what_gives_values_away_is_not_there_unless_asked_for() {
        assert_eq!(named("resolve_template", false), None);
        assert_eq!(named("render_file", true), Some(ToolName::RenderFile));
    }
}
