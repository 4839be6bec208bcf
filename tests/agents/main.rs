//! The hook as agents' clients meet it: what real clients asked, and what it says; the commands that it makes, really run; the clients' own rules
//! in real files; and what hostile agents and repositories try.

#[path = "../support/mod.rs"]
mod support;

mod commands;
mod fixtures;
mod hostile;
mod refusals;
mod rules;
mod world;

/// A module that is not named above would compile nowhere and test nothing.
#[test]
fn no_module_is_forgotten() {
    let directory = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/agents");
    let main = std::fs::read_to_string(directory.join("main.rs")).unwrap();
    for entry in std::fs::read_dir(directory).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let Some(module) = name.strip_suffix(".rs").filter(|module| *module != "main") else {
            continue;
        };
        assert!(
            main.contains(&format!("\nmod {module};\n")),
            "tests/agents/{name} is in no test binary"
        );
    }
}
