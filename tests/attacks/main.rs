//! Attacks, each by a real process on a real repository: a rogue member with its own key, an agent that controls templates, arguments,
//! environment and working directory, somebody with push rights who is no author, a malicious git host, an author who is behind.
//!
//! Each must fail with a clear error and the exit code of its kind, with nothing on standard output, nothing written, and no value anywhere.

#[path = "../support/mod.rs"]
mod support;

mod acceptance;
mod authors;
mod deputy;
mod escapes;
mod floors;
mod forgery;
mod keepers;
mod memory;
mod options;
mod owner;
mod parser;
mod past;
mod planted;
mod pretending;
mod pushed;
mod put_back;
mod remembering;
mod renewing;
mod reviewing;
mod roots;
mod routes;
mod shell;
mod substitution;
mod templates;
mod trees;
mod world;

/// A module that is not named above would compile nowhere and test nothing.
#[test]
fn no_module_is_forgotten() {
    let directory = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/attacks");
    let main = std::fs::read_to_string(directory.join("main.rs")).unwrap();
    for entry in std::fs::read_dir(directory).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let Some(module) = name.strip_suffix(".rs").filter(|module| *module != "main") else {
            continue;
        };
        assert!(
            main.contains(&format!("\nmod {module};\n")),
            "tests/attacks/{name} is in no test binary"
        );
    }
}
