//! Channels of notices as a part of the security settings: what a change is, and what it differs in; and their secrets.

use countersign_core::notice::{
    BadChannel, ChannelSpec, Format, MailSpec, MailUser, NoticeKinds, SIGNING_KEY_OCTETS, Security, Way, WebhookSpec,
    WebhookUrl,
};
use countersign_core::receiver::{Certificates, ServerName};
use countersign_core::{Actor, Name, NoticeChannelId, clock::random, email::EmailAddress, manifest::Subject};
use countersign_events::{Changes, Operation, Timestamp};
use countersign_store::{StoreError, Tx, View};
use countersign_vault::VaultError;
use data_encoding::BASE64;
use serde::Deserialize;
use zeroize::Zeroizing;

use super::receivers::Difference;
use super::settings::{self, Change, ChangeError, Changed};
use crate::app::App;
use crate::receivers::certificates;
use crate::seal::Purpose;

/// A channel as somebody describes it: exactly one of `mail` and `webhook`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Given {
    /// What to call it.
    pub name: Name,
    /// Of what it tells; of everything when nothing is said.
    #[serde(default = "NoticeKinds::all")]
    pub notices: NoticeKinds,
    /// By a mail server.
    #[serde(default)]
    pub mail: Option<GivenMail>,
    /// By calls to an address.
    #[serde(default)]
    pub webhook: Option<GivenWebhook>,
}

/// A mail server as somebody describes it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GivenMail {
    /// The authorities that vouch for it, instead of the system's.
    #[serde(default)]
    pub ca: Option<Certificates>,
    /// The sender.
    pub from: EmailAddress,
    /// Its name or address.
    pub host: ServerName,
    /// For the user; left out, the one that was given before stays.
    #[serde(default)]
    pub password: Option<String>,
    /// The usual one when nothing is said.
    #[serde(default)]
    pub port: Option<u16>,
    /// Whether, and when, the connection is made secure.
    pub security: Security,
    /// Who we log on as.
    #[serde(default)]
    pub user: Option<MailUser>,
}

/// A webhook as somebody describes it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GivenWebhook {
    /// The authorities that vouch for it, instead of the system's.
    #[serde(default)]
    pub ca: Option<Certificates>,
    /// What is sent.
    pub format: Format,
    /// Whether another signing key is made; a new channel has one in any case.
    #[serde(default)]
    pub new_secret: bool,
    /// Where to.
    pub url: WebhookUrl,
}

/// What is asked for, with its secrets sealed.
#[derive(Debug, Clone)]
pub enum NoticeChange {
    /// A new channel.
    Add(Draft),
    /// Another description of a channel.
    Change(NoticeChannelId, Draft),
    /// A channel less.
    Remove(NoticeChannelId),
}

/// A channel whose secret, if one was given or made, is sealed and not yet stored.
#[derive(Debug, Clone)]
pub struct Draft {
    /// With no secret.
    spec: ChannelSpec,
    sealed: Option<Vec<u8>>,
}

/// What became of a change, and the signing key that was made for it: the only time it is told.
pub struct Asked {
    /// What became of it.
    pub changed: Changed,
    /// The new channel, if it is there now.
    pub added: Option<NoticeChannelId>,
    /// `whsec_…`, as receivers of Standard Webhooks take it.
    pub secret: Option<Zeroizing<String>>,
}

/// What nothing is hashed to: a draft's secret has not been stored.
const NONE: countersign_core::Sha256 = countersign_core::Sha256([0; 32]);

/// Adds a channel (`id` is none) or changes one, as far as the actor may.
///
/// # Errors
/// The role is missing, or what was given does not fit.
pub async fn put(app: &App, actor: &Actor, id: Option<NoticeChannelId>, given: Given) -> Result<Asked, ChangeError> {
    let (way, sealed, secret) = match (given.mail, given.webhook) {
        (Some(mail), None) => {
            let password = mail.password.map(Zeroizing::new);
            let sealed = match &password {
                Some(password) => Some(seal(app, password.as_bytes())?),
                None => None,
            };
            let spec = MailSpec {
                ca: mail.ca,
                from: mail.from,
                host: mail.host,
                password: None,
                port: mail.port.unwrap_or_else(|| mail.security.port()),
                security: mail.security,
                user: mail.user,
            };
            (Way::Mail(spec), sealed, None)
        }
        (None, Some(webhook)) => {
            let made = (webhook.new_secret || id.is_none())
                .then(|| Zeroizing::new(random::<SIGNING_KEY_OCTETS>(&*app.entropy)));
            let sealed = match &made {
                Some(key) => Some(seal(app, &key[..])?),
                None => None,
            };
            let spec = WebhookSpec {
                ca: webhook.ca,
                format: webhook.format,
                secret: NONE,
                url: webhook.url,
            };
            let told = made.map(|key| Zeroizing::new(format!("whsec_{}", BASE64.encode(&key[..]))));
            (Way::Webhook(spec), sealed, told)
        }
        (None, None) | (Some(_), Some(_)) => return Err(ChangeError::OneWay),
    };
    let name = given.name.clone();
    let spec = ChannelSpec {
        name: given.name,
        notices: given.notices,
        way,
    };
    let draft = Draft { spec, sealed };
    let change = match id {
        None => NoticeChange::Add(draft),
        Some(id) => NoticeChange::Change(id, draft),
    };
    let changed = settings::change(app, actor, Change::Notices(Box::new(change))).await?;
    let added = match (changed, id) {
        (Changed::Done, None) => app
            .store
            .ask(move |view| Box::pin(async move { named(view, &name).await }))
            .await
            .map_err(|error: StoreError| ChangeError::from(error))?,
        _ => None,
    };
    Ok(Asked { changed, added, secret })
}

/// Removes a channel, as far as the actor may.
///
/// # Errors
/// The role is missing, or there is no such channel.
pub async fn remove(app: &App, actor: &Actor, id: NoticeChannelId) -> Result<Changed, ChangeError> {
    settings::change(app, actor, Change::Notices(Box::new(NoticeChange::Remove(id)))).await
}

fn seal(app: &App, secret: &[u8]) -> Result<Vec<u8>, ChangeError> {
    let sealed = app.sealing.seal(Purpose::NoticeSecret, secret, &*app.entropy);
    sealed.map_err(|_| StoreError::Engine("a secret could not be sealed".to_owned()).into())
}

async fn named(view: &mut View, name: &Name) -> Result<Option<NoticeChannelId>, StoreError> {
    let all = view.notice_channels().await?;
    Ok(all
        .into_iter()
        .find(|channel| channel.spec.name == *name)
        .map(|channel| channel.id))
}

/// The change as a manifest has it, with its target; none when nothing would change. Keeps the box of a new secret.
pub(super) async fn describe(
    tx: &mut Tx,
    change: NoticeChange,
    now: Timestamp,
) -> Result<Option<(Operation, String, Subject)>, ChangeError> {
    let (id, before, draft) = match change {
        NoticeChange::Add(draft) => (None, None, Some(draft)),
        NoticeChange::Change(id, draft) => (Some(id), Some(known(tx, id).await?), Some(draft)),
        NoticeChange::Remove(id) => (Some(id), Some(known(tx, id).await?), None),
    };
    let after = match draft {
        Some(draft) => Some(finished(tx, id, draft, before.as_ref(), now).await?),
        None => None,
    };
    if before == after {
        return Ok(None);
    }
    let name = before.as_ref().or(after.as_ref()).map(|spec| spec.name.to_string());
    let target = format!("notice channel {}", name.unwrap_or_default());
    let subject = Subject::NoticeChannel {
        after: after.map(Box::new),
        before: before.map(Box::new),
        channel: id,
    };
    Ok(Some((Operation::UpdateSecuritySettings, target, subject)))
}

async fn known(tx: &mut Tx, id: NoticeChannelId) -> Result<ChannelSpec, ChangeError> {
    let channel = tx.notice_channel(id).await?;
    channel.map(|channel| channel.spec).ok_or(ChangeError::NoNoticeChannel)
}

/// A draft with its secret: the one that was given, or else the one that was there, if it may stay.
async fn finished(
    tx: &mut Tx,
    id: Option<NoticeChannelId>,
    draft: Draft,
    before: Option<&ChannelSpec>,
    now: Timestamp,
) -> Result<ChannelSpec, ChangeError> {
    let Draft { mut spec, sealed } = draft;
    let given = match &sealed {
        Some(sealed) => Some(tx.keep_notice_secret(sealed, now).await?),
        None => None,
    };
    match (&mut spec.way, before.map(|spec| &spec.way)) {
        (Way::Mail(mail), before @ (None | Some(Way::Mail(_)))) => {
            mail.password = match (given, before) {
                (Some(given), _) => Some(given),
                (None, Some(Way::Mail(before))) if mail.user.is_some() && before.password.is_some() => {
                    if !mail.keeps_password_of(before) {
                        return Err(BadChannel::PasswordAgain.into());
                    }
                    before.password
                }
                (None, _) => None,
            };
        }
        (Way::Webhook(webhook), None) => webhook.secret = given.ok_or(VaultError::Drift)?,
        (Way::Webhook(webhook), Some(Way::Webhook(before))) => webhook.secret = given.unwrap_or(before.secret),
        (Way::Mail(_), Some(Way::Webhook(_))) | (Way::Webhook(_), Some(Way::Mail(_))) => {
            return Err(ChangeError::OtherWay);
        }
    }
    spec.check()?;
    let (Way::Mail(MailSpec { ca, .. }) | Way::Webhook(WebhookSpec { ca, .. })) = &spec.way;
    if let Some(ca) = ca {
        certificates::check(ca)?;
    }
    let taken = named(tx, &spec.name).await?;
    if taken.is_some_and(|taken| Some(taken) != id) {
        return Err(ChangeError::ChannelNameTaken);
    }
    Ok(spec)
}

/// Makes a change hold if what it was computed from still holds; what is reported.
pub(super) async fn apply(
    tx: &mut Tx,
    after: Option<&ChannelSpec>,
    before: Option<&ChannelSpec>,
    id: Option<NoticeChannelId>,
    now: Timestamp,
) -> Result<Changes, ChangeError> {
    let known = match id {
        Some(id) => tx.notice_channel(id).await?.map(|channel| channel.spec),
        None => None,
    };
    if known.as_ref() != before {
        return Err(VaultError::Drift.into());
    }
    if let Some(secret) = after.and_then(|spec| spec.way.secret())
        && tx.notice_secret(secret).await?.is_none()
    {
        return Err(VaultError::Drift.into());
    }
    let id = match (id, after) {
        (None, Some(after)) => match tx.add_notice_channel(after, now).await {
            Err(StoreError::Exists) => return Err(VaultError::Drift.into()),
            added => added?,
        },
        (Some(id), Some(after)) => {
            tx.change_notice_channel(id, after).await?;
            id
        }
        (Some(id), None) => {
            tx.remove_notice_channel(id).await?;
            id
        }
        (None, None) => return Err(VaultError::Drift.into()),
    };
    let name = after.or(before).map(|spec| spec.name.to_string()).unwrap_or_default();
    let object = Changes::object(id.to_string(), name).attribute("type", "NoticeChannel");
    Ok(differences(before, after)
        .into_iter()
        .fold(object, |changes, Difference { name, before, after }| {
            changes.property(name, "String", before, after)
        }))
}

/// Everything that differs, in the order in which people think of a channel.
pub fn differences(before: Option<&ChannelSpec>, after: Option<&ChannelSpec>) -> Vec<Difference> {
    let (before, after) = (
        before.map(facts).unwrap_or_default(),
        after.map(facts).unwrap_or_default(),
    );
    let value = |facts: &[(&'static str, String)], name: &str| {
        let found = facts.iter().find(|(found, _)| *found == name);
        found.map(|(_, value)| value.clone()).unwrap_or_default()
    };
    // A channel stays what it is, so that one side has every name.
    let names = if after.is_empty() { &before } else { &after };
    let all = names.iter().map(|(name, _)| Difference {
        name: (*name).to_owned(),
        before: value(&before, name),
        after: value(&after, name),
    });
    all.filter(|difference| difference.before != difference.after).collect()
}

/// What is set of a channel; of a secret, only whether it is the same.
fn facts(spec: &ChannelSpec) -> Vec<(&'static str, String)> {
    let sealed = |hash: countersign_core::Sha256| format!("set, sealed as {}", &hash.to_hex()[..16]);
    let mut facts = vec![("name", spec.name.to_string()), ("notices", spec.notices.to_string())];
    let ca = |ca: &Option<Certificates>| ca.as_ref().map(certificates::told).unwrap_or_default();
    match &spec.way {
        Way::Mail(mail) => facts.extend([
            ("mail.host", mail.host.to_string()),
            ("mail.port", mail.port.to_string()),
            ("mail.security", mail.security.as_str().to_owned()),
            (
                "mail.user",
                mail.user.as_ref().map(ToString::to_string).unwrap_or_default(),
            ),
            ("mail.password", mail.password.map(sealed).unwrap_or_default()),
            ("mail.from", mail.from.to_string()),
            ("mail.ca", ca(&mail.ca)),
        ]),
        Way::Webhook(webhook) => facts.extend([
            ("webhook.url", webhook.url.to_string()),
            ("webhook.format", webhook.format.as_str().to_owned()),
            ("webhook.secret", sealed(webhook.secret)),
            ("webhook.ca", ca(&webhook.ca)),
        ]),
    }
    facts
}
