use super::requests::{batch, batch_done, batch_item, decided, form, loss, neighbour, opened, request, veto, waiting};
use super::*;

/// The same pages once more with hostile text wherever people choose it.
pub fn hostile_pages() -> Vec<(String, String)> {
    let text = || HOSTILE.repeat(6);
    let hostile_chrome = |section| Chrome {
        account_name: text(),
        notice: Some(text()),
        csrf: HOSTILE.into(),
        ..chrome(section)
    };
    let mut queue = queues();
    for (at, queue) in queue.iter_mut().enumerate() {
        queue.backup = Some(format!("{at}{}", text()));
        queue.busy = Some(Busy::Locked {
            by: text(),
            since: ago(540),
        });
        for row in &mut queue.requests {
            row.operation = text();
            row.initiator = text();
        }
    }
    let mut loss = loss();
    loss.backup = text();
    loss.snapshots[0] = LostSnapshot {
        name: text(),
        by: text(),
        ..loss.snapshots[0].clone()
    };
    loss.manifest[0] = ObjectRow {
        kind: text(),
        name: text(),
        by: text(),
        ..loss.manifest[0].clone()
    };
    let other = || Neighbour {
        operation: text(),
        initiator: text(),
        digest: text(),
        ..neighbour("9", "x")
    };
    let batch = BatchPage {
        chrome: hostile_chrome(Section::Pending),
        comment: format!("</textarea>{}", text()),
        error: Some(DecideError::Impossible(text())),
        ..batch(
            vec![BatchItem {
                operation: text(),
                initiator: text(),
                why: Some(text()),
                subject: Subject::Change(vec![ChangeRow {
                    what: text(),
                    before: text(),
                    after: text(),
                }]),
                ..batch_item("41")
            }],
            None,
        )
    };
    let mut batch_done = batch_done();
    batch_done.rows[0].operation = text();
    batch_done.rows[2].outcome = Err(DecideError::AlreadyDecided {
        state: RequestState::Rejected,
        by: Some(text()),
        at: ago(5),
    });
    let request = RequestPage {
        chrome: hostile_chrome(Section::Pending),
        operation: text(),
        initiator: text(),
        initiator_address: text(),
        behind: vec![text()],
        why: Some(text()),
        command: None,
        digest: text(),
        warnings: vec![WarningLine {
            strong: true,
            text: format!("The last snapshot that this server has from {HOSTILE} is among them."),
        }],
        subject: Subject::Objects(Box::new(loss)),
        earlier: vec![other()],
        later: vec![other()],
        form: Some(DecisionForm {
            comment: format!("</textarea>{}", text()),
            ..form()
        }),
        decision: decided(RequestState::Approved, Effect::Drifted { why: text() })
            .decision
            .map(|decision| Decision {
                effect: Effect::Vetoed(Veto {
                    by: text(),
                    comment: text(),
                    reason: Some(text()),
                    at: ago(60),
                }),
                from: Some(text()),
                by: Some(text()),
                reason: Some(text()),
                comment: text(),
                ..decision
            }),
        veto: Some(VetoForm {
            comment: format!("</textarea>{}", text()),
            along: vec![other()],
            ..veto(None)
        }),
        ..request()
    };
    let drifted = RequestPage {
        form: None,
        veto: None,
        ..decided(RequestState::Approved, Effect::Drifted { why: text() })
    };
    let postponed = RequestPage {
        veto: None,
        ..decided(RequestState::Approved, waiting(Some(text())))
    };
    let change = Subject::Change(vec![ChangeRow {
        what: text(),
        before: text(),
        after: text(),
    }]);
    let mut history = history();
    history.filter = HistoryFilter {
        user: text(),
        id: text(),
        from: text(),
        problem: Some(text()),
        ..history.filter
    };
    history.rows[0] = HistoryRow {
        operation: text(),
        initiator: text(),
        supervisor: Some(text()),
        then: Some(text()),
        backup: Some(text()),
        ..history.rows[0].clone()
    };
    let mut events = events();
    events.filter = EventFilter {
        user: text(),
        problem: Some(text()),
        ..events.filter
    };
    events.rows[0].description = text();
    events.rows[0].parameters[0].1 = text();
    events.rows[0].line = text();
    let mut backups = backups();
    backups.storages[0].name = text();
    backups.storages[0].backups[0] = BackupRow {
        name: text(),
        locks: vec![LockRow { by: text(), ..lock() }],
        ..backups.storages[0].backups[0].clone()
    };
    let backup = BackupPage {
        storage: text(),
        name: text(),
        client_url: text(),
        delete_problem: Some(text()),
        ..backup()
    };
    let mut tokens = tokens();
    tokens.rows[0] = TokenRow {
        label: text(),
        scope: text(),
        ..tokens.rows[0].clone()
    };
    tokens.form = tokens.form.map(|form| TokenForm {
        label: text(),
        scope: text(),
        problem: Some(text()),
        ..form
    });
    tokens.fresh = Some(FreshToken {
        label: text(),
        secret: "s".repeat(43),
        client_url: text(),
    });
    let mut receivers = receivers();
    receivers.rows[0] = ReceiverRow {
        name: text(),
        address: text(),
        standing: ReceiverStanding {
            last_error: Some((text(), ago(1))),
            ..receivers.rows[0].standing.clone()
        },
        ..receivers.rows[0].clone()
    };
    let mut receiver = receiver(Some("1"));
    receiver.name = text();
    let test = TestNote {
        good: false,
        text: text(),
        at: ago(1),
    };
    receiver.test = Some(test.clone());
    receiver.form = ReceiverForm {
        name: text(),
        address: text(),
        server_name: text(),
        ca: format!("</textarea>{HOSTILE}"),
        fingerprint: text(),
        app_name: text(),
        logon_app_name: text(),
        server_app_name: text(),
        connect_seconds: text(),
        problem: Some(text()),
        ..receiver.form
    };
    let receiver_filter = ReceiverFilterPage {
        name: text(),
        xml: format!("</textarea>{HOSTILE}"),
        problem: Some(text()),
        ..receiver_filter()
    };
    let mut clients = clients();
    clients.rows[0].name = text();
    let mut client = client(Some("portal"));
    client.secret_problem = Some(text());
    client.form = ClientForm {
        name: text(),
        redirect_uris: format!("</textarea>{HOSTILE}"),
        problem: Some(text()),
        ..client.form
    };
    let new_client = ClientPage {
        id: None,
        form: ClientForm {
            id: text(),
            ..client.form.clone()
        },
        ..client.clone()
    };
    let recorded = RecordedPage {
        chrome: hostile_chrome(Section::Settings),
        id: "46".into(),
        operation: text(),
        expires: ahead(600_000),
        test: Some(test),
    };
    let problem = ProblemPage {
        chrome: hostile_chrome(Section::Pending),
        status: 404,
        title: text(),
        text: text(),
        advice: text(),
        link: Some(Link {
            href: "/pending".into(),
            label: text(),
        }),
    };
    vec![
        rendered(
            "hostile-pending",
            &PendingPage {
                chrome: hostile_chrome(Section::Pending),
                queues: queue,
                approved: vec![ApprovedRow {
                    operation: text(),
                    initiator: text(),
                    approver: text(),
                    ..approved(Some(text()))
                }],
                collecting: Vec::new(),
                pager: Pager::default(),
            },
        ),
        rendered(
            "hostile-request-settings",
            &RequestPage {
                subject: change,
                ..request.clone()
            },
        ),
        rendered("hostile-request", &request),
        rendered("hostile-batch", &batch),
        rendered("hostile-batch-done", &batch_done),
        rendered("hostile-request-drifted", &drifted),
        rendered("hostile-request-postponed", &postponed),
        rendered("hostile-request-opened", &opened(HOSTILE)),
        rendered("hostile-history", &history),
        rendered("hostile-events", &events),
        rendered("hostile-backups", &backups),
        rendered("hostile-backup", &backup),
        rendered("hostile-tokens", &tokens),
        rendered("hostile-receivers", &receivers),
        rendered("hostile-receiver", &receiver),
        rendered("hostile-receiver-filter", &receiver_filter),
        rendered("hostile-clients", &clients),
        rendered("hostile-client", &client),
        rendered("hostile-client-new", &new_client),
        rendered("hostile-recorded", &recorded),
        rendered("hostile-problem", &problem),
    ]
}
