//! A small vault in memory: what is drafted is read back byte for byte, verified and opened; every flipped byte is refused or reads the same.

use vault_format::{
    AuthorKey, Authority, Credential, Draft, Encryption, FilePath, FormatError, Head, Holder, HolderName, Identity,
    Kind, Network, OpenError, Parsed, Root, Scope, SealedTo, Secret, SigningKey, Timestamp, Verified, VerifyError,
    check_stanzas,
};

struct Vault {
    key: SigningKey,
    authority: Authority,
    root: Parsed<Root>,
    dev: Identity,
    keepers: Identity,
}

fn sign<K: Kind>(draft: Draft<K>, author: &str, key: &SigningKey) -> Parsed<K> {
    let signature = key.sign(K::NAMESPACE, draft.signed_bytes()).unwrap();
    draft.signed_by(author.parse().unwrap(), signature).finish().unwrap()
}

fn vault() -> Vault {
    let key = SigningKey::generate().unwrap();
    let root = Root {
        nonce: Some("0123456789abcdef0123456789abcdef".into()),
        previous: None,
        threshold: 1,
        keepers: 2,
        encryption: Encryption::Classical,
        authors: vec![AuthorKey {
            author: "alice".parse().unwrap(),
            key: key.signer().unwrap(),
        }],
    };
    let head = Head {
        vault: None,
        subject: (),
        serial: 1,
        body: Some(root),
    };
    let root = sign(Draft::plain(head).unwrap(), "alice", &key);
    Vault {
        authority: Authority::first(&root).unwrap(),
        root,
        key,
        dev: Identity::generate(),
        keepers: Identity::generate(),
    }
}

fn holders() -> Vec<Holder> {
    ["@keepers#1", "fleet-dev#1"]
        .iter()
        .map(|text| text.parse().unwrap())
        .collect()
}

fn credential(vault: &Vault) -> Head<Credential> {
    Head {
        vault: Some(vault.authority.vault()),
        subject: "prod/github_pat".parse().unwrap(),
        serial: 4,
        body: Some(Credential {
            scope: Scope::from_entries(["fleet-dev"]).unwrap(),
            sealed_to: SealedTo::new(holders()).unwrap(),
            network: Network::Allow,
            expires: Timestamp::from_unix(1_800_000_000),
            value_set: Timestamp::from_unix(1_764_000_000).unwrap(),
            note: Some(r#"a "note" with \ in it"#.into()),
        }),
    }
}

fn sealed(vault: &Vault, value: &[u8]) -> Parsed<Credential> {
    let recipients = [vault.keepers.recipient().clone(), vault.dev.recipient().clone()];
    let draft = Draft::sealed(credential(vault), &Secret::new(value.to_vec()), &recipients).unwrap();
    sign(draft, "alice", &vault.key)
}

fn path() -> FilePath {
    FilePath::parse("credentials/prod/github_pat.toml").unwrap()
}

fn read(vault: &Vault, bytes: &[u8]) -> Result<Verified<Credential>, String> {
    let parsed = Parsed::parse(bytes, &path()).map_err(|error| error.to_string())?;
    vault.authority.verify(parsed).map_err(|error| error.to_string())
}

#[test]
fn what_is_drafted_is_read_back_and_opens() {
    let vault = vault();
    let file = sealed(&vault, b"s3cret");
    let verified = read(&vault, file.as_bytes()).unwrap();
    assert_eq!(verified.document().as_bytes(), file.as_bytes());
    for (identity, position) in [(&vault.dev, Some(1)), (&vault.keepers, Some(0)), (&vault.dev, None)] {
        let opened = verified.open(std::slice::from_ref(identity), position).unwrap();
        assert_eq!(opened.value().expose(), b"s3cret");
    }
    let nobody = verified.open(&[Identity::generate()], None).err();
    assert_eq!(nobody, Some(OpenError::NoKey));
    let holders = holders();
    let keys = [
        (&holders[0], vault.keepers.recipient()),
        (&holders[1], vault.dev.recipient()),
    ];
    check_stanzas(verified.document().payload().unwrap(), &keys).unwrap();
    assert!(check_stanzas(verified.document().payload().unwrap(), &keys[..1]).is_err());
}

#[test]
fn every_flipped_byte_is_refused() {
    let vault = vault();
    let file = sealed(&vault, b"s3cret");
    for bytes in [file.as_bytes(), vault.root.as_bytes()] {
        for at in 0..bytes.len() {
            for mask in [0x01, 0x20, 0x80] {
                let mut flipped = bytes.to_vec();
                flipped[at] ^= mask;
                let refused = if bytes == file.as_bytes() {
                    read(&vault, &flipped).is_err()
                } else {
                    let parsed = Parsed::<Root>::parse(&flipped, &FilePath::Root(1));
                    parsed
                        .map_err(|e| e.to_string())
                        .and_then(|root| Authority::first(&root).map_err(|e| e.to_string()))
                        .is_err()
                };
                assert!(
                    refused,
                    "byte {at} of {} flipped by {mask:#x} was accepted",
                    bytes.len()
                );
            }
        }
    }
}

#[test]
fn a_payload_under_another_header_does_not_open() {
    let vault = vault();
    let donor = sealed(&vault, b"s3cret");
    let mut head = credential(&vault);
    head.serial = 5;
    let draft = Draft::with_payload(head, donor.payload().map(String::from)).unwrap();
    let verified = vault.authority.verify(sign(draft, "alice", &vault.key)).unwrap();
    assert_eq!(
        verified.open(std::slice::from_ref(&vault.dev), None).err(),
        Some(OpenError::OtherHeader)
    );
}

#[test]
fn signatures_of_others_do_not_count() {
    let vault = vault();
    let mallory = SigningKey::generate().unwrap();
    let draft = Draft::<Credential>::plain(Head {
        body: None,
        ..credential(&vault)
    })
    .unwrap();
    let other = sign(draft.clone(), "alice", &mallory);
    assert!(matches!(
        vault.authority.verify(other).err(),
        Some(VerifyError::OtherKey { .. })
    ));
    let unknown = sign(draft.clone(), "mallory", &mallory);
    assert!(matches!(
        vault.authority.verify(unknown).err(),
        Some(VerifyError::NotAnAuthor(_))
    ));
    let both = draft.clone();
    let signature = |key: &SigningKey| key.sign(Credential::NAMESPACE, both.signed_bytes()).unwrap();
    let both = both
        .clone()
        .signed_by("alice".parse().unwrap(), signature(&vault.key))
        .signed_by("mallory".parse().unwrap(), signature(&mallory));
    assert!(vault.authority.verify(both.finish().unwrap()).is_err());
    assert_eq!(
        vault.authority.verify(draft.clone().finish().unwrap()).err(),
        Some(VerifyError::Unsigned)
    );
    let namespace = vault.key.sign("fleetvault-member-v1", draft.signed_bytes()).unwrap();
    let wrong = draft.signed_by("alice".parse().unwrap(), namespace).finish().unwrap();
    assert!(matches!(
        vault.authority.verify(wrong).err(),
        Some(VerifyError::Broken(_))
    ));
}

#[test]
fn sealed_to_must_be_the_scope() {
    let vault = vault();
    let mut head = credential(&vault);
    if let Some(body) = &mut head.body {
        body.sealed_to = SealedTo::new(vec![Holder {
            name: HolderName::Member("fleet-rev".parse().unwrap()),
            epoch: 1,
        }])
        .unwrap();
    }
    let refused = Draft::with_payload(head, None).err();
    assert!(
        matches!(refused, Some(FormatError::Contradiction(text)) if text.contains("sealed_to must name @keepers, fleet-dev"))
    );
}

#[test]
fn a_chain_of_roots_is_walked() {
    let vault = vault();
    let bob = SigningKey::generate().unwrap();
    let mut body = vault.root.head().body.clone().unwrap();
    body.nonce = None;
    body.previous = Some(vault.authority.digest());
    body.authors.push(AuthorKey {
        author: "bob".parse().unwrap(),
        key: bob.signer().unwrap(),
    });
    body.threshold = 2;
    let head = Head {
        vault: Some(vault.authority.vault()),
        subject: (),
        serial: 2,
        body: Some(body),
    };
    let draft = Draft::plain(head.clone()).unwrap();
    assert!(vault.authority.succeed(&sign(draft.clone(), "bob", &bob)).is_err());
    let second = vault.authority.succeed(&sign(draft, "alice", &vault.key)).unwrap();
    assert_eq!((second.serial(), second.vault()), (2, vault.authority.vault()));
    let mut third = head;
    third.serial = 3;
    if let Some(body) = &mut third.body {
        body.previous = Some(second.digest());
    }
    let draft = Draft::plain(third).unwrap();
    let one = sign(draft.clone(), "alice", &vault.key);
    assert_eq!(
        second.succeed(&one).err(),
        Some(VerifyError::BelowThreshold { needed: 2, found: 1 })
    );
    let bobs = bob.sign(Root::NAMESPACE, draft.signed_bytes()).unwrap();
    let alices = vault.key.sign(Root::NAMESPACE, draft.signed_bytes()).unwrap();
    let both = draft
        .signed_by("bob".parse().unwrap(), bobs)
        .signed_by("alice".parse().unwrap(), alices);
    assert_eq!(second.succeed(&both.finish().unwrap()).unwrap().serial(), 3);
}
