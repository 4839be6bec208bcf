//! The first files of a vault: its first root, the first member, the groups `all` and `keepers`, and their grants.

use vault_format::{
    AuthorKey, AuthorName, Authority, Draft, Encryption, Entry, FilePath, Grant, GrantSubject, Group, GroupKeys,
    GroupName, Head, Holder, HolderName, Identity, Kind, Member, MemberName, Parsed, Plugins, Recipient, Root,
    SealedTo, Secret, VaultId,
};

use super::{error::AuthorError, reading::finish, signer::Signer};
use crate::vault::FileChange;

/// What a new vault begins with.
pub struct NewVault<'a> {
    /// The first author.
    pub author: AuthorName,
    /// The author's signing key.
    pub signer: &'a Signer,
    /// The first member, which is a keeper too: the author in the other role.
    pub member: MemberName,
    /// The member's public key.
    pub recipient: Recipient,
    /// A key kept offline, which becomes the member `recovery` and a keeper.
    pub recovery: Option<Recipient>,
    /// What starts plugins, where one of the two keys is theirs.
    pub plugins: Option<&'a dyn Plugins>,
}

/// The files of a new vault, and its id.
pub struct VaultFiles {
    /// The files, to be committed as one.
    pub files: Vec<FileChange>,
    /// The id that follows from the first root.
    pub vault: VaultId,
}

/// How many keepers a new vault asks for: one can be lost.
const KEEPERS: u64 = 2;

impl NewVault<'_> {
    /// Makes the files, with new keys for the groups.
    ///
    /// # Errors
    /// [`AuthorError::Signer`], [`AuthorError::Seal`], [`AuthorError::NoRandomness`], [`AuthorError::KeyTaken`].
    pub fn files(&self) -> Result<VaultFiles, AuthorError> {
        let root = self.sign(Draft::plain(self.root()?).map_err(|e| format_error("root", e))?)?;
        let authority = Authority::first(&root).map_err(|error| self.signer.refused(error))?;
        let vault = authority.vault();
        let mut files = vec![file(&root)];
        let mut members = vec![(self.member.clone(), self.recipient.clone())];
        if let Some(recovery) = &self.recovery {
            if recovery == &self.recipient {
                return Err(AuthorError::KeyTaken {
                    key: recovery.to_string(),
                    member: self.member.clone(),
                });
            }
            let name = "recovery"
                .parse()
                .map_err(|e| format_error("member", contradiction(e)))?;
            members.push((name, recovery.clone()));
        }
        for (name, recipient) in &members {
            files.push(self.member_file(&authority, name, recipient)?);
        }
        let (all, keepers) = (Identity::generate(), Identity::generate());
        for (group, key) in [(GroupName::all(), &all), (GroupName::keepers(), &keepers)] {
            files.push(self.group_file(&authority, &group, key, keepers.recipient())?);
            for (member, recipient) in &members {
                files.push(self.grant_file(&authority, &group, key, member, recipient)?);
            }
        }
        Ok(VaultFiles { files, vault })
    }

    fn root(&self) -> Result<Head<Root>, AuthorError> {
        let mut nonce = [0; 16];
        getrandom::fill(&mut nonce).map_err(|_| AuthorError::NoRandomness)?;
        let root = Root {
            nonce: Some(nonce.iter().map(|byte| format!("{byte:02x}")).collect()),
            previous: None,
            threshold: 1,
            keepers: KEEPERS,
            encryption: Encryption::Classical,
            authors: vec![AuthorKey {
                author: self.author.clone(),
                key: self.signer.key().clone(),
            }],
        };
        Ok(Head {
            vault: None,
            subject: (),
            serial: 1,
            body: Some(root),
        })
    }

    fn member_file(
        &self,
        authority: &Authority,
        name: &MemberName,
        recipient: &Recipient,
    ) -> Result<FileChange, AuthorError> {
        let body = Member {
            epoch: 1,
            recipients: vec![recipient.clone()],
            note: None,
        };
        let draft = Draft::plain(first(authority, name.clone(), body)).map_err(|e| format_error("member", e))?;
        self.checked(authority, draft)
    }

    fn group_file(
        &self,
        authority: &Authority,
        group: &GroupName,
        key: &Identity,
        keepers: &Recipient,
    ) -> Result<FileChange, AuthorError> {
        let holder = |group: &GroupName| Holder {
            name: HolderName::Group(group.clone()),
            epoch: 1,
        };
        // The keepers' own key is sealed to itself alone; `SealedTo` refuses a name twice.
        let both = SealedTo::new(vec![holder(group), holder(&GroupName::keepers())]);
        let mut recipients = vec![key.recipient().clone()];
        if both.is_some() {
            recipients.push(keepers.clone());
        }
        let body = Group {
            epoch: 1,
            recipient: key.recipient().clone(),
            sealed_to: both.unwrap_or_else(|| SealedTo::one(holder(group))),
        };
        let keys = GroupKeys::default().with(1, key.clone()).to_secret();
        self.sealed(authority, first(authority, group.clone(), body), &keys, &recipients)
    }

    fn grant_file(
        &self,
        authority: &Authority,
        group: &GroupName,
        key: &Identity,
        member: &MemberName,
        recipient: &Recipient,
    ) -> Result<FileChange, AuthorError> {
        let subject = GrantSubject {
            group: group.clone(),
            member: member.clone(),
        };
        let line = key
            .expose_line()
            .ok_or_else(|| AuthorError::CannotGrant(group.clone()))?;
        self.sealed(
            authority,
            first(authority, subject, Grant::to(member, 1, 1)),
            &line,
            std::slice::from_ref(recipient),
        )
    }

    fn sealed<K: Entry>(
        &self,
        authority: &Authority,
        head: Head<K>,
        value: &Secret,
        to: &[Recipient],
    ) -> Result<FileChange, AuthorError> {
        let what = K::path(&head).to_string();
        let draft =
            Draft::sealed_with(head, value, to, self.plugins).map_err(|error| AuthorError::Seal { what, error })?;
        self.checked(authority, draft)
    }

    /// Signs a file and checks the signature as every reader will.
    fn checked<K: Entry>(&self, authority: &Authority, draft: Draft<K>) -> Result<FileChange, AuthorError> {
        let verified = authority.verify(self.sign(draft)?);
        let verified = verified.map_err(|error| self.signer.refused(error))?;
        Ok(file(verified.document()))
    }

    fn sign<K: Kind>(&self, draft: Draft<K>) -> Result<Parsed<K>, AuthorError> {
        let signature = self.signer.sign(K::NAMESPACE, draft.signed_bytes())?;
        finish(draft.signed_by(self.author.clone(), signature))
    }
}

/// What git must be told about the files of a vault, added to what `existing` says already.
pub fn git_attributes(existing: &str) -> String {
    const HEADER: &str = "# Files of the vault are signed byte for byte: git must not convert them, and must not merge them line by line.\n";
    const ATTRIBUTES: &str = "-text -merge diff=fleetvault";
    let mut text = existing.to_owned();
    if text.contains(HEADER) {
        return text;
    }
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
    text.push_str(HEADER);
    text.push_str(&format!("/{} {ATTRIBUTES}\n", FilePath::Root(1)));
    for folder in vault_format::FOLDERS {
        text.push_str(&format!("/{folder}/** {ATTRIBUTES}\n"));
    }
    text
}

fn first<K: Kind>(authority: &Authority, subject: K::Subject, body: K) -> Head<K> {
    Head {
        vault: Some(authority.vault()),
        subject,
        serial: 1,
        body: Some(body),
    }
}

fn file<K: Kind>(parsed: &Parsed<K>) -> FileChange {
    FileChange {
        path: K::path(parsed.head()).to_string(),
        contents: parsed.as_bytes().to_vec(),
    }
}

fn format_error(what: &str, error: vault_format::FormatError) -> AuthorError {
    AuthorError::Format {
        what: what.into(),
        error,
    }
}

fn contradiction(error: vault_format::NameError) -> vault_format::FormatError {
    vault_format::FormatError::Contradiction(error.to_string())
}
