//! A credential: who may use a value, how, until when, and the value itself, sealed (SPEC.md, section 8).

use std::{fmt, str::FromStr};

use serde::Deserialize;

use super::{check_holders, check_note, living, required};
use crate::{
    digest::VaultId,
    document::{Fields, Head, HeaderWriter, Kind, SignatureFields, from_toml},
    error::FormatError,
    name::CredentialName,
    path::FilePath,
    scope::Scope,
    sealed_to::SealedTo,
    time::Timestamp,
};

/// What a credential says beside its value.
#[derive(Clone, PartialEq)]
pub struct Credential {
    /// Who may use it.
    pub scope: Scope,
    /// Whose keys open it: the scope's and the keepers'.
    pub sealed_to: SealedTo,
    /// Whether a command that uses it may reach the network.
    pub network: Network,
    /// From when on it is refused.
    pub expires: Option<Timestamp>,
    /// When the value itself last changed; a change of scope leaves it.
    pub value_set: Timestamp,
    /// A line for people.
    pub note: Option<String>,
}

/// Whether a command that uses a credential may reach the network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Network {
    /// It may.
    #[default]
    Allow,
    /// A person is asked first.
    Confirm,
    /// It may not.
    Deny,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CredentialFields {
    #[serde(rename = "format")]
    _format: u64,
    #[serde(rename = "kind")]
    _kind: String,
    vault: VaultId,
    name: CredentialName,
    serial: u64,
    removed: Option<bool>,
    members: Option<Scope>,
    sealed_to: Option<SealedTo>,
    network: Option<Network>,
    expires: Option<Timestamp>,
    value_set: Option<Timestamp>,
    note: Option<String>,
    payload: Option<String>,
    #[serde(default)]
    signature: Vec<SignatureFields>,
}

impl Kind for Credential {
    const NAME: &'static str = "credential";
    const NAMESPACE: &'static str = "fleetvault-credential-v1";
    const SEALED: bool = true;
    type Subject = CredentialName;

    fn read(text: &str) -> Result<Fields<Self>, FormatError> {
        let f: CredentialFields = from_toml(text)?;
        let any = f.members.is_some()
            || f.sealed_to.is_some()
            || f.network.is_some()
            || f.expires.is_some()
            || f.value_set.is_some()
            || f.note.is_some();
        let body = living(f.removed, any, || {
            Ok(Self {
                scope: required("members", f.members)?,
                sealed_to: required("sealed_to", f.sealed_to)?,
                network: required("network", f.network)?,
                expires: f.expires,
                value_set: required("value_set", f.value_set)?,
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

    fn write_subject(subject: &CredentialName, out: &mut HeaderWriter) {
        out.0.string("name", subject);
    }

    fn write_body(&self, out: &mut HeaderWriter) {
        out.0.list("members", self.scope.entries());
        out.0.list("sealed_to", self.sealed_to.holders());
        out.0.string("network", self.network);
        if let Some(expires) = self.expires {
            out.0.time("expires", expires);
        }
        out.0.time("value_set", self.value_set);
        if let Some(note) = &self.note {
            out.0.string("note", note);
        }
    }

    fn check(head: &Head<Self>) -> Result<(), String> {
        let Some(body) = &head.body else { return Ok(()) };
        if let Some(note) = &body.note {
            check_note(note)?;
        }
        body.scope.check().map_err(|error| error.to_string())?;
        check_holders(&body.scope.holders(), &body.sealed_to)
    }

    fn path(head: &Head<Self>) -> FilePath {
        FilePath::Credential(head.subject.clone())
    }

    fn sealed_to(&self) -> Option<&SealedTo> {
        Some(&self.sealed_to)
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Allow => "allow",
            Self::Confirm => "confirm",
            Self::Deny => "deny",
        })
    }
}

impl FromStr for Network {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "allow" => Ok(Self::Allow),
            "confirm" => Ok(Self::Confirm),
            "deny" => Ok(Self::Deny),
            _ => Err("network must be allow, confirm or deny"),
        }
    }
}

crate::parse::deserialize_from_str!(Network);
