//! One thing that is found to be wrong.

/// One thing that is not as it must be.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// The path inside the vault.
    pub path: String,
    /// What is wrong with it, a line.
    pub problem: String,
}

impl Finding {
    /// Tells whether it is about a file that is sound, but sealed to keys that are no longer current.
    pub fn is_stale(&self) -> bool {
        self.problem.starts_with("stale: ")
    }
}

pub(super) fn finding(path: &str, problem: impl ToString) -> Finding {
    Finding {
        path: path.into(),
        problem: problem.to_string(),
    }
}
