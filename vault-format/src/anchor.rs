//! What an identity file says of the vault that its keys are for: which one, as which member, and past which root (SPEC.md, section 14).

use std::{fmt, str::FromStr};

use crate::{
    authority::Authority,
    digest::{Digest, VaultId},
    name::MemberName,
};

/// What an anchor's line begins with. age takes it for a comment.
pub(crate) const ANCHOR: &str = "# fleetvault:";

/// One comment line `# fleetvault: vault=SHA256:… member=fleet-dev root=3@sha256:…`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Anchor {
    /// The vault whose first root is to be trusted.
    pub vault: VaultId,
    /// The member whose keys these are: a hint that saves a search, and an expectation.
    pub member: Option<MemberName>,
    /// The root that the chain must pass through.
    pub root: Option<RootPin>,
}

/// One root of a chain, written `3@sha256:…`. Names the digest too: an author who was removed later could sign another root of that serial, and
/// as many after it as it takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RootPin {
    /// Its serial, at least 1.
    pub serial: u64,
    /// The digest of its signed bytes.
    pub digest: Digest,
}

impl Anchor {
    /// The anchor of somebody who trusts these roots now. The first root needs no pin: the vault's id is its hash.
    pub fn of(authority: &Authority, member: Option<MemberName>) -> Self {
        Self {
            vault: authority.vault(),
            member,
            root: (authority.serial() > 1).then(|| RootPin {
                serial: authority.serial(),
                digest: authority.digest(),
            }),
        }
    }

    /// The anchor as a line of an identity file, without a newline.
    pub fn to_line(&self) -> String {
        let member = self.member.as_ref().map(|name| format!(" member={name}"));
        let root = self.root.map(|pin| format!(" root={pin}"));
        format!(
            "{ANCHOR} vault={}{}{}",
            self.vault,
            member.unwrap_or_default(),
            root.unwrap_or_default()
        )
    }
}

impl fmt::Display for RootPin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.serial, self.digest)
    }
}

impl FromStr for RootPin {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const EXPECTED: &str = "root must be a serial and a digest, such as root=3@sha256:…";
        let (digits, digest) = text.split_once('@').ok_or(EXPECTED)?;
        let serial = digits.parse().ok();
        let serial = serial.filter(|serial: &u64| *serial >= 1 && serial.to_string() == digits);
        Ok(Self {
            serial: serial.ok_or(EXPECTED)?,
            digest: digest.parse().map_err(|_| EXPECTED)?,
        })
    }
}

impl FromStr for Anchor {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (mut vault, mut member, mut root) = (None, None, None);
        for word in text.split_whitespace() {
            let (key, value) = word.split_once('=').ok_or("an anchor is made of words KEY=VALUE")?;
            let twice = match key {
                "vault" => vault.replace(value.parse::<VaultId>().map_err(String::from)?).is_some(),
                "member" => member
                    .replace(
                        value
                            .parse::<MemberName>()
                            .map_err(|_| "member must be a member's name, such as member=fleet-dev")?,
                    )
                    .is_some(),
                "root" => root.replace(value.parse::<RootPin>()?).is_some(),
                _ => return Err("an anchor knows vault=, member= and root=".into()),
            };
            if twice {
                return Err("an anchor says each thing once".into());
            }
        }
        let vault = vault.ok_or("an anchor must say vault=SHA256:…")?;
        Ok(Self { vault, member, root })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_anchor_reads_back() {
        let vault = VaultId::of(b"root");
        let digest = Digest::of(b"third root");
        for text in [
            format!("# fleetvault: vault={vault}"),
            format!("# fleetvault: vault={vault} member=fleet-dev"),
            format!("# fleetvault: vault={vault} member=fleet-dev root=3@{digest}"),
        ] {
            let anchor: Anchor = text.strip_prefix(ANCHOR).unwrap().parse().unwrap();
            assert_eq!(anchor.to_line(), text);
        }
        for bad in ["", "vault=x", "member=a", "vault", "vault=SHA256:AAAA", "who=me"] {
            assert!(bad.parse::<Anchor>().is_err(), "{bad}");
        }
        for bad in ["3", "3@", "0@", "+1@", "03@", "3 @", "@"] {
            let pin = format!("{bad}{digest}");
            assert_eq!(pin.parse::<RootPin>().is_ok(), bad == "3@", "{pin}");
        }
        assert!("3".parse::<RootPin>().is_err());
        assert!("3@sha256:abc".parse::<RootPin>().is_err());
        assert!(format!("3@{vault}").parse::<RootPin>().is_err());
    }
}
