//! `list`, `show`, `get` and `verify`: what there is, as tables and as JSON.

use serde_json::json;

use crate::support::{Fleet, run};

fn fleet() -> Fleet {
    let fleet = Fleet::new();
    fleet.member("dev");
    fleet.member("rev");
    fleet.set("github_pat", "value-of-pat", "dev");
    fleet.set("prod/db", "value-of-db", "dev,rev");
    fleet.set("pub_token", "value-of-pub", "*");
    fleet
}

#[test]
fn list_as_a_table_and_as_json() {
    let fleet = fleet();
    fleet
        .fleetvault(&[
            "scope",
            "prod/db",
            "--network",
            "deny",
            "--expires",
            "2999-01-01",
            "--note",
            "n",
        ])
        .ok();
    let list = fleet.fleetvault(&["list"]).ok().out();
    let lines: Vec<&str> = list.lines().collect();
    assert_eq!(
        lines[0],
        "NAME        MEMBERS   NETWORK  EXPIRES     VALUE SET   SERIAL"
    );
    assert!(lines[1].starts_with("github_pat  dev       allow    never       20") && lines[1].ends_with("       1"));
    assert!(lines[2].starts_with("prod/db     dev, rev  deny     2999-01-01  20") && lines[2].ends_with("       2"));
    assert!(lines[3].starts_with("pub_token   *         allow    never       20"));
    let json = fleet.fleetvault(&["list", "--json"]).ok().json();
    let one = &json[1];
    assert_eq!(
        (
            &one["name"],
            &one["members"],
            &one["network"],
            &one["expires"],
            &one["expired"]
        ),
        (
            &json!("prod/db"),
            &json!(["dev", "rev"]),
            &json!("deny"),
            &json!("2999-01-01T00:00:00Z"),
            &json!(false)
        )
    );
    assert_eq!(
        (&one["note"], &one["serial"], &one["authors"], &one["sealed_to"]),
        (
            &json!("n"),
            &json!(2),
            &json!(["alice"]),
            &json!(["@keepers#1", "dev#1", "rev#1"])
        )
    );
    assert_eq!(json.as_array().unwrap().len(), 3);
}

#[test]
fn list_of_one_member() {
    let fleet = fleet();
    let names = |member: &str| -> Vec<String> {
        let json = fleet.fleetvault(&["list", "--member", member, "--json"]).ok().json();
        json.as_array()
            .unwrap()
            .iter()
            .map(|line| line["name"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(names("dev"), ["github_pat", "prod/db", "pub_token"]);
    assert_eq!(names("rev"), ["prod/db", "pub_token"]);
    assert_eq!(names("alice"), ["pub_token"]);
    fleet
        .fleetvault(&["list", "--member", "devv"])
        .fails(4)
        .silent()
        .says("did you mean 'dev'?");
}

#[test]
fn an_empty_vault_lists_nothing() {
    let fleet = Fleet::new();
    assert_eq!(fleet.fleetvault(&["list", "--json"]).ok().json(), json!([]));
    assert_eq!(fleet.fleetvault(&["list"]).ok().out().lines().count(), 1);
    fleet
        .fleetvault(&["show", "x"])
        .fails(4)
        .says("Credential 'x' not found.\nfleetvault: hint: 'fleetvault list'");
}

#[test]
fn show_says_what_the_header_says() {
    let fleet = fleet();
    let shown = fleet.fleetvault(&["show", "github_pat"]).ok().out();
    for line in [
        "name       github_pat\n",
        "members    dev\n",
        "network    allow\n",
        "expires    never\n",
        "note       none\n",
        "serial     1\n",
        "signed by  alice\n",
        "sealed to  @keepers#1, dev#1\n",
    ] {
        assert!(shown.contains(line), "{line:?} in\n{shown}");
    }
    fleet
        .fleetvault(&["show", "pub_token"])
        .ok()
        .prints("members    everyone, now and later (*)\n");
    fleet
        .fleetvault(&["show", "github_pt"])
        .fails(4)
        .says("did you mean 'github_pat'");
    fleet
        .fleetvault(&["show", "github_pt", "--json"])
        .fails(4)
        .silent()
        .says(r#"{"code":"not_found","message":"Credential 'github_pt' not found.","hint":"did you mean 'github_pat'"#);
}

#[test]
fn looking_needs_no_key() {
    let fleet = fleet();
    for args in [
        &["list"][..],
        &["show", "github_pat"],
        &["member", "list"],
        &["member", "show", "dev"],
        &["verify"],
    ] {
        let mut command = fleet.command(env!("CARGO_BIN_EXE_fleetvault"), "stranger");
        command.args(args).current_dir(fleet.vault());
        run(command, b"").ok().says(&format!(
            "warning: nobody on this machine vouches for this vault: its id is {}",
            fleet.id()
        ));
    }
}

#[test]
fn earlier_commits_branches_and_tags() {
    let fleet = fleet();
    fleet.git(&["tag", "v1"]);
    fleet
        .fleetvault_with(&["rotate", "github_pat", "--branch", "next"], b"value-to-come")
        .ok();
    let serial = |reference: &str| {
        fleet
            .fleetvault(&["show", "github_pat", "--json", "--ref", reference])
            .ok()
            .json()["serial"]
            .clone()
    };
    assert_eq!(
        (serial("HEAD"), serial("v1"), serial("next")),
        (json!(1), json!(1), json!(2))
    );
    assert_eq!(fleet.fleetvault(&["get", "github_pat"]).ok().out(), "value-of-pat");
    assert_eq!(
        fleet.fleetvault(&["get", "github_pat", "--ref", "next"]).ok().out(),
        "value-to-come"
    );
    for command in [
        &["list"][..],
        &["get", "x"],
        &["show", "x"],
        &["verify"],
        &["trust", "show"],
    ] {
        fleet
            .fleetvault(&[command, &["--ref", "nope"]].concat())
            .fails(1)
            .silent()
            .says("there is no branch, tag or commit 'nope'")
            .says("'git branch -a' lists the branches, HEAD is the default");
    }
}

#[test]
fn verify_needs_no_key_and_names_every_file_that_is_not_as_it_must_be() {
    let fleet = fleet();
    let good = fleet.fleetvault(&["verify"]).ok();
    let commit = &fleet.git(&["rev-parse", "HEAD"])[..10];
    assert_eq!(
        good.out(),
        format!(
            "13 files of commit {commit} are as they must be; vault {}\n",
            fleet.id()
        )
    );
    let json = fleet.fleetvault(&["verify", "--json"]).ok().json();
    assert_eq!((&json["files"], &json["findings"]), (&json!(13), &json!([])));
    let file = fleet.read("credentials/github_pat.toml");
    std::fs::write(fleet.vault().join("credentials/stray.txt"), "stray").unwrap();
    fleet.forge(
        "credentials/github_pat.toml",
        file.replace("\"dev\",\n]", "\"dev\",\n  \"rev\",\n]"),
    );
    let bad = fleet.fleetvault(&["verify"]).fails(6);
    let lines: Vec<String> = bad.out().lines().map(str::to_owned).collect();
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert!(lines[0].starts_with("credentials/github_pat.toml: "), "{lines:?}");
    assert_eq!(lines[1], "credentials/stray.txt: no file of a vault can have this name");
    bad.says("fleetvault: error: 2 findings in 13 files of commit ");
    let json = fleet.fleetvault(&["verify", "--json"]).fails(6);
    assert_eq!(json.json()["findings"][1]["path"], "credentials/stray.txt");
    json.says(r#"{"code":"findings","message":"2 findings in 13 files of commit "#);
}

#[test]
fn a_broken_file_hides_no_other_one() {
    let fleet = fleet();
    fleet.forge("credentials/github_pat.toml", "nonsense\n");
    let list = fleet.fleetvault(&["list"]).fails(6);
    assert!(list.out().contains("prod/db") && list.out().contains("pub_token"));
    list.says("fleetvault: error: credentials/github_pat.toml (commit ");
    let list = fleet.resolver("dev", &["list"], b"").fails(6);
    assert!(list.out().contains("prod/db"));
    assert_eq!(fleet.expand("dev", "<<secure.prod/db>>").ok().out(), "value-of-db");
    fleet.expand("dev", "<<secure.github_pat>>").fails(6).silent();
}

#[test]
fn get_gives_exact_bytes_and_only_with_a_key() {
    let fleet = fleet();
    assert_eq!(fleet.fleetvault(&["get", "github_pat"]).ok().out(), "value-of-pat");
    fleet
        .fleetvault(&["get", "github_pt"])
        .fails(4)
        .silent()
        .says("did you mean 'github_pat'");
    let dev = fleet.identity("dev");
    let get = |name: &str| fleet.fleetvault(&["--identity", dev.to_str().unwrap(), "get", name]);
    assert_eq!(get("github_pat").ok().out(), "value-of-pat");
    assert_eq!(get("pub_token").ok().out(), "value-of-pub");
    let rev = fleet.identity("rev");
    fleet
        .fleetvault(&["--identity", rev.to_str().unwrap(), "get", "github_pat"])
        .fails(7)
        .silent()
        .says("your keys do not open it");
}

#[test]
fn places_that_are_no_vault() {
    let fleet = fleet();
    std::fs::create_dir(fleet.path("empty")).unwrap();
    let hint =
        "name the vault with -C DIR (fleetvault) or --vault DIR (fleetvault-resolver); 'fleetvault init' makes one";
    fleet
        .fleetvault(&["-C", "../empty", "list"])
        .fails(1)
        .says("empty is not in a git repository")
        .says(hint);
    fleet.fleetvault(&["-C", "../none", "list"]).fails(1).silent();
    fleet.git_in(&fleet.path("empty"), &["init", "-q"]).ok();
    for args in [
        &["-C", "../empty", "list"][..],
        &["-C", "../empty", "set", "x"],
        &["-C", "../empty", "verify"],
    ] {
        fleet
            .fleetvault_with(args, b"value-of-nothing")
            .fails(1)
            .silent()
            .says("the branch 'main' has no commits yet")
            .says("'fleetvault init' makes the first commit of a vault");
    }
    fleet
        .git_in(&fleet.path("empty"), &["commit", "-q", "--allow-empty", "-m", "x"])
        .ok();
    for args in [&["-C", "../empty", "list"][..], &["-C", "../empty", "set", "x"]] {
        fleet
            .fleetvault_with(args, b"value-of-nothing")
            .fails(1)
            .silent()
            .says("has no fleetvault.toml at its top")
            .says("'fleetvault init' makes a vault");
    }
}

#[test]
fn usage_errors_exit_with_2() {
    let fleet = Fleet::without_vault();
    std::fs::create_dir(fleet.vault()).unwrap();
    fleet.fleetvault(&[]).fails(2);
    fleet
        .fleetvault(&["lst"])
        .fails(2)
        .says("similar subcommand exists: 'list'");
    fleet
        .fleetvault(&["list", "--nope"])
        .fails(2)
        .says("unexpected argument '--nope'");
    fleet
        .fleetvault(&["--root", "SHA256:x", "list"])
        .fails(2)
        .says("a vault id is 'SHA256:' and 43 characters of base64");
    fleet.fleetvault(&["--help"]).ok().prints("EXIT CODES:");
    fleet.fleetvault(&["--version"]).ok().prints("fleetvault 0.");
}

#[test]
fn verify_compares_with_a_base_by_the_rule_of_floors() {
    let fleet = fleet();
    fleet.git(&["branch", "base"]);
    fleet.fleetvault(&["touch", "github_pat"]).ok();
    fleet.fleetvault(&["rm", "pub_token"]).ok();
    fleet.fleetvault(&["verify", "--base", "base"]).ok();
    // The other way round everything is older, or comes back.
    let older = fleet
        .fleetvault(&["verify", "--ref", "base", "--base", "main"])
        .fails(6)
        .out();
    assert!(
        older.contains("credentials/github_pat.toml: it was rolled back: serial 2 at "),
        "{older}"
    );
    assert!(
        older.contains("credentials/pub_token.toml: it was rolled back: serial 2 at "),
        "{older}"
    );
    // Gone without a tombstone, and the same serial with other contents.
    fleet.git(&["switch", "-q", "-c", "other", "base"]);
    fleet.git(&["rm", "-q", "credentials/pub_token.toml"]);
    fleet.commit_all("gone");
    let gone = fleet.fleetvault(&["verify", "--base", "base"]).fails(6).out();
    assert!(
        gone.contains("credentials/pub_token.toml: it is gone without a tombstone: serial 1 at "),
        "{gone}"
    );
    fleet.git(&["switch", "-q", "-c", "fork", "base"]);
    let state = fleet.path("other-state");
    let mut touch = fleet.fleetvault_command(&["touch", "github_pat"]);
    touch.env("XDG_STATE_HOME", &state);
    run(touch, b"").ok();
    let fork = fleet.fleetvault(&["verify", "--base", "main"]).fails(6).out();
    assert!(fork.contains("credentials/github_pat.toml: serial 2 as at "), "{fork}");
    fleet
        .fleetvault(&["verify", "--base", "nowhere"])
        .fails(1)
        .says("there is no branch, tag or commit 'nowhere'");
}

#[test]
fn what_this_machine_has_used_is_missed_by_list_and_doctor() {
    let fleet = fleet();
    fleet.git(&["rm", "-q", "credentials/pub_token.toml"]);
    fleet.commit_all("gone");
    let list = fleet.fleetvault(&["list"]).fails(6);
    assert!(list.out().contains("github_pat"));
    list.says("credentials/pub_token.toml")
        .says("it is gone without a tombstone")
        .says("fleetvault rm pub_token");
    let doctor = fleet.fleetvault(&["doctor"]).fails(1).out();
    assert!(doctor.contains("it is gone without a tombstone"), "{doctor}");
    // Each way out on a line of its own.
    assert!(doctor.contains("\n        to bring the newer one back: "), "{doctor}");
    assert!(!doctor.contains("\\u{"), "{doctor}");
}

#[test]
fn a_pattern_is_not_stopped_by_a_broken_file_that_it_does_not_fit() {
    let fleet = fleet();
    fleet.forge("credentials/github_pat.toml", "nonsense\n");
    fleet.fleetvault(&["touch", "prod/*"]).ok();
    fleet
        .fleetvault(&["touch", "g*"])
        .fails(6)
        .says("git restore --source=COMMIT");
    fleet
        .fleetvault(&["touch", "zzz*"])
        .fails(4)
        .says("no credential fits the pattern 'zzz*'");
}

#[test]
fn a_narrowed_scope_says_who_still_knows() {
    let fleet = fleet();
    let narrowed = fleet.fleetvault(&["scope", "pub_token", "--members", "dev"]).ok().out();
    assert!(
        narrowed.contains("everyone else may still know its value until it is rotated"),
        "{narrowed}"
    );
}
