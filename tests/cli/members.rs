//! `member add`, `list` and `show`.

use std::fs;

use serde_json::json;

use crate::support::{Fleet, has, run};

fn keygen(fleet: &Fleet, name: &str) -> String {
    let file = fleet.identity(name);
    let key = fleet.fleetvault(&["keygen", "--member", name, "-o", file.to_str().unwrap()]);
    key.ok().out().trim().to_owned()
}

#[test]
fn a_member_is_added_listed_and_shown() {
    let fleet = Fleet::new();
    let key = keygen(&fleet, "dev");
    fleet
        .fleetvault(&["member", "add", "dev", "--recipient", &key, "--note", "build machine"])
        .ok()
        .prints("added member dev, who can use everything that is for everyone ('*')\n")
        .prints("commit ");
    let message = fleet.git(&["log", "-1", "--format=%s|%(trailers:only)"]);
    assert_eq!(message.trim(), "fleetvault: member add dev|Fleetvault-Member: dev");
    let list = fleet.fleetvault(&["member", "list"]).ok().out();
    let lines: Vec<&str> = list.lines().collect();
    assert!(lines[0].starts_with("NAME   GROUPS        RECIPIENTS"), "{list}");
    assert!(lines[1].starts_with("alice  all, keepers  age1"), "{list}");
    assert_eq!(lines[2], format!("dev    all           {key}"));
    let list = fleet.fleetvault(&["member", "list", "--json"]).ok().json();
    assert_eq!(list[1]["name"], "dev");
    let shown = fleet.fleetvault(&["member", "show", "dev", "--json"]).ok().json();
    assert_eq!(
        shown,
        json!({"name": "dev", "recipients": [key], "groups": ["all"], "epoch": 1, "serial": 1,
               "authors": ["alice"], "note": "build machine"})
    );
    let shown = fleet.fleetvault(&["member", "show", "dev"]).ok();
    for line in [
        "name       dev\n",
        "groups     all\n",
        "note       build machine\n",
        "signed by  alice\n",
    ] {
        assert!(shown.out().contains(line), "{line}");
    }
    fleet
        .fleetvault(&["member", "show", "dex"])
        .fails(4)
        .silent()
        .says_exactly(
            "fleetvault: error: there is no member 'dex' in this vault\nfleetvault: hint: did you mean 'dev'?\n",
        );
    fleet
        .fleetvault(&["member", "show", "qqqqqqqq"])
        .fails(4)
        .says("'fleetvault member list' shows who there is");
}

#[test]
fn names_and_keys_belong_to_one_member() {
    let fleet = Fleet::new();
    let key = fleet.member("dev");
    let other = keygen(&fleet, "rev");
    let head = fleet.git(&["rev-parse", "HEAD"]);
    fleet
        .fleetvault(&["member", "add", "dev", "--recipient", &other])
        .fails(1)
        .says("member 'dev' exists already")
        .says("'fleetvault member show dev' shows its keys");
    fleet
        .fleetvault(&["member", "add", "dev2", "--recipient", &other, "--recipient", &key])
        .fails(1)
        .says(&format!("the key {key} belongs to member 'dev' already"))
        .says("every member has keys of its own");
    fleet
        .fleetvault(&["member", "add", "DEV", "--recipient", &other])
        .fails(1)
        .says("'DEV' cannot stand beside 'dev': the names differ only by case");
    fleet
        .fleetvault(&["member", "add", "rev", "--recipient", &other, "--like", "devv"])
        .fails(4)
        .says("there is no member 'devv' in this vault")
        .says("did you mean 'dev'?");
    fleet
        .fleetvault(&["member", "add", "rev"])
        .fails(2)
        .says("--recipient <KEY>");
    for (name, rule) in [
        ("all", "'all' and 'keepers' are reserved"),
        ("a b", "only A-Z, a-z, 0-9, '.', '_' and '-'"),
        ("a/b", "only A-Z, a-z, 0-9, '.', '_' and '-'"),
        ("dév", "only A-Z, a-z, 0-9, '.', '_' and '-'"),
        ("..", "the first character must be a letter or digit"),
        (&"x".repeat(65), "a name has at most 64 characters"),
    ] {
        fleet
            .fleetvault(&["member", "add", name, "--recipient", &other])
            .fails(2)
            .says(rule);
    }
    assert_eq!(fleet.git(&["rev-parse", "HEAD"]), head);
}

#[test]
fn a_file_of_recipients() {
    let fleet = Fleet::new();
    let (one, two) = (keygen(&fleet, "one"), keygen(&fleet, "two"));
    let file = fleet.path("recipients");
    let add = ["member", "add", "dev", "--recipients-file", file.to_str().unwrap()];
    fleet
        .fleetvault(&add)
        .fails(1)
        .says("recipients: No such file or directory");
    fs::write(&file, "# nobody yet\n\n").unwrap();
    fleet.fleetvault(&add).fails(1).says("recipients holds no public key");
    fs::write(&file, format!("# laptop\n{one}\nage1wrong\n")).unwrap();
    fleet
        .fleetvault(&add)
        .fails(1)
        .says("recipients, line 3: 'age1wrong' is no recipient");
    // A private key where a public one is expected is refused, and not repeated.
    fs::copy(fleet.identity("one"), &file).unwrap();
    fleet
        .fleetvault(&add)
        .fails(1)
        .says("recipients, line 4: that is a private key");
    fs::write(&file, format!("# laptop\n{one}\n\n# token\n{two}\n{one}\n")).unwrap();
    fleet.fleetvault(&add).ok();
    let shown = fleet.fleetvault(&["member", "show", "dev", "--json"]).ok().json();
    assert_eq!(shown["recipients"].as_array().unwrap().len(), 2);
    fleet.set("token", "value-of-token", "dev");
    for key in ["one", "two"] {
        // Their anchors name other members; the launch's word is what counts.
        let file = fleet.identity(key);
        let text = fs::read_to_string(&file).unwrap();
        fs::write(&file, text.replace(&format!("member={key}"), "member=dev")).unwrap();
        assert_eq!(fleet.expand(key, "<<secure.token>>").ok().out(), "value-of-token");
    }
}

#[test]
fn a_private_key_given_as_recipient_is_not_repeated() {
    let fleet = Fleet::new();
    keygen(&fleet, "dev");
    let text = fs::read_to_string(fleet.identity("dev")).unwrap();
    let secret = text.lines().last().unwrap();
    // The support layer looks for the key itself.
    let text = "that is a private key, expected the public one, 'age1…'";
    let init = ["init", "../other", "--author", "alice", "--recovery", secret];
    fleet.fleetvault(&init).fails(2).silent().says(text);
    assert!(!fleet.path("other").exists());
    fleet
        .fleetvault(&["member", "add", "dev", "--recipient", secret])
        .fails(2)
        .says(text)
        .says("it stands in the history of your shell now");
}

#[test]
fn like_another_member() {
    let fleet = Fleet::new();
    fleet.member("dev");
    fleet.set("one", "value-of-one", "dev");
    fleet.set("two", "value-of-two", "alice,dev");
    fleet.set("three", "value-of-three", "alice");
    let key = keygen(&fleet, "dev2");
    fleet
        .fleetvault(&["member", "add", "dev2", "--recipient", &key, "--like", "dev"])
        .ok()
        .prints("one: + dev2\ntwo: + dev2\n");
    assert_eq!(fleet.git(&["rev-list", "--count", "HEAD"]), "6\n");
    let template = "<<secure.one>> <<secure.two>>";
    assert_eq!(fleet.expand("dev2", template).ok().out(), "value-of-one value-of-two");
    assert_eq!(fleet.expand("dev", template).ok().out(), "value-of-one value-of-two");
    fleet.expand("dev2", "<<secure.three>>").fails(3);
    // Like a keeper, but no keeper.
    let key = keygen(&fleet, "bob");
    fleet
        .fleetvault(&["member", "add", "bob", "--recipient", &key, "--like", "alice"])
        .ok();
    let shown = fleet.fleetvault(&["member", "show", "bob", "--json"]).ok().json();
    assert_eq!(shown["groups"], json!(["all"]));
    fleet.fleetvault(&["verify"]).ok();
}

#[test]
fn an_ssh_key_with_a_comment() {
    if !has("ssh-keygen") {
        return;
    }
    let fleet = Fleet::new();
    let file = fleet.identity("dev");
    let mut command = fleet.command("ssh-keygen", "dev");
    command
        .args(["-q", "-t", "ed25519", "-N", "", "-C", "dev on laptop", "-f"])
        .arg(&file);
    run(command, b"").ok();
    let public = fs::read_to_string(fleet.path("dev.txt.pub")).unwrap();
    assert!(public.ends_with(" dev on laptop\n"));
    fleet
        .fleetvault(&["member", "add", "dev", "--recipient", public.trim()])
        .ok();
    fleet.set("token", "value-of-token", "dev");
    fleet.set("free", "value-of-free", "*");
    fleet.fleetvault(&["verify"]).ok();
    // The private key is the identity as it is; the launch says which vault it is for.
    let id = fleet.id();
    let expand = ["--root", &id, "expand"];
    let template = b"<<secure.token>> <<secure.free>>";
    assert_eq!(
        fleet.resolver("dev", &expand, template).ok().out(),
        "value-of-token value-of-free"
    );
    fleet.resolver("dev", &["expand"], template).fails(6).says("no anchor");
    // An anchor beside the key does, too.
    let key = fs::read_to_string(&file).unwrap();
    fs::write(&file, format!("# fleetvault: vault={id} member=dev\n{key}")).unwrap();
    assert_eq!(fleet.expand("dev", "<<secure.token>>").ok().out(), "value-of-token");

    let mut command = fleet.command("ssh-keygen", "dev");
    command
        .args(["-q", "-t", "rsa", "-b", "2048", "-N", "", "-f"])
        .arg(fleet.path("rsa"));
    run(command, b"").ok();
    let rsa = fs::read_to_string(fleet.path("rsa.pub")).unwrap();
    fleet
        .fleetvault(&["member", "add", "rsa", "--recipient", rsa.trim()])
        .fails(2)
        .says("ssh-rsa keys are not supported; use ssh-ed25519");
    fleet
        .resolver("dev", &["--identity", fleet.path("rsa").to_str().unwrap(), "list"], b"")
        .fails(1)
        .says("rsa: line 1: it is ");
}
