//! The clients that may ask for a logon.

use countersign_core::logon::{Client, ClientId, ClientSpec};
use countersign_core::{AccountId, Sha256};
use countersign_events::Timestamp;

use crate::{Row, StoreError, Tx, View};

impl View {
    /// The client with this id, built in or registered.
    pub async fn client(&mut self, id: &ClientId) -> Result<Option<Client>, StoreError> {
        if let Some(built_in) = Client::built_in(id) {
            return Ok(Some(built_in));
        }
        let sql = "SELECT spec, secret_hash FROM clients WHERE id = $1";
        self.row(sql, params![id.as_str()])
            .await?
            .as_ref()
            .map(client)
            .transpose()
    }

    /// Every registered client, by id; those that are built in are not among them.
    pub async fn clients(&mut self) -> Result<Vec<Client>, StoreError> {
        let sql = "SELECT spec, secret_hash FROM clients ORDER BY id";
        self.rows(sql, params![]).await?.iter().map(client).collect()
    }
}

impl Tx {
    /// Registers a client. [`StoreError::Exists`] when its id is taken.
    pub async fn add_client(&mut self, client: &Client, now: Timestamp) -> Result<(), StoreError> {
        let secret = client.secret.map(|hash| hash.0.to_vec());
        self.execute(
            "INSERT INTO clients (id, spec, secret_hash, created_at) VALUES ($1, $2, $3, $4)",
            params![client.spec.id.as_str(), spec(&client.spec)?, secret, now.0],
        )
        .await
        .map(drop)
    }

    /// Puts another description in the place of a client's; false when there is no such client.
    pub async fn change_client(&mut self, after: &ClientSpec) -> Result<bool, StoreError> {
        let sql = "UPDATE clients SET spec = $1 WHERE id = $2";
        Ok(self.execute(sql, params![spec(after)?, after.id.as_str()]).await? == 1)
    }

    /// Gives a client its secret; false when it has one, or there is no such client.
    pub async fn give_client_secret(&mut self, id: &ClientId, secret: Sha256) -> Result<bool, StoreError> {
        let sql = "UPDATE clients SET secret_hash = $1 WHERE id = $2 AND secret_hash IS NULL";
        let params = params![secret.0.as_slice(), id.as_str()];
        Ok(self.execute(sql, params).await? == 1)
    }

    /// Takes a client's secret away; false when it has none.
    pub async fn take_client_secret(&mut self, id: &ClientId) -> Result<bool, StoreError> {
        let sql = "UPDATE clients SET secret_hash = NULL WHERE id = $1 AND secret_hash IS NOT NULL";
        Ok(self.execute(sql, params![id.as_str()]).await? == 1)
    }

    /// Ends the logons of a client that are under way, and the codes that wait to be taken.
    pub async fn end_logons_of_client(&mut self, id: &ClientId) -> Result<(), StoreError> {
        self.execute("DELETE FROM logon_flows WHERE client = $1", params![id.as_str()])
            .await?;
        let sql = "DELETE FROM authorization_codes WHERE client = $1 AND used_at IS NULL";
        self.execute(sql, params![id.as_str()]).await.map(drop)
    }

    /// Ends everything that a client was given: the chains that stood, and whose they were.
    pub async fn end_chains_of_client(
        &mut self,
        id: &ClientId,
        now: Timestamp,
    ) -> Result<Vec<(String, AccountId)>, StoreError> {
        let sql = "SELECT id, account_id FROM token_chains
                   WHERE client = $1 AND ended_at IS NULL AND ends_at > $2 ORDER BY id";
        let rows = self.rows(sql, params![id.as_str(), now.0]).await?;
        let mut ended = Vec::new();
        for row in &rows {
            let chain = row.text(0)?;
            if self.end_chain(&chain, now).await? {
                ended.push((chain, AccountId(row.int(1)?)));
            }
        }
        Ok(ended)
    }

    /// Takes a client away; false when there is none.
    pub async fn remove_client(&mut self, id: &ClientId) -> Result<bool, StoreError> {
        let sql = "DELETE FROM clients WHERE id = $1";
        Ok(self.execute(sql, params![id.as_str()]).await? == 1)
    }
}

fn spec(spec: &ClientSpec) -> Result<String, StoreError> {
    serde_json::to_string(spec).map_err(|error| StoreError::Engine(error.to_string()))
}

fn client(row: &Row) -> Result<Client, StoreError> {
    let unreadable = || StoreError::Unreadable("a client");
    let secret = row.blob_or_null(1)?.map(<[u8; 32]>::try_from).transpose();
    Ok(Client {
        spec: serde_json::from_str(&row.text(0)?).map_err(|_| unreadable())?,
        secret: secret.map_err(|_| unreadable())?.map(Sha256),
    })
}
