//! `init`: a vault, in a repository that exists or in a new one, with keys for its first author where they are missing.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use clap::{Args, builder::ValueParser};
use fleetvault::say;
use fleetvault::{
    author::{NewVault, Signer, VaultFiles, git_attributes},
    cli::{Failure, time},
    terminal::{escape, report::Report},
    vault::{Access, CommitRequest, FileChange, Repository, RepositoryError, WriteOptions, init_repository, write_new},
};
use vault_format::{Anchor, AuthorName, Identity, IdentityFile, MemberName, SigningKey};

use crate::{
    commands::member::GivenKey,
    context::Context,
    keys::{add_anchor, identity_text, write_private, write_signing_key},
    output::note,
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
    signing_key_path: PathBuf,
    new_signing_key: Option<SigningKey>,
}

pub fn run(args: &InitArgs, context: &Context) -> Result<(), Failure> {
    let directory = match &args.directory {
        Some(directory) => directory.clone(),
        None => PathBuf::from("."),
    };
    let author = author_name(args)?;
    let keys = own_keys(context)?;
    if let Some((repository, start)) = surrounding_repository(&directory)? {
        return make(args, context, &author, &keys, &repository, &start, &directory);
    }
    if args.dry_run {
        say!(
            "would make a git repository and a vault in {}",
            escape(&directory.display().to_string())
        );
        return Ok(());
    }
    let new_directories = missing_directories(&directory);
    let repository = init_repository(&directory)?;
    let made = make(
        args,
        context,
        &author,
        &keys,
        &repository,
        repository.start(),
        &directory,
    );
    if made.is_err() {
        // What failed leaves nothing behind that was not there before.
        let _ = fs::remove_dir_all(repository.git_dir());
        for made in new_directories {
            let _ = fs::remove_dir(made);
        }
    }
    made
}

/// The directory and those above it, innermost first, as far as they do not exist.
fn missing_directories(directory: &Path) -> Vec<PathBuf> {
    let missing = directory.ancestors().take_while(|path| {
        !path.as_os_str().is_empty()
            && fs::symlink_metadata(path).is_err_and(|e| e.kind() == std::io::ErrorKind::NotFound)
    });
    missing.map(Path::to_owned).collect()
}

fn make(
    args: &InitArgs,
    context: &Context,
    author: &AuthorName,
    keys: &OwnKeys,
    repository: &Repository,
    start: &str,
    directory: &Path,
) -> Result<(), Failure> {
    let member: MemberName = author
        .as_str()
        .parse()
        .map_err(|error| Report::new(2, "usage", format!("{error}")))?;
    let own = &keys.identity.identities[0];
    let temporary = tempfile::tempdir()
        .map_err(|error| Report::new(1, "io", format!("cannot make a temporary directory: {error}")))?;
    let signer = match &keys.new_signing_key {
        // Signs before the key is at its place: nothing is written there before all checks are through.
        Some(key) => {
            let path = temporary.path().join("signing_key");
            write_signing_key(&path, key, &comment(author))?;
            Signer::open(&path)?
        }
        None => Signer::open(&keys.signing_key_path)?,
    };
    let VaultFiles { mut files, vault } = NewVault {
        author: author.clone(),
        signer: &signer,
        member: member.clone(),
        recipient: own.recipient().clone(),
        recovery: GivenKey::recipients(args.recovery.as_slice())?.pop(),
    }
    .files()?;
    files.push(attributes(directory)?);
    let request = CommitRequest {
        files,
        subject: "fleetvault: init".into(),
        trailers: vec![
            ("Fleetvault-Vault".into(), vault.to_string()),
            ("Fleetvault-Author".into(), author.to_string()),
        ],
    };
    let options = |dry_run| WriteOptions {
        branch: args.branch.clone(),
        dry_run,
        ..WriteOptions::default()
    };
    write_new(repository, start, &options(true), &request)?;
    if args.dry_run {
        say!("would make a vault in {}", escape(&directory.display().to_string()));
        return Ok(());
    }
    let anchor = Anchor {
        vault,
        member: Some(member),
        root: None,
    };
    write_keys(keys, author, own, &anchor)?;
    let written = write_new(repository, start, &options(false), &request)?;
    if !keys.identity_is_new {
        add_anchor(&keys.identity_path, &anchor)?;
    }
    say!("made a vault in {}", escape(&directory.display().to_string()));
    say!("  id           {vault}");
    say!(
        "  author       {author}, with the signing key {}",
        keys.signing_key_path.display()
    );
    say!(
        "  member       {author}, with the identity {}",
        keys.identity_path.display()
    );
    say!(
        "  commit       {} on {}",
        written.commit.map(|commit| commit.short()).unwrap_or_default(),
        written.branch
    );
    if args.recovery.is_none() {
        note("you are the only keeper: if your identity is lost, so is every value; 'fleetvault doctor' says more");
    }
    say!("next: fleetvault member add NAME --recipient KEY, then fleetvault set CREDENTIAL --members NAME");
    let _ = context;
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

/// Reads the user's keys, or makes them in memory.
fn own_keys(context: &Context) -> Result<OwnKeys, Failure> {
    let identity_path = context.own_identity_path()?;
    let identity_is_new = !identity_path.exists();
    let identity = if identity_is_new {
        IdentityFile {
            identities: vec![Identity::generate()],
            anchors: Vec::new(),
        }
    } else {
        context.identity()?
    };
    let signing_key_path = context.signing_key_path()?;
    let new_signing_key = if signing_key_path.exists() {
        None
    } else {
        Some(SigningKey::generate().map_err(|error| Report::new(1, "system", error.to_string()))?)
    };
    Ok(OwnKeys {
        identity,
        identity_path,
        identity_is_new,
        signing_key_path,
        new_signing_key,
    })
}

fn write_keys(keys: &OwnKeys, author: &AuthorName, own: &Identity, anchor: &Anchor) -> Result<(), Failure> {
    if let Some(key) = &keys.new_signing_key {
        write_signing_key(&keys.signing_key_path, key, &comment(author))?;
    }
    if keys.identity_is_new {
        write_private(
            &keys.identity_path,
            identity_text(own, Some(anchor), time::now())?.expose(),
        )?;
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

/// The repository's `.gitattributes` at the vault's directory, with ours behind what is there.
fn attributes(directory: &Path) -> Result<FileChange, Failure> {
    let path = directory.join(".gitattributes");
    let existing = match fs::read_to_string(&path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        text => text.map_err(|error| Report::new(1, "io", format!("cannot read {}: {error}", path.display())))?,
    };
    Ok(FileChange {
        path: ".gitattributes".into(),
        contents: git_attributes(&existing).into_bytes(),
    })
}

fn comment(author: &AuthorName) -> String {
    format!("fleetvault {author}")
}
