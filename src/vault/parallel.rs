//! Work on many files of one commit, on all processors.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    thread,
};

use super::{Place, Repository, Snapshot};

/// How many files one thread takes at a time: few, so that none waits long for the last one.
const BATCH: usize = 16;

/// What is not worth a thread of its own.
const PART_MIN: usize = 64;

/// Does something with each of `items`, in no order. Each thread has the repository and the commit to itself; `progress` is called with the number
/// of items done since the last call.
///
/// # Errors
/// What keeps the repository from being opened once more, or stopped a thread.
pub(crate) fn in_parallel<T: Sync, R: Send>(
    place: &Place,
    items: &[T],
    progress: &(dyn Fn(usize) + Sync),
    work: impl Fn(&Repository, &Snapshot<'_>, &T) -> R + Sync,
) -> Result<Vec<R>, String> {
    let next = AtomicUsize::new(0);
    let run = || -> Result<Vec<R>, String> {
        let repository = place.open().map_err(|error| error.to_string())?;
        let snapshot = repository.snapshot_at(place).map_err(|error| error.to_string())?;
        let mut results = Vec::new();
        loop {
            let from = next.fetch_add(BATCH, Ordering::Relaxed);
            let batch = items.get(from..items.len().min(from + BATCH)).unwrap_or_default();
            if batch.is_empty() {
                return Ok(results);
            }
            results.extend(batch.iter().map(|item| work(&repository, &snapshot, item)));
            progress(batch.len());
        }
    };
    let threads = thread::available_parallelism()
        .map_or(1, usize::from)
        .min(items.len() / PART_MIN + 1);
    let results = thread::scope(|scope| {
        let start = |_| thread::Builder::new().spawn_scoped(scope, run).ok();
        let running: Vec<_> = (1..threads).map_while(start).collect();
        // This thread works too: where the system has no other left, it does everything.
        let own = Ok(run());
        let others = running.into_iter().map(thread::ScopedJoinHandle::join);
        others.chain([own]).collect::<Vec<_>>()
    });
    let mut all = Vec::with_capacity(items.len());
    for result in results {
        all.extend(result.map_err(|_| "a thread stopped unexpectedly")??);
    }
    Ok(all)
}
