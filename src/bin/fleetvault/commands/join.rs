//! `join`: on a new machine, keys and a request to become a member, on a branch of its own or as a text to hand over. Changes nothing that
//! anybody uses.

use std::path::{Path, PathBuf};

use clap::{Args, builder::ValueParser};
use fleetvault::{
    author::{AuthorError, JoinRequest, check_new},
    cli::{Asking, Failure, explain::Explain, time, unlock},
    resolver::IdentitySource,
    say,
    terminal::{escape, report::Report},
    vault::{
        Access, CommitRequest, FileChange, Repository, Vault, WriteError, WriteFailure, WriteOptions, check_branch,
        write,
    },
};
use serde::Serialize;
use vault_format::{Anchor, FilePath, Identity, MemberName, ROOT_FILE, Recipient};

use crate::{
    context::{Context, fail},
    keys::{identity_text, shown_path, write_private},
    output,
    recipients::{GivenKey, read_recipients},
    trust::Strictness,
};

/// Where the public half of a machine's own SSH key is.
const HOST_KEY: &str = "/etc/ssh/ssh_host_ed25519_key.pub";

#[derive(Args)]
#[command(
    after_help = "Makes an identity file with the anchor, and commits a request to the branch join/NAME. An author approves it, after comparing the fingerprint with the one that is shown here: fleetvault member approve NAME\n\nEXAMPLES:\n  fleetvault join build-7 --reason 'nightly builds'\n  fleetvault join build-7 --ssh-host-key           (no new key; only its public half is read)\n  fleetvault join build-7 --print > build-7.toml   (nothing to push; hand the file over)"
)]
pub struct JoinArgs {
    /// The member's name: A-Z a-z 0-9 . _ -, beginning with a letter or digit
    name: MemberName,
    /// Why, for the author who reads the request
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// Print the request instead of committing it
    #[arg(long)]
    print: bool,
    /// Where to write the private key [default: identity.txt in the configuration directory]
    #[arg(short, long, value_name = "FILE", conflicts_with_all = ["recipients", "ssh_host_key"])]
    output: Option<PathBuf>,
    /// A public key that is at hand: age1… or 'ssh-ed25519 AAAA…'; none is made then
    #[arg(long = "recipient", value_name = "KEY", value_parser = ValueParser::new(GivenKey::read), conflicts_with = "ssh_host_key")]
    recipients: Vec<GivenKey>,
    /// The public half of this machine's SSH key, in place of a new one
    #[arg(long, value_name = "FILE", num_args = 0..=1, default_missing_value = HOST_KEY)]
    ssh_host_key: Option<PathBuf>,
}

#[derive(Serialize)]
struct Told<'a> {
    member: &'a str,
    fingerprint: String,
    recipients: Vec<&'a str>,
    identity: Option<String>,
    branch: Option<&'a str>,
    commit: Option<String>,
    request: String,
}

pub fn run(args: &JoinArgs, context: &Context) -> Result<(), Failure> {
    let access = if args.print { Access::Read } else { Access::Write };
    let repository = Repository::open(Path::new("."), access)?;
    let vault = context.load(repository.snapshot("HEAD")?)?;
    // The anchor will be this vault: it must be the one that is meant.
    context.check_trust(&repository, &vault, Strictness::Required)?;
    if vault.member(&args.name)?.is_some_and(|member| member.body().is_some()) {
        return Err(fail(AuthorError::MemberExists(args.name.clone())));
    }
    // No author could approve it, and a key would be made for nothing.
    check_new(&vault, &FilePath::Member(args.name.clone())).map_err(fail)?;
    let branch = branch_of(&args.name);
    if !args.print {
        // Before a key is made for nothing.
        expect_branch(&repository, &vault, &branch)?;
    }
    let (recipients, identity) = keys(args, context, &vault)?;
    let request = JoinRequest::new(vault.id(), args.name.clone(), recipients, args.reason.clone());
    let request = request.map_err(|error| Report::new(2, "usage", error.to_string()))?;
    let commit = match args.print {
        true => None,
        false => commit(&repository, &branch, &request)?,
    };
    tell(
        args,
        context,
        &repository,
        &request,
        identity.as_deref(),
        (!args.print).then_some(&branch),
        commit,
    )
}

/// Where a request stands, from the vault.
pub fn path_of(name: &MemberName) -> String {
    format!("join/{name}.toml")
}

/// The branch that a request is on.
pub fn branch_of(name: &MemberName) -> String {
    format!("join/{name}")
}

/// The public keys that are offered, and the file of the private one, where that is this command's matter.
fn keys(args: &JoinArgs, context: &Context, vault: &Vault<'_>) -> Result<(Vec<Recipient>, Option<PathBuf>), Failure> {
    if !args.recipients.is_empty() {
        return Ok((GivenKey::recipients(&args.recipients)?, None));
    }
    if let Some(path) = &args.ssh_host_key {
        return Ok((read_recipients(path)?, None));
    }
    let path = match &args.output {
        Some(path) => path.clone(),
        None => context.own_identity_path()?,
    };
    if path.exists() {
        return Ok((keys_made_before(args, vault, &path)?, Some(path)));
    }
    let identity = Identity::generate();
    let anchor = Anchor::of(vault.authority(), Some(args.name.clone()));
    write_private(&path, identity_text(&identity, Some(&anchor), time::now())?.expose())?;
    Ok((vec![identity.recipient().clone()], Some(path)))
}

/// A run before this one may have made the key, and been stopped before it could ask.
fn keys_made_before(args: &JoinArgs, vault: &Vault<'_>, path: &Path) -> Result<Vec<Recipient>, Failure> {
    let source = IdentitySource::Path(path.to_owned());
    let file = source.parse(&unlock(&source, source.contents()?, Asking::AtTerminal)?)?;
    let is_for = file.anchor(vault.id()).and_then(|anchor| anchor.member.as_ref());
    if is_for == Some(&args.name) {
        return Ok(file
            .identities
            .iter()
            .map(|identity| identity.recipient().clone())
            .collect());
    }
    let shown = shown_path(path);
    let whose = is_for.map_or_else(String::new, |member| format!(", but for {member}"));
    Err(Report::new(
        1,
        "exists",
        format!("{shown} exists, and is not for {} of this vault{whose}", args.name),
    )
    .hint("name another file with -o, or offer a public key that is at hand with --recipient KEY")
    .into())
}

/// Commits the request; `None` where the branch has it already.
fn commit(repository: &Repository, branch: &str, request: &JoinRequest) -> Result<Option<String>, Failure> {
    let options = WriteOptions {
        branch: Some(branch.to_owned()),
        ..WriteOptions::default()
    };
    let written = write(repository, &options, |_| -> Result<_, Failure> {
        Ok(CommitRequest {
            files: vec![FileChange {
                path: path_of(&request.name),
                contents: request.to_text().into_bytes(),
            }],
            subject: format!("fleetvault: ask to join as {}", request.name),
            trailers: Vec::new(),
        })
    });
    match written {
        Ok(written) => Ok(written.commit.map(|commit| commit.short())),
        Err(WriteError::Write(WriteFailure::NothingToChange)) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// A name of a member can be none of a branch: `a..b`. And the branch can be left from another time, or from another vault.
fn expect_branch(repository: &Repository, vault: &Vault<'_>, branch: &str) -> Result<(), Failure> {
    const HAND_OVER: &str = "--print prints the request, to be handed over";
    if let Err(error) = check_branch(repository, branch) {
        let report = match error {
            WriteFailure::BadBranch(_) => Report::new(2, "usage", error.to_string()).hint(HAND_OVER),
            error => {
                let report = error.explain();
                let hint = report.hint.clone().map_or(String::new(), |hint| format!("{hint}\n"));
                report.hint(format!("{hint}{HAND_OVER}"))
            }
        };
        return Err(report.into());
    }
    let root = match vault.snapshot().directory() {
        "" => ROOT_FILE.to_owned(),
        directory => format!("{directory}/{ROOT_FILE}"),
    };
    match repository.commit(&format!("refs/heads/{branch}")) {
        Ok(tip) if !repository.has_entry(tip, &root)? => Err(Report::new(
            1,
            "other_branch",
            format!("the branch '{branch}' is there, and has nothing of this vault"),
        )
        .hint(format!(
            "if it is of no use any more: git branch -D {branch}; {HAND_OVER}"
        ))
        .into()),
        _ => Ok(()),
    }
}

/// Where requests are pushed to.
pub fn remote_of(repository: &Repository) -> String {
    let followed = repository.followed();
    followed.map_or("origin".to_owned(), |upstream| upstream.remote)
}

/// The command that pushes a branch: from a mirror, git takes no single one unless it is told to.
fn push(repository: &Repository, branch: &str) -> String {
    let remote = remote_of(repository);
    let is_mirror = repository.setting(&format!("remote.{remote}.mirror"));
    match is_mirror.as_deref() {
        Some("true") => format!("git -c remote.{remote}.mirror=false push {remote} {branch}"),
        _ => format!("git push {remote} {branch}"),
    }
}

fn tell(
    args: &JoinArgs,
    context: &Context,
    repository: &Repository,
    request: &JoinRequest,
    identity: Option<&Path>,
    branch: Option<&String>,
    commit: Option<String>,
) -> Result<(), Failure> {
    let fingerprint = request.fingerprint();
    if context.globals.json {
        return output::print_json(&Told {
            member: args.name.as_str(),
            fingerprint: fingerprint.to_string(),
            recipients: request.recipients.iter().map(Recipient::as_str).collect(),
            identity: identity.map(shown_path),
            branch: branch.map(String::as_str),
            commit,
            request: request.to_text(),
        });
    }
    let Some(branch) = branch else {
        // The request alone, so that it can be redirected.
        output::note(&format!(
            "the fingerprint is {fingerprint}; give it to an author over another channel than the request"
        ));
        say!("{}", request.to_text().trim_end());
        return Ok(());
    };
    match identity {
        Some(path) => say!("identity     {}", escape(&shown_path(path))),
        None => say!(
            "identity     the private half of the key that was named; launch with --identity FILE --root {}",
            request.vault
        ),
    }
    for key in &request.recipients {
        say!("key          {key}");
    }
    say!("fingerprint  {fingerprint}");
    match commit {
        Some(commit) => say!("commit {commit} on {branch}"),
        None => say!("{branch} has this request already"),
    }
    say!(
        "next: {}, and tell an author the fingerprint over another channel",
        escape(&push(repository, branch))
    );
    say!("they compare it: fleetvault member approve {}", request.name);
    Ok(())
}
