//! Where a file of a vault stands: the one place that turns kind and name into a path, and back (SPEC.md, section 3).

use std::fmt;

use crate::name::{CredentialName, GroupName, MemberName};

/// The path of one file, relative to the vault's directory, with `/` between the parts.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FilePath {
    /// `fleetvault.toml` for serial 1, `roots/<n>.toml` for its successors.
    Root(u64),
    /// `members/<member>.toml`
    Member(MemberName),
    /// `groups/<group>.toml`
    Group(GroupName),
    /// `grants/<group>/<member>.toml`
    Grant(GroupName, MemberName),
    /// `credentials/<NAME>.toml`, where NAME may have folders
    Credential(CredentialName),
}

/// The file that makes a directory a vault.
pub const ROOT_FILE: &str = "fleetvault.toml";
/// The folders of a vault, beside [`ROOT_FILE`] and `.gitattributes`.
pub const FOLDERS: [&str; 5] = ["credentials", "grants", "groups", "members", "roots"];

impl FilePath {
    /// Reads a path; `None` where no file of a vault can stand there.
    pub fn parse(path: &str) -> Option<Self> {
        if path == ROOT_FILE {
            return Some(Self::Root(1));
        }
        let (folder, rest) = path.strip_suffix(".toml")?.split_once('/')?;
        match folder {
            "roots" => {
                let serial: u64 = rest.parse().ok()?;
                (serial >= 2 && serial.to_string() == rest).then_some(Self::Root(serial))
            }
            "members" => rest.parse().ok().map(Self::Member),
            "groups" => rest.parse().ok().map(Self::Group),
            "grants" => {
                let (group, member) = rest.split_once('/')?;
                Some(Self::Grant(group.parse().ok()?, member.parse().ok()?))
            }
            "credentials" => rest.parse().ok().map(Self::Credential),
            _ => None,
        }
    }
}

impl fmt::Display for FilePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Root(1) => f.write_str(ROOT_FILE),
            Self::Root(serial) => write!(f, "roots/{serial}.toml"),
            Self::Member(name) => write!(f, "members/{name}.toml"),
            Self::Group(name) => write!(f, "groups/{name}.toml"),
            Self::Grant(group, member) => write!(f, "grants/{group}/{member}.toml"),
            Self::Credential(name) => write!(f, "credentials/{name}.toml"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_reads_back_as_what_it_was_written_from() {
        for path in [
            "fleetvault.toml",
            "roots/2.toml",
            "members/fleet-dev.toml",
            "groups/all.toml",
            "grants/all/fleet-dev.toml",
            "credentials/prod/db/password.toml",
        ] {
            assert_eq!(FilePath::parse(path).map(|p| p.to_string()).as_deref(), Some(path));
        }
    }

    #[test]
    fn anything_else_is_no_file_of_a_vault() {
        for path in [
            "roots/1.toml",
            "roots/02.toml",
            "members/a/b.toml",
            "credentials/a b.toml",
            "x.toml",
            "members/a",
            "grants/all.toml",
            "",
        ] {
            assert_eq!(FilePath::parse(path), None, "{path}");
        }
    }
}
