//! A page that somebody asked for: by whom, when, of which server.

use std::str::FromStr;

use axum::extract::FromRequestParts;
use countersign_core::request::State;
use countersign_core::{Policy, Role};
use countersign_events::Timestamp;
use countersign_store::{StoreError, View};
use http::request::Parts;

use super::notice::Notice;
use super::words;
use crate::AppState;
use crate::alerts::Level;
use crate::http::{Kind, Problem};
use crate::pages::{AlertLine, Chrome, Moment, Section};
use crate::session::{NotLoggedOn, Person, form_pairs};

/// A page that somebody asked for. As an extractor, whoever is not logged on is led to the logon and back.
pub struct Asked {
    /// Of which server.
    pub app: AppState,
    /// By whom.
    pub person: Person,
    /// When.
    pub now: Timestamp,
    /// The time that ages then.
    pub ageing: Timestamp,
    /// What was just done.
    pub notice: Option<Notice>,
}

impl FromRequestParts<AppState> for Asked {
    type Rejection = NotLoggedOn;

    async fn from_request_parts(parts: &mut Parts, app: &AppState) -> Result<Self, NotLoggedOn> {
        let person = Person::from_request_parts(parts, app).await?;
        let query = form_pairs(parts.uri.query().unwrap_or_default().as_bytes());
        let notice = query.iter().find(|(name, _)| name == Notice::PARAMETER);
        Ok(Self {
            notice: notice.and_then(|(_, word)| Notice::of(word)),
            ..Self::by(app.clone(), person)
        })
    }
}

impl Asked {
    /// A page that answers a form.
    pub fn by(app: AppState, person: Person) -> Self {
        let moment = app.vault.moment();
        Self {
            now: moment.now,
            ageing: moment.ageing,
            app,
            person,
            notice: None,
        }
    }

    /// An instant, seen from now.
    pub const fn moment(&self, at: Timestamp) -> Moment {
        Moment::new(at, self.now)
    }

    /// Whether an account is the reader's.
    pub fn is_reader(&self, account: countersign_core::AccountId) -> bool {
        self.person.account.id == account
    }

    /// Whether the reader has one of the administrators' roles.
    pub fn is_administrator(&self) -> bool {
        let roles = self.person.account.roles;
        roles.has(Role::BackupAdministrator) || roles.has(Role::SecurityAdministrator)
    }

    /// What needs an administrator now, for administrators.
    fn alerts(&self) -> Vec<AlertLine> {
        if !self.is_administrator() {
            return Vec::new();
        }
        let alerts = self.app.alerts.current().into_iter();
        alerts
            .map(|alert| AlertLine {
                critical: alert.found.level == Level::Critical,
                text: words::sentence(&alert.found.text),
                since: self.moment(alert.since),
            })
            .collect()
    }

    /// What stands around the page, and the settings it was made by.
    pub async fn chrome(&self, view: &mut View, section: Option<Section>) -> Result<(Chrome, Policy), StoreError> {
        let policy = view.policy().await?;
        let chrome = Chrome {
            csrf: self.person.csrf.clone(),
            account_name: self.person.account.name.to_string(),
            pending_count: view.count_requests(State::Pending).await?,
            four_eyes_on: policy.four_eyes,
            section,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            alerts: self.alerts(),
            notice: self.notice.map(|notice| notice.text().to_owned()),
        };
        Ok((chrome, policy))
    }
}

/// A part of an address as what it stands for; there is nothing where it stands for nothing.
pub fn part<T: FromStr>(text: &str) -> Result<T, Problem> {
    text.parse()
        .map_err(|_| Problem::new(Kind::NotFound, "There is nothing at this address."))
}
