//! How the scheduled copies of a provider stand.

use countersign_core::service_provider::ScheduledCopy;
use countersign_events::Timestamp;
use countersign_store::{CopyRecord, CopyState, ServiceProvider, StoreError, View};

/// How a scheduled copy stands.
#[derive(Debug, Clone)]
pub struct Standing {
    /// What is scheduled.
    pub copy: ScheduledCopy,
    /// The newest that is over, however it was asked for.
    pub last: Option<CopyRecord>,
    /// Since when there is no newer good copy, if that is too long.
    pub late_since: Option<Timestamp>,
}

impl Standing {
    /// What an administrator should know, as a sentence without its full stop; none when all is well.
    pub fn trouble(&self, provider: &ServiceProvider) -> Option<String> {
        let (name, to) = (&self.copy.name, &provider.spec.name);
        if provider.password.is_none() {
            return Some(format!(
                "backup {name} is not copied to service provider {to}: give its password"
            ));
        }
        let failed = self.last.as_ref().filter(|last| last.state == CopyState::Failed);
        if let Some(failed) = failed {
            let why = failed.detail.as_deref().unwrap_or("nothing more is known");
            return Some(format!("backup {name} was not copied to service provider {to}: {why}"));
        }
        let since = self.late_since?;
        Some(format!(
            "the copy of backup {name} at service provider {to} is older than two intervals: the last good one began {}",
            since.rfc3339(0)
        ))
    }
}

/// How each scheduled copy of a provider stands.
pub async fn standings(
    view: &mut View,
    provider: &ServiceProvider,
    now: Timestamp,
) -> Result<Vec<Standing>, StoreError> {
    let mut all = Vec::new();
    for copy in &provider.spec.copies {
        let last = view.last_ended_copy(provider.id, copy.backup).await?;
        let since = view.copied_since(provider.id, copy.backup).await?;
        all.push(Standing {
            late_since: since.filter(|since| copy.is_late(*since, now)),
            copy: copy.clone(),
            last,
        });
    }
    Ok(all)
}
