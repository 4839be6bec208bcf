//! `fleetvault-resolver expand`, `check` and `list`: where templates come from, where the text goes, what the member may use.

use std::fs;

use serde_json::json;

use crate::support::Fleet;

fn fleet() -> Fleet {
    let fleet = Fleet::new();
    fleet.member("dev");
    fleet.set("one", "value-of-one", "dev");
    fleet.set("two", "value-of-two", "*");
    fleet.set("private", "value-of-private", "alice");
    fleet
}

#[test]
fn from_a_file_and_from_standard_input() {
    let fleet = fleet();
    fs::write(fleet.path("template"), "a <<secure.one>>\n").unwrap();
    let template = fleet.path("template");
    let template = template.to_str().unwrap();
    assert_eq!(
        fleet.resolver("dev", &["expand", template], b"unused").ok().out(),
        "a value-of-one\n"
    );
    assert_eq!(
        fleet.resolver("dev", &["expand", "-"], b"b <<secure.one>>").ok().out(),
        "b value-of-one"
    );
    assert_eq!(fleet.expand("dev", "c <<secure.one>>").ok().out(), "c value-of-one");
    fleet
        .resolver("dev", &["expand", "/none/there"], b"")
        .fails(1)
        .silent()
        .says_exactly("fleetvault: error: cannot read /none/there: No such file or directory (os error 2)\n");
    fleet
        .resolver("dev", &["expand", "/"], b"")
        .fails(1)
        .says("cannot read /: Is a directory");
}

#[cfg(unix)]
#[test]
fn into_a_file_that_only_its_owner_can_read() {
    use std::os::unix::fs::{PermissionsExt, symlink};

    let fleet = fleet();
    let out = fleet.path("out");
    let mode = || fs::metadata(&out).unwrap().permissions().mode() & 0o777;
    let expand = |template: &str| fleet.resolver("dev", &["expand", "-o", out.to_str().unwrap()], template.as_bytes());
    expand("x <<secure.one>>").ok().silent();
    assert_eq!(
        (fs::read_to_string(&out).unwrap().as_str(), mode()),
        ("x value-of-one", 0o600)
    );
    // A file that others could read is replaced by one that they cannot.
    fs::set_permissions(&out, fs::Permissions::from_mode(0o666)).unwrap();
    expand("y <<secure.one>>").ok();
    assert_eq!(
        (fs::read_to_string(&out).unwrap().as_str(), mode()),
        ("y value-of-one", 0o600)
    );
    // A link is replaced, not followed.
    fs::remove_file(&out).unwrap();
    fs::write(fleet.path("victim"), "untouched").unwrap();
    symlink(fleet.path("victim"), &out).unwrap();
    expand("z <<secure.one>>").ok();
    assert_eq!(fs::read_to_string(fleet.path("victim")).unwrap(), "untouched");
    assert!(fs::symlink_metadata(&out).unwrap().is_file());
    // What fails leaves the file as it was, and no other one beside it.
    let files = || fs::read_dir(fleet.path("")).unwrap().count();
    let before = files();
    expand("<<secure.private>>").fails(3).silent();
    expand("<<secure.one").fails(1).silent();
    assert_eq!(fs::read_to_string(&out).unwrap(), "z value-of-one");
    assert_eq!(files(), before);
    fleet
        .resolver("dev", &["expand", "-o", "/none/out"], b"<<secure.one>>")
        .fails(1)
        .silent()
        .says_exactly("fleetvault: error: cannot write /none/out: No such file or directory (os error 2)\n");
    fleet
        .resolver("dev", &["expand", "-o", "vault"], b"<<secure.one>>")
        .fails(1)
        .says("cannot write vault: Is a directory");
    // A name without a directory is one in the working directory.
    fleet
        .resolver("dev", &["expand", "--output", "plain"], b"<<secure.one>>")
        .ok();
    assert_eq!(fs::read_to_string(fleet.path("plain")).unwrap(), "value-of-one");
}

#[test]
fn a_text_without_references_passes_without_a_key() {
    let fleet = fleet();
    fs::remove_file(fleet.identity("dev")).unwrap();
    let text = b"nothing \xff secure here {{ values.x }} <<EOF\n";
    assert!(fleet.resolver("dev", &["expand"], text).ok().stdout == text);
    assert!(fleet.resolver("dev", &["expand"], b"").ok().stdout.is_empty());
}

#[test]
fn check_tells_without_opening_and_refuses_as_expand_would() {
    let fleet = fleet();
    let check = |template: &str| fleet.resolver("dev", &["check"], template.as_bytes());
    assert_eq!(check("<<secure.one>>").ok().out(), "1 credential would be expanded\n");
    assert_eq!(
        check("<<secure.one>> {{secure.two}} <<secure.one>>").ok().out(),
        "2 credentials would be expanded\n"
    );
    assert_eq!(
        check("nothing").ok().out(),
        "no reference in it: it would pass through as it is\n"
    );
    fs::write(fleet.path("template"), "<<secure.two>>").unwrap();
    fleet
        .resolver("dev", &["check", fleet.path("template").to_str().unwrap()], b"")
        .ok()
        .prints("1 credential ");
    for (template, code) in [("<<secure.private>>", 3), ("<<secure.none>>", 4), ("<<secure.one", 1)] {
        let check = check(template).fails(code).silent();
        assert_eq!(check.stderr, fleet.expand("dev", template).fails(code).stderr);
    }
}

#[test]
fn list_is_what_this_member_may_use() {
    let fleet = fleet();
    let list = fleet.resolver("dev", &["list"], b"").ok().out();
    assert_eq!(
        list,
        "NAME  MEMBERS  NETWORK  EXPIRES\none   dev      allow    never\ntwo   *        allow    never\n"
    );
    let all = fleet.resolver("dev", &["list", "--all"], b"").ok().out();
    assert!(all.contains("private  alice    allow    never\n"), "{all}");
    let json = fleet.resolver("dev", &["list", "--json"], b"").ok().json();
    assert_eq!(
        json[0],
        json!({"name": "one", "members": ["dev"], "accessible": true, "network": "allow",
               "expires": null, "expired": false, "note": null})
    );
    assert_eq!(json.as_array().unwrap().len(), 2);
    let json = fleet.resolver("dev", &["list", "--all", "--json"], b"").ok().json();
    assert_eq!(
        (&json[1]["name"], &json[1]["accessible"]),
        (&json!("private"), &json!(false))
    );
}

#[test]
fn the_resolver_has_no_command_that_writes_or_reveals() {
    let fleet = fleet();
    for command in ["set", "get", "init", "scope", "edit", "rm", "rotate", "keygen"] {
        fleet
            .resolver("dev", &[command, "one"], b"")
            .fails(2)
            .silent()
            .says("unrecognized subcommand");
    }
    fleet.resolver("dev", &[], b"").fails(2);
    fleet.resolver("dev", &["--help"], b"").ok().prints("EXIT CODES:");
}
