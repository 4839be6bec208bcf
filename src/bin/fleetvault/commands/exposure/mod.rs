//! `exposure`: who could open which value, and what is to be rotated for it.

mod text;

use std::{
    fs,
    path::{Path, PathBuf},
};

use clap::{Args, ValueEnum};
use clap_complete::ArgValueCandidates;
use fleetvault::{
    author::{self, AuthorError},
    cli::{Failure, time},
    resolver::nearest,
    review::exposure::{Asked, Exposure, Knower, Value, exposure, html},
    say,
    terminal::{progress::Progress, report::Report},
    vault::{Access, History, Repository, Vault},
};
use serde::Serialize;
use vault_format::{CredentialName, MemberName};

use crate::{
    commit::ReadArgs,
    complete,
    context::{Context, fail},
    output::{self, note},
    trust::Strictness,
};

/// How many remarks about one thing are made.
const REMARKS: usize = 10;

#[derive(Args)]
#[command(
    after_help = "What is said is what the keys allow, not what anybody did. A value that someone knows who may not use it any more is to be \
                  rotated; if a machine is lost: fleetvault exposure --member NAME."
)]
pub struct ExposureArgs {
    /// Only these credentials, with all their values
    #[arg(add = ArgValueCandidates::new(complete::credentials))]
    names: Vec<CredentialName>,
    /// Only what this member could ever open: what is to be rotated if its machine is lost
    #[arg(long, value_name = "NAME", add = ArgValueCandidates::new(complete::members))]
    member: Option<MemberName>,
    /// Also look at all other branches, those of remotes, tags and the stash
    #[arg(long)]
    all: bool,
    /// As text, as JSON, or as one page for a browser or printer
    #[arg(long, value_enum, default_value_t = Format::Text, hide_default_value = true)]
    format: Format,
    /// Write to this file, not to standard output
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    read: ReadArgs,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Text,
    Json,
    Html,
}

#[derive(Serialize)]
struct Json<'e> {
    #[serde(flatten)]
    exposure: &'e Exposure,
    rotate: Vec<ToRotate<'e>>,
}

#[derive(Serialize)]
struct OfMember<'e> {
    member: &'e str,
    commits: usize,
    cut: &'e [String],
    rotate: Vec<ToRotate<'e>>,
}

#[derive(Serialize)]
struct ToRotate<'e> {
    name: String,
    value_set: String,
    known_to: Vec<&'e Knower>,
}

pub fn run(args: &ExposureArgs, context: &Context) -> Result<(), Failure> {
    let format = if context.globals.json {
        Format::Json
    } else {
        args.format
    };
    if args.output.is_some() && format == Format::Text {
        let report = Report::new(2, "usage", "-o writes the page of --format html, or JSON");
        return Err(report.hint("or redirect: fleetvault exposure > FILE").into());
    }
    let asked = Asked {
        credentials: &args.names,
        members: args.member.as_slice(),
        // What the overview shows.
        exposed: format == Format::Text && args.names.is_empty() && args.member.is_none(),
    };
    let found = context.read(&args.read, Strictness::Noted, |vault| {
        let found = read(vault, &asked, args.all)?;
        for name in &args.names {
            if !found.credentials.iter().any(|trail| &trail.name == name) {
                return Err(fail(author::not_found(vault, name).map_err(fail)?));
            }
        }
        if let Some(member) = &args.member {
            check_member(vault, &found, member)?;
        }
        Ok(found)
    })?;
    remark(&found);
    match (format, &args.member) {
        (Format::Text, None) if args.names.is_empty() => text::overview(&found)?,
        (Format::Text, None) => text::details(&found),
        (Format::Text, Some(member)) => text::of_member(&found, member)?,
        (Format::Json, None) => {
            let rotate = found.worklist();
            let rotate = rotate.map(|(name, value)| to_rotate(name, value, value.still_known_to().collect()));
            let rotate = rotate.collect();
            let exposure = &found;
            write(args, &json(&Json { exposure, rotate })?)?;
        }
        (Format::Json, Some(member)) => {
            let known = found.known_to(member).into_iter();
            let rotate = known.map(|(name, value, knower)| to_rotate(name, value, vec![knower]));
            write(
                args,
                &json(&OfMember {
                    member: member.as_str(),
                    commits: found.commits,
                    cut: &found.cut,
                    rotate: rotate.collect(),
                })?,
            )?;
        }
        (Format::Html, member) => write(args, &html::page(&found, member.as_ref(), time::now()))?,
    }
    broken(&found)
}

/// What tells only of those who are to be told of.
pub const EXPOSED: Asked<'static> = Asked {
    credentials: &[],
    members: &[],
    exposed: true,
};

/// Reads the history that leads to this commit, with its progress on the terminal.
pub fn read(vault: &Vault<'_>, asked: &Asked<'_>, all: bool) -> Result<Exposure, Failure> {
    let repository = Repository::open(Path::new("."), Access::Read)?;
    let history = History::of(&repository, vault.snapshot(), all)?;
    // Checking is most of the work, and has about as many steps as there are commits.
    let progress = Progress::new("reading the history", history.commits() * 2);
    let checked = |done| progress.advance(done);
    Ok(exposure(vault, &history, asked, &checked, &checked)?)
}

fn to_rotate<'e>(name: &CredentialName, value: &Value, known_to: Vec<&'e Knower>) -> ToRotate<'e> {
    ToRotate {
        name: name.to_string(),
        value_set: value.value_set.to_string(),
        known_to,
    }
}

fn check_member(vault: &Vault<'_>, found: &Exposure, member: &MemberName) -> Result<(), Failure> {
    if found.members.iter().any(|known| known.name == member.as_str()) {
        return Ok(());
    }
    Err(fail(AuthorError::UnknownMember {
        near: nearest(member.as_str(), vault.member_names()?, 3),
        name: member.clone(),
    }))
}

/// Says what keeps the answer from being complete.
pub fn remark(found: &Exposure) {
    if let Some(first) = found.cut.first() {
        let more = match found.cut.len() {
            1 => String::new(),
            count => format!(" and {} others", count - 1),
        };
        note(&format!(
            "what was before commit {}{more} is missing here, so that more members may know a value, and for longer: 'git fetch --unshallow' gets it",
            &first[..first.len().min(10)]
        ));
    }
    several(&found.unreadable, |line| line.clone());
    match found.not_utf8 {
        0 => {}
        1 => note("1 path is no UTF-8 and was skipped"),
        many => note(&format!("{many} paths are no UTF-8 and were skipped")),
    }
    let past: Vec<_> = found.ignored.iter().filter(|version| !version.current).collect();
    several(&past, |version| {
        let commit = version.since.commit.short();
        format!(
            "{} (commit {commit}): {}; it was ignored",
            version.path, version.problem
        )
    });
}

fn several<T>(things: &[T], line: impl Fn(&T) -> String) {
    for thing in things.iter().take(REMARKS) {
        note(&line(thing));
    }
    if things.len() > REMARKS {
        note(&format!(
            "and {} more like this; --json has them all",
            things.len() - REMARKS
        ));
    }
}

/// What is broken now hides nothing else, but a script must notice.
fn broken(found: &Exposure) -> Result<(), Failure> {
    let report = |version: &fleetvault::review::exposure::Ignored| {
        let commit = version.since.commit.short();
        let message = format!("{} (commit {commit}): {}", version.path, version.problem);
        Report::new(6, "untrusted", message)
            .hint("the last version before it was taken; 'fleetvault verify' checks the whole vault")
    };
    let reports: Vec<Report> = { found.ignored.iter() }
        .filter(|version| version.current)
        .map(report)
        .collect();
    match reports.is_empty() {
        true => Ok(()),
        false => Err(Failure(reports)),
    }
}

fn json<T: Serialize>(value: &T) -> Result<String, Failure> {
    let text = serde_json::to_string_pretty(value).map_err(|error| output::cannot_write(&error.into()))?;
    Ok(fleetvault::terminal::escape_json(&text).into_owned() + "\n")
}

fn write(args: &ExposureArgs, text: &str) -> Result<(), Failure> {
    match &args.output {
        None => say!("{}", text.trim_end_matches('\n')),
        Some(path) => fs::write(path, text)
            .map_err(|error| Report::new(1, "io", format!("cannot write {}: {error}", path.display())))?,
    }
    Ok(())
}
