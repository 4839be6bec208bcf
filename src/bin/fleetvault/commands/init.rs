//! `init`: a vault, in a repository that exists or in a new one, with keys for its first author where they are missing.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use clap::{Args, builder::ValueParser};
use fleetvault::say;
use fleetvault::{
    author::{NewVault, Signer, VaultFiles, git_attributes},
    cli::{self, Asking, Failure, plugins, time},
    terminal::{escape, report::Report},
    vault::{
        Access, CommitRequest, FileChange, Repository, RepositoryError, VAULT_FILE, WriteOptions, Written,
        init_repository, write_new,
    },
};
use vault_format::{Anchor, AuthorName, Identity, IdentityFile, MemberName, SigningKey};

use crate::{
    context::Context,
    keys::{SigningKeyFiles, add_anchor, identity_text, shown_path, write_private},
    output::note,
    recipients::GivenKey,
};

#[derive(Args)]
#[command(
    after_help = "Makes, where they are missing: the git repository, your identity and your signing key (mode 0600). Then one commit: the first root with\nyou as author, yourself as first member, and the groups 'all' and 'keepers'."
)]
pub struct InitArgs {
    /// The vault's directory: a repository, a directory inside one, or a new directory [default: here]
    directory: Option<PathBuf>,
    /// Your name as author and as member [default: your login name]
    #[arg(long, value_name = "NAME")]
    author: Option<AuthorName>,
    /// A public key whose private half is kept offline; it becomes the member 'recovery' and a keeper
    #[arg(long, value_name = "KEY", value_parser = ValueParser::new(GivenKey::read))]
    recovery: Option<GivenKey>,
    /// Commit to this branch, made where it is missing, instead of the current one
    #[arg(long, value_name = "NAME")]
    branch: Option<String>,
    /// Check everything, write nothing
    #[arg(long)]
    dry_run: bool,
}

/// The user's keys, and which of them are new and still to be written.
struct OwnKeys {
    identity: IdentityFile,
    identity_path: PathBuf,
    identity_is_new: bool,
    identity_is_locked: bool,
    signer: Signer,
    signing_key_path: PathBuf,
    new_signing_key: Option<SigningKeyFiles>,
}

/// Where the vault goes.
struct Place<'a> {
    repository: &'a Repository,
    /// Its directory from the top of the tree.
    start: &'a str,
    /// The same as the user named it.
    directory: &'a Path,
}

/// A vault that was committed.
struct Made {
    anchor: Anchor,
    written: Written,
}

pub fn run(args: &InitArgs, context: &Context) -> Result<(), Failure> {
    let directory = args.directory.as_deref().unwrap_or(Path::new("."));
    let author = author_name(args)?;
    let keys = own_keys(context, &author)?;
    if let Some((repository, start)) = surrounding_repository(directory)? {
        let place = Place {
            repository: &repository,
            start: &start,
            directory,
        };
        refuse_inside_vault(args, &place)?;
        return match make(args, &author, &keys, &place)? {
            Some(made) => finish(args, context, &keys, &place, &made),
            None => {
                say!("would make a vault in {}", shown(directory));
                Ok(())
            }
        };
    }
    if args.dry_run {
        say!("would make a git repository and a vault in {}", shown(directory));
        return Ok(());
    }
    let new_directories = missing_directories(directory);
    let repository = init_repository(directory)?;
    let place = Place {
        repository: &repository,
        start: repository.start(),
        directory,
    };
    let made = make(args, &author, &keys, &place).inspect_err(|_| tidy(args, &repository, &new_directories))?;
    made.map_or(Ok(()), |made| finish(args, context, &keys, &place, &made))
}

/// Removes a new repository in which no vault was made. One that has it stays, whatever failed then.
fn tidy(args: &InitArgs, repository: &Repository, new_directories: &[PathBuf]) {
    if matches!(repository.file_in(args.branch.as_deref(), VAULT_FILE), Ok(None)) {
        let _ = fs::remove_dir_all(repository.git_dir());
        for made in new_directories {
            let _ = fs::remove_dir(made);
        }
    }
}

/// The directory and those above it, innermost first, as far as they do not exist.
fn missing_directories(directory: &Path) -> Vec<PathBuf> {
    let missing = directory.ancestors().take_while(|path| {
        !path.as_os_str().is_empty()
            && fs::symlink_metadata(path).is_err_and(|e| e.kind() == std::io::ErrorKind::NotFound)
    });
    missing.map(Path::to_owned).collect()
}

/// Writes the keys that are missing and makes the commit; `None` in a dry run. What fails has made no vault.
fn make(args: &InitArgs, author: &AuthorName, keys: &OwnKeys, place: &Place<'_>) -> Result<Option<Made>, Failure> {
    let member: MemberName = author
        .as_str()
        .parse()
        .map_err(|error| Report::new(2, "usage", format!("{error}")))?;
    let own = &keys.identity.identities[0];
    let VaultFiles { mut files, vault } = NewVault {
        author: author.clone(),
        signer: &keys.signer,
        member: member.clone(),
        recipient: own.recipient().clone(),
        recovery: GivenKey::recipients(args.recovery.as_slice())?.pop(),
        plugins: Some(&*plugins(Asking::AtTerminal)),
    }
    .files()?;
    files.push(attributes(args, place)?);
    let request = CommitRequest {
        files,
        subject: "fleetvault: init".into(),
        trailers: vec![
            ("Fleetvault-Vault".into(), vault.to_string()),
            ("Fleetvault-Author".into(), author.to_string()),
        ],
    };
    let write = |dry_run| {
        let options = WriteOptions {
            branch: args.branch.clone(),
            dry_run,
            ..WriteOptions::default()
        };
        write_new(place.repository, place.start, &options, &request)
    };
    write(true)?;
    if args.dry_run {
        return Ok(None);
    }
    // Before the vault that needs them, and without an anchor: that vault may still fail to come into being.
    write_keys(keys, own)?;
    let written = write(false)?;
    let member = Some(member);
    let anchor = Anchor {
        vault,
        member,
        root: None,
    };
    Ok(Some(Made { anchor, written }))
}

/// Anchors the vault in the identity, and tells what was made.
fn finish(
    args: &InitArgs,
    context: &Context,
    keys: &OwnKeys,
    place: &Place<'_>,
    Made { anchor, written }: &Made,
) -> Result<(), Failure> {
    let anchored = match keys.identity_is_locked {
        true => remember(context, anchor, place),
        false => add_anchor(&keys.identity_path, anchor),
    };
    let author = anchor.member.as_ref().map(ToString::to_string).unwrap_or_default();
    say!("made a vault in {}", shown(place.directory));
    say!("  id           {}", anchor.vault);
    say!(
        "  author       {author}, with the signing key {}",
        shown(&keys.signing_key_path)
    );
    say!(
        "  member       {author}, with the identity {}",
        shown(&keys.identity_path)
    );
    say!(
        "  commit       {} on {}",
        written.commit.map(|commit| commit.short()).unwrap_or_default(),
        written.branch
    );
    if let Err(Failure(reports)) = anchored {
        let hint = format!(
            "the vault is made; add this line to the identity yourself: {}",
            anchor.to_line()
        );
        return Err(Failure(
            reports.into_iter().map(|report| report.hint(hint.clone())).collect(),
        ));
    }
    if keys.identity_is_locked {
        note(&format!(
            "no anchor was added to the identity, which a passphrase protects; this machine remembers the vault. The line is: {}",
            anchor.to_line()
        ));
    } else if !keys.identity.anchors.is_empty() {
        note(&format!(
            "the identity is now for {} vaults: with it, fleetvault-resolver needs --root to say which",
            keys.identity.anchors.len() + 1
        ));
    }
    if args.recovery.is_none() {
        note("you are the only keeper: if your identity is lost, so is every value; 'fleetvault doctor' says more");
    }
    say!("next: fleetvault member add NAME --recipient KEY, then fleetvault set CREDENTIAL --members NAME");
    Ok(())
}

/// Vouches for the vault where its anchor cannot.
fn remember(context: &Context, anchor: &Anchor, place: &Place<'_>) -> Result<(), Failure> {
    let base = place.repository.work_dir().unwrap_or(place.repository.git_dir());
    let base = fs::canonicalize(base).unwrap_or_else(|_| base.to_owned());
    let at = match place.start {
        "" => base,
        start => base.join(start),
    };
    let Some(mut known) = context.known_vaults()? else {
        return Ok(());
    };
    known
        .accept(anchor.vault, &at)
        .map_err(|error| Report::new(1, "io", format!("cannot remember this vault: {error}")).into())
}

/// Refuses a directory that belongs to a vault already: every command started there would have two to choose from.
fn refuse_inside_vault(args: &InitArgs, place: &Place<'_>) -> Result<(), Failure> {
    let mut outer = place.start;
    while !outer.is_empty() {
        outer = outer.rsplit_once('/').map_or("", |(outer, _)| outer);
        if place
            .repository
            .file_in(args.branch.as_deref(), &in_tree(outer, VAULT_FILE))?
            .is_some()
        {
            let at = if outer.is_empty() {
                "the top of this repository".into()
            } else {
                format!("'{}'", escape(outer))
            };
            let message = format!("{} is inside the vault at {at}", shown(place.directory));
            return Err(Report::new(1, "inside_vault", message)
                .hint("a vault holds no other one: use that vault, or name a directory outside it")
                .into());
        }
    }
    Ok(())
}

fn author_name(args: &InitArgs) -> Result<AuthorName, Failure> {
    if let Some(author) = &args.author {
        return Ok(author.clone());
    }
    let login = env::var("USER").or_else(|_| env::var("LOGNAME")).unwrap_or_default();
    let usable = login.parse().ok();
    Ok(usable.ok_or_else(|| {
        Report::new(2, "usage", "your login name cannot be an author's name").hint("name yourself with --author NAME")
    })?)
}

/// Reads the user's keys, or makes them in memory: nothing is written before all checks are through.
fn own_keys(context: &Context, author: &AuthorName) -> Result<OwnKeys, Failure> {
    let identity_path = context.own_identity_path()?;
    let identity_is_new = fs::symlink_metadata(&identity_path).is_err();
    let identity_is_locked = !identity_is_new && context.is_identity_locked()?;
    let identity = if identity_is_new {
        IdentityFile {
            identities: vec![Identity::generate()],
            anchors: Vec::new(),
        }
    } else {
        context.identity()?
    };
    let signing_key_path = context.signing_key_path()?;
    let (signer, new_signing_key) = if fs::symlink_metadata(&signing_key_path).is_ok() {
        (cli::signer(&signing_key_path)?, None)
    } else {
        let key = SigningKey::generate().map_err(|error| Report::new(1, "system", error.to_string()))?;
        let files = SigningKeyFiles::new(&key, &format!("fleetvault {author}"), &signing_key_path)?;
        (Signer::from_key(key, &signing_key_path)?, Some(files))
    };
    Ok(OwnKeys {
        identity,
        identity_path,
        identity_is_new,
        identity_is_locked,
        signer,
        signing_key_path,
        new_signing_key,
    })
}

fn write_keys(keys: &OwnKeys, own: &Identity) -> Result<(), Failure> {
    if let Some(key) = &keys.new_signing_key {
        key.write(&keys.signing_key_path)?;
    }
    if keys.identity_is_new {
        write_private(&keys.identity_path, identity_text(own, None, time::now())?.expose())?;
    }
    Ok(())
}

/// The repository that a directory is in, and the directory's path in it; also where the directory is still to be made.
fn surrounding_repository(directory: &Path) -> Result<Option<(Repository, String)>, Failure> {
    let missing = missing_directories(directory);
    let existing = match missing
        .last()
        .map_or(directory, |outermost| outermost.parent().unwrap_or(directory))
    {
        none if none.as_os_str().is_empty() => Path::new("."),
        existing => existing,
    };
    let repository = match Repository::open(existing, Access::Write) {
        Ok(repository) => repository,
        Err(RepositoryError::NotARepository(_) | RepositoryError::NoSuchDirectory(_)) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let mut start = repository.start().to_owned();
    for name in missing.iter().rev().filter_map(|path| path.file_name()) {
        let name = name
            .to_str()
            .ok_or_else(|| RepositoryError::NotUtf8(directory.to_owned()))?;
        start = if start.is_empty() {
            name.to_owned()
        } else {
            format!("{start}/{name}")
        };
    }
    Ok(Some((repository, start)))
}

/// The `.gitattributes` of the vault's directory as the branch has it, with ours behind what is there.
fn attributes(args: &InitArgs, place: &Place<'_>) -> Result<FileChange, Failure> {
    const NAME: &str = ".gitattributes";
    let path = in_tree(place.start, NAME);
    let existing = place.repository.file_in(args.branch.as_deref(), &path)?;
    let existing = String::from_utf8(existing.unwrap_or_default())
        .map_err(|_| Report::new(1, "io", format!("{} is not UTF-8", escape(&path))))?;
    Ok(FileChange {
        path: NAME.into(),
        contents: git_attributes(&existing).into_bytes(),
    })
}

/// A file's path from the top of the tree.
fn in_tree(directory: &str, name: &str) -> String {
    match directory {
        "" => name.into(),
        directory => format!("{directory}/{name}"),
    }
}

fn shown(path: &Path) -> String {
    escape(&shown_path(path)).into_owned()
}
