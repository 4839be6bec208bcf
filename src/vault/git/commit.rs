//! Making the commit object: who, when, which message, signed if the user's git signs.
//! The only place that starts a program (git itself, for signing); never moves a branch.

use std::io::Write as _;
use std::process::{Command, Stdio};

use git2::{ErrorCode, ObjectType, Oid, RepositoryOpenFlags, Signature};

use super::error::{WriteFailure, git};
use super::id::full_oid;
use super::{Access, libgit2};

/// Who commits, and how.
pub(super) struct Identity {
    author: Signature<'static>,
    pub committer: Signature<'static>,
    sign: bool,
}

impl Identity {
    /// Asks git's environment and configuration, by git's rules.
    pub fn of_user(repository: &git2::Repository) -> Result<Self, WriteFailure> {
        let with_environment = configured_by_environment(repository)?;
        let repository = with_environment.as_ref().unwrap_or(repository);
        let unknown = |error: git2::Error| match error.code() {
            ErrorCode::NotFound | ErrorCode::Invalid => WriteFailure::NoIdentity,
            _ => git("find out who commits")(error),
        };
        Ok(Self {
            author: repository.author_from_env().map_err(unknown)?,
            committer: repository.committer_from_env().map_err(unknown)?,
            sign: is_signing(repository)?,
        })
    }

    /// Tells whether git signs the commit, which may ask the user for something.
    pub fn signs(&self) -> bool {
        self.sign
    }
}

/// libgit2 knows git's variables for the place of the configuration only together with others that
/// must not count here (GIT_WORK_TREE, GIT_OBJECT_DIRECTORY): hence a second handle, and only if
/// one of them is set.
fn configured_by_environment(repository: &git2::Repository) -> Result<Option<git2::Repository>, WriteFailure> {
    let variables = ["GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM", "GIT_CONFIG_NOSYSTEM"];
    if variables.iter().all(|name| std::env::var_os(name).is_none()) {
        return Ok(None);
    }
    let flags = RepositoryOpenFlags::NO_SEARCH | RepositoryOpenFlags::NO_DOTGIT | RepositoryOpenFlags::FROM_ENV;
    // Ownership was checked when the repository was opened.
    libgit2::open(repository.path(), flags, Access::Read)
        .map(Some)
        .map_err(git("read git's configuration"))
}

fn is_signing(repository: &git2::Repository) -> Result<bool, WriteFailure> {
    let config = repository.config().map_err(git("read git's configuration"))?;
    match config.get_bool("commit.gpgsign") {
        Ok(sign) => Ok(sign),
        Err(error) if error.code() == ErrorCode::NotFound => Ok(false),
        Err(error) => Err(git("read commit.gpgsign")(error)),
    }
}

/// Writes the message: subject, an empty line, trailers.
pub(super) fn message(subject: &str, trailers: &[(String, String)]) -> Result<String, WriteFailure> {
    let broken = |text: &str| text.contains(['\n', '\r', '\0']);
    if subject.trim().is_empty() {
        return Err(WriteFailure::BadMessage("an empty subject"));
    }
    if broken(subject) {
        return Err(WriteFailure::BadMessage("a subject of several lines"));
    }
    let mut message = format!("{subject}\n");
    for (number, (key, value)) in trailers.iter().enumerate() {
        let fits = |c: char| c.is_ascii_alphanumeric() || c == '-';
        if broken(value) || key.is_empty() || !key.chars().all(fits) {
            return Err(WriteFailure::BadMessage("a trailer of several lines"));
        }
        if number == 0 {
            message.push('\n');
        }
        message.push_str(&format!("{key}: {value}\n"));
    }
    Ok(message)
}

/// Writes the commit object.
pub(super) fn create(
    repository: &git2::Repository,
    identity: &Identity,
    message: &str,
    tree: Oid,
    parent: Option<Oid>,
) -> Result<Oid, WriteFailure> {
    if identity.sign {
        return create_signed(repository, identity, message, tree, parent);
    }
    let mut commit = format!("tree {tree}\n").into_bytes();
    if let Some(parent) = parent {
        commit.extend_from_slice(format!("parent {parent}\n").as_bytes());
    }
    for (role, who) in [("author", &identity.author), ("committer", &identity.committer)] {
        commit.extend_from_slice(role.as_bytes());
        commit.push(b' ');
        commit.extend_from_slice(&signature(who));
        commit.push(b'\n');
    }
    commit.push(b'\n');
    commit.extend_from_slice(message.as_bytes());
    let odb = repository.odb().map_err(git("write the commit"))?;
    odb.write(ObjectType::Commit, &commit).map_err(git("write the commit"))
}

/// Has git make the commit, so that the user's key, format and signing program are git's matter.
fn create_signed(
    repository: &git2::Repository,
    identity: &Identity,
    message: &str,
    tree: Oid,
    parent: Option<Oid>,
) -> Result<Oid, WriteFailure> {
    let mut git = Command::new("git");
    git.arg("--git-dir").arg(repository.path());
    git.args(["commit-tree", "-S", &tree.to_string()]);
    if let Some(parent) = parent {
        git.args(["-p", &parent.to_string()]);
    }
    for name in ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY"] {
        git.env_remove(name);
    }
    for (role, who) in [("AUTHOR", &identity.author), ("COMMITTER", &identity.committer)] {
        git.env(format!("GIT_{role}_NAME"), lossy(who.name_bytes()));
        git.env(format!("GIT_{role}_EMAIL"), lossy(who.email_bytes()));
        git.env(format!("GIT_{role}_DATE"), format!("@{}", date(who)));
    }
    let failed = |text: &str| WriteFailure::Signing(text.trim().replace('\n', "; "));
    let mut child = git
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| failed(&format!("cannot start git: {error}")))?;
    if let Some(mut stdin) = child.stdin.take() {
        // If git is gone already, its exit says why.
        let _ = stdin.write_all(message.as_bytes());
    }
    let output = child
        .wait_with_output()
        .map_err(|error| failed(&format!("cannot wait for git: {error}")))?;
    if !output.status.success() {
        return Err(failed(&lossy(&output.stderr)));
    }
    full_oid(lossy(&output.stdout).trim()).ok_or_else(|| failed("git commit-tree printed no commit id"))
}

/// Writes who and when, as commits and logs have it.
pub(super) fn signature(who: &Signature<'_>) -> Vec<u8> {
    let date = date(who);
    [who.name_bytes(), b" <", who.email_bytes(), b"> ", date.as_bytes()].concat()
}

fn date(who: &Signature<'_>) -> String {
    let when = who.when();
    let minutes = when.offset_minutes().unsigned_abs();
    let (hours, minutes) = (minutes / 60, minutes % 60);
    format!("{} {}{hours:02}{minutes:02}", when.seconds(), when.sign())
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_a_subject_and_trailers() {
        let trailer = |key: &str, value: &str| vec![(key.to_owned(), value.to_owned())];
        assert_eq!(message("set x", &[]).unwrap(), "set x\n");
        assert_eq!(
            message("set x", &trailer("Fleetvault-Scope", "a, b")).unwrap(),
            "set x\n\nFleetvault-Scope: a, b\n"
        );
        for (subject, trailers) in [
            ("", vec![]),
            ("a\nb", vec![]),
            ("a", trailer("K", "a\nInjected: b")),
            ("a", trailer("K e y", "a")),
        ] {
            assert!(message(subject, &trailers).is_err(), "{subject:?}");
        }
    }
}
