//! Which authors held a group's keys before a change: whoever makes new ones knows them, and only for those who had the earlier ones that is nothing
//! new. Without a key nobody can see who made a key; who signed for it can be seen.

use std::collections::HashSet;

use vault_format::{AuthorName, FilePath, Grant, GroupName, MemberName};

use crate::vault::{Difference, Vault};

/// The authors whose members had the groups that a change touches.
pub(super) struct Holders(HashSet<(GroupName, AuthorName)>);

impl Holders {
    /// Reads them from the vault that a change is judged by. A grant that is not to be trusted there is none.
    pub fn of(judge: &Vault<'_>, changed: &[(&Difference, &str)]) -> Self {
        let groups = changed.iter().filter_map(|(_, below)| match FilePath::parse(below) {
            Some(FilePath::Group(name)) => Some(name),
            _ => None,
        });
        let mut holders = HashSet::new();
        for group in groups.chain([GroupName::keepers()]) {
            for author in judge.authority().root().author_names() {
                // An author and the member of the same name are one: `init` and `author add` make them so.
                let Ok(member) = author.as_str().parse::<MemberName>() else {
                    continue;
                };
                let grant = judge.look_at::<Grant>(&FilePath::Grant(group.clone(), member));
                if grant.is_ok_and(|grant| grant.is_some_and(|grant| grant.body().is_some())) {
                    holders.insert((group.clone(), author.clone()));
                }
            }
        }
        Self(holders)
    }

    /// Tells whether an author had a group, or as a keeper could open it.
    pub fn had(&self, group: &GroupName, author: &AuthorName) -> bool {
        [group.clone(), GroupName::keepers()]
            .into_iter()
            .any(|group| self.0.contains(&(group, author.clone())))
    }
}
