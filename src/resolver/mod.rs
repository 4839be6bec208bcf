//! Resolving for one member: who that is, which credentials it may use, and templates in which their values are put.
//!
//! Never writes to a vault.

pub mod audit;
mod identity;
mod keyring;
mod launch;
mod launch_error;
pub mod mask;
mod nearest;
pub mod plugin;
pub mod policy;
mod resolve;
pub mod run;
mod same_file;
mod session;
pub mod shell;
pub mod template;
mod worker;
mod writable;

pub use identity::{IdentitySource, OwnKeys, secret_lines};
pub use keyring::{Keyring, KeyringError};
pub use launch::{Expectation, Launch, check_root, identify};
pub use launch_error::LaunchError;
pub use nearest::nearest;
pub use resolve::{Listed, Permitted, Refusal, Resolver, Values};
pub use session::Session;
pub use writable::{PlaceError, WritableDirectories, WritablePlace};
