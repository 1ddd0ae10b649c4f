//! Every page with plausible values, and with the worst ones that people can choose.

use askama::Template;
use countersign_events::Timestamp;

use super::*;

mod accounts;
mod clients;
mod commands;
mod configuration_backups;
mod device;
mod hostile;
mod logon;
mod notice_channels;
mod receivers;
mod requests;
mod service_providers;
mod storages;

use clients::{client, clients};
use configuration_backups::configuration_backups;
use notice_channels::{notice_channel, notice_channels};
use receivers::{receiver, receiver_filter, receivers};

/// What someone malicious calls things.
pub const HOSTILE: &str = "\"><script>alert('x')</script>\u{202e}gnp.exe";

const NOW: Timestamp = Timestamp(1_795_248_900_000_000);

fn ago(seconds: i64) -> Moment {
    Moment::new(NOW.plus_seconds(-seconds), NOW)
}

fn ahead(seconds: i64) -> Moment {
    ago(-seconds)
}

fn chrome(section: Section) -> Chrome {
    Chrome {
        csrf: "c5rf".into(),
        account_name: "ann".into(),
        pending_count: 4,
        four_eyes_on: true,
        section: Some(section),
        version: "0.1.0".into(),
        alerts: Vec::new(),
        notice: None,
    }
}

fn public() -> Public {
    Public {
        csrf: "c5rf".into(),
        version: "0.1.0".into(),
    }
}

fn digest(letter: char) -> String {
    format!("{letter}3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
}

fn choice(value: &str, label: &str, hint: &str, chosen: bool) -> Choice {
    Choice {
        value: value.into(),
        label: label.into(),
        hint: hint.into(),
        chosen,
    }
}

fn busy() -> Busy {
    Busy::Locked {
        since: ago(540),
        by: "backup-svc".into(),
    }
}

fn row(id: &str, operation: &str, by: &str, age: i64) -> PendingRow {
    PendingRow {
        id: id.into(),
        operation: operation.into(),
        initiator: by.into(),
        yours: by == "ann",
        can_approve: by != "ann",
        can_choose: true,
        snapshots: Count(3),
        objects: Count(1_204),
        bytes: Bytes(23_622_320_128),
        marks: Vec::new(),
        created: ago(age),
        expires: ahead(7 * 86_400 - age),
    }
}

fn queues() -> Vec<PendingQueue> {
    vec![
        PendingQueue {
            backup: Some("main/laptop".into()),
            href: "/backups/main/laptop".into(),
            busy: Some(busy()),
            requests: vec![
                row("41", "Delete snapshot 1f2e3d4c (and 2 more)", "bob", 6 * 86_400 + 4_000),
                PendingRow {
                    snapshots: Count(0),
                    ..row("43", "Delete object a91c5e02 (and 411 more)", "ann", 11_000)
                },
            ],
        },
        PendingQueue {
            backup: Some("main/mail-server".into()),
            href: "/backups/main/mail-server".into(),
            busy: None,
            requests: vec![PendingRow {
                marks: vec!["the whole backup".into()],
                ..row("42", "Delete backup main/mail-server", "carol", 3_700)
            }],
        },
        PendingQueue {
            backup: None,
            href: String::new(),
            busy: None,
            requests: vec![PendingRow {
                snapshots: Count(0),
                objects: Count(0),
                bytes: Bytes(0),
                ..row("44", "Disable four-eyes authorization", "bob", 45)
            }],
        },
    ]
}

fn collecting() -> CollectingRow {
    CollectingRow {
        id: "45".into(),
        backup: "main/build-cache".into(),
        initiator: "ann".into(),
        yours: true,
        can_end: true,
        snapshots: Count(1),
        objects: Count(87),
        bytes: Bytes(734_003_200),
        since: ago(130),
        ends: ahead(3_470),
    }
}

fn approved(postponed: Option<String>) -> ApprovedRow {
    ApprovedRow {
        id: if postponed.is_some() { "32" } else { "33" }.into(),
        operation: "Delete backup main/old-laptop".into(),
        initiator: "bob".into(),
        approver: "carol".into(),
        objects: Count(1_204),
        bytes: Bytes(23_622_320_128),
        due: ahead(40_000),
        postponed,
    }
}

fn pending() -> PendingPage {
    PendingPage {
        chrome: chrome(Section::Pending),
        queues: queues(),
        approved: vec![approved(None), approved(Some("The backup is in use.".into()))],
        collecting: vec![collecting()],
        pager: Pager::default(),
    }
}

fn history() -> HistoryPage {
    let row = |id: &str, state, supervisor: Option<&str>| HistoryRow {
        id: id.into(),
        operation: "Delete snapshot 1f2e3d4c (and 2 more)".into(),
        backup: Some("main/laptop".into()),
        state,
        then: None,
        initiator: "bob".into(),
        supervisor: supervisor.map(Into::into),
        created: ago(500_000),
        decided: ago(400_000),
        bytes: Bytes(23_622_320_128),
    };
    HistoryPage {
        chrome: chrome(Section::History),
        filter: HistoryFilter {
            states: vec![choice("", "all", "", true), choice("approved", "Approved", "", false)],
            ..HistoryFilter::default()
        },
        rows: vec![
            HistoryRow {
                then: Some("vetoed by ann".into()),
                ..row("40", RequestState::Approved, Some("carol"))
            },
            row("39", RequestState::Rejected, Some("ann")),
            row("38", RequestState::Expired, None),
            HistoryRow {
                operation: "Disable four-eyes authorization".into(),
                backup: None,
                bytes: Bytes(0),
                ..row("37", RequestState::Rejected, Some("ann"))
            },
        ],
        pager: Pager {
            summary: "1–4 of 37".into(),
            first: None,
            next: Some("/history?before=37".into()),
            ..Pager::default()
        },
    }
}

fn events() -> EventsPage {
    let row = |sequence, id, severity, title: &str, description: &str| EventRow {
        sequence,
        at: ago(90_000 - 60 * i64::try_from(sequence).unwrap()),
        id,
        severity,
        title: title.into(),
        description: description.into(),
        request: (id == 42402).then(|| "41".into()),
        parameters: vec![
            (
                "InitiatorFullInfo".into(),
                "<ModifiedUserInfo fullName=\"bob\" loginType=\"0\" />".into(),
            ),
            ("Description".into(), description.into()),
        ],
        line: format!(
            "<14>1 2026-11-21T08:15:00.000000+00:00 backup Veeam_MP - - [origin enterpriseId=\"31023\"] [categoryId=0 instanceId={id} Description=\"{description}\"]"
        ),
    };
    EventsPage {
        chrome: chrome(Section::Events),
        filter: EventFilter::default(),
        rows: vec![
            row(
                812,
                42402,
                Severity::Info,
                "Four-Eyes Authorization Request Created",
                "Delete snapshot 1f2e3d4c event has been initiated by bob and requires an additional approval.",
            ),
            row(
                811,
                44002,
                Severity::Warning,
                "User Authorization Denied",
                "Authorization request was denied: an authentication has failed.",
            ),
            row(
                810,
                40700,
                Severity::Error,
                "Configuration Backup Job Finished",
                "Configuration backup has been completed. Result: Failed.",
            ),
        ],
        pager: Pager {
            summary: "newest first".into(),
            first: None,
            next: Some("/events?before=810".into()),
            ..Pager::default()
        },
    }
}

fn lock() -> LockRow {
    LockRow {
        by: "backup-svc".into(),
        since: ago(540),
    }
}

fn backups() -> BackupsPage {
    let row = |name: &str, held: u64, locks| BackupRow {
        name: name.into(),
        href: format!("/backups/main/{name}"),
        log: name == "mail-server",
        snapshots: Count(212),
        held_snapshots: Count(held),
        bytes: Bytes(14_500_000_000),
        held_bytes: Bytes(held * 7_874_106_709),
        held_share: Share::new(held * 7, 50),
        last_received: Some(ago(540)),
        locks,
        pending: Count(held.min(2)),
    };
    BackupsPage {
        chrome: chrome(Section::Backups),
        storages: vec![
            StorageView {
                name: "main".into(),
                href: "/storages/1".into(),
                bytes: Bytes(1_400_000_000_000),
                held_bytes: Bytes(23_622_320_128),
                held_cap: Some(Bytes(500 << 30)),
                client_url: "rest:https://ann:TOKEN@backup.example/restic/main/BACKUP/".into(),
                backups: vec![
                    row("laptop", 3, vec![lock()]),
                    row("mail-server", 1, Vec::new()),
                    BackupRow {
                        last_received: None,
                        ..row("build-cache", 0, Vec::new())
                    },
                ],
            },
            StorageView {
                name: "empty".into(),
                href: "/storages/2".into(),
                bytes: Bytes(0),
                held_bytes: Bytes(0),
                held_cap: None,
                client_url: "rest:https://ann:TOKEN@backup.example/restic/empty/BACKUP/".into(),
                backups: Vec::new(),
            },
        ],
    }
}

fn backup() -> BackupPage {
    let snapshot = |name: &str, days: i64, held: Option<&str>| SnapshotRow {
        name: format!("{name}{}", "0".repeat(56)),
        received: ago(days * 86_400 + 7_300),
        by: "backup-svc".into(),
        held_by: held.map(|request| HeldBy {
            request: request.into(),
        }),
    };
    let kind = |kind: &str, objects, held| KindTotals {
        kind: kind.into(),
        objects: Count(objects),
        bytes: Bytes(objects * 17_000_000),
        held_objects: Count(held),
        held_bytes: Bytes(held * 17_000_000),
    };
    BackupPage {
        chrome: chrome(Section::Backups),
        storage: "main".into(),
        name: "laptop".into(),
        storage_href: "/storages/1".into(),
        log: false,
        can_mark: true,
        snapshot_problem: None,
        href: "/backups/main/laptop".into(),
        client_url: "rest:https://ann:TOKEN@backup.example/restic/main/laptop/".into(),
        created: ago(9_000_000),
        last_received: Some(ago(540)),
        bytes: Bytes(14_500_000_000),
        held_bytes: Bytes(23_622_320_128),
        held_share: Share::new(62, 100),
        kinds: vec![
            kind("snapshots", 2, 3),
            kind("data", 812, 1_192),
            kind("index", 7, 9),
            kind("keys", 1, 0),
        ],
        locks: vec![lock()],
        queue: queues().swap_remove(0).requests,
        snapshots: vec![
            snapshot("5d5d5d5d", 0, None),
            snapshot("1f2e3d4c", 2, Some("41")),
            snapshot("77aa10b2", 3, Some("41")),
        ],
        pager: Pager {
            summary: "1–3 of 5".into(),
            first: None,
            next: Some("/backups/main/laptop?page=2".into()),
            ..Pager::default()
        },
        can_delete: true,
        delete_problem: None,
    }
}

fn tokens() -> TokensPage {
    let row = TokenRow {
        id: "7".into(),
        label: "laptop, nightly job".into(),
        scope: "main/laptop".into(),
        rights: "delete".into(),
        created: ago(9_000_000),
        last_used: Some(ago(540)),
        revoked: None,
        expires: Some(ahead(9_000_000)),
    };
    TokensPage {
        chrome: chrome(Section::Tokens),
        rows: vec![
            row.clone(),
            TokenRow {
                id: "6".into(),
                scope: "*".into(),
                last_used: None,
                ..row.clone()
            },
            TokenRow {
                id: "5".into(),
                label: "old server".into(),
                revoked: Some(ago(86_400)),
                ..row
            },
        ],
        form: Some(TokenForm {
            label: String::new(),
            scope: String::new(),
            expires: String::new(),
            rights: vec![
                choice("read", "Read", "List and restore.", false),
                choice("append", "Append", "Also add snapshots. Cannot delete.", false),
                choice(
                    "delete",
                    "Delete",
                    "Also delete: held until a second person approves.",
                    true,
                ),
            ],
            problem: None,
        }),
        fresh: None,
    }
}

fn settings(four_eyes: FourEyes) -> SettingsPage {
    SettingsPage {
        chrome: Chrome {
            four_eyes_on: matches!(four_eyes, FourEyes::On { .. }),
            ..chrome(Section::Settings)
        },
        four_eyes,
        four_eyes_problem: None,
        clock: ClockState::Passes,
        form: SettingsForm {
            expiry_days: "7".into(),
            quiet_seconds: "15".into(),
            collect_seconds: "3600".into(),
            cool_off_hours: "24".into(),
            held_gib: String::new(),
            event_retention_days: String::new(),
            logoff_minutes: "30".into(),
            session_hours: "12".into(),
            open_requests: "100".into(),
            undo_hours: "24".into(),
            mfa_for_all: true,
            problem: None,
        },
        can_change: true,
    }
}

fn rendered(name: &str, page: &impl Template) -> (String, String) {
    (name.to_owned(), page.render().unwrap())
}

/// Every page by name.
pub fn all() -> Vec<(String, String)> {
    let on = || FourEyes::On { turning_off: None };
    let mut pages = vec![
        rendered("pending", &pending()),
        rendered("pending-empty", &PendingPage {
            chrome: Chrome { pending_count: 0, four_eyes_on: false, ..chrome(Section::Pending) },
            queues: Vec::new(),
            approved: Vec::new(),
            collecting: Vec::new(),
            pager: Pager::default(),
        }),
        rendered("batch", &requests::batch(vec![requests::batch_item("41"), requests::batch_item("43")], None)),
        rendered("batch-empty", &requests::batch(Vec::new(), None)),
        rendered("batch-wrong-code", &requests::batch_again()),
        rendered("batch-unlike", &requests::batch_unlike()),
        rendered("batch-done", &requests::batch_done()),
        rendered("history", &history()),
        rendered("history-empty", &HistoryPage { rows: Vec::new(), ..history() }),
        rendered("events", &events()),
        rendered("backups", &backups()),
        rendered("backup", &backup()),
        rendered("backup-off", &BackupPage {
            chrome: Chrome { four_eyes_on: false, ..chrome(Section::Backups) },
            queue: Vec::new(),
            locks: Vec::new(),
            snapshots: Vec::new(),
            ..backup()
        }),
        rendered("tokens", &tokens()),
        rendered("tokens-fresh", &TokensPage {
            fresh: Some(FreshToken {
                label: "laptop, nightly job".into(),
                secret: "kJ2r9Qx0vT_1mB8sZ-4nLc6yWd3hFgUaEoPiX5tR7bM".into(),
                client_url: "rest:https://ann:kJ2r9Qx0vT_1mB8sZ-4nLc6yWd3hFgUaEoPiX5tR7bM@backup.example/restic/main/laptop/".into(),
            }),
            ..tokens()
        }),
        rendered("tokens-empty", &TokensPage { rows: Vec::new(), ..tokens() }),
        rendered("receivers", &receivers()),
        rendered("receivers-empty", &ReceiversPage { rows: Vec::new(), ..receivers() }),
        rendered("receiver-new", &receiver(None)),
        rendered("receiver", &receiver(Some("1"))),
        rendered("receiver-filter", &receiver_filter()),
        rendered("notices", &notice_channels()),
        rendered("notices-empty", &ChannelsPage { rows: Vec::new(), without_email: Vec::new(), ..notice_channels() }),
        rendered("notices-looking", &ChannelsPage { can_change: false, ..notice_channels() }),
        rendered("notice-mail-new", &notice_channel(None, true)),
        rendered("notice-webhook-new", &notice_channel(None, false)),
        rendered("notice-mail", &notice_channel(Some("1"), true)),
        rendered("notice-webhook", &ChannelPage {
            fresh: Some("whsec_kJ2r9Qx0vT1mB8sZ4nLc6yWd3hFgUaEoPiX5tR7bM8=".into()),
            requested: Some("41".into()),
            ..notice_channel(Some("2"), false)
        }),
        rendered("notice-looking", &ChannelPage { can_change: false, ..notice_channel(Some("1"), true) }),
        rendered("clients", &clients()),
        rendered("client-new", &client(None)),
        rendered("client", &client(Some("portal"))),
        rendered("client-fresh", &ClientPage {
            fresh: Some("kJ2r9Qx0vT_1mB8sZ-4nLc6yWd3hFgUaEoPiX5tR7bM".into()),
            ..client(Some("portal"))
        }),
        rendered("client-without-secret", &ClientPage {
            secret: Some(false),
            state: Some(ClientState::WithoutSecret),
            is_held: true,
            ..client(Some("portal"))
        }),
        rendered("client-built-in", &ClientPage {
            secret: None,
            state: Some(ClientState::BuiltIn),
            can_change: false,
            ..client(Some("cli"))
        }),
        rendered("clients-looking", &ClientsPage { can_change: false, ..clients() }),
        rendered("client-looking", &ClientPage { can_change: false, ..client(Some("portal")) }),
        rendered("configuration-backups", &configuration_backups()),
        rendered("configuration-backups-empty", &ConfigurationBackupsPage {
            rows: Vec::new(),
            passphrase: None,
            problem: Some("The two passphrases are not the same. Nothing was changed.".into()),
            is_held: false,
            ..configuration_backups()
        }),
        rendered("configuration-backups-looking", &ConfigurationBackupsPage {
            can_make: false,
            can_change: false,
            ..configuration_backups()
        }),
        rendered("settings", &settings(on())),
        rendered("settings-turning-off", &settings(FourEyes::On { turning_off: Some("44".into()) })),
        rendered("settings-off", &settings(FourEyes::Off { eligible: Count(2), ready: Some(ahead(70_000)) })),
        rendered("settings-off-alone", &settings(FourEyes::Off { eligible: Count(1), ready: None })),
        rendered("settings-clock", &SettingsPage {
            clock: ClockState::StandsStill {
                jump: "3".into(),
                before: "2026-11-21T08:15:00.000000+00:00".into(),
                after: "2026-12-21T08:15:00.000000+00:00".into(),
                now: "2026-12-21T09:00:00.000000+00:00".into(),
                ageing: "2026-11-21T08:15:00.000000+00:00".into(),
                problem: Some("The clock jumped again since you looked: look again, and confirm what it shows now.".into()),
            },
            ..settings(on())
        }),
        rendered("settings-refused", &SettingsPage {
            four_eyes_problem: Some("four-eyes authorization needs two people who can approve; there is one: ann".into()),
            ..settings(FourEyes::Off { eligible: Count(2), ready: None })
        }),
        rendered("tokens-looking", &TokensPage { form: None, ..tokens() }),
        rendered("receivers-looking", &ReceiversPage { can_change: false, ..receivers() }),
        rendered("receiver-looking", &ReceiverPage { can_change: false, ..receiver(Some("1")) }),
        rendered("receiver-filter-looking", &ReceiverFilterPage { can_change: false, ..receiver_filter() }),
        rendered("settings-looking", &SettingsPage { can_change: false, ..settings(on()) }),
        rendered("recorded", &RecordedPage {
            chrome: chrome(Section::Settings),
            id: "46".into(),
            operation: "Disable four-eyes authorization".into(),
            expires: ahead(600_000),
            test: None,
        }),
        rendered("problem", &ProblemPage {
            chrome: chrome(Section::Pending),
            status: 404,
            title: "No such request".into(),
            text: "There is no request 99.".into(),
            advice: "It may have a different number: look at the pending ones, or in History.".into(),
            link: Some(Link { href: "/pending".into(), label: "All pending".into() }),
        }),
        rendered("problem-public", &PublicProblemPage {
            public: public(),
            status: 410,
            title: "This link has expired".into(),
            text: "A one-time link works for one hour, once.".into(),
            advice: "Print a new one on the server: countersign setup links".into(),
            link: None,
        }),
    ];
    pages.extend(requests::requests());
    pages.extend(storages::storage_pages());
    pages.extend(logon::sign_in_pages());
    pages.extend(device::device_pages());
    pages.extend(logon::set_up_pages());
    pages.extend(logon::security_pages());
    pages.extend(accounts::link_pages());
    pages.extend(accounts::account_pages());
    pages.extend(service_providers::service_provider_pages());
    pages.extend(commands::all_of_commands());
    pages.extend(hostile::hostile_pages());
    pages
}
