//! Judging a vault without any key.

pub mod base;
pub mod exposure;
mod finding;
pub mod incoming;
mod keys;
mod places;
pub mod proposal;
mod put_back;
mod stale;
pub mod verify;

pub use finding::Finding;
