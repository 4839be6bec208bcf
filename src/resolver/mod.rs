//! Resolving for one member: who that is, which credentials it may use, and templates in which their values are put.
//!
//! Never writes to a vault.

pub mod audit;
mod keyring;
mod launch;
pub mod mask;
mod nearest;
pub mod policy;
mod resolve;
pub mod run;
mod same_file;
pub mod shell;
pub mod template;
mod worker;

pub use keyring::{Keyring, KeyringError};
pub use launch::{Expectation, IdentitySource, LaunchError, check_vault, identify, refuse_keeper, secret_lines};
pub use nearest::nearest;
pub use resolve::{Listed, Permitted, Refusal, Resolver, Values};
