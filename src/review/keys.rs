//! The public keys of everybody at their current epochs: what the stanzas of every payload are compared with.

use std::{cmp::Ordering, collections::HashMap};

use vault_format::{
    FilePath, Group, GroupName, Holder, HolderName, Member, MemberName, Recipient, SealedTo, check_stanzas,
};

use crate::vault::{FileError, FileProblem, Vault};

/// The public keys of everybody at their current epochs: what stanzas are compared with.
#[derive(Default)]
pub(super) struct Keys(HashMap<HolderName, (u64, Vec<Recipient>)>);

/// Holders at epochs that are over, each with the epoch of now.
pub(super) type Over = Vec<(Holder, u64)>;

impl Keys {
    /// Those of all members and groups of a vault whose files are sound.
    ///
    /// # Errors
    /// [`FileError`] where the tree cannot be listed.
    pub(super) fn of(vault: &Vault<'_>) -> Result<Self, FileError> {
        let mut keys = Self::default();
        for name in vault.member_names()? {
            if let Ok(Some(member)) = vault.look_at::<Member>(&FilePath::Member(name.clone()))
                && let Some(body) = member.body()
            {
                keys.add_member(name, body);
            }
        }
        for path in vault.paths("groups")? {
            if let FilePath::Group(name) = &path
                && let Ok(Some(group)) = vault.look_at::<Group>(&path)
                && let Some(body) = group.body()
            {
                keys.add_group(name.clone(), body);
            }
        }
        Ok(keys)
    }

    pub(super) fn add_member(&mut self, name: MemberName, body: &Member) {
        self.0
            .insert(HolderName::Member(name), (body.epoch, body.recipients.clone()));
    }

    pub(super) fn add_group(&mut self, name: GroupName, body: &Group) {
        self.0
            .insert(HolderName::Group(name), (body.epoch, vec![body.recipient.clone()]));
    }

    /// The epoch of a group, if there is one.
    pub(super) fn epoch_of(&self, group: &GroupName) -> Option<u64> {
        self.0.get(&HolderName::Group(group.clone())).map(|(epoch, _)| *epoch)
    }

    /// Compares the stanzas of a payload with the keys of its holders. Returns those whose epoch there is over. Of a group's earlier key a stanza
    /// can still be counted; how many keys a member had is not known any more.
    pub(super) fn check(&self, sealed_to: &SealedTo, payload: &str) -> Result<Over, FileProblem> {
        let mut over = Over::new();
        let mut expected: Vec<(&Holder, &Recipient)> = Vec::new();
        for holder in sealed_to.holders() {
            let Some((epoch, keys)) = self.0.get(&holder.name) else {
                return Err(FileProblem::Contradiction(nobodys(holder)));
            };
            match holder.epoch.cmp(epoch) {
                Ordering::Equal => expected.extend(keys.iter().map(|key| (holder, key))),
                Ordering::Less => {
                    over.push((holder.clone(), *epoch));
                    expected.extend(keys.iter().map(|key| (holder, key)));
                }
                Ordering::Greater => {
                    let problem = format!("sealed to {holder}, whose keys are only at epoch {epoch}");
                    return Err(FileProblem::Contradiction(problem));
                }
            }
        }
        if !over
            .iter()
            .any(|(holder, _)| matches!(holder.name, HolderName::Member(_)))
        {
            check_stanzas(payload, &expected)?;
        }
        Ok(over)
    }
}

/// What a merge leaves of a change that had not seen a removal, and how it is taken out.
fn nobodys(holder: &Holder) -> String {
    let out = match &holder.name {
        HolderName::Member(name) => {
            format!("'group revoke GROUP {name}' takes a grant back, 'scope NAME --drop {name}'")
        }
        HolderName::Group(name) => format!("'scope NAME --drop @{name}'"),
    };
    format!("sealed to {holder}, whose keys are not in this vault; {out} takes it out of a scope")
}
