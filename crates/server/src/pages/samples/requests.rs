use super::*;

pub fn lost(name: &str, days: i64) -> LostSnapshot {
    LostSnapshot {
        name: format!("{name}{}", "0".repeat(56)),
        received: ago(days * 86_400 + 7_300),
        by: "backup-svc".into(),
        inside: None,
    }
}

pub fn loss() -> Loss {
    let object = |kind: &str, letter, size| ObjectRow {
        kind: kind.into(),
        name: digest(letter),
        size: Bytes(size),
        received: ago(400_000),
        by: "backup-svc".into(),
    };
    Loss {
        backup: "main/laptop".into(),
        backup_href: "/backups/main/laptop".into(),
        whole: false,
        nature: "Snapshots together with data that no other snapshot needs, as “restic forget --prune” deletes them."
            .into(),
        received: Some((ago(4 * 86_400), ago(2 * 86_400))),
        stays: Some(Stays {
            snapshots: Count(2),
            bytes: Bytes(14_480_000_000),
            newest: Some(ago(6 * 86_400)),
        }),
        habit: Some(
            "In the last 12 weeks usually 1 snapshot and 2.0 GiB a week, by approved requests of this account.".into(),
        ),
        snapshots: vec![lost("1f2e3d4c", 2), lost("77aa10b2", 3), lost("c0ffee00", 4)],
        snapshot_count: Count(3),
        kinds: vec![
            LostKind {
                kind: "snapshots".into(),
                objects: Count(3),
                bytes: Bytes(812),
            },
            LostKind {
                kind: "data".into(),
                objects: Count(1_192),
                bytes: Bytes(23_622_000_128),
            },
            LostKind {
                kind: "index".into(),
                objects: Count(9),
                bytes: Bytes(320_000),
            },
        ],
        objects: Count(1_204),
        bytes: Bytes(23_622_320_128),
        share: Share::new(62, 100),
        manifest: vec![
            object("data", 'a', 17_825_792),
            object("data", 'b', 16_777_216),
            object("snapshots", 'c', 271),
        ],
        pager: Pager {
            summary: "1–3 of 1,204".into(),
            first: None,
            next: Some("/requests/41?page=2".into()),
            ..Pager::default()
        },
    }
}

pub fn neighbour(id: &str, by: &str) -> Neighbour {
    Neighbour {
        id: id.into(),
        digest: digest('f'),
        operation: "Delete object a91c5e02 (and 411 more)".into(),
        initiator: by.into(),
        bytes: Bytes(734_003_200),
        marks: vec!["the newest snapshot".into()],
        created: ago(9_000),
    }
}

pub fn form() -> DecisionForm {
    DecisionForm {
        cannot_approve: None,
        cannot_reject: None,
        comment: String::new(),
        chosen: String::new(),
        totp: true,
        passkey: Some("/account/passkeys/challenge".into()),
    }
}

pub fn request() -> RequestPage {
    RequestPage {
        undo_hours: Count(24),
        chrome: chrome(Section::Pending),
        id: "41".into(),
        operation: "Delete snapshot 1f2e3d4c (and 2 more)".into(),
        state: RequestState::Pending,
        initiator: "bob".into(),
        yours: false,
        initiator_address: "198.51.100.23".into(),
        behind: vec!["dora (owns the service)".into()],
        command: None,
        why: Some("Bob’s old laptop:\nit is gone since March.".into()),
        created: ago(11_000),
        expires: ahead(6 * 86_400 + 75_000),
        digest: digest('e'),
        warnings: vec![
            WarningLine {
                strong: true,
                text: "The newest snapshot, of 2026-11-19 06:20 UTC, is among them; the newest that stays is of 2026-11-15 08:15 UTC.".into(),
            },
            WarningLine {
                strong: false,
                text: "The newest snapshot that stays is 6 days old.".into(),
            },
        ],
        subject: Subject::Objects(Box::new(loss())),
        earlier: Vec::new(),
        later: vec![neighbour("43", "ann")],
        opening: Some(Opening::Ask { error: None }),
        form: Some(form()),
        error: None,
        busy: None,
        decision: None,
        veto: None,
        can_end: true,
        account: None,
    }
}

pub fn decided(state: RequestState, effect: Effect) -> RequestPage {
    let by = (state != RequestState::Expired).then(|| "carol".to_owned());
    RequestPage {
        chrome: Chrome {
            notice: Some("Request 41 was decided.".into()),
            ..chrome(Section::History)
        },
        state,
        form: None,
        warnings: Vec::new(),
        later: Vec::new(),
        decision: Some(Decision {
            by,
            at: ago(125),
            from: Some("passkey phone, from 198.51.100.9 in the browser Mozilla/5.0".into()),
            comment: "Agreed with Bob on the phone:\nthese three are from the old laptop.".into(),
            reason: None,
            effect,
        }),
        ..request()
    }
}

pub fn waiting(postponed: Option<String>) -> Effect {
    Effect::Waiting {
        due: ahead(80_000),
        postponed,
    }
}

pub fn veto(cannot: Option<NotAllowed>) -> VetoForm {
    VetoForm {
        cannot,
        comment: "The laptop is not that old.".into(),
        totp: true,
        passkey: Some("/account/passkeys/challenge".into()),
        along: vec![neighbour("42", "bob")],
    }
}

pub fn batch_item(id: &str) -> BatchItem {
    let mut loss = loss();
    loss.snapshots.clear();
    loss.manifest.clear();
    BatchItem {
        id: id.into(),
        digest: digest('e'),
        operation: "Delete snapshot 1f2e3d4c (and 2 more)".into(),
        initiator: "bob".into(),
        yours: false,
        created: ago(11_000),
        expires: ahead(6 * 86_400),
        why: Some("The old laptop is gone.".into()),
        warnings: request().warnings,
        subject: Subject::Objects(Box::new(loss)),
        unlike: false,
        busy: None,
        cannot_approve: None,
        cannot_reject: None,
        older: Vec::new(),
        older_href: String::new(),
        later: (50..=75).map(|id| id.to_string()).collect(),
        along: digest('a'),
        chosen: "approve".into(),
    }
}

pub fn batch(items: Vec<BatchItem>, error: Option<DecideError>) -> BatchPage {
    BatchPage {
        undo_hours: Count(24),
        chrome: chrome(Section::Pending),
        items,
        differ: None,
        comment: String::new(),
        error,
        totp: true,
        passkey: Some("/account/passkeys/challenge".into()),
        approve_href: "/requests/decide?id=41&id=43&choose=approve".into(),
        reject_href: "/requests/decide?id=41&id=43&choose=reject".into(),
    }
}

pub fn batch_again() -> BatchPage {
    BatchPage {
        comment: "Agreed with Bob.".into(),
        ..batch(vec![batch_item("41")], Some(DecideError::WrongCode))
    }
}

pub fn batch_unlike() -> BatchPage {
    let change = Subject::Change(vec![ChangeRow {
        what: "Four-eyes authorization".into(),
        before: "on".into(),
        after: "off".into(),
    }]);
    let other = BatchItem {
        operation: "Disable four-eyes authorization".into(),
        subject: change,
        unlike: true,
        later: Vec::new(),
        chosen: "leave".into(),
        ..batch_item("44")
    };
    let own = BatchItem {
        initiator: "ann".into(),
        yours: true,
        unlike: true,
        busy: Some(busy()),
        cannot_approve: Some(NotAllowed::Initiator),
        chosen: "reject".into(),
        ..batch_item("45")
    };
    let late = BatchItem {
        older: vec!["39".into(), "40".into()],
        older_href: "/requests/decide?id=39&id=40&id=41".into(),
        chosen: "leave".into(),
        ..batch_item("46")
    };
    BatchPage {
        differ: Some("what they do, who asked".into()),
        ..batch(vec![batch_item("41"), late, other, own], None)
    }
}

pub fn batch_done() -> BatchDonePage {
    let row = |id: &str, outcome| BatchDone {
        id: id.into(),
        operation: "Delete snapshot 1f2e3d4c (and 2 more)".into(),
        outcome,
    };
    BatchDonePage {
        chrome: chrome(Section::Pending),
        rows: vec![
            row("41", Ok((RequestState::Approved, Vec::new()))),
            row("43", Ok((RequestState::Rejected, vec!["45".into(), "46".into()]))),
            row("44", Err(DecideError::Busy(busy()))),
        ],
        again: Some("/requests/decide?id=44".into()),
    }
}

const HOST: &str = "laptop.example";

/// Snapshots that were looked into.
pub fn opened(host: &str) -> RequestPage {
    let mut loss = loss();
    loss.snapshots[0].inside = Some(Ok(Inside {
        time: "2026-11-19T06:17:03Z".into(),
        host: host.into(),
        user: host.into(),
        paths: format!("/home/{host}"),
        tags: host.into(),
        bytes: Some(Bytes(23_622_320_128)),
    }));
    loss.snapshots[1].inside = Some(Err("it is not sealed with this repository's key".into()));
    RequestPage {
        subject: Subject::Objects(Box::new(loss)),
        opening: Some(Opening::Open { until: ahead(700) }),
        ..request()
    }
}

pub fn requests() -> Vec<(String, String)> {
    let refused = |why: NotAllowed| {
        Some(DecisionForm {
            cannot_approve: Some(why),
            ..form()
        })
    };
    let closed = Some(DecisionForm {
        cannot_approve: Some(NotAllowed::Role),
        cannot_reject: Some(NotAllowed::Role),
        ..form()
    });
    let with = |error: DecideError| RequestPage {
        error: Some(error),
        ..request()
    };
    let change = Subject::Change(vec![
        ChangeRow {
            what: "Four-eyes authorization".into(),
            before: "on".into(),
            after: "off".into(),
        },
        ChangeRow {
            what: "Expiry".into(),
            before: "7 d".into(),
            after: "30 d".into(),
        },
    ]);
    let taken = DecideError::AlreadyDecided {
        state: RequestState::Rejected,
        by: Some("carol".into()),
        at: ago(30),
    };
    let middle = RequestPage {
        earlier: vec![neighbour("39", "bob"), neighbour("40", "dora")],
        form: refused(NotAllowed::InitiatorOfEarlier { id: "39".into() }),
        ..request()
    };
    let collecting = RequestPage {
        state: RequestState::Collecting,
        form: None,
        digest: String::new(),
        later: Vec::new(),
        ..request()
    };
    let pages = vec![
        ("request", request()),
        (
            "request-busy",
            RequestPage {
                busy: Some(busy()),
                ..with(DecideError::Busy(busy()))
            },
        ),
        (
            "request-own",
            RequestPage {
                yours: true,
                initiator: "ann".into(),
                form: refused(NotAllowed::Initiator),
                ..request()
            },
        ),
        ("request-middle", middle),
        (
            "request-early",
            RequestPage {
                earlier: vec![neighbour("39", "bob"), neighbour("40", "dora")],
                ..request()
            },
        ),
        (
            "request-long-queue",
            RequestPage {
                earlier: (1..=40).map(|id| neighbour(&id.to_string(), "bob")).collect(),
                later: (50..=75).map(|id| neighbour(&id.to_string(), "dora")).collect(),
                ..request()
            },
        ),
        ("request-opened", opened(HOST)),
        (
            "request-not-opened",
            RequestPage {
                opening: Some(Opening::Ask {
                    error: Some("The password opens no key of this backup.".into()),
                }),
                ..request()
            },
        ),
        (
            "request-cooling",
            RequestPage {
                form: refused(NotAllowed::CoolingOff { until: ahead(40_000) }),
                ..request()
            },
        ),
        (
            "request-closed",
            RequestPage {
                form: closed,
                ..request()
            },
        ),
        (
            "request-overdue",
            RequestPage {
                form: refused(NotAllowed::Expired),
                expires: ago(60),
                ..request()
            },
        ),
        (
            "request-taken",
            RequestPage {
                error: Some(taken),
                ..decided(RequestState::Rejected, Effect::Unchanged)
            },
        ),
        ("request-changed", with(DecideError::Changed)),
        ("request-wrong-code", with(DecideError::WrongCode)),
        ("request-used-code", with(DecideError::UsedCode)),
        (
            "request-throttled",
            with(DecideError::Throttled { retry_after: Span(45) }),
        ),
        (
            "request-not-quiet",
            RequestPage {
                busy: Some(Busy::NotQuiet { wait: Span(12) }),
                ..with(DecideError::Busy(Busy::NotQuiet { wait: Span(12) }))
            },
        ),
        ("request-vault-drifted", with(DecideError::Drifted)),
        (
            "request-impossible",
            with(DecideError::Impossible("There is no such receiver.".into())),
        ),
        ("request-nothing-chosen", with(DecideError::NothingChosen)),
        (
            "request-not-allowed",
            with(DecideError::NotAllowed(NotAllowed::Initiator)),
        ),
        ("request-collecting", collecting),
        (
            "request-settings",
            RequestPage {
                operation: "Disable four-eyes authorization".into(),
                warnings: vec![WarningLine {
                    strong: true,
                    text: "Four-eyes authorization is turned off.".into(),
                }],
                subject: change,
                later: Vec::new(),
                ..request()
            },
        ),
        (
            "request-waiting",
            RequestPage {
                veto: Some(veto(None)),
                ..decided(RequestState::Approved, waiting(None))
            },
        ),
        (
            "request-postponed",
            RequestPage {
                veto: Some(veto(Some(NotAllowed::Role))),
                busy: Some(Busy::NotQuiet { wait: Span(12) }),
                ..decided(RequestState::Approved, waiting(Some("The backup is in use.".into())))
            },
        ),
        (
            "request-vetoed",
            decided(
                RequestState::Approved,
                Effect::Vetoed(Veto {
                    by: "ann".into(),
                    at: ago(60),
                    comment: "The laptop is not that old.".into(),
                    reason: Some("It was computed as if the objects of request 40 were gone.".into()),
                }),
            ),
        ),
        (
            "request-purging",
            decided(
                RequestState::Approved,
                Effect::Purging {
                    done: Count(500),
                    objects: Count(1_204),
                },
            ),
        ),
        (
            "request-purged",
            decided(
                RequestState::Approved,
                Effect::Purged {
                    objects: Count(1_204),
                    bytes: Bytes(23_622_320_128),
                    at: ago(99),
                },
            ),
        ),
        (
            "request-drifted",
            decided(
                RequestState::Approved,
                Effect::Drifted {
                    why: "The receiver was changed since.".into(),
                },
            ),
        ),
        ("request-applied", decided(RequestState::Approved, Effect::Applied)),
        (
            "request-rejected",
            decided(
                RequestState::Rejected,
                Effect::Returned {
                    objects: Count(1_204),
                    bytes: Bytes(23_622_320_128),
                },
            ),
        ),
        (
            "request-expired",
            decided(
                RequestState::Expired,
                Effect::Returned {
                    objects: Count(1),
                    bytes: Bytes(7),
                },
            ),
        ),
    ];
    pages.iter().map(|(name, page)| rendered(name, page)).collect()
}
