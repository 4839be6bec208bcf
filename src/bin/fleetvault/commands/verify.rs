//! `verify`: every file of a commit, without a key.

use std::path::Path;

use clap::Args;
use fleetvault::say;
use fleetvault::{
    cli::Failure,
    review::{
        Finding,
        base::compare,
        verify::{list, verify},
    },
    terminal::{escape, progress::Progress, report::Report},
    vault::{Access, Repository, Vault},
};
use serde::Serialize;

use crate::{commands::review, commit::ReadArgs, context::Context, output, trust::Strictness};

#[derive(Args)]
#[command(
    after_help = "One line a finding, exit 6. In CI: fleetvault verify --root SHA256:…, so that a substituted vault is found too."
)]
pub struct VerifyArgs {
    /// Also compare with this commit: nothing may be older than it was there, or gone without a tombstone
    #[arg(long, value_name = "REF")]
    base: Option<String>,
    #[command(flatten)]
    read: ReadArgs,
}

#[derive(Serialize)]
struct Json<'a> {
    vault: String,
    commit: String,
    files: usize,
    findings: Vec<JsonFinding<'a>>,
}

#[derive(Serialize)]
struct JsonFinding<'a> {
    path: &'a str,
    problem: &'a str,
}

pub fn run(args: &VerifyArgs, context: &Context) -> Result<(), Failure> {
    let (verdict, vault, commit) = context.read(&args.read, Strictness::Noted, |vault| {
        let progress = Progress::new("verifying", list(vault)?.len());
        let mut verdict = verify(vault, &|done| progress.advance(done))?;
        if let Some(base) = &args.base {
            let repository = Repository::open(Path::new("."), Access::Read)?;
            let base = review::commit(&repository, base)?.to_string();
            let base = Vault::load(repository.snapshot(&base)?, None)?;
            verdict.findings.extend(compare(&base, vault)?);
            verdict.findings.sort();
        }
        Ok((verdict, vault.id(), vault.snapshot().commit()))
    })?;
    if context.globals.json {
        output::print_json(&Json {
            vault: vault.to_string(),
            commit: commit.to_string(),
            files: verdict.files,
            findings: verdict
                .findings
                .iter()
                .map(|Finding { path, problem }| JsonFinding { path, problem })
                .collect(),
        })?;
    } else {
        for finding in &verdict.findings {
            say!("{}: {}", escape(&finding.path), escape(&finding.problem));
        }
    }
    let count = verdict.findings.len();
    if count > 0 {
        let noun = if count == 1 { "finding" } else { "findings" };
        return Err(Report::new(
            6,
            "findings",
            format!("{count} {noun} in {} files of commit {}", verdict.files, commit.short()),
        )
        .into());
    }
    if !context.globals.json {
        say!(
            "{} files of commit {} are as they must be; vault {vault}",
            verdict.files,
            commit.short()
        );
    }
    Ok(())
}
