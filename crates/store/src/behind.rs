//! Who stands behind a request: looked up when it is asked for, and again when somebody decides.

use countersign_core::account_change::AccountSpec;
use countersign_core::behind::{Part, Party, parties, roots};
use countersign_core::manifest::Initiator;
use countersign_core::person::Person;
use countersign_core::{Account, AccountId};
use countersign_events::Timestamp;

use crate::{StoreError, Tx, View};

impl View {
    /// The accounts by which [`countersign_core::request::second_person`] judges, as they are now: that which asked, its owner, and
    /// those recorded as owners and makers.
    pub async fn accounts_behind(&mut self, initiator: &Initiator) -> Result<Vec<Account>, StoreError> {
        self.roots_of(initiator.account, &initiator.behind).await
    }

    /// Everybody who stands behind what an account asks for now, with those who ceased to a short while ago.
    pub(crate) async fn parties_now(
        &mut self,
        asking: AccountId,
        recorded: &[Party],
        now: Timestamp,
    ) -> Result<Vec<Party>, StoreError> {
        let mut recorded = recorded.to_vec();
        recorded.extend(self.former_ties(asking, now).await?);
        let mut known = self.roots_of(asking, &recorded).await?;
        let direct: Vec<AccountId> = known.iter().map(|account| account.id).collect();
        for id in direct.into_iter().filter(|id| *id != asking) {
            let former = self.former_ties(id, now).await?;
            recorded.extend(former.into_iter().filter(|party| party.part == Part::Linked));
        }
        let people: Vec<String> = known
            .iter()
            .filter_map(|account| account.person.as_ref().map(Person::key))
            .collect();
        for key in people {
            for other in self.accounts_of_person(&key).await? {
                if known.iter().all(|account| account.id != other.id) {
                    known.push(other);
                }
            }
        }
        Ok(parties(asking, &recorded, &known))
    }

    /// The accounts of one person, by its key.
    pub async fn accounts_of_person(&mut self, key: &str) -> Result<Vec<Account>, StoreError> {
        let rows = self
            .rows(
                "SELECT id FROM accounts WHERE person_key = $1 ORDER BY id",
                params![key],
            )
            .await?;
        let mut accounts = Vec::new();
        for row in rows {
            accounts.extend(self.account(AccountId(row.int(0)?)).await?);
        }
        Ok(accounts)
    }

    /// The services that an account answers for and that are not deleted, by name.
    pub async fn services_of(&mut self, owner: AccountId) -> Result<Vec<Account>, StoreError> {
        let sql = "SELECT id FROM accounts WHERE owner_id = $1 AND state <> 'deleted' ORDER BY name_key";
        let mut accounts = Vec::new();
        for row in self.rows(sql, params![owner.0]).await? {
            accounts.extend(self.account(AccountId(row.int(0)?)).await?);
        }
        Ok(accounts)
    }

    async fn roots_of(&mut self, asking: AccountId, recorded: &[Party]) -> Result<Vec<Account>, StoreError> {
        let mut known: Vec<Account> = Vec::new();
        for id in roots(asking, recorded).collect::<Vec<_>>() {
            if known.iter().all(|account| account.id != id) {
                known.extend(self.account(id).await?);
            }
        }
        let owner = known.iter().find(|account| account.id == asking);
        if let Some(owner) = owner.and_then(|account| account.owner)
            && known.iter().all(|account| account.id != owner)
        {
            known.extend(self.account(owner).await?);
        }
        Ok(known)
    }

    async fn former_ties(&mut self, account: AccountId, now: Timestamp) -> Result<Vec<Party>, StoreError> {
        let sql = "SELECT other_id, part FROM former_ties WHERE account_id = $1 AND until > $2";
        let ageing = self.moment(now).ageing;
        let rows = self.rows(sql, params![account.0, ageing.0]).await?;
        rows.iter()
            .map(|row| {
                let word = row.text(1)?;
                let part = Part::ALL.into_iter().find(|part| part.as_str() == word);
                Ok(Party {
                    account: AccountId(row.int(0)?),
                    part: part.ok_or(StoreError::Unreadable("a former tie"))?,
                })
            })
            .collect()
    }
}

impl Tx {
    /// Keeps for a while who stands behind an account's requests and would not any more after this change: the owner it had, and
    /// the other accounts of the person it was.
    pub async fn keep_former_ties(
        &mut self,
        account: AccountId,
        before: &AccountSpec,
        after: &AccountSpec,
        until: Timestamp,
    ) -> Result<(), StoreError> {
        if let Some(owner) = before.owner.filter(|_| before.owner != after.owner) {
            self.keep_former_tie(account, owner, Part::Owner, until).await?;
        }
        let Some(person) = before.person.as_ref().filter(|_| before.unlinks(after)) else {
            return Ok(());
        };
        for other in self.accounts_of_person(&person.key()).await? {
            if other.id != account {
                self.keep_former_tie(account, other.id, Part::Linked, until).await?;
                self.keep_former_tie(other.id, account, Part::Linked, until).await?;
            }
        }
        Ok(())
    }

    async fn keep_former_tie(
        &mut self,
        account: AccountId,
        other: AccountId,
        part: Part,
        until: Timestamp,
    ) -> Result<(), StoreError> {
        let sql = "INSERT INTO former_ties (account_id, other_id, part, until) VALUES ($1, $2, $3, $4)
                   ON CONFLICT (account_id, other_id, part) DO UPDATE SET until = CASE WHEN former_ties.until > excluded.until THEN former_ties.until ELSE excluded.until END";
        let params = params![account.0, other.0, part.as_str(), until.0];
        self.execute(sql, params).await.map(drop)
    }
}
