//! What stands between an agent and the resolver, and how an agent's client is told about it.
//!
//! Texts in, texts out. Only what installs reads and writes files; nothing here prints or reads the environment.

mod client;
pub mod install;

pub use client::{Client, UnknownClient};
