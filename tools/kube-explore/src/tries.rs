//! How often a read is tried, and how long the pauses are.

use std::time::Duration;

/// How often a read is tried.
const TRIES: u32 = 4;

/// How a read is tried again.
pub struct Tries {
    /// How many are left.
    pub left: u32,
    /// How long the next pause is, where the API server asks for none.
    pub pause: Duration,
}

impl Default for Tries {
    fn default() -> Self {
        Self { left: TRIES, pause: Duration::from_millis(150) }
    }
}
