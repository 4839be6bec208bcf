//! Whether an agent on this machine could go around its resolver: read the identity, or change what the resolver is told to ask and to keep.

use std::{fs::File, io, path::Path};

use fleetvault::{
    cli::configuration::{self, SYSTEM},
    resolver::IdentitySource,
};

use super::check::{Check, State, check, from_reports};
use crate::context::Context;

pub fn examine(context: &Context) -> Vec<Check> {
    let mut checks = Vec::new();
    checks.extend(identity(context));
    checks.extend(policy(context));
    checks
}

/// Who can read the identity can do without a resolver.
fn identity(context: &Context) -> Option<Check> {
    let Ok(IdentitySource::Path(path)) = context.identity_source() else {
        return None;
    };
    let shown = path.display();
    match File::open(&path) {
        Ok(_) => Some(check(
            State::Note,
            format!(
                "every program that runs as {}, agents included, can read {shown}, the state and the configuration: for them the resolver guards against accidents only",
                user()
            ),
            Some("let agents run as another user than their resolver; then it is a boundary".into()),
        )),
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Some(check(
            State::Good,
            format!(
                "programs that run as {} cannot read {shown}: they have only what its resolver gives them",
                user()
            ),
            None,
        )),
        // That it is missing is said elsewhere.
        Err(_) => None,
    }
}

fn policy(context: &Context) -> Vec<Check> {
    let policy = match configuration::policy(&context.settings, None, None) {
        Ok(policy) => policy,
        Err(failure) => return vec![from_reports(State::Bad, failure.0)],
    };
    let programs = policy
        .pre_resolve
        .iter()
        .chain(&policy.approver)
        .map(|program| program.path().to_owned());
    let mut checks: Vec<Check> = programs.map(|program| asked(&program)).collect();
    if Path::new(SYSTEM).exists() && can_change(Path::new(SYSTEM)) {
        checks.push(check(
            State::Risk,
            format!("{} can change {SYSTEM}, which is to bind it", user()),
            Some(format!("chown root {SYSTEM} && chmod 644 {SYSTEM}")),
        ));
    }
    let own = context
        .settings
        .config
        .as_ref()
        .map(|directory| directory.join("resolver.toml"));
    if let Some(own) = own.filter(|own| own.exists() && !checks.is_empty()) {
        checks.push(check(
            State::Note,
            format!(
                "what {} says, every program that runs as {} can change",
                own.display(),
                user()
            ),
            Some(format!("what must hold belongs in {SYSTEM}")),
        ));
    }
    checks
}

/// A program that is asked before a value is opened.
fn asked(program: &Path) -> Check {
    let shown = program.display();
    if !program.is_file() {
        return check(
            State::Bad,
            format!("{shown} is to be asked before a value is opened, and is not there: nothing is resolved"),
            Some("put it there, or take it out of resolver.toml".into()),
        );
    }
    match can_change(program) {
        true => check(
            State::Note,
            format!(
                "{shown} is asked before a value is opened, and every program that runs as {} can change it",
                user()
            ),
            Some("let root own it, and its directory".into()),
        ),
        false => check(State::Good, format!("{shown} is asked before a value is opened"), None),
    }
}

#[cfg(unix)]
fn user() -> String {
    format!("uid {}", rustix::process::geteuid().as_raw())
}

#[cfg(not(unix))]
fn user() -> String {
    "you".into()
}

/// Tells whether this user can write a file, or put another in its place. Root always can, which is no finding.
#[cfg(unix)]
fn can_change(path: &Path) -> bool {
    use rustix::fs::{Access, access};

    let directory = path.parent().unwrap_or(Path::new("/"));
    let writable = |path: &Path| access(path, Access::WRITE_OK).is_ok();
    !rustix::process::geteuid().is_root() && (writable(path) || writable(directory))
}

#[cfg(not(unix))]
fn can_change(_: &Path) -> bool {
    false
}
