//! A group: the public key of its current epoch, and the private keys of all its epochs, sealed (SPEC.md, section 10).

use serde::Deserialize;

use super::{check_epoch, check_holders, living, required};
use crate::{
    digest::VaultId,
    document::{Fields, Head, HeaderWriter, Kind, SignatureFields, from_toml},
    error::FormatError,
    name::GroupName,
    path::FilePath,
    seal::Recipient,
    sealed_to::{HolderName, SealedTo},
};

/// A group's current key.
#[derive(Clone, PartialEq)]
pub struct Group {
    /// Rises with every removal of a member; a key pair each.
    pub epoch: u64,
    /// The public key of the current epoch.
    pub recipient: Recipient,
    /// The group itself at its current epoch, and the keepers.
    pub sealed_to: SealedTo,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct GroupFields {
    #[serde(rename = "format")]
    _format: u64,
    #[serde(rename = "kind")]
    _kind: String,
    vault: VaultId,
    name: GroupName,
    serial: u64,
    removed: Option<bool>,
    epoch: Option<u64>,
    recipient: Option<Recipient>,
    sealed_to: Option<SealedTo>,
    payload: Option<String>,
    #[serde(default)]
    signature: Vec<SignatureFields>,
}

impl Kind for Group {
    const NAME: &'static str = "group";
    const NAMESPACE: &'static str = "fleetvault-group-v1";
    const SEALED: bool = true;
    type Subject = GroupName;

    fn read(text: &str) -> Result<Fields<Self>, FormatError> {
        let f: GroupFields = from_toml(text)?;
        let any = f.epoch.is_some() || f.recipient.is_some() || f.sealed_to.is_some();
        let body = living(f.removed, any, || {
            Ok(Self {
                epoch: required("epoch", f.epoch)?,
                recipient: required("recipient", f.recipient)?,
                sealed_to: required("sealed_to", f.sealed_to)?,
            })
        })?;
        Ok(Fields {
            head: Head {
                vault: Some(f.vault),
                subject: f.name,
                serial: f.serial,
                body,
            },
            payload: f.payload,
            signatures: f.signature,
        })
    }

    fn write_subject(subject: &GroupName, out: &mut HeaderWriter) {
        out.0.string("name", subject);
    }

    fn write_body(&self, out: &mut HeaderWriter) {
        out.0.number("epoch", self.epoch);
        out.0.string("recipient", &self.recipient);
        out.0.list("sealed_to", self.sealed_to.holders());
    }

    fn check(head: &Head<Self>) -> Result<(), String> {
        let Some(body) = &head.body else {
            return match head.subject.is_reserved() {
                true => Err("the groups 'all' and 'keepers' cannot be removed".into()),
                false => Ok(()),
            };
        };
        check_epoch(body.epoch)?;
        if !body.recipient.is_native() {
            return Err("the recipient of a group must be an age key, age1…".into());
        }
        let itself = HolderName::Group(head.subject.clone());
        if body
            .sealed_to
            .find(&itself)
            .is_some_and(|(_, epoch)| epoch != body.epoch)
        {
            return Err("sealed_to must name the group at its own epoch".into());
        }
        let holders = [itself, HolderName::Group(GroupName::keepers())].into();
        check_holders(&holders, &body.sealed_to)
    }

    fn path(head: &Head<Self>) -> FilePath {
        FilePath::Group(head.subject.clone())
    }

    fn sealed_to(&self) -> Option<&SealedTo> {
        Some(&self.sealed_to)
    }
}
