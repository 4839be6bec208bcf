//! `hooks check`: what git's hooks call. It judges by the roots that are there already, needs no key, and refuses what cannot be judged in time.

use std::{
    env,
    ffi::OsStr,
    fs,
    io::{self, Read},
    sync::mpsc::{RecvTimeoutError, channel},
    thread,
    time::Duration,
};

use clap::{ArgGroup, Args};
use fleetvault::{
    cli::Failure,
    review::proposal::{Change, Proposal, Risk, review_all},
    say,
    terminal::{escape, report::Report},
    vault::{Access, CommitId, HeadState, Repository},
};
use vault_format::VaultId;

use super::git::{directory, git, objects};
use crate::{commands::review, context::Context, context::fail};

/// The longest list of updates that is read.
const UPDATES_MAX: u64 = 16 << 20;

#[derive(Args)]
#[command(group = ArgGroup::new("what").required(true))]
pub struct CheckArgs {
    /// What is staged for a commit
    #[arg(long, group = "what")]
    staged: bool,
    /// What a push brings: lines `OLD NEW REF` on standard input
    #[arg(long, group = "what")]
    received: bool,
    /// What one reference is to become
    #[arg(long, group = "what", num_args = 3, value_names = ["REF", "OLD", "NEW"])]
    update: Option<Vec<String>>,
    /// Refuse what takes longer, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 30)]
    timeout: u64,
}

/// What a reference is to become.
struct Update {
    old: Option<String>,
    new: Option<String>,
    reference: String,
}

pub fn run(args: &CheckArgs, context: &Context) -> Result<(), Failure> {
    let expected = context.globals.root;
    let updates = match &args.update {
        Some(given) => match given.as_slice() {
            [reference, old, new] => vec![Update::new(old, new, reference)],
            _ => Vec::new(),
        },
        None if args.received => read_updates()?,
        None => Vec::new(),
    };
    let staged = args.staged;
    let (sender, receiver) = channel();
    let work = move || {
        let judged = match staged {
            true => judge_staged(expected),
            false => judge_updates(&updates, expected),
        };
        let _ = sender.send(judged);
    };
    let started = thread::Builder::new().spawn(work);
    started.map_err(|error| Report::new(1, "io", format!("cannot start a thread: {error}")))?;
    match receiver.recv_timeout(Duration::from_secs(args.timeout)) {
        Ok(judged) => tell(&judged?, staged),
        Err(RecvTimeoutError::Timeout) => {
            let text = format!(
                "this could not be judged within {} seconds, and is refused",
                args.timeout
            );
            Err(Report::new(1, "timeout", text)
                .hint("push it in parts, or have the hook call 'fleetvault hooks check' with a longer --timeout")
                .into())
        }
        Err(RecvTimeoutError::Disconnected) => Err(Report::new(1, "review", "the check stopped unexpectedly").into()),
    }
}

/// Prints what matters, and refuses where something must not be.
fn tell(judged: &[(String, Proposal)], staged: bool) -> Result<(), Failure> {
    for (reference, proposal) in judged {
        if !proposal.items.iter().any(|item| item.risk() < Risk::Narrowing) {
            continue;
        }
        if !reference.is_empty() {
            say!("{}:", escape(reference));
        }
        review::print_down_to(proposal, Risk::Attention);
    }
    let errors = judged.iter().flat_map(|(_, proposal)| &proposal.items);
    let count = errors.filter(|item| item.risk() == Risk::Error).count();
    let files = if count == 1 {
        "1 file".to_owned()
    } else {
        format!("{count} files")
    };
    match (count, staged) {
        (0, _) => Ok(()),
        (_, true) => Err(Report::new(6, "review", format!("not committed: errors in {files}")).into()),
        (_, false) => Err(Report::new(6, "review", format!("not accepted: errors in {files}")).into()),
    }
}

impl Update {
    fn new(old: &str, new: &str, reference: &str) -> Self {
        // Nothing is written as zeros.
        let some = |id: &str| id.bytes().any(|byte| byte != b'0').then(|| id.to_owned());
        Self {
            old: some(old),
            new: some(new),
            reference: reference.to_owned(),
        }
    }
}

fn read_updates() -> Result<Vec<Update>, Failure> {
    let mut bytes = Vec::new();
    let read = io::stdin().lock().take(UPDATES_MAX + 1).read_to_end(&mut bytes);
    read.map_err(|error| Report::new(1, "io", format!("cannot read the updates: {error}")))?;
    // Whatever stands behind that would pass without being looked at.
    if bytes.len() as u64 > UPDATES_MAX {
        let text = format!("the list of updates is longer than {UPDATES_MAX} bytes, and is refused");
        return Err(Report::new(1, "updates", text)
            .hint("push fewer references at a time")
            .into());
    }
    // The name of a reference is any bytes; here it is only shown, and compared with that of the default branch.
    let text = String::from_utf8_lossy(&bytes);
    let line = |line: &str| match line.splitn(3, ' ').collect::<Vec<_>>().as_slice() {
        [old, new, reference] => Ok(Update::new(old, new, reference)),
        _ => Err(Report::new(2, "usage", format!("expected 'OLD NEW REF', found '{}'", escape(line))).into()),
    };
    text.split_terminator('\n').map(line).collect()
}

/// Compares HEAD with the index as it would be committed. Nothing of this is left in the repository.
fn judge_staged(expected: Option<VaultId>) -> Result<Vec<(String, Proposal)>, Failure> {
    let repository = Repository::open(&directory(), Access::Read)?;
    let unborn = matches!(repository.head(), HeadState::Unborn(_));
    let from = if unborn { None } else { Some(repository.commit("HEAD")?) };
    let scratch = tempfile::tempdir();
    let scratch = scratch.map_err(|error| Report::new(1, "io", format!("cannot make a directory: {error}")))?;
    let own = git(&["rev-parse", "--path-format=absolute", "--git-path", "objects"], &[])?;
    let mut others = vec![own.into()];
    others.extend(objects());
    let alternates = env::join_paths(&others).map_err(|error| Report::new(1, "git", error.to_string()))?;
    // git notes in the index which trees it wrote, and these are gone again: so it gets a copy.
    let index = scratch.path().join("index");
    let own = git(&["rev-parse", "--path-format=absolute", "--git-path", "index"], &[])?;
    match fs::copy(&own, &index) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            return Err(Report::new(1, "io", format!("cannot read {}: {error}", escape(&own))).into());
        }
        _ => {}
    }
    let variables = [
        ("GIT_INDEX_FILE", index.as_os_str()),
        ("GIT_OBJECT_DIRECTORY", scratch.path().as_os_str()),
        ("GIT_ALTERNATE_OBJECT_DIRECTORIES", &alternates),
        ("GIT_AUTHOR_NAME", OsStr::new("fleetvault")),
        ("GIT_AUTHOR_EMAIL", OsStr::new("fleetvault")),
        ("GIT_COMMITTER_NAME", OsStr::new("fleetvault")),
        ("GIT_COMMITTER_EMAIL", OsStr::new("fleetvault")),
    ];
    let tree = git(&["write-tree"], &variables)?;
    let commit = git(&["commit-tree", "--no-gpg-sign", "-m", "staged", &tree], &variables)?;
    others.push(scratch.path().to_owned());
    let repository = repository.with_objects(&others)?;
    let change = Change {
        from,
        judge: from,
        head: repository.commit(&commit)?,
        each_commit: false,
        expected,
    };
    let proposal = review_all(&repository, &change).map_err(fail)?;
    Ok(vec![(String::new(), proposal)])
}

fn judge_updates(updates: &[Update], expected: Option<VaultId>) -> Result<Vec<(String, Proposal)>, Failure> {
    let repository = Repository::open(&directory(), Access::Read)?.with_objects(&objects())?;
    let default = DefaultBranch::of(&repository, updates)?;
    let mut judged = Vec::new();
    for update in updates {
        // What is taken away was judged when it came.
        let Some(new) = &update.new else { continue };
        let head = repository.commit(new).map_err(|_| {
            let text = format!("{} leads to no commit, and cannot be judged", escape(&update.reference));
            Report::new(6, "review", text)
        })?;
        let old = update.old.as_deref().and_then(|old| repository.commit(old).ok());
        // A name that stands for another one is how branches are renamed on servers: a push to it moves the other.
        let reference = repository.behind(&update.reference);
        let is_default = default.reference.as_ref() == Some(&reference);
        let (from, judge) = match (old, default.commit) {
            // Also where it is no successor: the branch that everybody reads must not go back.
            (Some(old), _) if is_default || repository.contains(head, old)? => (Some(old), Some(old)),
            (_, Some(default)) if !is_default => (repository.merge_base(default, head)?, Some(default)),
            (old, _) => (old, old),
        };
        let change = Change {
            from,
            judge,
            head,
            each_commit: true,
            expected,
        };
        let proposal = review_all(&repository, &change).map_err(fail)?;
        judged.push((update.reference.clone(), proposal));
    }
    Ok(judged)
}

/// The branch that everything new is compared with.
struct DefaultBranch {
    reference: Option<String>,
    commit: Option<CommitId>,
}

impl DefaultBranch {
    fn of(repository: &Repository, updates: &[Update]) -> Result<Self, Failure> {
        let (HeadState::Branch(name) | HeadState::Unborn(name)) = repository.head() else {
            let commit = repository.commit("HEAD").ok();
            return Ok(Self {
                reference: None,
                commit,
            });
        };
        let reference = repository.behind(&format!("refs/heads/{name}"));
        let commit = match repository.commit(&reference) {
            Ok(commit) => Some(commit),
            // It comes with this very push.
            Err(_) => {
                let new = updates.iter().find(|update| update.reference == reference);
                let new = new.and_then(|update| update.new.as_deref());
                new.map(|new| repository.commit(new)).transpose()?
            }
        };
        Ok(Self {
            reference: Some(reference),
            commit,
        })
    }
}
