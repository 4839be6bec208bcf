//! The last keeper stays: pure, for whatever takes a member out of the keepers.

use vault_format::MemberName;

use super::error::RootError;

/// Checks that somebody is left among the `keepers` when `leaving` go.
///
/// # Errors
/// [`RootError::LastKeeper`] naming the last of those who go.
pub fn check_keeper_may_leave(keepers: &[MemberName], leaving: &[MemberName]) -> Result<(), RootError> {
    if keepers.iter().any(|keeper| !leaving.contains(keeper)) {
        return Ok(());
    }
    match leaving.iter().rfind(|name| keepers.contains(name)) {
        Some(last) => Err(RootError::LastKeeper(last.clone())),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn somebody_is_left() {
        let names =
            |text: &str| -> Vec<MemberName> { text.split_whitespace().map(|name| name.parse().unwrap()).collect() };
        let may = |keepers: &str, leaving: &str| check_keeper_may_leave(&names(keepers), &names(leaving)).is_ok();
        assert!(may("alice recovery", "alice"));
        assert!(may("alice", "dev"));
        assert!(may("", "dev"));
        assert!(!may("alice", "alice"));
        assert!(!may("alice recovery", "recovery dev alice"));
    }
}
