//! The jobs for CI: what they may, and their own scripts on a real merge result. The forges' side (`gh`, `curl`) is not there.

use std::{fs, os::unix::fs::PermissionsExt, path::Path};

use serde_json::Value;

use crate::support::{Fleet, Run, run, skip};

/// Reads a job with a parser of YAML that others wrote.
fn parsed(fleet: &Fleet, name: &str) -> Option<Value> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("hooks/ci").join(name);
    let mut python = fleet.command("python3", "alice");
    // Quietly: whether the parser is there is what is asked.
    let script = "import json,sys\ntry:\n import yaml\nexcept ImportError:\n sys.exit(7)\n\
        print(json.dumps(yaml.load(open(sys.argv[1], encoding='utf-8'), yaml.BaseLoader)))";
    python.args(["-c", script]).arg(&file);
    let read = run(python, b"");
    (read.code != 7).then(|| read.ok().json())
}

fn topic(fleet: &Fleet) {
    let bare = fleet.path("group/project.git");
    fleet.git(&["init", "-q", "--bare", "-b", "main", bare.to_str().unwrap()]);
    fleet.git(&["remote", "add", "origin", bare.to_str().unwrap()]);
    fleet.git(&["push", "-q", "origin", "main"]);
    fleet.git(&["checkout", "-q", "-b", "topic"]);
}

/// Puts the topic onto the forge as both forges offer it: its head, and its merge result.
fn offer(fleet: &Fleet) {
    fleet.git(&["checkout", "-q", "--detach", "main"]);
    fleet.git(&["merge", "-q", "--no-ff", "-m", "merge", "topic"]);
    fleet.git(&[
        "push",
        "-q",
        "-f",
        "origin",
        "HEAD:refs/pull/7/merge",
        "topic:refs/merge-requests/7/head",
    ]);
    fleet.git(&["checkout", "-q", "topic"]);
}

/// Runs a script of a job, as its forge would.
fn job(fleet: &Fleet, script: &str) -> Run {
    let bin = fleet.path("bin");
    fs::create_dir_all(&bin).unwrap();
    let gh = bin.join("gh");
    fs::write(&gh, "#!/bin/sh\n[ \"$1 $2\" = 'auth setup-git' ]\n").unwrap();
    fs::set_permissions(&gh, fs::Permissions::from_mode(0o755)).unwrap();
    let binary = Path::new(env!("CARGO_BIN_EXE_fleetvault")).parent().unwrap();
    let path = format!(
        "{}:{}:{}",
        bin.display(),
        binary.display(),
        std::env::var("PATH").unwrap()
    );
    let mut command = fleet.command("bash", "ci");
    command
        .args(["-e", "-c", script])
        .current_dir(&bin)
        .env("PATH", path)
        .envs([
            ("NUMBER", "7"),
            ("BASE", "main"),
            ("VAULT", "."),
            ("FLEETVAULT_ROOT", ""),
        ])
        .env("HEAD_COMMIT", fleet.git(&["rev-parse", "topic"]).trim())
        .env("GITHUB_SERVER_URL", format!("file://{}", fleet.path("").display()))
        .env("GITHUB_REPOSITORY", "group/project")
        .env("GITHUB_STEP_SUMMARY", bin.join("summary"))
        .env("GITHUB_OUTPUT", bin.join("output"));
    run(command, b"")
}

#[test]
fn the_github_workflow_reviews_the_merge_result_and_may_little() {
    let fleet = Fleet::new();
    let Some(workflow) = parsed(&fleet, "github-workflow.yml") else {
        return skip("the workflow: python3 has no yaml");
    };
    let on: Vec<&String> = workflow["on"].as_object().unwrap().keys().collect();
    assert_eq!(on, ["pull_request_target"]);
    assert_eq!(
        workflow["permissions"],
        serde_json::json!({ "contents": "read", "pull-requests": "write" })
    );
    let steps = workflow["jobs"]["review"]["steps"].as_array().unwrap();
    for step in steps {
        assert!(step["uses"].is_null(), "no action of others: {step}");
        assert!(!step["run"].as_str().unwrap().contains("${{"), "{step}");
    }
    let step = |name: &str| {
        let found = steps
            .iter()
            .find(|step| step["name"].as_str().unwrap().starts_with(name));
        found.unwrap()["run"].as_str().unwrap()
    };
    topic(&fleet);
    fleet.set("token", "value-of-token", "*");
    offer(&fleet);
    job(&fleet, step("Install")).ok();
    job(&fleet, step("Fetch")).ok();
    job(&fleet, step("Review")).ok();
    let comment = fs::read_to_string(fleet.path("bin/comment.md")).unwrap();
    assert!(
        comment.starts_with("<!-- fleetvault -->\n### ✅ fleetvault: "),
        "{comment}"
    );
    assert_eq!(fs::read_to_string(fleet.path("bin/output")).unwrap(), "code=0\n");
    fs::remove_dir_all(fleet.path("bin")).unwrap();
    fleet.forge("credentials/plain.toml", "value = 1\n");
    offer(&fleet);
    job(&fleet, step("Fetch")).ok();
    job(&fleet, step("Review")).ok();
    assert_eq!(fs::read_to_string(fleet.path("bin/output")).unwrap(), "code=6\n");
    assert!(!fleet.path("bin/credentials").exists());
}

#[test]
fn the_gitlab_job_puts_the_merge_result_together_as_data() {
    let fleet = Fleet::new();
    let Some(jobs) = parsed(&fleet, "gitlab-ci.yml") else {
        return skip("the job: python3 has no yaml");
    };
    let of = &jobs["fleetvault"];
    assert_eq!(of["variables"]["GIT_STRATEGY"], "none");
    let script = of["script"][0].as_str().unwrap();
    topic(&fleet);
    // Only where it is fetched from is another: there is no forge here.
    let url = format!("url='file://{}'", fleet.path("group/project.git").display());
    let lines = script
        .lines()
        .map(|line| if line.starts_with("url=") { url.as_str() } else { line });
    let script = format!(
        "export CI_MERGE_REQUEST_TARGET_BRANCH_NAME=main CI_MERGE_REQUEST_IID=7\n{}",
        lines.collect::<Vec<_>>().join("\n")
    );
    fleet.set("token", "value-of-token", "*");
    offer(&fleet);
    job(&fleet, &format!("unset FLEETVAULT_ROOT\n{script}"))
        .ok()
        .prints("### ✅ fleetvault: ");
    fleet.forge("credentials/plain.toml", "value = 1\n");
    offer(&fleet);
    let refused = job(&fleet, &format!("unset FLEETVAULT_ROOT\n{script}")).fails(6);
    assert!(
        refused.out().contains("### ❌ fleetvault: do not merge"),
        "{}",
        refused.out()
    );
}
