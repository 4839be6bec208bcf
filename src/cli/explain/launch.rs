//! Why a resolver does not act for whoever launched it, and why it does not give out what was asked for.

use std::io::ErrorKind;

use vault_format::IdentityFileError;

use super::{Explain, list};
use crate::{
    resolver::{LaunchError, Refusal},
    terminal::report::Report,
};

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
