//! What is known of a value: its life, and who could open it. These types are also the JSON that `exposure` prints.

use serde::{Serialize, Serializer, ser::SerializeStruct as _};
use vault_format::{CredentialName, GroupName, MemberName, Timestamp};

use crate::vault::{CommitId, Seen};

/// A commit as a point in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// The committer's time.
    pub time: Timestamp,
    /// The commit.
    pub commit: CommitId,
    /// Whether it may have been earlier: the history before this commit is missing.
    pub at_latest: bool,
}

/// One credential, and every value that it ever had.
#[derive(Debug, Clone)]
pub struct Trail {
    /// The credential.
    pub name: CredentialName,
    /// Its values, the newest first.
    pub values: Vec<Value>,
}

/// One value of a credential, from the commit that brought it to the one that replaced it.
#[derive(Debug, Clone, Serialize)]
pub struct Value {
    /// When it was set, as its author says. Versions that say the same have the same value.
    #[serde(serialize_with = "as_text")]
    pub value_set: Timestamp,
    /// The first commit that has it.
    pub since: Moment,
    /// The commit that replaced or removed it.
    pub until: Option<Moment>,
    /// Whether it holds now.
    pub state: State,
    /// Whom it is for, or was at last: `*`, `@group`, names.
    pub scope: Vec<String>,
    /// How many versions of the file have it.
    pub versions: usize,
    /// Everybody who could ever open it, by name.
    pub known_to: Vec<Knower>,
}

/// Whether a value holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// It is the value in the commit that is read.
    Current,
    /// Another value took its place, or the credential was removed.
    Past,
    /// It stands on another branch and was never replaced there.
    Elsewhere,
}

/// A member that could open a value.
#[derive(Debug, Clone, Serialize)]
pub struct Knower {
    /// Who.
    #[serde(serialize_with = "as_text")]
    pub member: MemberName,
    /// From when on.
    pub since: Moment,
    /// Until when it was sealed to its keys; none where it still is, or never was while it held.
    pub until: Option<Moment>,
    /// How.
    pub through: Vec<Through>,
    /// Whether it may use the value now.
    pub standing: Standing,
    /// Why it may not although it knows it.
    pub reason: Option<Reason>,
    /// Whether some of it was sealed to keys that this member has replaced since: whoever has those knows the value too.
    pub replaced_keys: bool,
}

/// How a member comes to a value.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Through {
    /// The scope names it.
    Name,
    /// The scope is everyone.
    Everyone,
    /// The scope names this group.
    Group(GroupName),
    /// It is a keeper.
    Keepers,
}

/// How a member stands to a value that it knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// It may use the current value.
    MayUse,
    /// It keeps the current value for others.
    Keeper,
    /// It may not use the current value any more, and knows it.
    StillKnows,
    /// The value is not the current one.
    Past,
}

/// Why a member knows a value that it may not use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "why", rename_all = "snake_case")]
pub enum Reason {
    /// The scope no longer reaches it.
    OutOfScope {
        /// When that was.
        at: Moment,
    },
    /// The member was removed.
    MemberRemoved {
        /// When that was.
        at: Moment,
    },
    /// Its grant of a group's key was removed.
    LeftGroup {
        /// The group.
        group: Through,
        /// When that was.
        at: Moment,
    },
    /// It no longer keeps what others use.
    NoKeeper {
        /// When that was.
        at: Moment,
    },
    /// A version that was never merged is for it.
    OtherBranch {
        /// From when on.
        since: Moment,
    },
    /// It is named, and there is no such member.
    NoMember,
    /// It was never meant to: a key that it was given later opens an earlier version, or one that it kept a later version.
    FromHistory {
        /// From when on.
        since: Moment,
    },
}

impl Trail {
    /// The value that holds now.
    pub fn current(&self) -> Option<&Value> {
        self.values.iter().find(|value| value.state == State::Current)
    }
}

impl Value {
    /// Those who know it and may not use it any more: as long as there are any, it is to be rotated.
    pub fn still_known_to(&self) -> impl Iterator<Item = &Knower> {
        { self.known_to.iter() }.filter(|knower| knower.standing == Standing::StillKnows)
    }
}

impl Through {
    pub(super) fn of(group: &GroupName) -> Self {
        match group {
            group if group == &GroupName::all() => Self::Everyone,
            group if group == &GroupName::keepers() => Self::Keepers,
            group => Self::Group(group.clone()),
        }
    }
}

impl std::fmt::Display for Through {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Name => f.write_str("by name"),
            Self::Everyone => f.write_str("*"),
            Self::Group(group) => write!(f, "@{group}"),
            Self::Keepers => f.write_str("@keepers"),
        }
    }
}

impl std::fmt::Display for Reason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::OutOfScope { at } => write!(f, "removed from the scope {}", at.on()),
            Self::MemberRemoved { at } => write!(f, "the member was removed {}", at.on()),
            Self::LeftGroup {
                group: Through::Everyone,
                at,
            } => write!(f, "lost its grant of '*' {}", at.on()),
            Self::LeftGroup {
                group: Through::Keepers,
                at,
            }
            | Self::NoKeeper { at } => write!(f, "no keeper any more {}", at.since()),
            Self::LeftGroup { group, at } => write!(f, "left {group} {}", at.on()),
            Self::OtherBranch { since } => write!(f, "on a branch that was not merged, {}", since.since()),
            Self::NoMember => f.write_str("there is no such member"),
            Self::FromHistory { since } => {
                write!(f, "was never in its scope; opens it all the same {}", since.since())
            }
        }
    }
}

impl Moment {
    /// The day, `2026-11-23`; with `at latest` where it may have been earlier.
    pub fn day(&self) -> String {
        let latest = if self.at_latest { " at latest" } else { "" };
        format!("{}{latest}", self.time.date())
    }

    fn on(&self) -> String {
        format!("on {}", self.day())
    }

    fn since(&self) -> String {
        format!("since {}", self.day())
    }
}

impl From<Seen> for Moment {
    fn from(seen: Seen) -> Self {
        Self {
            time: Timestamp::from_unix(seen.time).unwrap_or(Timestamp::EPOCH),
            commit: seen.commit,
            at_latest: seen.at_latest,
        }
    }
}

impl Serialize for Moment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("Moment", 3)?;
        fields.serialize_field("time", &self.time.to_string())?;
        fields.serialize_field("commit", &self.commit.to_string())?;
        fields.serialize_field("at_latest", &self.at_latest)?;
        fields.end()
    }
}

impl Serialize for Through {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(match self {
            Self::Name => &"name" as &dyn std::fmt::Display,
            other => other,
        })
    }
}

impl Serialize for Trail {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("Trail", 3)?;
        fields.serialize_field("name", &self.name.to_string())?;
        let exposed = { self.current().into_iter() }
            .flat_map(Value::still_known_to)
            .next()
            .is_some();
        fields.serialize_field("rotate", &exposed)?;
        fields.serialize_field("values", &self.values)?;
        fields.end()
    }
}

fn as_text<T: std::fmt::Display, S: Serializer>(value: &T, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}
