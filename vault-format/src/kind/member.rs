//! A member: the public keys of a person, a machine or an agent (SPEC.md, section 9).

use serde::Deserialize;

use super::{check_epoch, check_note, living, required};
use crate::{
    digest::VaultId,
    document::{Fields, Head, HeaderWriter, Kind, SignatureFields, from_toml},
    error::FormatError,
    name::MemberName,
    path::FilePath,
    seal::Recipient,
    sealed_to::SealedTo,
};

/// The keys of one member.
#[derive(Clone, PartialEq)]
pub struct Member {
    /// Rises when the keys change.
    pub epoch: u64,
    /// The member's public keys, sorted; any one of the private halves opens what is sealed to the member.
    pub recipients: Vec<Recipient>,
    /// A line for people.
    pub note: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MemberFields {
    #[serde(rename = "format")]
    _format: u64,
    #[serde(rename = "kind")]
    _kind: String,
    vault: VaultId,
    name: MemberName,
    serial: u64,
    removed: Option<bool>,
    epoch: Option<u64>,
    recipients: Option<Vec<Recipient>>,
    note: Option<String>,
    payload: Option<String>,
    #[serde(default)]
    signature: Vec<SignatureFields>,
}

impl Kind for Member {
    const NAME: &'static str = "member";
    const NAMESPACE: &'static str = "fleetvault-member-v1";
    const SEALED: bool = false;
    type Subject = MemberName;

    fn read(text: &str) -> Result<Fields<Self>, FormatError> {
        let f: MemberFields = from_toml(text)?;
        let any = f.epoch.is_some() || f.recipients.is_some() || f.note.is_some();
        let body = living(f.removed, any, || {
            Ok(Self {
                epoch: required("epoch", f.epoch)?,
                recipients: required("recipients", f.recipients)?,
                note: f.note,
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

    fn write_subject(subject: &MemberName, out: &mut HeaderWriter) {
        out.0.string("name", subject);
    }

    fn write_body(&self, out: &mut HeaderWriter) {
        out.0.number("epoch", self.epoch);
        out.0.list("recipients", &self.recipients);
        if let Some(note) = &self.note {
            out.0.string("note", note);
        }
    }

    fn check(head: &Head<Self>) -> Result<(), String> {
        let Some(body) = &head.body else { return Ok(()) };
        check_epoch(body.epoch)?;
        if body.recipients.is_empty() {
            return Err("a member needs at least one recipient".into());
        }
        if !body
            .recipients
            .windows(2)
            .all(|pair| pair[0].as_str() < pair[1].as_str())
        {
            return Err("recipients must be sorted, each once".into());
        }
        body.note.as_deref().map_or(Ok(()), check_note)
    }

    fn path(head: &Head<Self>) -> FilePath {
        FilePath::Member(head.subject.clone())
    }

    fn sealed_to(&self) -> Option<&SealedTo> {
        None
    }
}
