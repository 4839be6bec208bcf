//! The texts and exit codes by which a resolver refuses, exactly.

use std::fs;

use crate::support::Fleet;

fn fleet() -> Fleet {
    let fleet = Fleet::new();
    fleet.member("fleet-dev");
    fleet.member("fleet-rev");
    fleet.set("github_pat", "value-of-pat", "fleet-dev");
    fleet.set("both", "value-of-both", "fleet-dev,alice");
    fleet.set("shared", "value-of-shared", "*");
    fleet
}

#[test]
fn outside_the_scope() {
    let fleet = fleet();
    fleet
        .expand("fleet-rev", "x <<secure.github_pat>>")
        .fails(3)
        .silent()
        .says_exactly(
            "Credential 'github_pat' is not accessible to member 'fleet-rev'. Allowed: fleet-dev\n\
         fleetvault: hint: an author can widen the scope: fleetvault scope github_pat --add fleet-rev\n",
        );
    fleet
        .expand("fleet-rev", "<<secure.both>>")
        .fails(3)
        .says("Credential 'both' is not accessible to member 'fleet-rev'. Allowed: alice, fleet-dev\n");
}

#[test]
fn unknown_with_the_nearest_names() {
    let fleet = fleet();
    fleet
        .expand("fleet-rev", "<<secure.githubpat>>")
        .fails(4)
        .silent()
        .says_exactly("Credential 'githubpat' not found.\nfleetvault: hint: did you mean 'github_pat'?\n");
    fleet
        .expand("fleet-rev", "<<secure.zzzzzzzzzz>>")
        .fails(4)
        .silent()
        .says_exactly(
            "Credential 'zzzzzzzzzz' not found.\nfleetvault: hint: 'fleetvault-resolver list' shows what there is\n",
        );
}

#[test]
fn all_failures_at_once_and_nothing_of_what_could_be_expanded() {
    let fleet = fleet();
    let template = "<<secure.shared>> <<secure.github_pat>> {{secure.githubpat}} <<secure.both>> <<secure.githubpat>>";
    // The highest exit code: what is unknown is a mistake in the template, which comes before rights.
    fleet.expand("fleet-rev", template).fails(4).silent().says_exactly(
        "Credential 'both' is not accessible to member 'fleet-rev'. Allowed: alice, fleet-dev\n\
         fleetvault: hint: an author can widen the scope: fleetvault scope both --add fleet-rev\n\
         Credential 'github_pat' is not accessible to member 'fleet-rev'. Allowed: fleet-dev\n\
         fleetvault: hint: an author can widen the scope: fleetvault scope github_pat --add fleet-rev\n\
         Credential 'githubpat' not found.\n\
         fleetvault: hint: did you mean 'github_pat'?\n",
    );
}

#[test]
fn errors_as_json_are_one_line_each() {
    let fleet = fleet();
    let template = b"<<secure.github_pat>> <<secure.githubpat>>";
    fleet
        .resolver("fleet-rev", &["expand", "--json"], template)
        .fails(4)
        .silent()
        .says_exactly(concat!(
            r#"{"code":"outside_scope","message":"Credential 'github_pat' is not accessible to member 'fleet-rev'. Allowed: fleet-dev","#,
            r#""hint":"an author can widen the scope: fleetvault scope github_pat --add fleet-rev","credential":"github_pat","member":"fleet-rev","exit":3}"#,
            "\n",
            r#"{"code":"not_found","message":"Credential 'githubpat' not found.","hint":"did you mean 'github_pat'?","credential":"githubpat","member":null,"exit":4}"#,
            "\n"
        ));
    for (args, code, name) in [
        (&["--ref", "nope"][..], 1, "no_reference"),
        (&["--vault", "/"], 1, "repository"),
        (&["--identity", "/none"], 1, "identity_unreadable"),
        (&["--identity", "/dev/null"], 1, "identity_invalid"),
        (&["--member", "fleet-dev"], 6, "other_member"),
    ] {
        let run = fleet.resolver("fleet-rev", &[&["--json"], args, &["expand"]].concat(), template);
        let run = run.fails(code).silent();
        let line = run.stderr.lines().last().unwrap();
        let json: serde_json::Value = serde_json::from_str(line).unwrap();
        assert_eq!(json["code"], name, "{line}");
        let keys: Vec<&String> = json.as_object().unwrap().keys().collect();
        assert_eq!(keys.len(), 6, "{keys:?}");
        assert_eq!(json["exit"], code, "{line}");
    }
}

#[test]
fn a_file_that_is_not_to_be_trusted() {
    let fleet = fleet();
    let file = fleet.read("credentials/github_pat.toml");
    let commit = || fleet.git(&["rev-parse", "HEAD"])[..10].to_owned();
    fleet.forge("credentials/github_pat.toml", file.replace("serial = 1", "serial = 2"));
    fleet.expand("fleet-dev", "<<secure.github_pat>>").fails(6).silent().says_exactly(&format!(
        "fleetvault: error: credentials/github_pat.toml (commit {}): its signature by 'alice' does not fit: the file was changed after it was signed\n\
         fleetvault: hint: do not use it; 'git log' of that file shows who brought it in, 'fleetvault verify' checks all others\n",
        commit()
    ));
    fleet.forge("credentials/github_pat.toml", "hello\n");
    fleet
        .expand("fleet-dev", "<<secure.shared>> <<secure.github_pat>>")
        .fails(6)
        .silent()
        .says(&format!(
            "fleetvault: error: credentials/github_pat.toml (commit {}): line 1: ",
            commit()
        ))
        .says("files are changed with fleetvault, not by hand: ");
    // What does not depend on it goes on.
    assert_eq!(
        fleet.expand("fleet-dev", "<<secure.shared>>").ok().out(),
        "value-of-shared"
    );
}

#[test]
fn an_older_file_than_the_one_used_here() {
    let fleet = fleet();
    fleet.fleetvault_with(&["rotate", "github_pat"], b"second-value").ok();
    fleet.expand("fleet-dev", "<<secure.github_pat>>").ok();
    fleet.git(&["reset", "-q", "--hard", "HEAD^"]);
    fleet.expand("fleet-dev", "<<secure.github_pat>>").fails(6).silent().says_exactly(&format!(
        "fleetvault: error: credentials/github_pat.toml (commit {}): it was rolled back: serial 2 was seen here before, found serial 1\n\
         fleetvault: hint: if that is wanted: 'fleetvault touch github_pat' overtakes it with a new serial, or \
         'fleetvault trust accept credentials/github_pat.toml' accepts it on this machine\n\
         fleetvault: hint: to bring the newer one back: 'git log --all --reflog -- credentials/github_pat.toml' shows its commits, \
         'git restore --source=COMMIT -- credentials/github_pat.toml' and a commit\n",
        &fleet.git(&["rev-parse", "HEAD"])[..10]
    ));
}

/// What no author's command writes again by itself comes back as the hint says, on every machine.
#[test]
fn a_member_that_was_rolled_back_comes_back_from_history() {
    let fleet = fleet();
    let new = fleet.path("new");
    let keygen = ["keygen", "--member", "fleet-dev", "-o", new.to_str().unwrap()];
    let recipient = fleet.fleetvault(&keygen).ok().out();
    let rekey = ["member", "rekey", "fleet-dev", "--recipient", recipient.trim()];
    fleet.fleetvault(&rekey).ok();
    fs::rename(&new, fleet.identity("fleet-dev")).unwrap();
    fleet.expand("fleet-dev", "<<secure.shared>>").ok();
    fleet.git(&["revert", "--no-edit", "HEAD"]);
    let path = "members/fleet-dev.toml";
    let set = || fleet.fleetvault_with(&["set", "fresh", "--members", "fleet-dev"], b"value-of-fresh");
    for refused in [set().fails(6), fleet.expand("fleet-dev", "<<secure.shared>>").fails(6)] {
        refused
            .says(&format!("{path} (commit "))
            .says("it was rolled back: serial 2 was seen here before, found serial 1")
            .says(&format!("'git log --all --reflog -- {path}' shows its commits"))
            .says(&format!("'git restore --source=COMMIT -- {path}' and a commit"));
    }
    for path in fleet.git(&["show", "--format=", "--name-only"]).lines() {
        let commits = fleet.git(&["log", "--all", "--reflog", "--format=%H", "--", path]);
        let newer = fleet.git(&["rev-parse", "HEAD^"]);
        assert!(commits.lines().any(|commit| commit == newer.trim()), "{commits}");
        fleet.git(&["restore", &format!("--source={}", newer.trim()), "--", path]);
    }
    fleet.git(&["commit", "-q", "-a", "-m", "the newer ones"]);
    set().ok();
    fleet.fleetvault(&["verify"]).ok();
    let expanded = fleet
        .expand("fleet-dev", "<<secure.shared>> <<secure.fresh>>")
        .ok()
        .out();
    assert_eq!(expanded, "value-of-shared value-of-fresh");
}
