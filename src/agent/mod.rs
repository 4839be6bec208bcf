//! What stands between an agent and the resolver, and how an agent's client is told about it.
//!
//! Pure: text and JSON in, text and JSON out. Nothing here starts, prints or reads the environment.

mod client;

pub use client::{Client, UnknownClient};
