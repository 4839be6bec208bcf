//! `review`: what a proposed change means, without a key.

mod report;

use std::path::Path;

use clap::{Args, ValueEnum};
use fleetvault::say;
use fleetvault::{
    cli::{Failure, explain::Explain},
    review::proposal::{Proposal, Risk, review},
    terminal::{
        escape,
        progress::Progress,
        report::Report,
        style::{Paint, Style},
    },
    vault::{Access, CommitId, Repository, SnapshotError, Vault},
};

use crate::{
    context::Context,
    output::{self, note},
    trust::Strictness,
};

#[derive(Args)]
#[command(
    after_help = "Exit code 6 where something must not be merged. Judged by the root at BASE: who is no author there is none here.\n\n\
        EXAMPLES:\n  \
          fleetvault review                        what this branch changes, since it left its upstream\n  \
          fleetvault review origin/main            since it left that branch\n  \
          fleetvault review main..topic --format markdown"
)]
pub struct ReviewArgs {
    /// What to compare: BASE, or BASE..HEAD [default: the branch that this one follows, else origin/HEAD, and the current commit]
    #[arg(value_name = "BASE[..HEAD]")]
    range: Option<String>,
    /// How to write it
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For a terminal
    Text,
    /// For a comment on a pull request
    Markdown,
    /// For programs
    Json,
    /// Annotations of a GitHub workflow
    Github,
}

pub fn run(args: &ReviewArgs, context: &Context) -> Result<(), Failure> {
    let repository = Repository::open(Path::new("."), Access::Read)?;
    let (base_name, head) = range(args.range.as_deref(), &repository)?;
    let (target, head) = (commit(&repository, &base_name)?, commit(&repository, &head)?);
    let judge = Vault::load(repository.snapshot(&target.to_string())?, None)?;
    context.check_trust(&repository, &judge, Strictness::Noted)?;
    let Some(fork) = repository.merge_base(target, head)? else {
        let mut report = Report::new(
            1,
            "no_merge_base",
            format!("{} and {} have no commit in common", target.short(), head.short()),
        );
        if repository.is_shallow() {
            report = report.hint(SHALLOW);
        }
        return Err(report.into());
    };
    if fork != target {
        note(&format!(
            "{} has commits that {} lacks; what is judged is the change since {}, so judge the merge result too",
            target.short(),
            head.short(),
            fork.short()
        ));
    }
    let base = Vault::load(repository.snapshot(&fork.to_string())?, None)?;
    let progress = Progress::new("reviewing", repository.differences(fork, head)?.len());
    let proposal = review(&repository, &base, &judge, head, &|done| progress.advance(done))?;
    drop(progress);
    let format = if context.globals.json {
        Format::Json
    } else {
        args.format
    };
    match format {
        Format::Text => print(&proposal, &base_name),
        Format::Markdown => say!("{}", report::markdown(&proposal).trim_end()),
        Format::Json => output::print_json(&report::json(&proposal))?,
        Format::Github => say!("{}", report::github(&proposal).trim_end()),
    }
    if proposal.items.is_empty() && args.range.is_none() && repository.is_own_copy(&base_name) {
        note(&format!(
            "{} is where this branch is pushed to: name the branch that it goes to, 'fleetvault review BASE'",
            short(&base_name)
        ));
    }
    match proposal.has_errors() {
        true => Err(Report::new(6, "review", proposal.verdict()).into()),
        false => Ok(()),
    }
}

const SHALLOW: &str = "this clone is shallow, and the commit may be one that it lacks: git fetch --unshallow";

/// Finds a commit that was named, or says what may be missing.
pub fn commit(repository: &Repository, name: &str) -> Result<CommitId, Failure> {
    let is_missing = |error: &SnapshotError| matches!(error, SnapshotError::NoSuchReference(_));
    repository.commit(name).map_err(|error| match error {
        error if is_missing(&error) && repository.is_shallow() => error.explain().hint(SHALLOW).into(),
        error => error.into(),
    })
}

/// Takes a range apart, and fills in what is left out.
fn range(given: Option<&str>, repository: &Repository) -> Result<(String, String), Failure> {
    let head = || "HEAD".to_owned();
    match given {
        Some(range) => match range.split_once("..") {
            Some((base, end)) if !base.is_empty() => {
                let end = end.strip_prefix('.').unwrap_or(end);
                Ok((base.to_owned(), if end.is_empty() { head() } else { end.to_owned() }))
            }
            Some(_) => Err(Report::new(2, "usage", format!("'{range}' has no base: write BASE..HEAD")).into()),
            None => Ok((range.to_owned(), head())),
        },
        None => {
            let upstream = repository.upstream().ok_or_else(|| {
                Report::new(2, "usage", "this branch follows no other, and there is no origin/HEAD")
                    .hint("name what to compare with: fleetvault review main")
            })?;
            Ok((upstream, head()))
        }
    }
}

/// A reference as people write it.
fn short(reference: &str) -> &str {
    ["refs/heads/", "refs/remotes/"]
        .iter()
        .find_map(|place| reference.strip_prefix(place))
        .unwrap_or(reference)
}

fn print(proposal: &Proposal, base_name: &str) {
    print_down_to(proposal, Risk::Routine);
    if proposal.items.is_empty() {
        say!("nothing changed since {}", escape(short(base_name)));
    } else if !proposal.has_errors() {
        say!("{}", proposal.verdict());
    }
}

/// Prints what matters at least as much as `least`.
pub fn print_down_to(proposal: &Proposal, least: Risk) {
    let style = Style::stdout();
    for item in proposal.items.iter().filter(|item| item.risk() <= least) {
        let authors = match item.authors.is_empty() {
            true => String::new(),
            false => style.dim(&format!("  signed by {}", escape(&item.authors.join(", ")))),
        };
        say!("{}{authors}", style.paint(Paint::Bold, &escape(&item.subject)));
        for statement in item.statements.iter().filter(|statement| statement.risk <= least) {
            let paint = match statement.risk {
                Risk::Error => Paint::Red,
                Risk::Root | Risk::Widening | Risk::Relaxed | Risk::Attention => Paint::Yellow,
                _ => Paint::Plain,
            };
            let label = format!("{:<10}", statement.risk.as_str());
            say!("  {}{}", style.paint(paint, &label), escape(&statement.text));
        }
    }
}
