//! What is lost while the server runs, and who is told.

use std::sync::Arc;

/// Something that was to be kept and could not be. It stops nothing.
pub enum Lost {
    /// The serials that were seen, and why not.
    Floors(String),
    /// A line of the audit log, and why not.
    Log(String),
}

/// Is told what is lost, each time.
pub(super) type Losses = Arc<dyn Fn(&Lost) + Send + Sync>;
