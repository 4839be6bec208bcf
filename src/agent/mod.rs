//! What stands between an agent and the resolver, and how an agent's client is told about it.
//!
//! Nothing here prints or reads the environment. Hooks are pure: JSON in, JSON out.

mod client;
pub mod hook;
pub mod install;
#[cfg(unix)]
pub mod mcp;

pub use client::{Client, UnknownClient};
