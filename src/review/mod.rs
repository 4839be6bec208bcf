//! Judging a vault without any key.

pub mod base;
pub mod exposure;
mod parallel;
pub mod proposal;
mod stale;
pub mod verify;
