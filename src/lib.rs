//! fleetvault: a git-backed vault for the credentials of people, machines and AI agents.

#![deny(unsafe_code)]
#![warn(missing_docs)]

pub mod resolver;
pub mod vault;
