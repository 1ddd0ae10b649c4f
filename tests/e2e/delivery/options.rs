//! What can be chosen for each receiver, as a real receiver sees it.

use countersign_core::receiver::{Filter, Severities, Transport};
use countersign_events::Event;

use crate::support::sending::{Sending, plain};
use crate::support::{
    certificates::Authority,
    rsyslog::{self, Rsyslog},
    syslog_ng::{self, SyslogNg},
};

#[test]
fn each_receiver_gets_its_own_dialect() {
    let ways = ["plain", "names", "mark", "numbered"];
    let rsyslog = Rsyslog::start(&ways.map(|name| (name, rsyslog::Way::Tcp)));
    let syslog_ng = SyslogNg::start_with(
        &ways.map(|name| (name, syslog_ng::Way::Octets)),
        &Authority::new("nobody"),
    );
    let mut sending = Sending::with("");
    let mut receivers = Vec::new();
    for name in ways {
        for (whose, address) in [
            ("rsyslog", rsyslog.address(name)),
            ("syslog-ng", syslog_ng.address(name)),
        ] {
            let mut spec = plain(&format!("{whose}-{name}"), Transport::TcpOctets, &address);
            match name {
                "names" => {
                    spec.options.app_name = Some("Backup".parse().unwrap());
                    spec.options.logon_app_name = Some("Veeam_Security".parse().unwrap());
                }
                "mark" => spec.options.byte_order_mark = Some(true),
                "numbered" => spec.options.sequence = true,
                _ => {}
            }
            receivers.push(spec);
        }
    }
    sending.add(receivers);
    sending.record(Event::examples());
    sending.server.start();
    let recorded = sending.tail();
    let arrived = |name| {
        [
            rsyslog.wait_for(name, recorded.len()),
            syslog_ng.wait_for(name, recorded.len()),
        ]
    };

    for all in arrived("plain") {
        assert!(all.iter().map(|arrived| &arrived.raw).eq(&recorded));
    }
    for all in arrived("names") {
        for (arrived, (line, event)) in all.iter().zip(recorded.iter().zip(Event::examples())) {
            let name = if event.id() / 100 == 440 {
                "Veeam_Security"
            } else {
                "Backup"
            };
            assert_eq!(arrived.app_name, name);
            assert_eq!(arrived.raw, line.replacen(" Veeam_MP ", &format!(" {name} "), 1));
        }
    }
    let [rsyslogs, syslog_ngs] = arrived("mark");
    for (at, line) in recorded.iter().enumerate() {
        let (before, message) = line.split_once("] ").expect("two brackets");
        let marked = format!("{before}] \u{feff}{message}");
        assert_eq!((&rsyslogs[at].raw, &syslog_ngs[at].raw), (&marked, &marked));
        // rsyslog leaves the mark in MSG; syslog-ng takes it for what it is.
        assert_eq!(rsyslogs[at].message, format!("\u{feff}{message}"));
        assert_eq!(syslog_ngs[at].message, message);
    }
    for all in arrived("numbered") {
        for (at, (arrived, line)) in all.iter().zip(&recorded).enumerate() {
            let number = format!(" EventSequence=\"{}\" VbrHostName=", at + 1);
            assert_eq!(arrived.raw, line.replacen(" VbrHostName=", &number, 1));
        }
    }
}

#[test]
fn what_is_filtered_out_does_not_arrive_and_the_rest_does() {
    let rsyslog = Rsyslog::start(&[("all", rsyslog::Way::Tcp), ("some", rsyslog::Way::Tcp)]);
    let mut sending = Sending::with("");
    let mut some = plain("some", Transport::TcpOctets, &rsyslog.address("some"));
    let mut filter = Filter::default();
    filter.set(44000, Severities::ALL);
    filter.set(
        42402,
        Severities {
            info: true,
            ..Severities::default()
        },
    );
    // Another severity than this event has: it passes.
    filter.set(
        44002,
        Severities {
            info: true,
            error: true,
            warning: false,
        },
    );
    some.filter = filter;
    sending.add(vec![plain("all", Transport::TcpOctets, &rsyslog.address("all")), some]);
    sending.record([Event::examples(), Event::examples()].concat());
    sending.server.start();
    let recorded = sending.tail();
    let all = rsyslog.wait_for("all", recorded.len());
    let passing: Vec<_> = recorded
        .iter()
        .filter(|line| !line.contains("instanceId=44000 ") && !line.contains("instanceId=42402 "))
        .collect();
    assert_eq!(passing.len(), recorded.len() - 4);
    let some = rsyslog.wait_for("some", passing.len());
    assert!(all.iter().map(|arrived| &arrived.raw).eq(&recorded));
    assert!(some.iter().map(|arrived| &arrived.raw).eq(passing), "{some:#?}");
}
