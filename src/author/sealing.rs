//! Many grants of one key, sealed on all processors: when somebody leaves a large group, that is where the time goes. Signing stays in one place,
//! where an agent or a hardware key is asked for one signature after the other.

use std::thread;

use vault_format::{Draft, Grant, Head, Kind, Plugins, Recipient, SealError, Secret};

use super::error::AuthorError;

/// What is not worth a thread of its own.
const PART_MIN: usize = 16;

type Job = (Head<Grant>, Vec<Recipient>);
type Sealed = Result<Vec<Draft<Grant>>, (String, SealError)>;

/// Seals the same secret to each of these, and keeps their order.
///
/// # Errors
/// [`AuthorError::Seal`].
pub(super) fn seal_all(
    jobs: Vec<Job>,
    secret: &Secret,
    plugins: Option<&dyn Plugins>,
) -> Result<Vec<Draft<Grant>>, AuthorError> {
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let size = jobs.len().div_ceil(threads).max(PART_MIN);
    let parts: Vec<Sealed> = thread::scope(|scope| {
        let start = |part| {
            thread::Builder::new()
                .spawn_scoped(scope, move || seal(part, secret, plugins))
                .map_err(|_| part)
        };
        let running: Vec<_> = jobs.chunks(size).map(start).collect();
        let end = |part: Result<thread::ScopedJoinHandle<'_, Sealed>, &[Job]>| match part {
            Ok(thread) => thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)),
            // The system has no thread left: it takes longer.
            Err(part) => seal(part, secret, plugins),
        };
        running.into_iter().map(end).collect()
    });
    let mut drafts = Vec::with_capacity(jobs.len());
    for part in parts {
        drafts.extend(part.map_err(|(what, error)| AuthorError::Seal { what, error })?);
    }
    Ok(drafts)
}

fn seal(jobs: &[Job], secret: &Secret, plugins: Option<&dyn Plugins>) -> Sealed {
    let seal = |(head, recipients): &Job| {
        let what = || Grant::path(head).to_string();
        Draft::sealed_with(head.clone(), secret, recipients, plugins).map_err(|error| (what(), error))
    };
    jobs.iter().map(seal).collect()
}
