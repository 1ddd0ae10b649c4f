//! Every event of the catalogue arrives at every receiver by every transport, as `events tail` prints it, and is taken apart
//! as the design says: the origin is structured data, the event's own bracket is the message.

use countersign_core::receiver::{Form, Transport};
use countersign_events::Event;
use serde_json::Value;

use crate::support::sending::{Sending, encrypted, plain};
use crate::support::{
    arrivals::Arrived,
    certificates::Authority,
    rsyslog::{self, Rsyslog},
    syslog_ng::{self, SyslogNg},
};

#[test]
fn every_event_arrives_at_rsyslog_as_it_was_recorded() {
    let authority = Authority::new("The site's own authority");
    let rsyslog = Rsyslog::start_with(
        &[
            ("lines", rsyslog::Way::Tcp),
            ("octets", rsyslog::Way::Tcp),
            ("udp", rsyslog::Way::Udp),
            ("tls", rsyslog::Way::Tls),
            ("mutual", rsyslog::Way::MutualTls),
            ("relp", rsyslog::Way::Relp),
            ("relp-tls", rsyslog::Way::RelpTls),
            ("relp-mutual", rsyslog::Way::RelpMutualTls),
        ],
        &authority,
    );
    let mut sending = Sending::with_certificate(&authority);
    let at = |name| rsyslog.address(name);
    sending.add(vec![
        plain("lines", Transport::TcpLf, &at("lines")),
        plain("octets", Transport::TcpOctets, &at("octets")),
        plain("udp", Transport::Udp, &at("udp")),
        encrypted("tls", Transport::Tls, &at("tls"), &authority, false),
        encrypted("mutual", Transport::Tls, &at("mutual"), &authority, true),
        plain("relp", Transport::Relp, &at("relp")),
        encrypted("relp-tls", Transport::RelpTls, &at("relp-tls"), &authority, false),
        encrypted("relp-mutual", Transport::RelpTls, &at("relp-mutual"), &authority, true),
    ]);
    sending.record(Event::examples());
    sending.server.start();
    let recorded = sending.tail();
    for way in [
        "lines",
        "octets",
        "udp",
        "tls",
        "mutual",
        "relp",
        "relp-tls",
        "relp-mutual",
    ] {
        expect_all(way, &recorded, &rsyslog.wait_for(way, recorded.len()));
    }
}

#[test]
fn every_event_arrives_at_syslog_ng_as_it_was_recorded() {
    let authority = Authority::new("The site's own authority");
    let syslog_ng = SyslogNg::start_with(
        &[
            ("lines", syslog_ng::Way::Lines),
            ("octets", syslog_ng::Way::Octets),
            ("udp", syslog_ng::Way::Udp),
            ("tls", syslog_ng::Way::Tls),
            ("mutual", syslog_ng::Way::MutualTls),
        ],
        &authority,
    );
    let mut sending = Sending::with_certificate(&authority);
    let at = |name| syslog_ng.address(name);
    sending.add(vec![
        plain("lines", Transport::TcpLf, &at("lines")),
        plain("octets", Transport::TcpOctets, &at("octets")),
        plain("udp", Transport::Udp, &at("udp")),
        encrypted("tls", Transport::Tls, &at("tls"), &authority, false),
        encrypted("mutual", Transport::Tls, &at("mutual"), &authority, true),
    ]);
    sending.record(Event::examples());
    sending.server.start();
    let recorded = sending.tail();
    for way in ["lines", "octets", "udp", "tls", "mutual"] {
        expect_all(way, &recorded, &syslog_ng.wait_for(way, recorded.len()));
    }
}

/// What arrived is what was recorded, in order, and was taken apart where the design says.
#[track_caller]
fn expect_all(way: &str, recorded: &[String], arrived: &[Arrived]) {
    let raw: Vec<_> = arrived.iter().map(|arrived| &arrived.raw).collect();
    assert_eq!(raw, recorded.iter().collect::<Vec<_>>(), "{way}");
    for arrived in arrived {
        // As a line is laid out: `<PRI>1 TIMESTAMP HOSTNAME APP-NAME - - [origin …] [categoryId=0 …]`.
        let (header, body) = arrived.raw.split_once(" - - ").expect("no PROCID and no MSGID");
        let (structured_data, message) = body.split_once("] ").expect("two brackets");
        let header: Vec<_> = header.split(' ').collect();
        let read = [&arrived.timestamp, &arrived.hostname, &arrived.app_name];
        assert_eq!(
            (format!("<{}>1", arrived.pri), read.map(String::as_str).as_slice()),
            (header[0].to_owned(), &header[1..]),
            "{way}"
        );
        assert_eq!(
            (arrived.hostname.as_str(), arrived.app_name.as_str()),
            ("vbrsrv01.example", "Veeam_MP")
        );
        assert_eq!(arrived.structured_data, format!("{structured_data}]"), "{way}");
        assert_eq!(arrived.structured_data, r#"[origin enterpriseId="31023"]"#, "{way}");
        assert_eq!(arrived.message, message, "{way}");
        assert!(
            message.starts_with("[categoryId=0 instanceId=") && message.ends_with("\"]"),
            "{way}: {message}"
        );
        assert_eq!(arrived.msgid, "", "{way}");
    }
}

#[test]
fn the_strict_form_is_structured_data_to_both() {
    let rsyslog = Rsyslog::start(&[("strict", rsyslog::Way::Tcp)]);
    let syslog_ng = SyslogNg::start_with(&[("strict", syslog_ng::Way::Octets)], &Authority::new("nobody"));
    let mut sending = Sending::with("");
    let mut receivers = vec![
        plain("rsyslog", Transport::TcpOctets, &rsyslog.address("strict")),
        plain("syslog-ng", Transport::TcpOctets, &syslog_ng.address("strict")),
    ];
    for spec in &mut receivers {
        spec.options.form = Form::Strict;
    }
    sending.add(receivers);
    sending.record(Event::examples());
    sending.server.start();
    let recorded = sending.tail_json();
    for arrived in [
        rsyslog.wait_for("strict", recorded.len()),
        syslog_ng.wait_for("strict", recorded.len()),
    ] {
        assert_eq!(arrived.len(), recorded.len());
        for (arrived, recorded) in arrived.iter().zip(&recorded) {
            expect_structured(arrived, recorded);
        }
    }
}

/// Every parameter of the event is one of structured data, and MSG is the Description.
#[track_caller]
fn expect_structured(arrived: &Arrived, recorded: &Value) {
    let id = recorded["id"].to_string();
    assert_eq!(arrived.msgid, id);
    let mut parameters = recorded["parameters"].as_object().expect("parameters").clone();
    let description = parameters.remove("Description").expect("a Description");
    assert_eq!(arrived.message.trim_start_matches('\u{feff}'), description);
    parameters.insert("categoryId".to_owned(), "0".into());
    parameters.insert("instanceId".to_owned(), id.into());
    let read = &arrived.elements["event@31023"];
    assert_eq!(
        serde_json::to_value(read).unwrap(),
        Value::Object(parameters),
        "{}",
        arrived.raw
    );
    assert_eq!(arrived.elements["origin"]["enterpriseId"], "31023");
}
