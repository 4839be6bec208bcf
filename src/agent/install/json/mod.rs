//! Changes in JSON, also with comments and trailing commas. What is not ours keeps its bytes.

mod path;
#[cfg(test)]
mod tests;
mod value;

use jsonc_parser::{
    ParseOptions,
    cst::{CstArray, CstInputValue, CstNode, CstObject, CstRootNode},
};

use super::{command::Launch, error::Problem};
use path::{existing, list_at, name, not_a_list, object_at, only, shown};
use value::{filled, is_ours, plain, plain_input};

/// Comments and trailing commas, which some clients allow. Nothing that JSON's readers would take for something else.
const JSONC: ParseOptions = ParseOptions {
    allow_comments: true,
    allow_trailing_commas: true,
    allow_loose_object_property_names: false,
    allow_missing_commas: false,
    allow_single_quoted_strings: false,
    allow_hexadecimal_numbers: false,
    allow_unary_plus_numbers: false,
    allow_bare_decimal_point_numbers: false,
    allow_non_finite_numbers: false,
    allow_extended_string_escapes: false,
};

/// Where something of ours belongs.
#[derive(Clone, Copy, Debug)]
pub enum Spot {
    /// In a list, beside what others put there: one handler, or a group of handlers behind a matcher.
    Handler(&'static [&'static str]),
    /// In an object, under our name. Where the second path leads to servers already, they are all there.
    Server(&'static [&'static str], Option<&'static [&'static str]>),
}

/// The name of our server.
pub const SERVER: &str = "fleetvault";

/// Merges what a snippet has at a spot into a text; returns the text as it was where that stands there already.
///
/// # Errors
/// A text that is no JSON, or has something else where ours belongs.
pub fn merge(text: &str, snippet: &str, spot: Spot, subcommand: &[&str], launch: &Launch) -> Result<String, Problem> {
    let (_snippet, ours) = parse(snippet)?;
    let (root, object) = parse(text)?;
    match spot {
        Spot::Handler(path) => {
            let entry = list_at(&ours, path)?.elements().into_iter().next();
            let version = ours.get("version").and_then(|version| version.value());
            if let (Some(version), None) = (version, only(&object, &[], "version")?) {
                object.insert(0, "version", filled(&version, launch));
            }
            put_handler(
                &list_at(&object, path)?,
                entry.map(|entry| filled(&entry, launch)),
                subcommand,
            )?;
        }
        Spot::Server(path, other) => {
            let entry = object_at(&ours, path)?.get(SERVER).and_then(|entry| entry.value());
            let path = server_path(&object, path, other)?;
            put_server(
                &object_at(&object, path)?,
                path,
                entry.map(|entry| filled(&entry, launch)),
                subcommand,
            )?;
        }
    }
    Ok(finished(&root, text))
}

/// Is a text without what was ours.
#[derive(Debug, PartialEq, Eq)]
pub struct Removed {
    /// The text.
    pub text: String,
    /// Whether nothing is left that somebody else wrote.
    pub is_bare: bool,
}

/// Removes what is ours at a spot, and what holds nothing more; returns nothing where there was nothing of ours.
///
/// # Errors
/// A text that is no JSON, or has something else where ours belongs.
pub fn remove(text: &str, spot: Spot, subcommand: &[&str]) -> Result<Option<Removed>, Problem> {
    let (root, object) = parse(text)?;
    let found = match spot {
        Spot::Handler(path) => remove_handlers(&object, path, subcommand)?,
        Spot::Server(path, other) => {
            let path = server_path(&object, path, other)?;
            remove_server(&object, path, subcommand)?
        }
    };
    let only_version = object.properties().iter().all(|property| name(property) == "version");
    let removed = Removed {
        is_bare: only_version && !has_comment(&object.children()) && !has_comment(&root.children()),
        text: root.to_string(),
    };
    Ok(found.then_some(removed))
}

fn parse(text: &str) -> Result<(CstRootNode, CstObject), Problem> {
    let root = CstRootNode::parse(text, &JSONC).map_err(|error| Problem::Syntax {
        line: error.line_display(),
        column: error.column_display(),
        message: lower_case(&error.kind().to_string()),
    })?;
    let object = root.object_value_or_create().ok_or(Problem::Shape {
        key: "the whole file".into(),
        expected: "an object",
    })?;
    Ok((root, object))
}

fn lower_case(text: &str) -> String {
    let mut characters = text.chars();
    let first = characters.next().map(|first| first.to_ascii_lowercase());
    first.into_iter().chain(characters).collect()
}

/// A file that was empty ends with a line break, as people's files do.
fn finished(root: &CstRootNode, before: &str) -> String {
    let mut text = root.to_string();
    if before.trim().is_empty() {
        text.truncate(text.trim_end().len());
        text.push('\n');
    }
    text
}

fn put_handler(list: &CstArray, entry: Option<CstInputValue>, subcommand: &[&str]) -> Result<(), Problem> {
    let entry = entry.ok_or(Problem::OtherFile)?;
    let elements = list.elements();
    let is_own = |at: &usize| holds_ours(&elements[*at], subcommand);
    let own: Vec<usize> = (0..elements.len()).filter(is_own).collect();
    match *own {
        [at] if plain(&elements[at]) == plain_input(&entry) => {}
        [at] if is_wholly_ours(&elements[at], subcommand) => {
            list.insert(at, entry);
            elements[at].clone().remove();
        }
        _ => {
            for at in own {
                strip(elements[at].clone(), subcommand);
            }
            list.append(entry);
        }
    }
    Ok(())
}

fn put_server(
    servers: &CstObject,
    path: &[&str],
    entry: Option<CstInputValue>,
    subcommand: &[&str],
) -> Result<(), Problem> {
    let entry = entry.ok_or(Problem::OtherFile)?;
    let Some(property) = only(servers, path, SERVER)? else {
        servers.append(SERVER, entry);
        return Ok(());
    };
    let found = property
        .object_value()
        .filter(|found| is_ours(&plain(&found.clone().into()), subcommand));
    let (Some(found), CstInputValue::Object(keys)) = (found, entry) else {
        return Err(Problem::OtherServer(shown(path, SERVER)));
    };
    // What else a user wrote there is kept: fewer tools, a time-out, a directory.
    for (key, value) in keys {
        match only(&found, &[path, &[SERVER]].concat(), &key)? {
            None => {
                found.append(&key, value);
            }
            Some(property) if ["command", "args"].contains(&key.as_str()) => {
                if property.value().is_none_or(|old| plain(&old) != plain_input(&value)) {
                    property.set_value(value);
                }
            }
            Some(_) => {}
        }
    }
    Ok(())
}

fn remove_handlers(object: &CstObject, path: &[&str], subcommand: &[&str]) -> Result<bool, Problem> {
    let Some((last, above)) = path.split_last() else {
        return Ok(false);
    };
    let Some(parent) = existing(object, above)? else {
        return Ok(false);
    };
    let Some(property) = only(&parent, above, last)? else {
        return Ok(false);
    };
    let list = property.array_value().ok_or_else(|| not_a_list(path))?;
    let own: Vec<CstNode> = list
        .elements()
        .into_iter()
        .filter(|element| holds_ours(element, subcommand))
        .collect();
    let found = !own.is_empty();
    for element in own {
        strip(element, subcommand);
    }
    if found && list.elements().is_empty() && !has_comment(&list.children()) {
        property.remove();
        prune(object, above)?;
    }
    Ok(found)
}

fn remove_server(object: &CstObject, path: &[&str], subcommand: &[&str]) -> Result<bool, Problem> {
    let Some(servers) = existing(object, path)? else {
        return Ok(false);
    };
    let Some(property) = only(&servers, path, SERVER)? else {
        return Ok(false);
    };
    let ours = property
        .value()
        .is_some_and(|value| is_ours(&plain(&value), subcommand));
    if ours {
        property.remove();
        prune(object, path)?;
    }
    Ok(ours)
}

/// Removes the objects on a path that hold nothing, from the innermost outwards.
fn prune(object: &CstObject, path: &[&str]) -> Result<(), Problem> {
    let Some((last, above)) = path.split_last() else {
        return Ok(());
    };
    let (Some(parent), Some(inner)) = (existing(object, above)?, existing(object, path)?) else {
        return Ok(());
    };
    if inner.properties().is_empty() && !has_comment(&inner.children()) {
        if let Some(property) = only(&parent, above, last)? {
            property.remove();
        }
        prune(object, above)?;
    }
    Ok(())
}

/// Removes our handlers from an element of a list: from the group that it is, or itself.
fn strip(element: CstNode, subcommand: &[&str]) {
    if let Some(handlers) = handlers(&element).filter(|_| !is_wholly_ours(&element, subcommand)) {
        for handler in handlers.elements() {
            if is_ours(&plain(&handler), subcommand) {
                handler.remove();
            }
        }
    } else {
        element.remove();
    }
}

/// The handlers of a group, where an element is one.
fn handlers(element: &CstNode) -> Option<CstArray> {
    element.as_object()?.array_value("hooks")
}

fn holds_ours(element: &CstNode, subcommand: &[&str]) -> bool {
    match handlers(element) {
        Some(handlers) => handlers
            .elements()
            .iter()
            .any(|handler| is_ours(&plain(handler), subcommand)),
        None => is_ours(&plain(element), subcommand),
    }
}

fn is_wholly_ours(element: &CstNode, subcommand: &[&str]) -> bool {
    handlers(element).is_none_or(|handlers| {
        let mut elements = handlers.elements().into_iter();
        elements.all(|handler| is_ours(&plain(&handler), subcommand))
    })
}

/// The servers' path, which newer versions of a client have elsewhere.
fn server_path(
    object: &CstObject,
    path: &'static [&'static str],
    other: Option<&'static [&'static str]>,
) -> Result<&'static [&'static str], Problem> {
    let Some(other) = other else {
        return Ok(path);
    };
    // Not so where 'servers' is itself the name of a server.
    let servers = existing(object, other).ok().flatten();
    let is_newer = servers.is_some_and(|servers| servers.get("command").is_none() && servers.get("type").is_none());
    Ok(if is_newer { other } else { path })
}

fn has_comment(children: &[CstNode]) -> bool {
    children.iter().any(CstNode::is_comment)
}
