//! Judging a vault without any key.

pub mod base;
mod parallel;
pub mod proposal;
pub mod verify;
