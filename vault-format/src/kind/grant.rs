//! A grant: the private key of a group's epoch, sealed to one member (SPEC.md, section 11).

use serde::Deserialize;

use super::{check_epoch, check_holders, living, required};
use crate::{
    digest::VaultId,
    document::{Fields, Head, HeaderWriter, Kind, SignatureFields, from_toml},
    error::FormatError,
    name::{GroupName, MemberName},
    path::FilePath,
    sealed_to::{Holder, HolderName, SealedTo},
};

/// Which epoch's key a member was given.
#[derive(Clone, PartialEq)]
pub struct Grant {
    /// The epoch of the group whose private key is in the payload.
    pub epoch: u64,
    /// The member, at the epoch of its own keys.
    pub sealed_to: SealedTo,
}

/// The pair of names that a grant is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct GrantSubject {
    /// The group whose key is given.
    pub group: GroupName,
    /// The member it is given to.
    pub member: MemberName,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct GrantFields {
    #[serde(rename = "format")]
    _format: u64,
    #[serde(rename = "kind")]
    _kind: String,
    vault: VaultId,
    group: GroupName,
    member: MemberName,
    serial: u64,
    removed: Option<bool>,
    epoch: Option<u64>,
    sealed_to: Option<SealedTo>,
    payload: Option<String>,
    #[serde(default)]
    signature: Vec<SignatureFields>,
}

impl Grant {
    /// The grant of a group's `epoch` to a member whose own keys are at `member_epoch`.
    pub fn to(member: &MemberName, member_epoch: u64, epoch: u64) -> Self {
        Self {
            epoch,
            sealed_to: SealedTo::one(Holder {
                name: HolderName::Member(member.clone()),
                epoch: member_epoch,
            }),
        }
    }
}

impl Kind for Grant {
    const NAME: &'static str = "grant";
    const NAMESPACE: &'static str = "fleetvault-grant-v1";
    const SEALED: bool = true;
    type Subject = GrantSubject;

    fn read(text: &str) -> Result<Fields<Self>, FormatError> {
        let f: GrantFields = from_toml(text)?;
        let any = f.epoch.is_some() || f.sealed_to.is_some();
        let body = living(f.removed, any, || {
            Ok(Self {
                epoch: required("epoch", f.epoch)?,
                sealed_to: required("sealed_to", f.sealed_to)?,
            })
        })?;
        Ok(Fields {
            head: Head {
                vault: Some(f.vault),
                subject: GrantSubject {
                    group: f.group,
                    member: f.member,
                },
                serial: f.serial,
                body,
            },
            payload: f.payload,
            signatures: f.signature,
        })
    }

    fn write_subject(subject: &GrantSubject, out: &mut HeaderWriter) {
        out.0.string("group", &subject.group);
        out.0.string("member", &subject.member);
    }

    fn write_body(&self, out: &mut HeaderWriter) {
        out.0.number("epoch", self.epoch);
        out.0.list("sealed_to", self.sealed_to.holders());
    }

    fn check(head: &Head<Self>) -> Result<(), String> {
        let Some(body) = &head.body else { return Ok(()) };
        check_epoch(body.epoch)?;
        let holders = [HolderName::Member(head.subject.member.clone())].into();
        check_holders(&holders, &body.sealed_to)
    }

    fn path(head: &Head<Self>) -> FilePath {
        FilePath::Grant(head.subject.group.clone(), head.subject.member.clone())
    }

    fn sealed_to(&self) -> Option<&SealedTo> {
        Some(&self.sealed_to)
    }
}
