//! What is tried of each way that decides, and with what.

use countersign_core::Policy;
use serde_json::{Value, json};

use super::Desk;

/// One way, tried: as the document has it, and with what.
pub(super) struct Try<With> {
    /// `METHOD /path`, as the document lists it.
    pub(super) path: &'static str,
    pub(super) with: With,
}

const fn of<With>(path: &'static str, with: With) -> Try<With> {
    Try { path, with }
}

/// What is sent over the API: where to, and a body if there is one.
pub(super) type Call = fn(&Desk) -> (String, Option<Value>);

pub(super) const TRIES: &[Try<Call>] = &[
    of("DELETE /api/v1/backups/{storage}/{backup}", |_| {
        ("/backups/main/laptop".into(), None)
    }),
    of(
        "DELETE /api/v1/backups/{storage}/{backup}/objects/{kind}/{name}",
        |desk| {
            (
                format!("/backups/main/laptop/objects/snapshots/{}", desk.snapshot.name),
                None,
            )
        },
    ),
    of("PUT /api/v1/storages/{id}", |_| {
        (
            "/storages/2".into(),
            Some(json!({"name": "archive", "immutable_days": 1})),
        )
    }),
    of("DELETE /api/v1/storages/{id}", |_| {
        ("/storages/2?purge=true".into(), None)
    }),
    of("PUT /api/v1/settings", |_| {
        let weaker = Policy {
            four_eyes: true,
            undo_hours: 0,
            ..Policy::default()
        };
        ("/settings".into(), Some(json!(weaker)))
    }),
    of("PUT /api/v1/settings", |_| {
        let off = Policy {
            four_eyes: false,
            ..Policy::default()
        };
        ("/settings".into(), Some(json!(off)))
    }),
    of("POST /api/v1/clock/confirm", |desk| {
        desk.office.server.clock.jump_seconds(3600);
        ("/clock/confirm".into(), Some(json!({"jump": 1})))
    }),
    of("POST /api/v1/receivers", |_| {
        ("/receivers".into(), Some(receiver("elsewhere")))
    }),
    of("PUT /api/v1/receivers/{id}", |_| {
        ("/receivers/1".into(), Some(receiver("other")))
    }),
    of("DELETE /api/v1/receivers/{id}", |_| ("/receivers/1".into(), None)),
    of("PUT /api/v1/receivers/{id}/filter", |_| {
        ("/receivers/1/filter".into(), Some(json!(FILTER)))
    }),
    of("POST /api/v1/notice-channels", |_| {
        ("/notice-channels".into(), Some(channel("elsewhere")))
    }),
    of("PUT /api/v1/notice-channels/{id}", |_| {
        ("/notice-channels/1".into(), Some(channel("other")))
    }),
    of("DELETE /api/v1/notice-channels/{id}", |_| {
        ("/notice-channels/1".into(), None)
    }),
    of("POST /api/v1/clients", |_| {
        ("/clients".into(), Some(client("stranger", "Stranger")))
    }),
    of("PUT /api/v1/clients/{id}", |_| {
        ("/clients/portal".into(), Some(client("portal", "Other")))
    }),
    of("DELETE /api/v1/clients/{id}", |_| ("/clients/portal".into(), None)),
    of("POST /api/v1/clients/{id}/secret", |_| {
        ("/clients/portal/secret".into(), Some(json!({})))
    }),
    of("POST /api/v1/accounts", |_| {
        let erin = json!({"name": "erin", "kind": "person", "roles": ["security-administrator"]});
        ("/accounts".into(), Some(erin))
    }),
    of("PUT /api/v1/accounts/{id}", |_| {
        let more = json!({"roles": ["security-administrator"], "expires_at": null, "mfa": false});
        ("/accounts/4".into(), Some(more))
    }),
    of("DELETE /api/v1/accounts/{id}", |_| ("/accounts/4".into(), None)),
    of("POST /api/v1/accounts/{id}/enable", |_| {
        ("/accounts/5/enable".into(), Some(json!({})))
    }),
    of("POST /api/v1/accounts/{id}/disable", |_| {
        ("/accounts/4/disable".into(), Some(json!({})))
    }),
    of("POST /api/v1/accounts/{id}/reset", |_| {
        ("/accounts/4/reset".into(), Some(json!({"what": "both"})))
    }),
    of("DELETE /api/v1/configuration-backups/{id}", |_| {
        ("/configuration-backups/1".into(), None)
    }),
    of("PUT /api/v1/configuration-backups/schedule", |_| {
        (
            "/configuration-backups/schedule".into(),
            Some(json!({"at": null, "keep": 1})),
        )
    }),
    of("PUT /api/v1/configuration-backups/passphrase", |_| {
        (
            "/configuration-backups/passphrase".into(),
            Some(json!({"passphrase": "five other words that nobody guesses"})),
        )
    }),
    of("PUT /api/v1/service-providers/{id}", |_| {
        ("/service-providers/1".into(), Some(provider("other")))
    }),
    of("DELETE /api/v1/service-providers/{id}", |_| {
        ("/service-providers/1".into(), None)
    }),
    of(
        "PUT /api/v1/service-providers/{id}/schedules/{storage}/{backup}",
        |_| (SCHEDULED.into(), Some(json!({"every_hours": 48}))),
    ),
    of(
        "DELETE /api/v1/service-providers/{id}/schedules/{storage}/{backup}",
        |_| (SCHEDULED.into(), None),
    ),
    of("POST /api/v1/requests", |_| {
        let command = json!({
            "operation": 10_000, "name": "x", "argv": ["/bin/rm", "-r", "/srv"], "environment": {}, "folder": "/",
            "runner": "laptop",
        });
        ("/requests".into(), Some(command))
    }),
    of("POST /api/v1/runners", |_| {
        ("/runners".into(), Some(json!({"account": 6})))
    }),
];

/// The copies of `main/laptop` at the one service provider.
pub(super) const SCHEDULED: &str = "/service-providers/1/schedules/main/laptop";

/// A page with a form, where the form goes, and what is filled in otherwise than it stands there.
pub(super) type Form = (&'static str, &'static str, &'static [(&'static str, &'static str)]);

pub(super) const PAGES: &[Try<Form>] = &[
    of(
        "POST /backups/{storage}/{backup}/delete",
        (
            "/backups/main/laptop",
            "/backups/main/laptop/delete",
            &[("name", "laptop")],
        ),
    ),
    of(
        "POST /backups/{storage}/{backup}/snapshot",
        (
            "/backups/main/laptop",
            "/backups/main/laptop/snapshot",
            &[("snapshot", SNAPSHOT)],
        ),
    ),
    of(
        "POST /storages/{id}",
        ("/storages/2", "/storages/2", &[("immutable_days", "1")]),
    ),
    of(
        "POST /storages/{id}/delete",
        (
            "/storages/2",
            "/storages/2/delete",
            &[("name", "archive"), ("bytes", "purge")],
        ),
    ),
    of("POST /settings", ("/settings", "/settings", &[("undo_hours", "0")])),
    of(
        "POST /settings/four-eyes/off",
        ("/settings", "/settings/four-eyes/off", &[]),
    ),
    of(
        "POST /settings/clock/confirm",
        ("/settings", "/settings/clock/confirm", &[]),
    ),
    of(
        "POST /receivers",
        (
            "/receivers/new",
            "/receivers",
            &[("name", "elsewhere"), ("address", "127.0.0.1:1")],
        ),
    ),
    of(
        "POST /receivers/{id}",
        ("/receivers/1", "/receivers/1", &[("name", "other")]),
    ),
    of(
        "POST /receivers/{id}/remove",
        ("/receivers/1", "/receivers/1/remove", &[]),
    ),
    of(
        "POST /receivers/{id}/filter",
        ("/receivers/1/filter", "/receivers/1/filter", &[(A_TICK, "on")]),
    ),
    of(
        "POST /receivers/{id}/filter/import",
        ("/receivers/1/filter", "/receivers/1/filter/import", &[("xml", FILTER)]),
    ),
    of(
        "POST /notices",
        (
            "/notices/new-webhook",
            "/notices",
            &[("name", "elsewhere"), ("url", "http://127.0.0.1:9/in")],
        ),
    ),
    of("POST /notices/{id}", ("/notices/1", "/notices/1", &[("name", "other")])),
    of("POST /notices/{id}/remove", ("/notices/1", "/notices/1/remove", &[])),
    of(
        "POST /clients",
        (
            "/clients/new",
            "/clients",
            &[
                ("id", "stranger"),
                ("name", "Stranger"),
                ("authorization_code", "on"),
                ("gateway-api", "on"),
                ("redirect_uris", "https://stranger.example/back"),
            ],
        ),
    ),
    of(
        "POST /clients/{id}",
        ("/clients/portal", "/clients/portal", &[("name", "Other")]),
    ),
    of(
        "POST /clients/{id}/secret",
        ("/clients/portal", "/clients/portal/secret", &[]),
    ),
    of(
        "POST /clients/{id}/remove",
        ("/clients/portal", "/clients/portal/remove", &[]),
    ),
    of(
        "POST /accounts",
        (
            "/accounts/new",
            "/accounts",
            &[("name", "erin"), ("security-administrator", "on")],
        ),
    ),
    of(
        "POST /accounts/{id}",
        ("/accounts/4", "/accounts/4", &[("security-administrator", "on")]),
    ),
    of("POST /accounts/{id}/enable", ("/accounts/5", "/accounts/5/enable", &[])),
    of(
        "POST /accounts/{id}/disable",
        ("/accounts/4", "/accounts/4/disable", &[]),
    ),
    of("POST /accounts/{id}/delete", ("/accounts/4", "/accounts/4/delete", &[])),
    of(
        "POST /accounts/{id}/reset",
        ("/accounts/4", "/accounts/4/reset", &[("what", "both")]),
    ),
    of(
        "POST /configuration-backups/{id}/delete",
        ("/configuration-backups", "/configuration-backups/1/delete", &[]),
    ),
    of(
        "POST /configuration-backups/schedule",
        (
            "/configuration-backups",
            "/configuration-backups/schedule",
            &[("keep", "1")],
        ),
    ),
    of(
        "POST /configuration-backups/passphrase",
        (
            "/configuration-backups",
            "/configuration-backups/passphrase",
            &[
                ("passphrase", "five other words that nobody guesses"),
                ("repeat", "five other words that nobody guesses"),
            ],
        ),
    ),
    of(
        "POST /service-providers/{id}",
        ("/service-providers/1", "/service-providers/1", &[("name", "other")]),
    ),
    of(
        "POST /service-providers/{id}/delete",
        ("/service-providers/1", "/service-providers/1/delete", &[]),
    ),
    of(
        "POST /service-providers/{id}/copy",
        (
            "/service-providers/1",
            "/service-providers/1/copy",
            &[("backup", "main/laptop"), ("every_hours", "48")],
        ),
    ),
    of(
        "POST /service-providers/{id}/unschedule",
        ("/service-providers/1", "/service-providers/1/unschedule", &[]),
    ),
    of("POST /runners", ("/commands", "/runners", &[])),
];

/// What a backup client sends below `/restic/main/laptop`, and whether it is held; else it is refused.
pub(super) type Sent = (fn(&Desk) -> (String, Vec<u8>), bool);

pub(super) const REPOSITORY: &[Try<Sent>] = &[
    of(
        "DELETE /restic/{storage}/{backup}",
        (|_| (String::new(), Vec::new()), true),
    ),
    of(
        "DELETE /restic/{storage}/{backup}/",
        (|_| ("/".into(), Vec::new()), true),
    ),
    of(
        "POST /restic/{storage}/{backup}/config",
        (|_| ("/config".into(), b"other".to_vec()), false),
    ),
    of(
        "DELETE /restic/{storage}/{backup}/config",
        (|_| ("/config".into(), Vec::new()), false),
    ),
    of(
        "DELETE /restic/{storage}/{backup}/{kind}/{name}",
        (|desk| (format!("/snapshots/{}", desk.snapshot.name), Vec::new()), true),
    ),
];

/// Stands for the name of the snapshot.
pub(super) const SNAPSHOT: &str = "*snapshot*";
/// Stands for the first tick of a page.
pub(super) const A_TICK: &str = "*tick*";
pub(super) const FILTER: &str = "<SyslogFilteredEvents><FilteredEvent EventId=\"42402\" FilterInfo=\"True\" FilterWarning=\"True\" \
                      FilterError=\"True\"/></SyslogFilteredEvents>";

pub(super) fn receiver(name: &str) -> Value {
    json!({"name": name, "transport": "tcp-octets", "address": "127.0.0.1:1"})
}

pub(super) fn channel(name: &str) -> Value {
    json!({"name": name, "webhook": {"url": "http://127.0.0.1:9/in", "format": "json"}})
}

pub(super) fn provider(name: &str) -> Value {
    json!({"name": name, "url": "https://127.0.0.1:9/", "user": "office"})
}

pub(super) fn client(id: &str, name: &str) -> Value {
    json!({
        "id": id, "name": name, "enabled": true, "authentication": "secret", "grants": ["authorization_code"],
        "resources": ["gateway-api"], "redirect_uris": ["https://portal.example/back"],
    })
}
