//! Values of a JSON document: as they are, and as they are put into another one with the launch filled in.

use jsonc_parser::cst::{CstInputValue, CstNode, CstObjectProp};
use serde_json::Value;

use super::super::command::{self, Launch};

/// Returns a value without its form and comments.
pub fn plain(node: &CstNode) -> Value {
    node.to_serde_value().unwrap_or_default()
}

/// Returns the value of what is to be put.
pub fn plain_input(value: &CstInputValue) -> Value {
    match value {
        CstInputValue::Null => Value::Null,
        CstInputValue::Bool(value) => Value::Bool(*value),
        CstInputValue::Number(text) => serde_json::from_str(text).unwrap_or_default(),
        CstInputValue::String(text) => Value::String(text.clone()),
        CstInputValue::Array(values) => values.iter().map(plain_input).collect(),
        CstInputValue::Object(properties) => properties
            .iter()
            .map(|(key, value)| (key.clone(), plain_input(value)))
            .collect(),
    }
}

/// Takes a value over from a snippet, with its keys in their order, and fills the launch in.
pub fn filled(node: &CstNode, launch: &Launch) -> CstInputValue {
    let mut value = input(node);
    fill(&mut value, launch);
    value
}

fn input(node: &CstNode) -> CstInputValue {
    if let Some(object) = node.as_object() {
        let properties = object.properties().into_iter();
        let pair = |property: CstObjectProp| Some((property.decoded_name()?, input(&property.value()?)));
        return CstInputValue::Object(properties.filter_map(pair).collect());
    }
    if let Some(array) = node.as_array() {
        return CstInputValue::Array(array.elements().iter().map(input).collect());
    }
    match plain(node) {
        Value::Bool(value) => CstInputValue::Bool(value),
        Value::Number(number) => CstInputValue::Number(number.to_string()),
        Value::String(text) => CstInputValue::String(text),
        _ => CstInputValue::Null,
    }
}

/// Fills the launch in wherever a command stands: a program with arguments, a list of words, or a line of a shell.
fn fill(value: &mut CstInputValue, launch: &Launch) {
    let CstInputValue::Object(properties) = value else {
        return;
    };
    let arguments = properties.iter().position(|(key, _)| key == "args");
    let program = properties
        .iter()
        .position(|(key, _)| ["command", "exec"].contains(&key.as_str()));
    for (key, value) in properties.iter_mut() {
        if let (true, CstInputValue::Array(handlers)) = (key == "hooks", value) {
            handlers.iter_mut().for_each(|handler| fill(handler, launch));
        }
    }
    let Some(program) = program else {
        return;
    };
    match (&properties[program].1, arguments) {
        (CstInputValue::String(text), Some(at)) => {
            let mut words = vec![text.clone()];
            words.extend(texts(&properties[at].1));
            if let Some((program_word, rest)) = launch.fill(&words).as_deref().and_then(<[String]>::split_first) {
                properties[program].1 = CstInputValue::String(program_word.clone());
                properties[at].1 = rest.to_vec().into();
            }
        }
        (CstInputValue::String(line), None) => {
            if let Some(line) = launch.fill_line(line) {
                properties[program].1 = CstInputValue::String(line);
            }
        }
        (list, _) => {
            if let Some(words) = launch.fill(&texts(list)) {
                properties[program].1 = words.into();
            }
        }
    }
}

fn texts(value: &CstInputValue) -> Vec<String> {
    let CstInputValue::Array(values) = value else {
        return Vec::new();
    };
    let text = |value: &CstInputValue| match value {
        CstInputValue::String(text) => Some(text.clone()),
        _ => None,
    };
    values.iter().filter_map(text).collect()
}

/// Tells whether a handler or a server runs our program: as a line of a shell, a program with arguments, or one list of words.
pub fn is_ours(value: &Value, subcommand: &[&str]) -> bool {
    let arguments = strings(value.get("args")).unwrap_or_default();
    ["command", "exec", "bash"].iter().any(|key| match value.get(key) {
        Some(Value::String(text)) => {
            let words: Vec<String> = [text.clone()].into_iter().chain(arguments.iter().cloned()).collect();
            command::runs(&words, subcommand) || command::line_runs(text, &arguments, subcommand)
        }
        words => strings(words).is_some_and(|words| command::runs(&words, subcommand)),
    })
}

fn strings(value: Option<&Value>) -> Option<Vec<String>> {
    let words = value?.as_array()?.iter();
    words.map(|word| word.as_str().map(str::to_owned)).collect()
}
