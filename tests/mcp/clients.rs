//! Clients that others wrote, as people install them: each a script in clients/, and what it needs put in place by clients/install.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::json;

use crate::{
    fleet,
    pipe::Serves,
    process, runs,
    support::{Fleet, Run, has, run, skip},
    wait_for,
};

/// Where the clients are; nowhere without clients/install.
fn installed(name: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("target/mcp-clients")
        .join(name);
    if path.exists() {
        return Some(path);
    }
    assert!(
        std::env::var("CI").as_deref() != Ok("true"),
        "{} must be there where CI=true: run tests/mcp/clients/install",
        path.display()
    );
    skip(&format!("{name} is not installed: tests/mcp/clients/install"));
    None
}

fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/mcp/clients")
        .join(name)
}

/// A fleet in which `asked` needs a person's yes.
fn asking() -> Fleet {
    let fleet = fleet();
    fleet.set("asked", "s3cr3t-that-is-asked-about", "dev");
    fleet.fleetvault(&["scope", "asked", "--network", "confirm"]).ok();
    fleet
}

/// Runs a client with the server's command line at the end, in the server's environment. It must not show a value.
fn meet(fleet: &Fleet, program: &Path, args: &[&str]) -> Run {
    let server = fleet.server_command(&[]);
    let mut command = Command::new(program);
    command
        .env_clear()
        .envs(server.get_envs().filter_map(|(name, value)| Some((name, value?))))
        .current_dir(fleet.path(""))
        .args(args)
        .arg(server.get_program())
        .args(server.get_args());
    let met = run(command, b"");
    for value in fleet.values() {
        assert!(
            memchr::memmem::find(&met.stdout, &value).is_none(),
            "a client saw a value"
        );
    }
    met
}

#[test]
fn the_client_for_python_in_both_eras() {
    let Some(python) = installed("python/bin/python") else {
        return;
    };
    let fleet = asking();
    let session = script("session.py");
    for (mode, answer) in [("legacy", "accept"), ("auto", "accept"), ("2026-07-28", "decline")] {
        let met = meet(&fleet, &python, &[session.to_str().unwrap(), mode, answer]);
        assert_eq!(met.ok().out(), "ok\n", "{mode} {answer}");
    }
}

#[test]
fn the_client_for_typescript() {
    let Some(modules) = installed("node/node_modules") else {
        return;
    };
    if !has("node") {
        return;
    }
    let fleet = asking();
    let session = script("session.mjs");
    for answer in ["accept", "decline"] {
        let args = [session.to_str().unwrap(), modules.to_str().unwrap(), answer];
        assert_eq!(meet(&fleet, Path::new("node"), &args).ok().out(), "ok\n", "{answer}");
        let slow = process(&fleet.path("slow"));
        wait_for("the command to end", || !runs(&slow));
        fs::remove_file(fleet.path("slow")).unwrap();
    }
}

#[test]
fn a_probe_that_calls_everything() {
    let Some(probe) = installed("python/bin/amagi-mcp-probe") else {
        return;
    };
    let fleet = fleet();
    let arguments = json!({
        "list_credentials": [{}, { "pattern": "t*" }],
        "check_template": [{ "template": "<<secure.token>>" }, { "template": "" }],
        "run_command": [{ "argv": ["echo", "<<secure.token>>"] }, { "shell": "echo <<secure.other>>", "timeout_seconds": 5 }],
    });
    fs::write(fleet.path("arguments"), arguments.to_string()).unwrap();
    let met = meet(
        &fleet,
        &probe,
        &["--strict", "--allow-destructive", "--args", "arguments", "--"],
    );
    met.ok().prints("3 tools: 3 passed.  PASS");
    // With arguments of its own making.
    meet(&fleet, &probe, &["--strict", "--include-optional", "--"])
        .ok()
        .prints("3 tools: 2 passed, 1 skipped.  PASS");
}
