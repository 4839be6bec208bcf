//! A repository of another user: read, never written.

use crate::world::{Attack, DEV, clean, contents, world};

#[test]
fn another_users_repository_is_read_and_not_written() {
    let fleet = world();
    let chown = std::process::Command::new("chown")
        .args(["-R", "12345:12345"])
        .arg(fleet.vault())
        .status();
    if !chown.is_ok_and(|status| status.success()) {
        eprintln!("SKIPPED: only root can give a repository to another user");
        return;
    }
    fleet.gets("fleet-dev", &[("github_pat", DEV)]);
    fleet.finds_nothing();
    let before = contents(&fleet.vault());
    for args in [
        vec!["set", "x", "--members", "fleet-dev"],
        vec!["rm", "github_pat"],
        vec!["touch", "github_pat"],
    ] {
        let run = clean(fleet.fleetvault_with(&args, b"s3cr3t-x").fails(1).silent());
        run.says("belongs to another user").says("safe.directory");
    }
    assert!(contents(&fleet.vault()) == before);
}
