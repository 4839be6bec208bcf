//! `member approve`: an author looks at a request to join, compares its fingerprint, and signs the member.
//!
//! The request is the word of whoever wrote it, and shown as that: escaped, and never more than one line a field.

use std::{
    fs::File,
    io::{self, Read},
    path::Path,
};

use clap::Args;
use clap_complete::ArgValueCandidates;
use fleetvault::{
    author::{self, Fingerprint, JoinRequest, NewMember, REQUEST_MAX},
    cli::Failure,
    resolver::LaunchError,
    say,
    terminal::{escape, prompt, report::Report},
    vault::{Access, Repository, SnapshotError},
};
use vault_format::MemberName;

use super::join::{branch_of, path_of, remote_of};
use crate::{
    ask::{Refusal, agree},
    commit::{Keys, WriteArgs},
    complete,
    context::{Context, fail},
    trust::Strictness,
};

#[derive(Args)]
#[command(
    after_help = "The fingerprint covers the vault, the name and the keys. Compare it with the one that the new machine shows, over a channel that you trust: not with one that came together with the request.\n\nEXAMPLES:\n  git fetch; fleetvault member approve build-7\n  fleetvault member approve ./build-7.toml --fingerprint SHA256:…"
)]
pub struct ApproveArgs {
    /// The name of who asks, whose request is on the branch join/NAME; a file with a request (with a / or ending in .toml); or - for standard input
    #[arg(value_name = "NAME|FILE|-")]
    request: String,
    /// The fingerprint that the new machine shows; then nobody is asked
    #[arg(long, value_name = "SHA256:…")]
    fingerprint: Option<Fingerprint>,
    /// Put the member also into this one's groups and scopes
    #[arg(long, value_name = "OTHER", add = ArgValueCandidates::new(complete::members))]
    like: Option<MemberName>,
    /// A line for people
    #[arg(long, value_name = "TEXT")]
    note: Option<String>,
    #[command(flatten)]
    write: WriteArgs,
}

pub fn run(args: &ApproveArgs, context: &Context) -> Result<(), Failure> {
    let repository = Repository::open(Path::new("."), Access::Read)?;
    let vault = context.load(repository.snapshot("HEAD")?)?;
    context.check_trust(&repository, &vault, Strictness::Required)?;
    let (bytes, from) = read(args, &repository)?;
    let request = JoinRequest::parse(&bytes)
        .map_err(|error| Report::new(6, "request", format!("the request of {from}: {error}")))?;
    if request.vault != vault.id() {
        let (expected, found) = (vault.id(), request.vault);
        return Err(Report::new(
            6,
            "other_vault",
            format!("the request of {from} is for the vault {found}, expected {expected}"),
        )
        .hint("whoever made it stood in another clone: it must be made anew, in one of this vault")
        .into());
    }
    if let Ok(name) = args.request.parse::<MemberName>()
        && from.is_branch
        && name != request.name
    {
        return Err(Report::new(
            6,
            "request",
            format!("the request of {from} is of '{}', not of '{name}'", request.name),
        )
        .into());
    }
    if let Some(error) = vault.member(&request.name)?.and_then(|member| {
        let is_living = member.body().is_some();
        is_living.then(|| author::AuthorError::MemberExists(request.name.clone()))
    }) {
        return Err(fail(error));
    }
    let new = NewMember {
        name: request.name.clone(),
        recipients: request.recipients.clone(),
        note: args.note.clone(),
        like: args.like.clone(),
    };
    if args.fingerprint.is_none() {
        context.consider(&args.write, Keys::Identity, |desk| {
            author::check_add(desk, &new).map_err(fail)
        })?;
    }
    compare(args, context, &request, &from)?;
    context.write(&args.write, Keys::Identity, |desk| {
        // Judged again: another commit may be there by now.
        if desk.vault.id() != request.vault {
            let (expected, found) = (request.vault.to_string(), desk.vault.id());
            return Err(fail(LaunchError::OtherVault { expected, found }));
        }
        Ok(author::add_member(desk, &new)?)
    })?;
    if from.is_branch && !context.globals.json && !args.write.dry_run {
        say!(
            "next: fleetvault sync; the request is done: git push {} --delete {}",
            remote_of(&repository),
            branch_of(&request.name)
        );
    }
    Ok(())
}

/// Where a request was found.
struct From {
    shown: String,
    is_branch: bool,
}

impl std::fmt::Display for From {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.shown)
    }
}

fn read(args: &ApproveArgs, repository: &Repository) -> Result<(Vec<u8>, From), Failure> {
    let from = |shown: &str, is_branch| From {
        shown: shown.to_owned(),
        is_branch,
    };
    let text = args.request.as_str();
    let limited = |source: &mut dyn Read| -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        // One more than is taken, so that what is too large is refused and not cut.
        source.take(REQUEST_MAX as u64 + 1).read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    let failed = |what: &str, error: io::Error| Report::new(1, "io", format!("cannot read {what}: {error}"));
    if text == "-" {
        let bytes = limited(&mut io::stdin().lock()).map_err(|error| failed("standard input", error))?;
        return Ok((bytes, from("standard input", false)));
    }
    if text.contains(std::path::MAIN_SEPARATOR) || text.ends_with(".toml") {
        let bytes = File::open(text).and_then(|mut file| limited(&mut file));
        return Ok((bytes.map_err(|error| failed(text, error))?, from(text, false)));
    }
    let name: MemberName = text
        .parse()
        .map_err(|error| Report::new(2, "usage", format!("'{text}' is no member's name: {error}")))?;
    let branch = branch_of(&name);
    // What was pushed before what lies here: that may be older.
    let remote = remote_of(repository);
    for reference in [
        format!("refs/remotes/{remote}/{branch}"),
        format!("refs/heads/{branch}"),
    ] {
        let snapshot = match repository.snapshot(&reference) {
            Ok(snapshot) => snapshot,
            Err(SnapshotError::NoSuchReference(_)) => continue,
            Err(error) => return Err(error.into()),
        };
        let found = snapshot.read(&path_of(&name));
        let found = found.map_err(|error| Report::new(6, "untrusted", error.to_string()))?;
        if let Some(bytes) = found {
            let shown = reference
                .trim_start_matches("refs/remotes/")
                .trim_start_matches("refs/heads/");
            return Ok((bytes, from(shown, true)));
        }
    }
    Err(Report::new(
        4,
        "no_request",
        format!("there is no request of '{name}': no branch {branch} here"),
    )
    .hint(format!(
        "{} brings it, where it was pushed; a file or standard input (-) holds one that was handed over",
        fetch(repository, &remote, &branch)
    ))
    .into())
}

/// The command that fetches a branch: a clone of one branch alone has to name it.
fn fetch(repository: &Repository, remote: &str, branch: &str) -> String {
    let what = repository.setting(&format!("remote.{remote}.fetch"));
    match what {
        Some(what) if !what.contains('*') => format!("git fetch {remote} {branch}:refs/remotes/{remote}/{branch}"),
        _ => "git fetch".to_owned(),
    }
}

/// Has a person, or a script, say that the fingerprint is the right one.
fn compare(args: &ApproveArgs, context: &Context, request: &JoinRequest, from: &From) -> Result<(), Failure> {
    let found = request.fingerprint();
    if let Some(expected) = args.fingerprint {
        return match expected == found {
            true => Ok(()),
            false => Err(Report::new(
                6,
                "other_fingerprint",
                format!("the request of {from} has the fingerprint {found}, expected {expected}"),
            )
            .hint("it is not what that machine asked for: name, key or vault is another; nothing was written")
            .into()),
        };
    }
    if args.write.dry_run && context.globals.json {
        return Ok(());
    }
    let mut lines = vec![
        format!("{} asks to join:", escape(&from.shown)),
        format!("  name         {}", request.name),
    ];
    let reason = request.reason.as_deref().unwrap_or("none given");
    lines.extend(reason_lines(reason, prompt::width()));
    lines.extend(request.recipients.iter().map(|key| format!("  key          {key}")));
    lines.push(format!("  fingerprint  {found}"));
    lines.push(
        "Anybody can have written this. Does the new machine show this fingerprint, by a channel that you trust?"
            .to_owned(),
    );
    let refusal = Refusal {
        said_no: "not approved",
        nobody: "nobody can be asked to compare the fingerprint: there is no terminal",
        hint: "--fingerprint SHA256:… names the one that the new machine shows",
    };
    agree(&lines.join("\n"), &refusal)
}

/// The reason in lines that fit the terminal, each of which says what it is. Where the terminal broke a long one, its author could choose what
/// the next line of the screen begins with: another fingerprint.
fn reason_lines(reason: &str, width: usize) -> Vec<String> {
    const LABEL: &str = "  reason       ";
    let room = width.saturating_sub(LABEL.len() + 1).max(8);
    let mut lines = vec![String::new()];
    let mut used = 0;
    for c in escape(reason).chars() {
        // A character of another script may take two columns.
        let columns = if c.is_ascii() { 1 } else { 2 };
        if used + columns > room {
            lines.push(String::new());
            used = 0;
        }
        used += columns;
        if let Some(line) = lines.last_mut() {
            line.push(c);
        }
    }
    lines.iter().map(|line| format!("{LABEL}{line}")).collect()
}
