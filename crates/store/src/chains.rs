//! Token chains. A step is taken from the generation that was seen, or not at all.

use countersign_core::logon::{Chain, Proof, Resource};
use countersign_core::{Account, AccountId};
use countersign_events::Timestamp;

use crate::{Row, StoreError, Tx, View};

impl View {
    /// The chain with this id and its account, as both are now; also a chain that has ended.
    pub async fn chain(&mut self, id: &str) -> Result<Option<(Chain, Account)>, StoreError> {
        let sql = "SELECT id, client, resource, account_id, account_revision, address, key_thumbprint, generation, rotated_at,
                          created_at, ends_at, ended_at
                   FROM token_chains WHERE id = $1";
        let Some(row) = self.row(sql, params![id]).await? else {
            return Ok(None);
        };
        let chain = chain(&row)?;
        Ok(self.account(chain.account).await?.map(|account| (chain, account)))
    }

    /// The chains of an account that have not ended, newest first. One whose time is over is not among them; a session that was
    /// idle too long still is.
    pub async fn chains_of(&mut self, account: AccountId, now: Timestamp) -> Result<Vec<Chain>, StoreError> {
        let sql = "SELECT id, client, resource, account_id, account_revision, address, key_thumbprint, generation, rotated_at,
                          created_at, ends_at, ended_at
                   FROM token_chains WHERE account_id = $1 AND ended_at IS NULL AND ends_at > $2
                   ORDER BY created_at DESC, id";
        let rows = self.rows(sql, params![account.0, now.0]).await?;
        rows.iter().map(chain).collect()
    }

    /// When an account's password was last set.
    pub async fn password_changed_at(&mut self, account: AccountId) -> Result<Option<Timestamp>, StoreError> {
        let sql = "SELECT changed_at FROM passwords WHERE account_id = $1";
        match self.row(sql, params![account.0]).await? {
            Some(row) => Ok(Some(Timestamp(row.int(0)?))),
            None => Ok(None),
        }
    }
}

impl Tx {
    /// Keeps a chain that begins, and forgets those whose time is over, after their sessions: none outlives its chain unseen.
    pub async fn add_chain(&mut self, new: &Chain, now: Timestamp) -> Result<(), StoreError> {
        let sessions = "UPDATE sessions SET ended_at = $1
                        WHERE ended_at IS NULL AND chain IN (SELECT id FROM token_chains WHERE ends_at <= $1)";
        self.execute(sessions, params![now.0]).await?;
        self.execute("DELETE FROM token_chains WHERE ends_at <= $1", params![now.0])
            .await?;
        let key = new.key.as_ref().map(|key| key.as_str().to_owned());
        self.execute(
            "INSERT INTO token_chains (id, client, resource, account_id, account_revision, address, key_thumbprint, generation,
                                       rotated_at, created_at, ends_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
            params![
                new.id.as_str(),
                new.client.as_str(),
                new.resource.id(),
                new.account.0,
                new.account_revision,
                new.address.as_str(),
                key,
                new.generation,
                new.rotated_at.0,
                new.created_at.0,
                new.ends_at.0
            ],
        )
        .await
        .map(drop)
    }

    /// Moves a chain one generation on from the one that was seen; false when another came first, or it has ended.
    pub async fn rotate_chain(&mut self, seen: &Chain, now: Timestamp) -> Result<bool, StoreError> {
        let sql = "UPDATE token_chains SET generation = generation + 1, rotated_at = $1
                   WHERE id = $2 AND generation = $3 AND ended_at IS NULL";
        Ok(self
            .execute(sql, params![now.0, seen.id.as_str(), seen.generation])
            .await?
            == 1)
    }

    /// Takes a proof of possession; false when it was shown before. Kept until it would be refused for its age.
    pub async fn take_proof(&mut self, proof: &Proof, now: Timestamp) -> Result<bool, StoreError> {
        self.execute("DELETE FROM key_proofs WHERE expires_at <= $1", params![now.0])
            .await?;
        let sql = "INSERT INTO key_proofs (hash, expires_at) VALUES ($1, $2) ON CONFLICT (hash) DO NOTHING";
        let params = params![proof.id.0.as_slice(), proof.ends_at.0];
        Ok(self.execute(sql, params).await? == 1)
    }

    /// Ends everything that came from one logon; false when it has ended before, or its time was over. Whoever asks reports it
    /// (44005).
    pub async fn end_chain(&mut self, id: &str, now: Timestamp) -> Result<bool, StoreError> {
        let sessions = "UPDATE sessions SET ended_at = $1 WHERE chain = $2 AND ended_at IS NULL";
        self.execute(sessions, params![now.0, id]).await?;
        let chains = "UPDATE token_chains SET ended_at = $1 WHERE id = $2 AND ended_at IS NULL AND ends_at > $1";
        Ok(self.execute(chains, params![now.0, id]).await? == 1)
    }

    /// Ends everything that came from an account's logons, but for one chain; the ids of what ended. Whoever asks reports each
    /// (44005).
    pub async fn end_chains_of(
        &mut self,
        account: AccountId,
        except: Option<&str>,
        now: Timestamp,
    ) -> Result<Vec<String>, StoreError> {
        let mut ended = Vec::new();
        for chain in self.chains_of(account, now).await? {
            if Some(chain.id.as_str()) != except && self.end_chain(&chain.id, now).await? {
                ended.push(chain.id);
            }
        }
        // Whatever became of its chain, no session of theirs stays.
        let sessions = "UPDATE sessions SET ended_at = $1 WHERE account_id = $2 AND chain <> $3 AND ended_at IS NULL";
        self.execute(sessions, params![now.0, account.0, except.unwrap_or_default()])
            .await?;
        Ok(ended)
    }
}

fn chain(row: &Row) -> Result<Chain, StoreError> {
    let unreadable = || StoreError::Unreadable("a token chain");
    Ok(Chain {
        id: row.text(0)?,
        client: row.text(1)?.parse().map_err(|_| unreadable())?,
        resource: Resource::with_id(&row.text(2)?).ok_or_else(unreadable)?,
        account: AccountId(row.int(3)?),
        account_revision: row.int(4)?,
        address: row.text(5)?,
        key: row
            .text_or_null(6)?
            .map(|key| key.parse())
            .transpose()
            .map_err(|_| unreadable())?,
        generation: row.int(7)?,
        rotated_at: Timestamp(row.int(8)?),
        created_at: Timestamp(row.int(9)?),
        ends_at: Timestamp(row.int(10)?),
        ended_at: row.int_or_null(11)?.map(Timestamp),
    })
}
