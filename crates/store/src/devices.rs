//! Logons of hosts without a browser. Every step is taken from the state that was seen, or not at all.

use countersign_core::logon::{CHAIN_SECONDS, Confirmed, DeviceLogon, DeviceState, Resource};
use countersign_core::{AccountId, Sha256};
use countersign_events::Timestamp;

use crate::{Row, StoreError, Tx, View};

impl View {
    /// The logon with this code for people.
    pub async fn device_logon(&mut self, user_code: Sha256) -> Result<Option<DeviceLogon>, StoreError> {
        let sql = "SELECT chain, client, resource, address, state, account_id, account_revision, created_at, expires_at, next_at,
                          poll_seconds
                   FROM device_logons WHERE user_hash = $1";
        self.row(sql, params![user_code.0.as_slice()])
            .await?
            .as_ref()
            .map(logon)
            .transpose()
    }

    /// The logon with this code of a host.
    pub async fn device_logon_of_host(&mut self, device_code: Sha256) -> Result<Option<DeviceLogon>, StoreError> {
        let sql = "SELECT chain, client, resource, address, state, account_id, account_revision, created_at, expires_at, next_at,
                          poll_seconds
                   FROM device_logons WHERE device_hash = $1";
        self.row(sql, params![device_code.0.as_slice()])
            .await?
            .as_ref()
            .map(logon)
            .transpose()
    }

    /// How many codes of an address wait.
    pub async fn device_logons_from(&mut self, address: &str, now: Timestamp) -> Result<i64, StoreError> {
        let sql = "SELECT count(*) FROM device_logons WHERE address = $1 AND expires_at > $2";
        match self.row(sql, params![address, now.0]).await? {
            Some(row) => row.int(0),
            None => Ok(0),
        }
    }
}

impl Tx {
    /// Keeps a logon that begins, and forgets those whose chains are over.
    pub async fn add_device_logon(
        &mut self,
        new: &DeviceLogon,
        device_code: Sha256,
        user_code: Sha256,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        // One that was used is kept as long as what it gave may live, so that its reuse is seen.
        let over = now.plus_seconds(-CHAIN_SECONDS);
        self.execute(
            "DELETE FROM device_logons WHERE expires_at <= $1 AND (state <> 'used' OR expires_at <= $2)",
            params![now.0, over.0],
        )
        .await?;
        self.execute(
            "INSERT INTO device_logons (device_hash, user_hash, chain, client, resource, address, state, created_at, expires_at,
                                        next_at, poll_seconds)
             VALUES ($1, $2, $3, $4, $5, $6, 'pending', $7, $8, $9, $10)",
            params![
                device_code.0.as_slice(),
                user_code.0.as_slice(),
                new.chain.as_str(),
                new.client.as_str(),
                new.resource.id(),
                new.address.as_str(),
                new.created_at.0,
                new.expires_at.0,
                new.next_at.0,
                new.interval
            ],
        )
        .await
        .map(drop)
    }

    /// Notes that the host has asked: when it may again, and how long it must wait from now on.
    pub async fn note_device_poll(
        &mut self,
        device_code: Sha256,
        next_at: Timestamp,
        interval: i64,
    ) -> Result<(), StoreError> {
        let sql = "UPDATE device_logons SET next_at = $1, poll_seconds = $2 WHERE device_hash = $3";
        self.execute(sql, params![next_at.0, interval, device_code.0.as_slice()])
            .await
            .map(drop)
    }

    /// Answers a logon that waits: by whom it is confirmed, or nobody; false when it waits no more.
    pub async fn answer_device_logon(
        &mut self,
        chain: &str,
        by: Option<Confirmed>,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let sql = "UPDATE device_logons SET state = $1, account_id = $2, account_revision = $3
                   WHERE chain = $4 AND state = 'pending' AND expires_at > $5";
        let state = if by.is_some() { "confirmed" } else { "refused" };
        let (account, revision) = (by.map(|by| by.account.0), by.map(|by| by.revision));
        Ok(self
            .execute(sql, params![state, account, revision, chain, now.0])
            .await?
            == 1)
    }

    /// Marks a logon as fetched; false when it was before.
    pub async fn use_device_logon(&mut self, chain: &str) -> Result<bool, StoreError> {
        let sql = "UPDATE device_logons SET state = 'used' WHERE chain = $1 AND state = 'confirmed'";
        Ok(self.execute(sql, params![chain]).await? == 1)
    }
}

fn logon(row: &Row) -> Result<DeviceLogon, StoreError> {
    let unreadable = || StoreError::Unreadable("a logon of a device");
    let confirmed = || -> Result<Confirmed, StoreError> {
        Ok(Confirmed {
            account: AccountId(row.int(5)?),
            revision: row.int(6)?,
        })
    };
    Ok(DeviceLogon {
        chain: row.text(0)?,
        client: row.text(1)?.parse().map_err(|_| unreadable())?,
        resource: Resource::with_id(&row.text(2)?).ok_or_else(unreadable)?,
        address: row.text(3)?,
        state: match row.text(4)?.as_str() {
            "pending" => DeviceState::Pending,
            "confirmed" => DeviceState::Confirmed(confirmed()?),
            "refused" => DeviceState::Refused,
            "used" => DeviceState::Used(confirmed()?),
            _ => return Err(unreadable()),
        },
        created_at: Timestamp(row.int(7)?),
        expires_at: Timestamp(row.int(8)?),
        next_at: Timestamp(row.int(9)?),
        interval: row.int(10)?,
    })
}
