//! Follows the table of receivers: one task for each, also when they come, change and go.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use countersign_core::ReceiverId;
use countersign_core::receiver::ReceiverSpec;
use countersign_store::Receiver;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::{Shared, receiver};

struct Running {
    spec: ReceiverSpec,
    leave: CancellationToken,
    task: JoinHandle<()>,
}

/// Runs until the server stops and every task has ended.
pub(super) async fn run(shared: Arc<Shared>) {
    let mut running = BTreeMap::new();
    while !shared.stop.is_cancelled() {
        match shared.store.ask(|view| Box::pin(view.receivers())).await {
            Ok(receivers) => follow(&shared, &mut running, receivers),
            Err(error) => tracing::warn!(detail = error.detail(), "the receivers cannot be read: {error}"),
        }
        tokio::select! {
            () = shared.stop.cancelled() => {}
            () = shared.changed.notified() => {}
            () = sleep(shared.pace.poll) => {}
        }
    }
    // Time to send what is left, to say goodbye, and to write both down.
    let until = Instant::now() + shared.pace.flush + shared.pace.farewell + Duration::from_secs(1);
    for (_, running) in running {
        receiver::join(running.task, until).await;
    }
}

fn follow(shared: &Arc<Shared>, running: &mut BTreeMap<ReceiverId, Running>, receivers: Vec<Receiver>) {
    running.retain(|id, running| {
        let stays = receivers.iter().any(|receiver| receiver.id == *id);
        if !stays {
            running.leave.cancel();
            shared.standings.goes(*id);
        }
        stays
    });
    for receiver in receivers {
        let before = match running.remove(&receiver.id) {
            Some(task) if task.spec == receiver.spec && !task.task.is_finished() => {
                running.insert(receiver.id, task);
                continue;
            }
            Some(task) => {
                task.leave.cancel();
                Some(task.task)
            }
            None => None,
        };
        let leave = CancellationToken::new();
        let task = receiver::spawn(shared, receiver.id, receiver.spec.clone(), leave.clone(), before);
        let spec = receiver.spec;
        running.insert(receiver.id, Running { spec, leave, task });
    }
}
