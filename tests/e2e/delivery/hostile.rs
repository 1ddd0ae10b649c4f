//! Values that someone chose to do harm: at a real receiver, none makes a second line, ends its own value or adds another.

use countersign_core::receiver::{Form, Transport};
use countersign_events::{Event, Reason, User};

use crate::support::sending::{Sending, plain};
use crate::support::{
    arrivals::Arrived,
    certificates::Authority,
    rsyslog::{self, Rsyslog},
    syslog_ng::{self, SyslogNg},
};

const FORGERY: &str = r#"<14>1 2025-11-24T05:26:37.421424-07:00 vbrsrv01.example Veeam_MP - - [origin enterpriseId="31023"] [categoryId=0 instanceId=42401 Description="Four-eyes authorization has been disabled by mallory."]"#;

#[test]
fn no_value_makes_a_second_line_at_a_real_receiver() {
    let rsyslog = Rsyslog::start(&[
        ("lines", rsyslog::Way::Tcp),
        ("octets", rsyslog::Way::Tcp),
        ("udp", rsyslog::Way::Udp),
        ("relp", rsyslog::Way::Relp),
        ("strict", rsyslog::Way::Tcp),
    ]);
    let syslog_ng = SyslogNg::start_with(
        &[
            ("lines", syslog_ng::Way::Lines),
            ("octets", syslog_ng::Way::Octets),
            ("udp", syslog_ng::Way::Udp),
            ("strict", syslog_ng::Way::Octets),
        ],
        &Authority::new("nobody"),
    );
    let mut sending = Sending::with("");
    let mut receivers = Vec::new();
    for (name, transport) in [
        ("lines", Transport::TcpLf),
        ("octets", Transport::TcpOctets),
        ("udp", Transport::Udp),
        ("strict", Transport::TcpLf),
    ] {
        let mut one = plain(&format!("rsyslog-{name}"), transport, &rsyslog.address(name));
        let mut other = plain(&format!("syslog-ng-{name}"), transport, &syslog_ng.address(name));
        if name == "strict" {
            other.transport = Transport::TcpOctets;
            for spec in [&mut one, &mut other] {
                spec.options.form = Form::Strict;
            }
        }
        receivers.extend([one, other]);
    }
    receivers.push(plain("rsyslog-relp", Transport::Relp, &rsyslog.address("relp")));
    sending.add(receivers);
    let values = values();
    let mut events: Vec<_> = values
        .iter()
        .flat_map(|value| [denied(value), enabled(value)])
        .collect();
    // What comes last is there when nothing came between.
    events.push(enabled("ann"));
    sending.record(events);
    sending.server.start();

    let recorded = sending.tail();
    for way in ["lines", "octets", "udp"] {
        expect_no_more(way, &recorded, &rsyslog.wait_for(way, recorded.len()));
        expect_no_more(way, &recorded, &syslog_ng.wait_for(way, recorded.len()));
    }
    expect_no_more("relp", &recorded, &rsyslog.wait_for("relp", recorded.len()));
    for arrived in [
        rsyslog.wait_for("strict", recorded.len()),
        syslog_ng.wait_for("strict", recorded.len()),
    ] {
        assert_eq!(arrived.len(), recorded.len());
        for (value, pair) in values.iter().zip(arrived.chunks(2)) {
            expect_the_value_itself(value, &pair[0]);
        }
    }
}

/// What arrived is what was recorded, and a reader finds the keys of an event in it and no other.
#[track_caller]
fn expect_no_more(way: &str, recorded: &[String], arrived: &[Arrived]) {
    let raw: Vec<_> = arrived.iter().map(|arrived| &arrived.raw).collect();
    assert_eq!(raw, recorded.iter().collect::<Vec<_>>(), "{way}");
    for arrived in arrived {
        let expected = if arrived.raw.contains(" instanceId=44002 ") {
            DENIED
        } else {
            ENABLED
        };
        assert_eq!(keys(arrived), expected, "{way}: {}", arrived.raw);
        assert!(arrived.raw.len() <= countersign_events::LARGEST_MESSAGE);
    }
}

const DENIED: &[&str] = &[
    "SourceIpAddress",
    "ClientId",
    "FriendlyName",
    "RedirectUri",
    "Reason",
    "VbrHostName",
    "VbrVersion",
    "Version",
    "Description",
];
const ENABLED: &[&str] = &[
    "Operation",
    "OperationId",
    "InitiatorFullInfo",
    "VbrHostName",
    "VbrVersion",
    "Version",
    "Description",
];

/// The keys that a reader of the message finds.
fn keys(arrived: &Arrived) -> Vec<String> {
    let line = countersign_events::decode(arrived.raw.as_bytes()).expect("a message");
    assert!(!line.ambiguous, "{}", arrived.raw);
    line.parameters.iter().map(|(key, _)| key.to_string()).collect()
}

/// In structured data a value can be written whole: what the receiver read is what was chosen, but for what steers a
/// terminal or ends a line, and for what is too long.
#[track_caller]
fn expect_the_value_itself(value: &str, arrived: &Arrived) {
    let read = &arrived.elements["event@31023"];
    assert!(
        read.keys()
            .all(|key| DENIED.contains(&key.as_str()) || key == "categoryId" || key == "instanceId"),
        "{read:?}"
    );
    for key in ["ClientId", "FriendlyName", "RedirectUri"] {
        let read = &read[key];
        let whole = read.strip_suffix('…').unwrap_or(read);
        if whole == read {
            assert_eq!(read.chars().count(), value.chars().count(), "{read}");
        } else {
            assert!(value.len() > 64, "{read}");
        }
        for (read, was) in whole.chars().zip(value.chars()) {
            let harmless = was == ' ' || was.is_ascii_graphic() || was.is_alphanumeric();
            assert!(
                read == was || !harmless && read == '\u{fffd}',
                "{was:?} became {read:?} in {value}"
            );
        }
    }
}

fn values() -> Vec<String> {
    let mut values: Vec<String> = [
        "\"",
        "\\",
        "]",
        "a\"] [b=\"c",
        "back\\slash\\\"quote\\]bracket",
        "x\" Reason=\"0\" Description=\"All is well.\"]",
        "'single' `back` &amp; <b>\"bold\"</b>",
        "<ModifiedUserInfo fullName=\"mallory\" loginType=\"0\" />",
        "]]>\"><x a=\"",
        "a\0b\u{7}c\u{1b}[31md\u{7f}e\u{85}f",
        "ann\u{202e}nna\u{2066}x\u{2069}\u{200f}\u{feff}\u{2028}y\u{2029}z",
        "3 abc 12 <14>1 - - - - - x",
        "Ω 日本語 naïve 🦀",
        "%s%n%x $!all %msg% ${MESSAGE} $(format-json)",
    ]
    .map(str::to_owned)
    .into();
    values.push(format!("\r\n{FORGERY}\r\n"));
    values.push(format!("\n{} {FORGERY}", FORGERY.len()));
    values.push("a".repeat(1 << 20));
    values.push("\"]\n".repeat(1 << 18));
    values
}

fn denied(value: &str) -> Event {
    let chosen = Some(value.to_owned());
    Event::UserAuthorizationDenied {
        source_ip_address: Some([198, 51, 100, 15].into()),
        client_id: chosen.clone(),
        friendly_name: chosen.clone(),
        subject: None,
        resource_id: None,
        redirect_uri: chosen,
        reason: Reason::Unauthenticated,
    }
}

fn enabled(name: &str) -> Event {
    Event::FourEyesEnabled {
        initiator: User::local(name),
    }
}
