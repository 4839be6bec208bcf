//! Every error as a person reads it: exit code, machine code, and what to do next.
//!
//! Exit codes: 3 outside the scope, 4 unknown, 5 expired, 6 not to be trusted, 7 refused by policy, 2 usage, 1 anything else.

use std::{fmt::Display, io::ErrorKind};

use vault_format::{FilePath, IdentityFileError, OpenError, SealError, VerifyError};

use crate::{
    author::{AuthorError, RootError, SignerError},
    resolver::{
        LaunchError, PlaceError, Refusal,
        policy::PolicyRefusal,
        run::{EnvFileError, RunError},
        template::{RenderErrors, SYNTAX, TemplateErrors},
    },
    review::proposal::ReviewError,
    terminal::report::Report,
    vault::{FileError, FileProblem, RepositoryError, SnapshotError, WriteError, WriteFailure, trust::FloorError},
};

use super::Failure;

/// How many errors of one run are shown.
const REPORTS_MAX: usize = 100;

/// An error that a person can be told about.
pub trait Explain {
    /// Says what happened and what to do.
    fn explain(&self) -> Report;
}

impl Explain for FileError {
    fn explain(&self) -> Report {
        let report = Report::new(6, "untrusted", self.to_string());
        match &*self.problem {
            FileProblem::Floor(FloorError::RolledBack { .. } | FloorError::Forked { .. }) => {
                report.hint(floor_hint(&self.path, "touch", "overtakes it with a new serial"))
            }
            FileProblem::Floor(FloorError::Vanished { .. }) => {
                report.hint(floor_hint(&self.path, "rm", "leaves a tombstone"))
            }
            FileProblem::Floor(FloorError::Unreadable { .. }) => {
                report.hint("make the file readable for this user, or remove it to forget this floor")
            }
            FileProblem::Verify(_) => {
                report.hint("do not use it; 'git log' of that file shows who brought it in, 'fleetvault verify' checks all others")
            }
            FileProblem::Format(_) => report.hint(format!(
                "files are changed with fleetvault, not by hand: 'git log -- {0}' shows the last good one, 'git restore --source=COMMIT -- {0}' and a commit bring it back; one that never was good goes with 'git rm'",
                self.path
            )),
            FileProblem::Open(OpenError::Plugin { plugin, .. }) => {
                Report::new(1, "plugin", self.to_string()).hint(plugin_hint(plugin))
            }
            FileProblem::Open(_) => report.hint("an author can seal it again with 'fleetvault set' or 'fleetvault touch'"),
            FileProblem::Read(_) | FileProblem::Missing | FileProblem::Stanzas(_) | FileProblem::Contradiction(_) => {
                report.hint("'fleetvault verify' checks the whole vault")
            }
        }
    }
}

fn plugin_hint(plugin: &str) -> String {
    format!(
        "install it where PATH finds it, or try it by itself: age -d -i IDENTITY FILE starts age-plugin-{plugin} too"
    )
}

/// The ways out of a floor: the file that was used before, an author's command where there is one, and accepting the file on this machine.
fn floor_hint(path: &str, command: &str, effect: &str) -> String {
    let accept = format!("'fleetvault trust accept {path}' accepts it on this machine");
    let back = format!(
        "to bring the newer one back: 'git log --all --reflog -- {path}' shows its commits, 'git restore --source=COMMIT -- {path}' and a commit"
    );
    match FilePath::parse(path) {
        Some(FilePath::Credential(name)) => {
            format!("if that is wanted: 'fleetvault {command} {name}' {effect}, or {accept}\n{back}")
        }
        Some(FilePath::Root(_)) => {
            format!(
                "ask the authors first: who was one under an older root can make another chain from there; if that is wanted: {accept}"
            )
        }
        _ => format!("if that is wanted: {accept}\n{back}"),
    }
}

impl Explain for Refusal {
    fn explain(&self) -> Report {
        let report = match self {
            Self::OutsideScope { member, credential, .. } => Report::new(3, "outside_scope", self.to_string())
                .member(member.as_str())
                .hint(format!("an author can widen the scope: fleetvault scope {credential} --add {member}"))
                .bare(),
            Self::NotFound { near, removed, .. } => {
                let report = Report::new(4, "not_found", self.to_string()).bare();
                match (removed, near.is_empty()) {
                    (true, _) => report.hint("it was removed from the vault"),
                    (false, false) => report.hint(format!("did you mean {}?", list(near))),
                    (false, true) => report.hint("'fleetvault-resolver list' shows what there is"),
                }
            }
            Self::Expired { credential, .. } => Report::new(5, "expired", self.to_string()).bare().hint(format!(
                "an author can renew it: fleetvault rotate {credential} --ttl 30d"
            )),
            Self::NoKey { member, .. } => Report::new(6, "no_key", self.to_string()).member(member.as_str()).hint(
                "its grant or its keys are out of date: an author can check with 'fleetvault verify' and mend with 'fleetvault touch'",
            ),
            Self::File { error, .. } => error.explain(),
        };
        report.credential(self.credential().as_str())
    }
}

impl Explain for LaunchError {
    fn explain(&self) -> Report {
        let untrusted = |code| Report::new(6, code, self.to_string());
        match self {
            // The person gave up.
            Self::Unreadable { error, .. } if matches!(error.kind(), ErrorKind::Interrupted | ErrorKind::UnexpectedEof) => {
                Report::new(1, "identity_unreadable", self.to_string())
            }
            Self::Unreadable { source_text, .. } => Report::new(1, "identity_unreadable", self.to_string()).hint(
                match source_text.strip_prefix("fd:") {
                    // What follows is what was typed, and may be no number: then it was taken for a path.
                    Some(number) if number.parse::<u32>().is_ok() => format!(
                        "whoever starts it opens the descriptor, and it is read once; in a shell: {number}<FILE behind the command"
                    ),
                    _ => "name the identity file with --identity or FLEETVAULT_IDENTITY; 'fleetvault keygen -o FILE' makes one".into(),
                },
            ),
            Self::Identity {
                error: IdentityFileError::Anchor { .. } | IdentityFileError::SecondAnchor { .. },
                ..
            } => Report::new(1, "identity_invalid", self.to_string())
                .hint("'fleetvault trust show' prints the line for this vault"),
            Self::Identity { .. } => Report::new(1, "identity_invalid", self.to_string())
                .hint("an identity file holds a line AGE-SECRET-KEY-1…, or is an OpenSSH private key of type ssh-ed25519"),
            Self::Locked(_) => Report::new(1, "identity_locked", self.to_string()).hint(
                "start it at a terminal; a machine gets its identity without a passphrase, from systemd for instance: --identity \"${CREDENTIALS_DIRECTORY}/NAME\", or from a descriptor: --identity fd:3",
            ),
            Self::Unlock { .. } => Report::new(1, "identity_locked", self.to_string())
                .hint("to try a passphrase: 'age -d FILE >/dev/null', or for an SSH key 'ssh-keygen -y -f FILE'; neither shows the private key"),
            Self::NoAnchor { found } => untrusted("no_anchor").hint(format!(
                "after comparing that id with one you have from an author, pass it as --root, or add the line '# fleetvault: vault={found} member=NAME' to the identity file, unless that is an SSH key, which ssh could not read any more"
            )),
            Self::OtherVault { .. } => untrusted("other_vault").hint(
                "nothing was opened; check which directory was named, and ask an author for the id if the vault was made anew on purpose",
            ),
            Self::SeveralAnchors(_) => untrusted("several_anchors")
                .hint("pass --root SHA256:…, or give the member an identity file for each vault"),
            Self::OldRoot { .. } => untrusted("old_root").hint("fetch the newest commits; a host that serves only old ones is not to be trusted"),
            Self::ForkedRoot { .. } => untrusted("forked_root").hint(
                "an author who was removed can sign roots beside those of the others: ask the authors which are theirs ('fleetvault trust show' prints the anchor)",
            ),
            Self::OtherMember { .. } | Self::NotTheirKey { .. } => {
                untrusted("other_member").hint("a resolver acts for the member whose key it was launched with; nothing else can change that")
            }
            Self::Removed(_) => untrusted("removed")
                .hint("if that was a mistake, an author registers a new key of yours: fleetvault member add NAME --recipient KEY"),
            Self::NoSuchMember(_) | Self::Nobody => {
                untrusted("no_member").hint("if it was added lately, fetch the newest commits ('git pull'); else an author lets it in: 'fleetvault member approve NAME' where it asked with 'join', or 'fleetvault member add NAME --recipient KEY'")
            }
            Self::Keeper(_) => Report::new(7, "keeper", self.to_string())
                .hint("give the agent a member of its own; a person who means it passes --allow-keeper"),
            Self::Repository(error) => error.explain(),
            Self::Snapshot(error) => error.explain(),
            Self::File(error) => error.explain(),
        }
    }
}

impl Explain for RepositoryError {
    fn explain(&self) -> Report {
        let report = Report::new(1, "repository", self.to_string());
        match self {
            Self::NotARepository(_) => report.hint("name the vault with -C DIR (fleetvault) or --vault DIR (fleetvault-resolver); 'fleetvault init' makes one"),
            Self::Planted { path, top } => {
                let path = path.strip_prefix(top).unwrap_or(path).display().to_string();
                let path = path.trim_end_matches('/');
                Report::new(6, "planted", self.to_string()).hint(format!(
                    "run nothing in there, not git either. 'git -C {0} log -- {path}/HEAD' tells who put it there; take HEAD, config, objects and refs out of {path} with 'git -C {0} rm -r'",
                    top.display()
                ))
            }
            Self::OtherOwner(path) => report.hint(format!(
                "git's rule: git config --global --add safe.directory {}",
                path.display()
            )),
            _ => report,
        }
    }
}

impl Explain for SnapshotError {
    fn explain(&self) -> Report {
        match self {
            Self::NoVault { .. } => Report::new(1, "no_vault", self.to_string())
                .hint("'fleetvault init' makes a vault; -C DIR or --vault DIR names the directory of an existing one"),
            Self::NoSuchReference(_) | Self::Ambiguous(_) | Self::NotACommit { .. } => {
                Report::new(1, "no_reference", self.to_string())
                    .hint("'git branch -a' lists the branches, HEAD is the default")
            }
            Self::Unborn(_) => Report::new(1, "no_commits", self.to_string())
                .hint("'fleetvault init' makes the first commit of a vault"),
            Self::Read(_) => Report::new(6, "untrusted", self.to_string()),
            Self::Git { .. } => Report::new(1, "git", self.to_string()),
        }
    }
}

impl Explain for ReviewError {
    fn explain(&self) -> Report {
        match self {
            Self::Snapshot(error) => error.explain(),
            Self::File(error) => error.explain(),
            Self::TooManyCommits(_) | Self::Other(_) => Report::new(1, "review", self.to_string()),
        }
    }
}

impl Explain for PlaceError {
    fn explain(&self) -> Report {
        match self {
            Self::Outside { .. } | Self::NoFile(_) => Report::new(7, "not_allowed", self.to_string())
                .hint("the launch names the directories in which files may be written: --allow-write DIR"),
            Self::System { .. } => Report::new(1, "io", self.to_string())
                .hint("its directory must exist, and no part of its path may be a link"),
        }
    }
}

impl Explain for WriteFailure {
    fn explain(&self) -> Report {
        let report = Report::new(1, "not_written", self.to_string());
        if let Self::NotSynced { .. } = self {
            return Report::new(1, "not_synced", self.to_string())
                .hint("the commit is made: do not repeat the command; 'git log -1' shows it, and a full or failing disk is to be mended first");
        }
        match self {
            Self::DetachedHead => report.hint("git switch BRANCH, or: fleetvault … --branch NAME"),
            Self::Dirty { path, .. } => report.hint(format!(
                "look at it with 'git diff HEAD -- {path}'; nothing was written"
            )),
            Self::InProgress(_) => report.hint("'fleetvault merge' ends conflicts in files of the vault"),
            Self::Edited(path) => report.hint(format!(
                "to give that up: git checkout --merge -- {path}; to keep it: git add {path}"
            )),
            Self::NoIdentity => {
                report.hint("git config --global user.name NAME, git config --global user.email ADDRESS")
            }
            Self::Unborn(_) => report.hint("'fleetvault init' makes the first commit of a vault"),
            Self::AlreadyAVault(_) => report.hint("add a person or machine to it with 'fleetvault member add'"),
            Self::GitLocked(path) => report.hint(format!(
                "if no git process is running any more, remove {} and run this again",
                path.display()
            )),
            Self::Locked { .. } | Self::Busy { .. } => report.hint("run this again"),
            Self::NotUndone { .. } => {
                report.hint("run this again when there is room or permission: it first puts back what is left")
            }
            Self::BadJournal { path, .. } => report.hint(format!(
                "look at 'git status' and 'git diff', put right what they show, then remove {}",
                path.display()
            )),
            Self::Io { .. } => {
                report.hint("the vault is as it was before; run this again when there is room or permission")
            }
            Self::Snapshot(error) => error.explain(),
            Self::Repository(error) => error.explain(),
            Self::Signing(_) => report.hint("commit.gpgsign is set; the same commit must work with 'git commit -S'"),
            _ => report,
        }
    }
}

impl Explain for SignerError {
    fn explain(&self) -> Report {
        let report = Report::new(1, "signing_key", self.to_string());
        match self {
            Self::Missing(_) => {
                report.hint("only authors write: name your signing key with --signing-key or FLEETVAULT_SIGNING_KEY")
            }
            _ => report,
        }
    }
}

impl Explain for AuthorError {
    fn explain(&self) -> Report {
        let usage = |code| Report::new(1, code, self.to_string());
        match self {
            Self::NotAnAuthor { .. } => Report::new(7, "not_an_author", self.to_string())
                .hint("an author of this vault must make this change, or sign with a key that the root names"),
            Self::Signer(error) => error.explain(),
            Self::File(error) => error.explain(),
            Self::Launch(error) => error.explain(),
            Self::Scope(_) => usage("scope").hint("--members a,b names members, --members '*' means everyone"),
            Self::UnknownMember { near, .. } => {
                let report = Report::new(4, "unknown_member", self.to_string());
                if near.is_empty() {
                    report.hint("'fleetvault member list' shows who there is")
                } else {
                    report.hint(format!("did you mean {}?", list(near)))
                }
            }
            Self::UnknownGroup(_) => Report::new(4, "unknown_group", self.to_string()),
            Self::NotFound { near, .. } => {
                let report = Report::new(4, "not_found", self.to_string()).bare();
                if near.is_empty() {
                    report.hint("'fleetvault list' shows what there is")
                } else {
                    report.hint(format!("did you mean {}?", list(near)))
                }
            }
            Self::Collision { .. } => usage("collision").hint("choose a name that differs in more than case, and is no folder of another"),
            Self::WouldWiden { name, scope } => Report::new(7, "would_widen", self.to_string())
                .credential(name.as_str())
                .hint(format!(
                    "to keep the scope: fleetvault rotate {name}\nto widen it: fleetvault set {name} --members '*'\nto name it: fleetvault set {name} --members {}",
                    scope.entries().join(",")
                )),
            Self::StillExpired { name, .. } => usage("expired").hint(format!(
                "say until when: fleetvault rotate {name} --ttl 30d, or --expires never"
            )),
            Self::PastExpiry(_) => usage("past_expiry").hint("--ttl 30d counts from now"),
            Self::ScopeChange { name, .. } => usage("scope_change").credential(name.as_str()),
            Self::CannotOpen { name } => Report::new(7, "cannot_open", self.to_string())
                .credential(name.as_str())
                .hint("only keepers and those in its scope can; an author who cannot may still 'set' or 'rotate' it to a new value"),
            Self::NoIdentity => usage("no_identity").hint("name your identity file with --identity or FLEETVAULT_IDENTITY"),
            Self::CannotGrant(_) => Report::new(7, "cannot_grant", self.to_string())
                .hint("an author who is a keeper, or a member of that group, can"),
            Self::GroupExists { removed, .. } => usage("group_exists").hint(match removed {
                false => "'fleetvault group grant' gives it to members",
                true => "take another name",
            }),
            Self::NotInGroup { group, .. } => usage("not_in_group").hint(format!("'fleetvault group show {group}' lists who has it")),
            Self::EveryMemberHas => usage("reserved_group").hint("'fleetvault member remove' takes it, with everything else"),
            Self::Reserved(_) => usage("reserved_group").hint("members come and go with 'fleetvault group grant' and 'revoke'"),
            Self::GroupInUse { group, .. } => usage("group_in_use")
                .hint(format!("change these first: fleetvault scope NAME --drop @{group}")),
            Self::LastKeeper => usage("last_keeper").hint("make another member a keeper first: fleetvault group grant keepers NAME"),
            Self::OnlyInScope { member, credentials } => usage("only_in_scope").hint(format!(
                "remove those that nobody needs any more, or say who else may use them:
fleetvault rm {0}
fleetvault scope {0} --add NAME --drop {member}",
                credentials.first().map_or_else(String::new, ToString::to_string)
            )),
            Self::MemberExists(name) => usage("member_exists").hint(format!("'fleetvault member show {name}' shows its keys")),
            Self::KeyTaken { .. } | Self::KeyOfGroup { .. } => usage("key_taken").hint("every member has keys of its own: 'fleetvault keygen -o FILE' makes new ones"),
            Self::Clash { path, ours, theirs, .. } => Report::new(7, "both_changed", self.to_string()).hint(format!(
                "to take what differs from one side: fleetvault merge --ours {path}, or --theirs {path}\nours is {ours}\ntheirs is {theirs}"
            )),
            Self::Side { .. } => Report::new(6, "untrusted", self.to_string())
                .hint("do not take it over: an author can make that change anew, on the other side"),
            Self::CannotMerge { keepers, .. } => Report::new(7, "cannot_open", self.to_string()).hint(format!(
                "an author who is a keeper can merge it, or one who is in the scope of both sides; keepers are {}",
                list(keepers)
            )),
            Self::MergeFirst(paths) => usage("merge_first").hint(format!("fleetvault merge {}", paths.join(" "))),
            Self::RootsDiverged(_) => Report::new(7, "diverged", self.to_string())
                .hint("give up the merge (git merge --abort, git rebase --abort), and make the change of one side again, behind the other"),
            Self::GroupDiverged(_) => Report::new(7, "diverged", self.to_string())
                .hint("give up the merge (git merge --abort, git rebase --abort), take over one side, and make the other side's change again behind it"),
            Self::Root(error) => error.explain(),
            Self::OldKeys { which, .. } => Report::new(6, "rolled_back", self.to_string())
                .hint(format!("somebody put it back on the side of {which}: 'git log' on that side tells who; take over the other side")),
            Self::Seal {
                error: SealError::Plugin { plugin, .. },
                ..
            } => Report::new(1, "plugin", self.to_string()).hint(plugin_hint(plugin)),
            Self::Seal { .. } | Self::Format { .. } => usage("format"),
            Self::NothingToDo => usage("nothing_to_do"),
            Self::NoRandomness | Self::Io { .. } => Report::new(1, "system", self.to_string()),
            Self::Write(error) => error.explain(),
        }
    }
}

impl Explain for RootError {
    fn explain(&self) -> Report {
        let report = |exit, code| Report::new(exit, code, self.to_string());
        match self {
            Self::KeyTaken { .. } => report(1, "key_taken").hint("'fleetvault author list' shows whose keys there are"),
            Self::SimilarName { .. } => report(1, "collision").hint("choose a name that differs in more than case"),
            Self::NoSuchAuthor { authors, .. } => report(4, "unknown_author").hint(format!("authors are {}", list(authors))),
            Self::NoSuchKey { keys, .. } => report(4, "unknown_key").hint(format!("its keys are {}", list(keys))),
            Self::LastAuthor(_) => {
                report(7, "last_author").hint("add another one first: fleetvault author add NAME --key-file FILE.pub")
            }
            Self::BelowThreshold { left, .. } => report(7, "threshold").hint(format!(
                "lower the threshold first: fleetvault author threshold {left}; or add another author"
            )),
            Self::Threshold { .. } | Self::SameThreshold(_) => report(1, "threshold").hint("'fleetvault author list' shows it"),
            Self::OwnKey { author, .. } => report(7, "own_key").hint(format!(
                "another author removes you: fleetvault author remove {author}; for a new key of yours, add it first, then sign with it \
                 (--signing-key)"
            )),
            Self::NoProposal(_) => report(1, "no_proposal").hint("name the file that 'fleetvault author' has written"),
            Self::OtherSerial { proposed, current } => report(1, "outdated").hint(match proposed > current {
                true => "fetch the newest commits first",
                false => "it was made for an older root: propose the change again",
            }),
            Self::Proposal(VerifyError::BelowThreshold { .. }) => {
                report(7, "threshold").hint("another author signs it: fleetvault author sign FILE")
            }
            Self::Proposal(_) => report(6, "untrusted").hint("do not sign it; ask who gave it to you, or propose the change again"),
            Self::SignedAlready { .. } => report(1, "signed_already").hint("hand it to another author: fleetvault author sign FILE"),
            Self::Unsound(_) => report(6, "untrusted").hint(
                "mend these first: 'git log -- FILE' shows who did that; 'git restore --source=COMMIT -- FILE' and a commit bring the last good one back, \
                 'git rm' takes away what never was good",
            ),
        }
    }
}

impl From<TemplateErrors> for Failure {
    fn from(errors: TemplateErrors) -> Self {
        let report = |error: &dyn Display| Report::new(1, "template", error.to_string()).hint(SYNTAX);
        Self(first_of(errors.0.iter().map(|error| report(error))))
    }
}

impl From<RenderErrors> for Failure {
    fn from(errors: RenderErrors) -> Self {
        Self(first_of(
            errors.0.iter().map(|error| Report::new(1, "filter", error.to_string())),
        ))
    }
}

impl Explain for PolicyRefusal {
    fn explain(&self) -> Report {
        let code = match self {
            Self::Hook { .. } => "pre_resolve",
            Self::Approver { .. } => "not_approved",
            Self::FromRepository { .. } => "from_repository",
        };
        let report = Report::new(7, code, self.to_string());
        match (self, self.credential()) {
            (Self::FromRepository { .. }, _) => {
                report.hint("put it in a directory that only its administrator can write to")
            }
            (_, Some(credential)) => report.credential(credential.as_str()),
            (_, None) => report,
        }
    }
}

impl From<Vec<RunError>> for Failure {
    fn from(errors: Vec<RunError>) -> Self {
        Self(first_of(errors.into_iter().flat_map(|error| Self::from(error).0)))
    }
}

/// One report for each reference that is wrong, and one for everything else.
impl From<RunError> for Failure {
    fn from(error: RunError) -> Self {
        let one = |code| Report::new(1, code, error.to_string());
        match &error {
            RunError::Template { place, errors } => Self(first_of(errors.0.iter().map(|error| {
                Report::new(1, "template", format!("{place}: {error}")).hint(SYNTAX)
            }))),
            RunError::Render { place, errors } => {
                Self(first_of(errors.0.iter().map(|error| Report::new(1, "filter", format!("{place}: {error}")))))
            }
            RunError::Shell(errors) => Self(first_of(errors.0.iter().map(|error| {
                Report::new(7, "shell", error.to_string()).credential(error.name.as_str()).hint(error.hint())
            }))),
            RunError::EnvFile(EnvFileError::Unreadable { .. }) => one("io").into(),
            RunError::EnvFile(EnvFileError::NotOurs { path, .. } | EnvFileError::Writable { path }) => {
                Report::new(7, "env_file_owner", error.to_string())
                    .hint(format!("where you would run what it says, name it by its path: --env-file {}", path.display()))
                    .into()
            }
            RunError::ShellVariable { name } => Report::new(7, "shell_variable", error.to_string())
                .hint(format!("set it inside of the line, for the command that needs it: {name}=… COMMAND"))
                .into(),
            RunError::EnvFile(EnvFileError::Line { .. }) => {
                one("env_file").hint("a line is NAME=TEMPLATE, a comment begins with '#'").into()
            }
            RunError::Program { name } => Report::new(7, "program", error.to_string())
                .credential(name.as_str())
                .hint("name the program, and give it the value as an argument, in a variable (--env), a file (--file) or on standard input (--stdin)")
                .into(),
            RunError::Option { credentials, .. } => {
                let name = credentials.first().map_or("NAME", |name| name.as_str());
                Report::new(7, "option", error.to_string()).credential(name).hint(format!(
                    "put -- directly before it where the program knows that, or give it as --option=<<secure.{name}>>, in a variable or on \
                     standard input"
                )).into()
            }
            RunError::Nul { .. } | RunError::TooLong { .. } => {
                one("unfit").hint("give it to the command in a file (--file TEMPLATE_FILE:DEST) or on standard input (--stdin TEMPLATE)").into()
            }
            RunError::File { error, .. } if error.kind() == std::io::ErrorKind::AlreadyExists => {
                one("exists").hint("a file that is there already is never overwritten: name another, or remove it").into()
            }
            RunError::Output(_) => one("output").hint("the command was run").into(),
            RunError::File { .. } | RunError::Directory { .. } => one("io").into(),
            RunError::Network(_) => Report::new(7, "network", error.to_string())
                .hint("an author can change that: fleetvault scope NAME --network allow")
                .into(),
            RunError::Start { error: reason, .. } => match reason.kind() {
                std::io::ErrorKind::NotFound => Report::new(127, "not_started", error.to_string()).into(),
                std::io::ErrorKind::ArgumentListTooLong => Report::new(126, "not_started", error.to_string())
                    .hint("give large values in files (--file TEMPLATE_FILE:DEST) or on standard input (--stdin TEMPLATE)")
                    .into(),
                _ => Report::new(126, "not_started", error.to_string()).into(),
            },
            RunError::System { .. } => one("system").into(),
        }
    }
}

/// Several errors of a kind, at most so many of them.
impl<E: Explain> From<Vec<E>> for Failure {
    fn from(errors: Vec<E>) -> Self {
        Self(first_of(errors.iter().map(Explain::explain)))
    }
}

/// The first reports, and one that stands for the rest with the highest of their exit codes: ten megabytes of broken references must not
/// become a hundred of errors.
fn first_of(mut reports: impl Iterator<Item = Report>) -> Vec<Report> {
    let mut shown: Vec<Report> = reports.by_ref().take(REPORTS_MAX).collect();
    let (count, exit) = reports.fold((0, 0), |(count, exit), report| (count + 1, report.exit.max(exit)));
    if count > 0 {
        shown.push(Report::new(
            exit,
            "more",
            format!("{count} more errors or more are not shown"),
        ));
    }
    shown
}

impl From<WriteError<Failure>> for Failure {
    fn from(error: WriteError<Failure>) -> Self {
        match error {
            WriteError::Plan(failure) => failure,
            WriteError::Write(failure) => failure.into(),
        }
    }
}

fn list<N: Display>(names: &[N]) -> String {
    let names: Vec<String> = names.iter().map(|name| format!("'{name}'")).collect();
    names.join(", ")
}
