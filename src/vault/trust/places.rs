//! Where files were found: for each one used from a large directory, the ids of that directory's tree and of the file.
//!
//! Saves reading a tree of thousands of entries again to find one, as long as it is the same tree. Only a shortcut: what is found by it goes
//! through every check that any file goes through, and a machine that cannot write it is slower, no less safe.

use std::{cell::RefCell, collections::BTreeMap, fs, path::PathBuf};

use crate::vault::git::Remembered;

/// The places of one vault, and those to be written.
pub struct Places {
    directory: Option<PathBuf>,
    found: RefCell<BTreeMap<String, String>>,
}

impl Places {
    /// Places kept in `directory`; `None` on machines that keep no state.
    pub fn new(directory: Option<PathBuf>) -> Self {
        Self {
            directory,
            found: RefCell::default(),
        }
    }

    /// Writes what was found, as far as that is possible.
    pub fn save(&self) {
        let Some(directory) = &self.directory else { return };
        for (path, place) in self.found.take() {
            // Not synced to disk: a file that is cut short is no place, and is found anew.
            let _ = super::replace_unsynced(&directory.join(path), place.as_bytes());
        }
    }
}

impl Remembered for Places {
    fn recall(&self, path: &str) -> Option<String> {
        fs::read_to_string(self.directory.as_ref()?.join(path)).ok()
    }

    fn note(&self, path: &str, place: String) {
        self.found.borrow_mut().insert(path.into(), place);
    }
}
