//! Syncing to disk, many things at once: a journaling file system commits together what is asked for together, so that many cost little
//! more than one.

use std::fs::File;
use std::path::PathBuf;
use std::thread;

use super::error::{Doing, WriteFailure};

/// How many syncs are under way at once.
const AT_ONCE: usize = 16;

/// Has files and directories synced to disk. On systems that cannot open a directory those are left out: they order such changes themselves.
pub(super) fn sync_all(paths: &[PathBuf]) -> Result<(), WriteFailure> {
    let sync = |part: &[PathBuf]| -> Result<(), WriteFailure> {
        for path in part {
            if cfg!(unix) || !path.is_dir() {
                File::open(path).and_then(|file| file.sync_all()).doing("sync", path)?;
            }
        }
        Ok(())
    };
    let [_, _, ..] = paths else { return sync(paths) };
    thread::scope(|scope| {
        let parts = paths.chunks(paths.len().div_ceil(AT_ONCE));
        let start = |part| {
            thread::Builder::new()
                .spawn_scoped(scope, move || sync(part))
                .map_err(|_| part)
        };
        let running: Vec<_> = parts.map(start).collect();
        running
            .into_iter()
            .try_for_each(|part| match part.map(thread::ScopedJoinHandle::join) {
                Ok(Ok(result)) => result,
                // The system has no thread left: it takes longer.
                Err(part) => sync(part),
                Ok(Err(_)) => Err(WriteFailure::Io {
                    doing: "sync",
                    path: paths[0].clone(),
                    source: std::io::Error::other("a thread stopped unexpectedly"),
                }),
            })
    })
}
