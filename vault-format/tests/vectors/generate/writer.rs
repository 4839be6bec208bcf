//! A second writer of the format, made from SPEC.md alone: it also writes what the first one refuses to.

use std::{
    fs,
    io::Write,
    path::Path,
    process::{Command, Stdio},
};

use base64::{Engine, prelude::BASE64_STANDARD};
use ed25519_dalek::Signer as _;
use sha2::{Digest, Sha256, Sha512};
use vault_format::Identity;

use crate::file::directory;

/// A key that signs, as an author's line names it.
#[derive(Clone)]
pub struct Signer {
    seed: [u8; 32],
    /// The application of a hardware key, and the flags it signs with.
    hardware: Option<(&'static str, u8)>,
    /// The private key as a file, where `ssh-keygen` made it.
    pub pem: Option<String>,
}

/// How a signature is made.
#[derive(Clone)]
pub enum Way {
    /// As everyone does.
    Plain,
    /// With the hash `sha256`.
    Sha256,
    /// Of SSHSIG version 2.
    VersionTwo,
    /// With bytes in the reserved field.
    Reserved,
    /// By the real `ssh-keygen -Y sign`.
    Keygen,
}

/// The private half of a key of the vectors, which everybody can know.
fn seed(name: &str) -> [u8; 32] {
    Sha256::digest(format!("fleetvault vectors: {name}")).into()
}

fn string(bytes: &[u8]) -> Vec<u8> {
    [&u32::try_from(bytes.len()).unwrap().to_be_bytes()[..], bytes].concat()
}

impl Signer {
    /// The key of this name.
    pub fn of(name: &str) -> Self {
        Self {
            seed: seed(name),
            hardware: None,
            pem: None,
        }
    }

    /// A hardware key in software.
    pub fn hardware(name: &str, flags: u8) -> Self {
        Self {
            hardware: Some(("ssh:", flags)),
            ..Self::of(name)
        }
    }

    /// The same key, saying that it was not touched.
    pub fn untouched(&self) -> Self {
        Self {
            hardware: Some(("ssh:", 0)),
            ..self.clone()
        }
    }

    /// The key in `vectors/keys/`, made by `ssh-keygen` when there was none.
    pub fn keygen(name: &str) -> Self {
        let kept = directory().join(format!("keys/{name}.key"));
        if !kept.exists() {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("key");
            let mut command = Command::new("ssh-keygen");
            command.args([
                "-q",
                "-t",
                "ed25519",
                "-N",
                "",
                "-C",
                "throw-away key of the vectors",
                "-f",
            ]);
            assert!(command.arg(&path).status().unwrap().success());
            fs::create_dir_all(kept.parent().unwrap()).unwrap();
            fs::copy(path, &kept).unwrap();
        }
        let pem = fs::read_to_string(kept).unwrap();
        let key = ssh_key::PrivateKey::from_openssh(&pem).unwrap();
        Self {
            seed: key.key_data().ed25519().unwrap().private.to_bytes(),
            hardware: None,
            pem: Some(pem),
        }
    }

    fn key(&self) -> ed25519_dalek::SigningKey {
        ed25519_dalek::SigningKey::from_bytes(&self.seed)
    }

    fn algorithm(&self) -> &'static str {
        self.hardware.map_or("ssh-ed25519", |_| "sk-ssh-ed25519@openssh.com")
    }

    fn blob(&self) -> Vec<u8> {
        let public = self.key().verifying_key().to_bytes();
        let application = self
            .hardware
            .map_or(Vec::new(), |(application, _)| string(application.as_bytes()));
        [string(self.algorithm().as_bytes()), string(&public), application].concat()
    }

    /// The public key as an author's line has it.
    pub fn public(&self) -> String {
        format!("{} {}", self.algorithm(), BASE64_STANDARD.encode(self.blob()))
    }

    /// An armored SSHSIG over `message`.
    pub fn sign(&self, namespace: &str, message: &[u8], way: &Way) -> String {
        if let Way::Keygen = way {
            return self.sign_with_keygen(namespace, message);
        }
        let (hash, digest) = match way {
            Way::Sha256 => ("sha256", Sha256::digest(message).to_vec()),
            _ => ("sha512", Sha512::digest(message).to_vec()),
        };
        let reserved: &[u8] = if let Way::Reserved = way { b"x" } else { b"" };
        let version: u32 = if let Way::VersionTwo = way { 2 } else { 1 };
        let fields = [string(namespace.as_bytes()), string(reserved), string(hash.as_bytes())].concat();
        let signed = [b"SSHSIG", &fields[..], &string(&digest)].concat();
        let signature = match self.hardware {
            None => [string(b"ssh-ed25519"), string(&self.key().sign(&signed).to_bytes())].concat(),
            Some((application, flags)) => {
                let tail = [flags, 0, 0, 0, 7];
                let over = [&Sha256::digest(application)[..], &tail, &Sha256::digest(&signed)].concat();
                let signature = self.key().sign(&over).to_bytes();
                [string(self.algorithm().as_bytes()), string(&signature), tail.to_vec()].concat()
            }
        };
        let blob = [
            b"SSHSIG",
            &version.to_be_bytes()[..],
            &string(&self.blob()),
            &fields,
            &string(&signature),
        ]
        .concat();
        armor("SSH SIGNATURE", &blob, 70)
    }

    fn sign_with_keygen(&self, namespace: &str, message: &[u8]) -> String {
        let folder = tempfile::tempdir().unwrap();
        let key = folder.path().join("key");
        write_private(&key, self.pem.as_deref().unwrap());
        let arguments = ["-Y", "sign", "-q", "-n", namespace, "-f"];
        let mut command = Command::new("ssh-keygen");
        pipe(command.args(arguments).arg(&key), message)
    }
}

pub fn write_private(path: &Path, pem: &str) {
    fs::write(path, pem).unwrap();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
    }
}

fn pipe(command: &mut Command, input: &[u8]) -> String {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    String::from_utf8(output.stdout).unwrap()
}

/// Armor of either kind, in lines of so many columns.
pub fn armor(label: &str, bytes: &[u8], columns: usize) -> String {
    let text = BASE64_STANDARD.encode(bytes);
    let lines = text
        .as_bytes()
        .chunks(columns)
        .map(|line| format!("{}\n", std::str::from_utf8(line).unwrap()));
    format!(
        "-----BEGIN {label}-----\n{}-----END {label}-----\n",
        lines.collect::<String>()
    )
}

/// What a payload is made with.
#[derive(Clone)]
pub enum Sealer {
    /// The age crate.
    Crate,
    /// The real `age`.
    Binary,
    /// The age crate, with a stanza of this type behind the others.
    More(&'static str),
}

/// A stanza that is nobody's, of a type of its own.
struct Foreign(&'static str);

impl age::Recipient for Foreign {
    fn wrap_file_key(
        &self,
        _: &age_core::format::FileKey,
    ) -> Result<(Vec<age_core::format::Stanza>, std::collections::HashSet<String>), age::EncryptError> {
        let stanza = age_core::format::Stanza {
            tag: self.0.into(),
            args: vec![],
            body: vec![7; 20],
        };
        Ok((vec![stanza], std::collections::HashSet::new()))
    }
}

/// Seals `plaintext` to `recipients`, in their order.
pub fn seal(plaintext: &[u8], recipients: &[String], sealer: &Sealer) -> String {
    if let Sealer::Binary = sealer {
        let arguments = recipients.iter().flat_map(|recipient| ["-r", recipient.as_str()]);
        return pipe(Command::new("age").arg("-a").args(arguments), plaintext);
    }
    let mut boxed: Vec<Box<dyn age::Recipient>> = Vec::new();
    for text in recipients {
        boxed.push(match text.parse::<age::x25519::Recipient>() {
            Ok(key) => Box::new(key),
            Err(_) => Box::new(text.parse::<age::ssh::Recipient>().unwrap()),
        });
    }
    if let Sealer::More(kind) = sealer {
        boxed.push(Box::new(Foreign(kind)));
    }
    let encryptor = age::Encryptor::with_recipients(boxed.iter().map(|recipient| &**recipient)).unwrap();
    let mut sealed = Vec::new();
    let mut writer = encryptor.wrap_output(&mut sealed).unwrap();
    writer.write_all(plaintext).unwrap();
    writer.finish().unwrap();
    armor("AGE ENCRYPTED FILE", &sealed, 64)
}

/// A document, with everything that can be done wrong about it.
#[derive(Clone)]
pub struct Doc {
    pub path: String,
    pub kind: &'static str,
    pub header: String,
    /// The plaintext, with `{digest}` for the digest of the header.
    pub plaintext: Option<Vec<u8>>,
    pub recipients: Vec<String>,
    pub sealer: Sealer,
    pub namespace: String,
    pub signers: Vec<(&'static str, Signer)>,
    pub way: Way,
    pub signed_edits: Vec<(String, String)>,
    pub whole_edits: Vec<(String, String)>,
}

impl Doc {
    pub fn new(path: &str, kind: &'static str, header: &str, alice: &Signer) -> Self {
        Self {
            path: path.into(),
            kind,
            header: format!("format = 1\nkind = \"{kind}\"\n{header}"),
            plaintext: None,
            recipients: Vec::new(),
            sealer: Sealer::Crate,
            namespace: format!("fleetvault-{kind}-v1"),
            signers: vec![("alice", alice.clone())],
            way: Way::Plain,
            signed_edits: Vec::new(),
            whole_edits: Vec::new(),
        }
    }

    /// Seals `value` as text.
    pub fn text(self, value: &str, recipients: &[&str]) -> Self {
        self.plain(
            &format!("header = \"{{digest}}\"\ntext = '''\n{value}'''\n"),
            recipients,
        )
    }

    /// Seals a plaintext of any form.
    pub fn plain(mut self, plaintext: &str, recipients: &[&str]) -> Self {
        self.plaintext = Some(plaintext.into());
        self.recipients = recipients.iter().map(ToString::to_string).collect();
        self
    }

    /// Changes the header before anything is sealed or signed.
    pub fn header(mut self, from: &str, to: &str) -> Self {
        self.header = replaced(&self.header, from, to);
        self
    }

    /// Changes the signed bytes before they are signed.
    pub fn signed(mut self, from: &str, to: &str) -> Self {
        self.signed_edits.push((from.into(), to.into()));
        self
    }

    /// Changes the finished file.
    pub fn whole(mut self, from: &str, to: &str) -> Self {
        self.whole_edits.push((from.into(), to.into()));
        self
    }

    pub fn by(mut self, signers: &[(&'static str, &Signer)]) -> Self {
        self.signers = signers.iter().map(|(name, key)| (*name, (*key).clone())).collect();
        self
    }

    pub fn at(mut self, path: &str) -> Self {
        self.path = path.into();
        self
    }

    /// The file.
    pub fn to_bytes(&self) -> Vec<u8> {
        let signed = self.signed_text();
        let mut text = signed.clone();
        for (index, (author, key)) in self.signers.iter().enumerate() {
            let signature = key.sign(&self.namespace, signed.as_bytes(), &self.way);
            let blank = if index > 0 { "\n" } else { "" };
            text += &format!("{blank}[[signature]]\nauthor = \"{author}\"\nvalue = \"\"\"\n{signature}\"\"\"\n");
        }
        for (from, to) in &self.whole_edits {
            text = replaced(&text, from, to);
        }
        text.into_bytes()
    }

    fn signed_text(&self) -> String {
        let mut text = format!("{}\n", self.header);
        if let Some(plaintext) = &self.plaintext {
            let digest: String = Sha256::digest(&text).iter().map(|byte| format!("{byte:02x}")).collect();
            let plaintext = String::from_utf8(plaintext.clone()).unwrap();
            let plaintext = plaintext.replace("{digest}", &format!("sha256:{digest}"));
            let payload = seal(plaintext.as_bytes(), &self.recipients, &self.sealer);
            text += &format!("payload = \"\"\"\n{payload}\"\"\"\n\n");
        }
        for (from, to) in &self.signed_edits {
            text = replaced(&text, from, to);
        }
        text
    }
}

fn replaced(text: &str, from: &str, to: &str) -> String {
    assert!(text.contains(from), "{from:?} is not in\n{text}");
    text.replacen(from, to, 1)
}

/// An age key: private line and recipient.
pub struct AgeKey {
    pub line: String,
    pub public: String,
}

impl AgeKey {
    /// The key of this name.
    pub fn of(name: &str) -> Self {
        let prefix = bech32::Hrp::parse("AGE-SECRET-KEY-").unwrap();
        let line = bech32::encode_upper::<bech32::Bech32>(prefix, &seed(name)).unwrap();
        let public = Identity::from_line(&line).unwrap().recipient().to_string();
        Self { line, public }
    }
}
