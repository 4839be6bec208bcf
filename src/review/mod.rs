//! Judging a vault without any key.

pub mod base;
pub mod exposure;
pub mod verify;
