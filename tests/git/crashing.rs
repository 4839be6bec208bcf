//! Killed at any point: HEAD is valid, the repository is sound, and the next command works.

use std::time::Duration;

use super::child::spawn;
use super::support::*;

const ROUNDS: u64 = 60;

#[test]
fn a_kill_at_any_point_leaves_nothing_behind() {
    let sandbox = Sandbox::new();
    let dir = sandbox.vault("v");
    put(&dir, "staged", "staged\n");
    sandbox.git(&dir, &["add", "staged"]);
    put(&dir, "README", "modified\n");
    let mut interrupted = 0;
    for round in 0..ROUNDS {
        let mut child = spawn(&sandbox, &format!("forever r{round}"), &dir)
            .stdout(std::process::Stdio::null())
            .spawn()
            .unwrap();
        // Spread over the run of a command, which takes some milliseconds, by a cheap hash.
        let delay = 20_000 + (round * 2_654_435_761) % 40_000;
        std::thread::sleep(Duration::from_micros(delay));
        child.kill().unwrap();
        child.wait().unwrap();
        interrupted += u32::from(dir.join(".git/fleetvault/journal").exists());
        // As it is, before anybody cleans up.
        let head = sandbox.head(&dir);
        sandbox.git(&dir, &["cat-file", "-e", &format!("{head}^{{tree}}")]);
        let value = format!("after {round}\n");
        let written = set(&dir, &[("credentials/a.toml", &value), ("credentials/b.toml", &value)]);
        let written = written.unwrap_or_else(|error| panic!("round {round}: {error}"));
        assert!(written.left_alone.is_empty(), "{:?}", written.left_alone);
        let status = sandbox.status(&dir);
        assert_eq!(status, " M README\nA  staged", "round {round}");
        assert!(leftovers(&dir).is_empty(), "round {round}: {:?}", leftovers(&dir));
    }
    sandbox.assert_sound(&dir);
    println!("{interrupted} of {ROUNDS} kills left a journal");
    assert!(interrupted > 0, "no kill hit the middle of a command");
    // Every commit is whole: both files agree in each.
    for commit in sandbox.git(&dir, &["rev-list", "HEAD"]).lines() {
        let of = |name: &str| sandbox.git(&dir, &["rev-parse", &format!("{commit}:credentials/{name}.toml")]);
        let first = sandbox.git(&dir, &["rev-list", "--max-parents=0", "HEAD"]);
        assert!(commit == first || of("a") == of("b"), "{commit}");
    }
}
