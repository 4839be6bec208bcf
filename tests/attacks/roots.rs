//! The chain of roots against a host and against those who were authors once: older chains, forks below what was seen, and longer ones.

use vault_format::{FilePath, Parsed, Root};

use crate::{
    authors::with_bob,
    support::Fleet,
    world::{Attack, DEV, signing_key, successor},
};

fn root(fleet: &Fleet, serial: u64) -> Parsed<Root> {
    let path = FilePath::Root(serial);
    Parsed::parse(fleet.read(&path.to_string()).as_bytes(), &path).unwrap_or_else(|error| panic!("{error}"))
}

/// Bob was an author of root 2. From there he makes a chain of his own, in which he stays one, and makes it longer than the right one.
#[test]
fn a_removed_author_does_not_come_back_by_a_longer_chain() {
    let fleet = with_bob();
    let start = fleet.git(&["rev-parse", "HEAD"]);
    let second = root(&fleet, 2);
    let third = successor(&fleet, &second, &fleet.alice(), "alice", |body| {
        body.authors.retain(|line| line.author.as_str() == "alice");
    });
    fleet.forge("roots/3.toml", third.as_bytes());
    fleet.gets("fleet-dev", &[("github_pat", DEV)]);
    let right = fleet.git(&["rev-parse", "HEAD"]);
    fleet.git(&["reset", "-q", "--hard", start.trim()]);
    let bob = signing_key(&fleet.path("bob/fleetvault/signing_key"));
    let fork = successor(&fleet, &second, &bob, "bob", |body| body.keepers = 1);
    fleet.forge("roots/3.toml", fork.as_bytes());
    let refused = || {
        let run = fleet
            .refused("fleet-dev", "github_pat", 6)
            .says("fleetvault.toml (commit ");
        run.says("it is not the serial 3 that was used here before: same serial, other contents");
    };
    refused();
    let longer = successor(&fleet, &fork, &bob, "bob", |body| body.keepers = 3);
    fleet.forge("roots/4.toml", longer.as_bytes());
    refused();
    // Whoever compares with what was merged finds it too, without any memory.
    let verify = ["verify", "--base", right.trim()];
    fleet
        .fleetvault(&verify)
        .fails(6)
        .prints("serial 3, is not among its roots");
    let review = format!("{}..HEAD", right.trim());
    fleet
        .fleetvault(&["review", &review])
        .fails(6)
        .prints("its roots are not those that it is judged by, which end with root 3");
}
