//! From an address to events that arrive: a receiver is asked for over the API, told a test message, approved, and gets what happens.

use std::net::Ipv4Addr;

use countersign::delivery::TEST_TEXT;
use serde_json::{Value, json};
use ureq::Agent;

use crate::support::{
    arrivals::Arrived,
    certificates::Authority,
    clock::eventually,
    command_line::CommandLine,
    process::{Outcome, free_port},
    rsyslog::{Rsyslog, Way},
    server::{Member, Server},
};

#[test]
fn a_receiver_is_tested_when_it_is_asked_for_and_gets_events_when_it_is_approved() {
    let authority = Authority::new("The site's own authority");
    let rsyslog = Rsyslog::start_with(&[("siem", Way::RelpTls)], &authority);
    let mut ann = Member::new("ann", "vjkw tmzb ghxq", "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP");
    let mut bob = Member::new("bob", "plum quartz violin 7", "KRSXG5CTMVRXEZLUKRSXG5CTMVRXEZLU");
    let mut server = Server::set_up(&[&ann, &bob]);
    server.start();
    let terminal = CommandLine::of(&server);
    terminal.log_on(&server, &mut ann);
    let api = Api {
        agent: Agent::config_builder().http_status_as_error(false).build().new_agent(),
        origin: server.origin(),
        authorization: format!("Bearer {}", terminal.token()),
    };

    // What cannot be reached is asked for all the same, and says why it cannot.
    let nowhere = format!("{}:{}", Ipv4Addr::LOCALHOST, free_port());
    let (status, asked) = api.post(
        "receivers",
        &json!({"name": "nowhere", "transport": "tcp-octets", "address": nowhere}),
    );
    assert_eq!((status, &asked["test"]["outcome"]), (202, &json!("failed")), "{asked}");
    assert!(asked["test"]["detail"].as_str().unwrap().contains(&nowhere), "{asked}");

    let siem = json!({
        "name": "siem",
        "transport": "relp-tls",
        "address": rsyslog.address("siem"),
        "options": {"tls": {"ca": authority.certificate()}},
    });
    let (status, asked) = api.post("receivers", &siem);
    assert_eq!((status, &asked["test"]["outcome"]), (202, &json!("arrived")), "{asked}");
    expect_test_message(&rsyslog.wait_for("siem", 1));
    assert_eq!(api.get("receivers")["receivers"], json!([]), "nobody approved it yet");

    let page = bob.open(&server, &format!("/requests/{}", asked["request"]));
    let decided = bob.decide(&server, &page, "approve").expect("an answer");
    assert!(decided.html.contains("id=\"decided\""), "{}", decided.text());
    let receiver = eventually("the receiver to be there", || {
        api.get("receivers")["receivers"][0]["id"].as_i64()
    });
    let (status, tested) = api.post(&format!("receivers/{receiver}/test"), &json!({}));
    assert_eq!((status, &tested["outcome"]), (200, &json!("arrived")), "{tested}");

    // Something happens, and is told in full: everything since the receiver is there.
    let refused = api
        .agent
        .get(format!("{}/oauth2/authorize?client_id=nobody", api.origin));
    refused.call().unwrap();
    let recorded = Outcome::of(&mut server.command(&["events", "tail", "--since", "0"])).expect("events tail");
    let recorded: Vec<_> = recorded.stdout.lines().collect();
    let arrived = eventually("the last event to arrive", || {
        let arrived = rsyslog.arrived("siem");
        let last = recorded.last()?;
        arrived.iter().any(|arrived| arrived.raw == *last).then_some(arrived)
    });
    let (tests, events): (Vec<_>, Vec<_>) = arrived.into_iter().partition(|arrived| arrived.message == TEST_TEXT);
    assert_eq!(tests.len(), 2);
    expect_test_message(&tests);
    let events: Vec<_> = events.iter().map(|event| event.raw.as_str()).collect();
    assert!(events[0].contains(" instanceId=31000 "), "{events:#?}");
    assert!(events[events.len() - 1].contains(" instanceId=44002 "), "{events:#?}");
    assert!(recorded.ends_with(&events), "{recorded:#?} {events:#?}");
    server.stop();
}

/// A message that no rule takes for an event.
#[track_caller]
fn expect_test_message(arrived: &[Arrived]) {
    for message in arrived {
        assert_eq!(message.message, TEST_TEXT);
        assert_eq!(message.structured_data, r#"[origin enterpriseId="31023"]"#);
        assert_eq!((message.pri.as_str(), message.app_name.as_str()), ("14", "Veeam_MP"));
        assert!(!message.raw.contains("instanceId"), "{}", message.raw);
    }
}

/// The API as someone who is logged on.
struct Api {
    agent: Agent,
    origin: String,
    authorization: String,
}

impl Api {
    fn get(&self, path: &str) -> Value {
        let asked = self.agent.get(format!("{}/api/v1/{path}", self.origin));
        let mut answer = asked.header("authorization", &self.authorization).call().unwrap();
        assert_eq!(answer.status().as_u16(), 200, "{path}");
        answer.body_mut().read_json().expect("JSON")
    }

    fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        let asked = self.agent.post(format!("{}/api/v1/{path}", self.origin));
        let mut answer = asked
            .header("authorization", &self.authorization)
            .send_json(body)
            .unwrap();
        (answer.status().as_u16(), answer.body_mut().read_json().expect("JSON"))
    }
}
