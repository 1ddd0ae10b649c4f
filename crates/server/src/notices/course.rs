//! The way of one channel: the first notice that it does not have, to everybody who is to have it, then the next.

use std::collections::BTreeSet;

use countersign_core::email::EmailAddress;
use countersign_core::notice::{ChannelSpec, Way};
use countersign_core::{AccountId, NoticeChannelId};
use countersign_store::{NoticeChannel, RecordedNotice, StoreError};
use tokio::time::timeout;
use zeroize::Zeroizing;

use super::content::{Content, plain};
use super::{Labels, PATIENCE, Trouble, mail, webhook};
use crate::AppState;
use crate::seal::Purpose;

/// Who has the notice that is under way, so that a failure in the middle repeats nothing. Gone with the process: after a restart
/// some may get it twice, under the same Message-ID.
#[derive(Debug, Default)]
pub(super) struct Progress {
    seq: i64,
    done: BTreeSet<AccountId>,
}

/// What a step did.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// A notice arrived.
    Sent,
    /// Nobody was to be told of it here, or it was given up.
    Passed,
    /// There is none, or no such channel.
    Nothing,
}

/// How long a notice is tried, in seconds: three days.
const WORTH_SECONDS: i64 = 3 * 24 * 3600;

/// How long one is tried that is refused for good, since often it is a setting that is wrong, or that others have and one mailbox does
/// not take: an hour, in seconds. What comes after it waits.
const REFUSED_SECONDS: i64 = 3600;

/// The longest text of an error, in characters: some servers are talkative.
const LONGEST_ERROR: usize = 300;

struct Next {
    channel: NoticeChannel,
    notice: RecordedNotice,
    content: Option<Content>,
    secret: Option<Vec<u8>>,
}

/// Takes one step. What went wrong is recorded with the channel.
pub(super) async fn step(app: &AppState, id: NoticeChannelId, progress: &mut Progress) -> Result<Step, ()> {
    match try_step(app, id, progress).await {
        Ok(step) => Ok(step),
        Err(error) => {
            tracing::warn!(detail = error.detail(), "notices wait: {error}");
            Err(())
        }
    }?
    .map_err(|Failed| ())
}

/// It was recorded, and is tried again.
struct Failed;

async fn try_step(
    app: &AppState,
    id: NoticeChannelId,
    progress: &mut Progress,
) -> Result<Result<Step, Failed>, StoreError> {
    let now = app.clock.now();
    let Some(next) = read(app, id).await? else {
        return Ok(Ok(Step::Nothing));
    };
    let Next {
        channel,
        notice,
        content,
        secret,
    } = next;
    let Some(content) = content.filter(|_| channel.spec.notices.has(notice.kind)) else {
        advance(app, id, notice.seq, false).await?;
        return Ok(Ok(Step::Passed));
    };
    if progress.seq != notice.seq {
        *progress = Progress {
            seq: notice.seq,
            done: BTreeSet::new(),
        };
    }
    let sent = to_all(app, &channel.spec, secret.as_deref(), &content, progress).await;
    let labels = Labels {
        channel: channel.spec.name.to_string(),
    };
    let (trouble, worth) = match sent {
        Ok(0) => {
            advance(app, id, notice.seq, false).await?;
            return Ok(Ok(Step::Passed));
        }
        Ok(count) => {
            app.notices.sent.get_or_create(&labels).inc_by(count);
            advance(app, id, notice.seq, true).await?;
            return Ok(Ok(Step::Sent));
        }
        Err(Trouble::Later(text)) => (text, WORTH_SECONDS),
        Err(Trouble::Mailbox(text) | Trouble::Refused(text)) => (text, REFUSED_SECONDS),
    };
    app.notices.failed.get_or_create(&labels).inc();
    let text = plain(&trouble, LONGEST_ERROR);
    let over = notice.at.plus_seconds(worth) <= now;
    tracing::warn!(channel = channel.spec.name.as_str(), "a notice did not arrive: {text}");
    app.store
        .write(move |tx| {
            Box::pin(async move {
                tx.note_notice_error(id, &text, now).await?;
                if over {
                    tx.give_up_notice(id, &text, now).await?;
                    tx.advance_notices(id, notice.seq, false, now).await?;
                }
                Ok::<_, StoreError>(())
            })
        })
        .await?;
    Ok(if over { Ok(Step::Passed) } else { Err(Failed) })
}

async fn read(app: &AppState, id: NoticeChannelId) -> Result<Option<Next>, StoreError> {
    let app = AppState::clone(app);
    let store = app.store.clone();
    store
        .read(move |view| {
            Box::pin(async move {
                let Some(channel) = view.notice_channel(id).await? else {
                    return Ok(None);
                };
                let Some(notice) = view.notice_after(channel.cursor).await? else {
                    return Ok(None);
                };
                let content = Content::of(view, &app, &channel, notice).await?;
                let secret = match channel.spec.way.secret() {
                    Some(hash) => view.notice_secret(hash).await?,
                    None => None,
                };
                Ok(Some(Next {
                    channel,
                    notice,
                    content,
                    secret,
                }))
            })
        })
        .await
}

async fn advance(app: &AppState, id: NoticeChannelId, seq: i64, delivered: bool) -> Result<(), StoreError> {
    let now = app.clock.now();
    app.store
        .write(move |tx| Box::pin(async move { tx.advance_notices(id, seq, delivered, now).await }))
        .await
}

/// Sends to everybody who does not have it; how many messages left. Whoever is refused alone is passed over when others took
/// theirs: a mailbox that is gone keeps nobody else waiting.
async fn to_all(
    app: &AppState,
    spec: &ChannelSpec,
    secret: Option<&[u8]>,
    content: &Content,
    progress: &mut Progress,
) -> Result<u64, Trouble> {
    if matches!(spec.way, Way::Webhook(_)) {
        return send(app, spec, secret, content, None).await.map(|()| 1);
    }
    let (mut count, mut refused, mut busy) = (0, None, None);
    for person in &content.to {
        let Some(email) = &person.email else { continue };
        if progress.done.contains(&person.id) {
            count += 1;
            continue;
        }
        match send(app, spec, secret, content, Some((person.id, email))).await {
            Ok(()) => {
                count += 1;
                progress.done.insert(person.id);
            }
            Err(Trouble::Refused(text)) => refused = Some(text),
            Err(Trouble::Mailbox(text)) => busy = Some(text),
            Err(later @ Trouble::Later(_)) => return Err(later),
        }
    }
    if let Some(text) = busy {
        return Err(if count == 0 {
            Trouble::Later(text)
        } else {
            Trouble::Mailbox(text)
        });
    }
    match refused {
        Some(text) if count == 0 => Err(Trouble::Refused(text)),
        Some(text) => {
            tracing::warn!(channel = spec.name.as_str(), "a mailbox refuses notices: {text}");
            Ok(count)
        }
        None => Ok(count),
    }
}

/// Sends one message.
pub(super) async fn send(
    app: &AppState,
    spec: &ChannelSpec,
    sealed: Option<&[u8]>,
    content: &Content,
    to: Option<(AccountId, &EmailAddress)>,
) -> Result<(), Trouble> {
    let secret = match (spec.way.secret(), sealed) {
        (None, _) => None,
        (Some(_), Some(sealed)) => Some(opened(app, sealed)?),
        (Some(_), None) => return Err(Trouble::Later("its secret is gone: give it anew".to_owned())),
    };
    let secret = secret.as_ref().map(|secret| secret.as_slice());
    let sending = async {
        match (&spec.way, to) {
            (Way::Mail(mail), Some(to)) => mail::send(app, mail, secret, content, to).await,
            (Way::Mail(_), None) => Err(Trouble::Refused("there is nobody to write to".to_owned())),
            (Way::Webhook(webhook), _) => webhook::send(app, webhook, secret.unwrap_or_default(), content).await,
        }
    };
    let late = |_| Trouble::Later(format!("it took longer than {} seconds", PATIENCE.as_secs()));
    timeout(PATIENCE, sending).await.map_err(late)?
}

fn opened(app: &AppState, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, Trouble> {
    let opened = app.sealing.unseal(Purpose::NoticeSecret, sealed);
    opened.map_err(|error| Trouble::Later(error.to_string()))
}
