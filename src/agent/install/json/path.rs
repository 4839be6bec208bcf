//! Finding a place in a JSON document, and making it where it is missing.

use jsonc_parser::cst::{CstArray, CstInputValue, CstObject, CstObjectProp};

use super::super::error::Problem;

/// Returns the object at the end of a path, made where it is missing.
pub fn object_at(object: &CstObject, path: &[&str]) -> Result<CstObject, Problem> {
    let mut object = object.clone();
    for (depth, key) in path.iter().enumerate() {
        let property = match only(&object, &path[..depth], key)? {
            Some(property) => property,
            None => object.append(key, CstInputValue::Object(Vec::new())),
        };
        object = property.object_value().ok_or_else(|| not_an_object(&path[..=depth]))?;
    }
    Ok(object)
}

/// Returns the list at the end of a path, made where it is missing.
pub fn list_at(object: &CstObject, path: &[&str]) -> Result<CstArray, Problem> {
    let (last, above) = path.split_last().ok_or_else(|| not_a_list(path))?;
    let parent = object_at(object, above)?;
    let property = match only(&parent, above, last)? {
        Some(property) => property,
        None => parent.append(last, CstInputValue::Array(Vec::new())),
    };
    property.array_value().ok_or_else(|| not_a_list(path))
}

/// Returns the object at the end of a path, if it is there.
pub fn existing(object: &CstObject, path: &[&str]) -> Result<Option<CstObject>, Problem> {
    let mut object = object.clone();
    for (depth, key) in path.iter().enumerate() {
        let Some(property) = only(&object, &path[..depth], key)? else {
            return Ok(None);
        };
        object = property.object_value().ok_or_else(|| not_an_object(&path[..=depth]))?;
    }
    Ok(Some(object))
}

/// Returns the property of this name, which must not be there twice.
pub fn only(object: &CstObject, path: &[&str], key: &str) -> Result<Option<CstObjectProp>, Problem> {
    let mut named = object.properties().into_iter().filter(|property| name(property) == key);
    match (named.next(), named.next()) {
        (_, Some(_)) => Err(Problem::Twice(shown(path, key))),
        (property, None) => Ok(property),
    }
}

pub fn name(property: &CstObjectProp) -> String {
    property.decoded_name().unwrap_or_default()
}

pub fn shown(path: &[&str], key: &str) -> String {
    let keys: Vec<&str> = path.iter().copied().chain([key]).collect();
    format!("'{}'", keys.join("."))
}

fn not_an_object(path: &[&str]) -> Problem {
    Problem::Shape {
        key: format!("'{}'", path.join(".")),
        expected: "an object",
    }
}

pub fn not_a_list(path: &[&str]) -> Problem {
    Problem::Shape {
        key: format!("'{}'", path.join(".")),
        expected: "a list",
    }
}
