//! One thing that is found to be wrong.

/// One thing that is not as it must be.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// The path inside the vault.
    pub path: String,
    /// What is wrong with it, a line.
    pub problem: String,
}

pub(super) fn finding(path: &str, problem: impl ToString) -> Finding {
    Finding {
        path: path.into(),
        problem: problem.to_string(),
    }
}
