//! Properties of the format: what is written is read back, what is read is written back, and nothing stops the process.

use std::{cell::LazyCell, collections::BTreeSet};

use base64::{Engine, prelude::BASE64_STANDARD};
use proptest::{collection::vec, option, prelude::*, sample::subsequence};
use vault_format::{
    AuthorKey, Authority, Credential, CredentialName, Digest, Draft, Encryption, Entry, FilePath, Grant, GrantSubject,
    Group, GroupKeys, GroupName, Head, Holder, HolderName, Identity, IdentityFile, Kind, Member, MemberName, Network,
    Parsed, Recipient, Root, Scope, SealedTo, Secret, SigningKey, Timestamp, VaultId, check_stanzas, stanzas,
};

/// An author, a root that names it, and a few keys: made once for each thread.
struct World {
    key: SigningKey,
    authority: Authority,
    root: Parsed<Root>,
    dev: Identity,
    recipients: Vec<Recipient>,
}

thread_local! {
    static WORLD: LazyCell<World> = const { LazyCell::new(World::new) };
}

fn with_world<T>(work: impl FnOnce(&World) -> T) -> T {
    WORLD.with(|world| work(world))
}

impl World {
    fn new() -> Self {
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
        let root = sign(Draft::plain(head).unwrap(), &key);
        let mut recipients: Vec<Recipient> = (0..4).map(|_| Identity::generate().recipient().clone()).collect();
        recipients.sort_by(|a, b| a.as_str().cmp(b.as_str()));
        Self {
            authority: Authority::first(&root).unwrap(),
            key,
            root,
            dev: Identity::generate(),
            recipients,
        }
    }

    /// A credential that opens for `dev`.
    fn credential(&self) -> Parsed<Credential> {
        let head = Head {
            vault: Some(self.authority.vault()),
            subject: "prod/github_pat".parse().unwrap(),
            serial: 4,
            body: Some(Credential {
                scope: Scope::from_entries(["dev"]).unwrap(),
                sealed_to: sealed_to([("@keepers", 1), ("dev", 1)]),
                network: Network::Deny,
                expires: Timestamp::from_unix(1_800_000_000),
                value_set: Timestamp::from_unix(1_700_000_000).unwrap(),
                note: Some("a \"note\"".into()),
            }),
        };
        let to = [self.recipients[0].clone(), self.dev.recipient().clone()];
        sign(
            Draft::sealed(head, &Secret::new(b"s3cret".to_vec()), &to).unwrap(),
            &self.key,
        )
    }
}

fn sign<K: Kind>(draft: Draft<K>, key: &SigningKey) -> Parsed<K> {
    let signature = key.sign(K::NAMESPACE, draft.signed_bytes()).unwrap();
    draft.signed_by("alice".parse().unwrap(), signature).finish().unwrap()
}

fn sealed_to<'a>(holders: impl IntoIterator<Item = (&'a str, u64)>) -> SealedTo {
    let holders = holders
        .into_iter()
        .map(|(name, epoch)| format!("{name}#{epoch}").parse().unwrap());
    SealedTo::new(holders.collect()).unwrap()
}

/// Holders of these names, each at the next of `epochs`.
fn holders(names: &BTreeSet<HolderName>, epochs: &[u64]) -> SealedTo {
    let epochs = epochs.iter().cycle();
    let holders = names.iter().zip(epochs).map(|(name, epoch)| Holder {
        name: name.clone(),
        epoch: *epoch,
    });
    SealedTo::new(holders.collect()).unwrap()
}

const PLAIN: &str = "[A-Za-z0-9][A-Za-z0-9._-]{0,63}";
const NAME: &str = "[A-Za-z0-9_-]{1,64}(/[A-Za-z0-9_-]{1,64}){0,3}";

fn not_reserved(text: &str) -> bool {
    !["all", "keepers"].iter().any(|name| name.eq_ignore_ascii_case(text))
}

fn plain() -> impl Strategy<Value = String> {
    PLAIN.prop_filter("reserved", |text| not_reserved(text))
}

fn count() -> impl Strategy<Value = u64> {
    prop_oneof![1..5u64, 1..=i64::MAX as u64, Just(i64::MAX as u64)]
}

fn time() -> impl Strategy<Value = Timestamp> {
    let (first, last) = (-62_135_596_800i64, 253_402_207_200);
    prop_oneof![first..=last, Just(first), Just(last)].prop_map(|seconds| Timestamp::from_unix(seconds).unwrap())
}

fn note() -> impl Strategy<Value = Option<String>> {
    option::of("[^\\p{Cc}\u{61c}\u{200e}\u{200f}\u{2028}-\u{202e}\u{2066}-\u{2069}]{1,40}")
}

fn scope() -> impl Strategy<Value = Scope> {
    let entry = prop_oneof![plain(), plain().prop_map(|name| format!("@{name}"))];
    let named = vec(entry, 1..6).prop_map(|entries| {
        let entries: BTreeSet<String> = entries.into_iter().collect();
        Scope::from_entries(entries.iter().map(String::as_str)).unwrap()
    });
    prop_oneof![1 => Just(Scope::Everyone), 4 => named]
}

fn vault() -> impl Strategy<Value = Option<VaultId>> {
    any::<[u8; 8]>().prop_map(|bytes| Some(VaultId::of(&bytes)))
}

fn network() -> impl Strategy<Value = Network> {
    prop_oneof![Just(Network::Allow), Just(Network::Confirm), Just(Network::Deny)]
}

/// Drafts, signs and reads back, with a payload where one belongs.
fn comes_back<K: Kind + PartialEq>(head: Head<K>) {
    let payload = with_world(|world| world.credential().payload().map(String::from));
    let payload = payload.filter(|_| K::SEALED && head.body.is_some());
    let draft = Draft::with_payload(head.clone(), payload).unwrap();
    let file = with_world(|world| sign(draft, &world.key));
    let path = K::path(&head);
    assert_eq!(FilePath::parse(&path.to_string()).as_ref(), Some(&path));
    let back = Parsed::<K>::parse(file.as_bytes(), &path).unwrap();
    assert_eq!(back.as_bytes(), file.as_bytes());
    assert!(back.head().vault == head.vault && back.head().subject == head.subject);
    assert!(back.head().serial == head.serial && back.head().body == head.body);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn every_credential_comes_back(vault in vault(), name in NAME, serial in count(), scope in scope(), epochs in vec(count(), 1..4), network in network(), expires in option::of(time()), value_set in time(), note in note(), lives: bool) {
        let sealed_to = holders(&scope.holders(), &epochs);
        let body = lives.then_some(Credential { scope, sealed_to, network, expires, value_set, note });
        comes_back(Head { vault, subject: name.parse().unwrap(), serial, body });
    }

    #[test]
    fn every_member_comes_back(vault in vault(), name in plain(), serial in count(), epoch in count(), keys in subsequence(vec![0usize, 1, 2, 3], 1..=4), note in note(), lives: bool) {
        let recipients = with_world(|world| keys.iter().map(|at| world.recipients[*at].clone()).collect());
        let body = lives.then_some(Member { epoch, recipients, note });
        comes_back(Head { vault, subject: name.parse().unwrap(), serial, body });
    }

    #[test]
    fn every_group_comes_back(vault in vault(), name in prop_oneof![plain(), Just("all".into()), Just("keepers".into())], serial in count(), epoch in count(), other in count(), lives: bool) {
        let subject: GroupName = name.parse().unwrap();
        let mut list = vec![Holder { name: HolderName::Group(subject.clone()), epoch }];
        if name != "keepers" {
            list.push(Holder { name: HolderName::Group(GroupName::keepers()), epoch: other });
        }
        let recipient = with_world(|world| world.recipients[0].clone());
        let body = Group { epoch, recipient, sealed_to: SealedTo::new(list).unwrap() };
        comes_back(Head { vault, serial, body: (lives || subject.is_reserved()).then_some(body), subject });
    }

    #[test]
    fn every_grant_comes_back(vault in vault(), group in plain(), member in plain(), serial in count(), epoch in count(), of in count(), lives: bool) {
        let member: MemberName = member.parse().unwrap();
        let body = Grant { epoch, sealed_to: holders(&[HolderName::Member(member.clone())].into(), &[of]) };
        comes_back(Head { vault, subject: GrantSubject { group: group.parse().unwrap(), member }, serial, body: lives.then_some(body) });
    }

    #[test]
    fn every_root_comes_back(vault in vault(), names in vec(plain(), 1..4), serial in prop_oneof![Just(1), count()], keepers in 1..=1000u64, seed: [u8; 16]) {
        let mut authors: Vec<AuthorKey> = names.iter().map(|name| AuthorKey {
            author: name.parse().unwrap(),
            key: SigningKey::generate().unwrap().signer().unwrap(),
        }).collect();
        authors.sort_by_key(ToString::to_string);
        let first = serial == 1;
        let threshold = names.iter().collect::<BTreeSet<_>>().len() as u64;
        let nonce = seed.iter().map(|byte| format!("{byte:02x}")).collect();
        let body = Root {
            nonce: first.then_some(nonce),
            previous: (!first).then(|| Digest::of(&seed)),
            threshold,
            keepers,
            encryption: Encryption::Classical,
            authors,
        };
        comes_back(Head { vault: vault.filter(|_| !first), subject: (), serial, body: Some(body) });
    }

    #[test]
    fn names_are_what_they_say(text in "\\PC{0,70}|[A-Za-z0-9._/-]{0,70}") {
        let grammar = |name: &str, more: &[u8]| (1..=64).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_alphanumeric() || more.contains(&b));
        let credential = text.split('/').count() <= 4 && text.split('/').all(|segment| grammar(segment, b"_-"));
        prop_assert_eq!(text.parse::<CredentialName>().is_ok(), credential);
        let member = grammar(&text, b"._-") && text.as_bytes()[0].is_ascii_alphanumeric() && not_reserved(&text);
        prop_assert_eq!(text.parse::<MemberName>().is_ok(), member);
    }

    #[test]
    fn times_read_back(time in time()) {
        prop_assert_eq!(time.to_string().parse::<Timestamp>(), Ok(time));
        prop_assert_eq!(time.to_string().len(), 20);
    }

    #[test]
    fn holders_read_back(name in plain(), group: bool, epoch in count()) {
        let text = format!("{}{name}#{epoch}", if group { "@" } else { "" });
        prop_assert_eq!(text.parse::<Holder>().unwrap().to_string(), text);
    }

    #[test]
    fn scopes_read_back_in_any_order(scope in scope()) {
        let mut entries = scope.entries();
        entries.reverse();
        prop_assert_eq!(Scope::from_entries(entries.iter().map(String::as_str)), Ok(scope));
    }

    #[test]
    fn a_path_that_is_read_is_written_back(path in "(credentials|members|groups|grants|roots)/[a-z0-9/.+]{0,12}(\\.toml)?|\\PC{0,20}") {
        if let Some(read) = FilePath::parse(&path) {
            prop_assert_eq!(read.to_string(), path);
        }
    }
}

/// Reads bytes as every kind; what parses must be the same bytes again.
fn read_as_everything(bytes: &[u8]) -> usize {
    fn read<K: Kind>(bytes: &[u8], path: &str) -> usize {
        let parsed = Parsed::<K>::parse(bytes, &FilePath::parse(path).unwrap());
        if let Ok(parsed) = &parsed {
            assert_eq!(parsed.as_bytes(), bytes);
        }
        usize::from(parsed.is_ok())
    }
    read::<Credential>(bytes, "credentials/prod/github_pat.toml")
        + read::<Member>(bytes, "members/dev.toml")
        + read::<Group>(bytes, "groups/all.toml")
        + read::<Grant>(bytes, "grants/all/dev.toml")
        + read::<Root>(bytes, "fleetvault.toml")
}

/// One way to damage a text, by lines or by bytes.
#[derive(Debug, Clone)]
enum Damage {
    DeleteLine(usize),
    DoubleLine(usize),
    SwapLines(usize, usize),
    InsertLine(usize, String),
    DeleteByte(usize),
    InsertByte(usize, u8),
    Cut(usize),
}

fn damage() -> impl Strategy<Value = Damage> {
    let at = any::<usize>;
    let line = prop_oneof![
        "\\PC{0,20}",
        Just("[[signature]]".to_owned()),
        Just("removed = true".to_owned()),
        Just(String::new())
    ];
    prop_oneof![
        at().prop_map(Damage::DeleteLine),
        at().prop_map(Damage::DoubleLine),
        (at(), at()).prop_map(|(a, b)| Damage::SwapLines(a, b)),
        (at(), line).prop_map(|(at, line)| Damage::InsertLine(at, line)),
        at().prop_map(Damage::DeleteByte),
        (at(), any::<u8>()).prop_map(|(at, byte)| Damage::InsertByte(at, byte)),
        at().prop_map(Damage::Cut),
    ]
}

fn damaged(bytes: &[u8], damage: &Damage) -> Vec<u8> {
    let mut lines: Vec<&[u8]> = bytes.split_inclusive(|&b| b == b'\n').collect();
    let mut whole = bytes.to_vec();
    let (count, size) = (lines.len().max(1), whole.len().max(1));
    match damage {
        _ if bytes.is_empty() => return whole,
        Damage::DeleteLine(at) => drop(lines.remove(at % count)),
        Damage::DoubleLine(at) => lines.insert(at % count, lines[at % count]),
        Damage::SwapLines(a, b) => lines.swap(a % count, b % count),
        Damage::InsertLine(at, line) => {
            let line = format!("{line}\n");
            lines.insert(at % count, line.as_bytes());
            return lines.concat();
        }
        Damage::DeleteByte(at) => {
            whole.remove(at % size);
            return whole;
        }
        Damage::InsertByte(at, byte) => {
            whole.insert(at % size, *byte);
            return whole;
        }
        Damage::Cut(at) => {
            whole.truncate(at % size);
            return whole;
        }
    }
    lines.concat()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn no_bytes_stop_the_process(bytes in vec(any::<u8>(), 0..400), text in "\\PC{0,200}") {
        for bytes in [bytes.as_slice(), text.as_bytes()] {
            for kind in ["", "format = 1\nkind = \"credential\"\n", "format = 1\nkind = \"root\"\n"] {
                prop_assert_eq!(read_as_everything(&[kind.as_bytes(), bytes].concat()), 0);
            }
            let _ = IdentityFile::parse(bytes);
            let _ = GroupKeys::parse(&Secret::new(bytes.to_vec()));
        }
        let _ = (stanzas(&text), text.parse::<Recipient>(), text.parse::<AuthorKey>(), text.parse::<Timestamp>());
    }

    #[test]
    fn a_damaged_file_is_not_verified(all in vec(damage(), 1..4), of_root: bool) {
        with_world(|world| {
            let good = if of_root { world.root.as_bytes().to_vec() } else { world.credential().as_bytes().to_vec() };
            let bytes = all.iter().fold(good.clone(), |bytes, damage| damaged(&bytes, damage));
            read_as_everything(&bytes);
            let path = FilePath::parse("credentials/prod/github_pat.toml").unwrap();
            let verified = match of_root {
                true => Parsed::parse(&bytes, &FilePath::Root(1)).is_ok_and(|root| Authority::first(&root).is_ok()),
                false => Parsed::<Credential>::parse(&bytes, &path).is_ok_and(|file| world.authority.verify(file).is_ok()),
            };
            assert!(!verified || bytes == good, "{}", String::from_utf8_lossy(&bytes));
        });
    }

    /// What an author could sign: a damaged age file inside a sound document.
    #[test]
    fn a_damaged_payload_does_not_open_and_stops_nothing(all in vec(damage(), 1..4)) {
        with_world(|world| {
            let good = world.credential();
            let armor = good.payload().unwrap();
            let lines: String = armor.lines().filter(|line| !line.starts_with('-')).collect();
            let sealed = BASE64_STANDARD.decode(&lines).unwrap();
            let changed = all.iter().fold(sealed.clone(), |bytes, damage| damaged(&bytes, damage));
            let text = BASE64_STANDARD.encode(&changed);
            let text: String = text.as_bytes().chunks(64).map(|line| format!("{}\n", std::str::from_utf8(line).unwrap())).collect();
            let payload = format!("-----BEGIN AGE ENCRYPTED FILE-----\n{text}-----END AGE ENCRYPTED FILE-----\n");
            let Ok(draft) = Draft::with_payload(good.head().clone(), Some(payload)) else { return };
            let file = open_to(world, sign(draft, &world.key));
            assert!(file.is_none() || changed == sealed);
        });
    }
}

fn open_to<K: Entry>(world: &World, file: Parsed<K>) -> Option<Vec<u8>> {
    let keepers: Holder = "@keepers#1".parse().unwrap();
    let _ = check_stanzas(file.payload().unwrap(), &[(&keepers, &world.recipients[0])]);
    let verified = world.authority.verify(file).unwrap();
    let position = [None, Some(1), Some(usize::MAX)]
        .map(|position| verified.open(std::slice::from_ref(&world.dev), position).ok());
    position
        .into_iter()
        .flatten()
        .next()
        .map(|opened| opened.value().expose().to_vec())
}

/// Files as large as a vault allows, made to be slow or deep to read.
#[test]
fn the_largest_files_are_refused_in_reasonable_time() {
    let size = vault_format::FILE_MAX - 100;
    let entries = |number: &dyn Fn(usize) -> usize| {
        (0..size / 14)
            .map(|i| format!("  \"m{:06}\",\n", number(i)))
            .collect::<String>()
    };
    for text in [
        "a.".repeat(size / 2) + "a = 1\n",
        format!("[{}a]\n", "a.".repeat(size / 2 - 2)),
        format!("x = {}", "[".repeat(size)),
        format!("x = {}", "{a=".repeat(size / 3)),
        "[[signature]]\n".repeat(size / 14),
        format!("members = [\n{}]\n", entries(&|i| i)),
        format!("members = [\n{}]\n", entries(&|i| size - i)),
        (0..size / 12).map(|i| format!("k{i:06} = 1\n")).collect(),
        "\n".repeat(size),
        format!("note = \"{}\"\n", "\\u0041".repeat(size / 6)),
    ] {
        let start = std::time::Instant::now();
        let bytes = format!("format = 1\nkind = \"credential\"\n{text}");
        let refused = Parsed::<Credential>::parse(bytes.as_bytes(), &FilePath::parse("credentials/a.toml").unwrap());
        let error = refused.err().unwrap().to_string();
        assert!(error.len() < 1000, "{error}");
        assert!(start.elapsed().as_secs() < 20, "{:?}: {error}", start.elapsed());
    }
}

/// A head that no file could say is refused before it is written.
#[test]
fn what_could_not_be_read_is_not_drafted() {
    let base = with_world(|world| world.credential().head().clone());
    let drafted = |head: Head<Credential>| {
        let payload = with_world(|world| world.credential().payload().map(String::from));
        Draft::with_payload(head, payload).err().map(|error| error.to_string())
    };
    let scoped = |entries: BTreeSet<_>| {
        let mut head = base.clone();
        if let Some(body) = &mut head.body {
            body.scope = Scope::Named(entries);
            body.sealed_to = holders(&body.scope.holders(), &[1]);
        }
        drafted(head).unwrap_or_default()
    };
    assert_eq!(drafted(base.clone()), None);
    assert!(scoped(BTreeSet::new()).contains("the scope is empty"));
    assert!(scoped([vault_format::ScopeEntry::Group(GroupName::all())].into()).contains("write '*'"));
    let nowhere = Head {
        vault: None,
        ..base.clone()
    };
    assert_eq!(drafted(nowhere).as_deref(), Some("the key 'vault' is missing"));
    for serial in [0, i64::MAX as u64 + 1] {
        let error = drafted(Head { serial, ..base.clone() });
        assert_eq!(error.as_deref(), Some("serial must be from 1 to 9223372036854775807"));
    }
    for epoch in [0, i64::MAX as u64 + 1] {
        let name = HolderName::Member("dev".parse().unwrap());
        assert!(SealedTo::new(vec![Holder { name, epoch }]).is_none());
    }
    let member: MemberName = "dev".parse().unwrap();
    let grant = Head {
        vault: base.vault,
        subject: GrantSubject {
            group: GroupName::all(),
            member: member.clone(),
        },
        serial: 1,
        body: Some(Grant::to(&member, 0, 1)),
    };
    let payload = with_world(|world| world.credential().payload().map(String::from));
    assert!(Draft::with_payload(grant, payload).is_err());
    let evil = Draft::with_payload(base, Some("\"\"\"\n\n[[signature]]\n".into())).err();
    assert_eq!(evil.unwrap().to_string(), "the payload must be one armored age file");
}
