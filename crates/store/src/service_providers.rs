//! Service providers: remote servers to which backups are copied.

use countersign_core::ServiceProviderId;
use countersign_core::service_provider::ServiceProviderSpec;
use countersign_events::Timestamp;

use crate::{Row, StoreError, Tx, View};

/// A service provider as the store has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceProvider {
    /// Never given twice.
    pub id: ServiceProviderId,
    /// What it is.
    pub spec: ServiceProviderSpec,
    /// Its password, sealed; none until one is given.
    pub password: Option<Vec<u8>>,
    /// When it was registered.
    pub created_at: Timestamp,
}

impl View {
    /// Every service provider, by name.
    pub async fn service_providers(&mut self) -> Result<Vec<ServiceProvider>, StoreError> {
        let sql = "SELECT id, spec, password, created_at FROM service_providers ORDER BY name";
        self.rows(sql, params![]).await?.iter().map(provider).collect()
    }

    /// A service provider.
    pub async fn service_provider(&mut self, id: ServiceProviderId) -> Result<Option<ServiceProvider>, StoreError> {
        let sql = "SELECT id, spec, password, created_at FROM service_providers WHERE id = $1";
        self.row(sql, params![id.0]).await?.as_ref().map(provider).transpose()
    }
}

impl Tx {
    /// Registers a service provider, without its password. [`StoreError::Exists`] when the name is taken.
    pub async fn add_service_provider(
        &mut self,
        spec: &ServiceProviderSpec,
        now: Timestamp,
    ) -> Result<ServiceProviderId, StoreError> {
        self.insert(
            "INSERT INTO service_providers (name, spec, created_at) VALUES ($1, $2, $3) RETURNING id",
            params![spec.name.as_str(), text(spec)?, now.0],
        )
        .await
        .map(ServiceProviderId)
    }

    /// Puts another description in the place of this one; false when it is another by now.
    pub async fn change_service_provider(
        &mut self,
        id: ServiceProviderId,
        before: &ServiceProviderSpec,
        after: &ServiceProviderSpec,
    ) -> Result<bool, StoreError> {
        let sql = "UPDATE service_providers SET name = $1, spec = $2 WHERE id = $3 AND spec = $4";
        let params = params![after.name.as_str(), text(after)?, id.0, text(before)?];
        Ok(self.execute(sql, params).await? == 1)
    }

    /// Keeps the sealed password of a service provider, or none; false when there is no such provider.
    pub async fn set_service_provider_password(
        &mut self,
        id: ServiceProviderId,
        sealed: Option<Vec<u8>>,
    ) -> Result<bool, StoreError> {
        let sql = "UPDATE service_providers SET password = $1 WHERE id = $2";
        Ok(self.execute(sql, params![sealed, id.0]).await? == 1)
    }

    /// Forgets a service provider of this description, and what was copied there; false when there is none.
    pub async fn remove_service_provider(
        &mut self,
        id: ServiceProviderId,
        before: &ServiceProviderSpec,
    ) -> Result<bool, StoreError> {
        self.execute("DELETE FROM copies WHERE provider_id = $1", params![id.0])
            .await?;
        let sql = "DELETE FROM service_providers WHERE id = $1 AND spec = $2";
        Ok(self.execute(sql, params![id.0, text(before)?]).await? == 1)
    }
}

fn text(spec: &ServiceProviderSpec) -> Result<String, StoreError> {
    serde_json::to_string(spec).map_err(|error| StoreError::Engine(error.to_string()))
}

fn provider(row: &Row) -> Result<ServiceProvider, StoreError> {
    Ok(ServiceProvider {
        id: ServiceProviderId(row.int(0)?),
        spec: serde_json::from_str(&row.text(1)?).map_err(|_| StoreError::Unreadable("a service provider"))?,
        password: row.blob_or_null(2)?,
        created_at: Timestamp(row.int(3)?),
    })
}
