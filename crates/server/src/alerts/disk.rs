//! Room on a disk.

use std::path::Path;

use super::Level;
use crate::config::AlertLimits;

/// Room on a disk, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Room {
    /// For this account.
    pub free: u64,
    /// In all.
    pub total: u64,
}

/// Below this nothing can be relied on: uploads, and soon decisions, find no room.
const CRITICAL: u64 = 256 * MEBIBYTE;

const MEBIBYTE: u64 = 1 << 20;

impl Room {
    /// How bad it is, if it is.
    pub fn level(self, limits: &AlertLimits) -> Option<Level> {
        let share = u128::from(self.total) * u128::from(limits.disk_free_percent) / 100;
        if self.free < CRITICAL {
            Some(Level::Critical)
        } else if self.free < u64::from(limits.disk_free_mib) * MEBIBYTE || u128::from(self.free) < share {
            Some(Level::Warning)
        } else {
            None
        }
    }
}

/// Tells how much room there is.
pub trait Disk: Send + Sync {
    /// On the disk of a folder that is there; nothing where it cannot be told.
    fn room(&self, folder: &Path) -> Option<Room>;
}

/// The system's own word.
#[derive(Debug, Clone, Copy)]
pub struct SystemDisk;

impl Disk for SystemDisk {
    fn room(&self, folder: &Path) -> Option<Room> {
        let disk = rustix::fs::statvfs(folder).ok()?;
        Some(Room {
            free: disk.f_bavail.saturating_mul(disk.f_frsize),
            total: disk.f_blocks.saturating_mul(disk.f_frsize),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GIBIBYTE: u64 = 1024 * MEBIBYTE;

    #[test]
    fn a_disk_is_nearly_full_by_share_or_by_size() {
        let limits = AlertLimits::default();
        let level = |free, total| Room { free, total }.level(&limits);
        assert_eq!(level(60 * GIBIBYTE, 1000 * GIBIBYTE), None);
        assert_eq!(level(49 * GIBIBYTE, 1000 * GIBIBYTE), Some(Level::Warning), "below 5 %");
        assert_eq!(level(GIBIBYTE - 1, 10 * GIBIBYTE), Some(Level::Warning), "below 1 GiB");
        assert_eq!(level(GIBIBYTE, 10 * GIBIBYTE), None);
        assert_eq!(level(CRITICAL, 2 * GIBIBYTE), Some(Level::Warning));
        assert_eq!(level(CRITICAL - 1, 2 * GIBIBYTE), Some(Level::Critical));
        let none = AlertLimits {
            disk_free_percent: 0,
            disk_free_mib: 0,
            ..limits
        };
        assert_eq!(
            Room {
                free: CRITICAL,
                total: u64::MAX
            }
            .level(&none),
            None
        );
        assert!(
            SystemDisk
                .room(&std::env::temp_dir())
                .is_some_and(|room| room.total >= room.free)
        );
    }
}
