//! Judging a vault without any key.

pub mod verify;
