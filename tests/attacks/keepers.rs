//! A keeper holds the key of every credential. Keeping is not using.

use crate::world::{ALL, Attack, BOTH, clean, world};

#[test]
fn a_keepers_identity_does_not_resolve() {
    let fleet = world();
    for name in ["github_pat", "pub_token", "nothing"] {
        let run = fleet.refused("alice", name, 7);
        run.says("member 'alice' is a keeper")
            .says("give the agent a member of its own");
    }
    for command in ["list", "check"] {
        clean(
            fleet
                .resolver("alice", &[command], b"<<secure.pub_token>>")
                .fails(7)
                .silent(),
        );
    }
}

#[test]
fn allowed_it_resolves_what_its_scope_gives_and_no_more() {
    let fleet = world();
    let allowed = |template: &str| fleet.resolver("alice", &["expand", "--allow-keeper"], template.as_bytes());
    for name in ["github_pat", "shared_key", "rev_pat"] {
        let run = clean(allowed(&format!("<<secure.{name}>>")).fails(3).silent());
        run.says("is not accessible to member 'alice'");
    }
    assert_eq!(allowed("<<secure.pub_token>>").ok().out(), ALL);
    fleet.set("shared_key", BOTH, "alice,fleet-dev");
    assert_eq!(allowed("<<secure.shared_key>>").ok().out(), BOTH);
}

/// A host that hides the grant hides the key with it.
#[test]
fn a_hidden_grant_makes_no_keeper_an_ordinary_member() {
    let fleet = world();
    fleet.git(&["rm", "-q", "grants/keepers/alice.toml"]);
    fleet.git(&["commit", "-q", "-m", "hidden"]);
    let refused = fleet.resolver("alice", &["expand"], b"<<secure.github_pat>>");
    let run = clean(refused.silent());
    assert!([3, 6].contains(&run.code), "{} {}", run.code, run.stderr);
}
