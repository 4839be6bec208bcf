//! Judging a vault without any key.

pub mod base;
pub mod exposure;
pub mod incoming;
mod parallel;
pub mod proposal;
pub mod verify;
