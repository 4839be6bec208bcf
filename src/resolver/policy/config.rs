//! `resolver.toml`: what the machine's administrator and the user decided, outside of any repository.
//!
//! What the administrator's file says cannot be overridden: hooks are asked in addition, other settings win. Reads text only.

use std::{path::PathBuf, time::Duration};

use serde::Deserialize;
use thiserror::Error;

use super::consult::Program;

/// How long a pre-resolve hook has.
const HOOK_TIMEOUT: Duration = Duration::from_secs(10);

/// How long an approver has: a person must read the command first.
const APPROVER_TIMEOUT: Duration = Duration::from_secs(300);

/// At which size an audit log is rotated, in bytes.
const AUDIT_LOG_SIZE: u64 = 10 << 20;

/// The smallest size for it: one line must fit.
const AUDIT_LOG_SIZE_MIN: u64 = 64 << 10;

/// One `resolver.toml`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Configuration {
    pre_resolve: Option<CommandLine>,
    pre_resolve_timeout: Option<String>,
    approver: Option<CommandLine>,
    approver_timeout: Option<String>,
    audit_log: Option<PathBuf>,
    audit_log_size: Option<u64>,
    #[serde(default)]
    audit_required: bool,
}

/// A program, alone or with arguments. No shell takes it apart.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
enum CommandLine {
    Program(String),
    Words(Vec<String>),
}

/// What is wrong with a `resolver.toml`.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ConfigError {
    /// It is no TOML, or has a key that does not exist.
    #[error("{0}")]
    Toml(String),
    /// A program that is not named by an absolute path.
    #[error("{key} must be an absolute path, or a list of one and its arguments, found '{found}'")]
    NotAbsolute {
        /// The key.
        key: &'static str,
        /// What it says.
        found: String,
    },
    /// A time that is none.
    #[error("{key} must be a time such as \"10s\" or \"5m\", found '{found}'")]
    NoTime {
        /// The key.
        key: &'static str,
        /// What it says.
        found: String,
    },
    /// A log that would be rotated with every line.
    #[error("audit_log_size must be at least {AUDIT_LOG_SIZE_MIN} bytes, found {0}")]
    TooSmall(u64),
}

/// Everything that was configured, put together for one launch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// The hooks, the administrator's first. All must say yes.
    pub pre_resolve: Vec<Program>,
    /// Who is asked where a credential says `confirm`; else the person at the terminal.
    pub approver: Option<Program>,
    /// Where the audit log is and what it must do.
    pub audit: AuditSettings,
}

/// The settings of the audit log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditSettings {
    /// The file; else one in the state directory.
    pub file: Option<PathBuf>,
    /// From which size on it is rotated, in bytes.
    pub rotate_at: u64,
    /// Whether nothing is opened where the log cannot be written.
    pub required: bool,
}

impl Configuration {
    /// Reads the text of a `resolver.toml`.
    ///
    /// # Errors
    /// [`ConfigError`]; a key that does not exist is refused, since it may have been meant to forbid something.
    pub fn parse(text: &str) -> Result<Self, ConfigError> {
        let read: Self =
            toml::from_str(text).map_err(|error| ConfigError::Toml(error.to_string().trim_end().to_owned()))?;
        // Read once here, so that whoever has a configuration has one that can be used.
        read.hook()?;
        read.approver()?;
        match read.audit_log_size {
            Some(size) if size < AUDIT_LOG_SIZE_MIN => return Err(ConfigError::TooSmall(size)),
            _ => {}
        }
        match &read.audit_log {
            Some(path) if !path.is_absolute() => Err(ConfigError::NotAbsolute {
                key: "audit_log",
                found: path.display().to_string(),
            }),
            _ => Ok(read),
        }
    }

    /// Tells where the audit log must be.
    pub fn audit_log(&self) -> Option<&PathBuf> {
        self.audit_log.as_ref()
    }

    fn hook(&self) -> Result<Option<Program>, ConfigError> {
        let keys = ["pre_resolve", "pre_resolve_timeout"];
        program(
            keys,
            self.pre_resolve.as_ref(),
            self.pre_resolve_timeout.as_deref(),
            HOOK_TIMEOUT,
        )
    }

    fn approver(&self) -> Result<Option<Program>, ConfigError> {
        let keys = ["approver", "approver_timeout"];
        program(
            keys,
            self.approver.as_ref(),
            self.approver_timeout.as_deref(),
            APPROVER_TIMEOUT,
        )
    }
}

impl Policy {
    /// Puts together what the administrator, the user and the launch say. `hook` and `audit_log` are the launch's, in place of the user's.
    ///
    /// # Errors
    /// [`ConfigError`], which [`Configuration::parse`] has found already.
    pub fn new(
        system: &Configuration,
        user: &Configuration,
        hook: Option<PathBuf>,
        audit_log: Option<PathBuf>,
    ) -> Result<Self, ConfigError> {
        let own = match hook {
            Some(path) => Some(Program::new(path, Vec::new(), HOOK_TIMEOUT)),
            None => user.hook()?,
        };
        Ok(Self {
            pre_resolve: system.hook()?.into_iter().chain(own).collect(),
            approver: match system.approver()? {
                Some(approver) => Some(approver),
                None => user.approver()?,
            },
            audit: AuditSettings {
                file: system
                    .audit_log
                    .clone()
                    .or(audit_log)
                    .or_else(|| user.audit_log.clone()),
                rotate_at: system.audit_log_size.or(user.audit_log_size).unwrap_or(AUDIT_LOG_SIZE),
                required: system.audit_required || user.audit_required,
            },
        })
    }
}

fn program(
    [key, timeout_key]: [&'static str; 2],
    line: Option<&CommandLine>,
    timeout: Option<&str>,
    default: Duration,
) -> Result<Option<Program>, ConfigError> {
    let timeout = match timeout {
        Some(text) => duration(text).ok_or_else(|| ConfigError::NoTime {
            key: timeout_key,
            found: text.to_owned(),
        })?,
        None => default,
    };
    let words = match line {
        None => return Ok(None),
        Some(CommandLine::Program(path)) => std::slice::from_ref(path),
        Some(CommandLine::Words(words)) => words,
    };
    let (path, args) = words
        .split_first()
        .map_or(("", &[][..]), |(path, args)| (path.as_str(), args));
    if !PathBuf::from(path).is_absolute() {
        return Err(ConfigError::NotAbsolute {
            key,
            found: path.to_owned(),
        });
    }
    Ok(Some(Program::new(path.into(), args.to_vec(), timeout)))
}

/// Reads `10s`, `1m 30s`, `2h`: longer than nothing.
pub fn duration(text: &str) -> Option<Duration> {
    let read: jiff::SignedDuration = text.parse().ok()?;
    Duration::try_from(read).ok().filter(|time| !time.is_zero())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Configuration, String> {
        Configuration::parse(text).map_err(|error| error.to_string())
    }

    fn policy(system: &str, user: &str, hook: Option<&str>, log: Option<&str>) -> Policy {
        let (system, user) = (parse(system).unwrap(), parse(user).unwrap());
        Policy::new(&system, &user, hook.map(PathBuf::from), log.map(PathBuf::from)).unwrap()
    }

    fn hooks(policy: &Policy) -> Vec<&str> {
        policy
            .pre_resolve
            .iter()
            .map(|hook| hook.path().to_str().unwrap())
            .collect()
    }

    #[test]
    fn nothing_overrides_the_administrators_file() {
        let system = "pre_resolve = \"/sys/hook\"\naudit_log = \"/sys/log\"\naudit_required = true\napprover = [\"/sys/ask\", \"-x\"]";
        let user = "pre_resolve = [\"/own/hook\", \"a b\"]\naudit_log = \"/own/log\"\napprover = \"/own/ask\"\naudit_log_size = 100000";
        let both = policy(system, user, None, None);
        assert_eq!(hooks(&both), ["/sys/hook", "/own/hook"]);
        assert_eq!(both.approver.as_ref().unwrap().path().to_str(), Some("/sys/ask"));
        assert_eq!(both.audit.file, Some("/sys/log".into()));
        assert_eq!((both.audit.required, both.audit.rotate_at), (true, 100_000));
        let launched = policy(system, user, Some("/flag/hook"), Some("/flag/log"));
        assert_eq!(hooks(&launched), ["/sys/hook", "/flag/hook"]);
        assert_eq!(launched.audit.file, Some("/sys/log".into()));
        let alone = policy("", user, Some("/flag/hook"), Some("/flag/log"));
        assert_eq!(hooks(&alone), ["/flag/hook"]);
        assert_eq!(alone.audit.file, Some("/flag/log".into()));
        assert_eq!(policy("", "", None, None).pre_resolve, []);
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        for (text, error) in [
            ("pre_resolve = \"hook\"", "pre_resolve must be an absolute path"),
            ("pre_resolve = []", "pre_resolve must be an absolute path"),
            ("approver = [\"./ask\", \"x\"]", "found './ask'"),
            ("audit_log = \"log\"", "audit_log must be an absolute path"),
            (
                "pre_resolve_timeout = \"soon\"",
                "pre_resolve_timeout must be a time such as",
            ),
            ("approver_timeout = \"0s\"", "approver_timeout must be a time such as"),
            (
                "audit_log_size = 10",
                "audit_log_size must be at least 65536 bytes, found 10",
            ),
            ("pre-resolve = \"/x\"", "unknown field `pre-resolve`"),
            ("pre_resolve = 1", "pre_resolve"),
            ("x", "TOML parse error at line 1"),
        ] {
            let found = parse(text).unwrap_err();
            assert!(found.contains(error), "{text}: {found}");
        }
        assert_eq!(duration("1m 30s"), Some(Duration::from_secs(90)));
        assert_eq!(duration("-1s"), None);
    }
}
