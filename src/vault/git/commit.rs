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
    parents: &[Oid],
) -> Result<Oid, WriteFailure> {
    let draft = Draft {
        author: &identity.author,
        message: message.as_bytes(),
        tree,
        parents,
    };
    draft.write(repository, identity)
}

/// Writes a commit as another one was made: who wrote it and when, and its message. Who commits is the user.
pub(super) fn create_like(
    repository: &git2::Repository,
    identity: &Identity,
    like: Oid,
    tree: Oid,
    parents: &[Oid],
) -> Result<Oid, WriteFailure> {
    let like = repository.find_commit(like).map_err(git("read a commit"))?;
    let draft = Draft {
        author: &like.author().to_owned(),
        message: like.message_raw_bytes(),
        tree,
        parents,
    };
    draft.write(repository, identity)
}

/// A commit that is to be written.
struct Draft<'d> {
    author: &'d Signature<'d>,
    message: &'d [u8],
    tree: Oid,
    parents: &'d [Oid],
}

impl Draft<'_> {
    fn write(&self, repository: &git2::Repository, identity: &Identity) -> Result<Oid, WriteFailure> {
        if identity.sign {
            return self.write_signed(repository, identity);
        }
        let mut commit = format!("tree {}\n", self.tree).into_bytes();
        for parent in self.parents {
            commit.extend_from_slice(format!("parent {parent}\n").as_bytes());
        }
        for (role, who) in [("author", self.author), ("committer", &identity.committer)] {
            commit.extend_from_slice(role.as_bytes());
            commit.push(b' ');
            commit.extend_from_slice(&signature(who));
            commit.push(b'\n');
        }
        commit.push(b'\n');
        commit.extend_from_slice(self.message);
        let odb = repository.odb().map_err(git("write the commit"))?;
        odb.write(ObjectType::Commit, &commit).map_err(git("write the commit"))
    }

    /// Has git make the commit, so that the user's key, format and signing program are git's matter.
    fn write_signed(&self, repository: &git2::Repository, identity: &Identity) -> Result<Oid, WriteFailure> {
        let mut git = Command::new("git");
        git.arg("--git-dir").arg(repository.path());
        git.args(["commit-tree", "-S", &self.tree.to_string()]);
        for parent in self.parents {
            git.args(["-p", &parent.to_string()]);
        }
        for name in ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY"] {
            git.env_remove(name);
        }
        for (role, who) in [("AUTHOR", self.author), ("COMMITTER", &identity.committer)] {
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
            let _ = stdin.write_all(self.message);
        }
        let output = child
            .wait_with_output()
            .map_err(|error| failed(&format!("cannot wait for git: {error}")))?;
        if !output.status.success() {
            return Err(failed(&lossy(&output.stderr)));
        }
        full_oid(lossy(&output.stdout).trim()).ok_or_else(|| failed("git commit-tree printed no commit id"))
    }
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
