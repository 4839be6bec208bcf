//! A call of a tool, and what is said about it, whatever the client.

use serde_json::Value;

/// The name of our own server in a client's configuration.
pub const SERVER: &str = "fleetvault";

/// A call of a tool, as far as it matters here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Call {
    /// A line for a shell.
    Shell(String),
    /// A tool of our own server, which takes references as they are.
    Own {
        /// Its name there.
        tool: String,
        /// Its arguments.
        input: Value,
    },
    /// A tool of another server, which would get references as text.
    Foreign {
        /// Its name, as the client has it.
        tool: String,
        /// Its arguments.
        input: Value,
    },
    /// Nothing of ours.
    Other,
}

/// What a client is told about a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing.
    Pass,
    /// It goes on with another input, after whatever checks it has.
    Replace(Value),
    /// A person is asked first; where this client cannot be told to, the call does not go on.
    Ask {
        /// The other input with which it would go on.
        input: Value,
        /// Why.
        reason: String,
    },
    /// It does not go on.
    Deny {
        /// Why, for the model.
        reason: String,
    },
}

/// The name and the input of a tool, as most clients say them.
pub(super) fn tool(request: &Value) -> Option<(&str, &Value)> {
    Some((request.get("tool_name")?.as_str()?, request.get("tool_input")?))
}

/// A tool by its name, where tools of servers are called `PREFIX SERVER SEPARATOR TOOL`.
pub(super) fn of_server(name: &str, prefix: &str, separator: &str, input: &Value) -> Call {
    let Some(rest) = name.strip_prefix(prefix) else {
        return Call::Other;
    };
    let own = rest.strip_prefix(SERVER).and_then(|rest| rest.strip_prefix(separator));
    match own {
        Some(tool) => Call::Own {
            tool: tool.to_owned(),
            input: input.clone(),
        },
        None => Call::Foreign {
            tool: name.to_owned(),
            input: input.clone(),
        },
    }
}

/// A shell tool's command.
pub(super) fn shell(input: &Value) -> Call {
    match input.get("command").and_then(Value::as_str) {
        Some(command) => Call::Shell(command.to_owned()),
        None => Call::Other,
    }
}

/// A tool by its name, where tools of servers are called `SERVER SEPARATOR TOOL`, and a client's own have no separator.
pub(super) fn of_any_server(name: &str, separator: &str, input: &Value) -> Call {
    match name.contains(separator) {
        true => of_server(name, "", separator, input),
        false => Call::Other,
    }
}
