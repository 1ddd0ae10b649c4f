use super::*;

fn standing(state: ReceiverState, backlog: u64) -> ReceiverStanding {
    ReceiverStanding {
        state,
        connected: Some(true),
        backlog: Count(backlog),
        lag: (backlog > 0).then_some(Span(3)),
        delivered: Count(1_204_311),
        last_delivered: Some(ago(12)),
        last_error: None,
    }
}

pub fn receivers() -> ReceiversPage {
    let row = |id: &str, name: &str, state, backlog| ReceiverRow {
        id: id.into(),
        name: name.into(),
        transport: "RELP".into(),
        address: "siem.example:2514".into(),
        filtered: Count(0),
        standing: standing(state, backlog),
    };
    let alert = |critical, text: &str| AlertLine {
        critical,
        text: text.into(),
        since: ago(700),
    };
    ReceiversPage {
        chrome: Chrome {
            alerts: vec![
                alert(true, "The data folder’s disk has 200 MiB of 10.0 GiB left: make room."),
                alert(false, "812 events wait for receiver lab; they are kept."),
            ],
            ..chrome(Section::Receivers)
        },
        rows: vec![
            row("1", "siem", ReceiverState::Current, 0),
            ReceiverRow {
                transport: "TLS".into(),
                filtered: Count(3),
                ..row("2", "siem-standby", ReceiverState::Sending, 14_231)
            },
            ReceiverRow {
                transport: "UDP".into(),
                standing: ReceiverStanding {
                    connected: None,
                    lag: Some(Span(4_000)),
                    last_delivered: None,
                    last_error: Some(("no connection to lab.example:514: connection refused".into(), ago(20))),
                    ..standing(ReceiverState::Retrying, 812)
                },
                ..row("3", "lab", ReceiverState::Retrying, 812)
            },
        ],
        can_change: true,
    }
}

pub fn receiver(id: Option<&str>) -> ReceiverPage {
    ReceiverPage {
        chrome: chrome(Section::Receivers),
        id: id.map(Into::into),
        name: if id.is_some() { "siem".into() } else { String::new() },
        standing: id.map(|_| standing(ReceiverState::Sending, 14_231)),
        test: id.map(|_| TestNote {
            good: false,
            text: "The test message was not delivered: no connection to siem.example:2514: connection refused.".into(),
            at: ago(3),
        }),
        filtered: Count(if id.is_some() { 3 } else { 0 }),
        form: ReceiverForm {
            name: "siem".into(),
            address: "siem.example:2514".into(),
            transports: vec![
                choice(
                    "relp",
                    "RELP",
                    "Recommended. The receiver acknowledges each message: nothing is lost.",
                    true,
                ),
                choice(
                    "tls",
                    "TLS",
                    "Encrypted; each message after its length (RFC 5425).",
                    false,
                ),
                choice(
                    "udp",
                    "UDP",
                    "One message a datagram (RFC 5426). What is lost on the way is lost.",
                    false,
                ),
            ],
            server_name: if id.is_some() {
                "siem.example".into()
            } else {
                String::new()
            },
            ca: String::new(),
            fingerprint: String::new(),
            client_certificate: id.is_some(),
            forms: vec![
                choice(
                    "compatible",
                    "As the family does",
                    "What existing parsers and rules know.",
                    true,
                ),
                choice("strict", "Strict", "Structured data proper (RFC 5424, 6.3).", false),
            ],
            app_name: String::new(),
            logon_app_name: "Veeam_Security".into(),
            server_app_name: "Veeam_MP".into(),
            server_logon_app_name: "Veeam_MP".into(),
            marks: vec![
                choice("", "as the server does (off)", "", true),
                choice("on", "always", "", false),
                choice("off", "never", "", false),
            ],
            sequence: false,
            connect_seconds: "5".into(),
            problem: Some("An address is host:port, for example siem.example:514.".into()),
        },
        is_held: id.is_some(),
        can_change: true,
    }
}

pub fn receiver_filter() -> ReceiverFilterPage {
    ReceiverFilterPage {
        chrome: chrome(Section::Receivers),
        id: "1".into(),
        name: "siem".into(),
        rows: vec![
            FilterRow {
                id: 23_010,
                title: None,
                severities: [Some(true), Some(false), Some(false)],
            },
            FilterRow {
                id: 40_700,
                title: Some("Configuration Backup Job Finished"),
                severities: [Some(false), Some(true), Some(false)],
            },
            FilterRow {
                id: 42_402,
                title: Some("Four-Eyes Authorization Request Created"),
                severities: [None, Some(false), None],
            },
        ],
        filtered: Count(2),
        xml: "<SyslogFilteredEvents>".into(),
        problem: Some("Nothing was changed: line 1, column 23: this is not well-formed XML.".into()),
        is_held: true,
        can_change: true,
    }
}
