//! What stands between an agent and the resolver, and how an agent's client is told about it.
//!
//! Nothing here prints or reads the environment. Hooks and installation are pure: text and JSON in, text and JSON out.

mod client;
#[cfg(unix)]
pub mod mcp;

pub use client::{Client, UnknownClient};
