//! Why a vault is not changed.

use vault_format::{SealError, VerifyError};

use super::{Explain, list, plugin_hint};
use crate::{
    author::{AuthorError, MergeError, RootError, SignerError},
    terminal::report::Report,
};

impl Explain for SignerError {
    fn explain(&self) -> Report {
        let report = Report::new(1, "signing_key", self.to_string());
        match self {
            Self::Missing(_) => {
                report.hint("only authors write: name your signing key with --signing-key or FLEETVAULT_SIGNING_KEY")
            }
            Self::Program { .. } => report.hint(
                "an agent must hold the key ('ssh-add FILE'; SSH_AUTH_SOCK says where it is), or a passphrase be typed at the terminal",
            ),
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
            Self::UnknownGroup(_) => {
                Report::new(4, "unknown_group", self.to_string()).hint("'fleetvault group list' shows which there are")
            }
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
            Self::Root(error) => error.explain(),
            Self::Merge(error) => error.explain(),
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

impl Explain for MergeError {
    fn explain(&self) -> Report {
        let report = |exit, code| Report::new(exit, code, self.to_string());
        match self {
            Self::Clash { path, ours, theirs, .. } => report(7, "both_changed").hint(format!(
                "to take what differs from one side: fleetvault merge --ours {path}, or --theirs {path}\nours is {ours}\ntheirs is {theirs}"
            )),
            Self::Side { .. } => report(6, "untrusted")
                .hint("do not take it over: an author can make that change anew, on the other side"),
            Self::CannotMerge { keepers, .. } => report(7, "cannot_open").hint(format!(
                "an author who is a keeper can merge it, or one who is in the scope of both sides; keepers are {}",
                list(keepers)
            )),
            Self::MergeFirst(paths) => report(1, "merge_first").hint(format!("fleetvault merge {}", paths.join(" "))),
            Self::RootsDiverged(_) => report(7, "diverged")
                .hint("give up the merge (git merge --abort, git rebase --abort), and make the change of one side again, behind the other"),
            Self::GroupDiverged(_) => report(7, "diverged")
                .hint("give up the merge (git merge --abort, git rebase --abort), take over one side, and make the other side's change again behind it"),
            Self::OldKeys { which, .. } => report(6, "rolled_back")
                .hint(format!("somebody put it back on the side of {which}: 'git log' on that side tells who; take over the other side")),
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
                false => "it is that root already ('fleetvault author list' shows it), or it was made for an older root: then propose the change again",
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
