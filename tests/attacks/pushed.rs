//! What is pushed to a bare repository and fetched on another machine, whose resolver remembers: what goes back is refused there, with what depends
//! on it and nothing else; what git does every day is not; and each way out that an error names is one.

use std::path::PathBuf;

use crate::{
    authors::with_bob,
    support::{Fleet, Run, run},
    world::{ALL, Attack, BOTH, DEV, clean, memory, world},
};

const PATH: &str = "credentials/github_pat.toml";

/// The author's clone, the host, and the machine of fleet-dev, which reads what the host serves.
struct Net {
    fleet: Fleet,
}

impl Net {
    fn new(fleet: Fleet) -> Self {
        let net = Self { fleet };
        let (host, machine) = (net.host(), net.machine());
        let (host, machine) = (host.to_str().unwrap(), machine.to_str().unwrap());
        net.fleet.git(&["init", "-q", "--bare", "-b", "main", host]);
        net.fleet.git(&["remote", "add", "origin", host]);
        net.push();
        net.fleet.git(&["clone", "-q", "--no-local", host, machine]);
        net
    }

    fn host(&self) -> PathBuf {
        self.fleet.path("host.git")
    }

    fn machine(&self) -> PathBuf {
        self.fleet.path("machine")
    }

    fn push(&self) {
        self.fleet.git(&["push", "-q", "--force", "origin", "HEAD:main"]);
    }

    /// What the author's clone has, on the machine.
    fn arrive(&self) {
        self.push();
        self.fleet.git_in(&self.machine(), &["fetch", "-q"]).ok();
    }

    fn ask(&self, name: &str) -> Run {
        let mut command = self
            .fleet
            .resolver_command("fleet-dev", &["expand", "--ref", "origin/main"]);
        command.env("FLEETVAULT_VAULT", self.machine());
        run(command, format!("<<secure.{name}>>").as_bytes())
    }

    #[track_caller]
    fn gets(&self, expected: &[(&str, &str)]) {
        for (name, value) in expected {
            assert_eq!(self.ask(name).ok().out(), *value, "{name}");
        }
    }

    /// Demands a refusal that names this file, the commit that was read and each of `says`, and that leaves the memory as it was.
    #[track_caller]
    fn refused(&self, name: &str, path: &str, says: &[&str]) {
        let state = self.fleet.path("fleet-dev-state");
        let before = memory(&state);
        let mut run = clean(self.ask(name).fails(6).silent());
        let commit = self.fleet.git_in(&self.machine(), &["rev-parse", "origin/main"]).out();
        run = run.says(&format!("{path} (commit {})", &commit[..10])).says("hint: ");
        for text in says {
            run = run.says(text);
        }
        assert!(memory(&state) == before, "a refused run has written");
    }

    /// `fleetvault` on the machine itself.
    fn on_machine(&self, args: &[&str]) -> Run {
        let mut command = self.fleet.command(env!("CARGO_BIN_EXE_fleetvault"), "fleet-dev");
        command.args(args).current_dir(self.machine());
        run(command, b"")
    }

    fn accept(&self, path: &str) {
        self.on_machine(&["trust", "accept", path, "--yes", "--ref", "origin/main"])
            .ok();
    }

    fn head(&self) -> String {
        self.fleet.git(&["rev-parse", "HEAD"]).trim().to_owned()
    }

    fn reset(&self, commit: &str) {
        self.fleet.git(&["reset", "-q", "--hard", commit]);
    }
}

#[test]
fn a_file_that_went_back_by_revert_or_by_force_and_the_ways_out() {
    for by_force in [false, true] {
        let net = Net::new(world());
        let old = net.head();
        net.fleet.set("github_pat", "s3cr3t-new", "fleet-dev");
        let new = net.head();
        net.arrive();
        net.gets(&[("github_pat", "s3cr3t-new"), ("shared_key", BOTH)]);
        match by_force {
            true => net.reset(&old),
            false => drop(net.fleet.git(&["revert", "--no-edit", "HEAD"])),
        }
        net.arrive();
        let gone_back = || {
            let says = [
                "serial 2 was seen here before, found serial 1",
                "'fleetvault touch github_pat'",
                "'fleetvault trust accept credentials/github_pat.toml'",
            ];
            net.refused("github_pat", PATH, &says);
            net.gets(&[("shared_key", BOTH), ("pub_token", ALL)]);
        };
        gone_back();
        // The newer commit once more.
        let back = net.head();
        net.reset(&new);
        net.arrive();
        net.gets(&[("github_pat", "s3cr3t-new")]);
        net.reset(&back);
        net.arrive();
        gone_back();
        // On this machine.
        net.accept(PATH);
        net.gets(&[("github_pat", DEV)]);
        // For all machines: the author's, which remembers too, overtakes it.
        net.fleet.fleetvault(&["touch", "github_pat"]).ok();
        net.arrive();
        net.gets(&[("github_pat", DEV)]);
        assert!(net.fleet.read(PATH).contains("\nserial = 3\n"));
    }
}

#[test]
fn a_credential_that_is_gone() {
    let net = Net::new(world());
    net.gets(&[("github_pat", DEV)]);
    net.fleet.git(&["rm", "-q", PATH]);
    net.fleet.git(&["commit", "-q", "-m", "gone"]);
    net.arrive();
    net.refused(
        "github_pat",
        PATH,
        &["gone without a tombstone", "'fleetvault rm github_pat'"],
    );
    net.gets(&[("shared_key", BOTH), ("pub_token", ALL)]);
    net.fleet.fleetvault(&["rm", "github_pat"]).ok();
    net.arrive();
    net.ask("github_pat").fails(4).silent();
}

#[test]
fn a_members_keys_that_were_swapped_or_went_back() {
    let net = Net::new(world());
    net.gets(&[("github_pat", DEV)]);
    let member = "members/fleet-dev.toml";
    let good = net.head();
    let text = net.fleet.read(member);
    let other = vault_format::Identity::generate();
    let key = text.split('"').find(|word| word.starts_with("age1")).unwrap();
    net.fleet.forge(member, text.replace(key, other.recipient().as_str()));
    net.arrive();
    net.refused("github_pat", member, &["signature", "'git log' of that file"]);
    // The others need that file for nothing.
    net.fleet.gets("fleet-rev", &[("shared_key", BOTH), ("pub_token", ALL)]);
    net.reset(&good);
    net.arrive();
    net.gets(&[("github_pat", DEV)]);
    // Real other keys, used, and then the earlier ones again.
    let identity = net.fleet.identity("fleet-dev");
    let earlier = net.fleet.path("earlier.txt");
    std::fs::rename(&identity, &earlier).unwrap();
    let args = ["keygen", "--member", "fleet-dev", "-o", identity.to_str().unwrap()];
    let key = net.fleet.fleetvault(&args).ok().out();
    let args = ["member", "rekey", "fleet-dev", "--recipient", key.trim()];
    net.fleet.fleetvault(&args).ok();
    net.arrive();
    net.gets(&[("github_pat", DEV), ("pub_token", ALL)]);
    net.reset(&good);
    net.arrive();
    std::fs::copy(&earlier, &identity).unwrap();
    net.refused("github_pat", member, &["serial 2 was seen here before, found serial 1"]);
    for path in [member, PATH, "grants/all/fleet-dev.toml"] {
        net.accept(path);
    }
    net.gets(&[("github_pat", DEV)]);
}

#[test]
fn a_groups_keys_that_were_replaced_or_went_back() {
    let net = Net::new(world());
    net.gets(&[("pub_token", ALL)]);
    let group = "groups/all.toml";
    let old = net.fleet.read(group);
    net.fleet.fleetvault(&["member", "remove", "fleet-rev"]).fails(1);
    net.fleet.fleetvault(&["rm", "rev_pat"]).ok();
    net.fleet.fleetvault(&["member", "remove", "fleet-rev"]).ok();
    net.fleet.set("later", "s3cr3t-later", "*");
    let good = net.head();
    net.arrive();
    net.gets(&[("pub_token", ALL), ("later", "s3cr3t-later"), ("github_pat", DEV)]);
    // The keys of the epoch before are in the group's file; those of now are in the grant.
    net.fleet.forge(group, &old);
    net.arrive();
    net.refused("pub_token", group, &["serial 2 was seen here before, found serial 1"]);
    net.gets(&[("later", "s3cr3t-later"), ("github_pat", DEV)]);
    net.reset(&good);
    let text = net.fleet.read(group);
    let key = text.split('"').find(|word| word.starts_with("age1")).unwrap();
    let other = vault_format::Identity::generate();
    net.fleet.forge(group, text.replace(key, other.recipient().as_str()));
    net.arrive();
    net.refused("pub_token", group, &["signature", "'git log' of that file"]);
    net.gets(&[("later", "s3cr3t-later"), ("github_pat", DEV)]);
    net.fleet.git(&["revert", "--no-edit", "HEAD"]);
    net.arrive();
    net.gets(&[("pub_token", ALL)]);
}

#[test]
fn a_grant_that_was_taken_back_and_returns() {
    let net = Net::new(world());
    let grant = "grants/team/fleet-dev.toml";
    let group = ["group", "add", "team", "fleet-dev", "fleet-rev"];
    net.fleet.fleetvault(&group).ok();
    net.fleet.set("team_key", "s3cr3t-of-team", "@team");
    net.arrive();
    net.gets(&[("team_key", "s3cr3t-of-team")]);
    let old = net.fleet.read(grant);
    net.fleet.fleetvault(&["group", "revoke", "team", "fleet-dev"]).ok();
    net.arrive();
    net.ask("team_key").fails(3).silent();
    net.fleet.forge(grant, &old);
    net.arrive();
    net.refused("team_key", grant, &["serial 2 was seen here before, found serial 1"]);
    net.gets(&[("github_pat", DEV), ("pub_token", ALL)]);
    net.fleet.git(&["revert", "--no-edit", "HEAD"]);
    net.arrive();
    net.ask("team_key").fails(3).silent();
}

#[test]
fn an_earlier_root_or_another_vault() {
    let net = Net::new(with_bob());
    net.gets(&[("github_pat", DEV)]);
    let good = net.head();
    net.fleet.git(&["rm", "-q", "roots/2.toml"]);
    net.fleet.git(&["commit", "-q", "-m", "shorter"]);
    net.arrive();
    net.refused(
        "pub_token",
        "fleetvault.toml",
        &["serial 2 was seen here before, found serial 1"],
    );
    net.accept("fleetvault.toml");
    net.gets(&[("pub_token", ALL)]);
    net.reset(&good);
    net.arrive();
    net.gets(&[("pub_token", ALL)]);
    // The host serves another vault under the same name, with the same names in it.
    let evil = Fleet::new();
    evil.member("fleet-dev");
    evil.set("pub_token", "s3cr3t-of-evil", "*");
    let host = net.host();
    evil.git(&["push", "-q", "--force", host.to_str().unwrap(), "HEAD:main"]);
    net.fleet.git_in(&net.machine(), &["fetch", "-q"]).ok();
    let run = clean(net.ask("pub_token").fails(6).silent());
    run.says("another vault: launched for SHA256:").says("hint: ");
    net.arrive();
    net.gets(&[("pub_token", ALL)]);
}

#[test]
fn what_is_pushed_every_day_is_not_refused() {
    let net = Net::new(world());
    net.fleet.set("github_pat", "s3cr3t-new", "fleet-dev");
    let still = |more: &[(&str, &str)]| {
        net.arrive();
        net.gets(&[("github_pat", "s3cr3t-new"), ("shared_key", BOTH), ("pub_token", ALL)]);
        net.gets(more);
    };
    still(&[]);
    net.fleet.git(&["commit", "-q", "--amend", "-m", "other words"]);
    still(&[]);
    // A branch that the machine reads before it is squashed, and a main that moves on meanwhile.
    net.fleet.git(&["switch", "-q", "-c", "work"]);
    net.fleet.set("fresh", "s3cr3t-fresh", "fleet-dev");
    net.fleet.fleetvault(&["touch", "shared_key"]).ok();
    still(&[("fresh", "s3cr3t-fresh")]);
    net.fleet.git(&["switch", "-q", "main"]);
    net.fleet.set("other", "s3cr3t-other", "*");
    net.fleet.git(&["merge", "-q", "--squash", "work"]);
    net.fleet.git(&["commit", "-q", "-m", "squashed"]);
    still(&[("fresh", "s3cr3t-fresh"), ("other", "s3cr3t-other")]);
    net.fleet.git(&["switch", "-q", "work"]);
    net.fleet.set("picked", "s3cr3t-picked", "fleet-dev");
    net.fleet.git(&["switch", "-q", "main"]);
    net.fleet.git(&["cherry-pick", "work"]);
    still(&[("picked", "s3cr3t-picked")]);
    net.fleet.git(&["rebase", "-q", "--force-rebase", "--root"]);
    still(&[("fresh", "s3cr3t-fresh")]);
    // The whole history in one commit.
    net.fleet.git(&["checkout", "-q", "--orphan", "single"]);
    net.fleet.git(&["commit", "-q", "-m", "all of it"]);
    still(&[("fresh", "s3cr3t-fresh")]);
    // A member that goes, squashed as a forge does it.
    net.fleet.git(&["switch", "-q", "-c", "leaving"]);
    net.fleet.fleetvault(&["rm", "rev_pat"]).ok();
    net.fleet.fleetvault(&["member", "remove", "fleet-rev"]).ok();
    net.fleet.git(&["switch", "-q", "single"]);
    net.fleet.git(&["merge", "-q", "--squash", "leaving"]);
    net.fleet.git(&["commit", "-q", "-m", "squashed"]);
    still(&[("fresh", "s3cr3t-fresh")]);
    // The machine's own clone, made anew without history.
    std::fs::remove_dir_all(net.machine()).unwrap();
    let (host, machine) = (format!("file://{}", net.host().display()), net.machine());
    let clone = ["clone", "-q", "--depth", "1", &host, machine.to_str().unwrap()];
    net.fleet.git(&clone);
    still(&[("fresh", "s3cr3t-fresh")]);
}
