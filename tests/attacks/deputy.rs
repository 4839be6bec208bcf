//! An agent that controls the directory, its `.git` and git's environment, and hopes that the resolver reads or runs something for it.

use std::{fs, os::unix::fs::symlink};

use crate::{
    support::{Fleet, run},
    world::{ALL, Attack, BOTH, DEV, clean, redrafted, signed, world},
};

/// Runs the resolver of fleet-rev with these variables on top: what it may not have stays refused, what it may is the real one.
#[track_caller]
fn same_as_ever(fleet: &Fleet, variables: &[(&str, String)]) {
    for (name, expected) in [
        ("github_pat", None),
        ("shared_key", Some(BOTH)),
        ("pub_token", Some(ALL)),
    ] {
        let mut command = fleet.resolver_command("fleet-rev", &["expand"]);
        command.envs(variables.iter().map(|(key, value)| (key, value)));
        let run = run(command, format!("<<secure.{name}>>").as_bytes());
        match expected {
            Some(value) => assert_eq!(run.ok().out(), value, "{variables:?}"),
            None => drop(clean(run.fails(3).silent())),
        }
    }
}

#[test]
fn by_gits_environment() {
    let fleet = world();
    let evil = Fleet::new();
    evil.set("shared_key", "s3cr3t-of-evil", "*");
    let at = |path: &str| evil.vault().join(path).display().to_string();
    let pairs = |list: &[(&'static str, &str)]| list.iter().map(|(k, v)| (*k, (*v).to_owned())).collect::<Vec<_>>();
    for variables in [
        vec![("GIT_DIR", at(".git"))],
        vec![("GIT_DIR", at(".git")), ("GIT_WORK_TREE", at(""))],
        vec![("GIT_COMMON_DIR", at(".git"))],
        vec![("GIT_OBJECT_DIRECTORY", at(".git/objects"))],
        vec![("GIT_ALTERNATE_OBJECT_DIRECTORIES", at(".git/objects"))],
        vec![("GIT_INDEX_FILE", at(".git/index"))],
        pairs(&[("GIT_NAMESPACE", "evil"), ("GIT_REPLACE_REF_BASE", "refs/heads/")]),
        pairs(&[
            ("GIT_CONFIG_COUNT", "1"),
            ("GIT_CONFIG_KEY_0", "core.worktree"),
            ("GIT_CONFIG_VALUE_0", "/nowhere"),
        ]),
        pairs(&[("GIT_CONFIG_PARAMETERS", "'core.worktree=/nowhere'")]),
        vec![
            ("GIT_CONFIG_GLOBAL", at("fleetvault.toml")),
            ("GIT_CONFIG_SYSTEM", at("fleetvault.toml")),
        ],
        pairs(&[
            ("GIT_CEILING_DIRECTORIES", "/"),
            ("GIT_DISCOVERY_ACROSS_FILESYSTEM", "0"),
        ]),
        pairs(&[
            ("GIT_SSH_COMMAND", "touch pwned"),
            ("GIT_EXTERNAL_DIFF", "touch pwned"),
            ("PAGER", "touch pwned"),
        ]),
        pairs(&[("GIT_SHALLOW_FILE", "/dev/null"), ("GIT_GRAFT_FILE", "/dev/null")]),
    ] {
        same_as_ever(&fleet, &variables);
    }
}

#[test]
fn by_replaced_and_grafted_objects() {
    let fleet = world();
    let file = redrafted(&fleet.credential("rev_pat"), |head| {
        head.subject = "github_pat".parse().unwrap()
    });
    let forged = signed(file, &fleet.alice(), "alice", "fleetvault-credential-v1");
    let forged = fleet.object(forged.as_bytes());
    let real = fleet
        .git(&["rev-parse", "HEAD:credentials/github_pat.toml"])
        .trim()
        .to_owned();
    fleet.git(&["replace", &real, &forged]);
    let head = fleet.git(&["rev-parse", "HEAD"]).trim().to_owned();
    let tree = fleet.git(&["rev-parse", "HEAD~1^{tree}"]).trim().to_owned();
    let other = fleet.git(&["commit-tree", "-m", "other", &tree]);
    fleet.git(&["replace", &head, other.trim()]);
    fs::write(fleet.vault().join(".git/info/grafts"), format!("{head}\n")).unwrap();
    same_as_ever(&fleet, &[]);
    fleet.gets("fleet-dev", &[("github_pat", DEV)]);
}

#[test]
fn by_attributes_and_configuration_of_the_repository() {
    let fleet = world();
    let attributes = "* filter=evil text eol=crlf ident working-tree-encoding=UTF-16 export-subst merge=union\n";
    let object = fleet.object(attributes.as_bytes());
    fleet.plant("100644", &object, ".gitattributes");
    fleet.plant("100644", &object, "credentials/.gitattributes");
    let marker = fleet.path("pwned");
    let touch = format!("touch {}", marker.display());
    for key in [
        "filter.evil.smudge",
        "filter.evil.clean",
        "filter.evil.process",
        "diff.fleetvault.textconv",
        "diff.external",
        "core.fsmonitor",
        "core.sshCommand",
        "core.pager",
        "core.editor",
        "gpg.program",
        "gpg.ssh.program",
        "credential.helper",
    ] {
        fleet.git(&["config", key, &touch]);
    }
    fleet.git(&["config", "core.autocrlf", "true"]);
    fleet.git(&["config", "core.hooksPath", fleet.path("home").to_str().unwrap()]);
    same_as_ever(&fleet, &[]);
    // A work tree elsewhere: what is read is the commit all the same.
    fs::create_dir_all(fleet.path("home")).unwrap();
    let config = fleet.vault().join(".git/config");
    let text = fs::read_to_string(&config).unwrap();
    fs::write(
        &config,
        format!("{text}[core]\n\tworktree = {}\n", fleet.path("home").display()),
    )
    .unwrap();
    same_as_ever(&fleet, &[]);
    assert!(!marker.exists(), "a program named in the repository was run");
}

/// The resolver may read what the agent may not. Nothing of such a file may come out in an error.
#[test]
fn by_paths_that_lead_to_the_identity() {
    let base = world();
    let secret = base.identity("fleet-rev");
    let secret = secret.to_str().unwrap();
    type Setup = fn(&Fleet, &str);
    let setups: [(&str, Setup); 7] = [
        ("HEAD", |fleet, secret| {
            fs::remove_file(fleet.vault().join(".git/HEAD")).unwrap();
            symlink(secret, fleet.vault().join(".git/HEAD")).unwrap();
        }),
        ("branch", |fleet, secret| {
            fs::remove_file(fleet.vault().join(".git/refs/heads/main")).unwrap();
            symlink(secret, fleet.vault().join(".git/refs/heads/main")).unwrap();
        }),
        ("packed-refs", |fleet, secret| {
            fs::remove_file(fleet.vault().join(".git/refs/heads/main")).unwrap();
            symlink(secret, fleet.vault().join(".git/packed-refs")).unwrap();
        }),
        ("config", |fleet, secret| {
            fs::remove_file(fleet.vault().join(".git/config")).unwrap();
            symlink(secret, fleet.vault().join(".git/config")).unwrap();
        }),
        ("include", |fleet, secret| {
            fs::write(
                fleet.vault().join(".git/config"),
                format!("[include]\n\tpath = {secret}\n"),
            )
            .unwrap();
        }),
        ("gitfile", |fleet, secret| {
            fs::rename(fleet.vault().join(".git"), fleet.path("moved")).unwrap();
            symlink(secret, fleet.vault().join(".git")).unwrap();
        }),
        ("alternates", |fleet, secret| {
            fs::create_dir_all(fleet.vault().join(".git/objects/info")).unwrap();
            symlink(secret, fleet.vault().join(".git/objects/info/alternates")).unwrap();
        }),
    ];
    for (what, setup) in setups {
        let fleet = world();
        setup(&fleet, secret);
        let run = clean(fleet.ask("fleet-rev", "github_pat").silent());
        assert_ne!(run.code, 0, "{what}");
        assert!(
            !run.stderr.to_uppercase().contains("SECRET-KEY"),
            "{what}: {}",
            run.stderr
        );
    }
    // As a vault, as an identity of another kind, as the reference.
    for args in [
        vec!["expand", "--vault", secret],
        vec!["expand", "--ref", secret],
        vec!["expand", "--identity", "/dev/null"],
        vec!["expand", "--identity", "/dev/zero"],
        vec!["expand", "--identity", "fd:99"],
        vec!["expand", "--identity", "fd:-1"],
        vec!["expand", "--identity", "/proc/self/environ"],
    ] {
        let run = clean(base.resolver("fleet-rev", &args, b"<<secure.shared_key>>").silent());
        assert_ne!(run.code, 0, "{args:?}");
    }
}

/// `--ref origin/main` is how a resolver accepts only what was merged. A tag of that name, which anybody with push rights can make and which
/// `git fetch` brings along, must not stand for it.
#[test]
fn by_a_tag_named_like_the_protected_branch() {
    let fleet = world();
    let clone = fleet.path("clone");
    let (clone_text, origin) = (clone.to_str().unwrap().to_owned(), fleet.vault());
    fleet.git(&["clone", "-q", origin.to_str().unwrap(), &clone_text]);
    let ask = || {
        let args = ["expand", "--vault", &clone_text, "--ref", "origin/main"];
        fleet.resolver("fleet-dev", &args, b"<<secure.github_pat>>")
    };
    assert_eq!(ask().ok().out(), DEV);
    fleet.git(&["switch", "-q", "-c", "unmerged"]);
    fleet.set("github_pat", "s3cr3t-not-merged", "fleet-dev");
    fleet.git(&["tag", "origin/main"]);
    fleet.git(&["switch", "-q", "main"]);
    fleet.git_in(&clone, &["fetch", "-q"]).ok();
    let run = ask();
    assert!(
        run.code != 0 || run.out() == DEV,
        "an unmerged commit was read as origin/main"
    );
}

/// What is read is a commit. What lies about in the directory, staged or not, is nobody's word.
#[test]
fn by_the_work_tree_and_the_index() {
    let fleet = world();
    let text = fleet.read("credentials/github_pat.toml");
    fs::write(fleet.vault().join("credentials/github_pat.toml"), "nonsense").unwrap();
    fs::write(fleet.vault().join("credentials/new.toml"), &text).unwrap();
    fs::remove_file(fleet.vault().join("members/fleet-dev.toml")).unwrap();
    symlink("/etc/passwd", fleet.vault().join("members/fleet-dev.toml")).unwrap();
    for stage in [false, true] {
        if stage {
            fleet.git(&["add", "-A"]);
        }
        fleet.gets("fleet-dev", &[("github_pat", DEV), ("pub_token", ALL)]);
        fleet.refused("fleet-dev", "new", 4);
        same_as_ever(&fleet, &[]);
    }
}

/// An output is put in the place of a link, not through it, and is readable by its owner alone.
#[test]
fn by_a_link_in_place_of_the_output() {
    use std::os::unix::fs::PermissionsExt;
    let fleet = world();
    let (target, link) = (fleet.path("target"), fleet.path("link"));
    fs::write(&target, "untouched").unwrap();
    fs::set_permissions(&target, fs::Permissions::from_mode(0o644)).unwrap();
    symlink(&target, &link).unwrap();
    fleet
        .resolver(
            "fleet-dev",
            &["expand", "-o", link.to_str().unwrap()],
            b"<<secure.github_pat>>",
        )
        .ok();
    assert_eq!(fs::read_to_string(&target).unwrap(), "untouched");
    assert_eq!(fs::read_to_string(&link).unwrap(), DEV);
    assert_eq!(fs::symlink_metadata(&link).unwrap().permissions().mode() & 0o777, 0o600);
    for out in ["nowhere/out", "/dev/null/out", "vault"] {
        clean(
            fleet
                .resolver("fleet-dev", &["expand", "-o", out], b"<<secure.github_pat>>")
                .fails(1)
                .silent(),
        );
    }
}

/// A repository that somebody else prepared must not make `init` commit a file of its user.
#[test]
fn by_a_link_in_place_of_the_attributes() {
    let fleet = Fleet::without_vault();
    let secret = fleet.path("private.txt");
    fs::write(&secret, "s3cr3t-of-the-user\n").unwrap();
    fs::create_dir(fleet.vault()).unwrap();
    fleet.git(&["init", "-q"]);
    symlink(&secret, fleet.vault().join(".gitattributes")).unwrap();
    fleet.commit_all("prepared");
    let head = fleet.git(&["rev-parse", "HEAD"]);
    let run = clean(fleet.fleetvault(&["init", "--author", "alice"]));
    assert!(
        !fleet.git(&["log", "-p", "--all"]).contains("s3cr3t"),
        "a private file was committed"
    );
    assert!(
        run.code != 0 && fleet.git(&["rev-parse", "HEAD"]) == head,
        "{}",
        run.stderr
    );
    assert_eq!(fs::read_to_string(&secret).unwrap(), "s3cr3t-of-the-user\n");
}
