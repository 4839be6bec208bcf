//! The little that is asked of git itself: what only it knows of its configuration, its index and its variables.

use std::{
    env,
    ffi::OsStr,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use fleetvault::{cli::Failure, terminal::report::Report};

/// Runs git, and returns what it printed, without the line's end.
pub fn git(args: &[&str], variables: &[(&str, &OsStr)]) -> Result<String, Failure> {
    let output = output(args, variables)?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        let said = said.trim_end();
        return Err(Report::new(1, "git", format!("git {} failed: {said}", args.first().unwrap_or(&""))).into());
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim_end().to_owned())
}

/// Asks for something that may not be there.
pub fn ask(args: &[&str]) -> Result<Option<String>, Failure> {
    let output = output(args, &[])?;
    let text = String::from_utf8_lossy(&output.stdout).trim_end().to_owned();
    Ok(output.status.success().then_some(text))
}

fn output(args: &[&str], variables: &[(&str, &OsStr)]) -> Result<Output, Failure> {
    let output = Command::new("git").args(args).envs(variables.iter().copied()).output();
    output.map_err(|error| Report::new(1, "git", format!("cannot run git: {error}")).into())
}

/// Where the repository is that git calls a hook for.
pub fn directory() -> PathBuf {
    env::var_os("GIT_DIR").map_or_else(|| PathBuf::from("."), PathBuf::from)
}

/// Where git says that objects are, beside the repository's own: of a push, those that are not accepted yet.
pub fn objects() -> Vec<PathBuf> {
    let own = env::var_os("GIT_OBJECT_DIRECTORY").map(PathBuf::from);
    let others = env::var_os("GIT_ALTERNATE_OBJECT_DIRECTORIES");
    let others = others.iter().flat_map(env::split_paths);
    let all = own.into_iter().chain(others).filter(|path| path != Path::new(""));
    all.filter_map(|path| path.canonicalize().ok()).collect()
}
