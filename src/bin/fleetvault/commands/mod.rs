//! One file for each command: its arguments, and what it does with them.

pub mod approve;
pub mod completions;
pub mod demo;
pub mod doctor;
pub mod edit;
pub mod exposure;
pub mod get;
pub mod hooks;
pub mod init;
pub mod join;
pub mod keygen;
pub mod list;
pub mod man;
pub mod member;
pub mod merge;
pub mod review;
pub mod rm;
pub mod rotate;
pub mod scope;
pub mod set;
pub mod show;
pub mod sync;
pub mod touch;
pub mod trust;
pub mod verify;
