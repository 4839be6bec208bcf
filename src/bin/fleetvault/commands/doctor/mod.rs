//! `doctor`: what is wrong or risky here, and what to do about it.

mod check;
mod surroundings;

use std::path::Path;

use clap::Args;
use fleetvault::say;
use fleetvault::{
    author::Signer,
    cli::{Failure, explain::Explain, time},
    resolver::{Expectation, identify},
    review::verify::verify,
    terminal::{counted, escape, report::Report, style::Style},
    vault::{Access, HeadState, Repository, Vault},
};
use vault_format::{AuthorName, Credential, Entry, FilePath, Grant, Group, GroupName, Member};

use crate::{commit::ReadArgs, context::Context, output, progress, trust::Strictness};
use check::{Check, State, check, from_reports};

#[derive(Args)]
pub struct DoctorArgs {
    #[command(flatten)]
    read: ReadArgs,
}

/// How soon an expiry is worth a word, in days.
const SOON: i64 = 14;

pub fn run(args: &DoctorArgs, context: &Context) -> Result<(), Failure> {
    let mut checks = Vec::new();
    match examine(args, context, &mut checks) {
        Ok(()) => {}
        // What stops the examination is its most important finding.
        Err(Failure(reports)) => {
            checks.extend(
                reports
                    .into_iter()
                    .map(|report| check(State::Bad, report.message, report.hint)),
            );
        }
    }
    let bad = checks.iter().filter(|check| check.state == State::Bad).count();
    if context.globals.json {
        output::print_json(&checks)?;
    } else {
        print(&checks);
    }
    if bad > 0 {
        return Err(Report::new(1, "doctor", format!("{bad} of {} checks failed", checks.len())).into());
    }
    Ok(())
}

fn examine(args: &DoctorArgs, context: &Context, checks: &mut Vec<Check>) -> Result<(), Failure> {
    let repository = Repository::open(Path::new("."), Access::Read)?;
    let vault = context.load(repository.snapshot(&args.read.reference)?)?;
    checks.push(check(
        State::Good,
        format!("vault {} at commit {}", vault.id(), vault.snapshot().commit().short()),
        None,
    ));
    checks.push(trust(context, &repository, &vault));
    checks.extend(branch(&repository));
    checks.push(identity(context, &vault));
    checks.push(signing_key(context, &vault));
    checks.push(state_directory(context));
    checks.extend(surroundings::examine(context));
    checks.push(authors(&vault));
    checks.push(keepers(&vault)?);
    checks.push(files(&vault)?);
    checks.extend(floors(&vault));
    checks.extend(expiries(&vault)?);
    Ok(())
}

fn trust(context: &Context, repository: &Repository, vault: &Vault<'_>) -> Check {
    let known = context
        .known_vaults()
        .ok()
        .flatten()
        .is_some_and(|known| known.knows(vault.id()));
    match context.is_anchored(vault, Strictness::Noted) {
        Ok(true) => check(State::Good, "your identity file names this vault", None),
        Ok(false) if context.globals.root == Some(vault.id()) => check(State::Good, "--root names this vault", None),
        Ok(false) if known => check(State::Good, "this vault was accepted on this machine", None),
        Ok(false) => check(
            State::Risk,
            format!(
                "nobody on this machine vouches for the vault at {}",
                crate::trust::place(repository, vault).display()
            ),
            Some("compare its id with one from an author, then: fleetvault trust accept".into()),
        ),
        Err(Failure(reports)) => {
            let message = reports.first().map(|report| report.message.clone()).unwrap_or_default();
            check(
                State::Bad,
                message,
                reports.into_iter().next().and_then(|report| report.hint),
            )
        }
    }
}

fn branch(repository: &Repository) -> Vec<Check> {
    let mut checks = Vec::new();
    if let Some(finish) = progress::next(repository.in_progress().operation) {
        checks.push(check(
            State::Risk,
            "git is in the middle of something, so nothing can be written",
            Some(format!(
                "fleetvault merge, where files of the vault conflict; then: {finish}"
            )),
        ));
    } else if repository.head() == HeadState::Detached {
        checks.push(check(
            State::Risk,
            "HEAD is detached, so nothing can be written",
            Some("git switch BRANCH".into()),
        ));
    }
    if let Some((ahead, behind)) = repository.ahead_behind_upstream() {
        if behind > 0 {
            let behind = counted(behind, "commit");
            let what = format!("this branch is {behind} behind its upstream, as last fetched");
            checks.push(check(State::Risk, what, Some("fleetvault sync".into())));
        }
        if ahead > 0 {
            checks.push(check(
                State::Risk,
                match ahead {
                    1 => "1 commit is not pushed".to_owned(),
                    _ => format!("{ahead} commits are not pushed"),
                },
                Some("fleetvault sync".into()),
            ));
        }
    }
    checks
}

fn identity(context: &Context, vault: &Vault<'_>) -> Check {
    // A check asks for nothing.
    if context.is_identity_locked().unwrap_or(false) {
        let what = "your identity is protected by a passphrase, and was not opened";
        return check(State::Note, what, None);
    }
    let read = || -> Result<(String, bool, bool), Failure> {
        let source = context.identity_source()?;
        let keyring = identify(vault, context.quiet_identity()?, &Expectation::default())?;
        let keeper = vault.is_granted(&GroupName::keepers(), keyring.member())?;
        Ok((keyring.member().to_string(), keeper, source.is_exposed()))
    };
    match read() {
        Ok((_, _, true)) => check(
            State::Bad,
            "others can read your identity file",
            Some("chmod 600 it, and rotate what it opens if others use this machine".into()),
        ),
        Ok((member, keeper, false)) => {
            let role = if keeper {
                ", a keeper: give your agents members of their own"
            } else {
                ""
            };
            check(State::Good, format!("you are member '{member}'{role}"), None)
        }
        Err(Failure(reports)) => from_reports(State::Risk, reports),
    }
}

fn signing_key(context: &Context, vault: &Vault<'_>) -> Check {
    let read = || -> Result<Option<String>, Failure> {
        let signer = Signer::open(&context.signing_key_path()?)?;
        Ok(vault.authority().author_of(signer.key()).map(ToString::to_string))
    };
    match read() {
        Ok(Some(author)) => check(State::Good, format!("you are author '{author}'"), None),
        Ok(None) => check(
            State::Risk,
            "your signing key is no author's, so you cannot write",
            None,
        ),
        Err(Failure(reports)) => from_reports(State::Risk, reports),
    }
}

fn state_directory(context: &Context) -> Check {
    let Some(state) = &context.settings.state else {
        return check(
            State::Risk,
            "there is no home directory, so no serials are remembered",
            Some("set XDG_STATE_HOME".into()),
        );
    };
    let probe = std::fs::create_dir_all(state).and_then(|()| tempfile::tempfile_in(state));
    match probe {
        Ok(_) => check(
            State::Good,
            format!("serials are remembered in {}", state.display()),
            None,
        ),
        Err(error) => check(
            State::Risk,
            format!("serials cannot be remembered in {}: {error}", state.display()),
            Some("without that, an older file is not noticed".into()),
        ),
    }
}

/// Whether the vault outlives the loss of any one signing key.
fn authors(vault: &Vault<'_>) -> Check {
    let root = vault.authority().root();
    let names = root.author_names();
    let has_one_key = |name: &AuthorName| root.authors.iter().filter(|line| &line.author == name).count() == 1;
    let (count, threshold) = (names.len() as u64, root.threshold);
    let are = if count == 1 { "author" } else { "authors" };
    match names.into_iter().find(|name| has_one_key(name)) {
        Some(_) if count == 1 => check(
            State::Risk,
            "1 author with 1 key: if it is lost, nobody can write to this vault any more",
            Some("fleetvault author add NAME --key-file FILE.pub, for another author or a second key that is kept offline".into()),
        ),
        Some(name) if count == threshold => check(
            State::Risk,
            format!("all {count} authors must sign the next root: if the key of {name} is lost, authors can never be changed again"),
            Some(format!(
                "fleetvault author add NAME --key-file FILE.pub, or: fleetvault author threshold {}",
                threshold - 1
            )),
        ),
        _ => check(State::Good, format!("{count} {are}; {threshold} must sign the next root"), None),
    }
}

fn keepers(vault: &Vault<'_>) -> Result<Check, Failure> {
    let keepers = FilePath::Group(GroupName::keepers());
    let epoch = body::<Group>(vault, &keepers).map(|group| group.epoch);
    let mut count = 0;
    for path in vault.paths("grants")? {
        // One that outlived its member keeps nothing, and neither does one of an epoch that is over.
        if let FilePath::Grant(group, member) = &path
            && group == &GroupName::keepers()
            && body::<Member>(vault, &FilePath::Member(member.clone())).is_some()
            && body::<Grant>(vault, &path).is_some_and(|grant| Some(grant.epoch) == epoch)
        {
            count += 1;
        }
    }
    let wanted = vault.authority().root().keepers;
    Ok(if count < wanted {
        check(
            State::Risk,
            format!("{count} of {wanted} keepers: if their keys are lost, no value can be opened for a new scope"),
            Some("fleetvault group grant keepers NAME, best for a member whose private key is kept offline".into()),
        )
    } else {
        check(State::Good, format!("{count} keepers"), None)
    })
}

/// What a file says, where it is sound and no tombstone.
fn body<K: Entry + Clone>(vault: &Vault<'_>, path: &FilePath) -> Option<K> {
    vault.look_at::<K>(path).ok().flatten()?.body().cloned()
}

fn files(vault: &Vault<'_>) -> Result<Check, Failure> {
    let verdict = verify(vault, &|_| {})?;
    Ok(match verdict.findings.len() {
        0 => check(
            State::Good,
            format!("all {} files are as they must be", verdict.files),
            None,
        ),
        many => check(
            State::Bad,
            format!("{} in {}", counted(many, "finding"), counted(verdict.files, "file")),
            Some("fleetvault verify".into()),
        ),
    })
}

/// Files that are older or other than what this machine has used. `verify` knows only the commit and cannot see that.
fn floors(vault: &Vault<'_>) -> Option<Check> {
    let used = vault.floors().list().unwrap_or_default();
    let mut refused = used.iter().filter_map(|(path, _)| {
        let floors = vault.floors();
        let checked = match vault.state_of(&FilePath::parse(path)?) {
            Ok(Some((serial, digest))) => floors.check(path, serial, || digest),
            Ok(None) => floors.check_absent(path),
            // What is broken is among the findings of `verify`.
            Err(_) => return None,
        };
        checked.err().map(|error| vault.error(path.as_str(), error))
    });
    let first = refused.next()?;
    let others = refused.count();
    let and = if others == 0 {
        String::new()
    } else {
        format!(" (and {others} more)")
    };
    let report = first.explain();
    Some(check(State::Bad, format!("{}{and}", report.message), report.hint))
}

fn expiries(vault: &Vault<'_>) -> Result<Vec<Check>, Failure> {
    let now = time::now();
    let mut checks = Vec::new();
    for name in vault.credential_names()? {
        let Ok(Some(file)) = vault.look_at::<Credential>(&FilePath::Credential(name.clone())) else {
            continue;
        };
        let Some(expires) = file.body().and_then(|terms| terms.expires) else {
            continue;
        };
        let todo = Some(format!("fleetvault rotate {name} --ttl 30d"));
        if expires <= now {
            checks.push(check(
                State::Risk,
                format!("{name} expired on {}", expires.date()),
                todo,
            ));
        } else if expires.unix() - now.unix() < SOON * 86_400 {
            checks.push(check(
                State::Risk,
                format!("{name} expires on {}", expires.date()),
                todo,
            ));
        }
    }
    Ok(checks)
}

fn print(checks: &[Check]) {
    let style = Style::stdout();
    for check in checks {
        let mark = match check.state {
            State::Good => style.green("good"),
            State::Note => style.bold("note"),
            State::Risk => style.yellow("risk"),
            State::Bad => style.red("bad "),
        };
        say!("{mark}  {}", escape(&check.what));
        let mut lines = check.todo.iter().flat_map(|todo| todo.lines());
        if let Some(first) = lines.next() {
            say!("      → {}", escape(first));
        }
        for line in lines {
            say!("        {}", escape(line));
        }
    }
}
