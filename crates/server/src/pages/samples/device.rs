use super::*;

pub fn device_pages() -> Vec<(String, String)> {
    let ask = |client: &str| DeviceAsk {
        code: "BCDF-GHJK".into(),
        client: client.into(),
        client_id: "cli".into(),
        resource: "gateway-api".into(),
        server: "https://backup.example".into(),
        address: "192.0.2.7".into(),
        asked: ago(40),
    };
    let steps = [
        (
            "device",
            DeviceStep::Code {
                typed: String::new(),
                problem: None,
            },
        ),
        ("device-wrong", DeviceStep::problem("No such code waits.")),
        (
            "hostile-device-code",
            DeviceStep::Code {
                typed: HOSTILE.into(),
                problem: Some(HOSTILE.into()),
            },
        ),
        ("device-confirm", DeviceStep::Confirm(ask("Countersign's command line"))),
        ("hostile-device-confirm", DeviceStep::Confirm(ask(HOSTILE))),
        (
            "device-again",
            DeviceStep::LogOnAgain {
                href: "/auth/login?to=/device%3Fuser_code%3DBCDF-GHJK".into(),
            },
        ),
        ("device-confirmed", DeviceStep::Confirmed),
        ("device-refused", DeviceStep::Refused),
    ];
    steps
        .into_iter()
        .map(|(name, step)| {
            let page = DevicePage {
                chrome: Chrome {
                    section: None,
                    ..chrome(Section::Pending)
                },
                step,
            };
            rendered(name, &page)
        })
        .collect()
}
