//! `trust`: what this machine believes of this vault, and changing that on purpose.

use std::path::Path;

use clap::{Args, Subcommand};
use fleetvault::say;
use fleetvault::{
    cli::Failure,
    terminal::{escape, report::Report},
    vault::{Access, Repository, Vault, floors_directory, trust::Floors},
};
use serde::Serialize;
use vault_format::{Anchor, Digest, FilePath, ROOT_FILE};

use crate::{
    ask::{NOBODY, Refusal, agree},
    commit::ReadArgs,
    context::Context,
    output,
    trust::{Strictness, place},
};

#[derive(Subcommand)]
pub enum TrustCommand {
    /// Show the vault's id, its authors, and what this machine remembers
    Show(ReadArgs),
    /// Accept this vault on this machine, or files as they are now although they were newer before
    Accept(AcceptArgs),
}

#[derive(Args)]
pub struct AcceptArgs {
    /// Files inside the vault, such as credentials/github_pat.toml, whose present state is to be accepted
    paths: Vec<String>,
    /// Do not ask
    #[arg(long)]
    yes: bool,
    /// Check everything, show what would be accepted, write nothing
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    read: ReadArgs,
}

#[derive(Serialize)]
struct Shown {
    vault: String,
    place: String,
    trusted_by: Vec<&'static str>,
    /// A line for the identity file of a machine that keeps no state.
    anchor: String,
    root_serial: u64,
    threshold: u64,
    authors: Vec<String>,
    floors: Vec<FloorLine>,
}

#[derive(Serialize)]
struct FloorLine {
    path: String,
    serial: u64,
}

pub fn run(command: &TrustCommand, context: &Context) -> Result<(), Failure> {
    match command {
        TrustCommand::Show(args) => show(args, context),
        TrustCommand::Accept(args) => accept(args, context),
    }
}

fn show(args: &ReadArgs, context: &Context) -> Result<(), Failure> {
    let repository = Repository::open(Path::new("."), Access::Read)?;
    // Without state: a root below its floor must still be shown, it is why one looks.
    let vault = Vault::load(repository.snapshot(&args.reference)?, None)?;
    let place = place(&repository, &vault);
    let mut trusted_by = Vec::new();
    if context.globals.root == Some(vault.id()) {
        trusted_by.push("--root");
    }
    match context.is_anchored(&vault, Strictness::Noted) {
        Ok(true) => trusted_by.push("the anchor in the identity file"),
        Ok(false) => {}
        // Here too: an anchor that is broken, or names other roots, is why one looks.
        Err(Failure(reports)) => reports.iter().for_each(|report| output::note(&report.message)),
    }
    if let Some(known) = context.known_vaults()?
        && known.knows(vault.id())
    {
        trusted_by.push("accepted on this machine");
    }
    let floors = Floors::new(
        context
            .settings
            .state
            .as_ref()
            .map(|state| floors_directory(state, vault.id())),
    );
    let floors = floors
        .list()
        .map_err(|error| Report::new(1, "io", format!("cannot read the floors: {error}")))?;
    let shown = Shown {
        vault: vault.id().to_string(),
        place: place.display().to_string(),
        trusted_by,
        anchor: Anchor::of(vault.authority(), None).to_line(),
        root_serial: vault.authority().serial(),
        threshold: vault.authority().root().threshold,
        authors: vault
            .authority()
            .root()
            .authors
            .iter()
            .map(|line| format!("{} {}", line.author, line.key.fingerprint()))
            .collect(),
        floors: floors
            .into_iter()
            .map(|(path, serial)| FloorLine { path, serial })
            .collect(),
    };
    if context.globals.json {
        return output::print_json(&shown);
    }
    say!("vault    {}", shown.vault);
    say!("place    {}", escape(&shown.place));
    let trusted = if shown.trusted_by.is_empty() {
        "nobody vouches for it here".into()
    } else {
        shown.trusted_by.join(", ")
    };
    say!("trusted  {trusted}");
    say!("anchor   {}", shown.anchor);
    say!("root     serial {}, threshold {}", shown.root_serial, shown.threshold);
    for author in &shown.authors {
        say!("author   {author}");
    }
    say!("floors   {} files used on this machine", shown.floors.len());
    for floor in &shown.floors {
        say!("         {} serial {}", escape(&floor.path), floor.serial);
    }
    Ok(())
}

fn accept(args: &AcceptArgs, context: &Context) -> Result<(), Failure> {
    let repository = Repository::open(Path::new("."), Access::Read)?;
    let vault = Vault::load(repository.snapshot(&args.read.reference)?, None)?;
    if let Some(expected) = context.globals.root.filter(|expected| *expected != vault.id()) {
        let (expected, found) = (expected.to_string(), vault.id());
        return Err(crate::context::fail(fleetvault::resolver::LaunchError::OtherVault {
            expected,
            found,
        }));
    }
    if args.paths.is_empty() {
        let place = place(&repository, &vault);
        if args.dry_run {
            say!(
                "would accept {} at {}",
                vault.id(),
                escape(&place.display().to_string())
            );
            return Ok(());
        }
        confirm(
            args,
            &format!("Accept {} at {} on this machine", vault.id(), place.display()),
        )?;
        context.accept(&vault, &place)?;
        say!("accepted {} at {}", vault.id(), escape(&place.display().to_string()));
        return Ok(());
    }
    let Some(state) = &context.settings.state else {
        return Err(Report::new(
            1,
            "no_state",
            "this machine keeps no state, so there is nothing to accept",
        )
        .into());
    };
    let floors = Floors::new(Some(floors_directory(state, vault.id())));
    let mut now = Vec::new();
    for path in &args.paths {
        now.push((path.as_str(), present(&vault, path)?));
    }
    let list: Vec<String> = now
        .iter()
        .map(|(path, state)| match state {
            Some((serial, _)) => format!("{path} as serial {serial}"),
            None => format!("{path} as gone"),
        })
        .collect();
    if args.dry_run {
        for line in &list {
            say!("would accept {}", escape(line));
        }
        return Ok(());
    }
    confirm(
        args,
        &format!(
            "Accept {} although this machine has used something else",
            list.join(", ")
        ),
    )?;
    for ((path, state), line) in now.into_iter().zip(list) {
        floors
            .accept(path, state)
            .map_err(|error| Report::new(1, "io", format!("cannot write the floor of {path}: {error}")))?;
        say!("accepted {}", escape(&line));
    }
    Ok(())
}

/// The file as it is now: checked in everything but its floor.
fn present(vault: &Vault<'_>, text: &str) -> Result<Option<(u64, Digest)>, Failure> {
    match FilePath::parse(text) {
        Some(FilePath::Root(serial)) if serial > 1 => {
            Err(Report::new(2, "usage", format!("the roots have one floor, that of {ROOT_FILE}")).into())
        }
        Some(path) => Ok(vault.state_of(&path)?),
        None => Err(Report::new(2, "usage", format!("'{text}' is no file of a vault"))
            .hint("write it as the error did: credentials/NAME.toml")
            .into()),
    }
}

fn confirm(args: &AcceptArgs, question: &str) -> Result<(), Failure> {
    if args.yes {
        return Ok(());
    }
    let refusal = Refusal {
        said_no: "not accepted",
        nobody: NOBODY,
        hint: "--yes accepts without asking",
    };
    agree(&format!("{question}?"), &refusal)
}
