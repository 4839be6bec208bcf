//! `init`: a vault in a new repository, in an existing one, in a part of one; and what is left behind where it fails.

use std::{fs, path::Path};

use crate::support::{Fleet, run};

/// What is below a directory, git's own files excepted.
fn below(directory: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut todo = vec![directory.to_owned()];
    while let Some(next) = todo.pop() {
        for entry in fs::read_dir(&next).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(directory).unwrap().display().to_string();
            if path.is_dir() && name != ".git" {
                todo.push(path);
            } else if name != ".git" {
                found.push(name);
            }
        }
    }
    found.sort();
    found
}

#[test]
fn a_new_vault_is_one_signed_commit() {
    let fleet = Fleet::without_vault();
    fs::create_dir(fleet.vault()).unwrap();
    let made = fleet.fleetvault(&["init", "--author", "alice"]).ok();
    for line in [
        "made a vault in .",
        "id           SHA256:",
        "commit       ",
        " on main\n",
    ] {
        assert!(made.out().contains(line), "{line}\n{}", made.out());
    }
    let made = made.prints("next: fleetvault member add NAME --recipient KEY");
    let made = made.says("you are the only keeper: if your identity is lost, so is every value");
    assert!(made.out().contains(&fleet.id()));
    assert_eq!(
        below(&fleet.vault()),
        [
            ".gitattributes",
            "fleetvault.toml",
            "grants/all/alice.toml",
            "grants/keepers/alice.toml",
            "groups/all.toml",
            "groups/keepers.toml",
            "members/alice.toml"
        ]
    );
    assert_eq!(fleet.git(&["status", "--porcelain"]), "");
    assert_eq!(fleet.git(&["rev-list", "--count", "HEAD"]), "1\n");
    let message = fleet.git(&["log", "-1", "--format=%an|%s|%(trailers:only,unfold)"]);
    assert_eq!(
        message.trim(),
        format!(
            "Alice|fleetvault: init|Fleetvault-Vault: {}\nFleetvault-Author: alice",
            fleet.id()
        )
    );
    fleet.fleetvault(&["verify"]).ok().prints("6 files of commit ");
    assert!(fleet.read(".gitattributes").contains("/credentials/** -text -merge"));
}

#[cfg(unix)]
#[test]
fn new_keys_are_for_their_owner_alone() {
    use std::os::unix::fs::PermissionsExt;

    let fleet = Fleet::new();
    let mode = |path: &str| fs::metadata(fleet.path(path)).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode("alice/fleetvault"), 0o700);
    assert_eq!(mode("alice/fleetvault/identity.txt"), 0o600);
    assert_eq!(mode("alice/fleetvault/signing_key"), 0o600);
    let identity = fs::read_to_string(fleet.identity("alice")).unwrap();
    let anchor = format!("# fleetvault: vault={} member=alice\n", fleet.id());
    assert!(identity.contains(&anchor));
    let public = fs::read_to_string(fleet.path("alice/fleetvault/signing_key.pub")).unwrap();
    assert!(public.starts_with("ssh-ed25519 AAAA") && public.ends_with(" fleetvault alice\n"));
}

#[test]
fn a_directory_is_made_and_dash_c_is_where_it_starts() {
    let fleet = Fleet::without_vault();
    let mut command = fleet.fleetvault_command(&["-C", "some", "init", "deep/vault", "--author", "alice"]);
    fs::create_dir(fleet.path("some")).unwrap();
    command.current_dir(fleet.path(""));
    run(command, b"").ok();
    assert!(fleet.path("some/deep/vault/fleetvault.toml").is_file());
    assert!(fleet.path("some/deep/vault/.git").is_dir());
}

#[test]
fn keys_that_exist_are_used_and_get_a_second_anchor() {
    let fleet = Fleet::new();
    let (id, before) = (fleet.id(), fs::read_to_string(fleet.identity("alice")).unwrap());
    let key = fs::read(fleet.path("alice/fleetvault/signing_key")).unwrap();
    fleet.fleetvault(&["init", "../second", "--author", "alice"]).ok();
    let after = fs::read_to_string(fleet.identity("alice")).unwrap();
    assert!(after.ends_with(&before));
    assert_eq!(after.matches("# fleetvault: vault=").count(), 2);
    assert_eq!(fs::read(fleet.path("alice/fleetvault/signing_key")).unwrap(), key);
    let second = fleet.fleetvault(&["-C", "../second", "trust", "show", "--json"]).ok();
    assert_ne!(second.json()["vault"].as_str().unwrap(), id);
    fleet
        .fleetvault_with(&["-C", "../second", "set", "token"], b"value-of-token")
        .ok();
    assert_eq!(
        fleet.fleetvault(&["-C", "../second", "get", "token"]).ok().out(),
        "value-of-token"
    );
}

#[test]
fn a_repository_that_exists_keeps_its_history_and_attributes() {
    let fleet = Fleet::without_vault();
    fs::create_dir(fleet.vault()).unwrap();
    fleet.git(&["init", "-q"]);
    fs::write(fleet.vault().join("README"), "ours\n").unwrap();
    fs::write(fleet.vault().join(".gitattributes"), "*.png binary").unwrap();
    fleet.commit_all("first");
    fleet.fleetvault(&["init", "--author", "alice"]).ok();
    assert_eq!(fleet.git(&["rev-list", "--count", "HEAD"]), "2\n");
    assert!(
        fleet
            .read(".gitattributes")
            .starts_with("*.png binary\n# Files of the vault")
    );
    assert_eq!(fleet.read("README"), "ours\n");
    assert_eq!(fleet.git(&["status", "--porcelain"]), "");
}

#[test]
fn a_part_of_a_larger_repository_leaves_other_work_alone() {
    let fleet = Fleet::without_vault();
    fs::create_dir(fleet.vault()).unwrap();
    fleet.git(&["init", "-q"]);
    for name in ["staged", "modified", "quiet"] {
        fs::write(fleet.vault().join(name), "1\n").unwrap();
    }
    fleet.commit_all("first");
    for name in ["staged", "modified", "untracked"] {
        fs::write(fleet.vault().join(name), "2\n").unwrap();
    }
    fs::write(fleet.vault().join("new"), "new\n").unwrap();
    fleet.git(&["add", "staged", "new"]);
    let work = " M modified\nA  new\nM  staged\n?? untracked\n";
    let status = || {
        let mut lines: Vec<String> = fleet
            .git(&["status", "--porcelain"])
            .lines()
            .map(str::to_owned)
            .collect();
        lines.sort_by_key(|line| line[3..].to_owned());
        lines.join("\n") + "\n"
    };
    assert_eq!(status(), work);
    fleet.fleetvault(&["init", "secrets/fleet", "--author", "alice"]).ok();
    assert_eq!(status(), work);
    assert!(
        !fleet.vault().join("secrets/fleet/.git").exists(),
        "a repository inside a repository"
    );
    let here = ["-C", "secrets/fleet/members"];
    let set = [&here[..], &["set", "token"]].concat();
    fleet.fleetvault_with(&set, b"value-of-token").ok();
    assert_eq!(status(), work);
    let changed = fleet.git(&["show", "--name-only", "--format=", "HEAD"]);
    assert_eq!(changed, "secrets/fleet/credentials/token.toml\n");
    fleet.fleetvault(&[&here[..], &["verify"]].concat()).ok();
    // The same from the resolver's side, from a directory below the vault.
    // As with git, every relative path is one from the directory that -C names.
    let file = "../../../../dev.txt";
    let key = fleet.fleetvault(&[&here[..], &["keygen", "--member", "dev", "-o", file]].concat());
    let key = key.ok().out();
    fleet
        .fleetvault(&[&here[..], &["member", "add", "dev", "--recipient", key.trim()]].concat())
        .ok();
    let mut command = fleet.resolver_command("dev", &["expand"]);
    command.env("FLEETVAULT_VAULT", fleet.vault().join("secrets/fleet/credentials"));
    assert_eq!(run(command, b"<<secure.token>>").ok().out(), "value-of-token");
    // From the top there is no vault: it would have to be guessed.
    fleet
        .fleetvault(&["list"])
        .fails(1)
        .says("has no fleetvault.toml at its top")
        .says("-C DIR or --vault DIR names the directory of an existing one");
}

#[test]
fn a_second_init_is_refused() {
    let fleet = Fleet::new();
    let (id, head) = (fleet.id(), fleet.git(&["rev-parse", "HEAD"]));
    let identity = fs::read(fleet.identity("alice")).unwrap();
    fleet
        .fleetvault(&["init", "--author", "alice"])
        .fails(1)
        .silent()
        .says_exactly(
            "fleetvault: error: fleetvault.toml is there already\n\
             fleetvault: hint: add a person or machine to it with 'fleetvault member add'\n",
        );
    fleet
        .fleetvault(&["init", "--author", "alice", "--dry-run"])
        .fails(1)
        .says("fleetvault.toml is there already");
    assert_eq!((fleet.id(), fleet.git(&["rev-parse", "HEAD"])), (id, head));
    assert_eq!(fs::read(fleet.identity("alice")).unwrap(), identity);
}

#[test]
fn without_a_git_identity_nothing_is_left_behind() {
    let fleet = Fleet::without_vault();
    fs::write(fleet.path("gitconfig"), "[init]\n\tdefaultBranch = main\n").unwrap();
    fs::create_dir(fleet.path("there")).unwrap();
    let before = fs::read_dir(fleet.path("")).unwrap().count();
    for directory in ["new", "a/b/c", "there"] {
        let mut command = fleet.fleetvault_command(&["init", directory, "--author", "alice"]);
        command.current_dir(fleet.path(""));
        run(command, b"").fails(1).silent().says_exactly(
            "fleetvault: error: git does not know who you are: set user.name and user.email with 'git config'\n\
             fleetvault: hint: git config --global user.name NAME, git config --global user.email ADDRESS\n",
        );
    }
    assert_eq!(fs::read_dir(fleet.path("")).unwrap().count(), before);
    assert_eq!(fs::read_dir(fleet.path("there")).unwrap().count(), 0);
}

#[test]
fn a_recovery_key_is_a_second_keeper() {
    let fleet = Fleet::without_vault();
    fs::create_dir(fleet.vault()).unwrap();
    let offline = fleet.path("offline.txt");
    let key = fleet
        .fleetvault(&["keygen", "-o", offline.to_str().unwrap()])
        .ok()
        .out();
    let made = fleet
        .fleetvault(&["init", "--author", "alice", "--recovery", key.trim()])
        .ok();
    assert_eq!(made.stderr, "");
    let shown = fleet.fleetvault(&["member", "show", "recovery", "--json"]).ok().json();
    assert_eq!(shown["groups"], serde_json::json!(["all", "keepers"]));
    fleet.set("token", "value-of-token", "alice");
    let opened = {
        // Made before there was a vault, so it has no anchor.
        let id = fleet.id();
        fleet.fleetvault(&["--root", &id, "--identity", offline.to_str().unwrap(), "get", "token"])
    };
    assert_eq!(opened.ok().out(), "value-of-token");
    fleet.fleetvault(&["doctor"]).ok().prints("good  2 keepers");

    let again = ["init", "../other", "--author", "alice", "--recovery"];
    let own = fleet.fleetvault(&["member", "show", "alice", "--json"]).ok().json();
    let own = own["recipients"][0].as_str().unwrap().to_owned();
    fleet
        .fleetvault(&[&again[..], &[&own]].concat())
        .fails(1)
        .says("belongs to member 'alice' already");
    assert!(!fleet.path("other").exists());
    fleet
        .fleetvault(&[&again[..], &["age1nonsense"]].concat())
        .fails(2)
        .says("'age1nonsense' is no recipient: expected 'age1…' or 'ssh-ed25519 AAAA…'");
}

#[test]
fn a_branch_of_its_own_for_a_protected_main() {
    let fleet = Fleet::without_vault();
    fs::create_dir(fleet.vault()).unwrap();
    fleet.git(&["init", "-q"]);
    fs::write(fleet.vault().join("README"), "ours\n").unwrap();
    fleet.commit_all("first");
    fleet
        .fleetvault(&["init", "--author", "alice", "--branch", "vault"])
        .ok()
        .prints(" on vault\n");
    assert_eq!(fleet.git(&["branch", "--show-current"]), "main\n");
    assert_eq!(below(&fleet.vault()), ["README"]);
    fleet.git(&["switch", "-q", "vault"]);
    fleet.fleetvault(&["verify"]).ok();
}

#[test]
fn a_dry_run_makes_nothing() {
    let fleet = Fleet::without_vault();
    fs::create_dir(fleet.vault()).unwrap();
    let dry = ["init", "--author", "alice", "--dry-run"];
    fleet
        .fleetvault(&dry)
        .ok()
        .prints("would make a git repository and a vault in .");
    fleet.git(&["init", "-q"]);
    fs::write(fleet.vault().join("README"), "ours\n").unwrap();
    fleet.commit_all("first");
    fleet.fleetvault(&dry).ok().prints("would make a vault in .");
    assert_eq!(below(&fleet.vault()), ["README"]);
    assert!(!fleet.path("alice").exists());
    assert!(!fleet.path("alice-state").exists());
}

#[test]
fn the_author_is_the_login_name_where_none_is_given() {
    let fleet = Fleet::without_vault();
    fs::create_dir(fleet.vault()).unwrap();
    fleet
        .fleetvault(&["init"])
        .fails(2)
        .says("your login name cannot be an author's name")
        .says("name yourself with --author NAME");
    for (name, rule) in [
        ("al ice", "only A-Z, a-z, 0-9, '.', '_' and '-'"),
        ("keepers", "'all' and 'keepers' are reserved"),
        (".alice", "the first character must be a letter or digit"),
        ("", "a name must not be empty"),
    ] {
        fleet.fleetvault(&["init", "--author", name]).fails(2).says(rule);
    }
    let mut command = fleet.fleetvault_command(&["init"]);
    command.env("USER", "bob");
    run(command, b"").ok().prints("author       bob, with the signing key");
}

#[cfg(target_os = "linux")]
#[test]
fn a_failure_after_the_commit_leaves_the_vault_and_says_what_is_missing() {
    let fleet = Fleet::new();
    let identity = fs::read(fleet.identity("alice")).unwrap();
    // A pipe is read, and cannot be added to.
    let mut command = fleet.fleetvault_command(&["--identity", "/dev/stdin", "init", "../new", "--author", "alice"]);
    command.current_dir(fleet.vault());
    run(command, &identity)
        .fails(1)
        .prints("made a vault in ../new")
        .says("cannot add the anchor to /dev/stdin")
        .says("the vault is made; add this line to the identity yourself: # fleetvault: vault=SHA256:");
    assert_eq!(fleet.git(&["-C", "../new", "rev-list", "--count", "HEAD"]), "1\n");
    fleet.fleetvault(&["-C", "../new", "verify"]).ok();
}

#[test]
fn an_init_that_fails_anchors_nothing() {
    let fleet = Fleet::without_vault();
    fs::create_dir(fleet.vault()).unwrap();
    let config = fs::read_to_string(fleet.path("gitconfig")).unwrap();
    let signing = "[commit]\n\tgpgsign = true\n[gpg]\n\tformat = ssh\n[user]\n\tsigningkey = /none/key\n";
    fs::write(fleet.path("gitconfig"), format!("{config}{signing}")).unwrap();
    fleet
        .fleetvault(&["init", "--author", "alice"])
        .fails(1)
        .silent()
        .says("git could not sign the commit");
    assert!(!fleet.vault().join(".git").exists());
    let identity = fs::read_to_string(fleet.identity("alice")).unwrap();
    assert!(!identity.contains("# fleetvault:"), "{}", identity.lines().count());
    fs::write(fleet.path("gitconfig"), config).unwrap();
    fleet.fleetvault(&["init", "--author", "alice"]).ok();
    let again = fs::read_to_string(fleet.identity("alice")).unwrap();
    assert!(again.ends_with(&identity));
    assert_eq!(again.matches("# fleetvault:").count(), 1);
    fleet.set("token", "value-of-token", "*");
    fleet
        .resolver("alice", &["expand", "--allow-keeper"], b"<<secure.token>>")
        .ok()
        .prints("value-of-token");
}

#[test]
fn attributes_are_those_of_the_branch() {
    let fleet = Fleet::without_vault();
    fs::create_dir(fleet.vault()).unwrap();
    fleet.git(&["init", "-q"]);
    fs::write(fleet.vault().join(".gitattributes"), "*.png binary\n").unwrap();
    fleet.commit_all("first");
    fleet.git(&["clone", "-q", "--bare", ".", "../bare.git"]);
    fleet.git(&["switch", "-q", "-c", "other"]);
    fs::write(fleet.vault().join(".gitattributes"), "*.jpg binary\n").unwrap();
    fleet.commit_all("second");
    // Another branch than the one checked out, and a repository without files.
    for (directory, commit) in [(".", "main"), ("../bare.git", "main")] {
        fleet
            .fleetvault(&["init", directory, "--author", "alice", "--branch", "main"])
            .ok();
        let shown = fleet.git(&["-C", directory, "show", &format!("{commit}:.gitattributes")]);
        assert!(shown.starts_with("*.png binary\n# Files of the vault"), "{shown}");
    }
    // Nor is one taken over that was never committed.
    fs::write(fleet.vault().join(".gitattributes"), "*.gif binary\n").unwrap();
    let head = fleet.git(&["rev-parse", "HEAD"]);
    fleet
        .fleetvault(&["init", "--author", "alice"])
        .fails(1)
        .says(".gitattributes");
    assert_eq!(fleet.git(&["rev-parse", "HEAD"]), head);
    assert_eq!(fleet.read(".gitattributes"), "*.gif binary\n");
}

#[test]
fn a_vault_holds_no_other_one() {
    let fleet = Fleet::new();
    let head = fleet.git(&["rev-parse", "HEAD"]);
    for directory in ["new/dir/sub", "members"] {
        fleet
            .fleetvault(&["init", directory, "--author", "alice"])
            .fails(1)
            .silent()
            .says(&format!(
                "{directory} is inside the vault at the top of this repository"
            ));
    }
    assert!(!fleet.vault().join("new").exists());
    assert_eq!(fleet.git(&["rev-parse", "HEAD"]), head);
}

#[test]
fn a_public_key_that_exists_is_not_replaced() {
    let fleet = Fleet::without_vault();
    fs::create_dir_all(fleet.path("alice/fleetvault")).unwrap();
    let public = fleet.path("alice/fleetvault/signing_key.pub");
    fs::write(&public, "precious").unwrap();
    let mut command = fleet.fleetvault_command(&["init", "new", "--author", "alice"]);
    command.current_dir(fleet.path(""));
    run(command, b"")
        .fails(1)
        .silent()
        .says("signing_key.pub exists, and its private half ")
        .says("move it away");
    assert_eq!(fs::read(&public).unwrap(), b"precious");
    assert_eq!(below(&fleet.path("alice")), ["fleetvault/signing_key.pub"]);
    assert!(!fleet.path("new").exists());
}

#[cfg(unix)]
#[test]
fn a_linked_identity_stays_a_link() {
    let fleet = Fleet::new();
    let (link, real) = (fleet.identity("alice"), fleet.path("dotfiles"));
    fs::rename(&link, &real).unwrap();
    std::os::unix::fs::symlink(&real, &link).unwrap();
    fleet
        .fleetvault(&["init", "../second", "--author", "alice"])
        .ok()
        .says("the identity is now for 2 vaults: with it, fleetvault-resolver needs --root to say which");
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    let text = fs::read_to_string(&real).unwrap();
    assert_eq!(text.matches("# fleetvault: vault=").count(), 2);
}
