//! What real clients asked, byte for byte, and what they are answered. A new pair of files is a new test: see `fixtures/README.md`.

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde_json::Value;

use crate::world::{CLIENTS, Place, VALUE, World, text};

/// What the requests call the home directory of the machine that they come from.
const HOME: &str = "/home/dev";

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/agents/fixtures")
}

#[test]
fn every_request_is_answered_as_it_says() {
    let world = World::new();
    let mut tried = 0;
    for client in CLIENTS {
        let mut requests: Vec<PathBuf> = fs::read_dir(directory().join(client))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.to_str().unwrap().ends_with(".in.json"))
            .collect();
        requests.sort();
        for request in requests {
            let name = request.file_name().unwrap().to_str().unwrap();
            let place = world.place(&format!("{client}-{name}"));
            check(&place, client, &request);
            tried += 1;
        }
    }
    assert!(tried > 100, "{tried}");
}

fn check(place: &Place<'_>, client: &str, request: &Path) {
    let what = request.display();
    let file = text(request).replace(".in.json", ".out.json");
    let expected = fs::read_to_string(&file).unwrap_or_else(|error| panic!("{file}: {error}"));
    let expected = expected
        .replace("{RUN}", &place.rewrite())
        .replace("{PROJECT}", &text(&place.project()))
        .replace("{HOME}", &text(&place.home()))
        .replace("{VALUE}", VALUE);
    let expected: Value = serde_json::from_str(&expected).unwrap_or_else(|error| panic!("{file}: {error}"));
    for (key, value) in expected.as_object().unwrap() {
        assert!(
            ["exit", "prints", "says", "files", "options"].contains(&key.as_str()),
            "{file}: {key}: {value}"
        );
    }
    for (path, text) in expected["files"].as_object().into_iter().flatten() {
        place.put(path, text.as_str().unwrap());
    }
    let options: Vec<&str> = match expected.get("options") {
        Some(options) => options
            .as_array()
            .unwrap()
            .iter()
            .map(|option| option.as_str().unwrap())
            .collect(),
        None => Vec::new(),
    };
    let asked = fs::read_to_string(request)
        .unwrap()
        .replace("{RUN}", &place.rewrite())
        .replace(HOME, &text(&place.home()));
    let answer = place.ask(&place.launch(), client, &options, asked.as_bytes());
    assert_eq!(
        i64::from(answer.code),
        expected["exit"].as_i64().unwrap(),
        "{what}: {}",
        answer.stderr
    );
    match &expected["prints"] {
        Value::Null => assert_eq!(answer.out(), "", "{what}"),
        prints => assert_eq!(&answer.json(), prints, "{what}"),
    }
    match expected.get("says") {
        Some(says) => assert!(
            answer.stderr.contains(says.as_str().unwrap()),
            "{what}: {}",
            answer.stderr
        ),
        None => assert_eq!(answer.stderr, "", "{what}"),
    }
}

/// Requests come from somebody's machine: nothing of it stays in them.
#[test]
fn requests_name_no_other_machine() {
    for client in CLIENTS {
        for entry in fs::read_dir(directory().join(client)).unwrap() {
            let path = entry.unwrap().path();
            let text = fs::read_to_string(&path).unwrap();
            for (at, _) in text.match_indices("\"/") {
                let known = ["\"/home/dev", "\"/usr/local/bin/", "\"/srv/fleet/", "\"/\""];
                assert!(
                    known.iter().any(|known| text[at..].starts_with(known)),
                    "{}: {}",
                    path.display(),
                    &text[at..(at + 40).min(text.len())]
                );
            }
            assert!(!text.contains("AGE-SECRET-KEY"), "{}", path.display());
        }
    }
}
