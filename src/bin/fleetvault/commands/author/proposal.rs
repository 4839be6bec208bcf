//! Proposals of the next root: files that go from one author to the next until enough have signed.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read, Write},
    path::{Path, PathBuf},
};

use clap::Args;
use fleetvault::{
    author::{self, Desk, Proposal, RootChange},
    cli::Failure,
    say,
    terminal::{escape, report::Report},
};
use serde::Serialize;
use vault_format::FILE_MAX;

use crate::{
    ask::{self, NOBODY, Refusal},
    commit::{Keys, WriteArgs},
    context::Context,
    output,
};

/// How many lines of changes a co-signer is shown.
const CHANGES_MAX: usize = 50;

/// Arguments of every change of the root.
#[derive(Args)]
pub(super) struct ChangeArgs {
    /// Where more than one author must sign: the file to write the proposal to [default: root-N.proposal]
    #[arg(long, value_name = "FILE", conflicts_with = "branch")]
    pub proposal: Option<PathBuf>,
    #[command(flatten)]
    pub write: WriteArgs,
}

#[derive(Args)]
#[command(
    after_help = "What the proposal means is shown first. Signed by too few, it is written back for the next author; the last signature makes the commit.\n\nEXAMPLE:\n  fleetvault author sign root-3.proposal"
)]
pub struct SignArgs {
    /// The file that 'author add', 'remove' or 'threshold' has written
    file: PathBuf,
    /// Do not ask
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    write: WriteArgs,
}

/// A proposal as `--json` tells it.
#[derive(Serialize)]
struct Told<'a> {
    root: u64,
    proposal: Option<&'a Path>,
    signed_by: Vec<String>,
    missing: u64,
    summary: &'a [String],
}

/// Writes a new proposal.
pub(super) fn propose(change: &RootChange, args: &ChangeArgs, context: &Context) -> Result<(), Failure> {
    if args.write.branch.is_some() {
        return Err(Report::new(
            2,
            "usage",
            "more than one author must sign this, so there is no commit yet",
        )
        .hint("leave out --branch here, and give it with the last signature: fleetvault author sign FILE --branch NAME")
        .into());
    }
    let (proposal, summary, missing) = context.prepare(None, |desk| {
        let proposal = Proposal::make(desk, change)?;
        let authority = desk.vault.authority();
        let (summary, missing) = (proposal.meaning(authority), proposal.missing(authority));
        Ok((proposal, summary, missing))
    })?;
    let named = args.proposal.clone();
    let file = named.unwrap_or_else(|| format!("root-{}.proposal", proposal.serial()).into());
    if !args.write.dry_run {
        write_new(&file, proposal.as_bytes())?;
    }
    tell(context, &proposal, &file, &summary, missing, args.write.dry_run)
}

/// Signs a proposal, and makes the commit where nothing is missing any more.
pub(super) fn sign(args: &SignArgs, context: &Context) -> Result<(), Failure> {
    let bytes = read(&args.file)?;
    let branch = args.write.branch.as_deref();
    let (proposal, summary, missing) = context.prepare(branch, |desk| {
        let proposal = Proposal::read(&bytes, desk.vault)?;
        let is_new = proposal.check_signer(desk)?;
        let authority = desk.vault.authority();
        let summary = proposal.meaning(authority);
        if summary.len() > CHANGES_MAX {
            let message = format!(
                "it changes {} things at once, more than a person can look at",
                summary.len()
            );
            return Err(Report::new(7, "refused", message)
                .hint("'fleetvault author' changes one thing at a time: who made this?")
                .into());
        }
        if !args.write.dry_run {
            agree(args, &question(desk, &proposal, &summary, is_new))?;
        }
        let proposal = match args.write.dry_run {
            true => proposal,
            false => proposal.signed_by(desk)?,
        };
        let missing = proposal.missing(authority);
        Ok((proposal, summary, missing))
    })?;
    if missing > 0 {
        if !args.write.dry_run {
            replace(&args.file, proposal.as_bytes())?;
        }
        return tell(context, &proposal, &args.file, &summary, missing, args.write.dry_run);
    }
    context.write(&args.write, Keys::SigningOnly, |desk| {
        Ok(author::adopt(desk, &proposal)?)
    })
}

/// Everything that a co-signer agrees to.
fn question(desk: &Desk<'_, '_, '_>, proposal: &Proposal, summary: &[String], is_new: bool) -> String {
    let authority = desk.vault.authority();
    let mut text = format!(
        "Root {} of the vault {} would follow root {}:\n",
        proposal.serial(),
        authority.vault(),
        authority.serial()
    );
    for line in summary.iter().chain(&proposal.outcome(authority)) {
        text.push_str(&format!("  {line}\n"));
    }
    let signers: Vec<&str> = proposal.signers().map(|author| author.as_str()).collect();
    text.push_str(&format!("It is signed by {}.\n", signers.join(", ")));
    let missing = proposal.missing(authority);
    text.push_str(&match (is_new, missing) {
        (false, _) => "Make the commit?".to_owned(),
        (true, 0 | 1) => format!("Sign it as {}, and make the commit?", desk.author()),
        (true, more) => format!("Sign it as {}, for {} more to sign?", desk.author(), more - 1),
    });
    text
}

fn agree(args: &SignArgs, question: &str) -> Result<(), Failure> {
    if args.yes {
        return Ok(());
    }
    let refusal = Refusal {
        said_no: "not signed",
        nobody: NOBODY,
        hint: "--dry-run shows what it means, --yes signs it without asking",
    };
    ask::agree(question, &refusal)
}

fn tell(
    context: &Context,
    proposal: &Proposal,
    file: &Path,
    summary: &[String],
    missing: u64,
    dry_run: bool,
) -> Result<(), Failure> {
    let signed_by: Vec<String> = proposal.signers().map(ToString::to_string).collect();
    if context.globals.json {
        return output::print_json(&Told {
            root: proposal.serial(),
            proposal: (!dry_run).then_some(file),
            signed_by,
            missing,
            summary,
        });
    }
    if dry_run {
        say!("dry run, nothing is signed or written; it would say:");
    }
    say!("root {} is proposed:", proposal.serial());
    for line in summary {
        say!("  {}", escape(line));
    }
    let more = if missing == 1 { "author" } else { "authors" };
    say!("signed by {}; {missing} more {more} must sign it", signed_by.join(", "));
    if !dry_run {
        let file = escape(&file.display().to_string()).into_owned();
        say!("written to {file}; the vault is as it was");
        say!("next, by another author: fleetvault author sign {file}");
    }
    Ok(())
}

fn read(file: &Path) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    // One byte more than any file of a vault has, which the format then refuses.
    let read = File::open(file).and_then(|file| file.take(FILE_MAX as u64 + 1).read_to_end(&mut bytes));
    match read {
        Ok(_) => Ok(bytes),
        Err(error) => Err(Report::new(1, "io", format!("cannot read {}: {error}", shown(file))).into()),
    }
}

fn write_new(file: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let written = OpenOptions::new().write(true).create_new(true).open(file);
    let written = written.and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_all()));
    written.map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => Report::new(1, "exists", format!("{} exists", shown(file)))
            .hint("if that proposal is given up, remove it; or name another file with --proposal")
            .into(),
        _ => cannot_write(file, &error),
    })
}

/// Replaces a proposal in one step: one that was half written would be lost.
fn replace(file: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let write = || -> io::Result<()> {
        let path = fs::canonicalize(file)?;
        let mut beside = tempfile::NamedTempFile::new_in(path.parent().unwrap_or(Path::new("/")))?;
        beside.write_all(bytes)?;
        beside.as_file().sync_all()?;
        beside.as_file().set_permissions(fs::metadata(&path)?.permissions())?;
        beside.persist(&path).map_err(|error| error.error)?;
        Ok(())
    };
    write().map_err(|error| cannot_write(file, &error))
}

fn cannot_write(file: &Path, error: &io::Error) -> Failure {
    Report::new(1, "io", format!("cannot write {}: {error}", shown(file))).into()
}

/// A path as a message may show it.
fn shown(file: &Path) -> String {
    crate::keys::shown_path(file)
}
