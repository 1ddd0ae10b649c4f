use serde::{Deserialize, Serialize};

/// What a four-eyes request is about: the values of `OperationId` (seed pages 42402 and 42403).
///
/// Ids 0 and 1 (turned on, turned off) are not requests; they belong to the events 42400 and 42401.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(
    missing_docs,
    reason = "`name` is the name of what the operation is done to, as the site's people know it"
)]
pub enum Operation {
    /// 100.
    DeleteBackup { name: String },
    /// 101.
    DeleteLogBackup { name: String },
    /// 102.
    DeleteConfigurationBackup { name: String },
    /// 103.
    DisableFourEyes,
    /// 104.
    DeleteSnapshot { name: String },
    /// 105.
    DeleteObject { name: String },
    /// 106.
    DeleteServiceProvider { name: String },
    /// 107.
    DeleteStorage { name: String },
    /// 108. Its wording names the product.
    UpdateSecuritySettings,
    /// 109 (newer builds of the family).
    UpdateRepository { name: String },
    /// 10000, whatever else is held, a command for instance.
    Other { name: String },
}

impl Operation {
    /// The number on the wire.
    #[must_use]
    pub const fn id(&self) -> u32 {
        match self {
            Self::DeleteBackup { .. } => 100,
            Self::DeleteLogBackup { .. } => 101,
            Self::DeleteConfigurationBackup { .. } => 102,
            Self::DisableFourEyes => 103,
            Self::DeleteSnapshot { .. } => 104,
            Self::DeleteObject { .. } => 105,
            Self::DeleteServiceProvider { .. } => 106,
            Self::DeleteStorage { .. } => 107,
            Self::UpdateSecuritySettings => 108,
            Self::UpdateRepository { .. } => 109,
            Self::Other { .. } => 10_000,
        }
    }

    /// The wording of the seeds, whole: `Delete snapshot NAME`. `product` is named by 108 alone
    /// (`Update PRODUCT security settings`).
    #[must_use]
    pub fn name(&self, product: &str) -> String {
        let (before, name, after) = self.wording(product);
        format!("{before}{name}{after}")
    }

    /// The operation with that number and wording; `None` when they are not one of [`Operation::name`]. Another sender's
    /// wording of 10000 is its name.
    pub(crate) fn worded(id: u32, wording: &str) -> Option<Self> {
        let after = |before: &str| wording.strip_prefix(before).map(str::to_owned);
        let operation = match id {
            100 => Self::DeleteBackup {
                name: after("Delete backup ")?,
            },
            101 => Self::DeleteLogBackup {
                name: after("Delete log backup ")?,
            },
            102 => Self::DeleteConfigurationBackup {
                name: after("Delete configuration backup ")?,
            },
            103 => return (wording == "Disable four-eyes authorization").then_some(Self::DisableFourEyes),
            104 => Self::DeleteSnapshot {
                name: after("Delete snapshot ")?,
            },
            105 => Self::DeleteObject {
                name: after("Delete object ")?,
            },
            106 => Self::DeleteServiceProvider {
                name: after("Delete service provider ")?,
            },
            107 => Self::DeleteStorage {
                name: after("Delete storage ")?,
            },
            108 => {
                let product = after("Update ")?;
                return product
                    .strip_suffix(" security settings")
                    .map(|_| Self::UpdateSecuritySettings);
            }
            109 => Self::UpdateRepository {
                name: after("Update repository ")?,
            },
            10_000 if wording == "Other operations" => Self::Other { name: String::new() },
            10_000 => Self::Other {
                name: after("Other operations: ").unwrap_or_else(|| wording.to_owned()),
            },
            _ => return None,
        };
        Some(operation)
    }

    /// The wording in three parts: ours, what someone could choose, ours.
    pub(crate) fn wording<'a>(&'a self, product: &'a str) -> (&'static str, &'a str, &'static str) {
        match self {
            Self::DeleteBackup { name } => ("Delete backup ", name, ""),
            Self::DeleteLogBackup { name } => ("Delete log backup ", name, ""),
            Self::DeleteConfigurationBackup { name } => ("Delete configuration backup ", name, ""),
            Self::DisableFourEyes => ("Disable four-eyes authorization", "", ""),
            Self::DeleteSnapshot { name } => ("Delete snapshot ", name, ""),
            Self::DeleteObject { name } => ("Delete object ", name, ""),
            Self::DeleteServiceProvider { name } => ("Delete service provider ", name, ""),
            Self::DeleteStorage { name } => ("Delete storage ", name, ""),
            Self::UpdateSecuritySettings => ("Update ", product, " security settings"),
            Self::UpdateRepository { name } => ("Update repository ", name, ""),
            // A held command could otherwise word itself like one of the operations above.
            Self::Other { name } if name.is_empty() => ("Other operations", "", ""),
            Self::Other { name } => ("Other operations: ", name, ""),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_and_wording_are_the_seeds() {
        let name = || "N".to_owned();
        let all = [
            (Operation::DeleteBackup { name: name() }, 100, "Delete backup N"),
            (Operation::DeleteLogBackup { name: name() }, 101, "Delete log backup N"),
            (
                Operation::DeleteConfigurationBackup { name: name() },
                102,
                "Delete configuration backup N",
            ),
            (Operation::DisableFourEyes, 103, "Disable four-eyes authorization"),
            (Operation::DeleteSnapshot { name: name() }, 104, "Delete snapshot N"),
            (Operation::DeleteObject { name: name() }, 105, "Delete object N"),
            (
                Operation::DeleteServiceProvider { name: name() },
                106,
                "Delete service provider N",
            ),
            (Operation::DeleteStorage { name: name() }, 107, "Delete storage N"),
            (
                Operation::UpdateSecuritySettings,
                108,
                "Update Veeam Backup & Replication security settings",
            ),
            (Operation::UpdateRepository { name: name() }, 109, "Update repository N"),
            (Operation::Other { name: name() }, 10_000, "Other operations: N"),
            (Operation::Other { name: String::new() }, 10_000, "Other operations"),
        ];
        for (operation, id, wording) in all {
            assert_eq!(
                (operation.id(), operation.name("Veeam Backup & Replication").as_str()),
                (id, wording)
            );
            assert_eq!(Operation::worded(id, wording), Some(operation));
        }
        assert_eq!(Operation::worded(100, "Delete snapshot N"), None);
        assert_eq!(Operation::worded(99, "Delete backup N"), None);
    }
}
