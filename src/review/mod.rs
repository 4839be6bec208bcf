//! Judging a vault without any key.

pub mod base;
pub mod verify;
