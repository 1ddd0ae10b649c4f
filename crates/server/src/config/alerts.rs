//! From when on an administrator is alerted.

/// From when on an administrator is alerted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlertLimits {
    /// More events than these wait for a receiver.
    pub backlog_events: u64,
    /// An event waits for a receiver for longer, in seconds.
    pub lag_seconds: u64,
    /// Less than this share of the data folder's disk is free, in percent.
    pub disk_free_percent: u32,
    /// Less than this is free on the data folder's disk, in MiB.
    pub disk_free_mib: u32,
}

impl Default for AlertLimits {
    fn default() -> Self {
        Self {
            backlog_events: 100_000,
            lag_seconds: 3600,
            disk_free_percent: 5,
            disk_free_mib: 1024,
        }
    }
}
