//! Over TLS, a real receiver that cannot be told for the right one gets nothing, and one that does not know us says so.

use countersign_core::receiver::Transport;
use countersign_events::Event;

use crate::support::{
    certificates::Authority,
    clock::eventually,
    rsyslog::{Rsyslog, Way},
    sending::{Sending, encrypted},
};

#[test]
fn nothing_is_told_to_a_receiver_that_nobody_vouches_for() {
    let (authority, other) = (Authority::new("The site's own"), Authority::new("Somebody else's"));
    let ways = [
        ("right", Way::Tls),
        ("stranger", Way::Tls),
        ("relp-stranger", Way::RelpTls),
        ("other-name", Way::Tls),
        ("no-certificate", Way::MutualTls),
        ("relp-no-certificate", Way::RelpMutualTls),
    ];
    let rsyslog = Rsyslog::start_with(&ways, &authority);
    let mut sending = Sending::with_certificate(&authority);
    let receivers = ways.map(|(name, way)| {
        let transport = match way {
            Way::RelpTls | Way::RelpMutualTls => Transport::RelpTls,
            _ => Transport::Tls,
        };
        let known = if name.ends_with("stranger") { &other } else { &authority };
        let mut spec = encrypted(name, transport, &rsyslog.address(name), known, false);
        if name == "other-name" {
            spec.options.tls.server_name = Some("siem.example".parse().unwrap());
        }
        spec
    });
    sending.add(receivers.into());
    sending.record(Event::examples());
    sending.server.start();

    let errors = eventually("an error of all but one", || {
        Some(sending.errors()).filter(|errors| errors.len() >= ways.len() - 1)
    });
    rsyslog.wait_for("right", Event::examples().len());
    assert!(!errors.contains_key("right"), "{errors:#?}");
    for (name, _) in &ways[1..] {
        assert!(rsyslog.arrived(name).is_empty(), "{name} got something");
        assert!(errors[*name].contains("certificate"), "{name}: {}", errors[*name]);
    }
}
