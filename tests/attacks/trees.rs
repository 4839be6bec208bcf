//! Trees that git's own commands would not make, or that a file system takes for something else.

use crate::{
    support::{Fleet, run},
    world::{ALL, Attack, BOTH, DEV, REV, clean, redrafted, signed, world},
};

const PATH: &str = "credentials/github_pat.toml";

#[track_caller]
fn only_that_file_suffers(fleet: &Fleet, says: &str) {
    fleet
        .refused("fleet-dev", "github_pat", 6)
        .says(&format!("{PATH} (commit "))
        .says(says)
        .says("hint");
    fleet.gets("fleet-dev", &[("shared_key", BOTH), ("pub_token", ALL)]);
    fleet.gets("fleet-rev", &[("rev_pat", REV), ("pub_token", ALL)]);
}

#[test]
fn something_else_in_place_of_a_file() {
    for (mode, says) in [
        ("120000", "symbolic link"),
        ("100755", "executable"),
        ("160000", "submodule"),
    ] {
        let fleet = world();
        let object = match mode {
            "120000" => fleet.object(b"shared_key.toml"),
            "160000" => fleet.git(&["rev-parse", "HEAD"]).trim().to_owned(),
            _ => fleet.git(&["rev-parse", &format!("HEAD:{PATH}")]).trim().to_owned(),
        };
        fleet.plant(mode, &object, PATH);
        only_that_file_suffers(&fleet, says);
        fleet.finds(PATH, says);
        let fleet = world();
        fleet.plant(mode, &object_like(&fleet, mode), "members/fleet-rev.toml");
        fleet
            .refused("fleet-rev", "rev_pat", 6)
            .says("members/fleet-rev.toml (commit ")
            .says(says);
        fleet.gets("fleet-dev", &[("github_pat", DEV)]);
        fleet.finds("members/fleet-rev.toml", says);
    }
    let fleet = world();
    let object = fleet.git(&["rev-parse", &format!("HEAD:{PATH}")]).trim().to_owned();
    fleet.git(&["rm", "-q", "--cached", PATH]);
    fleet.plant("100644", &object, &format!("{PATH}/github_pat.toml"));
    only_that_file_suffers(&fleet, "directory");
    fleet.finds(&format!("{PATH}/github_pat.toml"), "no file of a vault");
    // A link where a folder must be.
    let fleet = world();
    let link = fleet.object(b"../elsewhere");
    fleet.git(&["rm", "-rq", "--cached", "grants/all"]);
    fleet.plant("120000", &link, "grants/all");
    fleet
        .refused("fleet-dev", "pub_token", 6)
        .says("grants/all")
        .says("symbolic link");
    fleet.gets("fleet-dev", &[("github_pat", DEV), ("shared_key", BOTH)]);
    fleet.finds("grants/all", "");
}

fn object_like(fleet: &Fleet, mode: &str) -> String {
    match mode {
        "120000" => fleet.object(b"fleet-dev.toml"),
        "160000" => fleet.git(&["rev-parse", "HEAD"]).trim().to_owned(),
        _ => fleet
            .git(&["rev-parse", "HEAD:members/fleet-rev.toml"])
            .trim()
            .to_owned(),
    }
}

#[test]
fn names_that_collide_or_are_none() {
    let base = world();
    let renamed = |name: &str| {
        let draft = redrafted(&base.credential("github_pat"), |head| {
            head.subject = name.parse().unwrap()
        });
        signed(draft, &base.alice(), "alice", "fleetvault-credential-v1")
            .as_bytes()
            .to_vec()
    };
    let real = base.read(PATH).into_bytes();
    for (path, bytes, says) in [
        ("credentials/GITHUB_pat.toml", renamed("GITHUB_pat"), "only by case"),
        (
            "credentials/github_pat/inner.toml",
            renamed("github_pat/inner"),
            "a credential and a folder at once",
        ),
        ("Credentials/x.toml", real.clone(), "only by case"),
        ("MEMBERS/fleet-dev.toml", real.clone(), "only by case"),
        ("Fleetvault.toml", real.clone(), "only by case"),
        ("credentials/README.md", real.clone(), "no file of a vault"),
        ("credentials/a b.toml", real.clone(), "no file of a vault"),
        ("credentials/a/b/c/d/e.toml", real.clone(), "no file of a vault"),
        ("members/.hidden.toml", real.clone(), "no file of a vault"),
        ("grants/all/fleet-dev/x.toml", real.clone(), "no file of a vault"),
        ("roots/1.toml", real.clone(), "no file of a vault"),
        ("roots/02.toml", real.clone(), "no file of a vault"),
        ("roots/3.toml", real.clone(), "a root is missing before it"),
        ("members/github_pat.toml", real.clone(), "kind"),
        (
            "credentials/fleet-dev.toml",
            base.read("members/fleet-dev.toml").into_bytes(),
            "kind",
        ),
    ] {
        let fleet = world();
        fleet.plant("100644", &fleet.object(&bytes), path);
        let found_at = if path.contains("/inner") || path.contains("GITHUB") {
            PATH
        } else if path.starts_with(char::is_uppercase) {
            path.split('/').next().unwrap()
        } else {
            path
        };
        fleet.finds(found_at, says);
        fleet.gets("fleet-dev", &[("github_pat", DEV), ("pub_token", ALL)]);
        fleet.refused("fleet-rev", "github_pat", 3);
        assert!(
            fleet.resolver("fleet-dev", &["list"], b"").out().contains("shared_key"),
            "{path}"
        );
    }
    let fleet = world();
    for stranger in [
        "README.md",
        "src/credentials/x.toml",
        "credentials.md",
        "notes/fleetvault.toml.bak",
    ] {
        fleet.plant("100644", &fleet.object(b"x"), stranger);
    }
    fleet.finds_nothing();
}

#[test]
fn names_that_are_no_text() {
    let fleet = world();
    let object = fleet.git(&["rev-parse", &format!("HEAD:{PATH}")]).trim().to_owned();
    let line = [
        b"100644 ".as_slice(),
        object.as_bytes(),
        b"\tcredentials/\xff\xfe\x1b[31m.toml\0",
    ]
    .concat();
    fleet.plumb(&["update-index", "-z", "--index-info"], &line);
    fleet.git(&["commit", "-q", "-m", "bytes"]);
    let run = clean(fleet.fleetvault(&["verify"]).fails(6));
    assert!(
        run.out().contains("no file of a vault can have this name") && !run.out().contains('\u{1b}'),
        "{}",
        run.out()
    );
    fleet.gets("fleet-dev", &[("github_pat", DEV), ("pub_token", ALL)]);
    fleet.refused("fleet-dev", "nothing", 4);
    assert!(
        fleet
            .resolver("fleet-dev", &["list"], b"")
            .ok()
            .out()
            .contains("shared_key")
    );
}

#[test]
fn a_name_that_is_there_twice() {
    let fleet = world();
    let tree = fleet.git(&["rev-parse", "HEAD:credentials"]).trim().to_owned();
    let raw = {
        let mut command = fleet.command("git", "alice");
        command.args(["cat-file", "tree", &tree]).current_dir(fleet.vault());
        run(command, b"").ok().stdout
    };
    let shared = fleet
        .git(&["rev-parse", "HEAD:credentials/shared_key.toml"])
        .trim()
        .to_owned();
    let id: Vec<u8> = (0..20)
        .map(|n| u8::from_str_radix(&shared[2 * n..2 * n + 2], 16).unwrap())
        .collect();
    let entry = [b"100644 github_pat.toml\0".as_slice(), &id].concat();
    for twice in [[entry.clone(), raw.clone()].concat(), [raw, entry].concat()] {
        let folder = fleet.plumb(&["hash-object", "-t", "tree", "-w", "--stdin", "--literally"], &twice);
        let top = fleet.git(&["ls-tree", "HEAD"]).replace(&tree, &folder);
        let top = fleet.plumb(&["mktree"], top.as_bytes());
        let commit = fleet.git(&["commit-tree", "-p", "HEAD", "-m", "twice", &top]);
        fleet.git(&["update-ref", "refs/heads/main", commit.trim()]);
        let verify = clean(fleet.fleetvault(&["verify"]).fails(6));
        assert!(
            format!("{}{}", verify.out(), verify.stderr).contains("a name is there twice"),
            "{}",
            verify.stderr
        );
        // Whichever of the two is read, it is the real one or none.
        let run = fleet.ask("fleet-dev", "github_pat");
        match run.code {
            0 => assert_eq!(run.out(), DEV),
            _ => drop(clean(run.fails(6).silent())),
        }
        fleet.gets("fleet-dev", &[("shared_key", BOTH), ("pub_token", ALL)]);
        fleet.refused("fleet-rev", "rev_pat_", 4);
    }
}

#[test]
fn a_broken_root_stops_everything_and_says_where() {
    for root in [&b"nonsense"[..], b"", b"format = 1\nkind = \"root\"\n"] {
        let fleet = world();
        fleet.plant("100644", &fleet.object(root), "roots/2.toml");
        fleet.refused("fleet-dev", "pub_token", 6).says("roots/2.toml (commit ");
        let verify = clean(fleet.fleetvault(&["verify"]).fails(6));
        verify.says("roots/2.toml");
    }
}

/// A folder beside the vault's own, in a vault that stands at the top of a large repository, is not the vault's business.
#[test]
fn a_deep_or_damaged_folder_beside_the_vault() {
    let fleet = world();
    let deep = format!("node_modules/{}x", "a/".repeat(60));
    fleet.plant("100644", &fleet.object(b"x"), &deep);
    fleet.gets("fleet-dev", &[("github_pat", DEV)]);
    fleet.refused("fleet-dev", "nothing", 4);
    assert!(
        fleet
            .resolver("fleet-dev", &["list"], b"")
            .ok()
            .out()
            .contains("shared_key")
    );
    let anchor = std::fs::read_to_string(fleet.identity("fleet-dev")).unwrap();
    std::fs::write(fleet.identity("fleet-dev"), anchor.replace(" member=fleet-dev", "")).unwrap();
    fleet.gets("fleet-dev", &[("github_pat", DEV)]);
}

#[test]
fn an_object_that_is_missing() {
    let fleet = world();
    let object = fleet.git(&["rev-parse", &format!("HEAD:{PATH}")]).trim().to_owned();
    let file = fleet.vault().join(".git/objects").join(&object[..2]).join(&object[2..]);
    std::fs::remove_file(file).unwrap();
    only_that_file_suffers(&fleet, "cannot read credentials/github_pat.toml from git");
    fleet.finds(PATH, "cannot read");
}
