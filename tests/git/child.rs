//! This test binary as a child process, for what needs an environment or a death of its own.

use std::path::Path;
use std::process::Command;

use super::support::{Sandbox, set};

const ROLE: &str = "FLEETVAULT_TEST_ROLE";

/// A child that plays a role in a directory; see [`child`].
pub fn spawn(sandbox: &Sandbox, role: &str, dir: &Path) -> Command {
    let program = std::env::current_exe().unwrap();
    let mut command = sandbox.command(program.to_str().unwrap());
    command
        .args(["--exact", "git::child::child", "--nocapture", "--quiet"])
        .env(ROLE, role)
        .current_dir(dir);
    command
}

/// No test, but what [`spawn`] starts: it does nothing unless it is given a role.
#[test]
fn child() {
    let Ok(role) = std::env::var(ROLE) else {
        return;
    };
    let dir = std::env::current_dir().unwrap();
    let (role, name) = role.split_once(' ').unwrap_or((&role, ""));
    match role {
        // Writes once and says what became of it.
        "once" => match set(&dir, &[("credentials/a.toml", "by a child\n")]) {
            Ok(written) => println!("\nwritten {}", written.commit.unwrap()),
            Err(error) => println!("\nfailed: {error}"),
        },
        // Writes until it is killed: two files it replaces, and a new one in a new directory.
        "forever" => {
            for round in 0.. {
                let value = format!("{name} {round} {}\n", std::process::id());
                let new = format!("credentials/{name}/{round}/new.toml");
                set(
                    &dir,
                    &[
                        ("credentials/a.toml", value.as_str()),
                        ("credentials/b.toml", value.as_str()),
                        (new.as_str(), value.as_str()),
                    ],
                )
                .unwrap();
            }
        }
        // Writes twenty commits to a file of its own.
        "twenty" => {
            for round in 0..20 {
                let path = format!("credentials/{name}.toml");
                set(&dir, &[(path.as_str(), format!("{round}\n").as_str())]).unwrap();
            }
        }
        other => panic!("no role {other:?}"),
    }
}

/// Runs the role `once` and returns the line it printed.
pub fn once(sandbox: &Sandbox, dir: &Path, variables: &[(&str, &str)]) -> String {
    let mut command = spawn(sandbox, "once", dir);
    let output = command.envs(variables.iter().copied()).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines()
        .find(|line| line.starts_with("written ") || line.starts_with("failed: "))
        .unwrap_or_else(|| panic!("{text}{}", String::from_utf8_lossy(&output.stderr)))
        .to_owned()
}
