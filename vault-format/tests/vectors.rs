//! Walks `vectors/`: every file is judged, re-emitted, and flipped bit by bit; SPEC.md, the schemas and the vectors agree.
//!
//! `WRITE_VECTORS=1 cargo test -p vault-format --test vectors write_vectors` writes the vectors that are missing.

#[path = "vectors/file.rs"]
mod file;
#[path = "vectors/generate/mod.rs"]
mod generate;
#[path = "vectors/judge.rs"]
mod judge;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
    process::Command,
    sync::atomic::{AtomicUsize, Ordering},
};

use file::Vector;
use judge::Judge;

#[test]
fn write_vectors() {
    if std::env::var_os("WRITE_VECTORS").is_some() {
        generate::all();
    }
}

#[test]
fn every_vector_is_judged_as_it_says() {
    let vectors = file::all();
    assert!(vectors.len() > 100, "only {} vectors found", vectors.len());
    let mut wrong = Vec::new();
    for vector in &vectors {
        let verdict = Judge::new(vector).judge(&vector.body);
        let expected = (vector.expect(), vector.header("error").unwrap_or_default());
        if (verdict.word, verdict.error.as_str()) != expected || verdict.value != vector.value() {
            wrong.push(format!(
                "{}\n  expected {expected:?}\n  found    {:?}",
                vector.name,
                (verdict.word, &verdict.error)
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_flipped_bit_is_refused_or_reads_the_same() {
    let vectors = file::all();
    let good: Vec<&Vector> = vectors
        .iter()
        .filter(|vector| vector.header("path").is_some() && ["opens", "verified"].contains(&vector.expect()))
        .collect();
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let Some(vector) = good.get(next.fetch_add(1, Ordering::Relaxed)) {
                    flip(vector);
                }
            });
        }
    });
}

/// Flips each bit of each byte; of a payload's base64, which a signature sees as bytes like any others, two bits of each byte,
/// unless `FLIP_EVERY_BIT` is set.
fn flip(vector: &Vector) {
    let judge = Judge::new(vector);
    let whole = judge.judge(&vector.body);
    let find = |mark: &[u8]| vector.body.windows(mark.len()).position(|window| window == mark);
    let payload = find(b"-----BEGIN AGE").unwrap_or(0)..find(b"-----END AGE").unwrap_or(0);
    let every = std::env::var_os("FLIP_EVERY_BIT").is_some();
    let mut bytes = vector.body.clone();
    for at in 0..bytes.len() {
        for bit in (0..8).filter(|bit| every || !payload.contains(&at) || [at % 8, 5].contains(bit)) {
            bytes[at] ^= 1 << bit;
            let flipped = judge.judge(&bytes);
            let refused = ["no format", "not verified"].contains(&flipped.word);
            assert!(
                refused || flipped == whole,
                "{}: byte {at}, bit {bit}: {flipped:?}",
                vector.name
            );
            bytes[at] ^= 1 << bit;
        }
    }
}

/// The rules of SPEC.md: number and text.
fn rules() -> BTreeMap<String, String> {
    let spec = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("SPEC.md")).unwrap();
    let mut rules = BTreeMap::new();
    for line in spec.lines() {
        let Some((number, text)) = line.strip_prefix("**").and_then(|line| line.split_once("** ")) else {
            continue;
        };
        assert!(
            number
                .split_once('.')
                .is_some_and(|(a, b)| a.parse::<u8>().is_ok() && b.parse::<u8>().is_ok()),
            "{line}"
        );
        assert!(text.contains("MUST"), "{number} does not say MUST");
        assert!(
            rules.insert(number.to_owned(), text.to_owned()).is_none(),
            "{number} comes twice"
        );
    }
    rules
}

#[test]
fn every_rule_has_a_vector_and_every_vector_a_rule() {
    let rules = rules();
    let vectors = file::all();
    let (mut kept, mut broken) = (BTreeSet::new(), BTreeSet::new());
    for vector in &vectors {
        let good = ["opens", "verified", "identity file"].contains(&vector.expect());
        for rule in vector.rules() {
            assert!(rules.contains_key(rule), "{}: SPEC.md has no rule {rule}", vector.name);
            if good {
                kept.insert(rule)
            } else {
                broken.insert(rule)
            };
        }
    }
    let alone = |text: &str| !(text.ends_with("*(several files)*") || text.ends_with("*(programs)*"));
    for (number, text) in &rules {
        let section: u8 = number.split('.').next().unwrap().parse().unwrap();
        if (2..=14).contains(&section) && alone(text) {
            assert!(broken.contains(number.as_str()), "no vector breaks rule {number}");
        }
    }
    assert!(kept.len() > 30, "the good vectors name only {} rules", kept.len());
}

/// The header of a file as JSON, as its schema sees it.
fn header_as_json(vector: &Vector) -> serde_json::Value {
    fn convert(value: &toml::Value) -> serde_json::Value {
        match value {
            toml::Value::Integer(number) => (*number).into(),
            toml::Value::Boolean(flag) => (*flag).into(),
            toml::Value::Array(values) => values.iter().map(convert).collect(),
            toml::Value::String(text) => text.as_str().into(),
            other => other.to_string().into(),
        }
    }
    let table: toml::Table = std::str::from_utf8(&vector.body).unwrap().parse().unwrap();
    let header = table
        .iter()
        .filter(|(key, _)| !["payload", "signature"].contains(&key.as_str()));
    serde_json::Value::Object(header.map(|(key, value)| (key.clone(), convert(value))).collect())
}

fn schema(kind: &str) -> jsonschema::Validator {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("schema/{kind}.schema.json"));
    let schema = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    jsonschema::meta::validate(&schema).unwrap_or_else(|error| panic!("{kind}: {error}"));
    jsonschema::validator_for(&schema).unwrap()
}

#[test]
fn the_schemas_take_every_good_header_and_no_changed_one() {
    let schemas = ["credential", "grant", "group", "member", "root"].map(|kind| (kind, schema(kind)));
    let mut seen = BTreeSet::new();
    for vector in file::all() {
        let verified = ["opens", "verified", "not verified", "does not open"].contains(&vector.expect());
        if !verified || vector.header("path").is_none() {
            continue;
        }
        let header = header_as_json(&vector);
        for (kind, schema) in &schemas {
            if header["kind"] != *kind {
                assert!(!schema.is_valid(&header), "{}: taken for a {kind}", vector.name);
                continue;
            }
            seen.insert(*kind);
            if let Err(error) = schema.validate(&header) {
                panic!("{}: {error} at {}", vector.name, error.instance_path());
            }
            for (what, changed) in changed(&header) {
                assert!(!schema.is_valid(&changed), "{}: {what}: {changed}", vector.name);
            }
        }
    }
    assert_eq!(seen.len(), 5);
}

/// The header with one thing wrong at a time: an unknown key, a key of another type, a key that must be there missing.
fn changed(header: &serde_json::Value) -> Vec<(String, serde_json::Value)> {
    let mut all = Vec::new();
    let mut unknown = header.clone();
    unknown["surprise"] = 1.into();
    all.push(("an unknown key".to_owned(), unknown));
    for (key, value) in header.as_object().unwrap() {
        let mut other = header.clone();
        other[key] = if value.is_string() { 7.into() } else { "seven".into() };
        all.push((format!("{key} of another type"), other));
        if !["expires", "note"].contains(&key.as_str()) {
            let mut without = header.clone();
            without.as_object_mut().unwrap().remove(key);
            all.push((format!("no {key}"), without));
        }
        if value.is_array() {
            for wrong in [
                serde_json::json!([]),
                serde_json::json!([value[0], value[0]]),
                serde_json::json!([7]),
            ] {
                let mut other = header.clone();
                other[key] = wrong;
                all.push((format!("{key} with wrong entries"), other));
            }
        }
    }
    all
}

#[test]
fn the_example_of_the_specification_is_a_vector() {
    let spec = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("SPEC.md")).unwrap();
    let example = Vector::read(&file::directory().join("credentials/one-member.vector"));
    let example = String::from_utf8(example.body).unwrap();
    assert!(spec.contains(&format!("```toml\n{example}```")));
}

/// The commands of SPEC.md, run as they stand there, on a credential of the vectors.
#[test]
fn the_commands_of_the_specification_work() {
    let spec = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("SPEC.md")).unwrap();
    let script: String = spec
        .split("```sh\n")
        .skip(1)
        .map(|rest| rest.split("```").next().unwrap())
        .collect();
    let credential = Vector::read(&file::directory().join("credentials/one-member.vector"));
    let root = Vector::read(&file::directory().join("roots/first.vector"));
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, bytes: &[u8]| fs::write(folder.path().join(name), bytes).unwrap();
    write("FILE", &credential.body);
    write("fleetvault.toml", &root.body);
    write(
        "KEY",
        format!("{}\n", credential.header("identity").unwrap()).as_bytes(),
    );
    let output = Command::new("sh")
        .args(["-ec", &script])
        .current_dir(folder.path())
        .output()
        .unwrap();
    let (out, err) = (
        String::from_utf8(output.stdout).unwrap(),
        String::from_utf8(output.stderr).unwrap(),
    );
    assert!(output.status.success(), "{out}{err}");
    assert!(
        out.contains("Good \"fleetvault-credential-v1\" signature for alice"),
        "{out}{err}"
    );
    assert!(
        out.contains(&format!(
            "text = '''\n{}'''\n",
            credential.header("value-text").unwrap()
        )),
        "{out}"
    );
    let vault = credential.body.split(|&b| b == b'\n').nth(2).unwrap();
    let vault = String::from_utf8_lossy(vault)
        .replace("vault = \"SHA256:", "")
        .replace('"', "");
    assert!(out.contains(&vault), "{out}");
    let binding = out
        .lines()
        .find_map(|line| line.strip_prefix("header = \"sha256:"))
        .unwrap()
        .trim_end_matches('"');
    assert!(out.lines().any(|line| line.starts_with(binding)), "{out}");
}
