//! The events of logon (44000 to 44005), put together in one place.

use std::net::IpAddr;

use countersign_core::logon::{AuthorizationRequest, ClientId, Granted, Resource};
use countersign_core::{Account, AccountName};
use countersign_events::{Event, Reason, Timestamp};
use countersign_store::{StoreError, Tx};

use crate::app::App;
use crate::http::Problem;
use crate::listen::ClientAddress;

/// What is known about a logon when it is denied.
#[derive(Debug, Clone, Default)]
pub struct Known {
    /// From where.
    pub address: Option<IpAddr>,
    /// For which client.
    pub client: Option<ClientId>,
    /// For what.
    pub resource: Option<Resource>,
    /// Where its answer would go.
    pub redirect: Option<String>,
    /// What was typed as the name.
    pub typed: Option<String>,
    /// The account, where there is one with that name.
    pub account: Option<Account>,
}

impl Known {
    /// What a request from somewhere says.
    pub fn of(address: &ClientAddress, request: Option<&AuthorizationRequest>) -> Self {
        Self {
            address: Some(address.ip),
            client: request.map(|request| request.client.clone()),
            resource: request.map(|request| request.resource),
            redirect: request.map(|request| request.redirect.as_str().to_owned()),
            ..Self::default()
        }
    }

    /// Reports that the logon was denied (44002).
    pub async fn denied(self, tx: &mut Tx, reason: Reason, now: Timestamp) -> Result<(), StoreError> {
        // What cannot be a name may be a password in the wrong field: it goes nowhere.
        let typed = self.typed.and_then(|typed| typed.trim().parse::<AccountName>().ok());
        let name = self.account.as_ref().map(|account| account.name.clone()).or(typed);
        let event = Event::UserAuthorizationDenied {
            source_ip_address: self.address,
            client_id: self.client.map(|client| client.to_string()),
            friendly_name: name.as_ref().map(|name| name.as_str().to_owned()),
            subject: self.account.map(|account| account.id.subject()),
            resource_id: self.resource.map(|resource| resource.id().to_owned()),
            redirect_uri: self.redirect,
            reason,
        };
        let account = name.as_ref().map_or("", AccountName::as_str);
        tx.report(&event, now, None, account).await.map(drop)
    }

    /// Reports a denial that anybody can cause who knows nothing: so many of each network and minute, the rest are counted.
    ///
    /// # Errors
    /// It could not be recorded.
    pub async fn denied_to_anybody(self, app: &App, reason: Reason) -> Result<(), Problem> {
        let now = app.clock.now();
        if self.address.is_some_and(|address| !app.denials.lets(address, now)) {
            return Ok(());
        }
        let known = self.clone();
        app.store
            .write(move |tx| Box::pin(async move { self.denied(tx, reason, now).await }))
            .await
            .map_err(|error: StoreError| known.failed(app, &error))
    }

    /// The store did not answer: denied for that (reason 8), reported as soon as it does. The answer says nothing else.
    pub fn failed(self, app: &App, error: &StoreError) -> Problem {
        app.unrecorded.keep(self, app.clock.now());
        Problem::internal(error)
    }

    /// Reports that the logon goes on with a new password (44004).
    pub async fn password_change_required(self, tx: &mut Tx, now: Timestamp) -> Result<(), StoreError> {
        // Asked for only once the factors of an account were right.
        let Some(account) = self.account else {
            return Ok(());
        };
        let event = Event::PasswordChangeRequired {
            source_ip_address: self.address,
            client_id: self.client.map(|client| client.to_string()),
            friendly_name: account.name.as_str().to_owned(),
            subject: Some(account.id.subject()),
            resource_id: self.resource.map(|resource| resource.id().to_owned()),
            redirect_uri: self.redirect,
        };
        tx.report(&event, now, None, account.name.as_str()).await.map(drop)
    }
}

/// Reports that a person was granted the logon (44003).
pub async fn granted(
    tx: &mut Tx,
    granted: &Granted,
    address: &ClientAddress,
    now: Timestamp,
) -> Result<(), StoreError> {
    let (request, account) = (granted.request(), granted.account());
    let event = Event::UserAuthorizationGranted {
        source_ip_address: Some(address.ip),
        client_id: Some(request.client.to_string()),
        friendly_name: Some(account.name.as_str().to_owned()),
        subject: Some(account.id.subject()),
        resource_id: Some(request.resource.id().to_owned()),
        redirect_uri: Some(request.redirect.as_str().to_owned()),
    };
    tx.report(&event, now, None, account.name.as_str()).await.map(drop)
}

/// A token request as its events tell it (44000, 44001).
#[derive(Debug, Clone)]
pub struct TokenRequest {
    /// From where.
    pub address: IpAddr,
    /// What the client calls itself, if it is one of ours.
    pub client: Option<ClientId>,
    /// What for.
    pub resource: Option<Resource>,
    /// What it asked with.
    pub grant_type: Option<String>,
    /// Whose logon it came from.
    pub account: Option<Account>,
}

impl TokenRequest {
    /// Reports that a token, or a session, was given (44000).
    pub async fn approved(
        self,
        tx: &mut Tx,
        chain: &str,
        expiration: Timestamp,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let (friendly_name, subject) = self.owner();
        let account = friendly_name.clone().unwrap_or_default();
        let event = Event::TokenRequestApproved {
            source_ip_address: Some(self.address),
            client_id: self.client.map(|client| client.to_string()),
            grant_type: self.grant_type,
            friendly_name,
            subject,
            resource_id: self.resource.map(|resource| resource.id().to_owned()),
            expiration: Some(expiration),
            refresh_token_chain_id: Some(chain.to_owned()),
        };
        tx.report(&event, now, None, &account).await.map(drop)
    }

    /// Reports that it was refused (44001).
    pub async fn rejected(self, tx: &mut Tx, reason: Reason, now: Timestamp) -> Result<(), StoreError> {
        let (friendly_name, subject) = self.owner();
        let account = friendly_name.clone().unwrap_or_default();
        let event = Event::TokenRequestRejected {
            source_ip_address: Some(self.address),
            client_id: self.client.map(|client| client.to_string()),
            grant_type: self.grant_type,
            friendly_name,
            subject,
            resource_id: self.resource.map(|resource| resource.id().to_owned()),
            reason,
        };
        tx.report(&event, now, None, &account).await.map(drop)
    }

    /// Reports a refusal that anybody can cause who knows nothing: so many of each network and minute, the rest are counted.
    pub async fn rejected_to_anybody(
        self,
        tx: &mut Tx,
        app: &App,
        reason: Reason,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        if app.denials.lets(self.address, now) {
            self.rejected(tx, reason, now).await
        } else {
            Ok(())
        }
    }

    fn owner(&self) -> (Option<String>, Option<String>) {
        let account = self.account.as_ref();
        (
            account.map(|account| account.name.as_str().to_owned()),
            account.map(|account| account.id.subject()),
        )
    }
}
