//! A resolver is launched for one vault and offered another: the attacker's own with the same names, by path, history, environment or anchor.

use std::fs;

use crate::{
    support::{Fleet, run},
    world::{ALL, Attack, DEV, clean, memory, no_root, world},
};

/// The attacker's own fleet, with the victim's public keys and the victim's names.
fn evil(victim: &Fleet) -> Fleet {
    let evil = Fleet::new();
    for member in ["fleet-dev", "fleet-rev"] {
        let text = fs::read_to_string(victim.identity(member)).unwrap();
        let key = text
            .lines()
            .find_map(|line| line.strip_prefix("# public key: "))
            .unwrap();
        evil.fleetvault(&["member", "add", member, "--recipient", key]).ok();
    }
    for name in ["github_pat", "shared_key", "pub_token"] {
        evil.set(name, "s3cr3t-of-evil", "*");
    }
    evil
}

#[test]
fn a_vault_of_the_attackers_with_the_same_names_gives_nothing() {
    let fleet = world();
    let evil = evil(&fleet);
    let elsewhere = evil.vault();
    let elsewhere = elsewhere.to_str().unwrap();
    let before = memory(&fleet.path("fleet-dev-state"));
    for name in ["github_pat", "pub_token"] {
        let template = format!("<<secure.{name}>>");
        let refused = fleet.resolver("fleet-dev", &["expand", "--vault", elsewhere], template.as_bytes());
        clean(refused.fails(6).silent())
            .says("another vault: launched for SHA256:")
            .says("hint");
        let mut by_environment = fleet.resolver_command("fleet-dev", &["expand"]);
        by_environment.env("FLEETVAULT_VAULT", elsewhere);
        clean(run(by_environment, template.as_bytes()).fails(6).silent());
        // An anchor for one vault is not overruled by naming another.
        for id in [evil.id(), fleet.id()] {
            let args = ["expand", "--vault", elsewhere, "--root", &id];
            clean(
                fleet
                    .resolver("fleet-dev", &args, template.as_bytes())
                    .fails(6)
                    .silent(),
            )
            .says("another vault");
        }
        let args = ["expand", "--root", &evil.id()];
        clean(
            fleet
                .resolver("fleet-dev", &args, template.as_bytes())
                .fails(6)
                .silent(),
        )
        .says("another vault");
        let mut root = fleet.resolver_command("fleet-dev", &["expand"]);
        root.env("FLEETVAULT_ROOT", evil.id());
        clean(run(root, template.as_bytes()).fails(6).silent());
    }
    for command in ["check", "list"] {
        let args = [command, "--vault", elsewhere];
        clean(
            fleet
                .resolver("fleet-dev", &args, b"<<secure.pub_token>>")
                .fails(6)
                .silent(),
        );
    }
    assert!(memory(&fleet.path("fleet-dev-state")) == before);
    // Standing in the attacker's directory changes nothing.
    let mut standing = fleet.resolver_command("fleet-dev", &["expand"]);
    standing.env_remove("FLEETVAULT_VAULT").current_dir(evil.vault());
    clean(run(standing, b"<<secure.pub_token>>").fails(6).silent()).says("another vault");
}

#[test]
fn a_host_that_serves_another_history_gives_nothing() {
    let fleet = world();
    let evil = evil(&fleet);
    fleet.git(&["fetch", "-q", evil.vault().to_str().unwrap(), "main"]);
    fleet.git(&["reset", "-q", "--hard", "FETCH_HEAD"]);
    fleet.refused("fleet-dev", "pub_token", 6).says("another vault");
    fleet.refused("fleet-rev", "pub_token", 6).says("another vault");
}

#[test]
fn another_or_an_edited_root_under_the_real_files_gives_nothing() {
    let base = world();
    let evil = evil(&base);
    let real = base.read("fleetvault.toml");
    let author = real.lines().find(|line| line.contains("alice ssh-ed25519")).unwrap();
    let theirs = evil.read("fleetvault.toml");
    let evil_author = theirs.lines().find(|line| line.contains("alice ssh-ed25519")).unwrap();
    let tail = &theirs[theirs.find("[[signature]]").unwrap()..];
    for (root, says) in [
        (theirs.clone(), "another vault"),
        (real.replace(author, evil_author), "fleetvault.toml (commit "),
        (real.replace("keepers = 2", "keepers = 1"), "fleetvault.toml (commit "),
        (
            real[..real.find("[[signature]]").unwrap()].to_owned(),
            "fleetvault.toml (commit ",
        ),
        (
            format!("{}{tail}", &real[..real.find("[[signature]]").unwrap()]),
            "fleetvault.toml (commit ",
        ),
        (String::new(), "fleetvault.toml (commit "),
    ] {
        let fleet = world();
        fleet.forge("fleetvault.toml", root);
        for member in ["fleet-dev", "fleet-rev"] {
            fleet.refused(member, "pub_token", 6).says(says);
        }
        let head = fleet.git(&["rev-parse", "HEAD"]);
        clean(
            fleet
                .fleetvault_with(&["set", "pub_token", "--members", "*"], b"s3cr3t-new")
                .fails(6)
                .silent(),
        );
        assert_eq!(fleet.git(&["rev-parse", "HEAD"]), head);
    }
}

#[test]
fn a_vault_closer_upwards_gives_nothing() {
    let fleet = world();
    let evil = evil(&fleet);
    let nested = fleet.vault().join("services/api");
    fs::create_dir_all(nested.join("src")).unwrap();
    let archive = fleet.path("evil.tar");
    evil.git(&["archive", "-o", archive.to_str().unwrap(), "HEAD"]);
    let tar = std::process::Command::new("tar")
        .arg("-xf")
        .arg(&archive)
        .arg("-C")
        .arg(&nested)
        .status()
        .unwrap();
    assert!(tar.success());
    fs::write(nested.join("src/a"), "a").unwrap();
    fleet.commit_all("nested");
    let ask = |directory: &str| {
        let mut command = fleet.resolver_command("fleet-dev", &["expand"]);
        command
            .env_remove("FLEETVAULT_VAULT")
            .current_dir(fleet.vault().join(directory));
        run(command, b"<<secure.pub_token>>")
    };
    for directory in ["services/api", "services/api/src"] {
        clean(ask(directory).fails(6).silent()).says("another vault");
    }
    assert_eq!(ask("services").ok().out(), ALL);
    // A file that only looks like the beginning of one is in the way, and is said to be.
    fs::create_dir_all(fleet.vault().join("tools")).unwrap();
    fs::write(fleet.vault().join("tools/fleetvault.toml"), "x").unwrap();
    fleet.commit_all("fake");
    clean(ask("tools").fails(6).silent()).says("fleetvault.toml (commit ");
    fleet.gets("fleet-dev", &[("github_pat", DEV)]);
}

#[test]
fn without_an_anchor_or_with_a_newer_one_nothing_is_given() {
    let fleet = world();
    let file = fleet.identity("fleet-dev");
    let own = fs::read_to_string(&file).unwrap();
    let bare: String = own
        .lines()
        .filter(|line| !line.contains("vault="))
        .map(|line| format!("{line}\n"))
        .collect();
    fs::write(&file, &bare).unwrap();
    fleet
        .refused("fleet-dev", "github_pat", 6)
        .says("no anchor")
        .says(&fleet.id());
    let with_root = fleet.resolver(
        "fleet-dev",
        &["expand", "--root", &fleet.id()],
        b"<<secure.github_pat>>",
    );
    assert_eq!(with_root.ok().out(), DEV);
    let later = format!("member=fleet-dev root={}", no_root(2));
    fs::write(&file, own.replace("member=fleet-dev", &later)).unwrap();
    fleet
        .refused("fleet-dev", "github_pat", 6)
        .says("accepts serial 2 and later, found 1");
    let with_root = fleet.resolver(
        "fleet-dev",
        &["expand", "--root", &fleet.id()],
        b"<<secure.github_pat>>",
    );
    clean(with_root.fails(6).silent()).says("accepts serial 2");
    for bad in [
        "root=0",
        "root=1",
        "root=x",
        "root=1@sha256:short",
        "vault=SHA256:short",
    ] {
        fs::write(
            &file,
            own.replace("member=fleet-dev", &format!("member=fleet-dev {bad}")),
        )
        .unwrap();
        fleet.refused("fleet-dev", "github_pat", 1).says("line ");
    }
}

/// An identity for two vaults is launched for neither until `--root` says which one: whoever serves the one could serve the other.
#[test]
fn with_two_anchors_the_root_decides() {
    let fleet = world();
    let evil = evil(&fleet);
    let file = fleet.identity("fleet-dev");
    let own = fs::read_to_string(&file).unwrap();
    fs::write(
        &file,
        format!("# fleetvault: vault={} member=fleet-dev\n{own}", evil.id()),
    )
    .unwrap();
    let elsewhere = evil.vault();
    let args = ["expand", "--root", &fleet.id(), "--vault", elsewhere.to_str().unwrap()];
    clean(
        fleet
            .resolver("fleet-dev", &args, b"<<secure.pub_token>>")
            .fails(6)
            .silent(),
    )
    .says("another vault");
    fleet.refused("fleet-dev", "github_pat", 6).says("for 2 vaults");
    let args = ["expand", "--root", &fleet.id()];
    let text = fleet.resolver("fleet-dev", &args, b"<<secure.github_pat>>").ok().out();
    assert_eq!(text, DEV);
}
