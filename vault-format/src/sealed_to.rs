//! `sealed_to`: whose keys open a payload, each at an epoch, in the order of the stanzas (SPEC.md, section 6).

use std::{collections::BTreeSet, fmt, str::FromStr};

use serde::{Deserialize, Deserializer, de::Error as _};

use crate::{
    name::{GroupName, MemberName},
    shown::shown,
};

/// A member, or the group whose members hold the group's key.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum HolderName {
    /// `@all`
    Group(GroupName),
    /// `fleet-dev`
    Member(MemberName),
}

/// A holder at one epoch of its keys: `@all#1`, `fleet-dev#2`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Holder {
    /// Whose keys.
    pub name: HolderName,
    /// Which generation of those keys, from 1.
    pub epoch: u64,
}

/// The holders of a payload, sorted, each name once, at least one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedTo(Vec<Holder>);

impl SealedTo {
    /// Makes a list of holders; `None` where it is empty, a name comes twice, or an epoch is out of bounds.
    pub fn new(mut holders: Vec<Holder>) -> Option<Self> {
        holders.sort();
        let distinct = holders.windows(2).all(|pair| pair[0].name != pair[1].name);
        let bounded = holders.iter().all(|holder| is_epoch(holder.epoch));
        (distinct && bounded && !holders.is_empty()).then_some(Self(holders))
    }

    /// The list of a single holder.
    pub fn one(holder: Holder) -> Self {
        Self(vec![holder])
    }

    /// The holders in the order of their stanzas.
    pub fn holders(&self) -> &[Holder] {
        &self.0
    }

    /// The names without epochs.
    pub fn names(&self) -> BTreeSet<HolderName> {
        self.0.iter().map(|holder| holder.name.clone()).collect()
    }

    /// The position among the holders, and the epoch, of `name`.
    pub fn find(&self, name: &HolderName) -> Option<(usize, u64)> {
        let at = self.0.iter().position(|holder| &holder.name == name)?;
        Some((at, self.0[at].epoch))
    }
}

/// Tells whether a number can be an epoch: TOML has no integer above this.
pub(crate) fn is_epoch(number: u64) -> bool {
    (1..=i64::MAX as u64).contains(&number)
}

impl fmt::Display for HolderName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Group(name) => write!(f, "@{name}"),
            Self::Member(name) => write!(f, "{name}"),
        }
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{}", self.name, self.epoch)
    }
}

impl FromStr for Holder {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let expected = || format!("'{}' must be NAME#EPOCH or @GROUP#EPOCH", shown(text));
        let (name, epoch) = text.split_once('#').ok_or_else(expected)?;
        let number: u64 = epoch.parse().map_err(|_| expected())?;
        if !is_epoch(number) || number.to_string() != epoch {
            return Err(expected());
        }
        let name = match name.strip_prefix('@') {
            Some(group) => HolderName::Group(group.parse().map_err(|_| expected())?),
            None => HolderName::Member(name.parse().map_err(|_| expected())?),
        };
        Ok(Self { name, epoch: number })
    }
}

impl<'de> Deserialize<'de> for SealedTo {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let written = Vec::<String>::deserialize(deserializer)?;
        let holders = written
            .iter()
            .map(|text| text.parse())
            .collect::<Result<Vec<Holder>, _>>()
            .map_err(D::Error::custom)?;
        let sealed_to = Self::new(holders.clone())
            .ok_or_else(|| D::Error::custom("sealed_to must name at least one holder, and each once"))?;
        if sealed_to.0 != holders {
            return Err(D::Error::custom("the entries of sealed_to must be sorted"));
        }
        Ok(sealed_to)
    }
}
