//! The first start on an empty data folder: links for two people, and an account for the first backup client.

use countersign_core::token::{Rights, Scope, Secret};
use countersign_core::{AccountKind, AccountName, Roles};
use countersign_store::{NewAccount, NewToken, StoreError};

use super::{SetupError, links, missing};
use crate::App;
use crate::config::{Config, PublicUrl};

/// The service account that is there from the start.
pub const FIRST_SERVICE: &str = "backup";

/// What the first start made. It is shown once and cannot be shown again.
pub struct FirstStart {
    links: Vec<Secret>,
    token: Secret,
}

/// What is to be said at a start.
pub enum Start {
    /// The first one.
    First(FirstStart),
    /// Not the first, and people are still missing.
    Unfinished,
    /// Set-up is over.
    Complete,
}

/// Makes what the first start makes, if this is the first.
pub async fn begin(app: &App) -> Result<Start, SetupError> {
    let first = FirstStart {
        links: vec![Secret::new(&*app.entropy), Secret::new(&*app.entropy)],
        token: Secret::new(&*app.entropy),
    };
    let hashes: Vec<_> = first.links.iter().map(Secret::hash).collect();
    let (token, now) = (first.token.hash(), app.clock.now());
    let found = app
        .store
        .write(move |tx| {
            Box::pin(async move {
                if missing(tx).await? == 0 {
                    return Ok(Found::Complete);
                }
                if !tx.accounts().await?.is_empty() || !tx.founding_links().await?.is_empty() {
                    return Ok(Found::Unfinished);
                }
                links::make(tx, &hashes, now).await?;
                // The constant is a name: a test makes it.
                let name: AccountName = FIRST_SERVICE
                    .parse()
                    .map_err(|_| StoreError::Unreadable("the name of the first service"))?;
                let service = tx
                    .add_account(&NewAccount {
                        name,
                        kind: AccountKind::Service,
                        roles: Roles::default(),
                        created_at: now,
                        eligible_at: now,
                    })
                    .await?;
                tx.add_token(&NewToken {
                    account: service.id,
                    hash: token,
                    label: "first start".into(),
                    rights: Rights::Delete,
                    scope: Scope::All,
                    created_at: now,
                    expires_at: None,
                    made_by: None,
                })
                .await?;
                Ok::<_, SetupError>(Found::Nothing)
            })
        })
        .await?;
    Ok(match found {
        Found::Nothing => Start::First(first),
        Found::Unfinished => Start::Unfinished,
        Found::Complete => Start::Complete,
    })
}

enum Found {
    Nothing,
    Unfinished,
    Complete,
}

impl Start {
    /// What `serve` prints, if anything.
    pub fn announcement(&self, config: &Config) -> Option<String> {
        let (url, data) = (&config.public_url, config.data.display());
        match self {
            Self::First(first) => Some(format!(
                "\nTwo people set this server up, each with a link of their own, within one hour:\n{}\
                 New links: countersign setup links --data {data}\n\n\
                 Back up with restic (the token is shown this once):\n  restic -r {} init\n",
                listed(&first.links, url),
                repository(url, &first.token),
            )),
            Self::Unfinished => Some(format!(
                "\nSet-up is not complete. New links: countersign setup links --data {data}\n"
            )),
            Self::Complete => None,
        }
    }
}

/// The links, a line each.
pub fn listed(links: &[Secret], url: &PublicUrl) -> String {
    links
        .iter()
        .map(|link| format!("  {}\n", url.join(&links::path(link))))
        .collect()
}

fn repository(url: &PublicUrl, token: &Secret) -> String {
    let scheme = if url.is_https() { "https" } else { "http" };
    format!(
        "rest:{scheme}://{FIRST_SERVICE}:{}@{}/restic/{}/NAME/",
        token.reveal(),
        url.authority(),
        crate::app::DEFAULT_STORAGE
    )
}
