//! What a launch leaves in the audit log.

use super::{Failure, Settings, time};
use crate::{
    resolver::{
        Permitted,
        audit::{AuditLog, Entry},
        policy::{Policy, Question},
    },
    terminal::report::Report,
};

/// The file in the state directory, where no other was configured.
const FILE: &str = "audit.jsonl";

/// The log of one launch.
pub struct Trail<'t> {
    log: Option<AuditLog>,
    required: bool,
    question: &'t Question<'t>,
    failed: Option<String>,
}

/// The audit log of this user, or the configured one; `None` where there is no place for it.
pub fn audit_log(policy: &Policy, settings: &Settings) -> Option<AuditLog> {
    let file = policy.audit.file.clone();
    let file = file.or_else(|| settings.state.as_ref().map(|state| state.join(FILE)))?;
    Some(AuditLog::new(file, policy.audit.rotate_at))
}

impl<'t> Trail<'t> {
    /// The log for what comes of one question.
    pub fn new(policy: &Policy, settings: &Settings, question: &'t Question<'t>) -> Self {
        Self {
            log: audit_log(policy, settings),
            required: policy.audit.required,
            question,
            failed: None,
        }
    }

    /// Logs what was opened, before anybody gets it.
    ///
    /// # Errors
    /// The log cannot be written, and the configuration says that it must be.
    pub fn opened(&mut self, permitted: &[Permitted]) -> Result<(), Failure> {
        let line = |one: &Permitted| self.entry(one.name().as_str(), Some(one.serial()), None);
        self.append(permitted.iter().map(line).collect());
        match &self.failed {
            Some(reason) if self.required => Err(Report::new(
                7,
                "audit",
                format!("the audit log must be written, and cannot be: {reason}"),
            )
            .hint("the configuration says audit_required = true; nothing was handed out")
            .into()),
            _ => Ok(()),
        }
    }

    /// Logs what was refused, by the reports that name a credential.
    pub fn refused(&mut self, failure: &Failure) {
        let about = failure
            .0
            .iter()
            .filter_map(|report| Some((report.credential.as_deref()?, report.code)));
        self.append(about.map(|(name, code)| self.entry(name, None, Some(code))).collect());
    }

    /// Why the log could not be written, if so.
    pub fn failed(self) -> Option<String> {
        self.failed
    }

    fn append(&mut self, entries: Vec<Entry>) {
        if entries.is_empty() {
            return;
        }
        let Some(log) = &self.log else {
            self.failed = Some("neither XDG_STATE_HOME nor HOME names a directory".into());
            return;
        };
        if let Err(error) = log.append(&entries) {
            self.failed = Some(format!("{}: {error}", log.path().display()));
        }
    }

    fn entry(&self, credential: &str, serial: Option<u64>, refused: Option<&str>) -> Entry {
        let question = self.question;
        Entry {
            time: time::now().to_string(),
            vault: question.vault.to_string(),
            commit: question.commit.to_string(),
            member: question.member.to_string(),
            credential: credential.to_owned(),
            serial,
            purpose: question.purpose.as_str().to_owned(),
            outcome: if refused.is_some() { "refused" } else { "opened" }.to_owned(),
            code: refused.map(str::to_owned),
        }
    }
}
